# SPDX-License-Identifier: Apache-2.0
"""The natural mapping of Arrow types to RDF literals, as SQL expressions over one column.

R2RML section 10.2: integers -> ``xsd:integer``, binary floats -> ``xsd:double`` in canonical form (``2.54E2``),
booleans -> ``true``/``false``, dates and times with ``T``, binary -> hexadecimal. A datatype given in the mapping keeps
the value and takes the lexical form that this datatype asks for; a value that has none is *bad*: reported, not written.
32-bit floats become ``xsd:float``, so that ``0.1`` does not become ``0.10000000149011612``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import pyarrow as pa

from semcube.vocab import (
    RDF,
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

__all__ = ["KIND", "LEXICAL_SPACES", "Kind", "Lexical", "is_plain_number", "kind_of", "lexical", "natural_datatype"]


class Kind(Enum):
    """Kinds of values that map alike."""

    NULL = "null"
    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    DOUBLE = "double"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    INSTANT = "instant"
    """a timestamp with a zone; its values are UTC"""
    TIME = "time"
    BINARY = "binary"
    NESTED = "nested"
    GEOMETRY = "geometry"


KIND = b"values.kind"
"""Key of a field's metadata: the kind of values that Arrow has no type of their own for, such as wide decimals."""

_DATATYPES = {
    Kind.INTEGER: XSD_INTEGER,
    Kind.FLOAT: XSD_FLOAT,
    Kind.DOUBLE: XSD_DOUBLE,
    Kind.DECIMAL: XSD_DECIMAL,
    Kind.BOOLEAN: XSD_BOOLEAN,
    Kind.DATE: XSD_DATE,
    Kind.TIMESTAMP: XSD_DATETIME,
    Kind.INSTANT: XSD_DATETIME,
    Kind.TIME: XSD_TIME,
    Kind.BINARY: XSD + "hexBinary",
    Kind.NESTED: RDF + "JSON",
}

INTEGERS = frozenset(
    XSD + name
    for signed in ("integer", "int", "long", "short", "byte")
    for name in (signed, "unsigned" + signed.capitalize())
    if name != "unsignedInteger"
) | {XSD + name for name in ("nonNegativeInteger", "positiveInteger", "nonPositiveInteger", "negativeInteger")}
"""``xsd:integer`` and the types derived from it."""

_ZONE = r"(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)?"
_DAY = r"-?([1-9][0-9]{3,}|0[0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_CLOCK = r"(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?|24:00:00(\.0+)?)"
_FLOATING = r"([+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?INF|NaN)"
LEXICAL_SPACES = {
    **dict.fromkeys(INTEGERS, r"[+-]?[0-9]+"),
    XSD_DECIMAL: r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)",
    XSD_DOUBLE: _FLOATING,
    XSD_FLOAT: _FLOATING,
    XSD_BOOLEAN: r"(true|false|1|0)",
    XSD_DATE: _DAY + _ZONE,
    XSD_DATETIME: _DAY + "T" + _CLOCK + _ZONE,
    XSD_TIME: _CLOCK + _ZONE,
    XSD + "gYear": r"-?([1-9][0-9]{3,}|0[0-9]{3})" + _ZONE,
    XSD + "hexBinary": r"([0-9a-fA-F]{2})*",
}
"""Datatype -> regular expression of its lexical space (XSD 1.1 part 2); text is checked against it."""


def kind_of(datatype: pa.DataType) -> Kind:
    """The kind of an Arrow type.

    Example:
        >>> kind_of(pa.int16()), kind_of(pa.timestamp("us", "UTC"))
        (<Kind.INTEGER: 'integer'>, <Kind.INSTANT: 'instant'>)
    """
    types = pa.types
    if types.is_dictionary(datatype):
        return kind_of(datatype.value_type)
    if types.is_timestamp(datatype):
        return Kind.TIMESTAMP if datatype.tz is None else Kind.INSTANT
    tests = (
        (types.is_null, Kind.NULL),
        (types.is_boolean, Kind.BOOLEAN),
        (types.is_integer, Kind.INTEGER),
        (types.is_float64, Kind.DOUBLE),
        (types.is_floating, Kind.FLOAT),
        (types.is_decimal, Kind.DECIMAL),
        (types.is_date, Kind.DATE),
        (types.is_time, Kind.TIME),
        (_is_text, Kind.STRING),
        (_is_bytes, Kind.BINARY),
    )
    return next((kind for test, kind in tests if test(datatype)), Kind.NESTED)


