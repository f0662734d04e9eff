# SPDX-License-Identifier: Apache-2.0
"""The aggregates of GeoSPARQL 1.1 (section 8.8): one geometry of all geometries of a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from semcube.geometry.functions import AGGREGATES
from semcube.geometry.literals import Geometries
from semcube.sparql.columns import Column
from semcube.sparql.functions.spatial import argument, geometries_of, report
from semcube.sparql.functions.table import row
from semcube.vocab import DGGS_LITERAL, GEOF, H3_LITERAL, WKT_LITERAL

if TYPE_CHECKING:
    from semcube.sparql.context import Context
    from semcube.sparql.terms import Ids

__all__ = ["spatial_aggregate"]

for _kernel in AGGREGATES.values():
    row(
        f"geof:{_kernel.name}",
        ("geometry literal", "number")[: len(_kernel.arguments)],
        "geometry literal",
        arity=(1, len(_kernel.arguments)),
        doc=_kernel.doc + " An aggregate.",
        clause="GeoSPARQL 1.1, clause 8.8",
    )


def spatial_aggregate(iri: str, arguments: list[Ids], groups: Ids, n_groups: int, context: Context) -> Ids:
    """The value of a spatial aggregate for each group; an error for a group that is empty or has an error.

    Args:
        iri: The aggregate.
        arguments: One column of geometry literals, and what the kernel takes after it.
        groups: (n,) numbers of groups.
        n_groups: How many groups there are.
        context: The evaluation.
    """
    kernel = AGGREGATES.get(iri.removeprefix(GEOF))
    if kernel is None or not arguments:
        return np.zeros(n_groups, np.int64)
    column = Column.of_ids(arguments[0])
    geometries = geometries_of(column, context)
    datatypes = column.shapes(context.terms).datatypes
    further = [argument("number", Column.of_ids(ids), context) for ids in arguments[1 : len(kernel.arguments)]]
    order = np.argsort(groups, kind="stable")
    ends = np.cumsum(np.bincount(groups, minlength=n_groups))
    found: list[Geometries] = []
    kinds: list[str] = []
    places: list[int] = []
    for group, rows in enumerate(np.split(order, ends[:-1])):
        context.cancellation.check()
        if not len(rows) or bool((geometries.crs[rows] < 0).any()):
            continue
        if not all(good[rows].all() for _, good in further):
            continue
        found.append(kernel.function(geometries.take(rows), *(float(numbers[rows[0]]) for numbers, _ in further)))
        report(context, "calls without an answer", found[-1].errors)
        kinds.append(WKT_LITERAL if datatypes[rows[0]] in (DGGS_LITERAL, H3_LITERAL) else datatypes[rows[0]])
        places.append(group)
    result = np.zeros(n_groups, np.int64)
    if found:
        shapes = Column.of_shapes(Geometries.concat(found), np.array(kinds, object))
        result[np.array(places)] = shapes.ids(context.terms)
    return result
