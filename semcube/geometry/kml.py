# SPDX-License-Identifier: Apache-2.0
"""``geo:kmlLiteral``: KML 2 geometries <-> geometries in CRS84 (always longitude, latitude)."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import numpy as np
import shapely

from semcube.errors import GeometryError
from semcube.geometry.markup import brackets, components
from semcube.geometry.xml import children, local_name, read_xml, tuples

__all__ = ["read_kml", "write_kml"]

NAMESPACE = "http://www.opengis.net/kml/2.2"
_GEOMETRIES = ("Point", "LineString", "LinearRing", "Polygon", "MultiGeometry")


def read_kml(texts: np.ndarray) -> tuple[np.ndarray, dict[int, str]]:
    """KML literals.

    Args:
        texts: Object array of str or None.

    Returns:
        Object array of geometries (lon, lat), None where malformed or None; and row -> reason of the malformed ones.

    Example:
        >>> read_kml(np.array(["<Point><coordinates>2.1,48.8</coordinates></Point>"], dtype=object))
        (array([<POINT (2.1 48.8)>], dtype=object), {})
    """
    result = np.full(len(texts), None, dtype=object)
    errors: dict[int, str] = {}
    for row, text in enumerate(texts):
        if text is None:
            continue
        try:
            result[row] = _whole(text)
        except (GeometryError, shapely.errors.ShapelyError, ValueError) as reason:
            errors[row] = str(reason).strip()
    return result, errors


def _whole(text: str) -> shapely.Geometry:
    if not text.strip():
        return shapely.GeometryCollection()
    root = read_xml(text)
    if local_name(root) in _GEOMETRIES:
        return _read(root)
    found = next((element for element in root.iter() if local_name(element) in _GEOMETRIES), None)
    if found is None:
        raise GeometryError(f"element <{local_name(root)}>", expected="one of " + ", ".join(_GEOMETRIES))
    return _read(found)


def _coordinates(element: Element) -> np.ndarray:
    return tuples(" ".join(part.text or "" for part in children(element, "coordinates")))


def _read(element: Element) -> shapely.Geometry:
    name = local_name(element)
    if name == "Point":
        found = _coordinates(element)
        if len(found) > 1:
            raise GeometryError(f"{len(found)} positions in a Point", expected="one")
        return shapely.Point(found[0]) if len(found) else shapely.Point()
    if name == "LineString":
        return shapely.LineString(_coordinates(element))
    if name == "LinearRing":
        return _ring(element)
    if name == "Polygon":
        shells = [_ring(ring) for side in children(element, "outerBoundaryIs") for ring in children(side, "LinearRing")]
        holes = [_ring(ring) for side in children(element, "innerBoundaryIs") for ring in children(side, "LinearRing")]
        if len(shells) > 1 or (holes and not shells):
            raise GeometryError(f"a polygon with {len(shells)} outer boundaries", expected="one")
        return shapely.Polygon(shells[0], holes) if shells else shapely.Polygon()
    return _collected([_read(part) for part in children(element, *_GEOMETRIES)])


def _ring(element: Element) -> shapely.Geometry:
    found = _coordinates(element)
    if len(found) and not np.array_equal(found[0], found[-1]):
        raise GeometryError("a ring that does not end where it starts", expected="first and last position equal")
    return shapely.LinearRing(found)


def _collected(parts: list[shapely.Geometry]) -> shapely.Geometry:
    """KML has one kind of collection: parts of one kind become the multi-geometry of that kind."""
    kinds = {part.geom_type for part in parts}
    if kinds == {"Point"}:
        return shapely.MultiPoint(parts)
    if kinds == {"LineString"}:
        return shapely.MultiLineString(parts)
    if kinds == {"Polygon"}:
        return shapely.MultiPolygon(parts)
    return shapely.GeometryCollection(parts)


def write_kml(geometries: np.ndarray) -> np.ndarray:
    """KML 2.2 of geometries in lon, lat; an empty geometry is "".

    Example:
        >>> write_kml(np.array([shapely.Point(2, 48)]))[0]
        '<Point xmlns="http://www.opengis.net/kml/2.2"><coordinates>2,48</coordinates></Point>'
    """
    result = np.full(geometries.shape, None, dtype=object)
    for row in np.flatnonzero(~shapely.is_missing(geometries)):
        geometry = geometries[row]
        result[row] = "" if geometry.is_empty else _write(geometry, f' xmlns="{NAMESPACE}"')
    return result


def _write(geometry: shapely.Geometry, head: str = "") -> str:
    kind = geometry.geom_type
    if kind.startswith("Multi") or kind == "GeometryCollection":
        inside = "".join(_write(part) for part in components(geometry) if not part.is_empty)
        return f"<MultiGeometry{head}>{inside}</MultiGeometry>"
    texts = [text.replace(", ", ";").replace(" ", ",").replace(";", " ") for text in brackets(geometry)]
    lists = [f"<coordinates>{text}</coordinates>" for text in texts]
    if kind == "Polygon":
        sides = ["outerBoundaryIs"] + ["innerBoundaryIs"] * (len(lists) - 1)
        inside = "".join(
            f"<{side}><LinearRing>{part}</LinearRing></{side}>" for side, part in zip(sides, lists, strict=True)
        )
    else:
        inside = "".join(lists)
    return f"<{kind}{head}>{inside}</{kind}>"
