# SPDX-License-Identifier: Apache-2.0
"""The leaves: basic graph patterns by bind joins, inline data, and GRAPH."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from semcube.engines import ids
from semcube.io.terms import IRI, Term
from semcube.sparql.algebra import BGP, Graph, TermPattern, Unit, Values, Variable
from semcube.sparql.context import Context
from semcube.sparql.dataset import ActiveGraph, QuadPattern
from semcube.sparql.evaluate.estimates import match_order
from semcube.sparql.evaluate.joins import CompatibleRows, merge
from semcube.sparql.evaluate.run import operator, run
from semcube.sparql.evaluate.solutions import Solutions, collect, collect_within, rebatch
from semcube.sparql.evaluate.tables import group_rows
from semcube.sparql.plan import IdTable

__all__ = ["extend_bgp", "graph_context", "graph_ids", "match", "table_solutions"]

LOOKUPS = 64
"""So many distinct bindings, at most, are looked up one by one instead of matching the whole pattern."""

SMALL_PATTERN = 2000.0
"""A pattern that matches fewer rows is matched as a whole."""


@operator(Unit)
def unit(_: Unit, __: Context) -> Iterator[Solutions]:
    """The empty group pattern."""
    yield Solutions.unit()


@operator(IdTable)
def known(node: IdTable, _: Context) -> Iterator[Solutions]:
    """Solutions that are known already."""
    yield from table_solutions(node).pieces()


def table_solutions(node: IdTable) -> Solutions:
    """The solutions of an :class:`IdTable`."""
    return Solutions({v.name: c for v, c in zip(node.variables, node.columns, strict=True)}, node.rows)


@operator(Values)
def values(node: Values, context: Context) -> Iterator[Solutions]:
    """Inline data."""
    columns = {
        variable.name: context.terms.intern_terms([row[place] for row in node.rows])
        for place, variable in enumerate(node.variables)
    }
    yield from Solutions(columns, len(node.rows)).pieces()


# --- basic graph patterns ---------------------------------------------------------------------------------------------


@operator(BGP)
def bgp(node: BGP, context: Context) -> Iterator[Solutions]:
    """A basic graph pattern."""
    return extend_bgp(Solutions.unit(), node, context)


def extend_bgp(start: Solutions, node: BGP, context: Context) -> Iterator[Solutions]:
    """The join of known solutions with a basic graph pattern, pattern by pattern."""
    if not node.triples:
        yield from _extend_empty(start, node.graph, context)
        return
    stream = start.pieces()
    for pattern in match_order(node, frozenset(start.columns), context):
        stream = _Extension(pattern, context).extend(stream)
    yield from stream


def _extend_empty(start: Solutions, graph: Variable | IRI | None, context: Context) -> Iterator[Solutions]:
    """The empty pattern in a graph: one solution for each graph that is there."""
    if graph is None:
        yield start
        return
    there = graph_ids(context)
    if isinstance(graph, Variable):
        found = Solutions({graph.name: there}, len(there))
    else:
        found = Solutions({}, int(context.terms.intern_terms([graph])[0] in there))
    build = CompatibleRows(found, list(found.columns))
    for left, right in build.pairs(start):
        yield merge(start, found, left, right)


class _Extension:
    """Joins a stream with the matches of one quad pattern: look-ups while few, else all matches hashed once."""

    def __init__(self, pattern: QuadPattern, context: Context) -> None:
        self.pattern = pattern
        self.names = [v.name for v in pattern.variables]
        self.context = context
        self._all: CompatibleRows | None = None
        self._looked_up = 0

    def extend(self, stream: Iterator[Solutions]) -> Iterator[Solutions]:
        """The joined stream."""
        for batch in rebatch(stream):
            self.context.cancellation.check()
            if batch.rows == 1 and not any(name in batch.columns for name in self.names):
                for found in match(self.pattern, self.context):
                    repeated = {name: np.repeat(column, found.rows) for name, column in batch.columns.items()}
                    yield found.with_columns(repeated)
                continue
            build = self._build(batch)
            for left, right in build.pairs(batch):
                self.context.cancellation.check()
                yield merge(batch, build.build, left, right)

    def _build(self, batch: Solutions) -> CompatibleRows:
        if self._all is not None:
            return self._all
        shared = [name for name in self.names if name in batch.columns]
        if shared and all(bool((batch.columns[name] != 0).all()) for name in shared):
            first, _ = group_rows([batch.columns[name] for name in shared], batch.rows)
            if self._prefers_look_ups(len(first)):
                self._looked_up += len(first)
                return CompatibleRows(self._look_up(batch.select(shared).take(first)), shared)
        held = self.context.reserve("a triple pattern", times=3)
        self._all = CompatibleRows(collect_within(match(self.pattern, self.context), held), self.names)
        return self._all

    def _prefers_look_ups(self, bindings: int) -> bool:
        if self._looked_up + bindings > LOOKUPS:
            return False
        estimate = self.context.dataset.estimate(self.pattern, self.context)
        return estimate is None or estimate.rows > SMALL_PATTERN

    def _look_up(self, bindings: Solutions) -> Solutions:
        """The matches of the pattern under each of the bindings."""
        found: list[Solutions] = []
        for row in range(bindings.rows):
            self.context.cancellation.check()
            numbers = {name: int(column[row]) for name, column in bindings.columns.items()}
            bound = substitute(self.pattern, numbers, self.context)
            if bound is None:
                continue
            for part in match(bound, self.context):
                constant = {name: np.full(part.rows, number, np.int64) for name, number in numbers.items()}
                found.append(part.with_columns(constant))
        return collect(found)


def match(pattern: QuadPattern, context: Context) -> Iterator[Solutions]:
    """The matches of a quad pattern in the dataset."""
    for batch in context.dataset.match(pattern, context):
        context.cancellation.check()
        yield Solutions.from_batch(batch)


def substitute(pattern: QuadPattern, numbers: dict[str, int], context: Context) -> QuadPattern | None:
    """A pattern with variables replaced by the terms of ids; None where no quad can match it."""
    places: dict[str, TermPattern | None] = {}
    for place in ("graph", "subject", "predicate", "object"):
        wanted = getattr(pattern, place)
        if isinstance(wanted, Variable) and wanted.name in numbers:
            number = numbers[wanted.name]
            tag = ids.tag(number)
            if (place == "predicate" and tag != ids.Tag.IRI) or (place != "object" and tag > ids.Tag.IRI):
                return None
            places[place] = context.terms.term(number)
    return replace(pattern, **places)  # type: ignore[arg-type]


# --- named graphs -----------------------------------------------------------------------------------------------------


def graph_ids(context: Context) -> np.ndarray:
    """The ids of the named graphs that the query sees."""
    if context.active.named is not None:
        return np.unique(context.terms.intern_terms(list(context.active.named)))
    return context.dataset.graphs(context)


def graph_context(graph: Term, context: Context) -> Context:
    """The context inside ``GRAPH``: the graph becomes the default graph."""
    return context.with_active(ActiveGraph((graph,), context.active.named))  # type: ignore[arg-type]


@operator(Graph)
def graph(node: Graph, context: Context) -> Iterator[Solutions]:
    """``GRAPH``: the pattern in one named graph, or in each."""
    there = graph_ids(context)
    if not isinstance(node.name, Variable):
        if int(context.terms.intern_terms([node.name])[0]) in there:
            yield from run(node.pattern, graph_context(node.name, context))
        return
    name = node.name.name
    for number in there.tolist():
        inside = graph_context(context.terms.term(number), context)
        for batch in run(node.pattern, inside):
            column = batch.column(name)
            batch = batch.with_columns({name: np.full(batch.rows, number, np.int64)})  # noqa: PLW2901
            yield batch.where((column == 0) | (column == number))
