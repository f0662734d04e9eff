# SPDX-License-Identifier: Apache-2.0
"""The terms that a load has met, by hash, in memory: an open-addressing table over NumPy arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Places = npt.NDArray[np.int64]
    Words = npt.NDArray[np.uint64]

__all__ = ["BYTES", "HashTable"]

BYTES = 64
"""What an entry takes at most, in bytes: two words of hash, an id, and its share of a table that is half empty; more
while it grows."""
_FREE = -1
_FIRST = 1 << 17
_GROWTH = 4
_AHEAD = 8
"""Room for entries to come costs nothing until they come; to copy those that are there does."""
_Number = TypeVar("_Number", np.uint64, np.int64)


class HashTable:
    """Numbers of 128 bits, each with a place in the order of arrival and an id.

    Example:
        >>> table = HashTable()
        >>> upper, lower = np.array([5, 7, 5], np.uint64), np.array([1, 1, 1], np.uint64)
        >>> places, new = table.add(upper, lower)
        >>> places.tolist(), new.tolist()
        ([0, 1, 0], [0, 1])
    """

    def __init__(self) -> None:
        self._slots = np.full(_FIRST, _FREE, np.int32)
        self._upper = np.empty(_FIRST // 2, np.uint64)
        self._lower = np.empty(_FIRST // 2, np.uint64)
        self.ids = np.zeros(_FIRST // 2, np.int64)
        """Place -> id, for whoever adds to set."""
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def upper(self) -> Words:
        """The upper halves of all numbers, by place."""
        return self._upper[: self._count]

    @property
    def lower(self) -> Words:
        """The lower halves of all numbers, by place."""
        return self._lower[: self._count]

    def add(self, upper: Words, lower: Words) -> tuple[Places, Places]:
        """Take in numbers.

        Args:
            upper: (n,) upper halves.
            lower: (n,) lower halves.

        Returns:
            The place of each row, and the rows that are the first with their number, ascending.
        """
        start, rows = self._count, len(upper)
        self._make_room(start + rows)
        # the rows stand behind what is known while it is found out which of them are new
        self._upper[start : start + rows], self._lower[start : start + rows] = upper, lower
        found, claimed = self._probe(start, rows)
        new = np.flatnonzero(found == start + np.arange(rows))
        if len(new) == rows:
            self._count += rows
            return found, new
        rank = np.empty(rows, np.int64)
        rank[new] = start + np.arange(len(new))
        self._slots[claimed[new]] = rank[new]
        fresh = found >= start
        found[fresh] = rank[found[fresh] - start]
        self._upper[start : start + len(new)], self._lower[start : start + len(new)] = upper[new], lower[new]
        self._count += len(new)
        return found, new

    def _probe(self, start: int, rows: int) -> tuple[Places, Places]:
        """For each row the first entry with its number, which may be itself, and the slot it claimed then."""
        upper, lower = self._upper, self._lower
        slots, mask = self._slots, len(self._slots) - 1
        found = np.full(rows, _FREE, np.int64)
        claimed = np.zeros(rows, np.int64)
        pending = np.arange(start, start + rows)
        slot = self._slot_of(upper[start : start + rows])
        while len(pending):
            held = slots[slot]
            free = np.flatnonzero(held == _FREE)[::-1]
            # of rows that want the same free slot the first gets it, being assigned last; the others see whose it is
            wanted = slot[free]
            slots[wanted] = pending[free]
            held[free] = slots[wanted]
            other = np.flatnonzero(held != pending)
            mine, theirs = pending[other], held[other]
            differs = (upper[theirs] != upper[mine]) | (lower[theirs] != lower[mine])
            done = np.ones(len(pending), bool)
            done[other[differs]] = False
            ended = pending[done] - start
            found[ended], claimed[ended] = held[done], slot[done]
            pending, slot = mine[differs], (slot[other[differs]] + 1) & mask
        return found, claimed

    def _slot_of(self, upper: Words) -> Places:
        return (upper >> np.uint64(64 - (len(self._slots).bit_length() - 1))).astype(np.int64)

    def _make_room(self, wanted: int) -> None:
        size = len(self._upper)
        if wanted > size:
            while wanted > size:
                size *= _AHEAD
            self._upper, self._lower = _longer(self._upper, size), _longer(self._lower, size)
            self.ids = _longer(self.ids, size)
        if 2 * wanted > len(self._slots):
            length = len(self._slots)
            while 2 * wanted > length:
                length *= _GROWTH
            self._slots = np.full(length, _FREE, np.int32)
            self._fill()

    def _fill(self) -> None:
        """Give all entries, which differ, their slots in an empty table."""
        slots, mask = self._slots, len(self._slots) - 1
        pending, slot = np.arange(self._count), self._slot_of(self.upper)
        while len(pending):
            free = slots[slot] == _FREE
            slots[slot[free]] = pending[free]
            lost = slots[slot] != pending
            pending, slot = pending[lost], (slot[lost] + 1) & mask


def _longer(column: npt.NDArray[_Number], size: int) -> npt.NDArray[_Number]:
    found = np.empty(size, column.dtype)
    found[: len(column)] = column
    return found
