# SPDX-License-Identifier: Apache-2.0
"""All pairs, against relating every pair without filter, preparation or chunks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import semcube
from semcube.errors import CRSError, GeometryError, RowError, SourceError, UsageError
from semcube.geometry.relations import RELATIONS, matches, matrices
from semcube.interlink import FILTERS, Links, interlink

NAMES = {"source_iri": "http://e/a/{id}", "target_iri": "http://e/b/{id}", "source_crs": "CRS84", "target_crs": "CRS84"}


def table(geometries: Any, **columns: Any) -> pa.Table:
    wkb = shapely.to_wkb(np.asarray(geometries, dtype=object))
    return pa.table({"id": range(len(wkb)), "geometry": pa.array(wkb, pa.binary()), **columns})


def found(links: Links) -> set[tuple[int, str, int]]:
    assert links.table is not None
    rows = links.table.to_pylist()
    made = [(int(r["source"].split("/")[-1]), r["relation"], int(r["target"].split("/")[-1])) for r in rows]
    assert len(made) == len(set(made))
    return set(made)


def merged(geometry: Any) -> Any:
    """A collection's polygons as one area: GEOS takes overlapping ones as one in its first argument only."""
    if geometry is None or geometry.geom_type != "GeometryCollection":
        return geometry
    parts = list(geometry.geoms)
    area = shapely.unary_union([part for part in parts if part.geom_type == "Polygon"])
    return shapely.GeometryCollection([area, *(part for part in parts if part.geom_type != "Polygon")])


def expected(a: Any, b: Any, *, itself: bool = False) -> set[tuple[int, str, int]]:
    """Every relation of every pair that shares a point, one call for each pair, unprepared."""
    result = set()
    a, b = [merged(g) for g in a], [merged(g) for g in b]
    for i, first in enumerate(a):
        for j, second in enumerate(b):
            if first is None or second is None or first.is_empty or second.is_empty or (itself and i == j):
                continue
            matrix = matrices(np.array([first]), np.array([second]))[0]
            if any(matrix[k] != "F" for k in (0, 1, 3, 4)):
                names = [name for name in RELATIONS if not name.endswith(("Disjoint", "dc"))]
                result |= {(i, name, j) for name in names if matches(matrix, name)}
    return result


grid = st.integers(0, 4).map(float)
point = st.tuples(grid, grid)
points = point.map(shapely.Point)
lines = st.lists(point, min_size=2, max_size=4, unique=True).map(shapely.LineString)
boxes = st.tuples(grid, grid, grid, grid).map(lambda c: shapely.box(c[0], c[1], c[0] + c[2] + 1, c[1] + c[3] + 1))
triangles = (
    st.lists(point, min_size=3, max_size=3, unique=True)
    .map(shapely.Polygon)
    .filter(lambda polygon: polygon.is_valid and polygon.area > 0)
)
simple = st.one_of(points, lines, boxes, triangles)
holed = boxes.map(lambda box: box.difference(box.buffer(-0.25, join_style="mitre")))
multi = st.one_of(
    st.lists(points, min_size=1, max_size=3).map(shapely.MultiPoint),
    st.lists(boxes, min_size=1, max_size=3).map(shapely.unary_union),
    st.lists(lines, min_size=1, max_size=2).map(shapely.MultiLineString),
    st.lists(simple, min_size=1, max_size=3).map(shapely.GeometryCollection),
)
geometries = st.lists(
    st.one_of(simple, holed, multi, st.none(), st.just(shapely.Polygon()), st.just(shapely.GeometryCollection())),
    max_size=9,
)


@settings(max_examples=120)
@given(geometries, geometries)
def test_all_pairs_of_all_types(a: list[Any], b: list[Any]) -> None:
    links = interlink(table(a), table(b), relations="all", invalid="keep", **NAMES)
    assert found(links) == expected(a, b)
    for side, given_rows in ((links.report.source, a), (links.report.target, b)):
        assert side.read == len(given_rows)
        assert side.missing == sum(g is None for g in given_rows)
        assert side.empty == sum(g is not None and g.is_empty for g in given_rows)


@settings(max_examples=60)
@given(geometries)
def test_a_side_with_itself(a: list[Any]) -> None:
    links = interlink(table(a), relations="all", invalid="keep", **NAMES)
    assert found(links) == expected(a, a, itself=True)


