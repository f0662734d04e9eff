# SPDX-License-Identifier: Apache-2.0
"""What can be chosen about a linking."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from semcube.errors import UsageError
from semcube.interlink.iris import ABSOLUTE_IRI
from semcube.interlink.measures import Measure, measure_of
from semcube.interlink.sides import CHUNK_BYTES, DEFAULT_BASE, SideOptions

__all__ = ["InterlinkOptions"]


@dataclass(frozen=True)
class InterlinkOptions:
    """The choices of a linking.

    Example:
        >>> InterlinkOptions(source_iri="http://e/{id}").side("source").iri
        'http://e/{id}'
    """

    relations: str = "sf"
    """``all``, ``sf``, ``eh``, ``rcc8``, names or DE-9IM patterns, with commas between; ``none`` for time alone."""
    within: float | None = None
    """Link what is at most so many metres apart (geodesic), in place of topological relations."""
    nearest: int | None = None
    """Link each feature of the source with so many nearest ones of the target (geodesic)."""
    similar: str | None = None
    """Link shapes by ``hausdorff`` or ``frechet`` distance, at most :attr:`at_most`."""
    at_most: float | None = None
    """Units of the system that is compared in."""
    predicate: str | None = None
    """The IRI of the property of links by distance, in place of semcube's own."""
    with_distance: bool = False
    """Say the distance of each link in RDF too, by a reified statement (a table and Parquet have it as a column)."""
    temporal: str | None = None
    """Allen's relations that must hold too: ``all`` or names with commas between; needs the columns of time."""
    minimal: bool = False
    """Leave out links that follow from others (see :class:`semcube.interlink.selection.LinkRelations`)."""
    invalid: str = "repair"
    """Invalid geometries among the candidates: ``repair``, ``skip``, ``fail``, or ``keep`` (not even looked for)."""
    crs: str | None = None
    """The system to compare in; needed where the sides differ."""
    source_iri: str | None = None
    target_iri: str | None = None
    source_layer: str | None = None
    target_layer: str | None = None
    source_crs: str | None = None
    target_crs: str | None = None
    source_where: str | None = None
    target_where: str | None = None
    source_select: str | None = None
    target_select: str | None = None
    source_time: str | None = None
    """Columns of beginning and end, with a comma between, or of an instant."""
    target_time: str | None = None
    base: str = DEFAULT_BASE
    """Start of the IRIs made where no naming is given."""
    filter: str = "tree"
    """How candidates are found: ``tree``, ``grid``, ``radon``, ``sweep``; all find the same."""
    processes: int = 1
    chunk_bytes: int = CHUNK_BYTES
    """Bytes of geometry of the streamed side held at a time."""
    budget: str | int | None = None
    """Stop after so many verifications (``100000``) or so much time (``30s``), the most promising pairs first."""
    score: str = "octagon"
    """What promises a link; see :data:`semcube.interlink.scores.SCORES`."""
    boost: bool = True
    """Whether what is found changes the order of the pairs of the same sources and targets."""
    state: str | Path | None = None
    """Folder that keeps what was verified, so that a run can be resumed or extended; not together with a budget."""

    def __post_init__(self) -> None:
        if self.invalid not in ("repair", "skip", "fail", "keep"):
            raise UsageError(f"invalid={self.invalid!r}", expected="repair, skip, fail or keep")
        if self.state is not None and self.budget is not None:
            raise UsageError("a state and a budget", expected="one of them")
        self._check_kind()
        if self.processes < 1:
            raise UsageError(f"{self.processes} processes", expected="at least 1")
        if self.chunk_bytes < 1:
            raise UsageError(f"chunks of {self.chunk_bytes} bytes", expected="at least 1")

    def _check_kind(self) -> None:
        measure = self.measure
        if measure is None and (self.predicate is not None or self.with_distance):
            raise UsageError(
                "a predicate or distances without a relation by distance", expected="within, nearest or similar too"
            )
        if self.predicate is not None and ABSOLUTE_IRI.fullmatch(self.predicate) is None:
            raise UsageError(f"predicate {self.predicate!r}", expected="an absolute IRI")
        if self.time_alone and self.temporal is None:
            raise UsageError("no relations", expected="relations of space, of distance or of time (--time-relations)")
        if measure is not None and self.relations != "sf":
            raise UsageError(f"relations {self.relations!r} and {measure.name}", expected="one of them")
        if (measure is not None or self.time_alone) and self.budget is not None:
            raise UsageError("a budget", expected="topological relations with it")
        if measure is not None and measure.name == "nearest" and self.temporal is not None:
            raise UsageError("nearest and relations of time", expected="one of them")

    @property
    def measure(self) -> Measure | None:
        """The relation by distance, None for topological relations."""
        return measure_of(self.within, self.nearest, self.similar, self.at_most)

    @property
    def time_alone(self) -> bool:
        """Whether only time is related."""
        return self.relations.strip() == "none"

    def side(self, name: str) -> SideOptions:
        """The choices of ``source`` or ``target``."""
        begin, _, end = (getattr(self, f"{name}_time") or "").partition(",")
        if self.temporal is not None and not begin:
            raise UsageError(
                f"relations of time without the time of the {name}",
                fix=f"name the columns with {name}_time (--{name}-time BEGIN,END)",
            )
        given = {key: getattr(self, f"{name}_{key}") for key in ("iri", "layer", "crs", "where", "select")}
        spatial = not self.time_alone
        return SideOptions(**given, begin=begin.strip() or None, end=end.strip() or None, spatial=spatial)
