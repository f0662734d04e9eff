# SPDX-License-Identifier: Apache-2.0
"""R2RML, RML and YARRRML documents -> :class:`semcube.mapping.model.Mapping`; nothing of the data is read.

R2RML (https://www.w3.org/TR/r2rml/), RML-Core and RML-IO (http://w3id.org/rml/) and the older RML of
http://semweb.mmlab.be/ns/rml# may be mixed in one document: a property is found by its local name in any of the three.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from semcube.errors import MappingError
from semcube.io.jsonpath import path_text
from semcube.io.terms import IRI, BlankNode, Literal, Term
from semcube.mapping.graph import MappingGraph
from semcube.mapping.iri import is_language_tag
from semcube.mapping.model import (
    FID,
    Constant,
    Expression,
    Formulation,
    FunctionCall,
    Join,
    LogicalTarget,
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
from semcube.mapping.parse_functions import function_call
from semcube.mapping.parse_gather import gather_map
from semcube.mapping.parse_sources import SourceReader
from semcube.mapping.yarrrml import SUFFIXES, read_yarrrml
from semcube.vocab import RDFS, RR, XSD_STRING

__all__ = ["read_mapping"]


def read_mapping(path: str | Path, text: str | None = None) -> Mapping:
    """Read a mapping document.

    Args:
        path: A Turtle file, another RDF syntax or YARRRML by its suffix; relative sources are relative to it.
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
    graph = read_yarrrml(document, text) if _is_yarrrml(document) else MappingGraph.read(document, text)
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


def _is_yarrrml(document: Path) -> bool:
    return document.suffix.lower() in SUFFIXES


