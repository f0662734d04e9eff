# SPDX-License-Identifier: Apache-2.0
"""Reads the W3C manifests whose tests are HTTP requests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyoxigraph as ox

MF = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
HT = "http://www.w3.org/2011/http#"
CNT = "http://www.w3.org/2011/content#"
UT = "http://www.w3.org/2009/sparql/tests/test-update#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
STATUS = {"Created": "201", "OK": "200", "NoContent": "204", "NotFound": "404"}


@dataclass
class Exchange:
    """One request and what is expected of its response."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None
    statuses: list[str]
    """``2xx`` or ``201``"""
    boolean: bool | None
    format: str | None
    expected_type: str | None
    expected_body: str | None
    location: str | None


@dataclass
class Case:
    """One test."""

    name: str
    exchanges: list[Exchange]
    data: list[tuple[Path, str]] = field(default_factory=list)
    """Files and the graphs they go to."""


class Manifest:
    """A manifest, asked by subject and predicate."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = ox.Store()
        self.store.bulk_load(path.read_bytes(), format=ox.RdfFormat.TURTLE, base_iri=path.resolve().as_uri())

    def values(self, subject: Any, predicate: str) -> list[Any]:
        return [q.object for q in self.store.quads_for_pattern(subject, ox.NamedNode(predicate), None)]

    def text(self, subject: Any, predicate: str) -> str | None:
        found = self.values(subject, predicate)
        return found[0].value if found else None

    def members(self, node: Any) -> list[Any]:
        found = []
        while node.value != RDF + "nil":
            found.append(self.values(node, RDF + "first")[0])
            node = self.values(node, RDF + "rest")[0]
        return found

    def cases(self, kind: str) -> Iterator[Case]:
        entries = next(self.store.quads_for_pattern(None, ox.NamedNode(MF + "entries"), None)).object
        for entry in self.members(entries):
            if kind not in [v.value.rpartition("#")[2] for v in self.values(entry, RDF + "type")]:
                continue
            (action,) = self.values(entry, MF + "action")
            (requests,) = self.values(action, HT + "requests")
            data = [
                (Path(self.text(node, UT + "graph").removeprefix("file://")), str(self.text(node, RDFS + "label")))  # type: ignore[union-attr]
                for node in self.values(entry, UT + "graphData")
            ]
            exchanges = [self._exchange(node) for node in self.members(requests)]
            yield Case(entry.value.rpartition("#")[2], exchanges, data)

    def _headers(self, node: Any) -> dict[str, str]:
        found = {}
        for listed in self.values(node, HT + "headers"):
            for header in self.members(listed):
                found[str(self.text(header, HT + "fieldName")).lower()] = str(self.text(header, HT + "fieldValue"))
        return found

    def _body(self, node: Any) -> tuple[str, str] | None:
        for body in self.values(node, HT + "body"):
            return str(self.text(body, CNT + "chars")), self.text(body, CNT + "characterEncoding") or "UTF-8"
        return None

    def _exchange(self, node: Any) -> Exchange:
        (response,) = self.values(node, HT + "resp")
        body, expected = self._body(node), self._body(response)
        statuses = [
            v.value.rpartition("#")[2].removeprefix("StatusCode") for v in self.values(response, MF + "expectedStatus")
        ]
        boolean = self.text(response, MF + "expectedBoolean")
        return Exchange(
            str(self.text(node, HT + "methodName")),
            str(self.text(node, HT + "absolutePath")),
            self._headers(node),
            None if body is None else body[0].encode(body[1]),
            [STATUS.get(text, text.lower()) for text in statuses],
            None if boolean is None else boolean == "true",
            self.text(response, MF + "expectedFormat"),
            self._headers(response).get("content-type"),
            None if expected is None else expected[0],
            self.text(response, MF + "expectedLocation"),
        )


def fits(status: int, wanted: list[str]) -> bool:
    """Whether a status is one of those wanted."""
    return any(text == str(status) or (text.endswith("xx") and text[0] == str(status)[0]) for text in wanted)
