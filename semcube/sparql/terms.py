# SPDX-License-Identifier: Apache-2.0
"""The terms of one query: ids of the dataset, and ids of the query's own.

A term that the dataset knows has the dataset's id; every other gets a local one (bit ``LOCAL``), so that within a query
two ids are equal if and only if the terms are the same term.
"""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from semcube.engines.classify import classify, classify_term, tag_of
from semcube.engines.ids import BIAS, LOCAL, PAYLOAD, SHIFT, Tag
from semcube.engines.keys import join, split
from semcube.engines.xsd import TEMPORAL
from semcube.io.terms import IRI, KIND_BLANK, KIND_IRI, KIND_LITERAL, TERMS, BlankNode, Literal, Term, key
from semcube.io.terms import term as term_of
from semcube.vocab import XSD_BOOLEAN, XSD_DOUBLE, XSD_FLOAT, XSD_INTEGER, XSD_STRING

if TYPE_CHECKING:
    from semcube.geometry import Geometries
    from semcube.sparql.dataset import Dictionary

__all__ = ["Ids", "QueryTerms", "Typed", "assign_tag"]

Ids = npt.NDArray[np.int64]

_CACHED_TERMS = 200_000
_CACHED_LENGTH = 256
_CACHED_GEOMETRIES, _CACHED_COLUMN = 256, 8
_EXACT_INTEGER = 1 << 53
_SMALL = 48
"""Columns below this are interned one by one: a dozen Arrow calls cost more."""


class Typed(NamedTuple):
    """Value columns of ids (:data:`semcube.engines.classify.CLASSES`)."""

    number: npt.NDArray[np.float64]
    exact: npt.NDArray[np.bool_]
    """Whether ``number`` is there and compares exactly."""
    time: npt.NDArray[np.int64]
    clock: npt.NDArray[np.int8]
    """0 where there is no exact ``time``; else equal for values of one datatype that all have, or lack, a time zone."""
    double: npt.NDArray[np.bool_]
    """Whether it is an ``xsd:double``; then ``number`` is its value, NaN included."""
    nearest: npt.NDArray[np.bool_]
    """Whether ``number`` is the double that is nearest to an integer or a decimal, or a double itself, not NaN.

    Two such numbers that differ order as their values do, since rounding keeps the order: the values need to be looked
    at only where they are equal and not exact.
    """

    @classmethod
    def empty(cls, rows: int) -> Typed:
        """No values."""
        nothing = np.zeros(rows, np.int64)
        return cls(np.zeros(rows), nothing != 0, nothing, nothing.astype(np.int8), nothing != 0, nothing != 0)


def assign_tag(term: Term) -> tuple[Tag, int | None]:
    """The tag of a term, and its id where it is its own id (:mod:`semcube.engines.classify`).

    Example:
        >>> assign_tag(Literal("chat", language="fr"))
        (<Tag.LANGUAGE: 4>, None)
    """
    found = classify_term(term)
    return found.tag, found.inline


