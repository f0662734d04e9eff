# SPDX-License-Identifier: Apache-2.0
"""Coverage-guided fuzzer of the geometry literals; not part of the suite.

``pip install atheris``, then ``python tests/geometry/fuzz/fuzz_literals.py [folder] -max_total_time=120 -seed=1``. What
has to hold for any text: reading never raises; a row has a geometry or a reason; a geometry with finite coordinates,
written as WKT, reads as the same one.
"""

from __future__ import annotations

import sys
from importlib import import_module

import atheris

with atheris.instrument_imports(include=["semcube.geometry"]):
    import numpy as np
    import shapely

    from semcube.geometry import parse
    from semcube.vocab import GEOMETRY_LITERALS, WKT_LITERAL

    for module in ("dggs", "geojson", "gml", "kml", "wkt"):
        import_module(f"semcube.geometry.{module}")

SEEDS = (
    "POLYGON Z ((0 0 1, 2 0 1, 2 2 1, 0 0 1))",
    "<http://www.opengis.net/def/crs/EPSG/0/4326> MULTIPOINT ((1 2), EMPTY)",
    "GEOMETRYCOLLECTION (TIN (((0 0, 1 0, 1 1, 0 0))), POINT M (1 2 3))",
    '<g:Polygon srsName="EPSG:4326" xmlns:g="u"><g:exterior><g:LinearRing><g:posList srsDimension="2">0 0 1 0 1 1 0 0'
    "</g:posList></g:LinearRing></g:exterior></g:Polygon>",
    "<MultiGeometry><Point><coordinates>1,2,3</coordinates></Point><Curve><segments><LineStringSegment><pos>1 2</pos>"
    "</LineStringSegment></segments></Curve></MultiGeometry>",
    '{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2, 3]},'
    ' "crs": {"properties": {"name": "x"}}}',
    "<https://h3geo.org/> CELLLIST ((8575457bfffffff 85283473fffffff))",
    "<Envelope><lowerCorner>0 0</lowerCorner><upperCorner>1 1</upperCorner></Envelope>",
)
counts = {"texts": 0, "geometries": 0}


def one(data: bytes) -> None:
    """The first byte chooses the datatype, the rest is the text."""
    if not data:
        return
    datatype = GEOMETRY_LITERALS[data[0] % len(GEOMETRY_LITERALS)]
    text = data[1:].decode("utf-8", "replace")
    found = parse([text, None, text], datatype)
    counts["texts"] += 1
    first, missing, again = found.native
    assert missing is None
    assert 1 not in found.errors
    assert (first is None) == (0 in found.errors), (datatype, text)
    assert (first is None and again is None) or shapely.equals_identical(first, again)
    if first is None:
        assert found.errors[0]
        return
    counts["geometries"] += 1
    assert shapely.is_missing(found.lonlat[0]) == (0 in found.errors)
    if not np.isfinite(shapely.get_coordinates(first)).all():
        return
    back = parse(found.take(np.array([0])).serialise(WKT_LITERAL), WKT_LITERAL)
    assert back.native[0] is not None, (datatype, text, back.errors)
    assert shapely.equals_identical(back.native[0], first) or not shapely.is_valid(first), (datatype, text)


def seeds(data: bytes, size: int, seed: int) -> bytes:
    """Starts from a literal now and then; mutates otherwise."""
    if seed % 50 == 0:
        literal = SEEDS[(seed // 50) % len(SEEDS)].encode()
        return bytes([seed % 251]) + literal[: size - 1]
    return atheris.Mutate(data, size)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one, custom_mutator=seeds)
    try:
        atheris.Fuzz()
    finally:
        print(counts)
