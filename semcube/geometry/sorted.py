# SPDX-License-Identifier: Apache-2.0
"""Sets of numbers as sorted arrays, and places in them: what joins and indexes over ids are made of.

Numbers are sorted before they are looked up: a search whose keys ascend stays in the processor's cache, and NumPy's
sort is vectorised where its ``unique`` without an inverse hashes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["ascends", "distinct", "members", "searched"]

Numbers = npt.NDArray[np.int64]

_FEW = 4096
"""So few numbers are looked up as they come."""


def ascends(numbers: Numbers) -> bool:
    """Whether numbers are sorted (equal neighbours are)."""
    return bool((numbers[1:] >= numbers[:-1]).all())


def distinct(numbers: Numbers) -> Numbers:
    """Each number once, ascending.

    Example:
        >>> distinct(np.array([3, 1, 3])).tolist()
        [1, 3]
    """
    found = np.asarray(numbers, dtype=np.int64).ravel()
    found = found if ascends(found) else np.sort(found)
    fresh = np.ones(len(found), bool)
    np.not_equal(found[1:], found[:-1], out=fresh[1:])
    return found if fresh.all() else found[fresh]


def searched(table: Numbers, wanted: Numbers) -> tuple[Numbers, Numbers]:
    """Where each wanted number begins and ends in a sorted table: ``searchsorted`` on both sides.

    Example:
        >>> [part.tolist() for part in searched(np.array([2, 5, 5]), np.array([5, 1]))]
        [[1, 0], [3, 0]]
    """
    if len(wanted) <= _FEW or ascends(wanted):
        return _both_sides(table, wanted)
    order = np.argsort(wanted)
    low, high = np.empty(len(wanted), np.int64), np.empty(len(wanted), np.int64)
    low[order], high[order] = _both_sides(table, wanted[order])
    return low, high


def _both_sides(table: Numbers, wanted: Numbers) -> tuple[Numbers, Numbers]:
    low = np.searchsorted(table, wanted, "left")
    if len(wanted) > _FEW and len(table) and bool((table[1:] > table[:-1]).all()):
        inside = np.minimum(low, len(table) - 1)
        return low, low + (table[inside] == wanted)
    return low, np.searchsorted(table, wanted, "right")


def members(numbers: Numbers, of: Numbers) -> npt.NDArray[np.bool_]:
    """Which numbers are in a sorted table without duplicates.

    Example:
        >>> members(np.array([4, 2, 7]), np.array([2, 4, 6])).tolist()
        [True, True, False]
    """
    if not len(of) or not len(numbers):
        return np.zeros(len(numbers), bool)
    low, high = searched(of, numbers)
    return np.asarray(high > low)
