# SPDX-License-Identifier: Apache-2.0
"""Spatial nodes against the reference filter: every relation, distances, both argument orders, both ways to run."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from semcube.io.terms import IRI, key
from semcube.sparql import spatial_join, spatial_reach
from semcube.sparql.algebra import Algebra
from semcube.sparql.dataset import Dataset
from semcube.sparql.explain import Trace
from semcube.sparql.memory import MemoryDataset
from semcube.sparql.parser import parse_query
from semcube.sparql.plan import SpatialJoin, SpatialSelect
from semcube.sparql.plan_spatial import EGENHOFER, RCC8, SIMPLE_FEATURES, with_spatial_nodes
from semcube.sparql.query import execute
from semcube.sparql.rewrite import rewrite
from semcube.sparql.scope import children
from semcube.store import Store
from semcube.vocab import GEO, GEOF

PREFIXES = """PREFIX : <http://e/> PREFIX geo: <http://www.opengis.net/ont/geosparql#>
PREFIX geof: <http://www.opengis.net/def/function/geosparql/> PREFIX uom: <http://www.opengis.net/def/uom/OGC/1.0/>
"""
RELATIONS = (
    [f"sf{name}" for name in (*SIMPLE_FEATURES, "Disjoint")]
    + [f"eh{name}" for name in (*EGENHOFER, "Disjoint")]
    + [f"rcc8{name}" for name in (*RCC8, "dc")]
)
WINDOW = '"POLYGON((2 2, 6 2, 6 6, 2 6, 2 2))"^^geo:wktLiteral'


def square(west: int, south: int, east: int, north: int) -> str:
    ring = f"{west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}"
    return f'"POLYGON(({ring}))"^^geo:wktLiteral'


RELATED = [
    square(3, 3, 4, 4), square(2, 2, 4, 4), square(2, 2, 6, 6), square(0, 0, 8, 8), square(2, 2, 9, 9),
    square(6, 2, 8, 4), '"LINESTRING(0 4, 8 4)"^^geo:wktLiteral',
]  # fmt: skip
"""With these each relation holds for the window and some geometry."""


def geometry(rng: random.Random) -> str:
    """A random literal: points, lines and polygons on a small grid, some empty, malformed or of another system."""
    x, y, kind = rng.randint(0, 8), rng.randint(0, 8), rng.random()
    if kind < 0.3:
        return f'"POINT({x} {y})"^^geo:wktLiteral'
    if kind < 0.4:
        return f'"<http://www.opengis.net/def/crs/EPSG/0/4326> POINT({y} {x})"^^geo:wktLiteral'
    if kind < 0.5:
        return f'"LINESTRING({x} {y}, {x + rng.randint(1, 3)} {y + rng.randint(0, 3)})"^^geo:wktLiteral'
    if kind < 0.85:
        w, h = x + rng.randint(1, 4), y + rng.randint(1, 4)
        return f'"POLYGON(({x} {y}, {w} {y}, {w} {h}, {x} {h}, {x} {y}))"^^geo:wktLiteral'
    others = ['"POLYGON EMPTY"', '"POINT EMPTY"', '"POINT(1"', '"<http://e/crs> POINT(1 2)"', '""']
    return rng.choice(others) + "^^geo:wktLiteral"


def turtle(seed: int, features: int = 25) -> str:
    rng = random.Random(seed)
    lines = [f":f{i} :kind :{rng.choice('ab')} ; geo:asWKT {geometry(rng)} ." for i in range(features)]
    lines += [f":r{i} :kind :a ; geo:asWKT {related} ." for i, related in enumerate(RELATED)]
    lines += [':g :kind :a ; geo:asWKT "no geometry", 5 .']
    return PREFIXES.replace("PREFIX", "@prefix").replace("> @", "> . @").replace(">\n", "> .\n") + "\n".join(lines)


def data(seed: int, features: int = 25) -> MemoryDataset:
    return MemoryDataset.parse(turtle(seed, features))


def bag(dataset: Dataset, query: str, push_down: str) -> Counter[tuple[str | None, ...]]:
    answer = execute(PREFIXES + query, dataset, push_down=push_down)  # type: ignore[typeddict-item]
    return Counter(tuple(None if t is None else key(t) for t in row) for row in answer.rows())


def assert_same(dataset: MemoryDataset, query: str) -> int:
    """All ways give what the reference filter gives; returns how many solutions."""
    expected = bag(dataset, query, "off")
    assert bag(dataset, query, "auto") == expected
    assert bag(dataset, query, "forced") == expected
    return sum(expected.values())


@pytest.mark.parametrize("relation", RELATIONS)
def test_selection_by_each_relation(relation: str) -> None:
    found = 0
    for seed in range(2):
        dataset = data(seed)
        for arguments in (f"?w, {WINDOW}", f"{WINDOW}, ?w", '?w, "POINT EMPTY"^^geo:wktLiteral'):
            pattern = f"?f :kind :a ; geo:asWKT ?w FILTER(geof:{relation}({arguments}))"
            found += assert_same(dataset, f"SELECT * {{ {pattern} }}")
    assert found > 0


@pytest.mark.parametrize("relation", RELATIONS)
def test_join_by_each_relation(relation: str) -> None:
    for seed in range(2):
        pattern = f"?f :kind :a ; geo:asWKT ?v . ?g :kind :b ; geo:asWKT ?w FILTER(geof:{relation}(?v, ?w))"
        assert_same(data(seed, 16), f"SELECT * {{ {pattern} }}")


@pytest.fixture(scope="module")
def stored() -> Iterator[tuple[MemoryDataset, Store]]:
    with Store.in_memory() as store:
        store.load(turtle(5, 60).encode(), format="ttl")
        yield data(5, 60), store


@pytest.mark.parametrize("chunk", [5, 65536])
def test_a_store_joins_its_points_as_the_reference_does(
    chunk: int, stored: tuple[MemoryDataset, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spatial_join, "CHUNK", chunk)
    reference, store = stored
    found = 0
    few = "VALUES ?f { " + " ".join(f":r{i}" for i in range(len(RELATED))) + " } "
    relations = RELATIONS if chunk > 5 else ["sfContains", "sfIntersects", "sfTouches", "sfDisjoint", "ehInside"]
    for condition in (*(f"geof:{relation}(?v, ?w)" for relation in relations), *DISTANCES[:3]):
        for some in ("", few):  # few are near little of the index
            query = f"SELECT * {{ {some}?f :kind :a ; geo:asWKT ?v . ?g :kind :b ; geo:asWKT ?w FILTER({condition}) }}"
            expected = bag(reference, query, "off")
            with store.snapshot() as snapshot:
                for push_down in ("auto", "forced"):
                    assert bag(snapshot, query, push_down) == expected, condition
            found += sum(expected.values())
    assert found > 0


DISTANCES = [
    "geof:distance(?v, ?w, uom:metre) <= 200000",
    "geof:distance(?v, ?w, uom:metre) < 111000.5",
    "150 >= geof:distance(?v, ?w, uom:kilometre)",
    "geof:distance(?v, ?w, uom:degree) < 1.5",
    "geof:distance(?v, ?w, uom:radian) <= 0.02",
    "2 > geof:distance(?v, ?w, uom:degree)",
    "geof:metricDistance(?v, ?w) <= 160000",
    "geof:distance(?v, ?w, uom:nonsense) <= 5",
    "geof:distance(?v, ?w, uom:metre) > 700000",
]


@pytest.mark.parametrize("relation", ["sfIntersects", "ehContains", "sfDisjoint", "sfTouches"])
@pytest.mark.parametrize("chunk", [1, 7])
def test_the_larger_side_is_joined_part_by_part(relation: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spatial_join, "CHUNK", chunk)
    for condition in (f"geof:{relation}(?v, ?w)", "geof:distance(?w, ?v, uom:metre) < 300000"):
        assert assert_same(data(7), f"SELECT * {{ ?a :kind :a ; geo:asWKT ?v . ?b geo:asWKT ?w FILTER({condition}) }}")


@pytest.mark.parametrize("condition", DISTANCES)
def test_join_by_distance(condition: str) -> None:
    found = 0
    for seed in range(3):
        query = f"SELECT * {{ ?f :kind :a ; geo:asWKT ?v . ?g :kind :b ; geo:asWKT ?w FILTER({condition}) }}"
        found += assert_same(data(seed, 16), query)
    assert found > 0 or "nonsense" in condition


@pytest.mark.parametrize("condition", DISTANCES)
def test_selection_by_distance(condition: str) -> None:
    found = 0
    for seed in range(3):
        query = f"SELECT * {{ ?f :kind :a ; geo:asWKT ?v FILTER({condition.replace('?w', WINDOW)}) }}"
        found += assert_same(data(seed), query)
    assert found > 0 or "nonsense" in condition or ">" in condition


@pytest.mark.parametrize(
    "pattern",
    [
        f"?f :kind :a OPTIONAL {{ ?f geo:asWKT ?w FILTER(geof:sfIntersects(?w, {WINDOW})) }}",
        f"?f :kind ?k OPTIONAL {{ ?f geo:asWKT ?w }} FILTER(geof:sfIntersects(?w, {WINDOW}))",
        f"?f geo:asWKT ?w FILTER(geof:sfIntersects(?w, {WINDOW}) && ?w != 5) MINUS {{ ?f :kind :b }}",
        f"?f geo:asWKT ?w FILTER(geof:sfIntersects(?w, {WINDOW}) = true)",
        f"?f geo:asWKT ?w FILTER(!geof:sfIntersects(?w, {WINDOW}))",
        f"?f geo:asWKT ?w FILTER(geof:sfWithin(?w, geof:buffer({WINDOW}, 1, uom:degree)))",
        f"VALUES ?w {{ {WINDOW} }} FILTER(geof:sfIntersects(?w, {WINDOW}))",
        f"?f geo:asWKT ?u BIND({WINDOW} AS ?w) FILTER(geof:sfIntersects(?w, {WINDOW}))",
        '?f geo:asWKT ?w FILTER(geof:sfIntersects(?w, "POINT(1"^^geo:wktLiteral))',
        '?f geo:asWKT ?w FILTER(geof:sfIntersects(?w, "text"))',
        "?f geo:asWKT ?v . ?g geo:asWKT ?w FILTER(geof:sfTouches(?v, ?w) && geof:sfIntersects(?v, ?w) && ?f != ?g)",
        "?f geo:asWKT ?v . ?g geo:asWKT ?w . ?h geo:asWKT ?x "
        f"FILTER(geof:sfWithin(?v, ?w) && geof:sfTouches(?w, ?x) && geof:sfIntersects(?x, {WINDOW}))",
        "?f geo:asWKT ?v . ?f :kind ?k . ?g :kind ?k ; geo:asWKT ?w FILTER(geof:sfTouches(?v, ?w))",
        "?f geo:asWKT ?v . { SELECT * { ?g geo:asWKT ?w } LIMIT 5 } FILTER(geof:sfIntersects(?v, ?w))",
        "?f :kind :a ; geo:asWKT ?v FILTER EXISTS { ?g :kind :b ; geo:asWKT ?w FILTER(geof:sfTouches(?v, ?w)) }",
        "?f geo:asWKT ?v FILTER NOT EXISTS { ?g geo:asWKT ?w FILTER(geof:sfIntersects(?v, ?w) && ?f != ?g) }",
        "?f :kind :a ; geo:asWKT ?v "
        "FILTER NOT EXISTS { ?g :kind :b ; geo:asWKT ?w FILTER(geof:distance(?w, ?v, uom:metre) < 300000) }",
        "?f :kind :a OPTIONAL { ?f geo:asWKT ?v } FILTER NOT EXISTS { ?g :kind :b ; geo:asWKT ?w "
        "FILTER(geof:sfIntersects(?v, ?w)) }",
        "?f :kind :a ; geo:asWKT ?v OPTIONAL { ?g :kind :b ; geo:asWKT ?w FILTER(geof:sfTouches(?v, ?w)) }",
        "?f :kind :a ; geo:asWKT ?v OPTIONAL { ?g :kind ?k ; geo:asWKT ?w "
        "FILTER(geof:sfIntersects(?w, ?v) && ?k = :b && ?f != ?g) }",
        "?f :kind ?k OPTIONAL { ?f geo:asWKT ?v } OPTIONAL { ?g geo:asWKT ?w FILTER(geof:sfWithin(?w, ?v)) }",
        "?f geo:asWKT ?v OPTIONAL { ?f :kind ?k . ?g geo:asWKT ?w FILTER(geof:sfWithin(?w, ?v)) }",
        f"FILTER EXISTS {{ ?f geo:asWKT ?w FILTER(geof:sfIntersects(?w, {WINDOW})) }} ?f :kind :a",
    ],
)
def test_spatial_filters_among_other_operators(pattern: str) -> None:
    for seed in range(3):
        dataset = data(seed, 12)
        if "LIMIT" in pattern:
            assert sum(bag(dataset, f"SELECT * {{ {pattern} }}", "auto").values()) > 0
        else:
            assert_same(dataset, f"SELECT * {{ {pattern} }}")


@pytest.mark.parametrize(
    "pattern",
    [
        f"?f geo:asWKT ?w FILTER(geof:sfIntersects(?w, {WINDOW}))",
        "?f :kind :a ; geo:asWKT ?v . ?g :kind :b ; geo:asWKT ?w FILTER(geof:sfIntersects(?v, ?w))",
    ],
)
def test_a_limit_is_met_in_portions(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spatial_reach, "FIRST", 2)
    dataset = data(3)
    whole = bag(dataset, f"SELECT * {{ {pattern} }}", "off")
    count = sum(whole.values())
    for limit in (1, 3, count, count + 5):
        for push_down in ("auto", "forced"):
            found = bag(dataset, f"SELECT * {{ {pattern} }} LIMIT {limit}", push_down)
            assert found <= whole
            assert sum(found.values()) == min(limit, count)


def nodes(query: str, kind: type) -> list[Algebra]:
    def found(node: Algebra) -> list[Algebra]:
        below = [inner for child in children(node) for inner in found(child)]
        return [node, *below] if isinstance(node, kind) else below

    return found(with_spatial_nodes(rewrite(parse_query(PREFIXES + query).form.pattern)))


def test_the_planner_finds_selections_and_joins() -> None:
    query = f"SELECT * {{ ?f geo:asWKT ?w ; :kind :a FILTER(geof:sfIntersects({WINDOW}, ?w)) }}"
    (select,) = nodes(query, SpatialSelect)
    assert isinstance(select, SpatialSelect)
    assert (select.variable.name, select.variable_first) == ("w", False)
    query = "SELECT * { ?f geo:asWKT ?v . ?g geo:asWKT ?w FILTER(geof:distance(?w, ?v, uom:metre) < 5) }"
    (join,) = nodes(query, SpatialJoin)
    assert isinstance(join, SpatialJoin)
    assert (join.first.name, join.second.name, join.distance) == ("w", "v", 5.0)


def test_what_boxes_cannot_decide_stays_a_filter() -> None:
    assert not nodes(f"SELECT * {{ ?f geo:asWKT ?w FILTER(geof:sfDisjoint(?w, {WINDOW})) }}", SpatialSelect)
    assert not nodes("SELECT * { ?f geo:asWKT ?v ; :x ?w FILTER(geof:sfWithin(?v, ?w)) }", SpatialJoin)
    assert not nodes(f"SELECT * {{ BIND({WINDOW} AS ?w) FILTER(geof:sfWithin(?w, {WINDOW})) }}", SpatialSelect)


def test_the_trace_tells_the_decision_and_what_is_malformed() -> None:
    lines = [f':s{i} :tag {i} ; geo:asWKT "POINT({i} 0)"^^geo:wktLiteral .' for i in range(50)]
    header = PREFIXES.replace("PREFIX", "@prefix").replace("> @", "> . @").replace(">\n", "> .\n")
    dataset = MemoryDataset.parse(header + "\n".join(lines) + ':x :bad "POINT(1"^^geo:wktLiteral .')
    window = '"POLYGON((-1 -1, 2 -1, 2 1, -1 1, -1 -1))"^^geo:wktLiteral'

    def notes(query: str) -> tuple[str, dict[str, int], int]:
        trace = Trace()
        rows = len(list(execute(PREFIXES + query, dataset, trace=trace).rows()))
        return trace.report().to_text(), trace.counts, rows

    text, _, rows = notes(f"SELECT * {{ ?s geo:asWKT ?w FILTER(geof:sfIntersects(?w, {window})) }}")
    assert rows == 3
    assert "index first: 3 candidates, about 50 solutions" in text
    whole = window.replace("2 ", "60 ")
    text, _, rows = notes(f"SELECT * {{ ?s :tag 1 ; geo:asWKT ?w FILTER(geof:sfIntersects(?w, {whole})) }}")
    assert rows == 1
    assert "pattern first: about 1 solutions, about 50 candidates" in text
    _, counts, rows = notes("SELECT * { ?s :bad ?w . ?t geo:asWKT ?v FILTER(geof:sfIntersects(?w, ?v)) }")
    assert rows == 0
    assert counts["malformed geometry literals"] == 1


@pytest.mark.parametrize("in_store", [False, True])
def test_the_index_first_way_explains_malformed_literals_too(in_store: bool) -> None:
    literals = {"a": "POINT(1 2)", "b": "POINT(1", "c": "POINT(8 8)", "d": "POINT EMPTY"}
    lines = [f'<http://e/{n}> <{GEO}asWKT> "{text}"^^<{GEO}wktLiteral> .' for n, text in literals.items()]
    dataset: MemoryDataset | Store = MemoryDataset.parse("\n".join(lines), "nt")
    if in_store:
        dataset = Store.in_memory()
        dataset.load("\n".join(lines).encode(), format="nt")
    area = f'"POLYGON((0 0,5 0,5 5,0 5,0 0))"^^<{GEO}wktLiteral>'
    trace = Trace()
    query = f"SELECT ?s {{ ?s <{GEO}asWKT> ?w FILTER(<{GEOF}sfIntersects>(?w, {area})) }}"
    rows = list(execute(query, dataset, trace=trace, push_down="forced").rows())
    assert [row[0] for row in rows] == [IRI("http://e/a")]
    assert trace.counts["malformed geometry literals outside the index"] == 1
    assert "malformed geometry literals outside the index, 1: " in trace.report().to_text()
