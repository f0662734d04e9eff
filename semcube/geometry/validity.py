# SPDX-License-Identifier: Apache-2.0
"""Repair of invalid geometries, with a count of what was done."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely

__all__ = ["Repairs", "polygons_only", "repair"]


@dataclass(frozen=True)
class Repairs:
    """What a repair found and did."""

    checked: int = 0
    """Geometries looked at (missing ones are not)."""
    repaired: int = 0
    """Invalid ones that were made valid."""
    failed: int = 0
    """Invalid ones that could not be; they are None in the result."""
    rows: tuple[int, ...] = ()
    """Row numbers of the repaired ones."""
    reasons: dict[int, str] = field(default_factory=dict)
    """Row -> what was wrong with it."""


def repair(geometries: np.ndarray, *, keep_dimension: bool = True) -> tuple[np.ndarray, Repairs]:
    """Valid geometries in place of invalid ones; valid ones are the identical objects.

    Args:
        geometries: Object array (N) of shapely geometries or None.
        keep_dimension: Keep only the parts that have the dimension the geometry had, so that a polygon stays one and
            does not become a collection with left-over lines.

    Returns:
        Object array (N) and the counts.

    Example:
        >>> bow = shapely.from_wkt("POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))")
        >>> fixed, done = repair(np.array([bow, None], dtype=object))
        >>> fixed[0].wkt, done.repaired
        ('MULTIPOLYGON (((0 2, 1 1, 0 0, 0 2)), ((2 0, 1 1, 2 2, 2 0)))', 1)
    """
    present = ~shapely.is_missing(geometries)
    bad = np.flatnonzero(present & ~shapely.is_valid(geometries))
    if len(bad) == 0:
        return geometries, Repairs(checked=int(present.sum()))
    result = geometries.copy()
    reasons = dict(zip(bad.tolist(), shapely.is_valid_reason(geometries[bad]).tolist(), strict=True))
    fixed, failed = [], 0
    for row in bad:
        one = _valid(geometries[row], keep_dimension)
        result[row] = one
        failed += one is None
        if one is not None:
            fixed.append(int(row))
    return result, Repairs(int(present.sum()), len(fixed), failed, tuple(fixed), reasons)


def _valid(geometry: shapely.Geometry, keep_dimension: bool) -> shapely.Geometry | None:
    try:
        fixed = shapely.make_valid(geometry, method="linework")
    except (shapely.errors.GEOSException, ValueError):
        return None
    if not keep_dimension:
        return fixed
    wanted = shapely.get_dimensions(geometry)
    return _of_dimension(fixed, int(wanted)) if shapely.get_dimensions(fixed) == wanted else fixed


def _of_dimension(geometry: shapely.Geometry, dimension: int) -> shapely.Geometry:
    if geometry.geom_type != "GeometryCollection":
        return geometry
    parts = [part for part in _leaves(geometry) if shapely.get_dimensions(part) == dimension]
    if len(parts) == 1:
        return parts[0]
    return (shapely.MultiPoint, shapely.MultiLineString, shapely.MultiPolygon)[dimension](parts)


def _leaves(geometry: shapely.Geometry) -> list[shapely.Geometry]:
    if hasattr(geometry, "geoms"):
        return [leaf for part in geometry.geoms for leaf in _leaves(part)]
    return [geometry]


def polygons_only(geometries: np.ndarray) -> np.ndarray:
    """The areal part of each geometry: a polygon or multipolygon; None where it has none.

    Example:
        >>> mixed = shapely.from_wkt("GEOMETRYCOLLECTION (POINT (9 9), POLYGON ((0 0, 1 0, 1 1, 0 0)))")
        >>> polygons_only(np.array([mixed, shapely.Point(1, 2)], dtype=object))
        array([<POLYGON ((0 0, 1 0, 1 1, 0 0))>, None], dtype=object)
    """
    result = np.asarray(geometries, dtype=object).copy()
    kinds = shapely.get_type_id(result)
    result[np.isin(kinds, (0, 1, 2, 4, 5))] = None
    for row in np.flatnonzero(kinds == 7):
        parts = [leaf for leaf in _leaves(result[row]) if leaf.geom_type == "Polygon" and not leaf.is_empty]
        result[row] = None if not parts else parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
    return result
