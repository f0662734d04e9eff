# SPDX-License-Identifier: Apache-2.0
"""SPARQL 1.1 Update over anything that can be written to.

A request is a sequence of operations; each sees what those before it did. Whoever calls :func:`update` makes it one
transaction: if an operation fails, the error passes through and nothing of the request may stay.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Protocol, TypedDict
from urllib.parse import unquote, urlsplit

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from semcube.config import Settings
from semcube.engines import ids
from semcube.engines.base import Cancellation
from semcube.errors import QueryError, SemcubeError, SourceError, UnsupportedError, UsageError
from semcube.io.terms import IRI, BlankNode, key
from semcube.sparql.algebra import (
    Add,
    Clear,
    Copy,
    Create,
    DeleteData,
    Drop,
    GraphTarget,
    InsertData,
    Load,
    Modify,
    Move,
    QuadTemplate,
    Update,
    UpdateOperation,
    Variable,
)
from semcube.sparql.dataset import ActiveGraph, QuadPattern

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from semcube.sparql.context import Context, PushDown
    from semcube.sparql.dataset import Dataset
    from semcube.sparql.evaluate.solutions import Solutions
    from semcube.sparql.terms import QueryTerms

__all__ = ["UpdateOptions", "UpdateReport", "Writable", "update"]

Ids = npt.NDArray[np.int64]
_PLACES = ("subject", "predicate", "object", "graph")


class Writable(Protocol):
    """What an update needs. Graph 0 is the default graph; ids are those of :meth:`dataset`'s dictionary."""

    def dataset(self) -> Dataset:
        """The present state, all earlier operations included."""
        ...

    def encode(self, keys: pa.Array) -> Ids:
        """The ids of keys, which become terms if they are not (null: 0)."""
        ...

    def insert(self, s: Ids, p: Ids, o: Ids, g: Ids) -> int:
        """Add quads; returns how many were not there."""
        ...

    def delete(self, s: Ids, p: Ids, o: Ids, g: Ids) -> int:
        """Remove quads; returns how many were there."""
        ...

    def clear(self, graphs: Iterable[int]) -> int:
        """Remove all quads of graphs, which stay; returns how many there were."""
        ...

    def drop(self, graphs: Iterable[int]) -> int:
        """Remove named graphs with all their quads; returns how many there were."""
        ...

    def create(self, graph: int) -> None:
        """Make a named graph that holds nothing."""
        ...


class UpdateOptions(TypedDict, total=False):
    """Keyword arguments of :func:`update`; all may be left out."""

    settings: Settings
    timeout: float | None
    cancellation: Cancellation | None
    push_down: PushDown
    base: str | None
    active: ActiveGraph | None
    """The RDF dataset of the protocol (``using-graph-uri``) for operations without ``USING`` and ``WITH``."""
    service: Callable[[str], Dataset] | None
    allow_load: bool | Callable[[str], bool]
    """Whether ``LOAD`` may read a URL (``file:``, ``http:``, ``https:``); refused by default."""


@dataclass
class UpdateReport:
    """What a request did."""

    inserted: int = 0
    deleted: int = 0
    operations: int = 0
    ignored: list[str] = field(default_factory=list)
    """Errors of ``SILENT`` operations."""


def update(request: str | Update, target: Writable, **options: Unpack[UpdateOptions]) -> UpdateReport:
    """Run an update request.

    Args:
        request: SPARQL 1.1 Update text, or a parsed request.
        target: What is changed; the caller begins and ends its transaction.
        options: See :class:`UpdateOptions`.

    Raises:
        QueryError: The request is wrong, or an operation without ``SILENT`` failed.
        LimitError: The deadline passed or the update was cancelled.
    """
    from semcube.sparql.parser import parse_update

    parsed = parse_update(request, options.get("base")) if isinstance(request, str) else request
    run = _Run(target, parsed, options)
    for operation in parsed.operations:
        run.operation(operation)
    return run.report


