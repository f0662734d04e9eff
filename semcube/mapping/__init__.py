# SPDX-License-Identifier: Apache-2.0
"""Mappings: rules that turn tables, features and rasters into quads.

In come files and, if there is one, an R2RML, RML or YARRRML mapping; without one a mapping is made by rule. Out come
quads as Arrow batches of keys (:data:`semcube.io.terms.QUADS`), RDF files, or the mapping and its ontology as Turtle.
Every term of a batch is computed by one SQL projection; nothing is a Python object per row.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semcube.mapping.generator import Generated, generate
    from semcube.mapping.materialise import TransformOptions, quads, transform
    from semcube.mapping.model import LogicalSource, Mapping, PredicateObjectMap, TermMap, TriplesMap
    from semcube.mapping.parse import read_mapping
    from semcube.mapping.partitions import transform_in_partitions
    from semcube.mapping.processes import transform_in_processes
    from semcube.mapping.report import LayerReport, TransformReport
    from semcube.mapping.turtle import mapping_turtle

_MODULES = {
    "generator": ("Generated", "generate"),
    "model": ("LogicalSource", "Mapping", "PredicateObjectMap", "TermMap", "TriplesMap"),
    "parse": ("read_mapping",),
    "partitions": ("transform_in_partitions",),
    "processes": ("transform_in_processes",),
    "report": ("LayerReport", "TransformReport"),
    "materialise": ("TransformOptions", "quads", "transform"),
    "turtle": ("mapping_turtle",),
}

__all__ = [
    "Generated",
    "LayerReport",
    "LogicalSource",
    "Mapping",
    "PredicateObjectMap",
    "TermMap",
    "TransformOptions",
    "TransformReport",
    "TriplesMap",
    "generate",
    "mapping_turtle",
    "quads",
    "read_mapping",
    "transform",
    "transform_in_partitions",
    "transform_in_processes",
]


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
