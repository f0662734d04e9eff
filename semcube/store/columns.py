# SPDX-License-Identifier: Apache-2.0
"""Columns of ids -> Arrow columns of values, each of the narrowest type that holds all its terms.

=============================================  ==========================================================
all terms of the column are                    Arrow type
=============================================  ==========================================================
integers of any XSD integer type               int64, decimal text as string where one does not fit
numbers of any type                            float64 (a decimal keeps 15 to 17 digits)
``xsd:boolean``                                bool
``xsd:dateTime``, all with a time zone         timestamp[us, UTC]
``xsd:dateTime``, all without                  timestamp[us]
``xsd:date`` without a time zone               date32
geometry literals                              geoarrow.wkb, CRS84 (longitude, latitude); malformed: null
anything else, or a mixture                    string: the IRI, ``_:label`` or the lexical form
=============================================  ==========================================================
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.engines.classify import classify
from semcube.engines.ids import SHIFT, Tag
from semcube.engines.xsd import INTEGER_BOUNDS
from semcube.io.terms import KIND_BLANK
from semcube.vocab import XSD_DATE, XSD_DATETIME

if TYPE_CHECKING:
    import numpy.typing as npt

    from semcube.sparql.terms import QueryTerms

__all__ = ["GEOARROW", "typed_column"]

GEOARROW = {
    b"ARROW:extension:name": b"geoarrow.wkb",
    b"ARROW:extension:metadata": json.dumps({"crs": "OGC:CRS84", "crs_type": "authority_code"}).encode(),
}
"""Field metadata of a geometry column."""

_DAY = 86_400_000_000


def typed_column(name: str, numbers: npt.NDArray[np.int64], terms: QueryTerms) -> tuple[pa.Field, pa.Array]:
    """The values of ids (0: null) as one Arrow column.

    Args:
        name: The variable.
        numbers: (n,) ids of the query.
        terms: The terms of the query.

    Returns:
        The field, with extension metadata for geometries, and the array (n,).
    """
    unique, places = np.unique(numbers, return_inverse=True)
    bound = unique != 0
    tags = {Tag(int(t)) for t in np.unique(unique[bound] >> SHIFT)}
    if tags == {Tag.GEOMETRY}:
        field, values = pa.field(name, pa.binary(), metadata=GEOARROW), _wkb(unique, bound, terms)
    else:
        values = _values(terms.decode(unique), tags)
        field = pa.field(name, values.type)
    return field, values.take(pa.array(places.ravel()))


def _wkb(unique: npt.NDArray[np.int64], bound: npt.NDArray[np.bool_], terms: QueryTerms) -> pa.Array:
    import shapely

    found = np.full(len(unique), None, object)
    lonlat = terms.geometries(unique[bound]).lonlat
    found[bound] = shapely.to_wkb(lonlat, output_dimension=4, byte_order=1, flavor="iso")
    return pa.array(found, pa.binary())


def _values(decoded: pa.RecordBatch, tags: set[Tag]) -> pa.Array:
    """The distinct terms as values of one type."""
    if tags and tags <= {Tag.INTEGER, Tag.NUMERIC}:
        return _numbers(decoded)
    if tags == {Tag.BOOLEAN}:
        return pc.equal(decoded["lexical"], "true")
    if tags == {Tag.TEMPORAL}:
        found = _times(decoded)
        if found is not None:
            return found
    blank, lexical = pc.equal(decoded["kind"], KIND_BLANK), decoded["lexical"]
    mark, nothing = (pa.scalar(text, pa.large_string()) for text in ("_:", ""))
    return pc.if_else(blank, pc.binary_join_element_wise(mark, lexical, nothing), lexical)


def _numbers(decoded: pa.RecordBatch) -> pa.Array:
    datatypes = set(pc.unique(decoded["datatype"]).to_pylist()) - {None}
    if datatypes <= set(INTEGER_BOUNDS):
        try:
            return pc.utf8_ltrim(decoded["lexical"], characters="+").cast(pa.int64())
        except pa.ArrowInvalid:
            return decoded["lexical"]
    return decoded["lexical"].cast(pa.float64())


def _times(decoded: pa.RecordBatch) -> pa.Array | None:
    """Dates or times as Arrow values, None where the type has no room for one of them or zones are mixed."""
    datatypes = set(pc.unique(decoded["datatype"]).to_pylist()) - {None}
    classes = classify(decoded)
    there = decoded["kind"].is_valid()
    if pc.any(pc.and_(there, classes["time"].is_null())).as_py():
        return None
    zoned = {z for z, b in zip(classes["zoned"].to_pylist(), there.to_pylist(), strict=True) if b}
    if datatypes == {XSD_DATETIME} and len(zoned) == 1:
        return classes["time"].cast(pa.timestamp("us", "UTC" if zoned == {True} else None))
    if datatypes == {XSD_DATE} and zoned == {False}:
        days = classes["time"].to_numpy(zero_copy_only=False)
        days = np.floor_divide(np.nan_to_num(days).astype(np.int64), _DAY)
        if np.abs(days).max(initial=0) < 2**31:
            return pa.array(days.astype(np.int32), mask=~there.to_numpy(zero_copy_only=False)).cast(pa.date32())
    return None
