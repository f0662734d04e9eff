# SPDX-License-Identifier: Apache-2.0
"""A mapping as data: what R2RML, RML (new and legacy) and the generator all become.

Names are those of R2RML (https://www.w3.org/TR/r2rml/) and RML-Core (https://w3id.org/rml/core/spec).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from semcube.errors import MappingError
from semcube.io.terms import IRI
from semcube.mapping.expressions import Constant, Reference, Template, parse_template
from semcube.vocab import RDF_TYPE, RML

__all__ = [
    "DEFAULT_GRAPH",
    "FID",
    "GEOMETRY",
    "GEOMETRY_NODE",
    "GEOMETRY_TYPE",
    "Constant",
    "Expression",
    "Field",
    "Formulation",
    "FunctionCall",
    "Gather",
    "Join",
    "LogicalSource",
    "LogicalTarget",
    "Mapping",
    "ParentSubject",
    "Pattern",
    "PredicateObjectMap",
    "RefObjectMap",
    "Reference",
    "Template",
    "TermMap",
    "TermType",
    "TriplesMap",
    "View",
    "ViewJoin",
    "graphs_of",
    "parse_template",
]

DEFAULT_GRAPH = RML + "defaultGraph"

FID = "fid"
"""Reference to the row id that the format keeps (never a counter of the run)."""
GEOMETRY = "geometry"
"""Reference to the geometry of a row; as a literal it is WKT in the system of the output."""
GEOMETRY_TYPE = "geometry.type"
"""Reference to the Simple Features name of a row's geometry, ``MultiPolygon``; null without a geometry."""
GEOMETRY_NODE = "geometry.node"
"""Reference to the word ``geometry``; null without a geometry. A geometry node exists only where a geometry does."""


class TermType(Enum):
    """What kind of RDF term a term map makes."""

    IRI = "IRI"
    URI = "URI"
    """An IRI of ASCII characters only."""
    UNSAFE_IRI = "UnsafeIRI"
    """An IRI whose references are not percent-encoded."""
    UNSAFE_URI = "UnsafeURI"
    BLANK = "BlankNode"
    LITERAL = "Literal"

    @property
    def is_iri(self) -> bool:
        """Whether terms of this type are IRIs."""
        return self not in (TermType.BLANK, TermType.LITERAL)

    @property
    def is_unsafe(self) -> bool:
        """Whether references go into IRIs as they are."""
        return self in (TermType.UNSAFE_IRI, TermType.UNSAFE_URI)


class Formulation(Enum):
    """How a source is read and what a reference means in it."""

    VECTOR = "Vector"
    """Features with typed attributes and one geometry; references are column names, the iterator is the layer."""
    RASTER = "Raster"
    """A derived table of a raster; the iterator names it: dataset, classes, regions, zones or cells."""
    CSV = "CSV"
    """Text columns without types (RML)."""
    JSON = "JSONPath"
    """Records of a JSON document; the iterator is a path such as ``$.items[*]``."""
    XML = "XPath"
    """Elements of an XML document; the iterator and the references are XPath 1.0 expressions."""
    TABLE = "SQL2008Table"
    """A table of a database; the iterator is its name."""
    QUERY = "SQL2008Query"
    """The result of an SQL query; the iterator is its text."""
    VIEW = "LogicalView"
    """Rows made of another source by fields and joins (RML-LV); references are names of fields."""
    LAYER = "Layer"
    """One row about a layer of a vector file, see :mod:`semcube.mapping.layer_description`."""
    STAC = "STAC"
    """A table of a STAC document; the iterator names it: items, collections, assets or keywords."""
    SPARQL = "SPARQL_Results_CSV"
    """The solutions of a SPARQL query over an RDF file; the iterator is its text, references are its variables."""


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """The value of a function of :mod:`semcube.mapping.functions` (RML-FNML)."""

    function: str
    """IRI of the function."""
    inputs: tuple[tuple[str, TermMap], ...] = ()
    """IRI of the parameter, and what makes its value; a parameter may be given several times."""

    @property
    def references(self) -> tuple[str, ...]:
        """Names of the columns in its inputs."""
        return tuple(name for _, term_map in self.inputs for name in term_map.references)


Expression = Constant | Reference | Template | FunctionCall
"""What makes a value of a row."""


