# SPDX-License-Identifier: Apache-2.0
"""Relational plans over sorted columns in memory, for answers of few rows.

A database needs milliseconds to plan a statement, whatever it finds. Here a join goes from the smallest leaf on: each
further scan is looked up by binary search for the rows found so far (index nested loops). What is no plan of look-ups,
or grows beyond a number of rows, is declined, and the database runs it; both give the same bag of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from semcube.engines.groups import grouped
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
    Relational,
    Scalar,
    Scan,
    SemiJoin,
    UnionAll,
    Where,
    columns,
)
from semcube.engines.rows import (
    NOTHING,
    Declined,
    Rows,
    expand,
    join_codes,
    named,
    outer,
    rows_of,
    shared,
    stacked,
    truth,
)
from semcube.engines.sorted_pairs import Found, SortedPairs
from semcube.geometry.sorted import searched

__all__ = ["LookUps", "Probe", "SortedPairs", "SortedQuads", "leaves_of"]

Ids = npt.NDArray[np.int64]

_TABLES = ("quads_ps", "quads_po")
_FIRST = 512
"""Rows of a leaf that are taken first where only some rows of a plan are wanted."""
_DEFAULT_GRAPH = Rows({"g": np.zeros(1, np.int64)}, 1, nulls=False)


class SortedQuads(Protocol):
    """Gives the quads of a state of a store as sorted columns."""

    def pairs(self, column: str, predicate: int) -> SortedPairs | None:
        """The quads of a predicate sorted by ``"s"`` or ``"o"``; None where they are not at hand."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Begin:
    """Some rows of one leaf of a join, which stand for all of them."""

    node: Relational
    leaf: int
    rows: Rows


