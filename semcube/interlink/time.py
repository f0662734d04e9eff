# SPDX-License-Identifier: Apache-2.0
"""Allen's 13 relations between periods (Allen 1983; OWL-Time, W3C 2022)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.errors import RowError, UsageError
from semcube.vocab import TIME

__all__ = ["ALLEN", "NO_PERIODS", "PeriodIndex", "Periods", "allen", "allen_names", "periods"]

Test = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]

ALLEN: dict[str, Test] = {
    "before": lambda a, b, c, d: b < c,
    "after": lambda a, b, c, d: a > d,
    "meets": lambda a, b, c, d: (b == c) & (a < c) & (b < d),
    "metBy": lambda a, b, c, d: (a == d) & (c < a) & (d < b),
    "overlaps": lambda a, b, c, d: (a < c) & (c < b) & (b < d),
    "overlappedBy": lambda a, b, c, d: (c < a) & (a < d) & (d < b),
    "starts": lambda a, b, c, d: (a == c) & (b < d),
    "startedBy": lambda a, b, c, d: (a == c) & (d < b),
    "during": lambda a, b, c, d: (c < a) & (b < d),
    "contains": lambda a, b, c, d: (a < c) & (d < b),
    "finishes": lambda a, b, c, d: (b == d) & (c < a),
    "finishedBy": lambda a, b, c, d: (b == d) & (a < c),
    "equals": lambda a, b, c, d: (a == c) & (b == d),
}
"""Name -> test of ``[a, b]`` against ``[c, d]``. An instant is a period whose end is its beginning; it starts or
finishes what it is at the end of, so that exactly one relation holds between any two."""


def allen_iri(name: str) -> str:
    """The property of OWL-Time.

    Example:
        >>> allen_iri("metBy")
        'http://www.w3.org/2006/time#intervalMetBy'
    """
    return f"{TIME}interval{name[0].upper()}{name[1:]}"


def allen_names(text: str) -> tuple[str, ...]:
    """Names from ``during,meets`` or ``all``.

    Raises:
        UsageError: One is none of the 13.
    """
    names = tuple(ALLEN) if text == "all" else tuple(part.strip() for part in text.split(",") if part.strip())
    wrong = [name for name in names if name not in ALLEN]
    if wrong or not names:
        raise UsageError(f"temporal relation {', '.join(wrong) or text!r}", expected=f"all, or of {', '.join(ALLEN)}")
    return names


@dataclass
class Periods:
    """Beginning and end of each row, microseconds since 1970; ``known`` where both are."""

    begin: np.ndarray
    end: np.ndarray
    known: np.ndarray

    def take(self, rows: np.ndarray) -> Periods:
        """Some of the rows."""
        return Periods(self.begin[rows], self.end[rows], self.known[rows])

    @staticmethod
    def concatenate(parts: list[Periods]) -> Periods:
        """All rows."""
        return Periods(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("begin", "end", "known")))


NO_PERIODS = Periods(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, dtype=bool))
"""Those of no rows."""


def periods(batch: pa.RecordBatch, begin: str, end: str, source: str, first_row: int) -> Periods:
    """The periods of a batch; columns hold dates, timestamps, or text in the form of ISO 8601.

    Raises:
        RowError: A text is no instant, or a period ends before it begins.
    """
    starts, ends = (_instants(batch.column(name), name, source, first_row) for name in (begin, end))
    known = (starts.is_valid().to_numpy(zero_copy_only=False)) & (ends.is_valid().to_numpy(zero_copy_only=False))
    a, b = (column.fill_null(0).to_numpy(zero_copy_only=False) for column in (starts, ends))
    wrong = np.flatnonzero(known & (b < a))
    if len(wrong):
        raise RowError("the period ends before it begins", source=source, row=first_row + int(wrong[0]), column=end)
    return Periods(a, b, known)


def _instants(column: pa.Array, name: str, source: str, first_row: int) -> pa.Array:
    kind = pa.timestamp("us")
    try:
        if pa.types.is_timestamp(column.type):
            return column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64())
        return column.cast(kind).cast(pa.int64())
    except pa.ArrowException:
        pass
    text = column.cast(pa.string())
    values = np.zeros(len(text), np.int64)
    for row, value in enumerate(text.to_pylist()):
        try:
            values[row] = 0 if value is None else _instant(value)
        except ValueError:
            raise RowError(
                f"{value!r} is no instant", source=source, row=first_row + row, column=name,
                expected="a date or a date with a time, as in 2024-05-01T12:00:00Z",
            ) from None  # fmt: skip
    return pc.if_else(text.is_valid(), pa.array(values), pa.scalar(None, pa.int64()))


def _instant(text: str) -> int:
    import datetime

    moment = datetime.datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return round((moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) / datetime.timedelta(microseconds=1))


def allen(first: Periods, second: Periods, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Which of the relations hold, row by row.

    Example:
        >>> day = lambda a, b: Periods(np.array([a]), np.array([b]), np.array([True]))
        >>> allen(day(1, 3), day(3, 5), ("meets", "before"))
        {'meets': array([ True]), 'before': array([False])}
    """
    known = first.known & second.known
    return {name: known & ALLEN[name](first.begin, first.end, second.begin, second.end) for name in names}


