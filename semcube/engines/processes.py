# SPDX-License-Identifier: Apache-2.0
"""Tasks in processes of this machine (see :class:`semcube.engines.base.TaskEngine`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

__all__ = ["ProcessEngine"]

Task = TypeVar("Task")
Result = TypeVar("Result")


class ProcessEngine:
    """Runs one function over tasks in a fixed number of new Python processes; a context manager.

    Args:
        slots: How many processes.

    Example:
        >>> from math import sqrt
        >>> with ProcessEngine(2) as engine:
        ...     engine.map_tasks(sqrt, [1.0, 4.0, 9.0])
        [1.0, 2.0, 3.0]
    """

    name = "processes"

    def __init__(self, slots: int) -> None:
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        self.slots = slots
        # A forked process would share the threads and locks of libraries that are in use here.
        self._pool: ProcessPoolExecutor = ProcessPoolExecutor(slots, mp_context=get_context("spawn"))

    def map_tasks(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> list[Result]:
        """What a function returns for each task, in their order.

        Raises:
            SemcubeError: The first that the function raised; no further task is started then.
        """
        from concurrent.futures import FIRST_EXCEPTION, wait

        running = [self._pool.submit(function, task) for task in tasks]
        try:
            wait(running, return_when=FIRST_EXCEPTION)
            for each in running:
                if each.done() and not each.cancelled() and each.exception() is not None:
                    each.result()
            return [each.result() for each in running]
        finally:
            for each in running:
                each.cancel()

    def close(self) -> None:
        """Wait for what runs; start nothing more."""
        self._pool.shutdown(cancel_futures=True)

    def __enter__(self) -> ProcessEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
