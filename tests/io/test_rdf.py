# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import bz2
import gzip
import io
import lzma
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard

from semcube.errors import RDFSyntaxError, SourceError, UnsupportedError
from semcube.io import read_rdf
from semcube.io.terms import IRI, QUADS

NT = b'<http://a/s> <http://a/p> "01"^^<http://www.w3.org/2001/XMLSchema#integer> .\n_:x <http://a/p> _:x .\n'


def table(source: object, **options: object) -> list[dict[str, str | None]]:
    batches = list(read_rdf(source, **options))  # type: ignore[arg-type]
    assert all(batch.schema == QUADS for batch in batches)
    return pa.Table.from_batches(batches, QUADS).to_pylist()


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("nt", '<http://a/s> <http://a/p> "01"^^<http://www.w3.org/2001/XMLSchema#integer> .'),
        ("nq", '<http://a/s> <http://a/p> "01"^^<http://www.w3.org/2001/XMLSchema#integer> .'),
        ("ttl", "<http://a/s> <http://a/p> 01 ."),
        ("trig", "<http://a/s> <http://a/p> 01 ."),
        ("n3", "<http://a/s> <http://a/p> 01 ."),
        (
            "rdf",
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:a="http://a/"><rdf:Description '
            'rdf:about="http://a/s"><a:p rdf:datatype="http://www.w3.org/2001/XMLSchema#integer">01</a:p>'
            "</rdf:Description></rdf:RDF>",
        ),
        (
            "jsonld",
            '[{"@id":"http://a/s","http://a/p":{"@type":"http://www.w3.org/2001/XMLSchema#integer","@value":"01"}}]',
        ),
    ],
)
def test_the_lexical_form_is_kept_in_every_syntax(format: str, text: str) -> None:  # noqa: A002
    assert table(text.encode(), format=format) == [
        {
            "s": "<http://a/s>",
            "p": "<http://a/p>",
            "o": '"01"^^<http://www.w3.org/2001/XMLSchema#integer>',
            "g": None,
        }
    ]


def test_language_tags_are_lower_cased_and_strings_have_no_datatype() -> None:
    text = '<http://a> <http://b> "x"@en-GB, "y"^^<http://www.w3.org/2001/XMLSchema#string>, """a "b"\n\\\\ é""" .'
    assert sorted(row["o"] or "" for row in table(text.encode(), format="ttl")) == ['"a "b"\n\\ é"', '"x"@en-gb', '"y"']


def test_blank_nodes_are_one_inside_a_document_and_never_two() -> None:
    first, second = table(NT, format="nt"), table(NT, format="nt")
    assert first[1]["s"] == first[1]["o"]
    assert first[1]["s"] != second[1]["s"]
    turtle = b"_:x <http://a/p> _:x, [] ."
    both = table(turtle, format="ttl") + table(turtle, format="ttl")
    assert len({row["s"] for row in both} | {row["o"] for row in both}) == 4
    assert table(NT, format="nt", blank_prefix="")[1]["s"] == "_:x"


def test_a_blank_node_keeps_its_label_across_batches() -> None:
    text = b"_:x <http://a/p> _:x .\n" + b'<http://a/s> <http://a/p> "filler filler filler filler" .\n' * 200_000
    text += b"_:x <http://a/q> _:x .\n"
    batches = list(read_rdf(text, format="nt"))
    assert len(batches) > 1
    assert batches[0].column("s")[0] == batches[-1].column("s")[-1]


def test_graphs_are_kept_and_the_default_graph_can_be_named() -> None:
    text = b'<http://a> <http://b> "x" <http://g> .\n<http://a> <http://b> "y" .\n'
    assert [row["g"] for row in table(text, format="nq")] == ["<http://g>", None]
    assert [row["g"] for row in table(text, format="nq", graph=IRI("http://h"))] == ["<http://g>", "<http://h>"]
    assert [row["g"] for row in table(NT, format="nt", graph=IRI("http://h"))] == ["<http://h>"] * 2
    turtle = b'<http://a> <http://b> "x" .'
    assert [row["g"] for row in table(turtle, format="ttl", graph=IRI("http://h"))] == ["<http://h>"]


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [
        ("", bytes),
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
        (".zst", zstandard.ZstdCompressor().compress),
    ],
)
def test_compression_goes_by_the_extension(tmp_path: Path, suffix: str, pack: object) -> None:
    path = tmp_path / f"a.nt{suffix}"
    path.write_bytes(pack(NT) if callable(pack) else NT)
    assert table(path)[0]["o"] == '"01"^^<http://www.w3.org/2001/XMLSchema#integer>'


