# SPDX-License-Identifier: Apache-2.0
"""Asks a dataset a query: text in, :class:`Answer` out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from semcube.config import Settings
from semcube.engines.base import Cancellation
from semcube.sparql.algebra import Query
from semcube.sparql.dataset import ActiveGraph

if TYPE_CHECKING:
    import pyarrow as pa
    from typing_extensions import Unpack

    from semcube.sparql.context import Context, PushDown
    from semcube.sparql.dataset import Dataset
    from semcube.sparql.explain import Trace

__all__ = ["Answer", "QueryOptions", "execute"]


class QueryOptions(TypedDict, total=False):
    """Keyword arguments of :func:`execute`; all may be left out."""

    settings: Settings
    timeout: float | None
    """Seconds until :class:`~semcube.errors.QueryTimeoutError`; None is no deadline."""
    cancellation: Cancellation | None
    """A deadline and switch of the caller's, instead of ``timeout``."""
    push_down: PushDown
    params: Mapping[str, Any] | None
    """Values for variables of the query: terms, or Python values that have one (numbers, text, dates, geometries)."""
    service: Callable[[str], Dataset] | None
    """Endpoint URL -> dataset, for ``SERVICE``; without it ``SERVICE`` is refused."""
    active: ActiveGraph | None
    """The RDF dataset of the protocol request; it takes precedence over ``FROM``."""
    base: str | None
    trace: Trace | None


@dataclass
class Answer:
    """The answer of a query; rows are computed as they are read, once.

    ``kind`` says which of the readers applies: :meth:`batches` and :meth:`terms` for ``"bindings"``, :attr:`boolean` for
    ``"boolean"``, :meth:`quads` for ``"graph"``.
    """

    kind: Literal["bindings", "boolean", "graph"]
    variables: tuple[str, ...]
    query: Query
    context: Context
    boolean: bool | None = None
    _batches: Callable[[], Iterator[pa.RecordBatch]] | None = field(default=None, repr=False)
    _quads: Callable[[], Iterator[pa.RecordBatch]] | None = field(default=None, repr=False)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Solutions as ids: one int64 column per variable, null where unbound."""
        raise NotImplementedError

    def terms(self) -> Iterator[list[pa.RecordBatch]]:
        """Solutions as terms: per batch one ``TERMS`` batch for each variable."""
        raise NotImplementedError

    def quads(self) -> Iterator[pa.RecordBatch]:
        """The triples of CONSTRUCT or DESCRIBE as ``QUADS`` key batches, each triple once."""
        raise NotImplementedError


def execute(query: str | Query, dataset: Dataset, **options: Unpack[QueryOptions]) -> Answer:
    """Answers a query.

    Args:
        query: SPARQL 1.1 text, or a parsed query.
        dataset: What to ask.
        options: See :class:`QueryOptions`.

    Raises:
        QueryError: The query is wrong.
        LimitError: The deadline passed or the query was cancelled (also while the answer is read).
    """
    raise NotImplementedError
