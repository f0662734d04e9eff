# SPDX-License-Identifier: Apache-2.0
"""The hierarchy of the GeoSPARQL 1.1 ontology: classes and properties of geo:, sf: and gml:, and their schema.

Written from OGC 22-047r1 (geo:), OGC 06-103r4 (sf:) and ISO 19136 (gml:). Only what RDFS entailment draws conclusions
from: no labels, no OWL restrictions.
"""

from __future__ import annotations

from collections.abc import Iterator

from semcube.vocab import GEO, GML, RDFS, SF, XSD

__all__ = ["DOMAIN", "RANGE", "SUB_CLASS", "SUB_PROPERTY", "triples"]

SUB_CLASS, SUB_PROPERTY = RDFS + "subClassOf", RDFS + "subPropertyOf"
DOMAIN, RANGE = RDFS + "domain", RDFS + "range"

_PREFIXES = {"geo": GEO, "sf": SF, "gml": GML, "xsd": XSD, "rdfs": RDFS}

_CLASSES = """
geo:SpatialObject: geo:Feature geo:Geometry
geo:SpatialObjectCollection: geo:FeatureCollection geo:GeometryCollection
rdfs:Container: geo:SpatialObjectCollection
geo:Geometry: sf:Geometry gml:AbstractGeometry
sf:Geometry: sf:Point sf:Curve sf:Surface sf:GeometryCollection
sf:Curve: sf:LineString
sf:LineString: sf:Line sf:LinearRing
sf:Surface: sf:Polygon sf:PolyhedralSurface
sf:Polygon: sf:Triangle sf:Envelope
sf:PolyhedralSurface: sf:TIN
sf:GeometryCollection: sf:MultiPoint sf:MultiCurve sf:MultiSurface
sf:MultiCurve: sf:MultiLineString
sf:MultiSurface: sf:MultiPolygon
gml:AbstractGeometry: gml:AbstractGeometricPrimitive gml:AbstractGeometricAggregate gml:GeometricComplex gml:Grid
gml:Grid: gml:RectifiedGrid
gml:GeometricComplex: gml:CompositeCurve gml:CompositeSurface gml:CompositeSolid
gml:AbstractGeometricPrimitive: gml:Point gml:AbstractCurve gml:AbstractSurface gml:AbstractSolid
gml:AbstractCurve: gml:Curve gml:LineString gml:OrientableCurve gml:CompositeCurve gml:Ring gml:LinearRing
gml:AbstractSurface: gml:Surface gml:Polygon gml:OrientableSurface gml:CompositeSurface gml:Shell
gml:Surface: gml:PolyhedralSurface gml:TriangulatedSurface
gml:TriangulatedSurface: gml:Tin
gml:AbstractSolid: gml:Solid gml:CompositeSolid
gml:AbstractGeometricAggregate: gml:MultiGeometry gml:MultiPoint gml:MultiCurve gml:MultiSurface gml:MultiSolid
gml:MultiGeometry: gml:MultiPoint gml:MultiCurve gml:MultiSurface gml:MultiSolid
"""
"""Each class, and the classes directly below it."""

_PROPERTIES = """
geo:hasSerialization: geo:asWKT geo:asGML geo:asGeoJSON geo:asKML geo:asDGGS
geo:hasGeometry: geo:hasDefaultGeometry geo:defaultGeometry geo:hasBoundingBox geo:hasCentroid
geo:hasSize: geo:hasLength geo:hasPerimeterLength geo:hasArea geo:hasVolume
geo:hasMetricSize: geo:hasMetricLength geo:hasMetricPerimeterLength geo:hasMetricArea geo:hasMetricVolume
"""
"""Each property, and the properties directly below it."""

_SIZES = "geo:hasSize geo:hasLength geo:hasPerimeterLength geo:hasArea geo:hasVolume"
_METRIC_SIZES = (
    "geo:hasMetricSize geo:hasMetricLength geo:hasMetricPerimeterLength geo:hasMetricArea geo:hasMetricVolume"
)
_RELATIONS = (
    " ".join(f"geo:sf{n}" for n in ("Equals", "Disjoint", "Intersects", "Touches", "Crosses", "Within", "Contains"))
    + " geo:sfOverlaps "
    + " ".join(f"geo:eh{n}" for n in ("Equals", "Disjoint", "Meet", "Overlap", "Covers", "CoveredBy", "Inside"))
    + " geo:ehContains "
    + " ".join(f"geo:rcc8{n}" for n in ("eq", "dc", "ec", "po", "tppi", "tpp", "ntpp", "ntppi"))
)
_SERIALISATIONS = "geo:hasSerialization geo:asWKT geo:asGML geo:asGeoJSON geo:asKML geo:asDGGS"
_HAS_GEOMETRY = "geo:hasGeometry geo:hasDefaultGeometry geo:defaultGeometry geo:hasBoundingBox geo:hasCentroid"
_ACCURACIES = (
    "geo:hasSpatialResolution geo:hasMetricSpatialResolution geo:hasSpatialAccuracy geo:hasMetricSpatialAccuracy"
)
_DIMENSIONS = "geo:dimension geo:coordinateDimension geo:spatialDimension"

_DOMAINS = f"""
geo:SpatialObject: {_SIZES} {_METRIC_SIZES} {_RELATIONS}
geo:Feature: {_HAS_GEOMETRY}
geo:Geometry: {_SERIALISATIONS} {_ACCURACIES} {_DIMENSIONS} geo:isEmpty geo:isSimple
sf:Envelope: sf:maximum sf:minimum
"""
_RANGES = f"""
geo:SpatialObject: {_RELATIONS}
geo:Geometry: {_HAS_GEOMETRY}
sf:Point: sf:maximum sf:minimum
rdfs:Literal: geo:hasSerialization
geo:wktLiteral: geo:asWKT
geo:gmlLiteral: geo:asGML
geo:geoJSONLiteral: geo:asGeoJSON
geo:kmlLiteral: geo:asKML
geo:dggsLiteral: geo:asDGGS
xsd:double: {_METRIC_SIZES} geo:hasMetricSpatialResolution geo:hasMetricSpatialAccuracy
xsd:integer: {_DIMENSIONS}
xsd:boolean: geo:isEmpty geo:isSimple
"""


def triples(predicate: str) -> Iterator[tuple[str, str]]:
    """Subject and object of the ontology's triples with a schema property.

    Args:
        predicate: :data:`SUB_CLASS`, :data:`SUB_PROPERTY`, :data:`DOMAIN` or :data:`RANGE`.

    Example:
        >>> [s.rpartition("#")[2] for s, o in triples(SUB_CLASS) if o == SF + "Curve"]
        ['LineString']
    """
    table = {SUB_CLASS: _CLASSES, SUB_PROPERTY: _PROPERTIES, DOMAIN: _DOMAINS, RANGE: _RANGES}[predicate]
    for line in table.strip().splitlines():
        above, _, below = line.partition(": ")
        yield from ((_iri(name), _iri(above)) for name in below.split())


def _iri(name: str) -> str:
    prefix, _, local = name.partition(":")
    return _PREFIXES[prefix] + local
