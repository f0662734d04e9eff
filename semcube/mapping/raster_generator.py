# SPDX-License-Identifier: Apache-2.0
"""The mapping of a raster: its metadata always; classes as polygons, or statistics over zones or grid cells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from semcube.io.remote import url_of
from semcube.io.terms import IRI
from semcube.mapping.build import constant, iri_of, literal, predicate, rule, same
from semcube.mapping.iri import local_name
from semcube.mapping.model import (
    GEOMETRY,
    GEOMETRY_NODE,
    GEOMETRY_TYPE,
    Formulation,
    LogicalSource,
    PredicateObjectMap,
    Reference,
    TermMap,
    TermType,
    TriplesMap,
)
from semcube.mapping.provenance import provenance_rules, read_model
from semcube.vocab import (
    DCAT,
    DCTERMS,
    GEO,
    PROV,
    QUDT,
    RDF_TYPE,
    RDFS,
    SEMCUBE,
    SF,
    SKOS,
    SOSA,
    TIME,
    WKT_LITERAL,
    XSD_DATETIME,
    XSD_DOUBLE,
    XSD_INTEGER,
)

if TYPE_CHECKING:
    from semcube.mapping.raster import RasterSettings

__all__ = ["raster_maps"]

_MEASURES = (
    ("mean", SOSA + "hasSimpleResult", XSD_DOUBLE),
    ("min", SEMCUBE + "minimum", XSD_DOUBLE),
    ("max", SEMCUBE + "maximum", XSD_DOUBLE),
    ("stdev", SEMCUBE + "standardDeviation", XSD_DOUBLE),
    ("count", SEMCUBE + "pixelCount", XSD_DOUBLE),
)


@dataclass(frozen=True)
class _Variable:
    """One variable and the IRIs around it."""

    path: str
    name: str
    segment: str
    base: str
    options: tuple[tuple[str, str], ...]
    has_model: bool = False
    """Whether a model made it, whose run is at ``<dataset>/run``."""

    def source(self, table: str) -> LogicalSource:
        return LogicalSource(self.path, Formulation.RASTER, table, self.options)

    def iri(self, rest: str = "") -> str:
        return f"{self.base}{self.segment}{rest}"

    def rule(
        self, name: str, table: str, subject: TermMap, classes: tuple[str, ...], *items: PredicateObjectMap
    ) -> TriplesMap:
        return rule(f"#{self.segment}-{name}", self.source(table), subject, classes, *items)

    def made_by(self) -> tuple[PredicateObjectMap, ...]:
        """Where the pixels come from: the dataset and, if it is known, the run of the model."""
        origin = predicate(PROV + "wasDerivedFrom", constant(self.iri()))
        run = predicate(PROV + "wasGeneratedBy", constant(self.iri("/run")))
        return (origin, run) if self.has_model else (origin,)


def raster_maps(
    path: Path,
    base: str,
    *,
    variable: str | None,
    settings: RasterSettings,
    zone_segment: str | None,
    taken: set[str],
) -> list[TriplesMap]:
    """Triples maps of the variables of a raster.

    Args:
        path: The file.
        base: Base of IRIs, ending in ``/`` or ``#``.
        variable: Only this variable.
        settings: Zones, cells, and whether values are classes.
        zone_segment: What the IRIs of the zones have between base and key.
        taken: Names in use by other inputs; grows.

    Raises:
        SourceError: The file cannot be read or has no such variable.
    """
    from semcube.io import open_raster, variables

    names = variables(path)
    maps: list[TriplesMap] = []
    for name in names if variable is None else [variable]:
        with open_raster(path, name) as raster:
            info = raster.info
            is_categorical = raster.categorical if settings.categorical is None else settings.categorical
        stem = local_name(path.name.rpartition(".")[0] or path.name, 1)
        segment = wanted = stem if len(names) == 1 else f"{stem}/{local_name(name, len(maps) + 1)}"
        while segment in taken:
            segment = f"{wanted}_{len(taken) + 1}"
        taken.add(segment)
        options = _options(name, settings, is_categorical=is_categorical, has_crs=info.crs is not None)
        item = _Variable(url_of(path) or str(path), name, segment, base, options, bool(settings.model))
        maps += _dataset_rules(item, has_times=info.times is not None)
        if settings.model:
            maps += _model_rules(item, settings.model)
        if is_categorical:
            maps += _concept_rules(item)
        if settings.per_pixel:
            maps += _pixel_rules(item, is_categorical=is_categorical)
        elif is_categorical:
            maps += _region_rules(item, has_confidence=settings.confidence is not None)
        elif settings.zones:
            zone = iri_of(f"{base}{zone_segment}/", Reference("zone"))
            maps.append(_observations(item, "zones", zone))
        else:
            maps += [_observations(item, "cells", iri_of(f"{base}h3/", Reference("zone"))), *_cell_rules(item)]
    return maps


def _options(
    name: str, settings: RasterSettings, *, is_categorical: bool, has_crs: bool
) -> tuple[tuple[str, str], ...]:
    """The options of a logical source: those that the tables of this variable need."""
    options = {"variable": name}
    if is_categorical and not settings.per_pixel:
        wanted = {
            "confidence": settings.confidence,
            "minPixels": settings.min_pixels,
            "maxRegions": settings.max_regions,
        }
        options |= {key: str(value) for key, value in wanted.items() if value is not None}
    elif settings.zones and not settings.per_pixel:
        options["zones"] = settings.zones
    elif not settings.per_pixel:
        options["cells"] = settings.cells or "h3"
    if not has_crs and settings.source_crs is not None:
        options["crs"] = settings.source_crs
    return tuple(sorted(options.items()))


def _model_rules(item: _Variable, model: tuple[str, ...]) -> list[TriplesMap]:
    """The run of a model, which made the dataset."""
    facts = read_model(model, item.iri("/run"), item.iri("/model"))
    facts.append((IRI(item.iri()), PROV + "wasGeneratedBy", IRI(item.iri("/run"))))
    return provenance_rules(f"#{item.segment}-model", item.source("dataset"), facts)


def _dataset_rules(item: _Variable, *, has_times: bool) -> list[TriplesMap]:
    dataset, extent = constant(item.iri()), constant(item.iri("/extent"))
    measured, period = constant(item.iri("/variable")), iri_of(item.iri("/"), Reference("period"))
    rules = [
        item.rule(
            "dataset", "dataset", dataset, (DCAT + "Dataset",),
            predicate(DCTERMS + "title", literal("title")),
            predicate(SEMCUBE + "variable", measured),
            predicate(DCTERMS + "conformsTo", _iri("crs_iri"), comment="the coordinate reference system"),
            predicate(DCTERMS + "spatial", extent),
            predicate(DCTERMS + "temporal", period),
            predicate(SEMCUBE + "rows", literal("rows", XSD_INTEGER)),
            predicate(SEMCUBE + "columns", literal("columns", XSD_INTEGER)),
        ),
        item.rule(
            "extent", "dataset", extent, (DCTERMS + "Location",),
            predicate(DCAT + "bbox", literal(GEOMETRY, WKT_LITERAL)),
        ),
        item.rule(
            "variable", "dataset", measured, (SOSA + "ObservableProperty",),
            predicate(RDFS + "label", literal("long_name")),
            predicate(SKOS + "notation", literal("variable")),
            predicate(SKOS + "exactMatch", _iri("standard_name_iri"), comment="the CF standard name"),
            predicate(QUDT + "hasUnit", _iri("unit_iri")),
            predicate(SEMCUBE + "unit", literal("unit"), comment="the unit as the file spells it"),
        ),
    ]  # fmt: skip
    if has_times:
        instant = iri_of(item.iri("/time/"), Reference("time_id"))
        rules += [
            item.rule(
                "period", "dataset", period, (DCTERMS + "PeriodOfTime",),
                predicate(DCAT + "startDate", literal("start", XSD_DATETIME)),
                predicate(DCAT + "endDate", literal("end", XSD_DATETIME)),
            ),
            item.rule(
                "times", "times", instant, (TIME + "Instant",),
                predicate(TIME + "inXSDDateTime", literal("time", XSD_DATETIME)),
            ),
        ]  # fmt: skip
    return rules


def _iri(column: str) -> TermMap:
    return TermMap(Reference(column), TermType.IRI, node="objectMap")


def _concept_rules(item: _Variable) -> list[TriplesMap]:
    scheme = constant(item.iri("/classes"))
    return [
        item.rule(
            "scheme", "dataset", scheme, (SKOS + "ConceptScheme",),
            predicate(DCTERMS + "title", literal("long_name")),
        ),
        item.rule(
            "classes", "classes", iri_of(item.iri("/class/"), Reference("value")), (SKOS + "Concept",),
            predicate(SKOS + "prefLabel", literal("label")),
            predicate(SKOS + "notation", literal("value", XSD_INTEGER)),
            predicate(SKOS + "inScheme", scheme),
        ),
    ]  # fmt: skip


def _region_rules(item: _Variable, *, has_confidence: bool) -> list[TriplesMap]:
    concept = iri_of(item.iri("/class/"), Reference("value"))
    region = iri_of(item.iri("/region/"), Reference("region"))
    geometry = iri_of(item.iri("/region/"), Reference("region"), "/", Reference(GEOMETRY_NODE))
    confidence = predicate(SEMCUBE + "confidence", literal("confidence", XSD_DOUBLE))
    return [
        item.rule(
            "regions", "regions", region, (GEO + "Feature", SEMCUBE + "Region"),
            predicate(SEMCUBE + "category", concept),
            predicate(SEMCUBE + "pixelCount", literal("pixels", XSD_INTEGER)),
            *((confidence,) if has_confidence else ()),
            predicate(SOSA + "phenomenonTime", iri_of(item.iri("/time/"), Reference("time_id"))),
            *item.made_by(),
            same((GEO + "hasGeometry", GEO + "hasDefaultGeometry"), geometry),
        ),
        *_geometry_rules(item, "regions", geometry),
    ]  # fmt: skip


def _geometry_rules(item: _Variable, table: str, geometry: TermMap) -> list[TriplesMap]:
    return [
        item.rule(
            f"{table}-geometry", table, geometry, (GEO + "Geometry",),
            predicate(RDF_TYPE, iri_of(SF, Reference(GEOMETRY_TYPE))),
            predicate(GEO + "asWKT", literal(GEOMETRY, WKT_LITERAL)),
        )
    ]  # fmt: skip


def _observations(item: _Variable, table: str, feature: TermMap) -> TriplesMap:
    """One observation per zone and time: the mean is its result, the other statistics stand beside it."""
    subject = iri_of(item.iri("/observation/"), Reference("observation"))
    return item.rule(
        "observations", table, subject, (SOSA + "Observation",),
        predicate(SOSA + "hasFeatureOfInterest", feature),
        predicate(SOSA + "observedProperty", constant(item.iri("/variable"))),
        *(predicate(property_iri, literal(column, datatype)) for column, property_iri, datatype in _MEASURES),
        predicate(SOSA + "phenomenonTime", iri_of(item.iri("/time/"), Reference("time_id"))),
        *item.made_by(),
    )  # fmt: skip


def _pixel_rules(item: _Variable, *, is_categorical: bool) -> list[TriplesMap]:
    """One feature per pixel, one observation per pixel and time."""
    result = predicate(SOSA + "hasSimpleResult", literal("value", XSD_DOUBLE))
    if is_categorical:
        result = predicate(SEMCUBE + "category", iri_of(item.iri("/class/"), Reference("class")))
    pixel = iri_of(item.iri("/pixel/"), Reference("pixel"))
    geometry = iri_of(item.iri("/pixel/"), Reference("pixel"), "/", Reference(GEOMETRY_NODE))
    return [
        item.rule(
            "observations", "pixels", iri_of(item.iri("/observation/"), Reference("observation")),
            (SOSA + "Observation",),
            predicate(SOSA + "hasFeatureOfInterest", iri_of(item.iri("/pixel/"), Reference("zone"))),
            predicate(SOSA + "observedProperty", constant(item.iri("/variable"))),
            result,
            predicate(SOSA + "phenomenonTime", iri_of(item.iri("/time/"), Reference("time_id"))),
            *item.made_by(),
        ),
        item.rule(
            "pixels", "pixels", pixel, (GEO + "Feature", SEMCUBE + "Pixel"),
            same((GEO + "hasGeometry", GEO + "hasDefaultGeometry"), geometry),
        ),
        *_geometry_rules(item, "pixels", geometry),
    ]  # fmt: skip


def _cell_rules(item: _Variable) -> list[TriplesMap]:
    cell = iri_of(f"{item.base}h3/", Reference("cell"))
    geometry = iri_of(f"{item.base}h3/", Reference("cell"), "/", Reference(GEOMETRY_NODE))
    return [
        item.rule(
            "cells", "cells", cell, (GEO + "Feature", SEMCUBE + "Cell"),
            predicate(SEMCUBE + "h3Index", literal("cell")),
            same((GEO + "hasGeometry", GEO + "hasDefaultGeometry"), geometry),
        ),
        *_geometry_rules(item, "cells", geometry),
    ]  # fmt: skip
