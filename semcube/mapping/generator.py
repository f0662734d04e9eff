# SPDX-License-Identifier: Apache-2.0
"""A mapping for any file, by rules that a person would use, and the ontology of its terms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from semcube.errors import SourceError, UsageError
from semcube.mapping.build import iri_of, literal, predicate, rule, same
from semcube.mapping.iri import local_name
from semcube.mapping.keys import Key, choose_key
from semcube.mapping.model import (
    GEOMETRY,
    GEOMETRY_NODE,
    GEOMETRY_TYPE,
    Formulation,
    LogicalSource,
    Mapping,
    PredicateObjectMap,
    Reference,
    TriplesMap,
)
from semcube.mapping.natural import Kind, kind_of, natural_datatype
from semcube.mapping.ontology import Ontology, Property, Term
from semcube.mapping.sources import is_raster
from semcube.vocab import GEO, PREFIXES, RDF_TYPE, RDFS, SF, WKT_LITERAL

if TYPE_CHECKING:
    import pyarrow as pa

    from semcube.mapping.raster import RasterSettings

__all__ = ["Generated", "generate"]

_LANGUAGE_COLUMN = re.compile(r"name_([a-z]{2})", re.IGNORECASE)
_LABEL_COLUMNS = ("label", "name", "title", "nom", "naam", "nombre", "nome", "nimi", "name_en", "name_long", "name_1")


@dataclass(frozen=True)
class Generated:
    """What :func:`generate` makes."""

    mapping: Mapping
    ontology: Ontology
    keys: dict[LogicalSource, Key] = field(default_factory=dict)
    """Source -> what its subject IRIs are made of."""


@dataclass(frozen=True)
class _Layer:
    """What the rules need to know of a layer."""

    source: LogicalSource
    name: str
    segment: str
    """Its name in IRIs."""
    fields: pa.Schema
    key: Key
    has_geometry: bool
    comments: dict[str, str]
    labels: dict[str, str]
    """Column -> its name in the file, where the reader had to rename it."""


def generate(
    inputs: Sequence[str | Path] | str | Path,
    base: str = "https://example.org/",
    *,
    layer: str | None = None,
    key: str | None = None,
    source_crs: str | None = None,
    raster: RasterSettings | None = None,
) -> Generated:
    """A mapping and an ontology for files.

    A layer becomes a class, a column a property, a feature ``<base>/<layer>/<key>``. The key is the primary key of the
    format, else a unique column with the name of an identifier, else the format's row id; never a counter of the run.
    A null gives no triple, empty text is kept. A feature with a geometry has ``geo:hasGeometry`` and
    ``geo:hasDefaultGeometry``; the geometry node has its Simple Features class and ``geo:asWKT``. Name-like columns
    are also ``rdfs:label``. Rasters become what :mod:`semcube.mapping.raster_generator` says.

    Args:
        inputs: Vector files, tables or rasters; all layers of each.
        base: Start of all IRIs made; ``/`` is added where it is missing.
        layer: Only this layer (of a raster: this variable).
        key: Column that identifies a feature, if the rules would choose another.
        source_crs: System of inputs that do not say theirs.
        raster: How rasters are summarised.

    Raises:
        SourceError: An input cannot be read, or has no layer or column of the given name.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "towns.csv"
        >>> _ = path.write_text("id,name,lon,lat\\n7,Ulm,9.99,48.40\\n")
        >>> made = generate(path, "http://example.org/")
        >>> str(made.mapping.triples_maps[0].subject.value)
        'http://example.org/towns/{id}'
    """
    if not re.match(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s<>\"{}|\\^`]*$", base):
        raise UsageError(f"base {base!r}", expected="an absolute IRI such as https://data.example.org/")
    base = base if base.endswith(("/", "#")) else base + "/"
    paths = [Path(each) for each in ([inputs] if isinstance(inputs, str | Path) else inputs)]
    rasters, vectors = [path for path in paths if is_raster(path)], [path for path in paths if not is_raster(path)]
    found = [each for path in vectors for each in _layers(path, layer, key, source_crs)]
    zones = _zone_layer(raster, source_crs) if rasters else None
    # The zones of a raster are features like any others, so that observations have something to point at.
    described = _distinct([*found, *((zones,) if zones else ())])
    terms = _Terms(base)
    maps = [each for item in described for each in _triples_maps(item, base, terms)]
    prefixes = {name: PREFIXES[name] for name in ("geo", "sf", "rdf", "rdfs", "xsd", "rml", "semcube")}
    taken = {item.segment for item in described}
    for path in rasters:
        from semcube.mapping.raster import RasterSettings
        from semcube.mapping.raster_generator import raster_maps

        settings = replace(raster or RasterSettings(), source_crs=source_crs)
        segment = described[-1].segment if zones else None
        maps += raster_maps(path, base, variable=layer, settings=settings, zone_segment=segment, taken=taken)
        more = ("sosa", "dcat", "dcterms", "skos", "qudt", "unit", "time", "prov")
        prefixes |= {name: PREFIXES[name] for name in more}
    mapping = Mapping(tuple(maps), None, tuple(sorted((prefixes | {"onto": terms.namespace}).items())))
    return Generated(mapping, terms.ontology(), {item.source: item.key for item in described})


def _zone_layer(raster: RasterSettings | None, source_crs: str | None) -> _Layer | None:
    if raster is None or raster.zones is None:
        return None
    from semcube.mapping.raster_zones import split_layer

    path, layer = split_layer(raster.zones)
    found = _layers(path, layer, None, source_crs)
    if len(found) != 1:
        names = ", ".join(item.name for item in found)
        raise SourceError(
            f"{len(found)} layers", source=path, expected="one", fix=f"name one with FILE:layer of {names}"
        )
    return found[0]


def _layers(path: Path, layer: str | None, key: str | None, source_crs: str | None) -> list[_Layer]:
    from semcube.io import layers, open_vector

    names = layers(path)
    found: list[_Layer] = []
    for name in names:
        if layer is not None and name != layer:
            continue
        vector = open_vector(path, name, crs=None)
        info = vector.info
        renamed = dict(line.split("=", 1) for line in info.metadata.get("renamed", "").splitlines() if "=" in line)
        options = (("crs", source_crs),) if source_crs and info.crs is None else ()
        found.append(
            _Layer(
                source=LogicalSource(str(path), Formulation.VECTOR, name, options),
                name=name,
                segment=local_name(name, len(found) + 1),
                fields=info.fields,
                key=choose_key(vector, key),
                has_geometry=info.geometry_column is not None,
                comments=info.field_comments,
                labels=renamed,
            )
        )
    if layer is not None and not found:
        raise SourceError(f"no layer {layer!r}", source=path, expected="one of: " + ", ".join(names))
    return found


def _distinct(layers: list[_Layer]) -> list[_Layer]:
    """Layers of one name from several files get the file's name in front, so that their features stay apart."""
    taken: dict[str, int] = {}
    for item in layers:
        taken[item.segment] = taken.get(item.segment, 0) + 1
    renamed = []
    for number, item in enumerate(layers, 1):
        stem = local_name(Path(item.source.source or "").name.split(".")[0], number)
        segment = item.segment if taken[item.segment] == 1 else f"{stem}_{item.segment}"
        renamed.append(replace(item, segment=segment))
    segments = [item.segment for item in renamed]
    for index, item in enumerate(renamed):
        if segments.count(item.segment) > 1:
            renamed[index] = replace(item, segment=f"{item.segment}_{index + 1}")
    return renamed


