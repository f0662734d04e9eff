# SPDX-License-Identifier: Apache-2.0
"""Finds spatial filters in a plan and makes them nodes: a pure function from plan to plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from semcube.io.terms import IRI, Literal
from semcube.sparql.algebra import (
    BGP,
    Algebra,
    Distinct,
    Expression,
    Extend,
    Filter,
    FunctionCall,
    Graph,
    Join,
    LeftJoin,
    Minus,
    Operation,
    OrderBy,
    Path,
    Project,
    Reduced,
    Service,
    TriplePattern,
    Union,
    Unit,
    Values,
    Variable,
)
from semcube.sparql.connected import connected_groups, connected_join, triple_groups
from semcube.sparql.plan import IdTable, SpatialJoin, SpatialSelect
from semcube.sparql.scope import certain, children, expression_parts, expression_variables, in_scope, with_children
from semcube.vocab import GEOF

__all__ = ["SpatialAtom", "data_bound", "is_constant", "spatial_atom", "with_spatial_nodes"]

SIMPLE_FEATURES = ("Equals", "Intersects", "Touches", "Within", "Contains", "Overlaps", "Crosses")
EGENHOFER = ("Equals", "Meet", "Overlap", "Covers", "CoveredBy", "Inside", "Contains")
RCC8 = ("eq", "ec", "po", "tppi", "tpp", "ntpp", "ntppi")

RELATIONS = frozenset(
    [GEOF + "sf" + name for name in SIMPLE_FEATURES]
    + [GEOF + "eh" + name for name in EGENHOFER]
    + [GEOF + "rcc8" + name for name in RCC8]
)
"""The relations that imply that the boxes of non-empty geometries meet; the disjoint ones do not."""

DISTANCE, METRIC_DISTANCE = GEOF + "distance", GEOF + "metricDistance"
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class SpatialAtom:
    """A filter expression taken apart: a relation of two arguments, or a distance with an upper bound."""

    expression: Expression
    relation: str
    first: Expression
    second: Expression
    distance: float | None = None
    unit: str | None = None


def spatial_atom(expression: Expression) -> SpatialAtom | None:
    """The parts of a spatial filter expression, None for any other.

    Example:
        >>> near = FunctionCall(IRI(METRIC_DISTANCE), (Variable("a"), Variable("b")))
        >>> five = Literal("5", "http://www.w3.org/2001/XMLSchema#integer")
        >>> spatial_atom(Operation(">", (five, near))).distance
        5.0
    """
    match expression:
        case FunctionCall(IRI(iri), (first, second)) if iri in RELATIONS:
            return SpatialAtom(expression, iri, first, second)
        case Operation(name, (left, right)) if name in _FLIPPED:
            if isinstance(left, Literal):
                name, left, right = _FLIPPED[name], right, left
            if name in ("<", "<=") and isinstance(left, FunctionCall) and isinstance(right, Literal):
                return _distance_atom(expression, left, right)
        case Operation("=", (FunctionCall() as call, Literal("true"))):
            inner = spatial_atom(call)
            if inner is not None:
                return SpatialAtom(expression, inner.relation, inner.first, inner.second)
    return None


def _distance_atom(expression: Expression, call: FunctionCall, bound: Literal) -> SpatialAtom | None:
    from semcube.engines.classify import classify_term

    limit = classify_term(bound).number
    if limit is None or not limit >= 0:
        return None
    match call:
        case FunctionCall(IRI(iri), (first, second, IRI(unit))) if iri == DISTANCE:
            return SpatialAtom(expression, iri, first, second, limit, unit)
        case FunctionCall(IRI(iri), (first, second)) if iri == METRIC_DISTANCE:
            return SpatialAtom(expression, iri, first, second, limit)
    return None


def data_bound(node: Algebra, variable: Variable) -> bool:
    """Whether each solution binds the variable to a term that a quad of the dataset holds as its object."""
    match node:
        case BGP(triples, _):
            return any(triple.object == variable for triple in triples)
        case Join(left, right):
            return data_bound(left, variable) or data_bound(right, variable)
        case LeftJoin(left, _, _) | Minus(left, _):
            return data_bound(left, variable)
        case Extend(pattern, other, _):
            return other != variable and data_bound(pattern, variable)
        case Project(pattern, variables):
            return variable in variables and data_bound(pattern, variable)
        case Union(left, right):
            return data_bound(left, variable) and data_bound(right, variable)
        case Filter() | Distinct() | Reduced() | OrderBy() | Graph() | SpatialSelect() | SpatialJoin():
            return any(data_bound(child, variable) for child in children(node))
        case _:
            return False


def with_spatial_nodes(node: Algebra) -> Algebra:
    """The plan with :class:`SpatialSelect` and :class:`SpatialJoin` in place of the filters they equal."""
    if isinstance(node, Filter):
        return _filters(node)
    if isinstance(node, Service):  # its pattern is the endpoint's to plan
        return node
    planned = with_children(node, tuple(with_spatial_nodes(child) for child in children(node)))
    if isinstance(planned, Project) and isinstance(planned.pattern, SpatialJoin):
        return replace(planned, pattern=_narrowed(planned.pattern, frozenset(planned.variables)))
    return planned


def _narrowed(node: SpatialJoin, wanted: frozenset[Variable]) -> SpatialJoin:
    """The join of sides without the variables that nothing above asks for: their solutions are as many."""
    sides = []
    for side, own in ((node.left, node.first), (node.right, node.second)):
        kept = in_scope(side) & (wanted | {own})
        inner = _narrowed(side, kept) if isinstance(side, SpatialJoin) else side
        names = tuple(sorted(kept, key=lambda variable: variable.name))
        sides.append(inner if kept == in_scope(inner) else Project(inner, names))
    return replace(node, left=sides[0], right=sides[1])


def _filters(node: Filter) -> Algebra:
    """A chain of filters, which hold or not in any order."""
    expressions: list[Expression] = []
    pattern: Algebra = node
    while isinstance(pattern, Filter):
        expressions += _conjuncts(pattern.expression)
        pattern = pattern.pattern
    atoms = [atom for atom in map(spatial_atom, expressions) if atom is not None]
    pattern = with_spatial_nodes(pattern)
    done: set[int] = set()
    if atoms:
        pattern, done = _joined(pattern, atoms)
    for expression in expressions:
        if id(expression) in done:
            continue
        atom = spatial_atom(expression)
        selected = None if atom is None else _selected(atom, pattern)
        pattern = Filter(expression, pattern) if selected is None else selected
    return pattern


def _conjuncts(expression: Expression) -> Iterator[Expression]:
    if isinstance(expression, Operation) and expression.name == "&&":
        for argument in expression.arguments:
            yield from _conjuncts(argument)
    else:
        yield expression


def _selected(atom: SpatialAtom, pattern: Algebra) -> SpatialSelect | None:
    """The atom as a selection, where one argument is a variable of the data and the other constant."""
    for variable, constant, first in ((atom.first, atom.second, True), (atom.second, atom.first, False)):
        if not isinstance(variable, Variable) or not is_constant(constant) or not data_bound(pattern, variable):
            continue
        return SpatialSelect(
            pattern, atom.expression, atom.relation, variable, constant, first, atom.distance, atom.unit
        )
    return None


def is_constant(expression: Expression) -> bool:
    """Whether an expression has one value, known without a solution."""
    changing = ("RAND", "UUID", "STRUUID", "BNODE", "NOW")
    parts = list(expression_parts(expression))
    named = any(isinstance(part, Operation) and part.name in changing for part in parts)
    return not named and not expression_variables(expression)


def _joined(pattern: Algebra, atoms: list[SpatialAtom]) -> tuple[Algebra, set[int]]:
    """The pattern with spatial joins between its unconnected parts, and the ids of the expressions used up."""
    parts = [_conjunction(group) for group in connected_groups(_factors(pattern), in_scope)]
    done: set[int] = set()
    for atom in atoms:
        if not isinstance(atom.first, Variable) or not isinstance(atom.second, Variable):
            continue
        left = next((p for p in parts if atom.first in certain(p)), None)
        right = next((p for p in parts if atom.second in certain(p)), None)
        if left is None or right is None or left is right:
            continue
        done.add(id(atom.expression))
        parts = [p for p in parts if p is not left and p is not right]
        parts.append(
            SpatialJoin(left, right, atom.expression, atom.relation, atom.first, atom.second, atom.distance, atom.unit)
        )
    return (_conjunction(parts), done) if done else (pattern, done)


def _factors(node: Algebra) -> Iterator[Algebra]:
    """The parts that a pattern is the join of, basic graph patterns triple by triple."""
    match node:
        case Join(left, right):
            yield from _factors(left)
            yield from _factors(right)
        case BGP(triples, graph) if triples:
            yield from (BGP((triple,), graph) for triple in triples)
        case Unit():
            return
        case _:
            yield node


def _conjunction(factors: list[Algebra]) -> Algebra:
    """The join of factors; basic graph patterns of one graph that share variables become one."""
    others: list[Algebra] = []
    triples: dict[Variable | IRI | None, list[TriplePattern]] = {}
    for factor in factors:
        if isinstance(factor, BGP):
            triples.setdefault(factor.graph, []).extend(factor.triples)
        else:
            others.append(factor)
    merged = [BGP(group, graph) for graph, listed in triples.items() for group in triple_groups(listed)]
    return connected_join(sorted([*others, *merged], key=_leaf_last))


def _leaf_last(node: Algebra) -> int:
    """Inline data first, patterns next, paths after them."""
    return 0 if isinstance(node, Values | IdTable) else 2 if isinstance(node, Path) else 1
