# SPDX-License-Identifier: Apache-2.0
"""A bounded memory of things by number: what was wanted lately outlives what was not."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

__all__ = ["Recent"]

T = TypeVar("T")


class Recent(Generic[T]):
    """Things by number, in two generations. Safe between threads.

    When the young generation has half the bytes that are allowed, it becomes the old one, and the old one is forgotten
    but for what was wanted again meanwhile.

    Args:
        budget: Bytes that may be kept.

    Example:
        >>> recent = Recent[str](100)
        >>> recent.put([(7, "seven", 5)])
        >>> recent.get([7, 8])
        ['seven', None]
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._half = budget // 2
        self._young: dict[int, tuple[T, int]] = {}
        self._old: dict[int, tuple[T, int]] = {}
        self._size = 0
        self._lock = threading.Lock()

    def get(self, numbers: Sequence[int]) -> list[T | None]:
        """What is kept, None for others."""
        found: list[T | None] = []
        with self._lock:
            young, old = self._young, self._old
            for number in numbers:
                one = young.get(number)
                if one is None:
                    one = old.get(number)
                    if one is not None:
                        self._keep(number, one)
                found.append(None if one is None else one[0])
        return found

    def holds(self, numbers: Sequence[int]) -> bool:
        """Whether all are kept."""
        with self._lock:
            young, old = self._young, self._old
            return all(number in young or number in old for number in numbers)

    def put(self, things: Iterable[tuple[int, T, int]]) -> None:
        """Keep things, each with its number and its bytes; what is there already stays."""
        with self._lock:
            for number, thing, size in things:
                if number not in self._young:
                    self._keep(number, (thing, size))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._old, self._young, self._size = {}, {}, 0

    def _keep(self, number: int, one: tuple[T, int]) -> None:
        size = one[1]
        if size * 8 > self._half:
            return
        if self._size + size > self._half:
            self._old, self._young, self._size = self._young, {}, 0
        self._young[number] = one
        self._size += size
