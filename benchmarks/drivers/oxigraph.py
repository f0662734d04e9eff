# SPDX-License-Identifier: Apache-2.0
"""pyoxigraph: its own GeoSPARQL relations, and functions over shapely for the constructions it does not have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import shapely

from semcube.bench.driver import Driver, main

GEOF = "http://www.opengis.net/def/function/geosparql/"
WKT = ox.NamedNode("http://www.opengis.net/ont/geosparql#wktLiteral")


def _construction(function: Callable[[Any], Any]) -> Callable[..., ox.Literal]:
    def call(term: Any, *_: Any) -> ox.Literal:
        return ox.Literal(shapely.to_wkt(function(shapely.from_wkt(term.value))), datatype=WKT)

    return call


FUNCTIONS = {
    ox.NamedNode(GEOF + name): _construction(function)
    for name, function in {
        "boundary": shapely.boundary,
        "envelope": shapely.envelope,
        "convexHull": shapely.convex_hull,
    }.items()
}


class Oxigraph(Driver):
    """Oxigraph on disk."""

    def load(self, data: Path) -> None:
        store = ox.Store(str(self.folder / "oxigraph"))
        store.bulk_load(path=str(data), format=ox.RdfFormat.N_TRIPLES)
        store.optimize()
        store.flush()

    def open(self) -> None:
        self.store = ox.Store.read_only(str(self.folder / "oxigraph"))

    def run(self, query: dict[str, Any]) -> int:
        return sum(1 for _ in self._solutions(query))

    def rows(self, query: dict[str, Any]) -> Iterator[tuple[str | None, ...]]:
        for solution in self._solutions(query):
            yield tuple(None if term is None else term.value for term in solution)

    def _solutions(self, query: dict[str, Any]) -> Any:
        return self.store.query(query["texts"]["filter"], custom_functions=FUNCTIONS)


if __name__ == "__main__":
    main(Oxigraph)
