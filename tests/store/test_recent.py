# SPDX-License-Identifier: Apache-2.0
"""What is kept of single terms: bounded, exact, and the same by every way of reading."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.config import Settings
from semcube.engines.ids import Tag, boolean_id, integer_id, make
from semcube.engines.memory import make_room
from semcube.io.keys import join, split
from semcube.sparql.query import execute
from semcube.store import Store, dictionary
from semcube.store.dictionary import StoreDictionary, hash_of
from semcube.store.recent import Recent
from semcube.store.term_blocks import TermBlock
from semcube.store.term_hashes import TermHashes
from semcube.store.term_rows import as_row, inline_row, key_of, rows_of, terms_of
from semcube.store.term_texts import CHUNK, TermTexts

if TYPE_CHECKING:
    import pytest

ONE = Settings(threads=1, memory_mb=256)
LINES = "".join(f"<http://e/{i}> <http://e/p> <http://e/{i + 1}> .\n" for i in range(3000)).encode()
INTEGER = "<http://www.w3.org/2001/XMLSchema#integer>"
KEYS = ["<http://e/a>", "_:b0", '"x"', '""', '"chat"@fr', f'"5"^^{INTEGER}', '"a"b"', None]


def test_the_least_lately_wanted_go() -> None:
    recent = Recent[str](1600)
    for number in range(40):
        recent.put([(number, str(number), 100)])
        recent.get([0])
    kept = [number for number in range(40) if recent.get([number]) != [None]]
    assert 0 in kept
    assert kept[-1] == 39
    assert 3 <= len(kept) <= 16
    assert recent.holds(kept)
    assert not recent.holds([0, 1])
    recent.put([(99, "large", 700)])
    assert recent.get([99]) == [None]


def test_many_threads() -> None:
    recent = Recent[int](20_000)

    def work(seed: int) -> None:
        for i in range(2000):
            number = (i * 7 + seed) % 300
            found = recent.get([number])[0]
            assert found in (None, number * 2)
            recent.put([(number, number * 2, 50)])

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recent.get([299]) == [598] or recent.get([299]) == [None]


def test_rows_are_terms() -> None:
    terms = split(pa.array(KEYS, pa.large_string()))
    rows = rows_of(terms)
    assert terms_of(rows).equals(terms)
    assert [None if row is None else key_of(row) for row in rows] == join(terms).to_pylist() == KEYS
    assert terms_of([]).num_rows == 0


def test_ids_that_are_terms() -> None:
    numbers = [integer_id(-7), integer_id(12), boolean_id(True), boolean_id(False), make(Tag.IRI, 3), 0]
    rows = [inline_row(number or 0) for number in numbers]
    assert [None if row is None else row[0] for row in rows] == ["-7", "12", "true", "false", None, None]


LEXICAL = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=12)
TERMS_OF_TEXTS = st.one_of(
    LEXICAL.map(lambda text: f'"{text}"'),
    LEXICAL.map(lambda text: f'"{text}"@en'),
    LEXICAL.map(lambda text: f'"{text}"^^<http://e/t>'),
    st.integers(0, 50).map(lambda i: f"<http://e/{i}>"),
    st.integers(-5, 5).map(lambda i: f'"{i}"^^{INTEGER}'),
    st.integers(0, 5).map(lambda i: f'"0{i}"^^{INTEGER}'),
    st.integers(0, 5).map(lambda i: f"_:b{i}"),
)


@settings(max_examples=20, deadline=None)
@given(st.lists(TERMS_OF_TEXTS, min_size=1, max_size=90, unique=True), st.integers(0, 2**32))
def test_few_and_many_terms_find_the_same(keys: list[str], seed: int) -> None:
    """Encoding, finding and decoding give the same for few terms, one by one, and for many, as columns."""
    chance = np.random.default_rng(seed)
    with Store.in_memory(settings=ONE) as store:
        wide = pa.array([*keys, *(f"<http://wide/{i}>" for i in range(dictionary.MANY))], pa.large_string())
        with store.transaction() as transaction:
            half = pa.array(keys[::2], pa.large_string())
            first = transaction.encode(half)
            together = transaction.encode(wide)
            transaction.flush()
            again = transaction.encode(pa.array(keys, pa.large_string()))
        assert together[: len(keys) : 2].tolist() == first.tolist()
        assert again.tolist() == together[: len(keys)].tolist()
        with store.snapshot() as snapshot:
            many = snapshot.dictionary.find(wide)
            assert many.tolist() == together.tolist()
            fresh = StoreDictionary(snapshot.connection, store._salt, None)
            order = chance.permutation(len(wide))
            few = [int(fresh.find(wide.take(pa.array([place])))[0]) for place in order[:10]]
            assert few == many[order[:10]].tolist()
            assert join(fresh.decode(many[order])).to_pylist() == wide.take(pa.array(order)).to_pylist()


def test_decoding_few_is_decoding_many(monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.in_memory(settings=ONE) as store:
        store.load("".join(f'<http://e/{i}> <http://e/p> "v{i}"@en .\n' for i in range(9000)).encode(), format="nt")
        with store.snapshot() as snapshot:
            numbers = snapshot.dictionary.find(pa.array([f"<http://e/{i}>" for i in range(9000)]))
            chosen = np.random.default_rng(1).permutation(np.append(numbers[::4], [0, 0, integer_id(4) or 0]))
            few = snapshot.dictionary.decode(chosen)
            monkeypatch.setattr(dictionary, "FEW", 0)
            many = StoreDictionary(snapshot.connection, store._salt, None).decode(chosen)
        assert few.to_pylist() == many.to_pylist()
        assert few["kind"].null_count == int((chosen == 0).sum()) > 0


def test_hashes_are_read_when_they_are_worth_it_and_follow_the_store() -> None:
    with Store.in_memory(settings=ONE) as store:
        store.load(LINES, format="nt")
        hashes = TermHashes(1_000_000)

        def found(key: str) -> list[int] | None:
            with store.snapshot() as snapshot:
                return hashes.find([hash_of(store._salt, key)], snapshot.version, snapshot.connection)

        answers = [found("<http://e/7>") for _ in range(10)]
        assert answers[0] is None
        assert answers[-1]
        assert found("<http://e/new>") == []
        with store.snapshot() as before:
            store.update("INSERT DATA { <http://e/new> <http://e/p> 1 }")
            with store.snapshot() as after:
                number = int(after.dictionary.find(pa.array(["<http://e/new>"]))[0]) & ((1 << 56) - 1)
                assert number in (found("<http://e/new>") or ())
                seven = pa.array(["<http://e/7>"])
                assert before.dictionary.find(seven).tolist() == after.dictionary.find(seven).tolist()
        store.load("".join(f"<http://f/{i}> <http://e/p> 1 .\n" for i in range(2000)).encode(), format="ttl")
        assert found("<http://f/1999>")
        assert found("<http://e/7>") == answers[-1]
        assert not hashes._known.added
        assert len(hashes) > 5000


def test_hashes_without_room_are_left_to_the_database() -> None:
    with Store.in_memory(settings=ONE) as store:
        store.load(LINES, format="nt")
        hashes = TermHashes(8 * 1000)
        with store.snapshot() as snapshot:
            asked = [hashes.find([1], snapshot.version, snapshot.connection) for _ in range(40)]
        assert asked == [None] * 40
        assert len(hashes) == 0


def test_a_scan_of_more_than_there_is_room_for_finds_some_of_it_again() -> None:
    fetched: list[int] = []

    def fetch(numbers: np.ndarray) -> pa.Table:
        fetched.append(len(numbers))
        rows = [as_row(int(Tag.IRI), f"http://e/{n:012}", None, None) for n in numbers]
        return pa.Table.from_batches([terms_of(rows)])

    numbers = np.arange(1, 10 * CHUNK + 1)
    size = TermBlock(fetch(numbers[:CHUNK])).nbytes
    texts = TermTexts(size * 8)
    rows = []
    for _ in range(7):
        fetched.clear()
        found = texts.terms(numbers, fetch)["lexical"].take(pa.array(np.arange(0, len(numbers), 999))).to_pylist()
        rows.append((sum(fetched) // CHUNK, found))
        assert texts.nbytes <= size * 8
    assert rows[0][0] == 10
    assert max(count for count, _ in rows[1:]) <= 7
    assert {tuple(found) for _, found in rows} == {tuple(f"http://e/{n:012}" for n in numbers[::999].tolist())}
    wanted = numbers[-CHUNK:]
    for _ in range(4):
        fetched.clear()
        texts.terms(wanted, fetch)
    assert fetched == []


def test_caches_can_be_forgotten_and_answers_stay() -> None:
    with Store.in_memory(settings=ONE) as store:
        store.load(LINES, format="nt")
        text = "SELECT ?s ?o { ?s <http://e/p> ?o } ORDER BY ?s"
        expected = store.query(text).to_arrow()
        for _ in range(3):
            store.query(text).to_arrow()
        make_room()
        assert not len(store._cache.texts._blocks)
        assert store._cache.columns.nbytes == store._geometries._chunks.nbytes == 0
        assert store.query(text).to_arrow().equals(expected)


def test_large_answers_are_decoded_in_pieces() -> None:
    count = 140_000
    lines = "".join(f"<http://e/{i}> <http://e/p> <http://e/{i % 1000}> .\n" for i in range(count)).encode()
    with Store.in_memory(settings=ONE) as store:
        store.load(lines, format="nt")
        with store.snapshot() as snapshot:
            answer = execute("SELECT ?s ?o { ?s <http://e/p> ?o }", snapshot, settings=ONE)
            assert max(batch.num_rows for batch in answer.batches()) == count  # look-ups give all at once
            pieces = list(answer.terms())
            assert max(piece[0].num_rows for piece in pieces) <= 131_072
            found = pa.Table.from_batches(
                [pa.record_batch([p[0]["lexical"], p[1]["lexical"]], ["s", "o"]) for p in pieces]
            )
    assert len(found) == count
    assert set(zip(*(column.to_pylist() for column in found.columns), strict=True)) == {
        (f"http://e/{i}", f"http://e/{i % 1000}") for i in range(count)
    }
