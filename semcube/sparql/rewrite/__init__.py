# SPDX-License-Identifier: Apache-2.0
"""Rewrites of a plan that hold for any source: algebra in, algebra with the same answer out.

Each rule is a pure function; ``tests/sparql/rewrite`` has pairs of texts, before and after, for each of them.
"""

from __future__ import annotations

from collections.abc import Callable

from semcube.sparql.algebra import Algebra
from semcube.sparql.rewrite.filters import conjuncts, push_filters
from semcube.sparql.rewrite.graphs import push_graphs
from semcube.sparql.rewrite.joins import merge_bgps

__all__ = ["RULES", "conjuncts", "merge_bgps", "push_filters", "push_graphs", "rewrite"]

RULES: tuple[Callable[[Algebra], Algebra], ...] = (push_graphs, merge_bgps, push_filters)
"""In the order they are applied."""

_ROUNDS = 8


def rewrite(node: Algebra) -> Algebra:
    """Apply all rules until nothing changes (a bounded number of times).

    Args:
        node: A plan.

    Returns:
        A plan with the same solutions.

    Example:
        >>> from semcube.sparql.parser import parse_query
        >>> query = "SELECT * { { ?s <http://e/p> ?o } { ?s <http://e/q> ?x } FILTER(?o = 1 && ?x = 2) }"
        >>> len(rewrite(parse_query(query).form.pattern).pattern.pattern.triples)
        2
    """
    for _ in range(_ROUNDS):
        before = node
        for rule in RULES:
            node = rule(node)
        if node == before:
            break
    return node
