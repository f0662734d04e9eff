# SPDX-License-Identifier: Apache-2.0
"""Buffers in metres around geometries in longitude and latitude.

Each geometry is projected to an azimuthal equidistant plane around its own centre, buffered there and projected back,
vectorised over all geometries. A geometry larger than a few degrees is cut into pieces, each with its own plane, so
that the radius stays true. Poles and the antimeridian are cut open afterwards.
"""

from __future__ import annotations

import numpy as np
import pyproj
import shapely

from semcube.errors import GeometryError
from semcube.geometry.antimeridian import wrapped

__all__ = ["buffer_m"]

_GEOD = pyproj.Geod(ellps="WGS84")
_MAX_M = 5_000_000.0
_PIECE_DEGREES = 2.0
_STEP_DEGREES = 0.1
_POLE_STEPS = 10.0
_MAX_OUTLINE = 5000


def buffer_m(geometries: np.ndarray, metres: float | np.ndarray, *, quad_segs: int = 16) -> np.ndarray:
    """Everything within a distance of a geometry.

    Args:
        geometries: Object array (N) in CRS84.
        metres: Radius, one or (N); negative shrinks areas. At most 5000 km.
        quad_segs: Segments of a quarter circle.

    Returns:
        Object array (N) of polygons and multipolygons in CRS84, longitudes in -180..180, cut at the antimeridian; None
        where a geometry is missing.

    Raises:
        GeometryError: A radius is too large or not a number.

    Example:
        >>> circle = buffer_m(np.array([shapely.Point(179.99, 0)]), 5000)[0]
        >>> circle.geom_type, circle.bounds[0], circle.bounds[2]
        ('MultiPolygon', -180.0, 180.0)
    """
    array = np.asarray(geometries, dtype=object)
    radius = np.broadcast_to(np.asarray(metres, dtype=np.float64), array.shape).ravel()
    if not (np.abs(radius) <= _MAX_M).all():
        raise GeometryError(f"a buffer of {radius[~(np.abs(radius) <= _MAX_M)][0]:g} m", expected="at most 5 000 000 m")
    flat = shapely.force_2d(array.ravel())
    result = np.full(array.size, None, dtype=object)
    empty = shapely.is_empty(flat)
    result[empty] = shapely.Polygon()
    usable = ~shapely.is_missing(flat) & ~empty
    large = usable & _is_large(flat)
    small = np.flatnonzero(usable & ~large)
    result[small] = _around_centre(flat[small], radius[small], quad_segs)
    for row in np.flatnonzero(large).tolist():
        result[row] = _by_pieces(flat[row], float(radius[row]), quad_segs)
    return result.reshape(array.shape)


def _is_large(flat: np.ndarray) -> np.ndarray:
    box = shapely.bounds(flat)
    high = np.abs(box[:, [1, 3]]).max(axis=1)
    width = (box[:, 2] - box[:, 0]) * np.cos(np.radians(np.minimum(np.abs(box[:, [1, 3]]).min(axis=1), high)))
    large: np.ndarray = np.maximum(width, box[:, 3] - box[:, 1]) > _PIECE_DEGREES
    return large


def _around_centre(flat: np.ndarray, radius: np.ndarray, quad_segs: int) -> np.ndarray:
    if len(flat) == 0:
        return flat
    box = shapely.bounds(flat)
    centre = np.column_stack([(box[:, 0] + box[:, 2]) / 2, (box[:, 1] + box[:, 3]) / 2])
    not_points = np.flatnonzero(shapely.get_type_id(flat) != 0)
    flat = np.array(flat, dtype=object)
    # Edges are straight in longitude and latitude, not in the plane.
    flat[not_points] = shapely.segmentize(flat[not_points], _STEP_DEGREES)
    xy = shapely.get_coordinates(flat)
    around = np.repeat(centre, shapely.get_num_coordinates(flat), axis=0)
    azimuth, _, distance = _GEOD.inv(around[:, 0], around[:, 1], xy[:, 0], xy[:, 1])
    angle = np.radians(azimuth)
    plane = shapely.set_coordinates(flat, np.column_stack([distance * np.sin(angle), distance * np.cos(angle)]))
    return _to_lon_lat(np.asarray(shapely.buffer(plane, radius, quad_segs=quad_segs)), centre)


