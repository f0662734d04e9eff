# SPDX-License-Identifier: Apache-2.0
"""Turn a table with coordinates into RDF, first by rule, then by a mapping of our own."""

from __future__ import annotations

import tempfile
from pathlib import Path

from semcube.mapping import generate, quads, read_mapping, transform

HERE = Path(__file__).resolve().parent
TOWNS = HERE / "towns.csv"

MAPPING = """
@prefix rml: <http://w3id.org/rml/> .
@prefix semcube: <https://w3id.org/semcube/ns#> .
@prefix geo: <http://www.opengis.net/ont/geosparql#> .
@prefix schema: <https://schema.org/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .

<#town> rml:logicalSource [ rml:source "towns.csv" ; rml:referenceFormulation semcube:Vector ] ;
    rml:subjectMap [ rml:template "https://data.example.org/town/{name}" ; rml:class schema:City ] ;
    rml:predicateObjectMap [ rml:predicate schema:population ;
        rml:objectMap [ rml:reference "population" ; rml:datatype xsd:integer ] ] ;
    rml:predicateObjectMap [ rml:predicate geo:asWKT ; rml:objectMap [ rml:reference "geometry" ] ] .
"""


def main() -> None:
    """Run both ways and print what came out."""
    with tempfile.TemporaryDirectory() as folder:
        report = transform(TOWNS, Path(folder) / "towns.nt", base="https://data.example.org/")
        print(report.features_in, "features in,", report.features_out, "out,", report.triples, "triples")
        print(report.layers[0].key)

    made = generate(TOWNS, "https://data.example.org/")
    print(len(made.mapping.triples_maps), "triples maps,", len(made.ontology.properties), "properties")

    mapping = read_mapping(HERE / "towns.rml.ttl", MAPPING)
    for batch in quads(TOWNS, mapping):
        for row in batch.to_pylist():
            print(row["s"], row["p"].rpartition("/")[2], row["o"])


if __name__ == "__main__":
    main()
