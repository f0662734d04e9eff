# SPDX-License-Identifier: Apache-2.0
"""A budget over partitions: the groups tell how promising their pairs are, and each gets its share of the budget.

With a budget of pairs the share of a group is the number of its pairs that are among the most promising ones of all, so
that together the groups verify about what one process would. A budget of time is shared by the number of candidates.
A random sample of each group's candidates, paid from the budget, tells how many links are still missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from semcube.interlink.groups import GroupReport, GroupWriter, Meeting
from semcube.interlink.links import LinkBatch
from semcube.interlink.progressive import PROBE_COST, PROBED_PER_PAIR, Budget, Schedule
from semcube.interlink.schedule import step_of
from semcube.interlink.scores import Candidates, probe, score

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["BudgetWriter", "Ranked", "Ranking", "Share", "shares"]

_POINTS = 256
_SAMPLED = 0.02
_SAMPLE_OF_BUDGET = 0.2


@dataclass(frozen=True)
class Ranked:
    """The candidates of a group."""

    group: int
    count: int
    scores: np.ndarray
    """Some quantiles of their scores; each stands for as many."""


@dataclass(frozen=True)
class Share:
    """What a group may verify."""

    sample: int = 0
    pairs: int = 0
    """The most promising ones, beside the sample."""
    seconds: float | None = None


class Ranking(GroupWriter):
    """Tells how promising the candidates of a group are."""

    def __call__(self, group: int, batches: Iterator[pa.RecordBatch]) -> Ranked | None:  # type: ignore[override]
        """The candidates of a group; None without any."""
        if group >= self.layout.groups:
            return None
        pairs = candidates_of(self.meeting(group, batches))
        if not len(pairs):
            return None
        name = self.sides.options.score
        # Probes cost, so each group pays its own.
        ordered = np.sort(score("octagon" if name == "probe" else name, pairs))
        points = min(len(ordered), _POINTS)
        return Ranked(
            group, len(ordered), ordered[((np.arange(points) + 0.5) * len(ordered) / points).astype(np.int64)]
        )


def candidates_of(meeting: Meeting) -> Candidates:
    """All candidate pairs of a group."""
    parts = [(np.empty(0, np.int64), np.empty(0, np.int64)), *meeting.candidates()]
    first, second = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Candidates(meeting.chunks[0].geometries, meeting.chunks[1].geometries, first, second)


def shares(ranked: Sequence[Ranked], budget: str | int, slots: int) -> dict[int, Share]:
    """What each group may verify.

    Args:
        ranked: The groups.
        budget: As in :class:`~semcube.interlink.InterlinkOptions`.
        slots: How many groups run at the same time.

    Example:
        >>> scores = np.array([0.1, 0.2, 0.3, 0.4])
        >>> found = shares([Ranked(0, 400, scores), Ranked(1, 400, scores + 0.2)], 400, 2)
        >>> found[0].pairs, found[1].pairs, sum(each.sample + each.pairs for each in found.values())
        (92, 292, 400)
    """
    whole = Budget.parse(budget)
    total = sum(each.count for each in ranked)
    sample = {each.group: int(np.ceil(each.count * _SAMPLED)) for each in ranked}
    if whole.pairs is None:
        seconds = (whole.seconds or 0.0) * slots
        return {each.group: Share(sample[each.group], each.count, seconds * each.count / total) for each in ranked}
    allowed = int(whole.pairs * _SAMPLE_OF_BUDGET)
    if sum(sample.values()) > allowed:
        sample = dict(zip(sample, _whole([each.count / total * allowed for each in ranked], allowed), strict=True))
    left = min(whole.pairs - sum(sample.values()), total)
    found = _whole(_best(ranked, left), left)
    return {each.group: Share(sample[each.group], pairs) for each, pairs in zip(ranked, found, strict=True)}


def _best(ranked: Sequence[Ranked], count: int) -> list[float]:
    """How many of each group's pairs are among the most promising ones of all; equal ones in proportion."""
    if not ranked:
        return []
    scores = np.concatenate([each.scores for each in ranked])
    weight = np.concatenate([np.full(len(each.scores), each.count / len(each.scores)) for each in ranked])
    owner = np.concatenate([np.full(len(each.scores), place) for place, each in enumerate(ranked)])
    order = np.argsort(-scores, kind="stable")
    reached = np.searchsorted(np.cumsum(weight[order]), count)
    limit = scores[order[min(int(reached), len(order) - 1)]]
    above, equal = scores > limit, scores == limit
    rest = (count - weight[above].sum()) / weight[equal].sum()
    taken = np.where(above, weight, np.where(equal, weight * min(max(rest, 0.0), 1.0), 0.0))
    return [float(value) for value in np.bincount(owner, taken, len(ranked))]


