# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import shapely

from semcube.errors import GeometryError
from semcube.geometry import area_m2, buffer_m, distance_m


def _check(geometry: shapely.Geometry, radius: float, tolerance: float = 0.01) -> None:
    """A point is in the buffer if and only if it is within the radius, but for the tolerance of the outline."""
    area = buffer_m(np.array([geometry], dtype=object), radius)[0]
    assert area.is_valid
    west, south, east, north = area.bounds
    assert west >= -180
    assert east <= 180
    assert -90 <= south <= north <= 90
    random = np.random.default_rng(4)
    box = geometry.bounds
    up = 2.2 * radius / 110_000
    lat = np.clip(random.uniform(box[1] - up, box[3] + up, 4000), -90, 90)
    side = np.minimum(up / np.maximum(np.cos(np.radians(lat)), 1e-3), 180)
    lon = (random.uniform(box[0] - side, box[2] + side) + 180) % 360 - 180
    spots = np.asarray(shapely.points(lon, lat))
    metres = distance_m(spots, np.full(len(spots), geometry, dtype=object))
    inside = shapely.intersects(area, spots)
    assert (metres <= radius).sum() > 50
    assert inside[metres < radius * (1 - tolerance)].all()
    assert not inside[metres > radius * (1 + tolerance)].any()


@pytest.mark.parametrize("spot", [(0, 0), (10, 50), (-120, -70), (25, 84), (179.99, 10), (-179.99, -60), (180, 0)])
@pytest.mark.parametrize("radius", [10.0, 50_000.0, 700_000.0])
def test_points(spot: tuple[float, float], radius: float) -> None:
    _check(shapely.Point(spot), radius)


@pytest.mark.parametrize("spot", [(0, 89.9), (120, 90), (-77, -89.5), (0, -90)])
def test_poles(spot: tuple[float, float]) -> None:
    _check(shapely.Point(spot), 150_000)


def test_a_circle_around_a_point_has_the_area_of_a_circle() -> None:
    areas = area_m2(buffer_m(np.asarray(shapely.points([[10, 0], [10, 50], [10, 80]])), 10_000, quad_segs=64))
    assert areas == pytest.approx([np.pi * 1e8] * 3, rel=1e-3)


@pytest.mark.parametrize(
    "wkt",
    [
        "LINESTRING (10 50, 10.5 50.2)",
        "POLYGON ((10 50, 11 50, 11 51, 10 51, 10 50), (10.4 50.4, 10.6 50.4, 10.6 50.6, 10.4 50.6, 10.4 50.4))",
        "LINESTRING (0 40, 20 45)",
        "POLYGON ((0 60, 15 60, 15 66, 0 66, 0 60))",
        "MULTIPOINT (0 50, 9 50)",
        "GEOMETRYCOLLECTION (POINT (5 5), LINESTRING (6 6, 12 8))",
        "POLYGON ((170 -10, 179.95 -10, 179.95 -5, 170 -5, 170 -10))",
    ],
)
def test_lines_and_areas_small_and_large(wkt: str) -> None:
    _check(shapely.from_wkt(wkt), 20_000, tolerance=0.02)


def test_a_negative_radius_shrinks() -> None:
    for size in (1, 6):
        area = shapely.box(0, 40, size, 40 + size)
        small = buffer_m(np.array([area]), -10_000)[0]
        assert shapely.contains_properly(area, small)
        edge = distance_m(np.asarray(shapely.points(shapely.get_coordinates(small))), np.array([area.exterior]))
        assert edge == pytest.approx(np.full(len(edge), 10_000), rel=0.02)
    assert buffer_m(np.array([shapely.Point(1, 1)]), -5)[0].is_empty


def test_one_radius_per_row_missing_and_empty() -> None:
    column = np.array([shapely.Point(0, 0), shapely.Point(0, 0), None, shapely.Point()], dtype=object)
    found = buffer_m(column, np.array([1000.0, 2000.0, 5.0, 5.0]))
    assert area_m2(found[:2])[1] == pytest.approx(4 * area_m2(found[:2])[0], rel=1e-4)
    assert found[2] is None
    assert found[3].wkt == "POLYGON EMPTY"


@pytest.mark.parametrize("radius", [6e6, np.nan, np.inf])
def test_radii_that_are_too_large(radius: float) -> None:
    with pytest.raises(GeometryError, match="buffer"):
        buffer_m(np.array([shapely.Point(0, 0)]), radius)
