# SPDX-License-Identifier: Apache-2.0
"""Expressions of the text -> expressions of the algebra (sections 17 and 18.2.4.1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lark import Token, Tree

from semcube.sparql.algebra import (
    Aggregate,
    Algebra,
    Exists,
    Expression,
    FunctionCall,
    Operation,
    Span,
    Variable,
)
from semcube.sparql.translate_terms import Node, TermTranslator
from semcube.vocab import GEOF

if TYPE_CHECKING:
    from semcube.sparql.shapes import Moved

__all__ = ["AGGREGATES", "AGGREGATE_IRIS", "ARITY", "ExpressionTranslator", "chain"]

AGGREGATE_IRIS = frozenset(
    GEOF + name
    for name in (
        "aggBoundingBox", "aggBoundingCircle", "aggCentroid", "aggConcaveHull", "aggConvexHull", "aggUnion",
    )
)  # fmt: skip
"""Functions that GeoSPARQL 1.1 (clause 8.8) defines as aggregates, although a call looks like any other."""

AGGREGATES = ("COUNT", "SUM", "MIN", "MAX", "AVG", "SAMPLE", "GROUP_CONCAT")
"""The set functions of SPARQL 1.1 (section 18.5.1)."""

_MANY = 1_000_000
ARITY: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("RAND", "NOW", "UUID", "STRUUID"), (0, 0)),
    **dict.fromkeys(
        (
            "STR", "LANG", "DATATYPE", "BOUND", "IRI", "ABS", "CEIL", "FLOOR", "ROUND", "STRLEN", "UCASE", "LCASE",
            "ENCODE_FOR_URI", "YEAR", "MONTH", "DAY", "HOURS", "MINUTES", "SECONDS", "TIMEZONE", "TZ", "MD5", "SHA1",
            "SHA256", "SHA384", "SHA512", "ISIRI", "ISBLANK", "ISLITERAL", "ISNUMERIC",
        ),
        (1, 1),
    ),
    **dict.fromkeys(
        (
            "LANGMATCHES", "CONTAINS", "STRSTARTS", "STRENDS", "STRBEFORE", "STRAFTER", "STRLANG", "STRDT", "SAMETERM",
        ),
        (2, 2),
    ),
    "BNODE": (0, 1),
    "SUBSTR": (2, 3),
    "REGEX": (2, 3),
    "REPLACE": (3, 4),
    "IF": (3, 3),
    "CONCAT": (0, _MANY),
    "COALESCE": (0, _MANY),
}  # fmt: skip
"""Least and greatest number of arguments of the built-in functions."""

_SYNONYMS = {"URI": "IRI", "ISURI": "ISIRI"}
_BALANCE_FROM = 32


def chain(operator: str, operands: list[Expression], span: Span | None = None) -> Expression:
    """Operands joined by an associative operator: nested to the left, and in a balanced way where there are many.

    Example:
        >>> chain("&&", [Variable("a"), Variable("b")])
        Operation(name='&&', arguments=(Variable(name='a'), Variable(name='b')))
    """
    if len(operands) > _BALANCE_FROM:
        half = len(operands) // 2
        sides = (chain(operator, operands[:half], span), chain(operator, operands[half:], span))
        return Operation(operator, sides, span)
    result = operands[0]
    for operand in operands[1:]:
        result = Operation(operator, (result, operand), span)
    return result


class ExpressionTranslator(TermTranslator):
    """Expressions; ``aggregates`` collects set functions where they may stand, and is None where they may not."""

    def __init__(self, text: str, base: str | None, moved: Moved | None = None) -> None:
        super().__init__(text, base, moved)
        self.aggregates: dict[Aggregate, Variable] | None = None
        self._no_aggregate = "this place"

    @contextmanager
    def collecting(self, aggregates: dict[Aggregate, Variable] | None, place: str = "") -> Iterator[None]:
        """Collect aggregates here; None makes them an error that names the place."""
        saved = self.aggregates, self._no_aggregate
        self.aggregates, self._no_aggregate = aggregates, place
        yield
        self.aggregates, self._no_aggregate = saved

    def group(self, tree: Node) -> Algebra:
        """The pattern of a group; the translator of patterns knows how."""
        raise NotImplementedError

    def expression(self, node: Node) -> Expression:
        """The expression of a node."""
        if isinstance(node, Token):
            kind = node.type
            if kind == "VAR":
                return self.variable(node)
            if kind in ("IRIREF", "PNAME_LN", "PNAME_NS"):
                return self.iri(node)
            return self.literal(node)
        match node.data:
            case "binary":
                return self._binary(node)
            case "function_call":
                return self._function_call(node)
            case "builtin_call":
                return self._builtin_call(node)
            case "literal":
                return self.literal(node)
            case "unary":
                operator, operand = node.children
                name = "!" if operator == "!" else f"U{operator}"
                return Operation(name, (self.expression(operand),), self.span(node))
            case "aggregate":
                return self._aggregate(node)
            case _:
                return self._other(node)

    def _other(self, node: Tree[Token]) -> Expression:
        span = self.span(node)
        match node.data:
            case "in_list":
                return Operation("IN", self._list(node), span)
            case "not_in_list":
                return Operation("!", (Operation("IN", self._list(node), span),), span)
            case "exists":
                return Exists(self.group(node.children[0]), span)
            case "not_exists":
                return Operation("!", (Exists(self.group(node.children[0]), span),), span)
            case _:
                left, product = node.children
                sign, right = self._signed(product)
                return Operation(sign, (self.expression(left), right), span)

    def _list(self, node: Tree[Token]) -> tuple[Expression, ...]:
        value, members = node.children
        assert isinstance(members, Tree)
        return (self.expression(value), *(self.expression(member) for member in members.children))

    def _binary(self, node: Tree[Token]) -> Expression:
        operator = str(node.children[1])
        if operator not in ("||", "&&"):
            left, _, right = node.children
            return Operation(operator, (self.expression(left), self.expression(right)), self.span(node))
        operands: list[Node] = []
        part: Node = node
        while isinstance(part, Tree) and part.data == "binary" and part.children[1] == operator:
            operands.append(part.children[2])
            part = part.children[0]
        operands.append(part)
        return chain(operator, [self.expression(operand) for operand in reversed(operands)], self.span(node))

    def _signed(self, node: Node) -> tuple[str, Expression]:
        """``-1 * ?x`` after a term: the operator, and the product without the sign of its first number."""
        if isinstance(node, Token):
            return node[0], self.literal(node.update(value=node[1:]))
        left, operator, right = node.children
        sign, first = self._signed(left)
        return sign, Operation(str(operator), (first, self.expression(right)), self.span(node))

    def _builtin_call(self, node: Tree[Token]) -> Expression:
        word, members = node.children
        assert isinstance(members, Tree)
        name = _SYNONYMS.get(word.upper(), word.upper()) if isinstance(word, Token) else ""
        low, high = ARITY[name]
        count = len(members.children)
        if not low <= count <= high:
            wanted = str(low) if low == high else f"{low} to {high}"
            raise self.error(node, f"{name} with {count} arguments", expected=f"{wanted} arguments")
        if name == "BOUND" and not (isinstance(members.children[0], Token) and members.children[0].type == "VAR"):
            raise self.error(members, "an expression in BOUND", expected="a variable, as in BOUND(?x)")
        return Operation(name, tuple([self.expression(member) for member in members.children]), self.span(node))

    def _function_call(self, node: Tree[Token]) -> Expression:
        name, members = node.children
        assert isinstance(members, Tree)
        iri, arguments = self.iri(name), members.children
        distinct = bool(arguments) and isinstance(arguments[0], Token) and arguments[0].type == "DISTINCT"
        if distinct:
            arguments = arguments[1:]
        if iri.value in AGGREGATE_IRIS:
            return self._collect(node, iri.value, arguments, distinct, None)
        translated = tuple([self.expression(argument) for argument in arguments])
        return FunctionCall(iri, translated, distinct, self.span(node))

    def _aggregate(self, node: Tree[Token]) -> Expression:
        word, *rest = node.children
        assert isinstance(word, Token)
        name = word.upper()
        distinct = isinstance(rest[0], Token) and rest[0].type == "DISTINCT"
        argument, *separator = rest[1:] if distinct else rest
        star = isinstance(argument, Token) and argument.type == "STAR"
        if star and name != "COUNT":
            raise self.error(argument, f"* in {name}", expected="an expression; only COUNT takes *")
        if separator and name != "GROUP_CONCAT":
            raise self.error(
                separator[0], f"a SEPARATOR in {name}", expected="')'; only GROUP_CONCAT takes a SEPARATOR"
            )
        text = self.string(separator[1]) if separator and isinstance(separator[1], Token) else None
        return self._collect(node, name, [] if star else [argument], distinct, text)

    def _collect(
        self, node: Tree[Token], name: str, arguments: list[Node], distinct: bool, separator: str | None
    ) -> Expression:
        if self.aggregates is None:
            raise self.error(
                node, f"the aggregate {self.text[slice(*(self.span(node) or (0, 0)))]} in {self._no_aggregate}",
                expected="aggregates only in SELECT, HAVING and ORDER BY", fix="compute it in a sub-select",
            )  # fmt: skip
        with self.collecting(None, "an aggregate"):
            translated = tuple(self.expression(argument) for argument in arguments)
        aggregate = Aggregate(name, translated, distinct, separator, self.span(node))
        if aggregate not in self.aggregates:
            self.aggregates[aggregate] = self.fresh()
        return self.aggregates[aggregate]
