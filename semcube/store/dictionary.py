# SPDX-License-Identifier: Apache-2.0
"""Terms <-> ids of a store, for reading."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.engines import ids
from semcube.engines.classify import classify_term, tag_of
from semcube.engines.embedded import registered
from semcube.engines.keys import join, split
from semcube.io.terms import TERMS, term
from semcube.store.cache import Cache
from semcube.store.derived import WKT, hash_of_wkt, hashed, shapes_of, texts_of, with_texts
from semcube.store.forms import Forms
from semcube.store.keyed_hashes import abouts_of, hash_of, hasher
from semcube.store.term_rows import Row, inline_row, key_of, rows_of, size_of, terms_of
from semcube.store.term_texts import TermTexts

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt

    Ids = npt.NDArray[np.int64]

__all__ = ["MANY", "StoreDictionary", "hash_of"]

MANY = 64
"""From so many terms on, a look-up is a join instead of a list of constants."""
FEW = 4096
"""Up to so many terms are decoded one by one; more are taken from chunks."""
SINGLE, NEAR, BESIDE = 3, 64, 16
"""So many runs of numbers are read by a statement each; gaps within a run, and what is read beside it, in terms."""

MANY_ROWS = 1024
"""From so many rows on, terms are taken straight from the chunks in memory."""


class StoreDictionary:
    """The terms of one snapshot of a store (see :class:`semcube.sparql.dataset.Dictionary`).

    Args:
        connection: Gives a connection that is free to run one statement.
        salt: The salt of the store's hashes.
        cache: Shared by all snapshots of committed states; None inside a transaction that may be rolled back.
        version: The version of the store that all connections see, where it is one.
        forms: The forms that are known, where there is no cache.
    """

    def __init__(
        self,
        connection: Callable[[], duckdb.DuckDBPyConnection],
        salt: str,
        cache: Cache | None,
        version: int | None = None,
        forms: Forms | None = None,
    ) -> None:
        self._version = version
        self._connection = connection
        self._salt = salt
        self._cache = cache
        self._texts = TermTexts() if cache is None else cache.texts
        self._forms = forms or Forms() if cache is None else cache.forms

    def find_one(self, key: str) -> int:
        """The id of one key, 0 if the store lacks it."""
        known = 0 if self._cache is None else self._cache.get(key)
        return known or self._find_few([key])[0]

    def find(self, keys: pa.Array) -> Ids:
        """The ids of keys, 0 where the store lacks a term."""
        if isinstance(keys, pa.ChunkedArray):
            keys = keys.combine_chunks()
        if len(keys) < MANY:
            texts = keys.to_pylist()
            wanted = [text for text in dict.fromkeys(texts) if text is not None]
            known = dict(zip(wanted, self._find_few(wanted), strict=True))
            return np.array([known.get(text, 0) for text in texts], np.int64)
        encoded = keys if pa.types.is_dictionary(keys.type) else keys.dictionary_encode()
        found = self._distinct(encoded.dictionary.cast(pa.large_string()))
        chosen: Ids = np.append(found, 0)[encoded.indices.fill_null(len(found)).to_numpy(zero_copy_only=False)]
        return chosen

    def _find_few(self, texts: list[str]) -> list[int]:
        """The ids of a few different keys: one by one, since whole columns have their price."""
        cache, version = self._cache, self._version
        found = [0 if cache is None else cache.get(text) for text in texts]
        missing: dict[int, int] = {}
        for place, text in enumerate(texts):
            if found[place]:
                continue
            about = classify_term(term(text))
            if about.inline is not None:
                found[place] = about.inline
            elif cache is None or version is None or not cache.lacks(text, version):
                missing[place] = int(about.tag) << ids.SHIFT
        if missing:
            numbers = self._numbers_of([texts[place] for place in missing])
            for (place, tag), number in zip(missing.items(), numbers, strict=True):
                found[place] = tag | number if number else 0
                if cache is not None and number:
                    cache.put(texts[place], found[place])
                elif cache is not None and version is not None:
                    cache.put_missing(texts[place], version)
        return found

    def _numbers_of(self, texts: list[str]) -> list[int]:
        """The numbers of a few keys, 0 where the store lacks one: candidates by hash, then their text in full."""
        hashes = self._hashes(texts)
        numbers = None
        if self._cache is not None and self._version is not None:
            numbers = self._cache.hashes.find(hashes, self._version, self._connection)
        if numbers is None:
            numbers = self._with_hashes(hashes)
        rows = self.rows(numbers)
        known = {key_of(row): number for number, row in zip(numbers, rows, strict=True) if row is not None}
        return [known.get(text, 0) for text in texts]

    def _hashes(self, texts: list[str]) -> list[int]:
        """The 32 bits under which keys are looked up."""
        found = []
        for text in texts:
            if text.endswith(WKT) and self._is_deriving():
                found.append(hash_of_wkt(self._salt, text[1 : -len(WKT)]))
            else:
                found.append(hash_of(self._salt, text))
        return found

    def _hashed(self, terms: pa.RecordBatch) -> npt.NDArray[np.uint32]:
        """The 32 bits under which many terms are looked up."""
        abouts, codes = abouts_of(terms)
        shapes = shapes_of(terms) if WKT in abouts and self._is_deriving() else None
        lanes = hasher(self._salt).lanes(*hashed(terms["lexical"], abouts, codes, shapes), count=1)
        found: npt.NDArray[np.uint32] = (lanes[0] >> np.uint64(32)).astype(np.uint32)
        return found

    def _is_deriving(self) -> bool:
        """Whether canonical WKT is stored without text; inside a transaction that may change."""
        counts = None if self._cache is None or self._version is None else self._cache.counts_of(self._version)
        if counts is not None and counts.derives is not None:
            return counts.derives
        known = bool(self._connection().execute("SELECT derives FROM meta").fetchall()[0][0])
        if counts is not None:
            counts.derives = known
        return known

    def _with_hashes(self, hashes: list[int]) -> list[int]:
        """The numbers of terms that have one of these hashes."""
        if len(hashes) < SINGLE:
            statements = [f"SELECT n FROM lookup WHERE h = {number}" for number in hashes]
        else:
            listed = ",".join(f"({number})" for number in hashes)
            values = f"(SELECT CAST(v AS UINTEGER) AS h FROM (VALUES {listed}) AS w(v))"
            statements = [f"SELECT n FROM lookup SEMI JOIN {values} USING (h)"]
        connection = self._connection()
        return [row[0] for statement in statements for row in connection.execute(statement).fetchall()]

    def _distinct(self, keys: pa.Array) -> Ids:
        """The ids of many distinct keys without nulls."""
        tags, found = tag_of(split(keys))
        found = found.astype(np.int64)
        missing = np.flatnonzero(found == 0)
        if len(missing):
            numbers = self._look_up(keys.take(pa.array(missing)))
            found[missing] = np.where(numbers > 0, (tags[missing].astype(np.int64) << ids.SHIFT) | numbers, 0)
        return found

    def _look_up(self, keys: pa.Array) -> Ids:
        """The numbers of distinct keys, 0 where unknown: candidates by hash, then their text in full."""
        rows, numbers = self._candidates(keys)
        found = np.zeros(len(keys), np.int64)
        if len(rows):
            unique, places = np.unique(numbers, return_inverse=True)
            texts = join(self._fetch(unique).combine_chunks().to_batches()[0]).take(pa.array(places.ravel()))
            same = pc.equal(texts, keys.take(pa.array(rows))).to_numpy(zero_copy_only=False)
            found[rows[same]] = numbers[same]
        return found

    def _candidates(self, keys: pa.Array) -> tuple[Ids, Ids]:
        """Pairs of a row of ``keys`` and a number that has its hash."""
        terms = split(keys)
        wanted = pa.table({"i": np.arange(len(keys)), "h": self._hashed(terms)})
        connection = self._connection()
        with registered(connection, {"wanted_keys": wanted}):
            pairs = connection.execute("SELECT w.i, l.n FROM wanted_keys w JOIN lookup l USING (h)").fetchnumpy()
        return np.asarray(pairs["i"], np.int64), np.asarray(pairs["n"], np.int64)

    def decode(self, numbers: Ids) -> pa.RecordBatch:
        """The terms of ids, row by row; 0 gives nulls."""
        numbers = np.asarray(numbers, np.int64)
        whole = self._gathered(numbers) if len(numbers) >= MANY_ROWS else None
        if whole is not None:
            return whole
        if len(numbers) <= FEW:
            return self._decode_few(numbers)
        inline = _is_inline(numbers)
        stored, others = np.flatnonzero(~inline), np.flatnonzero(inline)
        payload, places = numbers[stored] & ids.PAYLOAD, None
        if not bool((payload[1:] > payload[:-1]).all()):
            payload, places = np.unique(payload, return_inverse=True)
        found = self._texts.terms(payload, self._fetch)
        if not len(others):
            return found if places is None else found.take(pa.array(places.ravel()))
        back = np.empty(len(numbers), np.int64)
        back[stored] = np.arange(len(stored)) if places is None else places.ravel()
        back[others] = len(found) + np.arange(len(others))
        table = pa.Table.from_batches([found, *_inline_terms(numbers[others]).to_batches()], TERMS)
        return table.combine_chunks().take(pa.array(back)).combine_chunks().to_batches()[0]

    def _gathered(self, numbers: Ids) -> pa.RecordBatch | None:
        """Many terms that are all in memory, without finding the distinct ones first; None where some are not."""
        return None if _is_inline(numbers).any() else self._texts.gathered(numbers & ids.PAYLOAD)

    def _decode_few(self, numbers: Ids) -> pa.RecordBatch:
        tags = numbers >> ids.SHIFT
        stored = (tags != 0) & (tags != int(ids.Tag.INTEGER)) & (tags != int(ids.Tag.BOOLEAN))
        wanted = (numbers & ids.PAYLOAD).tolist()
        if stored.all():
            return terms_of(self.rows(wanted))
        found: list[Row | None] = [inline_row(number) for number in numbers.tolist()]
        places = np.flatnonzero(stored).tolist()
        for place, row in zip(places, self.rows([wanted[place] for place in places]), strict=True):
            found[place] = row
        return terms_of(found)

    def rows(self, numbers: list[int]) -> list[Row | None]:
        """The terms with these numbers, None where there is none; what was read lately is not read again."""
        recent = self._texts.recent
        found = recent.get(numbers)
        if None not in found:
            return found
        missing = sorted({number for number, row in zip(numbers, found, strict=True) if row is None})
        read = self._texts.from_chunks(missing, self._fetch)
        if len(read) < len(missing):
            read |= self._read([number for number in missing if number not in read])
        recent.put((number, row, size_of(row)) for number, row in read.items())
        return [read.get(number) if row is None else row for number, row in zip(numbers, found, strict=True)]

    def _read(self, numbers: list[int]) -> dict[int, Row]:
        """Terms from the database; of those at few places also the neighbours, which are likely to be wanted next."""
        runs = _runs(numbers)
        if len(runs) > SINGLE or sum(run[-1] - run[0] for run in runs) > NEAR * SINGLE:
            table = self._fetch(np.array(numbers, np.int64))
            return {n: row for n, row in zip(numbers, rows_of(table), strict=True) if row is not None}
        connection = self._connection()
        found: dict[int, Row] = {}
        for run in runs:
            text = f"SELECT n, form, lexical FROM terms WHERE n BETWEEN {run[0] - BESIDE} AND {run[-1] + BESIDE}"
            rows = connection.execute(text).fetchall()
            forms = self._forms_to(max((form for _, form, _ in rows), default=-1), connection)
            texts = texts_of(sorted(n for n, _, lexical in rows if lexical is None), connection)
            found |= {n: (texts[n] if lexical is None else lexical, forms.about(form)) for n, form, lexical in rows}
        return found

    def _forms_to(self, last: int, connection: duckdb.DuckDBPyConnection) -> Forms:
        """The forms, at least up to a number that the connection sees."""
        if last >= len(self._forms):
            self._forms.read(connection)
        return self._forms

    def _fetch(self, numbers: Ids) -> pa.Table:
        """The terms with these numbers, ascending, as ``TERMS``."""
        if not len(numbers):
            return TERMS.empty_table()
        listed = "n, form, lexical"
        connection = self._connection()
        if len(numbers) < MANY:
            # a join prunes row groups and vectors where a list of constants reads the whole column
            rows = ",".join(f"({number})" for number in numbers.tolist())
            text = f"SELECT {listed} FROM terms SEMI JOIN (VALUES {rows}) AS w(n) USING (n)"
            found = connection.sql(text).to_arrow_table()
        elif numbers[-1] - numbers[0] < 4 * len(numbers):
            # dense: reading the whole range is cheaper than a join
            found = connection.sql(
                f"SELECT {listed} FROM terms WHERE n BETWEEN {numbers[0]} AND {numbers[-1]}"
            ).to_arrow_table()
        else:
            with registered(connection, {"wanted_ids": pa.table({"n": numbers})}):
                found = connection.sql(f"SELECT {listed} FROM terms SEMI JOIN wanted_ids USING (n)").to_arrow_table()
        found = with_texts(found, connection)
        have = found["n"].to_numpy()
        if len(found):
            self._forms_to(pc.max(found["form"]).as_py(), connection)
        if len(have) == len(numbers) and bool((have == numbers).all()):
            return self._terms(found)
        order = np.argsort(have, kind="stable")
        place = np.searchsorted(have[order], numbers)
        inside = place < len(have)
        inside[inside] = have[order[place[inside]]] == numbers[inside]
        return self._terms(found.take(pa.array(order[np.where(inside, place, 0)], mask=~inside)))

    def _terms(self, found: pa.Table) -> pa.Table:
        """Rows of the table ``terms`` as ``TERMS``."""
        known = self._forms.columns()
        form = found["form"].combine_chunks()
        absent = form.is_null().to_numpy(zero_copy_only=False) if form.null_count else None
        kind = np.append(known.kind, 0)[form.fill_null(-1).to_numpy(zero_copy_only=False)]
        datatype, language = (
            pa.nulls(len(form), pa.large_string()) if each.null_count == len(each) else each.take(form)
            for each in (known.datatype, known.language)
        )
        columns = [pa.array(kind, mask=absent), found["lexical"].cast(pa.large_string()), datatype, language]
        return pa.table(columns, schema=TERMS)


def _runs(numbers: list[int]) -> list[list[int]]:
    """Ascending numbers in runs without wide gaps."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number - runs[-1][-1] <= NEAR:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def _is_inline(numbers: Ids) -> npt.NDArray[np.bool_]:
    """Which ids are no numbers of terms: they are terms themselves, or nothing."""
    tags = numbers >> ids.SHIFT
    return np.asarray((tags == 0) | (tags == int(ids.Tag.INTEGER)) | (tags == int(ids.Tag.BOOLEAN)))


def _inline_terms(numbers: Ids) -> pa.Table:
    """The terms of inline ids and of 0."""
    from semcube.vocab import XSD_BOOLEAN, XSD_INTEGER

    tags = numbers >> ids.SHIFT
    payload = numbers & ids.PAYLOAD
    integer = tags == int(ids.Tag.INTEGER)
    lexical = pc.if_else(
        pa.array(integer),
        pa.array(payload - ids.BIAS).cast(pa.large_string()),
        pa.array(np.where(payload == 1, "true", "false"), pa.large_string()),
    )
    datatype = pa.array(np.where(integer, XSD_INTEGER, XSD_BOOLEAN), pa.large_string())
    bound = pa.array(numbers != 0)
    none = pa.nulls(len(numbers), pa.large_string())
    kind = pa.array(np.full(len(numbers), 2, np.int8))
    columns = [
        pc.if_else(bound, kind, pa.scalar(None, pa.int8())),
        pc.if_else(bound, lexical, none),
        pc.if_else(bound, datatype, none),
        none,
    ]
    return pa.table(columns, schema=TERMS)
