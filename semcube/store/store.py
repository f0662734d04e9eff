# SPDX-License-Identifier: Apache-2.0
"""The store: open, load, query, update, dump, close."""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from semcube.config import Settings
from semcube.engines.memory import forget_when_short, give_back_soon
from semcube.errors import StoreError
from semcube.io.terms import IRI
from semcube.store.cache import Cache
from semcube.store.dictionary import StoreDictionary
from semcube.store.failures import database_errors
from semcube.store.geometries import GeometryColumn
from semcube.store.layout import create_tables, open_database
from semcube.store.sessions import Sessions, version_of
from semcube.store.transaction import LoadReport, Transaction

if TYPE_CHECKING:
    from types import TracebackType

    import duckdb
    import numpy as np
    import pyarrow as pa
    from typing_extensions import Unpack

    from semcube.geometry import Geometries, SpatialIndex
    from semcube.sparql.algebra import Algebra
    from semcube.sparql.context import Context
    from semcube.sparql.dataset import Estimate, QuadPattern, Relation
    from semcube.sparql.query import QueryOptions
    from semcube.store.info import StoreInfo
    from semcube.store.result import Result
    from semcube.store.snapshot import Snapshot

__all__ = ["Store"]

_FREE = 32 * 1024 * 1024
"""Bytes that allocators and what is being read take beside what is kept."""


