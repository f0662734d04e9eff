# SPDX-License-Identifier: Apache-2.0
"""Property paths: values, and closures against a search one node at a time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.sparql import paths
from tests.sparql.asking import ask, dataset

CHAIN = ':a :p :b . :b :p :c . :c :p :d . :d :q :e . :x :p :x . :a :name "A" . :g { :b :p :z . :z :p :y }'


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("SELECT ?o { :a :p+ ?o }", [":b", ":c", ":d"]),
        ("SELECT ?o { :a :p* ?o }", [":a", ":b", ":c", ":d"]),
        ("SELECT ?o { :a :p? ?o }", [":a", ":b"]),
        ("SELECT ?s { ?s :p+ :d }", [":a", ":b", ":c"]),
        ("SELECT ?o { :d ^:p+ ?o }", [":a", ":b", ":c"]),
        ("SELECT ?s { ?s ^(:p/:p) :b }", [":d"]),
        ("SELECT ?o { :a :p+/:q ?o }", [":e"]),
        ("SELECT ?s { ?s :p+ ?s }", [":x"]),
        ("SELECT ?s ?o { ?s :q* ?o FILTER(?s != ?o) }", [":d :e"]),
        ("SELECT ?s { ?s :q? ?s . FILTER(isLiteral(?s)) }", ['"A"']),
        ("SELECT ?o { :nowhere :p* ?o }", [":nowhere"]),
        ("SELECT ?o { 5 :p* ?o }", ["5"]),
        ("SELECT ?o { :nowhere :p? ?o }", [":nowhere"]),
        ("SELECT ?o { :nowhere :p+ ?o }", []),
        ("SELECT ?s { ?s :p* :nowhere }", [":nowhere"]),
        ("SELECT (1 AS ?x) { :nowhere :p* :nowhere }", ["1"]),
        ("SELECT (1 AS ?x) { :a :p* :d }", ["1"]),
        ("SELECT (1 AS ?x) { :d :p* :a }", []),
        ("SELECT ?o { :a !:p ?o }", ['"A"']),
        ("SELECT ?o { :d !(:name|^:none) ?o }", [":c", ":e"]),
        ("SELECT ?o { :d !^:none ?o }", [":c"]),
        ("SELECT ?o { :c (:p|^:p) ?o }", [":b", ":d"]),
        ("SELECT ?o { :a (:p|:p) ?o }", [":b", ":b"]),
        ("SELECT ?o { :a (:p|:q)* ?o }", [":a", ":b", ":c", ":d", ":e"]),
        ("SELECT ?o { :a (:p/:p)* ?o }", [":a", ":c"]),
        ("SELECT ?o { :a ((:p*)*)+ ?o }", [":a", ":b", ":c", ":d"]),
        ("SELECT ?g ?o { GRAPH ?g { :b :p+ ?o } }", [":g :y", ":g :z"]),
        ("SELECT ?o { GRAPH :g { :b :p* ?o } }", [":b", ":y", ":z"]),
        ("SELECT ?o { GRAPH :nowhere { :b :p* ?o } }", []),
        ("SELECT ?o FROM :g { :b :p+ ?o }", [":y", ":z"]),
        ("SELECT ?s ?o { VALUES ?s { :a :c } ?s :p+ ?o }", [":a :b", ":a :c", ":a :d", ":c :d"]),
        ("SELECT ?s ?o { VALUES ?s { :a :nowhere 5 } ?s :p* ?o }", [":a :a", ":a :b", ":a :c", ":a :d"]),
        ("SELECT ?s ?o { VALUES ?o { :b :nowhere } ?s :p* ?o }", [":a :b", ":b :b"]),
        ("SELECT ?s ?o { VALUES (?s ?o) { (:a :c) (:c :a) (UNDEF :b) } ?s :p+ ?o }", [":a :b", ":a :c"]),
    ],
)
def test_paths(pattern: str, expected: list[str]) -> None:
    data = dataset(CHAIN)
    assert ask(data, pattern) == expected
    assert ask(data, pattern, push_down="off") == expected


EDGES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=14)


def reach(edges: list[tuple[int, int]], start: int) -> set[int]:
    """All nodes that one or more edges lead to."""
    found: set[int] = set()
    waiting = [b for a, b in edges if a == start]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += [b for a, b in edges if a == node]
    return found


@settings(max_examples=60, deadline=None)
@given(EDGES)
def test_closures_against_a_search_by_hand(edges: list[tuple[int, int]]) -> None:
    data = dataset(" ".join(f":n{a} :p :n{b} ." for a, b in edges))
    nodes = sorted({node for edge in edges for node in edge})
    plus = sorted(f":n{a} :n{b}" for a in nodes for b in reach(edges, a))
    star = sorted(f":n{a} :n{b}" for a in nodes for b in reach(edges, a) | {a})
    once = sorted(f":n{a} :n{b}" for a in nodes for b in {b for x, b in edges if x == a} | {a})
    assert ask(data, "SELECT ?a ?b { ?a :p+ ?b }") == plus
    assert ask(data, "SELECT ?a ?b { ?a :p* ?b }") == star
    assert ask(data, "SELECT ?a ?b { ?a :p? ?b }") == once
    assert ask(data, "SELECT ?b { :n0 :p+ ?b }") == sorted(f":n{b}" for b in reach(edges, 0))
    assert ask(data, "SELECT ?a { ?a :p+ :n0 }") == [f":n{a}" for a in nodes if 0 in reach(edges, a)]


def test_look_ups_and_whole_edges_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    data = dataset(" ".join(f":n{i} :p :n{(i * 3 + 1) % 50} ." for i in range(50)))
    query = "SELECT ?b { :n1 (:p/^:p)+ ?b }"
    whole = ask(data, query)
    monkeypatch.setattr(paths, "SMALL_PATTERN", -1.0)
    assert ask(data, query) == whole
    assert ask(data, "SELECT ?b { :n1 :p+ ?b }") == ask(data, "SELECT ?b { ?b ^:p+ :n1 }")


def test_a_long_chain() -> None:
    data = dataset(" ".join(f":n{i} :p :n{i + 1} ." for i in range(1500)))
    assert ask(data, "SELECT (COUNT(*) AS ?n) { :n0 :p+ ?b }") == ["1500"]
