# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.geometry import grid as module
from semcube.geometry.grid import Grid

_NUMBER = st.one_of(st.integers(-4, 4).map(float), st.floats(-1e9, 1e9), st.sampled_from([1e-300, -1e-300, 1e300]))
_BOX = st.tuples(_NUMBER, _NUMBER, _NUMBER, _NUMBER).map(
    lambda b: (min(b[0], b[1]), min(b[2], b[3]), max(b[0], b[1]), max(b[2], b[3]))
)
_BOXES = st.lists(st.one_of(_BOX, st.just((np.nan,) * 4)), min_size=1, max_size=12)


def brute(boxes: np.ndarray, xy: np.ndarray) -> list[tuple[int, int]]:
    inside = (xy[:, None, :] >= boxes[None, :, :2]) & (xy[:, None, :] <= boxes[None, :, 2:])
    return list(zip(*(side.tolist() for side in np.nonzero(inside.all(axis=2))), strict=True))


@settings(max_examples=200, deadline=None)
@given(_BOXES, st.lists(st.tuples(_NUMBER, _NUMBER), max_size=12))
def test_a_point_is_in_the_boxes_that_hold_it(
    listed: list[tuple[float, float, float, float]], places: list[tuple[float, float]]
) -> None:
    boxes = np.array(listed, float)
    corners = np.concatenate([boxes[:, :2], boxes[:, 2:], boxes[:, [0, 3]]])
    xy = np.concatenate([np.array(places, float).reshape(-1, 2), corners])
    found = Grid.of(boxes)
    if found is None:
        assert np.isnan(boxes).all() or not np.isfinite(boxes[~np.isnan(boxes)]).all()
        return
    rows, held = found.query(xy)
    assert sorted(zip(rows.tolist(), held.tolist(), strict=True)) == brute(boxes, xy)
    assert (np.diff(rows) >= 0).all()


@pytest.mark.parametrize("size", [0.0, 0.01, 0.3])
def test_many_boxes_and_points(size: float) -> None:
    random = np.random.default_rng(1)
    low = random.random((3000, 2))
    boxes = np.hstack([low, low + random.random((3000, 2)) * size])
    xy = np.concatenate([random.random((500, 2)) * 1.4 - 0.2, low[:500], boxes[:500, 2:]])
    found = Grid.of(boxes)
    assert found is not None
    rows, held = found.query(xy)
    assert sorted(zip(rows.tolist(), held.tolist(), strict=True)) == brute(boxes, xy)


def test_boxes_that_would_be_listed_too_often_have_no_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    low = np.random.default_rng(2).random((20_000, 2))
    boxes = np.hstack([low, low + 1e-5])
    assert Grid.of(boxes) is not None
    boxes[:50, :2], boxes[:50, 2:] = 0, 1
    assert Grid.of(boxes) is None
    monkeypatch.setattr(module, "_MOST", 100)
    assert Grid.of(boxes[50:]) is None
