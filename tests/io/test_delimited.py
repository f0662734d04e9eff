# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import re
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.errors import RowError, SourceError
from semcube.io import Dialect, VectorSource, layers, open_vector
from semcube.vocab import CRS84, EPSG


def table(source: VectorSource, **options: Any) -> pa.Table:
    return pa.Table.from_batches(list(source.batches(**options)))


def opened(folder: Path, text: str | bytes, name: str = "a.csv", **options: Any) -> VectorSource:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return open_vector(path, **options)


def test_types_are_those_that_hold_every_value_exactly(tmp_path: Path) -> None:
    text = (
        "i,f,code,na,day,when,zoned,flag,mixed,big,blank,notday\n"
        "1,1.5,0056,NA,2020-02-29,2020-01-01T10:20,2020-01-01T00:00:00+02:00,true,1,9007199254740993,,2020-02-30\n"
        "-20,2e3,1200,None,1999-12-31,2020-01-01 10:20:30.5,2020-01-01T00:00:00Z,False,x,-1,,2020-01-01\n"
    )
    source = opened(tmp_path, text)
    assert {f.name: str(f.type) for f in source.info.fields} == {
        "i": "int64",
        "f": "double",
        "code": "string",
        "na": "string",
        "day": "date32[day]",
        "when": "timestamp[us]",
        "zoned": "timestamp[us, tz=UTC]",
        "flag": "bool",
        "mixed": "string",
        "big": "int64",
        "blank": "string",
        "notday": "string",
    }
    first, second = table(source).to_pylist()
    assert (first["fid"], second["fid"]) == (1, 2)
    assert (first["code"], first["na"], second["na"]) == ("0056", "NA", "None")
    assert (second["i"], second["f"], first["big"]) == (-20, 2000.0, 9007199254740993)
    assert first["day"] == date(2020, 2, 29)
    assert second["when"] == datetime(2020, 1, 1, 10, 20, 30, 500000)
    assert first["zoned"] == datetime(2019, 12, 31, 22, tzinfo=UTC)
    assert (first["flag"], second["flag"], first["blank"]) == (True, False, None)
    assert source.info.features == 2


def test_a_value_far_down_decides_the_type(tmp_path: Path) -> None:
    rows = [f"{i},{i}" for i in range(300_000)]
    source = opened(tmp_path, "\n".join(["a,b", *rows, "x,0017"]) + "\n")
    assert [str(f.type) for f in source.info.fields] == ["string", "string"]
    assert table(source).column("b").to_pylist()[-1] == "0017"


@pytest.mark.parametrize(
    "value", ["00", "007", "+1", "1_000", "0x10", "1e400", "nan", "inf", "1.", ".5", "12345678901234567890"]
)
def test_what_only_looks_like_a_number_stays_text(tmp_path: Path, value: str) -> None:
    source = opened(tmp_path, f"a\n{value}\n")
    found = table(source).column("a").to_pylist()
    if source.info.fields.field("a").type != pa.string():
        assert repr(found[0]) == repr(float(value)), value
    else:
        assert found == [value]


def test_quotes_line_ends_and_nulls(tmp_path: Path) -> None:
    text = 'a,b\r\n"x, ""y""\r\nz",1\r\n"",2\r\n,3\r\n'
    found = table(opened(tmp_path, text))
    assert found.column("a").to_pylist() == ['x, "y"\r\nz', "", None]
    assert found.column("b").to_pylist() == [1, 2, 3]
    plain = table(opened(tmp_path, 'a,b\n"x,1\ny",2\n', dialect=Dialect(quoting=False)))
    assert plain.column("a").to_pylist() == ['"x', 'y"']


@pytest.mark.parametrize(
    ("delimiter", "name"), [(",", "a.csv"), (";", "a.csv"), ("|", "a.txt"), ("\t", "a.tsv"), ("\t", "a.csv")]
)
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str, name: str) -> None:
    source = opened(tmp_path, f'"a,b"{delimiter}c\n1{delimiter}2\n', name)
    assert source.info.fields.names == ["a,b", "c"]
    assert table(source).column("c").to_pylist() == [2]


def test_columns_without_a_header_and_lines_to_skip(tmp_path: Path) -> None:
    source = opened(tmp_path, "1\tx\n2\ty", "a.txt", dialect=Dialect(delimiter="\t", column_names=("n", "s")))
    assert table(source).to_pylist() == [{"fid": 1, "n": 1, "s": "x"}, {"fid": 2, "n": 2, "s": "y"}]
    source = opened(tmp_path, " 1981 mean\nday, value\n1,    2.50\n", dialect=Dialect(skip_lines=1))
    assert table(source).to_pylist() == [{"fid": 1, "day": 1, "value": 2.5}]


