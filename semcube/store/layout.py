# SPDX-License-Identifier: Apache-2.0
"""The folder of a store: its tables, its version, how it is created and opened.

``semcube-store.json`` says that the folder is a store and of which layout; ``store.duckdb`` holds the tables:

- ``terms``: one row per term that is not its own id, numbered without gaps in the order of arrival; ``n`` is the
  payload of the id, so a term is found by its id in one row group. Terms are never changed or removed. A WKT literal
  without ``lexical`` is *derived*: its text is made from its row of ``geometries`` (:mod:`semcube.store.derived`).
- ``forms``: tag, datatype and language of terms, each combination once (:mod:`semcube.store.forms`).
- ``numbers``, ``times``: the values of the terms that are numbers, dates or times: what of
  :data:`semcube.engines.classify.CLASSES` comparisons need; ``kind`` is :func:`semcube.engines.xsd.time_kind`.
- ``lookup``: 32 bits of a keyed hash of each term (:mod:`semcube.store.keyed_hashes`) and ``n``, in sorted runs: how a
  term finds its id.
- ``quads_ps``, ``quads_po``: the same distinct quads twice, sorted by (p, s, o, g) and by (p, o, s, g), so that zone
  maps lead both a bound subject and a bound object to few row groups. Graph 0 is the default graph.
- ``graphs``: the named graphs that hold a triple or were created.
- ``geometries``: geometry literals decoded once: WKB in the literal's own system with x east and y north, WKB in CRS84
  where that differs, the box in CRS84, or why the literal is malformed.
- ``predicates``: counts per predicate and what kinds of objects it ever had, for estimates and for push-down.
- ``meta``: one row; ``version`` counts commits, ``tail`` the quads that were appended since the quads were last sorted,
  ``derives`` says that WKT literals with a canonical text are stored without it.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semcube.errors import StoreError, StoreLockedError, StoreNotFoundError, StoreVersionError

if TYPE_CHECKING:
    import duckdb

    from semcube.config import Settings

__all__ = ["LAYOUT", "MARKER", "ONE_GRAPH", "TABLES", "create_tables", "open_database"]

LAYOUT = 3
"""The version of the tables below; a store of another version is refused."""

ENGINE = 1 / 2
"""The part of a store's memory that the database may use; the rest is for what is kept, and held, beside it."""
MARKER = "semcube-store.json"
DATABASE = "store.duckdb"

_RUNS = "USING COMPRESSION rle"
"""Where long runs of a value are sure, the database need not try what else would be small."""

TABLES = {
    "meta": (
        "version BIGINT NOT NULL, salt VARCHAR NOT NULL, terms BIGINT NOT NULL, forms BIGINT NOT NULL,"
        " tail BIGINT NOT NULL, derives BOOLEAN NOT NULL"
    ),
    "terms": "n BIGINT NOT NULL, form INTEGER NOT NULL, lexical VARCHAR USING COMPRESSION zstd",
    "forms": "form INTEGER NOT NULL, tag TINYINT NOT NULL, datatype VARCHAR, language VARCHAR",
    "numbers": f"n BIGINT NOT NULL, number DOUBLE, exact BOOLEAN NOT NULL {_RUNS}",
    "times": f"n BIGINT NOT NULL, time BIGINT, kind TINYINT NOT NULL {_RUNS}",
    "lookup": "h UINTEGER NOT NULL, n BIGINT NOT NULL",
    "quads_ps": f"p BIGINT NOT NULL {_RUNS}, s BIGINT NOT NULL, o BIGINT NOT NULL, g BIGINT NOT NULL",
    "quads_po": f"p BIGINT NOT NULL {_RUNS}, o BIGINT NOT NULL, s BIGINT NOT NULL, g BIGINT NOT NULL",
    "graphs": "id BIGINT NOT NULL, created BOOLEAN NOT NULL",
    "geometries": (
        "n BIGINT NOT NULL, crs VARCHAR, wkb BLOB USING COMPRESSION zstd, lonlat BLOB USING COMPRESSION zstd,"
        " minx DOUBLE, miny DOUBLE, maxx DOUBLE, maxy DOUBLE, error VARCHAR"
    ),
    "predicates": (
        "p BIGINT NOT NULL, quads BIGINT NOT NULL, subjects BIGINT NOT NULL, objects BIGINT NOT NULL,"
        " tags INTEGER NOT NULL, inexact BOOLEAN NOT NULL, times INTEGER NOT NULL"
    ),
}
"""Table -> columns."""


