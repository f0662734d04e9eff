# SPDX-License-Identifier: Apache-2.0
"""Canonical texts: one for each canonical WKB, and made again from it bit by bit."""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import example, given, settings

from semcube.geometry import CRS84, crs, parse, wkb_to_wkt
from semcube.geometry import canonical as module
from semcube.geometry.canonical import canonical_system, canonical_texts, has_canonical_text
from semcube.vocab import WKT_LITERAL

SYSTEMS = ["CRS84", "EPSG:4326", "EPSG:3857", "EPSG:31467", "EPSG:2154"]
CRS84_IRI = str(CRS84.iri)


def certain(value: float) -> bool:
    return (value == 0 and math.copysign(1, value) > 0) or 1e-9 <= abs(value) < 1e15


def column(wkb: Any) -> pa.Array:
    return pa.array(list(wkb), pa.large_binary())


def texts(given: list[str]) -> pa.Array:
    return pa.array(given, pa.large_string())


everything = st.one_of(
    st.floats(),
    st.floats(-180, 180),
    st.integers(-(10**17), 10**17).map(float),
    st.sampled_from(
        [0.0, -0.0, 5e-324, 1e-9, 9.99e-10, 1e15, 1e15 - 0.125, 0.1 + 0.2, 1 / 3, 2.0**-29, math.nan, math.inf]
    ),
    st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0]),
)
good = st.one_of(st.floats(-1e6, 1e6), st.floats(-1, 1), st.integers(-999, 999).map(float)).filter(certain)
pairs = st.tuples(good, good)


@st.composite
def rings(draw: Any) -> list[tuple[float, float]]:
    points = draw(st.lists(pairs, min_size=3, max_size=6))
    return [*points, points[0]]


lines = st.lists(pairs, min_size=2, max_size=6).map(shapely.LineString)
points = pairs.map(shapely.Point)
polygons = st.lists(rings(), min_size=1, max_size=3).map(lambda all_: shapely.Polygon(all_[0], all_[1:]))
shapes = st.one_of(
    points,
    lines,
    polygons,
    st.lists(points, min_size=1, max_size=4).map(shapely.MultiPoint),
    st.lists(lines, min_size=1, max_size=3).map(shapely.MultiLineString),
    st.lists(polygons, min_size=1, max_size=3).map(shapely.MultiPolygon),
)


@given(st.lists(st.tuples(everything, everything), min_size=1, max_size=20))
@settings(max_examples=150, deadline=None)
def test_ordinates_that_are_canonical_are_written_as_the_shortest_decimals(pairs: list[tuple[float, float]]) -> None:
    wkb = column(struct.pack("<BI2d", 1, 1, *pair) for pair in pairs)
    found = has_canonical_text(wkb)
    assert found.tolist() == [all(map(certain, pair)) for pair in pairs]
    kept = wkb.filter(pa.array(found))
    chosen = [pair for pair, one in zip(pairs, found.tolist(), strict=True) if one]
    plain = [" ".join(np.format_float_positional(value, unique=True, trim="-") for value in pair) for pair in chosen]
    written = wkb_to_wkt(kept)
    assert written.to_pylist() == [f"POINT ({text})" for text in plain]
    assert canonical_texts(written).wkb.equals(kept)


@given(st.lists(shapes, min_size=1, max_size=8), st.sampled_from(SYSTEMS))
@settings(max_examples=150, deadline=None)
def test_texts_are_made_of_the_wkb_that_they_are_written_of(shapes: list[Any], name: str) -> None:
    system = crs(name)
    assert canonical_system(system)
    wkb = column(shapely.to_wkb(np.array(shapes, object)))
    assert has_canonical_text(wkb).all()
    written = wkb_to_wkt(wkb, system)
    found = canonical_texts(written)
    assert found.wkb.equals(wkb)
    assert canonical_texts(pa.concat_arrays([written] * 17)).wkb[-len(wkb) :].equals(wkb)
    assert found.systems == (system.iri,)
    assert written.to_pylist() == parse(written, WKT_LITERAL).serialise(WKT_LITERAL).tolist()


