# SPDX-License-Identifier: Apache-2.0
"""The fast way through N-Triples and N-Quads against pyoxigraph."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyoxigraph as ox
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from semcube.errors import RDFSyntaxError, UnsupportedError
from semcube.io import read_rdf
from semcube.io.ntriples import Lines, keys_of_lines, keys_of_quads, lines_of_keys
from semcube.io.terms import QUADS

Rows = Counter[tuple[str | None, ...]]


def rows(batch: pa.RecordBatch) -> Rows:
    assert batch.schema == QUADS
    batch.validate(full=True)
    return Counter(tuple(row.values()) for row in batch.to_pylist())


def reference(text: bytes, graphs: bool) -> Rows | None:
    """What pyoxigraph reads; None where it refuses."""
    syntax = ox.RdfFormat.N_QUADS if graphs else ox.RdfFormat.N_TRIPLES
    try:
        return rows(keys_of_quads(ox.parse(text, format=syntax), Lines("t", graphs, "z")))
    except SyntaxError:
        return None


def fast(text: bytes, graphs: bool) -> Rows | None:
    try:
        return rows(keys_of_lines(text, 1, Lines("t", graphs, "z")))
    except RDFSyntaxError:
        return None


PLAIN = '<http://a/s> <http://a/p> "x" .'
HOSTILE = [
    PLAIN,
    '<http://a/s> <http://a/p> <http://a/o> .',
    '_:a <http://a/p> _:b .',
    '_:a.b <http://a/p> _:b-c .',
    '_:ä <http://a/p> _:1 .',
    '_: <http://a/p> _:1 .',
    '_:a <http://a/p> _:b. .',
    '<http://a/s> <http://a/p> "" .',
    '<http://a/s> <http://a/p> "x"@en .',
    '<http://a/s> <http://a/p> "x"@EN-us .',
    '<http://a/s> <http://a/p> "x"@en-US-x-verylongsubtag .',
    '<http://a/s> <http://a/p> "x"@e1 .',
    '<http://a/s> <http://a/p> "x"@en-- .',
    '<http://a/s> <http://a/p> "x"@ .',
    '<http://a/s> <http://a/p> "x" @en .',
    '<http://a/s> <http://a/p> "01"^^<http://www.w3.org/2001/XMLSchema#integer> .',
    '<http://a/s> <http://a/p> "x"^^<http://www.w3.org/2001/XMLSchema#string> .',
    '<http://a/s> <http://a/p> "x"^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#langString> .',
    '<http://a/s> <http://a/p> "x"^^ <http://a/d> .',
    '<http://a/s> <http://a/p> "x"^^<relative> .',
    '<http://a/s> <http://a/p> "x"^<http://a/d> .',
    '<http://a/s> <http://a/p> "a b  c . d" .',
    '<http://a/s> <http://a/p> "a \\"quoted\\" one" .',
    '<http://a/s> <http://a/p> "\\u00e9\\U0001F600\\t\\n\\r\\\\" .',
    '<http://a/s> <http://a/p> "\\x" .',
    '<http://a/s> <http://a/p> "é😀\u2028\x85\x0b" .',
    '<http://a/\\u00e9> <http://a/p> "x" .',
    '<http://a/é> <http://a/p> <http://a/ü?ö#ß> .',
    '<http://a/\ue000> <http://a/p> "private use" .',
    '<http://a/ s> <http://a/p> "x" .',
    '<http://a/s|> <http://a/p> "x" .',
    '<http://a/%zz> <http://a/p> "x" .',
    '<http://a/%41> <http://a/p> "x" .',
    '<relative> <http://a/p> "x" .',
    '<> <http://a/p> "x" .',
    '<http://a:99999/s> <http://a/p> "x" .',
    '<http://[::1]/s> <http://a/p> "x" .',
    '<http://[x/s> <http://a/p> "x" .',
    '<http:///s> <http://a/p> "x" .',
    '<http:> <http://a/p> "x" .',
    '<http://> <http://a/p> "x" .',
    '<urn:a:b> <mailto:a@b.c> <tag:x,2020:y> .',
    '<1http://a> <http://a/p> "x" .',
    '<a:b> <a:b> <a:b#c#d> .',
    '<a:b> <a:b> <a:b?c?d/e> .',
    '"x" <http://a/p> "x" .',
    '<http://a/s> _:p "x" .',
    '<http://a/s> <http://a/p> "x" <http://a/g> .',
    '<http://a/s> <http://a/p> <http://a/o> <http://a/g> .',
    '<http://a/s> <http://a/p> "a b"@en _:g .',
    '<http://a/s> <http://a/p> "x" "g" .',
    '<http://a/s> <http://a/p> "x" <http://a/g> <http://a/h> .',
    '<http://a/s> <http://a/p> "x"',
    '<http://a/s> <http://a/p> "x".',
    '<http://a/s><http://a/p>"x".',
    '<http://a/s>\t<http://a/p>\t"x"\t.',
    '  <http://a/s>  <http://a/p>   "x"  .  ',
    '<http://a/s> <http://a/p> "x" . # a comment',
    '<http://a/s> <http://a/p> "x" . # a comment .',
    '<http://a/s> <http://a/p> <http://a/o>#x .',
    '<http://a/s> <http://a/p> <http://a/o> .#x .',
    '<http://a/s> <http://a/p> "x" . <http://a/s> <http://a/p> "y" .',
    '<http://a/s> <http://a/p> <http://a/o> . <http://a/s> <http://a/p> <http://a/q> .',
    '# <http://a/s> <http://a/p> "x" .',
    '# "',
    '',
    '   ',
    '.',
    ' .',
    '<http://a/s> .',
    '<http://a/s> <http://a/p> .',
    '<http://a/s> <http://a/p>  .',
    '<http://a/s> <http://a/p> "x" "y" .',
    '<http://a/s> <http://a/p> "x"y" .',
    '<http://a/s> <http://a/p> "x\ry" .',
    '<http://a/s> <http://a/p> x .',
    '\ufeff<http://a/s> <http://a/p> "x" .',
    '<< <http://a/s> <http://a/p> "x" >> <http://a/p> "x" .',
]  # fmt: skip


@pytest.mark.parametrize("graphs", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("line", HOSTILE)
def test_each_hostile_line_reads_as_in_the_reference(line: str, end: str, graphs: bool) -> None:
    text = (line + end).encode()
    assert fast(text, graphs) == reference(text, graphs)


@pytest.mark.parametrize("graphs", [False, True])
@pytest.mark.parametrize("line", HOSTILE)
def test_a_hostile_line_does_not_change_its_neighbours(line: str, graphs: bool) -> None:
    text = "\n".join([PLAIN, line, '_:a <http://a/p> "y"@en .', ""]).encode()
    assert fast(text, graphs) == reference(text, graphs)


def test_text_that_is_not_utf8_is_refused() -> None:
    text = b'<http://a/s> <http://a/p> "\xff" .\n'
    assert reference(text, False) is None
    assert fast(text, False) is None


iri_text = st.text(st.sampled_from("ab:/?#[]@!$&'()*+,;=%41é\u00a0\ue000 -._~<>|\\^{}1"), max_size=12)
literal_text = st.text(st.sampled_from('ab" \\.\t\r\n<>@^é😀\u2028\x00\x7f_:#'), max_size=12)
tails = st.sampled_from(
    ["", "@en", "@EN-gb", "@en-", "^^<http://a/d>", "^^<d>", "^^<http://www.w3.org/2001/XMLSchema#string>"]
)
nodes = st.one_of(
    st.builds("<http://a/{}>".format, iri_text),
    st.builds("<{}>".format, iri_text),
    st.builds("_:{}".format, st.text(st.sampled_from("ab1.-_é:"), max_size=5)),
)
objects = st.one_of(nodes, st.builds('"{}"{}'.format, literal_text, tails))
gaps = st.sampled_from([" ", " ", " ", "", "  ", "\t"])
lines = st.builds(
    lambda s, p, o, g, a, b, c, end: f"{s}{a}{p}{b}{o}{c}{g}{end}",
    nodes,
    st.builds("<http://a/{}>".format, iri_text),
    objects,
    st.one_of(st.just(""), nodes.map("{} ".format)),
    gaps,
    gaps,
    gaps,
    st.sampled_from([".", ".", ". # c", "", ". ."]),
)


escapes = st.lists(
    st.sampled_from(
        [
            "a",
            " ",
            "\\\\",
            "\\n",
            "\\t",
            "\\r",
            "\\b",
            "\\f",
            '\\"',
            "\\'",
            "\\u00e9",
            "\\",
            '"',
            "n",
            "\0",
            "é",
            "@en",
            "^^<a:b>",
            " .",
        ]
    ),
    max_size=8,
).map("".join)


@settings(max_examples=600, deadline=None)
@given(lexical=escapes, tail=tails, graph=st.sampled_from(["", "<http://a/g> ", "_:g "]))
def test_escapes_read_as_in_the_reference(lexical: str, tail: str, graph: str) -> None:
    text = f'<http://a/s> <http://a/p> "{lexical}"{tail} {graph}.\n'.encode()
    assert fast(text, True) == reference(text, True)
    around = PLAIN.encode() + b"\n" + text + PLAIN.encode() + b"\n"
    assert fast(around, True) == reference(around, True)


@settings(max_examples=600, deadline=None)
@given(line=lines, graphs=st.booleans())
@example(line='<http://a/s> <http://a/p> "x"^^<http://a/d> .', graphs=False)
def test_random_lines_read_as_in_the_reference(line: str, graphs: bool) -> None:
    text = (line + "\n").encode()
    assert fast(text, graphs) == reference(text, graphs)


iri_keys = st.builds("<http://a/{}>".format, st.text(st.characters(codec="utf-8"), max_size=8))
node_keys = st.one_of(iri_keys, st.builds("_:b{}".format, st.integers(0, 9)))
keys = st.one_of(
    node_keys,
    st.builds(
        '"{}"{}'.format,
        st.text(st.characters(codec="utf-8"), max_size=8),
        st.sampled_from(["", "@en", "^^<http://a/d>"]),
    ),
)
quads = st.lists(
    st.fixed_dictionaries({"s": node_keys, "p": iri_keys, "o": keys, "g": st.one_of(st.none(), node_keys)}),
    min_size=1,
    max_size=6,
)


@settings(max_examples=400, deadline=None)
@given(
    literals=st.lists(st.tuples(st.text(st.characters(codec="utf-8")), st.sampled_from(["", "@en", "^^<http://a/d>"])))
)
def test_every_literal_comes_back_as_it_was(literals: list[tuple[str, str]]) -> None:
    written = [f'"{text}"{tail}' for text, tail in literals]
    table = [{"s": "<http://a>", "p": "<http://b>", "o": o, "g": None} for o in written]
    text = lines_of_keys(pa.RecordBatch.from_pylist(table, schema=QUADS)).to_pybytes()
    assert text.count(b"\n") == len(written)
    assert [q.object.value for q in ox.parse(text, format=ox.RdfFormat.N_TRIPLES)] == [text for text, _ in literals]
    assert sorted(o for b in read_rdf(text, format="nt") for o in b.column("o").to_pylist()) == sorted(written)


@settings(max_examples=200, deadline=None)
@given(table=quads)
def test_lines_are_those_of_a_plain_writer(table: list[dict[str, str | None]]) -> None:
    batch = pa.RecordBatch.from_pylist(table, schema=QUADS)
    assert lines_of_keys(batch).to_pybytes().decode() == "".join(plain_line(row) for row in table)
    coded = pa.RecordBatch.from_arrays([c.dictionary_encode() for c in batch.columns], names=QUADS.names)
    assert lines_of_keys(coded).to_pybytes() == lines_of_keys(batch).to_pybytes()
    assert (
        lines_of_keys(pa.concat_batches([batch, batch]).slice(len(table))).to_pybytes()
        == lines_of_keys(batch).to_pybytes()
    )


def plain_line(row: dict[str, str | None]) -> str:
    """One line, character by character."""
    return " ".join(plain(text) for text in (row[name] for name in QUADS.names) if text is not None) + " .\n"


def plain(key: str) -> str:
    if key.startswith("<"):
        bad = '<>"{}|^`\\'
        return (
            "<"
            + "".join(f"\\u{ord(c):04X}" if c in bad or ord(c) <= 32 or ord(c) == 127 else c for c in key[1:-1])
            + ">"
        )
    if not key.startswith('"'):
        return key
    end = key.rindex('"')
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"}
    return '"' + "".join(escapes.get(c, c) for c in key[1:end]) + key[end:]


def test_many_lines_in_one_chunk() -> None:
    text = "".join(
        f'<http://a/s{i}> <http://a/p> "é {i}"@en .\n' if i % 3 else f'_:n{i} <http://a/p> "a\\n{i}" .\n'
        for i in range(5000)
    ).encode()
    batch = keys_of_lines(text, 1, Lines("t", False, "z"))
    assert batch.num_rows == 5000
    assert rows(batch) == reference(text, False)


def test_rdf_1_2_is_refused_and_not_lost() -> None:
    with pytest.raises(UnsupportedError, match="triple term"):
        keys_of_lines(b"<http://a> <http://b> <<( <http://a> <http://b> <http://c> )>> .\n", 1, Lines("t", False, ""))
    with pytest.raises(UnsupportedError, match="base direction"):
        keys_of_lines(b'<http://a> <http://b> "x"@ar--rtl .\n', 1, Lines("t", False, ""))
