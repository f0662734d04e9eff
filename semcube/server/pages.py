# SPDX-License-Identifier: Apache-2.0
"""The query page, its files, and what it asks for."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from semcube import __version__
from semcube.server.formats import GRAPH, SOLUTIONS
from semcube.server.holdings import example_queries, holdings, words
from semcube.server.running import Reply
from semcube.server.serving import Serving, serving
from semcube.vocab import PREFIXES
from semcube.web import Asset, asset, background, is_built, plain_page, plain_style

__all__ = ["POLICY", "router"]

router = APIRouter(tags=["Page"])

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "worker-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'self'"
)
"""Everything from this server only. Inline styles are the editor's and the map's way to place things."""


def _file(found: Asset | None) -> Response:
    if found is None:
        raise HTTPException(404, "Not Found")
    headers = {"Cache-Control": found.cache_control}
    # scripts need it too: a worker lives under the policy of its own script
    if found.path.suffix in (".html", ".js", ".mjs"):
        headers["Content-Security-Policy"] = POLICY
    return FileResponse(found.path, media_type=found.media_type, headers=headers)


@router.get("/", include_in_schema=False)
async def page() -> Response:
    """The query page; where it has not been built, a form that works without it."""
    if is_built():
        return _file(asset("index.html"))
    formats = [(offer.name, offer.title) for offer in SOLUTIONS]
    return HTMLResponse(plain_page(formats), headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"})


@router.get("/docs", include_in_schema=False)
async def api_page() -> Response:
    """The HTTP API for people."""
    return _file(asset("api.html")) if is_built() else await page()


@router.get("/plain.css", include_in_schema=False)
async def style() -> Response:
    """The style of the page that works without the built one."""
    return Response(plain_style(), media_type="text/css")


@router.get("/icon.svg", include_in_schema=False)
async def icon() -> Response:
    """The icon."""
    return _file(asset("icon.svg"))


@router.get("/THIRD_PARTY_LICENCES.txt", include_in_schema=False)
async def licences() -> Response:
    """The licences of the libraries inside the page."""
    return _file(asset("THIRD_PARTY_LICENCES.txt"))


@router.get("/assets/{name}", include_in_schema=False)
async def assets(name: str) -> Response:
    """Scripts and styles."""
    return _file(asset(f"assets/{name}"))


@router.get("/map/land.geojson", include_in_schema=False)
async def land() -> Response:
    """Land and borders behind the map."""
    return _file(background())


async def _json(request: Request, make: Callable[[Serving], Any], operation: str) -> Response:
    state = serving(request)

    def work(_: object) -> Reply:
        body = json.dumps(make(state), ensure_ascii=False).encode()
        return Reply([body], "application/json", headers={"Cache-Control": "no-cache"})

    return await state.runner.answer(request, work, timeout_s=state.settings.timeout_s, operation=operation)


def _about(state: Serving) -> dict[str, Any]:
    held = holdings(state)
    kinds = ((SOLUTIONS, "bindings"), (GRAPH, "graph"))
    return {
        "title": state.settings.title,
        "version": __version__,
        "triples": held.triples,
        "geometries": held.geometries,
        "graphs": len(held.graphs),
        "extent": held.extent,
        "writable": state.settings.writable,
        "land": background() is not None,
        "prefixes": PREFIXES,
        "formats": [
            {"name": o.name, "title": o.title, "extension": o.extension, "kind": kind}
            for some, kind in kinds
            for o in some
        ],
    }


@router.get("/about", summary="What is served: counts, prefixes, formats")
async def about(request: Request) -> Response:
    """For the page's head."""
    return await _json(request, _about, "about")


@router.get("/examples", summary="Example queries for this dataset")
async def examples(request: Request) -> Response:
    """Queries that have answers here."""
    return await _json(request, lambda state: {"examples": [asdict(e) for e in example_queries(state)]}, "examples")


@router.get("/vocabulary", summary="Classes and properties of this dataset, most used first")
async def vocabulary(request: Request) -> Response:
    """For completion in the editor."""
    return await _json(request, words, "vocabulary")
