# SPDX-License-Identifier: Apache-2.0
"""A spatial index over geometries in CRS84 that stay where they are until a query needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import numpy as np
import shapely

from semcube.errors import GeometryError
from semcube.geometry.boxes import BoxTree, grow_m, turned
from semcube.geometry.histogram import Histogram
from semcube.geometry.least import least_m, nearest_rows
from semcube.geometry.metres import distance_m
from semcube.geometry.operator import DISTANCE
from semcube.geometry.relations import Relation
from semcube.geometry.relations import relation as find
from semcube.geometry.selection import spatial_filter
from semcube.geometry.sides import is_sound
from semcube.geometry.sorted import distinct

__all__ = ["SpatialIndex"]

Load = Callable[[np.ndarray], np.ndarray]
_LOAD_ROWS = 65_536


class SpatialIndex:
    """Boxes in memory, geometries by call-back.

    Args:
        items: Object array (N) of geometries in CRS84, or float64 (N, 4) boxes: xmin, ymin, xmax, ymax, NaN for an
            empty geometry. Missing geometries are never found.
        ids: int64 (N), distinct, what queries answer with; None: row numbers.
        load: ids -> object array of their geometries in CRS84; None with boxes: only boxes can be asked.
        load_rows: Geometries loaded at a time, at most.
        points: bool (N): which are known to be single points, each all of its box; None: nothing is known.

    Example:
        >>> index = SpatialIndex(shapely.points([[1, 1], [2, 2], [9, 9]]), ids=np.array([10, 20, 30]))
        >>> index.query(shapely.box(0, 0, 3, 3), "sfWithin")
        array([10, 20])
    """

    def __init__(
        self,
        items: np.ndarray,
        ids: np.ndarray | None = None,
        load: Load | None = None,
        load_rows: int = _LOAD_ROWS,
        *,
        points: np.ndarray | None = None,
    ) -> None:
        items = np.asarray(items)
        in_memory = items.dtype == object
        boxes = shapely.bounds(items) if in_memory else np.asarray(items, dtype=np.float64)
        self.boxes = boxes.reshape(-1, 4)
        self.ids = np.arange(len(self.boxes)) if ids is None else np.asarray(ids, dtype=np.int64)
        if len(self.ids) != len(self.boxes):
            raise GeometryError(f"{len(self.ids)} ids for {len(self.boxes)} boxes", expected="one id per box")
        self._load = _loader(items, self.ids) if in_memory and load is None else load
        self._load_rows = load_rows
        self._tree = BoxTree(self.boxes)
        self._ascending = bool((self.ids[1:] > self.ids[:-1]).all())
        self._points = points
        self._sound = np.full(len(self.boxes), -1, np.int8)
        if points is not None:
            self._sound[points] = 1

    @classmethod
    def from_geometries(cls, geometries: np.ndarray, ids: np.ndarray | None = None) -> SpatialIndex:
        """An index over geometries in memory (CRS84)."""
        return cls(np.asarray(geometries, dtype=object), ids)

    @classmethod
    def from_boxes(
        cls,
        boxes: np.ndarray,
        ids: np.ndarray | None = None,
        load: Load | None = None,
        load_rows: int = _LOAD_ROWS,
        *,
        points: np.ndarray | None = None,
    ) -> SpatialIndex:
        """An index over boxes (CRS84) whose geometries are loaded when a relation has to be tested."""
        return cls(np.asarray(boxes, dtype=np.float64), ids, load, load_rows, points=points)

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def bounds(self) -> np.ndarray:
        """The box around everything (4); NaN without geometries."""
        return self._tree.bounds

    @cached_property
    def histogram(self) -> Histogram:
        """How many boxes to expect where."""
        return Histogram.of(self.boxes)

    def rows(self, ids: np.ndarray) -> np.ndarray:
        """The row of each id, -1 where it is not indexed."""
        if not len(self.ids):
            return np.full(len(ids), -1, np.int64)
        order = None if self._ascending else np.argsort(self.ids)
        known = self.ids if order is None else self.ids[order]
        place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
        return np.where(known[place] == ids, place if order is None else order[place], -1)

    def coordinates(self, ids: np.ndarray) -> np.ndarray:
        """Longitude and latitude of those that are known to be single points, NaN for others, float64 (N, 2).

        Example:
            >>> index = SpatialIndex.from_boxes([[1, 2, 1, 2], [0, 0, 9, 9]], points=np.array([True, False]))
            >>> index.coordinates(np.array([1, 0])).tolist()
            [[nan, nan], [1.0, 2.0]]
        """
        if self._points is None or not self._points.any():
            return np.full((len(ids), 2), np.nan)
        rows = self.rows(ids)
        found: np.ndarray = self.boxes[rows, :2]
        known = (rows >= 0) & self._points[rows]
        if not known.all():
            found[~known] = np.nan
        return found

    def sound(self, ids: np.ndarray, geometries: np.ndarray | None = None) -> np.ndarray:
        """Which geometries are valid and no collections: what :func:`is_sound` says, remembered.

        Args:
            ids: int64 (N).
            geometries: Theirs, object array (N), to find out what is not known yet.

        Returns:
            int8 (N): 1 yes, 0 no, -1 not known (without ``geometries`` only).
        """
        rows = self.rows(ids)
        known = (
            np.where(rows < 0, np.int8(-1), self._sound[rows]) if len(self._sound) else np.full(len(ids), -1, np.int8)
        )
        fresh = np.flatnonzero(known < 0)
        if geometries is not None and len(fresh):
            known[fresh] = is_sound(geometries[fresh])
            self.learn(ids[fresh], known[fresh])
        return known

    def learn(self, ids: np.ndarray, sound: np.ndarray) -> None:
        """Remember which geometries are sound; -1 is not known."""
        rows = self.rows(ids)
        kept = (rows >= 0) & (sound >= 0)
        self._sound[rows[kept]] = sound[kept]

    def inherit(self, older: SpatialIndex) -> None:
        """Take over what is known of the geometries of an index whose rows are the first of this one."""
        self._sound[: len(older)] = older._sound

    def candidates(self, window: shapely.Geometry | Sequence[float], distance: float | None = None) -> np.ndarray:
        """The sorted ids whose box meets the box of a geometry (or a box), grown by metres where given.

        Example:
            >>> SpatialIndex.from_geometries(shapely.points([[1, 1], [9, 9]])).candidates((0, 0, 2, 2))
            array([0])
        """
        box = np.asarray(_bounds(window), dtype=np.float64).reshape(1, 4)
        if np.isnan(box).any():
            return np.empty(0, np.int64)
        if distance is not None:
            box = turned(grow_m(box, distance), self.bounds)[1]
        return distinct(self.ids[self._tree.query(box)[1]])

    def candidate_pairs(self, boxes: np.ndarray, distance: float | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The same for many boxes (Q, 4) at once: query numbers and ids, each pair once, sorted."""
        boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        rows = np.arange(len(boxes))
        if distance is not None:
            rows, boxes = turned(grow_m(boxes, distance), self.bounds)
        query, found = self._tree.query(boxes)
        pairs = np.unique(np.column_stack([rows[query], self.ids[found]]), axis=0)
        return pairs[:, 0], pairs[:, 1]

    def query(
        self,
        window: shapely.Geometry | Sequence[float],
        predicate: str | Relation | None = None,
        distance: float | None = None,
        errors: dict[int, str] | None = None,
    ) -> np.ndarray:
        """The ids of the geometries that stand in a relation to one geometry: ``predicate(indexed, window)``.

        Args:
            window: A geometry in CRS84, or a box (xmin, ymin, xmax, ymax).
            predicate: A relation as for :func:`semcube.geometry.spatial_filter`; None with ``distance`` is "at most so
                far", None without is "their boxes meet".
            distance: Metres on the ellipsoid.
            errors: Receives id -> reason where there is no truth value.

        Returns:
            int64, sorted.

        Raises:
            GeometryError: The relation is unknown, or the index has no geometries to test.
        """
        if predicate is None and distance is None:
            return self.candidates(window)
        geometry = window if isinstance(window, shapely.Geometry) else shapely.box(*window)
        chosen = None if distance is not None else find(predicate or "")
        if chosen is not None and chosen.may_be_disjoint:
            return self._apart(geometry, chosen, errors)
        wanted = self.candidates(geometry, distance)
        return self._filtered(wanted, geometry, chosen or DISTANCE, distance, errors)

    def _apart(self, geometry: shapely.Geometry, chosen: Relation, errors: dict[int, str] | None) -> np.ndarray:
        """Relations that can hold between geometries that do not meet: the complement where that is all it takes."""
        if chosen.predicate == "disjoint" and not geometry.is_empty:
            # Without a box: empty, which is disjoint from all, or missing, which is nothing.
            boxless = np.unique(self.ids[np.isnan(self.boxes).any(axis=1)])
            near = np.union1d(self.candidates(geometry), boxless)
            apart = self._filtered(near, geometry, chosen, None, errors)
            return np.union1d(np.setdiff1d(self.ids, near), apart)
        if chosen.predicate == "equals" and not geometry.is_empty:
            return self._filtered(self.candidates(geometry), geometry, chosen, None, errors)
        return self._filtered(np.unique(self.ids), geometry, chosen, None, errors)

    def _filtered(
        self,
        wanted: np.ndarray,
        geometry: shapely.Geometry,
        chosen: Relation | str,
        distance: float | None,
        errors: dict[int, str] | None,
    ) -> np.ndarray:
        kept = [np.empty(0, np.int64)]
        for ids, geometries in self.geometries(wanted):
            reasons: dict[int, str] = {}
            kept.append(ids[spatial_filter(geometries, geometry, chosen, distance_m=distance, errors=reasons)])
            if errors is not None:
                errors.update({int(ids[row]): reason for row, reason in reasons.items()})
        return np.concatenate(kept)

    def geometries(self, ids: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Geometries of ids, loaded in bounded portions: pairs of ids and object array.

        Raises:
            GeometryError: The index was built without a way to load geometries.
        """
        if self._load is None:
            raise GeometryError("an index of boxes only", fix="give it a function that loads geometries")
        for start in range(0, len(ids), self._load_rows):
            part = ids[start : start + self._load_rows]
            yield part, self._load(part)

    def nearest(
        self, geometry: shapely.Geometry, k: int = 1, max_distance: float | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k nearest geometries in metres on the ellipsoid.

        Args:
            geometry: In CRS84, not empty.
            k: How many; ties beyond k are cut by id.
            max_distance: Look no further, in metres.

        Returns:
            ids (int64) and metres (float64), nearest first; fewer than k where there are no more.

        Example:
            >>> index = SpatialIndex.from_geometries(shapely.points([[1, 1], [2, 2], [9, 9]]))
            >>> ids, metres = index.nearest(shapely.Point(0, 0), k=2)
            >>> ids, metres.round()
            (array([0, 1]), array([156900., 313776.]))
        """
        if geometry.is_empty or len(self._tree.rows) == 0 or k < 1:
            return np.empty(0, np.int64), np.empty(0)
        limit = 20_100_000.0 if max_distance is None else float(max_distance)
        reach = min(limit, self._first_reach(geometry, k))
        while True:
            ids = self.candidates(geometry, reach)
            least = least_m(np.array(geometry.bounds), self.boxes[self.rows(ids)])
            metres, last = nearest_rows(least, lambda rows, ids=ids: self._metres(ids[rows], geometry), k)  # type: ignore[misc]
            if last <= reach or reach >= limit:
                near = np.flatnonzero(metres <= min(last, limit))
                best = near[np.lexsort((ids[near], metres[near]))][:k]
                return ids[best], metres[best]
            reach = min(limit, reach * 3)

    def _metres(self, ids: np.ndarray, geometry: shapely.Geometry) -> np.ndarray:
        metres, order = np.empty(len(ids)), np.argsort(ids)
        place = 0
        for part, geometries in self.geometries(ids[order]):
            metres[order[place : place + len(part)]] = distance_m(geometries, np.array(geometry, dtype=object))
            place += len(part)
        return metres

    def _first_reach(self, geometry: shapely.Geometry, k: int) -> float:
        """A radius that would hold about 2 k geometries, were they spread evenly."""
        west, south, east, north = self.bounds
        box = geometry.bounds
        gap = max(west - box[2], box[0] - east, south - box[3], box[1] - north, 0.0)
        share = np.sqrt(max((east - west) * (north - south), 1e-12) * 2 * k / len(self._tree.rows) / np.pi)
        return float((gap + share) * 111_000.0) + 1.0


def _loader(geometries: np.ndarray, ids: np.ndarray) -> Load:
    order = np.argsort(ids, kind="stable")
    in_order = ids[order]
    return lambda wanted: geometries[order[np.searchsorted(in_order, wanted)]]


def _bounds(window: shapely.Geometry | Sequence[float]) -> tuple[float, ...]:
    return window.bounds if isinstance(window, shapely.Geometry) else tuple(window)
