# SPDX-License-Identifier: Apache-2.0
"""Reads the SPARQL 1.1 Query Results JSON Format, solution by solution."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from semcube.errors import ResultSyntaxError, UnsupportedError
from semcube.sparql.results.reading import Results, TableBuilder, chunks, literal_key

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_json"]

_SPACE = " \t\r\n"


def read_json(source: bytes | BinaryIO | Iterable[bytes]) -> Results:
    """Read ``application/sparql-results+json``.

    Args:
        source: The document, or an open file or the pieces of it; it is held in memory only in small parts, if ``head``
            comes first.

    Returns:
        The head is read at once, solutions when they are asked for.

    Raises:
        ResultSyntaxError: The document is malformed; also while solutions are read.

    Example:
        >>> text = b'{"head":{"vars":["x"]},"results":{"bindings":[{"x":{"type":"literal","value":"a"}}]}}'
        >>> [batch.to_pydict() for batch in read_json(text).batches]
        [{'x': ['"a"']}]
    """
    document = _Document(source)
    variables: tuple[str, ...] | None = None
    for name in document.members():
        if name == "head":
            head = document.value()
            variables = tuple(head.get("vars", ())) if isinstance(head, dict) else ()
        elif name == "boolean":
            return Results((), iter(()), bool(document.value()))
        elif name == "results":
            bindings = _bindings(document)
            if variables is not None:
                return Results(variables, _batches(variables, bindings))
            rows = list(bindings)
            variables = tuple(_late_head(document))
            return Results(variables, _batches(variables, iter(rows)))
        else:
            document.value()
    raise document.error("the end of the document", "'results' or 'boolean'")


def _late_head(document: _Document) -> list[str]:
    """The variables, where the head comes after the results."""
    document.skip_rest_of("results")
    for name in document.more_members():
        value = document.value()
        if name == "head" and isinstance(value, dict):
            return list(value.get("vars", ()))
    raise document.error("the end of the document", "'head'")


def _bindings(document: _Document) -> Iterator[dict[str, str]]:
    """The solutions inside of ``results``, as keys."""
    for name in document.members():
        if name != "bindings":
            document.value()
            continue
        for binding in document.items():
            if not isinstance(binding, dict):
                raise document.error("a solution that is no object", "an object")
            yield {variable: _key(term, document) for variable, term in binding.items()}
        return


def _batches(variables: tuple[str, ...], rows: Iterator[dict[str, str]]) -> Iterator[pa.RecordBatch]:
    builder = TableBuilder(variables)
    for row in rows:
        builder.add(row)
        if builder.full:
            yield builder.take()
    if builder.rows:
        yield builder.take()


def _key(term: Any, document: _Document) -> str:
    try:
        kind, value = term["type"], term["value"]
    except (KeyError, TypeError):
        raise document.error("a term without type or value", "an object with 'type' and 'value'") from None
    if kind == "triple":
        raise UnsupportedError("a triple term in the results", expected="IRIs, blank nodes and literals")
    if not isinstance(value, str):
        raise document.error(f"the value {value!r} of a term", "a string")
    if kind == "uri":
        return f"<{value}>"
    if kind == "bnode":
        return f"_:{value}"
    if kind not in ("literal", "typed-literal"):
        raise document.error(f"a term of type {kind!r}", "'uri', 'bnode' or 'literal'")
    return literal_key(value, term.get("datatype"), term.get("xml:lang"))


class _Document:
    """A JSON text that is decoded value by value as its pieces arrive."""

    def __init__(self, source: bytes | BinaryIO | Iterable[bytes]) -> None:
        self._chunks = chunks(source)
        self._text = codecs.getincrementaldecoder("utf-8-sig")(errors="strict")
        self._decoder = json.JSONDecoder()
        self._buffer = ""
        self._at = 0
        self._ended = False
        self._read = 0

    def error(self, found: str, expected: str) -> ResultSyntaxError:
        """The error at the place reached so far."""
        return ResultSyntaxError(f"character {self._read + self._at}: {found}", expected=expected)

    def members(self) -> Iterator[str]:
        """The names of the members of an object; the caller reads each value."""
        self._expect("{")
        if self._peek() == "}":
            self._at += 1
            return
        yield self._name()
        yield from self.more_members()

    def more_members(self) -> Iterator[str]:
        """The names of the members that are left."""
        while self._next_of("}"):
            yield self._name()

    def items(self) -> Iterator[Any]:
        """The items of an array."""
        self._expect("[")
        if self._peek() == "]":
            self._at += 1
            return
        yield self.value()
        while self._next_of("]"):
            yield self.value()

    def skip_rest_of(self, name: str) -> None:
        """Read to the end of the object that is open."""
        for _ in self.more_members():
            self.value()

    def value(self) -> Any:
        """Decode one value."""
        self._peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                if not self._fill():
                    raise self.error(error.msg, "a JSON value") from None
                continue
            if end < len(self._buffer) or not self._fill():
                self._at = end
                return value

    def _name(self) -> str:
        name = self.value()
        if not isinstance(name, str):
            raise self.error("no name", "the name of a member")
        self._expect(":")
        return name

    def _next_of(self, end: str) -> bool:
        """Whether a comma follows, rather than the end of an object or an array."""
        found = self._peek()
        if found not in (",", end):
            raise self.error(f"'{found}'" if found else "the end of the document", f"',' or '{end}'")
        self._at += 1
        return found == ","

    def _expect(self, character: str) -> None:
        found = self._peek()
        if found != character:
            raise self.error(f"'{found}'" if found else "the end of the document", f"'{character}'")
        self._at += 1

    def _peek(self) -> str:
        """The next character that is no white space; empty at the end."""
        while True:
            while self._at < len(self._buffer):
                if self._buffer[self._at] not in _SPACE:
                    return self._buffer[self._at]
                self._at += 1
            if not self._fill():
                return ""

    def _fill(self) -> bool:
        """Read one more piece, and forget what was decoded; False at the end."""
        if self._ended:
            return False
        piece = next(self._chunks, None)
        self._ended = piece is None
        try:
            text = self._text.decode(piece or b"", final=self._ended)
        except UnicodeDecodeError as error:
            raise self.error(f"bytes that are no UTF-8: {error.reason}", "UTF-8") from None
        self._read += self._at
        self._buffer, self._at = self._buffer[self._at :] + text, 0
        return not self._ended
