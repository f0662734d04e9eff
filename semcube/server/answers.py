# SPDX-License-Identifier: Apache-2.0
"""From a query to the bytes of its answer."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, cast

from semcube.server.formats import offers
from semcube.server.negotiation import Offer, choose
from semcube.server.protocol import switches_of
from semcube.server.running import Reply

if TYPE_CHECKING:
    import pyarrow as pa

    from semcube.engines.base import Cancellation
    from semcube.server.protocol import Operation
    from semcube.server.serving import Serving
    from semcube.sparql.algebra import Query
    from semcube.sparql.query import Answer

__all__ = ["answer_query", "chosen_offer", "rdf_chunks"]


def chosen_offer(query: Query, accept: str | None, name: str | None) -> Offer:
    """The format of the answer of a query.

    Raises:
        NotAcceptableError: The client takes none that fits the form of the query.
    """
    from semcube.sparql.algebra import Ask, Select

    kind = "bindings" if isinstance(query.form, Select) else "boolean" if isinstance(query.form, Ask) else "graph"
    return choose(offers(kind), accept, name)  # type: ignore[arg-type]


def answer_query(
    serving: Serving, operation: Operation, accept: str | None, base: str, cancellation: Cancellation
) -> Reply:
    """Run a query; its answer is made while it is read.

    Args:
        serving: What to ask.
        operation: The query.
        accept: The ``Accept`` header.
        base: The IRI that relative IRIs of the query are resolved against: the endpoint's own.
        cancellation: Deadline and switch.
    """
    from semcube.sparql.parser import parse_query
    from semcube.sparql.query import execute

    query = parse_query(operation.text, base)
    offer = chosen_offer(query, accept, operation.format)
    held = ExitStack()
    try:
        dataset = held.enter_context(serving.snapshot())
        rewrite, entailment = switches_of(operation, serving.settings)
        answer = execute(
            query, dataset, settings=serving.settings.core, cancellation=cancellation, active=operation.active,
            base=base, service=serving.settings.service, rewrite=rewrite, entailment=entailment,
            push_down=serving.settings.push_down,
        )  # fmt: skip
        return Reply(_kept(held, _chunks(answer, offer)), offer.content_type)
    except BaseException:
        held.close()
        raise


def _kept(held: ExitStack, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks; what they are read from is released after the last or when nobody reads on."""
    with held:
        yield from chunks


def _chunks(answer: Answer, offer: Offer) -> Iterable[bytes]:
    from semcube.sparql import results

    if answer.kind == "boolean":
        return [results.write_boolean(bool(answer.boolean), offer.name)]
    if answer.kind == "graph":
        return rdf_chunks(answer.quads(), offer.name)
    return results.write(answer.variables, answer.terms(), offer.name)


class _Sink:
    """A binary stream whose bytes are taken away while it is written, possibly by another thread."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._lock = threading.Lock()

    def write(self, data: bytes | memoryview) -> int:
        with self._lock:
            self._held.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        with self._lock:
            held, self._held = self._held, []
        return b"".join(held)


def rdf_chunks(batches: Iterable[pa.RecordBatch], format_name: str) -> Iterator[bytes]:
    """Quads as a document, streamed.

    Args:
        batches: Of schema :data:`semcube.io.terms.QUADS`.
        format_name: Short name of the syntax.
    """
    from semcube.io import RDFWriter

    sink = _Sink()
    with RDFWriter(cast("IO[bytes]", sink), format_name) as writer:
        for batch in batches:
            writer.write(batch)
            yield sink.take()
    yield sink.take()


if TYPE_CHECKING:
    from typing import IO
