# SPDX-License-Identifier: Apache-2.0
"""What runs a plan: ids of terms, the relational algebra over them, and the engines that execute it.

Comes in: relational plans (:mod:`~semcube.engines.relational`) over tables of 64-bit ids (:mod:`~semcube.engines.ids`).
Goes out: Arrow batches. :class:`EmbeddedEngine` is DuckDB, :class:`semcube.engines.spark.SparkEngine` is Spark;
:func:`engines` lists what is installed, by the entry point group ``semcube.engines``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_WHERE = {
    "Cancellation": "base",
    "EmbeddedEngine": "embedded",
    "Engine": "base",
    "Statement": "sql",
    "TaskEngine": "base",
    "compile_sql": "sql",
    "engine_class": "registry",
    "engines": "registry",
}

__all__ = [
    "Cancellation",
    "EmbeddedEngine",
    "Engine",
    "Statement",
    "TaskEngine",
    "compile_sql",
    "engine_class",
    "engines",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
