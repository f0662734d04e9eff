# SPDX-License-Identifier: Apache-2.0
"""A benchmark that users run on their own machine: data, queries, and what each of them costs.

In come a scale and limits. Out come figures: load, bytes, and for each query its rows, CPU and wall time of the first
and of the warm runs. Each engine under measurement runs in processes of its own (:mod:`semcube.bench.runner`), started
by a driver (:mod:`semcube.bench.driver`); the one here is the store of this package, others can be written beside it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semcube.bench.geographica import geographica_table, run_geographica
    from semcube.bench.runner import Engine, Limits, measure
    from semcube.bench.workload import Query, everything

_HOME = {
    "Engine": "runner",
    "Limits": "runner",
    "Query": "workload",
    "everything": "workload",
    "geographica_table": "geographica",
    "run_geographica": "geographica",
    "measure": "runner",
}

__all__ = ["Engine", "Limits", "Query", "everything", "geographica_table", "measure", "run_geographica"]


def __getattr__(name: str) -> Any:
    """Import the module of a public name when the name is first used: drivers of other engines need little of this."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
