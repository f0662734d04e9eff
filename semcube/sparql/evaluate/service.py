# SPDX-License-Identifier: Apache-2.0
"""``SERVICE`` (SPARQL 1.1 Federated Query): the pattern is asked of another dataset."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.engines import ids
from semcube.errors import QueryError, RemoteError, UnsupportedError, UsageError
from semcube.io.terms import IRI
from semcube.sparql.algebra import Algebra, Service
from semcube.sparql.context import Context
from semcube.sparql.dataset import ActiveGraph
from semcube.sparql.evaluate.run import operator, run
from semcube.sparql.evaluate.solutions import Solutions, collect_within
from semcube.sparql.plan import IdTable, id_table
from semcube.sparql.scope import children, with_children
from semcube.sparql.terms import QueryTerms

__all__: list[str] = []


@operator(Service)
def service(node: Service, context: Context) -> Iterator[Solutions]:
    """The solutions of the pattern at an endpoint; with SILENT an endpoint that fails gives one empty solution.

    Raises:
        RemoteError: The endpoint failed.
        QueryError: The endpoint is a variable that nothing binds.
        UnsupportedError: ``SERVICE`` is not allowed here.
    """
    if not isinstance(node.name, IRI):
        raise QueryError(
            f"SERVICE ?{node.name.name} has no endpoint to ask",
            expected="an IRI, or a variable that the pattern before it binds",
            fix="bind the variable before SERVICE, with VALUES or BIND",
        )
    if not node.silent:
        yield from _asked(node, node.name, context)
        return
    try:
        found = collect_within(_asked(node, node.name, context), context.reserve("a SERVICE", times=2))
    except RemoteError as error:
        if context.trace is not None:
            context.trace.count("silent SERVICE failures")
            context.trace.note(str(error))
        found = Solutions.unit()
    yield from found.pieces()


def _asked(node: Service, endpoint: IRI, context: Context) -> Iterator[Solutions]:
    """The solutions at the endpoint; what it can do itself it always does."""
    if context.service is None:
        raise UnsupportedError(
            f"SERVICE <{endpoint.value}> is not allowed here",
            fix="allow it by giving the query a way to reach endpoints (service=...)",
        )
    try:
        dataset = context.service(endpoint.value)
    except UsageError as error:
        raise RemoteError(error.found, endpoint=endpoint.value, expected=error.expected, fix=error.fix) from error
    there = replace(context, dataset=dataset, active=ActiveGraph(), push_down="forced")
    if dataset.dictionary is None:
        yield from run(node.pattern, there)
        return
    border = _Border(context.terms, QueryTerms(dataset.dictionary))
    for batch in run(border.inwards(node.pattern), replace(there, terms=border.inner)):
        yield border.outwards(batch)


class _Border:
    """Between the ids of a query and those of a dataset with a dictionary of its own."""

    def __init__(self, outer: QueryTerms, inner: QueryTerms) -> None:
        self.outer, self.inner = outer, inner
        self._blank = f"_:s{secrets.token_hex(6)}x"

    def inwards(self, node: Algebra) -> Algebra:
        """The pattern with the ids of its tables translated."""
        if isinstance(node, IdTable):
            columns = zip(node.variables, node.columns, strict=True)
            return id_table({v.name: self.inner.intern(self.outer.keys(c)) for v, c in columns}, node.rows)
        return with_children(node, tuple(self.inwards(child) for child in children(node)))

    def outwards(self, batch: Solutions) -> Solutions:
        """Solutions with their ids translated; blank nodes stay apart from those of any other source."""
        return Solutions({name: self._column(column) for name, column in batch.columns.items()}, batch.rows)

    def _column(self, column: np.ndarray) -> np.ndarray:
        values, inverse = np.unique(column, return_inverse=True)
        keys = self.inner.keys(values)
        blank = values >> ids.SHIFT == int(ids.Tag.BLANK)
        if blank.any():
            keys = pc.if_else(pa.array(blank), pc.replace_substring_regex(keys, "^_:", self._blank), keys)
        translated: np.ndarray = self.outer.intern(keys)[inverse]
        return translated
