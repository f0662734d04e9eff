# SPDX-License-Identifier: Apache-2.0
"""semcube turns Earth-observation data into linked data and answers GeoSPARQL queries over it.

Names below are imported when they are first used: ``import semcube`` costs next to nothing.

Example:
    >>> import semcube
    >>> with semcube.open() as store:
    ...     report = store.load(b'<http://e/a> <http://e/name> "Elbe" .', format="ttl")
    ...     store.query("SELECT ?name { ?s <http://e/name> ?name }").to_arrow().to_pylist()
    [{'name': 'Elbe'}]
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semcube import errors
    from semcube.engines.base import Engine
    from semcube.interlink.batch import interlink
    from semcube.mapping import transform
    from semcube.sparql.dataset import Dataset
    from semcube.store.opening import open  # noqa: A004 - the word users know
    from semcube.store.result import Result
    from semcube.store.store import Store

__version__ = "0.1.0"

__all__ = ["Dataset", "Engine", "Result", "Store", "__version__", "errors", "interlink", "open", "transform"]

_HOME = {
    "Dataset": "semcube.sparql.dataset",
    "Engine": "semcube.engines.base",
    "Result": "semcube.store.result",
    "Store": "semcube.store.store",
    "open": "semcube.store.opening",
    "transform": "semcube.mapping",
}


def __getattr__(name: str) -> Any:
    """Import the module of a public name when the name is first used."""
    if name in ("errors", "interlink"):  # the module interlink can be called
        return import_module(f"semcube.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'semcube' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
