# SPDX-License-Identifier: Apache-2.0
"""Quads as a Parquet file: one row per quad, readable by every tool that reads tables.

========  ====================================================================
column    what it holds
========  ====================================================================
s         IRI, or ``_:`` and a label
p         IRI
o         IRI, ``_:`` and a label, or the lexical form of a literal
datatype  IRI of the datatype of a literal; null where ``o`` is none
lang      language tag in lower case, null where there is none
g         IRI of the graph, or ``_:`` and a label; null in the default graph
========  ====================================================================

All columns are text, compressed with Zstandard. The file's metadata says ``semcube.quads`` = ``1``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc

from semcube.errors import SourceError
from semcube.io.keys import join, split
from semcube.io.terms import KIND_BLANK, KIND_IRI, KIND_LITERAL, QUADS, TERMS
from semcube.vocab import RDF_LANG_STRING

__all__ = ["COLUMNS", "QuadParquetWriter", "is_quad_parquet", "read_quad_parquet"]

COLUMNS = ("s", "p", "o", "datatype", "lang", "g")
_MARK = b"semcube.quads"
_SCHEMA = pa.schema([(name, pa.large_string()) for name in COLUMNS], metadata={_MARK: b"1"})
_ROW_GROUP = 1 << 18


class QuadParquetWriter:
    """Writes batches of keys to a binary stream; a context manager.

    Args:
        stream: Where to; left open.

    Example:
        >>> import io
        >>> import pyarrow.parquet as pq
        >>> target = io.BytesIO()
        >>> quad = {"s": "<http://a>", "p": "<http://b>", "o": '"chat"@fr', "g": None}
        >>> with QuadParquetWriter(target) as writer:
        ...     writer.write(pa.RecordBatch.from_pylist([quad], schema=QUADS))
        >>> row = pq.read_table(target).to_pylist()[0]
        >>> row["s"], row["o"], row["lang"], row["g"]
        ('http://a', 'chat', 'fr', None)
    """

    def __init__(self, stream: IO[bytes]) -> None:
        import pyarrow.parquet as pq

        self._writer = pq.ParquetWriter(stream, _SCHEMA, compression="zstd", use_dictionary=True, write_statistics=True)
        self._waiting: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a batch of :data:`semcube.io.terms.QUADS`."""
        terms = split(batch.column("o"))
        nodes = {name: _node(split(batch.column(name))) for name in ("s", "p", "g")}
        columns = {
            "o": _node(terms),
            "datatype": terms["datatype"],
            "lang": terms["language"],
            **nodes,
        }
        self._waiting.append(pa.RecordBatch.from_arrays([columns[name] for name in COLUMNS], schema=_SCHEMA))
        self._rows += batch.num_rows
        self._bytes += self._waiting[-1].nbytes
        if self._rows >= _ROW_GROUP or self._bytes >= _ROW_GROUP * 256:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting))
        self._waiting, self._rows, self._bytes = [], 0, 0

    def __enter__(self) -> QuadParquetWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._flush()
        self._writer.close()


def _node(terms: pa.RecordBatch) -> pa.Array:
    """The text of terms, ``_:`` before the labels of blank nodes."""
    blank = pc.equal(terms["kind"], KIND_BLANK)
    if not pc.any(blank).as_py():
        return terms["lexical"]
    nothing = pa.scalar("", pa.large_string())
    start = pc.if_else(pc.fill_null(blank, False), pa.scalar("_:", pa.large_string()), nothing)
    return pc.binary_join_element_wise(start, terms["lexical"], nothing)


def is_quad_parquet(path: str | Path) -> bool:
    """Whether a file is a Parquet file of quads, by its metadata or else by the names of its columns.

    Example:
        >>> is_quad_parquet("there-is-no-such-file.parquet")
        False
    """
    import pyarrow.parquet as pq

    file = Path(path)
    if not file.name.lower().endswith(".parquet") or not file.is_file():
        return False
    try:
        schema = pq.read_schema(file)
    except (pa.ArrowException, OSError):
        return False
    return _MARK in (schema.metadata or {}) or set(COLUMNS) == set(schema.names)


def read_quad_parquet(path: str | Path, *, blank_prefix: str, graph: str | None = None) -> Iterator[pa.RecordBatch]:
    """The quads of a file, in batches of keys (:data:`semcube.io.terms.QUADS`).

    Args:
        path: The file.
        blank_prefix: Put before each blank node label.
        graph: Key of the graph of quads without one.

    Raises:
        SourceError: The file cannot be read, or its columns are others.
    """
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        missing = [name for name in COLUMNS if name not in file.schema_arrow.names]
        if missing:
            raise SourceError(
                f"has no column {', '.join(missing)}", source=path, expected=f"the columns {', '.join(COLUMNS)}"
            )
        for batch in file.iter_batches(1 << 16, columns=list(COLUMNS)):
            yield _keys(batch, blank_prefix, graph)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"cannot be read: {error}", source=path, fix="check that the file is complete") from error


def _keys(batch: pa.RecordBatch, blank_prefix: str, graph: str | None) -> pa.RecordBatch:
    text: dict[str, Any] = {name: batch.column(name).cast(pa.large_string()) for name in COLUMNS}
    none = pa.nulls(batch.num_rows, pa.large_string())
    columns = [_key(text[name], none, none, blank_prefix) for name in ("s", "p")]
    language = text["lang"]
    # A literal with a language has one datatype only, which other tools may leave out.
    datatype = pc.if_else(language.is_valid(), pa.scalar(RDF_LANG_STRING, pa.large_string()), text["datatype"])
    named = _key(text["g"], none, none, blank_prefix)
    columns += [_key(text["o"], datatype, language, blank_prefix), named if graph is None else named.fill_null(graph)]
    return pa.RecordBatch.from_arrays(columns, schema=QUADS)


def _key(text: pa.Array, datatype: pa.Array, language: pa.Array, blank_prefix: str) -> pa.Array:
    """The keys of a column; null stays null."""
    blank = pc.and_(pc.starts_with(text, "_:"), datatype.is_null())
    if pc.any(blank).as_py():
        label = pc.binary_join_element_wise(
            pa.scalar(blank_prefix, pa.large_string()),
            pc.utf8_slice_codeunits(text, 2),
            pa.scalar("", pa.large_string()),
        )
        text = pc.if_else(blank, label, text)
    node = pc.if_else(blank, pa.scalar(KIND_BLANK, pa.int8()), pa.scalar(KIND_IRI, pa.int8()))
    kind = pc.if_else(datatype.is_valid(), pa.scalar(KIND_LITERAL, pa.int8()), node)
    return join(pa.RecordBatch.from_arrays([kind, text, datatype, language], schema=TERMS))
