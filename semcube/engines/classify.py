# SPDX-License-Identifier: Apache-2.0
"""The one rule that gives a term its tag, its inline id and its value columns.

Comes in: terms as columns (``TERMS``) or one by one. Goes out: ``CLASSES`` columns, row by row. :func:`classify` works
on whole columns, :func:`classify_term` on one term; both give the same, and a test holds them to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from semcube.engines import xsd
from semcube.engines.ids import BIAS, SHIFT, Tag, boolean_id, integer_id
from semcube.io.terms import IRI, Literal, Term
from semcube.vocab import (
    GEOMETRY_LITERALS,
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

__all__ = [
    "CLASSES",
    "EXACT_DIGITS",
    "Classified",
    "classify",
    "classify_literals",
    "classify_numbers",
    "classify_term",
    "tag_of",
]

CLASSES = pa.schema(
    [
        pa.field("tag", pa.int8()),
        pa.field("inline", pa.int64()),
        pa.field("number", pa.float64()),
        pa.field("exact", pa.bool_(), nullable=False),
        pa.field("time", pa.int64()),
        pa.field("zoned", pa.bool_(), nullable=False),
    ]
)
"""What is known of each term.

- ``tag``: :class:`semcube.engines.ids.Tag`; null where unbound.
- ``inline``: the id of a term that is its own id (canonical integers within range, canonical booleans), else null.
- ``number``: the value of a numeric literal, null elsewhere and where it is beyond a double.
- ``exact``: ``number`` compares as the literal does with every other exact number: integers and decimals of at most 15
  significant digits, doubles but NaN; never ``xsd:float``, which is compared in single precision.
- ``time``: microseconds since 1970-01-01T00:00:00Z of a date, time (on 1970-01-01) or dateTime, one without a time zone
  taken as UTC; null where the value is not a whole number of microseconds or more than 290,000 years away.
