# SPDX-License-Identifier: Apache-2.0
"""Updates of the text -> operations (SPARQL 1.1 Update)."""

from __future__ import annotations

from dataclasses import replace

from lark import Token, Tree

from semcube.io.terms import IRI
from semcube.sparql.algebra import (
    BGP,
    Add,
    Algebra,
    Clear,
    Copy,
    Create,
    DeleteData,
    Drop,
    Graph,
    GraphTarget,
    InsertData,
    Load,
    Modify,
    Move,
    QuadTemplate,
    TriplePattern,
    Unit,
    Update,
    UpdateOperation,
    Variable,
)
from semcube.sparql.translate_queries import QueryTranslator
from semcube.sparql.translate_terms import DATA, DELETE_DATA, DELETE_TEMPLATE, PATTERN, TEMPLATE, Node, Place
from semcube.sparql.translate_triples import joined

__all__ = ["UpdateTranslator"]

_DELETE_WHERE = Place("DELETE WHERE", "refused")
_TRANSFERS: dict[str, type[Copy] | type[Move] | type[Add]] = {"copy": Copy, "move": Move, "add": Add}


class UpdateTranslator(QueryTranslator):
    """The operations of an update request."""

    def update(self, tree: Tree[Token]) -> Update:
        """The update of a whole text."""
        operations: list[UpdateOperation] = []
        for part in tree.children:
            assert isinstance(part, Tree)
            if part.data == "prologue":
                self.prologue(part)
            else:
                self.next_operation()
                operations.append(self._operation_of(part))
        return Update(tuple(operations), self.base, tuple(self.prefixes.items()), self.text)

    def _operation_of(self, tree: Tree[Token]) -> UpdateOperation:
        words = [c for c in tree.children if isinstance(c, Token)]
        silent = bool(words) and words[0].type == "SILENT"
        words = words[1:] if silent else words
        match tree.data:
            case "insert_data":
                return InsertData(self._quads(tree.children[0], DATA))
            case "delete_data":
                return DeleteData(self._quads(tree.children[0], DELETE_DATA))
            case "delete_where":
                quads = self._quads(tree.children[0], _DELETE_WHERE)
                return Modify(quads, (), _pattern(quads))
            case "modify":
                return self._modify(tree)
            case "load":
                return Load(self.iri(words[0]), self.iri(words[1]) if len(words) == 2 else None, silent)
            case "create":
                return Create(self.iri(words[0]), silent)
            case "clear":
                return Clear(self._target(words[0]), silent)
            case "drop":
                return Drop(self._target(words[0]), silent)
            case _:
                return _TRANSFERS[tree.data](self._target(words[0]), self._target(words[1]), silent)

    def _target(self, token: Token) -> GraphTarget:
        return token.upper() if token.type in ("DEFAULT", "NAMED", "ALL") else self.iri(token)

    def _modify(self, tree: Tree[Token]) -> Modify:
        graph: IRI | None = None
        delete: tuple[QuadTemplate, ...] = ()
        insert: tuple[QuadTemplate, ...] = ()
        pattern: Algebra = Unit()
        for part in tree.children:
            assert isinstance(part, Tree)
            match part.data:
                case "with":
                    graph = self.iri(part.children[0])
                case "delete_clause":
                    delete = _in_graph(self._quads(part.children[0], DELETE_TEMPLATE), graph)
                case "insert_clause":
                    insert = _in_graph(self._quads(part.children[0], TEMPLATE), graph)
                case "group_graph_pattern":
                    pattern = self.group(part)
        using = self._dataset(tree, "using_default", "using_named")
        return Modify(delete, insert, pattern, using, None if using is not None else graph)

    def _quads(self, tree: Node, place: Place) -> tuple[QuadTemplate, ...]:
        """The quads of a template or of data."""
        assert isinstance(tree, Tree)
        self.place = place
        quads: list[QuadTemplate] = []
        for part in tree.children:
            assert isinstance(part, Tree)
            blocks: list[Node] = [part]
            graph: Variable | IRI | None = None
            if part.data == "quads_graph":
                graph = self._name(part.children[0])
                blocks = list(part.children[1:])
            for block in blocks:
                assert isinstance(block, Tree)
                found: list[TriplePattern | Algebra] = []
                self.triples(block, found)
                quads.extend(
                    QuadTemplate(t.subject, t.predicate, t.object, graph) for t in found if isinstance(t, TriplePattern)
                )
        self.place = PATTERN
        return tuple(quads)


def _in_graph(quads: tuple[QuadTemplate, ...], graph: IRI | None) -> tuple[QuadTemplate, ...]:
    """The quads with those of no graph put into the graph of WITH."""
    if graph is None:
        return quads
    return tuple(quad if quad.graph is not None else replace(quad, graph=graph) for quad in quads)


def _pattern(quads: tuple[QuadTemplate, ...]) -> Algebra:
    """The pattern of DELETE WHERE: quads of one graph that follow one another are one basic graph pattern."""
    result: Algebra = Unit()
    start = 0
    for end in range(1, len(quads) + 1):
        if end < len(quads) and quads[end].graph == quads[start].graph:
            continue
        run = BGP(tuple(TriplePattern(q.subject, q.predicate, q.object) for q in quads[start:end]))
        graph = quads[start].graph
        result = joined(result, run if graph is None else Graph(graph, run))
        start = end
    return result
