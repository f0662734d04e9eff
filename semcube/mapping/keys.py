# SPDX-License-Identifier: Apache-2.0
"""What identifies a feature for good: a primary key, a unique column, or the row id of the format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from semcube.config import Settings
from semcube.errors import SourceError
from semcube.mapping.model import FID
from semcube.mapping.natural import Kind, kind_of

if TYPE_CHECKING:
    from semcube.io import VectorSource

__all__ = ["Key", "choose_key"]

_IDENTIFIERS = (
    re.compile(r"(id|gid|uid|uuid|guid|identifier|objectid|key|pid|fid_?\d*)", re.IGNORECASE),
    re.compile(r".*(_id|_uuid|_gid|_pcode|pcode|inspireid|geonameid)|id_.*", re.IGNORECASE),
    re.compile(r".*(_code|code|_key|ident|id|_cd|_a3|geoid\d*)", re.IGNORECASE),
)
"""Names of identifiers, the surest first."""
_MOST = 6


@dataclass(frozen=True, slots=True)
class Key:
    """The column that IRIs are made of, and why it was chosen."""

    column: str
    reason: str


def choose_key(vector: VectorSource, wanted: str | None = None) -> Key:
    """The key of a layer.

    Args:
        vector: The layer; read once if it has no primary key but columns with the name of an identifier.
        wanted: The user's choice; it has to be unique and never null.

    Raises:
        SourceError: The wanted column does not exist, has nulls or repeats a value.
    """
    info = vector.info
    if wanted is not None:
        if wanted not in info.fields.names and wanted != FID:
            raise SourceError(
                f"no column {wanted!r} for the key", source=info.source, layer=info.layer,
                expected="one of: " + ", ".join(info.fields.names),
            )  # fmt: skip
        if wanted != FID and not _unique(vector, [wanted]):
            raise SourceError(
                f"column {wanted!r} cannot be the key: it has nulls or repeated values",
                source=info.source,
                layer=info.layer,
                expected="a different value in every row",
                fix="name another column, or leave the key out",
            )
        return Key(wanted, f"key: column {wanted}, as asked for")
    if info.key is not None:
        return Key(info.key, f"key: {info.key}, the primary key of the layer")
    candidates = _candidates(vector)
    unique = _unique(vector, candidates) if candidates else []
    if unique:
        return Key(unique[0], f"key: column {unique[0]}, unique and never null in this data")
    return Key(FID, "key: row id of the format; it changes if rows of the file are reordered or removed")


def _candidates(vector: VectorSource) -> list[str]:
    usable = [each.name for each in vector.info.fields if kind_of(each.type) in (Kind.INTEGER, Kind.STRING)]
    ranked = [name for pattern in _IDENTIFIERS for name in usable if pattern.fullmatch(name)]
    return list(dict.fromkeys(ranked))[:_MOST]


def _unique(vector: VectorSource, columns: Sequence[str]) -> list[str]:
    """Those of the columns that are never null and never repeat; columns out of the race are not read on."""
    left = list(columns)
    vector.keep_malformed = True  # what is wrong with a geometry is said when the features are read
    first = next(iter(vector.batches(columns=left, batch_bytes=4 * 1024 * 1024)), None)
    if first is None:
        return []
    left = [
        name
        for name in left
        if first.column(name).null_count == 0 and len(first.column(name).unique()) == first.num_rows
    ]
    increasing = [name for name in left if _increases(vector, name)]
    return [name for name in left if name in increasing or _distinct(vector, name)]


def _increases(vector: VectorSource, name: str) -> bool:
    """Whether each value of an integer column is greater than the one before: unique, and known without memory."""
    import numpy as np

    if kind_of(vector.info.fields.field(name).type) is not Kind.INTEGER:
        return False
    last: int | None = None
    for batch in vector.batches(columns=[name]):
        column = batch.column(name)
        if column.null_count:
            return False
        values = column.to_numpy(zero_copy_only=False)
        if (last is not None and values[0] <= last) or not np.all(values[1:] > values[:-1]):
            return False
        last = int(values[-1])
    return True


def _distinct(vector: VectorSource, name: str) -> bool:
    """Whether no value is null or repeated, in bounded memory (the engine spills to disk)."""
    import duckdb
    import pyarrow as pa

    schema = pa.schema([vector.info.fields.field(name)])
    batches = (batch.select([name]).cast(schema) for batch in vector.batches(columns=[name]))
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"SET memory_limit = '{Settings.from_environment().memory_mb}MiB'")
        connection.register("layer", pa.RecordBatchReader.from_batches(schema, batches))
        found = connection.execute("SELECT count(*), count(c0), count(DISTINCT c0) FROM layer AS t(c0)").fetchone()
    assert found is not None
    return bool(found[0] == found[1] == found[2])
