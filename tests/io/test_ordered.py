# SPDX-License-Identifier: Apache-2.0
"""A file that several writers make in turn holds their parts in order, whoever is slow."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from semcube.io import ordered
from semcube.io.ordered import OrderedOutput, Stopped, ring

PARTS = [bytes([65 + n]) * (n * 37 % 23) for n in range(26)]


def write(path: Path, writers: int, part: Callable[[OrderedOutput, int], None], compression: str | None = None) -> None:
    """Every writer in a thread of its own."""
    path.touch()
    ends = ring(writers)

    def run(number: int) -> None:
        with OrderedOutput(path, number, writers, ends[number], compression) as output:
            try:
                for place in range(len(PARTS)):
                    if output.begin():
                        part(output, place)
                        output.end()
            finally:
                for each in ends[number]:
                    each.close()

    with ThreadPoolExecutor(writers) as pool:
        for each in [pool.submit(run, number) for number in range(writers)]:
            each.result(20)


@pytest.mark.parametrize("writers", [1, 2, 3, 40])
@pytest.mark.parametrize("held", [0, 10, 1 << 20])
def test_parts_stand_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writers: int, held: int) -> None:
    monkeypatch.setattr(ordered, "_HELD", held)
    waits = np.random.default_rng(writers).uniform(0, 0.002, len(PARTS))

    def part(output: OrderedOutput, place: int) -> None:
        time.sleep(waits[place])
        assert output.write(PARTS[place][:5]) == len(PARTS[place][:5])
        output.write(pa.py_buffer(PARTS[place][5:]))

    write(tmp_path / "f", writers, part)
    assert (tmp_path / "f").read_bytes() == b"".join(PARTS)


def test_compressed_parts_are_members(tmp_path: Path) -> None:
    write(tmp_path / "f.gz", 3, lambda output, place: output.write(PARTS[place]) and None, "gzip")
    assert gzip.decompress((tmp_path / "f.gz").read_bytes()) == b"".join(PARTS)


def test_who_waits_for_one_that_stopped_stops(tmp_path: Path) -> None:
    done = []

    def part(output: OrderedOutput, place: int) -> None:
        if place == 7:
            raise KeyError(place)
        output.write(PARTS[place])
        done.append(place)

    with pytest.raises((KeyError, Stopped)):
        write(tmp_path / "f", 3, part)
    assert set(range(7)) <= set(done), "what comes before it is complete"
    assert max(done) < 11
