# SPDX-License-Identifier: Apache-2.0
"""A driver at work in a process of its own."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semcube.bench.runner import Engine

__all__ = ["DriverProcess"]


def _properties(job: dict[str, Any]) -> str:
    """A job for Java, which has no reader of JSON of its own."""
    values = {key: str(job[key]) for key in ("phase", "data", "runs")} | {"count": str(len(job["queries"]))}
    for i, query in enumerate(job["queries"]):
        values |= {f"q.{i}.name": query["name"], f"q.{i}.keys": str(query["keys"])}
        values |= {f"q.{i}.{dialect}": text for dialect, text in query["texts"].items()}
    return "".join(f"{key}={_escaped(value)}\n" for key, value in values.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


class DriverProcess:
    """Starts the driver of an engine on a job; its lines are read with a limit of time.

    Args:
        engine: Its command and source.
        job: What the driver has to do, see :mod:`semcube.bench.driver`.
        folder: Where the job is written, and what the driver says on standard error.
    """

    def __init__(self, engine: Engine, job: dict[str, Any], folder: Path) -> None:
        file = folder / f"job-{job['phase']}.json"
        file.write_text(json.dumps(job), encoding="utf-8")
        file.with_suffix(".properties").write_text(_properties(job), encoding="utf-8")
        self._errors = (folder / f"errors-{job['phase']}.txt").open("w+", encoding="utf-8")
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        if engine.source is not None:
            environment["PYTHONPATH"] = str(engine.source)
        self._process = subprocess.Popen(
            [*engine.command, str(file)], cwd=engine.source or folder, stdout=subprocess.PIPE, stderr=self._errors,
            text=True, start_new_session=True, env=environment,
        )  # fmt: skip
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def next(self, seconds: float) -> dict[str, Any] | None:
        """The next line; None at the end.

        Raises:
            TimeoutError: Nothing came in time.
        """
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError from None
        if line is None:
            self._process.wait()
            return None
        return dict(json.loads(line)) if line.startswith("{") else {}

    def spent(self) -> float:
        """CPU milliseconds of the process until now; 0 where the system does not tell."""
        stat = Path(f"/proc/{self._process.pid}/stat")
        if not stat.exists():
            return 0.0
        parts = stat.read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return (int(parts[11]) + int(parts[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End the process and what it started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._errors.close()

    def complaint(self) -> str:
        """The end of what it wrote to standard error."""
        self._errors.flush()
        return Path(self._errors.name).read_text(encoding="utf-8", errors="replace")[-500:].strip()
