# SPDX-License-Identifier: Apache-2.0
"""Algebra -> SPARQL text, for remote endpoints and for people.

``parse_query(unparse(query))`` gives the same algebra, except for spans, for the names of blank nodes and of what the
translation made up (some become variables that no one selects), and for ``graph`` of BGP and Path, which comes back
as :class:`~semcube.sparql.algebra.Graph`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from semcube.errors import UnsupportedError
from semcube.sparql.algebra import (
    BGP,
    Algebra,
    Ask,
    Construct,
    Describe,
    Distinct,
    Exists,
    Expression,
    Extend,
    Filter,
    Graph,
    Group,
    Join,
    LeftJoin,
    Minus,
    OrderBy,
    OrderCondition,
    Path,
    Project,
    Query,
    Reduced,
    Select,
    Service,
    Slice,
    Union,
    Unit,
    Values,
    Variable,
)
from semcube.sparql.scope import (
    children,
    expression_parts,
    expression_variables,
    expressions,
    in_scope,
    mentioned,
    visible,
)
from semcube.sparql.unparse_terms import Names, expression_text, path_text, term_text, triple_text

__all__ = ["unparse", "unparse_expression", "unparse_pattern"]

_SELECTS = (Group, OrderBy, Project, Distinct, Reduced, Slice)


def unparse(what: Query | Algebra, prefixes: Mapping[str, str] | None = None) -> str:
    """The text of a query, or a SELECT of all visible variables of a plan.

    Args:
        what: A query, or a plan without nodes of a planner.
        prefixes: Prefix -> namespace, declared and used in the text.

    Returns:
        SPARQL 1.1; one line for each prefix and one for the rest.

    Raises:
        UnsupportedError: The plan holds a node or a term that SPARQL cannot write.

    Example:
        >>> from semcube.sparql.algebra import IRI, TriplePattern
        >>> unparse(BGP((TriplePattern(Variable("s"), IRI("http://e/p"), Variable("o")),)))
        'SELECT ?s ?o WHERE { ?s <http://e/p> ?o . }'
    """
    pattern = what.form.pattern if isinstance(what, Query) else what
    writer = _Writer(_names(what, prefixes))
    head = "".join(f"PREFIX {prefix}: <{namespace}>\n" for prefix, namespace in (prefixes or {}).items())
    if isinstance(what, Query):
        return head + writer.query(what)
    return head + writer.select(pattern if isinstance(pattern, _SELECTS) else Project(pattern, visible(pattern)))


def unparse_pattern(node: Algebra, prefixes: Mapping[str, str] | None = None) -> str:
    """The text of a plan as the inside of a group.

    Example:
        >>> unparse_pattern(Union(Graph(Variable("g"), BGP(())), Values((), ())))
        '{ GRAPH ?g { } } UNION { VALUES () { } }'
    """
    return _Writer(_names(node, prefixes)).body(node)


def unparse_expression(expression: Expression, prefixes: Mapping[str, str] | None = None) -> str:
    """The text of an expression.

    Example:
        >>> unparse_expression(Variable("x"))
        '?x'
    """
    names = _names(Filter(expression, Unit()), prefixes)
    return expression_text(expression, names, _Writer(names).body)


def _names(what: Query | Algebra, prefixes: Mapping[str, str] | None) -> Names:
    pattern = what.form.pattern if isinstance(what, Query) else what
    taken = {v.name for v in mentioned(pattern)}
    if isinstance(what, Query) and isinstance(what.form, Construct):
        taken |= {v.name for triple in what.form.template for v in triple.variables}
    places = Counter(_places(pattern))
    return Names(taken, prefixes, [v.name for v, count in places.items() if v.is_blank and count == 1])


def _places(node: Algebra) -> Iterator[Variable]:
    """Each variable once for each BGP that has it, twice where it stands elsewhere."""
    if isinstance(node, BGP):
        yield from {v for triple in node.triples for v in triple.variables}
    else:
        own = {v for child in children(node) for v in in_scope(child)}
        yield from (
            v for v in in_scope(node) if v not in own or isinstance(node, Project | Group | Distinct) for _ in (1, 2)
        )
    for expression in expressions(node):
        yield from (v for v in expression_variables(expression, exists=False) for _ in (1, 2))
        for part in expression_parts(expression):
            if isinstance(part, Exists):
                yield from _places(part.pattern)
    for child in children(node):
        yield from _places(child)


@dataclass
class _Modifiers:
    """The text around the group of a query."""

    pattern: Algebra
    items: str = ""
    tail: str = ""
    grouped: bool = False
    end: str = ""
    """The VALUES of a query that groups: after everything else."""


def _limits(node: Algebra) -> tuple[Algebra, str]:
    """What LIMIT and OFFSET apply to, and their text."""
    if not isinstance(node, Slice):
        return node, ""
    limit = f" LIMIT {node.limit}" if node.limit is not None else ""
    return node.pattern, f" OFFSET {node.offset}{limit}" if node.offset or not limit else limit


def _grouping_of(node: Algebra) -> tuple[Group, Expression | None, Values | None] | None:
    """A group with its HAVING and its VALUES; None where a plan is none."""
    match node:
        case Join(inner, Values() as values):
            found = _grouping_of(inner)
            return None if found is None or found[2] is not None else (found[0], found[1], values)
        case Filter(having, Group() as group):
            return group, having, None
        case Group():
            return node, None, None
        case _:
            return None


class _Writer:
    def __init__(self, names: Names) -> None:
        self._names = names

    def query(self, query: Query) -> str:
        form = query.form
        clauses = ""
        if query.dataset is not None:
            clauses = "".join(f"FROM {self._names.iri(i.value)} " for i in query.dataset.default)
            clauses += "".join(f"FROM NAMED {self._names.iri(i.value)} " for i in query.dataset.named)
        if isinstance(form, Select):
            return self.select(form.pattern, clauses)
        modifiers = self._modified(form.pattern, None)
        tail = f"{clauses}WHERE {{ {self.body(modifiers.pattern)} }}{modifiers.tail}{modifiers.end}"
        match form:
            case Ask():
                return f"ASK {tail}"
            case Describe(targets):
                return f"DESCRIBE {' '.join(term_text(t, self._names) for t in targets) or '*'} {tail}"
            case Construct(template):
                triples = " ".join(triple_text(triple, self._names) for triple in template)
                return f"CONSTRUCT {{ {triples} }} {tail}"

    # --- SELECT ---

    def select(self, node: Algebra, clauses: str = "") -> str:
        """The text of a SELECT whose answer is a plan."""
        node, limits = _limits(node)
        distinct = ""
        if isinstance(node, Distinct | Reduced):
            distinct = "DISTINCT " if isinstance(node, Distinct) else "REDUCED "
            node = node.pattern
        inner = node
        variables = tuple(self._shown(node))
        if isinstance(node, Project):
            inner, variables = node.pattern, node.variables
        modifiers = self._modified(inner, variables)
        items = modifiers.items or ("(1 AS ?_)" if modifiers.grouped or self._shown(inner) else "*")
        body = self.body(modifiers.pattern)
        return f"SELECT {distinct}{items} {clauses}WHERE {{ {body} }}{modifiers.tail}{limits}{modifiers.end}"

    def _shown(self, node: Algebra) -> list[Variable]:
        """What ``*`` would select, by name."""
        found = (v for v in in_scope(node) if self._names.variable(v).startswith("?"))
        return sorted(found, key=lambda v: v.name)

    def _modified(self, node: Algebra, variables: tuple[Variable, ...] | None) -> _Modifiers:
        """What of a plan is written as modifiers; ``variables`` is None where nothing is selected."""
        whole, limits = node, ""
        if variables is None:
            node, limits = _limits(node)
        conditions = node.conditions if isinstance(node, OrderBy) else ()
        node = node.pattern if isinstance(node, OrderBy) else node
        extends: list[Extend] = []
        core = node
        while isinstance(core, Extend):
            extends.insert(0, core)
            core = core.pattern
        grouping = _grouping_of(core)
        items = " ".join(self._names.variable(v) for v in variables or ())
        if grouping is None:
            return _Modifiers(node, items, self._order(conditions, {}) + limits)
        if not {extend.variable for extend in extends} <= set(variables or ()):
            return _Modifiers(whole, items)
        group, having, values = grouping
        made = {v: self._expression(a) for v, a in group.aggregates}
        items = self._items(variables or (), extends, made)
        tail = self._grouping(group, having, made, bool(items)) + self._order(conditions, made) + limits
        return _Modifiers(group.pattern, items, tail, True, "" if values is None else f" {self.body(values)}")

    def _order(self, conditions: tuple[OrderCondition, ...], made: Mapping[Variable, str]) -> str:
        texts = [f"{'DESC' if c.descending else 'ASC'}({self._expression(c.expression, made)})" for c in conditions]
        return f" ORDER BY {' '.join(texts)}" if texts else ""

    def _items(self, variables: tuple[Variable, ...], extends: list[Extend], made: Mapping[Variable, str]) -> str:
        """What SELECT names over a group, expressions in the order of their definition."""
        texts = {
            e.variable: f"({self._expression(e.expression, made)} AS {self._names.variable(e.variable)})"
            for e in extends
        }
        for variable in variables:
            if variable in made:
                texts.setdefault(variable, f"({made[variable]} AS {self._names.variable(variable)})")
        return " ".join(texts.get(v, self._names.variable(v)) for v in variables)

    def _grouping(self, group: Group, having: Expression | None, made: Mapping[Variable, str], used: bool) -> str:
        keys = [
            self._names.variable(v) if v == e else f"({self._expression(e)} AS {self._names.variable(v)})"
            for v, e in group.keys
        ]
        text = f" GROUP BY {' '.join(keys)}" if keys else ""
        if having is not None:
            text += f" HAVING ({self._expression(having, made)})"
        elif not keys and not (used and made):
            text += " HAVING (COUNT(*) >= 0)"
        return text

    def _expression(self, expression: Expression, made: Mapping[Variable, str] | None = None) -> str:
        return expression_text(expression, self._names, self.body, made)

    # --- patterns ---

    def body(self, node: Algebra) -> str:
        """The text of a group with this meaning, without its braces."""
        match node:
            case Unit() | BGP(()):
                return ""
            case BGP(triples, None):
                return " ".join(triple_text(triple, self._names) for triple in triples)
            case Path(subject, path, object_, None):
                ends = term_text(subject, self._names), term_text(object_, self._names)
                return f"{ends[0]} {path_text(path, self._names)} {ends[1]} ."
            case BGP(triples, graph) if graph is not None:
                return self.body(Graph(graph, BGP(triples)))
            case Path(subject, path, object_, graph) if graph is not None:
                return self.body(Graph(graph, Path(subject, path, object_)))
            case Join(left, right):
                return f"{self._open(left)} {self._element(right, left)}".strip()
            case LeftJoin(left, right, condition):
                return f"{self._open(left)} OPTIONAL {{ {self._optional(right, condition)} }}".strip()
            case Filter(expression, pattern):
                return f"{self._open(pattern)} FILTER({self._expression(expression)})".strip()
            case Minus(left, right):
                return f"{self._open(left)} MINUS {{ {self.body(right)} }}".strip()
            case Extend(pattern, variable, expression):
                bound = f"BIND({self._expression(expression)} AS {self._names.variable(variable)})"
                return f"{self._open(pattern)} {bound}".strip()
            case _:
                return self._other(node)

    def _other(self, node: Algebra) -> str:
        match node:
            case Union(left, right):
                first = self._other(left) if isinstance(left, Union) else self._braces(left)
                return f"{first} UNION {self._braces(right)}"
            case Graph(name, pattern):
                return f"GRAPH {term_text(name, self._names)} {self._braces(pattern)}"
            case Service(name, pattern, silent):
                return f"SERVICE {'SILENT ' if silent else ''}{term_text(name, self._names)} {self._braces(pattern)}"
            case Values(variables, rows):
                return self._values(variables, rows)
        if isinstance(node, _SELECTS):
            return self.select(node)
        raise UnsupportedError(f"{type(node).__name__} in SPARQL text", expected="a node of the SPARQL algebra")

    def _braces(self, node: Algebra) -> str:
        return f"{{ {self.body(node)} }}".replace("{  }", "{ }")

    def _open(self, node: Algebra) -> str:
        """The text of a group that more may follow, without change of meaning."""
        return self._braces(node) if isinstance(node, (Filter, *_SELECTS)) else self.body(node)

    def _element(self, node: Algebra, before: Algebra) -> str:
        """The text of what is joined to a group."""
        if isinstance(node, Union | Graph | Service | Values | Path) or (
            isinstance(node, BGP) and node.graph is not None
        ):
            return self.body(node)
        last = before.right if isinstance(before, Join) else before
        merges = isinstance(last, BGP | Unit) or isinstance(before, Filter)
        return self.body(node) if isinstance(node, BGP) and not merges else self._braces(node)

    def _optional(self, node: Algebra, condition: Expression | None) -> str:
        """The inside of an OPTIONAL; a filter of its own must not become the condition."""
        if condition is None:
            return self._braces(node) if isinstance(node, Filter) else self.body(node)
        return f"{self._open(node)} FILTER({self._expression(condition)})".strip()

    def _values(self, variables: tuple[Variable, ...], rows: tuple[tuple[object, ...], ...]) -> str:
        head = " ".join(self._names.variable(v) for v in variables)
        lines = []
        for row in rows:
            cells = ["UNDEF" if term is None else self._term(term) for term in row]
            lines.append(f"({' '.join(cells)}) ")
        return f"VALUES ({head}) {{ {''.join(lines)}}}"

    def _term(self, term: object) -> str:
        return term_text(term, self._names)  # type: ignore[arg-type]
