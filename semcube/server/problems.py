# SPDX-License-Identifier: Apache-2.0
"""Errors as RFC 9457 problem documents. One table says which error is which status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from semcube.errors import (
    InputError,
    LimitError,
    OutputError,
    QueryTimeoutError,
    RemoteError,
    SemcubeError,
    StoreError,
    StoreLockedError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request

__all__ = [
    "STATUS",
    "BusyError",
    "ForbiddenError",
    "GraphNotFoundError",
    "MediaTypeError",
    "MethodError",
    "NotAcceptableError",
    "TooLargeError",
    "UnauthorizedError",
    "install",
    "problem",
    "status_of",
]


class RequestError(SemcubeError):
    """What an HTTP request asked for cannot be given."""


class UnauthorizedError(RequestError):
    """The request needs a token, or its token is wrong."""


class ForbiddenError(RequestError):
    """This server does not allow it."""


class GraphNotFoundError(RequestError):
    """There is no such graph."""


class MethodError(RequestError):
    """The resource does not know the method."""


class NotAcceptableError(RequestError):
    """No format that the client accepts can be written."""


class TooLargeError(RequestError):
    """The body is larger than the server accepts."""


class MediaTypeError(RequestError):
    """The body has a media type that the server does not read."""


class BusyError(RequestError):
    """All places are taken."""


STATUS: dict[type[BaseException], int] = {
    InputError: 400,
    UnauthorizedError: 401,
    ForbiddenError: 403,
    GraphNotFoundError: 404,
    MethodError: 405,
    NotAcceptableError: 406,
    TooLargeError: 413,
    MediaTypeError: 415,
    UnsupportedError: 501,
    RemoteError: 502,
    BusyError: 503,
    LimitError: 503,
    QueryTimeoutError: 503,
    StoreLockedError: 503,
    StoreError: 500,
    OutputError: 500,
    SemcubeError: 500,
}
"""Error class -> status; the nearest base class counts. A deadline is 503, because browsers repeat a request by
themselves after 408."""

TYPES = "https://w3id.org/semcube/problems#"

_TITLES = {
    "QuerySyntaxError": "The query does not parse",
    "QueryError": "The query is wrong",
    "UsageError": "The request is wrong",
    "RDFSyntaxError": "The RDF does not parse",
    "UnauthorizedError": "A token is needed",
    "ForbiddenError": "Not allowed",
    "GraphNotFoundError": "No such graph",
    "MethodError": "Method not allowed",
    "NotAcceptableError": "No acceptable format",
    "TooLargeError": "The body is too large",
    "MediaTypeError": "The body's media type is not read",
    "UnsupportedError": "Not supported",
    "RemoteError": "A remote endpoint failed",
    "BusyError": "The server is busy",
    "QueryTimeoutError": "The query ran too long",
    "QueryMemoryError": "The query needs too much memory",
    "QueryCancelledError": "The query was cancelled",
    "StoreLockedError": "The store is in use",
}


def status_of(error: BaseException) -> int:
    """The status of an error.

    Example:
        >>> from semcube.errors import QuerySyntaxError
        >>> status_of(QuerySyntaxError("x")), status_of(ZeroDivisionError())
        (400, 500)
    """
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def problem(error: BaseException) -> Response:
    """An error as ``application/problem+json``; of an unexpected one the client learns nothing but that it happened."""
    status = status_of(error)
    name = type(error).__name__
    if not isinstance(error, SemcubeError):
        return _document(500, {"type": "about:blank", "title": "The server failed", "detail": "See its log."})
    body: dict[str, Any] = {
        "type": TYPES + name,
        "title": _TITLES.get(name, "The request failed"),
        "detail": str(error),
    }
    for member in ("line", "column", "endpoint"):
        value = getattr(error, member, None)
        if value is not None:
            body[member] = value
    headers = {}
    if status == 503:
        headers["Retry-After"] = "5"
    if isinstance(error, UnauthorizedError):
        headers["WWW-Authenticate"] = 'Bearer realm="semcube"'
    return _document(status, body, headers)


def _document(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(
        {**body, "status": status},
        status_code=status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        media_type="application/problem+json",
    )


def install(application: FastAPI) -> None:
    """Make every error of an application a problem document."""

    def of_error(request: Request, error: Exception) -> Response:
        return problem(error)

    def of_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        path = request.url.path
        details = {404: f"There is nothing at {path}.", 405: f"{path} does not know the method {request.method}."}
        body = {"type": "about:blank", "title": str(error.detail), "detail": details.get(error.status_code, "")}
        return _document(error.status_code, body, error.headers)

    application.add_exception_handler(SemcubeError, of_error)
    application.add_exception_handler(HTTPException, of_http)
    application.add_exception_handler(Exception, of_error)
