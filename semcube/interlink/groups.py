# SPDX-License-Identifier: Apache-2.0
"""One group of a linking in partitions: the pairs of what it was sent, each related in one group only."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from semcube.interlink.batch import Linking
from semcube.interlink.identity import Duplicates
from semcube.interlink.links import LinkBatch, write_links
from semcube.interlink.matching import Matcher
from semcube.interlink.partition_input import Sides, features, fresh, opened
from semcube.interlink.report import LISTED, Report
from semcube.interlink.tiles import Layout
from semcube.interlink.time import allen

__all__ = ["GroupReport", "GroupWriter", "Meeting", "identities"]

_ROWS = 20_000
_PAIRS = 1_000_000


@dataclass
class GroupReport:
    """What came of a group; travels back."""

    report: Report | None = None
    invalid: list[tuple[np.ndarray, list[str]]] = field(default_factory=lambda: [(np.empty(0, np.int64), [])] * 2)
    """By side the numbers of invalid rows, each once, and the IRIs of the first; a row may be met in several groups."""
    counts: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """Sides and what was counted while they were read."""
    duplicates: list[tuple[int, list[str]]] = field(default_factory=lambda: [(0, []), (0, [])])
    """By side how many IRIs were repeated, and the first of them."""
    sampled: tuple[int, int, int] = (0, 0, 0)
    """Of a run with a budget, the pairs that were not verified, those of the random sample that are like them, and how
    many of these are related."""
    cpu: float = 0.0
    """CPU seconds of the group."""
    links: pa.Table | None = None
    """The links, where they are not written to a file."""


class Meeting:
    """The two sides of a group and their candidate pairs.

    Args:
        linking: The relations, and the counts of this group.
        batches: What the group was sent.
        tile: Which tile it is, with the layout; None for a group of a giant.
        layout: Where features were sent.
    """

    def __init__(self, linking: Linking, batches: list[pa.RecordBatch], tile: int | None, layout: Layout) -> None:
        self.linking, self.tile, self.layout = linking, tile, layout
        self.own = layout.self_join
        self.sides = [features(batches, 0)]
        self.sides.append(self.sides[0] if self.own else features(batches, 1))
        first, second = (each.chunk for each in self.sides)
        self.chunks = (first, second)
        temporal = linking.either_way(linking.temporal)
        self.matcher = Matcher(first, linking.options.invalid, temporal=temporal)
        self.checked = (self.matcher.checked, self.matcher.checked if self.own else np.zeros(len(second), dtype=bool))
        self.bad: list[list[np.ndarray]] = [[], []]

    def candidates(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows of both sides, at most a million at a time."""
        held, stream = self.sides
        if not len(held) or not len(stream):
            return
        asking = np.arange(len(stream))
        if self.own and self.tile is None:
            # The others meet each other in the tiles.
            asking = np.flatnonzero(stream.giant)
        for start in range(0, len(asking), _ROWS):
            some = asking[start : start + _ROWS]
            first, second = self.matcher.find(stream.boxes[some])
            first, second = self._once(first, some[second])
            if self.tile is not None:
                mine = self.layout.tiling.owns(self.tile, held.boxes[first], stream.boxes[second])
                first, second = first[mine], second[mine]
            first, second = self._in_time(first, second)
            for low in range(0, len(first), _PAIRS):
                yield first[low : low + _PAIRS], second[low : low + _PAIRS]

    def _once(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of a side with itself each pair once, the earlier row first."""
        if not self.own:
            return first, second
        if self.tile is None:
            first, second = np.minimum(first, second), np.maximum(first, second)
        once = first < second
        return first[once], second[once]

    def _in_time(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        times = [chunk.periods for chunk in self.chunks]
        if not self.matcher.temporal or times[0] is None or times[1] is None:
            return first, second
        holds = allen(times[0].take(first), times[1].take(second), self.matcher.temporal)
        in_time = np.logical_or.reduce(list(holds.values()))
        return first[in_time], second[in_time]

    def verify(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The codes of the matrices of pairs, and which of them share a point."""
        verifier = self.matcher.verifier
        errors = verifier.errors
        for side, rows in enumerate((first, second)):
            bad = verifier.check(self.chunks[side], rows, self.checked[side])
            self.bad[0 if self.own else side].append(bad)
        codes = verifier.relate(self.chunks[1], first, second)
        self.linking.report.verified += len(first)
        self.linking.report.errors += verifier.errors - errors
        return codes, self.matcher.meets(codes)

    def links(self, first: np.ndarray, second: np.ndarray, codes: np.ndarray) -> Iterator[LinkBatch]:
        """The links of related pairs."""
        yield from self.linking.links_of((self.chunks[0], first), (self.chunks[1], second), codes, self.matcher)

    def batches(self) -> Iterator[LinkBatch]:
        """All links of the group."""
        for first, second in self.candidates():
            self.linking.report.candidates += len(first)
            codes, meets = self.verify(first, second)
            yield from self.links(first[meets], second[meets], codes[meets])

    def invalid(self) -> list[tuple[np.ndarray, list[str]]]:
        """By side the numbers and some IRIs of invalid rows."""
        found = []
        for side, parts in enumerate(self.bad):
            rows = np.unique(np.concatenate([np.empty(0, np.int64), *parts]))
            iris = self.chunks[side].iris.take(pa.array(rows[:LISTED])).to_pylist()
            found.append((self.sides[side].rows[rows], iris))
        return found


@dataclass(frozen=True)
class GroupWriter:
    """Writes the links of groups to files; travels to the workers."""

    sides: Sides
    layout: Layout
    folder: Path | None = None
    """Where the files go; without one the links travel back."""
    ending: str = ""

    def __call__(self, group: int, batches: Iterator[pa.RecordBatch]) -> GroupReport:
        """The links of a group in a file that appears when it is complete; there is none if there are no links."""
        begun = time.process_time()
        result = self.linked(group, batches) if group < self.layout.groups else identities(batches)
        result.cpu = time.process_time() - begun
        return result

    def linked(self, group: int, batches: Iterator[pa.RecordBatch]) -> GroupReport:
        """All links of a group."""
        meeting = self.meeting(group, batches)
        links = self.write(meeting.linking, group, meeting.batches())
        return GroupReport(meeting.linking.report, meeting.invalid(), links=links)

    def meeting(self, group: int, batches: Iterator[pa.RecordBatch]) -> Meeting:
        """What met in a group."""
        tile = group if group < len(self.layout.tiling) else None
        return Meeting(fresh(opened(self.sides)), list(batches), tile, self.layout)

    def write(self, linking: Linking, group: int, links: Iterator[LinkBatch]) -> pa.Table | None:
        """Write links, counted; without a folder, give them back."""
        counted = linking.counted(links)
        first = next((batch for batch in counted if len(batch)), None)
        if first is None:
            return None
        output = None if self.folder is None else self.folder / f"part-{group:05d}{self.ending}"
        return write_links(chain([first], counted), output)


def identities(batches: Iterator[pa.RecordBatch]) -> GroupReport:
    """The counts of what was read, and the IRIs that were read twice."""
    result = GroupReport()
    seen = (Duplicates(), Duplicates())
    for batch in batches:
        if "report" in batch.schema.names:
            pairs = zip(batch.column("side").to_pylist(), batch.column("report").to_pylist(), strict=True)
            result.counts += [(side, json.loads(text)) for side, text in pairs]
        elif batch.num_rows:
            side = batch.column("side")[0].as_py()
            count, iris = result.duplicates[side]
            again = seen[side].repeated(batch.column("iri"))
            result.duplicates[side] = (count + len(again), (iris + again)[:LISTED])
    return result
