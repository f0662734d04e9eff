# SPDX-License-Identifier: Apache-2.0
"""RDFS entailment: against the same data with every entailed triple written out by a naive closure."""

from __future__ import annotations

import random
from collections import Counter
from functools import cache

import pytest

from semcube.io.terms import IRI, Literal
from semcube.sparql.dataset import Dataset
from semcube.sparql.memory import MemoryDataset
from semcube.sparql.ontology import DOMAIN, RANGE, SUB_CLASS, SUB_PROPERTY, triples
from semcube.sparql.query import execute
from semcube.vocab import GEO, GML, RDF_TYPE, SF
from tests.sparql.test_query_rewrite import PREFIX, P, bag, base, opened

RDFS_PREFIX = "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
Q = P + RDFS_PREFIX.replace("@prefix", "PREFIX").replace("> .", ">")
Triples = set[tuple[object, object, object]]
TYPE, SUBC, SUBP, DOM, RNG = (IRI(iri) for iri in (RDF_TYPE, SUB_CLASS, SUB_PROPERTY, DOMAIN, RANGE))


def closure(stored: Triples, *, ontology: bool = True) -> Triples:
    """The entailed triples, rule by rule until nothing is new."""
    found = set(stored)
    if ontology:
        for predicate in (SUB_CLASS, SUB_PROPERTY, DOMAIN, RANGE):
            found |= {(IRI(s), IRI(predicate), IRI(o)) for s, o in triples(predicate)}
    while True:
        sub_classes = {(s, o) for s, p, o in found if p == SUBC and not isinstance(o, Literal)}
        sub_properties = {(s, o) for s, p, o in found if p == SUBP and not isinstance(o, Literal)}
        domains = {(s, o) for s, p, o in found if p == DOM and not isinstance(o, Literal)}
        ranges = {(s, o) for s, p, o in found if p == RNG and not isinstance(o, Literal)}
        classes = {end for pair in sub_classes for end in pair} | {o for _, o in domains | ranges}
        properties = {end for pair in sub_properties for end in pair} | {s for s, _ in domains | ranges}
        new: Triples = {(c, SUBC, c) for c in classes} | {(p, SUBP, p) for p in properties}
        new |= {(a, SUBC, d) for a, b in sub_classes for c, d in sub_classes if b == c}
        new |= {(a, SUBP, d) for a, b in sub_properties for c, d in sub_properties if b == c}
        for s, p, o in found:
            new |= {(s, above, o) for below, above in sub_properties if below == p}
            new |= {(s, TYPE, kind) for q, kind in domains if q == p}
            if not isinstance(o, Literal):
                new |= {(o, TYPE, kind) for q, kind in ranges if q == p}
            if p == TYPE:
                new |= {(s, TYPE, above) for below, above in sub_classes if below == o}
        if new <= found:
            return found
        found |= new


def turtle(stored: Triples) -> str:
    from semcube.io.terms import key

    return "\n".join(
        " ".join(key(t) if not isinstance(t, Literal) else '"x"' for t in triple) + " ." for triple in stored
    )  # type: ignore[arg-type]


def draw(seed: int) -> Triples:
    """Random data with a random schema, cycles included; properties below ``rdf:type`` and below the schema's."""
    rng = random.Random(seed)
    classes = [IRI(f"http://e/C{i}") for i in range(6)] + [IRI(GEO + "Feature"), IRI(SF + "Curve")]
    properties = [IRI(f"http://e/p{i}") for i in range(5)]
    things = [IRI(f"http://e/x{i}") for i in range(6)]
    found: Triples = set()
    for _ in range(rng.randint(2, 7)):
        found.add((rng.choice(classes), SUBC, rng.choice(classes)))
    for _ in range(rng.randint(1, 5)):
        found.add((rng.choice(properties), SUBP, rng.choice([*properties, IRI(GEO + "hasDefaultGeometry")])))
    for _ in range(rng.randint(0, 4)):
        found.add((rng.choice(properties), rng.choice([DOM, RNG]), rng.choice(classes)))
    if rng.random() < 0.4:
        found.add((rng.choice(properties), SUBP, rng.choice([TYPE, SUBC, SUBP, DOM])))
    for _ in range(rng.randint(4, 14)):
        kind = rng.random()
        if kind < 0.35:
            found.add((rng.choice(things), TYPE, rng.choice(classes)))
        elif kind < 0.9:
            found.add((rng.choice(things), rng.choice(properties), rng.choice([*things, *classes[:2]])))
        else:
            found.add((rng.choice(things), rng.choice(properties), Literal("x")))
    return found


QUERIES = [
    "SELECT * { ?x a :C0 }",
    "SELECT * { ?x a geo:SpatialObject }",
    "SELECT * { ?x a ?c }",
    "SELECT * { :x1 a ?c }",
    "SELECT * { ?x :p0 ?y }",
    "SELECT * { ?x geo:hasGeometry ?y . ?y a ?c }",
    "SELECT * { ?x ?p ?y FILTER(STRSTARTS(STR(?x), 'http://e/x')) }",
    "SELECT * { :x0 ?p :x1 }",
    "SELECT * { ?c rdfs:subClassOf ?d }",
    "SELECT * { ?c rdfs:subClassOf :C1 }",
    "SELECT * { ?p rdfs:subPropertyOf ?q }",
    "SELECT * { ?p rdfs:domain ?c }",
    "SELECT ?x (COUNT(*) AS ?n) { ?x a ?c . ?x :p1 ?y } GROUP BY ?x",
    "SELECT * { ?x a :C2 . ?y a :C3 . ?x :p2 ?y }",
    "SELECT * { ?x :p3 ?y FILTER NOT EXISTS { ?y a :C4 } }",
    "SELECT * { ?x a :C1 OPTIONAL { ?x :p4 ?y . ?y a ?d } }",
    "SELECT * { ?x :p0+ ?y }",
    "SELECT * { ?x (:p1|^:p2)* ?y FILTER(?x IN (:x0, :x1)) }",
    "SELECT * { ?c rdfs:subClassOf+ geo:Geometry }",
    "SELECT * { :C0 rdfs:subClassOf* ?d }",
    "ASK { :x0 a :C1 }",
    "ASK { :C0 rdfs:subClassOf :C3 }",
]


