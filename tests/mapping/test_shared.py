# SPDX-License-Identifier: Apache-2.0
"""Real layers: every feature comes out or is reported, coordinates are those of pyproj, every output parses."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pyogrio
import pyoxigraph
import pyproj
import pytest
import shapely

from semcube.geometry import parse
from semcube.io import layers
from semcube.mapping import transform
from semcube.vocab import CRS84, EPSG, GEO, SEMCUBE, WKT_LITERAL
from tests.conftest import shared_folder, skip_or_fail

pytestmark = pytest.mark.shared

DATA = (shared_folder() or Path("absent")) / "data"
PATTERNS = (
    "natural_earth/*.shp", "parcels/*.zip", "parcels/*.gpkg", "ice_chart/*.gpkg", "somalia/*.shp", "fire/*.gpkg",
    "fire/*.csv", "somalia/*.csv", "parcels/*.csv",
)  # fmt: skip
FILES = sorted(str(path.relative_to(DATA)) for pattern in PATTERNS for path in DATA.glob(pattern))

FEATURES = {
    "natural_earth/ne_10m_lakes.shp": 1343,
    "natural_earth/ne_10m_rivers_lake_centerlines.shp": 1404,
    "natural_earth/ne_50m_admin_0_countries.shp": 241,
    "natural_earth/ne_50m_populated_places_simple.shp": 1249,
    "ice_chart/cis_SGRDREA_20201102T.gpkg": 432,
    "fire/wildfires_GT_2019_2020_32629.gpkg": 1239,
    "fire/fire_archive_M6_96619.csv": 36011,
    "somalia/SOM_Adminbnda_Adm3_Districts_UNOCHA.shp": 74,
    "somalia/Juba_Shabelle_River_Floods_Gu_2023.shp": 159,
    "parcels/Continente.gpkg": 200,
    "parcels/land_parcels.gpkg": 100,
    "parcels/RO_ny.zip": 100,
}
INVALID = {
    "natural_earth/ne_10m_lakes.shp": 2,
    "natural_earth/ne_50m_admin_0_countries.shp": 1,
    "fire/wildfires_GT_2019_2020_32629.gpkg": 17,
}


@pytest.mark.parametrize("name", FILES)
def test_every_feature_comes_out_or_is_reported(name: str, tmp_path: Path) -> None:
    output = tmp_path / "out.nt"
    report = transform(DATA / name, output)
    assert report.features_in == report.features_out + report.features_skipped
    assert report.features_skipped == 0
    assert report.features_in == FEATURES.get(name, report.features_in)
    assert {layer.layer for layer in report.layers} == set(layers(DATA / name))
    invalid = sum(layer.invalid_geometries for layer in report.layers)
    assert invalid == INVALID.get(name, invalid)
    lines = features = 0
    types = f"{GEO}asWKT"
    for triple in pyoxigraph.parse(path=str(output), format=pyoxigraph.RdfFormat.N_TRIPLES):
        lines += 1
        features += triple.predicate.value == types
    assert lines == report.triples
    with_geometry = report.features_out - sum(layer.null_geometries for layer in report.layers)
    assert features == (with_geometry if any(layer.crs for layer in report.layers) else 0)


def _first_points(path: Path) -> tuple[np.ndarray, object]:
    """A vertex of each of the first features, x east, read without semcube, and their system."""
    source = str(path)
    if path.suffix == ".zip":
        members = zipfile.ZipFile(path).namelist()
        source = f"/vsizip/{path}/{next(each for each in members if each.endswith(('.shp', '.gpkg')))}"
    names = [str(each[0]) for each in pyogrio.list_layers(source)]
    layer = next(each for each in names if pyogrio.read_info(source, layer=each)["features"])
    meta, _, wkb, _ = pyogrio.raw.read(source, layer=layer, max_features=20, columns=[])
    geometries = shapely.force_2d(shapely.from_wkb(wkb))
    return np.array([shapely.get_coordinates(each)[0] for each in geometries]), meta["crs"]


SYSTEMS = [
    ("natural_earth/ne_10m_ports.shp", CRS84),
    ("ice_chart/cis_SGRDREA_20201102T.gpkg", CRS84),
    ("fire/wildfires_GT_2019_2020_32629.gpkg", EPSG + "32629"),
    ("somalia/SOM_Adminbnda_Adm2_Regions_UNOCHA.shp", CRS84),
    ("parcels/land_parcels.gpkg", EPSG + "3765"),
    ("parcels/brpgewaspercelen_definitief_2023.gpkg", EPSG + "28992"),
    ("parcels/SI_2021.zip", EPSG + "3794"),
    ("parcels/LV_2021.zip", EPSG + "3059"),
    ("parcels/RO_ny.zip", EPSG + "32635"),
    ("parcels/antrag.zip", EPSG + "25833"),
    ("parcels/inspire_schlaege_2025-1_polygon.gpkg.zip", EPSG + "31287"),
    ("parcels/Continente.gpkg", EPSG + "3763"),
]


@pytest.mark.parametrize(("name", "system"), SYSTEMS)
def test_coordinates_are_those_of_pyproj(name: str, system: str, tmp_path: Path) -> None:
    path = DATA / name
    if not path.exists():
        skip_or_fail(f"{name} is not among the data")
    output = tmp_path / "out.nt"
    report = transform(path, output)
    assert report.layers[0].crs == system
    literals = [
        triple.object.value
        for triple in pyoxigraph.parse(path=str(output), format=pyoxigraph.RdfFormat.N_TRIPLES)
        if triple.predicate.value == f"{GEO}asWKT"
    ][:20]
    made = parse(literals, WKT_LITERAL)
    assert {str(each) for each in made.systems_by_row()} == {system}
    lonlat = np.array([shapely.get_coordinates(each)[0] for each in made.lonlat])
    given, crs = _first_points(path)
    way = pyproj.Transformer.from_crs(pyproj.CRS.from_user_input(crs).to_2d(), "OGC:CRS84", always_xy=True)
    expected = np.column_stack(way.transform(given[:, 0], given[:, 1]))
    assert lonlat[: len(expected)] == pytest.approx(expected, abs=1e-9)


def test_repair_makes_burnt_areas_valid(tmp_path: Path) -> None:
    path = DATA / "fire" / "wildfires_GT_2019_2020_32629.gpkg"
    report = transform(path, tmp_path / "out.nt", on_error="repair")
    assert (report.layers[0].invalid_geometries, report.layers[0].repaired_geometries) == (17, 17)
    literals = [
        triple.object.value
        for triple in pyoxigraph.parse(path=str(tmp_path / "out.nt"), format=pyoxigraph.RdfFormat.N_TRIPLES)
        if triple.predicate.value == f"{GEO}asWKT"
    ]
    assert len(literals) == 1239
    assert shapely.is_valid(parse(literals, WKT_LITERAL).native).all()


def test_sea_ice_classes_of_a_polar_grid(tmp_path: Path) -> None:
    path = DATA / "sea_ice_concentration" / "NIC_valid_ice_mask.N25km.01.1972-2007.nc"
    report = transform(path, tmp_path / "out.nt")
    counts = {str(layer.layer): layer.features_out for layer in report.layers}
    assert counts["classes"] == 5
    pixels = f"<{SEMCUBE}pixelCount>"
    total = 0
    with (tmp_path / "out.nt").open(encoding="utf-8") as lines:
        for line in lines:
            if pixels in line:
                total += int(line.split('"')[1])
    assert total == 448 * 304


def test_vegetation_of_districts_over_time(tmp_path: Path) -> None:
    folder = DATA / "munich_cube"
    report = transform(
        folder / "MOD13Q1.061_250m_aid0001.nc",
        tmp_path / "out.ttl",
        layer="_250m_16_days_NDVI",
        zones=str(folder / "Munich_25_Bezirke_Dissolved.shp"),
    )
    store = pyoxigraph.Store()
    store.load(path=str(tmp_path / "out.ttl"), format=pyoxigraph.RdfFormat.TURTLE)
    found = store.query(
        """PREFIX sosa: <http://www.w3.org/ns/sosa/> PREFIX time: <http://www.w3.org/2006/time#>
        SELECT (COUNT(*) AS ?n) (MIN(?v) AS ?low) (MAX(?v) AS ?high) (MIN(?t) AS ?first)
        WHERE { ?o a sosa:Observation ; sosa:hasSimpleResult ?v ; sosa:hasFeatureOfInterest ?f ;
          sosa:phenomenonTime/time:inXSDDateTime ?t . ?f a <http://www.opengis.net/ont/geosparql#Feature> }"""
    )
    row = next(iter(found))
    assert row["n"].value == "1650"
    assert -0.2 <= float(row["low"].value) < float(row["high"].value) <= 1.0
    assert row["first"].value == "2021-12-19T00:00:00Z"
    assert report.features_in == report.features_out
