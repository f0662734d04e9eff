# SPDX-License-Identifier: Apache-2.0
"""Lines made at once are the lines of the reference, which makes keys; the counts are the same."""

from __future__ import annotations

from pathlib import Path

import geopandas
import hypothesis.strategies as st
import pandas
import pyarrow as pa
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from pyarrow import parquet

from semcube.errors import RowError
from semcube.io.ntriples import lines_of_keys
from semcube.mapping import Mapping, TransformReport, quads, read_mapping, transform
from semcube.mapping.evaluate import Evaluator
from semcube.mapping.lines import plain_columns, special_columns
from semcube.mapping.materialise import TransformOptions, evaluators
from semcube.mapping.sources import bind

PREFIXES = """
@prefix rml: <http://w3id.org/rml/> . @prefix semcube: <https://w3id.org/semcube/ns#> .
@prefix geo: <http://www.opengis.net/ont/geosparql#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix ex: <http://example.org/> . @base <http://example.org/> .
<m> rml:logicalSource [ rml:source "given" ; rml:referenceFormulation semcube:Vector ] ;
"""
SUBJECT = 'rml:subjectMap [ rml:template "http://example.org/{id}" ; rml:class ex:C ] ;'
RULES = {
    "text": '[ rml:reference "name" ]',
    "language": '[ rml:reference "name" ; rml:language "de" ]',
    "quoted template": '[ rml:template "say \\"{name}\\" {id}\\\\n" ; rml:termType rml:Literal ]',
    "iri template": '[ rml:template "http://example.org/{name}/{v}" ]',
    "relative iri": '[ rml:reference "word" ; rml:termType rml:IRI ]',
    "uri": '[ rml:template "http://example.org/{name}" ; rml:termType rml:URI ]',
    "blank": '[ rml:template "{name}" ; rml:termType rml:BlankNode ]',
    "double": '[ rml:reference "v" ]',
    "decimal": '[ rml:reference "v" ; rml:datatype xsd:decimal ]',
    "integer": '[ rml:reference "n" ]',
    "datatype of text": '[ rml:reference "digits" ; rml:datatype xsd:integer ]',
    "wkt": '[ rml:reference "geometry" ; rml:datatype geo:wktLiteral ]',
    "type": '[ rml:template "http://www.opengis.net/ont/sf#{geometry.type}" ]',
    "tag from data": '[ rml:reference "name" ; rml:languageMap [ rml:reference "tag" ] ]',
    "datatype from data": '[ rml:reference "name" ; rml:datatypeMap [ rml:template "http://example.org/{word}" ] ]',
    "constant": '[ rml:constant "a \\"b\\"\\\\n" ]',
}
NAMES = [
    "NA",
    "None",
    "",
    'say "hi"',
    "back\\slash",
    "two\nlines",
    "CR\r\nLF",
    "tab\t",
    "😀 Öl",
    None,
    "\x7f",
    "a'b",
    "'",
]


def table(folder: Path, names: list[str | None]) -> Path:
    rows = range(len(names))
    data = {
        "id": list(rows),
        "name": names,
        "word": [f"w{n}\x7f" if n % 3 else None for n in rows],
        "v": [(-1) ** n * 1.5 * 10.0 ** (n % 25 - 8) if n % 5 else None for n in rows],
        "n": pandas.array([n if n % 2 else None for n in rows], dtype="Int64"),
        "digits": [str(n) for n in rows],
        "tag": ["de" if n % 2 else None for n in rows],
    }
    points = [shapely.Point(n / 7, n / 9) if n % 4 else None for n in rows]
    frame = geopandas.GeoDataFrame(data, geometry=points, crs=4326)
    frame.to_parquet(folder / "t.parquet", row_group_size=5)
    return folder / "t.parquet"


def rules(*names: str, graph: bool = False, subject: str = SUBJECT) -> str:
    extra = ' ; rml:graphMap [ rml:template "http://example.org/g/{n}" ]' if graph else ""
    made = [
        f"rml:predicateObjectMap [ rml:predicate ex:p{place} ; rml:objectMap {RULES[name]}{extra} ]"
        for place, name in enumerate(names)
    ]
    return PREFIXES + subject + " ; ".join(made) + " ."


