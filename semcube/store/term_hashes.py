# SPDX-License-Identifier: Apache-2.0
"""The way from a term's text to its number, in memory: the hashes of all terms, sorted.

A statement that finds a hash costs ten times what two binary searches do. The hashes are read after so many
look-ups that the statements would have cost as much, and only where they have room.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import duckdb
    from numpy import typing as npt

__all__ = ["TermHashes"]

PER_LOOK_UP = 35_000
"""So many hashes are read in the time of one statement."""
_WIDTH = 8
_LARGEST = 1 << 32


class _Known(NamedTuple):
    """The hashes up to a version; never changed."""

    hashes: npt.NDArray[np.uint32]
    numbers: npt.NDArray[np.uint32]
    """Beside each hash, which ascend, the number of a term."""
    added: dict[int, list[int]]
    """Hash -> numbers of the few terms that came later."""
    last: int
    version: int


_NOTHING = _Known(np.empty(0, np.uint32), np.empty(0, np.uint32), {}, 0, -1)


class TermHashes:
    """Hash -> numbers of the terms of committed states. Safe between threads; while one reads, the others do not wait.

    Args:
        budget: Bytes that may be kept.
    """

    def __init__(self, budget: int) -> None:
        self._most = min(budget // _WIDTH, _LARGEST)
        self._reading = threading.Lock()
        self._known = _NOTHING
        self._asked, self._worth = 0, 8

    def __len__(self) -> int:
        return len(self._known.hashes) + sum(map(len, self._known.added.values()))

    @property
    def nbytes(self) -> int:
        """Bytes of the hashes, about."""
        return _WIDTH * len(self._known.hashes)

    def find(
        self, hashes: Sequence[int], version: int, connection: Callable[[], duckdb.DuckDBPyConnection]
    ) -> list[int] | None:
        """The numbers of terms that have one of these hashes; None where a statement has to find them.

        Args:
            hashes: 32 bits each.
            version: The version that is read.
            connection: Gives a connection that sees that version.
        """
        known = self._known
        if known.version < version:
            if not self._reading.acquire(blocking=False):
                return None
            try:
                known = self._read(len(hashes), version, connection)
            finally:
                self._reading.release()
        if known.version < version:
            return None
        wanted = np.array(hashes, np.uint32)
        low = np.searchsorted(known.hashes, wanted, "left").tolist()
        high = np.searchsorted(known.hashes, wanted, "right").tolist()
        found = [n for a, b in zip(low, high, strict=True) if a < b for n in known.numbers[a:b].tolist()]
        return found + [n for one in hashes for n in known.added.get(one, ())]

    def _read(self, wanted: int, version: int, connection: Callable[[], duckdb.DuckDBPyConnection]) -> _Known:
        """Read the terms that were added up to a version; the first time only if that is worth while."""
        known = self._known
        self._asked += wanted
        if known.version < 0:
            if self._asked < self._worth:
                return known
            terms = int(connection().execute("SELECT terms FROM meta").fetchall()[0][0])
            self._worth = max(terms // PER_LOOK_UP, self._asked + (1000 if terms > self._most else 0))
            if self._asked < self._worth:
                return known
        if known.version < version:
            rows = connection().sql(f"SELECT h, n FROM lookup WHERE n > {known.last}").to_arrow_table()
            hashes, numbers = (rows.column(i).combine_chunks().to_numpy() for i in range(2))
            last = max(known.last, int(numbers.max(initial=0)))
            if last > self._most:
                self._known, self._worth = _NOTHING, self._asked + 10_000
            else:
                self._known = _with(known, hashes, numbers, last, version)
        return self._known


def _with(
    known: _Known, hashes: npt.NDArray[np.uint32], numbers: npt.NDArray[np.int64], last: int, version: int
) -> _Known:
    """With more terms: few stand beside the sorted ones; many are sorted with them."""
    added = {one: list(listed) for one, listed in known.added.items()}
    if len(numbers) + len(added) <= max(1000, len(known.hashes) // 100):
        for one, number in zip(hashes.tolist(), numbers.tolist(), strict=True):
            added.setdefault(one, []).append(number)
        return _Known(known.hashes, known.numbers, added, last, version)
    pairs = [(one, number) for one, listed in added.items() for number in listed]
    beside = np.array(pairs, np.uint32).reshape(-1, 2)
    every = np.concatenate([known.hashes, beside[:, 0], hashes.astype(np.uint32)])
    order = np.argsort(every, kind="stable")
    of = np.concatenate([known.numbers, beside[:, 1], numbers.astype(np.uint32)])
    return _Known(every[order], of[order], {}, last, version)
