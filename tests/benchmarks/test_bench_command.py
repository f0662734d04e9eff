# SPDX-License-Identifier: Apache-2.0
"""``semcube bench geographica``: data, store, queries and table at a small scale."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from typer.testing import CliRunner

from semcube.bench.generator import Grid, centres, hexagon, number_of_triples, strip, triples, window
from semcube.bench.geographica import geographica_table, run_geographica
from semcube.bench.runner import Limits
from semcube.cli.app import app
from semcube.errors import UsageError
from semcube.store import Store

N = 12


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """All queries once, in a store that is kept."""
    folder = tmp_path_factory.mktemp("bench") / "store"
    return folder, run_geographica(N, store=folder, limits=Limits(runs=1, threads=1))


def test_the_store_is_kept_and_holds_the_data(measured: tuple[Path, dict[str, Any]]) -> None:
    folder, found = measured
    with Store.open(folder, read_only=True) as store:
        assert len(store) == found["triples"] == number_of_triples(N) == 2488
    assert [path.name for path in folder.parent.iterdir()] == ["store"]
    assert found["bytes"] > 100_000
    assert found["load"]["loaded"]["cpu_s"] > 0


def test_rows_are_those_of_geometry_alone(measured: tuple[Path, dict[str, Any]]) -> None:
    rows = {query["name"]: query["rows"] for query in measured[1]["queries"]}
    grid = Grid(N)
    land = shapely.from_wkt([hexagon(x, y, grid.side) for x, y in centres(N, grid.dx, grid.side)])
    points = shapely.from_wkt(
        [
            line.split('"')[1]
            for piece in triples(N)
            for line in piece.split("\n")
            if "/pointOfInterest/" in line and '"POINT' in line
        ]
    )
    tagged = np.arange(1, N * N + 1) % grid.max_tag == 0
    parts = (1.0, 0.75, 0.5, 0.25, 0.1, 0.001)
    for first, shapes, area, relation in ((1, land, window, "intersects"), (13, points, strip, "within")):
        for i, part in enumerate(parts):
            holds = getattr(shapely, relation)(shapes, shapely.from_wkt(area(N, part)))
            assert rows[f"S{first + 2 * i:02d}"] == holds.sum()
            assert rows[f"S{first + 2 * i + 1:02d}"] == (holds & tagged).sum()
    assert (rows["T1"], rows["T2"], rows["T3"], rows["L1"]) == (18, 144, 2, 1)


def test_a_store_with_the_data_is_used_again(measured: tuple[Path, dict[str, Any]]) -> None:
    again = run_geographica(N, store=measured[0], only=["J01"], limits=Limits(runs=2, threads=1))
    assert again["load"] is None
    assert [query["name"] for query in again["queries"]] == ["J01"]
    assert len(again["queries"][0]["cpu"]) == 2
    joined = next(query for query in measured[1]["queries"] if query["name"] == "J01")
    assert (again["queries"][0]["rows"], again["queries"][0]["digest"]) == (joined["rows"], joined["digest"])
    with pytest.raises(UsageError, match="not those of scale 12, divided by 100"):
        run_geographica(N, divide=100, store=measured[0])


def test_the_table_has_every_query(measured: tuple[Path, dict[str, Any]]) -> None:
    text = geographica_table(measured[1])
    assert "2,488 triples" in text
    assert len([line for line in text.splitlines() if line[:1] in {"T", "L", "S", "J"} and line[1:2].isdigit()]) == 40
    stopped = {**measured[1], "queries": [{"name": "J01", "label": "x", "timeout": 2.0, "spent": 1.0}]}
    assert "J01    x  stopped after 2 s" in geographica_table(stopped)


def test_the_command_prints_a_table_or_json() -> None:
    runner = CliRunner()
    done = runner.invoke(app, ["bench", "geographica", "--scale", "3", "--only", "T1", "--runs", "1", "--json", "-q"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["queries"][0]["rows"] == 4
    assert isinstance(runner.invoke(app, ["bench", "geographica", "--scale", "2"]).exception, UsageError)
    wrong = runner.invoke(app, ["bench", "geographica", "--only", "S99"]).exception
    assert isinstance(wrong, UsageError)
    assert "no query 'S99'" in str(wrong)


def test_a_query_that_takes_too_long_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    limits = Limits(runs=1, seconds=0.001, threads=1)
    found = run_geographica(6, only=["T2", "J01"], limits=limits, say=said.append)
    assert [query["timeout"] for query in found["queries"]] == [0.001, 0.001]
    assert "  semcube: T2 stopped after 0.001 s" in said
