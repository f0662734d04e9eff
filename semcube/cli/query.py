# SPDX-License-Identifier: Apache-2.0
"""``semcube query``: ask a store."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog="Example: semcube query --store cities.store 'SELECT * { ?s a ?class } LIMIT 5'")
def query(
    store: Annotated[Path, typer.Option("--store", help="Folder of the store.")],
    text: Annotated[str | None, typer.Argument(help="The query.")] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="File with the query; '-' is standard input.")
    ] = None,
    format: Annotated[  # noqa: A002
        str | None,
        typer.Option("--format", help="table json csv tsv xml geojson arrow; nt ttl jsonld rdf for CONSTRUCT."),
    ] = None,
    timeout: Annotated[float | None, typer.Option("--timeout", help="Stop after so many seconds.")] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print how the query was answered to standard error.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write; its suffix says the format.")
    ] = None,
) -> None:
    """Ask a store a SPARQL query with GeoSPARQL functions."""
    from semcube.cli.text import given_text
    from semcube.io.start import leave_pandas_out

    leave_pandas_out()
    from semcube.sparql.explain import Trace
    from semcube.store import Store

    asked = given_text(text, file, "query")
    trace = Trace() if explain else None
    with Store.open(store, read_only=True) as opened:
        result = opened.query(asked, timeout=timeout, trace=trace)
        if output is not None and str(output) != "-":
            result.write(output, format)
        else:
            default = (
                "ttl" if result.kind == "graph" else "table" if sys.stdout.isatty() or format == "table" else "tsv"
            )
            _print(result.stream(format or default))
    if trace is not None:
        typer.echo(trace.report().to_text(), err=True)


def _print(pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
