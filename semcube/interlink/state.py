# SPDX-License-Identifier: Apache-2.0
"""What was verified, kept in a folder: a run that was killed goes on, and one with more rows does only what is new.

A row is known by a fingerprint of its IRI and its geometry. The folder holds the fingerprints of each *version* of the
held side and, for each chunk of the streamed side that was met, a part: its fingerprints and its related pairs with
their matrices. A pair is known if a version has its held row and a part of that version its streamed row. Parts
appear when they are complete. Other topological relations can be asked of the same folder: matrices are kept, not
links. Of relations by distance, distances are kept; what is nearest is known as long as no held row has gone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from semcube.errors import UsageError
from semcube.interlink.batch import Linking
from semcube.interlink.identity import fingerprints
from semcube.interlink.links import LinkBatch
from semcube.interlink.matchers import first_of_each
from semcube.interlink.matching import Matched, Matcher, Task, matched
from semcube.interlink.sides import Chunk
from semcube.io import replacing

__all__ = ["State", "resumed_batches"]

_VERSIONS = 62
_ODD = np.uint64(0x9E3779B97F4A7C15)


class State:
    """The folder of a linking.

    Args:
        folder: Made if it does not exist.
        about: What must be the same in every run: the side that is held, the system, what becomes of the invalid.

    Raises:
        UsageError: The folder is of a linking with other choices.
    """

    def __init__(self, folder: str | Path, about: dict[str, str]) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "about.json"
        if file.exists():
            found = json.loads(file.read_text("utf-8"))
            different = [
                f"{name} {found.get(name)!r}, not {value!r}"
                for name, value in about.items()
                if found.get(name) != value
            ]
            if different:
                raise UsageError(
                    f"the state {folder} is of a linking with {'; '.join(different)}",
                    fix="use another folder for --state",
                )
        else:
            with replacing(file) as path:
                path.write_text(json.dumps(about), "utf-8")

    def versions(self) -> list[np.ndarray]:
        """Sorted fingerprints of the held side, by version."""
        files = sorted(self.folder.glob("held-*.parquet"))
        return [pq.read_table(file).column(0).to_numpy() for file in files]

    def add_version(self, prints: np.ndarray) -> int:
        """The number of the version with these held rows, a new one unless there is one."""
        wanted = np.unique(prints)
        known = self.versions()
        for number, version in enumerate(known):
            if np.array_equal(version, wanted):
                return number
        if len(known) >= _VERSIONS:
            raise UsageError(
                f"{len(known)} versions of one side in {self.folder}", fix="begin a new folder for --state"
            )
        with replacing(self.folder / f"held-{len(known):03}.parquet") as path:
            pq.write_table(pa.table({"row": wanted}), path)
        return len(known)

    def parts(self) -> list[tuple[int, Path]]:
        """Version and file of each part."""
        return [(int(file.stem.split("-")[1]), file) for file in sorted(self.folder.glob("met-*.parquet"))]

    def add_part(self, version: int, streamed: np.ndarray, pairs: pa.Table) -> None:
        """Keep that these rows have met that version, with these related pairs."""
        number = len(list(self.folder.glob(f"met-{version:03}-*.parquet")))
        met = pa.table(
            {
                "streamed": streamed,
                "held": pa.nulls(len(streamed), pa.uint64()),
                "matrix": pa.nulls(len(streamed), pa.string()),
                "distance": pa.nulls(len(streamed), pa.float64()),
            }
        )
        with replacing(self.folder / f"met-{version:03}-{number:06}.parquet") as path:
            pq.write_table(pa.concat_tables([met, pairs]), path, compression="zstd")


def row_prints(chunk: Chunk) -> np.ndarray:
    """Fingerprints of IRIs, geometries and periods together."""
    wkb = pa.array(shapely.to_wkb(chunk.geometries), pa.large_binary())
    result = fingerprints(chunk.iris) * np.uint64(31) ^ fingerprints(wkb)
    if chunk.periods is not None:
        for number in (chunk.periods.begin, chunk.periods.end):
            result = result * _ODD + number.astype(np.int64).view(np.uint64)
            result ^= result >> np.uint64(29)
        result = result * _ODD + chunk.periods.known
    return np.asarray(result)


class _Known:
    """What the folder tells about the rows of this run."""

    def __init__(self, state: State, held: np.ndarray) -> None:
        self.order = np.argsort(held, kind="stable")
        self.sorted = held[self.order]
        self.seen = np.zeros(len(held), np.int64)
        self.whole = np.int64(0)
        """Bits of the versions that are all here."""
        for number, members in enumerate(state.versions()):
            self.seen |= np.where(_contains(members, held), np.int64(1) << number, 0)
            if _contains(self.sorted, members).all():
                self.whole |= np.int64(1) << number
        met: dict[int, list[np.ndarray]] = {}
        related = []
        for version, file in state.parts():
            table = pq.read_table(file)
            pairs = table.column("held").is_valid()
            met.setdefault(version, []).append(table.filter(_not(pairs)).column("streamed").to_numpy())
            related.append(table.filter(pairs))
        self.met = {version: np.sort(np.concatenate(parts)) for version, parts in met.items()}
        everything = pa.concat_tables(related, promote_options="default") if related else None
        self.related = None if everything is None else everything.sort_by("streamed")

    def bits(self, prints: np.ndarray) -> np.ndarray:
        """For each streamed row, the versions it has met."""
        result = np.zeros(len(prints), np.int64)
        for version, rows in self.met.items():
            result |= np.where(_contains(rows, prints), np.int64(1) << version, 0)
        return result

    def pairs(self, prints: np.ndarray, matcher: Matcher) -> Matched:
        """The related pairs, known before, of streamed rows of this run with held rows of this run."""
        none = np.empty(0, np.int64)
        if self.related is None or not len(self.sorted):
            return Matched(none, none, none.astype(np.int16))
        order = np.argsort(prints, kind="stable")
        streamed = self.related.column("streamed").to_numpy()
        low, high = (np.searchsorted(streamed, prints[order], side) for side in ("left", "right"))
        counts = high - low
        rows = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(low, counts)
        second = np.repeat(order, counts)
        held = self.related.column("held").to_numpy()[rows]
        place = np.minimum(np.searchsorted(self.sorted, held), len(self.sorted) - 1)
        here = self.sorted[place] == held
        rows, first, second = rows[here], self.order[place[here]], second[here]
        single = np.unique(np.column_stack([first, second]), axis=0, return_index=True)[1]
        rows = pa.array(rows[single])
        codes = matcher.codes.encode(np.asarray(self.related.column("matrix").take(rows), dtype=object))
        values = None
        if matcher.measure is not None:
            values = self.related.column("distance").take(rows).to_numpy()
        return Matched(first[single], second[single], codes, values=values)


def resumed_batches(linking: Linking, progress: Callable[[int], None] | None = None) -> Iterator[LinkBatch]:
    """All links; of pairs that the folder knows from there, of others by verifying them, which the folder keeps."""
    options = linking.options
    if linking.streamed is None:
        raise UsageError("a state for a source with itself", expected="two sides", fix="give the source twice")
    assert options.state is not None
    state = State(options.state, _about(linking))
    matcher = linking.matcher()
    prints = row_prints(matcher.held)
    known = _Known(state, prints)
    version = state.add_version(prints)
    matcher.seen = known.seen
    fingerprint: dict[int, np.ndarray] = {}

    def tasks() -> Iterator[Task]:
        for task in linking.tasks(matcher):
            assert task.chunk is not None
            rows = row_prints(task.chunk)
            fingerprint[id(task)] = rows
            task.skip = known.bits(rows)
            if linking.is_nearest:
                task.skip &= known.whole
            yield task

    for task, found in matched(matcher, tasks(), options.processes):
        rows = fingerprint.pop(id(task))
        assert task.chunk is not None
        linking.count(matcher, task, found)
        before = known.pairs(rows, matcher)
        if found.verified or not np.all(known.bits(rows) >> version & 1):
            state.add_part(version, rows, _pairs(rows, prints, found, matcher))
        answers = [before, found]
        if linking.is_nearest:
            answers = [first_of_each(answers, options.nearest or 1, matcher.held)]
        for each in answers:
            yield from linking.links(matcher, task.chunk, each)
        if progress is not None:
            progress(len(rows))


def _about(linking: Linking) -> dict[str, str]:
    """What must be the same in every run with a state."""
    options = linking.options
    about = {
        "held": "target" if linking.swapped else "source", "crs": str(linking.source.wanted),
        "invalid": options.invalid, "temporal": str(options.temporal),
    }  # fmt: skip
    if linking.measure is not None:
        about["measure"] = f"{linking.measure.name} {linking.measure.limit:g}"
    if options.time_alone:
        about["relations"] = "none"
    return about


def _pairs(rows: np.ndarray, prints: np.ndarray, found: Matched, matcher: Matcher) -> pa.Table:
    """Related pairs as the folder keeps them."""
    missing = found.codes < 0
    matrices = pa.array(matcher.codes.texts, pa.string()).take(pa.array(found.codes, mask=missing))
    values = pa.nulls(len(missing), pa.float64()) if found.values is None else pa.array(found.values)
    columns = {"streamed": rows[found.second], "held": prints[found.first], "matrix": matrices, "distance": values}
    return pa.table(columns)


def _contains(sorted_rows: np.ndarray, rows: np.ndarray) -> np.ndarray:
    if not len(sorted_rows):
        return np.zeros(len(rows), dtype=bool)
    place = np.minimum(np.searchsorted(sorted_rows, rows), len(sorted_rows) - 1)
    return np.asarray(sorted_rows[place] == rows)


def _not(mask: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    return pc.invert(mask)
