# SPDX-License-Identifier: Apache-2.0
"""Geometries whose bytes tell their boxes are stored as those that are read."""

from __future__ import annotations

import math
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings

from semcube.engines import ids
from semcube.store import geometry_rows
from semcube.store.geometry_rows import decode_geometries
from semcube.vocab import WKT_LITERAL

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
number = st.floats(allow_nan=False, allow_infinity=False)
points = st.builds(shapely.Point, number, number)
lines = st.lists(st.tuples(number, number), min_size=2, max_size=6).map(shapely.LineString)


def rows(wkb: pa.Array, crs: str = CRS84) -> list[dict[str, Any]]:
    terms = pa.table(
        {
            "n": np.arange(len(wkb)) + 7,
            "tag": pa.repeat(pa.scalar(int(ids.Tag.GEOMETRY), pa.int8()), len(wkb)),
            "lexical": pa.repeat(pa.scalar("POINT (3 4)", pa.large_string()), len(wkb)),
            "datatype": pa.repeat(pa.scalar(WKT_LITERAL, pa.large_string()), len(wkb)),
        }
    )
    return decode_geometries(terms, wkb, crs).to_pylist()


def both(values: list[bytes | None], crs: str = CRS84, *, start: int = 0) -> list[dict[str, Any]]:
    column = pa.array([b"x" * 9] * start + values, pa.large_binary()).slice(start)
    found = rows(column, crs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(geometry_rows, "_boxes_by_bytes", lambda wkb: None)
        assert found == rows(column, crs)
    return found


@given(st.one_of(st.lists(points, min_size=1), st.lists(lines, min_size=1)), st.integers(0, 2))
@settings(max_examples=80, deadline=None)
def test_boxes_by_bytes_are_those_of_geometries(shapes: list[Any], start: int) -> None:
    assert len(both([shapely.to_wkb(shape, byte_order=1) for shape in shapes], start=start)) == len(shapes)
    column = pa.array([shapely.to_wkb(shape, byte_order=1) for shape in shapes], pa.large_binary())
    assert geometry_rows._boxes_by_bytes(column) is not None


OTHERS = [
    shapely.to_wkb(shapely.Point(1, 2), byte_order=0),
    shapely.to_wkb(shapely.Point(1, 2, 3), flavor="iso"),
    shapely.to_wkb(shapely.set_srid(shapely.Point(1, 2), 4326), include_srid=True),
    shapely.Point().wkb,
    shapely.LineString().wkb,
    shapely.box(0, 0, 1, 1).wkb,
    shapely.MultiPoint([(1, 2), (3, 4)]).wkb,
    shapely.Point(math.inf, 2).wkb,
    shapely.LineString([(0, 0), (math.inf, 1)]).wkb,
    None,
]


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("first", [shapely.Point(1, 2).wkb, shapely.LineString([(0, 0), (1, 1)]).wkb])
def test_others_are_read(first: bytes, other: bytes | None) -> None:
    both([first, other, first])
    both([other])


def test_points_among_lines_and_other_systems() -> None:
    values = [shapely.Point(1, 2).wkb, shapely.LineString([(0, 0), (1, 1)]).wkb]
    both(values)
    both(values[:1], "http://www.opengis.net/def/crs/EPSG/0/4326")
    assert both(values[:1], "http://www.opengis.net/def/crs/EPSG/0/3857")[0]["lonlat"] is not None


def test_damaged_lines_are_not_taken_as_they_are() -> None:
    line = shapely.LineString([(0, 0), (1, 1)]).wkb
    for damaged in (line + b"\0", line[:-1], line[:5] + b"\1" + line[6:25]):
        assert geometry_rows._boxes_by_bytes(pa.array([line, damaged], pa.large_binary())) is None


def test_more_lines_than_a_chunk() -> None:
    shapes = [shapely.LineString([(n, -n), (n + 1, n % 5), (0, 1)]) for n in range(geometry_rows.CHUNK + 9)]
    found = both([shape.wkb for shape in shapes])
    assert [row["n"] for row in found] == list(range(7, 7 + len(shapes)))
