# SPDX-License-Identifier: Apache-2.0
"""Functions of GeoSPARQL 1.1 that give a geometry in another serialisation (section 8.5): ``geof:asWKT`` and so on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from semcube.errors import GeometryError
from semcube.geometry.dggs import FINEST, as_cells
from semcube.geometry.gml import PROFILES, namespace_of
from semcube.io.terms import Literal
from semcube.sparql.columns import Column
from semcube.sparql.functions.spatial import CLAUSE, argument, geometries_of, name_of, report
from semcube.sparql.functions.table import row
from semcube.vocab import DGGS_LITERAL, GEOJSON_LITERAL, GML_LITERAL, H3_LITERAL, KML_LITERAL, WKT_LITERAL

if TYPE_CHECKING:
    from semcube.sparql.context import Context
    from semcube.sparql.values import Object

__all__: list[str] = []


def _convert(datatype: str, context: Context, arguments: list[Column]) -> Column:
    """The same geometry in another serialisation."""
    geometries = geometries_of(arguments[0], context)
    return Column.of_shapes(geometries, np.full(len(geometries), datatype, object))


def _as_gml(context: Context, arguments: list[Column]) -> Column:
    """GML of a profile; the plain one is written when it is asked for."""
    if len(arguments) == 1:
        return _convert(GML_LITERAL, context, arguments)
    geometries = geometries_of(arguments[0], context)
    profiles = [name_of(some) for some in arguments[1].objects(context.terms)]
    result: list[Object | None] = [None] * len(geometries)
    errors: dict[int, str] = {}
    for profile in dict.fromkeys(profiles):
        rows = np.array([row for row, other in enumerate(profiles) if other == profile])
        try:
            if profile is None:
                raise GeometryError("a GML profile that is no text", expected=PROFILES)
            namespace = namespace_of(profile)
        except GeometryError as reason:
            errors.update(dict.fromkeys(rows.tolist(), str(reason)))
            continue
        texts = geometries.take(rows).serialise(GML_LITERAL, namespace)
        for place, text in zip(rows.tolist(), texts.tolist(), strict=True):
            result[place] = None if text is None else Literal(text, GML_LITERAL)
    report(context, "calls without an answer", errors)
    return Column.of_objects(result)


def _as_dggs(context: Context, arguments: list[Column]) -> Column:
    """The cells of a geometry; a literal of cells stays as it is unless another resolution is asked for."""
    geometries = geometries_of(arguments[0], context)
    n = len(geometries)
    names = (
        [name_of(some) for some in arguments[1].objects(context.terms)] if len(arguments) > 1 else [DGGS_LITERAL] * n
    )
    levels, given = (None, np.ones(n, bool)) if len(arguments) < 3 else argument("integer", arguments[2], context)
    terms = arguments[0].objects(context.terms)
    result: list[Object | None] = [None] * n
    errors: dict[int, str] = {}
    for place, (shape, name) in enumerate(zip(geometries.lonlat, names, strict=True)):
        term = terms[place]
        if shape is None or not given[place]:
            continue
        try:
            if name is None or name not in (DGGS_LITERAL, H3_LITERAL):
                raise GeometryError(f"grid datatype <{name}>", expected=f"<{DGGS_LITERAL}> or <{H3_LITERAL}>")
            is_cells = levels is None and isinstance(term, Literal) and term.datatype in (DGGS_LITERAL, H3_LITERAL)
            source = term.lexical if is_cells and isinstance(term, Literal) else shape
            result[place] = Literal(as_cells(source, name, None if levels is None else int(levels[place])), name)
        except GeometryError as reason:
            errors[place] = str(reason)
    report(context, "calls without an answer", errors)
    return Column.of_objects(result)


for _local, _datatype in (("asWKT", WKT_LITERAL), ("asGeoJSON", GEOJSON_LITERAL), ("asKML", KML_LITERAL)):
    row(
        f"geof:{_local}",
        ("geometry literal",),
        "geometry literal",
        vector=partial(_convert, _datatype),
        doc=f"The same geometry as a geo:{_datatype.rpartition('#')[2]}.",
        clause=CLAUSE + "8.5",
    )
row(
    "geof:asGML",
    ("geometry literal", "simple literal"),
    "geometry literal",
    arity=(1, 2),
    vector=_as_gml,
    doc=f"The same geometry as a geo:gmlLiteral of a profile: {PROFILES}.",
    clause=CLAUSE + "8.5",
)
row(
    "geof:asDGGS",
    ("geometry literal", "IRI", "integer"),
    "geometry literal",
    arity=(1, 3),
    vector=_as_dggs,
    doc=f"The H3 cells of the geometry, as a literal of this datatype and resolution (0 to {FINEST}).",
    clause=CLAUSE + "8.5",
)
