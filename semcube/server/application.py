# SPDX-License-Identifier: Apache-2.0
"""Puts the routes together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from semcube import __version__
from semcube.server import explaining, graph_store, health, pages, sparql, update
from semcube.server.headers import SafeHeaders
from semcube.server.metrics import CountRequests, Metrics
from semcube.server.problems import install
from semcube.server.running import Runner
from semcube.server.serving import Serving
from semcube.server.settings import ServerSettings

if TYPE_CHECKING:
    from semcube.sparql.dataset import Dataset

__all__ = ["app"]

_DESCRIPTION = (
    "SPARQL 1.1 with GeoSPARQL over one dataset: the query and update protocol, the graph store protocol, plans, and "
    "the service description. Errors are problem documents (RFC 9457)."
)


def app(store: Dataset, settings: ServerSettings | None = None) -> FastAPI:
    """The application that serves a store.

    Args:
        store: A :class:`semcube.store.Store`, or any dataset, which then cannot be changed. The caller closes it after
            the application has ended.
        settings: Limits and permissions; by default it only answers queries.

    Returns:
        A FastAPI application, for ``uvicorn`` or any ASGI server.

    Example:
        >>> from semcube.sparql.memory import MemoryDataset
        >>> app(MemoryDataset.parse('<http://a> <http://b> "c" .'), ServerSettings(title="Three terms")).title
        'Three terms'
    """
    chosen = settings or ServerSettings()
    metrics = Metrics(__version__)
    runner = Runner(chosen.max_concurrent, chosen.queue_s, metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        runner.close()

    application = FastAPI(
        title=chosen.title or "semcube",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    application.state.serving = Serving(store, chosen, runner, metrics)
    install(application)
    for module in (sparql, explaining, update, graph_store, health, pages):
        application.include_router(module.router)
    # reads are open to pages of every site; methods that change data are not listed, nor is the header with the token
    application.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "HEAD", "POST", "OPTIONS"],
        allow_headers=["Accept", "Content-Type"],
        expose_headers=["Content-Type", "Location"],
        max_age=86400,
    )
    application.add_middleware(SafeHeaders)
    application.add_middleware(CountRequests, metrics=metrics)
    return application
