# SPDX-License-Identifier: Apache-2.0
"""Rows on their way into a table: held until there are whole row groups of them.

The database writes the rows of a statement as row groups of their own where there are enough of them; what is left
over at the end of each is written a second time at the checkpoint. So statements have whole groups, or less than one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from semcube.engines.embedded import registered

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt

    Columns = dict[str, npt.NDArray[np.int64]]

__all__ = ["GROUP", "Appender", "append", "append_stream"]

GROUP = 122_880
"""Rows of a row group."""


class Appender:
    """Appends rows to a table of the database.

    Args:
        connection: The connection that writes.
        name: The table.
        most: Bytes that may be held.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, name: str, most: int) -> None:
        self._connection, self._name, self._most = connection, name, most
        self._held: list[pa.Table] = []
        self._rows = self._bytes = 0

    def add(self, rows: pa.Table) -> None:
        """Take in rows with the columns of the table."""
        self._held.append(rows)
        self._rows += len(rows)
        self._bytes += rows.nbytes
        if self._rows >= GROUP:
            self._append(self._rows // GROUP * GROUP)
        if self._bytes > self._most:
            self._append(self._rows)

    def flush(self) -> None:
        """Append what is held."""
        if self._rows:
            self._append(self._rows)

    def _append(self, count: int) -> None:
        held = pa.concat_tables(self._held)
        # a batch for each row group: of others the database would make groups as they come
        groups = [held.slice(start, min(GROUP, count - start)).combine_chunks() for start in range(0, count, GROUP)]
        append(self._connection, self._name, pa.concat_tables(groups))
        # slices keep what they are cut from: what was added last, and no more
        rest = held.slice(count)
        self._held, self._rows, self._bytes = [rest], len(rest), rest.nbytes


def append(connection: duckdb.DuckDBPyConnection, name: str, rows: pa.Table, last: int | None = None) -> None:
    """Append rows to a table; ``last`` is what all have in its last column, where they lack it."""
    more = "" if last is None else f", {last}"
    with registered(connection, {"rows_in": rows}):
        connection.execute(f"INSERT INTO {name} SELECT *{more} FROM rows_in")


def append_stream(
    connection: duckdb.DuckDBPyConnection, name: str, batches: Iterable[Columns], names: str, last: int | None = None
) -> None:
    """Append batches of numbers to a table in one statement.

    Args:
        connection: The connection that writes.
        name: The table.
        batches: Made while the statement runs.
        names: Those of the columns that are taken, a letter each.
        last: What all rows have in the last column of the table, if ``names`` are all but that.
    """
    schema = pa.schema([(each, pa.int64()) for each in names])

    def made() -> Iterator[pa.RecordBatch]:
        for batch in _whole_groups(batches, names):
            yield pa.record_batch([pa.array(batch[each]) for each in names], schema=schema)

    append(connection, name, pa.RecordBatchReader.from_batches(schema, made()), last)


def _whole_groups(batches: Iterable[Columns], names: str) -> Iterator[Columns]:
    """The same rows in batches of a row group; only the last has fewer."""
    held: list[Columns] = []
    rows = 0
    for batch in batches:
        start, count = 0, len(batch[names[0]])
        while rows + count - start >= GROUP:
            cut = start + GROUP - rows
            held.append({each: batch[each][start:cut] for each in names})
            yield held[0] if len(held) == 1 else {each: np.concatenate([one[each] for one in held]) for each in names}
            held, rows, start = [], 0, cut
        if start < count:
            held.append({each: batch[each][start:] for each in names})
            rows += count - start
    if held:
        yield {each: np.concatenate([one[each] for one in held]) for each in names}
