# SPDX-License-Identifier: Apache-2.0
"""Every built-in function by values, and the table that lists them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from semcube.io.terms import Literal
from semcube.sparql.functions import by_iri, by_name, table
from semcube.sparql.translate_expressions import AGGREGATE_IRIS, ARITY
from semcube.vocab import GEOF, XSD
from tests.sparql.expression_cases import answer, answers, context

CASES = """
STRLEN("\U0001d11eab") = 3
STRLEN("chat"@en) = 4
STRLEN(5) = error
SUBSTR("foobar", 4) = 'bar'
SUBSTR("foobar"@en, 4, 1) = 'b'@en
SUBSTR("foobar", 0, 3) = 'fo'
SUBSTR("foobar", -2) = 'foobar'
SUBSTR("foobar", 3, -1) = ''
SUBSTR("foobar", 9) = ''
SUBSTR("foobar", 2.0) = 'oobar'
SUBSTR("foobar", 1.5) = error
SUBSTR("foobar", "NaN"^^xsd:double) = error
SUBSTR("foobar", "INF"^^xsd:double) = error
UCASE("straße"@de) = 'STRASSE'@de
LCASE("ÀB") = 'àb'
STRSTARTS("foobar", "foo") = true
STRSTARTS("foobar"@en, "foo"@en) = true
STRSTARTS("foobar"@en, "foo") = true
STRSTARTS("foobar", "foo"@en) = error
STRSTARTS("foobar"@en, "foo"@fr) = error
STRENDS("foobar", "bar") = true
CONTAINS("foobar", "ob") = true
CONTAINS("foobar", "") = true
CONTAINS("foobar", "x") = false
CONTAINS(<http://foobar>, "x") = error
STRBEFORE("abc", "b") = 'a'
STRBEFORE("abc"@en, "bc") = 'a'@en
STRBEFORE("abc", "b"@en) = error
STRBEFORE("abc"@en, "z"@en) = ''
STRBEFORE("abc"@en, "") = ''@en
STRAFTER("abc", "b") = 'c'
STRAFTER("abc"@en, "ab") = 'c'@en
STRAFTER("abc"@en, "") = 'abc'@en
STRAFTER("abc", "xyz") = ''
ENCODE_FOR_URI("Los Angeles é/~-_.") = 'Los%20Angeles%20%C3%A9%2F~-_.'
ENCODE_FOR_URI("a b"@en) = 'a%20b'
CONCAT("foo"@en, "bar"@en) = 'foobar'@en
CONCAT("foo"@en, "bar"@fr) = 'foobar'
CONCAT("foo", "bar"@en) = 'foobar'
CONCAT() = ''
CONCAT("a", 1) = error
LANGMATCHES("en-GB", "EN") = true
LANGMATCHES("english", "en") = false
LANGMATCHES("", "*") = false
LANGMATCHES("fr", "*") = true
LANGMATCHES(LANG("x"@fr-be), "FR") = true
ABS(-2) = 2
ABS(-2.5) = 2.5
ABS(-2.5e0) = '2.5E0'^^double
ABS("-1"^^xsd:float) = '1.0E0'^^float
ABS("x") = error
ROUND(2.4999) = 2.0
ROUND(2.5) = 3.0
ROUND(-2.5) = -2.0
ROUND(-2.5e0) = '-2.0E0'^^double
ROUND(0.49999999999999994e0) = '0.0E0'^^double
ROUND(-0.4e0) = '-0.0E0'^^double
ROUND("INF"^^xsd:double) = 'INF'^^double
ROUND(7) = 7
CEIL(10.5) = 11.0
CEIL(-10.5) = -10.0
CEIL(-0.5e0) = '-0.0E0'^^double
FLOOR(10.5) = 10.0
FLOOR(-10.5) = -11.0
FLOOR("1.5"^^xsd:float) = '1.0E0'^^float
YEAR("2011-01-10T14:45:13.815-05:00"^^xsd:dateTime) = 2011
MONTH("2011-01-10T14:45:13.815-05:00"^^xsd:dateTime) = 1
DAY("2011-01-10T14:45:13.815-05:00"^^xsd:dateTime) = 10
HOURS("2011-01-10T14:45:13.815-05:00"^^xsd:dateTime) = 14
MINUTES("2011-01-10T14:45:13.815-05:00"^^xsd:dateTime) = 45
SECONDS("2011-01-10T14:45:13.815-05:00"^^xsd:dateTime) = 13.815
SECONDS("2011-01-10T14:45:13Z"^^xsd:dateTime) = 13.0
TIMEZONE("2011-01-10T14:45:13.815-05:00"^^xsd:dateTime) = '-PT5H'^^dayTimeDuration
TIMEZONE("2011-01-10T14:45:13.815Z"^^xsd:dateTime) = 'PT0S'^^dayTimeDuration
TIMEZONE("2011-01-10T14:45:13.815"^^xsd:dateTime) = error
TZ("2011-01-10T14:45:13.815-05:00"^^xsd:dateTime) = '-05:00'
TZ("2011-01-10T14:45:13.815Z"^^xsd:dateTime) = 'Z'
TZ("2011-01-10T14:45:13.815"^^xsd:dateTime) = ''
YEAR("2011-01-10"^^xsd:date) = 2011
YEAR("-0044-03-15"^^xsd:date) = -44
HOURS("2011-01-10"^^xsd:date) = error
HOURS("14:45:13"^^xsd:time) = 14
YEAR("14:45:13"^^xsd:time) = error
YEAR("2011-13-10"^^xsd:date) = error
"2020-02-28"^^xsd:date + "P2D"^^xsd:dayTimeDuration = '2020-03-01'^^date
"2020-01-31T00:00:00Z"^^xsd:dateTime + "P1M"^^xsd:yearMonthDuration = '2020-02-29T00:00:00Z'^^dateTime
"2020-01-01T00:00:00Z"^^xsd:dateTime - "PT0.5S"^^xsd:dayTimeDuration = '2019-12-31T23:59:59.5Z'^^dateTime
"23:30:00"^^xsd:time + "PT1H"^^xsd:dayTimeDuration = '00:30:00'^^time
"2020-01-02"^^xsd:date - "2020-01-01"^^xsd:date = 'P1D'^^dayTimeDuration
"P1D"^^xsd:dayTimeDuration + "PT1H"^^xsd:dayTimeDuration = 'P1DT1H'^^dayTimeDuration
"P1D"^^xsd:dayTimeDuration + "P1Y"^^xsd:yearMonthDuration = error
"a" + "b" = error
isIRI(<http://a>) = true
isIRI("http://a") = false
isURI(<http://a>) = true
isBLANK(BNODE()) = true
isLITERAL(1) = true
isNUMERIC(1) = true
isNUMERIC("1") = false
isNUMERIC("x"^^xsd:integer) = false
isNUMERIC("5"^^xsd:byte) = true
isNUMERIC("500"^^xsd:byte) = false
STR("01"^^xsd:integer) = '01'
STR(<http://a>) = 'http://a'
STR("chat"@fr) = 'chat'
STR(BNODE()) = error
LANG("chat"@FR) = 'fr'
LANG("chat") = ''
LANG(<http://a>) = error
DATATYPE("x") = <http://www.w3.org/2001/XMLSchema#string>
DATATYPE("x"@en) = <http://www.w3.org/1999/02/22-rdf-syntax-ns#langString>
DATATYPE(1.5) = <http://www.w3.org/2001/XMLSchema#decimal>
DATATYPE(<http://a>) = error
IRI("http://a/b") = <http://a/b>
IRI(<http://a>) = <http://a>
IRI("b") = error
IRI("http://a/b c") = error
IRI("http://a"@en) = error
IRI(1) = error
sameTerm(1, 1) = true
sameTerm(1, 1.0) = false
sameTerm("x", "x"@en) = false
STRDT("123", xsd:integer) = 123
STRDT("x", <http://t>) = 'x'^^<http://t>
STRDT("x"@en, xsd:string) = error
STRDT("x", "y") = error
STRLANG("chat", "FR") = 'chat'@fr
STRLANG("chat", "") = error
STRLANG("chat"@en, "fr") = error
MD5("abc") = '900150983cd24fb0d6963f7d28e17f72'
SHA1("abc") = 'a9993e364706816aba3e25717850c26c9cd0d89d'
SHA256("é") = '4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c'
MD5("abc"@en) = error
MD5(1) = error
xsd:string(1.0) = '1'
xsd:string(1e7) = '1.0E7'
xsd:string("0E1"^^xsd:double) = '0'
xsd:string("1"^^xsd:boolean) = 'true'
xsd:string(<http://a>) = 'http://a'
xsd:string("x"^^xsd:integer) = 'x'
xsd:string(BNODE()) = error
xsd:boolean("1") = true
xsd:boolean("TRUE") = error
xsd:boolean("NaN"^^xsd:double) = false
xsd:boolean(0.1) = true
xsd:boolean("2020-01-01"^^xsd:date) = error
xsd:integer("1") = 1
xsd:integer(" +7 ") = 7
xsd:integer("1.0") = error
xsd:integer(-1.9) = -1
xsd:integer(1e30) = 1000000000000000019884624838656
xsd:integer("INF"^^xsd:double) = error
xsd:integer(true) = 1
xsd:integer("7"@en) = error
xsd:integer(<http://a>) = error
xsd:byte(127) = '127'^^byte
xsd:byte(128) = error
xsd:nonNegativeInteger("-1") = error
xsd:decimal("1.50") = 1.5
xsd:decimal("1e3") = error
xsd:decimal(1e3) = 1000.0
xsd:decimal(0.1e0) = 0.1
xsd:decimal("NaN"^^xsd:double) = error
xsd:float("1e40") = 'INF'^^float
xsd:float(0.1) = '1.0E-1'^^float
xsd:double("-INF") = '-INF'^^double
xsd:double("abc") = error
xsd:double(false) = '0.0E0'^^double
xsd:dateTime("2020-01-01T00:00:00") = '2020-01-01T00:00:00'^^dateTime
xsd:dateTime("2020-01-01"^^xsd:date) = '2020-01-01T00:00:00'^^dateTime
xsd:dateTime("2020-01-01") = error
xsd:date("2020-01-01T10:00:00+01:00"^^xsd:dateTime) = '2020-01-01+01:00'^^date
xsd:time("2020-01-01T10:00:00.5Z"^^xsd:dateTime) = '10:00:00.5Z'^^time
xsd:time("2020-01-01"^^xsd:date) = error
xsd:dayTimeDuration("P1Y1D"^^xsd:duration) = 'P1D'^^dayTimeDuration
xsd:yearMonthDuration("P1Y1D") = error
<http://nowhere/function>(1) = error
xsd:integer(1, 2) = error
"""


def cases() -> list[tuple[str, str]]:
    return [tuple(line.rsplit(" = ", 1)) for line in CASES.strip().split("\n")]  # type: ignore[misc]


@pytest.mark.parametrize(("text", "expected"), cases())
def test_function(text: str, expected: str) -> None:
    assert (answer(text) or "error") == expected


def test_iris_are_resolved_against_the_base() -> None:
    some = context(base="http://example.org/a/b")
    assert answer('IRI("c")', some) == "<http://example.org/a/c>"
    assert answer('IRI("#d")', some) == "<http://example.org/a/b#d>"
    assert answer('IRI("urn:x")', some) == "<urn:x>"


def test_now_is_the_context_and_constant() -> None:
    some = context(now=datetime(2024, 2, 29, 12, 30, 1, 250000, tzinfo=UTC))
    assert answer("NOW()", some) == "'2024-02-29T12:30:01.25Z'^^dateTime"
    assert answer("NOW() = NOW()", some) == "true"


def test_fresh_things_differ_for_each_solution() -> None:
    rows = [(Literal("a"),), (Literal("a"),), (Literal("b"),)]
    for text in ("RAND()", "UUID()", "STRUUID()", "BNODE()", "BNODE(?x)", "CONCAT(?x, STRUUID())"):
        found = answers(text, rows, ["x"])
        assert len(set(found)) == 3, text
    assert re.fullmatch("<urn:uuid:[0-9a-f-]{36}>", answer("UUID()") or "")
    assert re.fullmatch("'[0-9a-f-]{36}'", answer("STRUUID()") or "")
    assert answers("RAND() >= 0 && RAND() < 1", rows, ["x"]) == ["true"] * 3


def test_blank_nodes_of_a_text_within_a_solution() -> None:
    import numpy as np

    from semcube.sparql.evaluate.solutions import Solutions
    from semcube.sparql.expressions import SOLUTION, evaluate
    from tests.sparql.expression_cases import expression

    some = context()
    solutions = Solutions({SOLUTION: np.array([1, 2])}, 2)
    first = evaluate(expression('BNODE("a")'), solutions, some)
    again = evaluate(expression('BNODE("a")'), solutions, some)
    other = evaluate(expression('BNODE("b")'), solutions, some)
    assert first.tolist() == again.tolist()
    assert len({*first.tolist(), *other.tolist()}) == 4


def test_the_table_is_complete() -> None:
    rows = table()
    assert len({row.name for row in rows}) == len(rows)
    assert [row.name for row in rows if not row.doc.strip() or not row.clause] == []
    assert {name for name in ARITY if by_name(name) is None} == set()
    for name, (low, high) in ARITY.items():
        row = by_name(name)
        assert row is not None
        assert (row.min_arity, row.max_arity or high) == (low, high), name
    assert {iri for iri in AGGREGATE_IRIS if by_iri(iri) is None} == set()
    assert sum(row.iri is not None and row.iri.startswith(GEOF) for row in rows) >= 24 + 1 + 23 + 14 + 6
    assert by_iri(XSD + "integer") is not None
    assert by_iri("http://nowhere") is None


def test_unknown_functions_are_counted() -> None:
    from semcube.sparql.explain import Trace

    trace = Trace()
    assert answer("<http://nowhere/f>(1)", context(trace=trace)) is None
    assert trace.counts == {"unknown function <http://nowhere/f>": 1}
