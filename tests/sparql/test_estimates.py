# SPDX-License-Identifier: Apache-2.0
"""Estimates beside real counts, and the way that they choose, on all queries of the synthetic benchmark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import shapely

from semcube.bench.generator import triples
from semcube.bench.workload import PREFIXES, Query, everything
from semcube.engines.sampling import SAMPLE, places
from semcube.sparql.algebra import Project
from semcube.sparql.dataset import SpatialDataset
from semcube.sparql.evaluate.estimates import sampled
from semcube.sparql.explain import NodeReport, Report, Trace
from semcube.store import Store

SIDE = 64
QUERIES = everything(SIDE)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("estimates")
    with (folder / "data.nt").open("w", encoding="utf-8") as out:
        out.writelines(triples(SIDE, 1.0))
    with Store.open(folder / "store", create=True) as found:
        found.load(folder / "data.nt")
        yield found


def explained(store: Store, text: str) -> Report:
    trace = Trace()
    with store.query(text, trace=trace) as result:
        len(result)
    return trace.report()


def nodes(report: Report) -> Iterator[NodeReport]:
    waiting = list(report.plan)
    while waiting:
        node = waiting.pop()
        waiting += node.children
        yield node


@pytest.mark.parametrize("query", QUERIES, ids=[query.name for query in QUERIES])
def test_each_node_is_estimated_within_ten_times(store: Store, query: Query) -> None:
    seen = 0
    for node in nodes(explained(store, query.texts["filter"])):
        assert node.estimated is not None, node.operator
        expected, real = max(node.estimated, 1.0), max(node.rows, 1.0)
        assert real / 10 <= expected <= real * 10, (node.operator, node.detail, node.estimated, node.rows)
        seen += 1
    assert seen


@pytest.mark.parametrize("query", [q for q in QUERIES if q.kind == "select"], ids=lambda query: query.name)
def test_selections_start_where_fewer_rows_are(store: Store, query: Query) -> None:
    text = query.texts["filter"]
    notes = " ".join(note for node in nodes(explained(store, text)) for note in node.notes)
    with store.query(re.sub(r"FILTER\(.*\) }", "}", text)) as result:
        thematic = len(result)
        dataset = result._answer.context.dataset
        assert isinstance(dataset, SpatialDataset)
        index = dataset.spatial_index()
        assert index is not None
        spatial = len(index.candidates(shapely.from_wkt(query.plan["area"])))
    assert ("index first" in notes) != ("pattern first" in notes)
    if spatial * 1.5 < thematic:
        assert "index first" in notes
    if thematic * 1.5 < spatial:
        assert "pattern first" in notes


def test_patterns_are_sampled_where_they_are_large(store: Store) -> None:
    star = "?a geo:hasGeometry ?g . ?g geo:asWKT ?w . ?a lo:hasTag ?t . ?t lo:hasKey ?k"
    with store.query(f"{PREFIXES} SELECT * {{ {star} }}") as result:
        rows, context, plan = len(result), result._answer.context, result._answer.plan
    assert isinstance(plan, Project)
    found = sampled(plan.pattern, context)
    assert found is not None
    solutions, scale = found
    assert solutions.rows <= 4 * SAMPLE < rows
    assert scale > 1
    assert rows / 1.2 < solutions.rows * scale < rows * 1.2
    assert (np.diff(np.sort(solutions.column("t"))) != 0).any()


def test_a_sample_of_few_rows_is_all_of_them(store: Store) -> None:
    with store.query(f'{PREFIXES} SELECT * {{ ?a lo:hasTag ?t . ?t lo:hasKey "{SIDE}" }}') as result:
        plan, context, rows = result._answer.plan, result._answer.context, len(result)
    found = sampled(plan, context)
    assert found is not None
    assert (found[0].rows, found[1]) == (rows, 1.0)


def test_what_cannot_be_sampled_is_estimated_by_counts(store: Store) -> None:
    text = "SELECT ?k (COUNT(*) AS ?n) { ?t lo:hasKey ?k } GROUP BY ?k"
    with store.query(f"{PREFIXES} {text}") as result:
        plan, context = result._answer.plan, result._answer.context
    assert sampled(plan, context) is None
    assert all(node.estimated for node in nodes(explained(store, f"{PREFIXES} {text}")))


def test_places_are_spread_and_the_same_each_time() -> None:
    found = places(10_000, 100)
    assert (found // 100).tolist() == list(range(100))
    assert len(np.unique(found % 100)) > 30
    assert (found == places(10_000, 100)).all()


def test_estimates_follow_updates(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store", create=True) as found:
        lines = "".join(f":s{i} :p :o{i % 5} . :o{i % 5} :q {i} . " for i in range(40))
        found.update(f"PREFIX : <http://e/> INSERT DATA {{ {lines} }}")
        join = "PREFIX : <http://e/> SELECT * { ?s :p ?o . ?o :q ?n }"

        def expected_and_real() -> tuple[float | None, int]:
            (node,) = explained(found, join).plan
            return node.estimated, node.rows

        assert expected_and_real() == (320.0, 320)
        found.update("PREFIX : <http://e/> DELETE { ?s :p :o0 } INSERT { :o1 :q 99 } WHERE { ?s :p :o0 }")
        assert expected_and_real() == (264.0, 264)
