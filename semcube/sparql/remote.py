# SPDX-License-Identifier: Apache-2.0
"""A SPARQL endpoint as a dataset (SPARQL 1.1 Protocol): patterns go out as text, solutions come back as ids.

Only ``http`` and ``https`` are spoken. Blank nodes of a response are new to the query: two requests never share one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.engines import ids
from semcube.errors import RemoteError, ResultSyntaxError, UnsupportedError, UsageError
from semcube.io.terms import BlankNode, Literal
from semcube.sparql.algebra import (
    BGP,
    Algebra,
    Graph,
    Join,
    Path,
    PlanNode,
    Project,
    Service,
    TriplePattern,
    Values,
    Variable,
)
from semcube.sparql.dataset import ActiveGraph, Dictionary, Estimate, QuadPattern, Relation
from semcube.sparql.evaluate.solutions import Solutions
from semcube.sparql.plan import IdTable
from semcube.sparql.results import find_format
from semcube.sparql.scope import children, in_scope, with_children
from semcube.sparql.unparse import unparse

if TYPE_CHECKING:
    import httpx

    from semcube.sparql.context import Context

__all__ = ["RemoteDataset", "RemoteRelation"]

ACCEPT = "application/sparql-results+json, application/sparql-results+xml;q=0.8, text/tab-separated-values;q=0.5"
GET_LENGTH = 1500
"""Longer queries are sent by POST; some servers and proxies cut longer URLs."""
VALUES_ROWS = 200
"""Rows of a VALUES block of one request."""
TIMEOUT_S = 60.0
"""What a request may take where the query has no deadline."""
EXCERPT = 300
MAX_BYTES = 1 << 30
"""What an answer may hold, unpacked."""


class RemoteDataset:
    """An endpoint; see :class:`semcube.sparql.dataset.Dataset`.

    Args:
        url: The address of the endpoint.
        client: Sends the requests, with its own limits and credentials; None makes one that follows no redirects.
        headers: Sent along with each request.
        max_bytes: The largest answer that is read, in bytes, unpacked.

    Raises:
        UsageError: The address is not one of http or https, or has no host.
    """

    evaluates_filters = True
    """Spatial filters stay filters, for the endpoint to evaluate."""

    def __init__(
        self,
        url: str,
        client: httpx.Client | None = None,
        *,
        headers: dict[str, str] | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            good = False
        if not good:
            raise UsageError(
                f"the endpoint {url!r}", expected="an address that starts with http:// or https:// and names a host"
            )
        self.url = url
        self.max_bytes = max_bytes
        self._client = client
        self._headers = headers or {}

    @property
    def dictionary(self) -> Dictionary | None:
        """None: terms are interned by the query."""
        return None

    def match(self, pattern: QuadPattern, context: Context) -> Iterator[pa.RecordBatch]:
        """The solutions of one pattern, asked as a SELECT."""
        places = (pattern.subject, pattern.predicate, pattern.object)
        if any(isinstance(place, BlankNode) for place in places) or isinstance(pattern.subject, Literal):
            return  # a blank node of another response is not in this endpoint; a literal is no subject
        node: Algebra = BGP((TriplePattern(*places),))
        if pattern.graph is not None:
            node = Graph(pattern.graph, node)
        names = [v.name for v in pattern.variables]
        for solutions in self.select(node, pattern.variables, context, pattern.active):
            yield solutions.to_batch(names)

    def graphs(self, context: Context) -> np.ndarray:
        """The ids of the named graphs that hold a triple."""
        graph, places = Variable("g"), (Variable("s"), Variable("p"), Variable("o"))
        found = [s.column("g") for s in self.select(Graph(graph, BGP((TriplePattern(*places),))), (graph,), context)]
        return np.unique(np.concatenate([np.empty(0, np.int64), *found]))

    def estimate(self, pattern: QuadPattern, context: Context) -> Estimate | None:
        """Nothing is known before asking."""
        return None

    def push(self, node: Algebra, context: Context) -> Relation | None:
        """Takes over any plan that SPARQL text can say, with tables of ids as VALUES."""
        tables = [part for part in _parts(node) if isinstance(part, IdTable)]
        if any(_is_local(part) for part in _parts(node)) or any(map(_has_blank, tables)):
            return None
        variables = tuple(sorted(in_scope(node), key=lambda v: v.name))
        try:
            plans = [_with_values(plan, context) for plan in _portions(node)]
            texts = tuple(_text(plan, variables) for plan in plans)
        except UnsupportedError:
            return None
        return RemoteRelation(self, variables, texts, context)

    def select(
        self, node: Algebra, variables: tuple[Variable, ...], context: Context, active: ActiveGraph | None = None
    ) -> Iterator[Solutions]:
        """The solutions of a plan, asked in one request.

        Raises:
            RemoteError: The endpoint failed, or what it sent is not a result.
            LimitError: The deadline passed.
        """
        return self.ask(_text(node, variables), variables, context, active)

    def ask(
        self, text: str, variables: tuple[Variable, ...], context: Context, active: ActiveGraph | None = None
    ) -> Iterator[Solutions]:
        """The solutions of a SELECT query that selects these variables in this order."""
        if context.trace is not None:
            context.trace.count("requests")
        mark = f"_:r{secrets.token_hex(6)}x"
        with self._response(text, context, active or context.active) as response:
            try:
                reader = find_format(response.headers.get("content-type", "application/json")).reader
                if reader is None:
                    raise UsageError(f"the media type {response.headers.get('content-type')!r}")
                results = reader(self._body(response))
                for batch in results.batches:
                    context.cancellation.check()
                    yield _interned(batch, variables, mark, context)
            except (UsageError, ResultSyntaxError, UnicodeError) as error:
                raise RemoteError(
                    f"the answer cannot be read: {error}",
                    endpoint=self.url,
                    status=response.status_code,
                    expected="SPARQL results as JSON, XML or TSV",
                ) from error

    def _body(self, response: httpx.Response) -> Iterator[bytes]:
        """The body of a response, unpacked.

        Raises:
            RemoteError: It is larger than ``max_bytes``.
        """
        size = 0
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > self.max_bytes:
                raise RemoteError(
                    f"the answer is larger than {self.max_bytes} bytes",
                    endpoint=self.url,
                    status=response.status_code,
                    fix="ask it for less: bind more of the pattern, or use LIMIT in a sub-select",
                )
            yield chunk

    @contextmanager
    def _response(self, text: str, context: Context, active: ActiveGraph) -> Iterator[httpx.Response]:
        """The response to a query, its body not yet read."""
        import httpx

        client = self._client or httpx.Client()
        try:
            request = self._request(client, text, active, context)
            response = client.send(request, stream=True)
            withdraw = context.cancellation.on_cancel(response.close)
            try:
                if response.status_code != 200:
                    raise self._refused(response)
                yield response
            finally:
                withdraw()
                response.close()
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, UnicodeError) as error:
            context.cancellation.check()
            raise RemoteError(
                f"no answer: {type(error).__name__} {error}".strip(),
                endpoint=self.url,
                fix="check that the endpoint is up and reachable, or use SERVICE SILENT",
            ) from error
        finally:
            if self._client is None:
                client.close()

    def _request(self, client: httpx.Client, text: str, active: ActiveGraph, context: Context) -> httpx.Request:
        parameters = [("query", text)]
        if active != ActiveGraph():
            parameters += [("default-graph-uri", g.value) for g in active.default if g is not None]
            parameters += [("named-graph-uri", g.value) for g in active.named or ()]
        context.cancellation.check()
        timeout = context.cancellation.remaining_s() or TIMEOUT_S
        headers = {"Accept": ACCEPT, **self._headers}
        encoded = urlencode(parameters)
        if len(encoded) <= GET_LENGTH:
            joint = "&" if urlsplit(self.url).query else "?"
            return client.build_request("GET", f"{self.url}{joint}{encoded}", headers=headers, timeout=timeout)
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return client.build_request("POST", self.url, content=encoded, headers=headers, timeout=timeout)

    def _refused(self, response: httpx.Response) -> RemoteError:
        start = next(response.iter_bytes(16 * EXCERPT), b"")
        body = " ".join(start.decode("utf-8", "replace").split())[:EXCERPT]
        where = response.headers.get("location")
        return RemoteError(
            f"status {response.status_code}" + (f", moved to {where}" if where else "") + (f": {body}" if body else ""),
            endpoint=self.url,
            status=response.status_code,
            expected="status 200 with SPARQL results",
        )


@dataclass
class RemoteRelation:
    """A plan that an endpoint runs, in one request for each portion of its table of bindings."""

    dataset: RemoteDataset
    variables: tuple[Variable, ...]
    texts: tuple[str, ...]
    context: Context

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Sends the requests one after the other."""
        names = [v.name for v in self.variables]
        for text in self.texts:
            for solutions in self.dataset.ask(text, self.variables, self.context):
                yield solutions.to_batch(names)

    def estimate(self) -> Estimate | None:
        """Nothing is known before asking."""
        return None

    def explain(self) -> str:
        """The SPARQL that is sent."""
        return f"{self.dataset.url}\n" + "\n".join(self.texts)


