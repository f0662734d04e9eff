# SPDX-License-Identifier: Apache-2.0
"""The engines that can be measured: how each is started, and what has to be there for it."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ENGINES", "Engine"]

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "benchmarks" / ".cache"


@dataclass(frozen=True)
class Engine:
    """An engine.

    Attributes:
        name: How it is asked for and what the table calls it.
        title: What it is, with its version where that is fixed.
        command: Starts its driver; the job file is added.
        needs: A file without which it cannot run.
        script: What installs it.
        sets: The sets of queries that it can be asked.
        shares: The engine whose loaded data it uses.
    """

    name: str
    title: str
    command: tuple[str, ...]
    needs: Path | None = None
    script: str = ""
    sets: tuple[str, ...] = ("synthetic", "real")
    shares: str = ""

    def missing(self) -> str | None:
        """Why it cannot run here, if so."""
        if self.needs is not None and not self.needs.exists():
            absent = self.needs.relative_to(ROOT)
            return f"{self.name} is not installed: {absent} is absent; run benchmarks/peers/{self.script}"
        return None


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
    engine.name: engine
    for engine in (
        Engine("hand plan", "DuckDB tables of numbers and GEOS arrays, plans by hand", _python("handplan"),
               sets=("synthetic",)),
        Engine("semcube", "this project", _python("semcube")),
        Engine("postgis", "PostgreSQL + PostGIS by SQL, tables by predicate, GiST",
               _python("postgis", str(POSTGIS)), POSTGIS, "postgis.sh", ("synthetic",)),
        Engine("sedonadb", "SedonaDB 0.5 by SQL over Parquet", _python("sedonadb", str(SEDONA)), SEDONA, "sedonadb.sh",
               ("synthetic",)),
        Engine("pyoxigraph", "Oxigraph with its own functions", _python("oxigraph")),
        Engine("jena", "Jena 5.6.0 TDB2, filter functions", _java("jena", "JenaPeer", "filter"),
               CACHE / "jena" / "classes" / "JenaPeer.class", "java.sh"),
        Engine("jena index", "Jena 5.6.0 TDB2 with spatial index, property functions",
               _java("jena", "JenaPeer", "property"), CACHE / "jena" / "classes" / "JenaPeer.class", "java.sh",
               ("synthetic",), "jena"),
        Engine("rdf4j", "RDF4J 5.1.0 LMDB with GeoSPARQL functions", _java("rdf4j", "Rdf4jPeer", "filter"),
               CACHE / "rdf4j" / "classes" / "Rdf4jPeer.class", "java.sh"),
        Engine("virtuoso", "Virtuoso 7.2.5 open source, bif: functions", _python("virtuoso"),
               CACHE / "virtuoso" / "root" / "usr" / "bin" / "virtuoso-t", "virtuoso.sh", ("synthetic",)),
    )
}  # fmt: skip
