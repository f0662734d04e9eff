# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a mapping or its sources is found before a row is read, and named: document, triples map, node."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from semcube.errors import CRSError, MappingError, RowError, SourceError
from semcube.mapping import transform

from .tables import PREFIXES

CSV = 'rml:logicalSource [ rml:source "t.csv" ; rml:referenceFormulation rml:CSV ]'
SUBJECT = 'rml:subjectMap [ rml:template "http://a/{id}" ]'


def po(text: str) -> str:
    return f"<#m> {CSV} ; {SUBJECT} ; rml:predicateObjectMap [ rml:predicate ex:p ; {text} ] ."


def obj(text: str) -> str:
    return po(f"rml:objectMap [ {text} ]")


def source(text: str) -> str:
    pair = "rml:predicateObjectMap [ rml:predicate ex:p ; rml:object 1 ]"
    return f"<#m> rml:logicalSource [ {text} ] ; {SUBJECT} ; {pair} ."


def other(text: str) -> str:
    return (
        obj(text)[:-1]
        + f' . <#o> rml:logicalSource [ rml:source "u.csv" ; rml:referenceFormulation rml:CSV ] ; {SUBJECT} .'
    )


OBJECT = r"^m\.ttl, triples map #m, objectMap of ex:p: "
LOGICAL = r"^m\.ttl, triples map #m, logicalSource: "


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "t.csv").write_text("id,name\n1,a\n", encoding="utf-8")
    (tmp_path / "u.csv").write_text("id,name\n1,a\n", encoding="utf-8")
    (tmp_path / "t.xml").write_text("<r><i><id>1</id></i></r>", encoding="utf-8")
    (tmp_path / "t.json").write_text('[{"id": 1}]', encoding="utf-8")
    (tmp_path / "bad.xml").write_text("<r>", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("this is no Turtle", r"^m\.ttl: not valid RDF: .*line 7"),
        ("", r"^m\.ttl: no triples map"),
        (f"<#m> {CSV} .", "^m.ttl, triples map #m: 0 subject maps"),
        (obj('rml:reference "nam"'), OBJECT + "column 'nam' is not in the source.*'name'"),
        (obj('rml:reference "Name"'), OBJECT + "column 'Name' is not in the source.*did you mean 'name'"),
        (obj('rml:template "{nam"'), OBJECT + "template '{nam' has a brace that is not closed"),
        (obj('rml:template "{}"'), OBJECT + "template '{}' has an empty reference"),
        (obj('rml:reference "name" ; rml:template "x"'), OBJECT + "2 of constant, reference and template"),
        (obj('rml:reference "name" ; rml:termType rml:Foo'), OBJECT + "term type Foo"),
        (obj('rml:reference "name" ; rml:datatype "x"'), OBJECT + "datatype 'x'; expected an IRI"),
        (obj('rml:reference "name" ; rml:language "a b"'), OBJECT + "language tag 'a b'"),
        (obj('rml:reference "name" ; rml:language "en" ; rml:datatype xsd:date'), OBJECT + "both a datatype"),
        (obj("rml:parentTriplesMap <#none>"), OBJECT + "parent triples map #none is not in the mapping"),
        (other("rml:parentTriplesMap <#o>"), OBJECT + "parent triples map #o reads u.csv, the child reads t.csv"),
        (
            other('rml:parentTriplesMap <#o> ; rml:joinCondition [ rml:child "id" ; rml:parent "nope" ]'),
            r"^m\.ttl, triples map #o, joinCondition of #o: column 'nope' is not in the source",
        ),
        (
            other('rml:parentTriplesMap <#o> ; rml:joinCondition [ rml:child "nope" ; rml:parent "id" ]'),
            OBJECT + "column 'nope' is not in the source",
        ),
        (po("rml:objectMap [ rml:functionExecution [ rml:function ex:f ] ]"), OBJECT + "function .*f is not"),
        (po('rml:object 1 ; rml:graphMap [ rml:reference "g" ]'), "#m, graphMap of ex:p: column 'g'"),
        (po('rml:object 1 ; rml:graph "g"'), "^m.ttl, triples map #m, graph of ex:p: a graph is a literal"),
        (
            f"<#m> {CSV} ; {SUBJECT} ; rml:predicateObjectMap [ rml:object 1 ] .",
            "^m.ttl, triples map #m, rml:predicate of predicateObjectMap 1: a predicate-object map without a predicate",
        ),
        (
            f'<#m> {CSV} ; rml:subjectMap [ rml:template "http://a/{{x}}" ; rml:class ex:C ] .',
            "^m.ttl, triples map #m, subjectMap: column 'x' is not in the source",
        ),
        (
            source('rml:source "t.xml" ; rml:referenceFormulation rml:XPath ; rml:iterator "//["'),
            LOGICAL + "t.xml: XPath '//\\['",
        ),
        (
            source(
                'rml:source "t.csv" ; rml:referenceFormulation rml:CSV ; '
                '<https://w3id.org/semcube/ns#derive> "x = nope + 1"'
            ),
            LOGICAL + "derive on t.csv: .*nope",
        ),
        (
            source('rml:source "t.json" ; rml:referenceFormulation rml:JSONPath ; rml:iterator "$.a["'),
            "triples map #m, iterator: JSON path",
        ),
        (source("rml:referenceFormulation rml:CSV"), "^m.ttl, triples map #m: the source names no file"),
    ],
)
def test_mappings(text: str, message: str, folder: Path) -> None:
    Path("m.ttl").write_text(PREFIXES + text, encoding="utf-8")
    with pytest.raises(MappingError, match=message):
        transform((), "o.nt", "m.ttl")
    assert not Path("o.nt").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'rml:source "absent.csv" ; rml:referenceFormulation rml:CSV',
            "^absent.csv: no such file, read by triples map #m of m.ttl",
        ),
        ('rml:source "absent.gpkg"', "^absent.gpkg: no such file, read by triples map #m of m.ttl"),
        (
            'rml:source "bad.xml" ; rml:referenceFormulation rml:XPath',
            "^bad.xml: not well-formed XML: .*, read by triples map #m",
        ),
        (
            'rml:source "t.xml" ; rml:referenceFormulation rml:JSONPath',
            "^t.xml: not JSON: .*, read by triples map #m of m.ttl",
        ),
        (
            'rml:source "sqlite:no.sqlite" ; rml:iterator "t" ; rml:referenceFormulation rml:SQL2008Table',
            "no.sqlite.*read by triples map #m",
        ),
    ],
)
def test_sources(text: str, message: str, folder: Path) -> None:
    Path("m.ttl").write_text(PREFIXES + source(text), encoding="utf-8")
    with pytest.raises(SourceError, match=message):
        transform((), "o.nt", "m.ttl")
    assert not Path("o.nt").exists()


