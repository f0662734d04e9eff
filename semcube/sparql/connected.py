# SPDX-License-Identifier: Apache-2.0
"""Joins in an order in which each part shares a variable with those before it, wherever there is one that does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from semcube.io.terms import IRI
from semcube.sparql.algebra import Algebra, Join, Service, TriplePattern, Unit, Variable
from semcube.sparql.rewrite.traverse import with_exists
from semcube.sparql.scope import children, in_scope, with_children

__all__ = ["GraphName", "connected_join", "map_outside_services", "triple_groups"]

GraphName = Variable | IRI | None


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


def triple_groups(triples: Sequence[TriplePattern]) -> list[tuple[TriplePattern, ...]]:
    """The triples that share variables, directly or by others, together.

    Example:
        >>> p = IRI("http://e/p")
        >>> found = triple_groups([TriplePattern(Variable(x), p, Variable(y)) for x, y in ("xy", "ab", "yz")])
        >>> [len(group) for group in found]
        [1, 2]
    """
    groups: list[tuple[set[Variable], list[TriplePattern]]] = []
    for triple in triples:
        scope, members = set(triple.variables), [triple]
        apart = []
        for variables, group in groups:
            if variables & scope:
                scope, members = scope | variables, group + members
            else:
                apart.append((variables, group))
        groups = [*apart, (scope, members)]
    return [tuple(members) for _, members in groups]


def map_outside_services(node: Algebra, change: Callable[[Algebra], Algebra]) -> Algebra:
    """The plan with ``change`` applied to every node, innermost first, ``EXISTS`` included, ``SERVICE`` left alone."""
    if isinstance(node, Service):
        return node
    node = with_children(node, tuple([map_outside_services(child, change) for child in children(node)]))
    return change(with_exists(node, lambda pattern: map_outside_services(pattern, change)))
