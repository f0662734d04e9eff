# SPDX-License-Identifier: Apache-2.0
"""A run is killed, started again, and has to give the links of one that was not: ``python -m ...resume FOLDER [S]``."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.interlinking.sets import PAIRINGS

OPTIONS = (
    "--source-iri", "http://e/s/{id}", "--target-iri", "http://e/t/{id}", "--source-crs", "CRS84", "--target-crs",
    "CRS84", "--relations", "sf,ehCovers,ehCoveredBy", "--invalid", "keep",
)  # fmt: skip


def command(letter: str, folder: Path, output: Path, *more: str | Path) -> list[str]:
    """The command that links a pairing."""
    pairing = PAIRINGS[letter]
    sides = [str(folder / f"{name}.parquet") for name in (pairing.source, pairing.target) if name is not None]
    return [sys.executable, "-m", "semcube", "interlink", *sides, "-o", str(output), *OPTIONS, *map(str, more)]


def killed(arguments: Sequence[str], state: Path, parts: int) -> int:
    """Start a command and kill it (SIGKILL) once its state has so many parts; returns how many it has."""
    process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
    while process.poll() is None and len(list(state.glob("met-*.parquet"))) < parts:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    if process.wait() != -signal.SIGKILL:
        raise RuntimeError("the run was over before it could be killed")
    return len(list(state.glob("met-*.parquet")))


def resumed(letter: str, folder: Path, kills: Sequence[int] = (3, 8)) -> dict[str, Any]:
    """Kill a run several times, let it end, and compare the sorted lines with those of a run without interruption."""
    import json

    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        subprocess.run(command(letter, folder, work / "whole.nt", "-q"), check=True)
        state, output = work / "state", work / "resumed.nt"
        again = command(letter, folder, output, "--state", state, "--json", "--report", work / "report.json")
        parts = [killed(again, state, count) for count in kills]
        left = output.exists()
        subprocess.run(again, check=True, capture_output=True)
        report = json.loads((work / "report.json").read_text())
        whole, found = (sorted(path.open("rb")) for path in (work / "whole.nt", output))
    return {
        "parts": parts, "output_before": left, "lines": len(found), "equal": whole == found,
        "candidates": report["candidates"], "known": report["known"], "verified": report["verified"],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("pairing", nargs="?", default="S", choices=[*PAIRINGS])
    given = parser.parse_args()
    print(resumed(given.pairing, given.folder))


if __name__ == "__main__":
    main()
