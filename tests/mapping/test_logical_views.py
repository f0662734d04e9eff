# SPDX-License-Identifier: Apache-2.0
"""Logical views: fields, nested records, text in other formats, joins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from semcube.errors import MappingError, SourceError, UnsupportedError
from semcube.mapping import mapping_turtle, quads, read_mapping

from .tables import PREFIXES

TOWNS = [
    {"name": "Ulm", "rivers": [{"name": "Donau", "km": [2588, 2586]}, {"name": "Blau", "km": []}]},
    {"name": "Bonn", "rivers": []},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "towns.json").write_text(json.dumps(TOWNS), encoding="utf-8")
    people = 'town,people,more\nUlm,126329,"[{""y"": 1}, {""y"": 2}]"\nBern,1,[]\n'
    (tmp_path / "people.csv").write_text(people, encoding="utf-8")
    (tmp_path / "towns.xml").write_text("<r><t n='Ulm'><q>a</q><q>b</q></t><t n='Bern'/></r>", encoding="utf-8")
    return tmp_path


def field(name: str, what: str, inner: str = "") -> str:
    return f'[ rml:fieldName "{name}" ; {what} {inner} ]'


JSON = 'rml:viewOn [ rml:source "towns.json" ; rml:referenceFormulation rml:JSONPath ; rml:iterator "$[*]" ]'
CSV = 'rml:viewOn [ rml:source "people.csv" ; rml:referenceFormulation rml:CSV ]'
XML = 'rml:viewOn [ rml:source "towns.xml" ; rml:referenceFormulation rml:XPath ; rml:iterator "/r/t" ]'
NAME = field("name", 'rml:reference "$.name"')


def made(folder: Path, view: str, *templates: str, more: str = "") -> list[tuple[str, ...]]:
    """The objects of templates in each row that has them."""
    pairs = " ; ".join(
        f'rml:predicateObjectMap [ rml:predicate ex:p{n} ; rml:objectMap [ rml:template "{text}" ; '
        "rml:termType rml:Literal ] ]"
        for n, text in enumerate(templates)
    )
    (folder / "m.ttl").write_text(
        f"""{PREFIXES} <#view> {view} . {more}
        <#m> rml:logicalSource <#view> ; rml:subjectMap [ rml:template "http://a/{{#}}" ] ; {pairs} .""",
        encoding="utf-8",
    )
    found = {
        (row[0].removeprefix("<http://a/").rstrip(">"), row[2].strip('"'))
        for batch in quads((), folder / "m.ttl")
        for row in zip(*(batch.column(name).to_pylist() for name in "spo"), strict=True)
    }
    return sorted(found)


def test_nested_records_and_their_places(folder: Path) -> None:
    inner = """rml:field [ rml:fieldName "name" ; rml:reference "$.name" ] ,
      [ rml:fieldName "km" ; rml:reference "$.km[*]" ]"""
    rivers = field("river", 'rml:iterator "$.rivers[*]" ;', inner)
    view = f"{JSON} ; rml:field {NAME} , {rivers}"
    assert made(folder, view, "{name}:{river.name}:{river.#}") == [("0", "Ulm:Blau:1"), ("0", "Ulm:Donau:0")]
    assert made(folder, view, "{river.name}:{river.km}:{river.km.#}") == [("0", "Donau:2586:1"), ("0", "Donau:2588:0")]
    assert made(folder, view, "{name}") == [("0", "Ulm"), ("1", "Bonn")]


def test_constants_and_templates(folder: Path) -> None:
    fields = f"""{NAME} , [ rml:fieldName "kind" ; rml:constant "town" ] ,
      [ rml:fieldName "label" ; rml:template "{{$.name}}!" ]"""
    assert made(folder, f"{JSON} ; rml:field {fields}", "{kind} {label}") == [("0", "town Ulm!"), ("1", "town Bonn!")]


