# SPDX-License-Identifier: Apache-2.0
"""The reference operators, value by value."""

from __future__ import annotations

import pytest

from semcube.engines.base import Cancellation
from semcube.errors import QueryCancelledError, QueryError, QueryTimeoutError, UnsupportedError
from semcube.sparql.context import Context
from semcube.sparql.evaluate.run import run
from semcube.sparql.memory import MemoryDataset
from semcube.sparql.plan import PlanNode
from semcube.sparql.query import new_context
from tests.sparql.asking import ask, dataset

PEOPLE = """:ann :knows :bob, :cid ; :age 30 ; :name "Ann" . :bob :knows :cid ; :age 25 . :cid :name "Cid" .
:g { :ann :likes :tea . :bob :likes :tea } :h { :bob :likes :coffee } :empty { }"""


# --- joins ------------------------------------------------------------------------------------------------------------


def test_optional_keeps_what_has_no_partner() -> None:
    assert ask(PEOPLE, "SELECT ?s ?a { ?s :name ?n OPTIONAL { ?s :age ?a } }") == [":ann 30", ":cid -"]


def test_the_filter_of_an_optional_sees_both_sides() -> None:
    query = "SELECT ?s ?b { ?s :age ?a OPTIONAL { ?s :knows ?b . ?b :age ?c FILTER(?c < ?a) } }"
    assert ask(PEOPLE, query) == [":ann :bob", ":bob -"]


def test_unbound_is_compatible_with_everything() -> None:
    query = "SELECT ?x ?y ?z { VALUES (?x ?y) { (1 UNDEF) (UNDEF 2) } VALUES (?y ?z) { (2 3) (4 5) } }"
    assert ask(PEOPLE, query) == ["- 2 3", "1 2 3", "1 4 5"]


def test_join_of_two_optional_bindings() -> None:
    query = "SELECT ?s ?v { ?s :name ?n OPTIONAL { ?s :age ?v } OPTIONAL { ?s :knows ?v } }"
    assert ask(PEOPLE, query) == [":ann 30", ":cid -"]


def test_minus_needs_a_shared_bound_variable() -> None:
    assert ask(PEOPLE, "SELECT ?s { ?s :age ?a MINUS { ?x :name ?y } }") == [":ann", ":bob"]
    assert ask(PEOPLE, "SELECT ?s { ?s :age ?a MINUS { ?s :name ?y } }") == [":bob"]
    query = "SELECT ?s { ?s :age ?a MINUS { VALUES (?s ?q) { (UNDEF 1) } } }"
    assert ask(PEOPLE, query) == [":ann", ":bob"]


def test_union_is_a_bag() -> None:
    assert ask(PEOPLE, "SELECT ?s { { ?s :age ?a } UNION { ?s :age ?b } }") == [":ann", ":ann", ":bob", ":bob"]


def test_a_filter_of_an_inner_group_does_not_see_outside() -> None:
    assert ask(PEOPLE, "SELECT ?s { ?s :age ?a { ?t :name ?n FILTER(BOUND(?a)) } }") == []


def test_left_and_right_larger_than_what_is_restricted(monkeypatch: pytest.MonkeyPatch) -> None:
    from semcube.sparql.evaluate import binary

    monkeypatch.setattr(binary, "HEAD_ROWS", 1)
    data = dataset(PEOPLE)
    assert ask(data, "SELECT ?s ?n { ?s :age ?a . { SELECT * { ?s :name ?n } } }") == [':ann "Ann"']
    assert ask(data, "SELECT ?s ?n { ?s :age ?a OPTIONAL { ?s :name ?n } }") == [':ann "Ann"', ":bob -"]
    assert ask(data, "SELECT ?s { ?s :age ?a MINUS { ?s :name ?n } }") == [":bob"]


# --- basic graph patterns ---------------------------------------------------------------------------------------------


def test_a_variable_twice_in_a_triple() -> None:
    assert ask(":a :p :a . :a :p :b . :p :p :p .", "SELECT ?x { ?x :p ?x }") == [":a", ":p"]
    assert ask(":a :p :a . :a :p :b . :p :p :p .", "SELECT ?x { ?x ?x ?x }") == [":p"]


def test_blank_nodes_of_a_pattern_are_not_selected() -> None:
    assert ask(PEOPLE, "SELECT * { _:x :knows _:y . _:y :age ?a }") == ["25"]


