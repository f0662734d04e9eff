# SPDX-License-Identifier: Apache-2.0
"""One Spark session for all tests of engines: starting it takes seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from semcube.engines.spark import SparkEngine
from semcube.errors import UnsupportedError
from tests.conftest import skip_or_fail


@pytest.fixture(scope="package")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkEngine]:
    folder = tmp_path_factory.mktemp("spark")
    pq.write_table(
        pa.table({"s": pa.array([1, 2], pa.int64()), 'p"q': pa.array([5, 6], pa.int64())}), folder / "t.parquet"
    )
    try:
        opened = SparkEngine.open("local[2]", sedona=True)
    except UnsupportedError as error:
        skip_or_fail(str(error))
    with opened as engine:
        engine.table("`a b`", str(folder / "t.parquet"))
        yield engine
