# SPDX-License-Identifier: Apache-2.0
"""Many clients of one server: readers beside a writer, changes beside full places, memory after a deadline."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fastapi import Request, Response

from semcube.bench.generator import triples
from semcube.engines.base import Cancellation
from semcube.engines.memory import give_back, resident_bytes
from semcube.server import ServerSettings
from semcube.server import application as module
from semcube.server.running import Reply
from semcube.server.serving import serving
from semcube.store import Store
from tests.alone import in_own_process, watched
from tests.server import live as live_module
from tests.server.live import live
from tests.store.test_concurrency import COUNTER, NAMES, READ, SET, run_all

START = "INSERT DATA {" + "".join(f"<http://e/{i}> <{COUNTER}> 0 . " for i in range(NAMES)) + "}"


def update(client: httpx.Client, text: str) -> int:
    return client.post("/update", data={"update": text}).status_code


def values(client: httpx.Client) -> list[int]:
    response = client.get("/sparql", params={"query": READ})
    assert response.status_code == 200
    return [int(row["o"]["value"]) for row in response.json()["results"]["bindings"]]


def test_readers_see_whole_commits_in_order_while_one_writes(tmp_path: Path) -> None:
    done = threading.Event()
    seen: list[list[int]] = []
    with (
        Store.open(tmp_path / "s", create=True) as store,
        live(store, ServerSettings(allow_update=True, max_concurrent=3)) as client,
    ):
        assert update(client, START) == 200

        def write() -> None:
            try:
                for _ in range(12):
                    assert update(client, SET) == 200
            finally:
                done.set()

        def read() -> None:
            mine: list[int] = []
            with httpx.Client(base_url=client.base_url, trust_env=False, timeout=30) as own:
                while not done.is_set():
                    found = values(own)
                    assert len(found) == NAMES
                    assert len(set(found)) == 1
                    mine.append(found[0])
            assert mine == sorted(mine)
            seen.append(mine)

        run_all(write, read, read, read)
        assert values(client) == [12] * NAMES
    assert len(seen) == 3


def test_changes_by_several_clients_are_made_one_after_the_other(tmp_path: Path) -> None:
    with (
        Store.open(tmp_path / "s", create=True) as store,
        live(store, ServerSettings(allow_update=True, max_concurrent=1)) as client,
    ):
        assert update(client, START) == 200

        def write() -> None:
            for _ in range(4):
                assert update(client, SET) == 200

        run_all(write, write, write)
        assert values(client) == [12] * NAMES


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Two more routes: /hold and /change wait until the gate is opened."""
    opened = threading.Event()

    def work(_: Cancellation) -> Reply:
        opened.wait(20)
        return Reply([b"done"], "text/plain")

    def with_routes(dataset: Store, chosen: ServerSettings | None) -> object:
        made = module.app(dataset, chosen)

        def route(patient: bool) -> Callable[[Request], object]:
            async def answer(request: Request) -> Response:
                runner = serving(request).runner
                return await runner.answer(request, work, timeout_s=20, operation="work", patient=patient)

            return answer

        made.add_api_route("/hold", route(patient=False), response_model=None)
        made.add_api_route("/change", route(patient=True), response_model=None)
        return made

    monkeypatch.setattr(live_module, "app", with_routes)
    return opened


def test_a_change_does_not_wait_for_a_place_among_queries(gate: threading.Event) -> None:
    settings = ServerSettings(allow_update=True, max_concurrent=2, queue_s=0.3)
    with Store.in_memory() as store, live(store, settings) as client:
        holders = [threading.Thread(target=client.get, args=("/hold",)) for _ in range(2)]
        for thread in holders:
            thread.start()
        while client.get("/sparql", params={"query": "ASK {}"}).status_code != 503:
            pass  # until both places are taken
        assert update(client, START) == 200
        gate.set()
        for thread in holders:
            thread.join()
        assert values(client) == [0] * NAMES


def test_changes_that_wait_take_no_place_of_queries(gate: threading.Event) -> None:
    settings = ServerSettings(allow_update=True, max_concurrent=1, queue_s=0.3)
    with Store.in_memory() as store, live(store, settings) as client:
        holder = threading.Thread(target=client.get, args=("/change",))
        holder.start()
        while client.post("/update", data={"update": START}).status_code != 503:
            pass  # until the change is being made
        busy = client.post("/update", data={"update": SET}).json()
        assert busy["type"].endswith("#BusyError")
        assert "other changes are being made" in busy["detail"]
        before = values(client)
        gate.set()
        holder.join()
        assert update(client, SET) == 200
        assert values(client) == [value + 1 for value in before]


@in_own_process
def test_queries_stopped_at_their_deadline_leave_no_memory() -> None:
    text = "SELECT * { ?a <http://www.opengis.net/ont/geosparql#asWKT> ?x . ?b ?p ?y . ?c a ?z } ORDER BY ?y ?x ?c"
    with Store.in_memory() as store:
        store.load("".join(triples(40)).encode(), format="nt")
        with live(store, ServerSettings(timeout_s=9)) as client:
            assert client.get("/sparql", params={"query": "ASK {?s ?p ?o}"}).json()["boolean"] is True
            give_back()
            before = resident_bytes()
            with watched() as peak:
                for seconds in (0.3, 0.3, 0.6, 1.2, 2.4, 4.8, 9):
                    response = client.get("/sparql", params={"query": text, "timeout": str(seconds)})
                    assert (response.status_code, response.json()["type"][-18:]) == (503, "#QueryTimeoutError")
                    if seconds > 0.3 and peak.bytes > before + 150_000_000:
                        break
            assert peak.bytes > before + 150_000_000
            enough, deadline = before + (peak.bytes - before) / 3, time.monotonic() + 20
            while resident_bytes() > enough and time.monotonic() < deadline:
                time.sleep(0.1)  # it is given back a moment after the query
            assert resident_bytes() < enough
