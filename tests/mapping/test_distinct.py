# SPDX-License-Identifier: Apache-2.0
"""Each quad once, in bounded memory."""

from __future__ import annotations

from pathlib import Path

from semcube.mapping import transform

from .tables import PREFIXES

RULES = """<#m> rml:logicalSource [ rml:source "a.csv" ; rml:referenceFormulation rml:CSV ] ;
  rml:subjectMap [ rml:template "http://a/{k}" ; rml:class ex:C ] ;
  rml:predicateObjectMap [ rml:predicate ex:p ; rml:objectMap [ rml:reference "v" ] ] ,
    [ rml:predicate ex:q ; rml:objectMap [ rml:reference "v" ; rml:logicalTarget [
      rml:target [ a rml:FilePath ; rml:root rml:MappingDirectory ; rml:path "other.nq" ] ] ] ] ."""


def test_repeated_quads_are_left_out_of_the_output_and_of_targets(tmp_path: Path) -> None:
    rows = "".join(f"{number % 100},v{number % 200}\n" for number in range(20_000))
    (tmp_path / "a.csv").write_text("k,v\n" + rows + "0,emoji \U0001f600\n", encoding="utf-8")
    (tmp_path / "m.ttl").write_text(PREFIXES + RULES)
    plain = transform((), tmp_path / "plain.nt", tmp_path / "m.ttl")
    assert plain.triples == 3 * 20_001
    others = set((tmp_path / "other.nq").read_text(encoding="utf-8").splitlines())
    report = transform((), tmp_path / "once.nt", tmp_path / "m.ttl", distinct=True)
    once = (tmp_path / "once.nt").read_text(encoding="utf-8").splitlines()
    assert set(once) == set((tmp_path / "plain.nt").read_text(encoding="utf-8").splitlines())
    assert len(once) == len(set(once)) == 100 + 201
    assert sorted((tmp_path / "other.nq").read_text(encoding="utf-8").splitlines()) == sorted(others)
    assert report.layers[0].notes == [f"{3 * 20_001 - 301 - 201} repeated quads left out"]
