# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.errors import GeometryError
from semcube.geometry.relations import RELATIONS, evaluate, from_matrix, matches, matrices, relation, transpose

from .shapes import geometries, simple


def _array(*texts: str) -> np.ndarray:
    return np.asarray(shapely.from_wkt(np.array(texts, dtype=object)), dtype=object)


def test_there_are_24_relations_in_three_families() -> None:
    assert len(RELATIONS) == 24
    assert {r.family for r in RELATIONS.values()} == {"sf", "eh", "rcc8"}
    assert RELATIONS["rcc8tppi"].iri == "http://www.opengis.net/ont/geosparql#rcc8tppi"
    for row in RELATIONS.values():
        assert RELATIONS[row.inverse].inverse == row.name
        assert RELATIONS[row.inverse].family == row.family


SQUARE = "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0))"
CASES = [
    ("sfEquals", "POINT (1 2)", "MULTIPOINT (1 2)", True),
    ("ehEquals", "LINESTRING (0 0, 2 2)", "LINESTRING (2 2, 1 1, 0 0)", True),
    ("rcc8eq", SQUARE, "POLYGON ((4 4, 0 4, 0 0, 4 0, 4 4))", True),
    ("sfEquals", "POINT EMPTY", "POLYGON EMPTY", True),
    ("sfEquals", "POINT EMPTY", "POINT (1 1)", False),
    ("sfDisjoint", "POINT EMPTY", SQUARE, True),
    ("sfIntersects", "POINT EMPTY", SQUARE, False),
    ("sfTouches", "POINT (0 1)", SQUARE, True),
    ("sfTouches", "POINT (1 1)", "POINT (1 1)", False),
    ("sfCrosses", "LINESTRING (-1 1, 5 1)", SQUARE, True),
    ("sfCrosses", SQUARE, "LINESTRING (-1 1, 5 1)", True),
    ("sfCrosses", "LINESTRING (0 0, 2 2)", "LINESTRING (0 2, 2 0)", True),
    ("sfCrosses", "LINESTRING (0 0, 2 2)", "LINESTRING (1 1, 3 3)", False),
    ("sfCrosses", SQUARE, "POLYGON ((1 1, 5 1, 5 5, 1 5, 1 1))", False),
    ("sfOverlaps", "LINESTRING (0 0, 2 2)", "LINESTRING (1 1, 3 3)", True),
    ("sfOverlaps", "LINESTRING (0 0, 2 2)", "LINESTRING (0 2, 2 0)", False),
    ("sfOverlaps", "MULTIPOINT (0 0, 1 1)", "MULTIPOINT (1 1, 2 2)", True),
    ("sfOverlaps", SQUARE, "LINESTRING (-1 1, 5 1)", False),
    ("sfWithin", "POINT (0 1)", SQUARE, False),
    ("sfContains", SQUARE, "POINT (1 1)", True),
    ("ehMeet", SQUARE, "POLYGON ((4 0, 8 0, 8 4, 4 4, 4 0))", True),
    ("ehOverlap", SQUARE, "POLYGON ((1 1, 5 1, 5 5, 1 5, 1 1))", True),
    ("ehCovers", SQUARE, "POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))", True),
    ("ehCovers", SQUARE, "POLYGON ((1 1, 2 1, 2 2, 1 2, 1 1))", False),
    ("ehContains", SQUARE, "POLYGON ((1 1, 2 1, 2 2, 1 2, 1 1))", True),
    ("ehInside", "POLYGON ((1 1, 2 1, 2 2, 1 2, 1 1))", SQUARE, True),
    ("ehCoveredBy", "POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))", SQUARE, True),
    ("rcc8dc", SQUARE, "POLYGON ((8 8, 9 8, 9 9, 8 8))", True),
    ("rcc8dc", "POINT (0 0)", "POINT (1 1)", False),
    ("rcc8ec", SQUARE, "POLYGON ((4 0, 8 0, 8 4, 4 4, 4 0))", True),
    ("rcc8po", SQUARE, "POLYGON ((1 1, 5 1, 5 5, 1 5, 1 1))", True),
    ("rcc8tpp", "POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))", SQUARE, True),
    ("rcc8tppi", SQUARE, "POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))", True),
    ("rcc8ntpp", "POLYGON ((1 1, 2 1, 2 2, 1 2, 1 1))", SQUARE, True),
    ("rcc8ntppi", SQUARE, "POLYGON ((1 1, 2 1, 2 2, 1 2, 1 1))", True),
]


