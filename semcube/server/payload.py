# SPDX-License-Identifier: Apache-2.0
"""The RDF in the body of a request: one document, or several in a form."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, cast

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from semcube.errors import UnsupportedError, UsageError
from semcube.io.formats import Format, format_of
from semcube.server.problems import MediaTypeError, TooLargeError
from semcube.server.protocol import media_type

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["Part", "read_parts"]

_IN_MEMORY = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """One RDF document."""

    stream: IO[bytes]
    format: Format


async def read_parts(request: Request, limit: int) -> list[Part]:
    """The documents of a body; a large one is kept in a temporary file.

    Raises:
        MediaTypeError: The media type or the encoding is not read.
        TooLargeError: The body is larger than ``limit`` bytes.
        UsageError: A form that is malformed or empty.
    """
    kind, _ = media_type(request)
    if kind == "multipart/form-data":
        return await _parts(request, limit)
    syntax = _syntax(kind)
    stream = cast("IO[bytes]", SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115 - closed when the request is answered
    async for chunk in _bounded(request, limit):
        stream.write(chunk)
    stream.seek(0)
    return [Part(_decoded(stream, request.headers.get("content-encoding", "")), syntax)]


def _syntax(kind: str) -> Format:
    read = "text/turtle, application/n-triples, application/rdf+xml or application/ld+json"
    try:
        found = format_of(kind)
    except UnsupportedError:
        raise MediaTypeError(f"a body of type {kind or 'unknown'}", expected=read) from None
    if found.graphs and found.name != "jsonld":
        raise MediaTypeError(f"{found.title} for one graph", expected=read)
    return found


def _decoded(stream: IO[bytes], encoding: str) -> IO[bytes]:
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return stream
    if name in ("gzip", "x-gzip"):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=stream, mode="rb"))
    raise MediaTypeError(f"a body with the encoding {name}", expected="gzip or none")


async def _bounded(request: Request, limit: int) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLargeError(f"the body is larger than {limit} bytes", fix="send less, or use 'semcube load'")
        yield chunk


async def _parts(request: Request, limit: int) -> list[Part]:
    try:
        form = await MultiPartParser(request.headers, _bounded(request, limit)).parse()  # type: ignore[arg-type]
    except MultiPartException as error:
        raise UsageError(f"the form is malformed: {error.message}", expected="multipart/form-data") from None
    parts = []
    for _, value in form.multi_items():
        if isinstance(value, UploadFile):
            kind = (value.content_type or "").split(";")[0].strip().lower()
            name = value.filename or ""
            known = kind and kind not in ("application/octet-stream", "text/plain")
            parts.append(Part(cast("IO[bytes]", value.file), _syntax(kind if known else name)))
    if not parts:
        raise UsageError("a form without files", expected="at least one RDF file with its media type")
    return parts
