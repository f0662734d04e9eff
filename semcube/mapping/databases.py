# SPDX-License-Identifier: Apache-2.0
"""Tables and queries of PostgreSQL (PostGIS), SQLite and DuckDB as sources, streamed.

The query runs in the database, with the columns that are read, the condition and the limit; R2RML's natural mapping
(section 10.2) applies to the database's own types.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import pyarrow as pa

from semcube.errors import SourceError, UnsupportedError
from semcube.io.sqlite_geometry import geometry_blob
from semcube.mapping.model import FID, Formulation, LogicalSource
from semcube.mapping.natural import KIND, Kind
from semcube.mapping.rows import Rows, Selection, TableRows, limited

__all__ = ["DuckDBRows", "PostgreSQLRows", "SQLiteRows", "is_database", "open_database"]

_SUFFIXES = {".duckdb": "duckdb", ".ddb": "duckdb", ".sqlite": "sqlite", ".sqlite3": "sqlite", ".db": "sqlite"}
_DOUBLE = {KIND: Kind.DOUBLE.value.encode()}
"""R2RML (10.2) maps every approximate number to ``xsd:double``."""
_DECIMAL = {KIND: Kind.DECIMAL.value.encode()}
_WIDTH = b"characters"
"""Key of a field's metadata: the length that values of ``CHAR(n)`` are filled to with blanks (SQL; SQLite does not)."""


def is_database(source: str) -> bool:
    """Whether a source is a database.

    Example:
        >>> is_database("postgresql://localhost/gis"), is_database("a.duckdb"), is_database("a.gpkg")
        (True, True, False)
    """
    return _system(source) is not None


def _system(source: str) -> str | None:
    scheme = re.match(r"(postgres(?:ql)?|sqlite|duckdb):", source)
    if scheme:
        return "postgresql" if scheme[1].startswith("postgres") else scheme[1]
    return _SUFFIXES.get(Path(source).suffix.lower())


def open_database(source: LogicalSource) -> Rows:
    """The rows of a table or query of a database.

    Raises:
        SourceError: The database cannot be reached, or refuses the query.
        UnsupportedError: The source is no database.
    """
    path = source.source or ""
    # A GeoPackage is a layer to most, but it is an SQLite database that can be asked.
    system = _system(path) or ("sqlite" if Path(path).suffix.lower() == ".gpkg" else None)
    if system is None:
        raise UnsupportedError(
            f"{path}: {source.formulation.value}",
            expected="a database: postgresql://..., a .sqlite, .gpkg or .duckdb file",
            fix="name the layer or table of a file with rml:iterator and semcube:Vector",
        )
    if source.iterator is None:
        raise SourceError("no table is named", source=path, fix="write rr:tableName or rr:sqlQuery into the mapping")
    if source.formulation is Formulation.QUERY:
        query = source.iterator.strip().rstrip(";")
    else:
        query = f"SELECT * FROM {_table(source.option('table') or source.iterator)}"
    if system == "postgresql":
        return PostgreSQLRows(_with_user(path, source.option("user"), source.option("password")), query)
    file = Path(re.sub(r"^(sqlite|duckdb):(//)?", "", path))
    return SQLiteRows(file, query) if system == "sqlite" else DuckDBRows(file, query)


def _table(name: str) -> str:
    """A table's name as SQL: as written where it has quotes, else quoted part by part."""
    if '"' in name:
        return name
    return ".".join('"' + part + '"' for part in name.split("."))


def _with_user(url: str, user: str | None, password: str | None) -> str:
    parts = urlsplit(url)
    if not user or "@" in parts.netloc:
        return url
    secret = f":{quote(password, safe='')}" if password else ""
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}{secret}@{parts.netloc}"))


def _unique(names: Sequence[str], source: str) -> None:
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise SourceError(
            f"the query has several columns named {twice[0]}", source=source, fix="name them apart with AS"
        )


class DuckDBRows(TableRows):
    """A table or query of a DuckDB file.

    Example:
        >>> import duckdb, tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.duckdb"
        >>> with duckdb.connect(str(path)) as connection:
        ...     _ = connection.execute("CREATE TABLE t AS SELECT 1 AS id, 'x' AS name")
        >>> next(DuckDBRows(path, "SELECT * FROM t").batches(["name"], Selection(), 1024)).to_pylist()
        [{'fid': 0, 'name': 'x'}]
    """

    def __init__(self, path: Path, query: str) -> None:
        super().__init__(path, None)
        self.query = query
        connection, _ = self._read(Selection(limit=0), "*")
        with closing(connection):
            _unique(connection.sql(query).columns, self.source)

    @property
    def schema(self) -> pa.Schema:
        """Columns of the result."""
        found = super().schema
        return pa.schema([item.with_metadata(_DOUBLE) if pa.types.is_float32(item.type) else item for item in found])

    def _read(self, selection: Selection, select: str) -> tuple[Any, str]:
        import duckdb

        try:
            connection = duckdb.connect(str(self.path), read_only=True)
            connection.execute("SET enable_progress_bar = false")
            connection.execute("SET arrow_large_buffer_size = true")
            sql = limited(f"SELECT {select} FROM ({self.query})", selection)
            connection.sql(sql)
        except duckdb.Error as error:
            raise SourceError(f"the query failed: {error}", source=self.path) from None
        return connection, sql


