# SPDX-License-Identifier: Apache-2.0
"""Functions of GeoSPARQL 1.1 on geometry literals: relations (section 8.9) and the others (sections 8.7 and 8.5).

Relations are decided in longitude and latitude (CRS84), as spatial indexes are; results that are geometries are
literals of the datatype and in the coordinate reference system of the first argument. A malformed literal is an error
and counted.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import shapely

from semcube.geometry.functions import KERNELS, Kernel
from semcube.geometry.literals import NO_SYSTEM, Geometries
from semcube.geometry.operator import is_sound
from semcube.geometry.portions import portions
from semcube.geometry.relations import RELATIONS, Relation, evaluate, relation
from semcube.io.terms import IRI, Literal
from semcube.sparql.columns import ERROR, FALSE, Column
from semcube.sparql.functions.table import row
from semcube.sparql.values import Object, as_double, is_number, value
from semcube.vocab import GEOJSON_LITERAL, GML_LITERAL, KML_LITERAL, WKT_LITERAL, XSD, XSD_STRING

if TYPE_CHECKING:
    from semcube.sparql.context import Context

__all__ = ["geometries_of"]

ANY_URI = XSD + "anyURI"
Rows = npt.NDArray[np.int64]


def geometries_of(column: Column, context: Context) -> Geometries:
    """The geometries of a column; literals that have none are counted in the trace."""
    found = column.shapes(context.terms).geometries
    if found.errors and context.trace is not None:
        context.trace.count("malformed geometry literals", len(found.errors))
    return found


# --- relations -----------------------------------------------------------------------------------------------------


def _relate(chosen: Relation, context: Context, arguments: list[Column]) -> Column:
    """Truth of a relation for each row."""
    first, second = (geometries_of(column, context) for column in arguments)
    a, b = first.lonlat, second.lonlat
    truth = np.full(len(a), ERROR, np.int8)
    rows = np.flatnonzero(~(shapely.is_missing(a) | shapely.is_missing(b)))
    if len(rows) > 1 and arguments[0].constant is not None:
        rows = _settle(chosen, a[rows[0]], b, rows, truth, context)
    elif len(rows) > 1 and arguments[1].constant is not None:
        rows = _settle(relation(chosen.inverse), b[rows[0]], a, rows, truth, context)
    failed = 0
    for part in portions(len(rows), context.cancellation.check):
        errors: dict[int, str] = {}
        some = rows[part]
        truth[some] = evaluate(chosen, a[some], b[some], errors=errors)
        truth[some[np.fromiter(errors, np.int64, len(errors))]] = ERROR
        failed += len(errors)
    if failed and context.trace is not None:
        context.trace.count("geometries too invalid to relate", failed)
    return Column.of_truth(truth)


def _settle(
    chosen: Relation,
    constant: shapely.Geometry,
    others: npt.NDArray[np.object_],
    rows: Rows,
    truth: npt.NDArray[np.int8],
    context: Context,
) -> Rows:
    """Settles ``constant chosen other`` where boxes or the prepared constant can; gives the rows that are left.

    Those are invalid geometries and collections: what holds for one may depend on the way that GEOS takes.
    """
    if not chosen.may_be_disjoint:
        low_x, low_y, high_x, high_y = shapely.bounds(others[rows]).reshape(-1, 4).T
        x, y, to_x, to_y = shapely.bounds(constant)
        near = (low_x <= to_x) & (high_x >= x) & (low_y <= to_y) & (high_y >= y)
        truth[rows[~near]] = FALSE
        rows = rows[near]
    if not is_sound(np.array([constant], object))[0]:
        return rows
    valid = is_sound(others[rows])
    own = np.array([shapely.from_wkb(shapely.to_wkb(constant))], object)  # others must not meet it prepared
    shapely.prepare(own)
    settled = rows[valid]
    for part in portions(len(settled), context.cancellation.check):
        truth[settled[part]] = evaluate(chosen, own, others[settled[part]])
    return np.asarray(rows[~valid])


def _relate_pattern(context: Context, arguments: list[Column]) -> Column:
    """``geof:relate``: each distinct DE-9IM pattern at once."""
    patterns = arguments[2].strings(context.terms)[0].to_pylist()
    truth = np.full(len(patterns), ERROR, np.int8)
    for pattern in dict.fromkeys(patterns):
        if pattern is None or len(pattern) != 9 or not set(pattern.upper()) <= set("TF*012"):
            continue
        rows = np.flatnonzero(np.array([other == pattern for other in patterns]))
        pair = [column.take(rows) for column in arguments[:2]]
        truth[rows] = _relate(relation(pattern), context, pair).truth(context.terms)
    return Column.of_truth(truth)


# --- other functions -----------------------------------------------------------------------------------------------


def _number(some: Object | None) -> float:
    found = None if some is None else value(some)
    return as_double(found) if is_number(found) else float("nan")  # type: ignore[arg-type]


def _name(some: Object | None) -> str | None:
    """An IRI, or a text that holds one."""
    if isinstance(some, IRI):
        return some.value
    if isinstance(some, Literal) and some.datatype in (ANY_URI, XSD_STRING):
        return some.lexical
    return some if isinstance(some, str) else None


def _argument(kind: str, column: Column, context: Context) -> tuple[Any, npt.NDArray[np.bool_]]:
    """A kernel's argument, and the rows that have it."""
    if kind == "geometry":
        geometries = geometries_of(column, context)
        return geometries, ~shapely.is_missing(geometries.native)
    objects = column.objects(context.terms)
    if kind in ("unit", "iri"):
        names = np.array([_name(some) for some in objects], object)
        return names, np.array([name is not None for name in names.tolist()], bool)
    numbers = np.array([_number(some) for some in objects], np.float64)
    good = np.isfinite(numbers)
    if kind == "integer":
        good &= (numbers == np.floor(numbers)) & (np.abs(numbers) < 2**31)
        return np.where(good, numbers, 0).astype(np.int64), good
    return numbers, good


