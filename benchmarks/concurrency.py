# SPDX-License-Identifier: Apache-2.0
"""Many clients at once: throughput, look-ups beside long work, readers beside a writer, queries stopped at a deadline.

``python -m benchmarks.concurrency`` loads the synthetic data (n = 256: about a million triples), measures a store in
this process and a server over HTTP, and writes ``docs/benchmarks/concurrency.md``. Wall times: the machine has to be
quiet.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.engines import ROOT
from semcube.bench.generator import NAMESPACE, write
from semcube.bench.runner import machine
from semcube.bench.workload import PREFIXES, everything
from semcube.config import Settings
from semcube.errors import LimitError
from semcube.store import Store

OUTPUT = ROOT / "docs" / "benchmarks" / "concurrency.md"
SECONDS = 4.0
ROUNDS = "http://example.org/round"
Ask = Callable[[str], list[dict[str, str]]]


def _heavy(n: int) -> str:
    """A spatial join of two whole classes that answers with one number."""
    joined = next(query for query in everything(n) if query.name == "J01").texts["filter"]
    return joined.replace("SELECT ?a ?b {", "SELECT (COUNT(*) AS ?n) {")


def _look_up(number: int) -> str:
    return PREFIXES + f"SELECT ?g ?w {{ <{NAMESPACE}landOwnership/{number}> geo:hasGeometry ?g . ?g geo:asWKT ?w }}"


ENDLESS = PREFIXES + "SELECT ?a ?b { ?a geo:asWKT ?x . ?b geo:asWKT ?y . FILTER(STRLEN(?x) + STRLEN(?y) = 1) }"
SORTED = PREFIXES + "SELECT * { ?a geo:hasGeometry ?g . ?g geo:asWKT ?x . ?b a lo:LandOwnership } ORDER BY ?x ?b"


@dataclass
class Timed:
    """What one client did."""

    times: list[float] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)

    def quantile(self, part: float) -> float:
        """Milliseconds."""
        ordered = sorted(self.times)
        return 1000 * ordered[min(int(part * len(ordered)), len(ordered) - 1)] if ordered else float("nan")


def repeat(work: Callable[[int], None], until: threading.Event, into: Timed) -> None:
    """Do work again and again, and keep how long each time took."""
    number = 0
    while not until.is_set():
        begun = time.perf_counter()
        try:
            work(number)
        except BaseException as error:
            into.failures.append(error)
            return
        into.times.append(time.perf_counter() - begun)
        number += 1


def together(*works: Callable[[int], None], seconds: float = SECONDS) -> list[Timed]:
    """Run each work in a thread of its own for some seconds.

    Raises:
        RuntimeError: One of them failed.
    """
    stop, found = threading.Event(), [Timed() for _ in works]
    threads = [
        threading.Thread(target=repeat, args=(work, stop, into)) for work, into in zip(works, found, strict=True)
    ]
    for thread in threads:
        thread.start()
    stop.wait(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    for timed in found:
        if timed.failures:
            raise RuntimeError(f"a client failed: {timed.failures[0]!r}") from timed.failures[0]
    return found


@dataclass
class Served:
    """Something that can be asked: a store of this process, or a server."""

    name: str
    ask: Callable[[str], list[dict[str, str]]]
    update: Callable[[str], None]
    pid: int
    stop_after: Callable[[str, float], bool]

    def cpu(self) -> float:
        """CPU seconds of its process."""
        parts = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, what: str = "VmRSS") -> float:
        """Resident megabytes of its process."""
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what))


@contextlib.contextmanager
def in_process(folder: Path, threads: int) -> Iterator[Served]:
    """A store in this process."""
    with Store.open(folder, settings=Settings(threads=threads)) as store:

        def ask(text: str) -> list[dict[str, str]]:
            with store.query(text) as result:
                return [{name: str(value) for name, value in row.items()} for row in result.to_arrow().to_pylist()]

        def stop_after(text: str, seconds: float) -> bool:
            try:
                with store.query(text, timeout=seconds) as result:
                    for _ in result.rows():
                        pass
            except LimitError:
                return True
            return False

        yield Served("in process", ask, lambda text: store.update(text) and None, os.getpid(), stop_after)


@contextlib.contextmanager
def over_http(folder: Path, threads: int) -> Iterator[Served]:
    """A server in a process of its own; each thread of the client has a connection."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "semcube", "serve", "--store", str(folder), "--port", str(port), "--allow-update"]
    environment = {**os.environ, "SEMCUBE_THREADS": str(threads)}
    server = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    kept = threading.local()

    def post(path: str, form: dict[str, str]) -> tuple[int, bytes]:
        if time.monotonic() - getattr(kept, "used", -9.0) > 2:  # the server closes what is idle
            kept.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        body = urllib.parse.urlencode(form)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/sparql-results+json"}
        kept.connection.request("POST", path, body, headers)
        response = kept.connection.getresponse()
        body_read = response.read()
        kept.used = time.monotonic()
        return response.status, body_read

    def ask(text: str) -> list[dict[str, str]]:
        status, body = post("/sparql", {"query": text})
        if status != 200:
            raise RuntimeError(f"status {status}: {body[:200]!r}")
        rows = json.loads(body)["results"]["bindings"]
        return [{name: term["value"] for name, term in row.items()} for row in rows]

    def update(text: str) -> None:
        status, body = post("/update", {"update": text})
        if status != 200:
            raise RuntimeError(f"status {status}: {body[:200]!r}")

    def stop_after(text: str, seconds: float) -> bool:
        return post("/sparql", {"query": text, "timeout": str(seconds)})[0] == 503

    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            time.sleep(0.1)
        yield Served("HTTP", ask, update, server.pid, stop_after)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


