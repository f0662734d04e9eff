# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from semcube.geometry import area_m2, distance_m, length_m, perimeter_m
from semcube.geometry.least import least_m
from semcube.geometry.metres import GEOD, within_m


def _samples(geometry: shapely.Geometry, count: int) -> np.ndarray:
    lines = shapely.get_rings(geometry) if geometry.geom_type == "Polygon" else np.array([geometry])
    parts = [shapely.line_interpolate_point(line, np.linspace(0, 1, count), normalized=True) for line in lines]
    return shapely.get_coordinates(np.concatenate([*parts, shapely.points(shapely.get_coordinates(geometry))]))


def dense(a: shapely.Geometry, b: shapely.Geometry) -> float:
    """The oracle: all pairs of many points on both geometries, then again close to the best pair."""
    if shapely.intersects(a, b):
        return 0.0
    p = shapely.get_coordinates(a) if a.geom_type == "Point" else _samples(a, 150)
    q = shapely.get_coordinates(b) if b.geom_type == "Point" else _samples(b, 150)
    best, reach = np.inf, 0.2
    for _ in range(5):
        i, j = (grid.ravel() for grid in np.meshgrid(np.arange(len(p)), np.arange(len(q)), indexing="ij"))
        metres = GEOD.inv(p[i, 0], p[i, 1], q[j, 0], q[j, 1])[2]
        k = int(np.argmin(metres))
        best = min(best, float(metres[k]))
        p, q = _close_to(a, p[i[k]], reach), _close_to(b, q[j[k]], reach)
        reach /= 12
    return best


def _close_to(geometry: shapely.Geometry, spot: np.ndarray, reach: float) -> np.ndarray:
    line = shapely.boundary(geometry) if geometry.geom_type == "Polygon" else geometry
    window = shapely.box(*(spot - reach), *(spot + reach))
    parts = [part for part in shapely.get_parts(shapely.intersection(line, window)) if part.geom_type == "LineString"]
    return np.vstack([spot[None, :], *(_samples(part, 60) for part in parts)])


def _random_shape(random: np.random.Generator, centre: np.ndarray, size: float) -> shapely.Geometry:
    xy = centre + (random.random((int(random.integers(3, 7)), 2)) - 0.5) * size
    kind = random.integers(3)
    return (
        shapely.Point(xy[0])
        if kind == 0
        else shapely.LineString(xy)
        if kind == 1
        else shapely.MultiPoint(xy).convex_hull
    )


@pytest.mark.parametrize(("size", "apart", "bound"), [(0.05, 0.1, 1e-5), (1, 1.5, 1e-3), (4, 7, 1e-3), (3, 15, 1e-3)])
@pytest.mark.parametrize("latitude", [0, 50, -75])
def test_distance_is_the_least_over_all_pairs_of_points(
    size: float, apart: float, bound: float, latitude: float
) -> None:
    random = np.random.default_rng(int(size * 100 + latitude + 90))
    pairs = []
    for _ in range(12):
        centre = np.array([random.random() * 200 - 100, latitude])
        angle = random.random() * 2 * np.pi
        step = apart * np.array([np.cos(angle), np.sin(angle)])
        second = centre + step * (1 if abs(latitude) < 60 else np.array([1.0, 0.3]))
        pairs.append((_random_shape(random, centre, size), _random_shape(random, second, size)))
    found = distance_m(np.array([a for a, _ in pairs], dtype=object), np.array([b for _, b in pairs], dtype=object))
    for (a, b), metres in zip(pairs, found, strict=True):
        expected = dense(a, b)
        assert expected * (1 - 1e-9) - 1e-3 <= metres <= expected * (1 + bound) + 1e-3


def test_points_are_exact() -> None:
    # Vincenty's and Karney's published test line: Flinders Peak to Buninyong, 54 972.271 m on GRS 80, which agrees with
    # WGS 84 to 0.1 mm.
    a, b = shapely.Point(144.42486788888888, -37.95103341666667), shapely.Point(143.92649552777777, -37.65282113888889)
    assert distance_m(np.array([a]), np.array([b]))[0] == pytest.approx(54972.271, abs=1e-3)
    pole = distance_m(np.array([shapely.Point(0, 0)]), np.array([shapely.Point(77, 90)]))[0]
    assert pole == pytest.approx(10_001_965.729, abs=1e-2)


def test_distance_broadcasts_and_knows_missing_and_empty() -> None:
    column = np.array([shapely.Point(0, 0), None, shapely.Point(), shapely.LineString([(0, -1), (0, 1)])], dtype=object)
    found = distance_m(column, np.array([shapely.Point(1, 0)]))
    assert found[0] == pytest.approx(111319.491, abs=1e-3)
    assert np.isnan(found[1:3]).all()
    assert found[3] == pytest.approx(111319.491, abs=1e-3)
    assert distance_m(column[:0], column[:0]).shape == (0,)


def test_inside_is_distance_zero() -> None:
    area = shapely.Polygon([(0, 0), (4, 0), (4, 4), (0, 4)], [[(1, 1), (1, 3), (3, 3), (3, 1)]])
    points = np.asarray(shapely.points([[0.5, 0.5], [2, 2], [4, 4]]))
    found = distance_m(points, np.array([area]))
    assert found[0] == 0
    assert found[1] == pytest.approx(110_575, rel=0.01)
    assert found[2] == 0


