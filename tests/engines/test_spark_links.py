# SPDX-License-Identifier: Apache-2.0
"""Linking on Spark: the exchange, and the links of one process (see also tests/interlink/test_partitions.py)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from typer.testing import CliRunner

from semcube.cli.interlink import app
from semcube.engines.exchange import ExchangeEngine, LocalExchange
from semcube.engines.spark import SparkEngine
from semcube.errors import GeometryError, RowError
from semcube.interlink import InterlinkOptions, interlink, interlink_in_partitions, stream_in_partitions

NAMES = {"source_iri": "http://e/s/{id}", "target_iri": "http://e/t/{id}", "source_crs": "CRS84", "target_crs": "CRS84"}


def sending() -> Callable[[int], Iterator[tuple[int, pa.RecordBatch]]]:
    """A function that travels to the workers whole, because they cannot import this module."""

    def send(task: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        if task == 13:
            raise RowError("thirteen", source="numbers.csv", row=13)
        for number in range(5):
            yield number % 3, pa.record_batch({"n": pa.array([10 * task + number])})

    return send


def receiving() -> Callable[[int, Iterator[pa.RecordBatch]], tuple[int, list[int]]]:
    def receive(group: int, batches: Iterator[pa.RecordBatch]) -> tuple[int, list[int]]:
        found = sorted(number for batch in batches for number in batch.column(0).to_pylist())
        if found == [70, 73]:
            raise GeometryError("seventy")
        return group, found

    return receive


def test_an_exchange_is_that_of_one_process(spark: SparkEngine) -> None:
    assert isinstance(spark, ExchangeEngine)
    exchange = spark.exchange(sending(), [1, 2, 3], 4)
    expected = [(0, [10, 13, 20, 23, 30, 33]), (1, [11, 14, 21, 24, 31, 34]), (2, [12, 22, 32]), (3, [])]
    assert list(LocalExchange(sending(), [1, 2, 3], 4).receive(receiving())) == expected
    assert list(exchange.receive(receiving())) == expected
    assert sorted(exchange.arriving(receiving())) == expected, "what was sent can be received again"
    with pytest.raises(RowError, match=r"numbers.csv, row 13: thirteen"):
        list(spark.exchange(sending(), [1, 13], 4).receive(receiving()))
    with pytest.raises(GeometryError, match="seventy"):
        list(spark.exchange(sending(), [7], 3).receive(receiving()))


def lines(folder: Path) -> list[bytes]:
    return sorted(line for file in folder.glob("part-*") for line in file.open("rb"))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("source", "target", "choices"),
    [
        ("ne_50m_admin_0_countries.shp", "ne_10m_rivers_lake_centerlines.shp", {"relations": "all"}),
        ("ne_50m_admin_1_states_provinces_shp.shp", None, {"relations": "sf,rcc8", "minimal": True}),
    ],
    ids=["rivers", "provinces"],
)
def test_links_of_natural_earth(
    spark: SparkEngine, shared: Path, tmp_path: Path, source: str, target: str | None, choices: dict[str, object]
) -> None:
    folder = shared / "data" / "natural_earth"
    sides = folder / source, None if target is None else folder / target
    options = InterlinkOptions(**choices)  # type: ignore[arg-type]
    one = interlink(*sides, tmp_path / "one.nt", options).report
    many = interlink_in_partitions(*sides, tmp_path / "many.nt", options, engine=spark, partitions=7).report
    assert lines(tmp_path / "many.nt") == sorted((tmp_path / "one.nt").open("rb"))
    assert many.links == one.links > 400
    assert (many.candidates, many.relations, many.matrices) == (one.candidates, one.relations, one.matrices)
    assert many.source.read == one.source.read
    assert len(list((tmp_path / "many.nt").glob("part-*"))) > 4


def test_giants_and_budgets(spark: SparkEngine, tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    areas = [shapely.Point(0, 0).buffer(9, quad_segs=6000), *shapely.points(random.uniform(-9, 9, (50, 2))).tolist()]
    walks = [shapely.LineString(random.uniform(-9, 9, 2) + random.normal(0, 0.5, (5, 2)).cumsum(0)) for _ in range(900)]
    paths = []
    for name, geometries in (("s", areas), ("t", walks)):
        wkb = pa.array(shapely.to_wkb(geometries), pa.binary())
        paths.append(tmp_path / f"{name}.parquet")
        pq.write_table(pa.table({"id": range(len(wkb)), "geometry": wkb}), paths[-1], row_group_size=300)
    one = interlink(*paths, tmp_path / "one.nt", **NAMES).report
    command = [*map(str, paths), "-o", str(tmp_path / "many.nt"), "--engine", "spark", "--partitions", "6", "--json"]
    for name, value in NAMES.items():
        command += [f"--{name.replace('_', '-')}", value]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stderr)["relations"] == one.relations
    assert lines(tmp_path / "many.nt") == sorted((tmp_path / "one.nt").open("rb"))
    links = stream_in_partitions(*paths, InterlinkOptions(**NAMES), engine=spark)
    assert sum(batch.num_rows for batch in links) == one.links
    assert links.report.relations == one.relations
    options = InterlinkOptions(budget=one.candidates // 2, **NAMES)
    report = interlink_in_partitions(*paths, tmp_path / "some.nt", options, engine=spark).report
    assert set(lines(tmp_path / "some.nt")) < set(lines(tmp_path / "many.nt"))
    assert report.verified <= one.candidates // 2
    assert report.candidates == one.candidates
    assert report.recall == pytest.approx(report.related / one.related, abs=4 * (report.recall_error or 0) + 0.02)
