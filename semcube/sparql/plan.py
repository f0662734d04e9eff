# SPDX-License-Identifier: Apache-2.0
"""Nodes that only a planner makes, beside those of the W3C algebra.

They are frozen and compared by identity where they hold arrays. :mod:`semcube.sparql.scope` understands them through
``CHILDREN``, ``own_variables`` and ``own_certain``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from semcube.sparql.algebra import Algebra, Expression, PlanNode, Variable

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from semcube.io.terms import IRI
    from semcube.sparql.context import Context

__all__ = ["IdTable", "SpatialJoin", "SpatialSelect", "id_table", "plan"]


@dataclass(frozen=True, eq=False, slots=True)
class IdTable(PlanNode):
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


@dataclass(frozen=True, slots=True)
class SpatialSelect(PlanNode):
    """A filter that compares a geometry variable with a constant geometry: equal to ``Filter(expression, pattern)``.

    ``relation`` is the IRI of a topological relation, or of a distance function with its upper bound ``distance`` in
    ``unit`` (an IRI; None is the function's own). ``variable`` is bound by the dataset in every solution of
    ``pattern``; ``variable_first`` tells whether it is the first argument.
    """

    CHILDREN: ClassVar[tuple[str, ...]] = ("pattern",)

    pattern: Algebra
    expression: Expression
    relation: str
    variable: Variable
    constant: Expression
    variable_first: bool
    distance: float | None = None
    unit: str | None = None

    def describe(self) -> str:
        """One line for ``explain``."""
        return _describe(self.relation, f"?{self.variable.name}", "constant", self.distance)


@dataclass(frozen=True, slots=True)
class SpatialJoin(PlanNode):
    """Two patterns that only a spatial filter joins: equal to ``Filter(expression, Join(left, right))``.

    ``first`` and ``second`` are the arguments of the relation in their order; ``left`` binds ``first`` in every
    solution, ``right`` binds ``second``; the patterns share no variable.
    """

    CHILDREN: ClassVar[tuple[str, ...]] = ("left", "right")

    left: Algebra
    right: Algebra
    expression: Expression
    relation: str
    first: Variable
    second: Variable
    distance: float | None = None
    unit: str | None = None

    def describe(self) -> str:
        """One line for ``explain``."""
        return _describe(self.relation, f"?{self.first.name}", f"?{self.second.name}", self.distance)


def _describe(relation: str, first: str, second: str, distance: float | None) -> str:
    name = relation.rsplit("/", 1)[-1].rsplit("#", 1)[-1]
    return f"{name}({first}, {second})" + ("" if distance is None else f" <= {distance:g}")


def _switched(pattern: Algebra, context: Context) -> Algebra:
    """The pattern over what the switches of the evaluation add to the stored triples."""
    from semcube.sparql.rewrite import push_filters

    if not context.rewrite and context.entailment is None:
        return pattern
    from semcube.sparql.entailment import Entailment
    from semcube.sparql.query_rewrite import rewrite_topology

    entailment = Entailment(context) if context.entailment is not None else None
    if context.rewrite:
        pattern = rewrite_topology(pattern, partial(_may_hold, context) if entailment is None else entailment.holds)
    return push_filters(pattern if entailment is None else entailment.apply(pattern))


def _may_hold(context: Context, property_: IRI) -> bool:
    """Whether the dataset may have triples of a property."""
    from semcube.sparql.dataset import QuadPattern

    pattern = QuadPattern(Variable("s"), property_, Variable("o"), None, context.active)
    found = context.dataset.estimate(pattern, context)
    return found is None or found.rows > 0 or not found.exact


def plan(pattern: Algebra, context: Context) -> Algebra:
    """What runs for a pattern: rewritten, with its spatial filters as nodes of their own.

    Args:
        pattern: The pattern of a query, as translated.
        context: The evaluation; its trace is told each stage. With ``push_down="off"``, and over a dataset that says
            ``evaluates_filters``, spatial filters stay filters.
    """
    from semcube.sparql.explain import Trace, outline
    from semcube.sparql.plan_spatial import with_spatial_nodes
    from semcube.sparql.rewrite import rewrite

    trace = context.trace or Trace()
    with trace.stage("rewritten"):
        rewritten = _switched(rewrite(pattern), context)
    as_written = context.push_down == "off" or getattr(context.dataset, "evaluates_filters", False)
    with trace.stage("planned"):
        planned = rewritten if as_written else with_spatial_nodes(rewritten)
    if context.trace is not None:
        trace.stages["rewritten"], trace.stages["planned"] = outline(rewritten), outline(planned)
    return planned
