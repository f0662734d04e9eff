# SPDX-License-Identifier: Apache-2.0
"""Quad patterns of a store as scans of its tables, and what is known of their sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from semcube.engines.ids import Tag
from semcube.engines.look_ups import LookUps
from semcube.engines.relational import Call, Column, Constant, Distinct, Relational, Scalar, Scan, conjunction
from semcube.engines.rows import Declined
from semcube.engines.sql import compile_sql
from semcube.io.terms import IRI, Term, key
from semcube.sparql.algebra import Variable
from semcube.sparql.dataset import ActiveGraph, Estimate, QuadPattern
from semcube.sparql.pushdown.names import column_name
from semcube.sparql.pushdown.parts import bit, only
from semcube.store.cache import Predicate
from semcube.store.distributions import sampled_values
from semcube.store.quad_columns import SnapshotColumns

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from semcube.engines.base import Cancellation
    from semcube.engines.rows import Rows
    from semcube.engines.sampling import Sample
    from semcube.sparql.pushdown.distributions import Distribution
    from semcube.store.cache import Counts
    from semcube.store.quad_columns import QuadColumns
    from semcube.store.snapshot import Snapshot

__all__ = ["Leaves"]

FEW, FLOWING = 200_000.0, 200_000
"""A plan is tried by look-ups if so many rows are expected, and left to SQL where more than so many flow."""
ROW_BYTES = 128
"""More may flow where sorted columns have room for as many rows of this size."""
COUNTED = 100_000
"""So many counts are kept."""


class Leaves:
    """The leaf relations of one snapshot: what push-down builds on.

    Args:
        snapshot: The state that is read.
        counts: What is known of that state already.
        columns: Sorted columns for look-ups without SQL; None inside a write transaction.
    """

    def __init__(self, snapshot: Snapshot, counts: Counts, columns: QuadColumns | None = None) -> None:
        self._snapshot = snapshot
        self._counts = counts
        self._sorted: SnapshotColumns | None = None
        self._look_ups: LookUps | None = None
        self._few = FEW
        if columns is not None:
            sorted_columns = SnapshotColumns(columns, snapshot.version, lambda: self.predicates, snapshot.connection)
            self._sorted = sorted_columns
            room = columns.budget // ROW_BYTES
            self._few, flowing = max(FEW, float(room)), max(FLOWING, room)
            self._look_ups = LookUps(sorted_columns, flowing)

    def id_of(self, term: Term) -> int:
        """The id of a term, 0 if the store lacks it."""
        return self._snapshot.dictionary.find_one(key(term))

    @property
    def predicates(self) -> dict[int, Predicate]:
        """Counts per predicate."""
        known = self._counts.predicates
        if known is None:
            rows = (
                self._snapshot.connection()
                .execute("SELECT p, quads, subjects, objects, tags, inexact, times FROM predicates")
                .fetchall()
            )
            known = self._counts.predicates = {row[0]: Predicate(*row[1:]) for row in rows}
        return known

    def scan(self, pattern: QuadPattern) -> Relational | None:
        """The solutions of a quad pattern as a relation; None if a constant is not in the store.

        The columns are the pattern's variables (:func:`column_name`), or ``_`` if there are none.
        """
        conditions: list[Scalar] = []
        columns: dict[str, str] = {}
        bound = set()
        for column, place in (("s", pattern.subject), ("p", pattern.predicate), ("o", pattern.object)):
            if isinstance(place, Variable):
                name = column_name(place.name)
                if name in columns:
                    conditions.append(Call("=", (Column(columns[name]), Column(column))))
                columns.setdefault(name, column)
                continue
            number = self.id_of(place)
            if not number:
                return None
            bound.add(column)
            conditions.append(Call("=", (Column(column), Constant(number))))
        in_graphs, merged = self._in_graphs(pattern.graph, pattern.active)
        if in_graphs is None:
            return None
        conditions.append(in_graphs)
        if isinstance(pattern.graph, Variable):
            name = column_name(pattern.graph.name)
            if name in columns:
                conditions.append(Call("=", (Column(columns[name]), Column("g"))))
            columns.setdefault(name, "g")
        table = "quads_po" if "o" in bound and "s" not in bound else "quads_ps"
        names = [column_name(v.name) for v in pattern.variables]
        named = tuple((name, columns[name]) for name in names)
        if merged:
            whole = Scan(
                table, (*named, *((f"_{c}", c) for c in "spo" if c not in columns.values())), conjunction(*conditions)
            )
            return only(Distinct(whole), tuple(names))
        return Scan(table, named or (("_", "p"),), conjunction(*conditions))

    def _in_graphs(self, graph: Variable | IRI | None, active: ActiveGraph) -> tuple[Scalar | None, bool]:
        """The condition on the graph column (None: no graph at all), and whether several graphs are merged into one."""
        column = Column("g")
        if graph is None:
            numbers = {0 if name is None else self.id_of(name) for name in active.default}
            numbers -= {0} if None not in active.default else set()
            if not numbers:
                return None, False
            return _among(column, numbers), len(numbers) > 1
        if isinstance(graph, Variable):
            if active.named is None:
                return Call("<>", (column, Constant(0))), False
            numbers = {self.id_of(name) for name in active.named} - {0}
            return (_among(column, numbers) if numbers else None), False
        number = self.id_of(graph) if active.named is None or graph in active.named else 0
        return (_among(column, {number}) if number else None), False

    def facts(self, predicate: int | None) -> Predicate | None:
        """What is known of a predicate (of all together for None); None if it has no quads."""
        known = self.predicates
        if predicate is not None:
            return known.get(predicate)
        if not known:
            return None
        tags = times = 0
        for about in known.values():
            tags, times = tags | about.tags, times | about.times
        return Predicate(
            sum(about.quads for about in known.values()),
            max(about.subjects for about in known.values()),
            sum(about.objects for about in known.values()),
            tags,
            any(about.inexact for about in known.values()),
            times,
        )

    def distinct(self, predicate: int | None) -> tuple[float, float]:
        """Distinct subjects and objects of a predicate (of all for None), roughly."""
        about = self.facts(predicate)
        return (0.0, 0.0) if about is None else (float(about.subjects), float(about.objects))

    def distribution(self, predicate: int, *, times: bool, read: bool) -> Distribution | None:
        """The numbers (or times) of the objects of a predicate; sampled where they are not known, if ``read``."""
        about, known = self.facts(predicate), self._counts.distributions
        if about is None or not about.tags & (bit(Tag.TEMPORAL) if times else bit(Tag.INTEGER, Tag.NUMERIC)):
            return None
        found = known.get(predicate, times=times)
        if found is None and read:
            connection = self._snapshot.connection()
            values = sampled_values(predicate, about.quads, about.objects, self._sorted, connection)
            for kind, one in values.items():
                known.put(predicate, one, times=kind)
            found = values[times]
        return found

    def numbers(self) -> Relational:
        """Columns ``n`` and ``number``: payload and value of each term of tag ``NUMERIC``."""
        return Scan("numbers", (("n", "n"), ("number", "number")))

    def times(self) -> Relational:
        """Columns ``n`` and ``time``: payload and microseconds of each term of tag ``TEMPORAL``."""
        return Scan("times", (("n", "n"), ("time", "time")))

    def texts(self) -> Relational:
        """Columns ``n`` and ``text``: payload and lexical form of each term that is not inline."""
        return Scan("terms", (("n", "n"), ("text", "lexical")))

    def look_up(self, plan: Relational, rows: float) -> Rows | None:
        """The rows of a plan of which so many are expected, if they were found without SQL; None else."""
        if self._look_ups is None or rows > self._few:
            return None
        try:
            return self._look_ups.run(plan)
        except Declined:
            return None

    def sample(self, plan: Relational) -> Sample | None:
        """Some rows of a plan of inner joins; None of another, or where its columns are not in memory."""
        from semcube.engines.sampling import sample

        if self._sorted is None:
            return None
        try:
            return sample(plan, self._sorted)
        except Declined:
            return None

    def run(self, plan: Relational, cancellation: Cancellation) -> Iterator[pa.RecordBatch]:
        """The rows of a plan."""
        return self._snapshot.run(plan, cancellation)

    def sql(self, plan: Relational) -> str:
        """The SQL of a plan."""
        return compile_sql(plan).text

    def estimate(self, pattern: QuadPattern) -> Estimate:
        """Solutions to expect: exact for a predicate, alone or with an object, in all graphs together."""
        fixed: dict[str, int] = {}
        for column, place in (("s", pattern.subject), ("p", pattern.predicate), ("o", pattern.object)):
            if not isinstance(place, Variable):
                fixed[column] = self.id_of(place)
                if not fixed[column]:
                    return Estimate(0.0, exact=True)
        known = self.predicates
        if "p" in fixed:
            about = known.get(fixed["p"])
            if about is None:
                return Estimate(0.0, exact=True)
            if "o" in fixed and "s" not in fixed:
                return Estimate(float(self._count(fixed["p"], fixed["o"])))
            rows = about.quads / (max(about.subjects, 1) if "s" in fixed else 1)
            return Estimate(min(rows, 1.0) if "o" in fixed else rows)
        rows = float(sum(p.quads for p in known.values()))
        if "s" in fixed:
            rows /= max(max((p.subjects for p in known.values()), default=1), 1)
        if "o" in fixed:
            rows /= max(max((p.objects for p in known.values()), default=1), 1)
        return Estimate(rows)

    def _count(self, p: int, o: int) -> int:
        """Quads of a predicate and an object, counted once per version of the store."""
        known = self._counts.pairs.get((p, o))
        if known is None:
            found = self._snapshot.connection().execute(f"SELECT count(*) FROM quads_po WHERE p = {p} AND o = {o}")
            known = int(found.fetchall()[0][0])
            if len(self._counts.pairs) < COUNTED:
                self._counts.pairs[p, o] = known
        return known


def _among(column: Column, numbers: set[int]) -> Scalar:
    if len(numbers) == 1:
        return Call("=", (column, Constant(next(iter(numbers)))))
    return Call("in", (column, *(Constant(number) for number in sorted(numbers))))
