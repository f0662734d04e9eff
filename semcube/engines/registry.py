# SPDX-License-Identifier: Apache-2.0
"""The engines that are installed, by the entry point group ``semcube.engines``."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from semcube.errors import UnsupportedError

__all__ = ["engine_class", "engines"]

GROUP = "semcube.engines"


def engines() -> tuple[str, ...]:
    """The names of the engines that are installed; what one needs besides may still be missing.

    Example:
        >>> "embedded" in engines(), "spark" in engines()
        (True, True)
    """
    return tuple(sorted(_points()))


def engine_class(name: str) -> Any:
    """The class of an engine (:class:`semcube.engines.Engine`) by its name.

    Raises:
        UnsupportedError: There is no such engine, or a library it needs is missing.

    Example:
        >>> engine_class("spark").name
        'spark'
        >>> engine_class("flink")
        Traceback (most recent call last):
        semcube.errors.UnsupportedError: there is no engine 'flink'; expected one of ...
    """
    found = _points().get(name)
    if found is None:
        raise UnsupportedError(f"there is no engine {name!r}", expected=f"one of {', '.join(engines())}")
    try:
        return found.load()
    except ImportError as error:
        raise UnsupportedError(f"the engine {name!r} cannot be loaded: {error}", fix="install what it needs") from error


def _points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
