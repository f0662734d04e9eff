# SPDX-License-Identifier: Apache-2.0
"""Geometry literals of the GeoSPARQL serialisations <-> arrays of geometries.

Clauses: GeoSPARQL 1.1 (OGC 22-047r1), 8.5 WKT, GML, GeoJSON, KML and DGGS serialisations. A malformed literal is a
missing geometry with a reason, never an exception for the batch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import shapely

from semcube.errors import CRSError, GeometryError
from semcube.geometry.coordinates import swap_xy
from semcube.geometry.crs import CRS, CRS84, SomeCRS, same, transform
from semcube.geometry.crs import crs as find_crs
from semcube.vocab import (
    DGGS_LITERAL,
    GEOJSON_LITERAL,
    GEOMETRY_LITERALS,
    GML_LITERAL,
    H3_LITERAL,
    KML_LITERAL,
    WKT_LITERAL,
)

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Geometries", "from_wkb", "parse", "serialise"]

NO_SYSTEM = -1
_NAME = re.compile(
    r"https?://(www\.)?opengis\.net/\S{1,400}|urn:(x-)?ogc:\S{1,400}|(OGC:)?CRS\d+h?|[a-z]\w{0,20}:[\w.+-]{1,40}",
    re.IGNORECASE,
)
MAX_BYTES = 64 * 1024 * 1024
"""A longer literal is refused as malformed."""
MAX_REASON = 300


@dataclass(frozen=True)
class Geometries:
    """A column of geometries, each in its own system.

    Example:
        >>> found = parse(["POINT (1 2)", "<http://www.opengis.net/def/crs/EPSG/0/4326> POINT (2 1)", "x"], WKT_LITERAL)
        >>> found.native
        array([<POINT (1 2)>, <POINT (1 2)>, None], dtype=object)
        >>> [None if system is None else system.iri for system in found.systems_by_row()]
        ['http://www.opengis.net/def/crs/OGC/1.3/CRS84', 'http://www.opengis.net/def/crs/EPSG/0/4326', None]
        >>> found.errors
        {2: "ParseException: Unknown type: 'X'"}
    """

    native: np.ndarray
    """Object array of shapely geometries, x east and y north in their own system; None where missing or malformed."""
    crs: np.ndarray
    """int16 indexes into ``systems``; -1 where there is no geometry."""
    systems: tuple[CRS, ...] = (CRS84,)
    errors: dict[int, str] = field(default_factory=dict)
    """Row -> why its literal has no geometry (or none in lon/lat, once ``lonlat`` was asked for)."""

    def __len__(self) -> int:
        return len(self.native)

    @cached_property
    def lonlat(self) -> np.ndarray:
        """The geometries in CRS84, x longitude and y latitude; the identical objects where nothing has to change."""
        result = self.native
        for number, system in enumerate(self.systems):
            rows = np.flatnonzero(self.crs == number)
            if len(rows) == 0 or same(system, CRS84):
                continue
            if result is self.native:
                result = self.native.copy()
            result[rows] = transform(self.native[rows], system, CRS84)
            for row in rows[shapely.is_missing(result[rows])]:
                self.errors.setdefault(int(row), f"its coordinates lie outside of what {system} can express")
        return result

    def native_in(self, target: SomeCRS) -> np.ndarray:
        """The geometries in one system, x east and y north; None where that is impossible."""
        wanted = find_crs(target)
        result = self.native
        for number, system in enumerate(self.systems):
            rows = np.flatnonzero(self.crs == number)
            if len(rows) and not same(system, wanted):
                result = result.copy() if result is self.native else result
                result[rows] = transform(self.native[rows], system, wanted)
        return result

    def systems_by_row(self) -> list[CRS | None]:
        """The system of each row, None where there is no geometry."""
        return [None if number < 0 else self.systems[number] for number in self.crs.tolist()]

    def take(self, indices: np.ndarray) -> Geometries:
        """The rows with these numbers, in their order; a row may occur more than once."""
        indices = np.asarray(indices, dtype=np.int64)
        errors: dict[int, str] = {}
        if self.errors:
            bad = np.isin(indices, np.fromiter(self.errors, np.int64, len(self.errors)))
            errors = {int(place): self.errors[int(indices[place])] for place in np.flatnonzero(bad)}
        taken = Geometries(self.native[indices], self.crs[indices], self.systems, errors)
        if "lonlat" in self.__dict__:
            taken.__dict__["lonlat"] = taken.native if self.lonlat is self.native else self.lonlat[indices]
        return taken

    @staticmethod
    def concat(parts: Sequence[Geometries]) -> Geometries:
        """The rows of several columns, one after the other.

        Example:
            >>> len(Geometries.concat([parse(["POINT (1 2)"], WKT_LITERAL), Geometries.empty()]))
            1
        """
        systems: dict[CRS, int] = {CRS84: 0}
        errors: dict[int, str] = {}
        codes, start = [], 0
        for part in parts:
            numbers = np.array(
                [systems.setdefault(s, len(systems)) for s in part.systems] + [NO_SYSTEM], dtype=np.int16
            )
            codes.append(numbers[part.crs])
            errors.update({start + row: reason for row, reason in part.errors.items()})
            start += len(part)
        native = np.concatenate([part.native for part in parts]) if parts else np.empty(0, dtype=object)
        joined = np.concatenate(codes) if codes else np.empty(0, dtype=np.int16)
        whole = Geometries(native, joined, tuple(systems), errors)
        if parts and all("lonlat" in part.__dict__ for part in parts):
            same_objects = all(part.lonlat is part.native for part in parts)
            whole.__dict__["lonlat"] = native if same_objects else np.concatenate([part.lonlat for part in parts])
        return whole

    @staticmethod
    def empty() -> Geometries:
        """No rows."""
        return Geometries(np.empty(0, dtype=object), np.empty(0, dtype=np.int16))

    def serialise(self, datatype: str, namespace: str | None = None) -> np.ndarray:
        """The lexical form of each row in its own system; None where there is no geometry. See :func:`serialise`."""
        result = np.full(len(self), None, dtype=object)
        for number, system in enumerate(self.systems):
            rows = np.flatnonzero(self.crs == number)
            if len(rows):
                result[rows] = serialise(self.native[rows], datatype, system, namespace)
        return result


def _column(lexical: object) -> pa.Array:
    """Texts of any container as one Arrow array of large strings."""
    import pyarrow as pa

    if isinstance(lexical, pa.ChunkedArray):
        lexical = lexical.combine_chunks()
    if isinstance(lexical, pa.DictionaryArray):
        lexical = lexical.dictionary_decode()
    if isinstance(lexical, pa.Array):
        return lexical if pa.types.is_large_string(lexical.type) else lexical.cast(pa.large_string())
    return pa.array(lexical, pa.large_string())


def parse(lexical: np.ndarray | pa.Array | Sequence[str | None], datatype: str) -> Geometries:
    """The geometries of literals of one datatype.

    Args:
        lexical: Lexical forms (N): Arrow strings, or an object array or list of str; null or None is missing.
        datatype: IRI of ``geo:wktLiteral``, ``gmlLiteral``, ``geoJSONLiteral``, ``kmlLiteral``, ``dggsLiteral`` or of
            the H3 literal (:mod:`semcube.geometry.dggs`).

    Returns:
        N rows; a malformed literal is None with its reason in ``errors``, a missing one None without.

    Raises:
        GeometryError: The datatype is none of these.

    Example:
        >>> parse(["", "point(1 2)"], WKT_LITERAL).native
        array([<GEOMETRYCOLLECTION EMPTY>, <POINT (1 2)>], dtype=object)
    """
    if datatype not in GEOMETRY_LITERALS:
        raise GeometryError(
            f"datatype <{datatype}>", expected="one of " + ", ".join(f"<{d}>" for d in GEOMETRY_LITERALS)
        )
    column = _column(lexical)
    column, errors = _without_huge(column)
    found = _parse_wkt(column) if datatype == WKT_LITERAL else _parse_texts(column, datatype)
    found.errors.update(errors)
    for row, reason in found.errors.items():
        if len(reason) > MAX_REASON:  # some quote what they did not understand
            found.errors[row] = reason[: MAX_REASON - 3] + "..."
    return found


def _without_huge(column: pa.Array) -> tuple[pa.Array, dict[int, str]]:
    """Literals that would need too much memory are taken out before anything reads them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    sizes = pc.binary_length(column)
    huge = pc.fill_null(pc.greater(sizes, MAX_BYTES), False)
    rows = np.flatnonzero(huge.to_numpy(zero_copy_only=False))
    if len(rows) == 0:
        return column, {}
    reason = "a literal of {} bytes; expected at most " + str(MAX_BYTES)
    errors = {int(row): reason.format(sizes[int(row)].as_py()) for row in rows}
    return pc.if_else(huge, pa.scalar(None, column.type), column), errors


