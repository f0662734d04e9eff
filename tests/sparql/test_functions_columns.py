# SPDX-License-Identifier: Apache-2.0
"""Functions with two kernels: the one on columns gives what the one on single solutions gives, or leaves it to it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.io.terms import IRI, BlankNode, Literal, Term
from semcube.sparql.algebra import FunctionCall, Operation, Variable
from semcube.sparql.columns import Column
from semcube.sparql.evaluate.solutions import Solutions
from semcube.sparql.expressions import _Evaluation
from semcube.sparql.functions import Function, table
from semcube.sparql.values import Object, literal, to_term
from semcube.vocab import XSD, XSD_BOOLEAN, XSD_DATE, XSD_DECIMAL, XSD_DOUBLE, XSD_FLOAT, XSD_INTEGER
from tests.sparql.expression_cases import context

BOTH = [row for row in table() if row.kernel is not None and row.vector is not None]
TERMS: list[Term | None] = [
    None,
    IRI("http://e/a"),
    BlankNode("b"),
    *(Literal(text) for text in ("", "abc", "Straße", "\U0001d11eb", "en-GB", "b")),
    *(Literal(text, language=tag) for text in ("abc", "b") for tag in ("en", "de")),
    *(Literal(text, XSD_INTEGER) for text in ("1", "-2", "0", "03", "9007199254740993", "18014398509481983", "x")),
    *(Literal(text, XSD_DECIMAL) for text in ("1.5", "0.0", "-2.50")),
    *(Literal(text, XSD_DOUBLE) for text in ("1.5", "0", "-0", "INF", "NaN", "1e300")),
    Literal("0.1", XSD_FLOAT),
    Literal("5", XSD + "byte"),
    Literal("true", XSD_BOOLEAN),
    Literal("2020-01-01", XSD_DATE),
    Literal("P1D", XSD + "dayTimeDuration"),
    Literal("x", "http://t"),
]
ONE_KIND = [
    st.sampled_from([t for t in TERMS if isinstance(t, Literal) and t.datatype == XSD_INTEGER and t.lexical != "x"]),
    st.sampled_from([t for t in TERMS if isinstance(t, Literal) and t.datatype in (XSD_INTEGER, XSD_DOUBLE)]),
    st.sampled_from([t for t in TERMS if isinstance(t, Literal) and t.datatype == XSD_DOUBLE]),
    st.sampled_from(
        [t for t in TERMS if isinstance(t, Literal) and t.lexical.isascii() and not t.datatype.startswith(XSD + "d")]
    ),
    st.sampled_from(TERMS),
]


def columns(row: Function, data: st.DataObject, some: Any) -> tuple[list[Column], int]:
    """Columns of arguments: ids, objects, constants, computed doubles."""
    count = data.draw(st.integers(row.min_arity, row.max_arity or 3), label="arity")
    rows = data.draw(st.integers(1, 6), label="rows")
    kind = data.draw(st.sampled_from(ONE_KIND), label="kind")
    found = []
    for _ in range(count):
        terms = data.draw(st.lists(kind, min_size=rows, max_size=rows))
        way = data.draw(st.sampled_from(["ids", "objects", "constant", "doubles"]))
        if way == "constant" and terms[0] is not None:
            found.append(Column.of_constant(terms[0], rows))
        elif way == "objects":
            found.append(Column.of_objects(terms))
        elif way == "doubles":
            numbers = data.draw(st.lists(st.floats(-1e3, 1e3), min_size=rows, max_size=rows))
            found.append(Column.of_doubles(np.array(numbers), np.array([term is not None for term in terms], bool)))
        else:
            found.append(Column.of_ids(some.terms.intern_terms(terms)))
    return found, rows


def as_terms(objects: list[Object | None]) -> list[Term | None]:
    return [None if some is None else to_term(some) for some in objects]


@pytest.mark.parametrize("row", BOTH, ids=lambda row: row.name)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_both_kernels_agree(row: Function, data: st.DataObject) -> None:
    some = context()
    arguments, rows = columns(row, data, some)
    assert row.vector is not None
    found = row.vector(some, arguments)
    if found is None:
        return
    assert found.rows == rows
    scalar = dataclasses.replace(row, vector=None)
    expected = _Evaluation(some, None)._apply_columns(scalar, arguments, Solutions({}, rows))
    terms = some.terms
    assert as_terms(found.objects(terms)) == as_terms(expected.objects(terms))
    again = row.vector(some, arguments)
    assert again is not None
    assert again.truth(terms).tolist() == expected.truth(terms).tolist()
    assert terms.terms(found.ids(terms)) == as_terms(expected.objects(terms))


def test_there_are_column_kernels() -> None:
    assert {"+", "STRLEN", "CONTAINS", "STR", "LANG", "DATATYPE", "ISIRI"} <= {row.name.upper() for row in BOTH}


PARTS = ("ids", "objects", "truth", "doubles", "strings")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PARTS), st.integers(0, 3)), min_size=1, max_size=4), st.randoms())
def test_merging_and_taking_keep_the_objects(parts: list[tuple[str, int]], random: Any) -> None:
    some = context()
    total = sum(size for _, size in parts)
    places = list(range(total + 1))
    random.shuffle(places)
    expected: list[Term | None] = [None] * (total + 1)
    given_parts, start = [], 0
    for kind, size in parts:
        column = part(kind, size, some)
        rows = np.array(places[start : start + size], np.int64)
        start += size
        for place, term in zip(rows.tolist(), as_terms(column.objects(some.terms)), strict=True):
            expected[place] = term
        given_parts.append((rows, part(kind, size, some)))
    merged = Column.merge(total + 1, given_parts, some.terms)
    assert some.terms.terms(merged.ids(some.terms)) == expected
    order = np.array(random.sample(range(total + 1), total + 1), np.int64)
    taken = Column.merge(total + 1, given_parts, some.terms).take(order)
    assert as_terms(taken.objects(some.terms)) == [expected[row] for row in order.tolist()]


def part(kind: str, size: int, some: Any) -> Column:
    """A column of a few rows, made in one way."""
    import pyarrow as pa

    if kind == "ids":
        return Column.of_ids(some.terms.intern_terms([literal(n) for n in range(size)]))
    if kind == "objects":
        return Column.of_objects(["text", IRI("http://a"), None][:size])
    if kind == "truth":
        return Column.of_truth(np.array([1, 0, -1], np.int8)[:size])
    if kind == "doubles":
        return Column.of_doubles(np.array([1.5, 2.5, 0.0])[:size], np.array([True, False, True])[:size])
    return Column.of_strings(
        pa.array(["a", None, "b"][:size], pa.large_string()), pa.array(["en", None, None][:size], pa.large_string())
    )


def test_calls_reach_the_kernels() -> None:
    some = context()
    solutions = Solutions({"x": some.terms.intern_terms([Literal("ab"), None, IRI("http://a")])}, 3)
    evaluation = _Evaluation(some, None)
    assert evaluation.column(Operation("STRLEN", (Variable("x"),)), solutions).objects(some.terms)[0] is not None
    call = FunctionCall(IRI(XSD + "string"), (Variable("x"),))
    assert evaluation.column(call, solutions).objects(some.terms) == ["ab", None, "http://a"]
