# SPDX-License-Identifier: Apache-2.0
"""Splits filters at ``&&`` and moves each part to the smallest sub-plan that decides it.

A filter may move into one side of a join if every variable of it that the other side may bind is certainly bound on
this side: then both see the same values. Filters stay above what limits rows (LIMIT, OFFSET) and outside of remote
patterns; those that draw a new value at each call do not move at all.
"""

from __future__ import annotations

from semcube.sparql.algebra import (
    Algebra,
    Distinct,
    Expression,
    Extend,
    Filter,
    Group,
    Join,
    LeftJoin,
    Minus,
    Operation,
    OrderBy,
    Project,
    Reduced,
    Union,
    Variable,
)
from semcube.sparql.rewrite.traverse import map_plan
from semcube.sparql.scope import certain, expression_parts, expression_variables, in_scope
from semcube.sparql.translate_expressions import chain

__all__ = ["conjuncts", "push_filters"]

_UNREPEATABLE = frozenset({"RAND", "UUID", "STRUUID", "BNODE"})


def push_filters(node: Algebra) -> Algebra:
    """The plan with each part of a filter as deep as it may go.

    Example:
        >>> from semcube.sparql.algebra import BGP, TriplePattern
        >>> p, q = (BGP((TriplePattern(Variable("s"), Variable(n), Variable(n)),)) for n in "pq")
        >>> push_filters(Filter(Variable("q"), Join(p, q))) == Join(p, Filter(Variable("q"), q))
        True
    """
    return map_plan(node, _push)


def conjuncts(expression: Expression) -> list[Expression]:
    """The operands of nested ``&&``, left to right.

    Example:
        >>> len(conjuncts(Operation("&&", (Variable("a"), Operation("&&", (Variable("b"), Variable("c")))))))
        3
    """
    if isinstance(expression, Operation) and expression.name == "&&":
        return [part for argument in expression.arguments for part in conjuncts(argument)]
    return [expression]


def _push(node: Algebra) -> Algebra:
    match node:
        case Filter(expression, pattern):
            for part in conjuncts(expression):
                pattern = _place(part, pattern)
            return node if pattern == node else pattern
        case LeftJoin(left, right, condition) if condition is not None:
            return _push_condition(left, right, conjuncts(condition), node)
        case _:
            return node


def _push_condition(left: Algebra, right: Algebra, parts: list[Expression], node: LeftJoin) -> Algebra:
    """The parts of the condition of an OPTIONAL that its right side decides alone move there."""
    kept: list[Expression] = []
    for part in parts:
        if _repeatable(part) and _decides(part, right, left):
            right = _place(part, right)
        else:
            kept.append(part)
    return LeftJoin(left, right, chain("&&", kept) if kept else None) if len(kept) < len(parts) else node


def _repeatable(expression: Expression) -> bool:
    return not any(isinstance(p, Operation) and p.name in _UNREPEATABLE for p in expression_parts(expression))


def _decides(expression: Expression, side: Algebra, other: Algebra) -> bool:
    """Whether the values of an expression are those of one side of a join, whatever the other side adds."""
    variables = expression_variables(expression)
    return bool(variables & in_scope(side)) and variables & in_scope(other) <= certain(side)


def _place(expression: Expression, node: Algebra) -> Algebra:
    """The plan with one more filter, as deep as it may go."""
    if not _repeatable(expression):
        return _filtered(expression, node)
    variables = expression_variables(expression)
    match node:
        case Filter(other, pattern):
            return _under(other, _place(expression, pattern))
        case Join(left, right):
            if _decides(expression, left, right):
                return Join(_place(expression, left), right)
            if _decides(expression, right, left):
                return Join(left, _place(expression, right))
        case LeftJoin(left, right, condition) if _decides(expression, left, right):
            return LeftJoin(_place(expression, left), right, condition)
        case Minus(left, right):
            return Minus(_place(expression, left), right)
        case Union(left, right) if variables & in_scope(node):
            return Union(_place(expression, left), _place(expression, right))
        case Extend(pattern, variable, value) if variable not in variables and variables & in_scope(pattern):
            return Extend(_place(expression, pattern), variable, value)
        case Project(pattern, kept) if variables and variables <= set(kept):
            return Project(_place(expression, pattern), kept)
        case Distinct(pattern) | Reduced(pattern):
            return type(node)(_place(expression, pattern))
        case OrderBy(pattern, conditions):
            return OrderBy(_place(expression, pattern), conditions)
        case Group(pattern, keys, aggregates) if variables and variables <= _plain_keys(keys):
            return Group(_place(expression, pattern), keys, aggregates)
    return _filtered(expression, node)


def _plain_keys(keys: tuple[tuple[Variable, Expression], ...]) -> set[Variable]:
    """The group keys that are variables of the pattern."""
    return {variable for variable, expression in keys if variable == expression}


def _under(expression: Expression, node: Algebra) -> Algebra:
    """The filter put back on top of a plan, in front of the conditions that stayed there."""
    if isinstance(node, Filter):
        return Filter(chain("&&", [*conjuncts(expression), *conjuncts(node.expression)]), node.pattern)
    return Filter(expression, node)


def _filtered(expression: Expression, node: Algebra) -> Algebra:
    """One filter more on top of a plan, behind the conditions that are there."""
    if isinstance(node, Filter):
        return Filter(chain("&&", [*conjuncts(node.expression), expression]), node.pattern)
    return Filter(expression, node)
