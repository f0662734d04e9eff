# SPDX-License-Identifier: Apache-2.0
"""Joins in an order in which each part shares a variable with those before it, wherever there is one that does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from semcube.io.terms import IRI
from semcube.sparql.algebra import Algebra, Join, Service, TriplePattern, Unit, Variable
from semcube.sparql.rewrite.traverse import with_exists
from semcube.sparql.scope import children, in_scope, with_children

__all__ = ["GraphName", "connected_groups", "connected_join", "map_outside_services", "triple_groups"]

GraphName = Variable | IRI | None
Item = TypeVar("Item")


def connected_join(parts: Sequence[Algebra]) -> Algebra:
    """The join of all parts, left-deep.

    Example:
        >>> from semcube.sparql.algebra import Path, PredicatePath
        >>> step = PredicatePath(IRI("http://e/p"))
        >>> a, b, c = (Path(Variable(x), step, Variable(y)) for x, y in ("xy", "ab", "yz"))
        >>> connected_join([a, b, c]) == Join(Join(a, c), b)
        True
    """
    waiting = [part for part in parts if not isinstance(part, Unit)]
    if not waiting:
        return Unit()
    joined = waiting.pop(0)
    scope = in_scope(joined)
    while waiting:
        best = next((part for part in waiting if in_scope(part) & scope), waiting[0])
        waiting = [part for part in waiting if part is not best]
        joined, scope = Join(joined, best), scope | in_scope(best)
    return joined


def connected_groups(items: Iterable[Item], variables: Callable[[Item], Iterable[Variable]]) -> list[list[Item]]:
    """The items that share variables, directly or by others, together.

    Args:
        items: Triple patterns, or parts of a join.
        variables: The variables of one.

    Example:
        >>> p = IRI("http://e/p")
        >>> triples = [TriplePattern(Variable(x), p, Variable(y)) for x, y in ("xy", "ab", "yz")]
        >>> [len(group) for group in connected_groups(triples, lambda triple: triple.variables)]
        [1, 2]
    """
    groups: list[tuple[set[Variable], list[Item]]] = []
    for item in items:
        scope, members = set(variables(item)), [item]
        apart = []
        for known, group in groups:
            if known & scope:
                scope, members = scope | known, group + members
            else:
                apart.append((known, group))
        groups = [*apart, (scope, members)]
    return [members for _, members in groups]


def triple_groups(triples: Iterable[TriplePattern]) -> list[tuple[TriplePattern, ...]]:
    """The triples that share variables, directly or by others, together."""
    return [tuple(group) for group in connected_groups(triples, lambda triple: triple.variables)]


def map_outside_services(node: Algebra, change: Callable[[Algebra], Algebra]) -> Algebra:
    """The plan with ``change`` applied to every node, innermost first, ``EXISTS`` included, ``SERVICE`` left alone."""
    if isinstance(node, Service):
        return node
    node = with_children(node, tuple([map_outside_services(child, change) for child in children(node)]))
    return change(with_exists(node, lambda pattern: map_outside_services(pattern, change)))
