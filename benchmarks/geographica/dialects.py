# SPDX-License-Identifier: Apache-2.0
"""The synthetic queries in the other forms that engines need.

``property``: the property functions without which Jena does not use its index; ``bif``: Virtuoso's own functions;
``sql``: over one table per predicate (``s``, ``o``), with ``shapes`` (id, geom) for spatial SQL.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from semcube.bench.workload import Query

__all__ = ["star_sql", "with_dialects"]

VIRTUOSO = {"sfIntersects": "st_intersects", "sfWithin": "st_intersects"}
"""Of the topological relations this version has only the first; a point intersects what it is within, or its border."""
SQL = {"sfIntersects": "st_intersects", "sfWithin": "st_within", "sfTouches": "st_touches"}


def star_sql(star: dict[str, Any], name: str) -> str:
    """Features of a star with their geometry literals."""
    prefix = star["prefix"]
    return (
        f"SELECT h.s AS {name}, w.o AS {name}w FROM {prefix}_key k JOIN {prefix}_tag t ON t.o = k.s "
        f"JOIN has_geometry h ON h.s = t.s JOIN as_wkt w ON w.s = h.o WHERE k.o = '{star['tag']}'"
    )


def _sql(query: Query) -> str:
    plan = query.plan
    match query.kind:
        case "fetch":
            return f"SELECT a, aw FROM ({star_sql(plan['a'], 'a')}) q"
        case "count":
            return (
                "SELECT k.o AS key, count(*) AS n FROM lo_tag t JOIN lo_key k ON k.s = t.o "
                "JOIN lo_type c ON c.s = t.s GROUP BY k.o"
            )
        case "lookup":
            return (
                "SELECT h.o, w.o FROM terms t JOIN has_geometry h ON h.s = t.id JOIN as_wkt w ON w.s = h.o "
                f"WHERE t.text = '{plan['feature']}'"
            )
        case "select":
            return (
                f"SELECT a, aw FROM ({star_sql(plan['a'], 'a')}) q JOIN shapes g ON g.id = aw "
                f"WHERE {SQL[plan['relation']]}(g.geom, ST_GeomFromText('{plan['area']}'))"
            )
        case "join":
            left, right = (
                f"(SELECT {v}, geom FROM ({star_sql(plan[v], v)}) {v}_star JOIN shapes ON id = {v}w)" for v in "ab"
            )
            return f"SELECT a, b FROM {left} l JOIN {right} r ON {SQL[plan['relation']]}(l.geom, r.geom)"
    raise LookupError(f"no SQL for {query.kind}")


def _spatial(query: Query, condition: str) -> str:
    """The query's SPARQL with another condition in the place of its filter."""
    text = query.texts["filter"]
    return text[: text.index("FILTER(")] + condition + " }"


def _property(query: Query) -> str:
    if query.kind not in {"select", "join"}:
        return query.texts["filter"]
    relation, area = query.plan["relation"], query.plan.get("area")
    other = "?bg" if area is None else f'"{area}"^^geo:wktLiteral'
    return _spatial(query, f"?ag geo:{relation} {other}")


def _bif(query: Query) -> str | None:
    if query.kind not in {"select", "join"}:
        return query.texts["filter"]
    relation, area = VIRTUOSO.get(query.plan["relation"]), query.plan.get("area")
    if relation is None:
        return None
    other = "?bw" if area is None else f'bif:st_geomfromtext("{area}")'
    return _spatial(query, f"FILTER(bif:{relation}(?aw, {other}))")


def with_dialects(query: Query) -> Query:
    """A query with its texts in all dialects; one that an engine cannot be asked lacks that text."""
    texts = {**query.texts, "property": _property(query), "sql": _sql(query)}
    bif = _bif(query)
    return replace(query, texts=texts if bif is None else {**texts, "bif": bif})
