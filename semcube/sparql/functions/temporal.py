# SPDX-License-Identifier: Apache-2.0
"""Functions on dates and times (SPARQL 1.1 section 17.4.5).

The standard has them for ``xsd:dateTime``; the parts that an ``xsd:date`` or ``xsd:time`` has are given for it too.
"""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal

from semcube.engines.xsd import Temporal
from semcube.sparql.functions.table import Calling, function
from semcube.sparql.values import XSD_DAY_TIME, Duration, ExpressionError, Object

_CLAUSE = "SPARQL 1.1, 17.4.5"


def _has(moment: Temporal, other: str) -> None:
    """Raise if the part is not one of the value's kind."""
    if moment.kind == other:
        raise ExpressionError(f"not a part of an xsd:{other}")


@function("NOW", (), "date or time", clause=_CLAUSE + ".1", calling=True)
def now(calling: Calling) -> Object:
    """The moment at which the query started, the same in the whole query."""
    moment = calling.context.now.astimezone(UTC)
    second = Decimal(moment.second) + Decimal(moment.microsecond) / 1_000_000
    return Temporal("dateTime", moment.year, moment.month, moment.day, moment.hour, moment.minute, second, 0, "Z")


@function("YEAR", ("date or time",), "integer", clause=_CLAUSE + ".2")
def year(moment: Temporal) -> Object:
    """The year."""
    _has(moment, "time")
    return moment.year


@function("MONTH", ("date or time",), "integer", clause=_CLAUSE + ".3")
def month(moment: Temporal) -> Object:
    """The month, 1 to 12."""
    _has(moment, "time")
    return moment.month


@function("DAY", ("date or time",), "integer", clause=_CLAUSE + ".4")
def day(moment: Temporal) -> Object:
    """The day of the month."""
    _has(moment, "time")
    return moment.day


@function("HOURS", ("date or time",), "integer", clause=_CLAUSE + ".5")
def hours(moment: Temporal) -> Object:
    """The hour, 0 to 23."""
    _has(moment, "date")
    return moment.hour


@function("MINUTES", ("date or time",), "integer", clause=_CLAUSE + ".6")
def minutes(moment: Temporal) -> Object:
    """The minute."""
    _has(moment, "date")
    return moment.minute


@function("SECONDS", ("date or time",), "decimal", clause=_CLAUSE + ".7")
def seconds(moment: Temporal) -> Object:
    """The seconds with their fraction."""
    _has(moment, "date")
    return moment.second


@function("TIMEZONE", ("date or time",), "xsd:dayTimeDuration", clause=_CLAUSE + ".8")
def timezone(moment: Temporal) -> Object:
    """The time zone as a duration; an error without one."""
    if moment.offset is None:
        raise ExpressionError("no time zone")
    return Duration(0, Decimal(moment.offset * 60), XSD_DAY_TIME)


@function("TZ", ("date or time",), "simple literal", clause=_CLAUSE + ".9")
def tz(moment: Temporal) -> Object:
    """The time zone as it is written; empty without one."""
    return moment.zone
