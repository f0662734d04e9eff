# SPDX-License-Identifier: Apache-2.0
"""Property paths (section 18.4): breadth-first search by whole frontiers of ids.

In comes a :class:`~semcube.sparql.algebra.Path` and, where known, the ids its ends may have; out come pairs of start
and end. ``?``, ``*`` and ``+`` give each pair once, negated sets and alternatives keep duplicates, as the W3C text
says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from semcube.io.terms import IRI, Literal, Term
from semcube.sparql.algebra import (
    AlternativePath,
    InversePath,
    NegatedPropertySet,
    OneOrMorePath,
    Path,
    PredicatePath,
    PropertyPath,
    SequencePath,
    TermPattern,
    Variable,
    ZeroOrMorePath,
    ZeroOrOnePath,
)
from semcube.sparql.context import Context
from semcube.sparql.dataset import QuadPattern
from semcube.sparql.evaluate.joins import CompatibleRows, merge
from semcube.sparql.evaluate.patterns import graph_ids, match
from semcube.sparql.evaluate.run import operator
from semcube.sparql.evaluate.solutions import Solutions, collect, collect_within
from semcube.sparql.evaluate.tables import SEEN_TIMES, EqualRows, SeenRows

__all__ = ["extend_path"]

_S, _P, _O = Variable("s"), Variable("p"), Variable("o")
LOOKUPS = 32
SMALL_PATTERN = 200_000.0
"""The edges of a predicate are read as a whole up to this number, or once a frontier is no longer small."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Starts and ends of paths, row by row."""

    starts: np.ndarray
    ends: np.ndarray

    def reversed(self) -> Pairs:
        """The other way round."""
        return Pairs(self.ends, self.starts)

    def distinct(self) -> Pairs:
        """Each pair once."""
        if len(self.starts) < 2:
            return self
        both = np.unique(np.stack([self.starts, self.ends], axis=1), axis=0)
        return Pairs(np.ascontiguousarray(both[:, 0]), np.ascontiguousarray(both[:, 1]))


def _concatenate(parts: list[Pairs]) -> Pairs:
    empty = np.empty(0, np.int64)
    return Pairs(np.concatenate([empty, *(p.starts for p in parts)]), np.concatenate([empty, *(p.ends for p in parts)]))


@operator(Path)
def path(node: Path, context: Context) -> Iterator[Solutions]:
    """A property path pattern."""
    return extend_path(Solutions.unit(), node, context)


def extend_path(start: Solutions, node: Path, context: Context) -> Iterator[Solutions]:
    """The join of known solutions with a property path pattern."""
    for graph, inside in _graphs(start, node, context):
        found = _solutions(start, replace(node, graph=graph), context)
        if inside:
            found = found.with_columns({name: np.full(found.rows, number) for name, number in inside.items()})
        build = CompatibleRows(found, list(found.columns))
        for rows, partners in build.pairs(start):
            context.cancellation.check()
            yield from merge(start, found, rows, partners).pieces()


def _graphs(start: Solutions, node: Path, context: Context) -> Iterator[tuple[IRI | None, dict[str, int]]]:
    """The graphs to search one after the other, each with what it binds."""
    if node.graph is None:
        yield None, {}
        return
    there = graph_ids(context)
    if not isinstance(node.graph, Variable):
        if int(context.terms.intern_terms([node.graph])[0]) in there:
            yield node.graph, {}
        return
    name = node.graph.name
    if name in start.columns and bool((start.columns[name] != 0).all()):
        there = np.intersect1d(there, start.columns[name])
    for number in there.tolist():
        yield context.terms.term(number), {name: number}  # type: ignore[misc]


def _solutions(start: Solutions, node: Path, context: Context) -> Solutions:
    """The solutions of a path in one graph whose ends agree with the start solutions."""
    search = _Search(node.graph, context)  # type: ignore[arg-type]
    starts, starts_are_terms = _end(node.subject, start, context)
    ends, ends_are_terms = _end(node.object, start, context)
    anchored = starts_are_terms or ends_are_terms
    if starts is not None and not starts_are_terms and not anchored:
        starts_known = search.in_graph(starts) if _has_zero(node.path) else starts
        found = search.forward(node.path, starts_known)
    elif starts is not None and starts_are_terms:
        found = search.forward(node.path, starts)
    elif ends is not None:
        if not ends_are_terms and _has_zero(node.path):
            ends = search.in_graph(ends)
        found = search.forward(InversePath(node.path), ends).reversed()
    else:
        found = search.everywhere(node.path)
    return _bound(node, found, starts if starts_are_terms else None, ends if ends_are_terms else None)


def _end(place: TermPattern, start: Solutions, context: Context) -> tuple[np.ndarray | None, bool]:
    """The distinct ids that an end may have (None: any), and whether it is a term of the pattern."""
    if not isinstance(place, Variable):
        return context.terms.intern_terms([place]), True
    column = start.columns.get(place.name)
    if column is None or not bool((column != 0).all()):
        return None, False
    return np.unique(column), False


