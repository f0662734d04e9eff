# SPDX-License-Identifier: Apache-2.0
"""Sheets of Excel and OpenDocument workbooks as tables; the first row that is not empty has the names."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from semcube.errors import SourceError, UnsupportedError
from semcube.io import batching
from semcube.io.columns import find_geometry, geometry_of, unread_coordinates
from semcube.io.vector import LayerInfo, VectorSource
from semcube.vocab import CRS84

if TYPE_CHECKING:
    from semcube.io.vector import Box

__all__ = ["SpreadsheetSource", "sheet_names"]

_ROWS = 65536


def _workbook(file: Path) -> Any:
    try:
        import python_calamine
    except ImportError:
        raise UnsupportedError(
            f"{file}: workbooks need the package python-calamine", fix="pip install 'semcube[formats]'"
        ) from None
    try:
        return python_calamine.CalamineWorkbook.from_path(str(file))
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise SourceError(f"cannot be read: {error}", source=file, expected="an Excel or OpenDocument file") from error


def sheet_names(file: Path) -> list[str]:
    """The sheets of a workbook, in their order.

    Raises:
        SourceError: The file is no workbook.
        UnsupportedError: The package that reads workbooks is missing.
    """
    return [str(name) for name in _workbook(file).sheet_names]


class SpreadsheetSource(VectorSource):
    """A sheet; ``fid`` is the number of the row in the sheet.

    A column has the type that holds all of its cells; cells of different kinds are text. Empty cells are null.
    """

    def __init__(
        self,
        file: Path,
        layer: str | None,
        *,
        crs: str | None = None,
        x: str | None = None,
        y: str | None = None,
        wkt: str | None = None,
    ) -> None:
        workbook = _workbook(file)
        names = [str(name) for name in workbook.sheet_names]
        if layer is None and len(names) != 1:
            fix = f"choose one of {', '.join(names)}"
            raise SourceError(f"holds {len(names)} sheets", source=file, expected="the name of one", fix=fix)
        layer = names[0] if layer is None else layer
        if layer not in names:
            raise SourceError("no such sheet", source=file, layer=layer, expected=f"one of {', '.join(names)}")
        sheet = workbook.get_sheet_by_name(layer)
        self._file = file
        table = _table(sheet.to_python(skip_empty_area=False), file, layer)
        fields = [each for each in table.schema if each.name != "fid"]
        about = find_geometry(
            fields, x, y, wkt, file, lambda name: table.column(name).combine_chunks().drop_null(), crs
        )
        self._table, self._about = table, about
        if about:
            system, warning = batching.crs_of(crs, CRS84 if about.is_lonlat else None)
        else:
            system, warning = None, unread_coordinates(fields)
        hidden = about.columns if about and about.kind != "xy" else ()
        self.info = LayerInfo(
            source=str(file),
            layer=layer,
            geometry_column="geometry" if about else None,
            geometry_types=("Point",) if about and about.kind == "xy" else (),
            crs=system,
            features=table.num_rows,
            extent=None,
            fields=pa.schema([each for each in fields if each.name not in hidden]),
            key=None,
            metadata={"format": "spreadsheet"} | ({"warning": warning} if warning else {}),
        )

    def _read(
        self, columns: Sequence[str], where: str | None, box: Box | None, batch_bytes: int
    ) -> Iterator[pa.RecordBatch]:
        wanted = ["fid", *columns, *(["geometry"] if self.info.geometry_column else [])]
        table = self._table.combine_chunks()
        if (about := self._about) is not None:
            shapes = geometry_of(
                about,
                [table.column(name).combine_chunks() for name in about.columns],
                table.column("fid").combine_chunks(),
                self._file,
                keep_malformed=self.keep_malformed,
            )
            hidden = [name for name in about.columns if about.kind != "xy"]
            table = table.drop_columns(hidden).append_column("geometry", shapes)
        batches = iter(table.to_batches(max_chunksize=_ROWS))
        if where is not None:
            batches = batching.filtered(batches, table.schema, where, self.info)
        for batch in batches:
            yield batch.select(wanted)


def _table(rows: list[list[Any]], file: Path, layer: str) -> pa.Table:
    """The cells as typed columns."""
    first = next((number for number, row in enumerate(rows) if any(cell != "" for cell in row)), None)
    if first is None:
        raise SourceError("the sheet is empty", source=file, layer=layer, expected="a row of column names")
    given = [_text(cell) or f"column_{number}" for number, cell in enumerate(rows[first], 1)]
    while given and all(cell == "" for cell in [row[len(given) - 1] for row in rows[first:]]):
        given.pop()
    names, _ = batching.unique_names(given)
    kept = [(number, row) for number, row in enumerate(rows[first + 1 :], first + 2) if any(c != "" for c in row)]
    arrays = [_column([row[place] for _, row in kept]) for place in range(len(names))]
    return pa.table([pa.array([number for number, _ in kept], pa.int64()), *arrays], names=["fid", *names])


def _column(cells: list[Any]) -> pa.Array:
    """The cells of a column in one type."""
    values = [None if cell == "" else cell for cell in cells]
    some = [value for value in values if value is not None]
    for fits, datatype, made in _TYPES:
        if some and all(map(fits, some)):
            return pa.array([None if value is None else made(value) for value in values], datatype)
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return _is_number(value) and float(value).is_integer() and abs(value) < 2**53


def _midnight(value: Any) -> bool:
    return isinstance(value, datetime.date) and not (isinstance(value, datetime.datetime) and value.time() != _ZERO)


def _moment(value: datetime.date) -> datetime.datetime:
    return value if isinstance(value, datetime.datetime) else datetime.datetime.combine(value, _ZERO)


_ZERO = datetime.time()
_TYPES: tuple[tuple[Callable[[Any], bool], pa.DataType, Callable[[Any], Any]], ...] = (
    (lambda value: isinstance(value, bool), pa.bool_(), bool),
    (_is_whole, pa.int64(), int),
    (_is_number, pa.float64(), float),
    (_midnight, pa.date32(), lambda value: _moment(value).date()),
    (lambda value: isinstance(value, datetime.date), pa.timestamp("us"), _moment),
    (lambda value: isinstance(value, datetime.time), pa.time64("us"), lambda value: value),
)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if _is_number(value):
        return str(int(value)) if _is_whole(value) else repr(value)
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else str(value)
