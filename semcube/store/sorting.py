# SPDX-License-Identifier: Apache-2.0
"""Quads of a first load, sorted in memory: predicate by predicate, two 32-bit numbers at a time where ids lie close.

The reference is the SQL of :class:`semcube.store.transaction.Transaction`; both put the same rows in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from semcube.engines import ids

__all__ = ["HELD_BYTES", "LARGE", "HeldQuads", "PredicateCounts"]

Ids = npt.NDArray[np.int64]
Columns = tuple[Ids, Ids, Ids]

HELD_BYTES = 256 * 1024 * 1024
"""Quads of a load are held in memory up to here; beyond, the database sorts, which may spill."""
LARGE = 10**15 - 1
"""Integers up to here compare as doubles do."""
_RANGE = 1 << 31
_ROWS = 1 << 16
_FEW = 1024
_FIRSTS = np.array([ids.first(tag) for tag in ids.Tag] + [ids.last(max(ids.Tag)) + 1])
_NEAR, _FAR = (ids.make(ids.Tag.INTEGER, ids.BIAS + value) for value in (-LARGE, LARGE))


@dataclass
class PredicateCounts:
    """What is known of the quads of a predicate when they are stored."""

    quads: int = 0
    subjects: int = 0
    objects: int = 0
    tags: int = 0
    """One bit for each tag of an object."""
    inexact: bool = False
    """Whether an object is a number that does not compare as its double does."""

    def take_subjects(self, subjects: Ids) -> None:
        """Count the subjects of all quads, sorted."""
        self.quads, self.subjects = len(subjects), _runs(subjects)

    def take_objects(self, objects: Ids, inexact: Ids) -> None:
        """Count the objects of all quads, sorted; ``inexact`` are the ids of such numbers."""
        self.objects = _runs(objects)
        starts = np.searchsorted(objects, _FIRSTS)
        self.tags = sum(1 << tag for tag, rows in zip(ids.Tag, np.diff(starts), strict=True) if rows)
        low, near, far, high = np.searchsorted(
            objects, [ids.first(ids.Tag.INTEGER), _NEAR, _FAR + 1, ids.last(ids.Tag.INTEGER) + 1]
        )
        self.inexact = bool(near > low or high > far)
        if self.tags & 1 << ids.Tag.NUMERIC and not self.inexact:
            low, high = np.searchsorted(inexact, [objects[0], objects[-1] + 1])
            # usually none is, or many are
            self.inexact = any(_meet(objects, part) for part in np.split(inexact[low:high], [_FEW]))


def _meet(numbers: Ids, others: Ids) -> bool:
    """Whether sorted numbers have one of some others."""
    places = np.searchsorted(numbers, others)
    inside = places < len(numbers)
    return bool((numbers[places[inside]] == others[inside]).any())


def _runs(numbers: Ids) -> int:
    """How many different numbers there are; equal ones stand together."""
    return int(np.count_nonzero(numbers[1:] != numbers[:-1])) + bool(len(numbers))


class _Part(NamedTuple):
    """Quads by predicate: those of the i-th are the rows from the i-th offset on."""

    predicates: Ids
    offsets: Ids
    s: Ids
    o: Ids
    g: Ids
    """One number if all are in one graph."""

    def of(self, place: int) -> Columns:
        """Subjects, objects and graphs of one predicate."""
        rows = slice(self.offsets[place], self.offsets[place + 1])
        size = int(self.offsets[place + 1] - self.offsets[place])
        g = np.broadcast_to(self.g, size) if len(self.g) == 1 else self.g[rows]
        return self.s[rows], self.o[rows], g


class HeldQuads:
    """Quads (p, s, o, g) that wait to be stored."""

    def __init__(self) -> None:
        self._parts: list[_Part] = []
        self.bytes = self.quads = 0

    def add(self, p: Ids, s: Ids, o: Ids, g: Ids) -> None:
        """Take in quads."""
        if not len(p):
            return
        predicates, codes = np.unique(p, return_inverse=True)
        width = np.uint16 if len(predicates) <= 1 << 16 else np.int64
        order = np.argsort(codes.ravel().astype(width), kind="stable")
        offsets = np.concatenate([[0], np.cumsum(np.bincount(codes.ravel()))])
        graphs = g[:1].copy() if (g == g[0]).all() else g[order]
        self._parts.append(_Part(predicates, offsets, s[order], o[order], graphs))
        self.bytes += 8 * (2 * len(p) + len(graphs))
        self.quads += len(p)

    def add_predicate(self, p: int, s: Ids, o: Ids, g: Ids) -> None:
        """Take in quads of one predicate; ``g`` has one number if all are in one graph."""
        if len(s):
            self._parts.append(_Part(np.array([p]), np.array([0, len(s)]), s, o, g))
            self.bytes += 8 * (2 * len(s) + len(g))
            self.quads += len(s)

    def take(self) -> Iterator[tuple[Ids, Ids, Ids, Ids]]:
        """All quads part by part; none are left."""
        parts, self._parts, self.bytes, self.quads = self._parts, [], 0, 0
        yield from map(_columns, parts)

    def together(self) -> dict[str, Ids]:
        """All quads as columns; there must be some."""
        return _joined([_columns(part) for part in self._parts], "psog")

    def by_subject(self, counts: dict[int, PredicateCounts] | None = None) -> Iterator[dict[str, Ids]]:
        """Batches of the distinct quads, sorted by (p, s, o, g); what is counted goes to ``counts``."""
        for batch, columns in self._batches("psog", (0, 1, 2)):
            for predicate, subjects in columns if counts is not None else ():
                counts.setdefault(predicate, PredicateCounts()).take_subjects(subjects)  # type: ignore[union-attr]
            yield batch

    def by_object(
        self, counts: dict[int, PredicateCounts] | None = None, inexact: Ids | None = None
    ) -> Iterator[dict[str, Ids]]:
        """Batches of the distinct quads, sorted by (p, o, s, g); what is counted goes to ``counts``.

        Args:
            counts: Predicate -> counts; nothing is counted if None.
            inexact: Ids of numbers that do not compare as their doubles do, ascending.
        """
        numbers = np.empty(0, np.int64) if inexact is None else inexact
        for batch, columns in self._batches("posg", (1, 0, 2)):
            for predicate, objects in columns if counts is not None else ():
                counts.setdefault(predicate, PredicateCounts()).take_objects(objects, numbers)  # type: ignore[union-attr]
            yield batch

    def graphs(self) -> Ids:
        """The graphs of all quads, each once."""
        return np.unique(np.concatenate([np.empty(0, np.int64), *(np.unique(part.g) for part in self._parts)]))

    def _batches(
        self, names: str, order: tuple[int, int, int]
    ) -> Iterator[tuple[dict[str, Ids], list[tuple[int, Ids]]]]:
        """Predicates put together until they are worth a batch, and the first column of each."""
        waiting: list[tuple[Ids, Ids, Ids, Ids]] = []
        rows = 0
        for predicate, columns in self._by_predicate():
            found = _distinct(_sorted(*(columns[place] for place in order)))
            if waiting and rows + len(found[0]) > _ROWS:
                yield _joined(waiting, names), [(int(each[0][0]), each[1]) for each in waiting]
                waiting, rows = [], 0
            waiting.append((np.full(len(found[0]), predicate), *found))
            rows += len(found[0])
        if rows:
            yield _joined(waiting, names), [(int(each[0][0]), each[1]) for each in waiting]

    def _by_predicate(self) -> Iterator[tuple[int, Columns]]:
        """The quads of each predicate, the smallest predicate first."""
        if not self._parts:
            return
        predicates = np.concatenate([part.predicates for part in self._parts])
        owners = np.repeat(np.arange(len(self._parts)), [len(part.predicates) for part in self._parts])
        places = np.concatenate([np.arange(len(part.predicates)) for part in self._parts])
        order = np.argsort(predicates, kind="stable")
        ends = np.flatnonzero(np.diff(predicates[order], append=-1)) + 1
        start = 0
        for end in ends.tolist():
            found = [self._parts[owners[row]].of(places[row]) for row in order[start:end]]
            yield int(predicates[order[start]]), _concatenated(found)
            start = end


def _columns(part: _Part) -> tuple[Ids, Ids, Ids, Ids]:
    """A part as columns p, s, o, g."""
    p = np.repeat(part.predicates, np.diff(part.offsets))
    return p, part.s, part.o, np.array(np.broadcast_to(part.g, len(p)))


def _concatenated(parts: list[Columns]) -> Columns:
    if len(parts) == 1:
        return parts[0]
    s, o, g = (np.concatenate([part[place] for part in parts]) for place in range(3))
    return s, o, g


def _distinct(columns: Columns) -> Columns:
    """Sorted rows, each once."""
    new = np.ones(len(columns[0]), bool)
    new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return columns if new.all() else (columns[0][new], columns[1][new], columns[2][new])


def _sorted(first: Ids, second: Ids, third: Ids) -> Columns:
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
    both = first - low[0]
    both <<= 32
    both |= second - low[1]
    if (both[1:] >= both[:-1]).all():
        return first, second, third
    both.sort()
    found = both >> 32
    found += low[0]
    both &= 0xFFFFFFFF
    both += low[1]
    return found, both, third


def _joined(parts: list[tuple[Ids, Ids, Ids, Ids]], names: str) -> dict[str, Ids]:
    if len(parts) == 1:
        return dict(zip(names, parts[0], strict=True))
    return {name: np.concatenate([part[i] for part in parts]) for i, name in enumerate(names)}
