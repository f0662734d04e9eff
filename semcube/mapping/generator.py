# SPDX-License-Identifier: Apache-2.0
"""A mapping for any file, by rules that a person would use, and the ontology of its terms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from semcube.errors import SourceError, UsageError
from semcube.io.remote import url_of
from semcube.mapping.build import iri_of, literal, predicate, rule, same
from semcube.mapping.iri import local_name
from semcube.mapping.keys import Key, choose_key
from semcube.mapping.layer_description import description_maps
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
from semcube.mapping.stac import asset_path, is_stac, stac_maps
from semcube.vocab import GEO, PREFIXES, RDF_LANG_STRING, RDF_TYPE, RDFS, SF, SKOS, WKT_LITERAL

if TYPE_CHECKING:
    import pyarrow as pa

    from semcube.io import LayerInfo
    from semcube.mapping.raster import RasterSettings

__all__ = ["Generated", "GeneratorRules", "generate"]

_LANGUAGE_COLUMN = re.compile(r"name_([a-z]{2})", re.IGNORECASE)
_LANGUAGES = (
    "ar az be bg bn bs ca cs cy da de el en es et eu fa fi fr ga gl he hi hr hu hy is it ja ka kk ko ky lb lt lv mk mn "
    "ms mt nb nl nn no pl pt ro ru rw se sk sl so sq sr sv sw ta tg th tk tr uk ur uz vi zh"
)
"""Codes of ISO 639-1 that columns are called by, without those that are units or other words (ha, km, id)."""
_LABEL_COLUMNS = ("label", "name", "title", "nom", "naam", "nombre", "nome", "nimi", "name_en", "name_long", "name_1")


@dataclass(frozen=True)
class Generated:
    """What :func:`generate` makes."""

    mapping: Mapping
    ontology: Ontology
    keys: dict[LogicalSource, Key] = field(default_factory=dict)
    """Source -> what its subject IRIs are made of."""


@dataclass(frozen=True)
class GeneratorRules:
    """What a user may ask of :func:`generate` beside its own rules."""

    language_columns: bool = False
    """Columns such as ``title_de`` become one property with texts in languages."""
    code_lists: tuple[str, ...] = ()
    """``COLUMN=FILE``: the values of the column are codes of that table, which becomes SKOS."""
    probabilities: str | None = None
    """Regular expression for columns of probabilities; its first group is the class."""
    describe: bool = True
    """Describe each vector layer as a dataset of DCAT."""
    suggest: bool = False
    """Look for columns that hold keys of other layers and for extents that overlap; said in comments."""


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
    probabilities: dict[str, str] = field(default_factory=dict)
    """Column of probabilities -> class."""
    links: dict[str, str] = field(default_factory=dict)
    """Column -> object map that would link it to another layer."""
    notes: tuple[str, ...] = ()
    """Further comments."""
    info: LayerInfo | None = None
    """What the reader says of it."""


def generate(
    inputs: Sequence[str | Path] | str | Path,
    base: str = "https://example.org/",
    *,
    layer: str | None = None,
    key: str | None = None,
    source_crs: str | None = None,
    raster: RasterSettings | None = None,
    rules: GeneratorRules | None = None,
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
        raster: How rasters are summarised, and the model that made them or a table of predictions.
        rules: Languages, code lists, predictions, suggestions.

    Raises:
        SourceError: An input cannot be read, or has no layer or column of the given name.
        UsageError: A rule fits nothing.

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
    items = [path for path in paths if is_stac(path)]
    assets = {path: asset_path(path, layer) for path in items} if layer is not None else {}
    rasters = [path for path in paths if is_raster(path)] + [Path(each) for each in assets.values() if each is not None]
    vectors = [path for path in paths if not is_raster(path) and path not in items]
    found = [each for path in vectors for each in _layers(path, layer, key, source_crs)]
    zones = _zone_layer(raster, source_crs) if rasters else None
    # The zones of a raster are features like any others, so that observations have something to point at.
    described = _distinct([*found, *((zones,) if zones else ())])
    rules = rules or GeneratorRules()
    described = _ruled(described, base, rules)
    model = raster.model if raster is not None else ()
    terms = _Terms(base, rules)
    maps = [each for item in described for each in _triples_maps(item, base, terms, rules, model)]
    maps += [each for codes in dict.fromkeys(terms.codes.values()) for each in codes.maps()]
    maps += [each for path in items for each in stac_maps(path, base)]
    prefixes = {name: PREFIXES[name] for name in ("geo", "sf", "rdf", "rdfs", "xsd", "rml", "semcube")}
    prefixes |= {name: PREFIXES[name] for name in ("dcat", "dcterms") if items or (rules.describe and described)}
    if terms.codes or rules.probabilities:
        prefixes |= {name: PREFIXES[name] for name in ("dcterms", "prov", "schema", "skos", "sosa")}
    taken = {item.segment for item in described}
    for path in rasters:
        from semcube.mapping.raster import RasterSettings
        from semcube.mapping.raster_generator import raster_maps

        settings = replace(raster or RasterSettings(), source_crs=source_crs)
        segment = described[-1].segment if zones else None
        variable = None if str(path) in assets.values() else layer
        maps += raster_maps(path, base, variable=variable, settings=settings, zone_segment=segment, taken=taken)
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
                source=LogicalSource(url_of(path) or str(path), Formulation.VECTOR, name, options),
                name=name,
                segment=local_name(name, len(found) + 1),
                fields=info.fields,
                key=choose_key(vector, key),
                has_geometry=info.geometry_column is not None,
                comments=info.field_comments,
                labels=renamed,
                info=info,
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

    def __init__(self, base: str, rules: GeneratorRules) -> None:
        from semcube.mapping.code_lists import read_code_lists

        self.codes = read_code_lists(rules.code_lists, base)
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

    def coded(self, item: _Layer, column: str, local: str) -> PredicateObjectMap:
        """The property of a column of codes: it points to concepts."""
        iri = self.property(item, column, local, SKOS + "Concept")
        self.properties[iri] = replace(self.properties[iri], is_object=True)
        return predicate(iri, self.codes[column].concept(column), comment=item.comments.get(column, ""))

    def ontology(self) -> Ontology:
        return Ontology(self.namespace, tuple(self.classes.values()), tuple(self.properties.values()))


def _ruled(layers: list[_Layer], base: str, rules: GeneratorRules) -> list[_Layer]:
    """Layers with what the user's rules say of them."""
    if rules.probabilities is not None:
        from semcube.mapping.predictions import probability_columns

        pattern = rules.probabilities
        layers = [replace(item, probabilities=probability_columns(item.fields.names, pattern)) for item in layers]
        if not any(item.probabilities for item in layers):
            names = ", ".join(name for item in layers for name in item.fields.names)
            raise UsageError(f"--probabilities {pattern!r} fits no column", expected=f"some of: {names}")
    columns = {name for item in layers for name in item.fields.names}
    for column in (each.partition("=")[0] for each in rules.code_lists if "=" in each):
        if column not in columns:
            raise UsageError(f"--code-list: no column {column!r}", expected="one of: " + ", ".join(sorted(columns)))
    return _suggested(layers, base) if rules.suggest and len(layers) > 1 else layers


