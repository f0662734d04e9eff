# SPDX-License-Identifier: Apache-2.0
"""Each class of R2RML's features on SQLite, DuckDB and PostgreSQL; PostGIS."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from semcube.errors import MappingError, SourceError
from semcube.mapping import quads
from semcube.mapping.databases import PostgreSQLRows
from semcube.mapping.rows import Selection
from semcube.vocab import RDF_TYPE, WKT_LITERAL, XSD

from .postgresql import execute, postgresql  # noqa: F401 - a fixture
from .tables import PREFIXES

SCRIPT = """
CREATE TABLE "Town" ("id" INTEGER PRIMARY KEY, "Name" VARCHAR(40), "the code" CHAR(4), "area" DOUBLE PRECISION);
INSERT INTO "Town" VALUES (1, 'Ulm', 'UL', 118.5);
INSERT INTO "Town" VALUES (2, 'Bad "Süd"', NULL, NULL);
CREATE TABLE "River" ("no" INTEGER, "town" INTEGER, "label" VARCHAR(40));
INSERT INTO "River" VALUES (7, 1, 'Donau');
INSERT INTO "River" VALUES (7, 2, 'Donau');
INSERT INTO "River" VALUES (8, NULL, 'Lac')
"""
SYSTEMS = pytest.mark.parametrize("system", ["sqlite", "duckdb", "postgresql"])
Quads = set[tuple[str, str, str, str | None]]


@pytest.fixture
def source(system: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A database of the system with two tables."""
    path = tmp_path / f"gis.{system}"
    if system == "sqlite":
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(SCRIPT)
    elif system == "duckdb":
        import duckdb

        with duckdb.connect(str(path)) as other:
            other.execute(SCRIPT)
    else:
        url = request.getfixturevalue("postgresql")
        execute(url, "DROP SCHEMA IF EXISTS own CASCADE;\nCREATE SCHEMA own")
        url += "&options=-csearch_path%3Down,public"
        execute(url, SCRIPT)
        return str(url)
    return str(path)


