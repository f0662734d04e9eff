# SPDX-License-Identifier: Apache-2.0
"""``semcube serve``, as a process."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from semcube.store import Store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "store"
    with Store.open(path, create=True) as opened:
        opened.load(b"<http://e/s> <http://e/p> 1 .", format="ttl")
    return path


@contextmanager
def process(*arguments: str, stop: signal.Signals = signal.SIGINT) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A serving process and its address; stopped by Ctrl-C, and has to end well."""
    command = [sys.executable, "-m", "semcube", "serve", "--port", "0", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stderr is not None
            address = re.search(r"http://\S+?:\d+", running.stderr.readline())
            assert address is not None
            base = address[0]
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                try:
                    if httpx.get(f"{base}/health", trust_env=False).status_code == 200:
                        break
                except httpx.TransportError:
                    time.sleep(0.05)
            yield running, base
            running.send_signal(stop)
            assert running.wait(20) == 0
            assert "Traceback" not in running.stderr.read()
        finally:
            running.kill()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "semcube", "serve", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_it_serves_read_only_and_stops_on_sigint(store: Path) -> None:
    with process("--store", str(store)) as (_, base):
        body = httpx.get(f"{base}/sparql", params={"query": "ASK { ?s ?p 1 }"}, trust_env=False).json()
        assert body["boolean"] is True
        assert httpx.post(f"{base}/update", data={"update": "CLEAR ALL"}, trust_env=False).status_code == 403
        with process("--store", str(store)) as (_, other):  # several processes may read
            assert httpx.get(f"{other}/health", trust_env=False).json()["writable"] is False


def test_a_token_file_allows_writing(store: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-long-token\n")
    arguments = ("--store", str(store), "--token-file", str(tmp_path / "token"))
    with process(*arguments, stop=signal.SIGTERM) as (_, base):
        update = {"update": "INSERT DATA { <http://e/s> <http://e/p> 2 }"}
        assert httpx.post(f"{base}/update", data=update, trust_env=False).status_code == 401
        headers = {"Authorization": "Bearer a-long-token"}
        assert httpx.post(f"{base}/update", data=update, headers=headers, trust_env=False).json()["inserted"] == 1
        second = run("--store", str(store), "--port", "0", "--allow-update")
        assert second.returncode == 1
        assert "semcube: " in second.stderr
    with Store.open(store, read_only=True) as opened:
        assert len(opened) == 2


def test_a_port_in_use(store: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("--store", str(store), "--port", str(port))
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_store(tmp_path: Path) -> None:
    done = run("--store", str(tmp_path / "none"), "--port", "0")
    assert done.returncode == 1
    assert "none" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("token", [None, "short", ""])
def test_a_useless_token_file(store: Path, tmp_path: Path, token: str | None) -> None:
    if token is not None:
        (tmp_path / "token").write_text(token)
    done = run("--store", str(store), "--port", "0", "--token-file", str(tmp_path / "token"))
    assert done.returncode == 2
    assert "token" in done.stderr


def test_both_ways_to_write_at_once(store: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-long-token")
    done = run("--store", str(store), "--allow-update", "--token-file", str(tmp_path / "token"))
    assert done.returncode == 2
