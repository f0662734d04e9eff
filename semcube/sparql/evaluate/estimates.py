# SPDX-License-Identifier: Apache-2.0
"""How many solutions to expect, and in which order to match the triples of a basic graph pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING

from semcube.io.terms import IRI
from semcube.sparql.algebra import (
    BGP,
    Algebra,
    Distinct,
    Extend,
    Filter,
    Graph,
    Join,
    LeftJoin,
    Minus,
    OrderBy,
    Project,
    Reduced,
    Slice,
    TriplePattern,
    Union,
    Unit,
    Values,
    Variable,
)
from semcube.sparql.context import Context
from semcube.sparql.dataset import QuadPattern
from semcube.sparql.plan import IdTable, SpatialJoin, SpatialSelect

if TYPE_CHECKING:
    from semcube.sparql.evaluate.solutions import Solutions

__all__ = ["estimate", "match_order", "quad_pattern", "sampled"]

SAMPLED = 20_000.0
"""Joins of which so many solutions may be expected are sampled before they run."""

UNKNOWN = 1e6
"""Rows assumed where a source cannot tell."""

SHARED_SELECTIVITY = 0.01
"""The part of a pattern's matches assumed to remain for each of its variables that is bound already."""


def quad_pattern(triple: TriplePattern, graph: Variable | IRI | None, context: Context) -> QuadPattern:
    """A triple pattern as asked of the dataset."""
    return QuadPattern(triple.subject, triple.predicate, triple.object, graph, context.active)


def _pattern_rows(pattern: QuadPattern, context: Context) -> float:
    found = context.dataset.estimate(pattern, context)
    return UNKNOWN if found is None else found.rows


def match_order(node: BGP, bound: frozenset[str], context: Context) -> list[QuadPattern]:
    """The patterns in the order to match them: cheapest first, then what is connected to the variables bound so far."""
    waiting = [quad_pattern(triple, node.graph, context) for triple in dict.fromkeys(node.triples)]
    rows = {pattern: _pattern_rows(pattern, context) for pattern in waiting}
    known = set(bound)
    order: list[QuadPattern] = []
    while waiting:

        def cost(pattern: QuadPattern, known: set[str] = known) -> tuple[bool, float]:
            names = [v.name for v in pattern.variables]
            shared = sum(name in known for name in names)
            apart = bool(known) and bool(names) and not shared
            return apart, rows[pattern] * SHARED_SELECTIVITY**shared

        best = min(waiting, key=cost)
        waiting.remove(best)
        order.append(best)
        known |= {v.name for v in best.variables}
    return order


def sampled(node: Algebra, context: Context) -> tuple[Solutions, float] | None:
    """Some solutions of a node that the dataset takes over, and how many of all each stands for; None where it cannot.

    Args:
        node: A pattern.
        context: The evaluation.
    """
    relation = None if context.push_down == "off" else context.dataset.push(node, context)
    take = getattr(relation, "sample", None)
    return None if take is None else take()


def _joined_rows(node: Algebra, bound: float | None, context: Context) -> float | None:
    """The solutions of a join by a sample, where that costs little beside running it, or somebody wants to know."""
    if context.trace is None and (bound is None or bound < SAMPLED):
        return bound
    found = sampled(node, context)
    if found is None:
        return bound
    solutions, scale = found
    return max(float(solutions.rows), 0.0 if scale == 1.0 else 0.5) * scale


def _filtered_rows(node: Filter, below: float | None, context: Context) -> float | None:
    """The solutions that a filter keeps, where that is worth while to know and the dataset can tell; else all."""
    if context.push_down == "off" or (context.trace is None and (below is None or below < SAMPLED)):
        return below
    relation = context.dataset.push(node, context)
    found = None if relation is None else relation.estimate()
    return below if found is None else found.rows


def estimate(node: Algebra, context: Context) -> float | None:
    """The solutions of a node to expect, None where nothing is known.

    Patterns that are expected to be small are not sampled: a bound by their smallest part does, since to run them costs
    no more than to look closer. With a trace all are.
    """
    match node:
        case Unit():
            return 1.0
        case IdTable():
            return float(node.rows)
        case Values(_, rows):
            return float(len(rows))
        case BGP(triples, graph):
            bound = min((_pattern_rows(quad_pattern(t, graph, context), context) for t in triples), default=1.0)
            return bound if len(triples) < 2 else _joined_rows(node, bound, context)
        case SpatialSelect() | SpatialJoin():
            from semcube.sparql import spatial_estimates

            return spatial_estimates.expected(node, context)
        case Filter(_, pattern):
            return _filtered_rows(node, estimate(pattern, context), context)
        case Extend(pattern, _, _) | Project(pattern, _) | Graph(_, pattern):
            return estimate(pattern, context)
        case Distinct(pattern) | Reduced(pattern) | OrderBy(pattern, _) | LeftJoin(pattern, _, _) | Minus(pattern, _):
            return estimate(pattern, context)
        case Slice(pattern, _, limit):
            below = estimate(pattern, context)
            known = [rows for rows in (below, limit) if rows is not None]
            return float(min(known)) if known else None
        case Join(left, right):
            sides = [rows for rows in (estimate(left, context), estimate(right, context)) if rows is not None]
            return _joined_rows(node, min(sides) if sides else None, context)
        case Union(left, right):
            a, b = estimate(left, context), estimate(right, context)
            return None if a is None or b is None else a + b
        case _:
            return None
