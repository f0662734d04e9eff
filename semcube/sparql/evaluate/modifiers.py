# SPDX-License-Identifier: Apache-2.0
"""Filter, Extend, Project, Distinct, Reduced, OrderBy and Slice."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from threading import Lock

import numpy as np

from semcube.sparql.algebra import Distinct, Expression, Extend, Filter, Operation, OrderBy, Project, Reduced, Slice
from semcube.sparql.context import Context
from semcube.sparql.evaluate.exists import exists_in
from semcube.sparql.evaluate.run import operator, run, solve
from semcube.sparql.evaluate.solutions import Solutions
from semcube.sparql.evaluate.tables import SeenRows, group_rows
from semcube.sparql.expressions import SOLUTION, effective_boolean, evaluate
from semcube.sparql.ordering import order
from semcube.sparql.scope import expression_parts, in_scope

__all__: list[str] = []


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
    seen = SeenRows(sorted(v.name for v in in_scope(node.pattern)))
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
    solutions = solve(node.pattern, context)
    if not solutions.rows:
        return
    exists = exists_in(context)
    keys = [evaluate(condition.expression, solutions, context, exists) for condition in node.conditions]
    permutation = order(keys, [condition.descending for condition in node.conditions], context)
    yield from solutions.take(permutation).pieces()


@operator(Slice)
def slice_(node: Slice, context: Context) -> Iterator[Solutions]:
    """``OFFSET`` and ``LIMIT``; stops reading once it has enough."""
    if node.limit == 0:
        return
    skip, left = node.offset, node.limit
    for batch in run(node.pattern, context):
        start = min(skip, batch.rows)
        skip -= start
        stop = batch.rows if left is None else min(batch.rows, start + left)
        if start < stop:
            yield batch.slice(start, stop)
        if left is not None:
            left -= stop - start
            if not left:
                return