def test_the_antimeridian_is_no_border() -> None:
    west, east = shapely.box(170, 0, 179.9, 1), shapely.box(-179.9, 0, -170, 1)
    assert distance_m(np.array([west]), np.array([east]))[0] == pytest.approx(22_264 * np.cos(np.radians(1)), rel=1e-3)


def test_within_agrees_with_distance() -> None:
    random = np.random.default_rng(8)
    a = np.array([_random_shape(random, np.array([10, 60]) + random.random(2), 0.1) for _ in range(300)], dtype=object)
    b = np.array([_random_shape(random, np.array([10, 60]) + random.random(2), 0.1) for _ in range(300)], dtype=object)
    metres = distance_m(a, b)
    for limit in (0.0, 1000.0, 20_000.0, 60_000.0):
        assert (within_m(a, b, limit) == (metres <= limit)).all()


@given(
    places=st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=4, max_size=4),
    size=st.sampled_from([0.0, 0.01, 1.0, 30.0, 300.0]),
    share=st.floats(0.2, 3.0),
)
def test_within_agrees_with_distance_all_over_the_world(
    places: list[tuple[float, float]], size: float, share: float
) -> None:
    random = np.random.default_rng(int(size * 100))
    shapes = []
    for place in places:
        xy = np.array(place) + (random.random((5, 2)) - 0.5) * size
        xy = np.clip(xy, [-180, -90], [180, 90])
        shapes.append(shapely.Point(xy[0]) if size == 0 else shapely.MultiPoint(xy).convex_hull)
        shapes.append(shapely.LineString(xy))
    a, b = (side.ravel() for side in np.meshgrid(np.array(shapes, dtype=object), np.array(shapes, dtype=object)))
    metres = distance_m(a, b)
    bound = least_m(shapely.bounds(a), shapely.bounds(b))
    assert (bound <= metres).all()
    for limit in (0.0, 1.0, float(np.median(metres)) * share, float(bound.max())):
        assert (within_m(a, b, limit) == (metres <= limit)).all()


def test_lengths() -> None:
    line = shapely.LineString([(0, 0), (1, 0), (1, 1)])
    hole = shapely.Polygon([(0, 0), (1, 0), (1, 1), (0, 1)], [[(0.2, 0.2), (0.2, 0.4), (0.4, 0.4), (0.4, 0.2)]])
    column = np.array(
        [
            line,
            shapely.GeometryCollection([line, shapely.Point(1, 1), hole]),
            shapely.Point(1, 1),
            None,
            shapely.MultiLineString([line, line]),
            shapely.Polygon(),
        ],
        dtype=object,
    )
    one = GEOD.line_length(*shapely.get_coordinates(line).T)
    rings = sum(GEOD.line_length(*shapely.get_coordinates(ring).T) for ring in shapely.get_rings(hole))
    assert length_m(column) == pytest.approx([one, one + rings, 0, np.nan, 2 * one, 0], nan_ok=True)
    assert perimeter_m(column) == pytest.approx([0, rings, 0, np.nan, 0, 0], nan_ok=True)


def test_areas() -> None:
    hole = shapely.Polygon([(0, 0), (1, 0), (1, 1), (0, 1)], [[(0.2, 0.2), (0.2, 0.4), (0.4, 0.4), (0.4, 0.2)]])
    whole = abs(GEOD.geometry_area_perimeter(shapely.Polygon(hole.exterior))[0])
    inner = abs(GEOD.geometry_area_perimeter(shapely.Polygon(hole.interiors[0]))[0])
    moved = shapely.transform(hole, lambda xy: xy + 10)
    column = np.array(
        [
            hole,
            hole.reverse(),
            shapely.Point(0, 0),
            None,
            shapely.MultiPolygon([hole, moved]),
            shapely.Polygon(),
            shapely.GeometryCollection([hole, shapely.MultiPolygon([moved])]),
        ],
        dtype=object,
    )
    other = abs(GEOD.geometry_area_perimeter(moved)[0])
    both = whole - inner + other
    found = area_m2(column)
    assert found[:6] == pytest.approx([whole - inner, whole - inner, 0, np.nan, found[4], 0], nan_ok=True)
    assert found[4] == pytest.approx(both, rel=1e-9)
    assert found[6] == pytest.approx(both, rel=1e-9)
    assert area_m2(np.array([shapely.box(-180, -90, 180, 90)]))[0] >= 0


def test_edges_along_meridians_are_nearest_at_the_highest_latitude() -> None:
    near, far = (np.array([shapely.LineString([(x, 0), (x, 4)])]) for x in (1, 2))
    band = np.array([shapely.LineString([(2, 1), (2, 3)])])
    assert distance_m(near, band)[0] == pytest.approx(GEOD.inv(1, 3, 2, 3)[2], rel=1e-4)
    assert distance_m(far, near)[0] == pytest.approx(GEOD.inv(1, 4, 2, 4)[2], rel=1e-4)
