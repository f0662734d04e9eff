# SPDX-License-Identifier: Apache-2.0
"""The W3C test cases of R2RML on SQLite, DuckDB and PostgreSQL, read where they are.

They are the folder ``suites/r2rml`` of the shared data: a copy of https://github.com/kg-construct/r2rml-test-cases-support.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pyoxigraph
import pytest

from semcube.errors import SemcubeError
from semcube.io.ntriples import lines_of_keys
from semcube.mapping import quads
from tests.conftest import shared_folder

from .postgresql import execute, postgresql  # noqa: F401 - a fixture

FOLDER = (shared_folder() or Path("absent")) / "suites" / "r2rml"
BASE = "http://example.com/base/"


def script(name: str, system: str) -> str:
    """The statements that fill the database of a case, in the dialect of a system."""
    own = FOLDER / "databases" / f"{name}-{system}.sql"
    text = (own if own.exists() else FOLDER / "databases" / f"{name}.sql").read_text(encoding="utf-8") + "\n"
    text = re.sub(r"^DROP TABLE .*$", "", text, flags=re.MULTILINE)
    text = re.sub(r";\s*(?=CREATE|INSERT)", ";\n", text)
    if system == "duckdb":
        text = re.sub(r"X('[0-9A-F]+')", r"unhex(\1)", text).replace("VARBINARY(200)", "BLOB")
        # DuckDB does not fill CHAR(n) with blanks as SQL does: the table gets what such a column holds.
        for column, size in re.findall(r'("\w+") CHAR\((\d+)\)', text):
            text += f"""UPDATE "Student" SET {column} = rpad({column}, {size}, ' ');\n"""
    return text


def database(name: str, system: str, folder: Path, server: str | None) -> str:
    """A new database of a case."""
    path, text = folder / f"case.{system}", script(name, system)
    if system == "sqlite":
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(text)
    elif system == "duckdb":
        import duckdb

        with duckdb.connect(str(path)) as other:
            other.execute(text)
    else:
        assert server is not None
        execute(server, "DROP SCHEMA IF EXISTS cases CASCADE;\nCREATE SCHEMA cases")
        server += "&options=-csearch_path%3Dcases"
        execute(server, text)
        return server
    return str(path)


def cases() -> list[tuple[str, str, str | None, str]]:
    """Mapping document, database and expected file of each case of the manifest, and its name."""
    store = pyoxigraph.Store()
    store.load(path=str(FOLDER / "manifest.ttl"), format=pyoxigraph.RdfFormat.TURTLE, base_iri=BASE)
    rows = store.query(
        """PREFIX t: <http://purl.org/NET/rdb2rdf-test#> PREFIX dcterms: <http://purl.org/dc/terms/>
        SELECT ?name ?mapping ?script ?output { ?case a t:R2RML ; dcterms:identifier ?name ; t:database/t:sqlScriptFile
          ?script ; t:mappingDocument ?mapping ; t:hasExpectedOutput ?has .
          OPTIONAL { ?case t:output ?file } BIND(IF(?has, ?file, ?none) AS ?output) } ORDER BY ?name"""
    )
    found = []
    for row in rows:
        name, mapping, sql, output = (None if each is None else each.value for each in row)
        found.append((f"{name}/{mapping}", Path(sql or "").stem, output, name or ""))
    return found


def dataset(content: bytes) -> pyoxigraph.Dataset:
    made = pyoxigraph.Dataset(pyoxigraph.parse(content, format=pyoxigraph.RdfFormat.N_QUADS, lenient=True))
    made.canonicalize(pyoxigraph.CanonicalizationAlgorithm.UNSTABLE)
    return made


if (FOLDER / "manifest.ttl").is_file():

    @pytest.mark.shared
    @pytest.mark.parametrize("system", ["sqlite", "duckdb", "postgresql"])
    @pytest.mark.parametrize("case", cases(), ids=lambda case: case[3])
    def test_r2rml(
        case: tuple[str, str, str | None, str], system: str, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        mapping, name, output, _ = case
        server = request.getfixturevalue("postgresql") if system == "postgresql" else None
        source = database(name, system, tmp_path, server)

        def made() -> bytes:
            batches = quads([source], FOLDER / mapping, base=BASE)
            return b"".join(lines_of_keys(batch).to_pybytes() for batch in batches)

        if output is None:
            with pytest.raises(SemcubeError):
                made()
            return
        expected = (FOLDER / mapping).with_name(output).read_bytes()
        assert set(dataset(made())) == set(dataset(expected))