def natural_datatype(kind: Kind) -> str:
    """The datatype of a kind's natural literal; ``xsd:string`` for text."""
    return _DATATYPES.get(kind, XSD_STRING)


@dataclass(frozen=True, slots=True)
class Lexical:
    """How a column becomes text: an SQL expression that is null for a bad value."""

    sql: str
    can_fail: bool = False
    stages: tuple[tuple[tuple[str, str], ...], ...] = ()
    """Helper columns, innermost first; each stage may use those before it."""


def lexical(column: str, kind: Kind, datatype: str | None, *, is_plain: bool = False) -> Lexical:
    """The text of a column as a literal of a datatype (None: the natural one).

    Args:
        column: Its name in SQL.
        kind: Of its values.
        datatype: Of the literal.
        is_plain: All values are binary floats for which :func:`is_plain_number` is true.

    Example:
        >>> lexical("c0", Kind.BOOLEAN, None).sql
        'CAST(c0 AS VARCHAR)'
    """
    target = datatype or natural_datatype(kind)
    if is_plain and target == XSD_DECIMAL:
        return Lexical(f"CAST({column} AS VARCHAR)")
    if kind in (Kind.DOUBLE, Kind.FLOAT):
        return _floating(column, target)
    if kind is Kind.STRING and target in LEXICAL_SPACES:
        checked = f"CASE WHEN regexp_full_match({column}, '{LEXICAL_SPACES[target]}') THEN {column} END"
        return Lexical(checked, can_fail=True)
    if target in (XSD_DOUBLE, XSD_FLOAT) and kind in (Kind.INTEGER, Kind.DECIMAL):
        return _floating(f"CAST({column} AS DOUBLE)", target, name=column)
    if kind in (Kind.DATE, Kind.TIMESTAMP, Kind.INSTANT):
        return _temporal(column, kind, target)
    if kind is Kind.INTEGER:
        return _integer(column, target)
    if kind is Kind.DECIMAL and target in INTEGERS:
        whole = f"CAST(CAST({column} AS DECIMAL(38,0)) AS VARCHAR)"
        return Lexical(f"CASE WHEN {column} = trunc({column}) THEN {whole} END", can_fail=True)
    plain = {
        Kind.STRING: column,
        Kind.GEOMETRY: column,
        Kind.BINARY: f"hex({column})",
        Kind.NESTED: f"CAST(to_json({column}) AS VARCHAR)",
        Kind.NULL: "CAST(NULL AS VARCHAR)",
    }
    return Lexical(plain.get(kind, f"CAST({column} AS VARCHAR)"))


def is_plain_number(values: np.ndarray) -> np.ndarray:
    """Binary floats that are finite and whose text in SQL has no power of ten.

    Example:
        >>> is_plain_number(np.array([0.0, -1.5, 1e-9, 1e300, np.nan])).tolist()
        [True, True, False, False, False]
    """
    size = np.abs(values)
    plain: np.ndarray = (size >= 1e-4) & (size < 1e15) | (size == 0)
    return plain


def _integer(column: str, target: str) -> Lexical:
    text = f"CAST({column} AS VARCHAR)"
    if target == XSD_BOOLEAN:
        return Lexical(f"CASE {column} WHEN 0 THEN 'false' WHEN 1 THEN 'true' END", can_fail=True)
    if target == XSD + "gYear":
        return Lexical(f"CASE WHEN {column} BETWEEN 0 AND 9999 THEN lpad({text}, 4, '0') END", can_fail=True)
    return Lexical(text)