@pytest.mark.parametrize(("name", "a", "b", "holds"), CASES)
def test_known_pairs(name: str, a: str, b: str, holds: bool) -> None:
    first, second = _array(a), _array(b)
    assert evaluate(name, first, second).tolist() == [holds]
    assert evaluate(relation(name).inverse, second, first).tolist() == [holds]
    assert matches(shapely.relate(first[0], second[0]), name) is holds


@settings(max_examples=200, deadline=None)
@given(geometries, geometries, st.booleans())
def test_predicates_agree_with_the_matrix(a: shapely.Geometry, b: shapely.Geometry, prepared: bool) -> None:
    """Named predicates, patterns and matrices are three ways to one truth; preparing does not change it."""
    expected = {name: holds[0] for name, holds in from_matrix(matrices(np.array([a]), np.array([b]))).items()}
    first, second = np.array([shapely.force_2d(a)], dtype=object), np.array([b], dtype=object)
    if prepared:
        shapely.prepare(first)
    assert {name: evaluate(name, first, second)[0] for name in RELATIONS} == expected


@settings(max_examples=60, deadline=None)
@given(simple)
def test_a_geometry_equals_itself_whatever_its_kind(a: shapely.Geometry) -> None:
    one = np.array([a], dtype=object)
    for name in ("sfEquals", "ehEquals", "rcc8eq", "sfIntersects"):
        assert evaluate(name, one, one)[0]
    assert not evaluate("sfDisjoint", one, one)[0]


@pytest.mark.parametrize("name", [name for name in RELATIONS if name.startswith("rcc8") and name != "rcc8eq"])
@pytest.mark.parametrize("other", ["LINESTRING (0 0, 4 4)", "POINT (1 1)", "POLYGON EMPTY", "LINESTRING (8 8, 9 9)"])
def test_rcc8_relates_areas_only(name: str, other: str) -> None:
    pair = np.array([shapely.from_wkt(other), shapely.box(0, 0, 4, 4), shapely.from_wkt(other)])
    assert not evaluate(name, pair[:2], pair[1:]).any()


def test_rcc8_of_areas_with_holes() -> None:
    whole = shapely.box(0, 0, 3, 3)
    ring = shapely.difference(whole, shapely.box(1, 1, 2, 2))
    two = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(5, 5, 6, 6)])
    assert evaluate("rcc8tpp", np.array([ring]), np.array([whole]))[0]
    assert evaluate("rcc8tppi", np.array([two]), np.array([shapely.box(0, 0, 1, 1)]))[0]
    assert evaluate("rcc8po", np.array([shapely.box(0, 0, 2, 2)]), np.array([ring]))[0]
    assert evaluate("rcc8ec", np.array([shapely.box(1, 1, 2, 2)]), np.array([ring]))[0]


@settings(max_examples=60, deadline=None)
@given(geometries, geometries)
def test_exactly_one_rcc8_relation_for_areas(a: shapely.Geometry, b: shapely.Geometry) -> None:
    if {a.geom_type, b.geom_type} != {"Polygon"} or a.is_empty or b.is_empty:
        return
    names = [name for name in RELATIONS if name.startswith("rcc8")]
    assert sum(bool(evaluate(n, np.array([a]), np.array([b]))[0]) for n in names) == 1


def test_rows_without_a_truth_value_are_named_and_do_not_fail_the_rest() -> None:
    square = _array(SQUARE)[0]
    a = np.array([None, square, shapely.Point(1, 1)], dtype=object)
    b = np.array([square, None, square], dtype=object)
    errors: dict[int, str] = {}
    assert evaluate("sfWithin", a, b, errors=errors).tolist() == [False, False, True]
    assert sorted(errors) == [0, 1]
    errors = {}
    assert matrices(a, b, errors=errors).tolist() == [None, None, "0FFFFF212"]
    assert sorted(errors) == [0, 1]


def test_an_invalid_area_does_not_end_the_batch() -> None:
    bow = _array("POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))")[0]
    errors: dict[int, str] = {}
    found = evaluate("ehOverlap", np.array([bow, bow]), _array(SQUARE, "POINT (9 9)"), errors=errors)
    assert found.dtype == bool
    assert found.shape == (2,)
    assert not found[1]


