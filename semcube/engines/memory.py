# SPDX-License-Identifier: Apache-2.0
"""Gives memory that a query freed back to the system.

The allocator of glibc keeps freed memory in one arena per thread. Threads of a later query use other arenas, so that
the memory of a process grows with the number of large queries, not with their size. Asked to, the allocator gives all
free pages back; that takes about 100 ms for a gigabyte, so it is asked a moment after work has ended, and only if
much is free.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
import threading
import time
import weakref
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from semcube.engines.deadlines import deadlines

__all__ = ["forget_when_short", "give_back", "give_back_soon", "make_room", "resident_bytes", "used_bytes"]

MUCH = 128 * 1024 * 1024
"""Bytes that may be free but still resident."""
DELAY_S = 0.3
"""So long after work has ended memory is given back: what it held may be released a little later than its answer."""


class _Statistics(ctypes.Structure):
    """``struct mallinfo2``."""

    _names = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    _fields_ = tuple((name, ctypes.c_size_t) for name in _names)


@cache
def _allocator() -> Any:
    """The C library, if its allocator is that of glibc (2.33 or newer)."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    if not (hasattr(library, "mallinfo2") and hasattr(library, "malloc_trim")):
        return None
    library.mallinfo2.restype = _Statistics
    library.malloc_trim.argtypes = [ctypes.c_size_t]
    return library


def used_bytes() -> int:
    """Bytes that the allocator has given out and not got back; 0 where it does not tell."""
    library = _allocator()
    if library is None:
        return 0
    found = library.mallinfo2()
    return int(found.uordblks + found.hblkhd)


def resident_bytes() -> int:
    """Bytes of this process in memory; 0 where the system does not tell."""
    status = Path("/proc/self/statm")
    return int(status.read_text("ascii").split()[1]) * mmap.PAGESIZE if status.exists() else 0


def give_back() -> None:
    """Give all free memory back to the system, where the allocators can do that."""
    arrow = sys.modules.get("pyarrow")
    if arrow is not None:
        arrow.default_memory_pool().release_unused()
    library = _allocator()
    if library is not None:
        library.malloc_trim(0)


class _Soon:
    """Calls :func:`give_back` a moment after it was asked to, in a thread of its own, if that frees much."""

    def __init__(self) -> None:
        self._planned = False
        self._lock = threading.Lock()
        self._others = 0
        """Resident bytes that are none of the allocator's: code, buffers of other allocators."""

    def ask(self) -> None:
        with self._lock:
            if self._planned or _allocator() is None:
                return
            self._planned = True
        deadlines.schedule(time.monotonic() + DELAY_S, self._look)

    def _look(self) -> None:
        with self._lock:
            self._planned = False
        if resident_bytes() - used_bytes() - self._others > MUCH:
            # not in the thread of the deadlines: they must not wait for it
            threading.Thread(target=self._give_back, name="semcube-memory", daemon=True).start()

    def _give_back(self) -> None:
        give_back()
        self._others = resident_bytes() - used_bytes()


_soon = _Soon()


def give_back_soon() -> None:
    """Give free memory back in a moment, if there is much of it. Costs next to nothing to call."""
    _soon.ask()


_keepers: list[weakref.WeakMethod[Callable[[], None]]] = []
_keeping = threading.Lock()


def forget_when_short(forget: Callable[[], None]) -> None:
    """Have a method called where a query needs memory that is only kept to be faster; its object may be forgotten."""
    with _keeping:
        _keepers[:] = [known for known in _keepers if known() is not None]
        _keepers.append(weakref.WeakMethod(forget))


def make_room() -> None:
    """Forget what is only kept to be faster, and give its memory back."""
    with _keeping:
        known = [keeper() for keeper in _keepers]
    for forget in known:
        if forget is not None:
            forget()
    give_back()
