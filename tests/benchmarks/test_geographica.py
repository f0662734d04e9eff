# SPDX-License-Identifier: Apache-2.0
"""The benchmark at a small size: data, queries, drivers in their processes, comparison of answers, pages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import shapely

from benchmarks import figures, series
from benchmarks.__main__ import hexagons, main
from benchmarks.reasons import UNKNOWN, explained, reason_of
from benchmarks.summary import summary
from semcube.bench.generator import Grid, triples, window
from semcube.bench.workload import synthetic

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_synthetic_queries_are_36_with_the_pairs_of_tags() -> None:
    queries = synthetic(12)
    assert [q.kind for q in queries].count("select") == 24
    assert [q.kind for q in queries].count("join") == 12
    assert len({q.texts["filter"] for q in queries}) == 36
    joins = {(q.plan["a"]["prefix"], q.plan["a"]["tag"], q.plan["b"]["tag"]) for q in queries if q.kind == "join"}
    assert joins == {(a, s, t) for a in ("lo", "st", "poi") for s in (1, 8) for t in (1, 8)}


def test_divided_coordinates_keep_their_shape() -> None:
    def size(divide: float) -> float:
        points = [line.split('"')[1] for piece in triples(6, divide) for line in piece.split("\n") if "POLYGON" in line]
        return float(shapely.union_all(shapely.from_wkt(points)).area)

    assert size(100.0) * 10_000 == pytest.approx(size(1.0), rel=1e-6)
    assert Grid(6, 100.0).dx == pytest.approx(Grid(6).dx / 100)
    assert shapely.from_wkt(window(6, 0.5, 100.0)).area * 1e4 == pytest.approx(shapely.from_wkt(window(6, 0.5)).area)


def test_size_from_a_number_of_triples() -> None:
    n = hexagons(100_000)
    assert sum(piece.count("\n") for piece in triples(n)) == pytest.approx(100_000, rel=0.03)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three engines at n = 12."""
    folder = tmp_path_factory.mktemp("bench")
    chosen = ["T1", "T3", "L1", "S01", "S04", "S15", "J01", "J05", "J10"]
    arguments = ["-n", "12", "--engines", "hand plan", "semcube", "pyoxigraph", "--runs", "1", "--only", *chosen]
    assert main([*arguments, "--work", str(folder / "work"), "--output", str(folder / "out")]) == 0
    return folder / "out"


def test_engines_agree_and_their_cost_is_kept(measured: Path) -> None:
    found = json.loads((measured / "synthetic-12.json").read_text(encoding="utf-8"))
    engines = found["engines"]
    assert list(engines) == ["hand plan", "semcube", "pyoxigraph"]
    for engine in engines.values():
        assert engine["load"]["bytes"] > 10_000
        assert engine["peak"] > 10_000_000
        assert {name: (f["rows"], f["digest"]) for name, f in engine["queries"].items()} == {
            q["name"]: figures.answers(found, q["name"]) for q in found["queries"]
        }
    rows = {name: f["rows"] for name, f in engines["semcube"]["queries"].items()}
    assert (rows["T1"], rows["S01"], rows["T3"], rows["L1"]) == (18, 144, 2, 1)


def test_pages_and_plots_are_written(measured: Path) -> None:
    page = (measured / "synthetic-12.md").read_text(encoding="utf-8")
    assert "| J05 | state [1] sfTouches state [1] | " in page
    assert "None." in page
    picture = ElementTree.fromstring((measured / "synthetic-12.svg").read_text(encoding="utf-8"))
    dots = picture.findall("{http://www.w3.org/2000/svg}circle")
    assert len(dots) == 3 + 3 * 9


