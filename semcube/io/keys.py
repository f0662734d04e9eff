# SPDX-License-Identifier: Apache-2.0
"""Term keys <-> term columns, whole columns at a time.

Comes in: keys (:mod:`semcube.io.terms`) or ``TERMS`` columns. Goes out: the other. Only the distinct endings of keys
(datatypes and languages) are looked at one by one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.io.terms import KIND_BLANK, KIND_IRI, KIND_LITERAL, TERMS
from semcube.vocab import RDF_LANG_STRING, XSD_STRING

__all__ = ["join", "split"]

_QUOTE, _LESS = ord('"'), ord("<")


def split(keys: pa.Array) -> pa.RecordBatch:
    """The terms of keys as ``TERMS`` columns; null stays null.

    Args:
        keys: (n,) string, large_string or dictionary-encoded array of keys.

    Example:
        >>> split(pa.array(['"chat"@fr', "<http://a>", None])).to_pylist()[0]["language"]
        'fr'
    """
    if pa.types.is_dictionary(keys.type):
        return split(keys.dictionary).take(keys.indices) if len(keys) else split(keys.dictionary).slice(0, 0)
    keys = keys.cast(pa.large_string())
    valid = keys.is_valid().to_numpy(zero_copy_only=False)
    if not valid.all():
        places = np.cumsum(valid) - 1
        return split(keys.drop_null()).take(pa.array(places, mask=~valid))
    n = len(keys)
    offsets = (
        np.frombuffer(keys.buffers()[1], dtype=np.int64)[keys.offset : keys.offset + n + 1]
        if n
        else np.zeros(1, np.int64)
    )
    data = keys.buffers()[2]
    octets = np.frombuffer(data, dtype=np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    start, end = offsets[:-1], offsets[1:]
    lead = octets[start]
    kind = np.where(lead == _QUOTE, KIND_LITERAL, np.where(lead == _LESS, KIND_IRI, KIND_BLANK)).astype(np.int8)
    quotes = np.flatnonzero(octets == _QUOTE)
    literal = kind == KIND_LITERAL
    last = quotes[np.searchsorted(quotes, end) - 1] if len(quotes) else end
    stop = np.where(literal, last, np.where(kind == KIND_IRI, end - 1, end))
    after = np.where(literal, stop + 1, end)
    head = np.where(kind == KIND_BLANK, 2, 1)
    pieces = _pieces(data, np.stack([start, start + head, stop, after], axis=1), offsets[-1:])
    lexical = pieces.take(pa.array(np.arange(n) * 4 + 1))
    ending = pieces.take(pa.array(np.arange(n) * 4 + 3)).dictionary_encode()
    datatype, language = _endings(ending.dictionary, ending.indices, literal)
    return pa.record_batch([pa.array(kind), lexical, datatype, language], schema=TERMS)


def _pieces(data: Any, starts: np.ndarray[Any, Any], end: np.ndarray[Any, Any]) -> pa.Array:
    """The same bytes cut at other places: piece i ends where piece i + 1 starts."""
    offsets = np.concatenate([starts.ravel(), end]).astype(np.int64)
    return pa.LargeStringArray.from_buffers(starts.size, pa.py_buffer(offsets), data or pa.py_buffer(b""))


def _endings(endings: pa.Array, codes: pa.Array, literal: np.ndarray[Any, Any]) -> tuple[pa.Array, pa.Array]:
    """Datatype and language of each row from what follows the last quote of its key."""
    datatypes: list[str | None] = []
    languages: list[str | None] = []
    for text in endings.to_pylist():
        if text.startswith("@"):
            datatypes.append(RDF_LANG_STRING)
            languages.append(text[1:])
        else:
            datatypes.append(text[3:-1] if text else XSD_STRING)
            languages.append(None)
    code = codes.to_numpy(zero_copy_only=False)
    chosen = pa.array(code, mask=~literal)
    return pa.array(datatypes, pa.large_string()).take(chosen), pa.array(languages, pa.large_string()).take(chosen)


def join(terms: pa.RecordBatch) -> pa.Array:
    """The keys of ``TERMS`` columns; a null kind gives a null key.

    Example:
        >>> join(split(pa.array(['"5"^^<http://www.w3.org/2001/XMLSchema#integer>', "_:b", None]))).to_pylist()
        ['"5"^^<http://www.w3.org/2001/XMLSchema#integer>', '_:b', None]
    """
    if not len(terms):
        return pa.array([], pa.large_string())
    kind = terms["kind"]
    table = pa.table(
        {"datatype": terms["datatype"].cast(pa.large_string()), "language": terms["language"].cast(pa.large_string())}
    )
    pairs, code = _distinct_pairs(table)
    endings = pa.array([_ending(datatype, language) for datatype, language in pairs], pa.large_string())
    literal = pc.equal(kind, KIND_LITERAL)
    ending = pc.if_else(literal, endings.take(code), pc.if_else(pc.equal(kind, KIND_IRI), ">", ""))
    head = pa.array(["<", "_:", '"'], pa.large_string()).take(kind)
    return pc.binary_join_element_wise(
        head, terms["lexical"].cast(pa.large_string()), ending.cast(pa.large_string()), pa.scalar("", pa.large_string())
    )


def _distinct_pairs(table: pa.Table) -> tuple[list[tuple[str | None, str | None]], pa.Array]:
    """The distinct (datatype, language) pairs, and the number of its pair for each row."""
    datatype = table["datatype"].combine_chunks().dictionary_encode(null_encoding="encode")
    language = table["language"].combine_chunks().dictionary_encode(null_encoding="encode")
    wide = max(len(language.dictionary), 1)
    numbers = datatype.indices.to_numpy(zero_copy_only=False).astype(np.int64) * wide
    numbers += language.indices.to_numpy(zero_copy_only=False)
    distinct, code = np.unique(numbers, return_inverse=True)
    left, right = datatype.dictionary.to_pylist(), language.dictionary.to_pylist()
    return [(left[number // wide], right[number % wide]) for number in distinct.tolist()], pa.array(code.ravel())


def _ending(datatype: str | None, language: str | None) -> str:
    """What follows the lexical form of a literal in its key."""
    if language is not None:
        return f'"@{language}'
    return '"' if datatype is None or datatype == XSD_STRING else f'"^^<{datatype}>'
