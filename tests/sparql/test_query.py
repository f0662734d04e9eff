# SPDX-License-Identifier: Apache-2.0
"""Answers of each form, parameters, dataset of a request."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import numpy as np
import pytest
import shapely

from semcube.errors import QuerySyntaxError, UsageError
from semcube.io.terms import IRI, QUADS, TERMS, BlankNode, Literal
from semcube.sparql.dataset import ActiveGraph
from semcube.sparql.parameters import term_of
from semcube.sparql.parser import parse_query
from semcube.sparql.query import active_graph, execute
from tests.sparql.asking import PREFIX, ask, dataset, triples

XSD = "http://www.w3.org/2001/XMLSchema#"
DATA = ':a :p 1, 2 ; :q _:x . _:x :r _:y . _:y :s "deep" . :b :p 3 . :g { :a :p 9 }'


# --- readers ----------------------------------------------------------------------------------------------------------


def test_bindings_as_ids_and_as_terms() -> None:
    answer = execute(PREFIX + "SELECT ?o ?none { :b :p ?o }", dataset(DATA))
    assert (answer.kind, answer.variables, answer.boolean) == ("bindings", ("o", "none"), None)
    (batch,) = answer.batches()
    assert batch.schema.names == ["o", "none"]
    assert batch.column("none").null_count == 1
    ((o, none),) = answer.terms()
    assert o.schema == TERMS
    assert o.to_pylist() == [{"kind": 2, "lexical": "3", "datatype": XSD + "integer", "language": None}]
    assert none.column("kind").to_pylist() == [None]
    assert list(answer.rows()) == [(Literal("3", XSD + "integer"), None)]


def test_an_answer_without_variables_still_counts() -> None:
    answer = execute(PREFIX + "SELECT * { :a :p 1 }", dataset(DATA))
    assert answer.variables == ()
    assert [batch.num_rows for batch in answer.batches()] == [1]
    assert list(answer.terms()) == [[]]
    assert list(answer.rows()) == [()]


def test_ask() -> None:
    assert execute(PREFIX + "ASK { ?s :p 3 }", dataset(DATA)).boolean is True
    assert execute(PREFIX + "ASK { ?s :p 4 }", dataset(DATA)).boolean is False


def test_readers_of_the_wrong_kind() -> None:
    answer = execute("ASK { }", dataset(DATA))
    with pytest.raises(UsageError, match="kind 'boolean'"):
        next(answer.batches())
    with pytest.raises(UsageError, match="one of kind 'graph'"):
        next(answer.quads())


def test_a_query_that_does_not_parse() -> None:
    with pytest.raises(QuerySyntaxError):
        execute("SELECT", dataset(DATA))


def test_a_parsed_query_and_a_base() -> None:
    query = parse_query(PREFIX + "SELECT ?o { :b :p ?o }")
    assert len(list(execute(query, dataset(DATA)).rows())) == 1
    assert ask(DATA, "SELECT ?o { <b> :p ?o }", base="http://e/") == ["3"]
    assert ask(DATA, 'SELECT (IRI("x") AS ?i) { }', base="http://e/") == [":x"]


# --- CONSTRUCT and DESCRIBE -------------------------------------------------------------------------------------------


def test_construct_drops_duplicates_and_invalid_triples() -> None:
    query = "CONSTRUCT { ?s :has :p . ?o :of ?s . ?s ?o :x . ?s :v ?none } { ?s :p ?o }"
    assert triples(DATA, query) == [":a :has :p", ":b :has :p"]


def test_blank_nodes_of_a_template_are_fresh_for_each_solution() -> None:
    answer = execute(PREFIX + "CONSTRUCT { _:n :of ?s ; :is ?o } { ?s :p ?o }", dataset(DATA))
    rows = [row for batch in answer.quads() for row in batch.to_pylist()]
    assert len(rows) == 6
    assert len({row["s"] for row in rows}) == 3
    assert all(batch.schema == QUADS for batch in answer.quads())


def test_blank_nodes_of_the_data_stay_the_same_node() -> None:
    answer = execute(PREFIX + "CONSTRUCT { ?x :r2 ?y . ?y :back ?x } { ?x :r ?y }", dataset(DATA))
    first, second = (row for batch in answer.quads() for row in batch.to_pylist())
    assert (first["s"], first["o"]) == (second["o"], second["s"])


def test_construct_across_batches_gives_each_triple_once() -> None:
    data = dataset(" ".join(f":s{i} :p :o{i % 3} ." for i in range(200)))
    assert len(triples(data, "CONSTRUCT { ?o :any :thing } { ?s :p ?o }")) == 3


def test_describe_follows_blank_nodes() -> None:
    assert triples(DATA, "DESCRIBE :a") == [":a :p 1", ":a :p 2", ":a :q _", "_ :r _", '_ :s "deep"']
    assert triples(DATA, "DESCRIBE ?s { ?s :p 3 }") == [":b :p 3"]
    assert triples(DATA, "DESCRIBE :a ?s { ?s :p 3 } LIMIT 0") == triples(DATA, "DESCRIBE :a")
    assert triples(DATA, "DESCRIBE ?o { :b :p ?o }") == []
    assert triples(":a :p _:x . _:x :p _:x .", "DESCRIBE :a") == [":a :p _", "_ :p _"]


# --- the RDF dataset --------------------------------------------------------------------------------------------------


def test_from_and_the_request() -> None:
    query = parse_query(PREFIX + "SELECT * FROM :g FROM :g FROM NAMED :h { ?s ?p ?o }")
    assert active_graph(query) == ActiveGraph((IRI("http://e/g"),), (IRI("http://e/h"),))
    assert ask(DATA, "SELECT ?o FROM :g { :a :p ?o }") == ["9"]
    assert ask(DATA, "SELECT ?o FROM :none { :a :p ?o }") == []
    request = ActiveGraph((IRI("http://e/g"),), ())
    assert ask(DATA, "SELECT ?o FROM :none { :a :p ?o }", active=request) == ["9"]
    assert ask(DATA, "SELECT ?g { GRAPH ?g { ?s ?p ?o } }", active=request) == []


# --- parameters -------------------------------------------------------------------------------------------------------


def test_parameters_bind_variables() -> None:
    assert ask(DATA, "SELECT ?o { ?s :p ?o }", params={"s": IRI("http://e/b")}) == ["3"]
    assert ask(DATA, "SELECT ?s ?o { ?s :p ?o }", params={"?o": 2}) == [":a 2"]
    assert ask(DATA, "SELECT ?s ?o { ?s :p ?o FILTER(?o > $low) }", params={"low": 1}) == [":a 2", ":b 3"]
    assert ask(DATA, "SELECT ?o { ?s :p ?o }", params={"s": "text"}) == []


def test_parameters_reach_sub_selects_and_exists() -> None:
    query = "SELECT ?s { ?s :p ?o { SELECT ?s { ?s :p ?v FILTER(?v >= ?low) } } }"
    assert ask(DATA, query, params={"low": 3}) == [":b"]
    query = "SELECT DISTINCT ?s { ?s :p ?o FILTER NOT EXISTS { ?s :p ?v FILTER(?v < ?low) } }"
    assert ask(DATA, query, params={"low": 3}) == [":b"]
    query = "SELECT ?s (COUNT(*) AS ?n) { ?s :p ?o FILTER(?o > ?low) } GROUP BY ?s"
    assert ask(DATA, query, params={"low": 1}) == [":a 1", ":b 1"]


@pytest.mark.parametrize(
    ("value", "term"),
    [
        (5, Literal("5", XSD + "integer")),
        (True, Literal("true", XSD + "boolean")),
        (0.1, Literal("0.1", XSD + "double")),
        (float("-inf"), Literal("-INF", XSD + "double")),
        (np.int64(5), Literal("5", XSD + "integer")),
        (Decimal("1.50"), Literal("1.50", XSD + "decimal")),
        ("a", Literal("a")),
        (date(2020, 1, 2), Literal("2020-01-02", XSD + "date")),
        (datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC), Literal("2020-01-02T03:04:05Z", XSD + "dateTime")),
        (time(3, 4, 5), Literal("03:04:05", XSD + "time")),
        (shapely.Point(1, 2.5), Literal("POINT (1 2.5)", "http://www.opengis.net/ont/geosparql#wktLiteral")),
        (BlankNode("b"), BlankNode("b")),
    ],
)
def test_values_and_their_terms(value: object, term: object) -> None:
    assert term_of(value) == term


def test_a_value_without_a_term() -> None:
    with pytest.raises(UsageError, match="a parameter of type dict"):
        term_of({})


def test_terms_of_many_batches_are_those_of_their_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    from semcube.sparql import query as module
    from semcube.sparql.evaluate.solutions import Solutions

    data = dataset("".join(f":a{i} :p {i} . " for i in range(40)))
    answer = execute("SELECT ?s ?o { ?s ?p ?o }", data)
    whole = [row for (s, o) in answer.terms() for row in zip(s.to_pylist(), o.to_pylist(), strict=True)]
    (ids,) = answer.batches()
    parts = [Solutions.from_batch(ids.slice(start, 3)) for start in range(0, 40, 3)]
    monkeypatch.setattr(module.Answer, "_solutions", lambda *_: iter(parts))
    monkeypatch.setattr(module, "_DECODED_SECONDS", 1000)
    for rows, sizes in ((1 << 17, [3, 37]), (6, [3, 6, 6, 6, 6, 6, 6, 1])):
        monkeypatch.setattr(module, "_DECODED_ROWS", rows)
        found = list(answer.terms())
        assert [len(s) for s, _ in found] == sizes
        assert [row for (s, o) in found for row in zip(s.to_pylist(), o.to_pylist(), strict=True)] == whole
