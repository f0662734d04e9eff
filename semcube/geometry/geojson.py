# SPDX-License-Identifier: Apache-2.0
"""``geo:geoJSONLiteral``: GeoJSON geometry objects (RFC 7946) <-> geometries in CRS84."""

from __future__ import annotations

import json

import numpy as np
import shapely

from semcube.errors import CRSError
from semcube.geometry.crs import CRS84, crs, same
from semcube.geometry.nesting import too_deep

__all__ = ["read_geojson", "write_geojson"]


def read_geojson(texts: np.ndarray) -> tuple[np.ndarray, dict[int, str]]:
    """GeoJSON literals; a Feature is its geometry, a FeatureCollection a collection.

    Args:
        texts: Object array of str or None.

    Returns:
        Object array of geometries (lon, lat), None where malformed or None; and row -> reason of the malformed ones. A
        ``crs`` member (it is no longer part of GeoJSON) that names another system than WGS 84 lon/lat is malformed.

    Example:
        >>> read_geojson(np.array(['{"type": "Point", "coordinates": [1, 2]}'], dtype=object))
        (array([<POINT (1 2)>], dtype=object), {})
    """
    errors = too_deep(texts, "{[", "}]")
    safe = texts
    if errors:
        safe = texts.copy()
        safe[list(errors)] = None
    geometries = np.asarray(shapely.from_geojson(safe, on_invalid="ignore"), dtype=object)
    for row in np.flatnonzero(shapely.is_missing(geometries)):
        if safe[row] is None:
            continue
        if not safe[row].strip():
            geometries[row] = shapely.GeometryCollection()
            continue
        try:
            geometries[row] = shapely.from_geojson(safe[row])
        except (shapely.errors.ShapelyError, ValueError) as reason:
            errors[int(row)] = str(reason).strip()
    for row in np.flatnonzero(np.array([text is not None and '"crs"' in text for text in safe], dtype=bool)):
        if geometries[row] is not None and (reason_text := _foreign_system(safe[row])):
            geometries[row] = None
            errors[int(row)] = reason_text
    return geometries, errors


def _foreign_system(text: str) -> str | None:
    member = json.loads(text).get("crs")
    if member is None:
        return None
    name = member.get("properties", {}).get("name") if isinstance(member, dict) else None
    try:
        known = isinstance(name, str) and same(crs(name), CRS84)
    except CRSError:
        known = False
    return (
        None
        if known
        else f"a crs member {name or member!r}; expected none: a GeoJSON literal is WGS 84 longitude, latitude"
    )


def write_geojson(geometries: np.ndarray) -> np.ndarray:
    """GeoJSON of geometries in lon, lat; shells run anticlockwise (RFC 7946, 3.1.6); M is left out.

    Example:
        >>> write_geojson(np.array([shapely.Point(2, 48)]))[0]
        '{"type":"Point","coordinates":[2.0,48.0]}'
    """
    return np.asarray(shapely.to_geojson(shapely.orient_polygons(geometries)), dtype=object)
