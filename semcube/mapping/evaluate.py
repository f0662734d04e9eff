# SPDX-License-Identifier: Apache-2.0
"""Rows -> quads: one SQL projection per batch computes all terms, Arrow lines them up. No Python object per row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from semcube.errors import RowError
from semcube.io.terms import QUADS
from semcube.mapping.compile import Column, compile_plan
from semcube.mapping.geometries import OnError, OutputSystem, output_system, prepare
from semcube.mapping.model import FID, GEOMETRY, GEOMETRY_NODE, GEOMETRY_TYPE, Mapping, TriplesMap
from semcube.mapping.natural import Kind, kind_of
from semcube.mapping.report import LayerReport
from semcube.mapping.rows import Rows, Selection

__all__ = ["Evaluator", "Options"]


@dataclass(frozen=True, slots=True)
class Options:
    """How rows become quads."""

    base: str = "https://example.org/"
    crs: str = "keep"
    """System of the geometries written: ``keep``, ``CRS84`` or ``EPSG:n``."""
    source_crs: str | None = None
    """System of sources that do not say theirs."""
    on_error: OnError = "fail"
    selection: Selection = field(default_factory=Selection)
    batch_bytes: int = 16 * 1024 * 1024
    grouped: bool = False
    """All quads of a subject together (for Turtle and the like); else predicate by predicate in each batch."""


class Evaluator:
    """Triples maps over one table.

    Everything that can be wrong with the mapping is found here, before a row is read.

    Args:
        mapping: The whole mapping.
        triples_maps: Those of its triples maps that read ``rows``.
        rows: The table.
        options: How.

    Raises:
        MappingError: A reference names no column of the table.
        CRSError: Geometries are asked for and their system is not known.
    """

    def __init__(
        self, mapping: Mapping, triples_maps: tuple[TriplesMap, ...], rows: Rows, options: Options | None = None
    ) -> None:
        self.rows, self.options = rows, options or Options()
        self.columns = _columns(rows)
        if rows.is_open:
            maps = (each for item in triples_maps for each in mapping.term_maps(item))
            for name in {name for each in maps for name in each.references} - set(self.columns):
                self.columns[name] = Column("NULL", Kind.NULL)
        self.plan = compile_plan(mapping, triples_maps, self.columns, self.options.base)
        used = set(self.plan.columns)
        self.has_geometry = bool(rows.geometry_column) and bool(used & {GEOMETRY, GEOMETRY_TYPE, GEOMETRY_NODE})
        self.system: OutputSystem | None = None
        if self.has_geometry:
            where = rows.source if rows.layer in (None, rows.source) else f"{rows.source}, layer {rows.layer}"
            self.system = output_system(rows.crs or self.options.source_crs, self.options.crs, where=where)

    def quads(self, report: LayerReport) -> Iterator[pa.RecordBatch]:
        """Batches with the schema :data:`semcube.io.terms.QUADS`; counts go to ``report``.

        Raises:
            RowError: A row or value is bad and ``on_error`` does not skip it; names file, layer, row and column.
        """
        import duckdb

        connection = duckdb.connect()
        connection.execute("SET arrow_large_buffer_size = true")
        connection.execute("SET threads = 1")
        if self.system is not None:
            report.crs = str(self.system.target)
            if self.system.note:
                report.note(self.system.note)
        for note in self.rows.notes:
            report.note(note)
        names = [name for name in self.plan.columns if name not in (GEOMETRY, GEOMETRY_TYPE, GEOMETRY_NODE)]
        if self.has_geometry and self.rows.geometry_column:
            names.append(self.rows.geometry_column)
        is_first = True
        with connection:
            for batch in self.rows.batches(names, self.options.selection, self.options.batch_bytes):
                report.features_in += batch.num_rows
                if not batch.num_rows:
                    continue
                prepared, fids = self._prepared(batch, report)
                connection.register("batch", prepared)
                result = connection.sql(self.plan.sql).to_arrow_table().combine_chunks()
                yield from self._emit(result, fids, report, with_constants=is_first)
                is_first = False

    def _prepared(self, batch: pa.RecordBatch, report: LayerReport) -> tuple[pa.Table, np.ndarray]:
        """The input columns by their names in SQL, and the row ids; rows that cannot be read are left out."""
        fids = _fids(batch)
        arrays = {
            self.columns[name].sql: batch.column(name) for name in self.plan.columns if name in batch.schema.names
        }
        if self.system is not None and self.rows.geometry_column:
            made = prepare(batch.column(self.rows.geometry_column), self.system, self.options.on_error)
            report.null_geometries += 0 if self.rows.geometry_optional else made.null
            report.empty_geometries += made.empty
            report.invalid_geometries += made.invalid
            report.repaired_geometries += made.repaired
            geometry = {GEOMETRY: made.wkt, GEOMETRY_TYPE: made.types, GEOMETRY_NODE: made.nodes}
            arrays |= {self.columns[name].sql: array for name, array in geometry.items() if name in self.columns}
            arrays, fids = self._without(arrays, fids, made.errors, report)
        arrays = {name: _normalised(array) for name, array in arrays.items()}
        return pa.table(arrays) if arrays else pa.table({"none": pa.nulls(len(fids), pa.int8())}), fids

    def _without(
        self, arrays: dict[str, pa.Array], fids: np.ndarray, errors: dict[int, str], report: LayerReport
    ) -> tuple[dict[str, pa.Array], np.ndarray]:
        if not errors:
            return arrays, fids
        for row, reason in errors.items():
            if self.options.on_error != "skip":
                raise self._row_error(reason, int(fids[row]), self.rows.geometry_column)
            report.skip_row(int(fids[row]), reason, self.rows.geometry_column)
        kept = np.ones(len(fids), dtype=bool)
        kept[list(errors)] = False
        mask = pa.array(kept)
        return {name: array.filter(mask) for name, array in arrays.items()}, fids[kept]

    def _row_error(self, reason: str, row: int, column: str | None, expected: str | None = None) -> RowError:
        return RowError(
            reason,
            source=self.rows.source,
            layer=None if self.rows.layer == self.rows.source else self.rows.layer,
            row=row,
            column=column,
            expected=expected,
            fix="correct the source, or leave it out and list it with --on-error skip",
        )

    def _emit(
        self, result: pa.Table, fids: np.ndarray, report: LayerReport, *, with_constants: bool
    ) -> Iterator[pa.RecordBatch]:
        """Quads of the computed terms."""
        self._report_bad(result, fids, report)
        rows = len(fids)
        terms = [_one(column) for column in result.columns]
        gives = np.zeros(rows, dtype=bool)
        batches, indices = [], []
        for quad in self.plan.quads:
            positions = [position for position in quad.positions if isinstance(position, int)]
            kept: np.ndarray | None = None
            for position in set(positions):
                if terms[position].null_count:
                    valid = terms[position].is_valid().to_numpy(zero_copy_only=False)
                    kept = valid if kept is None else kept & valid
            gives |= True if kept is None else kept
            if quad.is_constant and not with_constants:
                continue
            mask = None if kept is None else pa.array(kept)
            count = 1 if quad.is_constant else rows if kept is None else int(kept.sum())
            if not count:
                continue
            columns = [_position(terms, position, mask, count) for position in quad.positions]
            report.triples += count
            batch = pa.RecordBatch.from_arrays(columns, schema=QUADS)
            if not self.options.grouped:
                yield batch
                continue
            batches.append(batch)
            indices.append(np.arange(count) if kept is None else np.flatnonzero(kept))
        if batches:
            yield _grouped(batches, indices)
        report.features_out += int(gives.sum())
        for row in np.flatnonzero(~gives):
            report.skip_row(int(fids[row]), "no triple: the columns of the subject or of all its properties are null")

    def _report_bad(self, result: pa.Table, fids: np.ndarray, report: LayerReport) -> None:
        for check in self.plan.checks:
            is_bad = pc.fill_null(result.column(check.number), False).to_numpy()
            for row in np.flatnonzero(is_bad):
                reason = f"value does not fit ({check.node})"
                if self.options.on_error != "skip":
                    raise self._row_error(reason, int(fids[row]), check.column, check.expected)
                report.skip_value(int(fids[row]), check.column, f"{reason}: expected {check.expected}")


def _columns(rows: Rows) -> dict[str, Column]:
    """Input columns by the names references use; the geometry's own name and ``geometry`` mean the same."""
    columns: dict[str, Column] = {}
    for number, item in enumerate(rows.schema):
        columns[item.name] = Column(f"c{number}", kind_of(item.type))
    if rows.geometry_column:
        columns.pop(rows.geometry_column, None)
        columns[GEOMETRY] = Column("g0", Kind.GEOMETRY)
        columns[GEOMETRY_TYPE] = Column("g1", Kind.STRING)
        columns[GEOMETRY_NODE] = Column("g2", Kind.STRING)
    return columns


