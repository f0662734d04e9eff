# SPDX-License-Identifier: Apache-2.0
"""Geometries of SpatiaLite and GeoPackage in SQLite, alone and through a mapping."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from semcube.errors import GeometryError, SourceError
from semcube.io.sqlite_geometry import geometry_blob
from semcube.mapping import quads
from semcube.vocab import WKT_LITERAL


def spatialite(geometry: shapely.Geometry, srid: int = 4326, order: str = "<") -> bytes:
    """A SpatiaLite blob, as its documentation describes it."""
    box = geometry.bounds if not geometry.is_empty else (0.0,) * 4
    head = struct.pack(order + "BBi4dB", 0, order == "<", srid, *box, 0x7C)
    return head + _body(geometry, order) + b"\xfe"


def _body(geometry: shapely.Geometry, order: str) -> bytes:
    wkb = shapely.to_wkb(geometry, byte_order=1 if order == "<" else 0, flavor="iso")
    if not hasattr(geometry, "geoms"):
        return wkb[1:]
    return wkb[1:9] + b"".join(b"\x69" + _body(part, order) for part in geometry.geoms)


SHAPES = [
    "POINT (1 2)",
    "POINT Z (1 2 3)",
    "LINESTRING (0 0, 1 1, 2 3)",
    "POLYGON ((0 0, 4 0, 4 4, 0 0), (1 0.5, 2 0.5, 2 1, 1 0.5))",
    "MULTIPOINT ((1 2), (3 4))",
    "MULTILINESTRING Z ((0 0 1, 1 1 2), (2 2 3, 3 3 4))",
    "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))",
    "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 1 1))",
]


@pytest.mark.parametrize("text", SHAPES)
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_class_of_spatialite(text: str, order: str) -> None:
    shape = shapely.from_wkt(text)
    found = geometry_blob(spatialite(shape, 3035, order))
    assert found is not None
    assert shapely.from_wkb(found[0]).equals_exact(shape, 0)
    assert (shapely.from_wkb(found[0]).has_z, found[1]) == (shape.has_z, 3035)


@pytest.mark.parametrize(("envelope", "size"), [(0, 0), (1, 4), (2, 6), (4, 8)])
def test_geopackage(envelope: int, size: int) -> None:
    head = b"GP\0" + bytes([1 | envelope << 1]) + struct.pack("<i", 2100) + struct.pack(f"<{size}d", *range(size))
    wkb = shapely.to_wkb(shapely.Point(1, 2))
    assert geometry_blob(head + wkb) == (wkb, 2100)


@given(st.binary(max_size=80))
def test_other_blobs_are_no_geometries(blob: bytes) -> None:
    if blob[:2] != b"GP":
        assert geometry_blob(blob) is None or blob[38] == 0x7C


def test_damaged_blobs_are_errors() -> None:
    whole = spatialite(shapely.from_wkt("LINESTRING (0 0, 1 1, 2 2)"))
    with pytest.raises(GeometryError, match="ends too early"):
        geometry_blob(whole[:-20] + b"\xfe")
    with pytest.raises(GeometryError, match="1 bytes too many"):
        geometry_blob(whole[:-1] + b"\0\xfe")
    with pytest.raises(GeometryError, match="compressed"):
        geometry_blob(whole[:39] + struct.pack("<I", 1_000_002) + whole[43:])
    assert geometry_blob("text") is None


def test_a_spatialite_table_in_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "gis.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE towns (id INTEGER, seal BLOB, geom POINT)")
        rows = [(1, b"\x01", spatialite(shapely.Point(10, 48))), (2, None, None)]
        connection.executemany("INSERT INTO towns VALUES (?, ?, ?)", rows)
        connection.commit()
    mapping = tmp_path / "m.ttl"
    mapping.write_text(
        """@prefix rr: <http://www.w3.org/ns/r2rml#> . @prefix geo: <http://www.opengis.net/ont/geosparql#> .
        <#m> rr:logicalTable [ rr:tableName "towns" ] ; rr:subjectMap [ rr:template "http://a/{id}" ] ;
        rr:predicateObjectMap [ rr:predicate geo:asWKT ;
          rr:objectMap [ rr:column "geom" ; rr:datatype geo:wktLiteral ] ] .""",
        encoding="utf-8",
    )
    made = [row for batch in quads([path], mapping) for row in zip(*batch.to_pydict().values(), strict=True)]
    assert [(row[0], row[2]) for row in made] == [("<http://a/1>", f'"POINT (10 48)"^^<{WKT_LITERAL}>')]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO towns VALUES (3, NULL, ?)", [spatialite(shapely.Point(1, 1), 3857)])
        connection.commit()
    with pytest.raises(SourceError, match=r"row 2, column geom: a geometry of system 3857; expected .* 4326 only"):
        list(quads([path], mapping))


def test_a_geopackage_can_be_asked_in_sql(tmp_path: Path) -> None:
    import pyogrio.raw

    points = shapely.to_wkb(shapely.points([[9.99, 48.4], [7.1, 50.7]]))
    names = [np.array(["Ulm", "Bonn"], object)]
    pyogrio.raw.write(
        tmp_path / "towns.gpkg", points, names, ["name"], layer="towns", geometry_type="Point", crs="EPSG:4326"
    )
    (tmp_path / "m.ttl").write_text(
        """@prefix rr: <http://www.w3.org/ns/r2rml#> . @prefix geo: <http://www.opengis.net/ont/geosparql#> .
        <#m> rr:logicalTable [ rr:sqlQuery "SELECT upper(name) AS n, geom FROM towns WHERE name LIKE 'U%'" ] ;
        rr:subjectMap [ rr:template "http://a/{n}" ] ; rr:predicateObjectMap [ rr:predicate geo:asWKT ;
          rr:objectMap [ rr:column "geom" ; rr:datatype geo:wktLiteral ] ] .""",
        encoding="utf-8",
    )
    found = [row for batch in quads([tmp_path / "towns.gpkg"], tmp_path / "m.ttl") for row in batch.to_pylist()]
    assert [(row["s"], row["o"]) for row in found] == [("<http://a/ULM>", f'"POINT (9.99 48.4)"^^<{WKT_LITERAL}>')]