def check(source: Path, text: str, *, is_fast: bool = True, **options: object) -> Path:
    """Both ways over a source; gives the output."""
    document = source.parent / "m.ttl"
    document.write_text(text, encoding="utf-8")
    plain, expected = TransformReport(), []
    for batch in quads(source, document, report=plain, **options):
        expected += lines_of_keys(batch).to_pybytes().splitlines(keepends=True)
    assert all(each.program for each in opened(document, source)) == is_fast
    target = source.parent / "out.nq"
    report = transform(source, target, document, **options)
    assert sorted(target.read_bytes().splitlines(keepends=True)) == sorted(expected)
    assert [each.as_dict() for each in report.layers] == [each.as_dict() for each in plain.layers]
    return target


def opened(document: Path, source: Path) -> list[Evaluator]:
    mapping: Mapping = bind(read_mapping(document), [source])
    return [each for each, _ in evaluators(mapping, TransformOptions())]


@pytest.mark.parametrize("name", RULES)
def test_every_kind_of_term(tmp_path: Path, name: str) -> None:
    check(table(tmp_path, NAMES * 2), rules(name))


@pytest.mark.parametrize("graph", [False, True])
def test_all_at_once(tmp_path: Path, graph: bool) -> None:
    check(table(tmp_path, NAMES * 2), rules(*RULES, graph=graph))


def test_a_column_as_double_and_as_decimal(tmp_path: Path) -> None:
    found = check(table(tmp_path, [None] * 12), rules("double", "decimal")).read_text()
    assert '"1.5E-7"^^<http://www.w3.org/2001/XMLSchema#double>' in found.replace('"-1.5E-7"', '"1.5E-7"')
    assert '0.00000015"^^<http://www.w3.org/2001/XMLSchema#decimal>' in found


def test_rows_without_a_subject_are_counted(tmp_path: Path) -> None:
    subject = 'rml:subjectMap [ rml:template "http://example.org/{name}" ] ;'
    check(table(tmp_path, NAMES), rules("integer", subject=subject))
    assert sum(each is None for each in NAMES) == 1


def test_bad_values_take_the_reference(tmp_path: Path) -> None:
    source = table(tmp_path, ["a b", "http://example.org/c", None, "7"])
    text = rules("text").replace('[ rml:reference "name" ]', '[ rml:reference "name" ; rml:termType rml:IRI ]')
    check(source, text, on_error="skip")


def test_rows_before_a_bad_value_keep_their_lines(tmp_path: Path) -> None:
    names = [f"n{n}" for n in range(5000)]
    names[4500] = "a b"
    source = table(tmp_path, names)
    frame = geopandas.read_parquet(source)
    frame.to_parquet(source, row_group_size=5000)
    text = rules("text", "integer").replace(
        '[ rml:reference "name" ]', '[ rml:reference "name" ; rml:termType rml:IRI ]'
    )
    check(source, text, on_error="skip")
    with pytest.raises(RowError, match="row 4500"):
        transform(source, tmp_path / "fails.nt", tmp_path / "m.ttl")
    assert not (tmp_path / "fails.nt").exists()


def test_a_triple_for_all_rows_is_written_once(tmp_path: Path) -> None:
    subject = "rml:subjectMap [ rml:constant ex:all ] ;"
    found = check(table(tmp_path, NAMES), rules("constant", "text", subject=subject))
    assert found.read_bytes().count(b'"a \\"b\\"\\\\n"') == 1


def test_iris_that_are_not_made_safe_take_the_reference(tmp_path: Path) -> None:
    text = rules("text").replace('[ rml:reference "name" ]', '[ rml:reference "name" ; rml:termType rml:UnsafeIRI ]')
    check(table(tmp_path, ["a b", 'c"d', "e"]), text, is_fast=False)


@given(
    st.lists(
        st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))), max_size=9
    )
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text(tmp_path: Path, names: list[str | None]) -> None:
    kinds = ("text", "language", "quoted template", "iri template", "blank")
    check(table(tmp_path, ["first", *names]), rules(*kinds))


@pytest.mark.parametrize("ending", [".ttl", ".trig", ".nt.zst", ".nt"])
def test_all_syntaxes_have_the_same_triples(tmp_path: Path, ending: str) -> None:

    from semcube.io import read_rdf

    source = table(tmp_path, NAMES)
    (tmp_path / "m.ttl").write_text(rules("text", "double", "wkt"), encoding="utf-8")
    transform(source, tmp_path / f"out{ending}", tmp_path / "m.ttl")
    found = {tuple(row.values()) for batch in read_rdf(tmp_path / f"out{ending}") for row in batch.to_pylist()}
    expected = {tuple(row.values()) for batch in quads(source, tmp_path / "m.ttl") for row in batch.to_pylist()}
    assert found == expected


