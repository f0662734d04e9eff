# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import io
from pathlib import Path

import pyarrow as pa
import pytest

from semcube.errors import OutputError, UnsupportedError
from semcube.io import RDFWriter, read_rdf
from semcube.io.terms import QUADS

TRIPLES = [
    {"s": "<http://a/s>", "p": "<http://a/p>", "o": '"01"^^<http://www.w3.org/2001/XMLSchema#integer>', "g": None},
    {"s": "<http://a/s>", "p": "<http://a/p>", "o": '"tab\tnew\nline "quoted" \\ é😀\u2028"', "g": None},
    {"s": "<http://a/s>", "p": "<http://a/p>", "o": '"chat"@fr', "g": None},
    {"s": "<http://a/s>", "p": "<http://a/p>", "o": '""', "g": None},
    {"s": "<http://a/é>", "p": "<http://a/p>", "o": "<http://a/o>", "g": None},
    {"s": "_:b0", "p": "<http://a/p>", "o": "_:b0", "g": None},
]
QUAD = {"s": "<http://a/s>", "p": "<http://a/p>", "o": '"x"', "g": "<http://g>"}


def batch(rows: list[dict[str, str | None]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, schema=QUADS)


def read(source: object, **options: object) -> list[tuple[str, ...]]:
    found = [row for b in read_rdf(source, blank_prefix="", **options) for row in b.to_pylist()]  # type: ignore[arg-type]
    return sorted(tuple(str(row[name]) for name in QUADS.names) for row in found)


def rows_of(rows: list[dict[str, str | None]]) -> list[tuple[str, ...]]:
    return sorted(tuple(str(row[name]) for name in QUADS.names) for row in rows)


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst", ".bz2", ".xz"])
@pytest.mark.parametrize("name", ["nt", "nq", "ttl", "trig", "rdf", "jsonld", "n3"])
def test_what_is_written_is_read_again(tmp_path: Path, name: str, suffix: str) -> None:
    path = tmp_path / f"a.{name}{suffix}"
    with RDFWriter(path) as writer:
        writer.write(batch(TRIPLES[:3]))
        writer.write(batch(TRIPLES[3:]))
        assert not path.exists()
    assert writer.quads == len(TRIPLES)
    assert read(path) == rows_of(TRIPLES)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["nq", "trig", "jsonld"])
def test_graphs_are_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"a.{name}"
    rows = [*TRIPLES[:1], QUAD, {**QUAD, "g": "_:g"}]
    with RDFWriter(path) as writer:
        writer.write(batch(rows))
    assert read(path) == rows_of(rows)


@pytest.mark.parametrize("name", ["nt", "ttl", "rdf", "n3"])
def test_graphs_are_refused_where_there_are_none(tmp_path: Path, name: str) -> None:
    with (
        pytest.raises(UnsupportedError, match=r"named graph <http://g>.*has no named graphs.*\.nq or \.trig"),
        RDFWriter(tmp_path / f"a.{name}") as writer,
    ):
        writer.write(batch([QUAD]))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["nt", "ttl", "jsonld"])
@pytest.mark.parametrize("failure", [ValueError("x"), KeyboardInterrupt()])
def test_failure_leaves_nothing(tmp_path: Path, name: str, failure: BaseException) -> None:
    def half() -> None:
        with RDFWriter(tmp_path / f"a.{name}.gz") as writer:
            writer.write(batch(TRIPLES))
            raise failure

    with pytest.raises(type(failure)):
        half()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["nt", "nq", "ttl", "trig", "rdf", "jsonld"])
def test_nothing_written_is_a_document(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"a.{name}"
    with RDFWriter(path):
        pass
    assert read(path) == []


def test_prefixes_are_used() -> None:
    target = io.BytesIO()
    with RDFWriter(target, "ttl", prefixes={"a": "http://a/"}) as writer:
        writer.write(batch(TRIPLES[:1]))
    assert target.getvalue().decode().split() == ["@prefix", "a:", "<http://a/>", ".", "a:s", "a:p", "01", "."]


class Full(io.RawIOBase):
    """A disk with room for so many bytes."""

    def __init__(self, room: int) -> None:
        self.room = room

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        size = memoryview(data).nbytes  # type: ignore[arg-type]
        self.room -= size
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return size


@pytest.mark.parametrize("name", ["nt", "ttl", "rdf", "jsonld"])
@pytest.mark.parametrize("compression", [None, "gzip", "zstd"])
def test_a_full_disk_is_an_output_error(name: str, compression: str | None) -> None:
    rows = [{**TRIPLES[0], "o": f'"{i * 7919 % 10007} {i * 104729 % 99991}"'} for i in range(20000)]

    def write() -> None:
        with RDFWriter(Full(2000), name, compression=compression) as writer:  # type: ignore[arg-type]
            for _ in range(10):
                writer.write(batch(rows))

    with pytest.raises(OutputError, match="the disk is full"):
        write()


def test_a_stream_stays_open_and_needs_a_format() -> None:
    target = io.BytesIO()
    with RDFWriter(target, "nt", compression="gzip") as writer:
        writer.write(batch(TRIPLES))
    assert not target.closed
    with pytest.raises(UnsupportedError, match="output stream"):
        RDFWriter(io.BytesIO())


def test_many_batches_through_a_serializer(tmp_path: Path) -> None:
    path = tmp_path / "a.ttl"
    with RDFWriter(path) as writer:
        for i in range(50):
            rows = [{"s": f"<http://a/{i}/{j}>", "p": "<http://a/p>", "o": f'"{j}"', "g": None} for j in range(200)]
            writer.write(batch(rows))
    assert sum(b.num_rows for b in read_rdf(path)) == 10_000


@pytest.mark.parametrize("predicate", ["http://a/1", "http://a/", "urn:1", "http://a/b?c=1"])
def test_a_predicate_that_rdf_xml_cannot_say(tmp_path: Path, predicate: str) -> None:
    row = {"s": "<http://a/s>", "p": f"<{predicate}>", "o": '"x"', "g": None}
    with (
        pytest.raises(OutputError, match="does not end in a name that XML allows"),
        RDFWriter(tmp_path / "a.rdf") as writer,
    ):
        writer.write(batch([TRIPLES[0], row]))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("character", ["\0", "\x0b", "\x1f", "\ufffe"])
def test_a_character_that_rdf_xml_cannot_say(tmp_path: Path, character: str) -> None:
    row = {"s": "<http://a/s>", "p": "<http://a/p>", "o": f'"a{character}b"', "g": None}
    with pytest.raises(OutputError, match="character that XML"), RDFWriter(tmp_path / "a.rdf") as writer:
        writer.write(batch([TRIPLES[0], row]))
    with RDFWriter(tmp_path / "a.ttl") as writer:
        writer.write(batch([row]))
    assert read(tmp_path / "a.ttl") == rows_of([row])


@pytest.mark.parametrize("name", ["nt", "nq", "ttl", "trig", "rdf", "jsonld"])
def test_line_ends_and_blanks_survive(tmp_path: Path, name: str) -> None:
    rows = [
        {**TRIPLES[0], "o": f'"{text}"'} for text in ("a\r\nb", "a\rb", "a\nb", "\t a  b ", "<&>'\"]]>", "\x85\u2028")
    ]
    path = tmp_path / f"a.{name}"
    with RDFWriter(path) as writer:
        writer.write(batch(rows))
    assert read(path) == rows_of(rows)
