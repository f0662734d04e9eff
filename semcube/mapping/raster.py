# SPDX-License-Identifier: Apache-2.0
"""Rasters as tables: the dataset itself, its classes and times, class polygons, statistics of zones or grid cells.

Pixels do not become triples; what people ask of them does. Which table, a logical source says by its iterator:

=============  ======================================================================================
``dataset``    one row: extent, system, times, variable, units
``classes``    one row per class of a classified raster: value, label
``times``      one row per time
``regions``    one row per connected region of equal class and time, with its polygon
``zones``      one row per zone and time: statistics of the pixels, weighted by the part inside
``cells``      the same for the cells of the H3 grid
``pixels``     one row per valid pixel and time: only where it is asked for
=============  ======================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from semcube.errors import CRSError, MappingError, SourceError, UnsupportedError
from semcube.mapping.model import FID, GEOMETRY, LogicalSource
from semcube.mapping.quantities import standard_name_iri, unit_iri
from semcube.mapping.rows import Selection

if TYPE_CHECKING:
    from semcube.geometry import CRS
    from semcube.io import RasterInfo, RasterSource

__all__ = ["TABLES", "Grid", "RasterRows", "RasterSettings", "open_raster_rows", "time_id"]

MAX_CLASSES = 1000
"""More distinct values than this are no classes."""
TABLES = ("dataset", "classes", "times", "regions", "zones", "cells", "pixels")


@dataclass(frozen=True, slots=True)
class RasterSettings:
    """How a raster is summarised."""

    zones: str | None = None
    """Vector file of polygons, ``FILE`` or ``FILE:layer``."""
    cells: str | None = None
    """``h3`` or ``h3:N``."""
    categorical: bool | None = None
    """Whether values are classes; by the file's metadata if None."""
    source_crs: str | None = None
    min_pixels: int | None = None
    """Regions of fewer pixels are given to their largest neighbour."""
    max_regions: int | None = None
    """More regions are an error; a million if None."""
    confidence: str | None = None
    """Band of confidences: ``VARIABLE`` of the same file, ``FILE`` or ``FILE:VARIABLE``."""
    per_pixel: bool = False
    """Every pixel becomes a feature with an observation."""
    model: tuple[str, ...] = ()
    """The model that made the raster: ``NAME=VALUE``, or a Turtle, JSON or YAML file."""


def time_id(text: str) -> str:
    """A time as a part of an IRI.

    Example:
        >>> time_id("2017-01-16T10:00:00Z")
        '20170116T100000Z'
    """
    return text.replace("-", "").replace(":", "")


