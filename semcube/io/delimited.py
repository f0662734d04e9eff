# SPDX-License-Identifier: Apache-2.0
"""CSV, TSV and other delimited text, typed by all of its values.

The file is read twice: once to find out what type holds every value of a column exactly, then to hand out the rows.
So a code ``0056`` stays text, ``NA`` and ``None`` stay text, and only an unquoted empty field is null.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from semcube.errors import RowError, SourceError
from semcube.io import batching
from semcube.io.columns import find_geometry, geometry_of, unread_coordinates
from semcube.io.formats import split_compression
from semcube.io.streams import decompressing, read_errors
from semcube.io.vector import Dialect, LayerInfo, VectorSource
from semcube.vocab import CRS84

if TYPE_CHECKING:
    from semcube.io.vector import Box

__all__ = ["DelimitedSource"]

_BLOCK = 4 * 1024 * 1024
_MAX_BLOCK = 1 << 30
_INTEGER = r"^ *(?:0|-?[1-9][0-9]{0,17}) *$"
_NUMBER = r"^ *-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})? *$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_TIMESTAMP = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?$"
_ZONED = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})$"
_BOOLEAN = r"^(?:true|false|True|False|TRUE|FALSE)$"


class DelimitedSource(VectorSource):
    """A delimited text file."""

    def __init__(
        self,
        file: Path,
        layer: str,
        dialect: Dialect,
        *,
        crs: str | None,
        x: str | None,
        y: str | None,
        wkt: str | None,
    ) -> None:
        self._file = file
        self._dialect = _complete(file, dialect)
        self._block = _BLOCK
        self._columns_read, types, rows, samples = self._survey()
        fields = [pa.field(name, kind) for name, kind in zip(self._columns_read, types, strict=True)]
        about = find_geometry(fields, x, y, wkt, file, lambda name: samples[name], crs)
        self._about = about
        hidden = set(about.columns) if about and about.kind != "xy" else set()
        names = [f.name for f in fields if f.name not in hidden]
        new, renamed = batching.unique_names(names)
        self._old = dict(zip(new, names, strict=True))
        found_crs = CRS84 if about and about.is_lonlat else None
        system, warning = batching.crs_of(crs, found_crs) if about else (None, unread_coordinates(fields))
        metadata = {"format": "delimited text", "delimiter": str(self._dialect.delimiter)}
        metadata |= {"renamed": "\n".join(f"{n}={o}" for n, o in renamed.items())} if renamed else {}
        metadata |= {"warning": warning} if warning else {}
        self.info = LayerInfo(
            source=str(file),
            layer=layer,
            geometry_column="geometry" if about else None,
            geometry_types=("Point",) if about and about.kind == "xy" else (),
            crs=system,
            features=rows,
            extent=None,
            fields=pa.schema([pa.field(n, types[self._columns_read.index(o)]) for n, o in self._old.items()]),
            key=None,
            encoding=self._dialect.encoding,
            metadata=metadata,
        )

    def _survey(self) -> tuple[list[str], list[pa.DataType], int, dict[str, pa.Array]]:
        """The first pass: names, types, number of rows, some values of each column."""
        while True:
            try:
                return self._survey_once()
            except pa.ArrowInvalid as error:
                self._grow(error)

    def _grow(self, error: pa.ArrowInvalid) -> None:
        """A row longer than a block needs larger blocks; anything else is a fault of the file."""
        if "straddling object" in str(error) and self._block < _MAX_BLOCK:
            self._block *= 4
            return
        raise self._fault(error) from error

    def _survey_once(self) -> tuple[list[str], list[pa.DataType], int, dict[str, pa.Array]]:
        names: list[str] = []
        guesses: list[_Guess] = []
        samples: dict[str, pa.Array] = {}
        rows = 0
        for batch in self._text():
            if not names:
                names = batch.schema.names
                guesses = [_Guess() for _ in names]
            for name, guess, column in zip(names, guesses, batch.columns, strict=True):
                guess.see(column)
                if len(samples.get(name, ())) < 20:
                    samples[name] = column.drop_null().slice(0, 1000)
            rows += batch.num_rows
        return names, [guess.type for guess in guesses], rows, samples

    def _text(self) -> Iterator[pa.RecordBatch]:
        """The rows as text."""
        short: list[csv.InvalidRow] = []

        def keep(row: csv.InvalidRow) -> str:
            short.append(row)
            return "error"

        dialect = self._dialect
        names = self._header()
        read = csv.ReadOptions(
            use_threads=False,
            block_size=self._block,
            column_names=names,
            skip_rows=dialect.skip_lines,
            skip_rows_after_names=int(dialect.column_names is None),
        )
        parse = csv.ParseOptions(
            delimiter=dialect.delimiter or ",",
            quote_char='"' if dialect.quoting else False,
            newlines_in_values=dialect.quoting,
            invalid_row_handler=keep,
        )
        convert = csv.ConvertOptions(
            check_utf8=True,
            column_types={name: pa.string() for name in names},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        with _open(self._file, dialect.encoding) as stream:
            try:
                yield from csv.open_csv(stream, read, parse, convert)
            except pa.ArrowInvalid as error:
                if short:
                    row = short[0]
                    raise RowError(
                        f"{row.actual_columns} values",
                        source=self._file,
                        row=row.number - dialect.skip_lines - (dialect.column_names is None),
                        expected=f"{row.expected_columns}, as many as there are columns",
                        fix="correct the row, or name the delimiter or quoting=False",
                    ) from error
                raise

    def _header(self) -> list[str]:
        """The column names, those of the file made unique."""
        if self._dialect.column_names is not None:
            return list(self._dialect.column_names)
        with _open(self._file, self._dialect.encoding) as stream:
            text = io.TextIOWrapper(stream, "utf-8-sig", errors="replace", newline="")
            first = _first_record(text, self._dialect)
        if not first.strip():
            raise SourceError("is empty", source=self._file, expected="a line of column names")
        import csv as plain

        delimiter = self._dialect.delimiter or ","
        if self._dialect.quoting:
            names = next(plain.reader(io.StringIO(first, newline=""), delimiter=delimiter))
        else:
            names = first.rstrip("\r\n").split(delimiter)
        seen: Counter[str] = Counter()
        result = []
        for number, given in enumerate(names):
            name = given.strip() or f"column_{number + 1}"
            seen[name] += 1
            result.append(name if seen[name] == 1 else f"{name}_{seen[name] - 1}")
        return result

    def _fault(self, error: pa.ArrowInvalid) -> SourceError:
        text = str(error)
        if "UTF8" in text or "UTF-8" in text:
            return _not_text(self._file, self._dialect.encoding)
        return SourceError(
            f"cannot be read: {text}", source=self._file, fix="name the delimiter, the encoding or quoting=False"
        )

    def _read(
        self, columns: Sequence[str], where: str | None, box: Box | None, batch_bytes: int
    ) -> Iterator[pa.RecordBatch]:
        names = list(self._old) if where else list(columns)
        batches = self._rows(names)
        if where is None:
            yield from batches
            return
        wanted = ["fid", *columns, *(["geometry"] if self._about else [])]
        for batch in batching.filtered(batches, self._schema(names), where, self.info):
            yield batch.select(wanted)

    def _schema(self, names: Sequence[str]) -> pa.Schema:
        fields = [pa.field("fid", pa.int64(), nullable=False), *(self.info.fields.field(name) for name in names)]
        return pa.schema([*fields, pa.field("geometry", pa.large_binary())] if self._about else fields)

    def _rows(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        schema = self._schema(names)
        start = 1
        try:
            for text in self._text():
                fid = pa.array(np.arange(start, start + text.num_rows))
                arrays = [fid]
                arrays += [_typed(text.column(self._old[n]), schema.field(n).type) for n in names]
                if self._about:
                    columns = [text.column(name) for name in self._about.columns]
                    arrays.append(
                        geometry_of(self._about, columns, fid, self._file, keep_malformed=self.keep_malformed)
                    )
                start += text.num_rows
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        except pa.ArrowInvalid as error:
            raise self._fault(error) from error


class _Guess:
    """The narrowest type that holds all values seen, each exactly."""

    _TESTS = (
        (_BOOLEAN, pa.bool_()),
        (_INTEGER, pa.int64()),
        (_NUMBER, pa.float64()),
        (_DATE, pa.date32()),
        (_TIMESTAMP, pa.timestamp("us")),
        (_ZONED, pa.timestamp("us", "UTC")),
    )

    def __init__(self) -> None:
        self._possible = list(self._TESTS)
        self._any = False

    @property
    def type(self) -> pa.DataType:
        """The type; text where there are no values."""
        return self._possible[0][1] if self._any and self._possible else pa.string()

    def see(self, column: pa.Array) -> None:
        """Take the values of one batch into account."""
        if column.null_count == len(column) or not self._possible:
            return
        self._any = True
        self._possible = [(pattern, kind) for pattern, kind in self._possible if _holds(column, pattern, kind)]


def _holds(column: pa.Array, pattern: str, kind: pa.DataType) -> bool:
    if not pc.all(pc.match_substring_regex(column, pattern)).as_py():
        return False
    try:
        typed = _typed(column, kind)
    except pa.ArrowInvalid:
        # 2020-02-30 looks like a date and is none.
        return False
    return not pa.types.is_floating(kind) or bool(pc.all(pc.is_finite(typed)).as_py())


def _typed(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Text as values of a type."""
    if pa.types.is_string(kind):
        return column
    if pa.types.is_boolean(kind):
        return pc.starts_with(pc.utf8_lower(column), "t")
    return pc.utf8_trim(column, " ").cast(kind)


