# SPDX-License-Identifier: Apache-2.0
"""Questions about algebra: the children of a node, the variables in scope, those certainly bound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from semcube.io.terms import IRI, Literal
from semcube.sparql.algebra import (
    BGP,
    Aggregate,
    Algebra,
    Distinct,
    Exists,
    Expression,
    Extend,
    Filter,
    FunctionCall,
    Graph,
    Group,
    Join,
    LeftJoin,
    Minus,
    Operation,
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

_CHILDREN: dict[type, tuple[str, ...]] = {
    Join: ("left", "right"), LeftJoin: ("left", "right"), Union: ("left", "right"), Minus: ("left", "right"),
    Filter: ("pattern",), Graph: ("pattern",), Extend: ("pattern",), Service: ("pattern",), Group: ("pattern",),
    OrderBy: ("pattern",), Project: ("pattern",), Distinct: ("pattern",), Reduced: ("pattern",), Slice: ("pattern",),
}  # fmt: skip


def _child_names(kind: type) -> tuple[str, ...]:
    """The fields that hold children; nodes of a planner name theirs in the class attribute ``CHILDREN``."""
    named: tuple[str, ...] = getattr(kind, "CHILDREN", ())
    return _CHILDREN.get(kind, named)


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


def expression_variables(expression: Expression, *, exists: bool = True) -> frozenset[Variable]:
    """The variables that an expression mentions, those of ``EXISTS`` patterns included where ``exists``."""
    found: set[Variable] = set()
    for part in expression_parts(expression):
        if isinstance(part, Variable):
            found.add(part)
        elif isinstance(part, Exists) and exists:
            found |= mentioned(part.pattern)
    return frozenset(found)


def map_expression(expression: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """The expression with ``change`` applied to each part, innermost first (not into the patterns of ``EXISTS``).

    Example:
        >>> map_expression(Variable("x"), lambda part: Literal("1") if part == Variable("x") else part).lexical
        '1'
    """
    if isinstance(expression, Operation | FunctionCall | Aggregate):
        new = tuple([map_expression(argument, change) for argument in expression.arguments])
        if any(a is not b for a, b in zip(expression.arguments, new, strict=True)):
            expression = replace(expression, arguments=new)
    return change(expression)


def replace_variables(expression: Expression, new: Mapping[Variable, Expression]) -> Expression:
    """The expression with variables replaced (not in the patterns of ``EXISTS``)."""
    return map_expression(expression, lambda part: new.get(part, part) if isinstance(part, Variable) else part)


def expressions(node: Algebra) -> tuple[Expression, ...]:
    """The expressions that a node itself holds, not those of its children."""
    match node:
        case Filter(expression, _) | Extend(_, _, expression):
            return (expression,)
        case LeftJoin(_, _, condition):
            return () if condition is None else (condition,)
        case Group(_, keys, aggregates):
            return (*(e for _, e in keys), *(a for _, a in aggregates))
        case OrderBy(_, conditions):
            return tuple(condition.expression for condition in conditions)
        case _:
            return ()


def mentioned(node: Algebra) -> frozenset[Variable]:
    """Every variable that occurs in a pattern, in scope or not.

    Example:
        >>> sorted(v.name for v in mentioned(Project(Extend(BGP(()), Variable("x"), Variable("y")), ())))
        ['x', 'y']
    """
    found: set[Variable] = set(in_scope(node))
    for expression in expressions(node):
        found |= expression_variables(expression)
    for child in children(node):
        found |= mentioned(child)
    return frozenset(found)


def _variables(*terms: object) -> list[Variable]:
    return [t for t in terms if isinstance(t, Variable)]


def in_scope(node: Algebra) -> frozenset[Variable]:
    """The variables that a solution of the node may bind (section 18.2.1).

    Example:
        >>> from semcube.sparql.algebra import Unit
        >>> sorted(v.name for v in in_scope(Extend(Unit(), Variable("x"), Literal("1"))))
        ['x']
    """
    return frozenset(_scoped(node))


def visible(node: Algebra) -> tuple[Variable, ...]:
    """What ``SELECT *`` selects: the variables in scope in the order of the text, without blank nodes.

    Example:
        >>> from semcube.sparql.algebra import TriplePattern
        >>> p = BGP((TriplePattern(Variable("s"), IRI("http://e/p"), Variable("_:b")),))
        >>> [v.name for v in visible(Extend(p, Variable("a"), Variable("s")))]
        ['s', 'a']
    """
    return tuple(v for v in dict.fromkeys(_scoped(node)) if not v.is_blank)


def _scoped(node: Algebra) -> list[Variable]:
    """The variables in scope as they appear, perhaps more than once."""
    match node:
        case BGP(triples, graph):
            found = _variables(graph)
            for t in triples:
                found += _variables(t.subject, t.predicate, t.object)
            return found
        case Path(subject, _, object_, graph):
            return _variables(graph, subject, object_)
        case Minus(left, _):
            return _scoped(left)
        case Graph(name, pattern) | Service(name, pattern):
            return _variables(name) + _scoped(pattern)
        case Extend(pattern, variable, _):
            return [*_scoped(pattern), variable]
        case Values(variables, _) | Project(_, variables):
            return list(variables)
        case Group(_, keys, aggregates):
            return [v for v, _ in (*keys, *aggregates)]
        case _:
            own: frozenset[Variable] = getattr(node, "own_variables", frozenset())  # leaves of a planner
            return [*own, *(v for child in children(node) for v in _scoped(child))]


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
            return certain(pattern).union(_variables(name))
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