def made(source: str, text: str, folder: Path, **options: object) -> Quads:
    """The quads of a mapping, without the brackets of IRIs of ``http://a/``."""
    mapping = folder / "m.ttl"
    mapping.write_text(PREFIXES + text, encoding="utf-8")
    found: Quads = set()
    for batch in quads([source], mapping, **options):
        found |= set(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    return found


def towns(rules: str, table: str = 'rr:tableName "\\"Town\\""', subject: str = "") -> str:
    named = subject or 'rr:subjectMap [ rr:template "http://a/{id}" ]'
    return f"<#town> rr:logicalTable [ {table} ] ; {named} ; rr:predicateObjectMap [ {rules} ] ."


@SYSTEMS
@pytest.mark.parametrize(
    ("rules", "values"),
    [
        ('rr:objectMap [ rr:column "\\"Name\\"" ]', {'"Ulm"', '"Bad "Süd""'}),
        ('rr:objectMap [ rr:column "\\"the code\\"" ]', None),
        ('rr:objectMap [ rr:column "\\"area\\"" ]', {f'"1.185E2"^^<{XSD}double>'}),
        ('rr:objectMap [ rr:column "area" ; rr:datatype xsd:decimal ]', {f'"118.5"^^<{XSD}decimal>'}),
        ('rr:objectMap [ rr:column "\\"Name\\"" ; rr:language "de-CH" ]', {'"Ulm"@de-ch', '"Bad "Süd""@de-ch'}),
        ('rr:objectMap [ rr:template "{id}-{\\"Name\\"}" ; rr:termType rr:Literal ]', {'"1-Ulm"', '"2-Bad "Süd""'}),
        (
            'rr:objectMap [ rr:template "http://n/{\\"Name\\"}" ]',
            {"<http://n/Ulm>", "<http://n/Bad%20%22Süd%22>"},
        ),
        ('rr:objectMap [ rr:column "id" ; rr:termType rr:IRI ]', {"<http://base/1>", "<http://base/2>"}),
        ('rr:objectMap [ rr:column "id" ; rr:termType rr:BlankNode ]', {"_:b1", "_:b2"}),
        ("rr:object ex:thing", {"<http://example.org/thing>"}),
        ('rr:objectMap [ rr:constant "x" ]', {'"x"'}),
    ],
)
def test_term_maps(rules: str, values: set[str] | None, source: str, system: str, tmp_path: Path) -> None:
    found = {each[2] for each in made(source, towns(f"rr:predicate ex:p ; {rules}"), tmp_path, base="http://base/")}
    if values is None:  # DuckDB does not keep the length of CHAR(n)
        values = {'"UL"' if system == "duckdb" else '"UL  "'}
    assert found == values


@SYSTEMS
def test_a_query_with_its_own_names(source: str, tmp_path: Path) -> None:
    table = """rr:sqlQuery '''SELECT "id" + 10 AS "k", upper("Name") AS "n" FROM "Town" WHERE "area" > 100''' ;
      rr:sqlVersion rr:SQL2008"""
    subject = 'rr:subjectMap [ rr:template "http://a/{k}" ; rr:class ex:Town ]'
    found = made(source, towns('rr:predicate ex:n ; rr:objectMap [ rr:column "n" ]', table, subject), tmp_path)
    assert found == {
        ("<http://a/11>", f"<{RDF_TYPE}>", "<http://example.org/Town>", None),
        ("<http://a/11>", "<http://example.org/n>", '"ULM"', None),
    }


@SYSTEMS
def test_graphs_of_subjects_and_of_properties(source: str, tmp_path: Path) -> None:
    subject = 'rr:subjectMap [ rr:template "http://a/{id}" ; rr:graph ex:all ]'
    rules = """rr:predicate ex:p ; rr:object "x" ; rr:graphMap [ rr:template "http://g/{id}" ]"""
    found = made(source, towns(rules, subject=subject), tmp_path)
    assert {(each[0], each[3]) for each in found} == {
        (f"<http://a/{number}>", graph)
        for number in (1, 2)
        for graph in ("<http://example.org/all>", f"<http://g/{number}>")
    }


@SYSTEMS
def test_joins_follow_foreign_keys_and_pass_by_nulls(source: str, tmp_path: Path) -> None:
    text = """<#river> rr:logicalTable [ rr:tableName "River" ] ; rr:subjectMap [ rr:template "http://r/{no}" ] ;
      rr:predicateObjectMap [ rr:predicate ex:through ; rr:objectMap [ rr:parentTriplesMap <#town> ;
        rr:joinCondition [ rr:child "\\"town\\"" ; rr:parent "\\"id\\"" ] ] ] .
      <#town> rr:logicalTable [ rr:tableName "Town" ] ; rr:subjectMap [ rr:template "http://t/{\\"Name\\"}" ] ."""
    found = {(each[0], each[2]) for each in made(source, text, tmp_path)}
    assert found == {("<http://r/7>", "<http://t/Ulm>"), ("<http://r/7>", "<http://t/Bad%20%22Süd%22>")}


@SYSTEMS
def test_the_condition_and_the_limit_go_into_the_query(source: str, tmp_path: Path) -> None:
    text = towns('rr:predicate ex:n ; rr:objectMap [ rr:column "\\"Name\\"" ]')
    assert {each[2] for each in made(source, text, tmp_path, where='"area" > 100')} == {'"Ulm"'}


@SYSTEMS
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (towns('rr:predicate ex:p ; rr:objectMap [ rr:column "none" ]'), "column 'none' is not in the source"),
        (towns('rr:predicate ex:p ; rr:object "x"', 'rr:tableName "Absent"'), "the query failed"),
        (
            towns('rr:predicate ex:p ; rr:objectMap [ rr:template "{Name}{\\"Name\\"}" ; rr:termType rr:Literal ]'),
            "m.ttl, triples map #town: column Name is written with and without quotes",
        ),
    ],
)
def test_errors_are_found_before_a_row_is_read(text: str, message: str, source: str, tmp_path: Path) -> None:
    with pytest.raises((MappingError, SourceError), match=message):
        made(source, text, tmp_path)


# --- PostgreSQL and PostGIS ----------------------------------------------------------------------------------------

KINDS = """
DROP TABLE IF EXISTS kinds;
CREATE TABLE kinds (id serial PRIMARY KEY, b boolean, n numeric(8, 3), r real, i smallint, d date, t timestamp,
  z timestamptz, c time, y bytea, u uuid, j jsonb, a text[],
  v interval);
INSERT INTO kinds (b, n, r, i, d, t, z, c, y, u, j, a, v) VALUES (true, 12.500, 0.1, -3, '0044-03-15',
  '2020-01-02 03:04:05.25', '2020-01-02 03:04:05+02', '03:04:05', '\\x00ff', '12345678-1234-1234-1234-123456789abc',
  '{"a": [1]}', '{x,y}', '1 day');
INSERT INTO kinds (b) VALUES (NULL)
"""