# --- what is measured -----------------------------------------------------------------------------------------------


def throughput(served: Served, n: int) -> list[list[str]]:
    """Joins a second with 1, 2 and 4 clients."""
    query, rows = _heavy(n), []
    served.ask(query)
    for clients in (1, 2, 4):
        cpu, begun = served.cpu(), time.perf_counter()
        done = together(*[lambda _: served.ask(query) and None] * clients)
        wall = time.perf_counter() - begun
        count = sum(len(timed.times) for timed in done)
        slowest = max(timed.quantile(0.95) for timed in done)
        rows.append(
            [served.name, str(clients), f"{count / wall:.2f}", f"{(served.cpu() - cpu) / wall:.2f}", f"{slowest:.0f}"]
        )
    return rows


def look_ups(served: Served, n: int) -> list[list[str]]:
    """Look-ups of different features, alone, beside joins, and beside a writer."""
    query, most = _heavy(n), n * n

    def look_up(number: int) -> None:
        if len(served.ask(_look_up(number * 7919 % most + 1))) != 1:
            raise RuntimeError("a feature was not found")

    def join(_: int) -> None:
        served.ask(query)

    def insert(number: int) -> None:
        served.update(f"INSERT DATA {{ <http://example.org/w{number}> <http://example.org/p> {number} }}")

    together(look_up, seconds=1.0)
    rows = []
    for name, others in (("nothing", []), ("1 client of joins", [join]), ("2 clients of joins", [join] * 2),
                         ("a writer", [insert])):  # fmt: skip
        mine, *_ = together(look_up, *others)
        times = [f"{mine.quantile(part):.1f}" for part in (0.5, 0.95, 0.99, 1.0)]
        rows.append([served.name, name, f"{len(mine.times) / SECONDS:.0f}", *times])
    return rows


def readers_and_writer(served: Served, n: int) -> list[list[str]]:
    """Readers of a pair of values that every commit replaces together; and how long commits take beside them."""
    torn: list[object] = []
    versions: dict[int, int] = {}
    replace = (
        "DELETE {{ ?s <{r}> ?o }} INSERT {{ <http://example.org/a> <{r}> {n} . <http://example.org/b> <{r}> {n} }} "
        "WHERE {{ OPTIONAL {{ ?s <{r}> ?o }} }}"
    )
    rounds = itertools.count()
    served.update(replace.format(r=ROUNDS, n=next(rounds)))

    def commit(_: int) -> None:
        served.update(replace.format(r=ROUNDS, n=next(rounds)))

    def read(number: int) -> None:
        found = served.ask(f"SELECT ?s ?o {{ ?s <{ROUNDS}> ?o }}")
        values = {row["o"] for row in found}
        if len(found) != 2 or len(values) != 1:
            torn.append(found)
            return
        value, me = int(values.pop()), threading.get_ident()
        if value < versions.get(me, 0):
            torn.append((me, value))
        versions[me] = value

    def join(_: int) -> None:
        served.ask(_heavy(n))

    rows = []
    for name, others in (("nothing", []), ("4 readers", [read] * 4), ("2 clients of joins", [join] * 2)):
        mine, *rest = together(commit, *others)
        reads = sum(len(timed.times) for timed in rest)
        shown = [f"{mine.quantile(part):.1f}" for part in (0.5, 0.95, 1.0)]
        rows.append([served.name, name, str(len(mine.times)), *shown, str(reads), str(len(torn))])
    return rows