def test_a_pattern_without_variables() -> None:
    assert ask(PEOPLE, "SELECT ?s { :ann :age 30 . ?s :age 25 }") == [":bob"]
    assert ask(PEOPLE, "SELECT ?s { :ann :age 31 . ?s :age 25 }") == []


def test_literals_match_by_term_not_by_value() -> None:
    data = ':a :p 1 . :b :p 01 . :c :p 1.0 . :d :p "1" . :e :p "chat"@FR .'
    assert ask(data, "SELECT ?s { ?s :p 1 }") == [":a"]
    assert ask(data, "SELECT ?s { ?s :p 01 }") == [":b"]
    assert ask(data, "SELECT ?s { ?s :p ?v FILTER(?v = 1) }") == [":a", ":b", ":c"]
    assert ask(data, 'SELECT ?s { ?s :p "chat"@fr }') == [":e"]


def test_look_ups_and_whole_matches_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    from semcube.sparql.evaluate import patterns

    data = dataset(" ".join(f":s{i} :next :s{i + 1} ; :v {i % 7} ." for i in range(300)))
    query = "SELECT ?a ?v { ?a :v 3 . ?a :next ?b . ?b :next ?c . ?c :v ?v }"
    whole = ask(data, query)
    assert len(whole) == 43
    monkeypatch.setattr(patterns, "SMALL_PATTERN", 0.0)
    assert ask(data, query) == whole


# --- graphs -----------------------------------------------------------------------------------------------------------


def test_graph_with_a_variable_and_with_a_name() -> None:
    assert ask(PEOPLE, "SELECT ?g ?s { GRAPH ?g { ?s :likes ?x } }") == [":g :ann", ":g :bob", ":h :bob"]
    assert ask(PEOPLE, "SELECT ?s { GRAPH :h { ?s :likes ?x } }") == [":bob"]
    assert ask(PEOPLE, "SELECT ?s { GRAPH :nowhere { ?s :likes ?x } }") == []


def test_the_empty_pattern_in_each_graph() -> None:
    assert ask(PEOPLE, "SELECT ?g { GRAPH ?g { } }") == [":g", ":h"]
    assert ask(PEOPLE, "SELECT * { GRAPH :g { } }") == [""]
    assert ask(PEOPLE, "SELECT * { GRAPH :nowhere { } }") == []


def test_a_graph_variable_joins_and_is_bound_inside() -> None:
    data = ":g { :a :in :g . :a :in :h } :h { :a :in :g }"
    assert ask(data, "SELECT ?g { GRAPH ?g { :a :in ?g } }") == [":g"]
    assert ask(data, "SELECT ?g { GRAPH ?g { :a :in ?x FILTER(?x = :h) } }") == [":g"]
    assert ask(data, "SELECT ?g { GRAPH ?g { { SELECT ?x { :a :in ?x } LIMIT 1 } } }") == [":g", ":h"]


def test_from_merges_graphs_as_sets() -> None:
    assert ask(PEOPLE, "SELECT ?s FROM :g FROM :h { ?s :likes ?x }") == [":ann", ":bob", ":bob"]
    data = ":g { :a :p :b } :h { :a :p :b }"
    assert ask(data, "SELECT ?s FROM :g FROM :h { ?s :p ?x }") == [":a"]
    assert ask(data, "SELECT ?g FROM NAMED :h { GRAPH ?g { ?s :p ?x } }") == [":h"]
    assert ask(data, "SELECT ?s FROM NAMED :h { ?s :p ?x }") == []


# --- sub-selects and modifiers ----------------------------------------------------------------------------------------


def test_a_sub_select_hides_what_it_does_not_select() -> None:
    assert ask(PEOPLE, "SELECT ?s ?t { ?s :name 'Ann' { SELECT ?t { ?t :name ?s } } }") == [":ann :ann", ":ann :cid"]


def test_order_offset_and_limit() -> None:
    query = "SELECT ?a { ?s :v ?a } ORDER BY DESC(?a) LIMIT 2 OFFSET 1"
    assert ask(":a :v 1 . :b :v 3 . :c :v 10 . :d :v 2.5 .", query) == ["3", "2.5"]
    assert ask(PEOPLE, "SELECT ?s { ?s :age ?a } LIMIT 0") == []


def test_unbound_sorts_first_then_blank_nodes_iris_literals() -> None:
    data = ':a :v "x" . :b :v :iri . :c :v _:n . :d :w 1 .'
    query = "SELECT ?v { { ?s :v ?v } UNION { ?s :w ?o } } ORDER BY ?v"
    assert ask(data, query) == ["-", "_", ":iri", '"x"']


