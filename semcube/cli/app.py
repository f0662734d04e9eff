# SPDX-License-Identifier: Apache-2.0
"""The ``semcube`` command: finds the command's module, reports errors, sets the exit code.

Exit codes: 0 done, 1 the data or the work failed, 2 the command line is wrong, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import time
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

COMMANDS = {
    "transform": "Turn files into RDF.",
    "mapping": "Write a mapping and an ontology for files.",
    "load": "Load RDF or mapped files into a store.",
    "query": "Ask a store.",
    "update": "Change a store by SPARQL Update.",
    "interlink": "Link the features of two sources by their relations.",
    "dump": "Write a store as RDF.",
    "info": "Say what a store holds.",
    "serve": "Serve a store: SPARQL endpoint, page and map.",
    "bench": "Measure this machine with a published benchmark.",
}
"""Command -> line of help; module ``semcube.cli.<command>`` holds ``app``, a ``typer.Typer``."""


INTERRUPTED = "semcube: interrupted; nothing half-written was left behind"


class LazyGroup(TyperGroup):
    """Lists all commands, imports the one that is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Every command, in the order users meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command's module is imported here and not before."""
        if cmd_name not in COMMANDS:
            return None
        command = typer.main.get_command(import_module(f"semcube.cli.{cmd_name}").app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The overview needs no module."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(cls=LazyGroup, rich_markup_mode=None, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def root(version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
    """Earth-observation data as linked data, answered with GeoSPARQL."""
    if version:
        from semcube import __version__

        typer.echo(f"semcube {__version__}")
        raise typer.Exit


def insist_on_interrupt(every_s: float = 3.0) -> None:
    """Raise KeyboardInterrupt on SIGINT, and again until the process ends.

    A library that calls back into Python from native code can lose the exception; the user should not have to press
    Ctrl-C twice.
    """
    import _thread
    import signal
    import threading

    def again() -> None:
        while True:
            time.sleep(every_s)
            _thread.interrupt_main(signal.SIGINT)

    def interrupt(_signal: int, _frame: object) -> None:
        if not any(thread.name == "interrupt" for thread in threading.enumerate()):
            threading.Thread(target=again, name="interrupt", daemon=True).start()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)


def main() -> None:
    """Run the command line."""
    from semcube.errors import SemcubeError

    try:
        insist_on_interrupt()
        app()
    except SemcubeError as error:
        print(f"semcube: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print(INTERRUPTED, file=sys.stderr)
        sys.exit(130)
    except SystemExit as stop:
        if stop.code == 130:
            print(INTERRUPTED, file=sys.stderr)
        raise
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


def run() -> None:
    """A process that is the command: it starts without what it does not need, and ends as soon as all is written."""
    import gc

    # threads of linear algebra, of which there is next to none here, wait busily for work
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(50_000, 20, 20)
    try:
        main()
    except SystemExit as stop:
        if stop.code is not None and not isinstance(stop.code, int):
            raise
        _end(stop.code or 0)
    _end(0)


def _end(code: int) -> None:
    """End the process; to take all its objects apart first takes 0.1 s, more after a load."""
    import atexit
    import threading

    if all(thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        atexit._run_exitfuncs()
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            sys.exit(code)
        os._exit(code)
    sys.exit(code)
