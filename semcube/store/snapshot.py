# SPDX-License-Identifier: Apache-2.0
"""One state of a store, as a query sees it: the store's :class:`semcube.sparql.dataset.Dataset`.

A snapshot keeps connections whose transactions all began at the same version of the store. A connection gives one
stream of rows at a time; where a query reads several streams side by side, the snapshot opens another connection,
or, if the store has changed meanwhile, reads what is left of an older stream first.
"""

from __future__ import annotations

import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from semcube.engines.base import Cancellation
from semcube.engines.embedded import stream
from semcube.engines.memory import give_back_soon
from semcube.engines.sql import compile_sql
from semcube.sparql.dataset import Estimate
from semcube.store.cache import Counts
from semcube.store.dictionary import StoreDictionary
from semcube.store.leaves import Leaves

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt

    from semcube.engines.relational import Relational
    from semcube.geometry import Geometries, SpatialIndex
    from semcube.sparql.algebra import Algebra
    from semcube.sparql.context import Context
    from semcube.sparql.dataset import QuadPattern, Relation
    from semcube.store.cache import Cache
    from semcube.store.geometries import GeometryColumn
    from semcube.store.sessions import Sessions

    Ids = npt.NDArray[np.int64]

__all__ = ["Snapshot"]

SPOOLED_BYTES = 16 * 1024 * 1024
"""Bytes of an older stream that are held in memory where another one needs its connection."""


