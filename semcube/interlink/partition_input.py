# SPDX-License-Identifier: Apache-2.0
"""The sides of a linking in parts: what a look at them tells, and their features on the way to their groups."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache

import numpy as np
import pyarrow as pa
import shapely

from semcube.errors import RowError
from semcube.interlink.arrow_input import ArrowInput, FileInput
from semcube.interlink.batch import Linking
from semcube.interlink.identity import fingerprints
from semcube.interlink.iris import IRINaming
from semcube.interlink.options import InterlinkOptions
from semcube.interlink.sides import Chunk, Side
from semcube.interlink.tiles import Layout
from semcube.interlink.time import Periods

__all__ = ["Features", "Look", "Part", "Sides", "features", "look_at", "sent"]

LARGE = 10_000
"""Vertices from which a geometry may be a giant."""
_SAMPLED = 400
_ROW_BYTES = 100
"""What a row costs besides its vertices."""
_MANY_TILES, _SENT_BYTES, _MOST_BYTES = 256, 64 * 1024, 256 * 1024 * 1024
ROW_BITS = 40


@dataclass(frozen=True)
class Sides:
    """What is linked; travels to the workers, which open it by the same paths."""

    source: str
    target: str | None
    options: InterlinkOptions

    def linking(self) -> Linking:
        """A linking of the sides with counts of its own."""
        return Linking.open(self.source, self.target, self.options)


@dataclass(frozen=True)
class Part:
    """The rows that one task reads."""

    sides: Sides
    side: int
    """0 for the source, 1 for the target."""
    number: int
    """Its place among the parts of its side."""
    span: tuple[int, int] | None
    """Row ids, the end left out; all rows if None."""

    def open(self) -> Side:
        """The side with these rows only."""
        linking = self.sides.linking()
        side = linking.source if self.side == 0 else linking.target
        assert side is not None
        if self.span is not None:
            assert isinstance(side.data, FileInput)
            side.data.source = side.data.source.part(self.span)
        return side


@dataclass
class Look:
    """What a part holds, from a sample."""

    boxes: np.ndarray
    weights: np.ndarray
    """About how many bytes each box of the sample stands for."""
    large: np.ndarray
    """float64 (L, 5): boxes and vertices of large geometries."""
    prints: np.ndarray
    """uint64 (L), fingerprints of their WKB."""
    cpu: float = 0.0
    """CPU seconds that it took."""


class _Sampled(ArrowInput):
    """Some rows of each batch of a side, and all those with many bytes."""

    def __init__(self, data: ArrowInput) -> None:
        self.__dict__.update(data.__dict__)
        self.data = data
        self.rows: np.ndarray = np.empty(0)
        """float64, for each row that was given how many it stands for."""

    def batches(self, columns: list[str], chunk_bytes: int) -> Iterator[pa.RecordBatch]:
        """The sample of each batch."""
        random = np.random.default_rng(0)
        for batch in self.data.batches(columns, chunk_bytes):
            offsets = np.frombuffer(batch.column("geometry").buffers()[1], np.int64)
            start = batch.column("geometry").offset
            big = np.flatnonzero(np.diff(offsets[start : start + batch.num_rows + 1]) >= 16 * LARGE)
            count = min(_SAMPLED, batch.num_rows)
            chosen = random.choice(batch.num_rows, count, replace=False)
            kept = np.union1d(chosen, big)
            self.rows = np.where(np.isin(kept, chosen), batch.num_rows / max(count, 1), 1.0)
            yield batch.take(pa.array(kept))


def look_at(part: Part) -> Look:
    """A look at a part: it is read, but only a sample is parsed."""
    begun = time.process_time()
    side = part.open()
    sampled = _Sampled(side.data)
    side.data, side.times = sampled, []
    # Names are made, and their faults found, when all rows are read.
    side.naming = IRINaming("urn:row:{fid}", ["fid"], side.label)
    boxes, weights, large, prints = [np.empty((0, 4))], [np.empty(0)], [np.empty((0, 5))], [np.empty(0, np.uint64)]
    for chunk in side.chunks(part.sides.options.chunk_bytes):
        vertices = shapely.get_num_coordinates(chunk.geometries)
        bounds = shapely.bounds(chunk.geometries)
        big = vertices >= LARGE
        stands_for = sampled.rows.sum() / max(len(sampled.rows), 1)
        boxes.append(bounds[~big])
        weights.append((vertices[~big] * 16.0 + _ROW_BYTES) * stands_for)
        large.append(np.column_stack([bounds[big], vertices[big]]))
        prints.append(_wkb_prints(chunk.geometries[big]))
    joined, about, giants, keys = (np.concatenate(each) for each in (boxes, weights, large, prints))
    return Look(joined, about, giants, keys, time.process_time() - begun)


def _wkb_prints(geometries: np.ndarray) -> np.ndarray:
    return fingerprints(pa.array(shapely.to_wkb(geometries), pa.large_binary()))


def sent(part: Part, layout: Layout, identity: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The features of a part, each with the groups it goes to.

    Args:
        part: What is read.
        layout: Where features go.
        identity: How many groups, after those of the layout, look for repeated IRIs; the counts go there too.
    """
    begun = time.process_time()
    side = part.open()
    first = part.number << ROW_BITS
    chunk_bytes = part.sides.options.chunk_bytes
    if len(layout.tiling) > _MANY_TILES:
        # A chunk is cut by tiles; what goes to one of them should not be a few rows.
        chunk_bytes = max(chunk_bytes, min(len(layout.tiling) * _SENT_BYTES, _MOST_BYTES))
    for chunk in _named_rows(side, part, chunk_bytes):
        boxes = shapely.bounds(chunk.geometries).reshape(-1, 4)
        giants = np.full(len(chunk), -1, np.int64)
        big = np.flatnonzero(shapely.get_num_coordinates(chunk.geometries) >= LARGE)
        if len(big) and layout.giants:
            giants[big] = layout.giant_numbers(part.side, boxes[big], _wkb_prints(chunk.geometries[big]))
        rows, groups, as_giant = layout.routes(part.side, boxes, giants)
        batch = _batch(chunk, first + np.arange(len(chunk)), part.side)
        for here in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(groups)) + 1):
            if len(here):
                giant = pa.array(as_giant[here])
                yield int(groups[here[0]]), batch.take(pa.array(rows[here])).append_column("giant", giant)
        yield from _identities(chunk, part.side, layout.groups, identity)
        first += len(chunk)
    counts = pa.array([json.dumps(asdict(side.report) | {"cpu": time.process_time() - begun})])
    yield layout.groups, pa.record_batch({"side": pa.array([part.side], pa.int8()), "report": counts})