@pytest.fixture(scope="module")
def crowd() -> tuple[np.ndarray, np.ndarray]:
    """Many overlapping discs with many vertices, and boxes, lines and points; some share borders."""
    random = np.random.default_rng(3)
    discs = shapely.buffer(shapely.points(random.uniform(0, 100, (150, 2))), random.uniform(1, 12, 150), quad_segs=30)
    discs[0] = shapely.buffer(shapely.Point(50, 50), 45, quad_segs=3000)
    corners = random.integers(0, 100, (600, 2)).astype(float)
    squares = shapely.box(*corners.T, *(corners + random.integers(1, 6, (600, 2))).T)
    lines = shapely.linestrings(random.uniform(0, 100, (400, 5, 2)))
    return discs, np.concatenate([squares, lines, shapely.points(corners[:200]), discs[:20], squares[:20]])


@pytest.fixture(scope="module")
def crowd_links(crowd: tuple[np.ndarray, np.ndarray]) -> set[tuple[int, str, int]]:
    return expected(*crowd)


@pytest.mark.parametrize(
    "choices",
    [{}, {"chunk_bytes": 1}, {"chunk_bytes": 20_000}, {"processes": 2, "chunk_bytes": 20_000}]
    + [{"filter": name, "chunk_bytes": 50_000} for name in FILTERS],
    ids=str,
)
def test_ways_to_the_same_links(
    crowd: tuple[np.ndarray, np.ndarray], crowd_links: set[tuple[int, str, int]], choices: dict[str, Any]
) -> None:
    forth = interlink(table(crowd[0]), table(crowd[1]), relations="all", **NAMES, **choices)
    assert found(forth) == crowd_links
    back = interlink(table(crowd[1]), table(crowd[0]), relations="all", **NAMES, **choices)
    turned = {(t, RELATIONS[name].inverse, s) for s, name, t in found(back)}
    assert turned == crowd_links
    assert forth.report.related == len({(s, t) for s, _, t in crowd_links}) == back.report.related
    assert sum(forth.report.matrices.values()) == forth.report.related
    assert forth.report.links == len(crowd_links) == sum(forth.report.relations.values())


def test_itself_in_processes(crowd: tuple[np.ndarray, np.ndarray]) -> None:
    one = interlink(table(crowd[1]), relations="sf", **NAMES)
    two = interlink(table(crowd[1]), relations="sf", processes=2, **NAMES)
    assert found(one) == found(two)
    assert one.report.candidates == two.report.candidates > one.report.related > 0


def test_minimal_leaves_out_what_follows() -> None:
    a = [shapely.box(0, 0, 4, 4), shapely.box(1, 1, 2, 2), shapely.box(0, 0, 4, 4), shapely.box(4, 0, 6, 4)]
    links = interlink(table(a), minimal=True, **NAMES)
    assert found(links) == {
        (0, "sfEquals", 2), (1, "sfWithin", 0), (1, "sfWithin", 2), (0, "sfTouches", 3), (2, "sfTouches", 3),
    }  # fmt: skip


def test_raw_matrix_and_patterns() -> None:
    links = interlink(
        table([shapely.box(0, 0, 2, 2)]), table([shapely.box(1, 1, 3, 3)]), relations="T*T***T**", **NAMES
    )
    assert links.table is not None
    (row,) = links.table.to_pylist()
    assert (row["relation"], row["matrix"]) == ("T*T***T**", "212101212")


BOW = shapely.from_wkt("POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))")


def test_invalid_geometries_by_choice() -> None:
    left, right = table([BOW, BOW, shapely.box(9, 9, 10, 10)]), table([shapely.Point(1.5, 1), shapely.Point(0.5, 1)])
    repaired = interlink(left, right, relations="sfContains", **NAMES)
    assert found(repaired) == {(0, "sfContains", 0), (1, "sfContains", 0), (0, "sfContains", 1), (1, "sfContains", 1)}
    assert repaired.report.source.invalid_iris == ["http://e/a/0", "http://e/a/1"]
    assert "2 invalid repaired" in repaired.report.summary()
    skipped = interlink(left, right, invalid="skip", **NAMES)
    assert (found(skipped), skipped.report.source.invalid) == (set(), 2)
    with pytest.raises(GeometryError, match="<http://e/a/0> is invalid: Self-intersection"):
        interlink(left, right, invalid="fail", **NAMES)


