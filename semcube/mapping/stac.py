# SPDX-License-Identifier: Apache-2.0
"""STAC items and collections (https://stacspec.org, 1.0 and 1.1) as tables, and their mapping to DCAT.

Tables: ``items`` and ``collections``, one row each, with the properties as columns ``properties.NAME``; ``assets`` and
``keywords``, one row for each of all items and collections. Addresses are made absolute.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pyarrow as pa

from semcube.errors import SourceError
from semcube.io.remote import url_of
from semcube.io.streams import source_file
from semcube.mapping.build import iri_of, literal, predicate, rule, same
from semcube.mapping.documents import DocumentRows, flat_record, record_column
from semcube.mapping.iri import local_name
from semcube.mapping.model import (
    GEOMETRY,
    GEOMETRY_NODE,
    GEOMETRY_TYPE,
    Formulation,
    LogicalSource,
    PredicateObjectMap,
    Reference,
    TermMap,
    TermType,
    TriplesMap,
)
from semcube.mapping.natural import kind_of, natural_datatype
from semcube.vocab import CRS84, DCAT, DCTERMS, GEO, RDF_TYPE, SEMCUBE, SF, WKT_LITERAL, XSD_DATETIME

__all__ = ["TABLES", "StacRows", "asset_path", "is_stac", "stac_maps"]

TABLES = ("items", "collections", "assets", "keywords")
_HEAD = 65536
_RASTERS = ("image/tiff", "image/jp2", "application/x-netcdf", "application/netcdf", "application/vnd+zarr")


def is_stac(path: str | Path) -> bool:
    """Whether a file is a STAC item, collection or item collection, by its beginning.

    Raises:
        SourceError: There is no such file.
    """
    if not str(path).lower().endswith((".json", ".geojson")):
        return False
    with source_file(path).open("rb") as file:
        return b'"stac_version"' in file.read(_HEAD)


def _records(path: str | Path) -> list[dict[str, Any]]:
    """The items and collections of a document."""
    try:
        document = json.loads(source_file(path).read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise SourceError(f"not JSON: {error}", source=path, expected="a STAC document") from None
    found = document.get("features", document.get("collections")) if isinstance(document, dict) else None
    records = [document] if found is None else found
    if not isinstance(records, list) or not all(isinstance(each, dict) and "id" in each for each in records):
        raise SourceError("records without id", source=path, expected="STAC items or collections")
    return records


def _is_item(record: dict[str, Any]) -> bool:
    return record.get("type") == "Feature"


def _absolute(path: str | Path, href: str) -> str:
    """An address from where the document is."""
    if "://" in href:
        return href
    url = url_of(path)
    return urljoin(url, href) if url else (Path(path).resolve().parent / href).resolve().as_uri()


def asset_path(path: str | Path, key: str) -> str | None:
    """Path or URL of the asset of a document with one item; None if it has none of this name that is a raster."""
    records = _records(path)
    asset = records[0].get("assets", {}).get(key) if len(records) == 1 else None
    if asset is None or not str(asset.get("type", "image/tiff")).startswith(_RASTERS):
        return None
    href = str(asset.get("href", ""))
    return href if "://" in href else str(Path(path).parent / href) if url_of(path) is None else _absolute(path, href)


class StacRows(DocumentRows):
    """A table of a STAC document.

    Raises:
        SourceError: The file is no STAC document, or there is no such table.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "item.json"
        >>> _ = path.write_text('{"type": "Feature", "stac_version": "1.0.0", "id": "a", "geometry": null}')
        >>> StacRows(path, "items").schema.names[:3]
        ['fid', 'id', 'collection']
    """

    def __init__(self, path: str | Path, name: str | None) -> None:
        if name not in TABLES:
            raise SourceError(f"no table {name!r}", source=path, expected="iterator " + ", ".join(TABLES))
        records = _records(path)
        makers = {"assets": _asset_rows, "keywords": _keyword_rows}
        if name in makers:
            rows = [row for record in records for row in makers[name](path, record)]
        else:
            rows = [_row(record) for record in records if _is_item(record) is (name == "items")]
        columns = {key: record_column([row.get(key) for row in rows]) for row in rows for key in row}
        columns |= {key: pa.nulls(len(rows), pa.large_string()) for key in _ALWAYS[name] if key not in columns}
        ordered = {key: columns[key] for key in (*_ALWAYS[name], *columns)}
        if "geometry" in ordered:
            ordered["geometry"] = ordered["geometry"].cast(pa.large_binary())
            self.geometry_column, self.crs = "geometry", CRS84
        super().__init__(source_file(path), name, pa.table(ordered))
        self.source = url_of(path) or str(path)
        self.is_open = not rows


_ALWAYS = {
    "items": ("id", "collection", "title", "description", "license", "start", "end", "period", "geometry"),
    "collections": ("id", "title", "description", "license", "start", "end", "period", "geometry"),
    "assets": ("id", "record", "key", "href", "type", "title", "description", "roles"),
    "keywords": ("id", "record", "keyword"),
}


def _row(record: dict[str, Any]) -> dict[str, Any]:
    """An item or collection."""
    properties = record.get("properties") or {}
    row = {
        name: record.get(name, properties.get(name)) for name in ("id", "collection", "title", "description", "license")
    }
    start, end = _interval(record, properties)
    row |= {"start": start, "end": end, "period": "period" if start or end else None, "geometry": _shape(record)}
    used = ("title", "description", "license", "datetime", "start_datetime", "end_datetime")
    plain = {name: value for name, value in properties.items() if name not in used}
    return row | {f"properties.{name}": _simple(value) for name, value in flat_record(plain).items()}


def _simple(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _interval(record: dict[str, Any], properties: dict[str, Any]) -> tuple[str | None, str | None]:
    if not _is_item(record):
        intervals = ((record.get("extent") or {}).get("temporal") or {}).get("interval") or [[None, None]]
        return intervals[0][0], intervals[0][1]
    moment = properties.get("datetime")
    return properties.get("start_datetime") or moment, properties.get("end_datetime") or moment


def _shape(record: dict[str, Any]) -> bytes | None:
    """The footprint of an item, the box of a collection."""
    import shapely

    if record.get("geometry"):
        shape = shapely.from_geojson(json.dumps(record["geometry"]), on_invalid="ignore")
        return None if shape is None else bytes(shapely.to_wkb(shape, flavor="iso"))
    boxes = ((record.get("extent") or {}).get("spatial") or {}).get("bbox") or []
    box = record.get("bbox") or (boxes[0] if boxes else None)
    if not box:
        return None
    half = len(box) // 2
    return bytes(shapely.to_wkb(shapely.box(box[0], box[1], box[half], box[half + 1]), flavor="iso"))


def _asset_rows(path: str | Path, record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key, asset in (record.get("assets") or {}).items():
        row = {name: asset.get(name) for name in ("type", "title", "description")}
        roles = " ".join(asset.get("roles") or []) or None
        yield (
            {"id": record["id"], "record": _kind(record), "key": key}
            | row
            | {
                "href": _absolute(path, str(asset.get("href", ""))),
                "roles": roles,
            }
        )


def _keyword_rows(path: str | Path, record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for word in record.get("keywords") or (record.get("properties") or {}).get("keywords") or []:
        yield {"id": record["id"], "record": _kind(record), "keyword": str(word)}


def _kind(record: dict[str, Any]) -> str:
    return "item" if _is_item(record) else "collection"


def stac_maps(path: str | Path, base: str) -> list[TriplesMap]:
    """Triples maps of a document: datasets and catalogues of DCAT, with footprints, times and distributions.

    Args:
        path: The document, or its URL.
        base: Base of IRIs, ending in ``/`` or ``#``.

    Raises:
        SourceError: The document is no STAC.
    """
    name = url_of(path) or str(path)
    stem = local_name(Path(name).name.rpartition(".")[0], 1)
    kinds = {_kind(record) for record in _records(path)}
    maps = [each for kind in ("item", "collection") if kind in kinds for each in _record_maps(name, stem, base, kind)]
    for table in ("assets", "keywords"):
        if StacRows(path, table).is_open:
            continue
        source = LogicalSource(name, Formulation.STAC, table)
        record = iri_of(base, Reference("record"), "/", Reference("id"))
        asset = iri_of(base, Reference("record"), "/", Reference("id"), "/asset/", Reference("key"))
        if table == "keywords":
            maps.append(rule(f"#{stem}-keywords", source, record, (), predicate(DCAT + "keyword", literal("keyword"))))
            continue
        maps.append(rule(f"#{stem}-distributions", source, record, (), predicate(DCAT + "distribution", asset)))
        maps.append(
            rule(
                f"#{stem}-assets", source, asset, (DCAT + "Distribution",),
                predicate(DCTERMS + "identifier", literal("key")),
                predicate(DCTERMS + "title", literal("title")),
                predicate(DCTERMS + "description", literal("description")),
                predicate(DCAT + "downloadURL", TermMap(Reference("href"), TermType.IRI, node="objectMap")),
                predicate(DCTERMS + "format", literal("type"), comment="the media type"),
                predicate(SEMCUBE + "role", literal("roles")),
            )
        )  # fmt: skip
    return maps


def _record_maps(name: str, stem: str, base: str, kind: str) -> list[TriplesMap]:
    rows = StacRows(name, kind + "s")
    source = LogicalSource(name, Formulation.STAC, kind + "s")
    start = f"{base}{kind}/"
    subject = iri_of(start, Reference("id"))
    geometry = iri_of(start, Reference("id"), "/", Reference(GEOMETRY_NODE))
    period = iri_of(start, Reference("id"), "/", Reference("period"))
    items: list[PredicateObjectMap] = [
        predicate(DCTERMS + "identifier", literal("id")),
        predicate(DCTERMS + "title", literal("title")),
        predicate(DCTERMS + "description", literal("description")),
        predicate(DCTERMS + "license", literal("license")),
        predicate(DCTERMS + "temporal", period),
        same((GEO + "hasGeometry", GEO + "hasDefaultGeometry"), geometry),
    ]
    if kind == "item":
        part = iri_of(f"{base}collection/", Reference("collection"))
        items.append(predicate(DCTERMS + "isPartOf", part))
    for position, each in enumerate(rows.schema, 1):
        if each.name.startswith("properties."):
            iri = f"{base}ontology#{local_name(each.name.removeprefix('properties.').replace(':', '_'), position)}"
            items.append(predicate(iri, literal(each.name, natural_datatype(kind_of(each.type)))))
    classes = (DCAT + ("Dataset" if kind == "item" else "Catalog"), GEO + "Feature")
    return [
        rule(f"#{stem}-{kind}s", source, subject, classes, *items),
        rule(
            f"#{stem}-{kind}s-period", source, period, (DCTERMS + "PeriodOfTime",),
            predicate(DCAT + "startDate", literal("start", XSD_DATETIME)),
            predicate(DCAT + "endDate", literal("end", XSD_DATETIME)),
        ),
        rule(
            f"#{stem}-{kind}s-geometry", source, geometry, (GEO + "Geometry",),
            predicate(RDF_TYPE, iri_of(SF, Reference(GEOMETRY_TYPE))),
            predicate(GEO + "asWKT", literal(GEOMETRY, WKT_LITERAL)),
        ),
    ]  # fmt: skip
