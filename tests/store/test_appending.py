# SPDX-License-Identifier: Apache-2.0
"""Rows arrive in a table as they were given, in statements of whole row groups."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from semcube.store import appending
from semcube.store.appending import Appender, append_stream


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(appending, "GROUP", 10)
    with duckdb.connect(":memory:") as opened:
        opened.execute("CREATE TABLE t (a BIGINT, b VARCHAR)")
        yield opened


@pytest.mark.parametrize("sizes", [[3], [10], [25, 1, 9, 30], [1] * 23, [0, 7, 0, 40]])
@pytest.mark.parametrize("most", [0, 1 << 20])
def test_all_rows_in_order(connection: Any, monkeypatch: pytest.MonkeyPatch, sizes: list[int], most: int) -> None:
    statements: list[int] = []
    real = appending.append
    monkeypatch.setattr(appending, "append", lambda *given: (statements.append(len(given[2])), real(*given)))
    appender, start = Appender(connection, "t", most), 0
    for size in sizes:
        numbers = np.arange(start, start + size)
        appender.add(pa.table({"a": numbers, "b": pa.array([str(n) for n in numbers], pa.string())}))
        start += size
    appender.flush()
    appender.flush()
    assert connection.execute("SELECT a, b FROM t ORDER BY rowid").fetchall() == [(n, str(n)) for n in range(start)]
    assert sum(statements) == start
    if most:
        assert all(count % 10 == 0 for count in statements[:-1])


@pytest.mark.parametrize("sizes", [[], [3], [10, 10], [25, 1, 9, 30], [1] * 23])
def test_a_stream_of_numbers(connection: Any, sizes: list[int]) -> None:
    connection.execute("CREATE TABLE q (x BIGINT, y BIGINT)")
    ends = np.cumsum([0, *sizes])
    batches = [np.arange(a, b) for a, b in itertools.pairwise(ends)]
    groups = list(appending._whole_groups(({"x": each, "y": -each} for each in batches), "xy"))
    assert all(len(group["x"]) == 10 for group in groups[:-1])
    append_stream(connection, "q", ({"x": each, "y": -each} for each in batches), "xy")
    found = connection.execute("SELECT x, y FROM q ORDER BY rowid").fetchall()
    assert found == [(n, -n) for n in range(sum(sizes))]