class Store:
    """A store of RDF quads in a folder, made for GeoSPARQL; see :meth:`open`.

    Any number of threads may query while one writes; a query sees the state at its start. One process may write, or any
    number may read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, Store.open(folder + "/s", create=True) as store:
        ...     report = store.load(b"<http://e/a> <http://e/p> 1, 2 .", format="ttl")
        ...     len(store), report.added
        (2, 2)
    """

    def __init__(
        self, path: Path, connection: duckdb.DuckDBPyConnection, settings: Settings, *, read_only: bool
    ) -> None:
        self.path = path
        self.settings = settings
        self.read_only = read_only
        self._connection = connection
        self._writing = threading.RLock()
        self._cursors = threading.Lock()
        self._salt = str(connection.execute("SELECT salt FROM meta").fetchall()[0][0])
        part = settings.memory_mb * 1024 * 1024 // 8
        self._cache = Cache(part)
        cache = self._cache
        beside = 3 * part - _FREE
        self._geometries = GeometryColumn(connection.cursor, part, lambda: max(beside - cache.nbytes, 0))
        cache.when_grown(self._geometries.fit)
        for forget in (self._cache.clear, self._geometries.clear):
            forget_when_short(forget)
        self._sessions = Sessions(self._cursor)
        self._snapshots: weakref.WeakSet[Snapshot] = weakref.WeakSet()
        self._closed = False

    @classmethod
    def open(
        cls, path: str | Path, *, create: bool = False, read_only: bool = False, settings: Settings | None = None
    ) -> Store:
        """Open the store of a folder.

        Args:
            path: The folder.
            create: Make an empty store where there is none.
            read_only: Refuse changes; other processes may read at the same time.
            settings: Threads and memory; from the environment if not given.

        Raises:
            StoreNotFoundError: There is no store there.
            StoreLockedError: Another process has it open.
            StoreVersionError: It was written by a version with another layout.
        """
        chosen = settings or Settings.from_environment()
        folder = Path(path)
        return cls(
            folder, open_database(folder, chosen, create=create, read_only=read_only), chosen, read_only=read_only
        )

    @classmethod
    def in_memory(cls, *, settings: Settings | None = None) -> Store:
        """An empty store that is forgotten when it is closed."""
        from semcube.engines.embedded import connect

        chosen = settings or Settings.from_environment()
        connection = connect(":memory:", chosen)
        create_tables(connection)
        return cls(Path(":memory:"), connection, chosen, read_only=False)

    # --- life -------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the store and every result that was not read to its end; what was committed is on disk."""
        with self._writing:
            if not self._closed:
                self._closed = True
                self._sessions.close()
                for snapshot in list(self._snapshots):
                    snapshot.close()
                self._connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r}{', closed' if self._closed else ''})"

    def __len__(self) -> int:
        with self.snapshot() as snapshot:
            return int(snapshot.connection().execute("SELECT count(*) FROM quads_ps").fetchall()[0][0])

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of the calling thread, with a transaction begun."""
        with self._cursors:
            if self._closed:
                raise StoreError(f"the store {self.path} is closed", fix="open it again")
            cursor = self._connection.cursor()
        cursor.begin()
        return cursor

    def open_snapshot(self) -> Snapshot:
        """The present state, until it is closed."""
        from semcube.store.snapshot import Snapshot

        if self._closed:
            raise StoreError(f"the store {self.path} is closed", fix="open it again")
        snapshot = Snapshot(self._sessions, self._sessions.take(), self._salt, self._cache, self._geometries)
        self._snapshots.add(snapshot)
        self._cache.texts.turn()
        self._geometries.turn()
        return snapshot

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """The present state, as a dataset; closed at the end of the block."""
        snapshot = self.open_snapshot()
        try:
            yield snapshot
        finally:
            snapshot.close()

    # --- writing ----------------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Changes that are committed at the end of the block and undone if it fails; one at a time.

        Raises:
            StoreError: The store was opened for reading only, or the disk or the memory does not suffice.
        """
        if self.read_only:
            raise StoreError(f"the store {self.path} is open for reading only", fix="open it with read_only=False")
        with self._writing:
            cursor = self._cursor()
            try:
                with database_errors(self.path):
                    memory = self.settings.memory_mb * 1024 * 1024
                    transaction = Transaction(cursor, self._salt, memory, self._cache.forms)
                    yield transaction
                    transaction.finish()
                    version = version_of(cursor)
                    self._cache.columns.mark(transaction.changed, version)
                    with self._sessions.committing(version):
                        cursor.commit()
            except BaseException:
                with suppress(Exception):
                    cursor.rollback()
                raise
            finally:
                cursor.close()
                give_back_soon()

    def load(
        self,
        source: str | Path | bytes | IO[bytes] | Sequence[str | Path] | Iterable[pa.RecordBatch] | Any,
        *,
        graph: str | IRI | None = None,
        format: str | None = None,  # noqa: A002
        mapping: str | Path | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> LoadReport:
        """Add RDF, or mapped files, in one transaction: all of it or, if anything fails, nothing.

        Args:
            source: A file or several (with ``mapping`` or a suffix that is no RDF: vector or raster files, mapped),
                RDF as bytes or a binary stream, ``QUADS`` batches, or an ``rdflib.Graph``.
            graph: Where triples without a graph go; None is the default graph.
            format: The RDF syntax, needed for bytes and streams.
            mapping: An R2RML or RML document.
            progress: Called with the number of quads of each step.

        Returns:
            What was read and what was new; loading a file again adds nothing but its blank nodes.

        Raises:
            RDFSyntaxError: The text does not parse.
            SourceError: A file cannot be read.
        """
        from semcube.store.sources import batches_of

        started = time.perf_counter()
        name = IRI(graph) if isinstance(graph, str) else graph
        with self.transaction() as transaction:
            for count in transaction.stage(batches_of(source, graph=name, format=format, mapping=mapping)):
                if progress is not None:
                    progress(count)
            transaction.insert_staged()
            report = transaction.report
        self._checkpoint()
        report.seconds = time.perf_counter() - started
        return report

    def _checkpoint(self) -> None:
        """Move the log into the database file; readers in the way only put it off."""
        import duckdb

        with database_errors(self.path), self._cursors, suppress(duckdb.TransactionException):
            self._connection.execute("CHECKPOINT")

    def update(self, text: str, **options: Any) -> Any:
        """Run a SPARQL 1.1 Update request: all of it or, if anything fails, nothing.

        Args:
            text: The request.
            options: See :func:`semcube.sparql.update.update`.

        Returns:
            Counts of quads inserted and deleted (:class:`semcube.sparql.update.UpdateReport`).
        """
        from semcube.sparql.update import update
        from semcube.store.writable import StoreWritable

        with self.transaction() as transaction:
            writable = StoreWritable(transaction, self._salt)
            try:
                return update(text, writable, **{"settings": self.settings, **options})
            finally:
                writable.close()

    # --- reading ----------------------------------------------------------------------------------------------------

    def query(self, text: str, **options: Unpack[QueryOptions]) -> Result:
        """Ask a SPARQL 1.1 query with GeoSPARQL functions.

        Args:
            text: The query.
            options: ``params``, ``timeout``, ``push_down`` and the others of
                :class:`semcube.sparql.query.QueryOptions`.

        Returns:
            A result that computes its rows as they are read.
        """
        from semcube.sparql.query import execute
        from semcube.store.result import Result

        options.setdefault("settings", self.settings)
        snapshot = self.open_snapshot()
        try:
            return Result(execute(text, snapshot, **options), snapshot.close)
        except BaseException:
            snapshot.close()
            raise

    def explain(self, text: str, **options: Unpack[QueryOptions]) -> str:
        """Answer a query and tell how: its plan with estimated and real rows and the SQL, as text."""
        from semcube.sparql.explain import explain

        options.setdefault("settings", self.settings)
        with self.snapshot() as snapshot:
            return explain(text, snapshot, **options).to_text()

    def dump(self, target: str | Path | IO[bytes], *, graph: str | IRI | None = None, format: str | None = None) -> int:  # noqa: A002
        """Write the quads as RDF; returns how many.

        Args:
            target: A file (its suffix says the syntax) or a binary stream.
            graph: Only this graph, without its name; all graphs otherwise.
            format: The syntax, needed for a stream.
        """
        from semcube.store.dump import dump

        with self.snapshot() as snapshot:
            return dump(snapshot, target, IRI(graph) if isinstance(graph, str) else graph, format)

    def info(self) -> StoreInfo:
        """What the store holds: quads, graphs, predicates, classes, geometries, extent, bytes."""
        from semcube.store.info import store_info

        with self.snapshot() as snapshot:
            return store_info(snapshot, self.path)

    # --- Dataset: each call on the state at that moment -------------------------------------------------------------

    @property
    def dictionary(self) -> StoreDictionary:
        """The terms of the store (for a look at several states at once use :meth:`snapshot`)."""
        return StoreDictionary(self._connection.cursor, self._salt, self._cache)

    def match(self, pattern: QuadPattern, context: Context) -> Iterator[pa.RecordBatch]:
        """All solutions of one quad pattern, each once."""
        with self.snapshot() as snapshot:
            yield from snapshot.match(pattern, context)

    def graphs(self, context: Context) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The ids of all named graphs."""
        with self.snapshot() as snapshot:
            return snapshot.graphs(context)

    def push(self, node: Algebra, context: Context) -> Relation | None:
        """Take over a sub-plan, which runs on the state of this moment."""
        snapshot = self.open_snapshot()
        relation = snapshot.push(node, context)
        if relation is None:
            snapshot.close()
            return None
        return _Momentary(relation, snapshot)

    def estimate(self, pattern: QuadPattern, context: Context) -> Estimate | None:
        """Solutions of a pattern to expect."""
        with self.snapshot() as snapshot:
            return snapshot.estimate(pattern, context)

    def geometries(self, ids: np.ndarray[Any, np.dtype[np.int64]]) -> Geometries:
        """The geometries of ids of geometry literals."""
        with self.snapshot() as snapshot:
            return snapshot.geometries(ids)

    def spatial_index(self) -> SpatialIndex | None:
        """An index over all geometry literals."""
        with self.snapshot() as snapshot:
            return snapshot.spatial_index()


class _Momentary:
    """A relation with a snapshot of its own, which it closes when its rows are read."""

    def __init__(self, relation: Relation, snapshot: Snapshot) -> None:
        self.variables = relation.variables
        self._relation = relation
        self._snapshot = snapshot
        weakref.finalize(self, snapshot.close)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Run it."""
        with contextlib.closing(self._snapshot):
            yield from self._relation.batches()

    def estimate(self) -> Estimate | None:
        """Rows to expect."""
        return self._relation.estimate()

    def explain(self) -> str:
        """Its SQL."""
        return self._relation.explain()