def _text(node: Algebra, variables: tuple[Variable, ...]) -> str:
    """The plan as a SELECT of these variables."""
    if isinstance(node, Project) and node.variables == variables:
        return unparse(node)
    return unparse(Project(node, variables))


def _parts(node: Algebra) -> Iterator[Algebra]:
    yield node
    for child in children(node):
        yield from _parts(child)


def _is_local(node: Algebra) -> bool:
    """Whether a node cannot be said to an endpoint: planner nodes, other endpoints, blank nodes of the data."""
    if isinstance(node, PlanNode):
        return not isinstance(node, IdTable)
    if isinstance(node, Path):
        return isinstance(node.subject, BlankNode) or isinstance(node.object, BlankNode)
    if isinstance(node, BGP):
        return any(isinstance(t, BlankNode) for p in node.triples for t in (p.subject, p.object))
    return isinstance(node, Service)


def _has_blank(table: IdTable) -> bool:
    return any(bool((column >> ids.SHIFT == int(ids.Tag.BLANK)).any()) for column in table.columns)


def _portions(node: Algebra) -> Iterator[Algebra]:
    """The plan with its leading table of bindings cut into blocks: a join distributes over them."""
    if not isinstance(node, Join) or not isinstance(node.left, IdTable) or node.left.rows <= VALUES_ROWS:
        yield node
        return
    table = node.left
    for start in range(0, table.rows, VALUES_ROWS):
        columns = tuple(column[start : start + VALUES_ROWS] for column in table.columns)
        yield Join(IdTable(table.variables, columns, min(VALUES_ROWS, table.rows - start)), node.right)


def _with_values(node: Algebra, context: Context) -> Algebra:
    """The plan with tables of ids as inline data."""
    if isinstance(node, IdTable):
        columns = [context.terms.terms(column) for column in node.columns]
        return Values(node.variables, tuple(zip(*columns, strict=True)) if columns else ((),) * node.rows)
    return with_children(node, tuple(_with_values(child, context) for child in children(node)))


def _interned(batch: pa.RecordBatch, variables: tuple[Variable, ...], mark: str, context: Context) -> Solutions:
    """A batch of keys as solutions; by name, or by place where the text had to name a variable anew."""
    names = [v.name for v in variables]
    if set(batch.schema.names) <= set(names):
        places = {name: batch.column(name) for name in batch.schema.names}
    elif batch.num_columns == len(names):
        places = dict(zip(names, batch.columns, strict=True))
    else:
        raise ResultSyntaxError(f"the variables {batch.schema.names}", expected=f"the variables {names}")
    columns = {}
    for name, keys in places.items():
        blank = pc.fill_null(pc.starts_with(keys, "_:"), False)
        apart = pc.if_else(blank, pc.replace_substring_regex(keys, "^_:", mark), keys)
        columns[name] = context.terms.intern(apart)
    return Solutions(columns, batch.num_rows)
