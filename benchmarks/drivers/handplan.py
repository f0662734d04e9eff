# SPDX-License-Identifier: Apache-2.0
"""The hand plan: each query written by hand over DuckDB tables of numbers and arrays of GEOS geometries.

No parsing, no planning, no terms but text: what is left is the limit that a store built in this way can reach. Geometry
is made ready (tree, prepared) when the data is opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from benchmarks.drivers.relational import build
from benchmarks.geographica.dialects import star_sql
from semcube.bench.driver import Driver, main

RELATIONS = {"sfIntersects": "intersects", "sfWithin": "within", "sfTouches": "touches"}
INVERSE = {"intersects": "intersects", "within": "contains", "touches": "touches"}


class HandPlan(Driver):
    """Plans by hand; the wiser order of two is taken because the author knows it."""

    dialect = "sql"

    def load(self, data: Path) -> None:
        build(data, self.folder / "tables.duckdb", self.threads)
        with duckdb.connect(str(self.folder / "tables.duckdb")) as db:
            rows = db.sql("SELECT id, text FROM geometry_text ORDER BY id").to_arrow_table()
        texts = [text[1 : text.index('"', 1)] for text in rows["text"].to_pylist()]
        wkb = shapely.to_wkb(shapely.from_wkt(np.array(texts, dtype=object)))
        table = pa.table({"id": rows["id"], "wkb": pa.array(wkb, pa.binary())})
        pq.write_table(table, self.folder / "geometry.parquet", compression="zstd")

    def open(self) -> None:
        self.db = duckdb.connect(str(self.folder / "tables.duckdb"), read_only=True)
        self.db.execute(f"SET threads = {self.threads}")
        self.terms = self.db.sql("SELECT text FROM terms ORDER BY id").to_arrow_table()["text"].combine_chunks()
        table = pq.read_table(self.folder / "geometry.parquet")
        self.ids = table["id"].to_numpy()
        self.shapes = shapely.from_wkb(table["wkb"].to_numpy(zero_copy_only=False))
        self.position = np.full(len(self.terms), -1, dtype=np.int64)
        self.position[self.ids] = np.arange(len(self.ids))
        shapely.prepare(self.shapes)
        self.tree = shapely.STRtree(self.shapes)
        self.tree.query(shapely.box(0, 0, 0, 0))

    def run(self, query: dict[str, Any]) -> int:
        return len(self._answer(query)[0])

    def rows(self, query: dict[str, Any]) -> Iterator[tuple[str | None, ...]]:
        for row in zip(*(column.to_pylist() for column in self._answer(query)), strict=True):
            yield tuple(str(value).strip("<>") for value in row)

    def _answer(self, query: dict[str, Any]) -> list[Any]:
        plan = query["plan"]
        match query["kind"]:
            case "fetch":
                return self._decode(*self._star(plan["a"]).values())
            case "select":
                return self._decode(*self._select(plan))
            case "join":
                return self._decode(*self._join(plan))
            case "lookup":
                found = self.db.execute(query["texts"]["sql"]).fetchnumpy()
                return self._decode(*found.values())
            case "count":
                found = self.db.sql(query["texts"]["sql"]).to_arrow_table()
                return [found["key"], found["n"]]
        raise LookupError(f"no plan by hand for {query['kind']}")

    def _decode(self, *columns: np.ndarray) -> list[Any]:
        return [self.terms.take(pa.array(column)) for column in columns]

    def _star(self, star: dict[str, Any]) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = self.db.execute(star_sql(star, "a")).fetchnumpy()
        return found

    def _select(self, plan: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        relation, area = RELATIONS[plan["relation"]], shapely.from_wkt(plan["area"])
        if plan["a"]["tag"] != 1:
            found = self._star(plan["a"])
            shapely.prepare(area)
            holds = getattr(shapely, INVERSE[relation])(area, self.shapes[self.position[found["aw"]]])
            return found["a"][holds], found["aw"][holds]
        ids = self.ids[np.sort(self.tree.query(area, predicate=INVERSE[relation]))]
        near = pa.table({"id": ids})
        sql = star_sql(plan["a"], "a") + " AND w.o IN (SELECT id FROM near)"
        self.db.register("near", near)
        found = self.db.execute(sql).fetchnumpy()
        self.db.unregister("near")
        return found["a"], found["aw"]

    def _join(self, plan: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        a, b = self._star(plan["a"]), self._star(plan["b"])
        relation = RELATIONS[plan["relation"]]
        tree = shapely.STRtree(self.shapes[self.position[a["aw"]]])
        right, left = tree.query(self.shapes[self.position[b["aw"]]], predicate=INVERSE[relation])
        return a["a"][left], b["a"][right]

    def close(self) -> None:
        if hasattr(self, "db"):
            self.db.close()


if __name__ == "__main__":
    main(HandPlan)
