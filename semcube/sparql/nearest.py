# SPDX-License-Identifier: Apache-2.0
"""The nearest k: ``ORDER BY geof:distance(?w, constant, unit) LIMIT k`` without measuring every distance.

The pattern is solved as ids; their boxes tell how far each geometry is at least, and in that order they are measured
until enough of them are nearer than all others can be. Every solution that may come among the first k is kept, also
those whose distance is an error, which come first; what is kept is ordered as always. So the answer, ties included, is
that of ordering everything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from semcube.engines import ids
from semcube.io.terms import IRI
from semcube.sparql.algebra import Algebra, Expression, Extend, FunctionCall, OrderBy, Variable
from semcube.sparql.context import Context
from semcube.sparql.dataset import SpatialDataset
from semcube.sparql.evaluate.run import solve
from semcube.sparql.evaluate.solutions import Solutions
from semcube.sparql.expressions import evaluate
from semcube.sparql.plan import id_table
from semcube.sparql.plan_spatial import DISTANCE, METRIC_DISTANCE, is_constant

if TYPE_CHECKING:
    import shapely

    from semcube.geometry import SpatialIndex

__all__ = ["nearest_candidates"]


@dataclass(frozen=True, slots=True)
class _Distance:
    """A distance of a variable from a constant, in metres times ``factor``."""

    expression: FunctionCall
    variable: Variable
    constant: Expression
    factor: float

    @classmethod
    def of(cls, expression: Expression) -> _Distance | None:
        """The parts of an expression that measures a length, None for any other."""
        match expression:
            case FunctionCall(IRI(iri), (first, second, IRI(unit))) if iri == DISTANCE:
                factor = _metres(unit)
            case FunctionCall(IRI(iri), (first, second)) if iri == METRIC_DISTANCE:
                factor = 1.0
            case _:
                return None
        for one, other in ((first, second), (second, first)):
            if factor is not None and isinstance(one, Variable) and is_constant(other):
                return cls(expression, one, other, factor)
        return None


def _metres(unit: str) -> float | None:
    """Metres of a unit of length."""
    from semcube.errors import InputError
    from semcube.geometry import unit as find

    try:
        measure = find(unit)
    except InputError:
        return None
    return measure.factor if measure.kind == "length" else None


def nearest_candidates(node: OrderBy, count: int, context: Context) -> Algebra | None:
    """The pattern of an ordering, cut down to what may be among the first; None where it is not by distance.

    Args:
        node: An ordering whose first condition is a distance, or a variable that is bound to one.
        count: How many solutions are wanted.
        context: The evaluation.
    """
    index = context.dataset.spatial_index() if isinstance(context.dataset, SpatialDataset) else None
    first = node.conditions[0]
    if context.push_down == "off" or index is None or not len(index) or first.descending:
        return None
    bound, base = _extends(node.pattern)
    expression = first.expression
    named = next((e.expression for e in bound if e.variable == expression), expression)
    distance = _Distance.of(named)
    if distance is None or any(e.variable == distance.variable for e in bound):
        return None
    centre = _geometry(distance.constant, context)
    if centre is None:
        return None
    solutions = solve(base, context)
    if solutions.rows > count:
        kept = _Search(distance, centre, index, context).kept(solutions.column(distance.variable.name), count)
        if context.trace is not None:
            context.trace.note(f"nearest {count}: {int(kept.sum())} of {solutions.rows} solutions may be among them")
        solutions = solutions.where(kept)
    found: Algebra = id_table(solutions.columns, solutions.rows)
    for extend in reversed(bound):
        found = replace(extend, pattern=found)
    return found


def _extends(node: Algebra) -> tuple[list[Extend], Algebra]:
    """The variables bound on top of a pattern, outermost first, and what is below them."""
    found = []
    while isinstance(node, Extend):
        found.append(node)
        node = node.pattern
    return found, node


def _geometry(constant: Expression, context: Context) -> shapely.Geometry | None:
    number = evaluate(constant, Solutions.unit(), context)
    if number[0] == 0 or ids.tag(int(number[0])) != ids.Tag.GEOMETRY:
        return None
    found = context.terms.geometries(number).lonlat[0]
    return None if found is None or found.is_empty else found


@dataclass(frozen=True, slots=True)
class _Search:
    """The nearest to one geometry."""

    distance: _Distance
    centre: shapely.Geometry
    index: SpatialIndex
    context: Context

    def kept(self, column: np.ndarray, count: int) -> np.ndarray:
        """Which rows may be among the first ``count``."""
        from semcube.geometry.least import least_m, nearest_rows

        distinct, inverse, uses = np.unique(column, return_inverse=True, return_counts=True)
        rows = self.index.rows(distinct)
        boxes = self.index.boxes[rows]
        placed = np.flatnonzero((rows >= 0) & ~np.isnan(boxes).any(axis=1))
        always = np.ones(len(distinct), bool)  # what the index does not place is kept, whatever its distance is
        always[placed] = False

        def measure(chosen: np.ndarray) -> np.ndarray:
            self.context.cancellation.check()
            metres = self._metres(distinct[placed[chosen]])
            always[placed[chosen]] = np.isnan(metres)
            return metres

        least = least_m(np.array(self.centre.bounds), boxes[placed])
        metres, last = nearest_rows(least, measure, count, uses[placed])
        always[placed] |= metres <= last
        return np.asarray(always[inverse.ravel()])

    def _metres(self, numbers: np.ndarray) -> np.ndarray:
        """The distances of geometries; NaN where that is an error."""
        solutions = Solutions({self.distance.variable.name: numbers}, len(numbers))
        values = evaluate(self.distance.expression, solutions, self.context)
        typed = self.context.terms.typed(values)
        return np.where((values != 0) & typed.double, typed.number * self.distance.factor, np.nan)
