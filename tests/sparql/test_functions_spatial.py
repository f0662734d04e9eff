# SPDX-License-Identifier: Apache-2.0
"""GeoSPARQL functions by values, over kinds of literals and systems, and columns against single rows."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.geometry import RELATIONS
from semcube.io.terms import IRI, Literal, Term
from semcube.sparql.aggregates import aggregate
from semcube.sparql.algebra import Aggregate
from semcube.sparql.explain import Trace
from semcube.sparql.expressions import evaluate
from semcube.sparql.functions import by_iri, table
from semcube.vocab import GEOF, GEOJSON_LITERAL, GML_LITERAL, H3_LITERAL, KML_LITERAL, WKT_LITERAL, XSD_INTEGER
from tests.sparql.expression_cases import answer, answers, context, expression, truths
from tests.sparql.expression_cases import table as table_of

LAT_LON = "<http://www.opengis.net/def/crs/EPSG/0/4326> "
MERCATOR = "<http://www.opengis.net/def/crs/EPSG/0/3857> "
SQUARE = "POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))"


def wkt(text: str) -> Literal:
    return Literal(text, WKT_LITERAL)


def one(text: str, **terms: Term) -> str | None:
    (found,) = answers(text, [tuple(terms.values())], list(terms))
    return found


GML_POINT = Literal(
    '<gml:Point xmlns:gml="http://www.opengis.net/ont/gml"><gml:pos>1 1</gml:pos></gml:Point>', GML_LITERAL
)
JSON_POINT = Literal('{"type":"Point","coordinates":[1,1]}', GEOJSON_LITERAL)
KML_POINT = Literal("<Point><coordinates>1,1</coordinates></Point>", KML_LITERAL)


@pytest.mark.parametrize(
    ("relation", "left", "right", "expected"),
    [
        ("sfIntersects", wkt("POINT (1 1)"), wkt(SQUARE), 1),
        ("sfWithin", GML_POINT, wkt(SQUARE), 1),
        ("sfContains", wkt(SQUARE), JSON_POINT, 1),
        ("sfEquals", KML_POINT, GML_POINT, 1),
        ("sfEquals", wkt("POINT (1 1)"), wkt("POINT (1 1)"), 1),
        ("sfEquals", wkt(""), wkt("POLYGON EMPTY"), 1),
        ("sfEquals", wkt("POINT (10 48)"), wkt(LAT_LON + "POINT (48 10)"), 1),
        ("sfWithin", wkt(MERCATOR + "POINT (111319.49 111325.14)"), wkt(SQUARE), 1),
        ("sfDisjoint", wkt("POINT (1 1)"), wkt(SQUARE), 0),
        ("sfTouches", wkt("POINT (0 1)"), wkt(SQUARE), 1),
        ("sfCrosses", wkt("LINESTRING (-1 1, 3 1)"), wkt(SQUARE), 1),
        ("sfOverlaps", wkt(SQUARE), wkt("POLYGON ((1 1, 3 1, 3 3, 1 3, 1 1))"), 1),
        ("ehMeet", wkt("POINT (0 1)"), wkt(SQUARE), 1),
        ("ehInside", wkt("POLYGON ((0.5 0.5, 1 0.5, 1 1, 0.5 0.5))"), wkt(SQUARE), 1),
        ("rcc8ntpp", wkt("POLYGON ((0.5 0.5, 1 0.5, 1 1, 0.5 0.5))"), wkt(SQUARE), 1),
        ("rcc8eq", wkt(SQUARE), wkt(LAT_LON + SQUARE), 1),
        ("sfWithin", wkt("nonsense"), wkt(SQUARE), -1),
        ("sfWithin", Literal("POINT (1 1)"), wkt(SQUARE), -1),
        ("sfWithin", IRI("http://a"), wkt(SQUARE), -1),
    ],
)
def test_relations(relation: str, left: Term, right: Term, expected: int) -> None:
    assert truths(f"geof:{relation}(?a, ?b)", [(left, right)], ["a", "b"]) == [expected]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("T*F**F***", "true"), ("t*f**f***", "true"), ("FF*FF****", "false"), ("T", None), ("X********", None)],
)
def test_relate(pattern: str, expected: str | None) -> None:
    assert one(f'geof:relate(?a, ?b, "{pattern}")', a=wkt("POINT (1 1)"), b=wkt(SQUARE)) == expected


def number(text: str | None) -> float:
    assert text is not None
    return float(text.removesuffix("^^double").strip("'"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("geof:distance(?p, ?q, uom:metre)", 111319.49079327357),
        ("geof:distance(?p, ?q, <http://qudt.org/vocab/unit/KiloM>)", 111.31949079327357),
        ("geof:distance(?p, ?q, uom:degree)", 1.0),
        ("geof:metricDistance(?p, ?q)", 111319.49079327357),
        ("geof:metricLength(?line)", 111319.49079327357),
        ("geof:length(?line, uom:degree)", 1.0),
        ("geof:area(?square, uom:degree)", 4.0),
        ("geof:metricArea(?square)", 49231584297.43102),
        ("geof:perimeter(?square, uom:degree)", 8.0),
        ("geof:maxX(?square)", 2.0),
        ("geof:minY(?line)", 0.0),
        ("geof:maxZ(?high)", 7.0),
    ],
)
def test_measures(text: str, expected: float) -> None:
    terms = {
        "p": "POINT (0 0)",
        "q": "POINT (1 0)",
        "line": "LINESTRING (0 0, 1 0)",
        "square": SQUARE,
        "high": "POINT Z (1 2 7)",
    }
    found = one(text, **{name: wkt(lexical) for name, lexical in terms.items()})
    assert number(found) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("geof:distance(?p, ?p, <http://nowhere/unit>)", None),
        ("geof:distance(?p, ?bad, uom:metre)", None),
        ("geof:maxZ(?p)", None),
        ("geof:dimension(?square)", "2"),
        ("geof:coordinateDimension(?p)", "2"),
        ("geof:spatialDimension(?p)", "2"),
        ("geof:numGeometries(?many)", "2"),
        ("geof:geometryN(?many, 2)", "'POINT (3 4)'^^wkt"),
        ("geof:geometryN(?many, 3)", None),
        ('geof:geometryN(?many, "1")', None),
        ("geof:isEmpty(?empty)", "true"),
        ("geof:isSimple(?p)", "true"),
        ("geof:is3D(?p)", "false"),
        ("geof:isMeasured(?p)", "false"),
        ("geof:geometryType(?p)", "'http://www.opengis.net/ont/sf#Point'^^anyURI"),
        ("geof:getSRID(?p)", "'http://www.opengis.net/def/crs/OGC/1.3/CRS84'^^anyURI"),
        ("geof:getSRID(?north)", "'http://www.opengis.net/def/crs/EPSG/0/4326'^^anyURI"),
        ("geof:centroid(?square)", "'POINT (1 1)'^^wkt"),
        ("geof:centroid(?north)", f"'{LAT_LON}POINT (48 10)'^^wkt"),
        ("geof:intersection(?north, ?north84)", f"'{LAT_LON}POINT (48 10)'^^wkt"),
        ("geof:intersection(?north84, ?north)", "'POINT (10 48)'^^wkt"),
        ("geof:union(?p, ?p)", "'POINT (1 2)'^^wkt"),
        ("geof:difference(?p, ?p)", "'POINT EMPTY'^^wkt"),
        ("geof:asWKT(?json)", "'POINT (1 1)'^^wkt"),
        ("geof:asWKT(geof:asKML(?json))", "'POINT (1 1)'^^wkt"),
        ("geof:asWKT(geof:asGML(?north, '3.1.1'))", f"'{LAT_LON}POINT (48 10)'^^wkt"),
        ("geof:asWKT(?bad)", None),
        ("CONTAINS(STR(geof:asGML(?p, 'http://www.opengis.net/def/profile/ogc/2.0/gml-sf2')), '/gml/3.2')", "true"),
        ("CONTAINS(STR(geof:asGML(?p, 'GML_3.1.1')), 'xmlns:gml=\"http://www.opengis.net/gml\"')", "true"),
        ("geof:asGML(?p, 'gml-x3d')", None),
        ("geof:asGML(?p, 32)", None),
        (f"STR(geof:asDGGS(?p, <{H3_LITERAL}>, 5))", "'CELL (8575457bfffffff)'"),
        (f"STR(geof:asDGGS(geof:asDGGS(?p, <{H3_LITERAL}>, 5)))", "'<https://h3geo.org/> CELL (8575457bfffffff)'"),
        (f"geof:sfContains(geof:asDGGS(?p, <{H3_LITERAL}>, 5), ?p)", "true"),
        (f"DATATYPE(geof:envelope(geof:asDGGS(?p, <{H3_LITERAL}>, 5)))", f"<{WKT_LITERAL}>"),
        ("geof:asDGGS(?p, <http://nowhere/grid>)", None),
        (f"geof:asDGGS(?p, <{H3_LITERAL}>, 16)", None),
        ("STR(geof:asDGGS(?empty))", "''"),
        ("geof:area(geof:concaveHull(?star, 1)) > geof:area(geof:concaveHull(?star, 0))", "true"),
        ("geof:concaveHull(?star, 1.5)", None),
        ("geof:area(?square) = geof:metricArea(?square)", "true"),
        ("geof:boundary(?mixed)", None),
        ("DATATYPE(geof:transform(?json, <http://www.opengis.net/def/crs/EPSG/0/3857>))", f"<{WKT_LITERAL}>"),
        ("DATATYPE(geof:envelope(?json))", "<http://www.opengis.net/ont/geosparql#geoJSONLiteral>"),
        ("geof:asWKT(geof:transform(?p, <http://nowhere/crs>))", None),
        ("geof:getSRID(geof:transform(?p, <http://www.opengis.net/def/crs/EPSG/0/3857>))", "'http://www.opengis.net/def/crs/EPSG/0/3857'^^anyURI"),
        ("geof:sfWithin(?p, geof:buffer(?p, 10, uom:metre))", "true"),
        ("geof:metricArea(geof:metricBuffer(?p, 1000)) > 3100000", "true"),
        ("geof:buffer(?p, 'x', uom:metre)", None),
    ],
)  # fmt: skip
def test_other_functions(text: str, expected: str | None) -> None:
    terms = {
        "p": wkt("POINT (1 2)"), "bad": wkt("POINT (1"), "square": wkt(SQUARE), "empty": wkt(""), "json": JSON_POINT,
        "many": wkt("MULTIPOINT ((1 2), (3 4))"), "north": wkt(LAT_LON + "POINT (48 10)"),
        "north84": wkt("POINT (10 48)"), "star": wkt("MULTIPOINT ((0 0), (4 0), (4 4), (0 4), (2 1), (1 2), (3 2))"),
        "mixed": wkt("GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 1 1))"),
    }  # fmt: skip
    found = one(text, **terms)
    assert (found and found.replace("^^<http://www.opengis.net/ont/geosparql#wktLiteral>", "^^wkt")) == expected


def test_every_geometry_function_answers_for_a_polygon() -> None:
    arguments = {
        "geometry literal": "?g",
        "unit IRI": "uom:metre",
        "number": "1",
        "integer": "1",
        "simple literal": '"T********"',
    }
    arguments["IRI"] = "<http://www.opengis.net/def/crs/EPSG/0/3857>"
    own = {
        "geof:asGML": "geof:asGML(?g, 'gml-sf0')",
        "geof:asDGGS": "geof:asDGGS(?g, geo:dggsLiteral, 1)",
    }
    for row in table():
        if row.iri is None or not row.iri.startswith(GEOF) or row.vector is None:
            continue
        call = own.get(row.name, f"{row.name}({', '.join(arguments[kind] for kind in row.arguments)})")
        solid = "POLYGON Z ((0 0 1, 2 0 1, 2 2 1, 0 2 1, 0 0 1))"
        assert one(call, g=wkt(solid)) is not None, call
        assert one(call, g=wkt("broken")) is None, call
        assert answers(call, [(wkt(solid),), (wkt("broken"),), (None,)], ["g"])[1:] == [None, None], call


SHAPES = st.one_of(
    st.tuples(st.integers(0, 4), st.integers(0, 4)).map(lambda p: f"POINT ({p[0]} {p[1]})"),
    st.tuples(*[st.integers(0, 4)] * 4).map(lambda p: f"LINESTRING ({p[0]} {p[1]}, {p[2]} {p[3]})"),
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 3)).map(
        lambda p: shapely.box(p[0], p[1], p[0] + p[2], p[1] + p[2]).wkt
    ),
    st.sampled_from(["", "POINT EMPTY", "broken", "POLYGON ((0 0, 2 2, 0 2, 2 0, 0 0))"]),
).map(wkt)


@pytest.mark.parametrize("name", sorted(RELATIONS))
@settings(max_examples=5, deadline=None)
@given(rows=st.lists(st.tuples(SHAPES, SHAPES), min_size=1, max_size=8), constant=SHAPES)
def test_columns_relate_as_single_pairs_do(name: str, rows: list[tuple[Literal, Literal]], constant: Literal) -> None:
    call = f"geof:{name}(?a, ?b)"
    each = [truths(call, [row], ["a", "b"])[0] for row in rows]
    assert truths(call, list(rows), ["a", "b"]) == each
    fixed = f'"{constant.lexical}"^^geo:wktLiteral'
    for text, swap in ((f"geof:{name}(?a, {fixed})", False), (f"geof:{name}({fixed}, ?a)", True)):
        expected = [truths(call, [(constant, a) if swap else (a, constant)], ["a", "b"])[0] for a, _ in rows]
        assert truths(text, [(a,) for a, _ in rows], ["a"]) == expected


AGGREGATED = [wkt("POINT (0 0)"), wkt("POINT (2 0)"), wkt("POINT (2 2)"), wkt("POINT (0 2)")]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("aggUnion", "MULTIPOINT ((0 0), (2 0), (2 2), (0 2))"),
        ("aggBoundingBox", SQUARE),
        ("aggCentroid", "POINT (1 1)"),
        ("aggConvexHull", SQUARE),
    ],
)
def test_aggregates(name: str, expected: str) -> None:
    some = context()
    ids = some.terms.intern_terms([*AGGREGATED, wkt("POINT (5 5)"), wkt("broken")])
    groups = np.array([0, 0, 0, 0, 2, 3])
    found = some.terms.terms(aggregate(Aggregate(GEOF + name, ()), [ids], groups, 4, some))
    assert isinstance(found[0], Literal)
    assert shapely.equals(shapely.from_wkt(found[0].lexical), shapely.from_wkt(expected))
    assert found[1] is None
    assert isinstance(found[2], Literal)
    assert found[3] is None


def test_round_aggregates_cover_all() -> None:
    some = context()
    ids = some.terms.intern_terms(AGGREGATED)
    for name in ("aggBoundingCircle", "aggConcaveHull"):
        (found,) = some.terms.terms(aggregate(Aggregate(GEOF + name, ()), [ids], np.zeros(4, np.int64), 1, some))
        assert isinstance(found, Literal)
        area = shapely.from_wkt(found.lexical)
        assert all(area.distance(shapely.from_wkt(point.lexical)) < 1e-9 for point in AGGREGATED)


def test_malformed_literals_are_counted() -> None:
    trace = Trace()
    assert (
        answer('geof:sfWithin("broken"^^geo:wktLiteral, "POINT (0 0)"^^geo:wktLiteral)', context(trace=trace)) is None
    )
    assert trace.counts == {"malformed geometry literals": 1}
    assert trace.node.notes == ["malformed geometry literals, 1: ParseException: Unknown type: 'BROKEN'"]


@pytest.mark.parametrize(
    ("text", "what", "reason"),
    [
        ("geof:distance(?a, ?a, <http://e/unit>)", "calls without an answer", "unit <http://e/unit> is not known"),
        ("geof:transform(?a, <http://e/crs>)", "calls without an answer", "'http://e/crs' is not known"),
        ("geof:asGML(?a, 'x')", "calls without an answer", "GML profile 'x'"),
        ("geof:asDGGS(?a, <http://e/grid>)", "calls without an answer", "grid datatype <http://e/grid>"),
        ("geof:dimension(?b)", "malformed geometry literals", "'http://e/crs' is not known"),
        ("geof:geometryN(?a, 4)", "calls without an answer", "there is no part 4"),
        ("geof:concaveHull(?a, -1)", "calls without an answer", "a target of -1"),
    ],
)
def test_the_trace_says_why_there_is_no_answer(text: str, what: str, reason: str) -> None:
    trace = Trace()
    some = context(trace=trace)
    rows = table_of([(wkt("POINT (1 2)"), wkt("<http://e/crs> POINT (1 2)"))], ["a", "b"], some)
    assert evaluate(expression(text), rows, some).tolist() == [0]
    assert trace.counts == {what: 1}
    assert reason in trace.node.notes[0]


def test_a_concave_hull_of_a_group_takes_a_target() -> None:
    some = context()
    points = [wkt(f"POINT ({x} {y})") for x, y in ((0, 0), (4, 0), (4, 4), (0, 4), (2, 1), (1, 2), (3, 2))]
    ids, groups = some.terms.intern_terms(points), np.zeros(len(points), np.int64)
    areas = []
    for target in ("0", "1", "2"):
        targets = some.terms.intern_terms([Literal(target, XSD_INTEGER)] * len(points))
        (found,) = some.terms.terms(aggregate(Aggregate(GEOF + "aggConcaveHull", ()), [ids, targets], groups, 1, some))
        areas.append(None if found is None else shapely.from_wkt(found.lexical).area)  # type: ignore[union-attr]
    assert areas[0] < areas[1] == 16
    assert areas[2] is None


def test_rows_name_their_clause() -> None:
    row = by_iri(GEOF + "sfWithin")
    assert row is not None
    assert row.name == "geof:sfWithin"
    assert row.clause.startswith("GeoSPARQL 1.1")