class _Session:
    """One connection of a snapshot and the stream it is busy with."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.busy: _Stream | None = None
        self.used = False


class _Stream:
    """Rows that a session still has to give; :meth:`drain` frees the session early."""

    def __init__(self, source: Iterator[pa.RecordBatch], session: _Session, lock: threading.RLock) -> None:
        self._source = source
        self._session = session
        self._lock = lock
        self._buffer: Iterator[pa.RecordBatch] = iter(())
        self._open = True

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            while True:
                with self._lock:
                    found = next(self._source if self._open else self._buffer, None)
                    if found is None:
                        self.close()
                        return
                    batch = found
                yield batch
        finally:
            self.close()

    def drain(self) -> None:
        """Read all that is left, into memory or, where it is much, into a file."""
        with self._lock:
            if self._open:
                try:
                    self._buffer = _spooled(self._source)
                finally:
                    self.close()

    def close(self) -> None:
        """Free the session."""
        with self._lock:
            if self._open:
                self._open = False
                self._source.close()  # type: ignore[attr-defined]
                if self._session.busy is self:
                    self._session.busy = None


def _spooled(source: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """All batches of a source, read at once: some held in memory, the others in a file without a name."""
    held: deque[pa.RecordBatch] = deque()
    size = 0
    for batch in source:
        held.append(batch)
        size += batch.nbytes
        if size > SPOOLED_BYTES:
            break
    rest = next(source, None)
    if rest is None:
        return iter(held)
    file = tempfile.TemporaryFile(prefix="semcube-")  # noqa: SIM115 - closed by the one who reads it
    with pa.ipc.new_stream(file, rest.schema) as writer:
        writer.write_batch(rest)
        for batch in source:
            writer.write_batch(batch)
    return chain(held, _read_from(file))


def _read_from(file: IO[bytes]) -> Iterator[pa.RecordBatch]:
    with file:
        file.seek(0)
        yield from pa.ipc.open_stream(file)


class Snapshot:
    """A state of a store (see the module).

    Args:
        sessions: Gives connections with a transaction begun, and takes them back; None inside a write transaction.
        first: The first connection, with a transaction begun, and the version it sees.
        salt: The salt of the store's hashes.
        cache: Ids of terms and counts that were looked up lately; None inside a write transaction.
        geometries: The store's geometries.
    """

    def __init__(
        self,
        sessions: Sessions | None,
        first: tuple[duckdb.DuckDBPyConnection, int],
        salt: str,
        cache: Cache | None,
        geometries: GeometryColumn,
    ) -> None:
        self._source = sessions
        self._sessions = [_Session(first[0])]
        self._lock = threading.RLock()
        self._geometries = geometries
        self.version = first[1]
        self._dictionary = StoreDictionary(self.connection, salt, cache, self.version)
        counts = Counts(self.version) if cache is None else cache.counts_of(self.version)
        self.leaves = Leaves(self, counts, None if cache is None else cache.columns)
        self.closed = False

    # --- running SQL ------------------------------------------------------------------------------------------------

    def connection(self) -> duckdb.DuckDBPyConnection:
        """A connection that is free for one statement whose result is read at once."""
        return self._free().connection

    def _free(self) -> _Session:
        with self._lock:
            for session in self._sessions:
                if session.busy is None:
                    session.used = True
                    return session
            another = self._another()
            if another is not None:
                another.used = True
                self._sessions.append(another)
                return another
            session = self._sessions[0]
            if session.busy is not None:
                session.busy.drain()
            return session

    def _another(self) -> _Session | None:
        """One more session at the same version, None if the store has moved on."""
        connection = None if self._source is None else self._source.another(self.version)
        return None if connection is None else _Session(connection)

    def stream(
        self, text: str, inputs: Mapping[str, Any] | None = None, cancellation: Cancellation | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a SELECT, streamed."""
        with self._lock:
            session = self._free()
            source = stream(session.connection, text, inputs=inputs, cancellation=cancellation)
            rows = _Stream(source, session, self._lock)
            session.busy = rows
        return iter(rows)

    def run(self, plan: Relational, cancellation: Cancellation | None = None) -> Iterator[pa.RecordBatch]:
        """The rows of a relational plan, streamed."""
        statement = compile_sql(plan)
        return self.stream(statement.text, statement.inputs, cancellation)

    def close(self) -> None:
        """Give the connections back; the snapshot cannot be used any more."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
            for session in self._sessions:
                if session.busy is not None:
                    session.busy.close()
                if self._source is not None:
                    self._source.give_back(session.connection, self.version, used=session.used)
        give_back_soon()

    # --- Dataset ----------------------------------------------------------------------------------------------------

    @property
    def dictionary(self) -> StoreDictionary:
        """The terms of the store."""
        return self._dictionary

    def match(self, pattern: QuadPattern, context: Context) -> Iterator[pa.RecordBatch]:
        """All solutions of one quad pattern, each once."""
        plan = self.leaves.scan(pattern)
        if plan is None:
            return
        names = [v.name for v in pattern.variables]
        if names:
            for batch in self.run(plan, context.cancellation):
                yield batch.rename_columns(names)
            return
        rows = sum(batch.num_rows for batch in self.run(plan, context.cancellation))
        if rows:
            yield pa.record_batch({"_": np.zeros(rows, np.int64)})

    def graphs(self, context: Context) -> Ids:
        """The ids of all named graphs that hold a triple or were created."""
        found = self.connection().execute("SELECT id FROM graphs ORDER BY id").fetchnumpy()["id"]
        return np.asarray(found, np.int64)

    def push(self, node: Algebra, context: Context) -> Relation | None:
        """Take over a sub-plan whose answer in SQL is exactly that of the reference operators."""
        from semcube.sparql.pushdown import push

        return push(node, self.leaves, context)

    def estimate(self, pattern: QuadPattern, context: Context) -> Estimate | None:
        """Solutions of a pattern: counted for a bound object, from the counts per predicate else."""
        return self.leaves.estimate(pattern)

    # --- SpatialDataset ---------------------------------------------------------------------------------------------

    def geometries(self, ids: Ids) -> Geometries:
        """The geometries of ids of geometry literals, row by row."""
        if self._geometries.version < self.version:
            self._geometries.refresh(self.connection(), self.version)
        return self._geometries.take(ids, self.connection)

    def spatial_index(self) -> SpatialIndex | None:
        """An index over all geometry literals of the store."""
        if self._geometries.version < self.version:
            self._geometries.refresh(self.connection(), self.version)
        return self._geometries.index()
