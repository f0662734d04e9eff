# SPDX-License-Identifier: Apache-2.0
"""``semcube mapping``: write a mapping for files, check one against them, convert one to RML."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from semcube.cli.mapping_options import (
    Categorical,
    Cells,
    CodeList,
    Confidence,
    Describe,
    Key,
    LanguageColumns,
    Layer,
    MaxRegions,
    MinPixels,
    Model,
    Probabilities,
    SourceCrs,
    Zones,
)
from semcube.errors import UsageError

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def mapping() -> None:
    """Write a mapping and an ontology for files, check a mapping, or convert it to RML."""


@app.command(epilog="Example: semcube mapping generate roads.gpkg -o roads.rml.ttl --ontology roads.owl.ttl")
def generate(  # noqa: PLR0913, PLR0917 - one parameter for each option
    inputs: Annotated[list[str], typer.Argument(metavar="IN...", help="Vector files, tables or rasters.")],
    output: Annotated[
        str, typer.Option("-o", "--output", help="Turtle file of the mapping; - is standard output.")
    ] = "-",
    ontology: Annotated[str | None, typer.Option(help="Turtle file of the ontology.")] = None,
    base: Annotated[str | None, typer.Option(help="Base of the IRIs, for example https://data.example.org/.")] = None,
    key: Key = None,
    layer: Layer = None,
    source_crs: SourceCrs = None,
    zones: Zones = None,
    cells: Cells = None,
    categorical: Categorical = None,
    min_pixels: MinPixels = None,
    max_regions: MaxRegions = None,
    confidence: Confidence = None,
    per_pixel: Annotated[
        bool, typer.Option("--per-pixel", help="Make every pixel a feature with observations.")
    ] = False,
    model: Model = None,
    language_columns: LanguageColumns = False,
    code_list: CodeList = None,
    probabilities: Probabilities = None,
    describe: Describe = True,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print no notes.")] = False,
) -> None:
    """Write a mapping by rule; edit it and run it with: semcube transform --mapping M --output OUT."""
    from semcube.config import Settings
    from semcube.mapping import generate as run
    from semcube.mapping import mapping_turtle
    from semcube.mapping.generator import GeneratorRules
    from semcube.mapping.raster import RasterSettings

    made = run(
        inputs,
        base or Settings.from_environment().base,
        layer=layer,
        key=key,
        source_crs=source_crs,
        raster=RasterSettings(
            zones, cells, categorical, source_crs, min_pixels, max_regions, confidence, per_pixel, tuple(model or ())
        ),
        rules=GeneratorRules(language_columns, tuple(code_list or ()), probabilities, describe, suggest=True),
    )
    folder = Path.cwd() if output == "-" else Path(output).resolve().parent
    _write(output, mapping_turtle(made.mapping, directory=folder))
    if ontology is not None:
        _write(ontology, made.ontology.turtle())
    if not quiet:
        for source, chosen in made.keys.items():
            print(f"{source}: {chosen.reason}", file=sys.stderr)


@app.command(epilog="Example: semcube mapping check roads.rml.ttl roads.gpkg")
def check(
    document: Annotated[str, typer.Argument(metavar="MAPPING", help="R2RML or RML document.")],
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="[IN]...", help="Files in place of its sources.")
    ] = None,
    source_crs: Annotated[str | None, typer.Option(help="System of inputs that do not say theirs.")] = None,
) -> None:
    """Check a mapping against the columns of its sources; no row is read."""
    from semcube.mapping import TransformOptions, read_mapping
    from semcube.mapping.materialise import evaluators
    from semcube.mapping.sources import bind

    bound = bind(read_mapping(document), inputs or [])
    for evaluator, source in evaluators(bound, TransformOptions(source_crs=source_crs)):
        columns = ", ".join(evaluator.plan.columns)
        print(f"{source}: {len(evaluator.plan.quads)} quads for each row, columns {columns}")


@app.command(epilog="Example: semcube mapping convert towns.yml -o towns.rml.ttl")
def convert(
    document: Annotated[str, typer.Argument(metavar="MAPPING", help="R2RML, RML or YARRRML document.")],
    output: Annotated[
        str, typer.Option("-o", "--output", help="Turtle file of the mapping; - is standard output.")
    ] = "-",
) -> None:
    """Write a mapping in any language as RML; no source is read."""
    from semcube.mapping import mapping_turtle, read_mapping

    # Paths in a document are relative to it; here they are written as they are.
    same = output == "-" or Path(output).resolve().parent == Path(document).resolve().parent
    if not same:
        raise UsageError(
            f"{output} is in another folder than {document}",
            expected="the same folder, for sources are relative to the document",
        )
    _write(output, mapping_turtle(read_mapping(document)))


def _write(path: str, text: str) -> None:
    from semcube.io.output import output_errors, replacing

    if path == "-":
        print(text, end="")
        return
    with replacing(path) as temporary, output_errors(path):
        Path(temporary).write_text(text, encoding="utf-8")