def test_special_columns_looks_at_the_rows_of_a_slice() -> None:
    column = pa.array(['"', "a", "b", "\n"])
    assert special_columns(pa.table({"c": column}), ("c",)) == {"c"}
    assert special_columns(pa.table({"c": column.slice(1, 2)}), ("c",)) == frozenset()
    assert special_columns(pa.table({"c": column.cast(pa.large_string()).slice(2, 2)}), ("c",)) == {"c"}


NUMBERS = [0.0, -0.0, 1e-4, 9.999e-5, -1e-4, 1e15, 999999999999999.9, 1.5, 254.0, None, 1e300, 5e-324, 0.1 + 0.2, 1e16]


def numbers(folder: Path, values: list[float | None], kind: pa.DataType) -> Path:
    """Numbers in row groups of three: some hold plain ones only."""
    held = pa.table({"id": list(range(len(values))), "v": pa.array(values, kind), "w": pa.array(values[::-1], kind)})
    parquet.write_table(held, folder / "t.parquet", row_group_size=3)
    return folder / "t.parquet"


PLACE = "ex:p2 ; rml:objectMap [ rml:reference "
TWO = rules("decimal", "double", "decimal").replace(f'{PLACE}"v"', f'{PLACE}"w"')


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.float16()])
def test_decimals_with_and_without_powers_of_ten(tmp_path: Path, kind: pa.DataType) -> None:
    assert '"w"' in TWO
    text = check(numbers(tmp_path, [*NUMBERS, 2.5, 3.5, 4.25], kind), TWO, on_error="skip").read_text()
    assert '"2.5"^^<http://www.w3.org/2001/XMLSchema#decimal>' in text
    if kind == pa.float64():
        assert '"0.00009999"^^<http://www.w3.org/2001/XMLSchema#decimal>' in text
        assert '"10000000000000000.0"^^<http://www.w3.org/2001/XMLSchema#decimal>' in text


def test_a_number_that_is_no_decimal_among_plain_ones(tmp_path: Path) -> None:
    source = numbers(tmp_path, [1.5, float("nan"), 2.5, 3.5, float("inf"), None, 4.5, 5.5, 6.5], pa.float64())
    check(source, TWO, on_error="skip")
    with pytest.raises(RowError, match="row 1"):
        transform(source, tmp_path / "fails.nt", tmp_path / "m.ttl")


@given(st.lists(st.one_of(st.none(), st.floats(width=32)), min_size=1, max_size=9), st.booleans())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_number(tmp_path: Path, values: list[float | None], wide: bool) -> None:
    check(numbers(tmp_path, values, pa.float64() if wide else pa.float32()), TWO, on_error="skip")


def test_plain_columns_leave_nulls_out() -> None:
    table = pa.table({"a": pa.array([1.0, None]), "b": [1.0, 1e-9], "c": pa.array([float("nan"), 1.0])})
    assert plain_columns(table, ("a", "b", "c")) == {"a"}


@pytest.mark.parametrize(
    "template",
    ["http://example.org/{id}/{name}?{n}#{v}", "http://example.org/{name}{name}", "urn:x:{d}", "http://a/{t}/{b}/{id}"],
)
@pytest.mark.parametrize("kind", ["IRI", "URI", "UnsafeIRI"])
def test_templates_of_several_columns(tmp_path: Path, template: str, kind: str) -> None:
    names = [name for name in NAMES if name is None or name.isprintable() or kind != "UnsafeIRI"]
    data = {"id": range(len(names)), "name": names, "n": [None if n % 3 == 1 else n for n in range(len(names))]}
    data |= {"v": [n / 8 for n in data["id"]], "b": [n % 2 == 0 for n in data["id"]]}
    columns = {key: pa.array(list(values)) for key, values in data.items()}
    days = pa.array([None if n % 4 == 3 else n * 400 - 800000 for n in data["id"]], pa.int32()).cast(pa.date32())
    columns |= {"d": days, "t": days.cast(pa.timestamp("us"))}
    parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    subject = f'rml:subjectMap [ rml:template "{template}" ; rml:termType rml:{kind} ] ;'
    other = f'[ rml:template "{template}/x" ; rml:termType rml:{kind} ]'
    text = rules("integer", "text", subject=subject).replace('[ rml:reference "name" ]', other)
    check(tmp_path / "t.parquet", text, is_fast=kind != "UnsafeIRI", on_error="skip")
