# SPDX-License-Identifier: Apache-2.0
"""Tests of the memory of a process: each in a process of its own, where no other test left free memory behind."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path

from semcube.engines.memory import resident_bytes

ROOT = Path(__file__).parents[1]


def in_own_process(test: Callable[[], None]) -> Callable[[], None]:
    """Run a test without arguments in a new process."""

    @wraps(test)
    def run() -> None:
        text = f"import runpy; runpy.run_path({test.__code__.co_filename!r})[{test.__name__!r}].__wrapped__()"
        command = [sys.executable, "-c", text]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
        assert ran.returncode == 0, ran.stderr

    return run


class Peak:
    """The most bytes that were seen in memory."""

    def __init__(self) -> None:
        self.bytes = 0


@contextmanager
def watched() -> Iterator[Peak]:
    """Watch the memory of this process meanwhile."""
    peak, done = Peak(), threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peak.bytes = max(peak.bytes, resident_bytes())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()
        peak.bytes = max(peak.bytes, resident_bytes())
