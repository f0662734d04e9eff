# SPDX-License-Identifier: Apache-2.0
"""Figures -> Markdown tables and plots. Answers are compared before times are shown."""

from __future__ import annotations

import json
import math
import statistics
from pathlib import Path
from typing import Any

from benchmarks import series
from benchmarks.figures import answers, differing, median, queries_of, time_text
from benchmarks.plot import plot
from benchmarks.reasons import explained
from benchmarks.summary import summary

__all__ = ["table", "write"]

FIRST = """## First run

The first time that a query is asked, in a process that was asked other queries before. Before the process started, the
engine's files were dropped from the page cache of the system. CPU milliseconds."""
COLD = """## Cold

From the start of a new process (server, JVM, Python and its imports included) to the last row of its first answer, its
files not in the page cache (the host of a virtual machine may hold them): wall milliseconds, in brackets CPU
milliseconds of the engine."""


def _cell(figures: dict[str, Any] | None, agreed: tuple[Any, ...] | None, key: str) -> str:
    if figures is None:
        return "-"
    if "timeout" in figures:
        stopped = f"stopped after {figures['timeout']:g} s"
        return f"> {time_text(figures['spent'])} ({stopped})" if key == "cpu" and figures["spent"] > 50 else stopped
    if "error" in figures or "unasked" in figures:
        return "error" if "error" in figures else "not asked"
    value = statistics.median(figures[key]) if isinstance(figures[key], list) else figures[key]
    same = (figures["rows"], figures["digest"]) == agreed
    return time_text(value) + ("" if same else f" (differs: {figures['rows']:,} rows)")


def _figures(found: dict[str, Any], key: str, *, ratio: bool) -> list[str]:
    engines = queries_of(found)
    titles = ["query", "what", "rows", *engines, *(["semcube : hand plan"] if ratio else [])]
    lines = ["| " + " | ".join(titles) + " |", "| --- | --- |" + " ---: |" * (len(titles) - 2)]
    for query in found["queries"]:
        name = query["name"]
        agreed = answers(found, name)
        cells = [name, query["label"], f"{agreed[0]:,}" if agreed else "-"]
        cells += [_cell(figures.get(name), agreed, key) for figures in engines.values()]
        if ratio:
            own, limit = (median(engines[e].get(name, {})) for e in ("semcube", "hand plan"))
            cells.append(f"{own / limit:.1f}" if own and limit else "-")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _loads(found: dict[str, Any]) -> list[str]:
    lines = [
        "| engine | what it is | load CPU s | wall s | MB on disk | peak MB, load | open CPU s | open wall s "
        "| peak MB, queries | load average |",
        "| --- | --- |" + " ---: |" * 8,
    ]
    for name, engine in found["engines"].items():
        if "load" not in engine:
            lines.append(f"| {name} | {engine.get('missing', engine['title'])} |" + " - |" * 8)
            continue
        load, opened = engine["load"], engine.get("opened", {"cpu_s": math.nan, "wall_s": math.nan})
        sizes = [load["bytes"] / 1e6, load["peak"] / 1e6, opened["cpu_s"], opened["wall_s"], engine["peak"] / 1e6]
        shown = [f"{load['loaded']['cpu_s']:.1f}", f"{load['loaded']['wall_s']:.1f}"]
        shown += [f"{sizes[0]:.1f}", f"{sizes[1]:.0f}" if load["peak"] else "-", f"{sizes[2]:.2f}", f"{sizes[3]:.2f}"]
        shown += [f"{sizes[4]:.0f}", " to ".join(str(x) for x in engine.get("load_average", ["-"]))]
        lines.append(f"| {name} | {engine['title']} | " + " | ".join(shown) + " |")
    return lines


def _cold(found: dict[str, Any]) -> str:
    """What the first answer of a new process costs, with nothing in the page cache."""
    engines = {name: e["cold"] for name, e in found["engines"].items() if e.get("cold")}
    names = [q for q in found["queries"] if any(q["name"] in cold for cold in engines.values())]
    lines = ["| query | what | " + " | ".join(engines) + " |", "| --- | --- |" + " ---: |" * len(engines)]
    for query in names:
        cells = [query["name"], query["label"]]
        for cold in engines.values():
            figures = cold.get(query["name"], {})
            cells.append(f"{figures['wall']:,.0f} ({figures['cpu']:,.0f})" if figures.get("cpu") is not None else "-")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _notes(found: dict[str, Any], key: str) -> str:
    """What was said instead of figures, by engine."""
    said: dict[tuple[str, str], list[str]] = {}
    for name, queries in queries_of(found).items():
        for query, figures in queries.items():
            if key in figures:
                said.setdefault((name, " ".join(str(figures[key]).split())[:200]), []).append(query)
    return "\n".join(f"- {name}, {', '.join(queries)}: {text}" for (name, text), queries in said.items())


