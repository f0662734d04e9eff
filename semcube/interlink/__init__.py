# SPDX-License-Identifier: Apache-2.0
"""Interlinking: the relations between the features of two sources, found and written as links.

In come two sides (files, layers, stores, GeoDataFrames, Arrow data) with IRIs of their own. Out come links of the
Topology Vocabulary Extension of GeoSPARQL, of OWL-Time and of distance, as RDF, Parquet or a table, and a report.
Boxes find the candidates, the DE-9IM matrix of prepared geometries decides. :func:`stream` gives links as they are
found. The module can be called: ``semcube.interlink(source, target, "links.nt")`` is :func:`interlink`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semcube.interlink.batch import LinkStream, interlink, stream
    from semcube.interlink.filters import FILTERS, candidate_filter
    from semcube.interlink.links import LINKS, MEASURED_LINKS, Links
    from semcube.interlink.options import InterlinkOptions
    from semcube.interlink.partitions import interlink_in_partitions, stream_in_partitions
    from semcube.interlink.report import Report
    from semcube.interlink.selection import LinkRelations
    from semcube.interlink.time import ALLEN

_HOME = {
    "ALLEN": "time",
    "FILTERS": "filters",
    "InterlinkOptions": "options",
    "LINKS": "links",
    "LinkRelations": "selection",
    "LinkStream": "batch",
    "Links": "links",
    "MEASURED_LINKS": "links",
    "Report": "report",
    "candidate_filter": "filters",
    "interlink": "batch",
    "stream": "batch",
    "interlink_in_partitions": "partitions",
    "stream_in_partitions": "partitions",
}

__all__ = [
    "ALLEN",
    "FILTERS",
    "LINKS",
    "MEASURED_LINKS",
    "InterlinkOptions",
    "LinkRelations",
    "LinkStream",
    "Links",
    "Report",
    "candidate_filter",
    "interlink",
    "interlink_in_partitions",
    "stream",
    "stream_in_partitions",
]


def __getattr__(name: str) -> Any:
    """Import the module of a public name when the name is first used."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


class _Callable(ModuleType):
    """The module under the name of its main function."""

    def __call__(self, *given: Any, **choices: Any) -> Links:
        from semcube.interlink.batch import interlink

        return interlink(*given, **choices)


sys.modules[__name__].__class__ = _Callable
