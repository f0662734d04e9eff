# SPDX-License-Identifier: Apache-2.0
"""GML, KML and GeoJSON as they occur in the wild."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely

from semcube.geometry import parse, serialise
from semcube.vocab import GEOJSON_LITERAL, GML_LITERAL, KML_LITERAL

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
OGC_CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
SPACES = ["http://www.opengis.net/gml", "http://www.opengis.net/gml/3.2", "http://www.opengis.net/ont/gml"]


def _gml(inside: str, system: str = OGC_CRS84, space: str = SPACES[1], attributes: str = "") -> str:
    name, _, rest = inside.partition(">")
    return f'<gml:{name} xmlns:gml="{space}" srsName="{system}" {attributes}>{rest}'


@pytest.mark.parametrize("space", SPACES)
def test_gml_in_any_namespace(space: str) -> None:
    text = _gml("Point><gml:pos>-83.4 34.4</gml:pos></gml:Point>", space=space)
    assert parse([text], GML_LITERAL).native[0].wkt == "POINT (-83.4 34.4)"


RING = "<gml:LinearRing><gml:posList>0 0 4 0 4 4 0 4 0 0</gml:posList></gml:LinearRing>"
HOLE = "<gml:LinearRing><gml:posList>1 1 1 2 2 2 2 1 1 1</gml:posList></gml:LinearRing>"
LINE = "<gml:LineString><gml:posList>0 0 1 1</gml:posList></gml:LineString>"
SEGMENT = "<gml:LineStringSegment><gml:posList>{}</gml:posList></gml:LineStringSegment>"
GML = [
    ("LineString><gml:pos>0 0</gml:pos><gml:pos>1 1</gml:pos></gml:LineString>", "LINESTRING (0 0, 1 1)"),
    ("LineString><gml:coordinates>0,0 1,1</gml:coordinates></gml:LineString>", "LINESTRING (0 0, 1 1)"),
    ("LineString><gml:coordinates>0, 0\n 1 ,1</gml:coordinates></gml:LineString>", "LINESTRING (0 0, 1 1)"),
    (
        'LineString><gml:coordinates decimal="," cs=";" ts=" ">0,5;0 1;1,5</gml:coordinates></gml:LineString>',
        "LINESTRING (0.5 0, 1 1.5)",
    ),
    (
        'LineString><gml:posList srsDimension="3">0 0 1 1 1 2</gml:posList></gml:LineString>',
        "LINESTRING Z (0 0 1, 1 1 2)",
    ),
    ("Point><gml:pos>1 2 3</gml:pos></gml:Point>", "POINT Z (1 2 3)"),
    ("Point><gml:coord><gml:X>1</gml:X><gml:Y>2</gml:Y></gml:coord></gml:Point>", "POINT (1 2)"),
    ("Point></gml:Point>", "POINT EMPTY"),
    (f"Polygon><gml:exterior>{RING}</gml:exterior></gml:Polygon>", "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0))"),
    (
        f"Polygon><gml:outerBoundaryIs>{RING}</gml:outerBoundaryIs><gml:innerBoundaryIs>{HOLE}</gml:innerBoundaryIs></gml:Polygon>",
        "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1))",
    ),
    (
        "Envelope><gml:lowerCorner>0 1</gml:lowerCorner><gml:upperCorner>2 3</gml:upperCorner></gml:Envelope>",
        "POLYGON ((2 1, 2 3, 0 3, 0 1, 2 1))",
    ),
    (
        "MultiPoint><gml:pointMember><gml:Point><gml:pos>1 2</gml:pos></gml:Point></gml:pointMember>"
        "<gml:pointMembers><gml:Point><gml:pos>3 4</gml:pos></gml:Point></gml:pointMembers></gml:MultiPoint>",
        "MULTIPOINT ((1 2), (3 4))",
    ),
    (
        f"MultiLineString><gml:lineStringMember>{LINE}</gml:lineStringMember></gml:MultiLineString>",
        "MULTILINESTRING ((0 0, 1 1))",
    ),
    (f"MultiCurve><gml:curveMember>{LINE}</gml:curveMember></gml:MultiCurve>", "MULTILINESTRING ((0 0, 1 1))"),
    (
        f"MultiSurface><gml:surfaceMember><gml:Polygon><gml:exterior>{RING}</gml:exterior></gml:Polygon></gml:surfaceMember></gml:MultiSurface>",
        "MULTIPOLYGON (((0 0, 4 0, 4 4, 0 4, 0 0)))",
    ),
    (
        f"MultiGeometry><gml:geometryMember>{LINE}</gml:geometryMember></gml:MultiGeometry>",
        "GEOMETRYCOLLECTION (LINESTRING (0 0, 1 1))",
    ),
    (
        f"Curve><gml:segments>{SEGMENT.format('0 0 1 1')}{SEGMENT.format('1 1 2 0')}</gml:segments></gml:Curve>",
        "LINESTRING (0 0, 1 1, 2 0)",
    ),
    (
        f"CompositeCurve><gml:curveMember>{LINE}</gml:curveMember><gml:curveMember><gml:LineString>"
        "<gml:posList>1 1 5 5</gml:posList></gml:LineString></gml:curveMember></gml:CompositeCurve>",
        "LINESTRING (0 0, 1 1, 5 5)",
    ),
    (
        f'OrientableCurve orientation="-"><gml:baseCurve>{LINE}</gml:baseCurve></gml:OrientableCurve>',
        "LINESTRING (1 1, 0 0)",
    ),
    (
        f"Surface><gml:patches><gml:PolygonPatch><gml:exterior>{RING}</gml:exterior></gml:PolygonPatch></gml:patches></gml:Surface>",
        "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0))",
    ),
    (
        "Polygon><gml:exterior><gml:Ring><gml:curveMember><gml:LineString><gml:posList>0 0 4 0 4 4</gml:posList>"
        "</gml:LineString></gml:curveMember><gml:curveMember><gml:LineString><gml:posList>4 4 0 0</gml:posList>"
        "</gml:LineString></gml:curveMember></gml:Ring></gml:exterior></gml:Polygon>",
        "POLYGON ((0 0, 4 0, 4 4, 0 0))",
    ),
]


@pytest.mark.parametrize(("inside", "wkt"), GML)
def test_gml(inside: str, wkt: str) -> None:
    found = parse([_gml(inside)], GML_LITERAL)
    assert found.errors == {}
    assert found.native[0].wkt == wkt


def test_gml_order_of_axes() -> None:
    texts = [
        _gml("Point><gml:pos>48 2</gml:pos></gml:Point>", EPSG + "4326"),
        _gml("Point><gml:pos>48 2</gml:pos></gml:Point>", "urn:ogc:def:crs:EPSG::4326"),
        _gml("Point><gml:pos>2 48</gml:pos></gml:Point>", "http://www.opengis.net/gml/srs/epsg.xml#4326"),
        _gml("Point><gml:pos>2 48</gml:pos></gml:Point>"),
        "<Point><pos>2 48</pos></Point>",
    ]
    found = parse(texts, GML_LITERAL)
    assert [g.wkt for g in found.lonlat] == ["POINT (2 48)"] * 5


def test_gml_system_of_a_part_counts_for_the_whole() -> None:
    part = f'<gml:Point srsName="{EPSG}4326"><gml:pos>48 2</gml:pos></gml:Point>'
    text = f'<gml:MultiPoint xmlns:gml="{SPACES[0]}"><gml:pointMember>{part}</gml:pointMember></gml:MultiPoint>'
    assert parse([text], GML_LITERAL).native[0].wkt == "MULTIPOINT ((2 48))"
    other = text.replace(
        "<gml:pointMember>", f'<gml:pointMember><gml:Point srsName="{OGC_CRS84}"/></gml:pointMember><gml:pointMember>'
    )
    assert "one srsName" in parse([other], GML_LITERAL).errors[0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<gml:Point><gml:pos>1 2</gml:pos></gml:Point>", "xmlns"),
        ("<Point><pos>1</pos></Point>", "2 or 3"),
        ("<Point><pos>a b</pos></Point>", "decimal numbers"),
        ("<Point><pos>1 NaN</pos></Point>", "finite"),
        ("<Point><pos>1 2</pos><pos>1 2</pos></Point>", "one"),
        ("<Arc><posList>0 0 1 1 2 0</posList></Arc>", "Arc"),
        ("<Curve><segments><Arc><posList>0 0 1 1 2 0</posList></Arc></segments></Curve>", "straight segments"),
        ("<LineString><posList>0 0 1</posList></LineString>", "multiple of 2"),
        ("<LineString><posList>0 0</posList></LineString>", "elements"),
        ("<Polygon><exterior><LinearRing><posList>0 0 1 0 1 1</posList></LinearRing></exterior></Polygon>", "end"),
        ('<Point srsName="EPSG:999999"><pos>1 2</pos></Point>', "999999"),
        ("<Point", "well-formed"),
        ("not xml", "well-formed"),
        ('<!DOCTYPE p [<!ENTITY a "1 2">]><Point><pos>&a;</pos></Point>', "document type"),
        ("<Point><pos>&a;</pos></Point>", "well-formed"),
        ("<MultiGeometry>" + "<geometryMember><MultiGeometry>" * 40_000, "nested deeper"),
        ('<Point srsDimension="9"><pos>1 2</pos></Point>', "2 or 3"),
    ],
)
def test_malformed_gml(text: str, reason: str) -> None:
    found = parse(["<Point><pos>5 6</pos></Point>", text, "", None], GML_LITERAL)
    assert found.native[0].wkt == "POINT (5 6)"
    assert found.native[1] is None
    assert found.native[2].wkt == "GEOMETRYCOLLECTION EMPTY"
    assert list(found.errors) == [1]
    assert reason in found.errors[1]


def test_gml_out() -> None:
    area = shapely.from_wkt("POLYGON ((0 0, 4 0, 4 4, 0 0), (2 1, 3 1, 3 2, 2 1))")
    text = serialise(np.array([area]), GML_LITERAL, "EPSG:4326")[0]
    assert text == (
        f'<gml:Polygon xmlns:gml="http://www.opengis.net/gml/3.2" srsName="{EPSG}4326"><gml:exterior><gml:LinearRing>'
        "<gml:posList>0 0 0 4 4 4 0 0</gml:posList></gml:LinearRing></gml:exterior><gml:interior><gml:LinearRing>"
        "<gml:posList>1 2 1 3 2 3 1 2</gml:posList></gml:LinearRing></gml:interior></gml:Polygon>"
    )
    high = serialise(np.asarray(shapely.from_wkt(["LINESTRING ZM (0 0 5 9, 1 1 6 9)"])), GML_LITERAL)[0]
    assert 'srsDimension="3"' in high
    assert "<gml:posList>0 0 5 1 1 6</gml:posList>" in high
    assert parse([high], GML_LITERAL).native[0].wkt == "LINESTRING Z (0 0 5, 1 1 6)"


KML = [
    ("<Point><coordinates>2.1,48.8</coordinates></Point>", "POINT (2.1 48.8)"),
    (
        '<k:Point xmlns:k="http://earth.google.com/kml/2.1"><k:coordinates>1,2,3</k:coordinates></k:Point>',
        "POINT Z (1 2 3)",
    ),
    ("<LineString><extrude>1</extrude><coordinates>\n 0,0 1,1\n</coordinates></LineString>", "LINESTRING (0 0, 1 1)"),
    ("<LineString><coordinates>0, 0 1 , 1</coordinates></LineString>", "LINESTRING (0 0, 1 1)"),
    (
        "<Polygon><outerBoundaryIs><LinearRing><coordinates>0,0 4,0 4,4 0,0</coordinates></LinearRing>"
        "</outerBoundaryIs></Polygon>",
        "POLYGON ((0 0, 4 0, 4 4, 0 0))",
    ),
    (
        "<MultiGeometry><Point><coordinates>1,2</coordinates></Point><Point><coordinates>3,4</coordinates></Point></MultiGeometry>",
        "MULTIPOINT ((1 2), (3 4))",
    ),
    (
        "<MultiGeometry><Point><coordinates>1,2</coordinates></Point>"
        "<LineString><coordinates>3,4 5,6</coordinates></LineString></MultiGeometry>",
        "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (3 4, 5 6))",
    ),
    ("<Placemark><name>a</name><Point><coordinates>1,2</coordinates></Point></Placemark>", "POINT (1 2)"),
    ('<?xml version="1.0" encoding="UTF-8"?><Point><coordinates>1,2</coordinates></Point>', "POINT (1 2)"),
    ("<Point><coordinates/></Point>", "POINT EMPTY"),
    ("", "GEOMETRYCOLLECTION EMPTY"),
]


@pytest.mark.parametrize(("text", "wkt"), KML)
def test_kml(text: str, wkt: str) -> None:
    found = parse([text], KML_LITERAL)
    assert found.errors == {}
    assert found.native[0].wkt == wkt


@pytest.mark.parametrize(
    "text",
    ["<Point><coordinates>1</coordinates></Point>", "<Point><coordinates>1,x</coordinates></Point>", "<name/>",
     "<Point>", "<LinearRing><coordinates>0,0 1,0 1,1</coordinates></LinearRing>", "<!DOCTYPE a><Point/>"],
)  # fmt: skip
def test_malformed_kml(text: str) -> None:
    found = parse([text], KML_LITERAL)
    assert found.native[0] is None
    assert found.errors[0]


def test_kml_out_is_longitude_latitude() -> None:
    point = parse([_gml("Point><gml:pos>48 2</gml:pos></gml:Point>", EPSG + "4326")], GML_LITERAL)
    assert "<coordinates>2,48</coordinates>" in point.serialise(KML_LITERAL)[0]


@pytest.mark.parametrize(
    ("text", "wkt"),
    [
        ('{"type": "Point", "coordinates": [1, 2]}', "POINT (1 2)"),
        ('{"type": "Point", "coordinates": [1, 2, 3]}', "POINT Z (1 2 3)"),
        ('{"type": "Point", "coordinates": []}', "POINT EMPTY"),
        ('{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {}}', "POINT (1 2)"),
        (
            '{"type": "Point", "coordinates": [1, 2], "crs": {"type": "name", "properties":'
            ' {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}}',
            "POINT (1 2)",
        ),
        ("", "GEOMETRYCOLLECTION EMPTY"),
    ],
)
def test_geojson(text: str, wkt: str) -> None:
    found = parse([text], GEOJSON_LITERAL)
    assert found.errors == {}
    assert found.native[0].wkt == wkt


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[1, 2]",
        '{"type": "Point"}',
        '{"type": "point", "coordinates": [1, 2]}',
        '{"type": "Point", "coordinates": ["1", 2]}',
        '{"type": "Point", "coordinates": [1, 2], "crs": {"type": "name", "properties": {"name": "EPSG:2154"}}}',
        '{"type": "Point", "coordinates": [1, 2], "crs": {"type": "link"}}',
        '{"type": "GeometryCollection", "\\u0067eometries": [' * 40_000,
        '{"type":"GeometryCollection","geometries":[' * 40_000 + "]}" * 40_000,
    ],
)
def test_malformed_geojson(text: str) -> None:
    found = parse(['{"type": "Point", "coordinates": [5, 6]}', text, None], GEOJSON_LITERAL)
    assert found.native[0].wkt == "POINT (5 6)"
    assert found.native[1] is None
    assert list(found.errors) == [1]


def test_geojson_out() -> None:
    clockwise = shapely.from_wkt("POLYGON ((0 0, 0 1, 1 1, 0 0))")
    found = json.loads(serialise(np.array([clockwise]), GEOJSON_LITERAL)[0])
    assert found == {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1], [0, 0]]]}
    moved = json.loads(serialise(np.array([shapely.Point(0, 0)]), GEOJSON_LITERAL, "EPSG:3857")[0])
    assert moved["coordinates"] == pytest.approx([0, 0], abs=1e-9)
    exact = json.loads(serialise(np.array([shapely.Point(0.1 + 0.2, 1e-7)]), GEOJSON_LITERAL)[0])
    assert exact["coordinates"] == [0.1 + 0.2, 1e-7]
