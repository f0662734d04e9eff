# SPDX-License-Identifier: Apache-2.0
"""``/sparql``: the query operation of the SPARQL 1.1 Protocol, and the service description.

https://www.w3.org/TR/sparql11-protocol/ and https://www.w3.org/TR/sparql11-service-description/
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from semcube.engines.base import Cancellation
from semcube.server.answers import answer_query, chosen_offer
from semcube.server.description import describe_service
from semcube.server.explaining import explain_operation
from semcube.server.formats import GRAPH, SOLUTIONS
from semcube.server.negotiation import Offer, choose
from semcube.server.protocol import FORM, Operation, read_operation, timeout_of, with_switches
from semcube.server.running import Reply
from semcube.server.serving import Serving, serving
from semcube.server.updating import run_update

__all__ = ["router"]

router = APIRouter(tags=["SPARQL"])

_PARAMETERS = [
    {"name": "query", "in": "query", "description": "SPARQL 1.1 query with GeoSPARQL functions",
     "schema": {"type": "string"}},
    {"name": "format", "in": "query", "description": "Short name of the answer's format; overrules Accept",
     "schema": {"type": "string", "enum": [o.name for o in (*SOLUTIONS, *GRAPH)]}},
    {"name": "default-graph-uri", "in": "query", "description": "Graph of the default graph; may be repeated",
     "schema": {"type": "array", "items": {"type": "string"}}},
    {"name": "named-graph-uri", "in": "query", "description": "Named graph; may be repeated",
     "schema": {"type": "array", "items": {"type": "string"}}},
    {"name": "timeout", "in": "query", "description": "Seconds; at most the server's limit",
     "schema": {"type": "number"}},
    {"name": "rewrite", "in": "query", "description": "true: topological properties hold where geometries relate so",
     "schema": {"type": "boolean"}},
    {"name": "entailment", "in": "query", "description": "rdfs: match entailed triples too",
     "schema": {"type": "string", "enum": ["rdfs", "none"]}},
    {"name": "explain", "in": "query", "description": "1: run the query and answer its plan as JSON",
     "schema": {"type": "string"}},
]  # fmt: skip
_ANSWER: dict[str, Any] = {"content": {kind: {} for o in (*SOLUTIONS, *GRAPH) for kind in o.media_types[:1]}}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The query is wrong; line and column say where", "content": {"application/problem+json": {}}},
    406: {"description": "None of the accepted formats fits the answer; the detail lists those that do"},
    503: {"description": "The deadline passed, or all places are taken"},
}


@router.get(
    "/sparql",
    summary="Ask a query, or get the service description",
    description="Without a query: the service description, in RDF; a browser is sent to the query page.",
    openapi_extra={"parameters": _PARAMETERS},
    responses={200: {"description": "The answer, streamed", **_ANSWER}, **_PROBLEMS},
)
@router.head("/sparql", include_in_schema=False)
async def query_by_get(request: Request) -> Response:
    """A query in the address, or none."""
    state = serving(request)
    operation = await read_operation(request, ["query"], state.settings)
    if operation is None:
        return await _describe(request, state)
    if request.method == "HEAD":
        return await _head(request, state, operation)
    return await _answer(request, state, operation)


@router.post(
    "/sparql",
    summary="Ask a query",
    description="The query as a form field, or as the body. An update in the body is taken as by /update.",
    openapi_extra={
        "parameters": _PARAMETERS[1:],
        "requestBody": {"content": {FORM: {}, "application/sparql-query": {}}, "required": True},
    },
    responses={200: {"description": "The answer, streamed", **_ANSWER}, **_PROBLEMS},
)
async def query_by_post(request: Request) -> Response:
    """A query in the body; or an update, so that one address serves both."""
    state = serving(request)
    operation = await read_operation(request, ["query", "update"], state.settings)
    assert operation is not None
    if operation.kind == "update":
        return await run_update(request, state, operation)
    return await _answer(request, state, operation)


@router.get(
    "/sparql/{switches}",
    summary="Ask a query with switches on",
    description="As /sparql, with GeoSPARQL query rewriting, RDFS entailment, or both; parameters still overrule.",
    openapi_extra={"parameters": _PARAMETERS},
    responses={200: {"description": "The answer, streamed", **_ANSWER}, **_PROBLEMS},
)
@router.post(
    "/sparql/{switches}",
    summary="Ask a query with switches on",
    description="As /sparql, with GeoSPARQL query rewriting, RDFS entailment, or both; parameters still overrule.",
    openapi_extra={
        "parameters": _PARAMETERS[1:],
        "requestBody": {"content": {FORM: {}, "application/sparql-query": {}}, "required": True},
    },
    responses={200: {"description": "The answer, streamed", **_ANSWER}, **_PROBLEMS},
)
async def query_with_switches(
    request: Request, switches: Annotated[Literal["rewrite", "rdfs", "rewrite-rdfs"], Path()]
) -> Response:
    """A query at an endpoint that has switches on."""
    state = serving(request)
    operation = await read_operation(request, ["query"], state.settings)
    if operation is None:
        return await _describe(request, state)
    return await _answer(request, state, with_switches(operation, switches))


async def _answer(request: Request, state: Serving, operation: Operation) -> Response:
    accept = request.headers.get("accept")
    base = endpoint_of(request)

    def work(cancellation: Cancellation) -> Reply:
        if operation.explain:
            return explain_operation(state, operation, base, cancellation)
        return answer_query(state, operation, accept, base, cancellation)

    timeout = timeout_of(operation, state.settings.timeout_s)
    return await state.runner.answer(request, work, timeout_s=timeout, operation="query")


async def _head(request: Request, state: Serving, operation: Operation) -> Response:
    """The status and type that a GET would have; the query is parsed, not run."""
    from semcube.sparql.parser import parse_query

    def work(cancellation: Cancellation) -> Reply:
        query = parse_query(operation.text, endpoint_of(request))
        return Reply((), chosen_offer(query, request.headers.get("accept"), operation.format).content_type)

    return await state.runner.answer(request, work, timeout_s=state.settings.timeout_s, operation="head")


async def _describe(request: Request, state: Serving) -> Response:
    page = Offer("html", "Query page", ("text/html",))
    offers = (*GRAPH, page)
    offer = choose(offers, request.headers.get("accept"), request.query_params.get("format"))
    if offer is page:
        return RedirectResponse(request.url_for("page"), status_code=303)
    endpoint = endpoint_of(request)

    def work(cancellation: Cancellation) -> Reply:
        return Reply([] if request.method == "HEAD" else describe_service(state, endpoint, offer), offer.content_type)

    return await state.runner.answer(request, work, timeout_s=state.settings.timeout_s, operation="describe")


def endpoint_of(request: Request) -> str:
    """The IRI of the endpoint as the client calls it."""
    return str(request.url_for("query_by_get"))
