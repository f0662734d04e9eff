# SPDX-License-Identifier: Apache-2.0
"""``semcube load``, ``query``, ``update``, ``dump`` and ``info``, as users run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TURTLE = """@prefix : <http://e/> . @prefix geo: <http://www.opengis.net/ont/geosparql#> .
:a :name "Elbe" ; geo:asWKT "POINT (10 53)"^^geo:wktLiteral .
:b :name "Oder" ; geo:asWKT "POINT (14 52)"^^geo:wktLiteral .
"""
SELECT = "SELECT ?name { ?s <http://e/name> ?name } ORDER BY ?name"


def semcube(*arguments: str | Path, text: str | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", "from semcube.cli import main; main()", *map(str, arguments)]
    environment = {**os.environ, "SEMCUBE_THREADS": "1"}
    return subprocess.run(
        command, input=None if text is None else text.encode(), capture_output=True, env=environment, check=False
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    (folder / "rivers.ttl").write_text(TURTLE)
    done = semcube("load", "--store", folder / "s", folder / "rivers.ttl", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["added"] == 4
    return folder / "s"


def test_load_reads_standard_input_and_reports_on_standard_error(tmp_path: Path) -> None:
    done = semcube("load", "--store", tmp_path / "s", "-", "--format", "ttl", "--graph", "http://e/g", text=TURTLE)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"4 quads read, 4 added" in done.stderr
    dumped = semcube("dump", "--store", tmp_path / "s", "-q")
    assert dumped.stdout.count(b"<http://e/g> .\n") == 4
    assert dumped.stderr == b""


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("csv", b"name\r\nElbe\r\nOder\r\n"),
        ("tsv", b'?name\n"Elbe"\n"Oder"\n'),
        (None, b'?name\n"Elbe"\n"Oder"\n'),
    ],
)
def test_query_formats(store: Path, form: str | None, expected: bytes) -> None:
    done = semcube("query", "--store", store, SELECT, *(["--format", form] if form else []))
    assert (done.returncode, done.stdout) == (0, expected)


def test_query_from_a_file_to_a_file(store: Path, tmp_path: Path) -> None:
    (tmp_path / "q.rq").write_text("SELECT ?s ?w { ?s <http://www.opengis.net/ont/geosparql#asWKT> ?w }")
    done = semcube("query", "--store", store, "-f", tmp_path / "q.rq", "-o", tmp_path / "x.geojson")
    assert done.returncode == 0, done.stderr
    features = json.loads((tmp_path / "x.geojson").read_text())["features"]
    assert sorted(f["geometry"]["coordinates"] for f in features) == [[10, 53], [14, 52]]


def test_construct_and_explain(store: Path) -> None:
    text = "CONSTRUCT { ?s <http://e/label> ?n } WHERE { ?s <http://e/name> ?n }"
    done = semcube("query", "--store", store, text, "--format", "nt", "--explain")
    assert sorted(done.stdout.splitlines())[0] == b'<http://e/a> <http://e/label> "Elbe" .'
    assert b"pushed" in done.stderr


def test_update_and_dump(store: Path, tmp_path: Path) -> None:
    done = semcube("update", "--store", store, "INSERT DATA { <http://e/c> <http://e/x> 1 }", "--json")
    assert json.loads(done.stdout)["inserted"] == 1
    done = semcube("update", "--store", store, "-f", "-", text="DELETE WHERE { <http://e/c> ?p ?o }")
    assert done.stderr == b"0 quads inserted, 1 deleted\n"
    done = semcube("dump", "--store", store, "-o", tmp_path / "all.ttl")
    assert done.stderr == b"4 quads\n"
    assert "Elbe" in (tmp_path / "all.ttl").read_text()


def test_info(store: Path) -> None:
    done = semcube("info", "--store", store)
    assert b"extent      longitude 10 to 14, latitude 52 to 53" in done.stdout
    assert json.loads(semcube("info", "--store", store, "--json").stdout)["quads"] == 4


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["query", "--store", "{tmp}/none", SELECT], 1, "there is no store at"),
        (["query", "--store", "{store}", "SELEC ?x {}"], 1, "line 1, column 1"),
        (["query", "--store", "{store}"], 2, "no query"),
        (["query", "--store", "{store}", SELECT, "--format", "docx"], 2, "expected one of json"),
        (["load", "--store", "{tmp}/s", "{tmp}/missing.ttl"], 1, "missing.ttl"),
        (["update", "--store", "{store}", "-f", "{tmp}/missing.ru"], 1, "missing.ru"),
        (["load", "--store", "{tmp}/s"], 2, "FILES"),
    ],
)
def test_errors_say_what_is_wrong(store: Path, tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    done = semcube(*(a.replace("{tmp}", str(tmp_path)).replace("{store}", str(store)) for a in arguments))
    assert done.returncode == code, done.stderr
    assert message.lower() in done.stderr.decode().lower()
    assert b"Traceback" not in done.stderr


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom semcube.cli import main\ntry:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'duckdb', 'pyarrow', 'shapely', 'pandas', 'numpy', 'rdflib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    for command in ("load", "query", "update", "dump", "info"):
        done = subprocess.run([sys.executable, "-c", code, command, "--help"], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert b"Example" in done.stdout
