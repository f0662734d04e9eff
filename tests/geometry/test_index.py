# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.errors import GeometryError
from semcube.geometry import SpatialIndex
from semcube.geometry.metres import distance_m
from semcube.geometry.relations import RELATIONS, matches, matrices

from .shapes import geometries

_COLUMN = st.lists(st.one_of(geometries, st.none()), min_size=0, max_size=8).map(
    lambda found: np.array([*found, None], dtype=object)[:-1]
)


@settings(max_examples=40, deadline=None)
@given(_COLUMN, geometries)
def test_every_relation_is_answered_as_by_brute_force(column: np.ndarray, window: shapely.Geometry) -> None:
    ids = np.arange(len(column))[::-1] * 7 + 3
    index = SpatialIndex(column, ids)
    for name in (*RELATIONS, "*********", "FF*FF****"):
        expected = sorted(
            int(i)
            for i, g in zip(ids, column, strict=True)
            if g is not None and matches(matrices(np.array([g]), np.array([window]))[0], name)
        )
        assert index.query(window, name).tolist() == expected, name


@pytest.fixture(scope="module")
def places() -> np.ndarray:
    random = np.random.default_rng(11)
    return np.asarray(shapely.points(np.column_stack([random.uniform(-180, 180, 4000), random.uniform(-90, 90, 4000)])))


def test_boxes(places: np.ndarray) -> None:
    index = SpatialIndex(places, np.arange(4000) + 100)
    inside = np.flatnonzero(shapely.intersects(shapely.box(0, 0, 30, 30), places)) + 100
    assert index.query((0, 0, 30, 30)).tolist() == inside.tolist()
    assert index.candidates(shapely.box(0, 0, 30, 30)).tolist() == inside.tolist()
    query, found = index.candidate_pairs(np.array([[0.0, 0, 30, 30], [500, 0, 501, 1]]))
    assert found.tolist() == inside.tolist()
    assert set(query.tolist()) == {0}
    assert len(index) == 4000


@pytest.mark.parametrize("spot", [(0, 0), (179.9, 20), (-180, -40), (40, 89), (0, -90)])
@pytest.mark.parametrize("metres", [50_000, 800_000, 3_000_000])
def test_distance(places: np.ndarray, spot: tuple[float, float], metres: float) -> None:
    spot_ = shapely.Point(spot)
    expected = np.flatnonzero(distance_m(places, np.array([spot_])) <= metres)
    assert SpatialIndex(places).query(spot_, distance=metres).tolist() == expected.tolist()


@pytest.mark.parametrize("spot", [(0, 0), (179.9, 20), (-180, -40), (40, 89.5), (0, -90)])
@pytest.mark.parametrize("k", [1, 3, 50])
def test_nearest(places: np.ndarray, spot: tuple[float, float], k: int) -> None:
    metres = distance_m(places, np.array([shapely.Point(spot)]))
    expected = np.lexsort((np.arange(len(metres)), metres))[:k]
    ids, found = SpatialIndex(places).nearest(shapely.Point(spot), k=k)
    assert ids.tolist() == expected.tolist()
    assert found == pytest.approx(metres[expected])


def test_nearest_to_what_is_far_or_not_there() -> None:
    two = np.asarray(shapely.points([[10, 10], [-170, -10]]))
    assert SpatialIndex(two).nearest(shapely.Point(10.1, 10), k=5)[0].tolist() == [0, 1]
    assert SpatialIndex(two).nearest(shapely.Point(10.1, 10), k=5, max_distance=20_000)[0].tolist() == [0]
    assert SpatialIndex(two).nearest(shapely.Point())[0].tolist() == []
    assert SpatialIndex(np.empty(0, dtype=object)).nearest(shapely.Point(1, 1))[0].tolist() == []


def test_nearest_areas() -> None:
    areas = shapely.buffer(shapely.points([[10, 50], [12, 50], [14, 50]]), 0.5)
    ids, metres = SpatialIndex(areas).nearest(shapely.Point(12.1, 50.1), k=2)
    assert ids.tolist() == [1, 2]
    assert metres[0] == 0


def test_geometries_are_loaded_late_and_in_portions(places: np.ndarray) -> None:
    asked: list[int] = []

    def load(ids: np.ndarray) -> np.ndarray:
        asked.append(len(ids))
        return places[ids - 5]

    index = SpatialIndex.from_boxes(shapely.bounds(places), np.arange(4000) + 5, load, load_rows=100)
    window = shapely.Point(0, 0).buffer(60)
    assert index.candidates(window).size > 500
    assert asked == []
    expected = np.flatnonzero(shapely.within(places, window)) + 5
    assert index.query(window, "sfWithin").tolist() == expected.tolist()
    assert max(asked) <= 100
    assert sum(asked) == index.candidates(window).size


def test_an_index_of_boxes_cannot_test_relations() -> None:
    index = SpatialIndex.from_boxes(np.array([[0.0, 0, 1, 1]]))
    assert index.query((0, 0, 2, 2)).tolist() == [0]
    with pytest.raises(GeometryError, match="boxes only"):
        index.query(shapely.box(0, 0, 2, 2), "sfWithin")
    with pytest.raises(GeometryError, match="ids"):
        SpatialIndex(np.zeros((2, 4)), np.array([1]))


def test_real_rivers_and_a_country(shared: Path) -> None:
    import pyogrio

    rivers = pyogrio.read_dataframe(
        shared / "data/natural_earth/ne_10m_rivers_lake_centerlines.shp", columns=[]
    ).geometry.to_numpy()
    countries = pyogrio.read_dataframe(
        shared / "data/natural_earth/ne_50m_admin_0_countries.shp", columns=["name"], encoding="cp1252"
    )
    germany = countries[countries["name"] == "Germany"].geometry.iloc[0]
    expected = [i for i, river in enumerate(rivers) if river is not None and shapely.intersects(river, germany)]
    assert len(expected) > 10
    assert SpatialIndex(rivers).query(germany, "sfIntersects").tolist() == expected
