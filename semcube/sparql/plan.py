# SPDX-License-Identifier: Apache-2.0
"""Nodes that only a planner makes, beside those of the W3C algebra.

They are frozen and compared by identity where they hold arrays. :mod:`semcube.sparql.scope` understands them through
``CHILDREN``, ``own_variables`` and ``own_certain``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from semcube.sparql.algebra import Variable

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

__all__ = ["IdTable", "id_table"]


@dataclass(frozen=True, eq=False, slots=True)
class IdTable:
    """A leaf of solutions that are known already: one int64 column of ids per variable, 0 where unbound.

    A dataset that takes over sub-plans may take one with such leaves: the ids are those of the query (and so of the
    dataset's dictionary). Two tables are equal only if they are the same object.

    Example:
        >>> import numpy as np
        >>> table = id_table({"x": np.array([3, 4])})
        >>> table.rows, [v.name for v in table.variables]
        (2, ['x'])
    """

    CHILDREN: ClassVar[tuple[str, ...]] = ()

    variables: tuple[Variable, ...]
    columns: tuple[np.ndarray, ...]
    rows: int

    @property
    def own_variables(self) -> frozenset[Variable]:
        """The variables of the leaf."""
        return frozenset(self.variables)

    @property
    def own_certain(self) -> frozenset[Variable]:
        """The variables bound in every row."""
        pairs = zip(self.variables, self.columns, strict=True)
        return frozenset(v for v, column in pairs if bool((column != 0).all()))

    def to_batch(self) -> pa.RecordBatch:
        """The table in Arrow: int64, named as the variables, null where unbound."""
        import pyarrow as pa

        arrays = [pa.array(column, pa.int64(), mask=column == 0) for column in self.columns]
        return pa.RecordBatch.from_arrays(arrays, names=[v.name for v in self.variables])


def id_table(columns: Mapping[str, np.ndarray], rows: int | None = None) -> IdTable:
    """An :class:`IdTable` of named columns.

    Args:
        columns: Variable name -> ids, all of one length.
        rows: The number of rows; needed only where there are no columns.
    """
    import numpy as np

    arrays = tuple(np.ascontiguousarray(column, dtype=np.int64) for column in columns.values())
    count = len(arrays[0]) if arrays else int(rows or 0)
    return IdTable(tuple(Variable(name) for name in columns), arrays, count)