class LookUps:
    """Runs plans on sorted columns.

    Args:
        source: The sorted columns.
        limit: So many rows may flow at any place of a plan.
        begin: Where a join begins, if not with all of its smallest leaf.
    """

    def __init__(self, source: SortedQuads, limit: int, begin: _Begin | None = None) -> None:
        self._source = source
        self._limit = limit
        self._begin = begin

    def run(self, plan: Relational) -> Rows:
        """The rows of a plan.

        Raises:
            Declined: The database has to run it.
        """
        return self._rows(plan, None)

    def _rows(self, node: Relational, known: Rows | None) -> Rows:
        """The rows of a node; with ``known``, those without a partner in it may be left out.

        Args:
            node: A node of the plan.
            known: Distinct rows of some columns of the node.
        """
        match node:
            case Scan() | Join():
                return self._joined(node, known)
            case Inline():
                return rows_of(node.table)
            case Empty(names):
                return Rows({name: np.empty(0, np.int64) for name in named(names)}, 0)
            case LeftJoin(left, right, on, None):
                return outer(*self._sides(left, right, on, known), on, named(columns(right)), self._limit)
            case SemiJoin(left, right, on) | AntiJoin(left, right, on):
                first, second = self._sides(left, right, on, known)
                codes, others = join_codes(first, second, on)
                return first.take(np.isin(codes, others, invert=isinstance(node, AntiJoin)))
            case Compute(Aggregate() as groups, pairs):
                return grouped(self._rows(groups.input, None), groups, pairs)
            case Compute(source, pairs):
                return self._computed(source, pairs, known)
            case Distinct(source):
                return self._rows(source, known).distinct()
            case Where(source, condition):
                rows = self._rows(source, known)
                true, sure = truth(condition, rows)
                return rows.take(true & sure)
            case UnionAll(parts):
                return self._bounded(stacked([self._rows(part, known) for part in parts]))
            case Limit(source, offset, limit):
                rows = self._rows(source, None) if limit is None else self._first(source, offset + limit)
                end = rows.count if limit is None else min(rows.count, offset + limit)
                return rows.take(np.arange(min(offset, end), end))
            case _:
                raise Declined

    def _first(self, node: Relational, wanted: int) -> Rows:
        """At least so many rows of a node, or all: the smallest leaf is taken bit by bit, until there are enough."""
        begin = node
        while not isinstance(begin, Scan | Join):
            if isinstance(begin, Compute | Where) and not isinstance(begin.input, Aggregate):
                begin = begin.input
            elif isinstance(begin, LeftJoin | SemiJoin | AntiJoin):
                begin = begin.left
            else:
                return self._rows(node, None)
        leaves = self._leaves(begin)
        place = min(range(len(leaves)), key=lambda place: _size(leaves[place]))
        leaf = leaves[place]
        if not isinstance(leaf, Probe):
            return self._rows(node, None)
        found: list[Rows] = []
        start, step = 0, max(_FIRST, 2 * wanted)
        while start < leaf.size or not found:
            if start > self._limit:
                raise Declined
            rows = leaf.at(np.arange(start, min(start + step, leaf.size)))
            found.append(LookUps(self._source, self._limit, _Begin(begin, place, rows)).run(node))
            if sum(part.count for part in found) >= wanted:
                break
            start, step = start + step, step * 4
        return stacked(found)

    def _leaves(self, node: Scan | Join) -> list[Probe | Relational]:
        return [Probe.of(leaf, self._source) if isinstance(leaf, Scan) else leaf for leaf in leaves_of(node)]

    def _bounded(self, rows: Rows) -> Rows:
        if rows.count > self._limit:
            raise Declined
        return rows

    def _sides(self, left: Relational, right: Relational, on: tuple[str, ...], known: Rows | None) -> tuple[Rows, Rows]:
        """Both sides of a join that keeps the left one; the right one is looked up for it."""
        first = self._rows(left, None if known is None else shared(known, columns(left)))
        return first, self._rows(right, first.select(on).distinct() if on else None)

    def _computed(self, source: Relational, pairs: tuple[tuple[str, Scalar], ...], known: Rows | None) -> Rows:
        """Renamed columns and constants."""
        below = None
        if known is not None:
            renamed = {v.name: known.columns[n] for n, v in pairs if isinstance(v, Column) and n in known.columns}
            below = Rows(renamed, known.count).distinct() if renamed else None
        rows = self._rows(source, below)
        found = {}
        for name, value in pairs:
            if name == NOTHING:
                continue
            inner = value.arguments[0] if isinstance(value, Call) and value.name == "bigint" else value
            if isinstance(inner, Column):
                found[name] = rows.columns[inner.name]
            elif isinstance(inner, Constant) and (inner.value is None or type(inner.value) is int):
                found[name] = np.full(rows.count, inner.value or 0, np.int64)
            else:
                raise Declined
        return Rows(found, rows.count)

    # --- joins ------------------------------------------------------------------------------------------------------

    def _joined(self, node: Scan | Join, known: Rows | None) -> Rows:
        """An inner join, from its smallest leaf on; ``known`` is one more leaf."""
        leaves = self._leaves(node)
        names = named(columns(node))
        if self._begin is not None and self._begin.node is node:
            rows = self._begin.rows
            del leaves[self._begin.leaf]
        elif known is not None and known.columns:
            rows = known
        else:
            first = min(leaves, key=_size)
            leaves.remove(first)
            if isinstance(first, Probe) and first.size > self._limit:
                raise Declined
            rows = first.rows() if isinstance(first, Probe) else self._rows(first, None)
        while leaves:
            rows = self._bounded(self._next(rows, leaves))
        return rows.select(names)

    def _next(self, rows: Rows, leaves: list[Probe | Relational]) -> Rows:
        """The rows joined with the leaf that gives the fewest."""
        ranges: list[tuple[int, int, Found]] = []
        for place, leaf in enumerate(leaves):
            if isinstance(leaf, Probe) and leaf.names & rows.columns.keys():
                found = leaf.ranges(rows)
                ranges.append((found.total, place, found))
        if ranges:
            total, place, found = min(ranges, key=lambda one: one[:2])
            if total > self._limit:
                raise Declined
            probe = leaves.pop(place)
            assert isinstance(probe, Probe)
            return probe.extend(rows, found)
        leaf = min(leaves, key=_size)
        leaves.remove(leaf)
        if isinstance(leaf, Probe):
            if leaf.size * rows.count > self._limit:
                raise Declined
            return self._natural(rows, leaf.rows())
        common = shared(rows, columns(leaf))
        return self._natural(rows, self._rows(leaf, common if common.columns else None))

    def _natural(self, left: Rows, right: Rows) -> Rows:
        """The inner join on all columns that both have."""
        on = tuple(name for name in left.columns if name in right.columns)
        codes, others = join_codes(left, right, on)
        order = np.argsort(others, kind="stable")
        low, high = searched(others[order], codes)
        if int((high - low).sum()) > self._limit:
            raise Declined
        mine, theirs = expand(low, high)
        added = right.take(order[theirs]).columns
        return Rows({**added, **left.take(mine).columns}, len(mine))


