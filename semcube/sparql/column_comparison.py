# SPDX-License-Identifier: Apache-2.0
"""``=`` and ``<`` between columns: by numpy where ids and value columns decide exactly, else once per distinct pair.

What decides without looking at terms: identity of IRIs, blank nodes, strings and inline values; exact numbers
(:data:`semcube.engines.classify.CLASSES`), and other numbers unless their nearest doubles are equal; dates and times of
one datatype that all have, or all lack, a time zone; code point order of strings. Everything else goes through
:mod:`semcube.sparql.comparison`, and a test holds both ways to the same answers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from semcube.engines.ids import Tag
from semcube.sparql.columns import ERROR, FALSE, Column, Truth
from semcube.sparql.comparison import compare, equal
from semcube.sparql.terms import Ids, QueryTerms, Typed
from semcube.sparql.values import ExpressionError, Object

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["compare_columns", "distinct_rows", "equal_columns"]

Bools = npt.NDArray[np.bool_]

_MANY = 1024
"""So many rows are looked through for terms that repeat."""


class _Side(NamedTuple):
    """One operand, see :meth:`Column.typed`."""

    ids: Ids | None
    tags: npt.NDArray[np.int64]
    typed: Typed


def distinct_rows(columns: list[Ids]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The first row of each distinct tuple, and for each row the number of its tuple.

    Example:
        >>> first, number = distinct_rows([np.array([7, 7, 8]), np.array([1, 1, 1])])
        >>> first.tolist(), number.tolist()
        ([0, 2], [0, 0, 1])
    """
    _, first, number = np.unique(columns[0], return_index=True, return_inverse=True)
    for column in columns[1:]:
        values, place = np.unique(column, return_inverse=True)
        _, first, number = np.unique(
            number.ravel() * len(values) + place.ravel(), return_index=True, return_inverse=True
        )
    return first, number.ravel()


_CLASSES = np.arange(max(Tag) + 1)
_CLASSES[[Tag.INTEGER, Tag.GEOMETRY]] = [Tag.NUMERIC, Tag.OTHER]
_UNKNOWN = int(Tag.OTHER)
_IDENTITY = [int(tag) for tag in (Tag.BLANK, Tag.IRI, Tag.STRING, Tag.LANGUAGE, Tag.BOOLEAN)]
"""Classes of terms that are equal only if they are the same."""


def equal_columns(left: Column, right: Column, terms: QueryTerms) -> Truth:
    """``left = right`` for each row."""
    a, b = _Side(*left.typed(terms)), _Side(*right.typed(terms))
    truth = np.full(left.rows, ERROR, np.int8)
    open_ = (a.tags != 0) & (b.tags != 0)
    _decide(truth, open_, a.typed.exact & b.typed.exact, a.typed.number == b.typed.number)
    _decide(truth, open_, _apart(a, b), np.zeros(len(truth), bool))
    _decide(truth, open_, _same_clock(a, b), a.typed.time == b.typed.time)
    class_a, class_b = _CLASSES[a.tags], _CLASSES[b.tags]
    known = (class_a != _UNKNOWN) & (class_b != _UNKNOWN)
    resource = (np.minimum(class_a, class_b) <= Tag.IRI) & (class_a != class_b)
    _decide(truth, open_, resource | (known & (class_a != class_b)), np.zeros(len(truth), bool))
    if a.ids is not None and b.ids is not None:
        _decide(truth, open_, known & np.isin(class_a, _IDENTITY), a.ids == b.ids)
    rows = np.flatnonzero(open_ & ((class_a == Tag.STRING) | (class_a == Tag.LANGUAGE)) & known)
    if len(rows):
        truth[rows] = _once_each(_equal_strings, left.take(rows), right.take(rows), terms)
        open_[rows] = False
    _decide_each(truth, open_, left, right, terms, lambda x, y: int(equal(x, y)))
    return truth


_ACCEPTS: dict[str, Callable[[Any, Any], Any]] = {
    "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > y,
    ">=": lambda x, y: x >= y,
}


