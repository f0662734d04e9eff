# SPDX-License-Identifier: Apache-2.0
"""The service description: https://www.w3.org/TR/sparql11-service-description/, with counts in VoID."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from semcube.io.terms import IRI, QUADS, BlankNode, Literal, Term, key
from semcube.server.answers import rdf_chunks
from semcube.server.formats import GRAPH, SOLUTIONS
from semcube.server.holdings import Holdings, holdings
from semcube.vocab import GEO, RDF_TYPE, SD, VOID, XSD, XSD_INTEGER

if TYPE_CHECKING:
    import pyarrow as pa

    from semcube.server.negotiation import Offer
    from semcube.server.serving import Serving

__all__ = ["describe_service", "service_triples"]

_FORMATS = "http://www.w3.org/ns/formats/"
_FORMAT_NAMES = {
    "json": "SPARQL_Results_JSON", "xml": "SPARQL_Results_XML",
    "csv": "SPARQL_Results_CSV", "tsv": "SPARQL_Results_TSV",
    "ttl": "Turtle", "nt": "N-Triples", "rdf": "RDF_XML", "jsonld": "JSON-LD", "nq": "N-Quads", "trig": "TriG",
}  # fmt: skip
_GEOSPARQL_PROFILE = "http://www.opengis.net/spec/geosparql/1.1/req/core/sparql-protocol"

Triple = tuple[Term, str, Term]


def describe_service(state: Serving, endpoint: str, offer: Offer) -> Iterable[bytes]:
    """The description as a document."""
    triples = list(service_triples(state, endpoint, holdings(state)))
    return rdf_chunks([_batch(triples)], offer.name)


def service_triples(state: Serving, endpoint: str, held: Holdings) -> Iterator[Triple]:
    """What the service is and what it serves."""
    service, dataset, default = BlankNode("service"), BlankNode("dataset"), BlankNode("default")
    yield service, RDF_TYPE, IRI(SD + "Service")
    yield service, SD + "endpoint", IRI(endpoint)
    yield service, SD + "supportedLanguage", IRI(SD + "SPARQL11Query")
    if state.settings.writable:
        yield service, SD + "supportedLanguage", IRI(SD + "SPARQL11Update")
    if state.settings.service is not None:
        yield service, SD + "feature", IRI(SD + "BasicFederatedQuery")
    yield service, SD + "feature", IRI(SD + "EmptyGraphs")
    yield service, SD + "conformsTo", IRI(_GEOSPARQL_PROFILE)
    for offer in (*SOLUTIONS, *GRAPH):
        if offer.name in _FORMAT_NAMES:
            yield service, SD + "resultFormat", IRI(_FORMATS + _FORMAT_NAMES[offer.name])
    for iri in _function_iris():
        yield service, SD + "extensionFunction", IRI(iri)
        yield IRI(iri), RDF_TYPE, IRI(SD + "Function")
    yield service, SD + "defaultDataset", dataset
    yield dataset, RDF_TYPE, IRI(SD + "Dataset")
    yield dataset, SD + "defaultGraph", default
    yield default, RDF_TYPE, IRI(SD + "Graph")
    yield from _counts(dataset, default, held)


def _function_iris() -> list[str]:
    """The functions that are called by IRI, casts of SPARQL itself left out."""
    from semcube.sparql.functions import table

    return sorted({row.iri for row in table() if row.iri is not None and not row.iri.startswith(XSD)})


def _counts(dataset: Term, default: Term, held: Holdings) -> Iterator[Triple]:
    if held.triples is not None:
        yield dataset, VOID + "triples", Literal(str(held.triples), XSD_INTEGER)
    if held.default_triples is not None:
        yield default, VOID + "triples", Literal(str(held.default_triples), XSD_INTEGER)
    if held.extent is not None:
        west, south, east, north = held.extent
        box = f"POLYGON(({west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}))"
        node = BlankNode("extent")
        yield dataset, GEO + "hasBoundingBox", node
        yield node, RDF_TYPE, IRI(GEO + "Geometry")
        yield node, GEO + "asWKT", Literal(box, GEO + "wktLiteral")
    for number, (name, triples) in enumerate(held.graphs):
        named, graph = BlankNode(f"named{number}"), BlankNode(f"graph{number}")
        yield dataset, SD + "namedGraph", named
        yield named, RDF_TYPE, IRI(SD + "NamedGraph")
        yield named, SD + "name", IRI(name)
        yield named, SD + "graph", graph
        yield graph, RDF_TYPE, IRI(SD + "Graph")
        yield graph, VOID + "triples", Literal(str(triples), XSD_INTEGER)


def _batch(triples: list[Triple]) -> pa.RecordBatch:
    import pyarrow as pa

    columns = [[key(s) for s, _, _ in triples], [f"<{p}>" for _, p, _ in triples], [key(o) for _, _, o in triples]]
    arrays = [pa.array(column, pa.large_string()) for column in columns]
    return pa.record_batch([*arrays, pa.nulls(len(triples), pa.large_string())], schema=QUADS)