def _parse_texts(column: pa.Array, datatype: str) -> Geometries:
    texts = column.to_numpy(zero_copy_only=False)
    if datatype == GML_LITERAL:
        from semcube.geometry.gml import read_gml

        return _parse_gml(texts, read_gml)
    if datatype == KML_LITERAL:
        from semcube.geometry.kml import read_kml as read
    elif datatype in (DGGS_LITERAL, H3_LITERAL):
        from semcube.geometry.dggs import read_dggs as read
    else:
        from semcube.geometry.geojson import read_geojson as read
    native, errors = read(texts)
    return Geometries(native, np.where(shapely.is_missing(native), NO_SYSTEM, 0).astype(np.int16), (CRS84,), errors)


def _parse_wkt(column: pa.Array) -> Geometries:
    from semcube.geometry.wkt import read_wkt, split_prefix

    texts, index, iris = split_prefix(column)
    native, errors = read_wkt(texts)
    return _resolve(native, index, iris, errors)


def _parse_gml(texts: np.ndarray, read: Callable[[str], tuple[shapely.Geometry, str]]) -> Geometries:
    native = np.full(len(texts), None, dtype=object)
    index = np.zeros(len(texts), dtype=np.int32)
    errors: dict[int, str] = {}
    names: dict[str, int] = {"": 0}
    for row, text in enumerate(texts):
        if text is None:
            continue
        try:
            native[row], name = read(text)
        except GeometryError as reason:
            errors[row] = str(reason)
            continue
        index[row] = names.setdefault(name, len(names))
    return _resolve(native, index, list(names), errors)


