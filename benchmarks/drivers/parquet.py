# SPDX-License-Identifier: Apache-2.0
"""Writes tables by predicate, terms and WKB of the synthetic data as Parquet (a step of loading for SedonaDB)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.drivers.handplan import HandPlan


def write(job: dict[str, Any]) -> None:
    """Tables as Parquet files of the job's folder."""
    folder = Path(job["folder"])
    HandPlan(job).load(Path(job["data"]))
    (folder / "geometry.parquet").rename(folder / "geometry_wkb.parquet")
    with duckdb.connect(str(folder / "tables.duckdb"), read_only=True) as db:
        for name in (*job["names"], "terms"):
            db.execute(f"COPY {name} TO '{folder}/{name}.parquet' (FORMAT parquet, COMPRESSION zstd)")
    (folder / "tables.duckdb").unlink()


if __name__ == "__main__":
    write(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
