# SPDX-License-Identifier: Apache-2.0
"""Real data in the place of the layers of Geographica, written as N-Triples by hand-made rules (not by semcube).

| layer of Geographica | here | short | class |
| --- | --- | --- | --- |
| GAG: municipalities | countries (Natural Earth 50m) and counties (TIGER extract) | ``gag`` | ``Area`` |
| CLC: land cover | urban areas (Natural Earth 50m) | ``clc`` | ``LandCover`` |
| LGD: lines | rivers (Natural Earth 50m and 10m) | ``lgd`` | ``Way`` |
| GeoNames | GeoNames of Sweden | ``gn`` | ``Place`` |
| DBpedia | populated places (Natural Earth 50m) | ``dbp`` | ``City`` |
| hotspots | MODIS fires in Australia, every second | ``fire`` | ``Hotspot`` |
| burnt areas of the rapid mapping scenario | burnt areas in Portugal | ``burnt`` | ``BurntArea`` |
| (polar) | ice chart of the Eastern Arctic | ``ice`` | ``Ice`` |
| (parcels) | agricultural parcels of Portugal | ``parcel`` | ``Parcel`` |
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from benchmarks.geographica.names import BASE, GEO, LABEL, TYPE

__all__ = ["write"]

Feature = tuple[str, str, str]


def _quoted(text: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return "".join(escapes.get(c, c) for c in text)


def _lines(short: str, class_name: str, features: Iterable[Feature]) -> Iterator[str]:
    for number, (label, code, wkt) in enumerate(features, start=1):
        subject = f"<{BASE}{short}/{number}>"
        geometry = f"<{BASE}{short}/{number}/geometry>"
        yield f"{subject} {TYPE} <{BASE}{class_name}> .\n"
        if label:
            yield f'{subject} {LABEL} "{_quoted(label)}" .\n'
        if code:
            yield f'{subject} <{BASE}code> "{_quoted(code)}" .\n'
        yield f"{subject} <{GEO}hasGeometry> {geometry} .\n"
        yield f'{geometry} <{GEO}asWKT> "{wkt}"^^<{GEO}wktLiteral> .\n'


def _vector(path: str | Path, label: str | None, code: str | None, layer: str | None = None) -> Iterator[Feature]:
    """Features of a vector file in longitude and latitude; invalid geometries are made valid, empty ones left out."""
    import pyproj
    from pyogrio.raw import read

    meta, _, wkb, columns = read(path, layer=layer)
    shapes = shapely.force_2d(shapely.make_valid(shapely.from_wkb(wkb)))
    crs = pyproj.CRS(meta["crs"]) if meta["crs"] else None
    if crs is not None and not crs.is_geographic:
        change = pyproj.Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)
        shapes = shapely.transform(shapes, lambda xy: np.column_stack(change.transform(xy[:, 0], xy[:, 1])))
    fields = {name.lower(): column for name, column in zip(meta["fields"], columns, strict=True)}
    names: Any = fields[label.lower()] if label else [""] * len(shapes)
    codes: Any = fields[code.lower()] if code else [""] * len(shapes)
    for name, value, shape in zip(names, codes, shapes, strict=True):
        if shape is not None and not shape.is_empty:
            yield str(name or ""), str(value or ""), shapely.to_wkt(shape, rounding_precision=7)


def _places(path: Path) -> Iterator[Feature]:
    with zipfile.ZipFile(path) as archive, archive.open("SE.txt") as raw:
        for line in io.TextIOWrapper(raw, encoding="utf-8"):
            row = line.rstrip("\n").split("\t")
            yield row[1], row[7], f"POINT ({row[5]} {row[4]})"


def _fires(path: Path) -> Iterator[Feature]:
    with path.open(encoding="utf-8") as text:
        for number, row in enumerate(csv.DictReader(text)):
            if number % 2 == 0:
                yield "", row["acq_date"], f"POINT ({row['longitude']} {row['latitude']})"


def _counties(path: Path) -> Iterator[Feature]:
    for line in path.read_text(encoding="utf-8").splitlines():
        row = line.split("\t")
        yield row[5], "county", row[0]


def write(shared: Path, target: Path) -> None:
    """Write all layers as N-Triples.

    Args:
        shared: The folder that has ``data`` with the sets.
        target: The file.
    """
    data = shared / "data"
    earth = data / "natural_earth"

    def natural(name: str) -> Path:
        found = sorted(earth.rglob(f"{name}.shp"))
        if not found:
            raise FileNotFoundError(f"no {name}.shp under {earth}")
        return found[0]

    layers: list[tuple[str, str, Iterator[Feature]]] = [
        ("gag", "Area", _vector(natural("ne_50m_admin_0_countries"), "name", "iso_a2")),
        ("county", "Area", _counties(data / "tiger" / "county_small.tsv")),
        ("clc", "LandCover", _vector(natural("ne_50m_urban_areas"), None, "scalerank")),
        ("lgd", "Way", _vector(natural("ne_50m_rivers_lake_centerlines"), "name", "featurecla")),
        ("lgd10", "Way", _vector(natural("ne_10m_rivers_lake_centerlines"), "name", "scalerank")),
        ("gn", "Place", _places(data / "geonames" / "SE.zip")),
        ("dbp", "City", _vector(natural("ne_50m_populated_places_simple"), "name", "iso_a2")),
        ("fire", "Hotspot", _fires(data / "fire" / "fire_archive_M6_96619.csv")),
        ("burnt", "BurntArea", _vector(data / "fire" / "wildfires_GT_2019_2020_32629.gpkg", "type", "type_cause")),
        ("ice", "Ice", _vector(data / "ice_chart" / "cis_SGRDREA_20201102T.gpkg", "POLY_TYPE", "CT")),
        ("parcel", "Parcel", _vector(data / "parcels" / "Continente.gpkg", None, None, "Culturas_Aveiro")),
    ]
    with target.open("w", encoding="utf-8") as out:
        for short, class_name, features in layers:
            out.writelines(_lines(short, class_name, features))
