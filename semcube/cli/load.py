# SPDX-License-Identifier: Apache-2.0
"""``semcube load``: RDF or mapped files into a store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog="Example: semcube load --store cities.store cities.nt.gz roads.ttl")
def load(
    files: Annotated[
        list[str], typer.Argument(help="RDF files (.gz, .zst too), '-' for standard input, or files to map.")
    ],
    store: Annotated[Path, typer.Option("--store", help="Folder of the store; made if it does not exist.")],
    graph: Annotated[str | None, typer.Option("--graph", help="IRI of the graph for triples without one.")] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="R2RML or RML document for files that are no RDF.")
    ] = None,
    format: Annotated[  # noqa: A002
        str | None, typer.Option("--format", help="Syntax of the RDF, where the names do not say it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Report nothing.")] = False,
) -> None:
    """Load RDF or mapped files into a store: all of them or, if anything fails, nothing."""
    from dataclasses import asdict

    from semcube.io.progress import Progress
    from semcube.io.start import leave_pandas_out

    # the modules of the store make arrays when they are imported
    leave_pandas_out()
    from semcube.store import Store

    with (
        Store.open(store, create=True) as opened,
        Progress("loading", unit="quads", quiet=quiet or as_json) as progress,
    ):
        report = opened.load(files, graph=graph, format=format, mapping=mapping, progress=progress.advance)
    if as_json:
        typer.echo(json.dumps(asdict(report)))
    elif not quiet:
        rate = report.read / report.seconds if report.seconds else 0
        typer.echo(
            f"{report.read:,} quads read, {report.added:,} added, {report.terms:,} new terms, {report.geometries:,} new"
            f" geometries ({report.malformed:,} malformed) in {report.seconds:.1f} s ({rate:,.0f} quads/s)",
            err=True,
        )
        for reason in report.reasons[:5]:
            typer.echo(f"  malformed geometry: {reason}", err=True)
