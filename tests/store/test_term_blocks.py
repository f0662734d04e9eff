# SPDX-License-Identifier: Apache-2.0
"""Packed terms against a plain list."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcube.io.terms import TERMS
from semcube.store import term_blocks, term_texts
from semcube.store.term_blocks import TermBlock, gathered
from semcube.store.term_rows import Row, as_about, rows_of, terms_of
from semcube.store.term_texts import CHUNK, TermTexts

DATATYPES = ("http://www.w3.org/2001/XMLSchema#string", "http://www.opengis.net/ont/geosparql#wktLiteral")
BEGINNINGS = ("", "http://e/", "http://e/feature/", "http://é/日本/", "POLYGON ((", "é", "😀😀😀😀😀😀", "x" * 300)
ABOUTS = (
    as_about(0, None, None),
    as_about(1, None, None),
    as_about(2, DATATYPES[0], None),
    as_about(2, DATATYPES[1], None),
    as_about(2, None, "fr"),
    as_about(2, None, "zh-hant"),
)
texts = st.builds(str.__add__, st.sampled_from(BEGINNINGS), st.text(max_size=6))
rows = st.tuples(texts, st.sampled_from(ABOUTS))


def table(listed: list[Row]) -> pa.Table:
    """Terms in several pieces, as the database gives them."""
    half = len(listed) // 2
    return pa.Table.from_batches([terms_of(part) for part in (listed[:half], listed[half:]) if part], TERMS)


def longer(listed: list[Row], size: int) -> list[Row]:
    """The same terms again and again with other ends."""
    return [(f"{listed[i % len(listed)][0]}{i % 13}", listed[i % len(listed)][1]) for i in range(size)]


@given(st.lists(rows, min_size=1, max_size=40), st.sampled_from([0, 100, 700]), st.data())
def test_a_block_gives_back_what_it_was_made_of(some: list[Row], size: int, data: st.DataObject) -> None:
    listed = longer(some, size) if size else some
    block = TermBlock(table(listed))
    assert len(block) == len(listed)
    places = data.draw(st.lists(st.integers(0, len(listed) - 1), min_size=1, max_size=50))
    assert block.rows(places) == [listed[place] for place in places]
    found = gathered([(block, np.array(places))])
    assert found.schema.equals(TERMS)
    assert rows_of(found) == [listed[place] for place in places]
    assert rows_of(gathered([(block, np.arange(len(listed)))])) == listed
    found.validate(full=True)


@given(st.lists(st.lists(rows, min_size=1, max_size=20), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_several_blocks_are_taken_together(lists: list[list[Row]], chance: object) -> None:
    blocks = [TermBlock(table(listed)) for listed in lists]
    whole = [row for listed in lists for row in listed]
    parts = [(block, np.arange(len(block))) for block in blocks]
    assert rows_of(gathered(parts)) == whole
    order = np.arange(len(whole))
    np.random.default_rng(len(whole)).shuffle(order)
    assert rows_of(gathered(parts, order)) == [whole[place] for place in order]


def test_what_many_terms_begin_with_is_kept_once() -> None:
    listed: list[Row] = []
    for i in range(20 * CHUNK // 4):
        iri = f"http://example.org/some/quite/long/path/feature/{i}"
        listed += [(iri, ABOUTS[0]), (f"{iri}/geometry", ABOUTS[0])]
        listed += [(f"POLYGON (({i % 90} 10, 5 5))", ABOUTS[3]), ("http://a/1" if i else "zzz", ABOUTS[0])]
    block = TermBlock(table(listed))
    assert block.nbytes < 22 * len(listed)
    assert block.rows([3, 4000, 4001, 4002]) == [listed[place] for place in (3, 4000, 4001, 4002)]


def test_a_long_literal_among_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [(f"http://e/{i}", ABOUTS[0]) for i in range(300)]
    listed[77] = ("é" * 5_000_000, ABOUTS[2])
    block = TermBlock(table(listed))
    places = np.array([76, 77, 77, 78])
    assert rows_of(gathered([(block, places)])) == [listed[place] for place in places]
    assert 10_000_000 < block.nbytes < 10_020_000
    assert pa.types.is_binary(block._ends.type)
    monkeypatch.setattr(term_blocks, "_NARROW", 10_000_000)  # as if more than 32 bits can count were wanted
    assert rows_of(gathered([(block, places)])) == [listed[place] for place in places]
    wide = TermBlock(table(listed))
    assert pa.types.is_large_binary(wide._ends.type)
    assert rows_of(gathered([(wide, places)])) == [listed[place] for place in places]
    assert wide.rows([78]) == [listed[78]]


class Dictionary:
    """Terms by number, from 1 on, as the database would fetch them."""

    def __init__(self, count: int, length: int = 5) -> None:
        self.count, self.length, self.fetched = count, length, 0

    def row(self, number: int) -> Row:
        if number % 3:
            return f"http://e/{number:0{self.length}}", ABOUTS[0]
        return f"name {number:0{self.length}}", ABOUTS[2 + number % 4]

    def fetch(self, numbers: np.ndarray) -> pa.Table:
        self.fetched += len(numbers)
        found = [self.row(number) if number <= self.count else None for number in numbers.tolist()]
        return pa.Table.from_batches([terms_of(found)]) if found else TERMS.empty_table()


@pytest.mark.parametrize("budget", [10_000, 200_000, 10_000_000])
@pytest.mark.parametrize("together", [1, 64])
def test_terms_by_number_whatever_is_in_memory(budget: int, together: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(term_texts, "_TOGETHER", together)
    source, kept = Dictionary(20 * CHUNK + 77), TermTexts(budget)
    chance = np.random.default_rng(budget)
    for step in range(40):
        low = int(chance.integers(1, source.count))
        wide = int(chance.choice([5, 300, 3 * CHUNK, source.count]))
        some = np.unique(chance.integers(low, min(low + wide, source.count + 3), int(chance.choice([1, 40, 5000]))))
        expected = [source.row(number) if number <= source.count else None for number in some.tolist()]
        assert rows_of(kept.terms(some, source.fetch)) == expected
        mixed = chance.choice(some, int(chance.choice([1, 2000])))
        found = kept.gathered(mixed)
        assert found is None or rows_of(found) == [source.row(number) for number in mixed.tolist()]
        few = kept.from_chunks(some[:20].tolist(), source.fetch)
        assert few == {number: source.row(number) for number in few}
        assert kept.nbytes <= budget, step
        assert kept.nbytes == sum(block.nbytes for block in kept._blocks) + budget // 6


def test_what_is_in_memory_is_not_fetched_again() -> None:
    source, kept = Dictionary(200 * CHUNK), TermTexts()
    everything = np.arange(1, source.count + 1)
    assert kept.gathered(everything) is None
    kept.terms(everything, source.fetch)
    assert source.fetched == source.count
    assert len(kept._blocks) == 4
    chosen = np.random.default_rng(1).permutation(everything)[:5000]
    found = kept.gathered(chosen)
    assert found is not None
    assert rows_of(found) == [source.row(number) for number in chosen.tolist()]
    assert rows_of(kept.terms(np.sort(chosen), source.fetch)) == [source.row(n) for n in np.sort(chosen).tolist()]
    assert kept.gathered(chosen[:60]) is None  # so few are cheaper one by one
    assert source.fetched == source.count


def test_long_texts_are_kept_in_smaller_blocks() -> None:
    source, kept = Dictionary(64 * CHUNK, length=300), TermTexts(30_000_000)
    numbers = np.arange(1, source.count + 1)
    for _ in range(2):
        assert len(kept.terms(numbers, source.fetch)) == len(numbers)
    assert len(kept._blocks) > 8
    assert kept.nbytes <= 30_000_000
