# SPDX-License-Identifier: Apache-2.0
"""Lists and containers of the reference evaluator (RML-CC): one at a time, as the specification tells it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from semcube.io.terms import IRI, BlankNode, Term
from semcube.mapping.model import FunctionCall, ParentSubject, RefObjectMap, TermMap
from semcube.vocab import RDF

__all__ = ["Gathered"]

_NIL = IRI(RDF + "nil")
Terms = Callable[[TermMap | ParentSubject], list[Term]]


class Gathered:
    """What the gather maps of a triples map make of the rows of a table."""

    def __init__(self) -> None:
        self._members: dict[tuple[Term | None, Term, str], list[Term]] = {}
        self._made: dict[TermMap, list[tuple[Term, list[Term]]]] = {}
        self._used: set[tuple[TermMap, Term | None]] = set()
        self._count = 0

    def begin(self, in_order: Callable[[TermMap], list[Term]]) -> None:
        """Go to the next row, given all terms that a map makes of it, repeated ones included."""
        self._made, self._used, self._in_order = {}, set(), in_order

    def heads(self, term_map: TermMap, terms: Terms) -> list[Term]:
        """The first nodes of what a gather map makes of the row."""
        if term_map not in self._made:
            self._made[term_map] = list(self._collections(term_map, terms))
        is_list = term_map.gather is not None and term_map.gather.kind == "List"
        found = [_NIL if is_list and not members else head for head, members in self._made[term_map]]
        return list(dict.fromkeys(found))

    def _collections(self, term_map: TermMap, terms: Terms) -> Iterator[tuple[Term, list[Term]]]:
        gather = term_map.gather
        assert gather is not None
        items = [self._item(each, terms) for each in gather.items]
        if gather.is_product:
            collections = [list(each) for each in itertools.product(*items)] or [[]]
        else:
            collections = [list(itertools.chain(*items))]
        named = terms(replace(term_map, gather=None)) if gather.is_named else [None]
        for head, members in itertools.product(named, collections):
            if members or gather.allows_empty:
                self._count += 1
                yield head or BlankNode(f"n{self._count}"), members

    def _item(self, item: TermMap | ParentSubject | RefObjectMap, terms: Terms) -> list[Term]:
        assert not isinstance(item, RefObjectMap)
        if isinstance(item, ParentSubject) or item.gather is not None or isinstance(item.value, FunctionCall):
            return terms(item)
        return self._in_order(item)

    def use(self, maps: Sequence[TermMap | ParentSubject | RefObjectMap], graphs: Sequence[Term | None]) -> None:
        """The collections of these maps are part of quads of these graphs."""
        for item, graph in itertools.product(maps, graphs):
            if not isinstance(item, TermMap) or item.gather is None or (item, graph) in self._used:
                continue
            self._used.add((item, graph))
            for head, members in self._made[item]:
                if members or item.gather.kind != "List":
                    self._members.setdefault((graph, head, item.gather.kind), []).extend(members)
            self.use(item.gather.items, [graph])

    def quads(self) -> Iterator[tuple[Term, Term, Term, Term | None]]:
        """All collections, those of the same name put together."""
        for (graph, head, kind), members in self._members.items():
            if kind != "List":
                yield head, IRI(RDF + "type"), IRI(RDF + kind), graph
                for number, member in enumerate(members, 1):
                    yield head, IRI(f"{RDF}_{number}"), member, graph
                continue
            nodes = [head]
            for _ in members[1:]:
                self._count += 1
                nodes.append(BlankNode(f"n{self._count}"))
            for node, member, following in zip(nodes, members, [*nodes[1:], _NIL], strict=True):
                yield node, IRI(RDF + "first"), member, graph
                yield node, IRI(RDF + "rest"), following, graph
