# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.errors import CRSError, GeometryError
from semcube.geometry import CRS84, Geometries, crs, from_wkb, parse, serialise
from semcube.vocab import GEOJSON_LITERAL, GEOMETRY_LITERALS, GML_LITERAL, KML_LITERAL, WKT_LITERAL

from .shapes import geometries

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
LAT_LON = f"<{EPSG}4326> "


def _one(text: str, datatype: str = WKT_LITERAL) -> Geometries:
    return parse([text], datatype)


def _exact(geometry: shapely.Geometry) -> str:
    return str(shapely.to_wkt(geometry, rounding_precision=25))


# --- WKT ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wkt"),
    [
        ("POINT (1 2)", "POINT (1 2)"),
        ("point(1 2)", "POINT (1 2)"),
        ("  Point\n ( 1\t2 ) ", "POINT (1 2)"),
        ("POINT (1e2 -2.5E-3)", "POINT (100 -0.0025)"),
        ("POINT EMPTY", "POINT EMPTY"),
        ("POINT Z (1 2 3)", "POINT Z (1 2 3)"),
        ("POINT Z(1 2 3)", "POINT Z (1 2 3)"),
        ("POINT M (1 2 3)", "POINT M (1 2 3)"),
        ("POINT ZM (1 2 3 4)", "POINT ZM (1 2 3 4)"),
        ("", "GEOMETRYCOLLECTION EMPTY"),
        ("  ", "GEOMETRYCOLLECTION EMPTY"),
        ("<http://www.opengis.net/def/crs/OGC/1.3/CRS84>", "GEOMETRYCOLLECTION EMPTY"),
        ("<http://www.opengis.net/def/crs/OGC/1.3/CRS84>POINT(1 2)", "POINT (1 2)"),
        (" <https://www.opengis.net/def/crs/OGC/1.3/CRS84>\nPOINT (1 2)", "POINT (1 2)"),
        (LAT_LON + "POINT (48 2)", "POINT (2 48)"),
        (LAT_LON + "POINT ZM (48 2 3 4)", "POINT ZM (2 48 3 4)"),
        (LAT_LON + "POINT EMPTY", "POINT EMPTY"),
        (f"<{EPSG}3035> POINT (3210000 4321000)", "POINT (4321000 3210000)"),
        (f"<{EPSG}3857> POINT (1 2)", "POINT (1 2)"),
        ("MULTIPOINT (1 2, 3 4)", "MULTIPOINT ((1 2), (3 4))"),
        ("TRIANGLE ((0 0, 1 0, 1 1, 0 0))", "POLYGON ((0 0, 1 0, 1 1, 0 0))"),
    ],
)
def test_wkt(text: str, wkt: str) -> None:
    found = _one(text)
    assert found.errors == {}
    assert found.native[0].wkt == wkt


def test_a_polyhedral_surface_is_the_union_of_its_patches() -> None:
    found = _one("POLYHEDRALSURFACE (((0 0, 1 0, 1 1, 0 0)), ((0 0, 1 1, 0 1, 0 0)))").native[0]
    assert found.equals(shapely.box(0, 0, 1, 1))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("POINT (1)", "Expected number"),
        ("POINT (1 2", "Expected"),
        ("PINT (1 2)", "Unknown type"),
        ("POLYGON ((0 0, 1 0, 1 1))", "closed"),
        ("LINESTRING (0 0)", ">1"),
        ("POINT (1 2) extra", "Unexpected text"),
        ("POINT (nan 2)", "finite"),
        ("POINT (1 inf)", "finite"),
        ("POINT (1e999 1)", "finite"),
        ("POINT (0x10 1)", "finite decimal"),
        ("CIRCULARSTRING (0 0, 1 1, 2 0)", "not currently supported"),
        (f"<{EPSG}999999> POINT (1 2)", "999999"),
        ("<> POINT (1 2)", "not known"),
        ("<http://x POINT (1 2)", "Unknown type"),
        ("GEOMETRYCOLLECTION (" * 40_000 + "POINT (1 2)" + ")" * 40_000, "nested deeper"),
    ],
)
def test_malformed_wkt(text: str, reason: str) -> None:
    found = parse(["POINT (5 6)", text, None], WKT_LITERAL)
    assert found.native[0].wkt == "POINT (5 6)"
    assert found.native[1] is None
    assert found.native[2] is None
    assert list(found.errors) == [1]
    assert reason in found.errors[1]
    assert found.crs.tolist() == [0, -1, -1]


