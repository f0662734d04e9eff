# SPDX-License-Identifier: Apache-2.0
"""Compatible solution mappings (section 18.3): the kernel of Join, LeftJoin, Minus and of semi-joins.

Two solutions are compatible if each variable that both bind has the same term in both. Rows of both sides are
partitioned by which of the shared variables they bind; each pair of partitions is an equality join on the variables
that both bind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from semcube.sparql.evaluate.solutions import Solutions
from semcube.sparql.evaluate.tables import PAIR_ROWS, EqualRows, bound_masks

__all__ = ["CompatibleRows", "merge"]

MAX_SHARED = 62
"""Shared variables beyond this number are compared after the join."""


class CompatibleRows:
    """The build side of a join.

    Args:
        build: The solutions to look in.
        shared: The variables that the other side may bind too.

    Example:
        >>> build = Solutions({"x": np.array([5, 0]), "y": np.array([8, 9])}, 2)
        >>> probe = Solutions({"x": np.array([5])}, 1)
        >>> [p.tolist() for pair in CompatibleRows(build, ["x"]).pairs(probe) for p in pair]
        [[0], [1], [0], [0]]
    """

    def __init__(self, build: Solutions, shared: Sequence[str]) -> None:
        self.build = build
        self.shared = [name for name in shared if name in build.columns][:MAX_SHARED]
        self._rest = [name for name in shared if name in build.columns][MAX_SHARED:]
        masks = bound_masks(build, self.shared)
        self._parts = {int(m): np.flatnonzero(masks == m) for m in np.unique(masks)}
        self._tables: dict[tuple[int, int], EqualRows] = {}

    def _table(self, part: int, both: int) -> EqualRows:
        """The rows of a partition, findable by the variables of the bit mask ``both``."""
        if (part, both) not in self._tables:
            rows = self._parts[part]
            columns = [self.build.columns[name][rows] for name in self._names(both)]
            self._tables[part, both] = EqualRows(columns, len(rows))
        return self._tables[part, both]

    def _names(self, mask: int) -> list[str]:
        return [name for bit, name in enumerate(self.shared) if mask >> bit & 1]

    def _partitions(self, probe: Solutions) -> Iterator[tuple[np.ndarray, int, int]]:
        """Probe rows with a build partition and the variables that both bind."""
        masks = bound_masks(probe, self.shared)
        for mine in np.unique(masks).tolist():
            rows = np.flatnonzero(masks == mine)
            for part in self._parts:
                yield rows, part, part & mine

    def pairs(self, probe: Solutions, limit: int = PAIR_ROWS) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Compatible rows as pairs (probe row, build row), about ``limit`` at a time."""
        for rows, part, both in self._partitions(probe):
            columns = [probe.columns[name][rows] for name in self._names(both)]
            for theirs, ours in self._table(part, both).pairs(columns, len(rows), limit):
                left, right = rows[theirs], self._parts[part][ours]
                keep = self._rest_agrees(probe, left, right)
                yield (left, right) if keep is None else (left[keep], right[keep])

    def _rest_agrees(self, probe: Solutions, left: np.ndarray, right: np.ndarray) -> np.ndarray | None:
        """Compatibility on the variables beyond ``MAX_SHARED``."""
        keep: np.ndarray | None = None
        for name in self._rest:
            a, b = probe.column(name)[left], self.build.columns[name][right]
            agree = (a == b) | (a == 0) | (b == 0)
            keep = agree if keep is None else keep & agree
        return keep

    def compatible(self, probe: Solutions, *, overlapping: bool = False) -> np.ndarray:
        """Whether each probe row has a compatible build row (that shares a bound variable, where ``overlapping``)."""
        found = np.zeros(probe.rows, bool)
        if self._rest:
            for left, right in self.pairs(probe):
                hit = self._overlaps(probe, left, right) if overlapping else np.ones(len(left), bool)
                found[left[hit]] = True
            return found
        for rows, part, both in self._partitions(probe):
            if overlapping and not both:
                continue
            columns = [probe.columns[name][rows] for name in self._names(both)]
            found[rows] |= self._table(part, both).contains(columns, len(rows))
        return found

    def _overlaps(self, probe: Solutions, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        hit = np.zeros(len(left), bool)
        for name in (*self.shared, *self._rest):
            hit |= (probe.column(name)[left] != 0) & (self.build.columns[name][right] != 0)
        return hit


def merge(left: Solutions, right: Solutions, rows_left: np.ndarray, rows_right: np.ndarray) -> Solutions:
    """The merges of compatible pairs of rows."""
    columns = {name: column[rows_left] for name, column in left.columns.items()}
    for name, column in right.columns.items():
        other = column[rows_right]
        mine = columns.get(name)
        columns[name] = other if mine is None else np.where(mine != 0, mine, other)
    return Solutions(columns, len(rows_left))
