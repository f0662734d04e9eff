# SPDX-License-Identifier: Apache-2.0
"""YARRRML: each feature of its specification beside the RML that it stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from semcube.errors import MappingError, UnsupportedError
from semcube.mapping import quads, read_mapping
from semcube.mapping.functions import GREL, IDLAB
from semcube.mapping.model import Mapping

from .tables import PREFIXES

RML = (
    PREFIXES
    + f"""@prefix foaf: <http://xmlns.com/foaf/0.1/> . @prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix grel: <{GREL}> . @prefix idlab-fn: <{IDLAB}> . @prefix semcube: <https://w3id.org/semcube/ns#> .
"""
)
CSV = 'rml:logicalSource [ rml:source "p.csv" ; rml:referenceFormulation rml:CSV ]'
SUBJECT = 'rml:subjectMap [ rml:template "http://a/{id}" ]'


def yarrrml(body: str, head: str = "") -> Mapping:
    """A document with a mapping ``person`` of ``p.csv`` and these keys."""
    return read_mapping(Path("m.yml"), f"prefixes: {{ex: 'http://example.org/'}}\n{head}\nmappings:\n{body}")


def person(keys: str, head: str = "") -> Mapping:
    lines = "".join(f"\n    {line}" for line in keys.strip("\n").splitlines())
    return yarrrml(f"  person:\n    sources: [[p.csv~csv]]\n    s: http://a/$(id){lines}", head)


def rml(text: str) -> Mapping:
    return read_mapping(Path("m.ttl"), RML + text)


def of_person(properties: str) -> str:
    return f"<#person> {CSV} ; {SUBJECT} ; {properties} ."


def po(term: str, predicate: str = "rml:predicate foaf:name") -> str:
    return f"rml:predicateObjectMap [ {predicate} ; {term} ]"


UPPER = """rml:functionExecution [ rml:function grel:toUpperCase ;
  rml:input [ rml:parameter grel:valueParameter ; rml:inputValueMap [ rml:reference "name" ] ] ]"""
EQUAL = """rml:condition [ rml:functionExecution [ rml:function idlab-fn:equal ;
  rml:input [ rml:parameter grel:valueParameter ; rml:inputValueMap [ rml:reference "kind" ] ] ,
    [ rml:parameter grel:valueParameter2 ; rml:inputValue "a" ] ] ]"""
EQUAL_YAML = "{function: equal, parameters: [[str1, $(kind)], [str2, a]]}"


@pytest.mark.parametrize(
    ("keys", "properties"),
    [
        (
            "predicateobjects:\n  - predicates: foaf:name\n    objects: $(name)",
            po('rml:objectMap [ rml:reference "name" ]'),
        ),
        ("po:\n  - [foaf:name, $(name)]", po('rml:objectMap [ rml:reference "name" ]')),
        ("po: [foaf:name, $(name)]", po('rml:objectMap [ rml:reference "name" ]')),
        ("po:\n  - [a, foaf:Person]", po("rml:object foaf:Person", "rml:predicate rdf:type")),
        ("po:\n  - [foaf:name, x]", po('rml:object "x"')),
        ("po:\n  - [foaf:name, 2]", po('rml:object "2"')),
        ("po:\n  - [foaf:name, ex:x~iri]", po("rml:object ex:x")),
        ("po:\n  - [foaf:name, $(name)~iri]", po('rml:objectMap [ rml:reference "name" ; rml:termType rml:IRI ]')),
        (
            "po:\n  - p: foaf:name\n    o: {value: ex:$(name), type: iri}",
            po('rml:objectMap [ rml:template "http://example.org/{name}" ]'),
        ),
        (
            "po:\n  - [foaf:name, '$(first) $(last)']",
            po('rml:objectMap [ rml:template "{first} {last}" ; rml:termType rml:Literal ]'),
        ),
        (
            r"po:\n  - [foaf:name, 'ex:$(name)/a\:b{1}']".replace(r"\n", "\n"),
            po(r'rml:objectMap [ rml:template "http://example.org/{name}/a:b\\{1\\}" ; rml:termType rml:Literal ]'),
        ),
        ("po:\n  - p: foaf:name\n    o: {type: blank}", po("rml:objectMap [ rml:termType rml:BlankNode ]")),
        (
            "po:\n  - [[foaf:name, ex:label], [$(a), $(b)]]",
            po('rml:objectMap [ rml:reference "a" ] , [ rml:reference "b" ]', "rml:predicate foaf:name , ex:label"),
        ),
        ("po:\n  - [ex:$(p), x]", po('rml:object "x"', 'rml:predicateMap [ rml:template "http://example.org/{p}" ]')),
        (
            "po:\n  - [foaf:name, $(n), xsd:integer]",
            po('rml:objectMap [ rml:reference "n" ; rml:datatype xsd:integer ]'),
        ),
        ("po:\n  - [foaf:name, '1', xsd:integer]", po("rml:object 1")),
        ("po:\n  - [foaf:name, $(n), en~lang]", po('rml:objectMap [ rml:reference "n" ; rml:language "en" ]')),
        ("po:\n  - [foaf:name, x, EN~lang]", po('rml:object "x"@en')),
        (
            "po:\n  - p: foaf:name\n    o:\n      - [$(n), ex:one]\n      - [$(m), nl~lang]",
            po('rml:objectMap [ rml:reference "n" ; rml:datatype ex:one ] , [ rml:reference "m" ; rml:language "nl" ]'),
        ),
        (
            "po:\n  - p: foaf:name\n    o: {value: $(n), language: en-$(l)}",
            po('rml:objectMap [ rml:reference "n" ; rml:languageMap [ rml:template "en-{l}" ] ]'),
        ),
        (
            "po:\n  - p: foaf:name\n    o: {value: $(n), datatype: ex:$(t)}",
            po('rml:objectMap [ rml:reference "n" ; rml:datatypeMap [ rml:template "http://example.org/{t}" ] ]'),
        ),
        ("po:\n  - {p: foaf:name, o: x, graphs: ex:g}", po('rml:object "x" ; rml:graph ex:g')),
        (
            "po:\n  - p: foaf:name\n    o: {fn: grel:toUpperCase, pms: [[grel:valueParameter, $(name)]]}",
            po(f"rml:objectMap [ {UPPER} ]"),
        ),
        (
            "po:\n  - p: foaf:name\n    o:\n      - f: grel:toUpperCase(valueParameter = $(name))",
            po(f"rml:objectMap [ {UPPER} ]"),
        ),
        (
            "po:\n  - p: ex:p\n    o:\n      function: grel:string_length\n      parameters:\n"
            "        - {parameter: grel:valueParameter, value: {function: grel:toUpperCase(valueParameter=$(name))}}\n"
            "      datatype: xsd:integer",
            po(
                f"""rml:objectMap [ rml:functionExecution [ rml:function grel:string_length ;
                rml:input [ rml:parameter grel:valueParameter ; rml:inputValueMap [ {UPPER} ] ] ] ;
                rml:datatype xsd:integer ]""",
                "rml:predicate ex:p",
            ),
        ),
        (
            f"po:\n  - {{p: foaf:name, o: $(name), condition: {EQUAL_YAML}}}",
            po('rml:objectMap [ rml:reference "name" ]', f"rml:predicateMap [ rml:constant foaf:name ; {EQUAL} ]"),
        ),
        (
            f"po:\n  - p: foaf:name\n    o: {{value: $(name), condition: {EQUAL_YAML}}}",
            po(f'rml:objectMap [ rml:reference "name" ; {EQUAL} ]'),
        ),
    ],
)
def test_predicates_and_objects(keys: str, properties: str) -> None:
    assert person(keys).triples_maps == rml(of_person(properties)).triples_maps


def test_conditions_and_graphs_of_a_mapping() -> None:
    made = person(f"graphs: [ex:g, ex:$(g)]\ncondition: {EQUAL_YAML}")
    expected = rml(
        f"""<#person> {CSV} ; rml:subjectMap [ rml:template "http://a/{{id}}" ; {EQUAL} ;
        rml:graphMap [ rml:constant ex:g ] , [ rml:template "http://example.org/{{g}}" ] ] ."""
    )
    assert made.triples_maps == expected.triples_maps


def test_several_conditions_have_to_hold_together(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("id,kind,n\n1,a,1\n2,a,2\n3,b,1\n", encoding="utf-8")
    (tmp_path / "m.yml").write_text(
        f"""mappings:
  person:
    sources: [[p.csv~csv]]
    s: http://a/$(id)
    condition: [{EQUAL_YAML}, {{function: idlab-fn:notEqual, parameters: [[grel:valueParameter, $(n)],
      [grel:valueParameter2, '2']]}}]
    po: [foaf:name, $(n)]
