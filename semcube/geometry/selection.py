# SPDX-License-Identifier: Apache-2.0
"""Which geometries stand in a relation to one geometry: a prepared copy of it is asked, by several threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import shapely

from semcube.geometry.boxes import grow_m, intersecting
from semcube.geometry.metres import within_m
from semcube.geometry.operator import THREAD_PAIRS, Check, SpatialJoin
from semcube.geometry.portions import portions
from semcube.geometry.relations import Relation, evaluate
from semcube.geometry.relations import relation as find_relation
from semcube.geometry.sides import is_sound

__all__ = ["related", "spatial_filter"]


def spatial_filter(
    geometries: np.ndarray,
    constant: shapely.Geometry,
    relation: str | Relation,
    *,
    distance_m: float | None = None,
    threads: int | None = None,
    errors: dict[int, str] | None = None,
    cancellation: Check | None = None,
) -> np.ndarray:
    """Which geometries stand in a relation to one geometry: ``relation(geometries[i], constant)``.

    Args:
        geometries: Object array (N) of geometries or None, in one system with ``constant`` (CRS84 for a distance).
        constant: The other geometry.
        relation: As for :func:`spatial_join`.
        distance_m: With ``"distance"``: at most so many metres apart on the ellipsoid.
        threads: None: as many as the machine has, once there is enough to do.
        errors: Receives row -> reason where there is no truth value.
        cancellation: Asked between portions; its exception ends the work.

    Returns:
        bool (N).

    Example:
        >>> spatial_filter(shapely.points([[0.5, 0.5], [9, 9]]), shapely.box(0, 0, 1, 1), "sfWithin")
        array([ True, False])
    """
    array = np.asarray(geometries, dtype=object)
    chosen = SpatialJoin(relation, distance_m)._relation()
    found: dict[int, str] = {}

    def test(part: np.ndarray) -> np.ndarray:
        if chosen is None:
            assert distance_m is not None
            return _near(array[part], constant, distance_m)
        reasons: dict[int, str] = {}
        holds = _against(array[part], constant, chosen, reasons)
        found.update({int(part[row]): reason for row, reason in reasons.items()})
        return holds

    result = _in_portions(test, len(array), threads, cancellation)
    if errors is not None:
        errors.update(found)
    return result


def related(
    geometries: np.ndarray,
    sound: np.ndarray,
    constant: shapely.Geometry,
    chosen: Relation,
    *,
    threads: int | None = None,
    cancellation: Check | None = None,
) -> np.ndarray:
    """As :func:`spatial_filter`, where it is known which geometries are sound (:func:`is_sound`, bool (N))."""
    return _in_portions(
        lambda part: _against(geometries[part], constant, chosen, {}, sound[part]),
        len(geometries),
        threads,
        cancellation,
    )


def _in_portions(
    test: Callable[[np.ndarray], np.ndarray], rows: int, threads: int | None, cancellation: Check | None
) -> np.ndarray:
    """A test of row numbers, in portions that can be stopped between, by several threads where that is worth while."""
    check = None if cancellation is None else cancellation.check

    def work(some: np.ndarray) -> np.ndarray:
        return np.concatenate([some[:0] != 0, *(test(some[part]) for part in portions(len(some), check))])

    count = (threads or os.cpu_count() or 1) if rows >= THREAD_PAIRS else 1
    parts = np.array_split(np.arange(rows), count)
    if count == 1:
        return work(parts[0])
    with ThreadPoolExecutor(count) as pool:
        return np.concatenate(list(pool.map(work, parts)))


def _against(
    geometries: np.ndarray,
    constant: shapely.Geometry,
    chosen: Relation,
    errors: dict[int, str],
    sound: np.ndarray | None = None,
) -> np.ndarray:
    """``chosen(geometry, constant)``, by a prepared copy of the constant where the geometries are valid."""
    other = np.array([constant], dtype=object)
    if len(geometries) < 2 or not is_sound(other)[0]:
        return evaluate(chosen, geometries, other, errors=errors)
    result = np.zeros(len(geometries), dtype=bool)
    near = np.ones(len(geometries), dtype=bool)
    if not chosen.may_be_disjoint:
        near = intersecting(shapely.bounds(geometries), np.broadcast_to(shapely.bounds(constant), (len(geometries), 4)))
    valid = np.zeros(len(geometries), dtype=bool)
    valid[near] = is_sound(geometries[near]) if sound is None else sound[near]
    own = np.array([shapely.force_2d(constant)], dtype=object)
    shapely.prepare(own)
    inverse = find_relation(chosen.inverse)
    for rows, first, second, test in (
        (np.flatnonzero(valid), own, geometries[valid], inverse),
        (np.flatnonzero(near & ~valid), geometries[near & ~valid], other, chosen),
    ):
        reasons: dict[int, str] = {}
        result[rows] = evaluate(test, first, second, errors=reasons)
        errors.update({int(rows[row]): reason for row, reason in reasons.items()})
    for row in np.flatnonzero(shapely.is_missing(geometries)):
        errors[int(row)] = "there is no geometry"
    return result


def _near(geometries: np.ndarray, constant: shapely.Geometry, limit: float) -> np.ndarray:
    grown = grow_m(shapely.bounds(np.array([constant], dtype=object)), limit)
    result = np.zeros(len(geometries), dtype=bool)
    rows = np.unique(turned_hits(shapely.bounds(geometries), grown[0]))
    result[rows] = within_m(geometries[rows], np.full(len(rows), constant, dtype=object), limit)
    return result


def turned_hits(boxes: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Rows of boxes that meet a window, whatever turn of the globe it is written on."""
    lat = (boxes[:, 1] <= window[3]) & (boxes[:, 3] >= window[1])
    lon = np.zeros(len(boxes), dtype=bool)
    for turn in (-360.0, 0.0, 360.0):
        lon |= (boxes[:, 0] <= window[2] + turn) & (boxes[:, 2] >= window[0] + turn)
    return np.flatnonzero(lat & lon)
