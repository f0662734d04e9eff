# SPDX-License-Identifier: Apache-2.0
"""semcube on Spark: ``python semcube_spark.py SOURCE TARGET OUTPUT``: files read, links written, twice, on two cores.

Prints the CPU seconds of the whole until the first run is done, and of a second one in the same session.
"""

from __future__ import annotations

import json
import os
import sys
import time

from benchmarks.interlinking.measure import cpu_of_tree
from semcube.engines.spark import SparkEngine
from semcube.interlink import InterlinkOptions, interlink_in_partitions

OPTIONS = InterlinkOptions(
    source_iri="http://e/s/{id}", target_iri="http://e/t/{id}", source_crs="CRS84", target_crs="CRS84",
    relations="sf,ehCovers,ehCoveredBy", invalid="keep",
)  # fmt: skip


def main() -> None:
    source, target, output = sys.argv[1:]
    side = None if target == "-" else target
    with SparkEngine.open("local[2]") as engine:
        interlink_in_partitions(source, side, output, OPTIONS, engine=engine)
        whole = cpu_of_tree(os.getpid())
        begun = time.perf_counter()
        interlink_in_partitions(source, side, output, OPTIONS, engine=engine)
        wall = time.perf_counter() - begun
        second = cpu_of_tree(os.getpid()) - whole
    print(json.dumps({"whole": round(whole, 2), "second": round(second, 2), "second_wall": round(wall, 2)}))


if __name__ == "__main__":
    main()
