# SPDX-License-Identifier: Apache-2.0
"""Queries of the text -> algebra: forms, grouping, solution modifiers (sections 18.2.4 and 18.2.5)."""

from __future__ import annotations

from dataclasses import dataclass, field

from lark import Token, Tree

from semcube.sparql.algebra import (
    Aggregate,
    Algebra,
    Ask,
    Construct,
    DatasetClause,
    Describe,
    Distinct,
    Expression,
    Extend,
    Filter,
    Group,
    OrderBy,
    OrderCondition,
    Project,
    Query,
    Reduced,
    Select,
    Slice,
    TriplePattern,
    Unit,
    Variable,
)
from semcube.sparql.scope import expression_variables, in_scope, replace_variables, visible
from semcube.sparql.translate_expressions import chain
from semcube.sparql.translate_patterns import PatternTranslator
from semcube.sparql.translate_terms import PATTERN, TEMPLATE, Node, Place
from semcube.sparql.translate_triples import joined

__all__ = ["QueryTranslator"]

_CONSTRUCT_WHERE = Place("CONSTRUCT WHERE", "variable")


@dataclass
class _Modifiers:
    """Solution modifiers while they are translated."""

    keys: list[tuple[Variable, Expression]] = field(default_factory=list)
    aggregates: dict[Aggregate, Variable] = field(default_factory=dict)
    having: list[Expression] = field(default_factory=list)
    items: list[tuple[Variable, Expression | None, Node]] = field(default_factory=list)
    """What SELECT names: a variable, and its expression where it has one."""
    order: list[OrderCondition] = field(default_factory=list)


