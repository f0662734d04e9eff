# SPDX-License-Identifier: Apache-2.0
"""The spatial operator: joins by a topological relation or a distance, over arrays of geometries.

Candidates come from a packed tree over boxes; the exact test runs on prepared geometries, on the side where preparing
saves more, with several threads (GEOS releases the interpreter lock). Only private copies are prepared: the arrays of a
caller may be in use by other threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import shapely

from semcube.errors import GeometryError
from semcube.geometry.boxes import grow_m, turned
from semcube.geometry.failures import row_by_row_where_it_fails
from semcube.geometry.metres import within_m
from semcube.geometry.portions import portions
from semcube.geometry.relations import Relation, evaluate, matches, relation
from semcube.geometry.sides import Side
from semcube.geometry.sorted import distinct

__all__ = ["DISTANCE", "THREAD_PAIRS", "Check", "JoinReport", "SpatialJoin", "spatial_join"]

DISTANCE = "distance"
"""The name of the relation "at most ``distance_m`` metres apart"."""

_CHUNK_PAIRS = 1_000_000
THREAD_PAIRS = 20_000
_THREAD_VERTICES = 10 * THREAD_PAIRS
_PREPARED_VERTICES = 2_000_000
_WORTH_PREPARING = 200
_PIECE = 16_384
_AGAIN = 1.2
"""A piece of pairs that are tested together, and how many times as many geometries may be prepared for that."""
_FAR_AWAY = shapely.Point(1e9, 1e9)

Pairs = tuple[np.ndarray, np.ndarray]


class Check(Protocol):
    """What can stop long work; ``semcube.engines.base.Cancellation`` is one."""

    def check(self) -> None:
        """Raise if the work has to stop."""


@dataclass
class JoinReport:
    """What a join did."""

    candidates: int = 0
    """Pairs whose boxes met and that were tested exactly."""
    pairs: int = 0
    """Pairs in the answer."""
    errors: int = 0
    """Pairs without a truth value: GEOS could not relate them (invalid geometries)."""


@dataclass(frozen=True)
class SpatialJoin:
    """A spatial join, ready to run over two arrays.

    Example:
        >>> join = SpatialJoin("sfContains")
        >>> boxes, points = shapely.box([0, 5], 0, [1, 6], 1), shapely.points([[0.5, 0.5], [5.5, 0.5], [9, 9]])
        >>> [pair for part in join.batches(boxes, points) for pair in zip(*[side.tolist() for side in part])]
        [(0, 0), (1, 1)]
    """

    relation: str | Relation
    """Name, IRI or DE-9IM pattern, or :data:`DISTANCE`."""
    distance_m: float | None = None
    """Metres, with the relation :data:`DISTANCE`."""
    threads: int | None = None
    """None: as many as the machine has, once there is enough to do."""
    chunk: int = _CHUNK_PAIRS
    """Candidate pairs held at a time, at most (or all of one geometry)."""
    cancellation: Check | None = None
    report: JoinReport = field(default_factory=JoinReport)

    def batches(
        self, left: np.ndarray | Side, right: np.ndarray | Side, *, held: Side | None = None
    ) -> Iterator[Pairs]:
        """The pairs of row numbers, in bounded portions, each pair once.

        Args:
            left: Object array of geometries or None, in one system with ``right`` (CRS84 for a distance).
            right: Object array of geometries or None.
            held: The side whose tree is asked, for one that is joined again; None: the side with fewer geometries.

        Yields:
            Two int64 arrays of equal length.

        Raises:
            GeometryError: The relation is unknown, or is a distance without ``distance_m`` or the reverse.
        """
        chosen = self._relation()
        left, right = (side if isinstance(side, Side) else Side(side) for side in (left, right))
        swapped = len(left) < len(right) if held is None else left is held
        test = _Test((right, left) if swapped else (left, right), swapped, chosen, self)
        for first, second in self._run(test):
            self.report.pairs += len(first)
            yield (second, first) if test.swapped else (first, second)

    def _relation(self) -> Relation | None:
        if (self.relation == DISTANCE) != (self.distance_m is not None):
            raise GeometryError(
                f"relation {self.relation!r} with distance_m={self.distance_m!r}",
                expected=f"distance_m with the relation {DISTANCE!r}, and only with it",
            )
        return None if self.relation == DISTANCE else relation(self.relation)

    def _run(self, test: _Test) -> Iterator[Pairs]:
        stream, held = test.sides
        apart = None
        if test.oriented and test.oriented.may_be_disjoint:
            apart = _Apart(stream.geometries, held.geometries, test.oriented)
        start, step = 0, held.step
        while start < len(stream):
            if self.cancellation is not None:
                self.cancellation.check()
            rows, found = self._candidates(held, stream, slice(start, start + step), ordered=apart is not None)
            rows = rows + start
            if apart is not None:
                yield from apart.pairs(np.arange(start, min(start + step, len(stream))), (rows, found), self.chunk)
            for piece in range(0, len(rows), self.chunk):
                part = rows[piece : piece + self.chunk], found[piece : piece + self.chunk]
                keep, errors = test.holds(part, self.threads)
                self.report.candidates += len(keep)
                self.report.errors += errors
                if keep.any():
                    yield part[0][keep], part[1][keep]
            start += step
            step = int(min(max(step * self.chunk / max(len(rows), 1) / 2, 64), 4 * step, 1 << 20))
        held.step = step

    def _candidates(self, held: Side, stream: Side, part: slice, *, ordered: bool) -> Pairs:
        """Pairs whose boxes meet (grown by the distance), sorted where that is asked for."""
        width = np.int64(max(len(held), 1))
        if self.distance_m is None:
            grid = None if stream.xy is None else held.grid
            if grid is None or stream.xy is None:
                rows, found = held.tree.query(stream.some(part))
            else:
                rows, found = grid.query(stream.xy[part])
            if not ordered:
                return rows, found
            keys = distinct(rows * width + found)
        else:
            owner, boxes = turned(grow_m(shapely.bounds(stream.some(part)), self.distance_m), held.bounds)
            usable = ~np.isnan(boxes).any(axis=1)
            rows, found = held.tree.query(shapely.box(*boxes[usable].T))
            keys = distinct(owner[usable][rows] * width + found)
        return keys // width, keys % width


class _Test:
    """The exact test of candidate pairs.

    Valid geometries are prepared on the side where that saves more. What holds for an invalid one can depend on the way
    GEOS takes, so these go the plain way, as :func:`evaluate` does.
    """

    def __init__(self, sides: tuple[Side, Side], swapped: bool, chosen: Relation | None, join: SpatialJoin) -> None:
        self.swapped = swapped
        self.check = None if join.cancellation is None else join.cancellation.check
        self.sides = sides
        self.chosen = chosen
        self.oriented = relation(chosen.inverse) if chosen is not None and swapped else chosen
        self.distance_m = join.distance_m

    def holds(self, pairs: Pairs, threads: int | None) -> tuple[np.ndarray, int]:
        """Which pairs hold, and how many have no truth value."""
        number = self._threads(pairs, threads)
        if self.oriented is None:
            return self._in_threads(self._plain, pairs, number)
        masks = [
            mask for side, rows in zip(self.sides, pairs, strict=True) if (mask := side.are_sound(rows)) is not None
        ]
        if not masks:
            return self._sound(pairs, number)
        valid = np.logical_and.reduce(masks)
        keep, errors = np.zeros(len(valid), bool), 0
        for work, rows in ((self._sound, np.flatnonzero(valid)), (self._unsound, np.flatnonzero(~valid))):
            keep[rows], missed = work((pairs[0][rows], pairs[1][rows]), number)
            errors += missed
        return keep, errors

    def _unsound(self, pairs: Pairs, threads: int) -> tuple[np.ndarray, int]:
        """Pairs with a geometry that is not sound."""
        return self._plain(pairs)

    def _sound(self, pairs: Pairs, threads: int) -> tuple[np.ndarray, int]:
        """Pairs of sound geometries."""
        side = self._side_to_prepare(pairs)
        if side is None:
            return self._in_threads(self._plain, pairs, threads)
        if self._fits(pairs[side], side, threads):
            return self._in_threads(lambda some: self._in_order(some, side), pairs, threads)
        order = np.argsort(pairs[side], kind="stable")
        found, errors = self._in_threads(
            lambda some: self._grouped(some, side), (pairs[0][order], pairs[1][order]), threads
        )
        keep = np.empty(len(found), bool)
        keep[order] = found
        return keep, errors

    def _threads(self, pairs: Pairs, threads: int | None) -> int:
        """How many threads are worth while: two cost more than one where little is done."""
        wanted = threads or os.cpu_count() or 1
        if wanted == 1 or len(pairs[0]) < THREAD_PAIRS:
            return 1
        if self.oriented is None:
            return wanted
        visited = min(int(side.sizes[rows].sum()) for side, rows in zip(self.sides, pairs, strict=True))
        return wanted if visited >= _THREAD_VERTICES else 1

    @staticmethod
    def _in_threads(
        work: Callable[[Pairs], tuple[np.ndarray, int]], pairs: Pairs, threads: int
    ) -> tuple[np.ndarray, int]:
        if threads == 1:
            return work(pairs)
        parts = zip(*(np.array_split(rows, threads) for rows in pairs), strict=True)
        with ThreadPoolExecutor(threads) as pool:
            results = list(pool.map(work, parts))
        return np.concatenate([found for found, _ in results]), sum(errors for _, errors in results)

    def _side_to_prepare(self, pairs: Pairs) -> int | None:
        """The side on which preparing saves more vertex visits; None where it is not worth while."""
        savings = []
        for rows, side in zip(pairs, self.sides, strict=True):
            if side.xy is not None:  # nothing to visit twice
                savings.append(0.0)
                continue
            uses = np.bincount(rows, minlength=1)
            used = np.flatnonzero(uses > 1)
            savings.append(float((side.sizes[used] * (uses[used] - 1)).sum()))
        best = int(np.argmax(savings))
        return best if savings[best] > _WORTH_PREPARING else None

    def _plain(self, pairs: Pairs) -> tuple[np.ndarray, int]:
        a, b = (self.sides[side].some(pairs[side]) for side in ((1, 0) if self.swapped else (0, 1)))
        result, failed = np.zeros(len(a), bool), 0
        for part in portions(len(a), self.check):
            if self.chosen is None:
                assert self.distance_m is not None
                result[part] = within_m(a[part], b[part], self.distance_m)
                continue
            errors: dict[int, str] = {}
            result[part] = evaluate(self.chosen, a[part], b[part], errors=errors)
            failed += len(errors)
        return result, failed

    def _fits(self, rows: np.ndarray, side: int, threads: int) -> bool:
        """Whether all geometries of a side that pairs name can be prepared at once, by each thread for itself."""
        used = np.bincount(rows) > 0
        return int(self.sides[side].sizes[: len(used)][used].sum()) * threads <= _PREPARED_VERTICES

    def _in_order(self, pairs: Pairs, side: int) -> tuple[np.ndarray, int]:
        """Pairs in the order of the stream, whose geometries are then near one another in memory."""
        results = [self._piece((pairs[0][part], pairs[1][part]), side) for part in _pieces(pairs[side])]
        return np.concatenate([pairs[0][:0] != 0, *(found for found, _ in results)]), sum(n for _, n in results)

    def _piece(self, pairs: Pairs, side: int) -> tuple[np.ndarray, int]:
        low = int(pairs[side].min())
        places = pairs[side] - low
        uses = np.bincount(places)
        own = np.empty(len(uses), dtype=object)
        once, again = np.flatnonzero(uses == 1), np.flatnonzero(uses > 1)
        own[once] = self.sides[side].some(once + low)
        copies = _copies(self.sides[side].some(again + low))
        shapely.prepare(copies)
        own[again] = copies
        return self._evaluated(own[places], pairs, side)

    def _grouped(self, pairs: Pairs, side: int) -> tuple[np.ndarray, int]:
        """Pairs sorted by the prepared side, in portions of a bounded number of prepared vertices."""
        rows = pairs[side]
        starts = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]]) if len(rows) else np.empty(0, np.int64)
        weight = np.cumsum(self.sides[side].sizes[rows[starts]])
        cuts = starts[np.flatnonzero(np.diff(weight // _PREPARED_VERTICES)) + 1] if len(starts) else starts
        results = [
            self._prepared((first, second), side)
            for first, second in zip(np.split(pairs[0], cuts), np.split(pairs[1], cuts), strict=True)
        ]
        return np.concatenate([found for found, _ in results]), sum(errors for _, errors in results)

    def _prepared(self, pairs: Pairs, side: int) -> tuple[np.ndarray, int]:
        held, uses, counts = np.unique(pairs[side], return_inverse=True, return_counts=True)
        own = np.array(self.sides[side].some(held), dtype=object)
        again = counts > 1
        own[again] = _copies(own[again])
        shapely.prepare(own[again])
        return self._evaluated(own[uses], pairs, side)

    def _evaluated(self, own: np.ndarray, pairs: Pairs, side: int) -> tuple[np.ndarray, int]:
        """The relation of prepared geometries with their partners, all of them sound."""
        assert self.oriented is not None
        test = self.oriented if side == 0 else relation(self.oriented.inverse)
        others, rows = self.sides[1 - side], pairs[1 - side]
        if others.xy is not None and test.predicate in _BY_COORDINATES:
            place = others.xy[rows]
            return self._asked(_BY_COORDINATES[test.predicate], (own, place[:, 0], place[:, 1]))
        shapes = others.some(rows)
        if test.predicate is None:
            return self._asked(None, (own, shapes), test)
        # what makes relations hard for GEOS are collections, and none is sound
        return self._asked(getattr(shapely, test.predicate), (own, shapes))

    def _asked(
        self, holds: Callable[..., np.ndarray] | None, columns: tuple[np.ndarray, ...], test: Relation | None = None
    ) -> tuple[np.ndarray, int]:
        """A function of columns, or else a relation of two, row by row; and how many rows have no truth value."""
        result, failed = np.zeros(len(columns[0]), bool), 0
        for part in portions(len(result), self.check):
            errors: dict[int, str] = {}
            some = tuple(column[part] for column in columns)
            if holds is None:
                assert test is not None
                result[part] = evaluate(test, *some, errors=errors)
            else:
                result[part] = row_by_row_where_it_fails(holds, some, False, errors)
            failed += len(errors)
        return result, failed


def _pieces(rows: np.ndarray) -> list[slice]:
    """Pairs in pieces whose prepared geometries stay in the processor's cache, if few have to be prepared twice."""
    whole = np.count_nonzero(np.bincount(rows, minlength=1))
    if not whole:
        return []
    for size in (_PIECE, 4 * _PIECE):
        parts = [slice(start, start + size) for start in range(0, len(rows), size)]
        if len(parts) < 2:
            break
        if sum(len(distinct(rows[part])) for part in parts) <= _AGAIN * whole:
            return parts
    return [slice(None)]


