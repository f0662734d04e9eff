# SPDX-License-Identifier: Apache-2.0
"""Layers read in parts: together the parts are the whole, whatever else is asked for."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import geopandas
import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from semcube.errors import UnsupportedError
from semcube.io import VectorSource, open_vector
from semcube.io.spans import spans_by_size

ROWS = 101


def frame() -> geopandas.GeoDataFrame:
    lines = [shapely.LineString(np.column_stack([np.linspace(0, n, n + 2), np.full(n + 2, n)])) for n in range(ROWS)]
    return geopandas.GeoDataFrame({"n": range(ROWS), "name": [f"r{n}" for n in range(ROWS)]}, geometry=lines, crs=4326)


def shapefile(folder: Path) -> Path:
    frame().to_file(folder / "lines.shp")
    return folder / "lines.shp"


def sparse_geopackage(folder: Path) -> Path:
    """Row ids with gaps, under a name that needs quotes."""
    table = frame()
    table['odd "id'] = [n * n + 5 for n in range(ROWS)]
    pyogrio.write_dataframe(table, folder / "lines.gpkg", layer='my "layer"', layer_options={"FID": 'odd "id'})
    return folder / "lines.gpkg"


def parquet(folder: Path) -> Path:
    frame().to_parquet(folder / "lines.parquet", row_group_size=7)
    return folder / "lines.parquet"


FORMATS: list[Callable[[Path], Path]] = [shapefile, sparse_geopackage, parquet]


@pytest.fixture(scope="module", params=FORMATS, ids=lambda make: make.__name__)
def layer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> VectorSource:
    return open_vector(request.param(tmp_path_factory.mktemp("spans")))


def read(source: VectorSource, **how: object) -> pa.Table:
    batches = list(source.batches(**how))  # type: ignore[arg-type]
    return pa.Table.from_batches(batches) if batches else pa.table({"fid": pa.array([], pa.int64())})


@pytest.mark.parametrize("parts", [1, 2, 3, 8, 500])
@pytest.mark.parametrize(
    "how", [{}, {"where": "n % 3 = 1 OR n = 6"}, {"bbox": (0.0, 20.5, 200.0, 60.5)}, {"columns": ["name"]}], ids=str
)
def test_parts_are_the_whole(layer: VectorSource, parts: int, how: dict[str, object]) -> None:
    if "%" in str(how) and layer.info.metadata["format"] == "shapefile":
        how = {"where": "n IN (1, 4, 6, 90)"}
    spans = layer.spans(parts)
    assert 1 <= len(spans) <= parts
    assert all(before[1] == after[0] for before, after in pairwise(spans))
    found = [table for span in spans if (table := read(layer.part(span), **how)).num_rows]
    whole = read(layer, **how)
    assert whole.num_rows > 3
    assert pa.concat_tables(found).equals(whole)


def test_parts_are_of_about_the_same_size(layer: VectorSource) -> None:
    parts = [read(layer.part(span)) for span in layer.spans(3)]
    # A GeoPackage tells how many rows it has, not how large they are.
    sizes = [part.num_rows if layer.info.metadata["format"] == "GeoPackage" else part.nbytes for part in parts]
    assert len(sizes) == 3
    assert max(sizes) < 3 * min(sizes)
    assert read(layer.part(layer.spans(3)[1])).num_rows < ROWS


def test_a_part_starts_and_ends_anywhere(layer: VectorSource) -> None:
    fids = read(layer)["fid"].to_pylist()
    part = read(layer.part((fids[10], fids[13])), batch_bytes=200)
    assert part["fid"].to_pylist() == fids[10:13]
    assert not read(layer.part((fids[-1] + 1, fids[-1] + 9))).num_rows


def test_formats_that_cannot_be_cut_say_so(tmp_path: Path) -> None:
    frame().to_file(tmp_path / "lines.geojson")
    (tmp_path / "towns.csv").write_text("id,lon,lat\n1,2,3\n")
    for name in ("lines.geojson", "towns.csv"):
        source = open_vector(tmp_path / name)
        assert source.spans(4) == ()
        with pytest.raises(UnsupportedError, match="cannot be read in parts"):
            source.part((0, 1))


def test_an_empty_layer_has_no_parts(tmp_path: Path) -> None:
    frame().iloc[:0].to_parquet(tmp_path / "none.parquet")
    assert open_vector(tmp_path / "none.parquet").spans(4) == ()


@given(st.lists(st.integers(0, 1000), max_size=60), st.integers(1, 20))
def test_runs_hold_each_item_once(sizes: list[int], parts: int) -> None:
    spans = spans_by_size(sizes, parts)
    assert [n for first, stop in spans for n in range(first, stop)] == list(range(len(sizes)))
    assert len(spans) <= parts
    assert all(first < stop for first, stop in spans)
