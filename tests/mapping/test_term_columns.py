# SPDX-License-Identifier: Apache-2.0
"""Columns of terms hold the quads of the reference, which makes keys; the counts are the same, and so is the store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas
import hypothesis.strategies as st
import pyarrow as pa
import pytest
import shapely
from hypothesis import HealthCheck, given, settings

from semcube.errors import RowError
from semcube.io.term_columns import QuadColumns
from semcube.mapping import TransformReport, read_mapping
from semcube.mapping.materialise import (
    TransformOptions,
    _routed,
    bound_mapping,
    quad_columns,
    quads,
    quads_with_geometries,
)
from semcube.store import Store, encoder, transaction
from tests.mapping.test_lines import NAMES, NUMBERS, RULES, SUBJECT, TWO, numbers, rules, table
from tests.store.test_known_geometries import TEXTS
from tests.store.written import register_written

Row = tuple[str | None, ...]
GENERAL = ("tag from data", "datatype from data")
"""Term maps of which only the data tells what their terms are."""
MORE = {
    "constant blank": "[ rml:constant _:b ]",
    "reference blank": '[ rml:reference "name" ; rml:termType rml:BlankNode ]',
    "unsafe": '[ rml:reference "digits" ; rml:termType rml:UnsafeIRI ]',
    "no scheme": '[ rml:template "{word}:{id}" ]',
    "relative template": '[ rml:template "a/{id}" ]',
    "date": '[ rml:reference "digits" ; rml:datatype xsd:gYear ]',
    "boolean": '[ rml:reference "n" ; rml:datatype xsd:boolean ]',
    "float": '[ rml:reference "v" ; rml:datatype xsd:float ]',
    "node": '[ rml:template "http://example.org/{id}/{geometry.node}" ]',
    "wkt as text": '[ rml:reference "geometry" ; rml:datatype xsd:string ]',
    "quoted": '[ rml:reference "name" ; rml:datatype <http://e/it\'s> ]',
}


def rows_of(batches: Any) -> list[Row]:
    flat = (part for batch in batches for part in (batch.quads() if isinstance(batch, QuadColumns) else [batch]))
    keys = (part.select(["s", "p", "o", "g"]).to_pydict().values() for part in flat)
    return sorted((row for columns in keys for row in zip(*columns, strict=True)), key=str)


def both(source: Path, text: str, *, simple: bool = True, **changes: Any) -> list[Any]:
    """The batches of columns, compared with the reference: quads and counts."""
    document = source.parent / "m.ttl"
    document.write_text(text, encoding="utf-8")
    options = TransformOptions(**changes)
    plain, made = TransformReport(), TransformReport()
    expected = rows_of(quads(source, document, options, report=plain))
    bound, reasons = bound_mapping(source, document, options)
    found = [batch for _, batch in _routed(bound, reasons, options, made, "columns")]
    assert rows_of(found) == expected
    assert [each.as_dict() for each in made.layers] == [each.as_dict() for each in plain.layers]
    assert all(isinstance(batch, QuadColumns) for batch in found) == simple
    return found


def contents(store: Store) -> dict[str, Any]:
    """Everything in a store, without the numbers of its terms."""
    sql = {
        "quads": "SELECT {s}, {p}, {o}, {g} FROM quads_ps q",
        "other order": "SELECT {s}, {p}, {o}, {g} FROM quads_po q",
        "predicates": "SELECT {p}, quads, tags, inexact, times FROM predicates q",
        "terms": "SELECT * EXCLUDE (n, form) FROM written JOIN forms USING (form) LEFT JOIN numbers USING (n)"
        " LEFT JOIN times USING (n)",
        "geometries": "SELECT (SELECT lexical FROM written t WHERE t.n = g.n), * EXCLUDE (n) FROM geometries g",
        "looked up": "SELECT count(*), count(DISTINCT n) FROM lookup",
    }
    name = (
        "CASE WHEN q.{0} >> 56 IN (5, 7) THEN CAST(q.{0} AS VARCHAR) ELSE"
        " (SELECT tag || ' ' || lexical || coalesce(datatype, '') FROM written t JOIN forms USING (form)"
        " WHERE t.n = q.{0} & ((1::BIGINT << 56) - 1)) END"
    )
    names = {column: name.format(column) for column in "spog"}
    with store.snapshot() as snapshot:
        connection = register_written(snapshot.connection())
        return {key: sorted(connection.execute(text.format(**names)).fetchall(), key=str) for key, text in sql.items()}


def stored(source: Path | list[Path], document: Path | None, *, before: list[bytes] = [], **options: Any) -> None:  # noqa: B006
    """The store of columns is that of the reference."""
    with Store.in_memory() as made, Store.in_memory() as expected:
        for text in before:
            made.load(text, format="nq")
            expected.load(text, format="nq")
        found = made.load(source, mapping=document, **options)
        wanted = expected.load(quads_with_geometries(source, document), **options)
        assert contents(made) == contents(expected)
        for name in ("read", "added", "terms", "geometries", "malformed"):
            assert getattr(found, name) == getattr(wanted, name)
        made.load(source, mapping=document, **options)
        assert contents(made)["terms"] == contents(expected)["terms"]


@pytest.mark.parametrize("name", [*RULES, *MORE])
def test_every_kind_of_term(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for rule, text in MORE.items():
        monkeypatch.setitem(RULES, rule, text)
    both(table(tmp_path, NAMES * 2), rules(name), simple=name not in GENERAL, on_error="skip")
    if name not in ("boolean", "date"):
        stored(tmp_path / "t.parquet", tmp_path / "m.ttl")


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("general", [False, True])
def test_all_at_once(tmp_path: Path, graph: bool, general: bool) -> None:
    names = [name for name in RULES if general or name not in GENERAL]
    both(table(tmp_path, NAMES * 2), rules(*names, graph=graph), simple=not general)
    stored(tmp_path / "t.parquet", tmp_path / "m.ttl")


@pytest.mark.parametrize("held", [0, 1 << 28])
@pytest.mark.parametrize("known", [0, 1 << 28])
def test_stores_that_have_some_already(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int, known: int) -> None:
    """Terms and quads from before, with and without room in memory, into a graph or not."""
    monkeypatch.setattr(transaction, "HELD_BYTES", held)
    monkeypatch.setattr(transaction, "FIRST_QUADS", 0)
    monkeypatch.setattr(encoder, "BYTES", (1 << 28) // max(known, 1))
    names = [name for name in RULES if name not in GENERAL]
    both(table(tmp_path, NAMES * 2), rules(*names))
    before = (
        b'<http://example.org/1> <http://example.org/p0> "None" .\n'
        b'<http://example.org/1> <http://example.org/p0> "x" .\n'
        b"<e:s> <http://example.org/p5> <e:b> .\n"
        b'<e:s> <e:p> "POINT (0.2857142857142857 0.2222222222222222)"'
        b"^^<http://www.opengis.net/ont/geosparql#wktLiteral> <e:g> .\n"
    )
    for batches in ([], [before]):
        stored(tmp_path / "t.parquet", tmp_path / "m.ttl", before=batches)
    stored(tmp_path / "t.parquet", tmp_path / "m.ttl", before=[before], graph="http://example.org/g")


@pytest.mark.parametrize("crs", [4326, 3857, 31467])
def test_geometries(tmp_path: Path, crs: int) -> None:
    geometries = [*shapely.from_wkt(TEXTS), None, shapely.from_wkt(TEXTS[0])]
    frame = geopandas.GeoDataFrame({"id": range(len(geometries))}, geometry=geometries, crs=crs)
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=5)
    (tmp_path / "m.ttl").write_text(rules("wkt", "wkt"), encoding="utf-8")
    stored(tmp_path / "t.parquet", tmp_path / "m.ttl")
    stored(tmp_path / "t.parquet", None)


def test_rows_without_a_subject_are_counted(tmp_path: Path) -> None:
    subject = 'rml:subjectMap [ rml:template "http://example.org/{name}" ] ;'
    both(table(tmp_path, NAMES), rules("integer", subject=subject))


def test_a_triple_for_all_rows_is_given_once(tmp_path: Path) -> None:
    found = both(table(tmp_path, NAMES), rules("constant", "text", subject="rml:subjectMap [ rml:constant ex:all ] ;"))
    assert sum("<http://example.org/p0>" in pattern for batch in found for pattern in batch.patterns) == 1
    stored(tmp_path / "t.parquet", tmp_path / "m.ttl")


def test_bad_values_are_reported_as_the_reference_does(tmp_path: Path) -> None:
    text = rules("text", "integer").replace(
        '[ rml:reference "name" ]', '[ rml:reference "name" ; rml:termType rml:IRI ]'
    )
    source = table(tmp_path, ["a b", "http://example.org/c", None, "7"])
    both(source, text, on_error="skip")
    with pytest.raises(RowError, match="row 0"):
        list(quad_columns(source, tmp_path / "m.ttl"))


def test_predicates_and_several_objects_from_the_data(tmp_path: Path) -> None:
    text = (
        rules("text") + '<m> rml:predicateObjectMap [ rml:predicateMap [ rml:template "http://example.org/{word}" ], '
        '[ rml:constant ex:q ] ; rml:objectMap [ rml:reference "name" ], [ rml:reference "digits" ] ; '
        'rml:graph ex:g ; rml:graphMap [ rml:template "http://example.org/g{n}" ] ] .'
    )
    both(table(tmp_path, NAMES * 2), text)
    stored(tmp_path / "t.parquet", tmp_path / "m.ttl")


def test_conditions_and_functions(tmp_path: Path) -> None:
    text = (
        "@prefix grel: <http://users.ugent.be/~bjdmeest/function/grel.ttl#> ."
        + rules("text")
        + "<m> rml:predicateObjectMap [ rml:predicate ex:up ; rml:objectMap [ rml:functionExecution"
        " [ rml:function grel:toUpperCase ; rml:input [ rml:parameter grel:valueParam ;"
        ' rml:inputValueMap [ rml:reference "name" ] ] ] ] ] .'
    )
    both(table(tmp_path, NAMES), text)
    document = tmp_path / "if.yml"
    document.write_text(
        "prefixes: {ex: 'http://example.org/', grel: 'http://users.ugent.be/~bjdmeest/function/grel.ttl#',"
        " idlab-fn: 'http://example.com/idlab/function/'}\n"
        f"mappings:\n  m:\n    sources: [['{tmp_path / 't.parquet'}~geoparquet']]\n    s: http://example.org/$(id)\n"
        "    po:\n      - p: ex:a\n        o: {value: $(digits)}\n"
        "        condition: {function: idlab-fn:equal, parameters:"
        " [[grel:valueParameter, $(digits)], [grel:valueParameter2, '3']]}\n",
        encoding="utf-8",
    )
    mapping = read_mapping(document)
    made = list(quad_columns((), mapping))
    assert rows_of(made) == rows_of(quads((), mapping)) != []
    assert all(isinstance(batch, QuadColumns) for batch in made)


def test_joins_take_the_reference(tmp_path: Path) -> None:
    text = rules("text") + (
        "<m> rml:predicateObjectMap [ rml:predicate ex:same ; rml:objectMap [ rml:parentTriplesMap <m> ;"
        ' rml:joinCondition [ rml:child "name" ; rml:parent "name" ] ] ] .'
    )
    both(table(tmp_path, NAMES), text, simple=False)


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32()])
def test_decimals_with_and_without_powers_of_ten(tmp_path: Path, kind: pa.DataType) -> None:
    both(numbers(tmp_path, [*NUMBERS, 2.5, 3.5, 4.25], kind), TWO, on_error="skip")
    if kind == pa.float64():
        stored(tmp_path / "t.parquet", tmp_path / "m.ttl")


def test_an_empty_table(tmp_path: Path) -> None:
    both(table(tmp_path, []), rules("text", "wkt"))
    stored(tmp_path / "t.parquet", tmp_path / "m.ttl")


characters = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.lists(st.one_of(st.none(), characters), max_size=9))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text(tmp_path: Path, names: list[str | None]) -> None:
    kinds = ("text", "language", "quoted template", "iri template", "blank", "uri")
    both(table(tmp_path, ["first", *names]), rules(*kinds, subject=SUBJECT))
