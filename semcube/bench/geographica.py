# SPDX-License-Identifier: Apache-2.0
"""The synthetic benchmark of Geographica 2 on a store, for users: ``semcube bench geographica``.

Published set-up and rules: doi 10.1007/s13740-021-00118-x. The data is made here; nothing is fetched.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from semcube.bench.driver import folder_bytes
from semcube.bench.generator import NAMESPACE, Grid, land, number_of_triples, write
from semcube.bench.runner import Engine, Limits, ask, load, machine
from semcube.bench.workload import PREFIXES, Query, everything
from semcube.errors import StoreError, StoreNotFoundError, UsageError

__all__ = ["geographica_table", "run_geographica"]


def run_geographica(
    scale: int,
    *,
    divide: float = 1.0,
    store: Path | None = None,
    only: Sequence[str] = (),
    limits: Limits | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Make the data, load it, ask the queries.

    Args:
        scale: Hexagons on an axis; 256 gives about a million triples, twice as many four times that.
        divide: Divide all coordinates by this.
        store: Folder of the store, kept, and used again if it holds this data; a temporary one if not given.
        only: Names of queries, all if there are none.
        limits: Runs, seconds of a run, threads.
        say: Is told what happens.

    Returns:
        ``scale``, ``divide``, ``triples``, ``machine``; ``load`` (None if the store was there), ``bytes``, ``peak``;
        ``queries``: name, label, rows, ``first_cpu``, ``first_wall``, ``cpu``, ``wall`` in milliseconds (the last two
        with one figure for each warm run), or ``error`` or ``timeout``.

    Raises:
        UsageError: The scale is below 3, a query has no such name, or the store holds other data.
    """
    queries = _chosen(scale, divide, only)
    chosen = limits or Limits()
    with _work_folder(store) as folder:
        path = store or folder / "store"
        command = (sys.executable, "-m", "semcube.bench.store_driver")
        engine = Engine("semcube", "the store", command, options={"store": str(path.resolve())})
        loaded = None
        if not _holds(path, scale, divide):
            say(f"making {number_of_triples(scale):,} triples")
            data = folder / "data.nt"
            write(data, scale, divide)
            say(f"loading {data.stat().st_size / 1e6:,.0f} MB of N-Triples")
            loaded = load(engine, data, folder, chosen)
            if "loaded" not in loaded:
                raise StoreError(f"the data could not be loaded into {path}: {loaded['error']}")
            data.unlink()
        say(f"asking {len(queries)} queries")
        found = ask(engine, queries, folder, chosen, say)
        size = folder_bytes(path)
    about = {"scale": scale, "divide": divide, "triples": number_of_triples(scale), "machine": machine()}
    listed = [{"name": q.name, "label": q.label, **found["queries"].get(q.name, {})} for q in queries]
    return {**about, "load": loaded, "bytes": size, "peak": found["peak"], "queries": listed}


def _chosen(scale: int, divide: float, only: Sequence[str]) -> list[Query]:
    if scale < 3:
        raise UsageError(f"the scale is {scale}", expected="3 or more, so that there are states", fix="give 256")
    if not divide > 0:
        raise UsageError(f"the coordinates are to be divided by {divide:g}", expected="a number above 0", fix="give 1")
    queries = everything(scale, divide)
    names = {query.name for query in queries}
    if unknown := [name for name in only if name not in names]:
        expected = "T1, T2, T3, L1, S01 to S24, or J01 to J12"
        raise UsageError(f"there is no query {unknown[0]!r}", expected=expected, fix="give one of these names")
    return [query for query in queries if not only or query.name in only]


@contextmanager
def _work_folder(store: Path | None) -> Iterator[Path]:
    """A folder for data and jobs, beside the store, where the room is."""
    if store is not None:
        store.resolve().parent.mkdir(parents=True, exist_ok=True)
    parent = None if store is None else store.resolve().parent
    with tempfile.TemporaryDirectory(prefix=".semcube-bench-", dir=parent) as folder:
        yield Path(folder)


def _holds(path: Path, scale: int, divide: float) -> bool:
    """Whether a store holds the data of a scale; False if there is no store, or nothing in it.

    Raises:
        UsageError: It holds something else.
    """
    from semcube.store import Store

    try:
        opened = Store.open(path, read_only=True)
    except StoreNotFoundError:
        return False
    with opened as store:
        found = len(store)
        if not found:
            return False
        literal = f'"{next(land(Grid(scale, divide)))}"^^geo:wktLiteral'
        asked = PREFIXES + f"ASK {{ <{NAMESPACE}landOwnership/1> geo:hasGeometry/geo:asWKT {literal} }}"
        if found == number_of_triples(scale) and store.query(asked).boolean:
            return True
    raise UsageError(
        f"the store {path} holds {found:,} triples that are not those of scale {scale}, divided by {divide:g}",
        expected="the data of an earlier run with the same scale, or no store",
        fix="name another folder",
    )


def geographica_table(found: dict[str, Any]) -> str:
    """Figures as text: the load, and a line for each query."""
    divided = f", coordinates divided by {found['divide']:g}" if found["divide"] != 1 else ""
    lines = [f"Geographica, synthetic, scale {found['scale']}{divided}: {found['triples']:,} triples"]
    if found["load"] is not None:
        spent = found["load"]["loaded"]
        peak = found["load"]["peak"] / 1e6
        lines.append(
            f"load: {spent['cpu_s']:.1f} s CPU, {spent['wall_s']:.1f} s wall, {peak:,.0f} MB of memory at most"
        )
    lines.append(f"store: {found['bytes'] / 1e6:,.1f} MB; queries: {found['peak'] / 1e6:,.0f} MB of memory at most")
    widest = max(len(query["label"]) for query in found["queries"])
    head = f"{'query':5}  {'what':{widest}}  {'rows':>9}  {'first':>9}  {'CPU ms':>9}  {'wall ms':>9}"
    lines += ["", head, "-" * len(head)]
    for query in found["queries"]:
        start = f"{query['name']:5}  {query['label']:{widest}}  "
        if "rows" not in query:
            stopped = f"stopped after {query['timeout']:g} s" if "timeout" in query else query.get("error", "not asked")
            lines.append(start + stopped)
            continue
        times = (query["first_wall"], statistics.median(query["cpu"]), statistics.median(query["wall"]))
        lines.append(start + f"{query['rows']:>9,}  " + "  ".join(f"{time:>9,.1f}" for time in times))
    lines += ["", "first: wall ms of the first run in a new process; CPU and wall: medians of the warm runs"]
    return "\n".join(lines)
