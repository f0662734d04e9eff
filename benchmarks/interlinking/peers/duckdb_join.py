# SPDX-License-Identifier: Apache-2.0
"""DuckDB spatial: ``python duckdb_join.py SOURCE TARGET OUTPUT``; needs duckdb and duckdb-extension-spatial.

It has no ST_Relate, so the nine relations are asked one by one.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

PREDICATES = ["Intersects", "Touches", "Crosses", "Within", "Contains", "Overlaps", "Equals", "Covers", "CoveredBy"]


def main() -> None:
    import duckdb_extension_spatial

    source, target, output = sys.argv[1:]
    database = duckdb.connect()
    extension = next(Path(duckdb_extension_spatial.__path__[0]).rglob("spatial.duckdb_extension"))
    database.execute(f"LOAD '{extension}'")
    database.execute("SET threads = 2; SET enable_geoparquet_conversion = false")
    for name, file in (("a", source), ("b", target)):
        database.execute(
            f"CREATE TABLE {name} AS SELECT id, ST_GeomFromWKB(geometry::BLOB) AS g FROM read_parquet('{file}')"
        )
    asked = ", ".join(f'ST_{each}(a.g, b.g) AS "{each}"' for each in PREDICATES)
    database.execute(
        f"COPY (SELECT a.id AS first, b.id AS second, {asked} FROM a JOIN b ON ST_Intersects(a.g, b.g))"
        f" TO '{output}' (FORMAT parquet)"
    )


if __name__ == "__main__":
    main()
