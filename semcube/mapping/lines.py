# SPDX-License-Identifier: Apache-2.0
"""Triples maps over one source -> one SQL statement that gives the N-Quads lines of each row as one text.

The reference is :mod:`semcube.mapping.evaluate`, which gives quads as keys; where lines are all that is wanted, this
way writes each term once and copies it once. It takes the batches in which every value fits; all others, and mappings
whose terms have several values in a row, take the reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from semcube.mapping.compile import Column, Compiler, Plan
from semcube.mapping.iri import ABSOLUTE, sql_text
from semcube.mapping.model import (
    Constant,
    Mapping,
    ParentSubject,
    Pattern,
    Reference,
    Template,
    TermMap,
    TermType,
    TriplesMap,
)
from semcube.mapping.natural import Kind, is_plain_number
from semcube.vocab import XSD_DECIMAL

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["LineProgram", "compile_lines", "plain_columns", "special_columns"]

_CLEAN = frozenset(Kind) - {Kind.STRING, Kind.NESTED}
"""Kinds whose text has no character that N-Triples escapes."""
_SPECIAL = r'["\\\n\r]'
_BYTES = (b'"', b"\\", b"\n", b"\r")


def escape_sql(text: str) -> str:
    r"""SQL of a lexical form as N-Triples writes it.

    Example:
        >>> import duckdb
        >>> duckdb.sql(f"SELECT {escape_sql('x')} FROM (VALUES ('say \"hi\"'), ('a')) AS t(x)").fetchall()
        [('say \\"hi\\"',), ('a',)]
    """
    made = text
    for raw, escaped in (("'\\'", "'\\\\'"), ("'\"'", "'\\\"'"), ("chr(10)", "'\\n'"), ("chr(13)", "'\\r'")):
        made = f"replace({made}, {raw}, {escaped})"
    return f"CASE WHEN regexp_matches({text}, '{_SPECIAL}') THEN {made} ELSE {text} END"


def escape_key_sql(key: str) -> str:
    """SQL of the key of a literal as N-Triples writes the literal."""
    parts = [f'regexp_extract({key}, \'(?s)^"(.*)"([^"]*)$\', {group})' for group in (1, 2)]
    made = f"'\"' || ({escape_sql(parts[0])}) || '\"' || {parts[1]}"
    return f"CASE WHEN regexp_matches({key}, '(?s)^\".*{_SPECIAL}.*\"') THEN {made} ELSE {key} END"


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a line: text, or SQL over the columns of the inner statement."""

    text: str = ""
    sql: str = ""
    columns: frozenset[str] = frozenset()
    """Input columns of which none may be null."""
    can_fail: bool = False
    """Whether it may be null though no column is."""
    escaped_with: frozenset[str] = frozenset()
    """Columns that make it necessary to escape it, if they hold such characters."""
    always_escaped: bool = False


@dataclass(frozen=True, slots=True)
class LineProgram:
    """The statement, for any of the columns with nulls and with characters to escape."""

    inner: str
    lines: tuple[tuple[_Piece, ...], ...]
    """The pieces of each quad that is not the same for all rows."""
    bad: tuple[str, ...]
    """SQL that is true where a value does not fit."""
    texts: tuple[str, ...]
    """Columns, by their names in SQL, whose characters matter."""
    gives_all: bool
    """Whether each row gives a quad that is the same for all rows."""
    has_graphs: bool
    numbers: tuple[str, ...] = ()
    """Columns of binary floats, by their names in SQL, that are written as decimals."""

    def sql(self, nulls: frozenset[str], special: frozenset[str]) -> str:
        """SELECT of ``lines``, ``n`` (quads of the row) and ``bad``.

        Args:
            nulls: Columns, by their names in SQL, that hold nulls.
            special: Those that hold characters to escape.
        """
        made: list[str] = []
        counts: list[str] = []
        plain = 0
        pending: list[str] = []

        def flush() -> None:
            if pending:
                made.append(sql_text("".join(pending)))
                pending.clear()

        for line in self.lines:
            conditions = dict.fromkeys(
                f"{piece.sql} IS NOT NULL"
                for piece in line
                if piece.sql and (piece.can_fail or not piece.columns.isdisjoint(nulls))
            )
            if conditions:
                flush()
                condition = " AND ".join(conditions)
                made.append(f"CASE WHEN {condition} THEN concat({', '.join(_texts(line, special))}) END")
                counts.append(f"CAST({condition} AS INTEGER)")
                continue
            plain += 1
            for piece in line:
                if piece.sql:
                    flush()
                    made.append(_sql(piece, special))
                else:
                    pending.append(piece.text)
        flush()
        count = " + ".join([str(plain), *(f"({each})" for each in counts)])
        bad = " OR ".join(self.bad) or "false"
        return f"SELECT concat({', '.join(made)}) AS lines, {count} AS n, {bad} AS bad FROM ({self.inner})"


