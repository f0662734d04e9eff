# SPDX-License-Identifier: Apache-2.0
"""Mapped geometries are stored as their text would be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas
import pyarrow as pa
import pytest
import shapely

from semcube.mapping import quads
from semcube.mapping.materialise import TransformOptions, quads_with_geometries
from semcube.store import Store, transaction
from tests.store.written import register_written

TEXTS = [
    "POINT (1 2)",
    "POINT (0.00001 -0.1234567890123456789)",
    "POINT EMPTY",
    "POINT Z (1 2 3)",
    "LINESTRING (1 2, 3 4)",
    "LINESTRING ZM (1 2 3 4, 5 6 7 8)",
    "LINESTRING EMPTY",
    "POLYGON ((0 0, 1 0, 1 1, 0 0), (0.5 0.1, 0.9 0.1, 0.9 0.5, 0.5 0.1))",
    "MULTIPOINT ((1 2), (3 4))",
    "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))",
    "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (3 4, 5 6))",
    "POINT (1 2)",
]


def table(store: Store) -> list[dict[str, Any]]:
    sql = "SELECT t.lexical, g.* EXCLUDE (n) FROM geometries g JOIN written t USING (n) ORDER BY t.lexical"
    with store.snapshot() as snapshot:
        return register_written(snapshot.connection()).sql(sql).to_arrow_table().to_pylist()


@pytest.mark.parametrize(("crs", "wanted"), [(4326, "keep"), (4326, "EPSG:4326"), (3857, "keep"), (31467, "keep")])
@pytest.mark.parametrize(("flavor", "few"), [("iso", 1000), ("iso", 0), ("GeoPackage", 1000)])
def test_both_ways_give_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crs: int, wanted: str, flavor: Any, few: int
) -> None:
    monkeypatch.setattr(transaction, "FEW", few)
    texts = TEXTS if flavor == "iso" else [text for text in TEXTS if "ZM" not in text]
    geometries = [*shapely.from_wkt(texts), None]
    frame = geopandas.GeoDataFrame({"id": range(len(geometries))}, geometry=geometries, crs=crs)
    source = tmp_path / "t.parquet"
    if flavor == "iso":
        frame.to_parquet(source, row_group_size=5)
    else:
        source = tmp_path / "t.gpkg"
        frame.to_file(source)
    options = TransformOptions(crs=wanted)
    located = list(quads_with_geometries(source, None, options))
    assert sum("wkb" in batch.schema.names for batch in located) >= 1
    with Store.in_memory() as known, Store.in_memory() as parsed:
        assert known.load(iter(located)).geometries == parsed.load(quads(source, None, options)).geometries
        assert table(known) == table(parsed)
        assert len(table(known)) >= len(set(texts))


def test_systems_of_several_sources_are_not_mixed(tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame({"id": [1]}, geometry=[shapely.Point(5, 6)], crs=3857)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.set_crs(4326, allow_override=True).to_parquet(tmp_path / "b.parquet")
    sources = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    with Store.in_memory() as known, Store.in_memory() as parsed:
        known.load(sources)
        parsed.load(quads(sources))
        assert table(known) == table(parsed)
    systems = {
        (batch.schema.field("wkb").metadata or {}).get(b"crs")
        for batch in quads_with_geometries(sources)
        if "wkb" in batch.schema.names
    }
    assert len(systems) == 2


def test_a_column_of_that_name_without_a_system_is_left_alone() -> None:
    row = {"s": "<e:s>", "p": "<e:p>", "o": "<e:o>", "g": None, "wkb": b"x"}
    schema = pa.schema([*((name, pa.large_string()) for name in "spog"), ("wkb", pa.binary())])
    with Store.in_memory() as store:
        assert store.load(iter([pa.RecordBatch.from_pylist([row], schema=schema)])).added == 1
