# SPDX-License-Identifier: Apache-2.0
"""A batch of solutions: one int64 column of ids per variable, 0 where unbound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import finalize

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from semcube.engines.reservations import Reservation

__all__ = ["BATCH_ROWS", "Solutions", "collect", "collect_within", "rebatch"]

BATCH_ROWS = 65536
"""Rows of one batch, roughly; operators that multiply rows cut their output to it."""


@dataclass(frozen=True, slots=True)
class Solutions:
    """Solution mappings as columns.

    A variable without a column is unbound in every row. ``rows`` counts solutions, also where there are no columns.

    Example:
        >>> both = Solutions({"x": np.array([3, 0])}, 2)
        >>> both.column("y").tolist()
        [0, 0]
    """

    columns: dict[str, np.ndarray] = field(default_factory=dict)
    rows: int = 0

    @classmethod
    def unit(cls) -> Solutions:
        """One solution that binds nothing."""
        return cls({}, 1)

    @classmethod
    def from_batch(cls, batch: pa.RecordBatch) -> Solutions:
        """From an Arrow batch of the dataset seam (null is unbound, the column ``_`` only counts rows)."""
        columns = {}
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name == "_":
                continue
            filled = column.fill_null(0) if column.null_count else column
            columns[name] = filled.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
        return cls(columns, batch.num_rows)

    def to_batch(self, variables: Sequence[str]) -> pa.RecordBatch:
        """To an Arrow batch with these columns (``_`` where there are none)."""
        if not variables:
            return pa.RecordBatch.from_arrays([pa.array(np.ones(self.rows, np.int64))], names=["_"])
        arrays = [_nullable(self.column(name)) for name in variables]
        return pa.RecordBatch.from_arrays(arrays, names=list(variables))

    @property
    def nbytes(self) -> int:
        """Bytes of the columns."""
        return sum(column.nbytes for column in self.columns.values())

    def column(self, name: str) -> np.ndarray:
        """The ids of a variable, zeros where it has no column."""
        found = self.columns.get(name)
        return np.zeros(self.rows, np.int64) if found is None else found

    def take(self, index: np.ndarray) -> Solutions:
        """The rows with these numbers, in their order."""
        return Solutions({name: column[index] for name, column in self.columns.items()}, len(index))

    def where(self, mask: np.ndarray) -> Solutions:
        """The rows for which the mask is true."""
        if bool(mask.all()):
            return self
        return self.take(np.flatnonzero(mask))

    def slice(self, start: int, stop: int) -> Solutions:
        """The rows from ``start`` to before ``stop``, without copying."""
        stop = min(stop, self.rows)
        cut = {name: column[start:stop] for name, column in self.columns.items()}
        return Solutions(cut, max(0, stop - start))

    def select(self, names: Iterable[str]) -> Solutions:
        """Only these variables (those without a column stay without)."""
        return Solutions({name: self.columns[name] for name in names if name in self.columns}, self.rows)

    def with_columns(self, columns: Mapping[str, np.ndarray]) -> Solutions:
        """With more columns; a name that exists is replaced."""
        return Solutions({**self.columns, **columns}, self.rows)

    def pieces(self, rows: int = BATCH_ROWS) -> Iterator[Solutions]:
        """The same solutions in batches of at most so many rows."""
        if self.rows <= rows:
            yield self
            return
        for start in range(0, self.rows, rows):
            yield self.slice(start, start + rows)


def _nullable(column: np.ndarray) -> pa.Array:
    unbound = column == 0
    return pa.array(column, pa.int64(), mask=unbound if bool(unbound.any()) else None)


def collect(batches: Iterable[Solutions]) -> Solutions:
    """All batches as one.

    Example:
        >>> one = collect([Solutions({"x": np.array([3])}, 1), Solutions({"y": np.array([4])}, 1)])
        >>> one.column("x").tolist(), one.column("y").tolist()
        ([3, 0], [0, 4])
    """
    parts = [part for part in batches if part.rows]
    if len(parts) == 1:
        return parts[0]
    names = dict.fromkeys(name for part in parts for name in part.columns)
    columns = {name: np.concatenate([part.column(name) for part in parts]) for name in names}
    return Solutions(columns, sum(part.rows for part in parts))


def collect_within(batches: Iterable[Solutions], reservation: Reservation) -> Solutions:
    """All batches as one; the reservation lasts as long as the columns.

    Raises:
        QueryMemoryError: There is no room for them.
    """
    parts: list[Solutions] = []
    for part in batches:
        reservation.grow(part.nbytes)
        parts.append(part)
    whole = collect(parts)
    for column in whole.columns.values():
        finalize(column, _forget, reservation).atexit = False
    return whole


def _forget(_: Reservation) -> None:
    """The last one to know a reservation gives it back."""


def rebatch(batches: Iterable[Solutions], rows: int = BATCH_ROWS) -> Iterator[Solutions]:
    """Joins batches that are much smaller than ``rows``, so that operators above do not starve on them."""
    held: list[Solutions] = []
    count = 0
    for part in batches:
        if not part.rows:
            continue
        held.append(part)
        count += part.rows
        if count * 2 >= rows:
            yield collect(held)
            held, count = [], 0
    if held:
        yield collect(held)
