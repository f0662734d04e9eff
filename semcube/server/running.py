# SPDX-License-Identifier: Apache-2.0
"""Runs the work of a request in a thread of its own and streams what it makes.

The work (a function of a :class:`Cancellation`) returns a :class:`Reply` whose chunks are made as they are read. All of
it runs in one thread of a bounded pool; the event loop only passes chunks on. A client that goes away, a deadline that
passes or a server that stops cancels the work. Errors before the first :data:`HEAD_BYTES` become problem documents;
later ones break the connection, so that no client takes half an answer for a whole one.
"""

from __future__ import annotations

import asyncio
import logging
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from semcube.engines.base import Cancellation
from semcube.errors import LimitError, SemcubeError
from semcube.server.negotiation import accepted_encoding
from semcube.server.problems import BusyError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from semcube.server.metrics import Metrics

__all__ = ["Reply", "Runner"]

HEAD_BYTES = 64 * 1024
"""So much of an answer is made before its status is sent."""
CHUNK_BYTES = 64 * 1024
GRACE_S = 2.0
"""So long after its deadline a thread may take to notice; then the client is answered without it."""
CLOSING_S = 5.0
"""So long a server that stops waits for its threads."""
_POLL_S = 0.25
_QUEUED = 8
_END = object()
_log = logging.getLogger("semcube.server")


@dataclass
class Reply:
    """What a piece of work answers."""

    chunks: Iterable[bytes] = ()
    content_type: str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Work = Callable[[Cancellation], Reply]


