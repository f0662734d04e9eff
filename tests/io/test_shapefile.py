# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely

from semcube.errors import RowError, SourceError
from semcube.io import open_vector
from semcube.vocab import EPSG


def shapefile(folder: Path, names: list[str], encoding: str = "UTF-8") -> Path:
    path = folder / "a.shp"
    points = shapely.points(np.arange(len(names), dtype=float), 1.0)
    arrow = pa.table({"name": names, "geometry": pa.array(shapely.to_wkb(points), pa.binary())})
    pyogrio.write_arrow(
        arrow, path, geometry_name="geometry", geometry_type="Point", crs="EPSG:4326", encoding=encoding
    )
    return path


def names(path: Path, **options: str) -> list[str]:
    return [v for b in open_vector(path, **options).batches() for v in b.column("name").to_pylist()]  # type: ignore[arg-type]


def language_driver(path: Path, number: int) -> None:
    table = bytearray(path.with_suffix(".dbf").read_bytes())
    table[29] = number
    path.with_suffix(".dbf").write_bytes(table)


@pytest.mark.parametrize(
    ("encoding", "cpg", "driver", "expected", "why"),
    [
        ("UTF-8", "UTF-8", 0, "utf-8", ".cpg"),
        ("UTF-8", None, 0, "utf-8", "text"),
        ("ISO-8859-1", None, 0, "cp1252", "text"),
        ("ISO-8859-1", None, 0x57, "cp1252", "text"),
        ("ISO-8859-1", "1252", 0, "cp1252", ".cpg"),
        ("ISO-8859-1", "ANSI 1252", 0, "cp1252", ".cpg"),
        ("ISO-8859-1", "ISO 88591", 0, "iso8859-1", ".cpg"),
        ("ISO-8859-1", "88591", 0, "iso8859-1", ".cpg"),
        ("CP850", None, 0x02, "cp850", "language driver id"),
        ("ISO-8859-1", "nonsense", 0x03, "cp1252", "language driver id"),
        ("ISO-8859-1", "UTF-8", 0, "cp1252", "text"),
    ],
)
def test_the_encoding_is_found(
    tmp_path: Path, encoding: str, cpg: str | None, driver: int, expected: str, why: str
) -> None:
    path = shapefile(tmp_path, ["Zürich", "Malmö", "plain"], encoding)
    path.with_suffix(".cpg").unlink(missing_ok=True)
    if cpg is not None:
        path.with_suffix(".cpg").write_text(cpg)
    language_driver(path, driver)
    info = open_vector(path).info
    assert (info.encoding, info.metadata["encoding_from"]) == (expected, why)
    assert names(path) == ["Zürich", "Malmö", "plain"]


def test_readers_do_not_change_what_others_write_meanwhile(tmp_path: Path) -> None:
    for name in ("read", "while", "after"):
        (tmp_path / name).mkdir()
    read = shapefile(tmp_path / "read", ["Zürich"])
    one, two = open_vector(read).batches(), open_vector(read).batches()
    next(iter(one)), next(iter(two))
    while_open = shapefile(tmp_path / "while", ["Zürich"], "ISO-8859-1")
    one.close(), two.close()
    after = shapefile(tmp_path / "after", ["Zürich"], "ISO-8859-1")
    assert all(b" Z\xfcrich " in path.with_suffix(".dbf").read_bytes() for path in (while_open, after))


def test_a_character_cut_at_the_end_of_a_field_is_still_utf8(tmp_path: Path) -> None:
    path = shapefile(tmp_path, ["Zürich"])
    path.with_suffix(".cpg").unlink()
    table = path.with_suffix(".dbf").read_bytes()
    long = ("x" * 79 + "é").encode()
    header = struct.unpack("<H", table[8:10])[0]
    table = table[: header + 1] + long[:80] + table[header + 81 :]
    path.with_suffix(".dbf").write_bytes(table)
    language_driver(path, 0)
    assert open_vector(path).info.encoding == "utf-8"


