# SPDX-License-Identifier: Apache-2.0
"""The table of hashes knows what it met, and in which order."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.store.hash_table import HashTable

# few upper halves, so that slots and halves collide
numbers = st.tuples(st.one_of(st.integers(0, 3), st.integers(0, 2**64 - 1)), st.integers(0, 2))


@given(st.lists(st.lists(numbers, max_size=40), min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_the_table_is_a_dictionary(batches: list[list[tuple[int, int]]]) -> None:
    table, known = HashTable(), {}
    for batch in batches:
        before = len(known)
        expected = [known.setdefault(number, len(known)) for number in batch]
        places, new = table.add(*(np.array([row[i] for row in batch], np.uint64) for i in range(2)))
        assert places.tolist() == expected
        assert [batch[row] for row in new.tolist()] == list(known)[before:]
        assert new.tolist() == sorted(new.tolist())
        assert len(table) == len(known)
        assert list(zip(table.upper.tolist(), table.lower.tolist(), strict=True)) == list(known)


def test_growing_keeps_everything() -> None:
    chance = np.random.default_rng(3)
    table = HashTable()
    upper, lower = (chance.integers(0, 2**63, 200_000, np.uint64) for _ in range(2))
    upper[:300] >>= np.uint64(40)  # many that want the same slots
    for start in range(0, len(upper), 30_000):
        rows = slice(start, start + 30_000)
        places, new = table.add(upper[rows], lower[rows])
        table.ids[places] = places + 1
        assert len(new) == len(places)
    places, new = table.add(upper, lower)
    assert not len(new)
    assert places.tolist() == list(range(len(upper)))
    assert (table.ids[places] == places + 1).all()
