# SPDX-License-Identifier: Apache-2.0
"""Look-ups on sorted columns give the rows that the database gives."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.config import Settings
from semcube.engines import look_ups, sorted_pairs
from semcube.engines.base import Cancellation
from semcube.engines.embedded import EmbeddedEngine, connect
from semcube.engines.look_ups import LookUps, SortedPairs
from semcube.engines.relational import (
    Aggregate,
    AntiJoin,
    Call,
    Column,
    Compute,
    Constant,
    Distinct,
    Empty,
    Inline,
    Join,
    LeftJoin,
    Limit,
    Measure,
    Relational,
    Scalar,
    Scan,
    SemiJoin,
    UnionAll,
    Where,
    columns,
)
from semcube.engines.rows import Declined

QUADS = [(s, p, o, g) for p in (1, 2) for s in range(3, 9) for o in range(3, 9) for g in (0, 7) if (s * o + p + g) % 3]


class Sorted:
    """All quads of the test by predicate."""

    def pairs(self, column: str, predicate: int) -> SortedPairs | None:
        return _pairs(column, predicate)


@cache
def _pairs(column: str, predicate: int) -> SortedPairs:
    chosen = sorted((q[0], q[2], q[3]) if column == "s" else (q[2], q[0], q[3]) for q in QUADS if q[1] == predicate)
    first, second, graph = np.array(chosen, np.int64).reshape(-1, 3).T
    return SortedPairs(first, second, graph)


LOOK_UPS = LookUps(Sorted(), 5000)

NAMES = st.sampled_from("abcd")


@pytest.fixture(scope="module")
def engine() -> EmbeddedEngine:
    found = EmbeddedEngine(connect(":memory:", Settings(threads=1)))
    for table, order in (("quads_ps", (1, 0, 2, 3)), ("quads_po", (1, 2, 0, 3))):
        names = ["spog"[i] for i in order]
        rows = pa.table({name: [q["spog".index(name)] for q in QUADS] for name in names})
        found.connection.register("rows_in", rows)
        found.connection.execute(f"CREATE TABLE {table} AS SELECT * FROM rows_in")
        found.connection.unregister("rows_in")
    return found


@st.composite
def scans(draw: st.DrawFn) -> Scan:
    conditions: list[Scalar] = [Call("=", (Column("p"), Constant(draw(st.sampled_from([1, 2, 9])))))]
    chosen: dict[str, str] = {}
    for column in "so":
        if draw(st.integers(0, 3)):
            name = draw(NAMES)
            if name in chosen:
                conditions.append(Call("=", (Column(chosen[name]), Column(column))))
            chosen.setdefault(name, column)
        else:
            conditions.append(Call("=", (Column(column), Constant(draw(st.integers(3, 9))))))
    kind = draw(st.integers(0, 3))
    graphs = [Call("=", (Column("g"), Constant(0))), Call("<>", (Column("g"), Constant(0)))]
    graphs += [Call("in", (Column("g"), Constant(0), Constant(7))), Call("=", (Column("g"), Constant(7)))]
    conditions.append(graphs[kind])
    if kind == 1 and draw(st.booleans()):
        name = draw(NAMES)
        if name in chosen:
            conditions.append(Call("=", (Column(chosen[name]), Column("g"))))
        chosen.setdefault(name, "g")
    table = draw(st.sampled_from(["quads_ps", "quads_po"]))
    return Scan(table, tuple(chosen.items()) or (("_", "p"),), Call("and", tuple(conditions)))


@st.composite
def inlines(draw: st.DrawFn) -> Relational:
    names = draw(st.lists(NAMES, min_size=1, max_size=2, unique=True))
    rows = draw(st.lists(st.tuples(*[st.one_of(st.none(), st.integers(3, 9))] * len(names)), min_size=1, max_size=4))
    return Inline(pa.table({n: pa.array([r[i] for r in rows], pa.int64()) for i, n in enumerate(names)}))


def on(left: Relational, right: Relational) -> tuple[str, ...]:
    return tuple(name for name in columns(left) if name in columns(right) and name != "_")


def without_nothing(node: Relational) -> bool:
    return "_" not in columns(node)


@st.composite
def wheres(draw: st.DrawFn, inner: st.SearchStrategy[Relational]) -> Relational:
    node = draw(inner)
    names = st.sampled_from(columns(node))
    side = st.one_of(names.map(Column), st.integers(3, 9).map(Constant))
    atom: st.SearchStrategy[Scalar] = st.one_of(
        st.builds(lambda n, a, b: Call(n, (Column(a), b)), st.sampled_from(["=", "<>", "<", ">="]), names, side),
        st.builds(lambda n, a: Call(n, (Column(a),)), st.sampled_from(["is null", "is not null"]), names),
        names.map(lambda n: Call("between", (Column(n), Constant(4), Constant(6)))),
    )
    condition = draw(
        st.recursive(
            atom,
            lambda part: st.one_of(
                st.builds(lambda n, a, b: Call(n, (a, b)), st.sampled_from(["and", "or"]), part, part),
                part.map(lambda a: Call("not", (a,))),
            ),
            max_leaves=3,
        )
    )
    return Where(node, condition)


@st.composite
def combined(draw: st.DrawFn, inner: st.SearchStrategy[Relational]) -> Relational:
    left, right = draw(inner.filter(without_nothing)), draw(inner.filter(without_nothing))
    kind = draw(st.sampled_from([Join, Join, Join, LeftJoin, SemiJoin, AntiJoin, UnionAll]))
    if kind is UnionAll:
        names = tuple(dict.fromkeys((*columns(left), *columns(right))))
        null = Call("bigint", (Constant(None),))
        sides = [
            Compute(side, tuple((n, Column(n) if n in columns(side) else null) for n in names))
            for side in (left, right)
        ]
        return UnionAll(tuple(sides))
    return kind(left, right, on(left, right))  # type: ignore[no-any-return]


@st.composite
def projections(draw: st.DrawFn, inner: st.SearchStrategy[Relational]) -> Relational:
    node = draw(inner)
    kept = draw(st.lists(st.sampled_from(columns(node)), min_size=1, unique=True))
    found: Relational = Compute(node, tuple((name, Column(name)) for name in kept))
    return Distinct(found) if draw(st.booleans()) else found


PLANS = st.recursive(
    st.one_of(scans(), scans(), scans(), inlines()),
    lambda inner: st.one_of(
        combined(inner),
        combined(inner),
        projections(inner.filter(without_nothing)),
        wheres(inner.filter(without_nothing)),
    ),
    max_leaves=4,
)


@settings(max_examples=250, deadline=None)
@given(PLANS, st.booleans())
def test_random_plans_answer_as_in_sql(engine: EmbeddedEngine, plan: Relational, with_directories: bool) -> None:
    names = [name for name in columns(plan) if name != "_"]
    table = engine.run(plan, Cancellation()).read_all()
    try:
        with pytest.MonkeyPatch.context() as patch:
            if with_directories:
                patch.setattr(sorted_pairs, "_FEW", -1)
            found = LOOK_UPS.run(plan)
    except Declined:
        assert _has_cross_product_or_many(plan, len(table))
        return
    assert found.count == len(table)
    if names:
        expected = zip(*(table[name].to_pylist() for name in names), strict=True)
        mine = zip(*(found.columns[name].tolist() for name in names), strict=True)
        assert Counter(mine) == Counter(tuple(value or 0 for value in row) for row in expected)


@st.composite
def groups(draw: st.DrawFn, inner: st.SearchStrategy[Relational]) -> Relational:
    """Groups as push-down makes them: ids as keys, counts plus a constant, least and greatest ids."""
    node = draw(inner)
    keys = tuple(draw(st.lists(st.sampled_from(columns(node)), max_size=2, unique=True)))
    measures = [("all", Measure("count"))]
    for number, name in enumerate(draw(st.lists(st.sampled_from(columns(node)), max_size=2))):
        function = draw(st.sampled_from(["count", "count", "min", "max"]))
        distinct = function == "count" and draw(st.booleans())
        measures.append((f"m{number}", Measure(function, Column(name), distinct)))
    added = {n: Call("+", (Column(n), Constant(100))) for n, m in measures if m.function == "count"}
    listed = [(key, Column(key)) for key in keys] + [(name, added.get(name, Column(name))) for name, _ in measures]
    return Compute(Aggregate(node, keys, tuple(measures)), tuple(listed))


@settings(max_examples=150, deadline=None)
@given(groups(PLANS.filter(without_nothing)))
def test_random_groups_answer_as_in_sql(engine: EmbeddedEngine, plan: Relational) -> None:
    table = engine.run(plan, Cancellation()).read_all()
    try:
        found = LOOK_UPS.run(plan)
    except Declined:
        assert _has_cross_product_or_many(plan, len(table))
        return
    expected = zip(*(table[name].to_pylist() for name in columns(plan)), strict=True)
    mine = zip(*(found.columns[name].tolist() for name in columns(plan)), strict=True)
    assert Counter(mine) == Counter(tuple(value or 0 for value in row) for row in expected)


def _has_cross_product_or_many(plan: Relational, rows: int) -> bool:
    """Only joins may be declined here, for the rows that flow in them."""
    from semcube.engines.relational import inputs

    joins = isinstance(plan, Join | LeftJoin | UnionAll)
    return joins or any(_has_cross_product_or_many(part, rows) for part in inputs(plan))


def scan(predicate: int, **places: int | str) -> Scan:
    """A scan of the default graph."""
    named = tuple((place, column) for column, place in places.items() if isinstance(place, str))
    fixed = [Call("=", (Column(c), Constant(place))) for c, place in places.items() if not isinstance(place, str)]
    where = Call("and", (Call("=", (Column("p"), Constant(predicate))), Call("=", (Column("g"), Constant(0))), *fixed))
    return Scan("quads_ps", named, where)


def test_a_chain_goes_from_its_constant_on() -> None:
    plan = Join(scan(2, s="b", o="c"), scan(1, s=4, o="b"), ("b",))
    found = LOOK_UPS.run(plan)
    default = {(s, p, o) for s, p, o, g in QUADS if g == 0}
    expected = [(b, c) for s, p, b in default if (s, p) == (4, 1) for t, q, c in default if (t, q) == (b, 2)]
    assert found.count == len(expected) > 0
    assert sorted(zip(found.columns["b"].tolist(), found.columns["c"].tolist(), strict=True)) == sorted(expected)


def test_slices() -> None:
    whole = scan(1, s="a", o="b")
    count = LOOK_UPS.run(whole).count
    assert [LOOK_UPS.run(Limit(whole, *part)).count for part in ((2, 3), (count - 1, 5), (count + 3, 2), (0, 0))] == [
        3, 1, 0, 0,
    ]  # fmt: skip
    assert LOOK_UPS.run(Limit(whole, 1, None)).count == count - 1


@settings(max_examples=150, deadline=None)
@given(PLANS.filter(without_nothing), st.integers(0, 5), st.integers(0, 6))
def test_slices_of_random_plans_are_rows_of_them(plan: Relational, offset: int, limit: int) -> None:
    names = columns(plan)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(look_ups, "_FIRST", 2)
        try:
            whole, part = LOOK_UPS.run(plan), LOOK_UPS.run(Limit(plan, offset, limit))
        except Declined:
            return
    assert part.count == max(0, min(whole.count - offset, limit))
    rows = [Counter(zip(*(r.columns[n].tolist() for n in names), strict=True)) for r in (part, whole)]
    assert rows[0] <= rows[1]


def test_a_slice_takes_no_more_of_a_leaf_than_it_needs() -> None:
    join = Join(scan(1, s="a", o="b"), scan(2, s="b", o="c"), ("b",))
    few = LookUps(Sorted(), 30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(look_ups, "_FIRST", 1)
        with pytest.raises(Declined):
            few.run(join)
        assert few.run(Limit(join, 0, 1)).count == 1


def test_more_rows_than_may_flow_are_declined() -> None:
    whole = scan(1, s="a", o="b")
    few = LookUps(Sorted(), 10)
    for plan in (whole, Join(scan(1, s=4, o="b"), scan(2, s="b", o="c"), ("b",)), UnionAll((scan(1, s="a", o=4),) * 9)):
        with pytest.raises(Declined):
            few.run(plan)


def test_what_is_no_look_up_is_declined() -> None:
    whole = scan(1, s="a", o="b")
    plans: list[Relational] = [
        Aggregate(whole, (), (("n", Measure("count")),)),
        Scan("quads_ps", (("a", "s"),), Call("=", (Column("s"), Constant(4)))),
        Scan("terms", (("n", "n"),), None),
        Compute(whole, (("c", Call("+", (Column("a"), Constant(1)))),)),
        Where(whole, Call("<", (Call("double", (Column("a"),)), Constant(4.5)))),
    ]
    for plan in plans:
        with pytest.raises(Declined):
            LOOK_UPS.run(plan)


def test_no_rows() -> None:
    assert LOOK_UPS.run(Empty(("a", "b"))).columns.keys() == {"a", "b"}
    assert LOOK_UPS.run(Join(scan(1, s=99, o="b"), scan(2, s="b", o="c"), ("b",))).count == 0
