# SPDX-License-Identifier: Apache-2.0
"""EXISTS: substitution, and the semi-join that stands for it where both are the same."""

from __future__ import annotations

import pytest

from semcube.sparql.evaluate import exists
from semcube.sparql.evaluate.exists import joins_as_substituted
from semcube.sparql.parser import parse_query
from tests.sparql.asking import PREFIX, ask, dataset

DATA = """:a :p 1 ; :q 2 . :b :p 3 . :c :p 2 ; :q 2 ; :r :a . :d :r _:n . _:n :p 5 .
:g { :a :p 9 }"""

CASES = [
    ("?s :p ?v FILTER EXISTS { ?s :q ?w }", [":a", ":c"]),
    ("?s :p ?v FILTER NOT EXISTS { ?s :q ?w }", [":b", "_"]),
    ("?s :p ?v FILTER EXISTS { ?s :q ?v }", [":c"]),
    ("?s :p ?v FILTER EXISTS { ?t :q ?w FILTER(?w = ?v) }", [":c"]),
    ("?s :p ?v FILTER EXISTS { FILTER(?v > 2) }", [":b", "_"]),
    ("?s :p ?v FILTER EXISTS { ?t :r ?s }", [":a", "_"]),
    ("?s :p ?v FILTER NOT EXISTS { ?s :q ?w FILTER NOT EXISTS { ?t :r ?s } }", [":a", ":b", "_"]),
    ("?s :p ?v FILTER(EXISTS { ?s :q ?w } || ?v = 3)", [":a", ":b", ":c"]),
    ("?s :p ?v FILTER EXISTS { ?s :p ?x OPTIONAL { ?s :q ?v } FILTER(?v > 1) }", [":b", ":c", "_"]),
    ("?s :p ?v FILTER EXISTS { { SELECT ?s { ?s :q ?v } } }", [":a", ":c"]),
    ("?s :p ?v FILTER EXISTS { SELECT ?s (COUNT(*) AS ?n) { ?s ?y ?z } GROUP BY ?s HAVING (COUNT(*) > 2) }", [":c"]),
    ("?s :p ?v FILTER EXISTS { SELECT ?x { ?x :q ?v } ORDER BY ?x LIMIT 1 }", [":a", ":b", ":c", "_"]),
    ("?s :p ?v FILTER EXISTS { GRAPH ?g { ?s :p ?w } }", [":a"]),
    ("?s :p ?v FILTER EXISTS { ?s :p ?x MINUS { ?s :q ?w } }", [":b", "_"]),
    ("?s :p ?v FILTER EXISTS { VALUES ?v { 1 2 } }", [":a", ":c"]),
    ("?s :p ?v FILTER EXISTS { BIND(2 AS ?v) }", [":c"]),
    ("?s :p ?v FILTER EXISTS { ?s :r* ?s }", [":a", ":b", ":c", "_"]),
    ("?s :p ?v FILTER EXISTS { ?v :none* ?v }", [":a", ":b", ":c", "_"]),
    ("?s :p ?v OPTIONAL { ?s :r ?o } FILTER EXISTS { ?o :p ?x }", [":a", ":b", ":c", "_"]),
]


@pytest.mark.parametrize(("pattern", "expected"), CASES)
@pytest.mark.parametrize("way", ["as planned", "whole", "one by one"])
def test_exists(pattern: str, expected: list[str], way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "whole":
        monkeypatch.setattr(exists, "RESTRICTED_ROWS", 0)
    if way == "one by one":
        monkeypatch.setattr(exists, "joins_as_substituted", lambda node, outer: False)
    assert ask(dataset(DATA), f"SELECT ?s {{ {pattern} }}") == expected


@pytest.mark.parametrize(
    ("pattern", "outer", "same"),
    [
        ("?s :p ?x", "s", True),
        ("?s :p ?x FILTER(?x > ?v)", "s v", False),
        ("?s :p ?x FILTER(?x > 1)", "s v", True),
        ("?s :p ?x OPTIONAL { ?x :q ?v }", "s", True),
        ("?s :p ?x OPTIONAL { ?x :q ?v }", "v", False),
        ("?s :p ?x MINUS { ?t :q ?v }", "s", True),
        ("?s :p ?x MINUS { ?t :q ?v }", "v", False),
        ("?s :p* ?x", "s", False),
        ("?s :p+ ?x", "s", True),
        ("{ SELECT ?x { ?x :p ?s } LIMIT 1 }", "s", True),
        ("{ SELECT ?x { ?x :p ?s } LIMIT 1 }", "x", False),
        ("?s :p ?x BIND(1 AS ?v)", "v", False),
    ],
)
def test_where_a_semi_join_is_the_same(pattern: str, outer: str, same: bool) -> None:
    node = parse_query(f"{PREFIX} ASK {{ {pattern} }}").form.pattern
    assert joins_as_substituted(node, frozenset(outer.split())) is same
