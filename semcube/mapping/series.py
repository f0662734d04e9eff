# SPDX-License-Identifier: Apache-2.0
"""NetCDF time series of one place as a table: the variables along time, and the file's attributes as constant columns.

A logical source with ``semcube:Raster`` and the iterator ``series`` reads one. CF conventions, chapter 9 (discrete
sampling geometries): the single time series of a file without a station dimension.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from semcube.errors import SourceError, UnsupportedError
from semcube.mapping.model import FID
from semcube.mapping.rows import Selection

__all__ = ["SeriesRows"]

_ATTRIBUTE = "attribute."
_BYTES_PER_VALUE = 32


class SeriesRows:
    """The rows of a time series; ``attribute.NAME`` refers to an attribute of the file.

    Args:
        path: A NetCDF file.

    Raises:
        SourceError: It cannot be read, or has no variable of times along one dimension.
    """

    crs: str | None = None
    geometry_column: str | None = None
    geometry_optional = True
    is_open = False

    def __init__(self, path: Path) -> None:
        import xarray as xr

        self.source = str(path)
        self.layer: str | None = "series"
        try:
            self._data = xr.open_dataset(path, cache=False)
        except (OSError, ValueError) as error:
            raise SourceError(f"cannot be read as a time series: {error}", source=path) from None
        times = [name for name, each in self._data.coords.items() if each.ndim == 1 and each.dtype.kind == "M"]
        if not times:
            raise SourceError("has no coordinate of times along one dimension", source=path, expected="a time series")
        self._dimension = self._data[times[0]].dims[0]
        self._variables = {
            str(name): each for name, each in self._data.variables.items() if each.dims == (self._dimension,)
        }
        left_out = sorted(str(name) for name in self._data.variables if str(name) not in self._variables)
        self.notes: tuple[str, ...] = (
            (f"left out, not along {self._dimension}: {', '.join(left_out)}",) if left_out else ()
        )
        self._attributes = {
            _ATTRIBUTE + str(name): value.item() if isinstance(value, np.generic) else value
            for name, value in self._data.attrs.items()
            if isinstance(value, str | int | float | np.generic)
        }

    @property
    def schema(self) -> pa.Schema:
        """Position, variables along time, attributes."""
        empty = {name: _array(each[:0].values).type for name, each in self._variables.items()}
        constant = {name: pa.scalar(value).type for name, value in self._attributes.items()}
        fields = {FID: pa.int64(), **empty, **constant}
        return pa.schema([pa.field(name, kind) for name, kind in fields.items()])

    def batches(self, columns: Sequence[str], selection: Selection, batch_bytes: int) -> Iterator[pa.RecordBatch]:
        """Rows in the order of the file.

        Raises:
            UnsupportedError: A condition or a box was given.
        """
        if selection.where is not None or selection.bbox is not None:
            raise UnsupportedError(f"{self.source}: --where or --bbox on a time series")
        total = int(self._data.sizes[self._dimension])
        wanted = [name for name in columns if name in self._variables or name in self._attributes]
        step = max(1, batch_bytes // (_BYTES_PER_VALUE * (1 + len(wanted))))
        for first in range(0, total, step):
            count = min(step, total - first)
            made = [pa.array(np.arange(first, first + count))]
            for name in wanted:
                if name in self._attributes:
                    made.append(pa.repeat(pa.scalar(self._attributes[name]), count))
                else:
                    made.append(_array(self._variables[name][first : first + count].values))
            yield pa.RecordBatch.from_arrays(made, [FID, *wanted])


def _array(values: np.ndarray) -> pa.Array:
    """Values as Arrow: times in UTC, bytes as text, NaN as null."""
    kind = values.dtype.kind
    if kind == "M":
        return pa.array(values.astype("datetime64[us]")).cast(pa.timestamp("us", "UTC"))
    if kind == "S":
        return pa.array(np.char.decode(values, "utf-8"), pa.large_string())
    if kind == "f":
        return pa.array(values.astype(np.float64), from_pandas=True)
    return pa.array(values, pa.large_string()) if kind in "OU" else pa.array(values)
