# SPDX-License-Identifier: Apache-2.0
"""Where a layer can be cut so that each part is read on its own, for about the cost of that part.

A span is a range of row ids (``fid``), its end left out: ``(0, 5)`` is rows 0 to 4.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from semcube.errors import SourceError

__all__ = ["Span", "geopackage_spans", "shapefile_spans", "spans_by_size"]

Span = tuple[int, int]

_HEADER = 100
"""Bytes before the first record of a shapefile's index."""


def spans_by_size(sizes: Sequence[int] | npt.NDArray[np.int64], parts: int) -> tuple[Span, ...]:
    """Runs of items of about the same total size; none is empty, and there may be fewer than asked for.

    Example:
        >>> spans_by_size([1, 1, 1, 3], 2)
        ((0, 3), (3, 4))
        >>> spans_by_size([9], 4)
        ((0, 1),)
    """
    total = np.cumsum(np.maximum(np.asarray(sizes, np.int64), 1))
    if not len(total):
        return ()
    wanted = total[-1] * np.arange(1, max(parts, 1)) / max(parts, 1)
    cuts = np.unique([0, *(np.searchsorted(total, wanted, side="left") + 1).tolist(), len(total)])
    return tuple(pairwise(int(cut) for cut in cuts if cut <= len(total)))


def shapefile_spans(index: Path, parts: int) -> tuple[Span, ...]:
    """Spans of a shapefile with about as many bytes of geometry each, by its ``.shx`` file.

    The record lengths of the index are 16-bit words (ESRI Shapefile Technical Description, 1998).
    """
    records = np.fromfile(index, ">i4", offset=_HEADER)
    lengths = records[: len(records) // 2 * 2].reshape(-1, 2)[:, 1]
    # A row costs something however short its geometry is.
    return spans_by_size(lengths.astype(np.int64) * 2 + 100, parts)


def geopackage_spans(file: Path, table: str, key: str, parts: int) -> tuple[Span, ...]:
    """Spans of a GeoPackage's table with as many rows each, by its primary key.

    Raises:
        SourceError: The table cannot be read.
    """
    name, column = (f'"{each.replace(chr(34), chr(34) * 2)}"' for each in (table, key))
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file.resolve()))}?mode=ro", uri=True)) as connection:
            first, last, rows = connection.execute(
                f"SELECT min({column}), max({column}), count(*) FROM {name}"
            ).fetchone()
            if not rows:
                return ()
            inner = {rows * part // parts for part in range(1, parts)} - {0}
            nth = f"SELECT {column} FROM {name} ORDER BY {column} LIMIT 1 OFFSET ?"
            cuts = [connection.execute(nth, (position,)).fetchone()[0] for position in sorted(inner)]
    except sqlite3.Error as error:
        raise SourceError(f"cannot be read: {error}", source=file, layer=table, expected="a GeoPackage") from error
    return tuple(pairwise(sorted({first, *cuts, last + 1})))
