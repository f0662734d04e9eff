# SPDX-License-Identifier: Apache-2.0
"""Terms that are encoded together: what the encoder has to know of them, of whichever form they come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from semcube.engines import ids, xsd
from semcube.engines.classify import classify, classify_literals, classify_numbers, classify_term
from semcube.io.term_columns import TermColumn, constant_terms
from semcube.io.terms import KIND_BLANK, KIND_IRI, KIND_LITERAL, Literal
from semcube.store.derived import WKT, Shapes, hashed, shapes_of, without_texts
from semcube.store.forms import Form
from semcube.store.keyed_hashes import about_of, distinct_codes, kinds_of
from semcube.vocab import RDF_LANG_STRING, WKT_LITERAL, XSD_BOOLEAN, XSD_INTEGER, XSD_STRING

if TYPE_CHECKING:
    import numpy.typing as npt

    from semcube.store.hash_table import HashTable
    from semcube.store.keyed_hashes import TermHasher

    Ids = npt.NDArray[np.int64]

__all__ = ["ColumnPart", "Described", "Part", "ShapesPart", "TermsPart"]

_OWN_IDS = (XSD_INTEGER, XSD_BOOLEAN)
"""Only literals of these datatypes may be ids themselves."""
_SAMPLE = 1024
_TAGS = 1 + max(ids.Tag)
_OWN_ABOUTS = frozenset(about_of(KIND_LITERAL, datatype) for datatype in _OWN_IDS)
_HALF, _LOWER = np.uint64(32), np.uint64(0xFFFFFFFF)


class Described(NamedTuple):
    """What is stored of some terms."""

    lexical: pa.Array
    forms: list[Form]
    """The distinct ones."""
    codes: Ids | None
    """Row -> place in ``forms``; all rows have the first if None."""
    classes: pa.RecordBatch | None
    """``CLASSES`` columns; None where no term has a value."""
    shapes: Shapes | None = None
    """What those are made of whose lexical form is null."""

    def tags(self) -> Ids:
        """The tag of each term."""
        tags = np.array([form.tag for form in self.forms], np.int64)
        return np.full(len(self.lexical), tags[0]) if self.codes is None else tags[self.codes]

    def where(self, kept: npt.NDArray[np.bool_]) -> Described:
        """Some of the rows."""
        if kept.all():
            return self
        mask = pa.array(kept)
        codes = None if self.codes is None else self.codes[kept]
        classes = None if self.classes is None else self.classes.filter(mask)
        shapes = None if self.shapes is None else self.shapes.take(np.flatnonzero(kept))
        return Described(self.lexical.filter(mask), self.forms, codes, classes, shapes)


class Part:
    """Terms on their way to ids.

    Args:
        lexical: (n,) large_string, null only where there is a shape; terms may occur several times.
        abouts: What is hashed beside them (:func:`semcube.store.keyed_hashes.about_of`), the distinct ones.
        codes: Row -> place in ``abouts``; all rows have the first if None.
        shapes: What those are made of that are stored without text.
    """

    def __init__(self, lexical: pa.Array, abouts: list[str], codes: Ids | None, shapes: Shapes | None = None) -> None:
        self._lexical, self._codes, self._shapes = lexical, codes, shapes
        self._hashed = hashed(lexical, abouts, codes, shapes)
        self.count = len(lexical)
        self._inline: Ids | None = None
        """Ids of the terms that are their own; 0 for the others."""
        self._rows: Ids | None = None
        """Rows of the others; None if all are."""
        self._places: Ids = np.empty(0, np.int64)
        self.new: Ids = np.empty(0, np.int64)
        """Rows of terms that the table had not."""

    def describe(self, rows: Ids) -> Described:
        """What is stored of some rows; they are in ascending order."""
        raise NotImplementedError

    def classes(self, rows: Ids) -> pa.RecordBatch:
        """``CLASSES`` columns of some rows."""
        raise NotImplementedError

    def enter(self, hasher: TermHasher, table: HashTable) -> None:
        """Look the terms up in a table, and add those it lacks."""
        (data, abouts, codes), rows = self._hashed, self._rows
        if rows is not None:
            data = data.take(pa.array(rows))
            codes = None if codes is None else codes[rows]
        if not len(data):
            return
        lanes = hasher.lanes(data, abouts, codes)
        upper = (lanes[0] & ~_LOWER) | (lanes[1] >> _HALF)
        lower = (lanes[2] & ~_LOWER) | (lanes[3] >> _HALF)
        self._places, new = table.add(upper, lower)
        self.new = new if rows is None else rows[new]

    def short(self, hasher: TermHasher) -> npt.NDArray[np.uint32]:
        """(n,) the 32 bits under which each term is looked up."""
        found: npt.NDArray[np.uint32] = (hasher.lanes(*self._hashed, count=1)[0] >> _HALF).astype(np.uint32)
        return found

    def shapes(self, rows: Ids) -> Shapes | None:
        """What some rows are made of; None if no term of the part is stored without text."""
        shapes = self._shapes
        return shapes if shapes is None or len(rows) == self.count else shapes.take(rows)

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
        classes = self.classes(np.arange(self.count) if rows is None else rows)
        inline = classes["inline"].fill_null(0).to_numpy(zero_copy_only=False)
        if inline.any():
            self._inline = np.zeros(self.count, np.int64)
            self._inline[slice(None) if rows is None else rows] = inline
            self._rows = np.flatnonzero(self._inline == 0)


class TermsPart(Part):
    """Terms of all kinds.

    Args:
        terms: ``TERMS`` columns without unbound rows.
        derives: Whether canonical WKT is stored without text.
    """

    def __init__(self, terms: pa.RecordBatch, *, derives: bool = False) -> None:
        self._kinds, codes = kinds_of(terms)
        abouts = [about_of(*each) for each in self._kinds]
        shapes = shapes_of(terms) if derives and WKT in abouts else None
        super().__init__(terms["lexical"], abouts, codes, shapes)
        self._terms = without_texts(terms, shapes)
        own = [place for place, about in enumerate(abouts) if about in _OWN_ABOUTS]
        if own:
            self._take_inline(np.flatnonzero(np.isin(codes, own)))

    def describe(self, rows: Ids) -> Described:
        """What is stored of some rows."""
        terms = self._terms.take(pa.array(rows))
        classes = classify(terms)
        codes = np.zeros(len(rows), np.int64) if self._codes is None else self._codes[rows]
        distinct, codes = distinct_codes(_tags(classes) + _TAGS * codes)
        forms = []
        for number in distinct.tolist():
            code, tag = divmod(number, _TAGS)
            forms.append(Form(tag, *self._kinds[code][1:]))
        return Described(terms["lexical"], forms, codes, classes, self.shapes(rows))

    def classes(self, rows: Ids) -> pa.RecordBatch:
        """``CLASSES`` columns of some rows."""
        return classify(self._terms.take(pa.array(rows)))


class ColumnPart(Part):
    """Terms of one kind and datatype; where many are alike, each only once.

    Args:
        column: The column, perhaps with nulls; its shapes are not looked at.
        derives: Whether canonical WKT is stored without text.
    """

    def __init__(self, column: TermColumn, *, derives: bool = False) -> None:
        lexical, self._spread = _distinct(column.lexical)
        shapes = None
        if derives and column.datatype == WKT_LITERAL:
            terms = constant_terms(lexical, column.kind, column.datatype, column.language)
            shapes = shapes_of(terms)
            lexical = without_texts(terms, shapes)["lexical"]
        super().__init__(lexical, [about_of(column.kind, column.datatype, column.language)], None, shapes)
        self.column = column
        self._tag = _tag(column)
        if column.datatype in _OWN_IDS and column.language is None and self.count:
            self._take_inline(None)

    def describe(self, rows: Ids) -> Described:
        """What is stored of some rows."""
        lexical, column = self._some(rows), self.column
        datatype = None
        if column.kind == KIND_LITERAL:
            datatype = RDF_LANG_STRING if column.language is not None else column.datatype or XSD_STRING
        if self._tag is not None:
            form = Form(int(self._tag), datatype, column.language)
            return Described(lexical, [form], None, None, self.shapes(rows))
        classes = self._classes(lexical, rows)
        tags = _tags(classes)
        distinct = np.flatnonzero(np.bincount(tags, minlength=1))
        codes = None if len(distinct) == 1 else np.searchsorted(distinct, tags)
        return Described(lexical, [Form(tag, datatype) for tag in distinct.tolist()], codes, classes)

    def classes(self, rows: Ids) -> pa.RecordBatch:
        """``CLASSES`` columns of some rows."""
        return self._classes(self._some(rows), rows)

    def _classes(self, lexical: pa.Array, rows: Ids) -> pa.RecordBatch:
        datatype, values = self.column.datatype or XSD_STRING, self.column.values
        if values is None or not len(rows):
            return classify_literals(lexical, datatype)
        whole = self._spread is None and len(rows) == self.count
        return classify_numbers(lexical, datatype, values if whole else values.take(pa.array(self.column_rows(rows))))

    def _some(self, rows: Ids) -> pa.Array:
        return self._lexical if len(rows) == self.count else self._lexical.take(pa.array(rows))

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


class ShapesPart(ColumnPart):
    """The WKT literals of a column that come without text.

    Args:
        column: The column; its lexical forms are not looked at.
    """

    def __init__(self, column: TermColumn) -> None:
        assert column.shapes is not None
        wkb, self._spread = column.shapes.wkb, None
        if wkb.null_count:
            valid = wkb.is_valid().to_numpy(zero_copy_only=False)
            wkb, self._spread = wkb.drop_null(), np.where(valid, np.cumsum(valid) - 1, -1)
        shapes = Shapes(wkb, (column.shapes.crs,), np.zeros(len(wkb), np.int64))
        Part.__init__(self, pa.nulls(len(wkb), pa.large_string()), [], None, shapes)
        self.column = column
        self._tag = ids.Tag.GEOMETRY


def _tags(classes: pa.RecordBatch) -> Ids:
    tags: Ids = classes["tag"].to_numpy(zero_copy_only=False).astype(np.int64)
    return tags


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
