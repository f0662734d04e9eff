# SPDX-License-Identifier: Apache-2.0
"""``python -m benchmarks.geographica.alternatives STORE``: the layout of a store beside others of the same data.

Each alternative is a DuckDB file made from the tables of a store of the synthetic set; its size and the CPU time of the
statements that it is meant for are printed as a Markdown table. Made by::

    semcube bench geographica --scale 256 --store /tmp/store --only L1
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import duckdb

from semcube.bench.generator import GEO, NAMESPACE, TYPE
from semcube.store.layout import TABLES

RUNS = 9


class Alternative(NamedTuple):
    """A layout, and what it is asked."""

    what: str
    name: str
    tables: tuple[str, ...]
    """Statements that make it from the tables of the store ``s``."""
    asked: dict[str, str]
    """What is asked -> statement."""


def _ids(connection: Any) -> dict[str, int]:
    """The ids of the terms that the statements name."""
    wanted = {"hasTag": f"{NAMESPACE}landOwnership/hasTag", "hasGeometry": f"{GEO}hasGeometry", "asWKT": f"{GEO}asWKT",
              "hasKey": f"{NAMESPACE}landOwnership/hasKey", "type": TYPE.strip("<>")}  # fmt: skip
    found = dict(connection.execute("SELECT lexical, n + (CAST(tag AS BIGINT) << 56) FROM s.terms "
                                    "SEMI JOIN (SELECT unnest(?) AS lexical) USING (lexical)",
                                    [list(wanted.values())]).fetchall())  # fmt: skip
    return {name: found[iri] for name, iri in wanted.items()}


def _star(ids: dict[str, int], first: str, last: str) -> str:
    """Features with their geometry's text, counted so that nothing but the join is measured."""
    p = "p = {}".format
    return (
        f"SELECT count(*), sum(w.o) FROM {first} t JOIN {last} h ON h.s = t.s AND h.{p(ids['hasGeometry'])} "
        f"JOIN {last} w ON w.s = h.o AND w.{p(ids['asWKT'])} WHERE t.{p(ids['hasTag'])}"
    )


def _orders(ids: dict[str, int]) -> list[Alternative]:
    """Sort orders of the quads."""
    made = {name: f"CREATE TABLE {name} AS SELECT p, s, o, g FROM s.quads_ps ORDER BY {', '.join(name)}"
            for name in ("psog", "posg", "spog")}  # fmt: skip
    found = []
    for names in (("psog",), ("psog", "posg"), ("psog", "posg", "spog")):
        by_object = "posg" if "posg" in names else "psog"
        by_subject = "spog" if "spog" in names else "psog"
        asked = {
            "one object of a predicate": f"SELECT count(*) FROM {by_object} WHERE p = {ids['hasTag']} "
            f"AND o = (SELECT max(o) FROM {by_object} WHERE p = {ids['hasTag']})",
            "all of one subject": f"SELECT count(*) FROM {by_subject} WHERE s = (SELECT min(s) FROM {by_subject})",
            "star of a class": _star(ids, by_object, "psog"),
        }
        found.append(Alternative("sort orders", " + ".join(names), tuple(made[name] for name in names), asked))
    return found


def _numbers(ids: dict[str, int]) -> list[Alternative]:
    """Numbers of terms in the order of arrival, or of their text."""
    ordered = (
        "CREATE TABLE place AS SELECT n + (CAST(tag AS BIGINT) << 56) AS id, (CAST(tag AS BIGINT) << 56) + "
        "row_number() OVER (ORDER BY lexical) AS made FROM s.terms JOIN s.forms USING (form)",
        "CREATE TABLE psog AS SELECT q.p, coalesce(a.made, q.s) AS s, coalesce(b.made, q.o) AS o, q.g "
        "FROM s.quads_ps q LEFT JOIN place a ON a.id = q.s LEFT JOIN place b ON b.id = q.o ORDER BY 1, 2, 3, 4",
        "DROP TABLE place",
    )
    terms = "CREATE TABLE terms ({}); INSERT INTO terms SELECT * FROM s.terms ORDER BY {}".format
    star, text = _star(ids, "psog", "psog"), "SELECT count(*), sum(length(lexical)) FROM terms"
    asked = {"star of a class": star, "all texts": text}
    arrival = "CREATE TABLE psog AS SELECT p, s, o, g FROM s.quads_ps ORDER BY p, s, o, g"
    return [
        Alternative("numbers", "order of arrival", (arrival, terms(TABLES["terms"], "n")), asked),
        Alternative("numbers", "order of text", (*ordered, terms(TABLES["terms"], "lexical")), asked),
    ]


