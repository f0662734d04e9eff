# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.sparql.fuzz --count 2000 --seed 0 --push auto --source memory``."""

from __future__ import annotations

import argparse
import sys
import time
import traceback

from tests.sparql.fuzz.oracle import blocks, difference
from tests.sparql.fuzz.sources import SOURCES


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--push", choices=["off", "auto", "forced"], default="auto")
    parser.add_argument("--source", choices=sorted(SOURCES), default="memory")
    parser.add_argument("--stop", type=int, default=10, help="stop after so many differences")
    options = parser.parse_args()
    failures, asked, start = 0, 0, time.perf_counter()
    for data, queries in blocks(range(options.seed, options.seed + options.count)):
        with SOURCES[options.source](data) as dataset:
            for seed, query in queries:
                asked += 1
                try:
                    found = difference(data, query, dataset, options.push)
                except Exception:
                    found = traceback.format_exc()
                if found is not None:
                    failures += 1
                    print(f"--- seed {seed}\n{query}\n{found}\n")
        if failures >= options.stop:
            break
    print(f"{asked} queries, {failures} different, {time.perf_counter() - start:.1f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
