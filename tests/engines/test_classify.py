# SPDX-License-Identifier: Apache-2.0
"""Columns and single terms are classified alike, and as the rule says."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.engines import xsd
from semcube.engines.classify import classify, classify_literals, classify_numbers, classify_term
from semcube.engines.ids import BIAS, Tag, boolean_id, integer_id
from semcube.engines.keys import join, split
from semcube.io.terms import IRI, BlankNode, Literal, Term, key
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
    XSD_STRING,
    XSD_TIME,
)

CASES = [
    (IRI("http://a"), Tag.IRI, None, False, None),
    (BlankNode("b"), Tag.BLANK, None, False, None),
    (Literal("x"), Tag.STRING, None, False, None),
    (Literal("x", language="EN"), Tag.LANGUAGE, None, False, None),
    (Literal("5", XSD_INTEGER), Tag.INTEGER, 5.0, True, None),
    (Literal("-5", XSD_INTEGER), Tag.INTEGER, -5.0, True, None),
    (Literal("+5", XSD_INTEGER), Tag.NUMERIC, 5.0, True, None),
    (Literal("05", XSD_INTEGER), Tag.NUMERIC, 5.0, True, None),
    (Literal("-0", XSD_INTEGER), Tag.NUMERIC, 0.0, True, None),
    (Literal("5 ", XSD_INTEGER), Tag.OTHER, None, False, None),
    (Literal("5\n", XSD_INTEGER), Tag.OTHER, None, False, None),
    (Literal(str(BIAS - 1), XSD_INTEGER), Tag.INTEGER, float(BIAS - 1), False, None),
    (Literal(str(BIAS), XSD_INTEGER), Tag.NUMERIC, float(BIAS), False, None),
    (Literal(str(-BIAS), XSD_INTEGER), Tag.INTEGER, float(-BIAS), False, None),
    (Literal("9" * 40, XSD_INTEGER), Tag.NUMERIC, 1e40, False, None),
    (Literal("1" + "0" * 30, XSD_INTEGER), Tag.NUMERIC, 1e30, True, None),
    (Literal("9" * 400, XSD_INTEGER), Tag.NUMERIC, None, False, None),
    (Literal("9" * 1001, XSD_INTEGER), Tag.OTHER, None, False, None),
    (Literal("127", XSD + "byte"), Tag.NUMERIC, 127.0, True, None),
    (Literal("128", XSD + "byte"), Tag.OTHER, None, False, None),
    (Literal("18446744073709551615", XSD + "unsignedLong"), Tag.NUMERIC, 18446744073709551615.0, False, None),
    (Literal("18446744073709551616", XSD + "unsignedLong"), Tag.OTHER, None, False, None),
    (Literal("0", XSD + "positiveInteger"), Tag.OTHER, None, False, None),
    (Literal("9223372036854775807", XSD + "long"), Tag.NUMERIC, 9223372036854775807.0, False, None),
    (Literal("9223372036854775808", XSD + "long"), Tag.OTHER, None, False, None),
    (Literal("1.50", XSD_DECIMAL), Tag.NUMERIC, 1.5, True, None),
    (Literal(".5", XSD_DECIMAL), Tag.NUMERIC, 0.5, True, None),
    (Literal("+5.", XSD_DECIMAL), Tag.NUMERIC, 5.0, True, None),
    (Literal(".", XSD_DECIMAL), Tag.OTHER, None, False, None),
    (Literal("1e3", XSD_DECIMAL), Tag.OTHER, None, False, None),
    (Literal("0.1234567890123456", XSD_DECIMAL), Tag.NUMERIC, 0.1234567890123456, False, None),
    (Literal("0." + "0" * 400 + "1", XSD_DECIMAL), Tag.NUMERIC, 0.0, False, None),
    (Literal("1e3", XSD_DOUBLE), Tag.NUMERIC, 1000.0, True, None),
    (Literal("1e400", XSD_DOUBLE), Tag.NUMERIC, float("inf"), True, None),
    (Literal("-INF", XSD_DOUBLE), Tag.NUMERIC, float("-inf"), True, None),
    (Literal("inf", XSD_DOUBLE), Tag.OTHER, None, False, None),
    (Literal("1.1", XSD_FLOAT), Tag.NUMERIC, 1.100000023841858, False, None),
    (Literal("true", XSD_BOOLEAN), Tag.BOOLEAN, None, False, None),
    (Literal("1", XSD_BOOLEAN), Tag.OTHER, None, False, None),
    (Literal("POINT(1 2)", WKT_LITERAL), Tag.GEOMETRY, None, False, None),
    (Literal("nonsense", WKT_LITERAL), Tag.GEOMETRY, None, False, None),
    (Literal("1970-01-02", XSD_DATE), Tag.TEMPORAL, None, False, 86_400_000_000),
    (Literal("1970-01-01T01:00:00.25+01:00", XSD_DATETIME), Tag.TEMPORAL, None, False, 250_000),
    (Literal("1970-01-01T24:00:00", XSD_DATETIME), Tag.TEMPORAL, None, False, 86_400_000_000),
    (Literal("1970-01-01T00:00:00.0000001Z", XSD_DATETIME), Tag.TEMPORAL, None, False, None),
    (Literal("-0001-01-01T00:00:00Z", XSD_DATETIME), Tag.TEMPORAL, None, False, -62198755200_000_000),
    (Literal("12024-02-29", XSD_DATE), Tag.TEMPORAL, None, False, 317267_280_000_000_000),
    (Literal("2023-02-29", XSD_DATE), Tag.OTHER, None, False, None),
    (Literal("2000-02-29", XSD_DATE), Tag.TEMPORAL, None, False, 951_782_400_000_000),
    (Literal("00:00:01", XSD_TIME), Tag.TEMPORAL, None, False, 1_000_000),
    (Literal("00:00:60", XSD_TIME), Tag.OTHER, None, False, None),
    (Literal("P1D", XSD + "dayTimeDuration"), Tag.OTHER, None, False, None),
]


def columns_of(terms: list[Term | None]) -> list[dict[str, object]]:
    return classify(split(pa.array([None if t is None else key(t) for t in terms], pa.large_string()))).to_pylist()


@pytest.mark.parametrize(("term", "tag", "number", "exact", "time"), CASES)
def test_single_terms(term: Term, tag: Tag, number: float | None, exact: bool, time: int | None) -> None:
    found = classify_term(term)
    if term == Literal("12024-02-29", XSD_DATE):
        time = xsd.days(12024, 2, 29) * 86_400_000_000
    assert (found.tag, found.number, found.exact, found.time) == (tag, number, exact, time)


def test_columns_equal_single_terms() -> None:
    rows = columns_of([case[0] for case in CASES])
    for (term, *_), row in zip(CASES, rows, strict=True):
        assert row == classify_term(term)._asdict(), term


def test_inline_ids() -> None:
    rows = columns_of([Literal("-7", XSD_INTEGER), Literal("false", XSD_BOOLEAN), Literal("07", XSD_INTEGER), None])
    assert [row["inline"] for row in rows] == [integer_id(-7), boolean_id(False), None, None]
    assert rows[3]["tag"] is None


NUMBERS = st.one_of(
    st.from_regex(r"[+-]?[0-9]{1,25}", fullmatch=True),
    st.from_regex(r"[+-]?[0-9]{0,12}\.[0-9]{0,12}", fullmatch=True),
    st.floats().map(lambda x: repr(x).replace("inf", "INF").replace("nan", "NaN")),
    st.sampled_from(
        ["", "+", "INF", "+INF", "-INF", "NaN", "1e5", "1E-400", " 1", "1 ", "0x1", "1_0", "\u0661", "1.0e+07"]
    ),
)
TIMES = st.one_of(
    st.datetimes().map(lambda t: t.isoformat()),
    st.datetimes().map(lambda t: t.isoformat() + "Z"),
    st.dates().map(str),
    st.times().map(str),
    st.from_regex(
        r"-?[0-9]{4,6}-[0-1][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,8})?(Z|[+-][01][0-9]:[0-5][0-9])?",
        fullmatch=True,
    ),
    st.from_regex(r"[12][0-9]{3}-[01][0-9]-[0-3][0-9](Z|[+-][01][0-9]:[0-5][0-9])?", fullmatch=True),
)
DATATYPES = [*sorted(xsd.NUMERIC), XSD_STRING, XSD_BOOLEAN, WKT_LITERAL, "http://e/other"]
LITERALS = st.one_of(
    st.builds(Literal, NUMBERS, st.sampled_from(DATATYPES)),
    st.builds(Literal, TIMES, st.sampled_from(xsd.TEMPORAL)),
    st.builds(Literal, st.text(), st.sampled_from(DATATYPES)),
    st.builds(lambda text, tongue: Literal(text, language=tongue), st.text(), st.sampled_from(["en", "de-at"])),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(LITERALS, max_size=12))
def test_columns_equal_single_terms_on_random_literals(terms: list[Literal]) -> None:
    for term, row in zip(terms, columns_of(list(terms)), strict=True):
        expected = classify_term(term)._asdict()
        if expected["number"] is not None and expected["number"] != expected["number"]:
            assert row["number"] != row["number"]
            expected["number"] = row["number"] = None
        assert row == expected, term


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(
            LITERALS,
            st.none(),
            st.sampled_from(
                [
                    IRI("http://e/\u00e9"),
                    IRI(""),
                    BlankNode("b1"),
                    Literal('a"b'),
                    Literal('"', language="fr"),
                    Literal(""),
                ]
            ),
        )
    ),
    st.integers(0, 3),
)
def test_keys_split_and_join(terms: list[Term | None], skipped: int) -> None:
    keys = pa.array([None if t is None else key(t) for t in terms], pa.large_string())[skipped:]
    assert join(split(keys)).to_pylist() == keys.to_pylist()
    assert split(keys.dictionary_encode()).to_pylist() == split(keys).to_pylist()
    for row, term in zip(split(keys).to_pylist(), terms[skipped:], strict=True):
        if isinstance(term, Literal):
            assert row == {"kind": 2, "lexical": term.lexical, "datatype": term.datatype, "language": term.language}
        elif term is None:
            assert row["kind"] is None


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.builds(Literal, NUMBERS, st.sampled_from([XSD_INTEGER, XSD_DECIMAL, XSD_DOUBLE])), min_size=2, max_size=2
    )
)
def test_exact_numbers_compare_as_the_values_do(pair: list[Literal]) -> None:
    one, other = (classify_term(term) for term in pair)
    if not (one.exact and other.exact) or XSD_DOUBLE in (pair[0].datatype, pair[1].datatype):
        return
    values = [xsd.decimal(term.lexical) for term in pair]
    assert values[0] is not None
    assert values[1] is not None
    assert (one.number < other.number) == (values[0] < values[1])  # type: ignore[operator]
    assert (one.number == other.number) == (values[0] == values[1])


@pytest.mark.parametrize("number", [-800000, -719528, -1, 0, 59, 11016, 2932896, 10**7])
def test_days_and_civil_are_inverse(number: int) -> None:
    assert xsd.days(*xsd.civil(number)) == number


DOUBLES = st.one_of(
    st.floats(),
    st.floats(-1000, 1000).map(lambda value: round(value, 6)),
    st.integers(-(10**17), 10**17).map(float),
    st.builds(lambda digits, power: digits * 10.0**power, st.integers(-(10**6), 10**6), st.integers(-30, 30)),
    st.sampled_from([0.0, -0.0, 5e-324, 1.7976931348623157e308, 1e15, 0.1, 999999999999999.9, 100.0, -120.5]),
)
_NEAR = st.sampled_from([BIAS, -BIAS, 10**15, -(10**15), 0])
INTEGERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.builds(lambda value, offset: value + offset, _NEAR, st.integers(-2, 2)),
    st.builds(lambda digits, power: digits * 10**power, st.integers(-999, 999), st.integers(0, 15)),
)


@settings(max_examples=100)
@given(st.one_of(st.lists(DOUBLES, max_size=8), st.lists(INTEGERS, min_size=1, max_size=8)))
def test_known_numbers_are_classified_as_their_texts(values: list[float] | list[int]) -> None:
    """The texts are those that the mapper makes of a column."""
    from semcube.mapping.natural import Kind, lexical

    whole = bool(values) and isinstance(values[0], int)
    column = pa.array(values, pa.int64() if whole else pa.float64())
    with duckdb.connect() as connection:
        connection.register("batch", pa.table({"c0": column}))
        for datatype in (XSD_INTEGER,) if whole else (XSD_DECIMAL, XSD_DOUBLE):
            made = lexical("c0", Kind.INTEGER if whole else Kind.DOUBLE, datatype)
            source = "batch"
            for stage in made.stages:
                source = f"(SELECT *, {', '.join(f'{sql} AS {name}' for name, sql in stage)} FROM {source})"
            texts = connection.sql(f"SELECT {made.sql} AS t FROM {source}").to_arrow_table()["t"].combine_chunks()
            numbers, texts = column.filter(texts.is_valid()), texts.drop_null().cast(pa.large_string())
            expected = repr(classify_literals(texts, datatype).to_pylist())
            assert repr(classify_numbers(texts, datatype, numbers).to_pylist()) == expected
            if len(texts):
                cut = repr(classify_literals(texts.slice(1), datatype).to_pylist())
                assert repr(classify_numbers(texts.slice(1), datatype, numbers.slice(1)).to_pylist()) == cut
