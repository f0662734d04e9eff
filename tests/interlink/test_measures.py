# SPDX-License-Identifier: Apache-2.0
"""Links by distance, against measuring every pair."""

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
from semcube.errors import CRSError, UsageError
from semcube.geometry import distance_m
from semcube.interlink import InterlinkOptions, Links, interlink
from semcube.interlink.nearest import distance_bounds_m

NS = "https://w3id.org/semcube/ns#"
NAMES = {"source_iri": "http://e/a/{id}", "target_iri": "http://e/b/{id}", "source_crs": "CRS84", "target_crs": "CRS84"}
Found = dict[tuple[int, int], float]


def table(geometries: Any, **columns: Any) -> pa.Table:
    wkb = shapely.to_wkb(np.asarray(geometries, dtype=object))
    return pa.table({"id": range(len(wkb)), "geometry": pa.array(wkb, pa.binary()), **columns})


def found(links: Links, relation: str) -> Found:
    assert links.table is not None
    rows = links.table.to_pylist()
    assert {row["relation"] for row in rows} <= {relation}
    made = {(int(r["source"].split("/")[-1]), int(r["target"].split("/")[-1])): r["distance"] for r in rows}
    assert len(made) == len(rows) == links.report.links == links.report.relations.get(relation, 0)
    return made


def all_distances(a: Any, b: Any) -> np.ndarray:
    first, second = np.asarray(a, dtype=object), np.asarray(b, dtype=object)
    left, right = np.repeat(first, len(second)), np.tile(second, len(first))
    return distance_m(left, right).reshape(len(first), len(second))


def same(links: Found, wanted: Found) -> bool:
    return links.keys() == wanted.keys() and all(links[key] == pytest.approx(wanted[key]) for key in wanted)


longitude = st.one_of(st.sampled_from([-180.0, 180.0, 179.9, -179.9, 0.0]), st.floats(-180, 180, width=32))
latitude = st.one_of(st.sampled_from([-90.0, 90.0, 89.9, 0.0]), st.floats(-90, 90, width=32))
place = st.tuples(longitude, latitude)
near_place = st.tuples(st.floats(178, 180, width=32), st.floats(60, 62, width=32))
shape = st.one_of(
    place.map(shapely.Point),
    near_place.map(shapely.Point),
    near_place.map(lambda c: shapely.Point(c[0] - 360, c[1])),
    place.map(lambda c: shapely.box(max(c[0] - 1, -180), max(c[1] - 1, -90), min(c[0] + 1, 180), min(c[1] + 1, 90))),
    st.tuples(near_place, near_place).filter(lambda ends: ends[0] != ends[1]).map(shapely.LineString),
    st.none(),
)
shapes = st.lists(shape, max_size=7)


@settings(max_examples=100)
@given(shapes, shapes, st.sampled_from([0.0, 500.0, 30_000.0, 400_000.0, 9_000_000.0, 30_000_000.0]))
def test_within_metres(a: list[Any], b: list[Any], limit: float) -> None:
    links = found(interlink(table(a), table(b), within=limit, **NAMES), "near")
    distances = all_distances(a, b)
    wanted = {(i, j): float(distances[i, j]) for i, j in zip(*np.nonzero(distances <= limit), strict=True)}
    assert same(links, wanted)


@settings(max_examples=100)
@given(shapes, shapes, st.integers(1, 4))
def test_nearest(a: list[Any], b: list[Any], count: int) -> None:
    links = found(interlink(table(a), table(b), nearest=count, **NAMES), "nearest")
    assert same(links, nearest_of_all(all_distances(a, b), count))


def nearest_of_all(distances: np.ndarray, count: int) -> Found:
    wanted = {}
    for row, values in enumerate(distances):
        names = [f"http://e/b/{place}" for place in range(len(values))]
        known = [j for j in range(len(values)) if not np.isnan(values[j])]
        order = sorted(known, key=lambda j: (values[j], names[j]))
        wanted |= {(row, j): float(values[j]) for j in order[:count]}
    return wanted


