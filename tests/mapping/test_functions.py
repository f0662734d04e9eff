# SPDX-License-Identifier: Apache-2.0
"""Functions in mappings: values, the columnar way beside the reference, errors before and while rows are read."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.errors import MappingError, RowError
from semcube.io.ntriples import lines_of_keys
from semcube.mapping import quads, transform
from semcube.mapping.functions import FUNCTIONS, GREL, IDLAB, find
from semcube.mapping.parse import read_mapping
from semcube.mapping.reference import quads_of_table
from semcube.mapping.turtle import mapping_turtle
from semcube.vocab import GEOF, GEOJSON_LITERAL, GML_LITERAL, UOM, WKT_LITERAL, XSD
from tests.conftest import ROOT

from .tables import PREFIXES, TableRows, run

FNML = (
    PREFIXES
    + f"""@prefix grel: <{GREL}> . @prefix idlab-fn: <{IDLAB}> . @prefix geof: <{GEOF}> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> . @prefix uom: <{UOM}> .
"""
)


def source(value: object) -> str:
    """An input: a column by ``$name``, a template in braces, a call as Turtle, else a literal or an IRI as Turtle."""
    text = str(value)
    if text.startswith("$"):
        return f'rml:inputValueMap [ rml:reference "{text[1:]}" ]'
    if text.startswith("{"):
        return f'rml:inputValueMap [ rml:template "{text}" ]'
    return f"rml:inputValueMap [ {text} ]" if text.startswith("rml:") else f"rml:inputValue {text}"


def call(function: str, *inputs: object) -> str:
    """A function execution with its inputs by position."""
    given_ = ", ".join(f"[ rml:parameter rdf:_{n} ; {source(value)} ]" for n, value in enumerate(inputs, 1))
    return f"rml:functionExecution [ rml:function {function} {'; rml:input ' + given_ if inputs else ''} ]"


def rule(term: str, subject: str = 'rml:template "http://a/{id}"', *, kind: str = "") -> str:
    """A mapping with one property."""
    source_ = 'rml:source "t.csv"' + (f" ; rml:referenceFormulation {kind}" if kind else "")
    return f"""{FNML} <#m> rml:logicalSource [ {source_} ] ; rml:subjectMap [ {subject} ] ;
      rml:predicateObjectMap [ rml:predicate ex:p ; rml:objectMap [ {term} ] ] ."""


def both(term: str, table: pa.Table, subject: str = 'rml:template "http://a/{id}"') -> list[str]:
    """The objects of all rows, after the check that the reference makes the same quads."""
    mapping = read_mapping(Path("m.ttl"), rule(term, subject))
    found, _ = run(mapping, TableRows(table), base="http://b/")
    expected = list(quads_of_table(mapping, mapping.triples_maps[0], table, "http://b/"))
    assert sorted(map(str, found)) == sorted(map(str, expected))
    return [each[2] for each in found]


ONE = pa.table(
    {
        "id": [1],
        "name": [" Ulm an der Donau "],
        "empty": pa.array([None], pa.string()),
        "tags": ["b;a;b"],
        "n": [7],
        "x": [-2.5],
        "text": ["12.5"],
        "yes": [True],
        "day": ["24.12.2020"],
        "wkt": ["POINT (10 48)"],
        "url": ["www.ulm.de/a&b"],
    }
)
INTEGER, DOUBLE, BOOLEAN = (f"^^<{XSD}{name}>" for name in ("integer", "double", "boolean"))


@pytest.mark.parametrize(
    ("term", "objects"),
    [
        (call("grel:toUpperCase", "$name"), ['" ULM AN DER DONAU "']),
        (call("grel:toLowerCase", '"ABC"'), ['"abc"']),
        (call("grel:string_trim", "$name"), ['"Ulm an der Donau"']),
        (call("grel:string_replace", "$name", '" "', '"_"'), ['"_Ulm_an_der_Donau_"']),
        (call("grel:string_substring", "$tags", "2", "3"), ['"a"']),
        (call("grel:string_substring", "$tags", "-1"), ['"b"']),
        (call("grel:string_substring", "$tags", "6"), []),
        (call("grel:string_split", "$tags", '";"'), ['"a"', '"b"']),
        (call("grel:array_join", call("grel:string_split", "$tags", '";"'), '"+"'), ['"b+a+b"']),
        (
            "rml:functionExecution [ rml:function grel:array_join ; rml:input [ rml:parameter grel:p_array_a ; "
            'rml:inputValue "x" ] , [ rml:parameter grel:p_array_a ; rml:inputValueMap [ rml:reference "n" ] ] , '
            '[ rml:parameter grel:p_string_sep ; rml:inputValue "-" ] ]',
            ['"x-7"'],
        ),
        (call("grel:array_length", call("grel:string_split", "$tags", '";"')), ['"3"' + INTEGER]),
        (call("grel:array_get", call("grel:string_split", "$tags", '";"'), "1"), ['"a"']),
        (call("idlab-fn:concat", "$tags", "$n", '"-"'), ['"b;a;b-7"']),
        (call("grel:string_length", "$tags"), ['"5"' + INTEGER]),
        (call("grel:string_indexOf", "$tags", '"a"'), ['"2"' + INTEGER]),
        (call("grel:string_md5", '"a"'), ['"0cc175b9c0f1b6a831c399e269772661"']),
        (call("grel:string_toTitlecase", "$name"), ['" Ulm An Der Donau "']),
        (call("grel:escape", "$url", '"html"'), ['"www.ulm.de/a&amp;b"']),
        (call("grel:escape", "$url", '"url"'), ['"www.ulm.de%2Fa%26b"']),
        (call("idlab-fn:slugify", '"Zürich, Süd!"'), ['"zurich-sud"']),
        (call("idlab-fn:toUpperCaseURL", "$url") + " ; rml:termType rml:IRI", ["<http://WWW.ULM.DE/A&B>"]),
        (call("grel:string_toNumber", "$text"), ['"1.25E1"' + DOUBLE]),
        (call("grel:string_toNumber", "$text") + " ; rml:datatype xsd:decimal", [f'"12.5"^^<{XSD}decimal>']),
        (call("grel:math_round", "$x"), ['"-2"' + INTEGER]),
        (call("grel:math_sum", "$n", "$text", "1"), ['"2.05E1"' + DOUBLE]),
        (call("grel:math_abs", "$x"), ['"2.5E0"' + DOUBLE]),
        (call("grel:date_toDate", "$day", '"dd.MM.yyyy"'), [f'"2020-12-24"^^<{XSD}date>']),
        (call("idlab-fn:isNull", "$empty"), ['"true"' + BOOLEAN]),
        (call("idlab-fn:isNotNull", "$empty"), ['"false"' + BOOLEAN]),
        (call("idlab-fn:equal", "$n", '"7"'), ['"true"' + BOOLEAN]),
        (call("idlab-fn:notEqual", "$tags", '"b"'), ['"true"' + BOOLEAN]),
        (call("grel:controls_if", "$yes", '"yes"', '"no"'), ['"yes"']),
        (call("grel:controls_if", call("idlab-fn:equal", "$n", "8"), "$n", "0"), ['"0"' + INTEGER]),
        (call("grel:controls_if", "$yes", "$n", '"none"'), ['"7"']),
        (call("idlab-fn:trueCondition", call("grel:boolean_not", "$yes"), "$name"), []),
        (call("idlab-fn:decide", "$n", "7", '"seven"'), ['"seven"']),
        (call("grel:other_coalesce", "$empty", "$tags"), ['"b;a;b"']),
        (call("grel:toUpperCase", "{id}: {tags}"), ['"1: B;A;B"']),
        (call("grel:toUpperCase", "$empty"), []),
        (call("idlab-fn:alwaysReturnsABC"), ['"ABC"']),
        (call("grel:toUpperCase", "$url") + ' ; rml:language "en"', ['"WWW.ULM.DE/A&B"@en']),
        (call("geof:asGeoJSON", "$wkt"), [f'"{{"type":"Point","coordinates":[10.0,48.0]}}"^^<{GEOJSON_LITERAL}>']),
        (call("geof:centroid", '"LINESTRING (0 0, 2 2)"^^geo:wktLiteral'), [f'"POINT (1 1)"^^<{WKT_LITERAL}>']),
        (call("geof:distance", "$wkt", '"POINT (10 48)"', "uom:metre"), ['"0.0E0"' + DOUBLE]),
        (call("geof:sfWithin", "$wkt", '"POLYGON ((9 47, 11 47, 11 49, 9 49, 9 47))"'), ['"true"' + BOOLEAN]),
        (call("geof:maxX", call("geof:envelope", '"LINESTRING (0 0, 2 2)"')), ['"2.0E0"' + DOUBLE]),
        (call("geof:coordinateDimension", "$wkt"), ['"2"' + INTEGER]),
    ],
)
def test_values(term: str, objects: list[str]) -> None:
    assert sorted(both(term, ONE)) == sorted(objects)


def test_conditions_leave_out_terms() -> None:
    table = pa.table({"id": [1, 2, 3], "kind": ["a", "b", None]})
    condition = "rml:condition [ " + call("idlab-fn:equal", "$kind", '"a"') + " ] ; "
    assert both(condition + 'rml:reference "id"', table) == [f'"1"^^<{XSD}integer>']
    assert both(condition + 'rml:constant "only a"', table) == ['"only a"']
    assert both('rml:reference "id"', table, condition + 'rml:template "http://a/{id}"') == [f'"1"^^<{XSD}integer>']


def test_lines_and_keys_are_the_same(tmp_path: Path) -> None:
    """Files are written by another way than :func:`quads` gives its keys; functions and conditions go both."""
    (tmp_path / "t.csv").write_text(
        'id,name,wkt\n1,"say ""x""\\",POINT (1 2)\n2,,\n3,"a;b",POINT (3 4)\n', encoding="utf-8"
    )
    condition = "rml:condition [ " + call("idlab-fn:isNotNull", "$wkt") + " ] ; "
    terms = [
        condition + 'rml:reference "name"',
        condition + 'rml:template "http://a/{name}"',
        condition + "rml:constant ex:c",
        condition + 'rml:constant "c \\"q\\""',
        call("grel:toUpperCase", "$name"),
        call("grel:toUpperCase", "$name") + ' ; rml:language "en"',
        call("grel:string_length", "$name"),
        call("idlab-fn:concat", '"urn:x:"', "$id") + " ; rml:termType rml:IRI",
        call("idlab-fn:concat", "$name", "$id") + " ; rml:termType rml:BlankNode",
        call("geof:buffer", "$wkt", "10", "uom:metre"),
        call("geof:asGML", "$wkt"),
        call("geof:minX", "$wkt"),
        call("geof:isEmpty", "$wkt"),
        call("grel:string_split", "$name", '";"'),
    ]
    pairs = " ; ".join(
        f"rml:predicateObjectMap [ rml:predicate ex:p{n} ; rml:objectMap [ {term} ] ]" for n, term in enumerate(terms)
    )
    for chosen in (pairs, pairs.rpartition(" ; rml:predicateObjectMap")[0]):  # with and without a list
        (tmp_path / "m.ttl").write_text(
            f"""{FNML} <#m> rml:logicalSource [ rml:source "t.csv" ; rml:referenceFormulation rml:CSV ] ;
            rml:subjectMap [ rml:template "http://a/{{id}}" ] ; {chosen} .""",
            encoding="utf-8",
        )
        transform((), tmp_path / "o.nt", tmp_path / "m.ttl")
        lines = sorted((tmp_path / "o.nt").read_bytes().splitlines())
        keys = b"".join(lines_of_keys(batch).to_pybytes() for batch in quads((), tmp_path / "m.ttl"))
        assert lines == sorted(keys.splitlines())
        assert len(lines) > 25


def test_each_of_several_values_is_an_argument(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text('[{"id": 1, "tags": ["a", "b;c"], "n": [1, 0]}]', encoding="utf-8")
    not_zero = call("idlab-fn:notEqual", "$$.n[*]", "0")
    terms = [
        call("grel:toUpperCase", "$$.tags[*]"),
        call("grel:string_split", "$$.tags[*]", '";"'),
        f'rml:condition [ {not_zero} ] ; rml:reference "$.tags[*]"',
        call("idlab-fn:concat", "$$.tags[*]", "$$.n[*]"),
    ]
    pairs = " ; ".join(
        f"rml:predicateObjectMap [ rml:predicate ex:p{n} ; rml:objectMap [ {term} ] ]" for n, term in enumerate(terms)
    )
    (tmp_path / "m.ttl").write_text(
        f"""{FNML} <#m> rml:logicalSource [ rml:source "t.json" ; rml:referenceFormulation rml:JSONPath ;
        rml:iterator "$[*]" ] ; rml:subjectMap [ rml:template "http://a/{{id}}" ] ; {pairs} .""",
        encoding="utf-8",
    )
    found: dict[str, set[str]] = {}
    for batch in quads((), tmp_path / "m.ttl"):
        for row in batch.to_pylist():
            found.setdefault(row["p"][-2], set()).add(row["o"])
    assert found == {
        "0": {'"A"', '"B;C"'},
        "1": {'"a"', '"b"', '"c"'},
        "2": {'"a"', '"b;c"'},
        "3": {'"a1"', '"a0"', '"b;c1"', '"b;c0"'},
    }


def test_calls_in_joins_across_sources(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("id,town\n1,ulm \n2,BONN\n", encoding="utf-8")
    (tmp_path / "p.csv").write_text("name\nUlm\nBonn\nBern\n", encoding="utf-8")
    child = call("grel:toLowerCase", "rml:functionExecution [ rml:function grel:string_trim ; rml:input [ "
                 'rml:parameter rdf:_1 ; rml:inputValueMap [ rml:reference "town" ] ] ]')  # fmt: skip
    (tmp_path / "m.ttl").write_text(
        f"""{FNML} <#c> rml:logicalSource [ rml:source "c.csv" ; rml:referenceFormulation rml:CSV ] ;
        rml:subjectMap [ rml:template "http://a/{{id}}" ] ; rml:predicateObjectMap [ rml:predicate ex:in ;
          rml:objectMap [ rml:parentTriplesMap <#p> ; rml:joinCondition [
            rml:childMap [ {child} ] ; rml:parentMap [ {call("grel:toLowerCase", "$name")} ] ] ] ] .
        <#p> rml:logicalSource [ rml:source "p.csv" ; rml:referenceFormulation rml:CSV ] ;
        rml:subjectMap [ rml:template "http://t/{{name}}" ] .""",
        encoding="utf-8",
    )
    found = {(row["s"], row["o"]) for batch in quads((), tmp_path / "m.ttl") for row in batch.to_pylist()}
    assert found == {("<http://a/1>", "<http://t/Ulm>"), ("<http://a/2>", "<http://t/Bonn>")}


def test_calls_of_every_position_and_of_the_older_vocabulary() -> None:
    datatype = call("idlab-fn:concat", '"http://d/"', "$lang")
    text = f"""{FNML}
    @prefix fnml: <http://semweb.mmlab.be/ns/fnml#> . @prefix fno: <https://w3id.org/function/ontology#> .
    <#m> rml:logicalSource [ rml:source "t.csv" ] ; rml:subjectMap [ fnml:functionValue [
        rr:predicateObjectMap [ rr:predicate fno:executes ; rr:objectMap [ rr:constant grel:toLowerCase ] ] ;
        rr:predicateObjectMap [ rr:predicate grel:valueParameter ; rr:objectMap [ rr:column "name" ] ] ] ;
        rml:termType rml:IRI ; rml:graphMap [ {call("idlab-fn:toUpperCaseURL", "$name")} ] ] ;
      rml:predicateObjectMap [ rml:predicateMap [ {call("idlab-fn:toUpperCaseURL", "$name")} ] ;
        rml:objectMap [ rml:reference "name" ; rml:languageMap [ {call("grel:toLowerCase", "$lang")} ] ] ,
          [ rml:reference "name" ; rml:datatypeMap [ {datatype} ] ] ] ."""
    mapping = read_mapping(Path("m.ttl"), text)
    table = pa.table({"name": ["Ulm"], "lang": ["DE"]})
    found, _ = run(mapping, TableRows(table), base="http://b/")
    assert set(found) == {
        ("<http://b/ulm>", "<http://ULM>", value, "<http://ULM>") for value in ('"Ulm"@de', '"Ulm"^^<http://d/DE>')
    }
    assert set(quads_of_table(mapping, mapping.triples_maps[0], table, "http://b/")) == set(found)


def test_geometries_of_the_source_are_arguments() -> None:
    import shapely

    table = pa.table(
        {"id": [1, 2], "geom": pa.array([shapely.to_wkb(shapely.box(0, 0, 2, 2)), None], pa.large_binary())}
    )
    rows = TableRows(table, "geom", "EPSG:4326")
    made = {}
    for name in ("centroid", "asGML", "isEmpty"):
        mapping = read_mapping(Path("m.ttl"), rule(call(f"geof:{name}", "$geometry")))
        made[name] = [(each[0], each[2]) for each in run(mapping, rows)[0]]
    assert made["centroid"] == [("<http://a/1>", f'"POINT (1 1)"^^<{WKT_LITERAL}>')]
    assert made["isEmpty"] == [("<http://a/1>", '"false"' + BOOLEAN)]
    assert made["asGML"][0][1].endswith(f'"^^<{GML_LITERAL}>')


def test_a_value_that_no_function_can_take_is_reported_with_its_row() -> None:
    table = pa.table({"id": [1, 2], "text": ["1", "one"], "wkt": ["POINT (1 2)", "POINT (1"]})
    for term, expected in ((call("grel:math_abs", "$text"), "a number"), (call("geof:minX", "$wkt"), "geof:minX")):
        mapping = read_mapping(Path("m.ttl"), rule(term))
        with pytest.raises(RowError, match=rf"row 1, column (text|wkt): .*expected .*{expected}"):
            run(mapping, TableRows(table))
        found, report = run(mapping, TableRows(table), on_error="skip")
        assert len(found) == 1
        assert (report.features_skipped, report.values_skipped) == (1, 1)


def test_a_value_under_a_condition_that_does_not_hold_is_not_bad() -> None:
    table = pa.table({"id": [1, 2], "text": ["1", "one"]})
    number = call("grel:string_match", "$text", '"^[0-9]+$"')
    assert both(f"rml:condition [ {number} ] ; {call('grel:math_abs', '$text')}", table) == ['"1.0E0"' + DOUBLE]
    chosen = call("grel:controls_if", number, call("grel:math_abs", "$text"), "0.5e0")
    assert both(chosen, table) == ['"1.0E0"' + DOUBLE, '"5.0E-1"' + DOUBLE]


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (call("grel:toUperCase", '"a"'), "function .*toUperCase is not known.*did you mean toUpperCase"),
        (call("ex:toUpperCase", '"a"'), "function http://example.org/toUpperCase is not known"),
        (call("grel:toUpperCase"), r"function toUpperCase has no valueparam; expected toUpperCase\(valueparam\)"),
        (call("grel:toUpperCase", '"a"', '"b"'), "parameter .*_2 is not known"),
        (call("grel:toUpperCase", "$absent"), "column 'absent' is not in the source"),
        (call("grel:toUpperCase", '"a"') + " ; rml:return grel:unknownOut", "result .*unknownOut of toUpperCase"),
        ("rml:functionExecution [ rml:input [] ]", "without a function"),
        (
            call("geof:buffer", "$wkt", "10", "<http://no/unit>"),
            "'http://no/unit' is no unit that geof:buffer can take",
        ),
        (call("geof:sfWithin", "$wkt", '"POLYGON ((1"'), "is no geometry that geof:sfWithin can take"),
        (call("geof:buffer", "$wkt", '"far"', "uom:metre"), "'far' is no number that geof:buffer can take"),
        (call("grel:math_sum"), r"function math_sum has no param_rep_n; expected math_sum\(param_rep_n\.\.\.\)"),
        (call("grel:date_toDate", "$day", "$name"), "a pattern that is not constant"),
        (
            "rml:functionExecution [ rml:function grel:toUpperCase ; rml:input [ rml:parameter grel:valueParam ] ]",
            "the input valueParam has no value",
        ),
        (call("grel:toUpperCase", call("grel:string_split", '"a"', '"b"')), "a list where one value is wanted"),
    ],
)
def test_wrong_calls_are_found_before_a_row_is_read(term: str, message: str) -> None:
    with pytest.raises(MappingError, match=r"m\.ttl, triples map #m, objectMap.*" + message):
        run(read_mapping(Path("m.ttl"), rule(term)), TableRows(ONE))


TEXTS = st.text(st.sampled_from("ab cAB-;.1 9é\n\"'<&%"), max_size=8)
KINDS = {"text": TEXTS, "number": st.floats(-1e6, 1e6), "integer": st.integers(-9, 9), "boolean": st.booleans()}
CHECKED = sorted(
    {
        each.name
        for name, each in (find("toUpperCase") and FUNCTIONS.items())
        if not name.startswith("geof:")
        and not {"any", "list", "pattern"} & {parameter.kind for parameter in each.parameters}
    }
    - {"date_toDate", "string_replaceRegex", "string_match", "math_pow", "hash", "string_md5", "string_sha1"}
)


@pytest.mark.parametrize("name", CHECKED)
@settings(max_examples=8)
@given(data=st.data())
def test_columns_and_reference_agree(name: str, data: st.DataObject) -> None:
    function = find(name)
    rows = 4
    columns: dict[str, list[object]] = {"id": list(range(rows))}
    inputs = []
    for number, parameter in enumerate(function.parameters):
        values = data.draw(st.lists(st.none() | KINDS[parameter.kind], min_size=rows, max_size=rows))
        columns[f"c{number}"] = values  # type: ignore[assignment]
        inputs.append(f"$c{number}")
    types = {"text": pa.string(), "number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_()}
    kinds = [types[parameter.kind] for parameter in function.parameters]
    typed = zip(columns.values(), [pa.int64(), *kinds], strict=True)
    table = pa.table([pa.array(values, kind) for values, kind in typed],
                     names=list(columns))  # fmt: skip
    both(call(f"grel:{name}", *inputs), table)


def test_splitting_nothing() -> None:
    table = pa.table({"id": [1, 2, 3], "text": ["", "ab", ""], "by": ["", "", ";"]})
    assert sorted(both(call("grel:string_split", "$text", "$by"), table)) == ['""', '"a"', '"b"']


def test_every_function_is_documented() -> None:
    find("toUpperCase")
    guide = (ROOT / "docs" / "guide" / "mapping.md").read_text(encoding="utf-8")
    assert [each.name for each in FUNCTIONS.values() if f"`{each.name}`" not in guide] == []
    assert [each.name for each in FUNCTIONS.values() if not each.doc] == []
    assert len({id(each) for each in FUNCTIONS.values()}) > 100


def test_calls_and_conditions_are_written_as_they_are_read() -> None:
    condition = "rml:condition [ " + call("idlab-fn:isNotNull", "$name") + " ] ; "
    mapping = read_mapping(Path("m.ttl"), rule(condition + call("geof:buffer", "$wkt", "10", "uom:metre")))
    again = read_mapping(Path("m.ttl"), mapping_turtle(mapping))
    assert again.triples_maps[0].predicate_objects == mapping.triples_maps[0].predicate_objects
