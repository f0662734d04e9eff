# SPDX-License-Identifier: Apache-2.0
"""The least that geometries can be apart, cheaper to know than their distance; and the nearest found by it.

The metric of the ellipsoid, ``M² dφ² + N² cos² φ dλ²``, is nowhere below that of a sphere of its least radius of
curvature, a (1 - e²), at the same longitudes and latitudes. So distances on that sphere are least distances.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyproj

__all__ = ["LEAST_RADIUS_M", "least_m", "nearest_rows"]

_ELLIPSOID = pyproj.Geod(ellps="WGS84")
LEAST_RADIUS_M = _ELLIPSOID.a * (1 - _ELLIPSOID.es)
_SLACK, _SLACK_M = 1 - 1e-9, 1e-6
"""More than numbers are rounded by."""
_FIRST = 16


def least_m(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """A lower bound of the geodesic distance between anything in one box and anything in each of others.

    Args:
        box: (4) or (N, 4): xmin, ymin, xmax, ymax in degrees.
        boxes: (N, 4). Both sides of the antimeridian are neighbours.

    Returns:
        Metres (N), float64; 0 where nothing is known, as of numbers that are no degrees.

    Example:
        >>> near, far = least_m(np.array([0, 0, 1, 1]), np.array([[1, 1, 2, 2], [5, 0, 6, 1]]))
        >>> float(near), round(float(far) / 1000)
        (0.0, 442)
    """
    one, other = np.broadcast_arrays(np.asarray(box, np.float64).reshape(-1, 4), np.asarray(boxes, np.float64))
    with np.errstate(invalid="ignore"):
        north_south = np.maximum(one[:, 1] - other[:, 3], other[:, 1] - one[:, 3])
        highest = np.minimum(_highest(one), _highest(other))
        least = np.maximum(np.maximum(np.radians(north_south), 0.0), _to_meridian(highest, _gap(one, other)))
        sensible = (_highest(one) <= 90) & (_highest(other) <= 90) & (np.abs(other[:, ::2]).max(axis=1) <= 720)
        least[~(sensible & (np.abs(one[:, ::2]).max(axis=1) <= 720))] = 0.0
    result: np.ndarray = np.maximum(least * (LEAST_RADIUS_M * _SLACK) - _SLACK_M, 0.0)
    return result


def _highest(boxes: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(boxes[:, 1::2]).max(axis=1))


def _gap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Degrees of longitude between boxes, on the shorter way round; 0 where they share a meridian."""
    east, west = (other[:, 0] - one[:, 2]) % 360.0, (one[:, 0] - other[:, 2]) % 360.0
    around = one[:, 2] - one[:, 0] + other[:, 2] - other[:, 0] + east + west
    return np.asarray(np.where(around < 540.0, np.minimum(east, west), 0.0))


def _to_meridian(latitude: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """The angle from a point to a meridian so many degrees away; from 90 on its nearest point is the pole."""
    phi, turn = np.radians(np.minimum(latitude, 90.0)), np.radians(np.minimum(degrees, 90.0))
    return np.asarray(np.arcsin(np.cos(phi) * np.sin(turn)))


def nearest_rows(
    least: np.ndarray, measure: Callable[[np.ndarray], np.ndarray], count: int, uses: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """Measure as few rows as it takes to know the nearest.

    Args:
        least: (N) what each row is at least apart, metres.
        measure: Rows -> metres (NaN where there is no distance).
        count: How many are wanted.
        uses: (N) how often each row counts; once by default.

    Returns:
        Metres (N), NaN for rows that were not measured; and the distance of the last one that is wanted: all rows that
        are as near, or nearer, are measured. Infinite where there are not so many.

    Example:
        >>> true = np.array([7.0, 3.0, 5.0, 90.0])
        >>> metres, last = nearest_rows(true - 1, lambda rows: true[rows], count=2)
        >>> last, metres[metres <= last].tolist()
        (5.0, [3.0, 5.0])
    """
    metres, order = np.full(len(least), np.nan), np.argsort(least, kind="stable")
    bounds = least[order]
    done, step, last = 0, max(_FIRST, 2 * count), np.inf
    while done < len(order) and bounds[done] <= last:
        end = min(int(np.searchsorted(bounds, last, "right")), done + step)
        rows = order[done:end]
        metres[rows] = measure(rows)
        done, step = end, 4 * step
        last = _kth(metres[order[:done]], None if uses is None else uses[order[:done]], count)
    return metres, last


def _kth(metres: np.ndarray, uses: np.ndarray | None, count: int) -> float:
    order = np.argsort(metres)
    number = np.arange(1, len(order) + 1) if uses is None else np.cumsum(uses[order])
    place = int(np.searchsorted(number, count))
    return float(metres[order[place]]) if place < len(order) and not np.isnan(metres[order[place]]) else np.inf
