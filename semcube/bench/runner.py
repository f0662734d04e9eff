# SPDX-License-Identifier: Apache-2.0
"""Runs engines one after another, each in processes of its own, with a limit of time for every single run.

An engine that passes the limit is stopped, the query is marked and not asked again, and a new process goes on with the
next query. Before the first process the files of the engine are dropped from the page cache, where the system can be
told to.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semcube.bench.processes import DriverProcess

if TYPE_CHECKING:
    from semcube.bench.workload import Query

__all__ = ["Engine", "Limits", "ask", "drop_from_page_cache", "load", "machine", "measure"]

Say = Callable[[str], None]


@dataclass(frozen=True)
class Engine:
    """An engine and how its driver is started.

    Attributes:
        name: How it is asked for and what tables call it.
        title: What it is, with its version where that is fixed.
        command: Starts its driver; the job file is added.
        needs: A file without which it cannot run.
        script: What installs it.
        sets: The sets of queries that it can be asked.
        shares: The engine whose loaded data it uses.
        source: A folder put before the path of Python, None for what is installed.
        options: More entries of its jobs.
    """

    name: str
    title: str
    command: tuple[str, ...]
    needs: Path | None = None
    script: str = ""
    sets: tuple[str, ...] = ("synthetic", "real")
    shares: str = ""
    source: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def files(self, folder: Path) -> Path:
        """Where its data is."""
        return Path(self.options.get("store", folder))

    def missing(self) -> str | None:
        """Why it cannot run here, if so."""
        if self.needs is not None and not self.needs.exists():
            return f"{self.name} is not installed: {self.needs.name} is absent; run {self.script}"
        return None


@dataclass(frozen=True)
class Limits:
    """How often and how long.

    Attributes:
        runs: Warm runs of a query.
        seconds: For one run of a query.
        grace: Seconds after the opening of a process in which no run is stopped: engines that keep what they have read
            need it once.
        load_seconds: For loading, and for opening.
        budget: Seconds for all queries of an engine, starts included; what is left then is not asked. 0 is no limit.
        threads: That an engine may use, where it can be told.
        cold: Names of queries that are also asked as the first thing of a new process, without page cache.
    """

    runs: int = 3
    seconds: float = 15.0
    grace: float = 0.0
    load_seconds: float = 900.0
    budget: float = 0.0
    threads: int = 2
    cold: tuple[str, ...] = ()


def machine() -> dict[str, Any]:
    """What the figures depend on: processor, load, time, versions."""
    from importlib.metadata import version

    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8").splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    packages = {name: version(name) for name in ("duckdb", "shapely", "pyoxigraph", "pyarrow", "numpy")}
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": [round(x, 1) for x in os.getloadavg()],
        "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "packages": packages,
    }


def drop_from_page_cache(folder: Path) -> bool:
    """Tell the system to forget what it holds of the files of a folder; whether it could be told.

    The disk of a virtual machine may still be cached by its host.
    """
    if not hasattr(os, "posix_fadvise"):
        return False
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            opened = os.open(file, os.O_RDONLY)
            try:
                os.fsync(opened)
                os.posix_fadvise(opened, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(opened)
    return True


def measure(
    engine: Engine, data: Path, queries: Sequence[Query], folder: Path, limits: Limits, say: Say | None = None
) -> dict[str, Any]:
    """Load data into an engine and ask it all queries.

    Args:
        engine: Which.
        data: N-Triples.
        queries: What is asked, in this order but for what touches much, which comes last.
        folder: Where the engine keeps its data; used again if it is there already.
        limits: Runs, time, threads.
        say: Is told what takes too long; standard error if not given.

    Returns:
        ``title``, ``load``, ``opened``, ``peak`` (bytes, of the process that answers), ``queries`` by name, ``cold``;
        or only ``title`` and ``missing``.
    """
    if reason := engine.missing():
        return {"title": engine.title, "missing": reason}
    loaded = load(engine, data, folder, limits)
    if "loaded" not in loaded:
        return {"title": engine.title, "missing": f"could not load: {loaded.get('error')}"}
    return {"title": engine.title, "load": loaded, **ask(engine, queries, folder, limits, say)}


def load(engine: Engine, data: Path, folder: Path, limits: Limits) -> dict[str, Any]:
    """Load data into an engine, once.

    Returns:
        ``loaded`` (``cpu_s``, ``wall_s``), ``bytes`` on disk, ``peak`` memory in bytes; or ``error``.
    """
    import json

    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "loaded.json"
    if kept.exists():
        return dict(json.loads(kept.read_text(encoding="utf-8")))
    process = DriverProcess(engine, _job(engine, folder, limits, "load", data=str(data)), folder)
    found: dict[str, Any] = {}
    try:
        while (line := process.next(limits.load_seconds)) is not None:  # to its end: servers have to be shut down
            found = line if "loaded" in line else found
        found = found or {"error": process.complaint()}
    except TimeoutError:
        found = {"error": f"loading took more than {limits.load_seconds} s"}
    finally:
        process.stop()
    if "loaded" in found:
        kept.write_text(json.dumps(found), encoding="utf-8")
    return found


def ask(
    engine: Engine, queries: Sequence[Query], folder: Path, limits: Limits, say: Say | None = None
) -> dict[str, Any]:
    """Ask an engine whose data is loaded; see :func:`measure`."""
    folder.mkdir(parents=True, exist_ok=True)
    say = say or (lambda text: print(text, file=sys.stderr, flush=True))
    dropped = drop_from_page_cache(engine.files(folder))
    found: dict[str, Any] = {"queries": {}, "peak": 0, "page_cache_dropped": dropped}
    left = [query.as_dict() for query in sorted(queries, key=lambda q: q.effort)]
    ends = time.monotonic() + limits.budget if limits.budget else None
    while left:
        if ends is not None and time.monotonic() > ends:
            note = {"unasked": f"its {limits.budget:g} s were used up"}
            found["queries"] |= {query["name"]: note for query in left}
            say(f"  {engine.name}: {len(left)} queries left out after {limits.budget:g} s")
            break
        left = _Asking(engine, folder, limits, found, say).run(left, ends)
    chosen = [q for q in queries if q.name in limits.cold and found["queries"].get(q.name, {}).get("cpu")]
    found["cold"] = {query.name: _cold(engine, query, folder, limits) for query in chosen}
    return found


def _job(engine: Engine, folder: Path, limits: Limits, phase: str, **more: Any) -> dict[str, Any]:
    job = {"folder": str(folder), "threads": limits.threads, "runs": limits.runs, "data": "", "queries": []}
    return {**job, **engine.options, "phase": phase, **more}


class _Asking:
    """One process that is asked queries until it ends, or has to be ended."""

    def __init__(self, engine: Engine, folder: Path, limits: Limits, found: dict[str, Any], say: Say) -> None:
        self.engine, self.folder, self.limits, self.found, self.say = engine, folder, limits, found, say
        self.opened: float | None = None
        self.before = 0.0

    def run(self, queries: list[dict[str, Any]], ends: float | None) -> list[dict[str, Any]]:
        """Ask; those that are left."""
        left = list(queries)
        job = _job(self.engine, self.folder, self.limits, "query", queries=left)
        process = DriverProcess(self.engine, job, self.folder)
        answers = self.found["queries"]
        try:
            while (line := process.next(self._patience())) is not None:
                if self._take(line, left, process) and left and ends is not None and time.monotonic() > ends:
                    return left
            if self.opened is None:
                answers |= {query["name"]: {"error": process.complaint()} for query in left}
                return []
            if left:
                answers[left.pop(0)["name"]] = {"error": process.complaint() or "the process ended"}
        except TimeoutError:
            spent = process.spent() - self.before
            name = left.pop(0)["name"]
            answers[name] = {"timeout": self.limits.seconds, "spent": spent}
            self.say(f"  {self.engine.name}: {name} stopped after {self.limits.seconds:g} s")
        finally:
            process.stop()
        return left

    def _patience(self) -> float:
        if self.opened is None:
            return self.limits.load_seconds
        return max(self.limits.seconds, self.opened + self.limits.grace - time.monotonic())

    def _take(self, line: dict[str, Any], left: list[dict[str, Any]], process: DriverProcess) -> bool:
        """Take in a line; whether a query is done with it."""
        if "opened" in line:
            self.opened = time.monotonic()
            self.found.setdefault("opened", line["opened"])
        elif "start" in line:
            self.before = process.spent()
        self.found["peak"] = max(self.found["peak"], line.pop("peak", 0))
        if "name" in line:
            self.found["queries"][line.pop("name")] = line
            left.pop(0)
            return True
        return False


def _cold(engine: Engine, query: Query, folder: Path, limits: Limits) -> dict[str, Any]:
    """The first answer of a new process whose files are not in the page cache: from its start to the last row."""
    dropped = drop_from_page_cache(engine.files(folder))
    begun = time.perf_counter()
    process = DriverProcess(engine, _job(engine, folder, limits, "query", queries=[query.as_dict()], runs=0), folder)
    try:
        while (line := process.next(limits.load_seconds)) is not None:
            if "ran" in line:
                wall = 1000 * (time.perf_counter() - begun)
                return {"wall": wall, "cpu": line.get("total_cpu"), "page_cache_dropped": dropped}
        return {"error": process.complaint() or "the process ended"}
    except TimeoutError:
        return {"error": f"more than {limits.load_seconds:g} s"}
    finally:
        process.stop()
