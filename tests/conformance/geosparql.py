# SPDX-License-Identifier: Apache-2.0
"""The requirements of GeoSPARQL 1.1 (OGC 22-047r1) with the queries that show each: a table for tests and docs.

A case is a group graph pattern that has a solution over :func:`data`, on every kind of dataset. Ids are the last two
parts of the requirement's IRI under ``http://www.opengis.net/spec/geosparql/1.0/req/`` or ``.../1.1/req/``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely

from semcube.geometry import serialise
from semcube.vocab import DGGS_LITERAL, GEOJSON_LITERAL, GML_LITERAL, H3_LITERAL, KML_LITERAL, WKT_LITERAL

PREFIX = """PREFIX : <http://example.org/> PREFIX geo: <http://www.opengis.net/ont/geosparql#>
PREFIX geof: <http://www.opengis.net/def/function/geosparql/> PREFIX uom: <http://www.opengis.net/def/uom/OGC/1.0/>
PREFIX unit: <http://qudt.org/vocab/unit/> PREFIX sf: <http://www.opengis.net/ont/sf#>
PREFIX crs: <http://www.opengis.net/def/crs/EPSG/0/> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
"""
KINDS = {"asWKT": WKT_LITERAL, "asGML": GML_LITERAL, "asGeoJSON": GEOJSON_LITERAL, "asKML": KML_LITERAL}
PLACES = {
    "square": "POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))",
    "again": "POLYGON ((2 2, 0 2, 0 0, 2 0, 2 2))",
    "inner": "POLYGON ((0.5 0.5, 1 0.5, 1 1, 0.5 0.5))",
    "corner": "POLYGON ((0 0, 1 0, 1 1, 0 1, 0 0))",
    "next": "POLYGON ((2 0, 4 0, 4 2, 2 2, 2 0))",
    "over": "POLYGON ((1 1, 3 1, 3 3, 1 3, 1 1))",
    "far": "POLYGON ((8 8, 9 8, 9 9, 8 9, 8 8))",
    "line": "LINESTRING (-1 1, 3 1)",
    "point": "POINT (1 2)",
    "many": "MULTIPOINT ((0 0), (4 0), (4 4), (0 4), (2 1), (1 2), (3 2))",
}
OTHERS = {
    "north": "<http://www.opengis.net/def/crs/EPSG/0/4326> POINT (2 1)",
    "lambert": "<http://www.opengis.net/def/crs/EPSG/0/2154> POINT (700000 6600000)",
    "solid": "POINT ZM (1 2 3 4)",
    "slope": "LINESTRING Z (0 0 5, 0 1 7)",
    "empty": "",
    "broken": "POLYGON ((0 0, 1 1",
    "bowtie": "POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))",
}
RELATIONS = {
    "sf": {
        "Equals": ("square again", "square over"), "Disjoint": ("square far", "square over"),
        "Intersects": ("square over", "square far"), "Touches": ("square next", "square over"),
        "Crosses": ("line square", "square over"), "Within": ("inner square", "square inner"),
        "Contains": ("square inner", "inner square"), "Overlaps": ("square over", "square next"),
    },
    "eh": {
        "Equals": ("square again", "square over"), "Disjoint": ("square far", "square over"),
        "Meet": ("square next", "square over"), "Overlap": ("square over", "square next"),
        "Covers": ("square corner", "square inner"), "CoveredBy": ("corner square", "inner square"),
        "Inside": ("inner square", "corner square"), "Contains": ("square inner", "square corner"),
    },
    "rcc8": {
        "eq": ("square again", "square over"), "dc": ("square far", "square over"),
        "ec": ("square next", "square over"),
        "po": ("square over", "square next"), "tppi": ("square corner", "square inner"),
        "tpp": ("corner square", "inner square"), "ntpp": ("inner square", "corner square"),
        "ntppi": ("square inner", "square corner"),
    },
}  # fmt: skip
"""Family -> relation -> a pair for which it holds and one for which it does not."""
PROPERTIES = {
    "spatial-object-properties": (
        "hasSize hasMetricSize hasLength hasMetricLength hasPerimeterLength hasMetricPerimeterLength hasArea"
        " hasMetricArea hasVolume hasMetricVolume"
    ),
    "feature-properties": "hasGeometry hasDefaultGeometry defaultGeometry hasCentroid hasBoundingBox",
    "geometry-properties": (
        "dimension coordinateDimension spatialDimension isEmpty isSimple hasSerialization hasSpatialResolution"
        " hasMetricSpatialResolution hasSpatialAccuracy hasMetricSpatialAccuracy"
    ),
}
CLASSES = "SpatialObject Feature SpatialObjectCollection FeatureCollection Geometry GeometryCollection"


@dataclass(frozen=True)
class Requirement:
    """One requirement and how it is met."""

    id: str
    what: str
    cases: tuple[str, ...] = ()
    supported: str = "yes"
    tests: str = "tests/conformance/test_geosparql.py"
    note: str = ""


def data() -> str:
    """The data as Turtle."""
    prefixes = PREFIX.replace("PREFIX", "@prefix").replace("> @", "> . @").replace(">\n", "> .\n")
    lines = [f":thing a geo:{name} ." for name in CLASSES.split()]
    lines += [f":thing geo:{name} 1 ." for names in PROPERTIES.values() for name in names.split()]
    for family, relations in RELATIONS.items():
        lines += [f":thing geo:{family}{name} :other ." for name in relations]
    for name, wkt in PLACES.items():
        shape = np.array([shapely.from_wkt(wkt)])
        for place, datatype in KINDS.items():
            system = 4326 if datatype == GML_LITERAL else "CRS84"
            text = serialise(shape, datatype, system)[0].replace('"', '\\"')
            lines.append(f':{name} geo:{place} "{text}"^^<{datatype}> .')
    lines += [f':{name} geo:asWKT "{wkt}"^^geo:wktLiteral .' for name, wkt in OTHERS.items()]
    lines += [f':empty geo:{place} ""^^<{datatype}> .' for place, datatype in KINDS.items()]
    lines.append(f':cells geo:asDGGS "<https://h3geo.org/> CELL (8575457bfffffff)"^^<{DGGS_LITERAL}> .')
    lines.append(f':h3 geo:asDGGS "CELLLIST ((8575457bfffffff))"^^<{H3_LITERAL}> .')
    lines.append(f':nocells geo:asDGGS ""^^<{DGGS_LITERAL}> .')
    return prefixes + "\n".join(lines)


def _of(place: str, expression: str) -> str:
    """An expression over the WKT of one place."""
    return f":{place} geo:asWKT ?g . FILTER({expression})"


def _relations(family: str) -> Iterator[str]:
    """Each relation over every pair of kinds of literals: it holds for one pair, and not for the other."""
    kinds = " ".join(f"geo:{name}" for name in KINDS)
    for name, pairs in RELATIONS[family].items():
        for truth, pair in zip(("", "!"), pairs, strict=True):
            a, b = pair.split()
            yield (
                f"{{ SELECT (COUNT(*) AS ?n) {{ VALUES ?p {{ {kinds} }} VALUES ?q {{ {kinds} }} :{a} ?p ?a . :{b} ?q ?b"
                f" FILTER({truth}geof:{family}{name}(?a, ?b)) }} }} FILTER(?n = 16)"
            )


def _vocabulary(name: str) -> tuple[str, ...]:
    return tuple(f":thing geo:{one} ?o" for one in PROPERTIES[name].split())


_CONVERTED = {name: f"DATATYPE(geof:{name}(?g)) = <{datatype}>" for name, datatype in KINDS.items()}
_SF_CALLS = (
    _of("line", "geof:sfEquals(geof:boundary(?g), 'MULTIPOINT ((-1 1), (3 1))'^^geo:wktLiteral)"),
    _of("square", "ABS(geof:area(geof:boundingCircle(?g)) / geof:area(?g) / 1.5708 - 1) < 0.02"),
    _of("point", "ABS(geof:metricArea(geof:buffer(?g, 1, unit:KiloM)) / 3137000 - 1) < 0.01"),
    _of("point", "geof:sfContains(geof:metricBuffer(?g, 1000), ?g)"),
    _of("square", "geof:centroid(?g) = 'POINT (1 1)'^^geo:wktLiteral"),
    _of("many", "geof:sfEquals(geof:convexHull(?g), 'POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0))'^^geo:wktLiteral)"),
    _of("many", "geof:area(geof:concaveHull(?g, 0.1), uom:metre) < geof:area(geof:convexHull(?g), uom:metre)"),
    _of("solid", "geof:coordinateDimension(?g) = 4 && geof:spatialDimension(?g) = 3 && geof:dimension(?g) = 0"),
    "VALUES (?f ?size) { (1 3) (2 7) (3 1) (4 6) } :square geo:asWKT ?g . :over geo:asGML ?h . BIND(IF(?f = 1, "
    "geof:difference(?g, ?h), IF(?f = 2, geof:union(?g, ?h), IF(?f = 3, geof:intersection(?g, ?h), "
    "geof:symDifference(?g, ?h)))) AS ?r) FILTER(ABS(geof:area(?r, uom:metre) / 12363000000 / ?size - 1) < 0.01)",
    ":point geo:asWKT ?g . :north geo:asWKT ?h FILTER(geof:distance(?g, ?h, uom:metre) = 0)",
    ":square geo:asWKT ?g . :far geo:asKML ?h FILTER(ABS(geof:metricDistance(?g, ?h) / 937000 - 1) < 0.01)",
    _of("line", "geof:sfEquals(geof:envelope(?g), 'POLYGON ((-1 1, 3 1, 3 1, -1 1))'^^geo:wktLiteral) || "
    "geof:sfEquals(geof:envelope(?g), ?g)"),
    _of("line", "geof:geometryType(?g) = 'http://www.opengis.net/ont/sf#LineString'^^xsd:anyURI"),
    _of("solid", "geof:is3D(?g) && geof:isMeasured(?g) && geof:isSimple(?g) && !geof:isEmpty(?g)"),
    _of("point", "geof:getSRID(geof:transform(?g, crs:3857)) = STRDT(STR(crs:3857), xsd:anyURI)"),
)  # fmt: skip
_NON_SF_CALLS = (
    _of("slope", "ABS(geof:length(?g, uom:metre) - geof:metricLength(?g)) < 1e-6 && geof:metricLength(?g) > 110574"),
    _of("square", "ABS(geof:perimeter(?g, unit:KiloM) * 1000 / geof:metricPerimeter(?g) - 1) < 1e-9"),
    _of("square", "ABS(geof:area(?g, unit:KiloM2) * 1000000 / geof:metricArea(?g) - 1) < 1e-9"),
    _of("many", "geof:numGeometries(?g) = 7 && geof:geometryN(?g, 2) = 'POINT (4 0)'^^geo:wktLiteral"),
    _of("slope", "geof:minX(?g) = 0 && geof:maxX(?g) = 0 && geof:minY(?g) = 0 && geof:maxY(?g) = 1"),
    _of("slope", "geof:minZ(?g) = 5 && geof:maxZ(?g) = 7"),
)


def _aggregates() -> Iterator[str]:
    for name, call, check in (
        ("aggUnion", "?g", "ABS(geof:metricArea(?r) / 12363000000 / 7 - 1) < 0.01"),
        ("aggBoundingBox", "?g", "geof:maxX(?r) = 3 && geof:minY(?r) = 0"),
        ("aggBoundingCircle", "?g", "geof:metricArea(?r) > geof:metricArea(geof:convexHull(?r)) * 0.99"),
        ("aggCentroid", "?g", "geof:geometryType(?r) = STRDT(STR(sf:Point), xsd:anyURI)"),
        ("aggConvexHull", "?g", "geof:sfContains(?r, 'POINT (2.5 0.6)'^^geo:wktLiteral)"),
        ("aggConcaveHull", "?g, 0.5", "geof:maxX(?r) = 3"),
    ):
        inside = "VALUES ?s { :square :over } ?s geo:asWKT ?g"
        yield f"{{ SELECT (geof:{name}({call}) AS ?r) {{ {inside} }} }} FILTER({check})"


_EMPTY = "FILTER(geof:isEmpty(?g) && geof:sfEquals(?g, 'POINT EMPTY'^^geo:wktLiteral))"
_KNOWN_OTHERWISE = {
    "geojson": ("GeoJSON", "geof:getSRID(?g) = 'http://www.opengis.net/def/crs/OGC/1.3/CRS84'^^xsd:anyURI"),
    "kml": ("KML", "geof:getSRID(?g) = 'http://www.opengis.net/def/crs/OGC/1.3/CRS84'^^xsd:anyURI"),
}


def _core() -> Iterator[Requirement]:
    yield Requirement(
        "core/sparql-protocol", "SPARQL 1.1 query, protocol, results as XML and JSON",
        tests="tests/conformance/test_over_http.py",
    )  # fmt: skip
    for name in CLASSES.split()[:4]:
        ident = {"SpatialObject": "spatial-object-class", "Feature": "feature-class"}.get(name)
        ident = ident or {"FeatureCollection": "feature-collection-class"}.get(name, "spatial-object-collection-class")
        yield Requirement(f"core/{ident}", f"geo:{name} in patterns", (f":thing a geo:{name}",))
    yield Requirement(
        "core/spatial-object-properties",
        "sizes as properties",
        _vocabulary("spatial-object-properties"),
        note="kept and queried; not computed from geometries",
    )
    for family, relations in RELATIONS.items():
        yield Requirement(
            f"topology-vocab-extension/{family}-spatial-relations",
            f"the {family} relations as properties",
            tuple(f":thing geo:{family}{name} :other" for name in relations),
        )


def _geometry() -> Iterator[Requirement]:
    part = "geometry-extension/"
    for name, ident in (("Geometry", "geometry-class"), ("GeometryCollection", "geometry-collection-class")):
        yield Requirement(part + ident, f"geo:{name} in patterns", (f":thing a geo:{name}",))
    yield Requirement(part + "feature-properties", "geometries of features", _vocabulary("feature-properties"))
    yield Requirement(part + "geometry-properties", "properties of geometries", _vocabulary("geometry-properties"))
    yield Requirement(part + "query-functions", "23 functions of Simple Features and metric forms", _SF_CALLS)
    yield Requirement(part + "query-functions-non-sf", "sizes, parts and extremes", _NON_SF_CALLS)
    srid = "geof:getSRID(?g) = STRDT(STR(crs:4326), xsd:anyURI)"
    yield Requirement(part + "srid-function", "geof:getSRID", (_of("north", srid),))
    yield Requirement(part + "sa-functions", "six aggregates", tuple(_aggregates()))
    yield from _wkt(part)
    yield from _gml(part)
    for ident, (name, system) in _KNOWN_OTHERWISE.items():
        use = f":point geo:as{name} ?g . "
        here = use + "FILTER(geof:minX(?g) = 1 && geof:minY(?g) = 2)"
        yield Requirement(part + f"{ident}-literal", f"geo:{ident} literals", (here,))
        yield Requirement(part + f"{ident}-literal-srs", "always CRS84", (use + f"FILTER({system})",))
        yield Requirement(part + f"{ident}-literal-empty", "an empty literal", (f":empty geo:as{name} ?g {_EMPTY}",))
        yield Requirement(part + f"geometry-as-{ident}-literal", f"geo:as{name} in patterns", (use,))
        text = f"FILTER({_CONVERTED['as' + name]} && geof:sfEquals(geof:as{name}(?g), 'POINT (1 2)'^^geo:wktLiteral))"
        yield Requirement(part + f"as{name}-function", f"geof:as{name}", (f":north geo:asWKT ?g {text}",))


def _wkt(part: str) -> Iterator[Requirement]:
    default = "geof:getSRID(?g) = 'http://www.opengis.net/def/crs/OGC/1.3/CRS84'^^xsd:anyURI && geof:maxY(?g) = 2"
    yield Requirement(
        part + "wkt-literal",
        "geo:wktLiteral with an optional system",
        (_of("point", "geof:minX(?g) = 1"), _of("lambert", "geof:minX(?g) = 700000")),
        note="a malformed literal stays as it is; functions have no answer and `explain` says why",
    )
    yield Requirement(part + "wkt-literal-default-srs", "CRS84 without a system", (_of("point", default),))
    order = ":north geo:asWKT ?g . :point geo:asWKT ?h FILTER(geof:sfEquals(?g, ?h) && geof:minX(?g) = 1)"
    yield Requirement(part + "wkt-axis-order", "the order of axes of the system", (order,))
    yield Requirement(part + "wkt-literal-empty", "an empty literal", (_of("empty", "true") + _EMPTY,))
    yield Requirement(part + "geometry-as-wkt-literal", "geo:asWKT in patterns", (":point geo:asWKT ?g",))
    back = (
        ":point geo:asGML ?g FILTER(STR(geof:asWKT(?g)) = '<http://www.opengis.net/def/crs/EPSG/0/4326> POINT (2 1)')"
    )
    yield Requirement(part + "asWKT-function", "geof:asWKT", (back,))


def _gml(part: str) -> Iterator[Requirement]:
    use = ":point geo:asGML ?g . "
    here = use + "FILTER(geof:minX(?g) = 1 && geof:getSRID(?g) = STRDT(STR(crs:4326), xsd:anyURI))"
    yield Requirement(part + "gml-literal", "geo:gmlLiteral, any namespace", (here,))
    yield Requirement(part + "gml-literal-empty", "an empty literal", (f":empty geo:asGML ?g {_EMPTY}",))
    sf0 = "'http://www.opengis.net/def/profile/ogc/2.0/gml-sf0'"
    yield Requirement(
        part + "gml-profile",
        "the profiles are documented",
        (use + f"FILTER(geof:sfEquals(geof:asGML(?g, {sf0}), ?g))",),
        note="read: Simple Features of GML 2, 3.1 and 3.2 where linear; written: 3.2 and 3.1.1",
    )
    yield Requirement(part + "geometry-as-gml-literal", "geo:asGML in patterns", (use,))
    again = "FILTER(geof:sfEquals(geof:asGML(?g, '3.1.1'), ?g) && !BOUND(?none))"
    yield Requirement(
        part + "asGML-function",
        "geof:asGML",
        (f":lambert geo:asWKT ?g {again}", use + "BIND(geof:asGML(?g, 'x') AS ?none) FILTER(!BOUND(?none))"),
    )


def _dggs() -> Iterator[Requirement]:
    part = "geometry-extension-dggs/"
    note = "H3 only, with the extra `semcube[cube]`; a literal counts as the union of its cells"
    inside = "VALUES ?s { :cells :h3 } ?s geo:asDGGS ?g . :point geo:asWKT ?h FILTER(geof:sfContains(?g, ?h))"
    empty = f":nocells geo:asDGGS ?g {_EMPTY}"
    made = f"BIND(geof:asDGGS(?g, <{H3_LITERAL}>, 5) AS ?c) FILTER(DATATYPE(?c) = <{H3_LITERAL}>)"
    size = "geof:metricArea(?g) > 1e8 && geof:maxY(?g) > geof:minY(?g) && geof:numGeometries(?g) = 1"
    yield Requirement(part + "dggs-literal", "geo:dggsLiteral and subtypes", (inside,), "partial", note=note)
    known = ":h3 geo:asDGGS ?g FILTER(CONTAINS(STR(geof:getSRID(?g)), 'CRS84'))"
    yield Requirement(part + "dggs-literal-srs-or-none", "a grid, or none", (inside, known), "partial", note=note)
    yield Requirement(part + "dggs-literal-empty", "an empty literal", (empty,))
    yield Requirement(part + "geometry-as-dggs-literal", "geo:asDGGS in patterns", (":cells geo:asDGGS ?g",))
    yield Requirement(part + "asDGGS-function", "geof:asDGGS", (_of("point", "true") + made,), "partial", note=note)
    note = "geometries that come out are WKT: cells would only be near them"
    hull = "?s geo:asDGGS ?g . FILTER(geof:ehEquals(?g, ?g) && geof:dimension(geof:convexHull(?g)) = 2)"
    yield Requirement(part + "query-functions-dggs", "functions on cells", (hull,), note=note)
    yield Requirement(
        part + "query-functions-non-sf-dggs", "sizes of cells", (f":cells geo:asDGGS ?g FILTER({size})",), note=note
    )


def _topology() -> Iterator[Requirement]:
    part = "geometry-topology-extension/"
    relate = "FILTER(geof:relate(?g, ?h, 'T*F**F***') && !geof:relate(?h, ?g, 'T*F**F***'))"
    yield Requirement(
        part + "relate-query-function", "geof:relate", (f":inner geo:asWKT ?g . :square geo:asKML ?h {relate}",)
    )
    notes = {
        "sf": "points and empty geometries equal themselves",
        "rcc8": "of areas only, but for rcc8eq",
    }
    for family in RELATIONS:
        yield Requirement(
            part + f"{family}-query-functions",
            f"the {family} relations as functions, on every pair of kinds of literals",
            tuple(_relations(family)),
            note=notes.get(family, ""),
        )


def _switches() -> Iterator[Requirement]:
    entailed, rewritten = "tests/sparql/test_entailment.py", "tests/sparql/test_query_rewrite.py"
    for ident in ("bgp-rdfs-ent", "wkt-geometry-types", "gml-geometry-types"):
        yield Requirement(f"rdfs-entailment-extension/{ident}", "RDFS entailment", tests=entailed, note="a switch")
    for family in RELATIONS:
        yield Requirement(
            f"query-rewrite-extension/{family}-query-rewrite",
            f"the {family} relations between features and geometries by rule",
            tests=rewritten,
            note="a switch",
        )


REQUIREMENTS = (*_core(), *_geometry(), *_dggs(), *_topology(), *_switches())
"""All requirements in the order of the standard's conformance classes."""
