# SPDX-License-Identifier: Apache-2.0
"""Operators and forms over batches: three-valued logic, errors, column kernels against scalar rules, an oracle."""

from __future__ import annotations

import itertools
import math
import re
from decimal import Decimal

import numpy as np
import pyoxigraph as ox
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.engines.base import Cancellation
from semcube.errors import QueryCancelledError
from semcube.io.terms import IRI, BlankNode, Literal, Term
from semcube.sparql import column_comparison
from semcube.sparql.algebra import BGP, Aggregate, Exists, Operation, Variable
from semcube.sparql.column_comparison import compare_columns, distinct_rows, equal_columns
from semcube.sparql.columns import Column
from semcube.sparql.comparison import compare, equal
from semcube.sparql.evaluate.solutions import Solutions
from semcube.sparql.expressions import effective_boolean, evaluate
from semcube.sparql.functions import by_name
from semcube.sparql.terms import QueryTerms
from semcube.sparql.values import ExpressionError, add, literal, multiply, subtract, value
from semcube.vocab import (
    WKT_LITERAL,
    XSD,
    XSD_BOOLEAN,
    XSD_DATE,
    XSD_DATETIME,
    XSD_DECIMAL,
    XSD_DOUBLE,
    XSD_FLOAT,
    XSD_INTEGER,
)
from tests.sparql.expression_cases import PROLOGUE, answer, answers, context, expression, short, table, truths

TRUE, FALSE, BAD = Literal("true", XSD_BOOLEAN), Literal("false", XSD_BOOLEAN), Literal("x", "http://t")
THREE: dict[int, Term] = {1: TRUE, 0: FALSE, -1: BAD}


def integer(number: int) -> Literal:
    return Literal(str(number), XSD_INTEGER)


@pytest.mark.parametrize("unbound", [False, True])
def test_three_valued_logic(unbound: bool) -> None:
    pairs = list(itertools.product((1, 0, -1), repeat=2))
    rows = [tuple(None if unbound and n == -1 else THREE[n] for n in pair) for pair in pairs]
    expected_or = [1 if 1 in pair else (-1 if -1 in pair else 0) for pair in pairs]
    expected_and = [0 if 0 in pair else (-1 if -1 in pair else 1) for pair in pairs]
    assert truths("?a || ?b", rows, ["a", "b"]) == expected_or
    assert truths("?a && ?b", rows, ["a", "b"]) == expected_and
    assert truths("!?a", rows, ["a", "b"]) == [{1: 0, 0: 1, -1: -1}[a] for a, _ in pairs]


CASES = """
1 = 1.0 = true
1 = "1" = false
"1"^^xsd:integer = "01"^^xsd:integer = true
"a"^^<http://t> = "b"^^<http://t> = error
"a"^^<http://t> != "b"^^<http://t> = error
"a"^^<http://t> = "a"^^<http://t> = true
<http://a> != <http://b> = true
"a"@en = "a"@EN = true
"NaN"^^xsd:double != "NaN"^^xsd:double = true
"POINT(0 0)"^^geo:wktLiteral = "POINT(0 0)"^^geo:wktLiteral = true
1 < 2.5 = true
"a" < "b" = true
1 < "b" = error
<http://a> < <http://b> = error
false < true = true
2 >= 2.0e0 = true
"2020-01-01"^^xsd:date < "2020-01-02"^^xsd:date = true
"2020-01-01T00:00:00"^^xsd:dateTime < "2020-01-01T10:00:00Z"^^xsd:dateTime = error
1 + 2 = 3
1 + 2 * 3 - 4 = 3
1 - 0.1 = 0.9
7 / 2 = 3.5
1 / 0 = error
1e0 / 0 = 'INF'^^double
-(2) = -2
-"x" = error
18014398509481983 + 1 = 18014398509481984
9223372036854775807 * 9223372036854775807 = 85070591730234615847396907784232501249
2 IN (1, 2, 3) = true
2 IN (1.0, 2.0) = true
2 IN () = false
2 NOT IN () = true
2 IN (1/0, 2) = true
2 IN (3, 1/0) = error
2 NOT IN (3, 1/0) = error
<http://a> IN (<http://b>, <http://a>) = true
<http://a> IN (<http://b>, 1) = false
"a"@en IN ("a", "a"@en) = true
"x"^^<http://t> IN ("y"^^<http://t>) = error
?unbound IN (<http://a>) = error
IF(1 = 1, "yes", 1/0) = 'yes'
IF("", 1/0, "no") = 'no'
IF(1/0, 1, 2) = error
IF(true, ?unbound, 2) = error
COALESCE(1/0, ?unbound, "x", 1/0) = 'x'
COALESCE(1/0) = error
COALESCE() = error
COALESCE(BOUND(?x), 1) = false
BOUND(?unbound) = false
!(?unbound) = error
01 = '01'^^integer
CONCAT(STR(1.0), STR(<http://a>)) = '1.0http://a'
"""


