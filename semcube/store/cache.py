# SPDX-License-Identifier: Apache-2.0
"""What is remembered between queries: ids and texts of terms, and counts."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from semcube.geometry.sorted import ascends
from semcube.io.terms import TERMS
from semcube.store.quad_columns import QuadColumns
from semcube.store.recent import Recent
from semcube.store.term_hashes import TermHashes
from semcube.store.term_rows import About, Row, as_about

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


class _Chunk:
    """A full chunk of terms, as a table of one batch and in parts from which single terms are cheap to take."""

    def __init__(self, terms: pa.Table) -> None:
        self.terms = terms
        _, offsets, data = terms["lexical"].chunk(0).buffers()
        self.offsets: Ids = np.frombuffer(offsets, np.int64)[terms["lexical"].chunk(0).offset :]
        self.data = memoryview(data) if data is not None else memoryview(b"")

    @cached_property
    def about(self) -> tuple[Ids, tuple[About, ...]]:
        """Kind, datatype and language: a code for each term, and what the codes say."""
        codes = self.terms["kind"].to_numpy().astype(np.int64)
        sizes, values = [], []
        for name in ("datatype", "language"):
            encoded = self.terms[name].chunk(0).dictionary_encode()
            values.append([*encoded.dictionary.to_pylist(), None])
            sizes.append(len(values[-1]))
            codes = codes * sizes[-1] + encoded.indices.fill_null(sizes[-1] - 1).to_numpy(zero_copy_only=False)
        present, codes = np.unique(codes, return_inverse=True)
        listed: list[About] = []
        for code in present.tolist():
            rest, language = divmod(code, sizes[1])
            kind, datatype = divmod(rest, sizes[0])
            listed.append(as_about(kind, values[0][datatype], values[1][language]))
        return codes, tuple(listed)

    def rows(self, places: list[int]) -> list[Row]:
        """Single terms."""
        codes, listed = self.about
        return [
            (str(self.data[self.offsets[place] : self.offsets[place + 1]], "utf-8"), listed[codes[place]])
            for place in places
        ]


def _gathered(wanted: list[tuple[_Chunk, Ids]]) -> pa.Table:
    """Some terms of chunks, in order, as ``TERMS``."""
    texts: list[memoryview] = []
    lengths, codes = [], []
    known: dict[About, int] = {}
    places: dict[tuple[About, ...], Ids] = {}
    for chunk, rows in wanted:
        first, last = chunk.offsets[rows], chunk.offsets[rows + 1]
        data = chunk.data
        texts += [data[a:b] for a, b in zip(first.tolist(), last.tolist(), strict=True)]
        lengths.append(last - first)
        own, listed = chunk.about
        if listed not in places:
            places[listed] = np.array([known.setdefault(about, len(known)) for about in listed])
        codes.append(places[listed][own[rows]])
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
    lexical = pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(offsets), pa.py_buffer(b"".join(texts)))
    indices = pa.array(np.concatenate(codes))
    columns = [
        pa.array([about[i] for about in known], TERMS.field(name).type).take(indices)
        for i, name in enumerate(("kind", "datatype", "language"))
    ]
    return pa.Table.from_arrays([columns[0], lexical, *columns[1:]], schema=TERMS)


class TermTexts:
    """Chunks of terms that were read lately; bounded, safe to share between threads.

    A chunk is read whole when many of its terms are wanted, or when it is wanted again; before, its terms are read
    one by one. Only full chunks are kept: terms are never changed or removed, so what is in here stays true.
    """

    def __init__(self, budget: int = 64 * 1024 * 1024) -> None:
        self.recent: Recent[Row] = Recent(budget // 6)
        self._budget = budget - budget // 6
        self._chunks: OrderedDict[int, _Chunk] = OrderedDict()
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
        few: list[tuple[_Chunk, slice]] = []
        size = 0
        for one, start, count in zip(chunks.tolist(), first.tolist(), counts.tolist(), strict=True):
            part = slice(start, start + count)
            known = self._get(one)
            if known is not None and count < CHUNK // 16:
                few.append((known, part))
            elif known is not None:
                rows[part] = size + (numbers[part] - 1) % CHUNK
                pieces.append(known.terms)
                size += len(known.terms)
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
        for _, part in few:
            rows[part] = size + np.arange(part.stop - part.start)
            size += part.stop - part.start
        if few:
            pieces.append(_gathered([(chunk, (numbers[part] - 1) % CHUNK) for chunk, part in few]))
        rows[single] = size + np.arange(int(single.sum()))
        if single.any() or not pieces:
            pieces.append(fetch(numbers[single]))
        return pieces, rows

    def gathered(self, numbers: Ids) -> pa.Table | None:
        """The terms of many numbers, row by row, where all their chunks are here and each is wanted often; None else.

        Args:
            numbers: Numbers of terms, in any order.
        """
        chunk, places = (numbers - 1) // CHUNK, (numbers - 1) % CHUNK
        narrow = chunk.astype(np.uint16) if len(numbers) and int(chunk.max()) < 1 << 16 else chunk  # sorted by radix
        order = None if ascends(chunk) else np.argsort(narrow, kind="stable")
        if order is not None:
            chunk, places = chunk[order], places[order]
        starts = np.flatnonzero(np.append(True, chunk[1:] != chunk[:-1]))
        if len(numbers) < len(starts) * CHUNK // 16:
            return None
        pieces = []
        for one, own in zip(chunk[starts].tolist(), np.split(places, starts[1:]), strict=True):
            known = self._get(one)
            if known is None:
                return None
            run = int(own[-1]) - int(own[0]) == len(own) - 1 and bool((own[1:] > own[:-1]).all())
            pieces.append(known.terms.slice(own[0], len(own)) if run else known.terms.take(pa.array(own)))
        table = pa.concat_tables(pieces).combine_chunks()
        if order is None:
            return table
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return table.take(pa.array(back))

    def from_chunks(self, numbers: list[int], fetch: Callable[[Ids], pa.Table]) -> dict[int, Row]:
        """Those of ascending numbers whose chunks are here, or are wanted again."""
        found: dict[int, Row] = {}
        for one, group in groupby(numbers, lambda number: (number - 1) // CHUNK):
            wanted, chunk = list(group), self._get(one)
            if chunk is None and self._worth(one, len(wanted)):
                chunk = self._put(one, fetch(np.arange(one * CHUNK + 1, (one + 1) * CHUNK + 1)))
            if chunk is not None:
                found.update(zip(wanted, chunk.rows([(number - 1) % CHUNK for number in wanted]), strict=True))
        return found

    def _get(self, chunk: int) -> _Chunk | None:
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

    def _put(self, chunk: int, piece: pa.Table) -> _Chunk | None:
        """Keep a full chunk, if there is room or it was missed three times; None for one that is not full.

        So a scan of more than there is room for leaves most of what is kept in its place.
        """
        if len(piece) < CHUNK or not bool(piece["kind"].is_valid().to_numpy().all()):
            return None
        piece = pa.Table.from_batches([pa.concat_batches(piece.to_batches())], TERMS)
        made = _Chunk(piece)
        with self._lock:
            room = self._used + piece.nbytes <= self._budget or self._wanted.get(chunk, 0) > 2
            if chunk not in self._chunks and room:
                self._wanted.pop(chunk, None)
                self._chunks[chunk] = made
                self._used += piece.nbytes
            while self._used > self._budget and len(self._chunks) > 1:
                self._used -= self._chunks.popitem(last=False)[1].terms.nbytes
        return made


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

    Args:
        budget: Bytes for sorted columns; texts and hashes of terms may take half as much again.
        size: So many ids are kept.
    """

    def __init__(self, budget: int, size: int = 20_000) -> None:
        self.hashes = TermHashes(budget * 3 // 8)
        self.texts = TermTexts(budget * 9 // 8)
        self.columns = QuadColumns(budget)
        self._counts = Counts(-1)
        self._size = size
        self._known: OrderedDict[str, int] = OrderedDict()
        self._missing: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

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
