# SPDX-License-Identifier: Apache-2.0
"""Streaming, deadlines, clients that go away, places that are taken: over real HTTP."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from fastapi import Request, Response

from semcube.engines.base import Cancellation
from semcube.errors import QueryTimeoutError
from semcube.server import ServerSettings
from semcube.server import application as module
from semcube.server.running import CHUNK_BYTES, Reply
from semcube.server.serving import serving
from semcube.sparql.memory import MemoryDataset
from tests.server import live as live_module
from tests.server.live import live

Work = Callable[[Cancellation], Reply]


@contextmanager
def working(
    work: Work, monkeypatch: pytest.MonkeyPatch, settings: ServerSettings | None = None, timeout_s: float = 20.0
) -> Iterator[httpx.Client]:
    """A server with one more route, /work, that does some work."""

    def with_work(dataset: object, chosen: ServerSettings | None) -> object:
        made = module.app(dataset, chosen)  # type: ignore[arg-type]

        async def route(request: Request) -> Response:
            return await serving(request).runner.answer(request, work, timeout_s=timeout_s, operation="work")

        made.add_api_route("/work", route, response_model=None)
        return made

    monkeypatch.setattr(live_module, "app", with_work)
    with live(MemoryDataset.parse("", "nt"), settings) as client:
        yield client


def test_a_small_answer_has_a_length(monkeypatch: pytest.MonkeyPatch) -> None:
    with working(lambda _: Reply([b"ab", b"c"], "text/plain"), monkeypatch) as client:
        response = client.get("/work", headers={"Accept-Encoding": "identity"})
        assert response.content == b"abc"
        assert response.headers["content-length"] == "3"
        assert "content-encoding" not in response.headers
        assert response.headers["vary"].startswith("Accept, Accept-Encoding")


def test_a_large_answer_is_streamed_while_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def work(_: Cancellation) -> Reply:
        def chunks() -> Iterator[bytes]:
            yield b"x" * CHUNK_BYTES * 2
            assert go_on.wait(10)
            yield b"end"

        return Reply(chunks(), "text/plain")

    with (
        working(work, monkeypatch) as client,
        client.stream("GET", "/work", headers={"Accept-Encoding": "identity"}) as response,
    ):
        assert "content-length" not in response.headers
        received = response.iter_bytes()
        size = len(next(received))
        go_on.set()  # the first bytes came before the last were made
        size += sum(map(len, received))
    assert size == CHUNK_BYTES * 2 + 3


def test_gzip(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"0123456789" * 100_000
    with working(lambda _: Reply([text], "text/plain"), monkeypatch) as client:
        with client.stream("GET", "/work", headers={"Accept-Encoding": "gzip"}) as response:
            raw = b"".join(response.iter_raw())
        assert response.headers["content-encoding"] == "gzip"
        assert len(raw) < len(text) / 50
        assert gzip.decompress(raw) == text


def test_an_error_before_the_first_bytes_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(_: Cancellation) -> Reply:
        def chunks() -> Iterator[bytes]:
            yield b"a little"
            raise QueryTimeoutError("too long")

        return Reply(chunks(), "text/csv")

    with working(work, monkeypatch) as client:
        response = client.get("/work")
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"].endswith("#QueryTimeoutError")
    assert response.headers["retry-after"] == "5"


@pytest.mark.parametrize("error", [QueryTimeoutError("too long"), ZeroDivisionError("a bug")])
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_an_error_later_breaks_the_connection(monkeypatch: pytest.MonkeyPatch, error: Exception, encoding: str) -> None:
    closed = threading.Event()

    def work(_: Cancellation) -> Reply:
        def chunks() -> Iterator[bytes]:
            import random

            try:
                yield random.Random(1).randbytes(CHUNK_BYTES * 3)
                raise error
            finally:
                closed.set()

        return Reply(chunks(), "text/csv")

    with working(work, monkeypatch) as client:
        with client.stream("GET", "/work", headers={"Accept-Encoding": encoding}) as response:
            assert response.status_code == 200
            with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
                list(response.iter_raw())
        assert closed.wait(5)
        assert client.get("/health/live").json() == {"status": "ok"}


def test_a_bug_says_nothing_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(_: Cancellation) -> Reply:
        raise ZeroDivisionError("secret path /home/someone")

    with working(work, monkeypatch) as client:
        response = client.get("/work")
    assert response.status_code == 500
    assert response.json() == {
        "type": "about:blank", "title": "The server failed", "detail": "See its log.", "status": 500
    }  # fmt: skip


def test_a_deadline_stops_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(cancellation: Cancellation) -> Reply:
        while True:
            cancellation.check()
            time.sleep(0.01)

    with working(work, monkeypatch, timeout_s=0.2) as client:
        begun = time.monotonic()
        response = client.get("/work")
        assert time.monotonic() - begun < 5
    assert response.status_code == 503
    assert "longer than its limit of 0.2 s" in response.json()["detail"]


def test_work_that_does_not_heed_its_deadline_keeps_its_place_but_not_the_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = threading.Event()

    def work(_: Cancellation) -> Reply:
        release.wait(20)
        return Reply([b"late"], "text/plain")

    settings = ServerSettings(max_concurrent=1, queue_s=0.2)
    with working(work, monkeypatch, settings, timeout_s=0.2) as client:
        begun = time.monotonic()
        response = client.get("/work")
        assert 0.2 < time.monotonic() - begun < 8
        assert response.json()["type"].endswith("#QueryTimeoutError")
        assert client.get("/work").json()["type"].endswith("#BusyError")
        release.set()
        deadline = time.monotonic() + 10
        while client.get("/work").status_code != 200:
            assert time.monotonic() < deadline


@pytest.mark.parametrize("streaming", [False, True])
def test_a_client_that_goes_away_stops_the_work(monkeypatch: pytest.MonkeyPatch, streaming: bool) -> None:
    interrupted, ended = threading.Event(), threading.Event()

    def endless(cancellation: Cancellation) -> Iterator[bytes]:
        remove = cancellation.on_cancel(interrupted.set)
        try:
            while True:
                cancellation.check()
                if streaming:
                    yield b"x" * CHUNK_BYTES
                time.sleep(0.005)
        finally:
            remove()
            ended.set()

    with working(lambda c: Reply(endless(c), "text/plain"), monkeypatch) as client:
        if streaming:
            with client.stream("GET", "/work") as response:
                next(response.iter_raw())
        else:
            with pytest.raises(httpx.ReadTimeout):
                client.get("/work", timeout=0.3)
        assert ended.wait(10)
        assert interrupted.is_set()


def test_a_reader_that_stands_still_holds_no_place_past_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def chunks() -> Iterator[bytes]:
        try:
            while True:
                yield b"x" * CHUNK_BYTES
        finally:
            ended.set()

    with (
        working(lambda _: Reply(chunks(), "text/plain"), monkeypatch, timeout_s=0.5) as client,
        client.stream("GET", "/work", headers={"Accept-Encoding": "identity"}) as response,
    ):
        received = response.iter_raw()
        next(received)
        assert ended.wait(10)


def test_places_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    release, running, most, lock = threading.Event(), [0], [0], threading.Lock()

    def work(_: Cancellation) -> Reply:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        release.wait(10)
        with lock:
            running[0] -= 1
        return Reply([b"done"], "text/plain")

    settings = ServerSettings(max_concurrent=2, queue_s=0.3)
    with working(work, monkeypatch, settings) as client:
        statuses: list[int] = []
        threads = [threading.Thread(target=lambda: statuses.append(client.get("/work").status_code)) for _ in range(4)]
        for thread in threads:
            thread.start()
        while len(statuses) < 2:
            time.sleep(0.01)
        release.set()
        for thread in threads:
            thread.join()
        busy = client.get("/work")
    assert sorted(statuses) == [200, 200, 503, 503]
    assert most[0] == 2
    assert busy.status_code == 200
