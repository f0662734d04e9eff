# SPDX-License-Identifier: Apache-2.0
"""Candidate pairs: those whose boxes meet.

The packed tree is the filter of every run; the others are the methods of the literature, for comparison: the grid of
GIA.nt and of RADON (a cell is the mean box of one side or of both) and the plane sweep. All give the same pairs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import shapely

from semcube.errors import UsageError

__all__ = ["FILTERS", "CandidateFilter", "candidate_filter"]

Pairs = tuple[np.ndarray, np.ndarray]
CandidateFilter = Callable[[np.ndarray], Pairs]
"""Boxes (N, 4) of the stream -> rows of the held side and of the stream, sorted by stream, then held."""

_MAX_CELLS = 4_000_000


def packed_tree(geometries: np.ndarray) -> CandidateFilter:
    """A packed tree over the held geometries (Leutenegger et al., 1997)."""
    tree = shapely.STRtree(geometries)

    def find(boxes: np.ndarray) -> Pairs:
        rows = np.flatnonzero(~np.isnan(boxes).any(axis=1))
        second, first = tree.query(shapely.box(*boxes[rows].T))
        return _sorted(first, rows[second], len(geometries))

    return find


def grid(geometries: np.ndarray) -> CandidateFilter:
    """GIA.nt: the held side in cells of its mean width and height (Papadakis et al., 2021)."""
    held = _boxes(geometries)
    return _grid_filter(held, *_mean_sides(held))


def radon(geometries: np.ndarray) -> CandidateFilter:
    """RADON: cells of the mean of both sides' means (Sherif et al., 2017); indexed once the other side is seen."""
    held = _boxes(geometries)

    def find(boxes: np.ndarray) -> Pairs:
        mine, theirs = _mean_sides(held), _mean_sides(boxes)
        return _grid_filter(held, (mine[0] + theirs[0]) / 2, (mine[1] + theirs[1]) / 2)(boxes)

    return find


def plane_sweep(geometries: np.ndarray) -> CandidateFilter:
    """A sweep along x: each box meets those that begin before it ends and have not ended before it begins."""
    held = _boxes(geometries)

    def find(boxes: np.ndarray) -> Pairs:
        order, other = np.argsort(held[:, 0], kind="stable"), np.argsort(boxes[:, 0], kind="stable")
        order, other = order[~np.isnan(held[order, 0])], other[~np.isnan(boxes[other, 0])]
        starts, begins = held[order, 0], boxes[other, 0]
        # Of two boxes that meet in x, one begins inside the other: each such pair is met once, at that beginning.
        first = _spans(np.searchsorted(begins, starts, "left"), np.searchsorted(begins, held[order, 2], "right"))
        second = _spans(np.searchsorted(starts, begins, "right"), np.searchsorted(starts, boxes[other, 2], "right"))
        rows = np.concatenate([order[first[0]], order[second[1]]])
        cols = np.concatenate([other[first[1]], other[second[0]]])
        keep = _meet(held[rows], boxes[cols])
        return _sorted(rows[keep], cols[keep], len(held))

    return find


FILTERS: dict[str, Callable[[np.ndarray], CandidateFilter]] = {
    "tree": packed_tree,
    "grid": grid,
    "radon": radon,
    "sweep": plane_sweep,
}
"""Name -> filter over the held geometries."""


def candidate_filter(name: str, held: np.ndarray) -> CandidateFilter:
    """The filter of a name over the held geometries.

    Raises:
        UsageError: There is no such filter.

    Example:
        >>> find = candidate_filter("sweep", shapely.points([[0, 0], [5, 5]]))
        >>> find(np.array([[4.0, 4.0, 6.0, 6.0]]))
        (array([1]), array([0]))
    """
    if name not in FILTERS:
        raise UsageError(f"filter {name!r}", expected=", ".join(FILTERS))
    return FILTERS[name](held)


def _boxes(geometries: np.ndarray) -> np.ndarray:
    return np.asarray(shapely.bounds(geometries).reshape(-1, 4))


