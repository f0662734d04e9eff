# SPDX-License-Identifier: Apache-2.0
"""Linking all pairs: one side in memory, the other streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from semcube.errors import UsageError
from semcube.geometry import crs, same
from semcube.interlink.identity import Duplicates
from semcube.interlink.links import LINKS, MEASURED_LINKS, LinkBatch, Links, write_links
from semcube.interlink.matching import Matched, Matcher, Task, matched
from semcube.interlink.options import InterlinkOptions
from semcube.interlink.report import Report
from semcube.interlink.selection import LinkRelations
from semcube.interlink.sides import Chunk, Side, SideOptions, common_crs, concatenate, open_side
from semcube.interlink.time import ALLEN, NO_PERIODS, allen, allen_iri, allen_names
from semcube.vocab import CRS84

__all__ = ["LinkStream", "Linking", "interlink", "stream"]

_SELF_ROWS = 10_000


def interlink(
    source: Any,
    target: Any = None,
    output: Any = None,
    options: InterlinkOptions | None = None,
    *,
    progress: Callable[[int], None] | None = None,
    **choices: Any,
) -> Links:
    """Find the relations between the features of two sources, of space, distance or time, and write them as links.

    Args:
        source: A path, a store, a GeoDataFrame, or Arrow data with a geometry column.
        target: The same; None links the source with itself.
        output: A path (``.nt``, ``.ttl``, ``.nt.gz``, ``.parquet``, ...), a store, or None for a table.
        options: The choices of :class:`InterlinkOptions`.
        progress: Called with the number of rows of the streamed side that are done.
        **choices: Single choices, in place of those of ``options``.

    Returns:
        The report (counts, CPU, memory) and, without an output, the table of links.

    Raises:
        CRSError: The systems of the sides differ or are unknown.
        SourceError: A side cannot be read.
        UsageError: A choice is wrong.

    Example:
        >>> import pyarrow as pa, shapely
        >>> a = pa.table({"id": ["1"], "geometry": [shapely.box(0, 0, 2, 2).wkb]})
        >>> b = pa.table({"id": ["7", "8"], "geometry": [shapely.Point(1, 1).wkb, shapely.Point(2, 1).wkb]})
        >>> names = {"source_iri": "http://e/a/{id}", "target_iri": "http://e/b/{id}"}
        >>> links = interlink(a, b, source_crs="CRS84", target_crs="CRS84", minimal=True, **names)
        >>> [(row["source"], row["relation"], row["target"]) for row in links.table.to_pylist()]
        [('http://e/a/1', 'sfTouches', 'http://e/b/8'), ('http://e/a/1', 'sfContains', 'http://e/b/7')]
    """
    linking = Linking.open(source, target, chosen_options(options, choices))
    if linking.options.processes > 1 and linking.options.budget is None and linking.options.state is None:
        from semcube.interlink.parallel import link_in_processes

        table = link_in_processes(linking, output, progress)
    else:
        table = write_links(linking.counted(linking.chosen_batches(progress)), output, linking.schema)
    linking.report.finish()
    return Links(linking.report, table)


def stream(source: Any, target: Any = None, options: InterlinkOptions | None = None, **choices: Any) -> LinkStream:
    """The links of :func:`interlink` as they are found; with a budget, the most promising ones first.

    Args:
        source: As for :func:`interlink`.
        target: The same.
        options: The choices of :class:`InterlinkOptions`.
        **choices: Single choices, in place of those of ``options``.

    Returns:
        Record batches to iterate over, and the report, which has what was found so far.

    Raises:
        CRSError: The systems of the sides differ or are unknown.
        SourceError: A side cannot be read.
        UsageError: A choice is wrong.

    Example:
        >>> import pyarrow as pa, shapely
        >>> a = pa.table({"id": ["1"], "geometry": [shapely.box(0, 0, 2, 2).wkb]})
        >>> names = {"source_iri": "http://e/a/{id}", "target_iri": "http://e/b/{id}"}
        >>> links = stream(a, a, source_crs="CRS84", target_crs="CRS84", budget=10, relations="sfEquals", **names)
        >>> [batch.num_rows for batch in links], links.report.recall
        ([1], 1.0)
    """
    return LinkStream(Linking.open(source, target, chosen_options(options, choices)))


class LinkStream:
    """Links that are being found; can be iterated over once."""

    def __init__(self, linking: Linking) -> None:
        self.report = linking.report
        """Counts, and with a budget the estimated recall, so far."""
        self.schema = linking.schema
        self._batches = self._found(linking)

    def _found(self, linking: Linking) -> Iterator[pa.RecordBatch]:
        for batch in linking.counted(linking.chosen_batches()):
            if len(batch):
                yield batch.table(linking.schema)
        linking.report.finish()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self._batches


def chosen_options(options: InterlinkOptions | None, choices: dict[str, Any]) -> InterlinkOptions:
    """Options with single choices in place.

    Raises:
        UsageError: There is no such choice.
    """
    try:
        return replace(options or InterlinkOptions(), **choices)
    except TypeError:
        known = InterlinkOptions.__dataclass_fields__
        wrong = ", ".join(name for name in choices if name not in known)
        raise UsageError(f"no choice {wrong}", expected=", ".join(known)) from None


@dataclass
class Linking:
    """A linking under way: its sides, which of them is held, and what it has found."""

    source: Side
    target: Side | None
    options: InterlinkOptions
    relations: LinkRelations
    temporal: tuple[str, ...]
    report: Report
    swapped: bool = False
    """The target is held in memory, the source streamed."""
    _told: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    """Invalid rows of the held side that were reported."""

    def __post_init__(self) -> None:
        self.measure = self.options.measure
        self.predicate = self.options.predicate or (None if self.measure is None else self.measure.iri)
        self.is_nearest = self.measure is not None and self.measure.name == "nearest"

    @classmethod
    def open(cls, source: Any, target: Any, options: InterlinkOptions) -> Linking:
        """Open both sides and bring them into one system."""
        temporal = () if options.temporal is None else allen_names(options.temporal)
        wanted = "sf" if options.time_alone else options.relations
        relations = LinkRelations(wanted, minimal=options.minimal, self_join=target is None)
        first = open_side(source, options.side("source"), options.base)
        if target is None:
            _agree(first, first, options)
            report = Report(first.report, first.report, options.invalid)
            return cls(first, None, options, relations, temporal, report)
        other = options.side("target") if temporal or options.target_time else _untimed(options, "target")
        second = open_side(target, other, options.base)
        _agree(first, second, options)
        swapped = first.size is not None and second.size is not None and first.size > second.size
        if options.nearest is not None:
            # The nearest of a feature are known once all of the target are.
            swapped = True
        report = Report(first.report, second.report, options.invalid)
        return cls(first, second, options, relations, temporal, report, swapped)

    @property
    def schema(self) -> pa.Schema:
        """The columns of the links as a table."""
        return LINKS if self.measure is None else MEASURED_LINKS

    def chosen_batches(self, progress: Callable[[int], None] | None = None) -> Iterator[LinkBatch]:
        """All links, or those within the budget, or those the state did not have and the others."""
        if self.options.budget is not None:
            from semcube.interlink.progressive import progressive_batches

            return progressive_batches(self)
        if self.options.state is not None:
            from semcube.interlink.state import resumed_batches

            return resumed_batches(self, progress)
        return self.batches(progress)

    @property
    def held(self) -> Side:
        """The side in memory."""
        return self.target if self.swapped and self.target is not None else self.source

    @property
    def streamed(self) -> Side | None:
        """The other one, None for a side with itself."""
        return self.source if self.swapped else self.target

    def read(self, side: Side) -> Iterator[Chunk]:
        """The chunks of a side; repeated IRIs are counted."""
        duplicates = Duplicates()
        for chunk in side.chunks(self.options.chunk_bytes):
            side.report.list_duplicates(duplicates.repeated(chunk.iris))
            yield chunk

    def matcher(self) -> Matcher:
        """The held side, read and indexed."""
        held = concatenate(list(self.read(self.held)))
        if held.periods is None and self.temporal:
            held.periods = NO_PERIODS
        seen_from_held = tuple(_converse(name) for name in self.temporal) if self.swapped else self.temporal
        wanted = self.either_way(seen_from_held)
        return self._kind()(held, self.options.invalid, self.options.filter, wanted, self.measure)

    def _kind(self) -> type[Matcher]:
        """How pairs are found."""
        from semcube.interlink.matchers import NearestMatcher, TimeMatcher

        if self.is_nearest:
            return NearestMatcher
        return TimeMatcher if self.options.time_alone else Matcher

    def either_way(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Of a side with itself, a pair is met once, so the converse relations count too."""
        if self.target is not None:
            return names
        return tuple(dict.fromkeys([*names, *(_converse(name) for name in names)]))

    def tasks(self, matcher: Matcher) -> Iterator[Task]:
        """What the held side meets."""
        held = matcher.held
        if self.streamed is None:
            for start in range(0, len(held), _SELF_ROWS):
                yield from matcher.tasks(None, (start, min(start + _SELF_ROWS, len(held))))
            return
        for chunk in self.read(self.streamed):
            yield from matcher.tasks(chunk, (0, len(chunk)))

    def batches(self, progress: Callable[[int], None] | None = None) -> Iterator[LinkBatch]:
        """All links, task by task."""
        matcher = self.matcher()
        for task, found in matched(matcher, self.tasks(matcher), self.options.processes):
            self.count(matcher, task, found)
            yield from self.links(matcher, task.chunk or matcher.held, found)
            if progress is not None:
                progress(task.rows[1] - task.rows[0])

    def count(self, matcher: Matcher, task: Task, found: Matched) -> None:
        """Take what a task found into the report."""
        report = self.report
        report.candidates += found.candidates
        report.known += found.known
        report.verified += found.verified
        report.errors += found.errors
        chunk = task.chunk or matcher.held
        self.count_invalid_held(matcher, found.invalid_held)
        if self.streamed is not None:
            rows = np.unique(found.invalid)
            self.streamed.report.list_invalid(chunk.iris.take(pa.array(rows)).to_pylist())

    def count_invalid_held(self, matcher: Matcher, rows: np.ndarray) -> None:
        """Take invalid rows of the held side into the report; several processes may meet the same ones."""
        fresh = np.setdiff1d(rows, self._told)
        self._told = np.union1d(self._told, fresh)
        self.held.report.list_invalid(matcher.held.iris.take(pa.array(fresh)).to_pylist())

    def links(self, matcher: Matcher, chunk: Chunk, found: Matched) -> Iterator[LinkBatch]:
        """The links of related pairs."""
        held = matcher.held
        if self.measure is not None or self.options.time_alone:
            # Of a side with itself, the chunk of the nearest is the source as well.
            turned = self.swapped or self.is_nearest
            ends = (held, found.first), (chunk, found.second)
            yield from self._plain_links(*(ends[::-1] if turned else ends), found.values)
            return
        if self.swapped:
            codes = matcher.codes.transposed(found.codes)
            sides = (chunk, found.second), (held, found.first)
        else:
            codes = found.codes
            sides = (held, found.first), (chunk, found.second)
        yield from self.links_of(sides[0], sides[1], codes, matcher)

    def _plain_links(
        self, first: tuple[Chunk, np.ndarray], second: tuple[Chunk, np.ndarray], values: np.ndarray | None
    ) -> Iterator[LinkBatch]:
        """The links of pairs that are related by distance or time alone."""
        count = len(first[1])
        self.report.related += count
        if self.measure is not None:
            ways = [(first, second)]
            timed = self._timed(first, second)
            if self.streamed is None and not self.is_nearest:
                ways.append((second, first))
                if self.options.minimal:
                    timed[1] &= ~timed[0]
            for (a, b), holds in zip(ways, timed, strict=False):
                if holds.any():
                    yield self._measured(a, b, np.asarray(values)[holds], holds)
        if self.temporal:
            none = np.full(count, -1, np.int16)
            yield from self._temporal_links(first, second, (none, none), [])

    def _measured(
        self, first: tuple[Chunk, np.ndarray], second: tuple[Chunk, np.ndarray], values: np.ndarray, holds: np.ndarray
    ) -> LinkBatch:
        assert self.measure is not None
        assert self.predicate is not None
        (a, rows), (b, others) = first, second
        return LinkBatch(
            self.measure.relation, self.predicate, a.iris.take(pa.array(rows[holds])),
            b.iris.take(pa.array(others[holds])),
            pa.DictionaryArray.from_arrays(pa.nulls(len(values), pa.int16()), pa.array([], pa.string())),
            pa.array(values), self.measure.distance_iri if self.options.with_distance else None,
        )  # fmt: skip

    def links_of(
        self, first: tuple[Chunk, np.ndarray], second: tuple[Chunk, np.ndarray], codes: np.ndarray, matcher: Matcher
    ) -> Iterator[LinkBatch]:
        """The links of pairs of a source and a target, each a chunk and its rows."""
        back = matcher.codes.transposed(codes)
        texts = matcher.codes.texts
        self.report.related += len(codes)
        counts = np.bincount(codes, minlength=len(texts))
        for text, count in zip(texts, counts.tolist(), strict=True):
            if count:
                self.report.matrices[text] = self.report.matrices.get(text, 0) + count
        timed = self._timed(first, second)
        lookup = self.relations.lookup(texts)
        for name in self.relations.names:
            for ahead, (a, b, own) in enumerate(((first, second, codes), (second, first, back))):
                if ahead == 1 and not self.relations.self_join:
                    continue
                # The look-up of the swapped pair is by the matrix of the pair as it was met.
                wanted = lookup[name][ahead][codes] & timed[ahead]
                if wanted.any():
                    yield _batch(name, self.relations.iri(name), (a, b), own, wanted, texts)
        if self.temporal:
            yield from self._temporal_links(first, second, (codes, back), texts)

    def _timed(self, first: tuple[Chunk, np.ndarray], second: tuple[Chunk, np.ndarray]) -> list[np.ndarray]:
        """Which pairs, ahead and back, stand in a wanted relation of time; all where none is wanted."""
        result = []
        for (a, rows), (b, others) in ((first, second), (second, first)):
            if not self.temporal or a.periods is None or b.periods is None:
                result.append(np.ones(len(rows), dtype=bool))
                continue
            holds = allen(a.periods.take(rows), b.periods.take(others), self.temporal)
            result.append(np.logical_or.reduce(list(holds.values())))
        return result

    def _temporal_links(
        self,
        first: tuple[Chunk, np.ndarray],
        second: tuple[Chunk, np.ndarray],
        codes: tuple[np.ndarray, np.ndarray],
        texts: list[str],
    ) -> Iterator[LinkBatch]:
        ways = [(first, second, codes[0])]
        if self.relations.self_join:
            ways.append((second, first, codes[1]))
        for (a, rows), (b, others), own in ways:
            assert a.periods is not None
            assert b.periods is not None
            for name, wanted in allen(a.periods.take(rows), b.periods.take(others), self.temporal).items():
                if wanted.any():
                    yield _batch(name, allen_iri(name), ((a, rows), (b, others)), own, wanted, texts)

    def counted(self, batches: Iterator[LinkBatch]) -> Iterator[LinkBatch]:
        """The same batches, counted."""
        for batch in batches:
            self.report.links += len(batch)
            self.report.relations[batch.relation] = self.report.relations.get(batch.relation, 0) + len(batch)
            yield batch


