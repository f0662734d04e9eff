# SPDX-License-Identifier: Apache-2.0
"""The curated mappings and ontologies on the data they are for, checked against pandas and the code tables."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyogrio
import pyoxigraph
import pytest
import xarray as xr

from semcube.errors import SourceError
from semcube.mapping import TransformReport, read_mapping, transform
from semcube.mapping.model import Formulation, LogicalSource
from semcube.mapping.sources import open_rows
from tests.conftest import ROOT

MAPPINGS = sorted((ROOT / "mappings").glob("*.rml.ttl"))
ONTOLOGIES = sorted((ROOT / "ontologies").glob("*.ttl"))
PREFIXES = """
    PREFIX dcterms: <http://purl.org/dc/terms/> PREFIX eo: <https://w3id.org/semcube/eo#>
    PREFIX geo: <http://www.opengis.net/ont/geosparql#> PREFIX ice: <https://w3id.org/semcube/sea-ice#>
    PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
    PREFIX sosa: <http://www.w3.org/ns/sosa/> PREFIX ex: <https://example.org/>
"""


class Graph:
    """What mappings made, with ontologies, to be asked by an engine that is not semcube's."""

    def __init__(self, *ontologies: str) -> None:
        self.store = pyoxigraph.Store()
        for name in ontologies:
            self.store.load(path=str(ROOT / "ontologies" / name))

    def add(self, folder: Path, mapping: str, *inputs: Path, **options: Any) -> TransformReport:
        output = folder / f"{mapping}.nt"
        report = transform(list(inputs), output, ROOT / "mappings" / f"{mapping}.rml.ttl", **options)
        assert report.features_in == report.features_out + report.features_skipped
        self.store.bulk_load(path=str(output))
        return report

    def rows(self, query: str) -> list[Any]:
        found = self.store.query(PREFIXES + query)
        assert isinstance(found, pyoxigraph.QuerySolutions)
        return [tuple("" if term is None else term.value for term in row) for row in found]

    def counts(self, query: str) -> dict[str, int]:
        return {row[0]: int(row[1]) for row in self.rows(query)}


def _table(path: Path, encoding: str | None = None) -> pd.DataFrame:
    frame: pd.DataFrame = pyogrio.read_dataframe(path, read_geometry=False, encoding=encoding)
    return frame


def _zipped(path: Path) -> pd.DataFrame:
    with zipfile.ZipFile(path) as archive, archive.open(path.stem + ".csv") as member:
        return pd.read_csv(member)


@pytest.mark.parametrize("path", ONTOLOGIES, ids=lambda path: path.name)
def test_every_term_of_an_ontology_has_a_label_and_every_code_a_scheme(path: Path) -> None:
    store = pyoxigraph.Store()
    store.load(path=str(path))
    bare = store.query("""
        PREFIX owl: <http://www.w3.org/2002/07/owl#> PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
        PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
        SELECT ?term { { ?term a owl:Class } UNION { ?term a owl:ObjectProperty } UNION { ?term a owl:DatatypeProperty }
          UNION { ?term a skos:Concept }
          FILTER NOT EXISTS { ?term rdfs:label|skos:prefLabel ?label }
        }""")
    assert list(bare) == []
    loose = store.query("""
        PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
        SELECT ?term { ?term a skos:Concept FILTER NOT EXISTS { ?term skos:inScheme ?s . ?s a skos:ConceptScheme } }""")
    assert list(loose) == []
    dangling = store.query("""
        PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
        SELECT ?term { ?term skos:broader ?other FILTER NOT EXISTS { ?other a skos:Concept } }""")
    assert list(dangling) == []


