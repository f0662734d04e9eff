# SPDX-License-Identifier: Apache-2.0
"""What mappers get wrong, from a file to the lines: the rows of the table in the guide of ``transform``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyogrio
import pytest
import shapely

from semcube.mapping import TransformReport, transform

BASE = "http://d/"
GEO = "http://www.opengis.net/ont/geosparql#"
WKT = f"^^<{GEO}wktLiteral>"
TEXTS = {
    "NA": '"NA"',
    "None": '"None"',
    "null": '"null"',
    "nan": '"nan"',
    "": '""',
    " ": '" "',
    'say "hi"': r'"say \"hi\""',
    "back\\slash": r'"back\\slash"',
    "two\nlines": r'"two\nlines"',
    "CR\r\nLF": r'"CR\r\nLF"',
    "😀 Öl 東京": '"😀 Öl 東京"',
    "<b>&amp;": '"<b>&amp;"',
}


def lines(source: Path, **options: Any) -> tuple[list[str], TransformReport]:
    target = source.parent / "out.nt"
    report = transform(source, target, base=BASE, **options)
    return target.read_bytes().decode().split("\n")[:-1], report


def objects(found: list[str], predicate: str) -> list[str]:
    return [line.split(" ", 2)[2][:-2] for line in found if line.split(" ", 2)[1] == f"<{predicate}>"]


def layer(folder: Path, geometries: list[Any], crs: Any = 4326, name: str = "t.gpkg", **columns: Any) -> Path:
    frame = geopandas.GeoDataFrame(columns, geometry=geometries, crs=crs)
    if name.endswith(".parquet"):
        frame.to_parquet(folder / name)
    else:
        frame.to_file(folder / name)
    return folder / name


@pytest.mark.parametrize("name", ["t.gpkg", "t.parquet", "t.geojson", "t.fgb"])
def test_texts_stay_what_they_are(tmp_path: Path, name: str) -> None:
    source = layer(tmp_path, [shapely.Point(n, n) for n in range(len(TEXTS))], name=name, label=list(TEXTS))
    found, report = lines(source)
    assert sorted(objects(found, BASE + "ontology#label")) == sorted(TEXTS.values())
    assert report.features_out == report.features_in >= len(TEXTS)


def test_null_gives_no_triple_and_empty_text_gives_one(tmp_path: Path) -> None:
    source = layer(tmp_path, [shapely.Point(n, n) for n in range(3)], label=["", None, "x"])
    found, report = lines(source)
    assert objects(found, BASE + "ontology#label") == ['""', '"x"']
    assert report.features_skipped == 0


def test_a_field_of_text_that_is_empty_is_null_and_quotes_make_it_empty_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        'id,label,lon,lat\r\n1,NA,1,2\r\n2,None,1,2\r\n3,,1,2\r\n4,"",1,2\r\n5,"a\r\nb",1,2\r\n'
    )
    found, _ = lines(tmp_path / "t.csv")
    assert objects(found, BASE + "ontology#label") == ['"NA"', '"None"', '""', r'"a\r\nb"']


def test_names_of_dbase_are_those_of_the_file(tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame({"population_density": [1], "population_total": [2]}, geometry=[shapely.Point(1, 2)])
    with pytest.warns((UserWarning, RuntimeWarning), match=r"10 char|Normalized"):
        frame.set_crs(4326).to_file(tmp_path / "t.shp")
    found, _ = lines(tmp_path / "t.shp")
    integer = "^^<http://www.w3.org/2001/XMLSchema#integer>"
    names = list(pyogrio.read_info(tmp_path / "t.shp")["fields"])
    assert names == ["population", "populati_1"]
    assert [objects(found, BASE + "ontology#" + name) for name in names] == [[f'"1"{integer}'], [f'"2"{integer}']]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "cp1253"])
def test_dbase_is_read_in_its_own_encoding(tmp_path: Path, encoding: str) -> None:
    text = "Αθήνα" if encoding == "cp1253" else "Œuvre Öl €"
    frame = geopandas.GeoDataFrame({"label": [text]}, geometry=[shapely.Point(1, 2)], crs=4326)
    frame.to_file(tmp_path / "t.shp", encoding=encoding)
    assert objects(lines(tmp_path / "t.shp")[0], BASE + "ontology#label") == [f'"{text}"']


AXES = [
    (4326, "keep", "POINT (23.7 37.9)"),
    ("OGC:CRS84", "keep", "POINT (23.7 37.9)"),
    (4326, "EPSG:4326", "<http://www.opengis.net/def/crs/EPSG/0/4326> POINT (37.9 23.7)"),
    ("OGC:CRS84", "EPSG:4326", "<http://www.opengis.net/def/crs/EPSG/0/4326> POINT (37.9 23.7)"),
    (2100, "keep", "<http://www.opengis.net/def/crs/EPSG/0/2100> POINT (23.7 37.9)"),
    (3857, "keep", "<http://www.opengis.net/def/crs/EPSG/0/3857> POINT (23.7 37.9)"),
    (31467, "keep", "<http://www.opengis.net/def/crs/EPSG/0/31467> POINT (37.9 23.7)"),
]


@pytest.mark.parametrize("name", ["t.gpkg", "t.parquet", "t.shp"])
@pytest.mark.parametrize(("crs", "wanted", "expected"), AXES, ids=lambda each: str(each)[:12])
def test_axes_of_each_system(tmp_path: Path, name: str, crs: Any, wanted: str, expected: str) -> None:
    source = layer(tmp_path, [shapely.Point(23.7, 37.9)], crs, name, id=[1])
    assert objects(lines(source, crs=wanted)[0], GEO + "asWKT") == [f'"{expected}"{WKT}']


def test_the_antimeridian_is_left_as_it_is(tmp_path: Path) -> None:
    given = [
        "MULTIPOLYGON (((179 0, 180 0, 180 1, 179 0)), ((-180 0, -179 0, -180 1, -180 0)))",
        "LINESTRING (179 0, 181 1)",
    ]
    source = layer(tmp_path, shapely.from_wkt(given).tolist(), id=[1, 2], name="t.parquet")
    assert objects(lines(source)[0], GEO + "asWKT") == [f'"{text}"{WKT}' for text in given]


@pytest.mark.parametrize(
    "text",
    [
        "POINT Z (1 2 3)",
        "LINESTRING Z (1 2 3, 4 5 6)",
        "POINT M (1 2 3)",
        "LINESTRING ZM (1 2 3 4, 5 6 7 8)",
        "MULTIPOINT ((1 2), (3 4))",
        "MULTILINESTRING ((1 2, 3 4), (5 6, 7 8))",
        "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5), (5.5 5.1, 5.9 5.1, 5.9 5.5, 5.5 5.1)))",
        "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (3 4, 5 6))",
        "POINT EMPTY",
        "LINESTRING EMPTY",
        "POLYGON EMPTY",
        "MULTIPOLYGON EMPTY",
    ],
)
def test_kinds_of_geometry(tmp_path: Path, text: str) -> None:
    source = layer(tmp_path, [shapely.from_wkt(text)], id=[1], name="t.parquet")
    found, report = lines(source)
    assert objects(found, GEO + "asWKT") == [f'"{text}"{WKT}']
    kind = text.partition(" ")[0]
    names = {name.upper(): name for name in ("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString")}
    names |= {name.upper(): name for name in ("MultiPolygon", "GeometryCollection")}
    assert f"<http://www.opengis.net/ont/sf#{names[kind]}>" in objects(
        found, "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
    )
    assert report.layers[0].empty_geometries == ("EMPTY" in text)


def test_a_row_without_geometry_has_its_attributes_only(tmp_path: Path) -> None:
    source = layer(tmp_path, [shapely.Point(1, 2), None], id=[1, 2], label=["a", "b"])
    found, report = lines(source)
    assert objects(found, BASE + "ontology#label") == ['"a"', '"b"']
    assert len(objects(found, GEO + "hasGeometry")) == 1
    assert report.layers[0].null_geometries == 1


def test_a_polygon_of_ten_megabytes(tmp_path: Path) -> None:
    angles = np.linspace(0, 2 * np.pi, 300_000, endpoint=False)
    large = shapely.Polygon(np.column_stack([10 + np.cos(angles), 50 + np.sin(angles)]))
    source = layer(tmp_path, [shapely.Point(1, 2), large, shapely.Point(3, 4)], id=[1, 2, 3], name="t.parquet")
    found, report = lines(source)
    literals = objects(found, GEO + "asWKT")
    assert len(literals[1]) > 10_000_000
    assert shapely.equals_exact(shapely.from_wkt(literals[1].split('"')[1]), large)
    assert (report.features_out, len(literals)) == (report.features_in, 3)