def _agree(first: Side, second: Side, options: InterlinkOptions) -> None:
    """Bring both sides into one system; for metres on the ellipsoid that is CRS84."""
    if options.time_alone:
        return
    measure = options.measure
    metric = measure is not None and measure.in_metres
    if metric and options.crs is not None and not same(crs(options.crs), crs(CRS84)):
        raise UsageError(
            f"crs {options.crs} and metres on the ellipsoid", expected="CRS84, or no crs where the sides agree"
        )
    common_crs(first, second, options.crs)
    if metric:
        first.wanted = second.wanted = crs(CRS84)


def _untimed(options: InterlinkOptions, name: str) -> SideOptions:
    return replace(options, temporal=None).side(name)


def _converse(name: str) -> str:
    """Allen's relation of the swapped periods.

    Example:
        >>> _converse("during"), _converse("metBy"), _converse("equals")
        ('contains', 'meets', 'equals')
    """
    names = list(ALLEN)
    place = names.index(name)
    return names[place ^ 1] if place < len(names) - 1 else name


def _batch(
    name: str,
    iri: str,
    sides: tuple[tuple[Chunk, np.ndarray], tuple[Chunk, np.ndarray]],
    codes: np.ndarray,
    wanted: np.ndarray,
    texts: list[str],
) -> LinkBatch:
    (a, rows), (b, others) = sides
    known = codes[wanted]
    matrix = pa.DictionaryArray.from_arrays(pa.array(known, mask=known < 0), pa.array(texts, pa.string()))
    return LinkBatch(name, iri, a.iris.take(pa.array(rows[wanted])), b.iris.take(pa.array(others[wanted])), matrix)
