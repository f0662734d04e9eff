# SPDX-License-Identifier: Apache-2.0
"""Graph patterns -> parts; each function gives None where SQL might differ from the reference operator."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from semcube.engines.relational import (
    AntiJoin,
    Call,
    Column,
    Compute,
    Constant,
    Distinct,
    Empty,
    Inline,
    Join,
    LeftJoin,
    Relational,
    Scalar,
    SemiJoin,
    UnionAll,
)
from semcube.io.terms import IRI, Literal
from semcube.sparql import algebra
from semcube.sparql.algebra import BGP, Algebra, Exists, Expression, Filter, Operation, Variable
from semcube.sparql.dataset import QuadPattern
from semcube.sparql.plan import IdTable
from semcube.sparql.pushdown.filters import Conditions, selected
from semcube.sparql.pushdown.names import column_name
from semcube.sparql.pushdown.parts import IRIS, RESOURCES, Domain, Filtered, Leaves, Part, domain_of_ids
from semcube.sparql.scope import expression_variables, in_scope

if TYPE_CHECKING:
    from semcube.sparql.context import Context

__all__ = ["Compiler"]

GraphName = Variable | IRI | None


class Compiler:
    """Compiles one sub-plan.

    Args:
        leaves: The dataset's tables.
        context: The evaluation.
    """

    def __init__(self, leaves: Leaves, context: Context) -> None:
        self.leaves = leaves
        self.context = context

    def compile(self, node: Algebra, graph: GraphName = None) -> Part | None:
        """The part of a node that is evaluated in a graph."""
        from semcube.sparql.pushdown import modifiers

        match node:
            case BGP(triples, own) if triples:
                return self._bgp(triples, graph if own is None else own)
            case IdTable():
                return self._table({v.name: c for v, c in zip(node.variables, node.columns, strict=True)}, node.rows)
            case algebra.Values(variables, rows):
                columns = {
                    v.name: self.context.terms.intern_terms([row[i] for row in rows]) for i, v in enumerate(variables)
                }
                return self._table(columns, len(rows))
            case algebra.Join(left, right):
                return self._both(left, right, graph, self._join)
            case algebra.LeftJoin(left, right, expression):
                return self._left_join(left, right, expression, graph)
            case algebra.Union(left, right):
                return self._both(left, right, graph, self._union)
            case algebra.Minus(left, right):
                return self._minus(left, right, graph)
            case algebra.Graph(name, pattern):
                return (
                    None
                    if isinstance(name, Variable) and not _graph_is_plain(pattern, name)
                    else self.compile(pattern, name)
                )
            case Filter(expression, pattern):
                return self._filter(expression, pattern, graph)
            case algebra.Extend(pattern, variable, expression):
                part = self.compile(pattern, graph)
                return None if part is None else self._extend(part, variable.name, expression)
            case _:
                return modifiers.compile_modifier(self, node, graph)

    # --- leaves -----------------------------------------------------------------------------------------------------

    def _bgp(self, triples: tuple[algebra.TriplePattern, ...], graph: GraphName) -> Part | None:
        """A basic graph pattern: scans joined from the smallest on, each connected to those before it if it can be."""
        parts = [self._leaf(QuadPattern(t.subject, t.predicate, t.object, graph, self.context.active)) for t in triples]
        if any(part.rows == 0 and isinstance(part.relation, Empty) for part in parts):
            domains = {name: domain for part in parts for name, domain in part.domains.items()}
            return Part(_empty(domains), domains, frozenset(domains), 0.0, dict.fromkeys(domains, 0.0))
        parts.sort(key=lambda part: part.rows)
        joined = parts.pop(0)
        while parts:
            best = min(parts, key=lambda part: (not set(part.domains) & set(joined.domains), _estimate(joined, part)))
            parts.remove(best)
            joined = self._inner(joined, best)
        return joined

    def _leaf(self, pattern: QuadPattern) -> Part:
        names = [v.name for v in pattern.variables]
        scanned = self.leaves.scan(pattern)
        domains = dict.fromkeys(names, RESOURCES)
        predicate = None if isinstance(pattern.predicate, Variable) else self.leaves.id_of(pattern.predicate)
        facts = self.leaves.facts(predicate)
        if isinstance(pattern.object, Variable):
            of_objects = (
                Domain(0, inexact=False) if facts is None else Domain(facts.tags, facts.inexact, times=facts.times)
            )
            same = pattern.object == pattern.subject
            domains[pattern.object.name] = of_objects.meet(RESOURCES) if same else of_objects
        for place in (pattern.predicate, pattern.graph):
            if isinstance(place, Variable):
                domains[place.name] = domains[place.name].meet(IRIS)
        if scanned is None or facts is None:
            return Part(_empty(domains), domains, frozenset(names), 0.0, dict.fromkeys(names, 0.0))
        rows = self.leaves.estimate(pattern).rows
        subjects, objects = self.leaves.distinct(predicate)
        distinct = dict.fromkeys(names, rows)
        if isinstance(pattern.subject, Variable):
            distinct[pattern.subject.name] = min(rows, subjects)
        if isinstance(pattern.object, Variable):
            distinct[pattern.object.name] = min(rows, objects)
        known = isinstance(pattern.object, Variable) and predicate is not None
        predicates = {pattern.object.name: predicate} if known else {}  # type: ignore[union-attr]
        return Part(scanned, domains, frozenset(names), rows, distinct, predicates=predicates)  # type: ignore[arg-type]

    def _table(self, columns: dict[str, np.ndarray], rows: int) -> Part | None:
        """Known solutions."""
        if not columns:
            return None
        arrays = [pa.array(column, pa.int64(), mask=column == 0) for column in columns.values()]
        table = pa.Table.from_arrays(arrays, names=[column_name(name) for name in columns])
        domains = {name: domain_of_ids(column) for name, column in columns.items()}
        certain = frozenset(name for name, column in columns.items() if bool((column != 0).all()))
        return Part(Inline(table), domains, certain, float(rows), dict.fromkeys(columns, float(rows)))

    # --- joins ------------------------------------------------------------------------------------------------------

    def _both(self, left: Algebra, right: Algebra, graph: GraphName, how: object) -> Part | None:
        first = self.compile(left, graph)
        second = None if first is None else self.compile(right, graph)
        if first is None or second is None:
            return None
        return how(_plain(first), _plain(second))  # type: ignore[operator, no-any-return]

    def _shared(self, left: Part, right: Part) -> tuple[str, ...] | None:
        """The variables to join on; None where one of them may be unbound on a side."""
        shared = tuple(name for name in left.variables if name in right.domains)
        return shared if set(shared) <= left.certain & right.certain else None

    def _join(self, left: Part, right: Part) -> Part | None:
        return None if self._shared(left, right) is None else self._inner(left, right)

    def _inner(self, left: Part, right: Part) -> Part:
        """The inner join on certainly bound variables; the smaller side is built, the larger one streams past it."""
        if left.rows < right.rows:
            left, right = right, left
        shared = tuple(name for name in left.variables if name in right.domains)
        domains = {**left.domains, **right.domains}
        domains.update({name: left.domains[name].meet(right.domains[name]) for name in shared})
        rows = _estimate(left, right)
        distinct = {name: min(rows, left.distinct.get(name, rows), right.distinct.get(name, rows)) for name in domains}
        relation = Join(left.relation, right.relation, tuple(column_name(name) for name in shared))
        return Part(
            relation,
            domains,
            left.certain | right.certain,
            rows,
            distinct,
            predicates={**right.predicates, **left.predicates},
            filtered=_joined_filters(left, right, relation.on),
        )

    def _left_join(self, left: Algebra, right: Algebra, expression: Expression | None, graph: GraphName) -> Part | None:
        first = self.compile(left, graph)
        second = None if first is None else self.compile(right, graph)
        if first is None or second is None:
            return None
        first, second = _plain(first), _plain(second)
        shared = self._shared(first, second)
        if shared is None:
            return None
        own = None if expression is None else self._own_filter(second, expression, graph)
        if own is not None:
            second, expression = own, None
        domains = {**second.domains, **first.domains}
        domains = {
            name: domains[name] for name in (*first.variables, *(n for n in second.variables if n not in shared))
        }
        condition = None
        if expression is not None:
            merged = Part(first.relation, domains, first.certain | second.certain, 0.0, {})
            conditions = Conditions(merged, self.leaves, self.context)
            condition = conditions.boolean(expression)
            if condition is None or conditions.part is not merged:
                return None  # the values of numbers and times would have to be joined to one of the sides
        relation = LeftJoin(first.relation, second.relation, tuple(map(column_name, shared)), condition)
        rows = max(first.rows, _estimate(first, second))
        predicates = {**second.predicates, **first.predicates}
        distinct = {**second.distinct, **first.distinct}
        return Part(relation, domains, first.certain, rows, distinct, predicates=predicates)

    def _own_filter(self, part: Part, expression: Expression, graph: GraphName) -> Part | None:
        """The optional side filtered by itself: the same where it binds all that the condition speaks of."""
        names = {variable.name for variable in expression_variables(expression)}
        if not names <= part.certain or any(isinstance(e, Exists) for e in _parts(expression)):
            return None
        if isinstance(graph, Variable) and graph.name in names:
            return None
        for conjunct in _conjuncts(expression):
            found = selected(part, conjunct, self.leaves, self.context)
            if found is None:
                return None
            part = found
        return part

    def _union(self, left: Part, right: Part) -> Part:
        names = (*left.variables, *(name for name in right.variables if name not in left.domains))
        domains = {}
        for name in names:
            known = [part.domains[name] for part in (left, right) if name in part.domains]
            domains[name] = known[0] if len(known) == 1 else known[0].either(known[1])
        sides = tuple(self._padded(part, names) for part in (left, right))
        distinct = {name: left.distinct.get(name, 0.0) + right.distinct.get(name, 0.0) for name in names}
        return Part(UnionAll(sides), domains, left.certain & right.certain, left.rows + right.rows, distinct)

    def _padded(self, part: Part, names: tuple[str, ...]) -> Relational:
        """The part with all these columns, null where it has none."""
        null = Constant(None)
        listed = tuple((column_name(n), Column(column_name(n)) if n in part.domains else _bigint(null)) for n in names)
        return Compute(part.relation, listed or (("_", Constant(1)),))

    def _minus(self, left: Algebra, right: Algebra, graph: GraphName) -> Part | None:
        first = self.compile(left, graph)
        second = None if first is None else self.compile(right, graph)
        if first is None or second is None:
            return None
        first, second = _plain(first), _plain(second)
        shared = self._shared(first, second)
        if shared is None or (isinstance(graph, Variable) and set(shared) <= {graph.name}):
            return None
        return self._against(first, second, shared, keep=False) if shared else first

    def _against(self, part: Part, other: Part, shared: tuple[str, ...], *, keep: bool) -> Part:
        """The rows of a part that have (or have not) a partner."""
        on = tuple(column_name(name) for name in shared)
        right = Distinct(Compute(other.relation, tuple((c, Column(c)) for c in on))) if on else other.relation
        relation = SemiJoin(part.relation, right, on) if keep else AntiJoin(part.relation, right, on)
        return part.with_relation(relation, max(1.0, part.rows / 2))

    # --- filters ----------------------------------------------------------------------------------------------------

    def _filter(self, expression: Expression, pattern: Algebra, graph: GraphName) -> Part | None:
        if isinstance(graph, Variable) and graph in expression_variables(expression):
            return None
        part = self.compile(pattern, graph)
        if part is None:
            return None
        part = _plain(part)
        for conjunct in _conjuncts(expression):
            found = self._conjunct(part, conjunct, graph)
            if found is None:
                return None
            part = found
        return part

    def _conjunct(self, part: Part, expression: Expression, graph: GraphName) -> Part | None:
        match expression:
            case Exists(pattern):
                return self._exists(part, pattern, graph, keep=True)
            case Operation("!", (Exists(pattern),)):
                return self._exists(part, pattern, graph, keep=False)
            case _:
                return selected(part, expression, self.leaves, self.context)

    def _exists(self, part: Part, pattern: Algebra, graph: GraphName, *, keep: bool) -> Part | None:
        """EXISTS as a semi-join: right where the pattern's variables are what substitution would put in."""
        if not _substitution_is_join(pattern):
            return None
        inner = self.compile(pattern, graph)
        if inner is None:
            return None
        inner = _plain(inner)
        shared = self._shared(part, inner)
        return None if shared is None else self._against(part, inner, shared, keep=keep)

    def _extend(self, part: Part, variable: str, expression: Expression) -> Part | None:
        """A constant, or a copy of another variable."""
        if variable in part.domains:
            return None
        name = column_name(variable)
        if isinstance(expression, Variable) and expression.name in part.domains:
            value: Column | Constant = Column(column_name(expression.name))
            domain, certain = part.domains[expression.name], expression.name in part.certain
        elif isinstance(expression, IRI | Literal):
            number = int(self.context.terms.intern_terms([expression])[0])
            value, domain, certain = Constant(number), domain_of_ids(np.array([number])), True
        else:
            return None
        kept = (*(column_name(v) for v in part.variables), *part.hidden)
        relation = Compute(part.relation, (*((c, Column(c)) for c in kept), (name, _bigint(value))))
        return replace(
            part,
            relation=relation,
            domains={**part.domains, variable: domain},
            certain=part.certain | ({variable} if certain else set()),
            distinct={**part.distinct, variable: 1.0},
        )


