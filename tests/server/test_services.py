# SPDX-License-Identifier: Apache-2.0
"""Which endpoints SERVICE may ask."""

from __future__ import annotations

import pytest

from semcube.errors import RemoteError, UsageError
from semcube.server import ServerSettings
from semcube.server.services import services
from semcube.sparql.memory import MemoryDataset
from tests.server.live import live


@pytest.mark.parametrize(
    "url",
    [
        "http://allowed.example.evil.org/sparql",
        "http://allowed.example@evil.org/sparql",
        "https://allowed.example/sparql",
        "http://allowed.example:81/sparql",
        "http://allowed.example/other",
        "file:///etc/passwd",
        "",
    ],
)
def test_others_are_refused(url: str) -> None:
    find = services(["http://allowed.example/sparql"])
    with pytest.raises(RemoteError, match="--allow-service"):
        find(url)


@pytest.mark.parametrize("start", ["allowed.example", "file:///", "http://"])
def test_a_start_needs_scheme_and_host(start: str) -> None:
    with pytest.raises(UsageError):
        services([start])


def test_an_allowed_endpoint_is_asked_and_others_are_not() -> None:
    with live(MemoryDataset.parse("<http://e/s> <http://e/p> 5 .", "ttl")) as remote:
        endpoint = f"{str(remote.base_url).rstrip('/')}/sparql"
        query = f"SELECT ?o {{ SERVICE <{endpoint}> {{ ?s <http://e/p> ?o }} }}"
        here = MemoryDataset.parse("", "nt")
        with live(here, ServerSettings(service=services([endpoint]))) as client:
            rows = client.get("/sparql", params={"query": query}).json()["results"]["bindings"]
            assert [row["o"]["value"] for row in rows] == ["5"]
            other = query.replace("/sparql>", "/other>").replace(endpoint.split("/")[2], "127.0.0.1:1")
            refused = client.get("/sparql", params={"query": other})
            assert refused.status_code == 502
            assert refused.json()["endpoint"] == "http://127.0.0.1:1/other"
        with live(here) as client:
            assert client.get("/sparql", params={"query": query}).status_code >= 400


@pytest.mark.parametrize("url", ["http://[::1/", "http://host:port/x", "http://a%00b/", "http://exa%20mple/"])
def test_a_bad_endpoint_in_a_query_is_never_a_fault_of_the_server(url: str) -> None:
    with live(MemoryDataset.parse("", "nt"), ServerSettings(service=services(["*"]))) as client:
        answer = client.get("/sparql", params={"query": f"SELECT * {{ SERVICE <{url}> {{ ?s ?p ?o }} }}"})
        assert answer.status_code == 502
        assert answer.json()["endpoint"] == url
        silent = f"SELECT * {{ SERVICE SILENT <{url}> {{ ?s ?p ?o }} }}"
        assert client.get("/sparql", params={"query": silent}).status_code == 200
