# SPDX-License-Identifier: Apache-2.0
"""The first k of an ordering, and the nearest k, against the sorted whole."""

from __future__ import annotations

import numpy as np
import pytest

from semcube.sparql.explain import explain
from semcube.sparql.memory import MemoryDataset
from semcube.sparql.query import execute
from tests.sparql.test_query_rewrite import PREFIX, P, opened

Q = (
    P
    + """PREFIX geof: <http://www.opengis.net/def/function/geosparql/>
PREFIX uom: <http://www.opengis.net/def/uom/OGC/1.0/> PREFIX unit: <http://qudt.org/vocab/unit/>
"""
)


def data(count: int = 300) -> str:
    """Points on a coarse grid (so that distances tie), across the antimeridian, some areas, odd and bad literals."""
    rng = np.random.default_rng(7)
    lines = []
    for i in range(count):
        x, y = rng.integers(-4, 5, 2) + (np.array([179, 60]) if i % 5 == 0 else 0)
        x = x - 360 if x > 180 else x
        wkt = f"POINT ({x} {y})" if i % 7 else f"POLYGON (({x} {y}, {x + 1} {y}, {x + 1} {y + 1}, {x} {y}))"
        lines.append(f':f{i:03} :kind {i % 3} ; geo:asWKT "{wkt}"^^geo:wktLiteral .')
    lines.append(':o1 :kind 1 ; geo:asWKT "POINT (x)"^^geo:wktLiteral . :o2 :kind 1 ; geo:asWKT "no geometry" .')
    lines.append(':o3 :kind 2 ; geo:asWKT "POINT EMPTY"^^geo:wktLiteral . :o4 :kind 0 ; geo:asWKT :f001 .')
    lines.append(":o5 :kind 1 .")
    return PREFIX + "\n".join(lines)


POINT = '"POINT (%s)"^^geo:wktLiteral'
METRES = f"geof:distance(?w, {POINT}, uom:metre)"
QUERIES = [
    "SELECT ?f { ?f geo:asWKT ?w } ORDER BY DIST ?f LIMIT 7",
    "SELECT ?f { ?f geo:asWKT ?w } ORDER BY DIST LIMIT 25 OFFSET 3",
    "SELECT ?f ?d { ?f geo:asWKT ?w ; :kind 1 BIND(DIST AS ?d) } ORDER BY ?d DESC(?f) LIMIT 12",
    "SELECT ?f (DIST AS ?d) { ?f :kind 2 ; geo:asWKT ?w FILTER(isLiteral(?w)) } ORDER BY ?d ?f LIMIT 40",
    "SELECT ?f { ?f :kind 1 OPTIONAL { ?f geo:asWKT ?w } } ORDER BY DIST ?f LIMIT 20",
    "SELECT ?f { ?f geo:asWKT ?w } ORDER BY DIST LIMIT 1000",
    "SELECT ?f { ?f geo:asWKT ?w } ORDER BY DESC(DIST) ?f LIMIT 9",
    "SELECT ?f ?g { ?f geo:asWKT ?w . ?g :kind 0 } ORDER BY DIST ?f ?g LIMIT 30",
]
DISTANCES = [
    METRES % "1.2 0.4",
    METRES % "-179.5 61",
    METRES % "40 40",
    f"geof:distance({POINT % '0 0'}, ?w, unit:KiloM)",
    f"geof:metricDistance(?w, {POINT % '2 2'})",
    f"geof:distance(?w, {POINT % '0 0'}, uom:degree)",
    f"geof:distance(?w, {POINT % 'x'}, uom:metre)",
    'geof:distance(?w, "POLYGON ((0 0, 3 0, 3 3, 0 0))"^^geo:wktLiteral, uom:metre)',
]


@pytest.mark.parametrize("kind", ["memory", "store"])
def test_nearest_as_by_the_sorted_whole(kind: str) -> None:
    # ties keep the order of the pattern, which a store may give in another one
    queries = QUERIES if kind == "memory" else [query for query in QUERIES if "?f" in query.rpartition("ORDER")[2]]
    with opened(kind, data()) as dataset:
        for place, distance in enumerate(DISTANCES):
            for query in queries if kind == "memory" else queries[place % 3 :: 3]:
                text = Q + query.replace("DIST", distance)
                head, _, limit = text.rpartition("LIMIT ")
                size, _, offset = limit.partition(" OFFSET ")
                start = int(offset or 0)
                whole = list(execute(head, dataset, push_down="off").rows())
                found = list(execute(text, dataset, push_down="auto").rows())
                assert found == whole[start : start + int(size)], text


def test_few_distances_are_measured() -> None:
    with opened("store", data(3000)) as store:
        report = explain(Q + QUERIES[0].replace("DIST", DISTANCES[0]), store)
        (note,) = [line for line in report.to_text().splitlines() if "nearest 7" in line]
        kept, _, rows = note.partition("nearest 7: ")[2].partition(" of ")
        assert int(rows.split()[0]) == 3004
        assert int(kept) < 300


@pytest.mark.parametrize("order", ["?k", "DESC(?k) ?s", "STR(?k)", "?none", "DESC(?none) ?k", "?g"])
def test_the_first_k_are_those_of_the_sorted_whole(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from semcube.sparql.evaluate import modifiers

    monkeypatch.setattr(modifiers, "BATCH_ROWS", 50)
    terms = ["1", "2.5", '"a"', '"b"@en', "true", ":x", "_:n", '"2020-01-01"^^xsd:date', '"NaN"^^xsd:double', "10"]
    lines = [f":s{i} :p {terms[i % 10] if i % 4 else i} ." for i in range(400)]
    dataset = MemoryDataset.parse(PREFIX + "\n".join(lines))
    query = P + f"SELECT ?s ?k {{ ?s :p ?k }} ORDER BY {order}"
    whole = list(execute(query, dataset, push_down="off").rows())
    for limit, offset in ((1, 0), (10, 5), (399, 0), (400, 1), (7, 398), (5, 900)):
        found = list(execute(f"{query} LIMIT {limit} OFFSET {offset}", dataset, push_down="off").rows())
        assert found == whole[offset : offset + limit]