numbers = st.one_of(
    good.map(lambda value: np.format_float_positional(value, unique=True, trim="-")),
    everything.map(str),
    st.sampled_from(["1.0", "-0", "00", "1e3", "+1", "nan", "1 ", " 1", ""]),
)
phrases = st.sampled_from(
    ["POINT ({} {})", "LINESTRING ({} {}, {} {})", "MULTIPOINT (({} {}), ({} {}))", "POINT({} {})", "POINT ({} {})\0"]
)
prefixes = st.sampled_from(["", *(f"<{crs(name).iri}> " for name in SYSTEMS), "<x> ", "<http://e/f> ", "<", "<urn:x>"])


@given(
    st.lists(
        st.tuples(prefixes, phrases, st.lists(numbers, min_size=4, max_size=4)).map(
            lambda given: given[0] + given[1].format(*given[2])
        ),
        min_size=1,
        max_size=12,
    )
)
@settings(max_examples=200, deadline=None)
def test_texts_are_judged_alike_one_by_one_and_together(given: list[str]) -> None:
    alone = [canonical_texts(texts([text])) for text in given]
    again = canonical_texts(texts(given * 17))
    assert again.wkb.to_pylist() == [one.wkb[0].as_py() for one in alone] * 17
    names = [one.systems[0] if one.systems else None for one in alone]
    valid = again.wkb.is_valid().to_pylist()[: len(given)]
    assert [again.systems[code] if one else None for code, one in zip(again.codes, valid, strict=False)] == names
    for one, text in zip(alone, given, strict=True):
        if one.systems:
            assert wkb_to_wkt(one.wkb, one.systems[0]).to_pylist() == [text]