def test_patterns_and_iris_are_relations() -> None:
    assert relation("http://www.opengis.net/def/function/geosparql/sfWithin").name == "sfWithin"
    assert evaluate("t*f**f***", _array("POINT (1 1)"), _array(SQUARE)).tolist() == [True]
    assert transpose(transpose("TF*012*FT")) == "TF*012*FT"
    with pytest.raises(GeometryError, match="sfNext"):
        relation("sfNext")


def test_from_matrix_takes_missing_matrices() -> None:
    found = from_matrix(np.array(["FF2FF1212", None], dtype=object))
    assert found["sfDisjoint"].tolist() == [True, False]
    assert found["rcc8dc"].tolist() == [True, False]


def test_the_end_of_a_line_after_a_joint_outside() -> None:
    line = _array("MULTILINESTRING ((2 2, 6 2), (6 2, 9 2))")
    closed = _array("MULTILINESTRING ((2 2, 6 2), (6 2, 9 2, 9 9, 2 2))")
    square = _array(SQUARE)
    assert matrices(square, line).tolist() == ["1020F1102"]
    assert matrices(line, square).tolist() == ["1010F0212"]
    assert matrices(square, closed).tolist() == [shapely.relate(square[0], closed[0])]
    assert evaluate("*******0*", square, line).tolist() == [True]
    assert evaluate("*******F*", square, line).tolist() == [False]
    assert evaluate("T*T**F***", line, square).tolist() == [False]


CORNERS = st.tuples(st.integers(-3, 6), st.integers(-3, 6))
WALKS = st.lists(st.lists(CORNERS, min_size=2, max_size=4), min_size=2, max_size=4)
TRIANGLES = "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((2 2, 3 2, 3 3, 2 2)))"


@settings(max_examples=150)
@given(walks=WALKS, text=st.sampled_from([SQUARE, "LINESTRING (0 0, 3 3)", "POINT (1 1)", TRIANGLES]))
def test_ends_of_lines_of_several_parts(walks: list[list[tuple[int, int]]], text: str) -> None:
    line = shapely.MultiLineString([walk for walk in walks if len(set(walk)) > 1] or [[(0, 0), (1, 1)]])
    other = shapely.from_wkt(text)
    ends = [point for point in shapely.get_parts(line.boundary) if not other.intersects(point)]
    made = matrices(np.array([other, line]), np.array([line, other]))
    assert [made[0][7], made[1][5]] == (["0", "0"] if ends else ["F", "F"])
    assert made[1] == transpose(made[0])


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=3),
    st.sampled_from([None, "LINESTRING (0 4, 4 0)", "LINESTRING (3 3, 3 5)"]),
    st.sampled_from(["POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))", "POLYGON ((0 0, 3 0, 3 3, 0 3, 0 0))"]),
    st.sampled_from(
        [
            "POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))",
            "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 1, 0 0)), ((3 3, 4 3, 4 4, 3 4, 3 3)))",
            "GEOMETRYCOLLECTION (POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0)), POINT (4 4))",
            "GEOMETRYCOLLECTION (POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0)), LINESTRING (1 1, 4 4))",
        ]
    ),
)
def test_points_of_a_collection_take_nothing_from_areas(
    points: list[tuple[int, int]], line: str | None, area: str, other: str
) -> None:
    lines = [shapely.from_wkt(line)] if line else []
    collection = shapely.GeometryCollection([shapely.from_wkt(area), *lines, *(shapely.Point(xy) for xy in points)])
    b = shapely.from_wkt(other)
    elements = list(b.geoms) if hasattr(b, "geoms") else [b]
    outside = [shapely.difference(part, collection).difference(shapely.MultiPoint(points)) for part in elements]
    dimension = max((shapely.get_dimensions(part) for part in outside if not part.is_empty), default=-1)
    made = matrices(np.array([collection, b], dtype=object), np.array([b, collection], dtype=object))
    assert made[0][6] == made[1][2] == ("F" if dimension < 0 else str(dimension))
    covered = evaluate("ehCovers", np.array([collection]), np.array([b]))[0]
    assert covered == matches(made[0], "ehCovers")
    assert evaluate("sfContains", np.array([collection]), np.array([b]))[0] == (dimension < 0)
    assert evaluate("sfWithin", np.array([b]), np.array([collection]))[0] == (dimension < 0)
