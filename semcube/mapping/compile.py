# SPDX-License-Identifier: Apache-2.0
"""Triples maps over one source -> one SQL projection: every term of every predicate, each distinct expression once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from semcube.errors import MappingError
from semcube.io.terms import IRI, BlankNode, Literal, key
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
    Join,
    LogicalTarget,
    Mapping,
    ParentSubject,
    Pattern,
    Reference,
    Template,
    TermMap,
    TermType,
    TriplesMap,
)
from semcube.mapping.natural import Kind, lexical, natural_datatype
from semcube.vocab import GEOMETRY_LITERALS, WKT_LITERAL, XSD_INTEGER, XSD_STRING

__all__ = ["Column", "ParentTable", "Plan", "QuadPlan", "Relation", "Several", "compile_parent", "compile_plan"]

_SAFE_SQL: dict[TermType, Callable[[str], str] | None] = {
    TermType.IRI: iri_safe_sql,
    TermType.URI: "url_encode({})".format,
    TermType.UNSAFE_IRI: None,
    TermType.UNSAFE_URI: None,
}


@dataclass(frozen=True, slots=True)
class Column:
    """An input column: its name in SQL and the kind of its values."""

    sql: str
    kind: Kind
    is_many: bool = False
    """Whether a row has a list of values of the kind."""


@dataclass(frozen=True, slots=True)
class Several:
    """A position of a quad that has none, one or several terms in a row: the number of the relation."""

    relation: int


@dataclass(frozen=True, slots=True)
class QuadPlan:
    """The quads of a row: each position is the key of a constant, the number of an output column, or a relation."""

    subject: str | int | Several
    predicate: str | int | Several
    object: str | int | Several
    graph: str | int | Several | None
    targets: tuple[LogicalTarget, ...] = ()

    @property
    def positions(self) -> tuple[str | int | Several | None, ...]:
        """The four positions."""
        return (self.subject, self.predicate, self.object, self.graph)

    @property
    def is_constant(self) -> bool:
        """Whether every row gives the same quad."""
        return not any(isinstance(position, int | Several) for position in self.positions)


@dataclass(frozen=True, slots=True)
class Relation:
    """The terms of a position with several terms: the column ``row``, the number of the term's, those of the checks."""

    sql: str
    term: int
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class ParentTable:
    """Joined subjects, kept in the table ``name`` with the columns ``term``, ``j0``, ``j1``, ..."""

    name: str
    parents: tuple[TriplesMap, ...]
    joins: tuple[Join, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """An output column that is true where a value is bad, and what to say about it."""

    number: int
    column: str
    expected: str
    node: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to compute of each batch of a source."""

    sql: str
    """SELECT over the relation ``batch`` whose columns are named as the input columns say."""
    quads: tuple[QuadPlan, ...]
    checks: tuple[Check, ...]
    columns: tuple[str, ...]
    """Input columns that are read."""
    relations: tuple[Relation, ...] = ()
    parents: tuple[ParentTable, ...] = ()
    """Tables that the relations read."""


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
    compiler = _Compiler(columns, base, mapping)
    quads: list[QuadPlan] = []
    for triples_map in triples_maps:
        compiler.triples_map, compiler.base = triples_map.name, triples_map.base or base
        quads += [compiler.quad(pattern) for pattern in mapping.patterns(triples_map)]
    return compiler.plan(tuple(dict.fromkeys(quads)))


def compile_parent(
    mapping: Mapping, parent: TriplesMap, joins: tuple[Join, ...], columns: Dictionary[str, Column], base: str
) -> Plan:
    """The projection that fills a :class:`ParentTable` from a batch of a parent's rows.

    Raises:
        MappingError: A reference names no column.
    """
    compiler = _Compiler(
        {name: replace(each, is_many=False) for name, each in columns.items()},
        parent.base or base,
        mapping,
        parent.name,
    )
    term = compiler.term(parent.subject)
    texts = [compiler.select(compiler.join_text(join.parent, f"joinCondition of {parent.name}")) for join in joins]
    term_sql = sql_text(term) if isinstance(term, str) else f"k{term}"
    items = ", ".join([f"{term_sql} AS term", *(f"k{number} AS j{index}" for index, number in enumerate(texts))])
    present = " AND ".join([f"{term_sql} IS NOT NULL", *(f"k{number} IS NOT NULL" for number in texts)])
    inner = compiler.projection(_exploded(columns, compiler.used))
    return Plan(f"SELECT DISTINCT {items} FROM ({inner}) WHERE {present}", (), (), tuple(compiler.used))


def _exploded(columns: Dictionary[str, Column], used: Iterable[str]) -> str:
    """The batch with one row for each combination of the values of the used columns that have several."""
    relation = "batch"
    for name in used:
        if columns[name].is_many:
            sql = columns[name].sql
            relation = f"(SELECT * EXCLUDE ({sql}), unnest({sql}) AS {sql} FROM {relation})"
    return relation


@dataclass
class _Compiler:
    columns: Dictionary[str, Column]
    base: str
    mapping: Mapping
    triples_map: str = ""
    selected: dict[str, int] = field(default_factory=dict)
    checks: dict[str, Check] = field(default_factory=dict)
    stages: list[dict[str, str]] = field(default_factory=list)
    used: dict[str, None] = field(default_factory=dict)
    relations: dict[Relation, int] = field(default_factory=dict)
    parents: dict[tuple[tuple[TriplesMap, ...], tuple[Join, ...]], ParentTable] = field(default_factory=dict)

    def projection(self, relation: str, *leading: str) -> str:
        """SELECT of all that was asked for, over a relation."""
        for stage in self.stages:
            helpers = ", ".join(f"{sql} AS {name}" for name, sql in stage.items())
            relation = f"(SELECT *, {helpers} FROM {relation})"
        items = ", ".join([*leading, *(f"{sql} AS k{number}" for sql, number in self.selected.items())])
        return f"SELECT {items or 'NULL AS k0'} FROM {relation}"

    def plan(self, quads: tuple[QuadPlan, ...]) -> Plan:
        sql, checks = self.projection("batch"), tuple(self.checks.values())
        return Plan(sql, quads, checks, tuple(self.used), tuple(self.relations), tuple(self.parents.values()))

    def quad(self, pattern: Pattern) -> QuadPlan:
        joined = isinstance(pattern.object, ParentSubject)
        return QuadPlan(
            self.position(pattern.subject),
            self.position(pattern.predicate),
            self.joined(pattern.object) if joined else self.position(pattern.object),  # type: ignore[arg-type]
            None if pattern.graph is None else self.position(pattern.graph),
            pattern.targets,
        )

    def position(self, term_map: TermMap) -> str | int | Several:
        """A term, or the relation of its terms if a column it reads has several values."""
        if not any(self.column(name, term_map).is_many for name in term_map.references):
            return self.term(term_map)
        inner = self.single()
        term = inner.select(inner.key_sql(term_map))
        sql = inner.projection(_exploded(self.columns, inner.used), "row")
        made = Relation(f"SELECT DISTINCT * FROM ({sql}) ORDER BY row", term, tuple(inner.checks.values()))
        return self.relation(made, inner)

    def single(self) -> _Compiler:
        """A compiler for the batch with one row per combination of values."""
        columns = {name: replace(each, is_many=False) for name, each in self.columns.items()}
        return _Compiler(columns, self.base, self.mapping, self.triples_map)

    def relation(self, made: Relation, inner: _Compiler) -> Several:
        self.used |= inner.used
        return Several(self.relations.setdefault(made, len(self.relations)))

    def joined(self, item: ParentSubject) -> Several:
        """The relation of the parents' subjects whose values equal those of the row."""
        name = f"parent{len(self.parents)}"
        table = self.parents.setdefault((item.parents, item.joins), ParentTable(name, item.parents, item.joins))
        inner = self.single()
        numbers = [inner.select(inner.join_text(join.child, item.node)) for join in item.joins]
        child = inner.projection(_exploded(self.columns, inner.used), "row")
        on = " AND ".join(f"child.k{number} = parent.j{index}" for index, number in enumerate(numbers))
        parent = f"JOIN {table.name} AS parent ON {on}"
        sql = f"SELECT DISTINCT row, term AS k0 FROM ({child}) AS child {parent} ORDER BY row"
        return self.relation(Relation(sql, 0), inner)

    def join_text(self, value: Expression, node: str) -> str:
        """SQL of what a join compares: lexical forms, where whole numbers are written alike whatever their type."""
        if isinstance(value, Constant):
            term = value.term
            return sql_text(term.lexical if isinstance(term, Literal) else key(term).strip("<>"))
        term_map = TermMap(value, TermType.LITERAL, node=node)
        if isinstance(value, Template):
            return self.template(value, term_map, safe=None)
        column = self.column(value.name, term_map)
        if column.kind not in (Kind.DOUBLE, Kind.FLOAT, Kind.DECIMAL):
            return self.reference(value.name, None, term_map)
        whole = lexical(column.sql, column.kind, XSD_INTEGER).sql
        return f"COALESCE({whole}, {self.reference(value.name, None, term_map)})"

    def term(self, term_map: TermMap) -> str | int:
        """The key of a constant, else the number of the output column."""
        if isinstance(term_map.value, Constant):
            return self.constant(term_map)
        return self.select(self.key_sql(term_map))

    def key_sql(self, term_map: TermMap) -> str:
        """SQL of the key of a term."""
        value = term_map.value
        if isinstance(value, Constant):
            return sql_text(self.constant(term_map))
        if term_map.term_type is TermType.LITERAL:
            text, end = self.literal(term_map)
            return f"'\"' || {text} || " + (f"({end})" if end.startswith("CASE") else end)
        if isinstance(value, Template):
            if term_map.term_type is TermType.BLANK:
                return f"'_:' || {blank_label_sql(self.template(value, term_map, safe=None))}"
            return self.iri_template(value, term_map)
        text = self.reference(value.name, None, term_map)
        if term_map.term_type is TermType.BLANK:
            return f"'_:' || {blank_label_sql(text)}"
        if term_map.term_type.is_unsafe:
            made = resolve_sql(text, self.base, UNWRITABLE, dots=True)
        else:
            made = resolve_sql(text, self.base)
        if term_map.term_type in (TermType.URI, TermType.UNSAFE_URI):
            made = f"CASE WHEN NOT regexp_matches({text}, '{NOT_ASCII}') THEN {made} END"
        self.check(made, text, value.name, term_map, "an IRI without spaces and the like")
        return f"'<' || ({made}) || '>'"

    def constant(self, term_map: TermMap) -> str:
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
            made = self.key_sql(datatype)
            return text, f"CASE WHEN ({made}) = '<{XSD_STRING}>' THEN '\"' ELSE '\"^^' || ({made}) END"
        final = named or natural
        return text, sql_text('"' if final == XSD_STRING else f'"^^<{final}>')

    def language(self, term_map: TermMap) -> str:
        """SQL of a language tag from the data; null, and reported, where it is none."""
        value = term_map.value
        assert not isinstance(value, Constant)
        if isinstance(value, Template):
            text = self.template(value, term_map, safe=None)
        else:
            text = self.reference(value.name, None, term_map)
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
        return f"{made[:-1]}{text[1:]} || '>'" if text.startswith("'") else f"{made} || {text} || '>'"

    def reference(self, name: str, datatype: str | None, term_map: TermMap) -> str:
        """SQL of a column's lexical form; a value without one is checked for."""
        column = self.column(name, term_map)
        made = lexical(column.sql, column.kind, datatype)
        for depth, stage in enumerate(made.stages):
            if depth == len(self.stages):
                self.stages.append({})
            self.stages[depth].update(stage)
        if made.can_fail:
            self.check(
                made.sql, column.sql, name, term_map, f"a value of <{datatype or natural_datatype(column.kind)}>"
            )
        return f"({made.sql})" if made.sql.startswith("CASE") else made.sql

    def check(self, made: str, given: str, name: str, term_map: TermMap, expected: str) -> None:
        sql = f"({given}) IS NOT NULL AND ({made}) IS NULL"
        node = f"triples map {self.triples_map}, {term_map.node}".rstrip(", ")
        self.checks.setdefault(sql, Check(self.select(sql), name, expected, node))

    def select(self, sql: str) -> int:
        return self.selected.setdefault(sql, len(self.selected))

    def column(self, name: str, term_map: TermMap) -> Column:
        """An input column by its exact name, else by the only name that differs in case alone."""
        alike = [each for each in self.columns if each.lower() == name.lower()]
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
        return MappingError(
            found,
            source=self.mapping.document,
            triples_map=self.triples_map,
            node=term_map.node,
            expected=expected,
            fix=fix,
        )
