# SPDX-License-Identifier: Apache-2.0
"""Several processes, against one."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from semcube.errors import RowError
from semcube.interlink import interlink
from semcube.interlink.parallel import start_method

NAMES = {"source_iri": "http://e/a/{id}", "target_iri": "http://e/b/{id}", "source_crs": "CRS84", "target_crs": "CRS84"}
BOW = shapely.from_wkt("POLYGON ((0 0, 9 9, 9 0, 0 9, 0 0))")
COUNTS = ("candidates", "verified", "errors", "related", "links", "relations", "matrices")


def table(count: int, seed: int) -> pa.Table:
    """Boxes, some rows invalid, empty, missing, or of the same name."""
    random = np.random.default_rng(seed)
    low = random.uniform(0, 40, (count, 2))
    shapes = np.asarray(shapely.box(*low.T, *(low + random.uniform(1, 4, (count, 2))).T), dtype=object)
    shapes[[3, count // 2, count - 1]] = BOW
    shapes[5], shapes[7] = None, shapely.Polygon()
    names = np.arange(count)
    names[[11, count - 3]] = 10
    return pa.table({"id": names, "geometry": pa.array(shapely.to_wkb(shapes), pa.binary())})


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sides")
    pq.write_table(table(150, 1), folder / "a.parquet", row_group_size=40)
    pq.write_table(table(900, 2), folder / "b.parquet", row_group_size=100)
    return folder


RUN = """
import json, sys
from semcube.interlink import interlink
from semcube.interlink.parallel import start_method
from pathlib import Path
if __name__ == "__main__":
    if sys.argv[1] == "spawn":
        import duckdb
    assert start_method() == sys.argv[1]
    folder = Path(sys.argv[2])
    source, target = folder / "a.parquet", (None if sys.argv[3] == "self" else folder / "b.parquet")
    choices = json.loads(sys.argv[4])
    made = [
        interlink(source, target, f"links{count}.nt", processes=count, chunk_bytes=20000, **choices).report.as_dict()
        for count in (1, 2)
    ]
    print(json.dumps(made))
"""


@pytest.mark.parametrize(
    ("way", "with_itself", "choices"),
    [
        ("fork", False, {"relations": "all"}),
        ("fork", True, {"relations": "sf", "minimal": True}),
        ("fork", False, {"nearest": 3, "with_distance": True}),
        ("spawn", False, {"relations": "sf,ehCovers"}),
    ],
    ids=str,
)
@pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")
def test_the_same_lines_and_counts(
    files: Path, tmp_path: Path, way: str, with_itself: bool, choices: dict[str, Any]
) -> None:
    script = tmp_path / "run.py"
    script.write_text(RUN)
    side = "self" if with_itself else "two"
    command = [sys.executable, str(script), way, str(files), side, json.dumps({**NAMES, **choices})]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    one, two = json.loads(done.stdout)
    lines = [sorted((tmp_path / f"links{count}.nt").read_text().splitlines()) for count in (1, 2)]
    assert lines[0] == lines[1]
    assert len(lines[0]) >= one["links"] > 100
    assert {name: one[name] for name in COUNTS} == {name: two[name] for name in COUNTS}
    for name in ("source", "target"):
        for report in (one, two):
            report[name]["invalid_iris"].sort()
        assert one[name] == two[name]
        assert one[name]["invalid"] == 3
        assert one[name]["duplicates"] == 2
        assert (one[name]["missing"], one[name]["empty"]) == (1, 1)
    assert {path.name for path in tmp_path.iterdir()} == {"run.py", "links1.nt", "links2.nt"}


@pytest.mark.parametrize("name", ["links.parquet", "links.ttl", None])
def test_other_outputs(files: Path, tmp_path: Path, name: str | None) -> None:
    sides = files / "a.parquet", files / "b.parquet"
    choices = {**NAMES, "chunk_bytes": 20_000, "minimal": True}
    whole = interlink(*sides, **choices).table
    assert whole is not None
    made = interlink(*sides, None if name is None else tmp_path / name, processes=2, **choices)
    assert made.report.links == whole.num_rows
    if name is None:
        assert made.table is not None
        assert sorted(map(str, made.table.to_pylist())) == sorted(map(str, whole.to_pylist()))
    elif name.endswith("parquet"):
        assert sorted(map(str, pq.read_table(tmp_path / name).to_pylist())) == sorted(map(str, whole.to_pylist()))


def test_errors_come_from_the_processes(files: Path, tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"id": ["http://e/ok", "no iri"], "geometry": shapely.to_wkb([BOW, BOW])}), tmp_path / "c.parquet"
    )
    names = {**NAMES, "target_iri": "id"}
    with pytest.raises(RowError, match=r"c\.parquet, row 1, column id: 'no iri' is no absolute IRI"):
        interlink(files / "a.parquet", tmp_path / "c.parquet", tmp_path / "l.nt", processes=2, **names)
    assert {path.name for path in tmp_path.iterdir()} == {"c.parquet"}


ENDLESS = """
import multiprocessing, sys, time
from semcube.interlink import interlink

def slow(rows):
    print(*[child.pid for child in multiprocessing.active_children()], flush=True)
    time.sleep(60)

choices = {"source_iri": "http://e/{id}", "target_iri": "http://e/{id}", "source_crs": "CRS84", "target_crs": "CRS84"}
sides = (sys.argv[1] + "/a.parquet", sys.argv[1] + "/b.parquet")
interlink(*sides, "l.nt", processes=2, chunk_bytes=5000, progress=slow, **choices)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a service of Linux")
def test_processes_end_with_a_killed_run(files: Path, tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text(ENDLESS)
    command = [sys.executable, "run.py", str(files)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        children = [Path("/proc") / pid for pid in running.stdout.readline().split()]
        assert len(children) == 2
        assert all(child.exists() for child in children)
        running.kill()
    deadline = time.monotonic() + 20
    while any(is_alive(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(is_alive(child) for child in children)
    assert not (tmp_path / "l.nt").exists()


def is_alive(process: Path) -> bool:
    """Whether there is such a process that is not only waiting to be collected."""
    try:
        return process.joinpath("stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_databases_are_not_forked() -> None:
    import duckdb

    assert duckdb.__name__ in sys.modules
    assert start_method() == "spawn"