def _named_rows(side: Side, part: Part, chunk_bytes: int) -> Iterator[Chunk]:
    """The chunks of a part; an error of a row has its place in the whole side."""
    try:
        yield from side.chunks(chunk_bytes)
    except RowError as error:
        if part.span is None or error.row is None:
            raise
        told = {name: getattr(error, name) for name in ("source", "layer", "column", "expected", "fix")}
        raise RowError(error.found, row=error.row + part.span[0], **told) from error


def _batch(chunk: Chunk, rows: np.ndarray, side: int) -> pa.RecordBatch:
    columns = {
        "row": pa.array(rows),
        "iri": chunk.iris,
        "geometry": pa.array(shapely.to_wkb(chunk.geometries), pa.large_binary()),
        "side": pa.array(np.full(len(rows), side, np.int8)),
    }
    if chunk.periods is not None:
        columns |= {name: pa.array(getattr(chunk.periods, name)) for name in ("begin", "end", "known")}
    return pa.record_batch(columns)


def _identities(chunk: Chunk, side: int, first: int, groups: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The IRIs, by their fingerprints."""
    group = (fingerprints(chunk.iris) % np.uint64(groups)).astype(np.int64)
    for number in range(groups):
        rows = np.flatnonzero(group == number)
        iris = chunk.iris.take(pa.array(rows))
        yield first + number, pa.record_batch({"side": pa.array(np.full(len(rows), side, np.int8)), "iri": iris})


@dataclass
class Features:
    """What a group was sent of one side, in the order of the side."""

    chunk: Chunk
    rows: np.ndarray
    """int64 (N), numbers of the rows, the same in all groups."""
    giant: np.ndarray
    """bool (N)."""
    boxes: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.boxes = shapely.bounds(self.chunk.geometries).reshape(-1, 4)

    def __len__(self) -> int:
        return len(self.rows)


def features(batches: list[pa.RecordBatch], side: int) -> Features:
    """The features of a side among the batches of a group."""
    mine = [batch for batch in batches if batch.num_rows and batch.column("side")[0].as_py() == side]
    if not mine:
        none = Chunk(pa.array([], pa.large_string()), np.empty(0, dtype=object))
        return Features(none, np.empty(0, np.int64), np.empty(0, dtype=bool))
    table = pa.Table.from_batches(mine).sort_by("row").combine_chunks()
    columns = {name: table.column(name).chunk(0) for name in table.column_names}
    geometries = shapely.from_wkb(columns["geometry"].to_numpy(zero_copy_only=False))
    flat = {name: columns[name].to_numpy(zero_copy_only=False) for name in columns if name not in ("iri", "geometry")}
    times = Periods(flat["begin"], flat["end"], flat["known"]) if "begin" in flat else None
    chunk = Chunk(columns["iri"], np.asarray(geometries, dtype=object), times)
    return Features(chunk, flat["row"], flat["giant"])


def spans_of(side: Side, parts: int) -> tuple[tuple[int, int] | None, ...]:
    """Where a side can be cut; one part if nowhere."""
    found = side.data.source.spans(parts) if parts > 1 and isinstance(side.data, FileInput) else ()
    return tuple(found) if len(found) > 1 else (None,)


@lru_cache(maxsize=4)
def opened(sides: Sides) -> Linking:
    """The linking of this process, for groups, which read nothing."""
    return sides.linking()


def fresh(linking: Linking) -> Linking:
    """The same with counts of its own."""
    from semcube.interlink.report import Report, SideReport

    first, second = (SideReport(side.label) for side in (linking.source, linking.target or linking.source))
    return replace(linking, report=Report(first, second, linking.options.invalid))
