# SPDX-License-Identifier: Apache-2.0
"""Links by Allen's relations: alone, with space, from files and from stores, against trying every pair."""

from __future__ import annotations

import datetime
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import semcube
from semcube.errors import RowError, SourceError, UsageError
from semcube.interlink import ALLEN, Links, interlink
from semcube.interlink.time import PeriodIndex, Periods

TIME = "http://www.w3.org/2006/time#"
NAMES = {
    "source_iri": "http://e/a/{id}", "target_iri": "http://e/b/{id}", "source_crs": "CRS84", "target_crs": "CRS84",
    "source_time": "begin,end", "target_time": "begin,end",
}  # fmt: skip
Spans = list[tuple[int, int] | None]


def relation(a: tuple[int, int], b: tuple[int, int]) -> str:
    """Allen's relation of two periods, by comparing their ends one after the other."""
    (p, q), (r, s) = a, b
    if (p, q) == (r, s):
        return "equals"
    if q < r:
        return "before"
    if s < p:
        return "after"
    if p == r:
        return "starts" if q < s else "startedBy"
    if q == s:
        return "finishes" if p > r else "finishedBy"
    if q == r:
        return "meets"
    if s == p:
        return "metBy"
    if p < r:
        return "overlaps" if q < s else "contains"
    return "during" if q < s else "overlappedBy"


def table(spans: Spans, geometries: Any = None) -> pa.Table:
    begin = pa.array([None if span is None else span[0] for span in spans], pa.int64()).cast(pa.timestamp("s", "UTC"))
    end = pa.array([None if span is None else span[1] for span in spans], pa.int64()).cast(pa.timestamp("s", "UTC"))
    columns = {"id": range(len(spans)), "begin": begin, "end": end}
    if geometries is not None:
        columns["geometry"] = pa.array(shapely.to_wkb(np.asarray(geometries, dtype=object)), pa.binary())
    return pa.table(columns)


def found(links: Links) -> set[tuple[int, str, int]]:
    assert links.table is not None
    rows = links.table.to_pylist()
    made = {(int(r["source"].split("/")[-1]), r["relation"], int(r["target"].split("/")[-1])) for r in rows}
    assert len(made) == len(rows) == links.report.links
    return made


def expected(a: Spans, b: Spans, names: tuple[str, ...], *, itself: bool = False) -> set[tuple[int, str, int]]:
    return {
        (i, relation(p, q), j)
        for i, p in enumerate(a)
        for j, q in enumerate(b)
        if p is not None and q is not None and not (itself and i == j) and relation(p, q) in names
    }


span = st.one_of(
    st.none(), st.tuples(st.integers(0, 6), st.integers(0, 4)).map(lambda given: (given[0], given[0] + given[1]))
)
some = st.lists(span, max_size=8)
names_of = st.lists(st.sampled_from(list(ALLEN)), min_size=1, unique=True)


@settings(max_examples=150)
@given(some, some, names_of)
def test_time_alone(a: Spans, b: Spans, names: list[str]) -> None:
    links = interlink(table(a), table(b), relations="none", temporal=",".join(names), **NAMES)
    assert found(links) == expected(a, b, tuple(names))
    assert links.report.source.untimed == sum(each is None for each in a)
    assert links.report.related == links.report.links


@settings(max_examples=60)
@given(some, names_of)
def test_time_of_a_source_with_itself(a: Spans, names: list[str]) -> None:
    links = interlink(table(a), relations="none", temporal=",".join(names), **NAMES)
    assert found(links) == expected(a, a, tuple(names), itself=True)


@settings(max_examples=60)
@given(some, some, names_of)
def test_the_index_counts_what_it_finds(a: Spans, b: Spans, names: list[str]) -> None:
    def of(spans: Spans) -> Periods:
        ends = np.array([span or (0, 0) for span in spans], np.int64).reshape(-1, 2)
        return Periods(ends[:, 0], ends[:, 1], np.array([span is not None for span in spans], bool))

    index = PeriodIndex(of(a))
    first, second = index.pairs(of(b), tuple(names))
    assert len(set(zip(first.tolist(), second.tolist(), strict=True))) == len(first)
    assert np.bincount(second, minlength=len(b)).tolist() == index.counts(of(b), tuple(names)).tolist()


@settings(max_examples=60)
@given(
    st.lists(st.tuples(span, st.integers(0, 2)), max_size=7), st.lists(st.tuples(span, st.integers(0, 2)), max_size=7)
)
def test_space_and_time_together(a: list[tuple[Any, int]], b: list[tuple[Any, int]]) -> None:
    sides = [
        ([each[0] for each in side], [shapely.box(each[1], 0, each[1] + 1, 1) for each in side]) for side in (a, b)
    ]
    names = ("during", "overlaps", "meets", "equals")
    links = interlink(table(*sides[0]), table(*sides[1]), relations="sfTouches", temporal=",".join(names), **NAMES)
    timed = {link for link in expected(sides[0][0], sides[1][0], names) if abs(a[link[0]][1] - b[link[2]][1]) <= 1}
    touching = {(i, "sfTouches", j) for i, _, j in timed if abs(a[i][1] - b[j][1]) == 1}
    assert found(links) == timed | touching
    near = interlink(table(*sides[0]), table(*sides[1]), within=1, temporal=",".join(names), **NAMES)
    assert found(near) == timed | {(i, "near", j) for i, _, j in timed}


