# SPDX-License-Identifier: Apache-2.0
"""The micro and macro queries of Geographica on the layers of :mod:`benchmarks.geographica.layers`.

Numbers are those of the micro benchmark. Constants fit the layers here: Stockholm for the point of Q14 and Q15,
Germany for the polygons. Q6 (area) and Q28, Q29 (aggregates of geometries) use functions of GeoSPARQL 1.1.
"""

from __future__ import annotations

from benchmarks.geographica.layers import BASE
from semcube.bench.workload import Query

__all__ = ["queries"]

PREFIXES = f"""PREFIX : <{BASE}>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX geo: <http://www.opengis.net/ont/geosparql#>
PREFIX geof: <http://www.opengis.net/def/function/geosparql/>
PREFIX uom: <http://www.opengis.net/def/uom/OGC/1.0/>
"""
POINT = '"POINT (18.0686 59.3293)"^^geo:wktLiteral'
LINE = '"LINESTRING (5 48, 9 50, 15 52, 21 53)"^^geo:wktLiteral'
AREA = '"POLYGON ((6 47.5, 14 47.5, 14 54, 6 54, 6 47.5))"^^geo:wktLiteral'
TOWN = '"POLYGON ((17.9 59.2, 18.3 59.2, 18.3 59.45, 17.9 59.45, 17.9 59.2))"^^geo:wktLiteral'
FIRES = '"POLYGON ((150 -33, 153.5 -33, 153.5 -28, 150 -28, 150 -33))"^^geo:wktLiteral'


def _query(name: str, label: str, body: str, keys: int = 1, kind: str = "text") -> Query:
    text = PREFIXES + body
    return Query(name, label, kind, dict.fromkeys(("filter", "property", "bif"), text), keys=keys)


def _of(class_name: str, name: str = "a") -> str:
    return f"?{name} a :{class_name} ; geo:hasGeometry ?{name}g . ?{name}g geo:asWKT ?{name}w . "


def _made(number: int, function: str, class_name: str, rest: str = "") -> Query:
    body = f"SELECT ?a (geof:{function}(?aw{rest}) AS ?made) {{ {_of(class_name)}}}"
    return _query(f"Q{number:02d}", f"{function} of {class_name}", body)


def _chosen(number: int, relation: str, class_name: str, area: str, label: str) -> Query:
    body = f"SELECT ?a ?aw {{ {_of(class_name)}FILTER(geof:{relation}(?aw, {area})) }}"
    return _query(f"Q{number:02d}", f"{class_name} {relation} {label}", body)


def _joined(number: int, relation: str, a: str, b: str, rest: str = "") -> Query:
    body = f"SELECT ?a ?b {{ {_of(a)}{_of(b, 'b')}FILTER(geof:{relation}(?aw, ?bw){rest}) }}"
    return _query(f"Q{number:02d}", f"{a} {relation} {b}", body, keys=2)


def micro() -> list[Query]:
    """The 29 queries of the micro benchmark."""
    germany = '?x rdfs:label "Germany" ; a :Area ; geo:hasGeometry/geo:asWKT ?given . '
    danube = '?x rdfs:label "Danube" ; a :Way ; geo:hasGeometry/geo:asWKT ?given . '

    def equal(number: int, class_name: str, given: str, label: str) -> Query:
        body = f"SELECT ?a {{ {given}{_of(class_name)}FILTER(geof:sfEquals(?aw, ?given)) }}"
        return _query(f"Q{number:02d}", f"{class_name} sfEquals {label}", body)

    metres = f"geof:distance(?aw, {POINT}, uom:metre) <= 3000"
    return [
        _made(1, "boundary", "LandCover"),
        _made(2, "envelope", "LandCover"),
        _made(3, "convexHull", "LandCover"),
        _made(4, "buffer", "City", ", 4, uom:metre"),
        _made(5, "buffer", "Way", ", 4, uom:metre"),
        _made(6, "metricArea", "LandCover"),
        equal(7, "Way", danube, "a river"),
        equal(8, "Area", germany, "a country"),
        _chosen(9, "sfIntersects", "Way", AREA, "a polygon"),
        _chosen(10, "sfIntersects", "LandCover", LINE, "a line"),
        _chosen(11, "sfOverlaps", "LandCover", AREA, "a polygon"),
        _chosen(12, "sfCrosses", "Way", LINE, "a line"),
        _chosen(13, "sfWithin", "Place", TOWN, "a polygon"),
        _chosen(14, "sfWithin", "Place", f"geof:buffer({POINT}, 3000, uom:metre)", "a buffer of 3000 m"),
        _query("Q15", "Place at most 3000 m from a point", f"SELECT ?a ?aw {{ {_of('Place')}FILTER({metres}) }}"),
        _chosen(16, "sfDisjoint", "Place", TOWN, "a polygon"),
        _chosen(17, "sfDisjoint", "Way", AREA, "a polygon"),
        _joined(18, "sfEquals", "Place", "City"),
        _joined(19, "sfIntersects", "Place", "Way"),
        _joined(20, "sfIntersects", "Place", "Area"),
        _joined(21, "sfIntersects", "Way", "Area"),
        _joined(22, "sfWithin", "Place", "Area"),
        _joined(23, "sfWithin", "Way", "Area"),
        _joined(24, "sfWithin", "LandCover", "Area"),
        _joined(25, "sfCrosses", "Way", "Area"),
        _joined(26, "sfTouches", "Area", "Area", " && ?a != ?b"),
        _joined(27, "sfOverlaps", "Area", "LandCover"),
        _query("Q28", "extent of all areas", f"SELECT (geof:aggBoundingBox(?aw) AS ?made) {{ {_of('Area')}}}", keys=0),
        _query("Q29", "union of all areas", f"SELECT (geof:aggUnion(?aw) AS ?made) {{ {_of('Area')}}}", keys=0),
    ]


