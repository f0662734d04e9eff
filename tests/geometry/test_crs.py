# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyproj
import pytest
import shapely

from semcube.errors import CRSError
from semcube.geometry import CRS84, crs, same, transform

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"


@pytest.mark.parametrize(
    ("given", "iri"),
    [
        (4326, EPSG + "4326"),
        ("EPSG:4326", EPSG + "4326"),
        ("epsg:4326", EPSG + "4326"),
        (EPSG + "4326", EPSG + "4326"),
        ("https://www.opengis.net/def/crs/EPSG/0/4326", EPSG + "4326"),
        ("http://www.opengis.net/def/crs/EPSG/9.9/4326", EPSG + "4326"),
        ("http://www.opengis.net/gml/srs/epsg.xml#4326", EPSG + "4326"),
        ("urn:ogc:def:crs:EPSG::4326", EPSG + "4326"),
        ("urn:ogc:def:crs:EPSG:6.9:2154", EPSG + "2154"),
        ("CRS84", "http://www.opengis.net/def/crs/OGC/1.3/CRS84"),
        ("OGC:CRS84", "http://www.opengis.net/def/crs/OGC/1.3/CRS84"),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "http://www.opengis.net/def/crs/OGC/1.3/CRS84"),
        ("https://www.opengis.net/def/crs/OGC/1.3/CRS84", "http://www.opengis.net/def/crs/OGC/1.3/CRS84"),
        ("CRS84h", "http://www.opengis.net/def/crs/OGC/0/CRS84h"),
        ("CRS27", "http://www.opengis.net/def/crs/OGC/1.3/CRS27"),
        ("CRS83", "http://www.opengis.net/def/crs/OGC/1.3/CRS83"),
        (pyproj.CRS(3035), EPSG + "3035"),
        (crs(3857), EPSG + "3857"),
        ("+proj=longlat +datum=WGS84 +no_defs", EPSG + "4326"),
    ],
)
def test_names_of_a_system(given: object, iri: str) -> None:
    assert crs(given).iri == iri


@pytest.mark.parametrize(
    ("code", "swaps"),
    [
        ("EPSG:4326", True),
        ("EPSG:4258", True),
        ("CRS84", False),
        ("EPSG:3857", False),
        ("EPSG:2154", False),
        ("EPSG:3035", True),
        ("EPSG:31467", True),
        ("EPSG:2193", True),
        ("EPSG:32661", True),
        ("EPSG:5041", False),
        ("EPSG:3031", False),
        ("EPSG:3413", False),
    ],
)
def test_axis_order_of_the_authority(code: str, swaps: bool) -> None:
    assert crs(code).swaps_axes is swaps


def test_units() -> None:
    assert (crs(4326).is_geographic, crs(4326).unit_degrees, crs(4326).unit_metres) == (True, 1.0, None)
    assert (crs(2154).is_geographic, crs(2154).unit_metres) == (False, 1.0)
    assert crs(2263).unit_metres == pytest.approx(1200 / 3937)
    assert crs(4807).unit_degrees == pytest.approx(0.9)


@pytest.mark.parametrize(
    "given", ["", "nothing", "EPSG:999999", EPSG + "999999", True, None, 4.5, "EPSG:4978", "EPSG:5714"]
)
def test_unknown_or_not_horizontal(given: object) -> None:
    with pytest.raises(CRSError) as caught:
        crs(given)
    assert str(given) in str(caught.value)


def test_the_constant_is_what_the_name_gives() -> None:
    assert crs("CRS84") == CRS84
    assert hash(crs(CRS84.iri)) == hash(CRS84)


@pytest.mark.parametrize(
    ("a", "b"), [("EPSG:4326", "CRS84"), ("EPSG:4979", "EPSG:4326"), ("EPSG:4269", "CRS83"), ("CRS84h", "CRS84")]
)
def test_systems_that_differ_by_axis_order_only(a: str, b: str) -> None:
    assert same(crs(a), crs(b))
    geometries = np.array([shapely.Point(1 / 3, 2 / 3), None], dtype=object)
    assert transform(geometries, a, b) is geometries


