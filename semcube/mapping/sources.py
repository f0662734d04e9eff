# SPDX-License-Identifier: Apache-2.0
"""Logical sources -> tables: which file a source means, and who reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from semcube.errors import MappingError, RowError, SourceError, UnsupportedError
from semcube.io.remote import is_remote, url_of
from semcube.mapping.model import Formulation, LogicalSource, Mapping

if TYPE_CHECKING:
    from semcube.mapping.raster import RasterSettings
    from semcube.mapping.rows import Rows, VectorRows

__all__ = ["RASTER_EXTENSIONS", "bind", "is_raster", "named_in", "open_rows"]

RASTER_EXTENSIONS = frozenset(
    {".tif", ".tiff", ".vrt", ".img", ".asc", ".jp2"}
    | {".nc", ".nc4", ".cdf", ".zarr", ".h5", ".hdf", ".hdf5", ".grib", ".grb", ".grib2"}
)
"""Files that hold pixels."""
_WORKBOOKS = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})


def is_raster(path: str | Path) -> bool:
    """Whether a file holds pixels, by its extension.

    Example:
        >>> is_raster("a.TIF"), is_raster("cube.zarr"), is_raster("a.gpkg")
        (True, True, False)
    """
    return Path(path).suffix.lower() in RASTER_EXTENSIONS


def bind(mapping: Mapping, inputs: Sequence[str | Path]) -> Mapping:
    """A mapping whose sources are files: those given, else those it names.

    A given file takes the place of the source with the same file name; if the mapping reads one file only (or names
    none), every given file takes its place. Sources that no given file stands for are left out.

    Raises:
        MappingError: A source is unnamed and no input is given, or inputs cannot be matched to sources.
    """
    folder = mapping.document.parent if mapping.document is not None else Path()
    if not inputs:
        unnamed = [item for item in mapping.triples_maps if item.source.source is None]
        if unnamed:
            raise MappingError(
                "the source names no file",
                source=mapping.document,
                triples_map=unnamed[0].name,
                fix="give the file on the command line, or write rml:source into the mapping",
            )
        found = {item: _in_folder(item, folder) for item in mapping.sources}
        return mapping.with_sources(found)
    paths = [str(each) for each in inputs]
    files = {item.source for item in mapping.sources}
    maps = []
    for path in paths:
        for item in mapping.triples_maps:
            own = item.source.source
            if own is None or len(files) == 1 or Path(own).name == Path(path).name:
                maps.append(replace(item, source=replace(_in_folder(item.source, folder), source=path)))
    used = {item.source.source for item in maps}
    left = [path for path in paths if path not in used]
    if left:
        raise MappingError(
            f"no triples map reads {Path(left[0]).name}",
            source=mapping.document,
            expected="a file named as one of: " + ", ".join(sorted(Path(each or "").name for each in files)),
        )
    return replace(mapping, triples_maps=tuple(maps))


def _in_folder(item: LogicalSource, folder: Path) -> LogicalSource:
    """A source whose relative paths start at a folder."""
    options = tuple((name, _located(value, folder) if name == "zones" else value) for name, value in item.options)
    view = item.view
    if view is not None:
        joins = tuple(replace(each, parent=_in_folder(each.parent, folder)) for each in view.joins)
        view = replace(view, on=_in_folder(view.on, folder), joins=joins)
    return replace(item, source=_located(item.source or "", folder), options=options, view=view)


def _located(path: str, folder: Path) -> str:
    system, colon, rest = path.partition(":")
    if system in ("sqlite", "duckdb") and colon and not rest.startswith("//"):
        return f"{system}:{folder / rest}"
    return path if "://" in path else str(folder / path)


@contextmanager
def named_in(mapping: Mapping, source: LogicalSource) -> Iterator[None]:
    """Errors about a source say which document and triples map read it."""
    reader = next((each.name for each in mapping.triples_maps if each.source == source), None)
    try:
        yield
    except RowError:
        raise
    except MappingError as error:
        if error.triples_map is not None or mapping.document is None:
            raise
        raise MappingError(
            f"{error.source}: {error.found}" if error.source else error.found,
            source=mapping.document,
            triples_map=reader,
            node="logicalSource",
            expected=error.expected,
            fix=error.fix,
        ) from error
    except SourceError as error:
        if mapping.document is None:
            raise
        raise SourceError(
            f"{error.found}, read by triples map {reader} of {mapping.document}",
            source=error.source,
            layer=error.layer,
            expected=error.expected,
            fix=error.fix,
        ) from error


def open_rows(
    source: LogicalSource,
    settings: RasterSettings | None = None,
    *,
    source_crs: str | None = None,
    references: Sequence[str] = (),
) -> Rows:
    """The table of a logical source whose path is known.

    Args:
        source: The source.
        settings: How rasters are summarised.
        source_crs: System of a source that does not say its own.
        references: What the mapping refers to; needed where columns are expressions (JSON, XML).

    Raises:
        SourceError: The file cannot be read, or has no such layer.
        UnsupportedError: The reference formulation does not fit the file.
        MappingError: An option of the source does not fit its columns.
    """
    unpivot, derive = source.option("unpivot"), source.option("derive")
    rows = _open(source, settings, source_crs, references)
    if unpivot is None and derive is None:
        return rows
    from semcube.mapping.views import view

    return view(rows, unpivot, derive)


def _open(
    source: LogicalSource, settings: RasterSettings | None, source_crs: str | None, references: Sequence[str]
) -> Rows:
    if source.source is None:
        raise SourceError("the source has no path")
    from semcube.mapping.databases import is_database, open_database

    if source.view is not None:
        from semcube.mapping.logical_views import ViewRows

        on = replace(source.view.on, source=source.source)
        return ViewRows(replace(source.view, on=on), source.source)
    if source.formulation in (Formulation.TABLE, Formulation.QUERY) or is_database(source.source):
        return open_database(source)
    if "://" in source.source and not is_remote(source.source):
        raise UnsupportedError(f"source {source.source}", expected="a path, or a URL that can be fetched")
    if source.formulation is Formulation.RASTER and source.iterator == "series":
        from semcube.mapping.series import SeriesRows

        return SeriesRows(Path(source.source))
    if source.formulation is Formulation.RASTER:
        from semcube.mapping.raster import open_raster_rows

        return open_raster_rows(source, settings)
    if source.formulation is Formulation.STAC:
        from semcube.mapping.stac import StacRows

        return StacRows(source.source, source.iterator)
    if source.formulation is Formulation.VECTOR:
        return _vector_rows(source, source_crs)
    if source.formulation is Formulation.LAYER:
        from semcube.mapping.layer_description import LayerRows

        return LayerRows(_vector_rows(source, source_crs).vector.info)
    return _document_rows(source, references)


def _document_rows(source: LogicalSource, references: Sequence[str]) -> Rows:
    """Text columns, records, elements or solutions."""
    if Path(source.source or "").suffix.lower() in _WORKBOOKS:
        return _vector_rows(source, None)
    from semcube.io.archives import PlainFile
    from semcube.mapping.documents import JSONRows, SPARQLRows, XMLRows
    from semcube.mapping.rows import CSVRows

    path = Path(source.source or "")
    compression, encoding = source.option("compression"), source.option("encoding")
    plain = PlainFile(path, compression, encoding)
    rows: CSVRows | JSONRows | XMLRows | SPARQLRows
    if source.formulation is Formulation.CSV:
        nulls = source.all_options("null") or (() if source.option("nulls") == "none" else None)
        rows = CSVRows(plain.path, source.option("delimiter"), nulls=nulls)
    elif source.formulation is Formulation.JSON:
        rows = JSONRows(plain.path, source.iterator, references)
    elif source.formulation is Formulation.XML:
        namespaces = dict(each.partition("=")[::2] for each in source.all_options("namespace"))
        rows = XMLRows(plain.path, source.iterator, references, namespaces)
    else:
        rows = SPARQLRows(plain.path, source.iterator)
    rows.keep(plain, url_of(path) or str(path))
    return rows


def _vector_rows(source: LogicalSource, source_crs: str | None) -> VectorRows:
    """Features of a layer."""
    from semcube.io import layers, open_vector
    from semcube.mapping.rows import VectorRows

    path = Path(source.source or "")
    crs = source.option("crs")
    layer = source.iterator
    if layer is not None and (is_remote(path) or path.exists()):
        # A mapping made for one file serves another of the same shape, whose only layer is named after the file.
        names = layers(path)
        layer = names[0] if layer not in names and len(names) == 1 else layer
    vector = open_vector(path, layer)
    if vector.info.crs is None and (crs or source_crs):
        vector = open_vector(path, layer, crs=crs or source_crs)
    return VectorRows(vector)
