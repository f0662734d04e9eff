# SPDX-License-Identifier: Apache-2.0
"""What is remembered between queries: ids and texts of terms, and counts."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from semcube.store.distributions import KnownDistributions
from semcube.store.forms import Forms
from semcube.store.quad_columns import QuadColumns
from semcube.store.term_hashes import TermHashes
from semcube.store.term_texts import TermTexts

__all__ = ["Cache", "Counts", "Predicate"]


@dataclass(frozen=True, slots=True)
class Predicate:
    """What is known of the quads of a predicate; counts are exact for ``quads``, upper estimates else."""

    quads: int
    subjects: int
    objects: int
    tags: int
    """Bit set of the tags that its objects ever had."""
    inexact: bool
    """Whether it ever had a numeric object that does not compare as its double does."""
    times: int
    """Bit set of the kinds of dates and times that its objects ever had."""


@dataclass(slots=True)
class Counts:
    """What was counted in one version of a store; shared by its snapshots."""

    version: int
    predicates: dict[int, Predicate] | None = None
    pairs: dict[tuple[int, int], int] = field(default_factory=dict)
    """Predicate and object -> quads."""
    distributions: KnownDistributions = field(default_factory=KnownDistributions)
    """The values of the objects of predicates."""
    derives: bool | None = None
    """Whether canonical WKT is stored without text; None if that is not known yet."""


class Cache:
    """What the snapshots of committed states share: ids of terms, their texts, counts; bounded, safe between threads.

    Terms are never changed or removed, so their ids and texts stay true; counts belong to one version.

    Args:
        budget: Bytes for sorted columns; texts and hashes of terms may take half as much again.
        size: So many ids are kept.
    """

    def __init__(self, budget: int, size: int = 20_000) -> None:
        self.forms = Forms()
        self.hashes = TermHashes(budget * 3 // 8)
        self.texts = TermTexts(budget * 9 // 8)
        self.columns = QuadColumns(budget)
        self._counts = Counts(-1)
        self._size = size
        self._known: OrderedDict[str, int] = OrderedDict()
        self._missing: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of texts, hashes and columns."""
        return self.texts.nbytes + self.hashes.nbytes + self.columns.nbytes

    def when_grown(self, do: Callable[[], None]) -> None:
        """Call a method when more texts or columns are kept; its object may be forgotten."""
        method = weakref.WeakMethod(do)

        def grown() -> None:
            found = method()
            if found is not None:
                found()

        self.texts.grown = self.columns.grown = grown

    def clear(self) -> None:
        """Forget texts and columns, which take the most."""
        self.texts.clear()
        self.columns.clear()

    def get(self, key: str) -> int:
        """The id of a key, 0 if it is not in the cache."""
        with self._lock:
            number = self._known.get(key, 0)
            if number:
                self._known.move_to_end(key)
            return number

    def lacks(self, key: str, version: int) -> bool:
        """Whether a key is known to be no term of a version of the store."""
        with self._lock:
            return self._missing.get(key, -1) >= version

    def put_missing(self, key: str, version: int) -> None:
        """Remember that a key is no term of a version, and so of none before it."""
        if len(key) > 1000:
            return
        with self._lock:
            self._missing[key] = max(version, self._missing.get(key, -1))
            if len(self._missing) > self._size:
                self._missing.popitem(last=False)

    def counts_of(self, version: int) -> Counts:
        """The counts of a version of the store; those of the newest are kept."""
        with self._lock:
            if version == self._counts.version:
                return self._counts
            fresh = Counts(version)
            if version > self._counts.version:
                self._counts = fresh
            return fresh

    def put(self, key: str, number: int) -> None:
        """Remember an id."""
        if len(key) > 1000:
            return
        with self._lock:
            self._known[key] = number
            if len(self._known) > self._size:
                self._known.popitem(last=False)