class PeriodIndex:
    """Periods sorted by beginning and by end, to find those that stand in some relation without trying all.

    Example:
        >>> held = Periods(np.array([0, 5]), np.array([4, 9]), np.array([True, True]))
        >>> PeriodIndex(held).pairs(Periods(np.array([4]), np.array([4]), np.array([True])), ("finishedBy", "after"))
        (array([0, 1]), array([0, 0]))
    """

    def __init__(self, held: Periods) -> None:
        rows = np.flatnonzero(held.known)
        self.by_begin = rows[np.argsort(held.begin[rows], kind="stable")]
        self.by_end = rows[np.argsort(held.end[rows], kind="stable")]
        self.begins, self.ends = held.begin[self.by_begin], held.end[self.by_end]
        self.held = held

    def counts(self, stream: Periods, names: tuple[str, ...]) -> np.ndarray:
        """How many pairs :meth:`pairs` has for each row, int64."""
        before, after = self._apart(stream)
        met = len(self.begins) - before - after
        total = before * ("before" in names) + after * ("after" in names) + met * bool({*names} - {"before", "after"})
        return np.asarray(np.where(stream.known, total, 0))

    def pairs(self, stream: Periods, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the held periods and of others, all pairs that may stand in one of the relations.

        Pairs that share an instant if a relation other than before and after is asked for, and those apart that are.
        """
        rows = np.flatnonzero(stream.known)
        known = stream.take(rows)
        before, after = self._apart(known)
        found = []
        if "before" in names:
            owner, place = spans(np.zeros(len(rows), np.int64), before)
            found.append((self.by_end[place], rows[owner]))
        if "after" in names:
            owner, place = spans(len(self.begins) - after, np.full(len(rows), len(self.begins)))
            found.append((self.by_begin[place], rows[owner]))
        if {*names} - {"before", "after"}:
            # Of two that share an instant, one begins within the other; at the same time, it is the held one.
            low = np.searchsorted(self.begins, known.begin, "left")
            owner, place = spans(low, np.searchsorted(self.begins, known.end, "right"))
            found.append((self.by_begin[place], rows[owner]))
            order = np.argsort(known.begin, kind="stable")
            later = known.begin[order]
            owner, place = spans(
                np.searchsorted(later, self.begins, "right"),
                np.searchsorted(later, self.held.end[self.by_begin], "right"),
            )
            found.append((self.by_begin[owner], rows[order[place]]))
        first, second = (np.concatenate(each) for each in zip(*found, strict=True))
        order = np.lexsort((first, second))
        return first[order], second[order]

    def _apart(self, stream: Periods) -> tuple[np.ndarray, np.ndarray]:
        """How many held periods end before each begins, and begin after it ends."""
        before = np.searchsorted(self.ends, stream.begin, "left")
        return before, len(self.begins) - np.searchsorted(self.begins, stream.end, "right")


def spans(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers and the members of each span ``low[i] .. high[i]``."""
    counts = np.maximum(high - low, 0)
    owner = np.repeat(np.arange(len(low)), counts)
    member = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + low[owner]
    return owner, member
