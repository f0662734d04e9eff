# SPDX-License-Identifier: Apache-2.0
"""Text -> algebra -> text -> the same algebra."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from semcube.errors import QuerySyntaxError, UnsupportedError
from semcube.io.terms import IRI, BlankNode
from semcube.sparql.algebra import (
    BGP,
    Algebra,
    Distinct,
    Graph,
    Group,
    Join,
    OrderBy,
    OrderCondition,
    Project,
    Query,
    Slice,
    TriplePattern,
    Variable,
)
from semcube.sparql.algebra import (
    Path as PathPattern,
)
from semcube.sparql.parser import parse_query
from semcube.sparql.unparse import unparse, unparse_expression, unparse_pattern
from semcube.vocab import GEO, PREFIXES
from tests.sparql.random_patterns import PATTERNS


def normal(node: Any, named: set[str], seen: dict[str, str]) -> Any:
    """The node with ``GRAPH`` on patterns alike, and made-up names numbered in the order in which they occur."""
    if isinstance(node, Variable):
        return node if node.name in named else Variable(seen.setdefault(node.name, f"#{len(seen)}"))
    if isinstance(node, BlankNode):
        return BlankNode(seen.setdefault(f"label {node.label}", f"#{len(seen)}"))
    if isinstance(node, Graph) and isinstance(node.pattern, BGP | PathPattern) and node.pattern.graph is None:
        node = replace(node.pattern, graph=node.name)
    if isinstance(node, tuple):
        return tuple(normal(part, named, seen) for part in node)
    if not is_dataclass(node):
        return node
    values = {f.name: normal(getattr(node, f.name), named, seen) for f in fields(node) if f.init}
    return replace(node, **values)  # type: ignore[type-var]


def names(node: Any) -> set[str]:
    """The variables that a text names."""
    if isinstance(node, Variable):
        return set() if node.is_blank else {node.name}
    if isinstance(node, tuple):
        return set().union(*(names(part) for part in node))
    if not is_dataclass(node):
        return set()
    return set().union(*(names(getattr(node, f.name)) for f in fields(node)))


def assert_comes_back(query: Query) -> None:
    text = unparse(query)
    again = parse_query(text)
    named = names(query.form)
    assert normal(again.form, named, {}) == normal(query.form, named, {}), text
    assert again.dataset == query.dataset


QUERIES = [
    "SELECT * {}",
    "SELECT ?s { ?s :p ?o ; :q 05, 1.50, 1e5, true, 'a\\n\"'@en-GB, ''^^:t }",
    "SELECT * { _:a :p [ :q (1 2) ] . ?s :p _:a }",
    "SELECT * { ?s :p/:q ?o . ?o (:p|^:q)+/:r* ?x . ?x !(:p|^:q) ?y . ?y ^:p? ?z }",
    "SELECT * { ?s :p ?o OPTIONAL { ?s :q ?x FILTER(?x > ?o) } OPTIONAL { { ?s :r ?y FILTER(?y > 1) } } }",
    "SELECT * { OPTIONAL { ?s :p ?o } MINUS { ?s :q ?o } ?s :r ?x }",
    "SELECT * { { ?s :p ?o } { ?s :q ?x } { ?s :r ?y } UNION { ?s :t ?y } UNION { {} } FILTER(?x) FILTER(?y) }",
    "SELECT * { ?s :p ?o { { ?s :q ?x } { ?s :r ?x FILTER(?x) } } }",
    "SELECT * { { ?s :p ?o FILTER(?o) } ?s :q ?x }",
    "SELECT * { GRAPH ?g { ?s :p ?o . GRAPH :h { ?s :q+ ?x } } SERVICE SILENT :e { ?s ?p ?o } }",
    "SELECT * { VALUES (?a ?b) { (1 UNDEF) (UNDEF :x) } VALUES ?c { 'x' } VALUES () { () } BIND(?a + ?c AS ?d) }",
    "SELECT * { ?s :p ?o FILTER(!(?o IN (1, :a)) || ?o NOT IN () && -?o < +1 && BOUND(?s) && !BOUND(?x)) }",
    "SELECT * { ?s :p ?o FILTER NOT EXISTS { ?s :q ?x FILTER EXISTS { ?x :r ?o } } FILTER(:f(?o, 'x') && :g()) }",
    "SELECT * { ?s :p ?o FILTER(IF(?o, COALESCE(?o, 1), REGEX(STR(?o), '^a', 'i')) = CONCAT() && SAMETERM(?s, ?o)) }",
    "SELECT DISTINCT ?s (?o + 1 AS ?x) (?x * 2 AS ?y) { ?s :p ?o } ORDER BY DESC(?x) ?s LIMIT 3 OFFSET 4",
    "SELECT REDUCED ?s { ?s :p ?o } OFFSET 0",
    "SELECT (COUNT(*) AS ?n) (COUNT(DISTINCT ?s) AS ?m) { ?s :p ?o }",
    "SELECT ?s (GROUP_CONCAT(?o; SEPARATOR=', ') AS ?l) { ?s :p ?o } GROUP BY ?s HAVING (COUNT(?o) > 1) (SUM(?o) > 2)",
    "SELECT ?k (AVG(?o) / 2 AS ?a) { ?s :p ?o } GROUP BY (STR(?s) AS ?k) LANG(?o) ORDER BY DESC(MAX(?o)) ?k ?o",
    "SELECT ?s { ?s :p ?o } GROUP BY ?s VALUES ?s { :a }",
    "SELECT ?s { ?s :p ?o { SELECT ?s (MIN(?x) AS ?m) { ?s :q ?x } GROUP BY ?s ORDER BY ?m LIMIT 1 } }",
    "SELECT ?s { { SELECT ?s { { SELECT DISTINCT ?s ?o { ?s :q ?o } LIMIT 9 } } OFFSET 1 } OPTIONAL { SELECT ?s {} } }",
    "SELECT ?s FROM :g FROM NAMED :h { ?s :p ?o }",
    "ASK { ?s :p ?o FILTER(?o) }",
    "ASK { ?s :p ?o } GROUP BY ?s HAVING (COUNT(*) > 1) LIMIT 1",
    "DESCRIBE :a",
    "DESCRIBE ?s :a { ?s :p ?o } ORDER BY ?o LIMIT 2",
    "CONSTRUCT { ?s :p [ :q ?o ] . _:x :r ?s } FROM :g { ?s :p ?o . _:x :r ?s } ORDER BY ?o OFFSET 2 LIMIT 1",
    "CONSTRUCT WHERE { ?s :p _:a }",
    "CONSTRUCT { ?s :p ?n } { SELECT ?s (COUNT(?o) AS ?n) { ?s :p ?o } GROUP BY ?s }",
]


@pytest.mark.parametrize("text", QUERIES)
def test_queries_come_back(text: str) -> None:
    assert_comes_back(parse_query("PREFIX : <http://e/> " + text))


@pytest.mark.shared
def test_queries_of_the_w3c_suite_come_back(shared: Path) -> None:
    count = 0
    for path in sorted((shared / "suites" / "sparql11").glob("*/*.rq")):
        try:
            query = parse_query(path.read_text(encoding="utf-8"), base="http://example.org/base")
        except QuerySyntaxError:
            continue
        assert_comes_back(query)
        count += 1
    assert count > 250


@given(PATTERNS)
def test_random_patterns_come_back(pattern: Algebra) -> None:
    text = unparse_pattern(pattern)
    found = parse_query(f"ASK {{ {text} }}").form.pattern
    assert normal(found, names(pattern), {}) == normal(pattern, names(pattern), {}), text


def test_prefixes_shorten_what_they_can() -> None:
    query = parse_query(f"SELECT * {{ ?s a <{GEO}Feature> ; <{GEO}a/b> <http://e/x> FILTER(<{GEO}f>(?s)) }}")
    text = unparse(query, {"geo": GEO})
    assert text.startswith(f"PREFIX geo: <{GEO}>\nSELECT ?s WHERE")
    assert "geo:Feature" in text
    assert f"<{GEO}a/b>" in text
    assert "geo:f(?s)" in text
    assert parse_query(text).form == query.form


def test_all_prefixes_are_valid_text() -> None:
    query = parse_query("SELECT * { ?s ?p ?o }")
    assert parse_query(unparse(query, PREFIXES)).form == query.form


S, O = Variable("s"), Variable("o")  # noqa: E741
TRIPLES = BGP((TriplePattern(S, IRI("http://e/p"), O),))


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (Distinct(TRIPLES), "SELECT DISTINCT ?o ?s WHERE { ?s <http://e/p> ?o . }"),
        (Slice(TRIPLES, 0, 1), "SELECT ?o ?s WHERE { ?s <http://e/p> ?o . } LIMIT 1"),
        (
            Slice(Slice(TRIPLES, 0, 5), 1, 1),
            "SELECT ?o ?s WHERE { SELECT ?o ?s WHERE { ?s <http://e/p> ?o . } LIMIT 5 } OFFSET 1 LIMIT 1",
        ),
        (
            OrderBy(TRIPLES, (OrderCondition(O, True),)),
            "SELECT ?o ?s WHERE { ?s <http://e/p> ?o . } ORDER BY DESC(?o)",
        ),
        (Group(TRIPLES, ((S, S),), ()), "SELECT ?s WHERE { ?s <http://e/p> ?o . } GROUP BY ?s"),
        (Group(TRIPLES, (), ()), "SELECT (1 AS ?_) WHERE { ?s <http://e/p> ?o . } HAVING (COUNT(*) >= 0)"),
        (
            Distinct(BGP((TriplePattern(Variable("_:a"), IRI("http://e/p"), O),))),
            "SELECT DISTINCT ?b1 ?o WHERE { ?b1 <http://e/p> ?o . }",
        ),
        (
            Slice(BGP((TriplePattern(Variable("_:a"), IRI("http://e/p"), O),)), 0, 1),
            "SELECT ?o WHERE { _:b1 <http://e/p> ?o . } LIMIT 1",
        ),
        (Project(TRIPLES, ()), "SELECT (1 AS ?_) WHERE { ?s <http://e/p> ?o . }"),
        (
            Join(Distinct(TRIPLES), TRIPLES),
            "SELECT ?s ?o WHERE { { SELECT DISTINCT ?o ?s WHERE { ?s <http://e/p> ?o . } } ?s <http://e/p> ?o . }",
        ),
        (BGP(TRIPLES.triples, IRI("http://e/g")), "SELECT ?s ?o WHERE { GRAPH <http://e/g> { ?s <http://e/p> ?o . } }"),
    ],
)
def test_plans_that_no_text_parses_to_have_text(plan: Algebra, expected: str) -> None:
    assert unparse(plan) == expected
    parse_query(unparse(plan))


def test_made_up_names_avoid_those_in_use() -> None:
    query = parse_query("SELECT ?b1 { _:a <http://e/p> ?b1 . [] <http://e/q> ?b2 }")
    assert unparse(query) == "SELECT ?b1 WHERE { _:b3 <http://e/p> ?b1 . _:b4 <http://e/q> ?b2 . }"
    query = parse_query("SELECT ?b1 { _:a <http://e/p> ?b1 . _:a <http://e/q>+ ?b2 }")
    assert unparse(query) == "SELECT ?b1 WHERE { ?b3 <http://e/p> ?b1 . ?b3 (<http://e/q>+) ?b2 . }"


def test_what_sparql_cannot_write_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="the IRI 'http://e/a b'"):
        unparse_expression(IRI("http://e/a b"))
    with pytest.raises(UnsupportedError, match="object in SPARQL text"):
        unparse_pattern(object())  # type: ignore[arg-type]
