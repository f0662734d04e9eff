# SPDX-License-Identifier: Apache-2.0
"""The engines that can be measured: how each is started, and what has to be there for it."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

from semcube.bench.runner import Engine

__all__ = ["CACHE", "ENGINES", "ROOT"]

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "benchmarks" / ".cache"


def _python(name: str, interpreter: str = sys.executable) -> tuple[str, ...]:
    return (interpreter, "-m", f"benchmarks.drivers.{name}")


def _java(name: str, main: str, *arguments: str) -> tuple[str, ...]:
    path = f"{CACHE}/{name}/classes:{CACHE}/{name}/lib/*"
    return (shutil.which("java") or "java", "-Xmx6g", "-XX:ActiveProcessorCount=2", "-cp", path, main, *arguments)


def _interpreter(name: str) -> Path:
    """Python of a virtual environment that only a peer needs."""
    return CACHE / name / "bin" / "python"


SEDONA = _interpreter("sedonadb")
POSTGIS = _interpreter("postgis")
ENGINES = {
    engine.name: replace(engine, source=ROOT, script=f"benchmarks/peers/{engine.script}")
    for engine in (
        Engine("hand plan", "DuckDB tables of numbers and GEOS arrays, plans by hand", _python("handplan"),
               sets=("synthetic",)),
        Engine("semcube", "this project", (sys.executable, "-m", "semcube.bench.store_driver")),
        Engine("postgis", "PostgreSQL + PostGIS by SQL, GiST; tables by predicate, of real data by class",
               _python("postgis", str(POSTGIS)), POSTGIS, "postgis.sh"),
        Engine("sedonadb", "SedonaDB 0.5 by SQL over the same tables as Parquet",
               _python("sedonadb", str(SEDONA)), SEDONA, "sedonadb.sh", options={"python": sys.executable}),
        Engine("pyoxigraph", "Oxigraph with its own functions", _python("oxigraph")),
        Engine("jena", "Jena 5.6.0 TDB2, filter functions", _java("jena", "JenaPeer", "filter"),
               CACHE / "jena" / "classes" / "JenaPeer.class", "java.sh"),
        Engine("jena index", "Jena 5.6.0 TDB2 with spatial index, property functions",
               _java("jena", "JenaPeer", "property"), CACHE / "jena" / "classes" / "JenaPeer.class", "java.sh",
               shares="jena"),
        Engine("rdf4j", "RDF4J 5.1.0 LMDB with GeoSPARQL functions", _java("rdf4j", "Rdf4jPeer", "filter"),
               CACHE / "rdf4j" / "classes" / "Rdf4jPeer.class", "java.sh"),
        Engine("virtuoso", "Virtuoso 7.2.5 open source, bif: functions", _python("virtuoso"),
               CACHE / "virtuoso" / "root" / "usr" / "bin" / "virtuoso-t", "virtuoso.sh"),
    )
}  # fmt: skip