def _sorted(first: np.ndarray, second: np.ndarray, width: int) -> Pairs:
    keys = np.sort(second.astype(np.int64) * np.int64(max(width, 1)) + first)
    return keys % max(width, 1), keys // max(width, 1)


def _meet(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    met: np.ndarray = (a[:, 0] <= b[:, 2]) & (a[:, 2] >= b[:, 0]) & (a[:, 1] <= b[:, 3]) & (a[:, 3] >= b[:, 1])
    return met


def _spans(low: np.ndarray, high: np.ndarray) -> Pairs:
    """Row numbers and the members of each span ``low[i] .. high[i]``."""
    counts = np.maximum(high - low, 0)
    owner = np.repeat(np.arange(len(low)), counts)
    member = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + low[owner]
    return owner, member


def _mean_sides(boxes: np.ndarray) -> tuple[float, float]:
    with np.errstate(all="ignore"):
        width, height = (np.nanmean(boxes[:, i + 2] - boxes[:, i]) if len(boxes) else 1.0 for i in (0, 1))
    return _cell_side(width), _cell_side(height)


def _cell_side(mean: float) -> float:
    return 1.0 if np.isnan(mean) else max(float(mean), 1e-9)


def _grid_filter(held: np.ndarray, width: float, height: float) -> CandidateFilter:
    """Cells of a size; a pair is kept in the cell of the lower left corner of what its boxes share."""
    rows = np.flatnonzero(~np.isnan(held).any(axis=1))
    while len(rows) and _cells(held[rows], width, height).sum() > _MAX_CELLS:
        width, height = width * 2, height * 2
    owner, column, row = _tiles(held[rows], width, height)
    keys = _key(column, row)
    order = np.argsort(keys, kind="stable")
    keys, owner = keys[order], rows[owner[order]]

    def find(boxes: np.ndarray) -> Pairs:
        mine = np.flatnonzero(~np.isnan(boxes).any(axis=1))
        if len(rows) and len(mine):
            extent = np.r_[held[rows, :2].min(axis=0), held[rows, 2:].max(axis=0)]
            mine = mine[_meet(boxes[mine], np.broadcast_to(extent, (len(mine), 4)))]
        if not len(rows) or not len(mine):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        clipped = boxes[mine].copy()
        clipped[:, :2] = np.maximum(clipped[:, :2], extent[:2])
        clipped[:, 2:] = np.minimum(clipped[:, 2:], extent[2:])
        second, column, row = _tiles(clipped, width, height)
        wanted = _key(column, row)
        which, place = _spans(np.searchsorted(keys, wanted, "left"), np.searchsorted(keys, wanted, "right"))
        first, second = owner[place], mine[second[which]]
        corner = np.maximum(held[first, :2], boxes[second, :2])
        here = (np.floor(corner[:, 0] / width) == column[which]) & (np.floor(corner[:, 1] / height) == row[which])
        keep = here & _meet(held[first], boxes[second])
        return _sorted(first[keep], second[keep], len(held))

    return find


def _cells(boxes: np.ndarray, width: float, height: float) -> np.ndarray:
    columns = np.floor(boxes[:, 2] / width) - np.floor(boxes[:, 0] / width) + 1
    counts: np.ndarray = columns * (np.floor(boxes[:, 3] / height) - np.floor(boxes[:, 1] / height) + 1)
    return counts


def _tiles(boxes: np.ndarray, width: float, height: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row of the box, column and row of the cell, for each cell that a box touches."""
    low = np.column_stack([np.floor(boxes[:, 0] / width), np.floor(boxes[:, 1] / height)]).astype(np.int64)
    high = np.column_stack([np.floor(boxes[:, 2] / width), np.floor(boxes[:, 3] / height)]).astype(np.int64)
    wide, tall = (high - low + 1).T
    owner, place = _spans(np.zeros(len(boxes), np.int64), wide * tall)
    return owner, low[owner, 0] + place % wide[owner], low[owner, 1] + place // wide[owner]


def _key(column: np.ndarray, row: np.ndarray) -> np.ndarray:
    return np.asarray(column * np.int64(1 << 32) + row)
