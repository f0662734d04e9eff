# SPDX-License-Identifier: Apache-2.0
"""Relative IRI references and their base (RFC 3986 section 5.2, as SPARQL 1.1 section 4.1.1.2 asks)."""

from __future__ import annotations

import re

__all__ = ["is_absolute", "resolve"]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_PARTS = re.compile(r"(?:([^:/?#]+):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)


def is_absolute(iri: str) -> bool:
    """Whether an IRI reference has a scheme.

    Example:
        >>> is_absolute("urn:a"), is_absolute("a/b")
        (True, False)
    """
    return _SCHEME.match(iri) is not None


def resolve(reference: str, base: str | None) -> str | None:
    """The IRI that a reference means.

    Args:
        reference: An IRI, or a reference relative to ``base``.
        base: An absolute IRI, or None.

    Returns:
        The IRI; one that is absolute already is not changed. None where the reference is relative and there is no base.

    Example:
        >>> resolve("../x#y", "http://example.org/a/b/c")
        'http://example.org/a/x#y'
    """
    if is_absolute(reference):
        return reference
    if base is None:
        return None
    scheme, base_authority, base_path, base_query, _ = _split(base)
    _, authority, path, query, fragment = _split(reference)
    if authority is not None:
        path = _without_dots(path)
    else:
        authority = base_authority
        if not path:
            path = base_path
            query = base_query if query is None else query
        elif path.startswith("/"):
            path = _without_dots(path)
        else:
            path = _without_dots(_merge(base_path, path, base_authority is not None))
    return _unsplit(scheme, authority, path, query, fragment)


def _split(iri: str) -> tuple[str | None, str | None, str, str | None, str | None]:
    match = _PARTS.match(iri)
    assert match is not None
    return match[1], match[2], match[3], match[4], match[5]


def _unsplit(scheme: str | None, authority: str | None, path: str, query: str | None, fragment: str | None) -> str:
    text = f"{scheme}:" if scheme is not None else ""
    text += f"//{authority}" if authority is not None else ""
    text += path
    text += f"?{query}" if query is not None else ""
    return text + (f"#{fragment}" if fragment is not None else "")


def _merge(base_path: str, path: str, has_authority: bool) -> str:
    if has_authority and not base_path:
        return "/" + path
    return base_path[: base_path.rfind("/") + 1] + path


def _without_dots(path: str) -> str:
    """Without the segments ``.`` and ``..`` (section 5.2.4)."""
    segments = path.split("/")
    out: list[str] = []
    for segment in segments:
        if segment == "..":
            if len(out) > 1 or (out and out[0]):
                out.pop()
        elif segment != ".":
            out.append(segment)
    if segments[-1] in (".", ".."):
        out.append("")
    text = "/".join(out)
    return "/" + text if path.startswith("/") and not text.startswith("/") else text
