# SPDX-License-Identifier: Apache-2.0
"""The order in which candidates are verified, and how it follows what is found.

A score gives the first order. What was verified tells which share of the pairs of a rank is related (a rising curve,
by pooling adjacent violators), and for each source and each target whether it had more or fewer links than that. How
far such an excess says something about the other pairs of the same source, or of the same target, differs between
data: the rivers of a rainy country have many links; a lake in one country is in no other. So its weight is learned
too, for sources and for targets, from pairs whose excess was known before they were verified (ridge regression);
it begins at zero and may be negative.
"""

from __future__ import annotations

import numpy as np

from semcube.interlink.scores import Candidates

__all__ = ["Schedule", "step_of"]

_BINS = 32
_PSEUDO_PAIRS = 2.0
_RIDGE = 10.0
_POOL = 16
_SMALLEST_POOL = 2048
_ROUNDS, _FEWER_ROUNDS, _MANY = 64, 24, 200_000
_REFRESH = 1.3


def step_of(count: int) -> int:
    """How many of so many candidates are verified before the order is looked at again.

    Example:
        >>> step_of(1000), step_of(64_000), step_of(2_400_000)
        (50, 1000, 100000)
    """
    return max(count // (_ROUNDS if count < _MANY else _FEWER_ROUNDS), 50)


class Schedule:
    """The order in which candidates are verified.

    Args:
        pairs: The candidates.
        scores: float64 (P), more is better.
        boost: Whether what is found changes the order.

    Example:
        >>> import shapely
        >>> points = shapely.points([[0, 0], [0, 0]])
        >>> pairs = Candidates(points, points, np.zeros(2, int), np.arange(2))
        >>> schedule = Schedule(pairs, np.array([0.2, 0.7]), boost=False)
        >>> schedule.best(1)
        array([1])
    """

    def __init__(self, pairs: Candidates, scores: np.ndarray, *, boost: bool) -> None:
        self.pairs, self.boost = pairs, boost
        self.open = np.ones(len(pairs), dtype=bool)
        self._ranked = np.argsort(-scores, kind="stable")
        self._rank = np.empty(len(pairs), np.int64)
        self._rank[self._ranked] = np.arange(len(pairs))[::-1]
        self._ends = (pairs.first, pairs.second)
        sizes = (len(pairs.source), len(pairs.target))
        self._tried, self._linked, self._expected = (_zeros(sizes) for _ in range(3))
        self._bin_tried, self._bin_linked = np.zeros(_BINS), np.zeros(_BINS)
        self._curve = _prior()
        self._moments, self._products = np.eye(2) * _RIDGE, np.zeros(2)
        self.weights: np.ndarray = np.zeros(2)
        """What an excess of links of the source, and of the target, adds to a pair."""
        self._history = np.empty(0, np.int64)
        self._fresh: list[np.ndarray] = []
        self._refreshed = 0.0
        self._given = np.empty(0, np.int64), np.empty((0, 3))

    def best(self, count: int) -> np.ndarray:
        """The most promising open pairs."""
        self._ranked = self._ranked[self.open[self._ranked]]
        if not self.boost:
            return self._ranked[:count]
        pool = self._ranked[: max(_POOL * count, _SMALLEST_POOL)] if self.weights.any() else self._ranked[:count]
        known = np.column_stack([self._curve[self._bin(pool)], self._excess(0, pool), self._excess(1, pool)])
        if len(pool) > count:
            # Equal ones stay in the order of their scores.
            value = known[:, 0] + 1e-3 * self._rank[pool] / len(self.open) + known[:, 1:] @ self.weights
            chosen = np.argpartition(-value, count - 1)[:count]
            chosen = chosen[np.argsort(-value[chosen], kind="stable")]
            pool, known = pool[chosen], known[chosen]
        self._given = pool, known
        return pool

    def learn(self, rows: np.ndarray, linked: np.ndarray) -> None:
        """Pairs were verified: those of :meth:`best`, or others."""
        self.open[rows] = False
        if not self.boost or not len(rows):
            return
        outcome = linked.astype(np.float64)
        if np.array_equal(rows, self._given[0]):
            expected, excess = self._given[1][:, 0], self._given[1][:, 1:]
            self._moments += excess.T @ excess
            self._products += excess.T @ (outcome - expected)
            self.weights = np.linalg.solve(self._moments, self._products)
        bins = self._bin(rows)
        self._bin_tried += np.bincount(bins, minlength=_BINS)
        self._bin_linked += np.bincount(bins, weights=outcome, minlength=_BINS)
        self._curve = _rising((self._bin_linked + 2 * _prior()) / (self._bin_tried + 2), self._bin_tried + 2)
        for side, ends in enumerate(self._ends):
            np.add.at(self._tried[side], ends[rows], 1.0)
            np.add.at(self._linked[side], ends[rows], outcome)
        self._expect(rows)

    def _expect(self, rows: np.ndarray) -> None:
        """Take new pairs into what the curve expects of each end; now and then, all by the curve of now."""
        self._fresh.append(rows)
        count = len(self._history) + sum(len(part) for part in self._fresh)
        if count < self._refreshed:
            for side, ends in enumerate(self._ends):
                np.add.at(self._expected[side], ends[rows], self._curve[self._bin(rows)])
            return
        self._history, self._fresh = np.concatenate([self._history, *self._fresh]), []
        self._refreshed = _REFRESH * count
        expected = self._curve[self._bin(self._history)]
        for side, ends in enumerate(self._ends):
            size = len(self._tried[side])
            self._expected[side] = np.bincount(ends[self._history], weights=expected, minlength=size)

    def _bin(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self._rank[rows] * _BINS // len(self.open))

    def _excess(self, side: int, rows: np.ndarray) -> np.ndarray:
        """Links beyond what was expected, by verified pair, of the source or the target of each pair."""
        ends = self._ends[side][rows]
        excess = (self._linked[side] - self._expected[side])[ends]
        return np.asarray(excess / (self._tried[side][ends] + _PSEUDO_PAIRS))


def _zeros(sizes: tuple[int, int]) -> list[np.ndarray]:
    return [np.zeros(size) for size in sizes]


def _prior() -> np.ndarray:
    """What is expected of a rank before anything is known."""
    return (np.arange(_BINS) + 0.5) / _BINS


def _rising(means: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The nearest sequence that nowhere falls (Ayer et al., 1955)."""
    blocks: list[tuple[float, float, int]] = []
    for mean, weight in zip(means.tolist(), weights.tolist(), strict=True):
        block = (mean, weight, 1)
        while blocks and blocks[-1][0] > block[0]:
            before = blocks.pop()
            total = before[1] + block[1]
            block = ((before[0] * before[1] + block[0] * block[1]) / total, total, before[2] + block[2])
        blocks.append(block)
    return np.repeat([block[0] for block in blocks], [block[2] for block in blocks])
