# SPDX-License-Identifier: Apache-2.0
"""The functions of SPARQL 1.1 and GeoSPARQL 1.1, one table row each.

In comes a name or an IRI, out comes its :class:`Function`: arities, kinds of arguments, kernel, documentation. A kernel
works on the objects of one solution or on whole columns; :mod:`semcube.sparql.expressions` calls it.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from semcube.sparql.functions.table import ROWS, Function

__all__ = ["Function", "by_iri", "by_name", "table"]

_MODULES = (
    "special",
    "numeric",
    "rdf_terms",
    "strings",
    "patterns",
    "temporal",
    "casts",
    "spatial",
    "spatial_literals",
    "spatial_aggregates",
)


@cache
def table() -> tuple[Function, ...]:
    """Every operator, function and aggregate.

    Example:
        >>> next(row for row in table() if row.name == "STRLEN").doc
        'The number of characters (Unicode code points).'
    """
    for name in _MODULES:
        import_module(f"{__name__}.{name}")
    import_module("semcube.sparql.aggregates")
    return tuple(ROWS)


@cache
def _by_name() -> dict[str, Function]:
    return {row.name.upper(): row for row in table() if row.iri is None}


@cache
def _by_iri() -> dict[str, Function]:
    return {row.iri: row for row in table() if row.iri is not None}


def by_name(name: str) -> Function | None:
    """The operator or built-in function of a symbol or keyword, in any case."""
    return _by_name().get(name.upper())


def by_iri(iri: str) -> Function | None:
    """The function of an IRI."""
    return _by_iri().get(iri)