def _bound(node: Path, found: Pairs, starts: np.ndarray | None, ends: np.ndarray | None) -> Solutions:
    """The pairs as solutions: constants checked, one variable at both ends the same."""
    keep = np.ones(len(found.starts), bool)
    if starts is not None:
        keep &= found.starts == starts[0]
    if ends is not None:
        keep &= found.ends == ends[0]
    columns: dict[str, np.ndarray] = {}
    for place, column in ((node.subject, found.starts), (node.object, found.ends)):
        if not isinstance(place, Variable):
            continue
        if place.name in columns:
            keep &= columns[place.name] == column
        else:
            columns[place.name] = column
    return Solutions(columns, len(keep)).where(keep)


def _has_zero(path_: PropertyPath) -> bool:
    """Whether a path can match without an edge."""
    match path_:
        case ZeroOrMorePath() | ZeroOrOnePath():
            return True
        case SequencePath(left, right):
            return _has_zero(left) or _has_zero(right)
        case AlternativePath(left, right):
            return _has_zero(left) or _has_zero(right)
        case InversePath(inner) | OneOrMorePath(inner):
            return _has_zero(inner)
        case _:
            return False


class _Search:
    """Paths in one graph."""

    def __init__(self, graph: IRI | None, context: Context) -> None:
        self.graph = graph
        self.context = context
        self._edges: dict[tuple[PropertyPath, bool], tuple[Pairs, EqualRows]] = {}
        self._nodes: np.ndarray | None = None
        self._looked_up = 0

    # --- reading the graph ------------------------------------------------------------------------------------------

    def _match(self, subject: TermPattern, predicate: TermPattern, object_: TermPattern) -> Solutions:
        pattern = QuadPattern(subject, predicate, object_, self.graph, self.context.active)
        return collect_within(match(pattern, self.context), self.context.reserve("a path", times=3))

    def nodes(self) -> np.ndarray:
        """All subjects and objects of the graph."""
        if self._nodes is None:
            pattern = QuadPattern(_S, _P, _O, self.graph, self.context.active)
            parts = (np.unique(np.concatenate([b.columns["s"], b.columns["o"]])) for b in match(pattern, self.context))
            self._nodes = np.unique(np.concatenate([np.empty(0, np.int64), *parts]))
        return self._nodes

    def in_graph(self, numbers: np.ndarray) -> np.ndarray:
        """Those ids that are a subject or object of the graph."""
        if len(numbers) > LOOKUPS or self._nodes is not None:
            return np.intersect1d(numbers, self.nodes())
        return np.array([n for n in numbers.tolist() if self._is_node(self.context.terms.term(n))], np.int64)

    def _is_node(self, term: Term) -> bool:
        patterns = [(_S, term)] if isinstance(term, Literal) else [(term, _O), (_S, term)]
        return any(self._match(subject, _P, object_).rows for subject, object_ in patterns)

    def _all_edges(self, edge: PredicatePath | NegatedPropertySet, *, inverse: bool) -> tuple[Pairs, EqualRows]:
        """All edges of a predicate or negated set, findable by their start."""
        if (edge, inverse) not in self._edges:
            pairs = self._read(edge)
            pairs = pairs.reversed() if inverse else pairs
            self._edges[edge, inverse] = pairs, EqualRows([pairs.starts])
        return self._edges[edge, inverse]

    def _read(self, edge: PredicatePath | NegatedPropertySet) -> Pairs:
        if isinstance(edge, PredicatePath):
            found = self._match(_S, edge.iri, _O)
            return Pairs(found.column("s"), found.column("o"))
        forward = self._outside(edge.forward)
        inverse = self._outside(edge.inverse).reversed()
        if not edge.inverse:
            return forward
        return _concatenate([forward, inverse]) if edge.forward else inverse

    def _outside(self, predicates: tuple[IRI, ...]) -> Pairs:
        """The edges of all predicates but these."""
        excluded = self.context.terms.intern_terms(list(predicates))
        parts = []
        for batch in match(QuadPattern(_S, _P, _O, self.graph, self.context.active), self.context):
            keep = ~np.isin(batch.columns["p"], excluded)
            parts.append(Pairs(batch.columns["s"][keep], batch.columns["o"][keep]))
        return _concatenate(parts)

    # --- from known starts ------------------------------------------------------------------------------------------

    def forward(self, path_: PropertyPath, starts: np.ndarray, *, inverse: bool = False) -> Pairs:
        """The pairs whose start is one of the distinct ids ``starts``; against the arrows where ``inverse``."""
        self.context.cancellation.check()
        match path_:
            case PredicatePath() | NegatedPropertySet():
                return self._step(path_, starts, inverse)
            case InversePath(inner):
                return self.forward(inner, starts, inverse=not inverse)
            case SequencePath(left, right):
                one, two = (right, left) if inverse else (left, right)
                return self._then(self.forward(one, starts, inverse=inverse), two, inverse)
            case AlternativePath(left, right):
                sides = [self.forward(side, starts, inverse=inverse) for side in (left, right)]
                return _concatenate(sides)
            case ZeroOrOnePath(inner):
                once = self.forward(inner, starts, inverse=inverse)
                return _concatenate([Pairs(starts, starts), once]).distinct()
            case ZeroOrMorePath(inner):
                return self._closure(inner, starts, inverse, zero=True)
            case OneOrMorePath(inner):
                return self._closure(inner, starts, inverse, zero=False)

    def _step(self, edge: PredicatePath | NegatedPropertySet, starts: np.ndarray, inverse: bool) -> Pairs:
        """One edge from each start."""
        if isinstance(edge, PredicatePath) and (edge, inverse) not in self._edges and self._looks_up(edge, len(starts)):
            self._looked_up += len(starts)
            return self._look_up(edge, starts, inverse)
        pairs, table = self._all_edges(edge, inverse=inverse)
        parts = [Pairs(starts[rows], pairs.ends[found]) for rows, found in table.pairs([starts])]
        return parts[0] if len(parts) == 1 else _concatenate(parts)

    def _looks_up(self, edge: PredicatePath, starts: int) -> bool:
        if self._looked_up + starts > LOOKUPS:
            return False
        pattern = QuadPattern(_S, edge.iri, _O, self.graph, self.context.active)
        estimate = self.context.dataset.estimate(pattern, self.context)
        return estimate is not None and estimate.rows > SMALL_PATTERN

    def _look_up(self, edge: PredicatePath, starts: np.ndarray, inverse: bool) -> Pairs:
        parts = []
        for number in starts.tolist():
            term = self.context.terms.term(number)
            if inverse:
                ends = self._match(_S, edge.iri, term).column("s")
            elif isinstance(term, Literal):
                continue
            else:
                ends = self._match(term, edge.iri, _O).column("o")
            parts.append(Pairs(np.full(len(ends), number, np.int64), ends))
        return _concatenate(parts)

    def _then(self, first: Pairs, path_: PropertyPath, inverse: bool) -> Pairs:
        """Pairs followed by another path, duplicates kept."""
        middle = np.unique(first.ends)
        second = self.forward(path_, middle, inverse=inverse)
        parts = [
            Pairs(first.starts[rows], second.ends[found])
            for rows, found in EqualRows([second.starts]).pairs([first.ends])
        ]
        return _concatenate(parts)

    def _closure(self, inner: PropertyPath, starts: np.ndarray, inverse: bool, *, zero: bool) -> Pairs:
        """All that is reached from each start by repeating a path, each pair once."""
        seen = SeenRows(["start", "end"], self.context.reserve("a path", times=SEEN_TIMES))
        parts: list[Solutions] = []
        if zero:
            frontier = seen.add(Solutions({"start": starts, "end": starts}, len(starts)))
        else:
            frontier = self._hop(Solutions({"start": starts, "end": starts}, len(starts)), inner, inverse, seen)
        while frontier.rows:
            self.context.cancellation.check()
            parts.append(frontier)
            frontier = self._hop(frontier, inner, inverse, seen)
        found = collect(parts)
        return Pairs(found.column("start"), found.column("end"))

    def _hop(self, frontier: Solutions, inner: PropertyPath, inverse: bool, seen: SeenRows) -> Solutions:
        """The pairs that one more step reaches for the first time."""
        edges = self.forward(inner, np.unique(frontier.columns["end"]), inverse=inverse)
        fresh: list[Solutions] = []
        for rows, found in EqualRows([edges.starts]).pairs([frontier.columns["end"]]):
            self.context.cancellation.check()
            reached = Solutions({"start": frontier.columns["start"][rows], "end": edges.ends[found]}, len(rows))
            fresh.append(seen.add(reached))
        return collect(fresh)

    # --- from anywhere ----------------------------------------------------------------------------------------------

    def everywhere(self, path_: PropertyPath) -> Pairs:
        """All pairs of the graph."""
        match path_:
            case PredicatePath() | NegatedPropertySet():
                return self._all_edges(path_, inverse=False)[0]
            case InversePath(inner):
                return self.everywhere(inner).reversed()
            case SequencePath(left, right):
                return self._then(self.everywhere(left), right, inverse=False)
            case AlternativePath(left, right):
                return _concatenate([self.everywhere(left), self.everywhere(right)])
            case OneOrMorePath(inner):
                return self._closure(inner, np.unique(self.everywhere(inner).starts), False, zero=False)
            case _:
                return self.forward(path_, self.nodes())
