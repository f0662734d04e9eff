# SPDX-License-Identifier: Apache-2.0
"""Vector layers and tables of any format behind one reader: Arrow batches with WKB."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from semcube.errors import SourceError, UnsupportedError
from semcube.io.remote import ranged, shown, url_of
from semcube.io.streams import source_file

if TYPE_CHECKING:
    import pyarrow as pa

    from semcube.io.spans import Span

__all__ = ["Dialect", "GeometryReport", "LayerInfo", "VectorSource", "geometry_report", "layers", "open_vector"]

Box = tuple[float, float, float, float]

VECTOR_EXTENSIONS = {
    "shp": "shapefile",
    "dbf": "dBASE table",
    "gpkg": "GeoPackage",
    "geojson": "GeoJSON",
    "json": "GeoJSON",
    "geojsonl": "newline-delimited GeoJSON",
    "geojsons": "newline-delimited GeoJSON",
    "ndjson": "newline-delimited GeoJSON",
    "jsonl": "newline-delimited GeoJSON",
    "fgb": "FlatGeobuf",
    "kml": "KML",
    "kmz": "zipped KML",
    "gml": "GML",
    "gpx": "GPX",
    "gdb": "file geodatabase",
    "parquet": "GeoParquet",
    "geoparquet": "GeoParquet",
    "csv": "comma-separated text",
    "tsv": "tab-separated text",
    "txt": "delimited text",
    "xlsx": "Excel workbook",
    "xlsm": "Excel workbook",
    "xlsb": "Excel workbook",
    "xls": "Excel workbook",
    "ods": "OpenDocument spreadsheet",
    "pbf": "OpenStreetMap",
    "osm": "OpenStreetMap",
}
"""Extension -> format; a ``.zip`` may hold any of them, ``.gz`` may follow a text format."""
_RANGED = ("fgb", "parquet", "geoparquet")
"""Formats of which only what is needed is read from a URL."""


@dataclass(frozen=True)
class Dialect:
    """How a text table is written; None where it is to be found out."""

    delimiter: str | None = None
    quoting: bool = True
    """Whether ``"`` quotes values."""
    column_names: Sequence[str] | None = None
    """Names of the columns, for a file without a header line."""
    skip_lines: int = 0
    """Lines before the header or the first row."""
    encoding: str | None = None


@dataclass(frozen=True)
class LayerInfo:
    """What is known about a layer before it is read."""

    source: str
    layer: str
    geometry_column: Literal["geometry"] | None
    """``geometry``, None for a table without one."""
    geometry_types: tuple[str, ...]
    """Declared types as in ``('Polygon', 'MultiPolygon')``, with `` Z``, `` M`` or `` ZM``; empty if not declared."""
    crs: str | None
    """IRI of the coordinate reference system; its WKT where it has no IRI; None if unknown.
    :func:`semcube.geometry.crs` accepts all but None."""
    features: int | None
    """Number of features, None if counting means reading."""
    extent: Box | None
    """West, south, east, north in ``crs``; x is east, y is north, whatever the authority's order. None if unknown."""
    fields: pa.Schema
    """The attributes; neither ``fid`` nor ``geometry``."""
    key: str | None
    """The column that identifies a feature for good (``fid`` in a GeoPackage), None without one."""
    encoding: str | None = None
    """Character encoding of the attributes, None where the format fixes it."""
    metadata: dict[str, str] = field(default_factory=dict)
    """What else is worth telling: ``format``, ``warning`` (lines), ``encoding_from``, ``renamed`` (``new=old``)."""
    field_comments: dict[str, str] = field(default_factory=dict)
    """Column -> its description in the file."""


