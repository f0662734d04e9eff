# SPDX-License-Identifier: Apache-2.0
"""Rows -> quads: one SQL projection per batch computes all terms, Arrow lines them up. No Python object per row."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from typing import Literal as OneOf

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.errors import MappingError
from semcube.io.ntriples import LineBatch, bytes_of
from semcube.io.terms import QUADS
from semcube.mapping.compile import Check, Plan, QuadPlan, Several, compile_parent, compile_plan
from semcube.mapping.gather import Gathers
from semcube.mapping.inputs import Options, Table
from semcube.mapping.iri import sql_text
from semcube.mapping.lines import LineProgram, compile_lines, plain_columns, special_columns
from semcube.mapping.model import LogicalSource, LogicalTarget, Mapping, TriplesMap
from semcube.mapping.report import LayerReport
from semcube.mapping.rows import Rows, Selection
from semcube.vocab import WKT_LITERAL

if TYPE_CHECKING:
    from collections.abc import Mapping as Dictionary

    from semcube.io.ordered import Turns

__all__ = ["Evaluator", "Form", "Options"]

Targets = tuple[LogicalTarget, ...]
Form = OneOf["triples", "quads", "geometries"]
_LINE_ROWS = 2048


class Evaluator:
    """Triples maps over one table.

    Everything that can be wrong with the mapping is found here, before a row is read.

    Args:
        mapping: The whole mapping.
        triples_maps: Those of its triples maps that read ``rows``.
        rows: The table.
        options: How.
        sources: The tables that joins need, by their source.

    Raises:
        MappingError: A reference names no column of the table.
        CRSError: Geometries are asked for and their system is not known.
    """

    def __init__(
        self,
        mapping: Mapping,
        triples_maps: tuple[TriplesMap, ...],
        rows: Rows,
        options: Options | None = None,
        sources: Dictionary[LogicalSource, Rows] | None = None,
    ) -> None:
        self.rows, self.options = rows, options or Options()
        self.mapping = mapping
        names = {name for each in triples_maps for name in mapping.references(each.source)}
        self.table = Table(rows, self.options, tuple(names))
        self.columns = self.table.columns
        self.plan = compile_plan(mapping, triples_maps, self.columns, self.options.base)
        self.table.use(self.plan.columns)
        self.triples_maps = triples_maps
        self.program = self._program(frozenset())
        """How lines are made without keys, where that is possible."""
        self.programs: dict[frozenset[str], LineProgram] = {}
        ending = sql_text(f'"^^<{WKT_LITERAL}>')
        self.wkt_column = _number_of(self.plan, f"'\"' || g0 || {ending}")
        self.parents = self._parents(sources or {})

    def _program(self, plain: frozenset[str]) -> LineProgram | None:
        """How lines are made of batches in which some columns, by their names in SQL, hold plain numbers only."""
        columns = {name: replace(each, is_plain=each.sql in plain) for name, each in self.columns.items()}
        return compile_lines(self.mapping, self.triples_maps, columns, self.options.base, self.plan)

    def _parents(self, sources: Dictionary[LogicalSource, Rows]) -> list[tuple[str, Table, Plan]]:
        """What fills the tables of joined subjects."""
        found = []
        for item in self.plan.parents:
            for parent in item.parents:
                if parent.source not in sources:
                    raise MappingError(
                        f"the source of the parent, {parent.source}, is not open",
                        source=self.mapping.document,
                        triples_map=parent.name,
                    )
                table = Table(sources[parent.source], self.options, self.mapping.references(parent.source))
                plan = compile_parent(self.mapping, parent, item.joins, table.columns, self.options.base)
                table.use(plan.columns)
                found.append((item.name, table, plan))
        return found

    def quads(self, report: LayerReport) -> Iterator[pa.RecordBatch]:
        """Batches with the schema :data:`semcube.io.terms.QUADS`; counts go to ``report``.

        Raises:
            RowError: A row or value is bad and ``on_error`` does not skip it; names file, layer, row and column.
        """
        for _, batch in self.routed(report):
            yield batch

    def routed(self, report: LayerReport) -> Iterator[tuple[Targets, pa.RecordBatch]]:
        """As :meth:`quads`, each batch with its targets; none is the output of the run.

        Raises:
            RowError: As :meth:`quads`.
        """
        for targets, batch in self.written(report, None):
            assert isinstance(batch, pa.RecordBatch)
            yield targets, batch

    def written(
        self, report: LayerReport, form: Form | None, turns: Turns | None = None
    ) -> Iterator[tuple[Targets, pa.RecordBatch | LineBatch]]:
        """As :meth:`routed`, in lines where ``form`` says that they can be written and the mapping is simple enough.

        Args:
            report: Receives the counts.
            form: ``triples`` or ``quads``: what lines may say; None for keys, ``geometries`` for keys with the column
                ``wkb`` where the objects are WKT literals of the source.
            turns: Which batches are wanted, told of each in turn; all by default.

        Raises:
            RowError: As :meth:`quads`.
        """
        first = None if turns is None else turns.number + 1
        self.table.keeps_wkb = form == "geometries" and self.wkt_column is not None
        program = self.program if form == "quads" or (self.program and not self.program.has_graphs) else None
        self.note(report)
        is_first = True
        with ExitStack() as exits:
            connection = self.connection(exits)
            gathers = Gathers(self.plan, connection) if self.plan.gathers else None
            for batch, rows in self.table.batches(report, self.options.selection, turns):
                prepared, fids = batch, rows
                connection.register("batch", prepared)
                is_first = is_first if turns is None else turns.number == first
                if form in ("triples", "quads") and program is not None and not (is_first and program.gives_all):
                    done = yield from self._lines(program, connection, prepared, fids, report)
                    if done == len(fids):
                        continue
                    prepared, fids = _rest(prepared, done), fids[done:]
                    connection.register("batch", prepared)
                result = connection.sql(self.plan.sql).to_arrow_table().combine_chunks()
                relations = [self._relation(connection, number) for number in range(len(self.plan.relations))]
                more = gathers.of_batch(result, relations, len(fids)) if gathers else []
                wkb = _one(prepared.column("wkb")) if self.table.keeps_wkb else None
                yield from self._emit(result, relations, fids, report, with_constants=is_first, wkb=wkb, more=more)
                is_first = False
            for targets, rest in gathers.rest() if gathers else ():
                report.triples += rest.num_rows
                yield targets, rest

    def _lines(
        self, program: LineProgram, connection: Any, prepared: pa.Table, fids: np.ndarray, report: LayerReport
    ) -> Generator[tuple[Targets, LineBatch], None, int]:
        """The lines of a batch; gives how many rows are done, before values that the reference has to report."""
        nulls = frozenset(name for name in prepared.column_names if prepared.column(name).null_count)
        plain = plain_columns(prepared, program.numbers)
        if plain and plain not in self.programs:
            self.programs[plain] = self._program(plain) or program
        program = self.programs.get(plain, program)
        sql = program.sql(nulls, special_columns(prepared, program.texts))
        done = 0
        for batch in connection.sql(sql).to_arrow_reader(_LINE_ROWS):
            if pc.any(batch.column("bad")).as_py():
                break
            counts = batch.column("n").to_numpy(zero_copy_only=False)
            made = LineBatch(bytes_of(_text(batch.column("lines"))), int(counts.sum()))
            report.triples += made.quads
            self.count_rows((counts > 0) | program.gives_all, fids[done : done + len(counts)], report)
            done += len(counts)
            if made.quads:
                yield (), made
        return done

    def note(self, report: LayerReport) -> None:
        """What is to be told of the source."""
        if self.table.system is not None:
            report.crs = str(self.table.system.target)
            if self.table.system.note:
                report.note(self.table.system.note)
        for note in self.rows.notes:
            report.note(note)

    def connection(self, exits: ExitStack) -> Any:
        """A database in memory, or in a temporary file that joins may grow in."""
        import duckdb

        path = ":memory:"
        if self.parents or self.plan.has_named_gathers:
            path = str(Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="semcube-join-"))) / "rows.duckdb")
        connection = exits.enter_context(duckdb.connect(path))
        connection.execute("SET arrow_large_buffer_size = true")
        connection.execute("SET threads = 1")
        connection.execute("SET enable_progress_bar = false")
        for function in {*self.plan.functions, *(each for _, _, plan in self.parents for each in plan.functions)}:
            function.register(connection)
        for name, table, plan in self.parents:
            joins = plan.sql.count(" AS j")
            columns = ", ".join(["term VARCHAR", *(f"j{number} VARCHAR" for number in range(joins))])
            connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")
            for prepared, _ in table.batches(LayerReport(table.rows.source), Selection()):
                connection.register("batch", prepared)
                connection.execute(f"INSERT INTO {name} {plan.sql}")
        return connection

    def _relation(self, connection: Any, number: int) -> pa.Table:
        sql = self.plan.relations[number].sql
        return connection.sql(sql).to_arrow_table().combine_chunks() if sql else pa.table({})

    def _emit(
        self,
        result: pa.Table,
        relations: list[pa.Table],
        fids: np.ndarray,
        report: LayerReport,
        *,
        with_constants: bool,
        wkb: pa.Array | None = None,
        more: list[tuple[np.ndarray, tuple[Targets, pa.RecordBatch]]] | None = None,
    ) -> Iterator[tuple[Targets, pa.RecordBatch]]:
        """Quads of the computed terms, and those that there are ``more`` of, with the rows they are of."""
        self._report_bad(result, relations, fids, report)
        terms = _Terms([_one(column) for column in result.columns], relations, self.plan, len(fids))
        gives = np.zeros(len(fids), dtype=bool)
        grouped: dict[Targets, tuple[list[pa.RecordBatch], list[np.ndarray]]] = {}
        for quad in self.plan.quads:
            rows, batch = terms.quads(quad, with_constants=with_constants)
            gives[slice(None) if rows is None else rows] = True
            if batch is None:
                continue
            report.triples += batch.num_rows
            if wkb is not None and quad.object == self.wkt_column:
                assert self.table.system is not None
                field = pa.field("wkb", wkb.type, metadata={"crs": self.table.system.target.iri or ""})
                batch = batch.append_column(field, wkb if rows is None else wkb.take(pa.array(rows)))
            if not self.options.grouped:
                yield quad.targets, batch
                continue
            batches, indices = grouped.setdefault(quad.targets, ([], []))
            batches.append(batch)
            indices.append(np.arange(batch.num_rows) if rows is None or quad.is_constant else rows)
        for rows, (targets, batch) in more or ():
            gives[rows] = True
            report.triples += batch.num_rows
            if not self.options.grouped:
                yield targets, batch
                continue
            batches, indices = grouped.setdefault(targets, ([], []))
            batches.append(batch)
            indices.append(rows)
        for targets, (batches, indices) in grouped.items():
            yield targets, _grouped(batches, indices)
        self.count_rows(gives, fids, report)

    @staticmethod
    def count_rows(gives: np.ndarray, fids: np.ndarray, report: LayerReport) -> None:
        """Count the rows that give a quad, and report the others."""
        report.features_out += int(gives.sum())
        for row in np.flatnonzero(~gives):
            report.skip_row(int(fids[row]), "no triple: the columns of the subject or of all its properties are null")

    def _report_bad(self, result: pa.Table, relations: list[pa.Table], fids: np.ndarray, report: LayerReport) -> None:
        for check in self.plan.checks:
            is_bad = pc.fill_null(result.column(f"k{check.number}"), False).to_numpy()
            self.report_check(check, np.flatnonzero(is_bad), fids, report)
        for table, relation in zip(relations, self.plan.relations, strict=True):
            for check in relation.checks:
                is_bad = pc.fill_null(table.column(f"k{check.number}"), False).to_numpy()
                self.report_check(check, table.column("row").to_numpy()[is_bad], fids, report)

    def report_check(self, check: Check, rows: np.ndarray, fids: np.ndarray, report: LayerReport) -> None:
        """Report the rows in which a value is bad, or fail."""
        for row in rows:
            reason = f"value does not fit ({check.node})"
            if self.options.on_error != "skip":
                raise self.table.row_error(reason, int(fids[row]), check.column, check.expected)
            report.skip_value(int(fids[row]), check.column, f"{reason}: expected {check.expected}")


class _Terms:
    """The computed terms of a batch."""

    def __init__(self, columns: list[pa.Array], relations: list[pa.Table], plan: Plan, rows: int) -> None:
        self.columns, self.count = columns, rows
        self.relations: list[tuple[np.ndarray, np.ndarray, pa.Array]] = []
        for table, relation in zip(relations, plan.relations, strict=True):
            named = table.filter(table.column(f"k{relation.term}").is_valid())
            counts = np.bincount(named.column("row").to_numpy(), minlength=rows)
            self.relations.append((counts, np.cumsum(counts) - counts, _one(named.column(f"k{relation.term}"))))

    def quads(self, quad: QuadPlan, *, with_constants: bool) -> tuple[np.ndarray | None, pa.RecordBatch | None]:
        """The rows that give quads (None: each gives one), and the quads if there are any to write."""
        kept: np.ndarray | None = None
        for position in {position for position in quad.positions if isinstance(position, int)}:
            if self.columns[position].null_count:
                valid = self.columns[position].is_valid().to_numpy(zero_copy_only=False)
                kept = valid if kept is None else kept & valid
        if any(isinstance(position, Several) for position in quad.positions):
            return self._several(quad, np.arange(self.count) if kept is None else np.flatnonzero(kept))
        rows = None if kept is None else np.flatnonzero(kept)
        if quad.is_constant and not with_constants:
            return rows, None
        count = 1 if quad.is_constant else self.count if rows is None else len(rows)
        if not count:
            return rows, None
        mask = None if kept is None else pa.array(kept)
        arrays = [self._position(position, mask, count) for position in quad.positions]  # type: ignore[arg-type]
        return rows, pa.RecordBatch.from_arrays(arrays, schema=QUADS)

    def _position(self, position: str | int | None, mask: pa.Array | None, count: int) -> pa.Array:
        """One column of a batch of quads."""
        if not isinstance(position, int):
            return _repeated(position, count)
        return _text(self.columns[position] if mask is None else self.columns[position].filter(mask))

    def _several(self, quad: QuadPlan, rows: np.ndarray) -> tuple[np.ndarray, pa.RecordBatch | None]:
        """All combinations of the terms of each row."""
        chosen: dict[int, np.ndarray] = {}
        for number, position in enumerate(quad.positions):
            if not isinstance(position, Several):
                continue
            counts, starts, _ = self.relations[position.relation]
            repeats = counts[rows]
            within = np.arange(int(repeats.sum())) - np.repeat(np.cumsum(repeats) - repeats, repeats)
            chosen = {key: np.repeat(index, repeats) for key, index in chosen.items()}
            chosen[number] = np.repeat(starts[rows], repeats) + within
            rows = np.repeat(rows, repeats)
        if not len(rows):
            return rows, None
        arrays = []
        for number, position in enumerate(quad.positions):
            if isinstance(position, Several):
                arrays.append(_text(self.relations[position.relation][2].take(pa.array(chosen[number]))))
            elif isinstance(position, int):
                arrays.append(_text(self.columns[position].take(pa.array(rows))))
            else:
                arrays.append(_repeated(position, len(rows)))
        return rows, pa.RecordBatch.from_arrays(arrays, schema=QUADS)


def _number_of(plan: Plan, sql: str) -> int | None:
    """The number of the output column that is computed so."""
    found = re.search(re.escape(sql) + r" AS k([0-9]+)\b", plan.sql)
    return int(found[1]) if found else None


def _rest(prepared: pa.Table, start: int) -> pa.Table:
    """The rows of a batch from a place on, numbered anew."""
    rest = prepared.slice(start)
    return rest.set_column(0, "row", pa.array(np.arange(rest.num_rows)))


def _repeated(constant: str | None, count: int) -> pa.Array:
    if constant is None:
        return pa.nulls(count, pa.large_string())
    return pa.repeat(pa.scalar(constant, pa.large_string()), count)


def _text(array: pa.Array) -> pa.Array:
    return array if pa.types.is_large_string(array.type) else array.cast(pa.large_string())


def _one(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _grouped(batches: list[pa.RecordBatch], indices: list[np.ndarray]) -> pa.RecordBatch:
    """The quads of a batch in the order of the rows."""
    order = np.argsort(np.concatenate(indices), kind="stable")
    table = pa.Table.from_batches(batches).take(pa.array(order))
    return table.combine_chunks().to_batches()[0]
