# SPDX-License-Identifier: Apache-2.0
"""The Spark engine: the same plans, the same answers; tasks and their errors."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from semcube.cli.transform import app
from semcube.engines import Cancellation, TaskEngine
from semcube.engines.relational import Column, Inline, Limit, Relational, Scan, Sort, SortKey, columns
from semcube.engines.spark import SparkEngine, open_session, sedona_jars
from semcube.errors import QueryCancelledError, RowError, UnsupportedError, UsageError
from tests.engines.test_sql import CASES, both


def rows(engine: SparkEngine, plan: Relational) -> list[tuple[object, ...]]:
    table = engine.run(plan, Cancellation()).read_all()
    assert tuple(table.column_names) == (columns(plan) or ("_",))
    return [tuple(row.values()) for row in table.to_pylist()]


@pytest.mark.parametrize(
    ("plan", "expected"), CASES, ids=[f"{n} {type(plan).__name__}" for n, (plan, _) in enumerate(CASES)]
)
def test_plans_have_the_answers_of_the_embedded_engine(
    spark: SparkEngine, plan: Relational, expected: list[tuple[object, ...]]
) -> None:
    assert both(rows(spark, plan)) == both(expected)


def test_large_inline_tables_and_order(spark: SparkEngine) -> None:
    table = pa.table({"x": pa.array(range(200_000), pa.int64())})
    found = spark.run(Limit(Sort(Inline(table), (SortKey(Column("x"), descending=True),)), 0, 150_000), Cancellation())
    assert found.read_all()["x"].to_pylist() == list(range(199_999, 49_999, -1))


def test_sedona_is_there(spark: SparkEngine) -> None:
    row = spark.spark.sql("SELECT ST_AsText(ST_Transform(ST_Point(9.0, 0.0), 'EPSG:4326', 'EPSG:32632')) AS t").first()
    assert row is not None
    x, y = (float(each) for each in row.t.removeprefix("POINT (").rstrip(")").split())
    assert (round(x), round(y)) == (500_000, 0)
    assert [path.suffix for path in sedona_jars()] == [".jar", ".jar"]


def test_a_cancelled_run_stops(spark: SparkEngine) -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(QueryCancelledError):
        spark.run(Scan("a b", (("s", "s"),)), cancellation)


def squaring() -> Callable[[int], tuple[int, int]]:
    """A function that travels to the workers whole, because they cannot import this module."""

    def square(number: int) -> tuple[int, int]:
        if number == 13:
            raise RowError("thirteen", source="numbers.csv", row=13, column="n", expected="luck")
        return number * number, os.getpid()

    return square


def test_tasks_run_in_other_processes(spark: SparkEngine) -> None:
    assert isinstance(spark, TaskEngine)
    assert spark.slots == 2
    found = spark.map_tasks(squaring(), [1, 2, 3])
    assert [result for result, _ in found] == [1, 4, 9]
    assert os.getpid() not in {process for _, process in found}
    assert spark.map_tasks(squaring(), []) == []


def test_errors_of_tasks_come_back_as_they_are(spark: SparkEngine) -> None:
    with pytest.raises(RowError) as caught:
        spark.map_tasks(squaring(), [1, 13])
    assert str(caught.value) == "numbers.csv, row 13, column n: thirteen; expected luck"
    assert (caught.value.row, caught.value.column, caught.value.found) == (13, "n", "thirteen")


def test_one_session_per_process(spark: SparkEngine) -> None:
    assert open_session("local[2]", sedona=True) is spark.spark
    with SparkEngine.open() as same:
        assert same.spark is spark.spark
    assert spark.map_tasks(squaring(), [2])[0][0] == 4, "leaving an engine that did not make the session keeps it"
    with pytest.raises(
        UnsupportedError, match=r"a Spark session on local\[2\] is running; expected none, or one on local\[3\]"
    ):
        open_session("local[3]")
    with pytest.raises(UsageError, match=r"the Spark master 'localhost:7077'; expected local\[2\], spark://host:7077"):
        open_session("localhost:7077")


def test_explain_is_the_sql(spark: SparkEngine) -> None:
    assert spark.explain(Scan("a b", (("v", "s"),))) == "SELECT `s` AS `v` FROM `a b`"
    assert spark.supports(Scan)


def sorted_lines(path: Path) -> list[bytes]:
    files = sorted(path.glob("part-*")) if path.is_dir() else [path]
    return sorted(line for file in files for line in file.open("rb"))


@pytest.mark.shared
@pytest.mark.parametrize(
    "name",
    ["natural_earth/ne_10m_airports.shp", "fire/wildfires_GT_2019_2020_32629.gpkg"],
    ids=["shapefile", "geopackage"],
)
def test_transform_gives_the_lines_of_the_embedded_engine(
    spark: SparkEngine, shared: Path, tmp_path: Path, name: str
) -> None:
    source = str(shared / "data" / name)
    done = {}
    for engine, options in {"embedded": [], "spark": ["--engine", "spark", "--master", "local[2]"]}.items():
        arguments = [source, "-o", str(tmp_path / f"{engine}.nt"), "--report", str(tmp_path / "report.json"), *options]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        done[engine] = json.loads((tmp_path / "report.json").read_text())
    assert len(list((tmp_path / "spark.nt").glob("part-*"))) == 5, "four parts of the layer, and its description"
    assert sorted_lines(tmp_path / "spark.nt") == sorted_lines(tmp_path / "embedded.nt")
    assert done["spark"]["triples"] == done["embedded"]["triples"] > 10_000
    assert done["spark"]["layers"] == done["embedded"]["layers"]


def test_a_bad_row_stops_the_run_and_leaves_nothing(spark: SparkEngine, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,n\n1,x\n")
    (tmp_path / "m.ttl").write_text(
        """@prefix rml: <http://w3id.org/rml/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
        <#m> rml:logicalSource [ rml:source "a.csv" ; rml:referenceFormulation rml:CSV ] ;
          rml:subjectMap [ rml:template "http://a/{id}" ] ;
          rml:predicateObjectMap [ rml:predicate <http://a/n> ;
            rml:objectMap [ rml:reference "n" ; rml:datatype xsd:integer ] ] ."""
    )
    arguments = ["-m", str(tmp_path / "m.ttl"), "-o", str(tmp_path / "out.nt"), "--engine", "spark"]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, RowError)
    assert (result.exception.row, result.exception.column) == (0, "n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "m.ttl"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--engine", "flink"], "there is no engine 'flink'; expected one of embedded"),
        (["--engine", "spark"], "standard output with --engine spark; expected a folder"),
        (["--master", "local[2]"], "--master or --partitions on the embedded engine; expected --engine spark"),
    ],
)
def test_options_that_do_not_fit(tmp_path: Path, options: list[str], message: str) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n")
    result = CliRunner().invoke(app, [str(tmp_path / "a.csv"), *options])
    assert str(result.exception).startswith(message)


def test_without_pyspark_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(UnsupportedError, match=r"pyspark is missing .*pip install 'semcube\[spark\]'"):
        SparkEngine.open("local[2]")
