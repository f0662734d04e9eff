# SPDX-License-Identifier: Apache-2.0
"""The command as a process: how it starts and ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ENDS = """
import atexit, sys, threading
atexit.register(lambda: print("at the end"))
import semcube.cli.app as app
def main():
    sys.stdout.write("written")
    {work}
app.main = main
app.run()
"""


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize(
    ("work", "code"),
    [("pass", 0), ("sys.exit()", 0), ("sys.exit(3)", 3), ("sys.exit('why')", 1), ("raise ValueError('why')", 1)],
)
def test_all_is_written_and_the_code_stands(work: str, code: int) -> None:
    done = process("-c", ENDS.format(work=work))
    assert (done.returncode, done.stdout) == (code, "writtenat the end\n")
    assert ("why" in done.stderr) == ("why" in work)


def test_other_threads_end_first() -> None:
    work = "threading.Timer(0.05, lambda: print('late')).start()"
    done = process("-c", ENDS.format(work=work))
    assert (done.returncode, done.stdout) == (0, "writtenlate\nat the end\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_no_success() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        done = subprocess.run(
            [sys.executable, "-m", "semcube", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment,
            check=False,
        )
    assert done.returncode != 0


@pytest.mark.parametrize("command", ["load", "transform"])
def test_work_on_tables_needs_no_pandas(command: str, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("id,name\n1,a\n", "utf-8")
    mapping = tmp_path / "m.ttl"
    mapping.write_text(
        "@prefix rml: <http://w3id.org/rml/> . @prefix semcube: <https://w3id.org/semcube/ns#> ."
        f' <http://e/m> a rml:TriplesMap ; rml:logicalSource [ rml:source "{table}" ;'
        ' rml:referenceFormulation semcube:Vector ] ; rml:subjectMap [ rml:template "http://e/{id}" ] ;'
        ' rml:predicateObjectMap [ rml:predicate <http://e/p> ; rml:objectMap [ rml:reference "name" ] ] .',
        "utf-8",
    )
    target = ["--store", str(tmp_path / "s")] if command == "load" else ["-o", str(tmp_path / "o.nt")]
    code = (
        "import atexit, sys\natexit.register(lambda: print('pandas' in sys.modules, file=sys.__stdout__))\n"
        f"sys.argv = {['semcube', command, '-q', '--mapping', str(mapping), *target, str(table)]!r}\n"
        "from semcube.cli import run\nrun()"
    )
    done = process("-c", code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")


@pytest.mark.parametrize(
    "arguments", [["query", "SELECT * { ?s ?p ?o }"], ["info"], ["dump"], ["update", "INSERT DATA { <e:s> <e:p> 1 }"]]
)
def test_work_on_stores_needs_no_pandas(arguments: list[str], tmp_path: Path) -> None:
    from semcube.store import Store

    with Store.open(tmp_path / "s", create=True) as store:
        store.load(b"<http://e/s> <http://e/p> 1.5 .", format="ttl")
    code = (
        "import atexit, sys\natexit.register(lambda: print('pandas' in sys.modules, file=sys.__stderr__))\n"
        f"sys.argv = {['semcube', arguments[0], '--store', str(tmp_path / 's'), *arguments[1:]]!r}\n"
        "from semcube.cli import run\nrun()"
    )
    done = process("-c", code)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "False")
