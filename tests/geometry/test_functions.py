# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely

from semcube.geometry import Geometries, parse
from semcube.geometry.functions import AGGREGATES, KERNELS
from semcube.geometry.metres import GEOD, area_m2, distance_m
from semcube.vocab import SF, UNIT, UOM, WKT_LITERAL

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
LAT_LON = f"<{EPSG}4326> "
METRE, DEGREE, UNITY = UOM + "metre", UOM + "degree", UOM + "unity"
SQUARE = "POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))"
GEOSPARQL = {
    "area",
    "boundary",
    "boundingCircle",
    "buffer",
    "centroid",
    "concaveHull",
    "convexHull",
    "coordinateDimension",
    "difference",
    "dimension",
    "distance",
    "envelope",
    "geometryN",
    "geometryType",
    "getSRID",
    "intersection",
    "is3D",
    "isEmpty",
    "isMeasured",
    "isSimple",
    "length",
    "maxX",
    "maxY",
    "maxZ",
    "metricArea",
    "metricBuffer",
    "metricDistance",
    "metricLength",
    "metricPerimeter",
    "minX",
    "minY",
    "minZ",
    "numGeometries",
    "perimeter",
    "spatialDimension",
    "symDifference",
    "transform",
    "union",
}


def column(*texts: str | None) -> Geometries:
    return parse(list(texts), WKT_LITERAL)


def call(name: str, *arguments: Any) -> Any:
    return KERNELS[name].function(*arguments)


def wkt(found: Geometries) -> list[str | None]:
    return [None if g is None else g.wkt for g in found.native]


def test_all_functions_of_the_standard_are_there() -> None:
    assert set(KERNELS) == GEOSPARQL
    assert set(AGGREGATES) == {
        f"agg{x}" for x in ("Union", "BoundingBox", "BoundingCircle", "Centroid", "ConvexHull", "ConcaveHull")
    }
    for kernel in (*KERNELS.values(), *AGGREGATES.values()):
        assert kernel.doc.endswith(".")


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("boundary", "LINESTRING (0 0, 1 1)", "MULTIPOINT ((0 0), (1 1))"),
        ("boundary", SQUARE, "LINESTRING (0 0, 2 0, 2 2, 0 2, 0 0)"),
        ("envelope", "LINESTRING (0 0, 1 1)", "POLYGON ((0 0, 1 0, 1 1, 0 1, 0 0))"),
        ("centroid", SQUARE, "POINT (1 1)"),
        ("convexHull", "MULTIPOINT (0 0, 1 0, 0 1, 0.1 0.1)", "POLYGON ((0 0, 0 1, 1 0, 0 0))"),
    ],
)
def test_geometry_of_a_geometry(name: str, given: str, expected: str) -> None:
    found = call(name, column(given, None, LAT_LON + "POINT (48 2)"))
    assert wkt(found)[0] == expected
    assert wkt(found)[1] is None
    assert found.systems_by_row()[2].iri == EPSG + "4326"


def test_circles_and_concave_hulls() -> None:
    circle = call("boundingCircle", column(SQUARE)).native[0]
    assert circle.area == pytest.approx(2 * np.pi, rel=0.02)
    letter = column("MULTIPOINT (0 0, 10 0, 10 1, 1 1, 1 9, 10 9, 10 10, 0 10)")
    assert call("concaveHull", letter, 0.1).native[0].area < call("convexHull", letter).native[0].area


def test_a_collection_has_no_boundary() -> None:
    found = call("boundary", column("GEOMETRYCOLLECTION (POINT (1 1))"))
    assert found.native[0] is None
    assert "collection" in found.errors[0]


@pytest.mark.parametrize(
    ("name", "area"), [("intersection", 1.0), ("union", 7.0), ("difference", 3.0), ("symDifference", 6.0)]
)
def test_set_operations_come_out_in_the_first_system(name: str, area: float) -> None:
    first = column(SQUARE, SQUARE, LAT_LON + "POINT (1 1)", None)
    second = column(
        "POLYGON ((1 1, 3 1, 3 3, 1 3, 1 1))", LAT_LON + "POLYGON ((1 1, 1 3, 3 3, 3 1, 1 1))", SQUARE, SQUARE
    )
    found = call(name, first, second)
    assert shapely.area(found.native)[:2] == pytest.approx([area, area])
    assert found.systems_by_row()[2].iri == EPSG + "4326"
    assert found.native[3] is None


