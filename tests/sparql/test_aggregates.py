# SPDX-License-Identifier: Apache-2.0
"""Set functions: types, errors, empty groups, DISTINCT, and the fast sums against adding one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.engines.reservations import Reservation
from semcube.io.terms import IRI, BlankNode, Literal, Term
from semcube.sparql.aggregates import aggregate
from semcube.sparql.algebra import Aggregate
from semcube.sparql.evaluate import grouping
from semcube.sparql.evaluate.run import run
from semcube.sparql.memory import MemoryDataset
from semcube.sparql.query import execute
from semcube.sparql.values import Number, add, divide, is_number, literal, value
from semcube.vocab import XSD_BOOLEAN, XSD_DATE, XSD_DECIMAL, XSD_DOUBLE, XSD_FLOAT, XSD_INTEGER
from tests.sparql.expression_cases import context, short


def integer(number: int) -> Literal:
    return Literal(str(number), XSD_INTEGER)


def decimal(text: str) -> Literal:
    return Literal(text, XSD_DECIMAL)


def double(text: str) -> Literal:
    return Literal(text, XSD_DOUBLE)


def one_group(
    name: str, terms: list[Term | None], *, distinct: bool = False, separator: str | None = None
) -> str | None:
    some = context()
    call = Aggregate(name, (), distinct=distinct, separator=separator)
    ids = some.terms.intern_terms(terms)
    (found,) = some.terms.terms(aggregate(call, [ids], np.zeros(len(terms), np.int64), 1, some))
    return None if found is None else short(found)


NUMBERS = [integer(1), decimal("2.2"), integer(1)]
CASES: list[tuple[str, list[Term | None], str | None]] = [
    ("COUNT", [], "0"),
    ("COUNT", [integer(1), None, IRI("http://a")], "2"),
    ("SUM", [], "0"),
    ("SUM", [integer(1), integer(2)], "3"),
    ("SUM", NUMBERS, "4.2"),
    ("SUM", [decimal("1.0"), decimal("2.2"), decimal("3.5"), decimal("2.2"), decimal("2.2")], "11.1"),
    ("SUM", [double("1.0E2"), double("2.0E3"), double("3.0E4")], "'3.21E4'^^double"),
    ("SUM", [integer(1), double("0.5")], "'1.5E0'^^double"),
    ("SUM", [Literal("0.1", XSD_FLOAT), integer(1)], "'1.1E0'^^float"),
    ("SUM", [integer(2**60)] * 20, str(2**60 * 20)),
    ("SUM", [integer(2**53)] * 2000, str(2**53 * 2000)),
    ("SUM", [Literal("007", XSD_INTEGER), integer(1)], "8"),
    ("SUM", [double("INF"), double("-INF")], "'NaN'^^double"),
    ("SUM", [integer(1), None], None),
    ("SUM", [integer(1), Literal("2")], None),
    ("SUM", [integer(1), Literal("x", XSD_INTEGER)], None),
    ("SUM", [Literal("true", XSD_BOOLEAN)], None),
    ("AVG", [], "0"),
    ("AVG", [integer(1), integer(2)], "1.5"),
    ("AVG", [integer(2), integer(2)], "2.0"),
    ("AVG", [decimal("1.0"), decimal("2.2"), decimal("3.5"), decimal("2.2"), decimal("2.2")], "2.22"),
    ("AVG", [double("1"), integer(2)], "'1.5E0'^^double"),
    ("AVG", [integer(1), BlankNode("b"), integer(3)], None),
    ("MIN", [], None),
    ("MIN", [integer(1), decimal("0.5"), double("3")], "0.5"),
    ("MIN", [decimal("1.0"), integer(1)], "1.0"),
    ("MIN", [Literal("b"), Literal("a")], "'a'"),
    ("MIN", [integer(1), IRI("http://a")], "<http://a>"),
    ("MIN", [integer(1), None], None),
    ("MAX", [Literal("2020-01-01", XSD_DATE), Literal("2019-05-05", XSD_DATE)], "'2020-01-01'^^date"),
    ("MAX", [integer(10), integer(9)], "10"),
    ("SAMPLE", [], None),
    ("SAMPLE", [None, Literal("a"), Literal("b")], "'a'"),
    ("SAMPLE", [None], None),
    ("GROUP_CONCAT", [], "''"),
    ("GROUP_CONCAT", [integer(1), Literal("a", language="en"), IRI("http://a")], "'1 a http://a'"),
    ("GROUP_CONCAT", [Literal("a"), None], None),
    ("GROUP_CONCAT", [Literal("a"), BlankNode("b")], None),
    ("http://unknown", [integer(1)], None),
]


@pytest.mark.parametrize(("name", "terms", "expected"), CASES)
def test_one_group(name: str, terms: list[Term | None], expected: str | None) -> None:
    assert one_group(name, terms) == expected


def test_distinct_is_of_terms() -> None:
    twice: list[Term | None] = [integer(1), Literal("1.0", XSD_DECIMAL), integer(1), None, None]
    assert one_group("COUNT", twice, distinct=True) == "2"
    assert one_group("SUM", twice[:3], distinct=True) == "2.0"
    assert one_group("GROUP_CONCAT", [Literal("b"), Literal("a"), Literal("b")], distinct=True) == "'b a'"


def test_separator() -> None:
    assert one_group("GROUP_CONCAT", [Literal("a"), Literal("b")], separator="") == "'ab'"
    assert one_group("GROUP_CONCAT", [Literal("a"), Literal("b")], separator="; ") == "'a; b'"


def test_many_groups_with_empty_and_bad_ones() -> None:
    some = context()
    ids = some.terms.intern_terms([integer(5), integer(7), None, integer(1), Literal("x"), integer(2)])
    groups = np.array([2, 0, 3, 2, 4, 0])

    def found(name: str) -> list[str | None]:
        result = aggregate(Aggregate(name, ()), [ids], groups, 6, some)
        return [None if term is None else short(term) for term in some.terms.terms(result)]

    assert found("SUM") == ["9", "0", "6", None, None, "0"]
    assert found("MIN") == ["2", None, "1", None, "'x'", None]
    assert found("MAX") == ["7", None, "5", None, "'x'", None]
    assert found("COUNT") == ["2", "0", "2", "0", "1", "0"]
    assert found("SAMPLE") == ["7", None, "5", None, "'x'", None]
    assert found("GROUP_CONCAT") == ["'7 2'", "''", "'5 1'", None, "'x'", "''"]


def test_count_of_solutions() -> None:
    some = context()
    result = aggregate(Aggregate("COUNT", ()), [], np.array([1, 1, 0]), 3, some)
    assert [short(term) for term in some.terms.terms(result) if term is not None] == ["1", "2", "0"]


VALUES = st.one_of(
    st.integers(-(2**54), 2**54).map(integer),
    st.sampled_from([integer(10**30), Literal("05", XSD_INTEGER), Literal("x"), Literal("0.1", XSD_FLOAT)]),
    st.decimals(allow_nan=False, allow_infinity=False, places=4).map(lambda n: decimal(f"{n:f}")),
    st.floats().map(lambda x: double(repr(x).replace("inf", "INF").replace("nan", "NaN"))),
)


SHORT = st.decimals(-(10**6), 10**6, places=3).map(lambda n: decimal(f"{n:f}"))


@pytest.mark.parametrize("name", ["SUM", "AVG"])
@settings(max_examples=120, deadline=None)
@given(
    rows=st.one_of(
        st.lists(st.tuples(st.integers(0, 2), VALUES), max_size=12),
        st.lists(st.tuples(st.integers(0, 2), st.floats(-1e9, 1e9).map(lambda x: double(repr(x)))), max_size=12),
        st.lists(st.tuples(st.integers(0, 2), st.integers(-99, 99).map(integer)), max_size=12),
        st.lists(st.tuples(st.integers(0, 2), st.one_of(SHORT, st.integers(-99, 99).map(integer))), max_size=12),
    )
)
def test_fast_sums_equal_adding_one_by_one(name: str, rows: list[tuple[int, Literal]]) -> None:
    some = context()
    ids = some.terms.intern_terms([term for _, term in rows])
    groups = np.array([group for group, _ in rows], np.int64)
    found = some.terms.terms(aggregate(Aggregate(name, ()), [ids], groups, 3, some))
    for group in range(3):
        total: Number | None = 0
        members = [value(term) for number, term in rows if number == group]
        for member in members:
            total = add(total, member) if total is not None and is_number(member) else None  # type: ignore[arg-type]
        if name == "AVG" and total is not None and members:
            total = divide(total, len(members))
        assert found[group] == (None if total is None else literal(total))


@pytest.mark.parametrize("by", ["", "?s", "?s ?kind", "(STRLEN(STR(?o)) AS ?length)"])
@pytest.mark.parametrize("numbers", ["integers", "decimals", "doubles", "floats", "mixed", "errors"])
def test_portions_give_what_the_whole_gives(by: str, numbers: str) -> None:
    """Groups that do not fit into memory are made in portions: every term is the same, to the last digit."""
    random = np.random.default_rng(5)
    xsd = "http://www.w3.org/2001/XMLSchema#"
    texts = {
        "integers": lambda n: f'"{n * 7 - 90}"^^<{xsd}integer>',
        "decimals": lambda n: f'"{n / 8 - 3}"^^<{xsd}decimal>',
        "doubles": lambda n: f'"{float(random.normal() * 10.0 ** random.integers(-8, 8))!r}"^^<{xsd}double>',
        "floats": lambda n: f'"{n / 7:.6g}"^^<{xsd}float>',
    }
    kinds = list(texts)
    texts["mixed"] = lambda n: texts[kinds[random.integers(4)]](n)  # noqa: PLW0108 - another one each time
    texts["errors"] = lambda n: '"none"' if n == 33 else texts["integers"](n)
    lines = [f"<http://e/s{n % 5}> <http://e/k{n % 3}> {texts[numbers](n)} ." for n in range(60)]
    data = MemoryDataset.parse("\n".join(lines))
    listed = "(COUNT(*) AS ?n) (COUNT(?v) AS ?c) (SUM(?v) AS ?a) (AVG(?v) AS ?b) (MIN(?v) AS ?i) (MAX(?v) AS ?x)"
    keys = " ".join(part for part in by.split() if part.startswith("?")) if "(" not in by else "?length"
    pattern = "{ ?s ?kind ?o BIND(?o AS ?v) }"
    text = f"SELECT {keys} {listed} (SAMPLE(?v) AS ?y) {pattern} {'GROUP BY ' + by if by else ''}"

    expected, added, portions = list(execute(text, data).rows()), grouping._added, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "run", lambda node, some: (p for batch in run(node, some) for p in batch.pieces(7)))
        patch.setattr(Reservation, "fits", lambda self, nbytes: False)
        patch.setattr(grouping, "_added", lambda *given: portions.append(1) or added(*given))
        patch.setattr(Reservation, "grow", lambda self, nbytes: None)
        assert list(execute(text, data).rows()) == expected
    assert len(portions) > 60 // 7
