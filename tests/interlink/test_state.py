# SPDX-License-Identifier: Apache-2.0
"""Runs that go on where another stopped, and runs with more rows."""

from __future__ import annotations

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

from semcube.errors import UsageError
from semcube.interlink import interlink

NAMES = {"source_iri": "http://e/a/{id}", "target_iri": "http://e/b/{id}", "source_crs": "CRS84", "target_crs": "CRS84"}


def table(count: int, seed: int) -> pa.Table:
    random = np.random.default_rng(seed)
    low = random.uniform(0, 50, (count, 2))
    boxes = shapely.box(*low.T, *(low + random.uniform(1, 4, (count, 2))).T)
    return pa.table({"id": range(count), "geometry": pa.array(shapely.to_wkb(boxes), pa.binary())})


def rows(links: Any) -> list[tuple[str, ...]]:
    found = [tuple(row.values()) for row in links.table.to_pylist()]
    assert len(found) == len(set(found))
    return sorted(found)


A, B = table(200, 1), table(500, 2)
MORE = {"chunk_bytes": 5000, **NAMES}


@pytest.mark.parametrize("processes", [1, 2])
def test_a_second_run_verifies_nothing(tmp_path: Path, processes: int) -> None:
    whole = interlink(A, B, **NAMES)
    first = interlink(A, B, state=tmp_path / "s", processes=processes, **MORE)
    again = interlink(A, B, state=tmp_path / "s", processes=processes, **MORE)
    assert rows(first) == rows(again) == rows(whole)
    assert first.report.verified == whole.report.verified
    assert (again.report.verified, again.report.known) == (0, whole.report.candidates)
    others = interlink(A, B, state=tmp_path / "s", relations="eh", **NAMES)
    assert rows(others) == rows(interlink(A, B, relations="eh", **NAMES))
    assert others.report.verified == 0


def test_only_new_pairs_are_verified(tmp_path: Path) -> None:
    counts = []
    for a, b in ((100, 300), (100, 500), (200, 500), (150, 400), (200, 500)):
        part = interlink(A[:a], B[:b], state=tmp_path / "s", **MORE)
        whole = interlink(A[:a], B[:b], **NAMES)
        assert rows(part) == rows(whole)
        assert part.report.known + part.report.verified == whole.report.candidates
        counts.append((part.report.verified, whole.report.candidates))
    assert counts[0][0] == counts[0][1]
    assert [verified for verified, _ in counts[1:]] == [
        counts[1][1] - counts[0][1], counts[2][1] - counts[1][1], 0, 0,
    ]  # fmt: skip


TIMES = {"source_time": "begin,end", "target_time": "begin,end"}
KINDS: list[dict[str, Any]] = [
    {"relations": "all"}, {"within": 30_000.0}, {"nearest": 3}, {"similar": "hausdorff", "at_most": 3.0},
    {"similar": "frechet", "at_most": 4.0}, {"relations": "none", "temporal": "overlaps,meets,before", **TIMES},
    {"relations": "sf", "temporal": "overlaps,during", **TIMES}, {"within": 90_000.0, "temporal": "overlaps", **TIMES},
]  # fmt: skip


def timed(content: pa.Table, seed: int) -> pa.Table:
    begin = np.random.default_rng(seed).integers(0, 1000, len(content))
    columns = {
        name: pa.array(days, pa.int32()).cast(pa.date32()) for name, days in (("begin", begin), ("end", begin + 300))
    }
    for name, days in columns.items():
        content = content.append_column(name, days)
    return content


def label(kind: dict[str, Any]) -> str:
    return "-".join(str(kind[name]) for name in kind if not name.endswith("_time"))


@pytest.mark.parametrize("kind", KINDS, ids=label)
def test_every_kind_of_relation_is_resumed(tmp_path: Path, kind: dict[str, Any]) -> None:
    """Rows are added on either side, change their time, go and come back; nothing known is tested again."""
    first, second = timed(A, 5), timed(B, 6)
    moved = pa.concat_tables([timed(A[:20], 7), first[20:]])
    choices = {**MORE, **kind}
    steps = [
        (first[:100], second[:300]),
        (first[:100], second),
        (first, second),
        (moved, second[100:]),
        (first, second),
    ]
    verified, work = [], []
    for a, b in steps:
        part = interlink(a, b, state=tmp_path / "s", **choices)
        whole = interlink(a, b, **choices)
        assert rows(part) == rows(whole)
        assert whole.report.links > 0
        verified.append(part.report.verified)
        work.append(whole.report.verified)
    assert verified[0] == work[0]
    assert verified[1] < work[1]
    assert verified[2] < work[2]
    assert verified[4] == 0


def test_a_changed_geometry_is_new(tmp_path: Path) -> None:
    interlink(A, B, state=tmp_path / "s", **MORE)
    moved = shapely.to_wkb(shapely.transform(shapely.from_wkb(B.column("geometry").to_numpy()[:50]), lambda xy: xy + 1))
    other = pa.concat_tables([B[:0], pa.table({"id": range(50), "geometry": pa.array(moved, pa.binary())}), B[50:]])
    changed = interlink(A, other, state=tmp_path / "s", **MORE)
    assert rows(changed) == rows(interlink(A, other, **NAMES))
    assert 0 < changed.report.verified < changed.report.known


@pytest.mark.parametrize("kind", [KINDS[0], KINDS[2], {**KINDS[5], "temporal": "meets,starts"}], ids=label)
def test_a_killed_run_goes_on(tmp_path: Path, kind: dict[str, Any]) -> None:
    a, b = timed(table(400, 3), 5), timed(table(2000, 4), 6)
    for name, content in (("a", a), ("b", b)):
        pq.write_table(content, tmp_path / f"{name}.parquet", row_group_size=50)
    code = (
        "from semcube.interlink import interlink\n"
        "import time\n"
        "def slow(done): time.sleep(0.1)\n"
        f"choices = { {**MORE, **kind, 'chunk_bytes': 10000}!r}\n"
        "interlink('a.parquet', 'b.parquet', 'links.nt', state='s', progress=slow, **choices)"
    )
    running = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("s/met-*.parquet"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    running.kill()
    running.wait()
    assert not (tmp_path / "links.nt").exists()
    options = {**NAMES, **kind, "chunk_bytes": 10000}
    names = (tmp_path / "a.parquet", tmp_path / "b.parquet")
    rest = interlink(*names, state=tmp_path / "s", **options)
    whole = interlink(*names, **options)
    assert rows(rest) == rows(whole)
    assert 0 < rest.report.verified < whole.report.verified


def test_other_choices_need_another_folder(tmp_path: Path) -> None:
    interlink(A, B, state=tmp_path / "s", **NAMES)
    with pytest.raises(UsageError, match="with invalid 'repair', not 'skip'"):
        interlink(A, B, state=tmp_path / "s", invalid="skip", **NAMES)
    with pytest.raises(UsageError, match="a state and a budget"):
        interlink(A, B, state=tmp_path / "s", budget=5, **NAMES)