""",
        encoding="utf-8",
    )
    assert [row for batch in quads((), tmp_path / "m.yml") for row in batch.column("s").to_pylist()] == ["<http://a/1>"]


def test_subjects() -> None:
    two = yarrrml("  t:\n    sources: [[p.csv~csv]]\n    subjects: [http://a/$(id), $(iri)]\n    po: [a, ex:T]")
    assert [each.name for each in two.triples_maps] == ["#t", "#t-2"]
    type_ = "rml:predicateObjectMap [ rml:predicate rdf:type ; rml:object ex:T ]"
    expected = rml(
        f"""<#t> {CSV} ; {SUBJECT} ; {type_} . <#t-2> {CSV} ; rml:subjectMap [ rml:reference "iri" ] ; {type_} ."""
    )
    assert two.triples_maps == expected.triples_maps
    for none in ("", "\n    s: null", "\n    s:", "\n    s: ~"):
        blank = yarrrml(f"  t:\n    sources: [[p.csv~csv]]{none}\n    po: [a, ex:T]")
        assert (
            blank.triples_maps
            == rml(f"<#t> {CSV} ; rml:subjectMap [ rml:termType rml:BlankNode ] ; {type_} .").triples_maps
        )
    call = yarrrml("  t:\n    sources: [[p.csv~csv]]\n    s: {function: grel:toUpperCase(valueParameter=$(name))}")
    assert call.triples_maps == rml(f"<#t> {CSV} ; rml:subjectMap [ {UPPER} ] .").triples_maps


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "[[a.json~jsonpath, '$.a[*]']]",
            'rml:source "a.json" ; rml:referenceFormulation rml:JSONPath ; rml:iterator "$.a[*]"',
        ),
        (
            "{access: a.xml, referenceFormulation: xpath, iterator: /a/b}",
            'rml:source "a.xml" ; rml:referenceFormulation rml:XPath ; rml:iterator "/a/b"',
        ),
        (
            "[roads.gpkg~vector, roads]",
            'rml:source "roads.gpkg" ; rml:referenceFormulation semcube:Vector ; rml:iterator "roads"',
        ),
        ("['b.csv~csv']", 'rml:source "b.csv" ; rml:referenceFormulation rml:CSV'),
        ("named", 'rml:source "n.csv" ; rml:referenceFormulation rml:CSV'),
        (
            "{access: a.txt, referenceFormulation: csv, delimiter: ';'}",
            'rml:source "a.txt" ; rml:referenceFormulation rml:CSV ; semcube:delimiter ";"',
        ),
        (
            "{access: //h/gis, type: postgresql, query: SELECT 1 AS id, credentials: {username: me, password: x}}",
            """rml:source [ d2rq:jdbcDSN "postgresql://h/gis" ; d2rq:username "me" ; d2rq:password "x" ] ;
            rml:referenceFormulation rml:SQL2008Query ; rml:query "SELECT 1 AS id" """,
        ),
        (
            "{access: a.sqlite, type: sqlite, table: towns}",
            'rml:source "sqlite:a.sqlite" ; rml:referenceFormulation rml:SQL2008Table ; rml:iterator "towns"',
        ),
    ],
)
def test_sources(source: str, expected: str) -> None:
    head = "sources:\n  named: [n.csv~csv]"
    made = yarrrml(f"  t:\n    sources: {source}\n    s: http://a/$(id)", head)
    d2rq = "@prefix d2rq: <http://www.wiwiss.fu-berlin.de/suhl/bizer/D2RQ/0.1#> ."
    assert made.triples_maps == rml(f"{d2rq} <#t> rml:logicalSource [ {expected} ] ; {SUBJECT} .").triples_maps