def _copies(geometries: np.ndarray) -> np.ndarray:
    """Private plane copies, which may be prepared."""
    if bool(shapely.has_z(geometries).any() or shapely.has_m(geometries).any()):
        return np.asarray(shapely.force_2d(geometries), dtype=object)
    return np.asarray(shapely.set_srid(geometries, 0), dtype=object)  # clones: two thirds of the time


def _touches_xy(geometries: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Whether points are on the boundary of geometries: not in their interior."""
    found: np.ndarray = shapely.intersects_xy(geometries, x, y) & ~shapely.contains_xy(geometries, x, y)
    return found


_BY_COORDINATES: dict[str | None, Callable[..., np.ndarray]] = {
    "intersects": shapely.intersects_xy,
    "contains": shapely.contains_xy,
    "touches": _touches_xy,
}
"""Relations of geometries with points that need no objects for the points."""


class _Apart:
    """The pairs that a relation holds for although the geometries share no point: all of certain kinds."""

    def __init__(self, stream: np.ndarray, held: np.ndarray, chosen: Relation) -> None:
        self.stream, stream_kinds = self._kinds(stream, chosen)
        self.held, held_kinds = self._kinds(held, chosen)
        self.holding = [
            (a, b)
            for a, kind_a in enumerate(stream_kinds)
            for b, kind_b in enumerate(held_kinds)
            if matches(f"FF{kind_a[0]}FF{kind_a[1]}{kind_b[0]}{kind_b[1]}2", chosen)
        ]
        self.width = max(len(held), 1)

    @staticmethod
    def _kinds(geometries: np.ndarray, chosen: Relation) -> tuple[np.ndarray, list[str]]:
        """Number of the kind of each geometry, -1 if missing; a kind is the dimensions of interior and boundary."""
        missing = shapely.is_missing(geometries)
        if chosen.predicate == "disjoint":
            return np.where(missing, -1, 0), ["FF"]
        if chosen.predicate == "equals":
            return np.where(missing | ~shapely.is_empty(geometries), -1, 0), ["FF"]
        codes = np.full(len(geometries), -1)
        kinds: dict[str, int] = {}
        for row in np.flatnonzero(~missing):
            matrix = shapely.relate(geometries[row], _FAR_AWAY)
            codes[row] = kinds.setdefault(matrix[2] + matrix[5], len(kinds))
        return codes, list(kinds)

    def pairs(self, rows: np.ndarray, candidates: Pairs, chunk: int) -> Iterator[Pairs]:
        """All such pairs of these rows of the stream that are not candidates (those are tested exactly)."""
        tested = candidates[0] * np.int64(self.width) + candidates[1]
        for a, b in self.holding:
            mine, theirs = rows[self.stream[rows] == a], np.flatnonzero(self.held == b)
            size = max(1, chunk // max(len(theirs), 1))
            for start in range(0, len(mine) if len(theirs) else 0, size):
                some = mine[start : start + size]
                keys = (some[:, None] * np.int64(self.width) + theirs[None, :]).ravel()
                keys = keys[~_in_sorted(keys, tested)]
                if len(keys):
                    yield keys // self.width, keys % self.width


def _in_sorted(keys: np.ndarray, sorted_keys: np.ndarray) -> np.ndarray:
    if len(sorted_keys) == 0:
        return np.zeros(len(keys), dtype=bool)
    place = np.minimum(np.searchsorted(sorted_keys, keys), len(sorted_keys) - 1)
    found: np.ndarray = sorted_keys[place] == keys
    return found


def spatial_join(
    left: np.ndarray,
    right: np.ndarray,
    relation: str | Relation,
    *,
    distance_m: float | None = None,
    threads: int | None = None,
    chunk: int = _CHUNK_PAIRS,
    cancellation: Check | None = None,
) -> Pairs:
    """All pairs of rows whose geometries stand in a relation.

    Args:
        left: Object array of geometries or None, in one system with ``right`` (CRS84 for a distance).
        right: Object array of geometries or None.
        relation: A name of :data:`semcube.geometry.RELATIONS`, its IRI, a DE-9IM pattern, or ``"distance"``.
        distance_m: With ``"distance"``: at most so many metres apart on the ellipsoid.
        threads: None: as many as the machine has, once there is enough to do.
        chunk: Candidate pairs held at a time, at most (or all of one geometry).
        cancellation: Asked between portions; its exception ends the join.

    Returns:
        Row numbers of ``left`` and of ``right``, int64, of equal length, sorted by left, then right. Missing geometries
        are in no pair; an empty one is only disjoint from and equal to others. :class:`SpatialJoin` gives the same in
        portions and counts what could not be related.

    Raises:
        GeometryError: The relation is unknown.

    Example:
        >>> spatial_join(shapely.box([0, 5], 0, [1, 6], 1), shapely.points([[5.5, 0.5], [9, 9]]), "sfIntersects")
        (array([1]), array([0]))
    """
    join = SpatialJoin(relation, distance_m, threads, chunk, cancellation)
    found = list(join.batches(left, right))
    if not found:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    first = np.concatenate([part[0] for part in found])
    second = np.concatenate([part[1] for part in found])
    order = np.lexsort((second, first))
    return first[order], second[order]
