# SPDX-License-Identifier: Apache-2.0
"""Makes one basic graph pattern of those that are joined."""

from __future__ import annotations

from functools import reduce

from semcube.io.terms import IRI
from semcube.sparql.algebra import BGP, Algebra, Join, Unit, Variable
from semcube.sparql.rewrite.traverse import map_plan

__all__ = ["merge_bgps"]


def merge_bgps(node: Algebra) -> Algebra:
    """The plan with the basic graph patterns of each chain of joins merged, graph by graph.

    Example:
        >>> from semcube.sparql.algebra import TriplePattern
        >>> p, q = (BGP((TriplePattern(Variable("s"), IRI(f"http://e/{n}"), Variable(n)),)) for n in "pq")
        >>> len(merge_bgps(Join(p, q)).triples)
        2
    """
    return map_plan(node, _merge)


def _merge(node: Algebra) -> Algebra:
    if not isinstance(node, Join):
        return node
    operands = [part for part in _operands(node) if not isinstance(part, Unit)]
    merged: list[Algebra] = []
    places: dict[Variable | IRI | None, int] = {}
    for operand in operands:
        if not isinstance(operand, BGP):
            merged.append(operand)
        elif operand.graph in places:
            place = places[operand.graph]
            first = merged[place]
            assert isinstance(first, BGP)
            merged[place] = BGP(tuple(dict.fromkeys((*first.triples, *operand.triples))), operand.graph)
        else:
            places[operand.graph] = len(merged)
            merged.append(operand)
    if len(merged) == len(operands) and len(operands) > 1:
        return node
    return reduce(Join, merged) if merged else Unit()


def _operands(node: Algebra) -> list[Algebra]:
    """What a chain of joins joins, left to right."""
    if isinstance(node, Join):
        return [*_operands(node.left), *_operands(node.right)]
    return [node]
