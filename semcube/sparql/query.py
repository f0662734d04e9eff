# SPDX-License-Identifier: Apache-2.0
"""Asks a dataset a query: text in, :class:`Answer` out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from semcube.config import Settings
from semcube.engines.base import Cancellation
from semcube.engines.reservations import stay_within
from semcube.errors import UsageError
from semcube.io.terms import IRI, Term
from semcube.sparql.algebra import Algebra, Ask, Construct, Describe, Query, Select, Variable
from semcube.sparql.context import Context, PushDown, Regime
from semcube.sparql.dataset import ActiveGraph, Dataset, SpatialDataset

if TYPE_CHECKING:
    from typing import Unpack

    import numpy as np
    import pyarrow as pa

    from semcube.sparql.evaluate.solutions import Solutions
    from semcube.sparql.explain import Trace

__all__ = ["Answer", "QueryOptions", "active_graph", "execute", "new_context"]

_DECODED_ROWS = 1 << 17
_DECODED_BYTES = 1 << 25
_DECODED_SECONDS = 0.1
"""Rows whose terms are decoded together, since many share what has to be read for them; and how long they may wait."""


class QueryOptions(TypedDict, total=False):
    """Keyword arguments of :func:`execute`; all may be left out.

    ``settings``: how much of the machine to use. ``timeout``: seconds until a ``QueryTimeoutError``, None for no
    deadline; ``cancellation``: a deadline and switch of the caller's instead. ``push_down``: see
    :data:`semcube.sparql.context.PushDown`. ``rewrite``: topological properties hold where the relation of the
    geometries does (GeoSPARQL query rewriting). ``entailment``: ``"rdfs"`` matches entailed triples too. ``params``:
    values for variables of the query: terms, or Python values that have one
    (:func:`semcube.sparql.parameters.term_of`). ``service``: endpoint URL -> dataset, for ``SERVICE``, which is refused
    without it. ``active``: the RDF dataset of a protocol request, which takes precedence over ``FROM``. ``base``: what
    relative IRIs are resolved against. ``trace``: collects what happens.
    """

    settings: Settings | None
    timeout: float | None
    cancellation: Cancellation | None
    push_down: PushDown
    rewrite: bool
    entailment: Regime | None
    params: Mapping[str, Any] | None
    service: Callable[[str], Dataset] | None
    active: ActiveGraph | None
    base: str | None
    trace: Trace | None


@dataclass(frozen=True)
class Answer:
    """The answer of a query; rows are computed as they are read, and again if they are read again.

    ``kind`` says which of the readers applies: :meth:`batches` and :meth:`terms` for ``"bindings"``, :attr:`boolean`
    for ``"boolean"``, :meth:`quads` for ``"graph"``. ``plan`` is what runs.
    """

    kind: Literal["bindings", "boolean", "graph"]
    variables: tuple[str, ...]
    query: Query
    context: Context
    plan: Algebra
    boolean: bool | None = None

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Solutions as ids: one int64 column per variable, null where unbound (one column ``_`` without variables).

        Raises:
            UsageError: The query is not a SELECT.
            LimitError: The deadline passed or the query was cancelled.
        """
        for batch in self._solutions("bindings"):
            yield batch.to_batch(self.variables)

    def terms(self) -> Iterator[list[pa.RecordBatch]]:
        """Solutions as terms: for each batch one ``TERMS`` batch per variable, in their order.

        A query that selects no variable gives an empty list for each solution.
        """
        if not self.variables:
            for batch in self._solutions("bindings"):
                yield from ([] for _ in range(batch.rows))
            return
        held: list[Solutions] = []
        rows, enough, since = 0, 0, monotonic()
        for batch in (part for whole in self._solutions("bindings") for part in whole.pieces()):
            held.append(batch)
            rows += batch.rows
            if rows < enough and monotonic() - since < _DECODED_SECONDS:
                continue
            decoded = self._decoded(held)
            size = sum(column.nbytes for column in decoded) // max(rows, 1)
            yield decoded
            stay_within(self.context.settings.memory_mb)
            held, rows, enough, since = [], 0, min(_DECODED_ROWS, _DECODED_BYTES // max(size, 1)), monotonic()
        if held:
            yield self._decoded(held)

    def _decoded(self, batches: list[Solutions]) -> list[pa.RecordBatch]:
        from semcube.sparql.evaluate.solutions import collect

        whole = collect(batches)
        return [self.context.terms.decode(whole.column(name)) for name in self.variables]

    def quads(self) -> Iterator[pa.RecordBatch]:
        """The triples of CONSTRUCT or DESCRIBE as ``QUADS`` key batches, each triple once.

        Raises:
            UsageError: The query is neither.
        """
        from semcube.sparql.evaluate.templates import Template, describe

        solutions = self._solutions("graph")
        form = self.query.form
        if isinstance(form, Construct):
            yield from Template(form.template, self.context).quads(solutions)
        elif isinstance(form, Describe):
            yield from describe(self._resources(form, solutions), self.context)

    def rows(self) -> Iterator[tuple[Term | None, ...]]:
        """Solutions as tuples of Python terms, None where unbound; for small answers."""
        for batch in self._solutions("bindings"):
            columns = [self.context.terms.terms(batch.column(name)) for name in self.variables]
            yield from zip(*columns, strict=True) if columns else ((),) * batch.rows

    def _solutions(self, kind: str) -> Iterator[Solutions]:
        from semcube.sparql.evaluate.run import run

        if self.kind != kind:
            raise UsageError(f"the answer is of kind {self.kind!r}", expected=f"one of kind {kind!r}")
        return run(self.plan, self.context)

    def _resources(self, form: Describe, solutions: Iterator[Solutions]) -> Iterator[np.ndarray]:
        """The ids to describe."""
        yield self.context.terms.intern_terms([t for t in form.targets if isinstance(t, IRI)])
        names = [t.name for t in form.targets if isinstance(t, Variable)]
        if names:
            for batch in solutions:
                yield from (batch.column(name) for name in names)


def active_graph(query: Query) -> ActiveGraph:
    """The RDF dataset that ``FROM`` and ``FROM NAMED`` describe; the source's own without them.

    Example:
        >>> from semcube.sparql.algebra import Unit
        >>> active_graph(Query(Ask(Unit())))
        ActiveGraph(default=(None,), named=None)
    """
    if query.dataset is None:
        return ActiveGraph()
    return ActiveGraph(tuple(dict.fromkeys(query.dataset.default)), tuple(dict.fromkeys(query.dataset.named)))


def new_context(dataset: Dataset, **options: Unpack[QueryOptions]) -> Context:
    """The context of one evaluation over a dataset.

    Args:
        dataset: What is asked.
        options: As for :func:`execute` (``params`` is not used).
    """
    from semcube.sparql.terms import QueryTerms

    geometries = dataset.geometries if isinstance(dataset, SpatialDataset) else None
    return Context(
        dataset=dataset,
        terms=QueryTerms(dataset.dictionary, geometries=geometries),
        active=options.get("active") or ActiveGraph(),
        settings=options.get("settings") or Settings.from_environment(),
        cancellation=options.get("cancellation") or Cancellation(options.get("timeout")),
        push_down=options.get("push_down", "auto"),
        rewrite=options.get("rewrite", False),
        entailment=options.get("entailment"),
        base=options.get("base"),
        service=options.get("service"),
        trace=options.get("trace"),
    )


def execute(query: str | Query, dataset: Dataset, **options: Unpack[QueryOptions]) -> Answer:
    """Answers a query.

    Args:
        query: SPARQL 1.1 text, or a parsed query.
        dataset: What to ask.
        options: See :class:`QueryOptions`.

    Raises:
        QueryError: The query is wrong.
        LimitError: The deadline passed or the query was cancelled (also while the answer is read).

    Example:
        >>> from semcube.sparql.memory import MemoryDataset
        >>> data = MemoryDataset.parse('<http://a> <http://p> "x" .')
        >>> execute("ASK { ?s ?p 'x' }", data).boolean
        True
        >>> list(execute("SELECT ?o { ?s <http://p> ?o }", data).rows())
        [(Literal(lexical='x', datatype='http://www.w3.org/2001/XMLSchema#string', language=None),)]
    """
    from semcube.sparql.parameters import bind_parameters
    from semcube.sparql.plan import plan

    parsed = _parsed(query, options)
    options["active"] = options.get("active") or active_graph(parsed)
    context = new_context(dataset, **options)
    context = replace(context, base=parsed.base or context.base)
    pattern = bind_parameters(parsed.form.pattern, options.get("params") or {}, context)
    planned = plan(pattern, context)
    match parsed.form:
        case Select(_, variables):
            names = tuple(v.name for v in variables)
            return Answer("bindings", names, parsed, context, planned)
        case Ask():
            return _ask(parsed, context, planned)
        case _:
            return Answer("graph", (), parsed, context, planned)


def _parsed(query: str | Query, options: QueryOptions) -> Query:
    from semcube.sparql.explain import Trace, outline
    from semcube.sparql.parser import parse_query

    trace = options.get("trace") or Trace()
    with trace.stage("parsed"):
        parsed = parse_query(query, options.get("base")) if isinstance(query, str) else query
    if options.get("trace") is not None:
        trace.stages["parsed"] = outline(parsed.form.pattern)
    return parsed


def _ask(query: Query, context: Context, planned: Algebra) -> Answer:
    from semcube.sparql.evaluate.run import run

    found = any(batch.rows for batch in run(planned, context))
    return Answer("boolean", (), query, context, planned, found)
