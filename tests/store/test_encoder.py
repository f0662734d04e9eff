# SPDX-License-Identifier: Apache-2.0
"""All ways of the encoder give each term one id: few and many terms, in memory and in the database."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.config import Settings
from semcube.engines.keys import join
from semcube.io.term_columns import TermColumn
from semcube.io.terms import KIND_BLANK, KIND_IRI, KIND_LITERAL
from semcube.store import Store, encoder
from semcube.store.encoder import Encoder
from semcube.vocab import WKT_LITERAL, XSD, XSD_BOOLEAN, XSD_DATETIME, XSD_DECIMAL, XSD_INTEGER, XSD_STRING

KINDS = [
    (KIND_IRI, None, None),
    (KIND_BLANK, None, None),
    (KIND_LITERAL, XSD_STRING, None),
    (KIND_LITERAL, None, "de"),
    (KIND_LITERAL, XSD_INTEGER, None),
    (KIND_LITERAL, XSD_BOOLEAN, None),
    (KIND_LITERAL, XSD_DECIMAL, None),
    (KIND_LITERAL, XSD + "double", None),
    (KIND_LITERAL, XSD_DATETIME, None),
    (KIND_LITERAL, WKT_LITERAL, None),
    (KIND_LITERAL, "http://e/d", None),
]
TEXTS = ["", "a", "1", "01", "-3", "true", "false", "1.50", "1E0", "2020-01-01T00:00:00Z", "POINT (1 2)", "x" * 300]
columns = st.lists(
    st.builds(
        lambda kind, texts: TermColumn(pa.array(texts, pa.large_string()), *kind),
        st.sampled_from(KINDS),
        st.lists(st.one_of(st.none(), st.sampled_from(TEXTS), st.text("ab1.", max_size=6)), max_size=12),
    ),
    min_size=1,
    max_size=5,
)
WAYS = ["memory", "database", "few"]


@contextmanager
def encoding(way: str, before: list[str]) -> Iterator[tuple[Store, Encoder]]:
    """An encoder inside a transaction of a store that had some terms before."""
    with Store.in_memory(settings=Settings(threads=1)) as store:
        if before:
            with store.transaction() as transaction:
                transaction.encode(pa.array(before, pa.large_string()))
        with store.transaction() as transaction:
            made = Encoder(transaction.connection, store._salt, 1 << 28 if way == "memory" else 0)
            transaction._encoder = made
            yield store, made


def ids_of(made: Encoder, way: str, given: list[TermColumn]) -> list[list[int]]:
    if way != "few":
        return [found.tolist() for found in made.encode_columns(given)[0]]
    found = []
    for column in given:
        keys = column.keys()
        distinct = keys.drop_null().unique()
        numbers = dict(zip(distinct.to_pylist(), made.encode(distinct)[0].tolist(), strict=True))
        found.append([numbers.get(key, 0) for key in keys.to_pylist()])
    return found


@pytest.mark.parametrize("way", WAYS)
@given(st.lists(columns, min_size=1, max_size=3), st.booleans())
@settings(max_examples=15, deadline=None)
def test_each_term_has_one_id(way: str, batches: list[list[TermColumn]], older: bool) -> None:
    before = [key for column in batches[0][:2] for key in column.keys().drop_null().unique().to_pylist()] * older
    known: dict[str, int] = {}
    with encoding(way, list(dict.fromkeys(before))) as (_, made):
        for batch in batches:
            for column, found in zip(batch, ids_of(made, way, batch), strict=True):
                for key, number in zip(column.keys().to_pylist(), found, strict=True):
                    assert (number == 0) == (key is None)
                    assert key is None or known.setdefault(key, number) == number
        assert len(set(known.values())) == len(known)
        made.flush()
        keys = pa.array(list(known), pa.large_string())
        assert made._dictionary.find(keys).tolist() == list(known.values())
        assert join(made._dictionary.decode(np.array(list(known.values()), np.int64))).to_pylist() == list(known)
        stored = set(before) | set(known)
        total = made._connection.execute(
            "SELECT count(*), count(DISTINCT n), coalesce(max(n), 0) FROM terms"
        ).fetchall()[0]
        own = sum(number >> 56 in (5, 7) for number in known.values())
        assert total[0] == total[1] == total[2] == made.last == len(stored) - own


@pytest.mark.parametrize("memory", [0, 200_000, 1 << 28])
def test_loads_are_the_same_whatever_has_room(monkeypatch: pytest.MonkeyPatch, memory: int) -> None:
    """Batches with few and with many terms, terms of earlier batches and of an earlier load."""
    monkeypatch.setattr(encoder, "RUN", 5000)
    chance = random.Random(5)
    keys = [f'"{n}"' if n % 3 else f"<http://e/{n}>" for n in range(12_000)]
    with Store.in_memory(settings=Settings(threads=1)) as store:
        with store.transaction() as transaction:
            transaction.encode(pa.array(keys[:1500], pa.large_string()))
        known: dict[str, int] = {}
        with store.transaction() as transaction:
            transaction._encoder = made = Encoder(transaction.connection, store._salt, memory)
            for size in (3000, 10, 5000, 2000, 900, 12_000):
                chosen = chance.sample(keys, size)
                for key, number in zip(chosen, made.encode(pa.array(chosen, pa.large_string()))[0], strict=True):
                    assert known.setdefault(key, int(number)) == number
            assert (made._met is None) == (memory < 1 << 28)
        with store.snapshot() as snapshot:
            found = snapshot.dictionary.find(pa.array(list(known), pa.large_string()))
            assert found.tolist() == list(known.values())
            assert [snapshot.dictionary.find_one(key) for key in list(known)[::500]] == list(known.values())[::500]
        total = store._connection.execute("SELECT count(*), count(DISTINCT n), max(n) FROM terms").fetchall()
        assert total == [(len(keys), len(keys), len(keys))]
        assert store._connection.execute("SELECT count(*), count(DISTINCT n) FROM lookup").fetchall() == [
            (len(keys), len(keys))
        ]
