# SPDX-License-Identifier: Apache-2.0
"""Rasters: datasets, class polygons across seams, statistics of zones and cells, all checked against numpy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import rasterio
import rasterio.features
import shapely
import xarray as xr
from rasterio.transform import Affine, from_origin

from semcube.errors import CRSError, SourceError, UnsupportedError, UsageError
from semcube.io import open_raster
from semcube.mapping import TransformReport, quads
from semcube.mapping.model import Formulation, LogicalSource
from semcube.mapping.quantities import unit_iri
from semcube.mapping.raster import Grid, RasterSettings, open_raster_rows
from semcube.mapping.raster_regions import regions
from semcube.mapping.raster_zones import _polygon, h3_resolution
from semcube.mapping.rows import Selection
from semcube.vocab import DCAT, DCTERMS, GEO, RDF_TYPE, SKOS, SOSA, WKT_LITERAL, XSD

BASE = "http://d/"


def geotiff(path: Path, values: np.ndarray, *, crs: str | None = "EPSG:32633", nodata: float | None = None) -> Path:
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1, dtype=values.dtype, crs=crs,
        transform=from_origin(500_000, 5_000_000, 10, 10), nodata=nodata,
    ) as target:  # fmt: skip
        target.write(values, 1)
    return path


def cube(path: Path, values: np.ndarray, times: list[str]) -> Path:
    lat, lon = 48.0 - 0.01 * np.arange(values.shape[1]), 11.0 + 0.01 * np.arange(values.shape[2])
    data = xr.Dataset(
        {"sst": (("time", "lat", "lon"), values, {"units": "K", "standard_name": "sea_surface_temperature"})},
        coords={"time": np.array(times, dtype="datetime64[ns]"), "lat": lat, "lon": lon},
    )
    data.lat.attrs["units"], data.lon.attrs["units"] = "degrees_north", "degrees_east"
    data.to_netcdf(path)
    return path


def triples(path: Path, **options: object) -> set[tuple[str, str, str]]:
    found: set[tuple[str, str, str]] = set()
    for batch in quads(path, base=BASE, **options):
        found |= {(row["s"], row["p"], row["o"]) for row in batch.to_pylist()}
    return found


def _regions(grid: Grid, max_bytes: int) -> dict[str, tuple[int, int, shapely.Geometry]]:
    rows = pa.Table.from_batches(regions(grid, max_bytes)).to_pylist()
    return {row["region"]: (row["value"], row["pixels"], shapely.from_wkb(row["geometry"])) for row in rows}


@pytest.mark.parametrize(("classes", "seed"), [(2, 1), (3, 2), (5, 3)])
def test_regions_do_not_depend_on_strips_and_equal_a_whole_band_polygonize(
    tmp_path: Path, classes: int, seed: int
) -> None:
    values = np.random.default_rng(seed).integers(0, classes, (23, 17)).astype(np.uint8)
    values[:, 8] = 1
    path = geotiff(tmp_path / "a.tif", values, nodata=0)
    with open_raster(path) as raster:
        grid = Grid(raster, 0, 0, 23, 17)
        whole = _regions(grid, 1 << 30)
        for rows in (1, 2, 5):
            parts = _regions(grid, rows * 17 * 8 * 4)
            assert parts.keys() == whole.keys()
            for name, (value, pixels, geometry) in parts.items():
                assert (value, pixels) == whole[name][:2]
                assert geometry.is_valid
                assert geometry.equals(whole[name][2])
    expected = list(
        rasterio.features.shapes(values, mask=values > 0, transform=from_origin(500_000, 5_000_000, 10, 10))
    )
    assert len(whole) == len(expected)
    made = sorted((value, geometry.area, geometry.bounds) for value, _, geometry in whole.values())
    assert made == sorted(
        (int(v), shapely.geometry.shape(g).area, shapely.geometry.shape(g).bounds) for g, v in expected
    )
    assert sum(pixels for _, pixels, _ in whole.values()) == int((values > 0).sum())


def test_a_region_is_named_by_its_first_pixel_and_a_box_does_not_rename_it(tmp_path: Path) -> None:
    values = np.zeros((6, 6), dtype=np.uint8)
    values[2:4, 3:5] = 7
    values[3, 2] = 7
    path = geotiff(tmp_path / "a.tif", values, nodata=0)
    with open_raster(path) as raster:
        assert list(_regions(Grid(raster, 0, 0, 6, 6), 1 << 20)) == ["r2c3"]
        name, (value, pixels, geometry) = next(iter(_regions(Grid(raster, 1, 1, 5, 5), 1 << 20).items()))
    assert (name, value, pixels) == ("r2c3", 7, 5)
    assert geometry.bounds == (500_020, 4_999_960, 500_050, 4_999_980)


def test_a_classified_raster_becomes_concepts_and_polygons(tmp_path: Path) -> None:
    values = np.array([[1, 1, 2], [1, 2, 2]], dtype=np.uint8)
    made = triples(geotiff(tmp_path / "lulc.tif", values), categorical=True)
    assert (f"<{BASE}lulc>", f"<{RDF_TYPE}>", f"<{DCAT}Dataset>") in made
    assert (f"<{BASE}lulc>", f"<{DCTERMS}conformsTo>", "<http://www.opengis.net/def/crs/EPSG/0/32633>") in made
    box = [o for s, p, o in made if p == f"<{DCAT}bbox>"]
    assert len(box) == 1
    assert box[0].startswith('"<http://www.opengis.net/def/crs/EPSG/0/32633> POLYGON ((500030 4999980')
    assert (f"<{BASE}lulc/class/2>", f"<{RDF_TYPE}>", f"<{SKOS}Concept>") in made
    assert (f"<{BASE}lulc/class/2>", f"<{SKOS}notation>", f'"2"^^<{XSD}integer>') in made
    features = {s for s, p, o in made if o == f"<{GEO}Feature>"}
    assert features == {f"<{BASE}lulc/region/r0c0>", f"<{BASE}lulc/region/r0c2>"}
    assert len([1 for _, p, _ in made if p == f"<{GEO}asWKT>"]) == 2


def test_fractions_are_no_classes(tmp_path: Path) -> None:
    path = geotiff(tmp_path / "a.tif", np.array([[0.5, 1.0]], dtype=np.float32))
    with pytest.raises(SourceError, match="these are no classes"):
        triples(path, categorical=True)


def zones_file(path: Path) -> Path:
    boxes = {"west": shapely.box(10.995, 47.975, 11.015, 48.005), "half": shapely.box(11.015, 47.985, 11.02, 48.005)}
    boxes["away"] = shapely.box(50, 0, 51, 1)
    features = [
        {"type": "Feature", "properties": {"id": name}, "geometry": json.loads(shapely.to_geojson(box))}
        for name, box in boxes.items()
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_statistics_of_zones_are_weighted_by_area_and_skip_missing_pixels(tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.float64).reshape(2, 3, 4)
    values[1, 0, 0] = np.nan
    path = cube(tmp_path / "t.nc", values, ["2020-01-01", "2020-01-02T12:00"])
    rows = open_raster_rows(
        LogicalSource(str(path), Formulation.RASTER, "zones", (("variable", "sst"),)),
        RasterSettings(zones=str(zones_file(tmp_path / "z.geojson"))),
    )
    table = pa.Table.from_batches(rows.batches([], Selection(), 1 << 20)).to_pylist()
    found = {row["observation"]: row for row in table}
    assert set(found) == {
        "west-20200101T000000Z", "west-20200102T120000Z", "half-20200101T000000Z", "half-20200102T120000Z",
    }  # fmt: skip
    first, second = values[0, :3, :2], values[1, :3, :2]
    assert found["west-20200101T000000Z"]["mean"] == pytest.approx(first.mean())
    assert found["west-20200101T000000Z"]["count"] == pytest.approx(6)
    assert found["west-20200102T120000Z"]["mean"] == pytest.approx(np.nanmean(second))
    assert found["west-20200102T120000Z"]["count"] == pytest.approx(5)
    assert found["west-20200102T120000Z"]["min"] == np.nanmin(second)
    assert found["half-20200101T000000Z"]["count"] == pytest.approx(1.0)
    assert found["half-20200101T000000Z"]["mean"] == pytest.approx((values[0, 0, 2] + values[0, 1, 2]) / 2)


def test_zones_become_observations_of_features(tmp_path: Path) -> None:
    path = cube(tmp_path / "t.nc", np.full((1, 3, 4), 280.0), ["2020-01-01"])
    report = TransformReport()
    made = triples(path, zones=str(zones_file(tmp_path / "z.geojson")), report=report)
    observation = f"<{BASE}t/observation/west-20200101T000000Z>"
    assert {(p, o) for s, p, o in made if s == observation} >= {
        (f"<{RDF_TYPE}>", f"<{SOSA}Observation>"),
        (f"<{SOSA}hasFeatureOfInterest>", f"<{BASE}z/west>"),
        (f"<{SOSA}observedProperty>", f"<{BASE}t/variable>"),
        (f"<{SOSA}hasSimpleResult>", f'"2.8E2"^^<{XSD}double>'),
        (f"<{SOSA}phenomenonTime>", f"<{BASE}t/time/20200101T000000Z>"),
    }
    assert (f"<{BASE}z/west>", f"<{RDF_TYPE}>", f"<{GEO}Feature>") in made
    assert (f"<{BASE}t/variable>", "<http://qudt.org/schema/qudt/hasUnit>", "<http://qudt.org/vocab/unit/K>") in made
    concept = "<http://vocab.nerc.ac.uk/standard_name/sea_surface_temperature/>"
    assert (f"<{BASE}t/variable>", f"<{SKOS}exactMatch>", concept) in made
    assert report.features_in == report.features_out


def test_cells_cover_the_raster_and_their_counts_add_up(tmp_path: Path) -> None:
    values = np.random.default_rng(4).uniform(0, 1, (2, 30, 40))
    path = cube(tmp_path / "t.nc", values, ["2020-01-01", "2020-02-01"])
    source = LogicalSource(str(path), Formulation.RASTER, "cells", (("cells", "h3:6"), ("variable", "sst")))
    rows = pa.Table.from_batches(open_raster_rows(source).batches([], Selection(), 1 << 20)).to_pylist()
    total = sum(row["count"] for row in rows) / 2
    assert total == pytest.approx(30 * 40, rel=0.02)
    mean = sum(row["mean"] * row["count"] for row in rows) / sum(row["count"] for row in rows)
    assert mean == pytest.approx(values.mean(), abs=0.01)
    assert len([row for row in rows if row["cell"] is not None]) == len({row["zone"] for row in rows})
    assert all((row["cell"] is None) == (row["geometry"] is None) for row in rows)
    made = triples(path)
    assert len([1 for _, p, o in made if p == f"<{GEO}asWKT>" and o.endswith(f"^^<{WKT_LITERAL}>")]) > 0


def test_cells_at_the_antimeridian_are_cut_and_over_a_pole_are_closed() -> None:
    ring = np.array([(179.0, 0.0), (-179.0, 0.0), (-179.0, 1.0), (179.0, 1.0)])
    assert _polygon(ring).area == pytest.approx(2.0)
    assert _polygon(ring).bounds == (-180, 0, 180, 1)
    polar = np.array([(-150.0, 89.0), (-60.0, 89.0), (30.0, 89.0), (120.0, 89.0)])
    assert _polygon(polar).is_valid
    assert _polygon(polar).area == pytest.approx(360.0, abs=1)


def test_h3_resolution_and_units() -> None:
    assert [h3_resolution(size**2) for size in (10.0, 1000.0, 25_000.0)] == [11, 6, 3]
    assert unit_iri("kg m-2 s-1") == "http://qudt.org/vocab/unit/KiloGM-PER-M2-SEC"
    assert unit_iri("Kelvin") == unit_iri("K")
    assert unit_iri("M") is None


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    path = geotiff(tmp_path / "a.tif", np.ones((4, 4), dtype=np.uint8))
    with pytest.raises(UnsupportedError, match="condition on the attributes of a raster"):
        triples(path, where="x > 1")
    with pytest.raises(UsageError, match="expected h3 or h3:N"):
        triples(path, cells="s2:4")
    with pytest.raises(SourceError, match="no pixel lies in the box"):
        triples(path, bbox=(0.0, 0.0, 1.0, 1.0))
    plain = geotiff(tmp_path / "b.tif", np.ones((4, 4), dtype=np.uint8), crs=None)
    with pytest.raises(CRSError, match="--source-crs"):
        triples(plain)
    assert triples(plain, source_crs="EPSG:32633")
    rotated = tmp_path / "r.tif"
    with rasterio.open(
        rotated, "w", driver="GTiff", height=4, width=4, count=1, dtype="float32", crs="EPSG:32633",
        transform=Affine.rotation(30) * Affine.scale(10, -10),
    ) as target:  # fmt: skip
        target.write(np.ones((4, 4), dtype=np.float32), 1)
    with pytest.raises(UnsupportedError):
        triples(rotated)