def cases() -> list[tuple[str, str]]:
    return [tuple(line.rsplit(" = ", 1)) for line in CASES.strip().split("\n")]  # type: ignore[misc]


@pytest.mark.parametrize(("text", "expected"), cases())
def test_expression(text: str, expected: str) -> None:
    found = answer(text) or "error"
    assert found == ("01" if expected == "'01'^^integer" else expected)


def test_rows_keep_their_order_and_repeat() -> None:
    rows = [(integer(n % 3), Literal("abc"[n % 3])) for n in range(50)]
    assert answers("CONCAT(STR(?n), ?t)", rows, ["n", "t"]) == [f"'{n % 3}{'abc'[n % 3]}'" for n in range(50)]
    assert answers("IF(?n = 1, ?t, ?n + 0.5)", rows[:3], ["n", "t"]) == ["0.5", "'b'", "2.5"]
    assert answers("COALESCE(?missing, IF(?n = 1, 1/0, ?t))", rows[:3], ["n", "t"]) == ["'a'", None, "'c'"]


def test_a_function_is_called_once_per_distinct_tuple(monkeypatch: pytest.MonkeyPatch) -> None:
    row = by_name("ENCODE_FOR_URI")
    assert row is not None
    kernel = row.kernel
    assert kernel is not None
    calls: list[Literal] = []

    def counting(text: Literal) -> object:
        calls.append(text)
        return kernel(text)

    object.__setattr__(row, "kernel", counting)
    try:
        rows = [(Literal("ab"[n % 2] * (n % 2 + 1)), integer(n)) for n in range(100)]
        assert answers("STRLEN(ENCODE_FOR_URI(?t)) + ?n", rows, ["t", "n"]) == [str(n % 2 + 1 + n) for n in range(100)]
    finally:
        object.__setattr__(row, "kernel", kernel)
    assert len(calls) == 2


def test_exists_is_asked_for_the_rows_that_matter() -> None:
    asked: list[int] = []

    def exists(_: object, solutions: Solutions) -> np.ndarray:
        asked.append(solutions.rows)
        return solutions.column("a") == 0

    some = context()
    solutions = table([(TRUE,), (None,), (FALSE,)], ["a"], some)
    both = Operation("&&", (Operation("BOUND", (Variable("a"),)), Exists(BGP(()))))
    assert effective_boolean(both, solutions, some, exists).tolist() == [0, 0, 0]
    assert asked == [2]
    with pytest.raises(TypeError):
        effective_boolean(Exists(BGP(())), solutions, some)
    with pytest.raises(TypeError):
        evaluate(Aggregate("COUNT", ()), solutions, some)


def test_cancellation_stops_evaluation() -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(QueryCancelledError):
        answer("STRLEN(?x)", context(cancellation=cancellation))


def test_no_rows() -> None:
    assert answers("STRLEN(?x) + 1", [], ["x"]) == []
    assert truths("?x = 1 || ?x < 'a'", [], ["x"]) == []


def test_distinct_rows() -> None:
    first, number = distinct_rows([np.array([5, 5, 6, 5]), np.array([1, 2, 1, 1]), np.array([9, 9, 9, 9])])
    assert [number[row] for row in range(4)] == [number[0], number[1], number[2], number[0]]
    assert sorted(first.tolist()) == [0, 1, 2]


# --- column kernels against the scalar rules ------------------------------------------------------------------------

