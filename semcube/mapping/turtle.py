# SPDX-License-Identifier: Apache-2.0
"""A mapping as a readable Turtle document in the RML vocabulary."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping as Dictionary
from pathlib import Path

from semcube.errors import UnsupportedError
from semcube.io.terms import IRI, BlankNode, Literal, Term
from semcube.mapping.model import (
    Constant,
    Expression,
    Formulation,
    FunctionCall,
    Join,
    LogicalSource,
    LogicalTarget,
    Mapping,
    PredicateObjectMap,
    Reference,
    RefObjectMap,
    TermMap,
    TermType,
    TriplesMap,
)
from semcube.mapping.parse_sources import SYNTAX_NAMES
from semcube.vocab import PREFIXES, XSD_STRING

__all__ = ["iri", "mapping_turtle", "quoted"]

_LOCAL = re.compile(r"[A-Za-z_]([\w\-]|(?<!\.)\.(?=[\w\-]))*", re.ASCII)
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_FORMULATIONS = {
    Formulation.VECTOR: "semcube:Vector",
    Formulation.RASTER: "semcube:Raster",
    Formulation.CSV: "rml:CSV",
    Formulation.JSON: "rml:JSONPath",
    Formulation.XML: "rml:XPath",
    Formulation.TABLE: "rml:SQL2008Table",
    Formulation.QUERY: "rml:SQL2008Query",
    Formulation.STAC: "semcube:STAC",
    Formulation.LAYER: "semcube:Layer",
    Formulation.SPARQL: "<http://www.w3.org/ns/formats/SPARQL_Results_CSV>",
}
_FILE_OPTIONS = ("compression", "encoding", "null")


def iri(value: str, prefixes: Dictionary[str, str]) -> str:
    """An IRI, with a prefix where one fits.

    Example:
        >>> iri("http://a/b", {"a": "http://a/"}), iri("http://a/b/c", {"a": "http://a/"})
        ('a:b', '<http://a/b/c>')
    """
    best = max(
        (each for each in prefixes.items() if value.startswith(each[1])), key=lambda each: len(each[1]), default=None
    )
    if best is not None and _LOCAL.fullmatch(value[len(best[1]) :]):
        return f"{best[0]}:{value[len(best[1]) :]}"
    escaped = re.sub(r"[\x00-\x20<>\"{}|^`\\]", lambda found: f"\\u{ord(found[0]):04X}", value)
    return f"<{escaped}>"


def quoted(text: str) -> str:
    """A Turtle string.

    Example:
        >>> print(quoted('say "x"'))
        "say \\"x\\""
    """
    shown = re.sub(r'[\\"\n\r\t]', lambda found: _ESCAPES[found[0]], text)
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\u{ord(found[0]):04X}", shown) + '"'


def mapping_turtle(mapping: Mapping, *, directory: str | Path | None = None) -> str:
    """A mapping as Turtle; reading it again gives an equal mapping.

    Args:
        mapping: The mapping.
        directory: Folder of the document; relative sources are written relative to it (as they are by default).

    Example:
        >>> from semcube.mapping.model import parse_template
        >>> subject = TermMap(parse_template("http://a/{id}"), TermType.IRI)
        >>> rule = TriplesMap("#roads", LogicalSource("roads.gpkg", iterator="roads"), subject)
        >>> print(mapping_turtle(Mapping((rule,))))
        @prefix rml: <http://w3id.org/rml/> .
        @prefix semcube: <https://w3id.org/semcube/ns#> .
        <BLANKLINE>
        <#roads> a rml:TriplesMap ;
            rml:logicalSource [
                rml:source [ a rml:RelativePathSource ; rml:root rml:MappingDirectory ; rml:path "roads.gpkg" ] ;
                rml:referenceFormulation semcube:Vector ;
                rml:iterator "roads"
            ] ;
            rml:subjectMap [ rml:template "http://a/{id}" ] .
        <BLANKLINE>
    """
    prefixes = {"rml": PREFIXES["rml"], "semcube": PREFIXES["semcube"], **dict(mapping.prefixes)}
    writer = _Writer(prefixes, None if directory is None else Path(directory))
    head = [f"@prefix {name}: {_raw(value)} ." for name, value in sorted(prefixes.items())]
    return "\n".join([*head, "", *(line for each in mapping.triples_maps for line in writer.triples_map(each))])


class _Writer:
    def __init__(self, prefixes: Dictionary[str, str], directory: Path | None) -> None:
        self.prefixes, self.directory = prefixes, directory

    def triples_map(self, item: TriplesMap) -> list[str]:
        lines = [f"# {each}" for each in item.comment.splitlines()]
        lines.append(f"{self.name(item.name)} a rml:TriplesMap ;")
        if item.base is not None:
            lines.append(f"    rml:baseIRI {_raw(item.base)} ;")
        lines += self.source(item.source)
        facts = [self.term_facts(item.subject, "subjectMap")]
        facts += [f"rml:class {self.iri(each)}" for each in item.classes]
        facts += [f"rml:graphMap [ {self.term_facts(each, 'graphMap')} ]" for each in item.graphs]
        lines.append(f"    rml:subjectMap [ {' ; '.join(each for each in facts if each)} ] ;")
        for each in item.predicate_objects:
            lines += self.predicate_object(each)
        lines[-1] = lines[-1].removesuffix(" ;") + " ."
        return [*lines, ""]

    def source(self, item: LogicalSource) -> list[str]:
        if item.view is not None:
            raise UnsupportedError("a logical view cannot be written yet", expected="other logical sources")
        facts = []
        if item.source is not None:
            facts.append(f"rml:source {self.path(item)}")
        facts.append(f"rml:referenceFormulation {_FORMULATIONS[item.formulation]}")
        if item.iterator is not None:
            facts.append(f"rml:iterator {quoted(item.iterator)}")
        for name, value in item.options:
            if name not in (*_FILE_OPTIONS, "password"):
                facts.append(f"semcube:{name} {quoted(self.relative(value) if name == 'zones' else value)}")
        inner = [f"        {each} ;" for each in facts]
        inner[-1] = inner[-1].removesuffix(" ;")
        return ["    rml:logicalSource [", *inner, "    ] ;"]

    def path(self, item: LogicalSource) -> str:
        source = item.source or ""
        if "://" in source or source.startswith(("sqlite:", "duckdb:")):
            return quoted(source)
        shown = quoted(self.relative(source))
        given = [(name, value) for name in _FILE_OPTIONS for value in item.all_options(name)]
        facts = ["a rml:RelativePathSource", "rml:root rml:MappingDirectory", f"rml:path {shown}"]
        facts += [f"rml:{name} {quoted(value) if name == 'null' else 'rml:' + value}" for name, value in given]
        return f"[ {' ; '.join(facts)} ]"

    def relative(self, path: str) -> str:
        """A path from the folder of the document."""
        if self.directory is None or "://" in path:
            return path
        return os.path.relpath(path, self.directory)

    def predicate_object(self, item: PredicateObjectMap) -> list[str]:
        facts = []
        for each in item.predicates:
            fixed = isinstance(each.value, Constant) and not each.targets and each.condition is None
            facts.append(
                f"rml:predicate {self.constant(each)}"
                if fixed
                else f"rml:predicateMap [ {self.term_facts(each, 'p')} ]"
            )
        for value in item.objects:
            if isinstance(value, RefObjectMap):
                inner = [f"rml:parentTriplesMap {self.name(value.parent)}", *map(self.join, value.joins)]
                facts.append(f"rml:objectMap [ {' ; '.join([*inner, *map(self.target, value.targets)])} ]")
            elif isinstance(value.value, Constant) and not value.targets and value.condition is None:
                facts.append(f"rml:object {self.constant(value)}")
            else:
                facts.append(f"rml:objectMap [ {self.term_facts(value, 'objectMap')} ]")
        facts += [f"rml:graphMap [ {self.term_facts(each, 'graphMap')} ]" for each in item.graphs]
        comment = [f"    # {each}" for each in item.comment.splitlines()]
        return [*comment, f"    rml:predicateObjectMap [ {' ; '.join(facts)} ] ;"]

    def join(self, item: Join) -> str:
        sides = []
        for name, value in (("child", item.child), ("parent", item.parent)):
            if isinstance(value, Reference):
                sides.append(f"rml:{name} {quoted(value.name)}")
            else:
                sides.append(f"rml:{name}Map [ {self.expression(value)} ]")
        return f"rml:joinCondition [ {' ; '.join(sides)} ]"

    def target(self, item: LogicalTarget) -> str:
        root = "rml:CurrentWorkingDirectory" if item.root is None else quoted(item.root)
        file = f"rml:target [ a rml:FilePath ; rml:root {root} ; rml:path {quoted(item.path)} ]"
        facts = [file, f"rml:serialization <http://www.w3.org/ns/formats/{SYNTAX_NAMES[item.syntax]}>"]
        facts += [] if item.compression is None else [f"rml:compression rml:{item.compression}"]
        facts += [] if item.encoding == "utf-8" else [f"rml:encoding rml:{item.encoding.upper()}"]
        return f"rml:logicalTarget [ {' ; '.join(facts)} ]"

    def expression(self, value: Expression) -> str:
        if isinstance(value, Constant):
            return f"rml:constant {self.term(value.term)}"
        if isinstance(value, Reference):
            return f"rml:reference {quoted(value.name)}"
        if isinstance(value, FunctionCall):
            return f"rml:functionExecution [ {self.call(value)} ]"
        return f"rml:template {quoted(str(value))}"

    def call(self, value: FunctionCall) -> str:
        facts = [f"rml:function {self.iri(value.function)}"]
        for parameter, item in value.inputs:
            made = f"rml:inputValueMap [ {self.term_facts(item, 'input')} ]"
            facts.append(f"rml:input [ rml:parameter {self.iri(parameter)} ; {made} ]")
        return " ; ".join(facts)

    def term_facts(self, item: TermMap, where: str) -> str:
        if item.gather is not None:
            raise UnsupportedError("a gather map cannot be written yet", expected="other term maps")
        facts = [self.expression(item.value), *map(self.target, item.targets)]
        if item.condition is not None:
            facts.append(f"rml:condition [ {self.term_facts(item.condition, 'condition')} ]")
        if isinstance(item.value, Constant):
            return " ; ".join(facts)
        typed = item.datatype is not None or item.language is not None
        plain = typed or isinstance(item.value, Reference | FunctionCall)
        usual = where in ("languageMap", "input", "condition") or (where == "objectMap" and plain)
        if item.term_type is not (TermType.LITERAL if usual else TermType.IRI):
            facts.append(f"rml:termType rml:{item.term_type.value}")
        if isinstance(item.datatype, TermMap):
            facts.append(f"rml:datatypeMap [ {self.term_facts(item.datatype, 'datatypeMap')} ]")
        elif item.datatype is not None:
            facts.append(f"rml:datatype {self.iri(item.datatype)}")
        if isinstance(item.language, TermMap):
            facts.append(f"rml:languageMap [ {self.term_facts(item.language, 'languageMap')} ]")
        elif item.language is not None:
            facts.append(f'rml:language "{item.language}"')
        return " ; ".join(facts)

    def constant(self, item: TermMap) -> str:
        assert isinstance(item.value, Constant)
        return self.term(item.value.term)

    def term(self, term: Term) -> str:
        if isinstance(term, IRI):
            return self.iri(term.value)
        if isinstance(term, BlankNode):
            return f"_:{term.label}"
        assert isinstance(term, Literal)
        if term.language is not None:
            return f"{quoted(term.lexical)}@{term.language}"
        return quoted(term.lexical) + ("" if term.datatype == XSD_STRING else f"^^{self.iri(term.datatype)}")

    def iri(self, value: str) -> str:
        return iri(value, self.prefixes)

    def name(self, name: str) -> str:
        """The node of a triples map from its name."""
        if name.startswith(("<", "_:")):
            return name
        prefix, colon, _ = name.partition(":")
        return name if colon and prefix in self.prefixes else iri(name, {})


def _raw(value: str) -> str:
    return iri(value, {})