def test_the_wrong_encoding_names_row_and_column(tmp_path: Path) -> None:
    path = shapefile(tmp_path, ["plain", "Zürich"], "ISO-8859-1")
    assert names(path, encoding="cp1252")[1] == "Zürich"
    with pytest.raises(RowError, match=r"a\.shp, layer a, row 1, column name: .*encoding='cp1252'"):
        names(path, encoding="utf-8")
    with pytest.raises(SourceError, match="encoding 'klingon'"):
        names(path, encoding="klingon")


def test_a_missing_prj_is_an_unknown_crs_and_a_warning(tmp_path: Path) -> None:
    path = shapefile(tmp_path, ["a"])
    path.with_suffix(".prj").unlink()
    info = open_vector(path).info
    assert info.crs is None
    assert "no .prj file" in info.metadata["warning"]
    assert "crs=" in info.metadata["warning"]
    assert open_vector(path, crs="EPSG:3035").info.crs == EPSG + "3035"


def test_an_unknown_crs_is_a_warning(tmp_path: Path) -> None:
    path = shapefile(tmp_path, ["a"])
    path.with_suffix(".prj").write_text('LOCAL_CS["somewhere"]')
    info = open_vector(path).info
    assert info.crs is None
    assert "coordinate reference system" in info.metadata["warning"]


def test_a_missing_shx_says_how_to_make_it(tmp_path: Path) -> None:
    path = shapefile(tmp_path, ["a"])
    path.with_suffix(".shx").unlink()
    with pytest.raises(SourceError, match=r"a\.shx is missing.*SHAPE_RESTORE_SHX"):
        open_vector(path)
    assert not path.with_suffix(".shx").exists()


def test_a_missing_dbf_gives_geometries_and_a_warning(tmp_path: Path) -> None:
    path = shapefile(tmp_path, ["a", "b"])
    path.with_suffix(".dbf").unlink()
    source = open_vector(path)
    assert "without attributes" in source.info.metadata["warning"]
    (batch,) = source.batches()
    assert shapely.from_wkb(batch.column("geometry").to_pylist()[1]).x == 1
    assert [name for name in batch.schema.names if name not in ("fid", "geometry")] == source.info.fields.names


def test_a_table_alone(tmp_path: Path) -> None:
    path = shapefile(tmp_path, ["a", "b"])
    for extension in (".shp", ".shx", ".prj"):
        path.with_suffix(extension).unlink()
    source = open_vector(path.with_suffix(".dbf"))
    assert source.info.geometry_column is None
    assert source.info.crs is None
    assert next(source.batches()).to_pylist() == [{"fid": 0, "name": "a"}, {"fid": 1, "name": "b"}]
    with pytest.raises(SourceError, match="without geometries"):
        list(source.batches(bbox=(0, 0, 1, 1)))


@pytest.mark.parametrize("extension", [".shp", ".shx", ".dbf"])
def test_a_cut_part_is_said(tmp_path: Path, extension: str) -> None:
    path = shapefile(tmp_path, [f"name {i}" for i in range(50)])
    part = path.with_suffix(extension)
    part.write_bytes(part.read_bytes()[:-40])
    with pytest.raises(SourceError, match=rf"a\{extension} is cut short: .* expected .* bytes"):
        open_vector(path)


def test_parts_that_do_not_belong_together(tmp_path: Path) -> None:
    one, two = tmp_path / "1", tmp_path / "2"
    one.mkdir()
    two.mkdir()
    path, other = shapefile(one, ["a", "b"]), shapefile(two, ["a"])
    path.with_suffix(".dbf").write_bytes(other.with_suffix(".dbf").read_bytes())
    with pytest.raises(SourceError, match=r"2 geometries in a\.shx, 1 rows in a\.dbf"):
        open_vector(path)


def test_something_else_named_shp(tmp_path: Path) -> None:
    path = shapefile(tmp_path, ["a"])
    path.write_bytes(b"x" * 200)
    with pytest.raises(SourceError, match=r"a\.shp is no shapefile"):
        open_vector(path)


