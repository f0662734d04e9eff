# SPDX-License-Identifier: Apache-2.0
"""Quads of a first load, sorted in memory: predicate by predicate, two 32-bit numbers at a time where ids lie close.

The reference is the SQL of :class:`semcube.store.transaction.Transaction`; both put the same rows in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["HELD_BYTES", "HeldQuads"]

Ids = npt.NDArray[np.int64]
Columns = tuple[Ids, Ids, Ids, Ids]

HELD_BYTES = 256 * 1024 * 1024
"""Quads of a load are held in memory up to here (32 bytes each); beyond, the database sorts, which may spill."""
_RANGE = 1 << 31
_ROWS = 1 << 20


class HeldQuads:
    """Quads (p, s, o, g) that wait to be stored."""

    def __init__(self) -> None:
        self._parts: list[Columns] = []
        self.bytes = 0

    def add(self, p: Ids, s: Ids, o: Ids, g: Ids) -> None:
        """Take in quads."""
        self._parts.append((p, s, o, g))
        self.bytes += 32 * len(p)

    def take(self) -> list[Columns]:
        """All quads in the order they came; none are left."""
        parts, self._parts, self.bytes = self._parts, [], 0
        return parts

    def together(self) -> dict[str, Ids]:
        """All quads as columns."""
        return _joined(self._parts, "psog")

    def distinct(self) -> HeldQuads:
        """The same quads, each once, sorted by (p, s, o, g); gives what the parts held free."""
        made = HeldQuads()
        for p, *columns in _by_predicate(self.take()):
            rows = _sorted(*columns)
            new = np.ones(len(rows[0]), bool)
            new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in rows])
            kept = rows if new.all() else tuple(column[new] for column in rows)
            made.add(np.full(len(kept[0]), p), kept[0], kept[1], kept[2])
        return made

    def by_subject(self) -> Iterator[dict[str, Ids]]:
        """Batches of columns, as they were put in."""
        yield from _batches(self._parts, "psog")

    def by_object(self) -> Iterator[dict[str, Ids]]:
        """Batches sorted by (p, o, s, g); every part holds one predicate."""

        def parts() -> Iterator[Columns]:
            for p, s, o, g in self._parts:
                by_o, by_s, by_g = _sorted(o, s, g)
                yield p, by_o, by_s, by_g

        yield from _batches(parts(), "posg")


def _by_predicate(parts: Sequence[Columns]) -> Iterator[tuple[int, Ids, Ids, Ids]]:
    """The quads of each predicate, the smallest predicate first."""
    p = np.concatenate([part[0] for part in parts]) if parts else np.empty(0, np.int64)
    predicates, codes = np.unique(p, return_inverse=True)
    width = np.uint16 if len(predicates) <= 1 << 16 else np.int64
    order = np.argsort(codes.astype(width).ravel(), kind="stable")
    ends = np.cumsum(np.bincount(codes.ravel(), minlength=len(predicates)))
    columns = [np.concatenate([part[i] for part in parts]) for i in (1, 2, 3)] if parts else []
    start = 0
    for predicate, end in zip(predicates.tolist(), ends.tolist(), strict=True):
        rows = order[start:end]
        start = end
        yield predicate, *(column[rows] for column in columns)


def _sorted(first: Ids, second: Ids, third: Ids) -> tuple[Ids, Ids, Ids]:
    """Rows of three columns in ascending order.

    Example:
        >>> [column.tolist() for column in _sorted(np.array([2, 1, 2]), np.array([5, 6, 4]), np.zeros(3, np.int64))]
        [[1, 2, 2], [6, 4, 5], [0, 0, 0]]
    """
    if len(first) < 2:
        return first, second, third
    low = [int(column.min()) for column in (first, second)]
    near = all(int(column.max()) - base < _RANGE for column, base in zip((first, second), low, strict=True))
    if not near or int(third.min()) != int(third.max()):
        order = np.lexsort((third, second, first))
        return first[order], second[order], third[order]
    both = ((first - low[0]) << 32) | (second - low[1])
    if (both[1:] < both[:-1]).any():
        both.sort()
        return (both >> 32) + low[0], (both & 0xFFFFFFFF) + low[1], third
    return first, second, third


def _batches(parts: Sequence[Columns] | Iterator[Columns], names: str) -> Iterator[dict[str, Ids]]:
    """Parts put together until they are worth a statement."""
    waiting: list[Columns] = []
    rows = 0
    for part in parts:
        waiting.append(part)
        rows += len(part[0])
        if rows >= _ROWS:
            yield _joined(waiting, names)
            waiting, rows = [], 0
    if rows:
        yield _joined(waiting, names)


def _joined(parts: list[Columns], names: str) -> dict[str, Ids]:
    return {name: np.concatenate([part[i] for part in parts]) for i, name in enumerate(names)}
