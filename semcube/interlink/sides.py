# SPDX-License-Identifier: Apache-2.0
"""The two sides of a linking: whatever can be read, as chunks of IRIs and geometries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from semcube.errors import CRSError, SourceError, UsageError
from semcube.geometry import CRS, crs, from_wkb, repair, same, transform
from semcube.interlink.arrow_input import ArrowInput, file_input
from semcube.interlink.iris import IRINaming
from semcube.interlink.report import SideReport
from semcube.interlink.time import Periods, periods
from semcube.vocab import PREFIXES

__all__ = ["Chunk", "Side", "SideOptions", "common_crs", "concatenate", "open_side"]

CHUNK_BYTES = 16 * 1024 * 1024
DEFAULT_BASE = "https://example.org/"
FEATURES = """PREFIX geo: <http://www.opengis.net/ont/geosparql#>
SELECT ?feature ?wkt { ?feature geo:hasDefaultGeometry|geo:hasGeometry ?g . ?g geo:asWKT ?wkt }"""
"""What is selected from a store where no selection is given."""
_BEGIN, _END = "begin", "end"


@dataclass(frozen=True)
class SideOptions:
    """How one side is read."""

    iri: str | None = None
    """Column of IRIs, or a template such as ``http://e/{code}``; by default ``BASE + layer/{fid}``, of a store the
    first variable of the selection."""
    layer: str | None = None
    crs: str | None = None
    """The coordinate reference system where the data do not say it (or say it wrongly)."""
    where: str | None = None
    """Condition on the attributes of a file."""
    select: str | None = None
    """SPARQL selection from a store; its first two variables are the thing and its geometry."""
    begin: str | None = None
    """Column of the instant a feature begins; of the only one where there is no end. Of a store without a selection, a
    property or property path from the feature, as in ``time:hasTime/time:inXSDDateTime``."""
    end: str | None = None
    spatial: bool = True
    """False if geometries are not wanted."""


@dataclass
class Chunk:
    """Some rows of a side."""

    iris: pa.Array
    """``large_string`` (N)."""
    geometries: np.ndarray
    """Object array (N) of shapely geometries that nobody else uses; None where there is none."""
    periods: Periods | None = None

    def __len__(self) -> int:
        return len(self.geometries)

    def take(self, rows: np.ndarray) -> Chunk:
        """Some of the rows."""
        return Chunk(
            self.iris.take(pa.array(rows)),
            self.geometries[rows],
            None if self.periods is None else self.periods.take(rows),
        )


def concatenate(chunks: list[Chunk]) -> Chunk:
    """All rows of several chunks."""
    if not chunks:
        return Chunk(pa.array([], pa.large_string()), np.empty(0, dtype=object))
    times = [chunk.periods for chunk in chunks]
    return Chunk(
        pa.concat_arrays([chunk.iris for chunk in chunks]),
        np.concatenate([chunk.geometries for chunk in chunks]),
        Periods.concatenate([each for each in times if each is not None]) if times[0] is not None else None,
    )


class Side:
    """One side, ready to be read.

    Args:
        data: Its rows.
        options: How they are read.
        base: Start of IRIs made by default.
    """

    def __init__(self, data: ArrowInput, options: SideOptions, base: str) -> None:
        self.data = data
        self.spatial = options.spatial
        self.label = data.label
        naming = options.iri or data.iri
        if naming is None:
            name = Path(data.label.partition(", layer ")[0]).name.partition(".")[0]
            naming = f"{base if base.endswith(('/', '#')) else base + '/'}{name}/{{{data.key or 'fid'}}}"
        self.naming = IRINaming(
            naming, ["fid", *data.columns] if "fid" not in data.columns else data.columns, self.label
        )
        self.times = [name for name in (options.begin, options.end or options.begin) if name]
        missing = [name for name in self.times if name not in data.columns]
        if missing:
            raise SourceError(
                f"no column {', '.join(missing)}", source=self.label, expected=f"some of {', '.join(data.columns)}"
            )
        given = options.crs or data.crs
        self.crs: CRS | None = None if given is None else crs(given)
        self.wanted: CRS | None = None
        self.report = SideReport(self.label)

    @property
    def size(self) -> int | None:
        """About how large it is (bytes, or features), None if unknown."""
        return self.data.size

    def chunks(self, chunk_bytes: int = CHUNK_BYTES) -> Iterator[Chunk]:
        """The rows that have an IRI and a geometry (or a time, where that alone counts), counted in :attr:`report`.

        Raises:
            SourceError: The data cannot be read.
            RowError: A value makes no IRI or no instant.
        """
        first = 0
        for batch in self.batches(chunk_bytes):
            chunk = self.chunk(batch, first)
            first += batch.num_rows
            if chunk is not None:
                yield chunk

    def batches(self, chunk_bytes: int) -> Iterator[pa.RecordBatch]:
        """The rows as they are read.

        Raises:
            SourceError: The data cannot be read.
        """
        yield from self.data.batches(list(dict.fromkeys([*self.naming.columns, *self.times])), chunk_bytes)

    def chunk(self, batch: pa.RecordBatch, first: int) -> Chunk | None:
        """The usable rows of a batch, counted; ``first`` is the number of its first row. None if there are none.

        Raises:
            RowError: A value makes no IRI or no instant.
        """
        iris = self.naming.iris(batch, first)
        times = periods(batch, self.times[0], self.times[-1], self.label, first) if self.times else None
        if times is not None:
            self.report.untimed += int((~times.known).sum())
        if self.spatial:
            geometries = self._geometries(batch)
            usable = self._usable(batch, iris, geometries)
        else:
            geometries = np.full(batch.num_rows, None, dtype=object)
            usable = self._timed(iris, times)
        self.report.read += batch.num_rows
        return Chunk(iris, geometries, times).take(usable) if len(usable) else None

    def __getstate__(self) -> dict[str, Any]:
        """Without the data: what other processes need to make chunks of batches."""
        return {**self.__dict__, "data": None}

    def _geometries(self, batch: pa.RecordBatch) -> np.ndarray:
        parsed = from_wkb(batch.column("geometry"))
        self.report.unreadable += len(parsed.errors)
        geometries = parsed.native
        if shapely.has_z(geometries).any() or shapely.has_m(geometries).any():
            geometries = np.asarray(shapely.force_2d(geometries), dtype=object)
        geometries = _merged(geometries)
        if self.crs is not None and self.wanted is not None and not same(self.crs, self.wanted):
            present = ~shapely.is_missing(geometries)
            geometries = transform(geometries, self.crs, self.wanted)
            self.report.outside += int((present & shapely.is_missing(geometries)).sum())
        return geometries

    def _usable(self, batch: pa.RecordBatch, iris: pa.Array, geometries: np.ndarray) -> np.ndarray:
        """Rows with an IRI and a geometry that is not empty; the others are counted."""
        named = iris.is_valid().to_numpy(zero_copy_only=False)
        missing, empty = shapely.is_missing(geometries), shapely.is_empty(geometries)
        self.report.missing += batch.column("geometry").null_count
        self.report.empty += int(empty.sum())
        self.report.unnamed += int((~named).sum())
        return np.flatnonzero(named & ~missing & ~empty)

    def _timed(self, iris: pa.Array, times: Periods | None) -> np.ndarray:
        """Rows with an IRI and a time."""
        named = iris.is_valid().to_numpy(zero_copy_only=False)
        self.report.unnamed += int((~named).sum())
        return np.flatnonzero(named if times is None else named & times.known)


def _merged(geometries: np.ndarray) -> np.ndarray:
    """Collections with several polygons, these merged into one area.

    GEOS relates a collection as the union of its parts only if it comes first, where its polygons overlap.
    """
    rows = np.flatnonzero(shapely.get_type_id(geometries) == 7)
    if not len(rows):
        return geometries
    result = geometries.copy()
    for row in rows:
        leaves = _leaves(geometries[row])
        areas = [leaf for leaf in leaves if leaf.geom_type == "Polygon" and not leaf.is_empty]
        if len(areas) > 1:
            others = [leaf for leaf in leaves if leaf.geom_type != "Polygon"]
            valid = repair(np.array(areas, dtype=object))[0]
            result[row] = shapely.GeometryCollection([shapely.unary_union(valid), *others])
    return result


def _leaves(geometry: shapely.Geometry) -> list[shapely.Geometry]:
    if hasattr(geometry, "geoms"):
        return [leaf for part in geometry.geoms for leaf in _leaves(part)]
    return [geometry]


def open_side(thing: Any, options: SideOptions, base: str = DEFAULT_BASE) -> Side:
    """A side from a path, a store, a GeoDataFrame or Arrow data.

    Raises:
        UsageError: It is nothing that can be read.
        SourceError: The file cannot be read, or has no geometry.
    """
    if isinstance(thing, str | Path):
        return Side(file_input(thing, options.layer, options.crs, options.where, options.spatial), options, base)
    if hasattr(thing, "query") and hasattr(thing, "load"):
        return _store_side(thing, options, base)
    if hasattr(thing, "to_wkb") and hasattr(thing, "geometry"):
        return Side(_frame_input(thing), options, base)
    if hasattr(thing, "__arrow_c_stream__"):
        data = ArrowInput(pa.table(thing), f"the {type(thing).__name__}", spatial=options.spatial)
        return Side(data, options, base)
    raise UsageError(
        f"a {type(thing).__name__}", expected="a path, a store, a GeoDataFrame, or Arrow data with a geometry column"
    )


def _store_side(store: Any, options: SideOptions, base: str) -> Side:
    """What a selection finds in a store."""
    query = options.select
    if query is None:
        query, options = _features(options)
    answer = store.query(query)
    try:
        table = answer.to_arrow()
    finally:
        answer.close()
    if len(table.column_names) < 2:
        wanted = "the thing, then its geometry" if options.spatial else "the thing and its time"
        raise UsageError(f"a selection of {len(table.column_names)} variable(s)", expected=wanted)
    geometry = table.column_names[1] if options.spatial else None
    data = ArrowInput(table, str(store), geometry=geometry, iri=table.column_names[0], spatial=options.spatial)
    return Side(data, options, base)


def _features(options: SideOptions) -> tuple[str, SideOptions]:
    """The selection where none is given: features, their geometries, their times by the properties that are named."""
    paths = [(name, path) for name, path in ((_BEGIN, options.begin), (_END, options.end)) if path]
    if not paths:
        return FEATURES, options
    declared = "".join(f"PREFIX {name}: <{iri}>\n" for name, iri in PREFIXES.items())
    shape = "?feature geo:hasDefaultGeometry|geo:hasGeometry ?g . ?g geo:asWKT ?wkt . " if options.spatial else ""
    times = " ".join(f"?feature {path} ?{name} ." for name, path in paths)
    variables = " ".join(["?feature", *(["?wkt"] if options.spatial else []), *(f"?{name}" for name, _ in paths)])
    names = {name: name for name, _ in paths}
    return f"{declared}SELECT {variables} {{ {shape}{times} }}", replace(
        options, begin=names[_BEGIN], end=names.get(_END)
    )


def _frame_input(frame: Any) -> ArrowInput:
    """A GeoDataFrame; its index is the column ``fid`` unless it has one."""
    geometry = frame.geometry.name
    plain = frame.to_wkb(flavor="iso")
    table = pa.Table.from_pandas(plain, preserve_index=False)
    if "fid" not in table.column_names:
        table = table.append_column("fid", pa.Array.from_pandas(frame.index))
    system = None if frame.crs is None else frame.crs
    return ArrowInput(table, "the GeoDataFrame", geometry=geometry, crs=system)


def common_crs(source: Side, target: Side, wanted: str | None) -> CRS:
    """The system that both sides are compared in; sets it on both.

    Raises:
        CRSError: A side does not say its system, or they differ and none was chosen; names both sides.
    """
    unknown = [side for side in (source, target) if side.crs is None]
    shown = f"source {source.label}: {source.crs or 'unknown'}; target {target.label}: {target.crs or 'unknown'}"
    if unknown:
        raise CRSError(
            f"no coordinate reference system ({shown})",
            expected="one for each side",
            fix="give source_crs or target_crs (--source-crs, --target-crs), for example EPSG:4326",
        )
    assert source.crs is not None
    assert target.crs is not None
    chosen = None if wanted is None else crs(wanted)
    if chosen is None:
        if not same(source.crs, target.crs):
            raise CRSError(
                f"two coordinate reference systems ({shown})",
                expected="one",
                fix="choose the system to compare in with crs (--crs), for example --crs CRS84",
            )
        chosen = source.crs
    source.wanted = target.wanted = chosen
    return chosen
