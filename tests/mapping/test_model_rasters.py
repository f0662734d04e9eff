# SPDX-License-Identifier: Apache-2.0
"""Rasters that models make: sieve, cap, confidence, provenance, single pixels; checked against numpy and rasterio."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyoxigraph
import pytest
import rasterio
import rasterio.features
import shapely
from rasterio.transform import from_origin
from typer.testing import CliRunner

from semcube.cli.app import app
from semcube.errors import MappingError, SourceError, UnsupportedError, UsageError
from semcube.io import open_raster
from semcube.mapping import generate, mapping_turtle, quads, read_mapping
from semcube.mapping.provenance import read_model
from semcube.mapping.raster import Grid
from semcube.mapping.raster_regions import RegionRules, regions
from semcube.mapping.raster_values import estimate
from semcube.vocab import GEO, PROV, RDF_TYPE, RDFS, SCHEMA, SEMCUBE, SKOS, SOSA, XSD

BASE = "http://d/"
ORIGIN = from_origin(500_000, 5_000_000, 10, 10)


def geotiff(path: Path, *bands: np.ndarray, nodata: float | None = None, names: tuple[str, ...] = ()) -> Path:
    with rasterio.open(
        path, "w", driver="GTiff", height=bands[0].shape[0], width=bands[0].shape[1], count=len(bands),
        dtype=bands[0].dtype, crs="EPSG:32633", transform=ORIGIN, nodata=nodata,
    ) as target:  # fmt: skip
        for number, values in enumerate(bands, 1):
            target.write(values, number)
        for number, name in enumerate(names, 1):
            target.set_band_description(number, name)
    return path


def triples(path: Path | tuple[()], mapping: Any = None, **options: object) -> set[tuple[str, str, str]]:
    found: set[tuple[str, str, str]] = set()
    for batch in quads(path, mapping, base=BASE, **options):
        found |= {(row["s"], row["p"], row["o"]) for row in batch.to_pylist()}
    return found


def rows(path: Path, max_bytes: int = 1 << 24, **rules: Any) -> list[dict[str, Any]]:
    with open_raster(path) as raster:
        grid = Grid(raster, 0, 0, raster.info.height, raster.info.width)
        made: list[dict[str, Any]] = pa.Table.from_batches(regions(grid, max_bytes, RegionRules(**rules))).to_pylist()
    return made


def blobs(seed: int, shape: tuple[int, int] = (60, 50)) -> np.ndarray:
    """Smooth classes with speckle, 0 is missing."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 4, (shape[0] // 10, shape[1] // 10))
    values = np.kron(coarse, np.ones((10, 10))).astype(np.uint8)
    speckle = random.random(shape) < 0.1
    values[speckle] = random.integers(0, 4, int(speckle.sum()))
    return values


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("strip", [1, 7, 1000])
def test_a_sieve_is_that_of_gdal_whatever_the_strips(tmp_path: Path, seed: int, strip: int) -> None:
    values = blobs(seed)
    path = geotiff(tmp_path / "a.tif", values, nodata=0)
    made = rows(path, strip * 50 * 8 * 4, min_pixels=9)
    sieved = rasterio.features.sieve(values, 9, mask=values > 0, connectivity=4)
    expected = [
        (int(value), shapely.geometry.shape(shape))
        for shape, value in rasterio.features.shapes(sieved, mask=values > 0, transform=ORIGIN, connectivity=4)
    ]
    assert len(made) < len(rows(path))
    assert sorted((r["value"], shapely.from_wkb(r["geometry"]).normalize().wkt) for r in made) == sorted(
        (value, shapely.simplify(shape, 0).normalize().wkt) for value, shape in expected
    )
    assert sum(r["pixels"] for r in made) == int((values > 0).sum())


def test_more_regions_than_the_cap_are_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    path = geotiff(tmp_path / "a.tif", blobs(1), nodata=0)
    count = len(rows(path))
    assert len(rows(path, max_regions=count)) == count
    with pytest.raises(SourceError, match=r"more than 5 regions of equal class.*--min-pixels N"):
        rows(path, max_regions=5)
    with pytest.raises(SourceError, match="more than 5 regions"):
        triples(path, categorical=True, max_regions=5)


def test_a_sieve_that_does_not_fit_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMCUBE_MEMORY_MB", "0")
    with pytest.raises(UnsupportedError, match="SEMCUBE_MEMORY_MB"):
        rows(geotiff(tmp_path / "a.tif", blobs(1)), min_pixels=4)