def compare_columns(operator: str, left: Column, right: Column, terms: QueryTerms) -> Truth:
    """``left operator right`` for each row; the operator is ``<``, ``<=``, ``>`` or ``>=``."""
    accepts = _ACCEPTS[operator]
    a, b = _Side(*left.typed(terms)), _Side(*right.typed(terms))
    truth = np.full(left.rows, ERROR, np.int8)
    never = (Tag.BLANK, Tag.IRI, Tag.LANGUAGE, Tag.GEOMETRY)
    open_ = (a.tags != 0) & (b.tags != 0) & ~_among(a, *never) & ~_among(b, *never)
    numerically = accepts(a.typed.number, b.typed.number)
    _decide(truth, open_, (a.typed.exact & b.typed.exact) | _apart(a, b), numerically)
    _decide(truth, open_, _same_clock(a, b), accepts(a.typed.time, b.typed.time))
    if a.ids is not None and b.ids is not None:
        _decide(truth, open_, (a.tags == Tag.BOOLEAN) & (b.tags == Tag.BOOLEAN), accepts(a.ids, b.ids))
    rows = np.flatnonzero(open_ & (a.tags == Tag.STRING) & (b.tags == Tag.STRING))
    if len(rows):
        truth[rows] = _once_each(partial(_compare_strings, operator), left.take(rows), right.take(rows), terms)
        open_[rows] = False

    def one(x: Object, y: Object) -> int:
        order = compare(x, y)
        return FALSE if order is None else int(accepts(order, 0))

    _decide_each(truth, open_, left, right, terms, one)
    return truth


def _among(side: _Side, *tags: Tag) -> Bools:
    found = np.zeros(len(side.tags), bool)
    for tag in tags:
        found |= side.tags == int(tag)
    return found


def _apart(a: _Side, b: _Side) -> Bools:
    """Rows with two numbers whose nearest doubles differ, and so say how the numbers compare."""
    return np.asarray(a.typed.nearest & b.typed.nearest & (a.typed.number != b.typed.number))


def _same_clock(a: _Side, b: _Side) -> Bools:
    """Rows with two exact times of the same datatype that both have, or both lack, a time zone."""
    return np.asarray((a.typed.clock != 0) & (a.typed.clock == b.typed.clock))


def _decide(truth: Truth, open_: Bools, where: Bools, answer: Bools) -> None:
    """Settle open rows."""
    rows = open_ & where
    truth[rows] = answer[rows]
    open_ &= ~rows


def _decide_each(
    truth: Truth, open_: Bools, left: Column, right: Column, terms: QueryTerms, kernel: Callable[[Any, Any], int]
) -> None:
    """Settle the rows that are still open, once per distinct pair."""
    rows = np.flatnonzero(open_)
    if not len(rows):
        return
    left, right = left.take(rows), right.take(rows)
    a, b = left.known_ids, right.known_ids
    number = np.arange(len(rows))
    if a is not None and b is not None and len(rows) > 16:
        first, number = distinct_rows([a, b])
        left, right = left.take(first), right.take(first)
    found = np.full(left.rows, ERROR, np.int8)
    for place, (x, y) in enumerate(zip(left.objects(terms), right.objects(terms), strict=True)):
        if x is None or y is None:
            continue
        try:
            found[place] = kernel(x, y)
        except (ExpressionError, ArithmeticError):
            continue
    truth[rows] = found[number]


def _once_each(
    kernel: Callable[[Column, Column, QueryTerms], Truth], left: Column, right: Column, terms: QueryTerms
) -> Truth:
    """A comparison; with a constant, once for each distinct term where they repeat."""
    side = left if right.constant is not None else right if left.constant is not None else None
    ids = None if side is None else side.known_ids
    if ids is None or len(ids) < _MANY:
        return kernel(left, right, terms)
    distinct, number = np.unique(ids, return_inverse=True)
    if 2 * len(distinct) > len(ids):
        return kernel(left, right, terms)
    once = np.arange(len(distinct))
    few = [Column.of_ids(distinct) if column is side else column.take(once) for column in (left, right)]
    return kernel(few[0], few[1], terms)[number.ravel()]


def _equal_strings(left: Column, right: Column, terms: QueryTerms) -> Truth:
    """Equality of strings of one class: text and language."""
    import pyarrow.compute as pc

    (one, tongue), (other, other_tongue) = left.strings(terms), right.strings(terms)
    same = pc.and_(pc.equal(one, other), pc.equal(tongue.fill_null(""), other_tongue.fill_null("")))
    return np.asarray(same.to_numpy(zero_copy_only=False), dtype=np.int8)


def _compare_strings(operator: str, left: Column, right: Column, terms: QueryTerms) -> Truth:
    """Order of strings by code point, which is the order of their UTF-8 bytes."""
    import pyarrow.compute as pc

    kernel = {"<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal}[operator]
    found: pa.Array = kernel(left.strings(terms)[0], right.strings(terms)[0])
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int8)
