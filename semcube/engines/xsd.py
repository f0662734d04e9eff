# SPDX-License-Identifier: Apache-2.0
"""Lexical forms of XML Schema datatypes -> exact Python values: the one rule of what is a valid literal.

Comes in: a lexical form as loaded (no white space is trimmed, RDF 1.1 Concepts section 5). Goes out: ``int``,
``Decimal``, ``float``, ``bool`` or :class:`Temporal`, None where the form is not in the lexical space
(XML Schema 1.1 part 2). Integers and decimals of more than ``MAX_DIGITS`` characters are beyond what semcube computes
with and count as invalid.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, Inexact
from typing import Literal

from semcube.vocab import XSD, XSD_DATE, XSD_DATETIME, XSD_DECIMAL, XSD_DOUBLE, XSD_FLOAT, XSD_INTEGER, XSD_TIME

__all__ = [
    "DECIMAL_PATTERN",
    "DOUBLE_PATTERN",
    "EXACT",
    "INTEGER_BOUNDS",
    "INTEGER_PATTERN",
    "MAX_DIGITS",
    "NUMERIC",
    "TEMPORAL",
    "UNKNOWN_TIME",
    "Temporal",
    "boolean",
    "civil",
    "days",
    "decimal",
    "double",
    "integer",
    "temporal",
    "time_kind",
    "zone_offset",
]

MAX_DIGITS = 1000
"""The longest integer or decimal, in characters, that is computed with."""

EXACT = Context(prec=4 * MAX_DIGITS, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact])
"""Decimal sums and products without rounding."""

INTEGER_BOUNDS: dict[str, tuple[int | None, int | None]] = {
    XSD_INTEGER: (None, None),
    XSD + "nonPositiveInteger": (None, 0),
    XSD + "negativeInteger": (None, -1),
    XSD + "long": (-(2**63), 2**63 - 1),
    XSD + "int": (-(2**31), 2**31 - 1),
    XSD + "short": (-(2**15), 2**15 - 1),
    XSD + "byte": (-(2**7), 2**7 - 1),
    XSD + "nonNegativeInteger": (0, None),
    XSD + "unsignedLong": (0, 2**64 - 1),
    XSD + "unsignedInt": (0, 2**32 - 1),
    XSD + "unsignedShort": (0, 2**16 - 1),
    XSD + "unsignedByte": (0, 2**8 - 1),
    XSD + "positiveInteger": (1, None),
}
"""``xsd:integer`` and the types derived from it, with their smallest and largest values."""

NUMERIC = frozenset(INTEGER_BOUNDS) | {XSD_DECIMAL, XSD_FLOAT, XSD_DOUBLE}
TEMPORAL = (XSD_DATETIME, XSD_DATE, XSD_TIME)
UNKNOWN_TIME = 1 << 6
"""The bit of dates and times of which the microseconds are not known (:func:`time_kind`)."""

INTEGER_PATTERN = "[+-]?[0-9]+"
DECIMAL_PATTERN = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
DOUBLE_PATTERN = DECIMAL_PATTERN + "(?:[eE][+-]?[0-9]+)?|[+-]?INF|NaN"

_INTEGER = re.compile(INTEGER_PATTERN)
_DECIMAL = re.compile(DECIMAL_PATTERN)
_DOUBLE = re.compile(DOUBLE_PATTERN)
_DATE = "(?P<year>-?(?:[1-9][0-9]{3,17}|0[0-9]{3}))-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12][0-9]|3[01])"
_TIME = (
    r"(?:(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9]):(?P<second>[0-5][0-9](?:\.[0-9]{1,900})?)"
    r"|(?P<midnight>24:00:00(?:\.0{1,900})?))"
)
_ZONE = "(?P<zone>Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))?"
_TEMPORAL = {
    XSD_DATETIME: re.compile(_DATE + "T" + _TIME + _ZONE),
    XSD_DATE: re.compile(_DATE + _ZONE),
    XSD_TIME: re.compile(_TIME + _ZONE),
}


@dataclass(frozen=True, slots=True)
class Temporal:
    """A value of ``xsd:dateTime``, ``xsd:date`` or ``xsd:time`` as its local fields (a time is on 1970-01-01).

    ``offset`` is the time zone in minutes, None without one; ``zone`` its text as written.
    """

    kind: Literal["dateTime", "date", "time"]
    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: Decimal
    offset: int | None
    zone: str = field(default="", compare=False)

    def instant(self, implicit: int = 0) -> Decimal:
        """Seconds since 1970-01-01T00:00:00Z, exact; ``implicit`` minutes is the zone of a value that has none."""
        offset = implicit if self.offset is None else self.offset
        whole = days(self.year, self.month, self.day) * 86400 + self.hour * 3600 + (self.minute - offset) * 60
        return EXACT.add(Decimal(whole), self.second)


def time_kind(datatype: str, zoned: bool, known: bool) -> int:
    """A bit for each kind of dates and times that compare among themselves as their microseconds do.

    Args:
        datatype: ``xsd:dateTime``, ``xsd:date`` or ``xsd:time``.
        zoned: Whether there is a time zone.
        known: Whether the microseconds are known; those for which they are not have a bit of their own.

    Example:
        >>> time_kind(XSD_DATETIME, True, True), time_kind(XSD_TIME, True, False)
        (1, 64)
    """
    return 1 << (TEMPORAL.index(datatype) * 2 + (not zoned)) if known else UNKNOWN_TIME


def days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of a date of the proleptic Gregorian calendar with a year 0 (XML Schema 1.1).

    Example:
        >>> days(2000, 3, 1)
        11017
    """
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def civil(day_number: int) -> tuple[int, int, int]:
    """Year, month, day of a number of days since 1970-01-01.

    Example:
        >>> civil(11017)
        (2000, 3, 1)
    """
    era, of_era = divmod(day_number + 719468, 146097)
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + (3 if shifted < 10 else -9)
    return year + era * 400 + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1


