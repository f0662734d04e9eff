# SPDX-License-Identifier: Apache-2.0
"""Quads of many rows as columns of terms: each column once, however many patterns use it.

What reads tables makes these, where it knows what kind of terms a column holds; what stores quads gives each column its
ids at once. ``QUADS`` (:mod:`semcube.io.terms`) are the general form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.io.keys import join
from semcube.io.terms import IRI, KIND_BLANK, KIND_IRI, KIND_LITERAL, QUADS, TERMS, Literal, term
from semcube.vocab import RDF_LANG_STRING, XSD_STRING

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["KnownShapes", "Position", "QuadColumns", "TermColumn", "constant_column", "constant_terms"]

Position = int | str | None
"""The number of a column, the key of a constant, or None: the default graph."""


@dataclass(frozen=True)
class KnownShapes:
    """The geometries of WKT literals that have a canonical text (:mod:`semcube.geometry.canonical`)."""

    wkb: pa.Array
    """(n,) large_binary, canonical, x east and y north; null where there is a text, or no term."""
    crs: str
    """IRI of their coordinate reference system."""

    def texts(self) -> pa.Array:
        """(n,) large_string: the canonical texts."""
        from semcube.geometry.wkb import wkb_to_wkt

        return wkb_to_wkt(self.wkb, self.crs)


@dataclass(frozen=True)
class TermColumn:
    """Terms of one kind; literals of one datatype or language, too.

    Example:
        >>> TermColumn(pa.array(["a", None], pa.large_string()), 2, language="fr").keys().to_pylist()
        ['"a"@fr', None]
    """

    lexical: pa.Array
    """(n,) large_string: IRIs, labels or lexical forms; null where a row has no term, or ``shapes`` have its text."""
    kind: int
    datatype: str | None = None
    language: str | None = None
    shapes: KnownShapes | None = None
    values: pa.Array | None = None
    """(n,) int64 or float64: the numbers that the lexical forms of ``xsd:integer``, or of ``xsd:decimal`` and
    ``xsd:double``, were made of; in as few digits as tell them apart."""

    def terms(self) -> pa.RecordBatch:
        """``TERMS`` columns; each row must have a text."""
        return constant_terms(self.lexical, self.kind, self.datatype, self.language)

    def valid(self) -> npt.NDArray[np.bool_] | None:
        """The rows that have a term; None if all do."""
        if not self.lexical.null_count:
            return None
        found: npt.NDArray[np.bool_] = self.lexical.is_valid().to_numpy(zero_copy_only=False)
        if self.shapes is not None:
            found = found | self.shapes.wkb.is_valid().to_numpy(zero_copy_only=False)
        return None if found.all() else found

    def where(self, rows: npt.NDArray[np.bool_]) -> TermColumn:
        """The same with terms in some rows only."""
        if rows.all():
            return self
        kept, shapes = pa.array(rows), self.shapes
        if shapes is not None:
            shapes = replace(shapes, wkb=pc.if_else(kept, shapes.wkb, pa.scalar(None, shapes.wkb.type)))
        return replace(self, lexical=pc.if_else(kept, self.lexical, pa.scalar(None, self.lexical.type)), shapes=shapes)

    def written(self) -> TermColumn:
        """The same with the texts of all terms."""
        shapes = self.shapes
        if shapes is None or shapes.wkb.null_count == len(shapes.wkb):
            return self
        texts = shapes.texts()
        if self.lexical.null_count < len(self.lexical):
            texts = pc.if_else(self.lexical.is_valid(), self.lexical, texts)
        return replace(self, lexical=texts)

    def keys(self) -> pa.Array:
        """Keys; null where a row has no term."""
        lexical = self.written().lexical
        if not lexical.null_count:
            return join(constant_terms(lexical, self.kind, self.datatype, self.language))
        valid = lexical.is_valid().to_numpy(zero_copy_only=False)
        places = np.cumsum(valid) - 1
        kept = constant_terms(lexical.drop_null(), self.kind, self.datatype, self.language)
        return join(kept).take(pa.array(places, mask=~valid))


def constant_terms(lexical: pa.Array, kind: int, datatype: str | None, language: str | None) -> pa.RecordBatch:
    """``TERMS`` columns of terms that differ in their lexical form only."""
    count = len(lexical)
    if kind == KIND_LITERAL:
        datatype = RDF_LANG_STRING if language is not None else datatype or XSD_STRING
    texts = [
        pa.nulls(count, pa.large_string()) if text is None else pa.repeat(pa.scalar(text, pa.large_string()), count)
        for text in (datatype, language)
    ]
    return pa.record_batch([pa.repeat(pa.scalar(kind, pa.int8()), count), lexical, *texts], schema=TERMS)


def constant_column(key: str) -> TermColumn:
    """A column with one term.

    Example:
        >>> constant_column('"chat"@fr').keys().to_pylist()
        ['"chat"@fr']
    """
    one = term(key)
    if isinstance(one, Literal):
        return TermColumn(pa.array([one.lexical], pa.large_string()), KIND_LITERAL, one.datatype, one.language)
    lexical, kind = (one.value, KIND_IRI) if isinstance(one, IRI) else (one.label, KIND_BLANK)
    return TermColumn(pa.array([lexical], pa.large_string()), kind)


@dataclass(frozen=True)
class QuadColumns:
    """The quads of some rows: each pattern gives one for each row in which all its columns have a term."""

    columns: tuple[TermColumn, ...]
    patterns: tuple[tuple[Position, Position, Position, Position], ...]
    """Subject, predicate, object, graph."""
    rows: int

    def in_graph(self, graph: str) -> QuadColumns:
        """The same with the quads of the default graph in another one.

        Args:
            graph: Its key.
        """
        patterns = tuple((s, p, o, graph if g is None else g) for s, p, o, g in self.patterns)
        return QuadColumns(self.columns, patterns, self.rows)

    def kept(self) -> Iterator[npt.NDArray[np.bool_] | None]:
        """Pattern by pattern, the rows that give a quad; None if all do."""
        valid = [column.valid() for column in self.columns]
        for pattern in self.patterns:
            found = None
            for place in {place for place in pattern if isinstance(place, int)}:
                rows = valid[place]
                if rows is not None:
                    found = rows if found is None else found & rows
            yield found

    def needed(self) -> QuadColumns:
        """The same without patterns that give no quad, and without terms of rows that give no quad with them."""
        whole: set[int] = set()
        patterns = []
        rows: dict[int, npt.NDArray[np.bool_]] = {}
        for pattern, kept in zip(self.patterns, self.kept(), strict=True):
            if kept is not None and not kept.any():
                continue
            patterns.append(pattern)
            for place in {place for place in pattern if isinstance(place, int)}:
                if kept is None:
                    whole.add(place)
                else:
                    rows[place] = rows[place] | kept if place in rows else kept
        columns = [
            column if place in whole else column.where(rows.get(place, np.zeros(self.rows, bool)))
            for place, column in enumerate(self.columns)
        ]
        return QuadColumns(tuple(columns), tuple(patterns), self.rows)

    def quads(self) -> Iterator[pa.RecordBatch]:
        """The same as ``QUADS``, pattern by pattern: the reference."""
        keys = [column.keys() for column in self.columns]
        for pattern, kept in zip(self.patterns, self.kept(), strict=True):
            count = self.rows if kept is None else int(kept.sum())
            arrays = []
            for place in pattern:
                if isinstance(place, int):
                    arrays.append(keys[place] if kept is None else keys[place].filter(pa.array(kept)))
                else:
                    arrays.append(_repeated(place, count))
            if count:
                s, p, o, g = arrays
                yield pa.RecordBatch.from_arrays([s, p, o, g], schema=QUADS)


def _repeated(key: str | None, count: int) -> pa.Array:
    return pa.nulls(count, pa.large_string()) if key is None else pa.repeat(pa.scalar(key, pa.large_string()), count)
