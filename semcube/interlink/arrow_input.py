# SPDX-License-Identifier: Apache-2.0
"""Rows with a geometry column, from files and from Arrow data, under one face."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from semcube.errors import SourceError
from semcube.vocab import CRS84

__all__ = ["ArrowInput", "FileInput", "file_input"]


class ArrowInput:
    """A table in memory.

    Args:
        table: Its geometry column is named, is the only one of a GeoArrow WKB type, or is called ``geometry``,
            ``geom``, ``wkb`` or ``wkt``; it holds WKB or WKT.
        label: What messages call it.
        geometry: The geometry column.
        iri: The column of IRIs.
        crs: The system; by default that of the column's GeoArrow metadata.
        spatial: False if geometries are not wanted.

    Raises:
        SourceError: There is no geometry column.
    """

    def __init__(
        self,
        table: pa.Table,
        label: str,
        *,
        geometry: str | None = None,
        iri: str | None = None,
        crs: Any = None,
        spatial: bool = True,
    ) -> None:
        self.label, self.iri = label, iri
        self.key: str | None = None
        self.geometry = (geometry or _geometry_column(table.schema, label)) if spatial else None
        self.crs = crs if crs is not None or self.geometry is None else _crs_of(table.schema.field(self.geometry))
        self.columns = [name for name in table.column_names if name != self.geometry]
        self.table = table

    @property
    def size(self) -> int | None:
        """Bytes."""
        return int(self.table.nbytes)

    def batches(self, columns: list[str], chunk_bytes: int) -> Iterator[pa.RecordBatch]:
        """``columns`` and ``geometry`` (WKB, if wanted); ``fid`` is the row number where there is none."""
        rows = max(1, int(self.table.num_rows * chunk_bytes / max(self.table.nbytes, 1)))
        start = 0
        for batch in self.table.to_batches(max_chunksize=rows):
            found = {"fid": pa.array(np.arange(start, start + batch.num_rows))}
            found |= {name: batch.column(name) for name in columns if name in self.columns}
            if self.geometry is not None:
                found["geometry"] = _wkb(batch.column(self.geometry))
            start += batch.num_rows
            yield pa.record_batch(found)


class FileInput(ArrowInput):
    """A layer of a file; see :func:`file_input`."""

    def __init__(
        self, path: str | Path, layer: str | None, crs: str | None, where: str | None, spatial: bool = True
    ) -> None:
        from semcube.io import open_vector

        self.source = open_vector(path, layer, crs=crs)
        info = self.source.info
        self.label = str(path) if layer is None else f"{path}, layer {layer}"
        if spatial and info.geometry_column is None:
            raise SourceError(
                "has no geometry", source=info.source, layer=info.layer, expected="a layer with geometries",
                fix="relate time alone with relations='none' (--relations none), if that is meant",
            )  # fmt: skip
        self.iri, self.key, self.crs = None, info.key, info.crs
        self.columns = list(info.fields.names)
        self._where = where
        file = Path(info.source)
        self._size = file.stat().st_size if file.is_file() else info.features

    @property
    def size(self) -> int | None:
        """Bytes of the file."""
        return self._size

    def batches(self, columns: list[str], chunk_bytes: int) -> Iterator[pa.RecordBatch]:
        """``fid``, ``columns``, ``geometry``."""
        names = [name for name in columns if name in self.columns]
        yield from self.source.batches(columns=names, where=self._where, batch_bytes=chunk_bytes)


def file_input(
    path: str | Path, layer: str | None, crs: str | None, where: str | None, spatial: bool = True
) -> ArrowInput:
    """The layer of a file.

    Raises:
        SourceError: No such file or layer, or it has no geometry though these are wanted.
        UnsupportedError: The format is not read.
    """
    return FileInput(path, layer, crs, where, spatial)


def _geometry_column(schema: pa.Schema, label: str) -> str:
    typed = [field.name for field in schema if _extension(field).startswith("geoarrow.wk")]
    usual = [name for name in schema.names if name.lower() in ("geometry", "geom", "wkb", "wkt")]
    if len(typed) == 1 or (typed and not usual):
        return str(typed[0])
    if usual:
        return str(usual[0])
    raise SourceError(
        f"no geometry column among {', '.join(schema.names)}", source=label, expected="geometry, geom, wkb or wkt"
    )


def _extension(field: pa.Field) -> str:
    if isinstance(field.type, pa.BaseExtensionType):
        return str(field.type.extension_name)
    return str((field.metadata or {}).get(b"ARROW:extension:name", b"").decode())


def _crs_of(field: pa.Field) -> Any:
    """The system in GeoArrow metadata; longitude and latitude for geometries of semcube's own answers."""
    if isinstance(field.type, pa.BaseExtensionType):
        serialised = (
            field.type.__arrow_ext_serialize__().decode() if hasattr(field.type, "__arrow_ext_serialize__") else ""
        )
    else:
        serialised = (field.metadata or {}).get(b"ARROW:extension:metadata", b"").decode()
    found = json.loads(serialised or "{}").get("crs")
    if isinstance(found, dict):
        name = found.get("id", {})
        if name.get("authority") and name.get("code"):
            return CRS84 if name["code"] == "CRS84" else f"{name['authority']}:{name['code']}"
        return json.dumps(found)
    return found


def _wkb(column: pa.Array) -> pa.Array:
    storage = column.storage if isinstance(column, pa.ExtensionArray) else column
    if pa.types.is_string(storage.type) or pa.types.is_large_string(storage.type):
        values = storage.to_numpy(zero_copy_only=False)
        parsed = shapely.from_wkt(np.asarray(values, dtype=object), on_invalid="ignore")
        # What does not parse stays there as WKB that does not parse, so that it is counted.
        wkb = shapely.to_wkb(parsed, flavor="iso")
        wkb[shapely.is_missing(parsed) & storage.is_valid().to_numpy(zero_copy_only=False)] = b"\x00"
        return pa.array(wkb, pa.large_binary())
    return storage.cast(pa.large_binary())
