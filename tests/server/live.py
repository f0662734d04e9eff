# SPDX-License-Identifier: Apache-2.0
"""A server in a thread, on a port of its own, asked over real HTTP."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import uvicorn

from semcube.server import ServerSettings, app

if TYPE_CHECKING:
    from semcube.sparql.dataset import Dataset


@contextmanager
def live(dataset: Dataset, settings: ServerSettings | None = None, **client: object) -> Iterator[httpx.Client]:
    """Serve a dataset; gives a client whose base URL is the server."""
    # with the protocol named, asyncio sends small answers at once (TCP_NODELAY)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    config = uvicorn.Config(app(dataset, settings), log_level="critical", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.started
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        with httpx.Client(base_url=base, timeout=30, trust_env=False, **client) as opened:  # type: ignore[arg-type]
            yield opened
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
        assert not thread.is_alive()
