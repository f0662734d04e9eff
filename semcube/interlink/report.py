# SPDX-License-Identifier: Apache-2.0
"""What a linking did: counts, time and memory."""

from __future__ import annotations

import resource
import time
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Report", "SideReport"]

LISTED = 1000
"""IRIs listed of each kind of bad row; all are counted."""


@dataclass
class SideReport:
    """What was read of one side."""

    label: str
    read: int = 0
    missing: int = 0
    """Rows without a geometry."""
    empty: int = 0
    """Empty geometries; they have no links."""
    unreadable: int = 0
    """Geometries that are no WKB or WKT."""
    outside: int = 0
    """Geometries outside of what the chosen system can express."""
    unnamed: int = 0
    """Rows without an IRI."""
    untimed: int = 0
    """Rows without beginning or end, where time is related; they have no links."""
    invalid: int = 0
    """Invalid geometries met among the candidates, repaired or skipped as chosen."""
    duplicates: int = 0
    """Rows whose IRI an earlier row has."""
    invalid_iris: list[str] = field(default_factory=list)
    """The first of the invalid ones."""
    duplicate_iris: list[str] = field(default_factory=list)
    """The first of the duplicates."""

    def add(self, other: SideReport) -> None:
        """Take the counts of a part."""
        for name in ("read", "missing", "empty", "unreadable", "outside", "unnamed", "untimed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for mine, count, theirs in (
            (self.invalid_iris, "invalid", other.invalid_iris),
            (self.duplicate_iris, "duplicates", other.duplicate_iris),
        ):
            setattr(self, count, getattr(self, count) + getattr(other, count))
            mine.extend(theirs[: max(0, LISTED - len(mine))])

    def list_invalid(self, iris: list[str]) -> None:
        """Count invalid geometries."""
        self.invalid += len(iris)
        self.invalid_iris += iris[: max(0, LISTED - len(self.invalid_iris))]

    def list_duplicates(self, iris: list[str]) -> None:
        """Count repeated IRIs."""
        self.duplicates += len(iris)
        self.duplicate_iris += iris[: max(0, LISTED - len(self.duplicate_iris))]


@dataclass
class Report:
    """What a linking found and what it cost."""

    source: SideReport
    target: SideReport
    invalid: str = "repair"
    """What was done with invalid geometries."""
    candidates: int = 0
    """Pairs whose boxes meet, or are near enough."""
    verified: int = 0
    """Pairs related exactly."""
    known: int = 0
    """Candidates that an earlier run had verified."""
    errors: int = 0
    """Pairs that GEOS could not relate (invalid geometries kept as they are)."""
    related: int = 0
    """Pairs that share a point, are near enough, or stand in a relation of time, whichever is asked for."""
    links: int = 0
    """Links written."""
    relations: dict[str, int] = field(default_factory=dict)
    """Relation -> links."""
    matrices: dict[str, int] = field(default_factory=dict)
    """DE-9IM matrix (source, target) -> pairs."""
    recall: float | None = None
    """Of a run with a budget: the estimated share of all related pairs that was found."""
    recall_error: float | None = None
    """Its standard error."""
    recall_low: float | None = None
    """The recall is between this and :attr:`recall_high` in 95 of 100 runs."""
    recall_high: float | None = None
    probes: int = 0
    """Pairs that were probed before the order was made; the budget paid for them."""
    cpu_seconds: float = 0.0
    """User and system time, other processes of the run included."""
    seconds: float = 0.0
    peak_mb: float = 0.0
    """Peak memory of the process in MiB (of the largest one of several)."""
    _begun: tuple[float, float] = field(default_factory=lambda: (time.perf_counter(), _cpu()), repr=False)

    def add(self, other: Report) -> None:
        """Take the counts of a part, with those of its sides."""
        for name in ("candidates", "verified", "known", "errors", "related", "links", "probes"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for mine, theirs in ((self.relations, other.relations), (self.matrices, other.matrices)):
            for key, count in theirs.items():
                mine[key] = mine.get(key, 0) + count
        self.source.add(other.source)
        if self.target is not self.source:
            self.target.add(other.target)

    def finish(self) -> None:
        """Take time and memory."""
        self.seconds = time.perf_counter() - self._begun[0]
        self.cpu_seconds = _cpu() - self._begun[1]
        peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        self.peak_mb = max(peaks) / 1024

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        found = asdict(self)
        del found["_begun"]
        return found

    def summary(self) -> str:
        """A few lines to read."""
        lines = [self._side("source", self.source), self._side("target", self.target)]
        known = f", {self.known:,} known" if self.known else ""
        failed = f", {self.errors:,} could not be related" if self.errors else ""
        lines.append(
            f"{self.candidates:,} candidates{known}, {self.verified:,} verified, {self.related:,} related{failed}"
        )
        lines += [f"  {name:<16} {count:>12,}" for name, count in self.relations.items() if count]
        if self.recall is not None:
            low, high = self.recall_low or 0.0, self.recall_high or 0.0
            lines.append(f"recall about {self.recall:.3f} (95 % interval {low:.3f} to {high:.3f})")
        lines.append(
            f"{self.links:,} links; {self.cpu_seconds:.1f} CPU s, {self.seconds:.1f} s, peak {self.peak_mb:,.0f} MiB"
        )
        return "\n".join(lines)

    def _side(self, name: str, side: SideReport) -> str:
        action = {"repair": "invalid repaired", "skip": "invalid left out", "keep": "invalid kept"}
        counts = {
            "without geometry": side.missing, "empty": side.empty, "unreadable": side.unreadable,
            "outside of the system": side.outside, "without IRI": side.unnamed, "without time": side.untimed,
            action.get(self.invalid, "invalid"): side.invalid, "with the IRI of another": side.duplicates,
        }  # fmt: skip
        told = "".join(f"; {count:,} {what}" for what, count in counts.items() if count)
        return f"{name}: {side.label}, {side.read:,} read{told}"


def _cpu() -> float:
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        total += usage.ru_utime + usage.ru_stime
    return total
