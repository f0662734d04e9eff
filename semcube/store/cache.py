# SPDX-License-Identifier: Apache-2.0
"""What is remembered between queries: ids and texts of terms, and counts."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from semcube.io.terms import TERMS
from semcube.store.quad_columns import QuadColumns

if TYPE_CHECKING:
    import numpy.typing as npt

    Ids = npt.NDArray[np.int64]

__all__ = ["CHUNK", "Cache", "Counts", "Predicate", "TermTexts"]

CHUNK = 2048
"""Terms that the database compresses together, and so reads together."""


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


class TermTexts:
    """Chunks of terms that were read lately; bounded, safe to share between threads.

    A chunk is read whole when many of its terms are wanted, or when it is wanted again; before, its terms are read
    one by one. Only full chunks are kept: terms are never changed or removed, so what is in here stays true.
    """

    def __init__(self, budget: int = 64 * 1024 * 1024) -> None:
        self._budget = budget
        self._chunks: OrderedDict[int, pa.Table] = OrderedDict()
        self._wanted: dict[int, int] = {}
        self._used = 0
        self._lock = threading.Lock()

    def pieces(self, numbers: Ids, fetch: Callable[[Ids], pa.Table]) -> tuple[list[pa.Table], Ids]:
        """Tables of terms, and the row of each number in all of them together.

        Args:
            numbers: Distinct, ascending.
            fetch: Reads the terms of numbers, as ``TERMS``.
        """
        chunk = (numbers - 1) // CHUNK
        chunks, first, counts = np.unique(chunk, return_index=True, return_counts=True)
        pieces: list[pa.Table] = []
        rows = np.empty(len(numbers), np.int64)
        single = np.zeros(len(numbers), bool)
        missing: list[tuple[int, slice]] = []
        size = 0
        for one, start, count in zip(chunks.tolist(), first.tolist(), counts.tolist(), strict=True):
            part = slice(start, start + count)
            known = self._get(one)
            if known is not None:
                rows[part] = size + (numbers[part] - 1) % CHUNK
                pieces.append(known)
                size += len(known)
            elif self._worth(one, count):
                missing.append((one, part))
            else:
                single[part] = True
        for run in _runs(missing):
            table = fetch(np.arange(run[0][0] * CHUNK + 1, (run[-1][0] + 1) * CHUNK + 1))
            for i, (one, part) in enumerate(run):
                piece = table.slice(i * CHUNK, CHUNK)
                rows[part] = size + (numbers[part] - 1) % CHUNK
                pieces.append(piece)
                size += len(piece)
                self._put(one, piece)
        rows[single] = size + np.arange(int(single.sum()))
        return [*pieces, fetch(numbers[single])], rows

    def _get(self, chunk: int) -> pa.Table | None:
        with self._lock:
            if chunk in self._chunks:
                self._chunks.move_to_end(chunk)
            return self._chunks.get(chunk)

    def _worth(self, chunk: int, count: int) -> bool:
        """Whether to read a chunk whole."""
        with self._lock:
            if len(self._wanted) > 100_000:
                self._wanted.clear()
            self._wanted[chunk] = self._wanted.get(chunk, 0) + 1
            # what has no room would only push out what is wanted as much
            room = self._used + self._used // max(len(self._chunks), 1) < self._budget
            return count >= CHUNK // 16 or (room and self._wanted[chunk] > 2)

    def _put(self, chunk: int, piece: pa.Table) -> None:
        if len(piece) < CHUNK or not bool(piece["kind"].is_valid().to_numpy().all()):
            return
        piece = pa.Table.from_batches([pa.concat_batches(piece.to_batches())], TERMS)
        with self._lock:
            if chunk not in self._chunks:
                self._chunks[chunk] = piece
                self._used += piece.nbytes
            while self._used > self._budget and len(self._chunks) > 1:
                self._used -= self._chunks.popitem(last=False)[1].nbytes


def _runs(chunks: list[tuple[int, slice]]) -> list[list[tuple[int, slice]]]:
    """Consecutive chunks, to be read together, in portions of bounded size."""
    runs: list[list[tuple[int, slice]]] = []
    for item in chunks:
        if runs and runs[-1][-1][0] == item[0] - 1 and len(runs[-1]) < 64:
            runs[-1].append(item)
        else:
            runs.append([item])
    return runs


class Cache:
    """What the snapshots of committed states share: ids of terms, their texts, counts; bounded, safe between threads.

    Terms are never changed or removed, so their ids and texts stay true; counts belong to one version.
    """

    def __init__(self, budget: int, size: int = 20_000) -> None:
        self.texts = TermTexts(budget)
        self.columns = QuadColumns(budget)
        self._counts = Counts(-1)
        self._size = size
        self._known: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> int:
        """The id of a key, 0 if it is not in the cache."""
        with self._lock:
            number = self._known.get(key, 0)
            if number:
                self._known.move_to_end(key)
            return number

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
