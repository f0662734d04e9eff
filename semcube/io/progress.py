# SPDX-License-Identifier: Apache-2.0
"""How far long work is, on standard error: a bar on a terminal, nothing in a file or with ``quiet``."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

__all__ = ["Progress"]


class Progress:
    """A context manager around long work.

    Args:
        what: The work, as a few words.
        total: Steps to do; None if unknown.
        unit: What one step is.
        quiet: Show nothing.

    Example:
        >>> with Progress("loading", unit="triples", quiet=True) as progress:
        ...     progress.advance(1000)
        ...     progress.done
        1000
    """

    def __init__(self, what: str, *, total: int | None = None, unit: str = "", quiet: bool = False) -> None:
        self.what = what
        self.total = total
        self.unit = unit
        self.done = 0
        # rich costs as much as the whole command line, so it is imported for a terminal only.
        self._shown = not quiet and sys.stderr.isatty()
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Progress:
        if self._shown:
            from rich.console import Console
            from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as RichProgress

            self._bar = RichProgress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed:,.0f} {task.fields[unit]}"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(self.what, total=self.total, unit=self.unit)
        return self

    def advance(self, steps: int) -> None:
        """``steps`` more are done."""
        self.done += steps
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self.done)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
