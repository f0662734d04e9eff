# SPDX-License-Identifier: Apache-2.0
"""Tables seen otherwise before they are mapped: wide tables made long, columns computed by SQL expressions.

Two options of a logical source:

``semcube:unpivot "REGEX"``
    Columns whose whole name fits become rows (one per column and row that holds a value). A rule refers to
    ``unpivot.name`` (the part in parentheses, else the name), ``unpivot.value`` and, where the name is a date such as
    ``20200103``, ``unpivot.date``. So a table with one column per date, or one per class, becomes observations.

``semcube:derive "NAME = EXPRESSION"``
    One per line: further columns, by an SQL expression (DuckDB) over the columns of the same row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from semcube.errors import MappingError
from semcube.mapping.model import FID
from semcube.mapping.rows import Rows, Selection

if TYPE_CHECKING:
    import datetime

    import duckdb

__all__ = ["UNPIVOT_DATE", "UNPIVOT_NAME", "UNPIVOT_VALUE", "DerivedRows", "UnpivotedRows", "view"]

UNPIVOT_NAME = "unpivot.name"
"""Reference to the name of the column that became a row."""
UNPIVOT_VALUE = "unpivot.value"
"""Reference to its value; a null gives no row."""
UNPIVOT_DATE = "unpivot.date"
"""Reference to the name as a date; null where it is none."""
_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})")


def view(rows: Rows, unpivot: str | None, derive: str | None) -> Rows:
    """Rows with the options of their logical source applied: columns are derived first, then made long.

    Raises:
        MappingError: An option is wrong; it is tried on the columns, no row is read.
    """
    seen: Rows = DerivedRows(rows, derive) if derive is not None else rows
    return UnpivotedRows(seen, unpivot) if unpivot is not None else seen


class _View:
    """What a view takes over from the table it shows."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.source, self.layer, self.crs = rows.source, rows.layer, rows.crs
        self.geometry_column, self.notes = rows.geometry_column, rows.notes
        self.geometry_optional, self.is_open = rows.geometry_optional, rows.is_open


class UnpivotedRows(_View):
    """A wide table as a long one.

    Args:
        rows: The wide table.
        pattern: Regular expression for the whole names of the columns that become rows; its first group, if it has
            one, is the name in the long table.

    Raises:
        MappingError: The pattern is no regular expression, or fits no column, or columns of text and of numbers.
    """

    def __init__(self, rows: Rows, pattern: str) -> None:
        super().__init__(rows)
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise MappingError(f"unpivot {pattern!r}: {error}", expected="a regular expression") from None
        self._own = rows.schema
        fits = {each.name: compiled.fullmatch(each.name) for each in self._own}
        self.names = {
            name: (match[1] if compiled.groups else match[0]) or name
            for name, match in fits.items()
            if match is not None and name not in (FID, rows.geometry_column)
        }
        if not self.names:
            shown = ", ".join(self._own.names[:8])
            raise MappingError(f"unpivot {pattern!r} fits no column of {rows.source}", expected=f"some of {shown}, ...")
        self._type = _common_type([self._own.field(name) for name in self.names], rows.source)

    @property
    def schema(self) -> pa.Schema:
        """The columns that stay, and those of the long table."""
        kept = [each for each in self._own if each.name not in self.names]
        made = ((UNPIVOT_NAME, pa.large_string()), (UNPIVOT_VALUE, self._type), (UNPIVOT_DATE, pa.date32()))
        return pa.schema([*kept, *(pa.field(name, kind) for name, kind in made)])

    def batches(self, columns: Sequence[str], selection: Selection, batch_bytes: int) -> Iterator[pa.RecordBatch]:
        """One batch per batch and column of the wide table; ``fid`` is the row of the wide table."""
        kept = [name for name in columns if name in self._own.names and name not in self.names]
        for batch in self.rows.batches([*kept, *self.names], selection, batch_bytes):
            rest = [name for name in batch.schema.names if name not in self.names]
            for name, shown in self.names.items():
                values = batch.column(name)
                some = batch.select(rest)
                if values.null_count:
                    valid = values.is_valid()
                    values, some = values.filter(valid), some.filter(valid)
                count = some.num_rows
                if count:
                    made = [
                        pa.repeat(pa.scalar(shown, pa.large_string()), count),
                        values.cast(self._type),
                        pa.repeat(pa.scalar(_date(shown), pa.date32()), count),
                    ]
                    names = [*rest, UNPIVOT_NAME, UNPIVOT_VALUE, UNPIVOT_DATE]
                    yield pa.RecordBatch.from_arrays([*some.columns, *made], names)