class Probe:
    """A scan of the quads of one predicate, ready to be looked up."""

    def __init__(self, scan: Scan, source: SortedQuads, equal: dict[str, int], rest: list[Scalar]) -> None:
        self._scan = scan
        self._source = source
        self._equal = equal
        self._rest = rest
        self._predicate = equal["p"]
        self._name_of = {column: name for name, column in scan.columns}
        self.names = {name for name, column in scan.columns if column in ("s", "o")}
        self._by = "s" if "s" in equal else "o" if "o" in equal else "s"
        pairs = self._pairs(self._by)
        if self._by in equal:
            low, high = pairs.first.searched(np.array([equal[self._by]]))
            self._low, self._high = int(low[0]), int(high[0])
        else:
            self._low, self._high = 0, len(pairs.first)

    @classmethod
    def of(cls, scan: Scan, source: SortedQuads) -> Probe:
        """A scan as look-ups.

        Raises:
            Declined: It has no constant predicate, or its columns are not at hand.
        """
        equal: dict[str, int] = {}
        rest: list[Scalar] = []
        for condition in _conditions(scan.where):
            match condition:
                case Call("=", (Column(name), Constant(int() as number))) if name in ("s", "p", "o"):
                    equal[name] = number
                case _:
                    rest.append(condition)
        if scan.table not in _TABLES or "p" not in equal:
            raise Declined
        return cls(scan, source, equal, rest)

    @property
    def size(self) -> int:
        """Rows of the whole scan, at most."""
        return self._high - self._low

    def _pairs(self, column: str) -> SortedPairs:
        found = self._source.pairs(column, self._predicate)
        if found is None:
            raise Declined
        return found

    def rows(self) -> Rows:
        """All rows of the scan."""
        return self._found(self._by, np.arange(self._low, self._high), Rows({}, self.size))

    def at(self, places: Ids) -> Rows:
        """Some rows of the scan, by their places in it."""
        return self._found(self._by, self._low + places, Rows({}, len(places)))

    def _key(self, rows: Rows) -> str:
        """The column of quads by which known rows are looked up."""
        return "s" if self._name_of.get("s") in rows.columns else "o"

    def ranges(self, rows: Rows) -> Found:
        """For each known row the range of sorted quads that may join it."""
        by = self._key(rows)
        return self._pairs(by).ranges(rows.columns[self._name_of[by]])

    def extend(self, rows: Rows, found: Found) -> Rows:
        """The known rows joined with the quads of their ranges."""
        by = self._key(rows)
        if found.once:
            return self._found(by, found.low, rows, joined=True)
        mine, places = expand(found.low, found.high)
        return self._found(by, places, rows.take(mine), joined=True)

    def _found(self, by: str, places: Ids, beside: Rows, *, joined: bool = False) -> Rows:
        """Quads by their places in the order of a column, where all conditions hold, beside the rows they join.

        Args:
            by: The column that the places are sorted by.
            places: Places of quads.
            beside: The rows that they join, row by row.
            joined: Whether the quads were looked up for these rows, so that they agree in ``by``.
        """
        pairs, count = self._pairs(by), len(places)
        rest = [c for c in self._rest if pairs.graph is not None or not _is_true_of_all(c)]
        own = {name: column for name, column in self._scan.columns if name != NOTHING}
        agree = [(n, c) for n, c in own.items() if n in beside.columns and not (joined and c == by)]
        equal = [c for c in self._equal if c != "p" and (c != by or beside.columns)]
        wanted = {c for n, c in own.items() if n not in beside.columns} | {c for _, c in agree} | {*equal}
        quads = {column: self._column(pairs, by, column, places) for column in (wanted if not rest else "spog")}
        kept = np.ones(count, bool)
        for column in equal:
            kept &= quads[column] == self._equal[column]
        for condition in rest:
            true, sure = truth(condition, Rows(quads, count, nulls=False))
            kept &= true & sure
        for name, column in agree:
            kept &= quads[column] == beside.columns[name]
        added = {name: quads[column] for name, column in own.items() if name not in beside.columns}
        found = Rows({**beside.columns, **added}, count)
        return found if bool(kept.all()) else found.take(kept)

    def _column(self, pairs: SortedPairs, by: str, column: str, places: Ids) -> Ids:
        """One column of quads by their places."""
        if column == "p":
            return np.full(len(places), self._predicate)
        if column == "g":
            return np.zeros(len(places), np.int64) if pairs.graph is None else pairs.graph[places]
        return (pairs.first if column == by else pairs.second)[places]


def _is_true_of_all(condition: Scalar) -> bool:
    """Whether a condition holds for every quad of the default graph."""
    try:
        true, sure = truth(condition, _DEFAULT_GRAPH)
    except Declined:
        return False
    return bool(true[0] & sure[0])


def leaves_of(node: Relational) -> Iterator[Relational]:
    """What a tree of inner joins joins; they are natural joins, so their order is free."""
    if isinstance(node, Join):
        yield from leaves_of(node.left)
        yield from leaves_of(node.right)
    else:
        yield node


def _size(leaf: Probe | Relational) -> float:
    if isinstance(leaf, Probe):
        return leaf.size
    return leaf.table.num_rows if isinstance(leaf, Inline) else np.inf


def _conditions(condition: Scalar | None) -> Iterator[Scalar]:
    match condition:
        case None:
            return
        case Call("and", parts):
            for part in parts:
                yield from _conditions(part)
        case _:
            yield condition
