# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely

from semcube.geometry import CRS84, transform
from semcube.geometry.antimeridian import wrapped
from semcube.geometry.metres import area_m2, distance_m, length_m, perimeter_m

SQUARE = "POLYGON ((-1000000 -1000000, 1000000 -1000000, 1000000 1000000, -1000000 1000000, -1000000 -1000000)"
HOLE = ", (-100000 -100000, 100000 -100000, 100000 100000, -100000 100000, -100000 -100000)"
NORTH, SOUTH, UTM_60 = 3413, 3031, 32660


def lonlat(wkt: str, system: int) -> shapely.Geometry:
    return transform(np.array([shapely.from_wkt(wkt)]), system, CRS84)[0]


def dense_area(wkt: str, system: int) -> float:
    """The planar area, each small cell with the projection's own scale."""
    area = shapely.from_wkt(wkt)
    factors = pyproj.Proj(system)
    west, south, east, north = area.bounds
    side = (east - west) / 200
    x, y = np.meshgrid(np.arange(west, east, side) + side / 2, np.arange(south, north, side) + side / 2)
    inside = shapely.contains_xy(area, x.ravel(), y.ravel())
    lon, lat = factors(x.ravel()[inside], y.ravel()[inside], inverse=True)
    return float((side**2 / factors.get_factors(lon, lat).areal_scale).sum())


@pytest.mark.parametrize(("system", "pole"), [(NORTH, 90), (SOUTH, -90)])
@pytest.mark.parametrize("hole", ["", HOLE])
def test_an_area_around_a_pole(system: int, pole: int, hole: str) -> None:
    wkt = SQUARE + hole + ")"
    found = lonlat(wkt, system)
    assert found.is_valid
    assert shapely.intersects_xy(found, 10, pole * 0.95)
    assert bool(shapely.intersects_xy(found, 10, pole)) == (not hole)
    assert not shapely.intersects_xy(found, 10, 0)
    assert area_m2(np.array([found]))[0] == pytest.approx(dense_area(wkt, system), rel=2e-3)


def test_the_seam_is_no_edge() -> None:
    box = "POLYGON ((700000 0, 900000 0, 900000 100000, 700000 100000, 700000 0))"
    both = np.array([lonlat(box, UTM_60)])
    assert both[0].geom_type == "MultiPolygon"
    assert both[0].bounds[0] == -180
    assert both[0].bounds[2] == 180
    assert perimeter_m(both)[0] == pytest.approx(600_000, rel=2e-3)
    assert length_m(both)[0] == perimeter_m(both)[0]
    assert area_m2(both)[0] == pytest.approx(2e10, rel=3e-3)
    assert distance_m(both, np.array([shapely.Point(-179.999, 0.5)]))[0] == 0


def test_an_edge_on_the_antimeridian_is_one_where_only_one_side_is_there() -> None:
    east, west = shapely.box(179, 0, 180, 1), shapely.box(-180, 0, -179, 1)
    alone = perimeter_m(np.array([east]))[0]
    both = perimeter_m(np.array([shapely.MultiPolygon([east, west])]))[0]
    assert both == pytest.approx(2 * alone - 2 * perimeter_m(np.array([east]))[0] / 4, rel=5e-3)


def test_a_line_over_the_pole_and_the_antimeridian() -> None:
    line = lonlat("LINESTRING Z (700000 0 1, 900000 0 3)", UTM_60)
    assert line.geom_type == "MultiLineString"
    assert line.has_z
    assert shapely.get_coordinates(line, include_z=True)[:, 2].max() == 3
    assert length_m(np.array([line]))[0] == pytest.approx(200_000, rel=3e-3)


@pytest.mark.parametrize(
    ("wkt", "system"),
    [
        ("POLYGON ((-19e6 -1e6, 19e6 -1e6, 19e6 1e6, -19e6 1e6, -19e6 -1e6))", 3857),
        ("POLYGON ((300000 0, 400000 0, 400000 100000, 300000 0))", UTM_60),
        ("MULTIPOINT ((800000 0), (900000 0))", UTM_60),
    ],
)
def test_what_needs_no_cut_keeps_its_vertices(wkt: str, system: int) -> None:
    given = shapely.from_wkt(wkt)
    found = lonlat(wkt, system)
    assert found.geom_type == given.geom_type
    assert shapely.get_num_coordinates(found) == shapely.get_num_coordinates(given)


def test_wrapped() -> None:
    turned = wrapped(shapely.box(-190, 0, 10, 1))
    assert turned.area == pytest.approx(200)
    assert turned.bounds == (-180, 0, 180, 1)