def _fids(batch: pa.RecordBatch) -> np.ndarray:
    if FID in batch.schema.names:
        return np.asarray(batch.column(FID).to_numpy(zero_copy_only=False))
    return np.arange(batch.num_rows)


def _normalised(array: pa.Array) -> pa.Array:
    """A column as the engine and the natural mapping expect it."""
    kind, datatype = kind_of(array.type), array.type
    if pa.types.is_dictionary(datatype):
        return _normalised(array.cast(datatype.value_type))
    if pa.types.is_float16(datatype):
        return array.cast(pa.float32())
    if pa.types.is_date64(datatype):
        return array.cast(pa.date32())
    if kind is Kind.INSTANT:
        # Same instants, now written as UTC wall time without a zone.
        return array.cast(pa.timestamp(datatype.unit, "UTC")).cast(pa.timestamp(datatype.unit))
    if pa.types.is_time64(datatype) and datatype.unit == "ns":
        return array.cast(pa.time64("us"), safe=False)
    return array.cast(pa.large_string()) if kind is Kind.NULL else array


def _one(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _position(terms: list[pa.Array], position: str | int | None, mask: pa.Array | None, count: int) -> pa.Array:
    """One column of a batch of quads."""
    if position is None:
        return pa.nulls(count, pa.large_string())
    if isinstance(position, str):
        return pa.repeat(pa.scalar(position, pa.large_string()), count)
    column = terms[position] if mask is None else terms[position].filter(mask)
    return column if pa.types.is_large_string(column.type) else column.cast(pa.large_string())


def _grouped(batches: list[pa.RecordBatch], indices: list[np.ndarray]) -> pa.RecordBatch:
    """The quads of a batch in the order of the rows."""
    order = np.argsort(np.concatenate(indices), kind="stable")
    table = pa.Table.from_batches(batches).take(pa.array(order))
    return table.combine_chunks().to_batches()[0]