def _joined(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Chunks of at least CHUNK_BYTES, but for the last."""
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= CHUNK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _pieces(chunks: Iterable[bytes], gzip: bool) -> Iterator[tuple[bytes, int]]:
    """What is sent, piece by piece, each with the bytes of the answer that are in it."""
    if not gzip:
        yield from ((chunk, len(chunk)) for chunk in _joined(chunks))
        return
    packer = zlib.compressobj(5, zlib.DEFLATED, 31)
    for chunk in _joined(chunks):
        # flushed, so that what is made reaches the client at once
        yield packer.compress(chunk) + packer.flush(zlib.Z_SYNC_FLUSH), len(chunk)
    yield packer.flush(), 0


class _Execution:
    """One piece of work on its way through a thread."""

    def __init__(self, work: Work, cancellation: Cancellation, *, gzip: bool, patient: bool) -> None:
        self.work = work
        self.cancellation = cancellation
        self.gzip = gzip
        self.patient = patient
        self.loop = asyncio.get_running_loop()
        self.queue: asyncio.Queue[Any] = asyncio.Queue(_QUEUED)
        self.started = asyncio.Event()
        self.future: Future[None] | None = None

    # --- in the thread ----------------------------------------------------------------------------------------------

    def run(self) -> None:
        self.loop.call_soon_threadsafe(self.started.set)
        chunks: Any = ()
        try:
            self.cancellation.check()
            reply = self.work(self.cancellation)
            chunks = reply.chunks
            self._put(reply)
            for piece in _pieces(chunks, self.gzip and bool(chunks)):
                self.cancellation.check()
                self._put(piece)
            self._put(_END)
        except BaseException as error:
            self._put_error(error)
        finally:
            # a generator that was not read to its end still holds its snapshot
            if hasattr(chunks, "close"):
                chunks.close()

    def _put(self, item: Any) -> None:
        """Hand on an item; waits while the client reads slowly, but not past the deadline."""
        waiting = asyncio.run_coroutine_threadsafe(self.queue.put(item), self.loop)
        while True:
            try:
                return waiting.result(_POLL_S)
            except TimeoutError:
                try:
                    self.cancellation.check()
                except LimitError:
                    waiting.cancel()
                    raise

    def _put_error(self, error: BaseException) -> None:
        with suppress(RuntimeError):  # the loop is gone: nobody waits for an answer any more
            asyncio.run_coroutine_threadsafe(self.queue.put(error), self.loop)

    # --- in the event loop ------------------------------------------------------------------------------------------

    async def next(self) -> Any:
        """What the thread hands on next.

        Raises:
            LimitError: The deadline passed, or the client went away, and the thread does not heed it.
        """
        overdue = 0.0
        while True:
            try:
                item = await asyncio.wait_for(self.queue.get(), _POLL_S)
            except TimeoutError:
                if not self.patient:
                    overdue = overdue + _POLL_S if self._is_over() else 0.0
                    if overdue >= GRACE_S:
                        self.cancellation.check()
                continue
            if isinstance(item, BaseException):
                raise item
            return item

    def _is_over(self) -> bool:
        return self.cancellation.cancelled or self.cancellation.remaining_s() == 0

    async def drain(self) -> None:
        """Cancel the work, and take what it still hands on until its thread has ended."""
        self.cancellation.cancel()
        if self.future is not None and not self.future.cancel():
            while not self.future.done():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.queue.get(), _POLL_S)


class Runner:
    """Bounded pools of threads for the work of requests: one for reading, and one with a single place for changes.

    A store takes one change at a time. Changes that wait for each other take no place of a query, and a change does not
    wait until a query has ended.

    Args:
        places: Pieces of reading work that run at once.
        queue_s: How long one waits for a place, in seconds.
        metrics: Counts what runs.
    """

    def __init__(self, places: int, queue_s: float, metrics: Metrics) -> None:
        self.queue_s = queue_s
        self.metrics = metrics
        self._pool = ThreadPoolExecutor(places, thread_name_prefix="semcube-query")
        self._changes = ThreadPoolExecutor(1, thread_name_prefix="semcube-change")
        self.stuck = 0
        """Threads that still ran when :meth:`close` gave up."""
        self._running: set[_Execution] = set()
        self._draining: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Cancel everything and wait for the threads, but not for ever."""
        running = list(self._running)
        for execution in running:
            execution.cancellation.cancel()
        for pool in (self._pool, self._changes):
            pool.shutdown(wait=False, cancel_futures=True)
        left = wait([e.future for e in running if e.future is not None], CLOSING_S).not_done
        self.stuck = len(left)

    def _abandon(self, execution: _Execution) -> None:
        """Cancel an execution; its place is free once its thread has ended."""
        task = asyncio.create_task(execution.drain())
        self._draining.add(task)

        def drained(done: asyncio.Task[None]) -> None:
            self._draining.discard(done)
            self._running.discard(execution)

        task.add_done_callback(drained)

    async def answer(
        self, request: Request, work: Work, *, timeout_s: float, operation: str, patient: bool = False
    ) -> Response:
        """Run work and answer a request with its reply.

        Args:
            request: Its body has been read.
            work: Runs in a thread.
            timeout_s: Deadline, in seconds; 0 is none.
            operation: What it is, for the metrics.
            patient: It is a change: wait for the thread even past the deadline, because its outcome has to be told.

        Raises:
            BusyError: No place became free in time.
            SemcubeError: The work failed before its first bytes.
        """
        gzip = accepted_encoding(request.headers.get("accept-encoding")) == "gzip"
        execution = _Execution(work, Cancellation(timeout_s), gzip=gzip, patient=patient)
        self._running.add(execution)
        watcher = asyncio.create_task(_watch(request, execution))
        begun = time.perf_counter()

        def finished(outcome: str) -> None:
            watcher.cancel()
            if outcome == "done":
                self._running.discard(execution)
            else:
                self._abandon(execution)
            self.metrics.ran(operation, outcome, time.perf_counter() - begun)

        try:
            await self._start(execution)
            reply = await execution.next()
            head, whole = await _head(execution)
        except BaseException as error:
            finished(type(error).__name__)
            raise
        response = _Streamed(reply, head, None if whole else execution, finished)
        if gzip and head:
            response.headers["Content-Encoding"] = "gzip"
        if whole and reply.status != 204:
            response.headers["Content-Length"] = str(sum(map(len, head)))
        return response

    async def _start(self, execution: _Execution) -> None:
        pool = self._changes if execution.patient else self._pool
        execution.future = pool.submit(execution.run)
        try:
            await asyncio.wait_for(execution.started.wait(), self.queue_s)
        except TimeoutError:
            if execution.future.cancel():
                taken = f"all {pool._max_workers} places for queries are taken"
                found = "other changes are being made" if execution.patient else taken
                raise BusyError(found, fix="try again in a few seconds") from None


async def _head(execution: _Execution) -> tuple[list[bytes], bool]:
    """The first chunks, and whether they are all."""
    held: list[bytes] = []
    made = 0
    while made < HEAD_BYTES:
        item = await execution.next()
        if item is _END:
            return held, True
        held.append(item[0])
        made += item[1]
    return held, False


async def _watch(request: Request, execution: _Execution) -> None:
    """Cancel the work when the client goes away."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    execution.cancellation.cancel()


class _Streamed(Response):
    """A response whose head is known and whose rest is still being made."""

    def __init__(
        self, reply: Reply, head: list[bytes], execution: _Execution | None, finished: Callable[[str], None]
    ) -> None:
        super().__init__(None, reply.status, dict(reply.headers), None)
        del self.headers["content-length"]
        if reply.content_type is not None:
            self.headers["Content-Type"] = reply.content_type
        self.headers["Vary"] = "Accept, Accept-Encoding"
        self._head = head
        self._execution = execution
        self._finished = finished

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head, then the rest; on a failure leave the response unfinished."""
        outcome = "done"
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            for chunk in self._head:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            while self._execution is not None and (piece := await self._execution.next()) is not _END:
                await send({"type": "http.response.body", "body": piece[0], "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except SemcubeError as error:
            # the server closes a connection whose response it sees unfinished
            outcome = type(error).__name__
            _log.warning("an answer broke off: %s", error)
        except BaseException as error:
            outcome = type(error).__name__
            raise
        finally:
            self._finished(outcome)