def test_an_engine_that_takes_too_long_is_stopped_and_goes_on(tmp_path: Path) -> None:
    from semcube.bench.runner import Engine, Limits, measure

    driver = tmp_path / "driver.py"
    driver.write_text(
        "import json, sys, time\n"
        "job = json.load(open(sys.argv[1]))\n"
        "say = lambda **line: print(json.dumps(line), flush=True)\n"
        "if job['phase'] == 'load': say(loaded={'cpu_s': 1, 'wall_s': 1}, bytes=1, peak=1)\n"
        "else: say(opened={'cpu_s': 0, 'wall_s': 0})\n"
        "for query in job['queries']:\n"
        "    say(start=query['name'])\n"
        "    if query['name'] == 'S02': time.sleep(60)\n"
        "    if query['name'] == 'S04': sys.exit('out of memory')\n"
        "    say(name=query['name'], rows=1, digest='d', first_cpu=1, first_wall=1, cpu=[1], wall=[1])\n",
        encoding="utf-8",
    )
    engine = Engine("slow", "sleeps", (sys.executable, str(driver)))
    found = measure(engine, tmp_path / "none.nt", synthetic(12)[:5], tmp_path / "w", Limits(seconds=1.0))
    assert found["queries"]["S02"]["timeout"] == 1.0
    assert found["queries"]["S04"]["error"] == "out of memory"
    assert [name for name, figures in found["queries"].items() if figures.get("rows") == 1] == ["S01", "S03", "S05"]


def engine(rows: int, *cpu: float, **more: object) -> dict[str, object]:
    """Figures of an engine for one query."""
    asked = {"rows": rows, "digest": str(rows), "cpu": list(cpu), "wall": list(cpu), "first_cpu": 9.0}
    return {"title": "t", "queries": {"S11": asked}, **more}


def test_losses_and_differences_are_found() -> None:
    found: dict[str, Any] = {
        "set": "synthetic-12",
        "queries": [{"name": "S11", "label": "a selection"}],
        "engines": {
            "hand plan": engine(5, 1.0), "semcube": engine(5, 4.0), "postgis": engine(5, 3.0), "b": engine(6, 2.0),
            "c": engine(5, 5.0), "d": engine(5, 1.0, 2.0, 90.0),
        },
    }  # fmt: skip
    assert figures.differing(found, "b") == ["S11"]
    assert figures.losses(found) == [("S11", "d", 2.0, 4.0), ("S11", "postgis", 3.0, 4.0)]
    text = explained(found)
    assert "| S11 | 4.0 | d 2.0, postgis 3.0 | 1, 2 |" in text
    load = {"loaded": {"cpu_s": 2.0}, "bytes": 3e6}
    engines = {name: {**figures_of, "load": load, "at": "now"} for name, figures_of in found["engines"].items()}
    short = summary({**found, "engines": {**engines, "absent": {"missing": "not installed"}}}, "synthetic-12")
    assert "| d | 2.0 | 3.0 | 1 of 1 | 0 | 1 | 0.50 |" in short
    assert "| c | 2.0 | 3.0 | 1 of 1 | 0 | 0 | 1.25 |" in short
    assert "| b | 2.0 | 3.0 | 1 of 1 | 1 | - | - |" in short
    assert "| absent | - |" in short
    assert "1. d: Not looked into yet." in text
    assert f"2. postgis: {reason_of('synthetic-12', 'postgis', 'S11')}" in text


def test_every_loss_of_the_kept_runs_has_a_reason() -> None:
    kept = [json.loads(file.read_text(encoding="utf-8")) for file in (ROOT / "docs" / "benchmarks").glob("*.json")]
    runs = [run for run in kept if {"engines", "queries"} <= set(run)]  # other benchmarks keep figures there too
    lost = {(run["set"], peer, query) for run in runs for query, peer, _, _ in figures.losses(run)}
    assert [item for item in sorted(lost) if reason_of(*item) == UNKNOWN] == []


def test_growing_data_has_a_page_and_a_plot(tmp_path: Path) -> None:
    about = {"machine": {"at": "then"}, "queries": [{"name": "S11", "label": "a selection"}]}
    load = {"loaded": {"cpu_s": 1.0, "wall_s": 1.0}, "bytes": 5e6, "peak": 7e6}
    for scale, time in ((80, 2.0), (256, 4.0), (1000, 12.0)):
        engines = {name: engine(5, time, load=load, peak=8e6) for name in ("semcube", "hand plan")}
        (tmp_path / f"synthetic-{scale}.json").write_text(json.dumps({**about, "engines": engines}), encoding="utf-8")
    (tmp_path / "synthetic-80-100th.json").write_text("{}", encoding="utf-8")
    page = series.series_page(tmp_path)
    assert page is not None
    assert "x time for x15.2 data |" in page
    assert "| S11 | a selection | 2.0 (5) | 4.0 (5) | 12.0 (5) | 3.0 |" in page
    assert "| 15,576,802 | semcube | 1.0 | 1.0 | 5.0 | 7 | 8 |" in page
    picture = ElementTree.fromstring(series.plot_series(tmp_path))
    lines = picture.findall("{http://www.w3.org/2000/svg}polyline")
    assert [len(line.attrib["points"].split()) for line in lines] == [3, 3]


