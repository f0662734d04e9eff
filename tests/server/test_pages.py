# SPDX-License-Identifier: Apache-2.0
"""The page's files, and what the page asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from semcube.server import ServerSettings
from semcube.store import Store
from semcube.web import assets
from tests.conftest import skip_or_fail
from tests.server.live import live

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

DATA = """
@prefix geo: <http://www.opengis.net/ont/geosparql#> . @prefix ex: <http://example.org/> .
ex:a a ex:Lake ; ex:depth 3 ; geo:hasGeometry [ geo:asWKT "POINT(1 2)"^^geo:wktLiteral ] .
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with Store.open(tmp_path_factory.mktemp("pages") / "store", create=True) as store:
        store.load(DATA.encode(), format="ttl")
        store.load(DATA.encode(), format="ttl", graph="http://example.org/g")
        with live(store, ServerSettings(title="Lakes")) as opened:
            yield opened


def built(client: httpx.Client) -> str:
    if not assets.is_built():
        skip_or_fail("the front end is not built; run 'make web'")
    return client.get("/").text


def test_the_page_names_only_own_files(client: httpx.Client) -> None:
    page = built(client)
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(addresses) >= 4
    assert not [a for a in addresses if "//" in a]


def test_scripts_have_their_type_policy_and_a_long_life(client: httpx.Client) -> None:
    names = re.findall(r'"(assets/[^"]+)"', built(client))
    worker = next(assets.STATIC.glob("assets/map-worker-*.mjs")).name
    for name in [*names, f"assets/{worker}"]:
        response = client.get(f"/{name}")
        assert response.status_code == 200
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        if name.endswith("js"):
            assert response.headers["content-type"] == "text/javascript; charset=utf-8"
            assert "default-src 'self'" in response.headers["content-security-policy"]
    page = client.get("/")
    assert page.headers["cache-control"] == "no-cache"
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "script-src 'self';" in policy
    assert "http" not in policy


def test_answers_run_nothing(client: httpx.Client) -> None:
    response = client.get("/sparql", params={"query": "ASK {}"})
    assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["../pages.py", "..%2fpages.py", "%2e%2e/pages.py", "none.js", ".npmrc"])
def test_nothing_else_is_reached(client: httpx.Client, name: str) -> None:
    assert client.get(f"/assets/{name}").status_code == 404


def test_about(client: httpx.Client) -> None:
    body = client.get("/about").json()
    assert (body["title"], body["triples"], body["geometries"], body["graphs"]) == ("Lakes", 8, 1, 1)
    assert body["extent"] == [1.0, 2.0, 1.0, 2.0]
    assert body["prefixes"]["geo"] == "http://www.opengis.net/ont/geosparql#"
    assert {"name": "csv", "title": "CSV", "extension": "csv", "kind": "bindings"} in body["formats"]


def test_vocabulary(client: httpx.Client) -> None:
    body = client.get("/vocabulary").json()
    assert body["classes"] == ["http://example.org/Lake"]
    assert "http://example.org/depth" in body["properties"]


def test_every_example_has_an_answer(client: httpx.Client) -> None:
    examples = client.get("/examples").json()["examples"]
    labels = [example["label"] for example in examples]
    assert "Lake (1)" in labels
    for example in examples:
        response = client.post("/sparql", data={"query": example["query"]})
        assert response.status_code == 200, (example, response.text)
        if example["label"] == "Lake (1)":
            (row,) = response.json()["results"]["bindings"]
            assert (row["depth"]["value"], row["wkt"]["value"]) == ("3", "POINT(1 2)")


def test_land(client: httpx.Client) -> None:
    response = client.get("/map/land.geojson")
    assert response.headers["content-type"] == "application/geo+json"
    assert len(response.json()["features"]) > 100


def test_without_the_built_page_there_is_a_form(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from semcube.server import pages

    monkeypatch.setattr(pages, "is_built", lambda: assets.is_built(tmp_path))
    for path in ("/", "/docs"):
        page = client.get(path).text
        assert "make web" in page
        assert '<form action="sparql" method="get">' in page
        assert "<script" not in page
    assert client.get("/plain.css").headers["content-type"].startswith("text/css")


def test_counts_follow_the_data(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store", create=True) as store, live(store) as client:
        assert client.get("/about").json()["triples"] == 0
        store.load(DATA.encode(), format="ttl")
        assert client.get("/about").json()["triples"] == 4
        assert "Lake (1)" in [e["label"] for e in client.get("/examples").json()["examples"]]