def _references(value: Expression) -> tuple[str, ...]:
    """Names of the columns an expression reads."""
    if isinstance(value, Reference):
        return (value.name,)
    return value.references if isinstance(value, Template | FunctionCall) else ()


@dataclass(frozen=True, slots=True)
class LogicalTarget:
    """A file that quads are written to besides, or instead of, the output of the run (RML-IO, section 4)."""

    path: str
    """Relative to the folder that ``root`` says."""
    syntax: str = "nq"
    """Short name of the syntax, see :data:`semcube.io.formats.FORMATS`; ``rj`` is RDF/JSON."""
    compression: str | None = None
    """``gzip``, ``zip``, ``targz`` or ``tarxz``."""
    encoding: str = "utf-8"
    root: str | None = None
    """Folder; None is the current one."""


@dataclass(frozen=True, slots=True)
class Gather:
    """What a gather map makes a list or container of (RML-CC, http://w3id.org/rml/cc/spec)."""

    items: tuple[TermMap | RefObjectMap | ParentSubject, ...]
    kind: str = "List"
    """``List``, ``Bag``, ``Seq`` or ``Alt``."""
    is_product: bool = False
    """Whether each combination of the terms of the items makes one; else all terms together make one."""
    allows_empty: bool = False
    is_named: bool = False
    """Whether the term map says what its first node is; else it is a new blank node."""

    @property
    def references(self) -> tuple[str, ...]:
        """Names of the columns its items read."""
        return tuple(name for each in self.items if not isinstance(each, RefObjectMap) for name in each.references)


@dataclass(frozen=True, slots=True)
class TermMap:
    """A function from a row to RDF terms: none, one, or several where a reference has several values."""

    value: Expression
    term_type: TermType
    datatype: str | TermMap | None = None
    """Datatype that overrides the natural one, or the term map that makes it; literals only."""
    language: str | TermMap | None = None
    """Language tag, or the term map of type literal that makes it."""
    targets: tuple[LogicalTarget, ...] = ()
    """Where quads with this term go; the output of the run if no term map of a quad has any."""
    node: str = field(default="", compare=False)
    """Where it stands in the document, for messages."""
    condition: TermMap | None = None
    """A Boolean; where it is not true there is no term (RML-FNML, conditions)."""
    gather: Gather | None = None
    """What is gathered at the node that the term is."""

    @property
    def parts(self) -> tuple[TermMap, ...]:
        """Itself and the term maps of its datatype and language."""
        return (self, *(each for each in (self.datatype, self.language) if isinstance(each, TermMap)))

    @property
    def references(self) -> tuple[str, ...]:
        """Names of the columns it reads."""
        found = [name for part in self.parts for name in _references(part.value)]
        more = (self.condition, self.gather)
        return (*found, *(name for each in more if each is not None for name in each.references))


@dataclass(frozen=True, slots=True)
class Join:
    """A join condition: the child's value = the parent's value."""

    child: Expression
    parent: Expression


