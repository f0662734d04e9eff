# SPDX-License-Identifier: Apache-2.0
"""What one evaluation of a query carries along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from semcube.config import Settings
from semcube.engines.base import Cancellation
from semcube.engines.reservations import Reservation
from semcube.sparql.dataset import ActiveGraph

if TYPE_CHECKING:
    from semcube.sparql.dataset import Dataset
    from semcube.sparql.explain import Trace
    from semcube.sparql.terms import QueryTerms

__all__ = ["Context", "PushDown", "Regime"]

PushDown = Literal["auto", "off", "forced"]
"""``auto`` by estimates, ``off`` reference operators only, ``forced`` wherever it is legal."""
Regime = Literal["rdfs"]
"""Entailment regimes."""


@dataclass(frozen=True)
class Context:
    """One evaluation: its dataset, its terms, its graphs, its limits."""

    dataset: Dataset
    terms: QueryTerms
    active: ActiveGraph = field(default_factory=ActiveGraph)
    settings: Settings = field(default_factory=Settings)
    cancellation: Cancellation = field(default_factory=Cancellation)
    push_down: PushDown = "auto"
    rewrite: bool = False
    """Whether topological properties hold where the relation of the geometries does (GeoSPARQL query rewriting)."""
    entailment: Regime | None = None
    """Whether entailed triples are matched too."""
    base: str | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    service: Callable[[str], Dataset] | None = None
    """Endpoint URL -> dataset; None where ``SERVICE`` is not allowed."""
    wanted: int | None = None
    """How many solutions will be read, if that is known: what works in portions begins with small ones. A hint only."""
    trace: Trace | None = None
    """Collects what happened, for ``explain``."""

    def reserve(self, what: str, times: float = 1.0) -> Reservation:
        """Memory for rows that an operator holds (:class:`semcube.engines.reservations.Reservation`)."""
        return Reservation(self.settings.memory_mb, what, times)

    def with_active(self, active: ActiveGraph) -> Context:
        """The same evaluation over other graphs."""
        return replace(self, active=active)
