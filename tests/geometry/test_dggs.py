# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys

import h3
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.errors import GeometryError
from semcube.geometry import parse, serialise
from semcube.geometry.dggs import MAX_CELLS, _h3, cell, cells_of, read_dggs, write_dggs
from semcube.vocab import DGGS_LITERAL, H3_LITERAL

CELL = "85283473fffffff"
NEIGHBOURS = h3.grid_disk(CELL, 1)


def area_of(text: str) -> shapely.Geometry:
    found, errors = read_dggs(np.array([text], dtype=object))
    assert errors == {}
    return found[0]


@pytest.mark.parametrize(
    "text",
    [
        f"CELL ({CELL})",
        f"CellList ({CELL})",
        f"<https://h3geo.org/> CELLLIST (({CELL.upper()}))",
        f"<http://h3geo.org> celllist ( ( {CELL}, {CELL} ) )",
    ],
)
def test_ways_to_write_a_cell(text: str) -> None:
    assert cells_of(text) == [CELL]
    assert area_of(text).equals(cell(CELL))


def test_a_cell_is_its_boundary() -> None:
    lat, lon = np.array(h3.cell_to_boundary(CELL)).T
    assert cell(CELL).equals(shapely.Polygon(np.column_stack([lon, lat])))


def test_cells_are_united() -> None:
    whole = area_of(f"CELLLIST (({' '.join(NEIGHBOURS)}))")
    assert whole.geom_type == "Polygon"
    assert len(whole.interiors) == 0
    assert whole.area == pytest.approx(sum(cell(name).area for name in NEIGHBOURS), rel=1e-9)


def test_empty_is_an_empty_geometry() -> None:
    for datatype in (DGGS_LITERAL, H3_LITERAL):
        assert parse(["", "CELLLIST (())"], datatype).native[0].is_empty
        assert serialise(np.array([shapely.Polygon()]), datatype).tolist() == [""]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("POINT (1 2)", "no list of cells"),
        ("CELL (85283473ffffff0)", "is no cell"),
        ("CELL (8575457bffff473fffffff)", "is no cell"),
        ("CELL (x y)", "'x' is no cell"),
        ("<https://w3id.org/dggs/auspix> CELL (R3234)", "grid <https://w3id.org/dggs/auspix>"),
        ("CELLLIST ((((" + CELL, "no list of cells"),
        ("CELLLIST ((" + " ".join(f"{n:x}" for n in range(MAX_CELLS + 1)) + "))", "at most"),
    ],
)
def test_malformed(text: str, reason: str) -> None:
    found = parse([text, None], DGGS_LITERAL)
    assert found.native.tolist() == [None, None]
    assert reason in found.errors[0]


@pytest.mark.parametrize("resolution", [0, 1, 2])
def test_the_cells_of_a_resolution_cover_the_map_once(resolution: int) -> None:
    names = [child for base in h3.get_res0_cells() for child in h3.cell_to_children(base, resolution)]
    areas = np.array([cell(name) for name in names], dtype=object)
    assert shapely.is_valid(areas).all()
    assert shapely.area(areas).sum() == pytest.approx(360 * 180, abs=1e-6)
    assert shapely.area(shapely.union_all(areas, grid_size=1e-11)) == pytest.approx(360 * 180, abs=1e-6)


@settings(max_examples=40)
@given(
    st.floats(-180, 175),
    st.floats(-90, 88),
    st.floats(0.01, 5),
    st.floats(0.01, 2),
    st.sampled_from([None, 1, 2]),
)
def test_cells_cover_what_they_stand_for(
    west: float, south: float, width: float, height: float, resolution: int | None
) -> None:
    area = shapely.box(west, south, west + width, south + height)
    written = write_dggs(np.array([area], dtype=object), H3_LITERAL, resolution)[0]
    cells = cells_of(written)
    assert len({h3.get_resolution(name) for name in cells}) == 1
    assert shapely.difference(area, area_of(written)).area <= 1e-8 * area.area
    assert all(shapely.relate_pattern(cell(name), area, "T********") for name in cells)


def test_points_and_lines() -> None:
    written = serialise(np.array([shapely.Point(-122, 37.3), shapely.MultiPoint([(0, 0), (1, 1)])]), DGGS_LITERAL)
    assert written[0] == f"<https://h3geo.org/> CELL ({h3.latlng_to_cell(37.3, -122, 15)})"
    assert len(cells_of(written[1])) == 2
    line = shapely.LineString([(0, 0), (2, 1)])
    names = cells_of(write_dggs(np.array([line]), H3_LITERAL, 4)[0])
    found = shapely.union_all([cell(name) for name in names], grid_size=1e-11)
    assert found.buffer(1e-9).covers(line)
    assert all(cell(name).intersects(line) for name in names)


def test_resolutions() -> None:
    world = np.array([shapely.box(-180, -90, 180, 90)])
    assert len(cells_of(write_dggs(world, H3_LITERAL)[0])) == 122
    with pytest.raises(GeometryError, match="resolution 16"):
        write_dggs(world, H3_LITERAL, 16)
    errors: dict[int, str] = {}
    assert write_dggs(np.array([world[0], None, shapely.Point(0, 95)]), H3_LITERAL, 9, errors).tolist() == [None] * 3
    assert "more than 100000 cells" in errors[0]
    assert "latitude" in errors[2]


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h3", None)
    _h3.cache_clear()
    try:
        reason = parse([f"CELL ({CELL})"], H3_LITERAL).errors[0]
    finally:
        _h3.cache_clear()
    assert "semcube[cube]" in reason
