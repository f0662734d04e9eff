# SPDX-License-Identifier: Apache-2.0
"""GROUP BY and aggregates (section 18.5.1).

All solutions are grouped at once where they fit into memory. Where they do not, and the aggregates allow it, they are
grouped in portions: what the groups have so far goes before the solutions of the next portion, so that sums are added
in the same order, and the answer is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from semcube.sparql.aggregates import aggregate, averages, count_ids
from semcube.sparql.algebra import Aggregate, Group
from semcube.sparql.context import Context
from semcube.sparql.evaluate.exists import exists_in
from semcube.sparql.evaluate.run import operator, run
from semcube.sparql.evaluate.solutions import Solutions, collect
from semcube.sparql.evaluate.tables import group_rows
from semcube.sparql.expressions import evaluate
from semcube.sparql.scope import expression_variables, in_scope

if TYPE_CHECKING:
    from semcube.engines.reservations import Reservation

__all__: list[str] = []

_TIMES = 5.0
"""Memory of grouping, as a multiple of the rows."""
_VALUE = 256
"""Bytes of a value of a group while it is made."""
_FEW = 1000
_NUMBERED = ("COUNT", "MIN", "MAX", "SAMPLE")
"""Aggregates whose values have ids at once."""
_IN_PORTIONS = ("COUNT", "SUM", "AVG", "MIN", "MAX", "SAMPLE")


@operator(Group)
def group(node: Group, context: Context) -> Iterator[Solutions]:
    """One solution per group; without keys one for all, even of nothing."""
    names = _needed(node)
    groups: _Groups | None = None
    portions = all(call.name in _IN_PORTIONS and not call.distinct for _, call in node.aggregates)
    with context.reserve("GROUP BY", times=_TIMES) as rows, context.reserve("GROUP BY") as kept:
        held: list[Solutions] = []
        for batch in run(node.pattern, context):
            held.append(batch.select(names))
            if rows.fits(held[-1].nbytes):
                continue
            groups = _added(groups, collect(held), node, context) if portions else None
            if groups is None:
                rows.refuse()
            held = []
            rows.release()
            kept.release()
            kept.grow(groups.count * len(node.aggregates) * _VALUE)
        solutions = collect(held)
        if groups is not None:
            groups = _added(groups, solutions, node, context)
            yield from (rows.refuse() if groups is None else groups.solutions(node, context)).pieces()
        elif solutions.rows or not node.keys:
            yield from _whole(solutions, node, context, kept).pieces()


def _needed(node: Group) -> list[str]:
    """The variables that keys and aggregates look at (all for ``COUNT(DISTINCT *)``)."""
    if any(not call.arguments and call.distinct for _, call in node.aggregates):
        return sorted(v.name for v in in_scope(node.pattern))
    expressions = [e for _, e in node.keys] + [a for _, call in node.aggregates for a in call.arguments]
    return sorted({v.name for expression in expressions for v in expression_variables(expression)})


def _whole(solutions: Solutions, node: Group, context: Context, kept: Reservation) -> Solutions:
    """All groups of all solutions."""
    exists = exists_in(context)
    keys = {variable.name: evaluate(expression, solutions, context, exists) for variable, expression in node.keys}
    first, groups = group_rows(list(keys.values()), solutions.rows)
    count = len(first) if node.keys else 1
    columns = {name: column[first] for name, column in keys.items()}
    kept.grow(count * sum(call.name not in _NUMBERED for _, call in node.aggregates) * _VALUE)
    for variable, call in node.aggregates:
        context.cancellation.check()
        columns[variable.name] = _aggregate(call, solutions, groups, count, context)
    return Solutions(columns, count)


def _aggregate(call: Aggregate, solutions: Solutions, groups: np.ndarray, count: int, context: Context) -> np.ndarray:
    """The value of an aggregate for each group."""
    if not call.arguments and call.distinct:
        first, _ = group_rows([groups, *solutions.columns.values()], solutions.rows)
        groups = groups[first]
    exists = exists_in(context)
    arguments = [evaluate(expression, solutions, context, exists) for expression in call.arguments]
    return aggregate(call, arguments, groups, count, context)


@dataclass(frozen=True, slots=True)
class _Groups:
    """What groups have so far: their keys, and for each aggregate a value (the sum of AVG) and a number of rows."""

    keys: list[np.ndarray]
    values: list[np.ndarray]
    numbers: list[np.ndarray]
    count: int

    def solutions(self, node: Group, context: Context) -> Solutions:
        """The groups with what their aggregates come to."""
        columns = {variable.name: column for (variable, _), column in zip(node.keys, self.keys, strict=True)}
        for (variable, call), value, number in zip(node.aggregates, self.values, self.numbers, strict=True):
            match call.name:
                case "COUNT":
                    columns[variable.name] = count_ids(number)
                case "AVG":
                    columns[variable.name] = averages(value, number, context)
                case _:
                    columns[variable.name] = value
        return Solutions(columns, self.count)


def _added(before: _Groups | None, solutions: Solutions, node: Group, context: Context) -> _Groups | None:
    """The groups with one more portion of solutions; None where there are nearly as many groups as solutions."""
    exists = exists_in(context)
    old = 0 if before is None else before.count
    keys = [evaluate(expression, solutions, context, exists) for _, expression in node.keys]
    if before is not None:
        keys = [np.concatenate(pair) for pair in zip(before.keys, keys, strict=True)]
    first, groups = group_rows(keys, old + solutions.rows)
    count = len(first) if node.keys else 1
    if solutions.rows and count > max(_FEW, (old + solutions.rows) // 2):
        return None
    values, numbers = [], []
    for place, (_, call) in enumerate(node.aggregates):
        context.cancellation.check()
        arguments = [evaluate(expression, solutions, context, exists) for expression in call.arguments]
        counted = groups[old:][arguments[0] != 0] if call.name == "COUNT" and arguments else groups[old:]
        number = np.bincount(counted, minlength=count)
        if before is not None:
            number[groups[:old]] += before.numbers[place]
            arguments = [np.concatenate([before.values[place], column]) for column in arguments]
        name = "SUM" if call.name == "AVG" else call.name
        own = Aggregate(name, call.arguments)
        value = number if name == "COUNT" else aggregate(own, arguments, groups, count, context)
        values.append(value)
        numbers.append(number)
    return _Groups([key[first] for key in keys], values, numbers, count)
