# SPDX-License-Identifier: Apache-2.0
"""Tokens of a query -> terms: IRIs against prologue, literals, blank nodes and their scope (section 4.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from lark import Token, Tree

from semcube.errors import QuerySyntaxError
from semcube.io.terms import IRI, BlankNode, Literal
from semcube.sparql.algebra import Span, Variable
from semcube.sparql.iris import resolve
from semcube.sparql.parser_errors import error_at
from semcube.vocab import PREFIXES, RDF_TYPE, XSD_BOOLEAN, XSD_DECIMAL, XSD_DOUBLE, XSD_INTEGER

if TYPE_CHECKING:
    from semcube.sparql.algebra import TermPattern
    from semcube.sparql.shapes import Moved

__all__ = ["DATA", "DELETE_DATA", "DELETE_TEMPLATE", "PATTERN", "TEMPLATE", "Node", "Place", "TermTranslator"]

Node = Tree[Token] | Token


@dataclass(frozen=True, slots=True)
class Place:
    """What may stand in triples at a place of the text.

    ``blank`` is ``variable`` where a blank node is matched, ``node`` where one is made, ``refused`` where none may be.
    """

    name: str
    blank: str
    variables: bool = True
    paths: bool = False


PATTERN = Place("a graph pattern", "variable", paths=True)
TEMPLATE = Place("a template", "node")
DATA = Place("INSERT DATA", "node", variables=False)
DELETE_TEMPLATE = Place("a DELETE template", "refused")
DELETE_DATA = Place("DELETE DATA", "refused", variables=False)

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_STRING_ESCAPES = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f"}
_A = IRI(RDF_TYPE)


class TermTranslator:
    """One translation: its text, its prologue, its fresh names.

    Args:
        text: The text.
        base: What relative IRIs are resolved against until a ``BASE`` in the text.
        moved: Offsets in the tree -> offsets in the text, where the tree is that of another text of the same shape.
    """

    def __init__(self, text: str, base: str | None, moved: Moved | None = None) -> None:
        self.text = text
        self._moved = moved
        self.base = base
        self.prefixes: dict[str, str] = {}
        self.place = PATTERN
        self._iris: dict[str, IRI] = {}
        self._fresh = 0
        self._scope = 0
        self._scopes = 0
        self._labels: dict[str, int] = {}
        self._operation = 0
        self._operation_labels: dict[str, int] = {}

    # --- places of the text ---

    def span(self, node: Node) -> Span | None:
        """Start and end offset of a node; None for one without tokens."""
        if isinstance(node, Token):
            start, end = node.start_pos or 0, node.end_pos or 0
        elif node.meta.empty:
            return None
        else:
            start, end = node.meta.start_pos, node.meta.end_pos
        return (start, end) if self._moved is None else (self._moved(start), self._moved(end))

    def error(self, node: Node, found: str, *, expected: str | None = None, fix: str | None = None) -> QuerySyntaxError:
        """The error at a node."""
        span = self.span(node)
        return error_at(self.text, span[0] if span else 0, found, expected=expected, fix=fix)

    # --- prologue ---

    def prologue(self, tree: Tree[Token]) -> None:
        """Read ``BASE`` and ``PREFIX`` in order."""
        for declaration in tree.children:
            assert isinstance(declaration, Tree)
            self._iris.clear()
            *names, reference = declaration.children
            assert isinstance(reference, Token)
            iri = self.iri(reference).value
            if declaration.data == "base":
                self.base = iri
            else:
                self.prefixes[str(names[0])[:-1]] = iri

    # --- IRIs ---

    def iri(self, token: Node) -> IRI:
        """The IRI of an IRIREF, a prefixed name, or ``a``."""
        assert isinstance(token, Token)
        known = self._iris.get(token)
        if known is None:
            known = self._iris[str(token)] = self._new_iri(token)
        return known

    def _new_iri(self, token: Token) -> IRI:
        if token.type == "A":
            return _A
        if token.type == "IRIREF":
            iri = resolve(token[1:-1], self.base)
            if iri is None:
                raise self.error(
                    token,
                    f"the relative IRI {token}",
                    expected="an absolute IRI",
                    fix="write it in full, or declare a BASE",
                )
            return IRI(iri)
        prefix, _, local = token.partition(":")
        namespace = self.prefixes.get(prefix)
        if namespace is None:
            self._unknown_prefix(token, prefix)
        return IRI(namespace + (_ESCAPE.sub(r"\1", local) if "\\" in local else local))

    def _unknown_prefix(self, token: Token, prefix: str) -> NoReturn:
        known = PREFIXES.get(prefix, "...")
        fix = f"add 'PREFIX {prefix}: <{known}>' at the start"
        raise self.error(token, f"the prefix '{prefix}:' of {token}", expected="a declared prefix", fix=fix)

    # --- literals ---

    def literal(self, node: Node) -> Literal:
        """The literal of a string, a number or a truth value."""
        if isinstance(node, Tree):
            string, mark = node.children
            assert isinstance(string, Token)
            assert isinstance(mark, Token)
            lexical = self.string(string)
            if mark.type == "LANGTAG":
                return Literal(lexical, language=mark[1:])
            return Literal(lexical, self.iri(mark).value)
        if node.type == "STRING":
            return Literal(self.string(node))
        if node.type == "BOOLEAN":
            return Literal(node.lower(), XSD_BOOLEAN)
        if "e" in node or "E" in node:
            return Literal(str(node), XSD_DOUBLE)
        return Literal(str(node), XSD_DECIMAL if "." in node else XSD_INTEGER)

    def string(self, token: Token) -> str:
        """The characters that a quoted string means."""
        quotes = 3 if len(token) >= 6 and token[:3] in ('"""', "'''") else 1
        inner = token[quotes:-quotes]
        if "\\" not in inner:
            return str(inner)
        return _ESCAPE.sub(lambda match: _STRING_ESCAPES.get(match[1], match[1]), inner)

    # --- variables and blank nodes ---

    def variable(self, token: Node) -> Variable:
        """The variable of a token."""
        assert isinstance(token, Token)
        if not self.place.variables:
            raise self.error(
                token, f"the variable {token} in {self.place.name}", expected="an IRI or a literal",
                fix="use INSERT { ... } WHERE { ... } or DELETE { ... } WHERE { ... }",
            )  # fmt: skip
        return Variable(token[1:])

    def fresh(self) -> Variable:
        """A variable that no query can write."""
        self._fresh += 1
        return Variable(f"_:-{self._fresh}")

    def fresh_blank(self, node: Node) -> TermPattern:
        """What ``[]`` and each link of a collection mean at this place."""
        self._check_blank(node)
        variable = self.fresh()
        return variable if self.place.blank == "variable" else BlankNode(variable.name[2:])

    def blank(self, token: Token) -> TermPattern:
        """What a blank node label means at this place."""
        self._check_blank(token)
        label = token[2:]
        if self.place is DATA and self._operation_labels.setdefault(label, self._operation) != self._operation:
            raise self.error(
                token, f"the blank node {token}, used by an earlier INSERT DATA too",
                expected="a blank node label in one INSERT DATA only", fix="rename it",
            )  # fmt: skip
        if self.place.blank == "node":
            return BlankNode(label)
        if self._labels.setdefault(label, self._scope) != self._scope:
            raise self.error(
                token, f"the blank node {token}, used in an earlier graph pattern too",
                expected="a blank node label in one basic graph pattern only", fix="use a variable",
            )  # fmt: skip
        return Variable(f"_:{label}")

    def _check_blank(self, node: Node) -> None:
        if self.place.blank == "refused":
            raise self.error(
                node, f"a blank node in {self.place.name}", expected="an IRI, a literal or a variable",
                fix="a blank node names nothing that could be deleted; match it with a variable in WHERE",
            )  # fmt: skip

    def new_scope(self) -> int:
        """Begin a basic graph pattern, the scope of blank node labels; returns its number."""
        self._scopes += 1
        self._scope = self._scopes
        return self._scope

    def resume_scope(self, scope: int) -> None:
        """Continue a basic graph pattern after a FILTER."""
        self._scope = scope

    def next_operation(self) -> None:
        """Begin the next operation of an update."""
        self._operation += 1
        self._labels.clear()
