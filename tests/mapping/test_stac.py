# SPDX-License-Identifier: Apache-2.0
"""STAC items and collections as datasets of DCAT."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyoxigraph
import pytest
import rasterio

from semcube.errors import SourceError
from semcube.mapping import generate, mapping_turtle, read_mapping, transform
from semcube.mapping.stac import StacRows, is_stac

ITEM = {
    "type": "Feature",
    "stac_version": "1.0.0",
    "id": "S2A scene/1",
    "collection": "sentinel-2",
    "geometry": {"type": "Polygon", "coordinates": [[[9, 48], [10, 48], [10, 49], [9, 48]]]},
    "bbox": [9, 48, 10, 49],
    "properties": {
        "title": "A scene",
        "datetime": "2020-06-01T10:20:30Z",
        "eo:cloud_cover": 12.5,
        "platform": "sentinel-2a",
        "instruments": ["msi"],
        "proj:epsg": 32632,
    },
    "assets": {
        "classes": {"href": "./classes.tif", "type": "image/tiff; application=geotiff", "roles": ["data"]},
        "thumb": {"href": "https://host/t.png", "type": "image/png", "title": "Preview", "roles": ["thumbnail", "x"]},
    },
}
COLLECTION = {
    "type": "Collection",
    "stac_version": "1.1.0",
    "id": "sentinel-2",
    "description": "Scenes",
    "license": "CC-BY-4.0",
    "keywords": ["optical", "10 m"],
    "extent": {
        "spatial": {"bbox": [[-180, -60, 180, 80]]},
        "temporal": {"interval": [["2015-06-27T00:00:00Z", None]]},
    },
}
PREFIXES = """PREFIX dcat: <http://www.w3.org/ns/dcat#> PREFIX dcterms: <http://purl.org/dc/terms/>
PREFIX geo: <http://www.opengis.net/ont/geosparql#> PREFIX onto: <http://a/ontology#>
PREFIX s: <https://w3id.org/semcube/ns#> """


def asked(path: Path, query: str) -> list[list[str | None]]:
    store = pyoxigraph.Store()
    store.load(path=str(path), format=pyoxigraph.RdfFormat.N_TRIPLES)
    return [[None if term is None else term.value for term in row] for row in store.query(PREFIXES + query)]