def test_the_source_may_come_with_the_run() -> None:
    type_ = "rml:predicateObjectMap [ rml:predicate rdf:type ; rml:object ex:T ]"
    for source, expected in (
        ("", "rml:logicalSource []"),
        ("    sources: [{table: towns}]\n", 'rr:logicalTable [ rr:tableName "towns" ]'),
        ("    sources: [{query: SELECT 1}]\n", 'rr:logicalTable [ rr:sqlQuery "SELECT 1" ]'),
    ):
        made = yarrrml(f"  t:\n{source}    s: http://a/$(id)\n    po: [a, ex:T]")
        assert made.triples_maps == rml(f"<#t> {expected} ; {SUBJECT} ; {type_} .").triples_maps


def test_each_source_has_a_triples_map() -> None:
    made = yarrrml("  t:\n    sources: [[a.csv~csv], [b.csv~csv]]\n    s: http://a/$(id)\n    po: [ex:p, x]")
    assert [(each.name, each.source.source) for each in made.triples_maps] == [("#t", "a.csv"), ("#t-2", "b.csv")]


def test_links_to_other_mappings() -> None:
    made = yarrrml(
        """  person:
    sources: [[p.csv~csv]]
    s: http://a/$(id)
    po:
      - p: ex:worksFor
        o:
          mapping: project
          condition: {function: equal, parameters: [[str1, $(projectID), s], [str2, "$(ID)", o]]}
      - p: ex:like
        o: [{mapping: project, condition: [{function: equal, parameters: [[str2, $(x)], [str1, $(a)_$(b), o]]}]}]
  project: {sources: [[q.csv~csv]], s: http://q/$(ID)}"""
    )
    expected = rml(
        f"""<#person> {CSV} ; {SUBJECT} ; {
            po(
                '''rml:objectMap [ rml:parentTriplesMap <#project> ;
          rml:joinCondition [ rml:child "projectID" ; rml:parent "ID" ] ]''',
                "rml:predicate ex:worksFor",
            )
        } ;
        {
            po(
                '''rml:objectMap [ rml:parentTriplesMap <#project> ; rml:joinCondition [ rml:child "x" ;
          rml:parentMap [ rml:template "{a}_{b}" ] ] ]''',
                "rml:predicate ex:like",
            )
        } .
        <#project> rml:logicalSource [ rml:source "q.csv" ; rml:referenceFormulation rml:CSV ] ;
          rml:subjectMap [ rml:template "http://q/{{ID}}" ] ."""
    )
    assert made.triples_maps == expected.triples_maps


