# SPDX-License-Identifier: Apache-2.0
"""``python -m benchmarks.mapping`` measures the mapper beside others and writes docs/benchmarks/mapping.md.

Examples::

    benchmarks/mapping/morph.sh                       # install morph-kgc once
    python -m benchmarks.mapping                      # both tables, every way
    python -m benchmarks.mapping --tables points --ways semcube prototype
    python -m benchmarks.mapping --times 1 10 --ways semcube      # does memory grow with the rows?
    python -m benchmarks.mapping --ways spark-1 spark-2 --times 8 # one core and two
    python -m benchmarks.mapping report               # write the page anew from the figures kept
"""

from __future__ import annotations

import argparse
import compileall
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.engines import CACHE, ROOT
from benchmarks.mapping import data, report

KEPT = ROOT / "docs" / "benchmarks" / "mapping.json"
MORPH = CACHE / "morph-kgc" / "bin" / "python"
SEMCUBE = [sys.executable, "-m", "semcube"]
BULK_LOAD = """
import sys, pyoxigraph
store = pyoxigraph.Store(sys.argv[1])
store.bulk_load(path=sys.argv[2], format=pyoxigraph.RdfFormat.N_TRIPLES)
store.flush()
"""


class Run:
    """What is measured for one table."""

    def __init__(self, name: str, times: int, work: Path) -> None:
        self.name, self.work = name, work
        self.table = data.table(name, times, CACHE / "mapping")
        self.mapping = data.mapping(name, self.table, work / f"{name}.rml.ttl")

    def command(self, way: str) -> tuple[list[str], Path]:
        """What to run, and what it makes."""
        text = self.work / f"{self.name}-{way}.nt"
        transform = [*SEMCUBE, "transform", "--quiet", "--mapping", str(self.mapping), "--output"]
        if way == "semcube":
            return [*transform, str(text)], text
        if way.startswith("semcube."):
            made = text.with_name(f"{self.name}-{way}")
            return [*transform, str(made)], made
        if way == "semcube-jobs-2":
            return [*transform, str(text), "--jobs", "2"], text
        if way.startswith("spark-"):
            return [*transform, str(text), "--engine", "spark", "--master", f"local[{way[-1]}]"], text
        if way == "semcube-load":
            store = self.work / "store"
            return [
                *SEMCUBE,
                "load",
                "-q",
                "--store",
                str(store),
                "--mapping",
                str(self.mapping),
                str(self.table),
            ], store
        if way == "pyoxigraph":
            store = self.work / "oxigraph"
            return [sys.executable, "-c", BULK_LOAD, str(store), str(self.work / f"{self.name}-semcube.nt")], store
        if way == "prototype":
            return [sys.executable, "-m", "benchmarks.mapping.prototype", self.name, str(self.table), str(text)], text
        return self._morph(text), text

    def _morph(self, text: Path) -> list[str]:
        csv = data.text_table(self.table)
        mapping = data.mapping(self.name, csv, self.work / f"{self.name}-csv.rml.ttl")
        settings = self.work / "morph.ini"
        settings.write_text(
            f"[CONFIGURATION]\noutput_file: {text}\noutput_format: N-TRIPLES\nnumber_of_processes: 1\n"
            f"na_values: __none__\nlogging_level: WARNING\n[DS]\nmappings: {mapping}\n",
            encoding="utf-8",
        )
        return [str(MORPH), "-m", "morph_kgc", str(settings)]


WAYS = (
    "semcube", "semcube.nt.zst", "semcube.parquet", "semcube-jobs-2", "prototype", "morph-kgc",
    "semcube-load", "pyoxigraph", "spark-1", "spark-2",
)  # fmt: skip