def test_systems_must_agree() -> None:
    a, b = table([shapely.Point(9, 48)]), table([shapely.Point(9, 48)])
    with pytest.raises(CRSError, match=r"source the Table: unknown; target the Table: .*CRS84"):
        interlink(a, b, target_crs="CRS84", source_iri="http://e/{id}", target_iri="http://e/{id}")
    names = {**NAMES, "target_crs": "EPSG:3857"}
    with pytest.raises(CRSError, match=r"two coordinate reference systems .*CRS84.*3857.*--crs"):
        interlink(a, b, **names)
    metres = table([shapely.Point(1001875.4171394621, 6106854.834885074)])
    near = interlink(table([shapely.box(8.9, 47.9, 9.1, 48.1)]), metres, crs="CRS84", relations="sfContains", **names)
    assert found(near) == {(0, "sfContains", 0)}


def test_names() -> None:
    a = table([shapely.Point(0, 0)] * 3, code=["x y", "ä", "x y"], iri=["http://e/1", None, "http://e/1"])
    b = table([shapely.Point(0, 0)])
    links = interlink(a, b, **{**NAMES, "source_iri": "http://e/{code}"})
    assert links.table is not None
    assert set(links.table.column("source").to_pylist()) == {"http://e/x%20y", "http://e/ä"}
    assert (links.report.source.duplicates, links.report.source.duplicate_iris) == (1, ["http://e/x%20y"])
    by_column = interlink(a, b, **{**NAMES, "source_iri": "iri"})
    assert (by_column.report.source.unnamed, by_column.report.source.duplicates) == (1, 1)
    with pytest.raises(RowError, match="row 0, column code: 'x y' is no absolute IRI"):
        interlink(a, b, **{**NAMES, "source_iri": "code"})
    with pytest.raises(SourceError, match=r"no column nam; .*some of fid, id, code, iri"):
        interlink(a, b, **{**NAMES, "source_iri": "http://e/{nam}"})


def test_wrong_choices() -> None:
    for wrong in ({"relations": "sfNear"}, {"relations": "sfDisjoint"}, {"invalid": "x"}, {"filter": "x"}, {"nope": 1}):
        with pytest.raises(UsageError):
            interlink(table([shapely.Point(0, 0)]), **NAMES, **wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="a int"):
        interlink(5)


@pytest.mark.parametrize("name", ["links.nt", "links.ttl", "links.nt.gz", "links.parquet"])
def test_outputs(tmp_path: Path, name: str, crowd: tuple[np.ndarray, np.ndarray]) -> None:
    import pyarrow.parquet as pq

    a, b = table(crowd[0][:40]), table(crowd[1])
    links = semcube.interlink(a, b, tmp_path / name, **NAMES)
    assert links.table is None
    kept = interlink(a, b, **NAMES)
    assert kept.table is not None
    if name.endswith(".parquet"):
        back = pq.read_table(tmp_path / name)
        assert back.num_rows == kept.report.links
        assert set(back.column("source").to_pylist()) == set(kept.table.column("source").to_pylist())
        return
    with semcube.open(tmp_path / name) as store:
        assert len(store) == links.report.links == kept.report.links
        ask = "ASK { <http://e/a/%d> <http://www.opengis.net/ont/geosparql#%s> <http://e/b/%d> }"
        assert all(store.query(ask % each).boolean for each in list(found(kept))[:20])


def test_stores_and_frames() -> None:
    import geopandas

    turtle = b"""@prefix geo: <http://www.opengis.net/ont/geosparql#> .
    <http://e/x> geo:hasDefaultGeometry <http://e/x/g> . <http://e/x/g> geo:asWKT "POINT (1 1)"^^geo:wktLiteral ."""
    with semcube.open() as store:
        store.load(turtle, format="ttl")
        frame = geopandas.GeoDataFrame(
            {"name": ["box"]}, geometry=[shapely.box(0, 0, 2, 2)], crs="EPSG:4326", index=["first"]
        )
        links = interlink(store, frame, store, target_iri="http://e/{fid}", relations="sfWithin")
        assert links.report.links == 1
        assert store.query("ASK { <http://e/x> geo:sfWithin <http://e/first> }".replace(
            "geo:sfWithin", "<http://www.opengis.net/ont/geosparql#sfWithin>")).boolean  # fmt: skip


def test_heights_are_left_out() -> None:
    a = table([shapely.box(0, 0, 2, 2)])
    b = pa.table({"id": [0], "geometry": [shapely.to_wkb(shapely.Point(1, 1, 5), output_dimension=3)]})
    assert (0, "sfContains", 0) in found(interlink(a, b, **NAMES))