def _about(found: dict[str, Any]) -> str:
    on, limits = found["machine"], found["limits"]
    packages = ", ".join(f"{name} {version}" for name, version in on["packages"].items())
    at = sorted({engine["at"] for engine in found["engines"].values() if "at" in engine} or {on["at"]})
    when = at[0] if len(at) == 1 else f"{at[0]} to {at[-1]}"
    grace = f" (in the first {limits['grace']:g} s of a process none is stopped)" if limits.get("grace") else ""
    budget = f" and {limits['budget']:g} s for all its queries" if limits.get("budget") else ""
    return (
        f"{when}; {on['processor']}, {on['cores']} cores; Python {on['python']}, {packages}. "
        f"{found['data_bytes'] / 1e6:,.0f} MB of N-Triples. Median of {limits['runs']} warm runs (two "
        f"where a run takes more than 0.3 s); an engine has {limits['seconds']:g} s wall for a run{grace}"
        f"{budget}. What touches much is asked last; a query that passed the limit is not asked again, and the engine "
        "is started anew."
    )


def table(found: dict[str, Any]) -> str:
    """The section of a set: machine, times, first runs, loading, what differs, what is lost."""
    engines = queries_of(found)
    ratio = {"semcube", "hand plan"} <= set(engines)
    parts = [
        _about(found),
        "## CPU, warm\n\nMilliseconds of the whole process, all threads (of a server, its own; JVM with JIT and GC).",
        "\n".join(_figures(found, "cpu", ratio=ratio)),
        "## Wall, warm\n\nMilliseconds.",
        "\n".join(_figures(found, "wall", ratio=False)),
        FIRST,
        "\n".join(_figures(found, "first_cpu", ratio=False)),
    ]
    if any(engine.get("cold") for engine in found["engines"].values()):
        parts += [
            COLD,
            _cold(found),
        ]
    wrong = {name: differing(found, name) for name in engines}
    said = "\n".join(f"- {name}: {', '.join(queries)}" for name, queries in wrong.items() if queries)
    parts += ["## Loading, memory, bytes", "\n".join(_loads(found))]
    parts += ["## Answers that differ from those of most engines", said or "None."]
    if failed := _notes(found, "error"):
        parts += ["## Errors", failed]
    if unasked := _notes(found, "unasked"):
        parts += ["## Not asked", unasked]
    parts += ["## Queries that a peer answers with less CPU than semcube", explained(found)]
    return "\n\n".join(parts) + "\n"


def write(output: Path) -> None:
    """Write a page and a plot for each set whose figures are kept, and the part of the index that lists them."""
    parts = []
    for kept in sorted(output.glob("*.json")):
        found = json.loads(kept.read_text(encoding="utf-8"))
        if "engines" not in found or "queries" not in found:
            continue
        name = kept.stem
        (output / f"{name}.svg").write_text(plot(found), encoding="utf-8")
        title = f"# Benchmark: {name}\n\n![CPU time of each query]({name}.svg)\n\n"
        (output / f"{name}.md").write_text(title + table(found), encoding="utf-8")
        parts.append(summary(found, name))
    if (text := series.series_page(output)) is not None:
        (output / "series.md").write_text(text, encoding="utf-8")
        (output / "series.svg").write_text(series.plot_series(output), encoding="utf-8")
        parts.append("### [Growing data](series.md)\n\nsemcube and the hand plan at several sizes, with a plot.")
    if (output / "concurrency.md").exists():
        parts.append(
            "### [Many clients at once](concurrency.md)\n\nThroughput, look-ups beside joins, readers beside a writer, "
            "memory after a deadline."
        )
    page = output / "index.md"
    text = page.read_text(encoding="utf-8") if page.exists() else "# Benchmarks\n"
    start, end = "<!-- runs -->", "<!-- end of runs -->"
    if start in text and end in text:
        head, rest = text.split(start)
        text = head + start + "\n\n" + "\n\n".join(parts) + "\n\n" + end + rest.split(end)[1]
        page.write_text(text, encoding="utf-8")
