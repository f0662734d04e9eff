# SPDX-License-Identifier: Apache-2.0
"""``/data``: the SPARQL 1.1 Graph Store HTTP Protocol, https://www.w3.org/TR/sparql11-http-rdf-update/.

A graph is named by ``?graph=IRI``, by ``?default``, or by its own address below ``/data/``. ``/data`` itself is the
whole dataset.
"""

import secrets
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from semcube.engines.base import Cancellation
from semcube.errors import UsageError
from semcube.io.terms import IRI
from semcube.server.access import check_write
from semcube.server.formats import DATASET, GRAPH
from semcube.server.graphs import exists, read_graph, read_quads, remove_graph, write_graph
from semcube.server.negotiation import choose
from semcube.server.payload import Part, read_parts
from semcube.server.problems import GraphNotFoundError
from semcube.server.running import Reply
from semcube.server.serving import Serving, serving
from semcube.sparql.iris import is_absolute

__all__ = ["router"]

router = APIRouter(tags=["Graph store"])

_NAMES = [
    {"name": "graph", "in": "query", "description": "IRI of the graph", "schema": {"type": "string"}},
    {"name": "default", "in": "query", "description": "The default graph", "schema": {"type": "string"}},
]
_BODY = {"requestBody": {"content": {k: {} for o in GRAPH for k in o.media_types[:1]}, "required": True}}
_WRITES: dict[int | str, dict[str, Any]] = {
    204: {"description": "Done"},
    201: {"description": "Done; the graph is new"},
}


def target_of(request: Request, *, needed: bool = True) -> IRI | None:
    """The graph of a request; None is the default graph (or, where none is needed, no graph at all).

    Raises:
        UsageError: None or several are named, or the IRI is relative.
    """
    named = request.query_params.getlist("graph")
    default = "default" in request.query_params
    direct = request.path_params.get("path")
    if direct:
        if named or default:
            raise UsageError("a graph named by the address and by a parameter", expected="one of the two")
        return IRI(str(request.url.replace(query="", fragment="")))
    if len(named) + default != 1:
        if not needed and not named and not default:
            return None
        raise UsageError(f"{len(named) + default} graphs named", expected="one: ?graph=IRI or ?default")
    if default:
        return None
    if not is_absolute(named[0]):
        raise UsageError(f"the graph {named[0]!r}", expected="an absolute IRI")
    return IRI(named[0])


def _is_whole(request: Request) -> bool:
    given = request.query_params
    return not request.path_params.get("path") and "graph" not in given and "default" not in given


@router.get(
    "/data", summary="Read a graph, or all of them",
    description="One graph as RDF; without parameters the whole dataset as N-Quads or TriG.",
    openapi_extra={"parameters": _NAMES},
    responses={200: {"description": "The triples, streamed"}, 404: {"description": "No such graph"}},
)  # fmt: skip
@router.head("/data", include_in_schema=False)
@router.get("/data/{path:path}", summary="Read the graph of this address")
@router.head("/data/{path:path}", include_in_schema=False)
async def read(request: Request) -> Response:
    """A graph, or the dataset, in the format that the client likes."""
    state = serving(request)
    accept, name = request.headers.get("accept"), request.query_params.get("format")
    whole = _is_whole(request)
    offer = choose(DATASET if whole else GRAPH, accept, name)
    graph = target_of(request, needed=not whole)

    def work(cancellation: Cancellation) -> Reply:
        if graph is not None and not exists(state, graph):
            raise _missing(graph)
        if request.method == "HEAD":
            return Reply((), offer.content_type)
        if whole:
            return Reply(read_quads(state, offer.name, cancellation), offer.content_type)
        return Reply(read_graph(state, graph, offer.name, cancellation), offer.content_type)

    return await state.runner.answer(request, work, timeout_s=state.settings.timeout_s, operation="read graph")


@router.put(
    "/data",
    summary="Replace a graph",
    openapi_extra={"parameters": _NAMES, **_BODY},
    responses=_WRITES,
    status_code=204,
)
@router.put(
    "/data/{path:path}", summary="Replace the graph that has this address", openapi_extra=_BODY, status_code=204
)
async def put(request: Request) -> Response:
    """Replace a graph by the triples of the body."""
    check_write(request, serving(request).settings)
    return await _write(request, target_of(request), replace=True)


@router.post(
    "/data", summary="Add to a graph", openapi_extra={"parameters": _NAMES, **_BODY},
    responses=_WRITES, status_code=204,
    description="Without a graph, a new one is made; the header Location says its address.",
)  # fmt: skip
@router.post("/data/{path:path}", summary="Add to the graph of this address", openapi_extra=_BODY, status_code=204)
async def post(request: Request) -> Response:
    """Add the triples of the body to a graph."""
    check_write(request, serving(request).settings)
    if not _is_whole(request):
        return await _write(request, target_of(request), replace=False)
    address = f"{request.url.replace(query='', fragment='')}".rstrip("/") + f"/{secrets.token_hex(8)}"
    return await _write(request, IRI(address), replace=False, location=address)


@router.delete(
    "/data", summary="Remove a graph", openapi_extra={"parameters": _NAMES}, status_code=204,
    responses={204: {"description": "Removed"}, 404: {"description": "No such graph"}},
)  # fmt: skip
@router.delete("/data/{path:path}", summary="Remove the graph of this address", status_code=204)
async def delete(request: Request) -> Response:
    """Remove a graph with all its triples."""
    state = serving(request)
    check_write(request, state.settings)
    graph = target_of(request)

    def work(cancellation: Cancellation) -> Reply:
        if not remove_graph(state, graph):
            raise _missing(graph)
        return Reply(status=204)

    timeout = state.settings.update_timeout_s
    return await state.runner.answer(request, work, timeout_s=timeout, operation="delete graph", patient=True)


def _missing(graph: IRI | None) -> GraphNotFoundError:
    name = "the default graph" if graph is None else f"the graph <{graph.value}>"
    return GraphNotFoundError(f"{name} is not in the store", fix="ask /sparql for GRAPH ?g {} to see which are")


async def _write(request: Request, graph: IRI | None, *, replace: bool, location: str | None = None) -> Response:
    state: Serving = serving(request)
    parts: list[Part] = await read_parts(request, state.settings.max_upload_bytes)
    base = str(request.url.replace(query="", fragment="")) if graph is None else graph.value

    def work(cancellation: Cancellation) -> Reply:
        made = write_graph(state, graph, parts, base, replace, cancellation)
        headers = {"Location": location} if location and made else {}
        return Reply(status=201 if made else 204, headers=headers)

    timeout = state.settings.update_timeout_s
    try:
        return await state.runner.answer(request, work, timeout_s=timeout, operation="write graph", patient=True)
    finally:
        for part in parts:
            part.stream.close()
