# SPDX-License-Identifier: Apache-2.0
"""The k nearest by geodesic distance: a packed tree gives candidates by bounds of distances between boxes.

A box is at least so far as its gap in latitude or in longitude makes it, and nothing in it is further than the way
along a meridian and a parallel to its far corner. Level by level, nodes are dropped that begin further away than k
members surely end (Roussopoulos et al., 1995, for many queries at once). What is left is measured exactly.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from semcube.geometry import distance_m
from semcube.geometry.boxes import BoxTree

__all__ = ["distance_bounds_m", "nearest", "smallest"]

_FAN_OUT = 16
_FRONTIER = 2_000_000
_PIECE_VERTICES = 400_000
_MEAN_RADIUS = 6_371_008.8
# A degree of latitude is 110 574 m to 111 694 m, a degree of longitude at most 111 320 m / (1 - e^2)^(1/2).
_SHORTEST_DEGREE, _LONGEST_DEGREE = 110_574.0, 111_700.0
_SMALLEST_RADIUS = 6_335_439.0
_SAFETY = 1.01
_ROUNDING = 1e-6


class _Boxes:
    """What the bounds need of boxes, column by column: the box, its centre, a radius that reaches all of it."""

    def __init__(self, boxes: np.ndarray) -> None:
        self.left, self.bottom, self.right, self.top = (np.ascontiguousarray(boxes[:, side]) for side in range(4))
        lowest = np.where(self.bottom * self.top <= 0, 0.0, np.minimum(np.abs(self.bottom), np.abs(self.top)))
        flattest = np.cos(np.radians(np.minimum(lowest, 90.0)))
        self.radius = _LONGEST_DEGREE / 2 * (self.top - self.bottom + (self.right - self.left) * flattest)
        self.x, self.y = np.radians((self.left + self.right) / 2), np.radians((self.bottom + self.top) / 2)
        self.cos = np.cos(self.y)
        highest = np.maximum(np.abs(self.bottom), np.abs(self.top))
        self.steepest = np.cos(np.radians(np.minimum(highest, 90.0)))


def _by_centres(a: _Boxes, i: np.ndarray, b: _Boxes, j: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bounds by the way between the centres; on a sphere, ways are wrong by less than 0.6 %."""
    angle = np.sin((b.y[j] - a.y[i]) / 2) ** 2 + a.cos[i] * b.cos[j] * np.sin((b.x[j] - a.x[i]) / 2) ** 2
    way = 2 * _MEAN_RADIUS * np.arcsin(np.sqrt(np.minimum(angle, 1.0)))
    reach = a.radius[i] + b.radius[j]
    return np.maximum(way / _SAFETY - reach - _ROUNDING, 0.0), way * _SAFETY + reach + _ROUNDING


def _by_gaps(a: _Boxes, i: np.ndarray, b: _Boxes, j: np.ndarray) -> np.ndarray:
    """A lower bound by the gap in latitude and by that in longitude, which may be over the antimeridian."""
    left, right = b.left[j] - a.right[i], a.left[i] - b.right[j]
    gap = np.minimum(np.maximum(left, right), np.maximum(left + 360, right - 360))
    gap = np.minimum(gap, np.maximum(left - 360, right + 360))
    gap = np.radians(np.minimum(np.maximum(gap, 0.0), 90.0))
    rise = np.maximum(np.maximum(b.bottom[j] - a.top[i], a.bottom[i] - b.top[j]), 0.0)
    across = _SMALLEST_RADIUS * np.arcsin(np.sin(gap) * np.maximum(a.steepest[i], b.steepest[j]))
    # At a pole, what is 0 is computed as a fraction of a nanometre.
    return np.asarray(np.maximum(np.maximum(rise * _SHORTEST_DEGREE, across) / _SAFETY - _ROUNDING, 0.0))


def distance_bounds_m(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of the distance between something in one box and something in another.

    Args:
        a: Boxes in CRS84, degrees, float64 (P, 4).
        b: The same.

    Returns:
        Metres (P): not more than the distance of the boxes, not less than that of their furthest points.

    Example:
        >>> low, high = distance_bounds_m(np.array([[0.0, 0, 1, 1]]), np.array([[2.0, 0, 3, 1]]))
        >>> bool(low[0] < 111_000 < 350_000 < high[0])
        True
    """
    rows = np.arange(len(a))
    first, second = _Boxes(a), _Boxes(b)
    low, high = _by_centres(first, rows, second, rows)
    return np.maximum(low, _by_gaps(first, rows, second, rows)), high


def nearest(
    geometries: np.ndarray, held: np.ndarray, tree: BoxTree, count: int, names: pa.Array, itself: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """The nearest held geometries of each geometry; of equally near ones those whose name sorts first.

    Args:
        geometries: Object array (N) in CRS84.
        held: Object array (H) in CRS84.
        tree: Over the boxes of ``held``; it may leave rows out, which are not found then.
        count: How many.
        names: ``large_string`` (H).
        itself: int64 (N), the held row that each geometry is and that does not count, if any.

    Returns:
        Rows of ``geometries``, rows of ``held``, metres, sorted by row, then distance; and how many were measured.
    """
    boxes = shapely.bounds(geometries).reshape(-1, 4)
    asked = np.flatnonzero(~np.isnan(boxes).any(axis=1))
    queries, levels = _Boxes(boxes), [_Boxes(level) for level in tree.levels]
    parts, measured = [], 0
    start, step = 0, 256
    while start < len(asked):
        rows = asked[start : start + step]
        found = _descend(queries, rows, tree, levels, count + (itself is not None))
        if itself is not None:
            apart = itself[found[0]] != found[1]
            found = tuple(each[apart] for each in found)
        near = _measured(geometries, held, found, count)
        chosen = smallest(near[0], near[2], count, names.take(pa.array(near[1])))
        parts.append(tuple(each[chosen] for each in near))
        measured += len(near[0])
        start += step
        step = int(np.clip(step * _FRONTIER / (len(found[0]) * _FAN_OUT + 1), 16, 4 * step))
    if not parts:
        none = np.empty(0, np.int64)
        return none, none, none.astype(float), 0
    first, second, values = (np.concatenate(each) for each in zip(*parts, strict=True))
    return first, second, values, measured


def _measured(
    geometries: np.ndarray, held: np.ndarray, candidates: tuple[np.ndarray, ...], count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, held rows and distances, all that may be among the nearest, those first that may begin nearest.

    In each round, the furthest of the nearest so far bounds what is worth measuring in the next, which is larger.
    """
    rows, others, low, high = candidates
    # Not only what begins nearest: what surely ends nearest bounds the others at once.
    chosen = np.union1d(smallest(rows, high, count), smallest(rows, low, count))
    open_ = np.ones(len(rows), dtype=bool)
    values = np.full(len(rows), np.nan)
    size = count
    while len(chosen):
        values[chosen] = _distances(geometries[rows[chosen]], held[others[chosen]])
        open_[chosen] = False
        limit = _reach(rows, np.nan_to_num(values, nan=np.inf), np.ones(len(rows), np.int64), count, len(geometries))
        open_ &= low <= limit[rows]
        rest = np.flatnonzero(open_)
        size *= 2
        chosen = rest[smallest(rows[rest], low[rest], size)]
    known = np.flatnonzero(~np.isnan(values))
    return rows[known], others[known], values[known]


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Metres, a bounded number of vertices at a time."""
    weight = shapely.get_num_coordinates(a) + shapely.get_num_coordinates(b)
    cuts = np.flatnonzero(np.diff(np.cumsum(weight) // _PIECE_VERTICES)) + 1
    parts = zip(np.split(a, cuts), np.split(b, cuts), strict=True)
    return np.concatenate([distance_m(one, other) for one, other in parts])


def _descend(
    queries: _Boxes, asked: np.ndarray, tree: BoxTree, levels: list[_Boxes], count: int
) -> tuple[np.ndarray, ...]:
    """Pairs of a query and a row of the tree that may be among its nearest, by query, with bounds of the distance."""
    top = len(levels) - 1
    query = np.repeat(asked, len(tree.levels[top]))
    node = np.tile(np.arange(len(tree.levels[top])), len(asked))
    limit = np.full(len(queries.x), np.inf)
    low = high = np.empty(0)
    for depth in range(top, -1, -1):
        if depth < top:
            query = np.repeat(query, _FAN_OUT)
            node = (node[:, None] * _FAN_OUT + np.arange(_FAN_OUT)).ravel()
            inside = node < len(tree.levels[depth])
            query, node = query[inside], node[inside]
        low, high = _by_centres(queries, query, levels[depth], node)
        keep = low <= limit[query]
        query, node, low, high = query[keep], node[keep], low[keep], high[keep]
        size = _FAN_OUT**depth
        members = np.minimum(size * (node + 1), len(tree.rows)) - size * node
        _narrow(limit, query, high, members, count)
        low = np.maximum(low, _by_gaps(queries, query, levels[depth], node))
        keep = low <= limit[query]
        query, node, low, high = query[keep], node[keep], low[keep], high[keep]
    return query, tree.rows[node], low, high


def _narrow(limit: np.ndarray, query: np.ndarray, high: np.ndarray, members: np.ndarray, count: int) -> None:
    """Lower the distance within which each query surely has so many members."""
    if not len(query):
        return
    starts = np.flatnonzero(np.r_[True, np.diff(query) != 0])
    owners = query[starts]
    # One node with enough members will do; only where there is none, several are put together.
    alone = np.minimum.reduceat(np.where(members >= count, high, np.inf), starts)
    if np.isfinite(alone).all():
        limit[owners] = np.minimum(limit[owners], alone)
        return
    limit[owners] = np.minimum(limit[owners], _reach(query, high, members, count, len(limit))[owners])


def _reach(query: np.ndarray, high: np.ndarray, members: np.ndarray, count: int, queries: int) -> np.ndarray:
    """By query, within what distance there are surely so many members; infinite where there are fewer."""
    order = np.lexsort((high, query))
    sums = np.cumsum(members[order])
    starts = np.flatnonzero(np.r_[True, np.diff(query[order]) != 0]) if len(order) else np.empty(0, np.int64)
    before = np.repeat(sums[starts] - members[order][starts], np.diff(np.r_[starts, len(order)]))
    enough = np.flatnonzero(sums - before >= count)
    result = np.full(queries, np.inf)
    # Written backwards, the first of each query stays.
    result[query[order][enough[::-1]]] = high[order][enough[::-1]]
    return result


def smallest(rows: np.ndarray, values: np.ndarray, count: int, names: pa.Array | None = None) -> np.ndarray:
    """Places of the ``count`` smallest values of each row, sorted; equal ones by name."""
    order = np.lexsort((values, rows))
    tied = (np.diff(values[order]) == 0) & (np.diff(rows[order]) == 0)
    if names is not None and tied.any():
        place = pc.rank(names, sort_keys="ascending", tiebreaker="dense").to_numpy()
        order = np.lexsort((place, values, rows))
    starts = np.flatnonzero(np.r_[True, np.diff(rows[order]) != 0]) if len(order) else np.empty(0, np.int64)
    place = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    return np.asarray(order[place < count])
