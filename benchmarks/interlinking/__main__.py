# SPDX-License-Identifier: Apache-2.0
"""Interlinking beside its peers: ``python -m benchmarks.interlinking FOLDER --jar jts-core.jar --peers PYTHON``.

FOLDER has the sets (``python -m benchmarks.interlinking.sets``), PYTHON the packages duckdb, duckdb-extension-spatial
and sedonadb. Pairs and relations are compared with JTS first. Figures go to docs/benchmarks/interlinking.json, section
by section, so that a part can be measured again (``--only``); the page and the plots are made from all of them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.interlinking import oracle
from benchmarks.interlinking.curves import curves
from benchmarks.interlinking.measure import Cost, isolated
from benchmarks.interlinking.page import write
from benchmarks.interlinking.resume import command, resumed
from benchmarks.interlinking.sets import PAIRINGS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "interlinking.md"
HERE = Path(__file__).parent
PEERS = {"duckdb": "duckdb_join.py", "sedonadb": "sedonadb_join.py"}


def told(cost: Cost, *, memory: bool = False) -> dict[str, Any]:
    """A cost for JSON."""
    found: dict[str, Any] = {"cpu": cost.cpu, "wall": cost.wall, "peak": cost.peak}
    if memory:
        found["memory"] = [[round(at, 2), round(size)] for at, size in cost.memory]
    return found


def semcube(letter: str, given: argparse.Namespace, work: Path, *more: str) -> dict[str, Any]:
    """A whole process that reads files and writes links."""
    return told(isolated(command(letter, given.folder, work / "links.nt", "-q", *more)), memory=letter == "S")


def peer(name: str, letter: str, given: argparse.Namespace, work: Path) -> dict[str, Any]:
    """A whole process of DuckDB or SedonaDB that reads files and writes pairs; with its counts of relations."""
    pairing = PAIRINGS[letter]
    sides = [given.folder / f"{side}.parquet" for side in (pairing.source, pairing.target)]
    output = work / f"{name}.parquet"
    cost = isolated([given.peers, HERE / "peers" / PEERS[name], *sides, output])
    return told(cost, memory=letter == "S") | {"counts": counts_of(pq.read_table(output)), **against(letter, output)}


def counts_of(table: Any) -> dict[str, int]:
    """Pairs by relation, from matrices or from one column for each."""
    if "matrix" in table.column_names:
        values = table.column("matrix").combine_chunks().value_counts().to_pylist()
        return oracle.counts((value["values"], value["counts"]) for value in values)
    return {name: int(np.sum(table.column(name).to_numpy())) for name in oracle.NINE}


def against(letter: str, output: Path) -> dict[str, Any]:
    """How many pairs only one has, of those in a file and those found here."""
    pairs, _ = oracle.of_semcube(PAIRINGS[letter], FOLDER[0])
    mine = np.sort(pairs["first"].astype(np.int64) << 32 | pairs["second"].astype(np.int64))
    table = pq.read_table(output, columns=["first", "second"])
    theirs = np.sort((table.column("first").to_numpy() << 32) | table.column("second").to_numpy())
    return {"pairs": len(theirs), "pairs_different": len(np.setxor1d(mine, theirs))}


FOLDER: list[Path] = []


def on_spark(script: str, letter: str, given: argparse.Namespace, work: Path) -> dict[str, Any]:
    """A whole Spark program, and the CPU of its second run."""
    pairing = PAIRINGS[letter]
    target = "-" if pairing.target is None else given.folder / f"{pairing.target}.parquet"
    output = work / f"{script}-{letter}.nt"
    cost = isolated(
        [sys.executable, HERE / "peers" / script, given.folder / f"{pairing.source}.parquet", target, output]
    )
    found = next(json.loads(line) for line in cost.output.splitlines() if line.startswith("{"))
    found["peak"] = cost.peak
    if script.startswith("sedona"):
        table = pq.read_table(output)
        return found | {"counts": counts_of(table), **against(letter, output)}
    return found | {"files": len(list(output.glob("part-*"))), "equal": same_lines(letter, given, work, output)}


def same_lines(letter: str, given: argparse.Namespace, work: Path, folder: Path) -> dict[str, Any]:
    """The sorted lines of all files against those of one process."""
    isolated(command(letter, given.folder, work / "one.nt", "-q"))
    one = sorted((work / "one.nt").open("rb"))
    many = sorted(line for file in folder.glob("part-*") for line in file.open("rb"))
    return {"lines": len(many), "equal": one == many}


def sections(given: argparse.Namespace, work: Path) -> dict[str, Callable[[], Any]]:
    """What can be measured, by name."""
    made: dict[str, Callable[[], Any]] = {}
    for letter in PAIRINGS:
        made[f"oracle/{letter}"] = lambda letter=letter: oracle.checked(letter, given.folder, given.jar)
    for letter in "ABCDS":
        made[f"semcube/{letter}"] = lambda letter=letter: semcube(letter, given, work)
    for letter in "AS":
        made[f"two/{letter}"] = lambda letter=letter: semcube(letter, given, work, "--processes", "2")
    for name in PEERS:
        for letter in "ACS":
            made[f"{name}/{letter}"] = lambda name=name, letter=letter: peer(name, letter, given, work)
    for letter in "AS":
        made[f"sedona/{letter}"] = lambda letter=letter: on_spark("sedona_spark.py", letter, given, work)
    for letter in "ABCDS":
        made[f"spark/{letter}"] = lambda letter=letter: on_spark("semcube_spark.py", letter, given, work)
    for letter in PAIRINGS:
        made[f"curves/{letter}"] = lambda letter=letter: curves(letter, given.folder)
    made["resume/S"] = lambda: resumed("S", given.folder)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jar", type=Path, help="JTS")
    parser.add_argument("--peers", type=Path, help="a Python with DuckDB and SedonaDB")
    parser.add_argument("--only", nargs="*", default=[""], help="beginnings of sections, such as semcube or sedona/S")
    given = parser.parse_args()
    FOLDER[:] = [given.folder]
    file = PAGE.with_suffix(".json")
    found = json.loads(file.read_text()) if file.exists() else {}
    with tempfile.TemporaryDirectory() as name:
        for section, run in sections(given, Path(name)).items():
            if any(section.startswith(each) for each in given.only):
                found[section] = run()
                print(section, str(found[section])[:200], file=sys.stderr, flush=True)
                lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in found.items())
                file.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    write(found, PAGE)


if __name__ == "__main__":
    main()
