# SPDX-License-Identifier: Apache-2.0
"""``semcube bench``: a published benchmark on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure this machine with a published benchmark."""


@app.command(epilog="Example: semcube bench geographica --scale 256 --runs 5")
def geographica(  # noqa: PLR0913, PLR0917 - one parameter for each option
    scale: Annotated[int, typer.Option(help="Hexagons on an axis; 256 gives about a million triples.")] = 256,
    divide: Annotated[float, typer.Option(help="Divide all coordinates by this.")] = 1.0,
    runs: Annotated[int, typer.Option(min=1, help="Warm runs of each query.")] = 3,
    store: Annotated[
        Path | None,
        typer.Option(
            "--store", help="Folder of the store, kept, used again with the same scale; else a temporary one."
        ),
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="A query, T1 to J12; may be repeated; else all.")] = None,
    timeout: Annotated[float, typer.Option(min=0.001, help="Seconds for one run of a query.")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Do not say what is being done.")] = False,
) -> None:
    """The 36 synthetic queries of Geographica 2, two stars, a count and a look-up, on data made here."""
    from semcube.bench.geographica import geographica_table, run_geographica
    from semcube.bench.runner import Limits
    from semcube.config import Settings

    limits = Limits(runs=runs, seconds=timeout, threads=Settings.from_environment().threads)

    def say(text: str) -> None:
        if not quiet:
            typer.echo(text, err=True)

    found = run_geographica(scale, divide=divide, store=store, only=only or (), limits=limits, say=say)
    typer.echo(json.dumps(found) if as_json else geographica_table(found))