def _suggested(layers: list[_Layer], base: str) -> list[_Layer]:
    from semcube.io import open_vector
    from semcube.mapping.suggestions import Candidate, foreign_keys, overlaps

    candidates = [
        Candidate(
            open_vector(item.source.source or "", item.name, crs=item.source.option("crs")),
            item.segment,
            item.key.column,
        )
        for item in layers
    ]
    keys, pairs = foreign_keys(candidates), overlaps(candidates)
    made = []
    for item in layers:
        links = {
            column: _link(column, other, base, next(each.key for each in candidates if each.segment == other[0]))
            for (layer, column), other in keys.items()
            if layer == item.segment
        }
        near = [other if one == item.segment else one for one, other in pairs if item.segment in (one, other)]
        notes = tuple(
            f"spatial join: its extent overlaps that of {each}; semcube interlink finds the links" for each in near
        )
        made.append(replace(item, links=links, notes=notes))
    return made


def _link(column: str, other: tuple[str, str], base: str, key: str) -> str:
    """The object map of a link: a template on the other layer's key, or a join."""
    layer, name = other
    if name == key:
        return f'rml:objectMap [ rml:template "{iri_of(f"{base}{layer}/", Reference(column)).value}" ]'
    join = f'rml:joinCondition [ rml:child "{column}" ; rml:parent "{name}" ]'
    return f"rml:objectMap [ rml:parentTriplesMap <#{layer}> ; {join} ]"


