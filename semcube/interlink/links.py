# SPDX-License-Identifier: Apache-2.0
"""Links: batches of one relation each, and where they go: N-Triples, other RDF, Parquet, a store, a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from semcube.io import RDFWriter, format_of, replacing
from semcube.io.output import output_errors
from semcube.io.terms import QUADS

if TYPE_CHECKING:
    from semcube.interlink.report import Report

__all__ = ["LINKS", "LinkBatch", "Links", "write_links"]

LINKS = pa.schema(
    [
        pa.field("source", pa.large_string(), nullable=False),
        pa.field("relation", pa.dictionary(pa.int16(), pa.string()), nullable=False),
        pa.field("target", pa.large_string(), nullable=False),
        pa.field("matrix", pa.dictionary(pa.int16(), pa.string())),
    ]
)
"""Links as a table: IRIs, the name of the relation, the DE-9IM matrix of source and target."""


@dataclass(frozen=True)
class LinkBatch:
    """Links of one relation."""

    relation: str
    iri: str
    source: pa.Array
    target: pa.Array
    matrix: pa.DictionaryArray

    def __len__(self) -> int:
        return len(self.source)

    def table(self) -> pa.RecordBatch:
        """As rows of :data:`LINKS`."""
        relation = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int16()), len(self)), [self.relation])
        return pa.RecordBatch.from_arrays([self.source, relation, self.target, self.matrix], schema=LINKS)

    def quads(self) -> pa.RecordBatch:
        """As rows of :data:`semcube.io.terms.QUADS`."""
        less, more, none = (pa.scalar(text, pa.large_string()) for text in ("<", ">", ""))
        s, o = (pc.binary_join_element_wise(less, side, more, none) for side in (self.source, self.target))
        p = pa.repeat(pa.scalar(f"<{self.iri}>", pa.large_string()), len(self))
        return pa.RecordBatch.from_arrays([s, p, o, pa.nulls(len(self), pa.large_string())], schema=QUADS)

    def lines(self) -> memoryview:
        """As N-Triples; the IRIs were checked when they were made, so nothing needs an escape."""
        parts = (pa.scalar(text, pa.large_string()) for text in ("<", f"> <{self.iri}> <", "> .\n", ""))
        first, middle, last, none = parts
        joined = pc.binary_join_element_wise(first, self.source, middle, self.target, last, none)
        offsets = joined.buffers()[1]
        begin, end = (memoryview(offsets).cast("q")[joined.offset + row] for row in (0, len(joined)))
        return memoryview(joined.buffers()[2])[begin:end]


@dataclass
class Links:
    """The outcome of a linking."""

    report: Report
    table: pa.Table | None = None
    """The links (:data:`LINKS`) where no output was given."""

    def __repr__(self) -> str:
        return self.report.summary()


def write_links(batches: Iterator[LinkBatch], output: Any) -> pa.Table | None:
    """Send links where they are wanted.

    Args:
        batches: The links.
        output: A path (``.nt``, ``.ttl`` and other RDF, ``.parquet``), something with ``load`` (a store), or None.

    Returns:
        The links as a table if ``output`` is None.

    Raises:
        OutputError: The file cannot be written; there is none then.
    """
    if output is None:
        return pa.Table.from_batches([batch.table() for batch in batches], LINKS).unify_dictionaries()
    if hasattr(output, "load"):
        output.load(batch.quads() for batch in batches)
        return None
    if Path(output).suffix.lower() in (".parquet", ".geoparquet"):
        _write_parquet(batches, output)
    elif str(output) != "-" and Path(output).suffix.lower() == ".nt" and format_of(output).name == "nt":
        with replacing(output) as path, output_errors(output), path.open("wb") as file:
            for batch in batches:
                if len(batch):
                    file.write(batch.lines())
    else:
        with RDFWriter(output, "nt" if str(output) == "-" else None) as writer:
            for batch in batches:
                writer.write(batch.quads())
    return None


def _write_parquet(batches: Iterable[LinkBatch], output: str | Path) -> None:
    import pyarrow.parquet as pq

    with replacing(output) as path, output_errors(output), pq.ParquetWriter(path, LINKS, compression="zstd") as writer:
        for batch in batches:
            if len(batch):
                writer.write_batch(batch.table())
