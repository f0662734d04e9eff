# SPDX-License-Identifier: Apache-2.0
"""Kernels of the non-topological functions of GeoSPARQL 1.1 (OGC 22-047r1, 8.7 and 8.8), over columns.

A geometry column is a :class:`semcube.geometry.Geometries`; the geometries of a result are in the system of the first
argument, and the second argument is brought there. Other results are masked arrays: masked where an argument has no
geometry or the function no answer, which is an expression error in SPARQL. Metres are metres on the ellipsoid in every
system; an angle is planar, in longitude and latitude. X is the easting or longitude and Y the northing or latitude,
whatever order the literal has. :data:`KERNELS` lists all by the local name of their ``geof:`` IRI.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely

from semcube.errors import CRSError, InputError
from semcube.geometry import metres as ellipsoid
from semcube.geometry.crs import CRS, CRS84, transform, transform_xy
from semcube.geometry.crs import crs as find_crs
from semcube.geometry.failures import row_by_row_where_it_fails
from semcube.geometry.literals import NO_SYSTEM, Geometries
from semcube.geometry.overlay import set_operation
from semcube.geometry.units import Unit, unit
from semcube.vocab import SF, UOM

__all__ = ["AGGREGATES", "KERNELS", "Kernel", "in_system_of"]

CONCAVE_RATIO = 0.3
"""How concave a concave hull is: 0 as much as possible, 1 the convex hull."""
_METRE = UOM + "metre"


@dataclass(frozen=True)
class Kernel:
    """One function: what it takes, what it gives, and what computes it."""

    name: str
    arguments: tuple[str, ...]
    """``geometry`` (:class:`Geometries`), ``number`` and ``integer`` (arrays), ``unit`` and ``iri`` (arrays of str)."""
    result: str
    """``geometry``, or the kind of a masked array: ``number``, ``integer``, ``boolean``, ``iri``."""
    function: Callable[..., Any]
    doc: str
    optional: int = 0
    """How many of the last arguments may be left out."""


KERNELS: dict[str, Kernel] = {}


def _kernel(name: str, arguments: str, result: str, function: Callable[..., Any], doc: str) -> None:
    """Adds a row; an argument that may be left out has a question mark."""
    kinds = tuple(arguments.replace("?", "").split())
    KERNELS[name] = Kernel(name, kinds, result, function, doc, arguments.count("?"))


# --- columns --------------------------------------------------------------------------------------------------------


def in_system_of(first: Geometries, second: Geometries) -> np.ndarray:
    """The geometries of ``second``, each in the system of its partner in ``first``; None where there is no partner.

    Example:
        >>> from semcube.geometry import parse
        >>> from semcube.vocab import WKT_LITERAL
        >>> lat_lon = parse(["<http://www.opengis.net/def/crs/EPSG/0/4326> POINT (48 2)"], WKT_LITERAL)
        >>> in_system_of(parse(["POINT (0 0)"], WKT_LITERAL), lat_lon)
        array([<POINT (2 48)>], dtype=object)
    """
    result = np.full(len(first), None, dtype=object)
    for number, system in enumerate(first.systems):
        rows = np.flatnonzero(first.crs == number)
        if len(rows):
            result[rows] = second.take(rows).native_in(system)
    return result


def _safely(function: Callable[..., Any], *arrays: np.ndarray) -> tuple[np.ndarray, dict[int, str]]:
    """A GEOS function over arrays; where it fails for a row, None and the reason."""
    errors: dict[int, str] = {}
    return row_by_row_where_it_fails(function, arrays, None, errors), errors


def _column(like: Geometries, native: np.ndarray, errors: dict[int, str] | None = None) -> Geometries:
    """A result in the systems of an argument."""
    codes = np.where(shapely.is_missing(native), NO_SYSTEM, like.crs).astype(np.int16)
    return Geometries(native, codes, like.systems, {**like.errors, **(errors or {})})


def _masked(column: Geometries, values: Any) -> np.ma.MaskedArray:
    array = np.asarray(values)
    mask = shapely.is_missing(column.native)
    if array.dtype.kind == "f":
        mask = mask | np.isnan(array)
    return np.ma.MaskedArray(array, mask=mask)


# --- geometry -> geometry -------------------------------------------------------------------------------------------


def _shaped(function: Callable[[np.ndarray], Any]) -> Callable[[Geometries], Geometries]:
    def kernel(column: Geometries) -> Geometries:
        return _column(column, *_safely(function, column.native))

    return kernel


def boundary(column: Geometries) -> Geometries:
    """The boundary: ends of lines, rings of areas; a geometry collection has none."""
    native, errors = _safely(shapely.boundary, column.native)
    lost = shapely.is_missing(native) & ~shapely.is_missing(column.native)
    reasons = {int(row): "a geometry collection has no boundary" for row in np.flatnonzero(lost)}
    return _column(column, native, {**reasons, **errors})


def geometry_n(column: Geometries, number: np.ndarray) -> Geometries:
    """The part with a number, counted from 1."""
    wanted = np.broadcast_to(np.asarray(number, dtype=np.int64), len(column))
    native = np.asarray(shapely.get_geometry(column.native, np.where(wanted > 0, wanted - 1, 2**31 - 2)), dtype=object)
    lost = np.flatnonzero(shapely.is_missing(native) & ~shapely.is_missing(column.native))
    return _column(column, native, {int(row): f"there is no part {wanted[row]}" for row in lost})


def transform_to(column: Geometries, system: np.ndarray | str) -> Geometries:
    """The geometry in another coordinate reference system."""
    names = np.broadcast_to(np.asarray(system, dtype=object), len(column))
    parts: list[tuple[np.ndarray, CRS]] = []
    errors = dict(column.errors)
    native = np.full(len(column), None, dtype=object)
    for name in dict.fromkeys(names.tolist()):
        rows = np.flatnonzero(names == name)
        try:
            target = find_crs(name)
            native[rows] = column.take(rows).native_in(target)
        except CRSError as reason:
            errors.update({int(row): str(reason) for row in rows})
            continue
        parts.append((rows, target))
    systems = tuple(dict.fromkeys([CRS84, *(target for _, target in parts)]))
    codes = np.full(len(column), NO_SYSTEM, dtype=np.int16)
    for rows, target in parts:
        codes[rows] = systems.index(target)
    missing = shapely.is_missing(native)
    codes[missing] = NO_SYSTEM
    for row in np.flatnonzero(missing & ~shapely.is_missing(column.native)):
        errors.setdefault(int(row), "its coordinates lie outside of what the system can express")
    return Geometries(native, codes, systems, errors)


def _of_two(function: Callable[[np.ndarray, np.ndarray], Any]) -> Callable[[Geometries, Geometries], Geometries]:
    def kernel(first: Geometries, second: Geometries) -> Geometries:
        native, errors = _safely(function, first.native, in_system_of(first, second))
        return _column(first, native, {**second.errors, **errors})

    return kernel


def concave_hull(column: Geometries, ratio: np.ndarray | float = CONCAVE_RATIO) -> Geometries:
    """The concave hull; ratio 0 (tightest) to 1 (convex)."""
    ratios = np.broadcast_to(np.asarray(ratio, dtype=np.float64), len(column))
    native = np.full(len(column), None, dtype=object)
    errors: dict[int, str] = {}
    for value in np.unique(ratios):
        rows = np.flatnonzero(ratios == value)
        if not 0 <= value <= 1:
            errors.update(dict.fromkeys(rows.tolist(), f"a target of {value:g}; expected 0 (tightest) to 1 (convex)"))
            continue
        native[rows], failed = _safely(lambda g, value=value: shapely.concave_hull(g, ratio=value), column.native[rows])
        errors.update({int(rows[row]): reason for row, reason in failed.items()})
    return _column(column, native, errors)


def buffer(column: Geometries, radius: np.ndarray | float, units: np.ndarray | str = _METRE) -> Geometries:
    """Everything within a distance.

    A length is measured on the ellipsoid around geometries in degrees; in a projected system the buffer is planar, with
    the radius scaled by the projection's scale at the centre of the geometry. An angle is planar in degrees.
    """
    radii = np.broadcast_to(np.asarray(radius, dtype=np.float64), len(column))
    native = np.full(len(column), None, dtype=object)
    errors: dict[int, str] = {}
    for rows, measure, reason in _by_unit(units, len(column)):
        if measure is None or measure.kind == "area":
            errors.update({int(row): reason or "a buffer needs a unit of length or angle" for row in rows})
            continue
        for number, system in enumerate(column.systems):
            here = rows[column.crs[rows] == number]
            if len(here) == 0:
                continue
            try:
                native[here] = _buffer(column.native[here], system, radii[here] * measure.factor, measure)
            except (InputError, shapely.errors.GEOSException) as failure:
                errors.update({int(row): str(failure) for row in here})
    return _column(column, native, errors)


def _buffer(native: np.ndarray, system: CRS, size: np.ndarray, measure: Unit) -> np.ndarray:
    """Buffers of geometries of one system; the size in metres, degrees, or the system's own unit."""
    if measure.kind == "length" and system.is_geographic:
        return transform(ellipsoid.buffer_m(transform(native, system, CRS84), size), CRS84, system)
    if measure.kind == "angle" and not system.is_geographic:
        return transform(np.asarray(shapely.buffer(transform(native, system, CRS84), size)), CRS84, system)
    if measure.kind == "angle":
        size = size / (system.unit_degrees or 1.0)
    elif measure.kind == "length":
        size = size / (system.unit_metres or 1.0) * _local_scale(native, system)
    return np.asarray(shapely.buffer(native, size, quad_segs=16), dtype=object)


