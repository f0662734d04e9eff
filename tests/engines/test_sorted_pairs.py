# SPDX-License-Identifier: Apache-2.0
"""Directories find what a binary search finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from semcube.engines import sorted_pairs
from semcube.engines.id_column import IdColumn
from semcube.engines.sorted_pairs import Directory, SortedPairs
from semcube.geometry.sorted import searched

if TYPE_CHECKING:
    import pytest

IDS = st.one_of(st.integers(1, 60), st.integers(2**40, 2**40 + 40), st.integers(2**62, 2**62 + 10**6))


@given(st.lists(IDS, min_size=1, max_size=60), st.lists(IDS, max_size=60))
def test_a_directory_finds_what_a_search_finds(ids: list[int], others: list[int]) -> None:
    column = np.sort(np.array(ids, np.int64))
    wanted = np.array([*others, *ids, 1, 2**62 + 2 * 10**6], np.int64)
    low, high = Directory(IdColumn(column)).ranges(wanted)
    first, last = searched(column, wanted)
    there = last > first
    assert (high - low).tolist() == (last - first).tolist()
    assert low[there].tolist() == first[there].tolist()


def test_even_ids_take_one_step_and_crowded_ones_have_no_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorted_pairs, "_FEW", 10)
    even = SortedPairs(np.arange(0, 3000, 3) + 7, np.arange(1000), None)
    crowded = SortedPairs(np.append(np.arange(999), 2**60), np.arange(1000), None)
    told = []
    even.grown = crowded.grown = lambda: told.append(1)
    before = even.nbytes
    assert even.ranges(even.first[:]).once
    assert even.ranges(even.first[::-1]).low.tolist() == list(range(999, -1, -1))
    assert even.nbytes > before
    for _ in range(3):
        assert crowded.ranges(crowded.first[:]).total == 1000
    assert crowded.nbytes == 12_000
    assert told == [1]


def test_found_says_how_much_there_is() -> None:
    pairs = SortedPairs(np.array([3, 4, 4, 9]), np.array([1, 1, 2, 1]), None)
    assert pairs.ranges(np.array([3, 9])).once
    found = pairs.ranges(np.array([4, 9, 5]))
    assert not found.once
    assert (found.total, (found.high - found.low).tolist()) == (3, [2, 1, 0])


@given(st.lists(IDS, max_size=40), st.lists(IDS, max_size=20), st.booleans())
def test_narrow_ids_are_those_that_were_given(ids: list[int], others: list[int], near: bool) -> None:
    given_ids = np.sort(np.array([one % 1000 + 2**61 if near else one for one in ids], np.int64))
    column = IdColumn(given_ids)
    assert column.nbytes == len(ids) * (4 if near and ids else column.offsets.itemsize)
    assert column[:].tolist() == given_ids.tolist()
    places = np.arange(len(ids))[::-2]
    assert column[places].tolist() == given_ids[places].tolist()
    wanted = np.array([*others, *given_ids.tolist(), 0, 2**61, 2**61 + 999, 2**62 + 2**32], np.int64)
    found, expected = column.searched(wanted), searched(given_ids, wanted)
    assert (found[1] - found[0]).tolist() == (expected[1] - expected[0]).tolist()
    there = expected[1] > expected[0]
    assert found[0][there].tolist() == expected[0][there].tolist()
