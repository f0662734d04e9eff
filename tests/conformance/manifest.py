# SPDX-License-Identifier: Apache-2.0
"""W3C test manifests (RDF read by pyoxigraph) as plain records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyoxigraph as ox

MF = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
QT = "http://www.w3.org/2001/sw/DataAccess/tests/test-query#"
UT = "http://www.w3.org/2009/sparql/tests/test-update#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"


@dataclass(frozen=True)
class Data:
    """The graphs a test starts from, or should end with."""

    default: tuple[Path, ...] = ()
    named: tuple[tuple[str, Path], ...] = ()
    services: tuple[tuple[str, tuple[Path, ...]], ...] = ()


@dataclass(frozen=True)
class Case:
    """One test of a manifest."""

    name: str
    kind: str
    comment: str
    action: Path
    data: Data = field(default_factory=Data)
    result: Path | None = None
    outcome: Data | None = None
    """What the graphs of an update test should hold after it."""
    iri: str = ""
    """The test in its manifest; a file IRI."""


class _Graph:
    """One manifest as subject -> predicate -> objects."""

    def __init__(self, path: Path) -> None:
        self.objects: dict[tuple[object, str], list[object]] = defaultdict(list)
        base = path.resolve().as_uri()
        for quad in ox.parse(path.read_bytes(), ox.RdfFormat.TURTLE, base_iri=base):
            self.objects[quad.subject, quad.predicate.value].append(quad.object)

    def one(self, subject: object, predicate: str) -> object | None:
        found = self.objects.get((subject, predicate), [])
        return found[0] if found else None

    def all(self, subject: object, predicate: str) -> list[object]:
        return self.objects.get((subject, predicate), [])

    def list(self, head: object | None) -> Iterator[object]:
        while head is not None and getattr(head, "value", "") != RDF + "nil":
            yield self.one(head, RDF + "first")
            head = self.one(head, RDF + "rest")


def path_of(node: object) -> Path:
    """The file of an IRI node."""
    return Path(unquote(urlsplit(str(node.value)).path))  # type: ignore[attr-defined]


def _data(graph: _Graph, node: object, vocabulary: str) -> Data:
    named = []
    for item in graph.all(node, vocabulary + "graphData"):
        inner = graph.one(item, vocabulary + "graph")
        label = graph.one(item, RDFS + "label")
        named.append((str(item.value), path_of(item)) if inner is None else (str(label.value), path_of(inner)))  # type: ignore[attr-defined, union-attr]
    services = tuple(
        (
            str(graph.one(item, QT + "endpoint").value),  # type: ignore[union-attr]
            tuple(path_of(d) for d in graph.all(item, QT + "data")),
        )
        for item in graph.all(node, QT + "serviceData")
    )
    return Data(tuple(path_of(d) for d in graph.all(node, vocabulary + "data")), tuple(named), services)


def cases(manifest: Path) -> Iterator[Case]:
    """The tests of a manifest file, in its order."""
    graph = _Graph(manifest)
    heads = [objects[0] for (_, predicate), objects in graph.objects.items() if predicate == MF + "entries"]
    for test in graph.list(heads[0]) if heads else ():
        kind = str(graph.one(test, RDF + "type").value).removeprefix(MF)  # type: ignore[union-attr]
        name = graph.one(test, MF + "name")
        comment = graph.one(test, RDFS + "comment")
        action = graph.one(test, MF + "action")
        result = graph.one(test, MF + "result")
        query = graph.one(action, QT + "query") or graph.one(action, UT + "request") or action
        if not isinstance(query, ox.NamedNode):
            continue
        update = kind == "UpdateEvaluationTest"
        yield Case(
            name=str(getattr(name, "value", test)),
            kind=kind,
            comment=str(getattr(comment, "value", "")),
            action=path_of(query),
            data=_data(graph, action, UT if update else QT),
            result=path_of(result) if isinstance(result, ox.NamedNode) and not update else None,
            outcome=_data(graph, result, UT) if update else None,
            iri=str(getattr(test, "value", "")),
        )


def all_cases(suite: Path, kinds: tuple[str, ...]) -> list[tuple[str, Case]]:
    """The tests of some kinds of all manifests below a folder, with the name of their folder."""
    found = []
    for manifest in sorted(suite.glob("*/manifest.ttl")):
        found += [(manifest.parent.name, case) for case in cases(manifest) if case.kind in kinds]
    return found