@pytest.mark.parametrize("path", MAPPINGS, ids=lambda path: path.name)
def test_a_curated_mapping_reads_and_uses_declared_terms_only(path: Path) -> None:
    mapping = read_mapping(path)
    assert mapping.triples_maps
    declared = {
        quad.subject.value
        for each in ONTOLOGIES
        for quad in pyoxigraph.parse(path=str(each))
        if isinstance(quad.subject, pyoxigraph.NamedNode)
    }
    text = path.read_text(encoding="utf-8")
    used = {f"https://w3id.org/semcube/eo#{name}" for name in re.findall(r"\beo:(\w+)", text)}
    used |= {f"https://w3id.org/semcube/sea-ice#{name}" for name in re.findall(r"\bice:(\w+)", text)}
    assert used <= declared
    assert f"`{path.name}`" in (ROOT / "mappings" / "README.md").read_text(encoding="utf-8")
    assert f"--mapping {path.name}" in text


def test_states_are_parts_of_countries(shared: Path, tmp_path: Path) -> None:
    graph, folder = Graph(), shared / "data" / "natural_earth"
    graph.add(tmp_path, "natural_earth_countries", folder / "ne_50m_admin_0_countries.shp")
    report = graph.add(tmp_path, "natural_earth_states", folder / "ne_50m_admin_1_states_provinces_shp.shp")
    assert report.features_out == 100
    assert graph.counts("""
        SELECT ?name (COUNT(?state) AS ?n) { ?state a eo:AdministrativeUnit ; dcterms:isPartOf ?country .
        ?country a <https://schema.org/Country> ; rdfs:label ?name } GROUP BY ?name
    """) == {"United States": 51, "Brazil": 27, "Canada": 13, "Australia": 9}


def test_districts_are_parts_of_regions_and_those_of_a_country(shared: Path, tmp_path: Path) -> None:
    graph, folder = Graph(), shared / "data" / "somalia"
    files = ("SOM_Adminbnda_Adm2_Regions_UNOCHA.shp", "SOM_Adminbnda_Adm3_Districts_UNOCHA.shp")
    report = graph.add(tmp_path, "ocha_admin_boundaries", *(folder / each for each in files))
    assert report.features_out == 18 + 74
    assert graph.rows("""
        SELECT ?district ?region ?country { ex:place\\/SO2201 rdfs:label ?district ; dcterms:isPartOf ?r .
        ?r rdfs:label ?region ; dcterms:isPartOf ?c . ?c rdfs:label ?country }
    """) == [("Banadir", "Banadir", "Somalia")]
    whole = "SELECT ?d { ?d dcterms:isPartOf/dcterms:isPartOf ex:place\\/SO ; geo:hasGeometry/geo:asWKT ?wkt }"
    assert len(graph.rows(whole)) == 74


def test_rivers_and_lakes(shared: Path, tmp_path: Path) -> None:
    graph, folder = Graph(), shared / "data" / "natural_earth"
    rivers, lakes = folder / "ne_10m_rivers_lake_centerlines.shp", folder / "ne_10m_lakes.shp"
    graph.add(tmp_path, "natural_earth_rivers_lakes", rivers, lakes)
    frame = _table(rivers, "cp1252")
    number = int(frame[frame["name"] == "Donau (Danube)"].iloc[0]["rivernum"])
    parts = graph.rows(f"SELECT ?line {{ ?line a eo:Watercourse ; dcterms:isPartOf ex:river\\/{number} }}")
    assert len(parts) == int((frame["rivernum"] == number).sum())
    frame = _table(lakes, "cp1252")
    built = graph.rows("SELECT ?lake ?year { ?lake a eo:WaterBody ; dcterms:created ?year }")
    assert len(built) == int((frame["year"] > 0).sum())
    kinds = graph.counts("SELECT ?kind (COUNT(*) AS ?n) { ?lake a eo:WaterBody ; dcterms:type ?kind } GROUP BY ?kind")
    assert kinds == {"Lake": 1047, "Reservoir": 226, "Alkaline Lake": 70}


