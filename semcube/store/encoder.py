# SPDX-License-Identifier: Apache-2.0
"""The encoder that gives new terms of a store their numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from semcube.engines import ids
from semcube.engines.embedded import registered
from semcube.engines.keys import split
from semcube.engines.xsd import time_kind
from semcube.store.appending import Appender, append
from semcube.store.dictionary import StoreDictionary
from semcube.store.forms import Form, Forms
from semcube.store.hash_table import BYTES, HashTable
from semcube.store.keyed_hashes import hasher
from semcube.store.term_parts import ColumnPart, Described, Part, ShapesPart, TermsPart

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt

    from semcube.io.term_columns import TermColumn

    Ids = npt.NDArray[np.int64]
    Words = npt.NDArray[np.uint64]

__all__ = ["Added", "Encoder"]

FEW = 1000
"""So many terms are looked up as queries do it."""
RUN = 1 << 22
"""So many hashes are sorted together."""
_HALF, _LOWER = np.uint64(32), np.uint64(0xFFFFFFFF)


class Added(NamedTuple):
    """Terms of a column that the store had not."""

    column: TermColumn
    rows: Ids
    """The first row of the column with each."""
    numbers: Ids
    described: Described

    def table(self) -> pa.Table:
        """The columns of :func:`_added`."""
        return _added(self.numbers, self.described)


class _Stored(NamedTuple):
    """Terms of a part that the store had not."""

    place: int
    """Which part."""
    rows: Ids
    """Their rows there."""
    numbers: Ids
    described: Described


class Encoder:
    """Turns terms into ids inside a write transaction; terms that are new are added to the store.

    Args:
        connection: The writing connection, inside a transaction.
        salt: The salt of the store's hashes.
        memory: Bytes that may be taken outside of the database by what is known of terms.
        forms: The forms of the committed state, as far as they are known.
        geometries: Makes those of all terms that were encoded so far readable on the connection.

    Many terms at once: those that were met before in this transaction are known by a keyed 128-bit hash
    (:mod:`semcube.store.keyed_hashes`), so that a bulk load compares no text with what it added itself; what the store
    had before is compared in full. Few are looked up as queries do it, which takes a third of the time.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        salt: str,
        memory: int = 1 << 28,
        forms: Forms | None = None,
        geometries: Callable[[], None] = lambda: None,
    ) -> None:
        self._connection = connection
        self._salt = salt
        terms, known, self.derives = connection.execute("SELECT terms, forms, derives FROM meta").fetchall()[0]
        self._start = self._before = self.last = int(terms)
        forms = forms or Forms()
        if len(forms) < known:
            forms.read(connection)
        self.forms = forms.copy()
        """The forms inside the transaction."""
        self._forms_stored = known
        self._dictionary = StoreDictionary(lambda: connection, salt, None, forms=self.forms)
        self._flush_geometries = geometries
        self._most = memory // BYTES
        self._terms = Appender(connection, "terms", memory // 8)
        self._values = {name: Appender(connection, name, memory // 32) for name in ("numbers", "times")}
        self._met: HashTable | None = HashTable()
        """Terms met in this transaction; None when they are in the table ``met``."""
        self._inexact: list[Ids] | None = None if self._start else []
        """Ids of numbers that do not compare as their doubles do; None if not all of them are known."""
        self._unlisted: list[tuple[npt.NDArray[np.uint32], Ids]] = []
        """Hashes and numbers that the table ``lookup`` lacks."""

    @property
    def added(self) -> int:
        """Terms that are new."""
        return self.last - self._start

    def encode(self, keys: pa.Array) -> tuple[Ids, pa.Table]:
        """The ids of distinct keys, and the rows of those that are new.

        Args:
            keys: (n,) large_string, distinct, without nulls.

        Returns:
            (n,) ids, and a table with the columns ``n``, ``tag``, ``lexical`` and ``datatype`` of the new ones; beside
            them ``wkb`` and ``crs`` where some are stored without text.
        """
        if len(keys) <= FEW:
            return self._encode_few(keys)
        part = TermsPart(split(keys), derives=self.derives)
        table, stored = self._enter([part])
        nothing = np.empty(0, np.int64)
        numbers, described = (stored[0].numbers, stored[0].described) if stored else (nothing, part.describe(nothing))
        return part.found(table), _added(numbers, described)

    def encode_several(self, columns: Sequence[pa.Array]) -> tuple[list[Ids], list[tuple[int, Ids, pa.Table]]]:
        """As :meth:`encode`, for several columns of keys, which may have keys in common.

        Returns:
            Their ids, and of the columns with terms that are new: their number, the rows with these terms, and the
            same table.
        """
        parts = [TermsPart(split(keys), derives=self.derives) for keys in columns]
        table, stored = self._enter(parts)
        new = [(each.place, each.rows, _added(each.numbers, each.described)) for each in stored]
        return [part.found(table) for part in parts], new

    def encode_columns(self, columns: Sequence[TermColumn]) -> tuple[list[Ids], list[Added]]:
        """The ids of columns of terms, 0 where a row has none, and the terms that are new.

        Args:
            columns: Of any lengths.
        """
        parts_of = [self._parts(column) for column in columns]
        parts = [part for own in parts_of for part in own]
        table, stored = self._enter(parts)
        # of several parts each row has its term in one
        found = [reduce(np.add, [part.column_ids(table) for part in own]) for own in parts_of]
        added = [
            Added(parts[place].column, parts[place].column_rows(rows), numbers, described)
            for place, rows, numbers, described in stored
        ]
        return found, added

    def _parts(self, column: TermColumn) -> list[ColumnPart]:
        """The terms of a column that have a text, and those that have none."""
        shapes = column.shapes
        if shapes is None or not self.derives:
            return [ColumnPart(column.written(), derives=self.derives)]
        parts: list[ColumnPart] = [ShapesPart(column)]
        if column.lexical.null_count < len(column.lexical):
            parts.append(ColumnPart(column, derives=True))
        return parts

    def derive(self) -> None:
        """Store canonical WKT without text from now on; the store must not have a geometry literal yet."""
        self._connection.execute("UPDATE meta SET derives = true")
        self.derives = True

    # --- few --------------------------------------------------------------------------------------------------------

    def _encode_few(self, keys: pa.Array) -> tuple[Ids, pa.Table]:
        self.flush()
        found = self._dictionary.find(keys)
        new = np.flatnonzero(found == 0)
        part = TermsPart(split(keys.take(pa.array(new))), derives=self.derives)
        described = part.describe(np.arange(len(new)))
        found[new] = self._numbered(described.tags())
        numbers = found[new] & ids.PAYLOAD
        if len(new):
            self._store(numbers, [described])
            pairs = zip(part.short(hasher(self._salt)).tolist(), numbers.tolist(), strict=True)
            listed = ",".join(f"({short},{number})" for short, number in pairs)
            self._flush_terms()
            self._connection.execute(f"INSERT INTO lookup VALUES {listed}")
            self._before = self.last
        return found, _added(numbers, described)

    # --- many -------------------------------------------------------------------------------------------------------

    def _enter(self, parts: Sequence[Part]) -> tuple[HashTable, list[_Stored]]:
        """Make sure that the store has the terms of all parts.

        Returns:
            A table with the ids of all of them, and those that are new, part by part.
        """
        table = self._met
        if table is not None and len(table) + sum(part.count for part in parts) > self._most:
            self._release(table)
            table = None
        if table is None:
            table = HashTable()
        first = len(table)
        hashes = hasher(self._salt)
        for part in parts:
            part.enter(hashes, table)
        fresh = [(place, part.new, part.describe(part.new)) for place, part in enumerate(parts) if len(part.new)]
        return table, self._settle(table, first, fresh) if fresh else []

    def _settle(self, table: HashTable, first: int, fresh: list[tuple[int, Ids, Described]]) -> list[_Stored]:
        """Give the entries of a table from the first on their ids; terms that the store lacks are added to it."""
        upper, lower = table.upper[first:], table.lower[first:]
        short = (upper >> _HALF).astype(np.uint32)
        tags = np.concatenate([described.tags() for _, _, described in fresh])
        found = np.zeros(len(upper), np.int64)
        if self._met is None:
            self._find_met(found, upper, lower)
        if self._before:
            self._find_stored(found, short, tags, [described for _, _, described in fresh])
            self._find_derived(found, short, [described for _, _, described in fresh])
        lacking = found == 0
        new = _mask(lacking)
        found[new] = self._numbered(tags[new])
        table.ids[first : first + len(found)] = found
        stored, start = [], 0
        for place, rows, described in fresh:
            kept = lacking[start : start + len(rows)]
            own = _mask(kept)
            numbers = found[start : start + len(rows)][own] & ids.PAYLOAD
            start += len(rows)
            if len(numbers):
                stored.append(_Stored(place, rows[own], numbers, described.where(kept)))
        if stored:
            numbers = found[new] & ids.PAYLOAD
            self._store(numbers, [each.described for each in stored])
            self._list(short[new], numbers)
            if self._met is None:
                columns = {"upper": upper[new], "lower": lower[new], "id": found[new]}
                append(self._connection, "met", pa.table(columns))
        return stored

    def _numbered(self, tags: Ids) -> Ids:
        """Ids of new terms."""
        numbers: Ids = self.last + 1 + np.arange(len(tags))
        self.last += len(tags)
        return (tags << ids.SHIFT) | numbers

    def _find_met(self, found: Ids, upper: Words, lower: Words) -> None:
        """Fill in the ids of terms that were met earlier and have no room in memory."""
        with registered(self._connection, {"wanted": pa.table({"i": np.arange(len(found)), "u": upper, "l": lower})}):
            have = self._connection.execute(
                "SELECT w.i, m.id FROM wanted w JOIN met m ON m.upper = w.u AND m.lower = w.l"
            ).fetchnumpy()
        found[have["i"]] = have["id"]

    def _find_stored(
        self, found: Ids, short: npt.NDArray[np.uint32], tags: Ids, described: Sequence[Described]
    ) -> None:
        """Fill in the ids of terms that the store had before: candidates by hash, then their text in full."""
        wanted = pa.table({
            "i": np.arange(len(found)), "h": short, "form": self._form_numbers(described),
            "lexical": pa.chunked_array([each.lexical for each in described]),
        })  # fmt: skip
        if found.any():
            wanted = wanted.filter(pa.array(found == 0))
        with registered(self._connection, {"wanted": wanted}):
            have = self._connection.execute(
                f"""SELECT k.i, t.n FROM wanted k JOIN lookup l ON l.h = k.h JOIN terms t ON t.n = l.n
                    WHERE t.n <= {self._before} AND t.form = k.form AND t.lexical = k.lexical"""
            ).fetchnumpy()
        found[have["i"]] = (tags[have["i"]] << ids.SHIFT) | have["n"]

    def _find_derived(self, found: Ids, short: npt.NDArray[np.uint32], described: Sequence[Described]) -> None:
        """Fill in the ids of terms without text that the store had before: candidates by hash, then their WKB."""
        first = 0
        for each in described:
            count, shapes = len(each.lexical), each.shapes
            rows = slice(first, first + count)
            first += count
            if shapes is None:
                continue
            columns = {"i": np.arange(count), "h": short[rows], "wkb": shapes.wkb, "crs": shapes.iris()}
            wanted = pa.table(columns).filter(pa.array(shapes.derived & (found[rows] == 0)))
            self._flush_geometries()
            with registered(self._connection, {"wanted": wanted}):
                have = self._connection.execute(
                    f"""SELECT k.i, t.n FROM wanted k JOIN lookup l ON l.h = k.h
                        JOIN terms t ON t.n = l.n JOIN geometries g ON g.n = l.n
                        WHERE t.n <= {self._before} AND t.lexical IS NULL AND g.wkb = k.wkb AND g.crs = k.crs"""
                ).fetchnumpy()
            found[rows][have["i"]] = ids.first(ids.Tag.GEOMETRY) + have["n"]

    def _release(self, table: HashTable) -> None:
        """Move what is known of terms into the database."""
        self._connection.execute("CREATE OR REPLACE TEMP TABLE met (upper UBIGINT, lower UBIGINT, id BIGINT)")
        columns = {"upper": table.upper, "lower": table.lower, "id": table.ids[: len(table)]}
        append(self._connection, "met", pa.table(columns))
        self._met = None

    def _note_inexact(self, numbers: Ids, exact: npt.NDArray[np.bool_]) -> None:
        """Note which new numbers are inexact."""
        if self._inexact is None or exact.all():
            return
        self._inexact.append(numbers[~exact] + ids.first(ids.Tag.NUMERIC))
        if sum(map(len, self._inexact)) > self._most:
            self._inexact = None

    def inexact(self) -> Ids | None:
        """Ids of numbers that do not compare as their doubles do, ascending; None if not all of them are known."""
        return None if self._inexact is None else np.concatenate([np.empty(0, np.int64), *self._inexact])

    # --- tables -----------------------------------------------------------------------------------------------------

    def _form_numbers(self, described: Sequence[Described]) -> npt.NDArray[np.int32]:
        """The form of each row."""
        found = []
        for each in described:
            numbers = np.array([self.forms.number(form) for form in each.forms], np.int32)
            found.append(np.full(len(each.lexical), numbers[0]) if each.codes is None else numbers[each.codes])
        return np.concatenate(found)

    def _store(self, numbers: Ids, described: Sequence[Described]) -> None:
        """Add new terms, and what they are worth."""
        lexical = pa.chunked_array([each.lexical for each in described])
        self._terms.add(pa.table({"n": numbers, "form": self._form_numbers(described), "lexical": lexical}))
        start = 0
        for each in described:
            own = numbers[start : start + len(each.lexical)]
            start += len(own)
            if each.classes is not None:
                self._store_numbers(own, each)
                self._store_times(own, each)

    def _store_numbers(self, numbers: Ids, described: Described) -> None:
        rows = np.flatnonzero(described.tags() == ids.Tag.NUMERIC)
        if len(rows):
            numbers, classes = _some(numbers, described, rows)
            exact = classes["exact"].to_numpy(zero_copy_only=False)
            self._note_inexact(numbers, exact)
            self._values["numbers"].add(
                pa.table({"n": numbers, "number": classes["number"], "exact": classes["exact"]})
            )

    def _store_times(self, numbers: Ids, described: Described) -> None:
        rows = np.flatnonzero(described.tags() == ids.Tag.TEMPORAL)
        if len(rows):
            numbers, classes = _some(numbers, described, rows)
            known, zoned = (
                each.to_numpy(zero_copy_only=False) for each in (classes["time"].is_valid(), classes["zoned"])
            )
            kinds = np.array([_time_kinds(form) for form in described.forms], np.int8)
            codes = np.zeros(len(rows), np.int64) if described.codes is None else described.codes[rows]
            kind = kinds[codes, 2 * zoned + known]
            self._values["times"].add(pa.table({"n": numbers, "time": classes["time"], "kind": kind}))

    # --- look-ups ---------------------------------------------------------------------------------------------------

    def _list(self, short: npt.NDArray[np.uint32], numbers: Ids) -> None:
        """Note the hashes of new terms."""
        self._unlisted.append((short, numbers))
        if sum(len(each) for _, each in self._unlisted) >= RUN:
            self.flush()

    def _flush_terms(self) -> None:
        if len(self.forms) > self._forms_stored:
            fresh = self.forms.since(self._forms_stored)
            columns = dict(zip(("tag", "datatype", "language"), zip(*fresh, strict=True), strict=True))
            rows = pa.table({"form": self._forms_stored + np.arange(len(fresh)), **columns})
            append(self._connection, "forms", rows)
            self._forms_stored = len(self.forms)
        for appender in (self._terms, *self._values.values()):
            appender.flush()

    def flush(self) -> None:
        """Make the new terms findable by a :class:`StoreDictionary` on the same connection."""
        self._flush_terms()
        if self.derives:
            self._flush_geometries()
        if self._unlisted:
            short, numbers = (np.concatenate(columns) for columns in zip(*self._unlisted, strict=True))
            self._unlisted = []
            base = int(numbers[0])
            both = short.astype(np.uint64)
            both <<= _HALF
            numbers -= base
            both |= numbers.view(np.uint64)
            both.sort()
            short = (both >> _HALF).astype(np.uint32)
            both &= _LOWER
            numbers = both.view(np.int64)
            numbers += base
            append(self._connection, "lookup", pa.table({"h": short, "n": numbers}))


def _mask(rows: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_] | slice:
    """What selects rows; all of them without a copy."""
    return slice(None) if rows.all() else rows


def _time_kinds(form: Form) -> list[int]:
    """The kind of a time without and with a time zone, each with microseconds that are unknown and known."""
    if form.tag != ids.Tag.TEMPORAL:
        return [0] * 4
    return [time_kind(str(form.datatype), zoned, known) for zoned in (False, True) for known in (False, True)]


def _some(numbers: Ids, described: Described, rows: Ids) -> tuple[Ids, pa.RecordBatch]:
    """Numbers and classes of some rows."""
    assert described.classes is not None
    if len(rows) == len(numbers):
        return numbers, described.classes
    return numbers[rows], described.classes.take(pa.array(rows))


def _added(numbers: Ids, described: Described) -> pa.Table:
    """The columns ``n``, ``tag``, ``lexical``, ``datatype`` of new terms; ``wkb`` and ``crs`` if some have no text."""
    codes = np.zeros(len(numbers), np.int64) if described.codes is None else described.codes
    datatypes = pa.array([form.datatype for form in described.forms], pa.large_string())
    tags = described.tags().astype(np.int8)
    shapes = described.shapes
    beside = {} if shapes is None else {"wkb": shapes.wkb, "crs": shapes.iris()}
    return pa.table(
        {"n": numbers, "tag": tags, "lexical": described.lexical, "datatype": datatypes.take(pa.array(codes)), **beside}
    )