@given(st.lists(st.one_of(shapes, st.none()), max_size=12), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_each_value_is_judged_by_itself(shapes: list[Any], start: int) -> None:
    """Mixed kinds, nulls, slices."""
    wkb = column(shapely.to_wkb(np.array(shapes, object))).slice(start)
    alone = [bool(has_canonical_text(wkb.slice(row, 1))[0]) for row in range(len(wkb))]
    assert has_canonical_text(wkb).tolist() == alone == wkb.is_valid().to_pylist()


ODD = [
    "POINT EMPTY",
    "POINT Z (1 2 3)",
    "POINT M (1 2 3)",
    "POINT ZM (1 2 3 4)",
    "LINESTRING EMPTY",
    "LINESTRING Z (1 2 3, 4 5 6)",
    "POLYGON EMPTY",
    "MULTIPOINT EMPTY",
    "MULTIPOINT (EMPTY, (1 2))",
    "MULTILINESTRING (EMPTY, (1 2, 3 4))",
    "MULTIPOLYGON (EMPTY, ((0 0, 1 0, 1 1, 0 0)))",
    "GEOMETRYCOLLECTION (POINT (1 2))",
    "GEOMETRYCOLLECTION EMPTY",
    "POINT (1e16 1)",
    "POINT (-0 1)",
    "LINESTRING (0 0, -0 1)",
    "POLYGON ((0 0, 1 0, 1 -0, 0 0))",
    "LINEARRING (0 0, 1 0, 1 1, 0 0)",
]


@pytest.mark.parametrize("text", ODD)
def test_what_is_not_canonical(text: str) -> None:
    for order in (0, 1):
        wkb = column([shapely.to_wkb(shapely.from_wkt(text), output_dimension=4, flavor="iso", byte_order=order)])
        if text != "LINEARRING (0 0, 1 0, 1 1, 0 0)":
            assert not has_canonical_text(wkb).any()
    assert not canonical_texts(texts([text])).systems


def test_other_forms_of_wkb_are_not_canonical() -> None:
    for text in ("POINT (1 2)", "LINESTRING (1 2, 3 4)", "POLYGON ((0 0, 1 0, 1 1, 0 0))", "MULTIPOINT ((1 2))"):
        shape = shapely.from_wkt(text)
        wkb = shapely.to_wkb(shape)
        others = [
            shapely.to_wkb(shape, byte_order=0),
            shapely.to_wkb(shapely.set_srid(shape, 4326), include_srid=True),
            wkb[:-1],
            wkb + b"\0",
            wkb[:5],
            b"",
            b"\x01" * 40,
        ]
        assert has_canonical_text(column([wkb, *others])).tolist() == [True] + [False] * len(others)
    broken = shapely.to_wkb(shapely.from_wkt("POLYGON ((0 0, 1 0, 1 1, 0 0))"))[:-16] + struct.pack("<2d", 9, 9)
    one = struct.pack("<BII2d", 1, 2, 1, 5, 6)
    mixed = shapely.to_wkb(shapely.MultiPoint([(1, 2)]))[:9] + struct.pack(">BI2d", 0, 1, 1, 2)
    assert not has_canonical_text(column([broken, one, mixed])).any()
    assert has_canonical_text(column([])).tolist() == []
    assert has_canonical_text(pa.nulls(2, pa.large_binary())).tolist() == [False, False]


NEARLY = [
    "point (1 2)",
    "POINT(1 2)",
    "POINT  (1 2)",
    "POINT (1  2)",
    " POINT (1 2)",
    "POINT (1 2) ",
    "POINT (1.0 2)",
    "POINT (01 2)",
    "POINT (+1 2)",
    "POINT (1e0 2)",
    "POINT (0.10000000000000001 2)",
    "POINT (1 2",
    "POINT (1 2 3)",
    "POINT (nan 2)",
    "POINT (-0 2)",
    "LINESTRING (1 2,3 4)",
    "LINESTRING (1 2)",
    "POLYGON ((0 0, 1 0, 1 1))",
    "MULTIPOINT (1 2, 3 4)",
    f"<{CRS84_IRI}> POINT (1 2)",
    "<https://www.opengis.net/def/crs/EPSG/0/3857> POINT (1 2)",
    "<urn:ogc:def:crs:EPSG::3857> POINT (1 2)",
    "<http://www.opengis.net/def/crs/EPSG/0/3857>POINT (1 2)",
    "<http://www.opengis.net/def/crs/EPSG/0/999999> POINT (1 2)",
    "<http://www.opengis.net/gml/srs/epsg.xml#4326> POINT (1 2)",
    "SRID=4326;POINT (1 2)",
    "",
]


@pytest.mark.parametrize("text", NEARLY)
def test_texts_that_are_not_canonical(text: str) -> None:
    found = canonical_texts(texts([text, "POINT (1 2)"] * 17))
    assert found.wkb.is_valid().to_pylist() == [False, True] * 17
    assert not canonical_texts(texts([text])).systems


def test_systems_are_told_apart() -> None:
    given = ["POINT (1 2)", "<http://www.opengis.net/def/crs/EPSG/0/4326> POINT (1 2)"]
    given.append("<http://www.opengis.net/def/crs/EPSG/0/3857> POINT (1 2)")
    found = canonical_texts(texts(given))
    assert [found.systems[code] for code in found.codes] == [CRS84_IRI, *(text[1:].split(">")[0] for text in given[1:])]
    assert [shapely.from_wkb(one).wkt for one in found.wkb.to_pylist()] == ["POINT (1 2)", "POINT (2 1)", "POINT (1 2)"]


def test_what_is_too_long_to_be_read_is_not_canonical(monkeypatch: pytest.MonkeyPatch) -> None:
    wkb = column(shapely.to_wkb([shapely.LineString(np.arange(2.0 * n).reshape(-1, 2)) for n in (10, 11)]))
    monkeypatch.setattr(module, "_MOST_BYTES", len(wkb[0].as_py()))
    assert has_canonical_text(wkb).tolist() == [True, False]


@given(pairs)
@example((-0.00000000123456789012345678, -123456789012345.67))
@settings(max_examples=50, deadline=None)
def test_the_longest_text(pair: tuple[float, float]) -> None:
    """Four times the bytes of WKB are enough for the text."""
    for shape in (shapely.Point(pair), shapely.LineString([pair, pair]), shapely.MultiPoint([pair] * 3)):
        wkb = column([shapely.to_wkb(shape)])
        assert len(wkb_to_wkt(wkb)[0].as_py()) <= 4 * len(wkb[0].as_py())


def test_a_system_whose_iri_does_not_say_all_is_not_canonical() -> None:
    system = crs("EPSG:3857")
    assert not canonical_system(replace(system, swaps_axes=True))
    assert not canonical_system(replace(system, iri=None))
