# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.errors import GeometryError
from semcube.geometry import operator, selection
from semcube.geometry.metres import distance_m
from semcube.geometry.operator import DISTANCE, SpatialJoin, spatial_join
from semcube.geometry.relations import RELATIONS, evaluate, matches, matrices
from semcube.geometry.selection import spatial_filter
from semcube.geometry.sides import PointSide, Side, is_sound

from .shapes import geometries

_COLUMN = st.lists(st.one_of(geometries, st.none()), min_size=0, max_size=7).map(
    lambda found: np.array([*found, None], dtype=object)[:-1]
)


def brute(left: np.ndarray, right: np.ndarray, relation: str) -> list[tuple[int, int]]:
    """The oracle: every pair by its DE-9IM matrix."""
    return [
        (i, j)
        for i, a in enumerate(left)
        for j, b in enumerate(right)
        if a is not None and b is not None and matches(matrices(np.array([a]), np.array([b]))[0], relation)
    ]


@contextmanager
def preparing(always: bool) -> Iterator[None]:
    """Small joins do not prepare of themselves; with this they do, in portions of a few vertices."""
    names = ("_WORTH_PREPARING", "_PREPARED_VERTICES", "_PIECE", "_AGAIN")
    before = [getattr(operator, name) for name in names]
    for name, value in zip(names, (-1, 20, 2, 1.5) if always else before, strict=True):
        setattr(operator, name, value)
    try:
        yield
    finally:
        for name, value in zip(names, before, strict=True):
            setattr(operator, name, value)


def _pairs(found: tuple[np.ndarray, np.ndarray]) -> list[tuple[int, int]]:
    return list(zip(found[0].tolist(), found[1].tolist(), strict=True))


@settings(max_examples=50, deadline=None)
@given(_COLUMN, _COLUMN, st.booleans())
def test_every_relation_joins_like_brute_force(left: np.ndarray, right: np.ndarray, prepared: bool) -> None:
    with preparing(prepared):
        for name in (*RELATIONS, "T*T***T**", "FF*FF****", "FF0******", "*********"):
            assert _pairs(spatial_join(left, right, name)) == brute(left, right, name), name


@settings(max_examples=40, deadline=None)
@given(_COLUMN, st.lists(_COLUMN, max_size=4), st.booleans(), st.booleans(), st.sampled_from(sorted(RELATIONS)))
def test_a_side_is_joined_part_by_part(
    held: np.ndarray, parts: list[np.ndarray], first: bool, prepared: bool, name: str
) -> None:
    side, join, found, start = Side(held), SpatialJoin(name, threads=2), [], 0
    with preparing(prepared):
        for part in parts:
            for a, b in join.batches(*((side, part) if first else (part, side)), held=side):
                found += _pairs((a, b + start) if first else (a + start, b))
            start += len(part)
    other = np.concatenate([np.empty(0, dtype=object), *parts])
    assert sorted(found) == brute(*((held, other) if first else (other, held)), name)
    known = side.sound >= 0
    assert (side.sound[known] == is_sound(held[known])).all()


_PLACES = st.lists(st.tuples(*[st.integers(-2, 10).map(lambda n: n / 2)] * 2), max_size=8)


@settings(max_examples=60, deadline=None)
@given(_COLUMN, _PLACES, st.booleans(), st.booleans(), st.booleans())
def test_points_by_their_coordinates_join_as_geometries_do(
    column: np.ndarray, places: list[tuple[float, float]], first: bool, prepared: bool, held: bool
) -> None:
    xy = np.array(places, float).reshape(-1, 2)
    points = np.asarray(shapely.points(xy), dtype=object).reshape(-1)
    with preparing(prepared):
        for name in (*RELATIONS, "FF0******", "*********"):
            side, other = PointSide(xy), Side(column)
            pair = (side, other) if first else (other, side)
            found = [one for part in SpatialJoin(name).batches(*pair, held=side if held else other) for one in [part]]
            expected = brute(*((points, column) if first else (column, points)), name)
            assert sorted(pair for part in found for pair in _pairs(part)) == expected, name


def test_points_by_their_coordinates_are_found_within_a_distance() -> None:
    xy = np.random.default_rng(6).random((300, 2))
    lines = shapely.linestrings(np.random.default_rng(7).random((40, 3, 2)))
    expected = spatial_join(shapely.points(xy), lines, DISTANCE, distance_m=2000)
    found = SpatialJoin(DISTANCE, 2000).batches(PointSide(xy), Side(lines))
    assert sorted(pair for part in found for pair in _pairs(part)) == _pairs(expected)


