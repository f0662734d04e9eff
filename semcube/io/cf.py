# SPDX-License-Identifier: Apache-2.0
"""The parts of the CF conventions that tell where values are and what they mean.

Sections: 2.5 (missing data), 4 (coordinate types), 5.6 (grid mappings), 3.5 (flags), 8.1 (packed data).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from semcube.errors import SourceError, UnsupportedError
from semcube.vocab import CRS84

__all__ = ["Axes", "Coding", "axes", "crs_definition", "flags", "is_data", "is_geographic", "iso_times", "positions"]

_X_NAMES = ("lon", "longitude", "long", "x", "easting", "xc", "nav_lon")
_Y_NAMES = ("lat", "latitude", "y", "northing", "yc", "nav_lat")
_EAST_UNITS = ("degrees_east", "degree_east", "degree_e", "degrees_e", "degreee", "degreese")
_NORTH_UNITS = ("degrees_north", "degree_north", "degree_n", "degrees_n", "degreen", "degreesn")
_STEP_TOLERANCE = 0.05


@dataclass(frozen=True)
class Axes:
    """The dimensions of a variable by what they mean."""

    x: str
    y: str
    time: str | None
    further: tuple[str, ...]


def _coordinate(dataset: xr.Dataset, dimension: str) -> str | None:
    """The 1-D coordinate variable of a dimension."""
    if dimension in dataset.variables and dataset.variables[dimension].dims == (dimension,):
        return dimension
    named = " ".join(str(v.attrs.get("coordinates", "")) for v in dataset.variables.values()).split()
    for name in named:
        if name in dataset.variables and dataset.variables[name].dims == (dimension,):
            return name
    return None


def _role(dataset: xr.Dataset, dimension: str) -> str | None:
    """``X``, ``Y``, ``T`` or None."""
    name = _coordinate(dataset, dimension)
    attributes = dataset.variables[name].attrs if name else {}
    standard, units = str(attributes.get("standard_name", "")), str(attributes.get("units", "")).lower()
    if standard in ("longitude", "projection_x_coordinate") or units in _EAST_UNITS:
        return "X"
    if standard in ("latitude", "projection_y_coordinate") or units in _NORTH_UNITS:
        return "Y"
    if standard == "time" or " since " in units:
        return "T"
    if standard.startswith("grid_"):
        return None
    if str(attributes.get("axis", "")).upper() in ("X", "Y", "T"):
        return str(attributes["axis"]).upper()
    if name is None and not _geotransform(dataset):
        return None
    lowered = dimension.lower()
    return "X" if lowered in _X_NAMES else "Y" if lowered in _Y_NAMES else None


def axes(dataset: xr.Dataset, name: str) -> Axes | None:
    """The axes of a variable; None unless it lies on a grid with one coordinate per row and per column."""
    dimensions = [str(d) for d in dataset.variables[name].dims]
    roles = {d: _role(dataset, d) for d in dimensions}
    x = [d for d in dimensions if roles[d] == "X"]
    y = [d for d in dimensions if roles[d] == "Y"]
    time = [d for d in dimensions if roles[d] == "T"]
    if len(x) != 1 or len(y) != 1 or len(time) > 1:
        return None
    used = {*x, *y, *time}
    return Axes(x[0], y[0], time[0] if time else None, tuple(d for d in dimensions if d not in used))


def is_data(dataset: xr.Dataset, name: str) -> bool:
    """Whether a variable holds values, not coordinates, bounds or a grid mapping."""
    variable = dataset.variables[name]
    if variable.ndim < 2 or variable.dtype.kind not in "iufb" or "grid_mapping_name" in variable.attrs:
        return False
    bounds = {
        str(v.attrs[key]) for v in dataset.variables.values() for key in ("bounds", "climatology") if key in v.attrs
    }
    standard = str(variable.attrs.get("standard_name", ""))
    return name not in bounds and standard not in ("latitude", "longitude")


def has_2d_coordinates(dataset: xr.Dataset) -> bool:
    """Whether latitude and longitude are given per pixel."""
    found = set()
    for name, variable in dataset.variables.items():
        if variable.ndim < 2:
            continue
        standard = str(variable.attrs.get("standard_name", "")) or str(name).lower()
        found |= {"lat"} if standard in ("latitude", "lat") else {"lon"} if standard in ("longitude", "lon") else set()
    return len(found) == 2


def _grid_mapping(dataset: xr.Dataset, name: str) -> dict[str, Any] | None:
    """The attributes of a variable's grid mapping; those of the only one in the file if it names none."""
    given = str(dataset.variables[name].attrs.get("grid_mapping", "")).split(":")[0].strip()
    if given and given in dataset.variables:
        return dict(dataset.variables[given].attrs)
    found = [
        dict(v.attrs)
        for v in dataset.variables.values()
        if {"grid_mapping_name", "crs_wkt", "spatial_ref"} & set(v.attrs)
    ]
    return found[0] if len(found) == 1 else None


