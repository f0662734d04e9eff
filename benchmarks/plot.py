# SPDX-License-Identifier: Apache-2.0
"""A plot as SVG text: one line per query, one dot per engine, CPU time on a logarithmic axis."""

from __future__ import annotations

import math
import statistics
from html import escape
from typing import Any

__all__ = ["plot"]

COLOURS = ("#555555", "#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#bcbd22", "#17becf")
LEFT, RIGHT, TOP, ROW, WIDTH = 370, 20, 64, 18, 1040


def plot(found: dict[str, Any]) -> str:
    """The plot of a set of figures; a ring at the right edge is a query that passed its limit of time."""
    engines = {name: engine["queries"] for name, engine in found["engines"].items() if "queries" in engine}
    times = [statistics.median(f["cpu"]) for qs in engines.values() for f in qs.values() if f.get("cpu")]
    low = math.floor(math.log10(max(min(times, default=1.0), 0.01)))
    high = max(math.ceil(math.log10(max(times, default=10.0))), low + 1)
    height = TOP + ROW * len(found["queries"]) + 30

    def across(value: float) -> float:
        part = (math.log10(max(value, 10.0**low)) - low) / (high - low)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="11">',
        f"<title>{escape(found['set'])}: CPU milliseconds</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    for i, name in enumerate(engines):
        x, y = 20 + (i % 6) * 160, 18 + (i // 6) * 18
        out.append(f'<circle cx="{x}" cy="{y - 4}" r="4" fill="{COLOURS[i % len(COLOURS)]}"/>')
        out.append(f'<text x="{x + 8}" y="{y}">{escape(name)}</text>')
    bottom = TOP + ROW * len(found["queries"])
    for power in range(low, high + 1):
        x = across(10.0**power)
        out.append(f'<line x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{bottom}" stroke="#dddddd"/>')
        out.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{10.0**power:g} ms</text>')
    for row, query in enumerate(found["queries"]):
        y = TOP + ROW * row + ROW / 2
        out.append(
            f'<text x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{escape(query["name"])} '
            f"{escape(query['label'])}</text>"
        )
        for i, queries in enumerate(engines.values()):
            figures, colour = queries.get(query["name"], {}), COLOURS[i % len(COLOURS)]
            if figures.get("cpu"):
                x = across(statistics.median(figures["cpu"]))
                out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}" fill-opacity="0.85"/>')
            elif "timeout" in figures:
                x = WIDTH - RIGHT - 4 + (i - len(engines)) * 3
                out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="none" stroke="{colour}"/>')
    return "\n".join([*out, "</svg>"]) + "\n"