@dataclass(frozen=True, slots=True)
class RefObjectMap:
    """Objects are the subjects of another triples map."""

    parent: str
    joins: tuple[Join, ...] = ()
    targets: tuple[LogicalTarget, ...] = ()
    node: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class PredicateObjectMap:
    """Every predicate with every object, in every graph."""

    predicates: tuple[TermMap, ...]
    objects: tuple[TermMap | RefObjectMap, ...]
    graphs: tuple[TermMap, ...] = ()
    comment: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a logical view (RML-LV): an expression with several values, or an iterator over records."""

    name: str
    value: Expression | None = None
    """None for an iterator."""
    iterator: str | None = None
    formulation: Formulation | None = None
    """Of the records of the iterator; that of the parent if None."""
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class ViewJoin:
    """Fields of another view whose rows meet conditions."""

    parent: LogicalSource
    joins: tuple[Join, ...]
    fields: tuple[Field, ...]
    inner: bool
    """Whether a row without a partner is left out."""


@dataclass(frozen=True, slots=True)
class View:
    """What a logical view makes of another source."""

    on: LogicalSource
    fields: tuple[Field, ...]
    joins: tuple[ViewJoin, ...] = ()


@dataclass(frozen=True, slots=True)
class LogicalSource:
    """What is read, row by row."""

    source: str | None
    """Path as written; relative to the mapping file. None: the input is given with the run."""
    formulation: Formulation = Formulation.VECTOR
    iterator: str | None = None
    """Layer, derived table of a raster, or path of the records."""
    options: tuple[tuple[str, str], ...] = ()
    """Settings of the reader by name (``variable``, ``zones``, ``cells``, ``crs``), sorted."""
    view: View | None = None
    """The view that it is; ``source`` is then the path of the source at its root."""

    def option(self, name: str) -> str | None:
        """One setting, None if absent."""
        return dict(self.options).get(name)

    def all_options(self, name: str) -> tuple[str, ...]:
        """All values of a setting that may be given several times."""
        return tuple(value for key, value in self.options if key == name)

    def __str__(self) -> str:
        name = self.source or "(input)"
        return f"{name}, {self.iterator}" if self.iterator else name


@dataclass(frozen=True, slots=True)
class TriplesMap:
    """A rule that turns each row of a source into quads."""

    name: str
    source: LogicalSource
    subject: TermMap
    classes: tuple[str, ...] = ()
    graphs: tuple[TermMap, ...] = ()
    predicate_objects: tuple[PredicateObjectMap, ...] = ()
    base: str | None = None
    """Base of its relative IRIs, if it has one of its own."""
    comment: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class ParentSubject:
    """Objects that are the subjects of joined rows of another source."""

    parents: tuple[TriplesMap, ...]
    joins: tuple[Join, ...]
    targets: tuple[LogicalTarget, ...] = ()
    node: str = field(default="", compare=False)

    @property
    def references(self) -> tuple[str, ...]:
        """Names of the child's columns it reads."""
        return tuple(name for join in self.joins for name in _references(join.child))


@dataclass(frozen=True, slots=True)
class Pattern:
    """Four term maps that make the quads of a row; ``graph`` None is the default graph."""

    subject: TermMap
    predicate: TermMap
    object: TermMap | ParentSubject
    graph: TermMap | None

    @property
    def maps(self) -> tuple[TermMap | ParentSubject, ...]:
        """The term maps that are there."""
        return (self.subject, self.predicate, self.object, *((self.graph,) if self.graph else ()))

    @property
    def targets(self) -> tuple[LogicalTarget, ...]:
        """Where its quads go; none: to the output of the run."""
        parts = (part for each in self.maps for part in (each.parts if isinstance(each, TermMap) else (each,)))
        return tuple(dict.fromkeys(target for part in parts for target in part.targets))


