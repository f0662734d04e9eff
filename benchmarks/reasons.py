# SPDX-License-Identifier: Apache-2.0
"""Why a peer needs less CPU for a query: said by hand in ``reasons.toml``, shown beside the figures."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from benchmarks.figures import losses, time_text

__all__ = ["UNKNOWN", "explained", "reason_of"]

FILE = Path(__file__).with_name("reasons.toml")
UNKNOWN = "Not looked into yet."


def reason_of(found_set: str, engine: str, query: str) -> str:
    """What is said of a query that an engine answers faster.

    Example:
        >>> reason_of("synthetic-256", "no engine", "S01")
        'Not looked into yet.'
    """
    for entry in tomllib.loads(FILE.read_text(encoding="utf-8"))["reason"]:
        fits = any(fnmatch(query, pattern) for pattern in entry["queries"])
        if fits and fnmatch(engine, entry["engine"]) and any(fnmatch(found_set, s) for s in entry.get("sets", ["*"])):
            return str(entry["text"])
    return UNKNOWN


def explained(found: dict[str, Any]) -> str:
    """The section on the queries that any peer answers with less CPU than semcube, with the reasons."""
    lost = losses(found)
    if not lost:
        return "None."
    by_query: dict[str, list[tuple[str, float]]] = {}
    own: dict[str, float] = {}
    for query, engine, theirs, time in lost:
        by_query.setdefault(query, []).append((engine, theirs))
        own[query] = time
    reasons: list[str] = []
    lines = ["| query | semcube ms | peers, ms | reason |", "| --- | ---: | --- | --- |"]
    for query, peers in by_query.items():
        numbers = []
        for engine, _ in peers:
            reason = f"{engine}: {reason_of(found['set'], engine, query)}"
            if reason not in reasons:
                reasons.append(reason)
            numbers.append(reasons.index(reason) + 1)
        shown = ", ".join(f"{engine} {time_text(theirs)}" for engine, theirs in peers)
        cells = [query, time_text(own[query]), shown, ", ".join(str(n) for n in sorted(set(numbers)))]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", *(f"{i}. {reason}" for i, reason in enumerate(reasons, start=1))])
