# SPDX-License-Identifier: Apache-2.0
"""The queries of Geographica 2 on its synthetic data, as data: what is asked in general words, and as SPARQL.

From the general words (a star, a selection by a window, a join) others make what SPARQL alone does not give: SQL, plans
written by hand, the forms that an engine needs for its index.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from semcube.bench.generator import NAMESPACE, Grid, strip, window

__all__ = ["CLASSES", "Query", "Star", "everything", "synthetic"]

PREFIXES = f"""PREFIX geo: <http://www.opengis.net/ont/geosparql#>
PREFIX geof: <http://www.opengis.net/def/function/geosparql/>
PREFIX lo: <{NAMESPACE}landOwnership/>
PREFIX st: <{NAMESPACE}state/>
PREFIX poi: <{NAMESPACE}pointOfInterest/>
"""
CLASSES = {"lo": "land", "st": "state", "poi": "point of interest"}
WINDOWS = (1.0, 0.75, 0.5, 0.25, 0.1, 0.001)


@dataclass(frozen=True)
class Star:
    """Features of a class that carry a tag, with their geometries."""

    prefix: str
    tag: int

    def patterns(self, name: str) -> str:
        """Triple patterns; ``name`` and its letters g, w and t are the variables."""
        return (
            f"?{name} geo:hasGeometry ?{name}g . ?{name}g geo:asWKT ?{name}w . "
            f'?{name} {self.prefix}:hasTag ?{name}t . ?{name}t {self.prefix}:hasKey "{self.tag}" . '
        )


@dataclass(frozen=True)
class Query:
    """A query.

    Attributes:
        name: Short and unique.
        label: What is asked, in words.
        kind: ``fetch``, ``count``, ``lookup``, ``select``, ``join`` or ``text`` (SPARQL only).
        texts: By dialect; ``filter`` is SPARQL with the functions of GeoSPARQL.
        plan: The same in general words: stars ``a`` and ``b``, ``relation``, ``area``, ``feature``.
        keys: Columns at the front that hold names and are compared between engines.
    """

    name: str
    label: str
    kind: str
    texts: dict[str, str]
    plan: dict[str, Any] = field(default_factory=dict)
    keys: int = 1

    def as_dict(self) -> dict[str, Any]:
        """The form for a job file."""
        return asdict(self)

    @property
    def effort(self) -> int:
        """A rank of the work to expect: few features, pairs of few, whole classes, pairs with whole classes."""
        whole: int = sum(self.plan[star]["tag"] == 1 for star in ("a", "b") if star in self.plan)
        return 1 + 2 * whole if self.kind == "join" else 2 * whole


def _fetch(name: str, star: Star) -> Query:
    """All features of a star, with geometry."""
    text = PREFIXES + f"SELECT ?a ?aw {{ {star.patterns('a')}}}"
    return Query(name, f"{CLASSES[star.prefix]} of tag {star.tag}", "fetch", {"filter": text}, {"a": asdict(star)})


def _select(name: str, star: Star, relation: str, area: str, label: str) -> Query:
    """Features of a star in a relation to a constant area."""
    head = PREFIXES + f"SELECT ?a ?aw {{ {star.patterns('a')}"
    text = head + f'FILTER(geof:{relation}(?aw, "{area}"^^geo:wktLiteral)) }}'
    return Query(name, label, "select", {"filter": text}, {"a": asdict(star), "relation": relation, "area": area})


def _join(name: str, a: Star, relation: str, b: Star) -> Query:
    """Pairs of features of two stars in a relation."""
    head = PREFIXES + f"SELECT ?a ?b {{ {a.patterns('a')}{b.patterns('b')}"
    text = head + f"FILTER(geof:{relation}(?aw, ?bw)) }}"
    label = f"{CLASSES[a.prefix]} [{a.tag}] {relation} {CLASSES[b.prefix]} [{b.tag}]"
    return Query(name, label, "join", {"filter": text}, {"a": asdict(a), "b": asdict(b), "relation": relation}, keys=2)


def _counted() -> Query:
    """Land ownerships per key of their tags."""
    text = PREFIXES + (
        "SELECT ?key (COUNT(?a) AS ?n) { ?a lo:hasTag ?t . ?t lo:hasKey ?key . ?a a lo:LandOwnership } GROUP BY ?key"
    )
    return Query("T3", "land counted by tag", "count", {"filter": text})


def _looked_up(n: int) -> Query:
    """One feature by its name."""
    feature = f"<{NAMESPACE}landOwnership/{max(n * n // 2, 1)}>"
    text = PREFIXES + f"SELECT ?g ?w {{ {feature} geo:hasGeometry ?g . ?g geo:asWKT ?w }}"
    return Query("L1", "one feature by name", "lookup", {"filter": text}, {"feature": feature})


def everything(n: int, divide: float = 1.0) -> list[Query]:
    """Stars, counting, look-up, and the 36 synthetic queries."""
    most = Grid(n).max_tag
    return [
        _fetch("T1", Star("lo", most)),
        _fetch("T2", Star("lo", 1)),
        _counted(),
        _looked_up(n),
        *synthetic(n, divide),
    ]


def synthetic(n: int, divide: float = 1.0) -> list[Query]:
    """The 36 synthetic queries: 24 selections and 12 joins.

    Args:
        n: Hexagons on an axis.
        divide: All coordinates are divided by this.

    Example:
        >>> queries = synthetic(12)
        >>> len(queries), queries[0].name, queries[-1].name
        (36, 'S01', 'J12')
    """
    most = Grid(n).max_tag
    found: list[Query] = []
    for prefix, relation, area in (("lo", "sfIntersects", window), ("poi", "sfWithin", strip)):
        for part in WINDOWS:
            for tag in (1, most):
                name, star = f"S{len(found) + 1:02d}", Star(prefix, tag)
                label = f"{CLASSES[prefix]} [{tag}] {relation} {part * 100:g} %"
                found.append(_select(name, star, relation, area(n, part, divide), label))
    pairs = (("lo", "sfIntersects", "st"), ("st", "sfTouches", "st"), ("poi", "sfWithin", "st"))
    joins = [
        (Star(a, tag_a), relation, Star(b, tag_b))
        for a, relation, b in pairs
        for tag_a in (1, most)
        for tag_b in (1, most)
    ]
    return found + [_join(f"J{i:02d}", *parts) for i, parts in enumerate(joins, start=1)]
