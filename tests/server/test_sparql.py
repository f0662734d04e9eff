# SPDX-License-Identifier: Apache-2.0
"""``/sparql``, ``/explain``, ``/health``, ``/metrics`` over real HTTP."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pyarrow as pa
import pyoxigraph as ox
import pytest

from semcube.server import ServerSettings
from semcube.sparql.memory import MemoryDataset
from tests.server.live import live

if TYPE_CHECKING:
    import httpx

GEO = "http://www.opengis.net/ont/geosparql#"
DATA = f"""
@prefix geo: <{GEO}> . @prefix ex: <http://example.org/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
ex:a ex:name "Ä, \\"quoted\\""@de ; ex:size 3 ;
  geo:asWKT "<http://www.opengis.net/def/crs/EPSG/0/4326> POINT(50 10)"^^geo:wktLiteral .
ex:b ex:name "b" ; ex:size 4.5 ; geo:asWKT "POLYGON((0 0, 1 0, 1 1, 0 0))"^^geo:wktLiteral .
"""
NAMES = "SELECT ?s ?name WHERE { ?s <http://example.org/name> ?name } ORDER BY ?s"


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with live(MemoryDataset.parse(DATA, "ttl"), ServerSettings(title="Test", timeout_s=20)) as opened:
        yield opened


def ask(client: httpx.Client, query: str, accept: str = "*/*", **parameters: str) -> httpx.Response:
    return client.get("/sparql", params={"query": query, **parameters}, headers={"Accept": accept})


def test_json_is_the_default(client: httpx.Client) -> None:
    response = ask(client, NAMES)
    assert response.headers["content-type"] == "application/sparql-results+json"
    rows = response.json()["results"]["bindings"]
    assert rows[0]["name"] == {"type": "literal", "value": 'Ä, "quoted"', "xml:lang": "de"}
    assert [row["s"]["value"] for row in rows] == ["http://example.org/a", "http://example.org/b"]


def test_the_three_ways_to_ask_agree(client: httpx.Client) -> None:
    got = ask(client, NAMES).json()
    form = client.post("/sparql", data={"query": NAMES})
    direct = client.post("/sparql", content=NAMES, headers={"Content-Type": "application/sparql-query"})
    assert form.json() == direct.json() == got


def test_csv_tsv_xml(client: httpx.Client) -> None:
    table = list(csv.reader(io.StringIO(ask(client, NAMES, "text/csv").text)))
    assert table == [["s", "name"], ["http://example.org/a", 'Ä, "quoted"'], ["http://example.org/b", "b"]]
    assert ask(client, NAMES, format="tsv").text.splitlines()[0] == "?s\t?name"
    response = ask(client, NAMES, "application/sparql-results+xml")
    parsed = ox.parse_query_results(response.content, format=ox.QueryResultsFormat.XML)
    assert len(list(parsed)) == 2  # type: ignore[arg-type]


def test_geojson_has_lon_lat_whatever_the_literal_says(client: httpx.Client) -> None:
    query = f"SELECT * WHERE {{ ?s <{GEO}asWKT> ?wkt ; <http://example.org/size> ?size }} ORDER BY ?s"
    response = ask(client, query, "application/geo+json")
    assert response.headers["content-type"] == "application/geo+json"
    first, second = response.json()["features"]
    assert first["geometry"] == {"type": "Point", "coordinates": [10.0, 50.0]}
    assert first["properties"]["size"] == 3
    assert second["geometry"]["type"] == "Polygon"


def test_arrow(client: httpx.Client) -> None:
    response = ask(client, NAMES, "application/vnd.apache.arrow.stream")
    with pa.ipc.open_stream(response.content) as reader:
        assert reader.read_all().num_rows == 2


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "text/turtle"),
        ("application/n-triples", "application/n-triples"),
        ("application/rdf+xml", "application/rdf+xml"),
        ("application/ld+json", "application/ld+json"),
        ("application/sparql-results+json, application/n-triples;q=0.9", "application/n-triples"),
    ],
)
def test_construct_is_rdf(client: httpx.Client, accept: str, kind: str) -> None:
    response = ask(client, "CONSTRUCT { ?s <http://p> ?o } WHERE { ?s <http://example.org/name> ?o }", accept)
    assert response.headers["content-type"].split(";")[0] == kind
    triples = list(ox.parse(response.content, format=ox.RdfFormat.from_media_type(kind)))
    assert {t.object.value for t in triples} == {'Ä, "quoted"', "b"}


def test_ask(client: httpx.Client) -> None:
    assert ask(client, "ASK { ?s ?p 3 }").json()["boolean"] is True
    assert ask(client, "ASK { ?s ?p 5 }", "application/sparql-results+xml").text.count("<boolean>false</boolean>") == 1


def test_406_lists_what_there_is(client: httpx.Client) -> None:
    response = ask(client, "ASK {}", "image/png")
    assert response.status_code == 406
    assert "application/sparql-results+json" in response.json()["detail"]
    assert ask(client, "ASK {}", format="geojson").status_code == 406


def test_a_syntax_error_says_where(client: httpx.Client) -> None:
    response = ask(client, "SELECT *\nWHERE { ?s ?p }")
    assert response.status_code == 400
    problem = response.json()
    assert (problem["line"], problem["status"]) == (2, 400)
    assert problem["column"] == 15
    assert problem["type"].endswith("#QuerySyntaxError")


@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        ("/sparql?query=ASK%7B%7D&timeout=abc", {}, None, 400),
        ("/sparql?query=ASK%7B%7D&timeout=-1", {}, None, 400),
        ("/sparql?query=ASK%7B%7D&default-graph-uri=relative", {}, None, 400),
        ("/sparql?query=%FF", {}, None, 400),
        ("/sparql", {"Content-Type": "application/x-www-form-urlencoded"}, b"query=ASK%7B%7D&query=ASK%7B%7D", 400),
        ("/sparql", {"Content-Type": "application/x-www-form-urlencoded"}, b"", 400),
        ("/sparql", {"Content-Type": "application/sparql-query"}, b"ASK { \xff }", 400),
        ("/sparql", {"Content-Type": "text/plain"}, b"ASK {}", 415),
        ("/sparql", {"Content-Type": "application/sparql-query"}, b"#" * 1_100_000, 413),
        ("/sparql", {"Content-Type": "application/sparql-update"}, b"CLEAR ALL", 403),
        ("/update", {"Content-Type": "application/sparql-update"}, b"CLEAR ALL", 403),
        ("/nothing", {}, None, 404),
    ],
)
def test_wrong_requests(
    client: httpx.Client, path: str, headers: dict[str, str], body: bytes | None, status: int
) -> None:
    method = "GET" if body is None else "POST"
    response = client.request(method, path, headers=headers, content=body)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status


def test_service_is_refused_by_default(client: httpx.Client) -> None:
    response = ask(client, "SELECT * WHERE { SERVICE <http://127.0.0.1:1/sparql> { ?s ?p ?o } }")
    assert response.status_code >= 400
    assert "127.0.0.1:1" in response.json()["detail"] or "SERVICE" in response.json()["detail"]


def test_head_has_the_headers_and_runs_nothing(client: httpx.Client) -> None:
    response = client.head("/sparql", params={"query": NAMES, "format": "csv"})
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert client.head("/sparql", params={"query": "SELECT"}).status_code == 400


def test_cors_is_open_for_reading_only(client: httpx.Client) -> None:
    origin = {"Origin": "https://other.example"}
    response = client.get("/sparql", params={"query": "ASK {}"}, headers=origin)
    assert response.headers["access-control-allow-origin"] == "*"

    def preflight(method: str, headers: str) -> httpx.Response:
        asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
        return client.options("/sparql", headers={**origin, **asked})

    assert preflight("POST", "content-type").status_code == 200
    assert preflight("PUT", "content-type").status_code == 400
    assert preflight("POST", "authorization").status_code == 400


def test_a_browser_without_a_query_gets_the_page(client: httpx.Client) -> None:
    response = client.get("/sparql", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert response.status_code == 303
    assert response.headers["location"].endswith("/")


def test_explain(client: httpx.Client) -> None:
    body = client.get("/explain", params={"query": NAMES}).json()
    assert "parsed" in body["plan"]["stages"]
    assert "OrderBy" in body["text"]
    same = client.get("/sparql", params={"query": NAMES, "explain": "1"}).json()
    assert same["plan"]["stages"] == body["plan"]["stages"]
    assert client.get("/explain").status_code == 400


def test_health(client: httpx.Client) -> None:
    assert client.get("/health/live").json() == {"status": "ok"}
    for path in ("/health", "/health/ready"):
        body = client.get(path).json()
        assert (body["status"], body["writable"]) == ("ok", False)


def test_metrics_count_by_route(client: httpx.Client) -> None:
    ask(client, "ASK {}")
    text = client.get("/metrics").text
    assert 'semcube_http_requests_total{method="GET",route="/sparql",status="200"}' in text
    assert 'semcube_work_seconds_count{operation="query",outcome="done"}' in text
    assert "nothing" not in text


def test_openapi_lists_every_route(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()
    assert {"/sparql", "/update", "/data", "/data/{path}", "/explain", "/health", "/metrics"} <= set(described["paths"])
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (path, method)


def test_a_long_query_goes_by_post(client: httpx.Client) -> None:
    query = NAMES + "\n# " + "x" * 500_000
    body = urlencode({"query": query})
    response = client.post("/sparql", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert len(json.loads(response.content)["results"]["bindings"]) == 2