def _bigint(value: Column | Constant) -> Scalar:
    return value if isinstance(value, Column) else Call("bigint", (value,))


def _empty(domains: dict[str, Domain]) -> Relational:
    return Empty(tuple(column_name(name) for name in domains) or ("_",))


def _plain(part: Part) -> Part:
    """The part as a bag: an order that no slice uses has no meaning below other operators."""
    if not part.order:
        return part
    names = tuple(column_name(v) for v in part.variables)
    relation = Compute(part.relation, tuple((n, Column(n)) for n in names) or (("_", Constant(1)),))
    return replace(part, relation=relation, order=(), hidden=())


def _joined_filters(left: Part, right: Part, on: tuple[str, ...]) -> Filtered | None:
    """The join with the filters of both sides above it, where their variables mean the same there."""
    if left.filtered is None and right.filtered is None:
        return None
    sides = [part.filtered or Filtered(part.relation, part.rows) for part in (left, right)]
    for side, part in zip(sides, (left, right), strict=True):
        if any({v.name for v in expression_variables(one)} - part.certain for one in side.filters):
            return None
    rows = _estimate(replace(left, rows=sides[0].rows), replace(right, rows=sides[1].rows))
    return Filtered(Join(sides[0].relation, sides[1].relation, on), rows, sides[0].filters + sides[1].filters)


