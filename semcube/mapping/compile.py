# SPDX-License-Identifier: Apache-2.0
"""Triples maps over one source -> one SQL projection: every term of every predicate, each distinct expression once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as Dictionary
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING

from semcube.errors import MappingError
from semcube.io.terms import IRI, BlankNode, Literal, key
from semcube.mapping.compile_gather import gathered, note_uses, subject_uses
from semcube.mapping.iri import (
    ABSOLUTE,
    FORBIDDEN,
    LANGUAGE_TAG,
    NOT_ASCII,
    UNWRITABLE,
    blank_label_sql,
    iri_safe_sql,
    resolve_sql,
    sql_text,
)
from semcube.mapping.model import (
    Constant,
    Expression,
    Formulation,
    FunctionCall,
    Join,
    Mapping,
    ParentSubject,
    Pattern,
    Reference,
    Template,
    TermMap,
    TermType,
    TriplesMap,
    graphs_of,
)
from semcube.mapping.natural import Kind, lexical, natural_datatype
from semcube.mapping.plan import (
    Check,
    Column,
    GatherPlan,
    ParentTable,
    Plan,
    QuadPlan,
    Relation,
    Several,
    Value,
)
from semcube.vocab import GEOMETRY_LITERALS, WKT_LITERAL, XSD_INTEGER, XSD_STRING

if TYPE_CHECKING:
    from semcube.mapping.compile_functions import CallCompiler
    from semcube.mapping.function_geometries import ColumnFunction

__all__ = [
    "Check",
    "Column",
    "Compiler",
    "ParentTable",
    "Plan",
    "QuadPlan",
    "Relation",
    "Several",
    "compile_parent",
    "compile_plan",
    "exploded",
]

_EXACT = (Formulation.VIEW, Formulation.CSV, Formulation.JSON, Formulation.XML, Formulation.SPARQL)
"""Sources whose references are no SQL identifiers: their case counts."""
_SAFE_SQL: dict[TermType, Callable[[str], str] | None] = {
    TermType.IRI: iri_safe_sql,
    TermType.URI: "url_encode({})".format,
    TermType.UNSAFE_IRI: None,
    TermType.UNSAFE_URI: None,
}


def compile_plan(
    mapping: Mapping, triples_maps: tuple[TriplesMap, ...], columns: Dictionary[str, Column], base: str
) -> Plan:
    """The projection of triples maps over one source.

    Args:
        mapping: The mapping the triples maps are of.
        triples_maps: Triples maps with the same logical source.
        columns: Input columns by the name that references use.
        base: Base of IRIs that the mapping leaves relative.

    Raises:
        MappingError: A reference names no column, or a template cannot make an IRI.

    Example:
        >>> from semcube.mapping.model import LogicalSource, TermMap, TermType, parse_template
        >>> subject = TermMap(parse_template("http://a/{id}"), TermType.IRI)
        >>> rule = TriplesMap("#m", LogicalSource("t"), subject, classes=("http://a/C",))
        >>> plan = compile_plan(Mapping((rule,)), (rule,), {"id": Column("c0", Kind.INTEGER)}, "http://a/")
        >>> plan.sql
        "SELECT '<http://a/' || CAST(c0 AS VARCHAR) || '>' AS k0 FROM batch"
        >>> [(quad.subject, quad.object) for quad in plan.quads]
        [(0, '<http://a/C>')]
    """
    compiler = Compiler(columns, base, mapping)
    compiler.exact = any(each.source.formulation in _EXACT for each in triples_maps)
    quads: list[QuadPlan] = []
    for triples_map in triples_maps:
        compiler.triples_map, compiler.base = triples_map.name, triples_map.base or base
        quads += [compiler.quad(pattern) for pattern in mapping.patterns(triples_map)]
        subject = mapping.subject(triples_map)
        if subject.gather is not None:
            subject_uses(compiler, subject, graphs_of(triples_map.graphs))
    return compiler.plan(tuple(dict.fromkeys(quads)))


def compile_parent(
    mapping: Mapping, parent: TriplesMap, joins: tuple[Join, ...], columns: Dictionary[str, Column], base: str
) -> Plan:
    """The projection that fills a :class:`ParentTable` from a batch of a parent's rows.

    Raises:
        MappingError: A reference names no column.
    """
    compiler = Compiler(
        {name: replace(each, is_many=False) for name, each in columns.items()},
        parent.base or base,
        mapping,
        parent.name,
        exact=parent.source.formulation in _EXACT,
    )
    term = compiler.term(parent.subject)
    texts = [compiler.select(compiler.join_text(join.parent, f"joinCondition of {parent.name}")) for join in joins]
    term_sql = sql_text(term) if isinstance(term, str) else f"k{term}"
    items = ", ".join([f"{term_sql} AS term", *(f"k{number} AS j{index}" for index, number in enumerate(texts))])
    present = " AND ".join([f"{term_sql} IS NOT NULL", *(f"k{number} IS NOT NULL" for number in texts)])
    inner = compiler.projection(exploded(columns, compiler.used), "row")
    names = ", ".join(["term", *(f"j{index}" for index in range(len(texts)))])
    rows = f"SELECT {items}, row FROM ({inner}) WHERE {present}"
    sql = f"SELECT {names} FROM ({rows}) GROUP BY {names} ORDER BY min(row)"
    return Plan(sql, (), (), tuple(compiler.used), functions=tuple(compiler.functions))


def exploded(columns: Dictionary[str, Column], used: Iterable[str]) -> str:
    """The batch with one row for each combination of the values of the used columns that have several."""
    relation = "batch"
    for name in used:
        if columns[name].is_many:
            sql = columns[name].sql
            relation = f"(SELECT * EXCLUDE ({sql}), unnest({sql}) AS {sql} FROM {relation})"
    return relation


@dataclass
class Compiler:
    """Makes SQL of term maps; keeps what was asked for, each expression once."""

    columns: Dictionary[str, Column]
    base: str
    mapping: Mapping
    triples_map: str = ""
    exact: bool = False
    """Whether the case of references counts."""
    functions: dict[ColumnFunction, None] = field(default_factory=dict)
    guards: list[str] = field(default_factory=list)
    """Conditions that hold where what is being compiled matters."""
    depths: dict[str, int] = field(default_factory=dict)
    """Helper columns of function calls -> the stage they are made in."""
    selected: dict[str, int] = field(default_factory=dict)
    checks: dict[str, Check] = field(default_factory=dict)
    stages: list[dict[str, str]] = field(default_factory=list)
    used: dict[str, None] = field(default_factory=dict)
    relations: dict[Relation, int] = field(default_factory=dict)
    parents: dict[tuple[tuple[TriplesMap, ...], tuple[Join, ...]], ParentTable] = field(default_factory=dict)
    gathers: dict[TermMap, GatherPlan] = field(default_factory=dict)

    def projection(self, relation: str, *leading: str) -> str:
        """SELECT of all that was asked for, over a relation."""
        for stage in self.stages:
            helpers = ", ".join(f"{sql} AS {name}" for name, sql in stage.items())
            relation = f"(SELECT *, {helpers} FROM {relation})"
        items = ", ".join([*leading, *(f"{sql} AS k{number}" for sql, number in self.selected.items())])
        return f"SELECT {items or 'NULL AS k0'} FROM {relation}"

    def plan(self, quads: tuple[QuadPlan, ...]) -> Plan:
        """All that was compiled."""
        sql, checks = self.projection("batch"), tuple(self.checks.values())
        relations, parents = tuple(self.relations), tuple(self.parents.values())
        gathers = tuple(self.gathers.values())
        return Plan(sql, quads, checks, tuple(self.used), relations, parents, tuple(self.functions), gathers)

    @cached_property
    def calls(self) -> CallCompiler:
        """What compiles function calls."""
        from semcube.mapping.compile_functions import CallCompiler

        return CallCompiler(self)

    @contextmanager
    def guarded(self, condition: str | None) -> Iterator[None]:
        """Only where a condition holds does a value have to be good."""
        self.guards += [] if condition is None else [condition]
        yield
        if condition is not None:
            self.guards.pop()

    def helper(self, sql: str) -> str:
        """A column of its own for an expression that costs much."""
        for name, depth in self.depths.items():
            if self.stages[depth][name] == sql:
                return name
        name = f"f{len(self.depths)}"
        self.depths[name] = len(self.stages)
        self.stages.append({name: sql})
        return name

    def quad(self, pattern: Pattern) -> QuadPlan:
        """The positions of a quad."""
        joined = isinstance(pattern.object, ParentSubject)
        made = QuadPlan(
            self.position(pattern.subject),
            self.position(pattern.predicate),
            self.joined(pattern.object) if joined else self.position(pattern.object),  # type: ignore[arg-type]
            None if pattern.graph is None else self.position(pattern.graph),
            pattern.targets,
        )
        note_uses(self, pattern)
        return made

    def position(self, term_map: TermMap) -> str | int | Several:
        """A term, or the relation of its terms if a column it reads has several values."""
        if term_map.gather is not None:
            return gathered(self, term_map)
        is_list = isinstance(term_map.value, FunctionCall) and self.calls.is_list(term_map.value)
        if not is_list and not any(self.column(name, term_map).is_many for name in term_map.references):
            return self.term(term_map)
        if is_list:
            return self.calls.listed(term_map)
        inner = self.single()
        term = inner.select(inner.key_sql(term_map))
        sql = inner.projection(exploded(self.columns, inner.used), "row")
        made = Relation(f"SELECT DISTINCT * FROM ({sql}) ORDER BY row", term, tuple(inner.checks.values()))
        return self.relation(made, inner)

    def single(self) -> Compiler:
        """A compiler for the batch with one row per combination of values."""
        columns = {name: replace(each, is_many=False) for name, each in self.columns.items()}
        return Compiler(columns, self.base, self.mapping, self.triples_map, self.exact, self.functions)

    def relation(self, made: Relation, inner: Compiler) -> Several:
        """The position of a relation's terms."""
        self.used |= inner.used
        return Several(self.relations.setdefault(made, len(self.relations)))

    def joined(self, item: ParentSubject) -> Several:
        """The relation of the parents' subjects whose values equal those of the row."""
        name = f"parent{len(self.parents)}"
        table = self.parents.setdefault((item.parents, item.joins), ParentTable(name, item.parents, item.joins))
        inner = self.single()
        numbers = [inner.select(inner.join_text(join.child, item.node)) for join in item.joins]
        child = inner.projection(exploded(self.columns, inner.used), "row")
        on = " AND ".join(f"child.k{number} = parent.j{index}" for index, number in enumerate(numbers))
        parent = f"JOIN {table.name} AS parent ON {on}"
        rows = f"SELECT row, term AS k0, parent.rowid AS place FROM ({child}) AS child {parent}"
        sql = f"SELECT row, k0 FROM ({rows}) GROUP BY row, k0 ORDER BY row, min(place)"
        return self.relation(Relation(sql, 0), inner)

    def join_text(self, value: Expression, node: str) -> str:
        """SQL of what a join compares: lexical forms, where whole numbers are written alike whatever their type."""
        if isinstance(value, Constant):
            term = value.term
            return sql_text(term.lexical if isinstance(term, Literal) else key(term).strip("<>"))
        term_map = TermMap(value, TermType.LITERAL, node=node)
        if not isinstance(value, Reference):
            return self.text(value, term_map)
        column = self.column(value.name, term_map)
        if column.kind not in (Kind.DOUBLE, Kind.FLOAT, Kind.DECIMAL):
            return self.reference(value.name, None, term_map)
        whole = lexical(column.sql, column.kind, XSD_INTEGER).sql
        return f"COALESCE({whole}, {self.reference(value.name, None, term_map)})"

    def term(self, term_map: TermMap) -> str | int:
        """The key of a constant, else the number of the output column."""
        if isinstance(term_map.value, Constant) and term_map.condition is None:
            return self.constant(term_map)
        return self.select(self.key_sql(term_map))

    def text(self, value: Reference | Template | FunctionCall, term_map: TermMap) -> str:
        """SQL of the natural lexical form of a value."""
        if isinstance(value, Template):
            return self.template(value, term_map, safe=None)
        if isinstance(value, FunctionCall):
            return self.calls.text(self.calls.value(value, term_map), term_map)
        return self.reference(value.name, None, term_map)

    def key_sql(self, term_map: TermMap) -> str:
        """SQL of the key of a term."""
        value = term_map.value
        if term_map.condition is not None:
            condition = self.calls.boolean(term_map.condition)
            with self.guarded(condition):
                return f"CASE WHEN {condition} THEN {self.key_sql(replace(term_map, condition=None))} END"
        if isinstance(value, Constant):
            return sql_text(self.constant(term_map))
        if term_map.term_type is TermType.LITERAL:
            text, end = self.literal(term_map)
            return f"'\"' || {text} || " + (f"({end})" if end.startswith("CASE") else end)
        if isinstance(value, Template):
            if term_map.term_type is TermType.BLANK:
                return f"'_:' || {blank_label_sql(self.template(value, term_map, safe=None))}"
            return self.iri_template(value, term_map)
        text = self.text(value, term_map)
        if term_map.term_type is TermType.BLANK:
            return f"'_:' || {blank_label_sql(text)}"
        if term_map.term_type.is_unsafe:
            made = resolve_sql(text, self.base, UNWRITABLE, dots=True)
        else:
            made = resolve_sql(text, self.base)
        if term_map.term_type in (TermType.URI, TermType.UNSAFE_URI):
            made = f"CASE WHEN NOT regexp_matches({text}, '{NOT_ASCII}') THEN {made} END"
        self.check(made, text, next(iter(term_map.references), ""), term_map, "an IRI without spaces and the like")
        return f"'<' || ({made}) || '>'"

    def constant(self, term_map: TermMap) -> str:
        """The key of a constant."""
        assert isinstance(term_map.value, Constant)
        term = term_map.value.term
        if isinstance(term, IRI) and not re.match(ABSOLUTE, term.value):
            term = IRI(self.base + term.value)
        if isinstance(term, BlankNode):
            term = BlankNode("c" + term.label)
        return key(term)

    def literal(self, term_map: TermMap) -> tuple[str, str]:
        """SQL of the lexical form, and SQL of what follows it, the closing quote first."""
        value, datatype = term_map.value, term_map.datatype
        named = datatype if isinstance(datatype, str) else None
        if isinstance(value, Template):
            text = self.template(value, term_map, safe=None)
            natural = XSD_STRING
        elif isinstance(value, FunctionCall):
            made = self.calls.value(value, term_map)
            natural = made.datatype or natural_datatype(made.kind)
            named = named if natural not in GEOMETRY_LITERALS or named in GEOMETRY_LITERALS else None
            text = self.lexical_form(made, named, term_map)
        else:
            assert isinstance(value, Reference)
            column = self.column(value.name, term_map)
            natural = natural_datatype(column.kind)
            if column.kind is Kind.GEOMETRY:
                natural = WKT_LITERAL
                named = named if named in GEOMETRY_LITERALS else None
            text = self.reference(value.name, named, term_map)
        if isinstance(term_map.language, TermMap):
            return text, f"'\"@' || {self.language(term_map.language)}"
        if term_map.language is not None:
            return text, sql_text(f'"@{term_map.language}')
        if isinstance(datatype, TermMap):
            iri = self.key_sql(datatype)
            return text, f"CASE WHEN ({iri}) = '<{XSD_STRING}>' THEN '\"' ELSE '\"^^' || ({iri}) END"
        final = named or natural
        return text, sql_text('"' if final == XSD_STRING else f'"^^<{final}>')

    def language(self, term_map: TermMap) -> str:
        """SQL of a language tag from the data; null, and reported, where it is none."""
        value = term_map.value
        assert not isinstance(value, Constant)
        text = self.text(value, term_map)
        made = f"CASE WHEN regexp_full_match({text}, '{LANGUAGE_TAG}') THEN lower({text}) END"
        self.check(made, text, term_map.references[0] if term_map.references else "", term_map, "a language tag")
        return f"({made})"

    def template(self, template: Template, term_map: TermMap, *, safe: Callable[[str], str] | None) -> str:
        """SQL of a template's text; ``safe`` makes the SQL of a reference's text safe for an IRI."""
        pieces = []
        for part in template.parts:
            if isinstance(part, str):
                pieces.append(sql_text(part))
                continue
            text = self.reference(part.name, None, term_map)
            is_number = self.column(part.name, term_map).kind is Kind.INTEGER
            pieces.append(text if safe is None or is_number else safe(text))
        return " || ".join(f"({piece})" if piece.startswith("CASE") else piece for piece in pieces) or "''"

    def iri_template(self, template: Template, term_map: TermMap) -> str:
        """SQL of an IRI's key; the base comes first where the template has no scheme of its own."""
        for part in template.parts:
            if isinstance(part, str) and re.search(FORBIDDEN, part):
                raise self.error(f"template '{template}' has a character that IRIs may not have", term_map)
        first = template.parts[0] if template.parts else ""
        texts = "".join(part for part in template.parts if isinstance(part, str))
        text = self.template(template, term_map, safe=_SAFE_SQL[term_map.term_type])
        if term_map.term_type.is_unsafe:
            bad = UNWRITABLE if term_map.term_type is TermType.UNSAFE_IRI else f"{UNWRITABLE}|{NOT_ASCII}"
            made = f"CASE WHEN NOT regexp_matches({text}, '{bad}') THEN {text} END"
            self.check(made, text, template.references[0] if template.references else "", term_map, "an IRI")
            text = f"({made})"
        if isinstance(first, str) and re.match(ABSOLUTE, first):
            return self.merged("<", text)
        if ":" not in texts:
            return self.merged("<" + self.base, text)
        absolute = f"regexp_matches({text}, '^{ABSOLUTE}')"
        return f"CASE WHEN {absolute} THEN '<' || {text} || '>' ELSE {sql_text('<' + self.base)} || {text} || '>' END"

    @staticmethod
    def merged(start: str, text: str) -> str:
        """One string literal where a template starts with text."""
        made = sql_text(start)
        made = made[:-1] + text[1:] if text.startswith("'") else f"{made} || {text}"
        return f"{made[:-1]}>'" if made.endswith("'") else f"{made} || '>'"

    def reference(self, name: str, datatype: str | None, term_map: TermMap) -> str:
        """SQL of a column's lexical form; a value without one is checked for."""
        column = self.column(name, term_map)
        value = Value(column.sql, column.kind, is_plain=column.is_plain)
        return self.lexical_form(value, datatype, term_map, name)

    def lexical_form(self, value: Value, datatype: str | None, term_map: TermMap, name: str | None = None) -> str:
        """SQL of a value's lexical form; a value without one is checked for."""
        is_column = re.fullmatch(r"\w+", value.sql) is not None
        sql = value.sql if is_column or value.kind is Kind.STRING else self.helper(value.sql)
        made = lexical(sql, value.kind, datatype, is_plain=value.is_plain)
        first = self.depths[sql] + 1 if sql in self.depths else 0
        for depth, stage in enumerate(made.stages, first):
            if depth == len(self.stages):
                self.stages.append({})
            self.stages[depth].update(stage)
        if made.can_fail:
            shown = name if name is not None else next(iter(term_map.references), "")
            expected = f"a value of <{datatype or natural_datatype(value.kind)}>"
            self.check(made.sql, sql, shown, term_map, expected)
        return f"({made.sql})" if made.sql.startswith("CASE") else made.sql

    @staticmethod
    def safe(term_type: TermType) -> Callable[[str], str] | None:
        """What makes text safe for an IRI."""
        return _SAFE_SQL[term_type]

    def check(self, made: str, given: str, name: str, term_map: TermMap, expected: str) -> None:
        """Report rows where something is given and nothing is made of it."""
        sql = " AND ".join([*(f"({each})" for each in self.guards), f"({given}) IS NOT NULL AND ({made}) IS NULL"])
        node = f"triples map {self.triples_map}, {term_map.node}".rstrip(", ")
        self.checks.setdefault(sql, Check(self.select(sql), name, expected, node))

    def select(self, sql: str) -> int:
        """The number of the output column of an expression."""
        return self.selected.setdefault(sql, len(self.selected))

    def column(self, name: str, term_map: TermMap) -> Column:
        """An input column by its exact name, else by the only name that differs in case alone."""
        alike = [] if self.exact else [each for each in self.columns if each.lower() == name.lower()]
        found = name if name in self.columns else alike[0] if len(alike) == 1 else None
        if found is not None:
            self.used[found] = None
            return self.columns[found]
        near = get_close_matches(name, list(self.columns), n=1, cutoff=0.5)
        names = ", ".join(list(self.columns)[:30])
        raise self.error(
            f"column '{name}' is not in the source",
            term_map,
            expected=f"one of: {names}",
            fix=f"did you mean '{near[0]}'?" if near else None,
        )

    def error(
        self, found: str, term_map: TermMap, *, expected: str | None = None, fix: str | None = None
    ) -> MappingError:
        """The error about a term map."""
        return MappingError(
            found,
            source=self.mapping.document,
            triples_map=self.triples_map,
            node=term_map.node,
            expected=expected,
            fix=fix,
        )
