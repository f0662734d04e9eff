# SPDX-License-Identifier: Apache-2.0
"""Links: batches of one relation each, and where they go: N-Triples, other RDF, Parquet, a store, a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from semcube.interlink.identity import fingerprints
from semcube.io import RDFWriter, format_of, replacing
from semcube.io.output import output_errors
from semcube.io.terms import QUADS
from semcube.vocab import RDF, RDF_TYPE, XSD_DOUBLE

if TYPE_CHECKING:
    from semcube.interlink.report import Report

__all__ = ["LINKS", "MEASURED_LINKS", "LinkBatch", "Links", "is_plain", "write_links"]

LINKS = pa.schema(
    [
        pa.field("source", pa.large_string(), nullable=False),
        pa.field("relation", pa.dictionary(pa.int16(), pa.string()), nullable=False),
        pa.field("target", pa.large_string(), nullable=False),
        pa.field("matrix", pa.dictionary(pa.int16(), pa.string())),
    ]
)
"""Links as a table: IRIs, the name of the relation, the DE-9IM matrix of source and target."""

MEASURED_LINKS = LINKS.append(pa.field("distance", pa.float64()))
"""Links by distance: with it, in metres or in units of the system; null of links of time beside them."""


@dataclass(frozen=True)
class LinkBatch:
    """Links of one relation."""

    relation: str
    iri: str
    source: pa.Array
    target: pa.Array
    matrix: pa.DictionaryArray
    distance: pa.Array | None = None
    """float64, of links by distance."""
    distance_iri: str | None = None
    """The property of the distance where RDF is to say it."""

    def __len__(self) -> int:
        return len(self.source)

    def table(self, schema: pa.Schema = LINKS) -> pa.RecordBatch:
        """As rows of :data:`LINKS` or :data:`MEASURED_LINKS`."""
        relation = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int16()), len(self)), [self.relation])
        columns = [self.source, relation, self.target, self.matrix]
        if "distance" in schema.names:
            columns.append(pa.nulls(len(self), pa.float64()) if self.distance is None else self.distance)
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    def quads(self) -> pa.RecordBatch:
        """As rows of :data:`semcube.io.terms.QUADS`: the links, and after them their distances where these are said.

        A distance is that of a reified statement (``rdf:Statement``), named after the fingerprints of what it links.
        """
        links = self._links()
        if self.distance is None or self.distance_iri is None:
            return links
        s, o = links.column(0), links.column(2)
        parts = [pa.scalar(text, pa.large_string()) for text in ("_:d", "x", "")]
        ends = [pa.array(fingerprints(side)).cast(pa.large_string()) for side in (self.source, self.target)]
        node = pc.binary_join_element_wise(parts[0], ends[0], parts[1], ends[1], parts[2], parts[2])
        number = pc.binary_join_element_wise(
            pa.scalar('"', pa.large_string()), self.distance.cast(pa.large_string()),
            pa.scalar(f'"^^<{XSD_DOUBLE}>', pa.large_string()), parts[2],
        )  # fmt: skip
        said = (
            (RDF_TYPE, f"<{RDF}Statement>"), (f"{RDF}subject", s), (f"{RDF}predicate", f"<{self.iri}>"),
            (f"{RDF}object", o), (self.distance_iri, number),
        )  # fmt: skip
        batches = [links]
        for name, value in said:
            objects = pa.repeat(pa.scalar(value, pa.large_string()), len(self)) if isinstance(value, str) else value
            p = pa.repeat(pa.scalar(f"<{name}>", pa.large_string()), len(self))
            columns = [node, p, objects, pa.nulls(len(self), pa.large_string())]
            batches.append(pa.RecordBatch.from_arrays(columns, schema=QUADS))
        return pa.Table.from_batches(batches).combine_chunks().to_batches()[0] if len(self) else links

    def _links(self) -> pa.RecordBatch:
        less, more, none = (pa.scalar(text, pa.large_string()) for text in ("<", ">", ""))
        s, o = (pc.binary_join_element_wise(less, side, more, none) for side in (self.source, self.target))
        p = pa.repeat(pa.scalar(f"<{self.iri}>", pa.large_string()), len(self))
        return pa.RecordBatch.from_arrays([s, p, o, pa.nulls(len(self), pa.large_string())], schema=QUADS)

    def lines(self) -> memoryview:
        """As N-Triples; the IRIs were checked when they were made, so nothing needs an escape."""
        if self.distance_iri is not None:
            space, last, none = (pa.scalar(text, pa.large_string()) for text in (" ", " .\n", ""))
            s, p, o, _ = self.quads().columns
            joined = pc.binary_join_element_wise(s, space, p, space, o, last, none)
        else:
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


def write_links(batches: Iterator[LinkBatch], output: Any, schema: pa.Schema = LINKS) -> pa.Table | None:
    """Send links where they are wanted.

    Args:
        batches: The links.
        output: A path (``.nt``, ``.ttl`` and other RDF, ``.parquet``), something with ``load`` (a store), or None.
        schema: The columns of a table and of Parquet.

    Returns:
        The links as a table if ``output`` is None.

    Raises:
        OutputError: The file cannot be written; there is none then.
    """
    if output is None:
        return pa.Table.from_batches([batch.table(schema) for batch in batches], schema).unify_dictionaries()
    if hasattr(output, "load"):
        output.load(batch.quads() for batch in batches)
        return None
    if Path(output).suffix.lower() in (".parquet", ".geoparquet"):
        _write_parquet(batches, output, schema)
    elif is_plain(output):
        with replacing(output) as path, output_errors(output), path.open("wb") as file:
            for batch in batches:
                if len(batch):
                    file.write(batch.lines())
    else:
        with RDFWriter(output, "nt" if str(output) == "-" else None) as writer:
            for batch in batches:
                writer.write(batch.quads())
    return None


def is_plain(output: Any) -> bool:
    """Whether an output is a file of N-Triples that is not compressed, so that lines can be copied into it."""
    if output is None or hasattr(output, "load") or str(output) == "-":
        return False
    return Path(output).suffix.lower() == ".nt" and format_of(output).name == "nt"


def _write_parquet(batches: Iterable[LinkBatch], output: str | Path, schema: pa.Schema) -> None:
    import pyarrow.parquet as pq

    with replacing(output) as path, output_errors(output), pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in batches:
            if len(batch):
                writer.write_batch(batch.table(schema))
