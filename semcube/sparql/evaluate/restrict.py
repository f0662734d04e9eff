# SPDX-License-Identifier: Apache-2.0
"""Sideways information passing: a pattern cut down to what can join with solutions known already.

``restrict(pattern, known)`` has all solutions of the pattern that are compatible with a known solution, and may lack
others; so it can stand for the right side of Join, LeftJoin and Minus. The tables go down to the leaves that bind the
variables, only through operators where leaving out such solutions cannot change the others.
"""

from __future__ import annotations

from semcube.engines import ids
from semcube.io.terms import IRI
from semcube.sparql.algebra import (
    BGP,
    Algebra,
    Distinct,
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
    Union,
    Values,
    Variable,
)
from semcube.sparql.context import Context
from semcube.sparql.evaluate.estimates import estimate
from semcube.sparql.evaluate.solutions import Solutions
from semcube.sparql.evaluate.tables import group_rows
from semcube.sparql.plan import IdTable, SpatialJoin, SpatialSelect, id_table
from semcube.sparql.scope import certain, children, in_scope, with_children

__all__ = ["Restriction", "restrict"]

SERVICE_ROWS = 2000
"""Distinct bindings, at most, that are sent along to a remote endpoint."""

_TRANSPARENT = (Filter, OrderBy, Distinct, Reduced, Union, Join, Graph, SpatialJoin, SpatialSelect)


def restrict(node: Algebra, known: Solutions, context: Context) -> Algebra:
    """A pattern that may leave out solutions incompatible with all the known ones."""
    bound = frozenset(name for name, column in known.columns.items() if bool((column != 0).all()))
    return Restriction(known, context).apply(node, bound) if bound else node


class Restriction:
    """Takes tables of known bindings down a pattern."""

    def __init__(self, known: Solutions, context: Context) -> None:
        self.known = known
        self.context = context
        self._tables: dict[frozenset[str], IdTable] = {}

    def apply(self, node: Algebra, bound: frozenset[str]) -> Algebra:
        """The node restricted by the variables ``bound``."""
        usable = bound & {v.name for v in in_scope(node)}
        if isinstance(node, Service):
            return self._service(node, bound)
        if not usable:
            return node
        match node:
            case BGP() | Path():
                return self._leaf(node, usable)
            case Join(IdTable() as table, BGP() | Path()):  # restricted already
                return Join(table, node.right)
            case Extend(_, variable, _):
                return self._below(node, usable - {variable.name})
            case Project(_, variables):
                return self._below(node, usable & {v.name for v in variables})
            case LeftJoin(left, right, expression):
                inner = usable & {v.name for v in certain(left)}
                return LeftJoin(self.apply(left, usable), self.apply(right, inner), expression)
            case Minus(left, right):
                inner = usable & {v.name for v in certain(left)}
                return Minus(self.apply(left, usable), self.apply(right, inner))
            case Group(pattern, keys, _):
                plain = {v.name for v, e in keys if v == e and v in certain(pattern)}
                return self._below(node, usable & plain)
            case _ if isinstance(node, _TRANSPARENT):
                return self._below(node, usable)
            case _:
                return node

    def _below(self, node: Algebra, bound: frozenset[str]) -> Algebra:
        if not bound:
            return node
        return with_children(node, tuple(self.apply(child, bound) for child in children(node)))

    def _table(self, names: frozenset[str]) -> IdTable:
        """The distinct known bindings of some variables."""
        if names not in self._tables:
            ordered = sorted(names)
            first, _ = group_rows([self.known.columns[name] for name in ordered], self.known.rows)
            self._tables[names] = id_table({name: self.known.columns[name][first] for name in ordered})
        return self._tables[names]

    def _leaf(self, node: BGP | Path, usable: frozenset[str]) -> Algebra:
        table = self._table(usable)
        rows = estimate(node, self.context)
        return node if rows is not None and rows < table.rows else Join(table, node)

    def _service(self, node: Service, bound: frozenset[str]) -> Algebra:
        """Bindings travel with the pattern; an endpoint that is a variable becomes one SERVICE for each value."""
        inside = bound & {v.name for v in certain(node.pattern)}
        pattern = node.pattern
        if inside and not _has_service(pattern):
            table = self._table(inside)
            blank = any(bool((column >> ids.SHIFT == int(ids.Tag.BLANK)).any()) for column in table.columns)
            if table.rows <= SERVICE_ROWS and not blank:
                pattern = Join(table, pattern)
        if not isinstance(node.name, Variable):
            return Service(node.name, pattern, node.silent, node.span)
        if node.name.name not in bound:
            return node
        return self._services(node, node.name, pattern)

    def _services(self, node: Service, name: Variable, pattern: Algebra) -> Algebra:
        calls: Algebra | None = None
        for number in self._table(frozenset({name.name})).columns[0].tolist():
            endpoint = self.context.terms.term(number)
            if not isinstance(endpoint, IRI):
                continue
            only = Values((name,), ((endpoint,),))
            call = Join(only, Service(endpoint, pattern, node.silent, node.span))
            calls = call if calls is None else Union(calls, call)
        return Values((), ()) if calls is None else calls


def _has_service(node: Algebra) -> bool:
    return isinstance(node, Service) or any(_has_service(child) for child in children(node))
