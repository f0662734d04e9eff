# SPDX-License-Identifier: Apache-2.0
"""The Spark engine: relational plans as Spark SQL, and functions over tasks."""

from __future__ import annotations

import base64
import pickle
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from semcube.engines import relational
from semcube.engines.base import Cancellation
from semcube.engines.spark.session import open_session, running_session
from semcube.engines.sql import SPARK, compile_sql
from semcube.errors import SemcubeError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from semcube.engines.exchange import Exchange, Send

__all__ = ["SparkEngine"]

Task = TypeVar("Task")
Result = TypeVar("Result")

_CARRIED = "semcube error "
"""Before an error of a worker, pickled, in the message that Spark brings back."""


class SparkEngine:
    """Runs plans and tasks on a Spark session (see :class:`semcube.engines.base.Engine`).

    A context manager: leaving it stops the session, if the engine made it. Tables that plans scan are views of the
    session (:meth:`table`).

    Args:
        spark: The session.
    """

    name = "spark"

    def __init__(self, spark: SparkSession) -> None:
        self.spark = spark
        self._is_own = False

    @classmethod
    def open(cls, master: str | None = None, *, sedona: bool = False) -> SparkEngine:
        """An engine on a master, see :func:`semcube.engines.spark.open_session`."""
        is_own = running_session() is None
        engine = cls(open_session(master, sedona=sedona))
        engine._is_own = is_own
        return engine

    def close(self) -> None:
        """Stop the session, if the engine made it."""
        if self._is_own:
            self.spark.stop()

    def __enter__(self) -> SparkEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- plans ------------------------------------------------------------------------------------------------------

    def table(self, name: str, path: str) -> None:
        """Let plans scan Parquet files (a file, a folder, a URL that Spark reads) under a name."""
        self.spark.read.parquet(path).createOrReplaceTempView(name)

    def run(self, plan: relational.Relational, cancellation: Cancellation) -> pa.RecordBatchReader:
        """Run a plan; one partition of the result after the other comes to this process."""
        import pyarrow as pa

        cancellation.check()
        with self._frame(plan) as (frame, schema):
            rows = frame.mapInArrow(_serialized, "batch binary").toLocalIterator(prefetchPartitions=True)
        return pa.RecordBatchReader.from_batches(schema, self._batches(rows, schema, cancellation))

    def _batches(self, rows: Iterator[Any], schema: pa.Schema, cancellation: Cancellation) -> Iterator[pa.RecordBatch]:

        with self._interruptible(cancellation):
            for row in rows:
                cancellation.check()
                yield _read(row.batch).cast(schema)

    @contextmanager
    def _interruptible(self, cancellation: Cancellation) -> Iterator[None]:
        release = cancellation.on_cancel(self.spark.sparkContext.cancelAllJobs)
        try:
            yield
        except Exception:
            cancellation.check()
            raise
        finally:
            release()

    @contextmanager
    def _frame(self, plan: relational.Relational) -> Iterator[tuple[DataFrame, pa.Schema]]:
        """The plan as a data frame, and the Arrow schema of its batches; inline tables are views while inside."""
        from pyspark.sql.pandas.types import to_arrow_schema

        statement = compile_sql(plan, SPARK, prefix=f"inline_{uuid.uuid4().hex}")
        try:
            for name, table in statement.inputs.items():
                self._frame_of(table).createOrReplaceTempView(name)
            frame = self.spark.sql(statement.text)
            yield frame, to_arrow_schema(frame.schema)
        finally:
            for name in statement.inputs:
                self.spark.catalog.dropTempView(name)

    def _frame_of(self, table: pa.Table) -> DataFrame:
        """An Arrow table as a data frame."""
        from pyspark.sql.pandas.types import from_arrow_schema

        schema = from_arrow_schema(table.schema)
        batches = [(_written(batch),) for batch in table.to_batches(max_chunksize=65536)]
        return self.spark.createDataFrame(batches, "batch binary").mapInArrow(_deserialized, schema)

    def supports(self, operator: type) -> bool:
        """Every operator."""
        return operator in relational.Relational.__args__

    def explain(self, plan: relational.Relational) -> str:
        """The SQL of a plan."""
        return compile_sql(plan, SPARK).text

    # --- tasks ------------------------------------------------------------------------------------------------------

    @property
    def slots(self) -> int:
        """How many tasks run at the same time."""
        return int(self.spark.sparkContext.defaultParallelism)

    def map_tasks(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> list[Result]:
        """What a function returns for each task, in their order; see :class:`semcube.engines.base.TaskEngine`."""
        if not tasks:
            return []
        from py4j.protocol import Py4JJavaError

        context = self.spark.sparkContext
        try:
            return context.parallelize(list(tasks), len(tasks)).map(_Carrying(function)).collect()
        except Py4JJavaError as error:
            raise _carried(str(error.java_exception)) or error from error
        except KeyboardInterrupt:
            context.cancelAllJobs()
            raise

    def exchange(self, send: Send, tasks: Sequence[Any], groups: int) -> Exchange:
        """Batches on their way from tasks to groups; see :class:`semcube.engines.exchange.ExchangeEngine`."""
        from semcube.engines.spark.exchange import SparkExchange

        return SparkExchange(self.spark, send, tasks, groups)


class _Carrying:
    """A function whose errors of semcube's own come back from a worker as they are."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def __call__(self, task: Any) -> Any:
        try:
            return self.function(task)
        except SemcubeError as error:
            text = base64.b64encode(pickle.dumps(error)).decode()
            raise RuntimeError(f"{_CARRIED}{text}.") from error


def _carried(message: str) -> SemcubeError | None:
    """The error of a worker in a message of Spark's."""
    found = re.search(re.escape(_CARRIED) + r"([A-Za-z0-9+/=]+)\.", message)
    if found is None:
        return None
    error = pickle.loads(base64.b64decode(found[1]))
    assert isinstance(error, SemcubeError)
    return error


def _serialized(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Each batch as one value of bytes."""
    import pyarrow as pa

    for batch in batches:
        yield pa.RecordBatch.from_pydict({"batch": [_written(batch)]})


def _deserialized(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches that values of bytes hold."""
    for batch in batches:
        for value in batch.column(0):
            yield _read(value.as_py())


def _written(batch: pa.RecordBatch) -> bytes:
    """A batch with its schema."""
    import pyarrow as pa

    target = pa.BufferOutputStream()
    with pa.ipc.new_stream(target, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(target.getvalue())


def _read(data: bytes) -> pa.RecordBatch:
    import pyarrow as pa

    with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
        return reader.read_next_batch()