def _to_lon_lat(plane: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Areas of azimuthal equidistant planes around centres -> lon/lat, cut at the antimeridian."""
    plane = _finer_near_poles(plane, centre)
    xy = shapely.get_coordinates(plane)
    around = np.repeat(centre, shapely.get_num_coordinates(plane), axis=0)
    lon, lat, _ = _GEOD.fwd(
        around[:, 0], around[:, 1], np.degrees(np.arctan2(xy[:, 0], xy[:, 1])), np.hypot(xy[:, 0], xy[:, 1])
    )
    lon = (np.asarray(lon) - around[:, 0] + 180.0) % 360.0 - 180.0 + around[:, 0]
    polar = np.flatnonzero(_holds_pole(plane, centre, 90.0) | _holds_pole(plane, centre, -90.0))
    poles = {int(row): plane[row] for row in polar}
    result = np.asarray(shapely.set_coordinates(plane.copy(), np.column_stack([lon, lat])))
    for row, area in poles.items():
        result[row] = _around_pole(area, centre[row])
    box = shapely.bounds(result)
    over = np.flatnonzero((box[:, 0] < -180) | (box[:, 2] > 180))
    for row in over.tolist():
        result[row] = wrapped(result[row])
    return result


def _finer_near_poles(plane: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Longitudes run fast near a pole: more vertices there, so that edges straight in lon/lat follow the outline."""
    outline = shapely.length(plane)
    step = outline / np.maximum(shapely.get_num_coordinates(plane), 1)
    for latitude in (90.0, -90.0):
        pole = shapely.points(_pole(centre, latitude))
        gap = shapely.distance(shapely.boundary(plane), pole)
        close = np.flatnonzero(gap < _POLE_STEPS * step)
        if len(close):
            finest = np.maximum(gap[close] / _POLE_STEPS, outline[close] / _MAX_OUTLINE)
            plane = plane.copy()
            plane[close] = shapely.segmentize(plane[close], finest)
    return plane


def _pole(centre: np.ndarray, latitude: float) -> np.ndarray:
    """The place of a pole in the planes."""
    azimuth, _, distance = _GEOD.inv(centre[:, 0], centre[:, 1], np.zeros(len(centre)), np.full(len(centre), latitude))
    angle = np.radians(azimuth)
    return np.column_stack([distance * np.sin(angle), distance * np.cos(angle)])


def _holds_pole(plane: np.ndarray, centre: np.ndarray, latitude: float) -> np.ndarray:
    return np.asarray(shapely.intersects_xy(plane, *_pole(centre, latitude).T))


def _around_pole(plane: shapely.Geometry, centre: np.ndarray) -> shapely.Geometry:
    """An area over a pole: rings that run around the pole are closed along the edge of the map."""
    areas, holes = [], []
    for polygon in shapely.get_parts(plane):
        rings = shapely.get_rings(polygon)
        areas.append(_ring_area(rings[0], centre))
        holes += [_ring_area(ring, centre) for ring in rings[1:]]
    return shapely.difference(shapely.union_all(areas), shapely.union_all(holes)) if holes else shapely.union_all(areas)


def _ring_area(ring: shapely.Geometry, centre: np.ndarray) -> shapely.Geometry:
    """The area inside a ring of the plane, in lon/lat within -180..180."""
    xy = shapely.get_coordinates(ring)
    lon, lat, _ = _GEOD.fwd(
        np.full(len(xy), centre[0]),
        np.full(len(xy), centre[1]),
        np.degrees(np.arctan2(xy[:, 0], xy[:, 1])),
        np.hypot(xy[:, 0], xy[:, 1]),
    )
    lon, lat = np.unwrap(np.asarray(lon), period=360.0), np.asarray(lat)
    turn = lon[-1] - lon[0]
    if abs(turn) > 180:
        inside = shapely.Polygon(xy)
        poles = [sign for sign in (90.0, -90.0) if _holds_pole(np.array([inside]), centre[None, :], sign)[0]]
        pole = poles[0] if poles else float(np.sign(lat.mean()) * 90.0)
        lon = np.concatenate([lon, [lon[-1], lon[0]]])
        lat = np.concatenate([lat, [pole, pole]])
    return wrapped(shapely.make_valid(shapely.Polygon(np.column_stack([lon, lat]))))


def _by_pieces(geometry: shapely.Geometry, radius: float, quad_segs: int) -> shapely.Geometry:
    """A large geometry: the pieces of a grid are buffered one by one and put together again."""
    if radius < 0:
        # Shrinking is the complement of growing the outside.
        inside = shapely.union_all([part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon"])
        edge = _by_pieces(inside.boundary, -radius, quad_segs)
        return shapely.difference(inside, edge)
    pieces = _cut(geometry)
    return shapely.union_all(np.concatenate([_around_centre(pieces, np.full(len(pieces), radius), quad_segs), pieces]))


def _cut(geometry: shapely.Geometry) -> np.ndarray:
    """The parts of a geometry, each in one cell of a grid of two degrees."""
    todo, done = list(shapely.get_parts(geometry)), []
    while todo:
        part = todo.pop()
        if part.geom_type not in ("Point", "LineString", "LinearRing", "Polygon"):
            todo += list(shapely.get_parts(part))
            continue
        west, south, east, north = part.bounds
        if max(east - west, north - south) <= _PIECE_DEGREES:
            done.append(part)
            continue
        middle = (west + east) / 2 if east - west >= north - south else (south + north) / 2
        if east - west >= north - south:
            halves = shapely.box(west, south, middle, north), shapely.box(middle, south, east, north)
        else:
            halves = shapely.box(west, south, east, middle), shapely.box(west, middle, east, north)
        todo += [piece for half in halves if not (piece := shapely.intersection(part, half)).is_empty]
    return np.array(done, dtype=object)
