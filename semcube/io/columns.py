# SPDX-License-Identifier: Apache-2.0
"""Geometries in tables that do not say so: columns of WKB, of WKT, of x and y."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.errors import RowError, SourceError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Geometry", "find_geometry", "geometry_of", "unread_coordinates"]

_GEOMETRY_NAMES = ("geometry", "geom", "wkb_geometry", "the_geom", "wkt", "wkb", "wkt_geom", "geo", "shape", "geowkt")
_LON = ("lon", "long", "longitude", "lng", "decimallongitude", "x_lon", "lon_dd")
_LAT = ("lat", "latitude", "decimallatitude", "y_lat", "lat_dd")
_EAST = ("x", "easting", "east", "coord_x", "x_coord", "xcoord", "point_x")
_NORTH = ("y", "northing", "north", "coord_y", "y_coord", "ycoord", "point_y")
_WKT = r"(?i)^\s*(?:SRID=\d+;\s*)?(?:POINT|LINESTRING|POLYGON|MULTI(?:POINT|LINESTRING|POLYGON)|GEOMETRYCOLLECTION)"
_HEX = r"^0[01](?:0[0-9A-Fa-f]|[0-9A-Fa-f]{2}){4}"
_COORDINATE = r"^[-+]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][-+]?[0-9]+)?$"
"""Text that is a coordinate; in lists that are divided by semicolons the comma is often that of decimals."""


@dataclass(frozen=True)
class Geometry:
    """Where a table keeps its geometries."""

    kind: Literal["wkb", "wkt", "hex", "xy", "arrow"]
    columns: tuple[str, ...]
    encoding: str = ""
    """Of GeoParquet's native encodings: ``point``, ``polygon`` ..."""
    is_lonlat: bool = False
    """The names say that x is a longitude and y a latitude, in degrees."""


def find_geometry(
    fields: Sequence[pa.Field],
    x: str | None,
    y: str | None,
    wkt: str | None,
    source: Path,
    sample: Callable[[str], pa.Array],
    crs: str | None = None,
) -> Geometry | None:
    """The geometry of a table, from what the user says or from names and values.

    Args:
        fields: The columns.
        x: Column of the east coordinate, if the user says so.
        y: Column of the north coordinate.
        wkt: Column of WKT, hexadecimal WKB or WKB.
        source: The file, for messages.
        sample: Gives some non-null values of a column.
        crs: The system of coordinates, if the user says so; names tell nothing then.

    Raises:
        SourceError: A named column does not exist, only one of ``x`` and ``y`` is named, or they hold no coordinates.
    """
    names = [f.name for f in fields]
    for name in (x, y, wkt):
        if name is not None and name not in names:
            raise SourceError(f"no column {name!r}", source=source, expected=f"one of {', '.join(names)}")
    if (x is None) != (y is None):
        raise SourceError(f"only {'y' if x is None else 'x'} is named", source=source, expected="both x and y")
    if x is not None and y is not None:
        for name in (x, y):
            if not _holds_coordinates(fields[names.index(name)], sample):
                raise SourceError(
                    f"column {name} holds values that are no numbers",
                    source=source,
                    expected="coordinates",
                    fix="name other columns with x= and y=",
                )
        return Geometry("xy", (x, y), is_lonlat=crs is None and x.lower() in _LON and y.lower() in _LAT)
    if wkt is not None:
        return Geometry(_serialisation(sample(wkt)) or "wkt", (wkt,))
    lowered = {f.name.lower(): f for f in reversed(fields)}
    for name in _GEOMETRY_NAMES:
        if name in lowered and (kind := _serialisation(sample(lowered[name].name))):
            return Geometry(kind, (lowered[name].name,))
    for easts, norths, is_lonlat in ((_LON, _LAT, True), (_EAST, _NORTH, False)):
        # text is taken where the names leave no doubt of what it means
        fits = partial(_holds_coordinates, sample=sample) if is_lonlat else _holds_numbers
        east = next((lowered[n].name for n in easts if n in lowered and fits(lowered[n])), None)
        north = next((lowered[n].name for n in norths if n in lowered and fits(lowered[n])), None)
        if east is not None and north is not None:
            return Geometry("xy", (east, north), is_lonlat=is_lonlat and crs is None)
    return None


