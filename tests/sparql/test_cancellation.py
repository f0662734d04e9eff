# SPDX-License-Identifier: Apache-2.0
"""Long spatial work heeds its deadline, and work that is cut into portions gives what it gives at once."""

from __future__ import annotations

import time

import numpy as np
import pytest
import shapely

from semcube.engines.base import Cancellation
from semcube.errors import QueryCancelledError, QueryTimeoutError
from semcube.geometry import spatial_filter, spatial_join
from semcube.geometry.portions import portions
from semcube.sparql.memory import MemoryDataset
from semcube.sparql.query import execute

PREFIXES = """PREFIX geo: <http://www.opengis.net/ont/geosparql#>
PREFIX geof: <http://www.opengis.net/def/function/geosparql/>
PREFIX uom: <http://www.opengis.net/def/uom/OGC/1.0/>
"""


def circles(count: int, vertices: int) -> np.ndarray:
    """Wobbly rings, far enough apart that their distance takes work."""
    rng = np.random.default_rng(1)
    angle = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    xy = rng.uniform(-60, 60, (count, 1, 2)) + np.stack([np.cos(angle), np.sin(angle)], 1)
    return np.array([shapely.Polygon(ring) for ring in xy], dtype=object)


def turtle(shapes: np.ndarray) -> str:
    lines = (
        f'<http://e/{n}> <http://e/shape> "{shape.wkt}"^^<http://www.opengis.net/ont/geosparql#wktLiteral> .'
        for n, shape in enumerate(shapes)
    )
    return "\n".join(lines)


@pytest.fixture(scope="module")
def rings() -> MemoryDataset:
    return MemoryDataset.parse(turtle(circles(400, 200)))


@pytest.mark.parametrize("push_down", ["off", "auto", "forced"])
@pytest.mark.parametrize(
    "query",
    [
        "SELECT (MAX(geof:distance(?a, ?b, uom:metre)) AS ?m) { ?s <http://e/shape> ?a . ?t <http://e/shape> ?b }",
        "SELECT * { ?s <http://e/shape> ?a . ?t <http://e/shape> ?b } ORDER BY geof:distance(?a, ?b, uom:metre)",
        "SELECT * { ?s <http://e/shape> ?a . ?t <http://e/shape> ?b FILTER(geof:distance(?a, ?b, uom:metre) > 1e8) }",
        "SELECT (SUM(geof:area(geof:symDifference(?a, ?b), uom:metre)) AS ?m)"
        " { ?s <http://e/shape> ?a . ?t <http://e/shape> ?b }",
    ],
)
def test_a_cross_product_of_geometries_stops_at_the_deadline(rings: MemoryDataset, query: str, push_down: str) -> None:
    started = time.monotonic()
    with pytest.raises(QueryTimeoutError):
        list(execute(PREFIXES + query, rings, timeout=0.5, push_down=push_down).rows())  # type: ignore[arg-type]
    assert time.monotonic() - started < 5


class Nth(Cancellation):
    """Is cancelled at the n-th check."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def check(self) -> None:
        self.number -= 1
        if self.number <= 0:
            raise QueryCancelledError("the query was cancelled")


def test_a_join_checks_between_portions_of_its_candidates() -> None:
    shapes = circles(150, 60)
    for relation, distance in (("distance", 1e7), ("sfIntersects", None)):
        with pytest.raises(QueryCancelledError):
            spatial_join(shapes, shapes, relation, distance_m=distance, cancellation=Nth(2))
        found = spatial_join(shapes, shapes, relation, distance_m=distance, cancellation=Cancellation(60))
        assert np.array_equal(found, spatial_join(shapes, shapes, relation, distance_m=distance))
    with pytest.raises(QueryCancelledError):
        spatial_filter(shapes, shapes[0], "sfDisjoint", cancellation=Nth(1))


def test_portions_cover_every_row_once() -> None:
    for rows in (0, 1, 511, 512, 513, 100_000):
        parts = list(portions(rows))
        assert [row for part in parts for row in range(part.start, part.stop)] == list(range(rows))


def test_portions_grow_while_they_are_quick_and_shrink_when_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 0.001, 1.0, 3.0, 4.0, 4.1] + [5.0] * 1000)
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    sizes = [part.stop - part.start for _, part in zip(range(3), portions(1_000_000), strict=False)]
    assert sizes == [512, 4096, 512]


def test_a_computed_column_is_the_same_in_portions() -> None:
    points = shapely.points(np.random.default_rng(2).uniform(-5, 5, (60, 2)))
    data = MemoryDataset.parse(turtle(np.append(points, shapely.from_wkt("POLYGON EMPTY"))))
    query = """SELECT ?a ?b (geof:distance(?a, ?b, uom:metre) AS ?d) (geof:asWKT(geof:union(?a, ?b)) AS ?u)
        (geof:dimension(?a) AS ?n) (geof:getSRID(geof:centroid(?b)) AS ?i)
        { ?s <http://e/shape> ?a . ?t <http://e/shape> ?b } ORDER BY ?a ?b"""
    rows = list(execute(PREFIXES + query, data).rows())
    assert len(rows) == 61 * 61
    for row in rows[:: 61 * 7]:
        single = PREFIXES + query.split("{", maxsplit=1)[0] + "{ BIND($p AS ?a) BIND($q AS ?b) }"
        (alone,) = execute(single, data, params={"p": row[0], "q": row[1]}).rows()
        assert alone == row