def _resolve(native: np.ndarray, index: np.ndarray, iris: list[str], errors: dict[int, str]) -> Geometries:
    """Names of systems -> systems, and the axes as they are inside."""
    systems: dict[CRS, int] = {CRS84: 0}
    missing = shapely.is_missing(native)
    codes = np.zeros(len(native), dtype=np.int16)
    for number, iri in enumerate(iris):
        if number == 0:
            continue
        rows = np.flatnonzero((index == number) & ~missing)
        try:
            system, listed = system_of(iri)
        except CRSError as reason:
            native[rows] = None
            errors.update({int(row): str(reason) for row in rows})
            continue
        codes[rows] = systems.setdefault(system, len(systems))
        if listed and len(rows):
            native[rows] = swap_xy(native[rows])
    codes[shapely.is_missing(native)] = NO_SYSTEM
    return Geometries(native, codes, tuple(systems), errors)


def system_of(name: str) -> tuple[CRS, bool]:
    """The system that a literal names, and whether its coordinates come north first."""
    if not _NAME.fullmatch(name):
        # PROJ would search all names it has for something like it, which takes long.
        raise CRSError(
            f"coordinate reference system {name[:120]!r} is not known",
            expected="an IRI such as http://www.opengis.net/def/crs/EPSG/0/4326, a URN, or a code such as EPSG:4326",
        )
    system = find_crs(name)
    # The GML 2 names of the form ".../gml/srs/epsg.xml#4326" predate the axis rule: x comes first.
    return system, system.swaps_axes and "/gml/srs/" not in name


