# SPDX-License-Identifier: Apache-2.0
"""The exact test: the DE-9IM matrix of candidate pairs, on prepared geometries where that saves work.

Preparing costs about as much as relating :data:`PREPARING` times, so each pair goes to the side where the vertices
spared, over all pairs of that geometry, are more; one with few pairs is not prepared. Few are prepared at a time.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import shapely

from semcube.errors import GeometryError
from semcube.geometry import repair
from semcube.geometry.relations import matrices, transpose
from semcube.interlink.sides import Chunk

__all__ = ["MatrixCodes", "Verifier", "portions"]

PREPARING = 16.0
"""Cost of preparing a geometry, in visits of all its vertices."""
_PREPARED_VERTICES = 2_000_000
_SLICE = 200_000


class MatrixCodes:
    """Numbers for the few different matrices of a run.

    Example:
        >>> codes = MatrixCodes()
        >>> codes.encode(np.array(["0FFFFFFF2", None, "0FFFFFFF2"], dtype=object))
        array([ 0, -1,  0], dtype=int16)
        >>> codes.texts
        ['0FFFFFFF2']
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._codes: dict[str, int] = {}

    def code(self, text: str) -> int:
        """The number of a matrix."""
        if text not in self._codes:
            self._codes[text] = len(self.texts)
            self.texts.append(text)
        return self._codes[text]

    def encode(self, found: np.ndarray) -> np.ndarray:
        """Matrices -> int16 numbers, -1 for None."""
        encoded = pa.array(found, pa.string()).dictionary_encode()
        table = np.array([self.code(text) for text in encoded.dictionary.to_pylist()] + [-1], np.int16)
        result: np.ndarray = table[encoded.indices.fill_null(len(table) - 1).to_numpy(zero_copy_only=False)]
        return result

    def transposed(self, codes: np.ndarray) -> np.ndarray:
        """The numbers of the matrices of the swapped pairs."""
        table = np.array([self.code(transpose(text)) for text in list(self.texts)] + [-1], np.int16)
        result: np.ndarray = table[codes]
        return result


class Verifier:
    """Relates pairs of one chunk of a side, held, with chunks of the other.

    Args:
        held: The side in memory; invalid geometries are replaced where it is told so.
        invalid: ``repair``, ``skip``, ``fail`` or ``keep``.
        codes: Receives the matrices.
    """

    def __init__(self, held: Chunk, invalid: str, codes: MatrixCodes) -> None:
        self.held = held
        self.invalid = invalid
        self.codes = codes
        self.sizes = shapely.get_num_coordinates(held.geometries)
        self._checked = np.zeros(len(held), dtype=bool)
        self.invalid_held = np.empty(0, np.int64)
        """Rows of invalid geometries of the held side."""
        self.errors = 0
        """Pairs that could not be related."""

    def check(self, chunk: Chunk, rows: np.ndarray, checked: np.ndarray) -> np.ndarray:
        """Repair or remove the invalid geometries among rows not checked before; returns their rows.

        Raises:
            GeometryError: There is one, and the choice is ``fail``.
        """
        fresh = np.unique(rows[~checked[rows]])
        checked[fresh] = True
        if self.invalid == "keep" or not len(fresh):
            return fresh[:0]
        bad = fresh[~shapely.is_valid(chunk.geometries[fresh]) & ~shapely.is_missing(chunk.geometries[fresh])]
        if len(bad) and self.invalid == "fail":
            reason = shapely.is_valid_reason(chunk.geometries[bad[0]])
            raise GeometryError(
                f"the geometry of <{chunk.iris[int(bad[0])].as_py()}> is invalid: {reason}",
                fix="choose invalid='repair' or 'skip' (--invalid)",
            )
        chunk.geometries[bad] = repair(chunk.geometries[bad])[0] if self.invalid == "repair" else None
        return np.asarray(bad)

    def relate(self, stream: Chunk, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """The codes of the matrices of pairs ``(held[first], stream[second])``; validity is the caller's business.

        Args:
            stream: A chunk of the other side.
            first: int64 (P), rows of the held side.
            second: int64 (P), rows of ``stream``.

        Returns:
            int16 (P); -1 where there is no matrix.
        """
        sizes = shapely.get_num_coordinates(stream.geometries)
        result = np.full(len(first), -1, np.int16)
        gains = [_gain(self.sizes, first), _gain(sizes, second)]
        best = np.where(gains[0] >= gains[1], 0, 1)
        plain = np.maximum(gains[0], gains[1]) <= 0
        sides = ((self.held.geometries, first, self.sizes), (stream.geometries, second, sizes))
        for side in (0, 1):
            own, other = sides[side], sides[1 - side]
            rows = np.flatnonzero(~plain & (best == side))
            rows = rows[np.argsort(own[1][rows], kind="stable")]
            for part in portions(own[2][own[1][rows]], own[1][rows]):
                some = rows[part]
                codes = self._prepared(own[0], own[1][some], other[0][other[1][some]])
                result[some] = codes if side == 0 else self.codes.transposed(codes)
        rest = np.flatnonzero(plain)
        for start in range(0, len(rest), _SLICE):
            some = rest[start : start + _SLICE]
            result[some] = self._matrices(self.held.geometries[first[some]], stream.geometries[second[some]])
        return result

    def _prepared(self, geometries: np.ndarray, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
        used = geometries[np.unique(rows)]
        shapely.prepare(used)
        try:
            return self._matrices(geometries[rows], others)
        finally:
            shapely.destroy_prepared(used)

    def _matrices(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        failed: dict[int, str] = {}
        found = matrices(first, second, errors=failed)
        present = ~(shapely.is_missing(first) | shapely.is_missing(second))
        self.errors += sum(bool(present[row]) for row in failed)
        return self.codes.encode(found)


def _gain(sizes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Vertex visits that a pair is spared where the geometry of its row is prepared, by pair."""
    if not len(rows):
        return np.zeros(0)
    uses = np.bincount(rows, minlength=len(sizes))[rows]
    gain: np.ndarray = sizes[rows] * (1 - PREPARING / uses)
    return gain


def portions(sizes: np.ndarray, rows: np.ndarray) -> list[slice]:
    """Slices of sorted rows with a bounded number of prepared vertices and of pairs; a geometry stays in one."""
    if not len(rows):
        return []
    starts = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])
    weight = np.cumsum(sizes[starts]) // _PREPARED_VERTICES
    number = np.r_[starts[1:], len(rows)] // _SLICE
    cuts = starts[1:][(np.diff(weight) > 0) | (np.diff(number) > 0)]
    edges = [0, *cuts.tolist(), len(rows)]
    return [slice(low, high) for low, high in pairwise(edges)]
