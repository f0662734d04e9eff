# SPDX-License-Identifier: Apache-2.0
"""Documents: what is read from them, what is refused and how the message names the place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcube.errors import MappingError, UnsupportedError
from semcube.io.terms import IRI, Literal
from semcube.mapping import mapping_turtle, read_mapping
from semcube.mapping.model import Constant, Formulation, Reference, Template, TermType, parse_template

from .tables import PREFIXES, mapping_of

SOURCE = 'rml:logicalSource [ rml:source "a.gpkg" ; rml:iterator "roads" ]'
SUBJECT = 'rml:subjectMap [ rml:template "http://a/{id}" ]'


def test_r2rml_and_both_rml_vocabularies_give_the_same_mapping() -> None:
    new = mapping_of(
        """<#m> rml:logicalSource [ rml:source "roads.gpkg" ; rml:iterator "roads" ;
             rml:referenceFormulation <https://w3id.org/semcube/ns#Vector> ] ;
           rml:subjectMap [ rml:template "http://a/{id}" ; rml:class ex:Road ] ;
           rml:predicateObjectMap [ rml:predicate ex:name ; rml:objectMap [ rml:reference "name" ] ] ."""
    )
    legacy = mapping_of(
        """@prefix old: <http://semweb.mmlab.be/ns/rml#> .
           <#m> old:logicalSource [ old:source "roads.gpkg" ; old:iterator "roads" ;
             old:referenceFormulation <http://w3id.org/rml/GeoParquet> ] ;
           rr:subjectMap [ rr:template "http://a/{id}" ; rr:class ex:Road ] ;
           rr:predicateObjectMap [ rr:predicate ex:name ; rr:objectMap [ old:reference "name" ] ] ."""
    )
    assert new == legacy
    table = mapping_of(
        """<#m> rr:logicalTable [ rr:tableName "public.roads" ] ;
           rr:subjectMap [ rr:template "http://a/{\\"id\\"}" ; rr:class ex:Road ] ;
           rr:predicateObjectMap [ rr:predicate ex:name ; rr:objectMap [ rr:column "\\"name\\"" ] ] ."""
    )
    assert table.triples_maps[0].source.iterator == "roads"
    assert table.triples_maps[0].predicate_objects == new.triples_maps[0].predicate_objects
    assert table.triples_maps[0].subject == new.triples_maps[0].subject


def test_term_types_follow_r2rml() -> None:
    mapping = mapping_of(
        f"""<#m> {SOURCE} ; {SUBJECT} ;
        rml:predicateObjectMap [ rml:predicate ex:a ; rml:objectMap [ rml:template "{{a}}" ] ] ,
          [ rml:predicate ex:a ; rml:objectMap [ rml:reference "a" ] ] ,
          [ rml:predicate ex:a ; rml:objectMap [ rml:template "{{a}}" ; rml:language "DE" ] ] ,
          [ rml:predicate ex:a ; rml:object "x"@en ] ,
          [ rml:predicate ex:a ; rml:objectMap [ rml:reference "a" ; rml:termType rml:BlankNode ] ] ."""
    )
    objects = [item.objects[0] for item in mapping.triples_maps[0].predicate_objects]
    kinds = [each.term_type for each in objects]  # type: ignore[union-attr]
    literal, blank = TermType.LITERAL, TermType.BLANK
    assert kinds == [TermType.IRI, literal, literal, literal, blank]
    assert objects[2].language == "de"  # type: ignore[union-attr]
    assert objects[3].value == Constant(Literal("x", language="en"))  # type: ignore[union-attr]


def test_a_csv_source_is_text_and_a_path_source_is_relative() -> None:
    mapping = mapping_of(
        f"""<#m> {SUBJECT} ; rml:logicalSource [ rml:referenceFormulation rml:CSV ;
        rml:source [ a rml:RelativePathSource ; rml:root rml:MappingDirectory ; rml:path "in/a.csv" ] ] ."""
    )
    source = mapping.triples_maps[0].source
    assert (source.source, source.formulation) == ("in/a.csv", Formulation.CSV)


WRONG = [
    ("", "no triple", "no triples map; expected at least one resource with rml:logicalSource"),
    ("<#m> a rml:TriplesMap .", "", "triples map #m: no logical source"),
    (f"<#m> {SOURCE} .", "", "triples map #m: 0 subject maps; expected exactly one"),
    (
        f"<#m> {SOURCE} ; rml:subjectMap [ rml:template 'http://a/{{id' ] .",
        "",
        "#m, subjectMap: template .* not closed",
    ),
    (f"<#m> {SOURCE} ; rml:subjectMap [ rml:template 'x' ; rml:reference 'y' ] .", "", "subjectMap: 2 of constant"),
    (f"<#m> {SOURCE} ; rml:subjectMap [ rml:constant 'x' ] .", "", "the subject is a literal"),
    (f"<#m> {SOURCE} ; rml:subjectMap [ rml:reference 'x' ; rml:termType rml:Nothing ] .", "", "term type Nothing"),
    (f"<#m> {SOURCE} ; {SUBJECT} ; rml:predicateObjectMap [ rml:predicate ex:a ] .", "", "without a object"),
    (
        f"<#m> {SOURCE} ; {SUBJECT} ; rml:predicateObjectMap [ rml:predicate ex:a ; rml:objectMap "
        "[ rml:reference 'x' ; rml:language 'not a tag' ] ] .",
        "",
        "objectMap of ex:a: language tag 'not a tag'",
    ),
    (
        f"<#m> {SOURCE} ; {SUBJECT} ; rml:predicateObjectMap [ rml:predicate ex:a ; rml:objectMap "
        "[ rml:parentTriplesMap <#other> ] ] .",
        "",
        "parent triples map #other is not in the mapping",
    ),
    ("<#m> rml:logicalSource [ ;; .", "", "not valid RDF"),
]


@pytest.mark.parametrize(("text", "_", "message"), WRONG)
def test_wrong_documents_are_refused_by_name(text: str, _: str, message: str) -> None:
    with pytest.raises(MappingError, match="mapping.ttl.*" + message):
        mapping_of(text)


def test_what_is_not_available_is_said() -> None:
    with pytest.raises(UnsupportedError, match=r"reference formulation rml:Neo4j"):
        mapping_of(f'<#m> {SUBJECT} ; rml:logicalSource [ rml:source "a" ; rml:referenceFormulation rml:Neo4j ] .')
    with pytest.raises(UnsupportedError, match="triples map #m, iterator: JSON path"):
        mapping_of(
            f"""<#m> {SUBJECT} ; rml:logicalSource [ rml:source "a" ; rml:referenceFormulation rml:JSONPath ;
            rml:iterator "$..book[?(@.price)]" ] ."""
        )


def test_a_query_or_a_table_but_not_both() -> None:
    query = mapping_of(f'<#m> {SUBJECT} ; rr:logicalTable [ rr:sqlQuery "SELECT 1" ] .').triples_maps[0].source
    assert (query.formulation, query.iterator) == (Formulation.QUERY, "SELECT 1")
    with pytest.raises(MappingError, match="triples map #m, logicalTable: both a table and a query"):
        mapping_of(f'<#m> {SUBJECT} ; rr:logicalTable [ rr:sqlQuery "SELECT 1" ; rr:tableName "t" ] .')


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=re.escape("absent.ttl: cannot be read")):
        read_mapping(tmp_path / "absent.ttl")


def test_a_parent_without_a_join_gives_its_subject() -> None:
    mapping = mapping_of(
        f"""<#p> {SOURCE} ; rml:subjectMap [ rml:template "http://p/{{id}}" ] .
        <#m> {SOURCE} ; {SUBJECT} ; rml:predicateObjectMap
        [ rml:predicate ex:p ; rml:objectMap [ rml:parentTriplesMap <#p> ] ] ."""
    )
    child = next(each for each in mapping.triples_maps if each.name == "#m")
    assert [str(each.object.value) for each in mapping.patterns(child)] == ["http://p/{id}"]


@given(st.lists(st.one_of(st.text(min_size=1, max_size=6), st.text(min_size=1, max_size=4).map(Reference)), max_size=5))
def test_templates_survive_being_written(parts: list[str | Reference]) -> None:
    merged: list[str | Reference] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    template = Template(tuple(merged))
    assert parse_template(str(template)) == template


def test_a_mapping_survives_being_written() -> None:
    text = f"""<#m> {SOURCE} ; rml:baseIRI <http://own/> ;
        rml:subjectMap [ rml:template "http://a/{{x\\\\}}y}}" ; rml:class ex:C ; rml:graph ex:g ] ;
        rml:predicateObjectMap [ rml:predicate ex:p ; rml:object "a\\n\\"b\\""@en, 5 ;
          rml:objectMap [ rml:reference "s" ; rml:datatype xsd:date ] ,
            [ rml:reference "i" ; rml:termType rml:IRI ] ,
            [ rml:template "http://u/{{i}}" ; rml:termType rml:UnsafeIRI ] ,
            [ rml:reference "s" ; rml:languageMap [ rml:template "{{l}}-{{r}}" ] ] ,
            [ rml:reference "s" ; rml:datatypeMap [ rml:reference "d" ] ; rml:logicalTarget [
                rml:target [ a rml:FilePath ; rml:path "x.ttl" ] ; rml:compression rml:gzip ;
                rml:serialization <http://www.w3.org/ns/formats/Turtle> ] ] ,
            [ rml:parentTriplesMap <#other> ; rml:joinCondition [ rml:child "a" ; rml:parent "b" ] ,
                [ rml:childMap [ rml:constant "k" ] ; rml:parentMap [ rml:template "{{b}}-{{c}}" ] ] ] ] .
        <#other> {SUBJECT} ; rml:logicalSource [ rml:referenceFormulation rml:CSV ; rml:source [
          rml:path "b.csv.gz" ; rml:compression rml:gzip ; rml:encoding rml:UTF-16 ; rml:null "", "NA" ] ] ."""
    mapping = mapping_of(text)
    again = read_mapping("mapping.ttl", mapping_turtle(mapping))
    assert again == mapping
    other = again.triples_maps[1].source
    assert (other.option("compression"), other.all_options("null")) == ("gzip", ("", "NA"))
    assert again.triples_maps[0].classes == ("http://example.org/C",)
    assert again.triples_maps[0].graphs[0].value == Constant(IRI("http://example.org/g"))
    assert PREFIXES.count("@prefix") == len(dict(mapping.prefixes))