class QueryTerms:
    """Terms <-> ids within one query; safe to use from several threads.

    Args:
        dictionary: The dictionary of the dataset, None where it has none.
        geometries: Ids of the dataset's geometry literals -> geometries, where the dataset keeps them decoded
            (:meth:`semcube.sparql.dataset.SpatialDataset.geometries`).

    Example:
        >>> terms = QueryTerms(None)
        >>> ids = terms.intern(['"5"^^<http://www.w3.org/2001/XMLSchema#integer>', "<http://a>", None])
        >>> terms.keys(ids).to_pylist()
        ['"5"^^<http://www.w3.org/2001/XMLSchema#integer>', '<http://a>', None]
    """

    def __init__(self, dictionary: Dictionary | None, *, geometries: Callable[[Ids], Geometries] | None = None) -> None:
        self._dictionary = dictionary
        self._dataset_geometries = geometries
        self._lock = threading.RLock()
        self.namespace = uuid.uuid4()
        """Tells the blank nodes that this query makes from those of others."""
        self._local: dict[str, int] = {}
        self._local_keys: list[str] = []
        self._terms: OrderedDict[int, Term] = OrderedDict()
        self._geometries: OrderedDict[bytes, Geometries] = OrderedDict()

    # --- terms -> ids ---------------------------------------------------------------------------------------------

    def intern(self, keys: pa.Array | Sequence[str | None]) -> Ids:
        """The ids of term keys; null gives 0.

        Args:
            keys: (n,) keys (:mod:`semcube.io.terms`), as Arrow strings (dictionary-encoded or not) or a sequence.
        """
        if isinstance(keys, pa.ChunkedArray):
            keys = keys.combine_chunks()
        if not isinstance(keys, pa.Array):
            if len(keys) < _SMALL:
                return self._intern_few(keys)
            keys = pa.array(keys, pa.large_string())
        encoded = keys if pa.types.is_dictionary(keys.type) else keys.dictionary_encode()
        if not len(encoded):
            return np.zeros(0, np.int64)
        distinct = np.append(self._intern_distinct(encoded.dictionary), 0)
        codes = encoded.indices.fill_null(len(distinct) - 1).to_numpy(zero_copy_only=False)
        return np.asarray(distinct[codes], dtype=np.int64)

    def intern_terms(self, terms: Sequence[Term | None]) -> Ids:
        """The ids of terms; None gives 0."""
        return self.intern([None if term is None else key(term) for term in terms])

    def _intern_few(self, keys: Sequence[str | None]) -> Ids:
        """The ids of a few keys, one by one."""
        found = np.zeros(len(keys), np.int64)
        missing: list[tuple[int, str, Tag]] = []
        with self._lock:
            for place, text in enumerate(keys):
                if text is None:
                    continue
                known = self._local.get(text)
                if known is None:
                    tag, known = assign_tag(term_of(text))
                    if known is None:
                        missing.append((place, text, tag))
                        continue
                found[place] = known
            if missing:
                given = self._look_up(pa.array([text for _, text, _ in missing], pa.large_string()))
                for (place, text, tag), number in zip(missing, given.tolist(), strict=True):
                    found[place] = number or self._new(text, tag)
        return found

    def _intern_distinct(self, keys: pa.Array) -> Ids:
        """The ids of different keys, column by column."""
        texts = keys.to_pylist()
        with self._lock:
            local = self._local
            found = np.array([local.get(text, 0) for text in texts], np.int64)
            unknown = np.flatnonzero(found == 0)
            tags, inline = tag_of(split(keys.take(pa.array(unknown))))
            found[unknown] = inline
            rest = unknown[(inline == 0) & (tags != 0)]
            if len(rest):
                found[rest] = self._look_up(keys.take(pa.array(rest)))
                tag = np.zeros(len(texts), np.int8)
                tag[unknown] = tags
                for place in rest[found[rest] == 0].tolist():
                    found[place] = self._new(texts[place], Tag(int(tag[place])))
        return found

    def _look_up(self, keys: pa.Array) -> Ids:
        """The dataset's ids of keys, 0 where it has none."""
        if self._dictionary is None:
            return np.zeros(len(keys), np.int64)
        return np.asarray(self._dictionary.find(keys.cast(pa.large_string())), dtype=np.int64)

    def _new(self, text: str, tag: Tag) -> int:
        """The local id of a key, given now if it has none."""
        number = self._local.get(text)
        if number is None:
            number = (int(tag) << SHIFT) | LOCAL | len(self._local_keys)
            self._local[text] = number
            self._local_keys.append(text)
        return number

    # --- ids -> terms ---------------------------------------------------------------------------------------------

    def decode(self, ids: Ids) -> pa.RecordBatch:
        """The terms of ids as ``TERMS`` columns, row by row; 0 gives a null kind.

        Args:
            ids: (n,) ids of this query.
        """
        ids = np.asarray(ids, dtype=np.int64)
        pieces, places = [], []
        for rows, batch in self._groups(ids):
            pieces.append(batch)
            places.append(rows)
        if not pieces:
            return pa.record_batch([pa.array([], field.type) for field in TERMS], schema=TERMS)
        if len(pieces) == 1:
            return pieces[0]
        order = np.empty(len(ids), np.int64)
        order[np.concatenate(places)] = np.arange(len(ids))
        table = pa.Table.from_batches(pieces, schema=TERMS).combine_chunks()
        return table.take(pa.array(order)).combine_chunks().to_batches(max_chunksize=len(ids))[0]

    def _groups(self, ids: Ids) -> Iterator[tuple[Ids, pa.RecordBatch]]:
        """Rows and terms of each way that ids are decoded."""
        tags = ids >> SHIFT
        integer, boolean = tags == Tag.INTEGER, tags == Tag.BOOLEAN
        local = ((ids & LOCAL) != 0) & ~integer & ~boolean
        dataset = ~(integer | boolean | local) & (ids != 0)
        for mask, decode in (
            (ids == 0, _unbound),
            (integer, _integers),
            (boolean, _booleans),
            (local, self._decode_local),
            (dataset, self._decode_dataset),
        ):
            rows = np.flatnonzero(mask)
            if len(rows):
                yield rows, decode(ids if len(rows) == len(ids) else ids[rows])

    def _decode_local(self, ids: Ids) -> pa.RecordBatch:
        keys = self._local_keys
        return split(pa.array([keys[number] for number in (ids & (LOCAL - 1)).tolist()], pa.large_string()))

    def _decode_dataset(self, ids: Ids) -> pa.RecordBatch:
        if self._dictionary is None:
            raise KeyError(f"id {int(ids[0])} is of no dataset")
        batch = self._dictionary.decode(ids)
        return (
            batch
            if batch.schema.equals(TERMS)
            else pa.RecordBatch.from_arrays([batch[field.name].cast(field.type) for field in TERMS], schema=TERMS)
        )

    def keys(self, ids: Ids) -> pa.Array:
        """The keys of ids as ``large_string``, null for 0."""
        return join(self.decode(ids))

    def term(self, number: int) -> Term:
        """The term of one id.

        Raises:
            KeyError: The id is 0.
        """
        if not number:
            raise KeyError("unbound")
        with self._lock:
            known = self._terms.get(number)
            if known is not None:
                self._terms.move_to_end(number)
                return known
        found = self.terms(np.array([number], np.int64))[0]
        assert found is not None
        return found

    def terms(self, ids: Ids) -> list[Term | None]:
        """The terms of ids as Python values, None for 0; for the few distinct ids that a scalar rule looks at."""
        wanted = np.asarray(ids, dtype=np.int64).tolist()
        with self._lock:
            found: dict[int, Term] = {number: self._terms[number] for number in set(wanted) if number in self._terms}
        missing = np.array(sorted(set(wanted) - found.keys() - {0}), np.int64)
        if len(missing):
            new = dict(zip(missing.tolist(), self._python_terms(missing), strict=True))
            found |= new
            with self._lock:
                self._terms.update((number, term) for number, term in new.items() if _is_short(term))
                while len(self._terms) > _CACHED_TERMS:
                    self._terms.popitem(last=False)
        return [found[number] if number else None for number in wanted]

    def _python_terms(self, ids: Ids) -> list[Term]:
        if len(ids) < _SMALL and ((ids & LOCAL) != 0).all() and ((ids >> SHIFT) != Tag.INTEGER).all():
            return [term_of(self._local_keys[number]) for number in (ids & (LOCAL - 1)).tolist()]
        columns = [column.to_pylist() for column in self.decode(ids).columns]
        return [_python_term(*row) for row in zip(*columns, strict=True)]

    def values(self, ids: Ids) -> list[Any]:
        """The typed values of ids (:func:`semcube.sparql.values.value`), None for 0."""
        from semcube.sparql.values import value

        return [None if term is None else value(term) for term in self.terms(ids)]

    def typed(self, ids: Ids) -> Typed:
        """Numbers and times of ids as columns, for kernels that need no Python objects."""
        tags = ids >> SHIFT
        typed = Typed.empty(len(ids))
        inline = tags == Tag.INTEGER
        whole = (ids[inline] & PAYLOAD) - BIAS
        typed.number[inline] = whole
        typed.exact[inline] = np.abs(whole) <= _EXACT_INTEGER
        typed.nearest[inline] = True
        rest = np.flatnonzero((tags == Tag.NUMERIC) | (tags == Tag.TEMPORAL))
        if len(rest):
            distinct, places = np.unique(ids[rest], return_inverse=True)
            terms = self.decode(distinct)
            classes = classify(terms)
            typed.number[rest] = classes["number"].fill_null(0).to_numpy(zero_copy_only=False)[places.ravel()]
            typed.exact[rest] = classes["exact"].to_numpy(zero_copy_only=False)[places.ravel()]
            typed.time[rest] = classes["time"].fill_null(0).to_numpy(zero_copy_only=False)[places.ravel()]
            typed.clock[rest] = _clocks(terms, classes)[places.ravel()]
            double = (tags[rest] == Tag.NUMERIC) & _bools(pc.equal(terms["datatype"], XSD_DOUBLE))[places.ravel()]
            typed.double[rest] = double
            single = _bools(pc.equal(terms["datatype"], XSD_FLOAT))
            typed.nearest[rest] = (_bools(pc.is_finite(classes["number"]).fill_null(False)) & ~single)[places.ravel()]
            typed.nearest[rest] |= typed.exact[rest]
        return typed

    # --- geometries -----------------------------------------------------------------------------------------------

    def geometries(self, ids: Ids) -> Geometries:
        """The geometries of ids, row by row; missing where the id is no geometry literal or a malformed one.

        Args:
            ids: (n,) ids of this query.
        """
        ids = np.asarray(ids, dtype=np.int64)
        if len(ids) > _CACHED_COLUMN:
            return self._read_geometries(ids)
        name = ids.tobytes()
        with self._lock:
            known = self._geometries.get(name)
            if known is not None:
                self._geometries.move_to_end(name)
                return known
        found = self._read_geometries(ids)
        with self._lock:
            self._geometries[name] = found
            while len(self._geometries) > _CACHED_GEOMETRIES:
                self._geometries.popitem(last=False)
        return found

    def _read_geometries(self, ids: Ids) -> Geometries:
        """The geometries of ids: the dataset's as it keeps them, others parsed, one literal datatype at a time."""
        from semcube.geometry import Geometries, parse
        from semcube.vocab import WKT_LITERAL

        is_geometry = (ids >> SHIFT) == Tag.GEOMETRY
        kept = is_geometry & ((ids & LOCAL) == 0) & (self._dataset_geometries is not None)
        places, parts = [], []
        if kept.any() and self._dataset_geometries is not None:
            places.append(np.flatnonzero(kept))
            parts.append(self._dataset_geometries(ids[kept]))
        rest = np.flatnonzero(is_geometry & ~kept)
        if len(rest):
            terms = self.decode(ids[rest])
            datatypes = terms["datatype"].dictionary_encode()
            codes = datatypes.indices.to_numpy(zero_copy_only=False)
            for code, name in enumerate(datatypes.dictionary.to_pylist()):
                rows = np.flatnonzero(codes == code)
                places.append(rest[rows])
                parts.append(parse(terms["lexical"].take(pa.array(rows)), name))
        others = np.flatnonzero(~is_geometry)
        if len(others):
            places.append(others)
            parts.append(parse(pa.nulls(len(others), pa.large_string()), WKT_LITERAL))
        if not parts:
            return parse(pa.array([], pa.large_string()), WKT_LITERAL)
        if len(parts) == 1:
            return parts[0]
        order = np.empty(len(ids), np.int64)
        order[np.concatenate(places)] = np.arange(len(ids))
        return Geometries.concat(parts).take(order)