def _geotransform(dataset: xr.Dataset) -> list[float] | None:
    """GDAL's transform, where a file has no coordinates."""
    for variable in dataset.variables.values():
        if "GeoTransform" in variable.attrs:
            return [float(v) for v in str(variable.attrs["GeoTransform"]).split()]
    return None


def crs_definition(dataset: xr.Dataset, name: str, found: Axes) -> object | None:
    """Something that says the coordinate reference system of a variable; None if nothing does."""
    import pyproj

    mapping = _grid_mapping(dataset, name)
    if mapping is not None:
        code = str(mapping.get("epsg_code", "")).removeprefix("EPSG:")
        candidates = [str(mapping.get(key, "")) for key in ("crs_wkt", "spatial_ref")]
        candidates += [f"EPSG:{code}"] if code.isdigit() else []
        srid = str(mapping.get("srid", "")).rpartition("EPSG::")[2]
        candidates += [f"EPSG:{srid}"] if srid.isdigit() else []
        systems = [s for text in candidates if text and (s := _system(text)) is not None]
        for text, system in systems:
            if system:
                return text
        if systems:
            return systems[0][0]
        try:
            return str(pyproj.CRS.from_cf(mapping).to_wkt())
        except (pyproj.exceptions.CRSError, KeyError, ValueError):
            return str(mapping.get("grid_mapping_name", "an unknown grid mapping"))
    for attributes in (dataset.variables[name].attrs, dataset.attrs):
        for key in ("crs", "crs_wkt", "spatial_ref", "proj4"):
            if key in attributes and _system(str(attributes[key])) is not None:
                return str(attributes[key])
    return CRS84 if is_geographic(dataset, found) else None


def _system(text: str) -> tuple[str, bool] | None:
    """A definition and whether it has an IRI; None if it is not understood."""
    from semcube.errors import CRSError
    from semcube.geometry import crs

    try:
        return text, crs(text).iri is not None
    except CRSError:
        return None


def is_geographic(dataset: xr.Dataset, found: Axes) -> bool:
    """Whether the axes are longitude and latitude."""
    name = _coordinate(dataset, found.x)
    attributes = dataset.variables[name].attrs if name else {}
    standard, units = str(attributes.get("standard_name", "")), str(attributes.get("units", "")).lower()
    if standard or units:
        return standard == "longitude" or units in _EAST_UNITS
    return found.x.lower() in ("lon", "longitude", "long") and found.y.lower() in ("lat", "latitude")


def positions(
    dataset: xr.Dataset, dimension: str, found: Axes, file: Path
) -> tuple[npt.NDArray[np.float64], tuple[float, float]]:
    """Centres of the pixels along a dimension, and its two outer edges, in stored order.

    Raises:
        UnsupportedError: The steps are not equal.
    """
    size = dataset.sizes[dimension]
    name = _coordinate(dataset, dimension)
    if name is None:
        transform = _geotransform(dataset)
        if transform is None or transform[2] or transform[4]:
            raise UnsupportedError(f"{file}: the dimension {dimension} has no coordinates")
        start, step = (transform[0], transform[1]) if dimension == found.x else (transform[3], transform[5])
        return start + step * (np.arange(size) + 0.5), (start, start + step * size)
    centres = _decoded(dataset.variables[name])
    if not np.isfinite(centres).all():
        raise SourceError(f"coordinate {name} has missing values", source=file)
    if size == 1:
        return centres, _edges_of_one(dataset, name, found, float(centres[0]), file)
    step = (centres[-1] - centres[0]) / (size - 1)
    off = np.abs(centres - (centres[0] + step * np.arange(size)))
    if step == 0 or off.max() > _STEP_TOLERANCE * abs(step):
        worst = int(off.argmax())
        raise UnsupportedError(
            f"{file}: the steps of {name} are not equal ({name}[{worst}] is {centres[worst]:g})",
            expected="a regular grid",
            fix="resample it to a regular grid first",
        )
    return centres, (float(centres[0] - step / 2), float(centres[-1] + step / 2))


def _edges_of_one(dataset: xr.Dataset, name: str, found: Axes, centre: float, file: Path) -> tuple[float, float]:
    """The edges of a single row or column: by its bounds, else as wide as the other dimension's steps."""
    bounds = str(dataset.variables[name].attrs.get("bounds", ""))
    if bounds in dataset.variables:
        low, high = np.asarray(dataset.variables[bounds].values, float).ravel()[:2]
        return float(low), float(high)
    other = _coordinate(dataset, found.y if name == found.x or _coordinate(dataset, found.x) == name else found.x)
    values = _decoded(dataset.variables[other]) if other else np.zeros(1)
    if values.size < 2:
        raise UnsupportedError(f"{file}: the size of the only pixel along {name} is not known", expected="bounds")
    half = abs(float(values[1] - values[0])) / 2
    return centre - half, centre + half


def _decoded(variable: xr.Variable) -> npt.NDArray[np.float64]:
    return np.ma.filled(Coding.of(variable).decode(variable.values).astype(np.float64), np.nan)