NUMBERS = st.one_of(
    st.integers(-5, 5).map(integer),
    st.sampled_from([2**53, 2**53 + 1, -(2**53) - 1, 2**54, 10**16, 10**30]).map(integer),
    st.sampled_from(["01", "-0", "+3"]).map(lambda text: Literal(text, XSD_INTEGER)),
    st.sampled_from(["1.0", "0.1", "9007199254740993.0", "0.30000000000000004", "-2.50"]).map(
        lambda text: Literal(text, XSD_DECIMAL)
    ),
    st.sampled_from(["1e0", "NaN", "INF", "-INF", "0.1", "-0", "9007199254740992", "3e-1"]).map(
        lambda text: Literal(text, XSD_DOUBLE)
    ),
    st.sampled_from(["1", "0.1", "NaN", "INF"]).map(lambda text: Literal(text, XSD_FLOAT)),
    st.sampled_from(["5", "500"]).map(lambda text: Literal(text, XSD + "byte")),
)
OTHERS = st.sampled_from(
    [
        None,
        IRI("http://a"),
        IRI("http://b"),
        BlankNode("a"),
        BlankNode("b"),
        Literal("a"),
        Literal("b"),
        Literal("\U00010000"),
        Literal("\uffff"),
        Literal("a", language="en"),
        Literal("a", language="de"),
        TRUE,
        FALSE,
        Literal("1", XSD_BOOLEAN),
        Literal("maybe", XSD_BOOLEAN),
        BAD,
        Literal("y", "http://t"),
        Literal("x", XSD_INTEGER),
        Literal("2020-01-01", XSD_DATE),
        Literal("2020-01-01Z", XSD_DATE),
        Literal("2020-01-02", XSD_DATE),
        Literal("2020-01-01T00:00:00", XSD_DATETIME),
        Literal("2020-01-01T00:00:00Z", XSD_DATETIME),
        Literal("2019-12-31T24:00:00Z", XSD_DATETIME),
        Literal("2020-01-01T00:00:00.0000001Z", XSD_DATETIME),
        Literal("2020-01-01T01:00:00+01:00", XSD_DATETIME),
        Literal("10:00:00", XSD + "time"),
        Literal("P1D", XSD + "dayTimeDuration"),
        Literal("PT24H", XSD + "dayTimeDuration"),
        Literal("POINT(1 1)", WKT_LITERAL),
        Literal("POINT(1 2)", WKT_LITERAL),
    ]
)
ANY = st.one_of(NUMBERS, OTHERS)


def scalar(operator: str, left: Term | None, right: Term | None) -> int:
    """The answer by the rules for single terms."""
    if left is None or right is None:
        return -1
    try:
        if operator == "=":
            return int(equal(left, right))
        sign = compare(left, right)
    except ExpressionError:
        return -1
    return 0 if sign is None else int({"<": sign < 0, "<=": sign <= 0, ">": sign > 0, ">=": sign >= 0}[operator])


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(ANY, ANY), max_size=60))
def test_columns_compare_as_single_terms_do(pairs: list[tuple[Term | None, Term | None]]) -> None:
    terms = QueryTerms(None)
    left, right = (Column.of_ids(terms.intern_terms([pair[i] for pair in pairs])) for i in (0, 1))
    assert equal_columns(left, right, terms).tolist() == [scalar("=", *pair) for pair in pairs]
    for operator in ("<", "<=", ">", ">="):
        found = compare_columns(operator, left, right, terms).tolist()
        assert found == [scalar(operator, *pair) for pair in pairs], operator


@settings(max_examples=60, deadline=None)
@given(st.lists(OTHERS, min_size=1, max_size=5), OTHERS, st.booleans())
def test_a_constant_is_compared_once_with_each_term(listed: list[Term | None], other: Term | None, first: bool) -> None:
    if other is None:
        return
    terms, rows = QueryTerms(None), listed * 3
    sides = [Column.of_ids(terms.intern_terms(rows)), Column.of_constant(other, len(rows))]
    pairs = [(some, other) for some in rows]
    if not first:
        sides, pairs = sides[::-1], [pair[::-1] for pair in pairs]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(column_comparison, "_MANY", 1)
        assert equal_columns(*sides, terms).tolist() == [scalar("=", *pair) for pair in pairs]
        assert compare_columns("<", *sides, terms).tolist() == [scalar("<", *pair) for pair in pairs]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.one_of(st.none(), st.floats()), ANY), max_size=20))
