# SPDX-License-Identifier: Apache-2.0
"""``SERVICE`` (SPARQL 1.1 Federated Query): the pattern is asked of another dataset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from semcube.errors import QueryError, RemoteError, UnsupportedError
from semcube.io.terms import IRI
from semcube.sparql.algebra import Service
from semcube.sparql.context import Context
from semcube.sparql.dataset import ActiveGraph
from semcube.sparql.evaluate.run import operator, run, solve
from semcube.sparql.evaluate.solutions import Solutions

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
        yield from run(node.pattern, _remote_context(node.name, context))
        return
    try:
        found = solve(node.pattern, _remote_context(node.name, context))
    except RemoteError as error:
        if context.trace is not None:
            context.trace.count("silent SERVICE failures")
            context.trace.note(str(error))
        found = Solutions.unit()
    yield from found.pieces()


def _remote_context(endpoint: IRI, context: Context) -> Context:
    """The same evaluation asked of an endpoint; what it can do itself it always does."""
    if context.service is None:
        raise UnsupportedError(
            f"SERVICE <{endpoint.value}> is not allowed here",
            fix="allow it by giving the query a way to reach endpoints (service=...)",
        )
    dataset = context.service(endpoint.value)
    return replace(context, dataset=dataset, active=ActiveGraph(), push_down="forced")
