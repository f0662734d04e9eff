# SPDX-License-Identifier: Apache-2.0
"""What a triples map iterates over: tables of features, text or records, always as Arrow batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from semcube.errors import SourceError
from semcube.mapping.model import FID

if TYPE_CHECKING:
    from semcube.io import VectorSource

__all__ = ["MANY", "CSVRows", "Rows", "Selection", "TableRows", "VectorRows", "limited"]

MANY = b"values.many"
"""Key of a field's metadata: a row has a list of values, each of which makes terms of its own."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows are wanted."""

    where: str | None = None
    """Condition in the SQL of the reader."""
    bbox: tuple[float, float, float, float] | None = None
    """West, south, east, north in CRS84."""
    limit: int | None = None
    keep_malformed: bool = False
    """Whether text that is no geometry is handed on, to be reported, and is no error at once."""


class Rows(Protocol):
    """A table that is read in batches of bounded size."""

    source: str
    layer: str | None
    crs: str | None
    """System of the geometry column, as :func:`semcube.geometry.crs` reads it; None if unknown."""
    geometry_column: str | None
    notes: tuple[str, ...]
    geometry_optional: bool
    """Whether a row without geometry is nothing to report."""
    is_open: bool
    """Whether columns may be referred to that the schema does not have; they are null."""

    @property
    def schema(self) -> pa.Schema:
        """Columns that can be referred to, the geometry (as WKB) included."""
        ...

    def batches(self, columns: Sequence[str], selection: Selection, batch_bytes: int) -> Iterator[pa.RecordBatch]:
        """Rows with the named columns, and with ``fid`` where the source has one."""
        ...


class VectorRows:
    """A layer of a vector file."""

    geometry_optional = False
    is_open = False

    def __init__(self, vector: VectorSource) -> None:
        info = vector.info
        self.vector = vector
        self.source = info.source
        self.layer: str | None = info.layer
        self.crs = info.crs
        self.geometry_column: str | None = info.geometry_column
        self.notes = tuple(info.metadata.get("warning", "").splitlines())

    @property
    def schema(self) -> pa.Schema:
        """Row id, attributes and geometry."""
        fields = [pa.field(FID, pa.int64()), *(each for each in self.vector.info.fields if each.name != FID)]
        if self.geometry_column:
            fields.append(pa.field(self.geometry_column, pa.large_binary()))
        return pa.schema(fields)

    def batches(self, columns: Sequence[str], selection: Selection, batch_bytes: int) -> Iterator[pa.RecordBatch]:
        """Batches of the reader."""
        skipped = (FID, self.geometry_column)
        given: dict[str, Any] = {"columns": [name for name in columns if name not in skipped]}
        if selection.bbox is not None:
            given["bbox"], given["bbox_crs"] = selection.bbox, "CRS84"
        self.vector.keep_malformed = selection.keep_malformed
        return self.vector.batches(**given, where=selection.where, batch_bytes=batch_bytes, limit=selection.limit)


class TableRows:
    """Rows of text or records through DuckDB; no geometry column, no row id but the position."""

    crs: str | None = None
    geometry_column: str | None = None
    notes: tuple[str, ...] = ()
    geometry_optional = False
    is_open = False

    def __init__(self, path: Path, layer: str | None) -> None:
        self.path, self.source, self.layer = path, str(path), layer
        if not path.is_file():
            raise SourceError("no such file", source=path)

    def keep(self, owner: object, source: str) -> None:
        """Keep what a temporary file lives as long as, and name the file that it was made of."""
        self._owner, self.source = owner, source

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """The reader's errors, in a line that names the file."""
        import duckdb

        try:
            yield
        except (duckdb.Error, pa.ArrowException) as error:
            reason = next((line for line in str(error).splitlines() if line.strip()), "the reader failed")
            raise SourceError(
                f"cannot be read as a table: {reason}",
                source=self.source,
                expected="the same number of fields in every row",
            ) from error

    def _read(self, selection: Selection, select: str) -> tuple[Any, str]:
        raise NotImplementedError

    @property
    def schema(self) -> pa.Schema:
        """Columns of the table."""
        connection, sql = self._read(Selection(limit=0), "*")
        with self._errors():
            found = connection.sql(sql).to_arrow_table().schema
        return found if FID in found.names else found.insert(0, pa.field(FID, pa.int64()))

    def batches(self, columns: Sequence[str], selection: Selection, batch_bytes: int) -> Iterator[pa.RecordBatch]:
        """Rows in the order of the file, with their position as ``fid``."""
        quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in columns if name != FID)
        connection, sql = self._read(selection, quoted or "1 AS one")
        position = 0
        rows = max(1, min(65536, batch_bytes // (64 * max(1, len(columns)))))
        with self._errors():
            reader = connection.sql(sql).to_arrow_reader(rows)
        while True:
            with self._errors():
                batch = next(reader, None)
            if batch is None:
                return
            numbers = pa.array(range(position, position + batch.num_rows), pa.int64())
            position += batch.num_rows
            if FID in batch.schema.names:
                yield batch
            else:
                yield pa.RecordBatch.from_arrays([numbers, *batch.columns], [FID, *batch.schema.names])


def limited(sql: str, selection: Selection) -> str:
    """A query with the condition and the limit of a selection."""
    if selection.where:
        sql += f" WHERE {selection.where}"
    return sql if selection.limit is None else f"{sql} LIMIT {selection.limit}"


class CSVRows(TableRows):
    """A delimited text file: every column is text; by default an empty field is null and ``""`` is empty text.

    Args:
        path: The file.
        delimiter: By the extension by default.
        nulls: Texts that mean null, quoted or not (``rml:null``); empty: there is no null.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.csv"
        >>> _ = path.write_text("code,name\\n01,\\n")
        >>> next(CSVRows(path).batches(["code", "name"], Selection(), 1024)).to_pylist()
        [{'fid': 0, 'code': '01', 'name': None}]
    """

    def __init__(self, path: Path, delimiter: str | None = None, nulls: Sequence[str] | None = None) -> None:
        super().__init__(path, None)
        self.nulls = nulls
        self.delimiter = delimiter or ("\\t" if path.name.lower().split(".gz")[0].endswith((".tsv", ".tab")) else ",")

    def _read(self, selection: Selection, select: str) -> tuple[Any, str]:
        import duckdb

        from semcube.mapping.iri import sql_text

        connection = duckdb.connect()
        connection.execute("SET enable_progress_bar = false")
        connection.execute("SET arrow_large_buffer_size = true")
        nulls = "''" if self.nulls is None else f"[{', '.join(map(sql_text, self.nulls))}]" if self.nulls else "'\x01'"
        quoted = "false" if self.nulls is None else "true"
        options = (
            f"delim = {'E' + sql_text(self.delimiter)}, header = true, all_varchar = true, nullstr = {nulls}, "
            f"allow_quoted_nulls = {quoted}, quote = '\"', escape = '\"', max_line_size = 100000000"
        )
        return connection, limited(f"SELECT {select} FROM read_csv({sql_text(str(self.path))}, {options})", selection)
