# SPDX-License-Identifier: Apache-2.0
"""Sorted columns in memory: bounded, of the right version, seen to be used."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from semcube.config import Settings
from semcube.engines.look_ups import SortedPairs
from semcube.errors import UnsupportedError
from semcube.sparql.explain import Trace
from semcube.store import Store
from semcube.store.quad_columns import AT_ONCE, QuadColumns

PREFIX = "PREFIX : <http://e/> "
CHAIN = PREFIX + "SELECT ?n { :a :near ?x . ?x :name ?n }"


def pairs(rows: int) -> SortedPairs:
    return SortedPairs(np.arange(rows), np.arange(rows), None)


def names(store: Store, text: str = CHAIN) -> list[str]:
    return sorted(row["n"] for row in store.query(text).to_arrow().to_pylist())


@pytest.fixture
def store() -> Store:
    opened = Store.in_memory(settings=Settings(threads=1, memory_mb=256))
    opened.update(PREFIX + "INSERT DATA { :a :near :b , :c . :b :name 'B' . :c :name 'C' }")
    return opened


def test_memory_is_bounded_and_the_least_used_goes() -> None:
    columns = QuadColumns(5_000)
    for predicate in range(20):
        columns.put("s", predicate, 1, pairs(200))
        columns.get("s", 0, 1)
    assert columns.nbytes <= 5_000
    assert columns.get("s", 0, 1) is not None
    assert columns.get("s", 1, 1) is None
    assert columns.get("s", 19, 1) is not None
    assert columns.nbytes == 3 * 200 * 8


def test_large_predicates_are_read_when_wanted_again_and_too_large_ones_never() -> None:
    columns = QuadColumns(AT_ONCE * 100)
    assert columns.is_worth("s", 1, AT_ONCE, 1)
    assert [columns.is_worth("s", 2, AT_ONCE + 1, 1) for _ in range(4)] == [False, False, True, True]
    assert not any(columns.is_worth("s", 3, AT_ONCE * 10, 1) for _ in range(9))


def test_columns_belong_to_the_versions_without_a_change_between() -> None:
    columns = QuadColumns(10**6)
    columns.put("s", 5, 3, pairs(2))
    columns.mark([6], 4)
    assert columns.get("s", 5, 3) is columns.get("s", 5, 9) is not None
    columns.mark([5], 7)
    assert columns.get("s", 5, 7) is None
    assert columns.get("s", 5, 6) is None  # the same, but of changes before the last nothing is known
    assert not columns.is_worth("s", 5, 2, 6)
    assert columns.is_worth("s", 5, 2, 7)
    columns.put("s", 5, 8, pairs(3))
    assert columns.get("s", 5, 6) is None
    assert len(columns.get("s", 5, 7).first) == 3  # type: ignore[union-attr]
    columns.put("s", 5, 6, pairs(2))  # an older reader does not push out what is newer
    assert len(columns.get("s", 5, 8).first) == 3  # type: ignore[union-attr]


def test_updates_are_seen_at_once_and_snapshots_keep_their_state(store: Store) -> None:
    from semcube.sparql.query import execute

    def chain(snapshot: object) -> list[str]:
        return sorted(row[0].lexical for row in execute(CHAIN, snapshot).rows())  # type: ignore[arg-type, union-attr]

    assert names(store) == ["B", "C"]
    before = store.open_snapshot()
    store.update(PREFIX + "INSERT DATA { :a :near :d . :d :name 'D' }")
    assert names(store) == ["B", "C", "D"]
    assert chain(before) == ["B", "C"]
    store.update(PREFIX + "DELETE DATA { :a :near :b }")
    assert names(store) == ["C", "D"]
    assert chain(before) == ["B", "C"]
    store.update(PREFIX + "DROP DEFAULT")
    assert names(store) == []
    assert chain(before) == ["B", "C"]
    before.close()


def test_a_failed_update_changes_nothing(store: Store) -> None:
    assert names(store) == ["B", "C"]
    with pytest.raises(UnsupportedError):
        store.update(PREFIX + "INSERT DATA { :a :near :d . :d :name 'D' } ; LOAD <ftp://nowhere.example/x>")
    assert names(store) == ["B", "C"]


def test_look_ups_answer_and_say_so(store: Store) -> None:
    trace = Trace()
    assert store.query(CHAIN, trace=trace).to_arrow().num_rows == 2
    assert "look-ups" in trace.report().to_text()
    trace = Trace()
    assert store.query(CHAIN, trace=trace, push_down="forced").to_arrow().num_rows == 2
    assert "look-ups" not in trace.report().to_text()


def test_readers_beside_a_writer_see_whole_states(store: Store) -> None:
    """Each commit adds one neighbour and its name; no reader may see more or fewer names than neighbours."""
    wrong: list[object] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            with store.snapshot() as snapshot:
                from semcube.sparql.query import execute

                near = len(list(execute(PREFIX + "SELECT ?x { :a :near ?x }", snapshot).rows()))
                named = len(list(execute(CHAIN, snapshot).rows()))
                if near != named or near != snapshot.version + 1:
                    wrong.append((near, named, snapshot.version))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for i in range(15):
        store.update(PREFIX + f"INSERT DATA {{ :a :near :n{i} . :n{i} :name 'n{i}' }}")
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []
