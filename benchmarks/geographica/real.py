# SPDX-License-Identifier: Apache-2.0
"""The micro and macro queries of Geographica on the layers of :mod:`benchmarks.geographica.layers`.

Numbers are those of the micro benchmark. Constants fit the layers here: Stockholm for the point of Q14 and Q15,
Germany for the polygons. Q6 (area) and Q28, Q29 (aggregates of geometries) use functions of GeoSPARQL 1.1.

Beside SPARQL with functions stand ``property`` (Jena's index needs property functions), ``bif`` (Virtuoso has no other
relation than that of its index) and ``sql``, over one table per class (id, label, code, geom).
"""

from __future__ import annotations

from benchmarks.geographica.names import BASE
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


SQL = {
    "sfEquals": "ST_Equals", "sfIntersects": "ST_Intersects", "sfOverlaps": "ST_Overlaps", "sfCrosses": "ST_Crosses",
    "sfWithin": "ST_Within", "sfDisjoint": "ST_Disjoint", "sfTouches": "ST_Touches",
    "boundary": "ST_Boundary(a.geom)", "envelope": "ST_Envelope(a.geom)", "convexHull": "ST_ConvexHull(a.geom)",
    "buffer": "ST_Buffer(a.geom::geography, 4)", "metricArea": "ST_Area(a.geom::geography)",
}  # fmt: skip
VIRTUOSO = {"sfIntersects", "sfWithin"}
"""Asked as ``st_intersects``; what is a point intersects what it is within, or its border."""


def _geometry(literal: str) -> str:
    return "ST_GeomFromText('{}')".format(literal.split('"')[1])


def _query(name: str, label: str, body: str, sql: str, keys: int = 1, **more: str) -> Query:
    text = PREFIXES + body
    found = {"filter": text, "property": text, "sql": sql} | {dialect: PREFIXES + one for dialect, one in more.items()}
    return Query(name, label, "text", found, keys=keys)


def _of(class_name: str, name: str = "a") -> str:
    return f"?{name} a :{class_name} ; geo:hasGeometry ?{name}g . ?{name}g geo:asWKT ?{name}w . "


def _made(number: int, function: str, class_name: str, rest: str = "") -> Query:
    body = f"SELECT ?a (geof:{function}(?aw{rest}) AS ?made) {{ {_of(class_name)}}}"
    sql = f"SELECT a.id AS a, {SQL[function]} AS made FROM {class_name} a"
    return _query(f"Q{number:02d}", f"{function} of {class_name}", body, sql)


def _chosen(number: int, relation: str, class_name: str, area: str, label: str) -> Query:
    head = f"SELECT ?a ?aw {{ {_of(class_name)}"
    more = {"property": f"{head}?ag geo:{relation} {area} }}"}
    if relation in VIRTUOSO:
        constant = area.split('"')[1]
        more["bif"] = f'{head}FILTER(bif:st_intersects(?aw, bif:st_geomfromtext("{constant}"))) }}'
    sql = f"SELECT a.id AS a, a.geom FROM {class_name} a WHERE {SQL[relation]}(a.geom, {_geometry(area)})"
    body = f"{head}FILTER(geof:{relation}(?aw, {area})) }}"
    return _query(f"Q{number:02d}", f"{class_name} {relation} {label}", body, sql, **more)


def _joined(number: int, relation: str, a: str, b: str, *, differ: bool = False) -> Query:
    head = f"SELECT ?a ?b {{ {_of(a)}{_of(b, 'b')}"
    unequal = "FILTER(?a != ?b) " if differ else ""
    more = {"property": f"{head}?ag geo:{relation} ?bg . {unequal}}}"}
    if relation in VIRTUOSO:
        more["bif"] = f"{head}FILTER(bif:st_intersects(?aw, ?bw)) }}"
    sql = f"SELECT a.id AS a, b.id AS b FROM {a} a JOIN {b} b ON {SQL[relation]}(a.geom, b.geom)"
    rest = " && ?a != ?b" if differ else ""
    body = f"{head}FILTER(geof:{relation}(?aw, ?bw){rest}) }}"
    sql += " WHERE a.id <> b.id" if differ else ""
    return _query(f"Q{number:02d}", f"{a} {relation} {b}", body, sql, keys=2, **more)


def micro() -> list[Query]:
    """The 29 queries of the micro benchmark."""

    def equal(number: int, class_name: str, given: str, label: str) -> Query:
        head = f'SELECT ?a {{ ?x rdfs:label "{given}" ; a :{class_name} ; geo:hasGeometry ?xg . ?xg geo:asWKT ?given . '
        body = f"{head}{_of(class_name)}FILTER(geof:sfEquals(?aw, ?given)) }}"
        sql = (
            f"SELECT a.id AS a FROM {class_name} x JOIN {class_name} a ON ST_Equals(a.geom, x.geom) "
            f"WHERE x.label = '{given}'"
        )
        indexed = f"{head}{_of(class_name)}?ag geo:sfEquals ?xg }}"
        return _query(f"Q{number:02d}", f"{class_name} sfEquals {label}", body, sql, property=indexed)

    point = _geometry(POINT)
    around = f"SELECT ?a ?aw {{ {_of('Place')}FILTER(geof:sfWithin(?aw, geof:buffer({POINT}, 3000, uom:metre))) }}"
    in_buffer = f"ST_Within(a.geom, ST_SetSRID(ST_Buffer({point}::geography, 3000)::geometry, 0))"
    near = f"SELECT ?a ?aw {{ {_of('Place')}FILTER(geof:distance(?aw, {POINT}, uom:metre) <= 3000) }}"
    near_sql = f"SELECT a.id AS a, a.geom FROM Place a WHERE ST_DWithin(a.geom::geography, {point}::geography, 3000)"
    made = {name: f"SELECT (geof:agg{name}(?aw) AS ?made) {{ {_of('Area')}}}" for name in ("BoundingBox", "Union")}
    return [
        _made(1, "boundary", "LandCover"),
        _made(2, "envelope", "LandCover"),
        _made(3, "convexHull", "LandCover"),
        _made(4, "buffer", "City", ", 4, uom:metre"),
        _made(5, "buffer", "Way", ", 4, uom:metre"),
        _made(6, "metricArea", "LandCover"),
        equal(7, "Way", "Danube", "a river"),
        equal(8, "Area", "Germany", "a country"),
        _chosen(9, "sfIntersects", "Way", AREA, "a polygon"),
        _chosen(10, "sfIntersects", "LandCover", LINE, "a line"),
        _chosen(11, "sfOverlaps", "LandCover", AREA, "a polygon"),
        _chosen(12, "sfCrosses", "Way", LINE, "a line"),
        _chosen(13, "sfWithin", "Place", TOWN, "a polygon"),
        _query("Q14", "Place sfWithin a buffer of 3000 m", around,
               f"SELECT a.id AS a, a.geom FROM Place a WHERE {in_buffer}"),
        _query("Q15", "Place at most 3000 m from a point", near, near_sql),
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
        _joined(26, "sfTouches", "Area", "Area", differ=True),
        _joined(27, "sfOverlaps", "Area", "LandCover"),
        _query("Q28", "extent of all areas", made["BoundingBox"], "SELECT ST_Extent(geom)::geometry FROM Area", keys=0),
        _query("Q29", "union of all areas", made["Union"], "SELECT ST_Union(geom) FROM Area", keys=0),
    ]  # fmt: skip


def _browsing() -> list[Query]:
    """Reverse geocoding and map search."""

    def nearest(name: str, class_name: str) -> Query:
        order = f"geof:distance(?aw, {POINT}, uom:metre)"
        body = f"SELECT ?a {{ {_of(class_name)}}} ORDER BY {order} LIMIT 1"
        sql = (
            f"SELECT a.id AS a FROM {class_name} a ORDER BY a.geom::geography <-> {_geometry(POINT)}::geography LIMIT 1"
        )
        return _query(name, f"reverse geocoding: nearest {class_name}", body, sql)

    box = '"POLYGON ((18.03 59.31, 18.1 59.31, 18.1 59.35, 18.03 59.35, 18.03 59.31))"^^geo:wktLiteral'
    named = 'SELECT ?a ?aw { ?a rdfs:label "Uppsala" . ' + _of("Place") + "}"
    in_box = f"{_of('Place')}OPTIONAL {{ ?a rdfs:label ?label }} "
    in_area = f"{_of('Way')}OPTIONAL {{ ?a rdfs:label ?label }} "
    return [
        nearest("M01", "City"),
        nearest("M02", "Way"),
        _query("M03", "map search: by name", named,
               "SELECT a.id AS a, a.geom FROM Place a WHERE a.label = 'Uppsala'", bif=named),
        _query("M04", "map search: places in a box",
               f"SELECT ?a ?aw ?label {{ {in_box}FILTER(geof:sfWithin(?aw, {box})) }}",
               f"SELECT a.id AS a, a.geom, a.label FROM Place a WHERE ST_Within(a.geom, {_geometry(box)})",
               property=f"SELECT ?a ?aw ?label {{ {in_box}?ag geo:sfWithin {box} }}"),
        _query("M05", "map search: rivers in a box, with names",
               f"SELECT ?a ?label {{ {in_area}FILTER(geof:sfIntersects(?aw, {AREA})) }}",
               f"SELECT a.id AS a, a.label FROM Way a WHERE ST_Intersects(a.geom, {_geometry(AREA)})",
               property=f"SELECT ?a ?label {{ {in_area}?ag geo:sfIntersects {AREA} }}"),
    ]  # fmt: skip


def _mapping() -> list[Query]:
    """Rapid mapping."""
    fires, different = _geometry(FIRES), "FILTER(geof:sfIntersects(?aw, ?bw) && ?a != ?b)"
    burnt = f'{_of("BurntArea")}?a :code "intentional" . {_of("BurntArea", "b")}'
    crossed = f"{_of('LandCover')}{_of('Way', 'b')}"
    dated = f'{_of("Hotspot")}?a :code "2019-09-08" . OPTIONAL {{ ?a rdfs:label ?label }} FILTER(!bound(?label)) '
    return [
        _query("M06", "rapid mapping: urban areas",
               f"SELECT ?a {{ {_of('LandCover')}FILTER(geof:sfIntersects(?aw, {FIRES})) }}",
               f"SELECT a.id AS a FROM LandCover a WHERE ST_Intersects(a.geom, {fires})",
               property=f"SELECT ?a {{ {_of('LandCover')}?ag geo:sfIntersects {FIRES} }}"),
        _query("M07", "rapid mapping: hotspots of a day without a name",
               f"SELECT ?a {{ {dated}FILTER(geof:sfWithin(?aw, {FIRES})) }}",
               "SELECT a.id AS a FROM Hotspot a "
               f"WHERE a.code = '2019-09-08' AND a.label IS NULL AND ST_Within(a.geom, {fires})",
               property=f"SELECT ?a {{ {dated}?ag geo:sfWithin {FIRES} }}"),
        _query("M08", "rapid mapping: burnt areas by cause, pairs that meet",
               f"SELECT ?a ?b {{ {burnt}{different} }}",
               "SELECT a.id AS a, b.id AS b FROM BurntArea a JOIN BurntArea b ON ST_Intersects(a.geom, b.geom) "
               "WHERE a.code = 'intentional' AND a.id <> b.id", keys=2,
               property=f"SELECT ?a ?b {{ {burnt}?ag geo:sfIntersects ?bg FILTER(?a != ?b) }}"),
        _query("M09", "rapid mapping: rivers outside the hull of urban areas",
               f"SELECT ?b (geof:difference(?bw, ?aw) AS ?left) {{ {crossed}FILTER(geof:sfIntersects(?aw, ?bw)) }}",
               "SELECT b.id AS b, ST_Difference(b.geom, a.geom) AS left_over FROM LandCover a "
               "JOIN Way b ON ST_Intersects(a.geom, b.geom)",
               property=f"SELECT ?b (geof:difference(?bw, ?aw) AS ?left) {{ {crossed}?ag geo:sfIntersects ?bg }}"),
    ]  # fmt: skip


def _statistics() -> list[Query]:
    """Statistics, and pairs of ice and of parcels."""
    counted = f"SELECT ?code (COUNT(DISTINCT ?a) AS ?n) {{ {_of('Place')}?a :code ?code . "
    three = f"{_of('LandCover')}{_of('Way', 'b')}"
    area, town = _geometry(AREA), _geometry(TOWN)
    windows = f"FILTER(geof:sfIntersects(?aw, {AREA})) FILTER(geof:sfIntersects(?bw, {AREA})) "
    ice = f'{_of("Ice")}?a :code "92" . {_of("Ice", "b")}'
    parcels = f"{_of('Parcel')}{_of('Parcel', 'b')}"
    return [
        _query("M10", "statistics: places of each kind in a polygon",
               f"{counted}FILTER(geof:sfWithin(?aw, {TOWN})) }} GROUP BY ?code",
               f"SELECT code, count(DISTINCT id)::text AS n FROM Place WHERE ST_Within(geom, {town}) GROUP BY code",
               keys=2,
               property=f"{counted}?ag geo:sfWithin {TOWN} }} GROUP BY ?code"),
        _query("M11", "statistics: two windows and a join",
               f"SELECT ?a ?b {{ {three}{windows}FILTER(geof:sfIntersects(?aw, ?bw)) }}",
               "SELECT a.id AS a, b.id AS b FROM LandCover a JOIN Way b ON ST_Intersects(a.geom, b.geom) "
               f"WHERE ST_Intersects(a.geom, {area}) AND ST_Intersects(b.geom, {area})", keys=2,
               property=f"SELECT ?a ?b {{ {three}?ag geo:sfIntersects {AREA} . ?bg geo:sfIntersects {AREA} . "
               "?ag geo:sfIntersects ?bg }"),
        _query("M12", "polar: ice that touches ice of the highest concentration",
               f"SELECT ?a ?b {{ {ice}FILTER(geof:sfTouches(?aw, ?bw) && ?a != ?b) }}",
               "SELECT a.id AS a, b.id AS b FROM Ice a JOIN Ice b ON ST_Touches(a.geom, b.geom) "
               "WHERE a.code = '92' AND a.id <> b.id", keys=2,
               property=f"SELECT ?a ?b {{ {ice}?ag geo:sfTouches ?bg FILTER(?a != ?b) }}"),
        _query("M13", "parcels that meet",
               f"SELECT ?a ?b {{ {parcels}FILTER(geof:sfIntersects(?aw, ?bw) && ?a != ?b) }}",
               "SELECT a.id AS a, b.id AS b FROM Parcel a JOIN Parcel b ON ST_Intersects(a.geom, b.geom) "
               "WHERE a.id <> b.id", keys=2,
               property=f"SELECT ?a ?b {{ {parcels}?ag geo:sfIntersects ?bg FILTER(?a != ?b) }}"),
    ]  # fmt: skip


def macro() -> list[Query]:
    """Reverse geocoding, map search, rapid mapping, statistics."""
    return [*_browsing(), *_mapping(), *_statistics()]


def queries() -> list[Query]:
    """Micro, then macro."""
    return [*micro(), *macro()]