def _triples_maps(
    item: _Layer, base: str, terms: _Terms, rules: GeneratorRules, model: tuple[str, ...]
) -> list[TriplesMap]:
    start = f"{base}{item.segment}/"
    feature = iri_of(start, Reference(item.key.column))
    geometry = iri_of(start, Reference(item.key.column), "/", Reference(GEOMETRY_NODE))
    classes = (terms.layer_class(item), *((GEO + "Feature",) if item.has_geometry else ()))
    items = _labels(item.fields) + _attributes(item, terms, rules)
    if item.has_geometry:
        both = (GEO + "hasGeometry", GEO + "hasDefaultGeometry")
        items.append(same(both, geometry, comment="only where the row has a geometry"))
    comment = "\n".join((item.key.reason, *item.notes))
    maps = [replace(rule(f"#{item.segment}", item.source, feature, classes, *items), comment=comment)]
    if item.has_geometry:
        kind = predicate(RDF_TYPE, iri_of(SF, Reference(GEOMETRY_TYPE)), comment="the class of each row's own geometry")
        wkt = predicate(GEO + "asWKT", literal(GEOMETRY, WKT_LITERAL))
        maps.append(rule(f"#{item.segment}-geometry", item.source, geometry, (GEO + "Geometry",), kind, wkt))
    if rules.describe and item.info is not None:
        maps += description_maps(item.source, start.rstrip("/"), f"#{item.segment}", item.info)
    return maps + _predictions(item, start, rules, model)


def _predictions(item: _Layer, start: str, rules: GeneratorRules, model: tuple[str, ...]) -> list[TriplesMap]:
    """Observations of a table with probabilities, and the run of the model that made it."""
    if rules.probabilities is None or not item.probabilities:
        return []
    from semcube.mapping.predictions import prediction_maps
    from semcube.mapping.provenance import provenance_rules, read_model

    made = prediction_maps(
        item.source, start, item.key.column, rules.probabilities, item.probabilities, has_model=bool(model)
    )
    facts = read_model(model, start + "run", start + "model") if model else []
    return made + provenance_rules(f"#{item.segment}-model", item.source, facts)


def _labels(fields: pa.Schema) -> list[PredicateObjectMap]:
    """``rdfs:label`` of the first name-like column, and of each ``name_xx`` in its language."""
    texts = {each.name.lower(): each.name for each in reversed(list(fields)) if kind_of(each.type) is Kind.STRING}
    found = [literal(texts[name]) for name in _LABEL_COLUMNS if name in texts][:1]
    for each in fields:
        match = _LANGUAGE_COLUMN.fullmatch(each.name)
        if match and kind_of(each.type) is Kind.STRING:
            found.append(replace(literal(each.name), language=match[1].lower()))
    return [predicate(RDFS + "label", each) for each in found]


def _attributes(item: _Layer, terms: _Terms, rules: GeneratorRules) -> list[PredicateObjectMap]:
    made: list[PredicateObjectMap] = []
    taken: set[str] = set()
    for position, each in enumerate(item.fields, 1):
        if each.name in item.probabilities:
            continue
        shown = item.labels.get(each.name, each.name)
        language = _language(shown) if rules.language_columns and kind_of(each.type) is Kind.STRING else None
        if language is not None:
            stem, tag = language
            iri = terms.property(item, each.name, local_name(stem, position), RDF_LANG_STRING)
            terms.properties[iri] = replace(terms.properties[iri], label=stem)
            made.append(predicate(iri, replace(literal(each.name), language=tag)))
            continue
        local = local_name(shown, position)
        if local in taken:
            local = f"{local}_{position}"
        taken.add(local)
        if each.name in terms.codes:
            made.append(terms.coded(item, each.name, local))
            continue
        datatype = natural_datatype(kind_of(each.type))
        iri = terms.property(item, each.name, local, datatype)
        comment = [item.comments.get(each.name, "")]
        if each.name in item.links:
            comment.append(f"every value is in another layer: for a link, {item.links[each.name]}")
        made.append(predicate(iri, literal(each.name, datatype), comment="\n".join(filter(None, comment))))
    return made


def _language(name: str) -> tuple[str, str] | None:
    """What a column holds and in which language (ISO 639-1).

    Example:
        >>> _language("title_DE"), _language("area_ha"), _language("site_id")
        (('title', 'de'), None, None)
    """
    match = re.fullmatch(r"(.+)_([A-Za-z]{2})", name)
    tag = match[2].lower() if match else ""
    return (match[1], tag) if match and tag in _LANGUAGES.split() else None
