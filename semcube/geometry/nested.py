# SPDX-License-Identifier: Apache-2.0
"""Plane geometries of one kind as nested lists of ordinates, and their text put together from the inside out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["KEYWORDS", "Wkb", "written"]

KEYWORDS = {
    1: "POINT ", 2: "LINESTRING ", 3: "POLYGON ", 4: "MULTIPOINT ", 5: "MULTILINESTRING ", 6: "MULTIPOLYGON ",
}  # fmt: skip
"""Kind in WKB -> how its text begins."""
_POINT, _MULTIPOINT = 1, 4
_LINES, _AREAS = (2, 5), (3, 6)
_NOTHING = pa.scalar("", pa.large_string())


class Wkb:
    """A large binary array that tells the kernels that it holds WKB."""

    _FIELD = pa.field("", pa.large_binary(), metadata={"ARROW:extension:name": "geoarrow.wkb"})

    def __init__(self, column: pa.Array) -> None:
        self.column = column

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        return self._FIELD.__arrow_c_schema__(), self.column.__arrow_c_array__()[1]


def written(wkb: pa.Array, kind: int, *, swap: bool) -> pa.Array | None:
    """WKT without prefix, with plain decimals, the shortest that read back as the same doubles.

    Args:
        wkb: (n,) large_binary without nulls: plane geometries of one kind.
        kind: 1 point ... 6 multipolygon.
        swap: Write y first.

    Returns:
        (n,) large_string; None where one is empty, or has an empty part, or an ordinate that is not finite, or is not
        what its kind asks for, or cannot be read.

    Example:
        >>> import shapely
        >>> shapes = pa.array([shapely.MultiPoint([(1, 2), (1e-7, 4)]).wkb], pa.large_binary())
        >>> written(shapes, 4, swap=True).to_pylist()
        ['MULTIPOINT ((2 1), (4 0.0000001))']
    """
    from geoarrow.c.kernel import ScalarFunction
    from geoarrow.c.lib import GeoArrowCException

    try:
        shapes = pa.array(ScalarFunction("as_geoarrow", type=kind)(Wkb(wkb)))
    except GeoArrowCException:
        return None
    shapes = shapes.storage if isinstance(shapes, pa.ExtensionArray) else shapes
    offsets = []
    while not pa.types.is_struct(shapes.type):
        offsets.append(shapes.offsets.to_numpy())
        if bool((np.diff(offsets[-1]) == 0).any()):
            return None
        shapes = shapes.values
    ordinates = shapes.flatten()
    if kind in _LINES + _AREAS and not _is_sound(offsets[-1], ordinates, closed=kind in _AREAS):
        return None
    decimals = [_decimals(each.to_numpy(zero_copy_only=False)) for each in (ordinates[::-1] if swap else ordinates)]
    if decimals[0] is None or decimals[1] is None:
        return None
    texts = pc.binary_join_element_wise(*decimals, pa.scalar(" ", pa.large_string()))
    if kind in (_POINT, _MULTIPOINT):
        texts = _bracketed(texts)
    for each in reversed(offsets):
        lists = pa.LargeListArray.from_arrays(pa.array(each, pa.int64()), texts)
        texts = _bracketed(pc.binary_join(lists, pa.scalar(", ", pa.large_string())))
    return pc.binary_join_element_wise(pa.scalar(KEYWORDS[kind], pa.large_string()), texts, _NOTHING)


def _is_sound(offsets: np.ndarray, ordinates: list[pa.Array], *, closed: bool) -> bool:
    """Whether all lines have two points, and all rings four, of which the last is the first."""
    if not closed:
        return bool((np.diff(offsets) >= 2).all())
    x, y = (each.to_numpy(zero_copy_only=False) for each in ordinates)
    first, last = offsets[:-1], offsets[1:] - 1
    return bool((last - first >= 3).all() and (x[first] == x[last]).all() and (y[first] == y[last]).all())


def _bracketed(texts: pa.Array) -> pa.Array:
    opening, closing = (pa.scalar(each, pa.large_string()) for each in "()")
    return pc.binary_join_element_wise(opening, texts, closing, _NOTHING)


def _decimals(values: np.ndarray) -> pa.Array | None:
    """Doubles as text; None where one is not finite."""
    if not np.isfinite(values).all():
        return None
    texts = pa.array(values + 0.0).cast(pa.large_string())  # 0 in place of -0
    size = np.abs(values)
    short = pc.match_substring(texts, "e") if size.max(initial=0) >= _LARGE or size.min(initial=1) < _SMALL else None
    rows = np.flatnonzero(short.to_numpy(zero_copy_only=False)) if short is not None else np.empty(0, np.int64)
    if not len(rows):
        return texts
    plain = [np.format_float_positional(value, unique=True, trim="-") for value in values[rows].tolist()]
    return pc.replace_with_mask(texts, short, pa.array(plain, pa.large_string()))


_SMALL, _LARGE = 1e-3, 1e7
"""Arrow writes no number between these with an exponent."""
