# SPDX-License-Identifier: Apache-2.0
"""What can be chosen about a linking."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from semcube.errors import UsageError
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
    """``all``, ``sf``, ``eh``, ``rcc8``, names or DE-9IM patterns, with commas between."""
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
    score: str = "fill"
    """What promises a link; see :data:`semcube.interlink.scores.SCORES`."""
    boost: bool = False
    """Whether found links raise the pairs of their neighbours."""
    state: str | Path | None = None
    """Folder that keeps what was verified, so that a run can be resumed or extended; not together with a budget."""

    def __post_init__(self) -> None:
        if self.invalid not in ("repair", "skip", "fail", "keep"):
            raise UsageError(f"invalid={self.invalid!r}", expected="repair, skip, fail or keep")
        if self.state is not None and self.budget is not None:
            raise UsageError("a state and a budget", expected="one of them")
        if self.processes < 1:
            raise UsageError(f"{self.processes} processes", expected="at least 1")
        if self.chunk_bytes < 1:
            raise UsageError(f"chunks of {self.chunk_bytes} bytes", expected="at least 1")

    def side(self, name: str) -> SideOptions:
        """The choices of ``source`` or ``target``."""
        begin, _, end = (getattr(self, f"{name}_time") or "").partition(",")
        if self.temporal is not None and not begin:
            raise UsageError(
                f"relations of time without the time of the {name}",
                fix=f"name the columns with {name}_time (--{name}-time BEGIN,END)",
            )
        given = {key: getattr(self, f"{name}_{key}") for key in ("iri", "layer", "crs", "where", "select")}
        return SideOptions(**given, begin=begin.strip() or None, end=end.strip() or None)
