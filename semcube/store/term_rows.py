# SPDX-License-Identifier: Apache-2.0
"""Terms as rows, one by one, for answers of few rows.

A chunk of terms (:mod:`semcube.store.cache`) is cheap for each of the thousands of terms it holds, but dear where one
is wanted. Terms that are scattered over the dictionary are read, and kept, as rows instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from semcube.engines import ids
from semcube.engines.ids import Tag
from semcube.io.terms import KIND_BLANK, KIND_IRI, KIND_LITERAL, TERMS
from semcube.vocab import XSD_BOOLEAN, XSD_INTEGER, XSD_STRING

__all__ = ["About", "Row", "as_about", "as_row", "inline_row", "key_of", "rows_of", "size_of", "terms_of"]

About = tuple[int | None, str | None, str | None]
"""Kind, datatype and language; equal ones are one object."""
Row = tuple[str | None, About]
"""A term: its lexical form, and the rest."""

_BESIDE = 240
"""Bytes that Python needs for a row, beside those of the text."""
_ABOUT: dict[About, About] = {}
_NOTHING: Row = (None, (None, None, None))


def as_about(kind: int | None, datatype: str | None, language: str | None) -> About:
    """The one object that says this."""
    found = (kind, datatype, language)
    if len(_ABOUT) > 10_000:  # more languages and datatypes than there are
        _ABOUT.clear()
    return _ABOUT.setdefault(found, found)


def as_row(tag: int, lexical: str, datatype: str | None, language: str | None) -> Row:
    """A row of the table ``terms``."""
    kind = KIND_IRI if tag == Tag.IRI else KIND_BLANK if tag == Tag.BLANK else KIND_LITERAL
    return lexical, as_about(kind, datatype, language)


def inline_row(number: int) -> Row | None:
    """The term that an id is itself; None for others and for 0."""
    tag, payload = number >> ids.SHIFT, number & ids.PAYLOAD
    if tag == Tag.INTEGER:
        return str(payload - ids.BIAS), as_about(KIND_LITERAL, XSD_INTEGER, None)
    if tag == Tag.BOOLEAN:
        return ("true" if payload == 1 else "false"), as_about(KIND_LITERAL, XSD_BOOLEAN, None)
    return None


def key_of(row: Row) -> str:
    """The key of a term.

    Example:
        >>> key_of(as_row(int(Tag.BLANK), "b0", None, None))
        '_:b0'
    """
    lexical, (kind, datatype, language) = row
    if kind == KIND_IRI:
        return f"<{lexical}>"
    if kind == KIND_BLANK:
        return f"_:{lexical}"
    if language is not None:
        return f'"{lexical}"@{language}'
    return f'"{lexical}"' if datatype is None or datatype == XSD_STRING else f'"{lexical}"^^<{datatype}>'


def rows_of(terms: pa.Table | pa.RecordBatch) -> list[Row | None]:
    """The rows of ``TERMS`` columns, None where the kind is null."""
    columns = (terms[name].to_pylist() for name in ("kind", "lexical", "datatype", "language"))
    return [
        None if kind is None else (lexical, as_about(kind, datatype, language))
        for kind, lexical, datatype, language in zip(*columns, strict=True)
    ]


def terms_of(rows: Sequence[Row | None]) -> pa.RecordBatch:
    """``TERMS`` columns of rows; None gives nulls.

    Example:
        >>> terms_of([as_row(int(Tag.IRI), "http://a", None, None), None]).to_pylist()[0]
        {'kind': 0, 'lexical': 'http://a', 'datatype': None, 'language': None}
    """
    chosen = [_NOTHING if row is None else row for row in rows]
    lexical = pa.array([row[0] for row in chosen], pa.large_string())
    known: dict[About, int] = {}
    codes, last, code = [], None, 0
    for _, about in chosen:
        if about is not last:
            last, code = about, known.setdefault(about, len(known))
        codes.append(code)
    values_of = [
        pa.array([one[i] for one in known], TERMS.field(name).type)
        for i, name in enumerate(("kind", "datatype", "language"))
    ]
    if len(known) == 1:
        columns = [pa.repeat(values[0], len(rows)) for values in values_of]
    else:
        places = pa.array(codes, pa.int64())
        columns = [values.take(places) for values in values_of]
    return pa.RecordBatch.from_arrays([columns[0], lexical, *columns[1:]], schema=TERMS)


def size_of(row: Row) -> int:
    """The bytes that a row takes in memory, about."""
    return _BESIDE + len(row[0] or "")
