# SPDX-License-Identifier: Apache-2.0
"""Every error that semcube raises on purpose.

::

    SemcubeError                     exit code 1
    |-- InputError (ValueError)      what the user gave is wrong
    |   |-- UsageError               a command line, setting or argument; exit code 2
    |   |-- SourceError              a file, layer or URL cannot be read
    |   |   `-- RowError             one row or value of it is bad
    |   |-- GeometryError            a geometry literal is malformed
    |   |-- CRSError                 a coordinate reference system is unknown or missing
    |   |-- MappingError             a mapping document is wrong
    |   |-- RDFSyntaxError           RDF text that does not parse
    |   |-- ResultSyntaxError        query results that do not parse
    |   `-- QueryError               a query or update is wrong
    |       `-- QuerySyntaxError     ... because it does not parse
    |-- UnsupportedError             valid, but not something this build can do
    |-- StoreError                   a store directory cannot be used
    |   |-- StoreNotFoundError
    |   |-- StoreLockedError
    |   `-- StoreVersionError
    |-- OutputError                  an output cannot be written
    |-- RemoteError                  a remote endpoint failed
    `-- LimitError                   stopped by a limit
        |-- QueryTimeoutError
        |-- QueryMemoryError
        `-- QueryCancelledError

Each message says what was found, what was expected and what to do about it.
"""

from __future__ import annotations

from pathlib import Path


class SemcubeError(Exception):
    """The root of the tree.

    Args:
        found: What was found, as a sentence or clause that can stand alone.
        expected: What would have been right.
        fix: What the user can do.

    Example:
        >>> print(SemcubeError("3 columns", expected="4 columns", fix="add the column 'geom'"))
        3 columns; expected 4 columns. To fix: add the column 'geom'
    """

    exit_code = 1

    def __init__(self, found: str, *, expected: str | None = None, fix: str | None = None) -> None:
        self.found = found
        self.expected = expected
        self.fix = fix
        super().__init__(self._text())

    def _where(self) -> str:
        return ""

    def _text(self) -> str:
        where = self._where()
        text = f"{where}: {self.found}" if where else self.found
        if self.expected:
            text += f"; expected {self.expected}"
        if self.fix:
            text += f". To fix: {self.fix}"
        return text


class InputError(SemcubeError, ValueError):
    """What the user gave is wrong."""


class UsageError(InputError):
    """A command line, a setting or an argument is wrong."""

    exit_code = 2


class SourceError(InputError):
    """A file, layer or URL cannot be read.

    Example:
        >>> print(SourceError("no such file", source="roads.shp", layer="roads"))
        roads.shp, layer roads: no such file
    """

    def __init__(
        self,
        found: str,
        *,
        source: str | Path | None = None,
        layer: str | None = None,
        expected: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.source = None if source is None else str(source)
        self.layer = layer
        super().__init__(found, expected=expected, fix=fix)

    def _where(self) -> str:
        parts = [self.source] if self.source else []
        if self.layer is not None:
            parts.append(f"layer {self.layer}")
        return ", ".join(parts)


class RowError(SourceError):
    """One row or value of a source is bad.

    Example:
        >>> print(RowError("text 'abc'", source="a.csv", row=7, column="lat", expected="a number"))
        a.csv, row 7, column lat: text 'abc'; expected a number
    """

    def __init__(
        self,
        found: str,
        *,
        source: str | Path | None = None,
        layer: str | None = None,
        row: int | None = None,
        column: str | None = None,
        expected: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.row = row
        self.column = column
        super().__init__(found, source=source, layer=layer, expected=expected, fix=fix)

    def _where(self) -> str:
        parts = [super()._where()] if super()._where() else []
        if self.row is not None:
            parts.append(f"row {self.row}")
        if self.column is not None:
            parts.append(f"column {self.column}")
        return ", ".join(parts)


class GeometryError(InputError):
    """A geometry literal is malformed or cannot be computed with."""


class CRSError(InputError):
    """A coordinate reference system is unknown, missing or does not fit."""


class MappingError(InputError):
    """A mapping document is wrong; names the file, the triples map and the node."""

    def __init__(
        self,
        found: str,
        *,
        source: str | Path | None = None,
        triples_map: str | None = None,
        node: str | None = None,
        expected: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.source = None if source is None else str(source)
        self.triples_map = triples_map
        self.node = node
        super().__init__(found, expected=expected, fix=fix)

    def _where(self) -> str:
        parts = [self.source] if self.source else []
        if self.triples_map:
            parts.append(f"triples map {self.triples_map}")
        if self.node:
            parts.append(self.node)
        return ", ".join(parts)


class _TextError(InputError):
    """Something wrong at a place of a text."""

    def __init__(
        self,
        found: str,
        *,
        source: str | Path | None = None,
        line: int | None = None,
        column: int | None = None,
        expected: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.source = None if source is None else str(source)
        self.line = line
        self.column = column
        super().__init__(found, expected=expected, fix=fix)

    def _where(self) -> str:
        parts = [self.source] if self.source else []
        if self.line is not None:
            parts.append(f"line {self.line}")
        if self.column is not None:
            parts.append(f"column {self.column}")
        return ", ".join(parts)


class RDFSyntaxError(_TextError):
    """RDF text that does not parse."""


class ResultSyntaxError(_TextError):
    """Query results that do not parse."""


class QueryError(_TextError):
    """A query or update is wrong."""


class QuerySyntaxError(QueryError):
    """A query or update does not parse; shows the line where ``text`` is given.

    Example:
        >>> print(QuerySyntaxError("'FILTR'", line=1, column=3, expected="a triple or '}'", text="{ FILTR (?x) }"))
        line 1, column 3: 'FILTR'; expected a triple or '}'
          { FILTR (?x) }
            ^
    """

    def __init__(
        self,
        found: str,
        *,
        source: str | Path | None = None,
        line: int | None = None,
        column: int | None = None,
        expected: str | None = None,
        fix: str | None = None,
        text: str | None = None,
    ) -> None:
        self.text = text
        super().__init__(found, source=source, line=line, column=column, expected=expected, fix=fix)

    def _text(self) -> str:
        message = super()._text()
        if self.text is None or self.line is None or self.column is None:
            return message
        lines = self.text.split("\n")
        shown = lines[self.line - 1] if self.line <= len(lines) else ""
        first = max(0, self.column - 81)
        shown = shown[first : first + 120].replace("\t", " ").rstrip()
        return f"{message}\n  {shown}\n  {' ' * (self.column - 1 - first)}^"


class UnsupportedError(SemcubeError):
    """Valid, but not something this build can do."""


class StoreError(SemcubeError):
    """A store directory cannot be used."""


class StoreNotFoundError(StoreError):
    """There is no store where one was expected."""


class StoreLockedError(StoreError):
    """Another process writes to the store."""


class StoreVersionError(StoreError):
    """The store was written by a version with another layout."""


class OutputError(SemcubeError):
    """An output cannot be written."""


class RemoteError(SemcubeError):
    """A remote endpoint failed."""

    def __init__(
        self,
        found: str,
        *,
        endpoint: str | None = None,
        status: int | None = None,
        expected: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.status = status
        super().__init__(found, expected=expected, fix=fix)

    def _where(self) -> str:
        return f"endpoint {self.endpoint}" if self.endpoint else ""


class LimitError(SemcubeError):
    """Stopped by a limit."""


class QueryTimeoutError(LimitError):
    """A query ran past its deadline."""


class QueryMemoryError(LimitError):
    """A query would hold more rows than the memory allowed to it has room for."""


class QueryCancelledError(LimitError):
    """A query was cancelled by its user."""
