# SPDX-License-Identifier: Apache-2.0
"""WKB columns <-> WKT columns at the speed of Arrow, with the same text as the reference way through GEOS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from semcube.errors import CRSError
from semcube.geometry.coordinates import swap_xy
from semcube.geometry.crs import CRS84, SomeCRS
from semcube.geometry.crs import crs as find_crs
from semcube.geometry.literals import from_wkb
from semcube.geometry.nested import KEYWORDS, Wkb, written
from semcube.geometry.nesting import headers
from semcube.geometry.wkt import format_wkt, prefixed

if TYPE_CHECKING:
    from semcube.geometry.crs import CRS

__all__ = ["line_vertices", "wkb_to_wkt", "wkb_to_wkt_reference", "wkt_to_wkb"]


_LINE = 2
# The kernel writes text with 32-bit offsets, and text is about twice as long as WKB.
_MAX_BYTES = 256 * 1024 * 1024


def wkb_to_wkt_reference(wkb: pa.Array, crs: SomeCRS = CRS84) -> pa.Array:
    """What :func:`wkb_to_wkt` gives, made by GEOS one geometry at a time."""
    system = _named(crs)
    column = _large_binary(wkb)
    return prefixed(pa.array(_through_geos(column, system), pa.large_string()), system)


def wkb_to_wkt(wkb: pa.Array, crs: SomeCRS = CRS84) -> pa.Array:
    """WKT literals of WKB.

    Decimals are plain (no exponents) and the shortest that read back as the same doubles. Z and M are kept, an empty
    geometry is ``... EMPTY``, null stays null, and so does WKB that cannot be read (:func:`semcube.geometry.from_wkb`
    has the reasons) or that holds an infinite or undefined x or y other than as an empty point.

    Args:
        wkb: Binary array (N), ISO or extended WKB, x east and y north.
        crs: Their system. Its IRI is written in front of each text unless it is CRS84, and x and y are exchanged where
            the authority lists north first.

    Returns:
        Large string array (N).

    Raises:
        CRSError: The system is unknown or has no IRI.

    Example:
        >>> wkb_to_wkt(pa.array([shapely.Point(2.5, 48).wkb]), "EPSG:4326").to_pylist()
        ['<http://www.opengis.net/def/crs/EPSG/0/4326> POINT (48 2.5)']
    """
    system = _named(crs)
    column = _large_binary(wkb)
    if column.nbytes > _MAX_BYTES and len(column) > 1:
        half = len(column) // 2
        return pa.concat_arrays([wkb_to_wkt(column[:half], system), wkb_to_wkt(column[half:], system)])
    if system.swaps_axes:
        return prefixed(_exactly(column, system), system)
    slow = _needs_care(column)
    if slow.all():
        return prefixed(_exactly(column, system), system)
    texts = _format(_without(column, slow))
    if texts is None:
        return wkb_to_wkt_reference(column, system)
    slow |= _has_letters(texts)
    rows = np.flatnonzero(slow)
    if len(rows):
        exact = _exactly(column.take(pa.array(rows)), system)
        texts = exact if len(rows) == len(column) else pc.replace_with_mask(texts, pa.array(slow), exact)
    return prefixed(texts, system)


def _without(column: pa.Array, rows: np.ndarray) -> pa.Array:
    """Null in place of some rows; the column itself, not a copy, where there are none."""
    return pc.if_else(pa.array(rows), pa.scalar(None, pa.large_binary()), column) if rows.any() else column


def _has_letters(texts: pa.Array) -> np.ndarray:
    """The texts with a lower-case letter: an exponent, an infinity or a NaN."""
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    # One pass over all bytes; that there is such a letter is rare.
    if not len(data) or data.max() < ord("a"):
        return np.zeros(len(texts), dtype=bool)
    found: np.ndarray = pc.fill_null(pc.match_substring_regex(texts, "[a-z]"), False).to_numpy(zero_copy_only=False)
    return found


def line_vertices(wkb: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The vertices of lines, without an object for each.

    Args:
        wkb: Large binary array (N) of WKB of plane lines; null is a line without vertices.

    Returns:
        Offsets (N + 1) into x and y (float64); None where a value is no such line or cannot be read.

    Example:
        >>> offsets, x, y = line_vertices(pa.array([shapely.LineString([(1, 2), (3, 4)]).wkb], pa.large_binary()))
        >>> offsets.tolist(), x.tolist(), y.tolist()
        ([0, 2], [1.0, 3.0], [2.0, 4.0])
    """
    from geoarrow.c.kernel import ScalarFunction
    from geoarrow.c.lib import GeoArrowCException

    kinds, widths = headers(wkb)
    if (widths > 2).any() or not ((kinds == _LINE) | ~np.asarray(wkb.is_valid())).all():
        return None
    try:
        lines = pa.array(ScalarFunction("as_geoarrow", type=_LINE)(Wkb(wkb)))
    except GeoArrowCException:
        return None
    lines = lines.storage if isinstance(lines, pa.ExtensionArray) else lines
    x, y = lines.values.flatten()
    return lines.offsets.to_numpy(), x.to_numpy(), y.to_numpy()


