# SPDX-License-Identifier: Apache-2.0
"""Tables as leaves, what passes sideways, the order of matching."""

from __future__ import annotations

import numpy as np

from semcube.sparql.algebra import (
    BGP,
    Algebra,
    Filter,
    Group,
    Join,
    LeftJoin,
    Minus,
    Project,
    Service,
    Slice,
    Union,
    Unit,
    Values,
    Variable,
)
from semcube.sparql.evaluate.estimates import estimate, match_order
from semcube.sparql.evaluate.restrict import restrict
from semcube.sparql.evaluate.run import solve
from semcube.sparql.evaluate.solutions import Solutions
from semcube.sparql.parser import parse_query
from semcube.sparql.plan import IdTable, id_table, plan
from semcube.sparql.query import new_context
from semcube.sparql.scope import certain, children, in_scope
from tests.sparql.asking import PREFIX, dataset

DATA = dataset(" ".join(f":s{i} :p :o{i % 10} ; :q {i} ." for i in range(100)) + " :s1 :rare 1 .")


def pattern(text: str) -> Algebra:
    return parse_query(f"{PREFIX} ASK {{ {text} }}").form.pattern


def context():  # type: ignore[no-untyped-def]
    return new_context(DATA)


def known(name: str, *terms: str) -> tuple[Solutions, object]:
    where = context()
    ids = where.terms.intern([f"<http://e/{term}>" for term in terms])
    return Solutions({name: ids}, len(ids)), where


def tables(node: Algebra) -> int:
    return isinstance(node, IdTable) + sum(tables(child) for child in children(node))


def test_a_table_is_a_leaf_with_a_scope() -> None:
    table = id_table({"x": np.array([5, 0]), "y": np.array([7, 8])})
    assert in_scope(Join(table, Unit())) == {Variable("x"), Variable("y")}
    assert certain(Join(table, Unit())) == {Variable("y")}
    assert table.to_batch().to_pydict() == {"x": [5, None], "y": [7, 8]}
    assert table == table  # noqa: PLR0124
    assert table != id_table({"x": np.array([5, 0]), "y": np.array([7, 8])})
    assert hash(table) != hash(id_table({}, rows=2))


def test_tables_go_down_to_the_leaves() -> None:
    some, where = known("s", "s1", "s2")
    for text, count in [
        ("?s :p ?o", 1),
        ("?s :p ?o FILTER(?o != 1)", 1),
        ("{ ?s :p ?o } UNION { ?s :q ?o }", 2),
        ("?s :p ?o OPTIONAL { ?s :q ?v }", 2),
        ("?s :p ?o MINUS { ?s :q ?w }", 2),
        ("?x :p ?o", 0),
        ("OPTIONAL { ?s :q ?v }", 0),
        ("{ SELECT ?s { ?s :p ?o } }", 1),
        ("{ SELECT ?o { ?s :p ?o } }", 0),
        ("{ SELECT ?s { ?s :p ?o } LIMIT 5 }", 0),
        ("{ SELECT ?s (COUNT(*) AS ?n) { ?s :p ?o } GROUP BY ?s }", 1),
        ("{ SELECT (?a AS ?s) (COUNT(*) AS ?n) { ?a :p ?o } GROUP BY ?a }", 0),
        ("GRAPH :g { ?s :p ?o }", 1),
    ]:
        assert tables(restrict(pattern(text), some, where)) == count, text


def test_restricting_keeps_all_that_can_join() -> None:
    some, where = known("s", "s1", "s2", "nothing")
    for text in ["?s :p ?o", "?s :p ?o OPTIONAL { ?s :rare ?r }", "?s :q ?v MINUS { ?s :rare ?r }", "?s :p+ ?o"]:
        node = pattern(text)
        whole = solve(node, where)
        wanted = whole.where(np.isin(whole.column("s"), some.column("s")))
        cut = solve(restrict(node, some, where), where)
        cut = cut.where(np.isin(cut.column("s"), some.column("s")))
        assert cut.rows == wanted.rows
        for name, column in wanted.columns.items():
            assert sorted(cut.column(name)) == sorted(column)


def test_a_pattern_cheaper_than_the_table_is_left_alone() -> None:
    some, where = known("s", *(f"s{i}" for i in range(50)))
    assert tables(restrict(pattern("?s :rare ?r"), some, where)) == 0
    assert tables(restrict(pattern("?s :q ?r"), some, where)) == 1


def test_unbound_values_do_not_restrict() -> None:
    where = context()
    assert tables(restrict(pattern("?s :p ?o"), Solutions({"s": np.array([0, 5])}, 2), where)) == 0


def test_bindings_go_to_a_service_and_name_it() -> None:
    some, where = known("s", "s1", "s2")
    node = restrict(pattern("SERVICE <http://x/> { ?s :p ?o }"), some, where)
    assert isinstance(node, Service)
    assert isinstance(node.pattern, Join)
    node = restrict(pattern("SERVICE ?s { ?s :p ?o }"), some, where)
    assert isinstance(node, Union)
    assert all(isinstance(child, Join) and isinstance(child.left, Values) for child in children(node))


def test_cheap_and_connected_patterns_come_first() -> None:
    node = pattern("?s :p ?o . ?t :q ?v . ?s :rare ?r . ?s :q ?v")
    assert isinstance(node, BGP)
    order = [p.predicate.value.rpartition("/")[2] for p in match_order(node, frozenset(), context())]  # type: ignore[union-attr]
    assert order == ["rare", "p", "q", "q"]


def test_estimates() -> None:
    where = context()
    for text, rows in [
        ("?s :p ?o", 100),
        ("?s :p ?o . ?s :rare ?r", 1),
        ("{ ?s :p ?o } UNION { ?s :rare ?r }", 101),
        ("?s :p ?o OPTIONAL { ?s :rare ?r }", 100),
        ("VALUES ?s { 1 2 3 }", 3),
        ("{ SELECT ?s { ?s :p ?o } LIMIT 7 }", 7),
        ("?s :none ?o", 0),
    ]:
        assert estimate(pattern(text), where) == rows, text


def test_planning_rewrites_and_keeps_spatial_filters_when_off() -> None:
    node = pattern("?s :p ?o . ?t :q ?v FILTER(?o = :o1) FILTER(?v > 3)")
    assert not isinstance(plan(node, context()), Slice | Group | Project | Minus | LeftJoin)
    geometry = "<http://www.opengis.net/def/function/geosparql/sfTouches>"
    spatial = pattern(f"?s :p ?o . ?t :q ?v FILTER({geometry}(?o, ?v))")
    assert isinstance(plan(spatial, new_context(DATA, push_down="off")), Filter)
    assert type(plan(spatial, context())).__name__ == "SpatialJoin"
