# SPDX-License-Identifier: Apache-2.0
"""What the dataset holds: for the page, the service description, the examples. Counted once a version."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from semcube.web import Example, examples, vocabulary

if TYPE_CHECKING:
    from semcube.server.serving import Serving

__all__ = ["Holdings", "HoldingsCache", "holdings"]


@dataclass(frozen=True)
class Holdings:
    """Counts of a dataset; None where it cannot say."""

    triples: int | None = None
    """Quads of all graphs."""
    default_triples: int | None = None
    geometries: int | None = None
    extent: tuple[float, float, float, float] | None = None
    """West, south, east, north in CRS84 degrees."""
    graphs: tuple[tuple[str, int], ...] = ()
    """Named graphs and their triples."""
    classes: tuple[str, ...] | None = None
    """Most members first."""
    properties: tuple[str, ...] | None = None
    """Most uses first."""


@dataclass
class HoldingsCache:
    """The last counts and examples, with the version they are of."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    held: tuple[object, Holdings] | None = None
    examples: tuple[object, list[Example]] | None = None


def _version(state: Serving) -> object:
    """What changes whenever the dataset does; a new object where it cannot tell, so that nothing is kept."""
    with state.snapshot() as dataset:
        return getattr(dataset, "version", None) or object()


def holdings(state: Serving) -> Holdings:
    """Count, or give the counts of before if nothing has changed."""
    from semcube.store import Store

    version = _version(state)
    with state.cache.lock:
        if state.cache.held is None or state.cache.held[0] != version:
            found = _of_store(state.dataset) if isinstance(state.dataset, Store) else Holdings()
            state.cache.held = (version, found)
        return state.cache.held[1]


def _of_store(store: object) -> Holdings:
    info = store.info()  # type: ignore[attr-defined]
    named = tuple((name, count) for name, count in info.graphs.items() if name and not name.startswith("_:"))
    return Holdings(
        info.quads,
        info.graphs.get("", 0),
        info.geometries - info.malformed,
        info.extent,
        named,
        tuple(name for name in info.classes if not name.startswith(("_:", '"'))),
        tuple(info.predicates),
    )


def example_queries(state: Serving) -> list[Example]:
    """Example queries for the dataset as it is."""
    version = _version(state)
    with state.cache.lock:
        if state.cache.examples is None or state.cache.examples[0] != version:
            with state.snapshot() as dataset:
                state.cache.examples = (version, examples(dataset))
        return state.cache.examples[1]


def words(state: Serving) -> dict[str, list[str]]:
    """Classes and properties, most used first."""
    held = holdings(state)
    if held.classes is not None and held.properties is not None:
        return {"classes": list(held.classes), "properties": list(held.properties)}
    with state.snapshot() as dataset:
        return vocabulary(dataset)
