# SPDX-License-Identifier: Apache-2.0
"""Streams of a state that the store has left: read early, and kept in bounded memory."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from semcube.config import Settings
from semcube.store import Store, snapshot

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("held", [0, 100, 10**9])
def test_spooled_batches_are_the_batches(monkeypatch: pytest.MonkeyPatch, held: int) -> None:
    monkeypatch.setattr(snapshot, "SPOOLED_BYTES", held)
    batches = [pa.record_batch({"a": [n, None, n + 1]}) for n in range(9)]
    found = snapshot._spooled(iter(batches))
    assert [batch.to_pydict() for batch in found] == [batch.to_pydict() for batch in batches]
    assert list(snapshot._spooled(iter(()))) == []


@pytest.mark.parametrize("held", [0, 10**9])
def test_two_streams_of_an_old_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, held: int) -> None:
    monkeypatch.setattr(snapshot, "SPOOLED_BYTES", held)
    settings = Settings(threads=1, memory_mb=256)
    rows = " ".join(f"<http://e/{n}> <http://e/p> {n} ." for n in range(3000))
    with Store.open(tmp_path / "s", create=True, settings=settings) as store:
        store.update(f"INSERT DATA {{ {rows} }}")
        with store.query("SELECT ?s ?t { ?s ?p ?o . ?t ?q ?r }", push_down="off") as result:
            pairs = result.rows()
            first = next(pairs)
            store.update("DELETE WHERE { ?s ?p ?o }")
            several = [row for row, _ in zip(pairs, count(2), strict=False) if len(row) == 2][:300_000]
        assert len(first) == 2
        assert len(set(several)) == len(several) == 300_000
        assert store.query("ASK { ?s ?p ?o }").boolean is False
