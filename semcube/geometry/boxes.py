# SPDX-License-Identifier: Apache-2.0
"""Boxes (xmin, ymin, xmax, ymax): packed trees over them, and their growth by metres.

The tree is a sort-tile-recursive packed R-tree (Leutenegger, Lopez, Edgington 1997) held in four float columns per
level, 16 boxes to a node: no object per box, so a tree takes 10 bytes a box beside the boxes themselves, and many
queries run at once.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

__all__ = ["BoxTree", "grow_m", "intersecting", "turned"]

_FAN_OUT = 16
_FRONTIER = 4_000_000
# Radii of curvature of WGS 84: a degree of latitude is never shorter than 110 574 m.
_METRES_PER_DEGREE = 110_574.0
_SMALLEST_RADIUS_M = 6_335_439.0
_SAFETY = 1.01
# Degrees (0.1 mm): geodesic computations round.
_ROUNDING = 1e-9


class BoxTree:
    """A packed tree over boxes.

    Args:
        boxes: float64 (N, 4); rows with NaN (empty geometries) are never found.

    Example:
        >>> tree = BoxTree(np.array([[0.0, 0.0, 1.0, 1.0], [5.0, 5.0, 6.0, 6.0]]))
        >>> tree.query(np.array([[0.5, 0.5, 9.0, 9.0]]))
        (array([0, 0]), array([0, 1]))
    """

    def __init__(self, boxes: np.ndarray) -> None:
        boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        usable = np.flatnonzero(~np.isnan(boxes).any(axis=1))
        order = usable[_tiles(boxes[usable])]
        self.rows: np.ndarray = order if len(boxes) > np.iinfo(np.int32).max else order.astype(np.int32)
        self._boxes = boxes
        level = boxes[order]
        self._nodes: list[np.ndarray] = []
        while len(level) > _FAN_OUT:
            starts = np.arange(0, len(level), _FAN_OUT)
            lower = np.minimum.reduceat(level[:, :2], starts, axis=0)
            level = np.hstack([lower, np.maximum.reduceat(level[:, 2:], starts, axis=0)])
            self._nodes.append(level)

    @cached_property
    def levels(self) -> list[np.ndarray]:
        """The boxes of each level in the order of the tree: first those it was built from, copied, the top last."""
        return [self._level(depth) for depth in range(len(self._nodes) + 1)]

    @property
    def bounds(self) -> np.ndarray:
        """The box around everything (4); NaN without boxes."""
        if len(self.rows) == 0:
            return np.full(4, np.nan)
        top = self._level(len(self._nodes))
        return np.concatenate([top[:, :2].min(axis=0), top[:, 2:].max(axis=0)])

    def query(self, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All pairs of a query box and a box of the tree that share at least a point.

        Args:
            boxes: float64 (Q, 4).

        Returns:
            Query numbers and rows of the boxes the tree was built from, int64, ordered by query number, then row.
        """
        boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        asked = np.flatnonzero(~np.isnan(boxes).any(axis=1))
        if len(self.rows) == 0 or len(asked) == 0:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        found = [self._descend(boxes, part) for part in self._portions(asked)]
        queries = np.concatenate([part[0] for part in found])
        rows = np.concatenate([part[1] for part in found])
        order = np.lexsort((rows, queries))
        return queries[order], rows[order]

    def _portions(self, asked: np.ndarray) -> list[np.ndarray]:
        size = max(1, _FRONTIER // (self._size(len(self._nodes)) * _FAN_OUT * _FAN_OUT))
        return [asked[start : start + size] for start in range(0, len(asked), size)]

    def _descend(self, boxes: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        top = self._size(len(self._nodes))
        query, node = np.repeat(asked, top), np.tile(np.arange(top), len(asked))
        for depth in range(len(self._nodes), -1, -1):
            if depth < len(self._nodes):
                query = np.repeat(query, _FAN_OUT)
                node = (node[:, None] * _FAN_OUT + np.arange(_FAN_OUT)).ravel()
                inside = node < self._size(depth)
                query, node = query[inside], node[inside]
            keep = intersecting(self._level(depth, node), boxes[query])
            query, node = query[keep], node[keep]
        return query, self.rows[node].astype(np.int64)

    def _size(self, depth: int) -> int:
        """How many boxes a level has; 0 is that of the boxes themselves."""
        return len(self._nodes[depth - 1]) if depth else len(self.rows)

    def _level(self, depth: int, nodes: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Boxes of a level."""
        found: np.ndarray = self._nodes[depth - 1][nodes] if depth else self._boxes[self.rows[nodes]]
        return found


def _tiles(boxes: np.ndarray) -> np.ndarray:
    """The order of sort-tile-recursive packing: slices by x, within them by y."""
    count = len(boxes)
    if count == 0:
        return np.empty(0, np.int64)
    x, y = boxes[:, 0] + boxes[:, 2], boxes[:, 1] + boxes[:, 3]
    slices = int(np.ceil(np.sqrt(count / _FAN_OUT)))
    size = -(-count // slices)
    part = np.empty(count, np.int64)
    part[np.argsort(x, kind="stable")] = np.arange(count) // size
    return np.lexsort((y, part))


def intersecting(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether boxes share at least a point, row by row."""
    result: np.ndarray = (a[:, 0] <= b[:, 2]) & (a[:, 2] >= b[:, 0]) & (a[:, 1] <= b[:, 3]) & (a[:, 3] >= b[:, 1])
    return result


def grow_m(boxes: np.ndarray, metres: float | np.ndarray) -> np.ndarray:
    """Boxes that hold everything within a distance on the ellipsoid.

    Longitudes may leave -180..180: see :func:`turned`. Where the distance reaches a pole all longitudes are taken.

    Args:
        boxes: Degrees in CRS84, float64 (N, 4).
        metres: One or (N).

    Returns:
        float64 (N, 4), a little larger than needed, never smaller.

    Example:
        >>> grow_m(np.array([[10.0, 0.0, 10.0, 0.0]]), 110_574).round(2)
        array([[ 8.98, -1.01, 11.02,  1.01]])
    """
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    reach = np.broadcast_to(np.asarray(metres, dtype=np.float64), len(boxes)) * _SAFETY
    up = reach / _METRES_PER_DEGREE
    angle = reach / _SMALLEST_RADIUS_M
    highest = np.radians(np.abs(boxes[:, [1, 3]]).max(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        # The tangent of a spherical cap: sin(dlon) = sin(radius) / cos(latitude).
        sine = np.sin(np.minimum(angle, np.pi / 2)) / np.cos(highest)
        side = np.where(
            highest + angle >= np.pi / 2 - 1e-9, 360.0, np.degrees(np.arcsin(np.minimum(sine, 1.0))) * _SAFETY
        )
    side, up = side + _ROUNDING, up + _ROUNDING
    return np.column_stack([boxes[:, 0] - side, boxes[:, 1] - up, boxes[:, 2] + side, boxes[:, 3] + up])


def turned(boxes: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes, and the same boxes a turn further east and west where that brings them to the data.

    Args:
        boxes: Degrees, float64 (N, 4).
        bounds: The box around the data (4).

    Returns:
        Row numbers (M) and boxes (M, 4), M >= N.

    Example:
        >>> rows, moved = turned(np.array([[179.0, 0.0, 181.0, 1.0]]), np.array([-180.0, -90.0, 180.0, 90.0]))
        >>> rows, moved[:, 0]
        (array([0, 0]), array([ 179., -181.]))
    """
    rows, moved = [np.arange(len(boxes))], [boxes]
    for turn in (-360.0, 360.0):
        shifted = boxes + np.array([turn, 0.0, turn, 0.0])
        touching = np.flatnonzero(intersecting(shifted, np.broadcast_to(bounds, shifted.shape)))
        rows.append(touching)
        moved.append(shifted[touching])
    return np.concatenate(rows), np.concatenate(moved)
