# SPDX-License-Identifier: Apache-2.0
"""What a shapefile needs looked at before GDAL reads it: its parts, whether they are whole, and their encoding.

Specification: ESRI Shapefile Technical Description (1998); dBASE language driver ids as listed there and by GDAL.
"""

from __future__ import annotations

import codecs
import contextlib
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from semcube.errors import SourceError

__all__ = ["Facts", "check_parts", "inspect"]

_LANGUAGE_DRIVERS = {
    0x01: "cp437", 0x02: "cp850", 0x03: "cp1252", 0x04: "mac_roman", 0x08: "cp865", 0x09: "cp437", 0x0A: "cp850",
    0x0B: "cp437", 0x0D: "cp437", 0x0E: "cp850", 0x0F: "cp437", 0x10: "cp850", 0x11: "cp437", 0x12: "cp850",
    0x13: "cp932", 0x14: "cp850", 0x15: "cp437", 0x16: "cp850", 0x17: "cp865", 0x18: "cp437", 0x19: "cp437",
    0x1A: "cp850", 0x1B: "cp437", 0x1C: "cp863", 0x1D: "cp850", 0x1F: "cp852", 0x22: "cp852", 0x23: "cp852",
    0x24: "cp860", 0x25: "cp850", 0x26: "cp866", 0x37: "cp850", 0x40: "cp852", 0x4D: "cp936", 0x4E: "cp949",
    0x4F: "cp950", 0x50: "cp874", 0x58: "cp1252", 0x59: "cp1252", 0x64: "cp852", 0x65: "cp866", 0x66: "cp865",
    0x67: "cp861", 0x6A: "cp737", 0x6B: "cp857", 0x6C: "cp863", 0x78: "cp950", 0x79: "cp949", 0x7A: "cp936",
    0x7B: "cp932", 0x7C: "cp874", 0x86: "cp737", 0x87: "cp852", 0x88: "cp857", 0x96: "mac_cyrillic",
    0x97: "mac_latin2", 0x98: "mac_greek", 0xC8: "cp1250", 0xC9: "cp1251", 0xCA: "cp1254", 0xCB: "cp1253",
    0xCC: "cp1257",
}  # fmt: skip
"""Language driver id -> encoding. 0x00 and 0x57 say no more than "the writer's own", so they are left out."""

_BLOCK = 1 << 22


@dataclass(frozen=True)
class Facts:
    """What was found out."""

    encoding: str | None
    encoding_from: str
    warnings: list[str]
    timestamps: dict[str, npt.NDArray[np.datetime64]] = field(default_factory=dict)
    """Values of the dBASE 7 timestamp columns, which GDAL does not read, by record."""


class _Parts:
    """The files of one shapefile, in a folder or in a zip archive; extensions in any case."""

    def __init__(self, dataset: str, file: Path) -> None:
        self.archive = file if dataset.startswith("/vsizip/") else None
        self.member = dataset.partition("}/")[2] if self.archive else ""
        stem = (self.member if self.archive else file.name).rpartition(".")[0]
        if self.archive:
            with zipfile.ZipFile(self.archive) as archive:
                names = archive.namelist()
        else:
            self.folder = file.parent
            names = [p.name for p in file.parent.iterdir()]
        beside = [name for name in names if name.rpartition(".")[0] == stem]
        self.found = {name.rpartition(".")[2].lower(): name for name in beside}

    def size(self, extension: str) -> int:
        """Bytes of a part."""
        name = self.found[extension]
        if self.archive:
            with zipfile.ZipFile(self.archive) as archive:
                return archive.getinfo(name).file_size
        return (self.folder / name).stat().st_size

    def read(self, extension: str, size: int) -> bytes:
        """The first bytes of a part."""
        with self.open(extension) as stream:
            return stream.read(size)

    @contextlib.contextmanager
    def open(self, extension: str) -> Iterator[IO[bytes]]:
        """A part as a stream."""
        name = self.found[extension]
        if self.archive:
            with zipfile.ZipFile(self.archive) as archive, archive.open(name) as stream:
                yield stream
        else:
            with (self.folder / name).open("rb") as stream:
                yield stream