def _local_scale(native: np.ndarray, system: CRS) -> np.ndarray:
    """Map metres per metre on the ellipsoid at the centre of each geometry (mean of both directions)."""
    box = shapely.bounds(native).reshape(-1, 4)
    centre = transform_xy(np.column_stack([box[:, [0, 2]].mean(axis=1), box[:, [1, 3]].mean(axis=1)]), system, CRS84)
    step = 100.0
    lengths = []
    for azimuth in (0.0, 90.0):
        ends = []
        for turn in (0.0, 180.0):
            lon, lat, _ = ellipsoid.GEOD.fwd(
                centre[:, 0], centre[:, 1], np.full(len(centre), azimuth + turn), np.full(len(centre), step)
            )
            ends.append(transform_xy(np.column_stack([lon, lat]), CRS84, system))
        lengths.append(np.hypot(*(ends[0] - ends[1]).T) * (system.unit_metres or 1.0) / (2 * step))
    scale: np.ndarray = np.sqrt(lengths[0] * lengths[1])
    return np.where(np.isfinite(scale), scale, 1.0)


def _by_unit(units: np.ndarray | str, count: int) -> list[tuple[np.ndarray, Unit | None, str | None]]:
    """Rows by unit: row numbers, the unit or None, and why it is unknown."""
    names = np.broadcast_to(np.asarray(units, dtype=object), count)
    found: list[tuple[np.ndarray, Unit | None, str | None]] = []
    for name in dict.fromkeys(names.tolist()):
        rows = np.flatnonzero(names == name)
        try:
            found.append((rows, unit(str(name)), None))
        except InputError as reason:
            found.append((rows, None, str(reason)))
    return found


