# SPDX-License-Identifier: Apache-2.0
"""The geometry literals of a store: decoded once when they are loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.engines import ids
from semcube.geometry.octets import LINE_HEAD, POINT_BYTES, VERTEX, line_counts, line_ordinates, values_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from semcube.geometry.literals import Geometries
    from semcube.store.appending import Appender

    Boxes = npt.NDArray[np.float64]

__all__ = ["decode_geometries", "write_geometries"]

CHUNK = 4096
"""Geometries that are decoded together."""
_SCHEMA = pa.schema(
    [("n", pa.int64()), ("crs", pa.string()), ("wkb", pa.large_binary()), ("lonlat", pa.large_binary())]
    + [(name, pa.float64()) for name in ("minx", "miny", "maxx", "maxy")]
    + [("error", pa.string())]
)
_POINT, _LINE = b"\x01\x01\0\0\0", b"\x01\x02\0\0\0"


def write_geometries(
    target: Appender, terms: pa.Table, wkb: pa.Array | None = None, crs: str = ""
) -> tuple[int, list[str]]:
    """Decode and store the geometries among new terms; those of which WKB is known are not read from their text.

    Args:
        target: Appends to the table ``geometries``.
        terms: As in :func:`decode_geometries`.
        wkb: As there.
        crs: As there.

    Returns:
        How many there are, and why each malformed one is.
    """
    rows = decode_geometries(terms, wkb, crs)
    if len(rows):
        target.add(rows)
    return len(rows), rows["error"].drop_null().to_pylist()


def decode_geometries(terms: pa.Table, wkb: pa.Array | None = None, crs: str = "") -> pa.Table:
    """Rows of the table ``geometries`` for new terms.

    Args:
        terms: New rows of the table ``terms``; beside them ``wkb`` and ``crs`` (IRI) where some have no text.
        wkb: (n,) large_binary: the geometries of WKT literals where they are known, row by row.
        crs: IRI of the system of ``wkb``.

    Returns:
        One row per geometry literal, malformed ones with the reason.
    """
    from semcube.geometry.literals import parse

    is_geometry = pc.equal(terms["tag"], int(ids.Tag.GEOMETRY))
    parts = []
    if "wkb" in terms.column_names:
        parts = _derived(terms)
        is_geometry = pc.and_(is_geometry, terms["wkb"].is_null())
        if len(parts) == 1 and not pc.any(is_geometry).as_py():
            return parts[0]
    elif wkb is not None:
        known = pc.and_(is_geometry, wkb.is_valid())
        if pc.all(known).as_py():
            return _from_wkb(terms["n"], wkb, crs)
        is_geometry = pc.and_not(is_geometry, known)
        parts.append(_from_wkb(terms["n"].filter(known), wkb.filter(known.combine_chunks()), crs))
    chosen = terms.filter(is_geometry)
    if not len(chosen) and not parts:
        return _SCHEMA.empty_table()
    for datatype in pc.unique(chosen["datatype"]).to_pylist():
        part = chosen.filter(pc.equal(chosen["datatype"], datatype))
        lexical = part["lexical"].combine_chunks()
        parts += [
            _rows(part["n"].slice(start, CHUNK), parse(lexical.slice(start, CHUNK), datatype))
            for start in range(0, len(part), CHUNK)
        ]
    return pa.concat_tables(parts).sort_by("n")


def _derived(terms: pa.Table) -> list[pa.Table]:
    """Rows of the geometries of terms without text, system by system."""
    found = []
    systems = pc.unique(terms["crs"])
    if len(systems) == 1 and not systems.null_count:
        return [_from_wkb(terms["n"], terms["wkb"].combine_chunks(), systems[0].as_py())]
    for iri in systems.drop_null().to_pylist():
        part = terms.filter(pc.equal(terms["crs"], iri))
        found.append(_from_wkb(part["n"], part["wkb"].combine_chunks(), iri))
    return found


def _from_wkb(numbers: pa.ChunkedArray, wkb: pa.Array, crs: str) -> pa.Table:
    """Rows of geometries that are known already."""
    import shapely

    from semcube.geometry.crs import CRS84, same
    from semcube.geometry.literals import Geometries, system_of

    system = system_of(crs)[0]
    wkb = wkb.cast(pa.large_binary())
    boxes = _boxes_by_bytes(wkb) if len(wkb) and same(system, CRS84) else None
    if boxes is not None:
        return _table(numbers, pa.repeat(pa.scalar(system.iri, pa.string()), len(wkb)), wkb, boxes)
    parts = [_SCHEMA.empty_table()]
    for start in range(0, len(wkb), CHUNK):
        native = shapely.from_wkb(wkb.slice(start, CHUNK).to_numpy(zero_copy_only=False))
        known = Geometries(native, np.zeros(len(native), np.int16), (system,))
        parts.append(_rows(numbers.slice(start, CHUNK), known))
    return pa.concat_tables(parts)


def _boxes_by_bytes(wkb: pa.Array) -> Boxes | None:
    """Boxes (n, 4) of WKB that is stored as it is, where its bytes tell: plane points and lines, little endian, finite.

    Args:
        wkb: (n,) large_binary without nulls.
    """
    octets, starts, lengths = values_of(wkb)
    if lengths.min() < POINT_BYTES:
        return None
    heads = octets[starts[:, None] + np.arange(5)]
    if (lengths == POINT_BYTES).all() and (heads == np.frombuffer(_POINT, np.uint8)).all():
        whole = octets[starts[0] : starts[-1] + POINT_BYTES].reshape(-1, POINT_BYTES)
        xy = np.ascontiguousarray(whole[:, 5:]).view("<f8")
        return np.hstack([xy, xy]) if np.isfinite(xy).all() else None
    if (heads == np.frombuffer(_LINE, np.uint8)).all():
        return _boxes_of_lines(octets, starts, lengths)
    return None


def _boxes_of_lines(
    octets: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]
) -> Boxes | None:
    """Boxes of little-endian plane lines, None if one is not."""
    counts = line_counts(octets, starts)
    if (counts < 2).any() or (lengths != LINE_HEAD + VERTEX * counts).any():
        return None
    boxes = np.empty((len(starts), 4))
    for first in range(0, len(starts), CHUNK):
        rows = slice(first, first + CHUNK)
        xy = line_ordinates(octets, starts[rows], counts[rows]).reshape(-1, 2)
        if not np.isfinite(xy).all():
            return None
        at = np.cumsum(counts[rows]) - counts[rows]
        boxes[rows, :2], boxes[rows, 2:] = np.minimum.reduceat(xy, at), np.maximum.reduceat(xy, at)
    return boxes


def _rows(numbers: pa.ChunkedArray, geometries: Geometries) -> pa.Table:
    import shapely

    lonlat = geometries.lonlat
    boxes = shapely.bounds(lonlat).reshape(-1, 4)
    native = geometries.native
    other = np.full(len(native), None, object)
    if lonlat is not native:
        changed = np.array([a is not b for a, b in zip(lonlat, native, strict=True)], bool)
        other[changed] = lonlat[changed]
    systems = pa.array([None if system is None else system.iri for system in geometries.systems_by_row()], pa.string())
    errors = [geometries.errors.get(row) for row in range(len(geometries))] if geometries.errors else None
    return _table(numbers, systems, pa.array(_wkb(native), pa.large_binary()), boxes, _wkb(other), errors)


def _table(
    numbers: pa.ChunkedArray,
    systems: pa.Array,
    wkb: pa.Array,
    boxes: Boxes,
    lonlat: npt.NDArray[Any] | None = None,
    errors: list[str | None] | None = None,
) -> pa.Table:
    """Rows of the table ``geometries``."""
    count = len(wkb)
    columns = [
        numbers,
        systems,
        wkb,
        pa.nulls(count, pa.large_binary()) if lonlat is None else pa.array(lonlat, pa.large_binary()),
        *(pa.array(boxes[:, i], mask=np.isnan(boxes[:, i])) for i in range(4)),
        pa.nulls(count, pa.string()) if errors is None else pa.array(errors, pa.string()),
    ]
    return pa.table(columns, schema=_SCHEMA)


def _wkb(geometries: npt.NDArray[Any]) -> npt.NDArray[Any]:
    import shapely

    return np.asarray(shapely.to_wkb(geometries, output_dimension=4, byte_order=1, flavor="iso"), dtype=object)
