# SPDX-License-Identifier: Apache-2.0
"""``semcube update``: change a store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog="Example: semcube update --store cities.store 'DELETE WHERE { ?s a <http://example.org/Draft> }'")
def update(
    store: Annotated[Path, typer.Option("--store", help="Folder of the store.")],
    text: Annotated[str | None, typer.Argument(help="The update request.")] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="File with the request; '-' is standard input.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Report nothing.")] = False,
) -> None:
    """Run a SPARQL Update request: all of it or, if anything fails, nothing."""
    from dataclasses import asdict

    from semcube.cli.text import given_text
    from semcube.io.start import leave_pandas_out

    leave_pandas_out()
    from semcube.store import Store

    asked = given_text(text, file, "update")
    with Store.open(store) as opened:
        report = opened.update(asked, allow_load=True)
    if as_json:
        typer.echo(json.dumps(asdict(report)))
    elif not quiet:
        typer.echo(f"{report.inserted:,} quads inserted, {report.deleted:,} deleted", err=True)