def spent(command: Sequence[str]) -> dict[str, float]:
    """Run a command; wall and CPU seconds and the largest memory of any of its processes, in MB.

    Raises:
        RuntimeError: It failed.
    """
    started = time.perf_counter()
    child = os.posix_spawn(command[0], list(command), {**os.environ, "PYTHONPATH": str(ROOT)})
    _, status, usage = os.wait4(child, 0)
    if status:
        raise RuntimeError(f"{' '.join(command)} failed: {status}")
    return {
        "wall": round(time.perf_counter() - started, 2),
        "cpu": round(usage.ru_utime + usage.ru_stime, 2),
        "system": round(usage.ru_stime, 2),
        "rss": round(usage.ru_maxrss / 1024),
    }


def machine() -> dict[str, Any]:
    """Where it was measured, and with what."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(":")[1].strip() for line in lines if "model name" in line), "")
    versions = {name: version(name) for name in ("semcube", "duckdb", "pyarrow", "pyoxigraph")}
    return {"processor": model, "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1), "versions": versions}


def sorted_lines(path: Path, work: Path) -> Path:
    """The lines of a file, or of the files of a folder, sorted by bytes."""
    files = sorted(path.glob("part-*")) if path.is_dir() else [path]
    target = work / f"{path.name}.sorted"
    command = ["sort", "--buffer-size=2G", "--parallel=1", f"--output={target}", *map(str, files)]
    subprocess.run(command, check=True, env={**os.environ, "LC_ALL": "C"})
    return target


def digest(path: Path) -> str:
    """MD5 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def differing(one: Path, two: Path) -> int:
    """How many lines of the second of two sorted files are not in the first."""
    command = ["comm", "-13", str(one), str(two)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "LC_ALL": "C"}) as process:
        assert process.stdout is not None
        return sum(1 for _ in process.stdout)


def remove(path: Path) -> None:
    """A file or a folder."""
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def measure(run: Run, ways: Sequence[str], repeats: int, *, compare: bool) -> dict[str, Any]:
    """The figures of all ways over one table; those with most CPU and least are kept too."""
    found: dict[str, Any] = {}
    expected: Path | None = None
    for way in ways:
        command, made = run.command(way)
        runs = []
        for _ in range(1 if way in ("morph-kgc", "pyoxigraph") else repeats):
            remove(made)
            runs.append(spent(command))
        best = min(runs, key=lambda each: each["cpu"])
        found[way] = best | {"cpu_of_runs": [each["cpu"] for each in runs]}
        found[way]["bytes"] = sum(f.stat().st_size for f in made.rglob("*")) if made.is_dir() else made.stat().st_size
        print(run.name, way, found[way], file=sys.stderr, flush=True)
        if compare and made.suffix == ".nt":
            lines = sorted_lines(made, run.work)
            found[way]["digest"] = digest(lines)
            expected = expected or lines
            found[way]["differing"] = 0 if digest(expected) == found[way]["digest"] else differing(expected, lines)
            if lines != expected:
                remove(lines)
        if way != "semcube" or "pyoxigraph" not in ways:
            remove(made)
    shutil.rmtree(run.work)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, keep the figures, write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mapping", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("action", nargs="?", choices=("run", "report"), default="run")
    parser.add_argument("--tables", nargs="+", choices=data.TABLES, default=data.TABLES)
    parser.add_argument("--times", nargs="+", type=int, default=[1], help="sizes, as multiples of the table")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=[w for w in WAYS if not w.startswith("spark")])
    parser.add_argument("--runs", type=int, default=3, help="the one with least CPU counts")
    parser.add_argument("--no-compare", action="store_true", help="do not sort and compare the lines")
    parser.add_argument("--work", type=Path, default=CACHE / "mapping" / "work")
    options = parser.parse_args(arguments)
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    if options.action == "run":
        compileall.compile_dir(ROOT / "semcube", quiet=1)  # an installed package has its bytecode
        for times in options.times:
            for name in options.tables:
                options.work.mkdir(parents=True, exist_ok=True)
                run = Run(name, times, options.work)
                found = measure(run, options.ways, options.runs, compare=not options.no_compare)
                kept.setdefault(f"{name} x{times}", {}).update(found)
                kept["machine"] = machine()
                KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    report.write(kept, KEPT.with_suffix(".md"))


if __name__ == "__main__":
    main()
