# SPDX-License-Identifier: Apache-2.0
"""The physical algebra: relational operators over tables of ids, as frozen dataclasses.

A column holds 64-bit ids (null is unbound) or, inside a plan, plain values. Scalars follow SQL: three-valued logic with
null. Every engine (:class:`semcube.engines.base.Engine`) runs these nodes; :mod:`semcube.engines.sql` is their one
translation to SQL text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [  # noqa: RUF022 - in the order of the text below
    "Scalar", "Column", "Constant", "Call", "call", "conjunction",
    "Relational", "Scan", "Inline", "Empty", "Join", "LeftJoin", "SemiJoin", "AntiJoin", "Where", "Compute", "Distinct",
    "UnionAll", "Measure", "Aggregate", "SortKey", "Sort", "Limit", "columns", "inputs",
]  # fmt: skip


# --- scalars --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the input, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant; None is SQL's null."""

    value: int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or function of :data:`semcube.engines.sql.OPERATORS`."""

    name: str
    arguments: tuple[Scalar, ...]


Scalar = Column | Constant | Call


def call(name: str, *arguments: Scalar) -> Call:
    """A call, written shorter.

    Example:
        >>> call("=", Column("a"), Constant(1)).name
        '='
    """
    return Call(name, arguments)


def conjunction(*conditions: Scalar | None) -> Scalar | None:
    """All conditions joined by AND; None where there is none.

    Example:
        >>> conjunction(None, Column("a"))
        Column(name='a')
    """
    real = tuple(c for c in conditions if c is not None)
    if not real:
        return None
    return real[0] if len(real) == 1 else Call("and", real)


# --- relations ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scan:
    """A stored table: ``columns`` are pairs (name given, column of the table); ``where`` names columns of the table."""

    table: str
    columns: tuple[tuple[str, str], ...]
    where: Scalar | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Inline:
    """An Arrow table that travels with the plan; compared by identity."""

    table: pa.Table = field(repr=False)


@dataclass(frozen=True, slots=True)
class Empty:
    """No rows."""

    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Join:
    """Inner join on equal values of the columns ``on``; the cross product where ``on`` is empty."""

    left: Relational
    right: Relational
    on: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeftJoin:
    """Left outer join; ``condition`` speaks of the columns of both sides."""

    left: Relational
    right: Relational
    on: tuple[str, ...]
    condition: Scalar | None = None


@dataclass(frozen=True, slots=True)
class SemiJoin:
    """Rows of the left that have a partner."""

    left: Relational
    right: Relational
    on: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AntiJoin:
    """Rows of the left that have no partner."""

    left: Relational
    right: Relational
    on: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Where:
    """Rows for which the condition is true (not false, not null)."""

    input: Relational
    condition: Scalar


@dataclass(frozen=True, slots=True)
class Compute:
    """Exactly these columns, computed from the input's: projection, renaming and arithmetic."""

    input: Relational
    columns: tuple[tuple[str, Scalar], ...]


@dataclass(frozen=True, slots=True)
class Distinct:
    """Without duplicate rows; nulls are equal."""

    input: Relational


@dataclass(frozen=True, slots=True)
class UnionAll:
    """Bag union of inputs that have the same columns in the same order."""

    inputs: tuple[Relational, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """An aggregate of :data:`semcube.engines.sql.MEASURES`; no argument counts rows."""

    function: str
    argument: Scalar | None = None
    distinct: bool = False


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One row per combination of keys (null is a key); one row in all where there are no keys."""

    input: Relational
    keys: tuple[str, ...]
    measures: tuple[tuple[str, Measure], ...]


@dataclass(frozen=True, slots=True)
class SortKey:
    """One column of a sort order."""

    value: Scalar
    descending: bool = False
    nulls_first: bool = True


@dataclass(frozen=True, slots=True)
class Sort:
    """Rows in order."""

    input: Relational
    keys: tuple[SortKey, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """A slice; ``limit`` None is no limit."""

    input: Relational
    offset: int = 0
    limit: int | None = None


Relational = (
    Scan | Inline | Empty | Join | LeftJoin | SemiJoin | AntiJoin | Where | Compute | Distinct | UnionAll | Aggregate
    | Sort | Limit
)  # fmt: skip


def columns(relation: Relational) -> tuple[str, ...]:
    """The names of the columns that a relation gives, in order.

    Example:
        >>> columns(Join(Scan("t", (("a", "s"),)), Scan("t", (("a", "s"), ("b", "o"))), ("a",)))
        ('a', 'b')
    """
    match relation:
        case Scan(_, pairs, _):
            return tuple(name for name, _ in pairs)
        case Inline():
            return tuple(relation.table.column_names)
        case Empty(names):
            return names
        case Join(left, right, on) | LeftJoin(left, right, on):
            return columns(left) + tuple(name for name in columns(right) if name not in on)
        case SemiJoin(left, _, _) | AntiJoin(left, _, _):
            return columns(left)
        case Compute(_, pairs):
            return tuple(name for name, _ in pairs)
        case UnionAll(parts):
            return columns(parts[0])
        case Aggregate(_, keys, measures):
            return keys + tuple(name for name, _ in measures)
        case Where() | Distinct() | Sort() | Limit():
            return columns(relation.input)


def inputs(relation: Relational) -> tuple[Relational, ...]:
    """The relations that a relation reads, left to right."""
    match relation:
        case Scan() | Inline() | Empty():
            return ()
        case Join() | LeftJoin() | SemiJoin() | AntiJoin():
            return (relation.left, relation.right)
        case UnionAll(parts):
            return parts
        case _:
            return (relation.input,)
