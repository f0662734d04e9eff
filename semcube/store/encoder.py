# SPDX-License-Identifier: Apache-2.0
"""The encoder that gives new terms of a store their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from semcube.engines import ids
from semcube.engines.classify import classify
from semcube.engines.embedded import registered
from semcube.engines.keys import split
from semcube.store.dictionary import StoreDictionary, hash_of

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt

    Ids = npt.NDArray[np.int64]

__all__ = ["Encoder"]

FEW = 1000
"""So many terms are looked up as queries do it."""


class Encoder:
    """Turns keys into ids inside a write transaction; terms that are new are added to the store.

    Args:
        connection: The writing connection, inside a transaction.
        salt: The salt of the store's hashes.

    Many terms at once: those that are new are known by a salted 128-bit hash until :meth:`flush`, so that a bulk load
    compares no text with what it added itself; what the store had before is compared in full. Few are looked up as
    queries do it, which takes a third of the time.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, salt: str) -> None:
        self._connection = connection
        self._salt = salt
        self._start = self._before = self.last = int(connection.execute("SELECT terms FROM meta").fetchall()[0][0])
        self._dictionary = StoreDictionary(lambda: connection, salt, None)
        self._bulk = False

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
        return self._encode_few(keys) if len(keys) <= FEW else self._encode_many(keys)

    def _encode_few(self, keys: pa.Array) -> tuple[Ids, pa.Table]:
        self.flush()
        found = self._dictionary.find(keys)
        new = np.flatnonzero(found == 0)
        fresh = keys.take(pa.array(new))
        terms = split(fresh)
        classes = classify(terms)
        numbers = self._numbered(found, new, classes["tag"].to_numpy(zero_copy_only=False).astype(np.int64))
        table = _rows(numbers, terms, classes)
        if len(new):
            pairs = zip(fresh.to_pylist(), numbers.tolist(), strict=True)
            listed = ",".join(f"({hash_of(self._salt, key)},{number})" for key, number in pairs)
            with registered(self._connection, {"added_terms": table}):
                self._connection.execute("INSERT INTO terms SELECT * FROM added_terms")
            self._connection.execute(f"INSERT INTO lookup VALUES {listed}")
            self._before = self.last
        return found, table

    def _numbered(self, found: Ids, new: Ids, tags: Ids) -> Ids:
        """Give new terms their numbers."""
        numbers: Ids = self.last + 1 + np.arange(len(new))
        found[new] = (tags << ids.SHIFT) | numbers
        self.last += len(new)
        return numbers

    def _encode_many(self, keys: pa.Array) -> tuple[Ids, pa.Table]:
        con = self._connection
        if not self._bulk:
            con.execute("CREATE OR REPLACE TEMP TABLE new_lookup (h UHUGEINT, n BIGINT)")
            self._bulk = True
        terms = split(keys)
        classes = classify(terms)
        tags = classes["tag"].to_numpy(zero_copy_only=False).astype(np.int64)
        found = classes["inline"].fill_null(0).to_numpy(zero_copy_only=False).copy()
        rows = np.flatnonzero(found == 0)
        wanted = pa.table(
            {"i": rows, "key": keys.take(pa.array(rows)), "tag": tags[rows].astype(np.int8)}
            | {name: terms[name].take(pa.array(rows)) for name in ("lexical", "datatype", "language")}
        )
        with registered(con, {"wanted": wanted}):
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE incoming AS SELECT i, md5_number('{self._salt}' || key) AS h FROM wanted"
            )
            self._known(found, tags)
            new = np.flatnonzero(found == 0)
            numbers = self._numbered(found, new, tags[new])
            chosen = pa.array(new)
            table = _rows(numbers, terms.take(chosen), classes.take(chosen))
            places = pa.table({"i": new, "n": numbers})
            with registered(con, {"added_terms": table, "added_places": places}):
                con.execute("INSERT INTO terms SELECT * FROM added_terms")
                con.execute("INSERT INTO new_lookup SELECT h, n FROM incoming JOIN added_places USING (i)")
        return found, table

    def _known(self, found: Ids, tags: Ids) -> None:
        """Fill in the ids of terms that the store has, from before or from earlier in this transaction."""
        con = self._connection
        if self.last > self._before:
            have = con.execute("SELECT i, n FROM incoming JOIN new_lookup USING (h)").fetchnumpy()
            found[have["i"]] = (tags[have["i"]] << ids.SHIFT) | have["n"]
        if self._before:
            have = con.execute(
                f"""SELECT k.i, t.n FROM incoming x
                    JOIN lookup l ON l.h = CAST(x.h & 4294967295 AS UINTEGER)
                    JOIN wanted k ON k.i = x.i JOIN terms t ON t.n = l.n
                    WHERE t.n <= {self._before} AND t.tag = k.tag AND t.lexical = k.lexical
                      AND t.datatype IS NOT DISTINCT FROM k.datatype AND t.language IS NOT DISTINCT FROM k.language"""
            ).fetchnumpy()
            found[have["i"]] = (tags[have["i"]] << ids.SHIFT) | have["n"]

    def flush(self) -> None:
        """Make the new terms findable by a :class:`StoreDictionary` on the same connection."""
        if self.last > self._before:
            self._connection.execute(
                "INSERT INTO lookup SELECT CAST(h & 4294967295 AS UINTEGER) AS h, n FROM new_lookup ORDER BY 1, 2"
            )
            self._connection.execute("DELETE FROM new_lookup")
            self._before = self.last


def _rows(numbers: Ids, terms: pa.RecordBatch, classes: pa.RecordBatch) -> pa.Table:
    """Rows of the table ``terms``."""
    return pa.table(
        {"n": numbers, "tag": classes["tag"]}
        | {name: terms[name] for name in ("lexical", "datatype", "language")}
        | {name: classes[name] for name in ("number", "exact", "time", "zoned")}
    )