def test_a_system_that_is_not_known_is_named(folder: Path) -> None:
    crs = {"type": "name", "properties": {"name": "EPSG:99999"}}
    point = {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [1, 2]}}
    Path("a.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "crs": crs, "features": [point]}), encoding="utf-8"
    )
    with pytest.raises(CRSError, match=r"a\.geojson, layer a: .*'EPSG:99999' is not known.* --source-crs"):
        transform("a.geojson", "o.nt")
    assert transform("a.geojson", "o.nt", source_crs="EPSG:3857").features_out == 1


def test_bad_rows_are_fatal_or_listed(folder: Path) -> None:
    Path("t.csv").write_text("id,name\n1,2020-01-01\n2,soon\n3,\n,x\n", encoding="utf-8")
    Path("m.ttl").write_text(PREFIXES + obj('rml:reference "name" ; rml:datatype xsd:date'), encoding="utf-8")
    with pytest.raises(
        RowError, match=r"t\.csv, row 1, column name: value does not fit \(triples map #m, objectMap of ex:p\)"
    ):
        transform((), "o.nt", "m.ttl")
    report = transform((), "o.nt", "m.ttl", on_error="skip")
    assert (report.features_in, report.features_out, report.features_skipped) == (4, 1, 3)
    listed = report.as_dict()["layers"][0]["skipped"]
    assert [(each["row"], each["column"]) for each in listed[:2]] == [(1, "name"), (3, "name")]


@pytest.mark.parametrize("name", ["town.kml", "town.gml"])
def test_kml_and_gml_are_sources(name: str, folder: Path) -> None:
    Path("town.kml").write_text(
        """<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder><name>towns</name><Placemark><name>Ulm</name>
        <Point><coordinates>9.99,48.4</coordinates></Point></Placemark></Folder></Document></kml>""",
        encoding="utf-8",
    )
    Path("town.gml").write_text(
        """<ogr:FeatureCollection xmlns:ogr="http://ogr.maptools.org/" xmlns:gml="http://www.opengis.net/gml/3.2">
        <ogr:featureMember><ogr:towns gml:id="t.0"><ogr:geometryProperty><gml:Point gml:id="g"
        srsName="urn:ogc:def:crs:EPSG::4326"><gml:pos>48.4 9.99</gml:pos></gml:Point></ogr:geometryProperty>
        <ogr:Name>Ulm</ogr:Name></ogr:towns></ogr:featureMember></ogr:FeatureCollection>""",
        encoding="utf-8",
    )
    Path("m.ttl").write_text(
        f"""{PREFIXES} @prefix semcube: <https://w3id.org/semcube/ns#> .
        <#m> rml:logicalSource [ rml:source "{name}" ; rml:referenceFormulation semcube:Vector ;
            rml:iterator "towns" ] ;
          rml:subjectMap [ rml:template "http://a/{{Name}}" ] ;
          rml:predicateObjectMap [ rml:predicate geo:asWKT ;
            rml:objectMap [ rml:reference "geometry" ; rml:datatype geo:wktLiteral ] ] .""",
        encoding="utf-8",
    )
    transform((), "o.nt", "m.ttl")
    literal = '"POINT (9.99 48.4)"^^<http://www.opengis.net/ont/geosparql#wktLiteral>'
    assert Path("o.nt").read_text(encoding="utf-8") == (
        f"<http://a/Ulm> <http://www.opengis.net/ont/geosparql#asWKT> {literal} .\n"
    )
