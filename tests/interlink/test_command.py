# SPDX-License-Identifier: Apache-2.0
"""``semcube interlink``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

GEO = "http://www.opengis.net/ont/geosparql#"
ZONES = 'id,wkt\nz 1,"POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0))"\nz2,"POLYGON ((4 0, 8 0, 8 4, 4 4, 4 0))"\n'
TOWNS = "iri,lon,lat\nhttp://e/ulm,1,1\nhttp://e/border,4,2\nhttp://e/far,40,2\n"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "zones.csv").write_text(ZONES)
    (folder / "towns.csv").write_text(TOWNS)
    command = [sys.executable, "-m", "semcube", "interlink", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


NAMES = ("--source-iri", "http://e/{id}", "--target-iri", "iri", "--source-crs", "CRS84")


def test_links_of_files(tmp_path: Path) -> None:
    done = run(tmp_path, "zones.csv", "towns.csv", *NAMES, "--minimal", "--report", "report.json", "-o", "links.nt")
    assert done.returncode == 0, done.stderr
    assert set((tmp_path / "links.nt").read_text().splitlines()) == {
        f"<http://e/z%201> <{GEO}sfContains> <http://e/ulm> .",
        f"<http://e/z%201> <{GEO}sfTouches> <http://e/border> .",
        f"<http://e/z2> <{GEO}sfTouches> <http://e/border> .",
    }
    assert "3 links" in done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["relations"] == {"sfTouches": 2, "sfContains": 1}
    assert report["cpu_seconds"] > 0
    assert report["peak_mb"] > 0


def test_into_a_store_and_from_it(tmp_path: Path) -> None:
    import semcube

    done = run(tmp_path, "zones.csv", "towns.csv", *NAMES, "--into", "s", "--relations", "ehMeet")
    assert done.returncode == 0, done.stderr
    (tmp_path / "more.ttl").write_text(
        f"@prefix geo: <{GEO}> . <http://e/x> geo:hasGeometry <http://e/g> . <http://e/g> geo:asWKT"
        ' "POINT (1 1)"^^geo:wktLiteral .'
    )
    with semcube.open(tmp_path / "s") as store:
        assert len(store) == 2
        store.load(tmp_path / "more.ttl")
    names = ("--source-iri", "http://e/{id}", "--source-crs", "CRS84", "--relations", "sfContains")
    for target in ("s", "more.ttl"):
        done = run(tmp_path, "zones.csv", target, *names)
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"<http://e/z%201> <{GEO}sfContains> <http://e/x> .\n"


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    done = run(tmp_path, "zones.csv", "towns.csv", "--relations", "sfNear")
    assert done.returncode == 2
    assert "expected all, sf, eh, rcc8" in done.stderr
    done = run(tmp_path, "zones.csv", "towns.csv")
    assert done.returncode == 1
    assert "source zones.csv: unknown; target towns.csv" in done.stderr
    assert "--source-crs" in done.stderr
