# SPDX-License-Identifier: Apache-2.0
"""GROUP BY and aggregates (section 18.5.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from semcube.sparql.aggregates import aggregate
from semcube.sparql.algebra import Aggregate, Group
from semcube.sparql.context import Context
from semcube.sparql.evaluate.exists import exists_in
from semcube.sparql.evaluate.run import operator, run
from semcube.sparql.evaluate.solutions import Solutions, collect_within
from semcube.sparql.evaluate.tables import group_rows
from semcube.sparql.expressions import evaluate
from semcube.sparql.scope import expression_variables, in_scope

if TYPE_CHECKING:
    import numpy as np

__all__: list[str] = []

_TIMES = 5.0
"""Memory of grouping, as a multiple of the rows."""


@operator(Group)
def group(node: Group, context: Context) -> Iterator[Solutions]:
    """One solution per group; without keys one for all, even of nothing."""
    names = _needed(node)
    held = context.reserve("GROUP BY", times=_TIMES)
    solutions = collect_within((batch.select(names) for batch in run(node.pattern, context)), held)
    if node.keys and not solutions.rows:
        return
    exists = exists_in(context)
    keys = {variable.name: evaluate(expression, solutions, context, exists) for variable, expression in node.keys}
    first, groups = group_rows(list(keys.values()), solutions.rows)
    count = len(first) if node.keys else 1
    columns = {name: column[first] for name, column in keys.items()}
    for variable, call in node.aggregates:
        context.cancellation.check()
        columns[variable.name] = _aggregate(call, solutions, groups, count, context)
    yield from Solutions(columns, count).pieces()


def _needed(node: Group) -> list[str]:
    """The variables that keys and aggregates look at (all for ``COUNT(DISTINCT *)``)."""
    if any(not call.arguments and call.distinct for _, call in node.aggregates):
        return sorted(v.name for v in in_scope(node.pattern))
    expressions = [e for _, e in node.keys] + [a for _, call in node.aggregates for a in call.arguments]
    return sorted({v.name for expression in expressions for v in expression_variables(expression)})


def _aggregate(call: Aggregate, solutions: Solutions, groups: np.ndarray, count: int, context: Context) -> np.ndarray:
    """The value of an aggregate for each group."""
    if not call.arguments and call.distinct:
        first, _ = group_rows([groups, *solutions.columns.values()], solutions.rows)
        groups = groups[first]
    exists = exists_in(context)
    arguments = [evaluate(expression, solutions, context, exists) for expression in call.arguments]
    return aggregate(call, arguments, groups, count, context)
