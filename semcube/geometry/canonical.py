# SPDX-License-Identifier: Apache-2.0
"""Canonical WKT: the one text of a geometry that can be made again from its WKB, bit for bit.

A text is canonical if it is what :func:`semcube.geometry.wkb_to_wkt` writes of canonical WKB, and so what a mapping
writes: ``<IRI> `` of the system in front unless it is CRS84, the keyword in capitals, one space, ordinates in the order
of the authority, of each the shortest decimal that reads back as the same double, without exponent.

WKB is canonical if there is no doubt of either way: ISO, little endian, plane, a point, line or polygon or several of
one kind, no part of it empty, all ordinates 0 (not -0) or of a magnitude from 1e-9 to below 1e15, and at most 16 MiB
long, so that its text can be read. Each canonical text belongs to one canonical WKB in one system, and the other way
round; everything else has no canonical text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from semcube.errors import CRSError
from semcube.geometry.coordinates import swap_xy
from semcube.geometry.crs import CRS
from semcube.geometry.crs import crs as find_crs
from semcube.geometry.literals import MAX_BYTES, parse, system_of
from semcube.geometry.octets import LINE_HEAD, POINT_BYTES, VERTEX, line_counts, line_ordinates, values_of
from semcube.geometry.wkb import wkb_to_wkt
from semcube.geometry.wkt import format_wkt, prefixed
from semcube.vocab import CRS84 as CRS84_IRI
from semcube.vocab import WKT_LITERAL

if TYPE_CHECKING:
    import numpy.typing as npt

    Rows = npt.NDArray[np.bool_]
    Numbers = npt.NDArray[np.int64]

__all__ = ["CanonicalTexts", "canonical_system", "canonical_texts", "has_canonical_text"]

_LEAST, _MOST = 1e-9, 1e15
_MOST_BYTES = MAX_BYTES // 4
"""Of WKB: an ordinate of 8 bytes takes at most 28 in the text, and what is between them no more than in WKB."""
_FORM = r"^(<[^<>\s]+> )?(MULTI)?(POINT|LINESTRING|POLYGON) \("
_COMPILED = re.compile(_FORM)
_FEW = 16
"""So many texts are read one by one."""
_CHUNK = 4096
_POINT, _LINE = 1, 2
_KINDS = 6


class CanonicalTexts(NamedTuple):
    """What canonical texts are made of."""

    wkb: pa.Array
    """(n,) large_binary, x east and y north; null where a text is not canonical."""
    systems: tuple[str, ...]
    """IRIs of their systems."""
    codes: Numbers
    """(n,) place of each in ``systems``; 0 where a text is not canonical."""


def canonical_system(system: CRS) -> bool:
    """Whether the IRI of a system says all that its literals depend on."""
    return system.iri is not None and find_crs(system.iri) == system


def has_canonical_text(wkb: pa.Array, shapes: npt.NDArray[np.object_] | None = None) -> Rows:
    """Which WKB values are canonical.

    Args:
        wkb: (n,) large_binary.
        shapes: (n,) the geometries it was written of, as ISO, little endian, where they are at hand.

    Returns:
        (n,) False where null, too.

    Example:
        >>> import shapely
        >>> shapes = shapely.from_wkt(["POINT (1 2)", "POINT (-0 2)", "POINT EMPTY", "LINESTRING (0 0, 1 1)"])
        >>> has_canonical_text(pa.array(shapely.to_wkb(shapes), pa.large_binary())).tolist()
        [True, False, False, True]
    """
    found = np.zeros(len(wkb), bool)
    if not len(wkb) or wkb.buffers()[2] is None:
        return found
    octets, starts, lengths = values_of(wkb)
    rows = np.flatnonzero((lengths >= POINT_BYTES) & (lengths <= _MOST_BYTES) & np.asarray(wkb.is_valid()))
    # the whole head as one number: byte order 1, then the kind as four bytes
    heads = octets[starts[rows, None] + np.arange(5)].astype(np.int64) @ (1 << (8 * np.arange(5)))
    kinds, little = heads >> 8, heads & 0xFF == 1
    for kind in np.unique(kinds[little & (kinds <= _KINDS)]).tolist():
        chosen = rows[little & (kinds == kind)]
        if kind == _POINT:
            found[chosen] = _points(octets, starts[chosen], lengths[chosen])
        elif kind == _LINE:
            found[chosen] = _lines(octets, starts[chosen], lengths[chosen])
        elif kind:
            values = wkb if len(chosen) == len(wkb) else wkb.take(pa.array(chosen))
            found[chosen] = _others(values, None if shapes is None else shapes[chosen])
    return found


def _certain(values: npt.NDArray[np.float64]) -> Rows:
    """Which ordinates are written and read back without doubt."""
    size = np.abs(values)
    good: Rows = (size >= _LEAST) & (size < _MOST)
    if not good.all():
        good |= np.ascontiguousarray(values).view(np.int64) == 0
    return good


def _points(octets: npt.NDArray[np.uint8], starts: Numbers, lengths: Numbers) -> Rows:
    whole = lengths == POINT_BYTES
    found = np.zeros(len(starts), bool)
    if whole.all() and bool((np.diff(starts) == POINT_BYTES).all()):
        packed = octets[starts[0] : starts[-1] + POINT_BYTES].reshape(-1, POINT_BYTES)[:, 5:]
    else:
        packed = octets[starts[whole, None] + np.arange(5, POINT_BYTES)]
    found[whole] = _certain(np.ascontiguousarray(packed).view("<f8")).all(axis=1)
    return found


def _lines(octets: npt.NDArray[np.uint8], starts: Numbers, lengths: Numbers) -> Rows:
    counts = line_counts(octets, starts)
    found: Rows = (counts >= 2) & (lengths == LINE_HEAD + VERTEX * counts)
    for first in range(0, len(starts), _CHUNK):
        rows = first + np.flatnonzero(found[first : first + _CHUNK])
        if not len(rows):
            continue
        good = _certain(line_ordinates(octets, starts[rows], counts[rows]))
        if not good.all():
            at = np.cumsum(2 * counts[rows]) - 2 * counts[rows]
            found[rows] = np.logical_and.reduceat(good, at)
    return found


def _others(wkb: pa.Array, shapes: npt.NDArray[np.object_] | None) -> Rows:
    """Polygons and collections of one kind, by way of GEOS: they have to come out as they went in."""
    found = np.zeros(len(wkb), bool)
    for start in range(0, len(wkb), _CHUNK):
        rows = slice(start, min(start + _CHUNK, len(wkb)))
        if shapes is None:
            values = wkb[rows].to_numpy(zero_copy_only=False)
            own = np.asarray(shapely.from_wkb(values, on_invalid="ignore"), dtype=object)
            again = np.asarray(shapely.to_wkb(own, output_dimension=4, byte_order=1, flavor="iso"), dtype=object)
            good = np.asarray(again == values, bool) & ~shapely.is_missing(own)
        else:
            own, good = shapes[rows], np.ones(rows.stop - start, bool)
        parts, owner = shapely.get_parts(own, return_index=True)
        good[owner[shapely.is_empty(parts)]] = False
        good &= ~shapely.is_empty(own)
        holed = np.flatnonzero(shapely.get_num_interior_rings(parts) > 0)
        rings, area = shapely.get_rings(parts[holed], return_index=True)
        good[owner[holed[area[shapely.is_empty(rings)]]]] = False
        xy, of = shapely.get_coordinates(own, return_index=True)
        good[of[~_certain(xy).all(axis=1)]] = False
        found[rows] = good
    return found


def canonical_texts(texts: pa.Array) -> CanonicalTexts:
    """What texts of ``geo:wktLiteral`` are made of, where they are canonical.

    Args:
        texts: (n,) large_string.

    Example:
        >>> found = canonical_texts(pa.array(["POINT (1 2)", "Point (1 2)", "POINT (1.0 2)"], pa.large_string()))
        >>> found.wkb.is_valid().to_pylist(), found.systems
        ([True, False, False], ('http://www.opengis.net/def/crs/OGC/1.3/CRS84',))
    """
    systems: dict[str, int] = {}
    codes = np.zeros(len(texts), np.int64)
    values = np.full(len(texts), None, object)
    if len(texts) <= _FEW:
        for row, text in enumerate(texts.to_pylist()):
            one = None if text is None else _made_of_one(text)
            if one is not None:
                codes[row], values[row] = systems.setdefault(one[0], len(systems)), one[1]
        return CanonicalTexts(pa.array(values, pa.large_binary()), tuple(systems), codes)
    like = pc.fill_null(pc.match_substring_regex(texts, _FORM), False).to_numpy(zero_copy_only=False)
    candidates = np.flatnonzero(like)
    for start in range(0, len(candidates), _CHUNK):
        rows = candidates[start : start + _CHUNK]
        for system, places, wkb in _made_of(texts.take(pa.array(rows))):
            codes[rows[places]] = systems.setdefault(system, len(systems))
            values[rows[places]] = wkb
    return CanonicalTexts(pa.array(values, pa.large_binary()), tuple(systems), codes)


def _made_of_one(text: str) -> tuple[str, bytes] | None:
    """The system and the WKB of one text, None if it is not canonical; columns have their price."""
    form = _COMPILED.match(text)
    if form is None or len(text) > MAX_BYTES:
        return None
    iri: str = form[1][1:-2] if form[1] else CRS84_IRI
    try:
        system, swaps = system_of(iri)
        with np.errstate(over="ignore", invalid="ignore"):
            shape = shapely.from_wkt(text[form.end(1) :] if form[1] else text)
    except (CRSError, shapely.errors.ShapelyError, ValueError):
        return None
    own = np.array([shape], object)
    wkb = shapely.to_wkb(swap_xy(own) if swaps else own, output_dimension=4, byte_order=1, flavor="iso")
    if system.iri != iri or not canonical_system(system) or not has_canonical_text(pa.array(wkb, pa.large_binary()))[0]:
        return None
    written = prefixed(pa.array(format_wkt(own), pa.large_string()), system)
    return (iri, wkb[0]) if written[0].as_py() == text else None


def _made_of(texts: pa.Array) -> list[tuple[str, Numbers, npt.NDArray[np.object_]]]:
    """System by system the rows with a canonical text, and their WKB."""
    read = parse(texts, WKT_LITERAL)
    found = []
    for number, system in enumerate(read.systems):
        rows = np.flatnonzero(read.crs == number)
        if not len(rows) or system.iri is None or not canonical_system(system):
            continue
        shapes = read.native[rows]
        wkb = pa.array(shapely.to_wkb(shapes, output_dimension=4, byte_order=1, flavor="iso"), pa.large_binary())
        good = np.flatnonzero(has_canonical_text(wkb, shapes))
        if not len(good):
            continue
        wkb, rows = wkb.take(pa.array(good)), rows[good]
        same = pc.equal(wkb_to_wkt(wkb, system), texts.take(pa.array(rows))).to_numpy(zero_copy_only=False)
        if same.any():
            found.append((system.iri, rows[same], wkb.to_numpy(zero_copy_only=False)[same]))
    return found
