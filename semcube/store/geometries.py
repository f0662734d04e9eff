# SPDX-License-Identifier: Apache-2.0
"""The geometry literals of a store, read back in chunks of bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.engines import ids
from semcube.engines.embedded import registered
from semcube.geometry.octets import POINT_BYTES
from semcube.store.kept import Kept
from semcube.store.recent import Recent

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt

    from semcube.geometry.index import SpatialIndex
    from semcube.geometry.literals import Geometries

    Ids = npt.NDArray[np.int64]

__all__ = ["GeometryColumn"]

CHUNK = 4096
"""Geometries that are decoded, and kept, together."""
TOGETHER = 4
"""Chunks that are read by one statement, at most."""
_READ_BYTES = 32 * 1024 * 1024
"""Stored bytes that are read by one statement, about."""
MANY = CHUNK // 16
"""Where so many of a chunk are wanted at once it is read whole; else they are read, and kept, one by one."""
_BESIDE = 600
"""Bytes that a geometry takes beside those of its coordinates."""


class GeometryColumn:
    """All geometries of a store by id: boxes in memory, the rest in chunks that are forgotten when there are too many.

    Args:
        source: Gives a connection that reads committed geometries, for the index, which outlives snapshots.
        budget: Bytes of geometries that may be kept.
        more: Says how many bytes beyond these nobody else uses; :meth:`fit` has to be called when they get fewer.

    Geometries are only ever added, so one column serves all snapshots of committed states.
    """

    def __init__(
        self,
        source: Callable[[], duckdb.DuckDBPyConnection],
        budget: int = 64 * 1024 * 1024,
        more: Callable[[], int] = lambda: 0,
    ) -> None:
        self._source = source
        self._own = budget - budget // 8
        self._more = more
        self._lock = threading.RLock()
        # one thread reads a chunk, others that want it wait; whoever wants another chunk does not
        self._reading = [threading.Lock() for _ in range(64)]
        self._numbers: Ids = np.empty(0, np.int64)
        self._boxes: npt.NDArray[np.float64] = np.empty((0, 4))
        self._points: npt.NDArray[np.bool_] = np.empty(0, bool)
        self._stored = _READ_BYTES
        """Stored bytes of a chunk that was read lately."""
        self._version = -1
        self._chunks: Kept[tuple[int, int], Geometries] = Kept(self._own)
        self._wanted: dict[int, int] = {}
        self._recent: Recent[Any] = Recent(budget // 8)
        self._index: SpatialIndex | None = None
        self._older: SpatialIndex | None = None

    def refresh(self, connection: duckdb.DuckDBPyConnection, version: int) -> None:
        """Read the boxes of geometries that were added up to a version of the store."""
        with self._lock:
            if version <= self._version:
                return
            last = int(self._numbers[-1]) if len(self._numbers) else 0
            rows = _ascending(
                connection.sql(f"SELECT n, minx, miny, maxx, maxy FROM geometries WHERE n > {last}").to_arrow_table()
            )
            if len(rows):
                numbers = rows["n"].to_numpy()
                boxes = np.column_stack([rows[name].to_numpy() for name in ("minx", "miny", "maxx", "maxy")])
                del rows
                self._points = np.concatenate([self._points, _points(connection, numbers, boxes)])
                self._numbers = np.concatenate([self._numbers, numbers])
                self._boxes = np.concatenate([self._boxes, boxes])
                self._older, self._index = self._index or self._older, None
            self._version = version

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def version(self) -> int:
        """The version of the store up to which geometries are known."""
        return self._version

    @property
    def boxes(self) -> npt.NDArray[np.float64]:
        """(n, 4) boxes minx, miny, maxx, maxy in CRS84 degrees; NaN where there is no geometry or an empty one."""
        return self._boxes

    @property
    def ids(self) -> Ids:
        """(n,) ids of the literals, ascending."""
        return self._numbers | (int(ids.Tag.GEOMETRY) << ids.SHIFT)

    def take(self, numbers: Ids, connection: Callable[[], duckdb.DuckDBPyConnection]) -> Geometries:
        """The geometries of ids of geometry literals, row by row."""
        from semcube.geometry.literals import Geometries

        unique, places = np.unique(np.asarray(numbers, np.int64) & ids.PAYLOAD, return_inverse=True)
        known = self._numbers
        rows: Ids = np.asarray(np.searchsorted(known, unique), np.int64)
        present = rows < len(known)
        present[present] = known[rows[present]] == unique[present]
        found, order = self._pieces(rows[present], connection)
        order = np.flatnonzero(present)[order]
        if len(order) < len(unique):
            count = len(unique) - len(order)
            found.append(Geometries(np.full(count, None, object), np.full(count, -1, np.int16)))
            order = np.concatenate([order, np.flatnonzero(~present)])
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        joined = found[0] if len(found) == 1 else Geometries.concat(found)
        wanted = back[places.ravel()]
        as_wanted = len(wanted) == len(joined) and bool((wanted == np.arange(len(wanted))).all())
        return joined if as_wanted else joined.take(wanted)

    def _pieces(self, rows: Ids, connection: Callable[[], duckdb.DuckDBPyConnection]) -> tuple[list[Geometries], Ids]:
        """The geometries of known rows, which ascend, in pieces, and the place in ``rows`` of each that they hold."""
        chunks, starts, counts = np.unique(rows // CHUNK, return_index=True, return_counts=True)
        scattered = np.zeros(len(rows), bool)
        found, order = [], [np.empty(0, np.int64)]
        with self._lock:
            wanted = [
                self._key(chunk) in self._chunks or self._worth(chunk, rows[start : start + count])
                for chunk, start, count in zip(chunks.tolist(), starts.tolist(), counts.tolist(), strict=True)
            ]
        whole = self._whole(chunks[wanted].tolist(), connection)
        for chunk, start, count in zip(chunks.tolist(), starts.tolist(), counts.tolist(), strict=True):
            own = slice(start, start + count)
            # an older snapshot sees only the first geometries of the last chunk
            one = whole.get(chunk)
            if one is None:
                scattered[own] = True
            else:
                found.append(one if count == len(one) else one.take(rows[own] % CHUNK))
                order.append(np.arange(start, start + count))
        located = scattered & self._points[rows]
        if located.any():
            found.append(_located(self._boxes[rows[located], :2]))
            order.append(np.flatnonzero(located))
        scattered &= ~located
        if scattered.any() or not found:
            found.append(self._single(self._numbers[rows[scattered]], connection))
            order.append(np.flatnonzero(scattered))
        return found, np.concatenate(order)

    def _worth(self, chunk: int, rows: Ids) -> bool:
        """Whether to read a chunk whole: many of it are wanted, or others again and again and there is room for it."""
        if len(rows) >= MANY:
            return True
        room = self._chunks.nbytes + self._chunks.nbytes // max(len(self._chunks), 1) < self._chunks.budget
        if not room or self._recent.holds(self._numbers[rows].tolist()):
            return False
        if len(self._wanted) > 100_000:
            self._wanted.clear()
        self._wanted[chunk] = self._wanted.get(chunk, 0) + 1
        return self._wanted[chunk] > 2

    def _single(self, numbers: Ids, connection: Callable[[], duckdb.DuckDBPyConnection]) -> Geometries:
        """Scattered geometries; those that were read lately are not read again."""
        rows = self._recent.get(numbers.tolist())
        missing = np.array([place for place, row in enumerate(rows) if row is None], np.int64)
        errors: dict[int, str] = {}
        if len(missing):
            found, read, sizes = self._read(connection(), numbers[missing])
            places = missing[np.searchsorted(numbers[missing], found)].tolist()
            kept = []
            for i, row in enumerate(zip(read.native, read.lonlat, read.systems_by_row(), strict=True)):
                rows[places[i]] = row
                if i in read.errors:
                    errors[places[i]] = read.errors[i]
                else:
                    kept.append((int(found[i]), row, _BESIDE + 3 * sizes[i]))
            self._recent.put(kept)
        return _gathered(rows, errors)

    def index(self) -> SpatialIndex | None:
        """The spatial index over all boxes; geometries are read when a predicate needs them."""
        from semcube.geometry.index import SpatialIndex

        index = self._index
        if index is not None:
            return index
        with self._lock:
            if self._index is None and len(self._numbers):
                self._index = SpatialIndex.from_boxes(
                    self._boxes,
                    self.ids,
                    load=lambda wanted: self.take(wanted, self._source).lonlat,
                    points=self._points,
                )
                if self._older is not None:
                    self._index.inherit(self._older)
                    self._older = None
            return self._index

    def _key(self, chunk: int) -> tuple[int, int]:
        return chunk, min(len(self._numbers) - chunk * CHUNK, CHUNK)

    def _whole(
        self, chunks: list[int], connection: Callable[[], duckdb.DuckDBPyConnection]
    ) -> dict[int, Geometries | None]:
        """Whole chunks; None for one that the connection does not see all of."""
        found = {chunk: self._kept(self._key(chunk)) for chunk in chunks}
        for portion, group in groupby((chunk for chunk in chunks if found[chunk] is None), lambda one: one // TOGETHER):
            with self._reading[portion % len(self._reading)]:
                missing = []
                for chunk in group:
                    found[chunk] = self._kept(self._key(chunk))
                    if found[chunk] is None:
                        missing.append(chunk)
                for run in _runs(missing, max(min(_READ_BYTES // self._stored, self._own // _READ_BYTES), 1)):
                    found.update(self._read_chunks(run, connection))
        return found

    def _read_chunks(
        self, run: list[int], connection: Callable[[], duckdb.DuckDBPyConnection]
    ) -> Iterator[tuple[int, Geometries | None]]:
        """Consecutive chunks that are read now."""
        span = slice(run[0] * CHUNK, (run[-1] + 1) * CHUNK)
        numbers, points = self._numbers[span], self._points[span]
        if bool(points.all()):
            parts = [_located(self._boxes[chunk * CHUNK : (chunk + 1) * CHUNK, :2]) for chunk in run]
        else:
            table = self._rows(connection(), f"n BETWEEN {numbers[0]} AND {numbers[-1]}")
            self._stored = max(table.nbytes // len(run), 1)
            cuts = np.searchsorted(table["n"].to_numpy(), [*numbers[::CHUNK], numbers[-1] + 1]).tolist()
            parts = [_decode(table.slice(low, high - low)) for low, high in pairwise(cuts)]
        for chunk, found in zip(run, parts, strict=True):
            key = self._key(chunk)
            if len(found) < key[1]:
                yield chunk, None
                continue
            size = _bytes_of(found)
            with self._lock:
                self._chunks.fit(self._own + self._more())
                self._chunks.put(key, found, size)
            yield chunk, found

    def fit(self) -> None:
        """Forget geometries that have no room any more."""
        with self._lock:
            self._chunks.fit(self._own + self._more())

    def _kept(self, key: tuple[int, int]) -> Geometries | None:
        with self._lock:
            return self._chunks.get(key)

    def turn(self) -> None:
        """Another query begins: what others used may make room."""
        self._chunks.turn()  # without the lock, which may be held for long

    def clear(self) -> None:
        """Forget all geometries; boxes and what is known of validity stay."""
        with self._lock:
            self._chunks.clear()
        self._recent.clear()

    def _read(self, connection: duckdb.DuckDBPyConnection, numbers: Ids) -> tuple[Ids, Geometries, list[int]]:
        """Those of ascending numbers that the connection sees, their geometries, and their bytes."""
        if len(numbers) < MANY:
            listed = ",".join(f"({number})" for number in numbers.tolist())
            table = self._rows(connection, f"n IN (SELECT * FROM (VALUES {listed}))")
        else:
            with registered(connection, {"wanted_geometries": pa.table({"n": numbers})}):
                table = self._rows(connection, "n IN (SELECT n FROM wanted_geometries)")
        found = np.asarray(table["n"].to_numpy(), np.int64)
        return found, _decode(table), pc.binary_length(table["wkb"]).fill_null(0).to_pylist()

    def _rows(self, connection: duckdb.DuckDBPyConnection, where: str) -> pa.Table:
        text = f"SELECT n, crs, wkb, lonlat, error FROM geometries WHERE {where}"
        return _ascending(connection.sql(text).to_arrow_table())


def _ascending(rows: pa.Table) -> pa.Table:
    """Rows by number; they are stored so, and to have the database sort them would take as long as to read them."""
    numbers = rows["n"].to_numpy()
    return rows if bool((numbers[1:] > numbers[:-1]).all()) else rows.sort_by("n")


def _runs(chunks: list[int], most: int) -> list[list[int]]:
    """Consecutive chunks in portions of bounded size."""
    runs: list[list[int]] = []
    for chunk in chunks:
        if runs and runs[-1][-1] == chunk - 1 and len(runs[-1]) < most:
            runs[-1].append(chunk)
        else:
            runs.append([chunk])
    return runs


def _points(
    connection: duckdb.DuckDBPyConnection, numbers: Ids, boxes: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Which of new geometries are plane points in CRS84, whose box tells all of them.

    No other WKB of 21 bytes has a coordinate. A zero may have lost its sign in the box.
    """
    from semcube.geometry.crs import CRS84

    found: npt.NDArray[np.bool_] = (boxes[:, :2] == boxes[:, 2:]).all(axis=1) & (boxes[:, :2] != 0).all(axis=1)
    places = np.flatnonzero(found)
    if len(places):
        stored = connection.sql(
            f"SELECT n FROM geometries WHERE n BETWEEN {numbers[places[0]]} AND {numbers[places[-1]]}"
            " AND minx = maxx AND miny = maxy AND minx <> 0 AND miny <> 0 AND lonlat IS NULL AND error IS NULL"
            f" AND octet_length(wkb) = {POINT_BYTES} AND crs = '{CRS84.iri}'"
        ).to_arrow_table()
        found[:] = False
        found[np.searchsorted(numbers, stored["n"].to_numpy())] = True
    return found


