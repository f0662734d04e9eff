# SPDX-License-Identifier: Apache-2.0
"""Which format a client gets: ``?format=`` first, else its ``Accept`` header with quality values (RFC 9110, 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from semcube.server.problems import NotAcceptableError

__all__ = ["Offer", "accepted_encoding", "choose", "quality"]


@dataclass(frozen=True, slots=True)
class Offer:
    """A format that can be written."""

    name: str
    """Short name, for ``?format=``."""
    title: str
    media_types: tuple[str, ...]
    """The one that is sent first, then others it is asked by."""
    extension: str = ""

    @property
    def content_type(self) -> str:
        """The value of ``Content-Type``; text is UTF-8."""
        kind = self.media_types[0]
        return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def _ranges(accept: str) -> list[tuple[str, float]]:
    """Media ranges and their quality; a malformed quality counts as 0."""
    found = []
    for part in accept.split(","):
        pieces = [piece.strip() for piece in part.split(";")]
        if not pieces[0]:
            continue
        share = 1.0
        for piece in pieces[1:]:
            key, _, value = piece.partition("=")
            if key.strip().lower() == "q":
                try:
                    share = min(1.0, max(0.0, float(value)))
                except ValueError:
                    share = 0.0
        found.append((pieces[0].lower(), share))
    return found


def quality(accept: str, media_type: str) -> float:
    """How much a client wants a media type, 0 to 1; the most specific range that matches decides.

    Example:
        >>> quality("text/*;q=0.5, text/csv;q=0.9, */*;q=0.1", "text/csv")
        0.9
    """
    kind = media_type.partition("/")[0]
    by_range = dict(reversed(_ranges(accept)))
    return next((by_range[name] for name in (media_type, f"{kind}/*", "*/*") if name in by_range), 0.0)


def choose(offers: Sequence[Offer], accept: str | None, name: str | None = None) -> Offer:
    """The offer that suits a client best; of equals the first.

    Args:
        offers: What can be written, the preferred one first.
        accept: The ``Accept`` header; None or empty accepts anything.
        name: The value of ``?format=``: a short name or a media type; it overrules the header.

    Raises:
        NotAcceptableError: Nothing suits; the message lists what there is.

    Example:
        >>> offers = [Offer("json", "JSON", ("application/json",)), Offer("csv", "CSV", ("text/csv",))]
        >>> choose(offers, "text/*").name, choose(offers, None).name, choose(offers, "*/*", "csv").name
        ('csv', 'json', 'csv')
    """
    listed = ", ".join(f"{o.name} ({o.media_types[0]})" for o in offers)
    if name:
        wanted = name.strip().lower()
        for offer in offers:
            if wanted in (offer.name, offer.extension) or wanted in offer.media_types:
                return offer
        raise NotAcceptableError(f"the format {name!r} is not one of this answer", expected=f"one of {listed}")
    if not accept or not accept.strip():
        return offers[0]
    shares = [max(quality(accept, kind) for kind in offer.media_types) for offer in offers]
    best = max(shares)
    if best <= 0:
        raise NotAcceptableError(f"none of {accept!r} can be written for this answer", expected=f"one of {listed}")
    return offers[shares.index(best)]


def accepted_encoding(header: str | None) -> str | None:
    """``gzip`` where the client takes it, else None.

    Example:
        >>> accepted_encoding("br, gzip;q=0.8"), accepted_encoding("gzip;q=0"), accepted_encoding(None)
        ('gzip', None, None)
    """
    if not header:
        return None
    by_name = dict(reversed(_ranges(header)))
    return "gzip" if by_name.get("gzip", by_name.get("*", 0.0)) > 0 else None
