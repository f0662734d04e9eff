# SPDX-License-Identifier: Apache-2.0
"""R2RML and RML documents -> :class:`semcube.mapping.model.Mapping`; nothing of the data is read.

R2RML (https://www.w3.org/TR/r2rml/), RML-Core and RML-IO (http://w3id.org/rml/) and the older RML of
http://semweb.mmlab.be/ns/rml# may be mixed in one document: a property is found by its local name in any of the three.
"""

from __future__ import annotations

import re
from pathlib import Path

from semcube.errors import MappingError, UnsupportedError
from semcube.io.terms import IRI, BlankNode, Literal, Term
from semcube.mapping.graph import MappingGraph
from semcube.mapping.model import (
    FID,
    Constant,
    Formulation,
    Join,
    LogicalSource,
    Mapping,
    PredicateObjectMap,
    Reference,
    RefObjectMap,
    Template,
    TermMap,
    TermType,
    TriplesMap,
    parse_template,
)
from semcube.vocab import DCAT, QL_LEGACY, RDFS, RML, RR, SEMCUBE, XSD_STRING

__all__ = ["FORMULATIONS", "read_mapping"]

CSVW_URL = "http://www.w3.org/ns/csvw#url"

FORMULATIONS = {
    SEMCUBE + "Vector": Formulation.VECTOR,
    SEMCUBE + "Raster": Formulation.RASTER,
    RML + "GeoParquet": Formulation.VECTOR,
    RML + "Shapefile": Formulation.VECTOR,
    RML + "CSV": Formulation.CSV,
    QL_LEGACY + "CSV": Formulation.CSV,
    RML + "JSONPath": Formulation.JSON,
    QL_LEGACY + "JSONPath": Formulation.JSON,
}
"""Reference formulation -> how the source is read."""

_SUFFIXES = {".csv": Formulation.CSV, ".tsv": Formulation.CSV, ".json": Formulation.JSON}
_OPTIONS = ("variable", "zones", "cells", "crs", "key", "unpivot", "derive", "minPixels", "maxRegions", "confidence")


def read_mapping(path: str | Path, text: str | None = None) -> Mapping:
    """Read a mapping document.

    Args:
        path: A Turtle file (or another RDF syntax by its suffix); relative sources are relative to it.
        text: The document itself, if it was read already; ``path`` then only names it.

    Raises:
        MappingError: The document is not RDF, has no triples map or breaks a rule; names the triples map and the node.
        UnsupportedError: It uses a part of R2RML or RML that is not available.

    Example:
        >>> mapping = read_mapping("m.ttl", '''
        ... @prefix rr: <http://www.w3.org/ns/r2rml#> .
        ... <#roads> rr:logicalTable [ rr:tableName "roads" ] ; rr:subjectMap [ rr:template "http://a/{id}" ] .''')
        >>> mapping.triples_maps[0].source.iterator
        'roads'
    """
    document = Path(path)
    graph = MappingGraph.read(document, text)
    names = graph.subjects("logicalSource") + graph.subjects("logicalTable")
    for extra in graph.typed("TriplesMap"):
        if extra not in names:
            raise MappingError(
                "no logical source",
                source=document,
                triples_map=graph.name(extra),
                expected="rml:logicalSource or rr:logicalTable",
            )
    if not names:
        raise MappingError(
            "no triples map",
            source=document,
            expected="at least one resource with rml:logicalSource or rr:logicalTable",
            fix="write one with: semcube mapping generate FILE -o mapping.ttl",
        )
    maps = tuple(_Reader(graph, document, name).triples_map() for name in dict.fromkeys(names))
    mapping = Mapping(maps, document, graph.prefixes)
    for each in maps:
        for _ in mapping.patterns(each):
            pass
    return mapping