class SQLiteRows(TableRows):
    """A table or query of an SQLite file; a column has the type that it was declared with.

    A value that does not fit the declared type is an error, for SQLite does not keep to declarations. Columns of a
    query that are computed have the type of their first value.

    Example:
        >>> import sqlite3, tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.sqlite"
        >>> with closing(sqlite3.connect(path)) as connection:
        ...     _ = connection.execute("CREATE TABLE t (id INTEGER, day DATE)")
        ...     _ = connection.execute("INSERT INTO t VALUES (1, '2020-02-29')")
        ...     connection.commit()
        >>> next(SQLiteRows(path, "SELECT * FROM t").batches(["day"], Selection(), 1024)).to_pylist()
        [{'fid': 0, 'day': datetime.date(2020, 2, 29)}]
    """

    def __init__(self, path: Path, query: str) -> None:
        import sqlite3

        super().__init__(path, None)
        self.query, self.srid = query, 0
        try:
            with closing(self._connect()) as connection:
                connection.execute(f"CREATE TEMP VIEW logical_table AS {query}")
                described = connection.execute("PRAGMA temp.table_info(logical_table)").fetchall()
                names = [item[0] for item in connection.execute(query).description]
                _unique(names, self.source)
                self.fields = [_sqlite_field(connection, name, declared) for _, name, declared, *_ in described]
                self._find_geometry(connection)
        except sqlite3.Error as error:
            raise SourceError(f"the query failed: {error}", source=path) from None

    def _find_geometry(self, connection: Any) -> None:
        """The first column of SpatiaLite's or GeoPackage's geometries, if there is one."""
        for place, item in enumerate(self.fields):
            column = _quoted(item.name)
            sql = f"SELECT {column} FROM logical_table WHERE typeof({column}) = 'blob' LIMIT 1"
            found = connection.execute(sql).fetchone()
            blob = geometry_blob(found[0]) if found else None
            if blob is not None:
                self.geometry_column, self.srid = item.name, blob[1]
                self.crs = f"EPSG:{self.srid}" if self.srid > 0 else None
                self.fields[place] = pa.field(item.name, pa.large_binary())
                return

    def _geometry(self, value: Any, row: int) -> bytes | None:
        if value is None:
            return None
        found = geometry_blob(value)
        if found is None or found[1] != self.srid:
            raise SourceError(
                f"row {row}, column {self.geometry_column}: "
                + ("no geometry" if found is None else f"a geometry of system {found[1]}"),
                source=self.path,
                expected=f"geometries of system {self.srid} only",
            )
        return found[0]

    def _connect(self) -> Any:
        import sqlite3

        return sqlite3.connect(f"file:{quote(str(self.path.resolve()))}?mode=ro", uri=True)

    @property
    def schema(self) -> pa.Schema:
        """Columns of the result."""
        return _with_position(self.fields)

    def batches(self, columns: Sequence[str], selection: Selection, batch_bytes: int) -> Iterator[pa.RecordBatch]:
        """Rows in the order of the result, with their position as ``fid``.

        Raises:
            SourceError: A value is not of the column's declared type.
        """
        fields = [item for item in self.fields if item.name in columns]
        select = ", ".join('"' + item.name.replace('"', '""') + '"' for item in fields) or "1"
        rows = max(1, min(65536, batch_bytes // (64 * max(1, len(fields)))))
        has_own = any(item.name == FID for item in fields)
        position = 0
        with closing(self._connect()) as connection:
            cursor = connection.execute(limited(f"SELECT {select} FROM ({self.query})", selection))
            while found := cursor.fetchmany(rows):
                values = list(zip(*found, strict=True))
                arrays = [self._array(item, each, position) for item, each in zip(fields, values, strict=False)]
                numbers = pa.array(range(position, position + len(found)), pa.int64())
                position += len(found)
                names = [item.name for item in fields]
                yield pa.RecordBatch.from_arrays(
                    arrays if has_own else [numbers, *arrays], names if has_own else [FID, *names]
                )

    def _array(self, item: pa.Field, values: Sequence[Any], position: int) -> pa.Array:
        if item.name == self.geometry_column:
            shapes = [self._geometry(value, position + row) for row, value in enumerate(values)]
            return pa.array(shapes, pa.large_binary())
        convert = _SQLITE_VALUES.get(str(item.type))
        width = int((item.metadata or {}).get(_WIDTH, 0))
        made = []
        for row, value in enumerate(values):
            try:
                made.append(None if value is None else convert(value) if convert else value)
            except (ValueError, TypeError):
                raise self._unfit(item, value, position + row) from None
        if width:
            made = [None if value is None else value.ljust(width) for value in made]
        try:
            return pa.array(made, item.type)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            expected = bytes if pa.types.is_large_binary(item.type) else int if item.type == pa.int64() else float
            row = next((n for n, each in enumerate(made) if each is not None and not isinstance(each, expected)), 0)
            raise self._unfit(item, values[row], position + row) from None

    def _unfit(self, item: pa.Field, value: Any, row: int) -> SourceError:
        return SourceError(
            f"value {value!r} of column {item.name} in row {row}",
            source=self.path,
            expected=f"a value of the declared type ({item.type})",
            fix="cast the column in rr:sqlQuery, for example CAST(x AS TEXT)",
        )


def _sqlite_text(value: Any) -> str:
    if isinstance(value, bytes):
        raise TypeError("binary")
    return str(value)


def _sqlite_boolean(value: Any) -> bool:
    return {0: False, 1: True, "0": False, "1": True, "false": False, "true": True, "t": True, "f": False}[
        value.lower() if isinstance(value, str) else value
    ]


def _sqlite_converters() -> dict[str, Callable[[Any], Any]]:
    from datetime import date, datetime

    def boolean(value: Any) -> bool:
        try:
            return _sqlite_boolean(value)
        except KeyError:
            raise ValueError(value) from None

    return {
        "large_string": _sqlite_text,
        "bool": boolean,
        "date32[day]": date.fromisoformat,
        "timestamp[us]": datetime.fromisoformat,
        "double": float,
    }


_SQLITE_VALUES = _sqlite_converters()


def _sqlite_field(connection: Any, name: str, declared: str) -> pa.Field:
    """A column's type by its declaration (SQLite, datatypes 3.1), else by its first value."""
    text = declared.upper()
    fixed = re.fullmatch(r"(?:CHAR|CHARACTER)\s*\(\s*(\d+)\s*\)", text)
    if fixed:
        return pa.field(name, pa.large_string(), metadata={_WIDTH: fixed[1].encode()})
    rules: tuple[tuple[str, pa.DataType], ...] = (
        (r"^(GEOMETRY|(MULTI)?(POINT|LINESTRING|POLYGON))", pa.large_binary()),
        ("BOOL", pa.bool_()),
        ("TIMESTAMP|DATETIME", pa.timestamp("us")),
        ("DATE", pa.date32()),
        ("INT", pa.int64()),
        ("CHAR|CLOB|TEXT|STRING|TIME|UUID|JSON", pa.large_string()),
        ("BLOB|BINARY|BYTEA", pa.large_binary()),
        ("REAL|FLOA|DOUB", pa.float64()),
    )
    for pattern, datatype in rules:
        if re.search(pattern, text):
            return pa.field(name, datatype)
    if re.search("NUM|DEC", text):
        return pa.field(name, pa.large_string(), metadata=_DECIMAL)
    column = '"' + name.replace('"', '""') + '"'
    sql = f"SELECT typeof({column}) FROM logical_table WHERE {column} IS NOT NULL LIMIT 1"
    found = connection.execute(sql).fetchone()
    kinds = {"integer": pa.int64(), "real": pa.float64(), "blob": pa.large_binary()}
    return pa.field(name, kinds.get(found[0] if found else "text", pa.large_string()))


class PostgreSQLRows:
    """A table or query of PostgreSQL, streamed as Arrow; a column of PostGIS is the geometry."""

    geometry_optional = False
    is_open = False
    notes: tuple[str, ...] = ()
    layer: str | None = None

    def __init__(self, url: str, query: str) -> None:
        try:
            from adbc_driver_postgresql import dbapi
        except ImportError:
            raise UnsupportedError(
                "PostgreSQL needs the package adbc-driver-postgresql", fix="pip install 'semcube[formats]'"
            ) from None
        self._dbapi, self._url, self.query = dbapi, url, query
        self.source = re.sub(r"//[^@/]*@", "//", url)
        found = self._run(f"SELECT * FROM ({query}) AS logical_table LIMIT 0").schema
        _unique(found.names, self.source)
        spatial = [item.name for item in found if _type_name(item) in ("geometry", "geography")]
        self.geometry_column: str | None = spatial[0] if spatial else None
        self._as_text = frozenset(item.name for item in found if _is_text(item) and item.name not in spatial)
        self.fields = [self._field(item) for item in found if item.name not in spatial[1:]]
        self.srid = self._srid() if spatial else 0
        self.crs: str | None = f"EPSG:{self.srid}" if self.srid else None

    def _run(self, sql: str) -> Any:
        """All of a small result."""
        try:
            with self._dbapi.connect(self._url) as connection, connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetch_arrow_table()
        except self._dbapi.Error as error:
            raise SourceError(f"the query failed: {error}", source=self.source) from None

    def _srid(self) -> int:
        column = _quoted(self.geometry_column or "")
        sql = f"SELECT ST_SRID({column}::geometry) FROM ({self.query}) AS t WHERE {column} IS NOT NULL LIMIT 1"
        found = self._run(sql)
        return int(found.column(0)[0].as_py()) if found.num_rows else 0

    @property
    def schema(self) -> pa.Schema:
        """Columns of the result."""
        return _with_position(self.fields)

    def batches(self, columns: Sequence[str], selection: Selection, batch_bytes: int) -> Iterator[pa.RecordBatch]:
        """Rows in the order of the result, with their position as ``fid`` unless it has such a column.

        Raises:
            SourceError: The database refuses the query or the connection breaks.
        """
        fields = [item for item in self.fields if item.name in columns]
        items = [self._item(item.name) for item in fields] or ["1 AS one"]
        condition = self._condition(selection)
        sql = f"SELECT {', '.join(items)} FROM ({self.query}) AS logical_table{condition}"
        names = [item.name for item in fields] or ["one"]
        position = 0
        try:
            with self._dbapi.connect(self._url) as connection, connection.cursor() as cursor:
                cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(batch_bytes)})
                cursor.execute(sql if selection.limit is None else f"{sql} LIMIT {selection.limit}")
                for batch in cursor.fetch_record_batch():
                    numbers = pa.array(range(position, position + batch.num_rows), pa.int64())
                    position += batch.num_rows
                    arrays = [_storage(array) for array in batch.columns]
                    own = FID in names
                    yield pa.RecordBatch.from_arrays(
                        arrays if own else [numbers, *arrays], names if own else [FID, *names]
                    )
        except self._dbapi.Error as error:
            raise SourceError(f"the query failed: {error}", source=self.source) from None

    def _field(self, item: pa.Field) -> pa.Field:
        return pa.field(item.name, pa.large_string()) if item.name in self._as_text else _postgresql_field(item)

    def _item(self, name: str) -> str:
        if name in self._as_text:
            return f"{_quoted(name)}::text AS {_quoted(name)}"
        if name == self.geometry_column:
            return f"ST_AsBinary({_quoted(name)}::geometry) AS {_quoted(name)}"
        return _quoted(name)

    def _condition(self, selection: Selection) -> str:
        parts = [f"({selection.where})"] if selection.where else []
        if selection.bbox is not None and self.geometry_column:
            box = f"ST_MakeEnvelope({', '.join(map(repr, selection.bbox))}, 4326)"
            parts.append(f"ST_Intersects({_quoted(self.geometry_column)}::geometry, ST_Transform({box}, {self.srid}))")
        return " WHERE " + " AND ".join(parts) if parts else ""


