# SPDX-License-Identifier: Apache-2.0
"""What can be loaded -> batches of quads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import pyarrow as pa

from semcube.errors import UnsupportedError, UsageError
from semcube.io.term_columns import QuadColumns
from semcube.io.terms import QUADS, key
from semcube.store.known_geometries import CRS, WKB

if TYPE_CHECKING:
    from semcube.io.terms import IRI

__all__ = ["batches_of"]


def batches_of(
    source: Any,
    *,
    graph: IRI | None,
    format: str | None,  # noqa: A002
    mapping: str | Path | None,
) -> Iterator[pa.RecordBatch | QuadColumns]:
    """The quads of anything that :meth:`semcube.store.Store.load` takes, as ``QUADS`` batches or as columns.

    Raises:
        UsageError: It is nothing that can be loaded.
    """
    if isinstance(source, str | Path):
        yield from _files([source], graph, format, mapping)
    elif isinstance(source, bytes) or hasattr(source, "read"):
        yield from _document(source, graph, format)
    elif hasattr(source, "quads") or hasattr(source, "triples"):
        yield from _rdflib(source, graph)
    elif isinstance(source, Sequence) and all(isinstance(item, str | Path) for item in source):
        yield from _files(source, graph, format, mapping)
    elif isinstance(source, Iterable):
        for batch in source:
            yield _checked(batch, graph)
    else:
        raise UsageError(
            f"a source of type {type(source).__name__}",
            expected="paths, bytes, a binary stream, batches of quads or an rdflib graph",
        )


def _document(
    source: str | Path | bytes | IO[bytes],
    graph: IRI | None,
    format: str | None,  # noqa: A002
) -> Iterator[pa.RecordBatch]:
    from semcube.io.rdf import read_rdf

    yield from read_rdf(source, format=format, graph=graph)


def _files(
    paths: Sequence[str | Path],
    graph: IRI | None,
    format: str | None,  # noqa: A002
    mapping: str | Path | None,
) -> Iterator[pa.RecordBatch | QuadColumns]:
    """RDF files one after the other; all others together through a mapping."""
    mapped = [] if format is not None else [path for path in paths if mapping is not None or not _is_rdf(path)]
    for path in paths:
        if path not in mapped:
            yield from _document(path, graph, format)
    if mapped or (mapping is not None and not paths):
        from semcube.mapping.materialise import quad_columns

        for batch in quad_columns([Path(path) for path in mapped], None if mapping is None else Path(mapping)):
            yield _checked(batch, graph)


def _is_rdf(path: str | Path) -> bool:
    from semcube.io.formats import format_of
    from semcube.io.quad_parquet import is_quad_parquet

    if str(path) == "-" or is_quad_parquet(path):
        return True
    try:
        format_of(path)
    except UnsupportedError:
        return False
    return True


def _checked(batch: Any, graph: IRI | None) -> pa.RecordBatch | QuadColumns:
    """A batch with the columns of quads, triples put into ``graph``."""
    if isinstance(batch, QuadColumns):
        return batch if graph is None else batch.in_graph(key(graph))
    if not isinstance(batch, pa.RecordBatch | pa.Table) or not {"s", "p", "o"} <= set(batch.schema.names):
        raise UsageError(
            f"an item of type {type(batch).__name__}", expected="record batches with the columns s, p, o and g of keys"
        )
    columns = [batch.column(name) for name in ("s", "p", "o")]
    given = batch.column("g") if "g" in batch.schema.names else pa.nulls(batch.num_rows, pa.large_string())
    if graph is not None:
        plain = given.cast(pa.large_string())
        given = plain.fill_null(key(graph))
    columns.append(given)
    columns = [c.combine_chunks() if isinstance(c, pa.ChunkedArray) else c for c in columns]
    fields = [pa.field(name, column.type) for name, column in zip(QUADS.names, columns, strict=True)]
    metadata = batch.schema.field(WKB).metadata if WKB in batch.schema.names else None
    if metadata and CRS in metadata:
        fields.append(batch.schema.field(WKB))
        columns.append(batch.column(WKB))
    return pa.record_batch(columns, schema=pa.schema(fields))


def _rdflib(source: Any, graph: IRI | None) -> Iterator[pa.RecordBatch]:
    """An rdflib graph or dataset, by way of N-Quads text, which keeps every lexical form."""
    if hasattr(source, "quads"):
        text = cast("bytes", source.serialize(format="nquads", encoding="utf-8"))
        yield from _document(text, graph, "nq")
    else:
        text = cast("bytes", source.serialize(format="nt", encoding="utf-8"))
        yield from _document(text, graph, "nt")
