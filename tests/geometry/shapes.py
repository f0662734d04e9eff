# SPDX-License-Identifier: Apache-2.0
"""Geometries for property tests: every type, on a small grid so that they often touch, with empties."""

from __future__ import annotations

import shapely
from hypothesis import strategies as st

_ORDINATE = st.integers(0, 4).map(float)
_XY = st.tuples(_ORDINATE, _ORDINATE)

points = _XY.map(shapely.Point)
lines = st.lists(_XY, min_size=2, max_size=5).filter(lambda xy: len(set(xy)) > 1).map(shapely.LineString)


@st.composite
def _boxes(draw: st.DrawFn) -> shapely.Geometry:
    x, y = draw(_XY)
    return shapely.box(x, y, x + draw(st.integers(1, 3)), y + draw(st.integers(1, 3)))


@st.composite
def _triangles(draw: st.DrawFn) -> shapely.Geometry:
    ring = draw(st.lists(_XY, min_size=3, max_size=3, unique=True))
    (ax, ay), (bx, by), (cx, cy) = ring
    if (bx - ax) * (cy - ay) == (by - ay) * (cx - ax):
        return shapely.box(0, 0, 1, 1)
    return shapely.Polygon(ring)


@st.composite
def _holed(draw: st.DrawFn) -> shapely.Geometry:
    x = draw(st.integers(0, 2))
    return shapely.Polygon([(x, 0), (x + 3, 0), (x + 3, 3), (x, 3)], [[(x + 1, 1), (x + 1, 2), (x + 2, 2), (x + 2, 1)]])


polygons = st.one_of(_boxes(), _triangles(), _holed())
multipoints = st.lists(points, min_size=1, max_size=3).map(shapely.MultiPoint)
multilines = st.lists(lines, min_size=1, max_size=3).map(shapely.MultiLineString)
multipolygons = st.tuples(_boxes(), st.integers(4, 6)).map(
    lambda given: shapely.MultiPolygon([given[0], shapely.transform(given[0], lambda xy: xy + given[1])])
)
empties = st.sampled_from(
    [
        shapely.Point(),
        shapely.LineString(),
        shapely.Polygon(),
        shapely.MultiPoint(),
        shapely.MultiPolygon(),
        shapely.GeometryCollection(),
    ]
)
simple = st.one_of(points, lines, polygons, multipoints, multilines, multipolygons)
collections = st.lists(st.one_of(points, lines, polygons), min_size=1, max_size=2).map(shapely.GeometryCollection)
geometries = st.one_of(simple, collections, empties)
