# SPDX-License-Identifier: Apache-2.0
"""Single pixels as rows: a place with its centre, and a value for each time. For small rasters, and only on request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.mapping.model import FID, GEOMETRY

if TYPE_CHECKING:
    from semcube.mapping.raster import Grid

__all__ = ["PIXELS", "estimate", "pixels"]

PIXELS = pa.schema(
    [
        pa.field(FID, pa.int64()),
        pa.field("observation", pa.large_string()),
        pa.field("zone", pa.large_string()),
        pa.field("time", pa.large_string()),
        pa.field("time_id", pa.large_string()),
        pa.field("value", pa.float64()),
        pa.field("class", pa.int64()),
        pa.field("pixel", pa.large_string()),
        pa.field(GEOMETRY, pa.large_binary()),
    ]
)
"""``zone`` is the row and column of the pixel; ``pixel`` is the same, and the geometry its centre, but once per pixel:
in the row of its first valid time. ``class`` is the value where it is whole."""
_BYTES_PER_ROW = 128
_PER_OBSERVATION, _PER_PIXEL = 6, 7


def pixels(grid: Grid, max_bytes: int) -> Iterator[pa.RecordBatch]:
    """Rows of valid pixels, strip by strip and time by time.

    Args:
        grid: The raster.
        max_bytes: Memory of one batch.
    """
    for first, count in grid.strips(max_bytes * 8 // _BYTES_PER_ROW):
        seen = np.zeros((count, grid.width), dtype=bool)
        for index, time in enumerate(grid.times):
            values = grid.read((first, count), (0, grid.width), index)
            is_valid = ~np.ma.getmaskarray(values)
            rows, columns = np.nonzero(is_valid)
            if len(rows):
                is_new = ~seen[rows, columns]
                yield _batch(grid, (rows + first, columns), np.asarray(values.data)[rows, columns], time, is_new)
            seen |= is_valid


def _batch(
    grid: Grid, place: tuple[np.ndarray, np.ndarray], values: np.ndarray, time: str | None, is_new: np.ndarray
) -> pa.RecordBatch:
    import shapely

    from semcube.mapping.raster import time_id

    rows, columns = place[0] + grid.row, place[1] + grid.column
    row, column = (pa.array(each).cast(pa.large_string()) for each in (rows, columns))
    empty = pa.scalar("", pa.large_string())
    names = pc.binary_join_element_wise(
        pa.scalar("r", pa.large_string()), row, pa.scalar("c", pa.large_string()), column, empty
    )
    label = None if time is None else time_id(time)
    observations = names
    if label is not None:
        observations = pc.binary_join_element_wise(
            names, pa.scalar(label, pa.large_string()), pa.scalar("-", pa.large_string())
        )
    x, y = grid.coordinates(place[0] + 0.5, place[1] + 0.5)
    points = np.full(len(rows), None, dtype=object)
    points[is_new] = shapely.points(x[is_new], y[is_new])
    numbers = values.astype(np.float64)
    count = len(rows)
    return pa.RecordBatch.from_arrays(
        [
            pa.array(rows * grid.info.width + columns),
            observations,
            names,
            pa.repeat(pa.scalar(time, pa.large_string()), count),
            pa.repeat(pa.scalar(label, pa.large_string()), count),
            pa.array(numbers),
            pa.array(numbers.astype(np.int64), mask=numbers != np.floor(numbers)),
            pc.if_else(pa.array(is_new), names, pa.scalar(None, pa.large_string())),
            pa.array(shapely.to_wkb(points), pa.large_binary()),
        ],
        schema=PIXELS,
    )


def estimate(path: str | Path, variable: str | None = None) -> int:
    """How many triples the pixels of a raster become at most, if none is missing.

    Args:
        path: The file.
        variable: Only this variable.
    """
    from semcube.io import open_raster, variables

    total = 0
    for name in variables(path) if variable is None else [variable]:
        with open_raster(path, name) as raster:
            info = raster.info
            total += info.height * info.width * (_PER_PIXEL + _PER_OBSERVATION * len(info.times or [None]))
    return total
