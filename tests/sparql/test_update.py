# SPDX-License-Identifier: Apache-2.0
"""SPARQL Update: the W3C evaluation tests, and what they leave out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from semcube.config import Settings
from semcube.errors import QueryError, QueryTimeoutError, RDFSyntaxError, SourceError, UnsupportedError, UsageError
from semcube.io.rdf import read_rdf
from semcube.io.terms import IRI, Term, term
from semcube.sparql.dataset import ActiveGraph
from semcube.store import Store
from semcube.store.dump import quads_of
from tests.conformance.compare import read_graph, same_graphs
from tests.conformance.manifest import Case, Data, all_cases
from tests.conftest import shared_folder

ONE = Settings(threads=1)


def _cases() -> list[tuple[str, Case]]:
    folder = shared_folder()
    return [] if folder is None else all_cases(folder / "suites" / "sparql11", ("UpdateEvaluationTest",))


CASES = _cases()


def contents(store: Store) -> list[tuple[Term, ...]]:
    with store.snapshot() as snapshot:
        found = [row for batch in quads_of(snapshot) for row in batch.to_pylist()]
    return [tuple(term(row[n]) for n in "spog" if row[n] is not None) for row in found]


def expected(data: Data) -> list[tuple[Term, ...]]:
    quads = [triple for path in data.default for triple in read_graph(path)]
    return quads + [(*triple, IRI(name)) for name, path in data.named for triple in read_graph(path)]


def fill(store: Store, data: Data) -> None:
    for path in data.default:
        store.load(read_rdf(path, base=path.resolve().as_uri()))
    for name, path in data.named:
        store.load(read_rdf(path, base=path.resolve().as_uri(), graph=IRI(name)))
        store.update(f"CREATE SILENT GRAPH <{name}>")


@pytest.mark.shared
@pytest.mark.parametrize(("folder", "case"), CASES, ids=[f"{f}/{c.action.stem}" for f, c in CASES])
def test_update_evaluation(shared: Path, folder: str, case: Case) -> None:
    assert case.outcome is not None
    with Store.in_memory(settings=ONE) as store:
        fill(store, case.data)
        store.update(case.action.read_text("utf-8"), base=case.action.resolve().as_uri(), allow_load=True)
        assert same_graphs(contents(store), expected(case.outcome)), contents(store)


@pytest.mark.shared
def test_all_manifests_are_read(shared: Path) -> None:
    assert len(CASES) >= 90


PREFIX = "PREFIX : <http://e/> "


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.in_memory(settings=ONE) as opened:
        opened.update(PREFIX + "INSERT DATA { :a :p 1, 2 . :b :p 3 GRAPH :g { :a :p 9 } }")
        yield opened


def values(store: Store, pattern: str, name: str = "o") -> list[object]:
    return sorted(store.query(f"{PREFIX} SELECT ?{name} {{ {pattern} }}").to_arrow()[name].to_pylist())


def test_reports_count_what_changed(store: Store) -> None:
    report = store.update(PREFIX + "DELETE DATA { :a :p 1, 77 } ; INSERT DATA { :a :p 2, 4, 5 }")
    assert (report.deleted, report.inserted, report.operations) == (1, 2, 2)
    assert values(store, ":a :p ?o") == [2, 4, 5]


def test_where_sees_earlier_operations_and_terms(store: Store) -> None:
    text = "INSERT DATA { :new :q 'x' } ; INSERT { ?s :r ?o } WHERE { ?s :q ?o } ;"
    text += " DELETE { ?s :r 'x' } WHERE { ?s :q 'x' }"
    assert store.update(PREFIX + text).inserted == 2
    assert values(store, ":new ?p ?o", "p") == ["http://e/q"]


def test_delete_comes_before_insert_and_both_see_the_old_state(store: Store) -> None:
    store.update(PREFIX + "DELETE { ?s :p ?o } INSERT { ?s :p ?n } WHERE { ?s :p ?o BIND(?o + 1 AS ?n) }")
    assert values(store, "?s :p ?o") == [2, 3, 4]


def test_a_failing_operation_undoes_all(store: Store) -> None:
    before = contents(store)
    with pytest.raises(QueryError, match="there is no graph <http://e/none>"):
        store.update(PREFIX + "DELETE WHERE { ?s ?p ?o } ; INSERT DATA { :x :y :z } ; CLEAR GRAPH :none")
    assert contents(store) == before
    store.update(PREFIX + "INSERT DATA { :x :y 'later' }")
    assert values(store, ":x :y ?o") == ["later"]


def test_silent_operations_report_what_they_ignored(store: Store) -> None:
    report = store.update(PREFIX + "DROP SILENT GRAPH :none ; CREATE SILENT GRAPH :g ; LOAD SILENT <file:///none.ttl>")
    assert len(report.ignored) == 3
    assert values(store, "GRAPH ?g { ?s ?p ?o }") == [9]


def test_graphs_are_created_cleared_and_dropped(store: Store) -> None:
    graphs = "SELECT ?g { GRAPH ?g {} }"
    store.update(PREFIX + "CREATE GRAPH :h ; CLEAR GRAPH :g")
    assert sorted(store.query(graphs).to_arrow()["g"].to_pylist()) == ["http://e/g", "http://e/h"]
    with pytest.raises(QueryError, match="already"):
        store.update(PREFIX + "CREATE GRAPH :h")
    store.update("DROP NAMED")
    assert store.query(graphs).to_arrow()["g"].to_pylist() == []
    assert store.update("DROP ALL").deleted == 3
    assert len(store) == 0


def test_a_graph_without_its_last_triple_is_gone(store: Store) -> None:
    store.update(PREFIX + "DELETE WHERE { GRAPH :g { ?s ?p ?o } }")
    assert store.info().graphs == {"": 3}


def test_copy_move_add(store: Store) -> None:
    store.update(PREFIX + "ADD :g TO DEFAULT ; COPY DEFAULT TO :h ; MOVE :h TO :i ; COPY :i TO :i")
    assert store.info().graphs == {"": 4, "http://e/g": 1, "http://e/i": 4}
    store.update(PREFIX + "COPY :g TO :i")
    assert store.info().graphs["http://e/i"] == 1
    store.update(PREFIX + "MOVE DEFAULT TO :i")
    assert store.info().graphs == {"": 0, "http://e/g": 1, "http://e/i": 4}


def test_blank_nodes_of_templates_are_new_for_each_solution(store: Store) -> None:
    store.update(PREFIX + "INSERT { _:n :of ?s ; :value ?o } WHERE { ?s :p ?o }")
    assert values(store, "?n :value ?o") == [1, 2, 3]
    found = store.query(PREFIX + "SELECT (COUNT(DISTINCT ?n) AS ?c) { ?n :of ?s }").to_arrow()
    assert found["c"].to_pylist() == [3]


def test_invalid_quads_are_left_out(store: Store) -> None:
    assert (
        store.update(
            PREFIX + "INSERT { ?o :of ?s . ?s ?none :x } WHERE { ?s :p ?o OPTIONAL { ?s :none ?none } }"
        ).inserted
        == 0
    )


def test_load_has_to_be_allowed(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "x.ttl"
    path.write_text("<http://e/l> <http://e/p> <rel> .")
    with pytest.raises(UnsupportedError, match="not allowed"):
        store.update(f"LOAD <{path.as_uri()}>")
    store.update(f"LOAD <{path.as_uri()}> INTO GRAPH <http://e/l>", allow_load=lambda url: url.startswith("file:"))
    assert values(store, "GRAPH :l { ?s ?p ?o }") == [(tmp_path / "rel").as_uri()]


def test_a_bad_document_loads_nothing(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "bad.nt"
    path.write_text("<http://e/l> <http://e/p> 'x' .\n<http://e/l> oops")
    before = contents(store)
    with pytest.raises(RDFSyntaxError):
        store.update(f"LOAD <{path.as_uri()}>", allow_load=True)
    with pytest.raises(SourceError, match="expected one that starts with"):
        store.update("LOAD <ftp://e/x.ttl>", allow_load=True)
    assert len(store.update(f"LOAD SILENT <{path.as_uri()}>", allow_load=True).ignored) == 1
    assert contents(store) == before


def test_graphs_of_the_protocol(store: Store) -> None:
    text = PREFIX + "INSERT { ?s :copied ?o } WHERE { ?s :p ?o }"
    store.update(text, active=ActiveGraph((IRI("http://e/g"),), ()))
    assert values(store, "?s :copied ?o") == [9]
    with pytest.raises(UsageError, match="one of them"):
        store.update(PREFIX + "WITH :g " + "DELETE { ?s :p ?o } WHERE { ?s :p ?o }", active=ActiveGraph())


def test_a_deadline_holds_for_updates(store: Store) -> None:
    values_of = " ".join(str(n) for n in range(300))
    tables = " ".join(f"VALUES ?{v} {{ {values_of} }}" for v in "abcd")
    text = f"INSERT {{ :x :y ?a }} WHERE {{ {tables} FILTER(?a + ?b = ?c * ?d) }}"
    with pytest.raises(QueryTimeoutError):
        store.update(PREFIX + text, timeout=0.5)
    assert len(store) == 4


@pytest.mark.parametrize("push_down", ["off", "forced"])
def test_geometries_of_earlier_operations_are_found(store: Store, push_down: str) -> None:
    prefixes = PREFIX + "PREFIX geo: <http://www.opengis.net/ont/geosparql#> "
    prefixes += "PREFIX geof: <http://www.opengis.net/def/function/geosparql/> "
    text = (
        "INSERT DATA { :w geo:asWKT 'POINT (1 1)'^^geo:wktLiteral . :v geo:asWKT 'POINT (9 9)'^^geo:wktLiteral } ;"
        "INSERT { ?s a :Near } WHERE { ?s geo:asWKT ?w"
        " FILTER(geof:sfWithin(?w, 'POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))'^^geo:wktLiteral)) }"
    )
    store.update(prefixes + text, push_down=push_down)
    assert values(store, "?s a :Near", "s") == ["http://e/w"]
