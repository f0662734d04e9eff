# SPDX-License-Identifier: Apache-2.0
"""The same queries at growing sizes: a table of times and of how they grow, and a plot of time against size."""

from __future__ import annotations

import json
import math
import re
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.figures import differing, median, queries_of, time_text
from semcube.bench.generator import number_of_triples

__all__ = ["plot_series", "series_page", "sizes"]

ENGINES = ("semcube", "hand plan")
DRAWN = ("L1", "S11", "S09", "S01", "J05", "J09", "J01")
COLOURS = ("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#17becf")
LEFT, RIGHT, TOP, BOTTOM, WIDTH, HEIGHT = 70, 150, 30, 50, 900, 560


def sizes(output: Path) -> dict[int, dict[str, Any]]:
    """The kept figures of synthetic sets at their published scale: triples -> figures, in order."""
    found = {}
    for kept in output.glob("synthetic-*.json"):
        scale = kept.stem.removeprefix("synthetic-")
        if scale.isdigit():
            figures = json.loads(kept.read_text(encoding="utf-8"))
            if set(ENGINES) <= set(queries_of(figures)):
                found[number_of_triples(int(scale))] = figures
    return dict(sorted(found.items()))


def _millions(triples: int) -> str:
    return f"{triples / 1e6:.1f} M"


def _general(label: str) -> str:
    """The label of a query without the number of the rarest tag, which depends on the size.

    Example:
        >>> _general("land [1] sfIntersects state [256]"), _general("land of tag 64")
        ('land sfIntersects state [rare]', 'land of the rare tag')
    """
    label = re.sub(r"of tag \d\d+", "of the rare tag", label)
    return re.sub(r" \[(\d+)\]", lambda found: "" if found[1] == "1" else " [rare]", label)


def _table(found: dict[int, dict[str, Any]], engine: str) -> list[str]:
    large = max(found)
    small = min(set(found) - {large}, key=lambda triples: abs(triples - 1e6))
    head = ["query", "what", *map(_millions, found), f"x time for x{large / small:.1f} data"]
    lines = ["| " + " | ".join(head) + " |", "| --- | --- |" + " ---: |" * (len(head) - 2)]
    for query in found[small]["queries"]:
        times = {t: median(queries_of(f)[engine].get(query["name"], {})) for t, f in found.items()}
        rows = {t: queries_of(f)[engine].get(query["name"], {}).get("rows") for t, f in found.items()}
        cells = [f"{time_text(v)} ({rows[t]:,})" if v is not None else "-" for t, v in times.items()]
        first, last = times[small], times[large]
        grown = f"{last / first:.1f}" if first and last else "-"
        lines.append("| " + " | ".join([query["name"], _general(query["label"]), *cells, grown]) + " |")
    return lines


def _loads(found: dict[int, dict[str, Any]]) -> list[str]:
    lines = [
        "| triples | engine | load CPU s | load wall s | MB on disk | peak MB, load | peak MB, queries |",
        "| ---: | --- |" + " ---: |" * 5,
    ]
    for triples, figures in found.items():
        for name in ENGINES:
            engine = figures["engines"][name]
            load = engine["load"]
            cells = [f"{triples:,}", name, f"{load['loaded']['cpu_s']:.1f}", f"{load['loaded']['wall_s']:.1f}"]
            cells += [f"{load['bytes'] / 1e6:,.1f}", f"{load['peak'] / 1e6:,.0f}", f"{engine['peak'] / 1e6:,.0f}"]
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def series_page(output: Path) -> str | None:
    """The page; None with fewer than two sizes."""
    found = sizes(output)
    if len(found) < 2:
        return None
    wrong = [f"{_millions(t)}: {', '.join(w)}" for t, f in found.items() if (w := differing(f, "semcube"))]
    when = ", ".join(f"{_millions(t)} at {f['machine']['at']}" for t, f in found.items())
    parts = [
        "# Benchmark: growing data\n\n![CPU time against size](series.svg)",
        f"The synthetic set at {len(found)} sizes ({when}). CPU milliseconds, median of the warm runs; rows in "
        "brackets. Answers grow with the data, so that constant time per row is a line of slope one. The rarest tag "
        "is 64, 256, 256 and 512 at scales 80, 256, 500 and 1000; at 256 its features are all in the last column.",
    ]
    for engine in ENGINES:
        parts += [f"## {engine}", "\n".join(_table(found, engine))]
    parts += ["## Loading, bytes, memory", "\n".join(_loads(found))]
    parts.append("Answers that differ between the two: " + ("; ".join(wrong) or "none") + ".")
    return "\n\n".join(parts) + "\n"


def plot_series(output: Path) -> str:
    """Time against size, both logarithmic; a line for each of some queries, dashed for the hand plan."""
    found = sizes(output)
    labels = {q["name"]: q["label"] for figures in found.values() for q in figures["queries"]}
    points = {
        (engine, query): [
            (t, v) for t, f in found.items() if (v := median(queries_of(f)[engine].get(query, {}))) is not None
        ]
        for engine in ENGINES
        for query in DRAWN
    }
    times = [v for line in points.values() for _, v in line] or [1.0]
    low, high = math.floor(math.log10(max(min(times), 0.01))), math.ceil(math.log10(max(times)))
    first, last = math.log10(min(found)), math.log10(max(found))

    def x(triples: float) -> float:
        return LEFT + (math.log10(triples) - first) / max(last - first, 1e-9) * (WIDTH - LEFT - RIGHT)

    def y(time: float) -> float:
        return HEIGHT - BOTTOM - (math.log10(max(time, 0.01)) - low) / max(high - low, 1) * (HEIGHT - TOP - BOTTOM)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="11">',
        "<title>CPU time against size</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="18">solid: semcube, dashed: hand plan</text>',
    ]
    for power in range(low, high + 1):
        at = y(10.0**power)
        out.append(f'<line x1="{LEFT}" y1="{at:.1f}" x2="{WIDTH - RIGHT}" y2="{at:.1f}" stroke="#dddddd"/>')
        out.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{10.0**power:g} ms</text>')
    out += [f'<text x="{x(t):.1f}" y="{HEIGHT - 28}" text-anchor="middle">{_millions(t)}</text>' for t in found]
    out += _lines(points, labels, x, y)
    return "\n".join([*out, "</svg>"]) + "\n"


def _lines(points: dict[Any, Any], labels: dict[str, str], x: Any, y: Any) -> list[str]:
    out = []
    for (engine, query), line in points.items():
        if not line:
            continue
        colour = COLOURS[DRAWN.index(query)]
        path = " ".join(f"{x(t):.1f},{y(v):.1f}" for t, v in line)
        dashes = "" if engine == "semcube" else ' stroke-dasharray="5 4"'
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"{dashes}/>')
        if engine == "semcube":
            at = y(line[-1][1]) + 4
            text = f"{query} {labels.get(query, '')}"[:26]
            out.append(f'<text x="{WIDTH - RIGHT + 6}" y="{at:.1f}" fill="{colour}">{escape(text)}</text>')
    return out
