# SPDX-License-Identifier: Apache-2.0
"""What a driver is, and the loop that runs a job with one: lines of JSON go in by a file and out by standard output.

A job names a phase. ``load`` reads the data into a folder; ``query`` opens the folder and asks each query once (the
first run), some more times (the warm runs), and once more to compare its answer. Drivers in other languages speak the
same lines. This module needs the standard library only, on Linux or macOS.
"""

from __future__ import annotations

import hashlib
import json
import resource
import signal
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

__all__ = ["Driver", "digest", "folder_bytes", "main", "work"]

WARM = ((300.0, 2),)
"""Milliseconds of the shortest run so far above which there are only so many warm runs; by the second,
caches hold what they can."""


class Driver(ABC):
    """An engine: where its data is and how it answers.

    Args:
        job: ``folder``, ``threads``, and what else the engine's driver reads.
    """

    dialect = "filter"
    """Which text of a query it is asked."""
    serves = False
    """It starts a server, which has to end with it."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.folder = Path(job["folder"])
        self.threads = int(job["threads"])

    @abstractmethod
    def load(self, data: Path) -> None:
        """Read N-Triples into the folder, durably."""

    @abstractmethod
    def open(self) -> None:
        """Make ready for queries."""

    @abstractmethod
    def run(self, query: dict[str, Any]) -> int:
        """Ask a query and take its whole answer; the number of rows."""

    @abstractmethod
    def rows(self, query: dict[str, Any]) -> Iterator[tuple[str | None, ...]]:
        """The rows of a query as text: IRIs in full, literals by their lexical form."""

    def cpu(self) -> float:
        """CPU seconds of the engine until now."""
        return time.process_time()

    def peak(self) -> int:
        """Greatest resident memory, bytes."""
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

    def size(self) -> int:
        """Bytes on disk."""
        return folder_bytes(self.folder)

    def close(self) -> None:  # noqa: B027 - not every engine holds something
        """Let go of everything."""


def folder_bytes(folder: Path) -> int:
    """Bytes that the files of a folder take on the disk (holes in sparse files are not counted)."""
    return sum(min(p.stat().st_blocks * 512, p.stat().st_size) for p in folder.rglob("*") if p.is_file())


def digest(rows: Iterable[tuple[str | None, ...]], keys: int) -> tuple[int, str]:
    """Number of rows, and a number that depends on the bag of their first columns, not on their order.

    Example:
        >>> digest([("a", "x"), ("b", "y")], 1) == digest([("b", "z"), ("a", "w")], 1)
        True
    """
    count = total = 0
    for row in rows:
        text = "\t".join(value or "" for value in row[:keys])
        total += int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[:8], "big")
        count += 1
    return count, f"{total % 2**64:016x}"


def _say(**line: Any) -> None:
    print(json.dumps(line), flush=True)


def _ask(driver: Driver, query: dict[str, Any], runs: int) -> None:
    spent: list[tuple[float, float]] = []
    rows = 0
    while not spent or len(spent) <= min([runs, *(warm for limit, warm in WARM if min(w for _, w in spent) > limit)]):
        c, w = driver.cpu(), time.perf_counter()
        rows = driver.run(query)
        spent.append((1000 * (driver.cpu() - c), 1000 * (time.perf_counter() - w)))
        _say(ran=query["name"], rows=rows, total_cpu=1000 * driver.cpu())
    (first_cpu, first_wall), warm = spent[0], spent[1:] or spent
    counted, answer = digest(driver.rows(query), query["keys"])
    if counted != rows:
        raise RuntimeError(f"{query['name']}: {rows} rows when timed, {counted} when compared")
    cpu, wall = [c for c, _ in warm], [w for _, w in warm]
    times = {"first_cpu": first_cpu, "first_wall": first_wall, "cpu": cpu, "wall": wall}
    _say(name=query["name"], rows=rows, digest=answer, **times, peak=driver.peak())


def _try(driver: Driver, query: dict[str, Any], runs: int) -> None:
    """Ask a query; what goes wrong is said, and the next one is asked."""
    name = query["name"]
    _say(start=name)
    if driver.dialect not in query["texts"]:
        _say(name=name, unasked="it has no such function")
        return
    try:
        _ask(driver, query, runs)
    except Exception as error:
        _say(name=name, error=f"{type(error).__name__}: {str(error)[:300]}")


def work(driver: Driver, job: dict[str, Any]) -> None:
    """Do a job and print what it cost."""
    c, w = driver.cpu(), time.perf_counter()
    try:
        if job["phase"] == "load":
            driver.load(Path(job["data"]))
            seconds = {"cpu_s": driver.cpu() - c, "wall_s": time.perf_counter() - w}
            _say(loaded=seconds, bytes=driver.size(), peak=driver.peak())
            return
        driver.open()
        _say(opened={"cpu_s": driver.cpu() - c, "wall_s": time.perf_counter() - w})
        for query in job["queries"]:
            _try(driver, query, job["runs"])
        _say(peak=driver.peak())
    finally:
        driver.close()


def main(driver: type[Driver]) -> None:
    """Run the job of the file named on the command line."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if driver.serves:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    work(driver(job), job)