def _with_position(fields: Sequence[pa.Field]) -> pa.Schema:
    """The columns of a result, and its position before them unless it has such a column."""
    own = [] if any(item.name == FID for item in fields) else [pa.field(FID, pa.int64())]
    return pa.schema([*own, *fields])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _type_name(item: pa.Field) -> str | None:
    """The type of PostgreSQL where Arrow has none."""
    named = (item.metadata or {}).get(b"ADBC:postgresql:typname")
    return named.decode() if named else getattr(item.type, "type_name", None)


def _is_text(item: pa.Field) -> bool:
    """Whether a column is read as PostgreSQL's own text: UUIDs, arrays, ranges and other types that Arrow lacks."""
    storage = getattr(item.type, "storage_type", item.type)
    if _type_name(item) == "numeric":
        return False
    known = pa.types.is_fixed_size_binary(storage) or pa.types.is_nested(storage) or pa.types.is_interval(storage)
    return known or _type_name(item) is not None


def _postgresql_field(item: pa.Field) -> pa.Field:
    name = _type_name(item)
    storage = getattr(item.type, "storage_type", item.type)
    metadata = _DECIMAL if name == "numeric" else _DOUBLE if pa.types.is_float32(storage) else None
    return pa.field(item.name, storage, metadata=metadata)


def _storage(array: pa.Array) -> pa.Array:
    return getattr(array, "storage", array)