def _temporal(column: str, kind: Kind, target: str) -> Lexical:
    """Dates and timestamps; years before 1 have no text here and are bad."""
    text = f"CAST({column} AS VARCHAR)"
    if kind is not Kind.DATE:
        zone = " || 'Z'" if kind is Kind.INSTANT else ""
        shapes = {XSD_DATE: f"split_part({text}, ' ', 1)", XSD + "gYear": f"split_part({text}, '-', 1)"}
        made = shapes.get(target, f"replace({text}, ' ', 'T'){zone}")
    else:
        shapes = {XSD_DATETIME: f"{text} || 'T00:00:00'", XSD + "gYear": f"split_part({text}, '-', 1)"}
        made = shapes.get(target, text)
    return Lexical(
        f"CASE WHEN NOT ends_with({text}, ')') AND {text} NOT LIKE '%infinity' THEN {made} END", can_fail=True
    )


def _floating(value: str, target: str, name: str | None = None) -> Lexical:
    """Canonical ``xsd:double`` from the shortest decimal text that reads back as the same number."""
    key = (name or value) + ("_z" if target == XSD_DECIMAL else "")
    text, sign, digits, head, power, short, small = (f"{key}_{part}" for part in ("v", "s", "d", "h", "x", "m", "p"))
    is_bad = f"NOT isfinite({value})"
    # Usually the text has no power of ten, and then it is a decimal already.
    only = f"CASE WHEN {small} THEN " if target == XSD_DECIMAL else ""
    end = " END" if only else ""
    stages = (
        ((text, f"CAST({value} AS VARCHAR)"),),
        ((small, f"contains({text}, 'e')"),),
        (
            (sign, f"{only}CASE WHEN starts_with({text}, '-') THEN '-' ELSE '' END{end}"),
            (digits, f"{only}ltrim(CASE WHEN {small} THEN split_part({text}, 'e', 1) ELSE {text} END, '-'){end}"),
            (power, f"CASE WHEN {small} THEN CAST(split_part({text}, 'e', 2) AS INTEGER) ELSE 0 END"),
        ),
        ((head, f"{only}ltrim(replace({digits}, '.', ''), '0'){end}"),),
        (
            (short, f"{only}rtrim({head}, '0'){end}"),
            (f"{key}_e", f"{only}{power} + length(split_part({digits}, '.', 1)) - 1 - "
                         f"(length(replace({digits}, '.', '')) - length({head})){end}"),
        ),
    )  # fmt: skip
    exponent = f"{key}_e"
    special = f"CASE WHEN isnan({value}) THEN 'NaN' WHEN {value} > 0 THEN 'INF' ELSE '-INF' END"
    tail = f"CASE WHEN length({short}) = 1 THEN '0' ELSE substr({short}, 2) END"
    canonical = (
        f"CASE WHEN {is_bad} THEN {special} WHEN {head} = '' THEN {sign} || '0.0E0' "
        f"ELSE {sign} || left({short}, 1) || '.' || {tail} || 'E' || CAST({exponent} AS VARCHAR) END"
    )
    if target in INTEGERS:
        whole = f"CAST(CAST({value} AS BIGINT) AS VARCHAR)"
        fits = f"isfinite({value}) AND {value} = trunc({value}) AND abs({value}) < 9e18"
        return Lexical(f"CASE WHEN {fits} THEN {whole} END", can_fail=True)
    if target == XSD_DECIMAL:
        length = f"length({short})"
        plain = (
            f"{sign} || CASE WHEN {head} = '' THEN '0.0' "
            f"WHEN {exponent} < 0 THEN '0.' || repeat('0', -{exponent} - 1) || {short} "
            f"WHEN {length} <= {exponent} + 1 THEN {short} || repeat('0', {exponent} + 1 - {length}) || '.0' "
            f"ELSE left({short}, {exponent} + 1) || '.' || substr({short}, {exponent} + 2) END"
        )
        made = f"CASE WHEN {small} THEN {plain} ELSE {text} END"
        return Lexical(f"CASE WHEN isfinite({value}) THEN {made} END", can_fail=True, stages=stages)
    return Lexical(canonical, stages=stages)


def _is_text(datatype: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_string(datatype) or types.is_large_string(datatype) or types.is_string_view(datatype))


def _is_bytes(datatype: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_binary(datatype)
        or types.is_large_binary(datatype)
        or types.is_fixed_size_binary(datatype)
        or types.is_binary_view(datatype)
    )
