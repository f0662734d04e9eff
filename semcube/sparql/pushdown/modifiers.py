# SPDX-License-Identifier: Apache-2.0
"""Projection, duplicates, order, slices and groups -> parts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from semcube.engines import ids
from semcube.engines.ids import Tag
from semcube.engines.relational import (
    Aggregate,
    Call,
    Column,
    Compute,
    Constant,
    Distinct,
    Limit,
    Measure,
    Scalar,
    Sort,
    SortKey,
)
from semcube.sparql import algebra
from semcube.sparql.algebra import Algebra, OrderCondition, Variable
from semcube.sparql.pushdown.names import column_name
from semcube.sparql.pushdown.parts import Domain, Part, bit, looked_up, only

if TYPE_CHECKING:
    from semcube.sparql.pushdown.patterns import Compiler, GraphName

__all__ = ["compile_modifier"]

_COUNTED = Domain(bit(Tag.INTEGER), inexact=False)


def compile_modifier(compiler: Compiler, node: Algebra, graph: GraphName) -> Part | None:
    """The part of a solution modifier, None for every other node."""
    if isinstance(graph, Variable):
        return None  # a subselect hides the graph's name
    match node:
        case algebra.Project(pattern, variables):
            part = compiler.compile(pattern, graph)
            return None if part is None else _project(part, tuple(v.name for v in variables))
        case algebra.Distinct(pattern):
            part = compiler.compile(pattern, graph)
            return None if part is None else _distinct(part)
        case algebra.Slice(pattern, offset, limit):
            part = compiler.compile(pattern, graph)
            return None if part is None else _slice(part, offset, limit)
        case algebra.OrderBy(pattern, conditions):
            part = compiler.compile(pattern, graph)
            return None if part is None else _order(part, conditions, compiler)
        case algebra.Group(pattern, keys, aggregates):
            part = compiler.compile(pattern, graph)
            return None if part is None else _group(part, keys, aggregates)
        case _:
            return None


def _project(part: Part, names: tuple[str, ...]) -> Part:
    """These variables; those that the pattern does not have are unbound."""
    hidden = tuple(dict.fromkeys((*part.hidden, *(c for c in _sorted_by(part) if c not in map(column_name, names)))))
    null = Call("bigint", (Constant(None),))
    listed: list[tuple[str, Scalar]] = [
        (column_name(name), Column(column_name(name)) if name in part.domains else null) for name in names
    ]
    listed += [(column, Column(column)) for column in hidden]
    return Part(
        Compute(part.relation, tuple(listed) or (("_", Constant(1)),)),
        {name: part.domains.get(name, Domain(0, inexact=False)) for name in names},
        part.certain & set(names),
        part.rows,
        {name: part.distinct.get(name, 1.0) for name in names},
        part.order,
        hidden,
        {name: predicate for name, predicate in part.predicates.items() if name in names},
        part.filtered,
    )


def _sorted_by(part: Part) -> list[str]:
    return [key.value.name for key in part.order if isinstance(key.value, Column)]


def _distinct(part: Part) -> Part | None:
    """Without duplicates; the order has to be one of what is left."""
    visible = {column_name(name) for name in part.variables}
    if any(column.removeprefix("text ") not in visible for column in part.hidden):
        return None
    if not part.domains:
        return part.with_relation(Limit(part.relation, 0, 1), 1.0)
    return part.with_relation(Distinct(part.relation))


def _slice(part: Part, offset: int, limit: int | None) -> Part:
    relation = Sort(part.relation, part.order) if part.order else part.relation
    rows = part.rows if limit is None else min(part.rows, float(limit))
    return part.with_relation(Limit(relation, offset, limit), rows)


def _order(part: Part, conditions: tuple[OrderCondition, ...], compiler: Compiler) -> Part | None:
    """Orders that ids or texts have: integers, IRIs by their text, strings by code point (as UTF-8 orders them)."""
    keys: list[SortKey] = []
    for condition in conditions:
        expression = condition.expression
        if not isinstance(expression, Variable) or expression.name not in part.domains:
            return None
        column, domain = column_name(expression.name), part.domains[expression.name]
        if not domain.within(Tag.INTEGER):
            if domain.foreign or not (domain.within(Tag.IRI) or domain.within(Tag.STRING)):
                return None
            part, column = _with_text(part, column, compiler)
        keys.append(SortKey(Column(column), condition.descending, nulls_first=not condition.descending))
    return replace(part, order=tuple(keys) + part.order)


def _with_text(part: Part, column: str, compiler: Compiler) -> tuple[Part, str]:
    """The part with the lexical form of a column."""
    added = f"text {column}"
    if added in part.hidden:
        return part, added
    found = looked_up(part.relation, column, compiler.leaves.texts(), added)
    names = (*(column_name(v) for v in part.variables), *part.hidden, added)
    return replace(part, relation=only(found, names), hidden=(*part.hidden, added)), added


def _group(
    part: Part,
    keys: tuple[tuple[Variable, algebra.Expression], ...],
    aggregates: tuple[tuple[Variable, algebra.Aggregate], ...],
) -> Part | None:
    """Groups by variables, counted, or with the least or greatest integer."""
    domains: dict[str, Domain] = {}
    renamed: list[tuple[str, Scalar]] = []
    certain = set()
    for variable, expression in keys:
        if not isinstance(expression, Variable) or expression.name not in part.domains:
            return None
        domains[variable.name] = part.domains[expression.name]
        renamed.append((column_name(variable.name), Column(column_name(expression.name))))
        certain |= {variable.name} if expression.name in part.certain else set()
    measures = []
    for variable, call in aggregates:
        measure = _measure(part, call)
        if measure is None:
            return None
        measures.append((column_name(variable.name), measure))
        counts = call.name == "COUNT"
        domains[variable.name] = _COUNTED
        certain |= {variable.name} if counts or keys else set()
    used = sorted({m.argument.name for _, m in measures if isinstance(m.argument, Column)})
    inner = Compute(
        part.relation, tuple(renamed) + tuple((f"of {c}", Column(c)) for c in used) or (("_", Constant(1)),)
    )
    measures = [
        (name, replace(m, argument=Column(f"of {m.argument.name}")) if isinstance(m.argument, Column) else m)
        for name, m in measures
    ]
    grouped = Aggregate(inner, tuple(name for name, _ in renamed), tuple(measures))
    zero = Constant(ids.make(Tag.INTEGER, ids.BIAS))
    counted = {column_name(v.name) for v, call in aggregates if call.name == "COUNT"}
    listed: list[tuple[str, Scalar]] = [(name, Column(name)) for name, _ in renamed]
    listed += [(name, Call("+", (Column(name), zero)) if name in counted else Column(name)) for name, _ in measures]
    rows = 1.0
    for _, expression in keys:
        rows *= part.distinct.get(expression.name, 1.0) if isinstance(expression, Variable) else 1.0
    rows = min(rows, part.rows) if keys else 1.0
    relation = Compute(grouped, tuple(listed) or (("_", Constant(1)),))
    return Part(relation, domains, frozenset(certain), rows, dict.fromkeys(domains, rows))


def _measure(part: Part, call: algebra.Aggregate) -> Measure | None:
    """COUNT of anything; MIN and MAX of columns of integers without gaps, whose ids order as they do."""
    if call.name == "COUNT" and not call.arguments:
        return None if call.distinct else Measure("count")
    if len(call.arguments) != 1 or not isinstance(call.arguments[0], Variable):
        return None
    name = call.arguments[0].name
    if name not in part.domains:
        return None
    if call.name == "COUNT":
        return Measure("count", Column(column_name(name)), call.distinct)
    if call.name in ("MIN", "MAX") and name in part.certain and part.domains[name].within(Tag.INTEGER):
        return Measure(call.name.lower(), Column(column_name(name)))
    return None
