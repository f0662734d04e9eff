# SPDX-License-Identifier: Apache-2.0
"""Triples maps over one source -> columns of terms and patterns over them (:mod:`semcube.io.term_columns`).

The reference is :mod:`semcube.mapping.evaluate`, which gives quads as keys. Where a term map says what its terms are,
and only their text depends on the row, keys need not be made and taken apart again: each term is made once, however
many quads it stands in, and columns of text go through as they are. Other mappings take the reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as Dictionary
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.io.term_columns import KnownShapes, Position, QuadColumns, TermColumn
from semcube.io.terms import KIND_BLANK, KIND_IRI, KIND_LITERAL, Literal, term
from semcube.mapping.compile import Column, Compiler, Plan, QuadPlan
from semcube.mapping.lines import plain_columns
from semcube.mapping.model import Constant, LogicalTarget, Mapping, Reference, TermMap, TermType, TriplesMap
from semcube.mapping.natural import Kind
from semcube.mapping.report import LayerReport
from semcube.vocab import RDF_LANG_STRING, WKT_LITERAL, XSD_DECIMAL, XSD_DOUBLE, XSD_INTEGER, XSD_STRING

if TYPE_CHECKING:
    from semcube.io.ntriples import LineBatch
    from semcube.mapping.evaluate import Evaluator

__all__ = ["TermProgram", "compile_terms", "term_columns"]

_GEOMETRY = "g0"
_PASSED = re.compile(r"[cg][0-9]+")


class _Terms(NamedTuple):
    """A column of terms: the number of an output column, or the name of an input column, and what its texts are."""

    text: int | str
    kind: int
    datatype: str | None = None
    language: str | None = None
    value: str | None = None
    """The input column of the numbers that the texts are made of."""


Targets = tuple[LogicalTarget, ...]


class _NotSimpleError(Exception):
    """A term map does not say what its terms are."""


@dataclass(frozen=True, slots=True)
class TermProgram:
    """What to compute of each batch of a source, and how it makes quads."""

    plan: Plan
    """The statement; positions of its quads are places in ``terms``."""
    terms: tuple[_Terms, ...]
    numbers: tuple[str, ...]
    """Columns of binary floats, by their names in SQL, that are written as decimals."""

    def evaluate(self, result: pa.Table, prepared: pa.Table, crs: str | None) -> tuple[TermColumn, ...]:
        """The columns of a batch.

        Args:
            result: What the statement gave.
            prepared: The batch.
            crs: IRI of the system of its column ``wkb``, if it has one: canonical WKB, whose text need not be there.
        """
        found = []
        for each in self.terms:
            column = prepared.column(each.text) if isinstance(each.text, str) else result.column(f"k{each.text}")
            shapes = None
            lexical = _one(column)
            if not pa.types.is_large_string(lexical.type):
                lexical = lexical.cast(pa.large_string())
            if crs is not None and _is_wkt(each):
                shapes = KnownShapes(_one(prepared.column("wkb")), crs)
                if lexical.null_count < len(lexical):
                    lexical = pc.if_else(shapes.wkb.is_null(), lexical, pa.scalar(None, lexical.type))
            values = None if each.value is None else _numbers(_one(prepared.column(each.value)))
            found.append(TermColumn(lexical, each.kind, each.datatype, each.language, shapes, values))
        return tuple(found)

    def quads(self, columns: tuple[TermColumn, ...], rows: int) -> QuadColumns:
        """The quads that depend on the rows."""
        chosen = [quad for quad in self.plan.quads if not quad.is_constant]
        return QuadColumns(columns, tuple(_pattern(quad) for quad in chosen), rows)

    def constant_quads(self) -> QuadColumns:
        """The quads that are the same for all rows."""
        chosen = [quad for quad in self.plan.quads if quad.is_constant]
        return QuadColumns((), tuple(_pattern(quad) for quad in chosen), 1)


def term_columns(
    evaluator: Evaluator, report: LayerReport
) -> Iterator[tuple[Targets, pa.RecordBatch | LineBatch | QuadColumns]]:
    """The quads of an evaluator as columns of terms, or as the reference gives them; the same quads and counts.

    Args:
        evaluator: The triples maps of one source.
        report: Receives the counts.

    Raises:
        RowError: As :meth:`semcube.mapping.evaluate.Evaluator.quads`.
    """
    first = _program(evaluator, frozenset())
    if first is None:
        yield from evaluator.written(report, "geometries")
        return
    evaluator.note(report)
    table = evaluator.table
    table.keeps_wkb = table.system is not None and any(map(_is_wkt, first.terms))
    table.writes_all = not table.keeps_wkb or _needs_text(first)
    crs = (table.system.target.iri or "") if table.system is not None and table.keeps_wkb else None
    programs = {frozenset[str](): first}
    constant = first.constant_quads()
    is_first = True
    with ExitStack() as exits:
        connection = evaluator.connection(exits)
        for prepared, fids in table.batches(report, evaluator.options.selection):
            plain = plain_columns(prepared, first.numbers)
            program = programs.get(plain) or programs.setdefault(plain, _program(evaluator, plain) or first)
            connection.register("batch", prepared)
            result = connection.sql(program.plan.sql).to_arrow_table().combine_chunks()
            for check in program.plan.checks:
                is_bad = pc.fill_null(result.column(f"k{check.number}"), False).to_numpy()
                evaluator.report_check(check, np.flatnonzero(is_bad), fids, report)
            if is_first and constant.patterns:
                report.triples += len(constant.patterns)
                yield (), constant
            is_first = False
            made = program.quads(program.evaluate(result, prepared, crs), len(fids))
            gives = np.full(len(fids), bool(constant.patterns))
            for kept in made.kept():
                gives |= True if kept is None else kept
                report.triples += len(fids) if kept is None else int(kept.sum())
            evaluator.count_rows(gives, fids, report)
            if made.patterns:
                yield (), made


def _is_wkt(each: _Terms) -> bool:
    return each.text == _GEOMETRY and each.datatype == WKT_LITERAL


def _needs_text(program: TermProgram) -> bool:
    """Whether the text of geometries goes into anything but WKT literals."""
    others = any(each.text == _GEOMETRY and each.datatype != WKT_LITERAL for each in program.terms)
    return others or re.search(rf"\b{_GEOMETRY}\b", program.plan.sql) is not None


def _program(evaluator: Evaluator, plain: frozenset[str]) -> TermProgram | None:
    """How columns are made of batches in which some, by their names in SQL, hold plain numbers only."""
    columns = {name: replace(each, is_plain=each.sql in plain) for name, each in evaluator.columns.items()}
    given = evaluator.mapping, evaluator.triples_maps, columns, evaluator.options.base
    return compile_terms(*given, evaluator.plan)


def _pattern(quad: QuadPlan) -> tuple[Position, Position, Position, Position]:
    return cast("tuple[Position, Position, Position, Position]", quad.positions)


def compile_terms(
    mapping: Mapping,
    triples_maps: tuple[TriplesMap, ...],
    columns: Dictionary[str, Column],
    base: str,
    plan: Plan,
) -> TermProgram | None:
    """The program of a plan whose terms have one value in each row and of which it is known what they are; else None.

    Args:
        mapping: The mapping the triples maps are of.
        triples_maps: Those that the plan was made of.
        columns: Input columns by the name that references use.
        base: Base of IRIs that the mapping leaves relative.
        plan: What the reference does.

    Example:
        >>> from semcube.mapping.compile import compile_plan
        >>> from semcube.mapping.model import LogicalSource, parse_template
        >>> subject = TermMap(parse_template("http://a/{id}"), TermType.IRI)
        >>> rule = TriplesMap("#m", LogicalSource("t"), subject, classes=("http://a/C",))
        >>> given = (Mapping((rule,)), (rule,), {"id": Column("c0", Kind.INTEGER)}, "http://a/")
        >>> compile_terms(*given, compile_plan(*given)).plan.sql
        "SELECT 'http://a/' || CAST(c0 AS VARCHAR) || '' AS k0 FROM batch"
    """
    if plan.relations or plan.parents:
        return None
    compiler = _TermCompiler(columns, base, mapping)
    quads: list[QuadPlan] = []
    try:
        for triples_map in triples_maps:
            compiler.triples_map, compiler.base = triples_map.name, triples_map.base or base
            quads += [compiler.quad(pattern) for pattern in mapping.patterns(triples_map)]
    except _NotSimpleError:
        return None
    made = compiler.plan(tuple(dict.fromkeys(quads)))
    return TermProgram(made, tuple(compiler.terms), tuple(compiler.numbers))


@dataclass
class _TermCompiler(Compiler):
    """Makes lexical forms where its parent makes keys."""

    terms: dict[_Terms, int] = field(default_factory=dict)
    numbers: dict[str, None] = field(default_factory=dict)

    def term(self, term_map: TermMap) -> str | int:
        """The key of a constant, else the place of the column of terms."""
        if isinstance(term_map.value, Constant) and term_map.condition is None:
            return self.constant(term_map)
        return self.terms.setdefault(self.described(term_map), len(self.terms))

    def described(self, term_map: TermMap) -> _Terms:
        """A column of terms."""
        condition = None
        if term_map.condition is not None:
            condition = self.calls.boolean(term_map.condition)
        with self.guarded(condition):
            sql, kind, datatype, language = self.lexical_sql(replace(term_map, condition=None))
        if condition is not None:
            sql = f"CASE WHEN {condition} THEN {sql} END"
        passed = _PASSED.fullmatch(sql) is not None and any(
            each.sql == sql and each.kind in (Kind.STRING, Kind.GEOMETRY) for each in self.columns.values()
        )
        return _Terms(sql if passed else self.select(sql), kind, datatype, language, self.number(term_map, datatype))

    def number(self, term_map: TermMap, datatype: str | None) -> str | None:
        """The input column that has the numbers of literals, if there is one."""
        if not isinstance(term_map.value, Reference) or term_map.term_type is not TermType.LITERAL:
            return None
        given = self.column(term_map.value.name, term_map)
        wanted = {Kind.DOUBLE: (XSD_DECIMAL, XSD_DOUBLE), Kind.INTEGER: (XSD_INTEGER,)}
        return given.sql if datatype in wanted.get(given.kind, ()) else None

    def lexical_sql(self, term_map: TermMap) -> tuple[str, int, str | None, str | None]:
        """SQL of lexical forms, IRIs or labels; kind, datatype and language of the terms."""
        if isinstance(term_map.value, Constant):
            return _constant(self.constant(term_map))
        if term_map.term_type is TermType.LITERAL:
            text, end = self.literal(term_map)
            self.note_numbers(term_map)
            return text, KIND_LITERAL, *_ending(end)
        key = self.key_sql(term_map)
        if term_map.term_type is TermType.BLANK:
            if not key.startswith("'_:"):
                raise _NotSimpleError
            return f"'{key[3:]}", KIND_BLANK, None, None
        if key.startswith("'<") and key.endswith(">'"):
            return f"'{key[2:-2]}'", KIND_IRI, None, None
        return f"substr({key}, 2, length({key}) - 2)", KIND_IRI, None, None

    def note_numbers(self, term_map: TermMap) -> None:
        """Note columns whose numbers may be plain."""
        if isinstance(term_map.value, Reference) and term_map.datatype == XSD_DECIMAL:
            given = self.column(term_map.value.name, term_map)
            if given.kind in (Kind.DOUBLE, Kind.FLOAT):
                self.numbers[given.sql] = None


def _constant(key: str) -> tuple[str, int, str | None, str | None]:
    """SQL of the lexical form of a constant, and what it is."""
    from semcube.mapping.iri import sql_text

    one = term(key)
    if isinstance(one, Literal):
        return sql_text(one.lexical), KIND_LITERAL, one.datatype, one.language
    if key.startswith("<"):
        return sql_text(key[1:-1]), KIND_IRI, None, None
    return sql_text(key[2:]), KIND_BLANK, None, None


def _ending(sql: str) -> tuple[str, str | None]:
    """Datatype and language of literals whose keys end so."""
    if not (sql.startswith("'\"") and sql.endswith("'")) or " || " in sql:
        raise _NotSimpleError
    text = sql[2:-1].replace("''", "'")
    if text.startswith("@"):
        return RDF_LANG_STRING, text[1:]
    return text[3:-1] if text else XSD_STRING, None


def _numbers(column: pa.Array) -> pa.Array | None:
    """Integers as int64, doubles as they are; None of other types."""
    types = pa.types
    if types.is_float64(column.type):
        return column
    fits = types.is_integer(column.type) and not types.is_uint64(column.type)
    return column.cast(pa.int64()) if fits else None


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