def test_many_parts_are_not_deep() -> None:
    text = "GEOMETRYCOLLECTION (" + ", ".join(["POLYGON ((0 0, 1 0, 1 1, 0 0))"] * 500) + ")"
    assert shapely.get_num_geometries(_one(text).native[0]) == 500


def test_systems_of_a_mixed_column() -> None:
    found = parse([LAT_LON + "POINT (48 2)", "POINT (1 1)", f"<{EPSG}2154> POINT (651000 6862000)", "bad"], WKT_LITERAL)
    assert [s.iri if s else None for s in found.systems_by_row()] == [EPSG + "4326", CRS84.iri, EPSG + "2154", None]
    assert found.lonlat[0] is found.native[0]
    assert found.lonlat[1] is found.native[1]
    assert (found.lonlat[2].x, found.lonlat[2].y) == pytest.approx((2.33218, 48.85617), abs=1e-4)
    assert found.lonlat is found.lonlat


def test_what_has_no_longitude_and_latitude_is_missing_with_a_reason() -> None:
    found = _one(f"<{EPSG}3035> POINT (1e30 1e30)")
    assert found.native[0] is not None
    assert found.lonlat[0] is None
    assert "3035" in found.errors[0]


def test_containers_of_texts() -> None:
    texts = ["POINT (1 2)", None, "LINESTRING (0 0, 1 1)"]
    array = np.array(texts, dtype=object)
    chunked = pa.chunked_array([pa.array(texts[:1]), pa.array(texts[1:])])
    for given_ in (
        texts,
        array,
        pa.array(texts),
        pa.array(texts, pa.large_string()),
        chunked,
        pa.array(texts).dictionary_encode(),
        pa.array(["x", *texts])[1:],
    ):
        found = parse(given_, WKT_LITERAL)
        assert [None if g is None else g.wkt for g in found.native] == texts
    assert len(parse([], WKT_LITERAL)) == 0
    assert len(parse(pa.array([], pa.string()), GML_LITERAL)) == 0


def test_only_geometry_literals() -> None:
    with pytest.raises(GeometryError, match="string"):
        parse(["POINT (1 2)"], "http://www.w3.org/2001/XMLSchema#string")
    with pytest.raises(GeometryError):
        serialise(np.array([shapely.Point(1, 2)]), "x")


def test_take_and_concat() -> None:
    first = parse([LAT_LON + "POINT (48 2)", "x"], WKT_LITERAL)
    second = parse(["POINT (1 1)", f"<{EPSG}3857> POINT (0 0)"], WKT_LITERAL)
    both = Geometries.concat([first, second])
    assert [s.iri if s else None for s in both.systems_by_row()] == [EPSG + "4326", None, CRS84.iri, EPSG + "3857"]
    assert list(both.errors) == [1]
    assert both.lonlat[3].equals_exact(shapely.Point(0, 0), 1e-9)
    turned = both.take(np.array([3, 1, 1, 0]))
    assert [s.iri if s else None for s in turned.systems_by_row()] == [EPSG + "3857", None, None, EPSG + "4326"]
    assert sorted(turned.errors) == [1, 2]
    assert turned.lonlat[0] is both.lonlat[3]
    assert len(Geometries.concat([])) == 0


_DOUBLES = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(_DOUBLES, _DOUBLES, _DOUBLES), min_size=2, max_size=4),
    st.sampled_from(["CRS84", "EPSG:4326", "EPSG:3035"]),
)
def test_no_double_changes_on_the_way_out_and_in(values: list[tuple[float, float, float]], system: str) -> None:
    line = shapely.LineString(values)
    text = serialise(np.array([line]), WKT_LITERAL, system)[0]
    assert "e" not in text.rpartition(">")[2].lower().replace("linestring", "")
    back = _one(text)
    assert shapely.get_coordinates(back.native, include_z=True).tolist() == [list(v) for v in values]
    assert back.systems[back.crs[0]] == crs(system)


