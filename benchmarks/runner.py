# SPDX-License-Identifier: Apache-2.0
"""Runs engines one after another, each in processes of its own, with a limit of time for every single run.

An engine that passes the limit is stopped, the query is marked, and a new process goes on with the next query.
"""

from __future__ import annotations

import json
import os
import platform
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.engines import ROOT, Engine
from benchmarks.geographica.workload import Query

__all__ = ["Limits", "machine", "measure"]


@dataclass(frozen=True)
class Limits:
    """How often and how long.

    Attributes:
        runs: Warm runs of a query.
        seconds: For one run of a query.
        load_seconds: For loading, and for opening.
        threads: That an engine may use, where it can be told.
    """

    runs: int = 3
    seconds: float = 15.0
    load_seconds: float = 900.0
    threads: int = 2


def machine() -> dict[str, Any]:
    """What the figures depend on: processor, load, time, versions."""
    from importlib.metadata import version

    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    packages = {name: version(name) for name in ("duckdb", "shapely", "pyoxigraph", "pyarrow", "numpy")}
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": [round(x, 1) for x in os.getloadavg()],
        "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "packages": packages,
    }


def _properties(job: dict[str, Any]) -> str:
    """A job for Java, which has no reader of JSON of its own."""
    values = {key: str(job[key]) for key in ("phase", "data", "runs")} | {"count": str(len(job["queries"]))}
    for i, query in enumerate(job["queries"]):
        values |= {f"q.{i}.name": query["name"], f"q.{i}.keys": str(query["keys"])}
        values |= {f"q.{i}.{dialect}": text for dialect, text in query["texts"].items()}
    return "".join(f"{key}={_escaped(value)}\n" for key, value in values.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


class _Process:
    """A driver at work, read line by line with a limit of time."""

    def __init__(self, engine: Engine, job: dict[str, Any], folder: Path) -> None:
        file = folder / f"job-{job['phase']}.json"
        file.write_text(json.dumps(job), encoding="utf-8")
        file.with_suffix(".properties").write_text(_properties(job), encoding="utf-8")
        self.errors = (folder / f"errors-{job['phase']}.txt").open("w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [*engine.command, str(file)], cwd=ROOT, stdout=subprocess.PIPE, stderr=self.errors, text=True,
            start_new_session=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        self.lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def next(self, seconds: float) -> dict[str, Any] | None:
        """The next line; None at the end.

        Raises:
            TimeoutError: Nothing came in time.
        """
        try:
            line = self.lines.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError from None
        if line is None:
            self.process.wait()
            return None
        return dict(json.loads(line)) if line.startswith("{") else {}

    def spent(self) -> float:
        """CPU milliseconds of the process until now."""
        stat = Path(f"/proc/{self.process.pid}/stat")
        if not stat.exists():
            return 0.0
        parts = stat.read_text().rsplit(")", 1)[1].split()
        return (int(parts[11]) + int(parts[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End the process and what it started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.errors.close()

    def complaint(self) -> str:
        """The end of what it wrote to standard error."""
        self.errors.flush()
        return Path(self.errors.name).read_text(encoding="utf-8", errors="replace")[-500:].strip()


def measure(engine: Engine, data: Path, queries: Sequence[Query], folder: Path, limits: Limits) -> dict[str, Any]:
    """Load data into an engine and ask it all queries.

    Args:
        engine: Which.
        data: N-Triples.
        queries: In this order.
        folder: Where the engine keeps its data; used again if it is there already.
        limits: Runs, time, threads.

    Returns:
        ``title``, ``load``, ``opened``, ``peak`` (bytes, of the process that answers), ``queries`` by name; or only
        ``title`` and ``missing``.
    """
    if reason := engine.missing():
        return {"title": engine.title, "missing": reason}
    folder.mkdir(parents=True, exist_ok=True)
    job = {"folder": str(folder), "threads": limits.threads, "runs": limits.runs, "data": str(data)}
    found: dict[str, Any] = {"title": engine.title, "queries": {}, "peak": 0}
    loaded = folder / "loaded.json"
    if not loaded.exists():
        line = _load(engine, {**job, "phase": "load", "queries": []}, folder, limits)
        if "loaded" not in line:
            return {"title": engine.title, "missing": f"could not load: {line.get('error')}"}
        loaded.write_text(json.dumps(line), encoding="utf-8")
    found["load"] = json.loads(loaded.read_text(encoding="utf-8"))
    left = [query.as_dict() for query in queries]
    while left:
        left = _answer(engine, {**job, "phase": "query", "queries": left}, folder, found, limits)
    return found


def _load(engine: Engine, job: dict[str, Any], folder: Path, limits: Limits) -> dict[str, Any]:
    process = _Process(engine, job, folder)
    try:
        found: dict[str, Any] = {}
        while (line := process.next(limits.load_seconds)) is not None:  # to its end: servers have to be shut down
            found = line if "loaded" in line else found
        return found or {"error": process.complaint()}
    except TimeoutError:
        return {"error": f"loading took more than {limits.load_seconds} s"}
    finally:
        process.stop()


def _answer(
    engine: Engine, job: dict[str, Any], folder: Path, found: dict[str, Any], limits: Limits
) -> list[dict[str, Any]]:
    """Ask the queries of a job; those that are left when the process had to be stopped."""
    left: list[dict[str, Any]] = list(job["queries"])
    process, before = _Process(engine, job, folder), 0.0
    seconds = limits.load_seconds
    try:
        while (line := process.next(seconds)) is not None:
            if "opened" in line:
                found.setdefault("opened", line["opened"])
            elif "start" in line:
                seconds, before = limits.seconds, process.spent()
            elif "name" in line:
                found["queries"][line.pop("name")] = line
                left.pop(0)
            elif "peak" in line:
                found["peak"] = max(found["peak"], line["peak"])
        if "opened" not in found:
            found["queries"] |= {query["name"]: {"error": process.complaint()} for query in left}
            return []
        if left:
            found["queries"][left.pop(0)["name"]] = {"error": process.complaint() or "the process ended"}
        return left
    except TimeoutError:
        spent = process.spent() - before
        name = left.pop(0)["name"]
        found["queries"][name] = {"timeout": limits.seconds, "spent": spent}
        print(f"  {engine.name}: {name} stopped after {limits.seconds:g} s", file=sys.stderr, flush=True)
        return left
    finally:
        process.stop()
