# SPDX-License-Identifier: Apache-2.0
"""Quads sorted in memory stand as the database would sort them."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from semcube.engines import ids
from semcube.store import Store, transaction
from semcube.store.sorting import HeldQuads
from semcube.vocab import XSD

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
    assert held.quads == sum(map(len, parts))
    by_subject = list(held.by_subject())
    assert rows(by_subject, "psog") == expected
    assert [list(batch) for batch in by_subject] == [list("psog")] * len(by_subject)
    by_object = list(held.by_object())
    assert rows(by_object, "posg") == sorted((p, o, s, g) for p, s, o, g in expected)
    assert [list(batch) for batch in by_object] == [list("posg")] * len(by_object)
    taken = [row for part in held.take() for row in zip(*(column.tolist() for column in part), strict=True)]
    assert sorted(taken) == sorted(row for part in parts for row in part)
    assert (held.quads, held.bytes, list(held.by_subject())) == (0, 0, [])


@pytest.mark.parametrize("held", [0, 1 << 30])
def test_a_first_load_gives_the_same_tables_either_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    monkeypatch.setattr(transaction, "FIRST_QUADS", 0)
    monkeypatch.setattr(transaction, "HELD_BYTES", held)
    lines = [f'<e:{n % 7}> <e:p{n % 3}> "{n % 11}" {"" if n % 2 else f"<e:g{n % 5}>"} .' for n in range(400)]
    with Store.open(tmp_path / "s", create=True) as store:
        report = store.load("\n".join(lines + lines[:50]).encode(), format="nq")
        with store.snapshot() as snapshot:
            connection = snapshot.connection()
            found = {
                table: connection.execute(f"SELECT {columns} FROM {table} ORDER BY rowid").fetchall()
                for table, columns in (("quads_ps", "p, s, o, g"), ("quads_po", "p, o, s, g"))
            }
            graphs = connection.execute("SELECT count(*) FROM graphs WHERE NOT created").fetchall()
            counts = connection.execute("SELECT quads FROM predicates ORDER BY p").fetchall()
        assert store.load(b"<e:0> <e:p0> <e:new> .", format="nq").added == 1
    assert report.added == len(set(lines)) == len(found["quads_ps"])
    assert all(rows == sorted(rows) for rows in found.values())
    assert graphs == [(5,)]
    assert sum(count for (count,) in counts) == len(set(lines))


VALUED = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(
            [
                *('"1"^^<{0}integer>', '"1000000000000001"^^<{0}integer>', '"-1000000000000001"^^<{0}integer>'),
                *('"01"^^<{0}integer>', '"1.5"^^<{0}decimal>', '"1234567890.1234567"^^<{0}decimal>', '"x"', "<e:x>"),
                *('"2020-01-01"^^<{0}date>', '"2020-01-01Z"^^<{0}date>', '"12:00:00Z"^^<{0}time>'),
                *('"2020-01-01T00:00:00.0000001"^^<{0}dateTime>', '"0.1"^^<{0}float>', '"0.1"^^<{0}double>'),
            ]
        ),
    ),
    min_size=1,
    max_size=12,
)


@given(VALUED)
@settings(max_examples=20, deadline=None)
def test_a_first_load_counts_as_the_database_does(rows: list[tuple[int, str]]) -> None:
    lines = [f"<e:{n % 3}> <e:p{p}> {o.format(XSD)} ." for n, (p, o) in enumerate(rows)]
    counts = []
    for least in (0, 1 << 30):
        with pytest.MonkeyPatch.context() as patch, Store.in_memory() as store:
            patch.setattr(transaction, "FIRST_QUADS", least)
            store.load("\n".join(lines).encode(), format="nt")
            sql = "SELECT lexical, quads, objects, tags, inexact, times FROM predicates JOIN terms ON p & 255 = n"
            counts.append(sorted(store._connection.execute(sql).fetchall()))
    assert counts[0] == counts[1]
    assert sum(row[1] for row in counts[0]) == len({(n % 3, *row) for n, row in enumerate(rows)})
