# SPDX-License-Identifier: Apache-2.0
"""The order of terms: classes, values, ties, stability, and the fast ways against the definition."""

from __future__ import annotations

import functools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.io.terms import IRI, BlankNode, Literal, Term
from semcube.sparql import ordering
from semcube.sparql.column_comparison import compare_columns, equal_columns
from semcube.sparql.columns import Column
from semcube.sparql.comparison import compare
from semcube.sparql.ordering import order, ranks
from semcube.sparql.terms import QueryTerms
from semcube.sparql.values import ExpressionError, to_term
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
from tests.sparql.expression_cases import context

IN_ORDER: list[Term | None] = [
    None,
    BlankNode("b"),
    IRI("http://a"),
    IRI("http://\u00e9"),
    IRI("http://\U0001f600"),
    Literal(""),
    Literal("B"),
    Literal("a"),
    Literal("a\u00e9"),
    Literal("a", language="de"),
    Literal("a", language="en"),
    Literal("b", language="de"),
    Literal("-INF", XSD_DOUBLE),
    Literal("-1", XSD_INTEGER),
    Literal("0.3", XSD_DECIMAL),
    Literal("0.30000000000000004", XSD_DOUBLE),
    Literal("0.5", XSD_FLOAT),
    Literal("9007199254740992", XSD_INTEGER),
    Literal("9007199254740993", XSD_INTEGER),
    Literal("9" * 30, XSD_INTEGER),
    Literal("INF", XSD_FLOAT),
    Literal("NaN", XSD_DOUBLE),
    Literal("false", XSD_BOOLEAN),
    Literal("1", XSD_BOOLEAN),
    Literal("2020-01-01T12:00:00+02:00", XSD_DATETIME),
    Literal("2020-01-01T11:00:00", XSD_DATETIME),
    Literal("2020-01-01T12:00:00Z", XSD_DATETIME),
    Literal("-0100-01-01", XSD_DATE),
    Literal("2019-01-01", XSD_DATE),
    Literal("POINT(1 1)", WKT_LITERAL),
    Literal("P1D", XSD + "dayTimeDuration"),
    Literal("PT25H", XSD + "dayTimeDuration"),
    Literal("P1Y", XSD + "yearMonthDuration"),
    Literal("x", "http://a/type"),
    Literal("a", XSD_INTEGER),
]


def test_the_classes_and_values_in_order() -> None:
    some = context()
    ids = some.terms.intern_terms(IN_ORDER)
    found = ranks(ids, some.terms)
    assert found.tolist() == sorted(set(found.tolist()))
    rng = np.random.default_rng(7)
    for _ in range(5):
        shuffled = rng.permutation(len(ids))
        permutation = order([ids[shuffled]], [False], some)
        assert some.terms.terms(ids[shuffled][permutation]) == IN_ORDER


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Literal("1", XSD_INTEGER), Literal("1.0", XSD_DECIMAL)),
        (Literal("01", XSD_INTEGER), Literal("1e0", XSD_DOUBLE)),
        (Literal("true", XSD_BOOLEAN), Literal("1", XSD_BOOLEAN)),
        (Literal("-0", XSD_DOUBLE), Literal("0", XSD_INTEGER)),
        (Literal("2020-01-01T00:00:00Z", XSD_DATETIME), Literal("2020-01-01T01:00:00+01:00", XSD_DATETIME)),
    ],
)
def test_equal_values_tie(one: Term, other: Term) -> None:
    terms = QueryTerms(None)
    first, second = ranks(terms.intern_terms([one, other]), terms).tolist()
    assert first == second


def test_more_conditions_and_stability() -> None:
    some = context()
    rows = [(2, "b"), (1, "z"), (2, "a"), (1, "z"), (None, "c")]
    first = some.terms.intern_terms([None if n is None else Literal(str(n), XSD_INTEGER) for n, _ in rows])
    second = some.terms.intern_terms([Literal(text) for _, text in rows])
    assert order([first, second], [False, False], some).tolist() == [4, 1, 3, 2, 0]
    assert order([first, second], [True, False], some).tolist() == [2, 0, 1, 3, 4]
    assert order([first], [True], some).tolist() == [0, 2, 1, 3, 4]
    assert order([np.zeros(3, np.int64)], [True], some).tolist() == [0, 1, 2]
    assert order([np.zeros(0, np.int64)], [True], some).tolist() == []


