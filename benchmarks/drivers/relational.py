# SPDX-License-Identifier: Apache-2.0
"""The synthetic data as tables: numbers for terms, one table per predicate; for plans by hand and SQL peers.

Written for the data of the generator only (one line a triple, no blanks in names); real data needs a real parser.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from semcube.bench.generator import GEO, NAMESPACE, TYPE

__all__ = ["CLASSES", "build", "read_triples"]

CLASSES = {"lo": "landOwnership", "st": "state", "stc": "stateCenter", "road": "road", "poi": "pointOfInterest"}


def _predicates() -> dict[str, str]:
    found = {"has_geometry": f"<{GEO}hasGeometry>", "as_wkt": f"<{GEO}asWKT>"}
    for short, name in CLASSES.items():
        found[f"{short}_tag"] = f"<{NAMESPACE}{name}/hasTag>"
        found[f"{short}_key"] = f"<{NAMESPACE}{name}/hasKey>"
        found[f"{short}_value"] = f"<{NAMESPACE}{name}/hasValue>"
    return found


def build(data: Path, target: Path, threads: int) -> None:
    """Read N-Triples into a DuckDB file with ``terms`` (id, text) and a table (s, o) for each predicate.

    The numbers of terms run from 0 without gaps, ordered by their text; keys of tags stay text.
    """
    db = duckdb.connect(str(target))
    db.execute(f"SET threads = {threads}")
    read_triples(db, data)
    db.execute(
        """CREATE TABLE terms AS SELECT row_number() OVER (ORDER BY text) - 1 AS id, text
        FROM (SELECT s AS text FROM raw UNION SELECT o FROM raw) ORDER BY id"""
    )
    for name, predicate in _predicates().items():
        _table(db, name, predicate, keeps_text=name.endswith(("_key", "_value")))
    for short, name in CLASSES.items():
        _types(db, short, f"<{NAMESPACE}{name}/")
    db.execute("CREATE TABLE geometry_text AS SELECT DISTINCT id, text FROM terms JOIN as_wkt ON o = id ORDER BY id")
    db.close()


def read_triples(db: Any, data: Path) -> None:
    """N-Triples as the table ``raw`` (s, p, o) of their texts."""
    db.execute(
        f"""CREATE TEMP TABLE raw AS SELECT parts.s AS s, parts.p AS p, parts.o AS o FROM (
        SELECT regexp_extract(line, '^([^ ]+) ([^ ]+) (.*) \\.$', ['s', 'p', 'o']) AS parts
        FROM read_csv('{data}', columns = {{'line': 'VARCHAR'}}, delim = '\x01', quote = '', escape = '',
                      header = false, max_line_size = 100000000, auto_detect = false))"""
    )


def _table(db: Any, name: str, predicate: str, *, keeps_text: bool) -> None:
    column = "replace(r.o, '\"', '')" if keeps_text else "b.id"
    joined = "" if keeps_text else "JOIN terms b ON b.text = r.o"
    db.execute(
        f"""CREATE TABLE {name} AS SELECT a.id AS s, {column} AS o FROM raw r JOIN terms a ON a.text = r.s {joined}
        WHERE r.p = ? ORDER BY 1, 2""",
        [predicate],
    )


def _types(db: Any, short: str, start: str) -> None:
    db.execute(
        f"""CREATE TABLE {short}_type AS SELECT a.id AS s, b.id AS o FROM raw r JOIN terms a ON a.text = r.s
        JOIN terms b ON b.text = r.o WHERE r.p = '{TYPE}' AND starts_with(r.o, ?) AND NOT ends_with(r.o, '/Tag>')
        ORDER BY 1, 2""",
        [start],
    )
