# SPDX-License-Identifier: Apache-2.0
"""Files -> one RDF file, in several processes of this machine.

Each process reads the sources, and makes and writes every n-th batch; the file is that of one process, byte by byte.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from semcube.errors import SemcubeError, SourceError, UnsupportedError, UsageError
from semcube.mapping.materialise import GROUPED, Reasons, TransformOptions, bound_mapping, evaluators, transform
from semcube.mapping.model import Mapping
from semcube.mapping.report import KEPT, LayerReport, TransformReport

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from semcube.io.formats import Format

__all__ = ["transform_in_processes"]


@dataclass(frozen=True, slots=True)
class Share:
    """What one of the processes does."""

    mapping: Mapping
    options: TransformOptions
    file: Path
    syntax: Format
    compression: str | None
    processes: int

    def write(self, number: int, ends: tuple[Connection, Connection]) -> Outcome:
        """Write the parts of one process; the counts, or the error and the part that it is in."""
        from semcube.io import RDFWriter
        from semcube.io.ordered import OrderedOutput, Stopped

        layers: list[LayerReport] = []
        output = OrderedOutput(self.file, number, self.processes, ends, self.compression)
        try:
            with output, RDFWriter(cast("IO[bytes]", output), self.syntax) as writer:
                for evaluator, source in evaluators(self.mapping, self.options):
                    rows = evaluator.rows
                    layers.append(LayerReport(source.source or rows.source, source.iterator or rows.layer))
                    for _, batch in evaluator.written(layers[-1], writer.form, output):
                        writer.write(batch)
        except Stopped:
            return Outcome(layers)
        except Exception as error:
            return Outcome(layers, error, output.number)
        finally:
            # Whoever waits for this process learns that it has ended.
            for each in ends:
                each.close()
        return Outcome(layers)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a share."""

    layers: list[LayerReport]
    error: Exception | None = None
    part: int = 0


def transform_in_processes(
    inputs: Sequence[str | Path] | str | Path,
    output: str | Path,
    mapping: str | Path | Mapping | None = None,
    options: TransformOptions | None = None,
    *,
    jobs: int,
    format: str | None = None,  # noqa: A002 - the word users know
) -> TransformReport:
    """Write files as one RDF file, in several processes of this machine.

    The file is that of :func:`semcube.mapping.transform`. Each process reads all of the sources and does the rest of
    the work for its share of the batches, so that what is gained depends on how much of the work is reading.

    Args:
        inputs: Files; those the mapping names if empty.
        output: ``.nt`` or ``.nq``, also with ``.gz``, ``.zst``, ``.bz2`` or ``.xz``, whose parts may be put together.
        mapping: R2RML or RML; made by rule by default.
        options: How.
        jobs: How many processes.
        format: Syntax, where the name of the output does not tell it.

    Returns:
        The counts, those of all processes together.

    Raises:
        UsageError: The output is a stream, or of a syntax whose documents cannot be put together.
        UnsupportedError: Quads are to be distinct, or go to targets of the mapping.
        SemcubeError: As :func:`semcube.mapping.transform`.
    """
    started = time.perf_counter()
    syntax, compression = _checked(output, jobs, format)
    chosen = options or TransformOptions()
    if jobs == 1:
        return transform(inputs, output, mapping, chosen, format=format)
    if chosen.distinct:
        raise UnsupportedError("--distinct with --jobs", fix="leave one of them out")
    from semcube.io.ordered import ring
    from semcube.io.output import replacing

    report = TransformReport(output=str(output))
    with replacing(output) as file, ExitStack() as exits:
        ends = ring(jobs)
        # Others load their libraries while this one reads the mapping.
        others = [exits.enter_context(_Other(number, ends[number])) for number in range(1, jobs)]
        bound, reasons = bound_mapping(inputs, mapping, chosen)
        if bound.targets:
            raise UnsupportedError("the mapping has logical targets, which processes cannot share", fix="drop --jobs")
        if bound.gathers:
            raise UnsupportedError("the mapping has gather maps, which processes cannot share", fix="drop --jobs")
        share = Share(bound, replace(chosen, grouped=False), file, syntax, compression, jobs)
        for each in others:
            each.start(share)
        outcomes = [share.write(0, ends[0]), *(each.outcome() for each in others)]
        report.layers = _together(bound, outcomes, reasons)
    report.seconds = time.perf_counter() - started
    return report


