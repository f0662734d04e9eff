# SPDX-License-Identifier: Apache-2.0
"""Query rewriting and entailment over HTTP: by request, by endpoint, by dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from semcube.server import ServerSettings
from semcube.sparql.memory import MemoryDataset
from tests.server.live import live

if TYPE_CHECKING:
    import httpx

DATA = """@prefix : <http://e/> . @prefix geo: <http://www.opengis.net/ont/geosparql#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:hasShape rdfs:subPropertyOf geo:hasDefaultGeometry .
:a geo:hasDefaultGeometry :ga . :ga geo:asWKT "POINT (1 1)"^^geo:wktLiteral .
:b :hasShape :gb . :gb geo:asWKT "POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))"^^geo:wktLiteral .
"""
QUERY = "PREFIX geo: <http://www.opengis.net/ont/geosparql#> SELECT ?x { ?x geo:sfWithin <http://e/%s> } ORDER BY ?x"
OFF: list[str] = []
REWRITTEN = ["a", "ga", "gb"]
BOTH = ["a", "b", "ga", "gb"]


def names(client: httpx.Client, path: str = "/sparql", of: str = "gb", **parameters: str) -> list[str]:
    response = client.get(path, params={"query": QUERY % of, **parameters})
    assert response.status_code == 200, response.text
    return [row["x"]["value"][9:] for row in response.json()["results"]["bindings"]]


def test_by_request_and_by_endpoint() -> None:
    with live(MemoryDataset.parse(DATA)) as client:
        assert names(client) == OFF
        assert names(client, rewrite="true") == names(client, "/sparql/rewrite") == REWRITTEN
        assert names(client, "/sparql/rewrite", rewrite="false") == OFF
        assert names(client, rewrite="true", entailment="rdfs") == names(client, "/sparql/rewrite-rdfs") == BOTH
        assert names(client, "/sparql/rdfs") == names(client, entailment="rdfs") == OFF
        posted = client.post("/sparql/rewrite", data={"query": QUERY % "gb"})
        assert len(posted.json()["results"]["bindings"]) == 3
        assert (
            client.get("/explain", params={"query": QUERY % "gb", "rewrite": "true"}).json()["text"].count("sfWithin")
        )


def test_by_dataset() -> None:
    settings = ServerSettings(rewrite=True, entailment="rdfs")
    with live(MemoryDataset.parse(DATA), settings) as client:
        assert names(client, of="b") == BOTH
        assert names(client, entailment="none") == REWRITTEN
        assert names(client, rewrite="false") == OFF


@pytest.mark.parametrize("wrong", [{"rewrite": "perhaps"}, {"entailment": "owl"}])
def test_other_values_are_refused(wrong: dict[str, str]) -> None:
    with live(MemoryDataset.parse(DATA)) as client:
        response = client.get("/sparql", params={"query": QUERY % "b", **wrong})
        assert response.status_code == 400
        assert next(iter(wrong)) in response.json()["detail"]
        assert client.get("/sparql/owl", params={"query": QUERY % "b"}).status_code in (400, 404, 422)
