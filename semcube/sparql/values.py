# SPDX-License-Identifier: Apache-2.0
"""Typed values of literals: what operators and functions compute with.

Comes in: a term. Goes out: a value, and from a computed value a literal again.

======================== =============================================================
literal                  value
======================== =============================================================
integer and derived      ``int``
``xsd:decimal``          ``Decimal``, exact
``xsd:float``            :class:`Single`
``xsd:double``           ``float``
``xsd:boolean``          ``bool``
``xsd:string``           ``str``
date, time, dateTime     :class:`~semcube.engines.xsd.Temporal`
durations                :class:`Duration`
everything else          the term itself (IRIs, blank nodes, language-tagged, unknown and ill-typed literals)
======================== =============================================================

Numbers follow XPath and XQuery Functions and Operators section 6: an operation is done in the wider type of its
operands (integer < decimal < float < double); integers and decimals of more than 1,000 digits overflow.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache

from semcube.engines import xsd
from semcube.engines.xsd import EXACT, MAX_DIGITS, Temporal
from semcube.io.terms import IRI, BlankNode, Literal, Term
from semcube.vocab import (
    XSD,
    XSD_BOOLEAN,
    XSD_DECIMAL,
    XSD_DOUBLE,
    XSD_FLOAT,
    XSD_INTEGER,
    XSD_STRING,
)

__all__ = [
    "Duration",
    "ExpressionError",
    "Number",
    "Object",
    "Single",
    "Value",
    "add",
    "as_decimal",
    "as_double",
    "compare_numbers",
    "divide",
    "is_number",
    "literal",
    "multiply",
    "negate",
    "subtract",
    "text",
    "to_term",
    "value",
    "with_zone",
]

XSD_DURATION, XSD_DAY_TIME, XSD_YEAR_MONTH = XSD + "duration", XSD + "dayTimeDuration", XSD + "yearMonthDuration"
_MAX = Decimal(10) ** MAX_DIGITS
_FRACTION_DIGITS, _SIGNIFICANT_DIGITS = 18, 16
_ROUNDED = Context(prec=MAX_DIGITS, Emax=EXACT.Emax, Emin=EXACT.Emin)


_CACHED_LENGTH = 64
_TYPED = {*xsd.NUMERIC, *xsd.TEMPORAL, XSD_BOOLEAN, XSD_DURATION, XSD_DAY_TIME, XSD_YEAR_MONTH}
"""Datatypes whose literals have a value of their own, beside ``xsd:string``."""


class ExpressionError(Exception):
    """An error of expression evaluation (section 17.3): a value of evaluation, never shown as a failure."""


class Single(float):
    """An ``xsd:float``: rounded to single precision when it is made.

    Example:
        >>> Single(0.1) == 0.1
        False
    """

    def __new__(cls, number: float) -> Single:
        """Round to the nearest single; beyond the largest is infinite."""
        try:
            return float.__new__(cls, struct.unpack("f", struct.pack("f", number))[0])
        except OverflowError:
            return float.__new__(cls, math.copysign(math.inf, number))


@dataclass(frozen=True, slots=True)
class Duration:
    """A duration: whole months and exact seconds of one sign; ``datatype`` is its literal's."""

    months: int
    seconds: Decimal
    datatype: str = XSD_DURATION


Number = int | Decimal | Single | float
Value = Number | bool | str | Temporal | Duration
Object = Value | Term
"""What an expression gives: a computed value, or a term with its lexical form as it was."""


# --- literal -> value ----------------------------------------------------------------------------------------------

_DURATION = re.compile(
    r"(-)?P(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)D)?(T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:\.[0-9]+)?)S)?)?"
)


def value(term: Object) -> Object:
    """The typed value of a term; the term itself where it has none.

    Example:
        >>> value(Literal("01", XSD_INTEGER)), value(Literal("x", XSD_INTEGER)) == Literal("x", XSD_INTEGER)
        (1, True)
    """
    if not isinstance(term, Literal):
        return term
    if term.datatype == XSD_STRING:
        return term.lexical
    if term.datatype not in _TYPED:
        return term
    return _value(term) if len(term.lexical) <= _CACHED_LENGTH else _value.__wrapped__(term)