def test_land_cover_gets_its_names_from_the_code_list(shared: Path, tmp_path: Path) -> None:
    graph = Graph("land_cover.ttl")
    graph.add(tmp_path, "land_cover", shared / "data" / "eolearn_patch" / "LULC.gpkg")
    assert graph.counts("""
        SELECT ?name (COUNT(?area) AS ?n) { ?area eo:landCover/skos:prefLabel ?name ; geo:hasGeometry ?g }
        GROUP BY ?name
    """) == {
        "shrubland": 33, "grassland": 26, "artificial surface": 11, "forest": 10, "cultivated land": 4, "no data": 4
    }  # fmt: skip


def test_crops_of_parcels_are_concepts_of_a_hierarchy(shared: Path, tmp_path: Path) -> None:
    graph, data = Graph(), shared / "data"
    report = graph.add(tmp_path, "hcat_concepts", data / "hcat" / "HCAT3.csv")
    assert report.features_out == 384
    graph.add(tmp_path, "eurocrops_parcels", data / "parcels" / "SI_2021.zip", data / "parcels" / "LV_2021.zip")
    concepts = dict(graph.rows("SELECT ?c ?label { ?c a skos:Concept ; skos:prefLabel ?label }"))
    assert len(concepts) == 384
    broader = dict(graph.rows("SELECT ?c ?b { ?c skos:broader ?b }"))
    assert broader["https://example.org/hcat/3301010600"] == "https://example.org/hcat/3301010000"
    assert set(broader.values()) <= concepts.keys()
    tops = {row[0] for row in graph.rows("SELECT ?c { ?c skos:topConceptOf ex:hcat }")}
    assert concepts.keys() - broader.keys() == tops
    known = graph.rows("SELECT ?p { ?p a eo:Parcel ; eo:crop/skos:broader* ex:hcat\\/3300000000 }")
    assert len(known) == 200
    one = graph.rows("SELECT ?ha ?crop { ex:parcel\\/SI\\/7010691 eo:hectares ?ha ; eo:crop/skos:prefLabel ?crop }")
    assert float(one[0][0]) == pytest.approx(0.33866741)
    assert one[0][1] == "grain maize corn popcorn"


def test_an_ice_chart_is_decoded_by_the_code_tables(shared: Path, tmp_path: Path) -> None:
    chart = shared / "data" / "ice_chart" / "cis_SGRDREA_20201102T.gpkg"
    graph = Graph("sea_ice.ttl")
    graph.add(tmp_path, "sigrid3_ice_chart", chart)
    frame = _table(chart)
    totals = "SELECT ?code (COUNT(?p) AS ?n) { ?p ice:totalConcentration/skos:notation ?code } GROUP BY ?code"
    assert graph.counts(totals) == frame["CT"].value_counts().to_dict()
    for order, column in enumerate(("SA", "SB", "SC"), 1):
        stages = graph.counts(f"""
            SELECT ?code (COUNT(?i) AS ?n) {{ ?p ice:hasPartialIce ?i . ?i ice:order {order} ;
            ice:stageOfDevelopment/skos:notation ?code }} GROUP BY ?code""")
        assert stages == frame[column][frame[column] != "-9"].value_counts().to_dict()
    forms = graph.counts("SELECT ?code (COUNT(?i) AS ?n) { ?i ice:formOfIce/skos:notation ?code } GROUP BY ?code")
    given = pd.concat([frame[f"F{each}"][frame[f"S{each}"].notna() & (frame[f"S{each}"] != "-9")] for each in "ABC"])
    assert forms == given[given != "-9"].value_counts().to_dict()
    kinds = "SELECT ?name (COUNT(?p) AS ?n) { ?p ice:polygonType/skos:prefLabel ?name } GROUP BY ?name"
    assert graph.counts(kinds) == {
        "ice of any concentration": 296, "land": 128, "ice shelf or ice of land origin": 7, "water, ice free": 1,
    }  # fmt: skip
    old = graph.rows("""
        SELECT DISTINCT ?p { ?p ice:hasPartialIce/ice:stageOfDevelopment/skos:broader ?old .
        ?old skos:prefLabel "old ice"@en }
    """)
    is_old = frame[["SA", "SB", "SC"]].isin(["96", "97"]).any(axis=1)
    assert len(old) == int(is_old.sum())


