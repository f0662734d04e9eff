# SPDX-License-Identifier: Apache-2.0
"""The W3C SPARQL 1.1 suite as a client sees it: data by the Graph Store Protocol, queries and updates by HTTP."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyoxigraph as ox

from semcube.errors import RemoteError
from semcube.server import ServerSettings
from semcube.sparql.memory import MemoryDataset
from semcube.sparql.remote import RemoteDataset
from semcube.store import Store
from tests.conformance.compare import read_graph, read_results, same_bindings, same_graphs, term_from_oxigraph
from tests.conformance.manifest import Case, Data, all_cases
from tests.conformance.test_query_evaluation import batches
from tests.server.live import live

if TYPE_CHECKING:
    import httpx

    from semcube.io.terms import Term
    from semcube.sparql.context import PushDown
    from semcube.sparql.dataset import Dataset

QUERY_KINDS = ("QueryEvaluationTest", "CSVResultFormatTest")
UPDATE_KINDS = ("UpdateEvaluationTest",)
SYNTAX_KINDS = {
    "PositiveSyntaxTest11": (True, "query"),
    "NegativeSyntaxTest11": (False, "query"),
    "PositiveUpdateSyntaxTest11": (True, "update"),
    "NegativeUpdateSyntaxTest11": (False, "update"),
}
ACCEPT = {
    ".srx": "application/sparql-results+xml",
    ".srj": "application/sparql-results+json",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".ttl": "application/sparql-results+json, text/turtle;q=0.5",
    ".rdf": "application/sparql-results+json, application/rdf+xml;q=0.5",
}
LEFT_OUT = ("entailment",)
"""Folders of the suite that test entailment regimes."""


def suite_cases(suite: Path) -> list[tuple[str, Case]]:
    """Every evaluation and syntax test, with the name of its folder."""
    kinds = (*QUERY_KINDS, *UPDATE_KINDS, *SYNTAX_KINDS)
    return [(name, case) for name, case in all_cases(suite, kinds) if name not in LEFT_OUT]


class Endpoint:
    """A real server over an empty store, and the means to run a test against it."""

    def __init__(self, client: httpx.Client, services: dict[str, Dataset]) -> None:
        self.client = client
        self.services = services

    def put(self, data: Data) -> None:
        """Replace everything the server holds."""
        self.client.post("/update", data={"update": "DROP ALL"}).raise_for_status()
        for path in data.default:
            self._post({"default": ""}, path)
        for name, path in data.named:
            self.client.post("/update", data={"update": f"CREATE SILENT GRAPH <{name}>"}).raise_for_status()
            self._post({"graph": name}, path)

    def _post(self, target: dict[str, str], path: Path) -> None:
        kind = ox.RdfFormat.from_extension(path.suffix.removeprefix("."))
        assert kind is not None
        quads = ox.parse(path.read_bytes(), kind, base_iri=path.resolve().as_uri())
        body = ox.serialize((q.triple for q in quads), format=ox.RdfFormat.N_TRIPLES)
        headers = {"Content-Type": "application/n-triples"}
        self.client.post("/data", params=target, content=body, headers=headers).raise_for_status()

    def run(self, case: Case) -> None:
        """Run one test.

        Raises:
            AssertionError: It fails.
        """
        if case.kind in SYNTAX_KINDS:
            self._syntax(case)
        elif case.kind in UPDATE_KINDS:
            self._update(case)
        else:
            self._query(case)

    def _syntax(self, case: Case) -> None:
        valid, kind = SYNTAX_KINDS[case.kind]
        self.put(Data())
        response = self.client.post(f"/{'sparql' if kind == 'query' else 'update'}", data={kind: _text(case)})
        if valid:
            # a valid text may fail for another reason (SERVICE to nowhere, LOAD of nothing), never for its syntax
            assert response.status_code != 400 or "syntax" not in response.json().get("type", ""), response.text
        else:
            assert response.status_code == 400, (response.status_code, response.text)

    def _update(self, case: Case) -> None:
        self.put(case.data)
        response = self.client.post("/update", data={"update": _text(case)})
        assert response.status_code < 300, (response.status_code, response.text)
        held = self.client.get("/data", headers={"Accept": "application/n-quads"}).raise_for_status()
        found = [_terms(quad) for quad in ox.parse(held.content, ox.RdfFormat.N_QUADS)]
        assert case.outcome is not None
        expected = [triple for path in case.outcome.default for triple in read_graph(path)]
        for name, path in case.outcome.named:
            graph = term_from_oxigraph(ox.NamedNode(name))
            assert graph is not None
            expected += [(*triple, graph) for triple in read_graph(path)]
        assert same_graphs(found, dict.fromkeys(expected)), found

    def _query(self, case: Case) -> None:
        assert case.result is not None
        self.put(case.data)
        self.services.clear()
        with ExitStack() as stack:
            for url, paths in case.data.services:
                held = MemoryDataset(batches(Data(default=paths)))
                other = stack.enter_context(live(held))
                self.services[url] = RemoteDataset(str(other.base_url).rstrip("/") + "/sparql")
            headers = {"Accept": ACCEPT[case.result.suffix]}
            response = self.client.post("/sparql", data={"query": _text(case)}, headers=headers)
        assert response.status_code == 200, (response.status_code, response.text)
        self._compare(response, case.result)

    def _compare(self, response: httpx.Response, expected: Path) -> None:
        kind = response.headers["content-type"].split(";")[0]
        if kind in ("text/turtle", "application/rdf+xml"):
            triples = [_terms(t) for t in ox.parse(response.content, ox.RdfFormat.from_media_type(kind))]
            assert same_graphs(triples, read_graph(expected)), response.text
        elif kind == "text/csv":
            assert _csv(response.text) == _csv(expected.read_text(encoding="utf-8")), response.text
        else:
            answer = ox.parse_query_results(response.content, ox.QueryResultsFormat.from_media_type(kind))
            wanted = read_results(expected)
            if isinstance(answer, ox.QueryBoolean):
                assert bool(answer) == wanted
                return
            assert not isinstance(wanted, bool)
            names = [variable.value for variable in answer.variables]
            rows = [tuple(term_from_oxigraph(row[name]) for name in names) for row in answer]
            assert same_bindings(names, rows, *wanted), response.text


def _terms(quad: ox.Quad) -> tuple[Term, ...]:
    nodes = [quad.subject, quad.predicate, quad.object]
    graph = getattr(quad, "graph_name", ox.DefaultGraph())
    if not isinstance(graph, ox.DefaultGraph):
        nodes.append(graph)
    terms = [term_from_oxigraph(node) for node in nodes]
    assert all(term is not None for term in terms)
    return tuple(term for term in terms if term is not None)


def _text(case: Case) -> str:
    """The text of a test; its base is its file, as in the suite, unless it says another itself."""
    text = case.action.read_text(encoding="utf-8")
    if case.kind in SYNTAX_KINDS:
        return text
    return f"BASE <{case.action.resolve().as_uri()}>\n{text}"


def _csv(text: str) -> tuple[list[str], list[list[str]]]:
    header, *lines = csv.reader(io.StringIO(text))
    return header, sorted([["_:" if cell.startswith("_:") else cell for cell in line] for line in lines])


@contextmanager
def endpoint(push_down: PushDown = "auto") -> Iterator[Endpoint]:
    """A server to run tests against."""
    services: dict[str, Dataset] = {}

    def service(url: str) -> Dataset:
        if url not in services:
            raise RemoteError("no such endpoint", endpoint=url)
        return services[url]

    with (
        Store.in_memory() as store,
        live(store, ServerSettings(allow_update=True, service=service, push_down=push_down)) as client,
    ):
        yield Endpoint(client, services)
