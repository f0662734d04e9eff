# SPDX-License-Identifier: Apache-2.0
"""OpenStreetMap files (``.osm.pbf``, ``.osm``) through GDAL, with the tags that it keeps in one text as columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from semcube.io.ogr import OGRSource

if TYPE_CHECKING:
    from semcube.io.vector import Box

__all__ = ["OSMSource", "tag_values"]

_OTHER = "other_tags"
_ITEM = r'"((?:[^"\\]|\\.)*)"=>"((?:[^"\\]|\\.)*)"'
MAX_TAGS = 200
"""So many tags, the most frequent ones, become columns; all of them stay in ``other_tags``."""

_SURVEYED: dict[tuple[str, int, int, str], Counter[str]] = {}


def tag_values(column: pa.Array, key: str) -> pa.Array:
    r"""The values of a tag in GDAL's texts ``"key"=>"value","key2"=>"value2"``; null where there is none.

    Example:
        >>> tag_values(pa.array(['"a"=>"1","b"=>"x \\"y\\""', None, '"c"=>"a=>b"']), "b").to_pylist()
        ['x "y"', None, None]
    """
    quoted = re.escape(key.replace("\\", "\\\\").replace('"', '\\"'))
    pattern = rf'(?:^|",)"{quoted}"=>"(?P<value>(?:[^"\\]|\\.)*)"'
    # Where a key follows, the quote that ends the value before it is part of the match.
    found = pc.struct_field(pc.extract_regex(column, pattern), [0])
    return pc.replace_substring_regex(found, r'\\(["\\])', r"\1")


class OSMSource(OGRSource):
    """A layer of an OpenStreetMap file: ``points``, ``lines``, ``multilinestrings``, ``multipolygons``, ..."""

    def __init__(self, file: Path, layer: str | None, *, crs: str | None) -> None:
        super().__init__(file, layer, crs=crs, encoding=None)
        own = self.info.fields.names
        self._tags: dict[str, str] = {}
        if _OTHER not in own:
            return
        counts = self._counts(file)
        self._tags = {key: key for key, _ in counts.most_common(MAX_TAGS) if key not in (*own, "fid", "geometry")}
        fields = [*self.info.fields, *(pa.field(name, pa.large_string()) for name in sorted(self._tags))]
        metadata = dict(self.info.metadata)
        if len(counts) > MAX_TAGS:
            note = f"{len(counts)} tags; the {MAX_TAGS} most frequent are columns, all are in {_OTHER}"
            metadata["warning"] = "\n".join(filter(None, [metadata.get("warning"), note]))
        self.info = replace(self.info, fields=pa.schema(fields), metadata=metadata)

    def _counts(self, file: Path) -> Counter[str]:
        """How often each tag occurs; a file is surveyed once, for it is opened more than once in a run."""
        state = file.stat()
        known = (str(file.resolve()), state.st_mtime_ns, state.st_size, self.info.layer)
        if known not in _SURVEYED:
            counts: Counter[str] = Counter()
            for batch in super()._read([_OTHER], None, None, 1 << 24):
                for text in batch.column(_OTHER).drop_null().to_pylist():
                    counts.update(_unquoted(key) for key, _ in re.findall(_ITEM, text))
            _SURVEYED[known] = counts
        return _SURVEYED[known]

    def _read(
        self, columns: Sequence[str], where: str | None, box: Box | None, batch_bytes: int
    ) -> Iterator[pa.RecordBatch]:
        tags = [name for name in columns if name in self._tags]
        own = [name for name in columns if name not in self._tags]
        extra = [_OTHER] if tags and _OTHER not in own else []
        for batch in super()._read([*own, *extra], where, box, batch_bytes):
            made = {name: batch.column(name) for name in batch.schema.names if name not in extra}
            if "geometry" in made:
                made["geometry"] = _exact(made["geometry"])
            for name in tags:
                made[name] = tag_values(batch.column(_OTHER), self._tags[name]).cast(pa.large_string())
            names = ["fid", *columns, *(["geometry"] if "geometry" in made else [])]
            yield pa.RecordBatch.from_arrays([made[name] for name in names], names)


def _exact(wkb: pa.Array) -> pa.Array:
    """Coordinates as they are in the file, whole multiples of 1e-7 degrees; GDAL's are off in the last digit."""
    import numpy as np
    import shapely

    shapes = shapely.from_wkb(wkb.to_numpy(zero_copy_only=False))
    rounded = shapely.transform(shapes, lambda coordinates: np.round(coordinates, 7))
    return pa.array(shapely.to_wkb(rounded, flavor="iso"), pa.large_binary())


def _unquoted(text: str) -> str:
    return re.sub(r'\\(["\\])', r"\1", text)
