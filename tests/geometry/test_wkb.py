# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.errors import CRSError
from semcube.geometry import crs, parse, wkb_to_wkt, wkt_to_wkb
from semcube.geometry import wkb as module
from semcube.geometry.canonical import canonical_texts, has_canonical_text
from semcube.geometry.nested import KEYWORDS, written
from semcube.geometry.wkb import wkb_to_wkt_reference
from semcube.geometry.wkt import prefixed
from semcube.vocab import WKT_LITERAL

from .shapes import geometries

_DOUBLES = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(-1.5, 1.5),
    st.floats(-180, 180),
    st.integers(-9, 9).map(float),
)


def _line(xy: list[tuple[float, float]]) -> shapely.Geometry:
    with np.errstate(invalid="ignore"):
        return shapely.LineString(xy)


_LINES = st.lists(st.tuples(_DOUBLES, _DOUBLES), min_size=2, max_size=4).map(_line)
_POINTS = st.one_of(st.tuples(_DOUBLES, _DOUBLES), st.tuples(_DOUBLES, _DOUBLES, _DOUBLES)).map(shapely.Point)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(_LINES, _POINTS, geometries, st.none()), max_size=6),
    st.sampled_from(["CRS84", "EPSG:4326", "EPSG:2154"]),
    st.integers(0, 2),
)
def test_the_fast_way_writes_what_the_reference_writes(
    found: list[shapely.Geometry | None], system: str, skip: int
) -> None:
    values = [None if g is None else shapely.to_wkb(g, flavor="iso", byte_order=i % 2) for i, g in enumerate(found)]
    column = pa.array(values, pa.binary())[skip:]
    text = wkb_to_wkt(column, system)
    assert text.type == pa.large_string()
    assert text.equals(wkb_to_wkt_reference(column, system))


@settings(max_examples=80, deadline=None)
@given(st.lists(_LINES.filter(lambda g: np.isfinite(shapely.get_coordinates(g)).all()), max_size=4))
def test_the_text_reads_back_as_the_same_doubles(found: list[shapely.Geometry]) -> None:
    text = wkb_to_wkt(pa.array([g.wkb for g in found], pa.binary()))
    back = parse(text, WKT_LITERAL).native
    assert [shapely.get_coordinates(g).tolist() for g in back] == [shapely.get_coordinates(g).tolist() for g in found]
    assert not any("e" in t for t in text.to_pylist())


@settings(max_examples=150, deadline=None)
@given(st.lists(geometries, min_size=1, max_size=6), st.booleans(), st.integers(0, 3))
def test_texts_from_the_inside_out_are_those_of_the_reference(
    found: list[shapely.Geometry], swap: bool, skip: int
) -> None:
    system = "EPSG:4326" if swap else "CRS84"
    for kind, keyword in KEYWORDS.items():
        own = [g for g in found if shapely.get_type_id(g) + (shapely.get_type_id(g) < 2) == kind and not g.has_z]
        values = pa.array([shapely.to_wkb(g, byte_order=i % 2) for i, g in enumerate(own)], pa.large_binary())[skip:]
        made = written(values, kind, swap=swap) if len(values) else None
        if made is not None:
            assert prefixed(made, crs(system)).equals(wkb_to_wkt_reference(values, system))
            assert all(text.startswith(keyword) for text in made.to_pylist())


@pytest.mark.parametrize("system", ["CRS84", "EPSG:4326", "EPSG:2154"])
@pytest.mark.parametrize("scale", [0.1, 10])
def test_what_geos_refuses_has_no_text(system: str, scale: float) -> None:
    rings = [[0, 0, 1, 0, 1, 1, 0, 0], [0, 0, 1, 0, 0, 0], [0, 0, 1, 0, 1, 1, 0, 1]]
    values = [
        struct.pack(f"<BIII{len(ring)}d", 1, 3, 1, len(ring) // 2, *(scale * (each + 0.1) for each in ring))
        for ring in rings
    ]
    column = pa.array(values, pa.large_binary())
    assert has_canonical_text(column).tolist() == [True, True, False]
    assert canonical_texts(wkb_to_wkt(column[:2], system)).wkb.equals(column[:2])
    assert written(column, 3, swap=True) is None
    line = pa.array([struct.pack("<BII2d", 1, 2, 1, 5, 6)], pa.large_binary())
    assert written(line, 2, swap=True) is None
    assert not has_canonical_text(line).any()
    if system == "EPSG:4326":
        assert wkb_to_wkt(column, system).is_valid().to_pylist() == [True, True, False]


def test_forms() -> None:
    given_ = shapely.from_wkt(
        [
            "POINT EMPTY",
            "POINT Z (1 2 3)",
            "LINESTRING M (1 2 3, 4 5 6)",
            "MULTIPOINT (1 2, 3 4)",
            "POLYGON EMPTY",
            "GEOMETRYCOLLECTION (POINT (0.5 1))",
        ]
    )
    values = [*shapely.to_wkb(given_, flavor="iso"), None, b"\x01", shapely.Point(0, np.inf).wkb]
    assert wkb_to_wkt(pa.array(values, pa.large_binary())).to_pylist() == [
        "POINT EMPTY",
        "POINT Z (1 2 3)",
        "LINESTRING M (1 2 3, 4 5 6)",
        "MULTIPOINT ((1 2), (3 4))",
        "POLYGON EMPTY",
        "GEOMETRYCOLLECTION (POINT (0.5 1))",
        None,
        None,
        None,
    ]
    assert wkb_to_wkt(pa.array([], pa.binary())).to_pylist() == []


def test_extended_wkb_and_chunks() -> None:
    extended = shapely.to_wkb(shapely.set_srid(shapely.Point(1, 2, 3), 4326), include_srid=True, flavor="extended")
    chunks = pa.chunked_array([[extended], [shapely.Point(4, 5).wkb]], pa.binary())
    assert wkb_to_wkt(chunks).to_pylist() == ["POINT Z (1 2 3)", "POINT (4 5)"]


def test_systems() -> None:
    column = pa.array([shapely.Point(2, 48).wkb, None])
    assert wkb_to_wkt(column, 2154).to_pylist() == ["<http://www.opengis.net/def/crs/EPSG/0/2154> POINT (2 48)", None]
    with pytest.raises(CRSError, match="no IRI"):
        wkb_to_wkt(column, crs("+proj=lcc +lat_1=49 +lat_2=77 +lat_0=40 +lon_0=-100 +datum=WGS84"))


def test_large_columns_are_written_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    column = pa.array([shapely.Point(i, 2 * i).wkb for i in range(100)])
    expected = wkb_to_wkt(column)
    monkeypatch.setattr(module, "_MAX_BYTES", 500)
    assert wkb_to_wkt(column).equals(expected)


def test_wkt_to_wkb() -> None:
    found = wkt_to_wkb(pa.array(["POINT (1 2)", None, "nonsense"]))
    assert found.to_pylist() == [shapely.Point(1, 2).wkb, None, None]


def test_real_layers(shared: Path) -> None:
    import pyogrio

    for name in ("ne_10m_rivers_lake_centerlines", "ne_50m_admin_0_countries", "ne_10m_airports"):
        table = pyogrio.read_arrow(shared / f"data/natural_earth/{name}.shp", columns=[])[1]
        column = table["wkb_geometry"].combine_chunks()
        assert wkb_to_wkt(column).equals(wkb_to_wkt_reference(column))