def _complete(file: Path, dialect: Dialect) -> Dialect:
    """The dialect with what can be found out from the file."""
    encoding = dialect.encoding
    if encoding is not None:
        try:
            encoding = codecs.lookup(encoding).name
        except LookupError:
            raise SourceError(
                f"encoding {encoding!r}", source=file, expected="a character encoding such as utf-8, cp1252"
            ) from None
    encoding = encoding or _detect_encoding(file)
    if dialect.delimiter is not None:
        return replace(dialect, encoding=encoding)
    name = split_compression(file.name)[0].lower()
    if name.endswith(".tsv"):
        return replace(dialect, encoding=encoding, delimiter="\t")
    with _open(file, encoding) as stream:
        text = io.TextIOWrapper(stream, "utf-8-sig", errors="replace", newline="")
        first = _first_record(text, dialect)
    bare = re.sub(r'"[^"]*"', "", first) if dialect.quoting else first
    counts = {d: bare.count(d) for d in (",", ";", "\t", "|")}
    best = max(counts, key=lambda d: counts[d])
    return replace(dialect, encoding=encoding, delimiter=best if counts[best] else ",")


def _first_record(text: io.TextIOWrapper, dialect: Dialect) -> str:
    """The header line; more than one where a quoted name holds a line end."""
    for _ in range(dialect.skip_lines):
        text.readline()
    record = text.readline(1 << 20)
    while dialect.quoting and record.count('"') % 2 and (line := text.readline(1 << 20)):
        record += line
    return record


