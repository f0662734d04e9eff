# SPDX-License-Identifier: Apache-2.0
"""Runs one node: offers it to the dataset, else runs its reference operator; keeps time, deadline and trace."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

from semcube.errors import UnsupportedError
from semcube.sparql.algebra import Algebra
from semcube.sparql.context import Context
from semcube.sparql.dataset import Relation
from semcube.sparql.evaluate.solutions import Solutions, collect, collect_within
from semcube.sparql.explain import Trace

__all__ = ["Head", "operator", "run", "solve", "take_head"]

Operator = Callable[[Any, Context], Iterator[Solutions]]
Function = TypeVar("Function", bound=Operator)

OPERATORS: dict[type, Operator] = {}
"""The reference operator of each kind of node; :func:`_load` fills it."""

_MODULES = (
    "evaluate.binary", "evaluate.grouping", "evaluate.modifiers", "evaluate.patterns", "evaluate.service",
    "paths", "spatial", "spatial_join",
)  # fmt: skip


def operator(kind: type) -> Callable[[Function], Function]:
    """Registers the reference operator of a kind of node."""

    def register(function: Function) -> Function:
        OPERATORS[kind] = function
        return function

    return register


@cache
def _load() -> dict[type, Operator]:
    """All operators; their modules are imported on first use, since they import this one."""
    for name in _MODULES:
        import_module(f"semcube.sparql.{name}")
    return OPERATORS


def run(node: Algebra, context: Context) -> Iterator[Solutions]:
    """The solutions of a node, batch by batch; nothing happens before the first batch is asked for."""
    context.cancellation.check()
    if context.trace is not None:
        yield from _traced(node, context)
        return
    relation = pushed(node, context)
    for batch in _batches(node, context, relation):
        context.cancellation.check()
        if batch.rows:
            yield batch


def solve(node: Algebra, context: Context) -> Solutions:
    """All solutions of a node at once.

    Raises:
        QueryMemoryError: They are more than there is room for.
    """
    return collect_within(run(node, context), context.reserve("one side of a join", times=3))


def pushed(node: Algebra, context: Context) -> Relation | None:
    """The node as taken over by the dataset, None where it declined or was not asked."""
    return None if context.push_down == "off" else context.dataset.push(node, context)


def _batches(node: Algebra, context: Context, relation: Relation | None) -> Iterator[Solutions]:
    if relation is not None:
        return (Solutions.from_batch(batch) for batch in relation.batches())
    implementation = _load().get(type(node))
    if implementation is None:
        raise UnsupportedError(
            f"the plan has a node {type(node).__name__} that has no operator",
            expected=", ".join(sorted(kind.__name__ for kind in OPERATORS)),
        )
    return implementation(node, context)


def _traced(node: Algebra, context: Context) -> Iterator[Solutions]:
    """As :func:`run`, keeping rows and time in the trace."""
    assert context.trace is not None
    trace = context.trace.enter(node)
    report = trace.node
    context = replace(context, trace=trace)
    relation = pushed(node, context)
    if relation is not None:
        report.how, report.native = "pushed", relation.explain()
        estimate = relation.estimate()
        report.estimated = None if estimate is None else estimate.rows
    else:
        from semcube.sparql.evaluate.estimates import estimate as expected

        report.estimated = expected(node, replace(context, trace=Trace()))
    start = time.perf_counter()
    batches = _batches(node, context, relation)
    while True:
        context.cancellation.check()
        batch = next(batches, None)
        report.milliseconds += (time.perf_counter() - start) * 1000
        if batch is None:
            return
        report.rows += batch.rows
        if batch.rows:
            yield batch
        start = time.perf_counter()


class Head:
    """The first solutions of a stream, and whether they were all."""

    def __init__(self, solutions: Solutions, rest: Iterator[Solutions] | None) -> None:
        self.solutions = solutions
        self._rest = rest

    @property
    def complete(self) -> bool:
        """Whether the stream ended within the head."""
        return self._rest is None

    def batches(self) -> Iterator[Solutions]:
        """The whole stream."""
        if self.solutions.rows:
            yield from self.solutions.pieces()
        if self._rest is not None:
            yield from self._rest


def take_head(batches: Iterator[Solutions], rows: int) -> Head:
    """Reads a stream until it ends or more than ``rows`` solutions were read."""
    held: list[Solutions] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += batch.rows
        if count > rows:
            return Head(collect(held), batches)
    return Head(collect(held), None)
