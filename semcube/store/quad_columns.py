# SPDX-License-Identifier: Apache-2.0
"""Quads of single predicates as sorted columns in memory, for look-ups without SQL.

Comes in: a predicate and an order that a query looks up. Goes out: its quads as two or three sorted columns, read once
and shared by all snapshots that see the same quads of that predicate. The least lately used go when there are more
bytes than allowed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from semcube.engines.sorted_pairs import SortedPairs

if TYPE_CHECKING:
    import duckdb

    from semcube.store.cache import Predicate

__all__ = ["QuadColumns", "SnapshotColumns"]

AT_ONCE = 3_000_000
"""Predicates with so many quads are read when they are first looked up, larger ones when that comes up again."""
WANTED = 2
"""How often a large predicate is left to SQL."""
_WIDTH = 24
"""Bytes of a quad, at most."""
_ORDERS = {"s": ("quads_ps", "o"), "o": ("quads_po", "s")}

_EMPTY = np.empty(0, np.int64)


class QuadColumns:
    """Sorted columns of committed states of a store; bounded, safe between threads.

    Args:
        budget: Bytes that may be kept.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        """Bytes that may be kept."""
        self.grown: Callable[[], None] = lambda: None
        """Called when more is kept."""
        self._lock = threading.Lock()
        self._pairs: OrderedDict[tuple[str, int], tuple[SortedPairs, int]] = OrderedDict()
        self._wanted: dict[tuple[str, int], int] = {}
        self._changed: dict[int, int] = {}

    def mark(self, predicates: Iterable[int], version: int) -> None:
        """Note, before it is committed, that a version has other quads of some predicates."""
        with self._lock:
            for predicate in predicates:
                self._changed[predicate] = version

    def get(self, column: str, predicate: int, version: int) -> SortedPairs | None:
        """The quads of a predicate in a version, if they are here."""
        with self._lock:
            pairs, read = self._pairs.get((column, predicate), (None, 0))
            if pairs is None or self._changed.get(predicate, 0) > min(version, read):
                return None
            self._pairs.move_to_end((column, predicate))
            return pairs

    def is_worth(self, column: str, predicate: int, quads: int, version: int) -> bool:
        """Whether to read the quads of a predicate in a version, of which there are so many."""
        if quads * _WIDTH > self.budget // 2:
            return False
        with self._lock:
            if self._changed.get(predicate, 0) > version:  # they could not be kept
                return False
            if len(self._wanted) > 100_000:
                self._wanted.clear()
            times = self._wanted[column, predicate] = self._wanted.get((column, predicate), 0) + 1
            return quads <= AT_ONCE or times > WANTED

    def put(self, column: str, predicate: int, version: int, pairs: SortedPairs) -> None:
        """Keep the quads of a predicate as they are in a version, unless those of a newer one are here."""
        with self._lock:
            old, read = self._pairs.get((column, predicate), (None, -1))
            if read > version:
                return
            if old is not None:
                old.grown = None
            pairs.grown = self._cut_anew
            self._pairs[column, predicate] = (pairs, version)
            self._pairs.move_to_end((column, predicate))
            self._cut()
        self.grown()

    def clear(self) -> None:
        """Forget all columns."""
        with self._lock:
            for pairs, _ in self._pairs.values():
                pairs.grown = None
            self._pairs.clear()

    def _cut_anew(self) -> None:
        """Look again at what is kept: something was made beside a column."""
        with self._lock:
            self._cut()
        self.grown()

    def _cut(self) -> None:
        used = self.nbytes
        while used > self.budget:
            pairs, _ = self._pairs.popitem(last=False)[1]
            pairs.grown = None
            used -= pairs.nbytes

    @property
    def nbytes(self) -> int:
        """Bytes that are kept."""
        return sum(pairs.nbytes for pairs, _ in list(self._pairs.values()))


class SnapshotColumns:
    """The sorted columns of one snapshot (:class:`semcube.engines.look_ups.SortedQuads`).

    Args:
        columns: Shared by all snapshots.
        version: The version of the store that the snapshot sees.
        predicates: Gives the counts of that version.
        connection: Gives a connection that sees that version.
    """

    def __init__(
        self,
        columns: QuadColumns,
        version: int,
        predicates: Callable[[], dict[int, Predicate]],
        connection: Callable[[], duckdb.DuckDBPyConnection],
    ) -> None:
        self._columns = columns
        self._version = version
        self._predicates = predicates
        self._connection = connection

    def pairs(self, column: str, predicate: int) -> SortedPairs | None:
        """The quads of a predicate sorted by ``"s"`` or ``"o"``; None where it is not worth while to read them."""
        found = self._columns.get(column, predicate, self._version)
        if found is not None:
            return found
        about = self._predicates().get(predicate)
        if about is None:
            return SortedPairs(_EMPTY, _EMPTY, None)
        if not self._columns.is_worth(column, predicate, about.quads, self._version):
            return None
        found = self._read(column, predicate)
        self._columns.put(column, predicate, self._version, found)
        return found

    def _read(self, column: str, predicate: int) -> SortedPairs:
        table, other = _ORDERS[column]
        text = f"SELECT {column}, {other}, g FROM {table} WHERE p = {int(predicate)}"
        rows = self._connection().sql(text).to_arrow_table()  # a quarter of the time of numpy arrays from the database
        first, second, graph = (rows.column(i).combine_chunks().to_numpy() for i in range(3))
        if bool((first[1:] < first[:-1]).any()):  # quads added lately stand behind the sorted ones
            order = np.argsort(first, kind="stable")
            first, second, graph = first[order], second[order], graph[order]
        return SortedPairs(first, second, graph if bool(graph.any()) else None)
