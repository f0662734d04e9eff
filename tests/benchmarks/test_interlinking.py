# SPDX-License-Identifier: Apache-2.0
"""The benchmark of interlinking: comparing pairs, counting relations, measuring commands, drawing."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from benchmarks.interlinking import curves, lines, measure, oracle, page, sets


def pairs(*rows: tuple[int, int, str]) -> np.ndarray:
    return np.array([(first, second, matrix.encode()) for first, second, matrix in rows], oracle.PAIRS)


def test_pairs_are_compared_whatever_their_order() -> None:
    a = pairs((1, 2, "212101212"), (0, 5, "0FFFFFFF2"))
    assert oracle.compare(a, a[::-1]) == []
    b = pairs((0, 5, "0FFFFFFF2"), (1, 2, "212111212"), (3, 3, "0FFFFFFF2"))
    different = oracle.compare(a, b)
    assert different == [(1, 2, "212101212", "212111212"), (3, 3, "none", "0FFFFFFF2")]
    assert oracle.of_other_relations(different) == 1, "the first two matrices stand for the same relations"


def test_the_nine_relations_are_counted() -> None:
    found = oracle.of_matrices(
        pairs((0, 0, "2FFF1FFF2"), (0, 1, "212F11FF2"), (0, 2, "FF2F01212"), (1, 1, "212F11FF2"))
    )
    assert found == {
        "Intersects": 4, "Touches": 1, "Crosses": 0, "Within": 1, "Contains": 3, "Overlaps": 0, "Equals": 1,
        "Covers": 3, "CoveredBy": 1,
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    squares = shapely.box([0, 10, 20], 0, [8, 18, 28], 8)
    dots = shapely.points([[1, 1], [9, 1], [11, 3], [8, 8], [25, 9]])
    sets.write(tmp_path / "squares.parquet", squares)
    sets.write(tmp_path / "dots.parquet", np.append(dots, shapely.from_wkt("LINESTRING (18.5 7, 20.5 9)")))
    monkeypatch.setitem(sets.PAIRINGS, "A", sets.Pairing("squares x dots", "squares", "dots"))
    monkeypatch.setitem(sets.PAIRINGS, "B", sets.Pairing("dots, with themselves", "dots", None))
    return tmp_path


def test_pairs_found_here_are_rows(folder: Path) -> None:
    found, candidates = oracle.of_semcube(sets.PAIRINGS["A"], folder)
    assert sorted(found.tolist()) == [(0, 0, b"0F2FF1FF2"), (0, 3, b"FF20F1FF2"), (1, 2, b"0F2FF1FF2")]
    assert candidates == 4
    assert len(oracle.of_semcube(sets.PAIRINGS["B"], folder)[0]) == 0


def test_curves_end_at_one(folder: Path) -> None:
    found = curves.curves("A", folder)
    assert found is not None
    assert (found["candidates"], found["related"]) == (4, 3)
    assert found["scores"]["optimum"]["pgr"] == pytest.approx((1 / 3 + 2 / 3 + 1 + 1) / 4, abs=1e-3)
    for one in found["scores"].values():
        assert one["recall"][-1] == 1
        assert one["pgr"] <= found["scores"]["optimum"]["pgr"]
    assert curves.curves("B", folder) is None


def test_a_command_and_what_it_starts_are_measured() -> None:
    child = "subprocess.run([sys.executable, '-c', 'x = sum(range(4 * 10**6))'])"
    script = f"import subprocess, sys; b = bytearray(60 * 2**20); {child}"
    cost = measure.isolated([sys.executable, "-c", script])
    assert 0.05 < cost.cpu < 20
    assert 60 < cost.peak < 1000
    assert cost.wall > 0
    with pytest.raises(RuntimeError, match="no such thing"):
        measure.isolated([sys.executable, "-c", "raise SystemExit('no such thing')"])


def test_the_page_has_what_was_measured(tmp_path: Path) -> None:
    counts = dict.fromkeys(oracle.NINE, 1234)
    found = {
        "oracle/A": {
            "candidates": 9, "candidates_here": 9, "asked": 9, "related": 5, "related_here": 5, "different": 0,
            "matrices": 1, "matrices_ng": 0, "counts": counts, "counts_here": counts,
            "cpu": 2.0, "wall": 1.0, "peak": 7.0,
        },
        "semcube/A": {"cpu": 1.25, "wall": 1.0, "peak": 250.0},
    }  # fmt: skip
    page.write(found, tmp_path / "interlinking.md")
    text = (tmp_path / "interlinking.md").read_text()
    assert "| A | 9 | 9 | 5 | 5 | 0 | 1 | 0 |" in text
    assert "| semcube | 1.2 | 1.0 | 250 | - | - | - |" in text
    assert "JedAI-spatial's CPU over semcube's: A 24.8." in text
    assert "| A | JTS | 1,234 |" in text


def test_lines_keep_their_colours() -> None:
    found = lines.panels("t", {"one": {"a": [(0, 0), (1, 2000)], "b <": [(0, 1)]}, "two": {"b <": [(0, 3)]}}, "x", "y")
    assert found.count("<polyline") == 3
    assert found.count(lines.COLOURS[1]) == 3
    assert ">2,000<" in found
    assert "b &lt;" in found


def test_sets_are_written_valid(tmp_path: Path) -> None:
    sets.write(
        tmp_path / "a.parquet", shapely.from_wkt(np.array(["POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))"], dtype=object))
    )
    table = pq.read_table(tmp_path / "a.parquet")
    assert shapely.is_valid(shapely.from_wkb(table.column("geometry").to_pylist())).all()
    assert table.schema.field("geometry").type == pa.binary()
