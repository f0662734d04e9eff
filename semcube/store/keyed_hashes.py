# SPDX-License-Identifier: Apache-2.0
"""Keyed hashes of terms: whole columns at a time for loads, one by one for look-ups, the same numbers both ways.

A hash has four lanes. Each is the pair-multilinear hash of Lemire and Kaser (*Strongly universal string hashing is
fast*, 2014): with keys k of 64 bits and the text as 32-bit numbers w, the sum of (k + w)(k' + w') over the pairs of
numbers, plus k'' times the length, modulo 2**64, of which the upper 32 bits count. The keys are drawn from the salt of
the store, so that whoever writes a text does not know them: two different texts agree in a lane with a probability of
at most 2**-31, in all four, whose keys are independent, with 2**-124. Kind, datatype and language are added as a
BLAKE2b number keyed with the same salt, and long texts go through BLAKE2b altogether.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from semcube.io.terms import KIND_BLANK, KIND_IRI
from semcube.vocab import XSD_STRING

if TYPE_CHECKING:
    import numpy.typing as npt

    Words = npt.NDArray[np.uint64]
    Codes = npt.NDArray[np.int64]

__all__ = ["LANES", "TermHasher", "about_of", "abouts_of", "distinct_codes", "hash_of", "hasher", "kinds_of"]

LANES = 4
SHORT = 256
"""Texts of more bytes go through BLAKE2b."""
_PAIRS = SHORT // 8
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_MODULUS = (1 << 64) - 1
_BLOCK = 8192
"""Rows that are hashed together: what is needed for them fits into the caches."""


def about_of(kind: int, datatype: str | None = None, language: str | None = None) -> str:
    """What is hashed beside the lexical form: how the key of such a term ends, or begins where it is no literal.

    Example:
        >>> about_of(2, "http://www.w3.org/2001/XMLSchema#string"), about_of(2, None, "fr"), about_of(0)
        ('"', '"@fr', '<')
    """
    if kind == KIND_IRI:
        return "<"
    if kind == KIND_BLANK:
        return "_:"
    if language is not None:
        return f'"@{language}'
    return '"' if datatype is None or datatype == XSD_STRING else f'"^^<{datatype}>'


def abouts_of(terms: pa.RecordBatch) -> tuple[list[str], Codes]:
    """What is hashed beside the lexical forms of ``TERMS`` columns without nulls: the distinct ones, and row by row.

    Example:
        >>> from semcube.io.keys import split
        >>> distinct, codes = abouts_of(split(pa.array(["<http://a>", '"chat"@fr', "<http://b>"])))
        >>> [distinct[code] for code in codes]
        ['<', '"@fr', '<']
    """
    distinct, codes = kinds_of(terms)
    return [about_of(*each) for each in distinct], codes


def kinds_of(terms: pa.RecordBatch) -> tuple[list[tuple[int, str | None, str | None]], Codes]:
    """Kind, datatype and language of ``TERMS`` columns without nulls: the distinct ones, and row by row."""
    kind = terms["kind"].to_numpy(zero_copy_only=False).astype(np.int64)
    parts = [_encoded(terms[name]) for name in ("datatype", "language")]
    codes = kind
    for part in parts:
        codes = codes * (len(part.dictionary) + 1)
        codes += part.indices.fill_null(len(part.dictionary)).to_numpy(zero_copy_only=False)
    distinct, codes = distinct_codes(codes)
    texts = [[*part.dictionary.to_pylist(), None] for part in parts]
    found = []
    for number in distinct.tolist():
        rest, tongue = divmod(number, len(texts[1]))
        which, datatype = divmod(rest, len(texts[0]))
        found.append((which, texts[0][datatype], texts[1][tongue]))
    return found, codes


def _encoded(column: pa.Array) -> pa.DictionaryArray:
    return column if pa.types.is_dictionary(column.type) else column.dictionary_encode()


def distinct_codes(codes: Codes) -> tuple[Codes, Codes]:
    """Distinct small numbers, and the place of each row's among them."""
    if len(codes) and int(codes.max()) > 1_000_000:
        distinct, places = np.unique(codes, return_inverse=True)
        return distinct, places.ravel()
    used = np.bincount(codes) > 0
    return np.flatnonzero(used), (np.cumsum(used) - 1)[codes]


@lru_cache(maxsize=16)
def hasher(salt: str) -> TermHasher:
    """The hashes of a store.

    Args:
        salt: Its salt.
    """
    return TermHasher(salt)


def hash_of(salt: str, key: str) -> int:
    """The 32 bits under which a key is looked up.

    Example:
        >>> hash_of("s", "<http://a>") == hash_of("s", '"http://a"')
        False
    """
    return hasher(salt).one(key)


