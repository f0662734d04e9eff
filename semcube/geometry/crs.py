# SPDX-License-Identifier: Apache-2.0
"""Coordinate reference systems: what they are called, which way their axes run, and the way between two of them.

Inside semcube x runs east and y runs north, whatever the authority says; :attr:`CRS.swaps_axes` tells the border
(literals, files) that the authority lists north first.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from semcube.errors import CRSError
from semcube.vocab import CRS84 as CRS84_IRI

if TYPE_CHECKING:
    import numpy as np
    import pyproj

__all__ = ["CRS", "CRS84", "SomeCRS", "crs", "same", "transform"]

_OGC_VERSION = {"CRS84": "1.3", "CRS27": "1.3", "CRS83": "1.3", "CRS84h": "0"}
_SHORT = re.compile(r"(?:OGC:)?(CRS84h|CRS84|CRS27|CRS83)", re.IGNORECASE)
_LEGACY = re.compile(r"https?://www\.opengis\.net/gml/srs/(\w+)\.xml#(\w+)", re.IGNORECASE)
_IRI = re.compile(r"https?://(?:www\.)?opengis\.net/def/crs/([^/]+)/([^/]*)/([^/]+)/?", re.IGNORECASE)
_MIN_CONFIDENCE = 70
_SAMPLE_OFFSET = 0.37


@dataclass(frozen=True)
class CRS:
    """A coordinate reference system, its horizontal part.

    Example:
        >>> crs("http://www.opengis.net/def/crs/EPSG/0/4326").swaps_axes
        True
    """

    iri: str | None
    """Its OGC IRI; None for a system without an authority code."""
    name: str
    definition: str = field(repr=False)
    """Authority and code, or WKT: what PROJ reads."""
    is_geographic: bool
    """Coordinates are angles on an ellipsoid."""
    swaps_axes: bool
    """The authority lists the north axis first, so literals hold ``lat lon`` or ``north east``."""
    unit_metres: float | None
    """Metres per unit of a projected system; None for a geographic one."""
    unit_degrees: float | None
    """Degrees per unit of a geographic system; None for a projected one."""
    note: str | None = field(default=None, compare=False, repr=False)
    """What was left out of the given definition, if anything."""

    def __str__(self) -> str:
        return self.iri or self.name

    @property
    def pyproj(self) -> pyproj.CRS:
        """The system as pyproj knows it, of the calling thread."""
        return _pyproj(self.definition)


SomeCRS = str | int | CRS | Any
"""An IRI, URN, ``AUTHORITY:CODE``, EPSG number, WKT, ``pyproj.CRS`` or :class:`CRS`."""

_local = threading.local()


def _pyproj(definition: str) -> pyproj.CRS:
    """A ``pyproj.CRS`` per thread: these objects may not be shared between threads."""
    import pyproj

    known: dict[str, pyproj.CRS] = _local.__dict__.setdefault("systems", {})
    if definition not in known:
        if len(known) > 512:
            known.clear()
        known[definition] = pyproj.CRS.from_user_input(definition)
    return known[definition]


def crs(some: SomeCRS) -> CRS:
    """The coordinate reference system that is meant.

    Args:
        some: An OGC IRI (http or https, any version), an OGC URN, ``EPSG:4326``, ``CRS84``, an EPSG number, WKT (OGC or
            ESRI), a ``pyproj.CRS`` or a :class:`CRS`. A vertical part of a WKT is left out, see :attr:`CRS.note`.

    Raises:
        CRSError: No such system is known, or it has no horizontal coordinates.

    Example:
        >>> crs("urn:ogc:def:crs:EPSG::2154").iri
        'http://www.opengis.net/def/crs/EPSG/0/2154'
        >>> crs("https://www.opengis.net/def/crs/EPSG/9.9/4326") == crs(4326)
        True
    """
    import numpy as np
    import pyproj

    if isinstance(some, CRS):
        return some
    if isinstance(some, pyproj.CRS):
        authority = some.to_authority(min_confidence=100)
        return _from_text(":".join(authority)) if authority else _from_text(some.to_wkt())
    if isinstance(some, bool) or not isinstance(some, str | int | np.integer):
        raise CRSError(
            f"coordinate reference system {some!r}", expected="an IRI, AUTHORITY:CODE, EPSG number, WKT or CRS object"
        )
    return _from_text(f"EPSG:{some}" if not isinstance(some, str) else some.strip())


@lru_cache(maxsize=1024)
def _from_text(text: str) -> CRS:
    import pyproj

    shown = text if len(text) <= 120 else text[:117] + "..."
    try:
        found = pyproj.CRS.from_user_input(_normalised(text))
    except pyproj.exceptions.CRSError:
        raise CRSError(
            f"coordinate reference system {shown!r} is not known",
            expected="an IRI such as http://www.opengis.net/def/crs/EPSG/0/4326, a code such as EPSG:4326, or WKT",
            fix="check the spelling and the code",
        ) from None
    named = "[" not in text and "+" not in text
    horizontal, note = _horizontal(found)
    if horizontal is None:
        raise CRSError(
            f"coordinate reference system {shown!r} ({found.name}, {found.type_name}) has no horizontal axes on a map",
            expected="a geographic or projected system",
        )
    authority = found.to_authority(min_confidence=100) if named else _identify(horizontal)
    iri = _iri(*authority) if authority else None
    whole = horizontal is found or not named
    definition = ":".join(authority) if authority and whole else horizontal.to_wkt()
    return _describe(iri, definition, horizontal, None if named else note)


def _normalised(text: str) -> str:
    """The forms that PROJ does not read, as forms that it reads."""
    if match := _SHORT.fullmatch(text):
        code = match[1].upper()
        return "OGC:" + (code[:-1] + "h" if code.endswith("H") else code)
    if match := _LEGACY.fullmatch(text):
        return f"{match[1].upper()}:{match[2]}"
    if match := _IRI.fullmatch(text):
        authority, version, code = match.groups()
        if authority.upper() in ("EPSG", "OGC"):
            return f"{authority.upper()}:{code}"
        return f"http://www.opengis.net/def/crs/{authority}/{version}/{code}"
    return text


def _horizontal(found: pyproj.CRS) -> tuple[pyproj.CRS | None, str | None]:
    """The 2D part of a system and a note about what was dropped."""
    note = None
    if found.is_bound:
        found = found.source_crs
    if found.is_compound:
        note = f"the vertical part of {found.name!r} is left out"
        found = next((part for part in found.sub_crs_list if not part.is_vertical), found.sub_crs_list[0])
    if not (found.is_geographic or found.is_projected or found.is_derived) or found.is_geocentric or found.is_vertical:
        return None, None
    if len(found.axis_info) > 2:
        note = note or f"the height axis of {found.name!r} is left out"
        found = found.to_2d()
    return found, note


def _identify(horizontal: pyproj.CRS) -> tuple[str, str] | None:
    """Authority and code of a definition, EPSG preferred; None unless they put a point at the same place."""
    candidates = []
    own = horizontal.to_json_dict().get("id")
    if own is not None:
        candidates.append((str(own["authority"]), str(own["code"])))
    if epsg := horizontal.to_epsg(min_confidence=_MIN_CONFIDENCE):
        candidates.append(("EPSG", str(epsg)))
    if best := horizontal.to_authority(min_confidence=_MIN_CONFIDENCE):
        candidates.append((str(best[0]), str(best[1])))
    return next((candidate for candidate in candidates if _agrees(candidate, horizontal)), None)


def _agrees(authority: tuple[str, str], horizontal: pyproj.CRS) -> bool:
    """Whether a registered system is the same as a definition, up to the order of axes."""
    import numpy as np
    import pyproj

    try:
        named = pyproj.CRS.from_authority(*authority)
    except pyproj.exceptions.CRSError:
        return False
    if named.equals(horizontal, ignore_axis_order=True):
        return True
    x, y = _sample(named)
    here = _Way(named, horizontal).transform(x, y)
    return bool(np.allclose(here, (x, y), rtol=0, atol=1e-3 * _unit(named)))


def _unit(system: pyproj.CRS) -> float:
    """One metre in the system's unit, about."""
    return 1e-5 if system.is_geographic else 1.0 / (system.axis_info[0].unit_conversion_factor or 1.0)