def _located(xy: npt.NDArray[np.float64]) -> Geometries:
    """Points by their coordinates."""
    import shapely

    from semcube.geometry.literals import Geometries

    native = np.asarray(shapely.points(xy), dtype=object)
    found = Geometries(native, np.zeros(len(native), np.int16))
    found.__dict__["lonlat"] = native
    return found


def _bytes_of(geometries: Geometries) -> int:
    """What geometries take as objects of GEOS and of Python, about."""
    import shapely

    found = 0
    for shapes in (
        (geometries.native,) if geometries.lonlat is geometries.native else (geometries.native, geometries.lonlat)
    ):
        coordinates, parts = shapely.get_num_coordinates(shapes), shapely.get_num_geometries(shapes)
        areas = int((shapely.get_dimensions(shapes) == 2).sum())
        found += 24 * int(coordinates.sum()) + 128 * int(parts.sum()) + 72 * areas + 40 * len(shapes)
    return found


def _gathered(rows: list[Any], errors: dict[int, str]) -> Geometries:
    """Geometries one by one: their own form, that in longitude and latitude, and their system."""
    from semcube.geometry.crs import CRS84
    from semcube.geometry.literals import Geometries

    native, lonlat = np.empty(len(rows), object), np.empty(len(rows), object)
    systems: dict[Any, int] = {CRS84: 0}
    codes = np.empty(len(rows), np.int16)
    last, code = None, -1
    for place, row in enumerate(rows):
        own, other, system = row or (None, None, None)
        native[place], lonlat[place] = own, other
        if system is not last:  # to compare systems takes longer than all the rest
            last, code = system, -1 if system is None else systems.setdefault(system, len(systems))
        codes[place] = code
    found = Geometries(native, codes, tuple(systems), errors)
    found.__dict__["lonlat"] = lonlat
    return found


