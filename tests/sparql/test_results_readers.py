# SPDX-License-Identifier: Apache-2.0
"""The readers against the writers, the W3C files and malformed documents."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcube.errors import ResultSyntaxError, UnsupportedError, UsageError
from semcube.io.terms import IRI, BlankNode, Literal, Term, key
from semcube.sparql.results import Results, read, read_csv, read_json, read_tsv, read_xml, write, write_boolean
from semcube.sparql.results.reading import BATCH_ROWS
from semcube.vocab import XSD_INTEGER
from tests.sparql.test_results import TABLES, Row, columns, expressible, written


def pieces(document: bytes, size: int) -> Iterator[bytes]:
    return (document[start : start + size] for start in range(0, len(document), size))


def rows(found: Results) -> list[tuple[str | None, ...]]:
    return [tuple(record[name] for name in found.variables) for batch in found.batches for record in batch.to_pylist()]


def keys(table: list[Row]) -> list[tuple[str | None, ...]]:
    return [tuple(None if term is None else key(term) for term in row) for row in table]


@given(TABLES, st.integers(1, 50), st.sampled_from(["json", "xml", "tsv"]))
def test_what_is_written_is_read(table: list[Row], size: int, form: str) -> None:
    if form == "xml" and not expressible(table):
        return
    found = read(pieces(written(["a", "b", "c"], table, form), size), form)
    assert found.variables == ("a", "b", "c")
    assert rows(found) == keys(table)


@given(TABLES, st.integers(1, 50))
def test_csv_reads_the_text_of_each_term(table: list[Row], size: int) -> None:
    def text(term: Term | None) -> str | None:
        match term:
            case IRI(value):
                return f'"{value}"'
            case BlankNode(label):
                return f'"_:{label}"'
            case Literal(lexical) if lexical:
                return f'"{lexical}"'
        return None

    found = read_csv(pieces(written(["a", "b", "c"], table, "csv"), size))
    assert rows(found) == [tuple(text(term) for term in row) for row in table]


@pytest.mark.parametrize("form", ["json", "xml", "tsv", "csv"])
def test_solutions_without_variables_and_booleans(form: str) -> None:
    found = read(b"".join(write([], [[], [], []], form)), form)
    assert found.variables == ()
    assert sum(batch.num_rows for batch in found.batches) == 3
    for value in (True, False):
        answer = read(write_boolean(value, form), form)
        assert answer.boolean is value
        assert list(answer.batches) == []


@pytest.mark.parametrize("form", ["json", "xml", "tsv", "csv"])
def test_many_rows_come_in_batches_from_an_open_file(form: str) -> None:
    count = 2 * BATCH_ROWS + 7
    table: list[Row] = [(Literal(str(n)), None) for n in range(count)]
    document = b"".join(write(["x", "y"], [columns(table, 2)], form))
    batches = list(read(io.BytesIO(document), form).batches)
    assert [batch.num_rows for batch in batches] == [BATCH_ROWS, BATCH_ROWS, 7]
    assert [v for batch in batches for v in batch.column("x").to_pylist()] == [f'"{n}"' for n in range(count)]
    assert all(batch.column("y").null_count == batch.num_rows for batch in batches)


def test_values_of_any_size() -> None:
    table: list[Row] = [(Literal("x" * 1_000_000 + '"\n'),)]
    for form in ("json", "xml", "tsv", "csv"):
        assert rows(read(written(["x"], table, form), form)) == keys(table)


def test_json_as_other_programs_write_it() -> None:
    document = {
        "results": {
            "ordered": True,
            "bindings": [
                {"x": {"type": "typed-literal", "value": "1", "datatype": XSD_INTEGER}},
                {"x": {"xml:lang": "EN", "value": "a", "type": "literal"}},
                {"x": {"type": "literal", "value": "b", "datatype": "http://www.w3.org/2001/XMLSchema#string"}},
            ],
            "distinct": False,
        },
        "extra": [1, {"a": None}],
        "head": {"link": [], "vars": ["x"]},
    }
    expected = [(f'"1"^^<{XSD_INTEGER}>',), ('"a"@en',), ('"b"',)]
    for indent in (None, 2):
        for order in (sorted(document), sorted(document, reverse=True)):
            text = json.dumps({name: document[name] for name in order}, indent=indent).encode()
            assert rows(read_json(pieces(text, 7))) == expected
    assert rows(read_json(b"\xef\xbb\xbf" + json.dumps(document).encode())) == expected


def test_xml_as_other_programs_write_it() -> None:
    document = b"""<?xml version='1.0' encoding='ISO-8859-1'?>
    <s:sparql xmlns:s='http://www.w3.org/2005/sparql-results#' xmlns:o='http://other/'>
      <s:head><s:variable name='x'/><s:link href='a'/></s:head>
      <s:results ordered='true'>
        <s:result><s:binding name='x'> <s:uri> http://e/a </s:uri> </s:binding></s:result>
        <s:result><s:binding name='x'><s:literal xml:lang='EN'> caf\xe9 <![CDATA[<]]></s:literal></s:binding></s:result>
        <s:result><o:note>no</o:note></s:result>
      </s:results>
    </s:sparql>"""
    assert rows(read_xml(document)) == [("<http://e/a>",), ('" café <"@en',), (None,)]


def test_tsv_as_other_programs_write_it() -> None:
    document = (
        '?x\r\n\'it\\\'s\'\r\n"a\\u00e9\\\\"@EN\r\n1.5e3\r\ntrue\r\n"b"^^<http://www.w3.org/2001/XMLSchema#string>'
    )
    assert [row[0] for row in rows(read_tsv(document.encode()))] == [
        '"it\'s"',
        '"aé\\"@en',
        '"1.5e3"^^<http://www.w3.org/2001/XMLSchema#double>',
        '"true"^^<http://www.w3.org/2001/XMLSchema#boolean>',
        '"b"',
    ]


@pytest.mark.parametrize(
    ("form", "document", "message"),
    [
        ("json", b"", "'{'"),
        ("json", b"[]", "expected '{'"),
        ("json", b'{"head":{"vars":["x"]}}', "'results' or 'boolean'"),
        ("json", b'{"head":{"vars":["x"]},"results":{"bindings":[{"x":{"type":"uri","value":"a"}}', "the end"),
        ("json", b'{"head":{"vars":["x"]},"results":{"bindings":[{"x":{"type":"uri"}}]}}', "without type or value"),
        ("json", b'{"head":{"vars":["x"]},"results":{"bindings":[{"x":{"type":"u","value":"a"}}]}}', "type 'u'"),
        ("json", b'{"head":{"vars":["x"]},"results":{"bindings":[{"y":{"type":"uri","value":"a"}}]}}', r"\?y"),
        ("json", b'{"head":{"vars":["x"]},"results":{"bindings":[1]}}', "no object"),
        ("json", b'{"head":{"vars":["\xff"]}}', "no UTF-8"),
        ("xml", b"", "well-formed"),
        ("xml", b"<html/>", "no <results>"),
        ("xml", b"<a><b></a>", "line 1, column 9"),
        ("xml", b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', "document type"),
        ("xml", b'<sparql xmlns="http://www.w3.org/2005/sparql-results#"><boolean>maybe</boolean></sparql>', "'maybe'"),
        ("tsv", b"", "a line of variables"),
        ("tsv", b"x\n", "'x'"),
        ("tsv", b"?x\n<a>\t<b>\n", "row 2: 2 cells; expected 1"),
        ("tsv", b"?x\nhello\n", "row 2: the cell 'hello'"),
        ("tsv", b'?x\n"\\q"\n', "the escape"),
        ("csv", b'x\n"a\n', "does not end"),
        ("csv", b'x\na"b"\n', "line 2: a quote"),
        ("csv", b"x,y\na\n", "row 2: 1 cells; expected 2"),
    ],
)
def test_malformed_documents_are_refused(form: str, document: bytes, message: str) -> None:
    with pytest.raises(ResultSyntaxError, match=message):
        rows(read(document, form))


def test_triple_terms_are_not_supported() -> None:
    cell = '{"type":"triple","value":{}}'
    with pytest.raises(UnsupportedError, match="triple term"):
        rows(read_json(f'{{"head":{{"vars":["x"]}},"results":{{"bindings":[{{"x":{cell}}}]}}}}'.encode()))


def test_other_formats_are_not_read() -> None:
    with pytest.raises(UsageError, match="one of json, xml, csv, tsv"):
        read(b"", "geojson")


@pytest.mark.shared
def test_the_result_files_of_the_w3c_suite(shared: Path) -> None:
    """The same solutions as another program reads."""
    formats = {".srj": ox.QueryResultsFormat.JSON, ".srx": ox.QueryResultsFormat.XML, ".tsv": ox.QueryResultsFormat.TSV}
    count = 0
    for path in sorted((shared / "suites" / "sparql11").glob("*/*")):
        if path.suffix not in formats:
            continue
        document = path.read_bytes()
        found = read(document, path.suffix)
        expected = ox.parse_query_results(document, format=formats[path.suffix])
        count += 1
        if isinstance(expected, ox.QueryBoolean):
            assert found.boolean is bool(expected), path.name
            continue
        names = [v.value for v in expected.variables]
        assert list(found.variables) == names, path.name
        assert rows(found) == [tuple(oracle_key(s[name]) for name in names) for s in expected], path.name
    assert count > 150


def oracle_key(term: object) -> str | None:
    match term:
        case ox.NamedNode():
            return f"<{term.value}>"
        case ox.BlankNode():
            return f"_:{term.value}"
        case ox.Literal():
            return key(Literal(term.value, term.datatype.value, term.language))
    return None