def _sample(system: pyproj.CRS) -> tuple[float, float]:
    """A point inside the area of use, x and y."""
    import pyproj

    area = system.area_of_use
    lon, lat = (_SAMPLE_OFFSET, _SAMPLE_OFFSET) if area is None else (area.west, area.south)
    if area is not None:
        width = area.east - area.west if area.east >= area.west else area.east + 360 - area.west
        lon, lat = lon + _SAMPLE_OFFSET * width, lat + _SAMPLE_OFFSET * (area.north - area.south)
    x, y = pyproj.Transformer.from_crs(system.geodetic_crs, system, always_xy=True).transform(lon, lat)
    return float(x), float(y)


def _iri(authority: str, code: str) -> str:
    if authority == "OGC":
        return f"http://www.opengis.net/def/crs/OGC/{_OGC_VERSION.get(code, '0')}/{code}"
    name, _, version = authority.partition("_")
    return f"http://www.opengis.net/def/crs/{name}/{version or '0'}/{code}"


def _describe(iri: str | None, definition: str, horizontal: pyproj.CRS, note: str | None) -> CRS:
    import numpy as np

    geographic = bool(horizontal.is_geographic)
    factor = float(horizontal.axis_info[0].unit_conversion_factor) if horizontal.axis_info else 1.0
    return CRS(
        iri=iri,
        name=horizontal.name,
        definition=definition,
        is_geographic=geographic,
        swaps_axes=_swaps_axes(horizontal),
        unit_metres=None if geographic else factor,
        unit_degrees=float(np.degrees(factor)) if geographic else None,
        note=note,
    )


