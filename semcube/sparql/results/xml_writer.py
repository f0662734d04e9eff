# SPDX-License-Identifier: Apache-2.0
"""SPARQL Query Results XML Format (Second Edition)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from semcube.errors import OutputError
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
from semcube.vocab import XSD_STRING

__all__ = ["write_xml", "write_xml_boolean"]

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}
_ILLEGAL = bytes(i for i in range(32) if i not in (9, 10, 13))
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<sparql xmlns="http://www.w3.org/2005/sparql-results#">'
_OPENINGS = pa.array(["<uri>", "<bnode>", "<literal"], pa.large_string())
_ENDINGS = pa.array(["</uri></binding>", "</bnode></binding>", "</literal></binding>"], pa.large_string())


def write_xml(variables: Sequence[str], batches: Iterable[Columns]) -> Iterator[bytes]:
    """Solutions as ``application/sparql-results+xml``.

    Raises:
        OutputError: A value has a character that XML 1.0 cannot write.

    Example:
        >>> print(b"".join(write_xml(["x"], [])).decode())
        <?xml version="1.0" encoding="UTF-8"?>
        <sparql xmlns="http://www.w3.org/2005/sparql-results#"><head><variable name="x"/></head><results>
        </results></sparql>
    """
    head = "".join(f'<variable name="{name}"/>' for name in variables)
    yield f"{_HEAD}<head>{head}</head><results>\n".encode()
    for rows, columns in pieces(batches):
        if not columns:
            yield b"<result></result>\n" * rows
            continue
        cells = [glue(f'<binding name="{n}">', _cells(n, column)) for n, column in zip(variables, columns, strict=True)]
        yield bytes_of(glue("<result>", joined_by("", cells, skip_nulls=True), "</result>\n"))
    yield b"</results></sparql>\n"


def _cells(name: str, terms: pa.RecordBatch) -> pa.LargeStringArray:
    """The element of each term, null where unbound."""
    lexical = plain(terms, "lexical")
    _check(name, lexical)
    kind = terms.column("kind")
    return glue(_OPENINGS.take(kind), _attributes(terms), escape(lexical, _ESCAPES), _ENDINGS.take(kind))


def _attributes(terms: pa.RecordBatch) -> pa.LargeStringArray:
    """What stands between ``<literal`` and the value; empty for other kinds."""
    literal = is_literal(terms)
    language, datatype = plain(terms, "language"), plain(terms, "datatype")
    typed = pc.and_(literal, pc.fill_null(pc.not_equal(datatype, XSD_STRING), False))
    ending = choose(literal, ">", "")
    ending = choose(typed, glue(' datatype="', escape(datatype, _ESCAPES), '">'), ending)
    return pc.coalesce(glue(' xml:lang="', language, '">'), ending)


def _check(name: str, lexical: pa.LargeStringArray) -> None:
    found = contains_bytes(lexical, _ILLEGAL)
    if not found and contains_bytes(lexical, b"\xef"):
        found = [ord(c) for c in "\ufffe\uffff" if pc.any(pc.match_substring(lexical, c)).as_py()]
    if found:
        raise OutputError(
            f"a value of ?{name} with the character U+{found[0]:04X}", expected="characters that XML 1.0 can write",
            fix="ask for the results as JSON, CSV or TSV",
        )  # fmt: skip


def write_xml_boolean(value: bool) -> bytes:
    """The answer of ASK."""
    return f"{_HEAD}<head/><boolean>{str(value).lower()}</boolean></sparql>\n".encode()
