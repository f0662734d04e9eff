# SPDX-License-Identifier: Apache-2.0
"""Lists and containers (RML-CC): both evaluators make the same graph; what is wrong is told before a row is read."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import pyarrow as pa
import pyoxigraph
import pytest
from hypothesis import given, settings

from semcube.errors import MappingError, UnsupportedError
from semcube.io.ntriples import lines_of_keys
from semcube.io.terms import QUADS
from semcube.mapping import mapping_turtle, quads, transform, transform_in_processes
from semcube.mapping.reference import quads_of_table
from semcube.mapping.rows import MANY
from tests.mapping.tables import Quad, TableRows, mapping_of, run

RDF_PREFIX = "@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> ."
MANY_TEXTS = {name: pa.field(name, pa.list_(pa.string()), metadata={MANY: b"1"}) for name in ("a", "b")}
SCHEMA = pa.schema([("id", pa.string()), ("n", pa.int64()), *MANY_TEXTS.values()])
ROWS = [
    {"id": "x", "n": 1, "a": ["1", "1", "2"], "b": ["p", "q"]},
    {"id": "y", "n": None, "a": [], "b": ["r"]},
    {"id": "x", "n": 3, "a": ["3"], "b": []},
    {"id": None, "n": 4, "a": ["4"], "b": ["s", "s"]},
    {"id": "z", "n": 5, "a": [], "b": []},
]
A, B = '[ rml:reference "a" ]', '[ rml:reference "b" ]'
TREE = f"[ rml:gather ( {A} ) ; rml:gatherAs rdf:Bag ] [ rml:gather ( {B} {A} ) ; rml:gatherAs rdf:Seq ]"
GATHERS = {
    "list": f"rml:gather ( {A} ) ; rml:gatherAs rdf:List",
    "two": f"rml:gather ( {A} {B} ) ; rml:gatherAs rdf:Bag",
    "product": f"rml:gather ( {A} {B} ) ; rml:gatherAs rdf:List ; rml:strategy rml:cartesianProduct",
    "empty list": f"rml:gather ( {A} ) ; rml:gatherAs rdf:List ; rml:allowEmptyListAndContainer true",
    "empty bag": f"rml:gather ( {A} ) ; rml:gatherAs rdf:Alt ; rml:allowEmptyListAndContainer true",
    "named list": f'rml:template "http://l/{{id}}" ; rml:gather ( {A} {B} ) ; rml:gatherAs rdf:List',
    "named empty": f"""rml:template "http://s/{{n}}" ; rml:gather ( {A} ) ; rml:gatherAs rdf:Seq ;
        rml:allowEmptyListAndContainer true""",
    "blank list": f'rml:reference "id" ; rml:termType rml:BlankNode ; rml:gather ( {B} ) ; rml:gatherAs rdf:List',
    "named product": f"""rml:template "http://p/{{id}}" ; rml:gather ( {A} {B} ) ; rml:gatherAs rdf:List ;
        rml:strategy rml:cartesianProduct""",
    "one for all": f"rml:constant <http://all> ; rml:gather ( {A} ) ; rml:gatherAs rdf:List",
    "nested": f"rml:gather ( {TREE} ) ; rml:gatherAs rdf:List",
    "nested product": f"""rml:gather ( {TREE} ) ; rml:gatherAs rdf:List ; rml:strategy rml:cartesianProduct""",
    "others": """rml:gather ( [ rml:constant "c" ] [ rml:reference "n" ] [ rml:template "http://t/{id}" ] )
        ; rml:gatherAs rdf:Seq""",
    "typed": """rml:gather ( [ rml:reference "a" ; rml:language "de" ] [ rml:template "http://t/{a}/{b}" ] )
        ; rml:gatherAs rdf:List""",
}
SUBJECT = '<#m> rml:logicalSource [ rml:source "t" ] ; rml:subjectMap [ rml:template "http://e/{id}" ] ;'


def object_rule(gather: str, graph: str = "") -> str:
    return f"{SUBJECT} rml:predicateObjectMap [ rml:predicate ex:p ; rml:objectMap [ {gather} ] {graph} ] ."


def graph_of(rows: list[Quad]) -> pyoxigraph.Dataset:
    """The quads without the names of blank nodes."""
    batch = pa.RecordBatch.from_pylist([dict(zip(QUADS.names, row, strict=True)) for row in rows], schema=QUADS)
    found = pyoxigraph.Dataset(pyoxigraph.parse(lines_of_keys(batch).to_pybytes(), format=pyoxigraph.RdfFormat.N_QUADS))
    found.canonicalize(pyoxigraph.CanonicalizationAlgorithm.UNSTABLE)
    return found


def check(text: str, rows: list[dict[str, object]]) -> list[Quad]:
    mapping, table = mapping_of(RDF_PREFIX + text), rows_of(rows)
    expected = [quad for rule in mapping.triples_maps for quad in quads_of_table(mapping, rule, table)]
    for batch_bytes in (1, 1 << 20):
        found, report = run(mapping, TableRows(table), batch_bytes=batch_bytes)
        assert graph_of(found) == graph_of(expected)
        assert report.triples == len(found)
        assert report.features_in == report.features_out + report.features_skipped == len(rows)
    return found


def rows_of(rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=SCHEMA)


@pytest.mark.parametrize("graph", ["", '; rml:graphMap [ rml:template "http://g/{n}" ]'], ids=["default", "graphs"])
@pytest.mark.parametrize("name", GATHERS)
def test_both_evaluators(name: str, graph: str) -> None:
    assert check(object_rule(GATHERS[name], graph), ROWS)


@pytest.mark.parametrize("name", GATHERS)
def test_as_a_subject(name: str) -> None:
    rule = f'<#m> rml:logicalSource [ rml:source "t" ] ; rml:subjectMap [ {GATHERS[name]} ]'
    assert check(rule + ".", ROWS)
    said = check(rule + "; rml:predicateObjectMap [ rml:predicate ex:n ; rml:objectMap [ rml:reference 'n' ] ] .", ROWS)
    assert any(quad[1] == "<http://example.org/n>" for quad in said)


def test_the_members_of_a_name_go_on_from_row_to_row() -> None:
    found = check(object_rule(GATHERS["named list"]), ROWS)
    members, node = [], "<http://l/x>"
    rdf = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    while node != f"{rdf}nil>":
        first, rest = ({p: o for s, p, o, _ in found if s == node}[f"{rdf}{name}>"] for name in ("first", "rest"))
        members.append(first)
        node = rest
    assert members == ['"1"', '"1"', '"2"', '"p"', '"q"', '"3"']


def test_two_maps_of_one_name_share_it() -> None:
    one = object_rule(GATHERS["named list"].replace("http://l/", "http://same/"))[:-1]
    two = GATHERS["named product"].replace("http://p/", "http://same/")
    text = f"{one} ; rml:predicateObjectMap [ rml:predicate ex:q ; rml:objectMap [ {two} ] ] ."
    found = check(text, ROWS)
    firsts = [quad for quad in found if quad[0] == "<http://same/x>" and quad[1].endswith("#first>")]
    assert len(firsts) == 1


texts = st.lists(st.sampled_from(["1", "2", 'a"b']), max_size=3)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"id": st.sampled_from(["x", "y", None]), "n": st.sampled_from([1, 2, None]), "a": texts, "b": texts}
        ),
        max_size=5,
    ),
    st.sampled_from(sorted(GATHERS)),
)
@settings(max_examples=40, deadline=None)
def test_any_rows(rows: list[dict[str, object]], name: str) -> None:
    check(object_rule(GATHERS[name], '; rml:graphMap [ rml:template "http://g/{n}" ]'), rows)


@pytest.mark.parametrize(
    ("gather", "message"),
    [
        (f"rml:gather ( {A} )", "no rml:gatherAs"),
        (f"rml:gather ( {A} ) ; rml:gatherAs rdf:Table", "gatherAs rdf:Table"),
        ("rml:gatherAs rdf:List", "a gather map without rml:gather"),
        ("rml:gather () ; rml:gatherAs rdf:List", "an empty list"),
        (f"rml:gather {A} ; rml:gatherAs rdf:List", "rml:gather is no list"),
        (f"rml:gather ( {A} ) ; rml:gatherAs rdf:List ; rml:strategy rml:zip", "strategy rml:zip"),
        (f"rml:gather ( {A} ) ; rml:gatherAs rdf:List ; rml:allowEmptyListAndContainer 'maybe'", "maybe"),
        (f"rml:constant 'x' ; rml:gather ( {A} ) ; rml:gatherAs rdf:List", "is a literal"),
        (f"rml:reference 'a' ; rml:gather ( {A} ) ; rml:gatherAs rdf:List", "several values"),
        ("rml:gather ( [ ] ) ; rml:gatherAs rdf:List", "gather 1.*0 of constant"),
        ("rml:gather ( [ rml:reference 'c' ] ) ; rml:gatherAs rdf:List", "column 'c' is not in the source"),
        ("rml:gather ( [ rml:parentTriplesMap <#none> ] ) ; rml:gatherAs rdf:List", "#none is not in the mapping"),
    ],
)
def test_errors_before_a_row_is_read(gather: str, message: str) -> None:
    with pytest.raises(MappingError, match=message) as error:
        run(mapping_of(RDF_PREFIX + object_rule(gather)), TableRows(rows_of(ROWS)))
    assert error.value.triples_map == "#m"


JSON = '[{"id": "u", "v": [3, 1, 3]}, {"id": "w", "v": []}, {"id": "u", "v": [2]}]'
RULES = """
@prefix rml: <http://w3id.org/rml/> . @prefix ex: <http://example.org/> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
<#m> rml:logicalSource [ rml:source "t.json" ; rml:referenceFormulation rml:JSONPath ; rml:iterator "$[*]" ] ;
  rml:subjectMap [ rml:template "http://e/{id}" ; rml:class ex:C ] ;
  rml:predicateObjectMap [ rml:predicate ex:p ; rml:objectMap [
    rml:template "http://l/{id}" ; rml:gather ( [ rml:reference "v[*]" ] ) ; rml:gatherAs rdf:List ] ] .