class _Reader(SourceReader):
    """Reads one triples map."""

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
        pairs = self.graph.values(self.subject, "predicateObjectMap")
        items = tuple(self.named_pair(node, number) for number, node in enumerate(pairs, 1))
        self.check_identifiers()
        base = self.one(self.subject, "baseIRI")
        own = None if base is None else self.iri(base, "baseIRI")
        return TriplesMap(self.name, self.source, subject, classes, graphs, items, own)

    def constant(self, value: Term, where: str) -> TermMap:
        kinds = {IRI: TermType.IRI, BlankNode: TermType.BLANK, Literal: TermType.LITERAL}
        return TermMap(Constant(value), kinds[type(value)], node=where)

    def term_map(self, node: Term, where: str) -> TermMap:
        """A term map by R2RML section 6: one of constant, reference, template and function, and what term it makes."""
        conditions = [self.condition(each, where) for each in self.graph.values(node, "condition")]
        if len(conditions) > 1:
            raise self.error(f"{len(conditions)} conditions", node=where, expected="one")
        made = self.unconditional(node, where)
        return replace(made, condition=conditions[0]) if conditions else made

    def unconditional(self, node: Term, where: str) -> TermMap:
        """A term map without its condition."""
        return gather_map(self, node, where) or self.plain(node, where)

    def plain(self, node: Term, where: str) -> TermMap:
        """A term map that makes a term of its own."""
        call = function_call(self, node, where)
        if call is not None:
            return self.shaped(node, call, where)
        constant = self.one(node, "constant")
        reference = self.text(node, "reference") or self.text(node, "column")
        template = self.text(node, "template")
        given = [each for each in (constant, reference, template) if each is not None]
        if not given and self.term_type(node, where) is TermType.BLANK:
            # RML-Core: a blank node of its own for every row.
            return TermMap(
                Template((f"{self.name} ", Reference(FID))), TermType.BLANK, targets=self.targets(node), node=where
            )
        if len(given) != 1:
            raise self.error(
                f"{len(given)} of constant, reference and template", node=where, expected="exactly one of them"
            )
        if constant is not None:
            made = self.constant(constant, where)
            kind = self.term_type(node, where)
            fits = kind in (None, made.term_type) or (kind is not None and kind.is_iri and made.term_type.is_iri)
            return replace(made, targets=self.targets(node)) if fits else self.mismatch(where)
        value: Reference | Template
        if reference is not None:
            value = Reference(self.column(node, reference))
        else:
            value = self.template(node, template or "", where)
        return self.shaped(node, value, where)

    def mismatch(self, where: str) -> TermMap:
        raise self.error("the term type contradicts the constant", node=where, fix="leave rml:termType out")

    def column(self, node: Term, text: str) -> str:
        """A column name; a JSON path has one spelling."""
        if self.graph.exact(node, RR + "column"):
            return self.identifier(text)
        return self.member(text) if self.source.formulation is Formulation.JSON else text

    def identifier(self, text: str) -> str:
        """The name that an SQL identifier means; delimited ones lose their quotes (R2RML, section 5.1)."""
        delimited = len(text) > 1 and text.startswith('"') and text.endswith('"')
        name = text[1:-1].replace('""', '"') if delimited else text
        (self.delimited if delimited else self.regular).add(name)
        return name

    def check_identifiers(self) -> None:
        """Without quotes, ``Name`` is ``NAME`` (``name`` in PostgreSQL): never the column ``"Name"``."""
        for name in sorted(self.delimited & self.regular):
            if name not in (name.lower(), name.upper()):
                raise self.error(
                    f"column {name} is written with and without quotes; without them its capitals do not count",
                    expected="one and the same identifier",
                    fix=f'write "{name}" in quotes everywhere (R2RML, section 5.1)',
                )

    def member(self, path: str) -> str:
        """The column that a JSON path means: ``a.b`` for members alone, else the path with its ``$``."""
        steps = self.json_steps(path, "reference")
        if steps and all(isinstance(step, str) for step in steps):
            return ".".join(str(step) for step in steps)
        return path_text(steps) if steps else "value"

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
                else Reference(self.identifier(part.name) if unquote else self.column(node, part.name))
                for part in parsed.parts
            )
        )

    def term_type(self, node: Term, where: str) -> TermType | None:
        value = self.one(node, "termType")
        if value is None:
            return None
        name = self.iri(value, where).rsplit("#", 1)[-1].rsplit("/", 1)[-1]
        for each in TermType:
            if each.value == name:
                return each
        raise self.error(f"term type {name}", node=where, expected="rml:IRI, rml:BlankNode or rml:Literal")

    def condition(self, node: Term, where: str) -> TermMap:
        """What has to be true for a term to be made."""
        return self.term_map(node, f"{where} condition")

    def shaped(self, node: Term, value: Reference | Template | FunctionCall, where: str) -> TermMap:
        """Term type, datatype and language with R2RML's defaults (section 7.4)."""
        datatype, datatype_targets = self.annotation(node, "datatype", where)
        language, language_targets = self.annotation(node, "language", where)
        if datatype is not None and language is not None:
            raise self.error("both a datatype and a language", node=where, expected="one of them")
        plain = not isinstance(value, Template) or datatype is not None or language is not None
        literal = where == "languageMap" or where.endswith(("input", "condition")) or (where == "objectMap" and plain)
        term_type = self.term_type(node, where) or (TermType.LITERAL if literal else TermType.IRI)
        if term_type is not TermType.LITERAL and (datatype or language):
            raise self.error(f"a datatype or language on a term of type {term_type.value}", node=where)
        if isinstance(language, str):
            if not is_language_tag(language):
                raise self.error(f"language tag {language!r}", node=where, expected="a tag such as en or pt-BR")
            language = language.lower()
        if datatype == XSD_STRING and isinstance(value, Template):
            datatype = None
        targets = tuple(dict.fromkeys(self.targets(node) + datatype_targets + language_targets))
        return TermMap(value, term_type, datatype, language, targets, node=where)

    def annotation(self, node: Term, name: str, where: str) -> tuple[str | TermMap | None, tuple[LogicalTarget, ...]]:
        """A datatype or language: given directly, or by a map; and the targets of the map."""
        value = self.one(node, name)
        dynamic = self.one(node, name + "Map")
        if dynamic is None:
            if name == "datatype" and isinstance(value, Literal):
                raise self.error(f"datatype {value.lexical!r}", node=where, expected="an IRI such as xsd:date")
            return None if value is None else self.fixed(value, f"{where} {name}"), ()
        if value is not None:
            raise self.error(f"both {name} and {name}Map", node=where, expected="one of them")
        made = self.term_map(dynamic, f"{name}Map")
        if isinstance(made.value, Constant):
            return self.fixed(made.value.term, f"{where} {name}"), made.targets
        if made.term_type.is_iri is not (name == "datatype"):
            raise self.error(f"a {name} of type {made.term_type.value}", node=where)
        return replace(made, targets=()), made.targets

    def fixed(self, value: Term, where: str) -> str:
        """A datatype or language that is the same for every row."""
        return value.lexical if isinstance(value, Literal) else self.iri(value, where)

    def graph_maps(self, node: Term) -> tuple[TermMap, ...]:
        maps = [self.term_map(each, "graphMap") for each in self.graph.values(node, "graphMap")]
        maps += [self.constant(each, "graph") for each in self.graph.values(node, "graph")]
        for each in maps:
            if each.term_type is TermType.LITERAL:
                raise self.error("a graph is a literal", node=each.node, expected="an IRI")
        return tuple(maps)

    def named_pair(self, node: Term, number: int) -> PredicateObjectMap:
        """A predicate-object map whose term maps, and errors, say of which property they are."""
        given = self.graph.values(node, "predicate") + [
            value for each in self.graph.values(node, "predicateMap") for value in self.graph.values(each, "constant")
        ]
        of = f"of {self.graph.name(given[0])}" if given else f"of predicateObjectMap {number}"
        try:
            made = self.predicate_object(node)
        except MappingError as error:
            where = f"{error.node} {of}" if error.node else f"predicateObjectMap {number}"
            raise self.error(error.found, node=where, expected=error.expected, fix=error.fix) from None
        return replace(
            made,
            predicates=tuple(replace(each, node=f"{each.node} {of}") for each in made.predicates),
            objects=tuple(replace(each, node=f"{each.node} {of}") for each in made.objects),
            graphs=tuple(replace(each, node=f"{each.node} {of}") for each in made.graphs),
        )

    def predicate_object(self, node: Term) -> PredicateObjectMap:
        predicates = [self.term_map(each, "predicateMap") for each in self.graph.values(node, "predicateMap")]
        predicates += [self.constant(each, "predicate") for each in self.graph.values(node, "predicate")]
        for each in predicates:
            if not each.term_type.is_iri:
                raise self.error("a predicate is not an IRI", node=each.node, expected="an IRI")
        objects: list[TermMap | RefObjectMap] = [self.object_map(each) for each in self.graph.values(node, "objectMap")]
        objects += [self.constant(each, "object") for each in self.graph.values(node, "object")]
        if not predicates or not objects:
            missing = "predicate" if not predicates else "object"
            raise self.error(f"a predicate-object map without a {missing}", node="rml:" + missing)
        comments = [each.lexical for each in self.graph.exact(node, RDFS + "comment") if isinstance(each, Literal)]
        return PredicateObjectMap(tuple(predicates), tuple(objects), self.graph_maps(node), " ".join(comments))

    def object_map(self, node: Term) -> TermMap | RefObjectMap:
        parent = self.one(node, "parentTriplesMap")
        if parent is None:
            return self.term_map(node, "objectMap")
        joins = tuple(self.join(each, parent) for each in self.graph.values(node, "joinCondition"))
        return RefObjectMap(self.graph.name(parent), joins, self.targets(node), node="objectMap")

    def join(self, node: Term, parent: Term) -> Join:
        """A join condition; the parent's columns are read as the parent's source wants it."""
        other = _Reader(self.graph, self.document, parent) if self.graph.has(parent) else self
        return Join(self.expression(node, "child"), other.expression(node, "parent"))

    def expression(self, node: Term, name: str) -> Expression:
        """One side of a join condition."""
        text, dynamic = self.text(node, name), self.one(node, name + "Map")
        if text is not None and dynamic is None:
            return Reference(self.identifier(text) if self.graph.exact(node, RR + name) else self.column(node, text))
        if dynamic is None or text is not None:
            raise self.error("a join condition", node=name, expected=f"one rml:{name} or rml:{name}Map")
        return self.term_map(dynamic, f"{name}Map").value
