# SPDX-License-Identifier: Apache-2.0
"""``EXISTS`` by substitution (section 18.6), set at a time where that is provably the same.

The bindings of the outer solution take the place of its variables inside the pattern: in each leaf that mentions one,
and in each expression. A variable keeps counting as bound where MINUS compares domains. A sub-select hides what it does
not project.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from semcube.engines import ids
from semcube.sparql.algebra import (
    BGP,
    Algebra,
    Distinct,
    Expression,
    Extend,
    Filter,
    Graph,
    Group,
    Join,
    LeftJoin,
    Minus,
    OrderBy,
    Path,
    Project,
    Reduced,
    Service,
    Slice,
    TermPattern,
    TriplePattern,
    Union,
    Unit,
    Values,
    Variable,
    ZeroOrMorePath,
    ZeroOrOnePath,
)
from semcube.sparql.context import Context
from semcube.sparql.evaluate.joins import CompatibleRows
from semcube.sparql.evaluate.restrict import restrict
from semcube.sparql.evaluate.run import run, solve
from semcube.sparql.evaluate.solutions import Solutions
from semcube.sparql.evaluate.tables import group_rows
from semcube.sparql.plan import IdTable, id_table
from semcube.sparql.scope import certain, children, expression_variables, in_scope, mentioned, with_children

__all__ = ["Substitution", "exists_in", "joins_as_substituted"]

RESTRICTED_ROWS = 4096
"""Distinct outer bindings, at most, that restrict the pattern; with more it is evaluated as a whole, once."""


ExistsFunction = Callable[[Algebra, Solutions], np.ndarray]


def exists_in(context: Context) -> ExistsFunction:
    """The function that tells for each solution whether a pattern exists for it; patterns are evaluated once."""
    builds: dict[Algebra, CompatibleRows] = {}
    quiet = replace(context, trace=None)

    def exists(pattern: Algebra, solutions: Solutions) -> np.ndarray:
        names = sorted(v.name for v in mentioned(pattern) if v.name in solutions.columns)
        first, group = group_rows([solutions.columns[name] for name in names], solutions.rows)
        bindings = solutions.select(names).take(first)
        known = builds.get(pattern)
        found = _exists(pattern, bindings, quiet, builds) if known is None else known.compatible(bindings)
        answer: np.ndarray = found[group]
        return answer

    return exists


def _exists(
    pattern: Algebra, bindings: Solutions, context: Context, builds: dict[Algebra, CompatibleRows]
) -> np.ndarray:
    """Whether the pattern has a solution, for each of the distinct bindings."""
    outer = frozenset(name for name, column in bindings.columns.items() if bool((column != 0).any()))
    if not outer:
        return np.full(bindings.rows, _any(pattern, context), bool)
    if joins_as_substituted(pattern, outer):
        shared = sorted(outer & {v.name for v in in_scope(pattern)})
        if bindings.rows <= RESTRICTED_ROWS:
            found = solve(restrict(pattern, bindings, context), context).select(shared)
            return CompatibleRows(found, shared).compatible(bindings)
        builds[pattern] = CompatibleRows(solve(pattern, context).select(shared), shared)
        return builds[pattern].compatible(bindings)
    together = _all_at_once(pattern, bindings, outer, context)
    if together is not None:
        return together
    exist = np.zeros(bindings.rows, bool)
    for row in range(bindings.rows):
        context.cancellation.check()
        numbers = {name: int(column[row]) for name, column in bindings.columns.items() if column[row] != 0}
        exist[row] = _any(Substitution(numbers, context).apply(pattern), context)
    return exist


def _all_at_once(pattern: Algebra, bindings: Solutions, outer: frozenset[str], context: Context) -> np.ndarray | None:
    """Filters that look at outer variables, over a pattern that joins as substituted: one join, then the filters.

    None where the pattern has another shape, or a binding is not bound in all rows.
    """
    from semcube.sparql.plan_spatial import with_spatial_nodes

    bound = all(bool((bindings.columns[name] != 0).all()) for name in outer)
    filters: list[Expression] = []
    inner = pattern
    while isinstance(inner, Filter):
        filters.append(inner.expression)
        inner = inner.pattern
    if not filters or not bound or not joins_as_substituted(inner, outer):
        return None
    known = bindings.select(sorted(outer))
    joined: Algebra = Join(id_table(known.columns), restrict(inner, known, context))
    for expression in reversed(filters):
        joined = Filter(expression, joined)
    planned = joined if context.push_down == "off" else with_spatial_nodes(joined)
    found = solve(Distinct(Project(planned, tuple(Variable(name) for name in known.columns))), context)
    return CompatibleRows(found, list(known.columns)).compatible(known)


def _any(pattern: Algebra, context: Context) -> bool:
    return any(batch.rows for batch in run(pattern, context))


# --- where a semi-join is the same ------------------------------------------------------------------------------------


def _names(variables: frozenset[Variable]) -> frozenset[str]:
    return frozenset(v.name for v in variables)


def _variable_names(*places: TermPattern) -> frozenset[str]:
    return frozenset(place.name for place in places if isinstance(place, Variable))


def _exposed(node: Algebra) -> frozenset[Variable]:
    """The variables that substitution can reach: a sub-select hides all but its own."""
    if isinstance(node, Project):
        return frozenset(node.variables)
    if isinstance(node, Slice | Distinct | Reduced):
        return _exposed(node.pattern)
    return mentioned(node)


def joins_as_substituted(node: Algebra, outer: frozenset[str]) -> bool:
    """Whether substitution of any bindings of ``outer`` gives a solution exactly where the pattern's own solutions
    have a compatible one."""
    outer = outer & _names(_exposed(node))
    if not outer:
        return True
    match node:
        case BGP() | Values() | IdTable() | Unit():
            return True
        case Path(subject, path, object_, _):
            return not (outer & _variable_names(subject, object_)) or not _matches_empty(path)
        case Filter(expression, pattern):
            return _sees_same(expression, pattern, outer) and joins_as_substituted(pattern, outer)
        case Extend(pattern, variable, expression):
            return (
                variable.name not in outer
                and _sees_same(expression, pattern, outer)
                and joins_as_substituted(pattern, outer)
            )
        case LeftJoin(left, right, expression):
            inner = mentioned(right) if expression is None else mentioned(right) | expression_variables(expression)
            return outer & _names(inner) <= _names(certain(left)) and _both(left, right, outer)
        case Minus(left, right):
            return outer & _names(mentioned(right)) <= _names(certain(left)) and _both(left, right, outer)
        case Group(pattern, keys, _):
            plain = {v.name for v, e in keys if v == e and v in certain(pattern)}
            return outer <= plain and joins_as_substituted(pattern, outer)
        case Project(pattern, variables):
            return joins_as_substituted(pattern, outer & {v.name for v in variables})
        case Join() | Union() | Graph() | Distinct() | Reduced() | OrderBy() | Service():
            return all(joins_as_substituted(child, outer) for child in children(node))
        case _:
            return False


def _both(left: Algebra, right: Algebra, outer: frozenset[str]) -> bool:
    return joins_as_substituted(left, outer) and joins_as_substituted(right, outer)


def _sees_same(expression: Expression, pattern: Algebra, outer: frozenset[str]) -> bool:
    """Whether the expression has each outer variable bound by the pattern itself."""
    return outer & _names(expression_variables(expression)) <= _names(certain(pattern))


def _matches_empty(path: object) -> bool:
    """Whether a path can match without an edge."""
    if isinstance(path, ZeroOrMorePath | ZeroOrOnePath):
        return True
    parts = [getattr(path, name) for name in ("path", "left", "right") if hasattr(path, name)]
    return any(_matches_empty(part) for part in parts)


# --- substitution -----------------------------------------------------------------------------------------------------


class Substitution:
    """Replaces variables by terms in a pattern.

    Args:
        numbers: Variable name -> id of its term.
        context: Decodes the ids.
        everywhere: Also in sub-selects that do not project the variable (for parameters of a query).
    """

    def __init__(self, numbers: dict[str, int], context: Context, *, everywhere: bool = False) -> None:
        self.numbers = numbers
        self.context = context
        self.everywhere = everywhere

    def _only(self, names: frozenset[str]) -> Substitution:
        kept = {name: number for name, number in self.numbers.items() if name in names}
        return Substitution(kept, self.context, everywhere=self.everywhere)

    def _table(self, names: frozenset[str]) -> IdTable:
        chosen = sorted(name for name in self.numbers if name in names)
        return id_table({name: np.array([self.numbers[name]], np.int64) for name in chosen})

    def _touches(self, variables: frozenset[Variable]) -> frozenset[str]:
        return frozenset(self.numbers) & _names(variables)

    def apply(self, node: Algebra) -> Algebra:
        """The pattern with the terms in place; it still binds the variables."""
        if not self._touches(mentioned(node)):
            return node
        match node:
            case BGP() | Path():
                return self._leaf(node)
            case Values() | IdTable():
                return Join(self._table(self._touches(in_scope(node))), node)
            case Filter(expression, pattern):
                seen = self._seeing(self.apply(pattern), expression)
                return self._hide(Filter(expression, seen), seen, pattern)
            case Extend(pattern, variable, expression):
                inner = self._only(frozenset(self.numbers) - {variable.name})
                seen = inner._seeing(inner.apply(pattern), expression)
                extended = inner._hide(Extend(seen, variable, expression), seen, pattern, variable)
                return Join(self._table(frozenset({variable.name})), extended) if self._has(variable) else extended
            case LeftJoin(left, right, expression):
                seen = self.apply(left) if expression is None else self._seeing(self.apply(left), expression)
                return self._hide(LeftJoin(seen, self.apply(right), expression), seen, left, *in_scope(right))
            case Project(pattern, variables) if not self.everywhere:
                return Project(self._only(frozenset(v.name for v in variables)).apply(pattern), variables)
            case Graph(name, pattern):
                inside: Algebra = Graph(name, self.apply(pattern))
                return Join(self._table(_variable_names(name)), inside) if self._has(name) else inside
            case Group():
                return self._group(node)
            case Service(name, pattern):
                inside = replace(node, pattern=Join(self._table(self._touches(in_scope(pattern))), pattern))
                return Join(self._table(_variable_names(name)), inside) if self._has(name) else inside
            case OrderBy(pattern, conditions):
                return OrderBy(self._seeing(self.apply(pattern), *(c.expression for c in conditions)), conditions)
            case Slice() | Project() | Join() | Union() | Minus() | Distinct() | Reduced():
                return with_children(node, tuple(self.apply(child) for child in children(node)))
            case _:
                return node

    def _has(self, term: object) -> bool:
        return isinstance(term, Variable) and term.name in self.numbers

    def _seeing(self, pattern: Algebra, *expressions: Expression) -> Algebra:
        """The pattern with the variables of expressions bound that it does not bind for certain itself."""
        wanted = frozenset().union(*(self._touches(expression_variables(e)) for e in expressions))
        missing = wanted - _names(certain(pattern))
        return Join(self._table(missing), pattern) if missing else pattern

    @staticmethod
    def _hide(node: Algebra, seen: Algebra, pattern: Algebra, *more: Variable) -> Algebra:
        """Takes away the variables that were only there for an expression."""
        scope = in_scope(pattern) | frozenset(more)
        return node if in_scope(seen) <= scope else Project(node, tuple(sorted(scope, key=lambda v: v.name)))

    def _group(self, node: Group) -> Algebra:
        expressions = [e for _, e in node.keys] + [a for _, aggregate in node.aggregates for a in aggregate.arguments]
        return replace(node, pattern=self._seeing(self.apply(node.pattern), *expressions))

    def _leaf(self, node: BGP | Path) -> Algebra:
        """A leaf with the terms in place, joined with the bindings so that the variables stay bound."""
        table = self._table(self._touches(in_scope(node)))
        triples = node.triples if isinstance(node, BGP) else ()
        places = [(t.subject, "subject") for t in triples] + [(t.predicate, "predicate") for t in triples]
        if node.graph is not None:
            places.append((node.graph, "graph"))
        if not all(self._may_be(place, role) for place, role in places):
            return id_table({v.name: np.empty(0, np.int64) for v in table.variables})
        graph = None if node.graph is None else self._term(node.graph)
        if isinstance(node, Path):
            ends = {"subject": self._term(node.subject), "object": self._term(node.object)}
            return Join(table, replace(node, graph=graph, **ends))  # type: ignore[arg-type]
        bound = tuple(
            TriplePattern(self._term(t.subject), self._term(t.predicate), self._term(t.object), t.span) for t in triples
        )
        return Join(table, BGP(bound, graph))  # type: ignore[arg-type]

    def _term(self, place: TermPattern) -> TermPattern:
        if isinstance(place, Variable) and place.name in self.numbers:
            return self.context.terms.term(self.numbers[place.name])
        return place

    def _may_be(self, place: TermPattern, role: str) -> bool:
        """Whether a quad can have the term of a variable in that place."""
        if not isinstance(place, Variable) or place.name not in self.numbers:
            return True
        tag = ids.tag(self.numbers[place.name])
        return tag == ids.Tag.IRI or (tag == ids.Tag.BLANK and role != "predicate")