class _Run:
    """One request on its way."""

    def __init__(self, target: Writable, request: Update, options: UpdateOptions) -> None:
        self.target = target
        self.request = request
        self.options = options
        self.report = UpdateReport()
        self.cancellation = options.get("cancellation") or Cancellation(options.get("timeout"))

    def operation(self, operation: UpdateOperation) -> None:
        self.cancellation.check()
        match operation:
            case InsertData(quads):
                self.report.inserted += self._insert(self._instances(quads, None, None))
            case DeleteData(quads):
                self.report.deleted += self._delete(self._instances(quads, None, None, grow=False))
            case Modify():
                self._modify(operation)
            case Load():
                with self._silently(operation.silent):
                    self._load(operation)
            case Create(graph, silent):
                with self._silently(silent):
                    self._create(graph)
            case Clear(target, silent):
                with self._silently(silent):
                    self.report.deleted += self.target.clear(self._graphs(target))
            case Drop(target, silent):
                with self._silently(silent):
                    self._drop(target)
            case Copy() | Move() | Add():
                with self._silently(operation.silent):
                    self._transfer(operation)
        self.report.operations += 1

    @contextmanager
    def _silently(self, silent: bool) -> Iterator[None]:
        """``SILENT``: an operation that fails changes nothing and does not fail the request."""
        from semcube.errors import LimitError

        try:
            yield
        except LimitError:
            raise
        except SemcubeError as error:
            if not silent:
                raise
            self.report.ignored.append(str(error))

    # --- quads ------------------------------------------------------------------------------------------------------

    def _insert(self, parts: Iterable[tuple[Ids, Ids, Ids, Ids]]) -> int:
        return self._once(self.target.insert, parts)

    def _delete(self, parts: Iterable[tuple[Ids, Ids, Ids, Ids]]) -> int:
        return self._once(self.target.delete, parts)

    def _once(self, change: Callable[[Ids, Ids, Ids, Ids], int], parts: Iterable[tuple[Ids, Ids, Ids, Ids]]) -> int:
        listed = [part for part in parts if len(part[0])]
        if not listed:
            return 0
        return change(*(np.concatenate([part[i] for part in listed]) for i in range(4)))

    def _instances(
        self,
        templates: tuple[QuadTemplate, ...],
        batch: Solutions | None,
        terms: QueryTerms | None,
        *,
        grow: bool = True,
    ) -> Iterator[tuple[Ids, Ids, Ids, Ids]]:
        """The quads of templates for the solutions of a batch (one that binds nothing if there is none)."""
        rows = 1 if batch is None else batch.rows
        blank: dict[str, Ids] = {}
        known = self._constants(templates, grow=grow)
        for template in templates:
            columns = []
            for place in _PLACES:
                item = getattr(template, place)
                if item is None:
                    columns.append(np.zeros(rows, np.int64))
                elif isinstance(item, Variable):
                    assert batch is not None
                    assert terms is not None
                    columns.append(self._stored(batch.column(item.name), terms, grow=grow))
                elif isinstance(item, BlankNode):
                    if item.label not in blank:
                        blank[item.label] = self._fresh(rows)
                    columns.append(blank[item.label])
                else:
                    columns.append(np.full(rows, known[key(item)], np.int64))
            s, p, o, g = columns
            keep = _valid(s, p, o) if template.graph is None else _valid(s, p, o) & (g >> ids.SHIFT == int(ids.Tag.IRI))
            yield s[keep], p[keep], o[keep], g[keep]

    def _constants(self, templates: tuple[QuadTemplate, ...], *, grow: bool) -> dict[str, int]:
        """The ids of the terms that templates name, all looked up together."""
        items = (getattr(template, place) for template in templates for place in _PLACES)
        texts = list(dict.fromkeys(key(i) for i in items if i is not None and not isinstance(i, Variable | BlankNode)))
        return dict(zip(texts, self._ids(pa.array(texts, pa.large_string()), grow=grow).tolist(), strict=True))

    def _ids(self, keys: pa.Array, *, grow: bool) -> Ids:
        if grow:
            return self.target.encode(keys)
        dictionary = self.target.dataset().dictionary
        assert dictionary is not None
        return np.asarray(dictionary.find(keys), np.int64)

    def _stored(self, column: Ids, terms: QueryTerms, *, grow: bool) -> Ids:
        """Ids of a query as ids of the target; terms that it lacks are added, or 0 where nothing is to be added."""
        local = (column & ids.LOCAL) != 0
        inline = np.isin(column >> ids.SHIFT, (int(ids.Tag.INTEGER), int(ids.Tag.BOOLEAN)))
        local &= ~inline
        if not local.any():
            return column
        unique, places = np.unique(column[local], return_inverse=True)
        found = self._ids(terms.keys(unique), grow=grow)
        column = column.copy()
        column[local] = found[places]
        return column

    def _fresh(self, rows: int) -> Ids:
        """New blank nodes."""
        prefix = f"_:u{secrets.token_hex(6)}n"
        labels = pc.binary_join_element_wise(prefix, pa.array(np.arange(rows)).cast(pa.string()), "")
        return self.target.encode(labels.cast(pa.large_string()))

    # --- DELETE and INSERT ------------------------------------------------------------------------------------------

    def _modify(self, operation: Modify) -> None:
        from semcube.sparql.evaluate.run import run
        from semcube.sparql.plan import plan

        context = self._context(self._active(operation))
        held = context.reserve("the WHERE of an update", times=3)
        solutions = []
        for batch in run(plan(operation.pattern, context), context):
            held.grow(batch.nbytes)
            solutions.append(batch)
        doomed = [
            part for batch in solutions for part in self._instances(operation.delete, batch, context.terms, grow=False)
        ]
        coming = [part for batch in solutions for part in self._instances(operation.insert, batch, context.terms)]
        self.report.deleted += self._delete(doomed)
        self.report.inserted += self._insert(coming)

    def _context(self, active: ActiveGraph) -> Context:
        from semcube.sparql.query import new_context

        base = self.request.base or self.options.get("base")
        return new_context(
            self.target.dataset(),
            active=active,
            settings=self.options.get("settings") or Settings.from_environment(),
            cancellation=self.cancellation,
            push_down=self.options.get("push_down", "auto"),
            service=self.options.get("service"),
            base=base,
        )

    def _active(self, operation: Modify) -> ActiveGraph:
        """The RDF dataset that WHERE sees (sections 3.1.3 of Update, 2.2.3 of the protocol)."""
        given = self.options.get("active")
        if given is not None and (operation.using is not None or operation.default_graph is not None):
            raise UsageError(
                "using-graph-uri together with USING or WITH",
                expected="one of them",
                fix="name the graphs in one place",
            )
        if given is not None:
            return given
        if operation.using is not None:
            return ActiveGraph(operation.using.default, operation.using.named)
        return ActiveGraph((operation.default_graph,))

    # --- whole graphs -----------------------------------------------------------------------------------------------

    def _named(self) -> set[int]:
        return {int(number) for number in self.target.dataset().graphs(self._context(ActiveGraph()))}

    def _graphs(self, target: GraphTarget) -> list[int]:
        """The graphs that a target means."""
        if target == "DEFAULT":
            return [0]
        if target in ("NAMED", "ALL"):
            return [*sorted(self._named()), *([0] if target == "ALL" else [])]
        assert isinstance(target, IRI)
        number = int(self._ids(pa.array([key(target)], pa.large_string()), grow=False)[0])
        if not number or number not in self._named():
            raise QueryError(
                f"there is no graph <{target.value}>",
                expected="a graph of the store",
                fix="check the IRI, or add SILENT",
            )
        return [number]

    def _create(self, graph: IRI) -> None:
        number = int(self.target.encode(pa.array([key(graph)], pa.large_string()))[0])
        if number in self._named():
            raise QueryError(f"there is a graph <{graph.value}> already", fix="use another IRI, or add SILENT")
        self.target.create(number)

    def _drop(self, target: GraphTarget) -> None:
        graphs = self._graphs(target)
        self.report.deleted += self.target.clear([0]) if 0 in graphs else 0
        self.report.deleted += self.target.drop([number for number in graphs if number])

    def _transfer(self, operation: Copy | Move | Add) -> None:
        """COPY, MOVE and ADD (sections 3.2.3 to 3.2.5)."""
        source = self._graphs(operation.source)[0]
        if operation.source == operation.target:
            return
        target = 0
        if isinstance(operation.target, IRI):
            target = int(self.target.encode(pa.array([key(operation.target)], pa.large_string()))[0])
        quads = list(self._quads_of(operation.source, target))
        if not isinstance(operation, Add):
            self.report.deleted += self.target.clear([target])
        self.report.inserted += self._insert(quads)
        if target and target not in self._named():
            self.target.create(target)
        if isinstance(operation, Move):
            self.report.deleted += self.target.drop([source]) if source else self.target.clear([0])

    def _quads_of(self, source: GraphTarget, target: int) -> Iterator[tuple[Ids, Ids, Ids, Ids]]:
        """The triples of a graph as quads of another."""
        graph = source if isinstance(source, IRI) else None
        pattern = QuadPattern(Variable("s"), Variable("p"), Variable("o"), graph)
        context = self._context(ActiveGraph())
        for batch in self.target.dataset().match(pattern, context):
            s, p, o = (batch.column(name).to_numpy(zero_copy_only=False) for name in "spo")
            yield s, p, o, np.full(len(s), target, np.int64)

    # --- LOAD -------------------------------------------------------------------------------------------------------

    def _load(self, operation: Load) -> None:
        """LOAD (section 3.1.4): all of a document or nothing."""
        url = operation.source.value
        allowed = self.options.get("allow_load", False)
        if not (allowed(url) if callable(allowed) else allowed):
            raise UnsupportedError(
                f"LOAD <{url}> is not allowed here",
                fix="load the file with `semcube load`, or allow LOAD where you start it",
            )
        parts = [self._encoded(batch) for batch in _document(url, operation.graph, self.cancellation)]
        self.report.inserted += self._insert(parts)
        if operation.graph is not None:
            number = int(self.target.encode(pa.array([key(operation.graph)], pa.large_string()))[0])
            if number not in self._named():
                self.target.create(number)

    def _encoded(self, batch: pa.RecordBatch) -> tuple[Ids, Ids, Ids, Ids]:
        self.cancellation.check()
        s, p, o, g = (self.target.encode(batch.column(name).cast(pa.large_string())) for name in ("s", "p", "o", "g"))
        return s, p, o, g


