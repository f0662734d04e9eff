# SPDX-License-Identifier: Apache-2.0
"""Fingerprints of IRIs, and which of them come twice."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

__all__ = ["Duplicates", "fingerprints"]

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_BYTES = np.random.Generator(np.random.PCG64(20)).integers(1, 2**63, 256, dtype=np.uint64)
_SLICE = 1 << 20


def fingerprints(column: pa.Array) -> np.ndarray:
    """64-bit fingerprints of texts or bytes, the same in every run; of null that of nothing.

    Example:
        >>> found = fingerprints(pa.array(["a", "b", "a"], pa.large_string()))
        >>> bool(found[0] == found[2]), bool(found[0] == found[1])
        (True, False)
    """
    offsets = np.frombuffer(column.buffers()[1], np.int64)[column.offset : column.offset + len(column) + 1]
    data = np.frombuffer(column.buffers()[2] or b"", np.uint8)
    result = np.zeros(len(column), np.uint64)
    start = 0
    with np.errstate(over="ignore"):
        while start < len(column):
            stop = max(start + 1, int(np.searchsorted(offsets, offsets[start] + _SLICE, "right")) - 1)
            lengths = np.diff(offsets[start : stop + 1])
            values = _BYTES[data[offsets[start] : offsets[stop]]]
            place = np.arange(len(values)) - np.repeat(offsets[start:stop] - offsets[start], lengths)
            powers = np.multiply.accumulate(np.full(int(lengths.max(initial=0)) + 1, _MULTIPLIER))
            totals = np.concatenate([[np.uint64(0)], np.add.accumulate(values * powers[place], dtype=np.uint64)])
            edges = offsets[start : stop + 1] - offsets[start]
            result[start:stop] = totals[edges[1:]] - totals[edges[:-1]] + lengths.astype(np.uint64)
            start = stop
        result ^= result >> np.uint64(29)
        result *= _MULTIPLIER
    return result


class Duplicates:
    """Finds IRIs that were there before, chunk by chunk, in 8 bytes a row."""

    def __init__(self) -> None:
        self._seen: list[np.ndarray] = []

    def repeated(self, iris: pa.Array) -> list[str]:
        """The IRIs of this chunk that this or an earlier chunk has already, once for each row."""
        prints = fingerprints(iris)
        order = np.argsort(prints, kind="stable")
        again = np.zeros(len(prints), dtype=bool)
        again[order[1:]] = prints[order[1:]] == prints[order[:-1]]
        for earlier in self._seen:
            place = np.minimum(np.searchsorted(earlier, prints), len(earlier) - 1)
            again |= earlier[place] == prints
        if len(prints):
            self._seen.append(np.sort(prints))
        if len(self._seen) > 16:
            self._seen = [np.sort(np.concatenate(self._seen))]
        found: list[str] = iris.filter(pa.array(again)).to_pylist()
        return found
