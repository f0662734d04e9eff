# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import json
import sqlite3
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely

from semcube.errors import CRSError, SourceError, UnsupportedError
from semcube.io import VectorSource, geometry_report, layers, open_vector
from semcube.vocab import CRS84, EPSG

POINTS = [shapely.Point(11, 48), None, shapely.Point(), shapely.Point(12.5, 49.25)]


def table(source: VectorSource, **options: Any) -> pa.Table:
    return pa.Table.from_batches(list(source.batches(**options)))


def shapes(found: pa.Table) -> list[Any]:
    return [None if g is None else shapely.from_wkb(g) for g in found.column("geometry").to_pylist()]


def write(
    path: Path, geometries: list[Any], crs: str | None = "EPSG:4326", kind: str = "Unknown", **columns: list[Any]
) -> Path:
    """A vector file by GDAL."""
    data = {k: pa.array(v) for k, v in columns.items()}
    arrow = pa.table(
        {**data, "geometry": pa.array(shapely.to_wkb(np.array(geometries, object), flavor="iso"), pa.binary())}
    )
    pyogrio.write_arrow(arrow, path, geometry_name="geometry", geometry_type=kind, crs=crs)
    return path


@pytest.mark.parametrize("suffix", ["gpkg", "geojson", "fgb", "shp", "geojsonl", "gml"])
def test_the_formats_give_the_same_features(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.{suffix}", [POINTS[0], POINTS[3]], kind="Point", name=["ä", None], n=[1, 2])
    source = open_vector(path)
    assert source.info.crs in (EPSG + "4326", CRS84)
    assert source.info.geometry_column == "geometry"
    assert source.info.layer == layers(path)[0]
    found = table(source)
    assert found.schema.field("fid").type == pa.int64()
    assert found.schema.field("geometry").type == pa.large_binary()
    # FlatGeobuf orders its features by place.
    rows = sorted(zip(found.column("n").to_pylist(), found.column("name").to_pylist(), shapes(found), strict=True))
    assert [(n, name, g.x, g.y) for n, name, g in rows] == [(1, "ä", 11, 48), (2, None, 12.5, 49.25)]


def test_kml(tmp_path: Path) -> None:
    path = tmp_path / "a.kml"
    mark = "<Placemark><name>ä</name><Point><coordinates>11,48,5</coordinates></Point></Placemark>"
    path.write_text(f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{mark}</Document></kml>')
    found = table(open_vector(path))
    assert found.column("Name").to_pylist() == ["ä"]
    assert shapes(found)[0].wkt == "POINT Z (11 48 5)"


def test_null_empty_invalid_and_measured_geometries_pass_through(tmp_path: Path) -> None:
    bowtie = shapely.from_wkt("POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))")
    given = [
        *POINTS[:3],
        bowtie,
        *shapely.from_wkt(["POINT Z (1 2 3)", "LINESTRING M (1 2 3, 4 5 6)", "POINT ZM (1 2 3 4)"]),
    ]
    source = open_vector(write(tmp_path / "a.gpkg", given, n=list(range(7))))
    found = shapes(table(source))
    assert found[1] is None
    assert found[2].is_empty
    assert [shapely.to_wkt(g) for g in found[3:]] == [shapely.to_wkt(g) for g in given[3:]]
    report = geometry_report(source.batches())
    assert (report.features, report.null, report.empty, report.invalid) == (7, 1, 1, 1)
    assert report.types == {"Point": 2, "Polygon": 1, "Point Z": 1, "LineString M": 1, "Point ZM": 1}


def test_a_geopackage_with_types_comments_and_a_key(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.gpkg",
        POINTS,
        flag=[True, False, None, True],
        day=[date(2020, 2, 29), None, None, date(1999, 12, 31)],
        when=pa.array(
            [datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC), None, None, None], pa.timestamp("ms", "UTC")
        ).to_pylist(),
        big=[2**40, 1, None, -1],
        x=[0.1, None, 1e300, -0.0],
    )
    with sqlite3.connect(path) as database:
        database.execute(
            "CREATE TABLE gpkg_data_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, "
            "title TEXT, description TEXT, mime_type TEXT, constraint_name TEXT, PRIMARY KEY (table_name, column_name))"
        )
        database.execute("INSERT INTO gpkg_data_columns VALUES ('a', 'big', 'Big', NULL, 'How big it is', NULL, NULL)")
        database.execute("INSERT INTO gpkg_extensions VALUES ('gpkg_data_columns', NULL, 'gpkg_schema', '', 'x')")
        database.execute("DELETE FROM a WHERE fid = 2")
    database.close()
    source = open_vector(path)
    assert source.info.key == "fid"
    assert source.info.field_comments["big"] == "How big it is"
    assert {f.name: str(f.type) for f in source.info.fields} == {
        "flag": "bool",
        "day": "date32[day]",
        "when": "timestamp[ms, tz=UTC]",
        "big": "int64",
        "x": "double",
    }
    found = table(source)
    assert found.column("fid").to_pylist() == [1, 3, 4]
    assert found.column("flag").to_pylist() == [True, None, True]
    assert found.column("day").to_pylist() == [date(2020, 2, 29), None, date(1999, 12, 31)]
    assert found.column("when").to_pylist()[0] == datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert found.column("x").to_pylist() == [0.1, 1e300, -0.0]


def test_layers_must_be_named_where_there_are_more(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", POINTS[:1], n=[1])
    pyogrio.write_arrow(
        pa.table({"n": [2], "geometry": pa.array([b""], pa.binary())}).slice(0, 0),
        path,
        layer="empty.one",
        geometry_name="geometry",
        geometry_type="Polygon",
        crs="EPSG:3857",
        append=True,
    )
    assert layers(path) == ["a", "empty.one"]
    with pytest.raises(SourceError, match=r"holds 2 layers.*choose one of a, empty\.one"):
        open_vector(path)
    with pytest.raises(SourceError, match=r"layer c: no such layer; expected one of a, empty\.one"):
        open_vector(path, "c")
    empty = open_vector(path, "empty.one")
    assert (empty.info.features, empty.info.extent, empty.info.geometry_types) == (0, None, ("Polygon",))
    assert list(empty.batches()) == []


def test_columns_named_as_ours_are_renamed_and_said(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    feature = {
        "type": "Feature",
        "properties": {"fid": 7, "geometry": "g"},
        "geometry": {"type": "Point", "coordinates": [1, 2]},
    }
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    source = open_vector(path)
    assert source.info.fields.names == ["fid_1", "geometry_1"]
    assert source.info.metadata["renamed"] == "fid_1=fid\ngeometry_1=geometry"
    (row,) = table(source).to_pylist()
    assert (row["fid"], row["fid_1"], row["geometry_1"]) == (0, 7, "g")


def test_columns_where_box_skip_and_limit(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", [shapely.Point(i, i) for i in range(100)], n=list(range(100)), m=["x"] * 100)
    source = open_vector(path)
    assert table(source, columns=["n"], limit=2).column_names == ["fid", "n", "geometry"]
    assert table(source, columns=[], limit=1).column_names == ["fid", "geometry"]
    assert table(source, where="n >= 90").num_rows == 10
    assert table(source, bbox=(9.5, 0, 12, 50)).column("n").to_pylist() == [10, 11, 12]
    assert table(source, bbox=(9.5, 0, 12, 50), skip=1, limit=1).column("n").to_pylist() == [11]
    assert table(source, skip=97).column("fid").to_pylist() == [98, 99, 100]
    assert list(source.batches(limit=0)) == []
    with pytest.raises(SourceError, match="no column zz; expected some of n, m"):
        table(source, columns=["zz"])
    with pytest.raises(SourceError, match=r"condition 'this is not SQL' cannot be used.*over n, m"):
        table(source, where="this is not SQL")


def test_a_box_in_another_system(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.gpkg", [shapely.Point(500000, 5300000), shapely.Point(500000, 5400000)], "EPSG:32632", n=[1, 2]
    )
    source = open_vector(path)
    assert source.info.crs == EPSG + "32632"
    assert table(source, bbox=(8.9, 47.8, 9.1, 47.9), bbox_crs=CRS84).column("n").to_pylist() == [1]
    with pytest.raises(SourceError, match="west <= east"):
        table(source, bbox=(9.1, 47.8, 8.9, 47.9))


@pytest.mark.parametrize("suffix", ["gpkg", "shp", "geojson", "fgb", "parquet"])
def test_a_box_cuts_by_geometry_in_every_format(tmp_path: Path, suffix: str) -> None:
    diagonal, inside = shapely.LineString([(0, 0), (10, 10)]), shapely.LineString([(7, 1), (8, 2)])
    path = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        write_parquet(path, [diagonal, inside])
    else:
        write(path, [diagonal, inside], n=[1, 2], kind="LineString")
    assert table(open_vector(path), bbox=(6, 0, 9, 3)).column("n").to_pylist() == [2]


def write_parquet(path: Path, geometries: list[Any], **metadata: Any) -> None:
    import pyarrow.parquet as pq

    about = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": {"encoding": "WKB", **metadata}}}
    columns = {
        "n": list(range(1, len(geometries) + 1)),
        "geometry": pa.array(shapely.to_wkb(np.array(geometries, object)), pa.binary()),
    }
    pq.write_table(pa.table(columns).replace_schema_metadata({"geo": json.dumps(about)}), path)


def test_batches_are_bounded_by_bytes_and_one_large_geometry_still_comes(tmp_path: Path) -> None:
    large = shapely.Point(0, 0).buffer(1, quad_segs=20000)
    small = [shapely.Point(i, i).buffer(1) for i in range(300)]
    path = write(tmp_path / "a.gpkg", [*small[:150], large, *small[150:]], n=list(range(301)))
    source = open_vector(path)
    batches = list(source.batches(batch_bytes=50_000))
    assert sum(b.num_rows for b in batches) == 301
    too_large = [b for b in batches if b.nbytes > 50_000]
    assert [b.num_rows for b in too_large] == [1]
    assert [n for b in batches for n in b.column("n").to_pylist()] == list(range(301))


def test_a_crs_can_be_given_and_must_be_known(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", POINTS[:1], n=[1])
    assert open_vector(path, crs="EPSG:3035").info.crs == EPSG + "3035"
    with pytest.raises(CRSError, match="EPSG:1"):
        open_vector(path, crs="EPSG:1")


def test_a_crs_without_a_code_is_its_definition(tmp_path: Path) -> None:
    wkt = "+proj=lcc +lat_1=49 +lat_2=77 +lat_0=40 +lon_0=-100 +datum=WGS84 +units=m +type=crs"
    info = open_vector(write(tmp_path / "a.gpkg", POINTS[:1], wkt, n=[1])).info
    from semcube.geometry import crs

    assert info.crs is not None
    assert crs(info.crs).iri is None
    assert not crs(info.crs).is_geographic


def test_geojson_with_a_crs_member_is_read_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    text = {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}},
        "features": [
            {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [465181, 5080254]}}
        ],
    }
    path.write_text(json.dumps(text))
    info = open_vector(path).info
    assert info.crs == EPSG + "32633"
    assert "RFC 7946" in info.metadata["warning"]


def test_geojson_ids_are_the_fid(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    features = [{"type": "Feature", "id": i, "properties": {"a": "b"}, "geometry": None} for i in (17, 4)]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    found = table(open_vector(path))
    assert found.column("fid").to_pylist() == [17, 4]
    assert found.column("geometry").to_pylist() == [None, None]


def test_gzipped_and_zipped_files(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.geojson", POINTS[:1], n=[1])
    (tmp_path / "b.geojson.gz").write_bytes(gzip.compress(plain.read_bytes()))
    package = write(tmp_path / "c.gpkg", POINTS[:1], n=[3])
    with zipfile.ZipFile(tmp_path / "odd (name) {x}.zip", "w") as archive:
        archive.write(plain, "folder/a.geojson")
        archive.write(package, "c.gpkg")
        archive.writestr("readme.pdf", "x")
    assert table(open_vector(tmp_path / "b.geojson.gz")).column("n").to_pylist() == [1]
    assert layers(tmp_path / "odd (name) {x}.zip") == ["a", "c"]
    assert table(open_vector(tmp_path / "odd (name) {x}.zip", "c")).column("n").to_pylist() == [3]
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as archive:
        archive.writestr("readme.pdf", "x")
    with pytest.raises(SourceError, match=r"the archive holds readme\.pdf; expected a member that is one of \.shp"):
        open_vector(tmp_path / "none.zip")


def test_a_file_geodatabase_and_gpx(tmp_path: Path) -> None:
    path = tmp_path / "a.gdb"
    wkb = pa.array([shapely.to_wkb(shapely.from_wkt("POINT Z (1 2 3)"), flavor="iso")], pa.binary())
    columns = pa.table({"name": ["ä"], "geometry": wkb})
    options = {"geometry_name": "geometry", "geometry_type": "Point Z", "crs": "EPSG:4326"}
    pyogrio.write_arrow(columns, path, driver="OpenFileGDB", layer="points", **options)
    source = open_vector(path)
    assert (source.info.layer, source.info.key, source.info.geometry_types) == ("points", "fid", ("Point Z",))
    assert table(source).column("name").to_pylist() == ["ä"]
    assert shapes(table(source))[0].wkt == "POINT Z (1 2 3)"
    track = '<gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1"><wpt lat="2" lon="1"/></gpx>'
    (tmp_path / "a.gpx").write_text(track)
    assert shapes(table(open_vector(tmp_path / "a.gpx", "waypoints")))[0].wkt == "POINT (1 2)"


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        open_vector(tmp_path / "none.gpkg")
    (tmp_path / "a.docx").write_text("x")
    with pytest.raises(
        UnsupportedError, match=r"the extension '\.docx'; expected a file that is one of \.shp, .*\.gpkg.*\.csv"
    ):
        open_vector(tmp_path / "a.docx")
    with pytest.raises(UnsupportedError, match="is a folder"):
        open_vector(tmp_path)
    for name in ("a.gpkg", "a.geojson", "a.fgb", "a.kml", "a.gml", "a.parquet", "a.zip"):
        (tmp_path / name).write_text("this is no such file")
        with pytest.raises(SourceError, match=name):
            open_vector(tmp_path / name)


def test_a_folder_is_left_as_it_was(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", POINTS[:1], n=[1])
    before = path.read_bytes()
    source = open_vector(path)
    batches = source.batches()
    next(batches)
    assert {p.name for p in tmp_path.iterdir()} <= {"a.gpkg", "a.gpkg-shm", "a.gpkg-wal"}
    batches.close()  # type: ignore[attr-defined]
    assert path.read_bytes() == before
