# SPDX-License-Identifier: Apache-2.0
"""ORDER BY of more solutions than there is memory for.

Solutions and the terms they are sorted by go to a file. Of the terms each is kept once; when all are known, they get
ranks (:func:`semcube.sparql.ordering.ranks`), and a database sorts the file by these integers, in runs on disk.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from semcube.errors import QueryMemoryError
from semcube.sparql.algebra import OrderCondition
from semcube.sparql.evaluate.exists import exists_in
from semcube.sparql.evaluate.solutions import Solutions
from semcube.sparql.expressions import evaluate
from semcube.sparql.ordering import ranks

if TYPE_CHECKING:
    from semcube.engines.reservations import Reservation
    from semcube.sparql.context import Context

__all__ = ["external_sort"]

PART = 1 / 16
"""The part of the memory that the sorting database may use."""
LEAST_MB = 64
_KEY_TIMES = 16.0
"""Memory to rank a term, as a multiple of its id: its text has to be read."""


def external_sort(
    batches: Iterator[Solutions], names: Sequence[str], conditions: Sequence[OrderCondition], context: Context
) -> Iterator[Solutions]:
    """Solutions in order, by way of the disk; those that are equal in every condition stay as they are.

    Args:
        batches: All solutions.
        names: Their variables.
        conditions: The order.
        context: The evaluation.

    Raises:
        QueryMemoryError: The distinct terms to sort by do not fit into memory, or the rows not on the disk.
    """
    from semcube.engines.embedded import connect, stream

    with tempfile.TemporaryDirectory(prefix="semcube-sort-") as folder, _disk_errors(folder):
        keys = [_Keys(context.reserve("the terms of ORDER BY", times=_KEY_TIMES)) for _ in conditions]
        path = Path(folder) / "rows.arrow"
        _write(path, batches, names, conditions, keys, context)
        tables = [
            (key.distinct(), _ranked(key, c.descending, context)) for key, c in zip(keys, conditions, strict=True)
        ]
        memory = max(LEAST_MB, int(context.settings.memory_mb * PART))
        connection = connect(":memory:", replace(context.settings, memory_mb=memory), spill=folder)
        columns = ", ".join(f"v{i}" for i in range(len(names))) or "n"
        by = ", ".join(f"r{i}" for i in range(len(conditions)))
        text = f"SELECT {columns} FROM solutions ORDER BY {by}, n"
        try:
            inputs = {"solutions": _with_ranks(path, len(names), tables)}
            for batch in stream(connection, text, inputs=inputs, cancellation=context.cancellation):
                found = [column.to_numpy() for column in batch.columns]
                yield Solutions(dict(zip(names, found, strict=False)), batch.num_rows)
        finally:
            connection.close()


@contextmanager
def _disk_errors(folder: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise QueryMemoryError(
            f"the disk of {folder} is full of rows to sort",
            fix="ask for less, free space, raise SEMCUBE_MEMORY_MB, or set TMPDIR to a larger disk",
        ) from error


class _Keys:
    """The distinct ids of one column, collected."""

    def __init__(self, reservation: Reservation) -> None:
        self._reservation = reservation
        self._known = np.empty(0, np.int64)
        self._parts: list[np.ndarray] = []
        self._waiting = 0

    def add(self, column: np.ndarray) -> None:
        fresh = np.unique(column)
        self._parts.append(fresh)
        self._waiting += len(fresh)
        if self._waiting > max(len(self._known), 1 << 20):
            self.distinct()

    def distinct(self) -> np.ndarray:
        """All of them, sorted."""
        before = self._known.nbytes
        self._known = np.unique(np.concatenate([self._known, *self._parts]))
        self._parts, self._waiting = [], 0
        self._reservation.grow(self._known.nbytes - before)
        return self._known


def _write(
    path: Path,
    batches: Iterator[Solutions],
    names: Sequence[str],
    conditions: Sequence[OrderCondition],
    keys: Sequence[_Keys],
    context: Context,
) -> None:
    """Solutions and what they are sorted by as a file."""
    exists = exists_in(context)
    fields = [*(f"v{i}" for i in range(len(names))), *(f"k{i}" for i in range(len(conditions)))]
    schema = pa.schema([(name, pa.int64()) for name in fields])
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, schema, options=options) as writer:
        room = shutil.disk_usage(path.parent).free // 2  # the runs of the sort need as much again
        for batch in batches:
            context.cancellation.check()
            by = [evaluate(condition.expression, batch, context, exists) for condition in conditions]
            for key, column in zip(keys, by, strict=True):
                key.add(column)
            columns = [*(batch.column(name) for name in names), *by]
            writer.write_batch(pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=schema))
            if sink.tell() > room:
                raise OSError(errno.ENOSPC, "half of what is free is taken")


def _ranked(key: _Keys, descending: bool, context: Context) -> np.ndarray:
    rank = ranks(key.distinct(), context.terms)
    return -rank if descending else rank


def _with_ranks(path: Path, columns: int, tables: Sequence[tuple[np.ndarray, np.ndarray]]) -> pa.RecordBatchReader:
    """The rows of the file with ranks ``r0``... in place of the terms they are sorted by, and numbered as ``n``."""
    names = [*(f"v{i}" for i in range(columns)), *(f"r{i}" for i in range(len(tables))), "n"]
    schema = pa.schema([(name, pa.int64()) for name in names])

    def rows() -> Iterator[pa.RecordBatch]:
        count = 0
        with pa.OSFile(str(path)) as source:
            for batch in pa.ipc.open_stream(source):
                by = [column.to_numpy() for column in batch.columns[columns:]]
                rank = [rank[np.searchsorted(ids, key)] for key, (ids, rank) in zip(by, tables, strict=True)]
                number = np.arange(count, count + batch.num_rows)
                count += batch.num_rows
                arrays = [*batch.columns[:columns], *(pa.array(column) for column in (*rank, number))]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, rows())