def test_extensions_in_capitals_and_in_a_zip(tmp_path: Path) -> None:
    path = shapefile(tmp_path, ["Malmö"])
    with zipfile.ZipFile(tmp_path / "z.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for extension in (".shp", ".shx", ".dbf", ".prj"):
            archive.write(path.with_suffix(extension), f"Folder/A{extension.upper()}")
    source = open_vector(tmp_path / "z.zip")
    assert source.info.metadata["encoding_from"] == "text"
    assert [v for b in source.batches() for v in b.column("name").to_pylist()] == ["Malmö"]
    with zipfile.ZipFile(tmp_path / "cut.zip", "w") as archive:
        archive.writestr("A.shp", path.read_bytes()[:-4])
        archive.write(path.with_suffix(".shx"), "A.shx")
    with pytest.raises(SourceError, match=r"A\.shp is cut short"):
        open_vector(tmp_path / "cut.zip")


def test_timestamps_of_dbase_7(tmp_path: Path) -> None:
    path = shapefile(tmp_path, ["a", "b"])
    header = struct.pack("<BBBBIHH20x", 0x30, 124, 1, 1, 2, 32 + 64 + 1, 1 + 8 + 4)
    fields = struct.pack("<11sc4xBB14x", b"when", b"@", 8, 0) + struct.pack("<11sc4xBB14x", b"name", b"C", 4, 0)
    rows = b" " + struct.pack("<ii", 2460079, 3_600_000) + b"one " + b" " + bytes(8) + b"two "
    path.with_suffix(".dbf").write_bytes(header + fields + b"\r" + rows + b"\x1a")
    (batch,) = open_vector(path).batches()
    assert batch.schema.field("when").type == pa.timestamp("ms")
    assert [str(v) for v in batch.column("when").to_pylist()] == ["2023-05-14 01:00:00", "None"]
    assert batch.column("name").to_pylist() == ["one", "two"]


@pytest.mark.parametrize(
    ("kind", "ordinates", "wkt", "declared"),
    [(21, (1.0, 2.0, 3.0), "POINT M (1 2 3)", "Point M"), (11, (1.0, 2.0, 3.0, 4.0), "POINT ZM (1 2 3 4)", "Point ZM")],
)
def test_measures_are_kept(tmp_path: Path, kind: int, ordinates: tuple[float, ...], wkt: str, declared: str) -> None:
    content = struct.pack(f"<i{len(ordinates)}d", kind, *ordinates)
    record = struct.pack(">ii", 1, len(content) // 2) + content

    def header(size: int) -> bytes:
        box = struct.pack("<8d", 1, 2, 1, 2, 3, 3, ordinates[-1], ordinates[-1])
        return struct.pack(">i20xi", 9994, size // 2) + struct.pack("<ii", 1000, kind) + box

    (tmp_path / "a.shp").write_bytes(header(100 + len(record)) + record)
    (tmp_path / "a.shx").write_bytes(header(108) + struct.pack(">ii", 50, len(content) // 2))
    source = open_vector(tmp_path / "a.shp")
    (batch,) = source.batches()
    assert shapely.from_wkb(batch.column("geometry").to_pylist()[0]).wkt == wkt
    assert source.info.geometry_types == (declared,)


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    path = shapefile(tmp_path, ["a"])
    header = struct.pack("<BBBBIHH20x", 3, 124, 1, 1, 1, 32 + 64 + 1, 1 + 8)
    fields = struct.pack("<11sc4xBB14x", b"name", b"C", 4, 0) * 2
    path.with_suffix(".dbf").write_bytes(header + fields + b"\r one two \x1a")
    source = open_vector(path)
    assert source.info.fields.names == ["name", "name_1"]
    assert source.info.metadata["renamed"] == "name_1=name"
    (batch,) = source.batches(columns=["name_1", "name"])
    assert batch.select(["name", "name_1"]).to_pylist() == [{"name": "one", "name_1": "two"}]
