# SPDX-License-Identifier: Apache-2.0
"""``python -m benchmarks`` measures semcube and the hand plan; ``--full`` all engines that are installed.

Examples::

    python -m benchmarks                               # synthetic, n = 256: about a million triples
    python -m benchmarks --full                        # with every peer that is installed
    python -m benchmarks --full --cold L1 S11 J05      # and the first answers of new processes
    python -m benchmarks --divide 100                  # the same, coordinates a hundred times smaller
    python -m benchmarks --triples 100000 1000000 4000000 16000000   # a series
    python -m benchmarks --set real                    # micro and macro queries on real data
    python -m benchmarks report                        # write the pages anew from the figures kept
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.engines import CACHE, ENGINES, ROOT
from benchmarks.figures import differing
from semcube.bench.runner import Limits, machine, measure

OUTPUT = ROOT / "docs" / "benchmarks"
QUICK = ("hand plan", "semcube")


def hexagons(triples: int) -> int:
    """The n whose data has about so many triples (15.6 times its square).

    Example:
        >>> hexagons(1_022_722), hexagons(100_000)
        (256, 80)
    """
    return round(math.sqrt(triples / 15.6))


def synthetic(n: int, divide: float, work: Path) -> tuple[Path, list[Any], str]:
    """Data, queries and name of a synthetic set."""
    from benchmarks.geographica.dialects import with_dialects
    from semcube.bench.generator import write
    from semcube.bench.workload import everything

    name = f"synthetic-{n}" + (f"-{divide:g}th" if divide != 1 else "")
    data = work / name / "data.nt"
    if not data.exists():
        data.parent.mkdir(parents=True, exist_ok=True)
        write(data, n, divide)
    return data, [with_dialects(query) for query in everything(n, divide)], name


def real(work: Path, shared: Path) -> tuple[Path, list[Any], str]:
    """Data, queries and name of the set of real data."""
    from benchmarks.geographica.layers import write
    from benchmarks.geographica.real import queries

    data = work / "real" / "data.nt"
    if not data.exists():
        data.parent.mkdir(parents=True, exist_ok=True)
        write(shared, data)
    return data, queries(), "real"


def run(data: Path, queries: Sequence[Any], name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measure all engines asked for; keep the figures."""
    limits = Limits(
        runs=options.runs, seconds=options.timeout, threads=options.threads, budget=options.budget, grace=options.grace,
        cold=tuple(options.cold),
    )  # fmt: skip
    chosen = [q for q in queries if not options.only or q.name in options.only]
    found: dict[str, Any] = {"set": name, "machine": machine(), "limits": vars(limits), "engines": {}}
    found["queries"] = [{"name": q.name, "label": q.label} for q in chosen]
    found["data_bytes"] = data.stat().st_size
    kind = "real" if name == "real" else "synthetic"
    kept = options.output / f"{name}.json"
    if options.add and kept.exists():
        found["engines"] = json.loads(kept.read_text(encoding="utf-8"))["engines"]
    for engine_name in options.engines:
        engine = ENGINES[engine_name]
        if kind not in engine.sets:
            continue
        print(f"{name}: {engine_name}", file=sys.stderr, flush=True)
        folder = data.parent / (engine.shares or engine_name).replace(" ", "-")
        before, begun = machine(), time.monotonic()
        figures = measure(engine, data, chosen, folder, limits)
        spent = time.monotonic() - begun
        loads = [before["load"][0], machine()["load"][0]]
        figures |= {"at": before["at"], "load_average": loads, "seconds": round(spent, 1)}
        print(f"  {spent:.0f} s", file=sys.stderr, flush=True)
        measured = {**found["engines"], engine_name: figures}
        found["engines"] = {name: measured[name] for name in ENGINES if name in measured}
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("action", nargs="?", choices=("run", "report"), default="run")
    parser.add_argument("--set", choices=("synthetic", "real"), default="synthetic")
    parser.add_argument("-n", type=int, default=256, help="hexagons on an axis of the synthetic set")
    parser.add_argument("--triples", type=int, nargs="+", help="a series of sizes instead of -n")
    parser.add_argument("--divide", type=float, default=1.0, help="divide the coordinates of the synthetic set by this")
    parser.add_argument("--full", action="store_true", help="every engine that is installed")
    parser.add_argument("--engines", nargs="+", choices=tuple(ENGINES), help="these engines")
    parser.add_argument("--add", action="store_true", help="keep the figures of other engines of the last run")
    parser.add_argument("--only", nargs="+", help="names of queries")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds for one run of a query")
    parser.add_argument("--grace", type=float, default=20.0, help="seconds of a new process in which no run is stopped")
    parser.add_argument("--budget", type=float, default=0.0, help="seconds for all queries of an engine; 0 is no limit")
    parser.add_argument("--cold", nargs="*", default=[], help="queries asked once more, each in a new, cold process")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="the folder of real data")
    parser.add_argument("--work", type=Path, default=CACHE / "data", help="where engines keep their data")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--keep", action="store_true", help="do not delete the data of the engines afterwards")
    options = parser.parse_args(arguments)
    if options.engines is None:
        options.engines = [e.name for e in ENGINES.values() if not e.missing()] if options.full else list(QUICK)
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, write, print; exit code 1 if answers of semcube differ from those of the others."""
    options = parse(arguments)
    wrong = 0
    if options.action == "run":
        sizes = [hexagons(t) for t in options.triples] if options.triples else [options.n]
        for n in sizes if options.set == "synthetic" else [0]:
            chosen = synthetic(n, options.divide, options.work) if n else real(options.work, options.shared)
            found = run(*chosen, options)
            print(report.table(found), flush=True)
            wrong += len(differing(found, "semcube"))
            if not options.keep:
                shutil.rmtree(chosen[0].parent)
    report.write(options.output)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