def integer(lexical: str, datatype: str = XSD_INTEGER) -> int | None:
    """The value of an integer literal, None if it is malformed or out of its datatype's range.

    Example:
        >>> integer("+007"), integer("128", XSD + "byte")
        (7, None)
    """
    if len(lexical) > MAX_DIGITS or _INTEGER.fullmatch(lexical) is None:
        return None
    value = int(lexical)
    low, high = INTEGER_BOUNDS[datatype]
    return None if (low is not None and value < low) or (high is not None and value > high) else value


def decimal(lexical: str) -> Decimal | None:
    """The exact value of an ``xsd:decimal``.

    Example:
        >>> decimal(".50")
        Decimal('0.50')
    """
    valid = len(lexical) <= MAX_DIGITS and _DECIMAL.fullmatch(lexical) is not None
    return Decimal(lexical) if valid else None


def double(lexical: str) -> float | None:
    """The value of an ``xsd:double`` (an ``xsd:float`` is rounded further by the caller).

    Example:
        >>> double("1E3"), double("-INF"), double("inf")
        (1000.0, -inf, None)
    """
    return float(lexical) if _DOUBLE.fullmatch(lexical) is not None else None


def boolean(lexical: str) -> bool | None:
    """The value of an ``xsd:boolean``: ``true``, ``1``, ``false`` or ``0``."""
    return {"true": True, "1": True, "false": False, "0": False}.get(lexical)


def temporal(lexical: str, datatype: str) -> Temporal | None:
    """The value of a date, a time or both.

    Example:
        >>> temporal("2024-02-28T24:00:00Z", XSD_DATETIME).day
        29
        >>> temporal("2023-02-29", XSD_DATE) is None
        True
    """
    match = _TEMPORAL[datatype].fullmatch(lexical)
    if match is None:
        return None
    part = match.groupdict()
    year, month, day = int(part.get("year") or 1970), int(part.get("month") or 1), int(part.get("day") or 1)
    if day > 28 and civil(days(year, month, day))[1] != month:
        return None
    if part.get("midnight") and datatype == XSD_DATETIME:
        year, month, day = civil(days(year, month, day) + 1)
    zone = part["zone"] or ""
    return Temporal(
        kind=datatype[len(XSD) :],  # type: ignore[arg-type]
        year=year,
        month=month,
        day=day,
        hour=int(part.get("hour") or 0),
        minute=int(part.get("minute") or 0),
        second=Decimal(part.get("second") or 0),
        offset=zone_offset(zone),
        zone=zone,
    )


def zone_offset(zone: str) -> int | None:
    """Minutes of a time zone's text."""
    if not zone:
        return None
    if zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return -minutes if zone[0] == "-" else minutes
