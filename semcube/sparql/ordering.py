# SPDX-License-Identifier: Apache-2.0
"""``ORDER BY`` (SPARQL 1.1 section 15.1), MIN and MAX: a total order of terms.

unbound < blank nodes < IRIs < literals. Blank nodes are in no particular order, IRIs in code point order. Where ``<``
orders two literals, this order agrees with it. Beyond that, literals are ordered by class, as their ids are:

1. strings, by code point;
2. language-tagged strings, by text, then language;
3. numbers of all types by exact value, NaN last; equal numbers are equal here, whatever their type or lexical form;
4. booleans, false first;
5. dateTime, then date, then time, each by instant; a missing time zone counts as UTC;
6. geometry literals by datatype and lexical form;
7. day-time durations, year-month durations by length; then all others by datatype and lexical form.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from semcube.engines.ids import SHIFT, Tag
from semcube.engines.xsd import Temporal
from semcube.io.terms import Literal, Term
from semcube.sparql.terms import Ids, QueryTerms
from semcube.sparql.values import XSD_DAY_TIME, XSD_DURATION, XSD_YEAR_MONTH, Duration, value

if TYPE_CHECKING:
    from semcube.sparql.columns import Column
    from semcube.sparql.context import Context

__all__ = ["order", "ranks"]

_KINDS = ("dateTime", "date", "time")


def order(keys: Sequence[Ids | Column], descending: Sequence[bool], context: Context) -> npt.NDArray[np.int64]:
    """The row numbers in order; rows that are equal in every condition stay as they are.

    Args:
        keys: One column per condition, the most important first; all of length n.
        descending: Whether each condition is ``DESC``.
        context: The evaluation that the ids belong to.

    Returns:
        (n,) permutation.
    """
    columns = []
    for key, down in zip(keys, descending, strict=True):
        rank = ranks(key, context.terms) if isinstance(key, np.ndarray) else _column_ranks(key, context.terms)
        columns.append(-rank if down else rank)
    return np.lexsort(columns[::-1]).astype(np.int64)


def _column_ranks(column: Column, terms: QueryTerms) -> npt.NDArray[np.int64]:
    """As :func:`ranks`; computed texts and doubles need no ids for it."""
    texts, doubles = column.known_texts, column.known_doubles
    if texts is not None:
        rank: pa.Array = pc.rank(texts, tiebreaker="dense")
        return np.where(_valid(texts), rank.to_numpy(zero_copy_only=False).astype(np.int64), 0)
    if doubles is not None:
        numbers, valid = doubles
        return np.where(valid, np.unique(numbers, return_inverse=True)[1].ravel() + 1, 0)
    return ranks(column.ids(terms), terms)


def _valid(texts: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(texts.is_valid().to_numpy(zero_copy_only=False), dtype=bool)


def ranks(ids: Ids, terms: QueryTerms) -> npt.NDArray[np.int64]:
    """Integers that order as the terms do, equal where the terms tie.

    Example:
        >>> terms = QueryTerms(None)
        >>> ids = terms.intern_terms([Literal("b"), None, Literal("a")])
        >>> ranks(ids, terms).tolist()
        [2, 0, 1]
    """
    tags = ids >> SHIFT
    if bool((tags == Tag.INTEGER).all()):
        return np.asarray(ids, dtype=np.int64)
    distinct, places = np.unique(ids, return_inverse=True)
    tags = distinct >> SHIFT
    tags = np.where(tags == Tag.INTEGER, Tag.NUMERIC, tags)
    odd = _odd_booleans(distinct, tags, terms)
    tags[odd] = Tag.BOOLEAN
    found = np.zeros(len(distinct), np.int64)
    base = 0
    for tag in sorted(set(tags.tolist())):
        rows = np.flatnonzero(tags == tag)
        within = _WITHIN[Tag(tag)](distinct[rows], terms) if tag else np.zeros(len(rows), np.int64)
        found[rows] = base + within
        base += int(within.max()) + 1
    return found[places.ravel()]


def _odd_booleans(ids: Ids, tags: npt.NDArray[np.int64], terms: QueryTerms) -> npt.NDArray[np.int64]:
    """Places of ``"1"^^xsd:boolean`` and ``"0"^^xsd:boolean``, whose ids do not show that they are booleans."""
    rows = np.flatnonzero(tags == Tag.OTHER)
    if not len(rows):
        return np.asarray(rows)
    flags = [isinstance(value(term), bool) for term in terms.terms(ids[rows]) if term is not None]
    return np.asarray(rows[np.array(flags, bool)])


def _by_key(keys: list[Any]) -> Ids:
    """Dense ranks of sortable Python keys."""
    number = {key: place for place, key in enumerate(sorted(set(keys)))}
    return np.array([number[key] for key in keys], np.int64)


def _as_they_are(ids: Ids, _: QueryTerms) -> npt.NDArray[np.int64]:
    return np.arange(len(ids), dtype=np.int64)


def _texts(ids: Ids, terms: QueryTerms) -> npt.NDArray[np.int64]:
    """By code point, which is the order of UTF-8 bytes."""
    rank: pa.Array = pc.rank(terms.decode(ids)["lexical"], tiebreaker="dense")
    return np.asarray(rank.to_numpy(zero_copy_only=False), dtype=np.int64) - 1


def _tagged(ids: Ids, terms: QueryTerms) -> npt.NDArray[np.int64]:
    return _by_key([(_literal(term).lexical, _literal(term).language) for term in terms.terms(ids)])


def _numbers(ids: Ids, terms: QueryTerms) -> npt.NDArray[np.int64]:
    """By exact value: as doubles, and as fractions where several have one nearest double that may not be the value."""
    typed = terms.typed(ids)
    if not bool((typed.nearest | typed.double).all()):
        return _by_key([_number_key(value(_literal(term))) for term in terms.terms(ids)])
    doubles, places, counts = np.unique(typed.number, return_inverse=True, return_counts=True)
    rank: Ids = places.ravel().astype(np.int64)
    unsure, has_double, has_other = np.zeros((3, len(doubles)), bool)
    unsure[rank[~(typed.exact | typed.double)]] = True
    has_double[rank[typed.double]] = has_other[rank[~typed.double]] = True
    unsure |= has_double & has_other  # decimals and doubles are written alike and differ
    tied = np.flatnonzero((unsure & (counts > 1))[rank])
    if not len(tied):
        return rank
    within = np.zeros(len(rank), np.int64)
    within[tied] = _by_key([_number_key(value(_literal(term))) for term in terms.terms(ids[tied])])
    return np.unique(rank * (within.max() + 1) + within, return_inverse=True)[1].ravel().astype(np.int64)


def _number_key(number: Any) -> tuple[int, Fraction]:
    """Minus infinity, finite numbers, infinity, NaN."""
    if isinstance(number, float) and not math.isfinite(number):
        return (3 if math.isnan(number) else int(math.copysign(1, number)) + 1, Fraction(0))
    return 1, Fraction(Decimal(number) if isinstance(number, Decimal | float) else number)


def _booleans(ids: Ids, terms: QueryTerms) -> npt.NDArray[np.int64]:
    return _by_key([value(_literal(term)) for term in terms.terms(ids)])


def _times(ids: Ids, terms: QueryTerms) -> npt.NDArray[np.int64]:
    """By kind and instant: in microseconds where that is exact."""
    typed = terms.typed(ids)
    if bool((typed.clock != 0).all()):
        pairs = np.stack([typed.clock // 2, typed.time], axis=1)
        return np.unique(pairs, axis=0, return_inverse=True)[1].ravel().astype(np.int64)
    keys = []
    for term in terms.terms(ids):
        moment = value(_literal(term))
        assert isinstance(moment, Temporal)
        keys.append((_KINDS.index(moment.kind), moment.instant()))
    return _by_key(keys)


def _literals(ids: Ids, terms: QueryTerms) -> npt.NDArray[np.int64]:
    return _by_key([(_literal(term).datatype, _literal(term).lexical) for term in terms.terms(ids)])


def _others(ids: Ids, terms: QueryTerms) -> npt.NDArray[np.int64]:
    keys: list[tuple[Any, ...]] = []
    for term in terms.terms(ids):
        literal = _literal(term)
        length = value(literal)
        if isinstance(length, Duration) and length.datatype != XSD_DURATION:
            kind = (XSD_DAY_TIME, XSD_YEAR_MONTH).index(length.datatype)
            keys.append((kind, length.months, length.seconds, "", ""))
        else:
            keys.append((2, 0, Decimal(0), literal.datatype, literal.lexical))
    return _by_key(keys)


def _literal(term: Term | None) -> Literal:
    assert isinstance(term, Literal)
    return term


_WITHIN = {
    Tag.BLANK: _as_they_are,
    Tag.IRI: _texts,
    Tag.STRING: _texts,
    Tag.LANGUAGE: _tagged,
    Tag.NUMERIC: _numbers,
    Tag.BOOLEAN: _booleans,
    Tag.TEMPORAL: _times,
    Tag.GEOMETRY: _literals,
    Tag.OTHER: _others,
}
