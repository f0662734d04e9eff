# SPDX-License-Identifier: Apache-2.0
"""The plane in tiles of about the same work, and which of them a feature is sent to.

A feature goes to each tile that its box meets, and a pair is related in one tile only: the one that holds the lower
left corner of what the two boxes share (the reference point of Dittrich and Seeger, 2000). A *giant*, whose copies
would cost more than sending it what it meets, has groups of its own instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely

__all__ = ["Giant", "Layout", "Tiling"]

_CROSSING = 0.5
"""A tile stays whole if cutting it would copy more than this share of it."""


@dataclass(frozen=True)
class Tiling:
    """Half-open tiles ``[west, east) x [south, north)`` that cover the plane, by cuts along the axes.

    Args:
        axis: int64 (N), axis of the cut of each node, -1 for a tile.
        place: float64 (N), where it is cut.
        low: int64 (N), the node below the cut; of a tile, its number.
        high: int64 (N), the node from the cut on.
        bounds: float64 (T, 4), the tiles; infinite at the rim.
    """

    axis: np.ndarray
    place: np.ndarray
    low: np.ndarray
    high: np.ndarray
    bounds: np.ndarray

    def __len__(self) -> int:
        return len(self.bounds)

    @classmethod
    def fit(cls, boxes: np.ndarray, weights: np.ndarray, tiles: int) -> Tiling:
        """Tiles of about the same weight, for a sample of boxes.

        Args:
            boxes: float64 (S, 4).
            weights: float64 (S), what each stands for.
            tiles: About how many; fewer where cuts would not help.

        Example:
            >>> boxes = np.array([[0, 0, 1, 1], [2, 0, 3, 1], [8, 0, 9, 1], [8, 0, 9, 1]], dtype=float)
            >>> Tiling.fit(boxes, np.ones(4), 2).bounds.tolist()
            [[-inf, -inf, 8.5, inf], [8.5, -inf, inf, inf]]
        """
        nodes: list[tuple[int, float, int, int]] = []
        bounds: list[tuple[float, float, float, float]] = []
        plane = (-np.inf, -np.inf, np.inf, np.inf)
        limit = weights.sum() / max(tiles, 1)

        def grow(rows: np.ndarray, box: tuple[float, float, float, float]) -> int:
            number = len(nodes)
            nodes.append((-1, 0.0, len(bounds), 0))
            cut = _cut(boxes[rows], weights[rows]) if weights[rows].sum() > 1.5 * limit else None
            if cut is None:
                bounds.append(box)
                return number
            axis, place = cut
            below = (boxes[rows, axis] + boxes[rows, axis + 2]) / 2 < place
            ends = [*box[:2], *box[2:]]
            left, right = ends.copy(), ends.copy()
            left[axis + 2] = right[axis] = place
            low = grow(rows[below], (left[0], left[1], left[2], left[3]))
            high = grow(rows[~below], (right[0], right[1], right[2], right[3]))
            nodes[number] = (axis, place, low, high)
            return number

        grow(np.arange(len(boxes)), plane)
        axis, place, low, high = (np.array(column) for column in zip(*nodes, strict=True))
        return cls(axis, place, low, high, np.array(bounds))

    def met(self, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The tiles that boxes meet.

        Args:
            boxes: float64 (N, 4).

        Returns:
            Rows and numbers of tiles, sorted by tile, then row.
        """
        rows, tiles = [], []
        waiting = [(0, np.flatnonzero(~np.isnan(boxes).any(axis=1)))]
        while waiting:
            node, here = waiting.pop()
            if not len(here):
                continue
            axis = self.axis[node]
            if axis < 0:
                rows.append(here)
                tiles.append(np.full(len(here), self.low[node]))
                continue
            waiting.append((int(self.low[node]), here[boxes[here, axis] < self.place[node]]))
            waiting.append((int(self.high[node]), here[boxes[here, axis + 2] >= self.place[node]]))
        if not rows:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        found, numbers = np.concatenate(rows), np.concatenate(tiles)
        order = np.lexsort((found, numbers))
        return found[order], numbers[order]

    def owns(self, tile: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Which pairs of boxes (P, 4) that meet are related in a tile; each is in exactly one."""
        corner = np.maximum(first[:, :2], second[:, :2])
        west, south, east, north = self.bounds[tile]
        inside = (corner >= (west, south)) & (corner < (east, north))
        return np.asarray(inside.all(axis=1))


def _cut(boxes: np.ndarray, weights: np.ndarray) -> tuple[int, float] | None:
    """Axis and place of the cut at the weighted median that fewest boxes cross, None if none helps."""
    best: tuple[float, int, float] | None = None
    for axis in (0, 1):
        middle = (boxes[:, axis] + boxes[:, axis + 2]) / 2
        order = np.argsort(middle, kind="stable")
        half = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2, "right")
        place = float(middle[order[min(half, len(order) - 1)]])
        if not (middle < place).any():
            above = middle[middle > place]
            if not len(above):
                continue
            place = float(above.min())
        crossing = float(weights[(boxes[:, axis] < place) & (boxes[:, axis + 2] >= place)].sum())
        if best is None or crossing < best[0]:
            best = (crossing, axis, place)
    if best is None or best[0] > _CROSSING * weights.sum():
        return None
    return best[1], best[2]


@dataclass(frozen=True)
class Giant:
    """A geometry with groups of its own."""

    side: int
    """0 for the source, 1 for the target."""
    box: tuple[float, float, float, float]
    print: int
    """Fingerprint of its WKB."""
    group: int
    """The first of its groups."""
    groups: int
    """In how many groups what it meets is split."""


@dataclass(frozen=True)
class Layout:
    """Which groups the features of both sides are sent to: first the tiles, then the groups of giants.

    Args:
        tiling: The tiles.
        giants: Geometries with groups of their own, those of the source first, no two of a side alike.
        self_join: Both sides are one.
    """

    tiling: Tiling
    giants: tuple[Giant, ...] = ()
    self_join: bool = False
    _known: dict[tuple[object, ...], int] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for number, giant in enumerate(self.giants):
            self._known[giant.side, giant.box, giant.print] = number

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return len(self.tiling) + sum(giant.groups for giant in self.giants)

    def giant_numbers(self, side: int, boxes: np.ndarray, prints: np.ndarray) -> np.ndarray:
        """For each geometry the number of the giant that it is, -1 for others."""
        rows = zip(boxes.tolist(), prints.tolist(), strict=True)
        return np.array([self._known.get((side, tuple(box), key), -1) for box, key in rows], np.int64)

    def routes(self, side: int, boxes: np.ndarray, giants: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where features are sent.

        Args:
            side: 0 or 1.
            boxes: float64 (N, 4).
            giants: int64 (N), numbers of the giants among them, -1 for others.

        Returns:
            Rows, groups, and whether a row goes there as the giant of that group; sorted by group, then row.
        """
        plain = np.flatnonzero(giants < 0)
        rows, groups = self.tiling.met(boxes[plain])
        parts = [(plain[rows], groups, np.zeros(len(rows), dtype=bool))]
        for row in np.flatnonzero(giants >= 0):
            giant = self.giants[giants[row]]
            own = np.arange(giant.group, giant.group + giant.groups)
            parts.append((np.full(len(own), row), own, np.ones(len(own), dtype=bool)))
        parts.append(self._met_giants(side, boxes, giants))
        found = [np.concatenate(each) for each in zip(*parts, strict=True)]
        order = np.lexsort((found[0], found[1]))
        return found[0][order], found[1][order], found[2][order]

    def _met_giants(
        self, side: int, boxes: np.ndarray, giants: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What goes to the groups of giants whose boxes it meets; of two giants, the later goes to the earlier."""
        against = [n for n, giant in enumerate(self.giants) if self.self_join or giant.side != side]
        none = np.empty(0, np.int64)
        present = np.flatnonzero(~np.isnan(boxes).any(axis=1))
        if not against or not len(present):
            return none, none, none.astype(bool)
        tree = shapely.STRtree(shapely.box(*np.array([self.giants[n].box for n in against]).T))
        row, place = tree.query(shapely.box(*boxes[present].T))
        row = present[row]
        number = np.asarray(against)[place]
        wanted = (giants[row] < 0) | (giants[row] > number)
        row, number = row[wanted], number[wanted]
        first = np.array([giant.group for giant in self.giants])[number]
        spread = np.array([giant.groups for giant in self.giants])[number]
        return row, first + row % spread, np.zeros(len(row), dtype=bool)
