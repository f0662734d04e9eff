# SPDX-License-Identifier: Apache-2.0
"""Connected regions of equal class as polygons, strip by strip; a region that crosses strips is put together again.

Pixels are connected by their sides (4-connectivity), as in GDAL's polygonize. Geometry is made in pixel coordinates,
which are whole numbers, so merging at the seams is exact; coordinates come last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from semcube.errors import SourceError
from semcube.mapping.model import FID, GEOMETRY

if TYPE_CHECKING:
    import shapely

    from semcube.mapping.raster import Grid

__all__ = ["REGIONS", "regions"]

REGIONS = pa.schema(
    [
        pa.field(FID, pa.int64()),
        pa.field("region", pa.large_string()),
        pa.field("value", pa.int64()),
        pa.field("pixels", pa.int64()),
        pa.field("time", pa.large_string()),
        pa.field("time_id", pa.large_string()),
        pa.field(GEOMETRY, pa.large_binary()),
    ]
)
"""``region`` is row and column of the region's first pixel (and the time), so it stays while the raster does."""


@dataclass
class _Open:
    """Regions that reach the last row read and may go on."""

    geometries: list[Any] = field(default_factory=list)
    values: list[int] = field(default_factory=list)
    last_row: np.ndarray | None = None
    """Number of the open region under each column, -1 for none."""