def test_set_operations_across_projections() -> None:
    square = call("transform", column("POLYGON ((2 48, 2.1 48, 2.1 48.1, 2 48.1, 2 48))"), EPSG + "2154")
    found = call("intersection", square, column("POLYGON ((2.05 48, 2.2 48, 2.2 48.1, 2.05 48.1, 2.05 48))"))
    assert found.systems_by_row()[0].iri == EPSG + "2154"
    assert found.native[0].area == pytest.approx(square.native[0].area / 2, rel=1e-3)


def test_transform() -> None:
    found = call(
        "transform",
        column("POINT (2 48)", "POINT (2 48)", None, "POINT (2 91)"),
        np.array([EPSG + "4326", EPSG + "2154", EPSG + "2154", EPSG + "3857"], dtype=object),
    )
    assert found.serialise(WKT_LITERAL)[0] == LAT_LON + "POINT (48 2)"
    assert found.systems_by_row()[1].iri == EPSG + "2154"
    assert found.native[3] is None
    assert 3 in found.errors
    unknown = call("transform", column("POINT (2 48)"), EPSG + "999999")
    assert unknown.native[0] is None
    assert "999999" in unknown.errors[0]


def test_parts() -> None:
    many = column("MULTIPOINT (1 2, 3 4)", "MULTIPOINT (1 2, 3 4)", "POINT (5 6)", "MULTIPOINT (1 2)", None)
    found = call("geometryN", many, np.array([1, 2, 1, 5, 1]))
    assert wkt(found) == ["POINT (1 2)", "POINT (3 4)", "POINT (5 6)", None, None]
    assert list(found.errors) == [3]
    assert call("geometryN", many, np.array([0, -1, 1, 1, 1])).native[0] is None
    counts = call("numGeometries", many)
    assert counts.tolist() == [2, 2, 1, 1, None]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("dimension", [0, 1, 2, 0, None]),
        ("coordinateDimension", [2, 3, 2, 4, None]),
        ("spatialDimension", [2, 3, 2, 3, None]),
        ("is3D", [False, True, False, True, None]),
        ("isMeasured", [False, False, False, True, None]),
        ("isEmpty", [False, False, True, False, None]),
        ("minX", [2, 0, None, 1, None]),
        ("maxX", [2, 3, None, 1, None]),
        ("minY", [48, 0, None, 2, None]),
        ("maxY", [48, 4, None, 2, None]),
        ("minZ", [None, 1, None, 3, None]),
        ("maxZ", [None, 9, None, 3, None]),
    ],
)
def test_values(name: str, values: list[object]) -> None:
    given = column(LAT_LON + "POINT (48 2)", "LINESTRING Z (0 0 1, 3 4 9)", "POLYGON EMPTY", "POINT ZM (1 2 3 4)", None)
    assert call(name, given).tolist() == values


def test_types_simplicity_and_systems() -> None:
    given = column(
        "POINT (1 1)",
        "LINESTRING (0 0, 2 2, 2 0, 0 2)",
        "GEOMETRYCOLLECTION (POINT (1 1))",
        LAT_LON + "MULTIPOLYGON EMPTY",
        None,
    )
    assert call("geometryType", given).tolist() == [
        SF + "Point",
        SF + "LineString",
        SF + "GeometryCollection",
        SF + "MultiPolygon",
        None,
    ]
    assert call("isSimple", given).tolist() == [True, False, True, True, None]
    assert call("getSRID", given).tolist()[2:] == ["http://www.opengis.net/def/crs/OGC/1.3/CRS84", EPSG + "4326", None]


def test_distance_in_every_unit() -> None:
    a, b = column("POINT (0 0)"), column("POINT (1 0)")
    degree = GEOD.inv(0, 0, 1, 0)[2]
    assert call("distance", a, b, METRE)[0] == pytest.approx(degree)
    assert call("distance", a, b, UNIT + "KiloM")[0] == pytest.approx(degree / 1000)
    assert call("distance", a, b, DEGREE)[0] == 1
    assert call("distance", a, b, UOM + "radian")[0] == pytest.approx(np.pi / 180)
    assert call("distance", a, b, UNITY)[0] == 1
    assert call("metricDistance", a, b)[0] == pytest.approx(degree)
    assert call("distance", a, b, UNIT + "HA").tolist() == [None]
    assert call("distance", a, b, UOM + "furlong").tolist() == [None]
    assert call("distance", column(None), b, METRE).tolist() == [None]
    several = call(
        "distance",
        column("POINT (0 0)", "POINT (0 0)"),
        column("POINT (1 0)", "POINT (1 0)"),
        np.array([METRE, DEGREE], dtype=object),
    )
    assert several.tolist() == pytest.approx([degree, 1])


