# SPDX-License-Identifier: Apache-2.0
"""The formats of answers, as offers for negotiation: solutions, truth values, RDF."""

from __future__ import annotations

from typing import Literal

from semcube.io.formats import FORMATS as RDF_FORMATS
from semcube.server.negotiation import Offer
from semcube.sparql.results import FORMATS as RESULT_FORMATS

__all__ = ["BOOLEAN", "DATASET", "GRAPH", "SOLUTIONS", "Kind", "offers"]

Kind = Literal["bindings", "boolean", "graph"]

_TITLES = {
    "json": "JSON", "xml": "XML", "csv": "CSV", "tsv": "TSV",
    "geojson": "GeoJSON", "arrow": "Arrow stream", "table": "Text table",
}  # fmt: skip
_FIRST = ("ttl", "nt", "rdf", "jsonld", "nq", "trig")


def _solutions() -> tuple[Offer, ...]:
    return tuple(
        Offer(item.name, _TITLES.get(item.name, item.name), item.media_types, item.extension.lstrip("."))
        for item in RESULT_FORMATS.values()
    )


def _rdf(graphs: bool) -> tuple[Offer, ...]:
    writable = [f for f in RDF_FORMATS if f.writable and (f.graphs or not graphs) and f.name in _FIRST]
    made = [Offer(f.name, f.title, f.media_types, f.extensions[0]) for f in writable]
    return tuple(sorted(made, key=lambda offer: _FIRST.index(offer.name)))


SOLUTIONS = _solutions()
"""For SELECT; SPARQL JSON is preferred."""
BOOLEAN = tuple(offer for offer in SOLUTIONS if RESULT_FORMATS[offer.name].boolean is not None)
"""For ASK."""
GRAPH = _rdf(graphs=False)
"""For CONSTRUCT, DESCRIBE and one graph; Turtle is preferred."""
DATASET = tuple(offer for offer in _rdf(graphs=True) if offer.name in ("nq", "trig"))
"""For a whole dataset."""


def offers(kind: Kind) -> tuple[Offer, ...]:
    """What an answer of a kind can be written as."""
    return {"bindings": SOLUTIONS, "boolean": BOOLEAN, "graph": GRAPH}[kind]
