# SPDX-License-Identifier: Apache-2.0
"""How many solutions to expect of spatial selections and joins: samples of the patterns, and boxes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from semcube.engines.sampling import places
from semcube.sparql.algebra import Algebra
from semcube.sparql.context import Context
from semcube.sparql.evaluate.estimates import estimate, sampled
from semcube.sparql.evaluate.solutions import Solutions
from semcube.sparql.expressions import effective_boolean
from semcube.sparql.plan import SpatialJoin, SpatialSelect
from semcube.sparql.spatial_reach import Reach, index_of

if TYPE_CHECKING:
    from semcube.geometry import SpatialIndex

__all__ = ["expected"]

ENOUGH = 16
"""So many pairs of sampled boxes have to meet to be counted; with fewer, boxes count as spread over cells."""
CELLS = 12
"""Cells on a side, for the boxes of a sample."""
TESTED = 256
"""So many pairs are looked at, to know which part of them holds."""


def expected(node: SpatialSelect | SpatialJoin, context: Context) -> float | None:
    """Solutions of a spatial node, about; None where nothing is known."""
    index, reach = index_of(context), Reach.of(node)
    if isinstance(node, SpatialSelect):
        rows = estimate(node.pattern, context)
        if index is None or reach is None or context.trace is None:
            return rows
        return _selected(node, index, rows, context)
    sides = (estimate(node.left, context), estimate(node.right, context))
    if index is None or reach is None or context.trace is None:
        return None
    return _joined(node, index, reach, sides, context)


@dataclass(frozen=True, slots=True, eq=False)
class _Sampled:
    """The geometries of a sample of a pattern."""

    numbers: np.ndarray
    boxes: np.ndarray
    scale: float
    """How many solutions of the pattern each stands for."""

    @classmethod
    def of(cls, pattern: Algebra, variable: str, index: SpatialIndex, context: Context) -> _Sampled | None:
        """Those with a box; None where the pattern cannot be sampled."""
        found = sampled(pattern, context)
        if found is None:
            return None
        solutions, scale = found
        numbers = solutions.column(variable)
        rows = index.rows(numbers)
        numbers, boxes = numbers[rows >= 0], index.boxes[rows[rows >= 0]]
        placed = ~np.isnan(boxes[:, 0])
        return cls(numbers[placed], boxes[placed], scale)


def _selected(node: SpatialSelect, index: SpatialIndex, rows: float | None, context: Context) -> float | None:
    """The part of a sample for which the relation holds."""
    from semcube.sparql.spatial import Selection

    selection = Selection.of(node, replace(context, trace=None))
    if selection is None:
        return rows
    if selection.constant is None:
        return 0.0
    found = _Sampled.of(node.pattern, node.variable.name, index, context)
    if found is None:
        likely = selection.likely()
        share = 1.0 if likely is None else min(1.0, likely / max(len(index), 1))
        return None if rows is None else rows * share
    return _scaled(int(selection.holds(found.numbers).sum()), found.scale)


def _scaled(count: int, scale: float) -> float:
    """What was counted in a sample, scaled; half of one where nothing was found in a part of all."""
    return max(float(count), 0.0 if scale == 1.0 else 0.5) * scale


def _joined(
    node: SpatialJoin, index: SpatialIndex, reach: Reach, sides: tuple[float | None, float | None], context: Context
) -> float | None:
    """Pairs of boxes near one another: counted among two samples, or by a coarse histogram where those are too few."""
    from semcube.geometry import SpatialIndex
    from semcube.geometry.histogram import Histogram

    left = _Sampled.of(node.left, node.first.name, index, context)
    right = _Sampled.of(node.right, node.second.name, index, context)
    if left is None or right is None:
        return None if None in sides else min(side for side in sides if side is not None)
    if not len(left.boxes) or not len(right.boxes):
        return 0.0 if left.scale == right.scale == 1.0 else 0.5
    scale = left.scale * right.scale
    grown = SpatialIndex.from_boxes(right.boxes)
    first, second = grown.candidate_pairs(reach.grown(left.boxes), reach.metres)
    if scale == 1.0 or len(first) >= ENOUGH:
        holding = _holding(node, left.numbers[first], right.numbers[second], context)
        return _scaled(1, scale) / 2 if holding == 0 and scale > 1 else holding * len(first) * scale
    windows, others = (left, right) if right.scale > 1 else (right, left)
    near = Histogram.of(others.boxes, CELLS).expected(reach.windows(reach.grown(windows.boxes), index))
    return max(float(near.sum()) * scale, 0.5)


def _holding(node: SpatialJoin, first: np.ndarray, second: np.ndarray, context: Context) -> float:
    """The part of pairs for which the filter holds, by some of them."""
    chosen = places(len(first), TESTED)
    if not len(chosen):
        return 0.0
    columns = {node.first.name: first[chosen], node.second.name: second[chosen]}
    truth = effective_boolean(node.expression, Solutions(columns, len(chosen)), replace(context, trace=None))
    return float((truth == 1).mean())
