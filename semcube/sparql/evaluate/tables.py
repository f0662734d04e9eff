# SPDX-License-Identifier: Apache-2.0
"""Kernels over columns of ids: distinct rows, equality look-ups, sets of rows seen so far."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from semcube.geometry.sorted import searched
from semcube.sparql.evaluate.solutions import Solutions

if TYPE_CHECKING:
    from semcube.engines.reservations import Reservation

__all__ = ["PAIR_ROWS", "SEEN_TIMES", "EqualRows", "SeenRows", "bound_masks", "group_rows"]

PAIR_ROWS = 1 << 18
"""Pairs of rows that one step of a join produces at most."""

SEEN_TIMES = 5.0
"""Memory of a set of rows, with the work on it, as a multiple of the rows."""

_CODE_LIMIT = 1 << 62


def group_rows(columns: Sequence[np.ndarray], rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers equal rows alike.

    Args:
        columns: Columns of ids, each of length ``rows``; none means that all rows are equal.
        rows: The number of rows.

    Returns:
        The first row of each group, groups in order of their first row, and the group of each row.

    Example:
        >>> first, group = group_rows([np.array([7, 5, 7])], 3)
        >>> first.tolist(), group.tolist()
        ([0, 1], [0, 1, 0])
    """
    if not columns:
        return np.zeros(min(rows, 1), np.int64), np.zeros(rows, np.int64)
    code = columns[0]
    size = 0
    for i, column in enumerate(columns):
        values, inverse = np.unique(column, return_inverse=True)
        if i == 0:
            code, size = inverse, len(values)
            continue
        if size * len(values) >= _CODE_LIMIT:
            packed, code = np.unique(code, return_inverse=True)
            size = len(packed)
        code, size = code * len(values) + inverse, size * len(values)
    _, first, group = np.unique(code, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return first[order], rank[group]


class EqualRows:
    """Finds the rows of a table whose columns equal those of another, by sorted codes.

    Example:
        >>> table = EqualRows([np.array([5, 7, 5])])
        >>> [pair.tolist() for pair in next(table.pairs([np.array([7, 5])]))]
        [[0, 1, 1], [1, 0, 2]]
    """

    def __init__(self, columns: Sequence[np.ndarray], rows: int | None = None) -> None:
        self._levels: list[tuple[np.ndarray, np.ndarray | None]] = []
        self.rows = len(columns[0]) if columns else int(rows or 0)
        code = np.zeros(self.rows, np.int64)
        for column in columns:
            values, inverse = np.unique(column, return_inverse=True)
            code = code * max(len(values), 1) + inverse
            packed: np.ndarray | None = None
            if self._levels:
                packed, code = np.unique(code, return_inverse=True)
            self._levels.append((values, packed))
        self._order = np.argsort(code, kind="stable")
        self._sorted = code[self._order]

    def _codes(self, columns: Sequence[np.ndarray], rows: int) -> np.ndarray:
        """The codes of rows of another table, -1 where no row can be equal."""
        code = np.zeros(rows, np.int64)
        for column, (values, packed) in zip(columns, self._levels, strict=True):
            place = _find(values, column)
            code = np.where((code < 0) | (place < 0), -1, code * max(len(values), 1) + place)
            if packed is not None:
                code = np.where(code < 0, -1, _find(packed, code))
        return code

    def _ranges(self, columns: Sequence[np.ndarray], rows: int) -> tuple[np.ndarray, np.ndarray]:
        code = self._codes(columns, rows)
        low, high = searched(self._sorted, code)
        return low, high - low

    def contains(self, columns: Sequence[np.ndarray], rows: int | None = None) -> np.ndarray:
        """Whether each row has an equal row in this table."""
        rows = len(columns[0]) if columns else int(rows or 0)
        return self._ranges(columns, rows)[1] > 0

    def pairs(
        self, columns: Sequence[np.ndarray], rows: int | None = None, limit: int = PAIR_ROWS
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Equal rows as pairs (row of the other table, row of this table), about ``limit`` at a time."""
        rows = len(columns[0]) if columns else int(rows or 0)
        low, count = self._ranges(columns, rows)
        total = np.cumsum(count)
        start = 0
        while start < rows:
            done = int(total[start - 1]) if start else 0
            stop = max(start + 1, int(np.searchsorted(total, done + limit, "right")))
            if count[start] > limit:  # one row has too many partners for one step
                first, last = int(low[start]), int(low[start] + count[start])
                for begin in range(first, last, limit):
                    partners = self._order[begin : min(begin + limit, last)]
                    yield np.full(len(partners), start), partners
                start += 1
                continue
            counts = count[start:stop]
            ours = np.repeat(low[start:stop] - (np.cumsum(counts) - counts), counts) + np.arange(int(counts.sum()))
            if len(ours):
                yield np.repeat(np.arange(start, stop), counts), self._order[ours]
            start = stop


def _find(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The places of wanted values in sorted distinct values, -1 where absent."""
    if not len(values):
        return np.full(len(wanted), -1, np.int64)
    low, high = searched(values, wanted)
    return np.where(high > low, low, -1)


class SeenRows:
    """A growing set of rows: levels of geometrically growing size, so that each row is merged a few times only.

    Args:
        names: The variables of a row.
        reservation: Memory for the rows.
    """

    def __init__(self, names: Sequence[str], reservation: Reservation | None = None) -> None:
        self._names = list(names)
        self._reservation = reservation
        self._levels: list[tuple[Solutions, EqualRows]] = []

    def add(self, batch: Solutions) -> Solutions:
        """The rows of a batch that were not there before, each once; they are there from now on."""
        columns = [batch.column(name) for name in self._names]
        first, _ = group_rows(columns, batch.rows)
        fresh = Solutions({n: c[first] for n, c in zip(self._names, columns, strict=True)}, len(first))
        for _, table in self._levels:
            if not fresh.rows:
                return fresh
            fresh = fresh.where(~table.contains(self._columns(fresh), fresh.rows))
        if fresh.rows:
            if self._reservation is not None:
                self._reservation.grow(fresh.nbytes)
            self._push(fresh)
        return fresh

    def _columns(self, rows: Solutions) -> list[np.ndarray]:
        return [rows.column(name) for name in self._names]

    def _push(self, fresh: Solutions) -> None:
        while self._levels and self._levels[-1][0].rows <= 2 * fresh.rows:
            below, _ = self._levels.pop()
            columns = {n: np.concatenate([below.column(n), fresh.column(n)]) for n in self._names}
            fresh = Solutions(columns, below.rows + fresh.rows)
        self._levels.append((fresh, EqualRows(self._columns(fresh), fresh.rows)))


def bound_masks(solutions: Solutions, names: Sequence[str]) -> np.ndarray:
    """For each row which of the names are bound, as a bit mask."""
    mask = np.zeros(solutions.rows, np.int64)
    for bit, name in enumerate(names):
        column = solutions.columns.get(name)
        if column is not None:
            mask |= (column != 0).astype(np.int64) << bit
    return mask