# --- geometry -> number ---------------------------------------------------------------------------------------------


def _measured(on_ellipsoid: Callable[..., np.ndarray], planar: Callable[..., Any], power: int) -> Callable[..., Any]:
    """A measure with a unit: metres on the ellipsoid, angles and grid units in the plane."""

    def kernel(*arguments: Any) -> np.ma.MaskedArray:
        columns = [some for some in arguments if isinstance(some, Geometries)]
        units = arguments[-1] if len(columns) < len(arguments) else _METRE
        first = columns[0]
        result = np.full(len(first), np.nan)
        for rows, measure, _ in _by_unit(units, len(first)):
            if measure is None or (measure.kind == "area" and power != 2):
                continue
            taken = [column.take(rows) for column in columns]
            if measure.kind in ("length", "area"):
                values = on_ellipsoid(*(column.lonlat for column in taken))
            elif measure.kind == "angle":
                values = planar(*(column.lonlat for column in taken))
            else:
                values = planar(taken[0].native, *(in_system_of(taken[0], other) for other in taken[1:]))
            result[rows] = values / measure.factor ** (1 if measure.kind == "area" else power)
        return np.ma.MaskedArray(result, mask=np.isnan(result))

    return kernel


def _metric(on_ellipsoid: Callable[..., np.ndarray]) -> Callable[..., np.ma.MaskedArray]:
    def kernel(*columns: Geometries) -> np.ma.MaskedArray:
        values = on_ellipsoid(*(column.lonlat for column in columns))
        return np.ma.MaskedArray(values, mask=np.isnan(values))

    return kernel


def _perimeter(geometries: np.ndarray) -> np.ndarray:
    """Planar length of the rings of areas."""
    found = np.where(shapely.get_dimensions(geometries) == 2, shapely.length(geometries), 0.0)
    return np.where(shapely.is_missing(geometries), np.nan, found)


def _extreme(place: int) -> Callable[[Geometries], np.ma.MaskedArray]:
    return lambda column: _masked(column, shapely.bounds(column.native).reshape(-1, 4)[:, place])


