# SPDX-License-Identifier: Apache-2.0
"""What is wrong with the sides is said, counted and named, whatever is related."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow as pa
import pytest
import shapely

from semcube.errors import CRSError, GeometryError
from semcube.interlink import interlink

BOW = shapely.from_wkt("POLYGON ((0 0, 4 4, 4 0, 0 4, 0 0))")
NAMES = {"source_iri": "http://e/a/{id}", "target_iri": "http://e/b/{id}", "source_crs": "CRS84", "target_crs": "CRS84"}
KINDS: list[dict[str, Any]] = [
    {"relations": "sfIntersects"}, {"relations": "sfIntersects", "budget": 1000},
    {"relations": "sfIntersects", "processes": 2}, {"within": 0.0}, {"nearest": 9},
    {"similar": "hausdorff", "at_most": 99},
]  # fmt: skip


def table(shapes: list[Any], names: list[Any] | None = None) -> pa.Table:
    wkb = shapely.to_wkb(np.asarray(shapes, dtype=object))
    return pa.table({"id": names or range(len(shapes)), "geometry": pa.array(wkb, pa.binary())})


def linked(links: Any) -> set[tuple[str, str]]:
    return {(row["source"], row["target"]) for row in links.table.to_pylist()}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind.values())))
def test_invalid_geometries_by_choice_and_name(kind: dict[str, Any]) -> None:
    """The bow has an area and a crossing; repaired it is two triangles, both of which touch its centre."""
    sides = table([BOW, shapely.box(1, 1, 3, 3)]), table([shapely.Point(2, 2), BOW, shapely.Point(2, 1)])
    expected = {"http://e/a/0"}, {"http://e/b/1"}
    for choice, pairs in (("repair", {(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (0, 2)}), ("skip", {(1, 0), (1, 2)})):
        links = interlink(*sides, invalid=choice, **NAMES, **kind)
        assert links.report.source.invalid == links.report.target.invalid == 1
        assert (set(links.report.source.invalid_iris), set(links.report.target.invalid_iris)) == expected
        wanted = {(f"http://e/a/{a}", f"http://e/b/{b}") for a, b in pairs}
        if "within" in kind or "relations" in kind:
            # The last point is outside of both triangles, but inside of the box of the bow.
            wanted.discard(("http://e/a/0", "http://e/b/2"))
        assert linked(links) == wanted
    with pytest.raises(GeometryError, match=r"<http://e/[ab]/[01]> is invalid: Self-intersection.*--invalid"):
        interlink(*sides, invalid="fail", **NAMES, **{**kind, "processes": 1})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind.values())))
def test_missing_empty_unreadable_and_repeated_rows(kind: dict[str, Any]) -> None:
    good = shapely.to_wkb(shapely.box(0, 0, 1, 1))
    rows = [
        good,
        None,
        shapely.to_wkb(shapely.Polygon()),
        shapely.to_wkb(shapely.GeometryCollection()),
        b"\x01\x03",
        good,
    ]
    side = pa.table({"id": [1, 2, 3, 4, 5, 1], "geometry": pa.array(rows, pa.binary())})
    links = interlink(side, side, **NAMES, **kind)
    for report in (links.report.source, links.report.target):
        assert (report.read, report.missing, report.empty, report.unreadable) == (6, 1, 2, 1)
        assert report.duplicates == 1
    assert links.report.source.duplicate_iris == ["http://e/a/1"]
    assert links.report.target.duplicate_iris == ["http://e/b/1"]
    assert linked(links) == {("http://e/a/1", "http://e/b/1")}
    summary = links.report.summary()
    assert "1 without geometry; 2 empty; 1 unreadable; 1 with the IRI of another" in summary


def test_collections_are_the_union_of_their_parts() -> None:
    parts = [shapely.box(0, 0, 2, 2), shapely.box(1, 0, 3, 2), shapely.LineString([(5, 0), (6, 0)])]
    nested = shapely.GeometryCollection([parts[0], shapely.GeometryCollection(parts[1:])])
    others = [shapely.box(0, 0, 3, 2), shapely.Point(5.5, 0), shapely.Point(2, 1), shapely.Point(4, 1)]
    contained = interlink(table([nested]), table(others), relations="sfContains", **NAMES)
    assert linked(contained) == {("http://e/a/0", f"http://e/b/{row}") for row in (0, 1, 2)}
    near = interlink(table([nested]), table(others), within=60_000, **NAMES)
    assert linked(near) == linked(contained)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A layer in degrees, one in metres, one that does not say, and text in the system of neither."""
    town = geopandas.GeoDataFrame({"id": [1]}, geometry=[shapely.box(8.9, 47.9, 9.1, 48.1)], crs="EPSG:4326")
    town.to_file(tmp_path / "towns.gpkg", driver="GPKG")
    town.to_crs("EPSG:25832").to_file(tmp_path / "metres.shp")
    town.to_file(tmp_path / "unsaid.shp")
    (tmp_path / "unsaid.prj").unlink()
    (tmp_path / "points.csv").write_text(
        'id,wkt\n1,POINT (9 48)\n2,"POLYGON ((8.9 47.9, 9.1 48.1, 9.1 47.9, 8.9 48.1, 8.9 47.9))"\n3,\n'
    )
    return tmp_path


def test_systems_name_both_sides(files: Path) -> None:
    names = {"source_iri": "http://e/{id}", "target_iri": "http://e/{id}"}
    with pytest.raises(CRSError, match=r"two coordinate .*towns\.gpkg: .*4326; target .*metres\.shp: .*25832.*--crs"):
        interlink(files / "towns.gpkg", files / "metres.shp", **names)
    with pytest.raises(
        CRSError, match=r"no coordinate .*towns\.gpkg: .*4326; target .*unsaid\.shp: unknown.*--target-crs"
    ):
        interlink(files / "towns.gpkg", files / "unsaid.shp", **names)
    with pytest.raises(CRSError, match=r"no coordinate .*unsaid\.shp: unknown; target .*points\.csv"):
        interlink(files / "unsaid.shp", files / "points.csv", within=5, **names)
    given = interlink(files / "towns.gpkg", files / "metres.shp", crs="EPSG:4326", relations="sfIntersects", **names)
    assert given.report.links == 1
    told = interlink(files / "towns.gpkg", files / "unsaid.shp", target_crs="EPSG:4326", relations="sfEquals", **names)
    assert told.report.links == 1


def test_the_command_reports_what_was_wrong(files: Path) -> None:
    command = [
        sys.executable, "-m", "semcube", "interlink", "towns.gpkg", "points.csv", "--target-crs", "EPSG:4326",
        "--crs", "CRS84", "--source-iri", "http://e/t/{id}", "--target-iri", "http://e/p/{id}", "--invalid", "skip",
        "--report", "report.json", "-o", "links.nt",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=files, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads((files / "report.json").read_text())
    assert report["target"]["invalid_iris"] == ["http://e/p/2"]
    assert (report["target"]["invalid"], report["target"]["missing"]) == (1, 1)
    assert "target: points.csv, 3 read; 1 without geometry; 1 invalid left out" in done.stderr
    assert {line.split()[2] for line in (files / "links.nt").read_text().splitlines()} == {"<http://e/p/1>"}