def test_codes_of_another_ice_service_are_in_the_tables(shared: Path) -> None:
    frame = _table(shared / "data" / "ice_chart" / "nic_arctic_20030317_pl_a.dbf")
    graph = Graph("sea_ice.ttl")
    tables = {"C[TABC]": "concentration", "(S[ABC]|C[ND])": "stage", "F[ABC]": "form", "POLY_TYPE": "polygon-type"}
    for columns, scheme in tables.items():
        about = f"<https://w3id.org/semcube/sea-ice/{scheme}>"
        known = {row[0] for row in graph.rows(f"SELECT ?code {{ ?c skos:inScheme {about} ; skos:notation ?code }}")}
        for column in (name for name in frame.columns if re.fullmatch(columns, name)):
            assert set(frame[column].dropna()) - {"-9"} <= known


def test_hotspots_have_the_instant_of_date_and_time(shared: Path, tmp_path: Path) -> None:
    path = shared / "data" / "fire" / "fire_archive_M6_96619.csv"
    graph = Graph()
    graph.add(tmp_path, "firms_hotspots", path, where="frp >= 300")
    frame = pd.read_csv(path, dtype={"acq_time": str})
    frame = frame[frame["frp"] >= 300]
    found = graph.rows(
        "SELECT ?time ?frp ?night { ?h sosa:resultTime ?time ; sosa:hasSimpleResult ?frp ; eo:atNight ?night }"
    )
    expected = sorted(
        (f"{day}T{at[:2]}:{at[2:]}:00Z", float(frp), "true" if when == "N" else "false")
        for day, at, frp, when in zip(
            frame["acq_date"], frame["acq_time"], frame["frp"], frame["daynight"], strict=True
        )
    )
    assert len(expected) > 100
    assert sorted((time, float(frp), night) for time, frp, night in found) == expected


def test_burnt_areas_are_repaired_and_dated(shared: Path, tmp_path: Path) -> None:
    graph, path = Graph(), shared / "data" / "fire" / "wildfires_GT_2019_2020_32629.gpkg"
    report = graph.add(tmp_path, "burnt_areas", path, on_error="repair")
    assert (report.features_out, sum(layer.repaired_geometries for layer in report.layers)) == (1239, 17)
    rows = graph.rows(
        "SELECT ?day ?ha ?wkt { ?a eo:startDate ?day ; eo:hectares ?ha ; geo:hasGeometry/geo:asWKT ?wkt }"
    )
    assert len(rows) == 1239
    assert min(row[0] for row in rows) == "2020-01-02"
    assert sum(float(row[1]) for row in rows) == pytest.approx(_table(path)["area_ha"].sum())


def test_wide_insar_series_become_observations(shared: Path, tmp_path: Path) -> None:
    path = shared / "data" / "egms_insar" / "EGMS_L2b_117_0227_IW2_VV_2020_2024_1.zip"
    graph, box = Graph("earth_observation.ttl"), (13.1715, 38.69, 13.172, 38.6912)
    graph.add(tmp_path, "egms_basic", path, bbox=box)
    frame = _zipped(path)
    frame = frame[frame["longitude"].between(box[0], box[2]) & frame["latitude"].between(box[1], box[3])]
    dates = [name for name in frame.columns if re.fullmatch(r"\d{8}", name)]
    assert len(frame) > 5
    found = graph.rows("""
        SELECT ?pid ?day ?mm { ?o a eo:Displacement ; sosa:resultTime ?day ; sosa:hasSimpleResult ?mm ;
        sosa:hasFeatureOfInterest ?p . ?p dcterms:identifier ?pid ; geo:hasGeometry/geo:asWKT ?wkt }""")
    series = {(pid, day.replace("-", "")): float(mm) for pid, day, mm in found}
    expected = {(row["pid"], day): row[day] for _, row in frame.iterrows() for day in dates if not pd.isna(row[day])}
    assert series == expected
    velocities = graph.rows("SELECT ?pid ?v { ?p dcterms:identifier ?pid ; eo:meanVelocity ?v }")
    assert {pid: float(v) for pid, v in velocities} == dict(zip(frame["pid"], frame["mean_velocity"], strict=True))


