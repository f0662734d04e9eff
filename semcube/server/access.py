# SPDX-License-Identifier: Apache-2.0
"""Who may write."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from semcube.server.problems import ForbiddenError, UnauthorizedError

if TYPE_CHECKING:
    from starlette.requests import Request

    from semcube.server.settings import ServerSettings

__all__ = ["check_write"]


def check_write(request: Request, settings: ServerSettings) -> None:
    """Refuse a change that is not allowed.

    With a token, the request must present it (``Authorization: Bearer``). Without one, where anyone may write, pages of
    other sites still may not: a browser sends their forms without asking, so an ``Origin`` that is not ours is refused.

    Raises:
        ForbiddenError: The server does not take changes, or the request comes from a page of another site.
        UnauthorizedError: The token is missing or wrong.
    """
    if not settings.writable:
        raise ForbiddenError(
            "this server only answers queries",
            fix="start it with --token-file FILE and send 'Authorization: Bearer TOKEN', or with --allow-update",
        )
    if settings.token is not None and not settings.allow_update:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), settings.token.encode()):
            raise UnauthorizedError(
                "the token is wrong" if given else "a change without a token",
                expected="the header 'Authorization: Bearer TOKEN'",
            )
        return
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
        raise ForbiddenError(f"a change from a page of {origin}", fix="send changes from a program, or use a token")
