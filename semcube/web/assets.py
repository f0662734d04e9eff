# SPDX-License-Identifier: Apache-2.0
"""The files of the front end: where they are, what they are, how long a browser may keep them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Asset", "asset", "background", "is_built"]

HERE = Path(__file__).resolve().parent
STATIC = HERE / "static"
BACKGROUND = HERE / "data" / "land.geojson"

MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".geojson": "application/geo+json",
}
"""By extension; a fixed table, because that of the system may call ``.mjs`` anything."""

_HASHED = re.compile(r"^assets/[\w.-]+-[0-9A-Za-z]{8,}\.\w+$")
_NAME = re.compile(r"^(?:assets/)?[\w-][\w.-]*$")
FOREVER = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file to serve."""

    path: Path
    media_type: str
    cache_control: str


def is_built(static: Path = STATIC) -> bool:
    """Whether the front end has been built."""
    return (static / "index.html").is_file()


def asset(name: str, static: Path = STATIC) -> Asset | None:
    """The file ``name`` of the built front end; None where there is no such file.

    Names with a hash never change their content and may be kept for ever. Nothing outside ``static`` is reached.

    Example:
        >>> asset("../assets.py") is None
        True
    """
    path = static / name
    if not _NAME.match(name) or path.suffix not in MEDIA_TYPES or not path.is_file():
        return None
    return Asset(path, MEDIA_TYPES[path.suffix], FOREVER if _HASHED.match(name) else REVALIDATE)


def background() -> Asset | None:
    """The land and borders behind the map; None where the file is absent."""
    if not BACKGROUND.is_file():
        return None
    return Asset(BACKGROUND, MEDIA_TYPES[".geojson"], "public, max-age=86400")
