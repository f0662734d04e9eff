# SPDX-License-Identifier: Apache-2.0
"""Groups of rows of ids, counted, and their least and greatest values: aggregates of plans of look-ups."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from semcube.engines.relational import Aggregate, Call, Column, Constant, Measure, Scalar
from semcube.engines.rows import Declined, Rows, codes
from semcube.geometry.sorted import ascends

__all__ = ["grouped"]

Ids = npt.NDArray[np.int64]


def grouped(rows: Rows, node: Aggregate, pairs: tuple[tuple[str, Scalar], ...]) -> Rows:
    """Columns computed from the groups of rows.

    Args:
        rows: The input of ``node``.
        node: Its measures count, or are the least or greatest id.
        pairs: Columns of ``node`` under new names; a count also plus a constant, which makes it an id.

    Raises:
        Declined: Something else is asked.

    Example:
        >>> from semcube.engines.relational import Empty
        >>> rows = Rows({"k": np.array([7, 8, 7]), "v": np.array([3, 0, 4])}, 3)
        >>> node = Aggregate(Empty(("k", "v")), ("k",), (("n", Measure("count", Column("v"))),))
        >>> found = grouped(rows, node, (("k", Column("k")), ("n", Call("+", (Column("n"), Constant(100))))))
        >>> {name: column.tolist() for name, column in found.columns.items()}
        {'k': [7, 8], 'n': [102, 100]}
    """
    values, counts = _runs(rows, node) if _only_counts_rows(rows, node) else _measured(rows, node)
    size = len(next(iter((*values.values(), *counts.values())))) if values or counts else 1
    found: dict[str, Ids] = {}
    for name, value in pairs:
        match value:
            case Column(column) if column in values:
                found[name] = values[column]
            case Call("+", (Column(column), Constant(int() as added))) if column in counts:
                found[name] = counts[column] + added
            case Constant(int() as constant) if type(constant) is int and name == "_":
                continue
            case _:
                raise Declined
    return Rows(found, size)


def _only_counts_rows(rows: Rows, node: Aggregate) -> bool:
    """Whether all measures of groups by one column are the number of rows."""
    for _, measure in node.measures:
        if measure.function != "count" or measure.distinct:
            return False
        if measure.argument is not None and not bool(_argument(rows, measure).all()):
            return False
    return len(node.keys) == 1


def _runs(rows: Rows, node: Aggregate) -> tuple[dict[str, Ids], dict[str, Ids]]:
    """Groups by one column and their sizes: runs of the sorted column, which is cheaper than to number its rows."""
    (key,) = node.keys
    column = rows.columns[key]
    column = column if ascends(column) else np.sort(column)
    starts = np.flatnonzero(np.append(column[:1] == column[:1], column[1:] != column[:-1]))
    sizes = np.diff(np.append(starts, len(column)))
    return {key: column[starts]}, {name: sizes for name, _ in node.measures}


def _measured(rows: Rows, node: Aggregate) -> tuple[dict[str, Ids], dict[str, Ids]]:
    """The keys and least or greatest values of groups, and their counts."""
    first, group = _groups(rows, node.keys)
    size = len(first) if node.keys else 1
    counts = {name: _count(rows, m, group, size) for name, m in node.measures if m.function == "count"}
    values = {name: rows.columns[name][first] for name in node.keys}
    values |= {name: _extreme(rows, m, group, size) for name, m in node.measures if m.function != "count"}
    return values, counts


def _groups(rows: Rows, keys: tuple[str, ...]) -> tuple[Ids, Ids]:
    """The first row of each group, and the group of each row."""
    if not keys:
        return np.zeros(0, np.int64), np.zeros(rows.count, np.int64)
    code = codes([[rows.columns[key] for key in keys]])[0]
    _, first, group = np.unique(code, return_index=True, return_inverse=True)
    return first.astype(np.int64), group.ravel()


def _argument(rows: Rows, measure: Measure) -> Ids:
    if not isinstance(measure.argument, Column):
        raise Declined
    return rows.columns[measure.argument.name]


def _count(rows: Rows, measure: Measure, group: Ids, size: int) -> Ids:
    if measure.argument is None:
        return np.bincount(group, minlength=size)
    column = _argument(rows, measure)
    if not bool(column.all()):
        bound = column != 0
        group, column = group[bound], column[bound]
    if measure.distinct and len(group):
        group = group[np.unique(codes([[group, column]])[0], return_index=True)[1]]
    return np.bincount(group, minlength=size)


def _extreme(rows: Rows, measure: Measure, group: Ids, size: int) -> Ids:
    """The least or greatest id of each group, 0 where it has none."""
    if measure.function not in ("min", "max"):
        raise Declined
    column = _argument(rows, measure)
    order = np.lexsort((column, group))
    order = order[column[order] != 0]
    owner, found = group[order], np.zeros(size, np.int64)
    starts = np.flatnonzero(np.append(True, owner[1:] != owner[:-1])) if len(owner) else np.empty(0, np.int64)
    ends = np.append(starts[1:], len(owner)) - 1
    found[owner[starts]] = column[order][starts if measure.function == "min" else ends[: len(starts)]]
    return found