def _named(crs: SomeCRS) -> CRS:
    system = find_crs(crs)
    if system.iri is None:
        raise CRSError(
            f"the system {system.name!r} has no IRI, so a literal cannot name it",
            fix="transform the geometries to CRS84 or to a system with an authority code first",
        )
    return system


def _large_binary(wkb: pa.Array) -> pa.Array:
    column = wkb.combine_chunks() if isinstance(wkb, pa.ChunkedArray) else wkb
    column = column.storage if isinstance(column, pa.ExtensionArray) else column
    return column if pa.types.is_large_binary(column.type) else column.cast(pa.large_binary())


def _through_geos(column: pa.Array, system: CRS) -> np.ndarray:
    geometries = from_wkb(column).native
    finite = np.ones(len(geometries), dtype=bool)
    values, owner = shapely.get_coordinates(geometries, include_z=False, return_index=True)
    finite[owner[~np.isfinite(values).all(axis=1)]] = False
    geometries[~finite] = None
    return format_wkt(swap_xy(geometries) if system.swaps_axes else geometries)


def _format(column: pa.Array) -> pa.Array | None:
    """WKT through the Arrow kernel; None where a value cannot be read, which ends the whole batch there."""
    from geoarrow.c.kernel import ScalarFunction
    from geoarrow.c.lib import GeoArrowCException

    try:
        return pa.array(ScalarFunction("format_wkt")(Wkb(column))).cast(pa.large_string())
    except GeoArrowCException:
        return None


def _exactly(column: pa.Array, system: CRS) -> pa.Array:
    """WKT without prefix, kind by kind; through GEOS where the ordinates alone are not enough."""
    kinds, widths = headers(column)
    texts = pa.nulls(len(column), pa.large_string())
    left = np.asarray(column.is_valid())
    for kind in np.unique(kinds[left & (widths == 2)]).tolist():
        own = left & (kinds == kind) & (widths == 2)
        if kind not in KEYWORDS:
            continue
        made = written(column if own.all() else column.filter(pa.array(own)), kind, swap=system.swaps_axes)
        if made is not None:
            texts = made if own.all() else pc.replace_with_mask(texts, pa.array(own), made)
            left &= ~own
    if left.any():
        rest = pa.array(_through_geos(column.filter(pa.array(left)), system), pa.large_string())
        texts = pc.replace_with_mask(texts, pa.array(left), rest)
    return texts


def _needs_care(column: pa.Array) -> np.ndarray:
    """The rows whose text the Arrow kernel may not write exactly, or not in the same form.

    The kernel cuts after 16 decimals, so an ordinate between -1 and 1 can lose digits: of lines alone it is known which
    do. Multipoints have another form there; heights and measures are not looked at here, collections may be deep.
    """
    kinds, widths = headers(column)
    slow: np.ndarray = (widths > 2) | (kinds == 4) | (kinds == 7)
    vertices = None if slow.any() or (kinds != _LINE).any() else line_vertices(column)
    if vertices is not None:
        offsets, *ordinates = vertices
        cut = np.concatenate([np.flatnonzero(_is_cut(each)) for each in ordinates])
        slow[np.searchsorted(offsets, cut, side="right") - 1] = True
        return slow
    slow |= _near_zero(column, slow)
    return slow


def _is_cut(values: np.ndarray) -> np.ndarray:
    """Whether numbers are small and have more decimals than the kernel writes."""
    small: np.ndarray = np.abs(values) < 1
    if not small.any():
        return small
    cut: np.ndarray = small & (np.round(np.where(small, values, 0.0), 15) != values)
    return cut


def _near_zero(column: pa.Array, skip: np.ndarray) -> np.ndarray:
    """Whether the box of a geometry meets -1 < x < 1 or -1 < y < 1 (or it has none)."""
    from geoarrow.c.kernel import ScalarFunction
    from geoarrow.c.lib import GeoArrowCException

    try:
        box = pa.array(ScalarFunction("box")(Wkb(_without(column, skip))))
    except GeoArrowCException:
        return np.ones(len(column), dtype=bool)
    storage = box.storage if isinstance(box, pa.ExtensionArray) else box
    xmin, ymin, xmax, ymax = (
        pc.fill_null(pc.struct_field(storage, name), 0.0).to_numpy(zero_copy_only=False)
        for name in ("xmin", "ymin", "xmax", "ymax")
    )
    near: np.ndarray = ~((xmin >= 1) | (xmax <= -1)) | ~((ymin >= 1) | (ymax <= -1))
    return near


def wkt_to_wkb(wkt: pa.Array) -> pa.Array:
    """WKB (ISO, little endian) of WKT without prefix; null where malformed.

    Example:
        >>> wkt_to_wkb(pa.array(["POINT (1 2)", "x"])).is_valid().to_pylist()
        [True, False]
    """
    from semcube.geometry.wkt import read_wkt

    column = wkt.combine_chunks() if isinstance(wkt, pa.ChunkedArray) else wkt
    geometries, _ = read_wkt(column.cast(pa.large_string()).to_numpy(zero_copy_only=False))
    return pa.array(shapely.to_wkb(geometries, flavor="iso", byte_order=1), pa.large_binary())
