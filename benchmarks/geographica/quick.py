# SPDX-License-Identifier: Apache-2.0
"""Loads the synthetic data of Geographica 2 and runs one query of each kind; prints a table in Markdown.

``python -m benchmarks.geographica.quick`` (n = 256: about a million triples). CPU time is that of the whole process,
all threads; each time is the least of the warm runs. Row counts stand beside the times and, for n = 256, are checked.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from semcube.bench.generator import NAMESPACE, Grid, strip, triples, window

PREFIXES = f"""PREFIX geo: <http://www.opengis.net/ont/geosparql#>
PREFIX geof: <http://www.opengis.net/def/function/geosparql/>
PREFIX lo: <{NAMESPACE}landOwnership/>
PREFIX st: <{NAMESPACE}state/>
PREFIX poi: <{NAMESPACE}pointOfInterest/>
"""

EXPECTED = {
    "T1": 256, "T2": 65536, "S1": 100, "S2": 6724, "S3": 33489, "S4b": 256, "S5": 6643,
    "J1": 296, "J2": 252, "J3": 42672, "J4": 64898, "J5": 151130,
}  # fmt: skip
"""Rows at n = 256, on which several engines agreed."""


def star(name: str, prefix: str, tag: int | None) -> str:
    """A feature with its geometry, and a tag if one is asked for."""
    text = f"?{name} geo:hasGeometry ?{name}g . ?{name}g geo:asWKT ?{name}w . "
    if tag is None:
        return text + f"?{name} a {prefix}:{'State' if prefix == 'st' else 'LandOwnership'} . "
    return text + f'?{name} {prefix}:hasTag ?{name}t . ?{name}t {prefix}:hasKey "{tag}" . '


def queries(n: int) -> dict[str, str]:
    """The queries by name."""
    most = Grid(n).max_tag
    everything = "POLYGON ((-1 -1, 91 -1, 91 91, -1 91, -1 -1))"

    def select(prefix: str, relation: str, area: str, tag: int) -> str:
        literal = f'"{area}"^^geo:wktLiteral'
        return f"SELECT ?a ?aw {{ {star('a', prefix, tag)} FILTER(geof:{relation}(?aw, {literal})) }}"

    def join(a: str, a_tag: int | None, b: str, b_tag: int | None, relation: str) -> str:
        return f"SELECT ?a ?b {{ {star('a', a, a_tag)} {star('b', b, b_tag)} FILTER(geof:{relation}(?aw, ?bw)) }}"

    counted = (
        "SELECT ?key (COUNT(?a) AS ?n) { ?a lo:hasTag ?t . ?t lo:hasKey ?key . ?a a lo:LandOwnership } GROUP BY ?key"
    )
    found = {
        "T1": f"SELECT ?a ?ag ?aw {{ {star('a', 'lo', most)} }}",
        "T2": f"SELECT ?a ?ag ?aw {{ {star('a', 'lo', 1)} }}",
        "T3": counted,
        "S1": select("lo", "sfIntersects", window(n, 0.001), 1),
        "S2": select("lo", "sfIntersects", window(n, 0.1), 1),
        "S3": select("lo", "sfIntersects", window(n, 0.5), 1),
        "S4b": select("lo", "sfIntersects", everything, most),
        "S5": select("poi", "sfWithin", strip(n, 0.1), 1),
        "J1": join("lo", most, "st", 1, "sfIntersects"),
        "J2": join("poi", 1, "st", most, "sfWithin"),
        "J3": join("st", 1, "st", 1, "sfTouches"),
        "J4": join("poi", 1, "st", 1, "sfWithin"),
        "J5": join("lo", 1, "st", 1, "sfIntersects"),
    }
    return {name: PREFIXES + text for name, text in found.items()}


def timed(function: Callable[[], int], runs: int) -> tuple[int, float, float]:
    """Rows, and the least CPU and wall milliseconds of the runs after the first."""
    rows, cpu, wall = function(), [], []
    for _ in range(runs):
        c, w = time.process_time(), time.perf_counter()
        rows = function()
        cpu.append((time.process_time() - c) * 1000)
        wall.append((time.perf_counter() - w) * 1000)
    return rows, min(cpu), min(wall)


def main() -> int:
    """Run everything; exit code 1 if a count is not as expected."""
    from semcube.config import Settings
    from semcube.store import Store

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=256, help="hexagons on one axis")
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", help="names of queries, separated by commas")
    options = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "data.nt"
        with open(source, "w", encoding="utf-8") as out:
            out.writelines(triples(options.n))
        with Store.open(Path(folder) / "store", create=True, settings=Settings(threads=options.threads)) as store:
            cpu = time.process_time()
            report = store.load(source)
            cpu = time.process_time() - cpu
            size = store.info().bytes / 1e6
            print(
                f"n = {options.n}: {report.read:,} triples in {cpu:.1f} CPU s"
                f" ({report.seconds:.1f} s wall), {size:.1f} MB\n"
            )
            print("| query | rows | CPU ms | wall ms |\n|---|---:|---:|---:|")
            for name, text in queries(options.n).items():
                if options.only and name not in options.only.split(","):
                    continue
                rows, spent, waited = timed(lambda text=text: _run(store, text), options.runs)  # type: ignore[misc]
                expected = EXPECTED.get(name) if options.n == 256 else None
                note = "" if expected in (None, rows) else f" (expected {expected:,})"
                wrong += bool(note)
                print(f"| {name} | {rows:,}{note} | {spent:.1f} | {waited:.1f} |", flush=True)
    return 1 if wrong else 0


def _run(store: object, text: str) -> int:
    """A query whose answer is decoded to text, as a client gets it."""
    rows = 0
    with store.query(text) as result:  # type: ignore[attr-defined]
        for batch in result._answer.terms():
            rows += batch[0].num_rows
    return rows


if __name__ == "__main__":
    sys.exit(main())
