# SPDX-License-Identifier: Apache-2.0
"""The datasets that random queries are asked of, by name."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from semcube.io.rdf import read_rdf
from semcube.sparql.dataset import Dataset
from semcube.sparql.memory import MemoryDataset


@contextmanager
def memory(data: str) -> Iterator[Dataset]:
    """The data in memory: reference operators only."""
    yield MemoryDataset.parse(data, "trig")


@contextmanager
def store(data: str) -> Iterator[Dataset]:
    """The data in a store: what it takes over runs as SQL."""
    from semcube.store import Store

    with Store.in_memory() as opened:
        opened.load(read_rdf(io.BytesIO(data.encode()), format="trig"))
        yield opened


SOURCES: dict[str, Callable[[str], AbstractContextManager[Dataset]]] = {"memory": memory, "store": store}
