# SPDX-License-Identifier: Apache-2.0
"""Runs spatial selections: by the index first, or by the pattern first, whichever expects fewer rows.

The index and boxes propose candidates, and decide where a box alone tells the relation
(:class:`semcube.geometry.windows.Window`); else what counts is the relation of the geometries in longitude and
latitude, or the filter expression itself. So the answer is that of the reference filter, whatever way is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from semcube.engines import ids
from semcube.geometry.boxes import intersecting
from semcube.geometry.sorted import members
from semcube.sparql.algebra import Filter, Join
from semcube.sparql.context import Context
from semcube.sparql.evaluate.estimates import estimate
from semcube.sparql.evaluate.run import operator, run
from semcube.sparql.evaluate.solutions import Solutions
from semcube.sparql.expressions import effective_boolean, evaluate
from semcube.sparql.plan import SpatialSelect, id_table
from semcube.sparql.spatial_reach import Reach, about, index_of, lonlat, note, note_malformed, parts

if TYPE_CHECKING:
    import shapely

    from semcube.geometry import SpatialIndex
    from semcube.geometry.relations import Relation
    from semcube.geometry.windows import Window

__all__ = ["Selection"]

CHUNK = 65536
"""Geometries that are held at a time."""
DOUBT = 2.0
"""The index is asked how many candidates there are where the histogram expects fewer than this times the pattern."""


@operator(SpatialSelect)
def spatial_select(node: SpatialSelect, context: Context) -> Iterator[Solutions]:
    """A filter with a constant geometry."""
    selection = Selection.of(node, context)
    if selection is None:
        note(context, "filter after the pattern: boxes cannot decide it")
        yield from run(Filter(node.expression, node.pattern), context)
        return
    if selection.constant is None:
        note(context, "the constant is no geometry: no solution")
        return
    expected = estimate(node.pattern, context)
    note_malformed(selection.index, context)
    likely = selection.likely()
    candidates = selection.candidates() if _may_be_fewer(likely, expected, context) else None
    if candidates is not None and _index_first(len(candidates), expected, context):
        note(context, f"index first: {len(candidates)} candidates, {about(expected)} solutions of the pattern")
        for part in parts(len(candidates), context):
            found = selection.holding(candidates[part])
            if len(found):
                yield from run(Join(id_table({node.variable.name: found}), node.pattern), context)
        return
    proposed = f"{about(likely)} candidates" if candidates is None else f"{len(candidates)} candidates"
    note(context, f"pattern first: {about(expected)} solutions, {proposed}")
    for batch in run(node.pattern, context):
        yield batch.where(selection.holds(batch.column(node.variable.name)))


def _may_be_fewer(likely: float | None, expected: float | None, context: Context) -> bool:
    if likely is None:
        return False
    return context.push_down == "forced" or expected is None or likely < expected * DOUBT


def _index_first(candidates: int, expected: float | None, context: Context) -> bool:
    return context.push_down == "forced" or expected is None or candidates < expected


class Selection:
    """A relation with one constant geometry, asked of ids."""

    def __init__(self, node: SpatialSelect, context: Context, reach: Reach, constant: shapely.Geometry | None) -> None:
        self.node = node
        self.context = context
        self.reach = reach
        self.constant = constant
        self.index: SpatialIndex | None = index_of(context)
        self._asked = np.empty(0, np.int64)
        self._true = np.empty(0, bool)

    @classmethod
    def of(cls, node: SpatialSelect, context: Context) -> Selection | None:
        """None where boxes cannot decide: an odd unit, or an empty constant, which has no box but may equal others."""
        reach = Reach.of(node)
        if reach is None:
            return None
        number = evaluate(node.constant, Solutions.unit(), context)
        if number[0] == 0 or ids.tag(int(number[0])) != ids.Tag.GEOMETRY:
            return cls(node, context, reach, None)
        constant = lonlat(number, context)[0]
        return None if constant is not None and constant.is_empty else cls(node, context, reach, constant)

    # --- by boxes ---------------------------------------------------------------------------------------------------

    @cached_property
    def _box(self) -> np.ndarray:
        """(1, 4): the box of the constant, with the reach in degrees."""
        return self.reach.boxes(np.array([self.constant], object))

    def likely(self) -> float | None:
        """How many geometries of the index are near the constant, about; None without an index."""
        if self.index is None:
            return None
        return float(self.index.histogram.expected(self.reach.windows(self._box, self.index)).sum())

    def candidates(self) -> np.ndarray | None:
        """The sorted ids that may hold."""
        return None if self.index is None else self.index.candidates(self._box[0], self.reach.metres)

    @cached_property
    def _relation(self) -> Relation | None:
        """The relation of a geometry with the constant, None for a distance."""
        from semcube.geometry.relations import relation

        if self.reach.relation is None:
            return None
        chosen = relation(self.reach.relation)
        return chosen if self.node.variable_first else relation(chosen.inverse)

    @cached_property
    def _window(self) -> Window | None:
        from semcube.geometry.windows import Window

        if self._relation is None or self.constant is None:
            return None
        return Window.of(self.constant, self._relation, int(self.likely() or 0))

    def near(self, boxes: np.ndarray) -> np.ndarray:
        """Which boxes are within reach of the constant."""
        near = np.zeros(len(boxes), bool)
        with np.errstate(invalid="ignore"):
            assert self.index is not None
            for window in self.reach.windows(self._box, self.index):
                near |= intersecting(boxes, np.broadcast_to(window, boxes.shape))
        return near

    # --- exactly ----------------------------------------------------------------------------------------------------

    def holds(self, column: np.ndarray) -> np.ndarray:
        """For each id of a column whether the relation holds; each distinct id is tested once."""
        distinct, inverse = np.unique(column, return_inverse=True)
        fresh = distinct[~members(distinct, self._asked)]
        if len(fresh):
            asked = np.concatenate([self._asked, fresh])
            order = np.argsort(asked)
            self._true = np.concatenate([self._true, members(fresh, self.holding(fresh))])[order]
            self._asked = asked[order]
        truth: np.ndarray = members(distinct, self._asked[self._true])[inverse.ravel()]
        return truth

    def holding(self, numbers: np.ndarray) -> np.ndarray:
        """Those of distinct ids, ascending, for which the relation holds."""
        kept = [np.empty(0, np.int64)]
        for start in range(0, len(numbers), CHUNK):
            self.context.cancellation.check()
            part = numbers[start : start + CHUNK]
            kept.append(part[self._test(part)])
        return np.concatenate(kept)

    def _test(self, numbers: np.ndarray) -> np.ndarray:
        """The boxes of the index decide what they can; the geometries of the others are looked at."""
        rows = np.full(len(numbers), -1) if self.index is None else self.index.rows(numbers)
        if self.index is None or bool((rows < 0).all()):
            return self._exactly(numbers)
        boxes = self.index.boxes[rows]
        left = np.flatnonzero((rows < 0) | self.near(boxes))
        truth = np.zeros(len(numbers), bool)
        if self._relation is None:
            truth[left] = self._exactly(numbers[left])
            return truth
        verdict = np.full(len(left), -1, np.int8)
        if self._window is not None:
            verdict = np.where(rows[left] < 0, np.int8(-1), self._window.decided(boxes[left]))
        settled = (verdict >= 0) & (self.index.sound(numbers[left]) == 1)
        truth[left[settled]] = verdict[settled] == 1
        left, verdict = left[~settled], verdict[~settled]
        shapes = lonlat(numbers[left], self.context)
        sound = self.index.sound(numbers[left], shapes) == 1
        settled = (verdict >= 0) & sound
        truth[left[settled]] = verdict[settled] == 1
        open_ = ~settled
        truth[left[open_]] = self._related(shapes[open_], sound[open_])
        return truth

    def _related(self, shapes: np.ndarray, sound: np.ndarray) -> np.ndarray:
        from semcube.geometry.selection import related

        assert self._relation is not None
        threads, cancellation = self.context.settings.threads, self.context.cancellation
        return related(shapes, sound, self.constant, self._relation, threads=threads, cancellation=cancellation)

    def _exactly(self, numbers: np.ndarray) -> np.ndarray:
        """The relation of geometries, or the filter itself."""
        from semcube.geometry import spatial_filter

        if self._relation is None and not self.reach.decides:
            solutions = Solutions({self.node.variable.name: numbers}, len(numbers))
            truth: np.ndarray = effective_boolean(self.node.expression, solutions, self.context) == 1
            return truth
        threads, cancellation = self.context.settings.threads, self.context.cancellation
        return spatial_filter(
            lonlat(numbers, self.context),
            self.constant,
            self._relation or "distance",
            distance_m=self.reach.metres,
            threads=threads,
            cancellation=cancellation,
        )
