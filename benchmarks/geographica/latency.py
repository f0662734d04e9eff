# SPDX-License-Identifier: Apache-2.0
"""Small answers, one by one: look-ups of new features, small selections, planning, single inserts, memory.

``python -m benchmarks.geographica.latency`` (n = 256: about a million triples) loads the synthetic data into a
temporary store; ``--store FOLDER`` uses one that is there, or keeps it there. Prints a table in Markdown. Times are
those of the whole process, decoding to terms included: CPU and wall, median and 95th percentile, in milliseconds.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from semcube.bench.generator import NAMESPACE, Grid, triples
from semcube.bench.workload import PREFIXES, everything

SMALL = ("T1", "S02", "S11", "S12", "S23", "J04")
"""Queries of the benchmark with few rows."""
STEPS = (
    "SELECT ?g {{ <{f}> geo:hasGeometry ?g }}",
    "SELECT ?g ?w {{ <{f}> geo:hasGeometry ?g . ?g geo:asWKT ?w }}",
    "SELECT ?g ?w ?t {{ <{f}> geo:hasGeometry ?g . ?g geo:asWKT ?w . <{f}> lo:hasTag ?t }}",
    "SELECT ?g ?w ?k {{ <{f}> geo:hasGeometry ?g . ?g geo:asWKT ?w . <{f}> lo:hasTag ?t . ?t lo:hasKey ?k }}",
    "SELECT ?p ?o {{ <{f}> ?p ?o }}",
)
"""Look-ups of one feature with no join to three, and all its triples."""


class Times:
    """CPU and wall milliseconds of some runs."""

    def __init__(self) -> None:
        self.cpu: list[float] = []
        self.wall: list[float] = []

    def run(self, function: Callable[[], int]) -> int:
        """Run once; what the function returns."""
        cpu, wall = time.process_time(), time.perf_counter()
        found = function()
        self.cpu.append((time.process_time() - cpu) * 1000)
        self.wall.append((time.perf_counter() - wall) * 1000)
        return found

    def __str__(self) -> str:
        cpu, wall = sorted(self.cpu), sorted(self.wall)
        middle, late = len(cpu) // 2, int(len(cpu) * 0.95)
        return f"{cpu[middle]:.2f} | {cpu[late]:.2f} | {wall[middle]:.2f} | {wall[late]:.2f}"


def ask(store: object, text: str) -> int:
    """The rows of a query whose answer is decoded to terms."""
    with store.query(text) as result:  # type: ignore[attr-defined]
        return sum(batch[0].num_rows for batch in result._answer.terms())


def looked_up(store: object, n: int, count: int) -> Iterator[tuple[str, int, Times]]:
    """Each step over features none of which was asked before."""
    numbers = random.Random(n).sample(range(1, n * n + 1), min(count * len(STEPS), n * n))
    for i, step in enumerate(STEPS):
        times, rows = Times(), 0
        for number in numbers[i :: len(STEPS)]:
            text = PREFIXES + step.format(f=f"{NAMESPACE}landOwnership/{number}")
            rows += times.run(lambda text=text: ask(store, text))  # type: ignore[misc]
        label = f"look-up, {i} joins" if i < len(STEPS) - 1 else "look-up, all triples"
        yield label, rows, times


def small(store: object, n: int, runs: int) -> Iterator[tuple[str, int, Times]]:
    """Small selections: the first run, then warm ones."""
    for query in everything(n):
        if query.name in SMALL:
            first, times = Times(), Times()
            rows = first.run(lambda text=query.texts["filter"]: ask(store, text))  # type: ignore[misc]
            yield f"{query.name} first: {query.label}", rows, first
            for _ in range(runs):
                times.run(lambda text=query.texts["filter"]: ask(store, text))  # type: ignore[misc]
            yield f"{query.name} warm", rows, times


def windows(store: object, n: int, count: int) -> Iterator[tuple[str, int, Times]]:
    """Windows of 0.1 %, each elsewhere."""
    grid, places = Grid(n), random.Random(n + 1)
    side, rows, times = 90 * 0.001**0.5, 0, Times()
    for _ in range(count):
        x, y = places.uniform(0, 90 - side), places.uniform(0, grid.dy * n - side)
        corners = ((x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y))
        area = ", ".join(f"{a:.6f} {b:.6f}" for a, b in corners)
        text = PREFIXES + (
            'SELECT ?a ?aw { ?a geo:hasGeometry ?ag . ?ag geo:asWKT ?aw . ?a lo:hasTag ?at . ?at lo:hasKey "1" . '
            f'FILTER(geof:sfIntersects(?aw, "POLYGON (({area}))"^^geo:wktLiteral)) }}'
        )
        rows += times.run(lambda text=text: ask(store, text))  # type: ignore[misc]
    yield "windows of 0.1 %, all different", rows, times


def planned(store: object, n: int, count: int) -> Iterator[tuple[str, int, Times]]:
    """Parsing and planning without running: texts of new shape, and texts that differ in a constant."""
    from semcube.sparql.query import execute

    step = STEPS[3][:-2]
    names = [f"{NAMESPACE}landOwnership/{i}" for i in range(1, count + 1)]
    shapes = [PREFIXES + step.format(f=names[0]) + f"OPTIONAL {{ ?g ?p{i} ?o{i} }} }}" for i in range(count)]
    constants = [PREFIXES + STEPS[3].format(f=name) for name in names]
    for label, texts in (("parse + plan, new shape", shapes), ("parse + plan, another constant", constants)):
        times = Times()
        for text in texts:
            with store.snapshot() as snapshot:  # type: ignore[attr-defined]
                times.run(lambda text=text, snapshot=snapshot: len(execute(text, snapshot).variables))  # type: ignore[misc]
        yield label, len(texts), times


def inserts(store: object, n: int, count: int) -> Iterator[tuple[str, int, Times]]:
    """Single triples, each committed, and look-ups and a selection after them."""
    writes, reads, selects = Times(), Times(), Times()
    selection = next(q for q in everything(n) if q.name == "S11").texts["filter"]
    rows = 0
    for i in range(count):
        text = f'INSERT DATA {{ <{NAMESPACE}new/{i}> <{NAMESPACE}landOwnership/hasNote> "note {i}" }}'
        writes.run(lambda text=text: store.update(text).inserted)  # type: ignore[misc, attr-defined]
        if i % 10 == 9:
            text = f"SELECT ?o {{ <{NAMESPACE}new/{i}> <{NAMESPACE}landOwnership/hasNote> ?o }}"
            rows += reads.run(lambda text=text: ask(store, text))  # type: ignore[misc]
            selects.run(lambda: ask(store, selection))
    yield "insert of one triple, committed", count, writes
    yield "look-up after an insert", rows, reads
    yield "S11 after an insert", len(selects.cpu), selects


def main() -> int:
    """Run everything and print the table."""
    from semcube.config import Settings
    from semcube.store import Store

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-n", type=int, default=256, help="hexagons on one axis")
    parser.add_argument("--store", type=Path, help="a folder with the data of this n, or where to keep it")
    parser.add_argument("--count", type=int, default=200, help="features to look up")
    parser.add_argument("--runs", type=int, default=10, help="warm runs of a query")
    parser.add_argument("--inserts", type=int, default=0, help="triples to insert one by one; they stay in the store")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory-mb", type=int, default=2048)
    options = parser.parse_args()
    settings = Settings(threads=options.threads, memory_mb=options.memory_mb)
    with tempfile.TemporaryDirectory() as folder:
        place = options.store or Path(folder) / "store"
        with Store.open(place, create=True, settings=settings) as store:
            if not len(store):
                _load(store, options.n, Path(folder))
        cpu = time.process_time()
        with Store.open(place, settings=settings) as store:
            print(f"opened in {(time.process_time() - cpu) * 1000:.1f} CPU ms, {store.info().bytes / 1e6:.1f} MB\n")
            print("| what | rows | CPU p50 | CPU p95 | wall p50 | wall p95 |\n|---|---:|---:|---:|---:|---:|")
            steps = [looked_up(store, options.n, options.count), small(store, options.n, options.runs)]
            steps += [windows(store, options.n, options.count // 4), planned(store, options.n, options.count)]
            if options.inserts:
                steps.append(inserts(store, options.n, options.inserts))
            for step in steps:
                for label, rows, times in step:
                    print(f"| {label} | {rows:,} | {times} |", flush=True)
    print(f"\npeak resident memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    return 0


def _load(store: object, n: int, folder: Path) -> None:
    source = folder / "data.nt"
    with open(source, "w", encoding="utf-8") as out:
        out.writelines(triples(n))
    cpu = time.process_time()
    report = store.load(source)  # type: ignore[attr-defined]
    source.unlink()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{report.read:,} triples loaded in {time.process_time() - cpu:.1f} CPU s, peak {peak:.0f} MiB")


if __name__ == "__main__":
    sys.exit(main())
