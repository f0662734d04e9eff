# SPDX-License-Identifier: Apache-2.0
"""Relational plans (:mod:`semcube.engines.relational`) -> SQL text, one compiler with a table of dialects.

The text keeps to what DuckDB and Spark SQL have in common; a :class:`Dialect` holds the few differences.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from semcube.engines.relational import (
    Aggregate,
    AntiJoin,
    Call,
    Column,
    Compute,
    Constant,
    Distinct,
    Empty,
    Inline,
    Join,
    LeftJoin,
    Limit,
    Measure,
    Relational,
    Scalar,
    Scan,
    SemiJoin,
    Sort,
    SortKey,
    UnionAll,
    Where,
    columns,
)
from semcube.errors import UnsupportedError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DUCKDB", "MEASURES", "OPERATORS", "SPARK", "Dialect", "Statement", "compile_sql"]

OPERATORS: dict[str, str] = {
    **{symbol: f"({{0}} {symbol} {{1}})" for symbol in ("=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "&", "|")},
    "/": "({0} / {1})",
    "not": "(NOT {0})",
    "is null": "({0} IS NULL)",
    "is not null": "({0} IS NOT NULL)",
    "between": "({0} BETWEEN {1} AND {2})",
    "double": "CAST({0} AS DOUBLE)",
    "bigint": "CAST({0} AS BIGINT)",
    "if": "(CASE WHEN {0} THEN {1} ELSE {2} END)",
    "isnan": "isnan({0})",
}
"""Operator -> template. ``and``, ``or``, ``in`` and ``coalesce`` take any number of arguments."""

SMALL = 64
"""An inline table of at most so many rows is written into the text."""

MEASURES = {"count": "count", "min": "min", "max": "max", "sum": "sum", "avg": "avg", "any": "any_value"}
"""Aggregate -> SQL function."""


@dataclass(frozen=True)
class Dialect:
    """Where an engine's SQL differs."""

    name: str
    quote: str = '"'
    operators: dict[str, str] = field(default_factory=dict)
    semi: str = "SEMI JOIN"
    anti: str = "ANTI JOIN"
    big: str = "BIGINT"
    backslashes: bool = False
    """Whether a backslash in a text escapes what follows."""

    def text(self, value: str) -> str:
        r"""A text.

        Example:
            >>> print(DUCKDB.text(r"it's \n"), SPARK.text(r"it's \n"))
            'it''s \n' 'it\'s \\n'
        """
        if self.backslashes:
            return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        return "'" + value.replace("'", "''") + "'"

    def identifier(self, name: str) -> str:
        """A quoted name.

        Example:
            >>> DUCKDB.identifier('a"b')
            '"a""b"'
        """
        return self.quote + name.replace(self.quote, self.quote * 2) + self.quote


DUCKDB = Dialect("duckdb", operators={"shift right": "({0} >> {1})", "shift left": "({0} << {1})"})
SPARK = Dialect(
    "spark",
    quote="`",
    operators={"shift right": "shiftright({0}, {1})", "shift left": "shiftleft({0}, {1})"},
    semi="LEFT SEMI JOIN",
    anti="LEFT ANTI JOIN",
    backslashes=True,
)


@dataclass(frozen=True)
class Statement:
    """SQL text and the Arrow tables it names."""

    text: str
    inputs: dict[str, pa.Table]


def compile_sql(relation: Relational, dialect: Dialect = DUCKDB, prefix: str = "inline") -> Statement:
    """The SQL of a plan.

    Args:
        relation: The plan.
        dialect: For which engine.
        prefix: Start of the names given to inline tables.

    Example:
        >>> print(compile_sql(Scan("quads", (("x", "s"),), Call("=", (Column("p"), Constant(5))))).text)
        SELECT "s" AS "x" FROM "quads" WHERE ("p" = 5)
    """
    compiler = _Compiler(dialect, prefix)
    text = compiler.relation(relation)
    return Statement(text, compiler.inputs)


