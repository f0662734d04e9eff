# SPDX-License-Identifier: Apache-2.0
"""Functions of GeoSPARQL 1.1 on geometry literals: relations (section 8.9) and the others (sections 8.7 and 8.5).

Relations are decided in longitude and latitude (CRS84), as spatial indexes are; results that are geometries are
literals of the datatype and in the coordinate reference system of the first argument. A malformed literal is an error
and counted.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import shapely

from semcube.errors import InputError
from semcube.geometry.crs import CRS84, same
from semcube.geometry.functions import KERNELS, Kernel
from semcube.geometry.literals import NO_SYSTEM, Geometries
from semcube.geometry.portions import portions
from semcube.geometry.relations import RELATIONS, Relation, evaluate, relation
from semcube.geometry.sides import is_sound
from semcube.geometry.units import unit
from semcube.io.terms import IRI, Literal
from semcube.sparql.columns import ERROR, FALSE, Column
from semcube.sparql.functions.table import row
from semcube.sparql.values import Object, as_double, is_number, value
from semcube.vocab import DGGS_LITERAL, GEOJSON_LITERAL, H3_LITERAL, KML_LITERAL, WKT_LITERAL, XSD, XSD_STRING

if TYPE_CHECKING:
    from semcube.sparql.context import Context

__all__ = ["CLAUSE", "argument", "datatypes_of", "geometries_of", "name_of", "report"]

ANY_URI = XSD + "anyURI"
_SHOWN = 5
_CELLS = np.array([DGGS_LITERAL, H3_LITERAL], object)
_LON_LAT = np.array([GEOJSON_LITERAL, KML_LITERAL], object)
Rows = npt.NDArray[np.int64]


def geometries_of(column: Column, context: Context) -> Geometries:
    """The geometries of a column; literals that have none are counted in the trace."""
    found = column.shapes(context.terms).geometries
    report(context, "malformed geometry literals", found.errors)
    return found


def report(context: Context, what: str, errors: dict[int, str]) -> None:
    """Counts rows without an answer in the trace, and notes the most frequent reasons."""
    if not errors or context.trace is None:
        return
    context.trace.count(what, len(errors))
    for reason, number in Counter(errors.values()).most_common(_SHOWN):
        context.trace.note(f"{what}, {number}: {' '.join(reason.split())[:300]}")


def datatypes_of(column: Column, result: Geometries, context: Context) -> npt.NDArray[np.object_]:
    """The literal datatypes of results: those of an argument where they can express the result, else WKT.

    A list of cells is no exact form of a geometry, and GeoJSON and KML know one coordinate reference system only.
    """
    found = column.shapes(context.terms).datatypes
    other = np.array([not same(system, CRS84) for system in result.systems] + [False], bool)[result.crs]
    wkt_only = np.isin(found, _CELLS) | (np.isin(found, _LON_LAT) & other)
    return np.where(wkt_only, WKT_LITERAL, found) if wkt_only.any() else found


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


def name_of(some: Object | None) -> str | None:
    """An IRI, or a text that holds one."""
    if isinstance(some, IRI):
        return some.value
    if isinstance(some, Literal) and some.datatype in (ANY_URI, XSD_STRING):
        return some.lexical
    return some if isinstance(some, str) else None


def argument(kind: str, column: Column, context: Context) -> tuple[Any, npt.NDArray[np.bool_]]:
    """A kernel's argument (see :class:`Kernel`), and the rows that have it."""
    if kind == "geometry":
        geometries = geometries_of(column, context)
        return geometries, ~shapely.is_missing(geometries.native)
    objects = column.objects(context.terms)
    if kind in ("unit", "iri"):
        names = np.array([name_of(some) for some in objects], object)
        known = np.array([name is not None for name in names.tolist()], bool)
        return names, known & _known_units(names, context) if kind == "unit" else known
    numbers = np.array([_number(some) for some in objects], np.float64)
    good = np.isfinite(numbers)
    if kind == "integer":
        good &= (numbers == np.floor(numbers)) & (np.abs(numbers) < 2**31)
        return np.where(good, numbers, 0).astype(np.int64), good
    return numbers, good


def _known_units(names: npt.NDArray[np.object_], context: Context) -> npt.NDArray[np.bool_]:
    """The rows whose unit is known; the others are reported by its IRI."""
    errors: dict[int, str] = {}
    for name in dict.fromkeys(names.tolist()):
        try:
            if name is not None:
                unit(name)
        except InputError as reason:
            errors.update(dict.fromkeys(np.flatnonzero(names == name).tolist(), str(reason)))
    report(context, "calls without an answer", errors)
    known = np.ones(len(names), bool)
    known[list(errors)] = False
    return known


def _compute(kernel: Kernel, context: Context, arguments: list[Column]) -> Column:
    """A kernel on the rows that have all arguments."""
    given = [argument(kind, column, context) for kind, column in zip(kernel.arguments, arguments, strict=False)]
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
        report(context, "calls without an answer", result.errors)
        result = result if whole else _scatter(result, rows, n)
        return Column.of_shapes(result, datatypes_of(arguments[0], result, context))
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


# --- rows ----------------------------------------------------------------------------------------------------------

CLAUSE = "GeoSPARQL 1.1, clause "
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
        clause=CLAUSE + "9",
    )
row(
    "geof:relate",
    ("geometry literal", "geometry literal", "simple literal"),
    "boolean",
    vector=_relate_pattern,
    doc="Whether the DE-9IM matrix of two geometries matches a pattern such as T*F**F***.",
    clause=CLAUSE + "9",
)
for _kernel in KERNELS.values():
    row(
        f"geof:{_kernel.name}",
        arity=(len(_kernel.arguments) - _kernel.optional, len(_kernel.arguments)),
        arguments=tuple(_KINDS.get(kind, kind) for kind in _kernel.arguments),
        result=_RESULTS.get(_kernel.result, _kernel.result),
        vector=partial(_compute, _kernel),
        doc=_kernel.doc,
        clause=CLAUSE + "8",
    )
