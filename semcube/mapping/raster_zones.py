# SPDX-License-Identifier: Apache-2.0
"""Polygons over which pixels are summarised: features of a file, or cells of the H3 grid, in the raster's system."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semcube.errors import SourceError, UsageError
from semcube.mapping.rows import Selection

if TYPE_CHECKING:
    from semcube.geometry import CRS
    from semcube.mapping.raster import Grid

__all__ = ["Zones", "h3_resolution", "h3_zones", "split_layer", "vector_zones"]

MAX_CELLS = 1_000_000
_PIXELS_PER_CELL = 16
_EARTH_M2 = 510_065_621_724_000.0
_SPLIT = 1000


@dataclass(frozen=True)
class Zones:
    """Some polygons with their names."""

    names: list[str]
    """What identifies each, as text."""
    geometries: np.ndarray
    """Polygons in the raster's system; None where there is none."""
    written: np.ndarray | None = None
    """Polygons in CRS84 to write with the statistics, if these are not written elsewhere."""


def split_layer(text: str) -> tuple[Path, str | None]:
    """File and layer of ``FILE`` or ``FILE:layer``.

    Example:
        >>> split_layer("zones.gpkg:regions")
        (PosixPath('zones.gpkg'), 'regions')
    """
    if Path(text).exists():
        return Path(text), None
    path, colon, layer = text.rpartition(":")
    return (Path(path), layer) if colon and len(path) > 1 else (Path(text), None)


def vector_zones(text: str, raster_crs: CRS, source_crs: str | None, batch_bytes: int) -> Iterator[Zones]:
    """The features of a layer, named by its key.

    Raises:
        SourceError: The layer has no geometry, or no known system.
    """
    import shapely

    from semcube.geometry import crs, transform
    from semcube.io import open_vector
    from semcube.mapping.keys import choose_key
    from semcube.mapping.rows import VectorRows

    path, layer = split_layer(text)
    vector = open_vector(path, layer)
    if vector.info.geometry_column is None:
        raise SourceError("has no geometries, so it has no zones", source=path, layer=layer)
    own = vector.info.crs or source_crs
    if own is None:
        raise SourceError(
            "has no coordinate reference system", source=path, layer=layer, fix="give one with --source-crs"
        )
    key = choose_key(vector).column
    for batch in VectorRows(vector).batches([key], Selection(), batch_bytes):
        geometries = shapely.from_wkb(batch.column("geometry").to_numpy(zero_copy_only=False), on_invalid="ignore")
        names = [str(each) for each in batch.column(key).to_pylist()]
        yield Zones(names, transform(geometries, crs(own), raster_crs))


def h3_resolution(pixel_m2: float) -> int:
    """The finest H3 resolution whose cells hold 16 pixels on average.

    Example:
        >>> h3_resolution(250.0 * 250.0), h3_resolution(1e12)
        (7, 0)
    """
    for resolution in range(15, -1, -1):
        if _EARTH_M2 / (2 + 120 * 7**resolution) >= _PIXELS_PER_CELL * pixel_m2:
            return resolution
    return 0


def h3_zones(grid: Grid, raster_crs: CRS, wanted: str | None) -> Iterator[Zones]:
    """The H3 cells under a raster.

    Args:
        grid: The raster.
        raster_crs: Its system.
        wanted: ``h3`` or None for a resolution by the size of a pixel, ``h3:N`` for resolution N.

    Raises:
        UsageError: Another grid, or no resolution of H3.
    """
    import h3
    import shapely

    from semcube.geometry import CRS84, transform

    match = re.fullmatch(r"h3(?::(\d+))?", (wanted or "h3").strip().lower())
    if match is None or (match[1] is not None and int(match[1]) > 15):
        raise UsageError(f"cells {wanted!r}", expected="h3 or h3:N with N from 0 to 15")
    resolution = h3_resolution(_pixel_m2(grid, raster_crs)) if match[1] is None else int(match[1])
    cells = sorted(_sampled_cells(grid, raster_crs, resolution))
    for first in range(0, len(cells), _SPLIT):
        names = cells[first : first + _SPLIT]
        rings = [np.array(h3.cell_to_boundary(name))[:, ::-1] for name in names]
        written = np.array([_polygon(ring) for ring in rings], dtype=object)
        if raster_crs.is_geographic:
            geometries = transform(written, CRS84, raster_crs)
        else:
            plain = np.array([shapely.Polygon(ring) for ring in rings], dtype=object)
            geometries = transform(plain, CRS84, raster_crs)
        yield Zones(names, geometries, written)


def _pixel_m2(grid: Grid, crs: CRS) -> float:
    """Area of the pixel in the middle."""
    a, b, _, d, e, _ = grid.transform
    area = abs(a * e - b * d)
    if crs.unit_metres is not None:
        return area * crs.unit_metres**2
    south, north = grid.extent[1], grid.extent[3]
    latitude = math.radians((south + north) / 2 * (crs.unit_degrees or 1.0))
    return float(area * (crs.unit_degrees or 1.0) ** 2 * 111_320.0**2 * max(math.cos(latitude), 0.01))


def _sampled_cells(grid: Grid, crs: CRS, resolution: int) -> set[str]:
    """Cells at points of the raster that lie closer together than cells are wide."""
    import h3

    from semcube.geometry.crs import transform_xy

    spacing = h3.average_hexagon_edge_length(resolution, unit="m") / 2
    pixel = math.sqrt(_pixel_m2(grid, crs))
    step = max(1, int(spacing / pixel))
    rows, columns = (
        np.unique(np.append(np.arange(0, size, step), size - 1)) + 0.5 for size in (grid.height, grid.width)
    )
    if len(rows) * len(columns) > 16 * MAX_CELLS:
        raise UsageError(
            f"about {len(rows) * len(columns) // 8:,} cells of resolution {resolution}",
            expected=f"at most {MAX_CELLS:,}",
            fix="choose a coarser resolution with --cells h3:N, or a part with --bbox",
        )
    cells: set[str] = set()
    for row in rows:
        x, y = grid.coordinates(np.full(len(columns), row), columns)
        lonlat = transform_xy(np.column_stack([x, y]), crs, "CRS84")
        lonlat = lonlat[np.isfinite(lonlat).all(axis=1) & (np.abs(lonlat[:, 1]) <= 90)]
        cells.update(h3.latlng_to_cell(lat, lon, resolution) for lon, lat in lonlat.tolist())
    return cells


def _polygon(ring: np.ndarray) -> Any:
    """A cell in longitude and latitude; cut at the antimeridian, closed over a pole."""
    import shapely

    if np.ptp(ring[:, 0]) <= 180:
        return shapely.Polygon(ring)
    east = ring.copy()
    east[east[:, 0] < 0, 0] += 360
    if np.ptp(east[:, 0]) <= 180:
        cell = shapely.Polygon(east)
        west_part = shapely.intersection(cell, shapely.box(0, -90, 180, 90))
        east_part = shapely.intersection(cell, shapely.box(180, -90, 540, 90))
        moved = shapely.transform(east_part, lambda xy: xy - (360, 0))
        return shapely.union_all([west_part, moved])
    order = ring[np.argsort(ring[:, 0])]
    pole = 90.0 if ring[:, 1].mean() > 0 else -90.0
    closing = [(180.0, order[0, 1]), (180.0, pole), (-180.0, pole), (-180.0, order[0, 1])]
    return shapely.Polygon([*map(tuple, order), *closing])
