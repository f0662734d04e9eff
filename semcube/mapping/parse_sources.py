# SPDX-License-Identifier: Apache-2.0
"""Logical sources and targets of R2RML, RML-IO (https://w3id.org/rml/io/spec) and the older RML documents."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from semcube.errors import InputError, MappingError, UnsupportedError
from semcube.io.archives import COMPRESSION_NAMES
from semcube.io.formats import FORMATS
from semcube.io.jsonpath import Step, json_path
from semcube.io.terms import IRI, Literal, Term
from semcube.mapping.graph import MappingGraph
from semcube.mapping.model import Formulation, LogicalSource, LogicalTarget
from semcube.mapping.parse_views import ViewReader
from semcube.vocab import DCAT, QL_LEGACY, RDF_TYPE, RML, RR, SEMCUBE

__all__ = ["FORMULATIONS", "SYNTAX_NAMES", "NodeReader", "SourceReader"]

CSVW = "http://www.w3.org/ns/csvw#"
D2RQ = "http://www.wiwiss.fu-berlin.de/suhl/bizer/D2RQ/0.1#"
W3C_FORMATS = "http://www.w3.org/ns/formats/"

FORMULATIONS = {
    SEMCUBE + "Vector": Formulation.VECTOR,
    SEMCUBE + "Raster": Formulation.RASTER,
    RML + "GeoParquet": Formulation.VECTOR,
    RML + "Shapefile": Formulation.VECTOR,
    RML + "CSV": Formulation.CSV,
    QL_LEGACY + "CSV": Formulation.CSV,
    RML + "JSONPath": Formulation.JSON,
    QL_LEGACY + "JSONPath": Formulation.JSON,
    RML + "XPath": Formulation.XML,
    RML + "XPathReferenceFormulation": Formulation.XML,
    QL_LEGACY + "XPath": Formulation.XML,
    RML + "SQL2008Table": Formulation.TABLE,
    RML + "SQL2008Query": Formulation.QUERY,
    RR + "SQL2008": Formulation.TABLE,
    SEMCUBE + "Spreadsheet": Formulation.VECTOR,
    SEMCUBE + "STAC": Formulation.STAC,
    SEMCUBE + "Layer": Formulation.LAYER,
    W3C_FORMATS + "SPARQL_Results_CSV": Formulation.SPARQL,
}
"""Reference formulation -> how the source is read."""

_SUFFIXES = {
    ".csv": Formulation.CSV,
    ".tsv": Formulation.CSV,
    ".json": Formulation.JSON,
    ".xml": Formulation.XML,
}
_OPTIONS = (
    *("variable", "zones", "cells", "crs", "key", "unpivot", "derive", "minPixels", "maxRegions", "confidence"),
    *("table", "user", "namespace", "nulls", "delimiter"),
)
_SYNTAXES = {
    "N-Triples": "nt",
    "N-Quads": "nq",
    "Turtle": "ttl",
    "TriG": "trig",
    "RDF_XML": "rdf",
    "RDF_JSON": "rj",
    "JSON-LD": "jsonld",
    "N3": "n3",
}
SYNTAX_NAMES = {short: name for name, short in _SYNTAXES.items()}
"""Short name of a syntax -> last part of its IRI in http://www.w3.org/ns/formats/."""


class NodeReader:
    """Reads nodes of a document for one triples map; knows its name for messages."""

    def __init__(self, graph: MappingGraph, document: Path, subject: Term) -> None:
        self.graph, self.document, self.subject = graph, document, subject
        self.name = graph.name(subject)

    def error(
        self, found: str, *, node: str | None = None, expected: str | None = None, fix: str | None = None
    ) -> MappingError:
        """The error about a node of the document."""
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

    def iri(self, value: Term, where: str) -> str:
        """The IRI that a value has to be."""
        if not isinstance(value, IRI):
            raise self.error(f"{where} is {self.graph.name(value)}", node=where, expected="an IRI")
        return value.value

    def local(self, node: Term, name: str) -> str | None:
        """The last part of the IRI that is the value of a property, or its text."""
        value = self.one(node, name)
        if value is None:
            return None
        text = value.value if isinstance(value, IRI) else value.lexical if isinstance(value, Literal) else ""
        return text.rsplit("#", 1)[-1].rsplit("/", 1)[-1]


