# SPDX-License-Identifier: Apache-2.0
"""Pair by pair against JTS: ``python -m benchmarks.interlinking.oracle FOLDER A C S --jar jts-core.jar``.

A small Java main relates every pair whose boxes meet, unprepared, as JedAI-spatial does; for pairings with giants it
takes a twentieth of the pairs of these (``--share`` says which) and RelateNG, because all would take hours. The pairs
that share a point, their relations and their DE-9IM matrices are compared with those of a linking. Where matrices
differ from those of JTS's default operator (RelateOp), they are compared with those of RelateNG too, which GEOS has.
"""

from __future__ import annotations

import argparse
import os
import struct
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from benchmarks.interlinking.measure import Cost, isolated
from benchmarks.interlinking.sets import PAIRINGS, Pairing
from semcube.interlink import LinkRelations, interlink

LARGE, STEP = 100_000, 20
PAIRS = np.dtype([("first", ">i4"), ("second", ">i4"), ("matrix", "S9")])


def packed(path: Path, file: Path) -> None:
    """The geometries of a set as the Java main reads them."""
    wkb = pq.read_table(path, columns=["geometry"]).column(0).to_pylist()
    with file.open("wb") as out:
        out.write(struct.pack(">i", len(wkb)))
        for value in wkb:
            out.write(struct.pack(">i", len(value)))
            out.write(value)


def of_jts(
    pairing: Pairing, folder: Path, work: Path, jar: Path, *, prepared: bool = False, share: int = 0
) -> tuple[np.ndarray, list[int], Cost]:
    """The related pairs, the numbers of candidates and of pairs related, and what the run cost, without packing."""
    if not (work / "Join.class").exists():
        main = Path(__file__).parent / "jts" / "Join.java"
        subprocess.run(["javac", "-cp", jar, "-d", work, main], check=True)
    sides = []
    for name in (pairing.source, pairing.target):
        if name is not None and not (work / name).exists():
            packed(folder / f"{name}.parquet", work / name)
        sides.append("-" if name is None else str(work / name))
    command = ["java", "-cp", os.pathsep.join([str(jar), str(work)]), "Join", *sides, str(work / "pairs")]
    step = STEP if pairing.giants else 1
    cost = isolated([*command, "prepared" if prepared else "plain", str(step), str(share % step)])
    return np.fromfile(work / "pairs", PAIRS), [int(text) for text in cost.output.split()[:2]], cost


NAMES = {"source_iri": "http://e/{id}", "target_iri": "http://e/{id}", "source_crs": "CRS84", "target_crs": "CRS84"}


def of_semcube(pairing: Pairing, folder: Path) -> tuple[np.ndarray, int]:
    """The related pairs and the number of candidates."""
    target = None if pairing.target is None else folder / f"{pairing.target}.parquet"
    links = interlink(folder / f"{pairing.source}.parquet", target, relations="sfIntersects", invalid="keep", **NAMES)
    assert links.table is not None
    made = np.empty(links.table.num_rows, PAIRS)
    for column, name in (("source", "first"), ("target", "second")):
        text = pa.compute.utf8_slice_codeunits(links.table.column(column), len("http://e/"))
        made[name] = text.cast(pa.int64()).to_numpy()
    made["matrix"] = links.table.column("matrix").combine_chunks().cast(pa.string()).to_numpy(zero_copy_only=False)
    if pairing.target is None:
        made = made[made["first"] < made["second"]]
    return made, links.report.candidates


def compare(expected: np.ndarray, found: np.ndarray) -> list[tuple[int, int, str, str]]:
    """Pairs that only one has, or of which the matrices differ: rows, expected and found matrix."""
    expected, found = (each[np.lexsort((each["second"], each["first"]))] for each in (expected, found))
    if np.array_equal(expected, found):
        return []
    tables = [{(int(row[0]), int(row[1])): row[2].decode() for row in each} for each in (expected, found)]
    keys = sorted(tables[0].keys() | tables[1].keys())
    told = [(*key, tables[0].get(key, "none"), tables[1].get(key, "none")) for key in keys]
    return [each for each in told if each[2] != each[3]]


