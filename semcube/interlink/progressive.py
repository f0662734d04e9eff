# SPDX-License-Identifier: Apache-2.0
"""Linking within a budget: the most promising pairs first, links as they are found, and how many there may be still.

A small random sample of the candidates is verified first. It tells what share of the pairs not yet reached is related,
from which the recall so far is estimated, and it costs its share of the budget like any other pair.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import shapely

from semcube.errors import UsageError
from semcube.interlink.batch import Linking
from semcube.interlink.links import LinkBatch
from semcube.interlink.matching import Matcher
from semcube.interlink.scores import Candidates, score
from semcube.interlink.sides import Chunk, concatenate
from semcube.interlink.time import allen

__all__ = ["Budget", "Schedule", "progressive_batches"]

_SAMPLE_SHARE = 0.02
_SAMPLE = (50, 2000)
_ROUNDS = 64
_PRIOR = 2.0


@dataclass
class Budget:
    """So many verifications, or so much time from now."""

    pairs: int | None = None
    seconds: float | None = None
    _begun: float = field(default_factory=time.perf_counter)

    @classmethod
    def parse(cls, text: str | int) -> Budget:
        """A budget from ``100000``, ``30s``, ``5min`` or ``1h``.

        Raises:
            UsageError: It is neither.

        Example:
            >>> Budget.parse("2min").seconds, Budget.parse("100000").pairs
            (120.0, 100000)
        """
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|min|h)?\s*", str(text))
        if found is None or (found[2] is None and "." in found[1]):
            raise UsageError(f"budget {text!r}", expected="a number of pairs (100000) or a time (30s, 5min, 1h)")
        if found[2] is None:
            return cls(pairs=int(found[1]))
        return cls(seconds=float(found[1]) * {"s": 1, "min": 60, "h": 3600}[found[2]])

    def left(self, verified: int) -> float:
        """The share that is left, 0 when it is used up."""
        if self.pairs is not None:
            return 1 - verified / self.pairs if self.pairs else 0.0
        assert self.seconds is not None
        return 1 - (time.perf_counter() - self._begun) / self.seconds if self.seconds else 0.0


class Schedule:
    """The order in which candidates are verified.

    With boosting, a pair rises with the share of links among what was verified of its source and of its target, each
    beside the share among all (two pairs of the average are added, so that few results say little).

    Args:
        pairs: The candidates.
        scores: float64 (P), more is better.
        boost: Whether found links change the order.
    """

    def __init__(self, pairs: Candidates, scores: np.ndarray, *, boost: bool) -> None:
        self.pairs, self.boost = pairs, boost
        self.scores = scores - scores.min(initial=0.0)
        self.open = np.ones(len(pairs), dtype=bool)
        self._ranked = np.argsort(-self.scores, kind="stable")
        sizes = (len(pairs.source), len(pairs.target))
        self._tried = [np.zeros(size) for size in sizes]
        self._linked = [np.zeros(size) for size in sizes]

    def learn(self, rows: np.ndarray, linked: np.ndarray) -> None:
        """Pairs were verified."""
        self.open[rows] = False
        for side, ends in enumerate((self.pairs.first, self.pairs.second)):
            np.add.at(self._tried[side], ends[rows], 1.0)
            np.add.at(self._linked[side], ends[rows], linked.astype(np.float64))

    def best(self, count: int) -> np.ndarray:
        """The most promising open pairs."""
        if not self.boost:
            self._ranked = self._ranked[self.open[self._ranked]]
            return self._ranked[:count]
        rows = np.flatnonzero(self.open)
        if len(rows) <= count:
            return rows
        value = self.scores[rows] * self._rate(0)[self.pairs.first[rows]] * self._rate(1)[self.pairs.second[rows]]
        chosen = np.argpartition(-value, count - 1)[:count]
        return np.asarray(rows[chosen[np.argsort(-value[chosen], kind="stable")]])

    def _rate(self, side: int) -> np.ndarray:
        tried, linked = self._tried[side], self._linked[side]
        mean = (linked.sum() + 1.0) / (tried.sum() + 1.0)
        return np.asarray((linked + _PRIOR * mean) / (tried + _PRIOR))


def sides_of(linking: Linking) -> tuple[Matcher, Chunk]:
    """Both sides in memory: the held one, indexed, and the other (or the same)."""
    matcher = linking.matcher()
    if linking.streamed is None:
        return matcher, matcher.held
    return matcher, concatenate(list(linking.read(linking.streamed)))


def candidates_of(linking: Linking, matcher: Matcher, other: Chunk) -> Candidates:
    """All candidate pairs, as rows of the held side and of the other."""
    first, second = matcher.find(shapely.bounds(other.geometries).reshape(-1, 4))
    if linking.streamed is None:
        once = first < second
        first, second = first[once], second[once]
    if matcher.temporal and matcher.held.periods is not None and other.periods is not None:
        holds = allen(matcher.held.periods.take(first), other.periods.take(second), matcher.temporal)
        in_time = np.logical_or.reduce(list(holds.values()))
        first, second = first[in_time], second[in_time]
    return Candidates(matcher.held.geometries, other.geometries, first, second)


def progressive_batches(linking: Linking) -> Iterator[LinkBatch]:
    """Links as they are found, until the budget is used up; the report has the estimated recall.

    Args:
        linking: With a budget among its options.
    """
    options = linking.options
    assert options.budget is not None
    budget = Budget.parse(options.budget)
    matcher, other = sides_of(linking)
    pairs = candidates_of(linking, matcher, other)
    linking.report.candidates = len(pairs)
    run = _Run(linking, matcher, other, pairs, budget)
    sample = run.sample()
    yield from run.verify(sample)
    schedule = Schedule(pairs, score(options.score, pairs), boost=options.boost)
    step = max(len(pairs) // _ROUNDS, 200)
    while schedule.open.any() and (count := run.allowed(step)) > 0:
        rows = schedule.best(count)
        # The sample keeps its place in the order, or it would not tell what the rest is like; it is not paid twice.
        yield from run.verify(rows[~run.known[rows]])
        schedule.learn(rows, run.linked[rows])
        run.reached[rows] = True
    run.estimate(sample)


class _Run:
    """Verifies rows of the candidates and keeps account."""

    def __init__(self, linking: Linking, matcher: Matcher, other: Chunk, pairs: Candidates, budget: Budget) -> None:
        self.linking, self.matcher, self.other, self.pairs, self.budget = linking, matcher, other, pairs, budget
        self.linked = np.zeros(len(pairs), dtype=bool)
        self.known = np.zeros(len(pairs), dtype=bool)
        self.reached = np.zeros(len(pairs), dtype=bool)
        self.checked = np.zeros(len(other), dtype=bool)

    def allowed(self, step: int) -> int:
        """How many pairs may be verified next; few where little time is left."""
        left = self.budget.left(self.linking.report.verified)
        if left <= 0:
            return 0
        if self.budget.pairs is not None:
            return min(step, self.budget.pairs - self.linking.report.verified)
        spent = max(1 - left, 1e-9)
        return max(1, min(step, int(self.linking.report.verified * left / spent) + 100))

    def sample(self) -> np.ndarray:
        """A random sample of the candidates, sorted."""
        count = int(np.clip(len(self.pairs) * _SAMPLE_SHARE, *_SAMPLE))
        if self.budget.pairs is not None:
            count = min(count, self.budget.pairs // 5)
        count = min(count, len(self.pairs))
        return np.sort(np.random.default_rng(0).choice(len(self.pairs), count, replace=False))

    def verify(self, rows: np.ndarray) -> Iterator[LinkBatch]:
        """Verify candidates; their links."""
        from semcube.interlink.matching import Matched, Task

        first, second = self.pairs.first[rows], self.pairs.second[rows]
        own = self.linking.streamed is None
        checked = self.matcher.checked if own else self.checked
        matcher = self.matcher
        errors = matcher.verifier.errors
        bad_held = matcher.verifier.check(matcher.held, first, matcher.checked)
        bad = matcher.verifier.check(self.other, second, checked)
        codes = matcher.verifier.relate(self.other, first, second)
        meets = matcher.meets(codes)
        self.linked[rows] = meets
        self.known[rows] = True
        found = Matched(first[meets], second[meets], codes[meets], verified=len(rows))
        found.errors = matcher.verifier.errors - errors
        found.invalid_held = np.concatenate([bad_held, bad]) if own else bad_held
        found.invalid = bad[:0] if own else bad
        self.linking.count(matcher, Task(None if own else self.other, (0, len(self.other))), found)
        yield from self.linking.links(matcher, self.other, found)

    def estimate(self, sample: np.ndarray) -> None:
        """The recall so far, from the part of the sample that the order had not reached."""
        ahead = sample[~self.reached[sample]]
        open_pairs = int((~self.known).sum())
        found = int(self.linked.sum())
        report = self.linking.report
        if open_pairs <= 0 or not len(ahead):
            report.recall, report.recall_error = (1.0, 0.0) if open_pairs <= 0 else (None, None)
            return
        share = self.linked[ahead].mean()
        smooth = (self.linked[ahead].sum() + 0.5) / (len(ahead) + 1)
        missing = open_pairs * share
        error = open_pairs * np.sqrt(smooth * (1 - smooth) / len(ahead))
        total = max(found + missing, 1e-9)
        report.recall = float(found / total) if found else 0.0
        report.recall_error = float(found * error / total**2)
