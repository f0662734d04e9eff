# SPDX-License-Identifier: Apache-2.0
"""The formats that GDAL reads."""

from __future__ import annotations

import contextlib
import copy
import logging
import os
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
import pyogrio
from pyogrio.raw import open_arrow

from semcube.errors import RowError, SourceError
from semcube.io import batching, shapefile
from semcube.io.geojson import named_crs
from semcube.io.remote import RangedPath, gdal_name, shown
from semcube.io.spans import Span, geopackage_spans, shapefile_spans
from semcube.io.vector import VECTOR_EXTENSIONS, LayerInfo, VectorSource
from semcube.vocab import CRS84, EPSG

if TYPE_CHECKING:
    from semcube.io.vector import Box

__all__ = ["OGRSource", "layer_names"]

_DIMENSIONS = {"": "", "2.5D": "Z", "3D": "Z", "Measured": "M", "3D Measured": "ZM", "Measured 3D": "ZM"}
_DECLARED = re.compile(
    r"(?:(?P<dimension>2\.5D|3D Measured|Measured 3D|3D|Measured) )?(?P<name>[A-Za-z]+?) ?(?P<flags>ZM|Z|M)?"
)
_MEASURED = re.compile(r"Measured \(M\) geometry types are not supported\. Original type '([^']+)'")
_STABLE = ("GPKG", "OpenFileGDB", "SQLite")
logging.getLogger("pyogrio").addHandler(logging.NullHandler())


def _datasets(file: Path) -> list[str]:
    """What GDAL opens: the file itself, or the members of a zip archive."""
    path = gdal_name(file)
    if isinstance(file, RangedPath):
        return [path]
    if file.suffix.lower() == ".gz":
        return [f"/vsigzip/{path}"]
    if file.suffix.lower() != ".zip":
        return [path]
    with zipfile.ZipFile(file) as archive:
        members = [name for name in archive.namelist() if not name.endswith("/")]
    extensions = {name: name.rpartition(".")[2].lower() for name in members}
    folders = {name[: name.index(".gdb/") + 4] for name in members if ".gdb/" in name}
    data = [n for n, e in extensions.items() if e in VECTOR_EXTENSIONS and e != "dbf" and ".gdb/" not in n]
    lonely = [n for n, e in extensions.items() if e == "dbf"] if not data else []
    found = sorted(folders) + data + lonely
    if not found:
        raise SourceError(
            f"the archive holds {', '.join(members[:10]) or 'nothing'}",
            source=file,
            expected=f"a member that is one of {', '.join('.' + e for e in VECTOR_EXTENSIONS)}",
        )
    # In braces, because the path of the archive may hold anything.
    return [f"/vsizip/{{{path}}}/{name}" for name in found]


