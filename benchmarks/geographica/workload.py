# SPDX-License-Identifier: Apache-2.0
"""Queries as data: what is asked, and the texts in which each kind of engine is asked it.

A :class:`Query` knows its plan in general words (a star, a selection by a window, a join), from which plans by hand
and SQL are made, and its SPARQL texts: with ``geof:`` filters as the standard has it, with the property functions that
Jena's index needs, and with Virtuoso's own function.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.geographica.generator import NAMESPACE, Grid, strip, window

__all__ = ["SHORT", "Query", "Star", "everything", "fetch", "join", "select", "synthetic"]

PREFIXES = f"""PREFIX geo: <http://www.opengis.net/ont/geosparql#>
PREFIX geof: <http://www.opengis.net/def/function/geosparql/>
PREFIX uom: <http://www.opengis.net/def/uom/OGC/1.0/>
PREFIX lo: <{NAMESPACE}landOwnership/>
PREFIX st: <{NAMESPACE}state/>
PREFIX poi: <{NAMESPACE}pointOfInterest/>
"""
SHORT = {"lo": "land", "st": "state", "poi": "point of interest"}
WINDOWS = (1.0, 0.75, 0.5, 0.25, 0.1, 0.001)
VIRTUOSO = {"sfIntersects": "st_intersects", "sfWithin": "st_intersects", "sfTouches": "st_touches"}
KNOWN = {"sfIntersects": "st_intersects", "sfWithin": "st_within", "sfTouches": "st_touches"}


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

    def sql(self, name: str) -> str:
        """The same over one table per predicate (``s``, ``o``)."""
        return (
            f"SELECT h.s AS {name}, w.o AS {name}w FROM {self.prefix}_key k JOIN {self.prefix}_tag t ON t.o = k.s "
            f"JOIN has_geometry h ON h.s = t.s JOIN as_wkt w ON w.s = h.o WHERE k.o = '{self.tag}'"
        )


@dataclass(frozen=True)
class Query:
    """A query in all its texts.

    Attributes:
        name: Short and unique.
        label: What is asked, in words.
        kind: ``fetch``, ``count``, ``select``, ``join`` or ``text`` (SPARQL only).
        texts: By dialect: ``filter``, ``property`` (Jena's index), ``bif`` (Virtuoso), ``sql``.
        plan: What hand-written plans need.
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


def fetch(name: str, star: Star) -> Query:
    """All features of a star, with geometry."""
    text = PREFIXES + f"SELECT ?a ?aw {{ {star.patterns('a')}}}"
    sql = f"SELECT a, aw FROM ({star.sql('a')}) q"
    texts = {"filter": text, "property": text, "bif": text, "sql": sql}
    return Query(name, f"{SHORT[star.prefix]} of tag {star.tag}", "fetch", texts, {"a": asdict(star)})


def select(name: str, star: Star, relation: str, area: str, label: str) -> Query:
    """Features of a star in a relation to a constant area."""
    literal = f'"{area}"^^geo:wktLiteral'
    head = PREFIXES + f"SELECT ?a ?aw {{ {star.patterns('a')}"
    texts = {
        "filter": head + f"FILTER(geof:{relation}(?aw, {literal})) }}",
        "property": head + f"?ag geo:{relation} {literal} }}",
        "sql": f"SELECT a, aw FROM ({star.sql('a')}) q JOIN shapes g ON g.id = aw "
        f"WHERE {KNOWN[relation]}(g.geom, ST_GeomFromText('{area}'))",
        "bif": head + f'FILTER(bif:{VIRTUOSO[relation]}(?aw, bif:st_geomfromtext("{area}"))) }}',
    }
    plan = {"a": asdict(star), "relation": relation, "area": area}
    return Query(name, label, "select", texts, plan)


def join(name: str, a: Star, relation: str, b: Star) -> Query:
    """Pairs of features of two stars in a relation."""
    head = PREFIXES + f"SELECT ?a ?b {{ {a.patterns('a')}{b.patterns('b')}"
    texts = {
        "filter": head + f"FILTER(geof:{relation}(?aw, ?bw)) }}",
        "property": head + f"?ag geo:{relation} ?bg }}",
        "sql": f"SELECT a, b FROM (SELECT a, geom FROM ({a.sql('a')}) p JOIN shapes ON id = aw) l "
        f"JOIN (SELECT b, geom FROM ({b.sql('b')}) q JOIN shapes ON id = bw) r "
        f"ON {KNOWN[relation]}(l.geom, r.geom)",
        "bif": head + f"FILTER(bif:{VIRTUOSO[relation]}(?aw, ?bw)) }}",
    }
    label = f"{SHORT[a.prefix]} [{a.tag}] {relation} {SHORT[b.prefix]} [{b.tag}]"
    return Query(name, label, "join", texts, {"a": asdict(a), "b": asdict(b), "relation": relation}, keys=2)


def counted() -> Query:
    """Land ownerships per key of their tags."""
    text = PREFIXES + (
        "SELECT ?key (COUNT(?a) AS ?n) { ?a lo:hasTag ?t . ?t lo:hasKey ?key . ?a a lo:LandOwnership } GROUP BY ?key"
    )
    sql = (
        "SELECT k.o AS key, count(*) AS n FROM lo_tag t JOIN lo_key k ON k.s = t.o JOIN lo_type c ON c.s = t.s "
        "GROUP BY k.o"
    )
    return Query("T3", "land counted by tag", "count", {"filter": text, "property": text, "bif": text, "sql": sql})


def looked_up(n: int) -> Query:
    """One feature by its name."""
    feature = f"<{NAMESPACE}landOwnership/{n * n // 2}>"
    text = PREFIXES + f"SELECT ?g ?w {{ {feature} geo:hasGeometry ?g . ?g geo:asWKT ?w }}"
    sql = (
        f"SELECT h.o, w.o FROM terms t JOIN has_geometry h ON h.s = t.id JOIN as_wkt w ON w.s = h.o "
        f"WHERE t.text = '{feature}'"
    )
    return Query("L1", "one feature by name", "lookup", {"filter": text, "property": text, "bif": text, "sql": sql},
                 {"feature": feature})  # fmt: skip


def everything(n: int, divide: float = 1.0) -> list[Query]:
    """Stars, counting, look-up, and the 36 synthetic queries."""
    most = Grid(n).max_tag
    return [
        fetch("T1", Star("lo", most)),
        fetch("T2", Star("lo", 1)),
        counted(),
        looked_up(n),
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
                label = f"{SHORT[prefix]} [{tag}] {relation} {part * 100:g} %"
                found.append(select(name, star, relation, area(n, part, divide), label))
    pairs = (("lo", "sfIntersects", "st"), ("st", "sfTouches", "st"), ("poi", "sfWithin", "st"))
    joins = [
        (Star(a, tag_a), relation, Star(b, tag_b))
        for a, relation, b in pairs
        for tag_a in (1, most)
        for tag_b in (1, most)
    ]
    return found + [join(f"J{i:02d}", *parts) for i, parts in enumerate(joins, start=1)]
