# SPDX-License-Identifier: Apache-2.0
"""Reads the SPARQL Query Results XML Format, solution by solution."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO
from xml.parsers import expat

from semcube.errors import ResultSyntaxError, UnsupportedError
from semcube.sparql.results.reading import Results, TableBuilder, chunks, literal_key

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_xml"]

_SPARQL = "http://www.w3.org/2005/sparql-results# "
_LANGUAGE = "http://www.w3.org/XML/1998/namespace lang"


def read_xml(source: bytes | BinaryIO | Iterable[bytes]) -> Results:
    """Read ``application/sparql-results+xml``.

    Args:
        source: The document, or an open file or the pieces of it; it is held in memory only in small parts.

    Returns:
        The head is read at once, solutions when they are asked for.

    Raises:
        ResultSyntaxError: The document is malformed or has a document type; also while solutions are read.

    Example:
        >>> text = b'<sparql xmlns="http://www.w3.org/2005/sparql-results#"><head/><boolean>true</boolean></sparql>'
        >>> read_xml(text).boolean
        True
    """
    reader = _Reader(chunks(source))
    while not reader.head_read and reader.more():
        pass
    if reader.boolean is not None:
        return Results((), iter(()), reader.boolean)
    if not reader.head_read:
        raise ResultSyntaxError("no <results> and no <boolean>", expected="SPARQL results as XML")
    return Results(tuple(reader.variables), reader.batches())


class _Reader:
    """Handlers of the events of expat, which build one solution after the other."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._doctype
        self.variables: list[str] = []
        self.boolean: bool | None = None
        self.head_read = False
        self._rows: list[dict[str, str]] = []
        self._row: dict[str, str] = {}
        self._name = ""
        self._attributes: dict[str, str] = {}
        self._text: list[str] = []
        self._done = False

    def more(self) -> bool:
        """Parse one more piece; False at the end of the document."""
        if self._done:
            return False
        piece = next(self._pieces, None)
        self._done = piece is None
        try:
            self._parser.Parse(piece or b"", self._done)
        except expat.ExpatError as error:
            raise ResultSyntaxError(
                expat.ErrorString(error.code), line=error.lineno, column=error.offset + 1, expected="well-formed XML"
            ) from None
        return not self._done

    def batches(self) -> Iterator[pa.RecordBatch]:
        builder = TableBuilder(self.variables)
        going = True
        while going:
            rows, self._rows = self._rows, []
            for row in rows:
                builder.add(row)
                if builder.full:
                    yield builder.take()
            going = self.more() or bool(self._rows)
        if builder.rows:
            yield builder.take()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not name.startswith(_SPARQL):
            return
        match name.removeprefix(_SPARQL):
            case "variable":
                self.variables.append(attributes.get("name", ""))
            case "results":
                self.head_read = True
            case "result":
                self._row = {}
            case "binding":
                self._name = attributes.get("name", "")
            case "uri" | "bnode" | "literal" | "boolean":
                self._attributes, self._text = attributes, []
            case "triple":
                raise UnsupportedError("a triple term in the results", expected="IRIs, blank nodes and literals")

    def _characters(self, text: str) -> None:
        self._text.append(text)

    def _end(self, name: str) -> None:
        match name.removeprefix(_SPARQL):
            case "result":
                self._rows.append(self._row)
            case "uri":
                self._row[self._name] = f"<{''.join(self._text).strip()}>"
            case "bnode":
                self._row[self._name] = f"_:{''.join(self._text).strip()}"
            case "literal":
                found = self._attributes
                self._row[self._name] = literal_key("".join(self._text), found.get("datatype"), found.get(_LANGUAGE))
            case "boolean":
                self.boolean = self._truth("".join(self._text).strip())
                self.head_read = True

    def _truth(self, text: str) -> bool:
        if text not in ("true", "false", "1", "0"):
            raise ResultSyntaxError(f"the boolean '{text}'", expected="true or false")
        return text in ("true", "1")

    def _doctype(self, *_: object) -> None:
        raise ResultSyntaxError("a document type declaration", expected="results without one")
