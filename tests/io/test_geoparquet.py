# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import pytest
import shapely

from semcube.errors import SourceError
from semcube.io import open_vector
from semcube.vocab import CRS84, EPSG

SHAPES: dict[str, list[Any]] = {
    "point": list(shapely.points([[1, 2], [3, 4], [5, 6]])),
    "linestring": list(
        shapely.from_wkt(["LINESTRING (0 0, 1 1)", "LINESTRING (2 2, 3 3, 4 4)", "LINESTRING (0 0, 9 9)"])
    ),
    "polygon": list(
        shapely.from_wkt(
            [
                "POLYGON ((0 0, 9 0, 9 9, 0 0), (1 1, 2 1, 2 2, 1 1))",
                "POLYGON ((0 0, 1 0, 1 1, 0 0))",
                "POLYGON ((5 5, 6 5, 6 6, 5 5))",
            ]
        )
    ),
    "multipoint": list(shapely.from_wkt(["MULTIPOINT ((1 1), (2 2))", "MULTIPOINT ((3 3))", "MULTIPOINT ((4 4))"])),
    "multilinestring": list(
        shapely.from_wkt(
            ["MULTILINESTRING ((0 0, 1 1), (2 2, 3 3))", "MULTILINESTRING ((0 0, 1 2))", "MULTILINESTRING ((0 0, 1 3))"]
        )
    ),
    "multipolygon": list(
        shapely.from_wkt(
            [
                "MULTIPOLYGON (((0 0, 9 0, 9 9, 0 0), (1 1, 2 1, 2 2, 1 1)), ((20 20, 21 20, 21 21, 20 20)))",
                "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))",
                "MULTIPOLYGON (((0 0, 1 0, 1 2, 0 0)))",
            ]
        )
    ),
}


def write(path: Path, column: pa.Array, **about: Any) -> Path:
    geo = {"version": "1.1.0", "primary_column": "geom", "columns": {"geom": {"encoding": "WKB", **about}}}
    table = pa.table({"n": list(range(len(column))), "geom": column}).replace_schema_metadata({"geo": json.dumps(geo)})
    pq.write_table(table, path)
    return path


def wkb(shapes: list[Any]) -> pa.Array:
    return pa.array(shapely.to_wkb(np.array(shapes, object), flavor="iso"), pa.binary())


def found(path: Path, **options: Any) -> list[Any]:
    values = [v for b in open_vector(path, **options).batches() for v in b.column("geometry").to_pylist()]
    return [None if v is None else shapely.from_wkb(v) for v in values]


def test_wkb_with_its_metadata(tmp_path: Path) -> None:
    given = [shapely.Point(1, 2), None, shapely.from_wkt("POINT Z (1 2 3)"), shapely.Point()]
    crs = pyproj.CRS.from_epsg(31370).to_json_dict()
    path = write(tmp_path / "a.parquet", wkb(given), crs=crs, geometry_types=["Point", "Point Z"], bbox=[1, 2, 1, 2])
    info = open_vector(path).info
    assert (info.crs, info.features, info.extent) == (EPSG + "31370", 4, (1, 2, 1, 2))
    assert info.geometry_types == ("Point", "Point Z")
    assert info.fields.names == ["n"]
    assert [None if g is None else shapely.to_wkt(g) for g in found(path)] == [
        "POINT (1 2)",
        None,
        "POINT Z (1 2 3)",
        "POINT EMPTY",
    ]


def test_a_missing_crs_is_crs84_and_a_null_one_unknown(tmp_path: Path) -> None:
    assert open_vector(write(tmp_path / "a.parquet", wkb([shapely.Point(1, 2)]))).info.crs == CRS84
    info = open_vector(write(tmp_path / "b.parquet", wkb([shapely.Point(1, 2)]), crs=None)).info
    assert info.crs is None
    assert "not known" in info.metadata["warning"]


@pytest.mark.parametrize("kind", list(SHAPES))
def test_native_encodings(tmp_path: Path, kind: str) -> None:
    shapes = SHAPES[kind]
    _, coordinates, offsets = shapely.to_ragged_array(shapes)
    column: pa.Array = pa.StructArray.from_arrays(
        [pa.array(coordinates[:, 0]), pa.array(coordinates[:, 1])], ["x", "y"]
    )
    for level in offsets:
        column = pa.ListArray.from_arrays(pa.array(level, pa.int32()), column)
    with_null = pa.concat_arrays([column, pa.nulls(1, column.type), column.slice(1, 2)])
    path = write(tmp_path / "a.parquet", with_null, encoding=kind)
    expected = [*shapes, None, *shapes[1:]]
    assert [None if g is None else g.wkt for g in found(path)] == [None if g is None else g.wkt for g in expected]


def test_plain_parquet_by_names_and_values(tmp_path: Path) -> None:
    point = shapely.Point(1, 2)
    pq.write_table(pa.table({"geometry": pa.array([point.wkb, None]), "a": [1, 2]}), tmp_path / "wkb.parquet")
    pq.write_table(pa.table({"wkt": ["POINT (1 2)", None], "a": [1, 2]}), tmp_path / "wkt.parquet")
    pq.write_table(pa.table({"lon": [1.0, None], "lat": [2.0, 3.0]}), tmp_path / "xy.parquet")
    for name in ("wkb", "wkt", "xy"):
        first, second = found(tmp_path / f"{name}.parquet")
        assert first.equals(point), name
        assert second is None
    assert open_vector(tmp_path / "xy.parquet").info.crs == CRS84
    pq.write_table(pa.table({"geometry": ["no geometry"], "a": [1]}), tmp_path / "none.parquet")
    info = open_vector(tmp_path / "none.parquet").info
    assert info.geometry_column is None
    assert info.fields.names == ["geometry_1", "a"]


def test_where_columns_and_stable_fids(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", wkb([shapely.Point(i, 0) for i in range(5000)]))
    source = open_vector(path)
    (batch,) = source.batches(columns=["n"], where="n % 1000 = 7", batch_bytes=100_000)
    assert batch.column("fid").to_pylist() == [7, 1007, 2007, 3007, 4007]
    assert batch.schema.names == ["fid", "n", "geometry"]
    assert sum(b.num_rows for b in source.batches(batch_bytes=10_000)) == 5000
    assert all(b.nbytes <= 10_000 for b in source.batches(batch_bytes=10_000))


def test_damaged_files(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", wkb([shapely.Point(1, 2)]))
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(SourceError, match=r"a\.parquet: cannot be read"):
        open_vector(path)
    write(path, wkb([shapely.Point(1, 2)]), encoding="hexagons")
    with pytest.raises(SourceError, match=r"encoding 'hexagons'; expected WKB or one of point"):
        found(path)
