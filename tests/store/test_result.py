# SPDX-License-Identifier: Apache-2.0
"""Results in all their forms."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semcube.config import Settings
from semcube.errors import UsageError
from semcube.io.terms import IRI, Literal
from semcube.store import Store

DATA = b"""
@prefix : <http://e/> . @prefix geo: <http://www.opengis.net/ont/geosparql#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
:a :int 5 ; :dec 2.50 ; :bool true ; :day "2024-02-29"^^xsd:date ; :at "2024-02-29T12:00:00Z"^^xsd:dateTime ;
   :name "Elbe"@de ; :wkt "<http://www.opengis.net/def/crs/EPSG/0/4326> POINT (53 10)"^^geo:wktLiteral ; :mix 1 .
:b :int -7 ; :dec 1.5e0 ; :bool false ; :day "2024-03-01"^^xsd:date ; :at "2024-02-29T12:00:00+02:00"^^xsd:dateTime ;
   :name "<b>" ; :wkt "POINT (1 2)"^^geo:wktLiteral ; :mix "one" .
"""
ALL = "PREFIX : <http://e/> SELECT * { ?s :int ?int ; :dec ?dec ; :bool ?bool ; :day ?day ; :at ?at ; :name ?name ; "
ALL += ":wkt ?wkt ; :mix ?mix OPTIONAL { ?s :none ?none } } ORDER BY DESC(?int)"


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with Store.in_memory(settings=Settings(threads=1)) as opened:
        opened.load(DATA, format="ttl")
        yield opened


def test_columns_have_types(store: Store) -> None:
    table = store.query(ALL).to_arrow()
    utc = datetime.UTC
    assert table.drop(["wkt"]).to_pydict() == {
        "s": ["http://e/a", "http://e/b"],
        "int": [5, -7],
        "dec": [2.5, 1.5],
        "bool": [True, False],
        "day": [datetime.date(2024, 2, 29), datetime.date(2024, 3, 1)],
        "at": [datetime.datetime(2024, 2, 29, 12, tzinfo=utc), datetime.datetime(2024, 2, 29, 10, tzinfo=utc)],
        "name": ["Elbe", "<b>"],
        "mix": ["1", "one"],
        "none": [None, None],
    }
    assert table.schema.field("wkt").metadata[b"ARROW:extension:name"] == b"geoarrow.wkb"
    assert pa.types.is_int64(table.schema.field("int").type)


def test_geometries_become_lon_lat(store: Store) -> None:
    frame = store.query(ALL).to_geopandas()
    assert [(p.x, p.y) for p in frame.geometry] == [(10, 53), (1, 2)]
    assert frame.crs.to_string() == "OGC:CRS84"
    with pytest.raises(UsageError, match="geometry literals"):
        store.query("SELECT ?s { ?s <http://e/int> ?i }").to_geopandas()


def test_forms_can_be_asked_for_one_after_the_other(store: Store) -> None:
    result = store.query(ALL)
    assert len(result) == 2
    assert "Elbe" in result._repr_html_()
    assert "&lt;b&gt;" in result._repr_html_()
    assert list(result.to_pandas()["int"]) == [5, -7]
    assert next(iter(result))[result.variables.index("name")] == Literal("Elbe", language="de")
    assert len(json.loads(result.to_json())["results"]["bindings"]) == 2
    assert pa.table(result).num_rows == 2


def test_writing_uses_the_result_up(store: Store, tmp_path: Path) -> None:
    result = store.query("SELECT ?i { ?s <http://e/int> ?i } ORDER BY ?i")
    result.write(tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == b"i\r\n-7\r\n5\r\n"
    with pytest.raises(UsageError, match="ask the query again"):
        len(result)


def test_geoparquet_has_its_metadata(store: Store, tmp_path: Path) -> None:
    store.query("SELECT ?s ?w { ?s <http://e/wkt> ?w }").write(tmp_path / "x.parquet")
    about = json.loads(pq.read_schema(tmp_path / "x.parquet").metadata[b"geo"])
    assert about["primary_column"] == "w"
    import geopandas

    assert len(geopandas.read_parquet(tmp_path / "x.parquet")) == 2


def test_boolean_and_graph(store: Store, tmp_path: Path) -> None:
    assert store.query("ASK { ?s <http://e/int> 5 }").boolean is True
    assert not store.query("ASK { ?s <http://e/int> 6 }")
    graph = store.query("CONSTRUCT { ?s <http://e/n> ?i } WHERE { ?s <http://e/int> ?i }")
    assert graph.to_arrow()["o"].to_pylist() == graph.to_arrow()["o"].to_pylist()
    assert len(graph.to_graph()) == 2
    again = store.query("CONSTRUCT { ?s <http://e/n> ?i } WHERE { ?s <http://e/int> ?i }")
    again.write(tmp_path / "g.nt")
    assert (tmp_path / "g.nt").read_text().count("<http://e/n>") == 2
    with pytest.raises(UsageError, match="expected one of form ASK"):
        _ = graph.boolean
    with pytest.raises(UsageError, match="expected one of form SELECT"):
        graph.rows().__next__()


def test_a_query_without_variables_counts(store: Store) -> None:
    assert json.loads(store.query("SELECT * { <http://e/a> <http://e/int> 5 }").to_json())["results"]["bindings"] == [
        {}
    ]


def test_integers_too_large_stay_text(store: Store) -> None:
    big = str(10**30)
    table = store.query(f"SELECT ?x {{ VALUES ?x {{ 1 {big} }} }}").to_arrow()
    assert table["x"].to_pylist() == ["1", big]


def test_parameters_and_terms(store: Store) -> None:
    found = store.query("SELECT ?i { ?s <http://e/int> ?i }", params={"s": IRI("http://e/b")}).to_arrow()
    assert found["i"].to_pylist() == [-7]


def test_explain_shows_sql(store: Store) -> None:
    text = store.explain("SELECT ?i { ?s <http://e/int> ?i }")
    assert "pushed" in text
    assert "quads_ps" in text
