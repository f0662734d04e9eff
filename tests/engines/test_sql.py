# SPDX-License-Identifier: Apache-2.0
"""Relational plans as SQL, run by the embedded engine and compared with plain Python."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pyarrow as pa
import pytest

from semcube.config import Settings
from semcube.engines.base import Cancellation
from semcube.engines.embedded import EmbeddedEngine, connect
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
    Scan,
    SemiJoin,
    Sort,
    SortKey,
    UnionAll,
    Where,
    call,
    columns,
    inputs,
)
from semcube.engines.sql import DUCKDB, SPARK, compile_sql
from semcube.errors import QueryCancelledError, QueryTimeoutError, UnsupportedError

A = Inline(pa.table({"x": pa.array([1, 2, 2, None], pa.int64()), "y": pa.array([10, 20, 21, 30], pa.int64())}))
B = Inline(pa.table({"x": pa.array([2, 3, None], pa.int64()), "z": pa.array([200, 300, 400], pa.int64())}))
X, Y, Z = Column("x"), Column("y"), Column("z")


@pytest.fixture(scope="module")
def engine() -> Iterator[EmbeddedEngine]:
    connection = connect(":memory:", Settings(threads=1))
    connection.execute('CREATE TABLE "a b" (s BIGINT, "p""q" BIGINT)')
    connection.execute('INSERT INTO "a b" VALUES (1, 5), (2, 6)')
    yield EmbeddedEngine(connection)
    connection.close()


def rows(engine: EmbeddedEngine, plan: Relational) -> list[tuple[object, ...]]:
    table = engine.run(plan, Cancellation()).read_all()
    assert tuple(table.column_names) == (columns(plan) or ("_",))
    return [tuple(row.values()) for row in table.to_pylist()]


def both(found: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return sorted(found, key=str)


CASES: list[tuple[Relational, list[tuple[object, ...]]]] = [
    (Scan("a b", (("v", 'p"q'),), call("=", Column("s"), Constant(2))), [(6,)]),
    (Join(A, B, ("x",)), [(2, 20, 200), (2, 21, 200)]),
    (Join(Compute(A, (("y", Y),)), Compute(B, (("z", Z),)), ()),
     [(y, z) for y in (10, 20, 21, 30) for z in (200, 300, 400)]),
    (LeftJoin(A, B, ("x",)), [(1, 10, None), (2, 20, 200), (2, 21, 200), (None, 30, None)]),
    (
        LeftJoin(A, B, ("x",), call(">", Column("y"), Constant(20))),
        [(1, 10, None), (2, 20, None), (2, 21, 200), (None, 30, None)],
    ),
    (SemiJoin(A, B, ("x",)), [(2, 20), (2, 21)]),
    (AntiJoin(A, B, ("x",)), [(1, 10), (None, 30)]),
    (SemiJoin(A, Where(B, Constant(False)), ()), []),
    (Where(A, call("<>", X, Constant(1))), [(2, 20), (2, 21)]),
    (Where(A, call("or", call("is null", X), call("in", Y, Constant(10)))), [(1, 10), (None, 30)]),
    (Where(A, call("in", X)), []),
    (Compute(A, (("n", call("if", call("=", X, Constant(2)), Constant("it's"), Constant(None))),)),
     [("it's",), ("it's",), (None,), (None,)]),
    (Distinct(Compute(A, (("x", X),))), [(1,), (2,), (None,)]),
    (UnionAll((Compute(A, (("x", X),)), Compute(B, (("x", X),)))), [(1,), (2,), (2,), (None,), (2,), (3,), (None,)]),
    (Aggregate(A, ("x",), (("n", Measure("count", Y, distinct=True)), ("m", Measure("max", Y)))),
     [(1, 1, 10), (2, 2, 21), (None, 1, 30)]),
    (Aggregate(Empty(("x",)), (), (("n", Measure("count")),)), [(0,)]),
    (Empty(("x", "y")), []),
    (Compute(A, (("f", call("double", Constant(float("inf")))),)), [(float("inf"),)] * 4),
    (Compute(A, (("b", call("shift right", call("shift left", X, Constant(3)), Constant(2))),)),
     [(2,), (4,), (4,), (None,)]),
]  # fmt: skip


@pytest.mark.parametrize(("plan", "expected"), CASES)
def test_operators(engine: EmbeddedEngine, plan: Relational, expected: list[tuple[object, ...]]) -> None:
    assert both(rows(engine, plan)) == both(expected)


def test_order_and_slices(engine: EmbeddedEngine) -> None:
    ordered = Sort(A, (SortKey(X, descending=True, nulls_first=False), SortKey(Y)))
    assert rows(engine, ordered) == [(2, 20), (2, 21), (1, 10), (None, 30)]
    assert rows(engine, Limit(ordered, 1, 2)) == [(2, 21), (1, 10)]
    assert rows(engine, Limit(Sort(A, (SortKey(X),)), 0, 1)) == [(None, 30)]


def test_a_plan_without_columns_counts_rows(engine: EmbeddedEngine) -> None:
    assert rows(engine, Compute(A, ())) == [(1,)] * 4


def test_names_and_texts_cannot_break_out(engine: EmbeddedEngine) -> None:
    plan = Compute(A, (('x"; DROP TABLE t; --', Constant("'; DROP TABLE t; --")),))
    assert rows(engine, plan)[0] == ("'; DROP TABLE t; --",)


def test_dialects_differ_only_in_their_table() -> None:
    plan = SemiJoin(A, B, ("x",))
    duck, spark = compile_sql(plan, DUCKDB).text, compile_sql(plan, SPARK).text
    assert " SEMI JOIN " in duck
    assert spark == duck.replace('"', "`").replace(" SEMI JOIN ", " LEFT SEMI JOIN ")


def test_a_large_inline_table_is_named_once(engine: EmbeddedEngine) -> None:
    large = Inline(pa.table({"x": pa.array(range(100), pa.int64())}))
    plan = Join(large, large, ("x",))
    assert list(compile_sql(plan).inputs.values()) == [large.table]
    assert compile_sql(Join(A, B, ("x",))).inputs == {}
    assert both(rows(engine, plan)) == both([(n,) for n in range(100)])


def test_unknown_operators_are_unsupported() -> None:
    with pytest.raises(UnsupportedError, match="'sqrt'"):
        compile_sql(Where(A, Call("sqrt", (X,))))


def test_inputs_lists_what_a_plan_reads() -> None:
    assert inputs(Join(A, B, ())) == (A, B)
    assert inputs(A) == ()
    assert inputs(UnionAll((A, B))) == (A, B)
    assert inputs(Distinct(A)) == (A,)


LONG = Aggregate(
    Where(
        Join(Scan("big", (("a", "i"),)), Scan("big", (("b", "i"),)), ()),
        call("=", call("-", Column("a"), Column("b")), Constant(-1)),
    ),
    (),
    (("n", Measure("count")),),
)


@pytest.fixture
def slow() -> Iterator[EmbeddedEngine]:
    connection = connect(":memory:", Settings(threads=1))
    connection.execute("CREATE TABLE big AS SELECT range AS i FROM range(300000)")
    yield EmbeddedEngine(connection)
    connection.close()


def test_a_deadline_stops_the_engine(slow: EmbeddedEngine) -> None:
    start = time.monotonic()
    with pytest.raises(QueryTimeoutError, match=r"limit of 0\.3 s"):
        slow.run(LONG, Cancellation(timeout_s=0.3)).read_all()
    assert time.monotonic() - start < 5
    assert rows(slow, Limit(Scan("big", (("i", "i"),)), 0, 1)) == [(0,)]


def test_cancelling_from_another_thread_stops_the_engine(slow: EmbeddedEngine) -> None:
    cancellation = Cancellation()
    threading.Timer(0.2, cancellation.cancel).start()
    start = time.monotonic()
    with pytest.raises(QueryCancelledError):
        slow.run(LONG, cancellation).read_all()
    assert time.monotonic() - start < 5


def test_rows_are_streamed(slow: EmbeddedEngine) -> None:
    reader = slow.run(Scan("big", (("i", "i"),)), Cancellation())
    first = reader.read_next_batch()
    assert 0 < first.num_rows < 300_000
    reader.close()


def test_the_engine_knows_its_operators(engine: EmbeddedEngine) -> None:
    assert engine.supports(Join)
    assert not engine.supports(int)
    assert engine.explain(Limit(A, 0, 3)).endswith("LIMIT 3")
