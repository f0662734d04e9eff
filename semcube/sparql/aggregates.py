# SPDX-License-Identifier: Apache-2.0
"""Set functions over groups (SPARQL 1.1 section 18.5.1) and the aggregates of GeoSPARQL 1.1 (section 8.8).

Comes in: the ids of an aggregate's arguments, one per solution, and the group of each solution. Goes out: one id per
group. An error (an unbound argument is one) makes SUM, AVG, MIN, MAX, GROUP_CONCAT and the spatial aggregates of its
group an error; COUNT and SAMPLE pass over it. Of an empty group COUNT, SUM and AVG are 0, GROUP_CONCAT is the empty
text, all others are errors.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from semcube.engines.ids import BIAS, PAYLOAD, SHIFT, Tag
from semcube.engines.xsd import EXACT
from semcube.io.terms import KIND_BLANK, Literal
from semcube.sparql.algebra import Aggregate
from semcube.sparql.column_comparison import distinct_rows
from semcube.sparql.functions.table import row
from semcube.sparql.ordering import ranks
from semcube.sparql.terms import Ids, QueryTerms, Typed
from semcube.sparql.values import ExpressionError, Number, Single, add, divide, is_number, literal
from semcube.vocab import GEOF, XSD_DECIMAL, XSD_INTEGER

if TYPE_CHECKING:
    from semcube.sparql.context import Context

__all__ = ["aggregate", "averages", "count_ids", "counts"]

Groups = npt.NDArray[np.int64]
_INTEGERS = int(Tag.INTEGER) << SHIFT
_SAFE = 1 << 62
_EXACT_DIGITS = 10**15
"""Below this, a decimal of few digits times a power of ten is rounded to the right integer."""

_NO_TEXT = pa.scalar(None, pa.large_string())
_JOIN_TIMES = 4.0
"""Memory to join texts and keep what they make, as a multiple of their bytes."""

_SET = "SPARQL 1.1, 18.5.1"
row(
    "COUNT", ("term",), "integer", arity=(0, 1), clause=_SET + ".2", doc="How many solutions, or values without errors."
)
row("SUM", ("number",), "number", clause=_SET + ".3", doc="The sum; 0 of nothing.")
row("AVG", ("number",), "number", clause=_SET + ".4", doc="The mean; 0 of nothing, a decimal of integers.")
row("MIN", ("term",), "term", clause=_SET + ".5", doc="The first value in the order of ORDER BY.")
row("MAX", ("term",), "term", clause=_SET + ".6", doc="The last value in the order of ORDER BY.")
row("GROUP_CONCAT", ("term",), "simple literal", clause=_SET + ".7", doc="The texts of all values, with a SEPARATOR.")
row("SAMPLE", ("term",), "term", clause=_SET + ".8", doc="The first value that is no error.")


def aggregate(call: Aggregate, arguments: list[Ids], groups: Groups, n_groups: int, context: Context) -> Ids:
    """The value of a set function for each group.

    Args:
        call: The aggregate; ``distinct`` counts each tuple of terms once per group.
        arguments: One (n,) column of ids per argument, 0 for errors; none for ``COUNT(*)``, whose ``DISTINCT`` is the
            caller's.
        groups: (n,) numbers of groups.
        n_groups: How many groups there are; some may be empty.
        context: The evaluation.

    Returns:
        (n_groups,) ids, 0 for an error.

    Example:
        >>> from semcube.sparql.context import Context
        >>> context = Context(dataset=None, terms=QueryTerms(None))
        >>> ids = context.terms.intern_terms([literal(1), literal(2), literal(5)])
        >>> sums = aggregate(Aggregate("SUM", ()), [ids], np.array([0, 0, 1]), 2, context)
        >>> [term.lexical for term in context.terms.terms(sums)]
        ['3', '5']
    """
    if call.distinct and arguments and len(groups):
        first, _ = distinct_rows([groups, *arguments])
        first.sort()
        groups, arguments = groups[first], [column[first] for column in arguments]
    name = call.name
    if name == "COUNT":
        return counts(groups if not arguments else groups[arguments[0] != 0], n_groups)
    if name.startswith(GEOF):
        from semcube.sparql.functions.spatial_aggregates import spatial_aggregate

        return spatial_aggregate(name, arguments, groups, n_groups, context)
    if name == "GROUP_CONCAT":
        return _concatenated(arguments[0], groups, n_groups, context, call.separator)
    kernel = _KERNELS.get(name)
    if kernel is None:
        if context.trace is not None:
            context.trace.count(f"unknown aggregate <{name}>")
        return np.zeros(n_groups, np.int64)
    return kernel(arguments[0], groups, n_groups, context.terms)


def counts(groups: Groups, n_groups: int) -> Ids:
    """The ids of how many rows each group has."""
    return count_ids(np.bincount(groups, minlength=n_groups))


def count_ids(numbers: npt.NDArray[np.int64]) -> Ids:
    """The ids of counts."""
    return np.asarray(numbers, dtype=np.int64) + (_INTEGERS + BIAS)


def averages(sums: Ids, sizes: npt.NDArray[np.int64], context: Context) -> Ids:
    """The ids of sums (0 for an error) divided by the sizes of their groups."""
    numbers = [_number(some) for some in context.terms.values(sums)]
    means = [_mean(number, size) for number, size in zip(numbers, sizes.tolist(), strict=True)]
    return context.terms.intern_terms([_literal(number) for number in means])


def _with_errors(ids: Ids, groups: Groups, n_groups: int) -> npt.NDArray[np.bool_]:
    """Which groups have an error."""
    found = np.zeros(n_groups, bool)
    found[groups[ids == 0]] = True
    return found


def _sample(ids: Ids, groups: Groups, n_groups: int, _: QueryTerms) -> Ids:
    """The first value of each group that is no error."""
    result = np.zeros(n_groups, np.int64)
    good = np.flatnonzero(ids != 0)[::-1]
    result[groups[good]] = ids[good]
    return result


def _extreme(sign: int) -> Callable[[Ids, Groups, int, QueryTerms], Ids]:
    """MIN (1) or MAX (-1); of equal values the first."""

    def kernel(ids: Ids, groups: Groups, n_groups: int, terms: QueryTerms) -> Ids:
        result = np.zeros(n_groups, np.int64)
        if not len(ids):
            return result
        best = np.lexsort([sign * ranks(ids, terms), groups])
        first = np.ones(len(best), bool)
        first[1:] = groups[best][1:] != groups[best][:-1]
        chosen = best[first]
        result[groups[chosen]] = ids[chosen]
        result[_with_errors(ids, groups, n_groups)] = 0
        return result

    return kernel


def _sum(ids: Ids, groups: Groups, n_groups: int, terms: QueryTerms) -> Ids:
    whole = _whole_sums(ids, groups, n_groups)
    if whole is not None and (not n_groups or int(np.abs(whole).max()) < BIAS):
        return count_ids(whole)
    return terms.intern_terms([_literal(number) for number in _sums(ids, groups, n_groups, terms)])


def _average(ids: Ids, groups: Groups, n_groups: int, terms: QueryTerms) -> Ids:
    sums = _sums(ids, groups, n_groups, terms)
    sizes = np.bincount(groups, minlength=n_groups).tolist()
    means = [_mean(number, size) for number, size in zip(sums, sizes, strict=True)]
    return terms.intern_terms([_literal(number) for number in means])


def _mean(number: Number | None, size: int) -> Number | None:
    return number if number is None or not size else divide(number, size)


def _literal(number: Number | None) -> Literal | None:
    try:
        return None if number is None else literal(number)
    except ExpressionError:
        return None


def _sums(ids: Ids, groups: Groups, n_groups: int, terms: QueryTerms) -> list[Number | None]:
    """The sum of each group, None where it has a value that is no number.

    Sums of integers and decimals are exact, so their order does not matter; floats are added in the order of the rows.
    """
    integers = _whole_sums(ids, groups, n_groups)
    if integers is not None:
        return list(integers.tolist())
    distinct, places = np.unique(ids, return_inverse=True)
    places = places.ravel()
    typed = terms.typed(distinct)
    if bool(typed.double.all()):
        return _double_sums(typed.number[places], groups, n_groups)
    scaled = _scaled(distinct, typed, len(ids), terms)
    if scaled is not None:
        whole, decimal, digits = scaled
        sums = np.zeros(n_groups, np.int64)
        np.add.at(sums, groups, whole[places])
        decimals = np.zeros(n_groups, bool)
        decimals[groups[decimal[places]]] = True
        pairs = zip(sums.tolist(), decimals.tolist(), strict=True)
        return [Decimal(n).scaleb(-digits, EXACT) if has_decimal else n // 10**digits for n, has_decimal in pairs]
    return _sums_by_value(distinct, places, groups, n_groups, terms)


def _whole_sums(ids: Ids, groups: Groups, n_groups: int) -> npt.NDArray[np.int64] | None:
    """Sums of inline integers; None of others, or where they might be too large."""
    if not bool((ids >> SHIFT == Tag.INTEGER).all()):
        return None
    whole = (ids & PAYLOAD) - BIAS
    if len(whole) and int(np.abs(whole).max()) * len(whole) >= _SAFE:
        return None
    sums = np.zeros(n_groups, np.int64)
    np.add.at(sums, groups, whole)
    return sums


def _double_sums(doubles: npt.NDArray[np.float64], groups: Groups, n_groups: int) -> list[Number | None]:
    """Sums of doubles in the order of the rows."""
    with np.errstate(all="ignore"):
        sums = np.bincount(groups, weights=doubles, minlength=n_groups).tolist()
    empty = (np.bincount(groups, minlength=n_groups) == 0).tolist()
    return [0 if nothing else number for number, nothing in zip(sums, empty, strict=True)]


def _scaled(
    ids: Ids, typed: Typed, rows: int, terms: QueryTerms
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], int] | None:
    """Integers and short decimals times a power of ten, which are decimals, and the power; None where others are."""
    if typed.double.any() or not bool(typed.exact.all()) or not len(ids):
        return None
    decoded = terms.decode(ids)
    datatypes = pc.unique(decoded["datatype"]).to_pylist()
    if not {XSD_INTEGER, XSD_DECIMAL}.issuperset(datatypes):
        return None
    lexical = decoded["lexical"]
    point = pc.find_substring(lexical, ".").to_numpy(zero_copy_only=False)
    length = pc.binary_length(lexical).to_numpy(zero_copy_only=False)
    digits = int(np.where(point < 0, 0, length - point - 1).max())
    if digits > 9 or float(np.abs(typed.number).max()) * 10**digits * max(rows, 1) >= _SAFE:
        return None
    if float(np.abs(typed.number).max()) * 10**digits >= _EXACT_DIGITS:
        return None
    decimal = np.asarray(pc.equal(decoded["datatype"], XSD_DECIMAL).to_numpy(zero_copy_only=False), dtype=bool)
    return np.rint(typed.number * 10**digits).astype(np.int64), decimal, digits


def _sums_by_value(
    distinct: Ids, places: npt.NDArray[np.int64], groups: Groups, n_groups: int, terms: QueryTerms
) -> list[Number | None]:
    """Sums of anything, by the rules for single values."""
    numbers = [_number(some) for some in terms.values(distinct)]
    kinds = np.array([_kind(number) for number in numbers], np.int8)[places]
    bad = np.zeros(n_groups, bool)
    bad[groups[kinds < 0]] = True
    if bool((kinds < 2).all()):
        found = _exact_sums(places, numbers, groups, n_groups)
    else:
        found = [0] * n_groups
        for group, place in zip(groups.tolist(), places.tolist(), strict=True):
            number, before = numbers[place], found[group]
            if number is not None and before is not None and not bad[group]:
                found[group] = add(before, number)
    return [None if wrong else number for number, wrong in zip(found, bad.tolist(), strict=True)]


def _number(some: object) -> Number | None:
    return some if is_number(some) else None  # type: ignore[return-value]


def _kind(number: Number | None) -> int:
    """0 integer, 1 decimal, 2 float, 3 double, -1 none."""
    if number is None:
        return -1
    if isinstance(number, float):
        return 2 if isinstance(number, Single) else 3
    return 1 if isinstance(number, Decimal) else 0


def _exact_sums(
    places: npt.NDArray[np.int64], numbers: list[Number | None], groups: Groups, n_groups: int
) -> list[Number | None]:
    """Sums of integers and decimals: each distinct number of a group once, times how often it occurs."""
    found: list[Number | None] = [0] * n_groups
    pair, times = np.unique(groups * len(numbers) + places, return_counts=True)
    for number, count in zip(pair.tolist(), times.tolist(), strict=True):
        group, place = divmod(number, len(numbers))
        value_, before = numbers[place], found[group]
        if value_ is None or before is None:
            continue
        if isinstance(value_, int) and isinstance(before, int):
            found[group] = before + value_ * count
        else:
            found[group] = EXACT.add(Decimal(before), EXACT.multiply(Decimal(value_), Decimal(count)))
    return found


def _concatenated(ids: Ids, groups: Groups, n_groups: int, context: Context, separator: str | None) -> Ids:
    """The texts of each group in the order of the rows."""
    distinct, places = np.unique(ids, return_inverse=True)
    between, rows = " " if separator is None else separator, places.ravel()
    with context.reserve("GROUP_CONCAT", times=_JOIN_TIMES) as room:
        terms = context.terms.decode(distinct)
        texts = pc.if_else(pc.not_equal(terms["kind"], KIND_BLANK), terms["lexical"], _NO_TEXT)
        lengths = pc.binary_length(texts).fill_null(0).to_numpy(zero_copy_only=False)
        room.grow(texts.nbytes + int(lengths[rows].sum()) + len(between.encode()) * len(rows))
        order = np.argsort(groups, kind="stable")
        ends = np.cumsum(np.bincount(groups, minlength=n_groups))[:-1]
        parts = np.split(texts.to_numpy(zero_copy_only=False)[rows[order]], ends)
        bad = _with_errors(np.where(texts.is_valid().to_numpy(zero_copy_only=False), 1, 0)[rows], groups, n_groups)
        joined = [None if wrong else between.join(part.tolist()) for part, wrong in zip(parts, bad, strict=True)]
        return context.terms.intern_terms([None if text is None else Literal(text) for text in joined])


_KERNELS: dict[str, Callable[[Ids, Groups, int, QueryTerms], Ids]] = {
    "SUM": _sum,
    "AVG": _average,
    "MIN": _extreme(1),
    "MAX": _extreme(-1),
    "SAMPLE": _sample,
}
