# SPDX-License-Identifier: Apache-2.0
"""Reads and changes whole graphs of a dataset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from semcube.errors import UsageError
from semcube.io.terms import IRI, QUADS, key
from semcube.server.answers import rdf_chunks
from semcube.sparql.dataset import ActiveGraph

if TYPE_CHECKING:
    import pyarrow as pa

    from semcube.engines.base import Cancellation
    from semcube.server.payload import Part
    from semcube.server.serving import Serving
    from semcube.sparql.dataset import Dataset

__all__ = ["exists", "read_graph", "read_quads", "remove_graph", "write_graph"]

_TRIPLES = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"
_QUADS = "SELECT ?s ?p ?o ?g WHERE { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }"


def exists(state: Serving, graph: IRI) -> bool:
    """Whether a named graph holds triples or was created."""
    with state.snapshot() as dataset:
        return _number(dataset, graph) is not None


def _number(dataset: Dataset, graph: IRI) -> int | None:
    """The id of a named graph that exists."""
    from semcube.sparql.query import new_context

    context = new_context(dataset)
    number = int(context.terms.intern_terms([graph])[0])
    return number if number in dataset.graphs(context) else None


def read_graph(state: Serving, graph: IRI | None, syntax: str, cancellation: Cancellation) -> Iterator[bytes]:
    """The triples of a graph (None: the default graph) as a document."""
    from semcube.sparql.query import execute

    with state.snapshot() as dataset:
        active = ActiveGraph((graph,), ())
        answer = execute(
            _TRIPLES, dataset, active=active, cancellation=cancellation, settings=state.settings.core
        )  # fmt: skip
        yield from rdf_chunks(answer.quads(), syntax)


def read_quads(state: Serving, syntax: str, cancellation: Cancellation) -> Iterator[bytes]:
    """All quads as a document."""
    from semcube.store import Store
    from semcube.store.dump import quads_of

    if isinstance(state.dataset, Store):
        with state.dataset.snapshot() as snapshot:
            yield from rdf_chunks(quads_of(snapshot), syntax)
    else:
        yield from rdf_chunks(_all_quads(state, cancellation), syntax)


def _all_quads(state: Serving, cancellation: Cancellation) -> Iterator[pa.RecordBatch]:
    """The quads of any dataset, by a query."""
    import pyarrow as pa

    from semcube.engines.keys import join
    from semcube.sparql.query import execute

    with state.snapshot() as dataset:
        answer = execute(_QUADS, dataset, cancellation=cancellation, settings=state.settings.core)
        for batch in answer.terms():
            yield pa.record_batch([join(terms) for terms in batch], schema=QUADS)


def remove_graph(state: Serving, graph: IRI | None) -> bool:
    """Remove a graph with its triples; False if there is none. The default graph is always there and is emptied."""
    store = state.store
    with store.transaction() as transaction:
        if graph is None:
            transaction.clear([0])
            return True
        with store.snapshot() as snapshot:
            number = _number(snapshot, graph)
        if number is None:
            return False
        transaction.drop_graphs([number])
    return True


def write_graph(
    state: Serving, graph: IRI | None, parts: Sequence[Part], base: str, replace: bool, cancellation: Cancellation
) -> bool:
    """Add documents to a graph, or replace it by them, in one transaction.

    Returns:
        Whether the graph is new. The default graph never is.

    Raises:
        RDFSyntaxError: A document does not parse; nothing has changed then.
    """
    import pyarrow as pa

    store = state.store
    with store.transaction() as transaction:
        number = None
        if graph is not None:
            with store.snapshot() as snapshot:
                number = _number(snapshot, graph)
        if replace and (graph is None or number is not None):
            transaction.clear([number or 0])
        for part in parts:
            for _ in transaction.stage(_triples(part, graph, base)):
                cancellation.check()
        transaction.insert_staged()
        if graph is not None and (number is None or replace) and not transaction.report.read:
            transaction.create_graph(int(transaction.encode(pa.array([key(graph)], pa.large_string()))[0]))
    return graph is not None and number is None


def _triples(part: Part, graph: IRI | None, base: str) -> Iterator[pa.RecordBatch]:
    """The triples of a document, all in one graph."""
    from semcube.io import read_rdf

    name = None if graph is None else key(graph)
    for batch in read_rdf(part.stream, format=part.format, base=base, graph=graph):
        names = set(batch.column("g").unique().to_pylist())
        if names - {name}:
            raise UsageError("a document with named graphs for one graph", expected="triples without a graph")
        yield batch
