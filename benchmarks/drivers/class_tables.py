# SPDX-License-Identifier: Apache-2.0
"""The real layers as tables for SQL peers: one per class with what its features say, as somebody would lay them out.

Written for what :mod:`benchmarks.geographica.layers` writes only: one line a triple, one geometry a feature.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from benchmarks.drivers.relational import read_triples
from benchmarks.geographica.names import BASE, CLASSES, GEO, LABEL, TYPE

__all__ = ["build", "holds_layers"]


def holds_layers(data: Path) -> bool:
    """Whether a file of N-Triples is of the real layers."""
    with data.open(encoding="utf-8") as lines:
        return lines.readline().startswith(f"<{BASE}")


def build(data: Path, target: Path, threads: int) -> None:
    """Read N-Triples into a DuckDB file with ``terms`` (id, text) and a table (id, label, code, wkt) for each class.

    The numbers of features run from 0 without gaps, ordered by their IRIs.
    """
    db = duckdb.connect(str(target))
    db.execute(f"SET threads = {threads}")
    read_triples(db, data)
    db.execute(
        f"""CREATE TABLE terms AS SELECT row_number() OVER (ORDER BY s) - 1 AS id, s AS text
        FROM raw WHERE p = '{TYPE}' ORDER BY id"""
    )
    for name in CLASSES:
        _table(db, name)
    db.close()


def _table(db: Any, name: str) -> None:
    text = "replace(replace(substr({0}.o, 2, length({0}.o) - 2), '\\\"', '\"'), '\\\\', '\\')"
    db.execute(
        f"""CREATE TABLE {name} AS SELECT t.id, {text.format("l")} AS label, {text.format("c")} AS code,
               regexp_extract(w.o, '^"([^"]*)"', 1) AS wkt
        FROM raw k JOIN terms t ON t.text = k.s JOIN raw h ON h.s = k.s AND h.p = '<{GEO}hasGeometry>'
        JOIN raw w ON w.s = h.o AND w.p = '<{GEO}asWKT>'
        LEFT JOIN raw l ON l.s = k.s AND l.p = '{LABEL}' LEFT JOIN raw c ON c.s = k.s AND c.p = '<{BASE}code>'
        WHERE k.p = '{TYPE}' AND k.o = '<{BASE}{name}>' ORDER BY t.id"""
    )