def test_zstandard_frames_end_to_end_and_a_cut_one(tmp_path: Path) -> None:
    pack = zstandard.ZstdCompressor().compress
    path = tmp_path / "a.nt.zst"
    path.write_bytes(pack(NT) + pack(NT))
    assert len(table(path)) == 4
    path.write_bytes(pack(NT * 1000)[:-5])
    with pytest.raises(SourceError, match="damaged"):
        table(path)


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
@pytest.mark.parametrize("stem", ["a.nt", "a.ttl"])
def test_damaged_compression_is_said(tmp_path: Path, stem: str, suffix: str) -> None:
    path = tmp_path / f"{stem}{suffix}"
    path.write_bytes(b"this is not compressed at all")
    with pytest.raises(SourceError, match=r"a\.(nt|ttl)"):
        table(path)


def test_a_cut_gzip_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.ttl.gz"
    path.write_bytes(gzip.compress(NT * 5000)[:-20])
    with pytest.raises(SourceError, match="damaged"):
        table(path)


def test_the_last_line_may_lack_its_end() -> None:
    assert len(table(NT.rstrip(b"\n"), format="nt")) == 2
    assert table(b"", format="nt") == []
    assert table(b"", format="ttl") == []


def test_a_line_longer_than_a_block() -> None:
    wkt = "POLYGON ((" + ", ".join(f"{i} {i}" for i in range(900_000)) + "))"
    text = f'<http://a> <http://b> "{wkt}"^^<http://www.opengis.net/ont/geosparql#wktLiteral> .\n'.encode()
    assert len(text) > 10_000_000
    (row,) = table(text, format="nt")
    assert row["o"] == f'"{wkt}"^^<http://www.opengis.net/ont/geosparql#wktLiteral>'


@pytest.mark.parametrize("suffix", ["nt", "nq"])
@pytest.mark.parametrize("before", [3, 150_000])
def test_a_syntax_error_names_file_line_and_column(tmp_path: Path, suffix: str, before: int) -> None:
    path = tmp_path / f"bad.{suffix}"
    good = b'<http://a/s> <http://a/p> "some filler text that makes the line long" .\n# comment\n\n'
    path.write_bytes(good * (before // 3) + b'<http://a> <http://b> "x" \n' + good)
    with pytest.raises(RDFSyntaxError) as caught:
        table(path)
    assert caught.value.source == str(path)
    assert caught.value.line == before // 3 * 3 + 1
    assert caught.value.column is not None


@pytest.mark.parametrize(
    ("suffix", "text", "line"),
    [
        ("ttl", "<http://a> <http://b> 1 .\n<http://a> <http://b> 1 2 .\n", 2),
        ("trig", "<http://g> {\n<http://a> <http://b> }\n", 2),
        ("jsonld", '{\n"@id": oops}', 2),
        ("rdf", "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\n<a></b></rdf:RDF>", None),
    ],
)
def test_syntax_errors_of_documents(tmp_path: Path, suffix: str, text: str, line: int | None) -> None:
    path = tmp_path / f"bad.{suffix}"
    path.write_text(text)
    with pytest.raises(RDFSyntaxError) as caught:
        table(path)
    assert caught.value.source == str(path)
    if line is not None:
        assert caught.value.line == line


def test_relative_iris_are_resolved(tmp_path: Path) -> None:
    assert table(b"<s> <p> <o> .", format="ttl", base="http://base/")[0]["s"] == "<http://base/s>"
    path = tmp_path / "a.ttl"
    path.write_text("<#s> <#p> <#o> .")
    assert table(path)[0]["s"] == f"<{path.as_uri()}#s>"


def test_streams_and_what_they_need() -> None:
    assert len(table(io.BytesIO(NT), format="application/n-triples")) == 2
    with pytest.raises(UnsupportedError, match="syntax of a stream"):
        table(io.BytesIO(NT))


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Standard:
        buffer = io.BytesIO(NT)

    monkeypatch.setattr("sys.stdin", Standard())
    assert len(table("-", format="nt")) == 2


def test_no_such_file_offers_a_near_one(tmp_path: Path) -> None:
    (tmp_path / "a.ttl").write_text("")
    with pytest.raises(SourceError, match=r"no such file.*did you mean a\.ttl"):
        table(tmp_path / "a.nt")


def test_n3_beyond_rdf_is_refused() -> None:
    with pytest.raises((UnsupportedError, RDFSyntaxError)):
        table(b"?x <http://b> { <http://a> <http://b> <http://c> } .", format="n3")


@pytest.mark.parametrize(
    ("text", "format"),
    [
        (b"<http://a> <http://b> <<( <http://a> <http://b> <http://c> )>> .", "ttl"),
        (b'<http://a> <http://b> "x"@ar--rtl .', "ttl"),
    ],
)
def test_rdf_1_2_is_refused(text: bytes, format: str) -> None:  # noqa: A002
    with pytest.raises(UnsupportedError, match=r"RDF 1\.2"):
        table(text, format=format)


def test_text_that_looks_like_rdf_1_2_is_no_such_thing() -> None:
    text = b'<http://a> <http://b> "a << b -- c" .'
    assert [row["o"] for row in table(text, format="ttl")] == ['"a << b -- c"']