def test_distinct_and_reduced() -> None:
    assert ask(PEOPLE, "SELECT DISTINCT ?p { ?s ?p ?o }") == [":age", ":knows", ":name"]
    assert set(ask(PEOPLE, "SELECT REDUCED ?p { ?s ?p ?o }")) == {":age", ":knows", ":name"}
    assert ask(PEOPLE, "SELECT DISTINCT ?a { ?s ?p ?o OPTIONAL { ?s :age ?a } }") == ["-", "25", "30"]


def test_group_by_expression_with_having() -> None:
    query = "SELECT (?b AS ?big) (COUNT(*) AS ?n) { ?s :v ?v } GROUP BY (?v > 2 AS ?b) HAVING (COUNT(*) > 1)"
    assert ask(":a :v 1 . :b :v 3 . :c :v 5 .", query) == ["true 2"]


def test_groups_of_nothing() -> None:
    assert ask(PEOPLE, "SELECT (COUNT(*) AS ?n) (SUM(?v) AS ?s) { ?x :none ?v }") == ["0 0"]
    assert ask(PEOPLE, "SELECT ?x (COUNT(*) AS ?n) { ?x :none ?v } GROUP BY ?x") == []


def test_count_distinct_solutions() -> None:
    query = "SELECT (COUNT(DISTINCT *) AS ?d) (COUNT(*) AS ?n) { { ?s :age ?a } UNION { ?s :age ?a } }"
    assert ask(PEOPLE, query) == ["2 4"]


def test_unbound_group_keys_are_a_group() -> None:
    query = "SELECT ?a (COUNT(?n) AS ?c) { ?s :name ?n OPTIONAL { ?s :age ?a } } GROUP BY ?a"
    assert ask(PEOPLE, query) == ["- 1", "30 1"]


def test_an_error_leaves_a_variable_unbound() -> None:
    assert ask(PEOPLE, "SELECT ?s ?x { ?s :name ?n BIND(?n + 1 AS ?x) }") == [":ann -", ":cid -"]


def test_blank_nodes_are_the_same_within_a_solution_only() -> None:
    query = 'SELECT ?same { ?s :age ?a BIND(BNODE("x") AS ?b) BIND(BNODE("x") AS ?c) BIND(?b = ?c AS ?same) }'
    assert ask(PEOPLE, query) == ["true", "true"]
    assert ask(PEOPLE, 'SELECT (COUNT(DISTINCT ?b) AS ?n) { ?s :age ?a BIND(BNODE("x") AS ?b) }') == ["2"]


# --- limits -----------------------------------------------------------------------------------------------------------


def test_the_deadline_stops_a_long_join() -> None:
    data = dataset(" ".join(f":s{i} :p :o{i} ." for i in range(400)))
    with pytest.raises(QueryTimeoutError):
        ask(data, "SELECT (COUNT(*) AS ?n) { ?a :p ?b . ?c :p ?d . ?e :p ?f . ?g :p ?h }", timeout=0.2)


def test_cancelling_stops_a_query() -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(QueryCancelledError):
        ask(PEOPLE, "SELECT * { ?s ?p ?o }", cancellation=cancellation)


def test_service_needs_permission_and_an_endpoint() -> None:
    with pytest.raises(UnsupportedError, match="SERVICE <http://x/> is not allowed"):
        ask(PEOPLE, "SELECT * { SERVICE <http://x/> { ?s ?p ?o } }")
    with pytest.raises(QueryError, match="has no endpoint"):
        ask(PEOPLE, "SELECT * { SERVICE ?x { ?s ?p ?o } }", service=lambda url: MemoryDataset())


def test_a_node_without_operator_is_told() -> None:
    class Odd(PlanNode):
        pass

    context: Context = new_context(MemoryDataset())
    with pytest.raises(UnsupportedError, match="Odd that has no operator"):
        list(run(Odd(), context))


def test_service_over_a_dataset_with_its_own_ids() -> None:
    other = dataset(':bob :mail "b@e" . _:x :mail "?" .')
    query = "SELECT ?s ?m { ?s :age ?a . SERVICE <http://x/> { ?s :mail ?m } }"
    assert ask(PEOPLE, query, service=lambda url: other) == [':bob "b@e"']
    everything = "SELECT ?m ?n { SERVICE <http://x/> { ?s :mail ?m } SERVICE <http://x/> { ?s :mail ?n } }"
    assert ask(PEOPLE, everything, service=lambda url: other) == ['"b@e" "b@e"']
