# SPDX-License-Identifier: Apache-2.0
"""Questions about algebra: the children of a node, the variables in scope, those certainly bound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import TypeVar

from semcube.io.terms import IRI, Literal
from semcube.sparql.algebra import (
    BGP,
    Algebra,
    Distinct,
    Exists,
    Expression,
    Extend,
    Filter,
    Graph,
    Group,
    Join,
    LeftJoin,
    Minus,
    OrderBy,
    Path,
    Project,
    Reduced,
    Service,
    Slice,
    Union,
    Values,
    Variable,
)

Node = TypeVar("Node")

_CHILDREN = {
    Join: ("left", "right"), LeftJoin: ("left", "right"), Union: ("left", "right"), Minus: ("left", "right"),
    Filter: ("pattern",), Graph: ("pattern",), Extend: ("pattern",), Service: ("pattern",), Group: ("pattern",),
    OrderBy: ("pattern",), Project: ("pattern",), Distinct: ("pattern",), Reduced: ("pattern",), Slice: ("pattern",),
}  # fmt: skip


def _child_names(kind: type) -> tuple[str, ...]:
    """The fields that hold children; nodes of a planner name theirs in the class attribute ``CHILDREN``."""
    return _CHILDREN.get(kind) or getattr(kind, "CHILDREN", ())


def children(node: Algebra) -> tuple[Algebra, ...]:
    """The child patterns of a node, left to right (patterns of ``EXISTS`` are not children)."""
    return tuple(getattr(node, name) for name in _child_names(type(node)))


def with_children(node: Node, new: tuple[Algebra, ...]) -> Node:
    """The node with its child patterns replaced.

    Example:
        >>> from semcube.sparql.algebra import Unit
        >>> with_children(Distinct(Unit()), (BGP(()),))
        Distinct(pattern=BGP(triples=(), graph=None))
    """
    names = _child_names(type(node))
    if all(getattr(node, name) is child for name, child in zip(names, new, strict=True)):
        return node
    return replace(node, **dict(zip(names, new, strict=True)))  # type: ignore[type-var]


def expression_parts(expression: Expression) -> Iterator[Expression]:
    """The expression and all expressions inside it, outermost first (not into the patterns of ``EXISTS``)."""
    yield expression
    for part in getattr(expression, "arguments", ()):
        yield from expression_parts(part)


def expression_variables(expression: Expression) -> frozenset[Variable]:
    """The variables that an expression mentions, those of ``EXISTS`` patterns included."""
    found: set[Variable] = set()
    for part in expression_parts(expression):
        if isinstance(part, Variable):
            found.add(part)
        elif isinstance(part, Exists):
            found |= _mentioned(part.pattern)
    return frozenset(found)


def _mentioned(node: Algebra) -> frozenset[Variable]:
    """Every variable that occurs in a pattern, in scope or not."""
    found: set[Variable] = set(in_scope(node))
    for item in fields(node):
        value = getattr(node, item.name)
        if item.name in ("expression",) and value is not None:
            found |= expression_variables(value)
    for child in children(node):
        found |= _mentioned(child)
    return frozenset(found)


def _terms(*terms: object) -> frozenset[Variable]:
    return frozenset(t for t in terms if isinstance(t, Variable))


def in_scope(node: Algebra) -> frozenset[Variable]:
    """The variables that a solution of the node may bind (section 18.2.1).

    Example:
        >>> from semcube.sparql.algebra import Unit
        >>> sorted(v.name for v in in_scope(Extend(Unit(), Variable("x"), Literal("1"))))
        ['x']
    """
    match node:
        case BGP(triples, graph):
            return _terms(graph).union(*(frozenset(t.variables) for t in triples))
        case Path(subject, _, object_, graph):
            return _terms(subject, object_, graph)
        case Minus(left, _):
            return in_scope(left)
        case Graph(name, pattern) | Service(name, pattern):
            return in_scope(pattern) | _terms(name)
        case Extend(pattern, variable, _):
            return in_scope(pattern) | {variable}
        case Values(variables, _):
            return frozenset(variables)
        case Group(_, keys, aggregates):
            return frozenset(v for v, _ in (*keys, *aggregates))
        case Project(pattern, variables):
            return frozenset(variables)
        case _:
            own: frozenset[Variable] = getattr(node, "own_variables", frozenset())  # leaves of a planner
            return own.union(*(in_scope(child) for child in children(node)))


def certain(node: Algebra) -> frozenset[Variable]:
    """The variables that every solution of the node binds.

    Example:
        >>> from semcube.sparql.algebra import TriplePattern
        >>> p = BGP((TriplePattern(Variable("s"), IRI("http://e/p"), Variable("o")),))
        >>> q = BGP((TriplePattern(Variable("s"), IRI("http://e/q"), Variable("z")),))
        >>> sorted(v.name for v in certain(LeftJoin(p, q)))
        ['o', 's']
    """
    match node:
        case BGP() | Path():
            return in_scope(node)
        case Join(left, right):
            return certain(left) | certain(right)
        case LeftJoin(left, _) | Minus(left, _):
            return certain(left)
        case Union(left, right):
            return certain(left) & certain(right)
        case Graph(name, pattern):
            return certain(pattern) | _terms(name)
        case Extend(pattern, variable, expression):
            bound = isinstance(expression, IRI | Literal) or (
                isinstance(expression, Variable) and expression in certain(pattern)
            )
            return certain(pattern) | ({variable} if bound else frozenset())
        case Values(variables, rows):
            return frozenset(v for i, v in enumerate(variables) if all(row[i] is not None for row in rows))
        case Service():
            return frozenset()
        case Group(pattern, keys, aggregates):
            inner = certain(pattern)
            named = {v for v, e in keys if isinstance(e, Variable) and e in inner}
            return frozenset(named | {v for v, a in aggregates if a.name == "COUNT"})
        case Project(pattern, variables):
            return certain(pattern) & frozenset(variables)
        case _:
            own: frozenset[Variable] = getattr(node, "own_certain", frozenset())  # leaves of a planner
            return own.union(*(certain(child) for child in children(node)))
