# SPDX-License-Identifier: Apache-2.0
"""The datasets that random queries are asked of, by name."""

from __future__ import annotations

from collections.abc import Callable

from semcube.sparql.dataset import Dataset
from semcube.sparql.memory import MemoryDataset


def memory(data: str) -> Dataset:
    """The data in memory."""
    return MemoryDataset.parse(data, "trig")


SOURCES: dict[str, Callable[[str], Dataset]] = {"memory": memory}
