# SPDX-License-Identifier: Apache-2.0
"""What a command costs: CPU of it and of all that it starts, wall time, peak memory and memory over time (Linux)."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Cost", "cpu_of_tree", "measured"]

_SUBREAPER = 36


@dataclass
class Cost:
    """What a command cost."""

    cpu: float
    wall: float
    peak: float
    """MB; of one process the kernel's maximum of resident memory, of several the largest sum of proportional shares."""
    memory: list[tuple[float, float]] = field(default_factory=list)
    """Seconds and MB."""
    output: str = ""


def measured(command: Sequence[str | Path], *, cwd: Path | None = None, interval: float = 0.1) -> Cost:
    """Run a command and measure it.

    Raises:
        RuntimeError: It failed.
    """
    # Children of children that lose their parent come here, so that their time is counted too.
    ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.Popen(
        [str(each) for each in command], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    samples: list[tuple[float, float]] = []
    done = threading.Event()

    def sample() -> None:
        while not done.wait(interval):
            pids = _tree(process.pid)
            found = [_pss(pid) for pid in pids] if len(pids) > 1 else [_resident(process.pid)]
            samples.append((time.perf_counter() - start, sum(found)))

    watcher = threading.Thread(target=sample)
    watcher.start()
    output, errors = process.communicate()
    wall = time.perf_counter() - start
    done.set()
    watcher.join()
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            break
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {errors[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = max((size for _, size in samples), default=0.0)
    return Cost(round(cpu, 2), round(wall, 2), round(peak, 1), samples, output + errors)


def isolated(command: Sequence[str | Path], *, cwd: Path | None = None) -> Cost:
    """The same in a process of its own, so that the kernel's maximum of memory is that of this command."""
    import json

    script = (
        "import json, sys; from benchmarks.interlinking.measure import measured, peak_of_children;"
        "c = measured(json.loads(sys.argv[1])); print(json.dumps([vars(c), peak_of_children()]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps([str(each) for each in command])],
        cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    cost, peak = json.loads(done.stdout)
    made = Cost(**cost)
    made.peak = max(made.peak, round(peak, 1))
    return made


def peak_of_children() -> float:
    """The kernel's maximum of resident memory of any child, MB."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def cpu_of_tree(root: int) -> float:
    """CPU seconds of a process and of all below it, those that ended and were waited for included."""
    total = 0
    for pid in _tree(root):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15]))
    return total / os.sysconf("SC_CLK_TCK")


def _tree(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def _resident(pid: int) -> float:
    """MB of a process."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return 0.0


def _pss(pid: int) -> float:
    """MB of a process; of memory shared by several, its part."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("Pss:")), 0.0)