def _checked(output: str | Path, jobs: int, named: str | None) -> tuple[Format, str | None]:
    """The syntax and the compression of the output."""
    from semcube.io.formats import output_format_of, split_compression

    if jobs < 1:
        raise UsageError(f"{jobs} processes", expected="1 or more")
    if str(output) == "-":
        raise UsageError("several processes on standard output", expected="a file", fix="name it with --output")
    plain, compression = split_compression(Path(output).name)
    syntax = output_format_of(plain if named is None else named)
    if syntax.name in GROUPED or syntax.name not in ("nt", "nq"):
        raise UsageError(
            f"{syntax.title} from several processes",
            expected=".nt or .nq, whose lines can be put together",
            fix="write .nt or .nq, or leave --jobs out",
        )
    if Path(output).exists() and not Path(output).is_file() and not Path(output).is_dir():
        raise UsageError(f"several processes into {output}, which is no file", expected="a file")
    return syntax, compression


class _Other:
    """Another process and the way to talk to it; a context manager that leaves none behind."""

    def __init__(self, number: int, ends: tuple[Connection, Connection]) -> None:
        from multiprocessing import get_context

        # A forked process would share the threads and locks of libraries that are in use here.
        context = get_context("spawn")
        self._talk, there = context.Pipe()
        self._process: BaseProcess = context.Process(target=_other, args=(number, ends, there), daemon=True)
        self._process.start()
        for each in (*ends, there):
            each.close()

    def start(self, share: Share) -> None:
        """Let it do its share."""
        try:
            self._talk.send(share)
        except OSError as error:
            raise self._ended() from error

    def outcome(self) -> Outcome:
        """Wait for what comes of it."""
        try:
            found: Outcome = self._talk.recv()
        except (EOFError, OSError) as error:
            raise self._ended() from error
        return found

    def _ended(self) -> SemcubeError:
        self._process.join(5)
        return SourceError(
            f"a process ended without a word (exit code {self._process.exitcode})",
            fix="it may have been short of memory: leave --jobs out, or set SEMCUBE_BATCH_BYTES to less",
        )

    def __enter__(self) -> _Other:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is not None:
            self._process.terminate()
        self._talk.close()
        self._process.join()


def _other(number: int, ends: tuple[Connection, Connection], talk: Connection) -> None:
    """What another process does."""
    from semcube.io.start import leave_pandas_out

    try:
        import duckdb  # noqa: F401

        import semcube.io.geoparquet
        import semcube.mapping.evaluate  # noqa: F401

        leave_pandas_out()
        share: Share = talk.recv()
        talk.send(share.write(number, ends))
    except (EOFError, KeyboardInterrupt):
        # The process that began this one has ended, or ends; it says why.
        return


def _together(mapping: Mapping, outcomes: Sequence[Outcome], reasons: Reasons) -> list[LayerReport]:
    """One report per source.

    Raises:
        Exception: The error of the first part that has one.
    """
    failed = [each for each in outcomes if each.error is not None]
    if failed:
        error = min(failed, key=lambda each: each.part).error
        assert error is not None
        raise error
    layers = outcomes[0].layers
    for other in outcomes[1:]:
        for layer, found in zip(layers, other.layers, strict=True):
            skipped = sorted([*layer.skipped, *found.skipped], key=lambda each: each.row or 0)
            layer.add(found)
            layer.skipped = skipped[:KEPT]
    for layer, source in zip(layers, mapping.sources, strict=True):
        layer.key = reasons.get(source)
    return layers
