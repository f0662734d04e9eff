# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely

from semcube.geometry import polygons_only, repair


def _array(*texts: str | None) -> np.ndarray:
    return np.asarray(shapely.from_wkt(np.array(texts, dtype=object)), dtype=object)


def test_valid_geometries_are_untouched() -> None:
    given = _array("POINT (1 2)", None, "POLYGON EMPTY", "POLYGON ((0 0, 1 0, 1 1, 0 0))")
    found, done = repair(given)
    assert found is given
    assert (done.checked, done.repaired, done.failed, done.rows) == (3, 0, 0, ())


def test_repair_counts_and_names_rows() -> None:
    given = _array("POINT (1 2)", "POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))", None)
    found, done = repair(given)
    assert found[0] is given[0]
    assert found[1].is_valid
    assert found[1].area == 2
    assert (done.checked, done.repaired, done.rows) == (2, 1, (1,))
    assert "Self-intersection" in done.reasons[1]


def test_an_area_stays_an_area() -> None:
    spike = _array("POLYGON ((0 0, 4 0, 4 4, 2 4, 2 6, 2 4, 0 4, 0 0))")
    kept, _ = repair(spike)
    assert kept[0].geom_type == "Polygon"
    assert kept[0].area == 16
    whole, _ = repair(spike, keep_dimension=False)
    assert whole[0].geom_type == "GeometryCollection"
    assert whole[0].length > kept[0].length


def test_real_burnt_areas(shared: Path) -> None:
    import pyogrio

    areas = pyogrio.read_dataframe(shared / "data/fire/wildfires_GT_2019_2020_32629.gpkg").geometry.to_numpy()
    bad = ~shapely.is_valid(areas)
    found, done = repair(areas)
    assert done.repaired == bad.sum() == 17
    assert shapely.is_valid(found).all()
    assert set(shapely.get_dimensions(found).tolist()) == {2}
    assert np.abs(shapely.area(found) - shapely.area(areas)).max() < 0.05 * shapely.area(areas).max()


def test_polygons_only() -> None:
    found = polygons_only(
        _array(
            "POLYGON ((0 0, 1 0, 1 1, 0 0))",
            "GEOMETRYCOLLECTION (LINESTRING (0 0, 1 1), POLYGON ((0 0, 1 0, 1 1, 0 0)),"
            " GEOMETRYCOLLECTION (POLYGON ((5 5, 6 5, 6 6, 5 5))))",
            "LINESTRING (0 0, 1 1)",
            "GEOMETRYCOLLECTION EMPTY",
            None,
        )
    )
    assert [None if g is None else g.geom_type for g in found] == ["Polygon", "MultiPolygon", None, None, None]
