# SPDX-License-Identifier: Apache-2.0
"""Relations by a distance: within so many metres, the nearest ones, similar in shape.

Metres are geodesic, on the ellipsoid of CRS84 (:func:`semcube.geometry.distance_m`, which ``geof:metricDistance`` uses
too). Hausdorff's and Frechet's distances are planar, in the units of the system of comparison, and discrete: over the
vertices, which is exact where both have the same ones and a lower bound of Hausdorff's otherwise (Eiter and Mannila
1994; JTS ``DiscreteHausdorffDistance``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely

from semcube.errors import UsageError
from semcube.geometry import distance_m
from semcube.geometry.boxes import grow_m, turned
from semcube.interlink.verification import portions
from semcube.vocab import SEMCUBE

__all__ = ["Measure", "measure_of", "measured_filter"]

_PREDICATES = {"within": "near", "nearest": "nearest", "hausdorff": "similar", "frechet": "similar"}
_PROPERTIES = {"hausdorff": "hausdorffDistance", "frechet": "frechetDistance"}
_PIECE_VERTICES = 400_000
Pairs = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Measure:
    """What is measured between the members of a pair, and up to where they are linked.

    Example:
        >>> Measure("within", 500.0).iri
        'https://w3id.org/semcube/ns#near'
    """

    name: str
    """``within`` or ``nearest`` (metres), ``hausdorff`` or ``frechet`` (units of the system)."""
    limit: float
    """The largest distance; of ``nearest``, how many."""

    @property
    def relation(self) -> str:
        """The short name of the link."""
        return _PREDICATES[self.name]

    @property
    def iri(self) -> str:
        """The property that links a pair."""
        return SEMCUBE + self.relation

    @property
    def distance_iri(self) -> str:
        """The property of the distance of a link."""
        return SEMCUBE + _PROPERTIES.get(self.name, "distance")

    @property
    def in_metres(self) -> bool:
        """Whether it is geodesic; both sides are then in CRS84."""
        return self.name in ("within", "nearest")

    def distances(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The distance of pairs; NaN where there is none.

        Args:
            a: Object array (P) of geometries.
            b: Object array (P).

        Returns:
            float64 (P), metres or units of the system.
        """
        if self.in_metres:
            return distance_m(a, b)
        measured = shapely.hausdorff_distance if self.name == "hausdorff" else shapely.frechet_distance
        return np.asarray(measured(a, b), dtype=np.float64)

    def holds(
        self, left: np.ndarray, first: np.ndarray, right: np.ndarray, second: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which pairs are near enough, and their distances (NaN for others).

        In metres, what shares a point is at 0, and what is surely too far, by the planar distance in degrees, is not
        measured; both are found on prepared geometries, so that few pairs are left.

        Args:
            left: Object array of geometries.
            first: int64 (P), rows of ``left``.
            right: Object array of geometries.
            second: int64 (P), rows of ``right``.

        Returns:
            bool (P) and float64 (P).
        """
        values = np.full(len(first), np.nan)
        rows = np.arange(len(first))
        if self.in_metres:
            shares, maybe = _in_the_plane(left, first, right, second, self.limit)
            values[shares] = 0.0
            rows = np.flatnonzero(maybe & ~shares)
        for part in _pieces(rows, left[first], right[second]):
            values[part] = self.distances(left[first[part]], right[second[part]])
        with np.errstate(invalid="ignore"):
            near = values <= self.limit
        values[~near] = np.nan
        return near, values


def measure_of(within: float | None, nearest: int | None, similar: str | None, at_most: float | None) -> Measure | None:
    """The measure of the choices of a run, None without one.

    Raises:
        UsageError: More than one is chosen, or a limit is missing or impossible.
    """
    chosen = [
        name for name, value in (("within", within), ("nearest", nearest), ("similar", similar)) if value is not None
    ]
    if len(chosen) > 1:
        raise UsageError(" and ".join(chosen), expected="one of within, nearest, similar")
    if at_most is not None and similar is None:
        raise UsageError("at_most without similar", fix="choose similar='hausdorff' or 'frechet' (--similar)")
    if within is not None:
        return Measure("within", _checked("within", within))
    if nearest is not None:
        if nearest < 1:
            raise UsageError(f"nearest={nearest}", expected="at least 1")
        return Measure("nearest", nearest)
    if similar is None:
        return None
    if similar not in ("hausdorff", "frechet"):
        raise UsageError(f"similar={similar!r}", expected="hausdorff or frechet")
    if at_most is None:
        raise UsageError(
            f"similar={similar!r} without a distance", fix="give at_most (--at-most), in the units of the system"
        )
    return Measure(similar, _checked("at_most", at_most))


def _checked(name: str, value: float) -> float:
    if not (np.isfinite(value) and value >= 0):
        raise UsageError(f"{name}={value}", expected="a distance, not negative")
    return float(value)


def measured_filter(measure: Measure, held: np.ndarray) -> Callable[[np.ndarray], Pairs]:
    """Candidate pairs by their boxes.

    Of a distance in metres, boxes grown by it, on both sides of the antimeridian and around the poles. Two shapes whose
    Hausdorff distance is at most d have boxes whose sides are at most d apart, each; Frechet's distance is never
    less than Hausdorff's.

    Args:
        measure: Not ``nearest``.
        held: Object array of geometries.

    Returns:
        Boxes (N, 4) of the stream -> rows of the held side and of the stream, sorted by stream, then held.
    """
    tree = shapely.STRtree(held)
    bounds = shapely.total_bounds(held) if len(held) else np.full(4, np.nan)
    own = shapely.bounds(held).reshape(-1, 4)
    width = np.int64(max(len(held), 1))

    def find(boxes: np.ndarray) -> Pairs:
        if measure.in_metres:
            rows, wide = turned(grow_m(boxes, measure.limit), bounds)
        else:
            rows, wide = np.arange(len(boxes)), boxes + np.array([-1, -1, 1, 1]) * (measure.limit * (1 + 1e-9))
        usable = ~np.isnan(wide).any(axis=1)
        asked, found = tree.query(shapely.box(*wide[usable].T))
        keys = np.unique(rows[usable][asked] * width + found)
        first, second = keys % width, keys // width
        if not measure.in_metres:
            apart = np.abs(own[first] - boxes[second]).max(axis=1) if len(first) else np.empty(0)
            alike = apart <= measure.limit * (1 + 1e-9) + 1e-12
            first, second = first[alike], second[alike]
        return first, second

    return find


def _in_the_plane(
    left: np.ndarray, first: np.ndarray, right: np.ndarray, second: np.ndarray, limit: float
) -> tuple[np.ndarray, np.ndarray]:
    """Which pairs share a point, and which are not further apart in degrees than what is within the limit can be."""
    shares, maybe = np.zeros(len(first), dtype=bool), np.ones(len(first), dtype=bool)
    boxes, others = shapely.bounds(left).reshape(-1, 4)[first], shapely.bounds(right).reshape(-1, 4)[second]
    grown = grow_m(boxes, limit)
    reach = np.hypot(boxes[:, 0] - grown[:, 0], boxes[:, 1] - grown[:, 1])
    with np.errstate(invalid="ignore"):
        # Only where neither turning by 360 degrees nor a pole makes neighbours of what is far apart in the plane.
        plain = (grown[:, 0] > others[:, 2] - 360) & (grown[:, 2] < others[:, 0] + 360) & (reach < 90)
    sizes = shapely.get_num_coordinates(left), shapely.get_num_coordinates(right)
    larger = sizes[0][first] >= sizes[1][second]
    for side, ends, other, other_ends, size, here in (
        (left, first, right, second, sizes[0], larger),
        (right, second, left, first, sizes[1], ~larger),
    ):
        rows = np.flatnonzero(here)
        rows = rows[np.argsort(ends[rows], kind="stable")]
        for portion in portions(size[ends[rows]], ends[rows]):
            some = rows[portion]
            used = side[np.unique(ends[some])]
            shapely.prepare(used)
            try:
                shares[some] = shapely.dwithin(side[ends[some]], other[other_ends[some]], 0.0)
                asked = some[plain[some] & ~shares[some]]
                maybe[asked] = shapely.dwithin(side[ends[asked]], other[other_ends[asked]], reach[asked])
            finally:
                shapely.destroy_prepared(used)
    return shares, maybe


def _pieces(rows: np.ndarray, a: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
    """Rows in pieces of a bounded number of vertices."""
    if not len(rows):
        return []
    weight = shapely.get_num_coordinates(a[rows]) + shapely.get_num_coordinates(b[rows])
    return np.split(rows, np.flatnonzero(np.diff(np.cumsum(weight) // _PIECE_VERTICES)) + 1)