def macro() -> list[Query]:
    """Reverse geocoding, map search, rapid mapping, statistics."""

    def nearest(name: str, class_name: str) -> Query:
        order = f"geof:distance(?aw, {POINT}, uom:metre)"
        body = f"SELECT ?a {{ {_of(class_name)}}} ORDER BY {order} LIMIT 1"
        return _query(name, f"reverse geocoding: nearest {class_name}", body)

    box = '"POLYGON ((18.03 59.31, 18.1 59.31, 18.1 59.35, 18.03 59.35, 18.03 59.31))"^^geo:wktLiteral'
    labelled = "OPTIONAL { ?a rdfs:label ?label } "
    burnt = f'{_of("BurntArea")}?a :code "intentional" . '
    per_class = (
        f"SELECT ?code (COUNT(DISTINCT ?a) AS ?n) {{ {_of('Place')}?a :code ?code . "
        f"FILTER(geof:sfWithin(?aw, {TOWN})) }} GROUP BY ?code"
    )
    three = (
        f"SELECT ?a ?b {{ {_of('LandCover')}{_of('Way', 'b')}FILTER(geof:sfIntersects(?aw, {AREA})) "
        f"FILTER(geof:sfIntersects(?bw, {AREA})) FILTER(geof:sfIntersects(?aw, ?bw)) }}"
    )
    dated = f'{_of("Hotspot")}?a :code "2019-09-08" . FILTER(geof:sfWithin(?aw, {FIRES})) '
    return [
        nearest("M01", "City"),
        nearest("M02", "Way"),
        _query("M03", "map search: by name", 'SELECT ?a ?aw { ?a rdfs:label "Uppsala" . ' + _of("Place") + "}"),
        _query("M04", "map search: places in a box",
               f"SELECT ?a ?aw ?label {{ {_of('Place')}{labelled}FILTER(geof:sfWithin(?aw, {box})) }}"),
        _query("M05", "map search: rivers in a box, with names",
               f"SELECT ?a ?label {{ {_of('Way')}{labelled}FILTER(geof:sfIntersects(?aw, {AREA})) }}"),
        _query("M06", "rapid mapping: urban areas", f"SELECT ?a {{ {_of('LandCover')}"
               f"FILTER(geof:sfIntersects(?aw, {FIRES})) }}"),
        _query("M07", "rapid mapping: hotspots of a day without a name",
               f"SELECT ?a {{ {dated}{labelled}FILTER(!bound(?label)) }}"),
        _query("M08", "rapid mapping: burnt areas by cause, pairs that meet",
               f"SELECT ?a ?b {{ {burnt}{_of('BurntArea', 'b')}FILTER(geof:sfIntersects(?aw, ?bw) && ?a != ?b) }}",
               keys=2),
        _query("M09", "rapid mapping: rivers outside the hull of urban areas",
               f"SELECT ?b (geof:difference(?bw, ?aw) AS ?left) {{ {_of('LandCover')}{_of('Way', 'b')}"
               f"FILTER(geof:sfIntersects(?aw, ?bw)) }}"),
        _query("M10", "statistics: places of each kind in a polygon", per_class, keys=2),
        _query("M11", "statistics: two windows and a join", three, keys=2),
        _query("M12", "polar: ice that touches ice of the highest concentration",
               f'SELECT ?a ?b {{ {_of("Ice")}?a :code "92" . {_of("Ice", "b")}'
               f"FILTER(geof:sfTouches(?aw, ?bw) && ?a != ?b) }}", keys=2),
        _query("M13", "parcels that meet", f"SELECT ?a ?b {{ {_of('Parcel')}{_of('Parcel', 'b')}"
               "FILTER(geof:sfIntersects(?aw, ?bw) && ?a != ?b) }", keys=2),
    ]  # fmt: skip


def queries() -> list[Query]:
    """Micro, then macro."""
    return [*micro(), *macro()]
