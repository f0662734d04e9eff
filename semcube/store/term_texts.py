# SPDX-License-Identifier: Apache-2.0
"""The texts of terms that were read lately, in blocks of bounded size."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from semcube.geometry.sorted import ascends
from semcube.io.terms import TERMS
from semcube.store.kept import Kept
from semcube.store.recent import Recent
from semcube.store.term_blocks import TermBlock, gathered
from semcube.store.term_rows import Row

if TYPE_CHECKING:
    import numpy.typing as npt

    Ids = npt.NDArray[np.int64]

__all__ = ["CHUNK", "TermTexts"]

CHUNK = 2048
"""Terms that the database compresses together, and so reads together."""
MANY = CHUNK // 16
"""A chunk is read whole where so many of its terms are wanted at once."""
_TOGETHER = 64
"""Chunks that are read by one statement and kept as one block, at most."""
_READ_BYTES = 32 * 1024 * 1024
"""Text that is read by one statement, about."""
_BLOCK_BYTES = 16 * 1024 * 1024
_PER_BLOCK = 64
"""So many terms of each block have to be wanted for taking them together."""

Fetch = Callable[["Ids"], pa.Table]


class TermTexts:
    """Blocks of terms that were read lately; bounded, safe to share between threads.

    A chunk is read whole when many of its terms are wanted, or when it is wanted again; before, its terms are read
    one by one. Chunks that are read together are packed together (:class:`semcube.store.term_blocks.TermBlock`). Only
    full chunks are kept: terms are never changed or removed, so what is in here stays true.
    """

    def __init__(self, budget: int = 64 * 1024 * 1024) -> None:
        self.recent: Recent[Row] = Recent(budget // 6)
        self._blocks: Kept[int, TermBlock] = Kept(budget - budget // 6, self._forget)
        """By the number of their first chunk."""
        self._owner: Ids = np.full(64, -1, np.int64)
        """For each chunk the first chunk of its block; -1: it is not here."""
        self._wanted: dict[int, int] = {}
        self._chunk_bytes = 1
        """Text of a chunk that was read lately."""
        self._lock = threading.Lock()
        self.grown: Callable[[], None] = _nothing
        """Called when more is kept."""

    @property
    def nbytes(self) -> int:
        """Bytes of the blocks, and those that single terms may take."""
        return self._blocks.nbytes + self.recent.budget

    def terms(self, numbers: Ids, fetch: Fetch) -> pa.RecordBatch:
        """The terms with these numbers, null where there is none.

        Args:
            numbers: Distinct, ascending.
            fetch: Reads the terms of numbers, as ``TERMS``.
        """
        chunk = (numbers - 1) // CHUNK
        starts = np.flatnonzero(np.append(True, chunk[1:] != chunk[:-1])) if len(numbers) else np.empty(0, np.int64)
        chunks, counts = chunk[starts], np.diff(np.append(starts, len(numbers)))
        owners, blocks = self._found(chunks)
        worth = [
            owner < 0 and self._worth(one, count)
            for one, count, owner in zip(chunks.tolist(), counts.tolist(), owners.tolist(), strict=True)
        ]
        state = np.where(owners >= 0, 2, np.array(worth, np.int8))
        known, missing, single = (np.flatnonzero(np.repeat(state == one, counts)) for one in (2, 1, 0))
        pieces, places = [], []
        if len(known):
            pieces.append(self._taken(numbers[known], np.repeat(owners, counts)[known], blocks))
            places.append(known)
        for run in _runs(chunks[state == 1].tolist(), min(_READ_BYTES, self._blocks.budget // 4) // self._chunk_bytes):
            low, high = np.searchsorted(chunk[missing], [run[0], run[-1] + 1])
            pieces += self._read(run, numbers[missing[low:high]], fetch)
            places.append(missing[low:high])
        if len(single) or not pieces:
            pieces += fetch(numbers[single]).combine_chunks().to_batches()
            places.append(single)
        if len(pieces) == 1:
            return pieces[0]
        return _in_order(pieces, np.concatenate(places))

    def gathered(self, numbers: Ids) -> pa.RecordBatch | None:
        """The terms of many numbers, row by row, where all their chunks are here; None else, or where they are few.

        Args:
            numbers: Numbers of terms, in any order.
        """
        if not len(numbers):
            return None
        chunk = (numbers - 1) // CHUNK
        with self._lock:
            if int(chunk.max()) >= len(self._owner):
                return None
            owners = self._owner[chunk]
        if int(owners.min()) < 0:
            return None
        order = None
        if not ascends(owners):
            narrow = owners.astype(np.uint16) if int(owners.max()) < 1 << 16 else owners  # sorted by radix
            order = np.argsort(narrow, kind="stable")
            owners, numbers = owners[order], numbers[order]
        needed = owners[np.flatnonzero(np.append(True, owners[1:] != owners[:-1]))]
        if len(numbers) < len(needed) * _PER_BLOCK:
            return None
        again, blocks = self._found(needed)
        if int(again.min()) < 0 or bool((again != needed).any()):  # forgotten meanwhile
            return None
        return self._taken(numbers, owners, blocks, order)

    def _taken(
        self, numbers: Ids, owners: Ids, blocks: dict[int, TermBlock], order: Ids | None = None
    ) -> pa.RecordBatch:
        """The terms of numbers that stand block by block; ``order`` is where each was wanted."""
        starts = np.flatnonzero(np.append(True, owners[1:] != owners[:-1]))
        places = np.split(numbers - 1 - owners * CHUNK, starts[1:])
        parts = [(blocks[one], own) for one, own in zip(owners[starts].tolist(), places, strict=True)]
        if order is None:
            return gathered(parts)
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return gathered(parts, back)

    def from_chunks(self, numbers: list[int], fetch: Fetch) -> dict[int, Row]:
        """Those of ascending numbers whose chunks are here, or are wanted again."""
        found: dict[int, Row] = {}
        for one, group in groupby(numbers, lambda number: (number - 1) // CHUNK):
            wanted, known = list(group), self._get(one)
            if known is None and self._worth(one, len(wanted)):
                made = self._put([one], fetch(np.arange(one * CHUNK + 1, (one + 1) * CHUNK + 1)))
                known = (one, made[0][1]) if made else None
            if known is not None:
                first, block = known
                rows = block.rows([number - 1 - first * CHUNK for number in wanted])
                found.update(zip(wanted, rows, strict=True))
        return found

    def _get(self, chunk: int) -> tuple[int, TermBlock] | None:
        """The block that has a chunk, and its first chunk."""
        with self._lock:
            owner = int(self._owner[chunk]) if chunk < len(self._owner) else -1
            if owner < 0:
                return None
            block = self._blocks.get(owner)
            return None if block is None else (owner, block)

    def _found(self, chunks: Ids) -> tuple[Ids, dict[int, TermBlock]]:
        """For each chunk the first one of its block, -1 where it is not here; and these blocks."""
        owners = np.full(len(chunks), -1, np.int64)
        with self._lock:
            inside = np.asarray(chunks) < len(self._owner)
            owners[inside] = self._owner[chunks[inside]]
            found = {one: self._blocks.get(one) for one in dict.fromkeys(owners[owners >= 0].tolist())}
        return owners, {one: block for one, block in found.items() if block is not None}

    def _worth(self, chunk: int, count: int) -> bool:
        """Whether to read a chunk whole."""
        with self._lock:
            if len(self._wanted) > 100_000:
                self._wanted.clear()
            self._wanted[chunk] = self._wanted.get(chunk, 0) + 1
            # what has no room would only push out what is wanted as much
            room = self._blocks.nbytes + self._chunk_bytes < self._blocks.budget
            return count >= MANY or (room and self._wanted[chunk] > 2)

    def _read(self, run: list[int], numbers: Ids, fetch: Fetch) -> list[pa.RecordBatch]:
        """Terms of consecutive chunks that are read now."""
        table = fetch(np.arange(run[0] * CHUNK + 1, (run[-1] + 1) * CHUNK + 1))
        made = self._put(run, table)
        places = numbers - 1 - run[0] * CHUNK
        if sum(len(block) for _, block in made) < len(table):  # the last chunk of all is not full, and not kept
            return list(table.combine_chunks().take(pa.array(places)).combine_chunks().to_batches())
        cuts = np.searchsorted(numbers, [first * CHUNK + 1 for first, _ in made[1:]])
        parts = [
            (block, own - (first - run[0]) * CHUNK)
            for (first, block), own in zip(made, np.split(places, cuts), strict=True)
            if len(own)
        ]
        return [gathered(parts)]

    def _put(self, run: list[int], table: pa.Table) -> list[tuple[int, TermBlock]]:
        """Full chunks as blocks, each with its first chunk; they are kept if there is room for them."""
        full = len(table) // CHUNK
        absent = np.flatnonzero(~table["kind"].is_valid().to_numpy())
        full = min(full, int(absent[0]) // CHUNK) if len(absent) else full
        made: list[tuple[int, TermBlock]] = []
        if not full:
            return made
        self._chunk_bytes = max(table["lexical"].nbytes // full, 1)
        size = max(min(_BLOCK_BYTES, self._blocks.budget // 16) // self._chunk_bytes, 1)
        for start in range(0, full, size):
            stop = min(start + size, full)
            block = TermBlock(table.slice(start * CHUNK, (stop - start) * CHUNK))
            made.append((run[start], block))
            self._keep(run[start:stop], block)
        return made

    def _keep(self, chunks: list[int], block: TermBlock) -> None:
        with self._lock:
            if len(self._owner) <= chunks[-1]:
                larger = np.full(max(chunks[-1] + 1, 2 * len(self._owner)), -1, np.int64)
                larger[: len(self._owner)] = self._owner
                self._owner = larger
            own = self._owner[chunks[0] : chunks[-1] + 1]
            kept = int(own.max()) < 0 and self._blocks.put(chunks[0], block, block.nbytes)
            if kept:
                own[:] = chunks[0]
                for chunk in chunks:
                    self._wanted.pop(chunk, None)
        if kept:
            self.grown()

    def _forget(self, first: int, block: TermBlock) -> None:
        self._owner[first : first + len(block) // CHUNK] = -1

    def turn(self) -> None:
        """Another query begins: what others used may make room."""
        self._blocks.turn()  # without the lock, which may be held for long

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._blocks.clear()
        self.recent.clear()


def _nothing() -> None:
    """Nobody wants to know."""


def _runs(chunks: list[int], most: int) -> list[list[int]]:
    """Consecutive chunks, to be read together, in portions of bounded size."""
    runs: list[list[int]] = []
    for chunk in chunks:
        if runs and runs[-1][-1] == chunk - 1 and len(runs[-1]) < min(most, _TOGETHER):
            runs[-1].append(chunk)
        else:
            runs.append([chunk])
    return runs


def _in_order(pieces: list[pa.RecordBatch], places: Ids) -> pa.RecordBatch:
    """Pieces as one; ``places`` are the rows of the answer that they are."""
    table = pa.Table.from_batches(pieces, TERMS).combine_chunks()
    if not ascends(places):
        back = np.empty(len(places), np.int64)
        back[places] = np.arange(len(places))
        table = table.take(pa.array(back)).combine_chunks()
    found: pa.RecordBatch = table.to_batches()[0]
    return found
