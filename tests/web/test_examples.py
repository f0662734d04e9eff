# SPDX-License-Identifier: Apache-2.0
"""Example queries that fit the data."""

from __future__ import annotations

import pytest

from semcube.sparql.memory import MemoryDataset
from semcube.sparql.parser import parse_query
from semcube.sparql.query import execute
from semcube.web import Example, examples, vocabulary

HEAD = """
@prefix geo: <http://www.opengis.net/ont/geosparql#> . @prefix ex: <http://example.org/> .
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
LAKES = """
ex:a a ex:Lake ; rdfs:label "A" ; ex:depth 3 ; ex:seen "2020-01-01"^^xsd:date ; ex:many 1, 2, 3 ;
  geo:hasGeometry [ a geo:Geometry ; geo:asWKT "POINT(1 2)"^^geo:wktLiteral ] .
ex:b a ex:Lake ; rdfs:label "B" ; ex:depth 4 ; ex:seen "2021-01-01"^^xsd:date ;
  geo:hasGeometry [ a geo:Geometry ; geo:asWKT "POINT(3 4)"^^geo:wktLiteral ] .
ex:c a ex:Town ; ex:shape "POLYGON((0 0, 5 0, 5 5, 0 0))"^^geo:wktLiteral .
ex:d a ex:Thing ; rdfs:label "no geometry" .
"""
STORED = """
ex:q a sh:SPARQLSelectExecutable ; rdfs:label "All lakes" ;
  sh:select "SELECT ?lake { ?lake a <http://example.org/Lake> }" .
"""


def of(text: str, graph: str = "") -> list[Example]:
    body = f"{HEAD}\n{graph} {{ {text} }}" if graph else HEAD + text
    return examples(MemoryDataset.parse(body, "trig" if graph else "ttl"))


def rows(text: str, query: str) -> int:
    return sum(1 for _ in execute(query, MemoryDataset.parse(HEAD + text, "ttl")).rows())


def test_classes_with_geometries_become_maps() -> None:
    made = {example.label: example for example in of(LAKES) if example.group == "On the map"}
    assert list(made) == ["Lake (2)", "Town (1)"]
    lake = parse_query(made["Lake (2)"].query)
    names = [variable.name for variable in lake.form.variables]  # type: ignore[union-attr]
    assert names == ["feature", "label", "seen", "depth", "wkt"]  # label, then times, then numbers; not what repeats
    assert rows(LAKES, made["Lake (2)"].query) == 2
    assert rows(LAKES, made["Town (1)"].query) == 1


def test_every_example_parses_and_runs() -> None:
    for example in of(LAKES + STORED):
        assert rows(LAKES + STORED, example.query) >= (0 if example.group == "Spatial questions" else 1) or (
            example.label == "Named graphs"
        )


def test_queries_of_the_data_come_first() -> None:
    first = of(LAKES + STORED)[0]
    assert first == Example("All lakes", "Of this dataset", "SELECT ?lake { ?lake a <http://example.org/Lake> }")


def test_data_in_named_graphs_only() -> None:
    made = {example.label: example for example in of(LAKES, "<http://example.org/g>")}
    query = made["Lake (2)"].query
    assert "GRAPH ?graph" in query
    data = MemoryDataset.parse(f"{HEAD}\n<http://example.org/g> {{ {LAKES} }}", "trig")
    assert sum(1 for _ in execute(query, data).rows()) == 2


@pytest.mark.parametrize("text", ["", "ex:a ex:b ex:c .", 'ex:a a [] ; ex:p "x" .'])
def test_poor_data_have_the_general_ones(text: str) -> None:
    made = of(text)
    assert {example.group for example in made} == {"Of any dataset"}
    for example in made:
        parse_query(example.query)


def test_odd_property_names_become_variables() -> None:
    text = """ex:a a ex:X ; <http://e/1st-value> 1 ; <http://e/wkt> 2 ; <http://e/größe> 3 ; <http://f/größe> 4 ;
              geo:asWKT "POINT(1 2)"^^geo:wktLiteral ."""
    (made,) = (example for example in of(text) if example.group == "On the map")
    assert rows(text, made.query) == 1
    names = [variable.name for variable in parse_query(made.query).form.variables]  # type: ignore[union-attr]
    assert len(set(names)) == len(names) == 6


def test_iris_are_shortened() -> None:
    query = next(example.query for example in of(LAKES) if example.label == "Lake (2)")
    assert "PREFIX ns1: <http://example.org/>" in query
    assert "?feature a ns1:Lake ;" in query
    assert "OPTIONAL { ?feature ns1:depth ?depth }" in query


def test_the_area_is_where_the_data_are() -> None:
    text = " ".join(
        f"ex:w{i} a ex:Well ; geo:asWKT"
        f' "<http://www.opengis.net/def/crs/EPSG/0/4326> POINT({60 + i / 10} {20 + i / 10})"^^geo:wktLiteral .'
        for i in range(11)
    )
    (query,) = (example.query for example in of(text) if example.label == "Well in an area")
    assert '"POLYGON((20.25 60.25, 20.75 60.25, 20.75 60.75, 20.25 60.75, 20.25 60.25))"' in query
    assert rows(text, query) == 5


def test_dull_numbers_come_last() -> None:
    text = """ex:a a ex:X ; ex:areaid 1 ; ex:latitude 2 ; ex:x 3 ; ex:code 4 ; ex:zeal 5 ; ex:yield 6 ; ex:id 7 ;
              geo:asWKT "POINT(1 2)"^^geo:wktLiteral ."""
    query = next(example.query for example in of(text) if example.group == "On the map")
    names = [variable.name for variable in parse_query(query).form.variables]  # type: ignore[union-attr]
    assert names[1:3] == ["yield", "zeal"]


def test_vocabulary() -> None:
    found = vocabulary(MemoryDataset.parse(HEAD + LAKES, "ttl"))
    assert found["classes"][:2] == ["http://example.org/Lake", "http://www.opengis.net/ont/geosparql#Geometry"]
    assert "http://example.org/depth" in found["properties"]