def test_computed_doubles_compare_as_their_literals_do(pairs: list[tuple[float | None, Term | None]]) -> None:
    terms = QueryTerms(None)
    numbers = np.array([0.0 if number is None else number for number, _ in pairs])
    left = Column.of_doubles(numbers, np.array([number is not None for number, _ in pairs], bool))
    right = Column.of_ids(terms.intern_terms([term for _, term in pairs]))
    as_terms = [None if number is None else literal(number) for number, _ in pairs]
    expected = [scalar("=", term, other) for term, (_, other) in zip(as_terms, pairs, strict=True)]
    assert equal_columns(left, right, terms).tolist() == expected
    expected = [scalar("<", term, other) for term, (_, other) in zip(as_terms, pairs, strict=True)]
    assert compare_columns("<", left, right, terms).tolist() == expected
    assert terms.terms(left.ids(terms)) == as_terms


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=30), st.sampled_from("+-*"))
def test_integer_kernels_compute_as_single_values_do(pairs: list[tuple[Literal, Literal]], operator: str) -> None:
    rule = {"+": add, "-": subtract, "*": multiply}[operator]
    for chosen in (pairs, [p for p in pairs if p[0].datatype == p[1].datatype == XSD_INTEGER]):
        expected: list[str | None] = []
        for left, right in chosen:
            a, b = value(left), value(right)
            known = not isinstance(a, Literal) and not isinstance(b, Literal)
            expected.append(short(literal(rule(a, b))) if known else None)  # type: ignore[arg-type]
        assert answers(f"?a {operator} ?b", list(chosen), ["a", "b"]) == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(ANY, max_size=20), st.lists(ANY.filter(lambda t: not isinstance(t, BlankNode)), max_size=4))
def test_in_is_a_chain_of_equalities(members: list[Term | None], options: list[Term | None]) -> None:
    some = context()
    solutions = table([(term,) for term in members], ["x"], some)
    arguments = tuple(Variable("none") if term is None else term for term in options)
    found = effective_boolean(Operation("IN", (Variable("x"), *arguments)), solutions, some).tolist()  # type: ignore[arg-type]
    for term, truth in zip(members, found, strict=True):
        each = [scalar("=", term, option) for option in options]
        nothing = -1 if term is None else 0
        assert truth == (1 if 1 in each else (-1 if -1 in each else nothing))


# --- the oracle -----------------------------------------------------------------------------------------------------
#
# Deliberate differences from pyoxigraph 0.5.13, kept out of the generated expressions or normalised:
# - it writes computed and constant numbers in its own canonical form (values are compared here, not lexical forms);
# - integers are unbounded here and 64 bits there (small ones are generated);
# - booleans are ordered here (section 17.3), and ill-typed or language-tagged literals have an effective boolean value
#   (section 17.2.2); there they have not;
# - a number is neither less nor greater than NaN, which is false here (F&O op:numeric-less-than) and an error there;
# - the same IRI, or the same literal of an unknown datatype, is "<=" itself there; here they have no order at all;
# - a language-tagged string and a literal of an unknown datatype may be equal here (RDFterm-equal), not there;
# - 0 / 2.5 is an error there;
# - a language tag may be one letter here (grammar of SPARQL), not there;
# - language-tagged strings of one language are ordered there, not here;
# - of a value with a time zone and one without that may be equal, "=" is an error here (XML Schema), false there;
# - decimals below 0.01 keep 16 significant digits here, 18 places there.

OPERANDS = st.sampled_from(
    [
        "1", "2", "-3", "0", "2.5", "-0.1", "1.0", "1e0", "-2.5e1", '"NaN"^^xsd:double', '"INF"^^xsd:double',
        '"1.5"^^xsd:float', '"a"', '"b"', '""', '"chat"@en', '"chat"@fr', "<http://a>", "<http://b>", "?unbound",
        '"x"^^<http://t>', '"y"^^<http://t>', '"x"^^xsd:integer', '"2020-01-01"^^xsd:date', '"2021-06-30"^^xsd:date',
        '"2020-01-01T10:00:00Z"^^xsd:dateTime', '"2020-01-01T12:00:00+02:00"^^xsd:dateTime',
    ]
)  # fmt: skip
TRUTHS = st.sampled_from(["true", "false", "?unbound", "1 = 1", "(1 / 0) = 1", "BOUND(?unbound)"])


