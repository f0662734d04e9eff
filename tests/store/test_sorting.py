# SPDX-License-Identifier: Apache-2.0
"""Quads sorted in memory stand as the database would sort them."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from semcube.engines import ids
from semcube.store.sorting import HeldQuads

TERMS = st.one_of(
    st.integers(1, 5),
    st.integers(ids.first(ids.Tag.IRI), ids.first(ids.Tag.IRI) + 3),
    st.integers(ids.first(ids.Tag.INTEGER), ids.first(ids.Tag.INTEGER) + 3),
    st.integers(0, (1 << 62)),
)
QUADS = st.lists(st.tuples(st.integers(1, 3), TERMS, TERMS, st.sampled_from([0, 0, 0, 7])), max_size=30)


def rows(batches: list[dict[str, np.ndarray]], names: str) -> list[tuple[int, ...]]:
    return [row for batch in batches for row in zip(*(batch[name].tolist() for name in names), strict=True)]


@given(st.lists(QUADS, min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_distinct_and_sorted_both_ways(parts: list[list[tuple[int, int, int, int]]]) -> None:
    held = HeldQuads()
    for part in parts:
        held.add(*(np.array([row[i] for row in part], np.int64) for i in range(4)))
    expected = sorted({row for part in parts for row in part})
    made = held.distinct()
    assert made.bytes == 32 * len(expected)
    assert held.bytes == 0
    by_subject = list(made.by_subject())
    assert rows(by_subject, "psog") == expected
    assert [list(batch) for batch in by_subject] == [list("psog")] * len(by_subject)
    by_object = list(made.by_object())
    assert rows(by_object, "posg") == sorted((p, o, s, g) for p, s, o, g in expected)
    assert [list(batch) for batch in by_object] == [list("posg")] * len(by_object)
