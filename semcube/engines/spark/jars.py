# SPDX-License-Identifier: Apache-2.0
"""Sedona's jars: resolved once by Maven or Ivy as they are set up on the machine, then kept."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from semcube.errors import UnsupportedError

__all__ = ["SEDONA", "Artifact", "cache_folder", "sedona_jars"]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A jar by its Maven coordinates.

    Example:
        >>> SEDONA[0].file_name, str(SEDONA[1])
        ('sedona-spark-shaded-3.5_2.12-1.8.1.jar', 'org.datasyslab:geotools-wrapper:1.8.1-33.1')
    """

    group: str
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.group}:{self.name}:{self.version}"

    @property
    def file_name(self) -> str:
        """As it is called in every repository and cache."""
        return f"{self.name}-{self.version}.jar"


SEDONA = (
    Artifact("org.apache.sedona", "sedona-spark-shaded-3.5_2.12", "1.8.1"),
    Artifact("org.datasyslab", "geotools-wrapper", "1.8.1-33.1"),
)
"""Sedona for Spark 3.5 and what it reads coordinate systems with."""


def cache_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Where jars are kept: ``$XDG_CACHE_HOME/semcube/jars``, ``~/.cache/semcube/jars`` by default.

    Example:
        >>> cache_folder({"XDG_CACHE_HOME": "/var/cache"}).as_posix()
        '/var/cache/semcube/jars'
    """
    values = os.environ if environment is None else environment
    base = values.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "semcube" / "jars"


def sedona_jars(environment: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """Sedona's jars as files of this machine.

    A jar that is not in :func:`cache_folder` yet is put there: by ``mvn`` where it is installed, else by the Ivy that
    comes with Spark. Both use the repositories they are set up for, Maven Central by default.

    Raises:
        UnsupportedError: A jar cannot be had; says how to put it there by hand.
    """
    folder = cache_folder(environment)
    return tuple(_kept(artifact, folder) for artifact in SEDONA)


def _kept(artifact: Artifact, folder: Path) -> Path:
    """A jar in the cache; a half-written one is never seen under its name."""
    kept = folder / artifact.file_name
    if kept.is_file():
        return kept
    from semcube.io.output import replacing

    folder.mkdir(parents=True, exist_ok=True)
    with replacing(kept) as temporary:
        _fetch(artifact, temporary)
    return kept


def _fetch(artifact: Artifact, target: Path) -> None:
    """Put a jar where ``target`` says."""
    folder = target.parent / f"{target.name}.d"
    folder.mkdir()
    try:
        command = _maven(artifact, folder) if shutil.which("mvn") else _ivy(artifact, folder)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        made = folder / artifact.file_name
        if done.returncode or not made.is_file():
            last = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-3:]
            raise UnsupportedError(
                f"{artifact} cannot be had by {Path(command[0]).name}: {' '.join(last)[:400]}",
                expected=f"a repository that has it, or the jar as {target.with_name(artifact.file_name)}",
                fix=f"put {artifact.file_name} into that folder, or set up Maven's or Ivy's repositories",
            )
        made.replace(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _maven(artifact: Artifact, folder: Path) -> list[str]:
    return [
        "mvn", "--batch-mode", "--quiet", "dependency:copy",
        f"-Dartifact={artifact}", f"-DoutputDirectory={folder}", "-Dmdep.useBaseVersion=true",
    ]  # fmt: skip


def _ivy(artifact: Artifact, folder: Path) -> list[str]:
    """The Ivy among Spark's jars, run as a program."""
    import pyspark

    from semcube.engines.spark.java import java_home

    home = Path(os.environ.get("SPARK_HOME") or Path(pyspark.__file__).parent)
    ivy = sorted((home / "jars").glob("ivy-*.jar"))
    if not ivy:
        raise UnsupportedError(f"{home} has neither Ivy nor is there 'mvn'", fix="install Maven")
    return [
        str(java_home() / "bin" / "java"), "-jar", str(ivy[-1]),
        "-dependency", artifact.group, artifact.name, artifact.version, "-confs", "master",
        "-retrieve", f"{folder}/[artifact]-[revision].[ext]", "-types", "jar",
    ]  # fmt: skip