@pytest.mark.parametrize("strip", [1, 7, 1000])
def test_the_confidence_of_a_region_is_the_mean_of_its_pixels(tmp_path: Path, strip: int) -> None:
    values = blobs(4)
    sure = np.random.default_rng(5).random(values.shape).astype(np.float32)
    sure[:3] = -1
    path, other = geotiff(tmp_path / "a.tif", values, nodata=0), geotiff(tmp_path / "c.tif", sure, nodata=-1)
    with open_raster(path) as raster, open_raster(other) as band:
        grid = Grid(raster, 0, 0, *values.shape)
        rules = RegionRules(confidence=Grid(band, 0, 0, *values.shape))
        made = pa.Table.from_batches(regions(grid, strip * 50 * 8 * 4, rules)).to_pylist()
    checked = 0
    for row in made:
        inside = rasterio.features.rasterize([shapely.from_wkb(row["geometry"])], values.shape, transform=ORIGIN) == 1
        inside &= sure >= 0
        if inside.any():
            assert row["confidence"] == pytest.approx(float(sure[inside].astype(np.float64).mean()))
            checked += 1
        else:
            assert row["confidence"] is None
    assert checked > 10


def test_a_model_raster_says_what_made_each_polygon_and_how_sure_it_is(tmp_path: Path) -> None:
    values = np.array([[1, 1, 2], [1, 2, 2]], dtype=np.float32)
    sure = np.array([[0.5, 1.0, 0.25], [0.75, 0.25, 0.25]], dtype=np.float32)
    path = geotiff(tmp_path / "crops.tif", values, sure, names=("class", "sure"))
    options: dict[str, Any] = {
        "layer": "class", "categorical": True, "confidence": "sure",
        "model": ("name=Crop model", "version=2", "batch=64", "started=2024-05-01T12:00:00Z", "url=https://m.example/"),
    }  # fmt: skip
    made = triples(path, **options)
    dataset = f"{BASE}crops/class"
    run, model = f"<{dataset}/run>", f"<{dataset}/model>"
    region = f"<{dataset}/region/r0c0>"
    assert (region, f"<{SEMCUBE}confidence>", f'"7.5E-1"^^<{XSD}double>') in made
    assert (region, f"<{PROV}wasGeneratedBy>", run) in made
    assert (f"<{dataset}>", f"<{PROV}wasGeneratedBy>", run) in made
    assert {(p, o) for s, p, o in made if s == run} == {
        (f"<{RDF_TYPE}>", f"<{PROV}Activity>"),
        (f"<{PROV}wasAssociatedWith>", model),
        (f"<{PROV}startedAtTime>", f'"2024-05-01T12:00:00Z"^^<{XSD}dateTime>'),
    }
    assert {(p, o) for s, p, o in made if s == model} == {
        (f"<{RDF_TYPE}>", f"<{PROV}SoftwareAgent>"),
        (f"<{RDFS}label>", '"Crop model"'),
        (f"<{SCHEMA}softwareVersion>", '"2"'),
        (f"<{SCHEMA}url>", "<https://m.example/>"),
        (f"<{SCHEMA}additionalProperty>", f"<{dataset}/model/property-3>"),
    }
    document = tmp_path / "m.ttl"
    from semcube.mapping.raster import RasterSettings

    settings = RasterSettings(categorical=True, confidence="sure", model=options["model"], min_pixels=1)
    generated = generate(path, BASE, layer="class", raster=settings)
    document.write_text(mapping_turtle(generated.mapping, directory=tmp_path), encoding="utf-8")
    assert triples((), read_mapping(document)) == made


def test_a_model_is_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps({"name": "M", "layers": 12, "rate": 0.5, "used": "https://d.example/"}))
    (tmp_path / "m.yaml").write_text("name: M\nlayers: 12\nrate: 0.5\nused: https://d.example/\n")
    facts, same = (read_model([str(tmp_path / name)], "http://d/r", "http://d/m") for name in ("m.json", "m.yaml"))
    assert facts == same
    pairs = {(p, str(getattr(o, "lexical", getattr(o, "value", "")))) for _, p, o in facts}
    assert {(RDFS + "label", "M"), (PROV + "used", "https://d.example/"), (SCHEMA + "value", "12")} <= pairs
    (tmp_path / "m.ttl").write_text("""@prefix prov: <http://www.w3.org/ns/prov#> .
        <http://m/net> a prov:SoftwareAgent ; prov:actedOnBehalfOf [ a prov:Organization ] .""")
    path = geotiff(tmp_path / "a.tif", np.ones((2, 2), dtype=np.uint8))
    made = triples(path, categorical=True, model=(str(tmp_path / "m.ttl"),))
    assert (f"<{BASE}a/run>", f"<{PROV}wasAssociatedWith>", "<http://m/net>") in made
    assert [p for _, p, o in made if o == f"<{PROV}Organization>"] == [f"<{RDF_TYPE}>"]
    with pytest.raises(UsageError, match="expected NAME=VALUE"):
        triples(path, categorical=True, model=("nonsense",))
    with pytest.raises(UsageError, match="a date and time"):
        triples(path, categorical=True, model=("ended=yesterday",))


