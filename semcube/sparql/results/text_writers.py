# SPDX-License-Identifier: Apache-2.0
"""SPARQL 1.1 Query Results CSV and TSV Formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from semcube.io.terms import KIND_BLANK
from semcube.sparql.results.cells import (
    Columns,
    bytes_of,
    choose,
    contains_bytes,
    escape,
    glue,
    is_literal,
    joined_by,
    pieces,
    plain,
)
from semcube.vocab import XSD_DECIMAL, XSD_DOUBLE, XSD_INTEGER, XSD_STRING

__all__ = ["write_csv", "write_text_boolean", "write_tsv"]

_TSV_ESCAPES = {"\\": "\\\\", '"': '\\"', "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_OPENINGS = pa.array(["<", "_:", '"'], pa.large_string())
_ENDINGS = pa.array([">", "", '"'], pa.large_string())
_NUMBERS = (
    (XSD_INTEGER, r"^[+-]?[0-9]+$"),
    (XSD_DECIMAL, r"^[+-]?[0-9]*\.[0-9]+$"),
    (XSD_DOUBLE, r"^[+-]?([0-9]+\.[0-9]*|\.?[0-9]+)[eE][+-]?[0-9]+$"),
)
"""Datatypes that SPARQL writes without quotes, and the lexical forms it can write so."""


def write_csv(variables: Sequence[str], batches: Iterable[Columns]) -> Iterator[bytes]:
    r"""Solutions as ``text/csv``: IRIs and lexical forms as they are, an empty cell where unbound.

    Example:
        >>> b"".join(write_csv(["x", "y"], []))
        b'x,y\r\n'
    """
    yield (",".join(variables) + "\r\n").encode()
    for rows, columns in pieces(batches):
        yield bytes_of(_lines([_csv_cells(c) for c in columns], ",", "\r\n")) if columns else b"\r\n" * rows


def write_tsv(variables: Sequence[str], batches: Iterable[Columns]) -> Iterator[bytes]:
    r"""Solutions as ``text/tab-separated-values``: terms as SPARQL writes them, an empty cell where unbound.

    Example:
        >>> b"".join(write_tsv(["x", "y"], []))
        b'?x\t?y\n'
    """
    yield ("\t".join(f"?{name}" for name in variables) + "\n").encode()
    for rows, columns in pieces(batches):
        yield bytes_of(_lines([_tsv_cells(c) for c in columns], "\t", "\n")) if columns else b"\n" * rows


def write_text_boolean(value: bool) -> bytes:
    """The answer of ASK in formats that have no form for it: ``true`` or ``false`` on a line.

    Example:
        >>> write_text_boolean(False)
        b'false\\n'
    """
    return f"{str(value).lower()}\n".encode()


def _lines(cells: list[pa.LargeStringArray], separator: str, end: str) -> pa.LargeStringArray:
    return glue(joined_by(separator, cells, skip_nulls=False), end)


def _csv_cells(terms: pa.RecordBatch) -> pa.LargeStringArray:
    """The text of each term, quoted where RFC 4180 asks for it."""
    value = plain(terms, "lexical")
    blank = pc.equal(terms.column("kind"), KIND_BLANK)
    if pc.any(blank).as_py():
        value = choose(blank, glue("_:", value), value)
    if not contains_bytes(value, b'",\r\n'):
        return value
    quoted = glue('"', escape(value, {'"': '""'}), '"')
    return choose(pc.match_substring_regex(value, '[",\r\n]'), quoted, value)


def _tsv_cells(terms: pa.RecordBatch) -> pa.LargeStringArray:
    """Each term as SPARQL writes it, numbers without quotes."""
    lexical, language, datatype = (plain(terms, name) for name in ("lexical", "language", "datatype"))
    kind, literal = terms.column("kind"), is_literal(terms)
    text = glue(_OPENINGS.take(kind), escape(lexical, _TSV_ESCAPES), _ENDINGS.take(kind))
    typed = pc.and_(literal, pc.fill_null(pc.not_equal(datatype, XSD_STRING), False))
    if not pc.any(typed).as_py():
        return text
    suffix = pc.coalesce(glue("@", language), choose(typed, glue("^^<", datatype, ">"), ""))
    text = glue(text, suffix)
    for number, form in _NUMBERS:
        of_type = pc.fill_null(pc.equal(datatype, number), False)
        if pc.any(of_type).as_py():
            text = choose(pc.and_(of_type, pc.match_substring_regex(lexical, form)), lexical, text)
    return text
