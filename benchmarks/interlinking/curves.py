# SPDX-License-Identifier: Apache-2.0
"""Progressive curves: recall over the share of pairs verified, for each score and for the best order there is."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.interlinking.sets import PAIRINGS
from semcube.interlink import InterlinkOptions
from semcube.interlink.batch import Linking
from semcube.interlink.progressive import candidates_of, sides_of
from semcube.interlink.schedule import Schedule, step_of
from semcube.interlink.scores import SCORES, score

POINTS = 100
NAMES = {"source_iri": "http://e/{id}", "target_iri": "http://e/{id}", "source_crs": "CRS84", "target_crs": "CRS84"}


def curves(letter: str, folder: Path) -> dict[str, Any] | None:
    """By score the curve, its mean (progressive geometry recall) and the CPU seconds of scoring; None without links."""
    pairing = PAIRINGS[letter]
    target = None if pairing.target is None else folder / f"{pairing.target}.parquet"
    options = InterlinkOptions(invalid="keep", budget=1, **NAMES)
    linking = Linking.open(folder / f"{pairing.source}.parquet", target, options)
    matcher, other = sides_of(linking)
    pairs = candidates_of(linking, matcher, other)
    linked = matcher.meets(matcher.verifier.relate(other, pairs.first, pairs.second))
    if not linked.any() or linked.all():
        return None
    found = {"optimum": _curve(~linked, linked, 0.0)}
    for name in SCORES:
        begun = time.process_time()
        values = score(name, pairs)
        found[name] = _curve(-values, linked, time.process_time() - begun)
        if name == options.score:
            begun = time.process_time()
            ranks = _learned(Schedule(pairs, values, boost=True), linked)
            cpu = found[name]["cpu"] + time.process_time() - begun
            found[f"{name}, learning"] = _curve(ranks, linked, cpu)
    return {"candidates": len(linked), "related": int(linked.sum()), "scores": found}


def _learned(schedule: Schedule, linked: np.ndarray) -> np.ndarray:
    """The ranks of pairs in an order that follows what is found, as a run with a budget has it."""
    ranks, done = np.empty(len(linked), np.int64), 0
    while schedule.open.any():
        rows = schedule.best(step_of(len(linked)))
        schedule.learn(rows, linked[rows])
        ranks[rows] = np.arange(done, done + len(rows))
        done += len(rows)
    return ranks


def _curve(ranks: np.ndarray, linked: np.ndarray, cpu: float) -> dict[str, Any]:
    recall = np.cumsum(linked[np.argsort(ranks, kind="stable")]) / linked.sum()
    places = np.linspace(0, len(recall) - 1, POINTS + 1).astype(np.int64)
    return {
        "pgr": round(float(recall.mean()), 4),
        "cpu": round(cpu, 3),
        "recall": [round(float(each), 4) for each in recall[places]],
    }
