# SPDX-License-Identifier: Apache-2.0
"""A store's write transaction as SPARQL Update sees it (:class:`semcube.sparql.update.Writable`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from semcube.store.geometries import GeometryColumn
from semcube.store.sessions import version_of
from semcube.store.snapshot import Snapshot

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from semcube.store.transaction import Transaction

    Ids = npt.NDArray[np.int64]

__all__ = ["StoreWritable"]


class StoreWritable:
    """The state inside a transaction, and the changes to it.

    Args:
        transaction: The transaction, which its owner commits.
        salt: The salt of the store's hashes.
    """

    def __init__(self, transaction: Transaction, salt: str) -> None:
        self._transaction = transaction
        self._salt = salt
        self._snapshot: Snapshot | None = None

    def dataset(self) -> Snapshot:
        """The present state, all earlier changes included."""
        if self._snapshot is None:
            self._transaction.flush()
            connection = self._transaction.connection
            # numbers of terms may be given anew after a rollback, so nothing is shared with committed states
            geometries = GeometryColumn(lambda: connection)
            self._snapshot = Snapshot(None, (connection, version_of(connection)), self._salt, None, geometries)
        return self._snapshot

    def close(self) -> None:
        """Forget the state that :meth:`dataset` gave."""
        if self._snapshot is not None:
            self._snapshot.close()
            self._snapshot = None

    def encode(self, keys: pa.Array) -> Ids:
        """The ids of keys, which become terms of the store if they are not."""
        self.close()
        return self._transaction.encode(keys)

    def insert(self, s: Ids, p: Ids, o: Ids, g: Ids) -> int:
        """Add quads."""
        self.close()
        self._transaction.stage_ids(p, s, o, g)
        return self._transaction.insert_staged()

    def delete(self, s: Ids, p: Ids, o: Ids, g: Ids) -> int:
        """Remove quads."""
        self.close()
        return self._transaction.delete_ids(p, s, o, g)

    def clear(self, graphs: Iterable[int]) -> int:
        """Remove all quads of graphs; named graphs stay."""
        self.close()
        numbers = list(graphs)
        for number in numbers:
            if number:
                self._transaction.create_graph(number)
        return self._transaction.clear(numbers)

    def drop(self, graphs: Iterable[int]) -> int:
        """Remove named graphs."""
        self.close()
        return self._transaction.drop_graphs(graphs)

    def create(self, graph: int) -> None:
        """Make a named graph that holds nothing."""
        self.close()
        self._transaction.create_graph(graph)