def test_text_of_another_format(folder: Path) -> None:
    inner = """rml:field [ rml:fieldName "item" ; rml:iterator "$[*]" ; rml:referenceFormulation rml:JSONPath ;
      rml:field [ rml:fieldName "y" ; rml:reference "$.y" ] ]"""
    view = f"""{CSV} ; rml:field [ rml:fieldName "town" ; rml:reference "town" ] ,
      [ rml:fieldName "more" ; rml:reference "more" ; {inner} ]"""
    assert made(folder, view, "{town}{more.item.y}") == [("0", "Ulm1"), ("0", "Ulm2")]
    (folder / "people.csv").write_text("town,more\nUlm,{\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"field more: '\{' is not JSONPath.*read by triples map #m of .*m\.ttl"):
        made(folder, view, "{town}{more.item.y}")


def test_elements(folder: Path) -> None:
    view = f"""{XML} ; rml:field [ rml:fieldName "name" ; rml:reference "@n" ] ,
      [ rml:fieldName "q" ; rml:reference "q" ]"""
    assert made(folder, view, "{name}{q}") == [("0", "Ulma"), ("0", "Ulmb")]
    assert made(folder, view, "{name}") == [("0", "Ulm"), ("1", "Bern")]


def test_a_view_on_a_view(folder: Path) -> None:
    view = f"""rml:viewOn [ {JSON} ; rml:field {NAME} ] ; rml:field [ rml:fieldName "n" ; rml:reference "name" ]"""
    assert made(folder, view, "{n}") == [("0", "Ulm"), ("1", "Bonn")]


@pytest.mark.parametrize(
    ("kind", "expected"), [("leftJoin", [("0", "Ulm"), ("1", "Bern")]), ("innerJoin", [("0", "Ulm")])]
)
def test_joins(kind: str, expected: list[tuple[str, str]], folder: Path) -> None:
    view = f"""{CSV} ; rml:field [ rml:fieldName "town" ; rml:reference "town" ] ; rml:{kind} [
      rml:parentLogicalView <#other> ; rml:joinCondition [ rml:parent "name" ; rml:child "town" ] ;
      rml:field [ rml:fieldName "river" ; rml:reference "river" ] ]"""
    other = f"""<#other> {JSON} ; rml:field {NAME} , [ rml:fieldName "river" ; rml:reference "$.rivers[*].name" ] ."""
    assert made(folder, view, "{town}", more=other) == expected
    assert made(folder, view, "{town}{river}{river.#}", more=other) == [("0", "UlmBlau1"), ("0", "UlmDonau0")]


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (f'{CSV} ; rml:field [ rml:fieldName "t" ; rml:reference "absent" ]', "column 'absent' is not in the source"),
        (f"{JSON} ; rml:field {NAME} , {NAME}", "logical view #view: two fields named name"),
        (f'{JSON} ; rml:field [ rml:reference "$.name" ]', "a field without a name"),
        ('rml:viewOn <#view> ; rml:field [ rml:fieldName "t" ; rml:reference "t" ]', "leads back to itself"),
        (f'{JSON} ; rml:field [ rml:fieldName "t" ; rml:reference "a" ; rml:iterator "b" ]', "both an expression"),
        (f"{JSON} ; rml:leftJoin [ rml:parentLogicalView [ {JSON} ] ]", "a join without a condition"),
        (f'{XML} ; rml:field [ rml:fieldName "t" ; rml:reference "[" ]', r"XPath '\['"),
        (f"{JSON} ; rml:field {NAME}", "objectMap of ex:p0: column 't' is not in the source"),
    ],
)
def test_wrong_views(view: str, message: str, folder: Path) -> None:
    with pytest.raises(MappingError, match=r"m\.ttl, triples map #m, .*" + message):
        made(folder, view, "{t}")


def test_views_are_not_written_yet(folder: Path) -> None:
    made(folder, f"{JSON} ; rml:field {NAME}", "{name}")
    with pytest.raises(UnsupportedError, match="a logical view cannot be written yet"):
        mapping_turtle(read_mapping(folder / "m.ttl"))