def regions(grid: Grid, max_bytes: int) -> Iterator[pa.RecordBatch]:
    """The regions of all times, in batches.

    Args:
        grid: Pixels of a classified raster; masked ones belong to no region.
        max_bytes: Memory of one strip of pixels.
    """
    from semcube.mapping.raster import time_id

    for index, time in enumerate(grid.times):
        kept = _Open()
        for first, count in grid.strips(max_bytes // 4):
            pixels = _classes(grid, first, count, index)
            done, values, kept = _strip(pixels, first, kept, is_last=first + count == grid.height)
            yield from _batches(grid, done, values, time, None if time is None else time_id(time))


def _classes(grid: Grid, first: int, count: int, time: int) -> np.ma.MaskedArray[Any, Any]:
    values = grid.read((first, count), (0, grid.width), time)
    filled = np.ma.filled(values, 0)
    if not np.issubdtype(filled.dtype, np.integer) and not np.equal(filled, np.floor(filled)).all():
        raise SourceError(
            "values are fractions, not classes",
            source=grid.info.source,
            layer=grid.info.variable,
            fix="leave --categorical out and summarise with --zones or --cells",
        )
    return np.ma.masked_array(filled.astype(np.int64), np.ma.getmaskarray(values))


def _strip(
    pixels: np.ma.MaskedArray[Any, Any], first: int, kept: _Open, *, is_last: bool
) -> tuple[list[Any], list[int], _Open]:
    """Regions that end in a strip, their values, and those that may go on."""
    import rasterio.features
    import shapely
    from shapely.geometry import shape

    height, width = pixels.shape
    distinct, codes = np.unique(pixels.data, return_inverse=True)
    codes = codes.reshape(pixels.shape).astype(np.int32)
    mask = ~np.ma.getmaskarray(pixels)
    made = [
        (shape(polygon), int(distinct[int(code)]))
        for polygon, code in rasterio.features.shapes(codes, mask=mask, connectivity=4)
    ]
    geometries = shapely.transform(
        np.array([each[0] for each in made], dtype=object), lambda xy: np.add(xy, (0, first))
    )
    all_geometries = [*kept.geometries, *geometries]
    all_values = [*kept.values, *(each[1] for each in made)]
    offset = len(kept.geometries)
    bounds = shapely.bounds(geometries) if made else np.empty((0, 4))
    top = _numbers(geometries, bounds[:, 1] == first, first, width, offset)
    bottom = _numbers(geometries, bounds[:, 3] == first + height, first + height - 1, width, offset)
    groups = _joined(len(all_geometries), kept.last_row, top, all_values)
    merged, values, which = _merge(all_geometries, all_values, groups)
    if is_last:
        return merged, values, _Open()
    open_numbers = np.unique(which[bottom[bottom >= 0]])
    renumber = np.full(len(merged) + 1, -1)
    renumber[open_numbers] = np.arange(len(open_numbers))
    last_row = np.where(bottom >= 0, renumber[which[bottom]], -1)
    going_on = _Open([merged[n] for n in open_numbers], [values[n] for n in open_numbers], last_row)
    ended = [n for n in range(len(merged)) if renumber[n] < 0]
    return [merged[n] for n in ended], [values[n] for n in ended], going_on


def _numbers(geometries: np.ndarray, touching: np.ndarray, row: int, width: int, offset: int) -> np.ndarray:
    """Which region lies under each column of one row; -1 for none."""
    import rasterio.features
    from rasterio.transform import Affine

    shapes = [(geometries[n], n + offset) for n in np.flatnonzero(touching)]
    if not shapes:
        return np.full(width, -1)
    found = rasterio.features.rasterize(
        shapes, out_shape=(1, width), fill=-1, transform=Affine(1, 0, 0, 0, 1, row), dtype=np.int32
    )
    return np.asarray(found[0], dtype=np.int64)


def _joined(count: int, above: np.ndarray | None, below: np.ndarray, values: list[int]) -> np.ndarray:
    """The group of each region: those that meet at the seam with equal values are one."""
    parents = np.arange(count)

    def root(number: int) -> int:
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = int(parents[number])
        return number

    if above is not None:
        meets = (above >= 0) & (below >= 0)
        for upper, lower in np.unique(np.stack([above[meets], below[meets]], axis=1), axis=0).tolist():
            if values[upper] == values[lower]:
                parents[root(upper)] = root(lower)
    return np.array([root(number) for number in range(count)], dtype=np.int64)


def _merge(geometries: list[Any], values: list[int], groups: np.ndarray) -> tuple[list[Any], list[int], np.ndarray]:
    """One geometry per group, its value, and the group's number of each region."""
    import shapely

    merged, kept_values = [], []
    names, which = np.unique(groups, return_inverse=True)
    for number in range(len(names)):
        members = np.flatnonzero(which == number) if len(names) < len(groups) else [number]
        if len(members) == 1:
            merged.append(geometries[members[0]])
        else:
            merged.append(shapely.simplify(shapely.union_all([geometries[each] for each in members]), 0))
        kept_values.append(values[members[0]])
    return merged, kept_values, which


def _batches(
    grid: Grid, done: list[shapely.Geometry], values: list[int], time: str | None, label: str | None
) -> Iterator[pa.RecordBatch]:
    """Finished regions with their names and coordinates."""
    import shapely

    if not done:
        return
    geometries = np.array(done, dtype=object)
    xy, owner = shapely.get_coordinates(geometries, return_index=True)
    top = shapely.bounds(geometries)[:, 1]
    left = np.full(len(geometries), np.inf)
    is_top = xy[:, 1] == top[owner]
    np.minimum.at(left, owner[is_top], xy[is_top, 0])
    rows, columns = top.astype(np.int64) + grid.row, left.astype(np.int64) + grid.column
    prefix = "" if label is None else f"{label}-"
    names = [f"{prefix}r{row}c{column}" for row, column in zip(rows.tolist(), columns.tolist(), strict=True)]
    placed = shapely.transform(geometries, lambda corners: np.stack(grid.coordinates(corners[:, 1], corners[:, 0]), 1))
    count = len(done)
    yield pa.RecordBatch.from_arrays(
        [
            pa.array(rows * grid.info.width + columns),
            pa.array(names, pa.large_string()),
            pa.array(values, pa.int64()),
            pa.array(np.rint(shapely.area(geometries)).astype(np.int64)),
            pa.array([time] * count, pa.large_string()),
            pa.array([label] * count, pa.large_string()),
            pa.array(shapely.to_wkb(placed), pa.large_binary()),
        ],
        schema=REGIONS,
    )
