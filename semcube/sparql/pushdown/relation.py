# SPDX-License-Identifier: Apache-2.0
"""A compiled sub-plan, ready to run (:class:`semcube.sparql.dataset.Relation`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from semcube.engines.relational import Relational, Sort
from semcube.sparql.algebra import Variable
from semcube.sparql.dataset import Estimate
from semcube.sparql.evaluate.exists import exists_in
from semcube.sparql.evaluate.solutions import Solutions
from semcube.sparql.expressions import effective_boolean
from semcube.sparql.pushdown.distributions import kept_part
from semcube.sparql.pushdown.names import column_name, variable_name
from semcube.sparql.pushdown.parts import Leaves, Part

if TYPE_CHECKING:
    from semcube.engines.sampling import Sample
    from semcube.sparql.context import Context

__all__ = ["SqlRelation"]

_ENOUGH = 10
"""So many rows of a sample that filters keep tell how many they keep of all."""


class SqlRelation:
    """A part that the dataset's engine runs.

    Args:
        part: The compiled sub-plan.
        leaves: The dataset's tables.
        context: The evaluation.
    """

    def __init__(self, part: Part, leaves: Leaves, context: Context) -> None:
        self.variables = tuple(Variable(name) for name in part.variables)
        self._part = part
        self._leaves = leaves
        self._context = context

    @property
    def plan(self) -> Relational:
        """What runs."""
        part = self._part
        return Sort(part.relation, part.order) if part.order else part.relation

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Run it: one int64 column per variable, ``_`` if there are none."""
        wanted = [column_name(v.name) for v in self.variables]
        names = [v.name for v in self.variables]
        # "forced" asks the database for everything
        auto = self._context.push_down == "auto"
        found = self._leaves.look_up(self.plan, self._part.rows) if auto else None
        if found is not None:
            if self._context.trace is not None:
                self._context.trace.note("answered by look-ups on sorted columns, without SQL")
            numbers = [found.columns[name] for name in wanted] if names else [np.ones(found.count, np.int64)]
            arrays = [pa.array(column, mask=None if column.all() else column == 0) for column in numbers]
            yield pa.RecordBatch.from_arrays(arrays, names=names or ["_"])
            return
        for batch in self._leaves.run(self.plan, self._context.cancellation):
            if not names:
                yield pa.record_batch({"_": pa.nulls(batch.num_rows, pa.int64()).fill_null(1)})
                continue
            columns = [batch.column(name) for name in wanted]
            yield pa.RecordBatch.from_arrays([c.cast(pa.int64()) for c in columns], names=names)

    def estimate(self) -> Estimate | None:
        """Rows to expect: by a sample where that is cheap, else by the counts of the predicates."""
        part = self._part
        found = self._leaves.sample(part.relation if part.filtered is None else part.filtered.relation)
        if part.filtered is None:
            return Estimate(part.rows) if found is None else Estimate(found.expected, exact=found.whole)
        if found is not None:
            rows = self._filtered(found).rows
            if rows >= _ENOUGH or found.whole:
                return Estimate(rows * found.scale, exact=found.whole)
        # few of the sample are kept: the values of the predicates tell narrow ranges apart
        kept = kept_part(part.filtered.filters, part.predicates, part.distinct, self._leaves, read=True)
        if found is None:
            return Estimate(part.filtered.rows * kept)
        return Estimate(min(found.expected * kept, _ENOUGH * found.scale))

    def sample(self) -> tuple[Solutions, float] | None:
        """Some solutions, and how many of all each stands for (1: they are all); None where that would be dear."""
        part = self._part
        found = self._leaves.sample(part.relation if part.filtered is None else part.filtered.relation)
        if found is None or any(column_name(v.name) not in found.rows.columns for v in self.variables):
            return None
        return self._filtered(found).select([v.name for v in self.variables]), found.scale

    def _filtered(self, found: Sample) -> Solutions:
        """The rows of a sample for which the filters are true, by the reference operator."""
        columns = {variable_name(name): column for name, column in found.rows.columns.items()}
        rows = Solutions(columns, found.rows.count)
        for expression in () if self._part.filtered is None else self._part.filtered.filters:
            rows = rows.where(effective_boolean(expression, rows, self._context, exists_in(self._context)) == 1)
        return rows

    def explain(self) -> str:
        """Its SQL."""
        return self._leaves.sql(self.plan)