def _date(text: str) -> datetime.date | None:
    """The date that a name is.

    Example:
        >>> _date("20200103"), _date("2020-13-01"), _date("maize")
        (datetime.date(2020, 1, 3), None, None)
    """
    import datetime

    match = _DATE.fullmatch(text)
    try:
        return datetime.date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


def _common_type(fields: list[pa.Field], source: str) -> pa.DataType:
    """A type for the values of all columns: their own if it is one, else doubles for numbers."""
    kinds = {each.type for each in fields}
    if len(kinds) == 1:
        return fields[0].type
    numeric = [pa.types.is_integer(each) or pa.types.is_floating(each) or pa.types.is_null(each) for each in kinds]
    if all(numeric):
        return pa.float64()
    texts = [pa.types.is_string(each) or pa.types.is_large_string(each) or pa.types.is_null(each) for each in kinds]
    if all(texts):
        return pa.large_string()
    shown = ", ".join(f"{each.name} {each.type}" for each in fields[:4])
    raise MappingError(f"unpivot of {source}: columns of different types: {shown}", expected="numbers only, or texts")


class DerivedRows(_View):
    """A table with computed columns.

    Args:
        rows: The table.
        text: Lines ``name = expression``.

    Raises:
        MappingError: A line is not of this form, or its expression does not fit the columns.
    """

    def __init__(self, rows: Rows, text: str) -> None:
        super().__init__(rows)
        self._own = rows.schema
        self.text = text
        self.expressions: dict[str, str] = {}
        for line in filter(str.strip, text.splitlines()):
            match = re.match(r"\s*(\w[\w.]*)\s*=(?!=)\s*(\S.*)", line)
            if match is None or match[1] in self._own.names:
                raise MappingError(
                    f"derive {line.strip()!r}", expected="name = SQL expression, with a name that is no column yet"
                )
            self.expressions[match[1]] = match[2]
        self.schema = self._with_new(self._computed(_connection(), self._own.empty_table()).schema)

    def batches(self, columns: Sequence[str], selection: Selection, batch_bytes: int) -> Iterator[pa.RecordBatch]:
        """Batches with the columns asked for, those of the expressions too."""
        needed = [each.name for each in self._own if each.name in columns or each.name in self.text]
        connection = _connection()
        for batch in self.rows.batches(needed, selection, batch_bytes):
            made = self._computed(connection, pa.Table.from_batches([batch])).combine_chunks()
            if made.num_rows != batch.num_rows:
                raise MappingError(
                    f"derive: {made.num_rows} values for {batch.num_rows} rows of {self.source}",
                    expected="expressions over one row, without aggregates",
                )
            extra = [made.column(name).chunk(0) if made.num_rows else [] for name in self.expressions]
            if batch.num_rows:
                yield pa.RecordBatch.from_arrays([*batch.columns, *extra], [*batch.schema.names, *self.expressions])

    def _with_new(self, computed: pa.Schema) -> pa.Schema:
        return pa.schema([*self._own, *computed])

    def _computed(self, connection: duckdb.DuckDBPyConnection, table: pa.Table) -> pa.Table:
        """The new columns of some rows."""
        import duckdb

        select = ", ".join(f'({expression}) AS "{name}"' for name, expression in self.expressions.items())
        connection.register("rows", table)
        try:
            return connection.sql(f"SELECT {select} FROM rows").to_arrow_table()
        except duckdb.Error as error:
            raise MappingError(
                f"derive on {self.source}: {str(error).splitlines()[0]}", expected="SQL expressions over its columns"
            ) from None


def _connection() -> Any:
    """An engine for expressions: one thread, no files."""
    import duckdb

    connection = duckdb.connect(config={"enable_external_access": "false"})
    connection.execute("SET enable_progress_bar = false")
    connection.execute("SET arrow_large_buffer_size = true")
    connection.execute("SET threads = 1")
    return connection