class VectorSource(ABC):
    """An open layer. Formats implement :meth:`_read`."""

    info: LayerInfo
    keep_malformed = False
    """Whether text that is no geometry stands in the geometry column as it is; else it is an error."""

    @abstractmethod
    def _read(
        self, columns: Sequence[str], where: str | None, box: Box | None, batch_bytes: int
    ) -> Iterator[pa.RecordBatch]:
        """Batches of ``fid``, ``columns``, ``geometry``; ``box`` may let through too much, not too little."""

    def batches(
        self,
        *,
        columns: Sequence[str] | None = None,
        where: str | None = None,
        bbox: Box | None = None,
        bbox_crs: str | None = None,
        batch_bytes: int = 16 * 1024 * 1024,
        skip: int = 0,
        limit: int | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """The features, streamed.

        Args:
            columns: Attributes to read, all by default; in this order.
            where: Condition on the attributes: OGR SQL for formats read by GDAL, SQL for CSV and Parquet.
            bbox: West, south, east, north; only features that intersect the box come (x east, y north).
            bbox_crs: Its system, the layer's own by default.
            batch_bytes: Upper bound of one batch; a single larger feature makes a batch of its own.
            skip: Leave out the first features (of those that match).
            limit: Stop after so many.

        Yields:
            Batches of ``fid`` (int64, the format's own), the attributes, ``geometry`` (large_binary, ISO WKB;
            null where null, empty where empty; invalid ones as they are) unless the layer has none.

        Raises:
            SourceError: The file is damaged, a column does not exist, or the condition is wrong.
            RowError: A value cannot be read; says row and column.
        """
        from semcube.io import batching

        names = self._columns(columns)
        box = None if bbox is None else batching.box_in(bbox, bbox_crs, self.info)
        batches = self._read(names, where, box, batch_bytes)
        if box is not None:
            batches = batching.intersecting(batches, box)
        if skip or limit is not None:
            batches = batching.sliced(batches, skip, limit)
        return batching.bounded(batches, batch_bytes)

    def spans(self, parts: int) -> tuple[Span, ...]:
        """Where the layer can be cut for :meth:`part`: ranges of ``fid`` of about the same size, at most ``parts``.

        Together they hold each row once. Empty where the format cannot be read from the middle (text, GeoJSON, zip).
        """
        return ()

    def part(self, span: Span) -> VectorSource:
        """The same layer with the rows ``span[0] <= fid < span[1]`` only; what is left out is not read.

        Args:
            span: One of :meth:`spans`; its end is left out.

        Raises:
            UnsupportedError: The format cannot be read from the middle.
        """
        raise UnsupportedError(
            f"{self.info.source} cannot be read in parts",
            expected="a shapefile, GeoPackage or GeoParquet file, not compressed as a whole",
            fix="convert it to GeoParquet, or read it whole",
        )

    def _columns(self, columns: Sequence[str] | None) -> list[str]:
        known = self.info.fields.names
        unknown = [] if columns is None else [name for name in columns if name not in known]
        if unknown:
            raise SourceError(
                f"no column {', '.join(unknown)}",
                source=self.info.source,
                layer=self.info.layer,
                expected=f"some of {', '.join(known) or '(no attributes)'}",
            )
        return list(known if columns is None else columns)


def layers(path: str | Path) -> list[str]:
    """The names of the layers of a file, empty ones included.

    Raises:
        SourceError: There is no such file, or it cannot be read.
        UnsupportedError: The format is not read.
    """
    file = ranged(path, _RANGED) or source_file(path)
    if _kind(file) == "gdal":
        from semcube.io.ogr import layer_names

        return layer_names(file)
    if _kind(file) == "sheet":
        from semcube.io.spreadsheet import sheet_names

        return sheet_names(file)
    return [_stem(file)]


def open_vector(  # noqa: PLR0913 - one keyword per thing a file may leave unsaid
    path: str | Path,
    layer: str | None = None,
    *,
    crs: str | None = None,
    encoding: str | None = None,
    x: str | None = None,
    y: str | None = None,
    wkt: str | None = None,
    dialect: Dialect | None = None,
) -> VectorSource:
    """Open one layer of a file.

    Args:
        path: A file, or a URL that fsspec can fetch: shapefile (also zipped), GeoPackage, GeoJSON (also
            newline-delimited), FlatGeobuf, GeoParquet or Parquet, KML, GML, OpenStreetMap, sheets of Excel and
            OpenDocument, CSV or TSV (also ``.gz``, ``.zst``, ``.bz2``, ``.zip``), and what else GDAL reads of
            :data:`VECTOR_EXTENSIONS`.
        layer: Its name; needed where there is more than one.
        crs: Takes the place of the file's own coordinate reference system.
        encoding: Character encoding of a shapefile or a text table; found out by default.
        x: Column of the east coordinate of a table; found by its name by default.
        y: Column of the north coordinate.
        wkt: Column of WKT or WKB of a table.
        dialect: How a text table is written, where that cannot be found out.

    Raises:
        SourceError: No such file or layer, a damaged file, or a wrong encoding.
        UnsupportedError: The format is not read; the message lists those that are.
        CRSError: ``crs`` is not known.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "towns.csv"
        ...     _ = file.write_text("name,lon,lat\\nUlm,9.99,48.40\\n")
        ...     source = open_vector(file)
        ...     source.info.crs, next(source.batches()).column("name").to_pylist()
        ('http://www.opengis.net/def/crs/OGC/1.3/CRS84', ['Ulm'])
    """
    file = ranged(path, _RANGED) or source_file(path)
    source = _open(file, layer, Choice(crs, encoding, x, y, wkt, dialect))
    url = url_of(path)
    if url is not None:
        source.info = replace(source.info, source=shown(url))
    return source


@dataclass(frozen=True)
class Choice:
    """What :func:`open_vector` was told about a file."""

    crs: str | None
    encoding: str | None
    x: str | None
    y: str | None
    wkt: str | None
    dialect: Dialect | None


def _open(file: Path, layer: str | None, choice: Choice) -> VectorSource:
    kind = _kind(file)
    crs, encoding, x, y, wkt = choice.crs, choice.encoding, choice.x, choice.y, choice.wkt
    if kind == "gdal" and _extension(file) in ("pbf", "osm"):
        from semcube.io.osm import OSMSource

        return OSMSource(file, layer, crs=crs)
    if kind == "gdal":
        from semcube.io.ogr import OGRSource

        return OGRSource(file, layer, crs=crs, encoding=encoding)
    if kind == "sheet":
        from semcube.io.spreadsheet import SpreadsheetSource

        return SpreadsheetSource(file, layer, crs=crs, x=x, y=y, wkt=wkt)
    stem = _stem(file)
    if layer is not None and layer != stem:
        raise SourceError("no such layer", source=file, layer=layer, expected=stem)
    if kind == "parquet":
        from semcube.io.geoparquet import ParquetSource

        return ParquetSource(file, stem, crs=crs, x=x, y=y, wkt=wkt)
    from semcube.io.delimited import DelimitedSource

    how = choice.dialect or Dialect()
    how = replace(how, encoding=encoding or how.encoding)
    return DelimitedSource(file, stem, how, crs=crs, x=x, y=y, wkt=wkt)


def _extension(file: Path) -> str:
    return file.name.lower().rpartition(".")[2]


def _kind(file: Path) -> Literal["gdal", "parquet", "text", "sheet"]:
    """Who reads a file."""
    name = file.name.lower()
    if name.endswith(".zip"):
        import zipfile

        if not zipfile.is_zipfile(file):
            raise SourceError("is no zip archive, or a damaged one", source=file, fix="fetch the file again")
        with zipfile.ZipFile(file) as archive:
            inner = {member.rpartition(".")[2].lower() for member in archive.namelist() if not member.endswith("/")}
        if inner & {"csv", "tsv", "txt"} and not inner & {"shp", "gpkg", "geojson", "json", "gml", "kml", "fgb", "gdb"}:
            return "text"
        return "gdal"
    stem, _, last = name.rpartition(".")
    extension = stem.rpartition(".")[2] if last in ("gz", "zst", "bz2", "xz") else last
    if extension in ("parquet", "geoparquet"):
        return "parquet"
    if extension in ("csv", "tsv", "txt"):
        return "text"
    if last in ("xlsx", "xlsm", "xlsb", "xls", "ods"):
        return "sheet"
    if extension in VECTOR_EXTENSIONS and (not file.is_dir() or extension == "gdb"):
        return "gdal"
    known = ", ".join(f".{e}" for e in VECTOR_EXTENSIONS)
    what = (
        "is a folder" if file.is_dir() else f"has the extension '.{extension}'" if "." in name else "has no extension"
    )
    raise UnsupportedError(f"{file} {what}", expected=f"a file that is one of {known}, or a .zip of one")


def _stem(file: Path) -> str:
    """A file's name without its extensions."""
    name = file.name
    while (suffix := name.rpartition(".")[2].lower()) in (
        "gz",
        "zst",
        "bz2",
        "xz",
        "zip",
    ) or suffix in VECTOR_EXTENSIONS:
        if not name.rpartition(".")[0]:
            break
        name = name.rpartition(".")[0]
    return name


@dataclass(frozen=True)
class GeometryReport:
    """Counts of the geometries of a layer."""

    features: int
    null: int
    empty: int
    invalid: int
    types: dict[str, int]
    """Type name -> count; `` Z``, `` M``, `` ZM`` follow the name."""


def geometry_report(batches: Iterable[pa.RecordBatch]) -> GeometryReport:
    """Count null, empty and invalid geometries and types.

    Args:
        batches: As :meth:`VectorSource.batches` yields them.

    Example:
        >>> import pyarrow as pa, shapely
        >>> wkb = shapely.to_wkb([shapely.Point(1, 2), shapely.Point(), None], flavor="iso")
        >>> batch = pa.record_batch({"geometry": pa.array(wkb, pa.large_binary())})
        >>> report = geometry_report([batch])
        >>> report.features, report.null, report.empty, report.types
        (3, 1, 1, {'Point': 2})
    """
    import numpy as np
    import shapely

    features = null = empty = invalid = 0
    types: Counter[str] = Counter()
    for batch in batches:
        features += batch.num_rows
        if "geometry" not in batch.schema.names:
            null += batch.num_rows
            continue
        geometries = shapely.from_wkb(
            np.asarray(batch.column("geometry").to_numpy(zero_copy_only=False)), on_invalid="ignore"
        )
        given = batch.num_rows - batch.column("geometry").null_count
        readable = geometries[~shapely.is_missing(geometries)]
        null += batch.num_rows - given
        invalid += given - len(readable) + int(np.count_nonzero(~shapely.is_valid(readable)))
        empty += int(np.count_nonzero(shapely.is_empty(readable)))
        z, m = shapely.has_z(readable), shapely.has_m(readable)
        for kind, has_z, has_m in zip(shapely.get_type_id(readable).tolist(), z.tolist(), m.tolist(), strict=True):
            letters = ("Z" if has_z else "") + ("M" if has_m else "")
            types[_TYPES[kind] + (f" {letters}" if letters else "")] += 1
    return GeometryReport(features, null, empty, invalid, dict(types))


_TYPES = (
    "Point",
    "LineString",
    "LinearRing",
    "Polygon",
    "MultiPoint",
    "MultiLineString",
    "MultiPolygon",
    "GeometryCollection",
)
