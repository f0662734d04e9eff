# SPDX-License-Identifier: Apache-2.0
"""Operators and functions on numbers (SPARQL 1.1 sections 17.3 and 17.4.4), and on durations and dates."""

from __future__ import annotations

import math
import random
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from semcube.engines.xsd import EXACT, Temporal, civil, days
from semcube.sparql import values
from semcube.sparql.functions import columns_of_numbers as columns
from semcube.sparql.functions.table import Calling, function
from semcube.sparql.values import (
    XSD_DAY_TIME,
    XSD_DURATION,
    XSD_YEAR_MONTH,
    Duration,
    ExpressionError,
    Number,
    Object,
    Single,
    is_number,
)

_OPERATORS = "SPARQL 1.1, 17.3"
_NUMERICS = "SPARQL 1.1, 17.4.4"


def _like(model: Number, number: float) -> Number:
    """A float in the type of another."""
    return Single(number) if isinstance(model, Single) else number


@function("+", ("value", "value"), "number", clause=_OPERATORS, vector=columns.add, cheap=True)
def add(left: Any, right: Any) -> Object:
    """The sum of two numbers; a date or time later by a duration; the sum of two durations."""
    if is_number(left) and is_number(right):
        return values.add(left, right)
    if isinstance(left, Temporal) and isinstance(right, Duration):
        return _shift(left, right, 1)
    if isinstance(left, Duration) and isinstance(right, Temporal):
        return _shift(right, left, 1)
    if isinstance(left, Duration) and isinstance(right, Duration):
        return _sum(left, right, 1)
    raise ExpressionError("operands that have no sum")


@function("-", ("value", "value"), "number", clause=_OPERATORS, vector=columns.subtract, cheap=True)
def subtract(left: Any, right: Any) -> Object:
    """The difference of two numbers, two dates or times, or two durations; a date or time earlier by a duration."""
    if is_number(left) and is_number(right):
        return values.subtract(left, right)
    if isinstance(left, Temporal) and isinstance(right, Duration):
        return _shift(left, right, -1)
    if isinstance(left, Temporal) and isinstance(right, Temporal) and left.kind == right.kind:
        if (left.offset is None) != (right.offset is None):
            raise ExpressionError("only one has a time zone")
        return Duration(0, EXACT.subtract(left.instant(), right.instant()), XSD_DAY_TIME)
    if isinstance(left, Duration) and isinstance(right, Duration):
        return _sum(left, right, -1)
    raise ExpressionError("operands that have no difference")


@function("*", ("number", "number"), "number", clause=_OPERATORS, vector=columns.multiply, cheap=True)
def multiply(left: Number, right: Number) -> Object:
    """The product of two numbers."""
    return values.multiply(left, right)


@function("/", ("number", "number"), "number", clause=_OPERATORS, vector=columns.divide, cheap=True)
def divide(left: Number, right: Number) -> Object:
    """The quotient of two numbers; of integers it is a decimal."""
    return values.divide(left, right)


@function("U-", ("number",), "number", clause=_OPERATORS, vector=columns.negate, cheap=True)
def negate(number: Number) -> Object:
    """The number with the other sign."""
    return values.negate(number)


@function("U+", ("number",), "number", clause=_OPERATORS)
def plus(number: Number) -> Object:
    """The number itself."""
    return number


@function("ABS", ("number",), "number", clause=_NUMERICS + ".1")
def absolute(number: Number) -> Object:
    """The absolute value."""
    if isinstance(number, Decimal):
        return number.copy_abs()
    return _like(number, abs(number)) if isinstance(number, float) else abs(number)


@function("ROUND", ("number",), "number", clause=_NUMERICS + ".2")
def nearest(number: Number) -> Object:
    """The nearest whole number, of two equally near ones the greater."""
    if isinstance(number, float):
        if not math.isfinite(number) or abs(number) >= 2.0**52:
            return number
        whole = float(math.floor(Decimal(float(number)) + Decimal("0.5")))
        return _like(number, math.copysign(whole, number) if whole == 0 else whole)
    if isinstance(number, Decimal):
        return EXACT.add(number, Decimal("0.5")).to_integral_value(ROUND_FLOOR, EXACT)
    return number


@function("CEIL", ("number",), "number", clause=_NUMERICS + ".3")
def ceiling(number: Number) -> Object:
    """The smallest whole number that is not smaller."""
    return _whole(number, ROUND_CEILING)


@function("FLOOR", ("number",), "number", clause=_NUMERICS + ".4")
def floor(number: Number) -> Object:
    """The greatest whole number that is not greater."""
    return _whole(number, ROUND_FLOOR)


def _whole(number: Number, rounding: str) -> Number:
    """A whole number of the same type."""
    if isinstance(number, float):
        if not math.isfinite(number):
            return number
        whole = float(math.ceil(number) if rounding == ROUND_CEILING else math.floor(number))
        return _like(number, math.copysign(whole, number) if whole == 0 else whole)
    return number.to_integral_value(rounding, EXACT) if isinstance(number, Decimal) else number


@function("RAND", (), "double", clause=_NUMERICS + ".5", calling=True, volatile=True)
def rand(_: Calling) -> Object:
    """A pseudo-random number from 0 to before 1, new for every solution."""
    return random.random()


def _sum(left: Duration, right: Duration, sign: int) -> Duration:
    """Durations of the same kind added or subtracted."""
    if left.datatype != right.datatype or left.datatype == XSD_DURATION:
        raise ExpressionError("durations of different kinds")
    seconds = EXACT.add(left.seconds, EXACT.multiply(Decimal(sign), right.seconds))
    return Duration(left.months + sign * right.months, seconds, left.datatype)


def _shift(moment: Temporal, duration: Duration, sign: int) -> Temporal:
    """A date or time later or earlier (F&O section 9.7; XML Schema part 2, appendix E)."""
    if moment.kind == "time" and duration.datatype == XSD_YEAR_MONTH:
        raise ExpressionError("a time has no months")
    months = moment.year * 12 + moment.month - 1 + sign * duration.months
    year, month = divmod(months, 12)
    month += 1
    day = moment.day
    while day > 28 and civil(days(year, month, day))[1] != month:
        day -= 1
    local = Temporal(moment.kind, year, month, day, moment.hour, moment.minute, moment.second, 0)
    seconds = EXACT.add(local.instant(), EXACT.multiply(Decimal(sign), duration.seconds))
    whole = math.floor(seconds)
    number, rest = divmod(whole, 86400)
    hour, rest = divmod(rest, 3600)
    minute, second = divmod(rest, 60)
    fraction = EXACT.add(Decimal(second), EXACT.subtract(seconds, Decimal(whole)))
    year, month, day = (1970, 1, 1) if moment.kind == "time" else civil(number)
    if moment.kind == "date":
        hour, minute, fraction = 0, 0, Decimal(0)
    return Temporal(moment.kind, year, month, day, hour, minute, fraction, moment.offset, moment.zone)
