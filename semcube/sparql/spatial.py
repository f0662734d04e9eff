# SPDX-License-Identifier: Apache-2.0
"""Runs spatial selections and joins: by the index first, or by the pattern first, whichever expects fewer rows.

The index and boxes only ever propose candidates; what counts is the relation of the geometries in longitude and
latitude, or the filter expression itself. So the answer is that of the reference filter, whatever way is taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import shapely

from semcube.engines import ids
from semcube.sparql.algebra import Algebra, Expression, Filter, Join, Operation, Variable
from semcube.sparql.context import Context
from semcube.sparql.dataset import SpatialDataset
from semcube.sparql.evaluate.estimates import estimate
from semcube.sparql.evaluate.joins import CompatibleRows, merge
from semcube.sparql.evaluate.run import operator, run, solve
from semcube.sparql.evaluate.solutions import Solutions
from semcube.sparql.expressions import effective_boolean, evaluate
from semcube.sparql.plan import SpatialJoin, SpatialSelect, id_table
from semcube.sparql.plan_spatial import data_bound

if TYPE_CHECKING:
    from semcube.geometry import SpatialIndex

__all__ = ["Reach"]

_EXPLAINED = 1000
"""Malformed literals that ``explain`` looks at for their reasons."""

CHUNK = 65536
"""Geometries of the larger side that are held at a time."""
SMALL_PATTERN = 4096.0
"""The geometries of a pattern with fewer solutions are tested without asking the index, if the window is large."""
SAMPLE = 1000
"""Boxes that the mean size is taken from."""
FEW = 0.25
"""The index proposes candidates for a join where one side has at most this part of all geometries."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far apart two geometries may be for a filter to hold: they meet, or some metres or degrees."""

    relation: str | None
    metres: float | None = None
    degrees: float | None = None
    decides: bool = False
    """Whether ``distance_m <= metres`` is the filter, not only implied by it."""

    @classmethod
    def of(cls, node: SpatialSelect | SpatialJoin) -> Reach | None:
        """The reach of a node's filter, None where boxes cannot tell."""
        from semcube.errors import InputError
        from semcube.geometry import unit

        if node.distance is None:
            return cls(node.relation)
        if node.unit is None:
            return cls(None, metres=node.distance, decides=_is_at_most(node.expression))
        try:
            measure = unit(node.unit)
        except InputError:
            return None
        if measure.kind == "length":
            exact = measure.factor == 1.0 and _is_at_most(node.expression)
            return cls(None, metres=node.distance * measure.factor, decides=exact)
        return cls(None, degrees=node.distance * measure.factor) if measure.kind == "angle" else None

    def boxes(self, geometries: np.ndarray) -> np.ndarray:
        """Boxes around geometries in CRS84, grown by the reach in degrees."""
        found: np.ndarray = shapely.bounds(geometries).reshape(-1, 4)
        if self.degrees is not None:
            side = self.degrees * (1 + 1e-9) + 1e-12
            found = found + np.array([-side, -side, side, side])
        return found


def _is_at_most(expression: Expression) -> bool:
    return isinstance(expression, Operation) and expression.name in ("<=", ">=")


def _index(context: Context) -> SpatialIndex | None:
    return context.dataset.spatial_index() if isinstance(context.dataset, SpatialDataset) else None


def _note(context: Context, text: str) -> None:
    if context.trace is not None:
        context.trace.note(text)


def _lonlat(numbers: np.ndarray, context: Context) -> np.ndarray:
    """The geometries of ids in CRS84, None where missing; malformed ones are counted."""
    found = context.terms.geometries(numbers)
    shapes: np.ndarray = found.lonlat
    if found.errors and context.trace is not None:
        context.trace.count("malformed geometry literals", len(found.errors))
    return shapes


# --- selection --------------------------------------------------------------------------------------------------------


@operator(SpatialSelect)
def spatial_select(node: SpatialSelect, context: Context) -> Iterator[Solutions]:
    """A filter with a constant geometry."""
    selection = _Selection.of(node, context)
    if selection is None:
        _note(context, "filter after the pattern: boxes cannot decide it")
        yield from run(Filter(node.expression, node.pattern), context)
        return
    if selection.constant is None:
        _note(context, "the constant is no geometry: no solution")
        return
    index = _index(context)
    expected = estimate(node.pattern, context)
    worth = index is not None and selection.is_worth_proposing(index, expected)
    candidates = selection.candidates(index) if index is not None and worth else None
    if candidates is not None and _index_first(len(candidates), expected, context):
        _note(context, f"index first: {len(candidates)} candidates, {_about(expected)} solutions of the pattern")
        _note_malformed(index, context)
        found = selection.holding(candidates)
        yield from run(Join(id_table({node.variable.name: found}), node.pattern), context)
        return
    proposed = "no candidates asked" if candidates is None else f"{len(candidates)} candidates"
    _note(context, f"pattern first: {_about(expected)} solutions, {proposed}")
    for batch in run(node.pattern, context):
        yield batch.where(selection.holds(batch.column(node.variable.name), candidates))


