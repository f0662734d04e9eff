# SPDX-License-Identifier: Apache-2.0
"""A set in one table: for each engine its load, what it answered, and how it compares with semcube."""

from __future__ import annotations

import math
import statistics
from typing import Any

from benchmarks.figures import answers, differing, median, queries_of

__all__ = ["summary"]


def summary(found: dict[str, Any], name: str) -> str:
    """The section of a set in the index."""
    engines = queries_of(found)
    lines = [
        "| engine | load CPU s | MB on disk | answered | of them otherwise | less CPU than semcube | CPU : semcube |",
        "| --- |" + " ---: |" * 6,
    ]
    for engine, figures in found["engines"].items():
        if engine not in engines:
            lines.append(f"| {engine} |" + " - |" * 6)
            continue
        load = figures["load"]
        answered = sum("rows" in result for result in engines[engine].values())
        cells = [engine, f"{load['loaded']['cpu_s']:.1f}", f"{load['bytes'] / 1e6:.1f}"]
        cells += [f"{answered} of {len(found['queries'])}", str(len(differing(found, engine)))]
        lines.append("| " + " | ".join([*cells, *_compared(found, engine)]) + " |")
    at = sorted({figures["at"] for figures in found["engines"].values() if "at" in figures} or {found["machine"]["at"]})
    when = at[0] if len(at) == 1 else f"{at[0]} to {at[-1]}"
    note = "Last column: geometric mean over the queries that both answered alike; above 1 semcube needs less."
    return f"### [{name}]({name}.md)\n\n{when}. {note}\n\n" + "\n".join(lines)


def _compared(found: dict[str, Any], engine: str) -> list[str]:
    """In how many queries an engine needs less, and the mean ratio."""
    if engine == "semcube" or "semcube" not in queries_of(found):
        return ["-", "-"]
    own, theirs = queries_of(found)["semcube"], queries_of(found)[engine]
    wrong = {*differing(found, engine), *differing(found, "semcube")}
    pairs = [
        (median(theirs.get(query["name"], {})), median(own.get(query["name"], {})))
        for query in found["queries"]
        if query["name"] not in wrong and answers(found, query["name"]) is not None
    ]
    ratios = [a / b for a, b in pairs if a and b]
    if not ratios:
        return ["-", "-"]
    mean = math.exp(statistics.fmean(math.log(ratio) for ratio in ratios))
    return [str(sum(ratio < 1 for ratio in ratios)), f"{mean:.2f}" if mean < 10 else f"{mean:.0f}"]
