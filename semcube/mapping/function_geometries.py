# SPDX-License-Identifier: Apache-2.0
"""GeoSPARQL's functions (``geof:``) in mappings: on whole columns of literals, by the kernels of the geometry room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from semcube.errors import GeometryError, InputError
from semcube.geometry.dggs import as_cells
from semcube.geometry.functions import KERNELS
from semcube.geometry.literals import Geometries, parse
from semcube.geometry.relations import RELATIONS, evaluate, relation
from semcube.geometry.units import unit
from semcube.mapping.functions import FUNCTIONS, Function, Parameter
from semcube.vocab import DGGS_LITERAL, GEOJSON_LITERAL, GML_LITERAL, KML_LITERAL, WKT_LITERAL

__all__ = ["ColumnFunction", "check_available", "is_argument", "result_datatype"]

_SERIALISATIONS = {
    "asWKT": WKT_LITERAL,
    "asGML": GML_LITERAL,
    "asGeoJSON": GEOJSON_LITERAL,
    "asKML": KML_LITERAL,
}
_SQL_TYPES = {"number": "DOUBLE", "integer": "BIGINT", "boolean": "BOOLEAN"}
_RELATE = "relate"
_CELLS = "asDGGS"


def _register() -> None:
    """One row for each function."""

    def geometries(count: int) -> tuple[Parameter, ...]:
        names = [(f"geom{n + 1}", *(("geom", "geometry") if count == 1 else ())) for n in range(count)]
        return tuple(Parameter("geometry", each) for each in names)

    rows = [(each.name, geometries(2), "boolean", "The relation of two geometries.") for each in RELATIONS.values()]
    pattern = Parameter("text", ("pattern-matrix", "pattern"))
    rows.append((_RELATE, (*geometries(2), pattern), "boolean", "Whether the DE-9IM matrix fits a pattern."))
    rows += [(name, geometries(1), "geometry", "The same geometry, written otherwise.") for name in _SERIALISATIONS]
    cells = (*geometries(1), Parameter("iri", ("specificdggsdatatype", "datatype"), optional=True))
    level = Parameter("integer", ("level", "resolution"), optional=True)
    rows.append((_CELLS, (*cells, level), "geometry", "The cells of a grid that cover a geometry."))
    for kernel in KERNELS.values():
        own = list(geometries(kernel.arguments.count("geometry")))
        for place, kind in enumerate(kernel.arguments):
            optional = place >= len(kernel.arguments) - kernel.optional
            if kind != "geometry":
                names = {"unit": ("units", "unit"), "iri": ("srsiri", "iri", "crs")}.get(
                    kind, ("radius", "n", "number", "targetpercent")
                )
                own.append(Parameter(kind, names, optional))
        rows.append((kernel.name, tuple(own), kernel.result, kernel.doc))
    for name, parameters, result, doc in rows:
        lowered = f"geof:{name.lower()}"
        FUNCTIONS[lowered] = Function(f"geof:{name}", (lowered,), parameters, result, doc)


_register()


def result_datatype(function: Function, datatypes: Sequence[str | None], constants: Sequence[str | None]) -> str | None:
    """The datatype of the geometries that a function gives, by those of its arguments and the constants among them."""
    if function.result != "geometry":
        return None
    first = datatypes[0] if datatypes else None
    if function.name == f"geof:{_CELLS}":
        return (constants[1] if len(constants) > 1 else None) or DGGS_LITERAL
    named = _SERIALISATIONS.get(function.name.removeprefix("geof:"))
    # GeoJSON and KML know one system only, and lists of cells are no exact form.
    return named or (first if first in (WKT_LITERAL, GML_LITERAL) else WKT_LITERAL)


@dataclass(frozen=True, slots=True)
class ColumnFunction:
    """A function as the engine calls it: with columns of texts and numbers, some of them constant.

    Args of :meth:`__call__` are the columns that are not constant, in their order.
    """

    name: str
    """Its name in SQL."""
    function: str
    """Name in :data:`semcube.mapping.functions.FUNCTIONS`."""
    kinds: tuple[str, ...]
    datatypes: tuple[str | None, ...]
    """Datatypes of the arguments that are geometries."""
    constants: tuple[str | None, ...]
    """Texts of the arguments that are the same for all rows."""
    result: str | None
    """Datatype of the result if it is a geometry."""

    def register(self, connection: Any) -> None:
        """Make it known to a connection."""
        types = [
            "DOUBLE" if kind in ("number", "integer") else "VARCHAR"
            for kind, constant in zip(self.kinds, self.constants, strict=True)
            if constant is None
        ]
        result = _SQL_TYPES.get(FUNCTIONS[self.function].result, "VARCHAR")
        connection.create_function(self.name, self, types or ["BIGINT"], result, type="arrow", null_handling="special")

    def __call__(self, *columns: pa.ChunkedArray) -> pa.Array:
        """The results of some rows."""
        count = len(columns[0])
        given = iter(columns)
        arguments, is_there = [], np.ones(count, bool)
        for kind, datatype, constant in zip(self.kinds, self.datatypes, self.constants, strict=True):
            column: Any = next(given) if constant is None else constant
            made, good = _argument(kind, datatype, column, count)
            arguments.append(made)
            is_there &= good
        rows = np.flatnonzero(is_there)
        result = np.full(count, None, object)
        if len(rows):
            result[rows] = self._computed([each.take(rows) for each in arguments])
        types = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_()}
        return pa.array(result.tolist(), types.get(FUNCTIONS[self.function].result, pa.large_string()))

    def _computed(self, arguments: list[Any]) -> np.ndarray:
        name = self.function.removeprefix("geof:")
        relations = {each.name.lower(): each for each in RELATIONS.values()}
        if name in relations:
            return _related(relations[name].name, arguments[0].lonlat, arguments[1].lonlat)
        if name == _RELATE:
            return _by_pattern(arguments)
        if name in {each.lower() for each in _SERIALISATIONS}:
            return np.asarray(arguments[0].serialise(self.result or WKT_LITERAL))
        if name == _CELLS.lower():
            return _cells(arguments, self.result or DGGS_LITERAL)
        kernel = next(each for each in KERNELS.values() if each.name.lower() == name)
        found = kernel.function(*arguments)
        if isinstance(found, Geometries):
            return np.asarray(found.serialise(self.result or WKT_LITERAL))
        values = np.ma.getdata(found).astype(object)
        values[np.ma.getmaskarray(found)] = None
        return np.array([None if each != each else each for each in values.tolist()], object)  # noqa: PLR0124 - NaN


def _argument(kind: str, datatype: str | None, column: Any, count: int) -> tuple[Any, np.ndarray]:
    """What a kernel takes, and the rows that have it."""
    constant = isinstance(column, str)
    texts: Any = [column] if constant else column
    made: Any
    if kind == "geometry":
        made = parse(texts, datatype or WKT_LITERAL)
        good = ~shapely.is_missing(made.native)
    elif kind in ("number", "integer"):
        numbers = np.array([float(each) if each is not None else np.nan for each in _listed(texts)], np.float64)
        good = np.isfinite(numbers)
        made = np.where(good, numbers, 0).astype(np.int64) if kind == "integer" else numbers
    else:
        made = np.array(_listed(texts), object)
        good = np.array([each is not None and (kind != "unit" or _is_unit(each)) for each in made.tolist()], bool)
    if constant:
        rows = np.zeros(count, np.int64)
        return made.take(rows), good[rows]
    return made, good


def check_available(function: Function) -> None:
    """Try a function that needs a package of its own, before rows are read.

    Raises:
        UnsupportedError: The package is missing.
    """
    if function.name == f"geof:{_CELLS}":
        as_cells(shapely.Point(0, 0), DGGS_LITERAL, None)


def is_argument(kind: str, datatype: str | None, constant: str) -> bool:
    """Whether a constant can be an argument of a kind.

    Example:
        >>> is_argument("geometry", None, "POINT (1 2)"), is_argument("unit", None, "metre")
        (True, False)
    """
    try:
        return bool(_argument(kind, datatype, constant, 1)[1][0])
    except ValueError:
        return False


def _listed(texts: Any) -> list[Any]:
    return texts if isinstance(texts, list) else list(texts.to_pylist())


def _is_unit(name: str) -> bool:
    try:
        unit(name)
    except InputError:
        return False
    return True


def _related(name: str, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    found = np.full(len(first), None, object)
    rows = np.flatnonzero(~(shapely.is_missing(first) | shapely.is_missing(second)))
    errors: dict[int, str] = {}
    truth = evaluate(name, first[rows], second[rows], errors=errors)
    found[rows] = truth.tolist()
    found[rows[list(errors)]] = None
    return found


def _cells(arguments: Sequence[Any], datatype: str) -> np.ndarray:
    found = np.full(len(arguments[0]), None, object)
    for row, shape in enumerate(arguments[0].lonlat):
        try:
            level = int(arguments[2][row]) if len(arguments) > 2 else None
            found[row] = None if shape is None else as_cells(shape, datatype, level)
        except GeometryError:
            found[row] = None
    return found


def _by_pattern(arguments: Sequence[Any]) -> np.ndarray:
    """``geof:relate``: the rows of each pattern at once."""
    first, second, patterns = arguments
    found = np.full(len(patterns), None, object)
    for pattern in dict.fromkeys(patterns.tolist()):
        if len(pattern) == 9 and set(pattern.upper()) <= set("TF*012"):
            rows = np.flatnonzero(patterns == pattern)
            found[rows] = _related(relation(pattern).name, first.lonlat[rows], second.lonlat[rows])
    return found
