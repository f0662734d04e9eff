# SPDX-License-Identifier: Apache-2.0
"""``semcube dump``: a store as RDF."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog="Example: semcube dump --store cities.store -o cities.nq.gz")
def dump(
    store: Annotated[Path, typer.Option("--store", help="Folder of the store.")],
    output: Annotated[
        str, typer.Option("-o", "--output", help="File to write, by its suffix; '-' is standard output.")
    ] = "-",
    graph: Annotated[str | None, typer.Option("--graph", help="Only the graph with this IRI.")] = None,
    format: Annotated[str | None, typer.Option("--format", help="Syntax; N-Quads on standard output.")] = None,  # noqa: A002
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Report nothing.")] = False,
) -> None:
    """Write the quads of a store as RDF."""
    from semcube.io.start import leave_pandas_out

    leave_pandas_out()
    from semcube.store import Store

    with Store.open(store, read_only=True) as opened:
        if output == "-":
            count = opened.dump(sys.stdout.buffer, graph=graph, format=format or "nq")
            sys.stdout.buffer.flush()
        else:
            count = opened.dump(output, graph=graph, format=format)
    if not quiet:
        typer.echo(f"{count:,} quads", err=True)
