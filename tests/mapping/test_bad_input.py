# SPDX-License-Identifier: Apache-2.0
"""Awkward and damaged files: the answer is right, or the error names file, row and column and leaves no output."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow as pa
import pytest
import shapely
from pyarrow import parquet

from semcube.errors import RowError, SemcubeError
from semcube.mapping import TransformReport, transform
from tests.io.test_spreadsheet import workbook

CSV = "id,name,lon,lat\n"
NOISE = np.random.default_rng(1).bytes(9999)


def points(count: int = 3) -> geopandas.GeoDataFrame:
    data = {"id": range(count), "name": [f"n{number}" for number in range(count)]}
    return geopandas.GeoDataFrame(data, geometry=[shapely.Point(n % 90, n % 80) for n in range(count)], crs=4326)


def written(name: str, content: str | bytes) -> Callable[[Path], Path]:
    """A maker of a file with this content."""

    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


def features(*given: tuple[dict[str, Any], Any], **more: Any) -> str:
    items = [{"type": "Feature", "properties": each, "geometry": geometry} for each, geometry in given]
    return json.dumps({"type": "FeatureCollection", **more, "features": items})


def point(*position: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": position}


def cut(path: Path) -> Path:
    """The first half of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def shapefile(folder: Path, missing: str) -> Path:
    points(50).to_file(folder / "a.shp")
    (folder / f"a.{missing}").unlink()
    return folder / "a.shp"


def geopackage(folder: Path) -> Path:
    points(2000).to_file(folder / "a.gpkg", layer="a")
    return folder / "a.gpkg"


def without_tree(folder: Path) -> Path:
    with closing(sqlite3.connect(geopackage(folder))) as connection:
        connection.execute("DELETE FROM rtree_a_geom_node")
        connection.commit()
    return folder / "a.gpkg"


def geoparquet(folder: Path, count: int = 1000) -> Path:
    points(count).to_parquet(folder / "a.parquet")
    return folder / "a.parquet"


def damaged_wkb(folder: Path) -> Path:
    column = {"encoding": "WKB", "geometry_types": []}
    about = {"version": "1.0.0", "primary_column": "geometry", "columns": {"geometry": column}}
    values = pa.array([shapely.Point(1, 2).wkb, b"\x01\x01\x00", None], pa.binary())
    table = pa.table({"id": [1, 2, 3], "Id": [4, 5, 6], "geometry": values})
    parquet.write_table(table.replace_schema_metadata({"geo": json.dumps(about)}), folder / "a.parquet")
    return folder / "a.parquet"


