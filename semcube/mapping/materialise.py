# SPDX-License-Identifier: Apache-2.0
"""Files -> quads, files -> RDF files."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from typing import Literal as OneOf

from semcube.config import Settings
from semcube.mapping.model import LogicalSource, LogicalTarget, Mapping, TriplesMap
from semcube.mapping.report import TransformReport
from semcube.mapping.sources import bind, named_in, open_rows
from semcube.vocab import PREFIXES, RML, RML_LEGACY, RR

if TYPE_CHECKING:
    import pyarrow as pa

    from semcube.io.term_columns import QuadColumns
    from semcube.mapping.evaluate import Evaluator, Form
    from semcube.mapping.geometries import OnError
    from semcube.mapping.raster import RasterSettings
    from semcube.mapping.rows import Rows

__all__ = [
    "GROUPED",
    "TransformOptions",
    "bound_mapping",
    "evaluators",
    "output_prefixes",
    "quad_columns",
    "quads",
    "quads_with_geometries",
    "transform",
]

Inputs = Sequence[str | Path] | str | Path
GROUPED = ("ttl", "trig", "rdf", "jsonld", "n3")
"""Syntaxes in which all quads of a subject stand together."""


@dataclass(frozen=True)
class TransformOptions:
    """Everything that can be chosen for a run; the same names as the options of ``semcube transform``."""

    base: str | None = None
    """Base of the IRIs made; that of the settings by default."""
    layer: str | None = None
    """Only this layer, or this variable of a raster."""
    where: str | None = None
    """Condition on the attributes, in the SQL of the reader."""
    bbox: tuple[float, float, float, float] | None = None
    """West, south, east, north in CRS84."""
    crs: str = "keep"
    """System of the geometries written: ``keep``, ``CRS84`` or ``EPSG:n``."""
    source_crs: str | None = None
    """System of sources that do not say theirs."""
    on_error: OnError = "fail"
    """``fail``, ``skip`` (and list) or ``repair`` (make valid) rows and geometries that are bad."""
    key: str | None = None
    """Column that identifies a feature where a mapping is generated."""
    zones: str | None = None
    """Vector file, or ``FILE:layer``, over which pixels of a raster are summarised."""
    cells: str | None = None
    """Grid over which they are summarised without zones: ``h3`` or ``h3:N``."""
    categorical: bool | None = None
    """Whether values of a raster are classes; by its metadata if None."""
    min_pixels: int | None = None
    """Regions of a classified raster with fewer pixels are given to their largest neighbour."""
    max_regions: int | None = None
    """More regions are an error; a million if None."""
    confidence: str | None = None
    """Band of confidences of a classified raster: ``VARIABLE`` of the same file, ``FILE`` or ``FILE:VARIABLE``."""
    per_pixel: bool = False
    """Every pixel of a raster becomes a feature with observations."""
    model: tuple[str, ...] = ()
    """The model that made a raster or predictions: ``NAME=VALUE``, or a Turtle, JSON or YAML file."""
    language_columns: bool = False
    """Columns such as ``title_de`` become one property with texts in languages, where a mapping is generated."""
    code_lists: tuple[str, ...] = ()
    """``COLUMN=FILE``: tables of the codes of columns, where a mapping is generated."""
    probabilities: str | None = None
    """Regular expression for the columns of class probabilities, where a mapping is generated."""
    describe: bool = True
    """Describe each vector layer as a dataset of DCAT, where a mapping is generated."""
    grouped: bool = False
    """All quads of a subject together."""
    distinct: bool = False
    """Leave out quads that occur again; sorted on disk, so the order of the output is that of no source."""


def quads(
    inputs: Inputs = (),
    mapping: str | Path | Mapping | None = None,
    options: TransformOptions | None = None,
    *,
    report: TransformReport | None = None,
    **changes: object,
) -> Iterator[pa.RecordBatch]:
    """The quads of files under a mapping, streamed in bounded memory.

    Args:
        inputs: Files; those the mapping names by default.
        mapping: R2RML or RML; made by :func:`semcube.mapping.generate` by default.
        options: How; ``changes`` are single options by name (``base``, ``layer``, ``where``, ``bbox``, ``crs``,
            ``zones``, ``on_error``, ...).
        report: Receives the counts while the batches are taken.

    Yields:
        Batches with the schema :data:`semcube.io.terms.QUADS`.

    Raises:
        MappingError: The mapping is wrong; known before the first row is read.
        SourceError: A file cannot be read.
        RowError: A row is bad and ``on_error`` does not skip it.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "towns.csv"
        >>> _ = path.write_text("id,name,lon,lat\\n7,Ulm,9.99,48.40\\n")
        >>> [batch.column("o")[0].as_py() for batch in quads(path) if "asWKT" in batch.column("p")[0].as_py()]
        ['"POINT (9.99 48.4)"^^<http://www.opengis.net/ont/geosparql#wktLiteral>']
    """
    chosen = replace(options or TransformOptions(), **changes)  # type: ignore[arg-type]
    bound, reasons = bound_mapping(inputs, mapping, chosen)
    yield from _quads(bound, reasons, chosen, report if report is not None else TransformReport())


def quads_with_geometries(
    inputs: Inputs = (), mapping: str | Path | Mapping | None = None, options: TransformOptions | None = None
) -> Iterator[pa.RecordBatch]:
    """As :func:`quads`, where batches whose objects are WKT literals of the source have one column more.

    That column, ``wkb``, holds their geometries, x east and y north, in the system that the metadata of its field
    names (``crs``); null where only the text can tell. What stores geometries need not read them from text again.
    """
    chosen = options or TransformOptions()
    bound, reasons = bound_mapping(inputs, mapping, chosen)
    for _, batch in _routed(bound, reasons, chosen, TransformReport(), "geometries"):
        yield batch


def quad_columns(
    inputs: Inputs = (), mapping: str | Path | Mapping | None = None, options: TransformOptions | None = None
) -> Iterator[pa.RecordBatch | QuadColumns]:
    """As :func:`quads_with_geometries`, as columns of terms where the mapping is simple enough."""
    chosen = options or TransformOptions()
    bound, reasons = bound_mapping(inputs, mapping, chosen)
    for _, batch in _routed(bound, reasons, chosen, TransformReport(), "columns"):
        yield batch


def transform(
    inputs: Inputs,
    output: str | Path | IO[bytes],
    mapping: str | Path | Mapping | None = None,
    options: TransformOptions | None = None,
    *,
    format: str | None = None,  # noqa: A002 - the word users know
    quiet: bool = True,
    **changes: object,
) -> TransformReport:
    """Write files as RDF.

    The output appears when it is complete; an error or Ctrl-C leaves none.

    Args:
        inputs: Files; those the mapping names if empty.
        output: ``.nt``, ``.nq``, ``.ttl``, ``.trig``, ``.rdf`` or ``.jsonld``, also with ``.gz`` or ``.zst``; ``-`` is
            standard output.
        mapping: R2RML or RML; made by rule by default.
        options: How, see :class:`TransformOptions`; ``changes`` are single options by name.
        format: Syntax, where the name of the output does not tell it.
        quiet: Show no progress.

    Returns:
        Counts: ``features_in == features_out + features_skipped``, with the reasons.

    Raises:
        OutputError: The output cannot be written.
        SemcubeError: As :func:`quads`.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "towns.csv").write_text("id,name,lon,lat\\n7,Ulm,9.99,48.40\\n")
        >>> report = transform(folder / "towns.csv", folder / "towns.nt")
        >>> report.features_in, report.features_out, report.triples
        (1, 1, 22)
    """
    from semcube.io import RDFWriter
    from semcube.io.ntriples import LineBatch
    from semcube.io.progress import Progress
    from semcube.mapping.targets import TargetWriters

    chosen = replace(options or TransformOptions(), **changes)  # type: ignore[arg-type]
    bound, reasons = bound_mapping(inputs, mapping, chosen)
    writer = RDFWriter(output, format, prefixes=output_prefixes(bound))
    others = TargetWriters(bound.targets, output_prefixes(bound))
    syntaxes = {writer.format.name, *(each.syntax for each in others.targets)}
    chosen = replace(chosen, grouped=chosen.grouped or not syntaxes.isdisjoint(GROUPED))
    report = TransformReport(output=writer.name)
    with others, writer, Progress("transforming", unit="triples", quiet=quiet) as progress:
        for targets, batch in _routed(bound, reasons, chosen, report, writer.form):
            for target in targets:
                others.write(target, batch)
            if not targets:
                writer.write(batch)
            progress.advance(batch.quads if isinstance(batch, LineBatch) else batch.num_rows)
    return report


def output_prefixes(mapping: Mapping) -> dict[str, str]:
    """Prefixes for the output: the usual ones and those of the mapping, but not those only mappings need."""
    own = {name: value for name, value in mapping.prefixes if value not in (RML, RR, RML_LEGACY)}
    return {name: PREFIXES[name] for name in ("rdf", "rdfs", "xsd", "geo", "sf")} | own


Reasons = dict[LogicalSource, str]


def _quads(
    bound: Mapping, reasons: Reasons, options: TransformOptions, report: TransformReport
) -> Iterator[pa.RecordBatch]:
    for _, batch in _routed(bound, reasons, options, report, None):
        yield batch


def _routed(
    bound: Mapping,
    reasons: Reasons,
    options: TransformOptions,
    report: TransformReport,
    form: Form | OneOf["columns"] | None,
) -> Iterator[tuple[tuple[LogicalTarget, ...], Any]]:
    """Batches (of keys, or of lines of a form) and the targets they go to; none is the output of the run."""
    if options.distinct:
        from semcube.mapping.distinct import distinct

        yield from distinct(_routed(bound, reasons, replace(options, distinct=False), report, None), report)
        return
    from semcube.mapping.term_columns import term_columns

    started = time.perf_counter()
    for evaluator, source in evaluators(bound, options):
        layer = report.layer(source.source or evaluator.rows.source, source.iterator or evaluator.rows.layer)
        layer.key = reasons.get(source)
        made = term_columns(evaluator, layer) if form == "columns" else evaluator.written(layer, form)
        for routed in made:
            yield routed
            report.seconds = time.perf_counter() - started
    report.seconds = time.perf_counter() - started


def bound_mapping(
    inputs: Inputs, mapping: str | Path | Mapping | None, options: TransformOptions
) -> tuple[Mapping, Reasons]:
    """The mapping over the files that are meant, and what its keys are."""
    paths = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    if mapping is None:
        from semcube.mapping.generator import GeneratorRules, generate

        made = generate(
            paths,
            _base(options),
            layer=options.layer,
            key=options.key,
            source_crs=options.source_crs,
            raster=_raster_settings(options),
            rules=GeneratorRules(
                options.language_columns, tuple(options.code_lists), options.probabilities, describe=options.describe
            ),
        )
        return made.mapping, {source: key.reason for source, key in made.keys.items()}
    from semcube.mapping.parse import read_mapping

    bound = bind(read_mapping(mapping) if isinstance(mapping, str | Path) else mapping, paths)
    return _of_layer(bound, options.layer), {}


def evaluators(mapping: Mapping, options: TransformOptions) -> list[tuple[Evaluator, LogicalSource]]:
    """One evaluator per source of a mapping whose sources are files; all of the mapping is checked here.

    Raises:
        MappingError: A reference names no column of its source.
        SourceError: A file cannot be read.
    """
    from semcube.mapping.evaluate import Evaluator, Options
    from semcube.mapping.rows import Selection

    base = _base(options)
    how = Options(
        base=base,
        crs=options.crs,
        source_crs=options.source_crs,
        on_error=options.on_error,
        selection=Selection(options.where, options.bbox, keep_malformed=options.on_error == "skip"),
        batch_bytes=Settings.from_environment().batch_bytes,
        grouped=options.grouped,
    )
    rows = {source: _open(mapping, source, options) for source in mapping.sources}
    found = []
    for source in mapping.sources:
        maps = tuple(each for each in mapping.triples_maps if each.source == source)
        found.append((Evaluator(mapping, maps, rows[source], how, rows), source))
    return found


def _open(mapping: Mapping, source: LogicalSource, options: TransformOptions) -> Rows:
    references = mapping.references(source)
    with named_in(mapping, source):
        return open_rows(source, _raster_settings(options), source_crs=options.source_crs, references=references)


def _base(options: TransformOptions) -> str:
    base = options.base or Settings.from_environment().base
    return base if base.endswith(("/", "#")) else base + "/"


def _of_layer(mapping: Mapping, layer: str | None) -> Mapping:
    """Only the triples maps of a layer."""
    if layer is None:
        return mapping

    def wanted(item: TriplesMap) -> bool:
        source: LogicalSource = item.source
        return layer in (source.iterator, source.option("variable"))

    from semcube.errors import MappingError

    kept = tuple(item for item in mapping.triples_maps if wanted(item))
    if not kept:
        names = ", ".join(sorted({str(item.source.iterator) for item in mapping.triples_maps}))
        raise MappingError(
            f"no triples map reads layer {layer!r}", source=mapping.document, expected=f"one of: {names}"
        )
    return replace(mapping, triples_maps=kept)


def _raster_settings(options: TransformOptions) -> RasterSettings:
    from semcube.mapping.raster import RasterSettings

    return RasterSettings(
        options.zones,
        options.cells,
        options.categorical,
        options.source_crs,
        options.min_pixels,
        options.max_regions,
        options.confidence,
        options.per_pixel,
        tuple(options.model),
    )
