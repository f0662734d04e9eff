# SPDX-License-Identifier: Apache-2.0
"""How many rows a join has, from a sample of it: correlations between predicates count as they are.

Index-based join sampling (Leis, Radke, Gubichev, Kemper, Neumann 2017): some rows of the smallest leaf are joined with
the other leaves by look-ups, cut to a sample again wherever they grow. It needs nothing but the sorted columns that
look-ups use, so there is nothing to keep up to date; where a join is smaller than the sample, it is known exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from semcube.engines.look_ups import Probe, SortedQuads, leaves_of
from semcube.engines.relational import Column, Compute, Inline, Join, Relational, Scan, columns
from semcube.engines.rows import Declined, Rows, named, rows_of
from semcube.engines.sorted_pairs import Found

__all__ = ["SAMPLE", "Sample", "places", "sample"]

Ids = npt.NDArray[np.int64]

SAMPLE = 512
"""Rows of a sample."""
_GROWN = 4
"""A sample may grow to so many times its size before it is cut again."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Rows of a join, each standing for ``scale`` rows."""

    rows: Rows
    scale: float

    @property
    def expected(self) -> float:
        """Rows of the whole join; half a row's worth where the sample found none of many."""
        return self.rows.count * self.scale if self.rows.count or self.whole else self.scale / 2

    @property
    def whole(self) -> bool:
        """Whether the sample is the join."""
        return self.scale == 1.0


def places(rows: int, count: int) -> Ids:
    """Places of a stratified sample of rows: one from each of ``count`` parts, the same ones each time.

    Example:
        >>> places(3, 10).tolist(), len(places(1000, 10))
        ([0, 1, 2], 10)
    """
    if rows <= count:
        return np.arange(rows)
    within = np.random.default_rng(rows).random(count)
    return ((np.arange(count) + within) * (rows / count)).astype(np.int64)


def sample(plan: Relational, source: SortedQuads, count: int = SAMPLE) -> Sample:
    """A sample of a plan of inner joins of scans and known rows.

    Args:
        plan: Joins, scans, known rows; renamed or left out columns on top.
        source: The sorted columns.
        count: Rows of the sample, about.

    Raises:
        Declined: The plan is another one, or its columns are not at hand.
    """
    match plan:
        case Compute(below, pairs):
            found = sample(below, source, count)
            kept = {name: found.rows.columns[v.name] for name, v in pairs if isinstance(v, Column)}
            if len(kept) < len(named(tuple(name for name, _ in pairs))):
                raise Declined
            return Sample(Rows(kept, found.rows.count), found.scale)
        case Scan() | Join() | Inline():
            return _Sampler(source, count).run(plan)
        case _:
            raise Declined


class _Sampler:
    def __init__(self, source: SortedQuads, count: int) -> None:
        self._source = source
        self._count = count

    def run(self, plan: Relational) -> Sample:
        leaves: list[Probe | Inline] = []
        for leaf in leaves_of(plan):
            if not isinstance(leaf, Scan | Inline):
                raise Declined
            leaves.append(Probe.of(leaf, self._source) if isinstance(leaf, Scan) else leaf)
        first = min(leaves, key=_size)
        leaves.remove(first)
        chosen = places(_size(first), self._count)
        rows = first.at(chosen) if isinstance(first, Probe) else rows_of(first.table).take(chosen)
        found = Sample(rows, _size(first) / max(len(chosen), 1) or 1.0)
        while leaves:
            found = self._next(found, leaves)
        return Sample(found.rows.select(named(columns(plan))), found.scale)

    def _next(self, found: Sample, leaves: list[Probe | Inline]) -> Sample:
        """The sample joined with the leaf that gives the fewest rows."""
        probes = [leaf for leaf in leaves if isinstance(leaf, Probe) and leaf.names & found.rows.columns.keys()]
        if not probes:
            raise Declined
        ranges = [probe.ranges(found.rows) for probe in probes]
        best = min(range(len(probes)), key=lambda place: ranges[place].total)
        low, high, total = ranges[best].low, ranges[best].high, ranges[best].total
        leaves.remove(probes[best])
        if total <= _GROWN * self._count:
            return Sample(probes[best].extend(found.rows, ranges[best]), found.scale)
        ends = np.cumsum(high - low, dtype=np.int64)
        chosen = places(total, self._count)
        owner = np.searchsorted(ends, chosen, "right")
        place: Ids = high[owner] - (ends[owner] - chosen)
        rows = probes[best].extend(found.rows.take(owner), Found(place, place + 1, once=True))
        return Sample(rows, found.scale * total / len(chosen))


def _size(leaf: Probe | Inline) -> int:
    return leaf.size if isinstance(leaf, Probe) else leaf.table.num_rows