def test_decimals_are_plain_and_shortest() -> None:
    shown = {
        0.1 + 0.2: "0.30000000000000004",
        1e-7: "0.0000001",
        1e21: "1" + "0" * 21,
        1 / 3: "0.3333333333333333",
        -2.0: "-2",
    }
    for value, text in shown.items():
        assert serialise(np.array([shapely.Point(value, 0)]), WKT_LITERAL)[0] == f"POINT ({text} 0)"


@settings(max_examples=80, deadline=None)
@given(geometries, st.sampled_from([CRS84, crs(4326), crs(3857), crs(3035)]))
def test_every_kind_survives_wkt(geometry: shapely.Geometry, system: object) -> None:
    text = serialise(np.array([geometry], dtype=object), WKT_LITERAL, system)
    back = parse(text, WKT_LITERAL)
    assert _exact(back.native[0]) == _exact(geometry)
    assert back.serialise(WKT_LITERAL).tolist() == text.tolist()


@settings(max_examples=80, deadline=None)
@given(geometries, st.sampled_from([CRS84, crs(4326)]), st.sampled_from([GML_LITERAL, KML_LITERAL, GEOJSON_LITERAL]))
def test_every_kind_survives_the_other_serialisations(
    geometry: shapely.Geometry, system: object, datatype: str
) -> None:
    text = serialise(np.array([geometry], dtype=object), datatype, system)
    back = parse(text, datatype)
    assert back.errors == {}
    assert back.native[0].is_empty == geometry.is_empty
    assert _leaves(back.native[0]) == _leaves(geometry) or shapely.equals(back.native[0], geometry)


def _leaves(geometry: shapely.Geometry) -> list[str]:
    """The simple parts of a geometry: KML has one name for collections and multi-geometries."""
    if hasattr(geometry, "geoms"):
        return sorted(leaf for part in geometry.geoms for leaf in _leaves(part))
    return [geometry.normalize().wkt]


def test_a_system_without_iri_cannot_be_written() -> None:
    nameless = crs("+proj=lcc +lat_1=49 +lat_2=77 +lat_0=40 +lon_0=-100 +datum=WGS84 +units=m")
    with pytest.raises(CRSError, match="no IRI"):
        serialise(np.array([shapely.Point(1, 2)]), WKT_LITERAL, nameless)
    assert json.loads(serialise(np.array([shapely.Point(0, 0)]), GEOJSON_LITERAL, nameless)[0])["type"] == "Point"


def test_missing_geometries_stay_missing() -> None:
    for datatype in GEOMETRY_LITERALS:
        assert serialise(np.array([None, shapely.Point(1, 2)], dtype=object), datatype)[0] is None


# --- WKB ------------------------------------------------------------------------------------------------------------


def test_from_wkb() -> None:
    deep = b"\x01\x07\0\0\0\x01\0\0\0" * 40_000 + b"\x01\x07\0\0\0\0\0\0\0"
    values = [shapely.Point(1, 2).wkb, None, b"\x01\x01", deep, shapely.to_wkb(shapely.Point(1, 2, 3), flavor="iso")]
    for container in (values, pa.array(values), pa.array(values, pa.large_binary()), np.array(values, dtype=object)):
        found = from_wkb(container, crs=2154)
        assert found.native[0].wkt == "POINT (1 2)"
        assert found.native[4].wkt == "POINT Z (1 2 3)"
        assert [found.native[i] for i in (1, 2, 3)] == [None, None, None]
        assert sorted(found.errors) == [2, 3]
        assert found.systems[found.crs[0]].iri == EPSG + "2154"


def test_a_curve_does_not_end_the_batch() -> None:
    curve = bytes.fromhex("010800000003000000" + "00" * 48)
    found = from_wkb([shapely.Point(1, 2).wkb, curve])
    assert found.native[0].wkt == "POINT (1 2)"
    assert "Nonlinear" in found.errors[1]
    texts = parse(["POINT (1 2)", "CURVEPOLYGON ((0 0, 1 1, 1 0, 0 0))", "MULTICURVE ((0 0, 1 1))"], WKT_LITERAL)
    assert texts.native[0].wkt == "POINT (1 2)"
    assert sorted(texts.errors) == [1, 2]