class SourceReader(NodeReader):
    """Reads what a triples map iterates over, and where its quads go."""

    def __init__(self, graph: MappingGraph, document: Path, subject: Term) -> None:
        super().__init__(graph, document, subject)
        self.delimited: set[str] = set()
        self.regular: set[str] = set()

    @cached_property
    def source(self) -> LogicalSource:
        """The logical source, table or view."""
        node = self.one(self.subject, "logicalSource") or self.one(self.subject, "logicalTable")
        if node is None:
            raise self.error("no logical source")
        return self.logical(node)

    def logical(self, node: Term) -> LogicalSource:
        """The logical source, table or view of a node."""
        if self.graph.values(node, "viewOn"):
            return ViewReader(self).view(node)
        query = self.text(node, "sqlQuery") or self.text(node, "query")
        table = self.text(node, "tableName")
        if query is not None and table is not None:
            raise self.error("both a table and a query", node="logicalTable", expected="one of them")
        iterator = query or self.text(node, "iterator") or (None if table is None else _last_name(table))
        path, options = self.source_path(node)
        formulation = Formulation.QUERY if query is not None else self.formulation(node, path, is_table=bool(table))
        for name in _OPTIONS:
            options += [(name, each.lexical) for each in self.graph.values(node, name) if isinstance(each, Literal)]
        if table is not None and table != iterator:
            options.append(("table", table))
        options += self.namespaces(node)
        if formulation in (Formulation.TABLE, Formulation.QUERY) and iterator is None:
            raise self.error("no table and no query", node="logicalSource", expected="rml:iterator")
        if formulation is Formulation.JSON and iterator is not None:
            self.json_steps(iterator, "iterator")
        return LogicalSource(path, formulation, iterator, tuple(sorted(dict.fromkeys(options))))

    def json_steps(self, path: str, where: str) -> tuple[Step, ...]:
        """The steps of a JSON path."""
        try:
            return json_path(path)
        except InputError as error:
            raise self.error(str(error), node=where) from None
        except UnsupportedError as error:
            raise UnsupportedError(f"{self.document}, triples map {self.name}, {where}: {error}") from None

    def formulation(self, node: Term, path: str | None, *, is_table: bool) -> Formulation:
        """How the source is read."""
        value = self.one(node, "referenceFormulation")
        if value is None:
            return Formulation.VECTOR if is_table or path is None else _by_suffix(path)
        iri = value.value if isinstance(value, IRI) and value.value in FORMULATIONS else None
        if iri is None:
            classes = [each.value for each in self.graph.exact(value, RDF_TYPE) if isinstance(each, IRI)]
            iri = next((each for each in classes if each in FORMULATIONS), None)
        if iri is None:
            raise UnsupportedError(
                f"{self.document}, triples map {self.name}: reference formulation {self.graph.name(value)}",
                expected="one of " + ", ".join(f"<{each}>" for each in FORMULATIONS),
                fix="convert the source to a file of one of these kinds",
            )
        return FORMULATIONS[iri]

    def namespaces(self, node: Term) -> list[tuple[str, str]]:
        """Prefixes for the expressions of an XML source (RML-IO registry, XPath)."""
        formulation = self.one(node, "referenceFormulation")
        nodes = [] if formulation is None else self.graph.values(formulation, "namespace")
        return [
            ("namespace", f"{self.text(each, 'namespacePrefix')}={self.text(each, 'namespaceURL')}") for each in nodes
        ]

    def source_path(self, node: Term) -> tuple[str | None, list[tuple[str, str]]]:
        """Path or URL of the source, and the settings that belong to its description."""
        value = self.one(node, "source")
        if value is None:
            return None, []
        if isinstance(value, Literal):
            return _url(value.lexical), []
        if isinstance(value, IRI) and not self.graph.has(value):
            return value.value.removeprefix("file://"), []
        dsn = [each.lexical for each in self.graph.exact(value, D2RQ + "jdbcDSN") if isinstance(each, Literal)]
        if dsn:
            given = (("user", "username"), ("password", "password"))
            options = [
                (name, each.lexical)
                for name, term in given
                for each in self.graph.exact(value, D2RQ + term)
                if isinstance(each, Literal)
            ]
            return _url(dsn[0]), options
        if self.text(value, "path") is not None:
            return self.file_path(value, default=None), self.file_options(value)
        for predicate in (CSVW + "url", DCAT + "downloadURL", DCAT + "accessURL"):
            for url in self.graph.exact(value, predicate):
                found = url.lexical if isinstance(url, Literal) else self.graph.name(url)
                return found.strip("<>").removeprefix("file://"), self.file_options(value)
        raise self.error(
            "the source has no path", node="source", expected="a text, rml:path, csvw:url, dcat:downloadURL or d2rq"
        )

    def file_path(self, node: Term, default: str | None) -> str:
        """The path of a file description; relative to the document, or to what ``rml:root`` says."""
        path = self.text(node, "path") or ""
        root = self.one(node, "root")
        if isinstance(root, Literal):
            return str(Path(root.lexical) / path)
        name = self.local(node, "root") or default
        return path if name in (None, "MappingDirectory") else str(Path.cwd() / path)

    def file_options(self, node: Term) -> list[tuple[str, str]]:
        """Encoding, compression and null values of a file description (RML-IO, section 3)."""
        options = []
        compression, encoding = self.compression(node), self.local(node, "encoding")
        if compression is not None:
            options.append(("compression", compression))
        if encoding is not None and encoding.lower() not in ("utf-8", "utf8"):
            options.append(("encoding", encoding))
        nulls = [each.lexical for each in self.graph.values(node, "null") if isinstance(each, Literal)]
        options += [("null", each) for each in nulls]
        for dialect in self.graph.exact(node, CSVW + "dialect"):
            options += [
                ("delimiter", each.lexical)
                for each in self.graph.exact(dialect, CSVW + "delimiter")
                if isinstance(each, Literal)
            ]
        if not nulls and IRI(RML + "FilePath") in self.graph.exact(node, RDF_TYPE):
            options.append(("nulls", "none"))
        return options

    def compression(self, node: Term) -> str | None:
        """The compression of a source or target; None for none."""
        name = self.local(node, "compression")
        if name is not None and name not in COMPRESSION_NAMES:
            raise self.error(f"compression {name}", node="compression", expected=" ".join(COMPRESSION_NAMES))
        return None if name == "none" else name

    def targets(self, node: Term | None) -> tuple[LogicalTarget, ...]:
        """The logical targets of a term map (RML-IO, section 4)."""
        found = [] if node is None else self.graph.values(node, "logicalTarget")
        return tuple(self.target(each) for each in found)

    def target(self, node: Term) -> LogicalTarget:
        """A logical target; a file."""
        file = self.one(node, "target")
        if file is None:
            raise self.error("a logical target without rml:target", node=self.graph.name(node))
        if self.text(file, "path") is None:
            raise UnsupportedError(
                f"{self.document}, triples map {self.name}: target {self.graph.name(file)}",
                expected="a file described by rml:path",
            )
        serialization = self.local(node, "serialization") or "N-Quads"
        syntax = _SYNTAXES.get(serialization, serialization.lower())
        if syntax != "rj" and syntax not in {each.name for each in FORMATS}:
            raise self.error(f"serialization {serialization}", node="logicalTarget", expected=" ".join(_SYNTAXES))
        at_mapping = self.local(file, "root") == "MappingDirectory"
        return LogicalTarget(
            self.file_path(file, default="MappingDirectory") if at_mapping else self.text(file, "path") or "",
            syntax,
            self.compression(node) or self.compression(file),
            (self.local(node, "encoding") or self.local(file, "encoding") or "utf-8").lower(),
            str(self.document.parent) if at_mapping else self.literal_root(file),
        )

    def literal_root(self, node: Term) -> str | None:
        """A folder that is written out."""
        root = self.one(node, "root")
        return root.lexical if isinstance(root, Literal) else None


def _by_suffix(path: str) -> Formulation:
    return _SUFFIXES.get(Path(path).suffix.lower(), Formulation.VECTOR)


def _last_name(table: str) -> str:
    """The name of a table without its schema and quotes."""
    return table.strip('"').split(".")[-1].strip('"')


def _url(text: str) -> str:
    return text.removeprefix("jdbc:")
