# SPDX-License-Identifier: Apache-2.0
"""The spatial operator: selections and joins by a topological relation or a distance, over arrays of geometries.

Candidates come from a packed tree over boxes; the exact test runs on prepared geometries, on the side where preparing
saves more, with several threads (GEOS releases the interpreter lock). Only private copies are prepared: the arrays of a
caller may be in use by other threads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import shapely

from semcube.errors import GeometryError
from semcube.geometry.boxes import grow_m, turned
from semcube.geometry.metres import within_m
from semcube.geometry.relations import Relation, evaluate, matches, relation

__all__ = ["DISTANCE", "JoinReport", "SpatialJoin", "spatial_filter", "spatial_join"]

DISTANCE = "distance"
"""The name of the relation "at most ``distance_m`` metres apart"."""

_CHUNK_PAIRS = 1_000_000
_THREAD_PAIRS = 20_000
_PREPARED_VERTICES = 2_000_000
_WORTH_PREPARING = 200
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

    def batches(self, left: np.ndarray, right: np.ndarray) -> Iterator[Pairs]:
        """The pairs of row numbers, in bounded portions, each pair once.

        Args:
            left: Object array of geometries or None, in one system with ``right`` (CRS84 for a distance).
            right: Object array of geometries or None.

        Yields:
            Two int64 arrays of equal length.

        Raises:
            GeometryError: The relation is unknown, or is a distance without ``distance_m`` or the reverse.
        """
        chosen = self._relation()
        left, right = np.asarray(left, dtype=object), np.asarray(right, dtype=object)
        swapped = len(left) < len(right)
        stream, held = (right, left) if swapped else (left, right)
        if chosen is not None and swapped:
            chosen = relation(chosen.inverse)
        for first, second in self._run(stream, held, chosen):
            self.report.pairs += len(first)
            yield (second, first) if swapped else (first, second)

    def _relation(self) -> Relation | None:
        if (self.relation == DISTANCE) != (self.distance_m is not None):
            raise GeometryError(
                f"relation {self.relation!r} with distance_m={self.distance_m!r}",
                expected=f"distance_m with the relation {DISTANCE!r}, and only with it",
            )
        return None if self.relation == DISTANCE else relation(self.relation)

    def _run(self, stream: np.ndarray, held: np.ndarray, chosen: Relation | None) -> Iterator[Pairs]:
        tree = shapely.STRtree(held)
        bounds = shapely.total_bounds(held) if len(held) else np.full(4, np.nan)
        sizes = shapely.get_num_coordinates(stream), shapely.get_num_coordinates(held)
        apart = None if chosen is None or not chosen.may_be_disjoint else _Apart(stream, held, chosen)
        start, step = 0, 1024
        while start < len(stream):
            if self.cancellation is not None:
                self.cancellation.check()
            rows, found = self._candidates(tree, stream[start : start + step], bounds)
            rows = rows + start
            if apart is not None:
                yield from apart.pairs(np.arange(start, min(start + step, len(stream))), (rows, found), self.chunk)
            for piece in range(0, len(rows), self.chunk):
                part = rows[piece : piece + self.chunk], found[piece : piece + self.chunk]
                keep = self._verify((stream, held), part, sizes, chosen)
                if keep.any():
                    yield part[0][keep], part[1][keep]
            start += step
            step = int(min(max(step * self.chunk / max(len(rows), 1) / 2, 64), 4 * step, 1 << 20))

    def _candidates(self, tree: shapely.STRtree, stream: np.ndarray, bounds: np.ndarray) -> Pairs:
        """Pairs whose boxes meet (grown by the distance), sorted."""
        width = np.int64(max(len(tree.geometries), 1))
        if self.distance_m is None:
            rows, found = tree.query(stream)
            keys = np.sort(rows * width + found)
        else:
            owner, boxes = turned(grow_m(shapely.bounds(stream), self.distance_m), bounds)
            usable = ~np.isnan(boxes).any(axis=1)
            rows, found = tree.query(shapely.box(*boxes[usable].T))
            keys = np.unique(owner[usable][rows] * width + found)
        return keys // width, keys % width

    def _verify(self, sides: Pairs, pairs: Pairs, sizes: Pairs, chosen: Relation | None) -> np.ndarray:
        """Which candidate pairs hold."""
        self.report.candidates += len(pairs[0])
        threads = (self.threads or os.cpu_count() or 1) if len(pairs[0]) >= _THREAD_PAIRS else 1
        if chosen is None:
            assert self.distance_m is not None
            limit = self.distance_m

            def work(part: np.ndarray) -> tuple[np.ndarray, int]:
                return within_m(sides[0][pairs[0][part]], sides[1][pairs[1][part]], limit), 0

            order = np.arange(len(pairs[0]))
        else:
            side = _side_to_prepare(pairs, sizes)
            order = np.argsort(pairs[side or 0], kind="stable")
            test = _Exact(sides, pairs, sizes, chosen, side)
            work = test.run
        keep = np.zeros(len(order), dtype=bool)
        parts = np.array_split(order, threads)
        if threads == 1:
            results = [work(part) for part in parts]
        else:
            with ThreadPoolExecutor(threads) as pool:
                results = list(pool.map(work, parts))
        for part, (holds, errors) in zip(parts, results, strict=True):
            keep[part] = holds
            self.report.errors += errors
        return keep


def _side_to_prepare(pairs: Pairs, sizes: Pairs) -> int | None:
    """The side on which preparing saves more vertex visits; None where it is not worth while."""
    savings = []
    for rows, size in zip(pairs, sizes, strict=True):
        uses = np.bincount(rows)
        used = np.flatnonzero(uses > 1)
        savings.append(float((size[used] * (uses[used] - 1)).sum()))
    best = int(np.argmax(savings))
    return best if savings[best] > _WORTH_PREPARING else None


@dataclass(frozen=True)
class _Exact:
    """The exact test of candidate pairs, prepared on one side."""

    sides: Pairs
    pairs: Pairs
    sizes: Pairs
    chosen: Relation
    side: int | None

    def run(self, part: np.ndarray) -> tuple[np.ndarray, int]:
        """Truth values of the pairs with these numbers (sorted by the prepared side), and how many had none."""
        errors: dict[int, str] = {}
        if self.side is None:
            a, b = (self.sides[side][self.pairs[side][part]] for side in (0, 1))
            return evaluate(self.chosen, a, b, errors=errors), len(errors)
        rows = self.pairs[self.side][part]
        starts = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]]) if len(rows) else np.empty(0, np.int64)
        weight = np.cumsum(self.sizes[self.side][rows[starts]])
        result, failed = np.zeros(len(part), dtype=bool), 0
        for groups in np.split(np.arange(len(starts)), np.flatnonzero(np.diff(weight // _PREPARED_VERTICES)) + 1):
            if len(groups) == 0:
                continue
            low = starts[groups[0]]
            high = starts[groups[-1] + 1] if groups[-1] + 1 < len(starts) else len(part)
            result[low:high], missed = self._prepared(part[low:high])
            failed += missed
        return result, failed

    def _prepared(self, part: np.ndarray) -> tuple[np.ndarray, int]:
        assert self.side is not None
        distinct, uses, counts = np.unique(self.pairs[self.side][part], return_inverse=True, return_counts=True)
        own = np.array(self.sides[self.side][distinct], dtype=object)
        again = counts > 1
        own[again] = shapely.force_2d(own[again])
        shapely.prepare(own[again])
        other = self.sides[1 - self.side][self.pairs[1 - self.side][part]]
        test = self.chosen if self.side == 0 else relation(self.chosen.inverse)
        errors: dict[int, str] = {}
        return evaluate(test, own[uses], other, errors=errors), len(errors)


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


def spatial_filter(
    geometries: np.ndarray,
    constant: shapely.Geometry,
    relation: str | Relation,
    *,
    distance_m: float | None = None,
    threads: int | None = None,
    errors: dict[int, str] | None = None,
) -> np.ndarray:
    """Which geometries stand in a relation to one geometry: ``relation(geometries[i], constant)``.

    Args:
        geometries: Object array (N) of geometries or None, in one system with ``constant`` (CRS84 for a distance).
        constant: The other geometry.
        relation: As for :func:`spatial_join`.
        distance_m: With ``"distance"``: at most so many metres apart on the ellipsoid.
        threads: None: as many as the machine has, once there is enough to do.
        errors: Receives row -> reason where there is no truth value.

    Returns:
        bool (N).

    Example:
        >>> spatial_filter(shapely.points([[0.5, 0.5], [9, 9]]), shapely.box(0, 0, 1, 1), "sfWithin")
        array([ True, False])
    """
    from semcube.geometry.relations import relation as find

    array = np.asarray(geometries, dtype=object)
    join = SpatialJoin(relation, distance_m)
    chosen = join._relation()
    inverse = None if chosen is None else find(chosen.inverse)
    found: dict[int, str] = {}

    def work(part: np.ndarray) -> np.ndarray:
        if inverse is None:
            assert distance_m is not None
            return _near(array[part], constant, distance_m)
        own = np.array([shapely.force_2d(constant)], dtype=object)
        shapely.prepare(own)
        reasons: dict[int, str] = {}
        holds = evaluate(inverse, own, array[part], errors=reasons)
        found.update({int(part[row]): reason for row, reason in reasons.items()})
        return holds

    count = (threads or os.cpu_count() or 1) if len(array) >= _THREAD_PAIRS else 1
    parts = np.array_split(np.arange(len(array)), count)
    if count == 1:
        results = [work(part) for part in parts]
    else:
        with ThreadPoolExecutor(count) as pool:
            results = list(pool.map(work, parts))
    if errors is not None:
        errors.update(found)
    return np.concatenate(results)


def _near(geometries: np.ndarray, constant: shapely.Geometry, limit: float) -> np.ndarray:
    grown = grow_m(shapely.bounds(np.array([constant], dtype=object)), limit)
    result = np.zeros(len(geometries), dtype=bool)
    rows = np.unique(turned_hits(shapely.bounds(geometries), grown[0]))
    result[rows] = within_m(geometries[rows], np.full(len(rows), constant, dtype=object), limit)
    return result


def turned_hits(boxes: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Rows of boxes that meet a window, whatever turn of the globe it is written on."""
    lat = (boxes[:, 1] <= window[3]) & (boxes[:, 3] >= window[1])
    lon = np.zeros(len(boxes), dtype=bool)
    for turn in (-360.0, 0.0, 360.0):
        lon |= (boxes[:, 0] <= window[2] + turn) & (boxes[:, 2] >= window[0] + turn)
    return np.flatnonzero(lat & lon)
