# SPDX-License-Identifier: Apache-2.0
"""The formats that solutions and truth values are written in: one table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from semcube.errors import UsageError
from semcube.sparql.results.arrow_writer import write_arrow
from semcube.sparql.results.cells import Columns
from semcube.sparql.results.geojson_writer import write_geojson
from semcube.sparql.results.json_reader import read_json
from semcube.sparql.results.json_writer import write_json, write_json_boolean
from semcube.sparql.results.reading import Results
from semcube.sparql.results.table_writer import write_table
from semcube.sparql.results.text_readers import read_csv, read_tsv
from semcube.sparql.results.text_writers import write_csv, write_text_boolean, write_tsv
from semcube.sparql.results.xml_reader import read_xml
from semcube.sparql.results.xml_writer import write_xml, write_xml_boolean

__all__ = ["FORMATS", "ResultFormat", "find_format", "read", "write", "write_boolean"]


@dataclass(frozen=True)
class ResultFormat:
    """A format of solutions."""

    name: str
    media_types: tuple[str, ...]
    """The first one is what an answer is labelled with, the others are recognised."""
    extension: str
    solutions: Callable[[Sequence[str], Iterable[Columns]], Iterator[bytes]]
    boolean: Callable[[bool], bytes] | None
    """None where the format has no way to write the answer of ASK."""
    reader: Callable[[bytes | BinaryIO | Iterable[bytes]], Results] | None = None


FORMATS: dict[str, ResultFormat] = {
    found.name: found
    for found in (
        ResultFormat(
            "json",
            ("application/sparql-results+json", "application/json"),
            ".srj",
            write_json,
            write_json_boolean,
            read_json,
        ),
        ResultFormat(
            "xml",
            ("application/sparql-results+xml", "application/xml", "text/xml"),
            ".srx",
            write_xml,
            write_xml_boolean,
            read_xml,
        ),
        ResultFormat("csv", ("text/csv",), ".csv", write_csv, write_text_boolean, read_csv),
        ResultFormat("tsv", ("text/tab-separated-values",), ".tsv", write_tsv, write_text_boolean, read_tsv),
        ResultFormat("geojson", ("application/geo+json", "application/vnd.geo+json"), ".geojson", write_geojson, None),
        ResultFormat("arrow", ("application/vnd.apache.arrow.stream",), ".arrows", write_arrow, None),
        ResultFormat("table", ("text/plain",), ".txt", write_table, write_text_boolean),
    )
}
"""Name -> format."""


def find_format(text: str) -> ResultFormat:
    """The format of a name, a media type or a file name extension.

    Raises:
        UsageError: There is none; the message lists all names.

    Example:
        >>> find_format("text/csv; charset=utf-8").name, find_format(".srx").name, find_format("json").name
        ('csv', 'xml', 'json')
    """
    wanted = text.partition(";")[0].strip().lower()
    for found in FORMATS.values():
        if wanted in (found.name, found.extension, *found.media_types):
            return found
    raise UsageError(f"the result format '{text}'", expected=f"one of {', '.join(FORMATS)}")


def write(variables: Sequence[str], batches: Iterable[Columns], format: str) -> Iterator[bytes]:  # noqa: A002
    """Write solutions, piece by piece.

    Args:
        variables: Names without ``?``, in the order of the projection.
        batches: For each batch of solutions one batch of terms (:data:`semcube.io.terms.TERMS`) for each variable. A
            solution without any variable is an empty list.
        format: A name of :data:`FORMATS`, a media type or an extension.

    Yields:
        The bytes of the document.

    Raises:
        UsageError: There is no such format.
        OutputError: A value cannot be written in this format.

    Example:
        >>> b"".join(write(["x"], [], "csv"))
        b'x\\r\\n'
    """
    return find_format(format).solutions(variables, batches)


def write_boolean(value: bool, format: str) -> bytes:  # noqa: A002
    """Write the answer of ASK.

    Raises:
        UsageError: The format has no form for it.

    Example:
        >>> write_boolean(True, "json")
        b'{"head":{},"boolean":true}\\n'
    """
    found = find_format(format)
    if found.boolean is None:
        able = ", ".join(name for name, other in FORMATS.items() if other.boolean is not None)
        raise UsageError(f"the answer of ASK as {found.name}", expected=f"one of {able}")
    return found.boolean(value)


def read(source: bytes | BinaryIO | Iterable[bytes], format: str) -> Results:  # noqa: A002
    """Read results.

    Args:
        source: The document, an open file, or the pieces of it.
        format: ``json``, ``xml``, ``csv`` or ``tsv``, a media type or an extension.

    Returns:
        Variables and batches of term keys, or the answer of ASK.

    Raises:
        UsageError: The format is not one that is read.
        ResultSyntaxError: The document is malformed.

    Example:
        >>> read(b'{"head":{},"boolean":true}', "application/sparql-results+json").boolean
        True
    """
    found = find_format(format)
    if found.reader is None:
        able = ", ".join(name for name, other in FORMATS.items() if other.reader is not None)
        raise UsageError(f"results as {found.name} to read", expected=f"one of {able}")
    return found.reader(source)
