# SPDX-License-Identifier: Apache-2.0
"""SedonaDB: ``python sedonadb_join.py SOURCE TARGET OUTPUT``; needs the package sedonadb."""

from __future__ import annotations

import sys
import warnings


def main() -> None:
    warnings.simplefilter("ignore")
    import pyarrow.parquet as pq
    import sedonadb

    source, target, output = sys.argv[1:]
    database = sedonadb.connect()
    for name, file in (("a", source), ("b", target)):
        database.read_parquet(file).to_view(name)
    found = database.sql(
        "SELECT a.id AS first, b.id AS second, ST_Relate(a.geometry, b.geometry) AS matrix"
        " FROM a JOIN b ON ST_Intersects(a.geometry, b.geometry)"
    )
    pq.write_table(found.to_arrow_table(), output)


if __name__ == "__main__":
    main()
