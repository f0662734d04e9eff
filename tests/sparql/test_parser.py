# SPDX-License-Identifier: Apache-2.0
"""The grammar: the W3C syntax tests, and what the errors say."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcube.errors import QuerySyntaxError
from semcube.io.terms import IRI, Literal
from semcube.sparql.algebra import BGP, Filter, Operation, Values, Variable
from semcube.sparql.iris import resolve
from semcube.sparql.parser import parse_query, parse_update
from semcube.vocab import XSD_BOOLEAN, XSD_DECIMAL, XSD_DOUBLE, XSD_INTEGER

MANIFEST = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
REQUEST = """
PREFIX mf: <http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#>
PREFIX qt: <http://www.w3.org/2001/sw/DataAccess/tests/test-query#>
PREFIX ut: <http://www.w3.org/2009/sparql/tests/test-update#>
SELECT DISTINCT ?kind ?file { ?test a ?kind ; mf:action ?action . OPTIONAL { ?action qt:query|ut:request ?part }
  BIND(COALESCE(?part, ?action) AS ?file) FILTER(isIRI(?file) && regex(str(?file), "[.]r[qu]$")) }
"""
SYNTAX = {"syntax-query": 94, "syntax-update-1": 54, "syntax-update-2": 1, "syntax-fed": 3}


def cases(folder: Path) -> list[tuple[str, Path]]:
    """Kind and file of each test of a manifest that has a query or an update."""
    path = folder / "manifest.ttl"
    store = ox.Store()
    store.load(path=str(path), format=ox.RdfFormat.TURTLE, base_iri=path.as_uri())
    found = store.query(REQUEST)
    return sorted((s["kind"].value.rpartition("#")[2], folder / s["file"].value.rpartition("/")[2]) for s in found)


def wrongly_taken(found: list[tuple[str, Path]]) -> list[tuple[str, str]]:
    """Tests that are accepted and should not be, or the other way round."""
    wrong = []
    for kind, path in found:
        parse = parse_update if path.suffix == ".ru" else parse_query
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read()
        try:
            parse(text, base="http://example.org/base")
            accepted = True
        except QuerySyntaxError:
            accepted = False
        if accepted == kind.startswith("Negative"):
            wrong.append((kind, path.name))
    return wrong


@pytest.mark.shared
@pytest.mark.parametrize("name", SYNTAX)
def test_w3c_syntax(shared: Path, name: str) -> None:
    found = cases(shared / "suites" / "sparql11" / name)
    assert len(found) == SYNTAX[name]
    assert wrongly_taken(found) == []


@pytest.mark.shared
def test_queries_and_updates_of_all_other_w3c_tests(shared: Path) -> None:
    manifests = (shared / "suites" / "sparql11").glob("*/manifest.ttl")
    found = [case for path in sorted(manifests) if path.parent.name not in SYNTAX for case in cases(path.parent)]
    assert len(found) > 300
    assert sum(kind.startswith("Negative") for kind, _ in found) > 15
    assert wrongly_taken(found) == []


def pattern(text: str) -> object:
    return parse_query(f"PREFIX : <http://e/> SELECT * {{ {text} }}").form.pattern.pattern


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("01", Literal("01", XSD_INTEGER)),
        ("-1", Literal("-1", XSD_INTEGER)),
        ("+1.50", Literal("+1.50", XSD_DECIMAL)),
        (".5", Literal(".5", XSD_DECIMAL)),
        ("1.e5", Literal("1.e5", XSD_DOUBLE)),
        ("1E-5", Literal("1E-5", XSD_DOUBLE)),
        ("TRUE", Literal("true", XSD_BOOLEAN)),
        ("'a'", Literal("a")),
        ('"""a"b"c\n"""', Literal('a"b"c\n')),
        ("'''it''s\\''''", Literal("it''s'")),
        ('"\\t\\n\\"\\\\u"', Literal('\t\n"\\u')),
        ('""', Literal("")),
        ("''''''", Literal("")),
        ('"x"@de-AT', Literal("x", language="de-at")),
        ('"\\u00e9\\U0001F600"', Literal("é😀")),
        ('"\\\\u0041"', Literal("\\u0041")),
        ('"5"^^:t', Literal("5", "http://e/t")),
        (":a", IRI("http://e/a")),
        (":", IRI("http://e/")),
        (":a.b.c", IRI("http://e/a.b.c")),
        (":a\\,b%20c\\-", IRI("http://e/a,b%20c-")),
        (":1:2", IRI("http://e/1:2")),
        ("<http://e/\\u00e9>", IRI("http://e/é")),
        ("<urn:a#b>", IRI("urn:a#b")),
    ],
)
def test_terms(text: str, term: object) -> None:
    found = pattern(f"?s ?p {text} .")
    assert isinstance(found, BGP)
    assert found.triples[0].object == term


def test_a_dot_ends_a_triple_not_a_name() -> None:
    found = pattern("?s :p :o.?s :q 5.")
    assert isinstance(found, BGP)
    assert [t.object for t in found.triples] == [IRI("http://e/o"), Literal("5", XSD_INTEGER)]


def test_keywords_have_any_case_but_a_has_one() -> None:
    query = parse_query("select distinct ?x where { ?x a <http://e/c> filter(bound(?x)) } limit 1")
    assert query.form.variables == (Variable("x"),)
    with pytest.raises(QuerySyntaxError):
        parse_query("SELECT ?x { ?x A <http://e/c> }")


def test_base_and_prefix_are_resolved_in_order() -> None:
    query = parse_query(
        "BASE <http://a/b/> PREFIX p: <c#> BASE <../d/> PREFIX q: <e#> SELECT * { p:x q:y <f> }", base="http://z/"
    )
    triple = query.form.pattern.pattern.triples[0]
    assert (triple.subject, triple.predicate, triple.object) == (
        IRI("http://a/b/c#x"),
        IRI("http://a/d/e#y"),
        IRI("http://a/d/f"),
    )
    assert query.base == "http://a/d/"
    assert query.prefixes == (("p", "http://a/b/c#"), ("q", "http://a/d/e#"))


RFC3986 = {
    "g:h": "g:h", "g": "http://a/b/c/g", "./g": "http://a/b/c/g", "g/": "http://a/b/c/g/", "/g": "http://a/g",
    "//g": "http://g", "?y": "http://a/b/c/d;p?y", "g?y": "http://a/b/c/g?y", "#s": "http://a/b/c/d;p?q#s",
    "g?y#s": "http://a/b/c/g?y#s", ";x": "http://a/b/c/;x", "": "http://a/b/c/d;p?q", ".": "http://a/b/c/",
    "..": "http://a/b/", "../g": "http://a/b/g", "../..": "http://a/", "../../g": "http://a/g",
    "../../../g": "http://a/g", "/./g": "http://a/g", "/../g": "http://a/g", "g.": "http://a/b/c/g.",
    "..g": "http://a/b/c/..g", "./../g": "http://a/b/g", "./g/.": "http://a/b/c/g/", "g/../h": "http://a/b/c/h",
    "g;x=1/../y": "http://a/b/c/y", "g?y/../x": "http://a/b/c/g?y/../x", "g#s/../x": "http://a/b/c/g#s/../x",
}  # fmt: skip


@pytest.mark.parametrize("reference", RFC3986)
def test_references_resolve_as_in_rfc_3986_section_5_4(reference: str) -> None:
    assert resolve(reference, "http://a/b/c/d;p?q") == RFC3986[reference]


def test_an_authority_without_path_is_merged_with_a_slash() -> None:
    assert resolve("a", "http://e") == "http://e/a"
    assert resolve("a", None) is None


@pytest.mark.parametrize(
    ("text", "line", "column", "parts"),
    [
        ("SELECT ?s\nWHERE { ?s ?p ?o . FILTR(?o) }", 2, 20, ["'FILTR'", "expected", "'}'", "a graph pattern keyword"]),
        ("SELECT ?s { ?s ?p ?o . FILTR(?o) }", 1, 24, ["To fix: did you mean FILTER?"]),
        ("SELECT ?s { FILTER(STRLENGTH(?o)) }", 1, 20, ["'STRLENGTH'", "did you mean STRLEN?"]),
        ("SELECT COUNT(*) {}", 1, 8, ["'COUNT'", "write (COUNT(...) AS ?name)"]),
        ("SELECT * { FILTER(?x<?y&&?z>1) }", 1, 21, ["put a space after '<'"]),
        ("SELECT ?s { ?s ?p ?o", 1, 21, ["the end of the text, with '{' of line 1, column 11 not closed"]),
        ("SELECT ?s { ?s ?p 'abc }", 1, 19, ["a string that does not end"]),
        ("SELECT ?s { ?s ?p }", 1, 19, ["'}'", "a term (a variable, an IRI or a literal)"]),
        ("SELECT ?s { ?s geo:asWKT ?w }", 1, 16, ["PREFIX geo: <http://www.opengis.net/ont/geosparql#>"]),
        ("SELECT ?s { ?s zz:a ?w }", 1, 16, ["the prefix 'zz:'", "PREFIX zz: <...>"]),
        ("SELECT ?s { <a> ?p ?s }", 1, 13, ["the relative IRI <a>", "BASE"]),
        ("", 1, 1, ["the end of the text", "a query (SELECT, CONSTRUCT, ASK or DESCRIBE)"]),
        ("SELECT * { FILTER(SUBSTR(?a)) }", 1, 19, ["SUBSTR with 1 arguments; expected 2 to 3 arguments"]),
        ("SELECT * { FILTER(BOUND(1)) }", 1, 24, ["BOUND(?x)"]),
        ("SELECT * { FILTER(COUNT(?a) > 1) }", 1, 19, ["the aggregate COUNT(?a)", "sub-select"]),
        ("SELECT (SUM(COUNT(?a)) AS ?b) {}", 1, 13, ["COUNT(?a) in an aggregate"]),
        ("SELECT (SUM(*) AS ?b) {}", 1, 13, ["* in SUM"]),
        ("SELECT (SUM(?x;SEPARATOR=',') AS ?b) {}", 1, 25, ["SEPARATOR in SUM"]),
        ("SELECT ?a (COUNT(?b) AS ?c) { ?a ?p ?b }", 1, 8, ["?a in SELECT", "add ?a to GROUP BY"]),
        ("SELECT * { ?a ?p ?b } GROUP BY ?a", 1, 8, ["*", "by name"]),
        ("SELECT (1 AS ?a) { ?a ?p ?b }", 1, 8, ["?a, a variable that is already in use"]),
        ("SELECT ?a (1 AS ?a) {}", 1, 11, ["already in use"]),
        ("SELECT * { ?a ?p ?b BIND(1 AS ?b) }", 1, 31, ["BIND to ?b"]),
        ("SELECT * { _:a ?p ?b OPTIONAL {} _:a ?q ?c }", 1, 34, ["the blank node _:a"]),
        ("SELECT * { _:a ?p ?b FILTER EXISTS { _:a ?q ?c } }", 1, 38, ["the blank node _:a"]),
        ("SELECT * { VALUES (?a ?b) { (1) } }", 1, 29, ["1 values", "expected 2"]),
        ("SELECT * { VALUES (?a ?a) { } }", 1, 19, ["a variable twice"]),
        ("CONSTRUCT { ?a <p:a>/<p:b> ?c } {}", 1, 16, ["a property path in a template"]),
        ("SELECT * { ?s ?p '\\u12' }", 1, 19, ["4 hexadecimal digits"]),
    ],
)
def test_errors_say_where_and_what(text: str, line: int, column: int, parts: list[str]) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse_query(text)
    error = caught.value
    assert (error.line, error.column) == (line, column), str(error)
    for part in parts:
        assert part in str(error)
    assert str(error).split("\n")[-1] == " " * (column + 1) + "^"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("INSERT DATA { ?a <p:a> 1 }", "the variable ?a in INSERT DATA"),
        ("DELETE DATA { _:a <p:a> 1 }", "a blank node in DELETE DATA"),
        ("DELETE WHERE { [] <p:a> 1 }", "a blank node in DELETE WHERE"),
        ("DELETE { (1 2) <p:a> 1 } WHERE {}", "a blank node in a DELETE template"),
        ("INSERT DATA { _:a <p:a> 1 } ; INSERT DATA { _:a <p:a> 2 }", "used by an earlier INSERT DATA too"),
        ("INSERT DATA { GRAPH ?g { <a:a> <p:a> 1 } }", "the variable ?g in INSERT DATA"),
        ("INSRT DATA {}", "an update (INSERT, DELETE, LOAD, CLEAR ...)"),
        ("SELECT * {}", "an update (INSERT, DELETE, LOAD, CLEAR ...)"),
    ],
)
def test_update_errors(text: str, part: str) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse_update(text)
    assert part in str(caught.value)


@pytest.mark.parametrize("count", [3, 40, 3000])
def test_long_chains_keep_their_operands_in_order(count: int) -> None:
    text = " || ".join(f"?x = {i}" for i in range(count))
    found = pattern(f"FILTER({text})")
    assert isinstance(found, Filter)

    def numbers(node: object) -> list[int]:
        assert isinstance(node, Operation)
        if node.name == "||":
            return [n for argument in node.arguments for n in numbers(argument)]
        literal = node.arguments[1]
        assert isinstance(literal, Literal)
        return [int(literal.lexical)]

    assert numbers(found.expression) == list(range(count))


def test_nesting_without_end_is_refused_not_a_crash() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        pattern("FILTER(" + "!(" * 5000 + "?x" + ")" * 5000 + ")")


def assert_parsed_or_placed(text: str) -> None:
    try:
        parse_query(text)
    except QuerySyntaxError as error:
        found = error
    else:
        return
    assert found.line is not None
    assert found.column is not None


@given(st.text(max_size=40))
def test_any_text_parses_or_is_refused_with_a_place(text: str) -> None:
    assert_parsed_or_placed(text)


@given(
    st.lists(st.sampled_from(["SELECT", "*", "{", "}", "?x", "<a:b>", "(", ")", "FILTER", ".", "1", "'a'", "a", "/"]))
)
def test_any_tokens_parse_or_are_refused_with_a_place(words: list[str]) -> None:
    assert_parsed_or_placed(" ".join(words))


@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=30))
def test_strings_come_back(text: str) -> None:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"}
    quoted = "".join(escapes.get(c, c) for c in text)
    found = pattern(f'VALUES ?x {{ "{quoted}" }}')
    assert found == Values((Variable("x"),), ((Literal(text),),))


def test_a_text_asked_again_is_not_parsed_again_and_errors_stay_errors() -> None:
    from semcube.errors import QuerySyntaxError

    text = "SELECT ?s { ?s <p> 1 }"
    assert parse_query(text, "http://e/") is parse_query(text, "http://e/")
    assert parse_query(text, "http://other/") != parse_query(text, "http://e/")
    for _ in range(2):
        with pytest.raises(QuerySyntaxError):
            parse_query("SELECT ?s { ?s ")
