# SPDX-License-Identifier: Apache-2.0
"""Reads the requests of the SPARQL 1.1 Protocol: https://www.w3.org/TR/sparql11-protocol/#query-operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl

from semcube.errors import UsageError
from semcube.io.terms import IRI
from semcube.server.problems import MediaTypeError, MethodError, TooLargeError
from semcube.sparql.dataset import ActiveGraph
from semcube.sparql.iris import is_absolute

if TYPE_CHECKING:
    from starlette.requests import Request

    from semcube.server.settings import ServerSettings
    from semcube.sparql.context import Regime

__all__ = [
    "FORM",
    "Operation",
    "media_type",
    "read_body",
    "read_operation",
    "switches_of",
    "timeout_of",
    "with_switches",
]

FORM = "application/x-www-form-urlencoded"
Kind = Literal["query", "update"]
_DIRECT: dict[Kind, str] = {"query": "application/sparql-query", "update": "application/sparql-update"}
_GRAPHS: dict[Kind, tuple[str, str]] = {
    "query": ("default-graph-uri", "named-graph-uri"),
    "update": ("using-graph-uri", "using-named-graph-uri"),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """A query or an update, with what the request says about it."""

    kind: Kind
    text: str
    active: ActiveGraph | None
    """The RDF dataset of the request; None where the request names none."""
    format: str | None = None
    timeout_s: float | None = None
    explain: bool = False
    rewrite: bool | None = None
    """GeoSPARQL query rewriting; None where the request does not say."""
    entailment: Literal["rdfs", "none"] | None = None
    """The entailment regime; None where the request does not say."""


Fields = list[tuple[str, str]]


def media_type(request: Request) -> tuple[str, dict[str, str]]:
    """The media type of the body and its parameters, in lower case."""
    kind, *rest = request.headers.get("content-type", "").split(";")
    pairs = (piece.partition("=") for piece in rest)
    return kind.strip().lower(), {key.strip().lower(): value.strip().strip('"').lower() for key, _, value in pairs}


async def read_body(request: Request, limit: int) -> bytes:
    """The body of a request.

    Raises:
        TooLargeError: It is larger than ``limit`` bytes.
    """
    held = bytearray()
    async for chunk in request.stream():
        held += chunk
        if len(held) > limit:
            raise TooLargeError(f"the body is larger than {limit} bytes", fix="send less, or load it by 'semcube load'")
    return bytes(held)


def _text(body: bytes, what: str) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"the {what} is not UTF-8: byte {error.start} is wrong", expected="UTF-8") from None


def _fields(text: str) -> Fields:
    return parse_qsl(text, keep_blank_values=True, errors="strict")


def _url_fields(request: Request) -> Fields:
    try:
        return _fields(request.url.query)
    except UnicodeDecodeError:
        raise UsageError("the address is not UTF-8", expected="percent-encoded UTF-8") from None


async def read_operation(request: Request, kinds: Sequence[Kind], settings: ServerSettings) -> Operation | None:
    """The operation of a request.

    Args:
        request: GET (queries only), or POST with a form or with the text itself.
        kinds: What is taken here: ``query``, ``update`` or both.
        settings: Limits.

    Returns:
        The operation; None for a GET that names none.

    Raises:
        UsageError: The text is missing, given twice, not UTF-8; or a graph IRI is relative.
        MediaTypeError: The body is neither a form nor SPARQL.
        MethodError: An update by GET.
    """
    url = _url_fields(request)
    if request.method in ("GET", "HEAD"):
        if any(name == "update" for name, _ in url):
            raise MethodError("an update by GET", expected="POST", fix="send it by POST to /update")
        return _operation(url, ["query"]) if any(name == "query" for name, _ in url) else None
    body_kind, parameters = media_type(request)
    direct = {_DIRECT[kind]: kind for kind in kinds}
    if body_kind != FORM and body_kind not in direct:
        raise MediaTypeError(f"a body of type {body_kind or 'unknown'}", expected=" or ".join([*direct, FORM]))
    if parameters.get("charset", "utf-8") not in ("utf-8", "utf8"):
        raise MediaTypeError(f"the charset {parameters['charset']}", expected="UTF-8")
    text = _text(await read_body(request, settings.max_query_bytes), "body")
    if body_kind != FORM:
        return _operation([*url, (direct[body_kind], text)], [direct[body_kind]])
    try:
        form = _fields(text)
    except UnicodeDecodeError:
        raise UsageError("the form is not UTF-8", expected="percent-encoded UTF-8") from None
    return _operation([*url, *form], kinds)


def _operation(fields: Fields, kinds: Sequence[Kind]) -> Operation:
    texts: list[tuple[Kind, str]] = [(kind, value) for kind in kinds for name, value in fields if name == kind]
    if len(texts) != 1:
        names = " or ".join(f"'{kind}'" for kind in kinds)
        raise UsageError(
            f"{len(texts)} times the parameter {names}", expected="exactly one", fix="send one per request"
        )
    kind, text = texts[0]
    timeout = _last(fields, "timeout")
    return Operation(
        kind,
        text,
        _active(fields, *_GRAPHS[kind]),
        _last(fields, "format"),
        None if timeout is None else _seconds(timeout),
        _last(fields, "explain") in ("1", "true"),
        _switch(fields, "rewrite"),
        _regime(fields),
    )


def _last(fields: Fields, name: str) -> str | None:
    return next((value for key, value in reversed(fields) if key == name and value), None)


def _switch(fields: Fields, name: str) -> bool | None:
    """A parameter that is on or off; None where it is not given."""
    text = _last(fields, name)
    if text not in (None, "1", "true", "0", "false"):
        raise UsageError(f"{name} is {text!r}", expected="true or false")
    return None if text is None else text in ("1", "true")


def _regime(fields: Fields) -> Literal["rdfs", "none"] | None:
    text = _last(fields, "entailment")
    match text:
        case "rdfs" | "none" | None:
            return text
    raise UsageError(f"entailment is {text!r}", expected="rdfs or none")


def switches_of(operation: Operation, settings: ServerSettings) -> tuple[bool, Regime | None]:
    """Query rewriting and entailment of an operation: what the request says, else what the server does.

    Example:
        >>> from semcube.server.settings import ServerSettings
        >>> switches_of(Operation("query", "", None, entailment="rdfs"), ServerSettings(rewrite=True))
        (True, 'rdfs')
    """
    rewrite = settings.rewrite if operation.rewrite is None else operation.rewrite
    if operation.entailment is None:
        return rewrite, settings.entailment
    return rewrite, None if operation.entailment == "none" else operation.entailment


def with_switches(operation: Operation, names: str) -> Operation:
    """The operation with switches on that its request does not set.

    Example:
        >>> with_switches(Operation("query", "", None, rewrite=False), "rewrite-rdfs").entailment
        'rdfs'
    """
    on = names.split("-")
    rewrite = True if operation.rewrite is None and "rewrite" in on else operation.rewrite
    entailment = "rdfs" if operation.entailment is None and "rdfs" in on else operation.entailment
    return replace(operation, rewrite=rewrite, entailment=entailment)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < 1e9:
        raise UsageError(f"the timeout {text!r}", expected="seconds, a positive number")
    return seconds


def _active(fields: Fields, default: str, named: str) -> ActiveGraph | None:
    """The RDF dataset of a request (section 2.1.4); graphs that are named without a default graph leave that empty."""
    defaults = _iris(fields, default)
    names = _iris(fields, named)
    return ActiveGraph(defaults, names) if defaults or names else None


def _iris(fields: Fields, parameter: str) -> tuple[IRI, ...]:
    values: Sequence[str] = [value for name, value in fields if name == parameter]
    for value in values:
        if not is_absolute(value):
            raise UsageError(f"{parameter} is {value!r}", expected="an absolute IRI")
    return tuple(dict.fromkeys(IRI(value) for value in values))


def timeout_of(operation: Operation, limit_s: float) -> float:
    """The deadline of an operation: what it asks for, at most the limit; 0 is none.

    Example:
        >>> [timeout_of(Operation("query", "", None, timeout_s=asked), 60) for asked in (None, 5, 500)]
        [60, 5, 60]
    """
    if operation.timeout_s is None:
        return limit_s
    return min(operation.timeout_s, limit_s) if limit_s else operation.timeout_s
