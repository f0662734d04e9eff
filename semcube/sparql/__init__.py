# SPDX-License-Identifier: Apache-2.0
"""SPARQL 1.1: text -> algebra -> plan -> solutions, over any dataset.

In come query or update text and a :class:`~semcube.sparql.dataset.Dataset` - a store, tables, a cube, an endpoint,
data in memory. Out come ids in Arrow batches, which :mod:`semcube.sparql.results` writes. Parsing, rewriting and the
reference operators are exact to the W3C text; a dataset may take over what it can run with the same answer.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semcube.sparql.dataset import ActiveGraph, Dataset
    from semcube.sparql.explain import Report, Trace
    from semcube.sparql.memory import MemoryDataset
    from semcube.sparql.parser import parse_query, parse_update
    from semcube.sparql.query import Answer, execute
    from semcube.sparql.remote import RemoteDataset

_MODULES = {
    "dataset": ("ActiveGraph", "Dataset"),
    "explain": ("Report", "Trace"),
    "memory": ("MemoryDataset",),
    "parser": ("parse_query", "parse_update"),
    "query": ("Answer", "execute"),
    "remote": ("RemoteDataset",),
}

__all__ = [
    "ActiveGraph",
    "Answer",
    "Dataset",
    "MemoryDataset",
    "RemoteDataset",
    "Report",
    "Trace",
    "execute",
    "parse_query",
    "parse_update",
]


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