def document(folder: Path, content: object, name: str = "item.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_an_item_is_a_dataset_with_distributions(tmp_path: Path) -> None:
    path = document(tmp_path, ITEM)
    assert is_stac(path)
    report = transform(path, tmp_path / "o.nt", base="http://a/")
    assert report.features_in == report.features_out + report.features_skipped
    rows = asked(
        tmp_path / "o.nt",
        """SELECT ?d ?title ?start ?wkt ?part ?cloud ?epsg ?tools { ?d a dcat:Dataset ; dcterms:title ?title ;
        dcterms:temporal/dcat:startDate ?start ; geo:hasGeometry/geo:asWKT ?wkt ; dcterms:isPartOf ?part ;
        onto:eo_cloud_cover ?cloud ; onto:proj_epsg ?epsg ; onto:instruments ?tools }""",
    )
    assert rows == [
        [
            "http://a/item/S2A%20scene%2F1", "A scene", "2020-06-01T10:20:30Z", "POLYGON ((9 48, 10 48, 10 49, 9 48))",
            "http://a/collection/sentinel-2", "12.5", "32632", '["msi"]',
        ]
    ]  # fmt: skip
    assets = asked(
        tmp_path / "o.nt",
        """SELECT ?key ?url ?type ?role { ?d dcat:distribution ?a . ?a dcterms:identifier ?key ; dcat:downloadURL ?url ;
        dcterms:format ?type ; s:role ?role } ORDER BY ?key""",
    )
    assert assets == [
        ["classes", (tmp_path / "classes.tif").resolve().as_uri(), "image/tiff; application=geotiff", "data"],
        ["thumb", "https://host/t.png", "image/png", "thumbnail x"],
    ]


def test_a_collection_is_a_catalogue(tmp_path: Path) -> None:
    transform(document(tmp_path, COLLECTION), tmp_path / "o.nt", base="http://a/")
    rows = asked(
        tmp_path / "o.nt",
        """SELECT ?d ?text ?licence ?start ?end (GROUP_CONCAT(?word) AS ?words) { ?d a dcat:Catalog ;
        dcterms:description ?text ; dcterms:license ?licence ; dcterms:temporal ?t ; dcat:keyword ?word .
        ?t dcat:startDate ?start OPTIONAL { ?t dcat:endDate ?end } } GROUP BY ?d ?text ?licence ?start ?end""",
    )
    assert rows[0][:5] == ["http://a/collection/sentinel-2", "Scenes", "CC-BY-4.0", "2015-06-27T00:00:00Z", None]
    assert set((rows[0][5] or "").split()) == {"optical", "10", "m"}
    wkt = asked(tmp_path / "o.nt", "SELECT ?wkt { ?g geo:asWKT ?wkt }")[0][0]
    assert wkt is not None
    assert wkt.startswith("POLYGON ((180 -60")


def test_item_collections_and_items_without_footprint(tmp_path: Path) -> None:
    bare = {"type": "Feature", "stac_version": "1.0.0", "id": "b", "geometry": None, "properties": {}, "assets": {}}
    many = {"type": "FeatureCollection", "features": [ITEM, bare]}
    transform(document(tmp_path, many), tmp_path / "o.nt", base="http://a/")
    found = asked(
        tmp_path / "o.nt",
        "SELECT ?i ?g { ?d dcterms:identifier ?i ; a dcat:Dataset OPTIONAL { ?d geo:hasGeometry ?g } }",
    )
    assert sorted(found, key=str) == [["S2A scene/1", "http://a/item/S2A%20scene%2F1/geometry"], ["b", None]]


def test_the_raster_of_an_asset(tmp_path: Path) -> None:
    given = {"driver": "GTiff", "height": 2, "width": 2, "count": 1, "dtype": "uint8", "crs": "EPSG:4326"}
    with rasterio.open(
        tmp_path / "classes.tif", "w", transform=rasterio.Affine(1, 0, 9, 0, -1, 49), **given
    ) as dataset:
        dataset.write(np.array([[1, 1], [2, 2]], "uint8"), 1)
    path = document(tmp_path, ITEM)
    transform(path, tmp_path / "o.nt", base="http://a/", layer="classes", categorical=True)
    found = asked(tmp_path / "o.nt", "SELECT ?r { ?r a s:Region }")
    assert len(found) == 2


def test_the_mapping_can_be_written_and_read(tmp_path: Path) -> None:
    made = generate(document(tmp_path, ITEM), "http://a/").mapping
    (tmp_path / "m.ttl").write_text(mapping_turtle(made, directory=tmp_path), encoding="utf-8")
    transform(tmp_path / "item.json", tmp_path / "a.nt", base="http://a/")
    transform((), tmp_path / "b.nt", tmp_path / "m.ttl", base="http://a/")
    assert len(read_mapping(tmp_path / "m.ttl").triples_maps) == len(made.triples_maps)
    assert sorted((tmp_path / "a.nt").read_text().splitlines()) == sorted((tmp_path / "b.nt").read_text().splitlines())


def test_other_documents_are_no_stac(tmp_path: Path) -> None:
    assert not is_stac(document(tmp_path, {"type": "FeatureCollection", "features": []}, "a.geojson"))
    with pytest.raises(SourceError, match="records without id; expected STAC items or collections"):
        StacRows(document(tmp_path, {"stac_version": "1.0.0", "features": [1]}), "items")
    with pytest.raises(SourceError, match="no table 'bands'; expected iterator items"):
        StacRows(document(tmp_path, ITEM), "bands")
