# SPDX-License-Identifier: Apache-2.0
"""Truth, equality and order of objects (SPARQL 1.1 sections 17.2.2 and 17.3); errors are :class:`ExpressionError`.

Deliberate readings of the text: literals of different known datatypes are not equal (``1 = "a"`` is false), only those
that may denote the same value are an error; a value with a time zone and one without compare only where the missing
zone cannot matter.
"""

from __future__ import annotations

from decimal import Decimal

from semcube.engines import xsd
from semcube.engines.xsd import Temporal
from semcube.io.terms import Literal
from semcube.sparql.values import (
    XSD_DURATION,
    Duration,
    ExpressionError,
    Object,
    compare_numbers,
    is_number,
    to_term,
    value,
)
from semcube.vocab import XSD_BOOLEAN

__all__ = ["compare", "effective", "equal"]


def effective(some: Object) -> bool:
    """The effective boolean value (section 17.2.2).

    Example:
        >>> from semcube.vocab import XSD_INTEGER
        >>> effective("x"), effective(0), effective(Literal("abc", XSD_INTEGER))
        (True, False, False)

    Raises:
        ExpressionError: The object has none.
    """
    some = value(some)
    if isinstance(some, bool):
        return some
    if isinstance(some, str):
        return some != ""
    if isinstance(some, int | Decimal | float):
        return bool(some) and some == some  # noqa: PLR0124 - NaN is false
    if isinstance(some, Literal):
        if some.language is not None:
            return some.lexical != ""
        if some.datatype == XSD_BOOLEAN or some.datatype in xsd.NUMERIC:
            return False
    raise ExpressionError("no effective boolean value")


def equal(left: Object, right: Object) -> bool:
    """``left = right``: by value where both have one that is known, else RDFterm-equal (section 17.4.1.7).

    Example:
        >>> from semcube.vocab import XSD_DECIMAL, XSD_INTEGER
        >>> equal(Literal("1", XSD_INTEGER), Literal("1.0", XSD_DECIMAL)), equal(1, "1")
        (True, False)

    Raises:
        ExpressionError: Different literals of which one has an unknown datatype or is ill-typed, so that they may
            denote the same value; dates and times of which only one has a time zone, at most 14 hours apart.
    """
    a, b = value(left), value(right)
    if is_number(a) and is_number(b):
        return compare_numbers(a, b) == 0  # type: ignore[arg-type]
    if isinstance(a, Temporal) and isinstance(b, Temporal):
        return a.kind == b.kind and _compare_temporals(a, b) == 0
    if isinstance(a, Duration) and isinstance(b, Duration):
        return a.months == b.months and a.seconds == b.seconds
    if isinstance(a, bool | str) and type(a) is type(b):
        return a == b
    one, other = to_term(left), to_term(right)
    if one == other:
        return True
    if _is_unknown(a) or _is_unknown(b):
        if isinstance(one, Literal) and isinstance(other, Literal):
            raise ExpressionError("literals that may be equal")
        return False
    return False


def _is_unknown(some: Object) -> bool:
    """Whether an object is a literal whose value is not known."""
    return isinstance(some, Literal) and some.language is None


def compare(left: Object, right: Object) -> int | None:
    """-1, 0 or 1 as ``left`` is less than, equal to or greater than ``right``; None where NaN is neither.

    Raises:
        ExpressionError: The operands have no order (section 17.3).
    """
    a, b = value(left), value(right)
    if is_number(a) and is_number(b):
        return compare_numbers(a, b)  # type: ignore[arg-type]
    if isinstance(a, str | bool) and type(a) is type(b):
        return (a > b) - (a < b)  # type: ignore[operator]
    if isinstance(a, Temporal) and isinstance(b, Temporal) and a.kind == b.kind:
        return _compare_temporals(a, b)
    if isinstance(a, Duration) and isinstance(b, Duration) and a.datatype == b.datatype != XSD_DURATION:
        one, other = (a.months, a.seconds), (b.months, b.seconds)
        return (one > other) - (one < other)
    raise ExpressionError("operands without an order")


def _compare_temporals(left: Temporal, right: Temporal) -> int:
    """The order of XML Schema 1.0 part 2 section 3.2.7.4: a missing zone may be any from -14:00 to +14:00."""
    if (left.offset is None) == (right.offset is None):
        one, other = left.instant(), right.instant()
        return (one > other) - (one < other)
    if left.offset is None:
        return -_compare_temporals(right, left)
    instant = left.instant()
    if instant < right.instant(implicit=840):
        return -1
    if instant > right.instant(implicit=-840):
        return 1
    raise ExpressionError("only one has a time zone, and the order depends on it")
