# SPDX-License-Identifier: Apache-2.0
"""Columns of ids in as few bytes as they need.

The ids of one tag differ in their low bits only, so a column of one tag, as subjects and most objects are, is kept as
what is above its least id, in four bytes: half the memory, and half the cache lines for whoever looks something up.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from semcube.geometry.sorted import searched

__all__ = ["IdColumn"]

Ids = npt.NDArray[np.int64]
_SPAN = (1 << 32) - 1


class IdColumn:
    """Ids by their places.

    Args:
        ids: (n,) int64.

    Example:
        >>> column = IdColumn(np.array([2**60 + 1, 2**60 + 5, 2**60 + 5]))
        >>> column.nbytes, (column[np.array([2, 0])] - 2**60).tolist()
        (12, [5, 1])
        >>> [part.tolist() for part in column.searched(np.array([2**60 + 5, 3]))]
        [[1, 0], [3, 0]]
    """

    __slots__ = ("base", "offsets")

    def __init__(self, ids: Ids) -> None:
        self.base = int(ids.min()) if len(ids) else 0
        """The least id, where ids are narrow; else 0."""
        self.offsets: npt.NDArray[Any]
        """What is to be added to it."""
        if len(ids) and int(ids.max()) - self.base <= _SPAN:
            self.offsets = (ids - self.base).astype(np.uint32)
        else:
            self.base, self.offsets = 0, ids

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return self.offsets.nbytes

    def __getitem__(self, places: Ids | slice) -> Ids:
        found: Ids = self.offsets[places]
        return found if found.dtype == np.int64 else np.add(found, self.base, dtype=np.int64)

    def searched(self, wanted: Ids) -> tuple[Ids, Ids]:
        """Where each wanted id begins and ends, if the column is sorted; of ids that are not there, an empty range."""
        if self.offsets.dtype == np.int64:
            return searched(self.offsets, wanted)
        offsets = wanted - self.base
        outside = (offsets < 0) | (offsets > _SPAN)
        low, high = searched(self.offsets, np.where(outside, 0, offsets).astype(np.uint32))
        return low, np.where(outside, low, high) if bool(outside.any()) else high
