# SPDX-License-Identifier: Apache-2.0
"""Writes tables by predicate, or by class, with terms and WKB as Parquet (a step of loading for SedonaDB)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from benchmarks.drivers import class_tables
from benchmarks.drivers.handplan import HandPlan
from benchmarks.geographica import names


def write(job: dict[str, Any]) -> None:
    """Tables as Parquet files of the job's folder."""
    folder, data = Path(job["folder"]), Path(job["data"])
    tables = folder / "tables.duckdb"
    by_class = class_tables.holds_layers(data)
    if by_class:
        class_tables.build(data, tables, job["threads"])
    else:
        HandPlan(job).load(data)
        (folder / "geometry.parquet").rename(folder / "shapes.parquet")
    with duckdb.connect(str(tables), read_only=True) as db:
        for name in ("terms",) if by_class else (*job["names"], "terms"):
            db.execute(f"COPY {name} TO '{folder}/{name}.parquet' (FORMAT parquet, COMPRESSION zstd)")
        for name in names.CLASSES if by_class else ():
            pq.write_table(_with_wkb(db, name), folder / f"{name.lower()}.parquet", compression="zstd")
    tables.unlink()


def _with_wkb(db: Any, name: str) -> pa.Table:
    """A table by class, its texts as WKB."""
    found = db.sql(f"SELECT id, label, code, wkt FROM {name}").to_arrow_table()
    shapes = shapely.from_wkt(np.array(found["wkt"].to_pylist(), dtype=object))
    return found.drop_columns("wkt").append_column("wkb", pa.array(shapely.to_wkb(shapes), pa.binary()))


if __name__ == "__main__":
    write(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
