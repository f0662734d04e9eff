# SPDX-License-Identifier: Apache-2.0
"""The columnar evaluator against the reference, and its values one by one."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semcube.errors import MappingError, RowError
from semcube.mapping.evaluate import Evaluator, Options
from semcube.mapping.model import Mapping
from semcube.mapping.reference import quads_of_table
from semcube.mapping.report import LayerReport
from semcube.mapping.rows import MANY
from semcube.vocab import XSD

from .tables import TableRows, mapping_of, run

TEXTS = st.one_of(
    st.none(),
    st.sampled_from(
        ["", "NA", "None", "null", "a b", 'say "x"', "back\\slash", "two\nlines\r\n", "ü/é", "😀", "0056", "1.5"]
    ),
    st.text(max_size=8).filter(lambda text: "\x00" not in text),
)
COLUMNS = {
    "text": (TEXTS, pa.large_string()),
    "int": (st.none() | st.integers(-(2**63), 2**63 - 1), pa.int64()),
    "small": (st.none() | st.integers(0, 2), pa.int16()),
    "double": (st.none() | st.floats() | st.integers(-1000, 1000).map(float), pa.float64()),
    "single": (st.none() | st.floats(width=32), pa.float32()),
    "decimal": (st.none() | st.decimals(-1000, 1000, places=2), pa.decimal128(12, 2)),
    "flag": (st.none() | st.booleans(), pa.bool_()),
    "day": (st.none() | st.dates(), pa.date32()),
    "stamp": (st.none() | st.datetimes(), pa.timestamp("us")),
    "nano": (st.none() | st.integers(-(10**18), 10**18), pa.timestamp("ns")),
    "instant": (st.none() | st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)), pa.timestamp("ms", "UTC")),
    "clock": (st.none() | st.times(), pa.time64("us")),
    "bytes": (st.none() | st.binary(max_size=5), pa.binary()),
}
DATATYPES = [
    "string",
    "integer",
    "decimal",
    "double",
    "float",
    "boolean",
    "date",
    "dateTime",
    "gYear",
    "nonNegativeInteger",
]


@st.composite
def tables(draw: st.DrawFn, name: str) -> pa.Table:
    rows = draw(st.integers(1, 5))
    names = dict.fromkeys(["int", "small", "text", name])
    return pa.table({each: pa.array([draw(COLUMNS[each][0]) for _ in range(rows)], COLUMNS[each][1]) for each in names})


def simple(subject: str, objects: str) -> Mapping:
    """A mapping of one triples map with one predicate."""
    return mapping_of(f"""<#m> rml:logicalSource [ rml:source "t" ] ; rml:subjectMap [ {subject} ] ;
        rml:predicateObjectMap [ rml:predicate ex:p ; rml:objectMap {objects} ] .""")


def _uses(name: str) -> str:
    """A mapping that uses a column as literal, in templates, as IRI, as blank node and with other datatypes."""
    datatypes = [each for each in DATATYPES if (name, each) != ("decimal", "boolean")]
    typed = [] if name in ("flag", "clock", "bytes", "nano") else datatypes
    maps = [
        f'[ rml:reference "{name}" ]',
        f'[ rml:template "urn:x:{{{name}}}/" ]',
        f'[ rml:template "{{{name}}}" ]',
        f'[ rml:template "{{{name}}}:{{text}}" ]',
        f"[ rml:template \"a {{{name}}} 'b'\" ; rml:termType rml:Literal ]",
        f'[ rml:reference "{name}" ; rml:termType rml:IRI ]',
        f'[ rml:reference "{name}" ; rml:termType rml:BlankNode ]',
        f'[ rml:reference "{name}" ; rml:language "en-GB" ]',
        *(f'[ rml:reference "{name}" ; rml:datatype xsd:{datatype} ]' for datatype in typed),
    ]
    subject = '[ rml:template "http://a/{int}" ; rml:class ex:C ; rml:graphMap [ rml:template "http://g/{small}" ] ]'
    return f"""<#m> rml:logicalSource [ rml:source "t.parquet" ] ; rml:subjectMap {subject} ;
      rml:predicateObjectMap [ rml:predicate ex:p ; rml:objectMap {", ".join(maps)} ] ."""


USES = {name: mapping_of(_uses(name)) for name in COLUMNS}


@pytest.mark.parametrize("name", list(COLUMNS))
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_columnar_evaluator_agrees_with_the_reference(name: str, data: st.DataObject) -> None:
    table, mapping = data.draw(tables(name)), USES[name]
    expected = set(quads_of_table(mapping, mapping.triples_maps[0], table))
    quads, report = run(mapping, TableRows(table), on_error="skip")
    assert set(quads) == expected
    assert report.features_in == report.features_out + report.features_skipped == table.num_rows
    assert report.triples == len(quads)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables("double"))
def test_batches_and_grouping_change_nothing_but_the_order(table: pa.Table) -> None:
    whole, small, grouped = (
        run(USES["double"], TableRows(table), on_error="skip", **each)[0]  # type: ignore[arg-type]
        for each in ({}, {"batch_bytes": 1}, {"grouped": True})
    )
    assert Counter(whole) == Counter(small) == Counter(grouped)


def test_grouped_quads_keep_the_order_of_rows() -> None:
    table = pa.table({"int": [3, 1, 2], "small": [1, 1, 1], "text": ["a", None, "b"]})
    quads, _ = run(USES["text"], TableRows(table), on_error="skip", grouped=True)
    assert list(dict.fromkeys(quad[0] for quad in quads)) == ["<http://a/3>", "<http://a/1>", "<http://a/2>"]
    assert [quad[0] for quad in quads] == sorted((quad[0] for quad in quads), key=lambda each: "312".index(each[10]))


NATURAL = [
    (pa.array([254.0]), "2.54E2", "double"),
    (pa.array([-0.0]), "-0.0E0", "double"),
    (pa.array([1e300]), "1.0E300", "double"),
    (pa.array([float("nan")]), "NaN", "double"),
    (pa.array([0.1], pa.float32()), "1.0E-1", "float"),
    (pa.array([7], pa.uint64()), "7", "integer"),
    (pa.array([Decimal("80.20")]), "80.20", "decimal"),
    (pa.array([True]), "true", "boolean"),
    (pa.array([dt.date(2020, 2, 29)]), "2020-02-29", "date"),
    (pa.array([dt.datetime(2020, 1, 1)], pa.timestamp("s")), "2020-01-01T00:00:00", "dateTime"),
    (
        pa.array([dt.datetime(2020, 1, 1, 0, 0, 0, 500)], pa.timestamp("us", "Europe/Athens")),
        "2020-01-01T00:00:00.0005Z",
        "dateTime",
    ),
    (pa.array([dt.time(1, 2, 3)], pa.time32("s")), "01:02:03", "time"),
    (pa.array([b"\xab\x01"]), "AB01", "hexBinary"),
    (pa.array(["x"]).dictionary_encode(), "x", "string"),
]


@pytest.mark.parametrize(("values", "lexical", "datatype"), NATURAL)
def test_natural_literals(values: pa.Array, lexical: str, datatype: str) -> None:
    mapping = simple("rml:constant ex:s", '[ rml:reference "x" ]')
    quads, _ = run(mapping, TableRows(pa.table({"x": values})))
    suffix = "" if datatype == "string" else f"^^<{XSD}{datatype}>"
    assert [quad[2] for quad in quads] == [f'"{lexical}"{suffix}']


def test_constant_quads_are_written_once_and_only_with_rows() -> None:
    mapping = mapping_of("""<#m> rml:logicalSource [ rml:source "t" ] ;
        rml:subjectMap [ rml:constant ex:s ; rml:class ex:C ] .""")
    assert len(run(mapping, TableRows(pa.table({"x": [1, 2, 3]})), batch_bytes=1)[0]) == 1
    assert run(mapping, TableRows(pa.table({"x": pa.array([], pa.int64())})))[0] == []


def test_null_gives_no_triple_and_empty_text_does() -> None:
    mapping = simple('rml:template "http://a/{id}"', '[ rml:reference "x" ]')
    quads, report = run(mapping, TableRows(pa.table({"id": [1, 2, None], "x": [None, "", "None"]})))
    assert quads == [("<http://a/2>", "<http://example.org/p>", '""', None)]
    assert (report.features_in, report.features_out, report.features_skipped) == (3, 1, 2)
    assert [each.row for each in report.skipped] == [0, 2]


def test_a_bad_value_stops_the_run_and_names_file_layer_row_and_column() -> None:
    mapping = simple('rml:template "http://a/{fid}"', '[ rml:reference "x" ; rml:datatype xsd:integer ]')
    table = TableRows(pa.table({"fid": [10, 11, 12], "x": ["1", "one", "003"]}))
    with pytest.raises(RowError) as caught:
        run(mapping, table)
    assert (caught.value.source, caught.value.layer, caught.value.row, caught.value.column) == (
        "table.parquet",
        "table",
        11,
        "x",
    )
    quads, report = run(mapping, table, on_error="skip")
    assert [quad[2] for quad in quads] == [f'"1"^^<{XSD}integer>', f'"003"^^<{XSD}integer>']
    assert (report.values_skipped, report.skipped[0].row, report.skipped[0].column) == (1, 11, "x")


def test_an_unknown_column_is_found_before_any_row_and_a_near_one_is_offered() -> None:
    mapping = simple('rml:template "http://a/{ident}"', "[ rml:constant 1 ]")
    expected = r"triples map #m, subjectMap: column 'ident' is not in the source.*did you mean 'id_ent'"
    with pytest.raises(MappingError, match=expected):
        run(mapping, TableRows(pa.table({"id_ent": [1]})))


def test_columns_are_told_apart_by_case_and_found_without_it_where_that_is_unambiguous() -> None:
    mapping = simple('rml:template "http://a/{ID}"', '[ rml:reference "Name" ], [ rml:reference "name" ]')
    quads, _ = run(mapping, TableRows(pa.table({"id": [1], "Name": ["A"], "name": ["b"]})))
    assert [quad[2] for quad in quads] == ['"A"', '"b"']


def test_templates_are_percent_encoded_but_letters_of_any_script_stay() -> None:
    mapping = simple('rml:template "http://a/{x}"', "[ rml:constant 1 ]")
    quads, _ = run(mapping, TableRows(pa.table({"x": ["a/b c", "Αθήνα", "100%", "a\nb", "{x}'"]})))
    assert [quad[0] for quad in quads] == [
        "<http://a/a%2Fb%20c>", "<http://a/Αθήνα>", "<http://a/100%25>", "<http://a/a%0Ab>", "<http://a/%7Bx%7D%27>",
    ]  # fmt: skip


@st.composite
def tables_of_lists(draw: st.DrawFn) -> pa.Table:
    """Scalars beside columns with several values in a row."""
    rows = draw(st.integers(1, 4))
    many = {MANY: b""}
    lists = {
        "tags": (st.sampled_from(["a", "b", "a b", "en", "de-AT", "\U0001f600"]), pa.large_string()),
        "codes": (st.integers(-2, 2), pa.int64()),
        "sizes": (st.sampled_from([0.0, 1.0, 2.5, float("nan")]), pa.float64()),
    }
    fields = [pa.field("int", pa.int64()), pa.field("text", pa.large_string())]
    arrays = [
        pa.array([draw(st.none() | st.integers(0, 2)) for _ in range(rows)], pa.int64()),
        pa.array([draw(TEXTS) for _ in range(rows)], pa.large_string()),
    ]
    for name, (values, datatype) in lists.items():
        fields.append(pa.field(name, pa.large_list(datatype), metadata=many))
        arrays.append(pa.array([draw(st.lists(values, max_size=3)) for _ in range(rows)], pa.large_list(datatype)))
    return pa.table(arrays, schema=pa.schema(fields))


SEVERAL = mapping_of("""<#m> rml:logicalSource [ rml:source "t" ] ;
  rml:subjectMap [ rml:template "http://a/{int}/{codes}" ; rml:class ex:C ;
    rml:graphMap [ rml:template "http://g/{tags}" ] ] ;
  rml:predicateObjectMap [ rml:predicate ex:p , ex:q ;
    rml:predicateMap [ rml:template "http://p/{tags}" ] ;
    rml:objectMap [ rml:reference "codes" ] , [ rml:reference "sizes" ] , [ rml:reference "sizes" ;
      rml:datatype xsd:integer ] , [ rml:template "{tags}-{codes}" ; rml:termType rml:Literal ] ,
      [ rml:reference "tags" ; rml:termType rml:BlankNode ] , [ rml:reference "tags" ; rml:termType rml:IRI ] ,
      [ rml:reference "tags" ; rml:termType rml:URI ] , [ rml:template "u:{tags}" ; rml:termType rml:URI ] ,
      [ rml:template "u:{text}" ; rml:termType rml:UnsafeIRI ] ,
      [ rml:template "{text}" ; rml:termType rml:UnsafeURI ] ,
      [ rml:reference "text" ; rml:languageMap [ rml:reference "tags" ] ] ,
      [ rml:reference "text" ; rml:languageMap [ rml:template "de-{codes}" ] ] ,
      [ rml:reference "int" ; rml:datatypeMap [ rml:template "http://d/{tags}" ] ] ] .""")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables_of_lists())
def test_several_values_agree_with_the_reference(table: pa.Table) -> None:
    expected = set(quads_of_table(SEVERAL, SEVERAL.triples_maps[0], table))
    quads, report = run(SEVERAL, TableRows(table), on_error="skip")
    assert set(quads) == expected
    assert report.features_in == report.features_out + report.features_skipped == table.num_rows
    assert Counter(run(SEVERAL, TableRows(table), on_error="skip", grouped=True)[0]) == Counter(quads)


def test_all_combinations_of_several_values() -> None:
    mapping = simple('rml:template "http://a/{x}"', '[ rml:reference "y" ]')
    fields = [pa.field(name, pa.list_(pa.string()), metadata={MANY: b""}) for name in "xy"]
    table = pa.table([pa.array([["1", "2"], [], ["3"]]), pa.array([["a", "b"], ["c"], ["d"]])], pa.schema(fields))
    quads, report = run(mapping, TableRows(table))
    assert [(quad[0][-2], quad[2]) for quad in sorted(quads)] == [
        ("1", '"a"'), ("1", '"b"'), ("2", '"a"'), ("2", '"b"'), ("3", '"d"'),
    ]  # fmt: skip
    assert (report.features_out, report.features_skipped, report.skipped[0].row) == (2, 1, 1)


JOINED = mapping_of("""<#child> rml:logicalSource [ rml:source "child" ] ;
  rml:subjectMap [ rml:template "http://a/{id}" ] ;
  rml:predicateObjectMap [ rml:predicate ex:one ; rml:graph ex:g ; rml:objectMap [ rml:parentTriplesMap <#parent> ;
    rml:joinCondition [ rml:child "k" ; rml:parent "k" ] ] ] ,
    [ rml:predicate ex:two ; rml:objectMap [ rml:parentTriplesMap <#parent> ;
      rml:joinCondition [ rml:child "k" ; rml:parent "k" ] , [ rml:child "m" ; rml:parent "m" ] ] ,
      [ rml:parentTriplesMap <#parent> ; rml:joinCondition [ rml:childMap [ rml:template "{k}/{m}" ] ;
        rml:parentMap [ rml:template "{m}/{k}" ] ] ] ] .
  <#parent> rml:logicalSource [ rml:source "parent" ] ; rml:baseIRI <http://own/> ;
  rml:subjectMap [ rml:template "{name}/{m}" ] .""")


@st.composite
def joined_tables(draw: st.DrawFn) -> tuple[pa.Table, pa.Table]:
    keys = {pa.int64(): st.integers(0, 2), pa.float64(): st.sampled_from([0.0, 1.0, 1.5]), pa.string(): TEXTS}

    def table(names: str, key_type: pa.DataType) -> pa.Table:
        rows = draw(st.integers(0, 4))
        fields = [pa.field("k", key_type), pa.field("m", pa.list_(pa.int32()), metadata={MANY: b""})]
        arrays = [
            pa.array([draw(st.none() | keys[key_type]) for _ in range(rows)], key_type),
            pa.array([draw(st.lists(st.integers(0, 2), max_size=2)) for _ in range(rows)], pa.list_(pa.int32())),
            pa.array([draw(st.none() | st.integers(0, 2)) for _ in range(rows)], pa.int64()),
        ]
        return pa.table(arrays, pa.schema([*fields, pa.field(names, pa.int64())]))

    types = st.sampled_from(list(keys))
    return table("id", draw(types)), table("name", draw(types))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(joined_tables())
def test_joins_agree_with_the_reference(tables: tuple[pa.Table, pa.Table]) -> None:
    child, parent = (next(each for each in JOINED.triples_maps if each.name == name) for name in ("#child", "#parent"))
    expected = set(quads_of_table(JOINED, child, tables[0], parents={"#parent": tables[1]}))
    sources = {parent.source: TableRows(tables[1])}
    for options in ({}, {"batch_bytes": 1}):
        evaluator = Evaluator(JOINED, (child,), TableRows(tables[0]), Options(**options), sources)
        report = LayerReport("child")
        batches = list(evaluator.quads(report))
        quads = [row for batch in batches for row in zip(*(each.to_pylist() for each in batch.columns), strict=True)]
        assert set(quads) == expected
        assert report.triples == len(quads)


def test_a_wrong_join_is_found_before_any_row() -> None:
    parent = next(each for each in JOINED.triples_maps if each.name == "#parent")
    rows = {parent.source: TableRows(pa.table({"k": [1], "name": [1]}))}
    child = TableRows(pa.table({"id": [1], "k": [1], "m": [1]}))
    with pytest.raises(MappingError, match="triples map #parent, subjectMap: column 'm'"):
        Evaluator(JOINED, (JOINED.triples_maps[0],), child, None, rows)
