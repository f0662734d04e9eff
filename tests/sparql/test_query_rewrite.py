# SPDX-License-Identifier: Apache-2.0
"""GeoSPARQL query rewriting: against the same data with every topological triple written out."""

from __future__ import annotations

import io
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import shapely

from semcube.geometry.relations import RELATIONS, evaluate, relation
from semcube.io.rdf import read_rdf
from semcube.sparql.dataset import Dataset
from semcube.sparql.explain import explain
from semcube.sparql.memory import MemoryDataset
from semcube.sparql.query import execute
from semcube.sparql.query_rewrite import TOPOLOGICAL
from semcube.store import Store

PREFIX = """@prefix : <http://e/> . @prefix geo: <http://www.opengis.net/ont/geosparql#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
P = PREFIX.replace("@prefix", "PREFIX").replace("> .", ">")
SHAPES = {
    "big": "POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0))",
    "small": "POLYGON ((1 1, 2 1, 2 2, 1 2, 1 1))",
    "edge": "POLYGON ((10 0, 12 0, 12 10, 10 10, 10 0))",
    "cross": "POLYGON ((9 4, 13 4, 13 6, 9 6, 9 4))",
    "same": "POLYGON ((1 1, 1 2, 2 2, 2 1, 1 1))",
    "dot": "POINT (1.5 1.5)",
    "line": "LINESTRING (-1 5, 5 5)",
}
"""Serialisation of the geometry ``:gX`` of each feature ``:X``."""


def base(rng: random.Random | None = None) -> str:
    """Features with geometries, in several serialisations."""
    lines = []
    for name, wkt in SHAPES.items():
        lines.append(
            f":{name} a :Thing ; :name '{name}' ; geo:hasDefaultGeometry :g{name} ; geo:hasGeometry :g{name} ."
        )
        lines.append(f':g{name} a :Shape ; geo:asWKT "{wkt}"^^geo:wktLiteral .')
    lines.append(":small geo:hasGeometry :gedge . :plain geo:hasGeometry :gsmall, :gdot ; :name 'plain' .")
    lines.append(':gsmall geo:asGeoJSON """' + shapely.to_geojson(shapely.from_wkt(SHAPES["small"])) + '"""')
    lines[-1] += "^^geo:geoJSONLiteral . :nothing :name 'nothing' . :bad geo:asWKT 'POINT(x)'^^geo:wktLiteral ."
    lines.append(":small geo:sfWithin :big . :nothing geo:sfWithin :big . :big geo:sfContains 'text' .")
    return PREFIX + "\n".join(lines)


def geometries() -> dict[str, list[shapely.Geometry]]:
    """Spatial objects and their geometries, by the rules."""
    found = {}
    for name, wkt in SHAPES.items():
        found[name] = found["g" + name] = [shapely.from_wkt(wkt)]
    found["plain"] = [*found["gsmall"], *found["gdot"]]
    return found


def entailed() -> set[tuple[str, str, str]]:
    """Every topological triple that the rules give."""
    held, found = geometries(), set()
    for name in RELATIONS:
        for a, mine in held.items():
            for b, theirs in held.items():
                pairs = [(x, y) for x in mine for y in theirs]
                first, second = (np.array(side, dtype=object) for side in zip(*pairs, strict=True))
                if evaluate(relation(name), first, second).any():
                    found.add((a, name, b))
    return found


ENTAILED = entailed()


@contextmanager
def opened(kind: str, turtle: str) -> Iterator[Dataset]:
    if kind == "memory":
        yield MemoryDataset.parse(turtle, "trig")
        return
    with Store.in_memory() as store:
        store.load(read_rdf(io.BytesIO(turtle.encode()), format="trig"))
        yield store


def bag(query: str, dataset: Dataset, **options: object) -> Counter[tuple[object, ...]]:
    return Counter(execute(P + query, dataset, **options).rows())  # type: ignore[arg-type]


QUERIES = [
    "SELECT ?a ?b { ?a geo:%s ?b }",
    "SELECT ?a { ?a geo:%s :big }",
    "SELECT ?b { :gsmall geo:%s ?b }",
    "SELECT ?a { ?a geo:%s ?a }",
    "SELECT ?n ?m { ?a geo:%s ?b . ?a :name ?n . ?b :name ?m }",
    "SELECT ?n ?b { ?a a :Shape ; geo:%s ?b . ?b a :Thing ; :name ?n }",
    "SELECT ?a ?b { ?a :name ?n . FILTER NOT EXISTS { ?a geo:%s ?b } }",
    "SELECT ?a ?b ?c { ?a geo:%s ?b . ?b geo:sfTouches ?c }",
    "SELECT ?n ?b { ?a :name ?n OPTIONAL { ?a geo:%s ?b . ?b a :Shape } }",
    "SELECT * { { SELECT ?a (COUNT(*) AS ?n) { ?a geo:%s ?b . ?b a :Thing } GROUP BY ?a } }",
    "SELECT ?a ?b { GRAPH ?g { ?a geo:%s ?b } }",
]


@pytest.mark.parametrize("kind", ["memory", "store"])
@pytest.mark.parametrize("push_down", ["off", "auto", "forced"])
def test_as_with_the_triples_written_out(kind: str, push_down: str) -> None:
    names = ("sfWithin", "sfTouches", "sfDisjoint") if kind == "memory" else ("sfWithin",)
    whole = base() + "\n".join(f":{a} geo:{name} :{b} ." for a, name, b in ENTAILED)
    with opened(kind, base()) as dataset, opened(kind, whole) as written:
        for name in names:
            for query in QUERIES:
                text = query % name
                found = bag(text, dataset, rewrite=True, push_down=push_down)
                assert found == bag(text, written), text
        assert sum(bag("SELECT * { ?a geo:sfWithin ?b }", dataset).values()) == 2


@pytest.mark.parametrize("name", sorted(RELATIONS))
def test_each_relation(name: str) -> None:
    dataset = MemoryDataset.parse(base(), "trig")
    found = {
        (a.value[9:], b.value[9:]) for a, b in bag(QUERIES[0] % name, dataset, rewrite=True) if hasattr(b, "value")
    }  # type: ignore[attr-defined]
    wanted = {(a, b) for a, relation_, b in ENTAILED if relation_ == name}
    stored = {("nothing", "big")} if name == "sfWithin" else set()
    assert found == wanted | stored
    assert f"http://www.opengis.net/ont/geosparql#{name}" in TOPOLOGICAL


@pytest.mark.parametrize("kind", ["memory", "store"])
def test_graph_by_graph(kind: str) -> None:
    """Geometries of one graph say nothing of another."""
    body = base().replace(PREFIX, "")
    only = ':x geo:asWKT "POINT (5 5)"^^geo:wktLiteral . :y geo:asWKT "POINT (5 5)"^^geo:wktLiteral .'
    turtle = f"{PREFIX} :one {{ {body} }} :two {{ {only} }}"
    with opened(kind, turtle) as dataset:
        query = "SELECT ?g ?a ?b { GRAPH ?g { ?a geo:sfEquals ?b } }"
        found = bag(query, dataset, rewrite=True)
        assert max(found.values()) == 1
        graphs = Counter(g.value for g, *_ in found.elements())  # type: ignore[attr-defined]
        equal = sum(1 for _, name, _ in ENTAILED if name == "sfEquals")
        assert graphs == {"http://e/one": equal, "http://e/two": 4}
        assert bag("SELECT * { ?a geo:sfEquals ?b }", dataset, rewrite=True) == Counter()
        merged = "SELECT * FROM :one FROM :two { :x geo:sfWithin ?b }"
        names = {row[0].value[9:] for row in bag(merged, dataset, rewrite=True)}  # type: ignore[union-attr]
        assert names == {"x", "y", "big", "gbig"}


def test_the_relation_is_a_spatial_join() -> None:
    with opened("store", base()) as dataset:
        report = explain(P + "SELECT * { ?a geo:sfWithin ?b . ?a a :Thing . ?b a :Thing }", dataset, rewrite=True)
        assert "SpatialJoin sfWithin" in report.stages["planned"]


def test_without_geometries_only_stored_triples() -> None:
    dataset = MemoryDataset.parse(PREFIX + ":a geo:sfWithin :b .", "trig")
    assert len(bag("SELECT * { ?a geo:sfWithin ?b }", dataset, rewrite=True)) == 1
    assert bag("SELECT * { ?a geo:sfContains ?b }", dataset, rewrite=True) == Counter()
