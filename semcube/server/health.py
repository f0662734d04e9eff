# SPDX-License-Identifier: Apache-2.0
"""``/health``, ``/health/live``, ``/health/ready`` and ``/metrics``."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from semcube import __version__
from semcube.engines.base import Cancellation
from semcube.server.running import Reply
from semcube.server.serving import serving

__all__ = ["router"]

router = APIRouter(tags=["Operation"])


@router.get("/health/live", summary="Whether the process runs")
async def live() -> dict[str, Any]:
    """Always true where it is answered."""
    return {"status": "ok"}


@router.get("/health", summary="Whether queries are answered, and the version")
@router.get("/health/ready", summary="Whether queries are answered", responses={503: {"description": "Not now"}})
async def ready(request: Request) -> Response:
    """Ask the dataset a question that costs nothing."""
    import json

    state = serving(request)

    def work(cancellation: Cancellation) -> Reply:
        from semcube.sparql.query import execute

        with state.snapshot() as dataset:
            execute("ASK {}", dataset, cancellation=cancellation, settings=state.settings.core)
        body = {"status": "ok", "version": __version__, "writable": state.settings.writable}
        return Reply([json.dumps(body).encode()], "application/json", headers={"Cache-Control": "no-store"})

    return await state.runner.answer(request, work, timeout_s=5.0, operation="health")


@router.get("/metrics", summary="Counters in the text format of Prometheus")
async def metrics(request: Request) -> Response:
    """Requests by route and status, times of queries by outcome, what runs now."""
    return serving(request).metrics.response()
