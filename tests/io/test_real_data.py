# SPDX-License-Identifier: Apache-2.0
"""Real files: counts, systems and values known from elsewhere."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely

from semcube.errors import UnsupportedError
from semcube.geometry import crs
from semcube.io import Dialect, geometry_report, layers, open_raster, open_vector, read_rdf, variables
from semcube.vocab import CRS84, EPSG

pytestmark = pytest.mark.shared

NATURAL_EARTH = {
    "ne_10m_rivers_lake_centerlines": 1404,
    "ne_10m_rivers_europe": 1322,
    "ne_10m_lakes": 1343,
    "ne_10m_lakes_europe": 768,
    "ne_10m_glaciated_areas": 1886,
    "ne_10m_parks_and_protected_lands_area": 61,
    "ne_10m_parks_and_protected_lands_point": 315,
    "ne_10m_ports": 1081,
    "ne_10m_airports": 891,
    "ne_10m_admin_0_boundary_lines_land": 461,
    "ne_10m_antarctic_ice_shelves_polys": 159,
    "ne_10m_geography_marine_polys": 311,
    "ne_50m_admin_0_countries": 241,
    "ne_50m_admin_1_states_provinces_shp": 100,
    "ne_50m_populated_places_simple": 1249,
    "ne_50m_urban_areas": 2143,
    "ne_50m_rivers_lake_centerlines": 458,
    "ne_50m_lakes": 398,
    "ne_50m_glaciated_areas": 377,
}
PARCELS = [
    ("inspire_schlaege_2025-1_polygon.gpkg.zip", None, 31287, 100, 16),
    ("RO_ny.zip", None, 32635, 100, 24),
    ("SI_2021.zip", None, 3794, 100, 11),
    ("LV_2021.zip", None, 3059, 100, 14),
    ("antrag.zip", None, 25833, 100, 24),
    ("land_parcels.gpkg", "ows_data.land_parcels", 3765, 100, None),
    ("bg_arable_land_2024.zip", None, 32635, 100, 6),
    ("Landbouwgebruikspercelen_2023_-_Definitief_(extractie_28-03-2024)_GPKG.zip", None, 31370, 100, 37),
    ("brpgewaspercelen_definitief_2023.gpkg", "brp_gewas", 28992, 100, None),
    ("Continente.gpkg", "Culturas_Aveiro", 3763, 100, None),
    ("Continente.gpkg", "OcupacoesSolo_Aveiro", 3763, 100, None),
    ("Continente.gpkg", "Continente", 3763, 0, None),
]


def table(path: Path, layer: str | None = None, **options: Any) -> pa.Table:
    source = open_vector(path, layer, **options)
    batches = list(source.batches())
    assert source.info.features in (None, sum(b.num_rows for b in batches))
    return pa.Table.from_batches(batches)


@pytest.mark.parametrize(("layer", "features"), list(NATURAL_EARTH.items()))
def test_natural_earth(shared: Path, layer: str, features: int) -> None:
    path = shared / "data" / "natural_earth" / f"{layer}.shp"
    source = open_vector(path)
    assert layers(path) == [layer]
    assert (source.info.crs, source.info.features) == (EPSG + "4326", features)
    report = geometry_report(source.batches())
    invalid = {"ne_10m_lakes": 2, "ne_50m_admin_0_countries": 1}.get(layer, report.invalid)
    assert (report.features, report.null, report.empty, report.invalid) == (features, 0, 0, invalid)


def test_natural_earth_values(shared: Path) -> None:
    folder = shared / "data" / "natural_earth"
    countries = table(folder / "ne_50m_admin_0_countries.shp")
    assert len(countries.column_names) == 63 + 2
    names = countries.column("name").to_pylist()
    assert {"Côte d'Ivoire", "São Tomé and Principe", "Curaçao"} <= set(names)
    austria = shapely.from_wkb(countries.column("geometry").to_pylist()[names.index("Austria")])
    assert austria.contains(shapely.Point(16.37, 48.21))
    rivers = set(table(folder / "ne_10m_rivers_lake_centerlines.shp").column("name").to_pylist())
    assert {"Danube", "Donau (Danube)", "Inn", "Sava"} <= rivers


@pytest.mark.parametrize(("name", "layer", "epsg", "features", "fields"), PARCELS)
def test_parcels(shared: Path, name: str, layer: str | None, epsg: int, features: int, fields: int | None) -> None:
    source = open_vector(shared / "data" / "parcels" / name, layer)
    assert (source.info.crs, source.info.features) == (f"{EPSG}{epsg}", features)
    assert fields is None or len(source.info.fields) == fields
    report = geometry_report(source.batches())
    assert (report.features, report.null, report.empty) == (features, 0, 0)
    area = crs(source.info.crs).pyproj.area_of_use
    if source.info.extent is not None:
        import pyproj

        to_lonlat = pyproj.Transformer.from_crs(crs(source.info.crs).pyproj, "OGC:CRS84", always_xy=True)
        lon, lat = to_lonlat.transform(*source.info.extent[:2])
        assert area.west - 2 < lon < area.east + 2
        assert area.south - 1 < lat < area.north + 1


def test_parcels_with_odd_names(shared: Path) -> None:
    folder = shared / "data" / "parcels"
    assert layers(folder / "Continente.gpkg") == ["Continente", "Culturas_Aveiro", "OcupacoesSolo_Aveiro"]
    assert "CT_português" in open_vector(folder / "Continente.gpkg", "Culturas_Aveiro").info.fields.names
    fields = open_vector(folder / "bg_arable_land_2024.zip").info.fields.names
    assert any("?" in name for name in fields)
    assert "EKATTE~1" in fields
    assert open_vector(folder / "antrag.zip").info.encoding == "cp1252"
    assert open_vector(folder / "RO_ny.zip").info.metadata["encoding_from"] == ".cpg"


def test_ice_chart(shared: Path) -> None:
    folder = shared / "data" / "ice_chart"
    source = open_vector(folder / "cis_SGRDREA_20201102T.gpkg")
    assert source.info.crs is not None
    assert crs(source.info.crs).iri is None
    assert not crs(source.info.crs).is_geographic
    found = table(folder / "cis_SGRDREA_20201102T.gpkg")
    kinds = found.column("POLY_TYPE").to_pylist()
    assert {k: kinds.count(k) for k in set(kinds)} == {"I": 296, "L": 128, "S": 7, "W": 1}
    assert geometry_report(source.batches()).invalid == 0
    chart = open_vector(folder / "nic_arctic_20030317_pl_a.dbf").info
    assert (chart.features, chart.geometry_column) == (5246, None)


def test_somalia(shared: Path) -> None:
    folder = shared / "data" / "somalia"
    regions = open_vector(folder / "SOM_Adminbnda_Adm2_Regions_UNOCHA.shp").info
    assert (regions.features, regions.crs) == (18, EPSG + "4326")
    assert table(folder / "SOM_Adminbnda_Adm3_Districts_UNOCHA.shp").num_rows == 74
    floods = table(folder / "Juba_Shabelle_River_Floods_Gu_2023.shp")
    assert floods.num_rows == 159
    assert floods.column("Sensor_Dat").to_pylist()[0] == datetime(2023, 5, 14)
    assert table(folder / "Juba River.shp").num_rows == 7
    assert "Total" in open_vector(folder / "Previous_Displacement_2023.shp").info.fields.names


def test_fire(shared: Path) -> None:
    folder = shared / "data" / "fire"
    spots = table(folder / "fire_archive_M6_96619.csv")
    assert spots.num_rows == 36_011
    assert spots.column("acq_time").to_pylist()[0] == "0056"
    assert spots.column("acq_date").to_pylist()[0] == date(2019, 8, 1)
    assert spots.column("satellite").to_pylist().count("Aqua") == 20_541
    assert open_vector(folder / "fire_archive_M6_96619.csv").info.crs == CRS84
    burnt = open_vector(folder / "wildfires_GT_2019_2020_32629.gpkg")
    assert (burnt.info.crs, burnt.info.key) == (EPSG + "32629", "fid")
    report = geometry_report(burnt.batches())
    assert (report.features, report.invalid) == (1239, 17)
    hectares = sum(table(folder / "wildfires_GT_2019_2020_32629.gpkg").column("area_ha").to_pylist())
    assert hectares == pytest.approx(50_885, abs=1)


def test_geonames(shared: Path) -> None:
    columns = ["geonameid", "name", "asciiname", "alternatenames", "latitude", "longitude", "feature_class"]
    columns += ["feature_code", "country_code", "cc2", "admin1", "admin2", "admin3", "admin4", "population"]
    columns += ["elevation", "dem", "timezone", "modified"]
    path = shared / "data" / "geonames" / "SE.zip"
    found = table(path, dialect=Dialect(column_names=columns, quoting=False))
    assert found.num_rows == 96_544
    row = next(r for r in found.select([*columns[:6], "admin1", "geometry"]).to_pylist() if r["geonameid"] == 2673730)
    assert row["name"] == "Stockholm"
    assert row["admin1"] == "26"
    point = shapely.from_wkb(row["geometry"])
    assert (round(point.x, 2), round(point.y, 2)) == (18.07, 59.33)


def test_eolearn_patch(shared: Path) -> None:
    folder = shared / "data" / "eolearn_patch"
    for name in ("bbox.geojson", "svn_border.geojson"):
        info = open_vector(folder / name).info
        assert info.crs == EPSG + "32633"
        assert "RFC 7946" in info.metadata["warning"]
    names = table(folder / "LULC.gpkg").column("LULC_NAME").to_pylist()
    assert len(names) == 88
    assert names.count("schrubland") == 33
    clouds = table(folder / "CLM_VECTOR.gpkg")
    assert clouds.num_rows == 55
    assert clouds.schema.field("TIMESTAMP").type == pa.timestamp("ms", "UTC")


@pytest.mark.parametrize(
    ("name", "variable", "shape", "first", "last"),
    [
        ("MOD13Q1.061_250m_aid0001.nc", "_250m_16_days_NDVI", (66, 91, 175), "2021-12-19", "2024-10-15"),
        ("MOD11A1.061_1km_aid0001.nc", "LST_Night_1km", (1029, 23, 44), "2022-01-01", "2024-11-07"),
        ("MOD10A1.061_500m_aid0001.nc", "NDSI_Snow_Cover", (366, 46, 88), "2023-12-01", "2024-11-30"),
        ("South_Tyrol_Temp_MOD11A1.061_1km_aid0001.nc", "LST_Night_1km", (305, 106, 252), "2023-01-01", "2023-11-01"),
        ("SRTMGL1_NC.003_30m_aid0001.nc", "SRTMGL1_DEM", (1, 672, 1305), "2000-02-11", "2000-02-11"),
    ],
)
def test_munich_cube(shared: Path, name: str, variable: str, shape: Any, first: str, last: str) -> None:
    import xarray as xr

    path = shared / "data" / "munich_cube" / name
    with open_raster(path, variable) as source, xr.open_dataset(path, decode_times=False) as oracle:
        info = source.info
        assert (info.shape, info.crs) == (shape, CRS84)
        assert info.times is not None
        assert (info.times[0], info.times[-1]) == (f"{first}T00:00:00Z", f"{last}T00:00:00Z")
        windows = [w for w in source.windows() if w.time_index == shape[0] // 2]
        found = np.ma.vstack([source.read(w) for w in windows])
        given = oracle[variable].values[shape[0] // 2].astype(float)
        low, high = (oracle[variable].attrs[k] for k in ("valid_min", "valid_max"))
        scale = oracle[variable].encoding.get("scale_factor", 1.0)
        given[(given < low * scale) | (given > high * scale)] = np.nan
        np.testing.assert_allclose(found.astype(float).filled(np.nan), given, rtol=1e-6)
        assert source.categorical is False


def test_olci_cube(shared: Path) -> None:
    import xarray as xr

    path = shared / "data" / "olci_cube" / "cube-1-250-250.zarr"
    assert variables(path) == ["c2rcc_flags", "conc_chl", "conc_tsm", "kd489", "quality_flags"]
    with open_raster(path, "conc_chl") as source, xr.open_zarr(path, chunks=None) as oracle:
        assert (source.info.shape, source.info.extent) == ((5, 1000, 2000), (0.0, 50.0, 5.0, 52.5))
        assert (source.info.units, source.info.crs) == ("mg m^-3", CRS84)
        assert source.info.times is not None
        assert source.info.times[0] == "2017-01-16T10:09:21.834255872Z"
        total, count = 0.0, 0
        for window in source.windows(4_000_000):
            values = source.read(window)
            total, count = total + float(values.filled(0).sum()), count + values.count()
        given = oracle["conc_chl"].values
        assert count == np.isfinite(given).sum()
        assert total == pytest.approx(np.nansum(given))
    with open_raster(path, "quality_flags") as source:
        assert source.info.flag_masks is not None
        assert source.info.flag_masks[1073741824] == "coastline"
    with pytest.raises(UnsupportedError, match="2-D arrays"):
        open_raster(shared / "data" / "olci_cube" / "O_L2_0001_SNS_2017104102450_v1.0.nc")
    with open_raster(shared / "data" / "olci_cube" / "sample-cog.tif", "band_1") as source:
        assert (source.info.shape, source.info.crs) == ((343, 343), EPSG + "32613")


def test_sea_ice_concentration(shared: Path) -> None:
    folder = shared / "data" / "sea_ice_concentration"
    with open_raster(folder / "NIC_valid_ice_mask.N25km.01.1972-2007.nc") as source:
        assert (source.info.shape, source.info.crs) == ((448, 304), EPSG + "3411")
        assert source.info.extent == (-3850000.0, -5350000.0, 3750000.0, 5850000.0)
        assert source.categorical
        assert source.info.flags == {0: "ocean", 1: "valid_ice", 2: "coast", 3: "land", 4: "lake"}
        counts = source.distinct()
        assert counts is not None
        assert sum(counts.values()) == 448 * 304
    climate = table(folder / "N_seaice_extent_climatology_1981-2010_v3.0.csv", dialect=Dialect(skip_lines=1))
    assert climate.num_rows in (365, 366)
    # Days of the melt season hold "nan", so that the columns are text.
    assert climate.column("Average Extent").to_pylist()[0].strip() == "13.850"


def test_insar_stack(shared: Path) -> None:
    folder = shared / "data" / "insar_stack" / "mexico_cropA"
    images = sorted((folder / "geotiffs").glob("*_unw.tif"))
    assert len(images) == 30
    with open_raster(images[0]) as source:
        assert (source.info.shape, source.info.crs, source.info.units) == ((60, 100), EPSG + "4326", "RADIANS")
        assert source.info.metadata["FIRST_DATE"] == "2018-01-06"
        assert source.read(next(source.windows())).count() == 5898
    with open_raster(folder / "coh_mean.tif") as source:
        assert source.info.nodata is not None
        assert np.isnan(source.info.nodata)


@pytest.mark.parametrize(
    ("name", "triples"),
    [
        ("icos/icos.rdf", 20_446),
        ("icos/stationentry.rdf", 3_612),
        ("icos/cpmeta.owl", 1_860),
        ("ontologies/geosparql/geo.ttl", 733),
        ("ontologies/geosparql/sf_geometries.ttl", 137),
        ("ontologies/w3c/time.ttl", 1_367),
        ("ontologies/reseo.owl", 2_624),
    ],
)
def test_ontologies(shared: Path, name: str, triples: int) -> None:
    assert sum(b.num_rows for b in read_rdf(shared / "data" / name)) == triples
