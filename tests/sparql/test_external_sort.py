# SPDX-License-Identifier: Apache-2.0
"""An order by way of the disk is the order in memory."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcube.config import Settings
from semcube.engines import reservations
from semcube.engines.reservations import Reservation
from semcube.errors import QueryMemoryError
from semcube.sparql.explain import Trace
from semcube.sparql.memory import MemoryDataset
from semcube.sparql.query import execute

XSD = "http://www.w3.org/2001/XMLSchema#"
OBJECTS = st.one_of(
    st.integers(-50, 50).map(lambda n: f'"{n}"^^<{XSD}integer>'),
    st.sampled_from(["1.50", "1.5", "-3", "100000000000000000000.1"]).map(lambda n: f'"{n}"^^<{XSD}decimal>'),
    st.sampled_from(["1.5", "NaN", "INF", "-1e3"]).map(lambda n: f'"{n}"^^<{XSD}double>'),
    st.sampled_from(["2020-01-01T00:00:00Z", "2019-06-01T00:00:00+02:00"]).map(lambda n: f'"{n}"^^<{XSD}dateTime>'),
    st.text("abé\U0001f30d", max_size=3).map(lambda s: f'"{s}"'),
    st.text("ab", max_size=2).map(lambda s: f'"{s}"@en'),
    st.sampled_from(["<http://e/x>", "<http://e/y>", "_:n", f'"true"^^<{XSD}boolean>']),
)
QUERY = "SELECT * { ?s <http://e/p> ?o OPTIONAL { ?s <http://e/q> ?n } }"


def rows_of(data: MemoryDataset, text: str, **options: object) -> list[object]:
    return list(execute(text, data, **options).rows())  # type: ignore[arg-type]


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), OBJECTS, st.booleans()), max_size=25),
    st.sampled_from(["?o", "DESC(?o)", "?n DESC(?o)", "DESC(?n) STRLEN(STR(?o))", "?missing", "?s ?o", "(?n + 1) ?s"]),
)
def test_the_disk_gives_the_order_of_memory(facts: list[tuple[int, str, bool]], order: str) -> None:
    lines = [f"<http://e/s{s}> <http://e/p> {o} ." for s, o, _ in facts]
    lines += [f'<http://e/s{s}> <http://e/q> "{s % 3}"^^<{XSD}integer> .' for s, _, more in facts if more]
    data = MemoryDataset.parse("\n".join(lines))
    text = f"{QUERY} ORDER BY {order}"
    expected = rows_of(data, text)
    trace = Trace()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Reservation, "fits", lambda self, nbytes: self._what != "ORDER BY")
        found = rows_of(data, text, trace=trace)
    assert found == expected
    assert not facts or "sorted on disk" in trace.report().to_text()


def test_no_rows_of_variables() -> None:
    data = MemoryDataset.parse("<http://e/s> <http://e/p> 'a' .")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Reservation, "fits", lambda self, nbytes: self._what != "ORDER BY")
        assert rows_of(data, "SELECT * { <http://e/s> <http://e/p> 'a' } ORDER BY (1 + 1)") == [()]


def test_the_disk_is_not_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    data = MemoryDataset.parse("<http://e/s> <http://e/p> 'a' , 'b' .")
    monkeypatch.setattr(Reservation, "fits", lambda self, nbytes: self._what != "ORDER BY")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    with pytest.raises(QueryMemoryError, match="is full of rows to sort"):
        rows_of(data, "SELECT * { ?s ?p ?o } ORDER BY ?o")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT DISTINCT * { ?a ?p ?b . ?c ?q ?d }",
        "SELECT ?a ?c (COUNT(?d) AS ?n) { ?a ?p ?b . ?c ?q ?d } GROUP BY ?a ?c",
        "SELECT * { ?a ?p ?b MINUS { ?a ?q ?d . ?e ?f ?g } }",
        "SELECT * { ?x ?y ?z OPTIONAL { ?a ?p ?b . ?c ?q ?d FILTER(?z = ?d) } }",
        "SELECT * { ?a (!<http://nope/>|^!<http://nope/>)+ ?b }",
        "CONSTRUCT { ?a ?q ?d . ?c ?p ?b } { ?a ?p ?b . ?c ?q ?d }",
    ],
)
def test_what_does_not_fit_ends_with_an_error(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(reservations, "resident_bytes", lambda: 1 << 40)
    data = MemoryDataset.parse("\n".join(f"<http://e/s{n}> <http://e/p> <http://e/s{n + 1}> ." for n in range(300)))
    answer = execute(text, data, settings=Settings(threads=1, memory_mb=1), push_down="off")
    with pytest.raises(QueryMemoryError, match=r"memory_mb \(1 MiB\) allows"):
        for _ in answer.quads() if answer.kind == "graph" else answer.batches():
            pass
