# SPDX-License-Identifier: Apache-2.0
"""``geo:wktLiteral``: text with an optional ``<IRI>`` of the system <-> geometries in the authority's axis order.

Reads any case, ``Z``, ``M``, ``ZM``, ``EMPTY`` and exponents; writes plain decimals, the shortest that read back as the
same double. A TIN or polyhedral surface is read as the union of its patches, a triangle as a polygon.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from semcube.geometry.crs import CRS, CRS84
from semcube.geometry.nesting import too_deep

__all__ = ["format_wkt", "prefixed", "read_wkt", "split_prefix"]

# More than any double needs: GEOS writes the shortest text that reads back as the same double; its own default cuts
# after 16 decimals and so loses the last digits of numbers below 1.
_DECIMALS = 25
_PREFIX = r"(?s)^\s*<(?P<iri>[^<>]*)>(?P<wkt>.*)$"
_SUSPICIOUS = r"(?i)[0-9.][ex]|nan|inf|[0-9]{300}"
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?[eE][-+]?\d+")
_PATCHES = re.compile(r"\s*(TRIANGLE|TIN|POLYHEDRALSURFACE)\b", re.IGNORECASE)


def split_prefix(lexical: pa.Array) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The IRI before the WKT.

    Returns:
        Object array of WKT texts (None where null), int32 array of indexes into the list (0: no IRI), the list of IRIs.
    """
    texts = lexical.to_numpy(zero_copy_only=False)
    index = np.zeros(len(lexical), dtype=np.int32)
    has = pc.fill_null(pc.match_substring_regex(lexical, r"^\s*<"), False).to_numpy(zero_copy_only=False)
    iris = [""]
    if has.any():
        parts = pc.extract_regex(lexical.filter(pa.array(has)), _PREFIX)
        found = pc.struct_field(parts, "iri").dictionary_encode()
        names = found.dictionary.to_pylist()
        codes = found.indices.to_numpy(zero_copy_only=False)
        known = np.flatnonzero(has)[~np.isnan(codes)] if codes.dtype.kind == "f" else np.flatnonzero(has)
        texts = texts.copy()
        rest = pc.struct_field(parts, "wkt").to_numpy(zero_copy_only=False)
        matched = np.array(parts.is_valid())
        index[known] = codes[matched].astype(np.int32) + 1
        texts[known] = rest[matched]
        iris += names
    return texts, index, iris


def read_wkt(texts: np.ndarray) -> tuple[np.ndarray, dict[int, str]]:
    """WKT without prefix -> geometries in the order of axes as written.

    Args:
        texts: Object array of str or None.

    Returns:
        Object array of shapely geometries, None where malformed or None; and row -> reason of the malformed ones.

    Example:
        >>> read_wkt(np.array(["point z (1 2 3)", "", "POINT (1)"], dtype=object))
        (array([<POINT Z (1 2 3)>, <GEOMETRYCOLLECTION EMPTY>, None], dtype=object),
         {2: "ParseException: Expected number but encountered ')'"})
    """
    collections = pc.fill_null(pc.match_substring_regex(pa.array(texts, pa.large_string()), r"(?i)^\s*g"), False)
    rows = np.flatnonzero(collections.to_numpy(zero_copy_only=False))
    errors = {int(rows[place]): reason for place, reason in too_deep(texts[rows], "(", ")").items()}
    if errors:
        texts = texts.copy()
        texts[list(errors)] = None
    geometries = _decoded(texts)
    for row in np.flatnonzero(shapely.is_missing(geometries)):
        if texts[row] is not None:
            geometries[row], reason = _one(texts[row])
            if reason:
                errors[int(row)] = reason
    _refuse_odd_numbers(texts, geometries, errors)
    return geometries, errors


def _decoded(texts: np.ndarray) -> np.ndarray:
    """What GEOS reads; None for the rest."""
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            return np.array(shapely.from_wkt(texts, on_invalid="ignore"), dtype=object)
        except NotImplementedError:
            # Curves end the whole call, so they are taken out first.
            curved = pc.match_substring_regex(pa.array(texts, pa.large_string()), "(?i)circular|curve|surface")
            plain = texts.copy()
            plain[pc.fill_null(curved, False).to_numpy(zero_copy_only=False)] = None
            return np.array(shapely.from_wkt(plain, on_invalid="ignore"), dtype=object)


def _one(text: str) -> tuple[Any, str | None]:
    """A text that the fast way did not read: the geometry, or the reason."""
    if not text.strip():
        return shapely.GeometryCollection(), None
    try:
        if match := _PATCHES.match(text):
            shape = "POLYGON" if match[1].upper() == "TRIANGLE" else "MULTIPOLYGON"
            patches = shapely.from_wkt(shape + text[match.end() :])
            return (patches if shape == "POLYGON" else shapely.union_all(shapely.get_parts(patches))), None
        return shapely.from_wkt(text), None
    except (shapely.errors.ShapelyError, ValueError, NotImplementedError) as reason:
        return None, str(reason).strip()


def _refuse_odd_numbers(texts: np.ndarray, geometries: np.ndarray, errors: dict[int, str]) -> None:
    """Ordinates that are infinite, not a number or hexadecimal are malformed."""
    odd = pc.fill_null(pc.match_substring_regex(pa.array(texts, pa.large_string()), _SUSPICIOUS), False)
    for row in np.flatnonzero(odd.to_numpy(zero_copy_only=False) & ~shapely.is_missing(geometries)):
        here = geometries[row]
        hexadecimal = re.search(r"0[xX]", texts[row])
        if hexadecimal or not np.isfinite(shapely.get_coordinates(here)).all():
            geometries[row] = None
            errors[int(row)] = "a coordinate is not a finite decimal number"


def format_wkt(geometries: np.ndarray) -> np.ndarray:
    """Geometries -> WKT without prefix, coordinates in the order they have.

    Example:
        >>> format_wkt(np.array([shapely.Point(1e-7, 0.1 + 0.2)], dtype=object))
        array(['POINT (0.0000001 0.30000000000000004)'], dtype=object)
    """
    texts = np.asarray(shapely.to_wkt(geometries, rounding_precision=_DECIMALS), dtype=object)
    lower = pc.fill_null(pc.match_substring(pa.array(texts.ravel(), pa.large_string()), "e"), False)
    for row in np.flatnonzero(lower.to_numpy(zero_copy_only=False)):
        texts.flat[row] = _without_exponents(texts.flat[row])
    return texts


def _without_exponents(text: str) -> str:
    """WKT with plain decimals; looks at the few numbers that have an exponent, not at all of them.

    Example:
        >>> _without_exponents("LINESTRING (-1.5e-07 2, 3 1e+16)")
        'LINESTRING (-0.00000015 2, 3 10000000000000000)'
    """
    pieces, done, at = [], 0, text.find("e")
    while at >= 0:
        first = at
        while text[first - 1] not in " (":
            first -= 1
        number = _NUMBER.match(text, first)
        assert number is not None
        pieces += [text[done:first], format(Decimal(number[0]), "f")]
        done = number.end()
        at = text.find("e", done)
    return "".join([*pieces, text[done:]])


def prefixed(texts: pa.Array, crs: CRS) -> pa.Array:
    """WKT texts with the IRI of their system in front, unless it is CRS84."""
    if crs == CRS84:
        return texts
    return pc.binary_join_element_wise(
        pa.scalar(f"<{crs.iri}>", pa.large_string()), texts, pa.scalar(" ", pa.large_string())
    )
