# SPDX-License-Identifier: Apache-2.0
"""Figures -> Markdown tables and plots. Answers are compared before times are shown."""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.plot import plot

__all__ = ["answers", "differing", "losses", "median", "table", "write"]


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
    named = sorted(_queries(found).items(), key=lambda item: item[0] != "hand plan")
    given = [figures[query] for _, figures in named if "rows" in figures.get(query, {})]
    counted = Counter((g["rows"], g["digest"]) for g in given)
    return counted.most_common(1)[0][0] if counted else None


def differing(found: dict[str, Any], engine: str) -> list[str]:
    """Queries that an engine answered otherwise than most."""
    wrong = []
    for query, figures in _queries(found).get(engine, {}).items():
        if "rows" in figures and (figures["rows"], figures["digest"]) != answers(found, query):
            wrong.append(query)
    return wrong


def losses(found: dict[str, Any]) -> list[tuple[str, str, float, float]]:
    """Queries that another engine answered rightly with less CPU: query, engine, its time, that of semcube."""
    engines = _queries(found)
    lost = []
    for query, figures in engines.get("semcube", {}).items():
        own = median(figures)
        rivals = [
            (time, name)
            for name, others in engines.items()
            if name not in {"semcube", "hand plan"}
            and (time := median(others.get(query, {}))) is not None
            and query not in differing(found, name)
        ]
        if own is not None and rivals and min(rivals)[0] < own:
            lost.append((query, min(rivals)[1], min(rivals)[0], own))
    return lost


def _queries(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: engine["queries"] for name, engine in found["engines"].items() if "queries" in engine}


def _time(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _cell(figures: dict[str, Any] | None, agreed: tuple[Any, ...] | None, key: str) -> str:
    if figures is None:
        return "-"
    if "timeout" in figures:
        stopped = f"stopped after {figures['timeout']:g} s"
        return f"> {_time(figures['spent'])} ({stopped})" if key == "cpu" and figures["spent"] > 50 else stopped
    if "error" in figures:
        return "error"
    value = statistics.median(figures[key]) if isinstance(figures[key], list) else figures[key]
    same = (figures["rows"], figures["digest"]) == agreed
    return _time(value) + ("" if same else f" (differs: {figures['rows']:,} rows)")


def _figures(found: dict[str, Any], key: str, *, ratio: bool) -> list[str]:
    engines = _queries(found)
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
        "| engine | what it is | load CPU s | wall s | MB on disk | peak MB, load | open CPU s | peak MB, queries |",
        "| --- | --- |" + " ---: |" * 6,
    ]
    for name, engine in found["engines"].items():
        if "load" not in engine:
            lines.append(f"| {name} | {engine.get('missing', engine['title'])} |" + " - |" * 6)
            continue
        load, opened = engine["load"], engine.get("opened", {"cpu_s": math.nan})
        sizes = [load["bytes"] / 1e6, load["peak"] / 1e6, opened["cpu_s"], engine["peak"] / 1e6]
        shown = [f"{load['loaded']['cpu_s']:.1f}", f"{load['loaded']['wall_s']:.1f}"]
        shown += [f"{sizes[0]:.1f}", f"{sizes[1]:.0f}" if load["peak"] else "-", f"{sizes[2]:.2f}", f"{sizes[3]:.0f}"]
        lines.append(f"| {name} | {engine['title']} | " + " | ".join(shown) + " |")
    return lines


def table(found: dict[str, Any]) -> str:
    """The section of a set: machine, times, first runs, loading, what differs, what is lost."""
    on, limits = found["machine"], found["limits"]
    engines = _queries(found)
    ratio = {"semcube", "hand plan"} <= set(engines)
    packages = ", ".join(f"{name} {version}" for name, version in on["packages"].items())
    after = f" to {on['load_after'][0]}" if "load_after" in on else ""
    parts = [
        f"{on['at']}; {on['processor']}, {on['cores']} cores, load average {on['load'][0]}{after}; "
        f"Python {on['python']}, {packages}. {found['data_bytes'] / 1e6:,.0f} MB of N-Triples. "
        f"Median of {limits['runs']} warm runs; limit of a run {limits['seconds']:g} s wall.",
        "**CPU milliseconds** (the whole process, all threads; of a server, its own; JVM with JIT and GC). "
        "Other work ran on the machine at the same time: wall times say little, ratios count.",
        "\n".join(_figures(found, "cpu", ratio=ratio)),
        "**First run of a query in a new process, CPU milliseconds**",
        "\n".join(_figures(found, "first_cpu", ratio=False)),
        "**Wall milliseconds**",
        "\n".join(_figures(found, "wall", ratio=False)),
        "**Loading**",
        "\n".join(_loads(found)),
    ]
    wrong = {name: differing(found, name) for name in engines}
    said = [f"- {name}: {', '.join(queries)}" for name, queries in wrong.items() if queries]
    parts.append("**Answers that differ from those of most engines**\n\n" + ("\n".join(said) or "None."))
    failed = [
        f"- {name}, {query}: {' '.join(figures['error'].split())[:200]}"
        for name, queries in engines.items()
        for query, figures in queries.items()
        if "error" in figures
    ]
    if failed:
        parts.append("**Errors**\n\n" + "\n".join(failed))
    lost = [f"- {q}: {name} {_time(theirs)} ms, semcube {_time(own)} ms" for q, name, theirs, own in losses(found)]
    parts.append("**Queries that a peer answers with less CPU than semcube**\n\n" + ("\n".join(lost) or "None."))
    return "\n\n".join(parts) + "\n"


def write(output: Path) -> None:
    """Write a page and a plot for each set whose figures are kept, and the page that lists them."""
    links = []
    for kept in sorted(output.glob("*.json")):
        found = json.loads(kept.read_text(encoding="utf-8"))
        if "engines" not in found or "queries" not in found:
            continue
        name = kept.stem
        (output / f"{name}.svg").write_text(plot(found), encoding="utf-8")
        title = f"# Benchmark: {name}\n\n![CPU time of each query]({name}.svg)\n\n"
        (output / f"{name}.md").write_text(title + table(found), encoding="utf-8")
        ratios = _summary(found)
        links.append(f"- [{name}]({name}.md): {found['machine']['at']}, engines {', '.join(found['engines'])}{ratios}")
    page = output / "index.md"
    text = page.read_text(encoding="utf-8") if page.exists() else "# Benchmarks\n"
    start, end = "<!-- runs -->", "<!-- end of runs -->"
    if start in text and end in text:
        head, rest = text.split(start)
        text = head + start + "\n" + "\n".join(links) + "\n" + end + rest.split(end)[1]
        page.write_text(text, encoding="utf-8")


def _summary(found: dict[str, Any]) -> str:
    engines = _queries(found)
    if not {"semcube", "hand plan"} <= set(engines):
        return ""
    pairs = [(median(engines["semcube"].get(q["name"], {})), median(engines["hand plan"].get(q["name"], {})))
             for q in found["queries"]]  # fmt: skip
    ratios = [own / limit for own, limit in pairs if own and limit]
    mean = math.exp(statistics.fmean(math.log(r) for r in ratios)) if ratios else math.nan
    return f"; semcube takes {mean:.1f} times the CPU of the hand plan (geometric mean of {len(ratios)} queries)"
