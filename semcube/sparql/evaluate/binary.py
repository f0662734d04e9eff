# SPDX-License-Identifier: Apache-2.0
"""Join, LeftJoin, Minus and Union (section 18.5)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from semcube.io.terms import Literal
from semcube.sparql.algebra import (
    BGP,
    Algebra,
    Expression,
    Extend,
    Filter,
    Join,
    LeftJoin,
    Minus,
    Path,
    Service,
    Union,
    Unit,
    Values,
    Variable,
)
from semcube.sparql.context import Context
from semcube.sparql.evaluate.estimates import estimate
from semcube.sparql.evaluate.exists import exists_in
from semcube.sparql.evaluate.joins import CompatibleRows, merge
from semcube.sparql.evaluate.patterns import extend_bgp, table_solutions
from semcube.sparql.evaluate.restrict import restrict
from semcube.sparql.evaluate.run import operator, run, solve, take_head
from semcube.sparql.evaluate.solutions import Solutions
from semcube.sparql.expressions import effective_boolean
from semcube.sparql.paths import extend_path
from semcube.sparql.plan import IdTable, SpatialJoin, SpatialSelect, id_table
from semcube.sparql.plan_spatial import with_spatial_nodes
from semcube.sparql.scope import children, in_scope

__all__ = ["inner_join"]

ROW = "_:row"
HEAD_ROWS = 65536
"""A left side with at most so many solutions restricts the right side."""


def _shared(left: Algebra, right: Algebra) -> list[str]:
    return sorted(v.name for v in in_scope(left) & in_scope(right))


def _calls_service(node: Algebra) -> bool:
    return isinstance(node, Service) or any(_calls_service(child) for child in children(node))


def _swapped(node: Join, context: Context) -> bool:
    """Whether the right side should be evaluated first."""
    if isinstance(node.left, IdTable | Values | Unit):
        return False
    if isinstance(node.right, IdTable | Values | Unit):
        return True
    remote_left, remote_right = _calls_service(node.left), _calls_service(node.right)
    if remote_left != remote_right:
        return remote_left
    left, right = estimate(node.left, context), estimate(node.right, context)
    return left is not None and right is not None and right * 4 < left


@operator(Join)
def join(node: Join, context: Context) -> Iterator[Solutions]:
    """Compatible merges of both sides."""
    if isinstance(node.left, IdTable):
        if isinstance(node.right, BGP):
            yield from extend_bgp(table_solutions(node.left), node.right, context)
            return
        if isinstance(node.right, Path):
            yield from extend_path(table_solutions(node.left), node.right, context)
            return
    left, right = (node.right, node.left) if _swapped(node, context) else (node.left, node.right)
    shared = _shared(left, right)
    head = take_head(run(left, context), HEAD_ROWS)
    if not head.solutions.rows:
        return
    if head.complete:
        build = CompatibleRows(head.solutions, shared)
        stream = run(restrict(right, head.solutions, context), context)
    else:
        build = CompatibleRows(solve(right, context), shared)
        stream = head.batches() if build.build.rows else iter(())
    yield from inner_join(stream, build, context)


def inner_join(stream: Iterator[Solutions], build: CompatibleRows, context: Context) -> Iterator[Solutions]:
    """The stream joined with a table."""
    for batch in stream:
        for rows, partners in build.pairs(batch):
            context.cancellation.check()
            yield merge(batch, build.build, rows, partners)


@operator(LeftJoin)
def left_join(node: LeftJoin, context: Context) -> Iterator[Solutions]:
    """``OPTIONAL``: merges that satisfy the expression, and left solutions that have none."""
    head = take_head(run(node.left, context), HEAD_ROWS)
    if not head.solutions.rows:
        return
    if node.expression is not None and context.push_down != "off" and _joins_in_space(node):
        for batch in head.batches():
            yield from _left_joined_in_space(batch, node.right, node.expression, context)
        return
    right = restrict(node.right, head.solutions, context) if head.complete else node.right
    build = CompatibleRows(solve(right, context), _shared(node.left, node.right))
    for batch in head.batches():
        yield from _left_joined(batch, build, node.expression, context)


def _joins_in_space(node: LeftJoin) -> bool:
    """Whether a spatial filter is all that connects both sides."""
    numbered: Algebra = Extend(node.left, Variable(ROW), Literal(""))
    assert node.expression is not None
    planned = with_spatial_nodes(Filter(node.expression, Join(numbered, node.right)))
    while isinstance(planned, Filter | SpatialSelect):
        planned = planned.pattern
    return isinstance(planned, SpatialJoin)


def _left_joined_in_space(
    batch: Solutions, right: Algebra, expression: Expression, context: Context
) -> Iterator[Solutions]:
    """``OPTIONAL`` as a spatial join of numbered solutions, and those whose number did not come back."""
    lonely = np.ones(batch.rows, bool)
    numbered = id_table({**batch.columns, ROW: np.arange(1, batch.rows + 1)})
    for found in run(with_spatial_nodes(Filter(expression, Join(numbered, right))), context):
        lonely[found.column(ROW) - 1] = False
        yield found.select(name for name in found.columns if name != ROW)
    if lonely.any():
        yield batch.where(lonely)


def _left_joined(
    batch: Solutions, build: CompatibleRows, expression: Expression | None, context: Context
) -> Iterator[Solutions]:
    lonely = np.ones(batch.rows, bool)
    for rows, partners in build.pairs(batch):
        context.cancellation.check()
        merged = merge(batch, build.build, rows, partners)
        if expression is not None:
            truth = effective_boolean(expression, merged, context, exists_in(context)) == 1
            merged, rows = merged.where(truth), rows[truth]  # noqa: PLW2901
        lonely[rows] = False
        if merged.rows:
            yield merged
    if lonely.any():
        yield batch.where(lonely)


@operator(Minus)
def minus(node: Minus, context: Context) -> Iterator[Solutions]:
    """``MINUS``: left solutions without a compatible right solution that shares a bound variable."""
    shared = _shared(node.left, node.right)
    if not shared:
        yield from run(node.left, context)
        return
    head = take_head(run(node.left, context), HEAD_ROWS)
    if not head.solutions.rows:
        return
    right = restrict(node.right, head.solutions, context) if head.complete else node.right
    build = CompatibleRows(solve(right, context).select(shared), shared)
    for batch in head.batches():
        yield batch.where(~build.compatible(batch, overlapping=True))


@operator(Union)
def union(node: Union, context: Context) -> Iterator[Solutions]:
    """Bag union."""
    yield from run(node.left, context)
    yield from run(node.right, context)
