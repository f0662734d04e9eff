# SPDX-License-Identifier: Apache-2.0
"""``semcube transform``: files in, RDF out."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from semcube.errors import UnsupportedError, UsageError

if TYPE_CHECKING:
    from semcube.mapping import TransformOptions, TransformReport

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
        typer.Option(
            "-o", "--output", help=".nt .nq .ttl .trig .rdf .jsonld, also .gz or .zst; .parquet; - is standard output."
        ),
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
    layer: Layer = None,
    key: Key = None,
    where: Annotated[str | None, typer.Option(help='Condition on the attributes, for example "pop > 1000".')] = None,
    bbox: Annotated[str | None, typer.Option(help="minx,miny,maxx,maxy in longitude and latitude.")] = None,
    crs: Annotated[str, typer.Option(help="Coordinates written: keep, CRS84 or EPSG:n.")] = "keep",
    source_crs: SourceCrs = None,
    zones: Zones = None,
    cells: Cells = None,
    categorical: Categorical = None,
    min_pixels: MinPixels = None,
    max_regions: MaxRegions = None,
    confidence: Confidence = None,
    per_pixel: Annotated[
        bool, typer.Option("--per-pixel", help="Make every pixel a feature with observations; prints how many triples.")
    ] = False,
    model: Model = None,
    language_columns: LanguageColumns = False,
    code_list: CodeList = None,
    probabilities: Probabilities = None,
    describe: Describe = True,
    distinct: Annotated[bool, typer.Option("--distinct", help="Write each triple once; sorts on disk.")] = False,
    on_error: Annotated[
        OnError, typer.Option(help="Bad rows: stop, leave out and list, or repair invalid geometry.")
    ] = OnError.fail,
    engine: Annotated[str, typer.Option(help="embedded, or spark: a folder of files, one per partition.")] = "embedded",
    master: Annotated[str | None, typer.Option(help="Where Spark runs: local[2], spark://host:7077, yarn.")] = None,
    partitions: Annotated[int | None, typer.Option(help="Files that the output folder of Spark has, about.")] = None,
    jobs: Annotated[
        int, typer.Option("-j", "--jobs", help="Processes of this machine that write parts of an .nt or .nq file.")
    ] = 1,
    report: Annotated[str | None, typer.Option(help="Write counts and skipped rows to this JSON file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress and no summary.")] = False,
) -> None:
    """Turn files into RDF, with a mapping or without one."""
    from semcube.io.start import leave_pandas_out

    leave_pandas_out()
    from semcube.mapping import TransformOptions

    if not inputs and mapping is None:
        raise UsageError("no input", expected="files, or --mapping M whose sources are files")
    options = TransformOptions(
        base=base, layer=layer, key=key, where=where, bbox=parse_bbox(bbox), crs=crs, source_crs=source_crs,
        zones=zones, cells=cells, categorical=categorical, on_error=on_error.value, min_pixels=min_pixels,
        max_regions=max_regions, confidence=confidence, per_pixel=per_pixel, model=tuple(model or ()),
        language_columns=language_columns, code_lists=tuple(code_list or ()), probabilities=probabilities,
        distinct=distinct, describe=describe,
    )  # fmt: skip
    if per_pixel and mapping is None and not quiet:
        _print_estimate(inputs or [], layer)
    syntax = output_format or ("nt" if output == "-" else None)
    files = Files(inputs or [], output, mapping, syntax)
    if jobs != 1 and engine != "embedded":
        raise UsageError(
            f"--jobs with --engine {engine}", expected="one of them", fix="use --master local[N] for Spark"
        )
    if engine != "embedded":
        made = run_on(engine, master, files, options, partitions)
    elif master is not None or partitions is not None:
        raise UsageError("--master or --partitions on the embedded engine", expected="--engine spark with them")
    else:
        made = run(files, options, jobs=jobs, quiet=quiet)
    if report is not None:
        write_report(report, made.as_dict())
    if not quiet:
        import json

        print(json.dumps(made.as_dict(), ensure_ascii=False) if as_json else made.summary(), file=sys.stderr)
    left_out = sum(layer.features_skipped + layer.values_skipped for layer in made.layers)
    if left_out and report is None and not quiet:
        print("semcube: list what was left out with --report FILE", file=sys.stderr)


@dataclass(frozen=True)
class Files:
    """What is read and written."""

    inputs: list[str]
    output: str
    mapping: str | None
    format: str | None


def run(files: Files, options: TransformOptions, *, jobs: int = 1, quiet: bool) -> TransformReport:
    """The run in this process, or in several of this machine."""
    from semcube.mapping import transform as embedded
    from semcube.mapping import transform_in_processes

    if jobs != 1:
        return transform_in_processes(
            files.inputs, files.output, files.mapping, options, jobs=jobs, format=files.format
        )

    return embedded(files.inputs, files.output, files.mapping, options, format=files.format, quiet=quiet)


def run_on(
    engine: str, master: str | None, files: Files, options: TransformOptions, partitions: int | None
) -> TransformReport:
    """The run on an engine that works in partitions.

    Raises:
        UnsupportedError: There is no such engine, or it runs no tasks.
        UsageError: The output is no folder.
    """
    from semcube.engines import TaskEngine, engine_class
    from semcube.mapping import transform_in_partitions

    kind = engine_class(engine)
    if files.output == "-":
        raise UsageError(f"standard output with --engine {engine}", expected="a folder", fix="name it with --output")
    if not hasattr(kind, "map_tasks"):
        raise UnsupportedError(f"the engine {engine!r} runs no tasks", expected="spark, or embedded on one machine")
    with kind.open(master) as opened:
        assert isinstance(opened, TaskEngine)
        return transform_in_partitions(
            files.inputs, files.output, files.mapping, options,
            engine=opened, partitions=partitions, format=files.format,
        )  # fmt: skip


def _print_estimate(inputs: list[str], layer: str | None) -> None:
    """Say what single pixels will cost before they are written."""
    from semcube.mapping.raster_values import estimate
    from semcube.mapping.sources import is_raster

    for path in filter(is_raster, inputs):
        print(f"semcube: {path}: up to {estimate(path, layer):,} triples, if no pixel is missing", file=sys.stderr)


def write_report(path: str, content: dict[str, Any]) -> None:
    """Write a report as JSON."""
    import json

    from semcube.io.output import output_errors, replacing

    with replacing(path) as temporary, output_errors(path):
        Path(temporary).write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
