# SPDX-License-Identifier: Apache-2.0
"""The one place where a Spark session is made."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from semcube.engines.spark.jars import sedona_jars
from semcube.engines.spark.java import java_home
from semcube.errors import SemcubeError, UnsupportedError, UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["MASTERS", "open_session", "running_session"]

MASTERS = r"local(\[.+\])?|local-cluster\[.+\]|(spark|k8s)://.+|yarn"
"""What a master URL looks like."""

_SEDONA = {
    "spark.sql.extensions": "org.apache.sedona.sql.SedonaSqlExtensions",
    "spark.serializer": "org.apache.spark.serializer.KryoSerializer",
    "spark.kryo.registrator": "org.apache.sedona.core.serde.SedonaKryoRegistrator",
}


def open_session(
    master: str | None = None, *, sedona: bool = False, settings: Mapping[str, str] | None = None
) -> SparkSession:
    """The Spark session of this process, made if there is none.

    Args:
        master: ``local[2]``, ``local[*]`` (the default), ``spark://host:7077``, ``yarn``, ``k8s://...``.
        sedona: With Sedona's functions, which needs its jars (:func:`~semcube.engines.spark.sedona_jars`).
        settings: More of Spark's own settings by name.

    Raises:
        UsageError: The master URL is none.
        UnsupportedError: pyspark, Java or a jar is missing, or there is a session that does not fit.
    """
    if master is not None and re.fullmatch(MASTERS, master) is None:
        raise UsageError(f"the Spark master {master!r}", expected="local[2], spark://host:7077, yarn or k8s://host:443")
    running = running_session()
    if running is not None:
        return _fitting(running, master, sedona)
    from pyspark.sql import SparkSession

    os.environ["JAVA_HOME"] = str(java_home())
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("semcube").master(master or "local[*]")
    for name, value in (_settings(master or "local[*]", sedona) | dict(settings or {})).items():
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except Exception as error:
        if isinstance(error, SemcubeError):
            raise
        raise UnsupportedError(
            f"Spark does not start on {master or 'local[*]'}: {str(error).splitlines()[0]}",
            expected="a master that can be reached, of version 3.5",
        ) from error


def running_session() -> SparkSession | None:
    """The Spark session of this process, if there is one.

    Raises:
        UnsupportedError: pyspark is missing.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise UnsupportedError(f"pyspark is missing ({error})", fix="pip install 'semcube[spark]'") from error
    return SparkSession.getActiveSession()


def _settings(master: str, sedona: bool) -> dict[str, str]:
    chosen = {
        "spark.log.level": "ERROR",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
    }
    if master.startswith("local"):
        # All is on this machine, whatever name it has; Spark's 200 partitions are meant for a cluster.
        chosen |= {
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.ui.enabled": "false",
        }
    if sedona:
        jars = [str(each) for each in sedona_jars()]
        # The registrator is looked up before the jars of spark.jars are on the class path.
        chosen |= _SEDONA | {"spark.driver.extraClassPath": os.pathsep.join(jars)}
        if not master.startswith("local"):
            chosen["spark.jars"] = ",".join(jars)
    return chosen


def _fitting(running: SparkSession, master: str | None, sedona: bool) -> SparkSession:
    """The session there is, if it can do what is asked for."""
    on = running.sparkContext.master
    if master is not None and on != master:
        raise UnsupportedError(
            f"a Spark session on {on} is running", expected=f"none, or one on {master}", fix="stop it"
        )
    if sedona and _SEDONA["spark.sql.extensions"] not in (running.conf.get("spark.sql.extensions", "") or ""):
        raise UnsupportedError("a Spark session without Sedona is running", expected="one with Sedona", fix="stop it")
    return running
