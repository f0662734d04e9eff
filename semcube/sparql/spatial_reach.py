# SPDX-License-Identifier: Apache-2.0
"""How far apart geometries may be for a spatial filter to hold, and what both spatial operators share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from semcube.sparql.algebra import Expression, Operation
from semcube.sparql.context import Context
from semcube.sparql.dataset import SpatialDataset
from semcube.sparql.plan import SpatialJoin, SpatialSelect

if TYPE_CHECKING:
    from semcube.geometry import SpatialIndex

__all__ = ["Reach", "about", "index_of", "lonlat", "note", "note_malformed", "parts"]

FIRST = 1024
"""Geometries that are looked at first where few solutions are wanted."""

_EXPLAINED = 1000
"""Malformed literals that ``explain`` looks at for their reasons."""


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
        return self.grown(shapely.bounds(geometries).reshape(-1, 4))

    def grown(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes grown by the reach in degrees."""
        if self.degrees is None:
            return boxes
        side = self.degrees * (1 + 1e-9) + 1e-12
        found: np.ndarray = boxes + np.array([-side, -side, side, side])
        return found

    def windows(self, boxes: np.ndarray, index: SpatialIndex) -> np.ndarray:
        """Boxes of :meth:`boxes` grown by the reach in metres too, on every turn of the globe that the index has."""
        from semcube.geometry.boxes import grow_m, turned

        return boxes if self.metres is None else turned(grow_m(boxes, self.metres), index.bounds)[1]


def _is_at_most(expression: Expression) -> bool:
    return isinstance(expression, Operation) and expression.name in ("<=", ">=")


def parts(rows: int, context: Context) -> Iterator[slice]:
    """All rows at once; in growing portions where few solutions are wanted, since these may be found among the first.

    Example:
        >>> from dataclasses import replace
        >>> from semcube.sparql.memory import MemoryDataset
        >>> from semcube.sparql.query import new_context
        >>> context = new_context(MemoryDataset.parse(""))
        >>> list(parts(5000, context)), list(parts(5000, replace(context, wanted=10)))
        ([slice(0, 5000, None)], [slice(0, 1024, None), slice(1024, 5000, None)])
    """
    start, step = 0, rows if context.wanted is None else max(FIRST, 2 * context.wanted)
    while start < rows:
        yield slice(start, min(start + step, rows))
        start, step = start + step, step * 8


def index_of(context: Context) -> SpatialIndex | None:
    """The spatial index of the dataset, if it has one."""
    return context.dataset.spatial_index() if isinstance(context.dataset, SpatialDataset) else None


def note(context: Context, text: str) -> None:
    """Tells the trace of a decision."""
    if context.trace is not None:
        context.trace.note(text)


def note_malformed(index: SpatialIndex | None, context: Context) -> None:
    """For ``explain``: the literals of the dataset that no index can find because they are malformed, and why."""
    if index is None or context.trace is None:
        return
    missing = index.ids[np.isnan(index.boxes[:, 0])][:_EXPLAINED]
    errors = context.terms.geometries(missing).errors if len(missing) else {}
    context.trace.count("malformed geometry literals outside the index", len(errors))
    for reason, number in Counter(errors.values()).most_common(3):
        context.trace.note(f"malformed geometry literals outside the index, {number}: {reason}")


def lonlat(numbers: np.ndarray, context: Context) -> np.ndarray:
    """The geometries of ids in CRS84, None where missing; malformed ones are counted."""
    found = context.terms.geometries(numbers)
    shapes: np.ndarray = found.lonlat
    if found.errors and context.trace is not None:
        context.trace.count("malformed geometry literals", len(found.errors))
    return shapes


def about(rows: float | None) -> str:
    """An estimate in words."""
    return "an unknown number of" if rows is None else f"about {rows:.0f}"
