# SPDX-License-Identifier: Apache-2.0
"""Each quad once: duplicates are removed on disk, so that neither quads nor terms have to fit in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from semcube.io.terms import QUADS
from semcube.mapping.report import TransformReport

if TYPE_CHECKING:
    import pyarrow as pa

    from semcube.mapping.model import LogicalTarget

__all__ = ["distinct"]

_MEMORY = "256MB"
_ROWS = 65536


def distinct(
    batches: Iterable[tuple[tuple[LogicalTarget, ...], pa.RecordBatch]], report: TransformReport
) -> Iterator[tuple[tuple[LogicalTarget, ...], pa.RecordBatch]]:
    """Batches without the quads that went to the same targets before, sorted by subject.

    Args:
        batches: Targets and batches of :data:`semcube.io.terms.QUADS`; all of them are read before the first is given.
        report: Its notes say how many quads were left out.

    Example:
        >>> import pyarrow as pa
        >>> batch = pa.RecordBatch.from_pylist([{"s": "<a>", "p": "<b>", "o": "<c>"}] * 3, QUADS)
        >>> [(targets, batch.num_rows) for targets, batch in distinct([((), batch)], TransformReport())]
        [((), 1)]
    """
    import duckdb

    groups: dict[tuple[LogicalTarget, ...], int] = {}
    with tempfile.TemporaryDirectory(prefix="semcube-distinct-") as folder:
        settings = {"memory_limit": _MEMORY, "temp_directory": folder, "threads": "1"}
        with closing(duckdb.connect(str(Path(folder) / "quads.duckdb"), config=settings)) as connection:
            connection.execute("SET enable_progress_bar = false")
            connection.execute("SET preserve_insertion_order = false")
            connection.execute("CREATE TABLE quads (n INTEGER, s VARCHAR, p VARCHAR, o VARCHAR, g VARCHAR)")
            given = 0
            for targets, batch in batches:
                number = groups.setdefault(targets, len(groups))
                given += batch.num_rows
                connection.register("batch", batch)
                connection.execute(f"INSERT INTO quads SELECT {number}, s, p, o, g FROM batch")
                connection.unregister("batch")
            kept = 0
            for targets, number in groups.items():
                sql = f"SELECT DISTINCT s, p, o, g FROM quads WHERE n = {number} ORDER BY s, p, o, g"
                for batch in connection.sql(sql).to_arrow_reader(_ROWS):
                    kept += batch.num_rows
                    yield targets, batch.cast(QUADS)
            if given > kept and report.layers:
                report.layers[-1].note(f"{given - kept} repeated quads left out")
