# SPDX-License-Identifier: Apache-2.0
"""The query evaluation tests of the W3C SPARQL 1.1 suite, over the Python interface."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from semcube.errors import RemoteError
from semcube.io.rdf import read_rdf
from semcube.io.terms import IRI, BlankNode, Literal, key, term
from semcube.sparql.dataset import Dataset
from semcube.sparql.memory import MemoryDataset
from semcube.sparql.query import Answer, execute
from tests.conformance.compare import read_graph, read_results, same_bindings, same_graphs
from tests.conformance.manifest import Case, Data, all_cases
from tests.conftest import shared_folder

if TYPE_CHECKING:
    import pyarrow as pa

FOLDERS = (
    "aggregates", "bind", "bindings", "cast", "construct", "csv-tsv-res", "exists", "functions", "grouping", "json-res",
    "negation", "project-expression", "property-path", "service", "subquery",
)  # fmt: skip


def _cases() -> list[tuple[str, Case]]:
    folder = shared_folder()
    if folder is None:
        return []
    found = all_cases(folder / "suites" / "sparql11", ("QueryEvaluationTest", "CSVResultFormatTest"))
    return [(name, case) for name, case in found if name in FOLDERS]


CASES = _cases()


def batches(data: Data) -> Iterator[pa.RecordBatch]:
    """The quads of a test's data."""
    for path in data.default:
        yield from read_rdf(path, base=path.resolve().as_uri())
    for name, path in data.named:
        yield from read_rdf(path, base=path.resolve().as_uri(), graph=IRI(name))


@contextmanager
def memory(data: Data) -> Iterator[Dataset]:
    """A test's data in memory; named graphs may be empty."""
    dataset = MemoryDataset(batches(data))
    for name, _ in data.named:
        dataset.create_graph(IRI(name))
    yield dataset


@contextmanager
def store(data: Data) -> Iterator[Dataset]:
    """A test's data in a store."""
    from semcube.store import Store

    with Store.in_memory() as opened:
        opened.load(batches(data))
        for name, _ in data.named:
            opened.update(f"CREATE SILENT GRAPH <{name}>")
        yield opened


def services_of(data: Data) -> Callable[[str], Dataset]:
    """The endpoints of a test; any other fails as an unreachable one does."""
    endpoints = {url: MemoryDataset(batches(Data(default=paths))) for url, paths in data.services}

    def service(url: str) -> Dataset:
        if url not in endpoints:
            raise RemoteError("no such endpoint", endpoint=url)
        return endpoints[url]

    return service


def assert_answer(answer: Answer, case: Case) -> None:
    """Compares an answer with the expected result."""
    assert case.result is not None
    if answer.kind == "graph":
        triples = [tuple(term(row[n]) for n in "spo") for batch in answer.quads() for row in batch.to_pylist()]
        assert same_graphs(triples, read_graph(case.result)), triples
        return
    if case.result.suffix == ".csv":
        assert_csv(answer, case.result)
        return
    expected = read_results(case.result)
    if answer.kind == "boolean":
        assert answer.boolean == expected
        return
    assert not isinstance(expected, bool)
    rows = list(answer.rows())
    readable = [[None if t is None else key(t) for t in row] for row in rows]
    assert same_bindings(answer.variables, rows, *expected), f"{answer.variables} {readable}\nexpected {expected}"


def assert_csv(answer: Answer, path: Path) -> None:
    """CSV holds lexical forms only; labels of blank nodes are free."""
    header, *lines = csv.reader(io.StringIO(path.read_text()))
    rows = [[_text(t) for t in row] for row in answer.rows()]
    assert list(answer.variables) == header
    assert sorted(rows) == sorted([["_:" if c.startswith("_:") else c for c in line] for line in lines])


def _text(value: object) -> str:
    if isinstance(value, BlankNode):
        return "_:"
    if isinstance(value, Literal):
        return value.lexical
    return "" if value is None else str(getattr(value, "value", value))


@pytest.mark.shared
@pytest.mark.parametrize("source", [memory, store], ids=["memory", "store"])
@pytest.mark.parametrize(("folder", "case"), CASES, ids=[f"{f}/{c.action.stem}-{c.name}" for f, c in CASES])
def test_query_evaluation(
    shared: Path, folder: str, case: Case, source: Callable[[Data], AbstractContextManager[Dataset]]
) -> None:
    text = case.action.read_text(encoding="utf-8")
    with source(case.data) as dataset:
        answer = execute(text, dataset, service=services_of(case.data), base=case.action.resolve().as_uri())
        assert_answer(answer, case)


@pytest.mark.shared
def test_all_manifests_are_read(shared: Path) -> None:
    assert len(CASES) >= 230
