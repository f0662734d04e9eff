# SPDX-License-Identifier: Apache-2.0
"""The way from a term's text to its number, in memory: the hashes of all terms, sorted.

A statement that finds a hash costs ten times what two binary searches do. The hashes are read after so many
look-ups that the statements would have cost as much, and only where they have room.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import duckdb
    import numpy.typing as npt

__all__ = ["TermHashes"]

PER_LOOK_UP = 35_000
"""So many hashes are read in the time of one statement."""
_WIDTH = 8
_LARGEST = 1 << 32


class TermHashes:
    """Hash -> numbers of the terms of committed states. Safe between threads.

    Args:
        budget: Bytes that may be kept.
    """

    def __init__(self, budget: int) -> None:
        self._most = budget // _WIDTH
        self._lock = threading.Lock()
        self._hashes: npt.NDArray[np.uint32] = np.empty(0, np.uint32)
        self._numbers: npt.NDArray[np.uint32] = np.empty(0, np.uint32)
        self._added: dict[int, list[int]] = {}
        self._last = 0
        self._version = -1
        self._asked, self._worth = 0, 8

    def find(
        self, hashes: Sequence[int], version: int, connection: Callable[[], duckdb.DuckDBPyConnection]
    ) -> list[int] | None:
        """The numbers of terms that have one of these hashes; None where a statement has to find them.

        Args:
            hashes: 32 bits each.
            version: The version that is read.
            connection: Gives a connection that sees that version.
        """
        with self._lock:
            if self._version < version and not self._read(len(hashes), version, connection):
                return None
            wanted = np.array(hashes, np.uint32)
            low = np.searchsorted(self._hashes, wanted, "left").tolist()
            high = np.searchsorted(self._hashes, wanted, "right").tolist()
            found = [n for a, b in zip(low, high, strict=True) if a < b for n in self._numbers[a:b].tolist()]
            return found + [n for one in hashes for n in self._added.get(one, ())]

    def _read(self, wanted: int, version: int, connection: Callable[[], duckdb.DuckDBPyConnection]) -> bool:
        """Read the terms that were added up to a version; the first time only if that is worth while."""
        self._asked += wanted
        if self._version < 0:
            if self._asked < self._worth:
                return False
            terms = int(connection().execute("SELECT terms FROM meta").fetchall()[0][0])
            self._worth = max(terms // PER_LOOK_UP, self._asked + (1000 if terms > self._most else 0))
            if self._asked < self._worth:
                return False
        rows = connection().sql(f"SELECT h, n FROM lookup WHERE n > {self._last}").to_arrow_table()
        hashes, numbers = (rows.column(i).combine_chunks().to_numpy() for i in range(2))
        self._last = max(self._last, int(numbers.max(initial=0)))
        self._version = version
        if self._last > min(self._most, _LARGEST):
            self._forget()
            return False
        self._add(hashes, numbers)
        return True

    def _add(self, hashes: npt.NDArray[np.uint32], numbers: npt.NDArray[np.int64]) -> None:
        """Few beside the sorted ones; many are sorted with them."""
        if len(numbers) + len(self._added) <= max(1000, len(self._hashes) // 100):
            for one, number in zip(hashes.tolist(), numbers.tolist(), strict=True):
                self._added.setdefault(one, []).append(number)
            return
        beside = [(one, number) for one, listed in self._added.items() for number in listed]
        added = np.array(beside, np.uint32).reshape(-1, 2)
        every = np.concatenate([self._hashes, added[:, 0], hashes.astype(np.uint32)])
        order = np.argsort(every, kind="stable")
        self._hashes = every[order]
        self._numbers = np.concatenate([self._numbers, added[:, 1], numbers.astype(np.uint32)])[order]
        self._added = {}

    def _forget(self) -> None:
        """Keep nothing: there is no room."""
        self._hashes, self._numbers = np.empty(0, np.uint32), np.empty(0, np.uint32)
        self._added, self._last, self._version = {}, 0, -1
        self._worth = self._asked + 10_000
