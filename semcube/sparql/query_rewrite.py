# SPDX-License-Identifier: Apache-2.0
"""GeoSPARQL query rewriting: topological properties hold where the relation of the geometries does.

A triple pattern with one of the 24 topological properties becomes the stored triples and the pairs of spatial objects
whose geometries stand in the relation, each pair once. The geometry of a geometry is its serialisation; that of a
feature is its default geometry, or, where it has none, each geometry it has (OGC 22-047r1, query rewrite extension;
rules ``geor:sfEquals`` and the other 23).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from itertools import count

from semcube.io.terms import IRI, Literal
from semcube.sparql.algebra import (
    BGP,
    Algebra,
    Distinct,
    Exists,
    Filter,
    FunctionCall,
    Join,
    Operation,
    Project,
    TermPattern,
    TriplePattern,
    Union,
    Values,
    Variable,
)
from semcube.sparql.connected import GraphName, connected_join, map_outside_services, triple_groups
from semcube.vocab import GEO, GEOF

__all__ = ["TOPOLOGICAL", "rewrite_topology"]

_RELATIONS = {
    "sf": ("Equals", "Disjoint", "Intersects", "Touches", "Crosses", "Within", "Contains", "Overlaps"),
    "eh": ("Equals", "Disjoint", "Meet", "Overlap", "Covers", "CoveredBy", "Inside", "Contains"),
    "rcc8": ("eq", "dc", "ec", "po", "tppi", "tpp", "ntpp", "ntppi"),
}
TOPOLOGICAL = frozenset(GEO + family + name for family, names in _RELATIONS.items() for name in names)
"""The topological properties."""

_SERIALISATIONS = tuple(
    IRI(GEO + name) for name in ("asWKT", "asGML", "asGeoJSON", "asKML", "asDGGS", "hasSerialization")
)
_DEFAULT = tuple(IRI(GEO + name) for name in ("hasDefaultGeometry", "defaultGeometry"))
_ANY = IRI(GEO + "hasGeometry")

Holds = Callable[[IRI], bool]


def rewrite_topology(node: Algebra, holds: Holds = lambda _: True) -> Algebra:
    """The plan with topological properties answered by geometries too.

    Args:
        node: A plan.
        holds: Whether the data may hold triples of a property; those it does not are left out.

    Example:
        >>> near = TriplePattern(Variable("a"), IRI(GEO + "sfTouches"), Variable("b"))
        >>> type(rewrite_topology(BGP((near,)))).__name__
        'Distinct'
    """
    rewriting = _Rewriting(holds)
    return map_outside_services(node, lambda part: rewriting.bgp(part) if isinstance(part, BGP) else part)


class _Rewriting:
    """One rewriting: which properties there are, and names that are new."""

    def __init__(self, holds: Holds) -> None:
        self._numbers = count(1)
        self.serialisations = [p for p in _SERIALISATIONS if holds(p)]
        self.defaults = [p for p in _DEFAULT if holds(p)]
        self.any = holds(_ANY)

    def new(self) -> Variable:
        """A variable that no query and no other rewriting can write."""
        return Variable(f"_:=g{next(self._numbers)}")

    def bgp(self, node: BGP) -> Algebra:
        """A basic graph pattern, its topological triples apart from groups of the others."""
        chosen = [t for t in node.triples if isinstance(t.predicate, IRI) and t.predicate.value in TOPOLOGICAL]
        if not chosen:
            return node
        groups = triple_groups([t for t in node.triples if t not in chosen])
        around = [BGP(group, node.graph) for group in groups]
        return connected_join([*around, *(self.related(t, node.graph, around) for t in chosen)])

    def related(self, triple: TriplePattern, graph: GraphName, around: list[BGP]) -> Algebra:
        """The stored triples and the pairs that stand in the relation."""
        assert isinstance(triple.predicate, IRI)
        one, two = self.new(), self.new()
        name = triple.predicate.value.removeprefix(GEO)
        subjects = self.limited(triple.subject, one, graph, around)
        objects = self.limited(triple.object, two, graph, around)
        pairs = Filter(FunctionCall(IRI(GEOF + name), (one, two)), Join(subjects, objects))
        kept = (*triple.variables, *((graph,) if isinstance(graph, Variable) else ()))
        kept = tuple(dict.fromkeys(kept))
        return Distinct(Union(Project(BGP((triple,), graph), kept), Project(pairs, kept)))

    def limited(self, thing: TermPattern, literal: Variable, graph: GraphName, around: list[BGP]) -> Algebra:
        """Spatial objects and their literals; only those that the patterns around may join with."""
        found = self.literals(thing, literal, graph)
        if not isinstance(thing, Variable):
            return found
        mine = next((part for part in around if any(thing in t.variables for t in part.triples)), None)
        return found if mine is None else Join(Distinct(Project(mine, (thing,))), found)

    def literals(self, thing: TermPattern, literal: Variable, graph: GraphName) -> Algebra:
        """The serialisations of a geometry, or of the geometry of a feature."""
        if isinstance(thing, Literal):
            return Values((literal,), ())
        geometry, other = self.new(), self.new()
        arms: list[Algebra] = []
        for written in self.serialisations:
            arms.append(BGP((TriplePattern(thing, written, literal),), graph))
            shape = TriplePattern(geometry, written, literal)
            arms += [BGP((TriplePattern(thing, has, geometry), shape), graph) for has in self.defaults]
            if self.any:
                arm: Algebra = BGP((TriplePattern(thing, _ANY, geometry), shape), graph)
                for has in self.defaults:
                    default = Exists(BGP((TriplePattern(thing, has, other),), graph))
                    arm = Filter(Operation("!", (default,)), arm)
                arms.append(arm)
        return union(arms, (*((thing,) if isinstance(thing, Variable) else ()), literal))


def union(arms: Iterable[Algebra], variables: tuple[Variable, ...]) -> Algebra:
    """The bag union; the empty table of these variables where there is nothing."""
    listed = list(arms)
    return reduce(Union, listed) if listed else Values(variables, ())
