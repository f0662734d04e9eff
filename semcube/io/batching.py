# SPDX-License-Identifier: Apache-2.0
"""What every vector format does to its batches: bound them by bytes, cut them by a box, choose rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.errors import SourceError

if TYPE_CHECKING:
    from semcube.io.vector import Box, LayerInfo

__all__ = ["bounded", "box_in", "crs_of", "filtered", "intersecting", "rows_per_batch", "sliced", "unique_names"]

_MAX_ROWS = 65536


def bounded(batches: Iterator[pa.RecordBatch], batch_bytes: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of at most ``batch_bytes``, or of one row."""
    for batch in batches:
        if batch.num_rows <= 1 or batch.nbytes <= batch_bytes:
            if batch.num_rows:
                yield batch
            continue
        ends = np.cumsum(_row_bytes(batch))
        start = 0
        while start < batch.num_rows:
            before = ends[start - 1] if start else 0
            stop = max(int(np.searchsorted(ends, before + batch_bytes, side="right")), start + 1)
            yield batch.slice(start, stop - start)
            start = stop


def _row_bytes(batch: pa.RecordBatch) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Bytes of each row: exact for text and binary columns, the mean for others."""
    total = np.ones(batch.num_rows, np.int64)
    for column in batch.columns:
        kind = column.type
        if (
            pa.types.is_large_binary(kind)
            or pa.types.is_binary(kind)
            or pa.types.is_string(kind)
            or pa.types.is_large_string(kind)
        ):
            total += np.asarray(pc.fill_null(pc.binary_length(column), 0).to_numpy(zero_copy_only=False), np.int64) + 8
        else:
            total += column.nbytes // batch.num_rows + 1
    return total


def rows_per_batch(total_bytes: int, features: int | None, batch_bytes: int) -> int:
    """How many rows to ask a reader for, so that a batch of mean rows is a quarter of the bound."""
    if not features or features < 0:
        return 1024
    mean = max(total_bytes // features, 16)
    return int(min(max(batch_bytes // (4 * mean), 16), _MAX_ROWS))


def sliced(batches: Iterator[pa.RecordBatch], skip: int, limit: int | None) -> Iterator[pa.RecordBatch]:
    """Without the first ``skip`` rows, and at most ``limit``."""
    for batch in batches:
        if skip >= batch.num_rows:
            skip -= batch.num_rows
            continue
        part = batch.slice(skip)
        skip = 0
        if limit is not None:
            part = part.slice(0, limit)
            limit -= part.num_rows
        if part.num_rows:
            yield part
        if limit == 0:
            return


def box_in(bbox: Box, bbox_crs: str | None, info: LayerInfo) -> Box:
    """A box of another system as a box of the layer's, large enough to hold it.

    Raises:
        SourceError: The layer's system is not known, or the box has no place in it.
    """
    from semcube.geometry import crs, same

    west, south, east, north = (float(value) for value in bbox)
    if not (np.isfinite([west, south, east, north]).all() and west <= east and south <= north):
        raise SourceError(
            f"box {bbox}", source=info.source, layer=info.layer, expected="west <= east and south <= north"
        )
    if bbox_crs is None or (info.crs is not None and same(crs(bbox_crs), crs(info.crs))):
        return west, south, east, north
    if info.crs is None:
        raise SourceError(
            "has no coordinate reference system, so a box in another one cannot be used",
            source=info.source,
            layer=info.layer,
            fix="say which it is with crs=",
        )
    import pyproj

    way = pyproj.Transformer.from_crs(crs(bbox_crs).pyproj, crs(info.crs).pyproj, always_xy=True)
    found = way.transform_bounds(west, south, east, north, densify_pts=101)
    if not np.isfinite(found).all():
        raise SourceError(
            f"box {bbox} of {bbox_crs} has no place in {crs(info.crs)}", source=info.source, layer=info.layer
        )
    return found[0], found[1], found[2], found[3]


def intersecting(batches: Iterator[pa.RecordBatch], box: Box) -> Iterator[pa.RecordBatch]:
    """The rows whose geometry intersects a box; the same test for every format."""
    import shapely

    window = shapely.box(*box)
    shapely.prepare(window)
    for batch in batches:
        if "geometry" not in batch.schema.names:
            raise SourceError("a layer without geometries cannot be asked for a box", fix="leave the box out")
        wkb = batch.column("geometry").to_numpy(zero_copy_only=False)
        geometries = shapely.from_wkb(wkb, on_invalid="ignore")
        bounds = shapely.bounds(geometries)
        with np.errstate(invalid="ignore"):
            near = (
                (bounds[:, 0] <= box[2])
                & (bounds[:, 2] >= box[0])
                & (bounds[:, 1] <= box[3])
                & (bounds[:, 3] >= box[1])
            )
            inside = (
                (bounds[:, 0] >= box[0])
                & (bounds[:, 2] <= box[2])
                & (bounds[:, 1] >= box[1])
                & (bounds[:, 3] <= box[3])
            )
        doubtful = np.flatnonzero(near & ~inside)
        if doubtful.size:
            near[doubtful] = shapely.intersects(window, geometries[doubtful])
        yield batch.filter(pa.array(near))


def filtered(
    batches: Iterator[pa.RecordBatch], schema: pa.Schema, where: str, info: LayerInfo
) -> Iterator[pa.RecordBatch]:
    """The rows for which an SQL condition is true.

    Raises:
        SourceError: The condition is not SQL, or does not fit the columns.
    """
    import duckdb

    reader = pa.RecordBatchReader.from_batches(schema, batches)
    connection = duckdb.connect(config={"threads": 1})
    try:
        connection.execute("SET enable_progress_bar = false")
        connection.register("layer", reader)
        # A row filter of the caller's own file, on a private connection: there is nothing to inject into.
        result = connection.sql(f"SELECT * FROM layer WHERE ({where})").to_arrow_reader(_MAX_ROWS)
        for batch in result:
            yield batch.cast(schema)
    except duckdb.Error as error:
        raise SourceError(
            f"the condition {where!r} cannot be used: {str(error).splitlines()[0]}",
            source=info.source,
            layer=info.layer,
            expected=f"SQL over {', '.join(n for n in schema.names if n != 'geometry')}",
        ) from error
    finally:
        connection.close()


def unique_names(names: list[str]) -> tuple[list[str], dict[str, str]]:
    """Column names without ``fid``, ``geometry`` and doubles, and what was renamed (new -> old).

    Example:
        >>> unique_names(["a", "fid", "a"])
        (['a', 'fid_1', 'a_1'], {'fid_1': 'fid', 'a_1': 'a'})
    """
    taken = {"fid", "geometry"}
    result, renamed = [], {}
    for old in names:
        new, number = old, 0
        while new in taken or (number and new in names):
            number += 1
            new = f"{old}_{number}"
        if new != old:
            renamed[new] = old
        taken.add(new)
        result.append(new)
    return result, renamed


def crs_of(given: str | None, found: object | None) -> tuple[str | None, str | None]:
    """The system to report (IRI, else WKT) and a warning.

    Raises:
        CRSError: ``given``, which the user chose, is not known.
    """
    from semcube.errors import CRSError
    from semcube.geometry import crs

    if given is not None:
        system = crs(given)
        return system.iri or system.definition, None
    if not found:
        return None, "the coordinate reference system is not known; say which it is with crs="
    try:
        system = crs(found)
    except CRSError as error:
        return None, f"the coordinate reference system of the file is not understood ({error}); say it with crs="
    return system.iri or system.definition, system.note
