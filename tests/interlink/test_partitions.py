# SPDX-License-Identifier: Apache-2.0
"""Linking in partitions gives the links and the counts of linking in one process."""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from semcube.cli.interlink import app
from semcube.engines.exchange import Exchange, ExchangeEngine, LocalExchange
from semcube.errors import GeometryError, OutputError, RowError, UnsupportedError, UsageError
from semcube.interlink import (
    LINKS,
    InterlinkOptions,
    interlink,
    interlink_in_partitions,
    partition_input,
    stream_in_partitions,
)
from semcube.interlink.group_budget import Ranked, shares
from semcube.interlink.report import Report
from semcube.interlink.tiles import Giant, Layout, Tiling

NAMES = {"source_iri": "http://e/s/{id}", "target_iri": "http://e/t/{id}", "source_crs": "CRS84", "target_crs": "CRS84"}
GEO = """{"version": "1.1.0", "primary_column": "geometry",
 "columns": {"geometry": {"encoding": "WKB", "geometry_types": []}}}"""
COUNTS = (
    "candidates", "verified", "errors", "related", "links", "relations", "matrices",
)  # fmt: skip


class InProcess:
    """An engine with partitions and no other process."""

    name = "in process"
    slots = 2

    def map_tasks(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> list[Any]:
        return [function(task) for task in tasks]

    def exchange(self, send: Any, tasks: Sequence[Any], groups: int) -> Exchange:
        return LocalExchange(send, tasks, groups)


def written(path: Path, geometries: Sequence[Any], **columns: Any) -> Path:
    wkb = pa.array([None if each is None else shapely.to_wkb(each) for each in geometries], pa.binary())
    table = pa.table({"id": pa.array(range(len(wkb))), "geometry": wkb, **columns})
    pq.write_table(table.replace_schema_metadata({"geo": GEO}), path, row_group_size=max(len(wkb) // 3, 1))
    return path


def lines(folder: Path) -> list[bytes]:
    return sorted(line for file in folder.glob("part-*") for line in file.open("rb"))


def both(source: Path, target: Path | None, options: InterlinkOptions, tiles: int) -> tuple[list[bytes], Report]:
    """Links and report of the run in partitions, once they were found equal to those of the other."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        one = interlink(source, target, folder / "one.nt", options).report
        many = interlink_in_partitions(
            source, target, folder / "many.nt", options, engine=InProcess(), partitions=tiles
        ).report
        found = lines(folder / "many.nt")
        assert found == sorted((folder / "one.nt").open("rb"))
    assert {name: getattr(many, name) for name in COUNTS} == {name: getattr(one, name) for name in COUNTS}
    for mine, theirs in ((many.source, one.source), (many.target, one.target)):
        told, expected = vars(mine).copy(), vars(theirs).copy()
        for listed in ("invalid_iris", "duplicate_iris"):
            assert sorted(told.pop(listed)) == sorted(expected.pop(listed))
        assert told == expected
    return found, many


def grid_boxes(random: np.random.Generator, count: int) -> list[Any]:
    """Boxes, points, lines and empty ones with corners on a small grid, so that many lie on the edges of tiles."""
    x, y = random.integers(-6, 6, (2, count)).astype(float)
    width, height = random.integers(0, 4, (2, count)).astype(float)
    made: list[Any] = list(shapely.box(x, y, x + width + 1, y + height + 1))
    for row in range(0, count, 5):
        made[row] = shapely.Point(x[row], y[row])
    for row in range(1, count, 5):
        made[row] = shapely.LineString([(x[row], y[row]), (x[row] + width[row] + 1, y[row] + height[row])])
    for row in range(2, count, 17):
        made[row] = None if row % 2 else shapely.Polygon()
    return made


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**20), tiles=st.integers(1, 12), own=st.booleans(), minimal=st.booleans(),
    relations=st.sampled_from(["all", "sf", "eh", "rcc8", "sfTouches,ehMeet", "T*F**FFF*", "sfEquals,sfWithin"]),
    large=st.sampled_from([2, 5, 10_000]), chunk=st.sampled_from([200, 10**6]),
)  # fmt: skip
def test_links_are_those_of_one_process(
    seed: int, tiles: int, own: bool, minimal: bool, relations: str, large: int, chunk: int
) -> None:
    random = np.random.default_rng(seed)
    options = InterlinkOptions(relations=relations, minimal=minimal, chunk_bytes=chunk, **NAMES)
    before = partition_input.LARGE
    with tempfile.TemporaryDirectory() as name:
        source = written(Path(name) / "s.parquet", grid_boxes(random, int(random.integers(0, 60))))
        target = None if own else written(Path(name) / "t.parquet", grid_boxes(random, int(random.integers(1, 40))))
        partition_input.LARGE = large
        try:
            both(source, target, options, tiles)
        finally:
            partition_input.LARGE = before


def test_giants_have_groups_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition_input, "LARGE", 500)
    random = np.random.default_rng(5)
    circles = [shapely.Point(x, y).buffer(8, quad_segs=2000) for x, y in ((0, 0), (5, 1), (-3, 4))]
    dots = [*shapely.points(random.uniform(-10, 10, (400, 2))), circles[0].boundary, circles[0]]
    made: list[Layout] = []
    real = Layout.__post_init__
    monkeypatch.setattr(Layout, "__post_init__", lambda self: (made.append(self), real(self))[1])
    source, target = written(tmp_path / "s.parquet", circles), written(tmp_path / "t.parquet", dots)
    options = InterlinkOptions(relations="all", **NAMES)
    _, report = both(source, target, options, 16)
    assert [giant.side for giant in made[-1].giants] == [0, 0, 0, 1, 1]
    assert report.related > 300
    both(target, source, options, 16)
    assert [giant.side for giant in made[-1].giants] == [0, 0, 1, 1, 1]
    both(target, None, options, 16)
    assert len(made[-1].giants) == 2
    both(source, None, InterlinkOptions(relations="sf", minimal=True, **NAMES), 16)
    both(written(tmp_path / "twice.parquet", [*circles, *circles[:1]]), target, options, 16)
    assert len([giant for giant in made[-1].giants if giant.side == 0]) == 2, "of two that are alike none is a giant"


def test_what_a_giant_meets_is_split() -> None:
    tiling = Tiling.fit(np.array([[0.0, 0, 1, 1], [5, 5, 6, 6]]), np.ones(2), 2)
    layout = Layout(tiling, (Giant(0, (0.0, 0.0, 9.0, 9.0), 7, 2, 3), Giant(1, (3.0, 3.0, 4.0, 4.0), 8, 5, 1)))
    assert layout.groups == 6
    boxes = np.array([[1.0, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [20, 20, 21, 21], [3, 3, 4, 4]])
    giants = layout.giant_numbers(1, boxes, np.array([1, 2, 3, 4, 8], np.uint64))
    assert giants.tolist() == [-1, -1, -1, -1, 1]
    rows, groups, giant = layout.routes(1, boxes, giants)
    met = [(int(r), int(g)) for r, g, own in zip(rows, groups, giant, strict=True) if g >= 2 and not own]
    assert met == [(0, 2), (1, 3), (4, 3), (2, 4)]
    assert [(int(r), int(g)) for r, g, own in zip(rows, groups, giant, strict=True) if own] == [(4, 5)]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**20), tiles=st.integers(1, 40))
def test_tiles_cover_the_plane_once(seed: int, tiles: int) -> None:
    random = np.random.default_rng(seed)
    low = random.integers(-20, 20, (50, 2)).astype(float)
    boxes = np.hstack([low, low + random.integers(0, 4, (50, 2))])
    tiling = Tiling.fit(boxes, random.uniform(1, 5, 50), tiles)
    assert 1 <= len(tiling) <= max(2 * tiles, 1)
    points = np.hstack([low, low])
    rows, numbers = tiling.met(points)
    assert sorted(rows.tolist()) == list(range(50)), "a point is in one tile"
    west, south, east, north = tiling.bounds[numbers].T
    x, y = low[rows].T
    assert ((west <= x) & (x < east) & (south <= y) & (y < north)).all()
    rows, numbers = tiling.met(boxes)
    first, second = (each.ravel() for each in np.meshgrid(np.arange(50), np.arange(50)))
    meet = (boxes[first, :2] <= boxes[second, 2:]).all(axis=1) & (boxes[first, 2:] >= boxes[second, :2]).all(axis=1)
    first, second = first[meet], second[meet]
    owners = np.zeros(len(first), np.int64)
    sent = set(zip(rows.tolist(), numbers.tolist(), strict=True))
    for tile in range(len(tiling)):
        here = np.flatnonzero(tiling.owns(tile, boxes[first], boxes[second]))
        owners[here] += 1
        assert all((int(first[row]), tile) in sent and (int(second[row]), tile) in sent for row in here)
    assert (owners == 1).all(), "a pair is related in one tile, and both features are sent there"


def test_tiles_have_about_the_same_weight() -> None:
    random = np.random.default_rng(3)
    low = np.vstack([random.normal(0, 0.01, (4000, 2)), random.uniform(-180, 180, (1000, 2))])
    boxes = np.hstack([low, low + 1e-4])
    tiling = Tiling.fit(boxes, np.ones(5000), 20)
    counts = np.bincount(tiling.met(boxes)[1])
    assert 15 <= len(tiling) <= 35
    assert counts.max() < 2.2 * counts.mean()


def test_the_antimeridian_and_the_poles(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    x = np.concatenate([random.uniform(175, 180, 40), random.uniform(-180, -175, 40), [-180, 180, 0]])
    y = np.concatenate([random.uniform(-90, 90, 80), [-90, 90, 90]])
    boxes = shapely.box(np.clip(x - 3, -180, 180), np.clip(y - 9, -90, 90), np.clip(x + 3, -180, 180), y)
    split = shapely.MultiPolygon([shapely.box(178, -5, 180, 5), shapely.box(-180, -5, -178, 5)])
    source = written(tmp_path / "s.parquet", [*boxes, split, shapely.box(-180, -90, 180, 90)])
    target = written(tmp_path / "t.parquet", [*shapely.points(x, y), *boxes[::3]])
    found, _ = both(source, target, InterlinkOptions(relations="all", **NAMES), 9)
    assert len(found) > 500


def test_bad_rows_are_counted_once(tmp_path: Path) -> None:
    bow = shapely.from_wkt("POLYGON ((0 0, 8 8, 8 0, 0 8, 0 0))")
    collection = shapely.from_wkt(
        "GEOMETRYCOLLECTION (POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0)), POLYGON ((2 2, 6 2, 6 6, 2 6, 2 2)))"
    )
    source = written(tmp_path / "s.parquet", [bow, None, shapely.Polygon(), collection, shapely.Point(1, 1)])
    x, y = (each.ravel() for each in np.meshgrid(np.arange(9.0), np.arange(9.0)))
    target = written(tmp_path / "t.parquet", shapely.points(x, y))
    for invalid in ("repair", "skip", "keep"):
        _, report = both(source, target, InterlinkOptions(invalid=invalid, **NAMES), 8)
        assert report.source.invalid_iris == ([] if invalid == "keep" else ["http://e/s/0"])
        assert (report.source.missing, report.source.empty) == (1, 1)
    with pytest.raises(GeometryError, match="the geometry of <http://e/s/0> is invalid"):
        both(source, target, InterlinkOptions(invalid="fail", **NAMES), 8)


def test_repeated_iris_and_wrong_ones(tmp_path: Path) -> None:
    dots = shapely.points(np.arange(12.0), np.zeros(12))
    names = pa.array([f"http://e/{n % 5}" for n in range(12)])
    source = written(tmp_path / "s.parquet", dots, name=names)
    _, report = both(source, source, InterlinkOptions(**NAMES | {"source_iri": "name"}), 4)
    assert (report.source.duplicates, report.target.duplicates) == (7, 0)
    bad = written(tmp_path / "bad.parquet", dots, name=pa.array([*names.to_pylist()[:10], "no iri", "http://e/x"]))
    options = InterlinkOptions(**NAMES | {"source_iri": "name"})
    with pytest.raises(RowError) as caught:
        interlink_in_partitions(bad, source, tmp_path / "out.nt", options, engine=InProcess())
    assert (caught.value.row, caught.value.column) == (10, "name")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.parquet", "s.parquet"]


def test_time_and_topology(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    paths = []
    for name in ("s", "t"):
        begin = [datetime.datetime(2020, 1, int(day)) for day in random.integers(1, 20, 60)]
        end = [
            each + datetime.timedelta(days=int(days))
            for each, days in zip(begin, random.integers(0, 9, 60), strict=True)
        ]
        corners = random.uniform(0, 20, (60, 2))
        boxes = shapely.box(*corners.T, *(corners + 4).T)
        paths.append(written(tmp_path / f"{name}.parquet", boxes, begin=pa.array(begin), end=pa.array(end)))
    options = InterlinkOptions(
        relations="sf", temporal="overlaps,during,meets", source_time="begin,end", target_time="begin,end", **NAMES
    )
    found, _ = both(paths[0], paths[1], options, 6)
    assert any(b"intervalDuring" in line for line in found)
    both(paths[0], None, options, 6)


def test_other_syntaxes(tmp_path: Path) -> None:
    source = written(tmp_path / "s.parquet", shapely.box(np.arange(9.0), 0, np.arange(9.0) + 1, 1))
    options = InterlinkOptions(**NAMES)
    for name in ("links.parquet", "links.ttl", "links.nt.gz"):
        report = interlink_in_partitions(source, source, tmp_path / name, options, engine=InProcess()).report
        assert report.links == 68
        assert (tmp_path / name / "_SUCCESS").exists()
        assert all(file.name.endswith(name.removeprefix("links")) for file in (tmp_path / name).glob("part-*"))
    files = sorted((tmp_path / "links.parquet").glob("part-*"))
    assert sum(pq.read_table(file).num_rows for file in files) == 68


def test_what_needs_one_process(tmp_path: Path) -> None:
    source = written(tmp_path / "s.parquet", [shapely.Point(0, 0)])

    def run(where: Any = source, name: str = "out.nt", **choices: Any) -> None:
        options = InterlinkOptions(**NAMES | choices)
        interlink_in_partitions(
            where, source, tmp_path / name, options, engine=InProcess(), partitions=choices.get("n")
        )

    with pytest.raises(UnsupportedError, match="Table on an engine with partitions; expected a file"):
        run(pq.read_table(source))
    (tmp_path / "a.nt").write_text("<http://e/a> <http://e/b> <http://e/c> .\n")
    for path in (tmp_path, tmp_path / "a.nt"):
        with pytest.raises(UnsupportedError, match="on an engine with partitions; expected a file of features"):
            run(path)
    with pytest.raises(UnsupportedError, match="a state on an engine with partitions"):
        run(state=tmp_path / "state")
    with pytest.raises(UnsupportedError, match="a relation by distance on an engine with partitions"):
        run(within=5.0)
    with pytest.raises(UnsupportedError, match="relations of time alone on an engine with partitions"):
        run(relations="none", temporal="all", source_time="id", target_time="id")
    with pytest.raises(OutputError, match=r"links of many partitions as 'out.csv'"):
        run(name="out.csv")
    command = [str(source), "--engine", "flink", "-o", str(tmp_path / "o.nt")]
    for arguments, message in (
        (command, "there is no engine 'flink'"),
        ([*command[:2], "embedded", "--master", "local[2]"], "--master or --partitions on the embedded engine"),
        ([str(source), "--engine", "spark"], "no --output with --engine spark"),
    ):
        assert message in str(CliRunner().invoke(app, arguments).exception)
    with pytest.raises(UsageError, match="0 partitions"):
        interlink_in_partitions(source, None, tmp_path / "o.nt", engine=InProcess(), partitions=0)
    assert isinstance(InProcess(), ExchangeEngine)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    random = np.random.default_rng(4)
    folder = tmp_path_factory.mktemp("crowd")
    stars = [shapely.Point(*random.uniform(0, 50, 2)).buffer(random.uniform(0.2, 4)) for _ in range(300)]
    walks = [
        shapely.LineString(random.uniform(0, 50, 2) + random.normal(0, 0.8, (6, 2)).cumsum(0)) for _ in range(1500)
    ]
    return written(folder / "s.parquet", stars), written(folder / "t.parquet", walks)


@pytest.mark.parametrize("score", ["octagon", "mbro", "probe", "random"])
def test_a_budget_is_shared(crowd: tuple[Path, Path], tmp_path: Path, score: str) -> None:
    whole = interlink(*crowd, tmp_path / "whole.nt", **NAMES).report
    budget = whole.candidates // 3
    options = InterlinkOptions(budget=budget, score=score, **NAMES)
    one = interlink(*crowd, tmp_path / "one.nt", options).report
    report = interlink_in_partitions(*crowd, tmp_path / "p.nt", options, engine=InProcess(), partitions=7).report
    assert set(lines(tmp_path / "p.nt")) <= set((tmp_path / "whole.nt").open("rb"))
    assert report.candidates == whole.candidates
    assert 0.9 * budget < report.verified + 0.25 * report.probes <= budget + 7
    assert report.recall_low is not None
    assert report.recall_high is not None
    assert report.recall_low <= report.related / whole.related <= report.recall_high
    assert report.related == pytest.approx(one.related, rel=0.06), "the best pairs of all, not of each tile"
    assert report.recall is not None
    assert report.recall_error is not None
    assert abs(report.recall - report.related / whole.related) < 3 * report.recall_error + 0.01


def test_a_budget_that_is_enough_finds_all(crowd: tuple[Path, Path], tmp_path: Path) -> None:
    whole = interlink(*crowd, tmp_path / "whole.nt", **NAMES).report
    for budget in (2 * whole.candidates, "10min"):
        options = InterlinkOptions(budget=budget, boost=True, **NAMES)
        report = interlink_in_partitions(*crowd, tmp_path / "p.nt", options, engine=InProcess()).report
        assert lines(tmp_path / "p.nt") == sorted((tmp_path / "whole.nt").open("rb"))
        assert (report.verified, report.recall, report.recall_error) == (whole.candidates, 1.0, 0.0)
    links = stream_in_partitions(*crowd, InterlinkOptions(budget="10min", **NAMES), engine=InProcess())
    tables = list(links)
    assert len(tables) > 3
    assert sum(batch.num_rows for batch in tables) == links.report.links == whole.links
    assert {batch.schema for batch in tables} == {LINKS}
    options = InterlinkOptions(budget="0s", **NAMES)
    report = interlink_in_partitions(*crowd, tmp_path / "p.nt", options, engine=InProcess()).report
    assert report.verified < 0.1 * whole.candidates


def test_shares_follow_what_the_groups_promise() -> None:
    low, high = np.linspace(0, 0.5, 50), np.linspace(0.5, 1, 50)
    found = shares([Ranked(3, 1000, low), Ranked(9, 100, high)], 200, 4)
    assert found[9].pairs == 100
    assert sum(each.sample + each.pairs for each in found.values()) == 200
    assert found[3].sample == 20
    even = shares([Ranked(0, 300, np.ones(10)), Ranked(1, 100, np.ones(10))], 40, 1)
    assert (even[0].pairs, even[1].pairs) == (24, 8), "equal ones in proportion"
    timed = shares([Ranked(0, 300, low), Ranked(1, 100, low)], "8s", 2)
    assert (timed[0].seconds, timed[1].seconds) == (12.0, 4.0)
    assert shares([], 10, 1) == {}


@pytest.mark.shared
@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("ne_50m_admin_0_countries.shp", "ne_10m_lakes.shp"),
        ("ne_50m_admin_1_states_provinces_shp.shp", None),
        ("ne_10m_rivers_lake_centerlines.shp", "ne_50m_urban_areas.shp"),
    ],
)
def test_natural_earth(shared: Path, source: str, target: str | None) -> None:
    folder = shared / "data" / "natural_earth"
    options = InterlinkOptions(relations="all", minimal=target is None)
    found, _ = both(folder / source, None if target is None else folder / target, options, 11)
    assert len(found) > 200


def test_the_interval_of_the_recall_holds_in_nine_of_ten_runs(tmp_path: Path) -> None:
    runs = 50
    held = 0
    for seed in range(runs):
        random = np.random.default_rng(seed)
        stars = [
            shapely.Point(*random.uniform(0, 30, 2)).buffer(random.uniform(0.2, 3), quad_segs=3) for _ in range(120)
        ]
        walks = [
            shapely.LineString(random.uniform(0, 30, 2) + random.normal(0, 0.9, (4, 2)).cumsum(0)) for _ in range(500)
        ]
        sides = written(tmp_path / "s.parquet", stars), written(tmp_path / "t.parquet", walks)
        whole = interlink(*sides, **NAMES).report
        options = InterlinkOptions(budget=int(whole.candidates * random.uniform(0.2, 0.8)), **NAMES)
        links = stream_in_partitions(*sides, options, engine=InProcess(), partitions=int(random.integers(1, 9)))
        for _ in links:
            pass
        low, high = links.report.recall_low, links.report.recall_high
        assert low is not None
        assert high is not None
        held += low <= links.report.related / whole.related <= high
    assert held >= 0.9 * runs