def test_odd_headers(tmp_path: Path) -> None:
    source = opened(tmp_path, "\ufeffa,a,,fid,geometry\n1,2,3,4,5\n")
    assert source.info.fields.names == ["a", "a_1", "column_3", "fid_1", "geometry_1"]
    source = opened(tmp_path, '"two\nlines",b\n1,2\n')
    assert source.info.fields.names == ["two\nlines", "b"]
    assert table(source).num_rows == 1
    with pytest.raises(SourceError, match="is empty"):
        opened(tmp_path, "")
    only = opened(tmp_path, "a,b\n")
    assert (only.info.features, list(only.batches())) == (0, [])


@pytest.mark.parametrize(
    ("header", "row", "crs"),
    [
        ("lon,lat", "11.5,48.25", CRS84),
        ("Latitude,Longitude", "48.25,11.5", CRS84),
        ("x,y", "11.5,48.25", None),
        ("id,easting,northing", "1,11.5,48.25", None),
    ],
)
def test_coordinates_are_recognised(tmp_path: Path, header: str, row: str, crs: str | None) -> None:
    source = opened(tmp_path, f"{header}\n{row}\n")
    assert source.info.crs == crs
    assert source.info.geometry_types == ("Point",)
    point = shapely.from_wkb(table(source).column("geometry").to_pylist()[0])
    assert (point.x, point.y) == (11.5, 48.25)
    assert set(header.split(",")) == set(source.info.fields.names)


def test_coordinates_by_name_with_gaps_and_a_crs(tmp_path: Path) -> None:
    source = opened(tmp_path, "e,n\n4321000,3210000\n,1\n", x="e", y="n", crs="EPSG:3035")
    assert source.info.crs == EPSG + "3035"
    first, second = table(source).column("geometry").to_pylist()
    assert shapely.from_wkb(first).wkt == "POINT (4321000 3210000)"
    assert second is None
    with pytest.raises(SourceError, match="no column 'q'; expected one of e, n"):
        open_vector(tmp_path / "a.csv", x="q", y="n")
    with pytest.raises(SourceError, match="only x is named"):
        open_vector(tmp_path / "a.csv", x="e")
    with pytest.raises(SourceError, match="no numbers"):
        opened(tmp_path, "e,n\neast,1\n", x="e", y="n")


def points(source: VectorSource) -> list[str | None]:
    """WKT of the geometries; the text of malformed ones."""
    found = table(source).column("geometry").to_pylist()
    return [
        None if each is None else shapely.from_wkb(each).wkt if each[:1] == b"\x01" else each.decode() for each in found
    ]


def test_decimal_commas_and_signs_of_coordinates(tmp_path: Path) -> None:
    source = opened(tmp_path, "id;lon;lat\n1;8,5;+47,25\n2;-0,75;-.5\n3; 9 ;8.\n4;;1\n5;;\n")
    assert source.info.crs == CRS84
    assert points(source) == ["POINT (8.5 47.25)", "POINT (-0.75 -0.5)", "POINT (9 8)", None, None]
    assert table(source).column("lon").to_pylist() == ["8,5", "-0,75", " 9 ", None, None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lon,lat\n1,2\n3,4\nabc,5\n", "row 3, column lon: 'abc' is no coordinate; expected degrees from -360 to 360"),
        ("lon,lat\n1,2\n3,4\n5,n/a\n", "row 3, column lat: 'n/a' is no coordinate; expected degrees from -90 to 90"),
        ("lon,lat\n1,2\n48.1,111.5\n", "row 2, column lat: '111.5' is no coordinate"),
        ("lon,lat\n1,2\nNaN,3\n3,4\n", "row 2, column lon: 'NaN' is no coordinate"),
        ("e,n\n1,2\n1e400,3\n", "row 2, column e: '1e400' is no coordinate; expected a decimal number"),
        ("lon,lat\n1,2\n-9999,-9999\n", "row 2, column lon: '-9999' is no coordinate"),
    ],
)
def test_what_is_no_coordinate_is_named_or_handed_over(tmp_path: Path, text: str, message: str) -> None:
    named = {"x": "e", "y": "n"} if text.startswith("e,n") else {}
    source = opened(tmp_path, text, **named)
    with pytest.raises(RowError, match=re.escape(message)):
        table(source)
    source.keep_malformed = True
    first, *others = points(source)
    assert first == "POINT (1 2)"
    malformed = [each for each in others if each and not each.startswith("POINT")]
    assert len(malformed) == 1
    assert message.split("'")[1] in malformed[0]


def test_coordinates_of_another_system_have_its_size(tmp_path: Path) -> None:
    source = opened(tmp_path, "lon,lat\n4321000,3210000\n", crs="EPSG:3035")
    assert (source.info.crs, points(source)) == (EPSG + "3035", ["POINT (4321000 3210000)"])


def test_names_of_coordinates_without_numbers_are_told(tmp_path: Path) -> None:
    source = opened(tmp_path, "lon,lat\n8°30'E,47°N\n")
    assert source.info.geometry_column is None
    assert source.info.metadata["warning"] == (
        "columns lon and lat hold no decimal degrees: no geometries are made of them"
    )
    assert "warning" not in opened(tmp_path, "x,y\na,b\n").info.metadata


