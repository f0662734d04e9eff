# SPDX-License-Identifier: Apache-2.0
"""The dataset in memory against the definition of matching, quad by quad."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.errors import RDFSyntaxError
from semcube.io.terms import IRI, QUADS, BlankNode, Literal, key
from semcube.sparql.algebra import Variable
from semcube.sparql.dataset import ActiveGraph, QuadPattern, SpatialDataset
from semcube.sparql.memory import MemoryDataset, MemoryDictionary
from semcube.sparql.query import new_context

NODES = [IRI("http://e/a"), IRI("http://e/b"), BlankNode("n")]
GRAPHS = [None, IRI("http://e/g"), IRI("http://e/h")]
QUAD = st.tuples(
    st.sampled_from(NODES), st.sampled_from(NODES[:2]), st.sampled_from([*NODES, Literal("1")]), st.sampled_from(GRAPHS)
)
VARIABLES = [Variable("x"), Variable("y")]
ACTIVE = [
    ActiveGraph(),
    ActiveGraph((IRI("http://e/g"),)),
    ActiveGraph((None, IRI("http://e/g"), IRI("http://e/h"))),
    ActiveGraph((), (IRI("http://e/h"), IRI("http://e/none"))),
]


def batch(quads: list[tuple[object, ...]]) -> pa.RecordBatch:
    columns = zip(*[[None if t is None else key(t) for t in quad] for quad in quads], strict=True)  # type: ignore[arg-type]
    arrays = [pa.array(column, pa.large_string()) for column in (columns if quads else [[]] * 4)]
    return pa.RecordBatch.from_arrays(arrays, schema=QUADS)


def expected(quads: list[tuple[object, ...]], pattern: QuadPattern) -> list[tuple[tuple[str, object], ...]]:
    """The solutions by definition."""
    found = []
    for s, p, o, g in sorted(set(quads), key=str):
        if pattern.graph is None:
            visible = g in pattern.active.default
        else:
            visible = g is not None and (pattern.active.named is None or g in pattern.active.named)
        places = [(pattern.subject, s), (pattern.predicate, p), (pattern.object, o)]
        places += [] if pattern.graph is None else [(pattern.graph, g)]
        binding: dict[str, object] = {}
        fits = all(
            binding.setdefault(wanted.name, value) == value if isinstance(wanted, Variable) else wanted == value
            for wanted, value in places
        )
        if visible and fits:
            found.append(tuple(sorted(binding.items())))
    return sorted(set(found) if pattern.graph is None else found, key=str)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(QUAD, max_size=12),
    st.sampled_from([*NODES, *VARIABLES]),
    st.sampled_from([*NODES[:2], *VARIABLES]),
    st.sampled_from([*NODES, Literal("1"), *VARIABLES]),
    st.sampled_from([None, IRI("http://e/g"), IRI("http://e/none"), *VARIABLES]),
    st.sampled_from(ACTIVE),
)
def test_match_by_definition(quads, subject, predicate, object_, graph, active) -> None:  # type: ignore[no-untyped-def]
    data = MemoryDataset([batch(quads)])
    context = new_context(data)
    pattern = QuadPattern(subject, predicate, object_, graph, active)
    rows = 0
    found = []
    for part in data.match(pattern, context):
        rows += part.num_rows
        columns = {name: context.terms.terms(part.column(name).to_numpy()) for name in part.schema.names if name != "_"}
        found += [tuple(sorted(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]
    wanted = expected(quads, pattern)
    if pattern.variables:
        assert sorted(found, key=str) == wanted
    assert rows == len(wanted)


def test_duplicates_add_nothing() -> None:
    quads = [(NODES[0], NODES[1], Literal("1"), None)]
    data = MemoryDataset([batch(quads), batch(quads)])
    assert len(data) == 1
    data.add([batch(quads)])
    assert len(data) == 1


def test_estimates_of_all_constants() -> None:
    data = MemoryDataset.parse("<http://e/a> <http://e/p> 1, 2 . <http://e/b> <http://e/p> 1 .")
    context = new_context(data)
    a, p, one = IRI("http://e/a"), IRI("http://e/p"), Literal("1", "http://www.w3.org/2001/XMLSchema#integer")
    x, y, z = Variable("x"), Variable("y"), Variable("z")
    places = {"s": (a, x), "p": (p, y), "o": (one, z)}
    counts = [data.estimate(QuadPattern(*chosen), context).rows for chosen in itertools.product(*places.values())]  # type: ignore[union-attr]
    assert counts == [1, 2, 1, 2, 2, 3, 2, 3]
    assert data.estimate(QuadPattern(IRI("http://e/none"), y, z), context).exact  # type: ignore[union-attr]


def test_dictionary_gives_inline_ids_to_numbers_and_truth() -> None:
    dictionary = MemoryDictionary()
    keys = pa.array(['"7"^^<http://www.w3.org/2001/XMLSchema#integer>', '"x"@en', None, '"x"@en'])
    ids = dictionary.add(keys)
    assert ids[1] == ids[3]
    assert ids[2] == 0
    assert (dictionary.find(keys) == ids).all()
    assert dictionary.find(pa.array(['"y"']))[0] == 0
    assert dictionary.decode(ids[[1]]).to_pylist()[0]["language"] == "en"


def test_graphs_with_and_without_triples() -> None:
    data = MemoryDataset.parse("<http://e/g> { <http://e/a> <http://e/b> 1 }", "trig")
    data.create_graph(IRI("http://e/empty"))
    context = new_context(data)
    names = {key(context.terms.term(n)) for n in data.graphs(context).tolist()}
    assert names == {"<http://e/g>", "<http://e/empty>"}


def test_text_that_does_not_parse() -> None:
    with pytest.raises(RDFSyntaxError):
        MemoryDataset.parse("<http://e/a> <http://e/b>")


def test_geometries_and_their_index() -> None:
    literal = "<http://www.opengis.net/ont/geosparql#wktLiteral>"
    data = MemoryDataset.parse(
        f'<http://e/a> <http://e/w> "POINT(1 2)"^^{literal}, "POINT(8 9)"^^{literal}, "POINT("^^{literal} .'
    )
    assert isinstance(data, SpatialDataset)
    index = data.spatial_index()
    assert index is not None
    (found,) = index.candidates((0, 0, 5, 5))
    assert data.geometries(np.array([found, found])).native[1].wkt == "POINT (1 2)"
    assert MemoryDataset().spatial_index() is None
