# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL server of the tests' own, on a socket in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import skip_or_fail


def _program(name: str) -> str | None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name) or next((str(each / name) for each in folders if (each / name).is_file()), None)


def execute(url: str, script: str) -> None:
    """Run statements."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(url, autocommit=True) as connection:
        for statement in filter(str.strip, script.split(";\n")):
            with connection.cursor() as cursor:
                cursor.execute(statement)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of an empty database with PostGIS."""
    server, make = _program("postgres"), _program("initdb")
    has_postgis = any(Path("/usr/share/postgresql").glob("*/extension/postgis.control"))
    if server is None or make is None or not has_postgis:
        skip_or_fail("there is no PostgreSQL with PostGIS: apt-get install postgresql postgresql-postgis")
    assert server is not None
    assert make is not None
    folder = Path(tempfile.mkdtemp(prefix="semcube-pg-"))
    other: dict[str, Any] = {}
    if os.geteuid() == 0:  # the server refuses to be root
        name = next(each.pw_name for each in pwd.getpwall() if each.pw_name in ("postgres", "nobody"))
        other = {"user": name, "cwd": "/"}
        shutil.chown(folder, name)
    try:
        data = folder / "data"
        subprocess.run(
            [make, "-D", data, "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True,
            capture_output=True,
            **other,
        )
        settings = ("listen_addresses=", f"unix_socket_directories={folder}", "fsync=off", "max_connections=20")
        log = (folder / "log").open("wb")
        running = subprocess.Popen(
            [server, "-D", data, *(part for each in settings for part in ("-c", each))], stdout=log, stderr=log, **other
        )
        try:
            url = f"postgresql:///postgres?host={folder}&user=test"
            _await(url, running, folder / "log")
            execute(url, "CREATE EXTENSION postgis")
            yield url
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _await(url: str, running: subprocess.Popen[bytes], log: Path) -> None:
    from adbc_driver_postgresql import dbapi

    for _ in range(300):
        try:
            dbapi.connect(url).close()
        except dbapi.Error:
            assert running.poll() is None, log.read_text(encoding="utf-8", errors="replace")
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"the server does not answer: {log.read_text(encoding='utf-8', errors='replace')}")