@settings(max_examples=40)
@given(shapes, st.integers(1, 3))
def test_nearest_of_its_own(a: list[Any], count: int) -> None:
    links = found(interlink(table(a), nearest=count, **NAMES), "nearest")
    distances = all_distances(a, a)
    np.fill_diagonal(distances, np.nan)
    assert same(links, nearest_of_all(distances, count))


@settings(max_examples=100)
@given(shape.filter(lambda g: g is not None), shape.filter(lambda g: g is not None))
def test_bounds_of_distances_hold(a: Any, b: Any) -> None:
    low, high = distance_bounds_m(shapely.bounds(np.array([a])), shapely.bounds(np.array([b])))
    distance = distance_m(np.array([a]), np.array([b]))[0]
    assert low[0] <= distance + 1e-6
    assert distance * 0.998 <= high[0] + 1e-6


@pytest.fixture(scope="module")
def crowd() -> tuple[np.ndarray, np.ndarray]:
    """Clustered points and small areas, some far off, on both sides of the antimeridian and near a pole."""
    random = np.random.default_rng(5)
    centres = np.array([[179.8, 52.0], [-179.9, 52.1], [20.0, 88.5], [10.0, 48.0], [11.0, 48.2]])
    xy = centres[random.integers(0, 5, 300)] + random.normal(0, 0.4, (300, 2))
    xy[:, 0] = (xy[:, 0] + 180) % 360 - 180
    xy[:, 1] = np.clip(xy[:, 1], -90, 90)
    points = np.asarray(shapely.points(xy), dtype=object)
    low = np.minimum(xy[180:], [179.9, 89.9])
    areas = shapely.box(*low.T, *(low + 0.05).T)
    return points[:180], np.concatenate([areas, [shapely.Point(-120, -60), shapely.Point(-150, 20)]])


