# SPDX-License-Identifier: Apache-2.0
"""NetCDF and Zarr on regular grids, decoded by the CF conventions.

Conventions: https://cfconventions.org/Data/cf-conventions/cf-conventions-1.11/cf-conventions.html
"""

from __future__ import annotations

import itertools
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import xarray as xr

from semcube.errors import SourceError, UnsupportedError
from semcube.io import cf
from semcube.io.batching import crs_of
from semcube.io.raster import Affine, RasterInfo, RasterSource, Window, extent_of

__all__ = ["GriddedSource", "variable_names"]

_MAX_PLACES = 200
_SELECTED = re.compile(r"(?P<name>.+?)\[(?P<places>[^\]]+)\]")
_CACHE_BYTES = 128 * 1024 * 1024


def _open(file: Path) -> xr.Dataset:
    """The dataset as stored: nothing decoded, nothing read."""
    try:
        with warnings.catch_warnings():
            # Metadata that is not consolidated is slower to open, no fault of the file.
            warnings.simplefilter("ignore")
            if file.is_dir():
                return xr.open_dataset(file, engine="zarr", decode_cf=False, chunks=None)
            return xr.open_dataset(file, engine="netcdf4", decode_cf=False)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        kind = "a Zarr" if file.is_dir() else "a NetCDF file"
        raise SourceError(
            f"cannot be read: {error}", source=file, expected=kind, fix="check that it is complete"
        ) from error


def _grids(dataset: xr.Dataset, file: Path) -> list[str]:
    """The variables that lie on a regular grid."""
    found = [str(name) for name in dataset.variables if cf.is_data(dataset, str(name)) and cf.axes(dataset, str(name))]
    if not found:
        if cf.has_2d_coordinates(dataset):
            raise UnsupportedError(
                f"{file} has latitude and longitude as 2-D arrays (a swath or a curvilinear grid)",
                expected="one coordinate per row and per column",
                fix="resample it to a regular grid first",
            )
        raise UnsupportedError(
            f"{file} has no variable on a grid of rows and columns",
            expected="1-D coordinates such as lat and lon, or x and y with projection_x_coordinate",
        )
    return found


def variable_names(file: Path) -> list[str]:
    """The variables on a grid, once per place along further dimensions."""
    with _open(file) as dataset:
        names = []
        for name in _grids(dataset, file):
            found = cf.axes(dataset, name)
            assert found is not None
            further = {d: dataset.sizes[d] for d in found.further if dataset.sizes[d] > 1}
            places = list(itertools.islice(itertools.product(*(range(n) for n in further.values())), _MAX_PLACES))
            for place in places:
                chosen = ",".join(f"{d}={i}" for d, i in zip(further, place, strict=True))
                names.append(f"{name}[{chosen}]" if chosen else name)
        return names


@dataclass(frozen=True)
class _Axis:
    """How output positions map to stored ones along one dimension."""

    order: npt.NDArray[np.int64]
    """Stored index of each output index."""
    start: float
    """Edge before output index 0."""
    step: float

    def pieces(self, first: int, count: int) -> list[slice]:
        """Stored slices that make up output positions, in order."""
        part = self.order[first : first + count]
        breaks = np.flatnonzero(np.abs(np.diff(part)) != 1) + 1
        result = []
        for run in np.split(part, breaks):
            step = -1 if run.size > 1 and run[1] < run[0] else 1
            stop: int | None = int(run[-1]) + step
            result.append(slice(int(run[0]), None if stop is not None and stop < 0 else stop, step))
        return result


