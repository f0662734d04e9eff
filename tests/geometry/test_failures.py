# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import shapely

from semcube.geometry.failures import row_by_row_where_it_fails


def _picky(column: np.ndarray) -> np.ndarray:
    if any(g.x in (7, 500) for g in column):
        raise shapely.errors.GEOSException("a seven")
    return np.asarray(shapely.get_x(column) > 100)


def test_only_the_bad_rows_are_lost() -> None:
    column = np.asarray(shapely.points(np.arange(1000.0), 0))
    errors: dict[int, str] = {}
    found = row_by_row_where_it_fails(_picky, (column,), False, errors)
    expected = np.arange(1000) > 100
    expected[[7, 500]] = False
    assert found.tolist() == expected.tolist()
    assert errors == {7: "a seven", 500: "a seven"}


def test_other_exceptions_are_not_caught() -> None:
    with pytest.raises(AttributeError):
        row_by_row_where_it_fails(_picky, (np.array([None]),), False, {})
    assert len(row_by_row_where_it_fails(_picky, (np.empty(0, dtype=object),), False, {})) == 0