@pytest.mark.parametrize("choices", [{"chunk_bytes": 500}, {"processes": 2, "chunk_bytes": 500}], ids=str)
def test_many_periods(choices: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semcube.interlink.matchers._PAIRS", 500)
    random = np.random.default_rng(1)
    a, b = ([(int(p), int(p + q)) for p, q in random.integers(0, 40, (count, 2))] for count in (150, 220))
    links = interlink(table(a), table(b), relations="none", temporal="all", **NAMES, **choices)
    assert found(links) == expected(a, b, tuple(ALLEN))
    assert links.report.links == 150 * 220


EVENTS = "id,begin,end\nflood,2020-01-01,2020-02-01\nstorm,2020-01-10T06:00:00Z,2020-01-11T00:00:00Z\nunknown,,\n"
SCENES = "id,when\ns1,2020-01-10T12:00:00Z\ns2,2020-02-01\n"


def test_files_without_geometry(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(EVENTS)
    (tmp_path / "scenes.csv").write_text(SCENES)
    command = [
        sys.executable, "-m", "semcube", "interlink", "events.csv", "scenes.csv", "--relations", "none",
        "--time-relations", "contains,finishedBy", "--source-time", "begin,end", "--target-time", "when",
        "--source-iri", "http://e/{id}", "--target-iri", "http://e/{id}",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.splitlines()) == {
        f"<http://e/flood> <{TIME}intervalContains> <http://e/s1> .",
        f"<http://e/storm> <{TIME}intervalContains> <http://e/s1> .",
        f"<http://e/flood> <{TIME}intervalFinishedBy> <http://e/s2> .",
    }
    assert "1 without time" in done.stderr
    names = {"source_iri": "http://e/{id}", "target_iri": "http://e/{id}"}
    with pytest.raises(SourceError, match=r"has no geometry.*--relations none"):
        interlink(tmp_path / "events.csv", tmp_path / "scenes.csv", **names)


def test_stores_by_properties() -> None:
    turtle = b"""@prefix geo: <http://www.opengis.net/ont/geosparql#> . @prefix time: <http://www.w3.org/2006/time#> .
    @prefix xsd: <http://www.w3.org/2001/XMLSchema#> . @prefix sosa: <http://www.w3.org/ns/sosa/> .
    <http://e/fire> geo:hasGeometry [ geo:asWKT "POINT (1 1)"^^geo:wktLiteral ] ;
        time:hasTime [ time:hasBeginning [ time:inXSDDateTime "2020-01-01T00:00:00Z"^^xsd:dateTime ] ;
                       time:hasEnd [ time:inXSDDateTime "2020-01-31T00:00:00Z"^^xsd:dateTime ] ] .
    <http://e/image> geo:hasGeometry [ geo:asWKT "POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))"^^geo:wktLiteral ] ;
        sosa:resultTime "2020-01-12T00:00:00Z"^^xsd:dateTime ."""
    begin, end = (f"time:hasTime/time:{name}/time:inXSDDateTime" for name in ("hasBeginning", "hasEnd"))
    choices = {"source_time": f"{begin}, {end}", "target_time": "sosa:resultTime"}
    with semcube.open() as store:
        store.load(turtle, format="ttl")
        links = interlink(store, store, relations="sfWithin", temporal="contains", **choices)
        assert links.table is not None
        rows = {(r["source"], r["relation"], r["target"]) for r in links.table.to_pylist()}
        assert rows == {("http://e/fire", name, "http://e/image") for name in ("sfWithin", "contains")}
        alone = interlink(store, store, relations="none", temporal="contains", **choices)
        assert alone.report.relations == {"contains": 1}


def test_errors() -> None:
    sides = table([(0, 1)]), table([(0, 1)])
    with pytest.raises(UsageError, match="temporal relation 'inside'; expected all, or of before"):
        interlink(*sides, relations="none", temporal="inside", **NAMES)
    with pytest.raises(UsageError, match="without the time of the source"):
        interlink(*sides, relations="none", temporal="all", **{**NAMES, "source_time": None})
    with pytest.raises(SourceError, match="no column start; expected some of id, begin, end"):
        interlink(*sides, relations="none", temporal="all", **{**NAMES, "source_time": "start,end"})
    with pytest.raises(RowError, match="row 0, column end: the period ends before it begins"):
        interlink(table([(5, 1)]), sides[1], relations="none", temporal="all", **NAMES)
    text = pa.table({"id": [1], "begin": ["yesterday"], "end": ["2020-01-01"]})
    with pytest.raises(RowError, match="row 0, column begin: 'yesterday' is no instant"):
        interlink(text, sides[1], relations="none", temporal="all", **NAMES)
    dates = pa.table({"id": [1], "begin": [datetime.date(2020, 1, 1)], "end": [datetime.date(2020, 1, 2)]})
    assert interlink(dates, dates, relations="none", temporal="equals", **NAMES).report.links == 1
