# SPDX-License-Identifier: Apache-2.0
"""Set operations on geometry collections, which GEOS only does where all parts are of one dimension.

A collection counts as the set of points of its parts; the result is the union of what the parts give, dimension by
dimension.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import shapely

__all__ = ["set_operation"]


def set_operation(name: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A set operation of shapely over arrays, which takes collections too.

    Args:
        name: ``intersection``, ``union``, ``difference`` or ``symmetric_difference``.

    Returns:
        A function of two object arrays (N); raises ``GEOSException`` where a geometry is too invalid.

    Example:
        >>> mixed = shapely.from_wkt("GEOMETRYCOLLECTION (POINT (5 5), LINESTRING (0 0, 4 0))")
        >>> set_operation("intersection")(np.array([mixed]), np.array([shapely.box(2, -1, 9, 9)]))
        array([<GEOMETRYCOLLECTION (POINT (5 5), LINESTRING (2 0, 4 0))>], dtype=object)
    """
    plain, by_parts = getattr(shapely, name), _OPERATIONS[name]

    def operation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        result = np.full(len(first), None, dtype=object)
        collected = (shapely.get_type_id(first) == 7) | (shapely.get_type_id(second) == 7)
        result[~collected] = plain(first[~collected], second[~collected])
        for row in np.flatnonzero(collected & ~shapely.is_missing(first) & ~shapely.is_missing(second)).tolist():
            result[row] = by_parts(_by_dimension(first[row]), _by_dimension(second[row]))
        return result

    return operation


def _leaves(geometry: shapely.Geometry) -> list[shapely.Geometry]:
    if hasattr(geometry, "geoms"):
        return [leaf for part in geometry.geoms for leaf in _leaves(part)]
    return [] if geometry.is_empty else [geometry]


def _by_dimension(geometry: shapely.Geometry) -> list[shapely.Geometry]:
    """The points, the lines and the union of the areas of a geometry, as far as there are any."""
    leaves = _leaves(geometry)
    kinds = [[leaf for leaf in leaves if shapely.get_dimensions(leaf) == dimension] for dimension in range(3)]
    # Uniting lines would round where they cross, and move them off other points.
    together = (shapely.MultiPoint, shapely.MultiLineString, shapely.union_all)
    return [unite(kind) for unite, kind in zip(together, kinds, strict=True) if kind]


def _difference(a: list[shapely.Geometry], b: list[shapely.Geometry]) -> shapely.Geometry:
    return _together([reduce(shapely.difference, b, part) for part in a])


def _together(parts: list[shapely.Geometry]) -> shapely.Geometry:
    """The union; points on lines, and lines in areas, are no parts of their own."""
    kinds = _by_dimension(shapely.GeometryCollection([leaf for part in parts for leaf in _leaves(part)]))
    kinds = [shapely.union_all([kind]) for kind in kinds]
    rest = [reduce(shapely.difference, kinds[place + 1 :], kind) for place, kind in enumerate(kinds)]
    leaves = [leaf for part in rest for leaf in _leaves(part)]
    if len({leaf.geom_type for leaf in leaves}) == 1:
        return next(part for part in rest if not part.is_empty)
    return shapely.GeometryCollection(leaves)


_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "intersection": lambda a, b: _together([shapely.intersection(x, y) for x in a for y in b]),
    "difference": _difference,
    "union": lambda a, b: _together([*a, *b]),
    "symmetric_difference": lambda a, b: _together([_difference(a, b), _difference(b, a)]),
}