def _note_malformed(index: SpatialIndex | None, context: Context) -> None:
    """For ``explain``: the literals of the dataset that no index can find because they are malformed, and why."""
    if index is None or context.trace is None:
        return
    missing = index.ids[np.isnan(index.boxes[:, 0])][:_EXPLAINED]
    errors = context.terms.geometries(missing).errors if len(missing) else {}
    context.trace.count("malformed geometry literals outside the index", len(errors))
    for reason, number in Counter(errors.values()).most_common(3):
        context.trace.note(f"malformed geometry literals outside the index, {number}: {reason}")


def _index_first(candidates: int, expected: float | None, context: Context) -> bool:
    return context.push_down == "forced" or expected is None or candidates < expected


def _about(rows: float | None) -> str:
    return "an unknown number of" if rows is None else f"about {rows:.0f}"


class _Selection:
    """A relation with one constant geometry, asked of ids."""

    def __init__(self, node: SpatialSelect, context: Context, reach: Reach, constant: shapely.Geometry | None) -> None:
        self.node = node
        self.context = context
        self.reach = reach
        self.constant = constant
        self._asked = np.empty(0, np.int64)
        self._true = np.empty(0, bool)

    @classmethod
    def of(cls, node: SpatialSelect, context: Context) -> _Selection | None:
        """None where boxes cannot decide: an odd unit, or an empty constant, which has no box but may equal others."""
        reach = Reach.of(node)
        if reach is None:
            return None
        number = evaluate(node.constant, Solutions.unit(), context)
        if number[0] == 0 or ids.tag(int(number[0])) != ids.Tag.GEOMETRY:
            return cls(node, context, reach, None)
        constant = _lonlat(number, context)[0]
        return None if constant is not None and constant.is_empty else cls(node, context, reach, constant)

    def is_worth_proposing(self, index: SpatialIndex, expected: float | None) -> bool:
        """Whether asking the index can save work: not where the pattern has few solutions and the window holds many."""
        if expected is None or expected > SMALL_PATTERN or self.context.push_down == "forced":
            return True
        return _likely_near(self._box(), index) < expected

    def candidates(self, index: SpatialIndex) -> np.ndarray:
        """The sorted ids that may hold."""
        return index.candidates(self._box()[0], self.reach.metres)

    def _box(self) -> np.ndarray:
        return self.reach.boxes(np.array([self.constant], object))

    def holds(self, column: np.ndarray, candidates: np.ndarray | None) -> np.ndarray:
        """For each id of a column whether the relation holds; each distinct id is tested once."""
        distinct, inverse = np.unique(column, return_inverse=True)
        wanted = distinct if candidates is None else np.intersect1d(distinct, candidates, assume_unique=True)
        fresh = np.setdiff1d(wanted, self._asked, assume_unique=True)
        if len(fresh):
            asked = np.concatenate([self._asked, fresh])
            order = np.argsort(asked)
            self._true = np.concatenate([self._true, np.isin(fresh, self.holding(fresh), assume_unique=True)])[order]
            self._asked = asked[order]
        truth: np.ndarray = np.isin(distinct, self._asked[self._true], assume_unique=True)[inverse]
        return truth

    def holding(self, numbers: np.ndarray) -> np.ndarray:
        """Those of distinct ids for which the relation holds."""
        kept = [np.empty(0, np.int64)]
        for start in range(0, len(numbers), CHUNK):
            self.context.cancellation.check()
            part = numbers[start : start + CHUNK]
            kept.append(part[self._test(part)])
        return np.concatenate(kept)

    def _test(self, numbers: np.ndarray) -> np.ndarray:
        from semcube.geometry import spatial_filter
        from semcube.geometry.relations import relation

        test = partial(spatial_filter, threads=self.context.settings.threads, cancellation=self.context.cancellation)
        if self.reach.relation is not None:
            chosen = relation(self.reach.relation)
            chosen = chosen if self.node.variable_first else relation(chosen.inverse)
            return test(_lonlat(numbers, self.context), self.constant, chosen)
        if self.reach.decides:
            return test(_lonlat(numbers, self.context), self.constant, "distance", distance_m=self.reach.metres)
        solutions = Solutions({self.node.variable.name: numbers}, len(numbers))
        truth: np.ndarray = effective_boolean(self.node.expression, solutions, self.context) == 1
        return truth


# --- join -------------------------------------------------------------------------------------------------------------


@operator(SpatialJoin)
def spatial_join(node: SpatialJoin, context: Context) -> Iterator[Solutions]:
    """Two patterns joined by a spatial filter."""
    reach = Reach.of(node)
    if reach is None:
        _note(context, "filter after the join: boxes cannot decide it")
        yield from run(Filter(node.expression, Join(node.left, node.right)), context)
        return
    left, right = (estimate(side, context) for side in (node.left, node.right))
    left_first = right is None or (left is not None and left <= right)
    small_node, big_node = (node.left, node.right) if left_first else (node.right, node.left)
    small_name, big_name = (v.name for v in ((node.first, node.second) if left_first else (node.second, node.first)))
    small = solve(small_node, context)
    if not small.rows:
        return
    numbers = _geometry_ids(small.column(small_name))
    restricted = _restricted(big_node, Variable(big_name), numbers, reach, context)
    big = solve(restricted, context)
    one, two = CompatibleRows(small, [small_name]), CompatibleRows(big, [big_name])
    pairs = _Pairs(node, reach, context)
    for found in pairs.of(numbers, _geometry_ids(big.column(big_name)), left_first):
        for rows, partners in one.pairs(found):
            half = merge(found, small, rows, partners)
            for more, others in two.pairs(half):
                context.cancellation.check()
                yield merge(half, big, more, others)


