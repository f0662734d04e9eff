# SPDX-License-Identifier: Apache-2.0
"""One side in memory, met by chunks of the other: filter, then verify; in this process or in several."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import shapely

from semcube.interlink.filters import CandidateFilter, candidate_filter
from semcube.interlink.measures import Measure, measured_filter
from semcube.interlink.sides import Chunk
from semcube.interlink.time import Periods, allen
from semcube.interlink.verification import MatrixCodes, Verifier

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["Matched", "Matcher", "Task", "matched", "packed_matcher", "unpacked_matcher"]

_ROWS = 20_000
_PAIRS = 1_000_000


@dataclass
class Task:
    """A chunk to be met, or rows of the held side itself."""

    chunk: Chunk | None
    rows: tuple[int, int]
    skip: np.ndarray | None = None
    """Bits by row: versions of the held side that a row has met before (see :mod:`semcube.interlink.state`)."""


@dataclass
class Matched:
    """The related pairs of a task."""

    first: np.ndarray
    """Rows of the held side."""
    second: np.ndarray
    """Rows of the chunk."""
    codes: np.ndarray
    texts: list[str] = field(default_factory=list)
    """What the codes mean, where they come from another process."""
    values: np.ndarray | None = None
    """float64, the distances where one is measured."""
    candidates: int = 0
    known: int = 0
    verified: int = 0
    errors: int = 0
    invalid_held: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    invalid: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass
class Matcher:
    """Finds the related pairs of the held side and chunks of the other (or of itself, each pair once)."""

    held: Chunk
    invalid: str = "repair"
    filter: str = "tree"
    temporal: tuple[str, ...] = ()
    """Only pairs in one of these relations of time, seen from the held side, are candidates."""
    measure: Measure | None = None
    """What is measured, in place of the topological relation."""
    seen: np.ndarray | None = None
    """Bits by held row: versions of the held side that it was part of."""
    codes: MatrixCodes = field(default_factory=MatrixCodes)

    def __post_init__(self) -> None:
        self.find = self._filter()
        self.verifier = Verifier(self.held, self.invalid, self.codes)
        self.checked = np.zeros(len(self.held), dtype=bool)
        self._reported = 0

    def _filter(self) -> CandidateFilter:
        if self.measure is not None:
            return measured_filter(self.measure, self.held.geometries)
        return candidate_filter(self.filter, self.held.geometries)

    def test(self, chunk: Chunk, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which pairs are related, the codes of their matrices, their distances (where one is measured)."""
        if self.measure is None:
            codes = self.verifier.relate(chunk, first, second)
            return self.meets(codes), codes, np.empty(len(codes))
        near, values = self.measure.holds(self.held.geometries, first, chunk.geometries, second)
        return near, np.full(len(first), -1, np.int16), values

    def match(self, task: Task) -> Matched:
        """The related pairs of a task."""
        chunk = self.held if task.chunk is None else task.chunk
        own = task.chunk is None
        checked = self.checked if own else np.zeros(len(chunk), dtype=bool)
        result = Matched(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int16))
        errors = self.verifier.errors
        parts, invalid, invalid_held = [], [], []
        for first, second in self._candidates(chunk, task, result):
            for low in range(0, len(first), _PAIRS):
                a, b = first[low : low + _PAIRS], second[low : low + _PAIRS]
                invalid_held.append(self.verifier.check(self.held, a, self.checked))
                invalid.append(self.verifier.check(chunk, b, checked))
                keep, codes, values = self.test(chunk, a, b)
                result.verified += len(a)
                parts.append((a[keep], b[keep], codes[keep], values[keep]))
        if parts:
            result.first, result.second, result.codes, values = (
                np.concatenate(each) for each in zip(*parts, strict=True)
            )
            result.values = None if self.measure is None else values
            result.invalid_held = np.concatenate([*invalid_held, *(invalid if own else [])])
            result.invalid = result.invalid_held[:0] if own else np.concatenate(invalid)
        result.errors = self.verifier.errors - errors
        return result

    def tasks(self, chunk: Chunk | None, rows: tuple[int, int]) -> Iterator[Task]:
        """What meeting rows of a chunk (or of the held side itself) is cut into."""
        yield Task(chunk, rows)

    def in_time(self, chunk: Chunk, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The pairs in one of the temporal relations; all of them where time is not asked about."""
        if not self.temporal or self.held.periods is None or chunk.periods is None:
            return first, second
        holds = allen(self.held.periods.take(first), chunk.periods.take(second), self.temporal)
        chosen = np.logical_or.reduce(list(holds.values()))
        return first[chosen], second[chosen]

    def _candidates(self, chunk: Chunk, task: Task, result: Matched) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        boxes = shapely.bounds(chunk.geometries[task.rows[0] : task.rows[1]]).reshape(-1, 4)
        step = len(boxes) if self.filter == "radon" else _ROWS
        for start in range(0, len(boxes), max(step, 1)):
            first, second = self.find(boxes[start : start + step])
            second = second + start + task.rows[0]
            if task.chunk is None:
                once = first < second
                first, second = first[once], second[once]
            first, second = self.in_time(chunk, first, second)
            result.candidates += len(first)
            if task.skip is not None and self.seen is not None:
                new = (self.seen[first] & task.skip[second]) == 0
                result.known += int((~new).sum())
                first, second = first[new], second[new]
            yield first, second

    def meets(self, codes: np.ndarray) -> np.ndarray:
        """Which matrices, by their codes, are of pairs that share a point."""
        shares = np.array([not (t[0] == t[1] == t[3] == t[4] == "F") for t in self.codes.texts] + [False])
        found: np.ndarray = shares[codes]
        return found


def matched(matcher: Matcher, tasks: Iterable[Task], processes: int = 1) -> Iterator[tuple[Task, Matched]]:
    """The related pairs of each task, in the order of the tasks, by several processes where told so.

    ``relate`` holds the interpreter lock, so threads would not help. A few tasks are under way at a time.
    """
    if processes <= 1:
        for task in tasks:
            yield task, matcher.match(task)
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    from semcube.interlink.parallel import start_method

    way = start_method()
    given = matcher if way == "fork" else packed_matcher(matcher)
    with ProcessPoolExecutor(processes, multiprocessing.get_context(way), _begin, (given,)) as pool:
        under_way: deque[tuple[Task, Future[Matched]]] = deque()
        for task in tasks:
            under_way.append((task, pool.submit(_work, _packed(task))))
            if len(under_way) > 2 * processes:
                done, future = under_way.popleft()
                yield done, _translated(future.result(), matcher.codes)
        for done, future in under_way:
            yield done, _translated(future.result(), matcher.codes)


_worker: list[Matcher] = []


def packed_matcher(matcher: Matcher) -> tuple[type[Matcher], dict[str, Any], Any]:
    """What it takes to make a matcher in another process."""
    names = ("invalid", "filter", "temporal", "measure", "seen")
    return type(matcher), {name: getattr(matcher, name) for name in names}, _packed_chunk(matcher.held)


def unpacked_matcher(packed: tuple[type[Matcher], dict[str, Any], Any]) -> Matcher:
    """The matcher again, with an index of its own."""
    kind, options, chunk = packed
    return kind(_unpacked_chunk(chunk), **options)


def _begin(given: Any) -> None:
    _worker[:] = [given if isinstance(given, Matcher) else unpacked_matcher(given)]


def _packed_chunk(chunk: Chunk) -> tuple[pa.Array, pa.Array, Periods | None]:
    return chunk.iris, pa.array(shapely.to_wkb(chunk.geometries), pa.large_binary()), chunk.periods


def _unpacked_chunk(packed: tuple[pa.Array, pa.Array, Periods | None]) -> Chunk:
    wkb = packed[1].to_numpy(zero_copy_only=False)
    return Chunk(packed[0], np.asarray(shapely.from_wkb(wkb), dtype=object), packed[2])


def _packed(task: Task) -> tuple[Task, Any]:
    return replace(task, chunk=None), None if task.chunk is None else _packed_chunk(task.chunk)


def _work(packed: tuple[Task, Any]) -> Matched:
    task, chunk = packed
    result = _worker[0].match(task if chunk is None else replace(task, chunk=_unpacked_chunk(chunk)))
    result.texts = list(_worker[0].codes.texts)
    return result


def _translated(result: Matched, codes: MatrixCodes) -> Matched:
    """The same with the codes of this process."""
    table = np.array([codes.code(text) for text in result.texts] + [-1], np.int16)
    result.codes = table[result.codes]
    return result
