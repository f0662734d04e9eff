# SPDX-License-Identifier: Apache-2.0
"""What boxes decide is what the relation says; sorted sets, histograms and the memory of an index beside it."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.geometry.histogram import Histogram
from semcube.geometry.index import SpatialIndex
from semcube.geometry.relations import RELATIONS, evaluate
from semcube.geometry.selection import related, spatial_filter
from semcube.geometry.sides import is_sound
from semcube.geometry.sorted import distinct, members, searched
from semcube.geometry.windows import Window
from tests.geometry.shapes import geometries as anything
from tests.geometry.shapes import multipolygons, polygons

MANY = 16 * 16 * 16
"""So many boxes make a grid worth while."""


def _agrees(area: shapely.Geometry, geometries: np.ndarray, boxes: int) -> int:
    """How many truth values boxes decide, all as the relation does."""
    sound = geometries[is_sound(geometries)]
    decided = 0
    for relation in RELATIONS.values():
        window = Window.of(area, relation, boxes)
        if window is None:
            continue
        found = window.decided(shapely.bounds(sound).reshape(-1, 4))
        truth = evaluate(relation, sound, np.array([area], object))
        known = found >= 0
        assert (truth[known] == (found[known] == 1)).all(), relation.name
        decided += int(known.sum())
    return decided


@settings(deadline=None, max_examples=60)
@given(st.one_of(polygons, multipolygons), st.lists(anything, min_size=1, max_size=8), st.floats(0.05, 3))
def test_boxes_decide_as_the_relations_do(area: shapely.Geometry, shapes: list[shapely.Geometry], size: float) -> None:
    geometries = np.array(shapes, dtype=object)
    _agrees(area, geometries, MANY)
    _agrees(area, shapely.transform(geometries, lambda xy: xy * size + 0.3), MANY)


def test_small_geometries_are_decided_for_every_kind_of_area() -> None:
    rng = np.random.default_rng(7)
    spots = shapely.points(rng.uniform(-1, 11, (400, 2)))
    shapes = np.concatenate([spots, shapely.buffer(spots, 0.05), shapely.boundary(shapely.buffer(spots, 0.05))])
    cup = shapely.Polygon([(0, 0), (10, 0), (10, 10), (8, 10), (8, 3), (2, 3), (2, 10), (0, 10)])
    ring = shapely.Point(5, 5).buffer(5).difference(shapely.Point(5, 5).buffer(2))
    for area in (
        shapely.box(0, 0, 10, 10),
        cup,
        ring,
        shapely.MultiPolygon([shapely.box(0, 0, 3, 9), cup.buffer(-0.5)]),
    ):
        if area.is_valid:
            assert _agrees(area, shapes, MANY) > 24 * len(shapes) // 2
    assert Window.of(cup, RELATIONS["sfWithin"], 10) is None  # so few are not worth a grid
    assert Window.of(shapely.LineString([(0, 0), (1, 1)]), RELATIONS["sfWithin"], MANY) is None
    bowtie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    assert Window.of(bowtie, RELATIONS["sfWithin"], MANY) is None


@pytest.mark.parametrize("name", ["sfIntersects", "sfWithin", "sfTouches", "ehCoveredBy", "rcc8ntpp"])
def test_known_soundness_changes_nothing(name: str) -> None:
    rng = np.random.default_rng(3)
    shapes = shapely.buffer(shapely.points(rng.integers(0, 9, (200, 2)).astype(float)), rng.uniform(0.1, 2, 200))
    shapes[::7] = shapely.Polygon([(0, 0), (4, 4), (4, 0), (0, 4)])
    area, relation = shapely.box(2, 2, 6, 6), RELATIONS[name]
    assert (related(shapes, is_sound(shapes), area, relation) == spatial_filter(shapes, area, relation)).all()


def test_an_index_remembers_what_is_sound() -> None:
    bowtie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    shapes = np.array([shapely.Point(1, 1), bowtie, shapely.box(0, 0, 1, 1)], dtype=object)
    index = SpatialIndex.from_geometries(shapes, np.array([30, 10, 20]))
    assert index.rows(np.array([10, 20, 30, 40])).tolist() == [1, 2, 0, -1]
    assert index.sound(np.array([10, 20])).tolist() == [-1, -1]
    assert index.sound(np.array([10, 20, 99]), shapes[[1, 2, 0]]).tolist() == [0, 1, 1]
    assert index.sound(np.array([30, 20, 10, 99])).tolist() == [-1, 1, 0, -1]
    larger = SpatialIndex.from_geometries(np.append(shapes, [shapely.Point(5, 5)]), np.array([30, 10, 20, 40]))
    larger.inherit(index)
    assert larger.sound(np.array([40, 20, 10])).tolist() == [-1, 1, 0]
    empty = SpatialIndex.from_geometries(np.empty(0, object))
    assert empty.sound(np.array([1])).tolist() == [-1]


@given(st.lists(st.integers(-9, 9)), st.lists(st.integers(-9, 9)), st.booleans())
def test_sorted_sets_are_those_of_numpy(table: list[int], wanted: list[int], many: bool) -> None:
    known, asked = np.array(sorted(table), np.int64), np.array(wanted * (1000 if many else 1), np.int64)
    low, high = searched(known, asked)
    assert low.tolist() == np.searchsorted(known, asked, "left").tolist()
    assert high.tolist() == np.searchsorted(known, asked, "right").tolist()
    assert distinct(asked).tolist() == np.unique(asked).tolist()
    assert members(asked, distinct(known)).tolist() == np.isin(asked, known).tolist()


def test_a_histogram_expects_about_as_many_as_there_are() -> None:
    rng = np.random.default_rng(5)
    centres = np.concatenate([rng.normal(10, 1, (4000, 2)), rng.uniform(0, 40, (4000, 2))])
    boxes = np.column_stack([centres - 0.1, centres + 0.1])
    boxes[0] = np.nan
    counts = Histogram.of(boxes)
    assert counts.count == 7999
    windows = np.array([[8.0, 8.0, 12.0, 12.0], [0, 0, 40, 40], [20, 20, 30, 35], [90, 90, 99, 99], [9.9, 9.9, 10, 10]])
    real = SpatialIndex.from_boxes(boxes).candidate_pairs(windows)[0]
    expected = counts.expected(windows)
    for number, found in enumerate(np.bincount(real, minlength=len(windows)).tolist()):
        assert found / 1.5 - 3 <= expected[number] <= found * 1.5 + 3
    assert Histogram.of(np.empty((0, 4))).expected(windows).tolist() == [0.0] * 5