class _Reader:
    """Reads one triples map; knows its name for messages."""

    def __init__(self, graph: MappingGraph, document: Path, subject: Term) -> None:
        self.graph, self.document, self.subject = graph, document, subject
        self.name = graph.name(subject)

    def error(
        self, found: str, *, node: str | None = None, expected: str | None = None, fix: str | None = None
    ) -> MappingError:
        return MappingError(found, source=self.document, triples_map=self.name, node=node, expected=expected, fix=fix)

    def one(self, node: Term, name: str) -> Term | None:
        """The only value of a property, None if it has none."""
        values = self.graph.values(node, name)
        if len(values) > 1:
            raise self.error(f"{len(values)} values of {name}", node=self.graph.name(node), expected="one")
        return values[0] if values else None

    def text(self, node: Term, name: str) -> str | None:
        """The lexical form of the only value of a property."""
        value = self.one(node, name)
        if value is None:
            return None
        if not isinstance(value, Literal):
            raise self.error(f"{name} is {self.graph.name(value)}", expected="a text")
        return value.lexical

    def triples_map(self) -> TriplesMap:
        subjects = self.graph.values(self.subject, "subjectMap")
        shortcuts = self.graph.values(self.subject, "subject")
        if len(subjects) + len(shortcuts) != 1:
            raise self.error(f"{len(subjects) + len(shortcuts)} subject maps", expected="exactly one rml:subjectMap")
        classes: tuple[str, ...] = ()
        graphs: tuple[TermMap, ...] = ()
        if shortcuts:
            subject = self.constant(shortcuts[0], "subject")
        else:
            subject = self.term_map(subjects[0], "subjectMap")
            classes = tuple(self.iri(value, "class") for value in self.graph.values(subjects[0], "class"))
            graphs = self.graph_maps(subjects[0])
        if subject.term_type is TermType.LITERAL:
            raise self.error("the subject is a literal", node="subjectMap", expected="an IRI or a blank node")
        items = tuple(self.predicate_object(node) for node in self.graph.values(self.subject, "predicateObjectMap"))
        base = self.one(self.subject, "baseIRI")
        own = None if base is None else self.iri(base, "baseIRI")
        return TriplesMap(self.name, self.logical_source(), subject, classes, graphs, items, own)

    # -- sources ----------------------------------------------------------------------------------------------------

    def logical_source(self) -> LogicalSource:
        node = self.one(self.subject, "logicalSource") or self.one(self.subject, "logicalTable")
        if node is None:
            raise self.error("no logical source")
        for name in ("sqlQuery", "query"):
            if self.graph.values(node, name):
                raise UnsupportedError(
                    f"{self.document}, triples map {self.name}: rr:{name}",
                    expected="a table or layer name",
                    fix="make the query a table or a file, or filter with --where",
                )
        table = self.text(node, "tableName")
        iterator = self.text(node, "iterator") or (None if table is None else table.strip('"').split(".")[-1])
        path = self.source_path(node)
        options = [(name, self.text(node, name)) for name in _OPTIONS]
        return LogicalSource(
            path,
            self.formulation(node, path, is_table=table is not None),
            iterator,
            tuple(sorted((name, value) for name, value in options if value is not None)),
        )

    def formulation(self, node: Term, path: str | None, *, is_table: bool) -> Formulation:
        value = self.one(node, "referenceFormulation")
        if value is None:
            return Formulation.VECTOR if is_table or path is None else _by_suffix(path)
        iri = value.value if isinstance(value, IRI) else str(value)
        if iri not in FORMULATIONS:
            raise UnsupportedError(
                f"{self.document}, triples map {self.name}: reference formulation <{iri}>",
                expected="one of " + ", ".join(f"<{each}>" for each in FORMULATIONS),
                fix="convert the source to a file of one of these kinds",
            )
        return FORMULATIONS[iri]

    def source_path(self, node: Term) -> str | None:
        value = self.one(node, "source")
        if value is None:
            return None
        if isinstance(value, Literal):
            return value.lexical
        if isinstance(value, IRI) and not self.graph.has(value):
            return value.value.removeprefix("file://")
        path = self.text(value, "path")
        if path is not None:
            root = self.one(value, "root")
            inside = root is None or (isinstance(root, IRI) and root.value.endswith("MappingDirectory"))
            if isinstance(root, Literal):
                return str(Path(root.lexical) / path)
            return path if inside else str(Path.cwd() / path)
        for predicate in (CSVW_URL, DCAT + "downloadURL", DCAT + "accessURL"):
            for url in self.graph.exact(value, predicate):
                return (url.lexical if isinstance(url, Literal) else self.graph.name(url)).removeprefix("file://")
        raise self.error("the source has no path", node="source", expected="a text, rml:path or csvw:url")

    # -- term maps --------------------------------------------------------------------------------------------------

    def iri(self, value: Term, where: str) -> str:
        if not isinstance(value, IRI):
            raise self.error(f"{where} is {self.graph.name(value)}", node=where, expected="an IRI")
        return value.value

    def constant(self, value: Term, where: str) -> TermMap:
        kinds = {IRI: TermType.IRI, BlankNode: TermType.BLANK, Literal: TermType.LITERAL}
        return TermMap(Constant(value), kinds[type(value)], node=where)

    def term_map(self, node: Term, where: str) -> TermMap:
        """A term map by R2RML section 6: one of constant, reference or template, and what term it makes."""
        if self.graph.values(node, "functionValue") + self.graph.values(node, "functionExecution"):
            raise UnsupportedError(
                f"{self.document}, triples map {self.name}, {where}: a function",
                expected="a constant, a reference or a template",
                fix="compute the value in the source",
            )
        constant = self.one(node, "constant")
        reference = self.text(node, "reference") or self.text(node, "column")
        template = self.text(node, "template")
        given = [each for each in (constant, reference, template) if each is not None]
        if not given and self.term_type(node, where) is TermType.BLANK:
            # RML-Core: a blank node of its own for every row.
            return TermMap(Template((f"{self.name} ", Reference(FID))), TermType.BLANK, node=where)
        if len(given) != 1:
            raise self.error(
                f"{len(given)} of constant, reference and template", node=where, expected="exactly one of them"
            )
        if constant is not None:
            made = self.constant(constant, where)
            return made if self.term_type(node, where) in (None, made.term_type) else self.mismatch(where)
        value: Reference | Template
        if reference is not None:
            value = Reference(self.column(node, reference))
        else:
            value = self.template(node, template or "", where)
        return self.shaped(node, value, where)

    def mismatch(self, where: str) -> TermMap:
        raise self.error("the term type contradicts the constant", node=where, fix="leave rml:termType out")

    def column(self, node: Term, text: str) -> str:
        """A column name; R2RML's delimited identifiers lose their quotes, a JSON path its root."""
        if len(text) > 1 and text.startswith('"') and text.endswith('"') and self.graph.exact(node, RR + "column"):
            return text[1:-1].replace('""', '"')
        return self.member(text) if self.is_json else text

    def member(self, path: str) -> str:
        """The member that a JSON path means: ``$.a.b`` and ``$['a']``; one value, so no wildcard."""
        name = re.sub(r"\['((?:[^'\\]|\\.)*)'\]", lambda found: "." + re.sub(r"\\(.)", r"\1", found[1]), path)
        if "[" in re.sub(r"\['[^']*'\]", "", path):
            raise UnsupportedError(
                f"{self.document}, triples map {self.name}: JSON path {path!r} may give several values",
                expected="a path of members such as $.name",
                fix="put the values into a table of their own",
            )
        return name.removeprefix("$").removeprefix(".")

    @property
    def is_json(self) -> bool:
        return self.logical_source().formulation is Formulation.JSON

    def template(self, node: Term, text: str, where: str) -> Template:
        try:
            parsed = parse_template(text)
        except MappingError as error:
            raise self.error(error.found, node=where, expected=error.expected, fix=error.fix) from None
        unquote = self.graph.exact(node, RR + "template")
        return Template(
            tuple(
                part
                if isinstance(part, str)
                else Reference(part.name.strip('"') if unquote else self.column(node, part.name))
                for part in parsed.parts
            )
        )

    def term_type(self, node: Term, where: str) -> TermType | None:
        value = self.one(node, "termType")
        if value is None:
            return None
        name = self.iri(value, where).rsplit("#", 1)[-1].rsplit("/", 1)[-1]
        if name in {"URI", "UnsafeIRI", "UnsafeURI"}:
            raise UnsupportedError(
                f"{self.document}, triples map {self.name}, {where}: term type {name}", expected="rml:IRI"
            )
        for each in TermType:
            if each.value == name:
                return each
        raise self.error(f"term type {name}", node=where, expected="rml:IRI, rml:BlankNode or rml:Literal")

    def shaped(self, node: Term, value: Reference | Template, where: str) -> TermMap:
        """Term type, datatype and language with R2RML's defaults (section 7.4)."""
        datatype = self.fixed(node, "datatype", where)
        language = self.fixed(node, "language", where)
        if datatype is not None and language is not None:
            raise self.error("both a datatype and a language", node=where, expected="one of them")
        literal = where == "objectMap" and (
            isinstance(value, Reference) or datatype is not None or language is not None
        )
        term_type = self.term_type(node, where) or (TermType.LITERAL if literal else TermType.IRI)
        if term_type is not TermType.LITERAL and (datatype or language):
            raise self.error(f"a datatype or language on a term of type {term_type.value}", node=where)
        if language is not None and not _is_language_tag(language):
            raise self.error(f"language tag {language!r}", node=where, expected="a tag such as en or pt-BR")
        if datatype == XSD_STRING and isinstance(value, Template):
            datatype = None
        return TermMap(value, term_type, datatype, None if language is None else language.lower(), node=where)

    def fixed(self, node: Term, name: str, where: str) -> str | None:
        """A datatype or language given directly or by a map of a constant."""
        value = self.one(node, name)
        dynamic = self.one(node, name + "Map")
        if dynamic is not None:
            value = self.one(dynamic, "constant")
            if value is None:
                raise UnsupportedError(
                    f"{self.document}, triples map {self.name}, {where}: {name} from the data",
                    expected=f"rml:{name} or a constant rml:{name}Map",
                    fix="write one object map for each value that occurs",
                )
        if value is None:
            return None
        return value.lexical if isinstance(value, Literal) else self.iri(value, f"{where} {name}")

    def graph_maps(self, node: Term) -> tuple[TermMap, ...]:
        maps = [self.term_map(each, "graphMap") for each in self.graph.values(node, "graphMap")]
        maps += [self.constant(each, "graph") for each in self.graph.values(node, "graph")]
        for each in maps:
            if each.term_type is TermType.LITERAL:
                raise self.error("a graph is a literal", node=each.node, expected="an IRI")
        return tuple(maps)

    def predicate_object(self, node: Term) -> PredicateObjectMap:
        predicates = [self.term_map(each, "predicateMap") for each in self.graph.values(node, "predicateMap")]
        predicates += [self.constant(each, "predicate") for each in self.graph.values(node, "predicate")]
        for each in predicates:
            if each.term_type is not TermType.IRI:
                raise self.error("a predicate is not an IRI", node=each.node, expected="an IRI")
        objects: list[TermMap | RefObjectMap] = [self.object_map(each) for each in self.graph.values(node, "objectMap")]
        objects += [self.constant(each, "object") for each in self.graph.values(node, "object")]
        if not predicates or not objects:
            missing = "predicate" if not predicates else "object"
            raise self.error(f"a predicate-object map without a {missing}", node=self.graph.name(node))
        comments = [each.lexical for each in self.graph.exact(node, RDFS + "comment") if isinstance(each, Literal)]
        return PredicateObjectMap(tuple(predicates), tuple(objects), self.graph_maps(node), " ".join(comments))

    def object_map(self, node: Term) -> TermMap | RefObjectMap:
        parent = self.one(node, "parentTriplesMap")
        if parent is None:
            return self.term_map(node, "objectMap")
        joins = tuple(self.join(each) for each in self.graph.values(node, "joinCondition"))
        return RefObjectMap(self.graph.name(parent), joins, node="objectMap")

    def join(self, node: Term) -> Join:
        sides = []
        for name in ("child", "parent"):
            text = self.text(node, name)
            dynamic = self.one(node, name + "Map")
            if text is None and dynamic is not None:
                text = self.text(dynamic, "reference")
            if text is None:
                raise UnsupportedError(
                    f"{self.document}, triples map {self.name}: a join condition whose {name} is not a reference",
                    expected=f"rml:{name}",
                )
            sides.append(self.column(node, text))
        return Join(*sides)


def _by_suffix(path: str) -> Formulation:
    return _SUFFIXES.get(Path(path).suffix.lower(), Formulation.VECTOR)


def _is_language_tag(tag: str) -> bool:
    """Well-formed enough for Turtle (BCP 47 primary subtag of 2 to 3 or 5 to 8 letters)."""
    first, *rest = tag.split("-")
    return (
        first.isascii()
        and first.isalpha()
        and (2 <= len(first) <= 3 or 5 <= len(first) <= 8)
        and all(part.isascii() and part.isalnum() and len(part) <= 8 for part in rest)
    )