def _swaps_axes(horizontal: pyproj.CRS) -> bool:
    import numpy as np
    import pyproj

    directions = tuple(axis.direction.lower() for axis in horizontal.axis_info[:2])
    if directions in (("east", "north"), ("west", "north"), ("east", "south")):
        return False
    if directions in (("north", "east"), ("south", "east"), ("north", "west")):
        return True
    # Polar systems run "south, south" along two meridians: ask PROJ which one it calls x.
    x, y = _sample(horizontal)
    lon_lat = pyproj.CRS.from_authority("OGC", "CRS84")
    there = pyproj.Transformer.from_crs(lon_lat, horizontal, always_xy=True)
    lon, lat = there.transform(x, y, direction="INVERSE")
    as_listed = pyproj.Transformer.from_crs(lon_lat, horizontal, always_xy=False).transform(lon, lat)
    return bool(np.allclose(as_listed, (y, x)) and not np.allclose(x, y))


CRS84 = CRS(
    iri=CRS84_IRI,
    name="WGS 84 (CRS84)",
    definition="OGC:CRS84",
    is_geographic=True,
    swaps_axes=False,
    unit_metres=None,
    unit_degrees=1.0,
)
"""WGS 84, longitude first: the system of everything inside semcube and of a WKT literal without an IRI."""


@lru_cache(maxsize=4096)
def same(first: CRS, second: CRS) -> bool:
    """Whether two systems differ at most by axis order (or a height), so that x and y are the same numbers.

    Example:
        >>> same(crs("EPSG:4326"), CRS84)
        True
    """
    if first.definition == second.definition:
        return True
    return bool(first.pyproj.equals(second.pyproj, ignore_axis_order=True))


class _Way:
    """A transformation with x east and y north on both sides."""

    def __init__(self, source: pyproj.CRS, target: pyproj.CRS) -> None:
        import pyproj

        self.transformer = pyproj.Transformer.from_crs(source, target, always_xy=True)

    def transform(self, x: Any, y: Any) -> tuple[Any, Any]:
        found: tuple[Any, Any] = self.transformer.transform(x, y, errcheck=False)
        return found


def _way(source: CRS, target: CRS) -> _Way:
    import pyproj

    ways: dict[tuple[str, str], _Way] = _local.__dict__.setdefault("ways", {})
    key = (source.definition, target.definition)
    if key not in ways:
        if len(ways) > 512:
            ways.clear()
        try:
            ways[key] = _Way(source.pyproj, target.pyproj)
        except pyproj.exceptions.ProjError as reason:
            raise CRSError(f"there is no transformation from {source} to {target} ({reason})") from None
    return ways[key]


def transform_xy(xy: np.ndarray, source: SomeCRS, target: SomeCRS) -> np.ndarray:
    """Coordinates (N, 2), x east and y north, from one system to another; inf where there is no answer."""
    import numpy as np

    source, target = crs(source), crs(target)
    if same(source, target) or len(xy) == 0:
        return xy
    x, y = _way(source, target).transform(np.ascontiguousarray(xy[:, 0]), np.ascontiguousarray(xy[:, 1]))
    return np.column_stack([x, y])


def transform(geometries: np.ndarray, source: SomeCRS, target: SomeCRS) -> np.ndarray:
    """Geometries in another system; Z and M are kept as they are.

    Args:
        geometries: Object array of shapely geometries or None, x east and y north in ``source``.
        source: Their system.
        target: The wanted system.

    Returns:
        Object array of the same shape, x east and y north in ``target``. Where the systems differ by axis order only,
        the very same objects come back. None where a geometry lies outside of what the projection can do. What a
        projection shows whole over the antimeridian or a pole is cut there in longitude and latitude.

    Raises:
        CRSError: A system is unknown or PROJ has no way between the two.

    Example:
        >>> import numpy as np, shapely
        >>> transform(np.array([shapely.Point(2.3333, 48.8667)]), CRS84, "EPSG:2154")[0].wkt
        'POINT (651091.78... 6863169.83...)'
    """
    import numpy as np
    import shapely

    from semcube.geometry.coordinates import replace_xy

    source, target = crs(source), crs(target)
    array = np.asarray(geometries, dtype=object)
    if same(source, target) or array.size == 0:
        return array
    xy = shapely.get_coordinates(array)
    moved = transform_xy(xy, source, target)
    finite = np.isfinite(moved).all(axis=1)
    if finite.all():
        return _cut(array, replace_xy(array, moved), source, target)
    owner = np.repeat(np.arange(array.size), shapely.get_num_coordinates(array).ravel())
    good = np.ones(array.size, dtype=bool)
    good[owner[~finite]] = False
    result = np.full(array.size, None, dtype=object)
    result[good] = replace_xy(array.ravel()[good], moved[good[owner]])
    return _cut(array, result.reshape(array.shape), source, target)


def _cut(planar: np.ndarray, lonlat: np.ndarray, source: CRS, target: CRS) -> np.ndarray:
    """What leaves a projection over the antimeridian or a pole is cut there."""
    import numpy as np

    from semcube.geometry.antimeridian import cut_where_needed

    if source.is_geographic or target.unit_degrees != 1.0:
        return lonlat
    poles = transform_xy(np.array([[0.0, 90.0], [0.0, -90.0]]), CRS84, source)
    found = cut_where_needed(planar.ravel(), lonlat.ravel(), lambda xy: transform_xy(xy, source, target), poles)
    return found.reshape(planar.shape)
