# SPDX-License-Identifier: Apache-2.0
"""Runs spatial selections and joins: by the index first, or by the pattern first, whichever expects fewer rows."""

from __future__ import annotations

from collections.abc import Iterator

from semcube.sparql.algebra import Filter, Join
from semcube.sparql.context import Context
from semcube.sparql.evaluate.run import operator, run
from semcube.sparql.evaluate.solutions import Solutions
from semcube.sparql.plan import SpatialJoin, SpatialSelect


@operator(SpatialSelect)
def spatial_select(node: SpatialSelect, context: Context) -> Iterator[Solutions]:
    """A filter with a constant geometry."""
    return run(Filter(node.expression, node.pattern), context)


@operator(SpatialJoin)
def spatial_join(node: SpatialJoin, context: Context) -> Iterator[Solutions]:
    """Two patterns joined by a spatial filter."""
    return run(Filter(node.expression, Join(node.left, node.right)), context)
