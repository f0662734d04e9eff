# SPDX-License-Identifier: Apache-2.0
"""What a load says when the disk or the batches are not as wished, and what is left."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from semcube.errors import StoreError
from semcube.io.terms import QUADS
from semcube.store import Store
from semcube.store.failures import database_errors


def batch(schema: pa.Schema, name: str) -> pa.RecordBatch:
    columns = [[f"<http://e/{name}>"], ["<http://e/p>"], [f'"{name}"'], [None]]
    return pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def test_batches_of_different_schemas_are_loaded(tmp_path: Path) -> None:
    nullable = pa.schema([pa.field(field.name, field.type) for field in QUADS])
    encoded = pa.schema([pa.field("s", pa.dictionary(pa.int32(), pa.large_string())), *list(nullable)[1:]])
    batches = [batch(QUADS, "a"), batch(nullable, "b"), batch(encoded, "c"), batch(QUADS, "d")]
    with Store.open(tmp_path / "store", create=True) as store:
        assert store.load(batches).added == 4
        found = store.query("SELECT ?o { ?s <http://e/p> ?o } ORDER BY ?o").rows()
        assert [row[0].lexical for row in found] == ["a", "b", "c", "d"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB where the test may make one, else the fixture's user has to look elsewhere."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], capture_output=True, check=False)
    yield folder if made.returncode == 0 else Path()
    if made.returncode == 0:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_said_and_leaves_the_store_as_it_was(small_disk: Path) -> None:
    if small_disk == Path():  # only root may mount: say the same thing without a disk
        with pytest.raises(StoreError, match="disk is full"), database_errors("s"):
            raise_io_error()
        return
    with Store.open(small_disk / "store", create=True) as store:
        store.load(b'<http://e/a> <http://e/p> "kept" .', format="nt")
        lines = (f'<http://e/{i:x}> <http://e/p{i % 7}> "{hash(str(i)):x}{i * 7919:x}" .\n' for i in range(400_000))
        with pytest.raises(StoreError, match="disk is full"):
            store.load("".join(lines).encode(), format="nt")
    with Store.open(small_disk / "store", read_only=True) as store:
        assert [row[0].lexical for row in store.query("SELECT ?o { ?s ?p ?o }").rows()] == ["kept"]


def raise_io_error() -> None:
    import duckdb

    raise duckdb.IOException("IO Error: Could not write file: No space left on device")
