# SPDX-License-Identifier: Apache-2.0
"""Samples of the numbers and times of a predicate's objects, read once for each version of a store."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from semcube.engines.ids import BIAS, PAYLOAD, SHIFT, Tag

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt

    from semcube.engines.look_ups import SortedQuads
    from semcube.sparql.pushdown.distributions import Distribution

__all__ = ["KnownDistributions", "sampled_values"]

SAMPLE = 4096
"""Objects that are looked at."""
KEPT = 64
"""Predicates whose values are kept for a version."""


class KnownDistributions:
    """The distributions of one version of a store; bounded, safe between threads."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, bool], Distribution] = {}
        self._lock = threading.Lock()

    def get(self, predicate: int, *, times: bool) -> Distribution | None:
        """A distribution, if it is known."""
        with self._lock:
            return self._known.get((predicate, times))

    def put(self, predicate: int, distribution: Distribution, *, times: bool) -> None:
        """Keep a distribution; the oldest go."""
        with self._lock:
            self._known[predicate, times] = distribution
            while len(self._known) > KEPT:
                del self._known[next(iter(self._known))]


def sampled_values(
    predicate: int, quads: int, objects: int, sorted_quads: SortedQuads | None, connection: duckdb.DuckDBPyConnection
) -> dict[bool, Distribution]:
    """The distributions of numbers (False) and times (True) of the objects of a predicate.

    Args:
        predicate: Its id.
        quads: How many quads it has.
        objects: How many distinct objects.
        sorted_quads: Columns in memory, where there are.
        connection: A connection of the same version.
    """
    from semcube.sparql.pushdown.distributions import Distribution

    column = _objects(predicate, quads, sorted_quads, connection)
    tags = column >> SHIFT
    found = {}
    for times, tag in ((False, Tag.NUMERIC), (True, Tag.TEMPORAL)):
        values = _stored(column[tags == tag] & PAYLOAD, "time" if times else "number", connection)
        if not times:
            values = np.append(values, ((column[tags == Tag.INTEGER] & PAYLOAD) - BIAS).astype(np.float64))
        found[times] = Distribution(values, len(values) / max(len(column), 1), objects)
    return found


def _objects(
    predicate: int, quads: int, sorted_quads: SortedQuads | None, connection: duckdb.DuckDBPyConnection
) -> npt.NDArray[np.int64]:
    """Some objects, each as often as in the quads."""
    from semcube.engines.sampling import places

    pairs = None if sorted_quads is None else sorted_quads.pairs("o", predicate)
    if pairs is not None:
        return pairs.first[places(len(pairs.first), SAMPLE)]
    step = max(1, quads // SAMPLE)
    text = f"SELECT o FROM quads_po WHERE p = {int(predicate)} AND hash(s, o) % {step} = 0"
    return np.asarray(connection.execute(text).fetchnumpy()["o"], np.int64)


def _stored(
    numbers: npt.NDArray[np.int64], name: str, connection: duckdb.DuckDBPyConnection
) -> npt.NDArray[np.float64]:
    """The values of terms, each as often as it is asked for; terms without an exact one are left out."""
    if not len(numbers):
        return np.empty(0)
    distinct, counts = np.unique(numbers, return_counts=True)
    connection.register("sampled", pa.table({"n": distinct, "c": counts}))
    try:
        text = f"SELECT {name} AS value, c FROM {name}s JOIN sampled USING (n) WHERE {name} IS NOT NULL"
        rows = connection.execute(text).fetchnumpy()
    finally:
        connection.unregister("sampled")
    return np.repeat(np.asarray(rows["value"], np.float64), np.asarray(rows["c"], np.int64))
