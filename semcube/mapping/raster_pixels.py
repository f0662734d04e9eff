# SPDX-License-Identifier: Apache-2.0
"""semcube's rasters and zones as exactextract reads them; imported only where statistics are made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from exactextract.feature import Feature, FeatureSource
from exactextract.raster import RasterSource

if TYPE_CHECKING:
    from semcube.mapping.raster import Grid

__all__ = ["PixelSource", "ZoneSource"]


class PixelSource(RasterSource):  # type: ignore[misc]
    """One time of a grid, read in the windows that exactextract asks for."""

    def __init__(self, grid: Grid, time: int, name: str) -> None:
        super().__init__()
        self.grid, self.time = grid, time
        self.set_name(name)

    def res(self) -> tuple[float, float]:
        """Width and height of a pixel."""
        return abs(self.grid.transform[0]), abs(self.grid.transform[4])

    def extent(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        return self.grid.extent

    def nodata_value(self) -> None:
        """Missing pixels are masked."""

    def srs_wkt(self) -> None:
        """Zones are in the raster's system already."""

    def read_window(self, x0: int, y0: int, nx: int, ny: int) -> np.ma.MaskedArray[Any, Any]:
        """Pixels, north first."""
        if not (nx and ny):
            return np.ma.masked_array(np.zeros((ny, nx)), mask=True)
        values = self.grid.read((y0, ny), (x0, nx), self.time)
        return np.ma.masked_array(values.data.astype(np.float64), np.ma.getmaskarray(values))


class _Zone(Feature):  # type: ignore[misc]
    def __init__(self, number: int, wkb: bytes) -> None:
        Feature.__init__(self)
        self.values: dict[str, Any] = {"zone": number}
        self.wkb = wkb

    def set(self, name: str, value: Any) -> None:
        self.values[name] = value

    def get(self, name: str) -> Any:
        return self.values[name]

    def geometry(self) -> bytes:
        return self.wkb

    def fields(self) -> list[str]:
        return list(self.values)


class ZoneSource(FeatureSource):  # type: ignore[misc]
    """Polygons as WKB, numbered from 0."""

    def __init__(self, wkb: np.ndarray) -> None:
        super().__init__()
        self.wkb = wkb

    def count(self) -> int:
        """How many."""
        return len(self.wkb)

    def __iter__(self) -> Iterator[_Zone]:
        for number, each in enumerate(self.wkb):
            yield _Zone(number, bytes(each))

    def srs_wkt(self) -> None:
        """As the raster's."""
