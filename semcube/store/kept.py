# SPDX-License-Identifier: Apache-2.0
"""What is kept of what was read, within a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

__all__ = ["Kept"]

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

_REMEMBERED = 100_000
"""So many keys that were missed are remembered."""


class Kept(Generic[K, T]):
    """Things by key; the least lately used make room if they were used before the last :meth:`turn`, or if what needs
    the room has been missed since they were used.

    So a scan of more than there is room for, again and again, finds what it found before, where the least lately used
    would always be forgotten just before it is wanted; and what nobody asks for any more goes. Callers hold a lock of
    their own.

    Args:
        budget: Bytes that may be kept.
        forgotten: Called with what has to go.

    Example:
        >>> kept = Kept[int, str](10)
        >>> [kept.put(key, "text", 5) for key in (1, 2, 3)]
        [True, True, False]
        >>> kept.get(2), kept.put(3, "text", 5), kept.get(1), kept.get(3)
        ('text', True, None, 'text')
    """

    def __init__(self, budget: int, forgotten: Callable[[K, T], None] | None = None) -> None:
        self.budget = budget
        self.nbytes = 0
        """Bytes that are kept."""
        self._forgotten = forgotten
        self._things: OrderedDict[K, tuple[T, int, int]] = OrderedDict()
        self._missed: dict[K, int] = {}
        self._clock = self._turned = 0

    def __len__(self) -> int:
        return len(self._things)

    def __contains__(self, key: K) -> bool:
        return key in self._things

    def __iter__(self) -> Iterator[T]:
        return (thing for thing, _, _ in self._things.values())

    def turn(self) -> None:
        """Another query begins."""
        self._turned = self._clock + 1

    def get(self, key: K) -> T | None:
        """What is kept; it counts as used."""
        found = self._things.get(key)
        if found is None:
            return None
        self._clock += 1
        self._things[key] = (found[0], found[1], self._clock)
        self._things.move_to_end(key)
        return found[0]

    def put(self, key: K, thing: T, size: int) -> bool:
        """Keep what was missed and read, if there is room; whether it is kept now."""
        if key in self._things:
            return True
        if size > self.budget:
            return False
        self._clock += 1
        missed = max(self._missed.pop(key, 0), self._turned)
        while self.nbytes + size > self.budget:
            oldest = next(iter(self._things), None)
            if oldest is None or self._things[oldest][2] >= missed:
                if len(self._missed) >= _REMEMBERED:
                    self._missed.clear()
                self._missed[key] = self._clock
                return False
            self._forget(oldest)
        self._things[key] = (thing, size, self._clock)
        self.nbytes += size
        return True

    def fit(self, budget: int) -> None:
        """Keep to another number of bytes from here on."""
        self.budget = budget
        while self.nbytes > budget:
            self._forget(next(iter(self._things)))

    def clear(self) -> None:
        """Forget everything."""
        for key in list(self._things):
            self._forget(key)

    def _forget(self, key: K) -> None:
        thing, size, _ = self._things.pop(key)
        self.nbytes -= size
        if self._forgotten is not None:
            self._forgotten(key, thing)