class QueryTranslator(PatternTranslator):
    """SELECT, CONSTRUCT, DESCRIBE and ASK."""

    def query(self, tree: Tree[Token]) -> Query:
        """The query of a whole text."""
        prologue, body, *rest = tree.children
        assert isinstance(prologue, Tree)
        assert isinstance(body, Tree)
        self.prologue(prologue)
        values = rest[0] if rest else None
        form: Select | Construct | Describe | Ask
        match body.data:
            case "select_query":
                pattern, variables = self._select(body, values)
                form = Select(pattern, variables)
            case "ask_query":
                form = Ask(self._modified(body, values))
            case "describe_query":
                form = self._describe(body, values)
            case _:
                form = self._construct(body, values)
        dataset = self._dataset(body, "from_default", "from_named")
        return Query(form, dataset, self.base, tuple(self.prefixes.items()), self.text)

    def sub_select(self, tree: Tree[Token]) -> Algebra:
        """A sub-select inside a group."""
        return self._select(tree, _part(tree, "values_one", "values_many"))[0]

    def _dataset(self, tree: Tree[Token], default: str, named: str) -> DatasetClause | None:
        clauses = [c for c in tree.children if isinstance(c, Tree) and c.data in (default, named)]
        if not clauses:
            return None
        return DatasetClause(
            tuple(self.iri(c.children[0]) for c in clauses if c.data == default),
            tuple(self.iri(c.children[0]) for c in clauses if c.data == named),
        )

    # --- forms ---

    def _construct(self, tree: Tree[Token], values: Node | None) -> Construct:
        template = _part(tree, "construct_template")
        assert template is not None
        triples: list[TriplePattern] = []
        self.place = TEMPLATE
        self._template(template, triples)
        self.place = PATTERN
        return Construct(tuple(triples), self._modified(tree, values))

    def _template(self, tree: Tree[Token], out: list[TriplePattern]) -> None:
        found: list[TriplePattern | Algebra] = []
        for block in tree.children:
            assert isinstance(block, Tree)
            self.triples(block, found)
        out.extend(part for part in found if isinstance(part, TriplePattern))

    def _describe(self, tree: Tree[Token], values: Node | None) -> Describe:
        targets = tree.children[0]
        assert isinstance(targets, Tree)
        pattern = self._modified(tree, values)
        if isinstance(targets.children[0], Token) and targets.children[0].type == "STAR":
            return Describe(visible(pattern), pattern)
        return Describe(tuple(dict.fromkeys(self._name(target) for target in targets.children)), pattern)

    def _modified(self, tree: Tree[Token], values: Node | None) -> Algebra:
        """The pattern of a form without projection, with its modifiers."""
        modifiers = _Modifiers()
        pattern = self._ordered(self._solutions(tree, values, modifiers), modifiers)
        return self._sliced(tree, pattern)

    def _where(self, tree: Tree[Token]) -> Algebra:
        group = _part(tree, "group_graph_pattern")
        if group is not None:
            return self.group(group)
        if tree.data != "construct_where":
            return Unit()
        template = _part(tree, "construct_template")
        assert template is not None
        self.place = _CONSTRUCT_WHERE
        pattern = self.group(template)
        self.place = PATTERN
        return pattern

    # --- SELECT ---

    def _select(self, tree: Tree[Token], values: Node | None) -> tuple[Algebra, tuple[Variable, ...]]:
        clause = _part(tree, "select_clause")
        assert clause is not None
        modifiers = _Modifiers()
        pattern = self._solutions(tree, values, modifiers)
        last = clause.children[-1]
        if isinstance(last, Token) and last.type == "STAR":
            if modifiers.keys or modifiers.aggregates:
                raise self.error(
                    last, "SELECT * in a query that groups", expected="the group keys and aggregates, by name",
                )  # fmt: skip
            variables = visible(pattern)
        else:
            pattern = self._extended(pattern, modifiers)
            variables = tuple(dict.fromkeys(variable for variable, _, _ in modifiers.items))
        pattern = Project(self._ordered(pattern, modifiers), variables)
        kinds = {c.type for c in clause.children if isinstance(c, Token)}
        result: Algebra = pattern
        if "DISTINCT" in kinds:
            result = Distinct(pattern)
        elif "REDUCED" in kinds:
            result = Reduced(pattern)
        return self._sliced(tree, result), variables

    def _solutions(self, tree: Tree[Token], values: Node | None, modifiers: _Modifiers) -> Algebra:
        """Pattern, grouping, HAVING and the VALUES at the end (sections 18.2.4.1 to 18.2.4.3)."""
        pattern = self._where(tree)
        self._read_modifiers(tree, modifiers)
        if modifiers.keys or modifiers.aggregates or _part(tree, "group_clause") is not None:
            pattern = self._grouped(pattern, modifiers)
        if modifiers.having:
            pattern = Filter(chain("&&", modifiers.having), pattern)
        if values is not None:
            assert isinstance(values, Tree)
            pattern = joined(pattern, self.values(values))
        return pattern

    def _read_modifiers(self, tree: Tree[Token], modifiers: _Modifiers) -> None:
        with self.collecting(None, "GROUP BY"):
            for condition in _children(_part(tree, "group_clause")):
                modifiers.keys.append(self._key(condition))
        with self.collecting(modifiers.aggregates):
            modifiers.having.extend(self.expression(c) for c in _children(_part(tree, "having_clause")))
            for item in _children(_part(tree, "select_clause")):
                if isinstance(item, Tree):
                    variable = self.variable(item.children[1])
                    modifiers.items.append((variable, self.expression(item.children[0]), item))
                elif item.type == "VAR":
                    modifiers.items.append((self.variable(item), None, item))
            for condition in _children(_part(tree, "order_clause")):
                modifiers.order.append(self._order_condition(condition))

    def _order_condition(self, node: Node) -> OrderCondition:
        if isinstance(node, Tree) and node.data in ("ascending", "descending"):
            return OrderCondition(self.expression(node.children[0]), node.data == "descending")
        return OrderCondition(self.expression(node))

    def _key(self, node: Node) -> tuple[Variable, Expression]:
        name = None
        if isinstance(node, Tree) and node.data == "bracketted_key":
            name = self.variable(node.children[1]) if len(node.children) == 2 else None
            node = node.children[0]
        expression = self.expression(node)
        if name is None:
            name = expression if isinstance(expression, Variable) else self.fresh()
        return name, expression

    # --- grouping ---

    def _grouped(self, pattern: Algebra, modifiers: _Modifiers) -> Algebra:
        """The group, after a check of what SELECT uses; other variables of HAVING and ORDER BY are sampled."""
        keys = list(dict(modifiers.keys).items())
        known = {variable for variable, _ in keys} | set(modifiers.aggregates.values())
        for variable, expression, node in modifiers.items:
            used = {variable} if expression is None else expression_variables(expression, exists=False)
            for name in sorted(v.name for v in used - known)[:1]:
                raise self.error(
                    node, f"?{name} in SELECT, which is neither a group key nor inside an aggregate",
                    expected="group keys and aggregates", fix=f"add ?{name} to GROUP BY or write SAMPLE(?{name})",
                )  # fmt: skip
            known.add(variable)
        self._sample(in_scope(pattern), {v for v, _ in keys} | set(modifiers.aggregates.values()), known, modifiers)
        return Group(pattern, tuple(keys), tuple((v, a) for a, v in modifiers.aggregates.items()))

    def _sample(
        self, scope: frozenset[Variable], grouped: set[Variable], named: set[Variable], modifiers: _Modifiers
    ) -> None:
        """Replace variables of HAVING and ORDER BY that are lost by grouping with samples (section 18.2.4.1)."""
        lost: set[Variable] = set()
        for condition in modifiers.having:
            lost |= expression_variables(condition, exists=False) - grouped
        for order in modifiers.order:
            lost |= expression_variables(order.expression, exists=False) - named
        sampled: dict[Variable, Expression] = {}
        for variable in sorted(lost & scope, key=lambda v: v.name):
            sample = Aggregate("SAMPLE", (variable,))
            if sample not in modifiers.aggregates:
                modifiers.aggregates[sample] = self.fresh()
            sampled[variable] = modifiers.aggregates[sample]
        if sampled:
            modifiers.having[:] = [replace_variables(e, sampled) for e in modifiers.having]
            unnamed = {v: e for v, e in sampled.items() if v not in named}
            modifiers.order[:] = [
                OrderCondition(replace_variables(o.expression, unnamed), o.descending) for o in modifiers.order
            ]

    def _extended(self, pattern: Algebra, modifiers: _Modifiers) -> Algebra:
        """The expressions of SELECT, each able to use those before it (section 18.2.4.4)."""
        scope = in_scope(pattern)
        named: set[Variable] = set()
        for variable, expression, node in modifiers.items:
            if expression is not None:
                if variable in scope or variable in named:
                    raise self.error(
                        node, f"AS ?{variable.name}, a variable that is already in use", expected="a new variable",
                        fix="choose another name",
                    )  # fmt: skip
                pattern = Extend(pattern, variable, expression)
            named.add(variable)
        return pattern

    # --- order and slice ---

    def _ordered(self, pattern: Algebra, modifiers: _Modifiers) -> Algebra:
        return OrderBy(pattern, tuple(modifiers.order)) if modifiers.order else pattern

    def _sliced(self, tree: Tree[Token], pattern: Algebra) -> Algebra:
        limit = _part(tree, "limit_clause")
        offset = _part(tree, "offset_clause")
        if limit is None and offset is None:
            return pattern
        return Slice(
            pattern,
            int(str(offset.children[0])) if offset is not None else 0,
            int(str(limit.children[0])) if limit is not None else None,
        )


def _part(tree: Tree[Token], *names: str) -> Tree[Token] | None:
    """The first child tree with one of these names."""
    for child in tree.children:
        if isinstance(child, Tree) and child.data in names:
            return child
    return None


def _children(tree: Tree[Token] | None) -> list[Node]:
    return [] if tree is None else list(tree.children)