class _Compiler:
    def __init__(self, dialect: Dialect, prefix: str) -> None:
        self.dialect = dialect
        self.prefix = prefix
        self.inputs: dict[str, pa.Table] = {}
        self.aliases = count()

    def relation(self, node: Relational) -> str:
        """One SELECT statement."""
        match node:
            case Scan():
                return self._scan(node)
            case Inline():
                return f"SELECT {self._list(columns(node))} FROM {self._source(node)}"
            case Empty(names):
                nulls = ", ".join(f"CAST(NULL AS {self.dialect.big}) AS {self._name(name)}" for name in names)
                return f"SELECT {nulls or '1 AS _'} WHERE 1 = 0"
            case Join() | LeftJoin():
                return self._join(node)
            case SemiJoin() | AntiJoin():
                return self._filtering_join(node)
            case Where(source, condition):
                return f"SELECT * FROM {self._source(source)} WHERE {self.scalar(condition)}"
            case Compute(source, pairs):
                listed = ", ".join(f"{self.scalar(value)} AS {self._name(name)}" for name, value in pairs)
                return f"SELECT {listed or '1 AS _'} FROM {self._source(source)}"
            case Distinct(source):
                return f"SELECT DISTINCT * FROM {self._source(source)}"
            case UnionAll(parts):
                return " UNION ALL ".join(f"SELECT * FROM {self._source(part)}" for part in parts)
            case Aggregate():
                return self._aggregate(node)
            case Sort(source, keys):
                order = ", ".join(map(self._sort_key, keys))
                return f"SELECT * FROM {self._source(source)} ORDER BY {order}"
            case Limit(source, offset, limit):
                sliced = ("" if limit is None else f" LIMIT {int(limit)}") + (
                    f" OFFSET {int(offset)}" if offset else ""
                )
                return (
                    self.relation(source) if isinstance(source, Sort) else f"SELECT * FROM {self._source(source)}"
                ) + sliced

    def _sort_key(self, key: SortKey) -> str:
        direction, nulls = "DESC" if key.descending else "ASC", "FIRST" if key.nulls_first else "LAST"
        return f"{self.scalar(key.value)} {direction} NULLS {nulls}"

    def _name(self, name: str) -> str:
        return self.dialect.identifier(name)

    def _list(self, names: tuple[str, ...], table: str = "") -> str:
        return ", ".join(f"{table}{self._name(name)}" for name in names) or "1 AS _"

    def _alias(self) -> str:
        return f"t{next(self.aliases)}"

    def _source(self, node: Relational) -> str:
        """What stands after FROM or JOIN, with an alias."""
        if isinstance(node, Inline):
            return self._inline(node)
        if isinstance(node, Scan) and node.where is None and all(name == column for name, column in node.columns):
            return f"(SELECT {self._list(columns(node))} FROM {self._name(node.table)}) AS {self._alias()}"
        return f"({self.relation(node)}) AS {self._alias()}"

    def _inline(self, node: Inline) -> str:
        """A small table as constants, which costs less than to hand it over; a larger one by its name."""
        alias = self._alias()
        if 0 < node.table.num_rows <= SMALL and node.table.num_columns:
            rows = ", ".join(f"({', '.join(map(self._constant, row.values()))})" for row in node.table.to_pylist())
            cast = ", ".join(f"CAST({self._name(n)} AS {self.dialect.big}) AS {self._name(n)}" for n in columns(node))
            return f"(SELECT {cast} FROM (VALUES {rows}) AS {alias}v({self._list(columns(node))})) AS {alias}"
        return f"{self._registered(node)} AS {alias}"

    def _registered(self, node: Inline) -> str:
        for name, table in self.inputs.items():
            if table is node.table:
                return self._name(name)
        name = f"{self.prefix}_{len(self.inputs)}"
        self.inputs[name] = node.table
        return self._name(name)

    def _scan(self, node: Scan) -> str:
        listed = ", ".join(f"{self._name(column)} AS {self._name(name)}" for name, column in node.columns)
        where = "" if node.where is None else f" WHERE {self.scalar(node.where)}"
        return f"SELECT {listed or '1 AS _'} FROM {self._name(node.table)}{where}"

    def _sides(self, node: Join | LeftJoin | SemiJoin | AntiJoin) -> tuple[str, str, str, str, list[str]]:
        left, right = self._source(node.left), self._source(node.right)
        a, b = left.rsplit(" AS ", 1)[1], right.rsplit(" AS ", 1)[1]
        return left, right, a, b, [f"{a}.{self._name(name)} = {b}.{self._name(name)}" for name in node.on]

    def _join(self, node: Join | LeftJoin) -> str:
        left, right, a, b, equal = self._sides(node)
        kept = [f"{a}.{self._name(name)}" for name in columns(node.left)]
        kept += [f"{b}.{self._name(name)}" for name in columns(node.right) if name not in node.on]
        if isinstance(node, LeftJoin):
            if node.condition is not None:
                owner = dict.fromkeys(columns(node.right), b) | dict.fromkeys(columns(node.left), a)
                equal.append(self.scalar(node.condition, owner))
            kind, condition = "LEFT JOIN", " ON " + (" AND ".join(equal) or "1 = 1")
        elif equal:
            kind, condition = "JOIN", " ON " + " AND ".join(equal)
        else:
            kind, condition = "CROSS JOIN", ""
        return f"SELECT {', '.join(kept) or '1 AS _'} FROM {left} {kind} {right}{condition}"

    def _filtering_join(self, node: SemiJoin | AntiJoin) -> str:
        left, right, a, _, equal = self._sides(node)
        kind = self.dialect.semi if isinstance(node, SemiJoin) else self.dialect.anti
        kept, condition = self._list(columns(node.left), a + "."), " AND ".join(equal) or "1 = 1"
        return f"SELECT {kept} FROM {left} {kind} {right} ON {condition}"

    def _aggregate(self, node: Aggregate) -> str:
        listed = [self._name(key) for key in node.keys]
        listed += [f"{self._measure(measure)} AS {self._name(name)}" for name, measure in node.measures]
        grouped = f" GROUP BY {self._list(node.keys)}" if node.keys else ""
        return f"SELECT {', '.join(listed)} FROM {self._source(node.input)}{grouped}"

    def _measure(self, measure: Measure) -> str:
        if measure.argument is None:
            return "count(*)"
        distinct = "DISTINCT " if measure.distinct else ""
        return f"{MEASURES[measure.function]}({distinct}{self.scalar(measure.argument)})"

    def scalar(self, value: Scalar, owner: dict[str, str] | None = None) -> str:
        """One expression; ``owner`` says which side of a join a column comes from."""
        match value:
            case Column(name):
                return f"{owner[name]}.{self._name(name)}" if owner else self._name(name)
            case Constant(constant):
                return self._constant(constant)
            case Call(name, arguments):
                parts = [self.scalar(argument, owner) for argument in arguments]
                return self._call(name, parts)

    def _call(self, name: str, parts: list[str]) -> str:
        if name in ("and", "or"):
            return "(" + f" {name.upper()} ".join(parts) + ")"
        if name == "in":
            return f"({parts[0]} IN ({', '.join(parts[1:])}))" if len(parts) > 1 else "(1 = 0)"
        if name == "coalesce":
            return f"coalesce({', '.join(parts)})"
        template = self.dialect.operators.get(name) or OPERATORS.get(name)
        if template is None:
            raise UnsupportedError(
                f"the operator {name!r} has no SQL", expected=f"one of {', '.join(sorted(OPERATORS))}"
            )
        return template.format(*parts)

    def _constant(self, value: int | float | str | bool | None) -> str:
        """A constant as SQL text."""
        if value is None:
            return "NULL"
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if isinstance(value, int):
            return str(value)
        if isinstance(value, float):
            return f"CAST('{value!r}' AS DOUBLE)" if not math.isfinite(value) else f"CAST({value!r} AS DOUBLE)"
        return self.dialect.text(value)
