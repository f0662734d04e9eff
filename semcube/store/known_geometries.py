# SPDX-License-Identifier: Apache-2.0
"""Geometries that come with their literals: a mapped file has them as WKB, so their text need not be read again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from semcube.engines import ids

if TYPE_CHECKING:
    import numpy.typing as npt

    Ids = npt.NDArray[np.int64]

__all__ = ["CRS", "WKB", "KnownGeometries"]

WKB = "wkb"
"""Name of a column beside those of ``QUADS``: the geometry of the object, x east and y north; null where unknown."""
CRS = b"crs"
"""Key of the metadata of that column: IRI of the coordinate reference system of all its geometries."""


@dataclass(frozen=True)
class KnownGeometries:
    """Geometries of some of the keys that are encoded together."""

    wkb: pa.Array
    rows: Ids
    """Key -> row of ``wkb``, -1 where its geometry is not known."""
    crs: str

    @classmethod
    def of(cls, batch: pa.Table, codes: pa.Array, places: Ids, keys: int) -> KnownGeometries | None:
        """Those of a batch of quads, None if it has none.

        Args:
            batch: Quads, perhaps with the column :data:`WKB`.
            codes: Number of the object of each quad among its distinct objects.
            places: Distinct object -> key.
            keys: How many keys there are.
        """
        if WKB not in batch.schema.names:
            return None
        numbers = codes.to_numpy(zero_copy_only=False)
        first = np.empty(len(places), np.int64)
        # the last assignment stands, so that of the first row with each object
        first[numbers[::-1]] = np.arange(len(numbers))[::-1]
        rows = np.full(keys, -1, np.int64)
        rows[places] = first
        metadata = batch.schema.field(WKB).metadata
        return cls(batch.column(WKB).combine_chunks(), rows, metadata[CRS].decode())

    def of_keys(self, keys: Ids) -> pa.Array:
        """The WKB of some of the keys; null where it is not known."""
        rows = self.rows[keys]
        wkb = self.wkb.chunk(0) if isinstance(self.wkb, pa.ChunkedArray) else self.wkb
        return wkb.take(pa.array(rows, mask=rows < 0))

    def of_terms(self, found: Ids, added: pa.Table) -> pa.Array:
        """The WKB of new terms, row by row.

        Args:
            found: Ids of the keys.
            added: Rows of the table ``terms``, numbered without gaps.
        """
        rows = np.full(len(added), -1, np.int64)
        if len(added):
            number = (found & ids.PAYLOAD) - int(added["n"][0].as_py())
            new = (found >> ids.SHIFT == int(ids.Tag.GEOMETRY)) & (number >= 0)
            rows[number[new]] = self.rows[new]
        wkb = self.wkb.chunk(0) if isinstance(self.wkb, pa.ChunkedArray) else self.wkb
        return wkb.take(pa.array(rows, mask=rows < 0))
