# SPDX-License-Identifier: Apache-2.0
"""Sedona on Spark: ``python sedona_spark.py SOURCE TARGET OUTPUT``: its join, then ST_Relate, on two cores.

Prints the CPU seconds of a second run over cached inputs that only counts matrices, and of the whole until then.
"""

from __future__ import annotations

import json
import os
import sys
import time

from benchmarks.interlinking.measure import cpu_of_tree
from semcube.engines.spark import open_session

JOIN = "SELECT a.id AS first, b.id AS second, ST_Relate(a.g, b.g) AS matrix FROM a JOIN b ON ST_Intersects(a.g, b.g)"


def main() -> None:
    source, target, output = sys.argv[1:]
    spark = open_session("local[2]", sedona=True)
    for name, file in (("a", source), ("b", target)):
        frame = spark.read.parquet(file).selectExpr("id", "ST_GeomFromWKB(geometry) AS g").repartition(8).cache()
        frame.createOrReplaceTempView(name)
    spark.sql(JOIN).write.parquet(output)
    whole = cpu_of_tree(os.getpid())
    begun = time.perf_counter()
    spark.sql(f"SELECT matrix, count(*) FROM ({JOIN}) GROUP BY matrix").collect()
    wall = time.perf_counter() - begun
    second = cpu_of_tree(os.getpid()) - whole
    print(json.dumps({"whole": round(whole, 2), "second": round(second, 2), "second_wall": round(wall, 2)}))


if __name__ == "__main__":
    main()