def of_other_relations(different: list[tuple[int, int, str, str]]) -> int:
    """How many of the pairs stand in other named relations (of GeoSPARQL's three families) too."""
    named = LinkRelations("all")
    return sum(each[2] == "none" or each[3] == "none" or named.of(each[2]) != named.of(each[3]) for each in different)


NINE = {
    "Intersects": "sfIntersects", "Touches": "sfTouches", "Crosses": "sfCrosses", "Within": "sfWithin",
    "Contains": "sfContains", "Overlaps": "sfOverlaps", "Equals": "sfEquals",
    "Covers": "T*****FF*,*T****FF*,***T**FF*,****T*FF*", "CoveredBy": "T*F**F***,*TF**F***,**FT*F***,**F*TF***",
}  # fmt: skip
"""The nine relations of JedAI-spatial; covers and covered by are those of the OGC's simple feature engines."""


def counts(matrices: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Pairs by relation, from matrices and how often each comes."""
    named = {name: LinkRelations(wanted) for name, wanted in NINE.items()}
    found = dict.fromkeys(NINE, 0)
    for matrix, count in matrices:
        for name, relations in named.items():
            found[name] += count * bool(relations.of(matrix))
    return found


def of_matrices(pairs: np.ndarray) -> dict[str, int]:
    """Pairs by relation."""
    texts, times = np.unique(pairs["matrix"], return_counts=True)
    return counts((text.decode(), int(count)) for text, count in zip(texts, times, strict=True))


def shared(pairs: np.ndarray, pairing: Pairing, folder: Path, share: int) -> np.ndarray:
    """Of a pairing with giants, the pairs that a share of them has."""
    if not pairing.giants:
        return pairs
    wkb = pq.read_table(folder / f"{pairing.source}.parquet", columns=["geometry"]).column(0)
    large = shapely.get_num_coordinates(shapely.from_wkb(wkb.to_numpy())) > LARGE
    return pairs[~large[pairs["first"]] | (pairs["second"] % STEP == share)]


def checked(letter: str, folder: Path, jar: Path, share: int = 0) -> dict[str, Any]:
    """The comparison of one pairing; where matrices differ, JTS's newer operator is asked too."""
    pairing = PAIRINGS[letter]
    with tempfile.TemporaryDirectory() as name:
        expected, asked, cost = of_jts(pairing, folder, Path(name), jar, share=share)
        every, mine = of_semcube(pairing, folder)
        found = shared(every, pairing, folder, share)
        different = compare(expected, found)
        newer = None
        if different and not pairing.giants:
            newer = len(compare(of_jts(pairing, folder, Path(name), jar, prepared=True)[0], found))
    told = {"counts": of_matrices(expected), "counts_here": of_matrices(found)}
    return told | {
        "candidates": asked[0], "candidates_here": mine, "asked": asked[1], "related": len(expected),
        "related_here": len(found), "different": of_other_relations(different), "matrices": len(different),
        "matrices_ng": newer, "first": different[:5],
        "all_here": len(every), "cpu": cost.cpu, "wall": cost.wall, "peak": cost.peak,
        "memory": [[round(at, 1), round(size)] for at, size in cost.memory] if letter == "S" else [],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("pairings", nargs="*", choices=[*PAIRINGS, []])
    parser.add_argument("--jar", type=Path, required=True)
    parser.add_argument("--share", type=int, default=0, help="which twentieth of the pairs of giants, 0 to 19")
    given = parser.parse_args()
    for letter in given.pairings or PAIRINGS:
        told = checked(letter, given.folder, given.jar, given.share)
        del told["memory"]
        print(letter, told, flush=True)


if __name__ == "__main__":
    main()
