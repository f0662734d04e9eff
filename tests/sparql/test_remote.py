# SPDX-License-Identifier: Apache-2.0
"""A remote endpoint, played by a transport that answers from memory."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs

import httpx
import pytest

from semcube.errors import QueryTimeoutError, RemoteError, UnsupportedError, UsageError
from semcube.io.terms import IRI, BlankNode, Literal
from semcube.sparql.dataset import ActiveGraph, Dataset
from semcube.sparql.explain import Trace
from semcube.sparql.memory import MemoryDataset
from semcube.sparql.query import execute
from semcube.sparql.remote import RemoteDataset
from semcube.sparql.results import FORMATS

URL = "http://endpoint.example/sparql"
DATA = """@prefix : <http://e/> . :a :p :b ; :name "A" . :b :p :c ; :name "B"@en . :c :p :a ; :size 5 . _:n :p :a .
:g { :a :q 1, 2.5 . }"""
P = "PREFIX : <http://e/> "


class Endpoint:
    """Answers requests from memory and keeps them."""

    def __init__(self, data: str = DATA, name: str = "json") -> None:
        self.dataset = MemoryDataset.parse(data, "trig")
        self.name = name
        self.requests: list[httpx.Request] = []
        self.queries: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        parameters = parse_qs(request.url.query.decode() if request.method == "GET" else request.content.decode())
        self.requests.append(request)
        self.queries.append(parameters["query"][0])
        default = tuple(IRI(iri) for iri in parameters.get("default-graph-uri", []))
        named = tuple(IRI(iri) for iri in parameters.get("named-graph-uri", []))
        active = ActiveGraph(default, named) if default or named else None
        answer = execute(parameters["query"][0], self.dataset, active=active)
        chosen = FORMATS[self.name]
        body = b"".join(chosen.solutions(answer.variables, answer.terms()))
        return httpx.Response(200, content=body, headers={"Content-Type": chosen.media_types[0]})

    def remote(self) -> RemoteDataset:
        return RemoteDataset(URL, httpx.Client(transport=httpx.MockTransport(self)))


def failing(handler: Callable[[httpx.Request], httpx.Response]) -> RemoteDataset:
    return RemoteDataset(URL, httpx.Client(transport=httpx.MockTransport(handler)))


def rows(query: str, dataset: Dataset, **options: object) -> list[tuple[object, ...]]:
    return sorted(execute(P + query, dataset, **options).rows(), key=str)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["json", "xml", "tsv"])
@pytest.mark.parametrize("push_down", ["auto", "off"])
def test_a_query_over_an_endpoint(name: str, push_down: str) -> None:
    endpoint = Endpoint(name=name)
    query = "SELECT ?s ?o ?n { ?s :p ?o OPTIONAL { ?s :name ?n } FILTER(isIRI(?s)) }"
    assert rows(query, endpoint.remote(), push_down=push_down) == rows(query, endpoint.dataset)


def test_a_whole_plan_is_one_request() -> None:
    endpoint = Endpoint()
    query = "SELECT ?o (COUNT(*) AS ?n) { ?s :p/:p ?o . FILTER(?s != :x) } GROUP BY ?o HAVING (COUNT(*) > 0)"
    assert rows(query, endpoint.remote()) == rows(query, endpoint.dataset)
    assert len(endpoint.requests) == 1


def test_named_graphs() -> None:
    endpoint = Endpoint()
    query = "SELECT * { GRAPH ?g { ?s :q ?o } }"
    assert rows(query, endpoint.remote()) == rows(query, endpoint.dataset)
    assert rows(query, endpoint.remote(), push_down="off") == rows(query, endpoint.dataset)
    query = "SELECT * FROM :g { ?s ?p ?o }"
    assert rows(query, endpoint.remote()) == rows(query, endpoint.dataset)
    assert len(rows(query, endpoint.dataset)) == 2


def test_long_queries_are_posted() -> None:
    endpoint = Endpoint()
    rows("SELECT * { ?s :p ?o }", endpoint.remote())
    rows(f"SELECT * {{ ?s :p ?o FILTER(?s != <http://e/{'x' * 2000}>) }}", endpoint.remote())
    assert [request.method for request in endpoint.requests] == ["GET", "POST"]


def test_service_sends_bindings_in_blocks() -> None:
    endpoint = Endpoint("@prefix : <http://e/> . " + " ".join(f":s{i} :v {i} ." for i in range(900)))
    local = MemoryDataset.parse("@prefix : <http://e/> . " + " ".join(f":s{i} :in :here ." for i in range(0, 900, 2)))
    query = "SELECT ?s ?v { ?s :in :here . SERVICE <http://endpoint.example/sparql> { ?s :v ?v } }"
    found = rows(query, local, service=lambda url: endpoint.remote())
    assert len(found) == 450
    assert len(endpoint.requests) == 3
    assert all("VALUES" in query for query in endpoint.queries)


def test_service_without_shared_bindings_sends_the_pattern() -> None:
    endpoint = Endpoint()
    local = MemoryDataset.parse("<http://e/x> <http://e/y> <http://e/z> .")
    found = rows(
        f"SELECT ?o {{ ?x :y ?z . SERVICE <{URL}> {{ :a :p ?o }} }}", local, service=lambda _: endpoint.remote()
    )
    assert found == [(IRI("http://e/b"),)]
    assert "VALUES" not in endpoint.queries[0]


def test_service_named_by_a_variable() -> None:
    endpoint, asked = Endpoint(), []

    def service(url: str) -> Dataset:
        asked.append(url)
        return endpoint.remote()

    local = MemoryDataset.parse(f"<http://e/x> <http://e/at> <{URL}>, <http://other.example/> .")
    query = "SELECT ?url ?o { :x :at ?url . SERVICE ?url { :a :p ?o } }"
    found = rows(query, local, service=service)
    assert found == [(IRI(URL), IRI("http://e/b")), (IRI("http://other.example/"), IRI("http://e/b"))]
    assert sorted(asked) == sorted(["http://other.example/", URL])


def test_blank_nodes_of_two_requests_are_different() -> None:
    endpoint = Endpoint()
    query = f"SELECT * {{ SERVICE <{URL}> {{ ?s :p :a FILTER(isBlank(?s)) }} }}"
    local = MemoryDataset()
    one = rows(query, local, service=lambda _: endpoint.remote())
    assert isinstance(one[0][0], BlankNode)
    twice = f"SELECT * {{ SERVICE <{URL}> {{ ?s :p :a }} SERVICE <{URL}> {{ ?s :p ?o FILTER(isBlank(?s)) }} }}"
    assert rows(twice, local, service=lambda _: endpoint.remote()) == []


def test_an_endpoint_that_fails_is_an_error_that_names_it() -> None:
    remote = failing(lambda request: httpx.Response(500, text="out of  memory"))
    with pytest.raises(RemoteError) as caught:
        rows("SELECT * { ?s ?p ?o }", remote)
    assert caught.value.endpoint == URL
    assert caught.value.status == 500
    assert "endpoint http://endpoint.example/sparql: status 500: out of memory" in str(caught.value)


def test_redirects_are_told_not_followed() -> None:
    remote = failing(lambda request: httpx.Response(302, headers={"Location": "http://elsewhere.example/"}))
    with pytest.raises(RemoteError, match=r"status 302, moved to http://elsewhere\.example/"):
        rows("SELECT * { ?s ?p ?o }", remote)


def test_an_unreachable_endpoint() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    with pytest.raises(RemoteError, match="ConnectError connection refused"):
        rows("SELECT * { ?s ?p ?o }", failing(refuse))


@pytest.mark.parametrize(
    ("body", "kind"),
    [("<html></html>", "text/html"), ("{broken", "application/sparql-results+json"), ("{}", "image/png")],
)
def test_an_answer_that_is_no_result(body: str, kind: str) -> None:
    remote = failing(lambda request: httpx.Response(200, text=body, headers={"Content-Type": kind}))
    with pytest.raises(RemoteError, match="cannot be read"):
        rows("SELECT * { ?s ?p ?o }", remote)


def test_silent_swallows_remote_errors_only() -> None:
    local = MemoryDataset.parse("<http://e/x> <http://e/y> <http://e/z> .")
    query = f"SELECT * {{ ?x :y ?z . SERVICE SILENT <{URL}> {{ ?x :v ?v }} }}"
    broken = failing(lambda request: httpx.Response(503))
    trace = Trace()
    found = rows(query, local, service=lambda _: broken, trace=trace)
    assert found == [(IRI("http://e/x"), IRI("http://e/z"), None)]
    assert trace.counts["silent SERVICE failures"] == 1
    with pytest.raises(UnsupportedError, match="not allowed"):
        rows(query, local)


def test_the_deadline_is_the_timeout_of_a_request() -> None:
    seen: list[float] = []

    def slow(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"]["read"])
        raise httpx.ReadTimeout("too slow", request=request)

    with pytest.raises(RemoteError, match="ReadTimeout"):
        rows("SELECT * { ?s ?p ?o }", failing(slow), timeout=30)
    assert 0 < seen[0] <= 30
    with pytest.raises(QueryTimeoutError):
        rows("SELECT * { ?s ?p ?o }", failing(slow), timeout=1e-9)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://e/", "data:text/plain,x", "/local", "http://", "http:///sparql", "http://[::1/",
        "http://host:port/", "http://host:99999/", "http://:80/x",
    ],
)  # fmt: skip
def test_only_http_addresses(url: str) -> None:
    with pytest.raises(UsageError, match="http"):
        RemoteDataset(url)


def test_literals_come_back_as_they_are() -> None:
    endpoint = Endpoint('@prefix : <http://e/> . :a :p "01"^^<http://www.w3.org/2001/XMLSchema#integer>, "x\\n\\"y" .')
    found = {row[0] for row in rows("SELECT ?o { :a :p ?o }", endpoint.remote())}
    assert found == {Literal("01", "http://www.w3.org/2001/XMLSchema#integer"), Literal('x\n"y')}


@pytest.mark.parametrize(
    "url", ["http://a\x00b/", "http://exa mple/", "http://xn--\u00ff/", "http://" + "a" * 70 + "/", "http://a\u2100b/"]
)
@pytest.mark.parametrize("push_down", ["auto", "off"])
def test_an_address_that_the_client_refuses_is_a_remote_error(url: str, push_down: str) -> None:
    with pytest.raises((RemoteError, UsageError)):
        rows("SELECT * { ?s ?p ?o }", RemoteDataset(url), push_down=push_down, timeout=20)


@pytest.mark.parametrize("url", ["http://[::1/", "http://host:port/", "mailto:x@y", "http://a%00b/"])
def test_service_with_a_bad_address(url: str) -> None:
    local = MemoryDataset.parse("<http://e/x> <http://e/y> <http://e/z> .")
    query = f"SELECT * {{ ?x :y ?z . SERVICE SILENT <{url}> {{ ?x :v ?v }} }}"
    with pytest.raises(RemoteError):
        rows(query.replace(" SILENT", ""), local, service=RemoteDataset, timeout=20)
    found = rows(query, local, service=RemoteDataset, timeout=20)
    assert found == [(IRI("http://e/x"), IRI("http://e/z"), None)]


def test_an_answer_larger_than_the_limit_is_refused() -> None:
    endpoint = Endpoint()
    client = httpx.Client(transport=httpx.MockTransport(endpoint))
    query = "SELECT * { ?s :p ?o }"
    assert len(rows(query, RemoteDataset(URL, client))) == 4
    with pytest.raises(RemoteError, match="larger than 100 bytes"):
        rows(query, RemoteDataset(URL, client, max_bytes=100))


def test_of_a_long_refusal_only_the_start_is_read() -> None:
    read = []

    def endless():  # type: ignore[no-untyped-def]
        while True:
            read.append(1)
            yield b"no " * 1000

    with pytest.raises(RemoteError, match="status 500: no no"):
        rows("SELECT * { ?s ?p ?o }", failing(lambda request: httpx.Response(500, content=endless())))
    assert len(read) < 10