def _height(extreme: Any, start: float) -> Callable[[Geometries], np.ma.MaskedArray]:
    def kernel(column: Geometries) -> np.ma.MaskedArray:
        xyz, row = shapely.get_coordinates(column.native, include_z=True, return_index=True)
        values = np.full(len(column), start)
        given = ~np.isnan(xyz[:, 2])
        extreme.at(values, row[given], xyz[given, 2])
        return _masked(column, np.where(np.isinf(values), np.nan, values))

    return kernel


def _value(function: Callable[[np.ndarray], Any]) -> Callable[[Geometries], np.ma.MaskedArray]:
    return lambda column: _masked(column, function(column.native))


def _spatial_dimension(geometries: np.ndarray) -> np.ndarray:
    return np.asarray(2 + shapely.has_z(geometries))


def _is_simple(geometries: np.ndarray) -> np.ndarray:
    """GEOS calls no collection simple; here it is simple where all its parts are."""
    result = np.asarray(shapely.is_simple(geometries), dtype=bool).copy()
    for row in np.flatnonzero(shapely.get_type_id(geometries) == 7):
        parts = shapely.get_parts(geometries[row])
        result[row] = bool(_is_simple(parts).all())
    return result


_TYPES = (
    "Point",
    "LineString",
    "LinearRing",
    "Polygon",
    "MultiPoint",
    "MultiLineString",
    "MultiPolygon",
    "GeometryCollection",
)


def _geometry_type(geometries: np.ndarray) -> np.ndarray:
    names = np.array([*(SF + name for name in _TYPES), ""], dtype=object)
    return np.asarray(names[shapely.get_type_id(geometries)])


def get_srid(column: Geometries) -> np.ma.MaskedArray:
    """The IRI of the coordinate reference system."""
    names = np.array([*(system.iri or "" for system in column.systems), ""], dtype=object)
    values = names[column.crs]
    return np.ma.MaskedArray(values, mask=(values == "") | shapely.is_missing(column.native))


# --- aggregates -----------------------------------------------------------------------------------------------------


def _aggregate(function: Callable[..., shapely.Geometry]) -> Callable[..., Geometries]:
    """All rows -> one row, in the system of the first geometry; missing geometries do not count."""

    def kernel(column: Geometries, *further: float) -> Geometries:
        rows = np.flatnonzero(~shapely.is_missing(column.native))
        system = column.systems[column.crs[rows[0]]] if len(rows) else CRS84
        native = column.take(rows).native_in(system)
        native = native[~shapely.is_missing(native)]
        codes = np.zeros(1, dtype=np.int16)
        result = np.empty(1, dtype=object)
        errors: dict[int, str] = {}
        try:
            result[0] = function(native, *further)
        except (shapely.errors.GEOSException, ValueError) as reason:
            errors, codes = {0: str(reason)}, np.full(1, NO_SYSTEM, dtype=np.int16)
        return Geometries(result, codes, (system,), errors)

    return kernel


def _together(geometries: np.ndarray) -> shapely.Geometry:
    return shapely.GeometryCollection(list(geometries))


def _agg_concave(geometries: np.ndarray, ratio: float = CONCAVE_RATIO) -> shapely.Geometry:
    return shapely.concave_hull(_together(geometries), ratio=ratio)


# --- the table ------------------------------------------------------------------------------------------------------

