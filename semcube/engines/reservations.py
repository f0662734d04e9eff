# SPDX-License-Identifier: Apache-2.0
"""Memory that queries ask for before they hold rows, so that a setting bounds all of them together.

A part of the allowed memory is given to whoever asks. Beyond it the process itself is looked at: what others do not
use - a small store, an idle database - may be held by a query, as long as the process stays within ``memory_mb`` and
what its libraries take.
"""

from __future__ import annotations

import threading
import time
from typing import NoReturn

from semcube.engines.memory import give_back, make_room, resident_bytes
from semcube.errors import QueryMemoryError

__all__ = ["PROCESS", "SHARE", "Reservation", "stay_within"]

SHARE = 1 / 16
"""The part of ``memory_mb`` that is given without looking at the process."""
PROCESS = 200 * 1024 * 1024
"""Bytes of a process with its libraries, which come on top of ``memory_mb``, at least."""
_LIBRARIES = 64 * 1024 * 1024
"""Bytes of libraries that are loaded when they are first needed."""
_BLIND = 1 / 4
"""The part that is given where the system does not tell how large the process is."""
_PAUSE_S = 1.0
"""So long free memory is not given back to the system again."""


class _Ledger:
    """What all reservations of this process hold, and what they are still going to take."""

    def __init__(self) -> None:
        # a reservation may be forgotten from within the garbage collector
        self._lock = threading.RLock()
        self.held = 0
        self.pending = 0
        self._gave_back = 0.0
        # what a program held before it asked the first query is none of the queries'
        self.process = max(PROCESS, resident_bytes() + _LIBRARIES)

    def change(self, held: int, pending: int) -> None:
        with self._lock:
            self.held += held
            self.pending += pending

    def gives_back(self) -> bool:
        """Whether free memory was given back to the system just now."""
        with self._lock:
            if time.monotonic() - self._gave_back < _PAUSE_S:
                return False
            self._gave_back = time.monotonic()
        give_back()
        return True


_ledger = _Ledger()


def stay_within(memory_mb: int) -> None:
    """Give free memory back to the system where the process is larger than allowed; for between portions of work."""
    if resident_bytes() > memory_mb * 1024 * 1024 + PROCESS:
        _ledger.gives_back()


class Reservation:
    """Memory for the rows of one operator; given back with :meth:`release`, or when it is forgotten.

    Args:
        memory_mb: What the process may use.
        what: What the rows are held for, as the error says it.
        times: How much memory work on the rows takes, as a multiple of the rows.

    Example:
        >>> with Reservation(1024, "a sort") as rows:
        ...     rows.fits(1000)
        True
        >>> Reservation(1, "a sort").grow(1 << 40)
        Traceback (most recent call last):
        semcube.errors.QueryMemoryError: a sort holds 1,048,576 MiB of rows, more than memory_mb (1 MiB) allows...
    """

    def __init__(self, memory_mb: int, what: str, times: float = 1.0) -> None:
        self._ledger = _ledger
        self._limit = memory_mb * 1024 * 1024
        self._what = what
        self._times = times
        self._pending = 0
        self.held = 0
        """Bytes of rows that are held."""

    def fits(self, nbytes: int) -> bool:
        """Hold so many bytes more; whether there is room for them, and for the work on them."""
        pending = int(nbytes * (self._times - 1))
        self.held += nbytes
        self._pending += pending
        self._ledger.change(nbytes, pending)
        return self._has_room(nbytes) or (self._ledger.gives_back() and self._has_room(nbytes))

    def grow(self, nbytes: int) -> None:
        """Hold so many bytes more.

        Raises:
            QueryMemoryError: There is no room for them.
        """
        if self.fits(nbytes):
            return
        make_room()
        if not self._has_room(nbytes):
            self.refuse()

    def refuse(self) -> NoReturn:
        """Say that there is no room for what is held.

        Raises:
            QueryMemoryError: Always.
        """
        held, allowed = self.held >> 20, self._limit >> 20
        self.release()
        raise QueryMemoryError(
            f"{self._what} holds {held:,} MiB of rows, more than memory_mb ({allowed:,} MiB) allows",
            fix="ask for less (LIMIT, fewer variables, a smaller area), or raise SEMCUBE_MEMORY_MB",
        )

    def _has_room(self, nbytes: int) -> bool:
        """Whether what is asked for fits; it may be in memory already, or not yet."""
        whole = self._ledger.held + self._ledger.pending
        if whole <= self._limit * SHARE:
            return True
        resident = resident_bytes()
        if not resident:
            return whole <= self._limit * _BLIND
        return resident + nbytes + self._ledger.pending <= self._limit + self._ledger.process

    def release(self) -> None:
        """Give everything back."""
        self._ledger.change(-self.held, -self._pending)
        self.held = self._pending = 0

    def __enter__(self) -> Reservation:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()
