# SPDX-License-Identifier: Apache-2.0
"""``geo:gmlLiteral``: GML of the Simple Features profile <-> geometries in the authority's axis order.

Elements count by their local name in any namespace, so GML 2, 3.1 and 3.2 and the namespace of the GeoSPARQL ontology
all read. Curves and surfaces are read where their segments are linear; a surface of several patches is their union.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
import shapely

from semcube.errors import GeometryError
from semcube.geometry.markup import brackets, components
from semcube.geometry.xml import children, local_name, numbers, read_xml, tuples

__all__ = ["PROFILES", "namespace_of", "read_gml", "write_gml"]

NAMESPACE = "http://www.opengis.net/gml/3.2"
PROFILES = "gml-sf0, gml-sf1 or gml-sf2 (also as http://www.opengis.net/def/profile/ogc/2.0/gml-sf2), 3.2 or 3.1.1"
"""The names of what is written: GML 3.2 and 3.1.1, both within the Simple Features profile at any level."""
_SF = r"(?:https?://www\.opengis\.net/def/profile/ogc/2\.0/)?gml-?sf-?[0-2]?"
_GML_32 = re.compile(rf"{_SF}|(?:https?://www\.opengis\.net/gml/|gml[ /_-]?)?3\.2(?:\.[0-9])?", re.IGNORECASE)
_GML_31 = re.compile(r"https?://www\.opengis\.net/gml|(?:gml[ /_-]?)?3\.[01](?:\.[0-9])?", re.IGNORECASE)
_LINES = ("LineString", "Curve", "CompositeCurve", "OrientableCurve", "LinearRing", "Ring")
_SURFACES = (
    "Polygon",
    "Surface",
    "CompositeSurface",
    "OrientableSurface",
    "PolyhedralSurface",
    "TriangulatedSurface",
    "Tin",
)
_LINEAR_SEGMENTS = ("LineStringSegment", "GeodesicString", "Geodesic")


@dataclass(frozen=True)
class _Inherited:
    """What an element hands down to its parts."""

    system: str = ""
    dimension: int = 0

    def within(self, element: Element) -> _Inherited:
        here = self
        name = (element.get("srsName") or "").strip()
        if name and self.system and name != self.system:
            raise GeometryError(f"systems {self.system!r} and {name!r} in one geometry", expected="one srsName")
        if name:
            here = replace(here, system=name)
        dimension = element.get("srsDimension") or element.get("dimension")
        if dimension:
            if dimension.strip() not in ("2", "3"):
                raise GeometryError(f"srsDimension {dimension!r}", expected="2 or 3")
            here = replace(here, dimension=int(dimension))
        return here


def read_gml(text: str) -> tuple[shapely.Geometry, str]:
    """One GML literal.

    Returns:
        The geometry in the order of axes as written, and the name of its system ("" if none is given).

    Raises:
        GeometryError: The text is not GML that can be read.

    Example:
        >>> read_gml('<Point srsName="EPSG:4326" xmlns="http://www.opengis.net/gml"><pos>48 2</pos></Point>')
        (<POINT (48 2)>, 'EPSG:4326')
    """
    if not text.strip():
        return shapely.GeometryCollection(), ""
    root = read_xml(text)
    systems = {name.strip() for name in (element.get("srsName") for element in root.iter()) if name and name.strip()}
    if len(systems) > 1:
        raise GeometryError(f"systems {sorted(systems)} in one geometry", expected="one srsName")
    try:
        geometry = _read(root, _Inherited())
    except (shapely.errors.ShapelyError, ValueError) as reason:
        if isinstance(reason, GeometryError):
            raise
        raise GeometryError(str(reason).strip()) from None
    return geometry, next(iter(systems), "")


def _read(element: Element, above: _Inherited) -> shapely.Geometry:
    name = local_name(element)
    here = above.within(element)
    reader = _READERS.get(name)
    if reader is None:
        raise GeometryError(f"element <{name}>", expected="a geometry of the GML Simple Features profile")
    return reader(element, here)


def _coordinates(element: Element, above: _Inherited) -> np.ndarray:
    """The coordinates that stand directly in an element, (N, 2) or (N, 3)."""
    singles = []
    for child in element:
        name = local_name(child)
        here = above.within(child)
        if name == "posList":
            return _positions(numbers(child.text), here.dimension, child)
        if name == "coordinates":
            marks = (child.get("decimal") or ".", child.get("cs") or ",", child.get("ts") or " ")
            return tuples(child.text, *marks)
        if name == "pos":
            values = numbers(child.text)
            if len(values):
                singles.append(values)
        elif name in ("pointProperty", "pointRep", "Point"):
            point = child if name == "Point" else next(children(child, "Point"), None)
            if point is not None:
                singles.append(_coordinates(point, here.within(point))[0])
        elif name == "coord":
            singles.append(numbers(" ".join(axis.text or "" for axis in children(child, "X", "Y", "Z"))))
    if not singles:
        return np.empty((0, 2))
    width = len(singles[0])
    if width not in (2, 3) or any(len(values) != width for values in singles):
        raise GeometryError("positions of different or wrong length", expected="2 or 3 numbers each")
    return np.vstack(singles)


def _positions(values: np.ndarray, dimension: int, element: Element) -> np.ndarray:
    count = element.get("count")
    if not dimension and count and count.isdigit() and int(count) and len(values) == 3 * int(count):
        dimension = 3
    width = dimension or 2
    if len(values) % width:
        raise GeometryError(f"{len(values)} numbers in a posList", expected=f"a multiple of {width}")
    return values.reshape(-1, width)


def _point(element: Element, here: _Inherited) -> shapely.Geometry:
    found = _coordinates(element, here)
    if len(found) > 1:
        raise GeometryError(f"{len(found)} positions in a Point", expected="one")
    return shapely.Point(found[0]) if len(found) else shapely.Point()


def _line(element: Element, here: _Inherited) -> shapely.Geometry:
    return shapely.LineString(_path(element, here))


def _path(element: Element, above: _Inherited) -> np.ndarray:
    """The coordinates of any linear curve."""
    here = above.within(element)
    name = local_name(element)
    if name in ("LineString", "LinearRing", *_LINEAR_SEGMENTS):
        return _coordinates(element, here)
    if name == "Curve":
        parts = [_segment(part, here) for group in children(element, "segments") for part in group]
    elif name in ("CompositeCurve", "Ring"):
        parts = [_path(part, here) for group in children(element, "curveMember", "curveMembers") for part in group]
    elif name == "OrientableCurve":
        found = [_path(part, here) for group in children(element, "baseCurve") for part in group]
        parts = [part[::-1] for part in found] if element.get("orientation") == "-" else found
    else:
        raise GeometryError(f"element <{name}>", expected="a curve of straight segments")
    joined = parts[:1]
    for part in parts[1:]:
        same_place = len(joined[-1]) and len(part) and np.array_equal(joined[-1][-1], part[0])
        joined.append(part[1:] if same_place else part)
    return np.vstack(joined) if joined else np.empty((0, 2))


def _segment(element: Element, here: _Inherited) -> np.ndarray:
    if local_name(element) not in _LINEAR_SEGMENTS:
        raise GeometryError(f"curve segment <{local_name(element)}>", expected="straight segments (LineStringSegment)")
    return _coordinates(element, here.within(element))


def _ring(element: Element, above: _Inherited) -> shapely.Geometry:
    found = _path(element, above)
    if len(found) and not np.array_equal(found[0], found[-1]):
        raise GeometryError("a ring that does not end where it starts", expected="first and last position equal")
    return shapely.LinearRing(found) if len(found) else shapely.LinearRing()


def _polygon(element: Element, here: _Inherited) -> shapely.Geometry:
    shells = [_ring(part, here) for side in children(element, "exterior", "outerBoundaryIs") for part in side]
    holes = [_ring(part, here) for side in children(element, "interior", "innerBoundaryIs") for part in side]
    if len(shells) > 1 or (holes and not shells):
        raise GeometryError(f"a polygon with {len(shells)} exteriors", expected="one")
    return shapely.Polygon(shells[0], holes) if shells else shapely.Polygon()


def _surface(element: Element, above: _Inherited) -> shapely.Geometry:
    here = above.within(element)
    name = local_name(element)
    if name in ("Polygon", "PolygonPatch", "Triangle", "Rectangle"):
        return _polygon(element, here)
    if name not in _SURFACES:
        raise GeometryError(f"element <{name}>", expected="a surface of flat polygons")
    groups = children(
        element, "patches", "polygonPatches", "trianglePatches", "surfaceMember", "surfaceMembers", "baseSurface"
    )
    patches = [_surface(part, here) for group in groups for part in group]
    return patches[0] if len(patches) == 1 else shapely.union_all(patches) if patches else shapely.Polygon()


def _envelope(element: Element, here: _Inherited) -> shapely.Geometry:
    corners = [numbers(part.text) for part in children(element, "lowerCorner", "upperCorner")]
    if not corners:
        corners = list(_coordinates(element, here))
    if not corners:
        return shapely.Polygon()
    if len(corners) != 2 or len(corners[0]) < 2 or len(corners[0]) != len(corners[1]):
        raise GeometryError("an envelope without two corners", expected="lowerCorner and upperCorner")
    return shapely.box(*corners[0][:2], *corners[1][:2])


def _multi(
    kind: Callable[[list[Any]], shapely.Geometry], *members: str
) -> Callable[[Element, _Inherited], shapely.Geometry]:
    def read(element: Element, here: _Inherited) -> shapely.Geometry:
        parts = [_read(part, here) for group in children(element, *members) for part in group]
        return kind([part for whole in parts for part in _simple(whole, kind)])

    return read


def _simple(whole: shapely.Geometry, kind: Callable[[list[Any]], shapely.Geometry]) -> list[Any]:
    """The parts of a member, where a curve or surface of several parts became a collection."""
    if kind is not shapely.GeometryCollection and whole.geom_type.startswith("Multi"):
        return list(whole.geoms)
    return [whole]


_READERS: dict[str, Callable[[Element, _Inherited], shapely.Geometry]] = {
    "Point": _point,
    **dict.fromkeys(_LINES, _line),
    **dict.fromkeys(_SURFACES, _surface),
    "LinearRing": _ring,
    "Envelope": _envelope,
    "Box": _envelope,
    "MultiPoint": _multi(shapely.MultiPoint, "pointMember", "pointMembers"),
    "MultiLineString": _multi(shapely.MultiLineString, "lineStringMember"),
    "MultiCurve": _multi(shapely.MultiLineString, "curveMember", "curveMembers"),
    "MultiPolygon": _multi(shapely.MultiPolygon, "polygonMember"),
    "MultiSurface": _multi(shapely.MultiPolygon, "surfaceMember", "surfaceMembers"),
    "MultiGeometry": _multi(shapely.GeometryCollection, "geometryMember", "geometryMembers"),
    "GeometryCollection": _multi(shapely.GeometryCollection, "geometryMember", "geometryMembers"),
}


def namespace_of(profile: str) -> str:
    """The namespace in which a profile or version of GML is written.

    Raises:
        GeometryError: It is none of :data:`PROFILES`.

    Example:
        >>> namespace_of("3.1.1"), namespace_of("http://www.opengis.net/def/profile/ogc/2.0/gml-sf2")
        ('http://www.opengis.net/gml', 'http://www.opengis.net/gml/3.2')
    """
    name = profile.strip().rstrip("/#")
    if not name or _GML_32.fullmatch(name):
        return NAMESPACE
    if _GML_31.fullmatch(name):
        return "http://www.opengis.net/gml"
    raise GeometryError(f"GML profile {name[:80]!r}", expected=PROFILES)


def write_gml(geometries: np.ndarray, system: str, namespace: str = NAMESPACE) -> np.ndarray:
    """GML of geometries whose coordinates are in the authority's order; an empty geometry is "".

    Example:
        >>> write_gml(np.array([shapely.Point(48, 2)]), "http://www.opengis.net/def/crs/EPSG/0/4326")[0]
        '<gml:Point xmlns:gml="http://www.opengis.net/gml/3.2" srsName="http://www.opengis.net/def/crs/EPSG/0/4326">...'
    """
    result = np.full(geometries.shape, None, dtype=object)
    present = ~shapely.is_missing(geometries)
    high = shapely.has_z(geometries)
    for row in np.flatnonzero(present):
        head = f' xmlns:gml="{namespace}" srsName="{system}"' + (' srsDimension="3"' if high[row] else "")
        result[row] = "" if geometries[row].is_empty else _write(geometries[row], head)
    return result


def _write(geometry: shapely.Geometry, head: str = "") -> str:
    kind = geometry.geom_type
    if kind in _MEMBERS:
        name, member = _MEMBERS[kind]
        parts = (_write(part) for part in components(geometry))
        inside = "".join(f"<gml:{member}>{part}</gml:{member}>" for part in parts)
        return f"<gml:{name}{head}>{inside}</gml:{name}>"
    texts = [text.replace(",", "") for text in brackets(geometry)]
    if kind == "Point":
        inside = "".join(f"<gml:pos>{text}</gml:pos>" for text in texts)
    elif kind == "Polygon":
        sides = ["exterior"] + ["interior"] * (len(texts) - 1)
        inside = "".join(
            f"<gml:{side}><gml:LinearRing><gml:posList>{text}</gml:posList></gml:LinearRing></gml:{side}>"
            for side, text in zip(sides, texts, strict=False)
        )
    else:
        inside = "".join(f"<gml:posList>{text}</gml:posList>" for text in texts)
    return f"<gml:{kind}{head}>{inside}</gml:{kind}>"


_MEMBERS = {
    "MultiPoint": ("MultiPoint", "pointMember"),
    "MultiLineString": ("MultiCurve", "curveMember"),
    "MultiPolygon": ("MultiSurface", "surfaceMember"),
    "GeometryCollection": ("MultiGeometry", "geometryMember"),
}