def _binary(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda a, o, b: f"({a} {o} {b})", inner, st.sampled_from(["+", "-", "*", "/"]), inner)


NUMERIC = st.recursive(OPERANDS, _binary, max_leaves=3)
COMPARED = st.builds(
    lambda a, o, b: f"({a} {o} {b})", NUMERIC, st.sampled_from(["=", "!=", "<", ">", "<=", ">="]), NUMERIC
)
LOGICAL = st.recursive(
    st.one_of(TRUTHS, COMPARED),
    lambda inner: st.one_of(
        st.builds(lambda a, o, b: f"({a} {o} {b})", inner, st.sampled_from(["&&", "||"]), inner),
        inner.map(lambda a: f"(!{a})"),
    ),
    max_leaves=4,
)
CALLS = st.one_of(
    st.builds(
        lambda name, a: f"{name}({a})",
        st.sampled_from(
            ["STR", "LANG", "DATATYPE", "STRLEN", "UCASE", "ABS", "CEIL", "FLOOR", "ROUND", "ISIRI", "ISLITERAL",
             "ISNUMERIC", "YEAR", "TZ", "MD5", "xsd:integer", "xsd:decimal", "xsd:double", "xsd:boolean", "xsd:string"]
        ),
        OPERANDS,
    ),
    st.builds(
        lambda name, a, b: f"{name}({a}, {b})",
        st.sampled_from(
            ["CONTAINS", "STRSTARTS", "STRBEFORE", "STRAFTER", "CONCAT", "LANGMATCHES", "SAMETERM", "STRLANG"]
        ),
        OPERANDS,
        OPERANDS,
    ),
    st.builds(lambda a, b, c: f"IF({a}, {b}, {c})", LOGICAL, OPERANDS, OPERANDS),
    st.builds(lambda a, b: f"COALESCE({a}, {b})", NUMERIC, OPERANDS),
    st.builds(lambda a, b, c: f"({a} IN ({b}, {c}))", OPERANDS, OPERANDS, OPERANDS),
)  # fmt: skip


def oracle(text: str) -> object:
    """The oracle's value of an expression."""
    (row,) = ox.Store().query(f"{PROLOGUE}SELECT (({text}) AS ?r) {{}}")  # type: ignore[misc]
    node = row["r"]
    if node is None:
        return None
    if isinstance(node, ox.Literal):
        return comparable(Literal(node.value, node.datatype.value, node.language))
    return comparable(IRI(node.value))


def comparable(term: Term | None) -> object:
    """A term by its value and type, so that canonical forms do not matter."""
    found = None if term is None else value(term)
    if isinstance(found, float) and math.isnan(found):
        return "NaN", type(found).__name__
    if isinstance(found, int | float | Decimal | bool):
        return found, type(found).__name__
    return found


def _is_known_difference(text: str) -> bool:
    """Whether an expression touches a deliberate difference (see above)."""
    ordered = any(f" {operator} " in text for operator in ("<", ">", "<=", ">="))
    unordered = any(part in text for part in ("@", "NaN", "INF", "http:"))
    one_letter_tag = re.search(r'STRLANG\(.*, "[ab]"\)', text) is not None
    not_canonical = re.search(r"STR\((1\.0|1e0|-2\.5e1)\)", text) is not None
    maybe_equal = "@" in text and "<http://t>" in text
    ill_typed = '"x"^^xsd:integer' in text
    zero_divided = re.search(r"\(0 / -?[0-9]", text) is not None
    return zero_divided or ill_typed or (ordered and unordered) or one_letter_tag or not_canonical or maybe_equal


@settings(max_examples=400, deadline=None)
@given(st.one_of(NUMERIC, COMPARED, LOGICAL, CALLS))
def test_answers_equal_the_oracles(text: str) -> None:
    some = context()
    (number,) = evaluate(expression(text), Solutions.unit(), some).tolist()
    found = comparable(some.terms.term(number) if number else None)
    if not _is_known_difference(text):
        assert found == oracle(text), text
