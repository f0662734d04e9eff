# SPDX-License-Identifier: Apache-2.0
"""The columnar store: RDF quads, terms and geometries of one folder, queried and changed with GeoSPARQL.

Comes in: RDF files, mapped files, batches of quads, SPARQL Query and Update. Goes out: results as Arrow, data
frames, RDF or text. A :class:`Store` is a dataset for queries (:mod:`semcube.sparql.dataset`); each query runs on a
snapshot of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_WHERE = {
    "LoadReport": "transaction",
    "Result": "result",
    "Snapshot": "snapshot",
    "Store": "store",
    "StoreInfo": "info",
}

__all__ = ["LoadReport", "Result", "Snapshot", "Store", "StoreInfo"]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
