# SPDX-License-Identifier: Apache-2.0
"""The encoder that gives new terms of a store their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from semcube.engines import ids
from semcube.engines.classify import classify
from semcube.engines.embedded import registered
from semcube.engines.keys import split
from semcube.store.appending import Appender, append
from semcube.store.dictionary import StoreDictionary
from semcube.store.hash_table import BYTES, HashTable
from semcube.store.keyed_hashes import hash_of, hasher
from semcube.store.term_parts import ColumnPart, Part, TermsPart

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
_HALF = np.uint64(32)
_P = TypeVar("_P", bound=Part)


class Added(NamedTuple):
    """Terms of a column that the store had not."""

    column: TermColumn
    rows: Ids
    """The first row of the column with each."""
    table: pa.Table
    """Rows of the table ``terms``."""


class Encoder:
    """Turns terms into ids inside a write transaction; terms that are new are added to the store.

    Args:
        connection: The writing connection, inside a transaction.
        salt: The salt of the store's hashes.
        memory: Bytes that may be taken outside of the database by what is known of terms.

    Many terms at once: those that were met before in this transaction are known by a keyed 128-bit hash
    (:mod:`semcube.store.keyed_hashes`), so that a bulk load compares no text with what it added itself; what the store
    had before is compared in full. Few are looked up as queries do it, which takes a third of the time.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, salt: str, memory: int = 1 << 28) -> None:
        self._connection = connection
        self._salt = salt
        self._start = self._before = self.last = int(connection.execute("SELECT terms FROM meta").fetchall()[0][0])
        self._dictionary = StoreDictionary(lambda: connection, salt, None)
        self._most = memory // BYTES
        self._terms = Appender(connection, "terms", memory // 8)
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
            (n,) ids, and a table with the columns of ``terms`` for the new ones.
        """
        if len(keys) <= FEW:
            return self._encode_few(keys)
        part = TermsPart(split(keys))
        table, stored = self._enter([part])
        added = [rows for _, _, rows in stored]
        nothing = np.empty(0, np.int64)
        return part.found(table), added[0] if added else _rows(nothing, *_described(part, nothing))

    def encode_several(self, columns: Sequence[pa.Array]) -> tuple[list[Ids], list[tuple[int, Ids, pa.Table]]]:
        """As :meth:`encode`, for several columns of keys, which may have keys in common.

        Returns:
            Their ids, and of the columns with terms that are new: their number, the rows with these terms, and the
            rows of the table ``terms``.
        """
        parts = [TermsPart(split(keys)) for keys in columns]
        table, stored = self._enter(parts)
        return [part.found(table) for part in parts], [(parts.index(part), rows, new) for part, rows, new in stored]

    def encode_columns(self, columns: Sequence[TermColumn]) -> tuple[list[Ids], list[Added]]:
        """The ids of columns of terms, 0 where a row has none, and the terms that are new.

        Args:
            columns: Of any lengths.
        """
        parts = [ColumnPart(column) for column in columns]
        table, stored = self._enter(parts)
        found = [part.column_ids(table) for part in parts]
        return found, [Added(part.column, part.column_rows(rows), added) for part, rows, added in stored]

    # --- few --------------------------------------------------------------------------------------------------------

    def _encode_few(self, keys: pa.Array) -> tuple[Ids, pa.Table]:
        self.flush()
        found = self._dictionary.find(keys)
        new = np.flatnonzero(found == 0)
        fresh = keys.take(pa.array(new))
        terms = split(fresh)
        classes = classify(terms)
        found[new] = self._numbered(_tags(classes))
        numbers = found[new] & ids.PAYLOAD
        table = _rows(numbers, terms, classes)
        self._note_inexact(numbers, classes)
        if len(new):
            pairs = zip(fresh.to_pylist(), numbers.tolist(), strict=True)
            listed = ",".join(f"({hash_of(self._salt, key)},{number})" for key, number in pairs)
            append(self._connection, "terms", table)
            self._connection.execute(f"INSERT INTO lookup VALUES {listed}")
            self._before = self.last
        return found, table

    # --- many -------------------------------------------------------------------------------------------------------

    def _enter(self, parts: Sequence[_P]) -> tuple[HashTable, list[tuple[_P, Ids, pa.Table]]]:
        """Make sure that the store has the terms of all parts.

        Returns:
            A table with the ids of all of them, and those that are new, part by part: their rows there, and those of
            the table ``terms``.
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
        fresh = [(part, *_described(part, part.new)) for part in parts if len(part.new)]
        return table, self._settle(table, first, fresh) if fresh else []

    def _settle(
        self, table: HashTable, first: int, fresh: list[tuple[_P, pa.RecordBatch, pa.RecordBatch]]
    ) -> list[tuple[_P, Ids, pa.Table]]:
        """Give the entries of a table from the first on their ids; terms that the store lacks are added to it."""
        upper, lower = table.upper[first:], table.lower[first:]
        short = (upper >> _HALF).astype(np.uint32)
        tags = np.concatenate([_tags(classes) for _, _, classes in fresh])
        found = np.zeros(len(upper), np.int64)
        if self._met is None:
            self._find_met(found, upper, lower)
        if self._before:
            self._find_stored(found, short, tags, [terms for _, terms, _ in fresh])
        lacking = found == 0
        found[lacking] = self._numbered(tags[lacking])
        table.ids[first : first + len(found)] = found
        stored, start = [], 0
        for part, *described in fresh:
            kept = lacking[start : start + len(part.new)]
            numbers = found[start : start + len(part.new)][kept] & ids.PAYLOAD
            start += len(part.new)
            if len(numbers):
                terms, classes = (each if kept.all() else each.filter(pa.array(kept)) for each in described)
                self._note_inexact(numbers, classes)
                stored.append((part, part.new[kept], _rows(numbers, terms, classes)))
        if stored:
            self._terms.add(pa.concat_tables([rows for _, _, rows in stored]))
            self._list(short[lacking], found[lacking] & ids.PAYLOAD)
            if self._met is None:
                columns = {"upper": upper[lacking], "lower": lower[lacking], "id": found[lacking]}
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

    def _find_stored(self, found: Ids, short: npt.NDArray[np.uint32], tags: Ids, terms: list[pa.RecordBatch]) -> None:
        """Fill in the ids of terms that the store had before: candidates by hash, then their text in full."""
        wanted = pa.Table.from_batches(terms).select(["lexical", "datatype", "language"])
        columns = {"i": np.arange(len(found)), "h": short, "tag": tags.astype(np.int8)}
        for name, column in columns.items():
            wanted = wanted.append_column(name, pa.array(column))
        if found.any():
            wanted = wanted.filter(pa.array(found == 0))
        with registered(self._connection, {"wanted": wanted}):
            have = self._connection.execute(
                f"""SELECT k.i, t.n FROM wanted k JOIN lookup l ON l.h = k.h JOIN terms t ON t.n = l.n
                    WHERE t.n <= {self._before} AND t.tag = k.tag AND t.lexical = k.lexical
                      AND t.datatype IS NOT DISTINCT FROM k.datatype AND t.language IS NOT DISTINCT FROM k.language"""
            ).fetchnumpy()
        found[have["i"]] = (tags[have["i"]] << ids.SHIFT) | have["n"]

    def _release(self, table: HashTable) -> None:
        """Move what is known of terms into the database."""
        self._connection.execute("CREATE OR REPLACE TEMP TABLE met (upper UBIGINT, lower UBIGINT, id BIGINT)")
        columns = {"upper": table.upper, "lower": table.lower, "id": table.ids[: len(table)]}
        append(self._connection, "met", pa.table(columns))
        self._met = None

    def _note_inexact(self, numbers: Ids, classes: pa.RecordBatch) -> None:
        """Note which new terms are inexact numbers."""
        if self._inexact is None:
            return
        exact = classes["exact"].to_numpy(zero_copy_only=False)
        inexact = numbers[(_tags(classes) == int(ids.Tag.NUMERIC)) & ~exact]
        if len(inexact):
            self._inexact.append(inexact + ids.first(ids.Tag.NUMERIC))
            if sum(map(len, self._inexact)) > self._most:
                self._inexact = None

    def inexact(self) -> Ids | None:
        """Ids of numbers that do not compare as their doubles do, ascending; None if not all of them are known."""
        return None if self._inexact is None else np.concatenate([np.empty(0, np.int64), *self._inexact])

    # --- look-ups ---------------------------------------------------------------------------------------------------

    def _list(self, short: npt.NDArray[np.uint32], numbers: Ids) -> None:
        """Note the hashes of new terms."""
        self._unlisted.append((short, numbers))
        if sum(len(each) for _, each in self._unlisted) >= RUN:
            self.flush()

    def flush(self) -> None:
        """Make the new terms findable by a :class:`StoreDictionary` on the same connection."""
        self._terms.flush()
        if self._unlisted:
            short, numbers = (np.concatenate(columns) for columns in zip(*self._unlisted, strict=True))
            self._unlisted = []
            base = int(numbers[0])
            both = (short.astype(np.uint64) << _HALF) | (numbers - base).astype(np.uint64)
            both.sort()
            numbers = (both & np.uint64(0xFFFFFFFF)).astype(np.int64) + base
            append(self._connection, "lookup", pa.table({"h": (both >> _HALF).astype(np.uint32), "n": numbers}))


def _described(part: Part, rows: Ids) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """``TERMS`` and ``CLASSES`` columns of some rows of a part."""
    terms = part.terms(rows)
    return terms, part.classes(terms)


def _tags(classes: pa.RecordBatch) -> Ids:
    tags: Ids = classes["tag"].to_numpy(zero_copy_only=False).astype(np.int64)
    return tags


def _rows(numbers: Ids, terms: pa.RecordBatch, classes: pa.RecordBatch) -> pa.Table:
    """Rows of the table ``terms``."""
    return pa.table(
        {"n": numbers, "tag": classes["tag"]}
        | {name: terms[name] for name in ("lexical", "datatype", "language")}
        | {name: classes[name] for name in ("number", "exact", "time", "zoned")}
    )
