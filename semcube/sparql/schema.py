# SPDX-License-Identifier: Apache-2.0
"""The RDFS schema that a query sees: the ontology of GeoSPARQL and the schema triples of the data, closed.

Schema triples count wherever they are: in the default graph or in any named graph that the query may see.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from semcube.engines import ids
from semcube.io.terms import IRI
from semcube.sparql.algebra import Variable
from semcube.sparql.dataset import QuadPattern
from semcube.sparql.evaluate.solutions import Solutions
from semcube.sparql.ontology import DOMAIN, RANGE, SUB_CLASS, SUB_PROPERTY, triples
from semcube.vocab import RDF, RDF_TYPE, RDFS

if TYPE_CHECKING:
    from semcube.io.terms import Term
    from semcube.sparql.context import Context

__all__ = ["Hierarchy", "Schema"]

Pairs = set[tuple[int, int]]
_SUBJECT, _OBJECT, _GRAPH = Variable("s"), Variable("o"), Variable("g")


class Hierarchy:
    """The reflexive and transitive closure of pairs (below, above), walked as it is asked.

    Example:
        >>> steps = Hierarchy({(1, 2), (2, 3)})
        >>> sorted(steps.below(3)), sorted(steps.above(2)), steps.above(9)
        ([1, 2, 3], [2, 3], frozenset({9}))
    """

    def __init__(self, pairs: Pairs, members: Iterable[int] = ()) -> None:
        self.members = frozenset(end for pair in pairs for end in pair) | frozenset(members)
        self._up: dict[int, list[int]] = defaultdict(list)
        self._down: dict[int, list[int]] = defaultdict(list)
        for below, above in pairs:
            self._up[below].append(above)
            self._down[above].append(below)

    def with_members(self, numbers: Iterable[int]) -> Hierarchy:
        """The same steps, with more members that may have nothing above or below."""
        more = Hierarchy(set())
        more.members, more._up, more._down = self.members | frozenset(numbers), self._up, self._down
        return more

    def above(self, number: int) -> frozenset[int]:
        """Itself and all that is above."""
        return self._reach(self._up, number)

    def below(self, number: int) -> frozenset[int]:
        """Itself and all that is below."""
        return self._reach(self._down, number)

    def pairs(self) -> Pairs:
        """All pairs of the closure."""
        return {(member, above) for member in self.members for above in self.above(member)}

    @staticmethod
    def _reach(steps: dict[int, list[int]], start: int) -> frozenset[int]:
        seen, waiting = {start}, [start]
        while waiting:
            for number in steps.get(waiting.pop(), ()):
                if number not in seen:
                    seen.add(number)
                    waiting.append(number)
        return frozenset(seen)


class Schema:
    """Hierarchies of properties and classes, domains and ranges, as ids of one query.

    Args:
        context: The evaluation whose dataset is read.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.properties = self._closed()
        self.domains = self._stated(DOMAIN)
        self.ranges = self._stated(RANGE)
        typed = self.domains | self.ranges
        kinds = self._declared(RDFS + "Class") | {kind for _, kind in typed}
        self.classes = Hierarchy(self._stated(SUB_CLASS), kinds)
        self.properties = self.properties.with_members(number for number, _ in typed)
        self.type = self.id_of(IRI(RDF_TYPE))

    def id_of(self, term: Term) -> int:
        """The id of a term."""
        return int(self._context.terms.intern_terms([term])[0])

    def typing(self, typed: Pairs) -> Pairs:
        """Domains or ranges of every property, those of the properties above it included: pairs (property, class)."""
        found = set()
        for number, kind in typed:
            above = self.classes.above(kind)
            found |= {(below, other) for below in self.properties.below(number) for other in above}
        return found

    def _closed(self) -> Hierarchy:
        """Properties below properties; those below ``rdfs:subPropertyOf`` itself state such pairs too."""
        root = self.id_of(IRI(SUB_PROPERTY))
        declared = self._declared(RDF + "Property")
        known = frozenset({root})
        while True:
            pairs = {pair for predicate in known for pair in self._read(predicate)} | self._known(SUB_PROPERTY)
            found = Hierarchy(pairs, declared)
            if found.below(root) == known:
                return found
            known = found.below(root)

    def _stated(self, predicate: str) -> Pairs:
        below = self.properties.below(self.id_of(IRI(predicate)))
        return {pair for number in below for pair in self._read(number)} | self._known(predicate)

    def _known(self, predicate: str) -> Pairs:
        """What the ontology says."""
        pairs = list(triples(predicate))
        numbers = self._context.terms.intern_terms([IRI(end) for pair in pairs for end in pair]).reshape(-1, 2)
        return {(int(s), int(o)) for s, o in numbers}

    def _declared(self, kind: str) -> set[int]:
        """Resources that the data say are of a kind."""
        rows = self._rows(QuadPattern(_SUBJECT, IRI(RDF_TYPE), IRI(kind)))
        return {number for batch in rows for number in batch.column("s").tolist()}

    def _read(self, predicate: int) -> Pairs:
        """The pairs of resources that the data hold."""
        term = self._context.terms.term(predicate)
        pairs: Pairs = set()
        if not isinstance(term, IRI):  # no triple has another predicate
            return pairs
        for batch in self._rows(QuadPattern(_SUBJECT, term, _OBJECT)):
            both = np.stack([batch.column("s"), batch.column("o")], axis=1)
            both = both[(both >> ids.SHIFT <= int(ids.Tag.IRI)).all(axis=1)]
            pairs |= {(int(s), int(o)) for s, o in both}
        return pairs

    def _rows(self, pattern: QuadPattern) -> Iterator[Solutions]:
        """The solutions in the default graph and in the named graphs."""
        for graph in (None, _GRAPH):
            asked = QuadPattern(pattern.subject, pattern.predicate, pattern.object, graph, self._context.active)
            for batch in self._context.dataset.match(asked, self._context):
                self._context.cancellation.check()
                yield Solutions.from_batch(batch)
