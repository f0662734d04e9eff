# SPDX-License-Identifier: Apache-2.0
"""Cuts long work over rows into portions of about equal time, so that it can be stopped between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

__all__ = ["portions"]

_FIRST_ROWS = 512
_SECONDS = 0.1
_GROWTH = 8.0


def portions(rows: int, check: Callable[[], None] | None = None) -> Iterator[slice]:
    """Consecutive slices of rows; their length follows the time that the caller spends on each.

    Args:
        rows: The number of rows.
        check: Called before each slice; what it raises ends the work.

    Example:
        >>> [(part.start, part.stop) for part in portions(3)]
        [(0, 3)]
    """
    start, step = 0, _FIRST_ROWS
    while start < rows:
        if check is not None:
            check()
        began = time.perf_counter()
        stop = min(start + step, rows)
        yield slice(start, stop)
        spent = max(time.perf_counter() - began, 1e-9)
        step = max(1, int(step * min(max(_SECONDS / spent, 1 / _GROWTH), _GROWTH)))
        start = stop