def test_wkt_is_identified() -> None:
    for code in (4326, 2154, 3035, 31370, 31467, 2180, 3059):
        for version in ("WKT1_ESRI", "WKT1_GDAL", "WKT2_2019"):
            assert crs(pyproj.CRS(code).to_wkt(version)).iri == EPSG + str(code)


def test_wkt_without_a_code_keeps_its_definition() -> None:
    given = pyproj.CRS("+proj=lcc +lat_1=49 +lat_2=77 +lat_0=40 +lon_0=-100 +datum=WGS84 +units=m").to_wkt()
    system = crs(given)
    assert system.iri is None
    there = transform(np.array([shapely.Point(-100, 40)]), CRS84, system)[0]
    assert (there.x, there.y) == pytest.approx((0, 0), abs=1e-6)


def test_the_vertical_part_is_left_out_with_a_note() -> None:
    compound = pyproj.CRS("EPSG:27700+5701")
    system = crs(compound.to_wkt())
    assert system.iri == EPSG + "27700"
    assert "vertical" in (system.note or "")
    assert same(crs("EPSG:7405"), crs(27700))


def test_prj_files_of_real_data(shared: Path) -> None:
    regions = crs((shared / "data/somalia/SOM_Adminbnda_Adm2_Regions_UNOCHA.prj").read_text())
    assert same(regions, CRS84)
    assert regions.note
    assert crs((shared / "data/natural_earth/ne_10m_lakes.prj").read_text()).iri == EPSG + "4326"


def test_transform_is_what_proj_says_and_keeps_heights_and_measures() -> None:
    given = np.asarray(
        shapely.from_wkt(
            [
                "POINT (2 48)",
                "POINT Z (2 48 7)",
                "POINT M (2 48 5)",
                "LINESTRING ZM (2 48 7 5, 3 49 8 6)",
                "POINT EMPTY",
                "POINT Z EMPTY",
            ]
        )
    )
    moved = transform(np.append(given, [None]), CRS84, 2154)
    x, y = pyproj.Transformer.from_crs(4326, 2154, always_xy=True).transform(2, 48)
    assert (moved[0].x, moved[0].y) == (x, y)
    assert (moved[1].x, moved[1].z) == (x, 7)
    assert (moved[2].x, moved[2].m) == (x, 5)
    assert shapely.get_coordinates(moved[3], include_z=True, include_m=True)[:, 2:].tolist() == [[7, 5], [8, 6]]
    assert [moved[4].wkt, moved[5].wkt, moved[6]] == ["POINT EMPTY", "POINT Z EMPTY", None]
    assert given[3].wkt == "LINESTRING ZM (2 48 7 5, 3 49 8 6)"


def test_collections_with_measures_are_rewritten_whole() -> None:
    text = (
        "GEOMETRYCOLLECTION ZM (POINT ZM (1 2 3 4), POLYGON ZM ((0 0 1 2, 1 0 1 2, 1 1 1 2, 0 0 1 2)),"
        " MULTIPOINT ZM (EMPTY, (5 6 7 8)))"
    )
    moved = transform(np.array([shapely.from_wkt(text)]), CRS84, 3857)
    back = transform(moved, 3857, CRS84)[0]
    ours = shapely.get_coordinates(back, include_z=True, include_m=True)
    theirs = shapely.get_coordinates(shapely.from_wkt(text), include_z=True, include_m=True)
    assert np.allclose(ours, theirs, atol=1e-9)
    assert back.geom_type == "GeometryCollection"


def test_what_a_projection_cannot_express_is_missing() -> None:
    far = np.array([shapely.Point(2, 48), shapely.Point(2, 90.5)], dtype=object)
    moved = transform(far, CRS84, "EPSG:3857")
    assert moved[0] is not None
    assert moved[1] is None


def test_threads_have_their_own_transformers() -> None:
    points = shapely.points(np.linspace(-5, 5, 2000), np.linspace(42, 51, 2000))
    expected = shapely.get_coordinates(transform(points, CRS84, 2154))
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: shapely.get_coordinates(transform(points, CRS84, 2154)), range(16)):
            assert np.array_equal(found, expected)
