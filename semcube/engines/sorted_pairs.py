# SPDX-License-Identifier: Apache-2.0
"""The quads of one predicate as sorted columns, and where an id begins and ends in them.

Few ids are found by binary search. Where a fourth as many are looked up as there are quads, a directory is made once:
the first place of each range of ids. Ids are given in the order of arrival, so those of one column are spread evenly,
and a directory with about as many ranges as ids finds an id with one or two steps, in any order of asking.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from semcube.engines.id_column import IdColumn

__all__ = ["Directory", "Found", "SortedPairs"]

Ids = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_FEW = 4096
"""So few ids are always found by binary search."""
_WORTH = 4
"""A directory is made once a fourth as many ids were looked up as there are quads: to search for them takes as long."""
_WIDTH = 12
"""Bytes of a directory for each quad, at most."""
_STEPS = 4
"""Ids of one range, at most; columns with more crowded ranges have no directory."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The ranges of sorted quads of known ids, id by id."""

    low: Ids
    high: Ids
    once: bool
    """Whether each id has exactly one quad."""

    @property
    def total(self) -> int:
        """Quads of all ranges."""
        return len(self.low) if self.once else int((self.high - self.low).sum())


class Directory:
    """The distinct ids of a sorted column by ranges of ids.

    Args:
        ids: (n,) sorted.

    Example:
        >>> low, high = Directory(IdColumn(np.array([3, 4, 4, 9]))).ranges(np.array([9, 4, 5]))
        >>> low[:2].tolist(), (high - low).tolist()
        ([3, 1], [1, 2, 0])
    """

    def __init__(self, ids: IdColumn) -> None:
        self._offsets = own = ids.offsets
        fresh = np.flatnonzero(own[1:] != own[:-1]) + 1
        once = len(fresh) + 1 == len(own)
        self._bounds = None if once else np.concatenate([[0], fresh, [len(own)]]).astype(np.int32)
        distinct = own if self._bounds is None else own[self._bounds[:-1]]
        first = int(own[0])
        self._base = ids.base + first
        self._first = own.dtype.type(first)
        span, count = int(own[-1]) - first, len(distinct)
        self._shift = (span // (2 * count)).bit_length()
        sizes = np.bincount((distinct - self._first).astype(np.int64) >> self._shift)
        self._steps = int(sizes.max())
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)

    @property
    def is_even(self) -> bool:
        """Whether an id is found in few steps."""
        return self._steps <= _STEPS

    @property
    def nbytes(self) -> int:
        """Bytes in memory beside the column."""
        return self._starts.nbytes + (0 if self._bounds is None else self._bounds.nbytes)

    def ranges(self, wanted: Ids) -> tuple[Ids, Ids]:
        """Where each id begins and ends in the column; of ids that are not there, an empty range anywhere."""
        offsets = wanted - self._base
        place = self._starts.take(offsets >> self._shift, mode="clip")
        there = self._above(place)
        for _ in range(self._steps - 1):
            place = place + (there < offsets)
            there = self._above(place)
        hit = there == offsets
        if self._bounds is None:
            low = place.astype(np.int64)
            return low, low + hit
        low = self._bounds.take(place, mode="clip").astype(np.int64)
        return low, np.where(hit, self._bounds.take(place + 1, mode="clip"), low)

    def _above(self, place: npt.NDArray[np.int32]) -> Ids:
        """The distinct ids by their numbers, as what they are above the first."""
        places = place if self._bounds is None else self._bounds.take(place, mode="clip")
        found: Ids = np.subtract(self._offsets.take(places, mode="clip"), self._first, dtype=np.int64)
        return found


class SortedPairs:
    """The quads of one predicate, sorted by ``first``.

    Args:
        first: Subjects or objects, ascending.
        second: The others.
        graph: None where all are in graph 0.
    """

    __slots__ = ("_asked", "_directory", "first", "graph", "grown", "second")

    def __init__(self, first: Ids, second: Ids, graph: Ids | None) -> None:
        self.first, self.second, self.graph = IdColumn(first), IdColumn(second), graph
        self.grown: Callable[[], None] | None = None
        """Called when a directory was made, which takes memory too."""
        self._asked = 0
        self._directory: Directory | None = None

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        own = sum(c.nbytes for c in (self.first, self.second, self.graph) if c is not None)
        return own + (0 if self._directory is None else self._directory.nbytes)

    def ranges(self, wanted: Ids) -> Found:
        """The ranges of quads whose ``first`` is each of the wanted ids."""
        directory = self._directory if len(wanted) > _FEW else None
        if len(wanted) > _FEW and directory is None and self._asked >= 0:
            directory = self._made(len(wanted))
        low, high = self.first.searched(wanted) if directory is None else directory.ranges(wanted)
        return Found(low, high, bool((high - low == 1).all()))

    def _made(self, wanted: int) -> Directory | None:
        """A directory, once enough ids were looked up; None before, and where ids are crowded."""
        self._asked += wanted
        if self._asked * _WORTH < len(self.first) or not len(self.first) or len(self.first) >= 1 << 31:
            return None
        made = Directory(self.first)
        self._asked = -1
        if made.is_even and made.nbytes <= _WIDTH * len(self.first):
            self._directory = made
            grown = self.grown
            if grown is not None:
                grown()
        return self._directory
