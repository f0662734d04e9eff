# SPDX-License-Identifier: Apache-2.0
"""RDFS entailment at query time: triple patterns are answered from the stored and the entailed triples, each once.

The rules are those of RDF 1.1 Semantics, section 9.2.1, that draw on a schema: rdfs2 (domain), rdfs3 (range), rdfs5 and
rdfs7 (properties below properties), rdfs9 and rdfs11 (classes below classes), and the reflexive rdfs6 and rdfs10 for
the names of the schema. Axiomatic triples (everything is an ``rdfs:Resource``) are not answered. The schema is that of
:mod:`semcube.sparql.schema`. Nothing is stored: a pattern becomes a union of patterns and tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from semcube.io.terms import IRI
from semcube.sparql.algebra import (
    BGP,
    Algebra,
    AlternativePath,
    Distinct,
    Filter,
    InversePath,
    Join,
    OneOrMorePath,
    Operation,
    Path,
    PredicatePath,
    Project,
    PropertyPath,
    SequencePath,
    TermPattern,
    TriplePattern,
    Union,
    Values,
    Variable,
    ZeroOrMorePath,
    ZeroOrOnePath,
)
from semcube.sparql.connected import GraphName, connected_join, map_outside_services, triple_groups
from semcube.sparql.dataset import QuadPattern
from semcube.sparql.ontology import DOMAIN, RANGE, SUB_CLASS, SUB_PROPERTY
from semcube.sparql.plan import id_table
from semcube.sparql.query_rewrite import union
from semcube.sparql.schema import Pairs, Schema
from semcube.vocab import RDF_TYPE

if TYPE_CHECKING:
    from semcube.sparql.context import Context

__all__ = ["Entailment"]

_SCHEMA = (SUB_CLASS, SUB_PROPERTY, DOMAIN, RANGE)
_ARMS = 8
"""So many properties or classes, at most, become patterns of their own; more become one pattern and a table."""


class Entailment:
    """Expands patterns by the schema that one query sees.

    Args:
        context: The evaluation.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.schema = Schema(context)
        self._numbers = count(1)
        self._known: dict[int, bool] = {}
        self._special = {self.schema.id_of(IRI(iri)): iri for iri in (*_SCHEMA, RDF_TYPE)}

    def apply(self, node: Algebra) -> Algebra:
        """The plan over the entailed triples."""
        return map_outside_services(node, self._change)

    def holds(self, property_: IRI) -> bool:
        """Whether there may be triples of a property, stored or entailed."""
        below = self.schema.properties.below(self.schema.id_of(property_))
        return bool(self._present(below)) or bool(below & self._special.keys())

    # --- patterns -------------------------------------------------------------------------------------------------

    def _change(self, node: Algebra) -> Algebra:
        if isinstance(node, BGP):
            return self._bgp(node)
        return self._path(node) if isinstance(node, Path) else node

    def _bgp(self, node: BGP) -> Algebra:
        expanded = [(triple, self._triple(triple, node.graph)) for triple in node.triples]
        plain = [triple for triple, new in expanded if new is None]
        if len(plain) == len(expanded):
            return node
        groups = [BGP(group, node.graph) for group in triple_groups(plain)]
        return connected_join([*groups, *(new for _, new in expanded if new is not None)])

    def _triple(self, triple: TriplePattern, graph: GraphName) -> Algebra | None:
        """A triple pattern with what is entailed, each solution once; None where nothing is."""
        if isinstance(triple.predicate, Variable):
            arms = self._any(triple, graph)
        else:
            arms = self._of(triple, self.schema.id_of(triple.predicate), graph)
        if arms == [BGP((triple,), graph)]:
            return None
        names = (*triple.variables, *((graph,) if isinstance(graph, Variable) else ()))
        kept = tuple(dict.fromkeys(names))
        return Distinct(Project(union(arms, kept), kept))

    def _of(self, triple: TriplePattern, number: int, graph: GraphName) -> list[Algebra]:
        """A pattern with a constant predicate."""
        below = self.schema.properties.below(number)
        arms: list[Algebra] = []
        for special in sorted(below & self._special.keys()):
            arms += self._vocabulary(triple.subject, self._special[special], triple.object, graph)
        return [*self._over(triple, self._present(below), graph), *arms] or [BGP((triple,), graph)]

    def _over(self, triple: TriplePattern, predicates: list[int], graph: GraphName) -> list[Algebra]:
        """The stored triples of some properties."""
        if len(predicates) <= _ARMS:
            terms = [self.context.terms.term(number) for number in predicates]
            return [BGP((TriplePattern(triple.subject, term, triple.object),), graph) for term in terms]
        chosen = self._new()
        table = id_table({chosen.name: np.array(predicates, np.int64)})
        return [Join(table, BGP((TriplePattern(triple.subject, chosen, triple.object),), graph))]

    def _any(self, triple: TriplePattern, graph: GraphName) -> list[Algebra]:
        """A pattern with a variable predicate."""
        predicate, stored = triple.predicate, self._new()
        assert isinstance(predicate, Variable)
        properties = self.schema.properties
        above = {(below, number) for below, number in properties.pairs() if below != number and self._stored(below)}
        arms: list[Algebra] = [BGP((triple,), graph)]
        if above:
            pattern = BGP((TriplePattern(triple.subject, stored, triple.object),), graph)
            arms.append(Join(_pair_table(above, stored, predicate), pattern))
        for special, iri in self._special.items():
            entailed = self._vocabulary(triple.subject, iri, triple.object, graph)
            names = np.array(sorted(properties.above(special)), np.int64)
            arms += [Join(id_table({predicate.name: names}), arm) for arm in entailed]
        return arms

    def _path(self, node: Path) -> Algebra:
        """A path over the properties below; closures of the schema's hierarchies have the ontology's too."""
        changed = Path(node.subject, self._steps(node.path), node.object, node.graph, node.span)
        match node.path:
            case ZeroOrMorePath(PredicatePath(iri)) | OneOrMorePath(PredicatePath(iri)):
                if iri.value in (SUB_CLASS, SUB_PROPERTY):
                    hierarchy = self._vocabulary(node.subject, iri.value, node.object, node.graph)
                    both: Algebra = changed
                    for arm in hierarchy:
                        both = Union(both, arm)
                    return Distinct(both)
        return changed

    def _steps(self, path: PropertyPath) -> PropertyPath:
        match path:
            case PredicatePath(iri):
                below = self._present(self.schema.properties.below(self.schema.id_of(iri)))
                terms = [term for number in below if isinstance(term := self.context.terms.term(number), IRI)]
                steps: list[PropertyPath] = [PredicatePath(term) for term in terms if term != iri]
                found: PropertyPath = path
                for step in steps:
                    found = AlternativePath(found, step)
                return found
            case InversePath(inner) | ZeroOrMorePath(inner) | OneOrMorePath(inner) | ZeroOrOnePath(inner):
                return type(path)(self._steps(inner))
            case SequencePath(left, right) | AlternativePath(left, right):
                return type(path)(self._steps(left), self._steps(right))
            case _:  # what a negated set leaves out is said of stored triples
                return path

    # --- what the vocabulary of RDFS entails ------------------------------------------------------------------------

    def _vocabulary(self, subject: TermPattern, iri: str, object_: TermPattern, graph: GraphName) -> list[Algebra]:
        """What is entailed of a property of the schema, beside its stored triples."""
        if iri == RDF_TYPE:
            return self._types(subject, object_, graph)
        schema = self.schema
        if iri in (SUB_CLASS, SUB_PROPERTY):
            pairs = (schema.classes if iri == SUB_CLASS else schema.properties).pairs()
        else:
            pairs = schema.domains if iri == DOMAIN else schema.ranges
        return [_in_graph(found, graph) for found in self._matching(pairs, subject, object_)]

    def _matching(self, pairs: Pairs, subject: TermPattern, object_: TermPattern) -> list[Algebra]:
        """The pairs that two places of a pattern match, as a table."""
        ends = list(pairs)
        for place, end in ((subject, 0), (object_, 1)):
            if not isinstance(place, Variable):
                number = self.schema.id_of(place)
                ends = [pair for pair in ends if pair[end] == number]
        if subject == object_:
            ends = [pair for pair in ends if pair[0] == pair[1]]
        if not ends:
            return []
        columns = np.array(sorted(ends), np.int64)
        named = {p.name: columns[:, i] for i, p in enumerate((subject, object_)) if isinstance(p, Variable)}
        return [id_table(named) if named else Values((), ((),))]

    def _types(self, subject: TermPattern, kind: TermPattern, graph: GraphName) -> list[Algebra]:
        """Types by classes below, domains and ranges."""
        schema, stored = self.schema, self.schema.properties.below(self.schema.type)
        typed = {False: schema.typing(schema.domains), True: schema.typing(schema.ranges)}
        arms: list[Algebra] = []
        if isinstance(kind, Variable):
            above = {pair for pair in schema.classes.pairs() if pair[0] != pair[1]}
            below = self._new()
            for number in self._present(stored):
                pattern = TriplePattern(subject, self.context.terms.term(number), below)
                arms.append(Join(_pair_table(above, below, kind), BGP((pattern,), graph)))
        else:
            classes = schema.classes.below(schema.id_of(kind))
            arms += self._members(subject, classes - {schema.id_of(kind)}, self._present(stored), graph)
            typed = {way: {p for p in pairs if p[1] == schema.id_of(kind)} for way, pairs in typed.items()}
        for is_range, pairs in typed.items():
            arms += self._typed(subject, kind, {p for p in pairs if self._stored(p[0])}, graph, is_range=is_range)
        return arms

    def _members(
        self, subject: TermPattern, classes: Iterable[int], predicates: list[int], graph: GraphName
    ) -> list[Algebra]:
        """The stored members of some classes."""
        arms: list[Algebra] = []
        for number in predicates:
            predicate = self.context.terms.term(number)
            kinds = [k for k in sorted(classes) if self._rows(TriplePattern(subject, predicate, self._term(k)))]
            if len(kinds) <= _ARMS:
                arms += [BGP((TriplePattern(subject, predicate, self._term(k)),), graph) for k in kinds]
            else:
                kind = self._new()
                table = id_table({kind.name: np.array(kinds, np.int64)})
                arms.append(Join(table, BGP((TriplePattern(subject, predicate, kind),), graph)))
        return arms

    def _typed(
        self, subject: TermPattern, kind: TermPattern, pairs: Pairs, graph: GraphName, *, is_range: bool
    ) -> list[Algebra]:
        """Subjects of properties with a domain, or objects of properties with a range."""
        if not pairs:
            return []
        other = self._new()
        ends = (other, subject) if is_range else (subject, other)
        if isinstance(kind, Variable):
            predicate = self._new()
            table = _pair_table(pairs, predicate, kind)
            arms: list[Algebra] = [Join(table, BGP((TriplePattern(ends[0], predicate, ends[1]),), graph))]
        else:
            pattern = TriplePattern(ends[0], other, ends[1])
            arms = self._over(pattern, sorted({number for number, _ in pairs}), graph)
        if not is_range or not isinstance(subject, Variable):
            return arms
        literal = Operation("!", (Operation("isLiteral", (subject,)),))
        return [Filter(literal, arm) for arm in arms]

    # --- names and counts -------------------------------------------------------------------------------------------

    def _new(self) -> Variable:
        return Variable(f"_:=e{next(self._numbers)}")

    def _term(self, number: int) -> TermPattern:
        return self.context.terms.term(number)

    def _present(self, predicates: Iterable[int]) -> list[int]:
        """Those of some properties that have stored triples, or may have."""
        return [number for number in sorted(predicates) if self._stored(number)]

    def _stored(self, predicate: int) -> bool:
        known = self._known.get(predicate)
        if known is None:
            term = self._term(predicate)
            known = isinstance(term, IRI) and self._rows(TriplePattern(Variable("s"), term, Variable("o")))
            self._known[predicate] = known
        return known

    def _rows(self, triple: TriplePattern) -> bool:
        """Whether a pattern may have matches."""
        pattern = QuadPattern(triple.subject, triple.predicate, triple.object, None, self.context.active)
        found = self.context.dataset.estimate(pattern, self.context)
        return found is None or found.rows > 0 or not found.exact


def _pair_table(pairs: Pairs, first: Variable, second: Variable) -> Algebra:
    columns = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    return id_table({first.name: columns[:, 0], second.name: columns[:, 1]})


def _in_graph(node: Algebra, graph: GraphName) -> Algebra:
    """What holds in every graph, in one graph or in each."""
    return node if graph is None else Join(BGP((), graph), node)