def unread_coordinates(fields: Sequence[pa.Field]) -> str | None:
    """A warning of columns that are named as coordinates and hold none; None if there are none.

    Args:
        fields: The columns of a table without geometry.
    """
    lowered = {f.name.lower(): f.name for f in reversed(fields)}
    pair = [next((lowered[name] for name in names if name in lowered), None) for names in (_LON, _LAT)]
    if None in pair:
        return None
    return f"columns {pair[0]} and {pair[1]} hold no decimal degrees: no geometries are made of them"


def _holds_numbers(field: pa.Field) -> bool:
    kind = field.type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _holds_coordinates(field: pa.Field, sample: Callable[[str], pa.Array]) -> bool:
    """Whether values are numbers, or for the most part texts that are; the others are malformed then."""
    if not (pa.types.is_string(field.type) or pa.types.is_large_string(field.type)):
        return _holds_numbers(field)
    values = pc.utf8_trim_whitespace(sample(field.name))
    values = values.filter(pc.not_equal(values, ""))
    return len(values) > 0 and pc.mean(pc.match_substring_regex(values, _COORDINATE).cast(pa.int8())).as_py() > 0.5


def _serialisation(values: pa.Array) -> Literal["wkb", "wkt", "hex"] | None:
    """How the values of a column are written, None if they are no geometries."""
    import shapely

    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        first = values.slice(0, 20).to_pylist()
        return "wkb" if first and not shapely.is_missing(shapely.from_wkb(first, on_invalid="ignore")).all() else None
    if not len(values) or not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return None
    # An empty field of a text column is no geometry.
    values = values.filter(pc.not_equal(pc.utf8_trim_whitespace(values), ""))
    if not len(values):
        return None
    if pc.all(pc.match_substring_regex(values, _WKT)).as_py():
        return "wkt"
    return "hex" if pc.all(pc.match_substring_regex(values, _HEX)).as_py() else None


def geometry_of(
    about: Geometry, columns: Sequence[pa.Array], fid: pa.Array, source: Path, *, keep_malformed: bool = False
) -> pa.Array:
    """The geometries of a batch as ISO WKB; null where null.

    Raises:
        RowError: A value is no geometry, and ``keep_malformed`` does not ask for its text in place of WKB.
    """
    import shapely

    arrays = [c.storage if isinstance(c, pa.ExtensionArray) else c for c in columns]
    if about.kind == "wkb":
        return arrays[0].cast(pa.large_binary())
    if about.kind == "arrow":
        return _native(arrays[0], about, source)
    if about.kind == "xy":
        return _points(about, arrays, fid, source, keep_malformed=keep_malformed)
    given = arrays[0].to_numpy(zero_copy_only=False)
    if about.kind == "hex":
        found = shapely.from_wkb(given, on_invalid="ignore")
    else:
        text = pc.replace_substring_regex(arrays[0], r"(?i)^\s*SRID=\d+;", "")
        # An empty field of a text column is no geometry.
        given = pc.if_else(pc.equal(pc.utf8_trim_whitespace(text), ""), None, text).to_numpy(zero_copy_only=False)
        found = shapely.from_wkt(given, on_invalid="ignore")
    bad = np.flatnonzero(shapely.is_missing(found) & np.array([value is not None for value in given], dtype=bool))
    if bad.size and not keep_malformed:
        row = int(bad[0])
        raise RowError(
            f"{str(given[row])[:60]!r} is no geometry",
            source=source,
            row=fid[row].as_py(),
            column=about.columns[0],
            expected="well-known text" if about.kind == "wkt" else "hexadecimal WKB",
            fix="correct the value, or name another column",
        )
    written = shapely.to_wkb(found, flavor="iso")
    written[bad] = [str(given[row]).encode() for row in bad]
    return pa.array(written, pa.large_binary())


