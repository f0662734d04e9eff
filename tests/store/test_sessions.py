# SPDX-License-Identifier: Apache-2.0
"""Connections are kept between queries of one state, and never beyond it."""

from __future__ import annotations

import threading

import duckdb
import pytest

from semcube.config import Settings
from semcube.engines.base import Cancellation
from semcube.errors import LimitError, StoreError
from semcube.store import Store

COUNT = "SELECT ?s { ?s <http://e/p> ?o }"


@pytest.fixture
def store() -> Store:
    opened = Store.in_memory(settings=Settings(threads=1))
    opened.update("INSERT DATA { <http://e/a> <http://e/p> 1 }")
    return opened


def test_the_next_snapshot_takes_the_connection_of_the_last(store: Store) -> None:
    with store.snapshot() as first:
        connection = first.connection()
        with store.snapshot() as beside:
            assert beside.connection() is not connection
    with store.snapshot() as second:
        assert second.connection() is connection
        assert second.version == first.version


def test_a_commit_closes_what_was_kept(store: Store) -> None:
    with store.snapshot() as before:
        kept = before.connection()
    with store.snapshot() as held:
        store.update("INSERT DATA { <http://e/b> <http://e/p> 1 }")
        assert held.version == before.version
        with store.snapshot() as after:
            assert after.version == before.version + 1
            assert after.connection() is not kept
        assert len(list(store.query(COUNT))) == 2
    with store.snapshot() as last:  # the older one was not kept
        assert last.version == before.version + 1


def test_a_failed_commit_leaves_the_state(store: Store) -> None:
    with pytest.raises(RuntimeError), store._sessions.committing(99):
        raise RuntimeError
    assert len(list(store.query(COUNT))) == 1
    with store.snapshot() as snapshot:
        connection = snapshot.connection()
    with store.snapshot() as snapshot:
        assert snapshot.connection() is connection


def test_aborted_transactions_are_not_kept(store: Store) -> None:
    with store.snapshot() as snapshot:
        broken = snapshot.connection()
        broken.execute("SELECT 1")
        with pytest.raises(duckdb.Error):
            broken.execute("SELECT CAST(s AS DATE) FROM quads_ps")
    assert len(list(store.query(COUNT))) == 1
    stopped = Cancellation()
    stopped.cancel()
    with pytest.raises(LimitError):
        list(store.query("SELECT * { ?a ?b ?c . ?d ?e ?f }", cancellation=stopped))
    assert len(list(store.query(COUNT))) == 1


def test_a_closed_store_gives_no_snapshot(store: Store) -> None:
    list(store.query(COUNT))
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.open_snapshot()


def test_asking_the_database_holds_up_no_other_reader(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(connection: object) -> bool:
        asked.set()
        return go_on.wait(20)

    monkeypatch.setattr("semcube.store.sessions._is_sound", slow)
    reader = threading.Thread(target=lambda: list(store.query(COUNT)))
    reader.start()
    assert asked.wait(20)
    with store.snapshot() as beside:  # would wait for ever if the other held the lock
        assert beside.version == 1
        go_on.set()
    reader.join(20)
    assert not reader.is_alive()
