# SPDX-License-Identifier: Apache-2.0
"""Little-endian WKB of plane points and lines, read as bytes: no object for each geometry, no parser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    Octets = npt.NDArray[np.uint8]
    Numbers = npt.NDArray[np.int64]

__all__ = ["LINE_HEAD", "POINT_BYTES", "VERTEX", "line_counts", "line_ordinates", "values_of"]

POINT_BYTES, LINE_HEAD, VERTEX = 21, 9, 16
"""Bytes of a point, before the first vertex of a line, and of a vertex."""


def values_of(wkb: pa.Array) -> tuple[Octets, Numbers, Numbers]:
    """The bytes of all values, and where each begins and how long it is.

    Args:
        wkb: (n,) large_binary with at least one value that is not null.

    Example:
        >>> import pyarrow as pa
        >>> octets, starts, lengths = values_of(pa.array([b"ab", None, b"cde"], pa.large_binary()))
        >>> octets.tobytes()[:5], starts.tolist(), lengths.tolist()
        (b'abcde', [0, 2, 2], [2, 0, 3])
    """
    offsets = np.frombuffer(wkb.buffers()[1], np.int64, len(wkb) + 1, 8 * wkb.offset)
    return np.frombuffer(wkb.buffers()[2], np.uint8), offsets[:-1], np.diff(offsets)


def line_counts(octets: Octets, starts: Numbers) -> Numbers:
    """(n,) how many vertices lines say they have."""
    found: Numbers = octets[starts[:, None] + np.arange(5, LINE_HEAD)].view("<u4").ravel().astype(np.int64)
    return found


def line_ordinates(octets: Octets, starts: Numbers, counts: Numbers) -> npt.NDArray[np.float64]:
    """The ordinates of lines, one after the other: x and y of each vertex.

    Args:
        octets: As :func:`values_of` gives them.
        starts: (n,) where each line begins, ascending; at least one.
        counts: (n,) how many vertices each has.
    """
    ends = starts + LINE_HEAD + VERTEX * counts
    low, high = int(starts[0]), int(ends[-1])
    if high - low == int((ends - starts).sum()):
        kept = np.ones(high - low, bool)
        kept[(starts[:, None] - low + np.arange(LINE_HEAD)).ravel()] = False
        bodies = octets[low:high][kept]
    else:
        bodies = np.concatenate([octets[a:b] for a, b in zip(starts + LINE_HEAD, ends, strict=True)])
    found: npt.NDArray[np.float64] = bodies.view("<f8")
    return found
