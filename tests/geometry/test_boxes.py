# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.geometry import boxes as module
from semcube.geometry.boxes import BoxTree, grow_m, intersecting, turned
from semcube.geometry.metres import GEOD


def _random(count: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    low = random.integers(0, 50, (count, 2)).astype(float)
    return np.hstack([low, low + random.integers(0, 6, (count, 2))])


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 255, 256, 257, 1500])
def test_the_tree_finds_what_brute_force_finds(count: int) -> None:
    boxes, queries = _random(count, 1), _random(40, 2)
    if count > 10:
        boxes[3] = np.nan
    query, row = BoxTree(boxes).query(queries)
    expected = [
        (i, j) for i in range(40) for j in range(count) if intersecting(queries[i : i + 1], boxes[j : j + 1])[0]
    ]
    assert list(zip(query.tolist(), row.tolist(), strict=True)) == expected


def test_many_queries_run_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = _random(3000, 3)
    expected = BoxTree(boxes).query(boxes)
    monkeypatch.setattr(module, "_FRONTIER", 5000)
    found = BoxTree(boxes).query(boxes)
    assert np.array_equal(found[0], expected[0])
    assert np.array_equal(found[1], expected[1])


def test_bounds() -> None:
    assert BoxTree(np.array([[1.0, 2, 3, 4], [0, 5, 1, 9]])).bounds.tolist() == [0, 2, 3, 9]
    assert np.isnan(BoxTree(np.empty((0, 4))).bounds).all()


def test_a_box_with_nan_asks_nothing() -> None:
    assert len(BoxTree(_random(100, 4)).query(np.full((1, 4), np.nan))[0]) == 0


@settings(max_examples=200, deadline=None)
@given(st.floats(-180, 180), st.floats(-90, 90), st.floats(0, 360), st.floats(0, 9e6), st.floats(0, 1))
def test_nothing_within_the_distance_lies_outside_the_grown_box(
    lon: float, lat: float, azimuth: float, metres: float, share: float
) -> None:
    x, y, _ = GEOD.fwd(lon, lat, azimuth, metres * share)
    grown = grow_m(np.array([[lon, lat, lon, lat]]), metres)
    moved = grown[0, [0, 2]] + np.array([[-360.0], [0.0], [360.0]])
    assert grown[0, 1] <= y <= grown[0, 3]
    assert ((moved[:, 0] <= x) & (x <= moved[:, 1])).any()


def test_the_grown_box_is_tight_away_from_poles() -> None:
    grown = grow_m(np.array([[10.0, 50, 11, 51]]), 1000.0)[0]
    assert grown == pytest.approx([10 - 0.0143, 50 - 0.0091, 11 + 0.0143, 51 + 0.0091], abs=4e-4)
    assert grow_m(np.array([[0.0, 89.99, 0.0, 89.99]]), 5000.0)[0, [0, 2]] == pytest.approx([-360, 360])
    assert grow_m(np.array([[1.0, 2, 3, 4]]), 0.0)[0] == pytest.approx([1, 2, 3, 4], abs=1e-8)


def test_boxes_come_back_from_the_other_side() -> None:
    rows, moved = turned(np.array([[170.0, 0, 190, 1], [0, 0, 1, 1]]), np.array([-180.0, -90, 180, 90]))
    assert rows.tolist() == [0, 1, 0]
    assert moved[2].tolist() == [-190, 0, -170, 1]
