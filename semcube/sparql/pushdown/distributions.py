# SPDX-License-Identifier: Apache-2.0
"""How many rows a filter keeps: values of a predicate, sampled, and the ranges of values that an expression allows.

Comes in: a sample of the numbers (or times) of the objects of a predicate, and filters. Goes out: the part of rows
that fulfil all filters together, so that two bounds of one variable are one range.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from semcube.engines.classify import classify_term
from semcube.io.terms import IRI, Literal
from semcube.sparql.algebra import Expression, Operation, Variable

__all__ = ["Distribution", "Distributions", "Ranges", "kept_part", "ranges"]

UNKNOWN = 1 / 3
"""The part of rows that a filter of which nothing is known is taken to keep."""

Edge = tuple[float, int]
"""A value and 0 for the place before it, 1 for the place behind it."""
_LEAST, _MOST = (-math.inf, 0), (math.inf, 1)


class Distribution:
    """The values of the objects of a predicate, as far as a sample tells.

    Values that occur several times in the sample have their weight to themselves; the weight of others is spread up to
    their neighbours, so that ranges narrower than the sample's steps are told apart too.

    Args:
        values: A sample of the values.
        part: The part of all objects that have such a value.
        objects: Distinct objects of the predicate.

    Example:
        >>> found = Distribution(np.arange(100.0), 0.5, 1000)
        >>> round(found.within([((10.0, 0), (20.0, 0))]), 3), found.within([((7.5, 0), (7.5, 1))])
        (0.05, 0.0005)
    """

    def __init__(self, values: npt.NDArray[np.float64], part: float, objects: float) -> None:
        self._values, counts = np.unique(values[~np.isnan(values)], return_counts=True)
        whole = max(int(counts.sum()), 1)
        heavy = counts > 1
        start = np.cumsum(counts) - counts
        self._before = np.where(heavy, start, start + 0.5) / whole
        self._after = np.where(heavy, start + counts, start + 0.5) / whole
        self._least = 0.25 / whole
        self._part = part
        self._objects = max(objects, 1.0)

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return self._values.nbytes + self._before.nbytes + self._after.nbytes

    def _below(self, edge: Edge) -> float:
        """The part of the values below an edge."""
        value, side = edge
        values, count = self._values, len(self._values)
        if edge in (_LEAST, _MOST) or not count:
            return float(edge == _MOST)
        place = int(np.searchsorted(values, value))
        if place < count and values[place] == value:
            return float((self._after if side else self._before)[place])
        if place in (0, count):
            return self._least if place == 0 else 1 - self._least
        low, high = float(values[place - 1]), float(values[place])
        way = (value - low) / (high - low) if math.isfinite(high - low) else 0.5
        return float(self._after[place - 1] + way * (self._before[place] - self._after[place - 1]))

    def within(self, allowed: Ranges) -> float:
        """The part of all objects that have a value in one of disjoint ranges."""
        found = 0.0
        for low, high in allowed:
            mass = self._below(high) - self._below(low)
            found += max(mass, 1 / self._objects if low[0] == high[0] else 0.0)
        return min(found, 1.0) * self._part


Ranges = list[tuple[Edge, Edge]]
"""Disjoint ranges in order, each from an edge to another."""


class Distributions(Protocol):
    """Knows the values of predicates."""

    def distribution(self, predicate: int, *, times: bool, read: bool) -> Distribution | None:
        """The numbers (or times) of the objects of a predicate; None where they are not known and not to be read."""
        ...


def _intersection(one: Ranges, other: Ranges) -> Ranges:
    pairs = ((max(a, c), min(b, d)) for a, b in one for c, d in other)
    return sorted((low, high) for low, high in pairs if low < high)


def _complement(one: Ranges) -> Ranges:
    edges = [_LEAST, *(edge for pair in one for edge in pair), _MOST]
    return [(low, high) for low, high in zip(edges[::2], edges[1::2], strict=True) if low < high]


def _union(one: Ranges, other: Ranges) -> Ranges:
    return _complement(_intersection(_complement(one), _complement(other)))


def _compared(symbol: str, value: float) -> Ranges:
    before, behind = (value, 0), (value, 1)
    match symbol:
        case "<":
            return [(_LEAST, before)]
        case "<=":
            return [(_LEAST, behind)]
        case ">":
            return [(behind, _MOST)]
        case ">=":
            return [(before, _MOST)]
        case "=":
            return [(before, behind)]
        case _:
            return [(_LEAST, before), (behind, _MOST)]


_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}


def ranges(expression: Expression) -> tuple[str, bool, Ranges] | None:
    """The values of one variable for which an expression is true, if it speaks of that variable and constants only.

    Returns:
        The variable, whether its values are times (else they are numbers), and the ranges.

    Example:
        >>> five = Literal("5", "http://www.w3.org/2001/XMLSchema#integer")
        >>> ranges(Operation("!", (Operation("<", (Variable("n"), five)),)))
        ('n', False, [((5.0, 0), (inf, 1))])
    """
    match expression:
        case Operation("!", (inner,)):
            found = ranges(inner)
            return None if found is None else (found[0], found[1], _complement(found[2]))
        case Operation("&&" | "||" as name, arguments):
            return _joined(name == "&&", [ranges(argument) for argument in arguments])
        case Operation("IN", (value, *listed)) if listed:
            return _joined(False, [ranges(Operation("=", (value, item))) for item in listed])
        case Operation(symbol, (Variable(name), Literal() as literal)) if symbol in _TURNED:
            return _one(name, symbol, literal)
        case Operation(symbol, (Literal() as literal, Variable(name))) if symbol in _TURNED:
            return _one(name, _TURNED[symbol], literal)
        case _:
            return None


def _one(name: str, symbol: str, literal: Literal) -> tuple[str, bool, Ranges] | None:
    known = classify_term(literal)
    if known.number is not None and known.number == known.number:
        return name, False, _compared(symbol, known.number)
    return None if known.time is None else (name, True, _compared(symbol, float(known.time)))


def _joined(all_hold: bool, parts: list[tuple[str, bool, Ranges] | None]) -> tuple[str, bool, Ranges] | None:
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or len({part[:2] for part in known}) != 1:
        return None
    found = known[0][2]
    for _, _, more in known[1:]:
        found = _intersection(found, more) if all_hold else _union(found, more)
    return known[0][0], known[0][1], found


def kept_part(
    filters: Sequence[Expression],
    predicates: dict[str, int],
    distinct: dict[str, float],
    known: Distributions,
    *,
    read: bool,
) -> float:
    """The part of rows for which all filters are true.

    Args:
        filters: Expressions.
        predicates: Variable -> the predicate whose objects it binds.
        distinct: Variable -> distinct values to expect.
        known: The values of predicates.
        read: Whether to look at values that are not known yet.
    """
    allowed: dict[tuple[str, bool], Ranges] = {}
    listed: dict[tuple[str, bool], int] = {}
    found = 1.0
    for conjunct in _conjuncts(filters):
        one = ranges(conjunct)
        if one is None:
            found *= _unknown(conjunct, distinct)
            continue
        name, times, values = one
        before = allowed.get((name, times))
        allowed[name, times] = values if before is None else _intersection(before, values)
        listed[name, times] = listed.get((name, times), 0) + 1
    for (name, times), values in allowed.items():
        predicate = predicates.get(name)
        about = None if predicate is None else known.distribution(predicate, times=times, read=read)
        found *= UNKNOWN ** listed[name, times] if about is None else about.within(values)
    return found


def _conjuncts(filters: Iterable[Expression]) -> Iterable[Expression]:
    for expression in filters:
        if isinstance(expression, Operation) and expression.name == "&&":
            yield from _conjuncts(expression.arguments)
        else:
            yield expression


def _unknown(expression: Expression, distinct: dict[str, float]) -> float:
    """The part that is kept by what is no range: one of the distinct values, or a third."""
    match expression:
        case Operation("=" | "SAMETERM", (Variable(name), IRI() | Literal())) | Operation(
            "=" | "SAMETERM", (IRI() | Literal(), Variable(name))
        ) if distinct.get(name, 0.0) >= 1:
            return 1 / distinct[name]
        case Operation("!=", (Variable(name), IRI() | Literal())) if distinct.get(name, 0.0) >= 1:
            return 1 - 1 / (distinct[name] + 1)
        case _:
            return UNKNOWN
