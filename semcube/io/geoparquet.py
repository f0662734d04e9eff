# SPDX-License-Identifier: Apache-2.0
"""GeoParquet and plain Parquet.

Specification: https://geoparquet.org/releases/v1.1.0/
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from semcube.errors import SourceError
from semcube.io import batching
from semcube.io.columns import Geometry, find_geometry, geometry_of, unread_coordinates
from semcube.io.remote import RangedPath
from semcube.io.spans import Span, spans_by_size
from semcube.io.vector import LayerInfo, VectorSource
from semcube.vocab import CRS84

if TYPE_CHECKING:
    from semcube.io.vector import Box

__all__ = ["ParquetSource"]

_RANGE = 1024 * 1024
"""Bytes to fetch at least."""


class ParquetSource(VectorSource):
    """A Parquet file: GeoParquet, or a table with WKB, WKT or coordinate columns."""

    _span: Span | None = None

    def __init__(
        self, file: Path, layer: str, *, crs: str | None, x: str | None, y: str | None, wkt: str | None
    ) -> None:
        self._file = file
        try:
            self._parquet = pq.ParquetFile(_opened(file), pre_buffer=False)
            self._geo = json.loads((self._parquet.schema_arrow.metadata or {}).get(b"geo", b"null"))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise SourceError(
                f"cannot be read: {error}",
                source=file,
                expected="a Parquet file",
                fix="check that the file is complete",
            ) from error
        schema = self._parquet.schema_arrow
        fields = [pa.field(f.name, _plain(f.type)) for f in schema]
        about, found_crs = self._geometry(fields, (x, y, wkt), crs)
        hidden = set(about.columns) if about and about.kind != "xy" else set()
        hidden |= set((self._geo or {}).get("columns", {}))
        self._names = [f.name for f in fields if f.name not in hidden]
        new, renamed = batching.unique_names(self._names)
        self._old = dict(zip(new, self._names, strict=True))
        system, warning = batching.crs_of(crs, found_crs) if about else (None, unread_coordinates(fields))
        others = sorted(hidden - set(about.columns if about else ()))
        if others:
            warning = "\n".join([*([warning] if warning else []), f"geometry columns not read: {', '.join(others)}"])
        metadata = {"format": "GeoParquet" if self._geo else "Parquet"}
        metadata |= {"renamed": "\n".join(f"{n}={o}" for n, o in renamed.items())} if renamed else {}
        metadata |= {"warning": warning} if warning else {}
        self._about = about
        declared = self._column().get("geometry_types", [])
        box = self._column().get("bbox")
        self.info = LayerInfo(
            source=str(file),
            layer=layer,
            geometry_column="geometry" if about else None,
            geometry_types=tuple(declared),
            crs=system,
            features=self._parquet.metadata.num_rows,
            extent=None if not box else (box[0], box[1], box[len(box) // 2], box[len(box) // 2 + 1]),
            fields=pa.schema([pa.field(n, schema.field(o).type) for n, o in self._old.items()]),
            key=None,
            metadata=metadata,
            field_comments=self._comments(schema),
        )

    def _column(self) -> dict[str, Any]:
        """The GeoParquet metadata of the primary column."""
        found: dict[str, Any] = ((self._geo or {}).get("columns") or {}).get(
            (self._geo or {}).get("primary_column"), {}
        )
        return found

    def _geometry(
        self, fields: list[pa.Field], named: tuple[str | None, str | None, str | None], crs: str | None
    ) -> tuple[Geometry | None, object]:
        """Where the geometry is, and its coordinate reference system."""
        if self._geo and not any(named):
            name = self._geo.get("primary_column")
            if name not in [f.name for f in fields]:
                raise SourceError(
                    f"the metadata names the geometry column {name!r}, which does not exist", source=self._file
                )
            encoding = str(self._column().get("encoding", "WKB"))
            system = self._column().get("crs", CRS84)
            return Geometry("wkb" if encoding.upper() == "WKB" else "arrow", (name,), encoding.lower()), _projjson(
                system
            )
        found = find_geometry(fields, *named, self._file, self._sample, crs)
        logical = self._logical_crs(found.columns[0]) if found and found.kind == "wkb" else None
        return found, logical or (CRS84 if found and found.is_lonlat else None)

    def _logical_crs(self, name: str) -> object:
        """The system of a column of the Parquet type GEOMETRY."""
        kind = self._parquet.schema_arrow.field(name).type
        if not isinstance(kind, pa.BaseExtensionType):
            return None
        given = getattr(kind, "crs", None)
        return _projjson(given) if given else CRS84

    def _sample(self, name: str) -> pa.Array:
        for batch in self._parquet.iter_batches(batch_size=1024, columns=[name]):
            column = batch.column(0).drop_null()
            if len(column):
                return column
        return pa.array([], self._parquet.schema_arrow.field(name).type)

    def _comments(self, schema: pa.Schema) -> dict[str, str]:
        given = {new: (schema.field(old).metadata or {}).get(b"comment") for new, old in self._old.items()}
        return {name: text.decode() for name, text in given.items() if text}

    def _read(
        self, columns: Sequence[str], where: str | None, box: Box | None, batch_bytes: int
    ) -> Iterator[pa.RecordBatch]:
        batches = self._rows(list(self._old) if where else list(columns), batch_bytes)
        if where is None:
            yield from batches
            return
        schema = self._schema(list(self._old))
        wanted = ["fid", *columns, *(["geometry"] if self._about else [])]
        for batch in batching.filtered(batches, schema, where, self.info):
            yield batch.select(wanted)

    def _schema(self, names: Sequence[str]) -> pa.Schema:
        fields = [pa.field("fid", pa.int64(), nullable=False), *(self.info.fields.field(name) for name in names)]
        return pa.schema([*fields, pa.field("geometry", pa.large_binary())] if self._about else fields)

    def _rows(self, names: Sequence[str], batch_bytes: int) -> Iterator[pa.RecordBatch]:
        old = [self._old[name] for name in names]
        wanted = list(dict.fromkeys([*old, *(self._about.columns if self._about else ())]))
        size = batching.rows_per_batch(self._uncompressed(), self.info.features, batch_bytes)
        schema = self._schema(names)
        start, groups = self._groups()
        try:
            for batch in self._parquet.iter_batches(batch_size=size, columns=wanted, row_groups=groups):
                arrays = [pa.array(np.arange(start, start + batch.num_rows))]
                arrays += [batch.column(name) for name in old]
                if self._about:
                    columns = [batch.column(name) for name in self._about.columns]
                    arrays.append(
                        geometry_of(self._about, columns, arrays[0], self._file, keep_malformed=self.keep_malformed)
                    )
                made = [a.cast(f.type) for a, f in zip(arrays, schema, strict=True)]
                yield self._inside(pa.RecordBatch.from_arrays(made, schema=schema), start)
                start += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise SourceError(
                f"cannot be read: {error}", source=self._file, fix="check that the file is complete"
            ) from error

    def spans(self, parts: int) -> tuple[Span, ...]:
        """Runs of row groups."""
        about = self._parquet.metadata
        groups = [about.row_group(number) for number in range(about.num_row_groups)]
        ends = [0, *np.cumsum([group.num_rows for group in groups], dtype=np.int64).tolist()]
        runs = spans_by_size([group.total_byte_size for group in groups], parts)
        return tuple((ends[first], ends[stop]) for first, stop in runs if ends[first] < ends[stop])

    def part(self, span: Span) -> ParquetSource:
        """Rows of a range of positions."""
        made = copy.copy(self)
        made._span = span
        return made

    def _groups(self) -> tuple[int, list[int]]:
        """The position of the first row that is read, and the row groups that are."""
        about = self._parquet.metadata
        rows = np.array([about.row_group(number).num_rows for number in range(about.num_row_groups)], np.int64)
        if self._span is None:
            return 0, list(range(len(rows)))
        ends = np.cumsum(rows)
        wanted = np.flatnonzero((ends > self._span[0]) & (ends - rows < self._span[1]))
        return (int(ends[wanted[0]] - rows[wanted[0]]), wanted.tolist()) if len(wanted) else (0, [])

    def _inside(self, batch: pa.RecordBatch, start: int) -> pa.RecordBatch:
        """The rows of a batch that are in the span; ``start`` is the position of its first."""
        if self._span is None:
            return batch
        first = max(self._span[0] - start, 0)
        return batch.slice(first, max(self._span[1] - start - first, 0))

    def _uncompressed(self) -> int:
        about = self._parquet.metadata
        return sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))


def _opened(file: Path) -> Any:
    """A path, or a file of which only what is needed is fetched."""
    if not isinstance(file, RangedPath):
        return file
    import fsspec

    return fsspec.open(file.url, "rb", block_size=_RANGE).open()


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _projjson(system: object) -> object:
    """A CRS of the metadata as something :func:`semcube.geometry.crs` reads."""
    if isinstance(system, dict):
        authority = system.get("id")
        if isinstance(authority, dict) and authority.get("authority") and authority.get("code"):
            return f"{authority['authority']}:{authority['code']}"
        import pyproj

        return pyproj.CRS.from_json_dict(system).to_wkt()
    return system