def iso_times(dataset: xr.Dataset, dimension: str, file: Path) -> list[str]:
    """ISO 8601 texts of a time axis, in UTC (CF 4.4: no time zone means UTC).

    Dates of another calendar than the standard one keep their own year, month and day.

    Raises:
        SourceError: The axis is not decodable.
    """
    name = _coordinate(dataset, dimension)
    if name is None:
        raise SourceError(f"the dimension {dimension} has no coordinates", source=file)
    variable = dataset.variables[name]
    try:
        with warnings.catch_warnings():
            # Dates beyond the nanosecond range come as cftime objects, which is what is wanted.
            warnings.simplefilter("ignore", xr.SerializationWarning)
            values = xr.conventions.decode_cf_variable(name, variable).values
    except (ValueError, OverflowError, KeyError) as error:
        raise SourceError(
            f"the time axis {name} ({variable.attrs.get('units')}) cannot be decoded: {error}", source=file
        ) from error
    if np.issubdtype(values.dtype, np.datetime64):
        texts = [str(text) for text in np.datetime_as_string(values)]
    elif values.dtype == object:
        texts = [value.isoformat() for value in values]
    else:
        raise SourceError(f"the time axis {name} has no units such as 'days since 2000-01-01'", source=file)
    return [(text.rstrip("0").rstrip(".") if "." in text else text) + "Z" for text in texts]


def flags(attributes: dict[Any, Any], file: Path, name: str) -> tuple[dict[int, str] | None, dict[int, str] | None]:
    """``flag_values`` and ``flag_masks`` with their meanings.

    Raises:
        SourceError: There are not as many meanings as values.
    """
    meanings = attributes.get("flag_meanings")
    if meanings is None:
        return None, None
    names = str(meanings).split()
    result: list[dict[int, str] | None] = []
    for key in ("flag_values", "flag_masks"):
        given = attributes.get(key)
        if isinstance(given, str):
            given = [int(part.strip("bBsSlLuU ")) for part in given.replace(",", " ").split()]
        values = None if given is None else [int(v) for v in np.atleast_1d(given)]
        if values is not None and len(values) != len(names):
            raise SourceError(f"{len(values)} {key}, {len(names)} flag_meanings", source=file, layer=name)
        result.append(None if values is None else dict(zip(values, names, strict=True)))
    # A value with a mask is a field of bits, not a class.
    return (None, result[1]) if result[1] else (result[0], None)


@dataclass(frozen=True)
class Coding:
    """How stored values become values."""

    dtype: np.dtype[Any]
    """Of the decoded values."""
    missing: tuple[float, ...]
    valid: tuple[float | None, float | None]
    """Least and greatest valid stored value."""
    scale: float | None
    offset: float | None
    unsigned: np.dtype[Any] | None

    @property
    def nodata(self) -> float | None:
        """The stored fill value."""
        return self.missing[0] if self.missing else None

    @classmethod
    def of(cls, variable: xr.Variable) -> Coding:
        """From the attributes of a variable."""
        given = variable.attrs
        unsigned = None
        if str(given.get("_Unsigned", "")).lower() == "true" and variable.dtype.kind == "i":
            unsigned = np.dtype(f"u{variable.dtype.itemsize}")
        stored = unsigned or variable.dtype
        missing = [_number(v) for key in ("_FillValue", "missing_value") for v in np.atleast_1d(given.get(key, []))]
        if unsigned is not None:
            missing = [v % 2 ** (8 * unsigned.itemsize) for v in missing]
        low, high = given.get("valid_min"), given.get("valid_max")
        if "valid_range" in given and len(np.atleast_1d(given["valid_range"])) == 2:
            low, high = np.atleast_1d(given["valid_range"])
        scale, offset = given.get("scale_factor"), given.get("add_offset")
        packed = scale is not None or offset is not None
        dtype = np.dtype("float64") if packed else np.dtype("uint8") if stored.kind == "b" else stored.newbyteorder("=")
        return cls(
            dtype=dtype,
            missing=tuple(dict.fromkeys(missing)),
            valid=(None if low is None else _number(low), None if high is None else _number(high)),
            scale=None if scale is None else _number(scale),
            offset=None if offset is None else _number(offset),
            unsigned=unsigned,
        )

    def decode(self, stored: npt.NDArray[Any]) -> np.ma.MaskedArray[Any, Any]:
        """Stored values as values, masked where there is none."""
        values = (
            stored.view(self.unsigned.newbyteorder(stored.dtype.byteorder)) if self.unsigned is not None else stored
        )
        mask = np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, bool)
        for value in self.missing:
            mask |= values == value
        low, high = self.valid
        if low is not None:
            mask |= values < low
        if high is not None:
            mask |= values > high
        if self.scale is not None or self.offset is not None:
            decoded = values.astype(np.float64) * (1.0 if self.scale is None else self.scale) + (self.offset or 0.0)
        else:
            decoded = values.astype(self.dtype, copy=False)
        return np.ma.MaskedArray(decoded, mask)


def _number(value: Any) -> float:
    """A numeric attribute, also where it was written as text."""
    found = np.atleast_1d(value)[0]
    return float(found) if not isinstance(found, bytes) else float(found.decode())
