# SPDX-License-Identifier: Apache-2.0
"""Asks pyoxigraph and semcube the same query."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence

import pyoxigraph as ox

from semcube.io.terms import Term
from semcube.sparql.dataset import Dataset
from semcube.sparql.query import execute
from tests.conformance.compare import comparable, term_from_oxigraph
from tests.sparql.fuzz.generator import draw

Bag = Counter[tuple[tuple[str, str], ...]]


def _solution(names: Sequence[str], row: Sequence[Term | None]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((n, comparable(v)) for n, v in zip(names, row, strict=True) if v is not None))


def expected(data: str, query: str) -> tuple[Bag, list[tuple[tuple[str, str], ...]]]:
    """The solutions that pyoxigraph gives, as a bag and in its order."""
    store = ox.Store()
    store.load(data.encode(), ox.RdfFormat.TRIG)
    found = store.query(query)
    assert isinstance(found, ox.QuerySolutions)
    names = [variable.value for variable in found.variables]
    rows = [_solution(names, [term_from_oxigraph(row[name]) for name in names]) for row in found]
    return Counter(rows), rows


def actual(dataset: Dataset, query: str, push_down: str) -> tuple[Bag, list[tuple[tuple[str, str], ...]]]:
    """The solutions that semcube gives."""
    answer = execute(query, dataset, push_down=push_down, timeout=60)  # type: ignore[typeddict-item]
    rows = [_solution(answer.variables, row) for row in answer.rows()]
    return Counter(rows), rows


def difference(data: str, query: str, dataset: Dataset, push_down: str) -> str | None:
    """What is different, None where nothing is."""
    wanted, wanted_rows = expected(data, query)
    found, found_rows = actual(dataset, query, push_down)
    if wanted != found:
        return f"missing {wanted - found}\nextra {found - wanted}"
    if "ORDER BY" in query and wanted_rows != found_rows:
        return f"order {found_rows}\nexpected {wanted_rows}"
    return None


def blocks(seeds: range) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """Data, and the seeds and queries that share them."""
    for data, group in itertools.groupby(((seed, *draw(seed)) for seed in seeds), key=lambda drawn: drawn[1]):
        yield data, [(seed, query) for seed, _, query in group]