def _compute(kernel: Kernel, context: Context, arguments: list[Column]) -> Column:
    """A kernel on the rows that have all arguments."""
    given = [_argument(kind, column, context) for kind, column in zip(kernel.arguments, arguments, strict=False)]
    rows = np.flatnonzero(np.logical_and.reduce([good for _, good in given]))
    n = arguments[0].rows
    if not len(rows):
        return Column.of_errors(n)
    whole = len(rows) == n
    parts = []
    for part in portions(len(rows), context.cancellation.check):
        entire = part.stop - part.start == n
        parts.append(kernel.function(*(some if entire else some.take(rows[part]) for some, _ in given)))
    result = _concatenated(parts)
    if kernel.result == "geometry":
        datatypes = arguments[0].shapes(context.terms).datatypes
        return Column.of_shapes(result if whole else _scatter(result, rows, n), datatypes)
    return _values(kernel.result, result, rows, n)


def _concatenated(parts: list[Any]) -> Any:
    """The results of portions as one."""
    if len(parts) == 1:
        return parts[0]
    return Geometries.concat(parts) if isinstance(parts[0], Geometries) else np.ma.concatenate(parts)  # type: ignore[no-untyped-call]


def _scatter(some: Geometries, rows: Rows, n: int) -> Geometries:
    """The rows of a column in a longer one, missing elsewhere."""
    nothing = Geometries(np.array([None], object), np.array([NO_SYSTEM], np.int16))
    places = np.full(n, len(some), np.int64)
    places[rows] = np.arange(len(some))
    return Geometries.concat([some, nothing]).take(places)


def _values(kind: str, result: np.ma.MaskedArray, rows: Rows, n: int) -> Column:
    """A masked array of a kernel as a column."""
    good = ~np.ma.getmaskarray(result)
    data = np.ma.getdata(result)
    if kind == "number":
        numbers, valid = np.zeros(n), np.zeros(n, bool)
        numbers[rows], valid[rows] = data, good
        return Column.of_doubles(numbers, valid)
    if kind == "boolean":
        truth = np.full(n, ERROR, np.int8)
        truth[rows] = np.where(good, data.astype(np.int8), ERROR)
        return Column.of_truth(truth)
    objects: list[Object | None] = [None] * n
    for place, some, exists in zip(rows.tolist(), data.tolist(), good.tolist(), strict=True):
        if exists:
            objects[place] = Literal(str(some), ANY_URI) if kind == "iri" else int(some)
    return Column.of_objects(objects)


def _convert(datatype: str, context: Context, arguments: list[Column]) -> Column:
    """The same geometry in another serialisation."""
    geometries = geometries_of(arguments[0], context)
    return Column.of_shapes(geometries, np.full(len(geometries), datatype, object))


# --- rows ----------------------------------------------------------------------------------------------------------

_CLAUSE = "GeoSPARQL 1.1, clause "
_RESULTS = {"geometry": "geometry literal", "number": "xsd:double", "iri": "xsd:anyURI"}
_KINDS = {"geometry": "geometry literal", "unit": "unit IRI", "iri": "IRI"}
_FAMILIES = {"sf": "Simple Features", "eh": "Egenhofer", "rcc8": "RCC8"}

for _relation in RELATIONS.values():
    row(
        f"geof:{_relation.name}",
        ("geometry literal",) * 2,
        "boolean",
        vector=partial(_relate, _relation),
        doc=f"Whether the {_FAMILIES[_relation.family]} relation holds, for literals of any datatype and system.",
        clause=_CLAUSE + "9",
    )
row(
    "geof:relate",
    ("geometry literal", "geometry literal", "simple literal"),
    "boolean",
    vector=_relate_pattern,
    doc="Whether the DE-9IM matrix of two geometries matches a pattern such as T*F**F***.",
    clause=_CLAUSE + "9",
)
for _kernel in KERNELS.values():
    row(
        f"geof:{_kernel.name}",
        tuple(_KINDS.get(kind, kind) for kind in _kernel.arguments),
        _RESULTS.get(_kernel.result, _kernel.result),
        vector=partial(_compute, _kernel),
        doc=_kernel.doc,
        clause=_CLAUSE + "8",
    )
for _local, _datatype in (
    ("asWKT", WKT_LITERAL),
    ("asGML", GML_LITERAL),
    ("asGeoJSON", GEOJSON_LITERAL),
    ("asKML", KML_LITERAL),
):
    row(
        f"geof:{_local}",
        ("geometry literal", "simple literal")[: 1 + (_local == "asGML")],
        "geometry literal",
        arity=(1, 1 + (_local == "asGML")),
        vector=partial(_convert, _datatype),
        doc=f"The same geometry as a geo:{_datatype.rpartition('#')[2]}.",
        clause=_CLAUSE + "8.5",
    )