def check_parts(dataset: str, file: Path) -> None:
    """Refuse a shapefile that lacks a part it cannot do without, or whose parts are cut short.

    Raises:
        SourceError: Says which part, and what to do.
    """
    extension = dataset.rpartition(".")[2].lower()
    if extension != "shp":
        return
    parts = _Parts(dataset, file)
    name = parts.found["shp"].rpartition(".")[0]
    if "shx" not in parts.found:
        raise SourceError(
            f"the index {name}.shx is missing",
            source=file,
            expected="the .shp, .shx and .dbf files side by side",
            fix=f"get {name}.shx from where the file came from, or let GDAL make it anew: "
            f"ogrinfo --config SHAPE_RESTORE_SHX YES {name}.shp",
        )
    for part in ("shp", "shx"):
        head = parts.read(part, 28)
        if len(head) < 28 or struct.unpack(">i", head[:4])[0] != 9994:
            raise SourceError(f"{name}.{part} is no shapefile", source=file, expected="the file code 9994 at its start")
        stated = 2 * struct.unpack(">i", head[24:28])[0]
        if stated > parts.size(part):
            raise _cut_short(file, f"{name}.{part}", parts.size(part), stated)
    if "dbf" in parts.found:
        _check_table(parts, file, name)


def _check_table(parts: _Parts, file: Path, name: str) -> None:
    head = parts.read("dbf", 32)
    if len(head) < 32:
        raise SourceError(f"{name}.dbf is no dBASE table", source=file, expected="a header of 32 bytes or more")
    records, header, width = struct.unpack("<IHH", head[4:12])
    if header + records * width > parts.size("dbf") + 1:
        raise _cut_short(file, f"{name}.dbf", parts.size("dbf"), header + records * width)
    if "shx" in parts.found:
        shapes = (parts.size("shx") - 100) // 8
        if shapes != records:
            raise SourceError(
                f"{shapes} geometries in {name}.shx, {records} rows in {name}.dbf",
                source=file,
                expected="as many of one as of the other",
                fix="check that all parts are of the same version and complete",
            )


def _cut_short(file: Path, part: str, size: int, stated: int) -> SourceError:
    return SourceError(
        f"{part} is cut short: {size:,} bytes", source=file, expected=f"{stated:,} bytes", fix="fetch the file again"
    )


def inspect(dataset: str, file: Path, encoding: str | None) -> Facts | None:
    """Encoding and warnings of a shapefile or dBASE table; None for other formats.

    The encoding is the given one, else that of the ``.cpg`` file, else of the table's language driver id, else UTF-8 if
    all text is valid UTF-8, else cp1252.

    Raises:
        SourceError: ``encoding`` is not known.
    """
    if dataset.rpartition(".")[2].lower() not in ("shp", "dbf"):
        return None
    parts = _Parts(dataset, file)
    facts = _encoding(parts, file, encoding)
    return replace(facts, timestamps=_timestamps(parts)) if "dbf" in parts.found else facts


def _encoding(parts: _Parts, file: Path, encoding: str | None) -> Facts:
    warnings = []
    if "shp" in parts.found and "prj" not in parts.found:
        warnings.append("there is no .prj file")
    if "dbf" not in parts.found:
        warnings.append("the table (.dbf) is missing: geometries without attributes")
        return Facts(None, "none", warnings)
    if encoding is not None:
        if _codec(encoding) is None:
            raise SourceError(
                f"encoding {encoding!r}", source=file, expected="a character encoding such as utf-8, cp1252"
            )
        return Facts(_codec(encoding), "given", warnings)
    if "cpg" in parts.found:
        text = parts.read("cpg", 100).decode("ascii", "replace").strip()
        named = _codec(text)
        if named is None:
            warnings.append(f"the .cpg file names the encoding {text!r}, which is not known")
        elif named == "utf-8" and not _is_utf8(parts):
            warnings.append("the .cpg file says UTF-8, but the table is not UTF-8: read as cp1252")
            return Facts("cp1252", "text", warnings)
        else:
            return Facts(named, ".cpg", warnings)
    driver = parts.read("dbf", 30)[29]
    if driver in _LANGUAGE_DRIVERS:
        return Facts(_LANGUAGE_DRIVERS[driver], "language driver id", warnings)
    return Facts("utf-8" if _is_utf8(parts) else "cp1252", "text", warnings)


