# SPDX-License-Identifier: Apache-2.0
"""Statistics of the pixels of zones, each pixel weighted by the part of it inside (exactextract, Daniel Baston)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from semcube.errors import UnsupportedError
from semcube.mapping.model import FID, GEOMETRY

if TYPE_CHECKING:
    from semcube.mapping.raster import Grid
    from semcube.mapping.raster_zones import Zones

__all__ = ["CELL_STATISTICS", "STATISTICS", "statistics"]

_MEASURES = ("mean", "min", "max", "stdev", "count")
STATISTICS = pa.schema(
    [
        pa.field(FID, pa.int64()),
        pa.field("observation", pa.large_string()),
        pa.field("zone", pa.large_string()),
        pa.field("time", pa.large_string()),
        pa.field("time_id", pa.large_string()),
        *(pa.field(name, pa.float64()) for name in _MEASURES),
    ]
)
"""``observation`` is the zone and, if there is one, the time. ``count`` is the number of pixels, parts of pixels
included; a zone without a valid pixel has no row."""
CELL_STATISTICS = STATISTICS.append(pa.field("cell", pa.large_string())).append(pa.field(GEOMETRY, pa.large_binary()))
"""``cell`` and the geometry are given once per cell: in the row of its first time."""
_TIMES_AT_ONCE = 24


def statistics(
    grid: Grid, zones: Iterator[Zones], max_bytes: int, *, with_geometry: bool = False
) -> Iterator[pa.RecordBatch]:
    """Rows of zones and times; a zone that the raster does not reach gives none.

    Args:
        grid: The raster.
        zones: Polygons in its system.
        max_bytes: Memory for pixels.
        with_geometry: Add the zones' polygons.

    Raises:
        UnsupportedError: The grid is rotated.
    """
    if grid.transform[1] or grid.transform[3]:
        raise UnsupportedError(
            f"{grid.info.source}: statistics over a rotated grid", fix="resample it to a grid along the axes"
        )
    number = 0
    for some in zones:
        seen = np.zeros(len(some.names), dtype=bool)
        for first in range(0, len(grid.times), _TIMES_AT_ONCE):
            times = list(range(first, min(first + _TIMES_AT_ONCE, len(grid.times))))
            values = _extract(grid, some, times, max_bytes)
            batch = _rows(grid, some, times, values, seen if with_geometry else None)
            number += batch.num_rows
            if batch.num_rows:
                ids = pa.array(np.arange(number - batch.num_rows, number), pa.int64())
                yield pa.RecordBatch.from_arrays([ids, *batch.columns[1:]], schema=batch.schema)


def _extract(grid: Grid, zones: Zones, times: list[int], max_bytes: int) -> np.ndarray:
    """Measures, shape (zones, times, measures); NaN where there is none."""
    import shapely
    from exactextract import exact_extract

    from semcube.mapping.raster_pixels import PixelSource, ZoneSource

    usable = np.flatnonzero(_polygonal(zones.geometries, grid.extent))
    values = np.full((len(zones.names), len(times), len(_MEASURES)), np.nan)
    if not len(usable):
        return values
    found = exact_extract(
        [PixelSource(grid, time, f"t{n}") for n, time in enumerate(times)],
        ZoneSource(shapely.to_wkb(zones.geometries[usable])),
        list(_MEASURES),
        include_cols=["zone"],
        max_cells_in_memory=max(1, max_bytes // 16),
    )
    for each in found:
        given = each["properties"]
        for n in range(len(times)):
            prefix = "" if len(times) == 1 else f"t{n}_"
            values[usable[given["zone"]], n] = [_number(given[prefix + name]) for name in _MEASURES]
    return values


def _rows(grid: Grid, zones: Zones, times: list[int], values: np.ndarray, seen: np.ndarray | None) -> pa.RecordBatch:
    """Rows where there is a pixel, zone by zone; ``seen`` marks cells whose geometry was given before."""
    import shapely

    from semcube.mapping.raster import time_id

    zone, time = np.nonzero(values[:, :, _MEASURES.index("count")] > 0)
    names = [zones.names[n] for n in zone.tolist()]
    texts = [grid.times[times[n]] for n in time.tolist()]
    labels = [None if text is None else time_id(text) for text in texts]
    observations = [name if label is None else f"{name}-{label}" for name, label in zip(names, labels, strict=True)]
    columns = [
        pa.array(np.zeros(len(zone)), pa.int64()),
        *(pa.array(each, pa.large_string()) for each in (observations, names, texts, labels)),
        *(pa.array(values[zone, time, n], pa.float64()) for n in range(len(_MEASURES))),
    ]
    if seen is None or zones.written is None:
        return pa.RecordBatch.from_arrays(columns, schema=STATISTICS)
    is_first = np.zeros(len(zone), dtype=bool)
    is_first[np.unique(zone, return_index=True)[1]] = True
    is_first &= ~seen[zone]
    seen[zone] = True
    cells = [name if given else None for name, given in zip(names, is_first.tolist(), strict=True)]
    shapes = zones.written[zone]
    shapes[~is_first] = None
    columns += [pa.array(cells, pa.large_string()), pa.array(shapely.to_wkb(shapes), pa.large_binary())]
    return pa.RecordBatch.from_arrays(columns, schema=CELL_STATISTICS)


def _polygonal(geometries: np.ndarray, extent: tuple[float, float, float, float]) -> np.ndarray:
    """Polygons with finite coordinates whose boxes meet the raster."""
    import shapely

    is_area = np.isin(shapely.get_type_id(geometries), (3, 6)) & ~shapely.is_empty(geometries)
    bounds = shapely.bounds(geometries)
    with np.errstate(invalid="ignore"):
        meets = (bounds[:, 0] < extent[2]) & (bounds[:, 2] > extent[0])
        meets &= (bounds[:, 1] < extent[3]) & (bounds[:, 3] > extent[1])
    found: np.ndarray = is_area & np.isfinite(bounds).all(axis=1) & meets
    return found


def _number(value: Any) -> float:
    """A result as a number; exactextract gives None or a masked value where there is none."""
    return float("nan") if value is None or np.ma.is_masked(value) else float(value)