def _bools(array: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=bool)


def _clocks(terms: pa.RecordBatch, classes: pa.RecordBatch) -> npt.NDArray[np.int8]:
    """See :attr:`Typed.clock`."""
    number = pc.index_in(terms["datatype"], pa.array(TEMPORAL, pa.large_string())).fill_null(-1)
    clock = 2 * (number.to_numpy(zero_copy_only=False) + 1) + classes["zoned"].to_numpy(zero_copy_only=False)
    return np.where(classes["time"].is_valid().to_numpy(zero_copy_only=False), clock, 0).astype(np.int8)


def _python_term(kind: int, lexical: str, datatype: str | None, language: str | None) -> Term:
    """The term of one row of ``TERMS``."""
    if kind == KIND_IRI:
        return IRI(lexical)
    return BlankNode(lexical) if kind == KIND_BLANK else Literal(lexical, datatype or XSD_STRING, language)


def _is_short(term: Term) -> bool:
    """Whether a term may stay in memory; geometry literals can have megabytes."""
    text = term.lexical if isinstance(term, Literal) else term.value if isinstance(term, IRI) else term.label
    return len(text) <= _CACHED_LENGTH


def _unbound(ids: Ids) -> pa.RecordBatch:
    return pa.record_batch([pa.nulls(len(ids), field.type) for field in TERMS], schema=TERMS)


def _integers(ids: Ids) -> pa.RecordBatch:
    lexical = pa.array((ids & PAYLOAD) - BIAS).cast(pa.large_string())
    return _literals(lexical, XSD_INTEGER)


def _booleans(ids: Ids) -> pa.RecordBatch:
    lexical = pc.if_else(pa.array((ids & 1) == 1), "true", "false").cast(pa.large_string())
    return _literals(lexical, XSD_BOOLEAN)


def _literals(lexical: pa.Array, datatype: str) -> pa.RecordBatch:
    """Literals of one datatype."""
    n = len(lexical)
    kind = pa.array(np.full(n, KIND_LITERAL, np.int8))
    name = pa.repeat(pa.scalar(datatype, pa.large_string()), n)
    return pa.record_batch([kind, lexical, name, pa.nulls(n, pa.large_string())], schema=TERMS)
