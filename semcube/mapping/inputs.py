# SPDX-License-Identifier: Apache-2.0
"""The rows of a source as the projection of a mapping reads them: columns by their names in SQL, geometries as WKT."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from semcube.errors import CRSError, RowError
from semcube.mapping.compile import Column
from semcube.mapping.geometries import OnError, OutputSystem, output_system, prepare
from semcube.mapping.model import FID, GEOMETRY, GEOMETRY_NODE, GEOMETRY_TYPE
from semcube.mapping.natural import KIND, Kind, kind_of
from semcube.mapping.report import LayerReport
from semcube.mapping.rows import MANY, Rows, Selection

if TYPE_CHECKING:
    from semcube.io.ordered import Turns

__all__ = ["Options", "Table"]


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


class Table:
    """The columns of a source, and its batches once it is known which of them are read.

    Args:
        rows: The source.
        options: How geometries and bad rows are treated, and which rows are wanted.
        unknown: Names that may be referred to though the schema does not have them; used only where ``rows`` is open.
    """

    def __init__(self, rows: Rows, options: Options, unknown: tuple[str, ...] = ()) -> None:
        self.rows, self.options = rows, options
        self.columns = _columns(rows)
        if rows.is_open:
            for name in set(unknown) - set(self.columns):
                self.columns[name] = Column("NULL", Kind.NULL)
        self.used: tuple[str, ...] = ()
        self.system: OutputSystem | None = None
        self.keeps_wkb = False
        """Whether batches have the geometries with a canonical text as WKB, too."""
        self.writes_all = True
        """Whether texts are wanted where there is this WKB."""

    def use(self, columns: tuple[str, ...]) -> None:
        """Say which columns are read.

        Raises:
            CRSError: Geometries are asked for and their system is not known.
        """
        rows = self.rows
        self.used = tuple(dict.fromkeys(GEOMETRY if name == rows.geometry_column else name for name in columns))
        columns = self.used
        if rows.geometry_column and set(columns) & {GEOMETRY, GEOMETRY_TYPE, GEOMETRY_NODE}:
            where = rows.source if rows.layer in (None, rows.source) else f"{rows.source}, layer {rows.layer}"
            system = rows.crs or self.options.source_crs
            unknown = next((note for note in rows.notes if system is None and "not understood" in note), None)
            if unknown is not None:
                raise CRSError(
                    f"{where}: {unknown.removesuffix('; say it with crs=')}",
                    fix="say which one it is with --source-crs, for example --source-crs EPSG:4326",
                )
            self.system = output_system(system, self.options.crs, where=where)

    def batches(
        self, report: LayerReport, selection: Selection, turns: Turns | None = None
    ) -> Iterator[tuple[pa.Table, np.ndarray]]:
        """Tables for the projection and the row ids; only those that ``turns`` wants.

        Raises:
            RowError: A geometry cannot be read and ``on_error`` does not skip it.
        """
        names = [name for name in self.used if name not in (GEOMETRY, GEOMETRY_TYPE, GEOMETRY_NODE)]
        if self.system is not None and self.rows.geometry_column:
            names.append(self.rows.geometry_column)
        report.describes = getattr(self.rows, "describes", False)
        pool = pa.default_memory_pool()
        for batch in self.rows.batches(names, selection, self.options.batch_bytes):
            if turns is not None and not turns.begin():
                continue
            report.features_in += batch.num_rows
            if batch.num_rows:
                yield self._prepared(batch, report)
                # What earlier batches leave behind in the pool would add up over many batches of different sizes.
                pool.release_unused()
            if turns is not None:
                turns.end()

    def _prepared(self, batch: pa.RecordBatch, report: LayerReport) -> tuple[pa.Table, np.ndarray]:
        """The input columns by their names in SQL, and the row ids; rows that cannot be read are left out."""
        fids = _fids(batch)
        arrays = {self.columns[name].sql: batch.column(name) for name in self.used if name in batch.schema.names}
        if self.system is not None and self.rows.geometry_column:
            made = prepare(
                batch.column(self.rows.geometry_column),
                self.system,
                self.options.on_error,
                canonical=self.keeps_wkb,
                texts=self.writes_all,
            )
            report.null_geometries += 0 if self.rows.geometry_optional else made.null
            report.empty_geometries += made.empty
            report.invalid_geometries += made.invalid
            report.repaired_geometries += made.repaired
            geometry = {GEOMETRY: made.wkt, GEOMETRY_TYPE: made.types, GEOMETRY_NODE: made.nodes}
            arrays |= {self.columns[name].sql: array for name, array in geometry.items() if name in self.columns}
            if self.keeps_wkb:
                arrays["wkb"] = made.canonical_wkb()
            arrays, fids = self._without(arrays, fids, made.errors, report)
        arrays = {name: _normalised(array) for name, array in arrays.items()}
        return pa.table({"row": pa.array(np.arange(len(fids))), **arrays}), fids

    def _without(
        self, arrays: dict[str, pa.Array], fids: np.ndarray, errors: dict[int, str], report: LayerReport
    ) -> tuple[dict[str, pa.Array], np.ndarray]:
        if not errors:
            return arrays, fids
        for row, reason in errors.items():
            if self.options.on_error != "skip":
                raise self.row_error(reason, int(fids[row]), self.rows.geometry_column)
            report.skip_row(int(fids[row]), reason, self.rows.geometry_column)
        kept = np.ones(len(fids), dtype=bool)
        kept[list(errors)] = False
        mask = pa.array(kept)
        return {name: array.filter(mask) for name, array in arrays.items()}, fids[kept]

    def row_error(self, reason: str, row: int, column: str | None, expected: str | None = None) -> RowError:
        """The error about a row: file, layer, row and column."""
        return RowError(
            reason,
            source=self.rows.source,
            layer=None if self.rows.layer == self.rows.source else self.rows.layer,
            row=row,
            column=column,
            expected=expected,
            fix="correct the source, or leave it out and list it with --on-error skip",
        )


def _columns(rows: Rows) -> dict[str, Column]:
    """Input columns by the names references use; the geometry's own name and ``geometry`` mean the same."""
    columns: dict[str, Column] = {}
    for number, item in enumerate(rows.schema):
        metadata = item.metadata or {}
        is_many = MANY in metadata
        named = metadata.get(KIND)
        kind = Kind(named.decode()) if named else kind_of(item.type.value_type if is_many else item.type)
        columns[item.name] = Column(f"c{number}", kind, is_many)
    if rows.geometry_column:
        columns[GEOMETRY] = columns[rows.geometry_column] = Column("g0", Kind.GEOMETRY)
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
    if pa.types.is_list(datatype) or pa.types.is_large_list(datatype):
        return array
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