def test_insar_points_on_a_grid_of_eastings_keep_the_axes_of_their_system(shared: Path, tmp_path: Path) -> None:
    path = shared / "data" / "egms_insar" / "EGMS_L3_E45N17_100km_U_2020_2024_1.zip"
    graph = Graph()
    graph.add(tmp_path, "egms_ortho", path, where="mean_velocity < -3")
    frame = _zipped(path)
    frame = frame[frame["mean_velocity"] < -3]
    found = dict(graph.rows("SELECT ?pid ?wkt { ?p dcterms:identifier ?pid ; geo:hasGeometry/geo:asWKT ?wkt }"))
    system = "<http://www.opengis.net/def/crs/EPSG/0/3035>"
    rows = zip(frame["pid"], frame["northing"], frame["easting"], strict=True)
    assert found == {pid: f"{system} POINT ({north} {east})" for pid, north, east in rows}
    assert found
    count = graph.rows("SELECT (COUNT(*) AS ?n) { ?o a eo:Displacement }")
    assert int(count[0][0]) == int(frame.filter(regex=r"^\d{8}$").count().sum())


def test_a_station_series(shared: Path, tmp_path: Path) -> None:
    path = shared / "data" / "icos" / "svb_co2.csv"
    graph = Graph()
    graph.add(tmp_path, "icos_station_series", path)
    frame = pd.read_csv(path)
    rows = graph.rows("""
        SELECT ?time ?value { ?o a sosa:Observation ; sosa:resultTime ?time ; sosa:hasSimpleResult ?value ;
        sosa:observedProperty ex:property\\/co2 ; sosa:hasFeatureOfInterest/sosa:isSampleOf ex:station\\/SVB }""")
    expected = {at.replace(" ", "T") + "Z": value for at, value in zip(frame["DateTime"], frame["co2"], strict=True)}
    assert {time: float(value) for time, value in rows} == {k: v for k, v in expected.items() if not pd.isna(v)}


def test_a_station_series_in_netcdf_has_the_position_of_the_station(shared: Path, tmp_path: Path) -> None:
    path = shared / "data" / "icos" / "co2_cbw_tower-insitu_445_allvalid-27magl.nc"
    graph = Graph()
    report = graph.add(tmp_path, "icos_obspack", path)
    with xr.open_dataset(path) as data:
        values, times = data["value"].values, data["time"].values
    assert report.features_in == len(values) == 166_814
    station = graph.rows("""
        SELECT ?name ?wkt { ?s a eo:Station ; rdfs:label ?name ; geo:hasGeometry/geo:asWKT ?wkt }""")
    assert station == [("Cabauw", "POINT (4.9264 51.9703)")]
    first = f"{np.datetime_as_string(times[0], unit='s')}Z"
    found = graph.rows(f"""
        PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
        SELECT ?value {{ ?o sosa:resultTime "{first}"^^xsd:dateTime ; sosa:hasSimpleResult ?value }}""")
    assert [float(row[0]) for row in found] == [float(values[0])]
    total = graph.rows("SELECT (SUM(?v) AS ?sum) (COUNT(?v) AS ?n) { ?o sosa:hasSimpleResult ?v }")[0]
    assert int(total[1]) == int(np.isfinite(values).sum())
    assert float(total[0]) == pytest.approx(float(np.nansum(values.astype(np.float64))))


def test_a_grid_is_no_time_series(tmp_path: Path) -> None:
    xr.Dataset({"a": ("x", [1.0])}).to_netcdf(tmp_path / "a.nc")
    source = LogicalSource(str(tmp_path / "a.nc"), Formulation.RASTER, "series")
    with pytest.raises(SourceError, match="no coordinate of times"):
        open_rows(source)
