# SPDX-License-Identifier: Apache-2.0
"""Connected regions of equal class as polygons, strip by strip; a region that crosses strips is put together again.

Pixels are connected by their sides (4-connectivity), as in GDAL's polygonize. Geometry is made in pixel coordinates,
which are whole numbers, so merging at the seams is exact; coordinates come last. Before that, small regions may be
given to their largest neighbour (GDAL's sieve), which needs the whole grid of a time in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from semcube.config import Settings
from semcube.errors import SourceError, UnsupportedError
from semcube.mapping.model import FID, GEOMETRY

if TYPE_CHECKING:
    from semcube.mapping.raster import Grid

__all__ = ["MAX_REGIONS", "REGIONS", "RegionRules", "regions"]

MAX_REGIONS = 1_000_000
"""More polygons than this are an error, unless more are asked for."""
_SIEVE_BYTES = 8

REGIONS = pa.schema(
    [
        pa.field(FID, pa.int64()),
        pa.field("region", pa.large_string()),
        pa.field("value", pa.int64()),
        pa.field("pixels", pa.int64()),
        pa.field("time", pa.large_string()),
        pa.field("time_id", pa.large_string()),
        pa.field("confidence", pa.float64()),
        pa.field(GEOMETRY, pa.large_binary()),
    ]
)
"""``region`` is row and column of the region's first pixel (and the time), so it stays while the raster does.
``confidence`` is the mean of the confidence band over the region, null without one."""


@dataclass(frozen=True, slots=True)
class RegionRules:
    """Which regions are made, and how."""

    min_pixels: int = 1
    """Smaller regions are given to their largest neighbour; those without a neighbour stay."""
    max_regions: int = MAX_REGIONS
    """More are an error."""
    confidence: Grid | None = None
    """Band whose mean over each region is its confidence, on the same grid."""


@dataclass
class _Open:
    """Regions: those that reach the last row read and may go on, or those that are done."""

    geometries: list[Any] = field(default_factory=list)
    values: list[int] = field(default_factory=list)
    last_row: np.ndarray | None = None
    """Number of the open region under each column, -1 for none."""
    sums: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    """Sum and number of the confidences of each region."""


def regions(grid: Grid, max_bytes: int, rules: RegionRules | None = None) -> Iterator[pa.RecordBatch]:
    """The regions of all times, in batches.

    Args:
        grid: Pixels of a classified raster; masked ones belong to no region.
        max_bytes: Memory of one strip of pixels.
        rules: Sieve, cap and confidence.

    Raises:
        SourceError: Values are no classes, or there are more regions than the cap allows.
        UnsupportedError: A sieve over a grid that does not fit the memory.
    """
    from semcube.mapping.raster import time_id

    rules = rules or RegionRules()
    made = 0
    for index, time in enumerate(grid.times):
        kept = _Open()
        whole = _sieved(grid, index, rules.min_pixels, max_bytes // 4) if rules.min_pixels > 1 else None
        for first, count in grid.strips(max_bytes // 4):
            pixels = _classes(grid, first, count, index) if whole is None else whole(first, count)
            sure = None if rules.confidence is None else rules.confidence.read((first, count), (0, grid.width), index)
            done, kept = _strip(pixels, first, kept, sure, is_last=first + count == grid.height)
            made += len(done.geometries)
            _check_count(grid, made + len(kept.geometries), rules)
            yield from _batches(grid, done, time, None if time is None else time_id(time))


def _check_count(grid: Grid, count: int, rules: RegionRules) -> None:
    if count > rules.max_regions:
        raise SourceError(
            f"more than {rules.max_regions:,} regions of equal class",
            source=grid.info.source,
            layer=grid.info.variable,
            expected="fewer, larger regions",
            fix="merge small ones with --min-pixels N, take a part with --bbox, or allow more with --max-regions N",
        )


def _sieved(
    grid: Grid, time: int, min_pixels: int, max_bytes: int
) -> Callable[[int, int], np.ma.MaskedArray[Any, Any]]:
    """Classes of one time after GDAL's sieve, as a function of the first row and the number of rows."""
    import rasterio.features

    limit = Settings.from_environment().memory_mb * 1024 * 1024
    if grid.height * grid.width * _SIEVE_BYTES > limit:
        raise UnsupportedError(
            f"{grid.info.source}: a sieve over {grid.height:,} x {grid.width:,} pixels",
            expected=f"at most {limit // _SIEVE_BYTES:,} pixels in the memory allowed",
            fix="take parts with --bbox, or allow more memory with SEMCUBE_MEMORY_MB",
        )
    codes = np.zeros((grid.height, grid.width), dtype=np.uint16)
    known: dict[int, int] = {}
    for first, count in grid.strips(max_bytes):
        pixels = _classes(grid, first, count, time)
        distinct, inverse = np.unique(pixels.data, return_inverse=True)
        if len(known) + len(distinct) > np.iinfo(np.uint16).max:
            raise SourceError("more than 65,535 classes", source=grid.info.source, layer=grid.info.variable)
        numbers = np.array([known.setdefault(each, len(known) + 1) for each in distinct.tolist()], dtype=np.uint16)
        part = numbers[inverse].reshape(pixels.shape)
        part[np.ma.getmaskarray(pixels)] = 0
        codes[first : first + count] = part
    sieved = rasterio.features.sieve(codes, min_pixels, mask=codes > 0, connectivity=4)
    values = np.array([0, *known], dtype=np.int64)

    def part_of(first: int, count: int) -> np.ma.MaskedArray[Any, Any]:
        some = sieved[first : first + count]
        return np.ma.masked_array(values[some], some == 0)

    return part_of


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
    pixels: np.ma.MaskedArray[Any, Any],
    first: int,
    kept: _Open,
    sure: np.ma.MaskedArray[Any, Any] | None,
    *,
    is_last: bool,
) -> tuple[_Open, _Open]:
    """Regions that end in a strip, and those that may go on."""
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
    sums = np.concatenate([kept.sums, _sums([each[0] for each in made], sure)])
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
    merged_sums = np.zeros((len(merged), 2))
    np.add.at(merged_sums, which, sums)
    if is_last:
        return _Open(merged, values, None, merged_sums), _Open()
    open_numbers = np.unique(which[bottom[bottom >= 0]])
    renumber = np.full(len(merged) + 1, -1)
    renumber[open_numbers] = np.arange(len(open_numbers))
    last_row = np.where(bottom >= 0, renumber[which[bottom]], -1)
    ended = np.flatnonzero(renumber[:-1] < 0)
    return tuple(  # type: ignore[return-value]
        _Open([merged[n] for n in some], [values[n] for n in some], last, merged_sums[some])
        for some, last in ((ended, None), (open_numbers, last_row))
    )


