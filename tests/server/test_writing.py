# SPDX-License-Identifier: Apache-2.0
"""``/update`` and the writing half of ``/data``: who may, and that a change is whole or not at all."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyoxigraph as ox
import pytest

from semcube.server import ServerSettings
from semcube.store import Store
from tests.server.live import live

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

TOKEN = "correct-horse"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
TURTLE = {"Content-Type": "text/turtle"}
UPDATE = {"Content-Type": "application/sparql-update"}
G = "http://example.org/g"
NAMED = '{"@id":"http://e/g","@graph":{"@id":"http://e/s","http://e/p":1}}'
ONE = "<http://e/s> <http://e/p> 1 ."


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store", create=True) as opened:
        yield opened


@pytest.fixture
def client(store: Store) -> Iterator[httpx.Client]:
    with live(store, ServerSettings(allow_update=True, max_upload_bytes=200_000)) as opened:
        yield opened


def triples(client: httpx.Client, graph: str | None = G) -> set[str]:
    params = {"default": ""} if graph is None else {"graph": graph}
    response = client.get("/data", params=params, headers={"Accept": "application/n-triples"})
    assert response.status_code == 200, response.text
    return set(response.text.splitlines())


def test_a_token_is_needed_and_checked(store: Store) -> None:
    with live(store, ServerSettings(token=TOKEN)) as client:
        missing = client.post("/update", content="CLEAR ALL", headers=UPDATE)
        assert missing.status_code == 401
        assert missing.headers["www-authenticate"].startswith("Bearer")
        for wrong in ("Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \u00e4".encode()):
            headers = {**UPDATE, "Authorization": wrong}
            assert client.post("/update", content="CLEAR ALL", headers=headers).status_code == 401
        done = client.post("/update", content=f"INSERT DATA {{ {ONE} }}", headers={**UPDATE, **BEARER})
        assert (done.status_code, done.json()["inserted"]) == (200, 1)
        assert client.put("/data?default", content=ONE, headers=TURTLE).status_code == 401
        assert client.delete("/data?default").status_code == 401
        assert client.put("/data?default", content=ONE, headers={**TURTLE, **BEARER}).status_code == 204
        assert client.get("/data?default").status_code == 200


def test_without_permission_nothing_is_written(store: Store) -> None:
    with live(store) as client:
        for response in (
            client.post("/update", data={"update": "CLEAR ALL"}),
            client.post("/sparql", data={"update": "CLEAR ALL"}),
            client.put("/data?default", content=ONE, headers=TURTLE),
            client.post("/data", content=ONE, headers=TURTLE),
            client.delete("/data", params={"graph": G}),
        ):
            assert response.status_code == 403
            assert "--token-file" in response.json()["detail"]
    assert len(store) == 0


def test_a_page_of_another_site_may_not_write(client: httpx.Client) -> None:
    form = {"update": f"INSERT DATA {{ {ONE} }}"}
    assert client.post("/update", data=form, headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.post("/update", data=form, headers={"Origin": "null"}).status_code == 403
    own = str(client.base_url).rstrip("/")
    assert client.post("/update", data=form, headers={"Origin": own}).status_code == 200


def test_an_update_is_all_or_nothing(client: httpx.Client, store: Store) -> None:
    bad = f"INSERT DATA {{ {ONE} }} ; LOAD <http://127.0.0.1:1/none.ttl>"
    response = client.post("/update", content=bad, headers=UPDATE)
    assert response.status_code >= 400
    assert len(store) == 0


def test_load_from_the_network_is_refused(client: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "a.ttl").write_text(ONE)
    response = client.post("/update", content=f"LOAD <{(tmp_path / 'a.ttl').as_uri()}>", headers=UPDATE)
    assert response.status_code >= 400
    assert triples(client, None) == set()


def test_put_replaces_post_adds_delete_removes(client: httpx.Client) -> None:
    def send(method: str, text: str) -> int:
        return client.request(method, "/data", params={"graph": G}, content=text, headers=TURTLE).status_code

    assert send("PUT", ONE) == 201
    assert send("POST", "<http://e/s> <http://e/p> 2 .") == 204
    assert len(triples(client)) == 2
    assert send("PUT", "<http://e/s> <http://e/p> 3 .") == 204
    assert triples(client) == {'<http://e/s> <http://e/p> "3"^^<http://www.w3.org/2001/XMLSchema#integer> .'}
    assert send("PUT", "<http://e/s> <http://e/p> 3 .") == 204
    assert len(triples(client)) == 1
    assert client.delete("/data", params={"graph": G}).status_code == 204
    assert client.delete("/data", params={"graph": G}).status_code == 404
    assert client.get("/data", params={"graph": G}).status_code == 404


def test_an_empty_graph_exists(client: httpx.Client) -> None:
    assert client.put("/data", params={"graph": G}, content="", headers=TURTLE).status_code == 201
    assert client.get("/data", params={"graph": G}).status_code == 200
    assert triples(client) == set()


def test_a_wrong_document_changes_nothing(client: httpx.Client) -> None:
    client.put("/data", params={"graph": G}, content=ONE, headers=TURTLE)
    for method in ("PUT", "POST"):
        bad = "<http://e/s> <http://e/p> 2 .\n<http://e/s> nonsense"
        response = client.request(method, "/data", params={"graph": G}, content=bad, headers=TURTLE)
        assert response.status_code == 400
        assert response.json()["line"] == 2
    assert len(triples(client)) == 1


def test_relative_iris_are_resolved_against_the_graph(client: httpx.Client) -> None:
    client.put("/data", params={"graph": "http://example.org/a/b"}, content="<c> <d> <> .", headers=TURTLE)
    assert triples(client, "http://example.org/a/b") == {
        "<http://example.org/a/c> <http://example.org/a/d> <http://example.org/a/b> ."
    }


def test_a_form_with_several_files(client: httpx.Client) -> None:
    files = [
        ("one", ("one.ttl", ONE, "text/turtle")),
        ("two", ("two.nt", '<http://e/s> <http://e/q> "x" .', "application/n-triples")),
        ("three", ("three.ttl", "<http://e/s> <http://e/r> 3 .", "application/octet-stream")),
    ]
    assert client.post("/data", params={"graph": G}, files=files).status_code == 201
    assert len(triples(client)) == 3
    assert client.post("/data", params={"graph": G}, data={"a": "b"}).status_code == 415


def test_a_compressed_body(client: httpx.Client) -> None:
    headers = {**TURTLE, "Content-Encoding": "gzip"}
    body = gzip.compress(ONE.encode())
    assert client.put("/data", params={"graph": G}, content=body, headers=headers).status_code == 201
    assert len(triples(client)) == 1
    headers["Content-Encoding"] = "br"
    assert client.put("/data", params={"graph": G}, content=body, headers=headers).status_code == 415


@pytest.mark.parametrize(
    ("path", "kind", "body", "status"),
    [
        ("/data?graph=relative", "text/turtle", ONE, 400),
        ("/data?graph=http://e/a&default", "text/turtle", ONE, 400),
        ("/data?graph=http://e/a&graph=http://e/b", "text/turtle", ONE, 400),
        ("/data/a?default", "text/turtle", ONE, 400),
        ("/data?graph=http://e/a", "text/csv", "a,b", 415),
        ("/data?graph=http://e/a", "application/n-quads", "", 415),
        ("/data?graph=http://e/a", "text/turtle", "#" * 300_000, 413),
        ("/data?graph=http://e/a", "application/ld+json", NAMED, 400),
    ],
)  # fmt: skip
def test_wrong_writes(client: httpx.Client, store: Store, path: str, kind: str, body: str, status: int) -> None:
    response = client.put(path, content=body, headers={"Content-Type": kind})
    assert response.status_code == status, response.text
    assert len(store) == 0


def test_the_whole_dataset(client: httpx.Client) -> None:
    client.put("/data?default", content=ONE, headers=TURTLE)
    client.put("/data", params={"graph": G}, content=ONE, headers=TURTLE)
    response = client.get("/data")
    assert response.headers["content-type"] == "application/n-quads"
    quads = set(ox.parse(response.content, format=ox.RdfFormat.N_QUADS))
    assert {str(q.graph_name) for q in quads} == {"DEFAULT", f"<{G}>"}
    assert client.get("/data", headers={"Accept": "text/turtle"}).status_code == 406


def test_writers_and_readers_at_once(client: httpx.Client) -> None:
    """A reader sees a graph whole: either as it was or as it is, never between."""
    import threading

    versions = ["\n".join(f"<http://e/s> <http://e/p{i}> {n} ." for i in range(50)) for n in range(2)]
    client.put("/data", params={"graph": G}, content=versions[0], headers=TURTLE)
    stop, seen = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            found = triples(client)
            seen.append((len(found), len({line.split()[2] for line in found})))

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(10):
        assert client.put("/data", params={"graph": G}, content=versions[n % 2], headers=TURTLE).status_code == 204
    stop.set()
    reader.join()
    assert seen
    assert set(seen) == {(50, 1)}
