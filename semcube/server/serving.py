# SPDX-License-Identifier: Apache-2.0
"""What the routes share: the dataset, the settings, the runner, the counters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from semcube.errors import UnsupportedError
from semcube.server.holdings import HoldingsCache
from semcube.server.metrics import Metrics
from semcube.server.running import Runner
from semcube.server.settings import ServerSettings

if TYPE_CHECKING:
    from starlette.requests import Request

    from semcube.sparql.dataset import Dataset
    from semcube.store import Store

__all__ = ["Serving", "serving"]


@dataclass(frozen=True)
class Serving:
    """What one application serves, and how."""

    dataset: Dataset
    settings: ServerSettings
    runner: Runner
    metrics: Metrics
    cache: HoldingsCache = field(default_factory=HoldingsCache)

    @contextmanager
    def snapshot(self) -> Iterator[Dataset]:
        """The dataset as it is now: one state for a whole query."""
        make = getattr(self.dataset, "snapshot", None)
        if make is None:
            yield self.dataset
            return
        with cast("Callable[[], AbstractContextManager[Dataset]]", make)() as state:
            yield state

    @property
    def store(self) -> Store:
        """The store, for writing.

        Raises:
            UnsupportedError: What is served is no store.
        """
        from semcube.store import Store

        if not isinstance(self.dataset, Store):
            raise UnsupportedError("what is served here cannot be changed", fix="send changes to its source")
        return self.dataset


def serving(request: Request) -> Serving:
    """What the application of a request serves."""
    return cast("Serving", request.app.state.serving)
