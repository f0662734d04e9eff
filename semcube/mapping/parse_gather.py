# SPDX-License-Identifier: Apache-2.0
"""Gather maps of mapping documents: RML-CC, lists and containers (http://w3id.org/rml/cc/spec)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from semcube.errors import MappingError
from semcube.io.terms import IRI, BlankNode, Literal, Term
from semcube.mapping.model import Constant, Gather, RefObjectMap, TermMap, TermType
from semcube.vocab import RDF, RML

if TYPE_CHECKING:
    from semcube.mapping.graph import MappingGraph

__all__ = ["gather_map"]

_KINDS = ("List", "Bag", "Seq", "Alt")
_NAMES = ("constant", "reference", "column", "template", "functionExecution", "functionValue")
_PROPERTIES = ("gather", "gatherAs", "strategy", "allowEmptyListAndContainer")


class Reader(Protocol):
    """What reads term maps and makes errors."""

    graph: MappingGraph
    name: str

    def one(self, node: Term, name: str) -> Term | None:
        """The only value of a property."""

    def plain(self, node: Term, where: str) -> TermMap:
        """A term map that gathers nothing."""

    def object_map(self, node: Term) -> TermMap | RefObjectMap:
        """A term map, or one of another triples map."""

    def error(
        self, found: str, *, node: str | None = None, expected: str | None = None, fix: str | None = None
    ) -> MappingError:
        """The error about a node."""


def gather_map(reader: Reader, node: Term, where: str) -> TermMap | None:
    """The term map of a node that gathers, None if it does not.

    Raises:
        MappingError: It does not say what it gathers and as what, or its first node would be a literal.
    """
    if not any(reader.graph.values(node, name) for name in _PROPERTIES):
        return None
    items = reader.one(node, "gather")
    if items is None:
        raise reader.error("a gather map without rml:gather", node=where, expected="a list of term maps")
    members = _members(reader, items, where)
    gather = Gather(
        tuple(_item(reader, each, f"{where} gather {number}") for number, each in enumerate(members, 1)),
        _kind(reader, node, where),
        _is_product(reader, node, where),
        _allows_empty(reader, node, where),
        any(reader.graph.values(node, name) for name in _NAMES),
    )
    if not gather.is_named:
        return TermMap(Constant(BlankNode("gather")), TermType.BLANK, node=where, gather=gather)
    # What a reference makes here is a node.
    found = reader.plain(node, "subjectMap")
    if found.term_type is TermType.LITERAL:
        raise reader.error("the first node of a collection is a literal", node=where, expected="an IRI or a blank node")
    return replace(found, node=where, gather=gather)


def _members(reader: Reader, node: Term, where: str) -> list[Term]:
    """The term maps of a list."""
    found: list[Term] = []
    seen = {node}
    while node != IRI(RDF + "nil"):
        first, rest = reader.graph.exact(node, RDF + "first"), reader.graph.exact(node, RDF + "rest")
        if len(first) != 1 or len(rest) != 1 or rest[0] in seen:
            raise reader.error("rml:gather is no list", node=where, expected="term maps in round brackets")
        found.append(first[0])
        node = rest[0]
        seen.add(node)
    if not found:
        raise reader.error("rml:gather of an empty list", node=where, expected="at least one term map")
    return found


def _item(reader: Reader, node: Term, where: str) -> TermMap | RefObjectMap:
    try:
        return replace(reader.object_map(node), node=where)
    except MappingError as error:
        raise reader.error(error.found, node=where, expected=error.expected, fix=error.fix) from None


def _kind(reader: Reader, node: Term, where: str) -> str:
    value = reader.one(node, "gatherAs")
    for each in _KINDS:
        if value == IRI(RDF + each):
            return each
    shown = "no rml:gatherAs" if value is None else f"rml:gatherAs {reader.graph.name(value)}"
    raise reader.error(shown, node=where, expected="rdf:List, rdf:Bag, rdf:Seq or rdf:Alt")


def _is_product(reader: Reader, node: Term, where: str) -> bool:
    value = reader.one(node, "strategy")
    strategies = {IRI(RML + "append"): False, IRI(RML + "cartesianProduct"): True}
    if value is not None and value not in strategies:
        shown = f"strategy {reader.graph.name(value)}"
        raise reader.error(shown, node=where, expected="rml:append or rml:cartesianProduct")
    return value is not None and strategies[value]


def _allows_empty(reader: Reader, node: Term, where: str) -> bool:
    value = reader.one(node, "allowEmptyListAndContainer")
    if value is None:
        return False
    if not isinstance(value, Literal) or value.lexical not in ("true", "false", "1", "0"):
        raise reader.error(
            f"rml:allowEmptyListAndContainer {reader.graph.name(value)}", node=where, expected="true or false"
        )
    return value.lexical in ("true", "1")
