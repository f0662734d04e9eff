# SPDX-License-Identifier: Apache-2.0
"""Terms and ids of a store."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.config import Settings
from semcube.engines import ids
from semcube.engines.keys import join
from semcube.io.terms import IRI, QUADS, BlankNode, Literal, Term, key
from semcube.store import Store
from semcube.store.dictionary import hash_of
from semcube.store.term_texts import CHUNK, TermTexts
from semcube.vocab import XSD

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
terms = st.one_of(
    st.builds(IRI, text.map(lambda t: "http://e/" + t.replace(">", ""))),
    st.builds(BlankNode, st.from_regex("[a-z][a-z0-9]{0,5}", fullmatch=True)),
    st.builds(Literal, text),
    st.builds(Literal, text, language=st.sampled_from(["de", "en-gb"])),
    st.builds(Literal, text, st.sampled_from([XSD + "integer", XSD + "decimal", XSD + "boolean", "http://e/d"])),
    st.builds(lambda n: Literal(str(n), XSD + "integer"), st.integers(-(2**60), 2**60)),
)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with Store.in_memory(settings=Settings(threads=1)) as opened:
        yield opened


def load(store: Store, keys: list[str]) -> None:
    subject, predicate = pa.array(["<http://e/s>"] * len(keys)), pa.array(["<http://e/p>"] * len(keys))
    columns = [c.cast(pa.large_string()) for c in (subject, predicate, pa.array(keys, pa.large_string()))]
    store.load([pa.RecordBatch.from_arrays([*columns, pa.nulls(len(keys), pa.large_string())], schema=QUADS)])


@given(st.lists(terms, min_size=1, max_size=30))
@settings(max_examples=40, deadline=None)
def test_terms_come_back_as_they_went_in(store: Store, some: list[Term]) -> None:
    keys = [key(term) for term in some]
    load(store, keys)
    with store.snapshot() as snapshot:
        found = snapshot.dictionary.find(pa.array(keys, pa.large_string()))
        assert (found > 0).all()
        assert join(snapshot.dictionary.decode(found)).to_pylist() == keys
        assert [snapshot.dictionary.find_one(k) for k in keys] == found.tolist()
    by_key = dict(zip(keys, found.tolist(), strict=True))
    assert len(set(by_key.values())) == len(by_key)


def test_unknown_terms_and_nulls_are_zero(store: Store) -> None:
    load(store, ["<http://e/known>"])
    with store.snapshot() as snapshot:
        asked = pa.array(
            ["<http://e/known>", "<http://e/unknown>", None, '"5"^^<' + XSD + "integer>"], pa.large_string()
        )
        found = snapshot.dictionary.find(asked).tolist()
        assert found[0] > 0
        assert found[1:3] == [0, 0]
        assert found[3] == ids.integer_id(5)
        decoded = snapshot.dictionary.decode(np.array([0, found[0], found[3], ids.boolean_id(True)]))
    assert decoded["kind"].to_pylist() == [None, 0, 2, 2]
    assert decoded["lexical"].to_pylist() == [None, "http://e/known", "5", "true"]


def test_few_and_many_keys_give_the_same(store: Store) -> None:
    keys = [f'"{n}"' for n in range(500)]
    load(store, keys)
    with store.snapshot() as snapshot:
        many = snapshot.dictionary.find(pa.array(keys, pa.large_string()))
        few = np.concatenate(
            [snapshot.dictionary.find(pa.array(keys[i : i + 7], pa.large_string())) for i in range(0, 500, 7)]
        )
    assert (many == few).all()
    assert (many > 0).all()


def test_terms_with_one_hash_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look-up compares the whole text: here every key of a load before has the hash of every other."""
    with Store.in_memory(settings=Settings(threads=1)) as store:
        load(store, ['"a"', '"b"', '"a"@en', "<a>"])
        store._connection.execute(f"UPDATE lookup SET h = {hash_of(store._salt, 'same')}")
        monkeypatch.setattr("semcube.store.dictionary.hash_of", lambda salt, text: hash_of(salt, "same"))
        with store.snapshot() as snapshot:
            keys = pa.array(['"b"', '"a"', "<a>", '"a"@en', '"c"'], pa.large_string())
            found = snapshot.dictionary.find(keys)
            assert join(snapshot.dictionary.decode(found[:4])).to_pylist() == keys.to_pylist()[:4]
            assert found[4] == 0


