# SPDX-License-Identifier: Apache-2.0
"""Pair by pair against JTS: ``python -m benchmarks.interlinking.oracle SOURCE TARGET --jar jts-core.jar``.

Compiles the small Java main beside this file, relates every candidate pair unprepared in JTS, and compares the matrices
with those of a linking. Prints the number of pairs, of differences, and the first of them.
"""

from __future__ import annotations

import argparse
import os
import struct
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import shapely

from semcube.interlink import interlink


def packed(path: Path, file: Path) -> np.ndarray:
    wkb = pq.read_table(path, columns=["geometry"]).column(0).to_pylist()
    with file.open("wb") as out:
        out.write(struct.pack(">i", len(wkb)))
        for value in wkb:
            out.write(struct.pack(">i", len(value)))
            out.write(value)
    return np.asarray(shapely.from_wkb(wkb), dtype=object)


def matrices_of_jts(folder: Path, pairs: np.ndarray, jar: Path) -> list[str]:
    (folder / "pairs").write_bytes(struct.pack(">i", len(pairs)) + pairs.astype(">i4").tobytes())
    subprocess.run(["javac", "-cp", jar, "-d", folder, Path(__file__).parent / "jts" / "Relate.java"], check=True)
    files = [folder / name for name in ("source", "target", "pairs", "out")]
    subprocess.run(["java", "-cp", os.pathsep.join([str(jar), str(folder)]), "Relate", *files], check=True)
    return (folder / "out").read_text().split()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--jar", type=Path, required=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, target = packed(given.source, folder / "source"), packed(given.target, folder / "target")
        second, first = shapely.STRtree(source).query(target)
        pairs = np.column_stack([first, second])
        texts = matrices_of_jts(folder, pairs, given.jar)
    expected = {
        (int(s), int(t)): text
        for (s, t), text in zip(pairs.tolist(), texts, strict=True)
        if set(text[:2] + text[3:5]) != {"F"}
    }
    names = {"source_iri": "http://e/{id}", "target_iri": "http://e/{id}", "source_crs": "CRS84", "target_crs": "CRS84"}
    links = interlink(given.source, given.target, relations="sfIntersects", invalid="keep", **names)
    assert links.table is not None
    ids = [
        np.char.rpartition(np.asarray(links.table.column(c).to_pylist(), "U"), "/")[:, 2] for c in ("source", "target")
    ]
    keys = zip(ids[0].astype(int).tolist(), ids[1].astype(int).tolist(), strict=True)
    found = dict(zip(keys, links.table.column("matrix").to_pylist(), strict=True))
    different = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
    print(
        f"{len(pairs):,} candidates, {len(expected):,} related in JTS, {len(found):,} here, {len(different)} different"
    )
    for key in different[:10]:
        print(key, expected.get(key), found.get(key))


if __name__ == "__main__":
    main()
