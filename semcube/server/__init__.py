# SPDX-License-Identifier: Apache-2.0
"""A dataset over HTTP: SPARQL 1.1 Protocol, Graph Store Protocol, service description, health, metrics, the query page.

In: a :class:`semcube.store.Store` (or any dataset, then without writing) and :class:`ServerSettings`. Out: a FastAPI
application. The core is synchronous: each query runs in one thread of a bounded pool, with a deadline, and stops when
its client goes away. Answers are streamed; one that fails half-way breaks the connection and never looks complete.

Start it by ``semcube serve``, or give the result of :func:`app` to any ASGI server.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semcube.server.application import app
    from semcube.server.settings import ServerSettings

__all__ = ["ServerSettings", "app"]

_HOME = {"app": "application", "ServerSettings": "settings"}


def __getattr__(name: str) -> Any:
    """Import the module of a public name when the name is first used."""
    if name not in _HOME:
        raise AttributeError(f"module 'semcube.server' has no attribute {name!r}")
    return getattr(import_module(f"semcube.server.{_HOME[name]}"), name)
