# SPDX-License-Identifier: Apache-2.0
"""The geometry column of a batch -> the columns that a mapping may refer to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as OneOf

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.errors import CRSError
from semcube.geometry import CRS, CRS84, crs, same, transform
from semcube.geometry.octets import LINE_HEAD, VERTEX, values_of
from semcube.geometry.wkb import line_vertices

__all__ = [
    "OnError",
    "OutputSystem",
    "PreparedGeometries",
    "output_system",
    "prepare",
    "type_names",
]

OnError = OneOf["fail", "skip", "repair"]

_NAMES = np.array(
    [
        None, "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection",
        "CircularString", "CompoundCurve", "CurvePolygon", "MultiCurve", "MultiSurface", "Curve", "Surface",
        "PolyhedralSurface", "TIN", "Triangle",
    ],
    dtype=object,
)  # fmt: skip
_NAMES_COLUMN = pa.array(_NAMES, pa.large_string())
_POINT, _LINE = 1, 2
_FIRST, _SECOND = LINE_HEAD + np.arange(VERTEX), LINE_HEAD + VERTEX + np.arange(VERTEX)
"""Where the bytes of the first two points of a line are."""


@dataclass(frozen=True, slots=True)
class OutputSystem:
    """From which coordinate reference system to which, and what to tell the user about it."""

    source: CRS
    target: CRS
    note: str | None = None

    @property
    def reprojects(self) -> bool:
        """Whether coordinates change."""
        return not same(self.source, self.target)


def output_system(source: str | None, wanted: str, *, where: str) -> OutputSystem:
    """The system in which geometries are written.

    WGS 84 degrees are written in CRS84 (longitude first, no IRI in the literal), which every reader understands alike;
    ``EPSG:4326`` has to be asked for and is then written latitude first with its IRI, as GeoSPARQL 1.1 (8.5.1)
    demands. A system without an authority code has no IRI a literal could carry and is reprojected to CRS84.

    Args:
        source: System of the source (IRI, WKT, ...); None if the source does not say.
        wanted: ``keep``, ``CRS84``, ``EPSG:n`` or an IRI.
        where: The source, for messages.

    Raises:
        CRSError: The source does not say its system, or the wanted one is not known.

    Example:
        >>> output_system("EPSG:4326", "keep", where="a.shp").target.iri
        'http://www.opengis.net/def/crs/OGC/1.3/CRS84'
        >>> output_system("EPSG:2154", "keep", where="a.shp").target.iri
        'http://www.opengis.net/def/crs/EPSG/0/2154'
    """
    if source is None:
        raise CRSError(
            f"{where} has no coordinate reference system",
            expected="a .prj file or a system in the file itself",
            fix="say which one it is with --source-crs, for example --source-crs EPSG:4326",
        )
    own = crs(source)
    if wanted.lower() != "keep":
        target = crs(wanted)
        if target.iri is None:
            raise CRSError(f"{wanted!r} has no authority code, so no literal can name it", expected="CRS84 or EPSG:n")
        return OutputSystem(own, target, own.note)
    if same(own, CRS84):
        return OutputSystem(own, CRS84, own.note)
    if own.iri is None:
        return OutputSystem(own, CRS84, f"{own.name!r} has no authority code: written in CRS84 longitude and latitude")
    return OutputSystem(own, own, own.note)


@dataclass(frozen=True)
class PreparedGeometries:
    """Geometries of a batch, ready for term maps."""

    wkb: pa.Array
    """In the target system, x east."""
    wkt: pa.Array
    """As ``geo:wktLiteral`` wants it, null where there is none, or it was not asked for."""
    canonical: np.ndarray | None
    """Which of them have a canonical text, if that was asked for."""
    types: pa.Array
    nodes: pa.Array
    errors: dict[int, str]
    """Row of the batch -> why its geometry cannot be written."""
    null: int
    empty: int
    invalid: int
    repaired: int

    def canonical_wkb(self) -> pa.Array:
        """The WKB of those with a canonical text, null elsewhere."""
        if self.canonical is None:
            return pa.nulls(len(self.wkb), self.wkb.type)
        kept = pa.array(self.canonical)
        return self.wkb if self.canonical.all() else pc.if_else(kept, self.wkb, pa.scalar(None, self.wkb.type))


def type_names(wkb: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Simple Features names and emptiness by the heads of WKB values (ISO or extended), without parsing them.

    Returns:
        Object array of names (None for null or unreadable) and a Boolean array of empties.

    Example:
        >>> import shapely
        >>> names, empty = type_names(pa.array([shapely.to_wkb(shapely.Point(1, 2)), None], pa.large_binary()))
        >>> names.tolist(), empty.tolist()
        (['Point', None], [False, False])
    """
    codes, empty = _codes(wkb)
    return _NAMES[codes], empty


