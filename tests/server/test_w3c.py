# SPDX-License-Identifier: Apache-2.0
"""The W3C test suites of the SPARQL 1.1 Protocol, the Graph Store Protocol and the service description, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyoxigraph as ox
import pytest

from semcube.server import ServerSettings
from semcube.store import Store
from tests.conftest import shared_folder, skip_or_fail
from tests.server.live import live
from tests.server.w3c import Case, Exchange, Manifest, fits

if TYPE_CHECKING:
    import httpx

FOLDER = shared_folder()
SUITE = None if FOLDER is None else FOLDER / "suites" / "sparql11"
WRITABLE = ServerSettings(allow_update=True)


def cases(manifest: str, kind: str) -> list[object]:
    if SUITE is None:
        return [pytest.param(None, id="suite-absent")]
    return [pytest.param(case, id=case.name) for case in Manifest(SUITE / manifest).cases(kind)]


def needed(case: Case | None) -> Case:
    if case is None:
        skip_or_fail("the W3C suites are absent")
    assert case is not None
    return case


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, httpx.Client]]:
    with (
        Store.open(tmp_path_factory.mktemp("w3c") / "store", create=True) as store,
        live(store, WRITABLE) as client,
    ):
        yield store, client


def send(client: httpx.Client, exchange: Exchange, path: str) -> httpx.Response:
    # a request without a media type is one with an empty one: the client would add its own
    request = client.build_request(exchange.method, path, headers=exchange.headers, content=exchange.body)
    return client.send(request)


def isomorphic(left: bytes, right: str) -> bool:
    def dataset(text: bytes | str) -> ox.Dataset:
        found = ox.Dataset(ox.parse(text, format=ox.RdfFormat.TURTLE, base_iri="http://www.example/gsp/"))
        found.canonicalize(ox.CanonicalizationAlgorithm.UNSTABLE)
        return found

    return bool(dataset(left) == dataset(right))


RESULT_TYPES = {
    "boolean": {"application/sparql-results+json", "application/sparql-results+xml"},
    "tabular": {"application/sparql-results+json", "application/sparql-results+xml", "text/csv"},
    "RDF": {"text/turtle", "application/n-triples", "application/rdf+xml"},
}


@pytest.mark.parametrize("case", cases("protocol/manifest.ttl", "ProtocolTest"))
def test_protocol(served: tuple[Store, httpx.Client], case: Case | None) -> None:
    store, client = served
    case = needed(case)
    store.update("DROP ALL")
    for path, graph in case.data:
        store.load(path, graph=graph)
    for exchange in case.exchanges:
        path = exchange.path.replace("/sparql/", "/sparql", 1)
        response = send(client, exchange, path)
        assert fits(response.status_code, exchange.statuses), response.text
        if exchange.format is not None:
            assert response.headers["content-type"].split(";")[0] in RESULT_TYPES[exchange.format]
        if exchange.boolean is not None:
            assert response.json()["boolean"] is exchange.boolean
        if response.status_code >= 400:
            assert response.headers["content-type"] == "application/problem+json"
            assert response.json()["status"] == response.status_code


@pytest.mark.parametrize(
    "case",
    cases("graph-store-protocol/manifest-direct.ttl", "GraphStoreProtocolTest")
    + cases("graph-store-protocol/manifest-indirect.ttl", "GraphStoreProtocolTest"),
)
def test_graph_store(served: tuple[Store, httpx.Client], case: Case | None) -> None:
    store, client = served
    case = needed(case)
    store.update("DROP ALL")
    location = ""
    for exchange in case.exchanges:
        path = exchange.path.replace("/gsp", "/data", 1).replace("$LOCATION$", location)
        response = send(client, exchange, path)
        assert fits(response.status_code, exchange.statuses), response.text
        if exchange.expected_type is not None:
            assert response.headers["content-type"] == exchange.expected_type
        if exchange.location is not None:
            location = response.headers["location"]
        if exchange.expected_body is not None:
            assert isomorphic(response.content, exchange.expected_body)


SD = "http://www.w3.org/ns/sparql-service-description#"


@pytest.mark.parametrize("accept", ["text/turtle", "application/n-triples", "application/rdf+xml", "*/*"])
def test_service_description(served: tuple[Store, httpx.Client], accept: str) -> None:
    _, client = served
    response = client.get("/sparql", headers={"Accept": accept})
    assert response.status_code == 200
    kind = response.headers["content-type"].split(";")[0]
    assert kind == (accept if accept != "*/*" else "text/turtle")
    graph = ox.Store()
    graph.bulk_load(response.content, format=ox.RdfFormat.from_media_type(kind))
    answer = graph.query(
        f"""PREFIX sd: <{SD}> SELECT ?service ?endpoint {{
              ?service a sd:Service ; sd:endpoint ?endpoint ; sd:supportedLanguage sd:SPARQL11Query, sd:SPARQL11Update ;
                sd:defaultDataset [ a sd:Dataset ; sd:defaultGraph [ a sd:Graph ] ] }}"""
    )
    (row,) = list(answer)  # type: ignore[arg-type]
    assert row["endpoint"].value == f"{client.base_url}".rstrip("/") + "/sparql"
    # every feature, language, format and function is an IRI, as the vocabulary's ranges ask
    for name in ("feature", "supportedLanguage", "resultFormat", "extensionFunction"):
        objects = [q.object for q in graph.quads_for_pattern(None, ox.NamedNode(SD + name), None)]
        assert objects
        assert all(isinstance(o, ox.NamedNode) for o in objects)


def test_manifests_are_complete(shared: Path) -> None:
    suite = shared / "suites" / "sparql11"
    assert len(list(Manifest(suite / "protocol/manifest.ttl").cases("ProtocolTest"))) == 34
    assert len(list(Manifest(suite / "graph-store-protocol/manifest-direct.ttl").cases("GraphStoreProtocolTest"))) == 4