def test_terms_of_earlier_loads_are_found_again() -> None:
    with Store.in_memory(settings=Settings(threads=1)) as store:
        load(store, [f'"{n}"' for n in range(3000)])
        before = store._connection.execute("SELECT count(*) FROM terms").fetchall()
        load(store, [f'"{n}"' for n in range(2000, 3000)])
        assert store._connection.execute("SELECT count(*) FROM terms").fetchall() == before
        assert store._connection.execute("SELECT count(DISTINCT n), max(n) FROM terms").fetchall() == [(3002, 3002)]


def test_chunks_of_texts_hold_what_a_plain_reading_holds() -> None:
    with Store.in_memory(settings=Settings(threads=1)) as store:
        load(store, [f'"text {n}"' for n in range(3 * CHUNK)])
        with store.snapshot() as snapshot:
            dictionary = snapshot.dictionary
            numbers = np.arange(1, 3 * CHUNK, 3)
            all_ids = (np.array([int(ids.Tag.STRING)]) << ids.SHIFT) | numbers[numbers > 10]
            plain = join(dictionary.decode(all_ids)).to_pylist()
            cached = join(dictionary.decode(all_ids)).to_pylist()
            scattered = [join(dictionary.decode(all_ids[i : i + 1]))[0].as_py() for i in range(0, len(all_ids), 97)]
    assert plain == cached
    assert scattered == plain[::97]
    assert len(set(plain)) == len(all_ids)


def test_what_is_missing_is_remembered_for_its_version_only() -> None:
    with Store.in_memory(settings=Settings(threads=1)) as store:
        load(store, ['"here"'])
        old = store.open_snapshot()
        assert [old.dictionary.find_one('"later"') for _ in range(2)] == [0, 0]
        load(store, ['"later"'])
        with store.snapshot() as new:
            assert new.dictionary.find_one('"later"') > 0
            assert new.dictionary.find_one('"never"') == 0
        assert [old.dictionary.find_one(k) > 0 for k in ('"never"', '"here"')] == [False, True]
        old.close()


def test_few_terms_of_kept_chunks_are_those_that_were_loaded() -> None:
    kinds = ['"{}"', "<http://e/{}>", '"\u00e4{}"@de', '"{}"^^<http://e/d>', '"{}"@en', '"{}.0"^^<' + XSD + "decimal>"]
    keys = [kinds[n % len(kinds)].format(n) for n in range(3 * CHUNK)]
    with Store.in_memory(settings=Settings(threads=1)) as store:
        load(store, keys)
        with store.snapshot() as snapshot:
            numbers = snapshot.dictionary.find(pa.array(keys, pa.large_string()))
            snapshot.dictionary.decode(numbers)  # from here on in memory
            chance = np.random.default_rng(1)
            for size in (1, 2, 7, 50, 300):
                chosen = chance.integers(0, len(keys), size)
                found = join(snapshot.dictionary.decode(numbers[chosen])).to_pylist()
                assert found == [keys[i] for i in chosen]


def test_chunks_are_forgotten_when_there_are_too_many() -> None:
    def fetch(numbers: np.ndarray) -> pa.Table:
        from semcube.io.terms import TERMS

        columns = [
            np.zeros(len(numbers), np.int8),
            [str(n) for n in numbers],
            [None] * len(numbers),
            [None] * len(numbers),
        ]
        return pa.table([pa.array(c, f.type) for c, f in zip(columns, TERMS, strict=True)], schema=TERMS)

    texts = TermTexts(budget=150_000)
    for chunk in range(10):
        numbers = np.arange(chunk * CHUNK + 1, (chunk + 1) * CHUNK + 1)
        assert texts.terms(numbers, fetch)["lexical"].to_pylist() == [str(n) for n in numbers]
    assert 0 < texts.nbytes <= 150_000