- ``zoned``: whether a date, time or dateTime has a time zone.
"""

EXACT_DIGITS = 15
"""Decimals with so many significant digits and the nearest doubles correspond one to one."""

_MAX_YEAR = 290_000
_MICRO = 1_000_000
_DAY = 86_400 * _MICRO
Bools = npt.NDArray[np.bool_]


class Classified(NamedTuple):
    """One row of ``CLASSES``."""

    tag: Tag
    inline: int | None = None
    number: float | None = None
    exact: bool = False
    time: int | None = None
    zoned: bool = False


def classify_term(term: Term) -> Classified:
    """The class of one term.

    Example:
        >>> classify_term(Literal("1.50", XSD_DECIMAL))
        Classified(tag=<Tag.NUMERIC: 6>, inline=None, number=1.5, exact=True, time=None, zoned=False)
    """
    if not isinstance(term, Literal):
        return Classified(Tag.IRI if isinstance(term, IRI) else Tag.BLANK)
    if term.language is not None:
        return Classified(Tag.LANGUAGE)
    datatype, lexical = term.datatype, term.lexical
    if datatype == XSD_STRING:
        return Classified(Tag.STRING)
    if datatype in xsd.NUMERIC:
        return _number(lexical, datatype)
    if datatype == XSD_BOOLEAN and lexical in ("true", "false"):
        return Classified(Tag.BOOLEAN, boolean_id(lexical == "true"))
    if datatype in xsd.TEMPORAL:
        value = xsd.temporal(lexical, datatype)
        return Classified(Tag.OTHER) if value is None else _instant(value)
    return Classified(Tag.GEOMETRY if datatype in GEOMETRY_LITERALS else Tag.OTHER)


def _number(lexical: str, datatype: str) -> Classified:
    """The class of a literal of a numeric datatype."""
    if datatype in (XSD_DOUBLE, XSD_FLOAT):
        double = xsd.double(lexical)
        if double is None:
            return Classified(Tag.OTHER)
        if datatype == XSD_FLOAT:
            with np.errstate(over="ignore"):
                return Classified(Tag.NUMERIC, number=float(np.float32(double)))
        return Classified(Tag.NUMERIC, number=double, exact=double == double)  # noqa: PLR0124 - false for NaN only
    value: int | Decimal | None
    value = xsd.decimal(lexical) if datatype == XSD_DECIMAL else xsd.integer(lexical, datatype)
    if value is None:
        return Classified(Tag.OTHER)
    inline = integer_id(value) if isinstance(value, int) and datatype == XSD_INTEGER and str(value) == lexical else None
    number = _double(value)
    exact = (
        number is not None
        and len(lexical.replace(".", "").strip("+-0")) <= EXACT_DIGITS
        and (number != 0) == (value != 0)
    )
    return Classified(Tag.NUMERIC if inline is None else Tag.INTEGER, inline, number, exact)


def _double(value: int | Decimal) -> float | None:
    """The nearest double, None beyond the largest."""
    number = float(Decimal(value))
    return None if number in (float("inf"), float("-inf")) else number


def _instant(value: xsd.Temporal) -> Classified:
    """The class of a date or time."""
    zoned = value.offset is not None
    micros = (
        value.instant() * _MICRO if abs(value.year) <= _MAX_YEAR and len(value.second.as_tuple().digits) <= 20 else None
    )
    if micros is None or micros != int(micros):
        return Classified(Tag.TEMPORAL, zoned=zoned)
    return Classified(Tag.TEMPORAL, time=int(micros), zoned=zoned)


@dataclass(slots=True)
class _Columns:
    """The columns of ``CLASSES`` while they are filled."""

    tag: npt.NDArray[np.int8]
    inline: npt.NDArray[np.int64]
    number: npt.NDArray[np.float64]
    numbered: Bools
    exact: Bools
    time: npt.NDArray[np.int64]
    timed: Bools
    zoned: Bools

    @classmethod
    def empty(cls, n: int) -> _Columns:
        return cls(
            np.full(n, Tag.OTHER, np.int8), np.zeros(n, np.int64),
            np.zeros(n), np.zeros(n, bool), np.zeros(n, bool),
            np.zeros(n, np.int64), np.zeros(n, bool), np.zeros(n, bool),
        )  # fmt: skip

    def put(self, row: int, one: Classified) -> None:
        """Set one row."""
        self.tag[row], self.inline[row] = one.tag, one.inline or 0
        self.number[row], self.numbered[row], self.exact[row] = one.number or 0.0, one.number is not None, one.exact
        self.time[row], self.timed[row], self.zoned[row] = one.time or 0, one.time is not None, one.zoned

    def batch(self, bound: Bools) -> pa.RecordBatch:
        arrays = [
            pa.array(self.tag, mask=~bound),
            pa.array(self.inline, mask=self.inline == 0),
            pa.array(self.number, mask=~self.numbered),
            pa.array(self.exact),
            pa.array(self.time, mask=~self.timed),
            pa.array(self.zoned),
        ]
        return pa.record_batch(arrays, schema=CLASSES)


def classify(terms: pa.RecordBatch) -> pa.RecordBatch:
    """The classes of terms, row by row.

    Args:
        terms: ``TERMS`` columns (:mod:`semcube.io.terms`); ``datatype`` may be dictionary-encoded.

    Returns:
        ``CLASSES`` columns of the same length.

    Example:
        >>> from semcube.engines.keys import split
        >>> classify(split(pa.array(['"1.50"^^<http://www.w3.org/2001/XMLSchema#decimal>'])))["number"].to_pylist()
        [1.5]
    """
    kind = terms["kind"].fill_null(-1).to_numpy(zero_copy_only=False)
    columns = _Columns.empty(len(terms))
    columns.tag[kind == 0] = Tag.IRI
    columns.tag[kind == 1] = Tag.BLANK
    tongue = (kind == 2) & terms["language"].is_valid().to_numpy(zero_copy_only=False)
    columns.tag[tongue] = Tag.LANGUAGE
    datatype = terms["datatype"]
    if not pa.types.is_dictionary(datatype.type):
        datatype = datatype.dictionary_encode()
    codes = datatype.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    lexical = terms["lexical"]
    for code, name in enumerate(datatype.dictionary.to_pylist()):
        rows = np.flatnonzero((codes == code) & (kind == 2) & ~tongue)
        if len(rows) and name is not None:
            _one_datatype(columns, rows, lexical, name)
    return columns.batch(kind >= 0)


def classify_literals(lexical: pa.Array, datatype: str) -> pa.RecordBatch:
    """The classes of literals of one datatype without language, row by row.

    Args:
        lexical: (n,) large_string without nulls.
        datatype: Its IRI.

    Returns:
        ``CLASSES`` columns of the same length.

    Example:
        >>> classify_literals(pa.array(["1.50", "x"], pa.large_string()), XSD_DECIMAL)["number"].to_pylist()
        [1.5, None]
    """
    columns = _Columns.empty(len(lexical))
    _one_datatype(columns, np.arange(len(lexical)), lexical, datatype)
    return columns.batch(np.ones(len(lexical), bool))


def classify_numbers(lexical: pa.Array, datatype: str, values: pa.Array) -> pa.RecordBatch:
    """As :func:`classify_literals`, of numbers that are known.

    Args:
        lexical: (n,) large_string without nulls, in as few digits as tell the numbers apart; decimals have a point.
        datatype: ``xsd:integer``, ``xsd:decimal`` or ``xsd:double``.
        values: (n,) int64 for integers, else float64, without nulls: what ``lexical`` was made of.
    """
    columns = _Columns.empty(len(lexical))
    value = values.to_numpy(zero_copy_only=False)
    columns.number[:], columns.numbered[:], columns.tag[:] = value, True, Tag.NUMERIC
    if datatype == XSD_DOUBLE:
        columns.exact[:] = ~np.isnan(value)
        return columns.batch(np.ones(len(lexical), bool))
    length = pc.binary_length(lexical).to_numpy(zero_copy_only=False)
    columns.exact[:] = length <= EXACT_DIGITS
    long = np.flatnonzero(~columns.exact)
    if datatype == XSD_DECIMAL and len(long):
        # from one on, the first digit counts, and unless it is a zero the last one, too
        size, last = np.abs(value[long]), _last_bytes(lexical)[long]
        long = long[(size < 1) | (last == ord("0")) | (length[long] <= EXACT_DIGITS + 2)]
    if len(long):
        texts = lexical.take(pa.array(long))
        columns.exact[long] = _digits(texts) <= EXACT_DIGITS
    if datatype == XSD_INTEGER:
        inline = (value >= -BIAS) & (value < BIAS)
        columns.tag[inline] = Tag.INTEGER
        columns.inline[inline] = (int(Tag.INTEGER) << SHIFT) | (value[inline] + BIAS)
    return columns.batch(np.ones(len(lexical), bool))


def _digits(texts: pa.Array) -> npt.NDArray[np.int64]:
    """Significant digits of valid integers and decimals."""
    digits = pc.utf8_trim(pc.replace_substring(texts, ".", ""), characters="+-0")
    return np.asarray(pc.binary_length(digits).to_numpy(zero_copy_only=False))


def _last_bytes(texts: pa.Array) -> npt.NDArray[np.uint8]:
    """The last byte of each text; none is empty."""
    ends = np.frombuffer(texts.buffers()[1], np.int64, len(texts), 8 * (texts.offset + 1))
    return np.frombuffer(texts.buffers()[2], np.uint8)[ends - 1]


def _one_datatype(columns: _Columns, rows: npt.NDArray[np.int64], lexical: pa.Array, datatype: str) -> None:
    """Classify the rows of one datatype."""
    if datatype == XSD_STRING:
        columns.tag[rows] = Tag.STRING
    elif datatype in GEOMETRY_LITERALS:
        columns.tag[rows] = Tag.GEOMETRY
    elif datatype == XSD_BOOLEAN:
        texts = lexical.take(pa.array(rows))
        for value in (False, True):
            chosen = rows[_bools(pc.equal(texts, str(value).lower()))]
            columns.tag[chosen], columns.inline[chosen] = Tag.BOOLEAN, boolean_id(value)
    elif datatype in (XSD_DOUBLE, XSD_FLOAT):
        _doubles(columns, rows, lexical.take(pa.array(rows)), datatype)
    elif datatype in xsd.NUMERIC:
        _exact_numbers(columns, rows, lexical.take(pa.array(rows)), datatype)
    elif datatype in xsd.TEMPORAL:
        _temporals(columns, rows, lexical.take(pa.array(rows)), datatype)


def _bools(array: pa.Array) -> Bools:
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=bool)


def _matches(texts: pa.Array, pattern: str) -> Bools:
    return _bools(pc.match_substring_regex(texts, f"^(?:{pattern})$"))


def _doubles(columns: _Columns, rows: npt.NDArray[np.int64], texts: pa.Array, datatype: str) -> None:
    """Rows of ``xsd:double`` or ``xsd:float``."""
    valid = _matches(texts, xsd.DOUBLE_PATTERN)
    rows = rows[valid]
    number = texts.filter(pa.array(valid)).cast(pa.float64()).to_numpy(zero_copy_only=False)
    if datatype == XSD_FLOAT:
        with np.errstate(over="ignore"):
            number = number.astype(np.float32).astype(np.float64)
    else:
        columns.exact[rows] = ~np.isnan(number)
    columns.tag[rows], columns.number[rows], columns.numbered[rows] = Tag.NUMERIC, number, True


def _exact_numbers(columns: _Columns, rows: npt.NDArray[np.int64], texts: pa.Array, datatype: str) -> None:
    """Rows of ``xsd:decimal``, ``xsd:integer`` or a type derived from it."""
    integers = datatype != XSD_DECIMAL
    length = pc.binary_length(texts).to_numpy(zero_copy_only=False)
    pattern = xsd.INTEGER_PATTERN if integers else xsd.DECIMAL_PATTERN
    valid = _matches(texts, pattern) & (length <= xsd.MAX_DIGITS)
    digits = pc.utf8_trim(pc.replace_substring(texts, ".", "") if not integers else texts, characters="+-0")
    digits = pc.binary_length(digits).to_numpy(zero_copy_only=False)
    if integers:
        magnitude = pc.utf8_ltrim(texts, characters="+-0")
        short = valid & (pc.binary_length(magnitude).to_numpy(zero_copy_only=False) <= 18)
    else:
        short = valid & (length <= 300)
    for place in np.flatnonzero(valid & ~short).tolist():
        columns.put(int(rows[place]), classify_term(Literal(texts[place].as_py(), datatype)))
    texts, exact, rows = texts.filter(pa.array(short)), digits[short] <= EXACT_DIGITS, rows[short]
    if not integers:
        columns.number[rows] = texts.cast(pa.float64()).to_numpy(zero_copy_only=False)
        columns.exact[rows] = exact
        columns.tag[rows], columns.numbered[rows] = Tag.NUMERIC, True
        return
    value = _integers(texts)
    low, high = xsd.INTEGER_BOUNDS[datatype]
    fits = np.ones(len(value), bool)
    if low is not None and low > -(2**63):
        fits &= value >= low
    if high is not None and high < 2**63:
        fits &= value <= high
    rows, value, texts, exact = rows[fits], value[fits], texts.filter(pa.array(fits)), exact[fits]
    columns.number[rows], columns.numbered[rows], columns.exact[rows] = value.astype(np.float64), True, exact
    columns.tag[rows] = Tag.NUMERIC
    if datatype == XSD_INTEGER:
        inline = (value >= -BIAS) & (value < BIAS) & _matches(texts, "0|-?[1-9][0-9]*")
        columns.tag[rows[inline]] = Tag.INTEGER
        columns.inline[rows[inline]] = (int(Tag.INTEGER) << SHIFT) | (value[inline] + BIAS)


def _integers(texts: pa.Array) -> npt.NDArray[np.int64]:
    """Values of valid integers of at most 18 digits."""
    value = pc.utf8_ltrim(texts, characters="+").cast(pa.int64())
    return np.asarray(value.to_numpy(zero_copy_only=False), dtype=np.int64)


_SHAPE = {
    "date": "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])",
    "time": r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?",
    "zone": "(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))?",
}


def _temporals(columns: _Columns, rows: npt.NDArray[np.int64], texts: pa.Array, datatype: str) -> None:
    """Rows of dates and times: the common shape as columns, other years and finer seconds one by one."""
    parts = {
        XSD_DATETIME: ["date", "T", "time", "zone"],
        XSD_DATE: ["date", "zone"],
        XSD_TIME: ["time", "zone"],
    }[datatype]
    usual = _matches(texts, "".join(_SHAPE.get(part, part) for part in parts))
    for place in np.flatnonzero(~usual).tolist():
        columns.put(int(rows[place]), classify_term(Literal(texts[place].as_py(), datatype)))
    rows, texts = rows[usual], texts.filter(pa.array(usual))
    micros, possible = np.zeros(len(rows), np.int64), np.ones(len(rows), bool)
    if "date" in parts:
        year, month, day = (_field(texts, start, stop) for start, stop in ((0, 4), (5, 7), (8, 10)))
        number, possible = _days(year, month, day)
        micros += number * _DAY
        texts = pc.utf8_slice_codeunits(texts, 11 if "T" in parts else 10)
    if "time" in parts:
        hour, minute, second = (_field(texts, start, start + 2) for start in (0, 3, 6))
        micros += (hour * 3600 + minute * 60 + second) * _MICRO
        texts = pc.utf8_slice_codeunits(texts, 8)
        fraction = pc.utf8_ltrim(pc.replace_substring_regex(texts, "[Z+-].*$", ""), characters=".")
        micros += pc.utf8_rpad(fraction, 6, "0").cast(pa.int64()).to_numpy(zero_copy_only=False)
        texts = pc.replace_substring_regex(texts, r"^\.[0-9]+", "")
    offset, zoned = _zones(texts)
    micros -= offset * 60 * _MICRO
    rows, micros, zoned = rows[possible], micros[possible], zoned[possible]
    columns.tag[rows], columns.time[rows], columns.timed[rows], columns.zoned[rows] = Tag.TEMPORAL, micros, True, zoned


def _field(texts: pa.Array, start: int, stop: int) -> npt.NDArray[np.int64]:
    """A number at a fixed place."""
    return np.asarray(pc.utf8_slice_codeunits(texts, start, stop).cast(pa.int64()).to_numpy(zero_copy_only=False))


def _days(
    year: npt.NDArray[Any], month: npt.NDArray[Any], day: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.int64], Bools]:
    """Days since 1970-01-01 (as :func:`semcube.engines.xsd.days`), and whether the month has such a day."""
    shifted = year - (month <= 2)
    era, of_era = np.divmod(shifted, 400)
    of_year = (153 * (month + np.where(month > 2, -3, 9)) + 2) // 5 + day - 1
    number = era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    longest = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])[month] + (leap & (month == 2))
    return number, day <= longest


def _zones(texts: pa.Array) -> tuple[npt.NDArray[np.int64], Bools]:
    """Offsets in minutes (0 without a zone), and whether there is a zone; each distinct zone is read once."""
    encoded = texts.dictionary_encode()
    zones = encoded.dictionary.to_pylist()
    offsets = np.array([xsd.zone_offset(zone) or 0 for zone in zones] or [0], np.int64)
    present = np.array([zone != "" for zone in zones] or [False], bool)
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    return offsets[codes], present[codes]


def tag_of(terms: pa.RecordBatch) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]:
    """Tags (0 where unbound) and inline ids (0 where none) of terms."""
    classes = classify(terms)
    tag = classes["tag"].fill_null(0).to_numpy(zero_copy_only=False)
    return tag, classes["inline"].fill_null(0).to_numpy(zero_copy_only=False)
