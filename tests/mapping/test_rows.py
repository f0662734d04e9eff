# SPDX-License-Identifier: Apache-2.0
"""Sources that are no features: text, records; and which file a source means."""

from __future__ import annotations

from pathlib import Path

import pytest

from semcube.errors import MappingError, SourceError, UnsupportedError
from semcube.mapping import TransformReport, quads, read_mapping
from semcube.mapping.documents import JSONRows
from semcube.mapping.rows import CSVRows, Selection
from semcube.mapping.sources import bind

from .tables import PREFIXES

HOSTILE = 'id,text\n1,"a ""b"" \\ c"\n2,NA\n3,None\n4,""\n5,\n6,"two\nlines"\n0056,😀\n'
RULES = """rml:subjectMap [ rml:template "http://a/{id}" ] ;
    rml:predicateObjectMap [ rml:predicate ex:p ; rml:objectMap [ rml:reference "text" ] ] ."""


def test_csv_as_rml_reads_it_keeps_every_text_exactly(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HOSTILE, encoding="utf-8")
    document = tmp_path / "m.ttl"
    source = 'rml:logicalSource [ rml:source "a.csv" ; rml:referenceFormulation rml:CSV ]'
    document.write_text(f"{PREFIXES} <#m> {source} ; {RULES}", encoding="utf-8")
    report = TransformReport()
    made = [row for batch in quads((), document, report=report) for row in batch.to_pylist()]
    assert [(row["s"][10:-1], row["o"][1:-1]) for row in made] == [
        ("1", 'a "b" \\ c'), ("2", "NA"), ("3", "None"), ("4", ""), ("6", "two\nlines"), ("0056", "😀"),
    ]  # fmt: skip
    assert (report.features_in, report.features_out, report.features_skipped) == (7, 6, 1)
    assert report.layers[0].skipped[0].row == 4


def test_csv_rows_are_numbered_over_batches_and_filtered(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("n\tx\n" + "".join(f"{i}\tv{i}\n" for i in range(5000)), encoding="utf-8")
    batches = list(CSVRows(path).batches(["x"], Selection(), 64 * 100))
    assert [fid for batch in batches for fid in batch.column("fid").to_pylist()] == list(range(5000))
    assert batches[-1].column("x")[-1].as_py() == "v4999"
    chosen = list(CSVRows(path).batches(["n"], Selection(where="x = 'v7'"), 1 << 20))
    assert [row for batch in chosen for row in batch.column("n").to_pylist()] == ["7"]


def test_records_of_json(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": {"b": [{"x": 1, "y": "s"}, {"x": null, "z": [1]}, {"x": 2.5, "y": 3}]}}', encoding="utf-8")
    rows = JSONRows(path, "$.a.b[*]")
    made = [row for batch in rows.batches(["x", "y"], Selection(), 1 << 20) for row in batch.to_pylist()]
    assert [(row["x"], row["y"]) for row in made] == [(1.0, "s"), (None, None), (2.5, "3")]
    with pytest.raises(SourceError, match="member z holds arrays"):
        rows.batches(["z"], Selection(), 1 << 20)
    with pytest.raises(UnsupportedError, match="JSON path"):
        JSONRows(path, "$..x")
    with pytest.raises(SourceError, match=r"no records at \$.absent"):
        JSONRows(path, "$.absent[*]")
    with pytest.raises(SourceError, match="no such file"):
        JSONRows(tmp_path / "absent.json", None)


def test_given_files_take_the_place_of_sources(tmp_path: Path) -> None:
    subject = 'rml:subjectMap [ rml:template "http://a/{id}" ]'
    text = PREFIXES + "".join(
        f'<#{name}> rml:logicalSource [ rml:source "{name}.gpkg" ] ; {subject} .' for name in ("roads", "lakes")
    )
    mapping = read_mapping(tmp_path / "m.ttl", text)
    assert [item.source.source for item in bind(mapping, []).triples_maps] == [
        str(tmp_path / "roads.gpkg"),
        str(tmp_path / "lakes.gpkg"),
    ]
    assert [item.source.source for item in bind(mapping, ["/other/lakes.gpkg"]).triples_maps] == ["/other/lakes.gpkg"]
    with pytest.raises(MappingError, match=r"no triples map reads rivers\.gpkg; expected .*: lakes\.gpkg, roads"):
        bind(mapping, ["rivers.gpkg"])
    unnamed = read_mapping(tmp_path / "m.ttl", PREFIXES + f'<#m> rr:logicalTable [ rr:tableName "t" ] ; {RULES}')
    assert [item.source.source for item in bind(unnamed, ["x.gpkg", "y.gpkg"]).triples_maps] == ["x.gpkg", "y.gpkg"]
    with pytest.raises(MappingError, match="the source names no file"):
        bind(unnamed, [])
