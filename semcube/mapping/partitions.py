# SPDX-License-Identifier: Apache-2.0
"""Files -> RDF files in partitions, on an engine that runs tasks: a task reads a part of a source and writes a file.

A task runs the same evaluation as :func:`semcube.mapping.transform` does, over fewer rows, so that the lines of all the
files together are the lines of the one file. A source is read in parts where its format allows it (see
:meth:`semcube.io.VectorSource.spans`) and every quad of it depends on its row alone.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from semcube.errors import OutputError, UnsupportedError, UsageError
from semcube.io.terms import BlankNode
from semcube.mapping.materialise import (
    GROUPED,
    Reasons,
    TransformOptions,
    bound_mapping,
    evaluators,
    output_prefixes,
)
from semcube.mapping.model import Constant, LogicalSource, Mapping, RefObjectMap, TermMap, TermType
from semcube.mapping.report import LayerReport, TransformReport
from semcube.mapping.rows import VectorRows

if TYPE_CHECKING:
    from semcube.engines import TaskEngine
    from semcube.io.formats import Format
    from semcube.mapping.evaluate import Evaluator

__all__ = ["Partition", "transform_in_partitions"]

Parts = list[tuple[LogicalSource, tuple[int, int] | None]]

_BLANK_NODES = "a blank node may be in several of the files: read them as one document"
_PER_SLOT = 2
"""Parts per task that runs at a time: with more than one, a part that takes longer holds up less."""


@dataclass(frozen=True, slots=True)
class Partition:
    """What one task reads and where it writes; travels to the workers."""

    mapping: Mapping
    source: LogicalSource
    span: tuple[int, int] | None
    """Row ids, the end left out; the whole source if None."""
    options: TransformOptions
    target: Path
    format: Format
    prefixes: tuple[tuple[str, str], ...]

    def write(self) -> LayerReport:
        """Write the part; the file appears when it is complete, so a task may run again."""
        from semcube.io import RDFWriter

        evaluator = _evaluator(self.mapping, self.source, self.options)
        rows = evaluator.rows
        if self.span is not None:
            assert isinstance(rows, VectorRows)
            rows.vector = rows.vector.part(self.span)
        report = LayerReport(self.source.source or rows.source, self.source.iterator or rows.layer)
        with RDFWriter(self.target, self.format, prefixes=dict(self.prefixes)) as writer:
            for _, batch in evaluator.written(report, writer.form):
                writer.write(batch)
        return report


def transform_in_partitions(
    inputs: Sequence[str | Path] | str | Path,
    output: str | Path,
    mapping: str | Path | Mapping | None = None,
    options: TransformOptions | None = None,
    *,
    engine: TaskEngine,
    partitions: int | None = None,
    format: str | None = None,  # noqa: A002 - the word users know
) -> TransformReport:
    """Write files as a folder of RDF files, one per partition, on an engine that runs tasks.

    Workers read the inputs and write the output by the paths given here: they share the file system.

    Args:
        inputs: Files; those the mapping names if empty.
        output: A folder, named as the file would be: ``roads.nt.gz`` holds ``part-00000.nt.gz`` and so on. It appears
            when it is complete, with ``_SUCCESS``.
        mapping: R2RML or RML; made by rule by default.
        options: How.
        engine: What runs the tasks, for example :class:`semcube.engines.spark.SparkEngine`.
        partitions: About how many files; by the engine's slots by default.
        format: Syntax, where the name of the output does not tell it.

    Returns:
        The counts, those of the parts of a source together.

    Raises:
        OutputError: The folder cannot be written.
        SemcubeError: As :func:`semcube.mapping.transform`; the first error of any task.
    """
    from semcube.io.output import replacing_folder

    started = time.perf_counter()
    if str(output) == "-":
        raise UsageError("partitions on standard output", expected="a folder", fix="name it with --output")
    if partitions is not None and partitions < 1:
        raise UsageError(f"{partitions} partitions", expected="1 or more")
    with replacing_folder(output) as folder:
        work = _Work(inputs, output, mapping, options or TransformOptions(), format, folder)
        report = work.run(engine, partitions or engine.slots * _PER_SLOT)
    report.seconds = time.perf_counter() - started
    return report


class _Work:
    """The tasks of a run. All of the mapping is checked here, before a task starts."""

    def __init__(
        self,
        inputs: Sequence[str | Path] | str | Path,
        output: str | Path,
        mapping: str | Path | Mapping | None,
        options: TransformOptions,
        named: str | None,
        folder: Path,
    ) -> None:
        self.mapping, self.reasons = bound_mapping(inputs, mapping, options)
        if options.distinct:
            raise UnsupportedError("--distinct in partitions", fix="use the embedded engine in one process")
        self.output, self.folder = output, folder
        self.syntax, self.ending = _syntax(Path(output), named)
        self.options = replace(options, grouped=options.grouped or self.syntax.name in GROUPED)

    def run(self, engine: TaskEngine, partitions: int) -> TransformReport:
        """Write the files; the counts, those of the parts of a source together."""
        prefixes = tuple(output_prefixes(self.mapping).items())
        parts = _parts(self.mapping, self.options, partitions)
        tasks = [
            Partition(
                _only(self.mapping, source), source, span, self.options,
                self.folder / f"part-{number:05d}{self.ending}", self.syntax, prefixes,
            )
            for number, (source, span) in enumerate(parts)
        ]  # fmt: skip
        report = TransformReport(output=str(self.output))
        report.layers = _together(parts, engine.map_tasks(Partition.write, tasks), self.reasons)
        if len(parts) > 1 and _has_blank_nodes(self.mapping):
            report.layers[0].note(_BLANK_NODES)
        return report


def _syntax(output: Path, named: str | None) -> tuple[Format, str]:
    """The syntax of each file, and how its name ends."""
    from semcube.io.formats import output_format_of, split_compression

    plain, compression = split_compression(output.name)
    syntax = output_format_of(plain if named is None else named)
    endings = {"gzip": ".gz", "zstd": ".zst", "bzip2": ".bz2", "xz": ".xz"}
    if not syntax.writable:
        raise OutputError(f"{syntax.title} is read but not written", fix="name the folder .nt, .nq, .ttl or .trig")
    return syntax, f".{syntax.name}" + (endings[compression] if compression else "")


def _parts(mapping: Mapping, options: TransformOptions, wanted: int) -> Parts:
    """What each task reads. All of the mapping is checked here, before a task starts."""
    if mapping.targets:
        raise UnsupportedError(
            "the mapping has logical targets, which partitions cannot share", fix="run it on the embedded engine"
        )
    found: Parts = []
    checked = evaluators(mapping, options)
    layers = sum(isinstance(evaluator.rows, VectorRows) for evaluator, _ in checked)
    for evaluator, source in checked:
        each = -(-wanted // max(layers, 1))
        rows = evaluator.rows
        spans: tuple[tuple[int, int], ...] = ()
        if each > 1 and isinstance(rows, VectorRows) and _by_row(evaluator):
            spans = rows.vector.spans(each)
        found += [(source, span) for span in (spans if len(spans) > 1 else (None,))]
    return found


def _by_row(evaluator: Evaluator) -> bool:
    """Whether each quad depends on its row alone: none is the same for all rows, none joins with other rows."""
    return (
        not evaluator.parents
        and not evaluator.plan.gathers
        and not any(quad.is_constant for quad in evaluator.plan.quads)
    )


def _evaluator(mapping: Mapping, source: LogicalSource, options: TransformOptions) -> Evaluator:
    return next(evaluator for evaluator, each in evaluators(mapping, options) if each == source)


def _only(mapping: Mapping, source: LogicalSource) -> Mapping:
    """The rules of one source; all of them where some refer to others."""
    items = (item for rule in mapping.triples_maps for each in rule.predicate_objects for item in each.objects)
    if any(isinstance(item, RefObjectMap) for item in items):
        return mapping
    return replace(mapping, triples_maps=tuple(each for each in mapping.triples_maps if each.source == source))


def _together(parts: Parts, reports: Sequence[LayerReport], reasons: Reasons) -> list[LayerReport]:
    """One report per source."""
    layers: dict[LogicalSource, LayerReport] = {}
    for (source, _), found in zip(parts, reports, strict=True):
        if source in layers:
            layers[source].add(found)
        else:
            layers[source] = replace(found, key=reasons.get(source))
    return list(layers.values())


def _has_blank_nodes(mapping: Mapping) -> bool:
    patterns = (pattern for rule in mapping.triples_maps for pattern in mapping.patterns(rule))
    return any(_is_blank(each) for pattern in patterns for each in (pattern.subject, pattern.object))


def _is_blank(item: object) -> bool:
    if not isinstance(item, TermMap):
        return False
    return (
        isinstance(item.value.term, BlankNode) if isinstance(item.value, Constant) else item.term_type is TermType.BLANK
    )
