# SPDX-License-Identifier: Apache-2.0
"""Several processes write the file that one writes, byte by byte, and count the same."""

from __future__ import annotations

import gzip
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from semcube.errors import MappingError, RowError, SemcubeError, UnsupportedError, UsageError
from semcube.io.formats import output_format_of
from semcube.io.ordered import ring
from semcube.mapping import TransformOptions, TransformReport, transform, transform_in_processes
from semcube.mapping.materialise import bound_mapping
from semcube.mapping.processes import Share, _together
from tests.mapping.test_partitions import NAMES, TOWNS, counts, frame, geopackage, shapefile, text

RULES = (
    TOWNS.replace("towns.shp", "towns.parquet")
    + """
<#set> rml:logicalSource [ rml:source "towns.parquet" ] ;
  rml:subjectMap [ rml:constant <http://a/set> ; rml:class ex:Set ] ;
  rml:predicateObjectMap [ rml:predicate ex:value ; rml:objectMap [ rml:reference "v" ] ] .
<#names> rml:logicalSource [ rml:source "names.csv" ; rml:referenceFormulation rml:CSV ] ;
  rml:subjectMap [ rml:template "http://a/name/{label}" ] ;
  rml:predicateObjectMap [ rml:predicate ex:label ; rml:objectMap [ rml:reference "label" ] ] .
<#towns> rml:predicateObjectMap [ rml:predicate ex:named ; rml:objectMap [ rml:parentTriplesMap <#names> ;
  rml:joinCondition [ rml:child "name" ; rml:parent "name" ] ] ] .
<#words> rml:logicalSource [ rml:source "towns.parquet" ] ;
  rml:subjectMap [ rml:template "http://a/{v}" ] ;
  rml:predicateObjectMap [ rml:predicate ex:day ;
    rml:objectMap [ rml:reference "name" ; rml:datatype <http://www.w3.org/2001/XMLSchema#date> ] ] .
"""
)


def parquet(folder: Path) -> Path:
    frame(200).to_parquet(folder / "towns.parquet", row_group_size=7)
    (folder / "names.csv").write_text("name,label\nNA,north\nNone,nothing\n")
    (folder / "map.ttl").write_text(RULES, encoding="utf-8")
    return folder / "towns.parquet"


def in_threads(processes: int, mapping: Path | None, source: Path, target: Path, **options: Any) -> TransformReport:
    """What the processes do, without their start."""
    chosen = TransformOptions(**options)
    bound, reasons = bound_mapping([] if mapping else source, mapping, chosen)
    target.touch()
    share = pickle.loads(pickle.dumps(Share(bound, chosen, target, output_format_of("nq"), None, processes)))
    ends = ring(processes)
    with ThreadPoolExecutor(processes) as pool:
        outcomes = list(pool.map(share.write, range(processes), ends))
    return TransformReport(_together(bound, outcomes, reasons))


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMCUBE_BATCH_BYTES", "3000")


@pytest.mark.parametrize("processes", [2, 3])
@pytest.mark.usefixtures("small_batches")
def test_the_same_bytes_and_counts(tmp_path: Path, processes: int) -> None:
    source = parquet(tmp_path)
    how = {"on_error": "skip"}
    whole = transform((), tmp_path / "whole.nq", tmp_path / "map.ttl", **how)
    report = in_threads(processes, tmp_path / "map.ttl", source, tmp_path / "parts.nq", **how)
    assert (tmp_path / "parts.nq").read_bytes() == (tmp_path / "whole.nq").read_bytes()
    assert [each.as_dict() for each in report.layers] == [each.as_dict() for each in whole.layers]
    assert sum(each.values_skipped for each in report.layers) == 175, "names that are no dates"
    assert (tmp_path / "whole.nq").read_bytes().count(b"<http://example.org/Set>") == 1


@pytest.mark.parametrize("make", [shapefile, geopackage, text])
@pytest.mark.usefixtures("small_batches")
def test_other_formats(tmp_path: Path, make: Any) -> None:
    source = make(tmp_path)
    whole = transform(source, tmp_path / "whole.nq")
    report = in_threads(3, None, source, tmp_path / "parts.nq")
    assert (tmp_path / "parts.nq").read_bytes() == (tmp_path / "whole.nq").read_bytes()
    assert counts(report) == counts(whole)


