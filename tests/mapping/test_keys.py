# SPDX-License-Identifier: Apache-2.0
"""What becomes the key of a layer."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semcube.io import open_vector
from semcube.mapping.keys import choose_key

CASES = [
    ({"id": [1, 2, 5], "name": ["a", "b", "c"]}, "id"),
    ({"id": [5, 1, 2], "name": ["a", "b", "c"]}, "id"),
    ({"id": [1, 1, 2], "iso_code": ["a", "b", "c"]}, "iso_code"),
    ({"id": [1, None, 2], "road_id": ["x", "y", "z"]}, "road_id"),
    ({"uuid": ["b", "a", "b"], "name": ["a", "b", "c"]}, "fid"),
    ({"name": ["a", "b", "c"], "area": [1.0, 2.0, 3.0]}, "fid"),
]


@pytest.mark.parametrize(("columns", "expected"), CASES)
def test_the_key_is_a_unique_column_with_the_name_of_an_identifier(
    columns: dict[str, list[object]], expected: str, tmp_path: Path
) -> None:
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    assert choose_key(open_vector(tmp_path / "t.parquet")).column == expected


def test_a_repetition_far_down_is_found(tmp_path: Path) -> None:
    numbers = [*range(300_000), 7]
    table = pa.table({"id": numbers, "code": [f"c{number}" for number in range(len(numbers))]})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=50_000)
    assert choose_key(open_vector(tmp_path / "t.parquet")).column == "code"
