# SPDX-License-Identifier: Apache-2.0
"""Metres on the ellipsoid: distance, length, perimeter and area of geometries in longitude and latitude.

All take geometries in CRS84 (x longitude, y latitude, degrees) and measure on the WGS 84 ellipsoid with the geodesics
of Karney (2013), doi 10.1007/s00190-012-0578-z, through PROJ. Buffers are in :mod:`semcube.geometry.buffers`.
"""

from __future__ import annotations

import numpy as np
import pyproj
import shapely

from semcube.geometry.buffers import buffer_m
from semcube.geometry.coordinates import replace_xy
from semcube.geometry.least import LEAST_RADIUS_M, least_m

__all__ = ["GEOD", "area_m2", "buffer_m", "distance_m", "length_m", "perimeter_m", "within_m"]

GEOD = pyproj.Geod(ellps="WGS84")
_REFINED_FROM = 1e-4
_HIGH_LATITUDE = 80.0
_TIED_FROM = 8e-4
_STEP_DEGREES = 0.25
_CHUNK_VERTICES = 2_000_000
_MAX_DEGREES = 1e6


def distance_m(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The geodesic distance of pairs of geometries.

    Points: exact (nanometres). Other geometries: the edges are straight in longitude and latitude, as in all planar
    relations, so geometries that intersect are at 0. The nearest points are found with both geometries scaled to the
    metric at their middle latitude. Where that is not good enough (from 180 km at the equator, 90 km at 60 degrees,
    always above 80, and where both cover many of the same latitudes) they are improved in azimuthal equidistant
    projections centred between them and on either point. Their distance is then measured on the ellipsoid. The result
    is never below the true distance, and above it by at most 0.1 % (and 1 mm) up to 80 degrees of latitude and 2000 km.

    Args:
        a: Object array (N) of geometries in CRS84.
        b: Object array that broadcasts with ``a``. Both sides of the antimeridian are neighbours.

    Returns:
        Metres (N), float64; NaN where a geometry is missing or empty, or a coordinate is no number of degrees.

    Example:
        >>> round(float(distance_m(np.array([shapely.Point(0, 0)]), np.array([shapely.Point(1, 0)]))[0]), 3)
        111319.491
    """
    first, second = np.broadcast_arrays(np.asarray(a, dtype=object), np.asarray(b, dtype=object))
    result = np.full(first.size, np.nan)
    first, second, shape = first.ravel(), second.ravel(), first.shape
    usable = ~(
        shapely.is_missing(first) | shapely.is_missing(second) | shapely.is_empty(first) | shapely.is_empty(second)
    )
    usable &= _is_measurable(first) & _is_measurable(second)
    points = usable & (shapely.get_type_id(first) == 0) & (shapely.get_type_id(second) == 0)
    result[points] = _geodesic(shapely.get_coordinates(first[points]), shapely.get_coordinates(second[points]))
    rest = np.flatnonzero(usable & ~points)
    weight = shapely.get_num_coordinates(first[rest]) + shapely.get_num_coordinates(second[rest])
    for rows in _pieces(rest, weight):
        result[rows] = _general(first[rows], second[rows])
    return result.reshape(shape)


def _is_measurable(geometries: np.ndarray) -> np.ndarray:
    """Whether all coordinates are numbers that may be degrees."""
    xy, row = shapely.get_coordinates(geometries, return_index=True)
    result = np.ones(len(geometries), dtype=bool)
    result[row[~(np.abs(xy) < _MAX_DEGREES).all(axis=1)]] = False
    return result


def _geodesic(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return np.asarray(GEOD.inv(p[:, 0], p[:, 1], q[:, 0], q[:, 1])[2])


def _pieces(rows: np.ndarray, weight: np.ndarray) -> list[np.ndarray]:
    """Row numbers in pieces of a bounded number of vertices."""
    if len(rows) == 0:
        return []
    cuts = np.flatnonzero(np.diff(np.cumsum(weight) // _CHUNK_VERTICES)) + 1
    return np.split(rows, cuts)


def _general(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    shift = _shift(shapely.bounds(a), shapely.bounds(b))
    moved = b
    if shift.any():
        moved = replace_xy(
            b, shapely.get_coordinates(b) + _per_vertex(b, np.column_stack([shift, np.zeros_like(shift)]))
        )
    p, q = _nearest(a, moved)
    result = _geodesic(p, q)
    # What the middle latitude's metric can be wrong by, relatively; measured errors are 40 times smaller.
    latitude = np.abs(np.column_stack([p, q])[:, 1::2]).max(axis=1)
    doubt = (result / GEOD.a) ** 2 / np.cos(np.radians(np.minimum(latitude, 89.99))) ** 2 / 8
    unsure = (latitude > _HIGH_LATITUDE) | (_along_meridians(shapely.bounds(a), shapely.bounds(b)) > _TIED_FROM)
    far = np.flatnonzero((doubt > _REFINED_FROM) | (unsure & (result > 0)))
    if len(far):
        result[far] = _improved(a[far], b[far], p[far], q[far], result[far])
    return result


def _along_meridians(box_a: np.ndarray, box_b: np.ndarray) -> np.ndarray:
    """By how much degrees of longitude differ, relatively, over the latitudes that both boxes have.

    Edges along meridians are as near in one metric at all of them, and nearest at the highest.
    """
    low, high = np.maximum(box_a[:, 1], box_b[:, 1]), np.minimum(box_a[:, 3], box_b[:, 3])
    ends = np.cos(np.radians(np.clip(np.column_stack([low, high]), -89.99, 89.99)))
    most = np.where(low * high <= 0, 1.0, ends.max(axis=1))
    return np.where(low < high, most / ends.min(axis=1) - 1.0, 0.0)


def _shift(box_a: np.ndarray, box_b: np.ndarray) -> np.ndarray:
    """Degrees to add to b's longitudes so that it lies on the nearer side of the antimeridian."""
    turns = np.array([0.0, -360.0, 360.0])
    gap = np.maximum(box_b[:, None, 0] + turns - box_a[:, None, 2], box_a[:, None, 0] - box_b[:, None, 2] - turns)
    shift: np.ndarray = turns[np.argmin(np.maximum(gap, 0.0), axis=1)]
    return shift


def _per_vertex(geometries: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.repeat(values, shapely.get_num_coordinates(geometries), axis=0)


def _aspect(latitude: np.ndarray) -> np.ndarray:
    """Metres per degree of longitude over metres per degree of latitude."""
    phi = np.radians(np.clip(latitude, -89.99, 89.99))
    e2 = GEOD.es
    ratio: np.ndarray = np.cos(phi) * (1 - e2 * np.sin(phi) ** 2) / (1 - e2)
    return ratio


def _scaled(geometries: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    xy = shapely.get_coordinates(geometries)
    xy[:, 0] *= _per_vertex(geometries, ratio)
    flat = shapely.force_2d(geometries)
    return np.asarray(shapely.set_coordinates(np.array(flat, dtype=object), xy))


def _nearest(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nearest points of pairs, with x scaled to the metric at the middle latitude of those points."""
    box_a, box_b = shapely.bounds(a), shapely.bounds(b)
    middle = (np.minimum(box_a[:, 3], box_b[:, 3]) + np.maximum(box_a[:, 1], box_b[:, 1])) / 2
    p, q = np.empty((len(a), 2)), np.empty((len(a), 2))
    rows = np.arange(len(a))
    for _ in range(4):
        ratio = _aspect(middle[rows])
        lines = shapely.shortest_line(_scaled(a[rows], ratio), _scaled(b[rows], ratio))
        xy = shapely.get_coordinates(lines).reshape(-1, 2, 2)
        xy[:, :, 0] /= ratio[:, None]
        p[rows], q[rows] = xy[:, 0], xy[:, 1]
        found = (p[rows, 1] + q[rows, 1]) / 2
        stale = np.abs(_aspect(found) - ratio) > 1e-4 * ratio
        middle[rows] = found
        rows = rows[stale]
        if len(rows) == 0:
            break
    return p, q


def _improved(a: np.ndarray, b: np.ndarray, p: np.ndarray, q: np.ndarray, best: np.ndarray) -> np.ndarray:
    """Shorter ways than the one from p to q: both ends at once, then either end in turn."""
    best = best.copy()
    rows = np.arange(len(best))
    for _ in range(3):
        before, ends_p, ends_q, now = best[rows], p[rows], q[rows], best[rows]
        azimuth, _, length = GEOD.inv(ends_p[:, 0], ends_p[:, 1], ends_q[:, 0], ends_q[:, 1])
        lon, lat, _ = GEOD.fwd(ends_p[:, 0], ends_p[:, 1], azimuth, np.asarray(length) / 2)
        middle = np.column_stack([lon, lat])
        lines = shapely.shortest_line(_plane(a[rows], middle), _plane(b[rows], middle))
        ends = shapely.get_coordinates(lines).reshape(-1, 2, 2)
        both = _onto(a[rows], _back(ends[:, 0], middle)), _onto(b[rows], _back(ends[:, 1], middle))
        _accept(ends_p, ends_q, now, *both)
        _accept(ends_p, ends_q, now, ends_p.copy(), _nearest_to(ends_p, b[rows]))
        _accept(ends_p, ends_q, now, _nearest_to(ends_q, a[rows]), ends_q.copy())
        best[rows], p[rows], q[rows] = now, ends_p, ends_q
        rows = rows[before - now > 1e-6 * before]
        if len(rows) == 0:
            break
    return best


def _accept(p: np.ndarray, q: np.ndarray, best: np.ndarray, new_p: np.ndarray, new_q: np.ndarray) -> None:
    """Take over the pairs of points that are closer."""
    length = _geodesic(new_p, new_q)
    better = length < best
    p[better], q[better], best[better] = new_p[better], new_q[better], length[better]


def _nearest_to(centre: np.ndarray, geometries: np.ndarray) -> np.ndarray:
    """The point of each geometry nearest to a centre."""
    lines = shapely.shortest_line(shapely.Point(0, 0), _plane(geometries, centre))
    return _onto(geometries, _back(shapely.get_coordinates(lines).reshape(-1, 2, 2)[:, 1], centre))


def _plane(geometries: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """The azimuthal equidistant projection of each geometry around its own centre."""
    flat = shapely.force_2d(geometries)
    try:
        fine = np.asarray(shapely.segmentize(flat, _STEP_DEGREES), dtype=object)
    except shapely.errors.GEOSException:  # a line of no length
        sound = np.where(shapely.is_valid(flat), flat, shapely.make_valid(flat))
        fine = np.asarray(shapely.segmentize(sound, _STEP_DEGREES), dtype=object)
    xy = shapely.get_coordinates(fine)
    around = _per_vertex(fine, centre)
    azimuth, _, distance = GEOD.inv(around[:, 0], around[:, 1], xy[:, 0], xy[:, 1])
    angle = np.radians(azimuth)
    return np.asarray(
        shapely.set_coordinates(fine, np.column_stack([distance * np.sin(angle), distance * np.cos(angle)]))
    )


def _back(xy: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Points of the planes -> longitude and latitude."""
    azimuth = np.degrees(np.arctan2(xy[:, 0], xy[:, 1]))
    lon, lat, _ = GEOD.fwd(centre[:, 0], centre[:, 1], azimuth, np.hypot(xy[:, 0], xy[:, 1]))
    return np.column_stack([lon, lat])


def _onto(geometries: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Points moved onto the geometries: chords of a projection leave the true edges a little."""
    near[:, 0] += _shift(shapely.bounds(geometries), np.column_stack([near, near]))
    return _nearest(np.asarray(shapely.points(near), dtype=object), geometries)[1]


def within_m(a: np.ndarray, b: np.ndarray, limit: float) -> np.ndarray:
    """Whether pairs are at most ``limit`` metres apart: ``distance_m(a, b) <= limit``, with cheap bounds first.

    Args:
        a: Object array (N) of geometries in CRS84.
        b: Object array (N).
        limit: Metres.

    Returns:
        bool (N); False where a geometry is missing or empty.

    Example:
        >>> within_m(np.array([shapely.Point(0, 0)]), np.array([shapely.Point(1, 0)]), 111_320)
        array([ True])
    """
    first, second = (np.array(side, dtype=object) for side in np.broadcast_arrays(a, b))
    result = np.zeros(first.shape, dtype=bool)
    # No degree in any direction is longer than 111.7 km; the rest is more than distance_m may be above the truth.
    lines = (shapely.get_type_id(first) != 0) | (shapely.get_type_id(second) != 0)
    result[lines] = shapely.dwithin(first[lines], second[lines], limit / 112_000.0)
    open_ = np.flatnonzero(~result)
    open_ = open_[~_surely_apart(first[open_], second[open_], limit)]
    with np.errstate(invalid="ignore"):
        result[open_] = distance_m(first[open_], second[open_]) <= limit
    return result


def _surely_apart(a: np.ndarray, b: np.ndarray, limit: float) -> np.ndarray:
    """Pairs of which no two points are within so many metres, told by a plane nowhere longer than the ellipsoid.

    A way of that length leaves neither side's latitudes by more than it has degrees, and all degrees of longitude there
    are at least as long as at the highest latitude. Pairs that are not decided so are False.
    """
    degrees = np.degrees(limit / LEAST_RADIUS_M) * (1 + 1e-9) + 1e-12
    box_a, box_b = shapely.bounds(a), shapely.bounds(b)
    apart = least_m(box_a, box_b) > limit
    lines = (shapely.get_type_id(a) > 0) | (shapely.get_type_id(b) > 0)
    usual = (np.abs(box_a[:, ::2]) <= 180).all(axis=1) & (np.abs(box_b[:, ::2]) <= 180).all(axis=1)
    open_ = np.flatnonzero(~apart & lines & usual)
    box_a, box_b = box_a[open_], box_b[open_]
    highest = np.minimum(np.abs(box_a[:, 1::2]).max(axis=1), np.abs(box_b[:, 1::2]).max(axis=1)) + degrees
    ratio = np.cos(np.radians(np.minimum(highest, 90.0)))
    result, flat = np.ones(len(open_), dtype=bool), _scaled(a[open_], ratio)
    for turn in (-360.0, 0.0, 360.0):
        west, east = (box_b[:, 0] + turn - box_a[:, 2]) * ratio, (box_a[:, 0] - box_b[:, 2] - turn) * ratio
        near = np.flatnonzero((np.maximum(west, east) <= degrees) & result)
        xy = shapely.get_coordinates(b[open_[near]]) + np.array([turn, 0.0])
        moved = _scaled(replace_xy(b[open_[near]], xy), ratio[near])
        result[near] = ~shapely.dwithin(flat[near], moved, degrees)
    apart[open_] = result
    return apart


def length_m(geometries: np.ndarray) -> np.ndarray:
    """The geodesic length of lines, and of all rings of areas; points have length 0.

    Args:
        geometries: Object array (N) in CRS84.

    Returns:
        Metres (N), float64; NaN where a geometry is missing.

    Example:
        >>> round(float(length_m(np.array([shapely.LineString([(0, 0), (1, 0)])]))[0]), 3)
        111319.491
    """
    return _length(np.asarray(geometries, dtype=object), areas_only=False)


def perimeter_m(geometries: np.ndarray) -> np.ndarray:
    """The geodesic length of all rings of areas; points and lines have perimeter 0. NaN where missing.

    Example:
        >>> round(float(perimeter_m(np.array([shapely.box(0, 0, 1, 1)]))[0]))
        443771
    """
    return _length(np.asarray(geometries, dtype=object), areas_only=True)


def _length(geometries: np.ndarray, areas_only: bool) -> np.ndarray:
    flat = geometries.ravel()
    leaves, owner = _leaves(flat)
    kinds = shapely.get_type_id(leaves)
    rings, ring_owner = shapely.get_rings(leaves[kinds == 3], return_index=True)
    lines = (kinds == 1) | (kinds == 2)
    parts = np.concatenate([rings, leaves[:0] if areas_only else leaves[lines]])
    ring_edge = np.arange(len(parts)) < len(rings)
    owners = np.concatenate([owner[kinds == 3][ring_owner], owner[:0] if areas_only else owner[lines]])
    xy, part = shapely.get_coordinates(parts, return_index=True)
    together = part[1:] == part[:-1]
    steps = _geodesic(xy[:-1][together], xy[1:][together])
    result = np.bincount(owners[part[1:][together]], weights=steps, minlength=flat.size).astype(np.float64)
    edges = np.column_stack([xy[:-1], xy[1:]])[together]
    _without_seams(result, edges, np.where(ring_edge[part], owners[part], -1)[1:][together])
    result[shapely.is_missing(flat)] = np.nan
    return result.reshape(geometries.shape)


def _without_seams(result: np.ndarray, edges: np.ndarray, owners: np.ndarray) -> None:
    """Takes off what areas have on both sides of the antimeridian: that is where they were cut, no edge of theirs."""
    on_seam = (owners >= 0) & (np.abs(edges[:, 0]) == 180.0) & (edges[:, 0] == edges[:, 2])
    east = on_seam & (edges[:, 0] > 0)
    west = on_seam & ~east
    for row in np.intersect1d(owners[east], owners[west]).tolist():
        sides = [shapely.linestrings(_upright(edges[side & (owners == row)])) for side in (east, west)]
        shared = shapely.intersection(*(shapely.union_all(side) for side in sides))
        result[row] -= 2 * sum(float(GEOD.geometry_length(part)) for part in shapely.get_parts(shared))


def _upright(edges: np.ndarray) -> np.ndarray:
    """Edges (n, 4) on a meridian as lines (n, 2, 2) on one."""
    return np.stack([np.zeros((len(edges), 2)), edges[:, [1, 3]]], axis=2)


def _leaves(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points, lines and polygons of all collections, with the row each belongs to."""
    parts, owner = shapely.get_parts(flat, return_index=True)
    while (shapely.get_type_id(parts) > 3).any():
        deeper, inside = shapely.get_parts(parts, return_index=True)
        parts, owner = deeper, owner[inside]
    return parts, owner


def area_m2(geometries: np.ndarray) -> np.ndarray:
    """The area on the ellipsoid, with geodesic edges; points and lines have area 0.

    Args:
        geometries: Object array (N) in CRS84; rings may run either way.

    Returns:
        Square metres (N), float64; NaN where a geometry is missing.

    Example:
        >>> round(float(area_m2(np.array([shapely.box(0, 0, 1, 1)]))[0]) / 1e6)
        12309
    """
    array = np.asarray(geometries, dtype=object)
    leaves, owner = _leaves(array.ravel())
    areas = shapely.get_type_id(leaves) == 3
    polygons, owner = leaves[areas], owner[areas]
    rings, polygon = shapely.get_rings(polygons, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    ends = np.cumsum(np.bincount(ring, minlength=len(rings)))
    sizes = np.array(
        [abs(GEOD.polygon_area_perimeter(part[:, 0], part[:, 1])[0]) for part in np.split(xy, ends[:-1])]
        if len(rings)
        else []
    )
    hole = np.r_[False, polygon[1:] == polygon[:-1]] if len(rings) else np.zeros(0, dtype=bool)
    result = np.bincount(owner[polygon], weights=np.where(hole, -sizes, sizes), minlength=array.size).astype(np.float64)
    result[shapely.is_missing(array.ravel())] = np.nan
    return result.reshape(array.shape)
