# SPDX-License-Identifier: Apache-2.0
"""Geometries as SpatiaLite and GeoPackage keep them in SQLite: a header, then a form of WKB."""

from __future__ import annotations

import struct

from semcube.errors import GeometryError

__all__ = ["geometry_blob"]

_ENTITY = 0x69
_COLLECTIONS = (4, 5, 6, 7)
_POINT, _LINE, _POLYGON = 1, 2, 3


def geometry_blob(value: object) -> tuple[bytes, int] | None:
    """The WKB and the system's number in a blob; None if it is no geometry.

    Args:
        value: A blob of SpatiaLite (https://www.gaia-gis.it/gaia-sins/BLOB-Geometry.html) or of GeoPackage (section
            2.1.3).

    Raises:
        GeometryError: The blob begins as a geometry and is damaged, or is compressed.

    Example:
        >>> head = struct.pack("<BBi4dB", 0, 1, 4326, 1, 2, 1, 2, 0x7C)
        >>> wkb, srid = geometry_blob(head + struct.pack("<I2d", 1, 1.0, 2.0) + bytes([0xFE]))
        >>> import shapely
        >>> shapely.from_wkb(wkb).wkt, srid
        ('POINT (1 2)', 4326)
    """
    if not isinstance(value, bytes):
        return None
    if value[:2] == b"GP" and len(value) > 8:
        return _geopackage(value)
    if len(value) > 43 and value[0] == 0 and value[1] in (0, 1) and value[38] == 0x7C and value[-1] == 0xFE:
        order = "<" if value[1] == 1 else ">"
        (srid,) = struct.unpack_from(order + "i", value, 2)
        try:
            body, end = _body(value, 39, order)
        except struct.error:
            raise GeometryError("a SpatiaLite geometry that ends too early") from None
        if end != len(value) - 1:
            raise GeometryError(f"a SpatiaLite geometry with {len(value) - 1 - end} bytes too many")
        return body, srid
    return None


def _geopackage(value: bytes) -> tuple[bytes, int]:
    flags = value[3]
    (srid,) = struct.unpack_from("<i" if flags & 1 else ">i", value, 4)
    sizes = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}
    envelope = sizes.get((flags >> 1) & 7)
    if envelope is None:
        raise GeometryError("a GeoPackage geometry with an unknown envelope")
    return value[8 + envelope :], srid


def _body(value: bytes, start: int, order: str) -> tuple[bytes, int]:
    """A geometry from its class on as WKB, and where it ends; the parts of a collection have marks, no byte order."""
    (kind,) = struct.unpack_from(order + "I", value, start)
    plain, size = kind % 1000, 2 + (kind // 1000 in (1, 2)) + 2 * (kind // 1000 == 3)
    if kind >= 1_000_000:
        raise GeometryError("a compressed SpatiaLite geometry", fix="uncompress it with UncompressGeometry()")
    if plain in _COLLECTIONS:
        (count,) = struct.unpack_from(order + "I", value, start + 4)
        parts, position = [], start + 8
        for _ in range(count):
            if value[position] != _ENTITY:
                raise GeometryError("a SpatiaLite collection without its marks")
            part, position = _body(value, position + 1, order)
            parts.append(part)
        head = value[start : start + 8]
        return bytes([order == "<"]) + head + b"".join(parts), position
    if plain not in (_POINT, _LINE, _POLYGON):
        raise GeometryError(f"a SpatiaLite geometry of class {kind}")
    end = start + 4
    if plain == _POINT:
        end += 8 * size
    else:
        rings = 1
        if plain == _POLYGON:
            (rings,) = struct.unpack_from(order + "I", value, end)
            end += 4
        for _ in range(rings):
            (points,) = struct.unpack_from(order + "I", value, end)
            end += 4 + 8 * size * points
    if end > len(value) - 1:
        raise GeometryError("a SpatiaLite geometry that ends too early")
    return bytes([order == "<"]) + value[start:end], end