"""


@pytest.mark.parametrize("ending", ["nt", "ttl", "nq.gz"])
def test_files(tmp_path: Path, ending: str) -> None:
    from semcube.io import read_rdf

    (tmp_path / "t.json").write_text(JSON)
    (tmp_path / "m.ttl").write_text(RULES)
    report = transform((), tmp_path / f"out.{ending}", tmp_path / "m.ttl")
    found = [tuple(row.values()) for batch in read_rdf(tmp_path / f"out.{ending}") for row in batch.to_pylist()]
    made = [tuple(row.values()) for batch in quads((), tmp_path / "m.ttl") for row in batch.to_pylist()]
    assert graph_of(found) == graph_of(made)
    assert report.triples == len(made) == 3 + 2 + 2 * 4, "the second row makes no list; each has a class"
    assert (report.features_in, report.features_out) == (3, 3)


def test_what_cannot_gather(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(JSON)
    (tmp_path / "m.ttl").write_text(RULES)
    with pytest.raises(UnsupportedError, match="gather maps, which processes cannot share"):
        transform_in_processes((), tmp_path / "out.nt", tmp_path / "m.ttl", jobs=2)
    with pytest.raises(UnsupportedError, match="a gather map cannot be written"):
        mapping_turtle(mapping_of(RULES))