LITERALS = st.one_of(
    st.integers(-(10**20), 10**20).map(lambda n: Literal(str(n), XSD_INTEGER)),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(lambda n: Literal(f"{n:f}", XSD_DECIMAL)),
    st.floats().map(lambda x: Literal(repr(x).replace("inf", "INF").replace("nan", "NaN"), XSD_DOUBLE)),
    st.text(max_size=4).map(Literal),
    st.booleans().map(lambda b: Literal(str(b).lower(), XSD_BOOLEAN)),
    st.datetimes().map(lambda t: Literal(t.isoformat() + "Z", XSD_DATETIME)),
    st.datetimes().map(lambda t: Literal(t.isoformat() + ".1234567" * (not t.microsecond), XSD_DATETIME)),
    st.dates().map(lambda d: Literal(str(d), XSD_DATE)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(LITERALS, min_size=2, max_size=6))
def test_agrees_with_less_than(literals: list[Literal]) -> None:
    terms = QueryTerms(None)
    found = ranks(terms.intern_terms(literals), terms).tolist()

    for one, rank in zip(literals, found, strict=True):
        for other, other_rank in zip(literals, found, strict=True):
            try:
                expected = compare(one, other)
            except ExpressionError:
                continue
            if expected is None or (expected == 0 and _far_integers(one, other)):
                continue
            assert (rank > other_rank) - (rank < other_rank) == expected, (one, other)


def _far_integers(one: Literal, other: Literal) -> bool:
    """Whether equality holds only after rounding to a double: the order of ORDER BY is exact there."""
    return (one.datatype == XSD_DOUBLE) != (other.datatype == XSD_DOUBLE)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(IN_ORDER), max_size=20))
def test_sorting_is_sorting_by_the_definition(terms_: list[Term | None]) -> None:
    some = context()
    ids = some.terms.intern_terms(terms_)
    expected = sorted(range(len(terms_)), key=functools.partial(_place, terms_))
    assert order([ids], [False], some).tolist() == expected


def _place(terms_: list[Term | None], row: int) -> int:
    return IN_ORDER.index(terms_[row])


@given(st.lists(st.one_of(st.none(), st.text("abé\U0001f30d", max_size=3)), max_size=12), st.booleans())
def test_computed_texts_are_ordered_as_their_terms(texts: list[str | None], down: bool) -> None:
    some = context()
    column = Column.of_strings(pa.array(texts, pa.large_string()))
    ids = some.terms.intern_terms([None if text is None else Literal(text) for text in texts])
    assert order([column], [down], some).tolist() == order([ids], [down], some).tolist()


@given(st.lists(st.one_of(st.none(), st.floats(), st.sampled_from([0.0, -0.0])), max_size=12), st.booleans())
def test_computed_doubles_are_ordered_as_their_terms(numbers: list[float | None], down: bool) -> None:
    some = context()
    valid = np.array([number is not None for number in numbers], bool)
    column = Column.of_doubles(np.array([number or 0.0 for number in numbers], float), valid)
    ids = some.terms.intern_terms([None if n is None else to_term(float(n)) for n in numbers])
    assert order([column], [down], some).tolist() == order([ids], [down], some).tolist()


# numbers beside one double: equal to it, a digit beside it, of other types, beyond what a double holds
NEAR = st.one_of(
    st.sampled_from([
        Literal("NaN", XSD_DOUBLE), Literal("INF", XSD_DOUBLE), Literal("-INF", XSD_FLOAT), Literal("0.1", XSD_FLOAT),
        Literal("-0", XSD_DOUBLE), Literal("0.0", XSD_DECIMAL), Literal("0." + "0" * 400 + "1", XSD_DECIMAL),
        Literal("1" + "0" * 400, XSD_INTEGER), Literal("9007199254740993", XSD_INTEGER),
        Literal("9007199254740992.5", XSD_DECIMAL), Literal("9007199254740992", XSD_DOUBLE),
    ]),
    st.builds(
        lambda whole, tail, kind: Literal(f"{whole}.1{tail}", kind),
        st.sampled_from(["0", "-7", "48"]),
        st.sampled_from(["", "0", *("0" * 15 + tail for tail in ("1", "01", "02", "0055511"))]),
        st.sampled_from([XSD_DECIMAL, XSD_DECIMAL, XSD_DOUBLE]),
    ),
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(NEAR, min_size=1, max_size=12))
def test_numbers_beside_one_double_are_ordered_by_their_values(numbers: list[Literal]) -> None:
    terms = QueryTerms(None)
    ids = np.unique(terms.intern_terms(numbers))
    keys = [ordering._number_key(ordering.value(term)) for term in terms.terms(ids)]
    found = ordering._numbers(ids, terms)
    assert found.tolist() == ordering._by_key(keys).tolist()


@settings(max_examples=300)
@given(st.lists(st.tuples(NEAR, NEAR), min_size=1, max_size=8), st.sampled_from(["<", "<=", ">", ">="]))
def test_numbers_beside_one_double_compare_as_their_values(pairs: list[tuple[Literal, Literal]], operator: str) -> None:
    some = context()
    left, right = (Column.of_ids(some.terms.intern_terms(list(side))) for side in zip(*pairs, strict=True))
    orders = [compare(*pair) for pair in pairs]
    accepts = {"<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (0, 1)}[operator]
    assert compare_columns(operator, left, right, some.terms).tolist() == [int(o in accepts) for o in orders]
    assert equal_columns(left, right, some.terms).tolist() == [int(o == 0) for o in orders]
