# SPDX-License-Identifier: Apache-2.0
"""Connections with a transaction begun, kept for the next query that sees the same state.

To begin a transaction and to ask its version costs more than a small query. So a snapshot that is closed gives its
connection back, and the next one takes it, until something is committed: then those kept are closed, so that no idle
reader holds old rows or stands in the way of a checkpoint.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

__all__ = ["Sessions", "version_of"]

KEPT = 4
"""So many connections are kept."""


def version_of(connection: duckdb.DuckDBPyConnection) -> int:
    """The version of the store that a transaction sees; as its first statement, this fixes what it sees."""
    return int(connection.execute("SELECT version FROM meta").fetchall()[0][0])


class Sessions:
    """The reading connections of a store; safe between threads.

    Args:
        begin: Opens a connection and begins a transaction.
    """

    def __init__(self, begin: Callable[[], duckdb.DuckDBPyConnection]) -> None:
        self._begin = begin
        self._idle: list[tuple[duckdb.DuckDBPyConnection, int]] = []
        # a result that is forgotten gives back from within the garbage collector
        self._lock = threading.RLock()
        self._keeping = True
        self._newest = -1

    def take(self) -> tuple[duckdb.DuckDBPyConnection, int]:
        """A connection that sees the present state, and its version."""
        with self._lock:
            if self._keeping and self._idle:
                return self._idle.pop()
        connection = self._begin()
        return connection, version_of(connection)

    def another(self, version: int) -> duckdb.DuckDBPyConnection | None:
        """One more connection at the same version, None if the store has moved on."""
        connection, found = self.take()
        if found == version:
            return connection
        self.give_back(connection, found, used=False)
        return None

    def give_back(self, connection: duckdb.DuckDBPyConnection, version: int, *, used: bool) -> None:
        """Keep a connection for the next query, or close it.

        Args:
            connection: What :meth:`take` gave.
            version: The version that it sees.
            used: Whether it ran a statement, which may have failed and with it the transaction.
        """
        # asked outside of the lock: who holds it must not wait for the database, and all others for that
        if self._wants(version) and (not used or _is_sound(connection)):
            with self._lock:
                if self._wants(version):
                    self._idle.append((connection, version))
                    return
        _close(connection)

    def _wants(self, version: int) -> bool:
        return self._keeping and len(self._idle) < KEPT and version >= self._newest

    @contextmanager
    def committing(self, version: int) -> Iterator[None]:
        """While inside, a version is committed: what sees older ones is kept no more.

        Args:
            version: The new version.
        """
        with self._lock:
            before, self._newest = self._newest, version
            self._keeping = False
            self._drop()
        try:
            yield
        except BaseException:
            self._newest = before
            raise
        finally:
            self._keeping = True

    def close(self) -> None:
        """Close what is kept, and keep nothing more."""
        with self._lock:
            self._newest = 1 << 62
            self._drop()

    def _drop(self) -> None:
        while self._idle:
            _close(self._idle.pop()[0])


def _is_sound(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the transaction of a connection can go on; an interrupt or an error may have aborted it."""
    import duckdb

    try:
        connection.execute("SELECT 1").fetchall()
    except duckdb.Error:
        return False
    return True


def _close(connection: duckdb.DuckDBPyConnection) -> None:
    """End the transaction, also one that was aborted, and close."""
    import duckdb

    with suppress(duckdb.Error):
        connection.rollback()
    connection.close()