def _texts(line: tuple[_Piece, ...], special: frozenset[str]) -> Iterator[str]:
    """The pieces of a line as arguments of ``concat``."""
    for piece in line:
        yield _sql(piece, special) if piece.sql else sql_text(piece.text)


def _sql(piece: _Piece, special: frozenset[str]) -> str:
    needed = piece.always_escaped or not piece.escaped_with.isdisjoint(special)
    return escape_sql(piece.sql) if needed else piece.sql


def plain_columns(table: pa.Table, names: tuple[str, ...]) -> frozenset[str]:
    """The columns of binary floats whose values all are finite and need no power of ten."""
    columns = {name: table.column(name).drop_null() for name in names}
    return frozenset(name for name, values in columns.items() if is_plain_number(values.to_numpy()).all())


def special_columns(table: pa.Table, names: tuple[str, ...]) -> frozenset[str]:
    """The columns of a table that hold a quote, a backslash or a line end; a look at bytes, not at values."""
    import pyarrow as pa

    found = set()
    for name in names:
        for chunk in table.column(name).chunks:
            kind = chunk.type
            if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
                found.add(name)
                continue
            data = chunk.buffers()[2]
            if data is not None and len(chunk) and any(each in _slice(chunk, data) for each in _BYTES):
                found.add(name)
    return frozenset(found)


def _slice(chunk: pa.Array, data: pa.Buffer) -> bytes:
    """The bytes of the values of a string array."""
    import numpy as np
    import pyarrow as pa

    kind = np.int64 if pa.types.is_large_string(chunk.type) else np.int32
    offsets = np.frombuffer(chunk.buffers()[1], kind)
    first, last = int(offsets[chunk.offset]), int(offsets[chunk.offset + len(chunk)])
    found: bytes = data.slice(first, last - first).to_pybytes()
    return found


def compile_lines(
    mapping: Mapping, triples_maps: tuple[TriplesMap, ...], columns: Dictionary[str, Column], base: str, plan: Plan
) -> LineProgram | None:
    """The statement of a plan whose terms have one value in each row and go to the output of the run; else None.

    Args:
        mapping: The mapping the triples maps are of.
        triples_maps: Those that the plan was made of.
        columns: Input columns by the name that references use.
        base: Base of IRIs that the mapping leaves relative.
        plan: What the reference does.
    """
    if plan.relations or plan.parents or any(quad.targets for quad in plan.quads):
        return None
    compiler = _LineCompiler(columns, base, mapping)
    lines: dict[tuple[_Piece, ...], None] = {}
    for triples_map in triples_maps:
        compiler.triples_map, compiler.base = triples_map.name, triples_map.base or base
        for pattern in mapping.patterns(triples_map):
            line = compiler.line(pattern)
            if line is None:
                return None
            lines[line] = None
    varying = tuple(line for line in lines if any(piece.sql for piece in line))
    inner = compiler.projection("batch", "*")
    has_graphs = any(quad.graph is not None for quad in plan.quads)
    return LineProgram(
        inner,
        varying,
        tuple(compiler.bad),
        tuple(compiler.texts),
        len(varying) < len(lines),
        has_graphs,
        tuple(compiler.numbers),
    )