def _detect_encoding(file: Path) -> str:
    """``utf-8`` (with or without a byte order mark), ``utf-16`` by its mark, else ``cp1252``."""
    with _open(file, None) as stream:
        start = stream.read(4)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            decoder.decode(start)
            while block := stream.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


@contextlib.contextmanager
def _open(file: Path, encoding: str | None) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked, and as UTF-8 where an encoding is given."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(read_errors(str(file)))
        if file.suffix.lower() == ".zip":
            archive = stack.enter_context(zipfile.ZipFile(file))
            stream = cast("BinaryIO", stack.enter_context(archive.open(_member(archive, file))))
        else:
            raw = stack.enter_context(file.open("rb"))
            stream = stack.enter_context(decompressing(raw, split_compression(file.name)[1]))
        if encoding is None or encoding in ("utf-8", "ascii"):
            yield stream
        else:
            yield cast("BinaryIO", io.BufferedReader(_Recoded(stream, encoding, file), 1 << 20))


class _Recoded(io.RawIOBase):
    """A stream of another encoding as UTF-8."""

    def __init__(self, stream: BinaryIO, encoding: str, file: Path) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._encoding = encoding
        self._file = file
        self._ready = memoryview(b"")
        self._ended = False

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; 0 at the end."""
        while not self._ready and not self._ended:
            block = self._stream.read(1 << 18)
            self._ended = not block
            try:
                self._ready = memoryview(self._decoder.decode(block, final=self._ended).encode())
            except UnicodeDecodeError as error:
                raise _not_text(self._file, self._encoding) from error
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count


def _not_text(file: Path, encoding: str | None) -> SourceError:
    return SourceError(
        f"the text is not {encoding}",
        source=file,
        expected="text in one encoding",
        fix="name it, for example encoding='cp1252'",
    )


def _member(archive: zipfile.ZipFile, file: Path) -> str:
    """The one table in an archive; a ``readme.txt`` is none."""
    members = [n for n in archive.namelist() if n.lower().endswith((".csv", ".tsv", ".txt"))]
    tables = [n for n in members if "readme" not in n.lower() and "license" not in n.lower()] or members
    if len(tables) != 1:
        raise SourceError(
            f"the archive holds {len(tables)} tables: {', '.join(tables[:10])}", source=file, expected="one"
        )
    return tables[0]
