# SPDX-License-Identifier: Apache-2.0
"""``semcube info``: what a store holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from semcube.store import StoreInfo

app = typer.Typer(add_completion=False, rich_markup_mode=None)
SHOWN = 20


@app.command(epilog="Example: semcube info --store cities.store --json")
def info(
    store: Annotated[Path, typer.Option("--store", help="Folder of the store.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Say what a store holds."""
    from semcube.io.start import leave_pandas_out

    leave_pandas_out()
    from semcube.store import Store

    with Store.open(store, read_only=True) as opened:
        found = opened.info()
    typer.echo(json.dumps(found.to_dict(), indent=2) if as_json else "\n".join(_lines(found)))


def _lines(found: StoreInfo) -> list[str]:
    lines = [
        f"quads       {found.quads:>14,}",
        f"terms       {found.terms:>14,}",
        f"geometries  {found.geometries:>14,}" + (f"  ({found.malformed:,} malformed)" if found.malformed else ""),
        f"megabytes   {found.bytes / 1e6:>14,.1f}",
    ]
    if found.extent is not None:
        west, south, east, north = found.extent
        lines.append(f"extent      longitude {west:g} to {east:g}, latitude {south:g} to {north:g}")
    for title, counts in (("graphs", found.graphs), ("classes", found.classes), ("predicates", found.predicates)):
        shown = {name or "(default graph)": count for name, count in counts.items()}
        lines += ["", title, *(f"{count:>14,}  {name}" for name, count in list(shown.items())[:SHOWN])]
        if len(shown) > SHOWN:
            lines.append(f"{'':14}  and {len(shown) - SHOWN} more (--json lists all)")
    return lines
