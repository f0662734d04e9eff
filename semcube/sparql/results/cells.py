# SPDX-License-Identifier: Apache-2.0
"""Columns of terms -> columns of text, by string kernels and without a Python object for each cell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.io.terms import KIND_LITERAL

__all__ = [
    "Columns", "bytes_of", "choose", "constant", "contains_bytes", "escape", "glue", "is_literal", "joined_by",
    "pieces", "plain",
]  # fmt: skip

Columns = Sequence[pa.RecordBatch]
"""One batch of terms (:data:`semcube.io.terms.TERMS`) for each variable, all with the same number of rows."""

_PIECE_BYTES = 8 << 20
_TEXT = pa.large_string()


def pieces(batches: Iterable[Columns]) -> Iterator[tuple[int, list[pa.RecordBatch]]]:
    """The batches cut into pieces of bounded size, each with its number of rows.

    Solutions without any variable come as empty lists, one list for each solution.
    """
    for columns in batches:
        if not columns:
            yield 1, []
            continue
        rows = columns[0].num_rows
        if rows == 0:
            continue
        size = sum(column.nbytes for column in columns)
        step = max(1, min(rows, rows * _PIECE_BYTES // max(size, 1)))
        for start in range(0, rows, step):
            yield min(step, rows - start), [column.slice(start, step) for column in columns]


def plain(terms: pa.RecordBatch, name: str) -> pa.LargeStringArray:
    """A text column of a batch of terms, whatever its encoding."""
    column = terms.column(name)
    return column if column.type == _TEXT else column.cast(_TEXT)


def constant(text: str) -> pa.Scalar:
    """A text to be joined with columns."""
    return pa.scalar(text, _TEXT)


def glue(*parts: pa.Array | str) -> pa.LargeStringArray:
    """The concatenation row by row; null where any part is null.

    Example:
        >>> glue("<", pa.array(["a", None], pa.large_string()), ">").to_pylist()
        ['<a>', None]
    """
    scalars = [constant(part) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*scalars, constant(""))


def joined_by(separator: str, columns: Sequence[pa.Array], *, skip_nulls: bool) -> pa.LargeStringArray:
    """The columns joined row by row; nulls are skipped, or are empty.

    Example:
        >>> x, y = pa.array([None, "a", None], pa.large_string()), pa.array([None, "b", "c"], pa.large_string())
        >>> joined_by(",", [x, y], skip_nulls=True).to_pylist()
        ['', 'a,b', 'c']
    """
    first, *rest = (pc.fill_null(column, constant("")) for column in columns) if not skip_nulls else columns
    if not rest:
        return pc.fill_null(first, constant(""))
    if skip_nulls:
        # The kernel drops a row whose columns are all null (pyarrow 26), so no row may be so.
        bound = first.is_valid()
        for column in rest:
            bound = pc.or_(bound, column.is_valid())
        first = choose(bound, first, "")
    text = pc.binary_join_element_wise(first, *rest, constant(separator), null_handling="skip")
    if len(text) != len(first):
        raise ValueError(f"{len(first)} rows were joined to {len(text)}")
    return text


def choose(mask: pa.BooleanArray, yes: pa.Array | str | None, no: pa.Array | str | None) -> pa.LargeStringArray:
    """``yes`` where the mask is true, ``no`` elsewhere."""

    def value(part: pa.Array | str | None) -> pa.Array | pa.Scalar:
        return part if isinstance(part, pa.Array) else pa.scalar(part, _TEXT)

    return pc.if_else(mask, value(yes), value(no))


def is_literal(terms: pa.RecordBatch) -> pa.BooleanArray:
    """Which rows are literals; false where unbound."""
    return pc.fill_null(pc.equal(terms.column("kind"), KIND_LITERAL), False)


def _data(column: pa.LargeStringArray) -> np.ndarray:
    """The bytes of all rows of a text column, end to end."""
    _, offsets, data = column.buffers()
    if data is None or len(column) == 0:
        return np.empty(0, np.uint8)
    bounds = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    return np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]]


def bytes_of(column: pa.LargeStringArray) -> bytes:
    """The rows of a text column without nulls, end to end.

    Example:
        >>> bytes_of(pa.array(["a", "bc"], pa.large_string()))
        b'abc'
    """
    if column.null_count:
        raise ValueError(f"{column.null_count} rows of text are null")  # would vanish without a trace
    return _data(column).tobytes()


def contains_bytes(column: pa.LargeStringArray, wanted: bytes) -> list[int]:
    """Which of these (ASCII) bytes occur anywhere in a text column, in the order given."""
    data = _data(column)
    table = np.zeros(256, np.bool_)
    table[np.frombuffer(wanted, np.uint8)] = True
    if not table[data].any():
        return []
    return [byte for byte in wanted if (data == byte).any()]


def escape(column: pa.LargeStringArray, escapes: Mapping[str, str]) -> pa.LargeStringArray:
    r"""The column with single ASCII characters replaced; one pass over the bytes where none occurs.

    Args:
        column: Text.
        escapes: Character -> replacement; what introduces an escape comes first.

    Example:
        >>> escape(pa.array(['a"b'], pa.large_string()), {"\\": "\\\\", '"': '\\"'}).to_pylist()
        ['a\\"b']
    """
    for byte in contains_bytes(column, "".join(escapes).encode("ascii")):
        column = pc.replace_substring(column, chr(byte), escapes[chr(byte)])
    return column
