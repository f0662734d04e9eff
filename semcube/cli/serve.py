# SPDX-License-Identifier: Apache-2.0
"""``semcube serve``."""

from __future__ import annotations

import os
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import uvicorn

    from semcube.server import ServerSettings
    from semcube.sparql.context import Regime
    from semcube.store import Store

app = typer.Typer(add_completion=False)


@app.command()
def serve(  # noqa: PLR0913, PLR0917 - one argument for each option
    store: Annotated[Path, typer.Option("--store", "-s", help="Folder of the store.", show_default=False)],
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 is every one.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    token_file: Annotated[
        Path | None, typer.Option(help="File with the token that allows writing.", show_default=False)
    ] = None,
    allow_update: Annotated[bool, typer.Option("--allow-update", help="Let everyone write.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Longest run of a query in seconds; 0 is no limit.")] = 60.0,
    max_concurrent: Annotated[int, typer.Option(min=1, help="Queries that run at once.")] = 4,
    allow_service: Annotated[
        list[str] | None,
        typer.Option(help="Start of endpoint URLs that SERVICE may ask; repeat for several.", show_default=False),
    ] = None,
    rewrite: Annotated[
        bool, typer.Option("--rewrite", help="Topological properties hold where the geometries relate so.")
    ] = False,
    entailment: Annotated[
        str | None, typer.Option(help="Match entailed triples too: rdfs.", show_default=False)
    ] = None,
    title: Annotated[str, typer.Option(help="Name of the dataset, for the page.", show_default=False)] = "",
) -> None:
    """Serve a store: SPARQL endpoint, query page and map.

    Example: semcube serve --store my-store --port 8000

    Opens the store for reading only unless writing is allowed. Ctrl-C stops.
    """
    settings = _settings(token_file, allow_update, timeout, max_concurrent, allow_service, title)
    settings = replace(settings, rewrite=rewrite, entailment=_regime(entailment))
    from semcube.store import Store

    listener = _listen(host, port)
    try:
        with Store.open(store, read_only=not settings.writable, settings=settings.core) as opened:
            stuck = _run(opened, settings, listener)
    finally:
        listener.close()
    if stuck:
        # Python would wait for these threads; the store is closed, so nothing is lost by not doing so
        what = "a query" if stuck == 1 else f"{stuck} queries"
        print(f"semcube: {what} did not stop and had to be given up", file=sys.stderr, flush=True)
        os._exit(0)


def _regime(name: str | None) -> Regime | None:
    from semcube.errors import UsageError

    if name in (None, "none"):
        return None
    if name != "rdfs":
        raise UsageError(f"--entailment {name}", expected="rdfs or none")
    return "rdfs"


def _settings(
    token_file: Path | None,
    allow_update: bool,
    timeout: float,
    max_concurrent: int,
    allow_service: list[str] | None,
    title: str,
) -> ServerSettings:
    from semcube.config import Settings
    from semcube.errors import UsageError
    from semcube.server import ServerSettings
    from semcube.server.services import services

    token = None
    if token_file is not None:
        if allow_update:
            raise UsageError("--token-file and --allow-update", expected="one of them: a token, or no guard at all")
        try:
            token = token_file.read_text("utf-8").strip()
        except OSError as error:
            raise UsageError(f"the token file cannot be read: {error}", fix="name a readable file") from error
        if len(token) < 8:
            raise UsageError(f"the token in {token_file} has {len(token)} characters", expected="8 or more")
    return ServerSettings(
        core=Settings.from_environment(),
        title=title,
        timeout_s=timeout,
        max_concurrent=max_concurrent,
        token=token,
        allow_update=allow_update,
        service=services(allow_service) if allow_service else None,
    )


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens, before anything slow is done."""
    from semcube.errors import SemcubeError

    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(128)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise SemcubeError(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            fix="stop what uses the port, or take another --port",
        ) from error
    return listener


def _run(store: Store, settings: ServerSettings, listener: socket.socket) -> int:
    """Serve until a signal; returns how many queries are still running."""
    import uvicorn

    from semcube.server import app as application

    name, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "localhost", "::": "localhost"}.get(name, f"[{name}]" if ":" in name else name)
    served = application(store, settings)
    config = uvicorn.Config(
        served,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=5,
        server_header=False,
    )
    server: uvicorn.Server = uvicorn.Server(config)
    print(f"semcube: page and map  http://{shown}:{port}/", file=sys.stderr)
    print(f"semcube: SPARQL        http://{shown}:{port}/sparql", file=sys.stderr, flush=True)
    # uvicorn stops in order, then sends itself the signal again: by then it has to be harmless, or the store stays open
    before = {number: signal.signal(number, _nothing) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=[listener])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    print("semcube: stopped", file=sys.stderr)
    return int(served.state.serving.runner.stuck)


def _nothing(number: int, frame: object) -> None:
    """A signal that has been dealt with."""
