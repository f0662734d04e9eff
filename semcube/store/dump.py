# SPDX-License-Identifier: Apache-2.0
"""A store as RDF text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
import pyarrow as pa

from semcube.engines.keys import join
from semcube.io.terms import IRI, QUADS, key

if TYPE_CHECKING:
    from semcube.store.snapshot import Snapshot

__all__ = ["dump", "quads_of"]


def quads_of(snapshot: Snapshot, graph: IRI | None = None) -> Iterator[pa.RecordBatch]:
    """The quads of a store as ``QUADS`` batches.

    Args:
        snapshot: The state to read.
        graph: Only this graph, as triples of the default graph.
    """
    where = ""
    if graph is not None:
        number = int(snapshot.dictionary.find(pa.array([key(graph)], pa.large_string()))[0])
        if not number:
            return
        where = f" WHERE g = {number}"
    for batch in snapshot.stream(f"SELECT s, p, o, g FROM quads_ps{where}"):
        ids = [batch.column(i).to_numpy(zero_copy_only=False) for i in range(4)]
        unique, places = np.unique(np.concatenate(ids), return_inverse=True)
        keys = join(snapshot.dictionary.decode(unique))
        rows = batch.num_rows
        columns = [keys.take(pa.array(places[i * rows : (i + 1) * rows])) for i in range(4)]
        if graph is not None:
            columns[3] = pa.nulls(rows, pa.large_string())
        yield pa.record_batch(columns, schema=QUADS)


def dump(snapshot: Snapshot, target: str | Path | IO[bytes], graph: IRI | None, format: str | None) -> int:  # noqa: A002
    """Write the quads of a store; returns how many.

    Raises:
        OutputError: The target cannot be written, or its syntax has no place for named graphs that are there.
    """
    from semcube.io.rdf_writer import RDFWriter

    count = 0
    with RDFWriter(target, format=format) as writer:
        for batch in quads_of(snapshot, graph):
            writer.write(batch)
            count += batch.num_rows
    return count
