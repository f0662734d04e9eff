# SPDX-License-Identifier: Apache-2.0
"""What several layers may have to do with each other: columns that hold keys of another, extents that overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from semcube.mapping.model import FID
from semcube.mapping.natural import Kind, kind_of

if TYPE_CHECKING:
    from semcube.io import VectorSource

__all__ = ["Candidate", "foreign_keys", "overlaps"]

_MOST_VALUES = 100_000
"""Columns with more different values than this are not compared."""
_FEWEST_TEXTS = 2


@dataclass(frozen=True)
class Candidate:
    """A layer that may be linked."""

    vector: VectorSource
    segment: str
    key: str


@dataclass(frozen=True)
class _Values:
    """The different values of a column."""

    distinct: pa.Array
    is_unique: bool
    """Whether no value is null or repeated."""


def foreign_keys(layers: Sequence[Candidate]) -> dict[tuple[str, str], tuple[str, str]]:
    """(Layer, column) -> the layer and its unique column that hold all its values.

    The key of the other layer is preferred to other unique columns. Names count: a column of whole numbers has to be
    called like the other column or like the layer, for small numbers are keys of anything. Each layer is read once.

    Args:
        layers: Layers with their keys; row ids are no keys.
    """
    values = {item.segment: _distinct(item) for item in layers}
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for item in layers:
        for column, own in values[item.segment].items():
            if column == item.key or not len(own.distinct):
                continue
            for other in layers:
                match = None if other is item else _holder(column, own, other, values[other.segment])
                if match is not None:
                    found.setdefault((item.segment, column), (other.segment, match))
    return found


def _holder(column: str, own: _Values, other: Candidate, values: dict[str, _Values]) -> str | None:
    """The unique column of a layer that holds all of some values, None without one."""
    unique = [name for name, each in values.items() if each.is_unique and name != FID]
    for name in sorted(unique, key=lambda each: (each != other.key, each.lower() != column.lower())):
        keys = values[name].distinct
        is_text = pa.types.is_large_string(keys.type) and len(own.distinct) >= _FEWEST_TEXTS
        named = _is_named(column, other, name)
        if own.distinct.type == keys.type and (named or is_text) and pc.all(pc.is_in(own.distinct, keys)).as_py():
            return name
    return None


def _is_named(column: str, other: Candidate, name: str) -> bool:
    """Whether a column is called like that of another layer or like the layer itself."""
    layer, key = other.segment.lower(), name.lower()
    singular = layer.removesuffix("s")
    stems = {layer, singular}
    wanted = {f"{stem}{join}{end}" for stem in stems for join in ("", "_") for end in ("", "id", "code", key)}
    return column.lower() in wanted | ({key} if len(key) > len("id") else set())


def _distinct(item: Candidate) -> dict[str, _Values]:
    """The different values of each column of whole numbers or text, where they are not too many."""
    fields = [each for each in item.vector.info.fields if kind_of(each.type) in (Kind.INTEGER, Kind.STRING)]
    types = {each.name: pa.int64() if kind_of(each.type) is Kind.INTEGER else pa.large_string() for each in fields}
    found = {name: pa.array([], kind) for name, kind in types.items()}
    rows = 0
    for batch in item.vector.batches(columns=list(found)) if found else ():
        rows += batch.num_rows
        for name in list(found):
            new = batch.column(name).drop_null().cast(types[name], safe=False).unique()
            found[name] = pa.concat_arrays([found[name], new]).unique()
            if len(found[name]) > _MOST_VALUES:
                del found[name]
    return {name: _Values(each, len(each) == rows) for name, each in found.items()}


def overlaps(layers: Sequence[Candidate]) -> list[tuple[str, str]]:
    """Pairs of layers whose extents overlap, compared in longitude and latitude; layers without one are left out."""
    import shapely

    boxes = {item.segment: box for item in layers if (box := _box(item)) is not None}
    names = list(boxes)
    return [
        (one, other)
        for number, one in enumerate(names)
        for other in names[number + 1 :]
        if shapely.intersects(boxes[one], boxes[other])
    ]


def _box(item: Candidate) -> Any:
    import numpy as np
    import shapely

    from semcube.geometry import CRS84, crs, transform

    info = item.vector.info
    if info.extent is None or info.crs is None or info.geometry_column is None:
        return None
    west, south, east, north = info.extent
    size = max(east - west, north - south, 1e-9)
    outline = shapely.segmentize(np.array([shapely.box(*info.extent)], dtype=object), size / 16)
    moved = transform(outline, crs(info.crs), CRS84)[0]
    return shapely.box(*shapely.bounds(moved)) if np.isfinite(shapely.bounds(moved)).all() else None
