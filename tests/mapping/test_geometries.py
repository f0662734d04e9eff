# SPDX-License-Identifier: Apache-2.0
"""Geometries on their way into literals: systems, axis order, types, faults."""

from __future__ import annotations

import struct

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.errors import CRSError, RowError
from semcube.geometry import parse, serialise, wkb_to_wkt
from semcube.mapping.geometries import output_system, prepare, type_names
from semcube.vocab import GEO, SF, WKT_LITERAL

from .tables import TableRows, mapping_of, run

SHAPES = [
    "POINT (1 2)", "POINT EMPTY", "POINT Z (1 2 3)", "LINESTRING (0 0, 1 1)", "LINESTRING EMPTY",
    "POLYGON ((0 0, 4 0, 4 4, 0 0), (1 0.5, 2 0.5, 2 1, 1 0.5))", "MULTIPOINT ((1 1), (2 2))",
    "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))", "GEOMETRYCOLLECTION (POINT (1 1))",
    "GEOMETRYCOLLECTION EMPTY", "POINT (0.000001 -1e-7)", "MULTILINESTRING M ((0 0 1, 1 1 2))",
]  # fmt: skip
MAPPING = mapping_of(
    """<#m> rml:logicalSource [ rml:source "t" ] ; rml:subjectMap [ rml:template "http://a/{fid}/{geometry.node}" ] ;
    rml:predicateObjectMap [ rml:predicate geo:asWKT ; rml:objectMap [ rml:reference "geometry" ] ] ,
      [ rml:predicate ex:type ; rml:objectMap [ rml:template "http://www.opengis.net/ont/sf#{geometry.type}" ] ] ."""
)


def layer(wkb: list[bytes | None], crs: str | None = "EPSG:4326") -> TableRows:
    table = pa.table({"fid": range(len(wkb)), "geom": pa.array(wkb, pa.large_binary())})
    return TableRows(table, "geom", crs)


def test_type_names_and_emptiness_from_wkb_heads_agree_with_geos() -> None:
    geometries = [shapely.from_wkt(each) for each in SHAPES]
    for order in (0, 1):
        for flavor in ("iso", "extended"):
            wkb = [shapely.to_wkb(each, byte_order=order, flavor=flavor) for each in geometries]
            names, empty = type_names(pa.array([*wkb, None], pa.large_binary()))
            assert names.tolist() == [each.geom_type for each in geometries] + [None]
            assert empty.tolist() == [each.is_empty for each in geometries] + [False]


def test_degrees_of_wgs84_become_crs84_without_an_iri_and_epsg_4326_on_demand_is_latitude_first() -> None:
    wkb = pa.array([shapely.to_wkb(shapely.Point(23.7, 37.9))], pa.large_binary())
    kept = prepare(wkb, output_system("http://www.opengis.net/def/crs/EPSG/0/4326", "keep", where="a"))
    assert kept.wkt.to_pylist() == ["POINT (23.7 37.9)"]
    asked = prepare(wkb, output_system("EPSG:4326", "EPSG:4326", where="a"))
    assert asked.wkt.to_pylist() == ["<http://www.opengis.net/def/crs/EPSG/0/4326> POINT (37.9 23.7)"]


@pytest.mark.parametrize("code", [2100, 3857, 31287, 32633, 3765, 3411])
def test_projected_systems_keep_their_iri_and_reproject_as_pyproj_does(code: int) -> None:
    area = pyproj.CRS.from_epsg(code).area_of_use
    lon, lat = (area.west + area.east) / 2, (area.south + area.north) / 2
    x, y = pyproj.Transformer.from_crs("OGC:CRS84", f"EPSG:{code}", always_xy=True).transform(lon, lat)
    wkb = pa.array([shapely.to_wkb(shapely.Point(x, y))], pa.large_binary())
    kept = prepare(wkb, output_system(f"EPSG:{code}", "keep", where="a")).wkt
    assert kept[0].as_py().startswith(f"<http://www.opengis.net/def/crs/EPSG/0/{code}> POINT (")
    assert shapely.get_coordinates(parse(kept, WKT_LITERAL).lonlat)[0] == pytest.approx([lon, lat], abs=1e-6)
    moved = prepare(wkb, output_system(f"EPSG:{code}", "CRS84", where="a")).wkt
    assert shapely.get_coordinates(shapely.from_wkt(moved[0].as_py()))[0] == pytest.approx([lon, lat], abs=1e-6)


def test_a_system_without_a_code_is_reprojected_and_says_so() -> None:
    wkt = pyproj.CRS.from_proj4("+proj=lcc +lat_1=49 +lat_2=77 +lon_0=-100 +lat_0=40 +datum=WGS84").to_wkt()
    system = output_system(wkt, "keep", where="a")
    assert system.target.iri == "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    assert system.note is not None
    assert "no authority code" in system.note


def test_an_unknown_system_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(CRSError, match=r"table.parquet, layer table has no coordinate reference system.*--source-crs"):
        run(MAPPING, layer([shapely.to_wkb(shapely.Point(0, 0))], None))
    quads, _ = run(MAPPING, layer([shapely.to_wkb(shapely.Point(0, 0))], None), source_crs="EPSG:4326")
    assert len(quads) == 2


