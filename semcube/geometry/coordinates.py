# SPDX-License-Identifier: Apache-2.0
"""Exchange of x and y in geometries of every kind, with Z and M left as they are."""

from __future__ import annotations

import struct

import numpy as np
import shapely

__all__ = ["replace_xy", "swap_xy"]


def replace_xy(geometries: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """New geometries with other x and y.

    Args:
        geometries: Object array of shapely geometries or None.
        xy: Coordinates (N, 2) in the order of ``shapely.get_coordinates(geometries)``.

    Returns:
        Object array of the same shape; the input is not changed.

    Example:
        >>> import numpy as np, shapely
        >>> replace_xy(np.array([shapely.from_wkt("POINT ZM (1 2 3 4)")]), np.array([[5.0, 6.0]]))[0].wkt
        'POINT ZM (5 6 3 4)'
    """
    flat = geometries.ravel()
    measured = shapely.has_m(flat)
    high = shapely.has_z(flat) & ~measured
    if not measured.any() and not high.any():
        return np.asarray(shapely.set_coordinates(flat.copy(), xy)).reshape(geometries.shape)
    owner = np.repeat(np.arange(flat.size), shapely.get_num_coordinates(flat))
    result = flat.copy()
    plain = ~measured & ~high
    result[plain] = shapely.set_coordinates(flat[plain], xy[plain[owner]])
    if high.any():
        xyz = shapely.get_coordinates(flat[high], include_z=True)
        xyz[:, :2] = xy[high[owner]]
        result[high] = shapely.set_coordinates(flat[high], xyz)
    if measured.any():
        # shapely.set_coordinates loses M, so these are rewritten as WKB.
        parts = np.split(xy[measured[owner]], np.cumsum(shapely.get_num_coordinates(flat[measured]))[:-1])
        encoded = shapely.to_wkb(flat[measured], flavor="iso", byte_order=1)
        result[measured] = shapely.from_wkb(
            np.array([_rewritten(wkb, part) for wkb, part in zip(encoded, parts, strict=True)], dtype=object)
        )
    return result.reshape(geometries.shape)


def swap_xy(geometries: np.ndarray) -> np.ndarray:
    """New geometries with x and y exchanged, exactly.

    Example:
        >>> import numpy as np, shapely
        >>> swap_xy(np.array([shapely.Point(1, 2)]))[0].wkt
        'POINT (2 1)'
    """
    return replace_xy(geometries, shapely.get_coordinates(geometries)[:, ::-1])


def _rewritten(wkb: bytes, xy: np.ndarray) -> bytes:
    """ISO WKB, little endian, with other x and y."""
    text = bytearray(wkb)
    _walk(text, 0, xy, 0)
    return bytes(text)


def _walk(text: bytearray, at: int, xy: np.ndarray, done: int) -> tuple[int, int]:
    """Rewrite one geometry at an offset; the next offset and the number of coordinates done."""
    code = struct.unpack_from("<I", text, at + 1)[0]
    kind, flags = code % 1000, code // 1000
    width = 2 + (flags in (1, 3)) + (flags in (2, 3))
    at += 5
    if kind == 1:
        values = np.frombuffer(text, "<f8", width, at)
        if np.isnan(values[:2]).all():
            return at + 8 * width, done
        return _run(text, at, 1, width, xy, done)
    count = struct.unpack_from("<I", text, at)[0]
    at += 4
    if kind == 2:
        return _run(text, at, count, width, xy, done)
    for _ in range(count):
        if kind == 3:
            points = struct.unpack_from("<I", text, at)[0]
            at, done = _run(text, at + 4, points, width, xy, done)
        else:
            at, done = _walk(text, at, xy, done)
    return at, done


def _run(text: bytearray, at: int, count: int, width: int, xy: np.ndarray, done: int) -> tuple[int, int]:
    values = np.frombuffer(text, "<f8", count * width, at).reshape(count, width)
    values[:, :2] = xy[done : done + count]
    return at + 8 * count * width, done + count
