# SPDX-License-Identifier: Apache-2.0
"""What figures say: medians, the answers that engines agree on, where semcube loses."""

from __future__ import annotations

import statistics
from collections import Counter
from typing import Any

__all__ = ["answers", "differing", "losses", "median", "queries_of", "time_text"]


def median(figures: dict[str, Any]) -> float | None:
    """Median CPU milliseconds of the warm runs."""
    return statistics.median(figures["cpu"]) if figures.get("cpu") else None


def answers(found: dict[str, Any], query: str) -> tuple[Any, ...] | None:
    """Rows and digest that most engines gave; of two that are as frequent, that of the hand plan.

    Example:
        >>> engines = {e: {"queries": {"Q": {"rows": r, "digest": "d"}}} for e, r in (("a", 1), ("b", 2), ("c", 2))}
        >>> answers({"engines": engines}, "Q")
        (2, 'd')
    """
    named = sorted(queries_of(found).items(), key=lambda item: item[0] != "hand plan")
    given = [figures[query] for _, figures in named if "rows" in figures.get(query, {})]
    counted = Counter((g["rows"], g["digest"]) for g in given)
    return counted.most_common(1)[0][0] if counted else None


def differing(found: dict[str, Any], engine: str) -> list[str]:
    """Queries that an engine answered otherwise than most."""
    wrong = []
    for query, figures in queries_of(found).get(engine, {}).items():
        if "rows" in figures and (figures["rows"], figures["digest"]) != answers(found, query):
            wrong.append(query)
    return wrong


def losses(found: dict[str, Any]) -> list[tuple[str, str, float, float]]:
    """Where other engines answered rightly with less CPU: query, engine, its time, that of semcube; the least first."""
    engines = queries_of(found)
    wrong = {name: set(differing(found, name)) for name in engines}
    lost = []
    for query in (q["name"] for q in found["queries"]):
        own = median(engines.get("semcube", {}).get(query, {}))
        times = [
            (time, name)
            for name, others in engines.items()
            if name not in {"semcube", "hand plan"}
            and (time := median(others.get(query, {}))) is not None
            and query not in wrong[name]
        ]
        lost += [(query, name, time, own) for time, name in sorted(times) if own is not None and time < own]
    return lost


def queries_of(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The figures of each engine that could be measured, by query."""
    return {name: engine["queries"] for name, engine in found["engines"].items() if "queries" in engine}


def time_text(value: float) -> str:
    """Milliseconds with as many digits as say something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"
