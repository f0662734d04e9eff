# SPDX-License-Identifier: Apache-2.0
"""PostGIS by SQL: a cluster of its own in the work folder, reached by a socket there; tables by predicate, or by class.

Answers are numbers of terms, not text: PostGIS is spared the decoding that the others do. CPU time is that of the
server process of the connection (one worker); reading its answer is not counted.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from benchmarks.drivers import class_tables
from benchmarks.drivers.relational import CLASSES, build
from benchmarks.geographica import names
from semcube.bench.driver import Driver, folder_bytes, main

USER = "postgres"
CONFIGURATION = """listen_addresses = ''
max_parallel_workers_per_gather = 0
shared_buffers = '512MB'
work_mem = '256MB'
maintenance_work_mem = '512MB'
fsync = off
jit = off
"""


def _programs() -> Path:
    """The folder of the newest server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
    if not found:
        raise FileNotFoundError("no PostgreSQL server in /usr/lib/postgresql; run benchmarks/peers/postgis.sh")
    return found[-1].parent


class PostGis(Driver):
    """PostgreSQL with PostGIS."""

    dialect = "sql"
    serves = True

    def __init__(self, job: dict[str, Any]) -> None:
        super().__init__(job)
        self.programs, self.cluster, self.started = _programs(), self.folder / "cluster", False
        self.pid, self.loading = 0, False

    def _as_user(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), *arguments]
        if os.geteuid() == 0:
            command = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

    def _start(self) -> psycopg.Connection[Any]:
        if (self.cluster / "postmaster.pid").exists():  # a job was killed; of a server that is gone, the start tells
            with contextlib.suppress(subprocess.CalledProcessError):
                self._stop("immediate")
        options = f"-k {self.cluster} -c listen_addresses=''"
        self._as_user(
            "pg_ctl",
            "-D",
            str(self.cluster),
            "-w",
            "-t",
            "300",
            "-l",
            str(self.cluster / "log"),
            "-o",
            options,
            "start",
        )
        self.started = True
        connection = psycopg.connect(host=str(self.cluster), dbname="postgres", user=USER, autocommit=True)
        self.pid = connection.info.backend_pid
        return connection

    def _stop(self, mode: str) -> None:
        self._as_user("pg_ctl", "-D", str(self.cluster), "-m", mode, "-w", "-t", "300", "stop")

    def load(self, data: Path) -> None:
        self.loading = True
        tables = self.folder / "tables.duckdb"
        by_class = class_tables.holds_layers(data)
        (class_tables.build if by_class else build)(data, tables, self.threads)
        shutil.rmtree(self.cluster, ignore_errors=True)
        self.cluster.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.cluster, USER, USER)
        self._as_user("initdb", "-D", str(self.cluster), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        with (self.cluster / "postgresql.conf").open("a", encoding="utf-8") as out:
            out.write(CONFIGURATION)
        with duckdb.connect(str(tables), read_only=True) as source, self._start() as target:
            target.execute("CREATE EXTENSION postgis")
            (self._classes if by_class else self._predicates)(source, target)
            target.execute("VACUUM ANALYZE")

    def _predicates(self, source: Any, target: psycopg.Connection[Any]) -> None:
        self._copy(source, target, "terms", id="bigint", text="text")
        target.execute("CREATE INDEX ON terms USING hash (text)")
        for name in ("has_geometry", "as_wkt", *(f"{c}_{kind}" for c in CLASSES for kind in ("tag", "key", "type"))):
            self._copy(source, target, name, s="bigint", o="text" if name.endswith("_key") else "bigint")
            target.execute(f"CREATE INDEX ON {name} (s, o)")
            target.execute(f"CREATE INDEX ON {name} (o, s)")
        self._copy(source, target, "geometry_text", id="bigint", text="text")
        target.execute(
            "CREATE TABLE shapes AS SELECT id, ST_GeomFromText(split_part(text, '\"', 2)) AS geom FROM geometry_text"
        )
        target.execute("ALTER TABLE shapes ADD PRIMARY KEY (id)")
        target.execute("CREATE INDEX ON shapes USING gist (geom)")
        target.execute("DROP TABLE geometry_text")

    def _classes(self, source: Any, target: psycopg.Connection[Any]) -> None:
        for name in names.CLASSES:
            self._copy(source, target, name, id="bigint", label="text", code="text", wkt="text")
            target.execute(f"ALTER TABLE {name} ADD PRIMARY KEY (id), ADD COLUMN geom geometry")
            target.execute(f"UPDATE {name} SET geom = ST_GeomFromText(wkt)")
            target.execute(f"ALTER TABLE {name} DROP COLUMN wkt")
            target.execute(f"VACUUM FULL {name}")
            for what in ("(label)", "(code)", "USING gist (geom)", "USING gist ((geom::geography))"):
                target.execute(f"CREATE INDEX ON {name} {what}")

    @staticmethod
    def _copy(source: Any, target: psycopg.Connection[Any], name: str, **columns: str) -> None:
        target.execute(f"CREATE TABLE {name} ({', '.join(f'{c} {kind}' for c, kind in columns.items())})")
        found = source.execute(f"SELECT {', '.join(columns)} FROM {name}")
        with target.cursor().copy(f"COPY {name} FROM STDIN") as copy:
            while rows := found.fetchmany(50_000):
                copy.write("".join("\t".join(map(_escaped, row)) + "\n" for row in rows))

    def open(self) -> None:
        self.connection = self._start()

    def run(self, query: dict[str, Any]) -> int:
        with self.connection.cursor(binary=True) as cursor:
            cursor.execute(query["texts"]["sql"], prepare=False)
            assert cursor.pgresult is not None
            return cursor.pgresult.ntuples

    def rows(self, query: dict[str, Any]) -> Iterator[tuple[str | None, ...]]:
        if not hasattr(self, "terms"):
            with duckdb.connect(str(self.folder / "tables.duckdb"), read_only=True) as db:
                self.terms = [text for (text,) in db.execute("SELECT text FROM terms ORDER BY id").fetchall()]
        for row in self.connection.execute(query["texts"]["sql"]).fetchall():
            if query["kind"] == "count":
                yield tuple(str(value) for value in row)
            else:
                yield tuple(self.terms[v].strip("<>") if isinstance(v, int) else v for v in row)

    def cpu(self) -> float:
        """CPU seconds of the server process, in nanoseconds: clock ticks are too coarse."""
        schedule = Path(f"/proc/{self.pid}/schedstat")
        server = int(schedule.read_text().split()[0]) / 1e9 if self.pid and schedule.exists() else 0.0
        return server + (time.process_time() if self.loading else 0.0)

    def peak(self) -> int:
        """Greatest resident memory of the server process; shared buffers that it touched are in it."""
        status = Path(f"/proc/{self.pid}/status")
        if not self.pid or not status.exists():
            return 0
        return next((int(s.split()[1]) * 1024 for s in status.read_text().splitlines() if s.startswith("VmHWM")), 0)

    def size(self) -> int:
        return folder_bytes(self.cluster / "base")

    def close(self) -> None:
        if self.started:
            self._stop("fast" if self.loading else "immediate")


def _escaped(value: Any) -> str:
    return "\\N" if value is None else str(value).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


if __name__ == "__main__":
    main(PostGis)
