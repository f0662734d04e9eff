# SPDX-License-Identifier: Apache-2.0
"""A dataset in memory: columns of ids in numpy, every operator by the reference implementation.

In come ``QUADS`` batches or RDF text; out comes a :class:`~semcube.sparql.dataset.Dataset`. Meant for small data, for
tests and as the yardstick of sources that do more.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from semcube.engines import ids
from semcube.engines.classify import tag_of
from semcube.engines.keys import split
from semcube.io.terms import IRI, QUADS, Term, key
from semcube.sparql.algebra import Algebra, TermPattern, Variable
from semcube.sparql.dataset import ActiveGraph, Estimate, QuadPattern, Relation
from semcube.sparql.evaluate.solutions import BATCH_ROWS, Solutions

if TYPE_CHECKING:
    from semcube.geometry import Geometries, SpatialIndex
    from semcube.sparql.context import Context

__all__ = ["MemoryDataset", "MemoryDictionary"]

_ORDERS = (("s", "p", "o"), ("p", "o", "s"), ("o", "s", "p"))


class MemoryDictionary:
    """Terms <-> ids in two Python containers; ids are never reused.

    Example:
        >>> dictionary = MemoryDictionary()
        >>> new = dictionary.add(pa.array(["<http://a>", '"5"^^<http://www.w3.org/2001/XMLSchema#integer>']))
        >>> (dictionary.find(pa.array(["<http://a>", "<http://b>"])) == [new[0], 0]).tolist()
        [True, True]
    """

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._keys: list[str] = []
        self._lock = threading.Lock()

    def add(self, keys: pa.Array) -> np.ndarray:
        """The ids of keys, new ones where they are new; null gives 0."""
        return self._numbers(keys, grow=True)

    def find(self, keys: pa.Array) -> np.ndarray:
        """The ids of keys, 0 where the dictionary lacks one."""
        return self._numbers(keys, grow=False)

    def _numbers(self, keys: pa.Array, *, grow: bool) -> np.ndarray:
        encoded = keys if pa.types.is_dictionary(keys.type) else keys.dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        with self._lock:
            numbers = np.array([*(self._ids.get(text, 0) for text in texts), 0], np.int64)
            unknown = np.flatnonzero(numbers[:-1] == 0)
            if len(unknown):
                tags, inline = tag_of(split(encoded.dictionary.take(pa.array(unknown))))
                numbers[unknown] = inline
                if grow:
                    self._grow(texts, unknown[inline == 0], tags[inline == 0], numbers)
        answer: np.ndarray = numbers[encoded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)]
        return answer

    def _grow(self, texts: list[str], unknown: np.ndarray, tags: np.ndarray, numbers: np.ndarray) -> None:
        """Gives new ids to the texts with these places."""
        start = len(self._keys)
        fresh = (tags.astype(np.int64) << ids.SHIFT) | np.arange(start, start + len(unknown))
        for place, number in zip(unknown.tolist(), fresh.tolist(), strict=True):
            self._ids[texts[place]] = number
            self._keys.append(texts[place])
        numbers[unknown] = fresh

    def decode(self, numbers: np.ndarray) -> pa.RecordBatch:
        """The terms of ids that this dictionary gave (not of inline ids), as ``TERMS``."""
        keys = self._keys
        payload = (numbers & ids.PAYLOAD).tolist()
        return split(pa.array([keys[i] for i in payload], pa.large_string()))

    def of_tag(self, tag: ids.Tag) -> np.ndarray:
        """All ids of a tag."""
        found = np.fromiter(self._ids.values(), np.int64, len(self._ids))
        chosen: np.ndarray = found[(found >> ids.SHIFT) == int(tag)]
        return chosen


class _Ordered:
    """The quads in one order of their three term columns, for look-ups by a prefix of it."""

    def __init__(self, quads: dict[str, np.ndarray], order: tuple[str, ...]) -> None:
        self.order = order
        self.index = np.lexsort([quads[name] for name in reversed(order)])
        self.sorted = {name: quads[name][self.index] for name in order}

    def rows(self, constants: dict[str, int]) -> tuple[int, int]:
        """The range of rows in which the constants, a prefix of the order, hold."""
        low, high = 0, len(self.index)
        for name in self.order:
            if name not in constants:
                break
            part = self.sorted[name][low:high]
            value = constants[name]
            first, last = np.searchsorted(part, value, "left"), np.searchsorted(part, value, "right")
            low, high = low + int(first), low + int(last)
        return low, high


class MemoryDataset:
    """Quads in memory; see :class:`semcube.sparql.dataset.Dataset`.

    Args:
        batches: ``QUADS`` batches; duplicates are dropped.

    Example:
        >>> data = MemoryDataset.parse("<http://a> <http://p> 1, 2 .")
        >>> len(data)
        2
    """

    def __init__(self, batches: Iterable[pa.RecordBatch] = ()) -> None:
        self._dictionary = MemoryDictionary()
        self._quads = {name: np.empty(0, np.int64) for name in "gspo"}
        self._ordered: dict[tuple[str, ...], _Ordered] = {}
        self._graphs = np.empty(0, np.int64)
        self._lock = threading.Lock()
        self._geometries: tuple[np.ndarray, Geometries] | None = None
        self._index: SpatialIndex | None = None
        self.add(batches)

    @classmethod
    def parse(cls, text: str | bytes, format: str = "ttl", *, base: str | None = None) -> MemoryDataset:  # noqa: A002
        """A dataset of RDF text.

        Args:
            text: RDF in the syntax ``format``, named by its file extension (ttl, trig, nt, nq, rdf, jsonld).
            base: IRI that relative IRIs are resolved against.

        Raises:
            RDFSyntaxError: The text does not parse.
        """
        import io

        from semcube.io.rdf import read_rdf

        stream = io.BytesIO(text.encode() if isinstance(text, str) else text)
        return cls(read_rdf(stream, format=format, base=base))

    def __len__(self) -> int:
        return len(self._quads["s"])

    def add(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Adds quads; those that are there already change nothing."""
        parts = [
            {name: self._dictionary.add(batch.column(name).cast(QUADS.field(name).type)) for name in "gspo"}
            for batch in batches
        ]
        columns = [np.concatenate([self._quads[name], *(part[name] for part in parts)]) for name in "gspo"]
        if parts and len(columns[0]):
            unique = np.unique(np.stack(columns, axis=1), axis=0)
            columns = [np.ascontiguousarray(unique[:, i]) for i in range(4)]
        self._quads = dict(zip("gspo", columns, strict=True))
        named = np.unique(columns[0])
        self._graphs = np.union1d(self._graphs, named[named != 0])
        self._ordered, self._geometries, self._index = {}, None, None

    def create_graph(self, name: Term) -> None:
        """Makes a named graph known that holds no triple."""
        self._graphs = np.union1d(self._graphs, self._dictionary.add(pa.array([key(name)])))

    @property
    def dictionary(self) -> MemoryDictionary:
        """The dictionary of all terms."""
        return self._dictionary

    def graphs(self, context: Context) -> np.ndarray:
        """The ids of all named graphs."""
        return self._graphs

    def push(self, node: Algebra, context: Context) -> Relation | None:
        """Takes over nothing: every operator is the reference operator."""
        return None

    def match(self, pattern: QuadPattern, context: Context) -> Iterator[pa.RecordBatch]:
        """All solutions of one quad pattern, each once."""
        found = self._rows(pattern)
        names = [v.name for v in pattern.variables]
        if pattern.graph is None and len(pattern.active.default) != 1 and found.rows:
            found = _distinct(found, names)
        if found.rows:
            for piece in found.pieces(BATCH_ROWS):
                yield piece.to_batch(names)

    def estimate(self, pattern: QuadPattern, context: Context) -> Estimate | None:
        """Rows in the range of the sorted quads that the constants select."""
        constants = self._constants(pattern)
        if constants is None:
            return Estimate(0.0, exact=True)
        low, high = self._best(constants).rows(constants)
        return Estimate(float(high - low))

    def _constants(self, pattern: QuadPattern) -> dict[str, int] | None:
        """The ids of the constants, None where one is not in the data."""
        places: dict[str, TermPattern] = {"s": pattern.subject, "p": pattern.predicate, "o": pattern.object}
        fixed = {name: place for name, place in places.items() if not isinstance(place, Variable)}
        found = self._dictionary.find(pa.array([key(place) for place in fixed.values()], pa.large_string()))
        return None if (found == 0).any() else dict(zip(fixed, found.tolist(), strict=True))

    def _best(self, constants: dict[str, int]) -> _Ordered:
        """The order whose longest prefix is constant (any set of constants is a prefix of one of the three)."""
        order = next(o for o in _ORDERS if set(o[: len(constants)]) == set(constants))
        with self._lock:
            if order not in self._ordered:
                self._ordered[order] = _Ordered(self._quads, order)
            return self._ordered[order]

    def _rows(self, pattern: QuadPattern) -> Solutions:
        constants = self._constants(pattern)
        if constants is None:
            return Solutions()
        ordered = self._best(constants)
        low, high = ordered.rows(constants)
        rows = ordered.index[low:high]
        rows = rows[self._in_graph(self._quads["g"][rows], pattern.graph, pattern.active)]
        columns: dict[str, np.ndarray] = {}
        keep = np.ones(len(rows), bool)
        places = (pattern.graph, pattern.subject, pattern.predicate, pattern.object)
        for name, place in zip("gspo", places, strict=True):
            if not isinstance(place, Variable):
                continue
            column = self._quads[name][rows]
            if place.name in columns:
                keep &= columns[place.name] == column
            else:
                columns[place.name] = column
        return Solutions(columns, len(rows)).where(keep)

    def _in_graph(self, graphs: np.ndarray, wanted: Variable | Term | None, active: ActiveGraph) -> np.ndarray:
        """Which quads are in the graphs that the pattern asks."""
        if wanted is None:
            return np.isin(graphs, self._graph_ids(active.default))
        named = graphs != 0 if active.named is None else np.isin(graphs, self._graph_ids(active.named))
        return named if isinstance(wanted, Variable) else named & np.isin(graphs, self._graph_ids((wanted,)))

    def _graph_ids(self, names: Iterable[Term | IRI | None]) -> np.ndarray:
        """The ids of graphs; names that are not in the data are left out, None is the default graph."""
        names = tuple(names)
        found = self._dictionary.find(pa.array([None if n is None else key(n) for n in names], pa.large_string()))
        default = np.array([n is None for n in names], bool)
        known: np.ndarray = found[default | (found != 0)]
        return known

    # --- geometries -------------------------------------------------------------------------------------------------

    def geometries(self, numbers: np.ndarray) -> Geometries:
        """The geometries of ids of geometry literals."""
        known, geometries = self._parsed()
        return geometries.take(np.searchsorted(known, numbers))

    def spatial_index(self) -> SpatialIndex | None:
        """An index over all geometry literals; None where there are none."""
        from semcube.geometry import SpatialIndex

        known, geometries = self._parsed()
        with self._lock:
            if self._index is None and len(known):
                self._index = SpatialIndex.from_geometries(geometries.lonlat, known)
            return self._index

    def _parsed(self) -> tuple[np.ndarray, Geometries]:
        """All geometry literals by ascending id, parsed once."""
        with self._lock:
            if self._geometries is None:
                self._geometries = _parse_geometries(self._dictionary)
            return self._geometries


def _parse_geometries(dictionary: MemoryDictionary) -> tuple[np.ndarray, Geometries]:
    from semcube.geometry import Geometries, parse

    known = np.sort(dictionary.of_tag(ids.Tag.GEOMETRY))
    terms = dictionary.decode(known)
    datatypes = terms.column("datatype").to_pylist()
    parts, places = [], []
    for datatype in dict.fromkeys(datatypes):
        at = np.array([i for i, name in enumerate(datatypes) if name == datatype])
        parts.append(parse(terms.column("lexical").take(pa.array(at)), datatype))
        places.append(at)
    joined = Geometries.concat(parts)
    back = np.argsort(np.concatenate(places)) if places else np.empty(0, np.int64)
    return known, joined.take(back)


def _distinct(found: Solutions, names: list[str]) -> Solutions:
    """The solutions without duplicates (graphs merged into one default graph)."""
    if not names:
        return found.slice(0, 1)
    _, first = np.unique(np.stack([found.columns[n] for n in names], axis=1), axis=0, return_index=True)
    return found.take(np.sort(first))