def _estimate(left: Part, right: Part) -> float:
    """Rows of a join, by the usual rule of containment of values."""
    rows = left.rows * right.rows
    for name in left.variables:
        if name in right.domains:
            rows /= max(left.distinct.get(name, 1.0), right.distinct.get(name, 1.0), 1.0)
    return rows


def _conjuncts(expression: Expression) -> list[Expression]:
    if isinstance(expression, Operation) and expression.name == "&&":
        return [part for argument in expression.arguments for part in _conjuncts(argument)]
    return [expression]


def _graph_is_plain(pattern: Algebra, name: Variable) -> bool:
    """Whether ``GRAPH ?g`` may be moved to the triple patterns below it."""
    match pattern:
        case BGP(triples, None):
            return bool(triples)
        case algebra.Join(left, right) | algebra.Union(left, right):
            return _graph_is_plain(left, name) and _graph_is_plain(right, name)
        case Filter(expression, inner):
            exists = any(isinstance(part, Exists) for part in _parts(expression))
            return not exists and name not in expression_variables(expression) and _graph_is_plain(inner, name)
        case _:
            return False


def _parts(expression: Expression) -> list[Expression]:
    from semcube.sparql.scope import expression_parts

    return list(expression_parts(expression))


def _substitution_is_join(pattern: Algebra) -> bool:
    """Whether every mention of a variable in a pattern is also in its scope, so that substituting is joining."""
    match pattern:
        case BGP(triples, _):
            return bool(triples)
        case algebra.Join(left, right):
            return _substitution_is_join(left) and _substitution_is_join(right)
        case Filter(expression, inner):
            plain = not any(isinstance(part, Exists) for part in _parts(expression))
            return plain and expression_variables(expression) <= in_scope(inner) and _substitution_is_join(inner)
        case _:
            return False
