# SPDX-License-Identifier: Apache-2.0
"""Triples maps over one source -> one SQL projection: every term of every predicate, each distinct expression once."""

from __future__ import annotations

import re
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field
from difflib import get_close_matches

from semcube.errors import MappingError
from semcube.io.terms import IRI, BlankNode, key
from semcube.mapping.iri import ABSOLUTE, FORBIDDEN, blank_label_sql, iri_safe_sql, resolve_sql, sql_text
from semcube.mapping.model import Constant, Mapping, Pattern, Reference, Template, TermMap, TermType, TriplesMap
from semcube.mapping.natural import Kind, lexical, natural_datatype
from semcube.vocab import GEOMETRY_LITERALS, WKT_LITERAL, XSD_STRING

__all__ = ["Column", "Plan", "QuadPlan", "compile_plan"]


@dataclass(frozen=True, slots=True)
class Column:
    """An input column: its name in SQL and the kind of its values."""

    sql: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class QuadPlan:
    """One quad per row: each position is the key of a constant or the number of an output column."""

    subject: str | int
    predicate: str | int
    object: str | int
    graph: str | int | None

    @property
    def positions(self) -> tuple[str | int | None, ...]:
        """The four positions."""
        return (self.subject, self.predicate, self.object, self.graph)

    @property
    def is_constant(self) -> bool:
        """Whether every row gives the same quad."""
        return not any(isinstance(position, int) for position in self.positions)


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

    def plan(self, quads: tuple[QuadPlan, ...]) -> Plan:
        relation = "batch"
        for stage in self.stages:
            helpers = ", ".join(f"{sql} AS {name}" for name, sql in stage.items())
            relation = f"(SELECT *, {helpers} FROM {relation})"
        items = ", ".join(f"{sql} AS k{number}" for sql, number in self.selected.items()) or "NULL AS k0"
        return Plan(f"SELECT {items} FROM {relation}", quads, tuple(self.checks.values()), tuple(self.used))

    def quad(self, pattern: Pattern) -> QuadPlan:
        return QuadPlan(
            self.term(pattern.subject),
            self.term(pattern.predicate),
            self.term(pattern.object),
            None if pattern.graph is None else self.term(pattern.graph),
        )

    def term(self, term_map: TermMap) -> str | int:
        """The key of a constant, else the number of the output column."""
        if isinstance(term_map.value, Constant):
            return self.constant(term_map)
        if term_map.term_type is TermType.LITERAL:
            text, suffix = self.literal(term_map)
            end = '"' if not suffix else '"' + suffix
            return self.select(f"'\"' || {text} || {sql_text(end)}")
        value = term_map.value
        if isinstance(value, Reference):
            text = self.reference(value.name, None, term_map)
            if term_map.term_type is TermType.BLANK:
                return self.select(f"'_:' || {blank_label_sql(text)}")
            made = resolve_sql(text, self.base)
            self.check(made, text, value.name, term_map, "an IRI without spaces and the like")
            return self.select(f"'<' || {made} || '>'")
        if term_map.term_type is TermType.BLANK:
            return self.select(f"'_:' || {blank_label_sql(self.template(value, term_map, is_iri=False))}")
        return self.select(self.iri_template(value, term_map))

    def constant(self, term_map: TermMap) -> str:
        assert isinstance(term_map.value, Constant)
        term = term_map.value.term
        if isinstance(term, IRI) and not re.match(ABSOLUTE, term.value):
            term = IRI(self.base + term.value)
        if isinstance(term, BlankNode):
            term = BlankNode("c" + term.label)
        return key(term)

    def literal(self, term_map: TermMap) -> tuple[str, str]:
        """SQL of the lexical form, and what follows the closing quote."""
        value = term_map.value
        if isinstance(value, Template):
            text = self.template(value, term_map, is_iri=False)
            datatype = term_map.datatype or XSD_STRING
        else:
            assert isinstance(value, Reference)
            column = self.column(value.name, term_map)
            datatype = term_map.datatype or natural_datatype(column.kind)
            if term_map.language is not None:
                datatype = XSD_STRING
            if column.kind is Kind.GEOMETRY:
                datatype = datatype if datatype in GEOMETRY_LITERALS else WKT_LITERAL
            text = self.reference(value.name, term_map.datatype, term_map)
        if term_map.language is not None:
            return text, f"@{term_map.language}"
        return text, "" if datatype == XSD_STRING else f"^^<{datatype}>"

    def template(self, template: Template, term_map: TermMap, *, is_iri: bool) -> str:
        """SQL of a template's text, IRI-safe if it makes an IRI."""
        pieces = []
        for part in template.parts:
            if isinstance(part, str):
                pieces.append(sql_text(part))
                continue
            text = self.reference(part.name, None, term_map)
            safe = self.column(part.name, term_map).kind is Kind.INTEGER
            pieces.append(iri_safe_sql(text) if is_iri and not safe else text)
        return " || ".join(f"({piece})" if piece.startswith("CASE") else piece for piece in pieces) or "''"

    def iri_template(self, template: Template, term_map: TermMap) -> str:
        """SQL of an IRI's key; the base comes first where the template has no scheme of its own."""
        for part in template.parts:
            if isinstance(part, str) and re.search(FORBIDDEN, part):
                raise self.error(f"template '{template}' has a character that IRIs may not have", term_map)
        first = template.parts[0] if template.parts else ""
        texts = "".join(part for part in template.parts if isinstance(part, str))
        if isinstance(first, str) and re.match(ABSOLUTE, first):
            return self.merged("<", self.template(template, term_map, is_iri=True))
        if ":" not in texts:
            return self.merged("<" + self.base, self.template(template, term_map, is_iri=True))
        text = self.template(template, term_map, is_iri=True)
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