@dataclass
class _LineCompiler(Compiler):
    """Makes pieces of lines where its parent makes keys."""

    bad: dict[str, None] = field(default_factory=dict)
    texts: dict[str, None] = field(default_factory=dict)
    numbers: dict[str, None] = field(default_factory=dict)
    can_fail: bool = False

    def check(self, made: str, given: str, name: str, term_map: TermMap, expected: str) -> None:
        """Note that the term being made may be null, and how to see it."""
        self.can_fail = True
        self.bad[f"(({given}) IS NOT NULL AND k{self.select(made)} IS NULL)"] = None

    def line(self, pattern: Pattern) -> tuple[_Piece, ...] | None:
        """The pieces of a quad, None if they cannot be told."""
        found: list[_Piece] = []
        for item in pattern.maps:
            if isinstance(item, ParentSubject) or item.term_type.is_unsafe:
                return None
            found += [*self.pieces(item), _Piece(" ")]
        return _merged([*found, _Piece(".\n")])

    def pieces(self, term_map: TermMap) -> list[_Piece]:
        """A term as it stands in a line."""
        if isinstance(term_map.value, Constant) and term_map.condition is None:
            return [_Piece(_written(self.constant(term_map)))]
        self.can_fail = False
        is_literal = term_map.term_type is TermType.LITERAL
        is_known = isinstance(term_map.value, Reference | Template) and term_map.condition is None
        if is_literal and is_known:
            return self.literal_pieces(term_map)
        if is_known and isinstance(term_map.value, Template) and _is_absolute(term_map):
            return self.template_pieces(term_map.value, term_map)
        key = f"k{self.select(self.key_sql(term_map))}"
        if not is_known:
            made = f"k{self.select(escape_key_sql(self.key_sql(term_map)))}" if is_literal else key
            return [_Piece(sql=made, columns=self.read(term_map), can_fail=True)]
        if isinstance(term_map.value, Reference) and term_map.term_type is not TermType.BLANK:
            # The only character that a value may bring into an IRI and that N-Triples escapes there.
            key = f"replace({key}, chr(127), '\\u007F')"
        return [_Piece(sql=key, columns=self.read(term_map), can_fail=self.can_fail)]

    def template_pieces(self, template: Template, term_map: TermMap) -> list[_Piece]:
        """An IRI: the texts of its template, and each value once for all the IRIs that hold it."""
        made = [_Piece("<")]
        for part in template.parts:
            if isinstance(part, str):
                made.append(_Piece(part))
                continue
            self.can_fail = False
            sql = self.select(_bare(self.template(Template((part,)), term_map, safe=self.safe(term_map.term_type))))
            columns = frozenset((self.column(part.name, term_map).sql,))
            made.append(_Piece(sql=f"k{sql}", columns=columns, can_fail=self.can_fail))
        return [*made, _Piece(">")]

    def literal_pieces(self, term_map: TermMap) -> list[_Piece]:
        """A literal: its quotes and its ending are text, where they are the same for all rows."""
        text, end = self.literal(term_map)
        columns = self.read(term_map)
        given = {name: self.column(name, term_map) for name in term_map.references}
        if isinstance(term_map.value, Reference) and term_map.datatype == XSD_DECIMAL:
            self.numbers |= {each.sql: None for each in given.values() if each.kind in (Kind.DOUBLE, Kind.FLOAT)}
        plain = isinstance(term_map.value, Reference) and any(each.sql == text for each in given.values())
        sql = text if plain else f"k{self.select(_bare(text))}"
        kinds = {each.kind for each in given.values()}
        texts = frozenset(each.sql for each in given.values() if each.kind is Kind.STRING)
        if isinstance(term_map.value, Template):
            always = any(isinstance(part, str) and not set(part).isdisjoint('"\\\n\r') for part in term_map.value.parts)
        else:
            always = False
        always |= not kinds <= _CLEAN | {Kind.STRING}
        self.texts |= dict.fromkeys(texts)
        body = _Piece(sql=sql, columns=columns, can_fail=self.can_fail, escaped_with=texts, always_escaped=always)
        if end.startswith("'") and end.endswith("'") and " || " not in end:
            return [_Piece('"'), body, _Piece(end[1:-1].replace("''", "'"))]
        ending = _Piece(sql=f"k{self.select(end)}", columns=columns, can_fail=True)
        return [_Piece('"'), body, ending]

    def read(self, term_map: TermMap) -> frozenset[str]:
        """The columns that a term reads, by their names in SQL."""
        return frozenset(self.column(name, term_map).sql for name in term_map.references)


def _is_absolute(term_map: TermMap) -> bool:
    """Whether a template makes IRIs that begin with a scheme, and all it makes can be written."""
    first = term_map.value.parts[0] if isinstance(term_map.value, Template) and term_map.value.parts else None
    is_iri = term_map.term_type in (TermType.IRI, TermType.URI)
    return is_iri and isinstance(first, str) and re.match(ABSOLUTE, first) is not None


def _bare(text: str) -> str:
    """SQL without the brackets around a CASE."""
    return text[1:-1] if text.startswith("(CASE") else text


def _written(key: str) -> str:
    """The key of a constant as N-Triples writes it."""
    import pyarrow as pa

    from semcube.io.ntriples import lines_of_keys
    from semcube.io.terms import QUADS

    row = {"s": "_:s", "p": "_:p", "o": key}
    line: str = lines_of_keys(pa.RecordBatch.from_pylist([row], schema=QUADS)).to_pybytes().decode()
    return line[len("_:s _:p ") : -len(" .\n")]


def _merged(pieces: list[_Piece]) -> tuple[_Piece, ...]:
    """Text that stands side by side as one piece."""
    made: list[Any] = []
    for piece in pieces:
        if made and not piece.sql and not made[-1].sql:
            made[-1] = _Piece(made[-1].text + piece.text)
        else:
            made.append(piece)
    return tuple(made)
