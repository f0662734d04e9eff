# SPDX-License-Identifier: Apache-2.0
"""Tables in memory as sources, and mappings over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from semcube.mapping.evaluate import Evaluator, Options
from semcube.mapping.model import Mapping
from semcube.mapping.parse import read_mapping
from semcube.mapping.report import LayerReport
from semcube.mapping.rows import Selection

if TYPE_CHECKING:
    import pyarrow as pa

PREFIXES = """
@prefix rml: <http://w3id.org/rml/> .
@prefix rr: <http://www.w3.org/ns/r2rml#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix geo: <http://www.opengis.net/ont/geosparql#> .
@prefix ex: <http://example.org/> .
"""

Quad = tuple[str, str, str, str | None]


class TableRows:
    """A table in memory."""

    source = "table.parquet"
    layer = "table"
    geometry_optional = False
    is_open = False
    notes: tuple[str, ...] = ()

    def __init__(self, table: pa.Table, geometry_column: str | None = None, crs: str | None = None) -> None:
        self.table, self.geometry_column, self.crs = table, geometry_column, crs

    @property
    def schema(self) -> pa.Schema:
        return self.table.schema

    def batches(self, columns: Sequence[str], selection: Selection, batch_bytes: int) -> Iterator[pa.RecordBatch]:
        wanted = dict.fromkeys(columns)
        if "fid" in self.table.schema.names:
            wanted["fid"] = None
        table = self.table.select(list(wanted)) if wanted else self.table
        rows = max(1, batch_bytes // max(1, table.nbytes // max(1, table.num_rows)))
        yield from table.combine_chunks().to_batches(max_chunksize=rows)


def mapping_of(text: str) -> Mapping:
    """A mapping from Turtle without its prefixes."""
    return read_mapping(Path("mapping.ttl"), PREFIXES + text)


def run(mapping: Mapping, rows: TableRows, **options: object) -> tuple[list[Quad], LayerReport]:
    """All quads of all triples maps over one table, and the report."""
    report = LayerReport(rows.source)
    evaluator = Evaluator(mapping, mapping.triples_maps, rows, Options(**options))  # type: ignore[arg-type]
    quads: list[Quad] = []
    for batch in evaluator.quads(report):
        quads += list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    return quads, report
