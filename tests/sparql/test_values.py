# SPDX-License-Identifier: Apache-2.0
"""Typed values: parsing, canonical text, arithmetic, comparison."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.io.terms import IRI, BlankNode, Literal, Term
from semcube.sparql.comparison import compare, effective, equal
from semcube.sparql.values import (
    ExpressionError,
    Single,
    add,
    divide,
    literal,
    multiply,
    negate,
    subtract,
    text,
    value,
)
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
    XSD_TIME,
)

DAY_TIME, YEAR_MONTH, DURATION = XSD + "dayTimeDuration", XSD + "yearMonthDuration", XSD + "duration"


@pytest.mark.parametrize(
    ("some", "lexical", "as_text"),
    [
        (0, "0", "0"),
        (-(10**40), "-1" + "0" * 40, "-1" + "0" * 40),
        (Decimal("2.50"), "2.5", "2.5"),
        (Decimal(2), "2.0", "2"),
        (Decimal("-0.0"), "0.0", "0"),
        (Decimal("1E+3"), "1000.0", "1000"),
        (Decimal("1E-7"), "0.0000001", "0.0000001"),
        (Decimal(1) / Decimal(3), "0.3333333333333333333333333333", "0.3333333333333333333333333333"),
        (1.0, "1.0E0", "1"),
        (-0.0, "-0.0E0", "-0"),
        (0.1, "1.0E-1", "0.1"),
        (123456.789, "1.23456789E5", "123456.789"),
        (1e6, "1.0E6", "1.0E6"),
        (1e-6, "1.0E-6", "0.000001"),
        (9.9e-7, "9.9E-7", "9.9E-7"),
        (5e-324, "5.0E-324", "5.0E-324"),
        (1.7976931348623157e308, "1.7976931348623157E308", "1.7976931348623157E308"),
        (math.inf, "INF", "INF"),
        (-math.inf, "-INF", "-INF"),
        (math.nan, "NaN", "NaN"),
        (Single(0.1), "1.0E-1", "0.1"),
        (Single(16777217), "1.6777216E7", "1.6777216E7"),
        (True, "true", "true"),
        ("x", "x", "x"),
    ],
)
def test_canonical_forms(some: object, lexical: str, as_text: str) -> None:
    assert literal(some).lexical == lexical  # type: ignore[arg-type]
    assert text(some) == as_text  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lexical", "datatype", "canonical"),
    [
        ("+007", XSD_INTEGER, "7"),
        ("5", XSD + "byte", "5"),
        (".5", XSD_DECIMAL, "0.5"),
        ("1e3", XSD_DOUBLE, "1.0E3"),
        ("1", XSD_BOOLEAN, "true"),
        ("2020-12-31T24:00:00", XSD_DATETIME, "2021-01-01T00:00:00"),
        ("2020-01-01T10:00:00.250-05:30", XSD_DATETIME, "2020-01-01T10:00:00.25-05:30"),
        ("2020-01-01T10:00:00+00:00", XSD_DATETIME, "2020-01-01T10:00:00Z"),
        ("-0044-03-15", XSD_DATE, "-0044-03-15"),
        ("12345-01-01Z", XSD_DATE, "12345-01-01Z"),
        ("24:00:00", XSD_TIME, "00:00:00"),
        ("P1DT36H", DAY_TIME, "P2DT12H"),
        ("-PT0.5S", DAY_TIME, "-PT0.5S"),
        ("P0D", DAY_TIME, "PT0S"),
        ("P14M", YEAR_MONTH, "P1Y2M"),
        ("P0Y", YEAR_MONTH, "P0M"),
        ("P1Y2M3DT4H5M6.7S", DURATION, "P1Y2M3DT4H5M6.7S"),
    ],
)
def test_values_in_canonical_form(lexical: str, datatype: str, canonical: str) -> None:
    assert literal(value(Literal(lexical, datatype))).lexical == canonical  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lexical", "datatype"),
    [
        ("", XSD_INTEGER),
        ("1.0", XSD_INTEGER),
        ("256", XSD + "unsignedByte"),
        ("1,5", XSD_DECIMAL),
        ("1e5", XSD_DECIMAL),
        ("Infinity", XSD_DOUBLE),
        ("TRUE", XSD_BOOLEAN),
        ("2020-13-01", XSD_DATE),
        ("2021-02-29", XSD_DATE),
        ("20-01-01", XSD_DATE),
        ("02020-01-01", XSD_DATE),
        ("2020-01-01", XSD_DATETIME),
        ("2020-01-01T25:00:00", XSD_DATETIME),
        ("2020-01-01T24:00:01", XSD_DATETIME),
        ("2020-01-01T10:00:00+14:01", XSD_DATETIME),
        ("2020-01-01T10:00:00\n", XSD_DATETIME),
        ("P", DURATION),
        ("P1DT", DURATION),
        ("P1Y", DAY_TIME),
        ("P1D", YEAR_MONTH),
        ("x", "http://a/type"),
    ],
)
def test_ill_typed_literals_are_their_own_value(lexical: str, datatype: str) -> None:
    term = Literal(lexical, datatype)
    assert value(term) == term


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (add(1, Decimal("0.1")), Decimal("1.1")),
        (add(2**63, 1), 2**63 + 1),
        (add(Decimal("0.1"), 0.2), 0.30000000000000004),
        (add(Single(1.5), 1), Single(2.5)),
        (subtract(1, 0.5), 0.5),
        (multiply(Decimal("0.1"), Decimal("0.1")), Decimal("0.01")),
        (divide(1, 3), Decimal("0.333333333333333333")),
        (divide(-2, 3), Decimal("-0.666666666666666666")),
        (divide(Decimal("0.0000000001"), 3), Decimal("3.3333333333333333E-11")),
        (divide(6, 3), Decimal(2)),
        (divide(0, 3), Decimal(0)),
        (divide(1.0, 0), math.inf),
        (divide(-1.0, 0), -math.inf),
        (divide(1, -0.0), -math.inf),
        (negate(Decimal("1.5")), Decimal("-1.5")),
    ],
)
def test_arithmetic(found: object, expected: object) -> None:
    assert found == expected
    assert type(found) is type(expected)


def test_arithmetic_errors_and_odd_results() -> None:
    assert math.isnan(divide(0.0, 0))
    assert math.isnan(add(math.inf, -math.inf))
    assert math.copysign(1, subtract(-0.0, 0)) == -1
    assert math.copysign(1, subtract(0.0, 0)) == 1
    assert str(subtract(Decimal(0), Decimal(0))) == "0"
    assert math.copysign(1, negate(0.0)) == -1
    for left, right in ((1, 0), (Decimal(1), 0), (0, 0)):
        with pytest.raises(ExpressionError):
            divide(left, right)
    with pytest.raises(ExpressionError):
        multiply(10**900, 10**900)
    with pytest.raises(ExpressionError):
        add(Decimal("9" * 1000), 1)
    assert add(10**400, 1.0) == math.inf


@settings(max_examples=300, deadline=None)
@given(st.integers(), st.integers().filter(bool))
def test_division_is_the_quotient_cut(left: int, right: int) -> None:
    quotient, exact = divide(left, right), Fraction(left, right)
    assert isinstance(quotient, Decimal)
    assert abs(Fraction(quotient)) <= abs(exact)
    assert abs(exact - Fraction(quotient)) < Fraction(1, 10**18)


@given(st.floats(width=32))
def test_singles_read_back(number: float) -> None:
    read = value(literal(Single(number)))
    assert isinstance(read, Single)
    assert np.array_equal(np.float32(read), np.float32(number), equal_nan=True)


@given(st.floats())
def test_doubles_read_back(number: float) -> None:
    read = value(literal(number))
    assert type(read) is float
    assert np.array_equal(read, number, equal_nan=True)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_decimals_read_back(number: Decimal) -> None:
    if abs(number.adjusted()) < 900:
        assert value(literal(number)) == number


def moment(lexical: str) -> Literal:
    return Literal(lexical, XSD_DATETIME)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (1, Decimal("1.0"), True),
        (Literal("01", XSD_INTEGER), 1.0, True),
        (math.nan, math.nan, False),
        (1, "1", False),
        (True, 1, False),
        ("a", Literal("a", language="en"), False),
        (Literal("a", language="en"), Literal("a", language="de"), False),
        (IRI("http://a"), IRI("http://a"), True),
        (IRI("http://a"), "http://a", False),
        (BlankNode("a"), BlankNode("b"), False),
        (Literal("x", "http://t"), Literal("x", "http://t"), True),
        (Literal("x", "http://t"), Literal("y", "http://t"), None),
        (Literal("x", "http://t"), 1, None),
        (Literal("x", XSD_INTEGER), 1, None),
        (Literal("x", "http://t"), IRI("http://a"), False),
        (Literal("POINT(0 0)", WKT_LITERAL), Literal("POINT(1 0)", WKT_LITERAL), None),
        (moment("2020-01-01T12:00:00Z"), moment("2020-01-01T14:00:00+02:00"), True),
        (moment("2020-01-01T12:00:00"), moment("2020-01-01T12:00:00Z"), None),
        (moment("2020-01-01T12:00:00"), moment("2020-01-05T12:00:00Z"), False),
        (moment("2020-01-01T00:00:00"), Literal("2020-01-01", XSD_DATE), False),
        (Literal("P1Y", YEAR_MONTH), Literal("P12M", DURATION), True),
        (Literal("P1D", DAY_TIME), Literal("PT24H", DAY_TIME), True),
    ],
)
def test_equality(left: object, right: object, expected: bool | None) -> None:
    for one, other in ((left, right), (right, left)):
        if expected is None:
            with pytest.raises(ExpressionError):
                equal(one, other)  # type: ignore[arg-type]
        else:
            assert equal(one, other) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (1, Decimal("1.5"), -1),
        (2.0, 1, 1),
        (1, math.nan, None),
        ("a", "b", -1),
        ("a", "B", 1),
        ("\uffff", "\U00010000", -1),
        (False, True, -1),
        (moment("2020-01-01T12:00:00+01:00"), moment("2020-01-01T12:00:00Z"), -1),
        (moment("2020-01-01T12:00:00"), moment("2020-01-02T12:00:00Z"), -1),
        (Literal("2020-01-01", XSD_DATE), Literal("2020-01-01+01:00", XSD_DATE), "error"),
        (Literal("10:00:00", XSD_TIME), Literal("09:59:59.9", XSD_TIME), 1),
        (Literal("P1D", DAY_TIME), Literal("PT25H", DAY_TIME), -1),
        (Literal("P1Y", DURATION), Literal("P2Y", DURATION), "error"),
        (1, "a", "error"),
        (IRI("http://a"), IRI("http://b"), "error"),
        (Literal("a", language="en"), Literal("b", language="en"), "error"),
        (moment("2020-01-01T12:00:00Z"), Literal("2020-01-01", XSD_DATE), "error"),
    ],
)
def test_order(left: object, right: object, expected: int | str | None) -> None:
    if expected == "error":
        with pytest.raises(ExpressionError):
            compare(left, right)  # type: ignore[arg-type]
    else:
        assert compare(left, right) == expected  # type: ignore[arg-type]
        if expected is not None:
            assert compare(right, left) == -expected  # type: ignore[arg-type,operator]


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (Literal("true", XSD_BOOLEAN), True),
        (Literal("0", XSD_BOOLEAN), False),
        (Literal("maybe", XSD_BOOLEAN), False),
        (Literal(""), False),
        (Literal("false"), True),
        (Literal("", language="en"), False),
        (Literal("x", language="en"), True),
        (Literal("0.0", XSD_DECIMAL), False),
        (Literal("NaN", XSD_DOUBLE), False),
        (Literal("-1", XSD_FLOAT), True),
        (Literal("abc", XSD_INTEGER), False),
        (Literal("x", "http://t"), None),
        (Literal("2020-01-01", XSD_DATE), None),
        (IRI("http://a"), None),
        (BlankNode("b"), None),
    ],
)
def test_effective_boolean_value(term: Term, expected: bool | None) -> None:
    if expected is None:
        with pytest.raises(ExpressionError):
            effective(term)
    else:
        assert effective(term) is expected
