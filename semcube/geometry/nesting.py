# SPDX-License-Identifier: Apache-2.0
"""Bounds on nested collections: GEOS reads them by recursion and a deep one would end the process."""

from __future__ import annotations

import struct

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["MAX_NESTING", "headers", "too_deep", "too_deep_wkb"]

MAX_NESTING = 64
_REASON = f"collections nested deeper than {MAX_NESTING}"


def too_deep(texts: np.ndarray, opening: str, closing: str) -> dict[int, str]:
    """The rows of texts whose brackets nest deeper than :data:`MAX_NESTING`, with the reason.

    Example:
        >>> too_deep(np.array(["(" * 9 + ")" * 9, "(" * 99 + ")" * 99], dtype=object), "(", ")")
        {1: 'collections nested deeper than 64'}
    """
    counts = pc.count_substring_regex(pa.array(texts, pa.large_string()), f"[{_class(opening)}]")
    suspects = np.flatnonzero(pc.fill_null(counts, 0).to_numpy() > MAX_NESTING)
    return {int(row): _REASON for row in suspects if _depth(texts[row], opening, closing) > MAX_NESTING}


def _class(marks: str) -> str:
    return "".join("\\" + mark for mark in marks)


def _depth(text: str, opening: str, closing: str) -> int:
    codes = np.frombuffer(text.encode(), np.uint8)
    steps = np.isin(codes, list(opening.encode())).astype(np.int8) - np.isin(codes, list(closing.encode())).astype(
        np.int8
    )
    return int(np.cumsum(steps, dtype=np.int64).max(initial=0))


def headers(wkb: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The outermost geometry of each WKB value, without decoding.

    Args:
        wkb: Large binary array (N).

    Returns:
        Kind (1 point ... 7 collection; 0 where null or too short) and ordinates per coordinate (2 to 4), int64 (N).

    Example:
        >>> headers(pa.array([bytes.fromhex("01e9030000"), None], pa.large_binary()))
        (array([1, 0]), array([3, 2]))
    """
    offsets = np.frombuffer(wkb.buffers()[1], np.int64)[wkb.offset : wkb.offset + len(wkb) + 1]
    data = np.frombuffer(wkb.buffers()[2] or b"", np.uint8)
    good = (np.diff(offsets) >= 5) & np.asarray(wkb.is_valid())
    at = offsets[:-1][good]
    bytes_ = data[at[:, None] + np.arange(1, 5)].astype(np.int64)
    bytes_[data[at] == 0] = bytes_[data[at] == 0][:, ::-1]
    code = bytes_ @ np.array([1, 1 << 8, 1 << 16, 1 << 24])
    low = code & 0x1FFFFFFF
    thousand = low // 1000
    width = 2 + (np.isin(thousand, (1, 3)) | (code >> 31 & 1)) + (np.isin(thousand, (2, 3)) | (code >> 30 & 1))
    kinds, widths = np.zeros(len(wkb), np.int64), np.full(len(wkb), 2, np.int64)
    kinds[good], widths[good] = low % 1000, width
    return kinds, widths


def too_deep_wkb(wkb: pa.Array) -> dict[int, str]:
    """The rows of WKB (large binary) whose collections nest deeper than :data:`MAX_NESTING`, with the reason."""
    # Only a geometry collection can nest.
    suspects = np.flatnonzero(headers(wkb)[0] == 7)
    return {int(row): _REASON for row in suspects if _nests(wkb[int(row)].as_py())}


def _kind(value: bytes, at: int) -> tuple[int, int, str]:
    """Kind, ordinates per coordinate and byte order of the geometry at an offset."""
    order = "<" if value[at] == 1 else ">"
    code = struct.unpack_from(order + "I", value, at + 1)[0]
    flags, low = code >> 29, code & 0x1FFFFFFF
    width = 2 + (low // 1000 in (1, 3) or bool(flags & 4)) + (low // 1000 in (2, 3) or bool(flags & 2))
    return low % 1000, width, order


def _nests(value: bytes) -> bool:
    """Whether a collection is too deep; False also where the bytes end early, which the reader will find."""
    left = [1]
    at = 0
    try:
        while left:
            if left[-1] == 0:
                left.pop()
                continue
            left[-1] -= 1
            kind, width, order = _kind(value, at)
            at += 9 if (struct.unpack_from(order + "I", value, at + 1)[0] >> 29) & 1 else 5
            if kind == 1:
                at += 8 * width
                continue
            count = struct.unpack_from(order + "I", value, at)[0]
            at += 4
            if kind == 2:
                at += 8 * width * count
            elif kind == 3:
                for _ in range(count):
                    at += 4 + 8 * width * struct.unpack_from(order + "I", value, at)[0]
            else:
                left.append(count)
                if len(left) > MAX_NESTING:
                    return True
    except (struct.error, IndexError):
        return False
    return False