def from_wkb(wkb: np.ndarray | pa.Array | Sequence[bytes | None], crs: SomeCRS = CRS84) -> Geometries:
    """Geometries from WKB (ISO or extended) with x east and y north.

    Args:
        wkb: N values; null or None is missing.
        crs: Their system; an SRID inside the WKB is not looked at.

    Returns:
        N rows; unreadable WKB is None with its reason in ``errors``.

    Example:
        >>> from_wkb([shapely.Point(1, 2).wkb, b"x"]).native
        array([<POINT (1 2)>, None], dtype=object)
    """
    import pyarrow as pa

    from semcube.geometry.nesting import too_deep_wkb

    if isinstance(wkb, pa.ChunkedArray):
        wkb = wkb.combine_chunks()
    column = wkb.cast(pa.large_binary()) if isinstance(wkb, pa.Array) else pa.array(wkb, pa.large_binary())
    errors = too_deep_wkb(column)
    values = column.to_numpy(zero_copy_only=False)
    values[list(errors)] = None
    with np.errstate(invalid="ignore", over="ignore"):
        try:
            native = np.array(shapely.from_wkb(values, on_invalid="ignore"), dtype=object)
        except NotImplementedError:
            native = np.array([_one_wkb(value) for value in values], dtype=object)
    missing = shapely.is_missing(native)
    for row in np.flatnonzero(missing):
        if values[row] is not None:
            try:
                shapely.from_wkb(values[row])
            except (shapely.errors.ShapelyError, ValueError, NotImplementedError) as reason:
                errors[int(row)] = str(reason)
    system = find_crs(crs)
    systems = (CRS84,) if system == CRS84 else (CRS84, system)
    codes = np.where(missing, NO_SYSTEM, len(systems) - 1).astype(np.int16)
    return Geometries(native, codes, systems, errors)


def _one_wkb(value: bytes | None) -> shapely.Geometry | None:
    """One WKB value; None for a curve, which would end a call for many."""
    try:
        return shapely.from_wkb(value, on_invalid="ignore")
    except NotImplementedError:
        return None


def serialise(geometries: np.ndarray, datatype: str, crs: SomeCRS = CRS84, namespace: str | None = None) -> np.ndarray:
    """The lexical forms of geometries of one system.

    WKT carries ``<iri> `` unless the system is CRS84, GML its ``srsName``; both in the authority's axis order. GeoJSON
    and KML are in CRS84. GML, GeoJSON and KML have no M: it is left out.

    Args:
        geometries: Object array of shapely geometries or None, x east and y north in ``crs``.
        datatype: IRI of the literal's datatype.
        crs: Their system.
        namespace: That of GML (:func:`semcube.geometry.gml.namespace_of`), 3.2 if not given.

    Returns:
        Object array of str; None where the geometry is None (or lies outside of what CRS84 can express).

    Raises:
        GeometryError: The datatype is not a geometry literal.
        CRSError: The system has no IRI and the serialisation needs one.

    Example:
        >>> serialise(np.array([shapely.Point(1.5, 2)]), WKT_LITERAL, crs="EPSG:4326")[0]
        '<http://www.opengis.net/def/crs/EPSG/0/4326> POINT (2 1.5)'
    """
    if datatype not in GEOMETRY_LITERALS:
        raise GeometryError(
            f"datatype <{datatype}>", expected="one of " + ", ".join(f"<{d}>" for d in GEOMETRY_LITERALS)
        )
    system = find_crs(crs)
    array = np.asarray(geometries, dtype=object)
    if datatype == GEOJSON_LITERAL:
        from semcube.geometry.geojson import write_geojson

        return write_geojson(transform(array, system, CRS84))
    if datatype == KML_LITERAL:
        from semcube.geometry.kml import write_kml

        return write_kml(transform(array, system, CRS84))
    if datatype in (DGGS_LITERAL, H3_LITERAL):
        from semcube.geometry.dggs import write_dggs

        return write_dggs(transform(array, system, CRS84), datatype)
    if system.iri is None:
        raise CRSError(
            f"the system {system.name!r} has no IRI, so a literal cannot name it",
            fix="transform the geometries to CRS84 or to a system with an authority code first",
        )
    listed = swap_xy(array) if system.swaps_axes else array
    if datatype == GML_LITERAL:
        from semcube.geometry.gml import NAMESPACE, write_gml

        return write_gml(listed, system.iri, namespace or NAMESPACE)
    import pyarrow as pa

    from semcube.geometry.wkt import format_wkt, prefixed

    texts = format_wkt(listed)
    if system == CRS84:
        return texts
    found: np.ndarray = prefixed(pa.array(texts, pa.large_string()), system).to_numpy(zero_copy_only=False)
    return found