def test_inverse_predicates(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("id,who\n1,http://w/1\n", encoding="utf-8")
    (tmp_path / "m.yml").write_text(
        """mappings:
  work:
    sources: [[p.csv~csv]]
    s: http://a/$(id)
    po:
      - {p: foaf:maker, i: foaf:made, o: {value: $(who), type: iri}}
""",
        encoding="utf-8",
    )
    found = {
        row
        for batch in quads((), tmp_path / "m.yml")
        for row in zip(*(batch.column(name).to_pylist() for name in "spo"), strict=True)
    }
    foaf = "http://xmlns.com/foaf/0.1/"
    assert found == {
        ("<http://a/1>", f"<{foaf}maker>", "<http://w/1>"),
        ("<http://w/1>", f"<{foaf}made>", "<http://a/1>"),
    }


def test_targets() -> None:
    made = person(
        "targets: main\npo:\n  - p: ex:p\n    o: {value: $(n), targets: [[out.ttl.gz~void, turtle, gzip]]}",
        "targets:\n  main: {access: all.nq}",
    )
    assert [(each.path, each.syntax, each.compression) for each in made.targets] == [
        ("all.nq", "nq", None),
        ("out.ttl.gz", "ttl", "gzip"),
    ]


def test_external_references_base_and_authors() -> None:
    head = "external: {name: John, city: Ghent}\nbase: http://base/\nauthors: Ada <a@b.c>"
    made = person(r"po: [[ex:p, $(_name)], [ex:q, '$(_city) $(x)'], [ex:r, '$(\_name)'], [ex:s, $(_other)]]", head)
    values = [str(item.objects[0].value) for item in made.triples_maps[0].predicate_objects]  # type: ignore[union-attr]
    assert values == [
        "Constant(term=Literal(lexical='John', datatype='http://www.w3.org/2001/XMLSchema#string', language=None))",
        "Ghent {x}",
        "Reference(name='_name')",
        "Reference(name='_other')",
    ]
    assert made.triples_maps[0].base == "http://base/"


def test_a_document_makes_triples(tmp_path: Path) -> None:
    (tmp_path / "towns.csv").write_text("id;name\n007;Ulm\n", encoding="utf-8")
    (tmp_path / "m.yaml").write_text(
        """prefixes: {ex: 'http://example.org/'}
mappings:
  town:
    sources: [{access: towns.csv, referenceFormulation: csv, delimiter: ;}]
    s: ex:$(id)
    po:
      - [a, ex:Town]
      - [ex:name, $(name), de~lang]
""",
        encoding="utf-8",
    )
    found = [
        row
        for batch in quads((), tmp_path / "m.yaml")
        for row in zip(*(batch.column(name).to_pylist() for name in "so"), strict=True)
    ]
    assert sorted(found) == [
        ("<http://example.org/007>", '"Ulm"@de'),
        ("<http://example.org/007>", "<http://example.org/Town>"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mappings: [", "m.yml: not valid YAML: .*line 1"),
        ("mapings: {}", "key 'mapings' is not known here.*did you mean 'mappings'"),
        (
            "mappings: {t: {s: x, prediccates: []}}",
            "triples map #t, mapping: key 'prediccates'.*did you mean 'predicates'",
        ),
        ("mappings: {t: {sources: none, s: x}}", "triples map #t, sources: source 'none' is not defined"),
        ("mappings: {t: {sources: [[a.csv~cvs]], s: x}}", "#t, sources: reference formulation 'cvs'; expected csv, "),
        ("mappings: {t: {sources: [{access: a.csv, itterator: x}], s: x}}", "key 'itterator' is not known here"),
        ("mappings: {t: {sources: [{type: localfile}], s: x}}", "a source without access"),
        ("mappings: {t: {sources: [[a.csv~csv]], s: x, po: [[a]]}}", "#t, predicateobjects 1: 1 parts"),
        ("mappings: {t: {sources: [[a.csv~csv]], s: x, po: [{o: x}]}}", "predicateobjects 1: no predicate"),
        (
            "mappings: {t: {sources: [[a.csv~csv]], s: x, po: [{p: a, o: {mapping: u}}]}}",
            "predicateobjects 1, objects: mapping 'u' is not defined; expected t",
        ),
        (
            "mappings: {t: {sources: [[a.csv~csv]], s: x, po: [{p: a, o: {value: x, type: uri}}]}}",
            "type 'uri'; expected iri, literal or blank",
        ),
        (
            "mappings: {t: {sources: [[a.csv~csv]], s: x, po: [{p: a, o: {function: grel:nope}}]}}",
            "function .*nope is not known",
        ),
        ("mappings: {t: {sources: [[a.csv~csv]], s: 'http://a/$(id)', targets: x}}", "target 'x' is not defined"),
        ("prefixes: {}", "no triples map"),
    ],
)
def test_wrong_documents(text: str, message: str) -> None:
    with pytest.raises(MappingError, match=message):
        read_mapping(Path("m.yml"), text)


def test_what_cannot_be_read_is_said() -> None:
    for text in (
        "mappings: {t: {sources: [{access: x, type: mysql}], s: x}}",
        """mappings: {t: {sources: [[a.csv~csv]], s: x, po: [{p: foaf:p, o: {mapping: t, condition: {function: ex:f,
        parameters: [[ex:a, x]]}}}]}}""",
    ):
        with pytest.raises(UnsupportedError):
            read_mapping(Path("m.yml"), text)


def test_a_document_is_converted_to_rml(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from semcube.cli.app import app

    (tmp_path / "m.yml").write_text(
        "mappings:\n  person: {sources: [[p.csv~csv]], s: http://a/$(id), po: [[foaf:name, $(name), de~lang]]}\n",
        encoding="utf-8",
    )
    done = CliRunner().invoke(app, ["mapping", "convert", str(tmp_path / "m.yml"), "-o", str(tmp_path / "m.ttl")])
    assert done.exit_code == 0, done.output
    assert read_mapping(tmp_path / "m.ttl").triples_maps == read_mapping(tmp_path / "m.yml").triples_maps
    other = CliRunner().invoke(
        app, ["mapping", "convert", str(tmp_path / "m.yml"), "-o", str(tmp_path / "x" / "m.ttl")]
    )
    assert "is in another folder" in str(other.exception)