@dataclass(frozen=True)
class Grid:
    """The part of a raster that is wanted: whole, or the pixels of a box."""

    source: RasterSource
    row: int
    column: int
    height: int
    width: int

    @classmethod
    def of(cls, source: RasterSource, bbox: tuple[float, float, float, float] | None, crs: CRS) -> Grid:
        """The pixels that a box in CRS84 touches, all without a box.

        Raises:
            SourceError: No pixel lies in the box.
        """
        import shapely

        from semcube.geometry import CRS84, transform

        info = source.info
        if bbox is None:
            return cls(source, 0, 0, info.height, info.width)
        a, b, c, d, e, f = info.transform
        box = shapely.segmentize(np.array([shapely.box(*bbox)], dtype=object), max(bbox[2] - bbox[0], 1e-6) / 32)
        xy = shapely.get_coordinates(transform(box, CRS84, crs)) - (c, f)
        column, row = np.linalg.solve(np.array([[a, b], [d, e]]), xy.T)
        axes = ((row, info.height), (column, info.width))
        first = [int(np.floor(np.clip(axis.min(), 0, size))) for axis, size in axes]
        last = [int(np.ceil(np.clip(axis.max(), 0, size))) for axis, size in axes]
        if first[0] >= last[0] or first[1] >= last[1]:
            raise SourceError(f"no pixel lies in the box {bbox}", source=info.source, layer=info.variable)
        return cls(source, first[0], first[1], last[0] - first[0], last[1] - first[1])

    @property
    def info(self) -> RasterInfo:
        """Metadata of the whole raster."""
        return self.source.info

    @property
    def times(self) -> list[str | None]:
        """Times, or one None."""
        return list(self.info.times) if self.info.times is not None else [None]

    @cached_property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """Pixel corner -> coordinates, for rows and columns of this grid."""
        a, b, c, d, e, f = self.info.transform
        return a, b, a * self.column + b * self.row + c, d, e, d * self.column + e * self.row + f

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """West, south, east, north in the raster's system."""
        x, y = self.coordinates(np.array([0, 0, self.height, self.height]), np.array([0, self.width, 0, self.width]))
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())

    def coordinates(self, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """x and y of pixel corners (or, with halves, centres)."""
        a, b, c, d, e, f = self.transform
        return a * columns + b * rows + c, d * columns + e * rows + f

    def read(self, rows: tuple[int, int], columns: tuple[int, int], time: int | None) -> np.ma.MaskedArray[Any, Any]:
        """Values of a part: (first, number) of rows and columns, number of the time."""
        from semcube.io import Window

        index = None if self.info.times is None else time
        return self.source.read(Window(self.row + rows[0], self.column + columns[0], rows[1], columns[1], index))

    def strips(self, max_bytes: int) -> Iterator[tuple[int, int]]:
        """(First, number) of rows that fit the memory, from north to south."""
        count = max(1, max_bytes // max(1, self.width * 8))
        for first in range(0, self.height, count):
            yield first, min(count, self.height - first)


Batches = Iterator[pa.RecordBatch]


@dataclass
class RasterRows:
    """One table of a raster."""

    source: str
    layer: str | None
    crs: str | None
    schema: pa.Schema
    produce: Callable[[Selection, int], Batches]
    geometry_column: str | None = None
    notes: tuple[str, ...] = ()
    geometry_optional: bool = True
    is_open: bool = False

    def batches(self, columns: Sequence[str], selection: Selection, batch_bytes: int) -> Batches:
        """All columns; there is no condition on rows that are computed.

        Raises:
            UnsupportedError: ``where`` was given.
        """
        if selection.where is not None:
            raise UnsupportedError(
                f"{self.source}: a condition on the attributes of a raster", fix="choose pixels with --bbox or --zones"
            )
        return self.produce(selection, batch_bytes)


def open_raster_rows(source: LogicalSource, settings: RasterSettings | None = None) -> RasterRows:
    """The table that a logical source of a raster names.

    Raises:
        SourceError: The file cannot be read or has no such variable.
        UnsupportedError: The iterator names no table.
    """
    from semcube.io import open_raster

    path = Path(source.source or "")
    settings = settings or RasterSettings()
    settings = replace(
        settings,
        zones=settings.zones or source.option("zones"),
        cells=settings.cells or source.option("cells"),
        source_crs=settings.source_crs or source.option("crs"),
        min_pixels=settings.min_pixels or _number(source, "minPixels"),
        max_regions=settings.max_regions or _number(source, "maxRegions"),
        confidence=settings.confidence or source.option("confidence"),
    )
    raster = open_raster(path, source.option("variable"))
    crs = raster.info.crs or settings.source_crs
    if crs is None:
        raise CRSError(
            f"{path}, variable {raster.info.variable} has no coordinate reference system",
            expected="a system in the file",
            fix="say which one it is with --source-crs, for example --source-crs EPSG:3411",
        )
    makers: dict[str, Callable[[], RasterRows]] = {
        "dataset": lambda: _dataset(raster, crs),
        "classes": lambda: _classes(raster, crs),
        "times": lambda: _times(raster, crs),
        "regions": lambda: _regions(raster, crs, settings),
        "zones": lambda: _zones(raster, crs, settings),
        "cells": lambda: _cells(raster, crs, settings),
        "pixels": lambda: _pixels(raster, crs),
    }
    if source.iterator not in makers:
        raise UnsupportedError(f"iterator {source.iterator!r} of a raster", expected="one of " + ", ".join(TABLES))
    return makers[source.iterator]()


def _number(source: LogicalSource, name: str) -> int | None:
    """An option that is a whole number above 0."""
    text = source.option(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise MappingError(f"semcube:{name} {text!r} of {source}", expected="a whole number above 0")
    return int(text)


def table(raster: RasterSource, crs: str, name: str, schema: pa.Schema, produce: Any) -> RasterRows:
    """Rows of a raster, with its warnings."""
    info = raster.info
    warnings = tuple(
        each
        for each in info.metadata.get("warning", "").splitlines()
        if info.crs is not None or not each.endswith("say which it is with crs=")
    )
    geometry = GEOMETRY if GEOMETRY in schema.names else None
    return RasterRows(info.source, f"{info.variable}, {name}", crs, schema, produce, geometry, warnings)


_GEOMETRY_FIELD = pa.field(GEOMETRY, pa.large_binary())


def _dataset(raster: RasterSource, crs: str) -> RasterRows:
    import shapely

    from semcube.geometry import crs as system

    texts = (
        "variable",
        "title",
        "long_name",
        "standard_name",
        "standard_name_iri",
        "unit",
        "unit_iri",
        "crs_iri",
        "period",
    )
    names = [*texts, "start", "end"]
    schema = pa.schema(
        [pa.field(FID, pa.int64())]
        + [pa.field(name, pa.large_string()) for name in names]
        + [pa.field("rows", pa.int64()), pa.field("columns", pa.int64()), _GEOMETRY_FIELD]
    )

    def produce(selection: Selection, batch_bytes: int) -> Batches:
        own = system(crs)
        info, grid = raster.info, Grid.of(raster, selection.bbox, own)
        times = sorted(info.times or [])
        row = {
            FID: 0,
            "variable": info.variable,
            "title": info.metadata.get("title") or Path(info.source).name,
            "long_name": info.long_name or info.standard_name or info.variable,
            "standard_name": info.standard_name,
            "standard_name_iri": standard_name_iri(info.standard_name),
            "unit": info.units,
            "unit_iri": unit_iri(info.units),
            "crs_iri": own.iri,
            "period": "period" if times else None,
            "start": times[0] if times else None,
            "end": times[-1] if times else None,
            "rows": grid.height,
            "columns": grid.width,
            GEOMETRY: shapely.to_wkb(shapely.box(*grid.extent)),
        }
        yield pa.RecordBatch.from_pylist([row], schema)

    return table(raster, crs, "dataset", schema, produce)


def _classes(raster: RasterSource, crs: str) -> RasterRows:
    schema = pa.schema([pa.field(FID, pa.int64()), pa.field("value", pa.int64()), pa.field("label", pa.large_string())])

    def produce(selection: Selection, batch_bytes: int) -> Batches:
        flags = raster.info.flags
        if flags is None:
            found = raster.distinct(MAX_CLASSES)
            if found is None:
                raise SourceError(
                    f"more than {MAX_CLASSES} different values, or fractions: these are no classes",
                    source=raster.info.source,
                    layer=raster.info.variable,
                    fix="leave --categorical out and summarise with --zones or --cells",
                )
            flags = {value: f"class {value}" for value in found}
        rows = [{FID: number, "value": value, "label": label} for number, (value, label) in enumerate(flags.items())]
        yield pa.RecordBatch.from_pylist(rows, schema)

    return table(raster, crs, "classes", schema, produce)


def _times(raster: RasterSource, crs: str) -> RasterRows:
    schema = pa.schema(
        [pa.field(FID, pa.int64()), pa.field("time", pa.large_string()), pa.field("time_id", pa.large_string())]
    )

    def produce(selection: Selection, batch_bytes: int) -> Batches:
        rows = [
            {FID: number, "time": text, "time_id": time_id(text)} for number, text in enumerate(raster.info.times or [])
        ]
        yield pa.RecordBatch.from_pylist(rows, schema)

    return table(raster, crs, "times", schema, produce)


def _regions(raster: RasterSource, crs: str, settings: RasterSettings) -> RasterRows:
    from semcube.geometry import crs as system
    from semcube.mapping.raster_regions import MAX_REGIONS, REGIONS, RegionRules, regions

    sure = None if settings.confidence is None else _confidence(raster, settings.confidence)

    def produce(selection: Selection, batch_bytes: int) -> Batches:
        grid = Grid.of(raster, selection.bbox, system(crs))
        rules = RegionRules(
            settings.min_pixels or 1,
            settings.max_regions or MAX_REGIONS,
            None if sure is None else replace(grid, source=sure),
        )
        return regions(grid, batch_bytes, rules)

    return table(raster, crs, "regions", REGIONS, produce)


def _confidence(raster: RasterSource, wanted: str) -> RasterSource:
    """The band of confidences, which has to lie on the grid of the classes."""
    from semcube.io import open_raster
    from semcube.mapping.raster_zones import split_layer

    path, name = split_layer(wanted)
    sure = open_raster(path, name) if path.exists() else open_raster(raster.info.source, wanted)
    own, other = raster.info, sure.info
    times = {None if each.times is None else len(each.times) for each in (own, other)}
    same_grid = own.shape[-2:] == other.shape[-2:] and np.allclose(own.transform, other.transform, rtol=1e-9)
    if not same_grid or (other.times is not None and len(times) > 1):
        raise SourceError(
            f"the confidence {wanted} has another grid: {other.shape} at {other.transform}",
            source=own.source,
            layer=own.variable,
            expected=f"{own.shape} at {own.transform}",
            fix="resample it to the grid of the classes",
        )
    return sure


def _pixels(raster: RasterSource, crs: str) -> RasterRows:
    from semcube.geometry import crs as system
    from semcube.mapping.raster_values import PIXELS, pixels

    def produce(selection: Selection, batch_bytes: int) -> Batches:
        return pixels(Grid.of(raster, selection.bbox, system(crs)), batch_bytes)

    return table(raster, crs, "pixels", PIXELS, produce)


def _zones(raster: RasterSource, crs: str, settings: RasterSettings) -> RasterRows:
    from semcube.geometry import crs as system
    from semcube.mapping.raster_statistics import STATISTICS, statistics
    from semcube.mapping.raster_zones import vector_zones

    if settings.zones is None:
        raise SourceError(
            "zones are asked for and none are named", source=raster.info.source, fix="name them with --zones FILE"
        )
    zones = settings.zones

    def produce(selection: Selection, batch_bytes: int) -> Batches:
        own = system(crs)
        grid = Grid.of(raster, selection.bbox, own)
        return statistics(grid, vector_zones(zones, own, settings.source_crs, batch_bytes), batch_bytes)

    return table(raster, crs, "zones", STATISTICS, produce)


def _cells(raster: RasterSource, crs: str, settings: RasterSettings) -> RasterRows:
    from semcube.geometry import CRS84
    from semcube.geometry import crs as system
    from semcube.mapping.raster_statistics import CELL_STATISTICS, statistics
    from semcube.mapping.raster_zones import h3_zones

    def produce(selection: Selection, batch_bytes: int) -> Batches:
        own = system(crs)
        grid = Grid.of(raster, selection.bbox, own)
        return statistics(grid, h3_zones(grid, own, settings.cells), batch_bytes, with_geometry=True)

    return table(raster, str(CRS84.iri), "cells", CELL_STATISTICS, produce)