@lru_cache(maxsize=65536)
def _value(term: Literal) -> Object:
    datatype, lexical = term.datatype, term.lexical
    found: Value | None = None
    if datatype in xsd.INTEGER_BOUNDS:
        found = xsd.integer(lexical, datatype)
    elif datatype == XSD_DECIMAL:
        found = xsd.decimal(lexical)
    elif datatype == XSD_DOUBLE:
        found = xsd.double(lexical)
    elif datatype == XSD_FLOAT:
        number = xsd.double(lexical)
        found = None if number is None else Single(number)
    elif datatype == XSD_BOOLEAN:
        found = xsd.boolean(lexical)
    elif datatype in xsd.TEMPORAL:
        found = xsd.temporal(lexical, datatype)
    elif datatype in (XSD_DURATION, XSD_DAY_TIME, XSD_YEAR_MONTH):
        found = _duration(lexical, datatype)
    return term if found is None else found


def _duration(lexical: str, datatype: str) -> Duration | None:
    """The value of a duration literal."""
    match = _DURATION.fullmatch(lexical)
    if match is None or len(lexical) > MAX_DIGITS:
        return None
    sign, years, months, day, time, hour, minute, second = match.groups()
    if time == "T" or all(part is None for part in (years, months, day, time)):
        return None
    if (datatype == XSD_DAY_TIME and (years or months)) or (datatype == XSD_YEAR_MONTH and (day or time)):
        return None
    whole = int(years or 0) * 12 + int(months or 0)
    seconds = EXACT.add(
        Decimal(int(day or 0) * 86400 + int(hour or 0) * 3600 + int(minute or 0) * 60), Decimal(second or 0)
    )
    return Duration(-whole if sign else whole, -seconds if sign and seconds else seconds, datatype)


# --- value -> literal ----------------------------------------------------------------------------------------------


def literal(some: Value) -> Literal:
    """The literal of a computed value, in the canonical form of XML Schema 1.0.

    Example:
        >>> literal(Decimal("2")).lexical, literal(1500.0).lexical, literal(True).lexical
        ('2.0', '1.5E3', 'true')
    """
    if isinstance(some, bool):
        return Literal("true" if some else "false", XSD_BOOLEAN)
    if isinstance(some, int):
        return Literal(_integer_text(some), XSD_INTEGER)
    if isinstance(some, str):
        return Literal(some)
    if isinstance(some, Decimal):
        lexical = _decimal_text(some)
        return Literal(lexical if "." in lexical else lexical + ".0", XSD_DECIMAL)
    if isinstance(some, float):
        return Literal(_scientific(some), XSD_FLOAT if isinstance(some, Single) else XSD_DOUBLE)
    if isinstance(some, Temporal):
        return Literal(_temporal_text(some), XSD + some.kind)
    return Literal(_duration_text(some), some.datatype)


def to_term(some: Object) -> Term:
    """The term of an object: itself, or the literal of a value."""
    return some if isinstance(some, IRI | BlankNode | Literal) else literal(some)


def text(some: Object) -> str:
    """The value as a string: XPath's cast to ``xs:string`` (F&O section 17.1.2).

    Example:
        >>> text(Decimal("2.0")), text(1e7), text(0.5)
        ('2', '1.0E7', '0.5')

    Raises:
        ExpressionError: A blank node has none.
    """
    if isinstance(some, str):
        return some
    if isinstance(some, IRI):
        return some.value
    if isinstance(some, Literal):
        return some.lexical
    if isinstance(some, BlankNode):
        raise ExpressionError("a blank node has no text")
    if isinstance(some, Decimal):
        return _decimal_text(some)
    if isinstance(some, float) and (some == 0 or 1e-6 <= abs(some) < 1e6):
        if some == 0:
            return "-0" if math.copysign(1, some) < 0 else "0"
        return _decimal_text(Decimal(_shortest(some)))
    return literal(some).lexical


