# SPDX-License-Identifier: Apache-2.0
"""Runs spatial joins: the smaller side first, the other one cut down to what the index has near it.

Candidates come from boxes; what counts is the relation of the geometries, or the filter expression itself. Pairs of
distinct geometries are found first, and then the solutions that have them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from semcube.engines import ids
from semcube.engines.reservations import stay_within
from semcube.geometry.operator import DISTANCE
from semcube.geometry.operator import SpatialJoin as SpatialOperator
from semcube.geometry.sides import PointSide, Side
from semcube.geometry.sorted import distinct
from semcube.sparql.algebra import Algebra, Filter, Join, Project, Variable
from semcube.sparql.context import Context
from semcube.sparql.evaluate.estimates import estimate
from semcube.sparql.evaluate.run import operator, run, solve
from semcube.sparql.evaluate.solutions import Solutions
from semcube.sparql.evaluate.tables import PAIR_ROWS
from semcube.sparql.expressions import effective_boolean
from semcube.sparql.plan import SpatialJoin, id_table
from semcube.sparql.plan_spatial import data_bound
from semcube.sparql.spatial_reach import Reach, about, index_of, lonlat, note, parts

if TYPE_CHECKING:
    from semcube.geometry import SpatialIndex

__all__: list[str] = []

CHUNK = 65536
"""Geometries of the larger side that are held at a time."""
FEW = 0.25
"""The index proposes candidates for a join where one side has at most this part of all geometries."""


@operator(SpatialJoin)
def spatial_join(node: SpatialJoin, context: Context) -> Iterator[Solutions]:
    """Two patterns joined by a spatial filter."""
    reach = Reach.of(node)
    if reach is None:
        note(context, "filter after the join: boxes cannot decide it")
        yield from run(Filter(node.expression, Join(node.left, node.right)), context)
        return
    left, right = (estimate(side, context) for side in (node.left, node.right))
    left_first = right is None or (left is not None and left <= right)
    small_node, big_node = (node.left, node.right) if left_first else (node.right, node.left)
    small_name, big_name = (v.name for v in ((node.first, node.second) if left_first else (node.second, node.first)))
    small = solve(small_node, context)
    if not small.rows:
        return
    one = _Occurrences(small, small_name)
    expected = right if left_first else left
    restricted = _restricted(big_node, Variable(big_name), (one.numbers, expected), reach, context)
    big = solve(restricted, context)
    two = _Occurrences(big, big_name)
    for rows, partners in _Pairs(node, reach, context).of(one.numbers, two.numbers, left_first):
        for first, second in _expanded(one, rows, two, partners):
            context.cancellation.check()
            yield Solutions({**small.take(first).columns, **big.take(second).columns}, len(first))


class _Occurrences:
    """The distinct geometry literals of a column, and the solutions that have each; other terms are errors."""

    def __init__(self, solutions: Solutions, name: str) -> None:
        column = solutions.column(name)
        chosen = np.flatnonzero(column >> ids.SHIFT == int(ids.Tag.GEOMETRY))
        order = chosen[np.argsort(column[chosen], kind="stable")]
        ordered = column[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(order) else np.empty(0, np.int64)
        self.numbers: np.ndarray = ordered[starts]
        self.rows = order
        self.starts = starts
        self.counts = np.diff(np.append(starts, len(order)))
        self.once = len(starts) == len(order)


def _expanded(
    one: _Occurrences, first: np.ndarray, two: _Occurrences, second: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of geometries (their places) as pairs of solutions, a bounded number at a time."""
    if one.once and two.once:
        for start in range(0, len(first), PAIR_ROWS):
            part = slice(start, start + PAIR_ROWS)
            yield one.rows[first[part]], two.rows[second[part]]
        return
    counts = one.counts[first] * two.counts[second]
    total, start = np.cumsum(counts), 0
    while start < len(first):
        done = int(total[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(total, done + PAIR_ROWS, "right")))
        own = np.repeat(np.arange(start, stop), counts[start:stop])
        within = np.arange(len(own)) - (total[own] - counts[own] - done)
        a, b = first[own], second[own]
        width = two.counts[b]
        yield one.rows[one.starts[a] + within // width], two.rows[two.starts[b] + within % width]
        start = stop


def _restricted(
    node: Algebra, variable: Variable, known: tuple[np.ndarray, float | None], reach: Reach, context: Context
) -> Algebra:
    """The larger side, cut down to what the index has near the smaller side, where that is expected to be less.

    Args:
        node: The larger side.
        variable: Its geometries.
        known: The geometries of the smaller side, and how many solutions the larger side is expected to have.
        reach: How near.
        context: The evaluation.
    """
    index = index_of(context)
    near, expected = known
    if index is None or not data_bound(node, variable) or len(near) > FEW * len(index):
        note(context, f"{len(near)} geometries on one side, {about(expected)} solutions on the other")
        return node
    boxes = _boxes(near, reach, index, context)
    if boxes is None:
        return node
    limit = np.inf if expected is None or context.push_down == "forced" else expected
    found = np.empty(0, np.int64)
    if float(index.histogram.expected(reach.windows(boxes, index)).sum()) < limit:
        found = distinct(index.candidate_pairs(boxes, reach.metres)[1])
    else:
        limit = 0.0
    if len(found) >= limit:
        note(context, f"{len(near)} geometries on one side, {about(expected)} solutions on the other")
        return node
    note(context, f"{len(near)} geometries on one side; the index has {len(found)} near, of {about(expected)}")
    table = id_table({variable.name: found})
    return replace(node, pattern=Join(table, node.pattern)) if isinstance(node, Project) else Join(table, node)


def _boxes(numbers: np.ndarray, reach: Reach, index: SpatialIndex, context: Context) -> np.ndarray | None:
    """The boxes of geometries, grown by the reach in degrees; None where one of them is empty."""
    rows = index.rows(numbers)
    known: np.ndarray = index.boxes[rows]
    if bool((rows >= 0).all()) and not bool(np.isnan(known).any()):
        return reach.grown(known)
    shapes = context.terms.geometries(numbers).lonlat
    return None if bool(shapely.is_empty(shapes).any()) else reach.boxes(shapes)


def _chunks(rows: int, context: Context) -> Iterator[slice]:
    """All rows in parts of bounded size, small ones first where few solutions are wanted."""
    for part in parts(rows, context):
        for start in range(part.start, part.stop, CHUNK):
            yield slice(start, min(start + CHUNK, part.stop))


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs of geometry ids for which a spatial filter holds."""

    node: SpatialJoin
    reach: Reach
    context: Context

    def of(self, held: np.ndarray, streamed: np.ndarray, held_first: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The places of pairs in both arrays, in portions.

        Args:
            held: Distinct ids whose geometries are kept.
            streamed: Distinct ids whose geometries are loaded chunk by chunk.
            held_first: Whether the held side is the first argument.
        """
        kept = self._side(held)
        for part in _chunks(len(streamed), self.context):
            start = part.start
            self.context.cancellation.check()
            stay_within(self.context.settings.memory_mb)
            numbers = streamed[part]
            for places, side in self._by_kind(numbers):
                again = kept if len(side) < len(streamed) else None
                own = numbers if places is None else numbers[places]
                for rows, partners in self._holding((held, kept), (own, side), held_first, again):
                    yield rows, (partners if places is None else places[partners]) + start

    def _by_kind(self, numbers: np.ndarray) -> Iterator[tuple[np.ndarray | None, Side]]:
        """Ids whose geometries are known to be single points, and the others, each with their places if not all."""
        index = index_of(self.context)
        xy = np.full((len(numbers), 2), np.nan) if index is None else index.coordinates(numbers)
        points = ~np.isnan(xy[:, 0])
        if bool(points.all()):
            yield None, PointSide(xy)
        elif not bool(points.any()):
            yield None, self._loaded(numbers)
        else:
            yield np.flatnonzero(points), PointSide(xy[points])
            yield np.flatnonzero(~points), self._loaded(numbers[~points])

    def _side(self, numbers: np.ndarray) -> Side:
        """The geometries of ids, with what is known of them."""
        index = index_of(self.context)
        xy = None if index is None else index.coordinates(numbers)
        return self._loaded(numbers) if xy is None or bool(np.isnan(xy).any()) else PointSide(xy)

    def _loaded(self, numbers: np.ndarray) -> Side:
        index = index_of(self.context)
        return Side(lonlat(numbers, self.context), None if index is None else index.sound(numbers))

    def _holding(
        self, held: tuple[np.ndarray, Side], part: tuple[np.ndarray, Side], held_first: bool, again: Side | None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows of both sides for which the filter holds.

        Args:
            held: Ids and geometries of the held side.
            part: Those of a part of the other one.
            held_first: Whether the held side is the first argument.
            again: The held side, if there are more parts.
        """
        threads, cancellation = self.context.settings.threads, self.context.cancellation
        (first, one), (second, two) = (held, part) if held_first else (part, held)
        if self.reach.relation is None and not self.reach.decides:
            for rows, partners in self._near(one.geometries, two.geometries):
                columns = {self.node.first.name: first[rows], self.node.second.name: second[partners]}
                truth = effective_boolean(self.node.expression, Solutions(columns, len(rows)), self.context)
                found = rows[truth == 1], partners[truth == 1]
                yield found if held_first else found[::-1]
            return
        name, metres, index = self.reach.relation or DISTANCE, self.reach.metres, index_of(self.context)
        unknown = [(ids, side) for ids, side in (held, part) if bool((side.sound < 0).any())]
        join = SpatialOperator(name, metres, threads=threads, cancellation=cancellation)
        for found in join.batches(one, two, held=again):
            yield found if held_first else found[::-1]
        if index is not None:
            for numbers, side in unknown:
                index.learn(numbers, side.sound)

    def _near(self, first: np.ndarray, second: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows whose boxes are within reach."""
        from semcube.geometry import SpatialIndex

        index = SpatialIndex.from_boxes(shapely.bounds(second).reshape(-1, 4))
        for start in range(0, len(first), 1024):
            self.context.cancellation.check()
            boxes = self.reach.boxes(first[start : start + 1024])
            rows, partners = index.candidate_pairs(boxes, self.reach.metres)
            yield rows + start, partners
