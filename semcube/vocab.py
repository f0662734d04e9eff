# SPDX-License-Identifier: Apache-2.0
"""IRIs of the vocabularies that semcube speaks; no logic.

Example:
    >>> GEO + "asWKT"
    'http://www.opengis.net/ont/geosparql#asWKT'
"""

from __future__ import annotations

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
OWL = "http://www.w3.org/2002/07/owl#"
XSD = "http://www.w3.org/2001/XMLSchema#"
FN = "http://www.w3.org/2005/xpath-functions#"
GEO = "http://www.opengis.net/ont/geosparql#"
GEOF = "http://www.opengis.net/def/function/geosparql/"
GEOR = "http://www.opengis.net/def/rule/geosparql/"
SF = "http://www.opengis.net/ont/sf#"
GML = "http://www.opengis.net/ont/gml#"
UOM = "http://www.opengis.net/def/uom/OGC/1.0/"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
SOSA = "http://www.w3.org/ns/sosa/"
SSN = "http://www.w3.org/ns/ssn/"
TIME = "http://www.w3.org/2006/time#"
QB = "http://purl.org/linked-data/cube#"
QUDT = "http://qudt.org/schema/qudt/"
UNIT = "http://qudt.org/vocab/unit/"
DCAT = "http://www.w3.org/ns/dcat#"
DCTERMS = "http://purl.org/dc/terms/"
PROV = "http://www.w3.org/ns/prov#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
VOID = "http://rdfs.org/ns/void#"
SD = "http://www.w3.org/ns/sparql-service-description#"
FOAF = "http://xmlns.com/foaf/0.1/"
SCHEMA = "https://schema.org/"
RR = "http://www.w3.org/ns/r2rml#"
RML = "http://w3id.org/rml/"
RML_LEGACY = "http://semweb.mmlab.be/ns/rml#"
QL_LEGACY = "http://semweb.mmlab.be/ns/ql#"
SEMCUBE = "https://w3id.org/semcube/ns#"

RDF_TYPE = RDF + "type"
RDF_LANG_STRING = RDF + "langString"
XSD_STRING = XSD + "string"
XSD_BOOLEAN = XSD + "boolean"
XSD_INTEGER = XSD + "integer"
XSD_DECIMAL = XSD + "decimal"
XSD_FLOAT = XSD + "float"
XSD_DOUBLE = XSD + "double"
XSD_DATETIME = XSD + "dateTime"
XSD_DATE = XSD + "date"
XSD_TIME = XSD + "time"

WKT_LITERAL = GEO + "wktLiteral"
GML_LITERAL = GEO + "gmlLiteral"
GEOJSON_LITERAL = GEO + "geoJSONLiteral"
KML_LITERAL = GEO + "kmlLiteral"
DGGS_LITERAL = GEO + "dggsLiteral"
H3_LITERAL = SEMCUBE + "h3Literal"
GEOMETRY_LITERALS = (WKT_LITERAL, GML_LITERAL, GEOJSON_LITERAL, KML_LITERAL, DGGS_LITERAL, H3_LITERAL)

PREFIXES = {
    "rdf": RDF,
    "rdfs": RDFS,
    "owl": OWL,
    "xsd": XSD,
    "geo": GEO,
    "geof": GEOF,
    "sf": SF,
    "uom": UOM,
    "sosa": SOSA,
    "time": TIME,
    "qb": QB,
    "qudt": QUDT,
    "unit": UNIT,
    "dcat": DCAT,
    "dcterms": DCTERMS,
    "prov": PROV,
    "skos": SKOS,
    "void": VOID,
    "sd": SD,
    "foaf": FOAF,
    "schema": SCHEMA,
    "rr": RR,
    "rml": RML,
    "semcube": SEMCUBE,
}
"""Prefixes for output and for queries typed on the command line."""