@cache
def written(seed: int) -> dict[str, object]:
    """The answers over the data of a seed with the entailed triples written out."""
    data = MemoryDataset.parse(turtle(closure(draw(seed))))
    return {query: answers(query, data) for query in QUERIES}


def answers(query: str, dataset: Dataset, **options: object) -> object:
    answer = execute(Q + query, dataset, **options)  # type: ignore[arg-type]
    return answer.boolean if answer.kind == "boolean" else Counter(answer.rows())


@pytest.mark.parametrize(
    ("kind", "push_down", "seed"),
    [
        *(("memory", "off", seed) for seed in range(6)),
        *(("memory", "auto", seed) for seed in range(3)),
        ("store", "auto", 0),
        ("store", "forced", 5),
    ],
)
def test_as_with_the_triples_written_out(kind: str, push_down: str, seed: int) -> None:
    with opened(kind, turtle(draw(seed))) as dataset:
        for query in QUERIES:
            found = answers(query, dataset, entailment="rdfs", push_down=push_down)
            assert found == written(seed)[query], query


def test_off_by_default_and_never_stored() -> None:
    with opened(
        "store", PREFIX + ":f geo:hasDefaultGeometry :g . :g a <http://www.opengis.net/ont/sf#Point> ."
    ) as dataset:
        query = "SELECT ?x { ?x a geo:SpatialObject }"
        assert bag(query, dataset) == Counter()
        assert {row[0] for row in bag(query, dataset, entailment="rdfs")} == {IRI("http://e/f"), IRI("http://e/g")}
        assert bag(query, dataset) == Counter()
        assert dataset.info().quads == 2  # type: ignore[attr-defined]


def test_the_hierarchies_of_gml_and_simple_features() -> None:
    data = MemoryDataset.parse(f"<http://e/a> a <{GML}Tin> . <http://e/b> a <{SF}MultiPolygon> .")
    kinds = {str(o.value).rpartition("#")[2] for (o,) in bag("SELECT ?c { :a a ?c }", data, entailment="rdfs")}  # type: ignore[union-attr]
    assert kinds == {
        "Tin", "TriangulatedSurface", "Surface", "AbstractSurface", "AbstractGeometricPrimitive", "AbstractGeometry",
        "Geometry", "SpatialObject",
    }  # fmt: skip
    assert len(bag("SELECT ?c { :b a ?c }", data, entailment="rdfs")) == 6


def test_a_schema_in_a_named_graph_counts() -> None:
    data = MemoryDataset.parse(
        PREFIX + RDFS_PREFIX + ":x a :C . :schema { :C rdfs:subClassOf :D } :other { :y a :C }",
        "trig",
    )
    assert len(bag("SELECT ?x { ?x a :D }", data, entailment="rdfs")) == 1
    assert len(bag("SELECT ?x ?g { GRAPH ?g { ?x a :D } }", data, entailment="rdfs")) == 1


@pytest.mark.parametrize("kind", ["memory", "store"])
def test_both_switches_together(kind: str) -> None:
    """Geometries that hang on properties below those of GeoSPARQL."""
    own = (
        ":hasShape rdfs:subPropertyOf geo:hasDefaultGeometry . :written rdfs:subPropertyOf geo:asWKT .\n"
        ':a :hasShape :ga . :ga :written "POINT (1 1)"^^geo:wktLiteral .\n'
        ':b :hasShape :gb . :gb geo:asWKT "POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))"^^geo:wktLiteral .\n'
        ":inside rdfs:subPropertyOf geo:sfWithin . :c :inside :b ."
    )
    with opened(kind, PREFIX + RDFS_PREFIX + own) as dataset:
        query = "SELECT ?x { ?x geo:sfWithin :b }"
        names = lambda **options: sorted(row[0].value[9:] for row in bag(query, dataset, **options).elements())  # type: ignore[union-attr]  # noqa: E731
        assert names() == []
        assert names(rewrite=True) == []
        assert names(entailment="rdfs") == ["c"]
        assert names(rewrite=True, entailment="rdfs") == ["a", "b", "c", "ga", "gb"]


def test_over_data_with_many_classes() -> None:
    lines = [f":C{i} rdfs:subClassOf :C{i // 2} . :x{i} a :C{i} ." for i in range(1, 200)]
    with opened("store", PREFIX + RDFS_PREFIX + "\n".join(lines)) as dataset:
        assert sum(bag("SELECT ?x { ?x a :C1 }", dataset, entailment="rdfs").values()) == 199
        deep = [i for i in range(1, 200) if bin(i).startswith("0b11")]
        assert sum(bag("SELECT ?x { ?x a :C3 }", dataset, entailment="rdfs").values()) == len(deep)


def test_plain_queries_keep_their_plan() -> None:
    data = MemoryDataset.parse(base(), "trig")
    with_switch = execute(P + "SELECT * { ?x :name ?n }", data, entailment="rdfs").plan
    assert with_switch == execute(P + "SELECT * { ?x :name ?n }", data).plan