class _Terms:
    """The vocabulary that grows while layers are mapped."""

    def __init__(self, base: str) -> None:
        self.namespace = f"{base}ontology#" if not base.endswith("#") else base
        self.classes: dict[str, Term] = {}
        self.properties: dict[str, Property] = {}

    def layer_class(self, item: _Layer) -> str:
        iri = self.namespace + item.segment
        parents = (GEO + "Feature",) if item.has_geometry else ()
        self.classes[iri] = Term(
            iri, item.name, f"Layer {item.name} of {Path(item.source.source or '').name}.", parents
        )
        return iri

    def property(self, item: _Layer, column: str, local: str, datatype: str) -> str:
        # A class and a property of one name would be one resource.
        iri = self.namespace + local
        if iri in self.classes or local in ("Feature", "Geometry"):
            iri += "_value"
        label = item.labels.get(column, column)
        known = self.properties.get(iri, Property(iri, label, item.comments.get(column)))
        self.properties[iri] = known.used(self.namespace + item.segment, datatype)
        return iri

    def ontology(self) -> Ontology:
        return Ontology(self.namespace, tuple(self.classes.values()), tuple(self.properties.values()))


def _triples_maps(item: _Layer, base: str, terms: _Terms) -> list[TriplesMap]:
    start = f"{base}{item.segment}/"
    feature = iri_of(start, Reference(item.key.column))
    geometry = iri_of(start, Reference(item.key.column), "/", Reference(GEOMETRY_NODE))
    classes = (terms.layer_class(item), *((GEO + "Feature",) if item.has_geometry else ()))
    items = _labels(item.fields) + _attributes(item, terms)
    if item.has_geometry:
        both = (GEO + "hasGeometry", GEO + "hasDefaultGeometry")
        items.append(same(both, geometry, comment="only where the row has a geometry"))
    maps = [replace(rule(f"#{item.segment}", item.source, feature, classes, *items), comment=item.key.reason)]
    if item.has_geometry:
        kind = predicate(RDF_TYPE, iri_of(SF, Reference(GEOMETRY_TYPE)), comment="the class of each row's own geometry")
        wkt = predicate(GEO + "asWKT", literal(GEOMETRY, WKT_LITERAL))
        maps.append(rule(f"#{item.segment}-geometry", item.source, geometry, (GEO + "Geometry",), kind, wkt))
    return maps


def _labels(fields: pa.Schema) -> list[PredicateObjectMap]:
    """``rdfs:label`` of the first name-like column, and of each ``name_xx`` in its language."""
    texts = {each.name.lower(): each.name for each in reversed(list(fields)) if kind_of(each.type) is Kind.STRING}
    found = [literal(texts[name]) for name in _LABEL_COLUMNS if name in texts][:1]
    for each in fields:
        match = _LANGUAGE_COLUMN.fullmatch(each.name)
        if match and kind_of(each.type) is Kind.STRING:
            found.append(replace(literal(each.name), language=match[1].lower()))
    return [predicate(RDFS + "label", each) for each in found]


def _attributes(item: _Layer, terms: _Terms) -> list[PredicateObjectMap]:
    made: list[PredicateObjectMap] = []
    taken: set[str] = set()
    for position, each in enumerate(item.fields, 1):
        local = local_name(item.labels.get(each.name, each.name), position)
        if local in taken:
            local = f"{local}_{position}"
        taken.add(local)
        datatype = natural_datatype(kind_of(each.type))
        iri = terms.property(item, each.name, local, datatype)
        made.append(predicate(iri, literal(each.name, datatype), comment=item.comments.get(each.name, "")))
    return made
