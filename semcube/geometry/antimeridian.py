# SPDX-License-Identifier: Apache-2.0
"""Geometries of projected systems that lie over the antimeridian or a pole, cut for longitude and latitude.

Such a geometry is plain in its projection, but its bare coordinates in longitude and latitude would run the other way
around the earth. It is cut at 180 degrees (RFC 7946, 3.1.9); a ring around a pole is closed along the edge of the map.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely

__all__ = ["cut_where_needed", "wrapped"]

_WORLD = shapely.box(-180, -90, 180, 90)
_PIECES = 64
_HALF = 180.0
_MULTI = {"Point": shapely.MultiPoint, "LineString": shapely.MultiLineString, "Polygon": shapely.MultiPolygon}

Forward = Callable[[np.ndarray], np.ndarray]


def wrapped(geometry: shapely.Geometry) -> shapely.Geometry:
    """An area whose longitudes leave -180..180, cut and brought back: a polygon or multipolygon.

    Example:
        >>> wrapped(shapely.box(175, 0, 185, 1)).bounds
        (-180.0, 0.0, 180.0, 1.0)
    """
    polygons = [part for part in _leaves(shapely.union_all(_turned(geometry))) if part.geom_type == "Polygon"]
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


def _turned(geometry: shapely.Geometry) -> list[shapely.Geometry]:
    """The pieces in each turn of longitude, brought back to -180..180."""
    west, _, east, _ = shapely.bounds(geometry)
    parts = []
    for turn in range(int(np.floor((west + _HALF) / 360)), int(np.floor((east + _HALF) / 360)) + 1):
        moved = shapely.transform(
            geometry, lambda xyz, turn=turn: xyz - [360.0 * turn, 0.0, 0.0][: xyz.shape[1]], include_z=geometry.has_z
        )
        parts.append(shapely.intersection(moved, _WORLD))
    return parts


def _leaves(geometry: shapely.Geometry) -> list[shapely.Geometry]:
    if hasattr(geometry, "geoms"):
        return [leaf for part in geometry.geoms for leaf in _leaves(part)]
    return [] if geometry.is_empty else [geometry]


def cut_where_needed(planar: np.ndarray, lonlat: np.ndarray, forward: Forward, poles: np.ndarray) -> np.ndarray:
    """The geometries in longitude and latitude, cut where they lie over the antimeridian or a pole.

    Args:
        planar: Object array (N) of geometries of one projected system.
        lonlat: The same geometries with their vertices in longitude and latitude; None where missing.
        forward: Coordinates (N, 2) of the projected system -> longitude and latitude.
        poles: (2, 2) the north and the south pole in the projected system; not finite where it does not show one.

    Returns:
        ``lonlat``, or a copy with other geometries in some rows; those are denser, and have no M.
    """
    box = shapely.bounds(lonlat).reshape(-1, 4)
    with np.errstate(invalid="ignore"):
        suspects = np.flatnonzero((box[:, 2] - box[:, 0] > _HALF) & (shapely.get_dimensions(lonlat) > 0))
    result = lonlat
    for row in suspects.tolist():
        leaves = [part for leaf in _leaves(planar[row]) for part in _cut(leaf, forward, poles)]
        if any(whole is None for whole in leaves):
            result = result.copy() if result is lonlat else result
            result[row] = _together([part for part in leaves if part is not None])
    return result


def _together(parts: list[Any]) -> shapely.Geometry:
    kinds = {part.geom_type for part in parts}
    if len(parts) == 1:
        return parts[0]
    return _MULTI[kinds.pop()](parts) if len(kinds) == 1 else shapely.GeometryCollection(parts)


def _cut(planar: shapely.Geometry, forward: Forward, poles: np.ndarray) -> list[shapely.Geometry | None]:
    """A simple geometry in lon/lat; where it had to be cut, None stands before its parts."""
    kind = "LineString" if planar.geom_type == "LinearRing" else planar.geom_type
    plain = shapely.from_wkb(shapely.to_wkb(planar, output_dimension=3 if planar.has_z else 2))
    west, south, east, north = plain.bounds
    step = max(east - west, north - south) / _PIECES
    if kind == "Point" or not step > 0:
        return [_moved(plain, forward)]
    fine = shapely.segmentize(plain, step)
    paths = [_path(ring, forward) for ring in (shapely.get_rings(fine) if kind == "Polygon" else [fine])]
    if not all(np.isfinite(path).all() for path in paths) or not any(_jumps(path) for path in paths):
        return [_moved(plain, forward)]
    if kind == "LineString":
        line = shapely.LineString(_unwrapped(paths[0]))
        return [None, *(leaf for part in _turned(line) for leaf in _leaves(part) if leaf.geom_type == "LineString")]
    flat = shapely.force_2d(fine)
    areas = [
        _area(path, shapely.Polygon(ring), poles) for path, ring in zip(paths, shapely.get_rings(flat), strict=True)
    ]
    whole = shapely.difference(areas[0], shapely.union_all(areas[1:])) if len(areas) > 1 else areas[0]
    return [None, *(leaf for leaf in _leaves(whole) if leaf.geom_type == "Polygon")]


def _moved(plain: shapely.Geometry, forward: Forward) -> shapely.Geometry:
    return shapely.transform(
        plain, lambda xyz: np.column_stack([forward(xyz[:, :2]), xyz[:, 2:]]), include_z=plain.has_z
    )


def _path(line: shapely.Geometry, forward: Forward) -> np.ndarray:
    xyz = shapely.get_coordinates(line, include_z=bool(line.has_z))
    return np.column_stack([forward(xyz[:, :2]), xyz[:, 2:]])


def _jumps(path: np.ndarray) -> bool:
    return bool((np.abs(np.diff(path[:, 0])) > _HALF).any())


def _unwrapped(path: np.ndarray) -> np.ndarray:
    return np.column_stack([np.unwrap(path[:, 0], period=360.0), path[:, 1:]])


def _area(path: np.ndarray, inside: shapely.Geometry, poles: np.ndarray) -> shapely.Geometry:
    """The area inside a ring, within -180..180."""
    ring = _unwrapped(path)
    turn = ring[-1, 0] - ring[0, 0]
    if abs(turn) <= _HALF:
        ring[-1] = ring[0]  # a full turn back may leave a difference in the last digit
        return wrapped(shapely.make_valid(shapely.Polygon(ring)))
    held = [
        sign for sign, pole in zip((90.0, -90.0), poles, strict=True)
        if np.isfinite(pole).all() and shapely.intersects_xy(inside, *pole)
    ]  # fmt: skip
    edge = np.array([ring[-1], ring[0]])
    edge[:, 1] = held[0] if len(held) == 1 else float(np.copysign(90.0, ring[:, 1].mean()))
    return wrapped(shapely.make_valid(shapely.Polygon(np.concatenate([ring, edge]))))
