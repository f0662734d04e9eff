# SPDX-License-Identifier: Apache-2.0
"""Terms that are encoded together: what the encoder has to know of them, of whichever form they come in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from semcube.engines import ids, xsd
from semcube.engines.classify import CLASSES, classify, classify_term
from semcube.io.term_columns import TermColumn, constant_terms
from semcube.io.terms import KIND_BLANK, KIND_IRI, KIND_LITERAL, Literal
from semcube.store.keyed_hashes import about_of, abouts_of
from semcube.vocab import XSD_BOOLEAN, XSD_INTEGER, XSD_STRING

if TYPE_CHECKING:
    import numpy.typing as npt

    from semcube.store.hash_table import HashTable
    from semcube.store.keyed_hashes import TermHasher

    Ids = npt.NDArray[np.int64]

__all__ = ["ColumnPart", "Part", "TermsPart"]

_OWN_IDS = (XSD_INTEGER, XSD_BOOLEAN)
"""Only literals of these datatypes may be ids themselves."""
_SAMPLE = 1024
_OWN_ABOUTS = frozenset(about_of(KIND_LITERAL, datatype) for datatype in _OWN_IDS)
_HALF, _LOWER = np.uint64(32), np.uint64(0xFFFFFFFF)


class Part:
    """Terms on their way to ids.

    Args:
        lexical: (n,) large_string without nulls; terms may occur several times.
        abouts: What is hashed beside them (:func:`semcube.store.keyed_hashes.about_of`), the distinct ones.
        codes: Row -> place in ``abouts``; all rows have the first if None.
    """

    def __init__(self, lexical: pa.Array, abouts: list[str], codes: Ids | None) -> None:
        self._lexical, self._abouts, self._codes = lexical, abouts, codes
        self.count = len(lexical)
        self._inline: Ids | None = None
        """Ids of the terms that are their own; 0 for the others."""
        self._rows: Ids | None = None
        """Rows of the others; None if all are."""
        self._places: Ids = np.empty(0, np.int64)
        self.new: Ids = np.empty(0, np.int64)
        """Rows of terms that the table had not."""

    def terms(self, rows: Ids) -> pa.RecordBatch:
        """``TERMS`` columns of some rows."""
        raise NotImplementedError

    def classes(self, terms: pa.RecordBatch) -> pa.RecordBatch:
        """``CLASSES`` columns of them."""
        return classify(terms)

    def enter(self, hasher: TermHasher, table: HashTable) -> None:
        """Look the terms up in a table, and add those it lacks."""
        lexical, codes, rows = self._lexical, self._codes, self._rows
        if rows is not None:
            lexical = lexical.take(pa.array(rows))
            codes = None if codes is None else codes[rows]
        if not len(lexical):
            return
        lanes = hasher.lanes(lexical, self._abouts, codes)
        upper = (lanes[0] & ~_LOWER) | (lanes[1] >> _HALF)
        lower = (lanes[2] & ~_LOWER) | (lanes[3] >> _HALF)
        self._places, new = table.add(upper, lower)
        self.new = new if rows is None else rows[new]

    def found(self, table: HashTable) -> Ids:
        """(n,) ids, when the table has those of all its entries."""
        found = table.ids[self._places]
        if self._inline is None:
            return found
        whole = self._inline.copy()
        whole[slice(None) if self._rows is None else self._rows] = found
        return whole

    def _take_inline(self, rows: Ids | None) -> None:
        """Find the terms that are their own ids among some rows."""
        candidates = self.terms(np.arange(self.count) if rows is None else rows)
        inline = self.classes(candidates)["inline"].fill_null(0).to_numpy(zero_copy_only=False)
        if inline.any():
            self._inline = np.zeros(self.count, np.int64)
            self._inline[slice(None) if rows is None else rows] = inline
            self._rows = np.flatnonzero(self._inline == 0)


class TermsPart(Part):
    """Terms of all kinds.

    Args:
        terms: ``TERMS`` columns without unbound rows.
    """

    def __init__(self, terms: pa.RecordBatch) -> None:
        abouts, codes = abouts_of(terms)
        super().__init__(terms["lexical"], abouts, codes)
        self._terms = terms
        own = [place for place, about in enumerate(abouts) if about in _OWN_ABOUTS]
        if own:
            self._take_inline(np.flatnonzero(np.isin(codes, own)))

    def terms(self, rows: Ids) -> pa.RecordBatch:
        """``TERMS`` columns of some rows."""
        return self._terms.take(pa.array(rows))


class ColumnPart(Part):
    """Terms of one kind and datatype; where many are alike, each only once.

    Args:
        column: The column, perhaps with nulls.
    """

    def __init__(self, column: TermColumn) -> None:
        lexical, self._spread = _distinct(column.lexical)
        super().__init__(lexical, [about_of(column.kind, column.datatype, column.language)], None)
        self.column = column
        self._tag = _tag(column)
        if column.datatype in _OWN_IDS and column.language is None and self.count:
            self._take_inline(None)

    def terms(self, rows: Ids) -> pa.RecordBatch:
        """``TERMS`` columns of some rows."""
        column = self.column
        lexical = self._lexical if len(rows) == self.count else self._lexical.take(pa.array(rows))
        return constant_terms(lexical, column.kind, column.datatype, column.language)

    def classes(self, terms: pa.RecordBatch) -> pa.RecordBatch:
        """``CLASSES`` columns of them."""
        if self._tag is None:
            return classify(terms)
        count = len(terms)
        no, tag = pa.repeat(pa.scalar(False), count), pa.repeat(pa.scalar(int(self._tag), pa.int8()), count)
        nulls = {name: pa.nulls(count, CLASSES.field(name).type) for name in ("inline", "number", "time")}
        return pa.record_batch([tag, nulls["inline"], nulls["number"], no, nulls["time"], no], schema=CLASSES)

    def column_ids(self, table: HashTable) -> Ids:
        """Ids of all rows of the column, 0 where there is no term."""
        found = self.found(table)
        return found if self._spread is None else np.append(found, 0)[self._spread]

    def column_rows(self, rows: Ids) -> Ids:
        """The first rows of the column with terms that are given by their rows here."""
        if self._spread is None:
            return rows
        first = np.empty(self.count, np.int64)
        backwards = np.flatnonzero(self._spread >= 0)[::-1]
        # the last assignment stands, so that of the first row with each term
        first[self._spread[backwards]] = backwards
        return first[rows]


def _tag(column: TermColumn) -> ids.Tag | None:
    """The tag of all terms of a column, None where it depends on their text."""
    if column.kind != KIND_LITERAL:
        return {KIND_IRI: ids.Tag.IRI, KIND_BLANK: ids.Tag.BLANK}[column.kind]
    if column.language is not None:
        return ids.Tag.LANGUAGE
    datatype = column.datatype or XSD_STRING
    if datatype in xsd.NUMERIC or datatype in xsd.TEMPORAL or datatype == XSD_BOOLEAN:
        return None
    return classify_term(Literal("", datatype)).tag


def _distinct(lexical: pa.Array) -> tuple[pa.Array, Ids | None]:
    """A column without nulls, and for each row its place there, -1 for null; None where it is the column itself."""
    sample = lexical.slice(0, _SAMPLE)
    if len(lexical) > _SAMPLE and 2 * len(sample.unique()) < len(sample):
        encoded = lexical.dictionary_encode()
        return encoded.dictionary, encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    if not lexical.null_count:
        return lexical, None
    valid = lexical.is_valid().to_numpy(zero_copy_only=False)
    return lexical.drop_null(), np.where(valid, np.cumsum(valid) - 1, -1)