@contextlib.contextmanager
def _noting() -> Iterator[list[str]]:
    """Collects what pyogrio warns about."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield notes
    notes += [str(warning.message) for warning in caught]


def _layers_of(dataset: str, file: Path) -> list[str]:
    try:
        with _noting():
            return [str(name) for name in pyogrio.list_layers(dataset)[:, 0]]
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, UnicodeDecodeError) as error:
        raise _unreadable(error, file) from error


def _unreadable(error: Exception, file: Path) -> SourceError:
    text = shown(str(error).split("; It might help")[0]).replace(str(file.resolve()), file.name)
    kind = VECTOR_EXTENSIONS.get(file.suffix[1:].lower(), "file")
    return SourceError(
        f"cannot be read: {text}", source=file, expected=f"a {kind}", fix="check that the file is complete"
    )


def layer_names(file: Path) -> list[str]:
    """All layers of a file or archive."""
    for dataset in _datasets(file):
        shapefile.check_parts(dataset, file)
    return [name for dataset in _datasets(file) for name in _layers_of(dataset, file)]


def _find(file: Path, layer: str | None) -> tuple[str, str]:
    """The dataset and layer that are meant."""
    found = []
    for dataset in _datasets(file):
        shapefile.check_parts(dataset, file)
        found += [(dataset, name) for name in _layers_of(dataset, file)]
    names = [name for _, name in found]
    chosen = [pair for pair in found if layer is None or pair[1] == layer]
    if len(chosen) == 1:
        return chosen[0]
    if layer is None and not found:
        raise SourceError("holds no layer", source=file)
    if layer is None:
        raise SourceError(
            f"holds {len(names)} layers", source=file, expected="a layer name", fix=f"choose one of {', '.join(names)}"
        )
    what = "no such layer" if not chosen else "the name stands for more than one layer"
    raise SourceError(what, source=file, layer=layer, expected=f"one of {', '.join(names) or '(none)'}")


class OGRSource(VectorSource):
    """A layer that GDAL reads."""

    _span: Span | None = None

    def __init__(self, file: Path, layer: str | None, *, crs: str | None, encoding: str | None) -> None:
        self._file = file
        self._dataset, self._layer = _find(file, layer)
        facts = shapefile.inspect(self._dataset, file, encoding)
        self._encoding = facts.encoding if facts else encoding
        self._timestamps = facts.timestamps if facts else {}
        try:
            with _noting() as notes:
                about = pyogrio.read_info(self._dataset, layer=self._layer, encoding=self._encoding)
                with self._arrow(batch_size=1) as (_, reader):
                    self._schema = reader.schema
        except (
            pyogrio.errors.DataSourceError,
            pyogrio.errors.DataLayerError,
            LookupError,
            UnicodeDecodeError,
        ) as error:
            raise _unreadable(error, file) from error
        self._has_geometry = bool(about["geometry_type"])
        first, last = 1, len(self._schema) - (1 if self._has_geometry else 0)
        self._names = [self._schema.field(i).name for i in range(first, last)]
        new, renamed = batching.unique_names(self._names)
        self._places = {name: number for number, name in enumerate(new)}
        about["geometry_type"] = _measured(notes) or about["geometry_type"]
        self._notes = [note for note in dict.fromkeys(notes) if not _MEASURED.match(note)]
        self._unique = len(set(self._names)) == len(self._names)
        self.info = self._describe(about, crs, facts, renamed)

    @contextlib.contextmanager
    def _arrow(self, **options: Any) -> Iterator[tuple[Any, pa.RecordBatchReader]]:
        """GDAL's Arrow stream of the layer."""
        stream = open_arrow(
            self._dataset, layer=self._layer, encoding=self._encoding, return_fids=True, use_pyarrow=True, **options
        )
        # pyogrio sets an option of GDAL for the thread until the stream is closed, and would so change what others
        # read and write there meanwhile; only the opening needs it
        with ThreadPoolExecutor(1) as opener:
            opened = opener.submit(stream.__enter__).result()
        try:
            yield opened
        finally:
            stream.__exit__(None, None, None)

    def _describe(
        self, about: dict[str, Any], crs: str | None, facts: shapefile.Facts | None, renamed: dict[str, str]
    ) -> LayerInfo:
        found = about["crs"]
        if about["driver"] == "GeoJSON" and self._file.is_file():
            found = named_crs(self._file) or found
        system, warning = batching.crs_of(crs, found) if self._has_geometry else (None, None)
        told = [*(facts.warnings if facts else []), *([warning] if warning else []), *self._notes]
        metadata = {"format": VECTOR_EXTENSIONS.get(self._extension(), about["driver"]), "driver": str(about["driver"])}
        metadata |= {str(k): str(v) for k, v in (about.get("layer_metadata") or {}).items()}
        if about["driver"].startswith("GeoJSON") and crs is None and system not in (CRS84, EPSG + "4326"):
            told.append("the file names a coordinate reference system, which RFC 7946 does not allow; it is used")
        if facts:
            metadata["encoding_from"] = facts.encoding_from
        if renamed:
            metadata["renamed"] = "\n".join(f"{new}={old}" for new, old in renamed.items())
        if about["fid_column"]:
            metadata["primary_key"] = str(about["fid_column"])
        if told:
            metadata["warning"] = "\n".join(told)
        fields = [pa.field(new, self._type(place)) for new, place in self._places.items()]
        features = int(about["features"])
        bounds = about["total_bounds"]
        return LayerInfo(
            source=str(self._file),
            layer=self._layer,
            geometry_column="geometry" if self._has_geometry else None,
            geometry_types=_types(about["geometry_type"], about["driver"]),
            crs=system,
            features=features if features >= 0 else None,
            extent=None if bounds is None or not features else cast("Box", tuple(float(v) for v in bounds)),
            fields=pa.schema(fields),
            key="fid" if about["driver"] in _STABLE and about["fid_column"] else None,
            encoding=self._encoding,
            metadata=metadata,
            field_comments=self._comments(),
        )

    def _type(self, place: int) -> pa.DataType:
        name = self._names[place]
        return pa.timestamp("ms") if name in self._timestamps else _storage(self._schema.field(place + 1).type)

    def _extension(self) -> str:
        name = self._dataset.lower().removesuffix(".gz")
        return name.rpartition(".")[2]

    def _comments(self) -> dict[str, str]:
        found = {}
        for new, place in self._places.items():
            given = self._schema.field(place + 1).metadata or {}
            parts = [given.get(b"GDAL:OGR:alternative_name"), given.get(b"GDAL:OGR:comment")]
            text = ": ".join(part.decode() for part in parts if part)
            if text:
                found[new] = text
        return found

    def spans(self, parts: int) -> tuple[Span, ...]:
        """Of shapefiles and GeoPackages that are files of their own."""
        if self._dataset.startswith("/vsi"):
            return ()
        if self._extension() == "shp":
            indexes = (each for each in self._file.parent.iterdir() if each.stem == self._file.stem)
            return shapefile_spans(next(each for each in indexes if each.suffix.lower() == ".shx"), parts)
        key = self.info.metadata.get("primary_key")
        if self.info.metadata["driver"] == "GPKG" and key:
            return geopackage_spans(self._file, self._layer, key, parts)
        return ()

    def part(self, span: Span) -> OGRSource:
        """Rows of a range of ``fid``."""
        if self._dataset.startswith("/vsi") or self.info.metadata["driver"] not in ("ESRI Shapefile", "GPKG"):
            super().part(span)
        made = copy.copy(self)
        made._span = span
        return made

    def _selection(self, where: str | None, box: Box | None) -> dict[str, Any]:
        """What GDAL is told to leave out: rows outside the span, the condition and the box."""
        options: dict[str, Any] = {}
        if self._span is not None:
            first, stop = self._span
            if self._extension() == "shp" and where is None and box is None:
                # Only here is the n-th row found without reading those before it.
                options["skip_features"] = first
            else:
                key = '"' + self.info.metadata.get("primary_key", "FID").replace('"', '""') + '"'
                inside = f"{key} >= {first} AND {key} < {stop}"
                where = inside if where is None else f"{inside} AND ({where}\n)"
        if where is not None:
            options["where"] = where
        if box is not None and self._has_geometry:
            options["bbox"] = box
        return options

    def _until_end(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches up to the end of the span; row ids rise."""
        for batch in batches:
            fids = batch.column(0).to_numpy()
            if self._span is None or not len(fids) or fids[-1] < self._span[1]:
                yield batch
                continue
            yield batch.slice(0, int(np.searchsorted(fids, self._span[1])))
            return

    def _read(
        self, columns: Sequence[str], where: str | None, box: Box | None, batch_bytes: int
    ) -> Iterator[pa.RecordBatch]:
        options = self._selection(where, box)
        # GDAL chooses columns by name, which cannot tell two of one name apart.
        if self._unique:
            options["columns"] = [self._names[self._places[name]] for name in columns]
        options["batch_size"] = batching.rows_per_batch(self._bytes(), self.info.features, batch_bytes)
        try:
            with contextlib.ExitStack() as stack:
                with _noting():
                    _, reader = stack.enter_context(self._arrow(**options))
                for batch in self._until_end(reader):
                    yield self._shaped(batch, columns)
        except SourceError:
            raise
        except (pa.ArrowException, OSError, ValueError, RuntimeError) as error:
            raise self._failed(error, where) from error

    def _failed(self, error: Exception, where: str | None) -> SourceError:
        if where is None:
            return _unreadable(error, self._file)
        return SourceError(
            f"the condition {where!r} cannot be used: {error}",
            source=self._file,
            layer=self._layer,
            expected=f"OGR SQL over {', '.join(self.info.fields.names)}",
        )

    def _shaped(self, batch: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
        """GDAL's batch with our column names and types."""
        fid = batch.column(0).cast(pa.int64())
        arrays, fields = [fid], [pa.field("fid", pa.int64(), nullable=False)]
        for new in columns:
            name = self._names[self._places[new]]
            column = batch.column(batch.schema.get_field_index(name) if self._unique else self._places[new] + 1)
            if name in self._timestamps:
                column = pa.array(self._timestamps[name][fid.to_numpy()])
            column = column.storage if isinstance(column, pa.ExtensionArray) else column
            self._check_text(column, new, fid)
            arrays.append(column)
            fields.append(pa.field(new, column.type))
        if self._has_geometry:
            geometry = batch.column(batch.num_columns - 1)
            geometry = geometry.storage if isinstance(geometry, pa.ExtensionArray) else geometry
            arrays.append(geometry.cast(pa.large_binary()))
            fields.append(pa.field("geometry", pa.large_binary()))
        return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))

    def _check_text(self, column: pa.Array, name: str, fid: pa.Array) -> None:
        """Text that is not UTF-8 means that the file was read in the wrong encoding."""
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            return
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            for row, value in enumerate(column.cast(pa.binary()).to_pylist()):
                try:
                    (value or b"").decode()
                except UnicodeDecodeError:
                    raise RowError(
                        f"the bytes {value[:40]!r} are not text in {self._encoding or 'UTF-8'}",
                        source=self._file,
                        layer=self._layer,
                        row=fid[row].as_py(),
                        column=name,
                        fix="name the right encoding, for example encoding='cp1252'",
                    ) from None
            raise

    def _bytes(self) -> int:
        """Size of the layer's data, uncompressed; a guess for files with more than one layer."""
        if self._dataset.startswith("/vsizip/"):
            with zipfile.ZipFile(self._file) as archive:
                return sum(entry.file_size for entry in archive.infolist())
        if isinstance(self._file, RangedPath):
            return self._file.size
        if self._file.is_dir():
            return sum(part.stat().st_size for part in self._file.iterdir())
        beside = [self._file.with_suffix(".dbf")] if self._extension() == "shp" else []
        return os.path.getsize(self._file) + sum(p.stat().st_size for p in beside if p.exists())


def _storage(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _measured(notes: list[str]) -> str | None:
    """The declared type with measures, which pyogrio names in a warning only; its WKB has them."""
    return next((found[1] for note in notes if (found := _MEASURED.match(note))), None)


def _types(declared: str | None, driver: str) -> tuple[str, ...]:
    """GDAL's type name as names of GeoParquet; a shapefile does not tell single from multiple."""
    match = _DECLARED.fullmatch(declared or "")
    if match is None or match["name"] in ("Unknown", "Geometry"):
        return ()
    flags = match["flags"] or _DIMENSIONS[match["dimension"] or ""]
    suffix = f" {flags}" if flags else ""
    if driver == "ESRI Shapefile" and match["name"] in ("Polygon", "LineString"):
        return (match["name"] + suffix, f"Multi{match['name']}{suffix}")
    return (match["name"] + suffix,)
