# SPDX-License-Identifier: Apache-2.0
"""SedonaDB by SQL over Parquet tables by predicate, or by class, read into memory when opened.

It runs in an environment of its own; its data is made in that of the project (the job names its ``python``).
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sedonadb

from semcube.bench.driver import Driver, main

NAMES = ("has_geometry", "as_wkt", *(f"{c}_{kind}" for c in ("lo", "st", "poi") for kind in ("tag", "key")), "lo_type")


class SedonaDb(Driver):
    """SedonaDB; terms are taken from an Arrow array, as in the hand plan."""

    dialect = "sql"

    def __init__(self, job: dict[str, Any]) -> None:
        super().__init__(job)
        self.python = job["python"]

    def load(self, data: Path) -> None:
        project = Path(__file__).resolve().parent.parent.parent
        job = {"folder": str(self.folder), "threads": self.threads, "data": str(data), "names": NAMES}
        file = self.folder / "tables.json"
        file.write_text(json.dumps(job), encoding="utf-8")
        before = os.times()
        subprocess.run([self.python, "-m", "benchmarks.drivers.parquet", str(file)], cwd=project, check=True)
        after = os.times()
        self.children = after.children_user + after.children_system - before.children_user - before.children_system

    def cpu(self) -> float:
        return super().cpu() + getattr(self, "children", 0.0)

    def open(self) -> None:
        self.context = sedonadb.connect()
        for file in self.folder.glob("*.parquet"):
            table = self.context.read_parquet(str(file))
            if "wkb" in pq.read_schema(file).names:
                table.to_view("raw", overwrite=True)
                table = self.context.sql("SELECT * EXCLUDE (wkb), ST_GeomFromWKB(wkb) AS geom FROM raw")
            table.to_memtable().to_view(file.stem)
        self.terms = pq.read_table(self.folder / "terms.parquet")["text"].combine_chunks()

    def _answer(self, query: dict[str, Any]) -> list[Any]:
        found = self.context.sql(query["texts"]["sql"]).to_arrow_table()
        if query["kind"] == "count":
            return list(found.columns)
        return [self.terms.take(one) if pa.types.is_integer(one.type) else one for one in found.columns]

    def run(self, query: dict[str, Any]) -> int:
        return len(self._answer(query)[0])

    def rows(self, query: dict[str, Any]) -> Iterator[tuple[str | None, ...]]:
        for row in zip(*(column.to_pylist() for column in self._answer(query)), strict=True):
            yield tuple(str(value).strip("<>") for value in row)


if __name__ == "__main__":
    main(SedonaDb)
