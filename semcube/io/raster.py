# SPDX-License-Identifier: Apache-2.0
"""Rasters of any format behind one reader: windows of pixels on a north-up grid."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from semcube.errors import UnsupportedError
from semcube.io.remote import ranged
from semcube.io.streams import source_file

if TYPE_CHECKING:
    import numpy as np

__all__ = ["RasterInfo", "RasterSource", "Window", "open_raster", "variables"]

Affine = tuple[float, float, float, float, float, float]

RASTER_EXTENSIONS = {
    "tif": "GeoTIFF",
    "tiff": "GeoTIFF",
    "vrt": "GDAL virtual raster",
    "nc": "NetCDF",
    "nc4": "NetCDF",
    "cdf": "NetCDF",
    "zarr": "Zarr",
}
"""Extension -> format."""
_RANGED = ("tif", "tiff")
"""Formats of which only what is needed is read from a URL."""


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of pixels at one time."""

    row: int
    """First row; row 0 is the northernmost."""
    column: int
    """First column; column 0 is the westernmost."""
    height: int
    width: int
    time_index: int | None = None
    """Which time; None where the raster has no time axis."""


@dataclass(frozen=True)
class RasterInfo:
    """What is known about one variable of a raster."""

    source: str
    variable: str
    shape: tuple[int, ...]
    """(time,) rows, columns."""
    dims: tuple[str, ...]
    """The file's names of these dimensions."""
    dtype: str
    """numpy type of the values as :meth:`RasterSource.read` gives them."""
    crs: str | None
    """IRI of the coordinate reference system; its WKT where it has no IRI; None if unknown."""
    transform: Affine
    """a, b, c, d, e, f: the north-west corner of a pixel is x = a column + b row + c, y = d column + e row + f."""
    extent: tuple[float, float, float, float]
    """West, south, east, north of the pixels' edges in ``crs``; x is east, y is north."""
    nodata: float | None
    """The stored value that means "no value"."""
    times: list[str] | None
    """ISO 8601, in UTC; None without a time axis."""
    units: str | None
    standard_name: str | None
    long_name: str | None
    flags: dict[int, str] | None
    """Value -> meaning of a classified raster (CF ``flag_values``, category names, attribute table)."""
    flag_masks: dict[int, str] | None = None
    """Bit mask -> meaning (CF ``flag_masks``)."""
    colours: dict[int, tuple[int, int, int, int]] | None = None
    """Value -> red, green, blue, alpha of a colour table."""
    metadata: dict[str, str] = field(default_factory=dict)
    """What else is worth telling: ``format``, ``warning`` (lines), ``title``, ``calendar``, the file's own tags."""

    @property
    def height(self) -> int:
        """Rows."""
        return self.shape[-2]

    @property
    def width(self) -> int:
        """Columns."""
        return self.shape[-1]

    def window_transform(self, window: Window) -> Affine:
        """The transform of a window's own rows and columns."""
        a, b, c, d, e, f = self.transform
        return (a, b, a * window.column + b * window.row + c, d, e, d * window.column + e * window.row + f)


