# SPDX-License-Identifier: Apache-2.0
"""Linking in several processes: this one reads, the others parse, filter, verify and write their links.

``relate`` holds the interpreter lock, so threads would not help. The held side is read once; a forked process shares
its pages. Bytes of the streamed side go to whichever process is free next, a chunk at a time, and come back as counts
and as a place in that process's file; what was written there is copied into the output in the order of the source.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semcube.interlink.batch import Linking
from semcube.interlink.identity import Duplicates
from semcube.interlink.links import LinkBatch, is_plain, write_links
from semcube.interlink.matching import Matcher, packed_matcher, unpacked_matcher
from semcube.interlink.report import Report, SideReport
from semcube.interlink.sides import Chunk
from semcube.io import replacing
from semcube.io.output import output_errors

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["link_in_processes", "start_method"]

_AHEAD = 2
"""Chunks under way for each process."""
_SHARES = 12
"""A side with itself is cut into so many parts for each process."""
_COPIED = 1 << 23
_NONE = np.empty(0, np.int64)


@dataclass
class Job:
    """A batch of the streamed side, or rows of the held side itself."""

    rows: tuple[int, int]
    batch: pa.RecordBatch | None = None


@dataclass
class Done:
    """What a process found in a job."""

    report: Report
    rows: int
    iris: list[pa.Array] = field(default_factory=list)
    invalid_held: np.ndarray = field(default_factory=lambda: _NONE)
    links: list[LinkBatch] = field(default_factory=list)
    written: tuple[str, int, int] | None = None
    """File, first byte, one after the last byte."""


def start_method() -> str:
    """How processes are made: forked where no database has threads that a child must not inherit.

    A forked child begins in milliseconds and has the held side for nothing; a spawned one imports the libraries
    (about half a second) and parses the held side again.
    """
    threads = any(name in sys.modules for name in ("duckdb", "jpype", "pyspark"))
    return "fork" if sys.platform == "linux" and not threads else "spawn"


def link_in_processes(linking: Linking, output: Any, progress: Callable[[int], None] | None = None) -> pa.Table | None:
    """All links, verified by the processes that the options say.

    Args:
        linking: Without a budget and without a state.
        output: As for :func:`semcube.interlink.links.write_links`.
        progress: Called with the number of rows that are done.

    Returns:
        The links as a table if ``output`` is None.

    Raises:
        OutputError: The file cannot be written.
        RowError: A value makes no IRI or no instant.
    """
    if not is_plain(output):
        return write_links(_batches(linking, None, progress), output, linking.schema)
    target = Path(os.path.realpath(output))
    with (
        replacing(output) as path,
        output_errors(output),
        path.open("wb") as file,
        tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name[:100]}.") as folder,
    ):
        deque(_batches(linking, Path(folder), progress, file), maxlen=0)
    return None


def _batches(
    linking: Linking, folder: Path | None, progress: Callable[[int], None] | None, file: Any = None
) -> Iterator[LinkBatch]:
    """The links that were not written by the processes; ``file`` receives those that were."""
    matcher = linking.matcher()
    duplicates = Duplicates()
    for done in _results(linking, matcher, folder):
        _take(linking, matcher, done, duplicates)
        if done.written is not None:
            _copy(done.written, file)
        yield from done.links
        if progress is not None:
            progress(done.rows)


def _results(linking: Linking, matcher: Matcher, folder: Path | None) -> Iterator[Done]:
    """What each job found, in the order of the jobs."""
    way = start_method()
    given = (linking, matcher if way == "fork" else packed_matcher(matcher), folder)
    gc.collect()
    gc.freeze()
    count = linking.options.processes
    try:
        with ProcessPoolExecutor(count, multiprocessing.get_context(way), _begin, given) as pool:
            under_way: deque[Future[Done]] = deque()
            try:
                for job in _jobs(linking, matcher):
                    under_way.append(pool.submit(_work, job))
                    if len(under_way) > _AHEAD * count:
                        yield under_way.popleft().result()
                while under_way:
                    yield under_way.popleft().result()
            finally:
                for future in under_way:
                    future.cancel()
    finally:
        gc.unfreeze()


def _jobs(linking: Linking, matcher: Matcher) -> Iterator[Job]:
    if linking.streamed is None:
        size = len(matcher.held)
        step = max(size // (_SHARES * linking.options.processes), 200)
        for start in range(0, size, step):
            yield Job((start, min(start + step, size)))
        return
    first = 0
    # Smaller chunks than one process has, so that all end at about the same time.
    for batch in linking.streamed.batches(max(linking.options.chunk_bytes // 2, 1)):
        yield Job((first, first + batch.num_rows), batch)
        first += batch.num_rows


def _take(linking: Linking, matcher: Matcher, done: Done, duplicates: Duplicates) -> None:
    """What a job found, into the report."""
    linking.report.add(done.report)
    linking.count_invalid_held(matcher, done.invalid_held)
    if linking.streamed is not None:
        for iris in done.iris:
            linking.streamed.report.list_duplicates(duplicates.repeated(iris))


def _copy(written: tuple[str, int, int], file: Any) -> None:
    name, begin, end = written
    with open(name, "rb") as part:
        part.seek(begin)
        while begin < end:
            piece = part.read(min(_COPIED, end - begin))
            file.write(piece)
            begin += len(piece)


_worker: list[Worker] = []


def _die_with_parent() -> None:
    """Let Linux end this process when the one that made it is killed; it would wait for work for ever."""
    if sys.platform == "linux":
        import ctypes
        import signal

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _begin(linking: Linking, matcher: Any, folder: Path | None) -> None:
    _die_with_parent()
    whole = matcher if isinstance(matcher, Matcher) else unpacked_matcher(matcher)
    _worker[:] = [Worker(linking, whole, folder)]


def _work(job: Job) -> Done:
    return _worker[0].run(job)


class Worker:
    """What one process has: the held side, and a file of its own where links go.

    Args:
        linking: How sides are read and links are made.
        matcher: The held side, indexed.
        folder: Where the file is; without one, links are handed back.
    """

    def __init__(self, linking: Linking, matcher: Matcher, folder: Path | None) -> None:
        self.linking, self.matcher = linking, matcher
        self.file = None if folder is None else (folder / f"{os.getpid()}.nt").open("ab", buffering=0)

    def run(self, job: Job) -> Done:
        """Find and write the links of a job."""
        report = self._fresh_report()
        done = Done(report, job.rows[1] - job.rows[0])
        begin = 0 if self.file is None else self.file.tell()
        invalid = []
        for chunk, rows in self._chunks(job):
            if chunk is not None:
                done.iris.append(chunk.iris)
            for task in self.matcher.tasks(chunk, rows):
                found = self.matcher.match(task)
                invalid.append(found.invalid_held)
                self.linking.count(self.matcher, task, replace(found, invalid_held=_NONE))
                links = self.linking.links(self.matcher, task.chunk or self.matcher.held, found)
                self._write(self.linking.counted(links), done)
        done.invalid_held = np.unique(np.concatenate([_NONE, *invalid]))
        if self.file is not None:
            done.written = (self.file.name, begin, self.file.tell())
        return done

    def _chunks(self, job: Job) -> Iterator[tuple[Chunk | None, tuple[int, int]]]:
        if job.batch is None:
            yield None, job.rows
            return
        assert self.linking.streamed is not None
        chunk = self.linking.streamed.chunk(job.batch, job.rows[0])
        if chunk is not None:
            yield chunk, (0, len(chunk))

    def _write(self, links: Iterator[LinkBatch], done: Done) -> None:
        for batch in links:
            if self.file is None:
                done.links.append(batch)
            elif len(batch):
                lines = batch.lines()
                while len(lines):
                    lines = lines[self.file.write(lines) :]

    def _fresh_report(self) -> Report:
        linking = self.linking
        sides = [linking.source, linking.target or linking.source]
        for side in dict.fromkeys(sides):
            side.report = SideReport(side.label)
        linking.report = Report(sides[0].report, sides[1].report, linking.report.invalid)
        return linking.report
