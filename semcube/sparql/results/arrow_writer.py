# SPDX-License-Identifier: Apache-2.0
"""Solutions as an Arrow IPC stream."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from semcube.io.terms import TERMS
from semcube.sparql.results.cells import Columns, pieces

__all__ = ["solution_schema", "write_arrow"]

_TERM = pa.struct(list(TERMS))


class _Sink(io.RawIOBase):
    """Keeps what was written until it is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(memoryview(data))  # type: ignore[arg-type]
        self._parts.append(part)
        return len(part)

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def solution_schema(variables: Sequence[str]) -> pa.Schema:
    """One struct column for each variable, with the fields of :data:`semcube.io.terms.TERMS`; null where unbound."""
    return pa.schema([pa.field(name, _TERM) for name in variables])


def write_arrow(variables: Sequence[str], batches: Iterable[Columns]) -> Iterator[bytes]:
    """Solutions as ``application/vnd.apache.arrow.stream``: exact terms, one struct column for each variable.

    Example:
        >>> stream = pa.ipc.open_stream(b"".join(write_arrow(["x"], [])))
        >>> stream.schema.field("x").type.field("lexical").type
        DataType(large_string)
    """
    schema = solution_schema(variables)
    sink = _Sink()
    writer = pa.ipc.new_stream(sink, schema)
    yield sink.take()
    for rows, columns in pieces(batches):
        if columns:
            batch = pa.record_batch([_struct(terms) for terms in columns], schema=schema)
        else:
            batch = pa.RecordBatch.from_struct_array(pa.StructArray.from_buffers(pa.struct([]), rows, [None]))
        writer.write_batch(batch)
        yield sink.take()
    writer.close()
    yield sink.take()


def _struct(terms: pa.RecordBatch) -> pa.StructArray:
    columns = [terms.column(field.name) for field in TERMS]
    columns = [c if c.type == f.type else c.cast(f.type) for c, f in zip(columns, TERMS, strict=True)]
    return pa.StructArray.from_arrays(columns, fields=list(TERMS), mask=columns[0].is_null())
