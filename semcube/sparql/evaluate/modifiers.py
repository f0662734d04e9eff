# SPDX-License-Identifier: Apache-2.0
"""Filter, Extend, Project, Distinct, Reduced, OrderBy and Slice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, count, islice
from threading import Lock

import numpy as np

from semcube.sparql.algebra import Distinct, Expression, Extend, Filter, Operation, OrderBy, Project, Reduced, Slice
from semcube.sparql.context import Context
from semcube.sparql.evaluate.exists import exists_in
from semcube.sparql.evaluate.external_sort import external_sort
from semcube.sparql.evaluate.run import operator, run
from semcube.sparql.evaluate.solutions import BATCH_ROWS, Solutions, collect, rebatch
from semcube.sparql.evaluate.tables import SEEN_TIMES, SeenRows, group_rows
from semcube.sparql.expressions import SOLUTION, effective_boolean, evaluate, evaluate_column
from semcube.sparql.ordering import order
from semcube.sparql.scope import expression_parts, in_scope

__all__: list[str] = []

TOP_ROWS = 100_000
"""An ordering is cut to so many rows, at most, while it is read; more are sorted as a whole."""
SORT_TIMES = 4.0
"""Memory of a sort, as a multiple of the rows."""


@operator(Filter)
def filter_(node: Filter, context: Context) -> Iterator[Solutions]:
    """Solutions for which the expression is true; an error is not true."""
    exists = exists_in(context)
    for batch in run(node.pattern, context):
        yield batch.where(effective_boolean(node.expression, batch, context, exists) == 1)


@operator(Extend)
def extend(node: Extend, context: Context) -> Iterator[Solutions]:
    """Binds a variable; an error leaves it unbound."""
    exists = exists_in(context)
    numbered = _makes_nodes(node.expression)
    for batch in run(node.pattern, context):
        known = _numbered(batch) if numbered and SOLUTION not in batch.columns else batch
        yield known.with_columns({node.variable.name: evaluate(node.expression, known, context, exists)})


def _makes_nodes(expression: Expression) -> bool:
    """Whether an expression makes blank nodes that are the same within one solution."""
    parts = expression_parts(expression)
    return any(isinstance(part, Operation) and part.name == "BNODE" and part.arguments for part in parts)


_numbers = count(1)
_numbers_lock = Lock()


def _numbered(batch: Solutions) -> Solutions:
    """The batch with a number for each solution that no other solution has."""
    with _numbers_lock:
        numbers = np.fromiter(islice(_numbers, batch.rows), np.int64, batch.rows)
    return batch.with_columns({SOLUTION: numbers})


@operator(Project)
def project(node: Project, context: Context) -> Iterator[Solutions]:
    """Keeps some variables."""
    names = [v.name for v in node.variables]
    for batch in run(node.pattern, context):
        yield batch.select(names)


@operator(Distinct)
def distinct(node: Distinct, context: Context) -> Iterator[Solutions]:
    """Each solution once, as soon as it is first seen."""
    seen = SeenRows(sorted(v.name for v in in_scope(node.pattern)), context.reserve("DISTINCT", times=SEEN_TIMES))
    for batch in run(node.pattern, context):
        yield seen.add(batch)


@operator(Reduced)
def reduced(node: Reduced, context: Context) -> Iterator[Solutions]:
    """Duplicates within a batch go."""
    names = sorted(v.name for v in in_scope(node.pattern))
    for batch in run(node.pattern, context):
        first, _ = group_rows([batch.column(name) for name in names], batch.rows)
        yield batch.take(first)


@operator(OrderBy)
def order_by(node: OrderBy, context: Context) -> Iterator[Solutions]:
    """All solutions in order (section 15.1)."""
    stream = run(node.pattern, context)
    with context.reserve("ORDER BY", times=SORT_TIMES) as room:
        held: list[Solutions] = []
        for batch in stream:
            held.append(batch)
            if not room.fits(batch.nbytes):
                break
        else:
            yield from _sorted(collect(held), node, context)
            return
    if context.trace is not None:
        context.trace.note("sorted on disk")
    names = sorted(v.name for v in in_scope(node.pattern))
    yield from external_sort(chain(_emptied(held), stream), names, node.conditions, context)


def _emptied(held: list[Solutions]) -> Iterator[Solutions]:
    """What is held, which is forgotten on the way."""
    held.reverse()
    while held:
        yield held.pop()


def _sorted(solutions: Solutions, node: OrderBy, context: Context) -> Iterator[Solutions]:
    """Solutions that fit into memory, in order."""
    if not solutions.rows:
        return
    exists = exists_in(context)
    keys = [evaluate_column(condition.expression, solutions, context, exists) for condition in node.conditions]
    permutation = order(keys, [condition.descending for condition in node.conditions], context)
    yield from solutions.take(permutation).pieces()


def _ordering(node: Slice) -> tuple[OrderBy, list[str] | None] | None:
    """The ordering that a slice cuts, and what it projects; None where too many rows are wanted, or all."""
    if node.limit is None or node.offset + node.limit > TOP_ROWS:
        return None
    match node.pattern:
        case OrderBy() as order_by:
            return order_by, None
        case Project(OrderBy() as order_by, variables):
            return order_by, [v.name for v in variables]
    return None


def _first_ordered(node: Slice, by: OrderBy, names: list[str] | None, context: Context) -> Iterator[Solutions]:
    """The first rows of an ordering: as many as can be among them are held, batch after batch."""
    from semcube.sparql.nearest import nearest_candidates

    assert node.limit is not None
    wanted, exists = node.offset + node.limit, exists_in(context)
    near = nearest_candidates(by, wanted, context)
    held, keys = Solutions({}, 0), [np.empty(0, np.int64) for _ in by.conditions]
    descending = [condition.descending for condition in by.conditions]
    for batch in rebatch(run(by.pattern if near is None else near, context), max(BATCH_ROWS, wanted)):
        columns = [evaluate_column(condition.expression, batch, context, exists) for condition in by.conditions]
        if batch.rows > 2 * wanted:  # what cannot be among the first needs no ids
            own = order(columns, descending, context)[:wanted]
            batch, columns = batch.take(own), [column.take(own) for column in columns]  # noqa: PLW2901
        new = [column.ids(context.terms) for column in columns]
        keys = [np.concatenate(pair) for pair in zip(keys, new, strict=True)]
        held = collect([held, batch])
        first = order(keys, descending, context)[:wanted]
        held, keys = held.take(first), [key[first] for key in keys]
    rows = held.slice(min(node.offset, held.rows), held.rows)
    yield from (rows if names is None else rows.select(names)).pieces()


@operator(Slice)
def slice_(node: Slice, context: Context) -> Iterator[Solutions]:
    """``OFFSET`` and ``LIMIT``; stops reading once it has enough."""
    if node.limit == 0:
        return
    ordered = _ordering(node)
    if ordered is not None:
        yield from _first_ordered(node, *ordered, context)
        return
    skip, left = node.offset, node.limit
    hinted = context if left is None else replace(context, wanted=skip + left)
    for batch in run(node.pattern, hinted):
        start = min(skip, batch.rows)
        skip -= start
        stop = batch.rows if left is None else min(batch.rows, start + left)
        if start < stop:
            yield batch.slice(start, stop)
        if left is not None:
            left -= stop - start
            if not left:
                return
