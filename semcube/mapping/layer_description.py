# SPDX-License-Identifier: Apache-2.0
"""A vector layer as a dataset of DCAT: a table of one row about it, and the rules that describe it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from semcube.io.remote import url_of
from semcube.mapping.build import constant, literal, predicate, rule
from semcube.mapping.model import (
    FID,
    GEOMETRY,
    Formulation,
    LogicalSource,
    Reference,
    TermMap,
    TermType,
    TriplesMap,
)
from semcube.mapping.rows import Selection
from semcube.vocab import DCAT, DCTERMS, GEO, SEMCUBE, WKT_LITERAL, XSD_INTEGER

if TYPE_CHECKING:
    from semcube.io import LayerInfo

__all__ = ["LayerRows", "description_maps"]

_TEXTS = ("title", "file", "format", "crs_iri", "url")
_NUMBERS = ("features", "bytes")


class LayerRows:
    """One row about a layer; what the file does not say without being read is null.

    Example:
        >>> import tempfile
        >>> from semcube.io import open_vector
        >>> path = Path(tempfile.mkdtemp()) / "towns.csv"
        >>> _ = path.write_text("id,lon,lat\\n7,9.99,48.40\\n")
        >>> rows = LayerRows(open_vector(path).info)
        >>> next(rows.batches([], Selection(), 1024)).to_pylist()[0]["features"]
        1
    """

    geometry_optional = True
    is_open = False
    describes = True
    notes: tuple[str, ...] = ()

    def __init__(self, info: LayerInfo) -> None:
        self.info = info
        self.source = info.source
        self.layer: str | None = f"{info.layer}, described"
        self.crs = info.crs
        self.geometry_column: str | None = "extent" if info.extent is not None and info.crs is not None else None

    @property
    def schema(self) -> pa.Schema:
        """Texts, numbers and the extent."""
        fields = [pa.field(FID, pa.int64()), *(pa.field(name, pa.large_string()) for name in _TEXTS)]
        fields += [pa.field(name, pa.int64()) for name in _NUMBERS]
        return pa.schema([*fields, *([pa.field("extent", pa.large_binary())] if self.geometry_column else [])])

    def batches(self, columns: Sequence[str], selection: Selection, batch_bytes: int) -> Iterator[pa.RecordBatch]:
        """The row; conditions are for features, not for it."""
        import shapely

        from semcube.geometry import crs

        info = self.info
        url = url_of(info.source)
        path = Path(info.source)
        row = {
            FID: 0,
            "title": info.layer,
            "file": url.rpartition("/")[2] if url else path.name,
            "format": info.metadata.get("format") or info.metadata.get("driver"),
            "crs_iri": None if info.crs is None else crs(info.crs).iri,
            "url": url,
            "features": info.features,
            "bytes": path.stat().st_size if path.is_file() else None,
        }
        if self.geometry_column and info.extent is not None:
            row["extent"] = shapely.to_wkb(shapely.box(*info.extent))
        yield pa.RecordBatch.from_pylist([row], self.schema)


def description_maps(source: LogicalSource, iri: str, name: str, info: LayerInfo) -> list[TriplesMap]:
    """Triples maps that describe a layer.

    Args:
        source: The layer.
        iri: The IRI of the dataset.
        name: Start of the names of the triples maps.
        info: What is known of the layer.
    """
    about = LogicalSource(source.source, Formulation.LAYER, source.iterator, source.options)
    extent, file = constant(iri + "/extent"), constant(iri + "/distribution")
    spatial = [predicate(DCTERMS + "spatial", extent)] if LayerRows(info).geometry_column else []
    maps = [
        rule(
            f"{name}-dataset", about, constant(iri), (DCAT + "Dataset", GEO + "SpatialObjectCollection"),
            predicate(DCTERMS + "title", literal("title")),
            predicate(DCTERMS + "conformsTo", _iri("crs_iri"), comment="the coordinate reference system"),
            predicate(SEMCUBE + "featureCount", literal("features", XSD_INTEGER)),
            predicate(DCAT + "distribution", file),
            *spatial,
        ),
        rule(
            f"{name}-distribution", about, file, (DCAT + "Distribution",),
            predicate(DCTERMS + "title", literal("file")),
            predicate(DCTERMS + "format", literal("format")),
            predicate(DCAT + "byteSize", literal("bytes", XSD_INTEGER)),
            predicate(DCAT + "downloadURL", _iri("url")),
        ),
    ]  # fmt: skip
    if spatial:
        box = predicate(DCAT + "bbox", literal(GEOMETRY, WKT_LITERAL))
        maps.append(rule(f"{name}-extent", about, extent, (DCTERMS + "Location",), box))
    return maps


def _iri(column: str) -> TermMap:
    return TermMap(Reference(column), TermType.IRI, node="objectMap")
