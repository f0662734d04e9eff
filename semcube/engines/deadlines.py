# SPDX-License-Identifier: Apache-2.0
"""One background thread that calls functions at given times: how a deadline reaches code that does not look at it."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from itertools import count

__all__ = ["Deadlines", "deadlines"]


class Deadlines:
    """Functions to be called at times of :func:`time.monotonic`.

    Example:
        >>> rung = threading.Event()
        >>> forget = Deadlines().schedule(time.monotonic(), rung.set)
        >>> rung.wait(5)
        True
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._thread: threading.Thread | None = None

    def schedule(self, at: float, function: Callable[[], None]) -> Callable[[], None]:
        """Call ``function`` at a time; returns a function that takes it off the list again."""
        with self._condition:
            number = next(self._numbers)
            heapq.heappush(self._waiting, (at, number, function))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="semcube-deadlines", daemon=True)
                self._thread.start()
            elif self._waiting[0][1] == number:
                self._condition.notify()
        return lambda: self._forget(number)

    def _forget(self, number: int) -> None:
        with self._condition:
            self._waiting = [item for item in self._waiting if item[1] != number]
            heapq.heapify(self._waiting)

    def _run(self) -> None:
        while True:
            with self._condition:
                wait = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if wait is None or wait > 0:
                    self._condition.wait(wait)
                    continue
                function = heapq.heappop(self._waiting)[2]
            function()
            del function  # what it belongs to may be closed now


deadlines = Deadlines()
"""The one of this process."""
