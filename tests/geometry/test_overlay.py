# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings

from semcube.geometry.overlay import set_operation
from tests.geometry.shapes import collections, geometries

TRUTH = {
    "intersection": lambda a, b: a & b,
    "union": lambda a, b: a | b,
    "difference": lambda a, b: a & ~b,
    "symmetric_difference": lambda a, b: a ^ b,
}
# Off every edge that the shapes can have.
PLACES = np.array([(x + 0.317, y + 0.129) for x in range(-1, 8) for y in range(-1, 8)]) + 0.0137


@pytest.mark.parametrize("name", TRUTH)
@settings(max_examples=60)
@given(a=collections, b=geometries)
def test_areas_of_collections_are_sets_of_points(name: str, a: shapely.Geometry, b: shapely.Geometry) -> None:
    for first, second in ((a, b), (b, a)):
        found = set_operation(name)(np.array([first]), np.array([second]))[0]
        here = [shapely.intersects_xy(side, *PLACES.T) for side in (first, second, found)]
        assert (here[2] == TRUTH[name](here[0], here[1])).all()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("intersection", "GEOMETRYCOLLECTION (POINT (5 5), LINESTRING (2 0, 4 0))"),
        ("union", "GEOMETRYCOLLECTION (LINESTRING (0 0, 2 0), POLYGON ((2 -1, 9 -1, 9 9, 2 9, 2 -1)), POINT (0 9))"),
        ("difference", "GEOMETRYCOLLECTION (POINT (0 9), LINESTRING (0 0, 2 0))"),
    ],
)
def test_mixed_dimensions(name: str, expected: str) -> None:
    mixed = shapely.from_wkt("GEOMETRYCOLLECTION (POINT (5 5), POINT (0 9), LINESTRING (0 0, 4 0))")
    found = set_operation(name)(np.array([mixed]), np.array([shapely.box(2, -1, 9, 9)]))[0]
    assert {p.normalize().wkt for p in found.geoms} == {p.normalize().wkt for p in shapely.from_wkt(expected).geoms}


def test_rows_without_geometry_and_plain_rows() -> None:
    some = np.array([None, shapely.Point(1, 1), shapely.GeometryCollection()], dtype=object)
    found = set_operation("union")(some, np.array([shapely.Point(1, 1)] * 3, dtype=object))
    assert found[0] is None
    assert [found[1].wkt, found[2].wkt] == ["POINT (1 1)", "POINT (1 1)"]