@pytest.fixture(scope="module")
def distances(crowd: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return all_distances(*crowd)


@pytest.mark.parametrize(
    "choices", [{}, {"chunk_bytes": 2000}, {"processes": 2, "chunk_bytes": 4000}, {"invalid": "keep"}], ids=str
)
def test_ways_to_the_same_distances(
    crowd: tuple[np.ndarray, np.ndarray], distances: np.ndarray, choices: dict[str, Any]
) -> None:
    a, b = crowd
    wanted = {(i, j): float(distances[i, j]) for i, j in zip(*np.nonzero(distances <= 20_000), strict=True)}
    assert len(wanted) > 200
    within = interlink(table(a), table(b), within=20_000, **NAMES, **choices)
    assert same(found(within, "near"), wanted)
    assert within.report.candidates < 4 * len(wanted)
    for count in (5,) if choices else (1, 5, 20):
        near = interlink(table(a), table(b), nearest=count, **NAMES, **choices)
        assert same(found(near, "nearest"), nearest_of_all(distances, count))
    assert near.report.verified < 0.6 * len(a) * len(b)


def test_the_antimeridian_and_the_pole_join() -> None:
    a, b = (
        table([shapely.Point(179.999, 0), shapely.Point(0, 89.999)]),
        table([shapely.Point(-179.999, 0), shapely.Point(180, 89.999)]),
    )
    links = found(interlink(a, b, within=500, **NAMES), "near")
    assert links == {(0, 0): pytest.approx(222.639, abs=1e-3), (1, 1): pytest.approx(223.388, abs=1e-2)}
    assert found(interlink(a, b, nearest=1, **NAMES), "nearest") == links


def test_ties_go_to_the_first_name() -> None:
    centre = shapely.Point(0, 0)
    around = [shapely.Point(0, 1), shapely.Point(0, -1), shapely.Point(0, 1), shapely.Point(5, 5)]
    names = {**NAMES, "target_iri": "http://e/b/{id}", "source_iri": "http://e/a/{id}"}
    links = interlink(table([centre]), table(around).set_column(0, "id", pa.array([30, 4, 200, 1])), nearest=2, **names)
    # As texts, 200 < 30 < 4.
    assert set(found(links, "nearest")) == {(0, 200), (0, 30)}


def test_a_source_with_itself_both_ways_or_once() -> None:
    a = [shapely.Point(0, 0), shapely.Point(0, 0.001), shapely.Point(9, 9)]
    assert set(found(interlink(table(a), within=500, **NAMES), "near")) == {(0, 1), (1, 0)}
    assert set(found(interlink(table(a), within=500, minimal=True, **NAMES), "near")) == {(0, 1)}


def test_metres_need_no_common_system_of_degrees() -> None:
    a, b = table([shapely.Point(1001875.4171394621, 6106854.834885074)]), table([shapely.Point(9.001, 48)])
    names = {**NAMES, "source_crs": "EPSG:3857"}
    with pytest.raises(CRSError, match="two coordinate reference systems"):
        interlink(a, b, within=100, **names)
    links = interlink(a, b, within=100, crs="CRS84", **names)
    assert found(links, "near") == {(0, 0): pytest.approx(74.626, abs=0.01)}
    same_system = {**names, "target_crs": "EPSG:3857"}
    assert found(interlink(a, a, within=100, **same_system), "near") == {(0, 0): 0.0}
    with pytest.raises(UsageError, match="metres on the ellipsoid"):
        interlink(a, b, within=100, crs="EPSG:3857", **names)


corner = st.tuples(st.integers(0, 6), st.integers(0, 6))
lines = st.lists(st.lists(corner, min_size=2, max_size=4, unique=True).map(shapely.LineString), max_size=7)


@settings(max_examples=60)
@given(lines, lines, st.sampled_from(["hausdorff", "frechet"]), st.sampled_from([0.0, 1.0, 2.5, 20.0]))
def test_similar_shapes(a: list[Any], b: list[Any], name: str, limit: float) -> None:
    measured = {"hausdorff": shapely.hausdorff_distance, "frechet": shapely.frechet_distance}[name]
    values = {(i, j): float(measured(p, q)) for i, p in enumerate(a) for j, q in enumerate(b)}
    links = found(interlink(table(a), table(b), similar=name, at_most=limit, **NAMES), "similar")
    assert links == {pair: value for pair, value in values.items() if value <= limit}


def test_distances_in_rdf(tmp_path: Path) -> None:
    a, b = table([shapely.Point(0, 0)]), table([shapely.Point(0, 0.001), shapely.Point(0, 0)])
    for name in ("links.nt", "links.ttl"):
        interlink(a, b, tmp_path / name, within=500, with_distance=True, predicate="http://e/near", **NAMES)
        with semcube.open(tmp_path / name) as store:
            rows = store.query(
                "PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> SELECT ?o ?d {"
                " ?s <http://e/near> ?o . [] a rdf:Statement ; rdf:subject ?s ; rdf:object ?o ;"
                f" rdf:predicate <http://e/near> ; <{NS}distance> ?d }} ORDER BY ?d"
            ).to_arrow()
            assert len(store) == 12
        assert [str(value) for value in rows.column(0).to_pylist()] == ["http://e/b/1", "http://e/b/0"]
        assert rows.column(1).to_pylist() == [0.0, pytest.approx(110.574, abs=1e-3)]
    interlink(a, b, tmp_path / "plain.nt", within=500, **NAMES)
    assert set((tmp_path / "plain.nt").read_text().splitlines()) == {
        f"<http://e/a/0> <{NS}near> <http://e/b/{row}> ." for row in (0, 1)
    }


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"within": -1}, "a distance, not negative"),
        ({"within": float("nan")}, "a distance, not negative"),
        ({"nearest": 0}, "at least 1"),
        ({"similar": "chamfer", "at_most": 1}, "hausdorff or frechet"),
        ({"similar": "frechet"}, "--at-most"),
        ({"at_most": 1}, "--similar"),
        ({"within": 1, "nearest": 1}, "one of within, nearest, similar"),
        ({"within": 1, "relations": "eh"}, "one of them"),
        ({"within": 1, "budget": 5}, "topological relations"),
        ({"predicate": "http://e/x"}, "within, nearest or similar"),
        ({"within": 1, "predicate": "x y"}, "an absolute IRI"),
        ({"nearest": 1, "temporal": "during", "source_time": "t", "target_time": "t"}, "one of them"),
        ({"relations": "none"}, "no relations"),
    ],
)
def test_wrong_choices(choices: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        InterlinkOptions(**choices)