@settings(max_examples=40, deadline=None)
@given(_COLUMN, geometries, st.sampled_from(sorted(RELATIONS)))
def test_every_relation_filters_like_brute_force(column: np.ndarray, constant: shapely.Geometry, name: str) -> None:
    one = np.array([constant], dtype=object)
    expected = [i for i, _ in brute(column, one, name)]
    assert np.flatnonzero(spatial_filter(column, constant, name)).tolist() == expected


@pytest.fixture(scope="module")
def many() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    zones = shapely.buffer(shapely.points(random.random((60, 2)) * 10), 0.8, quad_segs=32)
    places = shapely.points(random.random((5000, 2)) * 10)
    return np.asarray(zones), np.asarray(places)


@pytest.mark.parametrize("name", ["sfContains", "sfIntersects", "ehContains", "sfDisjoint", "sfTouches"])
def test_chunks_threads_and_order_of_sides_do_not_matter(
    many: tuple[np.ndarray, np.ndarray], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    zones, places = many
    expected = _pairs(spatial_join(zones, places, name, threads=1))
    by_hand = getattr(shapely, RELATIONS[name].predicate or "contains_properly")
    assert expected == [(i, int(j)) for i, zone in enumerate(zones) for j in np.flatnonzero(by_hand(zone, places))]
    monkeypatch.setattr(operator, "THREAD_PAIRS", 100)
    monkeypatch.setattr(operator, "_THREAD_VERTICES", 100)
    monkeypatch.setattr(selection, "THREAD_PAIRS", 100)
    monkeypatch.setattr(operator, "_PREPARED_VERTICES", 300)
    for chunk in (50, 997, 10_000):
        assert _pairs(spatial_join(zones, places, name, threads=3, chunk=chunk)) == expected
    swapped = spatial_join(places, zones, RELATIONS[name].inverse, threads=2)
    assert sorted(_pairs((swapped[1], swapped[0]))) == expected


@pytest.mark.parametrize("name", ["sfContains", "ehContains", "sfTouches"])
def test_pairs_are_tested_in_pieces(
    many: tuple[np.ndarray, np.ndarray], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = _pairs(spatial_join(*many, name))
    coordinates = PointSide(shapely.get_coordinates(many[1]))
    for again in (0.5, 1e9):
        monkeypatch.setattr(operator, "_PIECE", 97)
        monkeypatch.setattr(operator, "_AGAIN", again)
        assert _pairs(spatial_join(*many, name)) == expected
        found = SpatialJoin(name, threads=2).batches(Side(many[0]), coordinates)
        assert sorted(pair for part in found for pair in _pairs(part)) == expected


def test_batches_are_bounded(many: tuple[np.ndarray, np.ndarray]) -> None:
    join = SpatialJoin("sfDisjoint", chunk=10_000)
    sizes = [len(first) for first, _ in join.batches(*many)]
    assert max(sizes) <= 10_000
    assert sum(sizes) == join.report.pairs == len(spatial_join(*many, "sfDisjoint")[0])


def test_the_arrays_of_the_caller_are_not_prepared(many: tuple[np.ndarray, np.ndarray]) -> None:
    zones, places = many
    spatial_join(zones, places, "sfContains")
    spatial_filter(places, zones[0], "sfWithin")
    assert not shapely.is_prepared(zones).any()
    assert not shapely.is_prepared(places).any()


class _Stop:
    def __init__(self, after: int) -> None:
        self.left = after

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TimeoutError


def test_a_join_can_be_stopped(many: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(TimeoutError):
        spatial_join(*many, "sfContains", cancellation=_Stop(1))


def test_wrong_calls() -> None:
    nothing = np.empty(0, dtype=object)
    with pytest.raises(GeometryError, match="distance_m"):
        spatial_join(nothing, nothing, DISTANCE)
    with pytest.raises(GeometryError, match="distance_m"):
        spatial_join(nothing, nothing, "sfWithin", distance_m=5)
    with pytest.raises(GeometryError, match="sfNear"):
        spatial_join(nothing, nothing, "sfNear")


# --- distance -------------------------------------------------------------------------------------------------------

_LON = st.one_of(st.floats(-180, 180), st.sampled_from([-180.0, 180.0, 179.999, -179.999, 0.0]))
_LAT = st.one_of(st.floats(-90, 90), st.sampled_from([-90.0, 90.0, 89.99, -89.99, 0.0, 60.0]))
_SPOT = st.tuples(_LON, _LAT)


@settings(max_examples=40, deadline=None)
@given(st.lists(_SPOT, min_size=1, max_size=8), st.lists(_SPOT, min_size=1, max_size=8), st.floats(1, 3e6))
def test_points_within_a_distance_anywhere(
    left: list[tuple[float, float]], right: list[tuple[float, float]], limit: float
) -> None:
    a, b = np.asarray(shapely.points(left)), np.asarray(shapely.points(right))
    metres = distance_m(np.repeat(a, len(b)), np.tile(b, len(a))).reshape(len(a), len(b))
    if (np.abs(metres - limit) < 1e-6).any():
        return
    expected = list(zip(*(side.tolist() for side in np.nonzero(metres <= limit)), strict=True))
    assert _pairs(spatial_join(a, b, DISTANCE, distance_m=limit)) == expected
    assert np.flatnonzero(spatial_filter(a, b[0], DISTANCE, distance_m=limit)).tolist() == [
        i for i, j in expected if j == 0
    ]


def test_neighbours_across_the_antimeridian_and_the_pole() -> None:
    a = np.asarray(shapely.points([[179.999, 10], [0, 89.999], [5, 5]]))
    b = np.asarray(shapely.points([[-179.999, 10], [180, 89.999], [5, 6]]))
    assert _pairs(spatial_join(a, b, DISTANCE, distance_m=300)) == [(0, 0), (1, 1)]


def test_areas_within_a_distance() -> None:
    random = np.random.default_rng(5)
    a = shapely.buffer(shapely.points(random.random((100, 2)) * [4, 4] + [10, 58]), 0.05)
    b = np.asarray(
        [shapely.LineString(random.random((3, 2)) * 0.3 + random.random(2) * 4 + [10, 58]) for _ in range(60)]
    )
    metres = distance_m(np.repeat(a, len(b)), np.tile(b, len(a))).reshape(len(a), len(b))
    expected = list(zip(*(side.tolist() for side in np.nonzero(metres <= 5000)), strict=True))
    assert len(expected) > 20
    assert _pairs(spatial_join(a, b, DISTANCE, distance_m=5000)) == expected


def test_missing_and_empty_geometries_are_near_nothing() -> None:
    odd = np.array([None, shapely.Point(), shapely.Point(0, 0)], dtype=object)
    assert _pairs(spatial_join(odd, odd, DISTANCE, distance_m=10)) == [(2, 2)]
    assert spatial_filter(odd, shapely.Point(0, 0), DISTANCE, distance_m=10).tolist() == [False, False, True]


def test_joins_over_shared_arrays_run_at_the_same_time(many: tuple[np.ndarray, np.ndarray]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    expected = _pairs(spatial_join(*many, "sfContains", threads=1))
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: _pairs(spatial_join(*many, "sfContains", threads=2)), range(12)):
            assert found == expected


_RING = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=4, max_size=7)
_INVALID_TOO = st.lists(_RING.map(shapely.Polygon), min_size=1, max_size=6).map(
    lambda found: np.array([*found, None])[:-1]
)


@settings(max_examples=40, deadline=None)
@given(_INVALID_TOO, _INVALID_TOO, _COLUMN)
def test_invalid_geometries_get_the_plain_answer(left: np.ndarray, right: np.ndarray, more: np.ndarray) -> None:
    """What GEOS says of an invalid geometry can depend on preparing and on the order of arguments."""
    right = np.concatenate([right, more])
    for name in (
        "sfContains",
        "sfWithin",
        "sfIntersects",
        "sfTouches",
        "sfCrosses",
        "ehOverlap",
        "sfDisjoint",
        "rcc8po",
    ):
        a, b = np.repeat(left, len(right)), np.tile(right, len(left))
        expected = evaluate(name, a, b).reshape(len(left), len(right))
        pairs = list(zip(*(side.tolist() for side in np.nonzero(expected)), strict=True))
        assert _pairs(spatial_join(left, right, name)) == pairs
        assert _pairs(spatial_join(np.concatenate([left, left]), right, name))[: len(pairs)] == pairs
        for column, constant in enumerate(right):
            if constant is not None:
                assert spatial_filter(left, constant, name).tolist() == expected[:, column].tolist()


def test_a_collection_whose_members_overlap_is_related_as_it_is_written() -> None:
    ring = shapely.from_wkt("POLYGON ((0 0, 3 0, 3 3, 0 3, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1))")
    both = shapely.GeometryCollection([ring, shapely.from_wkt("POLYGON ((1 0, 1 1, 0 1, 0 0, 1 0))")])
    column = np.array([both, both, shapely.Point(9, 9)], dtype=object)
    assert spatial_filter(column, ring, "sfEquals").tolist() == [True, True, False]