@dataclass(frozen=True, slots=True)
class Mapping:
    """Triples maps that belong together.

    Example:
        >>> source = LogicalSource("roads.gpkg", iterator="roads")
        >>> subject = TermMap(parse_template("http://example.org/{fid}"), TermType.IRI)
        >>> mapping = Mapping((TriplesMap("#roads", source, subject, classes=("http://example.org/Road",)),))
        >>> [pattern.object.value for pattern in mapping.patterns(mapping.triples_maps[0])]
        [Constant(term=IRI(value='http://example.org/Road'))]
    """

    triples_maps: tuple[TriplesMap, ...]
    document: Path | None = field(default=None, compare=False)
    prefixes: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    @property
    def sources(self) -> tuple[LogicalSource, ...]:
        """Each source once, in the order of the document."""
        return tuple(dict.fromkeys(triples_map.source for triples_map in self.triples_maps))

    @property
    def targets(self) -> tuple[LogicalTarget, ...]:
        """Each logical target once."""
        patterns = (pattern for each in self.triples_maps for pattern in self.patterns(each))
        return tuple(dict.fromkeys(target for pattern in patterns for target in pattern.targets))

    @property
    def gathers(self) -> bool:
        """Whether any of its term maps gathers a list or a container."""
        patterns = (pattern for each in self.triples_maps for pattern in self.patterns(each))
        maps = [item for pattern in patterns for item in pattern.maps] + [each.subject for each in self.triples_maps]
        return any(isinstance(each, TermMap) and each.gather is not None for each in maps)

    def with_sources(self, sources: dict[LogicalSource, LogicalSource]) -> Mapping:
        """The same rules over other sources."""
        maps = tuple(replace(item, source=sources.get(item.source, item.source)) for item in self.triples_maps)
        return replace(self, triples_maps=maps)

    def patterns(self, triples_map: TriplesMap) -> Iterator[Pattern]:
        """The quads a triples map makes of a row (R2RML, section 11.1).

        Raises:
            MappingError: The parent of a referencing object map is not there.
        """
        subject = self.subject(triples_map)
        rdf_type = TermMap(Constant(IRI(RDF_TYPE)), TermType.IRI)
        for graph in graphs_of(triples_map.graphs):
            for name in triples_map.classes:
                yield Pattern(subject, rdf_type, TermMap(Constant(IRI(name)), TermType.IRI), graph)
        for item in triples_map.predicate_objects:
            objects = [self._object(triples_map, each) for each in item.objects]
            for graph in graphs_of(tuple(dict.fromkeys(triples_map.graphs + item.graphs))):
                for predicate in item.predicates:
                    for each in objects:
                        yield Pattern(subject, predicate, each, graph)

    def subject(self, triples_map: TriplesMap) -> TermMap:
        """The subject map, with the parents of what it gathers."""
        return self._resolved(triples_map, triples_map.subject)

    def references(self, source: LogicalSource) -> tuple[str, ...]:
        """Names of all columns of a source that the mapping reads, those of joins included."""
        found: list[str] = []
        for triples_map in self.triples_maps:
            subject = self.subject(triples_map)
            maps = [subject, *(each for pattern in self.patterns(triples_map) for each in pattern.maps)]
            for item in (part for each in maps for part in _gathered(each)):
                for parent in item.parents if isinstance(item, ParentSubject) else ():
                    if parent.source == source and isinstance(item, ParentSubject):
                        found += parent.subject.references
                        found += [name for join in item.joins for name in _references(join.parent)]
            if triples_map.source == source:
                found += [name for each in maps for name in each.references]
        return tuple(dict.fromkeys(found))

    def _resolved(self, child: TriplesMap, item: TermMap) -> TermMap:
        """A term map that gathers, with the parents of its items."""
        if item.gather is None:
            return item
        items = tuple(each if isinstance(each, ParentSubject) else self._object(child, each)
                      for each in item.gather.items)  # fmt: skip
        return replace(item, gather=replace(item.gather, items=items))

    def _object(self, child: TriplesMap, item: TermMap | RefObjectMap) -> TermMap | ParentSubject:
        if isinstance(item, TermMap):
            return self._resolved(child, item)
        parents = tuple(each for each in self.triples_maps if each.name == item.parent)
        if not parents:
            raise MappingError(
                f"parent triples map {item.parent} is not in the mapping",
                source=self.document,
                triples_map=child.name,
                node=item.node,
                fix="name a triples map of the same document",
            )
        own = [each for each in parents if each.source == child.source]
        same_row = bool(own) and all(join.child == join.parent for join in item.joins)
        if same_row and (not item.joins or _is_key(item, own[0])):
            return replace(own[0].subject, targets=item.targets)
        if not item.joins:
            raise MappingError(
                f"parent triples map {item.parent} reads {parents[0].source}, the child reads {child.source}",
                source=self.document,
                triples_map=child.name,
                node=item.node,
                expected="the same logical source, or a join condition",
            )
        return ParentSubject(parents, item.joins, item.targets, item.node)


def _gathered(item: TermMap | ParentSubject) -> Iterator[TermMap | ParentSubject]:
    """A term map and all that it gathers."""
    yield item
    if isinstance(item, TermMap) and item.gather is not None:
        for each in item.gather.items:
            if not isinstance(each, RefObjectMap):
                yield from _gathered(each)


def _is_key(item: RefObjectMap, parent: TriplesMap) -> bool:
    """Whether the parent's subject is a function of the joined columns, so that the child's own row gives it."""
    return set(parent.subject.references) <= {name for join in item.joins for name in _references(join.parent)}


def graphs_of(graphs: tuple[TermMap, ...]) -> list[TermMap | None]:
    """The graphs to write to; None is the default graph."""
    if not graphs:
        return [None]
    default = {Constant(IRI(DEFAULT_GRAPH)), Constant(IRI("http://www.w3.org/ns/r2rml#defaultGraph"))}
    return list(dict.fromkeys(None if graph.value in default else graph for graph in graphs))