@pytest.mark.usefixtures("small_batches")
def test_the_first_error_is_told(tmp_path: Path) -> None:
    source = parquet(tmp_path)
    with pytest.raises(RowError) as one:
        transform((), tmp_path / "whole.nq", tmp_path / "map.ttl")
    with pytest.raises(RowError) as several:
        in_threads(3, tmp_path / "map.ttl", source, tmp_path / "parts.nq")
    assert str(several.value) == str(one.value)
    late = frame(200)
    late["name"] = ["2020-01-01" if n not in (40, 90, 91) else NAMES[3] for n in range(200)]
    late.to_parquet(source)
    with pytest.raises(RowError, match="row 40"):
        in_threads(3, tmp_path / "map.ttl", source, tmp_path / "late.nq")


def test_processes(tmp_path: Path) -> None:
    source = parquet(tmp_path)
    whole = transform(source, tmp_path / "whole.nt")
    report = transform_in_processes(source, tmp_path / "parts.nt.gz", jobs=2)
    assert gzip.decompress((tmp_path / "parts.nt.gz").read_bytes()) == (tmp_path / "whole.nt").read_bytes()
    assert counts(report) == counts(whole)
    with pytest.raises(RowError, match=r"towns\.parquet.*name"):
        transform_in_processes((), tmp_path / "bad.nt", tmp_path / "map.ttl", jobs=2)
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "map.ttl", "names.csv", "parts.nt.gz", "towns.parquet", "whole.nt",
    ]  # fmt: skip


def test_errors_before_a_row_is_read(tmp_path: Path) -> None:
    source = parquet(tmp_path)
    (tmp_path / "map.ttl").write_text(RULES.replace('"label"', '"lable"'), encoding="utf-8")
    with pytest.raises(MappingError, match="did you mean 'label'"):
        transform_in_processes((), tmp_path / "bad.nt", tmp_path / "map.ttl", jobs=2)
    target = 'rml:logicalTarget [ rml:target [ a rml:FilePath ; rml:path "other.nt" ] ] ; rml:template "http://a/{id}"'
    (tmp_path / "map.ttl").write_text(RULES.replace('rml:template "http://a/{id}"', target), encoding="utf-8")
    with pytest.raises(UnsupportedError, match="logical targets"):
        transform_in_processes((), tmp_path / "bad.nt", tmp_path / "map.ttl", jobs=2)
    with pytest.raises(UnsupportedError, match="distinct"):
        transform_in_processes(source, tmp_path / "bad.nt", jobs=2, options=TransformOptions(distinct=True))
    assert not (tmp_path / "bad.nt").exists()


@pytest.mark.parametrize(("output", "jobs", "message"), [("a.ttl", 2, "Turtle"), ("-", 2, "output"), ("a.nt", 0, "0")])
def test_what_several_processes_cannot_write(tmp_path: Path, output: str, jobs: int, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        transform_in_processes(text(tmp_path), output if output == "-" else tmp_path / output, jobs=jobs)
    assert [each.name for each in tmp_path.iterdir()] == ["towns.csv"]


def test_one_process_is_the_plain_way(tmp_path: Path) -> None:
    source = text(tmp_path)
    transform(source, tmp_path / "whole.nt")
    report = transform_in_processes(source, tmp_path / "one.nt", jobs=1)
    assert (tmp_path / "one.nt").read_bytes() == (tmp_path / "whole.nt").read_bytes()
    assert report.features_in == 60


def test_shares_travel() -> None:
    bound = bound_mapping([], _nothing(), TransformOptions())[0]
    share = Share(bound, TransformOptions(), Path("a"), output_format_of("nt"), "gzip", 2)
    assert pickle.loads(pickle.dumps(share)) == share
    assert replace(share, processes=3) != share


def _nothing() -> Any:
    from semcube.mapping import Mapping

    return Mapping(())


def test_a_process_that_is_killed_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from semcube.mapping import processes

    source, started = parquet(tmp_path), processes._Other.start
    monkeypatch.setattr(processes._Other, "start", lambda self, share: (started(self, share), self._process.kill()))
    with pytest.raises(SemcubeError, match=r"ended without a word \(exit code -9\)"):
        transform_in_processes(source, tmp_path / "bad.nt", jobs=2)
    assert not (tmp_path / "bad.nt").exists()
