# SPDX-License-Identifier: Apache-2.0
"""``semcube interlink``: the relations of space, distance and time between two sources as links."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(rich_markup_mode=None, add_completion=False)


class Invalid(StrEnum):
    """What to do about invalid geometries."""

    repair = "repair"
    skip = "skip"
    fail = "fail"
    keep = "keep"


def opened(name: str, stack: ExitStack, *, create: bool = False) -> Any:
    """The store of a folder or of an RDF file; any other name as it is."""
    path = Path(name)
    is_store = path.is_dir() and not name.rstrip("/").lower().endswith(".gdb")
    if is_store or create:
        from semcube.store import Store

        return stack.enter_context(Store.open(path, create=create))
    if path.is_file():
        from semcube.errors import SemcubeError
        from semcube.io import format_of

        try:
            format_of(name)
        except SemcubeError:
            return name
        if path.suffix.lower() not in (".json", ".xml"):
            from semcube.store import Store

            store = stack.enter_context(Store.in_memory())
            store.load(path)
            return store
    return name


@app.command(
    epilog="Example: semcube interlink parcels.gpkg rivers.shp -o links.nt --source-iri 'http://e/parcel/{id}'",
    context_settings={"help_option_names": ["-h", "--help"]},
)
def interlink(  # noqa: PLR0913, PLR0917 - one parameter for each option
    source: Annotated[str, typer.Argument(help="File, RDF file, or folder of a store.")],
    target: Annotated[str | None, typer.Argument(help="The same; by default the source is linked with itself.")] = None,
    output: Annotated[
        str, typer.Option("-o", "--output", help=".nt .ttl .parquet and others, also .gz; - is standard output.")
    ] = "-",
    into: Annotated[str | None, typer.Option("--into", help="Folder of a store that takes the links instead.")] = None,
    relations: Annotated[
        str, typer.Option(help="all, sf, eh, rcc8, names or DE-9IM patterns, with commas between; none: time alone.")
    ] = "sf",
    within: Annotated[
        float | None, typer.Option(help="Link what is at most so many metres apart, in place of --relations.")
    ] = None,
    nearest: Annotated[
        int | None, typer.Option(help="Link each source feature with so many nearest target features instead.")
    ] = None,
    similar: Annotated[
        str | None, typer.Option(help="Link shapes by hausdorff or frechet distance instead; needs --at-most.")
    ] = None,
    at_most: Annotated[
        float | None, typer.Option(help="Largest distance of --similar, in units of the system.")
    ] = None,
    predicate: Annotated[str | None, typer.Option(help="IRI of the property of links by distance.")] = None,
    with_distance: Annotated[
        bool, typer.Option("--with-distance", help="Say the distance of each link in RDF too.")
    ] = False,
    minimal: Annotated[bool, typer.Option("--minimal", help="Leave out links that follow from others.")] = False,
    source_iri: Annotated[
        str | None, typer.Option(help="Column of IRIs of the source, or a template such as http://e/{code}.")
    ] = None,
    target_iri: Annotated[str | None, typer.Option(help="The same of the target.")] = None,
    source_layer: Annotated[str | None, typer.Option(help="Layer of the source.")] = None,
    target_layer: Annotated[str | None, typer.Option(help="Layer of the target.")] = None,
    source_where: Annotated[str | None, typer.Option(help="Condition on the attributes of the source.")] = None,
    target_where: Annotated[str | None, typer.Option(help="Condition on the attributes of the target.")] = None,
    source_select: Annotated[
        str | None, typer.Option(help="SPARQL selection from a source that is a store: the thing, its geometry.")
    ] = None,
    target_select: Annotated[str | None, typer.Option(help="The same of the target.")] = None,
    source_crs: Annotated[str | None, typer.Option(help="Coordinate reference system of the source.")] = None,
    target_crs: Annotated[str | None, typer.Option(help="Coordinate reference system of the target.")] = None,
    crs: Annotated[str | None, typer.Option(help="System to compare in, where the sides differ.")] = None,
    temporal: Annotated[
        str | None,
        typer.Option(
            "--time-relations",
            "--temporal",
            help="Relations of time that must hold too (alone with --relations none): all, or such as during,meets.",
        ),
    ] = None,
    source_time: Annotated[
        str | None, typer.Option(help="Columns BEGIN,END of the source, or one of instants; of a store, properties.")
    ] = None,
    target_time: Annotated[str | None, typer.Option(help="The same of the target.")] = None,
    invalid: Annotated[
        Invalid, typer.Option(help="Invalid geometries: repair, leave out, stop, or take as they are, unchecked.")
    ] = Invalid.repair,
    budget: Annotated[
        str | None, typer.Option(help="Stop after so many pairs (100000) or so long (30s), the best ones first.")
    ] = None,
    score: Annotated[
        str, typer.Option(help="What promises a link: octagon, probe, fill, mbro, cf, js, x2, isp, random.")
    ] = "octagon",
    boost: Annotated[
        bool, typer.Option(help="Let links found change the order of the pairs of the same source or target.")
    ] = True,
    state: Annotated[
        str | None, typer.Option(help="Folder that keeps what was verified, to resume or extend a run.")
    ] = None,
    processes: Annotated[int, typer.Option(help="Processes that verify.")] = 1,
    engine: Annotated[
        str, typer.Option(help="embedded, or spark: files, and a folder of links, one file per partition.")
    ] = "embedded",
    master: Annotated[str | None, typer.Option(help="Where Spark runs: local[2], spark://host:7077, yarn.")] = None,
    partitions: Annotated[int | None, typer.Option(help="Tiles of the plane on Spark, about.")] = None,
    base: Annotated[str | None, typer.Option(help="Base of the IRIs made where no naming is given.")] = None,
    report: Annotated[str | None, typer.Option(help="Write counts and bad rows to this JSON file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress and no summary.")] = False,
) -> None:
    """Link the features of two sources by their relations of space, distance or time."""
    from semcube.errors import UsageError
    from semcube.interlink import InterlinkOptions
    from semcube.interlink import interlink as run
    from semcube.interlink.sides import DEFAULT_BASE
    from semcube.io import Progress
    from semcube.io.start import leave_pandas_out

    leave_pandas_out()
    if into is not None and output != "-":
        raise UsageError("--output and --into", expected="one of them")
    options = InterlinkOptions(
        relations=relations, minimal=minimal, source_iri=source_iri, target_iri=target_iri, source_layer=source_layer,
        target_layer=target_layer, source_where=source_where, target_where=target_where, source_select=source_select,
        target_select=target_select, source_crs=source_crs, target_crs=target_crs, crs=crs, temporal=temporal,
        source_time=source_time, target_time=target_time, invalid=invalid.value, processes=processes,
        base=base or DEFAULT_BASE, budget=budget, score=score, boost=boost, state=state, within=within,
        nearest=nearest, similar=similar, at_most=at_most, predicate=predicate, with_distance=with_distance,
    )  # fmt: skip
    if engine != "embedded":
        if into is not None or output == "-":
            raise UsageError(f"no --output with --engine {engine}", expected="a folder", fix="name it with --output")
        made = _run_on(engine, master, (source, target, output), options, partitions)
        return _tell(made, report, as_json=as_json, quiet=quiet)
    if master is not None or partitions is not None:
        raise UsageError("--master or --partitions on the embedded engine", expected="--engine spark with them")
    with ExitStack() as stack:
        first = opened(source, stack)
        second = None if target is None else first if target == source else opened(target, stack)
        where: Any = (
            output if into is None else {source: first, target: second}.get(into) or opened(into, stack, create=True)
        )
        progress = stack.enter_context(Progress("linking", unit="features", quiet=quiet or as_json))
        links = run(first, second, where, options, progress=progress.advance)
    return _tell(links.report, report, as_json=as_json, quiet=quiet)


def _run_on(
    engine: str, master: str | None, names: tuple[str, str | None, str], options: Any, partitions: int | None
) -> Any:
    """The report of a run on an engine that works in partitions."""
    from semcube.engines import engine_class
    from semcube.errors import UnsupportedError
    from semcube.interlink import interlink_in_partitions

    kind = engine_class(engine)
    if not hasattr(kind, "exchange"):
        raise UnsupportedError(f"the engine {engine!r} exchanges nothing", expected="spark, or embedded on one machine")
    source, target, output = names
    with kind.open(master) as opened_engine:
        return interlink_in_partitions(
            source, target, output, options, engine=opened_engine, partitions=partitions
        ).report


def _tell(made: Any, file: str | None, *, as_json: bool, quiet: bool) -> None:
    """The summary, and the report as a file where wanted."""
    import json

    if file is not None:
        from semcube.cli.transform import write_report

        write_report(file, made.as_dict())
    if not quiet:
        print(json.dumps(made.as_dict(), ensure_ascii=False) if as_json else made.summary(), file=sys.stderr)
