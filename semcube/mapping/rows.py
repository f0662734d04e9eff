# SPDX-License-Identifier: Apache-2.0
"""What a triples map iterates over: tables of features, text or records, always as Arrow batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from semcube.errors import SourceError
from semcube.mapping.model import FID

if TYPE_CHECKING:
    from semcube.io import VectorSource

__all__ = ["CSVRows", "JSONRows", "Rows", "Selection", "VectorRows"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows are wanted."""

    where: str | None = None
    """Condition in the SQL of the reader."""
    bbox: tuple[float, float, float, float] | None = None
    """West, south, east, north in CRS84."""
    limit: int | None = None


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
        return self.vector.batches(**given, where=selection.where, batch_bytes=batch_bytes, limit=selection.limit)


class _TableRows:
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

    def _read(self, selection: Selection, select: str) -> tuple[Any, str]:
        raise NotImplementedError

    @property
    def schema(self) -> pa.Schema:
        """Columns of the table."""
        connection, sql = self._read(Selection(limit=0), "*")
        found = connection.sql(sql).to_arrow_table().schema
        return found if FID in found.names else found.insert(0, pa.field(FID, pa.int64()))

    def batches(self, columns: Sequence[str], selection: Selection, batch_bytes: int) -> Iterator[pa.RecordBatch]:
        """Rows in the order of the file, with their position as ``fid``."""
        quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in columns if name != FID)
        connection, sql = self._read(selection, quoted or "1 AS one")
        position = 0
        rows = max(1, min(65536, batch_bytes // (64 * max(1, len(columns)))))
        for batch in connection.sql(sql).to_arrow_reader(rows):
            numbers = pa.array(range(position, position + batch.num_rows), pa.int64())
            position += batch.num_rows
            if FID in batch.schema.names:
                yield batch
            else:
                yield pa.RecordBatch.from_arrays([numbers, *batch.columns], [FID, *batch.schema.names])


class CSVRows(_TableRows):
    """A delimited text file as RML reads it: every column is text, an empty field is null, ``""`` is empty text.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.csv"
        >>> _ = path.write_text("code,name\\n01,\\n")
        >>> next(CSVRows(path).batches(["code", "name"], Selection(), 1024)).to_pylist()
        [{'fid': 0, 'code': '01', 'name': None}]
    """

    def __init__(self, path: Path, delimiter: str | None = None) -> None:
        super().__init__(path, None)
        self.delimiter = delimiter or ("\\t" if path.name.lower().split(".gz")[0].endswith((".tsv", ".tab")) else ",")

    def _read(self, selection: Selection, select: str) -> tuple[Any, str]:
        import duckdb

        from semcube.mapping.iri import sql_text

        connection = duckdb.connect()
        connection.execute("SET arrow_large_buffer_size = true")
        options = (
            f"delim = {'E' + sql_text(self.delimiter)}, header = true, all_varchar = true, nullstr = '', "
            "allow_quoted_nulls = false, quote = '\"', escape = '\"', max_line_size = 100000000"
        )
        sql = f"SELECT {select} FROM read_csv({sql_text(str(self.path))}, {options})"
        if selection.where:
            sql += f" WHERE {selection.where}"
        return connection, sql if selection.limit is None else f"{sql} LIMIT {selection.limit}"


class JSONRows(_TableRows):
    """Records of a JSON document under a path such as ``$.items[*]``; nested members are ``a.b``.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.json"
        >>> _ = path.write_text('{"items": [{"id": 1, "at": {"x": 2}}]}')
        >>> next(JSONRows(path, "$.items[*]").batches(["id", "at.x"], Selection(), 1024)).to_pylist()
        [{'fid': 0, 'id': 1, 'at.x': 2}]
    """

    def __init__(self, path: Path, iterator: str | None) -> None:
        super().__init__(path, iterator)
        self._table = _records(path, iterator or "$[*]")
        self.is_open = not self._table.num_rows
        """Without a record nothing says which members there are."""

    def batches(self, columns: Sequence[str], selection: Selection, batch_bytes: int) -> Iterator[pa.RecordBatch]:
        """Records in the order of the document.

        Raises:
            SourceError: A member that is asked for holds arrays.
        """
        if self.is_open:
            return iter(())
        for name in columns:
            if name in self._table.schema.names and pa.types.is_nested(self._table.schema.field(name).type):
                raise SourceError(
                    f"member {name} holds arrays", source=self.path, layer=self.layer, expected="single values"
                )
        return super().batches(columns, selection, batch_bytes)

    def _read(self, selection: Selection, select: str) -> tuple[Any, str]:
        import duckdb

        connection = duckdb.connect()
        connection.execute("SET arrow_large_buffer_size = true")
        connection.register(
            "records", self._table if self._table.num_columns else pa.table({FID: pa.nulls(0, pa.int64())})
        )
        sql = f"SELECT {select} FROM records" + (f" WHERE {selection.where}" if selection.where else "")
        return connection, sql if selection.limit is None else f"{sql} LIMIT {selection.limit}"


def _records(path: Path, iterator: str) -> pa.Table:
    """The records as a table; members of one name have one type, else they are text."""
    import json
    import re

    from semcube.errors import UnsupportedError

    if not re.fullmatch(r"\$(\.[^.\[\]]+)*(\[\*\])?", iterator):
        raise UnsupportedError(
            f"{path}: JSON path {iterator!r}", expected="members and one [*] at the end, such as $.items[*]"
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
        for member in iterator.removesuffix("[*]").split(".")[1:]:
            found = found[member]
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"no records at {iterator}: {error}", source=path, expected="a JSON document") from None
    records = [_flat(each) for each in (found if isinstance(found, list) else [found])]
    names = list(dict.fromkeys(name for record in records for name in record))
    return pa.table({name: _column([record.get(name) for record in records]) for name in names})


def _flat(record: Any, prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in (record if isinstance(record, dict) else {"value": record}).items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat


def _column(values: list[Any]) -> pa.Array:
    import json

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        texts = [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
        return pa.array(texts, pa.large_string())
