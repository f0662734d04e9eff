# SPDX-License-Identifier: Apache-2.0
"""Runs in partitions: the lines of all the files are the lines of the one file, and the counts are the same."""

from __future__ import annotations

import gzip
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely

from semcube.errors import MappingError, OutputError, RowError, UnsupportedError, UsageError
from semcube.mapping import (
    TransformOptions,
    TransformReport,
    transform,
    transform_in_partitions,
)
from tests.mapping.tables import PREFIXES

ROWS = 60
NAMES = ["NA", "None", "", 'say "hi"', "back\\slash", "two\nlines", "😀 Öl", None]


class InProcess:
    """Runs tasks one after the other as workers would: what goes in and out is pickled."""

    name = "in process"
    slots = 2

    def __init__(self) -> None:
        self.tasks = 0

    def map_tasks(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> list[Any]:
        self.tasks = len(tasks)
        travelled = pickle.loads(pickle.dumps((function, list(tasks))))
        return [pickle.loads(pickle.dumps(travelled[0](task))) for task in travelled[1]]


def frame(rows: int = ROWS) -> geopandas.GeoDataFrame:
    points = [shapely.Point(n / 7, n / 9) if n % 11 else None for n in range(rows)]
    table = {"id": range(rows), "name": [NAMES[n % len(NAMES)] for n in range(rows)], "v": [n / 3 for n in range(rows)]}
    return geopandas.GeoDataFrame(table, geometry=points, crs=4326)


def shapefile(folder: Path) -> Path:
    frame().to_file(folder / "towns.shp")
    return folder / "towns.shp"


def geopackage(folder: Path) -> Path:
    frame().to_file(folder / "towns.gpkg", layer="towns")
    return folder / "towns.gpkg"


def parquet(folder: Path) -> Path:
    frame().to_parquet(folder / "towns.parquet", row_group_size=5)
    return folder / "towns.parquet"


def text(folder: Path) -> Path:
    frame().drop(columns="geometry").to_csv(folder / "towns.csv", index=False)
    return folder / "towns.csv"


def lines(path: Path) -> list[bytes]:
    files = sorted(path.glob("part-*")) if path.is_dir() else [path]
    return sorted(line for file in files for line in (gzip.open if file.suffix == ".gz" else open)(file, "rb"))


def counts(report: TransformReport) -> list[dict[str, Any]]:
    return [{**layer.as_dict(), "skipped": len(layer.skipped)} for layer in report.layers]


FORMATS = {shapefile: 4, geopackage: 4, parquet: 4, text: 1}


@pytest.mark.parametrize(("make", "tasks"), FORMATS.items(), ids=lambda each: getattr(each, "__name__", ""))
@pytest.mark.parametrize(
    "how", [{}, {"where": "id > 20 AND id < 50"}, {"bbox": (1.0, 1.0, 6.0, 6.0), "crs": "EPSG:3857"}], ids=str
)
def test_the_parts_are_the_whole(tmp_path: Path, make: Callable[[Path], Path], tasks: int, how: dict[str, Any]) -> None:
    if make is text and how:
        how = {"base": "http://example.com/"}
    source, engine = make(tmp_path), InProcess()
    how = {"describe": False} | how
    whole = transform(source, tmp_path / "whole.nt", **how)
    report = transform_in_partitions(source, tmp_path / "parts.nt", options=TransformOptions(**how), engine=engine)
    assert engine.tasks == tasks
    assert lines(tmp_path / "parts.nt") == lines(tmp_path / "whole.nt")
    assert counts(report) == counts(whole)
    assert report.features_in == report.features_out + report.features_skipped
    assert [path.name for path in sorted((tmp_path / "parts.nt").iterdir())] == [
        "_SUCCESS",
        *(f"part-{n:05d}.nt" for n in range(tasks)),
    ]


def test_several_files_and_compression(tmp_path: Path) -> None:
    sources, engine = [shapefile(tmp_path), text(tmp_path)], InProcess()
    transform(sources, tmp_path / "whole.nq")
    report = transform_in_partitions(sources, tmp_path / "parts.nq.gz", engine=engine, partitions=6)
    assert engine.tasks == 6, "two parts of the shapefile, one of the text, one to describe each of them"
    assert (tmp_path / "parts.nq.gz" / "part-00003.nq.gz").read_bytes()[:2] == b"\x1f\x8b"
    assert lines(tmp_path / "parts.nq.gz") == lines(tmp_path / "whole.nq")
    assert [layer.features_in for layer in report.layers if not layer.describes] == [ROWS, ROWS]


TOWNS = (
    PREFIXES
    + """
<#towns> rml:logicalSource [ rml:source "towns.shp" ] ;
  rml:subjectMap [ rml:template "http://a/{id}" ] ;
  rml:predicateObjectMap [ rml:predicate ex:name ; rml:objectMap [ rml:reference "name" ] ] .
"""
)
SET = """
<#set> rml:logicalSource [ rml:source "towns.shp" ] ;
  rml:subjectMap [ rml:constant <http://a/set> ; rml:class ex:Set ] ;
  rml:predicateObjectMap [ rml:predicate ex:size ; rml:object "all" ] .
"""


def test_a_quad_that_all_rows_give_is_written_once(tmp_path: Path) -> None:
    source, engine = shapefile(tmp_path), InProcess()
    (tmp_path / "map.ttl").write_text(TOWNS + SET, encoding="utf-8")
    whole = transform(source, tmp_path / "whole.nt", tmp_path / "map.ttl")
    report = transform_in_partitions(source, tmp_path / "parts.nt", tmp_path / "map.ttl", engine=engine)
    assert engine.tasks == 1
    assert lines(tmp_path / "parts.nt") == lines(tmp_path / "whole.nt")
    assert sum(b"<http://a/set>" in line for line in lines(tmp_path / "parts.nt")) == 2
    assert report.triples == whole.triples


def test_a_source_with_joins_stays_whole(tmp_path: Path) -> None:
    source, engine = shapefile(tmp_path), InProcess()
    (tmp_path / "names.csv").write_text("name,label\nNA,north\nNone,nothing\n")
    rules = (
        TOWNS
        + """
    <#names> rml:logicalSource [ rml:source "names.csv" ; rml:referenceFormulation rml:CSV ] ;
      rml:subjectMap [ rml:template "http://a/name/{label}" ] ;
      rml:predicateObjectMap [ rml:predicate ex:label ; rml:objectMap [ rml:reference "label" ] ] .
    <#towns> rml:predicateObjectMap [ rml:predicate ex:named ; rml:objectMap [ rml:parentTriplesMap <#names> ;
      rml:joinCondition [ rml:child "name" ; rml:parent "name" ] ] ] .
    """
    )
    (tmp_path / "map.ttl").write_text(rules, encoding="utf-8")
    transform([source, tmp_path / "names.csv"], tmp_path / "whole.nt", tmp_path / "map.ttl")
    transform_in_partitions(
        [source, tmp_path / "names.csv"], tmp_path / "parts.nt", tmp_path / "map.ttl", engine=engine, partitions=8
    )
    assert engine.tasks == 2
    assert lines(tmp_path / "parts.nt") == lines(tmp_path / "whole.nt")
    assert sum(b"/named>" in line for line in lines(tmp_path / "parts.nt")) == 16


def test_logical_targets_are_refused(tmp_path: Path) -> None:
    source = shapefile(tmp_path)
    target = 'rml:logicalTarget [ rml:target [ a rml:FilePath ; rml:path "other.nt" ] ] ; rml:template "http://a/{id}"'
    (tmp_path / "map.ttl").write_text(TOWNS.replace('rml:template "http://a/{id}"', target), encoding="utf-8")
    with pytest.raises(UnsupportedError, match="the mapping has logical targets"):
        transform_in_partitions(source, tmp_path / "parts.nt", tmp_path / "map.ttl", engine=InProcess())


def test_blank_nodes_are_told_of(tmp_path: Path) -> None:
    source = shapefile(tmp_path)
    rule = TOWNS.replace('rml:template "http://a/{id}"', 'rml:template "t{id}"; rml:termType rml:BlankNode')
    (tmp_path / "map.ttl").write_text(rule, encoding="utf-8")
    transform(source, tmp_path / "whole.nt", tmp_path / "map.ttl")
    report = transform_in_partitions(source, tmp_path / "parts.nt", tmp_path / "map.ttl", engine=InProcess())
    assert lines(tmp_path / "parts.nt") == lines(tmp_path / "whole.nt")
    assert "a blank node may be in several of the files: read them as one document" in report.layers[0].notes


def test_errors_leave_no_output(tmp_path: Path) -> None:
    source = shapefile(tmp_path)
    rule = TOWNS.replace('rml:reference "name"', 'rml:reference "name"; rml:datatype xsd:integer')
    (tmp_path / "map.ttl").write_text(rule, encoding="utf-8")
    with pytest.raises(RowError, match=r"towns\.shp, layer towns, row 0, column name"):
        transform_in_partitions(source, tmp_path / "parts.nt", tmp_path / "map.ttl", engine=InProcess())
    (tmp_path / "map.ttl").write_text(rule.replace('"name"', '"nmae"'), encoding="utf-8")
    engine = InProcess()
    with pytest.raises(MappingError, match="did you mean 'name'"):
        transform_in_partitions(source, tmp_path / "parts.nt", tmp_path / "map.ttl", engine=engine)
    assert engine.tasks == 0, "a wrong mapping is known before a task starts"
    assert not [path.name for path in tmp_path.iterdir() if "parts" in path.name]


def test_only_folders_of_such_runs_are_replaced(tmp_path: Path) -> None:
    source, engine = text(tmp_path), InProcess()
    for _ in range(2):
        transform_in_partitions(source, tmp_path / "parts.nt", engine=engine)
    (tmp_path / "mine.nt").mkdir()
    (tmp_path / "mine.nt" / "diary.txt").write_text("dear")
    with pytest.raises(OutputError, match="there is a folder with other things in it"):
        transform_in_partitions(source, tmp_path / "mine.nt", engine=engine)
    with pytest.raises(OutputError, match="there is a file"):
        transform_in_partitions(source, source, engine=engine, format="nt")
    with pytest.raises(UsageError, match="partitions on standard output"):
        transform_in_partitions(source, "-", engine=engine)
    assert (tmp_path / "mine.nt" / "diary.txt").read_text() == "dear"
    assert not list(tmp_path.glob(".*"))
