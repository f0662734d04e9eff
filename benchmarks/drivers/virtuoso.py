# SPDX-License-Identifier: Apache-2.0
"""Virtuoso open source: a server of its own on loopback, SPARQL over HTTP, answers as tab-separated text.

This version has no ``geof:`` functions; selections and joins use its own ``bif:st_intersects``, also for points within
polygons; it has no touches. Its joins are not exact. CPU time is that of the threads of the server.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.engines import CACHE
from semcube.bench.driver import Driver, main

ROOT = CACHE / "virtuoso" / "root"
WKT, GEOMETRY = "http://www.opengis.net/ont/geosparql#wktLiteral", "http://www.openlinksw.com/schemas/virtrdf#Geometry"
"""This version indexes only literals of its own datatype: the data is rewritten for it."""
GRAPH = "http://example.org/benchmark"
LIBRARIES = ":".join(str(ROOT / p / "x86_64-linux-gnu") for p in ("usr/lib", "lib"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Virtuoso(Driver):
    """A Virtuoso server started for the job."""

    dialect = "bif"
    serves = True

    def _configuration(self, folder: Path, data: Path | None) -> str:
        allowed = f"{folder}, {data.parent}" if data else str(folder)
        return f"""[Database]
DatabaseFile = {folder}/virtuoso.db
ErrorLogFile = {folder}/virtuoso.log
LockFile = {folder}/virtuoso.lck
TransactionFile = {folder}/virtuoso.trx
xa_persistent_file = {folder}/virtuoso.pxa
MaxCheckpointRemap = 2000
[TempDatabase]
DatabaseFile = {folder}/temp.db
TransactionFile = {folder}/temp.trx
[Parameters]
ServerPort = 127.0.0.1:{self.sql_port}
LiteMode = 0
NumberOfBuffers = 170000
MaxDirtyBuffers = 130000
ThreadsPerQuery = {self.threads}
AsyncQueueMaxThreads = {self.threads}
DirsAllowed = {allowed}
[HTTPServer]
ServerPort = 127.0.0.1:{self.http_port}
ServerThreads = 4
[SPARQL]
ResultSetMaxRows = 10000000
DefaultGraph = {GRAPH}
"""

    def _start(self, data: Path | None = None) -> None:
        folder = self.folder / "database"
        folder.mkdir(exist_ok=True)
        (folder / "virtuoso.lck").unlink(missing_ok=True)
        self.sql_port, self.http_port = _free_port(), _free_port()
        configuration = folder / "virtuoso.ini"
        configuration.write_text(self._configuration(folder, data), encoding="utf-8")
        command = [str(ROOT / "usr/bin/virtuoso-t"), "+foreground", "+configfile", str(configuration)]
        self.environment = {**os.environ, "LD_LIBRARY_PATH": LIBRARIES}
        with (folder / "output.txt").open("w") as out:
            self.server = subprocess.Popen(command, cwd=folder, env=self.environment, stdout=out, stderr=out)
        for _ in range(600):
            if self.server.poll() is not None:
                raise RuntimeError(f"Virtuoso ended: {(folder / 'output.txt').read_text()[-300:]}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.http_port)) == 0:
                    return
            time.sleep(0.1)
        raise TimeoutError("Virtuoso did not start in a minute")

    def _sql(self, *statements: str) -> None:
        command = [str(ROOT / "usr/bin/isql-vt"), f"127.0.0.1:{self.sql_port}", "dba", "dba", "ERRORS=STDOUT"]
        text = "".join(f"{statement};\n" for statement in statements)
        done = subprocess.run(command, input=text, env=self.environment, capture_output=True, text=True, check=True)
        if "*** Error" in done.stdout:
            raise RuntimeError(done.stdout[-400:])

    def load(self, data: Path) -> None:
        typed = self.folder / "typed.nt"
        with data.open(encoding="utf-8") as lines, typed.open("w", encoding="utf-8") as out:
            out.writelines(line.replace(WKT, GEOMETRY) for line in lines)
        self._start(typed)
        self._sql(f"ld_dir('{self.folder}', 'typed.nt', '{GRAPH}')", "rdf_loader_run()", "checkpoint")
        typed.unlink()

    def open(self) -> None:
        self._start()

    def _text(self, query: dict[str, Any]) -> bytes:
        form = urllib.parse.urlencode({"query": query["texts"]["bif"], "default-graph-uri": GRAPH})
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http_port}/sparql",
            data=form.encode(),
            headers={"Accept": "text/tab-separated-values"},
        )
        with urllib.request.urlopen(request) as response:
            return bytes(response.read())

    def run(self, query: dict[str, Any]) -> int:
        return self._text(query).count(b"\n") - 1

    def rows(self, query: dict[str, Any]) -> Iterator[tuple[str | None, ...]]:
        for line in self._text(query).decode().splitlines()[1:]:
            yield tuple(value.strip('"<>') for value in line.split("\t"))

    def cpu(self) -> float:
        if not hasattr(self, "server"):
            return 0.0
        threads = Path(f"/proc/{self.server.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def peak(self) -> int:
        status = Path(f"/proc/{self.server.pid}/status").read_text().splitlines()
        return next((int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM")), 0)

    def close(self) -> None:
        if hasattr(self, "server") and self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
            try:
                self.server.wait(60)
            except subprocess.TimeoutExpired:
                self.server.kill()


if __name__ == "__main__":
    main(Virtuoso)
