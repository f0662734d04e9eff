# SPDX-License-Identifier: Apache-2.0
"""Runs the update operation of the SPARQL 1.1 Protocol."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from semcube.server.access import check_write
from semcube.server.protocol import Operation, timeout_of
from semcube.server.running import Reply

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from semcube.engines.base import Cancellation
    from semcube.server.serving import Serving

__all__ = ["run_update"]


async def run_update(request: Request, state: Serving, operation: Operation) -> Response:
    """Run an update: all of it, or nothing.

    Raises:
        ForbiddenError: Changes are not allowed.
        UnauthorizedError: The token is missing or wrong.
        QueryError: The update is wrong.
    """
    check_write(request, state.settings)
    base = str(request.url_for("query_by_get"))

    def work(cancellation: Cancellation) -> Reply:
        report = state.store.update(
            operation.text, base=base, active=operation.active, cancellation=cancellation,
            service=state.settings.service, settings=state.settings.core,
        )  # fmt: skip
        body = {"inserted": report.inserted, "deleted": report.deleted, "ignored": report.ignored}
        return Reply([json.dumps(body).encode()], "application/json", headers={"Cache-Control": "no-store"})

    timeout = timeout_of(operation, state.settings.update_timeout_s)
    return await state.runner.answer(request, work, timeout_s=timeout, operation="update", patient=True)
