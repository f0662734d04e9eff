# SPDX-License-Identifier: Apache-2.0
"""Linking within a budget."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely

from semcube.errors import UsageError
from semcube.interlink import interlink
from semcube.interlink.progressive import Budget, Schedule
from semcube.interlink.scores import SCORES, Candidates, score

NAMES = {"source_iri": "http://e/a/{id}", "target_iri": "http://e/b/{id}", "source_crs": "CRS84", "target_crs": "CRS84"}


def table(geometries: Any) -> pa.Table:
    return pa.table({"id": range(len(geometries)), "geometry": pa.array(shapely.to_wkb(geometries), pa.binary())})


def stars(count: int, seed: int) -> np.ndarray:
    """Thin rings and discs: many pairs whose boxes meet are not related."""
    random = np.random.default_rng(seed)
    centres = shapely.points(random.uniform(0, 60, (count, 2)))
    radius = random.uniform(0.5, 5, count)
    discs = shapely.buffer(centres, radius)
    return np.where(random.random(count) < 0.5, discs, shapely.difference(discs, shapely.buffer(centres, radius * 0.9)))


@pytest.fixture(scope="module")
def sides() -> tuple[pa.Table, pa.Table]:
    return table(stars(300, 1)), table(stars(400, 2))


def rows(links: Any) -> set[tuple[str, ...]]:
    return {tuple(row.values()) for row in links.table.to_pylist()}


@pytest.mark.parametrize("name", SCORES)
def test_a_large_budget_finds_all(sides: tuple[pa.Table, pa.Table], name: str) -> None:
    batch = interlink(*sides, **NAMES)
    for boost in (True, False):
        found = interlink(*sides, budget=10**6, score=name, boost=boost, **NAMES)
        assert rows(found) == rows(batch)
        assert (found.report.verified, found.report.recall) == (batch.report.candidates, 1.0)


def test_a_side_with_itself(sides: tuple[pa.Table, pa.Table]) -> None:
    assert rows(interlink(sides[0], budget=10**6, **NAMES)) == rows(interlink(sides[0], **NAMES))


def test_a_budget_of_pairs_is_kept(sides: tuple[pa.Table, pa.Table]) -> None:
    batch = interlink(*sides, **NAMES)
    budget = batch.report.candidates // 2
    by_score = interlink(*sides, budget=budget, **NAMES)
    by_chance = interlink(*sides, budget=budget, score="random", boost=False, **NAMES)
    assert by_score.report.verified == by_chance.report.verified == budget
    assert rows(by_score) < rows(batch)
    assert by_score.report.related > 1.1 * by_chance.report.related


@pytest.mark.parametrize("score", ["fill", "mbro", "random"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_the_recall_is_estimated(sides: tuple[pa.Table, pa.Table], score: str, share: float) -> None:
    batch = interlink(*sides, **NAMES)
    part = interlink(*sides, budget=int(batch.report.candidates * share), score=score, **NAMES).report
    assert part.recall is not None
    assert part.recall_error is not None
    assert abs(part.recall - part.related / batch.report.related) < 4 * part.recall_error
    assert 0 < part.recall_error < 0.25


def test_a_budget_of_time(sides: tuple[pa.Table, pa.Table]) -> None:
    assert interlink(*sides, budget="1h", **NAMES).report.recall == 1.0
    report = interlink(*sides, budget="0s", **NAMES).report
    assert 0 < report.verified <= 2000


def test_boosting_raises_neighbours() -> None:
    a, b = shapely.points(np.zeros((2, 2))), shapely.points(np.zeros((6, 2)))
    pairs = Candidates(a, b, np.array([0, 0, 0, 1, 1, 1]), np.arange(6))
    schedule = Schedule(pairs, np.array([1.0, 1, 1, 1, 1, 1]) - np.array([0, 0, 0, 0.1, 0, 0]), boost=True)
    schedule.learn(np.array([0, 3]), np.array([False, True]))
    assert set(schedule.best(2).tolist()) == {4, 5}


def test_scores_of_the_literature() -> None:
    source, target = shapely.box([0, 0], [0, 0], [2, 2], [2, 2]), shapely.box([1, 0], [1, 0], [3, 2], [3, 2])
    pairs = Candidates(source, target, np.array([0, 0]), np.array([0, 1]))
    assert score("mbro", pairs).tolist() == [pytest.approx(1 / 7), 1.0]
    assert score("isp", pairs).tolist() == [0.1, 0.1]
    assert score("fill", pairs).tolist() == [0.25, 1.0]
    # Cells of 2 x 2 from (0, 0), closed at both ends: the source and the second target touch 2 x 2, the first too.
    assert score("cf", pairs).tolist() == [4.0, 4.0]
    assert score("js", pairs).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("text", ["fast", "1.5", "-3", "10 parsecs"])
def test_wrong_budgets(text: str) -> None:
    with pytest.raises(UsageError, match="a number of pairs"):
        Budget.parse(text)
