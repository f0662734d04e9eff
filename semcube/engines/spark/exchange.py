# SPDX-License-Identifier: Apache-2.0
"""An exchange on Spark: batches of Arrow through Spark's shuffle, one partition for each group.

A row of the shuffle is a whole batch as bytes, so neither Java nor Python handles single features. The files of the
shuffle are kept, so that what was sent can be received again without reading the inputs again.
"""

from __future__ import annotations

import base64
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from semcube.engines.spark.engine import _CARRIED, _carried, _read, _written
from semcube.errors import SemcubeError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark import RDD
    from pyspark.sql import SparkSession

    from semcube.engines.exchange import Receive, Send

__all__ = ["SparkExchange"]

Result = TypeVar("Result")


class SparkExchange:
    """Batches in Spark's shuffle; see :class:`semcube.engines.exchange.ExchangeEngine`.

    Args:
        spark: The session.
        send: A task -> the number of a group and a batch for it, any number of times.
        tasks: What to run it over.
        groups: How many partitions receive.
    """

    def __init__(self, spark: SparkSession, send: Send, tasks: Sequence[Any], groups: int) -> None:
        self.context, self.groups = spark.sparkContext, groups
        sent = self.context.parallelize(list(tasks), max(len(tasks), 1)).flatMap(_Sending(send))
        self._shuffled = sent.partitionBy(groups, _itself)

    def receive(self, function: Receive[Result]) -> Iterator[Result]:
        """What a function returns for each group, in their order, once all are done.

        Raises:
            SemcubeError: The first that a task or the function raised.
        """
        yield from self._run(self._received(function), None)

    def arriving(self, function: Receive[Result]) -> Iterator[Result]:
        """What a function returns for each group, as the groups are done: one job for each."""
        from concurrent.futures import ThreadPoolExecutor, as_completed

        received = self._received(function)
        pool = ThreadPoolExecutor(max(self.context.defaultParallelism, 1))
        try:
            jobs = [pool.submit(self._run, received, [group]) for group in range(self.groups)]
            for job in as_completed(jobs):
                yield from job.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _received(self, function: Receive[Result]) -> RDD[Any]:
        return self._shuffled.mapPartitionsWithIndex(_Receiving(function))

    def _run(self, received: RDD[Any], groups: list[int] | None) -> list[Any]:
        from py4j.protocol import Py4JJavaError

        try:
            return list(self.context.runJob(received, _itself, groups))
        except Py4JJavaError as error:
            raise _carried(str(error.java_exception)) or error from error
        except KeyboardInterrupt:
            self.context.cancelAllJobs()
            raise


class _Sending:
    """Sends batches as bytes."""

    def __init__(self, send: Send) -> None:
        self.send = send

    def __call__(self, task: Any) -> Iterator[tuple[int, bytes]]:
        return _carrying(lambda: ((group, _written(batch)) for group, batch in self.send(task)))


class _Receiving:
    """Calls a function with the number of a partition and its batches."""

    def __init__(self, function: Callable[[int, Iterator[pa.RecordBatch]], Any]) -> None:
        self.function = function

    def __call__(self, group: int, rows: Iterable[tuple[int, bytes]]) -> Iterator[Any]:
        return _carrying(lambda: iter([self.function(group, (_read(data) for _, data in rows))]))


def _carrying(work: Callable[[], Iterator[Any]]) -> Iterator[Any]:
    """What the work yields; errors of semcube's own travel in the message, as those of tasks do."""
    try:
        yield from work()
    except SemcubeError as error:
        text = base64.b64encode(pickle.dumps(error)).decode()
        raise RuntimeError(f"{_CARRIED}{text}.") from error


def _itself(value: Any) -> Any:
    return value
