# SPDX-License-Identifier: Apache-2.0
"""SPARQL 1.1 Query Results JSON Format."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from semcube.sparql.results.cells import Columns, bytes_of, choose, escape, glue, is_literal, joined_by, pieces, plain
from semcube.vocab import XSD_STRING

__all__ = ["ESCAPES", "write_json", "write_json_boolean"]

ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
ESCAPES |= {chr(i): f"\\u{i:04x}" for i in range(32) if chr(i) not in ESCAPES}
"""What RFC 8259 section 7 wants escaped."""

_OPENINGS = pa.array(
    ['{"type":"uri","value":"', '{"type":"bnode","value":"', '{"type":"literal","value":"'], pa.large_string()
)


def write_json(variables: Sequence[str], batches: Iterable[Columns]) -> Iterator[bytes]:
    """Solutions as ``application/sparql-results+json``.

    Example:
        >>> b"".join(write_json(["x"], []))
        b'{"head":{"vars":["x"]},"results":{"bindings":[\\n]}}\\n'
    """
    head = json.dumps(list(variables), ensure_ascii=False, separators=(",", ":"))
    yield f'{{"head":{{"vars":{head}}},"results":{{"bindings":['.encode()
    names = [f"{json.dumps(name, ensure_ascii=False)}:" for name in variables]
    first = True
    for rows, columns in pieces(batches):
        if columns:
            cells = [glue(name, _cells(column)) for name, column in zip(names, columns, strict=True)]
            text = bytes_of(glue(",\n{", joined_by(",", cells, skip_nulls=True), "}"))
        else:
            text = b",\n{}" * rows
        yield text[1:] if first else text
        first = False
    yield b"\n]}}\n"


def _cells(terms: pa.RecordBatch) -> pa.LargeStringArray:
    """The JSON object of each term, null where unbound."""
    value = escape(plain(terms, "lexical"), ESCAPES)
    literal = is_literal(terms)
    if not pc.any(literal).as_py():
        return glue(_OPENINGS.take(terms.column("kind")), value, '"}')
    return glue(_OPENINGS.take(terms.column("kind")), value, _endings(terms, literal))


def _endings(terms: pa.RecordBatch, literal: pa.BooleanArray) -> pa.LargeStringArray:
    """What follows the value: language, datatype, or nothing."""
    language, datatype = plain(terms, "language"), plain(terms, "datatype")
    typed = pc.and_(literal, pc.fill_null(pc.not_equal(datatype, XSD_STRING), False))
    if not pc.any(typed).as_py():
        return choose(literal, '"}', '"}')
    ending = choose(typed, glue('","datatype":"', escape(datatype, ESCAPES), '"}'), '"}')
    if language.null_count == len(language):
        return ending
    return pc.coalesce(glue('","xml:lang":"', escape(language, ESCAPES), '"}'), ending)


def write_json_boolean(value: bool) -> bytes:
    """The answer of ASK.

    Example:
        >>> write_json_boolean(True)
        b'{"head":{},"boolean":true}\\n'
    """
    return f'{{"head":{{}},"boolean":{str(value).lower()}}}\n'.encode()
