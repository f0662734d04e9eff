# SPDX-License-Identifier: Apache-2.0
"""Matchers beside that of topological relations: of the nearest features, and of time alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import shapely

from semcube.geometry.boxes import BoxTree
from semcube.interlink.matching import Matched, Matcher, Task
from semcube.interlink.nearest import nearest, smallest
from semcube.interlink.sides import Chunk
from semcube.interlink.time import PeriodIndex, allen

__all__ = ["NearestMatcher", "TimeMatcher", "first_of_each"]

_PAIRS = 2_000_000


class NearestMatcher(Matcher):
    """Finds the nearest held features of those of a chunk.

    A row that has met a version of the held side before is only measured against held rows that were in none of those.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        everything = np.arange(len(self.held))
        # A repaired geometry has another box, so all are checked before the tree is made.
        self._invalid = self.verifier.check(self.held, everything, self.checked)
        self._boxes = shapely.bounds(self.held.geometries).reshape(-1, 4)
        self._trees: dict[int, BoxTree] = {}

    def match(self, task: Task) -> Matched:
        """The nearest held rows of each row of a task, in ``second`` and ``first``."""
        assert self.measure is not None
        own = task.chunk is None
        chunk = self.held if task.chunk is None else task.chunk
        rows = np.arange(*task.rows)
        checked = self.checked if own else np.zeros(len(chunk), dtype=bool)
        bad = self.verifier.check(chunk, rows, checked)
        skip = np.zeros(len(rows), np.int64) if task.skip is None else task.skip[rows]
        parts, measured = [], 0
        for bits in np.unique(skip).tolist():
            some = rows[skip == bits]
            found = nearest(
                chunk.geometries[some], self.held.geometries, self._tree(bits), int(self.measure.limit),
                self.held.iris, some if own else None,
            )  # fmt: skip
            measured += found[3]
            parts.append((found[1], some[found[0]], found[2]))
        none = np.empty(0, np.int64)
        first, second, values = (
            (np.concatenate(each) for each in zip(*parts, strict=True)) if parts else (none, none, none.astype(float))
        )
        result = Matched(first, second, np.full(len(first), -1, np.int16), values=values)
        result.candidates = result.verified = measured
        result.invalid_held, result.invalid = self._invalid, bad
        return result

    def _tree(self, bits: int) -> BoxTree:
        """Over the held rows that were in none of these versions."""
        if bits not in self._trees:
            boxes = self._boxes
            if bits and self.seen is not None:
                boxes = boxes.copy()
                boxes[(self.seen & bits) != 0] = np.nan
            self._trees[bits] = BoxTree(boxes)
        return self._trees[bits]


class TimeMatcher(Matcher):
    """Finds the pairs whose periods stand in one of the relations of time; geometries are not looked at."""

    def __post_init__(self) -> None:
        super().__post_init__()
        assert self.held.periods is not None
        self.index = PeriodIndex(self.held.periods)

    def match(self, task: Task) -> Matched:
        """The related pairs of a task."""
        chunk = self.held if task.chunk is None else task.chunk
        assert self.held.periods is not None
        assert chunk.periods is not None
        rows = np.arange(*task.rows)
        first, place = self.index.pairs(chunk.periods.take(rows), self.temporal)
        second = rows[place]
        if task.chunk is None:
            once = first < second
            first, second = first[once], second[once]
        result = Matched(first, second, np.empty(0, np.int16), candidates=len(first))
        if task.skip is not None and self.seen is not None:
            new = (self.seen[first] & task.skip[second]) == 0
            result.known = int((~new).sum())
            first, second = first[new], second[new]
        holds = allen(self.held.periods.take(first), chunk.periods.take(second), self.temporal)
        related = np.logical_or.reduce(list(holds.values()))
        result.verified = len(first)
        result.first, result.second = first[related], second[related]
        result.codes = np.full(len(result.first), -1, np.int16)
        return result

    def tasks(self, chunk: Chunk | None, rows: tuple[int, int]) -> Iterator[Task]:
        """A task cut where it would have too many pairs."""
        periods = (self.held if chunk is None else chunk).periods
        assert periods is not None
        counts = self.index.counts(periods.take(np.arange(*rows)), self.temporal)
        cuts = np.flatnonzero(np.diff(np.cumsum(counts) // _PAIRS)) + 1
        edges = [0, *cuts.tolist(), rows[1] - rows[0]]
        for low, high in pairwise(edges):
            if chunk is None:
                yield Task(None, (rows[0] + low, rows[0] + high))
            else:
                yield Task(chunk.take(np.arange(rows[0] + low, rows[0] + high)), (0, high - low))


def first_of_each(found: list[Matched], count: int, held: Chunk) -> Matched:
    """The nearest of each row, out of several answers about the same rows, which may have pairs in common."""
    second = np.concatenate([each.second for each in found])
    first = np.concatenate([each.first for each in found])
    values = np.concatenate([np.empty(0) if each.values is None else each.values for each in found])
    single = np.unique(np.column_stack([second, first]), axis=0, return_index=True)[1]
    first, second, values = first[single], second[single], values[single]
    chosen = smallest(second, values, count, held.iris.take(first))
    return Matched(first[chosen], second[chosen], np.full(len(chosen), -1, np.int16), values=values[chosen])