class RasterSource(ABC):
    """An open raster variable; a context manager that closes the file. Not to be shared between threads."""

    info: RasterInfo
    _chunk: tuple[int, int] = (256, 256)

    @property
    def categorical(self) -> bool:
        """Whether the values are classes: integers with meanings or a colour table."""
        import numpy as np

        whole = np.issubdtype(np.dtype(self.info.dtype), np.integer)
        return bool(self.info.flags) or (whole and bool(self.info.colours))

    def distinct(self, limit: int = 64) -> dict[int, int] | None:
        """Distinct integer values and their counts over all pixels; None if they are more than ``limit`` or fractions.

        Reads everything: for rasters that do not say whether they are classified.
        """
        import numpy as np

        found: dict[int, int] = {}
        for window in self.windows():
            values, counts = np.unique(self.read(window).compressed(), return_counts=True)
            if not np.equal(values, np.floor(values)).all():
                return None
            for value, count in zip(values.tolist(), counts.tolist(), strict=True):
                found[int(value)] = found.get(int(value), 0) + count
            if len(found) > limit:
                return None
        return dict(sorted(found.items()))

    def windows(self, max_bytes: int = 16 * 1024 * 1024) -> Iterator[Window]:
        """Windows that cover every pixel of every time once, along the file's own chunks.

        Args:
            max_bytes: Upper bound of one window's decoded values; one row of pixels always fits.
        """
        import numpy as np

        pixels = max(max_bytes // np.dtype(self.info.dtype).itemsize, 1)
        height, width = self._window_shape(pixels)
        times: list[int | None] = [None] if self.info.times is None else list(range(self.info.shape[0]))
        for row in range(0, self.info.height, height):
            for column in range(0, self.info.width, width):
                for time in times:
                    yield Window(
                        row,
                        column,
                        min(height, self.info.height - row),
                        min(width, self.info.width - column),
                        time,
                    )

    def _window_shape(self, pixels: int) -> tuple[int, int]:
        """Rows and columns of a window of at most so many pixels, in whole chunks where possible."""
        rows, columns = (min(c, s) for c, s in zip(self._chunk, self.info.shape[-2:], strict=True))
        if rows * self.info.width <= pixels:
            return min(pixels // (rows * self.info.width) * rows, self.info.height), self.info.width
        if rows * columns <= pixels:
            return rows, pixels // (rows * columns) * columns
        return max(pixels // columns, 1), columns if columns <= pixels else max(pixels, 1)

    @abstractmethod
    def read(self, window: Window) -> np.ma.MaskedArray[Any, Any]:
        """The decoded values of a window, shape (height, width), masked where there is none (NaN included).

        Raises:
            SourceError: The file is damaged.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def variables(path: str | Path) -> list[str]:
    """The variables of a raster that lie on a grid; bands of a GeoTIFF by their description, else ``band_1`` ...

    A variable with more dimensions than time, rows, columns is listed once per place: ``temperature[depth=0]``.

    Raises:
        SourceError: There is no such file, or it cannot be read.
        UnsupportedError: The format is not read, or the grid is not regular.
    """
    file = ranged(path, _RANGED) or source_file(path)
    if _kind(file) == "GeoTIFF":
        from semcube.io.geotiff import band_names

        return band_names(file)
    from semcube.io.gridded import variable_names

    return variable_names(file)


def open_raster(path: str | Path, variable: str | None = None) -> RasterSource:
    """Open one variable of a GeoTIFF, NetCDF or Zarr.

    Rows run from north to south and columns from west to east whatever the file does; longitudes beyond 180 are
    brought back. Values are decoded (CF scale, offset, fill, valid range).

    Args:
        path: The file, or the folder of a Zarr.
        variable: Its name as :func:`variables` lists it; needed where there is more than one.

    Raises:
        SourceError: No such file or variable, or a damaged file.
        UnsupportedError: The format is not read, or the grid is not regular (2-D latitude and longitude, unequal
            steps).
    """
    file = ranged(path, _RANGED) or source_file(path)
    if _kind(file) == "GeoTIFF":
        from semcube.io.geotiff import GeoTIFFSource

        return GeoTIFFSource(file, variable)
    from semcube.io.gridded import GriddedSource

    return GriddedSource(file, variable)


def _kind(file: Path) -> str:
    """The format of a raster, by extension or, for a Zarr, by what the folder holds."""
    extension = file.name.rpartition(".")[2].lower()
    if file.is_dir() and any((file / name).exists() for name in (".zgroup", ".zmetadata", ".zarray", "zarr.json")):
        return "Zarr"
    found = RASTER_EXTENSIONS.get(extension)
    if found is None or file.is_dir():
        what = "is a folder without a Zarr" if file.is_dir() else f"has the extension '.{extension}'"
        known = ", ".join(f".{e}" for e in RASTER_EXTENSIONS)
        raise UnsupportedError(f"{file} {what}", expected=f"a raster that is one of {known}")
    return "GeoTIFF" if found == "GDAL virtual raster" else found


def extent_of(transform: Affine, height: int, width: int) -> tuple[float, float, float, float]:
    """West, south, east, north of a grid's edges.

    Example:
        >>> extent_of((10.0, 0.0, 100.0, 0.0, -10.0, 50.0), 2, 3)
        (100.0, 30.0, 130.0, 50.0)
    """
    a, b, c, d, e, f = transform
    xs = [a * column + b * row + c for column in (0, width) for row in (0, height)]
    ys = [d * column + e * row + f for column in (0, width) for row in (0, height)]
    box = (min(xs), min(ys), max(xs), max(ys))
    if not all(math.isfinite(v) for v in box):
        raise UnsupportedError(f"the transform {transform} is not finite")
    return box
