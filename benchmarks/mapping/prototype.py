# SPDX-License-Identifier: Apache-2.0
"""The limit: the same triples by one SQL statement written by hand; DuckDB joins text, geoarrow-c makes WKT.

It knows its columns, checks nothing and reports nothing: no values that do not fit, no nulls, no axis order, no IRIs
that need encoding. Only text is escaped.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import geoarrow.pyarrow as ga
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.mapping.data import COLUMNS

XSD = "http://www.w3.org/2001/XMLSchema#"
GEO = "http://www.opengis.net/ont/geosparql#"
TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"


def statement(name: str) -> str:
    """SQL that gives the ten lines of each row as one text."""
    feature = [f"'<http://example.org/{name}/'", "id"]
    kind = {"points": "City", "lines": "Shoreline"}[name]
    parts = [*feature, f"'> {TYPE} <http://example.org/onto#{kind}> .\n'"]
    for column, datatype in COLUMNS[name].items():
        text = column if datatype else f"""replace(replace({column}, '\\', '\\\\'), '"', '\\"')"""
        end = f"'\"^^<{XSD}{datatype}> .\n'" if datatype else "'\" .\n'"
        parts += [*feature, f"'> <http://example.org/onto#{column}> \"'", text, end]
    parts += [*feature, f"'> <{GEO}hasGeometry> <http://example.org/{name}/'", "id", "'/geometry> .\n'"]
    parts += [*feature, f"'/geometry> {TYPE} <{GEO}Geometry> .\n'"]
    parts += [*feature, f"'/geometry> <{GEO}asWKT> \"'", "geometry", f"'\"^^<{GEO}wktLiteral> .\n'"]
    return f"SELECT concat({', '.join(parts)}) FROM batch"


def batches(path: Path, rows: int) -> Iterator[pa.RecordBatch]:
    """The rows with their geometries as WKT."""
    for batch in pq.ParquetFile(path).iter_batches(rows):
        place = batch.schema.get_field_index("geometry")
        wkb = ga.wkb().wrap_array(batch.column(place))
        yield batch.set_column(place, "geometry", ga.as_wkt(wkb).storage)


def main(name: str, source: str, target: str) -> None:
    """Write the triples of a table."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET arrow_large_buffer_size = true")
    with Path(target).open("wb", buffering=0) as file:
        for batch in batches(Path(source), {"points": 32768, "lines": 4096}[name]):
            connection.register("batch", batch)
            for made in connection.sql(statement(name)).to_arrow_reader(2048):
                column = made.column(0)
                start, stop = (column.buffers()[1].slice(8 * i, 8) for i in (0, len(column)))
                ends = [int.from_bytes(each, "little") for each in (start, stop)]
                file.write(column.buffers()[2].slice(ends[0], ends[1] - ends[0]))


if __name__ == "__main__":
    main(*sys.argv[1:])
