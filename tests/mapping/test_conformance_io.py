# SPDX-License-Identifier: Apache-2.0
"""The RML-IO test cases of sources and targets (https://github.com/kg-construct/rml-io), read where they are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyoxigraph
import pytest

from semcube.errors import InputError
from semcube.io.archives import PlainFile
from semcube.mapping import transform
from tests.conftest import shared_folder

FOLDER = (shared_folder() or Path("absent")) / "suites" / "rml-io" / "test-cases"
CASES = sorted(path.name for path in FOLDER.glob("RML[ST]TC*")) if FOLDER.is_dir() else []
BASE = "http://example.com/"
FORMATS = {
    ".nq": "N_QUADS",
    ".nt": "N_TRIPLES",
    ".ttl": "TURTLE",
    ".n3": "N3",
    ".jsonld": "JSON_LD",
    ".rdfxml": "RDF_XML",
}
PACKED = {".gz": "gzip", ".zip": "zip", ".tar.xz": "tarxz", ".tar.gz": "targz"}


UNTYPED = {
    *("RMLSTC0003 default.nq", "RMLTTC0004a dump1.jsonld", "RMLTTC0004c dump1.nt", "RMLTTC0004e dump1.rdfjson"),
    *("RMLTTC0004f dump1.rdfxml", "RMLTTC0004g dump1.ttl", "RMLTTC0005b dump1.nq", "RMLTTC0006b dump1.nq.gz"),
    *("RMLTTC0006c dump1.nq.zip", "RMLTTC0006d dump1.nq.tar.xz", "RMLTTC0006e dump1.nq.tar.gz"),
}
"""Expected files whose ages are strings where the same input, byte for byte, under the same rules gives numbers in the
expected file of :data:`TYPED`; what is made is compared with that one exactly, and with the own one without datatypes.
In RMLSTC0003 it is the other way round: the input has the strings ``"33"`` and results in CSV have no types, yet
numbers are expected."""
TYPED = "RMLTTC0004d/dump1.nq"


def lexical(quads: set[pyoxigraph.Quad]) -> set[tuple[str, str, str, str]]:
    """Quads without the datatypes of their literals."""
    return {(each.subject.value, each.predicate.value, each.object.value, str(each.graph_name)) for each in quads}


def quads_of(path: Path, *, encoding: str | None = None) -> set[pyoxigraph.Quad]:
    """The quads of a file of the suite, or of the file made for it."""
    packing = next((kind for suffix, kind in reversed(PACKED.items()) if path.name.endswith(suffix)), None)
    name = path.name
    for suffix in (".gz", ".xz", ".zip", ".tar"):
        name = name.removesuffix(suffix)
    text = PlainFile(path, packing, encoding)
    content = text.path.read_text(encoding="utf-8-sig")
    if name.endswith(".rdfjson"):
        content, name = _lines_of_rdf_json(json.loads(content)), "x.nt"
    syntax = getattr(pyoxigraph.RdfFormat, FORMATS[Path(name).suffix])
    return set(pyoxigraph.parse(content.encode(), format=syntax, base_iri=BASE))


def _lines_of_rdf_json(graph: dict[str, dict[str, list[dict[str, str]]]]) -> str:
    lines = []
    for subject, properties in graph.items():
        for predicate, values in properties.items():
            for value in values:
                if value["type"] == "uri":
                    term = f"<{value['value']}>"
                else:
                    term = json.dumps(str(value["value"]))
                    term += f"@{value['lang']}" if "lang" in value else ""
                    term += f"^^<{value['datatype']}>" if "datatype" in value else ""
                lines.append(f"<{subject}> <{predicate}> {term} .")
    return "\n".join(lines)


def _with_database(folder: Path) -> None:
    """Put the case's table into a database, where the mapping has a placeholder for one."""
    import duckdb

    mapping = folder / "mapping.ttl"
    text = mapping.read_text(encoding="utf-8")
    if "$CONNECTIONDSN" in text:
        with duckdb.connect(str(folder / "Friends.duckdb")) as connection:
            table = f"read_csv('{folder / 'Friends.csv'}', header = true)"
            connection.execute(f'CREATE TABLE "Friends" AS SELECT * FROM {table}')
        mapping.write_text(text.replace("$CONNECTIONDSN", "jdbc:duckdb:Friends.duckdb"), encoding="utf-8")


@pytest.mark.shared
@pytest.mark.parametrize("name", CASES)
def test_rml_io(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case, work = FOLDER / name, tmp_path / name
    shutil.copytree(case, work, ignore=shutil.ignore_patterns("dump*", "*.nq", "README.md"))
    monkeypatch.chdir(work)
    _with_database(work)
    expected = [path for path in case.iterdir() if path.name.startswith(("default", "output", "dump"))]
    if not expected:
        with pytest.raises(InputError):
            transform((), work / "default.nq", work / "mapping.ttl", base=BASE)
        return
    transform((), work / "default.nq", work / "mapping.ttl", base=BASE)
    for path in expected:
        made = work / path.name.replace("output", "default")
        encoding = "utf-16" if name == "RMLTTC0005b" and path.name.startswith("dump") else None
        found, wanted = quads_of(made, encoding=encoding), quads_of(path, encoding=encoding)
        if f"{name} {path.name}" in UNTYPED:
            if name.startswith("RMLTTC"):
                assert (case / "Friends.json").read_bytes() == (FOLDER / TYPED).with_name("Friends.json").read_bytes()
                assert found == quads_of(FOLDER / TYPED)
            found, wanted = lexical(found), lexical(wanted)
        assert found == wanted, path.name
