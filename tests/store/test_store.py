# SPDX-License-Identifier: Apache-2.0
"""Opening, loading, sharing and losing a store."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from semcube.config import Settings
from semcube.errors import (
    RDFSyntaxError,
    StoreError,
    StoreLockedError,
    StoreNotFoundError,
    StoreVersionError,
    UsageError,
)
from semcube.io.terms import QUADS
from semcube.store import Store
from semcube.store.layout import MARKER

SMALL = Settings(threads=1, memory_mb=512)
TURTLE = b"""
@prefix : <http://e/> . @prefix geo: <http://www.opengis.net/ont/geosparql#> .
:a a :City ; :name "Elbe"@de, "Elbe", "01"^^<http://www.w3.org/2001/XMLSchema#integer>, 1, 1.0, 1e0, true ;
   geo:asWKT "POINT (10 53)"^^geo:wktLiteral, "POINT (x)"^^geo:wktLiteral .
:b a :City ; :near _:x . _:x :name "x" .
"""


def rows(store: Store, text: str) -> list[dict[str, object]]:
    return store.query(text).to_arrow().to_pylist()


def keys_of(store: Store) -> set[tuple[str | None, ...]]:
    from semcube.store.dump import quads_of

    with store.snapshot() as snapshot:
        return {tuple(row[n] for n in "spog") for batch in quads_of(snapshot) for row in batch.to_pylist()}


def batch(*quads: tuple[str, str, str, str | None]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array([q[i] for q in quads], pa.large_string()) for i in range(4)], schema=QUADS
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s"


def test_reopening_gives_the_same_quads_with_exact_lexical_forms(path: Path) -> None:
    with Store.open(path, create=True, settings=SMALL) as store:
        report = store.load(TURTLE, format="ttl")
        before = keys_of(store)
    assert (report.read, report.added, report.geometries, report.malformed) == (13, 13, 2, 1)
    assert "ParseException" in report.reasons[0]
    assert ("<http://e/a>", "<http://e/name>", '"01"^^<http://www.w3.org/2001/XMLSchema#integer>', None) in before
    with Store.open(path, read_only=True, settings=SMALL) as store:
        assert keys_of(store) == before
        assert len(store) == 13


def test_loading_a_file_twice_adds_only_its_blank_nodes(path: Path) -> None:
    with Store.open(path, create=True, settings=SMALL) as store:
        store.load(TURTLE, format="ttl")
        again = store.load(TURTLE, format="ttl")
        assert (again.read, again.added, again.terms) == (13, 2, 1)
        assert len(store) == 15


def test_duplicates_and_graphs(path: Path) -> None:
    quad = ("<http://e/s>", "<http://e/p>", '"o"')
    with Store.open(path, create=True, settings=SMALL) as store:
        report = store.load([batch((*quad, None), (*quad, None), (*quad, "<http://e/g>"))])
        assert (report.read, report.added) == (3, 2)
        store.load(b'<http://e/s> <http://e/p> "in h" .', format="nt", graph="http://e/h")
        assert store.info().graphs == {"": 1, "http://e/g": 1, "http://e/h": 1}
        assert rows(store, "SELECT ?o { GRAPH <http://e/h> { ?s ?p ?o } }") == [{"o": "in h"}]


def test_dictionary_encoded_batches_are_taken(path: Path) -> None:
    plain = batch(
        ("<http://e/s>", "<http://e/p>", '"1"', None), ("<http://e/t>", "<http://e/p>", '"2"', "<http://e/g>")
    )
    encoded = pa.record_batch([c.dictionary_encode() for c in plain.columns], names=QUADS.names)
    with Store.open(path, create=True, settings=SMALL) as store:
        store.load([encoded])
        assert keys_of(store) == {tuple(row[n] for n in "spog") for row in plain.to_pylist()}


def test_rdflib_graphs_keep_their_lexical_forms(path: Path) -> None:
    import rdflib

    graph = rdflib.Graph()
    literal = rdflib.Literal("01", datatype=rdflib.XSD.integer, normalize=False)
    graph.add((rdflib.URIRef("http://e/s"), rdflib.URIRef("http://e/p"), literal))
    with Store.open(path, create=True, settings=SMALL) as store:
        assert store.load(graph).added == 1
        assert {quad[2] for quad in keys_of(store)} == {'"01"^^<http://www.w3.org/2001/XMLSchema#integer>'}
        back = store.query("CONSTRUCT WHERE { ?s ?p ?o }").to_graph()
    assert len(back) == 1


def test_a_failed_load_changes_nothing(path: Path) -> None:
    with Store.open(path, create=True, settings=SMALL) as store:
        store.load(TURTLE, format="ttl")
        before, info = keys_of(store), store.info()
        text = b'<http://e/new> <http://e/p> "1" .\n' * 5 + b"<http://e/new> <http://e/p> .\n"
        with pytest.raises(RDFSyntaxError):
            store.load(text, format="nt")
        with pytest.raises(UsageError, match="type int"):
            store.load(7)
        assert keys_of(store) == before
        assert store.info() == info
        store.load(b'<http://e/new> <http://e/p> "1" .', format="nt")
        assert rows(store, "SELECT ?o { <http://e/new> ?p ?o }") == [{"o": "1"}]


def test_kill_in_the_middle_of_a_load_leaves_the_store_as_it_was(path: Path, tmp_path: Path) -> None:
    with Store.open(path, create=True, settings=SMALL) as store:
        store.load(TURTLE, format="ttl")
        before = keys_of(store)
    script = tmp_path / "load.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys, time
            import pyarrow as pa
            from semcube.store import Store
            def batches():
                for n in range(1000):
                    names = pa.array([f"<http://e/{n}/{i}>" for i in range(200_000)], pa.large_string())
                    same = pa.array(["<http://e/p>"] * 200_000, pa.large_string())
                    graphs = pa.nulls(200_000, pa.large_string())
                    yield pa.record_batch([names, same, names, graphs], names=list("spog"))
                    print(n, flush=True)
            Store.open(sys.argv[1]).load(batches())
            """
        )
    )
    process = subprocess.Popen([sys.executable, str(script), str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 2:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with Store.open(path, settings=SMALL) as store:
        assert keys_of(store) == before
        assert store.load(b'<http://e/new> <http://e/p> "1" .', format="nt").added == 1


def test_a_missing_store_is_named(path: Path) -> None:
    with pytest.raises(StoreNotFoundError, match="there is no store at"):
        Store.open(path)
    path.mkdir()
    with pytest.raises(StoreNotFoundError, match="holds no store"):
        Store.open(path, create=True, read_only=True)


def test_a_folder_of_other_things_is_not_touched(path: Path) -> None:
    path.mkdir()
    (path / "store.duckdb").write_bytes(b"mine")
    with pytest.raises(StoreError, match="is not a store"):
        Store.open(path, create=True)
    assert (path / "store.duckdb").read_bytes() == b"mine"


@pytest.mark.parametrize(("content", "error"), [('{"layout": 99}', StoreVersionError), ("no json", StoreError)])
def test_a_foreign_layout_is_refused(path: Path, content: str, error: type[StoreError]) -> None:
    Store.open(path, create=True, settings=SMALL).close()
    (path / MARKER).write_text(content)
    with pytest.raises(error):
        Store.open(path, settings=SMALL)


def test_a_damaged_database_is_an_error_of_the_store(path: Path) -> None:
    Store.open(path, create=True, settings=SMALL).close()
    (path / "store.duckdb").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="cannot be opened"):
        Store.open(path, settings=SMALL)


def test_a_second_writing_process_is_told_what_to_do(path: Path) -> None:
    code = "import sys; from semcube.store import Store; Store.open(sys.argv[1], read_only=sys.argv[2] == 'r').close()"
    environment = {**os.environ, "SEMCUBE_THREADS": "1"}

    def other(mode: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, str(path), mode]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    with Store.open(path, create=True, settings=SMALL):
        second = other("w")
        assert second.returncode == 1
        assert "StoreLockedError" in second.stderr
        assert "stop the other process" in second.stderr
    with Store.open(path, read_only=True, settings=SMALL):
        assert other("r").returncode == 0


def test_two_ways_in_one_process_are_refused(path: Path) -> None:
    with Store.open(path, create=True, settings=SMALL), pytest.raises(StoreLockedError):
        Store.open(path, read_only=True, settings=SMALL)


def test_a_reading_store_refuses_changes(path: Path) -> None:
    Store.open(path, create=True, settings=SMALL).close()
    with Store.open(path, read_only=True, settings=SMALL) as store, pytest.raises(StoreError, match="reading only"):
        store.load(TURTLE, format="ttl")


def test_a_closed_store_says_so(path: Path) -> None:
    store = Store.open(path, create=True, settings=SMALL)
    store.load(TURTLE, format="ttl")
    result = store.query("SELECT * { ?s ?p ?o }")
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        store.query("SELECT * { ?s ?p ?o }")
    assert "closed" in repr(store)
    del result


def test_queries_see_the_state_at_their_start(path: Path) -> None:
    with Store.open(path, create=True, settings=SMALL) as store:
        store.load(b'<http://e/s> <http://e/p> "1" .', format="nt")
        early = store.query("SELECT ?o { ?s <http://e/p> ?o }")
        store.load(b'<http://e/s> <http://e/p> "2" .', format="nt")
        late = store.query("SELECT ?o { ?s <http://e/p> ?o }")
        assert early.to_arrow()["o"].to_pylist() == ["1"]
        assert sorted(late.to_arrow()["o"].to_pylist()) == ["1", "2"]


def test_many_readers_beside_a_writer(path: Path) -> None:
    """Each reader sees whole commits only: each load adds ten triples of one subject."""
    stop, failures, seen = threading.Event(), [], set()
    query = "SELECT ?s (COUNT(*) AS ?n) { ?s <http://e/p> ?o } GROUP BY ?s"

    def read(store: Store) -> None:
        try:
            while not stop.is_set():
                counts = {row["s"]: row["n"] for row in rows(store, query)}
                seen.add(len(counts))
                if set(counts.values()) - {10}:
                    failures.append(counts)
        except BaseException as error:
            failures.append(error)

    with Store.open(path, create=True, settings=SMALL) as store:
        threads = [threading.Thread(target=read, args=(store,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for n in range(10):
            store.load(b"".join(b'<http://e/%d> <http://e/p> "%d" .\n' % (n, i) for i in range(10)), format="nt")
        time.sleep(0.2)
        stop.set()
        for thread in threads:
            thread.join()
        assert failures == []
        assert len(store) == 100
    assert max(seen) == 10


def test_sorting_again_keeps_all_quads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semcube.store.transaction.TAIL", 3)
    with Store.open(path, create=True, settings=SMALL) as store:
        for n in range(6):
            store.load(b"".join(b"<http://e/%d> <http://e/p%d> %d .\n" % (n, i % 3, i) for i in range(5)), format="ttl")
        assert len(store) == 30
        assert rows(store, "SELECT (COUNT(*) AS ?n) { ?s <http://e/p1> 4 }") == [{"n": 6}]
        assert sum(store.info().predicates.values()) == 30


def test_info_counts_everything(path: Path) -> None:
    with Store.open(path, create=True, settings=SMALL) as store:
        store.load(TURTLE, format="ttl")
        info = store.info()
    assert info.classes == {"http://e/City": 2}
    assert info.predicates["http://e/name"] == 8
    assert (info.geometries, info.malformed, info.extent) == (2, 1, (10.0, 53.0, 10.0, 53.0))
    assert info.bytes > 0
    assert json.loads(json.dumps(info.to_dict()))["quads"] == 13


def test_dump_and_load_give_the_same(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "all.nq.gz"
    with Store.open(path, create=True, settings=SMALL) as store:
        store.load(b"<http://e/s> <http://e/p> 1, 2.50, 'a\\nb\\\\' .", format="ttl")
        store.load(b"<http://e/s> <http://e/p> 1 .", format="ttl", graph="http://e/g")
        assert store.dump(target) == 4
        assert store.dump(tmp_path / "one.nt", graph="http://e/g") == 1
        assert store.dump(tmp_path / "none.nt", graph="http://e/other") == 0
        before = keys_of(store)
    with Store.in_memory(settings=SMALL) as copy:
        copy.load(target)
        assert keys_of(copy) == before
    assert (tmp_path / "one.nt").read_text().count("\n") == 1


def test_a_long_transaction_keeps_no_batches(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semcube.store.transaction.BATCH_ROWS", 10_000)
    held = []

    def batches() -> Iterator[pa.RecordBatch]:
        same = pa.array(["<http://e/p>"] * 10_000, pa.large_string())
        for n in range(15):
            names = pa.array([f"<http://example.org/a/long/name/{n}/{i}>" for i in range(10_000)], pa.large_string())
            yield pa.record_batch([names, same, names, pa.nulls(10_000, pa.large_string())], names=list("spog"))

    with Store.open(path, create=True, settings=SMALL) as store:
        report = store.load(batches(), progress=lambda count: held.append(pa.total_allocated_bytes()))
    assert report.added == 150_000
    # rows wait until there is a row group of them
    assert max(held) - held[2] < 5_000_000
    assert min(held[5:]) < held[2]
