# SPDX-License-Identifier: Apache-2.0
"""The Spark engine: the same plans, the same answers; tasks and their errors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semcube.engines import Cancellation, TaskEngine
from semcube.engines.relational import Column, Inline, Limit, Relational, Scan, Sort, SortKey, columns
from semcube.engines.spark import SparkEngine, open_session, sedona_jars
from semcube.errors import QueryCancelledError, RowError, UnsupportedError, UsageError
from tests.engines.test_sql import CASES, both


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkEngine]:
    folder = tmp_path_factory.mktemp("spark")
    pq.write_table(
        pa.table({"s": pa.array([1, 2], pa.int64()), 'p"q': pa.array([5, 6], pa.int64())}), folder / "t.parquet"
    )
    with SparkEngine.open("local[2]", sedona=True) as engine:
        engine.table("`a b`", str(folder / "t.parquet"))
        yield engine


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