def _integer_text(number: int) -> str:
    if abs(number) >= _MAX:
        raise ExpressionError("an integer of more than 1,000 digits")
    return str(number)


def _decimal_text(number: Decimal) -> str:
    """Plain digits without an exponent and without zeros that say nothing."""
    if number.copy_abs() >= _MAX:
        raise ExpressionError("a decimal of more than 1,000 digits")
    plain = f"{_ROUNDED.plus(number):f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("-0", "") else plain


def _shortest(number: float) -> str:
    """The shortest digits that read back as the same float or double."""
    if isinstance(number, Single):
        import numpy as np

        return str(np.format_float_scientific(np.float32(number), unique=True, trim="0"))
    return repr(float(number))


def _scientific(number: float) -> str:
    """The canonical form of a double: one digit before the point, an exponent always."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "INF" if number > 0 else "-INF"
    if number == 0:
        return "-0.0E0" if math.copysign(1, number) < 0 else "0.0E0"
    sign, digits, exponent = Decimal(_shortest(number)).normalize().as_tuple()
    assert isinstance(exponent, int)
    places = "".join(map(str, digits))
    return f"{'-' if sign else ''}{places[0]}.{places[1:] or '0'}E{exponent + len(digits) - 1}"


def _zone_text(offset: int | None) -> str:
    if offset is None:
        return ""
    hours, minutes = divmod(abs(offset), 60)
    return "Z" if offset == 0 else f"{'-' if offset < 0 else '+'}{hours:02d}:{minutes:02d}"


def _temporal_text(some: Temporal) -> str:
    date = f"{'-' if some.year < 0 else ''}{abs(some.year):04d}-{some.month:02d}-{some.day:02d}"
    whole, _, fraction = _decimal_text(some.second).partition(".")
    time = f"{some.hour:02d}:{some.minute:02d}:{int(whole):02d}{'.' + fraction if fraction else ''}"
    zone = _zone_text(some.offset)
    return {"date": date + zone, "time": time + zone}.get(some.kind, f"{date}T{time}{zone}")


def _duration_text(some: Duration) -> str:
    """The canonical form: years, months, days, hours, minutes, seconds without zero parts."""
    months, seconds = abs(some.months), some.seconds.copy_abs()
    sign = "-" if some.months < 0 or some.seconds < 0 else ""
    years, months = divmod(months, 12)
    whole = int(seconds)
    rest = _decimal_text(EXACT.subtract(seconds, Decimal(whole)))
    day, whole = divmod(whole, 86400)
    hour, whole = divmod(whole, 3600)
    minute, second = divmod(whole, 60)
    date = "".join(f"{n}{unit}" for n, unit in ((years, "Y"), (months, "M"), (day, "D")) if n)
    time = "".join(f"{n}{unit}" for n, unit in ((hour, "H"), (minute, "M")) if n)
    if second or rest != "0":
        time += f"{second}{rest[1:]}S" if rest != "0" else f"{second}S"
    if not date and not time:
        return "P0M" if some.datatype == XSD_YEAR_MONTH else "PT0S"
    return f"{sign}P{date}{'T' + time if time else ''}"


def with_zone(some: Temporal, offset: int | None) -> Temporal:
    """The same local fields in another time zone."""
    return replace(some, offset=offset, zone=_zone_text(offset))


# --- numbers -------------------------------------------------------------------------------------------------------


def is_number(some: object) -> bool:
    """Whether a value is numeric (booleans are not)."""
    return isinstance(some, int | Decimal | float) and not isinstance(some, bool)


def _rank(number: Number) -> int:
    if isinstance(number, float):
        return 2 if isinstance(number, Single) else 3
    return 1 if isinstance(number, Decimal) else 0


def as_double(number: Number) -> float:
    """The nearest double; beyond the largest is infinite.

    Example:
        >>> as_double(10**400)
        inf
    """
    if isinstance(number, float):
        return float(number)
    return float(Decimal(number))


def as_decimal(number: Number) -> Decimal:
    """The exact decimal value.

    Raises:
        ExpressionError: NaN and infinities have none.
    """
    if isinstance(number, float):
        if not math.isfinite(number):
            raise ExpressionError("no decimal is infinite or NaN")
        return Decimal(_shortest(number))
    return Decimal(number)


def _promote(left: Number, right: Number) -> tuple[Number, Number]:
    """Both numbers in the wider of their types."""
    rank = max(_rank(left), _rank(right))
    if rank == 3:
        return as_double(left), as_double(right)
    if rank == 2:
        return Single(as_double(left)), Single(as_double(right))
    return (Decimal(left), Decimal(right)) if rank == 1 else (left, right)


def _fit(number: Number) -> Number:
    """A result as it may be kept: not too long, singles rounded."""
    if isinstance(number, Decimal):
        if number.copy_abs() >= _MAX:
            raise ExpressionError("a result of more than 1,000 digits")
        return _ROUNDED.plus(number)
    if isinstance(number, int) and abs(number) >= _MAX:
        raise ExpressionError("a result of more than 1,000 digits")
    return number


def add(left: Number, right: Number) -> Number:
    """``left + right`` (op:numeric-add)."""
    a, b = _promote(left, right)
    if isinstance(a, Decimal) and isinstance(b, Decimal):
        return _fit(EXACT.add(a, b))
    return Single(a + b) if isinstance(a, Single) else _fit(a + b)  # type: ignore[operator]


def subtract(left: Number, right: Number) -> Number:
    """``left - right`` (op:numeric-subtract)."""
    a, b = _promote(left, right)  # first, since only doubles and singles have a negative zero
    return add(a, negate(b))


def multiply(left: Number, right: Number) -> Number:
    """``left * right`` (op:numeric-multiply)."""
    a, b = _promote(left, right)
    if isinstance(a, Decimal) and isinstance(b, Decimal):
        return _fit(EXACT.multiply(a, b))
    return Single(a * b) if isinstance(a, Single) else _fit(a * b)  # type: ignore[operator]


def divide(left: Number, right: Number) -> Number:
    """``left / right`` (op:numeric-divide): integers give a decimal, cut after 18 places (later if it is small).

    Example:
        >>> divide(2, 3), divide(1, 4), divide(1.0, 0)
        (Decimal('0.666666666666666666'), Decimal('0.25'), inf)

    Raises:
        ExpressionError: A division of integers or decimals by zero.
    """
    a, b = _promote(left, right)
    if isinstance(a, float) and isinstance(b, float):
        if b == 0:
            sign = math.copysign(1, a) * math.copysign(1, b)
            quotient = math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, sign)
        else:
            quotient = float(a) / float(b)
        return Single(quotient) if isinstance(a, Single) else quotient
    if b == 0:
        raise ExpressionError("division by zero")
    exact = Fraction(a) / Fraction(b)
    shift = _FRACTION_DIGITS
    while exact and abs(exact) * 10 ** (shift - _SIGNIFICANT_DIGITS) < 1 and shift < MAX_DIGITS:
        shift += 1
    scaled = abs(exact.numerator) * 10**shift // exact.denominator
    number = Decimal(scaled if exact >= 0 else -scaled).scaleb(-shift, EXACT)
    return _fit(number.normalize(_ROUNDED) if number else Decimal(0))


def negate(number: Number) -> Number:
    """``-number`` (op:numeric-unary-minus)."""
    if isinstance(number, Single):
        return Single(-float(number))
    return EXACT.minus(number) if isinstance(number, Decimal) else -number


def compare_numbers(left: Number, right: Number) -> int | None:
    """-1, 0 or 1 as ``left`` is less than, equal to or greater than ``right``; None where one is NaN."""
    a, b = _promote(left, right)
    if a == b:
        return 0
    if a < b:
        return -1
    return 1 if a > b else None