def _codes(wkb: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Places in :data:`_NAMES`, and emptiness."""
    count = len(wkb)
    found, empty = np.zeros(count, dtype=np.int8), np.zeros(count, dtype=bool)
    offsets = np.frombuffer(wkb.buffers()[1], dtype=np.int64, count=count + 1, offset=8 * wkb.offset) if count else None
    if offsets is None or wkb.buffers()[2] is None:
        return found, empty
    data = np.frombuffer(wkb.buffers()[2], dtype=np.uint8)
    long_enough = (np.diff(offsets) >= 9) & wkb.is_valid().to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(long_enough)
    starts = offsets[rows]
    little = data[starts] == 1
    codes, counts = (_unsigned(data, starts + skip, little) for skip in (1, 5))
    extended = codes & 0xE0000000
    plain = np.where(extended != 0, codes & 0x1FFFFFFF, codes) % 1000
    counts = np.where((codes & 0x20000000) != 0, 1, counts)
    found[rows] = np.where(plain < len(_NAMES), plain, 0)
    is_point = plain == _POINT
    empty[rows[~is_point]] = counts[~is_point] == 0
    is_whole = np.diff(offsets)[rows] >= 21
    found[rows[is_point & ~is_whole]] = 0
    points = rows[is_point & is_whole]
    if len(points):
        # A NaN has all bits of its exponent set: the two highest bytes of x say so in either byte order.
        high = np.where(little[is_point & is_whole], offsets[points] + 12, offsets[points] + 5)
        low = np.where(little[is_point & is_whole], high - 1, high + 1)
        empty[points] = ((data[high] & 0x7F) == 0x7F) & (data[low] >= 0xF8)
    return found, empty


def _unsigned(data: np.ndarray, starts: np.ndarray, little: np.ndarray) -> np.ndarray:
    """Unsigned 32-bit numbers at byte positions, in the byte order of each."""
    parts = data[starts[:, None] + np.arange(4)]
    parts[~little] = parts[~little][:, ::-1]
    return parts.view("<u4").ravel().astype(np.int64)


def prepare(
    wkb: pa.Array,
    system: OutputSystem,
    on_error: OnError = "fail",
    *,
    canonical: bool = False,
    texts: bool = True,
) -> PreparedGeometries:
    """Read, check, repair if asked, and reproject the geometries of a batch.

    Args:
        wkb: WKB, x east, in ``system.source``.
        system: From which system to which.
        on_error: ``repair`` makes invalid geometries valid; else they are counted and kept as they are.
        canonical: Find out which have a canonical text (:mod:`semcube.geometry.canonical`).
        texts: Write canonical texts, too.

    Example:
        >>> import shapely
        >>> wkb = pa.array([shapely.to_wkb(shapely.Point(1, 2)), None], pa.large_binary())
        >>> prepare(wkb, output_system("EPSG:4326", "EPSG:4326", where="a")).wkt.to_pylist()
        ['<http://www.opengis.net/def/crs/EPSG/0/4326> POINT (2 1)', None]
    """
    from semcube.geometry import wkb_to_wkt

    wkb = wkb.cast(pa.large_binary())
    if isinstance(wkb, pa.ChunkedArray):
        wkb = wkb.combine_chunks()
    wkb, malformed = _without_text(wkb)
    codes, empty = _codes(wkb)
    errors: dict[int, str] = {}
    is_null = wkb.is_null().to_numpy(zero_copy_only=False)
    kinds = set(np.unique(codes[~is_null]).tolist())
    known = _canonical(wkb, system) if canonical else None
    invalid, repaired = (None if system.reprojects else _invalid_by_bytes(wkb, kinds, known)), 0
    if invalid is None or (invalid and on_error == "repair"):
        before = wkb
        wkb, errors, invalid, repaired = _through_shapely(wkb, _NAMES[codes], system, on_error)
        codes, empty = _codes(wkb)
        known = _canonical(wkb, system) if canonical and wkb is not before else known
    types = _NAMES_COLUMN.take(pa.array(codes))
    if known is None or texts or not known.any():
        written, wkt = wkb, wkb_to_wkt(wkb, system.target)
    else:
        written = pc.if_else(pa.array(known), pa.scalar(None, wkb.type), wkb)
        missing = written.null_count == len(written)
        wkt = pa.nulls(len(wkb), pa.large_string()) if missing else wkb_to_wkt(written, system.target)
    if wkt.null_count > written.null_count:
        lost = pc.and_(written.is_valid(), wkt.is_null()).to_numpy(zero_copy_only=False)
        errors = {
            int(row): "geometry has a coordinate that is not a finite number" for row in np.flatnonzero(lost)
        } | errors
    nodes = pc.if_else(wkb.is_valid(), pa.scalar("geometry", pa.large_string()), pa.scalar(None, pa.large_string()))
    return PreparedGeometries(
        wkb=wkb,
        wkt=wkt,
        canonical=known,
        types=types,
        nodes=nodes,
        errors=malformed | errors,
        null=int(is_null.sum()) - len(malformed),
        empty=int(empty.sum()),
        invalid=invalid,
        repaired=repaired,
    )


def _canonical(wkb: pa.Array, system: OutputSystem) -> np.ndarray | None:
    """Which geometries have a canonical text; None if the system has none."""
    from semcube.geometry.canonical import canonical_system, has_canonical_text

    return has_canonical_text(wkb) if canonical_system(system.target) else None


def _invalid_by_bytes(wkb: pa.Array, kinds: set[int], canonical: np.ndarray | None) -> int | None:
    """How many geometries are invalid, where their kinds tell it without GEOS; else None.

    Points always are valid. A line is if all its ordinates are finite and it has two points that differ.
    """
    if kinds <= {_POINT}:
        return 0
    if kinds != {_LINE}:
        return None
    if canonical is not None and canonical.all():
        # finite, and of at least two points
        octets, starts, _ = values_of(wkb)
        doubtful = np.flatnonzero((octets[starts[:, None] + _FIRST] == octets[starts[:, None] + _SECOND]).all(axis=1))
    else:
        found = line_vertices(wkb)
        if found is None:
            return None
        offsets, x, y = found
        counts = np.diff(offsets)
        if (counts == 1).any() or not (np.isfinite(x).all() and np.isfinite(y).all()):
            return None
        begin = offsets[:-1][counts > 0]
        doubtful = np.flatnonzero(counts > 0)[(x[begin] == x[begin + 1]) & (y[begin] == y[begin + 1])]
    if not len(doubtful):
        return 0
    import shapely

    return int((~shapely.is_valid(shapely.from_wkb(wkb.take(pa.array(doubtful)).to_numpy(zero_copy_only=False)))).sum())


def _without_text(wkb: pa.Array) -> tuple[pa.Array, dict[int, str]]:
    """Null in place of text that is no geometry (WKB begins with a byte order of 0 or 1), and what is wrong with it."""
    if not len(wkb):
        return wkb, {}
    offsets = np.frombuffer(wkb.buffers()[1], np.int64)[wkb.offset : wkb.offset + len(wkb) + 1]
    data = np.frombuffer(wkb.buffers()[2] or b"", np.uint8)
    full = np.flatnonzero((np.diff(offsets) > 0) & wkb.is_valid().to_numpy(zero_copy_only=False))
    is_text = wkb.is_valid().to_numpy(zero_copy_only=False).copy()
    is_text[full] = data[offsets[:-1][full]] > 1
    rows = np.flatnonzero(is_text)
    if not rows.size:
        return wkb, {}
    reasons = {
        int(row): f"geometry cannot be read ({wkb[row].as_py().decode(errors='replace')[:60]!r})" for row in rows
    }
    return pc.if_else(pa.array(is_text), pa.scalar(None, wkb.type), wkb), reasons


def _through_shapely(
    wkb: pa.Array, names: np.ndarray, system: OutputSystem, on_error: OnError
) -> tuple[pa.Array, dict[int, str], int, int]:
    """Geometries parsed, checked, repaired, reprojected; the WKB is made anew only where something changed."""
    import shapely

    from semcube.geometry import repair

    objects = wkb.to_numpy(zero_copy_only=False)
    geometries = shapely.from_wkb(objects, on_invalid="ignore")
    unreadable = np.flatnonzero(shapely.is_missing(geometries) & wkb.is_valid().to_numpy(zero_copy_only=False))
    errors = {int(row): _unreadable(names[row]) for row in unreadable}
    is_bad = ~shapely.is_valid(geometries) & ~shapely.is_missing(geometries)
    invalid, repaired, changed = int(is_bad.sum()), 0, bool(errors)
    if invalid and on_error == "repair":
        geometries[is_bad] = repair(geometries[is_bad])[0]
        repaired, changed = invalid, True
    if system.reprojects:
        geometries, changed = transform(geometries, system.source, system.target), True
        bounds = shapely.bounds(geometries)
        is_lost = np.isinf(bounds).any(axis=1)
        errors |= {int(row): f"geometry lies outside the area of {system.target}" for row in np.flatnonzero(is_lost)}
        geometries[is_lost] = None
    if changed:
        wkb = pa.array(shapely.to_wkb(geometries, flavor="iso"), pa.large_binary())
    return wkb, errors, invalid, repaired


def _unreadable(name: str | None) -> str:
    if name in _NAMES[8:]:
        return f"geometry type {name} is not supported; make it linear (ogr2ogr -nlt CONVERT_TO_LINEAR)"
    return "geometry cannot be read (damaged WKB)"
