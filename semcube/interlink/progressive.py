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
from semcube.interlink.report import Report
from semcube.interlink.schedule import Schedule, step_of
from semcube.interlink.scores import Candidates, probe, score
from semcube.interlink.sides import Chunk, concatenate

__all__ = ["Budget", "Schedule", "progressive_batches"]

_SAMPLE_SHARE = 0.02
_SAMPLE = (50, 2000)
PROBE_COST = 0.25
"""Of a verification; a probe took a sixth to a third of one."""
PROBED_PER_PAIR = 2.0
"""How many pairs are probed, at most, for each that the budget lets verify."""
_PROBE_SLICE = 50_000
_PROBE_TIME = 0.3
_NORMAL_95 = 1.959964


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
    first, second = matcher.in_time(other, first, second)
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
    schedule = Schedule(pairs, run.scores(), boost=options.boost)
    step = step_of(len(pairs))
    while schedule.open.any() and (count := run.allowed(step)) > 0:
        rows = schedule.best(count)
        # The sample keeps its place in the order, or it would not tell what the rest is like; it is not paid twice.
        found = list(run.verify(rows[~run.known[rows]]))
        schedule.learn(rows, run.linked[rows])
        run.reached[rows] = True
        run.estimate(sample)
        yield from found
    run.estimate(sample)


class _Run:
    """Verifies rows of the candidates and keeps account."""

    def __init__(self, linking: Linking, matcher: Matcher, other: Chunk, pairs: Candidates, budget: Budget) -> None:
        self.linking, self.matcher, self.other, self.pairs, self.budget = linking, matcher, other, pairs, budget
        self.linked = np.zeros(len(pairs), dtype=bool)
        self.known = np.zeros(len(pairs), dtype=bool)
        self.reached = np.zeros(len(pairs), dtype=bool)
        self.checked = np.zeros(len(other), dtype=bool)
        self._probes_paid = 0

    def allowed(self, step: int) -> int:
        """How many pairs may be verified next; few where little time is left."""
        paid = self.linking.report.verified + self._probes_paid
        left = self.budget.left(paid)
        if left <= 0:
            return 0
        if self.budget.pairs is not None:
            return min(step, self.budget.pairs - paid)
        spent = max(1 - left, 1e-9)
        return max(1, min(step, int(self.linking.report.verified * left / spent) + 100))

    def scores(self) -> np.ndarray:
        """What each pair promises; probes are paid from the budget."""
        pairs, name = self.pairs, self.linking.options.score
        if name != "probe":
            return score(name, pairs)
        result = score("octagon", pairs)
        # Pairs that are surely apart need no probe.
        best = np.argsort(-result, kind="stable")[: int((result >= 0).sum())]
        if self.budget.pairs is not None:
            left = max(self.budget.pairs - self.linking.report.verified, 0)
            best = best[: int(left * PROBED_PER_PAIR)]
            self._probes_paid = int(len(best) * PROBE_COST)
            probed = probe(pairs, best, result)
        else:
            # The clock pays; a large part of the time stays for verifying.
            probed, share, done = result, self.budget.left(0), 0
            while done < len(best) and self.budget.left(0) > share * (1 - _PROBE_TIME):
                probed = probe(pairs, best[done : done + _PROBE_SLICE], probed)
                done += _PROBE_SLICE
            best = best[:done]
        self.linking.report.probes = len(best)
        return probed

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
        take_recall(self.linking.report, int(self.linked.sum()), open_pairs, self.linked[ahead])


def take_recall(report: Report, found: int, open_pairs: int, sampled: np.ndarray) -> None:
    """The estimated recall, its standard error and its 95 % interval, into a report.

    The pairs of the sample that the order has not reached are a random sample of all that it has not reached; the
    interval is Wilson's (1927), for a population of that size.

    Args:
        report: What receives it.
        found: Related pairs found so far.
        open_pairs: Pairs not verified yet.
        sampled: bool, outcomes of the part of the sample that was not reached.
    """
    if open_pairs <= 0:
        report.recall, report.recall_error = 1.0, 0.0
        report.recall_low = report.recall_high = 1.0
        return
    count = len(sampled)
    if not count:
        report.recall = report.recall_error = report.recall_low = report.recall_high = None
        return
    hits = float(sampled.sum())
    share, smooth = hits / count, (hits + 0.5) / (count + 1)
    # The less of a population is left beside the sample, the better the sample knows it.
    rest = open_pairs / (open_pairs + count - 1) if open_pairs + count > 1 else 1.0
    error = open_pairs * np.sqrt(smooth * (1 - smooth) / count) / np.sqrt(rest)
    z2 = _NORMAL_95**2 / rest
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = np.sqrt(z2) * np.sqrt(share * (1 - share) / count + z2 / (4 * count**2)) / (1 + z2 / count)
    low, high = max(middle - half, 0.0), min(middle + half, 1.0)
    total = max(found + open_pairs * share, 1e-9)
    report.recall = found / total if found else 0.0
    report.recall_error = float(found * error / total**2)
    report.recall_low, report.recall_high = (
        float(found / max(found + open_pairs * each, 1e-9)) if found else 0.0 for each in (high, low)
    )
