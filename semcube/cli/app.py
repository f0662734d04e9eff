# SPDX-License-Identifier: Apache-2.0
"""The ``semcube`` command: finds the command's module, reports errors, sets the exit code.

Exit codes: 0 done, 1 the data or the work failed, 2 the command line is wrong, 130 interrupted.
"""

from __future__ import annotations

import sys
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
    "dump": "Write a store as RDF.",
    "info": "Say what a store holds.",
    "serve": "Serve a store: SPARQL endpoint, page and map.",
}
"""Command -> line of help; module ``semcube.cli.<command>`` holds ``app``, a ``typer.Typer``."""


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


def main() -> None:
    """Run the command line."""
    from semcube.errors import SemcubeError

    try:
        app()
    except SemcubeError as error:
        print(f"semcube: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("semcube: interrupted; nothing half-written was left behind", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