def _codec(name: str) -> str | None:
    """Python's name of an encoding, as ``.cpg`` files spell it too."""
    spelt = name.strip().lower().replace("ansi ", "cp").replace("oem ", "cp")
    if spelt.isdigit():
        spelt = f"cp{spelt}" if len(spelt) <= 4 and not spelt.startswith("8859") else f"iso8859-{spelt[4:].lstrip('-')}"
    if spelt.startswith("iso 8859"):
        spelt = f"iso8859-{spelt[8:].strip(' -')}"
    try:
        return codecs.lookup(spelt).name
    except LookupError:
        return None


def _is_utf8(parts: _Parts) -> bool:
    """Whether the text of a table is valid UTF-8; a character cut off at the end of a field is no fault."""
    header, width = struct.unpack("<HH", parts.read("dbf", 32)[8:12])
    columns = list(_table_columns(parts))
    if not all(_decodes(label) for label, *_ in columns):
        return False
    fields = [(start, end) for _, kind, start, end in columns if kind == b"C"]
    return all(_decodes(value) for value in _doubtful_values(parts, header, width, fields))


def _table_columns(parts: _Parts) -> Iterator[tuple[bytes, bytes, int, int]]:
    """Name, type letter and place in the record of each column of a table."""
    head = parts.read("dbf", 32)
    names = parts.read("dbf", struct.unpack("<H", head[8:10])[0])[32:]
    at = 1
    for start in range(0, len(names) - 31, 32):
        if names[start] == 0x0D:
            return
        kind = names[start + 11 : start + 12]
        # Text columns may be longer than 255 bytes: the decimal count is then the high byte.
        size = names[start + 16] + (256 * names[start + 17] if kind == b"C" else 0)
        yield names[start : start + 11].split(b"\0")[0], kind, at, at + size
        at += size


def _timestamps(parts: _Parts) -> dict[str, npt.NDArray[np.datetime64]]:
    """Values of the columns of type ``@``: a Julian day number and milliseconds, 4 bytes each."""
    found = {label: start for label, kind, start, _ in _table_columns(parts) if kind == b"@"}
    if not found:
        return {}
    records, header, width = struct.unpack("<IHH", parts.read("dbf", 32)[4:12])
    values: dict[bytes, list[bytes]] = {label: [] for label in found}
    with parts.open("dbf") as stream:
        stream.read(header)
        while block := stream.read(max(_BLOCK // width, 1) * width):
            rows = np.frombuffer(block[: len(block) // width * width], np.uint8).reshape(-1, width)
            for label, start in found.items():
                values[label].append(rows[:, start : start + 8].tobytes())
    result = {}
    for label, blocks in values.items():
        days, milliseconds = np.frombuffer(b"".join(blocks), "<i4").reshape(-1, 2)[:records].astype("i8").T
        stamps = ((days - 2440588) * 86_400_000 + milliseconds).astype("datetime64[ms]")
        stamps[days == 0] = np.datetime64("NaT")
        result[label.decode("latin-1")] = stamps
    return result


def _doubtful_values(parts: _Parts, header: int, width: int, fields: list[tuple[int, int]]) -> Iterator[bytes]:
    """The text values of the blocks that are not UTF-8 as a whole."""
    with parts.open("dbf") as stream:
        stream.read(header)
        while width and (block := stream.read(max(_BLOCK // width, 1) * width)):
            if block.isascii() or _decodes(block):
                continue
            for at in range(0, len(block), width):
                record = block[at : at + width]
                if not record.isascii():
                    yield from (record[start:end].rstrip(b" \0") for start, end in fields)


def _decodes(value: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(value)
    except UnicodeDecodeError:
        return False
    return True
