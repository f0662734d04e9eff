# SPDX-License-Identifier: Apache-2.0
"""The join kernels against the definition of compatible mappings, row by row."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from semcube.sparql.evaluate.joins import CompatibleRows, merge
from semcube.sparql.evaluate.solutions import Solutions, collect, rebatch
from semcube.sparql.evaluate.tables import EqualRows, SeenRows, group_rows

NAMES = ["a", "b", "c"]
ROWS = st.lists(st.tuples(*[st.integers(0, 3) for _ in NAMES]), max_size=12)


def table(rows: list[tuple[int, ...]], names: list[str] = NAMES) -> Solutions:
    columns = {name: np.array([row[i] for row in rows], np.int64) for i, name in enumerate(names)}
    return Solutions(columns, len(rows))


def compatible(left: tuple[int, ...], right: tuple[int, ...]) -> bool:
    return all(a in (b, 0) or b == 0 for a, b in zip(left, right, strict=True))


@given(ROWS, ROWS, st.integers(1, 7))
def test_pairs_are_the_compatible_rows(left: list[tuple[int, ...]], right: list[tuple[int, ...]], limit: int) -> None:
    build = CompatibleRows(table(right), NAMES)
    found = [pair for rows, partners in build.pairs(table(left), limit) for pair in zip(rows, partners, strict=True)]
    expected = [(i, j) for (i, a), (j, b) in itertools.product(enumerate(left), enumerate(right)) if compatible(a, b)]
    assert sorted((int(i), int(j)) for i, j in found) == expected


@given(ROWS, ROWS)
def test_compatible_and_overlapping(left: list[tuple[int, ...]], right: list[tuple[int, ...]]) -> None:
    build = CompatibleRows(table(right), NAMES)
    plain = [any(compatible(a, b) for b in right) for a in left]
    assert build.compatible(table(left)).tolist() == plain
    overlap = [any(compatible(a, b) and any(x and y for x, y in zip(a, b, strict=True)) for b in right) for a in left]
    assert build.compatible(table(left), overlapping=True).tolist() == overlap


@given(ROWS, ROWS)
def test_merge_takes_what_either_side_binds(left: list[tuple[int, ...]], right: list[tuple[int, ...]]) -> None:
    one, two = table(left), table(right, ["b", "c", "d"])
    for rows, partners in CompatibleRows(two, ["b", "c"]).pairs(one):
        merged = merge(one, two, rows, partners)
        for row, (i, j) in enumerate(zip(rows, partners, strict=True)):
            expected = [left[i][0], left[i][1] or right[j][0], left[i][2] or right[j][1], right[j][2]]
            assert [int(merged.columns[n][row]) for n in "abcd"] == expected


def test_more_shared_variables_than_a_mask_has_bits() -> None:
    names = [f"v{i}" for i in range(70)]
    left, right = table([tuple([1] * 70), tuple([1] * 69 + [2])], names), table([tuple([1] * 70)], names)
    pairs = [(int(i), int(j)) for a, b in CompatibleRows(right, names).pairs(left) for i, j in zip(a, b, strict=True)]
    assert pairs == [(0, 0)]
    assert CompatibleRows(right, names).compatible(left, overlapping=True).tolist() == [True, False]


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), max_size=20))
def test_group_rows_numbers_in_order_of_first_appearance(rows: list[tuple[int, int]]) -> None:
    columns = [np.array([row[i] for row in rows], np.int64) for i in range(2)]
    first, group = group_rows(columns, len(rows))
    seen = list(dict.fromkeys(rows))
    assert [rows[i] for i in first] == seen
    assert [seen[g] for g in group] == rows


def test_group_rows_without_columns_is_one_group() -> None:
    first, group = group_rows([], 3)
    assert (first.tolist(), group.tolist()) == ([0], [0, 0, 0])
    assert group_rows([], 0)[0].tolist() == []


@given(st.lists(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=9), max_size=8))
def test_seen_rows_gives_each_row_once(batches: list[list[tuple[int, int]]]) -> None:
    seen = SeenRows(["x", "y"])
    given_out: list[tuple[int, int]] = []
    for batch in batches:
        fresh = seen.add(table(batch, ["x", "y"]))
        given_out += list(zip(fresh.column("x").tolist(), fresh.column("y").tolist(), strict=True))
    assert len(given_out) == len(set(given_out))
    assert set(given_out) == {row for batch in batches for row in batch}


def test_equal_rows_respects_the_limit_of_pairs() -> None:
    many = EqualRows([np.zeros(10, np.int64)])
    sizes = [len(ours) for _, ours in many.pairs([np.zeros(10, np.int64)], limit=25)]
    assert sum(sizes) == 100
    assert max(sizes) <= 25


def test_collect_and_rebatch_fill_missing_columns() -> None:
    parts = [Solutions({"x": np.array([i])}, 1) for i in range(1, 4)] + [Solutions({"y": np.array([9])}, 1)]
    whole = collect(parts)
    assert whole.column("x").tolist() == [1, 2, 3, 0]
    assert whole.column("y").tolist() == [0, 0, 0, 9]
    assert [batch.rows for batch in rebatch(iter(parts), rows=4)] == [2, 2]
