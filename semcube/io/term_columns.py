# SPDX-License-Identifier: Apache-2.0
"""Quads of many rows as columns of terms: each column once, however many patterns use it.

What reads tables makes these, where it knows what kind of terms a column holds; what stores quads gives each column its
ids at once. ``QUADS`` (:mod:`semcube.io.terms`) are the general form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.io.keys import join
from semcube.io.terms import KIND_LITERAL, QUADS, TERMS
from semcube.vocab import RDF_LANG_STRING, XSD_STRING

__all__ = ["KnownShapes", "Position", "QuadColumns", "TermColumn", "constant_terms"]

Position = int | str | None
"""The number of a column, the key of a constant, or None: the default graph."""


@dataclass(frozen=True)
class KnownShapes:
    """The geometries of WKT literals."""

    wkb: pa.Array
    """(n,) large_binary, x east and y north; null where only the text can tell."""
    crs: str
    """IRI of their coordinate reference system."""


@dataclass(frozen=True)
class TermColumn:
    """Terms of one kind; literals of one datatype or language, too.

    Example:
        >>> TermColumn(pa.array(["a", None], pa.large_string()), 2, language="fr").keys().to_pylist()
        ['"a"@fr', None]
    """

    lexical: pa.Array
    """(n,) large_string: IRIs, labels or lexical forms; null where a row has no term."""
    kind: int
    datatype: str | None = None
    language: str | None = None
    shapes: KnownShapes | None = None

    def terms(self) -> pa.RecordBatch:
        """``TERMS`` columns; there must be no nulls."""
        return constant_terms(self.lexical, self.kind, self.datatype, self.language)

    def keys(self) -> pa.Array:
        """Keys; null where a row has no term."""
        valid = self.lexical.is_valid()
        if not self.lexical.null_count:
            return join(self.terms())
        places = np.cumsum(valid.to_numpy(zero_copy_only=False)) - 1
        kept = constant_terms(self.lexical.drop_null(), self.kind, self.datatype, self.language)
        return join(kept).take(pa.array(places, mask=~valid.to_numpy(zero_copy_only=False)))


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


@dataclass(frozen=True)
class QuadColumns:
    """The quads of some rows: each pattern gives one for each row in which all its columns have a term."""

    columns: tuple[TermColumn, ...]
    patterns: tuple[tuple[Position, Position, Position, Position], ...]
    """Subject, predicate, object, graph; at least one of them is a column."""
    rows: int

    def quads(self) -> Iterator[pa.RecordBatch]:
        """The same as ``QUADS``, pattern by pattern: the reference."""
        keys = [column.keys() for column in self.columns]
        for pattern in self.patterns:
            used = [keys[place] for place in pattern if isinstance(place, int)]
            kept = None
            for column in used:
                if column.null_count:
                    kept = column.is_valid() if kept is None else pc.and_(kept, column.is_valid())
            arrays = [
                (keys[place] if kept is None else keys[place].filter(kept)) if isinstance(place, int) else place
                for place in pattern
            ]
            count = next(len(array) for array in arrays if isinstance(array, pa.Array))
            found = [each if isinstance(each, pa.Array) else _repeated(each, count) for each in arrays]
            if count:
                yield pa.RecordBatch.from_arrays(found, schema=QUADS)


def _repeated(key: str | None, count: int) -> pa.Array:
    return pa.nulls(count, pa.large_string()) if key is None else pa.repeat(pa.scalar(key, pa.large_string()), count)