_Rows = tuple[tuple[str, Callable[..., Any], str], ...]
_GEOMETRY: _Rows = (
    ("boundary", boundary, "The boundary: ends of lines, rings of areas."),
    ("boundingCircle", _shaped(shapely.minimum_bounding_circle), "The smallest circle around the geometry."),
    ("centroid", _shaped(shapely.centroid), "The centre of mass."),
    ("convexHull", _shaped(shapely.convex_hull), "The smallest convex area around the geometry."),
    ("envelope", _shaped(shapely.envelope), "The smallest box around the geometry."),
)
_TWO: _Rows = (
    ("difference", set_operation("difference"), "The part of the first geometry outside the second."),
    ("intersection", set_operation("intersection"), "The part that both geometries share."),
    ("symDifference", set_operation("symmetric_difference"), "What belongs to just one of both geometries."),
    ("union", set_operation("union"), "What belongs to either geometry."),
)
_VALUES: tuple[tuple[str, str, Callable[..., Any], str], ...] = (
    ("coordinateDimension", "integer", _value(shapely.get_coordinate_dimension), "Ordinates per coordinate, 2 to 4."),
    ("dimension", "integer", _value(shapely.get_dimensions), "0 for points, 1 for lines, 2 for areas."),
    ("spatialDimension", "integer", _value(_spatial_dimension), "2, or 3 with heights."),
    ("numGeometries", "integer", _value(shapely.get_num_geometries), "How many parts the geometry has."),
    ("isEmpty", "boolean", _value(shapely.is_empty), "Whether the geometry is empty."),
    ("isSimple", "boolean", _value(_is_simple), "Whether the geometry nowhere meets itself."),
    ("is3D", "boolean", _value(shapely.has_z), "Whether the geometry has heights."),
    ("isMeasured", "boolean", _value(shapely.has_m), "Whether the geometry has measures."),
    ("geometryType", "iri", _value(_geometry_type), "The Simple Features class of the geometry."),
    ("getSRID", "iri", get_srid, "The coordinate reference system."),
    ("minX", "number", _extreme(0), "The smallest easting or longitude."),
    ("minY", "number", _extreme(1), "The smallest northing or latitude."),
    ("maxX", "number", _extreme(2), "The largest easting or longitude."),
    ("maxY", "number", _extreme(3), "The largest northing or latitude."),
    ("minZ", "number", _height(np.minimum, np.inf), "The smallest height."),
    ("maxZ", "number", _height(np.maximum, -np.inf), "The largest height."),
    ("metricArea", "number", _metric(ellipsoid.area_m2), "The area in square metres."),
    ("metricLength", "number", _metric(ellipsoid.length_m), "The length in metres; of an area, that of its rings."),
    ("metricPerimeter", "number", _metric(ellipsoid.perimeter_m), "The length of the rings of areas in metres."),
)
_MEASURES: _Rows = (
    ("area", _measured(ellipsoid.area_m2, shapely.area, 2), "The area in the square of a unit (or a unit of area)."),
    (
        "length",
        _measured(ellipsoid.length_m, shapely.length, 1),
        "The length in a unit; of an area, that of its rings.",
    ),
    ("perimeter", _measured(ellipsoid.perimeter_m, _perimeter, 1), "The length of the rings of areas in a unit."),
)
_AGGREGATES: _Rows = (
    ("aggUnion", shapely.union_all, "The union of all geometries."),
    ("aggBoundingBox", lambda g: shapely.envelope(_together(g)), "The smallest box around all geometries."),
    ("aggBoundingCircle", lambda g: shapely.minimum_bounding_circle(_together(g)), "The smallest circle around all."),
    ("aggCentroid", lambda g: shapely.centroid(_together(g)), "The centre of mass of all geometries."),
    ("aggConvexHull", lambda g: shapely.convex_hull(_together(g)), "The smallest convex area around all geometries."),
    ("aggConcaveHull", _agg_concave, "A tight, possibly concave area around all geometries."),
)
AGGREGATES: dict[str, Kernel] = {
    name: Kernel(name, ("geometry",), "geometry", _aggregate(function), doc) for name, function, doc in _AGGREGATES
}
AGGREGATES["aggConcaveHull"] = replace(AGGREGATES["aggConcaveHull"], arguments=("geometry", "number"), optional=1)
"""The aggregates: a column of one group -> a column of one row."""

for _name, _function, _doc in _GEOMETRY:
    _kernel(_name, "geometry", "geometry", _function, _doc)
for _name, _function, _doc in _TWO:
    _kernel(_name, "geometry geometry", "geometry", _of_two(_function), _doc)
for _name, _result, _function, _doc in _VALUES:
    _kernel(_name, "geometry", _result, _function, _doc)
for _name, _function, _doc in _MEASURES:
    _kernel(_name, "geometry unit?", "number", _function, _doc)
_kernel(
    "concaveHull",
    "geometry number?",
    "geometry",
    concave_hull,
    f"A tight area around the geometry; the target is 0 (tightest) to 1 (convex), {CONCAVE_RATIO} if left out.",
)
_kernel("buffer", "geometry number unit", "geometry", buffer, "Everything within a distance in a unit.")
_kernel("metricBuffer", "geometry number", "geometry", buffer, "Everything within a distance in metres.")
_kernel("geometryN", "geometry integer", "geometry", geometry_n, "The part with a number, counted from 1.")
_kernel("transform", "geometry iri", "geometry", transform_to, "The geometry in another coordinate reference system.")
_kernel(
    "distance",
    "geometry geometry unit",
    "number",
    _measured(ellipsoid.distance_m, shapely.distance, 1),
    "The shortest distance in a unit.",
)
_kernel(
    "metricDistance",
    "geometry geometry",
    "number",
    _metric(ellipsoid.distance_m),
    "The shortest distance in metres.",
)
