# SPDX-License-Identifier: Apache-2.0
"""Which endpoints ``SERVICE`` may ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from semcube.errors import RemoteError, UsageError

if TYPE_CHECKING:
    from semcube.sparql.dataset import Dataset

__all__ = ["services"]


def services(allowed: Sequence[str]) -> Callable[[str], Dataset]:
    """Endpoints whose URL starts as one of those allowed; ``*`` allows every one.

    Args:
        allowed: Starts of URLs, each with scheme and host: ``https://example.org/sparql``.

    Returns:
        What makes a dataset of an endpoint's URL, and raises RemoteError for one that is not allowed.

    Raises:
        UsageError: A start is no http(s) URL with a host.
    """
    starts = [_parts(text) for text in allowed if text != "*"]
    every = "*" in allowed

    def find(url: str) -> Dataset:
        try:
            given = urlsplit(url)
        except ValueError as error:
            raise RemoteError(f"no URL: {error}", endpoint=url, expected="an http or https URL") from error
        here = (given.scheme.lower(), given.netloc.lower())
        if not every and not any(here == start[:2] and given.path.startswith(start[2]) for start in starts):
            raise RemoteError(
                "SERVICE may not ask this endpoint", endpoint=url, fix="start the server with --allow-service"
            )
        from semcube.sparql.remote import RemoteDataset

        return RemoteDataset(url)

    return find


def _parts(text: str) -> tuple[str, str, str]:
    try:
        given = urlsplit(text)
    except ValueError:
        given = urlsplit("")
    if given.scheme.lower() not in ("http", "https") or not given.netloc:
        raise UsageError(f"--allow-service {text}", expected="an http or https URL, or *")
    return given.scheme.lower(), given.netloc.lower(), given.path
