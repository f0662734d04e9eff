# SPDX-License-Identifier: Apache-2.0
"""What boxes alone tell about the relation of geometries with one area.

A geometry whose box lies in the interior of an area, or apart from it, has one of four DE-9IM matrices there, whatever
its shape is. Where a relation holds for all four, or for none, the geometry need not be looked at. A rectangle is its
own box; of any other area a grid of cells is classified once, and a box is compared with the cells that it meets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from semcube.geometry.relations import Relation, matches

__all__ = ["Window"]

_AREAS = (3, 6)
_INSIDE = ("0FFFFF212", "1FF0FF212", "1FFFFF212", "2FF1FF212")
_APART = ("FF0FFF212", "FF1FF0212", "FF1FFF212", "FF2FF1212")
_BOXES_A_CELL = 16
"""A cell is classified for so many boxes that are asked."""
_SIDE = 48
"""Cells on a side of the grid, at most."""
_WORTH_CELLS = 16
"""A grid with fewer cells on a side decides too little."""


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """A grid over the box of an area: the sums over cells that are in its interior, and over those apart from it."""

    x: np.ndarray
    y: np.ndarray
    inside: np.ndarray
    apart: np.ndarray

    @classmethod
    def of(cls, area: shapely.Geometry, side: int) -> _Cells:
        west, south, east, north = area.bounds
        x, y = np.linspace(west, east, side + 1), np.linspace(south, north, side + 1)
        cells = shapely.box(x[:-1, None], y[None, :-1], x[1:, None], y[None, 1:])
        own = shapely.force_2d(area)
        shapely.prepare(own)
        found = shapely.contains_properly(own, cells), shapely.disjoint(own, cells)
        sums = [np.pad(one.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0))) for one in found]
        shapely.destroy_prepared(own)
        return cls(x, y, sums[0], sums[1])

    def verdicts(self, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which boxes meet only cells in the interior, and which only cells apart from the area."""
        within = (boxes[:, 0] >= self.x[0]) & (boxes[:, 1] >= self.y[0])
        within &= (boxes[:, 2] <= self.x[-1]) & (boxes[:, 3] <= self.y[-1])
        low_x, high_x = _range(self.x, boxes[:, 0], boxes[:, 2])
        low_y, high_y = _range(self.y, boxes[:, 1], boxes[:, 3])
        met = (high_x - low_x) * (high_y - low_y)
        counted = [
            sums[high_x, high_y] - sums[low_x, high_y] - sums[high_x, low_y] + sums[low_x, low_y]
            for sums in (self.inside, self.apart)
        ]
        return within & (counted[0] == met), counted[1] == met


def _range(edges: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cells, first and one past the last, whose closed sides cover what of ``low..high`` lies between the edges."""
    last = len(edges) - 2
    first = np.clip(np.searchsorted(edges, low, "right") - 1, 0, last)
    final = np.clip(np.searchsorted(edges, high, "left") - 1, first, last)
    return first, final + 1


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One area and a relation ``relation(geometry, area)``.

    Example:
        >>> from semcube.geometry.relations import RELATIONS
        >>> window = Window.of(shapely.box(0, 0, 9, 9), RELATIONS["sfWithin"], 3)
        >>> window.decided(np.array([[1.0, 1, 2, 2], [8, 8, 10, 10], [20, 0, 21, 1]])).tolist()
        [1, -1, 0]
    """

    bounds: np.ndarray
    inside: int
    apart: int
    cells: _Cells | None

    @classmethod
    def of(cls, area: shapely.Geometry, chosen: Relation, boxes: int) -> Window | None:
        """The window of a relation; None where boxes decide nothing, or would not save work.

        Args:
            area: The constant, in the system of the boxes.
            chosen: The relation of a geometry with it.
            boxes: How many are going to be asked.
        """
        if shapely.get_type_id(area) not in _AREAS or area.is_empty or not area.is_valid:
            return None
        inside, apart = (_verdict(chosen, matrices) for matrices in (_INSIDE, _APART))
        if inside < 0 and apart < 0:
            return None
        bounds, cells = np.asarray(area.bounds), None
        if not shapely.equals(area, shapely.box(*bounds)):
            side = min(_SIDE, int(np.sqrt(boxes / _BOXES_A_CELL)))
            if side < _WORTH_CELLS:
                return None
            cells = _Cells.of(area, side)
        return cls(bounds, inside, apart, cells)

    def decided(self, boxes: np.ndarray) -> np.ndarray:
        """What boxes tell: int8 (N), 1 it holds, 0 it does not, -1 unknown.

        Args:
            boxes: (N, 4) of valid geometries, none of them a collection; NaN for one without a box.
        """
        west, south, east, north = self.bounds
        with np.errstate(invalid="ignore"):
            apart = (boxes[:, 0] > east) | (boxes[:, 2] < west) | (boxes[:, 1] > north) | (boxes[:, 3] < south)
            inside = (boxes[:, 0] > west) & (boxes[:, 2] < east) & (boxes[:, 1] > south) & (boxes[:, 3] < north)
        if self.cells is not None:
            some = np.flatnonzero(~apart & ~np.isnan(boxes[:, 0]))
            inside = np.zeros(len(boxes), bool)
            inside[some], apart[some] = self.cells.verdicts(boxes[some])
        found = np.full(len(boxes), -1, np.int8)
        found[inside] = self.inside
        found[apart] = self.apart
        return found


def _verdict(chosen: Relation, matrices: tuple[str, ...]) -> int:
    """1 where the relation holds for all of some matrices, 0 for none, -1 for some."""
    held = {matches(matrix, chosen) for matrix in matrices}
    return -1 if len(held) > 1 else int(held.pop())
