# SPDX-License-Identifier: Apache-2.0
"""The writers against independent readers: json, csv, ElementTree, pyoxigraph, pyarrow, shapely."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET

import pyarrow as pa
import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcube.errors import OutputError, UsageError
from semcube.io.terms import IRI, TERMS, BlankNode, Literal, Term
from semcube.sparql.results import FORMATS, find_format, write, write_boolean
from semcube.sparql.results.geojson_writer import write_geojson
from semcube.vocab import GEO, WKT_LITERAL, XSD, XSD_BOOLEAN, XSD_DECIMAL, XSD_DOUBLE, XSD_INTEGER, XSD_STRING

Row = tuple[Term | None, ...]


def columns(rows: list[Row], width: int) -> list[pa.RecordBatch]:
    """A batch of terms for each variable."""
    batches = []
    for i in range(width):
        data: dict[str, list[object]] = {name: [] for name in TERMS.names}
        for row in rows:
            term = row[i]
            match term:
                case None:
                    values: tuple[object, ...] = (None, None, None, None)
                case IRI(value):
                    values = (0, value, None, None)
                case BlankNode(label):
                    values = (1, label, None, None)
                case Literal(lexical, datatype, language):
                    values = (2, lexical, datatype, language)
            for name, value in zip(TERMS.names, values, strict=True):
                data[name].append(value)
        batches.append(pa.record_batch(data, schema=TERMS))
    return batches


def written(variables: list[str], rows: list[Row], form: str, split: int | None = None) -> bytes:
    step = split or max(len(rows), 1)
    batches = [columns(rows[start : start + step], len(variables)) for start in range(0, len(rows), step)]
    return b"".join(write(variables, batches, form))


TEXT = st.text(st.characters(blacklist_categories=("Cs",)), max_size=12) | st.sampled_from(
    ['"', "\\", 'a"b\\c', "\t", "\r\n", "\x00\x1f", "\u2028", "é😀", "", ",", "<&>", "\\n"]
)
IRIS = st.sampled_from(["http://e/a", "http://e/é", "urn:x:1"]).map(IRI)
BLANKS = st.sampled_from(["b0", "x1"]).map(BlankNode)
LITERALS = st.one_of(
    TEXT.map(Literal),
    st.builds(lambda text, tag: Literal(text, language=tag), TEXT, st.sampled_from(["en", "de-at"])),
    st.builds(Literal, TEXT, st.sampled_from([GEO + "x", XSD + "date"])),
    st.integers().map(lambda n: Literal(str(n), XSD_INTEGER)),
    st.sampled_from(["1", "+01", "1.", "x", "-.5", "1e5", "1.5E-3", "INF", "1.0\n"]).flatmap(
        lambda text: st.sampled_from([XSD_INTEGER, XSD_DECIMAL, XSD_DOUBLE]).map(lambda kind: Literal(text, kind))
    ),
)
TERM = st.one_of(st.none(), IRIS, BLANKS, LITERALS)
TABLES = st.lists(st.tuples(TERM, TERM, TERM), max_size=12)


def json_term(cell: dict[str, str] | None) -> Term | None:
    if cell is None:
        return None
    if cell["type"] == "uri":
        return IRI(cell["value"])
    if cell["type"] == "bnode":
        return BlankNode(cell["value"])
    if "xml:lang" in cell:
        return Literal(cell["value"], language=cell["xml:lang"])
    return Literal(cell["value"], cell.get("datatype", XSD_STRING))


@given(TABLES, st.integers(1, 5))
def test_json_gives_back_the_terms(rows: list[Row], split: int) -> None:
    document = json.loads(written(["a", "b", "c"], rows, "json", split))
    assert document["head"]["vars"] == ["a", "b", "c"]
    found = [tuple(json_term(b.get(name)) for name in "abc") for b in document["results"]["bindings"]]
    assert found == rows


def xml_term(binding: ET.Element) -> Term:
    cell = binding[0]
    text = cell.text or ""
    kind = cell.tag.rpartition("}")[2]
    if kind == "uri":
        return IRI(text)
    if kind == "bnode":
        return BlankNode(text)
    language = cell.get("{http://www.w3.org/XML/1998/namespace}lang")
    return Literal(text, language=language) if language else Literal(text, cell.get("datatype", XSD_STRING))


def expressible(rows: list[Row]) -> bool:
    bad = {chr(i) for i in range(32)} - {"\t", "\n", "\r"} | {"\ufffe", "\uffff"}
    return not any(isinstance(term, Literal) and bad & set(term.lexical) for row in rows for term in row)


@given(TABLES, st.integers(1, 5))
def test_xml_gives_back_the_terms_or_refuses(rows: list[Row], split: int) -> None:
    if not expressible(rows):
        with pytest.raises(OutputError, match="XML"):
            written(["a", "b", "c"], rows, "xml", split)
        return
    root = ET.fromstring(written(["a", "b", "c"], rows, "xml", split))
    space = "{http://www.w3.org/2005/sparql-results#}"
    assert [v.get("name") for v in root.iter(space + "variable")] == ["a", "b", "c"]
    results = [{b.get("name"): xml_term(b) for b in result} for result in root.iter(space + "result")]
    assert [tuple(result.get(name) for name in "abc") for result in results] == rows


@given(TABLES, st.integers(1, 5))
def test_csv_gives_back_the_text(rows: list[Row], split: int) -> None:
    def text(term: Term | None) -> str:
        match term:
            case None:
                return ""
            case IRI(value):
                return value
            case BlankNode(label):
                return f"_:{label}"
            case Literal(lexical):
                return lexical

    document = written(["a", "b", "c"], rows, "csv", split).decode()
    if any("\x00" in text(term) for row in rows for term in row):
        return  # the csv module refuses NUL
    found = list(csv.reader(io.StringIO(document, newline="")))
    assert found == [["a", "b", "c"], *[[text(term) for term in row] for row in rows]]


@given(TABLES)
def test_tsv_is_read_by_an_independent_parser(rows: list[Row]) -> None:
    rows = [row for row in rows if expressible([row])]
    document = written(["a", "b", "c"], rows, "tsv")
    lines = document.decode().split("\n")
    assert lines[0] == "?a\t?b\t?c"
    assert lines[-1] == ""
    for line, row in zip(lines[1:-1], rows, strict=True):
        cells = line.split("\t")
        for cell, term in zip(cells, row, strict=True):
            if term is None:
                assert cell == ""
                continue
            quad = next(iter(ox.parse(f"<urn:s> <urn:p> {cell} .".encode(), format=ox.RdfFormat.TURTLE)))
            assert_same(quad.object, term)


def assert_same(found: object, term: Term) -> None:
    match term:
        case IRI(value):
            assert found == ox.NamedNode(value)
        case BlankNode():
            assert isinstance(found, ox.BlankNode)
        case Literal(lexical, datatype, language):
            assert isinstance(found, ox.Literal)
            assert (found.value, found.datatype.value, found.language) == (lexical, datatype, language)


@given(TABLES, st.integers(1, 5))
def test_arrow_gives_back_the_terms(rows: list[Row], split: int) -> None:
    table = pa.ipc.open_stream(written(["a", "b", "c"], rows, "arrow", split)).read_all()
    found = []
    for record in table.to_pylist():
        row: list[Term | None] = []
        for cell in record.values():
            if cell is None:
                row.append(None)
            elif cell["kind"] == 2:
                row.append(Literal(cell["lexical"], cell["datatype"], cell["language"]))
            else:
                row.append((IRI, BlankNode)[cell["kind"]](cell["lexical"]))
        found.append(tuple(row))
    assert found == rows


def test_numbers_stand_bare_in_tsv_only_where_that_keeps_their_form() -> None:
    rows: list[Row] = [
        (Literal("01", XSD_INTEGER),),
        (Literal("5.", XSD_DECIMAL),),
        (Literal("-.5", XSD_DECIMAL),),
        (Literal("1e6", XSD_DOUBLE),),
        (Literal("NaN", XSD_DOUBLE),),
        (Literal("true", XSD_BOOLEAN),),
    ]
    assert written(["x"], rows, "tsv").decode().split("\n")[1:-1] == [
        "01",
        f'"5."^^<{XSD_DECIMAL}>',
        "-.5",
        "1e6",
        f'"NaN"^^<{XSD_DOUBLE}>',
        f'"true"^^<{XSD_BOOLEAN}>',
    ]


def test_solutions_without_variables() -> None:
    batches: list[list[pa.RecordBatch]] = [[], []]
    assert json.loads(b"".join(write([], batches, "json")))["results"]["bindings"] == [{}, {}]
    assert b"".join(write([], batches, "xml")).count(b"<result></result>") == 2
    assert b"".join(write([], batches, "csv")) == b"\r\n\r\n\r\n"
    assert b"".join(write([], batches, "tsv")) == b"\n\n\n"
    assert pa.ipc.open_stream(b"".join(write([], batches, "arrow"))).read_all().num_rows == 2
    assert len(json.loads(b"".join(write([], batches, "geojson")))["features"]) == 2
    assert b"".join(write([], batches, "table")).endswith(b"2 rows\n")


def test_large_batches_are_cut_into_pieces() -> None:
    rows: list[Row] = [(Literal("x" * 1000),)] * 20_000
    parts = list(write(["a"], [columns(rows, 1)], "json"))
    assert max(len(part) for part in parts) < 10_000_000
    assert len(json.loads(b"".join(parts))["results"]["bindings"]) == 20_000


def test_dictionary_encoded_columns_are_accepted() -> None:
    (batch,) = columns([(Literal("a"),), (Literal("a"),)], 1)
    encoded = batch.set_column(1, "lexical", batch.column("lexical").dictionary_encode())
    assert b"".join(write(["x"], [[encoded]], "csv")) == b"x\r\na\r\na\r\n"


def test_geojson_has_lonlat_geometries_and_typed_properties() -> None:
    rows: list[Row] = [
        (
            IRI("http://e/a"),
            Literal("<http://www.opengis.net/def/crs/EPSG/0/4326> POINT (48.5 11.25)", WKT_LITERAL),
            Literal("+05", XSD_INTEGER),
        ),
        (BlankNode("b"), Literal("POLYGON ((0 0, 0 1, 1 1, 0 0))", WKT_LITERAL), Literal("1", XSD_BOOLEAN)),
        (None, Literal("POINT (", WKT_LITERAL), Literal(".5E1", XSD_DOUBLE)),
        (Literal("n", language="en"), None, Literal("INF", XSD_DOUBLE)),
    ]
    document = json.loads(written(["s", "g", "v"], rows, "geojson"))
    features = document["features"]
    assert document["type"] == "FeatureCollection"
    assert [f["type"] for f in features] == ["Feature"] * 4
    assert features[0]["geometry"] == {"type": "Point", "coordinates": [11.25, 48.5]}
    assert features[0]["properties"] == {"s": "http://e/a", "v": 5}
    assert features[1]["geometry"]["coordinates"] == [[[0, 0], [1, 1], [0, 1], [0, 0]]]
    assert features[1]["properties"] == {"s": "_:b", "v": True}
    assert features[2]["geometry"] is None
    assert features[2]["properties"] == {"s": None, "g": "POINT (", "v": 5.0}
    assert features[3]["properties"] == {"s": "n", "g": None, "v": "INF"}


def test_geojson_takes_the_first_geometry_or_the_one_asked_for() -> None:
    rows: list[Row] = [(Literal("POINT (1 2)", WKT_LITERAL), Literal("POINT (3 4)", WKT_LITERAL))]
    batches = [columns(rows, 2)]
    first = json.loads(b"".join(write_geojson(["a", "b"], batches)))["features"][0]
    assert first["geometry"]["coordinates"] == [1, 2]
    assert first["properties"] == {"b": "POINT (3 4)"}
    second = json.loads(b"".join(write_geojson(["a", "b"], batches, "b")))["features"][0]
    assert second["geometry"]["coordinates"] == [3, 4]
    assert second["properties"] == {"a": "POINT (1 2)"}
    with pytest.raises(OutputError, match=r"no variable \?c"):
        list(write_geojson(["a", "b"], batches, "c"))


@given(st.lists(st.sampled_from(["0", "-0", "007", "+1", ".5", "-.5", "5.", "5.e3", "-00.10E+2", "1e-7"]), min_size=1))
def test_geojson_numbers_keep_their_value(lexical: list[str]) -> None:
    rows: list[Row] = [(Literal(text, XSD_DOUBLE),) for text in lexical]
    features = json.loads(written(["v"], rows, "geojson"))["features"]
    assert [f["properties"]["v"] for f in features] == [float(text) for text in lexical]


def test_table_is_aligned_and_safe_for_terminals() -> None:
    rows: list[Row] = [
        (IRI(GEO + "Feature"), Literal("\x1b[31mred\nline")),
        (IRI("http://e/long"), Literal("y" * 100)),
        (None, Literal("字", language="zh")),
    ]
    text = written(["s", "value"], rows, "table").decode()
    lines = text.split("\n")
    assert lines[0] == "s             | value"
    assert lines[2] == "geo:Feature   |  [31mred line"
    assert lines[3].endswith("y" * 59 + "…")
    assert lines[4] == "              | 字"
    assert lines[5] == "3 rows"


def test_booleans() -> None:
    assert json.loads(write_boolean(True, "json")) == {"head": {}, "boolean": True}
    root = ET.fromstring(write_boolean(False, "xml"))
    assert [e.text for e in root.iter("{http://www.w3.org/2005/sparql-results#}boolean")] == ["false"]
    assert write_boolean(True, "csv") == b"true\n"
    with pytest.raises(UsageError, match="ASK as geojson; expected one of json, xml"):
        write_boolean(True, "geojson")


def test_formats_are_found_by_name_media_type_and_extension() -> None:
    for name, found in FORMATS.items():
        assert find_format(name) is found
        assert find_format(found.extension) is found
        for media_type in found.media_types:
            assert find_format(media_type) is found
    with pytest.raises(UsageError, match="one of json, xml, csv, tsv"):
        find_format("yaml")