def stopped(served: Served, _: int) -> list[list[str]]:
    """Queries that are stopped at their deadline, five times: how late, and the memory before and after."""
    rows = []
    for name, text in (("cross product", ENDLESS), ("sort of a cross product", SORTED)):
        before, late = served.memory(), []
        after = []
        for _ in range(5):
            begun = time.perf_counter()
            if not served.stop_after(text, 1.0):
                raise RuntimeError(f"{name}: ended before its deadline")
            late.append(time.perf_counter() - begun - 1.0)
            time.sleep(1.0)  # memory is given back a moment later
            after.append(served.memory())
        cells = [f"{1000 * statistics.median(late):.0f}", f"{1000 * max(late):.0f}", f"{before:.0f}"]
        rows.append([served.name, name, *cells, f"{after[0]:.0f}", f"{after[-1]:.0f}", f"{served.memory('VmHWM'):.0f}"])
    return rows


ABOUT = """One store, in process (threads) and behind `semcube serve` (connections). The join counts the pairs of land
ownerships and states that intersect; look-ups ask for a feature by its name, each for another one. The writer replaces
a value of two features in one update; a read is torn if it finds them different, or older than before. Queries and
updates of one process share the interpreter's lock while they parse, plan and decode: beside N busy readers a small
change takes about N + 1 times as long as alone. Joins and scans run outside of it. Wall times: on a machine on which
other work runs they are longer."""
TABLES = (
    ("Throughput of a spatial join", ["", "clients", "joins a second", "cores used", "p95 ms"]),
    ("Look-ups of different features", ["", "beside", "a second", "p50 ms", "p95 ms", "p99 ms", "most ms"]),
    ("A writer and its readers", ["", "beside", "commits", "p50 ms", "p95 ms", "most ms", "reads", "torn reads"]),
    (
        "Stopped at a deadline of 1 s",
        [
            "",
            "query",
            "late ms, median",
            "late ms, most",
            "MB before",
            "MB after the first",
            "MB after the fifth",
            "MB peak",
        ],
    ),
)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "| --- | --- |" + " ---: |" * (len(head) - 2)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def main() -> int:
    """Measure, print, write the page."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.concurrency", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("-n", type=int, default=256, help="hexagons on an axis")
    parser.add_argument("--threads", type=int, default=2, help="threads of the embedded engine")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    found: list[list[list[str]]] = [[] for _ in TABLES]
    before = machine()["load"][0]
    with tempfile.TemporaryDirectory() as work:
        data, folder = Path(work) / "data.nt", Path(work) / "store"
        write(data, options.n)
        with Store.open(folder, create=True) as store:
            store.load(data)
        for kind in (in_process, over_http):
            with kind(folder, options.threads) as served:
                for into, measured in zip(found, (throughput, look_ups, readers_and_writer, stopped), strict=True):
                    fresh = measured(served, options.n)
                    print(*(" | ".join(row) for row in fresh), sep="\n", file=sys.stderr, flush=True)
                    into.extend(fresh)
    on = machine()
    about = (
        f"{on['at']}; {on['processor']}, {on['cores']} cores; n = {options.n}, {options.threads} threads, "
        f"{SECONDS:g} s each; load average {before} to {on['load'][0]}."
    )
    parts = ["# Benchmark: many clients at once", about, ABOUT]
    for (title, head), rows in zip(TABLES, found, strict=True):
        parts += [f"## {title}", _table(head, rows)]
    text = "\n\n".join(parts) + "\n"
    options.output.write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
