# SPDX-License-Identifier: Apache-2.0
"""Readers and writers of one store in one process: whole states, no lost changes, nobody waits for a reader."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice

import pytest

from semcube.bench.generator import triples
from semcube.config import Settings
from semcube.engines.memory import give_back, resident_bytes
from semcube.errors import QueryTimeoutError
from semcube.sparql.query import execute
from semcube.store import Store
from tests.alone import in_own_process, watched

COUNTER = "http://example.org/counter"
SET = f"DELETE {{ ?s <{COUNTER}> ?o }} INSERT {{ ?s <{COUNTER}> ?n }} WHERE {{ ?s <{COUNTER}> ?o BIND(?o + 1 AS ?n) }}"
READ = f"SELECT ?s ?o {{ ?s <{COUNTER}> ?o }}"
NAMES = 6


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.in_memory(settings=Settings(threads=2)) as opened:
        named = "".join(f"<http://e/{i}> <{COUNTER}> 0 ." for i in range(NAMES))
        opened.load(named.encode(), format="ttl")
        yield opened


def values(store: Store) -> list[int]:
    """The counters, in the order of their names."""
    with store.query(READ + " ORDER BY ?s") as result:
        return list(map(int, result.to_arrow()["o"].to_pylist()))


def run_all(*works: Callable[[], None]) -> None:
    """Run works in threads; raises what the first that failed raised."""
    failures: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    if failures:
        raise failures[0]


def test_every_reader_sees_one_version_and_never_an_older_one(store: Store) -> None:
    done = threading.Event()
    seen: list[list[int]] = []
    written = 0

    def read() -> None:
        mine: list[int] = []
        seen.append(mine)
        while not done.is_set():
            found = values(store)
            assert len(found) == NAMES
            assert len(set(found)) == 1
            mine.append(found[0])
        assert mine == sorted(mine)

    def write() -> None:
        nonlocal written
        try:
            # until readers were seen to run beside the changes, not one after the other
            while written < 12 or len({value for mine in seen for value in mine}) < 4:
                store.update(SET)
                written += 1
        finally:
            done.set()

    run_all(write, read, read, read)
    assert values(store) == [written] * NAMES
    assert len(seen) == 3


def test_changes_of_several_writers_are_not_lost(store: Store) -> None:
    def write() -> None:
        for _ in range(8):
            store.update(SET)

    run_all(write, write, write)
    assert values(store) == [24] * NAMES


def test_a_snapshot_stays_as_it_was_and_holds_up_no_writer(store: Store) -> None:
    with store.snapshot() as held:
        begun = execute(READ, held).rows()
        first = list(islice(begun, 2))
        run_all(lambda: [store.update(SET) for _ in range(5)] and None)
        assert values(store) == [5] * NAMES
        assert {str(o.lexical) for _, o in [*first, *begun]} == {"0"}  # type: ignore[union-attr]
        assert {o.lexical for _, o in execute(READ, held).rows()} == {"0"}  # type: ignore[union-attr]
        with store.snapshot() as late:
            assert late.version == held.version + 5


@in_own_process
def test_a_query_stopped_at_its_deadline_frees_its_memory() -> None:
    """Each run fills hundreds of megabytes before it is stopped; together they must leave nothing."""
    text = "SELECT * { ?a <http://www.opengis.net/ont/geosparql#asWKT> ?x . ?b ?p ?y . ?c a ?z } ORDER BY ?y ?x ?c"
    with Store.in_memory(settings=Settings(threads=2)) as store:
        store.load("".join(triples(40)).encode(), format="nt")
        values(store)
        give_back()
        before = resident_bytes()
        with watched() as peak:
            for seconds in (0.3, 0.3, 0.6, 1.2, 2.4, 4.8, 9.6):
                with pytest.raises(QueryTimeoutError), store.query(text, timeout=seconds) as result:
                    len(result)
                if seconds > 0.3 and peak.bytes > before + 150_000_000:
                    break
        assert peak.bytes > before + 150_000_000
        enough, deadline = before + (peak.bytes - before) / 3, time.monotonic() + 20
        while resident_bytes() > enough and time.monotonic() < deadline:
            time.sleep(0.1)  # it is given back a moment after the query
        assert resident_bytes() < enough
