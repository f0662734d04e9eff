# SPDX-License-Identifier: Apache-2.0
"""Reads the SPARQL 1.1 Query Results CSV and TSV Formats."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO

from semcube.errors import ResultSyntaxError
from semcube.sparql.results.reading import Results, TableBuilder, chunks, literal_key
from semcube.vocab import XSD_BOOLEAN, XSD_DECIMAL, XSD_DOUBLE, XSD_INTEGER

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_csv", "read_tsv"]

_LITERAL = re.compile(r'(["\'])(.*)\1(?:@([A-Za-z0-9-]+)|\^\^<([^<>]*)>)?', re.DOTALL)
_CELL = re.compile(r'(?:"((?:[^"]|"")*)"|([^,"]*))(?=,|\Z)')
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_CHARACTERS = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_BARE = (
    (re.compile(r"[+-]?[0-9]+"), XSD_INTEGER),
    (re.compile(r"[+-]?[0-9]*\.[0-9]+"), XSD_DECIMAL),
    (re.compile(r"[+-]?(?:[0-9]+\.[0-9]*|\.?[0-9]+)[eE][+-]?[0-9]+"), XSD_DOUBLE),
    (re.compile("true|false"), XSD_BOOLEAN),
)


def read_tsv(source: bytes | BinaryIO | Iterable[bytes]) -> Results:
    r"""Read ``text/tab-separated-values``: exact terms.

    Raises:
        ResultSyntaxError: A line is malformed; also while solutions are read.

    Example:
        >>> [batch.to_pydict() for batch in read_tsv(b"?x\t?y\n05\t<http://e/a>\n").batches]
        [{'x': ['"05"^^<http://www.w3.org/2001/XMLSchema#integer>'], 'y': ['<http://e/a>']}]
    """
    lines = (line.removesuffix("\r").split("\t") for line in _lines(source))
    return _results(lines, _tsv_name, _tsv_key)


def read_csv(source: bytes | BinaryIO | Iterable[bytes]) -> Results:
    r"""Read ``text/csv``; every value becomes a plain literal, since this format does not tell terms apart.

    Raises:
        ResultSyntaxError: A row is malformed; also while solutions are read.

    Example:
        >>> [batch.to_pydict() for batch in read_csv(b"x,y\r\n5,\r\n").batches]
        [{'x': ['"5"'], 'y': [None]}]
    """
    return _results(_records(_lines(source)), lambda name: name, lambda text: f'"{text}"')


def _results(rows: Iterator[list[str]], name: Callable[[str], str], key: Callable[[str], str]) -> Results:
    """Results of rows of cells, the first one being the head."""
    head = next(rows, None)
    if head is None:
        raise ResultSyntaxError("no line", expected="a line of variables")
    if head in (["true"], ["false"]):
        return Results((), iter(()), head == ["true"])
    variables = tuple(name(cell.strip()) for cell in head) if head != [""] else ()
    return Results(variables, _batches(variables, rows, key))


def _batches(
    variables: tuple[str, ...], rows: Iterator[list[str]], key: Callable[[str], str]
) -> Iterator[pa.RecordBatch]:
    builder = TableBuilder(variables)
    for number, row in enumerate(rows, 2):
        cells = row if row or len(variables) != 1 else [""]  # how csv reads one empty cell
        if len(cells) != len(variables) and not (not variables and cells in ([], [""])):
            raise ResultSyntaxError(
                f"row {number}: {len(cells)} cells", expected=f"{len(variables)}, one for each variable"
            )
        try:
            builder.add({v: key(cell) for v, cell in zip(variables, row, strict=False) if cell})
        except ValueError as error:
            raise ResultSyntaxError(f"row {number}: {error}", expected="terms as SPARQL writes them") from None
        if builder.full:
            yield builder.take()
    if builder.rows:
        yield builder.take()


def _records(lines: Iterator[str]) -> Iterator[list[str]]:
    """The cells of each record (RFC 4180); a cell may be of any size."""
    parts: list[str] = []
    open_quote = False
    for number, line in enumerate(lines, 1):
        parts.append(line)
        open_quote ^= bool(line.count('"') % 2)
        if open_quote:
            continue
        record = "\n".join(parts).removesuffix("\r")
        parts.clear()
        cells: list[str] = []
        at = 0
        while at <= len(record):
            match = _CELL.match(record, at)
            if match is None:
                raise ResultSyntaxError("a quote inside of a cell", line=number, expected="quotes as in RFC 4180")
            cells.append(match[2] if match[1] is None else match[1].replace('""', '"'))
            at = match.end() + 1
        yield cells
    if parts:
        raise ResultSyntaxError("a quoted cell that does not end", expected="quotes as in RFC 4180")


def _lines(source: bytes | BinaryIO | Iterable[bytes]) -> Iterator[str]:
    """Lines without their line feed; no other character ends a line."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="strict")
    rest = ""
    try:
        for piece in chunks(source):
            *lines, rest = (rest + decoder.decode(piece)).split("\n")
            yield from lines
        rest += decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise ResultSyntaxError(f"bytes that are no UTF-8: {error.reason}", expected="UTF-8") from None
    if rest:
        yield rest


def _tsv_name(cell: str) -> str:
    if not cell.startswith(("?", "$")):
        raise ResultSyntaxError(f"the column '{cell}'", expected="a variable with '?' before its name")
    return cell[1:]


@lru_cache(maxsize=4096)
def _tsv_key(cell: str) -> str:
    """The key of a term as SPARQL writes it."""
    if cell.startswith("<") and cell.endswith(">"):
        return _unescaped(cell)
    if cell.startswith("_:"):
        return cell
    match = _LITERAL.fullmatch(cell)
    if match is not None:
        return literal_key(_unescaped(match[2]), match[4], match[3])
    for form, datatype in _BARE:
        if form.fullmatch(cell):
            return literal_key(cell, datatype, None)
    raise ValueError(f"the cell '{cell[:60]}'")


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text

    def character(match: re.Match[str]) -> str:
        digits = match[1] or match[2]
        if digits:
            return chr(int(digits, 16))
        if match[3] not in _CHARACTERS:
            raise ValueError(f"the escape '{match[0]}'")
        return _CHARACTERS[match[3]]

    return _ESCAPE.sub(character, text)
