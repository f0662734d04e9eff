# SPDX-License-Identifier: Apache-2.0
"""Group graph patterns of the text -> algebra (section 18.2.2)."""

from __future__ import annotations

from lark import Token, Tree

from semcube.io.terms import IRI, Term
from semcube.sparql.algebra import (
    Algebra,
    Expression,
    Extend,
    Filter,
    Graph,
    LeftJoin,
    Minus,
    Service,
    TriplePattern,
    Union,
    Unit,
    Values,
    Variable,
)
from semcube.sparql.scope import in_scope
from semcube.sparql.translate_expressions import ExpressionTranslator, chain
from semcube.sparql.translate_terms import Node
from semcube.sparql.translate_triples import TripleTranslator, collected, joined

__all__ = ["PatternTranslator"]


class _Group:
    """A group while it is read: what is joined so far, triples that wait, filters."""

    def __init__(self) -> None:
        self.pattern: Algebra = Unit()
        self.waiting: list[TriplePattern | Algebra] = []
        self.filters: list[Expression] = []

    def flush(self) -> Algebra:
        if self.waiting:
            self.pattern = collected(self.waiting, self.pattern)
            self.waiting = []
        return self.pattern

    @property
    def condition(self) -> Expression | None:
        return chain("&&", self.filters) if self.filters else None


class PatternTranslator(ExpressionTranslator, TripleTranslator):
    """Groups and what may stand in them."""

    def sub_select(self, tree: Tree[Token]) -> Algebra:
        """A sub-select; the translator of queries knows how."""
        raise NotImplementedError

    def group(self, tree: Node) -> Algebra:
        """The algebra of a group, its filters outermost."""
        condition, pattern = self._parts(tree)
        return pattern if condition is None else Filter(condition, pattern)

    def _parts(self, tree: Node) -> tuple[Expression | None, Algebra]:
        """The conjunction of the filters of a group, and the rest of it."""
        assert isinstance(tree, Tree)
        children = tree.children
        with self.collecting(None, "a graph pattern"):
            if children and isinstance(children[0], Tree) and children[0].data == "sub_select":
                return None, self.sub_select(children[0])
            group = _Group()
            scope = self.new_scope()
            for element in children:
                assert isinstance(element, Tree)
                if element.data == "triples_block":
                    self.triples(element, group.waiting)
                elif element.data == "filter":
                    group.filters.append(self.expression(element.children[0]))
                    self.resume_scope(scope)
                else:
                    self._element(element, group)
                    scope = self.new_scope()
            return group.condition, group.flush()

    def _element(self, tree: Tree[Token], group: _Group) -> None:
        """Add an element that ends a basic graph pattern."""
        before = group.flush()
        match tree.data:
            case "optional":
                condition, right = self._parts(tree.children[0])
                group.pattern = LeftJoin(before, right, condition)
            case "minus":
                group.pattern = Minus(before, self.group(tree.children[0]))
            case "bind":
                group.pattern = self._bind(tree, before)
            case "graph":
                name, pattern = tree.children
                group.pattern = joined(before, Graph(self._name(name), self.group(pattern)))
            case "service":
                *silent, name, pattern = tree.children
                service = Service(self._name(name), self.group(pattern), bool(silent), self.span(tree))
                group.pattern = joined(before, service)
            case "values_one" | "values_many":
                group.pattern = joined(before, self.values(tree))
            case _:
                group.pattern = joined(before, self._union(tree))

    def _name(self, node: Node) -> Variable | IRI:
        assert isinstance(node, Token)
        return self.variable(node) if node.type == "VAR" else self.iri(node)

    def _bind(self, tree: Tree[Token], before: Algebra) -> Algebra:
        variable = self.variable(tree.children[1])
        if variable in in_scope(before):
            raise self.error(
                tree.children[1], f"BIND to {tree.children[1]}, which the pattern before it may bind",
                expected="a new variable", fix="choose another name, or compare with FILTER",
            )  # fmt: skip
        with self.collecting(None, "BIND"):
            return Extend(before, variable, self.expression(tree.children[0]))

    def _union(self, tree: Tree[Token]) -> Algebra:
        branches: list[Node] = []
        part: Node = tree
        while isinstance(part, Tree) and part.data == "union":
            branches.append(part.children[1])
            part = part.children[0]
        branches.append(part)
        return _unions([self.group(branch) for branch in reversed(branches)])

    # --- inline data ---

    def values(self, tree: Tree[Token]) -> Values:
        """A block of inline data (section 10.2)."""
        if tree.data == "values_one":
            return Values((self.variable(tree.children[0]),), tuple((self._value(v),) for v in tree.children[1:]))
        head, *rows = tree.children
        assert isinstance(head, Tree)
        variables = tuple(self.variable(token) for token in head.children)
        if len(set(variables)) < len(variables):
            raise self.error(head, "a variable twice in VALUES", expected="each variable once")
        return Values(variables, tuple(self._row(row, len(variables)) for row in rows))

    def _row(self, row: Node, width: int) -> tuple[Term | None, ...]:
        assert isinstance(row, Tree)
        if len(row.children) != width:
            found = f"{len(row.children)} values in a row of VALUES"
            raise self.error(
                row, found, expected=f"{width}, one for each variable", fix="write UNDEF where there is none"
            )
        return tuple(self._value(value) for value in row.children)

    def _value(self, node: Node) -> Term | None:
        if isinstance(node, Token):
            if node.type == "UNDEF":
                return None
            if node.type in ("IRIREF", "PNAME_LN", "PNAME_NS"):
                return self.iri(node)
        return self.literal(node)


_BALANCE_FROM = 32


def _unions(branches: list[Algebra]) -> Algebra:
    """The union of branches: nested to the left, and in a balanced way where there are many."""
    if len(branches) > _BALANCE_FROM:
        half = len(branches) // 2
        return Union(_unions(branches[:half]), _unions(branches[half:]))
    result = branches[0]
    for branch in branches[1:]:
        result = Union(result, branch)
    return result
