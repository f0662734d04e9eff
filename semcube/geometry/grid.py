# SPDX-License-Identifier: Apache-2.0
"""Boxes by the cells of a grid: finds those that hold a point, for many points at once.

Where boxes are of about one size, as those of parcels, districts or pixels are, a point meets few of the boxes that are
listed for its cell; no object per point or box is made, and no tree is climbed (Bentley and Friedman 1979).
"""

from __future__ import annotations

import numpy as np

__all__ = ["Grid"]

_ENTRIES = 10
"""So many cells are listed for a box, on average, at most; boxes of very different sizes have no grid."""
_MOST = 8_000_000
"""Cells that are listed for all boxes, at most."""
_SIDE = 0.5
"""The side of a cell, in sides of a mean box."""


class Grid:
    """A grid over boxes; see :meth:`of`.

    Example:
        >>> grid = Grid.of(np.array([[0.0, 0, 2, 2], [1, 1, 3, 3]]))
        >>> [part.tolist() for part in grid.query(np.array([[1.5, 1.5], [9, 9], [3, 3]]))]
        [[0, 0, 2], [0, 1, 1]]
    """

    def __init__(self, boxes: np.ndarray, bounds: np.ndarray, cells: tuple[int, int]) -> None:
        self._boxes = boxes
        self._bounds = bounds
        self._cells = cells
        with np.errstate(divide="ignore", over="ignore"):
            scale = np.array(cells) / (bounds[2:] - bounds[:2])
        self._scale = np.where(np.isfinite(scale), scale, 0.0)
        self._found = np.empty(0, np.int32)
        self._starts = np.zeros(1, np.int32)

    @classmethod
    def of(cls, boxes: np.ndarray) -> Grid | None:
        """The grid of boxes; None where too many cells would have to be listed.

        Args:
            boxes: float64 (N, 4): xmin, ymin, xmax, ymax; rows with NaN are never found.
        """
        usable = np.flatnonzero(~np.isnan(boxes).any(axis=1))
        if not len(usable):
            return None
        own = boxes[usable]
        bounds = np.concatenate([own[:, :2].min(axis=0), own[:, 2:].max(axis=0)])
        if not np.isfinite(bounds).all():
            return None
        grid = cls(boxes, bounds, _cells(own, bounds))
        low, high = grid._cell(own[:, :2]), grid._cell(own[:, 2:])
        width, height = high[0] - low[0] + 1, high[1] - low[1] + 1
        counts = width.astype(np.int64) * height
        total = int(counts.sum())
        if total > min(_ENTRIES * len(own), _MOST) + 1024:
            return None
        across, down = grid._cells
        row = np.repeat(np.arange(len(own)), counts)
        within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
        step, wide = np.divmod(within, width[row])
        cell = (low[1][row] + step) * across + low[0][row] + wide
        order = np.argsort(cell)
        grid._found = usable[row[order]].astype(np.int32)
        grid._starts = np.concatenate([[0], np.cumsum(np.bincount(cell, minlength=across * down))]).astype(np.int32)
        return grid

    def _cell(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Column and row of the cells of places within the bounds; they never fall where a coordinate rises."""
        x, y = (
            np.minimum(((xy[:, i] - self._bounds[i]) * self._scale[i]).astype(np.int32), self._cells[i] - 1)
            for i in (0, 1)
        )
        return x, y

    def query(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All pairs of a point and a box that holds it, sides included.

        Args:
            xy: float64 (Q, 2).

        Returns:
            Numbers of points and of boxes, int64, ordered by point.
        """
        west, south, east, north = self._bounds
        x, y = xy[:, 0], xy[:, 1]
        inside = (x >= west) & (x <= east) & (y >= south) & (y <= north)
        rows = None if inside.all() else np.flatnonzero(inside)
        column, row = self._cell(xy if rows is None else xy[rows])
        cell = row * self._cells[0] + column
        low = self._starts[cell]
        counts = self._starts[cell + 1] - low
        point = np.repeat(np.arange(len(cell)) if rows is None else rows, counts)
        place = np.arange(len(point)) + np.repeat(low - (np.cumsum(counts) - counts), counts)
        found = self._found[place]
        boxes, x, y = self._boxes[found], x[point], y[point]
        kept = (x >= boxes[:, 0]) & (x <= boxes[:, 2]) & (y >= boxes[:, 1]) & (y <= boxes[:, 3])
        return point[kept], found[kept].astype(np.int64)


def _cells(boxes: np.ndarray, bounds: np.ndarray) -> tuple[int, int]:
    """How many cells a grid has across and up."""
    spans = bounds[2:] - bounds[:2]
    most = float(min(_ENTRIES * len(boxes), _MOST))
    means = (boxes[:, 2:] - boxes[:, :2]).mean(axis=0) * _SIDE
    sides = np.maximum(np.where(means > 0, means, spans / np.sqrt(len(boxes))), spans / most)
    wanted = np.maximum(np.divide(spans, sides, out=np.ones(2), where=sides > 0), 1.0)
    shrunk = min(1.0, np.sqrt(most / (wanted[0] * wanted[1])))
    across, up = (max(int(one * shrunk), 1) for one in wanted)
    return across, up
