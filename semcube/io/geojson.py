# SPDX-License-Identifier: Apache-2.0
"""The ``crs`` member that GeoJSON had before RFC 7946, as it stands in the file."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["named_crs"]

_HEAD = 65536
_NAMED = re.compile(rb'"crs"\s*:\s*\{[^{}]*"properties"\s*:\s*\{\s*"name"\s*:\s*"([^"]+)"')


def named_crs(path: Path) -> str | None:
    """The name of the system that a GeoJSON file gives at its beginning, None where it gives none.

    GDAL reads the same member but takes WGS 84 where it does not know the name, without a word.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.geojson"
        >>> _ = path.write_text('{"crs": {"type": "name", "properties": {"name": "EPSG:3035"}}, "features": []}')
        >>> named_crs(path)
        'EPSG:3035'
    """
    with path.open("rb") as file:
        found = _NAMED.search(file.read(_HEAD))
    return None if found is None else found[1].decode("utf-8", "replace")
