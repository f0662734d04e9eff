# SPDX-License-Identifier: Apache-2.0
"""Three hundred random queries against the oracle; ``python -m tests.sparql.fuzz`` runs as many as one likes."""

from __future__ import annotations

import pytest

from tests.sparql.fuzz.generator import draw
from tests.sparql.fuzz.oracle import blocks, difference, expected
from tests.sparql.fuzz.sources import SOURCES


@pytest.mark.parametrize(
    ("source", "push_down", "count"),
    [("memory", "off", 100), ("memory", "auto", 300), ("store", "auto", 150), ("store", "forced", 100)],
)
def test_bags_of_solutions_are_equal(source: str, push_down: str, count: int) -> None:
    for data, queries in blocks(range(count)):
        with SOURCES[source](data) as dataset:
            for seed, query in queries:
                found = difference(data, query, dataset, push_down)
                assert found is None, f"seed {seed}\n{query}\n{found}"


def test_queries_have_answers() -> None:
    sizes = [sum(expected(*draw(seed))[0].values()) for seed in range(100)]
    assert sum(size > 0 for size in sizes) >= 35
    assert sum(size > 3 for size in sizes) >= 10


def test_a_seed_draws_the_same_query() -> None:
    assert draw(7) == draw(7)
    assert draw(7)[0] == draw(8)[0]
    assert draw(7)[1] != draw(8)[1]
