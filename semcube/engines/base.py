# SPDX-License-Identifier: Apache-2.0
"""The seam between a plan and what runs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from semcube.errors import QueryCancelledError, QueryTimeoutError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Cancellation", "Engine", "TaskEngine"]

Task = TypeVar("Task")
Result = TypeVar("Result")


class Cancellation:
    """A deadline and a cancel switch that long work asks now and then, and that can interrupt a running engine.

    Args:
        timeout_s: Seconds from now; None or 0 is no deadline.

    Example:
        >>> cancellation = Cancellation(timeout_s=60)
        >>> cancellation.check()
        >>> cancellation.cancel()
        >>> cancellation.check()
        Traceback (most recent call last):
        semcube.errors.QueryCancelledError: the query was cancelled
    """

    def __init__(self, timeout_s: float | None = None) -> None:
        self.timeout_s = timeout_s or None
        self.deadline = None if not timeout_s else time.monotonic() + timeout_s
        self.cancelled = False
        self._interrupts: list[Callable[[], None]] = []

    def check(self) -> None:
        """Raise if the work has to stop.

        Raises:
            QueryTimeoutError: The deadline has passed.
            QueryCancelledError: :meth:`cancel` was called.
        """
        if self.cancelled:
            raise QueryCancelledError("the query was cancelled")
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise QueryTimeoutError(
                f"the query ran longer than its limit of {self.timeout_s:g} s",
                fix="ask for less (LIMIT, a smaller area), or raise the timeout",
            )

    def remaining_s(self) -> float | None:
        """Seconds until the deadline (never negative), None without one."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def on_cancel(self, interrupt: Callable[[], None]) -> Callable[[], None]:
        """Register what stops a running engine; returns a function that removes it again."""
        self._interrupts.append(interrupt)
        return lambda: self._interrupts.remove(interrupt) if interrupt in self._interrupts else None

    def cancel(self) -> None:
        """Stop the work, from any thread."""
        self.cancelled = True
        for interrupt in list(self._interrupts):
            interrupt()


class Engine(Protocol):
    """Runs relational plans (:mod:`semcube.engines.relational`); always Arrow out."""

    name: str

    def run(self, plan: Any, cancellation: Cancellation) -> pa.RecordBatchReader:
        """Run a plan; rows come in batches and are not all held in memory.

        Raises:
            LimitError: The deadline passed or the work was cancelled.
            UnsupportedError: The plan has an operator this engine does not have.
        """
        ...

    def supports(self, operator: type) -> bool:
        """Whether the engine can run an operator of :mod:`semcube.engines.relational`."""
        ...

    def explain(self, plan: Any) -> str:
        """The native text of a plan (SQL for both engines)."""
        ...


@runtime_checkable
class TaskEngine(Protocol):
    """An engine that also runs one function over many tasks, on the cores of one machine or of many.

    Tasks and results are small and can be pickled; what is large is read and written by the function itself.
    """

    name: str

    @property
    def slots(self) -> int:
        """How many tasks run at the same time."""
        ...

    def map_tasks(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> list[Result]:
        """What a function returns for each task, in the order of the tasks.

        Args:
            function: Named in a module that workers can import. It may run again for a task whose worker was lost.
            tasks: What to run it over.

        Raises:
            SemcubeError: The first that the function raised; no further task is started then.
        """
        ...
