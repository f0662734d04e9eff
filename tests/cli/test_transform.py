# SPDX-License-Identifier: Apache-2.0
"""``semcube transform`` and ``semcube mapping`` as a user runs them."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyoxigraph
import pytest

ROWS = "id,name,lon,lat,when\n7,Ulm,9.99,48.40,2020-01-02\n8,São Paulo,-46.63,-23.55,\n9,,,,\n"


def semcube(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from semcube.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, check=False)


@pytest.fixture
def towns(tmp_path: Path) -> Path:
    path = tmp_path / "towns.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


@pytest.mark.parametrize("extension", ["nt", "nq", "ttl", "trig", "rdf", "jsonld", "nt.gz", "ttl.zst"])
def test_every_syntax_holds_the_same_triples(towns: Path, tmp_path: Path, extension: str) -> None:
    from semcube.io import read_rdf

    output = tmp_path / f"towns.{extension}"
    done = semcube("transform", towns, "--output", output, "--base", "http://d/")
    assert done.returncode == 0, done.stderr
    assert "3 features in, 3 out, 0 skipped" in done.stderr
    rows = {(row["s"], row["p"], row["o"]) for batch in read_rdf(output) for row in batch.to_pylist()}
    assert ("<http://d/towns/8>", "<http://www.w3.org/2000/01/rdf-schema#label>", '"São Paulo"') in rows
    wkt = '"POINT (9.99 48.4)"^^<http://www.opengis.net/ont/geosparql#wktLiteral>'
    assert ("<http://d/towns/7/geometry>", "<http://www.opengis.net/ont/geosparql#asWKT>", wkt) in rows
    date = '"2020-01-02"^^<http://www.w3.org/2001/XMLSchema#date>'
    assert ("<http://d/towns/7>", "<http://d/ontology#when>", date) in rows
    assert not [row for row in rows if row[0] == "<http://d/towns/9/geometry>"]
    described = {row for row in rows if not row[0].startswith("<http://d/towns/") or "towns/distribution" in row[0]}
    assert len(rows - described) == 13 + 12 + 3


def test_standard_output_and_the_report(towns: Path, tmp_path: Path) -> None:
    done = semcube("transform", towns, "-o", "-", "--report", tmp_path / "r.json", "--json")
    assert done.returncode == 0
    parsed = list(pyoxigraph.parse(done.stdout.encode(), format=pyoxigraph.RdfFormat.N_TRIPLES))
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert len(parsed) == report["triples"] == json.loads(done.stderr)["triples"]
    assert (report["features_in"], report["features_out"], report["layers"][0]["null_geometries"]) == (3, 3, 1)
    assert semcube("transform", towns, "-o", tmp_path / "q.nt", "-q").stderr == ""


def test_generate_edit_and_run(towns: Path, tmp_path: Path) -> None:
    mapping, ontology = tmp_path / "towns.rml.ttl", tmp_path / "towns.owl.ttl"
    done = semcube("mapping", "generate", towns, "-o", mapping, "--ontology", ontology, "--base", "http://d/")
    assert done.returncode == 0, done.stderr
    assert "key: column id, unique and never null" in done.stderr
    assert list(pyoxigraph.parse(ontology.read_bytes(), format=pyoxigraph.RdfFormat.TURTLE))
    checked = semcube("mapping", "check", mapping)
    assert checked.returncode == 0, checked.stderr
    assert "columns id, name, lon, lat, when" in checked.stdout
    # The sources are relative to the mapping, so the current folder does not matter.
    (tmp_path / "elsewhere").mkdir()
    ran = semcube("transform", "--mapping", mapping, "--output", tmp_path / "a.nt.gz", cwd=tmp_path / "elsewhere")
    assert ran.returncode == 0, ran.stderr
    direct = semcube("transform", towns, "--base", "http://d/", "--output", tmp_path / "b.nt")
    assert direct.returncode == 0
    lines = gzip.decompress((tmp_path / "a.nt.gz").read_bytes()).decode().splitlines()
    assert sorted(lines) == sorted((tmp_path / "b.nt").read_text(encoding="utf-8").splitlines())
    mapping.write_text(mapping.read_text(encoding="utf-8").replace('"name"', '"nom"'), encoding="utf-8")
    wrong = semcube("mapping", "check", mapping)
    assert wrong.returncode == 1
    assert "triples map #towns" in wrong.stderr
    assert "column 'nom' is not in the source" in wrong.stderr


FAILURES = [
    (["transform"], 2, "no input"),
    (["transform", "absent.shp", "-o", "a.nt"], 1, "absent.shp"),
    (["transform", "towns.csv", "-o", "a.xyz"], 1, "no RDF syntax"),
    (["transform", "towns.csv", "-o", "a.nt", "--bbox", "1,2,3"], 2, "--bbox '1,2,3'; expected minx,miny,maxx,maxy"),
    (["transform", "towns.csv", "-o", "a.nt", "--bbox", "48,9,49,99"], 2, "longitude before latitude"),
    (["transform", "towns.csv", "-o", "a.nt", "--crs", "EPSG:0"], 1, "'EPSG:0' is not known"),
    (["transform", "towns.csv", "-o", "a.nt", "--on-error", "ignore"], 2, "ignore"),
    (["transform", "towns.csv", "-o", "a.nt", "--where", "nothing = 1"], 1, "nothing"),
    (["transform", "towns.csv", "-o", "a.nt", "--mapping", "absent.ttl"], 1, "absent.ttl: cannot be read"),
    (["transform", "towns.csv", "-o", "no/folder/a.nt"], 1, "its folder does not exist"),
    (["mapping", "generate", "towns.csv", "--key", "name"], 1, "column 'name' cannot be the key"),
    (["mapping", "generate"], 2, "IN"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), FAILURES)
def test_failures_say_what_is_wrong_and_leave_no_output(
    towns: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    done = semcube(*arguments, cwd=tmp_path)
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["towns.csv"]


def test_a_bad_value_stops_or_is_listed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,n\n1,5\n2,five\n3,7\n", encoding="utf-8")
    (tmp_path / "m.ttl").write_text(
        """@prefix rml: <http://w3id.org/rml/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
        <#m> rml:logicalSource [ rml:source "a.csv" ; rml:referenceFormulation rml:CSV ] ;
          rml:subjectMap [ rml:template "http://a/{id}" ] ; rml:predicateObjectMap [ rml:predicate <http://a/n> ;
          rml:objectMap [ rml:reference "n" ; rml:datatype xsd:integer ] ] .""",
        encoding="utf-8",
    )
    done = semcube("transform", "-m", "m.ttl", "-o", "a.nt", cwd=tmp_path)
    assert done.returncode == 1
    assert "a.csv, row 1, column n: value does not fit" in done.stderr
    assert not (tmp_path / "a.nt").exists()
    done = semcube("transform", "-m", "m.ttl", "-o", "a.nt", "--on-error", "skip", "--report", "r.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert (report["features_in"], report["features_out"], report["features_skipped"]) == (3, 2, 1)
    assert [each["row"] for each in report["layers"][0]["skipped"]] == [1, 1]
    assert len((tmp_path / "a.nt").read_text(encoding="utf-8").splitlines()) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_leaves_no_half_output(tmp_path: Path) -> None:
    with (tmp_path / "big.csv").open("w", encoding="utf-8") as target:
        target.write("id,name,lon,lat\n")
        target.writelines(f"{i},name {i},{i % 180},{i % 90}\n" for i in range(600_000))
    command = [sys.executable, "-c", "from semcube.cli import main; main()", "transform", "big.csv", "-o", "big.nt"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if any(path.suffix == ".part" and path.stat().st_size > 0 for path in tmp_path.iterdir()):
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert sorted(path.name for path in tmp_path.iterdir()) == ["big.csv"]


def test_malformed_geometries_are_skipped_and_listed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,wkt\n1,POINT(1 2)\n2,POINT(1\n3,\n4,LINESTRING(0 0\n5,POINT(3 4)\n")
    command = [sys.executable, "-m", "semcube", "transform", "a.csv", "-o", "a.nt", "--source-crs", "CRS84"]
    failed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "a.csv, row 2, column wkt: 'POINT(1' is no geometry" in failed.stderr
    assert not (tmp_path / "a.nt").exists()
    done = subprocess.run(
        [*command, "--on-error", "skip", "--report", "r.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (layer,) = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["layers"]
    assert (layer["features_in"], layer["features_out"], layer["features_skipped"]) == (5, 3, 2)
    assert [(each["row"], each["reason"]) for each in layer["skipped"]] == [
        (2, "geometry cannot be read ('POINT(1')"),
        (4, "geometry cannot be read ('LINESTRING(0 0')"),
    ]
    assert (tmp_path / "a.nt").read_text(encoding="utf-8").count("asWKT") == 2
