# SPDX-License-Identifier: Apache-2.0
"""The embedded engine: relational plans on DuckDB, streamed as Arrow, interruptible, spilling to disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from semcube.engines import relational
from semcube.engines.base import Cancellation
from semcube.engines.deadlines import deadlines
from semcube.engines.sql import DUCKDB, compile_sql
from semcube.errors import QueryMemoryError, SemcubeError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from semcube.config import Settings

__all__ = ["EmbeddedEngine", "connect", "interruptible", "registered", "stream"]

BATCH_ROWS = 65536


def connect(
    database: str, settings: Settings, *, read_only: bool = False, spill: str | None = None
) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection that keeps to the settings.

    Args:
        database: A file, or ``":memory:"``.
        settings: Threads and memory.
        read_only: Refuse every change.
        spill: Folder for what does not fit into memory.
    """
    import duckdb

    config: dict[str, Any] = {
        "threads": str(settings.threads),
        "memory_limit": f"{settings.memory_mb}MiB",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "python_scan_all_frames": "false",
        "python_enable_replacements": "false",
    }
    if spill is not None:
        config["temp_directory"] = spill
    connection = duckdb.connect(database, read_only=read_only, config=config)
    connection.execute("SET enable_progress_bar = false")
    return connection


@contextmanager
def interruptible(connection: duckdb.DuckDBPyConnection, cancellation: Cancellation) -> Iterator[None]:
    """While inside, the deadline or :meth:`Cancellation.cancel` stops what the connection runs.

    Raises:
        LimitError: It was stopped so.
    """
    import duckdb

    cancellation.check()
    interrupt = partial(_interrupt, connection)
    release = cancellation.on_cancel(interrupt)
    forget = None if cancellation.deadline is None else deadlines.schedule(cancellation.deadline, interrupt)
    try:
        yield
    except duckdb.InterruptException:
        _explain_interrupt(cancellation)
        raise
    except (OSError, RuntimeError, ValueError, duckdb.OutOfMemoryException) as error:
        # what goes wrong during a streamed read surfaces as an Arrow error
        if "Out of Memory Error" in str(error):
            raise QueryMemoryError(
                f"the database needs more than its part of memory_mb: {str(error).splitlines()[0]}",
                fix="ask for less, or raise SEMCUBE_MEMORY_MB",
            ) from error
        if not isinstance(error, SemcubeError) and "nterrupt" in str(error):
            _explain_interrupt(cancellation)
        raise
    finally:
        release()
        if forget is not None:
            forget()


def _interrupt(connection: duckdb.DuckDBPyConnection) -> None:
    """Stop what a connection runs; one that was closed meanwhile runs nothing."""
    import duckdb

    with suppress(duckdb.ConnectionException):
        connection.interrupt()


def _explain_interrupt(cancellation: Cancellation) -> None:
    """Raise the limit that was passed; a deadline's interrupt may come a moment before the clock says so."""
    remaining = cancellation.remaining_s()
    if remaining is not None and 0 < remaining < 0.05:
        import time

        time.sleep(remaining)
    cancellation.check()


class _Loan:
    """An Arrow table lent to the database, which keeps what was registered until its transaction ends."""

    def __init__(self, table: Any) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


@contextmanager
def registered(connection: duckdb.DuckDBPyConnection, inputs: Mapping[str, Any] | None) -> Iterator[None]:
    """While inside, SQL on the connection knows these Arrow tables by their names."""
    import duckdb

    loans = {name: _Loan(table) for name, table in (inputs or {}).items()}
    for name, loan in loans.items():
        connection.register(name, loan)
    try:
        yield
    finally:
        for loan in loans.values():
            loan.table = None
        # an interrupt aborts the transaction, whose rollback forgets the tables too
        with suppress(duckdb.TransactionException):
            for name in inputs or {}:
                connection.unregister(name)


def stream(
    connection: duckdb.DuckDBPyConnection,
    text: str,
    *,
    inputs: Mapping[str, Any] | None = None,
    cancellation: Cancellation | None = None,
) -> Iterator[pa.RecordBatch]:
    """The rows of a SELECT as Arrow batches, never all at once.

    The connection can do nothing else until the iterator is read to its end or closed.
    """
    cancellation = cancellation or Cancellation()
    with interruptible(connection, cancellation), registered(connection, inputs):
        reader = connection.sql(text).to_arrow_reader(BATCH_ROWS)
        try:
            for batch in reader:
                cancellation.check()
                if batch.num_rows:
                    yield batch
        finally:
            reader.close()


class EmbeddedEngine:
    """Runs plans on one DuckDB connection (see :class:`semcube.engines.base.Engine`).

    One connection runs one plan at a time: read a result to its end, or close it, before the next.

    Example:
        >>> from semcube.config import Settings
        >>> from semcube.engines.relational import Compute, Constant, Inline
        >>> import pyarrow as pa
        >>> engine = EmbeddedEngine(connect(":memory:", Settings(threads=1)))
        >>> plan = Compute(Inline(pa.table({"a": [1, 2]})), (("b", Constant(7)),))
        >>> engine.run(plan, Cancellation()).read_all().to_pydict()
        {'b': [7, 7]}
        >>> engine.connection.close()
    """

    name = "embedded"

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def run(self, plan: relational.Relational, cancellation: Cancellation) -> pa.RecordBatchReader:
        """Run a plan; rows are computed as they are read."""
        import pyarrow as pa

        statement = compile_sql(plan, DUCKDB)
        with registered(self.connection, statement.inputs):
            schema = self.connection.sql(f"SELECT * FROM ({statement.text}) LIMIT 0").to_arrow_table().schema
        batches = stream(self.connection, statement.text, inputs=statement.inputs, cancellation=cancellation)
        return pa.RecordBatchReader.from_batches(schema, batches)

    def supports(self, operator: type) -> bool:
        """Every operator."""
        return operator in relational.Relational.__args__

    def explain(self, plan: relational.Relational) -> str:
        """The SQL of a plan."""
        return compile_sql(plan, DUCKDB).text
