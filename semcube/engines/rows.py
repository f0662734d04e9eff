# SPDX-License-Identifier: Apache-2.0
"""Rows of ids as numpy columns: joins, duplicates and conditions, as SQL has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from semcube.engines.relational import Call, Column, Constant, Scalar

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "NOTHING",
    "Declined",
    "Rows",
    "codes",
    "expand",
    "join_codes",
    "named",
    "outer",
    "rows_of",
    "shared",
    "stacked",
    "truth",
]

Ids = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

NOTHING = "_"
"""The column of a relation that has none; it holds no ids and joins nothing."""
_ORDERS = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "=": np.equal,
    "<>": np.not_equal,
}


class Declined(Exception):
    """The plan is none of look-ups, or too many rows flow."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of ids, 0 for null.

    Example:
        >>> Rows({"a": np.array([3, 3, 4])}, 3).distinct().columns["a"].tolist()
        [3, 4]
    """

    columns: dict[str, Ids]
    count: int
    nulls: bool = True
    """Whether 0 is null; it is not in a column of graphs, where it is the default graph."""

    def take(self, places: Ids | Mask) -> Rows:
        """Some rows, by place or by mask."""
        count = int(np.count_nonzero(places)) if places.dtype == bool else len(places)
        return Rows({name: column[places] for name, column in self.columns.items()}, count)

    def select(self, names: tuple[str, ...]) -> Rows:
        """Some columns."""
        return Rows({name: self.columns[name] for name in names}, self.count)

    def distinct(self) -> Rows:
        """Each row once."""
        if self.count < 2:
            return self
        if not self.columns:
            return Rows({}, 1)
        code = codes([list(self.columns.values())])[0]
        return self.take(np.sort(np.unique(code, return_index=True)[1]))


def named(names: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that hold ids."""
    return tuple(name for name in names if name != NOTHING)


def rows_of(table: pa.Table) -> Rows:
    """The rows of an Arrow table of ids."""
    names = named(tuple(table.column_names))
    found = {name: table[name].fill_null(0).to_numpy().astype(np.int64, copy=False) for name in names}
    return Rows(found, table.num_rows)


def shared(rows: Rows, names: tuple[str, ...]) -> Rows:
    """The distinct rows of those columns that are among the names."""
    return rows.select(tuple(name for name in named(names) if name in rows.columns)).distinct()


def expand(low: Ids, high: Ids) -> tuple[Ids, Ids]:
    """Beside each place of all ranges the number of its range, and the places.

    Example:
        >>> [part.tolist() for part in expand(np.array([5, 0, 7]), np.array([7, 0, 8]))]
        [[0, 0, 2], [5, 6, 7]]
    """
    counts = high - low
    owner = np.repeat(np.arange(len(counts)), counts)
    starts = np.cumsum(counts) - counts
    return owner, np.arange(len(owner)) - starts[owner] + low[owner]


def codes(tables: list[list[Ids]]) -> list[Ids]:
    """One number for each row of tables with the same columns, equal where the rows are."""
    if len(tables[0]) == 1:
        return [table[0] for table in tables]
    ends = np.cumsum([len(table[0]) for table in tables])[:-1]
    code = np.zeros(sum(len(table[0]) for table in tables), np.int64)
    for column in zip(*tables, strict=True):
        _, part = np.unique(np.concatenate(column), return_inverse=True)
        code = code * (int(part.max(initial=0)) + 1) + part.ravel()
        code = np.unique(code, return_inverse=True)[1].ravel()
    return np.split(code, ends)


def join_codes(left: Rows, right: Rows, on: tuple[str, ...]) -> tuple[Ids, Ids]:
    """Numbers of the rows of both sides of a join, equal where the rows join; null joins nothing."""
    if not on:
        return np.zeros(left.count, np.int64), np.zeros(right.count, np.int64)
    first, second = (code.copy() for code in codes([[side.columns[name] for name in on] for side in (left, right)]))
    for name in on:
        first[left.columns[name] == 0] = -1
        second[right.columns[name] == 0] = -2
    return first, second


def outer(left: Rows, right: Rows, on: tuple[str, ...], names: tuple[str, ...], limit: int) -> Rows:
    """The left outer join; ``names`` are the columns of the right side.

    Raises:
        Declined: It has more than ``limit`` rows.
    """
    mine_codes, others = join_codes(left, right, on)
    order = np.argsort(others, kind="stable")
    low, high = (np.searchsorted(others[order], mine_codes, side) for side in ("left", "right"))
    alone = low == high
    if int((high - low).sum()) + left.count > limit:
        raise Declined
    mine, theirs = expand(low, np.where(alone, low + 1, high))
    partner = np.append(order, right.count)[np.where(alone[mine], right.count, theirs)]
    added = {name: np.append(right.columns[name], 0)[partner] for name in names if name not in on}
    return Rows({**left.take(mine).columns, **added}, len(mine))


def stacked(parts: list[Rows]) -> Rows:
    """All rows of parts with the same columns."""
    found = {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
    return Rows(found, sum(part.count for part in parts))


def truth(condition: Scalar, rows: Rows) -> tuple[Mask, Mask]:
    """A condition in three-valued logic.

    Returns:
        Whether it is true, and whether it is known (not null), for each row.

    Raises:
        Declined: It speaks of other things than ids.
    """
    match condition:
        case Constant(bool() as value):
            return np.full(rows.count, value), np.ones(rows.count, bool)
        case Call("and" | "or" as name, parts):
            return _connected(name, [truth(part, rows) for part in parts], rows.count)
        case Call("not", (inner,)):
            true, known = truth(inner, rows)
            return ~true, known
        case Call("is null" | "is not null" as name, (inner,)):
            _, there = _value(inner, rows)
            return there == (name == "is not null"), np.ones(rows.count, bool)
        case Call("between", (inner, low, high)):
            parts = (Call(">=", (inner, low)), Call("<=", (inner, high)))
            return _connected("and", [truth(part, rows) for part in parts], rows.count)
        case Call("in", (inner, *listed)):
            return _connected("or", [truth(Call("=", (inner, one)), rows) for one in listed], rows.count)
        case Call(name, (a, b)) if name in _ORDERS:
            (first, one), (second, two) = _value(a, rows), _value(b, rows)
            return _ORDERS[name](first, second), one & two
        case _:
            raise Declined


def _connected(name: str, parts: list[tuple[Mask, Mask]], count: int) -> tuple[Mask, Mask]:
    """AND or OR; a side that settles it makes the other's null irrelevant."""
    settles = name == "or"
    settled, known = np.zeros(count, bool), np.ones(count, bool)
    for true, sure in parts:
        settled |= sure & (true == settles)
        known &= sure
    return (settled if settles else ~settled), known | settled


def _value(scalar: Scalar, rows: Rows) -> tuple[Ids, Mask]:
    """A column or constant of ids, and where it is not null."""
    if isinstance(scalar, Column) and scalar.name in rows.columns:
        column = rows.columns[scalar.name]
        return column, column != 0 if rows.nulls else np.ones(rows.count, bool)
    if isinstance(scalar, Constant) and type(scalar.value) is int:
        return np.full(rows.count, scalar.value, np.int64), np.ones(rows.count, bool)
    raise Declined