def _decode(rows: pa.Table) -> Geometries:
    """Stored rows -> geometries, with their lon/lat form as it was stored."""
    import shapely

    from semcube.geometry.crs import CRS84
    from semcube.geometry.crs import crs as find_crs
    from semcube.geometry.literals import Geometries

    native = np.asarray(shapely.from_wkb(rows["wkb"].to_numpy(zero_copy_only=False)), dtype=object).reshape(-1)
    encoded = rows["crs"].combine_chunks().dictionary_encode()
    systems = [find_crs(iri) for iri in encoded.dictionary.to_pylist()]
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int16)
    errors = (
        {row: text for row, text in enumerate(rows["error"].to_pylist()) if text is not None}
        if rows["error"].null_count < len(rows)
        else {}
    )
    found = Geometries(native, codes, tuple(systems) or (CRS84,), errors)
    lonlat = native
    if rows["lonlat"].null_count < len(rows):
        other = np.asarray(shapely.from_wkb(rows["lonlat"].to_numpy(zero_copy_only=False)), dtype=object)
        lonlat = np.where(shapely.is_missing(other), native, other)
    if errors:
        lonlat = lonlat.copy() if lonlat is native else lonlat
        lonlat[list(errors)] = None
    found.__dict__["lonlat"] = lonlat
    return found