def test_metres_are_on_the_ellipsoid_in_every_system() -> None:
    lonlat = column("POINT (10 60)", SQUARE), column("POINT (10.1 60)", SQUARE)
    for system in (EPSG + "3857", EPSG + "4326", EPSG + "32632"):
        a, b = (call("transform", side.take(np.array([0])), system) for side in lonlat)
        assert call("distance", a, b, METRE)[0] == pytest.approx(GEOD.inv(10, 60, 10.1, 60)[2], abs=1e-3)
    area = call("transform", lonlat[0].take(np.array([1])), EPSG + "3857")
    assert call("area", area, METRE)[0] == pytest.approx(area_m2(lonlat[0].native[1:])[0], rel=1e-6)
    assert call("area", area, UNITY)[0] == pytest.approx(area.native[0].area)


def test_sizes() -> None:
    given = column(SQUARE, "LINESTRING (0 0, 1 0)", "POINT (1 1)", None)
    square = area_m2(given.native[:1])[0]
    assert call("area", given, METRE).tolist() == [pytest.approx(square), 0, 0, None]
    assert call("area", given, UNIT + "HA")[0] == pytest.approx(square / 1e4)
    assert call("area", given, UNIT + "KiloM")[0] == pytest.approx(square / 1e6)
    assert call("area", given, DEGREE).tolist() == [4, 0, 0, None]
    assert call("metricArea", given)[0] == pytest.approx(square)
    assert call("length", given, DEGREE).tolist() == [8, 1, 0, None]
    assert call("perimeter", given, DEGREE).tolist() == [8, 0, 0, None]
    assert call("metricLength", given)[1] == pytest.approx(GEOD.inv(0, 0, 1, 0)[2])
    assert call("metricPerimeter", given).tolist()[1:] == [0, 0, None]


@pytest.mark.parametrize(
    "system", ["", LAT_LON, f"<{EPSG}3857> ", f"<{EPSG}32632> ", f"<{EPSG}3035> ", f"<{EPSG}4258> "]
)
def test_a_buffer_in_metres_has_its_radius_on_the_ground(system: str) -> None:
    centre = column("POINT (9 60)")
    given = call("transform", centre, system.strip("<> ")) if system else centre
    found = call("buffer", given, 5000.0, METRE)
    assert found.systems_by_row() == given.systems_by_row()
    edge = np.asarray(shapely.points(shapely.get_coordinates(found.lonlat[0])))
    assert distance_m(edge, centre.native) == pytest.approx(np.full(len(edge), 5000), rel=0.005)
    metric = call("metricBuffer", given, np.array([5000.0]))
    assert metric.native[0].equals_exact(found.native[0], 1e-9)


def test_buffers_in_other_units() -> None:
    given = column("POINT (9 60)", "POINT (9 60)", "POINT (9 60)", None)
    units = np.array([DEGREE, UNITY, UOM + "furlong", METRE], dtype=object)
    found = call("buffer", given, np.array([1.0, 2.0, 1.0, 1.0]), units)
    assert [None if g is None else round(g.bounds[2], 6) for g in found.native] == [10, 11, None, None]
    assert "furlong" in found.errors[2]


def test_aggregates() -> None:
    given = column("POINT (0 0)", None, LAT_LON + "POINT (0 4)", "POINT (4 4)", "bad")
    expected = {
        "aggUnion": "MULTIPOINT ((0 0), (4 0), (4 4))",
        "aggBoundingBox": "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0))",
        "aggConvexHull": "POLYGON ((0 0, 4 4, 4 0, 0 0))",
    }
    for name, text in expected.items():
        found = AGGREGATES[name].function(given)
        assert len(found) == 1
        assert found.native[0].normalize().wkt == shapely.from_wkt(text).normalize().wkt
    centre = AGGREGATES["aggCentroid"].function(given).native[0]
    assert (centre.x, centre.y) == pytest.approx((8 / 3, 4 / 3))
    assert AGGREGATES["aggBoundingCircle"].function(given).native[0].covers(shapely.Point(2, 2))
    assert AGGREGATES["aggConcaveHull"].function(given).native[0].area > 0
    assert AGGREGATES["aggUnion"].function(column(None)).native[0].is_empty


def test_aggregates_keep_the_system_of_the_first() -> None:
    given = column(LAT_LON + "POINT (48 2)", "POINT (2 48)")
    found = AGGREGATES["aggUnion"].function(given)
    assert found.serialise(WKT_LITERAL)[0] == LAT_LON + "POINT (48 2)"


def test_an_invalid_row_does_not_end_the_batch() -> None:
    bow = "POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0), (0 0, 0 1, 1 1, 0 0))"
    found = call("intersection", column(bow, SQUARE), column(SQUARE, SQUARE))
    assert found.native[1].area == 4
    assert (found.native[0] is None) == (0 in found.errors)