def _wide(ids: dict[str, int]) -> list[Alternative]:
    """A table per class with a column for each predicate that has one object, beside the quads of the others."""
    one = "SELECT s, max(o) AS o FROM s.quads_ps WHERE p = {} GROUP BY s".format
    wide = (
        f"CREATE TABLE wide AS SELECT t.s, t.o AS tag, h.o AS geometry, w.o AS wkt FROM (SELECT s, o FROM s.quads_ps "
        f"WHERE p = {ids['hasTag']}) t JOIN ({one(ids['hasGeometry'])}) h USING (s) JOIN ({one(ids['asWKT'])}) w "
        "ON w.s = h.o ORDER BY 1, 2"
    )
    quads = "CREATE TABLE psog AS SELECT p, s, o, g FROM s.quads_ps ORDER BY p, s, o, g"
    return [
        Alternative("stars", "quads", (quads,), {"star of a class": _star(ids, "psog", "psog")}),
        Alternative("stars", "a wide table beside the quads", (quads, wide),
                    {"star of a class": "SELECT count(*), sum(wkt) FROM wide"}),
    ]  # fmt: skip


def _compressed() -> list[Alternative]:
    """Compression of texts and of geometries."""
    found = []
    for kind in ("zstd", "auto", "uncompressed"):
        setting = "" if kind == "auto" else f" USING COMPRESSION {kind}"
        made = (
            f"CREATE TABLE terms (n BIGINT, lexical VARCHAR{setting}); INSERT INTO terms SELECT n, lexical FROM s.terms"
        )
        asked = {"all texts": "SELECT sum(length(lexical)) FROM terms",
                 "2048 texts": "SELECT sum(length(lexical)) FROM terms WHERE n BETWEEN 204801 AND 206848"}  # fmt: skip
        found.append(Alternative("texts", kind, (made,), asked))
    boxes = "minx DOUBLE, miny DOUBLE"
    every = "SELECT sum(octet_length(CAST(wkb AS BLOB))) FROM shapes"
    curve = "(CAST(minx AS INTEGER) // 2) + 100 * (CAST(miny AS INTEGER) // 2)"
    for name, column, value, order in (
        ("zstd, order of arrival", "BLOB USING COMPRESSION zstd", "wkb", "n"),
        ("zstd, by cells of two degrees", "BLOB USING COMPRESSION zstd", "wkb", curve),
        ("not compressed", "BLOB USING COMPRESSION uncompressed", "wkb", "n"),
        ("GEOMETRY of DuckDB", "GEOMETRY", "ST_GeomFromWKB(wkb)", "n"),
    ):
        made = (
            f"CREATE TABLE shapes (wkb {column}, {boxes}); "
            f"INSERT INTO shapes SELECT {value}, minx, miny FROM s.geometries ORDER BY {order}"
        )
        asked = {"all geometries": every, "those of a small window": f"{every} WHERE minx < 3 AND miny < 3"}
        found.append(Alternative("geometries", name, (made,), asked))
    return found


def _answer(connection: Any, text: str) -> None:
    connection.execute(text).fetchall()


def _spent(work: Callable[[], Any]) -> float:
    """Milliseconds of CPU, median of some runs."""
    work()
    spent = []
    for _ in range(RUNS):
        start = time.process_time()
        work()
        spent.append(1000 * (time.process_time() - start))
    return median(spent)


def measured(store: Path, one: Alternative, folder: Path) -> tuple[float, dict[str, float]]:
    """Megabytes, and CPU milliseconds of what is asked."""
    file = folder / "alternative.duckdb"
    file.unlink(missing_ok=True)
    with duckdb.connect(str(file)) as connection:
        connection.execute("SET threads = 2")
        connection.execute(f"ATTACH '{store / 'store.duckdb'}' AS s (READ_ONLY)")
        for statement in one.tables:
            connection.execute(statement)
        connection.execute("CHECKPOINT")
        found = {label: _spent(partial(_answer, connection, text)) for label, text in one.asked.items()}
    return file.stat().st_size / 1e6, found


def main() -> None:
    """Measure all and print them."""
    store = Path(sys.argv[1])
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{store / 'store.duckdb'}' AS s (READ_ONLY)")
        ids = _ids(connection)
    print("| of | layout | MB | CPU ms |\n| --- | --- | ---: | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for one in (*_orders(ids), *_numbers(ids), *_wide(ids), *_compressed()):
            size, spent = measured(store, one, Path(folder))
            shown = ", ".join(f"{label} {value:.1f}" for label, value in spent.items())
            print(f"| {one.what} | {one.name} | {size:.1f} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
