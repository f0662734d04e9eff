# SPDX-License-Identifier: Apache-2.0
"""Figures of interlinking -> the page and its plots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.interlinking.lines import panels
from benchmarks.interlinking.oracle import NINE
from benchmarks.interlinking.sets import PAIRINGS

__all__ = ["write"]

EARLIER = {"A": {"cpu": 31.0, "peak": 208}, "C": {"cpu": 13.7, "peak": 236}, "S": {"cpu": 60.1, "peak": 607}}
"""JedAI-spatial, GIA.nt, measured earlier: WKT read, no links written; S was another draw of the same kind."""
ROWS = {
    "semcube": "semcube", "two": "semcube, 2 processes", "spark": "semcube on Spark, `local[2]`",
    "oracle": "JTS 1.20, unprepared relate", "duckdb": "DuckDB 1.5.5 spatial, 9 predicates",
    "sedonadb": "SedonaDB 0.5.0, ST_Relate", "sedona": "Sedona 1.8.1 on Spark, `local[2]`",
}  # fmt: skip
DRAWN = ("random", "mbro", "octagon", "octagon, learning", "probe", "optimum")

ABOUT = """Two sets, all pairs that share a point, and their relations. How the sets are made, and how to run all of
this: `benchmarks/interlinking/README.md`. CPU seconds are user and system time of a process and all that it starts; two
cores that other work used now and then, one run per cell, so compare CPU, not wall time."""
ORACLE = """JTS 1.20 relates every pair whose boxes meet, unprepared (`Geometry.relate`). *Different* counts pairs that
only one has, or whose relations (any of the three families of GeoSPARQL) differ. *Other matrix* counts the rest."""
MATRICES = """Of D, the pairs of polygons with more than 100,000 vertices are a sample of one in twenty, by JTS's
RelateNG: unprepared, a pair takes half a second. All pairs of the other polygons are there. In R the matrices of 24
pairs differ, and no named relation: JTS's default operator and RelateNG, its newer one, which GEOS has too, do not
agree whether a road runs along a border that it crosses (by RelateNG for about 1e-14 degrees). Exact rational
arithmetic says that it does not in any of the 24. Elsewhere, RelateNG missed ends of lines of several parts (3 pairs of
N), which semcube mends."""
COUNTS = """Pairs by relation, of every engine that was asked; *other pairs* are those that it has and semcube has not,
or the other way round."""
WHOLE = """Files read, links (or pairs) written. The peak of several processes is the largest sum of their shares of
memory. JTS reads WKB that was unpacked before; DuckDB and SedonaDB write pairs as Parquet; the rows of Spark are a
session, the inputs and one run."""
THREADS = """JTS and semcube's first row run in one thread (the JVM collects garbage in others); DuckDB, SedonaDB, Spark
and two processes use both cores. The peak of JTS is what the JVM takes by default on a machine of 24 GB."""
JEDAI = "It read WKT and wrote no links; its S was another draw of the same kind (986,024 candidates)."
SPARK = """CPU seconds of all processes on `local[2]`. *Whole*: session, reading, one run. *Second*: another run in that
session; Sedona's inputs are cached then and it counts matrices only, semcube reads the files again and writes links.
Same links: the sorted lines of all files are those of the embedded engine."""
PROGRESSIVE = """Progressive geometry recall: the mean recall over the order in which candidates are verified; *optimum*
verifies all related pairs first. Sets whose candidates are all related have none. MBRO is on most sets the best of the
published weights (CF, JS, X2, ISP, MBRO). *Learning* is the default: the order by the score follows what is found. A,
C, D and S are sets of earlier measurements, the others were added to them."""


def write(found: dict[str, Any], page: Path) -> None:
    """Write the page and the plots beside it."""
    text = [
        *_first(), *_oracle(found), *_counts(found), *_costs(found), *_spark(found), *_curves(found, page),
        *_memory(found, page), *_resume(found),
    ]  # fmt: skip
    page.write_text("\n".join(text) + "\n")


def _first() -> list[str]:
    sets = [f"| {letter} | {pairing.title} |" for letter, pairing in PAIRINGS.items()]
    return [
        "# Interlinking benchmark",
        "",
        ABOUT,
        "",
        "| set | what |",
        "| --- | --- |",
        *sets,
    ]


def _oracle(found: dict[str, Any]) -> list[str]:
    rows = []
    for letter in PAIRINGS:
        if (one := found.get(f"oracle/{letter}")) is None:
            continue
        asked = "" if one["asked"] == one["candidates"] else f" ({one['asked']:,} asked)"
        newer = "-" if one["matrices_ng"] is None else f"{one['matrices_ng']:,}"
        rows.append(
            f"| {letter} | {one['candidates']:,}{asked} | {one['candidates_here']:,} | {one['related']:,} "
            f"| {one['related_here']:,} | {one['different']:,} | {one['matrices']:,} | {newer} |"
        )
    return [
        "",
        "## Pair by pair against JTS",
        "",
        ORACLE,
        "",
        "| set | candidates, JTS | here | related, JTS | here | different | other matrix | than RelateNG |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *rows,
        "",
        MATRICES,
    ]


def _counts(found: dict[str, Any]) -> list[str]:
    out = [
        "",
        "## Relations by engine",
        "",
        f"| set | engine | {' | '.join(NINE)} | other pairs |",
    ]
    out.append("| --- " * (len(NINE) + 3) + "|")
    for letter in "ACS":
        if f"oracle/{letter}" not in found:
            continue
        rows = {"JTS": found[f"oracle/{letter}"]["counts"], "semcube": found[f"oracle/{letter}"]["counts_here"]}
        pairs = {"JTS": 0, "semcube": found[f"oracle/{letter}"]["different"]}
        for name in ("duckdb", "sedonadb", "sedona"):
            if "counts" in found.get(f"{name}/{letter}", {}):
                rows[ROWS[name]] = found[f"{name}/{letter}"]["counts"]
                pairs[ROWS[name]] = found[f"{name}/{letter}"]["pairs_different"]
        for name, counts in rows.items():
            cells = " | ".join(f"{counts[relation]:,}" for relation in NINE)
            out.append(f"| {letter} | {name} | {cells} | {pairs[name]:,} |")
    return out


def _costs(found: dict[str, Any]) -> list[str]:
    letters = "ABCDS"
    head = " | ".join(f"{letter} CPU s | wall s | peak MB" for letter in letters)
    out = [
        "", "## Whole processes", "",
        WHOLE, "",
        f"| engine | {head} |", "| --- " * (3 * len(letters) + 1) + "|",
    ]  # fmt: skip
    for name, title in ROWS.items():
        cells = []
        for letter in letters:
            one = found.get(f"{name}/{letter}")
            if one is None or (name == "oracle" and letter == "D"):
                cells.append("- | - | -")
            elif "whole" in one:
                cells.append(f"{one['whole']:.1f} | - | {one['peak']:,.0f}")
            else:
                cells.append(f"{one['cpu']:.1f} | {one['wall']:.1f} | {one['peak']:,.0f}")
        if any(cell != "- | - | -" for cell in cells):
            out.append(f"| {title} | {' | '.join(cells)} |")
    earlier = [f"{EARLIER[x]['cpu']} | - | {EARLIER[x]['peak']}" if x in EARLIER else "- | - | -" for x in letters]
    out.append(f"| JedAI-spatial GIA.nt (measured earlier) | {' | '.join(earlier)} |")
    ratios = [
        f"{letter} {EARLIER[letter]['cpu'] / found[f'semcube/{letter}']['cpu']:.1f}"
        for letter in EARLIER
        if f"semcube/{letter}" in found
    ]
    if ratios:
        out += ["", f"JedAI-spatial's CPU over semcube's: {', '.join(ratios)}. {JEDAI}"]
    return [*out, "", THREADS]


def _spark(found: dict[str, Any]) -> list[str]:
    out = [
        "", "## On Spark", "",
        SPARK, "",
        "| set | semcube whole | second | Sedona whole | second | whole, ratio | second | files | lines | same links |",
        "| --- " * 10 + "|",
    ]  # fmt: skip
    for letter in "ABCDS":
        mine, peer = found.get(f"spark/{letter}"), found.get(f"sedona/{letter}")
        if mine is None:
            continue
        cells = ["-"] * 4
        if peer is not None:
            cells = [f"{peer['whole']:.1f}", f"{peer['second']:.1f}", f"{peer['whole'] / mine['whole']:.1f}",
                     f"{peer['second'] / mine['second']:.1f}"]  # fmt: skip
        same = "yes" if mine["equal"]["equal"] else "**no**"
        out.append(
            f"| {letter} | {mine['whole']:.1f} | {mine['second']:.1f} | {' | '.join(cells)} "
            f"| {mine['files']} | {mine['equal']['lines']:,} | {same} |"
        )
    return out


def _curves(found: dict[str, Any], page: Path) -> list[str]:
    mine = {key.split("/")[1]: value for key, value in found.items() if key.startswith("curves/") and value}
    if not mine:
        return []
    names = list(next(iter(mine.values()))["scores"])
    out = [
        "", "## Progressive", "",
        PROGRESSIVE, "",
        f"| set | {' | '.join(names)} |", "| --- " * (len(names) + 1) + "|",
    ]  # fmt: skip
    for letter, one in mine.items():
        out.append(f"| {letter} | {' | '.join(_pgr(one, name) for name in names)} |")
    seconds = (
        ", ".join(f"{name} {one['cpu']:.2f}" for name, one in list(mine["S"]["scores"].items())[1:])
        if "S" in mine
        else ""
    )
    if seconds:
        out += ["", f"CPU seconds of scoring the {mine['S']['candidates']:,} candidates of S: {seconds}."]
    drawn = [name for name in DRAWN if name in names]
    lines = {
        f"{letter}: {PAIRINGS[letter].title}": {
            name: [(place / 100, recall) for place, recall in enumerate(one["scores"][name]["recall"])]
            for name in drawn
            if name in one["scores"]
        }
        for letter, one in mine.items()
    }
    page.with_name("interlinking-progressive.svg").write_text(
        panels("Progressive interlinking", lines, "share of candidates verified", "recall")
    )
    return [*out, "", "![Recall over the share of verified pairs](interlinking-progressive.svg)"]


def _pgr(one: dict[str, Any], name: str) -> str:
    return format(one["scores"][name]["pgr"], ".3f") if name in one["scores"] else "-"


def _memory(found: dict[str, Any], page: Path) -> list[str]:
    lines = {
        ROWS[name].partition(",")[0] if name != "two" else ROWS[name]: [
            point for point in found[f"{name}/S"]["memory"] if point[1]
        ]
        for name in ("semcube", "two", "oracle", "duckdb", "sedonadb")
        if found.get(f"{name}/S", {}).get("memory")
    }
    if not lines:
        return []
    panel = {"all": lines, "without JTS": {name: line for name, line in lines.items() if "JTS" not in name}}
    page.with_name("interlinking-memory.svg").write_text(
        panels("Memory over time on S", panel, "seconds", "MB", columns=2)
    )
    return [
        "", "## Memory over time on S", "",
        "![Memory over time](interlinking-memory.svg)",
    ]  # fmt: skip


def _resume(found: dict[str, Any]) -> list[str]:
    one = found.get("resume/S")
    if one is None:
        return []
    parts = " and ".join(map(str, one["parts"]))
    return [
        "", "## Kill and resume", "",
        f"`benchmarks/interlinking/resume.py`: S with `--state`, killed (SIGKILL) with {parts} parts of its state "
        f"written, then run to its end. The output did {'' if one['output_before'] else 'not '}exist before that. "
        f"Of {one['candidates']:,} candidates {one['known']:,} were known and {one['verified']:,} verified; the "
        f"{one['lines']:,} sorted lines are {'the same as' if one['equal'] else 'NOT those of'} those of a run without "
        "interruption.",
    ]  # fmt: skip