def _geometry_ids(column: np.ndarray) -> np.ndarray:
    """The distinct geometry literals of a column; any other term is an error in the filter."""
    distinct = np.unique(column)
    chosen: np.ndarray = distinct[distinct >> ids.SHIFT == int(ids.Tag.GEOMETRY)]
    return chosen


def _restricted(node: Algebra, variable: Variable, near: np.ndarray, reach: Reach, context: Context) -> Algebra:
    """The larger side, cut down to what the index has near the smaller side, where that is expected to be less."""
    index = _index(context)
    expected = estimate(node, context)
    if index is None or not data_bound(node, variable) or len(near) > FEW * len(index):
        _note(context, f"{len(near)} geometries on one side, {_about(expected)} solutions on the other")
        return node
    shapes = context.terms.geometries(near).lonlat
    if bool(shapely.is_empty(shapes).any()):
        return node
    boxes = reach.boxes(shapes)
    limit = np.inf if expected is None or context.push_down == "forced" else expected
    found = np.empty(0, np.int64)
    if _likely_near(boxes, index) < limit:
        found = np.unique(index.candidate_pairs(boxes, reach.metres)[1])
    else:
        limit = 0.0
    if len(found) >= limit:
        _note(context, f"{len(near)} geometries on one side, {_about(expected)} solutions on the other")
        return node
    _note(context, f"{len(near)} geometries on one side; the index has {len(found)} near, of {_about(expected)}")
    return Join(id_table({variable.name: found}), node)


def _likely_near(boxes: np.ndarray, index: SpatialIndex) -> float:
    """How many indexed boxes would meet these, were they spread evenly; a distance in metres is left out."""
    some = index.boxes[:: max(1, len(index) // SAMPLE)]
    size = np.nanmean(some[:, 2:] - some[:, :2], axis=0) if len(some) else np.zeros(2)
    low, high = index.bounds[:2], index.bounds[2:]
    inside = np.minimum(boxes[:, 2:], high) - np.maximum(boxes[:, :2], low)
    tiny = 1e-12
    share = np.where(inside >= 0, (inside + size + tiny) / (high - low + size + tiny), 0.0)
    return float(len(index) * np.nansum(np.minimum(share, 1.0).prod(axis=1)))


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs of geometry ids for which a spatial filter holds."""

    node: SpatialJoin
    reach: Reach
    context: Context

    def of(self, held: np.ndarray, streamed: np.ndarray, held_first: bool) -> Iterator[Solutions]:
        """The pairs, named as the arguments of the filter, in portions.

        Args:
            held: Distinct ids whose geometries are kept.
            streamed: Distinct ids whose geometries are loaded chunk by chunk.
            held_first: Whether the held side is the first argument.
        """
        shapes = _lonlat(held, self.context)
        for start in range(0, len(streamed), CHUNK):
            self.context.cancellation.check()
            numbers = streamed[start : start + CHUNK]
            others = _lonlat(numbers, self.context)
            first, second = (held, numbers) if held_first else (numbers, held)
            sides = (shapes, others) if held_first else (others, shapes)
            for rows, partners in self._holding(first, second, sides):
                columns = {self.node.first.name: first[rows], self.node.second.name: second[partners]}
                yield Solutions(columns, len(rows))

    def _holding(
        self, first: np.ndarray, second: np.ndarray, sides: tuple[np.ndarray, np.ndarray]
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows of both sides for which the filter holds."""
        from semcube.geometry import operator as geometry

        threads, cancellation = self.context.settings.threads, self.context.cancellation
        if self.reach.relation is not None or self.reach.decides:
            name, metres = self.reach.relation or geometry.DISTANCE, self.reach.metres
            join = geometry.SpatialJoin(name, metres, threads=threads, cancellation=cancellation)
            yield from join.batches(*sides)
            return
        for rows, partners in self._near(*sides):
            columns = {self.node.first.name: first[rows], self.node.second.name: second[partners]}
            truth = effective_boolean(self.node.expression, Solutions(columns, len(rows)), self.context)
            yield rows[truth == 1], partners[truth == 1]

    def _near(self, first: np.ndarray, second: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows whose boxes are within reach."""
        from semcube.geometry import SpatialIndex

        index = SpatialIndex.from_boxes(shapely.bounds(second).reshape(-1, 4))
        for start in range(0, len(first), 1024):
            self.context.cancellation.check()
            boxes = self.reach.boxes(first[start : start + 1024])
            rows, partners = index.candidate_pairs(boxes, self.reach.metres)
            yield rows + start, partners
