# SPDX-License-Identifier: Apache-2.0
"""How many boxes to expect in a window: a coarse grid of counts (Acharya, Poosala, Ramaswamy 1999, equal area).

Each box counts where its centre is; a window is grown by half the mean size of the boxes, and counts parts of cells by
their share of the area.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Histogram"]

Floats = npt.NDArray[np.float64]

SIDE = 64
"""Cells on a side: 33 kB."""


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Counts of boxes over a grid.

    Example:
        >>> rows = np.arange(100.0)
        >>> counts = Histogram.of(np.column_stack([rows, rows, rows + 1, rows + 1]))
        >>> counts.expected(np.array([[0.0, 0.0, 50.0, 50.0]])).round().tolist()
        [50.0]
    """

    corner: Floats
    """West and south."""
    cell: Floats
    """Width and height of a cell."""
    half: Floats
    """Half the mean width and height of a box."""
    sums: Floats
    """(SIDE + 1, SIDE + 1): boxes west and south of each corner of a cell."""

    @classmethod
    def of(cls, boxes: Floats, side: int = SIDE) -> Histogram:
        """The histogram of boxes (N, 4); NaN is not counted."""
        known = boxes[~np.isnan(boxes[:, 0])]
        if not len(known):
            return cls(np.zeros(2), np.ones(2), np.zeros(2), np.zeros((side + 1, side + 1)))
        centres = (known[:, :2] + known[:, 2:]) / 2
        corner = centres.min(axis=0)
        cell = np.maximum((centres.max(axis=0) - corner) / side, 1e-9)
        place = np.minimum(((centres - corner) / cell).astype(np.int64), side - 1)
        counts = np.bincount(place[:, 0] * side + place[:, 1], minlength=side * side).reshape(side, side)
        sums = np.zeros((side + 1, side + 1))
        sums[1:, 1:] = counts.cumsum(axis=0).cumsum(axis=1)
        return cls(corner, cell, (known[:, 2:] - known[:, :2]).mean(axis=0) / 2, sums)

    @property
    def count(self) -> float:
        """All boxes."""
        return float(self.sums[-1, -1])

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return self.sums.nbytes

    def expected(self, windows: Floats) -> Floats:
        """How many boxes meet each window (N, 4), about."""
        low, high = windows[:, :2] - self.half, windows[:, 2:] + self.half
        with np.errstate(invalid="ignore"):
            sides = [np.nan_to_num((edge - self.corner) / self.cell) for edge in (low, high)]
        (x0, y0), (x1, y1) = (np.clip(side, 0, len(self.sums) - 1).T for side in sides)
        found: Floats = self._below(x1, y1) - self._below(x0, y1) - self._below(x1, y0) + self._below(x0, y0)
        return np.maximum(found, 0.0)

    def _below(self, x: Floats, y: Floats) -> Floats:
        """Boxes west of x and south of y, in cells; linear within a cell."""
        last = len(self.sums) - 2
        i, j = np.minimum(x.astype(np.int64), last), np.minimum(y.astype(np.int64), last)
        u, v, sums = x - i, y - j, self.sums
        lower = sums[i, j] * (1 - u) + sums[i + 1, j] * u
        upper = sums[i, j + 1] * (1 - u) + sums[i + 1, j + 1] * u
        result: Floats = lower * (1 - v) + upper * v
        return result
