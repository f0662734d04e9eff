# SPDX-License-Identifier: Apache-2.0
"""OpenStreetMap files: layers, and tags as columns."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import shapely

from semcube.io import layers, open_vector
from semcube.mapping import transform

PBF = (
    "AAAADQoJT1NNSGVhZGVyGDsQLxo3eJxT4vMvzg1OzkjNTdQNM9AzU+JySc0rTvXLT0ktbmIUyMlMyi/OzSzN1TfSMzLWMwQAX2cOkwAAAAwKB0"
    "9TTURhdGEYlwEQnAEakQF4nONy5WIAQpa8xNxULubQnFwu1oKcxORULpbkzJJKLq6C/ILSnMSSzPw8LjZDIzNjI0ug2vySVC7e4sRKBaWMTCUd"
    "hcSYJKFgoUAuFiYg0JLjYmEAAiEwKQUmlcCkFgsTkHTibWg5dZb5/+IXzAwNnVVePAdeLorfv38HJ5DDEMTDxMzCysbOwQnSAACyUCKeAAAADA"
    "oHT1NNRGF0YRiDARCJARp+eJxVyrEOgjAQANByrbYei+lkLgyGidmR0dWvOOWgTRowFDT8vazO7+EDFdoQh/DlDW1e555fguUsOXYyLpETWs7v"
    "wGnZp3uuMXVxHPYxTX2b5CMpo94kY3HzLZFDDwUQaFOjU2d1UVfVHO5ggCpXejhaAnf6M2MA9A96cxro"
)
"""A node and two ways, made for this test: a city, a street and a building."""


@pytest.fixture
def town(tmp_path: Path) -> Path:
    path = tmp_path / "town.osm.pbf"
    path.write_bytes(base64.b64decode(PBF))
    return path


def test_layers_and_tags(town: Path) -> None:
    assert layers(town) == ["points", "lines", "multilinestrings", "multipolygons", "other_relations"]
    points = open_vector(town, "points")
    assert points.info.crs is not None
    assert points.info.crs.endswith(("CRS84", "4326"))
    (row,) = next(points.batches()).to_pylist()
    assert (row["fid"], row["name"], row["place"], row["population"]) == (1, "Ulm", "city", "126329")
    assert shapely.from_wkb(row["geometry"]).wkt == "POINT (9.99 48.4)"
    (street,) = next(open_vector(town, "lines").batches(columns=["surface", "highway"])).to_pylist()
    assert (street["surface"], street["highway"], "other_tags" in street) == ("asphalt", "residential", False)
    (house,) = next(open_vector(town, "multipolygons").batches(columns=["roof:levels", "other_tags"])).to_pylist()
    assert (house["roof:levels"], house["other_tags"]) == ("2", '"roof:levels"=>"2"')
    assert shapely.from_wkb(house["geometry"]).geom_type == "MultiPolygon"


def test_tags_become_properties(town: Path, tmp_path: Path) -> None:
    transform(town, tmp_path / "o.nt", base="http://a/")
    lines = (tmp_path / "o.nt").read_text(encoding="utf-8").splitlines()
    assert '<http://a/points/1> <http://a/ontology#population> "126329" .' in lines
    assert '<http://a/multipolygons/11> <http://a/ontology#roof_levels> "2" .' in lines
