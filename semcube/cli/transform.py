# SPDX-License-Identifier: Apache-2.0
"""``semcube transform``: files in, RDF out."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from semcube.errors import UsageError

app = typer.Typer(rich_markup_mode=None, add_completion=False)


class OnError(StrEnum):
    """What to do about bad rows."""

    fail = "fail"
    skip = "skip"
    repair = "repair"


def parse_bbox(text: str | None) -> tuple[float, float, float, float] | None:
    """West, south, east, north from ``--bbox``.

    Raises:
        UsageError: Not four numbers, or not in this order.

    Example:
        >>> parse_bbox("11, 46, 12.5, 47")
        (11.0, 46.0, 12.5, 47.0)
    """
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"--bbox {text!r}", expected="minx,miny,maxx,maxy in degrees, for example --bbox 11,46,12.5,47"
        ) from None
    if not (west <= east and -90 <= south <= north <= 90):
        raise UsageError(
            f"--bbox {text!r}", expected="minx <= maxx and -90 <= miny <= maxy <= 90, longitude before latitude"
        )
    return west, south, east, north


@app.command(
    epilog="Example: semcube transform roads.gpkg --output roads.nt.gz",
    context_settings={"help_option_names": ["-h", "--help"]},
)
def transform(  # noqa: PLR0913, PLR0917 - one parameter for each option
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[IN]...", help="Vector files, tables or rasters; those the mapping names by default."),
    ] = None,
    output: Annotated[
        str,
        typer.Option("-o", "--output", help=".nt .nq .ttl .trig .rdf .jsonld, also .gz or .zst; - is standard output."),
    ] = "-",
    mapping: Annotated[
        str | None, typer.Option("-m", "--mapping", help="R2RML or RML; made by rule by default.")
    ] = None,
    output_format: Annotated[
        str | None, typer.Option("--format", help="Syntax of the output where its name does not tell it.")
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="Base of the IRIs made, for example https://data.example.org/.")
    ] = None,
    layer: Annotated[str | None, typer.Option(help="Only this layer; of a raster, this variable.")] = None,
    key: Annotated[str | None, typer.Option(help="Column that identifies a feature.")] = None,
    where: Annotated[str | None, typer.Option(help='Condition on the attributes, for example "pop > 1000".')] = None,
    bbox: Annotated[str | None, typer.Option(help="minx,miny,maxx,maxy in longitude and latitude.")] = None,
    crs: Annotated[str, typer.Option(help="Coordinates written: keep, CRS84 or EPSG:n.")] = "keep",
    source_crs: Annotated[str | None, typer.Option(help="System of inputs that do not say theirs.")] = None,
    zones: Annotated[str | None, typer.Option(help="FILE[:layer] of polygons to summarise pixels over.")] = None,
    cells: Annotated[str | None, typer.Option(help="Grid to summarise pixels over: h3 or h3:N.")] = None,
    categorical: Annotated[
        bool | None, typer.Option("--categorical/--continuous", help="Whether pixel values are classes.")
    ] = None,
    on_error: Annotated[
        OnError, typer.Option(help="Bad rows: stop, leave out and list, or repair invalid geometry.")
    ] = OnError.fail,
    report: Annotated[str | None, typer.Option(help="Write counts and skipped rows to this JSON file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress and no summary.")] = False,
) -> None:
    """Turn files into RDF, with a mapping or without one."""
    from semcube.mapping import TransformOptions
    from semcube.mapping import transform as run

    if not inputs and mapping is None:
        raise UsageError("no input", expected="files, or --mapping M whose sources are files")
    options = TransformOptions(
        base=base, layer=layer, key=key, where=where, bbox=parse_bbox(bbox), crs=crs, source_crs=source_crs,
        zones=zones, cells=cells, categorical=categorical, on_error=on_error.value,
    )  # fmt: skip
    syntax = output_format or ("nt" if output == "-" else None)
    made = run(inputs or [], output, mapping, options, format=syntax, quiet=quiet)
    if report is not None:
        write_report(report, made.as_dict())
    if not quiet:
        import json

        print(json.dumps(made.as_dict(), ensure_ascii=False) if as_json else made.summary(), file=sys.stderr)
    left_out = sum(layer.features_skipped + layer.values_skipped for layer in made.layers)
    if left_out and report is None and not quiet:
        print("semcube: list what was left out with --report FILE", file=sys.stderr)


def write_report(path: str, content: dict[str, Any]) -> None:
    """Write a report as JSON."""
    import json

    from semcube.io.output import output_errors, replacing

    with replacing(path) as temporary, output_errors(path):
        Path(temporary).write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
