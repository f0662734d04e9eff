# SPDX-License-Identifier: Apache-2.0
"""Tables and queries of databases, and joins between them and files."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from semcube.errors import MappingError, SourceError
from semcube.mapping import quads
from semcube.mapping.databases import DuckDBRows, SQLiteRows, is_database
from semcube.mapping.rows import Selection
from semcube.vocab import XSD

from .tables import PREFIXES

SQL = """
CREATE TABLE "Town" ("id" INTEGER, "name" VARCHAR(20), "area" FLOAT, "founded" DATE, "seen" TIMESTAMP, "big" BOOLEAN,
  "tax" DECIMAL(6, 2), "seal" BLOB);
INSERT INTO "Town" VALUES (1, 'Ulm', 118.5, '0854-07-22', '2020-01-02 03:04:05', true, 12.50, NULL);
INSERT INTO "Town" VALUES (2, 'say "x"', NULL, NULL, NULL, false, NULL, NULL);
"""
LITERALS = {
    ("name", '"Ulm"'),
    ("area", f'"1.185E2"^^<{XSD}double>'),
    ("founded", f'"0854-07-22"^^<{XSD}date>'),
    ("seen", f'"2020-01-02T03:04:05"^^<{XSD}dateTime>'),
    ("big", f'"true"^^<{XSD}boolean>'),
}
MAPS = "".join(
    f'rr:predicateObjectMap [ rr:predicate ex:{name} ; rr:objectMap [ rr:column "\\"{name}\\"" ] ] ;'
    for name in ("name", "area", "founded", "seen", "big", "tax", "seal")
)


def _database(folder: Path, system: str) -> Path:
    path = folder / f"towns.{system}"
    if system == "sqlite":
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(SQL)
    else:
        with duckdb.connect(str(path)) as other:
            other.execute(SQL)
    return path


def _made(source: str | Path, mapping: Path, **options: object) -> list[tuple[str, str, str]]:
    made = []
    for batch in quads([source], mapping, **options):
        made += list(zip(*(batch.column(name).to_pylist() for name in "spo"), strict=True))
    return made


@pytest.mark.parametrize("system", ["sqlite", "duckdb"])
def test_natural_literals_of_a_table(system: str, tmp_path: Path) -> None:
    mapping = tmp_path / "m.ttl"
    mapping.write_text(
        f"""{PREFIXES} <#m> rr:logicalTable [ rr:tableName "Town" ] ; {MAPS}
        rr:subjectMap [ rr:template "http://a/{{\\"id\\"}}" ] ."""
    )
    made = _made(_database(tmp_path, system), mapping)
    ulm = {(each[1].rsplit("/", 1)[1][:-1], each[2]) for each in made if each[0] == "<http://a/1>"}
    tax = {value for name, value in ulm if name == "tax"}
    assert ulm - {("tax", value) for value in tax} == LITERALS
    assert {float(value.split('"')[1]) for value in tax} == {12.5}
    assert all(value.endswith(f"^^<{XSD}decimal>") for value in tax)
    assert {each[2] for each in made if each[0] == "<http://a/2>"} == {'"say "x""', f'"false"^^<{XSD}boolean>'}


@pytest.mark.parametrize("system", ["sqlite", "duckdb"])
def test_a_query_runs_in_the_database_with_the_condition(system: str, tmp_path: Path) -> None:
    mapping = tmp_path / "m.ttl"
    mapping.write_text(
        f"""{PREFIXES} <#m> rr:logicalTable [ rr:sqlQuery 'SELECT "id" * 10 AS k, "name" AS n FROM "Town";' ] ;
        rr:subjectMap [ rr:template "http://a/{{k}}" ; rr:class ex:Town ] ."""
    )
    path = _database(tmp_path, system)
    assert [each[0] for each in _made(f"{system}:{path}", mapping)] == ["<http://a/10>", "<http://a/20>"]
    assert [each[0] for each in _made(path, mapping, where="n = 'Ulm'")] == ["<http://a/10>"]


def test_a_table_is_joined_with_a_file(tmp_path: Path) -> None:
    _database(tmp_path, "sqlite")
    (tmp_path / "rivers.csv").write_text("river,town\nDonau,1\nIller,1\nInn,9\nBlau,\n", encoding="utf-8")
    mapping = tmp_path / "m.ttl"
    mapping.write_text(
        f"""{PREFIXES} <#river> rml:logicalSource [ rml:source "rivers.csv" ; rml:referenceFormulation rml:CSV ] ;
        rml:subjectMap [ rml:template "http://r/{{river}}" ] ; rml:predicateObjectMap [ rml:predicate ex:in ;
          rml:objectMap [ rml:parentTriplesMap <#town> ; rml:joinCondition [ rml:child "town" ; rml:parent "id" ] ] ] .
        <#town> rml:logicalSource [ rml:source "sqlite:towns.sqlite" ; rml:referenceFormulation rml:SQL2008Table ;
          rml:iterator "Town" ] ; rml:subjectMap [ rml:template "http://t/{{name}}" ] ."""
    )
    made = [
        row for batch in quads((), mapping) for row in zip(*(batch.column(x).to_pylist() for x in "so"), strict=True)
    ]
    assert sorted(made) == [("<http://r/Donau>", "<http://t/Ulm>"), ("<http://r/Iller>", "<http://t/Ulm>")]


def test_wrong_values_tables_and_queries_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE t (n INTEGER, d DATE); INSERT INTO t VALUES (1, NULL), ('x', 'soon');")
    with pytest.raises(SourceError, match=r"a\.sqlite: value 'x' of column n in row 1"):
        list(SQLiteRows(path, "SELECT * FROM t").batches(["n"], Selection(), 1 << 20))
    with pytest.raises(SourceError, match="value 'soon' of column d in row 1"):
        list(SQLiteRows(path, "SELECT * FROM t").batches(["d"], Selection(), 1 << 20))
    with pytest.raises(SourceError, match="the query failed: no such table: absent"):
        SQLiteRows(path, "SELECT * FROM absent")
    with pytest.raises(SourceError, match="several columns named n"):
        SQLiteRows(path, "SELECT n, 1 AS n FROM t")
    with pytest.raises(SourceError, match="the query failed"):
        DuckDBRows(_database(tmp_path, "duckdb"), "SELECT * FROM absent")
    mapping = tmp_path / "m.ttl"
    mapping.write_text(
        f"""{PREFIXES} <#m> rr:logicalTable [ rr:tableName "t" ] ; rr:subjectMap [ rr:template "http://a/{{no}}" ;
        rr:class ex:T ] ."""
    )
    with pytest.raises(MappingError, match=r"m\.ttl, triples map #m, subjectMap: column 'no' is not in the source"):
        list(quads([path], mapping))


def test_which_sources_are_databases() -> None:
    assert all(map(is_database, ["postgresql://u@h/d", "sqlite:x", "a/b.SQLITE", "c.duckdb"]))
    assert not any(map(is_database, ["a.gpkg", "https://a/b.json", "x.csv", "a.zarr"]))
