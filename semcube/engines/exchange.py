# SPDX-License-Identifier: Apache-2.0
"""The seam for work whose rows must meet: tasks send batches to groups, a function sees all that its group was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from semcube.engines.base import TaskEngine

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Exchange", "ExchangeEngine", "LocalExchange"]

Result = TypeVar("Result")
Send = Callable[[Any], Iterator[tuple[int, "pa.RecordBatch"]]]
"""A task -> the number of a group and a batch for it, any number of times."""
Receive = Callable[[int, Iterator["pa.RecordBatch"]], Result]
"""The number of a group and what it was sent -> a small result."""


class Exchange(Protocol):
    """Batches on their way to their groups; they can be received several times."""

    def receive(self, function: Receive[Result]) -> Iterator[Result]:
        """What a function returns for each group, in their order.

        Raises:
            SemcubeError: The first that a task or the function raised.
        """
        ...

    def arriving(self, function: Receive[Result]) -> Iterator[Result]:
        """The same, each as soon as it is there, in any order."""
        ...


@runtime_checkable
class ExchangeEngine(TaskEngine, Protocol):
    """An engine that brings what many tasks read to the groups that need it (an *exchange* of Volcano, Graefe 1990)."""

    def exchange(self, send: Send, tasks: Sequence[Any], groups: int) -> Exchange:
        """Send batches from tasks to groups.

        Args:
            send: Runs in the workers, once for each task (again where a worker was lost).
            tasks: What to run it over; small.
            groups: How many groups there are; each has a function call of its own, even where nothing was sent.
        """
        ...


class LocalExchange:
    """An exchange in this process, in memory: the reference for others, and what small runs need.

    Example:
        >>> import pyarrow as pa
        >>> def send(task):
        ...     yield task % 2, pa.record_batch({"n": [task]})
        >>> def receive(group, batches):
        ...     return group, [row["n"] for batch in batches for row in batch.to_pylist()]
        >>> list(LocalExchange(send, [1, 2, 3], 2).receive(receive))
        [(0, [2]), (1, [1, 3])]
    """

    def __init__(self, send: Send, tasks: Sequence[Any], groups: int) -> None:
        self._sent: list[list[pa.RecordBatch]] = [[] for _ in range(groups)]
        for task in tasks:
            for group, batch in send(task):
                self._sent[group].append(batch)

    def arriving(self, function: Receive[Result]) -> Iterator[Result]:
        """What a function returns for each group, in their order."""
        return self.receive(function)

    def receive(self, function: Receive[Result]) -> Iterator[Result]:
        """What a function returns for each group, in their order."""
        for group, batches in enumerate(self._sent):
            yield function(group, iter(batches))