def test_rows_without_a_geometry_have_no_geometry_node() -> None:
    quads, report = run(MAPPING, layer([None, shapely.to_wkb(shapely.Point())]))
    assert quads == [
        ("<http://a/1/geometry>", f"<{GEO}asWKT>", f'"POINT EMPTY"^^<{WKT_LITERAL}>', None),
        ("<http://a/1/geometry>", "<http://example.org/type>", f"<{SF}Point>", None),
    ]
    assert (report.null_geometries, report.empty_geometries, report.features_skipped) == (1, 1, 1)


BOWTIE = shapely.to_wkb(shapely.from_wkt("POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))"))


def test_invalid_geometry_is_written_as_it_is_and_counted_or_repaired() -> None:
    quads, report = run(MAPPING, layer([BOWTIE]))
    assert quads[0][2] == f'"POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))"^^<{WKT_LITERAL}>'
    assert (report.invalid_geometries, report.repaired_geometries, report.features_out) == (1, 0, 1)
    quads, report = run(MAPPING, layer([BOWTIE]), on_error="repair")
    made = parse([quads[0][2][1 : quads[0][2].rindex('"')]], WKT_LITERAL).native[0]
    assert made.is_valid
    assert made.area == pytest.approx(2.0)
    assert quads[1][2] == f"<{SF}MultiPolygon>"
    assert report.repaired_geometries == 1


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (b"\x01\x01\x00", "damaged WKB"),
        (b"junk that has a head", "'junk that has a head'"),
        (BOWTIE[:40], "damaged WKB"),
    ],
)
def test_damaged_geometry_names_its_row_or_is_skipped_and_listed(bad: bytes, what: str) -> None:
    rows = layer([shapely.to_wkb(shapely.Point(1, 1)), bad, BOWTIE])
    for on_error in ("fail", "repair"):
        with pytest.raises(RowError, match="layer table, row 1, column geom: geometry cannot be read"):
            run(MAPPING, rows, on_error=on_error)
    quads, report = run(MAPPING, rows, on_error="skip")
    assert {quad[0] for quad in quads} == {"<http://a/0/geometry>", "<http://a/2/geometry>"}
    assert (report.features_in, report.features_out, report.features_skipped) == (3, 2, 1)
    assert [(each.row, each.reason) for each in report.skipped] == [(1, f"geometry cannot be read ({what})")]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=6), st.sampled_from(["EPSG:4326", "EPSG:3035", "CRS84"]))
def test_wkt_is_that_of_the_reference(texts: list[str], crs: str) -> None:
    geometries = np.array([shapely.from_wkt(each) for each in texts], dtype=object)
    system = output_system(crs, crs, where="a")
    made = prepare(pa.array(shapely.to_wkb(geometries, flavor="iso"), pa.large_binary()), system)
    again = parse(made.wkt, WKT_LITERAL)
    expected = parse(serialise(geometries, WKT_LITERAL, system.target), WKT_LITERAL)
    assert not again.errors
    assert shapely.to_wkt(again.native).tolist() == shapely.to_wkt(expected.native).tolist()


def test_a_ten_megabyte_polygon_passes_in_its_own_batch() -> None:
    angle = np.linspace(0, 2 * np.pi, 600_000, endpoint=False)
    ring = shapely.Polygon(np.column_stack([np.cos(angle), np.sin(angle)]) * 40 + 45)
    wkb = shapely.to_wkb(ring)
    assert len(wkb) > 9_000_000
    quads, report = run(MAPPING, layer([wkb, shapely.to_wkb(shapely.Point(1, 1))]), batch_bytes=1_000_000)
    assert report.features_out == 2
    lexical = quads[0][2]
    assert len(lexical) > 10_000_000
    again = shapely.from_wkt(lexical[1 : lexical.rindex('"')])
    assert np.array_equal(shapely.get_coordinates(again), shapely.get_coordinates(ring))


_ORDINATES = st.one_of(st.floats(-180, 180), st.integers(-1, 1).map(float), st.just(float("inf")))
_LINES = st.lists(st.tuples(_ORDINATES, _ORDINATES), min_size=2, max_size=4).map(
    lambda points: struct.pack(f"<BII{2 * len(points)}d", 1, 2, len(points), *(each for one in points for each in one))
)


@given(st.lists(st.one_of(_LINES, st.none(), st.sampled_from(SHAPES).map(shapely.from_wkt).map(shapely.to_wkb))))
@settings(max_examples=150, deadline=None)
@pytest.mark.parametrize("texts", [True, False])
@pytest.mark.parametrize("wanted", ["keep", "EPSG:4326"])
def test_what_is_canonical_is_found_with_the_same_counts_and_texts(
    texts: bool, wanted: str, wkb: list[bytes | None]
) -> None:
    system, column = output_system("EPSG:4326", wanted, where="t"), pa.array(wkb, pa.large_binary())
    plain, made = prepare(column, system), prepare(column, system, canonical=True, texts=texts)
    for name in ("null", "empty", "invalid", "repaired", "errors"):
        assert getattr(made, name) == getattr(plain, name)
    known = pa.array(made.canonical)
    assert known.to_pylist() == made.canonical_wkb().is_valid().to_pylist()
    assert wkb_to_wkt(made.canonical_wkb(), system.target).filter(known).equals(plain.wkt.filter(known))
    expected = plain.wkt if texts else pc.if_else(known, pa.scalar(None, pa.large_string()), plain.wkt)
    assert made.wkt.equals(expected)
    assert made.wkb.equals(plain.wkb)