class GriddedSource(RasterSource):
    """One variable of a NetCDF file or Zarr."""

    def __init__(self, file: Path, variable: str | None) -> None:
        self._file = file
        self._dataset = _open(file)
        try:
            self._name, self._places = self._choose(variable)
            found = cf.axes(self._dataset, self._name)
            assert found is not None
            self._axes = found
            self._data = self._dataset.variables[self._name]
            self._coding = cf.Coding.of(self._data)
            self.info = self._describe(variable or self._name)
        except BaseException:
            self._dataset.close()
            raise
        self._block: tuple[Any, npt.NDArray[Any]] | None = None

    def _choose(self, variable: str | None) -> tuple[str, dict[str, int]]:
        grids = _grids(self._dataset, self._file)
        if variable is None:
            if len(grids) > 1:
                raise SourceError(
                    f"{len(grids)} variables",
                    source=self._file,
                    expected="one",
                    fix=f"choose one of {', '.join(grids)}",
                )
            variable = grids[0]
        match = _SELECTED.fullmatch(variable)
        name = match["name"] if match else variable
        if name not in grids:
            reason = " on a regular grid" if name in self._dataset.variables else ""
            raise SourceError(f"no variable {name!r}{reason}", source=self._file, expected=f"one of {', '.join(grids)}")
        places = {}
        for item in match["places"].split(",") if match else ():
            dimension, _, index = item.partition("=")
            if (
                dimension not in self._dataset.sizes
                or not index.isdigit()
                or int(index) >= self._dataset.sizes[dimension]
            ):
                raise SourceError(f"no place {item!r}", source=self._file, layer=name, expected="dimension=index")
            places[dimension] = int(index)
        further = cf.axes(self._dataset, name)
        missing = [d for d in (further.further if further else ()) if self._dataset.sizes[d] > 1 and d not in places]
        if missing:
            sizes = ", ".join(f"{d} ({self._dataset.sizes[d]})" for d in missing)
            raise SourceError(
                f"further dimensions {sizes}",
                source=self._file,
                layer=name,
                fix=f"choose a place: {name}[{missing[0]}=0]",
            )
        return name, places

    def _describe(self, label: str) -> RasterInfo:
        dataset, axes, attributes = self._dataset, self._axes, self._data.attrs
        definition = cf.crs_definition(dataset, self._name, axes)
        system, warning = crs_of(None, definition)
        geographic = definition is not None and cf.is_geographic(dataset, axes)
        self._x = self._axis(axes.x, geographic=geographic, ascending=True)
        self._y = self._axis(axes.y, geographic=False, ascending=False)
        transform: Affine = (self._x.step, 0.0, self._x.start, 0.0, self._y.step, self._y.start)
        height, width = dataset.sizes[axes.y], dataset.sizes[axes.x]
        times = None if axes.time is None else cf.iso_times(dataset, axes.time, self._file)
        lead = () if axes.time is None else (axes.time,)
        chunks = self._data.encoding.get("chunksizes") or self._data.encoding.get("chunks")
        sizes = dict(zip(map(str, self._data.dims), chunks, strict=True)) if chunks else {}
        self._chunk = (sizes.get(axes.y, min(height, 256)), sizes.get(axes.x, width))
        self._time_chunk = sizes.get(axes.time, 1) if axes.time is not None else 1
        metadata = {"format": "Zarr" if self._file.is_dir() else "NetCDF"}
        metadata |= {str(k): str(v) for k, v in dataset.attrs.items()}
        if axes.time is not None and (calendar := dataset.variables[axes.time].attrs.get("calendar")):
            metadata["calendar"] = str(calendar)
        metadata |= {"warning": warning} if warning else {}
        flags, masks = cf.flags(attributes, self._file, self._name)
        return RasterInfo(
            source=str(self._file),
            variable=label,
            shape=(*(dataset.sizes[d] for d in lead), height, width),
            dims=(*lead, axes.y, axes.x),
            dtype=self._coding.dtype.name,
            crs=system,
            transform=transform,
            extent=extent_of(transform, height, width),
            nodata=self._coding.nodata,
            times=times,
            units=_text(attributes.get("units")),
            standard_name=_text(attributes.get("standard_name")),
            long_name=_text(attributes.get("long_name")),
            flags=flags,
            flag_masks=masks,
            metadata=metadata,
        )

    def _axis(self, dimension: str, *, geographic: bool, ascending: bool) -> _Axis:
        """Edges and order of one dimension; longitudes beyond 180 come first, less 360."""
        centres, edges = cf.positions(self._dataset, dimension, self._axes, self._file)
        count = centres.size
        step = (edges[1] - edges[0]) / count
        order = np.arange(count)
        start = edges[0]
        if (step > 0) != ascending:
            order, start, step = order[::-1], edges[1], -step
        if geographic and start + step * count > 180 + step / 2:
            places = start + step * (np.arange(count) + 0.5)
            beyond = int(np.searchsorted(places, 180.0))
            if beyond == 0:
                start -= 360
            elif abs(step * count - 360) <= step / 2:
                order, start = np.roll(order, -beyond), start + step * beyond - 360
        return _Axis(order.astype(np.int64), float(start), float(step))

    def read(self, window: Window) -> np.ma.MaskedArray[Any, Any]:
        """The values of a window; see :meth:`RasterSource.read`."""
        try:
            stored = self._stored(window)
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            raise SourceError(
                f"cannot be read at row {window.row}, column {window.column}: {error}",
                source=self._file,
                layer=self._name,
                fix="check that the file is complete",
            ) from error
        return self._coding.decode(stored)

    def _stored(self, window: Window) -> npt.NDArray[Any]:
        """Stored values; times of one chunk are read together, because the chunk is unpacked as a whole."""
        time = window.time_index
        if time is None or self._time_chunk == 1:
            return self._one(window)
        first = time // self._time_chunk * self._time_chunk
        span = min(self._time_chunk, self.info.shape[0] - first)
        if span * window.height * window.width * self._data.dtype.itemsize > _CACHE_BYTES:
            return self._one(window)
        key = (window.row, window.column, window.height, window.width, first)
        if self._block is None or self._block[0] != key:
            self._block = (key, self._slab(window, slice(first, first + span)))
        return cast("npt.NDArray[Any]", self._block[1][time - first])

    def _one(self, window: Window) -> npt.NDArray[Any]:
        time = window.time_index
        slab = self._slab(window, None if time is None else slice(time, time + 1))
        return cast("npt.NDArray[Any]", slab[0])

    def _slab(self, window: Window, times: slice | None) -> npt.NDArray[Any]:
        """Stored values (time, row, column) of a window, rows and columns in output order."""
        axes = self._axes
        fixed = {d: slice(self._places.get(d, 0), self._places.get(d, 0) + 1) for d in axes.further}
        rows = []
        for row in self._y.pieces(window.row, window.height):
            parts = []
            for column in self._x.pieces(window.column, window.width):
                place: dict[Any, slice] = {axes.y: _forward(row), axes.x: _forward(column), **fixed}
                if axes.time is not None and times is not None:
                    place[axes.time] = times
                part = self._data.isel(place)
                order = [d for d in (axes.time,) if d is not None] + [axes.y, axes.x]
                values = part.squeeze([d for d in part.dims if d not in order]).transpose(*order).values
                values = values if axes.time is not None else values[np.newaxis]
                parts.append(values[:, :: row.step, :: column.step])
            rows.append(np.concatenate(parts, axis=2) if len(parts) > 1 else parts[0])
        return np.concatenate(rows, axis=1) if len(rows) > 1 else rows[0]

    def close(self) -> None:
        """Close the file."""
        self._block = None
        self._dataset.close()


def _forward(piece: slice) -> slice:
    """The same positions, ascending."""
    if piece.step == 1:
        return piece
    return slice(0 if piece.stop is None else piece.stop + 1, piece.start + 1, 1)


def _text(value: object) -> str | None:
    return None if value is None or str(value).strip() == "" else str(value)