def _points(
    about: Geometry, columns: Sequence[pa.Array], fid: pa.Array, source: Path, *, keep_malformed: bool
) -> pa.Array:
    """Points of x and y as WKB; null where one of them is missing."""
    import shapely

    limits = (360.0, 90.0) if about.is_lonlat else (np.inf, np.inf)
    found, bad = zip(*map(_coordinates, columns, limits), strict=True)
    for name, column, rows, limit in zip(about.columns, columns, bad, limits, strict=True):
        if len(rows) and not keep_malformed:
            row = int(rows[0])
            raise RowError(
                f"{str(column[row].as_py())[:60]!r} is no coordinate",
                source=source,
                row=fid[row].as_py(),
                column=name,
                expected=f"degrees from -{limit:g} to {limit:g}" if about.is_lonlat else "a decimal number",
                fix="correct the value, or leave such rows out with on_error='skip'",
            )
    x, y = found
    points = np.where(np.isnan(x) | np.isnan(y), None, shapely.points(x, y))
    written = shapely.to_wkb(points, flavor="iso")
    for row in np.union1d(*bad).tolist():
        written[row] = " ".join(str(column[row].as_py()) for column in columns).encode()
    return pa.array(written, pa.large_binary())


def _coordinates(column: pa.Array, limit: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """The numbers of a column, NaN where there is none, and the rows with other text or with too large a number."""
    bad: npt.NDArray[np.int64] = np.empty(0, np.int64)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column, bad = _numbers(column)
    numbers = np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    return numbers, np.union1d(bad, np.flatnonzero(np.isinf(numbers) | (np.abs(numbers) > limit)))


def _numbers(column: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """Text as numbers, null where there is none, and the rows with text that is no number."""
    text = pc.utf8_trim_whitespace(column)
    text = pc.if_else(pc.equal(text, ""), None, text)
    try:
        numbers = text.cast(pa.float64())
        if pc.all(pc.is_finite(numbers)).as_py() is not False:
            return numbers, np.empty(0, np.int64)
    except pa.ArrowInvalid:
        pass  # some are no numbers, or have decimal commas
    is_number = pc.match_substring_regex(text, _COORDINATE)
    bad = np.flatnonzero(pc.invert(is_number).fill_null(False).to_numpy(zero_copy_only=False))
    plain = pc.utf8_ltrim(pc.replace_substring(text, ",", "."), "+")
    return pc.if_else(is_number, plain, None).cast(pa.float64()), bad


_LEVELS = {"point": 0, "linestring": 1, "polygon": 2, "multipoint": 1, "multilinestring": 2, "multipolygon": 3}


def _native(array: pa.Array, about: Geometry, source: Path) -> pa.Array:
    """GeoParquet's native encodings (GeoArrow layouts) as WKB."""
    import shapely

    if about.encoding not in _LEVELS:
        raise SourceError(
            f"the geometry encoding {about.encoding!r}", source=source, expected=f"WKB or one of {', '.join(_LEVELS)}"
        )
    missing = np.asarray(array.is_null().to_numpy(zero_copy_only=False), bool)
    offsets = []
    for _ in range(_LEVELS[about.encoding]):
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
        offsets.append(np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]))
        array = array.flatten()
    if pa.types.is_struct(array.type):
        parts = [array.field(i).to_numpy(zero_copy_only=False) for i in range(array.type.num_fields)]
        coordinates = np.column_stack(parts)
    else:
        size = array.type.list_size
        coordinates = (
            array.values[array.offset * size : (array.offset + len(array)) * size].to_numpy().reshape(-1, size)
        )
    kind = shapely.GeometryType[about.encoding.upper()]
    geometries = shapely.from_ragged_array(kind, coordinates.astype(float), tuple(reversed(offsets)) or None)
    return pa.array(shapely.to_wkb(np.where(missing, None, geometries), flavor="iso"), pa.large_binary())
