# SPDX-License-Identifier: Apache-2.0
"""``/update``: the update operation of the SPARQL 1.1 Protocol, https://www.w3.org/TR/sparql11-protocol/#update-operation."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from semcube.server.access import check_write
from semcube.server.protocol import FORM, read_operation
from semcube.server.serving import serving
from semcube.server.updating import run_update

__all__ = ["router"]

router = APIRouter(tags=["SPARQL"])


@router.post(
    "/update",
    summary="Change the store",
    description="SPARQL 1.1 Update, as a form field or as the body. All of it is done, or nothing. Needs the token.",
    openapi_extra={
        "parameters": [
            {"name": "using-graph-uri", "in": "query", "description": "Default graph of WHERE; may be repeated",
             "schema": {"type": "array", "items": {"type": "string"}}},
            {"name": "using-named-graph-uri", "in": "query", "description": "Named graph of WHERE; may be repeated",
             "schema": {"type": "array", "items": {"type": "string"}}},
        ],
        "requestBody": {"content": {FORM: {}, "application/sparql-update": {}}, "required": True},
    },
    responses={
        200: {"description": "Done; counts of quads inserted and deleted", "content": {"application/json": {}}},
        400: {"description": "The update is wrong"},
        401: {"description": "The token is missing or wrong"},
        403: {"description": "This server does not take changes"},
    },
)  # fmt: skip
async def update_by_post(request: Request) -> Response:
    """An update in the body."""
    state = serving(request)
    check_write(request, state.settings)
    operation = await read_operation(request, ["update"], state.settings)
    assert operation is not None
    return await run_update(request, state, operation)
