# SPDX-License-Identifier: Apache-2.0
"""What a server allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from semcube.config import Settings

if TYPE_CHECKING:
    from semcube.sparql.context import PushDown, Regime
    from semcube.sparql.dataset import Dataset

__all__ = ["ServerSettings"]


@dataclass(frozen=True)
class ServerSettings:
    """Limits and permissions of one server.

    Example:
        >>> ServerSettings(token="secret").writable, ServerSettings().writable
        (True, False)
    """

    core: Settings = field(default_factory=Settings)
    """Threads and memory of the queries."""
    title: str = ""
    """Name of the dataset, for the page."""
    timeout_s: float = 60.0
    """Deadline of a query, in seconds, and the most a request may ask for; 0 is none."""
    update_timeout_s: float = 600.0
    """Deadline of an update, in seconds; 0 is none."""
    max_concurrent: int = 4
    """Queries that run at once; others wait."""
    queue_s: float = 10.0
    """How long a request waits for its turn before it is told to come back, in seconds."""
    max_query_bytes: int = 1024 * 1024
    """Largest query, update or form accepted."""
    max_upload_bytes: int = 1024 * 1024 * 1024
    """Largest graph accepted by the Graph Store Protocol."""
    rewrite: bool = False
    """Whether topological properties hold where the relation of the geometries does (GeoSPARQL query rewriting), where
    a request does not say."""
    entailment: Regime | None = None
    """The entailment regime of requests that name none."""
    push_down: PushDown = "auto"
    """Where queries run: see :data:`semcube.sparql.context.PushDown`; for tests."""
    token: str | None = None
    """Who presents this token may write."""
    allow_update: bool = False
    """Anyone may write."""
    service: Callable[[str], Dataset] | None = None
    """Endpoint URL -> dataset, for ``SERVICE``; without it ``SERVICE`` is refused, so that nobody can make the server
    ask other hosts."""

    @property
    def writable(self) -> bool:
        """Whether anyone may write."""
        return self.allow_update or self.token is not None
