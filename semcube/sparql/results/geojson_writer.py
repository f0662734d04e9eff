# SPDX-License-Identifier: Apache-2.0
"""Solutions with geometries as GeoJSON (RFC 7946), in longitude and latitude."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.errors import OutputError
from semcube.io.terms import KIND_BLANK
from semcube.sparql.results.cells import Columns, bytes_of, choose, escape, glue, is_literal, joined_by, pieces, plain
from semcube.sparql.results.json_writer import ESCAPES
from semcube.vocab import GEOMETRY_LITERALS, XSD, XSD_BOOLEAN

__all__ = ["write_geojson"]

_NUMERIC = pa.array(
    [
        XSD + name
        for name in (
            "integer", "decimal", "float", "double", "int", "long", "short", "byte", "nonNegativeInteger",
            "positiveInteger", "nonPositiveInteger", "negativeInteger", "unsignedInt", "unsignedLong", "unsignedShort",
            "unsignedByte",
        )
    ],
    pa.large_string(),
)  # fmt: skip
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_TO_JSON = ((r"^\+", ""), (r"^(-?)0+([0-9])", r"\1\2"), (r"^(-?)\.", r"\10."), (r"\.([eE]|$)", r"\1"))
"""XSD numbers -> JSON numbers: no plus, no leading zero, digits on both sides of the point."""


def write_geojson(variables: Sequence[str], batches: Iterable[Columns], geometry: str | None = None) -> Iterator[bytes]:
    """Solutions as ``application/geo+json``: one feature for each.

    Args:
        variables: Names, in order.
        batches: Solutions.
        geometry: The variable that gives the geometry; by default the first one of a solution that holds a geometry
            literal. All other variables become properties: numbers and booleans as such, anything else as text, null
            where unbound. A geometry literal that cannot be read stays a property of a feature without geometry.

    Yields:
        A FeatureCollection in pieces; coordinates are CRS84, whatever the literals use, M is dropped, outer rings
        run counterclockwise (RFC 7946 section 3.1.6).

    Raises:
        OutputError: ``geometry`` is none of the variables.

    Example:
        >>> b"".join(write_geojson(["x"], []))
        b'{"type":"FeatureCollection","features":[\\n]}\\n'
    """
    if geometry is not None and geometry not in variables:
        raise OutputError(f"no variable ?{geometry}", expected=", ".join(f"?{name}" for name in variables))
    yield b'{"type":"FeatureCollection","features":['
    first = True
    for rows, columns in pieces(batches):
        if columns:
            text = bytes_of(_features(variables, columns, geometry))
        else:
            text = b',\n{"type":"Feature","geometry":null,"properties":{}}' * rows
        yield text[1:] if first else text
        first = False
    yield b"\n]}\n"


def _features(variables: Sequence[str], columns: Columns, geometry: str | None) -> pa.LargeStringArray:
    shapes = pa.nulls(columns[0].num_rows, pa.large_string())
    properties = []
    for name, terms in zip(variables, columns, strict=True):
        cells = _values(terms)
        if geometry in (None, name):
            found = _geometries(terms, pc.is_null(shapes))
            cells = choose(pc.is_valid(found), None, cells)
            shapes = pc.coalesce(shapes, found)
        properties.append(glue(f"{json.dumps(name, ensure_ascii=False)}:", cells))
    return glue(
        ',\n{"type":"Feature","geometry":', pc.fill_null(shapes, "null"),
        ',"properties":{', joined_by(",", properties, skip_nulls=True), "}}",
    )  # fmt: skip


def _geometries(terms: pa.RecordBatch, wanted: pa.BooleanArray) -> pa.LargeStringArray:
    """GeoJSON geometries of the geometry literals in wanted rows, null elsewhere."""
    import shapely

    from semcube.geometry import parse

    rows = terms.num_rows
    result = np.full(rows, None, dtype=object)
    datatype = plain(terms, "datatype")
    for kind in GEOMETRY_LITERALS:
        mask = pc.and_(wanted, pc.fill_null(pc.equal(datatype, kind), False))
        places = np.flatnonzero(mask.to_numpy(zero_copy_only=False))
        if len(places) == 0:
            continue
        texts = plain(terms, "lexical").take(pa.array(places)).dictionary_encode()
        shapes = shapely.orient_polygons(parse(texts.dictionary, kind).lonlat)
        result[places] = shapely.to_geojson(shapes)[texts.indices.to_numpy()]
    return pa.array(result, pa.large_string())


def _values(terms: pa.RecordBatch) -> pa.LargeStringArray:
    """The JSON value of each term."""
    lexical, datatype = plain(terms, "lexical"), plain(terms, "datatype")
    blank = pc.fill_null(pc.equal(terms.column("kind"), KIND_BLANK), False)
    text = glue(choose(blank, '"_:', '"'), escape(lexical, ESCAPES), '"')
    numeric = pc.and_(pc.is_in(datatype, _NUMERIC), pc.fill_null(pc.match_substring_regex(lexical, _NUMBER), False))
    if pc.any(numeric).as_py():
        number = lexical
        for found, new in _TO_JSON:
            number = pc.replace_substring_regex(number, found, new)
        text = choose(numeric, number, text)
    true = pc.and_(is_literal(terms), pc.fill_null(pc.equal(datatype, XSD_BOOLEAN), False))
    if pc.any(true).as_py():
        text = choose(pc.and_(true, pc.is_in(lexical, pa.array(["true", "1"], pa.large_string()))), "true", text)
        text = choose(pc.and_(true, pc.is_in(lexical, pa.array(["false", "0"], pa.large_string()))), "false", text)
    return pc.fill_null(text, "null")