def raster(folder: Path, **profile: Any) -> Path:
    import rasterio

    made = {"driver": "GTiff", "height": 8, "width": 8, "count": 1, "dtype": "uint8"} | profile
    with rasterio.open(folder / "a.tif", "w", **made) as file:
        file.write(np.arange(64, dtype="uint8").reshape(1, 8, 8) // 20)
    return folder / "a.tif"


def rotated(folder: Path) -> Path:
    from affine import Affine

    return raster(folder, crs="EPSG:4326", transform=Affine(0.1, 0.02, 5, 0.01, -0.1, 50))


BAD: dict[str, tuple[Callable[[Path], Path], dict[str, Any], str]] = {
    "gzip cut short": (
        lambda folder: cut(written("t.csv.gz", gzip.compress(CSV.encode() + NOISE))(folder)),
        {},
        r"t\.csv\.gz: the compressed data is damaged",
    ),
    "rows of too few values": (written("t.csv", CSV + "1,a,1,2\n2,b,1\n"), {}, r"t\.csv, row 2: 3 values; expected 4"),
    "a quote that never ends": (written("t.csv", CSV + '1,"abc,1,2\n2,b,1,2\n'), {}, r"t\.csv, row 1: 2 values"),
    "no bytes": (written("t.csv", ""), {}, r"t\.csv: is empty; expected a line of column names"),
    "text that is no WKT": (
        written("t.csv", 'id,wkt\n1,"POINT (1 2)"\n2,"POINT (1 x)"\n3,""\n'),
        {"source_crs": "CRS84"},
        r"t\.csv, row 2, column wkt: 'POINT \(1 x\)' is no geometry",
    ),
    "unknown system": (
        written("t.geojson", features(({}, point(1, 2)), crs={"type": "name", "properties": {"name": "EPSG:99999"}})),
        {},
        r"t\.geojson, layer t: .*EPSG:99999' is not known",
    ),
    "NaN in a line": (
        written("t.geojson", features(({}, {"type": "LineString", "coordinates": [[1, 2], [float("nan"), 2]]}))),
        {},
        r"t\.geojson, layer t, row 0, column geometry: geometry has a coordinate that is not a finite number",
    ),
    "GeoJSON cut short": (
        lambda folder: cut(written("t.geojson", features(({}, point(1, 2))))(folder)),
        {},
        r"t\.geojson: cannot be read",
    ),
    "no .shx": (lambda folder: shapefile(folder, "shx"), {}, r"a\.shp: the index a\.shx is missing"),
    "no .prj": (lambda folder: shapefile(folder, "prj"), {}, r"a\.shp, layer a has no coordinate reference system"),
    ".shp cut short": (lambda folder: cut(shapefile(folder, "cpg")), {}, r"a\.shp is cut short: 750 bytes"),
    "GeoPackage cut short": (lambda folder: cut(geopackage(folder)), {}, r"a\.gpkg: cannot be read: .*malformed"),
    "no SQLite": (written("a.gpkg", b"hello world" * 100), {}, r"a\.gpkg.*not recognized"),
    "index of a GeoPackage": (without_tree, {"bbox": (0, 0, 5, 5)}, r"a\.gpkg: cannot be read: .*RTree"),
    "Parquet cut short": (lambda folder: cut(geoparquet(folder)), {}, r"a\.parquet: cannot be read: Parquet magic"),
    "WKB": (damaged_wkb, {}, r"a\.parquet, layer a, row 1, column geometry: geometry cannot be read \(damaged WKB\)"),
    "rotated raster": (rotated, {"categorical": True}, r"a\.tif is rotated"),
    "raster without a place": (raster, {"categorical": True}, r"a\.tif does not say where its pixels are"),
    "KML": (written("a.kml", "<kml><Document><Placemark></Document></kml>"), {}, r"a\.kml: cannot be read: .*mism"),
    "empty sheet": (lambda folder: workbook(folder / "a.xlsx", {"s": []}), {}, r"a\.xlsx, layer s: the sheet is empty"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", BAD)
def test_errors(tmp_path: Path, name: str) -> None:
    make, options, message = BAD[name]
    source = make(tmp_path)
    source = source if isinstance(source, Path) else tmp_path / "a.xlsx"
    before = sorted(each.name for each in tmp_path.iterdir())
    with pytest.raises(SemcubeError, match=message):
        transform(source, tmp_path / "out.nt", **options)
    assert sorted(each.name for each in tmp_path.iterdir()) == before


def values(source: Path, **options: Any) -> tuple[dict[str, list[str]], TransformReport]:
    """Local names of properties -> their objects, those of the description of the layer left out."""
    target = source.parent / "out.nt"
    report = transform(source, target, describe=False, **options)
    found: dict[str, list[str]] = {}
    for line in target.read_bytes().decode().split("\n")[:-1]:
        _, predicate, value = line.removesuffix(" .").split(" ", 2)
        found.setdefault(predicate.rpartition("#")[2][:-1], []).append(value.partition("^^")[0])
    return found, report


def test_a_mixture_of_encodings_is_read_as_the_one_that_holds_all(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf" + CSV.encode() + b"1,caf\xe9,1,2\n2,\xc3\xa9,1,2\n"
    found, _ = values(written("t.csv", content)(tmp_path))
    assert found["name"] == ['"café"', '"Ã©"']
    assert len(found["asWKT"]) == 2


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (CSV.encode() + b"1,a\x00b,1,2\n", ['"a\x00b"']),
        (CSV.encode() + b'1,"a\nb",1,2\n', [r'"a\nb"']),
        ((CSV + "1,é,1,2\n").encode("utf-16"), ['"é"']),
        (CSV.encode().replace(b"\n", b"\r") + b"1,a,1,2\r2,b,3,4\r", ['"a"', '"b"']),
        (CSV.encode() + b"1," + b"x" * 9_000_000 + b",1,2\n", ['"' + "x" * 9_000_000 + '"']),
    ],
    ids=["NUL", "line end", "UTF-16", "CR", "long"],
)
def test_text_tables(tmp_path: Path, content: bytes, names: list[str]) -> None:
    found, _ = values(written("t.csv", content)(tmp_path))
    assert found["name"] == names
    assert len(found["asWKT"]) == len(names)


def test_names_of_columns(tmp_path: Path) -> None:
    head = 'id,"a ""q""",b c,{d},e/f,select,from,name,Name,NAME,name,lon,lat\n'
    found, _ = values(written("t.csv", head + "1,2,3,4,5,6,7,8,9,10,11,1,2\n")(tmp_path))
    expected = {"a_q": "2", "b_c": "3", "d": "4", "e_f": "5", "select": "6", "from": "7"}
    expected |= {"name": "8", "Name": "9", "NAME": "10", "name_1": "11"}
    assert {name: found[name] for name in expected} == {name: [f'"{value}"'] for name, value in expected.items()}


def test_tables_without_rows(tmp_path: Path) -> None:
    for make in (written("t.csv", CSV), written("t.geojson", features())):
        found, report = values(make(tmp_path))
        assert (found, report.features_in, report.triples) == ({}, 0, 0)


def test_odd_geojson(tmp_path: Path) -> None:
    inner = {"type": "GeometryCollection", "geometries": [point(1, 2)]}
    nested = {"type": "GeometryCollection", "geometries": [inner]}
    found, report = values(
        written("t.geojson", features(({"a": 1, "b": [1, 2]}, nested), ({"a": "x"}, point(1, 2)), ({"a": 1.5}, None)))(
            tmp_path
        )
    )
    assert found["a"] == ['"1"', '"x"', '"1.5"']
    assert [json.loads(each.strip('"')) for each in found["b"]] == [[1, 2]]
    assert found["asWKT"][0] == '"GEOMETRYCOLLECTION (GEOMETRYCOLLECTION (POINT (1 2)))"'
    assert (report.features_out, report.layers[0].null_geometries) == (3, 1)


def test_the_last_of_members_of_one_name_counts(tmp_path: Path) -> None:
    text = features(({"a": 1}, point(1, 2))).replace('"a": 1', '"a": 1, "a": 2')
    assert values(written("t.geojson", text)(tmp_path))[0]["a"] == ['"2"']


def test_a_shapefile_without_table_has_geometries(tmp_path: Path) -> None:
    found, report = values(shapefile(tmp_path, "dbf"))
    assert len(found["asWKT"]) == 50
    assert "the table (.dbf) is missing: geometries without attributes" in report.layers[0].notes


def test_a_spatial_index_that_is_not_asked_may_be_damaged(tmp_path: Path) -> None:
    assert values(without_tree(tmp_path))[1].features_out == 2000


def test_damaged_wkb_is_left_out(tmp_path: Path) -> None:
    found, report = values(damaged_wkb(tmp_path), on_error="skip")
    assert (report.features_out, report.features_skipped, report.layers[0].null_geometries) == (2, 1, 1)
    assert found["Id"] == ['"4"', '"6"']
    assert report.layers[0].skipped[0].row == 1


def test_wkt_beside_empty_fields(tmp_path: Path) -> None:
    found, report = values(written("t.csv", 'id,wkt\n1,"POINT (1 2)"\n2,""\n3,\n')(tmp_path), source_crs="CRS84")
    assert found["asWKT"] == ['"POINT (1 2)"']
    assert report.layers[0].null_geometries == 2


def test_a_grid_without_conventions(tmp_path: Path) -> None:
    import xarray

    grid = xarray.Dataset({"v": (("y", "x"), np.arange(12.0).reshape(3, 4))}, {"x": [1, 2, 3, 4], "y": [3, 2, 1]})
    grid.to_netcdf(tmp_path / "a.nc")
    with pytest.raises(SemcubeError, match=r"a\.nc, variable v has no coordinate reference system"):
        transform(tmp_path / "a.nc", tmp_path / "out.nt")
    report = transform(tmp_path / "a.nc", tmp_path / "out.nt", source_crs="EPSG:4326")
    assert report.features_out == report.features_in > 0
    assert not any("not known" in note for layer in report.layers for note in layer.notes)


@pytest.mark.parametrize("version", [2, 3])
def test_missing_chunks_of_zarr_are_missing_values(tmp_path: Path, version: int) -> None:
    import xarray

    axes = {
        "lon": ("lon", np.linspace(0, 5, 20), {"standard_name": "longitude", "units": "degrees_east"}),
        "lat": ("lat", np.linspace(50, 45, 20), {"standard_name": "latitude", "units": "degrees_north"}),
    }
    grid = xarray.Dataset({"v": (("lat", "lon"), np.full((20, 20), 7.0), {"units": "K"})}, axes)
    grid.to_zarr(tmp_path / "a.zarr", zarr_format=version, encoding={"v": {"chunks": (10, 10)}})
    full = transform(tmp_path / "a.zarr", tmp_path / "full.nt", per_pixel=True)
    chunk = next(
        each
        for each in sorted((tmp_path / "a.zarr" / "v").rglob("*"))
        if each.is_file() and not each.name.startswith((".z", "zarr"))
    )
    chunk.unlink()
    less = transform(tmp_path / "a.zarr", tmp_path / "less.nt", per_pixel=True)
    assert full.features_out - less.features_out == 100


def test_old_dates_and_empty_cells_of_a_workbook(tmp_path: Path) -> None:
    from datetime import date

    rows = [["id", "name", "d", "lon", "lat"], [1, "a", date(2020, 1, 1), 1, 2], [2, None, "1850-05-01", 1, 2]]
    workbook(tmp_path / "a.xlsx", {"s": rows})
    found, _ = values(tmp_path / "a.xlsx")
    assert (found["d"], found["name"]) == (['"2020-01-01"', '"1850-05-01"'], ['"a"'])


def test_malformed_coordinates_of_a_workbook_are_left_out_and_listed(tmp_path: Path) -> None:
    rows = [["id", "lon", "lat"], [1, "8,5", "47"], [2, "east", "46"], [3, "9", "45"]]
    workbook(tmp_path / "a.xlsx", {"s": rows})
    with pytest.raises(RowError, match="row 3, column lon: 'east' is no coordinate"):
        transform(tmp_path / "a.xlsx", tmp_path / "a.nt")
    report = transform(tmp_path / "a.xlsx", tmp_path / "a.nt", on_error="skip")
    assert (report.features_in, report.features_out, report.features_skipped) == (3, 2, 1)
    text = (tmp_path / "a.nt").read_text("utf-8")
    assert "POINT (8.5 47)" in text
    assert "POINT (9 45)" in text
    assert text.count("#wktLiteral") == 2
