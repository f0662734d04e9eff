# SPDX-License-Identifier: Apache-2.0
"""Triples of the text -> triple patterns and path patterns (sections 4.2, 9.3 and 18.2.2.4)."""

from __future__ import annotations

from lark import Token, Tree

from semcube.io.terms import IRI
from semcube.sparql.algebra import (
    BGP,
    Algebra,
    AlternativePath,
    InversePath,
    Join,
    NegatedPropertySet,
    OneOrMorePath,
    Path,
    PredicatePath,
    PropertyPath,
    SequencePath,
    Span,
    TermPattern,
    TriplePattern,
    Union,
    Unit,
    Variable,
    ZeroOrMorePath,
    ZeroOrOnePath,
)
from semcube.sparql.translate_terms import Node, TermTranslator
from semcube.vocab import RDF

__all__ = ["TripleTranslator", "joined"]

_FIRST, _REST, _NIL = IRI(RDF + "first"), IRI(RDF + "rest"), IRI(RDF + "nil")
_CLOSURES: dict[str, type[ZeroOrMorePath] | type[OneOrMorePath] | type[ZeroOrOnePath]] = {
    "*": ZeroOrMorePath,
    "+": OneOrMorePath,
    "?": ZeroOrOnePath,
}


def joined(left: Algebra, right: Algebra) -> Algebra:
    """The join, simplified where a side is the empty group (section 18.2.2.8)."""
    if isinstance(left, Unit):
        return right
    return left if isinstance(right, Unit) else Join(left, right)


def collected(parts: list[TriplePattern | Algebra], before: Algebra = Unit()) -> Algebra:  # noqa: B008 - immutable
    """Adjacent triple patterns become basic graph patterns (section 18.2.2.5), all is joined in order."""
    result = before
    run: list[TriplePattern] = []
    for part in parts:
        if isinstance(part, TriplePattern):
            run.append(part)
            continue
        if run:
            result = joined(result, BGP(tuple(run)))
            run = []
        result = joined(result, part)
    return joined(result, BGP(tuple(run))) if run else result


class TripleTranslator(TermTranslator):
    """Triples, collections, blank node property lists and property paths."""

    def triples(self, tree: Tree[Token], out: list[TriplePattern | Algebra]) -> None:
        """Append what a block of triples means."""
        for statement in tree.children:
            assert isinstance(statement, Tree)
            subject = self._graph_node(statement.children[0], out)
            if len(statement.children) == 2:
                self._property_list(subject, statement.children[1], out)

    def _property_list(self, subject: TermPattern, tree: Node, out: list[TriplePattern | Algebra]) -> None:
        parts = iter(tree.children if isinstance(tree, Tree) else ())
        for verb, objects in zip(parts, parts, strict=True):
            assert isinstance(objects, Tree)
            path = self._verb(verb)
            start = (self.span(verb) or (0, 0))[0]
            for node in objects.children:
                nested: list[TriplePattern | Algebra] = []
                object_ = self._graph_node(node, nested)
                span = (start, (self.span(node) or (0, start))[1])
                if isinstance(path, IRI | Variable):
                    out.append(TriplePattern(subject, path, object_, span))
                else:
                    self._emit(subject, path, object_, span, out)
                out.extend(nested)

    def _graph_node(self, node: Node, out: list[TriplePattern | Algebra]) -> TermPattern:
        if isinstance(node, Token):
            return self._token(node)
        match node.data:
            case "literal":
                return self.literal(node)
            case "anon":
                return self.fresh_blank(node)
            case "nil":
                return _NIL
            case "blank_node_property_list":
                subject = self.fresh_blank(node)
                self._property_list(subject, node.children[0], out)
                return subject
            case _:
                return self._collection(node, out)

    def _token(self, token: Token) -> TermPattern:
        kind = token.type
        if kind == "VAR":
            return self.variable(token)
        if kind in ("IRIREF", "PNAME_LN", "PNAME_NS"):
            return self.iri(token)
        return self.blank(token) if kind == "BLANK_NODE_LABEL" else self.literal(token)

    def _collection(self, tree: Tree[Token], out: list[TriplePattern | Algebra]) -> TermPattern:
        links = [self.fresh_blank(node) for node in tree.children]
        rests = [*links[1:], _NIL]
        for node, link, rest in zip(tree.children, links, rests, strict=True):
            nested: list[TriplePattern | Algebra] = []
            value = self._graph_node(node, nested)
            span = self.span(node)
            out.append(TriplePattern(link, _FIRST, value, span))
            out.append(TriplePattern(link, _REST, rest, span))
            out.extend(nested)
        return links[0]

    # --- property paths ---

    def _verb(self, node: Node) -> IRI | Variable | PropertyPath:
        if isinstance(node, Token):
            return self.variable(node) if node.type == "VAR" else self.iri(node)
        if not self.place.paths:
            raise self.error(
                node, f"a property path in {self.place.name}", expected="an IRI or a variable as predicate",
                fix="match the path in WHERE",
            )  # fmt: skip
        return self._path(node)

    def _path(self, node: Node) -> PropertyPath:
        if isinstance(node, Token):
            return PredicatePath(self.iri(node))
        parts = node.children
        match node.data:
            case "path_alternative":
                return AlternativePath(self._path(parts[0]), self._path(parts[1]))
            case "path_sequence":
                return SequencePath(self._path(parts[0]), self._path(parts[1]))
            case "path_inverse":
                return InversePath(self._path(parts[0]))
            case "path_mod":
                return _CLOSURES[str(parts[1])](self._path(parts[0]))
            case _:
                members = parts[1:]
                inverse = [self.iri(m.children[0]) for m in members if isinstance(m, Tree)]
                return NegatedPropertySet(tuple(self.iri(m) for m in members if isinstance(m, Token)), tuple(inverse))

    def _emit(
        self,
        subject: TermPattern,
        path: PropertyPath,
        object_: TermPattern,
        span: Span | None,
        out: list[TriplePattern | Algebra],
    ) -> None:
        """Append the patterns of a path between two ends, as section 18.2.2.4 rewrites it."""
        match path:
            case PredicatePath(iri):
                out.append(TriplePattern(subject, iri, object_, span))
            case InversePath(inner):
                self._emit(object_, inner, subject, span, out)
            case SequencePath(left, right):
                middle = self.fresh()
                self._emit(subject, left, middle, span, out)
                self._emit(middle, right, object_, span, out)
            case AlternativePath(left, right):
                sides: list[Algebra] = []
                for side in (left, right):
                    parts: list[TriplePattern | Algebra] = []
                    self._emit(subject, side, object_, span, parts)
                    sides.append(collected(parts))
                out.append(Union(sides[0], sides[1]))
            case _:
                out.append(Path(subject, path, object_, span=span))
