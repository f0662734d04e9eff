# SPDX-License-Identifier: Apache-2.0
"""GeoJSON with the coordinate reference system that RFC 7946 took away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from semcube.io import open_vector
from semcube.vocab import CRS84, EPSG


def written(folder: Path, name: str | None) -> Path:
    point = {"type": "Feature", "properties": {"a": 1}, "geometry": {"type": "Point", "coordinates": [1, 2]}}
    document: dict[str, object] = {"type": "FeatureCollection"}
    if name is not None:
        document["crs"] = {"type": "name", "properties": {"name": name}}
    path = folder / "a.geojson"
    path.write_text(json.dumps(document | {"features": [point]}))
    return path


@pytest.mark.parametrize(
    ("name", "system"),
    [
        (None, {CRS84, EPSG + "4326"}),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", {CRS84}),
        ("EPSG:3035", {EPSG + "3035"}),
        ("urn:ogc:def:crs:EPSG::32633", {EPSG + "32633"}),
    ],
)
def test_the_named_system_is_used(tmp_path: Path, name: str | None, system: set[str]) -> None:
    assert open_vector(written(tmp_path, name)).info.crs in system


def test_an_unknown_system_is_not_taken_for_another(tmp_path: Path) -> None:
    info = open_vector(written(tmp_path, "urn:ogc:def:crs:EPSG::999999")).info
    assert info.crs is None
    assert "999999" in info.metadata["warning"]