class TermHasher:
    """The hashes under one salt.

    Args:
        salt: Text that only the store knows.

    Example:
        >>> lanes = TermHasher("s").lanes(pa.array(["http://a"], pa.large_string()), ["<"])
        >>> int(lanes[0, 0]) >> 32 == TermHasher("s").one("<http://a>")
        True
    """

    def __init__(self, salt: str) -> None:
        self._key = hashlib.blake2b(salt.encode(), digest_size=64).digest()
        drawn = hashlib.shake_256(self._key).digest(8 * LANES * (2 * _PAIRS + 1))
        keys = np.frombuffer(drawn, "<u8").reshape(LANES, -1)
        self._length = keys[:, 0]
        self._pairs = keys[:, 1:].reshape(LANES, _PAIRS, 2)
        first = keys[0].tolist()
        self._first = (first[0], tuple(zip(first[1::2], first[2::2], strict=True)))
        self._abouts: dict[str, tuple[int, ...]] = {}

    def _beside(self, about: str) -> tuple[int, ...]:
        """What is added to the lanes for kind, datatype and language."""
        found = self._abouts.get(about)
        if found is None:
            if len(self._abouts) > 10_000:
                self._abouts.clear()
            found = self._abouts[about] = self._digest(about.encode(), b"about")
        return found

    def _digest(self, data: bytes | memoryview, purpose: bytes) -> tuple[int, ...]:
        digest = hashlib.blake2b(data, digest_size=8 * LANES, key=self._key, person=purpose).digest()
        return struct.unpack(f"<{LANES}Q", digest)

    def one(self, key: str) -> int:
        """The 32 bits of one key (:mod:`semcube.io.terms`)."""
        if key.startswith('"'):
            end = key.rindex('"')
            lexical, about = key[1:end], key[end:]
        elif key.startswith("<"):
            lexical, about = key[1:-1], "<"
        else:
            lexical, about = key[2:], "_:"
        return self.of(lexical.encode(), about)

    def of(self, data: bytes, about: str) -> int:
        """The 32 bits of one term.

        Args:
            data: What is hashed of it.
            about: What is hashed beside that.
        """
        if len(data) > SHORT:
            total = self._digest(data, b"text")[0]
        else:
            length, pairs = self._first
            numbers = iter(struct.unpack(f"<{-len(data) // 8 * -2}I", data + bytes(-len(data) % 8)))
            total = length * len(data)
            for (one, other), low, high in zip(pairs, numbers, numbers, strict=False):
                total += (one + low) * (other + high)
        return ((total + self._beside(about)[0]) & _MODULUS) >> 32

    def lanes(self, lexical: pa.Array, abouts: Sequence[str], codes: Codes | None = None, count: int = LANES) -> Words:
        """The lanes of many terms.

        Args:
            lexical: (n,) large_string or large_binary without nulls.
            abouts: What is hashed beside them (:func:`about_of`), the distinct ones.
            codes: Row -> place in ``abouts``; all rows have the first if None.
            count: How many lanes.

        Returns:
            (count, n) numbers of 64 bits, of which the upper 32 count.
        """
        starts, lengths, octets = _bytes_of(lexical)
        found = np.empty((count, len(lengths)), np.uint64)
        sums = np.empty((count, _BLOCK), np.uint64)
        for start in range(0, len(lengths), _BLOCK):
            rows = slice(start, start + _BLOCK)
            part = sums[:, : len(lengths[rows])]
            self._short(starts[rows], lengths[rows], octets, part)
            found[:, rows] = part
        view = memoryview(octets)  # type: ignore[arg-type]
        for row in np.flatnonzero(lengths > SHORT).tolist():
            start = int(starts[row])
            found[:, row] = self._digest(view[start : start + int(lengths[row])], b"text")[:count]
        beside = np.array([self._beside(about)[:count] for about in abouts], np.uint64).reshape(-1, count)
        if codes is None:
            found += beside[0][:, None]
        else:
            for lane in range(count):
                found[lane] += beside[:, lane][codes]
        return found

    def _short(self, starts: Codes, lengths: Codes, octets: npt.NDArray[np.uint8], sums: Words) -> None:
        """Lanes of the lexical forms of a block; those of long ones mean nothing."""
        words = np.ndarray((len(octets) - 7,), "<u8", buffer=octets, strides=(1,))
        np.multiply(self._length[: len(sums), None], lengths.astype(np.uint64), out=sums)
        lengths = np.where(lengths > SHORT, 0, lengths)
        rows = np.arange(len(lengths))
        product, factor, high = np.empty((3, len(lengths)), np.uint64)
        for pair in range(_PAIRS):
            kept = lengths > 8 * pair
            if not kept.all():
                rows, starts, lengths = rows[kept], starts[kept], lengths[kept]
                product, factor, high = (each[: len(rows)] for each in (product, factor, high))
            if not len(rows):
                return
            low = words[starts + 8 * pair]
            missing = 8 * (pair + 1) - lengths
            if missing.max() > 0:
                low &= np.uint64(_MODULUS) >> (8 * np.maximum(missing, 0)).astype(np.uint64)
            np.right_shift(low, _HALF, out=high)
            low &= _LOW
            for lane, (one, other) in enumerate(self._pairs[: len(sums), pair]):
                np.add(low, one, out=product)
                np.add(high, other, out=factor)
                product *= factor
                if len(rows) == sums.shape[1]:
                    sums[lane] += product
                else:
                    sums[lane, rows] += product


def _bytes_of(column: pa.Array) -> tuple[Codes, Codes, npt.NDArray[np.uint8]]:
    """Where the texts of a column start, their bytes, and all bytes, with at least seven more behind the last."""
    count = len(column)
    if not count:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.zeros(8, np.uint8)
    offsets = np.frombuffer(column.buffers()[1], np.int64, count + 1, 8 * column.offset)
    first, last = int(offsets[0]), int(offsets[-1])
    data = column.buffers()[2]
    octets = np.frombuffer(data, np.uint8) if data is not None and data.size else np.empty(0, np.uint8)
    if len(octets) < last + 8:
        octets = np.concatenate([octets[first:last], np.zeros(8, np.uint8)])
        offsets = offsets - first
    return offsets[:-1], np.diff(offsets), octets
