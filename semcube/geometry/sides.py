# SPDX-License-Identifier: Apache-2.0
"""The sides of a spatial join: their geometries, and what is found out about them once."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import shapely

from semcube.geometry.grid import Grid
from semcube.geometry.sorted import distinct

__all__ = ["PointSide", "Side", "is_sound"]

_FIRST_ROWS = 1024
_COLLECTION = 7


class Side:
    """One side of joins, with what is found out about it once: its tree, and how large its geometries are.

    Args:
        geometries: Object array of geometries or None.
        sound: What :func:`is_sound` says of them: int8, 1 or 0, -1 where it is not known; filled in where it is asked.

    Example:
        >>> from semcube.geometry.operator import SpatialJoin
        >>> side, join = Side(shapely.box([0, 5], 0, [1, 6], 1)), SpatialJoin("sfContains")
        >>> parts = (shapely.points([[0.5, 0.5]]), shapely.points([[9, 9], [5.5, 0.5]]))
        >>> [(a.tolist(), b.tolist()) for part in parts for a, b in join.batches(side, part)]
        [([0], [0]), ([1], [1])]
    """

    xy: np.ndarray | None = None
    """The coordinates of the geometries, float64 (N, 2), where all are known to be single points."""

    def __init__(self, geometries: np.ndarray, sound: np.ndarray | None = None) -> None:
        self.geometries = np.asarray(geometries, dtype=object)
        self.sound = np.full(len(self.geometries), -1, np.int8) if sound is None else sound
        self.step = _FIRST_ROWS
        """Rows of another side for which its tree is asked at once, as far as is known."""

    def __len__(self) -> int:
        return len(self.sound)

    def some(self, rows: np.ndarray | slice) -> np.ndarray:
        """Some of the geometries."""
        found: np.ndarray = self.geometries[rows]
        return found

    @cached_property
    def tree(self) -> shapely.STRtree:
        """A tree over their boxes."""
        return shapely.STRtree(self.geometries)

    @cached_property
    def grid(self) -> Grid | None:
        """A grid over their boxes, where that is of use."""
        return Grid.of(shapely.bounds(self.geometries).reshape(-1, 4))

    @cached_property
    def bounds(self) -> np.ndarray:
        """The box around all."""
        return shapely.total_bounds(self.geometries) if len(self) else np.full(4, np.nan)

    @cached_property
    def sizes(self) -> np.ndarray:
        """The number of coordinates of each."""
        return np.asarray(shapely.get_num_coordinates(self.geometries))

    def are_sound(self, rows: np.ndarray) -> np.ndarray | None:
        """Which of these are sound; None: all of them are."""
        known = self.sound
        if bool((known == 1).all()):
            return None
        fresh = distinct(rows[known[rows] < 0])
        if len(fresh):
            known[fresh] = is_sound(self.geometries[fresh])
        found: np.ndarray = known[rows] == 1
        return None if bool(found.all()) else found


class PointSide(Side):
    """A side of single points that are known by their coordinates; geometries are made only where a join needs them.

    Args:
        xy: float64 (N, 2), finite.

    Example:
        >>> from semcube.geometry.operator import SpatialJoin
        >>> side = Side(shapely.box([0, 5], 0, [1, 6], 1))
        >>> points = PointSide(np.array([[0.5, 0.5], [9.0, 9.0], [5.5, 0.5]]))
        >>> [(a.tolist(), b.tolist()) for a, b in SpatialJoin("sfContains").batches(side, points, held=side)]
        [([0, 1], [0, 2])]
    """

    def __init__(self, xy: np.ndarray) -> None:
        self.xy: np.ndarray = xy
        self.sound = np.ones(len(xy), np.int8)
        self.step = _FIRST_ROWS

    @cached_property
    def geometries(self) -> np.ndarray:  # type: ignore[override]
        """The points, object array (N)."""
        return np.asarray(shapely.points(self.xy), dtype=object)

    def some(self, rows: np.ndarray | slice) -> np.ndarray:
        """Some of the points."""
        return np.asarray(shapely.points(self.xy[rows]), dtype=object)

    @cached_property
    def sizes(self) -> np.ndarray:
        """The number of coordinates of each."""
        return np.ones(len(self.xy), np.int64)


def is_sound(geometries: np.ndarray) -> np.ndarray:
    """Whether geometries relate alike whichever of two comes first, so that a prepared one may.

    Invalid ones do not; nor do collections whose members overlap.
    """
    return np.asarray(shapely.is_valid(geometries) & (shapely.get_type_id(geometries) != _COLLECTION))
