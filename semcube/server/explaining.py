# SPDX-License-Identifier: Apache-2.0
"""``/explain``: how a query is answered."""

import json

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from semcube.engines.base import Cancellation
from semcube.errors import UsageError
from semcube.server.protocol import FORM, Operation, read_operation, switches_of, timeout_of
from semcube.server.running import Reply
from semcube.server.serving import Serving, serving

__all__ = ["explain_operation", "router"]

router = APIRouter(tags=["SPARQL"])

_DESCRIPTION = (
    "Runs the query and answers its plan: the stages (parsed, rewritten, planned), and for each node the estimated and "
    "real rows, milliseconds, and whether the dataset or the reference operator ran it. `text` is the same for people."
)
_PARAMETERS = [
    {"name": "query", "in": "query", "required": True, "description": "SPARQL 1.1 query", "schema": {"type": "string"}}
]


@router.get(
    "/explain", summary="Explain a query", description=_DESCRIPTION, openapi_extra={"parameters": _PARAMETERS},
    responses={200: {"description": "The plan", "content": {"application/json": {}}}},
)  # fmt: skip
@router.post(
    "/explain", summary="Explain a query", description=_DESCRIPTION,
    openapi_extra={"requestBody": {"content": {FORM: {}, "application/sparql-query": {}}, "required": True}},
    responses={200: {"description": "The plan", "content": {"application/json": {}}}},
)  # fmt: skip
async def explain(request: Request) -> Response:
    """The plan of a query."""
    state = serving(request)
    operation = await read_operation(request, ["query"], state.settings)
    if operation is None:
        raise UsageError("no query", expected="the parameter 'query'")
    base = str(request.url_for("query_by_get"))

    def work(cancellation: Cancellation) -> Reply:
        return explain_operation(state, operation, base, cancellation)

    timeout = timeout_of(operation, state.settings.timeout_s)
    return await state.runner.answer(request, work, timeout_s=timeout, operation="explain")


def explain_operation(state: Serving, operation: Operation, base: str, cancellation: Cancellation) -> Reply:
    """Run a query and answer how it ran: ``{"text": ..., "plan": {...}}``."""
    from semcube.sparql.explain import explain as explained

    rewrite, entailment = switches_of(operation, state.settings)
    with state.snapshot() as dataset:
        report = explained(
            operation.text, dataset, settings=state.settings.core, cancellation=cancellation, active=operation.active,
            base=base, service=state.settings.service, rewrite=rewrite, entailment=entailment,
            push_down=state.settings.push_down,
        )  # fmt: skip
    body = {"text": report.to_text(), "plan": report.to_dict()}
    return Reply([json.dumps(body, ensure_ascii=False, default=str).encode()], "application/json")