ONE_GRAPH = {
    name: TABLES[name].replace("g BIGINT NOT NULL", f"g BIGINT NOT NULL {_RUNS}") for name in ("quads_ps", "quads_po")
}
"""Columns of tables of quads that begin with those of one graph."""


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """The tables of an empty store."""
    for name, columns in TABLES.items():
        connection.execute(f"CREATE TABLE {name} ({columns})")
    connection.execute("INSERT INTO meta VALUES (0, ?, 0, 0, 0, false)", [secrets.token_hex(8)])


def open_database(path: Path, settings: Settings, *, create: bool, read_only: bool) -> duckdb.DuckDBPyConnection:
    """The database of a store folder.

    Raises:
        StoreNotFoundError: There is no store and none may be created.
        StoreLockedError: Another process has it open for writing (or has it open at all, if this one wants to write).
        StoreVersionError: Its layout is not the one this build reads.
        StoreError: The folder holds something else, or a damaged store.
    """
    marker = path / MARKER
    if marker.exists():
        _check_marker(path, _read_marker(marker))
    elif create and not read_only:
        _new_folder(path)
    else:
        raise StoreNotFoundError(
            f"{path} holds no store" if path.exists() else f"there is no store at {path}",
            expected=f"a folder with {MARKER}",
            fix="check the path, or make a store with `semcube load --store DIR FILE`",
        )
    connection = _connect(path, settings, read_only=read_only)
    try:
        made = connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'meta'").fetchall()
        if made == [(0,)]:
            connection.begin()
            create_tables(connection)
            connection.commit()
    except BaseException:
        connection.close()
        raise
    return connection


def _read_marker(marker: Path) -> dict[str, Any]:
    try:
        content = json.loads(marker.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{marker} cannot be read ({error})", expected="the marker of a store", fix="restore the folder from a copy"
        ) from error
    return content if isinstance(content, dict) else {}


def _check_marker(path: Path, content: dict[str, Any]) -> None:
    if content.get("layout") != LAYOUT:
        raise StoreVersionError(
            f"the store {path} has layout {content.get('layout')!r},"
            f" written by semcube {content.get('semcube', 'unknown')}",
            expected=f"layout {LAYOUT}",
            fix="open it with the version that wrote it, dump it, and load the dump with this version",
        )


def _new_folder(path: Path) -> None:
    """An empty store folder; refuses one that holds other things."""
    from semcube import __version__

    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise StoreError(
            f"{path} exists and is not a store",
            expected="a new or empty folder",
            fix="name another folder for the store",
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
        draft = path / (MARKER + ".new")
        draft.write_text(json.dumps({"layout": LAYOUT, "semcube": __version__}) + "\n", "utf-8")
        draft.replace(path / MARKER)
    except OSError as error:
        raise StoreError(
            f"the folder {path} cannot be made ({error})", fix="choose a folder you may write to"
        ) from error


def _connect(path: Path, settings: Settings, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    import duckdb

    from semcube.engines.embedded import connect

    spill = None if read_only else str(path / "spill")
    part = replace(settings, memory_mb=max(1, int(settings.memory_mb * ENGINE)))
    try:
        return connect(str(path / DATABASE), part, read_only=read_only, spill=spill)
    except (duckdb.IOException, duckdb.ConnectionException) as error:
        text = str(error)
        if "lock" in text.lower() or "different configuration" in text or "already" in text.lower():
            raise StoreLockedError(
                f"the store {path} is open in {_holder(text)}",
                expected="one writing process, or any number of reading ones",
                fix="stop the other process, send the query to its endpoint, or open both with read_only=True",
            ) from error
        raise StoreError(f"the store {path} cannot be opened ({text.splitlines()[0]})") from error


def _holder(text: str) -> str:
    """Which process holds the lock, as far as the database says."""
    import re

    found = re.search(r"PID (\d+)", text)
    return f"another process ({found.group(0)})" if found else "another process or another way"
