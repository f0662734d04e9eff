# SPDX-License-Identifier: Apache-2.0
"""Moves ``GRAPH`` inwards to the patterns that read a graph, where the answer is provably the same."""

from __future__ import annotations

from semcube.io.terms import IRI
from semcube.sparql.algebra import (
    BGP,
    Algebra,
    AlternativePath,
    Distinct,
    Extend,
    Filter,
    Graph,
    InversePath,
    Join,
    LeftJoin,
    Minus,
    OneOrMorePath,
    Path,
    Project,
    PropertyPath,
    Reduced,
    SequencePath,
    Service,
    Union,
    Unit,
    Values,
    Variable,
    ZeroOrMorePath,
    ZeroOrOnePath,
)
from semcube.sparql.rewrite.traverse import map_exists, map_plan, mentions_exists
from semcube.sparql.scope import certain, mentioned

__all__ = ["is_nullable", "push_graphs"]

Name = Variable | IRI


def push_graphs(node: Algebra) -> Algebra:
    """The plan with each ``GRAPH`` moved into the basic graph patterns and paths below it.

    Example:
        >>> from semcube.sparql.algebra import TriplePattern
        >>> triple = TriplePattern(Variable("s"), IRI("http://e/p"), Variable("o"))
        >>> push_graphs(Graph(IRI("http://e/g"), Distinct(BGP((triple,))))).pattern.graph
        IRI(value='http://e/g')
    """
    return map_plan(node, _push)


def _push(node: Algebra) -> Algebra:
    if not isinstance(node, Graph):
        return node
    name, pattern = node.name, node.pattern
    if isinstance(name, Variable) and name in mentioned(pattern) and not isinstance(pattern, BGP):
        return node  # inside, the variable is not yet the name of the graph
    moved, bound = _into(name, pattern)
    return moved if bound else node


def _into(name: Name, node: Algebra) -> tuple[Algebra, bool]:
    """``node`` under ``GRAPH name``.

    Returns:
        An equal plan and True; or the node itself and False, where it does not depend on the graph: then it is right
        only if joined with something that does (and that binds the name and is empty where there is no such graph).
    """
    match node:
        case BGP(triples, None) if triples:
            return BGP(triples, name), True
        case Path(subject, path, object_, None, span) if not is_nullable(path):
            return Path(subject, path, object_, name, span), True
        case Unit() | Values() | Graph() | Service():
            return node, False
        case BGP() | Path(graph=Variable() | IRI()):
            return node, False
        case Join() | Union() | LeftJoin() | Minus():
            return _into_both(name, node)
        case Filter() | Extend():
            return _into_row_wise(name, node)
        case Project(pattern, variables):
            moved, bound = _into(name, pattern)
            if bound and not _is_stuck(moved, pattern):
                kept = (*variables, name) if isinstance(name, Variable) else variables
                return Project(moved, kept), True
        case Distinct(pattern) | Reduced(pattern):
            moved, bound = _into(name, pattern)
            if bound and not _is_stuck(moved, pattern):
                return type(node)(moved), True
    return Graph(name, node), True


def _is_stuck(moved: Algebra, pattern: Algebra) -> bool:
    """Whether ``GRAPH`` got no further than to stand on the pattern itself."""
    return isinstance(moved, Graph) and moved.pattern is pattern


def _into_both(name: Name, node: Join | Union | LeftJoin | Minus) -> tuple[Algebra, bool]:
    left, left_bound = _into(name, node.left)
    right, right_bound = _into(name, node.right)
    match node:
        case Join():
            return (Join(left, right), True) if left_bound or right_bound else (node, False)
        case Union():
            if not (left_bound or right_bound):
                return node, False
            return Union(
                left if left_bound else Graph(name, node.left), right if right_bound else Graph(name, node.right)
            ), True
        case LeftJoin(expression=condition):
            if left_bound and (condition is None or not mentions_exists(condition)):
                return LeftJoin(left, right, condition), True
        case Minus():
            # The name of the graph would become a shared variable, which counts where there was none before.
            shared = isinstance(name, IRI) or not right_bound or certain(node.left) & certain(node.right)
            if left_bound and shared:
                return Minus(left, right), True
    return Graph(name, node), True


def _into_row_wise(name: Name, node: Filter | Extend) -> tuple[Algebra, bool]:
    """FILTER and BIND; their ``EXISTS`` is asked of the same graph."""
    moved, bound = _into(name, node.pattern)
    exists = mentions_exists(node.expression)
    if not bound:
        return (Graph(name, node), True) if exists else (node, False)
    if _is_stuck(moved, node.pattern):
        return Graph(name, node), True
    expression = map_exists(node.expression, lambda pattern: _push(Graph(name, pattern))) if exists else node.expression
    if isinstance(node, Filter):
        return Filter(expression, moved), True
    return Extend(moved, node.variable, expression), True


def is_nullable(path: PropertyPath) -> bool:
    """Whether a path has solutions of length zero, which do not depend on the triples of a graph."""
    match path:
        case ZeroOrMorePath() | ZeroOrOnePath():
            return True
        case InversePath(inner) | OneOrMorePath(inner):
            return is_nullable(inner)
        case SequencePath(left, right):
            return is_nullable(left) and is_nullable(right)
        case AlternativePath(left, right):
            return is_nullable(left) or is_nullable(right)
        case _:
            return False
