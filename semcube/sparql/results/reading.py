# SPDX-License-Identifier: Apache-2.0
"""What the readers of result formats have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import pyarrow as pa

from semcube.errors import ResultSyntaxError
from semcube.vocab import XSD_STRING

__all__ = ["Chunks", "Results", "TableBuilder", "chunks", "literal_key"]

BATCH_ROWS = 16_384
_CHUNK_BYTES = 1 << 18
_TEXT = pa.large_string()


class Chunks(Protocol):
    """Bytes in pieces."""

    def __iter__(self) -> Iterator[bytes]:
        """The pieces in order."""
        ...


@dataclass(frozen=True)
class Results:
    """Results that are read as they are asked for.

    ``batches`` gives solutions once: a column of term keys (:mod:`semcube.io.terms`) for each variable, null where
    unbound; a solution without any variable is a row of a batch without columns. ``boolean`` is the answer of ASK,
    else None.
    """

    variables: tuple[str, ...]
    batches: Iterator[pa.RecordBatch]
    boolean: bool | None = None


class TableBuilder:
    """Rows of keys -> batches.

    Example:
        >>> builder = TableBuilder(["x"])
        >>> builder.add({"x": "<http://e/a>"})
        >>> builder.take().to_pydict()
        {'x': ['<http://e/a>']}
    """

    def __init__(self, variables: Sequence[str]) -> None:
        self._variables = tuple(variables)
        self._known = frozenset(variables)
        self._columns: dict[str, list[str | None]] = {name: [] for name in variables}
        self.rows = 0

    @property
    def full(self) -> bool:
        """Whether it is time to take a batch."""
        return self.rows >= BATCH_ROWS

    def add(self, row: dict[str, str]) -> None:
        """Add a solution.

        Raises:
            ResultSyntaxError: It binds a variable that the head does not list.
        """
        if not row.keys() <= self._known:
            name = sorted(row.keys() - self._known)[0]
            raise ResultSyntaxError(f"a value of ?{name}", expected="variables that the head lists")
        for name, column in self._columns.items():
            column.append(row.get(name))
        self.rows += 1

    def take(self) -> pa.RecordBatch:
        """The rows so far as a batch; the builder is empty afterwards."""
        rows, self.rows = self.rows, 0
        if not self._variables:
            return pa.RecordBatch.from_struct_array(pa.StructArray.from_buffers(pa.struct([]), rows, [None]))
        arrays = [pa.array(self._columns[name], _TEXT) for name in self._variables]
        for column in self._columns.values():
            column.clear()
        return pa.record_batch(arrays, names=list(self._variables))


def chunks(source: bytes | BinaryIO | Iterable[bytes]) -> Iterator[bytes]:
    """The bytes of a document in pieces of moderate size.

    Example:
        >>> list(chunks(b"abc"))
        [b'abc']
    """
    if isinstance(source, bytes):
        for start in range(0, len(source), _CHUNK_BYTES):
            yield source[start : start + _CHUNK_BYTES]
    elif hasattr(source, "read"):
        while piece := source.read(_CHUNK_BYTES):
            yield piece
    else:
        yield from source


def literal_key(lexical: str, datatype: str | None, language: str | None) -> str:
    """The key of a literal.

    Example:
        >>> literal_key("a", None, "EN")
        '"a"@en'
    """
    if language:
        return f'"{lexical}"@{language.lower()}'
    return f'"{lexical}"' if not datatype or datatype == XSD_STRING else f'"{lexical}"^^<{datatype}>'