@pytest.mark.parametrize(
    ("column", "literal"),
    [
        ("b", f'"true"^^<{XSD}boolean>'),
        ("n", f'"12.500"^^<{XSD}decimal>'),
        ("r", f'"1.0E-1"^^<{XSD}double>'),
        ("i", f'"-3"^^<{XSD}integer>'),
        ("d", f'"0044-03-15"^^<{XSD}date>'),
        ("t", f'"2020-01-02T03:04:05.25"^^<{XSD}dateTime>'),
        ("z", f'"2020-01-02T01:04:05Z"^^<{XSD}dateTime>'),
        ("c", f'"03:04:05"^^<{XSD}time>'),
        ("y", f'"00FF"^^<{XSD}hexBinary>'),
        ("u", '"12345678-1234-1234-1234-123456789abc"'),
        ("a", '"{x,y}"'),
        ("v", '"1 day"'),
        ("j", '"{"a": [1]}"'),
    ],
)
def test_types_of_postgresql(column: str, literal: str, postgresql: str, tmp_path: Path) -> None:  # noqa: F811
    if column == "b":
        execute(postgresql, KINDS)
    text = f"""<#m> rr:logicalTable [ rr:tableName "kinds" ] ; rr:subjectMap [ rr:template "http://a/{{id}}" ] ;
      rr:predicateObjectMap [ rr:predicate ex:p ; rr:objectMap [ rr:column "{column}" ] ] ."""
    assert {each[2] for each in made(postgresql, text, tmp_path)} == {literal}


PLACES = """
DROP TABLE IF EXISTS places;
CREATE TABLE places (id integer, name text, geom geometry(Geometry, 3857));
INSERT INTO places SELECT n, 'place ' || n, ST_SetSRID(ST_MakePoint(n * 1000, 500), 3857) FROM generate_series(0, 99) n;
INSERT INTO places VALUES (100, 'nowhere', NULL)
"""


def test_postgis_is_streamed_in_batches_with_its_system(postgresql: str, tmp_path: Path) -> None:  # noqa: F811
    execute(postgresql, PLACES)
    rows = PostgreSQLRows(postgresql, "SELECT * FROM places")
    assert (rows.geometry_column, rows.crs, rows.schema.names) == ("geom", "EPSG:3857", ["fid", "id", "name", "geom"])
    batches = list(rows.batches(["id", "geom"], Selection(), 1000))
    assert len(batches) > 1
    assert sum(each.num_rows for each in batches) == 101
    text = """<#m> rr:logicalTable [ rr:tableName "places" ] ; rr:subjectMap [ rr:template "http://a/{id}" ] ;
      rr:predicateObjectMap [ rr:predicate geo:asWKT ;
        rr:objectMap [ rr:column "geom" ; rr:datatype geo:wktLiteral ] ] ."""
    found = {each[0]: each[2] for each in made(postgresql, text, tmp_path)}
    system = "<http://www.opengis.net/def/crs/EPSG/0/3857>"
    assert found["<http://a/3>"] == f'"{system} POINT (3000 500)"^^<{WKT_LITERAL}>'
    assert len(found) == 100
    box = made(postgresql, text, tmp_path, bbox=(0.0, 0.0, 0.02, 0.02))
    assert {each[0] for each in box} == {"<http://a/0>", "<http://a/1>", "<http://a/2>"}
    lon_lat = {each[0]: each[2] for each in made(postgresql, text, tmp_path, crs="CRS84")}
    assert lon_lat["<http://a/0>"].startswith('"POINT (0 0.00449')


def test_a_server_that_is_not_there_is_named_without_the_password(tmp_path: Path) -> None:
    text = towns('rr:predicate ex:p ; rr:object "x"')
    with pytest.raises(SourceError, match=r"^postgresql://127\.0\.0\.1:9/none: ") as caught:
        made("postgresql://me:secret@127.0.0.1:9/none", text, tmp_path)
    assert "secret" not in str(caught.value)