def _sums(polygons: list[Any], sure: np.ma.MaskedArray[Any, Any] | None) -> np.ndarray:
    """Sum and number of the confidences under each polygon of a strip, shape (polygons, 2)."""
    import rasterio.features
    from rasterio.transform import Affine

    if sure is None or not polygons:
        return np.zeros((len(polygons), 2))
    owner = rasterio.features.rasterize(
        zip(polygons, range(len(polygons)), strict=True),
        out_shape=sure.shape, fill=-1, transform=Affine(1, 0, 0, 0, 1, 0), dtype=np.int32,
    )  # fmt: skip
    counted = (owner >= 0) & ~np.ma.getmaskarray(sure)
    numbers = owner[counted]
    total = np.bincount(numbers, np.asarray(sure.data, dtype=np.float64)[counted], minlength=len(polygons))
    return np.stack([total, np.bincount(numbers, minlength=len(polygons))], axis=1)


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


def _batches(grid: Grid, done: _Open, time: str | None, label: str | None) -> Iterator[pa.RecordBatch]:
    """Finished regions with their names and coordinates."""
    import shapely

    if not done.geometries:
        return
    geometries = np.array(done.geometries, dtype=object)
    xy, owner = shapely.get_coordinates(geometries, return_index=True)
    top = shapely.bounds(geometries)[:, 1]
    left = np.full(len(geometries), np.inf)
    is_top = xy[:, 1] == top[owner]
    np.minimum.at(left, owner[is_top], xy[is_top, 0])
    rows, columns = top.astype(np.int64) + grid.row, left.astype(np.int64) + grid.column
    prefix = "" if label is None else f"{label}-"
    names = [f"{prefix}r{row}c{column}" for row, column in zip(rows.tolist(), columns.tolist(), strict=True)]
    placed = shapely.transform(geometries, lambda corners: np.stack(grid.coordinates(corners[:, 1], corners[:, 0]), 1))
    count = len(geometries)
    total, number = done.sums.T
    confidence = np.divide(total, number, out=np.zeros(count), where=number > 0)
    yield pa.RecordBatch.from_arrays(
        [
            pa.array(rows * grid.info.width + columns),
            pa.array(names, pa.large_string()),
            pa.array(done.values, pa.int64()),
            pa.array(np.rint(shapely.area(geometries)).astype(np.int64)),
            pa.array([time] * count, pa.large_string()),
            pa.array([label] * count, pa.large_string()),
            pa.array(confidence, mask=number == 0),
            pa.array(shapely.to_wkb(placed), pa.large_binary()),
        ],
        schema=REGIONS,
    )