def _whole(parts: Sequence[float], total: int) -> list[int]:
    """Whole numbers near the parts that make a total, by largest remainders."""
    floors = np.floor(np.asarray(parts, dtype=float)).astype(np.int64)
    missing = int(min(max(total - floors.sum(), 0), len(floors)))
    rest = np.argsort(-(np.asarray(parts) - floors), kind="stable")[:missing]
    floors[rest] += 1
    return [int(value) for value in floors]


@dataclass(frozen=True)
class BudgetWriter(GroupWriter):
    """Writes the links of groups, each within its share."""

    shares: dict[int, Share] = field(default_factory=dict)

    def linked(self, group: int, batches: Iterator[pa.RecordBatch]) -> GroupReport:
        """The links of a group as they are found, the most promising pairs first."""
        meeting = self.meeting(group, batches)
        result = GroupReport(meeting.linking.report)
        found = self.found(meeting, self.shares.get(group, Share()), result)
        result.links = self.write(meeting.linking, group, found)
        result.invalid = meeting.invalid()
        return result

    def found(self, meeting: Meeting, share: Share, result: GroupReport) -> Iterator[LinkBatch]:
        """Verify a sample, then the best pairs, until the share is used up."""
        options = self.sides.options
        budget = Budget(seconds=share.seconds)
        pairs = candidates_of(meeting)
        meeting.linking.report.candidates = len(pairs)
        linked, known = np.zeros(len(pairs), dtype=bool), np.zeros(len(pairs), dtype=bool)
        reached = np.zeros(len(pairs), dtype=bool)

        def verify(rows: np.ndarray) -> Iterator[LinkBatch]:
            first, second = pairs.first[rows], pairs.second[rows]
            codes, meets = meeting.verify(first, second)
            linked[rows], known[rows] = meets, True
            yield from meeting.links(first[meets], second[meets], codes[meets])

        sample = np.random.default_rng(0).choice(len(pairs), min(share.sample, len(pairs)), replace=False)
        yield from verify(np.sort(sample))
        left = share.pairs
        schedule = None
        if left:
            values, paid = _scores(options.score, pairs, share)
            meeting.linking.report.probes, left = paid, left - int(paid * PROBE_COST)
            schedule = Schedule(pairs, values, boost=options.boost)
        step = step_of(share.pairs)
        while schedule is not None and left > 0 and schedule.open.any():
            if share.seconds is not None and budget.left(0) <= 0:
                break
            rows = schedule.best(min(step, left))
            yield from verify(rows[~known[rows]])
            schedule.learn(rows, linked[rows])
            reached[rows] = True
            left -= len(rows)
        ahead = sample[~reached[sample]]
        result.sampled = (int((~known).sum()), len(ahead), int(linked[ahead].sum()))


def _scores(name: str, pairs: Candidates, share: Share) -> tuple[np.ndarray, int]:
    """What each pair promises, and how many were probed for that: some for each that may be verified."""
    if name != "probe":
        return score(name, pairs), 0
    result = score("octagon", pairs)
    # Pairs that are surely apart need no probe.
    best = np.argsort(-result, kind="stable")[: int((result >= 0).sum())][: int(share.pairs * PROBED_PER_PAIR)]
    return probe(pairs, best, result), len(best)