def test_a_budget_ends_the_questions_and_a_cold_answer_is_measured(tmp_path: Path) -> None:
    from semcube.bench.runner import Engine, Limits, ask

    driver = tmp_path / "driver.py"
    driver.write_text(
        "import json, sys, time\n"
        "job = json.load(open(sys.argv[1]))\n"
        "say = lambda **line: print(json.dumps(line), flush=True)\n"
        "say(opened={'cpu_s': 0, 'wall_s': 0})\n"
        "for query in job['queries']:\n"
        "    name = query['name']\n"
        "    say(start=name)\n"
        "    if name == 'J02': time.sleep(1.2)\n"
        "    say(ran=name, total_cpu=7)\n"
        "    say(name=name, rows=1, digest='d', first_cpu=1, first_wall=1, cpu=[1], wall=[1], peak=len(name))\n",
        encoding="utf-8",
    )
    sleepy = Engine("sleepy", "sleeps", (sys.executable, str(driver)))
    limits = Limits(seconds=5.0, budget=1.0, cold=("S02",))
    chosen = [q for q in synthetic(12) if q.name in {"S01", "S02", "J01", "J02", "J03", "J04"}]
    found = ask(sleepy, chosen, tmp_path, limits, say=lambda text: None)
    answered = [name for name, result in found["queries"].items() if "rows" in result]
    assert answered == ["S02", "J04", "S01", "J02"][: len(answered)]  # fewer where processes start slowly
    assert found["queries"]["J01"] == {"unasked": "its 1 s were used up"}
    assert found["peak"] == 3
    assert found["cold"]["S02"]["cpu"] == 7
    assert found["cold"]["S02"]["wall"] > 0


def test_help_names_the_options() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--triples" in done.stdout
    assert "--full" in done.stdout


def test_queries_on_real_data_parse_and_are_numbered() -> None:
    from benchmarks.geographica.real import queries
    from semcube.sparql.parser import parse_query

    asked = queries()
    assert [q.name for q in asked[:29]] == [f"Q{i:02d}" for i in range(1, 30)]
    for query in asked:
        assert parse_query(query.texts["filter"]) is not None


def test_real_layers_as_tables_by_class(tmp_path: Path) -> None:
    import duckdb

    from benchmarks.drivers import class_tables
    from benchmarks.geographica.layers import _lines

    data, target = tmp_path / "data.nt", tmp_path / "tables.duckdb"
    places = [('a "b" \\ c', "PPL", "POINT (1 2)"), ("", "", "POINT (3 4)")]
    areas = [("Land", "", "POLYGON ((0 0, 1 0, 1 1, 0 0))")]
    data.write_text("".join([*_lines("gag", "Area", areas), *_lines("gn", "Place", places)]), encoding="utf-8")
    assert class_tables.holds_layers(data)
    class_tables.build(data, target, 1)
    with duckdb.connect(str(target), read_only=True) as db:
        assert db.execute("SELECT * FROM Place").fetchall() == [
            (1, 'a "b" \\ c', "PPL", "POINT (1 2)"),
            (2, None, None, "POINT (3 4)"),
        ]
        assert db.execute("SELECT a.label, t.text FROM Area a JOIN terms t USING (id)").fetchall() == [
            ("Land", "<http://example.org/geographica/gag/1>")
        ]
        assert db.execute("SELECT count(*) FROM Ice").fetchall() == [(0,)]


def test_real_queries_are_asked_in_every_dialect() -> None:
    from benchmarks.geographica.real import queries

    chosen = {query.name: query for query in queries()}
    assert len(chosen) == 29 + 13
    assert all({"filter", "property", "sql"} <= set(query.texts) for query in chosen.values())
    assert [name for name, query in chosen.items() if "bif" in query.texts] == [
        "Q09", "Q10", "Q13", "Q19", "Q20", "Q21", "Q22", "Q23", "Q24", "M03",
    ]  # fmt: skip
    assert "?ag geo:sfTouches ?bg . FILTER(?a != ?b)" in chosen["Q26"].texts["property"]
