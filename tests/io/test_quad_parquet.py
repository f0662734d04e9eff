# SPDX-License-Identifier: Apache-2.0
"""Quads as a table, there and back."""

from __future__ import annotations

import io
from pathlib import Path

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from semcube.errors import SourceError, UnsupportedError
from semcube.io import RDFWriter, read_rdf
from semcube.io.quad_parquet import COLUMNS, is_quad_parquet
from semcube.io.terms import IRI, QUADS
from semcube.store import Store

XSD = "http://www.w3.org/2001/XMLSchema#"
NODES = st.sampled_from(["<http://a/b>", "<urn:x>", "_:b1", "_:x"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
LITERALS = st.builds(
    lambda text, end: f'"{text}"{end}', TEXTS, st.sampled_from(["", "@de", "@en-gb", f"^^<{XSD}integer>", "^^<urn:d>"])
)
ROWS = st.fixed_dictionaries(
    {"s": NODES, "p": st.just("<http://p>"), "o": st.one_of(NODES, LITERALS), "g": st.one_of(st.none(), NODES)}
)


def written(rows: list[dict[str, str | None]], path: Path) -> Path:
    with RDFWriter(path) as writer:
        writer.write(pa.RecordBatch.from_pylist(rows, schema=QUADS))
        assert writer.quads == len(rows)
    return path


@given(st.lists(ROWS, min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_there_and_back(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str | None]]) -> None:
    path = written(rows, tmp_path_factory.getbasetemp() / "q.parquet")
    assert is_quad_parquet(path)
    found = [row for batch in read_rdf(path, blank_prefix="") for row in batch.to_pylist()]
    assert found == rows


def test_columns_hold_plain_text(tmp_path: Path) -> None:
    rows = [
        {"s": "<http://a>", "p": "<http://b>", "o": '"say "hi""', "g": None},
        {"s": "_:n", "p": "<http://b>", "o": '"5"^^<urn:d>', "g": "<http://g>"},
        {"s": "_:n", "p": "<http://b>", "o": "_:m", "g": None},
        {"s": "_:n", "p": "<http://b>", "o": '"_:m"', "g": None},
    ]
    table = pq.read_table(written(rows, tmp_path / "q.parquet"))
    assert tuple(table.schema.names) == COLUMNS
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        ("http://a", "http://b", 'say "hi"', XSD + "string", None, None),
        ("_:n", "http://b", "5", "urn:d", None, "http://g"),
        ("_:n", "http://b", "_:m", None, None, None),
        ("_:n", "http://b", "_:m", XSD + "string", None, None),
    ]
    assert pq.ParquetFile(tmp_path / "q.parquet").metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_store_loads_and_dumps_it(tmp_path: Path) -> None:
    text = b'<http://a> <http://b> "1"@en <http://g> .\n<http://a> <http://b> <http://c> .'
    with Store.open(tmp_path / "one", create=True) as store:
        store.load(text, format="nq")
        assert store.dump(tmp_path / "q.parquet") == 2
    with Store.open(tmp_path / "two", create=True) as store:
        assert store.load(tmp_path / "q.parquet").added == 2
        store.dump(tmp_path / "out.nq")
    lines = (tmp_path / "out.nq").read_text().splitlines()
    assert sorted(lines) == ['<http://a> <http://b> "1"@en <http://g> .', "<http://a> <http://b> <http://c> ."]


def test_graph_and_blank_nodes_of_a_reading(tmp_path: Path) -> None:
    path = written([{"s": "_:n", "p": "<http://b>", "o": "_:n", "g": None}], tmp_path / "q.parquet")
    (one,), (two,) = (
        [row for batch in read_rdf(path, graph=IRI("http://g")) for row in batch.to_pylist()] for _ in "12"
    )
    assert one["s"] == one["o"]
    assert one["s"] != two["s"]
    assert one["g"] == "<http://g>"


def test_files_of_others(tmp_path: Path) -> None:
    row = {"s": "http://a", "p": "http://b", "o": "chat", "datatype": None, "lang": "fr", "g": None}
    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    pq.write_table(pa.Table.from_pylist([row], schema=schema), tmp_path / "theirs.parquet")
    (found,) = [each for batch in read_rdf(tmp_path / "theirs.parquet") for each in batch.to_pylist()]
    assert found["o"] == '"chat"@fr'
    pq.write_table(pa.table({"name": ["Ulm"]}), tmp_path / "towns.parquet")
    assert not is_quad_parquet(tmp_path / "towns.parquet")
    with pytest.raises(SourceError, match="no column s, p"):
        list(read_rdf(tmp_path / "towns.parquet", format="parquet"))
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    assert not is_quad_parquet(tmp_path / "broken.parquet")
    with pytest.raises(SourceError, match="cannot be read"):
        list(read_rdf(tmp_path / "broken.parquet", format="parquet"))
    with pytest.raises(UnsupportedError, match="stream"):
        list(read_rdf(io.BytesIO(), format="parquet"))