def test_confidence_on_another_grid_is_refused(tmp_path: Path) -> None:
    path = geotiff(tmp_path / "a.tif", np.ones((2, 2), dtype=np.uint8))
    other = geotiff(tmp_path / "b.tif", np.ones((3, 2), dtype=np.float32))
    with pytest.raises(SourceError, match="another grid"):
        triples(path, categorical=True, confidence=str(other))


def test_a_wrong_number_in_a_mapping_is_said(tmp_path: Path) -> None:
    geotiff(tmp_path / "a.tif", np.ones((2, 2), dtype=np.uint8))
    (tmp_path / "m.ttl").write_text("""
        @prefix rml: <http://w3id.org/rml/> . @prefix semcube: <https://w3id.org/semcube/ns#> .
        <#r> rml:logicalSource [ rml:source "a.tif" ; rml:referenceFormulation semcube:Raster ; rml:iterator "regions" ;
            semcube:minPixels "few" ] ;
            rml:subjectMap [ rml:template "http://d/{region}" ; rml:class <http://d/R> ] .""")
    with pytest.raises(MappingError, match="expected a whole number above 0"):
        triples((), tmp_path / "m.ttl")


def test_pixels_are_written_only_where_they_are_asked_for(tmp_path: Path) -> None:
    values = np.array([[1.5, -9.0], [2.0, 3.0]], dtype=np.float32)
    path = geotiff(tmp_path / "t.tif", values, nodata=-9)
    made = triples(path, per_pixel=True)
    results = {s: o for s, p, o in made if p == f"<{SOSA}hasSimpleResult>"}
    assert results == {
        f"<{BASE}t/observation/r0c0>": f'"1.5E0"^^<{XSD}double>',
        f"<{BASE}t/observation/r1c0>": f'"2.0E0"^^<{XSD}double>',
        f"<{BASE}t/observation/r1c1>": f'"3.0E0"^^<{XSD}double>',
    }
    points = {s: o for s, p, o in made if p == f"<{GEO}asWKT>" and "/pixel/" in s}
    assert len(points) == 3
    assert "POINT (500015 4999985)" in points[f"<{BASE}t/pixel/r1c1/geometry>"]
    assert estimate(path) == 4 * 13
    about = [each for each in made if "/pixel/" in each[0] or "/observation/" in each[0]]
    assert len(about) <= estimate(path)
    assert not any("/pixel/" in each[0] for each in triples(path))


def test_pixels_of_classes_have_categories(tmp_path: Path) -> None:
    made = triples(geotiff(tmp_path / "c.tif", np.array([[1, 2]], dtype=np.uint8)), per_pixel=True, categorical=True)
    assert (f"<{BASE}c/observation/r0c1>", f"<{SEMCUBE}category>", f"<{BASE}c/class/2>") in made
    assert (f"<{BASE}c/class/2>", f"<{RDF_TYPE}>", f"<{SKOS}Concept>") in made
    assert not any("/region/" in each[0] for each in made)


def test_the_command_prints_the_estimate_first(tmp_path: Path) -> None:
    path = geotiff(tmp_path / "t.tif", np.ones((3, 4), dtype=np.float32))
    found = CliRunner().invoke(app, ["transform", str(path), "-o", str(tmp_path / "o.nt"), "--per-pixel"])
    assert found.exit_code == 0, found.output
    assert "up to 156 triples" in found.output
    assert sum(1 for _ in pyoxigraph.parse(path=str(tmp_path / "o.nt"))) > 100


def test_real_land_cover_with_a_sieve(shared: Path, tmp_path: Path) -> None:
    values = np.load(shared / "data" / "eolearn_patch" / "LULC.npy")[:, :, 0]
    path = geotiff(tmp_path / "lulc.tif", values.astype(np.uint16))
    whole, sieved = rows(path), rows(path, 50 * 100 * 8, min_pixels=20)
    assert sum(r["pixels"] for r in whole) == sum(r["pixels"] for r in sieved) == values.size
    counts = {int(v): int(n) for v, n in zip(*np.unique(values, return_counts=True), strict=True)}
    assert {v: sum(r["pixels"] for r in whole if r["value"] == v) for v in counts} == counts
    assert 0 < len(sieved) < len(whole)
    assert min(r["pixels"] for r in sieved) >= 20
    areas = shapely.from_wkb([r["geometry"] for r in sieved])
    assert shapely.is_valid(areas).all()
    assert shapely.area(shapely.union_all(areas)) == pytest.approx(values.size * 100)