def _valid(s: Ids, p: Ids, o: Ids) -> npt.NDArray[np.bool_]:
    """Which rows are triples of RDF: bound, subject no literal, predicate an IRI."""
    subject = np.isin(s >> ids.SHIFT, (int(ids.Tag.IRI), int(ids.Tag.BLANK)))
    found: npt.NDArray[np.bool_] = subject & (p >> ids.SHIFT == int(ids.Tag.IRI)) & (o != 0)
    return found


def _document(url: str, graph: IRI | None, cancellation: Cancellation) -> Iterator[pa.RecordBatch]:
    """The quads of a document on the web or in a file."""
    from semcube.io.rdf import read_rdf

    parts = urlsplit(url)
    if parts.scheme == "file":
        yield from read_rdf(unquote(parts.path), graph=graph)
        return
    if parts.scheme not in ("http", "https"):
        raise SourceError("LOAD of such an IRI", source=url, expected="one that starts with http:, https: or file:")
    stream, media_type = _download(url, cancellation)
    with stream:
        yield from read_rdf(stream, format=media_type, base=url, graph=graph)


def _download(url: str, cancellation: Cancellation) -> tuple[IO[bytes], Any]:
    """An open response and its syntax."""
    from urllib.error import URLError
    from urllib.request import Request, urlopen

    from semcube.io.formats import format_of

    accept = (
        "application/n-quads, application/n-triples, text/turtle, application/rdf+xml;q=0.8, application/ld+json;q=0.7"
    )
    try:
        remaining = cancellation.remaining_s()
        response = urlopen(Request(url, headers={"Accept": accept}), timeout=30 if remaining is None else remaining)
    except (URLError, OSError, ValueError) as error:
        raise SourceError(f"it cannot be fetched ({error})", source=url) from error
    try:
        return response, format_of(response.headers.get_content_type())
    except UnsupportedError:
        return response, format_of(urlsplit(url).path)