@pytest.mark.parametrize(
    "value",
    ["POINT (11.5 48.25)", "point(11.5 48.25)", "SRID=4326;POINT (11.5 48.25)", shapely.Point(11.5, 48.25).wkb_hex],
)
def test_wkt_and_hexadecimal_wkb(tmp_path: Path, value: str) -> None:
    empty = "" if value[0] == "0" else "3\tPOINT EMPTY\n"
    source = opened(tmp_path, f"id\tgeom\n1\t{value}\n2\t\n{empty}")
    assert source.info.fields.names == ["id"]
    assert source.info.crs is None
    found = table(source).column("geometry").to_pylist()
    assert shapely.from_wkb(found[0]).equals(shapely.Point(11.5, 48.25))
    assert found[1] is None
    if len(found) == 3:
        assert shapely.from_wkb(found[2]).is_empty


def test_a_bad_geometry_names_row_and_column(tmp_path: Path) -> None:
    source = opened(tmp_path, 'id,wkt\n1,POINT (1 2)\n2,"POINT (1,"\n')
    with pytest.raises(
        RowError, match=r"a\.csv, row 2, column wkt: 'POINT \(1,' is no geometry; expected well-known text"
    ):
        table(source)


def test_a_row_of_the_wrong_length_is_named(tmp_path: Path) -> None:
    with pytest.raises(RowError, match=r"a\.csv, row 2: 3 values; expected 2"):
        opened(tmp_path, "a,b\n1,2\n1,2,3\n")
    with pytest.raises(RowError, match="row 2: 1 values"):
        opened(tmp_path, "note\n1,2\n1\n", dialect=Dialect(skip_lines=1, column_names=("a", "b"), delimiter=","))


def test_a_geometry_larger_than_any_block(tmp_path: Path) -> None:
    ring = shapely.Point(0, 0).buffer(1, quad_segs=60_000).segmentize(0.00002)
    source = opened(
        tmp_path, f'id,wkt\n1,POINT (1 2)\n2,"{shapely.to_wkt(ring, rounding_precision=-1)}"\n3,POINT (3 4)\n'
    )
    batches = list(source.batches(batch_bytes=1_000_000))
    assert [v for b in batches for v in b.column("id").to_pylist()] == [1, 2, 3]
    found = [shapely.from_wkb(v) for b in batches for v in b.column("geometry").to_pylist()]
    assert len(ring.wkb) > 1_000_000
    assert found[1].equals_exact(ring, 1e-12)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    source = opened(tmp_path, "naïve,b\nZürich,1\n".encode(encoding))
    assert source.info.fields.names == ["naïve", "b"]
    assert table(source).column("naïve").to_pylist() == ["Zürich"]
    assert source.info.encoding == encoding
    if encoding == "cp1252":
        with pytest.raises(SourceError, match=r"not utf-8.*encoding='cp1252'"):
            open_vector(tmp_path / "a.csv", encoding="utf-8")


def test_compressed_tables(tmp_path: Path) -> None:
    text = b"a,b\n1,2\n"
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(text))
    with zipfile.ZipFile(tmp_path / "u.zip", "w") as archive:
        archive.writestr("folder/u.csv", text)
        archive.writestr("readme.txt", "about")
    for name, layer in (("t.csv.gz", "t"), ("u.zip", "u")):
        assert layers(tmp_path / name) == [layer]
        assert table(open_vector(tmp_path / name)).column("b").to_pylist() == [2]
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(text * 9999)[:-9])
    with pytest.raises(SourceError, match="damaged"):
        open_vector(tmp_path / "cut.csv.gz")


def test_columns_where_and_box(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i / 10},0,n{i}\n" for i in range(1000))
    source = opened(tmp_path, f"id,lon,lat,name\n{rows}")
    assert table(source, columns=["name"], where="id > 997").to_pylist()[0].keys() == {"fid", "name", "geometry"}
    assert table(source, where="id > 997").column("fid").to_pylist() == [999, 1000]
    assert table(source, bbox=(0.95, -1, 1.25, 1)).column("id").to_pylist() == [10, 11, 12]
    assert table(source, skip=2, limit=2).column("id").to_pylist() == [2, 3]
    with pytest.raises(SourceError, match="condition 'nonsense = 1' cannot be used"):
        table(source, where="nonsense = 1")


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64), min_size=1, max_size=20))
def test_numbers_come_back_bit_for_bit(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    folder = tmp_path_factory.mktemp("numbers")
    source = opened(folder, "a\n" + "\n".join(repr(v) for v in values) + "\n")
    found = table(source).column("a").to_pylist()
    assert [repr(float(v)) for v in found] == [repr(v) for v in values]


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.text(st.sampled_from('ab",;\n é0'), min_size=1), min_size=1, max_size=10))
def test_text_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, values: list[str]) -> None:
    folder = tmp_path_factory.mktemp("text")
    quoted = ["t" + v for v in values]
    rows = "".join('"{}","x"\n'.format(v.replace('"', '""')) for v in quoted)
    found = table(opened(folder, f"a,b\n{rows}", dialect=Dialect(delimiter=",")))
    assert found.column("a").to_pylist() == quoted
