# SPDX-License-Identifier: Apache-2.0
"""A GEOS call over arrays in which one bad row must not cost the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely

__all__ = ["row_by_row_where_it_fails"]


def row_by_row_where_it_fails(
    function: Callable[..., Any], arrays: tuple[np.ndarray, ...], default: object, errors: dict[int, str]
) -> np.ndarray:
    """The result of a vectorised function; where it raises, the array is halved until the bad rows stand alone.

    Args:
        function: Takes arrays of equal length and gives one.
        arrays: Its arguments, each (N).
        default: The value of a row that fails; its type is that of the result.
        errors: Receives row -> reason.

    Returns:
        Array (N).

    Example:
        >>> failed = {}
        >>> row_by_row_where_it_fails(shapely.is_valid, (np.array([shapely.Point(1, 2)]),), False, failed), failed
        (array([ True]), {})
    """
    count = len(arrays[0])
    result = np.full(count, default, dtype=bool if isinstance(default, bool) else object)
    todo = [(0, count)]
    while todo:
        low, high = todo.pop()
        try:
            result[low:high] = function(*(array[low:high] for array in arrays))
        except shapely.errors.GEOSException as reason:
            if high - low == 1:
                errors[low] = str(reason)
            else:
                middle = (low + high) // 2
                todo += [(low, middle), (middle, high)]
    return result
