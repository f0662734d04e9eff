# SPDX-License-Identifier: Apache-2.0
"""Linking on an engine that exchanges: the plane in tiles, the sides sent to them, the same verification in each.

The sides are read twice: a look at a sample of both makes the tiles and finds the giants, then every feature is sent to
the tiles its box meets. The links of all files together are those of :func:`semcube.interlink.interlink`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from semcube.errors import OutputError, UnsupportedError, UsageError
from semcube.interlink.batch import Linking
from semcube.interlink.group_budget import BudgetWriter, Ranking, shares
from semcube.interlink.groups import GroupReport, GroupWriter
from semcube.interlink.links import Links
from semcube.interlink.options import InterlinkOptions
from semcube.interlink.partition_input import Look, Part, Sides, look_at, sent, spans_of
from semcube.interlink.report import LISTED, Report, SideReport
from semcube.interlink.tiles import Giant, Layout, Tiling

if TYPE_CHECKING:
    import pyarrow as pa

    from semcube.engines.exchange import Exchange, ExchangeEngine

__all__ = ["PartitionStream", "interlink_in_partitions", "stream_in_partitions"]

_PER_SLOT = 3
"""Tiles per task that runs at a time."""
_TILE_BYTES = 32 * 1024 * 1024
"""Bytes of geometry of a tile, about, where there are many."""
_NORMAL_95 = 1.959964
_ENDINGS = (".nt", ".nq", ".ttl", ".trig", ".parquet")


def interlink_in_partitions(
    source: str | Path,
    target: str | Path | None,
    output: str | Path,
    options: InterlinkOptions | None = None,
    *,
    engine: ExchangeEngine,
    partitions: int | None = None,
) -> Links:
    """Find the topological relations between the features of two files on an engine with partitions.

    Workers read the files and write the links by the paths given here: they share the file system.

    Args:
        source: A file.
        target: The same; None links the source with itself.
        output: A folder, named as the file would be: ``links.nt`` holds ``part-00000.nt`` and so on, one for each group
            with links. It appears when it is complete, with ``_SUCCESS``.
        options: How.
        engine: What runs the tasks, for example :class:`semcube.engines.spark.SparkEngine`.
        partitions: About how many tiles; by the engine's slots and the size of the sides by default.

    Returns:
        The report; its CPU seconds are those of Python, in all processes.

    Raises:
        OutputError: The folder cannot be written.
        UnsupportedError: A choice, or a side, that needs one process.
        SemcubeError: As :func:`semcube.interlink.interlink`; the first error of any task.
    """
    from semcube.io.output import replacing_folder

    ending = _ending(output)
    run = _Run(source, target, options or InterlinkOptions(), engine, partitions)
    with replacing_folder(output) as folder:
        reports = list(run.exchange.receive(run.function(folder, ending)))
    run.finish(reports)
    return Links(run.linking.report)


def stream_in_partitions(
    source: str | Path,
    target: str | Path | None = None,
    options: InterlinkOptions | None = None,
    *,
    engine: ExchangeEngine,
    partitions: int | None = None,
) -> PartitionStream:
    """The links of :func:`interlink_in_partitions` as they are found: those of a tile when it is done.

    With a budget, each tile has its share of it. All links come to this process, a tile at a time.

    Args:
        source: As for :func:`interlink_in_partitions`.
        target: The same.
        options: The same.
        engine: The same.
        partitions: The same.

    Returns:
        Record batches (:data:`semcube.interlink.LINKS`) to iterate over; the report is complete after the last.
    """
    return PartitionStream(_Run(source, target, options or InterlinkOptions(), engine, partitions))


class PartitionStream:
    """Links that are being found; can be iterated over once."""

    def __init__(self, run: _Run) -> None:
        self.report = run.linking.report
        """Counts, and with a budget the estimated recall, after the last batch."""
        self._batches = self._found(run)

    def _found(self, run: _Run) -> Iterator[pa.RecordBatch]:
        reports = []
        for each in run.exchange.arriving(run.function(None, "")):
            table, each.links = each.links, None
            reports.append(each)
            if table is not None:
                yield from table.to_batches()
        run.finish(reports)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self._batches


class _Run:
    """The sides on their way to their groups."""

    def __init__(
        self, source: object, target: object, options: InterlinkOptions, engine: ExchangeEngine, partitions: int | None
    ) -> None:
        if partitions is not None and partitions < 1:
            raise UsageError(f"{partitions} partitions", expected="1 or more")
        _refuse((source, target), options)
        self.sides = Sides(str(source), None if target is None else str(target), options)
        self.linking = self.sides.linking()
        self.slots = max(engine.slots, 1)
        parts = _parts(self.linking, self.sides, self.slots)
        looks = engine.map_tasks(look_at, parts)
        self._looked = sum(look.cpu for look in looks)
        self.layout = _layout(parts, looks, _tiles(looks, self.slots, partitions), self_join=target is None)
        send = partial(sent, layout=self.layout, identity=self.slots)
        self.exchange: Exchange = engine.exchange(send, parts, self.layout.groups + self.slots)

    def function(self, folder: Path | None, ending: str) -> GroupWriter:
        """What runs in each group; with a budget, each has its share of it."""
        given = (self.sides, self.layout, folder, ending)
        budget = self.sides.options.budget
        if budget is None:
            return GroupWriter(*given)
        ranked = [each for each in self.exchange.receive(Ranking(*given)) if each is not None]
        return BudgetWriter(*given, shares(ranked, budget, self.slots))

    def finish(self, reports: Sequence[GroupReport]) -> None:
        """The counts of all groups in one report."""
        _together(self.linking, reports, self.sides.options)
        report = self.linking.report
        report.finish()
        read = (counts["cpu"] for each in reports for _, counts in each.counts)
        report.cpu_seconds += self._looked + sum(each.cpu for each in reports) + sum(map(float, read))


def _refuse(sides: Sequence[object], options: InterlinkOptions) -> None:
    """Stop before work that cannot be done in partitions.

    Raises:
        UnsupportedError: A side is no file, or a choice needs one process.
    """
    for side in sides:
        if side is not None and not (isinstance(side, str | Path) and _is_layer(Path(side))):
            raise UnsupportedError(
                f"{side if isinstance(side, str | Path) else type(side).__name__} on an engine with partitions",
                expected="a file of features, which every worker can read",
                fix="write it as GeoParquet, or link on the embedded engine",
            )
    wrong = {
        "a state": options.state is not None,
        "a relation by distance": options.measure is not None,
        "relations of time alone": options.time_alone,
    }
    for what, given in wrong.items():
        if given:
            raise UnsupportedError(f"{what} on an engine with partitions", fix="link on the embedded engine")


def _is_layer(path: Path) -> bool:
    """Whether a path is neither a store nor RDF."""
    from semcube.io import format_of

    ending = path.suffix.lower()
    if path.is_dir():
        return ending == ".gdb"
    try:
        format_of(path)
    except UnsupportedError:
        return True
    return ending in (".json", ".xml")


def _ending(output: str | Path) -> str:
    from semcube.io.formats import split_compression

    name = Path(output).name
    plain, _ = split_compression(name)
    ending = Path(plain).suffix.lower()
    if ending not in _ENDINGS:
        raise OutputError(
            f"links of many partitions as {name!r}",
            expected=f"a folder named with one of {', '.join(_ENDINGS)}, also with .gz or .zst",
            fix="name it with --output",
        )
    return ending + name[len(plain) :]


def _parts(linking: Linking, sides: Sides, slots: int) -> list[Part]:
    found = []
    for number, side in enumerate((linking.source, linking.target)):
        if side is not None:
            spans = spans_of(side, slots * 2)
            found += [Part(sides, number, place, span) for place, span in enumerate(spans)]
    return found


def _tiles(looks: Sequence[Look], slots: int, wanted: int | None) -> int:
    """How many tiles: some for each slot, more where they would be large."""
    size = sum(float(look.weights.sum()) for look in looks)
    return wanted or max(slots * _PER_SLOT, int(size / _TILE_BYTES))


def _layout(parts: Sequence[Part], looks: Sequence[Look], tiles: int, *, self_join: bool) -> Layout:
    boxes = np.concatenate([look.boxes for look in looks])
    weights = np.concatenate([look.weights for look in looks])
    if not len(boxes):
        large = np.concatenate([look.large for look in looks])
        boxes, weights = large[:, :4], large[:, 4]
    tiling = Tiling.fit(boxes, weights, tiles)
    return Layout(tiling, _giants(parts, looks, tiling, self_join=self_join), self_join)


def _giants(parts: Sequence[Part], looks: Sequence[Look], tiling: Tiling, *, self_join: bool) -> tuple[Giant, ...]:
    """The large geometries whose copies would cost more vertices than what they meet."""
    limit = sum(float(look.weights.sum()) for look in looks) / max(len(tiling), 1)
    found: list[Giant] = []
    for side in (0, 1):
        mine = [look for part, look in zip(parts, looks, strict=True) if part.side == side]
        others = [look for part, look in zip(parts, looks, strict=True) if self_join or part.side != side]
        if not mine or not others:
            continue
        large = np.concatenate([look.large for look in mine])
        prints = np.concatenate([look.prints for look in mine])
        boxes, weights = (np.concatenate([getattr(look, name) for look in others]) for name in ("boxes", "weights"))
        for box, vertices, key in zip(large[:, :4], large[:, 4], prints, strict=True):
            copies = len(tiling.met(box[None, :])[0])
            meets = (boxes[:, :2] <= box[2:]).all(axis=1) & (boxes[:, 2:] >= box[:2]).all(axis=1)
            met = float(weights[meets].sum())
            alike = int(((large[:, :4] == box).all(axis=1) & (prints == key)).sum())
            if (copies - 1) * vertices * 16 <= met or alike > 1:
                continue
            groups = max(1, round(met / max(limit, 1.0)))
            first = found[-1].group + found[-1].groups if found else len(tiling)
            west, south, east, north = box.tolist()
            found.append(Giant(side, (west, south, east, north), int(key), first, groups))
    return tuple(found)


def _together(linking: Linking, reports: Sequence[GroupReport], options: InterlinkOptions) -> None:
    """The counts of all groups in one report."""
    total = linking.report
    sides: list[SideReport] = [total.source, total.target]
    for each in reports:
        if each.report is not None:
            _add(total, each.report)
        for side, counted in each.counts:
            for name, value in counted.items():
                if isinstance(value, int):
                    setattr(sides[side], name, getattr(sides[side], name) + value)
        for side, (count, iris) in enumerate(each.duplicates):
            sides[side].duplicates += count
            sides[side].duplicate_iris += iris[: LISTED - len(sides[side].duplicate_iris)]
    for side in (0, 1):
        _invalid(sides[side], [each.invalid[side] for each in reports])
    if options.budget is not None:
        _recall(total, reports)


def _add(total: Report, part: Report) -> None:
    for name in ("candidates", "verified", "probes", "errors", "related", "links"):
        setattr(total, name, getattr(total, name) + getattr(part, name))
    for name in ("relations", "matrices"):
        counts = getattr(total, name)
        for key, count in getattr(part, name).items():
            counts[key] = counts.get(key, 0) + count


def _invalid(side: SideReport, found: Sequence[tuple[np.ndarray, list[str]]]) -> None:
    """Each invalid row once, whatever the number of groups that met it."""
    known = np.empty(0, np.int64)
    for rows, iris in found:
        new = np.flatnonzero(~np.isin(rows, known))
        known = np.union1d(known, rows)
        side.invalid += len(new)
        listed = new[new < len(iris)][: LISTED - len(side.invalid_iris)]
        side.invalid_iris += [iris[place] for place in listed]


def _recall(total: Report, reports: Sequence[GroupReport]) -> None:
    """An estimate from the samples of the groups; of a group without one, the share of all of them."""
    counts = np.array([each.sampled for each in reports], dtype=float).reshape(-1, 3)
    pairs, sampled, linked = counts[counts[:, 0] > 0].T
    if not len(pairs):
        total.recall, total.recall_error = 1.0, 0.0
        total.recall_low = total.recall_high = 1.0
        return
    if not sampled.sum():
        return
    number = np.where(sampled > 0, sampled, sampled.sum())
    hits = np.where(sampled > 0, linked, linked.sum())
    smooth = (hits + 0.5) / (number + 1)
    missing = float((pairs * hits / number).sum())
    error = float(np.sqrt((pairs**2 * smooth * (1 - smooth) / number).sum()))
    every = max(total.related + missing, 1e-9)
    total.recall = total.related / every
    total.recall_error = total.related * error / every**2
    most = min(missing + _NORMAL_95 * error, float(pairs.sum()))
    least = max(missing - _NORMAL_95 * error, 0.0)
    total.recall_low, total.recall_high = (total.related / max(total.related + each, 1e-9) for each in (most, least))
