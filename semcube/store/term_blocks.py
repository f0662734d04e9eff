# SPDX-License-Identifier: Apache-2.0
"""Terms that stand beside one another, packed: beginnings that many of them share are kept once.

Comes in: consecutive terms as ``TERMS``. Goes out: some of them, as ``TERMS`` again or as rows. What a term says beside
its own end (how it begins, kind, datatype, language) is its *form*; a block holds a list of forms, a code for each
term, and the ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.io.terms import TERMS
from semcube.store.term_rows import About, Row, as_about

if TYPE_CHECKING:
    import numpy.typing as npt

    Ids = npt.NDArray[np.int64]
    Codes = npt.NDArray[np.unsignedinteger]

__all__ = ["TermBlock", "gathered"]

Form = tuple[bytes, About]
"""How a term begins; kind, datatype and language."""

_SAMPLE = 512
_SAMPLED = 256
"""Terms of a block, and characters of each, that are looked at for what many begin with."""
_BEGINNINGS = 24
_SAVED = 2
"""A beginning is kept once if that saves so many bytes a term of the whole block."""
_NARROW = 2**31 - 1
_NOTHING = pa.scalar(b"", pa.large_binary())


class TermBlock:
    """Terms in memory.

    Args:
        terms: ``TERMS``, at least one, none of them null.

    Example:
        >>> from semcube.store.term_rows import as_row, terms_of
        >>> block = TermBlock(pa.Table.from_batches([terms_of([as_row(2, "http://a", None, None)])]))
        >>> block.rows([0])
        [('http://a', (0, None, None))]
    """

    def __init__(self, terms: pa.Table) -> None:
        lexical = _whole(terms["lexical"]).view(pa.large_binary())
        first, abouts = _abouts(terms)
        beginnings = _beginnings(lexical)
        second, self._ends = _split(lexical, beginnings)
        combined = first * len(beginnings) + second
        present = np.flatnonzero(np.bincount(combined))
        self.forms: tuple[Form, ...] = tuple(
            (beginnings[code % len(beginnings)], abouts[code // len(beginnings)]) for code in present.tolist()
        )
        self._texts = [beginning.decode() for beginning, _ in self.forms]
        self._codes: Codes | None = None
        if len(present) > 1:
            places = np.zeros(int(present[-1]) + 1, np.min_scalar_type(len(present) - 1))
            places[present] = np.arange(len(present))
            self._codes = places[combined]
        self.nbytes: int = self._ends.nbytes + (0 if self._codes is None else self._codes.nbytes) + 1000
        """Bytes that it takes."""
        _, offsets, data = self._ends.buffers()
        narrow = pa.types.is_binary(self._ends.type)
        self._offsets: npt.NDArray[np.signedinteger] = np.frombuffer(offsets, np.int32 if narrow else np.int64)
        self._data = memoryview(data) if data is not None else memoryview(b"")
        self._longest = int(np.diff(self._offsets).max())

    def __len__(self) -> int:
        return len(self._ends)

    def rows(self, places: Sequence[int]) -> list[Row]:
        """Single terms."""
        data, offsets, codes = self._data, self._offsets, self._codes
        found: list[Row] = []
        for place in places:
            code = 0 if codes is None else codes[place]
            end = str(data[offsets[place] : offsets[place + 1]], "utf-8")
            found.append((self._texts[code] + end, self.forms[code][1]))
        return found

    def ends(self, places: Ids) -> pa.Array:
        """What some terms end with, as large binary."""
        run = len(places) and int(places[-1]) - int(places[0]) == len(places) - 1
        if run and bool((places[1:] > places[:-1]).all()):
            found = self._ends.slice(places[0], len(places))
        else:
            wide = self._longest * len(places) > _NARROW
            found = (self._ends.cast(pa.large_binary()) if wide else self._ends).take(pa.array(places))
        return found.cast(pa.large_binary())

    def codes(self, places: Ids) -> Codes | None:
        """The forms of some terms, None where all terms have the first."""
        return None if self._codes is None else self._codes[places]


def gathered(parts: Sequence[tuple[TermBlock, Ids]], order: Ids | None = None) -> pa.RecordBatch:
    """Some terms of blocks, one after the other, as ``TERMS``.

    Args:
        parts: Blocks, and places in each.
        order: The place among all these of each row of the answer; None: as they come.
    """
    listed = [block.ends(places) for block, places in parts]
    ends = listed[0] if len(listed) == 1 else pa.concat_arrays(listed)
    ends = ends if order is None else ends.take(pa.array(order))
    forms, codes = _coded(parts)
    if codes is None:
        beginning, about = forms[0]
        lexical = pc.binary_replace_slice(ends, 0, 0, beginning) if beginning else ends
        rest = [pa.repeat(pa.scalar(value, TERMS.field(i).type), len(ends)) for i, value in _columns(about)]
    else:
        places = pa.array(codes if order is None else codes[order])
        begin = pa.array([beginning for beginning, _ in forms], pa.large_binary()).take(places)
        lexical = pc.binary_join_element_wise(begin, ends, _NOTHING)
        rest = [_column([about for _, about in forms], i, places) for i in range(3)]
    return pa.RecordBatch.from_arrays([rest[0], lexical.view(pa.large_string()), *rest[1:]], schema=TERMS)


def _coded(parts: Sequence[tuple[TermBlock, Ids]]) -> tuple[list[Form], Ids | None]:
    """The forms of terms of blocks, and a code for each term; without codes all have the first form."""
    known: dict[Form, int] = {}
    numbers = [np.array([known.setdefault(form, len(known)) for form in block.forms], np.int64) for block, _ in parts]
    if len(known) == 1:
        return list(known), None
    codes = []
    for own, (block, places) in zip(numbers, parts, strict=True):
        code = block.codes(places)
        codes.append(np.full(len(places), own[0]) if code is None else own[code])
    joined = codes[0] if len(codes) == 1 else np.concatenate(codes)
    used = np.flatnonzero(np.bincount(joined, minlength=len(known)))
    forms = list(known)
    return ([forms[int(used[0])]], None) if len(used) == 1 else (forms, joined)


def _columns(about: About) -> list[tuple[int, int | str | None]]:
    """Kind, datatype and language, each with the place of its column in ``TERMS``."""
    return [(0, about[0]), (2, about[1]), (3, about[2])]


def _column(abouts: list[About], i: int, places: pa.Array) -> pa.Array:
    """Kind, datatype or language of many terms."""
    kind = TERMS.field(0 if i == 0 else i + 1).type
    values = [about[i] for about in abouts]
    if all(value is None for value in values):
        return pa.nulls(len(places), kind)
    return pa.array(values, kind).take(places)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _abouts(terms: pa.Table) -> tuple[Ids, list[About]]:
    """Kind, datatype and language: a code for each term, and what the codes say."""
    codes = terms["kind"].to_numpy().astype(np.int64)
    sizes: list[int] = []
    values: list[list[str | None]] = []
    for name in ("datatype", "language"):
        column = terms[name]
        if column.null_count == len(column):
            values.append([None])
            sizes.append(1)
            continue
        encoded = _whole(column).dictionary_encode()
        values.append([*encoded.dictionary.to_pylist(), None])
        sizes.append(len(values[-1]))
        codes = codes * sizes[-1] + encoded.indices.fill_null(sizes[-1] - 1).to_numpy(zero_copy_only=False)
    present, codes = np.unique(codes, return_inverse=True) if sizes != [1, 1] else (np.arange(3), codes)
    listed: list[About] = []
    for code in present.tolist():
        rest, language = divmod(code, sizes[1])
        kind, datatype = divmod(rest, sizes[0])
        listed.append(as_about(kind, values[0][datatype], values[1][language]))
    return codes.ravel(), listed


def _beginnings(lexical: pa.Array) -> list[bytes]:
    """What many terms begin with, longest first, and nothing at the end."""
    step = max(len(lexical) // min(_SAMPLE, max(len(lexical) // 32, 32)), 1)
    taken = lexical.take(pa.array(np.arange(0, len(lexical), step)))
    sample = sorted(text[:_SAMPLED] for text in taken.to_pylist())
    shared = [_shared(a, b) for a, b in pairwise(sample)]
    found: dict[bytes, int] = {}
    todo = [(0, len(sample), 0)]
    while todo:
        low, high, known = todo.pop()
        if high - low < 2 or (high - low) * (_SAMPLED - known) < _SAVED * len(sample):
            continue
        least = min(shared[low : high - 1])
        saved = (least - known) * (high - low)
        if saved >= _SAVED * len(sample):
            known = least
            found[sample[low][:least].decode(errors="ignore").encode()] = saved
        cuts = [low, *(place + 1 for place in range(low, high - 1) if shared[place] == least), high]
        if least < _SAMPLED:
            todo.extend((a, b, known) for a, b in pairwise(cuts))
    best = sorted(found, key=lambda text: -found[text])[:_BEGINNINGS]
    return [*sorted((text for text in best if text), key=len, reverse=True), b""]


def _shared(a: bytes, b: bytes) -> int:
    """How many bytes two texts begin with that are the same."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if a[:middle] == b[:middle] else (low, middle - 1)
    return low


def _split(lexical: pa.Array, beginnings: list[bytes]) -> tuple[Ids, pa.Array]:
    """The code of each text's beginning, and what comes after it."""
    codes = np.full(len(lexical), len(beginnings) - 1, np.int64)
    rest = np.ones(len(lexical), bool)
    for code, beginning in enumerate(beginnings[:-1]):
        own = pc.starts_with(lexical, pattern=beginning).to_numpy(zero_copy_only=False) & rest
        codes[own] = code
        rest &= ~own
    pieces, order = [], []
    for code, beginning in enumerate(beginnings):
        rows = np.flatnonzero(codes == code)
        if len(rows):
            some = lexical if len(rows) == len(lexical) else lexical.take(pa.array(rows))
            pieces.append(pc.binary_replace_slice(some, 0, len(beginning), b""))
            order.append(rows)
    ends = pieces[0]
    if len(pieces) > 1:
        back = np.empty(len(lexical), np.int64)
        back[np.concatenate(order)] = np.arange(len(lexical))
        ends = pa.concat_arrays(pieces).take(pa.array(back))
    return codes, ends.cast(pa.binary()) if ends.nbytes < _NARROW else ends
