# SPDX-License-Identifier: Apache-2.0
"""Constructor functions of XML Schema datatypes (SPARQL 1.1 section 17.5; F&O section 17.1).

Beyond the table of the standard: the types derived from ``xsd:integer``, ``xsd:date``, ``xsd:time`` and the two ordered
durations can be cast to, and every literal, ill-typed or not, has an ``xsd:string``: its value in canonical form where
it has a value, its lexical form where it has none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from semcube.engines import xsd
from semcube.engines.xsd import Temporal
from semcube.io.terms import IRI, BlankNode, Literal
from semcube.sparql.functions.table import row
from semcube.sparql.values import (
    XSD_DAY_TIME,
    XSD_YEAR_MONTH,
    Duration,
    ExpressionError,
    Object,
    Single,
    as_decimal,
    as_double,
    is_number,
    text,
    value,
)
from semcube.vocab import (
    XSD,
    XSD_BOOLEAN,
    XSD_DATE,
    XSD_DATETIME,
    XSD_DECIMAL,
    XSD_DOUBLE,
    XSD_FLOAT,
    XSD_INTEGER,
    XSD_STRING,
    XSD_TIME,
)

_WHITE = " \t\n\r"


def _source(some: Object) -> Any:
    """The value to cast; texts without white space around them."""
    found = value(some)
    if isinstance(found, str):
        return found.strip(_WHITE)
    if isinstance(found, IRI | BlankNode | Literal):
        raise ExpressionError("nothing that can be cast")
    return found


def _parsed(lexical: str, datatype: str) -> Any:
    """The value of a text in a datatype."""
    found = value(Literal(lexical, datatype))
    if isinstance(found, Literal):
        raise ExpressionError(f"no {datatype}")
    return found


def _to_string(some: Object) -> Object:
    return text(value(some))


def _to_boolean(some: Object) -> Object:
    found = _source(some)
    if isinstance(found, str):
        return bool(_parsed(found, XSD_BOOLEAN))
    if isinstance(found, bool):
        return found
    if is_number(found):
        return bool(found) and found == found  # noqa: PLR0124 - NaN is false
    raise ExpressionError("no boolean")


def _number(some: Object, datatype: str) -> Any:
    """A text read in the datatype; booleans as 1 and 0."""
    found = _source(some)
    if isinstance(found, str):
        return _parsed(found, datatype)
    if isinstance(found, bool):
        return int(found)
    if is_number(found):
        return found
    raise ExpressionError("no number")


def _to_integer(some: Object) -> int:
    number = _number(some, XSD_INTEGER)
    if isinstance(number, float) and not math.isfinite(number):
        raise ExpressionError("no integer is infinite or NaN")
    return int(number)


def _to_derived(datatype: str) -> Callable[[Object], Object]:
    """The cast to a type derived from ``xsd:integer``."""

    def cast(some: Object) -> Object:
        lexical = str(_to_integer(some))
        _parsed(lexical, datatype)
        return Literal(lexical, datatype)

    return cast


def _to_decimal(some: Object) -> Object:
    return as_decimal(_number(some, XSD_DECIMAL))


def _to_float(some: Object) -> Object:
    return Single(as_double(_number(some, XSD_FLOAT)))


def _to_double(some: Object) -> Object:
    return as_double(_number(some, XSD_DOUBLE))


def _to_temporal(kind: str) -> Callable[[Object], Object]:
    """The cast to ``dateTime``, ``date`` or ``time``."""
    keeps = {"dateTime": ("dateTime", "date"), "date": ("dateTime", "date"), "time": ("dateTime", "time")}[kind]

    def cast(some: Object) -> Object:
        found = _source(some)
        if isinstance(found, str):
            return _parsed(found, XSD + kind)  # type: ignore[no-any-return]
        if not isinstance(found, Temporal) or found.kind not in keeps:
            raise ExpressionError(f"no xsd:{kind}")
        if kind == "date":
            return replace(found, kind="date", hour=0, minute=0, second=Decimal(0))
        return (
            replace(found, kind="time", year=1970, month=1, day=1)
            if kind == "time"
            else replace(found, kind="dateTime")
        )

    return cast


def _to_duration(datatype: str) -> Callable[[Object], Object]:
    """The cast to a duration of months or of seconds."""

    def cast(some: Object) -> Object:
        found = _source(some)
        if isinstance(found, str):
            return _parsed(found, datatype)  # type: ignore[no-any-return]
        if not isinstance(found, Duration):
            raise ExpressionError("no duration")
        if datatype == XSD_DAY_TIME:
            return Duration(0, found.seconds, datatype)
        return Duration(found.months, Decimal(0), datatype)

    return cast


_CASTS: dict[str, tuple[Callable[[Object], Object], str]] = {
    XSD_STRING: (_to_string, "The value as text; the text of an IRI."),
    XSD_BOOLEAN: (_to_boolean, "The value as a boolean; numbers but 0 and NaN are true."),
    XSD_INTEGER: (_to_integer, "The value as an integer; fractions are cut."),
    XSD_DECIMAL: (_to_decimal, "The value as a decimal."),
    XSD_FLOAT: (_to_float, "The value in single precision."),
    XSD_DOUBLE: (_to_double, "The value in double precision."),
    XSD_DATETIME: (_to_temporal("dateTime"), "The value as date and time; a date is its midnight."),
    XSD_DATE: (_to_temporal("date"), "The date of a date and time."),
    XSD_TIME: (_to_temporal("time"), "The time of a date and time."),
    XSD_DAY_TIME: (_to_duration(XSD_DAY_TIME), "The days and seconds of a duration."),
    XSD_YEAR_MONTH: (_to_duration(XSD_YEAR_MONTH), "The months of a duration."),
} | {
    name: (_to_derived(name), "The value as an integer of this range; fractions are cut.")
    for name in xsd.INTEGER_BOUNDS
    if name != XSD_INTEGER
}

for _iri, (_kernel, _doc) in _CASTS.items():
    _name = "xsd:" + _iri.removeprefix(XSD)
    row(_name, ("term",), _name, kernel=_kernel, doc=_doc, clause="SPARQL 1.1, 17.5")
