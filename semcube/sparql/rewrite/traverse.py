# SPDX-License-Identifier: Apache-2.0
"""Bottom-up walks over a plan, the patterns of ``EXISTS`` included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from semcube.sparql.algebra import (
    Aggregate,
    Algebra,
    Exists,
    Expression,
    Extend,
    Filter,
    Group,
    LeftJoin,
    OrderBy,
    OrderCondition,
)
from semcube.sparql.scope import children, expression_parts, map_expression, with_children

__all__ = ["map_exists", "map_plan", "mentions_exists", "with_exists"]

Change = Callable[[Algebra], Algebra]


def map_plan(node: Algebra, change: Change) -> Algebra:
    """The plan with ``change`` applied to every node, innermost first; unchanged nodes stay the same objects.

    Example:
        >>> from semcube.sparql.algebra import BGP, Distinct, Unit
        >>> map_plan(Distinct(BGP(())), lambda n: Unit() if n == BGP(()) else n)
        Distinct(pattern=Unit())
    """
    node = with_children(node, tuple([map_plan(child, change) for child in children(node)]))
    return change(with_exists(node, lambda pattern: map_plan(pattern, change)))


def mentions_exists(expression: Expression) -> bool:
    """Whether an expression has an ``EXISTS``."""
    return any(isinstance(part, Exists) for part in expression_parts(expression))


def map_exists(expression: Expression, change: Change) -> Expression:
    """The expression with the patterns of its ``EXISTS`` changed."""

    def exists(part: Expression) -> Expression:
        if not isinstance(part, Exists):
            return part
        pattern = change(part.pattern)
        return part if pattern is part.pattern else replace(part, pattern=pattern)

    return map_expression(expression, exists) if mentions_exists(expression) else expression


def with_exists(node: Algebra, change: Change) -> Algebra:
    """The node with the patterns of ``EXISTS`` in its own expressions changed."""
    match node:
        case Filter(expression, _) | Extend(_, _, expression):
            new = map_exists(expression, change)
            return node if new is expression else replace(node, expression=new)
        case LeftJoin(_, _, condition) if condition is not None:
            new = map_exists(condition, change)
            return node if new is condition else replace(node, expression=new)
        case OrderBy(pattern, conditions):
            if not any(mentions_exists(c.expression) for c in conditions):
                return node
            return OrderBy(
                pattern, tuple(OrderCondition(map_exists(c.expression, change), c.descending) for c in conditions)
            )
        case Group(pattern, keys, aggregates):
            if not any(mentions_exists(e) for _, e in (*keys, *aggregates)):
                return node
            return Group(
                pattern,
                tuple((v, map_exists(e, change)) for v, e in keys),
                tuple((v, _aggregate(a, change)) for v, a in aggregates),
            )
        case _:
            return node


def _aggregate(aggregate: Aggregate, change: Change) -> Aggregate:
    return replace(aggregate, arguments=tuple(map_exists(argument, change) for argument in aggregate.arguments))
